// The digests of what passes through: MD5 always, and whichever checksums are asked for.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "crypto/hash.h"
#include "crypto/xxhash.h"
#include "objects/types.h"

namespace boreal::objects {

// One thread at a time; its two halves may each have one.
class Digester {
 public:
  explicit Digester(const std::vector<Algorithm>& checksums);
  void update(Bytes data) {
    update_md5(data);
    update_checksums(data);
  }
  // MD5 takes longer than all else that is done with the bytes of an object.
  void update_md5(Bytes data) { md5_.update(data); }
  void update_checksums(Bytes data);
  Digests finish();

 private:
  uint64_t size_ = 0;
  std::vector<Algorithm> wanted_;
  crypto::Md5 md5_;
  uint32_t crc32_ = 0;
  uint32_t crc32c_ = 0;
  uint64_t crc64nvme_ = 0;
  std::optional<crypto::Sha1> sha1_;
  std::optional<crypto::Sha256> sha256_;
  std::optional<crypto::Sha512> sha512_;
  std::optional<crypto::Xxhash> xxhash64_;
  std::optional<crypto::Xxhash> xxhash3_;
  std::optional<crypto::Xxhash> xxhash128_;
};

// The checksum of a multipart object. Composite: the algorithm over the parts' checksums. Otherwise the checksum
// of the whole, combined from those of the parts, which only the CRCs allow (Errc::unsupported).
// Errc::invalid when a part lacks the checksum.
Result<Checksum> checksum_of_parts(std::span<const Part> parts, Algorithm algorithm, bool composite);

// "<hex MD5 of the parts' MD5s>-<count>".
std::string etag_of_parts(std::span<const Part> parts);

}  // namespace boreal::objects
