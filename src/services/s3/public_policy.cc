#include "s3/public_policy.h"

#include <algorithm>

#include "aws/arn.h"
#include "aws/policy_statement.h"
#include "base/text.h"
#include "codec/json_value.h"

namespace boreal::s3 {

namespace {

bool is_fixed(const json::Value& value) {
  const auto fixed = [](const json::Value& one) {
    const std::string* text = one.string();
    return text != nullptr && text->find_first_of("*?") == std::string::npos && text->find("${") == std::string::npos;
  };
  return value.array() ? std::ranges::all_of(*value.array(), fixed) : fixed(value);
}

// Whose access points are meant must be told, their names may be anything.
bool is_of_one_account(const json::Value& value) {
  const auto is_fixed_account = [](const json::Value& one) {
    const std::string* text = one.string();
    const auto arn = text != nullptr ? aws::Arn::parse(*text) : std::nullopt;
    return arn && !arn->account.empty() && std::ranges::all_of(arn->account, is_digit);
  };
  return value.array() ? std::ranges::all_of(*value.array(), is_fixed_account) : is_fixed_account(value);
}

// An address range so wide that it is no bound: AWS draws the line at /8 (IPv4) and /32 (IPv6).
bool is_narrow_address(const json::Value& value) {
  const auto narrow = [](const json::Value& one) {
    const std::string* text = one.string();
    const auto range = text != nullptr ? aws::policy::Cidr::parse(*text) : std::nullopt;
    if (!range) return false;
    // Addresses of IPv4 may be written as such of IPv6, too.
    const auto all_of_ipv4 = aws::policy::Cidr::parse("0.0.0.0/0");
    const bool is_ipv4 = range->prefix >= all_of_ipv4->prefix && all_of_ipv4->contains({range->address});
    return range->prefix >= (is_ipv4 ? all_of_ipv4->prefix + 8 : 32);
  };
  return value.array() ? std::ranges::all_of(*value.array(), narrow) : narrow(value);
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

// Null compares no value; ForAllValues and …IfExists hold where there is none; an account's number is a number and a
// time, too, and above or below a bound is everybody.
bool asks_for_one_of(std::string_view operation) {
  constexpr std::string_view any = "foranyvalue:";
  if (operation.starts_with(any)) operation.remove_prefix(any.size());
  for (const std::string_view known :
       {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}) {
    if (operation == known) return true;
  }
  return false;
}

// A condition on one of these, with fixed values, tells who or from where: then not everybody is meant.
bool is_bounding(std::string_view operation, const json::Member& condition) {
  const std::string key = to_lower(condition.name);
  const std::string op = to_lower(operation);
  if (!asks_for_one_of(op)) return false;
  if (key == "aws:sourceip") return is_fixed(condition.value) && is_narrow_address(condition.value);
  if (key == "s3:dataaccesspointarn") return is_of_one_account(condition.value);
  for (const std::string_view known :
       {"aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:userid",
        "aws:principalorgid", "aws:principalarn", "aws:principalaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointaccount"}) {
    if (key == known) return is_fixed(condition.value);
  }
  return false;
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
      if (is_bounding(operation.name, condition)) return false;
    }
  }
  return true;
}

}  // namespace

bool is_public_policy(const std::string& policy) {
  const auto document = json::parse(policy);
  if (!document) return true;
  const json::Value* statements = document->find("Statement");
  if (statements == nullptr) return false;
  if (statements->array()) return std::ranges::any_of(*statements->array(), is_public_statement);
  return is_public_statement(*statements);
}

bool is_closed_to(const aws::Caller& caller, const Bucket& bucket) {
  return bucket.policy && caller.account() != bucket.account &&
         bucket.blocks(&api::PublicAccessBlockConfiguration::restrict_public_buckets) &&
         is_public_policy(*bucket.policy);
}

}  // namespace boreal::s3
