// The digests of what passes through: MD5 always, and whichever checksums are asked for.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "crypto/crc.h"
#include "crypto/hash.h"
#include "objects/types.h"

namespace boreal::objects {

// One thread at a time.
class Digester {
 public:
  explicit Digester(const std::vector<Algorithm>& checksums);
  void update(Bytes data);
  Digests finish();

 private:
  uint64_t size_ = 0;
  std::vector<Algorithm> wanted_;
  crypto::Md5 md5_;
  std::optional<crypto::Crc32> crc32_;
  std::optional<crypto::Crc32c> crc32c_;
  std::optional<crypto::Crc64Nvme> crc64nvme_;
  std::optional<crypto::Sha1> sha1_;
  std::optional<crypto::Sha256> sha256_;
};

// The checksum of a multipart object. Composite: the algorithm over the parts' checksums. Otherwise the checksum
// of the whole, combined from those of the parts, which only the CRCs allow (Errc::unsupported).
// Errc::invalid when a part lacks the checksum.
Result<Checksum> checksum_of_parts(std::span<const Part> parts, Algorithm algorithm, bool composite);

// "<hex MD5 of the parts' MD5s>-<count>".
std::string etag_of_parts(std::span<const Part> parts);

std::string hex(std::string_view bytes);

}  // namespace boreal::objects
