#include "s3/checksums.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/s3/errors.h"
#include "aws/chunked.h"
#include "base/text.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "objects/digest.h"
#include "s3/service.h"

namespace boreal::s3 {

using objects::Algorithm;

namespace {

struct Row {
  Algorithm algorithm;
  std::string_view name;
  std::string_view header;
  size_t bytes;
};
constexpr std::string_view checksum_prefix = "x-amz-checksum-";
constexpr std::array<Row, 10> rows = {{{Algorithm::crc32, "CRC32", "x-amz-checksum-crc32", 4},
                                       {Algorithm::crc32c, "CRC32C", "x-amz-checksum-crc32c", 4},
                                       {Algorithm::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme", 8},
                                       {Algorithm::sha1, "SHA1", "x-amz-checksum-sha1", 20},
                                       {Algorithm::sha256, "SHA256", "x-amz-checksum-sha256", 32},
                                       {Algorithm::sha512, "SHA512", "x-amz-checksum-sha512", 64},
                                       {Algorithm::md5, "MD5", "x-amz-checksum-md5", 16},
                                       {Algorithm::xxhash64, "XXHASH64", "x-amz-checksum-xxhash64", 8},
                                       {Algorithm::xxhash3, "XXHASH3", "x-amz-checksum-xxhash3", 8},
                                       {Algorithm::xxhash128, "XXHASH128", "x-amz-checksum-xxhash128", 16}}};

const Row& row_of(Algorithm algorithm) { return *std::ranges::find(rows, algorithm, &Row::algorithm); }

// `place`: what the value came in.
Outcome<std::string> decode_value(const Row& row, std::string_view text, std::string_view place = "header") {
  auto value = codec::base64_decode(text);
  if (value && value->size() == row.bytes) return std::move(*value);
  return refuse(errors::invalid_request(fmt::format("Value for {} {} is invalid.", row.header, place)));
}

// Of Content-MD5: 16 bytes.
Outcome<std::string> decode_md5(const std::string& text) {
  auto raw = codec::base64_decode(text);
  if (raw && raw->size() == 16) return std::move(*raw);
  return refuse(errors::invalid_digest("The Content-MD5 you specified was invalid.").with("Content-MD5", text));
}

// AWS writes what it expected in hexadecimal for an object's data, and as it came for what it reads whole.
aws::ApiError wrong_md5(const std::string& expected, const std::string& computed) {
  return errors::bad_digest("The Content-MD5 you specified did not match what we received.")
      .with("ExpectedDigest", expected)
      .with("CalculatedDigest", codec::base64_encode(computed));
}

// What may not be done by a body that was damaged on its way.
bool needs_digest(std::string_view operation) {
  constexpr std::string_view all[] = {"DeleteObjects",      "PutBucketCors",         "PutBucketLifecycleConfiguration",
                                      "PutBucketTagging",   "PutObjectLegalHold",    "PutObjectLockConfiguration",
                                      "PutObjectRetention", "UpdateObjectEncryption"};
  return std::ranges::find(all, operation) != std::end(all);
}

// A checksum that nobody knows would be promised in vain.
Outcome<void> check_known(const http::Request& request) {
  if (request.method != "PUT" && request.method != "POST") return {};
  bool has_known = false, has_unknown = false;
  for (const auto& [name, value] : request.headers) {
    if (name.size() < checksum_prefix.size() ||
        !equal_ignoring_case(std::string_view(name).substr(0, checksum_prefix.size()), checksum_prefix)) {
      continue;
    }
    const std::string_view kind = std::string_view(name).substr(checksum_prefix.size());
    const auto is = [&](std::string_view word) { return equal_ignoring_case(kind, word); };
    if (is("algorithm") || is("type") || is("mode")) continue;
    const bool known = std::ranges::any_of(rows, [&](const Row& row) { return is(row.name); });
    (known ? has_known : has_unknown) = true;
  }
  // Beside one that is known, AWS overlooks it.
  if (!has_unknown || has_known) return {};
  return refuse(errors::invalid_request("The algorithm type you specified in x-amz-checksum- header is invalid."));
}

aws::ApiError several_checksums() {
  return errors::invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
}

aws::ApiError algorithm_without_checksum() {
  return errors::invalid_request(
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were "
      "found.");
}

aws::ApiError other_algorithm() {
  return errors::invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.");
}

// What x-amz-sdk-checksum-algorithm says of the checksum that came, if one did.
Outcome<void> check_sdk_algorithm(std::string_view name, std::optional<Algorithm> promised) {
  if (!promised) return refuse(algorithm_without_checksum());
  return equal_ignoring_case(name, row_of(*promised).name) ? Outcome<void>() : refuse(other_algorithm());
}

// There these headers tell of the object, or nothing at all, but not of the body.
bool is_of_object(const aws::Operation& operation) {
  return operation.name == "CompleteMultipartUpload" || operation.name == "CreateMultipartUpload";
}

// What is copied comes from elsewhere, and only a PUT copies.
Outcome<void> check_copies(const aws::Operation& operation, const http::Request& request, std::string_view body) {
  if (operation.name == "CopyObject" || operation.name == "UploadPartCopy") {
    if (body.empty()) return {};
    return refuse(errors::invalid_request(
        "The request included a body. Requests of this type must not include a non-empty body."));
  }
  const auto source = request.headers.get("x-amz-copy-source");
  if (!source || request.method == "PUT") return {};
  return refuse(errors::invalid_argument("You can only specify a copy source header for copy requests.")
                    .with("ArgumentName", "x-amz-copy-source")
                    .with("ArgumentValue", std::string(*source)));
}

// The algorithm of the one checksum that x-amz-trailer announces.
Outcome<void> promise_trailer(const aws::Call& call, Promise& promise) {
  std::vector<Algorithm> announced;
  for (const std::string& name : aws::announced_trailers(call.http.headers)) {
    const auto row = std::ranges::find(rows, name, &Row::header);
    if (row == rows.end())
      return refuse(errors::invalid_request("The value specified in the x-amz-trailer header is not supported"));
    announced.push_back(row->algorithm);
  }
  if (announced.empty()) return {};
  if (announced.size() > 1) return refuse(several_checksums());
  if (promise.checksum) return refuse(errors::invalid_request("Expecting a single x-amz-checksum- header"));
  promise.algorithm = announced.front();
  promise.in_trailer = promise.named = true;
  return {};
}

// Beyond what holds for all documents. Source: S3 API Reference, "PutBucketCors", "PutBucketWebsite".
size_t max_document_bytes(const aws::Operation& operation) {
  if (operation.name == "PutBucketCors") return 64 << 10;
  if (operation.name == "PutBucketWebsite") return 128 << 10;
  return SIZE_MAX;
}

}  // namespace

Outcome<void> Service::check_body(const aws::Operation& operation, const http::Request& request,
                                  std::string_view body) {
  CHECK(check_copies(operation, request, body));
  CHECK(check_known(request));
  // What has no body is not held to what is said of it.
  if (request.method == "GET" || request.method == "HEAD") return {};
  // Event holds of Object Lock: what the model does not know would be passed over, and nothing locked.
  if ((operation.name == "PutObjectRetention" || operation.name == "PutObjectLockConfiguration") &&
      body.contains("EventHold")) {
    return refuse(errors::not_implemented("Event holds are not served."));
  }
  if (const size_t most = max_document_bytes(operation); body.size() > most) {
    return refuse(aws::ApiError("MaxMessageLengthExceeded", 400, "Your request was too big.")
                      .with("MaxMessageLengthBytes", std::to_string(most)));
  }
  std::optional<std::string> md5;
  if (const auto text = request.headers.get("content-md5")) {
    TRY(md5, decode_md5(std::string(*text)));
  }
  std::vector<objects::Checksum> promised;
  for (const Row& row : rows) {
    if (is_of_object(operation)) break;
    const auto text = request.headers.get(row.header);
    if (!text) continue;
    TRY(auto value, decode_value(row, *text));
    promised.push_back({row.algorithm, false, std::move(value)});
  }
  if (promised.size() > 1) return refuse(several_checksums());
  const bool in_trailer = request.headers.has("x-amz-trailer");
  const auto sdk_algorithm = request.headers.get("x-amz-sdk-checksum-algorithm");
  if (sdk_algorithm && !is_of_object(operation) && (!promised.empty() || !in_trailer)) {
    CHECK(check_sdk_algorithm(*sdk_algorithm,
                              promised.empty() ? std::nullopt : std::optional(promised.front().algorithm)));
  }
  if (!md5 && promised.empty()) {
    // Of an empty body it is said later what it lacks.
    if (in_trailer || body.empty() || !needs_digest(operation.name)) return {};
    return refuse(errors::invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*"));
  }
  std::vector<Algorithm> algorithms;
  for (const auto& checksum : promised) algorithms.push_back(checksum.algorithm);
  objects::Digester digester(algorithms);
  digester.update(as_bytes(body));
  const objects::Digests digests = digester.finish();
  if (md5 && *md5 != digests.md5) return refuse(wrong_md5(codec::base64_encode(*md5), digests.md5));
  for (const auto& checksum : promised) {
    if (std::ranges::find(digests.checksums, checksum) == digests.checksums.end())
      return refuse(wrong_checksum(checksum.algorithm));
  }
  return {};
}

std::vector<Algorithm> algorithms() {
  std::vector<Algorithm> all;
  for (const Row& row : rows) all.push_back(row.algorithm);
  return all;
}

std::string_view algorithm_name(Algorithm algorithm) { return row_of(algorithm).name; }

Outcome<Algorithm> parse_algorithm(std::string_view name) {
  for (const Row& row : rows) {
    if (equal_ignoring_case(row.name, name)) return row.algorithm;
  }
  return refuse(errors::invalid_request(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
      "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"));
}

std::string_view checksum_field(Algorithm algorithm) { return row_of(algorithm).header; }

std::optional<std::string>& ChecksumFields::of(Algorithm algorithm) const {
  switch (algorithm) {
    case Algorithm::crc32: return *crc32;
    case Algorithm::crc32c: return *crc32c;
    case Algorithm::crc64nvme: return *crc64nvme;
    case Algorithm::sha1: return *sha1;
    case Algorithm::sha256: return *sha256;
    case Algorithm::sha512: return *sha512;
    case Algorithm::md5: return *md5;
    case Algorithm::xxhash64: return *xxhash64;
    case Algorithm::xxhash3: return *xxhash3;
    case Algorithm::xxhash128: break;
  }
  return *xxhash128;
}

aws::ApiError wrong_checksum(Algorithm algorithm) {
  return errors::bad_digest(
      fmt::format("The {} you specified did not match the calculated checksum.", row_of(algorithm).name));
}

Outcome<std::optional<objects::Checksum>> checksum_in(const ChecksumFields& fields) {
  std::optional<objects::Checksum> found;
  if (std::ranges::count_if(rows, [&](const Row& row) { return fields.of(row.algorithm).has_value(); }) > 1) {
    return refuse(several_checksums());
  }
  for (const Row& row : rows) {
    const auto& text = fields.of(row.algorithm);
    if (!text) continue;
    // A composite value carries the count of its parts.
    const size_t dash = text->find('-');
    const bool has_count = dash == std::string::npos || parse_uint(std::string_view(*text).substr(dash + 1));
    TRY(auto value, decode_value(row, has_count ? std::string_view(*text).substr(0, dash) : ""));
    found = objects::Checksum{row.algorithm, dash != std::string::npos, std::move(value)};
  }
  return found;
}

std::string checksum_text(const objects::Checksum& checksum, uint32_t parts) {
  std::string text = codec::base64_encode(checksum.value);
  if (checksum.composite) text += "-" + std::to_string(parts);
  return text;
}

void write_checksums(const std::vector<objects::Checksum>& checksums, uint32_t parts, const ChecksumFields& fields,
                     std::optional<std::string>* type) {
  for (const auto& checksum : checksums) {
    fields.of(checksum.algorithm) = checksum_text(checksum, parts);
    if (type != nullptr) *type = checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
  }
}

Outcome<Promise> promise_of(const aws::Call& call, const ChecksumFields& fields,
                            const std::optional<std::string>& sdk_algorithm, const std::optional<std::string>& md5) {
  Promise promise;
  TRY(promise.checksum, checksum_in(fields));
  if (promise.checksum) {
    if (promise.checksum->composite) {  // only what is made of parts has one
      return refuse(errors::invalid_request(
          fmt::format("Value for {} header is invalid.", row_of(promise.checksum->algorithm).header)));
    }
    promise.algorithm = promise.checksum->algorithm;
    promise.named = true;
  }
  CHECK(promise_trailer(call, promise));
  if (sdk_algorithm) {
    CHECK(check_sdk_algorithm(*sdk_algorithm, promise.named ? std::optional(promise.algorithm) : std::nullopt));
  }
  CHECK(check_known(call.http));
  if (md5) {
    TRY(promise.md5, decode_md5(*md5));
  }
  return promise;
}

Outcome<void> check_promise(const aws::Call& call, const Promise& promise, const objects::Digests& digests) {
  if (promise.md5 && *promise.md5 != digests.md5)
    return refuse(wrong_md5(codec::hex_encode(*promise.md5), digests.md5));
  const Row& row = row_of(promise.algorithm);
  std::optional<std::string> wanted;
  if (promise.checksum) {
    wanted = promise.checksum->value;
  } else if (promise.in_trailer) {
    const auto text = call.body ? call.body->trailers().get(row.header) : std::nullopt;
    if (!text) {
      return refuse(aws::ApiError("MalformedTrailerError", 400,
                                  "The request contained trailing data that was not well-formed or did not conform to "
                                  "our published schema.")
                        .with("Detail", fmt::format("{} did not come.", row.header)));
    }
    TRY(wanted, decode_value(row, *text, "trailing header"));
  }
  if (!wanted) return {};
  const auto computed = std::ranges::find(digests.checksums, promise.algorithm, &objects::Checksum::algorithm);
  if (computed != digests.checksums.end() && computed->value == *wanted) return {};
  return refuse(wrong_checksum(promise.algorithm));
}

}  // namespace boreal::s3
