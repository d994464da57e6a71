#include "aws/arn.h"

#include <algorithm>

#include "codec/utf8.h"

namespace boreal::aws {
namespace {

constexpr char16_t lower(char16_t c) { return c >= u'A' && c <= u'Z' ? c + (u'a' - u'A') : c; }
constexpr char16_t same(char16_t c) { return c; }

// Where the character at `at` ends; of what is no UTF-8 each byte is one.
size_t behind_character(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) return at + 1;
  return at + std::max<size_t>(codec::utf8_length(text, at), 1);
}

}  // namespace

std::string Arn::to_string() const {
  std::string text = "arn:";
  for (const auto* part : {&partition, &service, &region, &account}) text.append(*part).push_back(':');
  return text += resource;
}

std::optional<Arn> Arn::parse(std::string_view text) {
  const auto parts = split_arn(text);
  if (!parts || (*parts)[0] != "arn" || (*parts)[1].empty() || (*parts)[2].empty() || (*parts)[5].empty()) return {};
  const auto part = [&](size_t i) { return std::string((*parts)[i]); };
  return Arn{part(1), part(2), part(3), part(4), part(5)};
}

std::optional<std::array<std::string_view, 6>> split_arn(std::string_view text) {
  std::array<std::string_view, 6> parts;
  for (size_t i = 0; i < 5; ++i) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return {};
    parts[i] = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  parts[5] = text;
  return parts;
}

void Glob::add_pattern(std::string_view pattern) {
  for (const char c : pattern) {
    if (c == '*') {
      add_any_run();
    } else {
      symbols_ += c == '?' ? any_one : static_cast<char16_t>(static_cast<unsigned char>(c));
    }
  }
}

void Glob::add_literal(std::string_view text) {
  for (const char c : text) symbols_ += static_cast<char16_t>(static_cast<unsigned char>(c));
}

void Glob::add_any_run() {
  if (symbols_.empty() || symbols_.back() != any_run) symbols_ += any_run;  // two in a row are one
}

template <class Fold>
bool Glob::match(std::string_view text, Fold fold) const {
  constexpr size_t none = std::u16string::npos;
  size_t at = 0, symbol = 0;
  size_t run_symbol = none, run_at = 0;  // the last run met, and where in the text it ends for now
  while (at < text.size()) {
    const auto c = static_cast<char16_t>(static_cast<unsigned char>(text[at]));
    if (symbol < symbols_.size() && symbols_[symbol] == any_run) {
      run_symbol = symbol++;
      if (symbol == symbols_.size()) return true;
      run_at = at;
    } else if (symbol < symbols_.size() && symbols_[symbol] == any_one) {
      ++symbol;
      at = behind_character(text, at);
    } else if (symbol < symbols_.size() && fold(symbols_[symbol]) == fold(c)) {
      ++symbol;
      ++at;
    } else if (run_symbol != none) {
      // An earlier run need not be tried again: whatever it could take, the last one can take as well.
      symbol = run_symbol + 1;
      at = run_at = behind_character(text, run_at);
    } else {
      return false;
    }
  }
  while (symbol < symbols_.size() && symbols_[symbol] == any_run) ++symbol;
  return symbol == symbols_.size();
}

bool Glob::matches(std::string_view text) const { return match(text, same); }

bool Glob::matches_ignoring_case(std::string_view text) const { return match(text, lower); }

bool arn_matches(std::string_view pattern, std::string_view arn) {
  if (pattern == "*") return true;
  const auto wanted = split_arn(pattern);
  const auto given = split_arn(arn);
  if (wanted && given) {
    for (size_t i = 0; i < 6; ++i) {
      if (!Glob((*wanted)[i]).matches((*given)[i])) return false;
    }
    return true;
  }
  if (wanted || !pattern.ends_with('*')) return false;
  // Fewer than six parts: those before the last colon by themselves, the rest against all that follows.
  while (true) {
    const size_t colon = pattern.find(':');
    if (colon == std::string_view::npos) return Glob(pattern).matches(arn);
    const size_t arn_colon = arn.find(':');
    if (arn_colon == std::string_view::npos) return false;
    if (!Glob(pattern.substr(0, colon)).matches(arn.substr(0, arn_colon))) return false;
    pattern.remove_prefix(colon + 1);
    arn.remove_prefix(arn_colon + 1);
  }
}

}  // namespace boreal::aws
