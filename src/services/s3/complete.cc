// CompleteMultipartUpload: parts become an object.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "crypto/hash.h"
#include "s3/checksums.h"
#include "s3/conditions.h"
#include "s3/lifecycle_due.h"
#include "s3/multipart.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/object_meta.h"
#include "s3/refusal.h"
#include "s3/replica.h"
#include "s3/replication_rules.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr uint64_t min_part_bytes = 5 << 20;

std::string_view unquoted(std::string_view etag) {
  const bool is_quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  return is_quoted ? etag.substr(1, etag.size() - 2) : etag;
}

// One tag, however it is quoted: neither the list nor the * that a condition may be.
bool is_etag_of(const std::string& text, const objects::Part& part) {
  return text.find_first_of(",*") == std::string::npos && etag_matches(text, codec::hex_encode(part.md5));
}

Outcome<void> check_schema(const std::vector<api::CompletedPart>& parts) {
  const bool is_good = !parts.empty() && std::ranges::all_of(parts, [](const api::CompletedPart& part) {
    return part.part_number.has_value() && part.etag.has_value();
  });
  if (is_good) return {};
  return refuse(malformed_xml());
}

Outcome<void> check_sizes(std::span<const objects::Part> parts) {
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i].size >= min_part_bytes) continue;
    return refuse(errors::entity_too_small("Your proposed upload is smaller than the minimum allowed size")
                      .with("ProposedSize", std::to_string(parts[i].size))
                      .with("MinSizeAllowed", std::to_string(min_part_bytes))
                      .with("PartNumber", std::to_string(parts[i].number))
                      .with("ETag", codec::hex_encode(parts[i].md5)));
  }
  return {};
}

// What the client says of a part, read.
struct ReadPart {
  std::string md5;  // raw; empty: the entity tag is written in another way
  Outcome<std::optional<objects::Checksum>> promised;
};
std::vector<ReadPart> read(std::vector<api::CompletedPart>& wanted) {
  std::vector<ReadPart> all;
  all.reserve(wanted.size());
  for (api::CompletedPart& part : wanted) {
    const std::string_view etag = unquoted(*part.etag);
    auto md5 = codec::hex_decode(etag);
    const bool is_plain = md5 && codec::hex_encode(*md5) == etag;
    all.push_back({is_plain ? std::move(*md5) : std::string(), checksum_in(checksum_fields(part))});
  }
  return all;
}

// The parts that the client names, against those that there are. Only compares: there may be ten thousand, and all
// others wait.
Outcome<void> check_parts(const std::vector<api::CompletedPart>& wanted, const std::vector<ReadPart>& said,
                          std::span<const objects::Part> parts, const UploadChecksum& checksum,
                          const std::string& upload_id) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto bad = [&] {
      return refuse(
          errors::invalid_part(
              "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
              "specified entity tag may not match the part's entity tag.")
              .with("UploadId", upload_id)
              .with("PartNumber", std::to_string(parts[i].number))
              .with("ETag", std::string(unquoted(*wanted[i].etag))));
    };
    if (!parts[i].present) return bad();
    if (said[i].md5 != parts[i].md5 && !is_etag_of(*wanted[i].etag, parts[i])) return bad();
    if (!said[i].promised)
      return refuse(errors::invalid_argument("Invalid Base64 or multiple checksums present in request")
                        .with("ArgumentName", "Checksum"));
    const auto& promised = *said[i].promised;
    if (promised && checksum.named && promised->algorithm != checksum.algorithm) {
      return refuse(errors::bad_digest(fmt::format("The {} you specified for part {} did not match what we received.",
                                                   to_lower(algorithm_name(promised->algorithm)), parts[i].number)));
    }
    // Where the upload named no algorithm, what its parts were sent with was forgotten, and what the object gets then
    // is of no part.
    const bool is_known =
        promised && checksum.named && std::ranges::find(parts[i].checksums, *promised) != parts[i].checksums.end();
    if (promised && !is_known) return bad();
    if (!promised && checksum.named && checksum.composite) {
      return refuse(errors::invalid_request(
          fmt::format("The upload was created using a {} checksum. The complete request must include the checksum for "
                      "each part. It was missing for part {} in the request.",
                      to_lower(algorithm_name(checksum.algorithm)), parts[i].number)));
    }
  }
  return check_sizes(parts);
}

aws::ApiError wrong_order(const std::string& upload_id) {
  return errors::invalid_part_order(
             "The list of parts was not in ascending order. Parts must be ordered by part number.")
      .with("UploadId", upload_id);
}

Outcome<std::vector<uint32_t>> numbers_of(const std::vector<api::CompletedPart>& parts, const std::string& upload_id) {
  std::vector<uint32_t> numbers;
  for (const auto& part : parts) {
    const int32_t number = *part.part_number;
    if (number < 1) return refuse(errors::invalid_argument("PartNumber must be >= 1"));
    if (number > static_cast<int32_t>(objects::max_parts)) {
      return refuse(errors::invalid_argument("PartNumber must be an integer between 1 and 10000, inclusive"));
    }
    if (!numbers.empty() && static_cast<uint32_t>(number) <= numbers.back()) return refuse(wrong_order(upload_id));
    numbers.push_back(static_cast<uint32_t>(number));
  }
  return numbers;
}

// The entity tag that an object of these parts has; empty when one names no MD5.
std::string etag_of(const std::vector<api::CompletedPart>& parts) {
  crypto::Md5 whole;
  for (const auto& part : parts) {
    const std::string text = part.etag.value_or("");
    const auto md5 = codec::hex_decode(unquoted(text));
    if (!md5 || md5->size() != 16) return {};
    whole.update(as_bytes(*md5));
  }
  return fmt::format("{}-{}", codec::hex_encode(whole.finish()), parts.size());
}

// What an object keeps of its upload.
void settle(objects::Meta& meta, const std::string& upload_id) {
  for (const std::string_view name : {attribute::initiator, attribute::initiator_id, attribute::overwrites,
                                      attribute::replica, attribute::checksum, attribute::checksum_type})
    meta.attributes.erase(std::string(name));
  meta.attributes[std::string(attribute::upload)] = upload_id;
}

// Where the upload named no algorithm, only a checksum by the one that it has then is looked at.
ChecksumFields checksums_that_count(api::CompleteMultipartUploadRequest& input, const UploadChecksum& checksum) {
  const ChecksumFields fields = checksum_fields(input);
  for (const objects::Algorithm algorithm : algorithms()) {
    if (!checksum.named && algorithm != checksum.algorithm) fields.of(algorithm).reset();
  }
  return fields;
}

// The checksum that came with the completion. Where the upload named no algorithm, those that S3 has known for long are
// overlooked, the later ones are not.
Outcome<void> check_sent(api::CompleteMultipartUploadRequest& input, const UploadChecksum& checksum) {
  using enum objects::Algorithm;
  constexpr objects::Algorithm later[] = {sha512, md5, xxhash64, xxhash3, xxhash128};
  TRY(const auto sent, checksum_in(checksum_fields(input)));
  if (!sent || checksum.named || std::ranges::find(later, sent->algorithm) == std::end(later)) return {};
  return refuse(errors::invalid_request(
      fmt::format("The upload was created without a checksum algorithm. The complete request must not include a {} "
                  "checksum.",
                  to_lower(algorithm_name(sent->algorithm)))));
}

// `is_again`: it was told before; checksums are not told twice.
api::CompleteMultipartUploadOutput told(const Call& call, const Bucket& bucket, const objects::Version& made,
                                        bool is_again = false) {
  api::CompleteMultipartUploadOutput output;
  // AWS writes the slashes of the key as %2F here.
  output.location = address_of(call.http, bucket.name) + codec::percent_encode(made.key);
  output.bucket = bucket.name;
  output.key = made.key;
  output.etag = quoted(made.etag);
  if (!is_again) write_checksums(made.checksums, made.part_count, checksum_fields(output), &output.checksum_type);
  if (!made.is_null) output.version_id = version_text(made);
  tell_encryption(encryption_of(made.meta), {}, output);
  output.expiration = expiration_header(bucket, made);
  return output;
}

}  // namespace

// A client that did not hear the answer asks again: as long as the version is there, newest or not, it hears it now.
// More than a page of newer ones is not looked through.
Task<Outcome<objects::Version>> Service::find_completed(BucketRef bucket, std::string key, std::string upload_id,
                                                        std::string etag) {
  const auto id = objects::Id::parse(upload_id);
  if (!id || !objects::may_be_upload_of(key, *id)) co_return refuse(no_such_upload(upload_id));
  objects::ListVersionsQuery query;
  query.bucket = bucket->id;
  query.prefix = key;
  query.full = true;
  auto page = co_await objects_.list_versions(std::move(query));
  if (!page) co_return refuse(aws::ApiError(std::move(page).error()));
  for (objects::Version& version : page->objects) {
    const auto made_by = version.meta.attributes.find(attribute::upload);
    const bool is_it = version.key == key && made_by != version.meta.attributes.end() && made_by->second == upload_id;
    if (is_it && version.etag == etag) co_return std::move(version);
  }
  co_return refuse(no_such_upload(upload_id));
}

Task<Outcome<api::CompleteMultipartUploadOutput>> Service::complete_multipart_upload(
    Call& call, api::CompleteMultipartUploadRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_upload_headers(call));
  CO_CHECK(check_write_headers(input.if_match, input.if_none_match));
  if (!input.multipart_upload) {
    if (const auto upload = co_await find_upload(bucket, input.key, input.upload_id); !upload)
      co_return refuse(upload.error());
    co_return refuse(errors::invalid_request("You must specify at least one part"));
  }
  auto wanted = std::move(input.multipart_upload->parts).value_or(std::vector<api::CompletedPart>());
  CO_CHECK(check_schema(wanted));
  objects::CompleteRequest complete;
  CO_TRY(complete.numbers, numbers_of(wanted, input.upload_id));
  if (input.mpu_object_size.value_or(0) < 0) {
    co_return refuse(errors::invalid_request(
        fmt::format("Value for x-amz-mp-object-size header is less than zero: '{}'", *input.mpu_object_size)));
  }
  const auto found = co_await find_upload(bucket, input.key, input.upload_id);
  if (!found) {
    if (found.error().code != "NoSuchUpload") co_return refuse(found.error());
    auto etag = co_await context_.pool.run([&] { return etag_of(wanted); });
    CO_TRY(const auto made, co_await find_completed(bucket, input.key, input.upload_id, std::move(etag)));
    CO_CHECK(checksum_in(checksum_fields(input)));
    co_return told(call, *bucket, made, true);
  }
  const objects::Upload& upload = *found;
  CO_CHECK(check_no_encryption(call, &upload));
  const UploadChecksum checksum = checksum_of(upload.meta);
  // A composite checksum is of parts without a gap, the first of them number 1. Source: S3 API Reference,
  // "CompletedPart".
  const bool has_gap = complete.numbers.back() != complete.numbers.size();
  if (checksum.named && checksum.composite && has_gap) co_return refuse(wrong_order(input.upload_id));
  CO_CHECK(check_sent(input, checksum));
  CO_TRY(auto promised, checksum_in(checksums_that_count(input, checksum)));
  CO_TRY(auto customer, customer_key_of(input));
  CO_CHECK(check_customer_key(*bucket, customer));
  // Only one that was asked for must be.
  CO_TRY(const bool has_checksum,
         co_await opens_parts(call, upload, std::move(customer), checksum.named || promised.has_value()));
  const std::string type = to_upper(input.checksum_type.value_or(""));
  if (input.checksum_type && type != "COMPOSITE" && type != "FULL_OBJECT")
    co_return refuse(errors::invalid_request("Value for x-amz-checksum-type header is invalid."));
  // An upload that was begun without an algorithm has no mode, not even the one that its checksum will have.
  const std::string_view mode = !checksum.named ? "null" : checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
  if (input.checksum_type && type != mode) {
    co_return refuse(errors::invalid_request(
        fmt::format("The upload was created using the {} checksum mode. The complete request must use the same "
                    "checksum mode.",
                    mode)));
  }
  // Of what was begun without an algorithm there is no composite checksum to compare with.
  if (promised && promised->composite && !checksum.named) promised.reset();
  // One that is sent without a type is of its algorithm's usual type, which is that of the whole for CRC64NVME only.
  const bool is_other_type =
      promised && !input.checksum_type && !checksum.composite && checksum.algorithm != default_algorithm;
  // Of ten thousand parts it takes milliseconds.
  const auto said = co_await context_.pool.run([&] { return read(wanted); });
  Refusal refusal;
  complete.bucket = bucket->id;
  complete.key = input.key;
  complete.upload = upload.id;
  complete.versioning = buckets_.versioning_then(*bucket);
  if (has_checksum) complete.checksum = checksum.algorithm;
  complete.composite = checksum.composite;
  const std::optional<Replica> replica = parse_replica(attribute_of(upload.meta, attribute::replica));
  complete.origin = origin_of(*bucket, replica);
  const bool is_replicated = !replica && replicates_object(*bucket, input.key, upload.meta);
  complete.note = is_replicated;
  bool is_retained = false;
  complete.accept = [&](std::span<const objects::Part> parts, objects::Meta& meta) {
    settle(meta, input.upload_id);
    if (const BucketRef now = buckets_.find(bucket->name); now && !says_own_lock(meta))  // there may be a default since
      keep_retention(default_retention(*now, context_.clock.now()), meta);
    is_retained = says_own_lock(meta);
    if (is_replicated) mark_pending(meta);
    return refusal.hold(check_parts(wanted, said, parts, checksum, input.upload_id));
  };
  complete.verify = [&](const objects::Version& result) {
    return refusal.hold([&]() -> Outcome<void> {
      const bool is_wrong =
          is_other_type || (promised && std::ranges::none_of(result.checksums, [&](const objects::Checksum& own) {
                              return own.algorithm == promised->algorithm && own.value == promised->value;
                            }));
      if (is_wrong && checksum.composite) return refuse(wrong_checksum(promised->algorithm));
      if (is_wrong) {
        return refuse(errors::bad_digest(fmt::format("The {} you specified did not match the calculated checksum.",
                                                     to_lower(algorithm_name(checksum.algorithm)))));
      }
      if (!input.mpu_object_size || static_cast<uint64_t>(*input.mpu_object_size) == result.size) return {};
      return refuse(errors::invalid_request(
          fmt::format("The provided 'x-amz-mp-object-size' header value {} does not match what was computed: {}",
                      *input.mpu_object_size, result.size)));
    }());
  };
  complete.precondition = [&](const objects::Version* latest) {
    const bool overwrites = upload.meta.attributes.contains(attribute::overwrites);
    const auto unlocked = check_unlocked_then(*bucket, is_retained);
    return refusal.hold(
        unlocked ? check_complete(input.if_match, input.if_none_match, input.key, latest, upload.id, overwrites)
                 : unlocked);
  };
  auto made = co_await objects_.complete_upload(std::move(complete));
  if (!made && replica) made = co_await there_already(*bucket, input.key, *replica, std::move(made).error(), refusal);
  if (!made && made.error().code() == Errc::not_found) {  // the same request, sent twice, may have done it meanwhile
    auto etag = co_await context_.pool.run([&] { return etag_of(wanted); });
    CO_TRY(const auto there, co_await find_completed(bucket, input.key, input.upload_id, std::move(etag)));
    co_return told(call, *bucket, there, true);
  }
  if (!made) co_return refuse(refusal.of(std::move(made).error()));
  if (is_replicated) replication_.wake(bucket->name);
  co_return told(call, *bucket, *made);
}

}  // namespace boreal::s3
