// Who may reach a bucket at all: its policy, the public access block, who owns its objects.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "aws/policy.h"
#include "base/text.h"
#include "codec/json_value.h"
#include "s3/acl.h"
#include "s3/names.h"
#include "s3/public_policy.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr size_t max_policy_bytes = 20 * 1024;

// Whether `fits` holds for each value of the member in every statement.
template <class Fits>
bool all_values(const json::Value& document, std::string_view member, Fits fits) {
  const json::Value* statements = document.find("Statement");
  const auto check = [&](const json::Value& statement) {
    const json::Value* value = statement.find(member);
    if (value == nullptr) return true;
    return value->array() ? std::ranges::all_of(*value->array(), fits) : fits(*value);
  };
  if (statements == nullptr) return true;
  return statements->array() ? std::ranges::all_of(*statements->array(), check) : check(*statements);
}

// Every resource of a bucket's policy is the bucket or in it.
Outcome<void> check_resources(const json::Value& document, const std::string& bucket) {
  const auto is_own = [&](const json::Value& value) {
    const std::string* text = value.string();
    if (text == nullptr) return false;
    if (*text == "*" || text->find("${") != std::string::npos) return true;
    constexpr std::string_view service = "arn:aws:s3:::";
    if (!text->starts_with(service)) return false;
    const std::string_view rest = std::string_view(*text).substr(service.size());
    return aws::Glob(rest.substr(0, rest.find('/'))).matches(bucket);
  };
  if (all_values(document, "Resource", is_own) && all_values(document, "NotResource", is_own)) return {};
  return refuse(errors::malformed_policy("Policy has invalid resource"));
}

// A bucket's policy speaks of S3 alone.
Outcome<void> check_actions(const json::Value& document) {
  const auto is_s3 = [](const json::Value& value) {
    const std::string* text = value.string();
    return text != nullptr && (*text == "*" || to_lower(*text).starts_with("s3:"));
  };
  if (all_values(document, "Action", is_s3) && all_values(document, "NotAction", is_s3)) return {};
  return refuse(errors::malformed_policy("Policy has invalid action"));
}

Outcome<void> check_principals(const aws::Policy& policy) {
  for (const auto& statement : policy.statements()) {
    for (const auto& entry : statement.principals) {
      if (entry.kind == aws::policy::PrincipalEntry::Kind::canonical_user && !is_canonical_id(entry.value))
        return refuse(errors::malformed_policy("Invalid principal in policy").with("Detail", entry.value));
    }
  }
  return {};
}

}  // namespace

Task<Outcome<api::PutBucketPolicyOutput>> Service::put_bucket_policy(Call&, api::PutBucketPolicyRequest input) {
  if (input.policy.empty()) {
    co_return refuse(errors::malformed_policy("Policies must be valid JSON and the first byte must be '{'"));
  }
  if (input.policy.size() > max_policy_bytes) {
    co_return refuse(
        aws::ApiError("PolicyTooLarge", 400, fmt::format("A bucket policy may have {} bytes.", max_policy_bytes)));
  }
  const auto parsed = aws::validate_resource_policy(input.policy);
  if (!parsed) co_return refuse(errors::malformed_policy(parsed.error().message()));
  const auto document = json::parse(input.policy);
  if (!document) co_return refuse(errors::malformed_policy(document.error().message()));
  CO_CHECK(check_resources(*document, input.bucket));
  CO_CHECK(check_actions(*document));
  CO_CHECK(check_principals(*parsed));
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    if (bucket.blocks(&api::PublicAccessBlockConfiguration::block_public_policy) && is_public_policy(input.policy)) {
      return refuse(errors::access_denied(
          "Access Denied: public policies are blocked by the BlockPublicPolicy block public access setting."));
    }
    bucket.policy = input.policy;
    return {};
  }));
  co_return api::PutBucketPolicyOutput{};
}

Task<Outcome<api::GetBucketPolicyOutput>> Service::get_bucket_policy(Call& call, api::GetBucketPolicyRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->policy) {
    co_return refuse(
        errors::no_such_bucket_policy("The bucket policy does not exist").with("BucketName", input.bucket));
  }
  call.response_headers.set("Content-Type", "application/json");
  co_return api::GetBucketPolicyOutput{.policy = bucket->policy};
}

Task<Outcome<api::DeleteBucketPolicyOutput>> Service::delete_bucket_policy(Call&,
                                                                           api::DeleteBucketPolicyRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.policy.reset(); }));
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
  if (input.ownership_controls.rules.size() != 1) {
    co_return refuse(errors::malformed_xml(
        "The XML you provided was not well-formed or did not validate against our published schema"));
  }
  const std::string wanted = input.ownership_controls.rules.front().object_ownership;
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    const auto is_owners = [&](const api::Grant& grant) {
      return grant.grantee && grant.grantee->id == bucket.acl->owner->id;
    };
    if (wanted == "BucketOwnerEnforced" && bucket.acl && !std::ranges::all_of(*bucket.acl->grants, is_owners)) {
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
