// The ways to compute CRC-64/NVME; crc.cc picks one, the tests hold them against each other.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace boreal::crypto::detail {

inline constexpr uint64_t crc64nvme_polynomial = 0x9a6c9329ac4bc9b5;  // bits reversed

// All work on the bare remainder, without the inversions at start and end.
uint64_t crc64nvme_by_tables(Bytes bytes, uint64_t remainder);

bool can_fold();
// Only if can_fold(): by carry-less multiplication.
uint64_t crc64nvme_by_folding(Bytes bytes, uint64_t remainder);

bool can_fold_wide();
// Only if can_fold_wide(): in registers of 512 bits.
uint64_t crc64nvme_by_wide_folding(Bytes bytes, uint64_t remainder);

// a * b modulo `polynomial`, all with bits reversed: the top bit is the coefficient of x^0.
template <class Word>
constexpr Word multiply_modulo(Word a, Word b, Word polynomial) {
  constexpr Word one = Word{1} << (sizeof(Word) * 8 - 1);
  Word product = 0;
  for (Word bit = one; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = b & 1 ? b >> 1 ^ polynomial : b >> 1;
  }
  return product;
}

// x^exponent modulo `polynomial`.
template <class Word>
constexpr Word power_modulo(uint64_t exponent, Word polynomial) {
  constexpr Word one = Word{1} << (sizeof(Word) * 8 - 1);
  Word result = one;
  for (Word square = one >> 1; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = multiply_modulo(result, square, polynomial);
    square = multiply_modulo(square, square, polynomial);
  }
  return result;
}

}  // namespace boreal::crypto::detail
