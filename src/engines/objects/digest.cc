#include "objects/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "codec/hex.h"
#include "crypto/crc.h"

namespace boreal::objects {
namespace {

std::string big_endian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  return out;
}

uint64_t from_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string text_of(const auto& digest) { return std::string(as_text(digest)); }

bool wants(const std::vector<Algorithm>& algorithms, Algorithm algorithm) {
  return std::ranges::find(algorithms, algorithm) != algorithms.end();
}

}  // namespace

Digester::Digester(const std::vector<Algorithm>& checksums) : wanted_(checksums) {
  if (wants(wanted_, Algorithm::sha1)) sha1_.emplace();
  if (wants(wanted_, Algorithm::sha256)) sha256_.emplace();
  if (wants(wanted_, Algorithm::sha512)) sha512_.emplace();
  if (wants(wanted_, Algorithm::xxhash64)) xxhash64_.emplace(crypto::XxhashKind::xxh64);
  if (wants(wanted_, Algorithm::xxhash3)) xxhash3_.emplace(crypto::XxhashKind::xxh3);
  if (wants(wanted_, Algorithm::xxhash128)) xxhash128_.emplace(crypto::XxhashKind::xxh128);
}

void Digester::update_checksums(Bytes data) {
  size_ += data.size();
  if (wants(wanted_, Algorithm::crc32)) crc32_ = crypto::crc32(data, crc32_);
  if (wants(wanted_, Algorithm::crc32c)) crc32c_ = crypto::crc32c(data, crc32c_);
  if (wants(wanted_, Algorithm::crc64nvme)) crc64nvme_ = crypto::crc64nvme(data, crc64nvme_);
  if (sha1_) sha1_->update(data);
  if (sha256_) sha256_->update(data);
  if (sha512_) sha512_->update(data);
  for (auto* hash : {&xxhash64_, &xxhash3_, &xxhash128_}) {
    if (*hash) (*hash)->update(data);
  }
}

Digests Digester::finish() {
  Digests digests;
  digests.size = size_;
  digests.md5 = text_of(md5_.finish());
  for (const Algorithm algorithm : wanted_) {
    std::string value;
    switch (algorithm) {
      case Algorithm::crc32: value = big_endian(crc32_, 4); break;
      case Algorithm::crc32c: value = big_endian(crc32c_, 4); break;
      case Algorithm::crc64nvme: value = big_endian(crc64nvme_, 8); break;
      case Algorithm::sha1: value = text_of(sha1_->finish()); break;
      case Algorithm::sha256: value = text_of(sha256_->finish()); break;
      case Algorithm::sha512: value = text_of(sha512_->finish()); break;
      case Algorithm::md5: value = digests.md5; break;
      case Algorithm::xxhash64: value = xxhash64_->finish(); break;
      case Algorithm::xxhash3: value = xxhash3_->finish(); break;
      case Algorithm::xxhash128: value = xxhash128_->finish(); break;
    }
    digests.checksums.push_back({algorithm, false, std::move(value)});
  }
  return digests;
}

namespace {

uint64_t combine(Algorithm algorithm, uint64_t before, uint64_t part, uint64_t part_bytes) {
  switch (algorithm) {
    case Algorithm::crc32:
      return crypto::crc32_combine(static_cast<uint32_t>(before), static_cast<uint32_t>(part), part_bytes);
    case Algorithm::crc32c:
      return crypto::crc32c_combine(static_cast<uint32_t>(before), static_cast<uint32_t>(part), part_bytes);
    default: return crypto::crc64nvme_combine(before, part, part_bytes);
  }
}

// The algorithm over these bytes, as a checksum's value.
std::string checksum_of(Algorithm algorithm, std::string_view bytes) {
  Digester digester({algorithm});
  digester.update(as_bytes(bytes));
  return digester.finish().checksums.front().value;
}

}  // namespace

Result<Checksum> checksum_of_parts(std::span<const Part> parts, Algorithm algorithm, bool composite) {
  if (!is_crc(algorithm) && !composite) {
    return fail(Errc::unsupported, "a hash of a whole cannot be made from those of its parts; only a CRC can");
  }
  std::string joined;
  uint64_t whole = 0;
  size_t width = 0;
  for (const Part& part : parts) {
    const auto found = std::ranges::find(part.checksums, algorithm, &Checksum::algorithm);
    if (found == part.checksums.end()) {
      return fail(Errc::invalid,
                  fmt::format("part {} was uploaded without the checksum wanted of the whole", part.number));
    }
    width = found->value.size();
    if (composite) {
      joined += found->value;
    } else {
      whole = combine(algorithm, whole, from_big_endian(found->value), part.size);
    }
  }
  return Checksum{algorithm, composite, composite ? checksum_of(algorithm, joined) : big_endian(whole, width)};
}

std::string etag_of_parts(std::span<const Part> parts) {
  crypto::Md5 md5;
  for (const Part& part : parts) md5.update(part.md5);
  return fmt::format("{}-{}", codec::hex_encode(md5.finish()), parts.size());
}

}  // namespace boreal::objects
