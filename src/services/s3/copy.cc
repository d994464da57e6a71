// CopyObject, and the source of UploadPartCopy.
#include "s3/copy.h"

#include "s3/checksums.h"
#include "s3/conditions.h"
#include "s3/lifecycle_due.h"
#include "s3/object_meta.h"
#include "s3/refusal.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr uint64_t max_copy_bytes = 5ULL << 30;

Outcome<bool> is_replace(const std::optional<std::string>& directive, std::string_view name) {
  if (!directive || *directive == "COPY") return false;
  if (*directive == "REPLACE") return true;
  return refuse(
      errors::invalid_argument(name == "metadata" ? "Unknown metadata directive." : "Unknown tagging directive.")
          .with("ArgumentName", "x-amz-" + std::string(name) + "-directive")
          .with("ArgumentValue", *directive));
}

// Nothing but an encryption (the bucket's may have changed) or a class of its own makes sense of copying a version onto
// itself.
bool changes_something(const api::CopyObjectRequest& input, bool replaces, const Bucket& bucket) {
  return replaces || bucket.encryption || input.storage_class || input.website_redirect_location ||
         input.server_side_encryption || input.sse_customer_algorithm || input.copy_source_sse_customer_algorithm ||
         input.checksum_algorithm;
}

}  // namespace

// A null version that nobody asked for by its id has none to tell of, however its bucket is versioned by now.
bool tells_version(const CopySource& source, const objects::Version& version) {
  return source.version_id || !version.is_null;
}

Task<Outcome<CopyFrom>> Service::find_copy_source(Call& call, CopySource source, ReadConditions conditions,
                                                  std::optional<CustomerKey> customer) {
  CopyFrom from;
  CO_TRY(from.bucket, buckets_.need(source.bucket));
  auto found = co_await find_object(call, from.bucket, source.key, source.version_id, true);
  if (!found) {
    if (found.error().code == "MethodNotAllowed") {
      co_return refuse(errors::invalid_request(
          "The source of a copy request may not specifically refer to a delete marker by version id."));
    }
    co_return refuse(std::move(found).error());
  }
  CO_CHECK(check_read(conditions, *found->version, call.now, true));
  const auto until = restored_until(found->version->meta);
  if (is_archived(found->version->meta.tier) && !(until && *until > call.now)) {
    co_return refuse(errors::invalid_object_state("Operation is not valid for the source object's storage class")
                         .with("StorageClass", found->version->meta.tier));
  }
  from.keys = std::make_unique<RequestKeys>(keys_, std::move(customer));
  if (auto opened = co_await from.keys->open(&call, found->version->wrapped_key); !opened) {
    // To who reads, a wrong key is denied; here it is but a wrong parameter.
    const bool is_customers = wrapping_of(found->version->wrapped_key) == Wrapping::customer;
    if (is_customers && opened.error().code == "AccessDenied")
      co_return refuse(
          errors::invalid_request("The provided encryption parameters did not match the ones used originally."));
    co_return refuse(std::move(opened).error());
  }
  from.found = std::move(*found);
  co_return from;
}

Task<Outcome<api::CopyObjectOutput>> Service::copy_object(Call& call, api::CopyObjectRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_key(input.key));
  CO_CHECK(check_put_query(call));
  CO_CHECK(check_write_headers(input.if_match, input.if_none_match));
  CO_TRY(const auto source, parse_copy_source(input.copy_source));
  CO_TRY(const bool replaces_meta, is_replace(input.metadata_directive, "metadata"));
  CO_TRY(const bool replaces_tags, is_replace(input.tagging_directive, "tagging"));
  const bool asks_for_nothing = source.bucket == input.bucket && source.key == input.key && !source.version_id &&
                                !changes_something(input, replaces_meta, *bucket);
  if (input.storage_class) CO_CHECK(check_storage_class(*input.storage_class));  // before the source is looked for
  CO_TRY(auto customer, parse_customer_key(input.copy_source_sse_customer_algorithm, input.copy_source_sse_customer_key,
                                           input.copy_source_sse_customer_key_md5, KeyUse::reading));
  const ReadConditions conditions{input.copy_source_if_match, input.copy_source_if_none_match,
                                  input.copy_source_if_modified_since, input.copy_source_if_unmodified_since};
  CO_TRY(auto from, co_await find_copy_source(call, source, conditions, std::move(customer)));
  const objects::Version original = *from.found.version;
  // Else one of them is what changes: a copy is STANDARD unless another class is named.
  const bool is_plain = encryption_of(original.meta).algorithm == "AES256" && original.meta.tier == "STANDARD";
  if (asks_for_nothing && is_plain) {
    co_return refuse(errors::invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the "
        "object's metadata, storage class, website redirect location or encryption attributes."));
  }
  if (original.size > max_copy_bytes) {
    co_return refuse(errors::invalid_request(
        "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"));
  }
  Wishes wishes = wishes_of(input);
  if (!replaces_tags) wishes.tagging.reset();
  if (!replaces_meta) wishes.metadata.reset();  // not even its size counts
  CO_TRY(auto meta, meta_of(*bucket, call, wishes));
  if (!replaces_meta) {
    const auto redirect = meta.headers.extract("website-redirect");
    meta.headers = original.meta.headers;
    meta.headers.erase("website-redirect");
    if (redirect) meta.headers.insert_or_assign("website-redirect", redirect.mapped());
  }
  if (!replaces_tags) {
    meta.tags = original.meta.tags;
    if (!meta.tags.empty()) {  // only here it is known that there are some
      Access reads = access_aside(
          call, *from.bucket, source.version_id ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging", &source.key);
      for (const auto& [name, value] : meta.tags) reads.context.emplace("s3:ExistingObjectTag/" + name, value);
      if (source.version_id) reads.context.emplace("s3:VersionId", *source.version_id);
      CO_CHECK(co_await call.authorize(std::move(reads)));
      CO_CHECK(co_await call.authorize(access_to(call, *bucket, "s3:PutObjectTagging", &input.key)));
    }
  }
  CO_TRY(auto encryption, encryption_for(*bucket, wishes));

  Refusal refusal;
  objects::CopyRequest copy;
  if (encryption.algorithm != "AES256" || wrapping_of(original.wrapped_key) != Wrapping::own) {
    CO_TRY(copy.new_key, co_await keys_.make(&call, *bucket, bucket->arn_of(input.key), encryption));
  }
  keep(encryption, meta.attributes);
  copy.note = mark_for_replication(*bucket, input.key, meta);
  const bool is_replicated = copy.note;
  if (input.checksum_algorithm) {
    CO_TRY(const auto algorithm, parse_algorithm(*input.checksum_algorithm));
    copy.checksums = {algorithm};
  } else if (!original.checksums.empty()) {
    copy.checksums = {original.checksums.front().algorithm};
  } else {
    copy.checksums = {default_algorithm};
  }
  copy.source = std::move(from.found);
  copy.bucket = bucket->id;
  copy.key = input.key;
  copy.versioning = buckets_.versioning_then(*bucket);
  const bool is_retained = says_own_lock(meta);
  copy.meta = std::move(meta);
  copy.keys = from.keys.get();
  copy.precondition = [&](const objects::Version* latest) {
    const auto unlocked = check_unlocked_then(*bucket, is_retained);
    return refusal.hold(unlocked ? check_write(input.if_match, input.if_none_match, input.key, latest) : unlocked);
  };
  auto made = co_await objects_.copy(std::move(copy));
  if (!made) {
    if (made.error().code() == Errc::not_found) co_return refuse(no_such_bucket(input.bucket));
    co_return refuse(refusal.of(std::move(made).error()));
  }
  if (is_replicated) replication_.wake(bucket->name);
  api::CopyObjectOutput output;
  auto& result = output.copy_object_result.emplace();
  result.etag = quoted(made->etag);
  result.last_modified = in_seconds(made->modified);
  write_checksums(made->checksums, made->part_count, checksum_fields(result), &result.checksum_type);
  if (tells_version(source, original)) output.copy_source_version_id = version_text(original);
  if (bucket->is_versioned() || !made->is_null) output.version_id = version_text(*made);
  tell_encryption(encryption, input.sse_customer_key_md5, output);
  output.expiration = expiration_header(*bucket, *made);
  // AWS tells it, and has it in no model.
  if (made->meta.tier != "STANDARD") call.response_headers.set("x-amz-storage-class", made->meta.tier);
  co_return output;
}

}  // namespace boreal::s3
