#include "store/record.h"

#include <gtest/gtest.h>

namespace boreal::store {
namespace {

struct Step {
  std::string name;
  Blob data;
  bool operator==(const Step&) const = default;
  BOREAL_RECORD(Step, name, data)
};

struct Everything {
  bool flag = false;
  int32_t small = 0;
  int64_t large = 0;
  uint16_t port = 0;
  uint64_t id = 0;
  double share = 0;
  std::string text;
  Time when;
  Duration every{};
  std::optional<std::string> note;
  std::vector<Step> steps;
  std::map<std::string, std::string> tags;
  std::map<std::string, std::vector<int>> lists;
  std::optional<Step> last;
  std::optional<std::vector<std::string>> names;
  bool operator==(const Everything&) const = default;
  BOREAL_RECORD(Everything, flag, small, large, port, id, share, text, when, every, note, steps, tags, lists, last,
                names)
};

struct Small {
  std::string name;
  int count = 7;
  BOREAL_RECORD(Small, name, count)
};

TEST(Record, KeepsEverything) {
  Everything in{.flag = true,
                .small = -5,
                .large = INT64_MIN,
                .port = 65535,
                .id = UINT64_MAX,
                .share = 0.1,
                .text = "a\"\\\n\u00e9",
                .when = {1'700'000'000'123},
                .every = Duration(90'000),
                .note = "",
                .steps = {{"one", {std::string("\0\xff", 2)}}, {}},
                .tags = {{"k", "v"}, {"", ""}},
                .lists = {{"a", {1, 2}}, {"b", {}}},
                .last = Step{"l", {}},
                .names = std::vector<std::string>{}};
  const auto out = decode<Everything>(encode(in));
  ASSERT_TRUE(out) << out.error().message();
  EXPECT_EQ(*out, in);
}

TEST(Record, KeepsEmptiness) {
  const auto out = decode<Everything>(encode(Everything{}));
  ASSERT_TRUE(out) << out.error().message();
  EXPECT_EQ(*out, Everything{});
  EXPECT_FALSE(out->note);
  EXPECT_FALSE(out->names);
}

TEST(Record, IsReadable) { EXPECT_EQ(encode(Small{.name = "x"}), R"({"name":"x","count":7})"); }

TEST(Record, UnknownMembersAreIgnoredAndMissingKeepTheirDefault) {
  const auto out = decode<Small>(R"({"gone":{"a":[1,{"b":null}]},"name":"n"})");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->name, "n");
  EXPECT_EQ(out->count, 7);
}

TEST(Record, SaysWhatIsCorrupt) {
  const auto wrong_type = decode<Everything>(R"({"steps":[{"name":"a"},{"name":3}]})");
  ASSERT_FALSE(wrong_type);
  EXPECT_EQ(wrong_type.error().code(), Errc::corrupt);
  EXPECT_NE(wrong_type.error().message().find("Everything: steps.2.member.name"), std::string::npos)
      << wrong_type.error().message();
  EXPECT_FALSE(decode<Small>("{\"name\":\"a\""));
  EXPECT_FALSE(decode<Small>(R"({"count":2147483648})"));
  EXPECT_FALSE(decode<Everything>(R"({"port":65536})"));
  EXPECT_FALSE(decode<Everything>(R"({"port":-1})"));
  EXPECT_FALSE(decode<Small>(""));
}

}  // namespace
}  // namespace boreal::store
