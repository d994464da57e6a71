// PutObject.
#include "s3/checksums.h"
#include "s3/conditions.h"
#include "s3/lifecycle_due.h"
#include "s3/object_meta.h"
#include "s3/refusal.h"
#include "s3/replica.h"
#include "s3/replication_rules.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

// Headers that mean something to directory buckets only.
Outcome<void> check_general_purpose(const Call& call) {
  for (const std::string_view name : {"x-amz-write-offset-bytes", "x-amz-rename-source"}) {
    if (!call.http.headers.has(name)) continue;
    return refuse(unserved_header(name));
  }
  return {};
}

}  // namespace

Task<Outcome<api::PutObjectOutput>> Service::put_object(Call& call, api::PutObjectRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_key(input.key));
  CO_CHECK(check_length(call.http));
  CO_CHECK(check_put_query(call));
  CO_CHECK(check_general_purpose(call));
  CO_CHECK(check_write_headers(input.if_match, input.if_none_match));
  const Wishes wishes = wishes_of(input);
  CO_TRY(auto meta, meta_of(*bucket, call, wishes));
  CO_TRY(auto encryption, encryption_for(*bucket, wishes));
  CO_TRY(const Promise promise, promise_of(call, input));
  const bool is_locked = wishes.lock.mode || wishes.lock.legal_hold || retains_by_default(*bucket);
  if (is_locked && !promise.named && !promise.md5) {
    co_return refuse(errors::invalid_request(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"));
  }
  // A condition that fails already spares reading the body; it is looked at again when the object is committed.
  if (input.if_match || input.if_none_match) {
    const auto there = co_await objects_.find(bucket->id, input.key, objects::Select::latest(), false);
    if (!there && there.error().code() != Errc::not_found) co_return refuse(aws::ApiError(there.error()));
    CO_CHECK(check_write(input.if_match, input.if_none_match, input.key, there ? there->version.get() : nullptr));
  }
  CO_TRY(auto data_key, co_await keys_.make(&call, *bucket, bucket->arn_of(input.key), encryption));
  keep(encryption, meta.attributes);
  CO_TRY(const auto replica, co_await replica_for(call, *bucket, input.key));
  if (replica) mark_replica(meta);
  const bool is_replicated = !replica && mark_for_replication(*bucket, input.key, meta);

  const bool is_retained = says_own_lock(meta);
  Refusal refusal;
  objects::PutRequest put;
  put.bucket = bucket->id;
  put.key = input.key;
  put.versioning = buckets_.versioning_then(*bucket);
  put.meta = std::move(meta);
  put.note = is_replicated;
  put.origin = origin_of(*bucket, replica);
  put.data_key = std::move(data_key);
  put.checksums = {promise.algorithm};
  put.accept = [&](const objects::Digests& digests) { return refusal.hold(check_promise(call, promise, digests)); };
  put.precondition = [&](const objects::Version* latest) {
    const auto unlocked = check_unlocked_then(*bucket, is_retained);
    return refusal.hold(unlocked ? check_write(input.if_match, input.if_none_match, input.key, latest) : unlocked);
  };
  auto made = co_await objects_.put(std::move(put), *input.body);
  if (!made && replica) made = co_await there_already(*bucket, input.key, *replica, std::move(made).error(), refusal);
  if (!made) {
    if (made.error().code() == Errc::not_found) co_return refuse(no_such_bucket(input.bucket));
    co_return refuse(refusal.of(std::move(made).error()));
  }
  if (is_replicated) replication_.wake(bucket->name);
  api::PutObjectOutput output;
  output.etag = quoted(made->etag);
  if (!made->is_null) output.version_id = version_text(*made);
  write_checksums(made->checksums, 0, checksum_fields(output), &output.checksum_type);
  tell_encryption(encryption, input.sse_customer_key_md5, output);
  output.expiration = expiration_header(*bucket, *made);
  // AWS tells it, and has it in no model.
  if (made->meta.tier != "STANDARD") call.response_headers.set("x-amz-storage-class", made->meta.tier);
  co_return output;
}

}  // namespace boreal::s3
