#include "crypto/crc.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/detail/crc64nvme.h"

namespace boreal::crypto {
namespace {

// The slow definition, bit by bit, of a reflected CRC with all bits inverted at start and end.
template <class Word>
Word bit_by_bit(std::string_view text, Word polynomial) {
  Word remainder = static_cast<Word>(-1);
  for (unsigned char c : text) {
    remainder ^= c;
    for (int i = 0; i < 8; ++i) remainder = remainder & 1 ? remainder >> 1 ^ polynomial : remainder >> 1;
  }
  return ~remainder;
}

uint32_t slow_crc32(std::string_view text) { return bit_by_bit<uint32_t>(text, 0xedb88320); }
uint32_t slow_crc32c(std::string_view text) { return bit_by_bit<uint32_t>(text, 0x82f63b78); }
uint64_t slow_crc64nvme(std::string_view text) { return bit_by_bit(text, detail::crc64nvme_polynomial); }

TEST(Crc, CheckValues) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc64nvme(as_bytes("123456789")), 0xae8b14860a799888u);
  EXPECT_EQ(crc32({}), 0u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc64nvme({}), 0u);
}

TEST(Crc, EqualToTheDefinitionAtEveryLengthAndOffset) {
  SeededRandom random(3);
  std::string text = random.bytes(1200);
  for (size_t length = 0; length <= 1100; length += length < 300 ? 1 : 37) {
    std::string_view part = std::string_view(text).substr(length % 16, length);
    EXPECT_EQ(crc32(as_bytes(part)), slow_crc32(part)) << length;
    EXPECT_EQ(crc32c(as_bytes(part)), slow_crc32c(part)) << length;
    EXPECT_EQ(crc64nvme(as_bytes(part)), slow_crc64nvme(part)) << length;
    EXPECT_EQ(~detail::crc64nvme_by_tables(as_bytes(part), ~uint64_t{0}), slow_crc64nvme(part)) << length;
  }
}

TEST(Crc, FoldingEqualsTablesFromAnyRemainder) {
  if (!detail::can_fold()) GTEST_SKIP() << "this processor has no carry-less multiplication";
  SeededRandom random(4);
  for (int round = 0; round < 200; ++round) {
    std::string text = random.bytes(random.below(2000));
    uint64_t start = random.u64();
    EXPECT_EQ(detail::crc64nvme_by_folding(as_bytes(text), start), detail::crc64nvme_by_tables(as_bytes(text), start));
  }
}

TEST(Crc, WideFoldingEqualsTablesFromAnyRemainder) {
  if (!detail::can_fold_wide()) GTEST_SKIP() << "this processor has no carry-less multiplication of 512 bits";
  SeededRandom random(6);
  for (int round = 0; round < 200; ++round) {
    std::string text = random.bytes(random.below(3000));
    uint64_t start = random.u64();
    EXPECT_EQ(detail::crc64nvme_by_wide_folding(as_bytes(text), start),
              detail::crc64nvme_by_tables(as_bytes(text), start));
  }
}

TEST(Crc, GoesOnFromWhatCameBeforeAndCombines) {
  SeededRandom random(5);
  for (int round = 0; round < 100; ++round) {
    std::string text = random.bytes(random.below(3000));
    size_t cut = random.below(text.size() + 1);
    Bytes a = as_bytes(text).first(cut);
    Bytes b = as_bytes(text).subspan(cut);
    EXPECT_EQ(crc32(b, crc32(a)), crc32(as_bytes(text)));
    EXPECT_EQ(crc32c(b, crc32c(a)), crc32c(as_bytes(text)));
    EXPECT_EQ(crc64nvme(b, crc64nvme(a)), crc64nvme(as_bytes(text)));
    EXPECT_EQ(crc32_combine(crc32(a), crc32(b), b.size()), crc32(as_bytes(text)));
    EXPECT_EQ(crc32c_combine(crc32c(a), crc32c(b), b.size()), crc32c(as_bytes(text)));
    EXPECT_EQ(crc64nvme_combine(crc64nvme(a), crc64nvme(b), b.size()), crc64nvme(as_bytes(text)));
  }
}

TEST(Crc, CombiningIsAssociativeForLengthsThatNobodyHasInMemory) {
  constexpr uint64_t b_bytes = uint64_t{5} << 40;  // 5 TiB
  constexpr uint64_t c_bytes = (uint64_t{3} << 61) + 12345;
  auto left = crc64nvme_combine(crc64nvme_combine(1, 2, b_bytes), 3, c_bytes);
  auto right = crc64nvme_combine(1, crc64nvme_combine(2, 3, c_bytes), b_bytes + c_bytes);
  EXPECT_EQ(left, right);
}

}  // namespace
}  // namespace boreal::crypto
