// Tags of buckets and of objects.
#include <fmt/format.h>

#include <algorithm>

#include "s3/names.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

// Where tags count in policies, who may set them needs other permissions.
Outcome<void> check_tagging(const Bucket& bucket, std::string_view instead) {
  if (!bucket.abac) return {};
  return refuse(aws::ApiError("BadRequest", 400,
                              fmt::format("This S3 general purpose bucket has attribute-based access control (ABAC) "
                                          "enabled. {}",
                                          instead)));
}

void set_tag(std::vector<api::Tag>& tags, std::string key, std::string value) {
  const auto found = std::ranges::find(tags, key, &api::Tag::key);
  if (found != tags.end()) {
    found->value = std::move(value);
  } else {
    tags.push_back({.key = std::move(key), .value = std::move(value)});
  }
}

}  // namespace

Task<Outcome<api::PutBucketTaggingOutput>> Service::put_bucket_tagging(Call&, api::PutBucketTaggingRequest input) {
  const auto tags = input.tagging.tag_set.value_or(std::vector<api::Tag>());
  CO_CHECK(check_tags(tags, TagsOf::bucket));
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    CHECK(check_tagging(bucket,
                        "To add tags to this bucket, initiate a TagResource request. To delete tags from this bucket, "
                        "initiate an UntagResource request."));
    bucket.tags = tags;
    return {};
  }));
  co_return api::PutBucketTaggingOutput{};
}

Task<Outcome<api::GetBucketTaggingOutput>> Service::get_bucket_tagging(Call&, api::GetBucketTaggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->tags || bucket->tags->empty()) {
    co_return refuse(errors::no_such_tag_set("The TagSet does not exist").with("BucketName", input.bucket));
  }
  co_return api::GetBucketTaggingOutput{.tag_set = *bucket->tags};
}

Task<Outcome<api::DeleteBucketTaggingOutput>> Service::delete_bucket_tagging(Call&,
                                                                             api::DeleteBucketTaggingRequest input) {
  CO_CHECK(co_await buckets_.change(input.bucket, [](Bucket& bucket) -> Outcome<void> {
    CHECK(check_tagging(bucket, "To delete tags from this bucket, initiate an UntagResource request."));
    bucket.tags.reset();
    return {};
  }));
  co_return api::DeleteBucketTaggingOutput{};
}

Task<Outcome<api::PutBucketAbacOutput>> Service::put_bucket_abac(Call&, api::PutBucketAbacRequest input) {
  const auto& status = input.abac_status.status;
  if (!status) co_return refuse(malformed_xml());
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.abac = *status == "Enabled"; }));
  co_return api::PutBucketAbacOutput{};
}

Task<Outcome<api::GetBucketAbacOutput>> Service::get_bucket_abac(Call&, api::GetBucketAbacRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  co_return api::GetBucketAbacOutput{.abac_status = api::AbacStatus{.status = bucket->abac ? "Enabled" : "Disabled"}};
}

std::optional<std::string> Service::owner(std::string_view bucket) const {
  const BucketRef found = buckets_.find(bucket);
  return found ? std::optional(found->account) : std::nullopt;
}

Outcome<aws::BucketTags::Tags> Service::tags(std::string_view bucket) const {
  TRY(const BucketRef found, buckets_.need(bucket));
  Tags tags;
  if (!found->tags) return tags;
  for (const api::Tag& tag : *found->tags) tags.emplace_back(tag.key, tag.value);
  return tags;
}

Task<Outcome<void>> Service::change_tags(std::string bucket, Tags set, std::vector<std::string> taken) {
  std::vector<api::Tag> wanted;
  for (auto& [key, value] : set) wanted.push_back({.key = std::move(key), .value = std::move(value)});
  if (wanted.empty() && taken.empty()) co_return refuse(errors::invalid_tag("The request must name at least one tag"));
  CO_CHECK(check_tags(wanted, TagsOf::bucket));
  // What no tag can be called is refused, what no tag is called is not.
  for (const std::string& key : taken) CO_CHECK(check_tags({{.key = key, .value = ""}}, TagsOf::bucket));
  co_return co_await buckets_.change(std::move(bucket), [&](Bucket& changed) -> Outcome<void> {
    std::vector<api::Tag> tags = changed.tags.value_or(std::vector<api::Tag>());
    std::erase_if(tags, [&](const api::Tag& tag) { return std::ranges::find(taken, tag.key) != taken.end(); });
    for (api::Tag& tag : wanted) set_tag(tags, std::move(tag.key), std::move(tag.value));
    CHECK(check_tags(tags, TagsOf::bucket));
    changed.tags.reset();
    if (!tags.empty()) changed.tags = std::move(tags);
    return {};
  });
}

Task<Outcome<api::PutObjectTaggingOutput>> Service::put_object_tagging(Call& call, api::PutObjectTaggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const auto tags, check_tags(input.tagging.tag_set.value_or(std::vector<api::Tag>()), TagsOf::object));
  CO_TRY(const auto version, co_await update_object(call, bucket, input.key, input.version_id,
                                                    [&](objects::Version& changed) -> Outcome<void> {
                                                      changed.meta.tags = tags;
                                                      return {};
                                                    }));
  api::PutObjectTaggingOutput output;
  if (bucket->is_versioned()) output.version_id = version_text(version);
  co_return output;
}

Task<Outcome<api::GetObjectTaggingOutput>> Service::get_object_tagging(Call& call, api::GetObjectTaggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  auto found = co_await find_object(call, bucket, input.key, input.version_id, false, OnMarker::not_allowed);
  if (!found) co_return refuse(with_bucket(std::move(found).error(), input.bucket));
  api::GetObjectTaggingOutput output;
  if (bucket->is_versioned()) output.version_id = version_text(*found->version);
  output.tag_set = tags_of(found->version->meta.tags);
  co_return output;
}

Task<Outcome<api::DeleteObjectTaggingOutput>> Service::delete_object_tagging(Call& call,
                                                                             api::DeleteObjectTaggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const auto version, co_await update_object(call, bucket, input.key, input.version_id,
                                                    [](objects::Version& changed) -> Outcome<void> {
                                                      changed.meta.tags.clear();
                                                      return {};
                                                    }));
  api::DeleteObjectTaggingOutput output;
  if (bucket->is_versioned()) output.version_id = version_text(version);
  co_return output;
}

}  // namespace boreal::s3
