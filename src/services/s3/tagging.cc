// Tags of buckets and of objects.
#include "s3/names.h"
#include "s3/service.h"

namespace boreal::s3 {

Task<Outcome<api::PutBucketTaggingOutput>> Service::put_bucket_tagging(Call&, api::PutBucketTaggingRequest input) {
  const auto tags = input.tagging.tag_set.value_or(std::vector<api::Tag>());
  CO_CHECK(check_tags(tags, 50));
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.tags = tags; }));
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
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.tags.reset(); }));
  co_return api::DeleteBucketTaggingOutput{};
}

Task<Outcome<api::PutObjectTaggingOutput>> Service::put_object_tagging(Call& call, api::PutObjectTaggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const auto tags, check_tags(input.tagging.tag_set.value_or(std::vector<api::Tag>()), 10));
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
  CO_TRY(const auto found,
         co_await find_object(call, bucket, input.key, input.version_id, false, OnMarker::not_allowed));
  api::GetObjectTaggingOutput output;
  if (bucket->is_versioned()) output.version_id = version_text(found.version);
  output.tag_set = tags_of(found.version.meta.tags);
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
