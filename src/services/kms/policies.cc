#include <fmt/format.h>

#include "aws/gate.h"
#include "aws/policy.h"
#include "base/text.h"
#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr size_t max_policy_bytes = 32 << 10;

aws::Outcome<void> check_policy_name(const std::optional<std::string>& name) {
  if (!name || *name == "default") return {};
  return aws::refuse(
      errors::not_found_exception(fmt::format("No such policy exists: {} (a key's policy is called default)", *name)));
}

// Such an Allow lets through what it looks as if it asked for. Source: KMS Developer Guide, "AWS KMS condition keys".
aws::Outcome<void> check_sets(const aws::Policy& policy) {
  for (const auto& statement : policy.statements()) {
    for (const auto& condition : statement.conditions) {
      const std::string key = to_lower(condition.key);
      const bool is_single = key.starts_with("kms:encryptioncontext:") || key.starts_with("aws:requesttag/");
      if (condition.set != aws::policy::Condition::Set::for_all_values || !is_single) continue;
      return aws::refuse(errors::malformed_policy_document_exception(fmt::format(
          "OverlyPermissiveCondition: ForAllValues with the single-valued condition key {} matches requests "
          "without it, too. To fix, remove ForAllValues.",
          condition.key)));
    }
  }
  return {};
}

}  // namespace

std::string default_policy(std::string_view account) {
  return fmt::format(
      R"({{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow",)"
      R"("Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":"kms:*","Resource":"*"}}]}})",
      account);
}

std::string managed_key_policy(const Key& key) {
  return fmt::format(
      R"({{"Version":"2012-10-17","Id":"auto-{0}-1","Statement":[)"
      R"({{"Sid":"Allow access through {0} for all principals in the account that are authorized to use {0}",)"
      R"("Effect":"Allow","Principal":{{"AWS":"*"}},)"
      R"("Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey"],)"
      R"("Resource":"*","Condition":{{"StringEquals":{{"kms:CallerAccount":"{1}","kms:ViaService":"{0}.{2}.amazonaws.com"}}}}}},)"
      R"({{"Sid":"Allow direct access to key metadata to the account","Effect":"Allow",)"
      R"("Principal":{{"AWS":"arn:aws:iam::{1}:root"}},"Action":["kms:Describe*","kms:Get*","kms:List*"],"Resource":"*"}}]}})",
      key.managed_by, key.account, key.region);
}

aws::Outcome<std::string> Service::policy_of(const Key& key) const {
  TRY(auto policy, context_.catalog.get(partition_of(key.account, key.region), policy_path(key.id)));
  if (!policy) return aws::refuse(aws::ApiError(Error(Errc::corrupt, fmt::format("{} has no policy", key.arn()))));
  return std::move(*policy);
}

Task<aws::Outcome<aws::KeptPolicy>> Service::check_policy(aws::Call& call, std::string arn, std::string policy,
                                                          bool bypass_lockout) {
  if (policy.size() > max_policy_bytes) {
    co_return aws::refuse(errors::malformed_policy_document_exception(
        fmt::format("The policy has {} bytes; a key policy has at most {}.", policy.size(), max_policy_bytes)));
  }
  const auto parsed = aws::validate_resource_policy(policy);
  if (!parsed) co_return aws::refuse(errors::malformed_policy_document_exception(parsed.error().message()));
  CO_CHECK(check_sets(*parsed));
  CO_TRY(auto kept, co_await call.gate.keep_policy(policy, *parsed));
  if (kept.missing) {
    co_return aws::refuse(errors::malformed_policy_document_exception(fmt::format(
        "Policy contains a statement with one or more invalid principals: {} does not exist.", *kept.missing)));
  }
  if (bypass_lockout) co_return kept;
  const auto allowed = co_await call.authorize({.action = "kms:PutKeyPolicy",
                                                .resource = std::move(arn),
                                                .resource_account = call.account,
                                                .resource_policy = std::move(policy),
                                                .resource_policy_rules = true,
                                                .context = {{"kms:CallerAccount", call.caller.account()}}});
  if (!allowed) {
    co_return aws::refuse(errors::malformed_policy_document_exception(
        "The new key policy will not allow you to update the key policy in the future."));
  }
  co_return kept;
}

Task<aws::Outcome<GetKeyPolicyResponse>> Service::get_key_policy(aws::Call& call, GetKeyPolicyRequest input) {
  CO_CHECK(check_policy_name(input.policy_name));
  CO_TRY(const auto key, find(call, input.key_id));
  GetKeyPolicyResponse out;
  CO_TRY(auto policy, policy_of(key));
  CO_TRY(out.policy, co_await call.gate.shown_policy(std::move(policy), key.policy_principals));
  out.policy_name = "default";
  co_return out;
}

Task<aws::Outcome<PutKeyPolicyOutput>> Service::put_key_policy(aws::Call& call, PutKeyPolicyRequest input) {
  CO_CHECK(check_policy_name(input.policy_name));
  CO_TRY(const auto key, find(call, input.key_id));
  CO_TRY(auto kept, co_await check_policy(call, key.arn(), std::move(input.policy),
                                          input.bypass_policy_lockout_safety_check.value_or(false)));
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  change.tx.put(policy_path(change.key.id), kept.document);
  change.key.policy_principals = std::move(kept.principals);
  CO_CHECK(co_await commit(std::move(change)));
  co_return PutKeyPolicyOutput{};
}

Task<aws::Outcome<ListKeyPoliciesResponse>> Service::list_key_policies(aws::Call& call, ListKeyPoliciesRequest input) {
  CO_CHECK(find(call, input.key_id));
  ListKeyPoliciesResponse out;
  out.policy_names.emplace().emplace_back("default");
  out.truncated = false;
  co_return out;
}

}  // namespace boreal::kms
