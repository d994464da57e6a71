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
  CO_TRY(auto all, co_await Api::access(call, operation, input));
  if (const auto arn = aws::string_member(input, "ResourceArn")) {
    if (const auto bucket = bucket_of(*arn, account)) {
      call.account = account;
      CO_TRY(Access access, bucket_tags_.access_to_bucket(call, *bucket, all.front().action));
      access.context.merge(all.front().context);  // the tags of the request
      all.front() = std::move(access);
      co_return all;
    }
  }
  if (call.caller.account() != account) {
    co_return refuse(errors::access_denied("Access Denied: x-amz-account-id is not the account of the caller.")
                         .with("AccountId", account));
  }
  co_return all;
}

// A bucket is named without region and account, which other resources of S3 have.
Outcome<std::string> Service::bucket_of(const std::string& arn, const std::string& account) const {
  constexpr std::string_view buckets = "arn:aws:s3:::";
  if (!arn.starts_with(buckets)) {
    return refuse(errors::not_implemented(
        "boreal keeps tags of general purpose buckets only; docs/compatibility.md lists what it serves."));
  }
  std::string bucket = arn.substr(buckets.size());
  if (bucket_tags_.owner(bucket) != account)
    return refuse(errors::no_such_resource("The specified resource doesn't exist."));
  return bucket;
}

Task<Outcome<api::ListTagsForResourceResult>> Service::list_tags_for_resource(Call&,
                                                                              api::ListTagsForResourceRequest input) {
  CO_TRY(const std::string bucket, bucket_of(input.resource_arn, input.account_id));
  CO_TRY(const auto tags, bucket_tags_.tags(bucket));
  api::ListTagsForResourceResult output;
  output.tags.emplace();
  for (const auto& [key, value] : tags) output.tags->push_back({.key = key, .value = value});
  co_return output;
}

Task<Outcome<api::TagResourceResult>> Service::tag_resource(Call&, api::TagResourceRequest input) {
  CO_TRY(const std::string bucket, bucket_of(input.resource_arn, input.account_id));
  aws::BucketTags::Tags wanted;
  for (auto& tag : input.tags) wanted.emplace_back(std::move(tag.key), std::move(tag.value));
  CO_CHECK(co_await bucket_tags_.change_tags(bucket, std::move(wanted), {}));
  co_return api::TagResourceResult{};
}

Task<Outcome<api::UntagResourceResult>> Service::untag_resource(Call&, api::UntagResourceRequest input) {
  CO_TRY(const std::string bucket, bucket_of(input.resource_arn, input.account_id));
  CO_CHECK(co_await bucket_tags_.change_tags(bucket, {}, std::move(input.tag_keys)));
  co_return api::UntagResourceResult{};
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
