// Checksums of objects as requests promise them and answers tell them.
// Source: S3 User Guide, "Checking object integrity".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/call.h"
#include "aws/error.h"
#include "objects/types.h"

namespace boreal::s3 {

inline constexpr objects::Algorithm default_algorithm = objects::Algorithm::crc64nvme;

std::vector<objects::Algorithm> algorithms();                   // all
std::string_view algorithm_name(objects::Algorithm algorithm);  // "CRC32", "CRC64NVME", "SHA256" …
// InvalidRequest for others.
aws::Outcome<objects::Algorithm> parse_algorithm(std::string_view name);
std::string_view checksum_field(objects::Algorithm algorithm);  // "x-amz-checksum-crc32"

// The checksum members that many inputs and outputs have, as text (base64).
struct ChecksumFields {
  std::optional<std::string>*crc32, *crc32c, *crc64nvme, *sha1, *sha256, *sha512, *md5, *xxhash64, *xxhash3, *xxhash128;
  std::optional<std::string>& of(objects::Algorithm algorithm) const;
};
template <class T>
ChecksumFields checksum_fields(T& t) {
  return {&t.checksum_crc32,  &t.checksum_crc32c, &t.checksum_crc64nvme, &t.checksum_sha1,    &t.checksum_sha256,
          &t.checksum_sha512, &t.checksum_md5,    &t.checksum_xxhash64,  &t.checksum_xxhash3, &t.checksum_xxhash128};
}
// The one value among them; InvalidRequest when there are several, or one that is malformed.
aws::Outcome<std::optional<objects::Checksum>> checksum_in(const ChecksumFields& fields);
// BadDigest.
aws::ApiError wrong_checksum(objects::Algorithm algorithm);
// base64, and with "-N" behind it for composite ones.
std::string checksum_text(const objects::Checksum& checksum, uint32_t parts);
void write_checksums(const std::vector<objects::Checksum>& checksums, uint32_t parts, const ChecksumFields& fields,
                     std::optional<std::string>* type);

// What an upload promised of its body.
struct Promise {
  objects::Algorithm algorithm = default_algorithm;
  bool named = false;                         // the client named the algorithm
  std::optional<objects::Checksum> checksum;  // from a header
  bool in_trailer = false;
  std::optional<std::string> md5;  // raw
};
// From x-amz-checksum-…, x-amz-trailer, x-amz-sdk-checksum-algorithm and Content-MD5.
aws::Outcome<Promise> promise_of(const aws::Call& call, const ChecksumFields& fields,
                                 const std::optional<std::string>& sdk_algorithm,
                                 const std::optional<std::string>& md5);
template <class Input>
aws::Outcome<Promise> promise_of(const aws::Call& call, Input& input) {
  return promise_of(call, checksum_fields(input), input.checksum_algorithm, input.content_md5);
}
// Whether the body was what was promised; the trailers must have come. BadDigest, InvalidRequest.
aws::Outcome<void> check_promise(const aws::Call& call, const Promise& promise, const objects::Digests& digests);

}  // namespace boreal::s3
