#include "s3/post_policy.h"

#include <gtest/gtest.h>

#include "codec/base64.h"
#include "codec/time.h"

namespace boreal::s3 {
namespace {

const Time now = *codec::parse_iso8601("2030-01-01T00:00:00Z");

// "" when the form may pass, otherwise the code of the refusal.
std::string outcome(const std::string& json, const std::vector<FormField>& fields) {
  const auto policy = PostPolicy::parse(codec::base64_encode(json));
  if (!policy) return policy.error().code;
  const auto checked = policy->check(Form{.fields = fields, .file_name = {}}, "bucket", now);
  return checked ? "" : checked.error().code;
}

std::string policy_of(const std::string& conditions, const std::string& expiration = "2030-01-01T00:00:01Z") {
  const std::string more = conditions.empty() ? "" : ", " + conditions;
  return R"({"expiration": ")" + expiration + R"(", "conditions": [{"bucket": "bucket"})" + more + "]}";
}

TEST(PostPolicy, EscapesDollarSignsAndVerticalTabs) {
  const std::string policy = policy_of(R"({"key": "a\$b\\$c\v\n\u0041"})");
  EXPECT_EQ(outcome(policy, {{"key", "a$b\\$c\v\nA"}}), "");
  EXPECT_EQ(outcome(policy, {{"key", "a\\$b\\$c\v\nA"}}), "AccessDenied");
  EXPECT_EQ(outcome(policy_of(R"({"key": "a\x"})"), {{"key", "ax"}}), "InvalidPolicyDocument");
  EXPECT_EQ(outcome("{\\", {}), "InvalidPolicyDocument");
}

TEST(PostPolicy, HoldsEveryFieldToItsCondition) {
  const std::string policy =
      policy_of(R"(["starts-with", "$key", "up/"], {"acl": "private"}, ["eq", "$x-amz-meta-a", "1"])");
  const std::vector<FormField> good = {
      {"Key", "up/x"}, {"acl", "private"}, {"X-Amz-Meta-A", "1"}, {"policy", "p"}, {"x-ignore-me", "y"}};
  EXPECT_EQ(outcome(policy, good), "");
  for (size_t i = 0; i < 3; ++i) {
    auto missing = good;
    missing.erase(missing.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(outcome(policy, missing), "AccessDenied") << good[i].name;
    auto other = good;
    other[i].value = "other";
    EXPECT_EQ(outcome(policy, other), "AccessDenied") << good[i].name;
  }
  auto more = good;
  more.push_back({"x-amz-meta-b", "1"});
  EXPECT_EQ(outcome(policy, more), "AccessDenied");
  EXPECT_EQ(outcome(policy_of(R"({"bucket": "another"})"), {}), "AccessDenied");
  EXPECT_EQ(outcome(R"({"expiration": "2030-01-01T00:00:01Z", "conditions": []})", {}), "AccessDenied")
      << "the bucket is a field that the address fills in";
}

TEST(PostPolicy, NoFormBringsMoreThanAPut) {
  const auto most = [](const std::string& conditions) {
    return PostPolicy::parse(codec::base64_encode(policy_of(conditions)))->limits().max;
  };
  EXPECT_EQ(most(""), 5ULL << 30);
  EXPECT_EQ(most(R"(["content-length-range", 0, 1099511627776])"), 5ULL << 30);
  EXPECT_EQ(most(R"(["content-length-range", 0, 9])"), 9u);
}

TEST(PostPolicy, AListOfTypesMustFitOneByOne) {
  const std::string policy = policy_of(R"(["starts-with", "$Content-Type", "image/"])");
  EXPECT_EQ(outcome(policy, {{"Content-Type", "image/png, image/gif"}}), "");
  EXPECT_EQ(outcome(policy, {{"Content-Type", "image/png,text/html"}}), "AccessDenied");
}

TEST(PostPolicy, Expires) {
  EXPECT_EQ(outcome(policy_of("", "2030-01-01T00:00:00Z"), {}), "AccessDenied");
  EXPECT_EQ(outcome(policy_of("", "2030-01-01T00:00:00.001Z"), {}), "");
}

TEST(PostPolicy, TellsTheSizesThatMayCome) {
  const auto policy = PostPolicy::parse(codec::base64_encode(policy_of(R"(["content-length-range", 5, "100"])")));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->limits().min, 5u);
  EXPECT_EQ(policy->limits().max, 100u);
  const auto twice = PostPolicy::parse(
      codec::base64_encode(policy_of(R"(["content-length-range", 5, 10], ["content-length-range", 0, 100])")));
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->limits().min, 5u) << "a condition is not lifted by one behind it";
  EXPECT_EQ(twice->limits().max, 10u);
}

TEST(PostPolicy, WhatNamesNothingNeverFits) {
  for (const char* condition :
       {R"(["eq", "a", "b"])", R"(["content-length-range", "few", "10"])", R"(["content-length-range", 1, "many"])"}) {
    EXPECT_EQ(outcome(policy_of(condition), {}), "AccessDenied") << condition;
  }
}

TEST(PostPolicy, RefusesBrokenDocuments) {
  EXPECT_EQ(PostPolicy::parse("!").error().code, "InvalidPolicyDocument");
  for (const char* text : {"", "[]", "{", R"({"conditions": []})", R"({"expiration": "2030-01-01T00:00:00Z"})",
                           R"({"expiration": 5, "conditions": []})", R"({"expiration": "tomorrow", "conditions": []})",
                           R"({"expiration": "2030-01-01 00:00:00+00:00", "conditions": []})",
                           R"({"expiration": "2030-01-01T00:00:00Z", "conditions": {}})",
                           R"({"EXPIRATION": "2030-01-01T00:00:00Z", "conditions": []})"}) {
    EXPECT_EQ(outcome(text, {}), "InvalidPolicyDocument") << text;
  }
  EXPECT_EQ(outcome(R"({"expiration": "2030-01-01T00:00:01Z", "conditions": [{"bucket": "bucket"}], "more": 1})", {}),
            "InvalidPolicyDocument");
  EXPECT_EQ(outcome(policy_of(R"(["eq", "a", "b"])"), {{"a", "b"}}), "AccessDenied") << "a field begins with $";
  for (const char* condition :
       {"{}", "5", R"({"a": null})", R"(["eq", "$a"])", R"(["like", "$a", "b"])", R"(["starts-with", "a", "b"])",
        R"({"a": "1", "b": "2"})", "[]", R"(["content-length-range", 0])", R"(["content-length-range", -1, 0])",
        R"(["content-length-range", 2, 1])"}) {
    EXPECT_EQ(outcome(policy_of(condition), {}), "InvalidPolicyDocument") << condition;
  }
}

}  // namespace
}  // namespace boreal::s3
