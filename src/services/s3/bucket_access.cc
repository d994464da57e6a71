// Who may reach a bucket at all: its policy, the public access block, who owns its objects.
#include <fmt/format.h>

#include <algorithm>

#include "aws/policy.h"
#include "codec/json_value.h"
#include "s3/acl.h"
#include "s3/bucket_policy.h"
#include "s3/names.h"
#include "s3/public_policy.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t max_policy_bytes = 20 * 1024;

// Another account may be let do all with a bucket but this.
Outcome<void> check_own_policy(const Call& call, const Bucket& bucket) {
  if (call.caller.account() == bucket.account) return {};
  return refuse(errors::method_not_allowed("The specified method is not allowed against this resource.")
                    .with("Method", call.http.method)
                    .with("ResourceType", "BUCKETPOLICY"));
}

}  // namespace

Task<Outcome<api::PutBucketPolicyOutput>> Service::put_bucket_policy(Call& call, api::PutBucketPolicyRequest input) {
  CO_TRY(const BucketRef own, buckets_.need(input.bucket));
  CO_CHECK(check_own_policy(call, *own));
  CO_TRY(const auto document, read_policy(input.policy));
  if (json::write(document).size() > max_policy_bytes) {  // the blanks between its parts do not count
    co_return refuse(errors::malformed_policy(
        fmt::format("Normalized policy document exceeds the maximum allowed size of {} bytes", max_policy_bytes)));
  }
  // A policy that names no version is read back with the one that it means.
  if (document.find("Version") == nullptr) input.policy.insert(1, R"("Version":"2008-10-17",)");
  const auto parsed = aws::validate_resource_policy(input.policy);
  if (!parsed) co_return refuse(errors::malformed_policy(parsed.error().message()));
  CO_CHECK(check_bucket_policy(document, *parsed, input.bucket));
  CO_TRY(const auto kept, co_await call.gate.keep_policy(input.policy, *parsed));
  if (kept.missing) co_return refuse(invalid_principal(*kept.missing));
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    if (bucket.blocks(&api::PublicAccessBlockConfiguration::block_public_policy) && is_public_policy(input.policy)) {
      return refuse(errors::access_denied(
          "Access Denied: public policies are blocked by the BlockPublicPolicy block public access setting."));
    }
    bucket.policy = kept.document;
    bucket.policy_principals = kept.principals;
    return {};
  }));
  co_return api::PutBucketPolicyOutput{};
}

Task<Outcome<api::GetBucketPolicyOutput>> Service::get_bucket_policy(Call& call, api::GetBucketPolicyRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_own_policy(call, *bucket));
  if (!bucket->policy) {
    co_return refuse(
        errors::no_such_bucket_policy("The bucket policy does not exist").with("BucketName", input.bucket));
  }
  CO_TRY(auto shown, co_await call.gate.shown_policy(*bucket->policy, bucket->policy_principals));
  call.response_headers.set("Content-Type", "application/json");
  co_return api::GetBucketPolicyOutput{.policy = std::move(shown)};
}

Task<Outcome<api::DeleteBucketPolicyOutput>> Service::delete_bucket_policy(Call& call,
                                                                           api::DeleteBucketPolicyRequest input) {
  CO_TRY(const BucketRef own, buckets_.need(input.bucket));
  CO_CHECK(check_own_policy(call, *own));
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) {
    bucket.policy.reset();
    bucket.policy_principals.clear();
  }));
  co_return api::DeleteBucketPolicyOutput{};
}

Task<Outcome<api::GetBucketPolicyStatusOutput>> Service::get_bucket_policy_status(
    Call&, api::GetBucketPolicyStatusRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->policy) {
    co_return refuse(
        errors::no_such_bucket_policy("The bucket policy does not exist").with("BucketName", input.bucket));
  }
  co_return api::GetBucketPolicyStatusOutput{.policy_status =
                                                 api::PolicyStatus{.is_public = is_public_policy(*bucket->policy)}};
}

Task<Outcome<api::PutPublicAccessBlockOutput>> Service::put_public_access_block(
    Call&, api::PutPublicAccessBlockRequest input) {
  api::PublicAccessBlockConfiguration block = input.public_access_block_configuration;
  if (!block.block_public_acls && !block.ignore_public_acls && !block.block_public_policy &&
      !block.restrict_public_buckets) {
    co_return refuse(errors::invalid_request("Must specify at least one configuration."));
  }
  for (auto* setting : {&block.block_public_acls, &block.ignore_public_acls, &block.block_public_policy,
                        &block.restrict_public_buckets}) {
    *setting = setting->value_or(false);
  }
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.public_access_block = block; }));
  co_return api::PutPublicAccessBlockOutput{};
}

Task<Outcome<api::GetPublicAccessBlockOutput>> Service::get_public_access_block(
    Call&, api::GetPublicAccessBlockRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->public_access_block) {
    co_return refuse(
        errors::no_such_public_access_block_configuration("The public access block configuration was not found")
            .with("BucketName", input.bucket));
  }
  co_return api::GetPublicAccessBlockOutput{.public_access_block_configuration = bucket->public_access_block};
}

Task<Outcome<api::DeletePublicAccessBlockOutput>> Service::delete_public_access_block(
    Call&, api::DeletePublicAccessBlockRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.public_access_block.reset(); }));
  co_return api::DeletePublicAccessBlockOutput{};
}

Task<Outcome<api::PutBucketOwnershipControlsOutput>> Service::put_bucket_ownership_controls(
    Call&, api::PutBucketOwnershipControlsRequest input) {
  if (input.ownership_controls.rules.size() != 1) co_return refuse(malformed_xml());
  const std::string wanted = input.ownership_controls.rules.front().object_ownership;
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    // An owner whose list gives less than full control, or nothing, is to reset it first.
    const auto is_owners = [&](const api::Grant& grant) {
      return grant.permission == "FULL_CONTROL" && grant.grantee && grant.grantee->id == bucket.acl->owner->id;
    };
    if (wanted == "BucketOwnerEnforced" && bucket.acl &&
        (bucket.acl->grants->empty() || !std::ranges::all_of(*bucket.acl->grants, is_owners))) {
      return refuse(aws::ApiError("InvalidBucketAclWithObjectOwnership", 400,
                                  "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"));
    }
    bucket.ownership = wanted;
    return {};
  }));
  co_return api::PutBucketOwnershipControlsOutput{};
}

Task<Outcome<api::GetBucketOwnershipControlsOutput>> Service::get_bucket_ownership_controls(
    Call&, api::GetBucketOwnershipControlsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->ownership) {
    co_return refuse(errors::ownership_controls_not_found_error("The bucket ownership controls were not found")
                         .with("BucketName", input.bucket));
  }
  co_return api::GetBucketOwnershipControlsOutput{
      .ownership_controls = api::OwnershipControls{.rules = {{.object_ownership = *bucket->ownership}}}};
}

Task<Outcome<api::DeleteBucketOwnershipControlsOutput>> Service::delete_bucket_ownership_controls(
    Call&, api::DeleteBucketOwnershipControlsRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.ownership.reset(); }));
  co_return api::DeleteBucketOwnershipControlsOutput{};
}

}  // namespace boreal::s3
