// The operations on access control lists; acl_rules.cc has the rules.
#include "s3/acl.h"

#include <algorithm>

#include "s3/names.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

// From headers or from the body, which must not both be there.
Outcome<api::AccessControlPolicy> wanted_acl(const Bucket& bucket, std::string_view owner, const AclHeaders& headers,
                                             std::optional<api::AccessControlPolicy> body) {
  if (!headers.any()) {
    if (!body)
      return refuse(aws::ApiError("MissingSecurityHeader", 400, "Your request was missing a required header")
                        .with("MissingHeaderName", "x-amz-acl"));
    return check_acl(bucket, owner, std::move(*body));
  }
  if (body) return refuse(aws::ApiError("UnexpectedContent", 400, "This request does not support content"));
  TRY(auto acl, acl_of_headers(bucket, owner, headers));
  // Where lists are off, a new object may ask by headers for what holds anyway, and a document may say it. To set a
  // list by headers is refused whatever it says.
  if (!bucket.has_acls()) return refuse(errors::access_control_list_not_supported("The bucket does not allow ACLs"));
  return std::move(*acl);
}

// Lists are shown as they are enforced: without what they give to everybody, where that is ignored.
// Source: S3 User Guide, "Blocking public access to your Amazon S3 storage".
api::AccessControlPolicy in_force(const Bucket& bucket, api::AccessControlPolicy acl) {
  if (bucket.blocks(&api::PublicAccessBlockConfiguration::ignore_public_acls) && acl.grants)
    std::erase_if(*acl.grants, is_public_grant);
  return acl;
}

}  // namespace

aws::ApiError Service::unreadable(const aws::Operation& operation, const http::Request& request,
                                  aws::ApiError error) const {
  // The bucket is looked for before a document is judged, unless it is to be made.
  if (error.code == "MalformedXML" && operation.name != "CreateBucket") {
    if (const auto bucket = buckets_.need(bucket_of(request.path)); !bucket) return bucket.error();
  }
  const bool is_acl = operation.name == "PutBucketAcl" || operation.name == "PutObjectAcl";
  if (is_acl && error.code == "MalformedXML") error.code = "MalformedACLError";
  // Who does not say the one word that there is does not pay.
  const BucketRef bucket = buckets_.find(bucket_of(request.path));
  const std::pair<std::string, std::string> at_payer("ArgumentName", "x-amz-request-payer");
  const bool is_payers = std::ranges::find(error.fields, at_payer) != error.fields.end();
  if (is_payers && bucket != nullptr && bucket->payer == "Requester") return errors::access_denied("Access Denied");
  return in_own_words(std::move(error));
}

Task<Outcome<api::GetBucketAclOutput>> Service::get_bucket_acl(Call&, api::GetBucketAclRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  const auto acl = in_force(*bucket, bucket->has_acls() && bucket->acl ? *bucket->acl : private_acl(bucket->account));
  co_return api::GetBucketAclOutput{.owner = acl.owner, .grants = acl.grants};
}

Task<Outcome<api::PutBucketAclOutput>> Service::put_bucket_acl(Call&, api::PutBucketAclRequest input) {
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    TRY(bucket.acl, wanted_acl(bucket, bucket.account, acl_headers(input), input.access_control_policy));
    return {};
  }));
  co_return api::PutBucketAclOutput{};
}

Task<Outcome<api::GetObjectAclOutput>> Service::get_object_acl(Call& call, api::GetObjectAclRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const auto found, co_await find_object(call, bucket, input.key, input.version_id, false));
  const auto acl = in_force(*bucket, bucket->has_acls() ? acl_of(*found.version) : private_acl(bucket->account));
  if (bucket->is_versioned()) call.response_headers.set("x-amz-version-id", version_text(*found.version));
  co_return api::GetObjectAclOutput{.owner = acl.owner, .grants = acl.grants, .request_charged = {}};
}

Task<Outcome<api::PutObjectAclOutput>> Service::put_object_acl(Call& call, api::PutObjectAclRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  const AclHeaders headers = acl_headers(input);
  CO_TRY(const auto version,
         co_await update_object(
             call, bucket, input.key, input.version_id, [&](objects::Version& changed) -> Outcome<void> {
               TRY(auto acl, wanted_acl(*bucket, bucket->owner_of_what(changed.meta.owner), headers,
                                        input.access_control_policy));
               if (bucket->has_acls())  // else the document says what holds anyway
                 changed.meta.attributes[std::string(attribute::acl)] = store::encode(KeptAcl{std::move(acl)});
               return {};
             }));
  if (bucket->is_versioned()) call.response_headers.set("x-amz-version-id", version_text(version));
  co_return api::PutObjectAclOutput{};
}

}  // namespace boreal::s3
