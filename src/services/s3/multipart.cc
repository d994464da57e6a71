// Uploads in parts; complete.cc puts them together.
#include "s3/multipart.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "base/text.h"
#include "codec/hex.h"
#include "s3/bucket_policy.h"
#include "s3/checksums.h"
#include "s3/conditions.h"
#include "s3/copy.h"
#include "s3/lifecycle_due.h"
#include "s3/object_meta.h"
#include "s3/ranges.h"
#include "s3/refusal.h"
#include "s3/replica.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr uint64_t max_part_bytes = 5ULL << 30;
constexpr int32_t max_page = 1000;

std::string to_lower_name(objects::Algorithm algorithm) { return to_lower(algorithm_name(algorithm)); }

Outcome<void> keep_checksum(const api::CreateMultipartUploadRequest& input, objects::Meta& meta) {
  if (!input.checksum_algorithm) {
    if (input.checksum_type) {
      return refuse(errors::invalid_request(
          "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."));
    }
    return {};
  }
  TRY(const auto algorithm, parse_algorithm(*input.checksum_algorithm));
  const bool only_full = algorithm == objects::Algorithm::crc64nvme;
  const std::string type = to_upper(input.checksum_type.value_or(only_full ? "FULL_OBJECT" : "COMPOSITE"));
  if (type != "COMPOSITE" && type != "FULL_OBJECT")
    return refuse(errors::invalid_request("Value for x-amz-checksum-type header is invalid."));
  const bool possible = type == "COMPOSITE" ? !only_full : is_crc(algorithm);
  if (!possible) {
    return refuse(errors::invalid_request(fmt::format(
        "The {} checksum type cannot be used with the {} checksum algorithm.", type, to_lower_name(algorithm))));
  }
  meta.attributes[std::string(attribute::checksum)] = algorithm_name(algorithm);
  meta.attributes[std::string(attribute::checksum_type)] = type;
  return {};
}

Outcome<void> check_not_negative(std::string_view name, int32_t value) {
  if (value >= 0) return {};
  return refuse(errors::invalid_argument(fmt::format("Argument {} must be an integer between 0 and 2147483647", name))
                    .with("ArgumentName", std::string(name))
                    .with("ArgumentValue", std::to_string(value)));
}

aws::ApiError out_of_place(std::string message, std::string_view name, std::string_view value) {
  return errors::invalid_argument(std::move(message))
      .with("ArgumentName", std::string(name))
      .with("ArgumentValue", std::string(value));
}

// Whether an upload to the key that is no more had this id: it was completed or given up. What it was in a bucket that
// had the name before does not count.
bool was_upload(const Bucket& bucket, const std::string& key, const std::string& text) {
  const auto id = objects::Id::parse(text);
  return id && objects::may_be_upload_of(key, *id) && objects::time_of(*id) >= bucket.created;
}

// A user is its own initiator; root, and whoever no longer tells, is the account.
api::Initiator initiator_of(const objects::Upload& upload) {
  const std::string arn = attribute_of(upload.meta, attribute::initiator);
  const auto who = aws::Arn::parse(arn);
  if (who && who->resource != "root") return {.id = arn, .display_name = arn.substr(arn.rfind('/') + 1)};
  const std::string account = who ? who->account : upload.meta.owner;
  return {.id = canonical_id(account), .display_name = account};
}

}  // namespace

aws::ApiError no_such_upload(const std::string& id) {
  return errors::no_such_upload(
             "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
             "or completed.")
      .with("UploadId", id);
}

Outcome<void> check_part_number(int32_t number) {
  if (number >= 1 && number <= static_cast<int32_t>(objects::max_parts)) return {};
  return refuse(errors::invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
                    .with("ArgumentName", "partNumber")
                    .with("ArgumentValue", std::to_string(number)));
}

Outcome<void> check_upload_headers(const aws::Call& call, bool is_copy) {
  for (const auto& [name, value] : call.http.headers) {
    const auto is = [&name](std::string_view other) { return http::equals_ignore_case(name, other); };
    if (to_lower(name).starts_with("x-amz-meta-"))
      return refuse(out_of_place("Metadata cannot be specified in this context.", to_lower(name), value));
    const bool is_misplaced =
        is("x-amz-acl") || is("x-amz-tagging") || (is_copy && (is("x-amz-metadata-directive") || is("content-md5")));
    if (is_misplaced && !value.empty())
      return refuse(out_of_place("The specified header is not valid in this context", name, value));
  }
  return {};
}

Outcome<objects::UploadId> parse_upload_id(const std::string& text) {
  const auto id = objects::Id::parse(text);
  if (!id) return refuse(no_such_upload(text));
  return *id;
}

// A part must come with the key that the upload was begun with.
Task<Outcome<void>> open_upload(Call& call, RequestKeys& keys, const objects::Upload& upload) {
  auto opened = co_await keys.open(&call, upload.wrapped_key);
  if (opened) co_return opened;
  const bool is_customers = wrapping_of(upload.wrapped_key) == Wrapping::customer;
  if (is_customers && opened.error().code == "AccessDenied") {
    co_return refuse(
        errors::invalid_request("The provided encryption parameters did not match the ones used originally."));
  }
  if (!is_customers && opened.error().code != "InvalidRequest") co_return opened;
  co_return refuse(errors::invalid_request(
      "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
      "encryption parameters."));
}

// Whether the key of the parts is at hand: AWS seals checksums by it. Source: S3 User Guide, "Multipart upload API and
// permissions"; S3 API Reference, "CompleteMultipartUpload", "ListParts".
Task<Outcome<bool>> Service::opens_parts(Call& call, const objects::Upload& upload, std::optional<CustomerKey> customer,
                                         bool is_needed) {
  if (wrapping_of(upload.wrapped_key) == Wrapping::own) co_return true;
  const bool is_brought = customer.has_value();
  RequestKeys keys(keys_, std::move(customer));
  auto opened = co_await open_upload(call, keys, upload);
  if (!opened && (is_needed || is_brought)) co_return refuse(std::move(opened).error());
  co_return opened.has_value();
}

UploadChecksum checksum_of(const objects::Meta& meta) {
  UploadChecksum checksum;
  if (const auto algorithm = parse_algorithm(attribute_of(meta, attribute::checksum))) {
    checksum = {*algorithm, attribute_of(meta, attribute::checksum_type) == "COMPOSITE", true};
  }
  return checksum;
}

Task<Outcome<api::CreateMultipartUploadOutput>> Service::create_multipart_upload(
    Call& call, api::CreateMultipartUploadRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_key(input.key));
  const Wishes wishes = wishes_of(input);
  CO_TRY(auto meta, meta_of(*bucket, call, wishes));
  CO_CHECK(keep_checksum(input, meta));
  CO_TRY(auto encryption, encryption_for(*bucket, wishes));
  CO_TRY(auto data_key, co_await keys_.make(&call, *bucket, bucket->arn_of(input.key), encryption));
  keep(encryption, meta.attributes);
  meta.attributes[std::string(attribute::initiator)] = call.caller.arn();
  meta.attributes[std::string(attribute::initiator_id)] = call.caller.principal().user_id;
  const auto there = co_await objects_.find(bucket->id, input.key, objects::Select::latest(), false);
  if (!there && there.error().code() != Errc::not_found) co_return refuse(aws::ApiError(there.error()));
  if (there && !there->version->is_delete_marker) meta.attributes[std::string(attribute::overwrites)] = "true";
  CO_TRY(const auto replica, co_await replica_for(call, *bucket, input.key));
  if (replica) {
    mark_replica(meta);
    meta.attributes[std::string(attribute::replica)] = replica_text(*replica);
  }
  auto upload = co_await objects_.create_upload({bucket->id, input.key, std::move(meta), std::move(data_key.wrapped)});
  if (!upload && upload.error().code() == Errc::not_found) co_return refuse(no_such_bucket(input.bucket));
  if (!upload) co_return refuse(aws::ApiError(std::move(upload).error()));
  api::CreateMultipartUploadOutput output;
  output.bucket = input.bucket;
  output.key = input.key;
  output.upload_id = upload->id.text();
  if (const auto end = abort_due(*bucket, input.key, upload->initiated)) {
    output.abort_date = end->when;
    output.abort_rule_id = end->rule_id;
  }
  if (input.checksum_algorithm) {
    output.checksum_algorithm = attribute_of(upload->meta, attribute::checksum);
    output.checksum_type = attribute_of(upload->meta, attribute::checksum_type);
  }
  tell_encryption(encryption, input.sse_customer_key_md5, output);
  co_return output;
}

Task<Outcome<objects::Upload>> Service::find_upload(BucketRef bucket, std::string key, std::string upload_id) {
  CO_CHECK(check_key(key));
  CO_TRY(const auto id, parse_upload_id(upload_id));
  auto upload = co_await objects_.find_upload(bucket->id, key, id);
  if (upload) co_return std::move(*upload);
  if (upload.error().code() == Errc::not_found) co_return refuse(no_such_upload(upload_id));
  co_return refuse(aws::ApiError(std::move(upload).error()));
}

// For policies. What cannot be read is not taken for what is not there: a Deny could be passed over.
Task<Outcome<std::optional<objects::Upload>>> Service::upload_if_any(BucketRef bucket, std::string key,
                                                                     std::string upload_id) {
  auto upload = co_await find_upload(bucket, std::move(key), std::move(upload_id));
  if (!upload && upload.error().status >= 500) co_return refuse(std::move(upload).error());
  co_return upload ? std::optional(std::move(*upload)) : std::nullopt;
}

// Parts and their completion are encrypted as the upload was begun, and answer for that without the header. The
// client's own key is not remembered.
Task<Outcome<void>> Service::add_upload_encryption(const Call& call, BucketRef bucket, const std::string& key,
                                                   const std::string& upload_id, Access& access) {
  const bool is_root = call.caller.principal().kind == aws::Principal::Kind::root;
  const bool is_asked = !is_root || may_ask_for(*bucket, "server-side-encryption");
  if (!is_asked) co_return Outcome<void>();
  CO_TRY(const auto upload, co_await upload_if_any(bucket, key, upload_id));
  if (!upload) co_return Outcome<void>();
  const Encryption encryption = encryption_of(upload->meta);
  if (encryption.algorithm == "customer") co_return Outcome<void>();
  access.context.emplace("s3:x-amz-server-side-encryption", encryption.algorithm);
  if (!encryption.kms_key.empty())
    access.context.emplace("s3:x-amz-server-side-encryption-aws-kms-key-id", encryption.kms_key);
  co_return Outcome<void>();
}

Task<Outcome<api::UploadPartOutput>> Service::upload_part(Call& call, api::UploadPartRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (input.upload_id.empty()) co_return refuse(part_without_upload());
  CO_CHECK(check_part_number(input.part_number));
  CO_CHECK(check_upload_headers(call));
  CO_CHECK(check_length(call.http));
  CO_TRY(const auto upload, co_await find_upload(bucket, input.key, input.upload_id));
  CO_CHECK(check_no_encryption(call, &upload));
  CO_TRY(Promise promise, promise_of(call, input));
  const bool is_locked = retention_of(upload.meta) || has_legal_hold(upload.meta);
  if (is_locked && !promise.named && !promise.md5) {
    co_return refuse(errors::invalid_request(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock parameters"));
  }
  const UploadChecksum wanted = checksum_of(upload.meta);
  // A composite checksum is made of those that the client vouches for, part by part.
  const bool is_other = promise.named ? promise.algorithm != wanted.algorithm : wanted.composite;
  if (wanted.named && is_other) {
    co_return refuse(errors::invalid_request(
        fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                    to_lower_name(wanted.algorithm), promise.named ? to_lower_name(promise.algorithm) : "null")));
  }
  CO_TRY(auto customer, customer_key_of(input));
  CO_CHECK(check_customer_key(*bucket, customer));
  RequestKeys keys(keys_, std::move(customer));
  CO_CHECK(co_await open_upload(call, keys, upload));

  Refusal refusal;
  objects::PartRequest put;
  put.bucket = bucket->id;
  put.key = input.key;
  put.upload = upload.id;
  put.number = static_cast<uint32_t>(input.part_number);
  put.checksums = {wanted.algorithm};
  if (promise.named && promise.algorithm != wanted.algorithm) put.checksums.push_back(promise.algorithm);
  put.accept = [&](const objects::Digests& digests) { return refusal.hold(check_promise(call, promise, digests)); };
  put.keys = &keys;
  auto part = co_await objects_.put_part(std::move(put), *input.body);
  if (!part) {
    if (part.error().code() == Errc::not_found) co_return refuse(no_such_upload(input.upload_id));
    co_return refuse(refusal.of(std::move(part).error()));
  }
  api::UploadPartOutput output;
  output.etag = quoted(codec::hex_encode(part->md5));
  for (const auto& checksum : part->checksums) {
    const bool told = promise.named ? checksum.algorithm == promise.algorithm : checksum.algorithm == wanted.algorithm;
    if (told) checksum_fields(output).of(checksum.algorithm) = checksum_text(checksum, 0);
  }
  tell_encryption(encryption_of(upload.meta), input.sse_customer_key_md5, output);
  co_return output;
}

Task<Outcome<api::UploadPartCopyOutput>> Service::upload_part_copy(Call& call, api::UploadPartCopyRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (input.upload_id.empty()) co_return refuse(part_without_upload());
  CO_CHECK(check_part_number(input.part_number));
  CO_CHECK(check_upload_headers(call, true));
  CO_TRY(const auto upload, co_await find_upload(bucket, input.key, input.upload_id));
  CO_CHECK(check_no_encryption(call, &upload));
  CO_TRY(const auto source, parse_copy_source(input.copy_source));
  CO_TRY(auto source_customer,
         parse_customer_key(input.copy_source_sse_customer_algorithm, input.copy_source_sse_customer_key,
                            input.copy_source_sse_customer_key_md5, KeyUse::reading));
  const ReadConditions conditions{input.copy_source_if_match, input.copy_source_if_none_match,
                                  input.copy_source_if_modified_since, input.copy_source_if_unmodified_since};
  CO_TRY(auto from, co_await find_copy_source(call, source, conditions, std::move(source_customer)));
  CO_TRY(auto customer, customer_key_of(input));
  CO_CHECK(check_customer_key(*bucket, customer));
  RequestKeys keys(keys_, std::move(customer));
  CO_CHECK(co_await open_upload(call, keys, upload));

  objects::PartCopyRequest copy;
  copy.range = {0, from.found.version->size};
  if (input.copy_source_range) {
    CO_TRY(copy.range, parse_copy_range(*input.copy_source_range, from.found.version->size));
  }
  if (copy.range.length > max_part_bytes) {
    co_return refuse(errors::invalid_request(
        "The specified copy range is larger than the maximum allowable size for a copy source: 5368709120"));
  }
  const auto& version = *from.found.version;
  copy.share = wrapping_of(version.wrapped_key) == Wrapping::own && wrapping_of(upload.wrapped_key) == Wrapping::own;
  if (tells_version(source, version)) {
    call.response_headers.set("x-amz-copy-source-version-id", version_text(version));
  }
  copy.source = std::move(from.found);
  copy.bucket = bucket->id;
  copy.key = input.key;
  copy.upload = upload.id;
  copy.number = static_cast<uint32_t>(input.part_number);
  copy.checksums = {checksum_of(upload.meta).algorithm};
  copy.source_keys = from.keys.get();
  copy.keys = &keys;
  auto part = co_await objects_.copy_part(std::move(copy));
  if (!part) {
    if (part.error().code() == Errc::not_found) co_return refuse(no_such_upload(input.upload_id));
    co_return refuse(aws::ApiError(std::move(part).error()));
  }
  api::UploadPartCopyOutput output;
  auto& result = output.copy_part_result.emplace();
  result.etag = quoted(codec::hex_encode(part->md5));
  result.last_modified = in_seconds(part->modified);
  if (checksum_of(upload.meta).named) write_checksums(part->checksums, 0, checksum_fields(result), nullptr);
  tell_encryption(encryption_of(upload.meta), input.sse_customer_key_md5, output);
  co_return output;
}

Task<Outcome<api::AbortMultipartUploadOutput>> Service::abort_multipart_upload(Call&,
                                                                               api::AbortMultipartUploadRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  const auto upload = co_await find_upload(bucket, input.key, input.upload_id);
  if (!upload && upload.error().code == "NoSuchUpload" && was_upload(*bucket, input.key, input.upload_id)) {
    co_return api::AbortMultipartUploadOutput{};
  }
  if (!upload) co_return refuse(upload.error());
  CO_CHECK(check_abort(input.if_match_initiated_time, upload->initiated));
  auto done = co_await objects_.abort_upload(bucket->id, input.key, upload->id);
  // What has just ended otherwise is at its end, too.
  if (!done && done.error().code() != Errc::not_found) co_return refuse(aws::ApiError(std::move(done).error()));
  co_return api::AbortMultipartUploadOutput{};
}

Task<Outcome<api::ListPartsOutput>> Service::list_parts(Call& call, api::ListPartsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const auto upload, co_await find_upload(bucket, input.key, input.upload_id));
  const Wrapping wrapping = wrapping_of(upload.wrapped_key);
  const bool is_named = checksum_of(upload.meta).named;
  if (wrapping != Wrapping::customer || is_named) {  // else no checksum is told, and what comes of a key is passed over
    CO_TRY(auto customer, customer_key_of(input));
    CO_CHECK(co_await opens_parts(call, upload, std::move(customer), wrapping == Wrapping::kms || is_named));
  }
  const int32_t after = input.part_number_marker.value_or(0);
  const int32_t asked = input.max_parts.value_or(max_page);
  CO_CHECK(check_not_negative("part-number-marker", after));
  CO_CHECK(check_not_negative("max-parts", asked));
  const int32_t max = std::min(asked, max_page);
  auto page = co_await objects_.list_parts(bucket->id, input.key, upload.id, static_cast<uint32_t>(after),
                                           static_cast<size_t>(max));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  api::ListPartsOutput output;
  output.bucket = input.bucket;
  output.key = input.key;
  output.upload_id = input.upload_id;
  output.part_number_marker = after;
  output.max_parts = max;
  output.is_truncated = page->truncated && max > 0;  // as all lists: of nothing there is no next page
  output.storage_class = upload.meta.tier;
  output.owner = owner_of(bucket->owner_of_what(upload.meta.owner));
  output.initiator = initiator_of(upload);
  if (const auto end = abort_due(*bucket, input.key, upload.initiated)) {
    output.abort_date = end->when;
    output.abort_rule_id = end->rule_id;
  }
  const UploadChecksum checksum = checksum_of(upload.meta);
  if (checksum.named) {
    output.checksum_algorithm = algorithm_name(checksum.algorithm);
    output.checksum_type = checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
  }
  output.next_part_number_marker = page->parts.empty() ? 0 : static_cast<int32_t>(page->parts.back().number);
  output.parts.emplace();
  for (const auto& part : page->parts) {
    api::Part row;
    row.part_number = static_cast<int32_t>(part.number);
    row.last_modified = in_seconds(part.modified);
    row.etag = quoted(codec::hex_encode(part.md5));
    row.size = static_cast<int64_t>(part.size);
    if (checksum.named) write_checksums(part.checksums, 0, checksum_fields(row), nullptr);
    output.parts->push_back(std::move(row));
  }
  co_return output;
}

Task<Outcome<api::ListMultipartUploadsOutput>> Service::list_multipart_uploads(Call&,
                                                                               api::ListMultipartUploadsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_TRY(const bool encoded, wants_encoded_keys(input.encoding_type));
  const int32_t asked = input.max_uploads.value_or(max_page);
  CO_CHECK(check_not_negative("max-uploads", asked));
  objects::ListUploadsQuery query;
  query.bucket = bucket->id;
  query.prefix = input.prefix.value_or("");
  query.delimiter = input.delimiter.value_or("");
  query.after = input.key_marker.value_or("");
  query.max = static_cast<size_t>(std::min(asked, max_page));
  query.full = true;
  if (!input.upload_id_marker.value_or("").empty() && !query.after.empty()) {
    query.after_upload = objects::Id::parse(*input.upload_id_marker);
    // Whoever ends uploads page by page goes on from one that is gone. Ids of before they told keys are looked for.
    if (!query.after_upload || !objects::may_be_upload_of(query.after, *query.after_upload)) {
      const auto there = co_await find_upload(bucket, query.after, *input.upload_id_marker);
      if (!there && there.error().code != "NoSuchUpload") co_return refuse(there.error());
      if (!there)
        co_return refuse(errors::invalid_argument("Invalid uploadId marker")
                             .with("ArgumentName", "upload-id-marker")
                             .with("ArgumentValue", *input.upload_id_marker));
    }
  }
  const bool query_has_key = !query.after.empty();
  auto page = co_await objects_.list_uploads(std::move(query));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  const auto text = [&](const std::string& key) { return encoded ? encoded_key(key) : key; };
  api::ListMultipartUploadsOutput output;
  output.bucket = input.bucket;
  output.key_marker = text(input.key_marker.value_or(""));
  output.upload_id_marker = query_has_key ? input.upload_id_marker.value_or("") : "";  // alone it is ignored
  if (!input.prefix.value_or("").empty()) output.prefix = text(*input.prefix);
  if (!input.delimiter.value_or("").empty()) output.delimiter = text(*input.delimiter);
  output.max_uploads = std::min(asked, max_page);
  output.encoding_type = input.encoding_type;
  output.is_truncated = page->truncated;
  if (page->truncated) {
    output.next_key_marker = text(page->next);
    output.next_upload_id_marker = page->next_upload ? page->next_upload->text() : "";
  } else {  // there, although nobody needs them
    output.next_key_marker = page->uploads.empty() ? "" : text(page->uploads.back().key);
    output.next_upload_id_marker = page->uploads.empty() ? "" : page->uploads.back().id.text();
  }
  if (!page->uploads.empty()) output.uploads.emplace();
  for (const auto& upload : page->uploads) {
    api::MultipartUpload row;
    row.upload_id = upload.id.text();
    row.key = text(upload.key);
    row.initiated = in_seconds(upload.initiated);
    row.storage_class = upload.meta.tier;
    row.owner = owner_of(bucket->owner_of_what(upload.meta.owner));
    row.initiator = initiator_of(upload);
    if (const UploadChecksum checksum = checksum_of(upload.meta); checksum.named) {
      row.checksum_algorithm = algorithm_name(checksum.algorithm);
      row.checksum_type = checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
    }
    output.uploads->push_back(std::move(row));
  }
  if (!page->groups.empty()) output.common_prefixes.emplace();
  for (const auto& group : page->groups) output.common_prefixes->push_back({.prefix = text(group)});
  co_return output;
}

}  // namespace boreal::s3
