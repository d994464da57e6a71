#include "ec2/filters.h"

#include <gtest/gtest.h>

#include "aws/testing.h"
#include "base/sync.h"
#include "ec2/zones.h"

namespace boreal::ec2 {
namespace {

Filters filters(std::vector<std::pair<std::string, std::vector<std::string>>> all) {
  std::vector<api::Filter> out;
  for (auto& [name, values] : all) out.push_back({.name = name, .values = values});
  return out;
}

const Attributes& sample() {
  static const Attributes attributes = [] {
    Attributes all{{"vpc-id", {"vpc-1"}}, {"state", {"available"}}, {"cidr", {}}, {"group-name", {"a", "b*c"}}};
    add_tags(all, {{"Name", "prod-data"}, {"empty", ""}});
    return all;
  }();
  return attributes;
}

TEST(Filters, AllMustFitByAnyValue) {
  EXPECT_TRUE(*matches(std::nullopt, sample()));
  EXPECT_TRUE(*matches(filters({{"vpc-id", {"vpc-2", "vpc-1"}}, {"state", {"available"}}}), sample()));
  EXPECT_FALSE(*matches(filters({{"vpc-id", {"vpc-1"}}, {"state", {"pending"}}}), sample()));
  EXPECT_FALSE(*matches(filters({{"cidr", {"*"}}}), sample()));
  EXPECT_FALSE(*matches(filters({{"vpc-id", {"VPC-1"}}}), sample()));  // with case
}

TEST(Filters, Tags) {
  EXPECT_TRUE(*matches(filters({{"tag:Name", {"prod-*"}}}), sample()));
  EXPECT_FALSE(*matches(filters({{"tag:name", {"prod-*"}}}), sample()));
  EXPECT_FALSE(*matches(filters({{"tag:Other", {"*"}}}), sample()));
  EXPECT_TRUE(*matches(filters({{"tag:empty", {""}}}), sample()));
  EXPECT_TRUE(*matches(filters({{"tag-key", {"Na?e"}}}), sample()));
}

TEST(Filters, Wildcards) {
  const auto fits = [](std::string pattern, std::string text) {
    return *matches(filters({{"text", {std::move(pattern)}}}), {{"text", {std::move(text)}}});
  };
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("a?c*", "abcdef"));
  EXPECT_FALSE(fits("a?c", "ac"));
  EXPECT_TRUE(fits("b\\*c", "b*c"));
  EXPECT_FALSE(fits("b\\*c", "bxc"));
  EXPECT_TRUE(fits("\\\\", "\\"));
  EXPECT_TRUE(fits("x\\", "x\\"));  // nothing after it to take the meaning from
  EXPECT_TRUE(fits("caf\u00e9*", "caf\u00e9 noir"));
  EXPECT_TRUE(fits("caf?", "caf\u00e9"));
  EXPECT_TRUE(fits("\\\u00e9", "\u00e9"));
}

TEST(Filters, ACallHas200Values) {
  std::vector<std::string> values(199, "pending");
  EXPECT_FALSE(*matches(filters({{"state", values}, {"vpc-id", {"vpc-1"}}}), sample()));
  values.push_back("available");
  EXPECT_TRUE(*matches(filters({{"state", values}}), sample()));
  EXPECT_EQ(matches(filters({{"state", values}, {"vpc-id", {"vpc-1"}}}), sample()).error().code, "FilterLimitExceeded");
}

TEST(Filters, RefusesUnknownNamesAndNoValues) {
  EXPECT_EQ(matches(filters({{"colour", {"red"}}}), sample()).error().code, "InvalidParameterValue");
  EXPECT_EQ(matches(filters({{"state", {}}}), sample()).error().code, "InvalidParameterValue");
  // Also behind one that does not fit.
  EXPECT_FALSE(matches(filters({{"state", {"gone"}}, {"colour", {"red"}}}), sample()));
}

TEST(Pages, EveryItemOnceInOrder) {
  std::vector<std::string> seen;
  std::optional<std::string> token;
  do {
    std::vector<std::string> items{"a", "b", "c", "d", "e", "f", "g"};
    auto next = cut_page(items, 3, token, [](const std::string& s) { return s; });
    ASSERT_TRUE(next);
    EXPECT_LE(items.size(), 3u);
    seen.insert(seen.end(), items.begin(), items.end());
    token = *next;
  } while (token);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g"}));
  std::vector<std::string> items{"a"};
  EXPECT_EQ(cut_page(items, 3, "no!token", [](const std::string& s) { return s; }).error().code, "InvalidNextToken");
}

TEST(Zones, NamesAndIds) {
  EXPECT_EQ(zones("us-east-1").size(), 6u);
  EXPECT_EQ(zones("us-east-1").front().id, "use1-az1");
  EXPECT_EQ(find_zone("ap-southeast-2", "apse2-az3")->name, "ap-southeast-2c");
  EXPECT_EQ(find_zone("eu-central-1", "eu-central-1a")->id, "euc1-az1");
  EXPECT_FALSE(find_zone("us-east-1", "us-east-1z"));
  for (const RegionInfo& region : regions()) EXPECT_GE(zones(region.name).size(), 3u) << region.name;
  EXPECT_GE(zones("somewhere").size(), 3u);
}

// However much there is to look through, the loop is not kept.
TEST(Select, LetsOthersRun) {
  aws::CallFixture fixture;
  const auto select_slowly = [&]() -> Task<int> {
    const Place place{"000000000000", "us-east-1"};
    auto tx = co_await fixture.catalog().begin(place.partition());
    tx.put(made_key, "true");
    for (int i = 10; i < 60; ++i) save(tx, GroupRecord{.id = "sg-" + std::to_string(i)});
    EXPECT_TRUE(co_await tx.commit());
    int turns = 0;
    bool is_done = false;
    TaskGroup others;
    const auto count = [](int& all, const bool& is_over) -> Task<void> {
      while (!is_over) {
        ++all;
        co_await let_others_run();
      }
    };
    others.spawn(count(turns, is_done));
    const View view(fixture.catalog(), place);
    const auto a_millisecond_later = [](const GroupRecord&) {
      for (const int64_t began = monotonic_ns(); monotonic_ns() - began < 1'000'000;) {
      }
      return Attributes();
    };
    const auto chosen = co_await select<GroupRecord>(view, std::nullopt, std::nullopt, a_millisecond_later);
    EXPECT_EQ(chosen->size(), 50u);
    is_done = true;
    co_await others.wait();
    co_return turns;
  };
  EXPECT_GE(fixture.run(select_slowly()), 5);
}

}  // namespace
}  // namespace boreal::ec2
