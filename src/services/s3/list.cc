// Listings of objects and of their versions.
#include <algorithm>

#include "s3/checksums.h"
#include "s3/names.h"
#include "s3/object_meta.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr int32_t max_page = 1000;

Outcome<size_t> page_size(const std::optional<int32_t>& asked) {
  if (asked.value_or(0) < 0) {
    return refuse(errors::invalid_argument("Argument maxKeys must be an integer between 0 and 2147483647")
                      .with("ArgumentName", "maxKeys")
                      .with("ArgumentValue", std::to_string(*asked)));
  }
  return static_cast<size_t>(std::min(asked.value_or(max_page), max_page));
}

// How keys are written: as they are, or percent-encoded where the client asked for it.
class KeyText {
 public:
  static Outcome<KeyText> of(const std::optional<std::string>& encoding_type) {
    TRY(const bool encoded, wants_encoded_keys(encoding_type));
    return KeyText(encoded);
  }
  std::string operator()(const std::string& key) const { return encoded_ ? encoded_key(key) : key; }

 private:
  explicit KeyText(bool encoded) : encoded_(encoded) {}
  bool encoded_;
};

bool wants_restore(const std::optional<std::vector<std::string>>& attributes) {
  return attributes && std::ranges::find(*attributes, "RestoreStatus") != attributes->end();
}

template <class Row>
void tell_row(const objects::Version& version, const KeyText& text, Row& row) {
  row.key = text(version.key);
  row.last_modified = in_seconds(version.modified);
  row.etag = quoted(version.etag);
  row.size = static_cast<int64_t>(version.size);
  row.storage_class = version.meta.tier;
  for (const auto& checksum : version.checksums) {
    if (!row.checksum_algorithm) row.checksum_algorithm.emplace();
    row.checksum_algorithm->push_back(std::string(algorithm_name(checksum.algorithm)));
    row.checksum_type = checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
  }
}

// Of what is restored, as HeadObject has it. Source: S3 API Reference, "RestoreStatus".
template <class Row>
void tell_restore(const objects::Version& version, Time now, Row& row) {
  const auto until = restored_until(version.meta);
  if (!is_archived(version.meta.tier) || !until || *until <= now) return;
  row.restore_status = api::RestoreStatus{.is_restore_in_progress = false, .restore_expiry_date = *until};
}

void tell_groups(const std::vector<std::string>& groups, const KeyText& text,
                 std::optional<std::vector<api::CommonPrefix>>& prefixes) {
  if (groups.empty()) return;
  prefixes.emplace();
  for (const auto& group : groups) prefixes->push_back({.prefix = text(group)});
}

template <class Input>
objects::ListQuery query_of(const Bucket& bucket, const Input& input, size_t max) {
  objects::ListQuery query;
  query.bucket = bucket.id;
  query.prefix = input.prefix.value_or("");
  query.delimiter = input.delimiter.value_or("");
  query.max = max;
  query.full = wants_restore(input.optional_object_attributes);
  return query;
}

// What all three listings echo.
template <class Input, class Output>
void tell_query(const Input& input, size_t max, const KeyText& text, Output& output) {
  output.name = input.bucket;
  output.prefix = text(input.prefix.value_or(""));
  if (input.delimiter && !input.delimiter->empty()) output.delimiter = text(*input.delimiter);
  output.max_keys = static_cast<int32_t>(max);
  output.encoding_type = input.encoding_type;
}

// Mostly it is the same one from row to row.
class Owners {
 public:
  explicit Owners(const Bucket& bucket) : bucket_(bucket) {}
  const api::Owner& of(const objects::Version& version) {
    const std::string& account = bucket_.owner_of_what(version.meta.owner);
    if (!last_.id || last_.display_name != account) last_ = owner_of(account);
    return last_;
  }

 private:
  const Bucket& bucket_;
  api::Owner last_;
};

// `owners` null: they are not told; `restored_at` null: nor what is restored.
std::vector<api::Object> rows_of(const std::vector<objects::Version>& versions, const KeyText& text, Owners* owners,
                                 const std::optional<Time>& restored_at) {
  std::vector<api::Object> rows;
  rows.reserve(versions.size());
  for (const auto& version : versions) {
    api::Object& row = rows.emplace_back();
    tell_row(version, text, row);
    if (owners != nullptr) row.owner = owners->of(version);
    if (restored_at) tell_restore(version, *restored_at, row);
  }
  return rows;
}

}  // namespace

Task<Outcome<api::ListObjectsOutput>> Service::list_objects(Call& call, api::ListObjectsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const KeyText text, KeyText::of(input.encoding_type));
  CO_TRY(const size_t max, page_size(input.max_keys));
  auto query = query_of(*bucket, input, max);
  query.after = input.marker.value_or("");
  const auto restored_at = query.full ? std::optional(call.now) : std::nullopt;
  auto page = co_await objects_.list(std::move(query));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  api::ListObjectsOutput output;
  tell_query(input, max, text, output);
  output.marker = text(input.marker.value_or(""));
  output.is_truncated = page->truncated;
  if (page->truncated && output.delimiter) output.next_marker = text(page->next);
  Owners owners(*bucket);
  if (!page->objects.empty())
    output.contents = rows_of(page->objects, text, call.caller.is_anonymous() ? nullptr : &owners, restored_at);
  call.response_headers.set("x-amz-bucket-region", bucket->region);
  tell_groups(page->groups, text, output.common_prefixes);
  co_return output;
}

Task<Outcome<api::ListObjectsV2Output>> Service::list_objects_v2(Call& call, api::ListObjectsV2Request input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const KeyText text, KeyText::of(input.encoding_type));
  std::string after = input.start_after.value_or("");
  if (input.continuation_token) {
    CO_TRY(after, parse_continuation_token(*input.continuation_token));
  }
  CO_TRY(const size_t max, page_size(input.max_keys));
  auto query = query_of(*bucket, input, max);
  query.after = std::move(after);
  const auto restored_at = query.full ? std::optional(call.now) : std::nullopt;
  auto page = co_await objects_.list(std::move(query));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  api::ListObjectsV2Output output;
  tell_query(input, max, text, output);
  // Of a first page only: where a token says where to go on, it is passed over, and not told.
  if (input.start_after && !input.continuation_token) output.start_after = text(*input.start_after);
  output.continuation_token = input.continuation_token;
  output.is_truncated = page->truncated;
  if (page->truncated) output.next_continuation_token = continuation_token(page->next);
  call.response_headers.set("x-amz-bucket-region", bucket->region);
  output.key_count = static_cast<int32_t>(page->objects.size() + page->groups.size());
  Owners owners(*bucket);
  if (!page->objects.empty())
    output.contents = rows_of(page->objects, text, input.fetch_owner.value_or(false) ? &owners : nullptr, restored_at);
  tell_groups(page->groups, text, output.common_prefixes);
  co_return output;
}

Task<Outcome<api::ListObjectVersionsOutput>> Service::list_object_versions(Call& call,
                                                                           api::ListObjectVersionsRequest input) {
  const auto& marker = input.version_id_marker;
  if (marker && (!input.key_marker || marker->empty())) {
    co_return refuse(errors::invalid_argument(input.key_marker
                                                  ? "A version-id marker cannot be empty."
                                                  : "A version-id marker cannot be specified without a key marker.")
                         .with("ArgumentName", "version-id-marker")
                         .with("ArgumentValue", *marker));
  }
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  objects::ListVersionsQuery query;
  if (marker) {
    CO_TRY(query.after_version, parse_version(marker, "version-id-marker"));
  }
  CO_TRY(const KeyText text, KeyText::of(input.encoding_type));
  if (input.max_keys.value_or(0) < 0)
    co_return refuse(errors::invalid_argument("max-keys cannot be negative").with("ArgumentName", "max-keys"));
  CO_TRY(const size_t max, page_size(input.max_keys));
  static_cast<objects::ListQuery&>(query) = query_of(*bucket, input, max);
  query.after = input.key_marker.value_or("");
  if (marker && query.after.empty()) query.max = 0;  // behind a version of the key that is none nothing comes
  // The null version may be gone, and with it where it stood. Whoever deletes what he lists page by page must not miss
  // what was behind it: rather the key's versions come once more.
  if (marker && *marker == "null" && !query.after.empty()) {
    const auto there = co_await objects_.find(bucket->id, query.after, *query.after_version, false);
    if (!there && there.error().code() == Errc::not_found)
      query.after_version = objects::Select::exact({UINT64_MAX, UINT64_MAX});  // newer than all
  }
  const auto restored_at = query.full ? std::optional(call.now) : std::nullopt;
  auto page = co_await objects_.list_versions(std::move(query));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  api::ListObjectVersionsOutput output;
  tell_query(input, max, text, output);
  if (input.delimiter) output.delimiter = text(*input.delimiter);  // this list tells an empty one too
  output.key_marker = text(input.key_marker.value_or(""));
  output.version_id_marker = input.version_id_marker.value_or("");
  output.is_truncated = page->truncated;
  if (page->truncated) {
    output.next_key_marker = text(page->next);
    if (page->next_version) output.next_version_id_marker = page->next_is_null ? "null" : page->next_version->text();
  }
  Owners owners(*bucket);
  if (!page->objects.empty()) output.versions.emplace();
  for (const auto& version : page->objects) {
    api::VersionEntry& entry = output.versions->emplace_back();
    if (version.is_delete_marker) {
      entry.delete_marker = {.owner = owners.of(version),
                             .key = text(version.key),
                             .version_id = version_text(version),
                             .is_latest = version.is_latest,
                             .last_modified = in_seconds(version.modified)};
      continue;
    }
    api::ObjectVersion& row = entry.version.emplace();
    tell_row(version, text, row);
    row.version_id = version_text(version);
    row.is_latest = version.is_latest;
    row.owner = owners.of(version);
    if (restored_at) tell_restore(version, *restored_at, row);
  }
  tell_groups(page->groups, text, output.common_prefixes);
  co_return output;
}

}  // namespace boreal::s3
