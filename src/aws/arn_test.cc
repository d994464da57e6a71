#include "aws/arn.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"

namespace boreal::aws {
namespace {

TEST(Arn, ParsesAndFormats) {
  const auto arn = Arn::parse("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/prod-AbCdEf");
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->service, "secretsmanager");
  EXPECT_EQ(arn->region, "eu-west-1");
  EXPECT_EQ(arn->account, "123456789012");
  EXPECT_EQ(arn->resource, "secret:db/prod-AbCdEf");
  EXPECT_EQ(arn->to_string(), "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/prod-AbCdEf");
  EXPECT_EQ(Arn::parse("arn:aws:s3:::bucket/a:b")->resource, "bucket/a:b");
  for (const auto* bad :
       {"", "arn", "arn:aws:s3::bucket", "urn:aws:s3:::b", "arn::s3:::b", "arn:aws:::1:b", "arn:aws:s3:::"}) {
    EXPECT_FALSE(Arn::parse(bad)) << bad;
  }
}

TEST(Glob, Wildcards) {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const auto& row : {
           Row{"", "", true},
           {"", "a", false},
           {"*", "", true},
           {"*", "abc", true},
           {"?", "", false},
           {"?", "a", true},
           {"?", "ab", false},
           {"a*c", "abbbc", true},
           {"a*c", "ac", true},
           {"a*c", "abcd", false},
           {"*b*", "abc", true},
           {"a?c", "abc", true},
           {"a**b", "ab", true},
           {"*ab", "aab", true},
           {"*?", "", false},
           {"*?", "x", true},
           {"ab*cd*ef", "abXcdYcdef", true},
           {"ab*cd*ef", "abXcdYcdeg", false},
           {"A", "a", false},
           {"[a]", "a", false},
           {"?", "é", true},
           {"??", "é", false},
           {"a?c", "a€c", true},
           {"*?", "😀", true},
           {"*??b*", "€bz", false},
           {"*??b*", "a€bz", true},
           {"é?", "é€", true},
           {"???", "\xe2\x82\xff", true},  // no character: three bytes
       }) {
    EXPECT_EQ(Glob(row.pattern).matches(row.text), row.matches) << row.pattern << " ~ " << row.text;
  }
  EXPECT_TRUE(Glob("s3:Get*").matches_ignoring_case("S3:GETOBJECT"));
  EXPECT_FALSE(Glob("s3:Get*").matches_ignoring_case("s3:PutObject"));
}

TEST(Glob, LiteralsHaveNoWildcards) {
  Glob glob("home/");
  glob.add_literal("*");
  glob.add_pattern("/?");
  EXPECT_TRUE(glob.matches("home/*/x"));
  EXPECT_FALSE(glob.matches("home/a/x"));
  EXPECT_TRUE(Glob(std::string_view("\x01\0*", 3)).matches(std::string_view("\x01\0\xff", 3)));
}

TEST(Glob, HardPatternsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(Glob(pattern + "b").matches(std::string(5000, 'a')));  // exponential matchers never return
  const std::string segment(16 << 10, 'a');
  EXPECT_FALSE(Glob("*" + segment + "b*").matches(std::string(256 << 10, 'a')));  // nor soon do quadratic ones
  EXPECT_FALSE(Glob("*a?" + segment + "B*").matches_ignoring_case(std::string(256 << 10, 'A')));
}

TEST(Glob, LongSearchesFindWhatShortOnesFind) {
  SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    const std::string middle = random.pick("ab", 1 + random.below(200));
    const std::string text = random.pick("ab", random.below(2000)) + middle + random.pick("ab", random.below(2000));
    std::string pattern = middle;
    for (int i = 0; i < 3; ++i) pattern[random.below(pattern.size())] = '?';
    EXPECT_TRUE(Glob("*" + pattern + "*").matches(text));
    EXPECT_TRUE(Glob("*" + to_upper(pattern) + "*").matches_ignoring_case(text));
    EXPECT_FALSE(Glob("*c" + pattern + "*").matches(text));
    EXPECT_FALSE(Glob("*" + pattern + "*" + text).matches(text));
    // Somewhere else than at its only place it is not found.
    const std::string once = "x" + middle + "y";
    EXPECT_TRUE(Glob("*" + once + "*").matches(text + once + text));
    EXPECT_FALSE(Glob("*" + once + "*y*").matches(text + once + text));
  }
}

TEST(ArnMatch, FirstFivePartsStopAtColons) {
  EXPECT_TRUE(arn_matches("*", "arn:aws:s3:::b"));
  EXPECT_TRUE(arn_matches("*", "anything"));
  EXPECT_TRUE(arn_matches("arn:aws:s3:::b*", "arn:aws:s3:::bucket/a:b:c"));
  EXPECT_TRUE(arn_matches("arn:aws:*:*:*:*", "arn:aws:rds:eu-west-1:1:db:x"));
  EXPECT_FALSE(arn_matches("arn:aws:s3:*:b", "arn:aws:s3:::b"));
  EXPECT_FALSE(arn_matches("arn:aws:rds:*:db:x", "arn:aws:rds:eu-west-1:1:db:x"));
  EXPECT_TRUE(arn_matches("arn:aws:rds:eu-*-1:*:db:?", "arn:aws:rds:eu-west-1:1:db:x"));
  EXPECT_FALSE(arn_matches("arn:aws:rds:eu-west-1:2:db:x", "arn:aws:rds:eu-west-1:1:db:x"));
  EXPECT_TRUE(arn_matches("arn:aws:s3:*", "arn:aws:s3:::b/k"));
  EXPECT_TRUE(arn_matches("arn:*", "arn:aws:s3:::b/k"));
  EXPECT_FALSE(arn_matches("arn:aws:sqs*", "arn:aws:s3:::b/k"));
  EXPECT_FALSE(arn_matches("arn:aws:s3", "arn:aws:s3:::b/k"));
  EXPECT_FALSE(arn_matches("arn:aws:s3:::b", "*"));
}

}  // namespace
}  // namespace boreal::aws
