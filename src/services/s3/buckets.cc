// Buckets: made, found, listed, deleted.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "s3/acl.h"
#include "s3/encryption.h"
#include "s3/names.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr size_t max_buckets_an_account = 10'000;
constexpr size_t max_buckets_a_page = 10'000;
constexpr std::string_view old_ireland = "EU";  // from when there was one region in Europe

// AWS's regions as of 2026. One that is not listed yet is taken where requests are signed for it.
bool is_aws_region(std::string_view name) {
  constexpr std::string_view regions[] = {
      "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
      "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
      "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1",   "ca-west-1",      "cn-north-1",
      "cn-northwest-1", "eu-central-1",   "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",
      "eu-west-1",      "eu-west-2",      "eu-west-3",      "eusc-de-east-1", "il-central-1",   "me-central-1",
      "me-south-1",     "mx-central-1",   "sa-east-1",      "us-east-1",      "us-east-2",      "us-gov-east-1",
      "us-gov-west-1",  "us-west-1",      "us-west-2"};
  return std::ranges::binary_search(regions, name);
}

// The region that the body of CreateBucket names must be that of the endpoint, which here is the signature's. That of
// us-east-1 makes buckets everywhere.
Outcome<std::string> region_of(const Call& call, const api::CreateBucketRequest& input) {
  if (!input.create_bucket_configuration || !input.create_bucket_configuration->location_constraint) {
    if (call.region == "us-east-1") return call.region;
    return refuse(errors::illegal_location_constraint_exception(
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent "
        "to."));
  }
  const std::string& named = *input.create_bucket_configuration->location_constraint;
  const std::string wanted = named == old_ireland ? "eu-west-1" : named;
  if (wanted == call.region) return wanted;
  if (call.region != "us-east-1") {  // which does not ask whether there is such a region
    return refuse(errors::illegal_location_constraint_exception(fmt::format(
        "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
        named)));
  }
  if (is_aws_region(wanted)) return wanted;
  return refuse(errors::invalid_location_constraint("The specified location-constraint is not valid")
                    .with("LocationConstraint", wanted));
}

// What the end of a name of an account's own namespace tells: "shop-111122223333-eu-west-1-an".
struct Place {
  std::string_view account, region;
};
constexpr std::string_view place_mark = "-an";

std::optional<Place> place_of(std::string_view name) {
  constexpr size_t digits = 12;
  if (!name.ends_with(place_mark)) return std::nullopt;
  name.remove_suffix(place_mark.size());
  std::optional<Place> last;
  for (size_t i = 1; i + digits + 2 < name.size(); ++i) {
    const std::string_view account = name.substr(i + 1, digits);
    if (name[i] != '-' || name[i + 1 + digits] != '-' || !std::ranges::all_of(account, is_digit)) continue;
    last = Place{account, name.substr(i + digits + 2)};
  }
  return last;
}

// Nobody else can take such names; others have not their end. Source: S3 User Guide, "Namespaces for general purpose
// buckets", "General purpose bucket naming rules".
Outcome<void> check_namespace(const Call& call, const api::CreateBucketRequest& input, const std::string& region) {
  const bool is_own = input.bucket_namespace == "account-regional";
  const auto place = place_of(input.bucket);
  const auto bad = [&](std::string code, std::string why) {
    return refuse(aws::ApiError(std::move(code), 400, std::move(why)).with("BucketName", input.bucket));
  };
  if (!place && is_own) {
    return bad("InvalidNamespaceHeader", fmt::format("In the account regional namespace a bucket's name ends with "
                                                     "-{}-{}{}.",
                                                     call.caller.account(), region, place_mark));
  }
  if (!place) {
    if (!input.bucket.ends_with(place_mark)) return {};
    return bad("InvalidBucketName",
               fmt::format("The specified bucket is not valid: names that end with {} are those of the account "
                           "regional namespace.",
                           place_mark));
  }
  if (!is_own) {
    return bad(input.bucket_namespace ? "InvalidNamespaceHeader" : "MissingNamespaceHeader",
               "The requested bucket is an account-regional namespace bucket: x-amz-bucket-namespace must be "
               "account-regional.");
  }
  constexpr std::string_view mismatch =
      "The requested bucket is an account-regional namespace bucket, but the requested {0} '{1}' does not match the "
      "{2} '{3}'. Specify the {4} in the bucket name.";
  if (place->account != call.caller.account()) {
    return bad("InvalidBucketNamespace",
               fmt::format(mismatch, "AWS Account ID", place->account, "caller's AWS Account ID", call.caller.account(),
                           "caller's AWS Account ID"));
  }
  if (place->region != region) {
    return bad("InvalidBucketNamespace",
               fmt::format(mismatch, "region", place->region, "current region", region, "targeted region"));
  }
  return {};
}

}  // namespace

Task<Outcome<api::CreateBucketOutput>> Service::create_bucket(Call& call, api::CreateBucketRequest input) {
  CO_CHECK(check_no_encryption(call));  // a put of an object whose bucket was left out
  CO_CHECK(check_bucket_name(input.bucket));
  Bucket bucket;
  bucket.name = input.bucket;
  bucket.account = call.caller.account();
  bucket.created = call.now;
  CO_TRY(bucket.region, region_of(call, input));
  CO_CHECK(check_namespace(call, input, bucket.region));
  if (const auto& configuration = input.create_bucket_configuration) {
    if (configuration->location_constraint == old_ireland) bucket.location = old_ireland;
    if (configuration->location || configuration->bucket) {
      co_return refuse(errors::not_implemented("Directory buckets are not served."));
    }
    if (configuration->tags && !configuration->tags->empty()) {
      CO_CHECK(check_tags(*configuration->tags, TagsOf::bucket));
      bucket.tags = *configuration->tags;
    }
  }
  // Names are one space for all buckets, and this one is taken by a bucket elsewhere.
  if (replication_.is_remote(input.bucket) && buckets_.find(input.bucket) == nullptr) {
    co_return refuse(errors::bucket_already_exists(
                         fmt::format("The requested bucket name is not available: [remote_buckets.{}] of boreal's "
                                     "configuration has it.",
                                     input.bucket))
                         .with("BucketName", input.bucket));
  }
  const AclHeaders access = acl_headers(input);
  bucket.ownership = input.object_ownership.value_or("BucketOwnerEnforced");
  const bool asks_for_list = access.has_grants() || (access.canned && access.canned != "private");
  if (asks_for_list && !bucket.has_acls()) {
    co_return refuse(aws::ApiError("InvalidBucketAclWithObjectOwnership", 400,
                                   "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"));
  }
  bucket.public_access_block = api::PublicAccessBlockConfiguration{true, true, true, true};
  if (bucket.has_acls()) {
    auto acl = acl_of_headers(bucket, bucket.account, access);
    if (!acl && acl.error().code == "AccessDenied") {
      co_return refuse(aws::ApiError("InvalidBucketAclWithBlockPublicAccessError", 400,
                                     "Bucket cannot have public ACLs set with BlockPublicAccess enabled"));
    }
    if (!acl) co_return refuse(std::move(acl).error());
    bucket.acl = std::move(*acl);
  }
  if (input.object_lock_enabled_for_bucket.value_or(false)) {
    bucket.versioning = "Enabled";
    bucket.mfa_delete = "Disabled";  // AWS tells it of buckets that are made with a lock, as if it had been set
    bucket.object_lock = api::ObjectLockConfiguration{.object_lock_enabled = "Enabled", .rule = {}};
  }
  size_t own = 0;
  for (const auto& [name, other] : buckets_.all()) own += other->account == bucket.account;
  // Where there is one of that name, another is not made.
  if (own >= max_buckets_an_account && buckets_.find(bucket.name) == nullptr) {
    co_return refuse(errors::too_many_buckets("You have attempted to create more buckets than allowed"));
  }
  bool made = false;
  const auto wanted_acl = bucket.acl;
  const std::string wanted_region = bucket.region;
  CO_TRY(const BucketRef there, co_await buckets_.create(std::move(bucket), made));
  if (!made) {
    if (there->account != call.caller.account()) {
      co_return refuse(errors::bucket_already_exists(
                           "The requested bucket name is not available. The bucket namespace is shared by all users "
                           "of the system. Please select a different name and try again.")
                           .with("BucketName", input.bucket));
    }
    // In us-east-1, for the sake of old clients, it succeeds again; names that none of them had do not. Who asked there
    // for one in another region would take it for made there.
    if (wanted_region != "us-east-1" || there->region != "us-east-1" || place_of(input.bucket)) {
      co_return refuse(errors::bucket_already_owned_by_you(
                           "Your previous request to create the named bucket succeeded and you already own it.")
                           .with("BucketName", input.bucket));
    }
    // … and resets the access list. To give it another one is PutBucketAcl, about which its own policy has its say.
    if (asks_for_list) CO_CHECK(co_await call.authorize(access_to(call, *there, "s3:PutBucketAcl", nullptr)));
    CO_CHECK(co_await configure(input.bucket, [&](Bucket& again) {
      again.acl.reset();
      if (again.has_acls()) again.acl = wanted_acl;
    }));
  }
  // Outside of us-east-1 AWS tells the whole address.
  const bool is_first = there->region == "us-east-1";
  co_return api::CreateBucketOutput{.location = is_first ? "/" + input.bucket : address_of(call.http, input.bucket),
                                    .bucket_arn = there->arn()};
}

Task<Outcome<api::DeleteBucketOutput>> Service::delete_bucket(Call&, api::DeleteBucketRequest input) {
  CO_CHECK(co_await buckets_.remove(input.bucket));
  co_return api::DeleteBucketOutput{};
}

Task<Outcome<api::HeadBucketOutput>> Service::head_bucket(Call& call, api::HeadBucketRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  call.response_headers.set("Content-Type", "application/xml");
  co_return api::HeadBucketOutput{.bucket_arn = bucket->arn(),
                                  .bucket_location_type = {},
                                  .bucket_location_name = {},
                                  .bucket_region = bucket->region,
                                  .access_point_alias = false};
}

Task<Outcome<api::GetBucketLocationOutput>> Service::get_bucket_location(Call&, api::GetBucketLocationRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  api::GetBucketLocationOutput output;
  output.location_constraint = bucket->region == "us-east-1" ? "" : bucket->region;
  if (!bucket->location.empty()) output.location_constraint = bucket->location;
  co_return output;
}

Task<Outcome<api::ListBucketsOutput>> Service::list_buckets(Call& call, api::ListBucketsRequest input) {
  api::ListBucketsOutput output;
  output.owner = owner_of(call.caller.account());
  output.buckets.emplace();
  output.prefix = input.prefix;
  std::string after;
  if (!input.continuation_token.value_or("").empty()) {
    CO_TRY(after, parse_continuation_token(*input.continuation_token));
  }
  if (input.bucket_region) input.bucket_region = to_lower(*input.bucket_region);
  if (input.bucket_region && *input.bucket_region != call.region) {
    co_return refuse(
        errors::invalid_argument(is_aws_region(*input.bucket_region)
                                     ? "Requests with bucket-region specified must be made to the corresponding "
                                       "regional endpoint"
                                     : fmt::format("Argument value {} is not a valid AWS Region", *input.bucket_region))
            .with("ArgumentName", "bucket-region"));
  }
  const size_t most = static_cast<size_t>(input.max_buckets.value_or(max_buckets_a_page));
  for (auto at = buckets_.all().upper_bound(after); at != buckets_.all().end(); ++at) {
    const Bucket& bucket = *at->second;
    if (bucket.account != call.caller.account()) continue;
    if (input.prefix && !bucket.name.starts_with(*input.prefix)) continue;
    if (input.bucket_region && bucket.region != *input.bucket_region) continue;
    if (output.buckets->size() == most) {
      output.continuation_token = continuation_token(*output.buckets->back().name);
      break;
    }
    api::Bucket row{
        .name = bucket.name, .creation_date = in_seconds(bucket.created), .bucket_region = {}, .bucket_arn = {}};
    const bool is_paged = input.max_buckets || input.prefix || input.bucket_region || input.continuation_token;
    row.bucket_arn = bucket.arn();
    if (is_paged) row.bucket_region = bucket.region;
    output.buckets->push_back(std::move(row));
  }
  co_return output;
}

}  // namespace boreal::s3
