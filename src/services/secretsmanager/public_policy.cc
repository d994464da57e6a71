#include "secretsmanager/public_policy.h"

#include <algorithm>

#include "aws/arn.h"
#include "aws/policy_statement.h"
#include "base/text.h"
#include "codec/json_value.h"

namespace boreal::secretsmanager {

namespace {

// Of a value, or of each in a list.
bool all_texts(const json::Value& value, auto fits) {
  const auto fits_text = [&](const json::Value& one) { return one.string() != nullptr && fits(*one.string()); };
  return value.array() ? std::ranges::all_of(*value.array(), fits_text) : fits_text(value);
}

bool is_fixed(const std::string& text) {
  return text.find_first_of("*?") == std::string::npos && text.find("${") == std::string::npos;
}

// Whose it is must be told, what of theirs may be anything.
bool is_of_one_account(const std::string& text) {
  const auto arn = aws::Arn::parse(text);
  return arn && !arn->account.empty() && std::ranges::all_of(arn->account, is_digit);
}

// AWS draws the line at /8 (IPv4) and /32 (IPv6). Addresses of IPv4 may be written as such of IPv6, too.
bool is_narrow_range(const std::string& text) {
  const auto range = aws::policy::Cidr::parse(text);
  if (!range) return false;
  const auto ipv4 = aws::policy::Cidr::parse("0.0.0.0/0");
  const bool is_ipv4 = range->prefix >= ipv4->prefix && ipv4->contains({range->address});
  return range->prefix >= (is_ipv4 ? ipv4->prefix + 8 : 32);
}

// A condition on one of these tells who or from where, unless its values are of anybody.
bool is_bounding(std::string_view operation, const json::Member& condition) {
  const std::string op = to_lower(operation);
  // Null compares no value; ForAllValues and …IfExists hold where there is none.
  if (op == "null" || op.find("not") != std::string::npos) return false;
  if (op.starts_with("forallvalues:") || op.ends_with("ifexists")) return false;
  const std::string key = to_lower(condition.name);
  if (key == "aws:sourceip") return all_texts(condition.value, is_narrow_range);
  if (key == "aws:sourcearn" || key == "aws:principalarn") {
    return all_texts(condition.value,
                     [](const std::string& text) { return is_fixed(text) || is_of_one_account(text); });
  }
  for (const std::string_view known : {"aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce", "aws:principalaccount",
                                       "aws:principalorgid", "aws:sourceorgid", "kms:calleraccount", "aws:userid"}) {
    if (key == known) return all_texts(condition.value, is_fixed);
  }
  return false;
}

bool is_everybody(const json::Value* principal) {
  if (principal == nullptr) return true;  // NotPrincipal
  const auto is_star = [](const json::Value& value) { return value.string() && *value.string() == "*"; };
  if (is_star(*principal)) return true;
  if (principal->object() == nullptr) return false;
  return std::ranges::any_of(*principal->object(), [&](const json::Member& member) {
    return member.value.array() ? std::ranges::any_of(*member.value.array(), is_star) : is_star(member.value);
  });
}

bool is_public_statement(const json::Value& statement) {
  const json::Value* effect = statement.find("Effect");
  if (effect == nullptr || effect->string() == nullptr || *effect->string() != "Allow") return false;
  if (!is_everybody(statement.find("Principal"))) return false;
  const json::Value* conditions = statement.find("Condition");
  if (conditions == nullptr || conditions->object() == nullptr) return true;
  return std::ranges::none_of(*conditions->object(), [](const json::Member& operation) {
    return operation.value.object() != nullptr &&
           std::ranges::any_of(*operation.value.object(),
                               [&](const json::Member& condition) { return is_bounding(operation.name, condition); });
  });
}

}  // namespace

bool is_public_policy(const std::string& policy) {
  const auto document = json::parse(policy);
  const json::Value* statements = document ? document->find("Statement") : nullptr;
  if (statements == nullptr) return true;
  if (statements->array()) return std::ranges::any_of(*statements->array(), is_public_statement);
  return is_public_statement(*statements);
}

}  // namespace boreal::secretsmanager
