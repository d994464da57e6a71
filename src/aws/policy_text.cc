// Texts, ARNs and addresses of policies.
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "aws/policy_statement.h"

namespace boreal::aws {

bool LessIgnoringCase::operator()(std::string_view a, std::string_view b) const {
  const auto lower = [](char c) { return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
  return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

namespace policy {
namespace {

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// ::ffff:a.b.c.d
bool is_mapped(const std::array<uint8_t, 16>& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](uint8_t byte) { return byte == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

void add(Glob& glob, std::string_view text, bool wild) {
  if (wild) {
    glob.add_pattern(text);
  } else {
    glob.add_literal(text);
  }
}

}  // namespace

Text Text::parse(std::string_view text, bool variables, bool wild) {
  Text result;
  const auto last = [&]() -> Glob& {
    return result.variables_.empty() ? result.fixed_ : result.variables_.back().after;
  };
  while (variables) {
    const size_t open = text.find("${");
    const size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    add(last(), text.substr(0, open), wild);
    const auto inside = text.substr(open + 2, close - open - 2);
    text.remove_prefix(close + 1);
    if (inside == "*" || inside == "?" || inside == "$") {
      last().add_literal(inside);
      continue;
    }
    Variable variable;
    const size_t comma = inside.find(',');
    variable.key = trim(inside.substr(0, comma));
    if (comma != std::string_view::npos) {
      auto fallback = trim(inside.substr(comma + 1));
      if (fallback.size() >= 2 && fallback.front() == '\'' && fallback.back() == '\'')
        fallback = fallback.substr(1, fallback.size() - 2);
      variable.fallback = fallback;
    }
    result.variables_.push_back(std::move(variable));
  }
  add(last(), text, wild);
  return result;
}

std::optional<Glob> Text::expand(const Context& context) const {
  Glob glob = fixed_;
  for (const auto& variable : variables_) {
    const auto [begin, end] = context.equal_range(variable.key);
    if (begin != end) {
      if (std::next(begin) != end) return {};
      glob.add_literal(begin->second);
    } else if (variable.fallback) {
      glob.add_literal(*variable.fallback);
    } else {
      return {};
    }
    glob.add(variable.after);
  }
  return glob;
}

bool Text::matches(std::string_view subject, const Context& context) const {
  if (variables_.empty()) return fixed_.matches(subject);
  const auto glob = expand(context);
  return glob && glob->matches(subject);
}

bool Text::matches_ignoring_case(std::string_view subject, const Context& context) const {
  if (variables_.empty()) return fixed_.matches_ignoring_case(subject);
  const auto glob = expand(context);
  return glob && glob->matches_ignoring_case(subject);
}

void ArnText::add_part(std::string_view text, bool variables, bool spans) {
  parts_.push_back(Text::parse(text, variables, true));
  spans_.push_back(spans && text.ends_with('*'));
  any_spans_ = any_spans_ || spans_.back();
}

ArnText ArnText::parse(std::string_view text, bool variables, bool spans) {
  ArnText result;
  result.everything_ = text == "*";
  // Split before variables have values, so that a value cannot move the colons; those inside ${…} are no separators.
  size_t begin = 0;
  for (size_t at = 0; at < text.size() && result.parts_.size() < 5; ++at) {
    if (variables && text.substr(at).starts_with("${")) at = std::min(text.find('}', at), text.size() - 1);
    if (text[at] != ':') continue;
    result.add_part(text.substr(begin, at - begin), variables, spans);
    begin = at + 1;
  }
  result.open_ended_ = result.parts_.size() < 5 && text.ends_with('*');
  const auto last = text.substr(begin);
  result.parts_.push_back(Text::parse(last, variables, true));
  if (result.any_spans_) result.last_after_run_ = Text::parse("*:" + std::string(last), variables, true);
  return result;
}

bool ArnText::has_variables() const { return std::ranges::any_of(parts_, &Text::has_variables); }

bool ArnText::resolves(const Context& context) const {
  return std::ranges::all_of(parts_, [&](const Text& part) { return part.resolves(context); });
}

bool ArnText::matches(const ArnSubject& subject, const Context& context) const {
  if (everything_) return true;
  if (!subject.parts || (parts_.size() < 6 && !open_ended_)) return false;
  if (any_spans_) return matches_spanning(subject.whole, context);
  for (size_t i = 0; i + 1 < parts_.size(); ++i) {
    if (!parts_[i].matches((*subject.parts)[i], context)) return false;
  }
  // The last part takes all that is left: the resource, or more when the pattern ended early.
  const auto rest =
      subject.whole.substr(static_cast<size_t>((*subject.parts)[parts_.size() - 1].data() - subject.whole.data()));
  return parts_.back().matches(rest, context);
}

// All places that each part may begin at are followed side by side, so no pattern takes long.
bool ArnText::matches_spanning(std::string_view subject, const Context& context) const {
  std::vector<size_t> places{0};
  for (size_t i = 0; i + 1 < parts_.size(); ++i) {
    std::vector<size_t> next;
    for (const size_t place : places) {
      size_t colon = subject.find(':', place);
      if (colon == std::string_view::npos || !parts_[i].matches(subject.substr(place, colon - place), context))
        continue;
      next.push_back(colon + 1);
      if (!spans_[i]) continue;
      // From here on it may be any place, and what the later ones bring is among them.
      if (i + 2 == parts_.size()) break;
      while ((colon = subject.find(':', colon + 1)) != std::string_view::npos) next.push_back(colon + 1);
      break;
    }
    places = std::move(next);
  }
  return std::ranges::any_of(places, [&](size_t place) {
    const auto rest = subject.substr(place);
    return parts_.back().matches(rest, context) || (spans_.back() && last_after_run_.matches(rest, context));
  });
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (address.contains('\0')) return {};  // inet_pton() would read to it only
  Cidr cidr;
  int max_prefix = 128;
  if (inet_pton(AF_INET, address.c_str(), &cidr.address[12]) == 1) {
    cidr.address[10] = cidr.address[11] = 0xff;
    max_prefix = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), cidr.address.data()) != 1) {
    return {};
  }
  int prefix = max_prefix;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix < 0 || prefix > max_prefix) return {};
  }
  cidr.prefix = prefix + 128 - max_prefix;
  return cidr;
}

bool Cidr::contains(const Cidr& single) const {
  // IPv4 lies inside of IPv6 as it is kept here, but a range of IPv6 that is wide enough to hold it does not mean it.
  constexpr int mapped_prefix = 96;
  if (prefix < mapped_prefix && is_mapped(single.address)) return false;
  const auto whole = static_cast<size_t>(prefix / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), single.address.begin()))
    return false;
  const int bits = prefix % 8;
  return bits == 0 || ((address[whole] ^ single.address[whole]) >> (8 - bits)) == 0;
}

}  // namespace policy
}  // namespace boreal::aws
