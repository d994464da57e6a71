#include <fmt/format.h>

#include "aws/gate.h"
#include "aws/policy.h"
#include "secretsmanager/public_policy.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

Task<aws::Outcome<PutResourcePolicyResponse>> Service::put_resource_policy(aws::Call& call,
                                                                           PutResourcePolicyRequest input) {
  const auto policy = aws::validate_resource_policy(input.resource_policy);
  if (!policy) {
    co_return aws::refuse(errors::malformed_policy_document_exception(
        "This resource policy contains invalid JSON or grammar: " + policy.error().message()));
  }
  if (input.block_public_policy.value_or(false) && is_public_policy(input.resource_policy)) {
    co_return aws::refuse(errors::public_policy_exception(
        "This resource policy grants broad access to the secret, and BlockPublicPolicy is set."));
  }
  CO_TRY(auto kept, co_await call.gate.keep_policy(std::move(input.resource_policy), *policy));
  if (kept.missing) {
    co_return aws::refuse(errors::malformed_policy_document_exception(
        fmt::format("This resource policy contains an unsupported principal: {} does not exist.", *kept.missing)));
  }
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  change.secret.policy = std::move(kept.document);
  change.secret.policy_principals = std::move(kept.principals);
  PutResourcePolicyResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<GetResourcePolicyResponse>> Service::get_resource_policy(aws::Call& call,
                                                                           GetResourcePolicyRequest input) {
  CO_TRY(const auto secret, find(call, input.secret_id, Wanted::any));
  GetResourcePolicyResponse out{.arn = secret->arn(), .name = secret->name, .resource_policy = {}};
  if (!secret->policy.empty()) {
    CO_TRY(out.resource_policy, co_await call.gate.shown_policy(secret->policy, secret->policy_principals));
  }
  co_return out;
}

Task<aws::Outcome<DeleteResourcePolicyResponse>> Service::delete_resource_policy(aws::Call& call,
                                                                                 DeleteResourcePolicyRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  change.secret.policy.clear();
  change.secret.policy_principals.clear();
  DeleteResourcePolicyResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<ValidateResourcePolicyResponse>> Service::validate_resource_policy(
    aws::Call& call, ValidateResourcePolicyRequest input) {
  if (input.secret_id) CO_CHECK(find(call, *input.secret_id, Wanted::any));
  ValidateResourcePolicyResponse out;
  auto& found = out.validation_errors.emplace();
  const auto policy = aws::validate_resource_policy(input.resource_policy);
  if (!policy) {
    found.push_back({.check_name = "POLICY_GRAMMAR", .error_message = policy.error().message()});
  } else if (is_public_policy(input.resource_policy)) {
    found.push_back({.check_name = "PUBLIC_ACCESS", .error_message = "The policy grants broad access to the secret."});
  }
  out.policy_validation_passed = found.empty();
  co_return out;
}

}  // namespace boreal::secretsmanager
