#include "crypto/detail/crc64nvme.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace boreal::crypto::detail {
namespace {

// tables[k][b]: the remainder of byte b with k zero bytes behind it.
constexpr auto tables = [] {
  std::array<std::array<uint64_t, 256>, 8> t{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ crc64nvme_polynomial : value >> 1;
    t[0][byte] = value;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) t[k][byte] = t[k - 1][byte] >> 8 ^ t[0][t[k - 1][byte] & 255];
  }
  return t;
}();

uint64_t load_le64(const std::byte* at) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | std::to_integer<uint64_t>(at[i]);
  return value;
}

}  // namespace

uint64_t crc64nvme_by_tables(Bytes bytes, uint64_t remainder) {
  while (bytes.size() >= 8) {
    uint64_t word = remainder ^ load_le64(bytes.data());
    remainder = 0;
    for (size_t i = 0; i < 8; ++i) remainder ^= tables[7 - i][word >> (8 * i) & 255];
    bytes = bytes.subspan(8);
  }
  for (std::byte byte : bytes) {
    remainder = remainder >> 8 ^ tables[0][(remainder ^ std::to_integer<uint64_t>(byte)) & 255];
  }
  return remainder;
}

#if defined(__x86_64__)

bool can_fold() { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }
bool can_fold_wide() { return can_fold() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"); }

namespace {

// Moves 128 bits forward by `Bits`: the low half, which stands first in the message, is multiplied by
// x^(Bits+64), the high half by x^Bits. One less in each exponent, as the product of two numbers with
// reversed bits comes out one place too low.
struct Step {
  uint64_t low, high;
};
template <uint64_t Bits>
constexpr Step step = {power_modulo(Bits + 63, crc64nvme_polynomial), power_modulo(Bits - 1, crc64nvme_polynomial)};

__attribute__((target("pclmul,sse4.1"))) __m128i fold(__m128i value, __m128i step, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(value, step, 0x00);
  __m128i high = _mm_clmulepi64_si128(value, step, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse4.1"))) __m128i load(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

__attribute__((target("pclmul,sse4.1"))) __m128i constants(Step step) {
  return _mm_set_epi64x(static_cast<long long>(step.high), static_cast<long long>(step.low));
}

// One lane of 128 bits into the remainder, over what is left of the message.
__attribute__((target("pclmul,sse4.1"))) uint64_t finish(__m128i all, Bytes bytes) {
  const __m128i by_lane = constants(step<128>);
  for (; bytes.size() >= 16; bytes = bytes.subspan(16)) all = fold(all, by_lane, load(bytes.data()));
  std::array<std::byte, 16> rest;
  std::memcpy(rest.data(), &all, rest.size());
  return crc64nvme_by_tables(bytes, crc64nvme_by_tables(rest, 0));
}

__attribute__((target("pclmul,sse4.1"))) __m128i first(uint64_t remainder) {
  return _mm_set_epi64x(0, static_cast<long long>(remainder));
}

}  // namespace

// After V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009: four
// lanes of 128 bits, folded 512 bits ahead at a time, then into one, whose remainder the tables finish.
__attribute__((target("pclmul,sse4.1"))) uint64_t crc64nvme_by_folding(Bytes bytes, uint64_t remainder) {
  constexpr size_t lanes = 4;
  constexpr size_t block = lanes * 16;
  if (bytes.size() < block) return crc64nvme_by_tables(bytes, remainder);
  __m128i lane[lanes];
  for (size_t i = 0; i < lanes; ++i) lane[i] = load(bytes.data() + 16 * i);
  lane[0] = _mm_xor_si128(lane[0], first(remainder));
  bytes = bytes.subspan(block);
  const __m128i by_block = constants(step<block * 8>);
  for (; bytes.size() >= block; bytes = bytes.subspan(block)) {
    for (size_t i = 0; i < lanes; ++i) lane[i] = fold(lane[i], by_block, load(bytes.data() + 16 * i));
  }
  const __m128i by_lane = constants(step<128>);
  __m128i all = lane[0];
  for (size_t i = 1; i < lanes; ++i) all = fold(all, by_lane, lane[i]);
  return finish(all, bytes);
}

// The same with four times as much in each register.
__attribute__((target("pclmul,sse4.1,avx512f,vpclmulqdq"))) uint64_t crc64nvme_by_wide_folding(Bytes bytes,
                                                                                               uint64_t remainder) {
  constexpr size_t lanes = 4;
  constexpr size_t block = lanes * 64;
  if (bytes.size() < block) return crc64nvme_by_folding(bytes, remainder);
  __m512i lane[lanes];
  for (size_t i = 0; i < lanes; ++i) lane[i] = _mm512_loadu_si512(bytes.data() + 64 * i);
  lane[0] = _mm512_xor_si512(lane[0], _mm512_zextsi128_si512(first(remainder)));
  bytes = bytes.subspan(block);
  const __m512i by_block = _mm512_broadcast_i32x4(constants(step<block * 8>));
  constexpr int xor_of_three = 0x96;
  for (; bytes.size() >= block; bytes = bytes.subspan(block)) {
    for (size_t i = 0; i < lanes; ++i) {
      const __m512i low = _mm512_clmulepi64_epi128(lane[i], by_block, 0x00);
      const __m512i high = _mm512_clmulepi64_epi128(lane[i], by_block, 0x11);
      const __m512i next = _mm512_loadu_si512(bytes.data() + 64 * i);
      lane[i] = _mm512_ternarylogic_epi64(low, high, next, xor_of_three);
    }
  }
  std::array<std::byte, block> narrow;
  for (size_t i = 0; i < lanes; ++i) _mm512_storeu_si512(narrow.data() + 64 * i, lane[i]);
  const __m128i by_lane = constants(step<128>);
  __m128i all = load(narrow.data());
  for (size_t at = 16; at < block; at += 16) all = fold(all, by_lane, load(narrow.data() + at));
  return finish(all, bytes);
}

#else

bool can_fold() { return false; }
bool can_fold_wide() { return false; }
uint64_t crc64nvme_by_folding(Bytes bytes, uint64_t remainder) { return crc64nvme_by_tables(bytes, remainder); }
uint64_t crc64nvme_by_wide_folding(Bytes bytes, uint64_t remainder) { return crc64nvme_by_tables(bytes, remainder); }

#endif

}  // namespace boreal::crypto::detail
