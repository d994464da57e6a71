#include "s3/public_policy.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "aws/arn.h"
#include "aws/policy_statement.h"
#include "base/text.h"
#include "codec/json_value.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view if_exists = "ifexists";

// Of a string, or of each string of a list.
template <class Check>
bool all_are(const json::Value& value, Check check) {
  const auto is_one = [&](const json::Value& one) { return one.string() != nullptr && check(*one.string()); };
  return value.array() ? std::ranges::all_of(*value.array(), is_one) : is_one(value);
}

bool has_wildcards(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

// Whether those that may stand for more than one still tell who: an ARN whose account is told, whatever its name; the
// sessions of one role.
bool is_bound(std::string_view key, const std::string& pattern) {
  if (key == "aws:sourcearn" || key == "aws:principalarn" || key == "s3:dataaccesspointarn") {
    const auto arn = aws::Arn::parse(pattern);
    return arn && !arn->account.empty() && std::ranges::all_of(arn->account, is_digit);
  }
  if (key != "aws:userid") return false;
  const size_t colon = pattern.find(':');
  return colon != std::string::npos && colon != 0 && !has_wildcards(pattern.substr(0, colon));
}

// An address range so wide that it is no bound: AWS draws the line at /8 (IPv4) and /32 (IPv6).
bool is_narrow_address(const std::string& text) {
  const auto range = aws::policy::Cidr::parse(text);
  if (!range) return false;
  // Addresses of IPv4 may be written as such of IPv6, too.
  const auto all_of_ipv4 = aws::policy::Cidr::parse("0.0.0.0/0");
  const bool is_ipv4 = range->prefix >= all_of_ipv4->prefix && all_of_ipv4->contains({range->address});
  return range->prefix >= (is_ipv4 ? all_of_ipv4->prefix + 8 : 32);
}

bool everybody(const json::Value* principal) {
  if (principal == nullptr) return true;  // NotPrincipal
  const auto is_star = [](const json::Value& value) { return value.string() && *value.string() == "*"; };
  if (is_star(*principal)) return true;
  if (principal->object() == nullptr) return false;
  return std::ranges::any_of(*principal->object(), [&](const json::Member& member) {
    if (member.name == "Service" || member.name == "Federated") return false;
    return member.value.array() ? std::ranges::any_of(*member.value.array(), is_star) : is_star(member.value);
  });
}

// {"Null": {key: "false"}}: the request must say something of it.
bool must_be_told(const json::Value::Object& conditions, std::string_view key) {
  const auto is_false = [](const json::Value& value) {
    if (value.boolean()) return !*value.boolean();
    return all_are(value, [](const std::string& text) { return equal_ignoring_case(text, "false"); });
  };
  return std::ranges::any_of(conditions, [&](const json::Member& operation) {
    if (!equal_ignoring_case(operation.name, "Null") || operation.value.object() == nullptr) return false;
    return std::ranges::any_of(*operation.value.object(), [&](const json::Member& condition) {
      return equal_ignoring_case(condition.name, key) && is_false(condition.value);
    });
  });
}

// A condition on one of these tells who or from where: then not everybody is meant. AWS takes it from aws:SourceOrgID,
// which its guide does not name, and not from aws:SourceOwner, which it names.
bool tells_who(std::string_view operation, std::string_view key, const json::Value& value) {
  constexpr std::array known_operations{"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike",
                                        "ipaddress"};
  constexpr std::array known_keys{"aws:sourcearn",         "aws:sourcevpc",
                                  "aws:sourcevpce",        "aws:sourceaccount",
                                  "aws:sourceorgid",       "aws:userid",
                                  "aws:principalorgid",    "aws:principalarn",
                                  "aws:principalaccount",  "s3:x-amz-server-side-encryption-aws-kms-key-id",
                                  "s3:dataaccesspointarn", "s3:dataaccesspointaccount"};
  if (std::ranges::find(known_operations, operation) == known_operations.end()) return false;
  if (key == "aws:sourceip") return all_are(value, is_narrow_address);
  if (std::ranges::find(known_keys, key) == known_keys.end()) return false;
  const bool is_literal = operation.starts_with("stringequals");
  return all_are(value, [&](const std::string& text) {
    if (text.find("${") != std::string::npos) return false;
    return is_literal || !has_wildcards(text) || is_bound(key, text);
  });
}

// Null compares no value; ForAllValues and …IfExists hold where there is none, unless it must be told; an account's
// number is a number and a time, too, and above or below a bound is everybody.
bool is_bounding(const json::Value::Object& conditions, std::string_view operation, const json::Member& condition) {
  constexpr std::string_view any = "foranyvalue:";
  constexpr std::string_view all = "forallvalues:";
  const std::string key = to_lower(condition.name);
  const std::string lower = to_lower(operation);
  std::string_view op = lower;
  bool holds_of_nothing = false;
  if (op.starts_with(any)) op.remove_prefix(any.size());
  if (op.starts_with(all)) {
    op.remove_prefix(all.size());
    holds_of_nothing = true;
  }
  if (op.ends_with(if_exists)) {
    op.remove_suffix(if_exists.size());
    holds_of_nothing = true;
  }
  return tells_who(op, key, condition.value) && (!holds_of_nothing || must_be_told(conditions, key));
}

bool is_public_statement(const json::Value& statement) {
  const json::Value* effect = statement.find("Effect");
  if (effect == nullptr || effect->string() == nullptr || *effect->string() != "Allow") return false;
  if (!everybody(statement.find("Principal"))) return false;
  const json::Value* conditions = statement.find("Condition");
  if (conditions == nullptr || conditions->object() == nullptr) return true;
  for (const auto& operation : *conditions->object()) {
    if (operation.value.object() == nullptr) continue;
    for (const auto& condition : *operation.value.object()) {
      if (is_bounding(*conditions->object(), operation.name, condition)) return false;
    }
  }
  return true;
}

// Whether each action or resource is among the denied. What a '?' of a pattern would stand for is not looked into.
bool is_among(const json::Value* allowed, const json::Value* denied) {
  if (allowed == nullptr || denied == nullptr) return false;  // NotAction, NotResource
  std::vector<aws::Glob> patterns;
  const auto add = [&](const json::Value& one) {
    const std::string* pattern = one.string();
    if (pattern != nullptr && pattern->find('?') == std::string::npos) patterns.emplace_back(*pattern);
  };
  if (denied->array()) {
    std::ranges::for_each(*denied->array(), add);
  } else {
    add(*denied);
  }
  return all_are(*allowed, [&](const std::string& text) {
    return std::ranges::any_of(patterns, [&](const aws::Glob& pattern) { return pattern.matches(text); });
  });
}

// What denies it to everybody, or to all but those that one condition tells, leaves nothing to the public.
bool takes_back(const json::Value& denial, const json::Value& grant) {
  const json::Value* effect = denial.find("Effect");
  if (effect == nullptr || effect->string() == nullptr || *effect->string() != "Deny") return false;
  const json::Value* principal = denial.find("Principal");
  if (principal == nullptr || !everybody(principal)) return false;
  if (!is_among(grant.find("Action"), denial.find("Action"))) return false;
  if (!is_among(grant.find("Resource"), denial.find("Resource"))) return false;
  const json::Value* conditions = denial.find("Condition");
  if (conditions == nullptr) return true;
  if (conditions->object() == nullptr || conditions->object()->size() != 1) return false;
  const auto& [operation, keys] = conditions->object()->front();
  if (keys.object() == nullptr || keys.object()->size() != 1) return false;
  std::string op = to_lower(operation);
  if (op.ends_with(if_exists)) op.resize(op.size() - if_exists.size());
  const size_t at = op.find("not");  // StringNotEquals, NotIpAddress
  if (at == std::string::npos) return false;
  op.erase(at, 3);
  return tells_who(op, to_lower(keys.object()->front().name), keys.object()->front().value);
}

}  // namespace

bool is_public_policy(const std::string& policy) {
  const auto document = json::parse(policy);
  if (!document) return true;
  const json::Value* statements = document->find("Statement");
  if (statements == nullptr) return false;
  if (statements->array() == nullptr) return is_public_statement(*statements);
  const json::Value::Array& all = *statements->array();
  return std::ranges::any_of(all, [&](const json::Value& statement) {
    return is_public_statement(statement) &&
           std::ranges::none_of(all, [&](const json::Value& other) { return takes_back(other, statement); });
  });
}

bool is_closed_to(const aws::Caller& caller, const Bucket& bucket) {
  return bucket.policy && caller.account() != bucket.account &&
         bucket.blocks(&api::PublicAccessBlockConfiguration::restrict_public_buckets) &&
         is_public_policy(*bucket.policy);
}

}  // namespace boreal::s3
