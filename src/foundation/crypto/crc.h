// Cyclic redundancy checks, and how the check of a whole is put together from those of its parts.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace boreal::crypto {

// Each takes what it gave for the bytes before, 0 at the start: crc32(b, crc32(a)) is that of a and b.
uint32_t crc32(Bytes bytes, uint32_t before = 0);      // of gzip, zlib and Ethernet
uint32_t crc32c(Bytes bytes, uint32_t before = 0);     // Castagnoli, RFC 3720
uint64_t crc64nvme(Bytes bytes, uint64_t before = 0);  // NVM Express, NVM Command Set 1.0, 5.2.1.3.4

// The check of a followed by b, from the checks of both and the length of b.
uint32_t crc32_combine(uint32_t a, uint32_t b, uint64_t b_bytes);
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t b_bytes);
uint64_t crc64nvme_combine(uint64_t a, uint64_t b, uint64_t b_bytes);

}  // namespace boreal::crypto
