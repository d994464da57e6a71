#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace boreal {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Text, Case) {
  EXPECT_EQ(to_lower("Content-TYPE \xc3\x84"), "content-type \xc3\x84");
  EXPECT_EQ(to_upper("az[{"), "AZ[{");
  EXPECT_TRUE(equal_ignoring_case("ETag", "etAG"));
  EXPECT_FALSE(equal_ignoring_case("ETag", "ETags"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));  // 32 apart, but no letters
}

TEST(Text, TrimSplitJoin) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_THAT(split_words("  a \t bc "), ElementsAre("a", "bc"));
  EXPECT_THAT(split_words(" "), IsEmpty());
  EXPECT_EQ(join(split("a,b,c", ','), ", "), "a, b, c");
  EXPECT_EQ(join(std::vector<std::string>{}, ", "), "");
}

TEST(Text, ParseIntIsStrict) {
  EXPECT_EQ(parse_int("-9223372036854775808").value(), INT64_MIN);
  EXPECT_EQ(parse_int("007").value(), 7);
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x1", "one", "-", "9223372036854775808"}) {
    EXPECT_EQ(parse_int(bad).error().code(), Errc::invalid) << bad;
  }
  EXPECT_THAT(parse_int("60", 0, 59).error().message(), HasSubstr("60 is not within 0-59"));
  EXPECT_EQ(parse_uint("18446744073709551615").value(), UINT64_MAX);
  EXPECT_FALSE(parse_uint("-1"));
  EXPECT_FALSE(parse_uint("18446744073709551616"));
  EXPECT_FALSE(parse_uint("11", 10));
  EXPECT_LT(parse_int(std::string(100'000, 'x')).error().message().size(), 100U);
}

TEST(Text, Durations) {
  EXPECT_EQ(format_duration(milliseconds(0)), "0ms");
  EXPECT_EQ(format_duration(milliseconds(999)), "999ms");
  EXPECT_EQ(format_duration(milliseconds(1000)), "1s");
  EXPECT_EQ(format_duration(milliseconds(1550)), "1.5s");
  EXPECT_EQ(format_duration(milliseconds(59'999)), "59.9s");
  EXPECT_EQ(format_duration(milliseconds(125'000)), "2m 5s");
  EXPECT_EQ(format_duration(milliseconds(3 * 3'600'000 + 5000)), "3h");
  EXPECT_EQ(format_duration(milliseconds(102 * 3'600'000)), "4d 6h");
  EXPECT_EQ(format_duration(milliseconds(-1000)), "-1s");
}

}  // namespace
}  // namespace boreal
