#include "crypto/crc.h"

#include <isa-l/crc.h>

#include <algorithm>

#include "crypto/detail/crc64nvme.h"

namespace boreal::crypto {
namespace {

constexpr uint32_t crc32_polynomial = 0xedb88320;   // bits reversed
constexpr uint32_t crc32c_polynomial = 0x82f63b78;  // bits reversed

// The bytes of b move the remainder of a up by 8 bits each; that of b is then added. The inversions at
// start and end cancel out (as zlib's crc32_combine does it).
template <class Word>
Word combine(Word a, Word b, uint64_t b_bytes, Word polynomial) {
  // x^(8n) as (x^n)^8: 8n may not fit into 64 bits.
  Word shift = detail::power_modulo(b_bytes, polynomial);
  for (int i = 0; i < 3; ++i) shift = detail::multiply_modulo(shift, shift, polynomial);
  return detail::multiply_modulo(shift, a, polynomial) ^ b;
}

}  // namespace

uint32_t crc32(Bytes bytes, uint32_t before) {
  return crc32_gzip_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

uint32_t crc32c(Bytes bytes, uint32_t before) {
  // ISA-L counts in int and takes a pointer to what it does not change.
  constexpr size_t piece = 1 << 30;
  uint32_t remainder = ~before;
  while (!bytes.empty()) {
    Bytes part = bytes.first(std::min(piece, bytes.size()));
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
    remainder = crc32_iscsi(data, static_cast<int>(part.size()), remainder);
    bytes = bytes.subspan(part.size());
  }
  return ~remainder;
}

uint64_t crc64nvme(Bytes bytes, uint64_t before) {
  static const auto fastest = detail::can_fold_wide() ? detail::crc64nvme_by_wide_folding
                              : detail::can_fold()    ? detail::crc64nvme_by_folding
                                                      : detail::crc64nvme_by_tables;
  return ~fastest(bytes, ~before);
}

uint32_t crc32_combine(uint32_t a, uint32_t b, uint64_t b_bytes) { return combine(a, b, b_bytes, crc32_polynomial); }

uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t b_bytes) { return combine(a, b, b_bytes, crc32c_polynomial); }

uint64_t crc64nvme_combine(uint64_t a, uint64_t b, uint64_t b_bytes) {
  return combine(a, b, b_bytes, detail::crc64nvme_polynomial);
}

}  // namespace boreal::crypto
