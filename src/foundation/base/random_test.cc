#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

namespace boreal {
namespace {

TEST(Random, TheSameSeedGivesTheSame) {
  SeededRandom a(5);
  SeededRandom b(5);
  SeededRandom c(6);
  const std::string first = a.bytes(100);
  EXPECT_EQ(first, b.bytes(100));
  EXPECT_NE(first, c.bytes(100));
  EXPECT_NE(first, a.bytes(100));
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  SeededRandom random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(random.below(1), 0U);
  for (int i = 0; i < 100; ++i) EXPECT_LT(random.below((1ULL << 63) + 1), (1ULL << 63) + 1);
}

TEST(Random, PickHexAndUuid) {
  SystemRandom random;
  EXPECT_THAT(random.pick("ab", 200), testing::MatchesRegex("[ab]+"));
  EXPECT_EQ(random.hex(33).size(), 33U);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = random.uuid();
    ASSERT_EQ(id.size(), 36U);
    ASSERT_EQ(id[14], '4');
    ASSERT_NE(std::string("89ab").find(id[19]), std::string::npos);
    for (const size_t dash : {8, 13, 18, 23}) ASSERT_EQ(id[dash], '-');
    ASSERT_TRUE(seen.insert(id).second);
  }
}

TEST(Random, SystemFillsAll) {
  SystemRandom random;
  EXPECT_NE(random.bytes(1000), random.bytes(1000));
  EXPECT_EQ(random.bytes(0), "");
}

}  // namespace
}  // namespace boreal
