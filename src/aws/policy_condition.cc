// Condition operators.
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "… Single-valued vs. multivalued context
// keys".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "aws/policy_statement.h"
#include "codec/base64.h"
#include "codec/time.h"
#include "http/message.h"

namespace boreal::aws::policy {
namespace {

struct Name {
  std::string_view name;
  Operator op;
  bool negated;
};
constexpr Name names[] = {
    {"StringEquals", Operator::string_equals, false},
    {"StringNotEquals", Operator::string_equals, true},
    {"StringEqualsIgnoreCase", Operator::string_equals_ignore_case, false},
    {"StringNotEqualsIgnoreCase", Operator::string_equals_ignore_case, true},
    {"StringLike", Operator::string_like, false},
    {"StringNotLike", Operator::string_like, true},
    {"NumericEquals", Operator::numeric_equals, false},
    {"NumericNotEquals", Operator::numeric_equals, true},
    {"NumericLessThan", Operator::numeric_less, false},
    {"NumericLessThanEquals", Operator::numeric_less_equals, false},
    {"NumericGreaterThan", Operator::numeric_greater, false},
    {"NumericGreaterThanEquals", Operator::numeric_greater_equals, false},
    {"DateEquals", Operator::date_equals, false},
    {"DateNotEquals", Operator::date_equals, true},
    {"DateLessThan", Operator::date_less, false},
    {"DateLessThanEquals", Operator::date_less_equals, false},
    {"DateGreaterThan", Operator::date_greater, false},
    {"DateGreaterThanEquals", Operator::date_greater_equals, false},
    {"Bool", Operator::boolean, false},
    {"BinaryEquals", Operator::binary_equals, false},
    {"IpAddress", Operator::ip_address, false},
    {"NotIpAddress", Operator::ip_address, true},
    {"ArnEquals", Operator::arn_like, false},  // the same as ArnLike, wildcards included
    {"ArnLike", Operator::arn_like, false},
    {"ArnNotEquals", Operator::arn_like, true},
    {"ArnNotLike", Operator::arn_like, true},
    {"Null", Operator::null, false},
};

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return {};
  return number;
}

// ISO 8601, or seconds since 1970.
std::optional<Time> parse_date(std::string_view text) {
  if (const auto time = codec::parse_iso8601(text)) return *time;
  if (const auto time = codec::parse_epoch_seconds(text)) return *time;
  return {};
}

std::optional<bool> parse_bool(std::string_view text) {
  if (http::equals_ignore_case(text, "true")) return true;
  if (http::equals_ignore_case(text, "false")) return false;
  return {};
}

// Whether any of the condition's values, all of type T, compares well.
template <class T, class Compare>
bool any_value(const Condition& condition, Compare compare) {
  return std::ranges::any_of(condition.values, [&](const auto& value) { return compare(std::get<T>(value)); });
}

template <class T>
bool compare_any(const Condition& condition, const T& subject) {
  return any_value<T>(condition, [&](const T& value) {
    switch (condition.op) {
      case Operator::numeric_less:
      case Operator::date_less: return subject < value;
      case Operator::numeric_less_equals:
      case Operator::date_less_equals: return subject <= value;
      case Operator::numeric_greater:
      case Operator::date_greater: return subject > value;
      case Operator::numeric_greater_equals:
      case Operator::date_greater_equals: return subject >= value;
      default: return subject == value;
    }
  });
}

// nullopt: the subject is not of the operator's kind.
std::optional<bool> fits(const Condition& condition, std::string_view subject, const Context& context) {
  switch (condition.op) {
    case Operator::string_equals:
    case Operator::string_like:
      return any_value<Text>(condition, [&](const Text& value) { return value.matches(subject, context); });
    case Operator::string_equals_ignore_case:
      return any_value<Text>(condition,
                             [&](const Text& value) { return value.matches_ignoring_case(subject, context); });
    case Operator::numeric_equals:
    case Operator::numeric_less:
    case Operator::numeric_less_equals:
    case Operator::numeric_greater:
    case Operator::numeric_greater_equals:
      return parse_number(subject).transform([&](double number) { return compare_any(condition, number); });
    case Operator::date_equals:
    case Operator::date_less:
    case Operator::date_less_equals:
    case Operator::date_greater:
    case Operator::date_greater_equals:
      return parse_date(subject).transform([&](Time time) { return compare_any(condition, time); });
    case Operator::boolean:
      return parse_bool(subject).transform([&](bool given) { return compare_any(condition, given); });
    case Operator::binary_equals: {
      const auto bytes = codec::base64_decode(subject);
      if (!bytes) return {};
      return compare_any(condition, *bytes);
    }
    case Operator::ip_address: {
      const auto address = Cidr::parse(subject);
      if (!address || address->prefix != 128) return {};
      return any_value<Cidr>(condition, [&](const Cidr& range) { return range.contains(*address); });
    }
    case Operator::arn_like:
      return any_value<ArnText>(condition,
                                [&](const ArnText& value) { return value.matches(ArnSubject(subject), context); });
    case Operator::null: break;  // asks for the key, not its values: Condition::holds()
  }
  return {};
}

template <class T>
Result<void> add_parsed(Condition& condition, std::optional<T> parsed, std::string_view value,
                        std::string_view wanted) {
  if (!parsed)
    return fail(Errc::invalid,
                fmt::format("Condition value '{}' of {} is not {}.", value.substr(0, 128), condition.key, wanted));
  condition.values.emplace_back(std::move(*parsed));
  return {};
}

}  // namespace

bool Condition::single_holds(std::string_view subject, const Context& context) const {
  const auto fit = fits(*this, subject, context);
  return fit && *fit != negated;
}

bool Condition::resolves(const Context& context) const {
  return std::ranges::all_of(values, [&](const auto& value) {
    if (const auto* text = std::get_if<Text>(&value)) return text->resolves(context);
    const auto* arn = std::get_if<ArnText>(&value);
    return arn == nullptr || arn->resolves(context);
  });
}

bool Condition::holds(const Context& context, bool allow) const {
  const auto [begin, end] = context.equal_range(key);
  const bool present = begin != end;
  // A variable without a value makes a statement invalid: all would differ from it, and all be allowed.
  // Source: IAM User Guide, "IAM policy elements: Variables and tags", Note.
  if (allow && negated && !if_exists && !resolves(context)) return false;
  if (op == Operator::null) return any_value<bool>(*this, [&](bool absent) { return absent != present; });
  // ForAnyValue asks for a value that fits: without any it is false, IfExists or not, as AWS was seen to answer.
  if (!present) return set == Set::for_all_values || (set == Set::none && (if_exists || negated));
  // What is no number, date or address at all is unlike each: nobody escapes a Deny by writing one badly, and nothing
  // is allowed by it.
  const auto is_unreadable = [&](std::string_view subject) { return !fits(*this, subject, context); };
  const auto one = [&](const auto& entry) {
    return single_holds(entry.second, context) || (!allow && negated && is_unreadable(entry.second));
  };
  const bool all = set == Set::for_all_values || (set == Set::none && allow);
  return all ? std::all_of(begin, end, one) : std::any_of(begin, end, one);
}

std::optional<Condition> parse_operator(std::string_view name) {
  Condition condition;
  if (name.starts_with("ForAllValues:")) {
    condition.set = Condition::Set::for_all_values;
  } else if (name.starts_with("ForAnyValue:")) {
    condition.set = Condition::Set::for_any_value;
  }
  if (condition.set != Condition::Set::none) name.remove_prefix(name.find(':') + 1);
  constexpr std::string_view suffix = "IfExists";
  if (name.ends_with(suffix)) {
    condition.if_exists = true;
    name.remove_suffix(suffix.size());
  }
  const auto found = std::ranges::find_if(names, [&](const Name& row) { return row.name == name; });
  if (found == std::end(names)) return {};
  // "Null" asks whether the key exists: neither IfExists nor a set makes sense of it.
  if (found->op == Operator::null && (condition.if_exists || condition.set != Condition::Set::none)) return {};
  condition.op = found->op;
  condition.negated = found->negated;
  return condition;
}

Result<void> add_value(Condition& condition, std::string_view value, bool variables) {
  switch (condition.op) {
    case Operator::string_equals:
    case Operator::string_equals_ignore_case:
    case Operator::string_like:
      condition.values.emplace_back(Text::parse(value, variables, condition.op == Operator::string_like));
      return {};
    case Operator::numeric_equals:
    case Operator::numeric_less:
    case Operator::numeric_less_equals:
    case Operator::numeric_greater:
    case Operator::numeric_greater_equals: return add_parsed(condition, parse_number(value), value, "a number");
    case Operator::date_equals:
    case Operator::date_less:
    case Operator::date_less_equals:
    case Operator::date_greater:
    case Operator::date_greater_equals: return add_parsed(condition, parse_date(value), value, "a date");
    case Operator::boolean:
    case Operator::null: return add_parsed(condition, parse_bool(value), value, "true or false");
    case Operator::binary_equals: {
      auto bytes = codec::base64_decode(value);
      return add_parsed(condition, bytes ? std::optional(std::move(*bytes)) : std::nullopt, value, "base64");
    }
    case Operator::ip_address: return add_parsed(condition, Cidr::parse(value), value, "an IP address or range");
    case Operator::arn_like: condition.values.emplace_back(ArnText::parse(value, variables, false)); return {};
  }
  return {};
}

}  // namespace boreal::aws::policy
