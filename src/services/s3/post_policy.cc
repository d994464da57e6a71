#include "s3/post_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/json_value.h"
#include "codec/time.h"

namespace boreal::s3 {

using aws::Outcome;

namespace {

std::unexpected<aws::ApiError> invalid(std::string why) {
  return aws::refuse({"InvalidPolicyDocument", 400, "Invalid Policy: " + std::move(why)});
}

std::unexpected<aws::ApiError> unfit(std::string why) {
  return aws::refuse({"AccessDenied", 403, "Invalid according to Policy: " + std::move(why)});
}

// What a form may say without the policy's leave: the policy itself and what it is signed with.
bool needs_no_condition(std::string_view name) {
  for (const std::string_view known : {"policy", "signature", "x-amz-signature", "awsaccesskeyid", "file"}) {
    if (name == known) return true;
  }
  return name.starts_with("x-ignore-");
}

std::optional<std::string> text_of(const json::Value& value) {
  if (value.string()) return *value.string();
  if (value.number_text()) return *value.number_text();
  return std::nullopt;
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

// Policies have two escapes that JSON has not: of a dollar sign and of a vertical tab.
// Source: S3 API Reference, "POST Policy", "Character Escaping".
std::string in_json(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char next = text[at] == '\\' && at + 1 < text.size() ? text[at + 1] : '\0';
    if (next == '$') {
      out += '$';
    } else if (next == 'v') {
      out += "\\u000b";
    } else {
      out += text[at];
      if (next != '\0') out += next;
    }
    if (next != '\0') ++at;
  }
  return out;
}

// A list of types, of which each must fit by itself.
bool all_start_with(const std::string& list, const std::string& prefix) {
  const auto items = split(list, ',');
  return std::ranges::all_of(items, [&](std::string_view item) { return trim(item).starts_with(prefix); });
}

}  // namespace

Outcome<PostPolicy> PostPolicy::parse(std::string_view document) {
  const auto text = codec::base64_decode(document);
  if (!text) return invalid("Invalid Base64 Encoding.");
  const auto json = json::parse(in_json(*text), json::Duplicates::refuse);
  if (!json || json->object() == nullptr) return invalid("Invalid JSON.");
  PostPolicy policy;
  const json::Value* expiration = json->find("expiration");
  if (expiration == nullptr) return invalid("Policy missing expiration.");
  // In the long form, in UTC.
  const std::string* date = expiration->string();
  const bool is_long = date != nullptr && date->ends_with('Z') && date->find('T') == 10;
  const auto expires = is_long ? codec::parse_iso8601(*date) : fail(Errc::invalid, "another form");
  if (!expires) {
    return invalid(fmt::format("Invalid 'expiration' value: '{}'", text_of(*expiration).value_or("")));
  }
  policy.expires_ = *expires;
  const json::Value* conditions = json->find("conditions");
  if (conditions == nullptr) return invalid("Policy missing conditions.");
  if (conditions->array() == nullptr) return invalid("Invalid 'conditions' value: must be a List.");
  for (const json::Member& member : *json->object()) {
    if (member.name != "expiration" && member.name != "conditions")
      return invalid(fmt::format("Unexpected: '{}'", member.name));
  }
  for (const json::Value& condition : *conditions->array()) {
    if (condition.object()) {
      if (condition.object()->size() != 1)
        return invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
      const json::Member& member = condition.object()->front();
      const auto value = text_of(member.value);
      if (!value) return invalid(fmt::format("Invalid Simple-Condition: value of '{}' must be a string.", member.name));
      CHECK(policy.add("eq", "$" + member.name, *value));
      continue;
    }
    if (condition.array() == nullptr) return invalid("Invalid condition test: must be a List or Object.");
    std::vector<std::string> parts;
    for (const json::Value& part : *condition.array()) {
      auto value = text_of(part);
      if (!value) return invalid("Invalid condition: its parts must be strings or numbers.");
      parts.push_back(std::move(*value));
    }
    CHECK(policy.add_array(parts));
  }
  return policy;
}

Outcome<void> PostPolicy::add_array(const std::vector<std::string>& parts) {
  if (parts.empty()) return invalid("Invalid Condition: missing operation identifier.");
  const std::string operation = to_lower(parts[0]);
  if (operation != "eq" && operation != "starts-with" && operation != "content-length-range")
    return invalid(fmt::format("Invalid Condition: unknown operation '{}'.", parts[0]));
  if (parts.size() != 3)
    return invalid(fmt::format("Invalid {}: wrong number of arguments.", operation == "eq" ? "Eq" : parts[0]));
  if (operation == "content-length-range") {
    const auto min = parse_uint(parts[1]);
    const auto max = parse_uint(parts[2]);
    if (!is_number(parts[1]) || !is_number(parts[2])) return add("content-length-range", parts[1], parts[2]);
    if (!min || !max || *min > *max)
      return invalid("Invalid content-length-range: it must be two numbers, the smaller first.");
    limits_ = {std::max(limits_.min, *min), std::min(limits_.max, *max)};  // of several, each must hold
    return {};
  }
  if (operation == "starts-with" && !parts[1].starts_with('$'))
    return invalid(fmt::format("Invalid condition: '{}' must begin with '$'.", parts[1]));
  return add(operation, parts[1], parts[2]);
}

// What names no field, for want of its $, never fits.
Outcome<void> PostPolicy::add(const std::string& operation, const std::string& place, std::string value) {
  std::string text = fmt::format(R"(["{}", "{}", "{}"])", operation, place, value);
  std::string field = place.starts_with('$') ? to_lower(place.substr(1)) : std::string();
  conditions_.push_back({std::move(field), std::move(value), operation == "starts-with", std::move(text)});
  return {};
}

Outcome<void> PostPolicy::check(const Form& form, const std::string& bucket, Time now) const {
  if (now >= expires_) return unfit("Policy expired.");
  for (const Condition& condition : conditions_) {
    const std::string* value = condition.field == "bucket" ? &bucket : form.find(condition.field);
    bool fits = value != nullptr && !condition.field.empty();
    if (fits && condition.is_prefix) {
      fits = condition.field == "content-type" ? all_start_with(*value, condition.value)
                                               : value->starts_with(condition.value);
    } else if (fits) {
      fits = *value == condition.value;
    }
    if (!fits) return unfit("Policy Condition failed: " + condition.text);
  }
  const auto is_named = [&](const std::string& name) {
    return std::ranges::any_of(conditions_, [&](const Condition& condition) { return condition.field == name; });
  };
  for (const FormField& field : form.fields) {
    const std::string name = to_lower(field.name);
    if (!needs_no_condition(name) && !is_named(name)) return unfit("Extra input fields: " + name);
  }
  // The address stands for a field too.
  if (!is_named("bucket")) return unfit("Extra input fields: bucket");
  return {};
}

}  // namespace boreal::s3
