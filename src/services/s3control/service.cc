#include "s3control/service.h"

namespace boreal::s3control {

namespace api = boreal::api::s3control;
namespace errors = boreal::api::s3control::errors;
using aws::Access;
using aws::Call;
using aws::Outcome;
using aws::refuse;

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  const std::string account = aws::string_member(input, "AccountId").value_or("");
  if (call.caller.account() != account) {
    co_return refuse(errors::access_denied("Access Denied: x-amz-account-id is not the account of the caller.")
                         .with("AccountId", account));
  }
  co_return co_await Api::access(call, operation, input);
}

Task<Outcome<api::PutPublicAccessBlockOutput>> Service::put_public_access_block(
    Call&, api::PutPublicAccessBlockRequest input) {
  const api::PublicAccessBlockConfiguration& wanted = input.public_access_block_configuration;
  if (!wanted.block_public_acls && !wanted.ignore_public_acls && !wanted.block_public_policy &&
      !wanted.restrict_public_buckets) {
    co_return refuse(errors::invalid_request("Must specify at least one configuration."));
  }
  // What is not named is off, not as it was.
  const aws::PublicAccess::Block block{.block_public_acls = wanted.block_public_acls.value_or(false),
                                       .ignore_public_acls = wanted.ignore_public_acls.value_or(false),
                                       .block_public_policy = wanted.block_public_policy.value_or(false),
                                       .restrict_public_buckets = wanted.restrict_public_buckets.value_or(false)};
  CO_CHECK(co_await public_access_.set_block(input.account_id, block));
  co_return api::PutPublicAccessBlockOutput{};
}

Task<Outcome<api::GetPublicAccessBlockOutput>> Service::get_public_access_block(
    Call&, api::GetPublicAccessBlockRequest input) {
  const auto block = public_access_.block(input.account_id);
  if (!block) {
    co_return refuse(
        errors::no_such_public_access_block_configuration("The public access block configuration was not found")
            .with("AccountId", input.account_id));
  }
  co_return api::GetPublicAccessBlockOutput{.public_access_block_configuration = api::PublicAccessBlockConfiguration{
                                                .block_public_acls = block->block_public_acls,
                                                .ignore_public_acls = block->ignore_public_acls,
                                                .block_public_policy = block->block_public_policy,
                                                .restrict_public_buckets = block->restrict_public_buckets}};
}

Task<Outcome<api::DeletePublicAccessBlockOutput>> Service::delete_public_access_block(
    Call&, api::DeletePublicAccessBlockRequest input) {
  CO_CHECK(co_await public_access_.set_block(input.account_id, std::nullopt));
  co_return api::DeletePublicAccessBlockOutput{};
}

}  // namespace boreal::s3control
