#include "codec/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "codec/json_value.h"
#include "codec/utf8.h"

namespace boreal::json {
namespace {

using testing::HasSubstr;

std::string string_of(std::string_view text) {
  Reader in(text);
  auto value = in.string();
  if (!value) return "error: " + value.error().message();
  return std::string(*value);
}

TEST(JsonReader, WalksAnObject) {
  Reader in(R"( {"a":1 , "b\u0041":[true,null,"x"],"c":{"d":{}}} )");
  ASSERT_TRUE(in.begin_object());
  EXPECT_EQ(in.next_member().value(), "a");
  EXPECT_EQ(in.integer().value(), 1);
  EXPECT_EQ(in.next_member().value(), "bA");
  ASSERT_TRUE(in.begin_array());
  EXPECT_TRUE(in.next_element().value());
  EXPECT_TRUE(in.boolean().value());
  EXPECT_TRUE(in.next_element().value());
  EXPECT_TRUE(in.null_if_next().value());
  EXPECT_TRUE(in.next_element().value());
  EXPECT_FALSE(in.null_if_next().value());
  EXPECT_EQ(in.string().value(), "x");
  EXPECT_FALSE(in.next_element().value());
  EXPECT_EQ(in.next_member().value(), "c");
  EXPECT_EQ(in.raw().value(), R"({"d":{}})");
  EXPECT_EQ(in.next_member().value(), std::nullopt);
  EXPECT_TRUE(in.finish());
}

TEST(JsonReader, Strings) {
  EXPECT_EQ(string_of(R"("")"), "");
  EXPECT_EQ(string_of(R"("é\n\t\"\\\/\b\f\r")"), "é\n\t\"\\/\b\f\r");
  EXPECT_EQ(string_of(R"("a\u00e9\uD83D\uDE00z")"), "aé😀z");
  EXPECT_EQ(string_of(R"("\u0000")"), std::string(1, '\0'));
  for (const char* bad : {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud800\n")", R"("\u12")", R"("\x")",
                          "\"\n\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"abc", "\"\\", "'a'"}) {
    EXPECT_THAT(string_of(bad), HasSubstr("JSON, offset")) << bad;
  }
}

TEST(JsonReader, Numbers) {
  EXPECT_EQ(Reader("-9223372036854775808").integer().value(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Reader("18446744073709551615").unsigned_integer().value(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Reader("-0.5e+2").float64().value(), -50.0);
  EXPECT_FALSE(Reader("9223372036854775808").integer());
  EXPECT_FALSE(Reader("1.0").integer());
  EXPECT_FALSE(Reader("-1").unsigned_integer());
  EXPECT_FALSE(Reader("1e999").float64());
  for (const char* bad : {"01", "-", "+1", ".5", "1.", "1e", "1e+", "NaN", "Infinity", "-Infinity", "0x1", ""}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(JsonReader, RefusesWhatIsNotTheGrammar) {
  for (const char* bad : {"",      " ",         "{",        "[",          "[1,]",          "[,1]",
                          "[1 2]", "{\"a\"}",   "{\"a\":}", "{\"a\":1,}", "{a:1}",         "{,}",
                          "[1]]",  "1 2",       "nul",      "truefalse",  "tru",           "{\"a\":1 \"b\":2}",
                          "[1}",   "{\"a\":1]", "// c\n1",  "\v1",        "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(parse(bad)) << bad;
    Reader in(bad);
    EXPECT_FALSE(in.skip() && in.finish()) << bad;
  }
}

TEST(JsonReader, DepthIsBounded) {
  EXPECT_TRUE(parse(std::string(64, '[') + std::string(64, ']')));
  auto deep = parse(std::string(65, '[') + std::string(65, ']'));
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message(), HasSubstr("64 deep"));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')));
}

TEST(JsonReader, ErrorsNameTheOffset) { EXPECT_THAT(parse("{\"a\": x}").error().message(), HasSubstr("offset 6")); }

TEST(JsonValue, DuplicateNamesCanBeRefused) {
  std::string_view text = R"({"a":{"Effect":"Deny","Effect":"Allow"}})";
  EXPECT_EQ(*parse(text)->find("a")->find("Effect")->string(), "Allow");
  auto refused = parse(text, Duplicates::refuse);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("\"Effect\" occurs twice"));
  EXPECT_FALSE(parse(R"({"a":1,"\u0061":2})", Duplicates::refuse)) << "the same name in other spelling";
  EXPECT_TRUE(parse(R"([{"a":1},{"a":2}])", Duplicates::refuse));
}

TEST(JsonValue, KeepsNumbersAndOrder) {
  std::string text = R"({"z":1.50,"a":[12345678901234567890,-0,true,null,"\u007f"],"m":{}})";
  auto value = parse(text).value();
  EXPECT_EQ(write(value), "{\"z\":1.50,\"a\":[12345678901234567890,-0,true,null,\"\x7f\"],\"m\":{}}");
  EXPECT_EQ(value.find("z")->float64(), 1.5);
  EXPECT_EQ(value.find("z")->integer(), std::nullopt);
  EXPECT_EQ(value.find("z")->string(), nullptr);
  EXPECT_EQ(value.find("absent"), nullptr);
}

TEST(JsonValue, IsBuilt) {
  Value value(Value::Object{{"s", "text"}, {"b", true}, {"i", 7}, {"d", 0.25}, {"n", Value()}});
  value.set("i", uint64_t{18446744073709551615u});
  value.set("list", Value::Array{1, "two"});
  EXPECT_EQ(write(value), R"({"s":"text","b":true,"i":18446744073709551615,"d":0.25,"n":null,"list":[1,"two"]})");
  EXPECT_EQ(parse(write(value)).value(), value);
}

TEST(JsonWriter, EscapesAndReplaces) {
  std::string out;
  append_quoted(out, std::string_view("a\"\\\n\r\t\x01\0é\xff\xe2\x82z", 14));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\r\\t\\u0001\\u0000é\\ufffd\\ufffd\\ufffdz\"");
}

TEST(JsonWriter, Doubles) {
  auto text = [](double value) {
    std::string out;
    Writer(out).float64(value);
    return out;
  };
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1e300), "1e+300");
  EXPECT_EQ(text(1700000000.193), "1700000000.193");
  EXPECT_EQ(text(std::nan("")), "\"NaN\"");
  EXPECT_EQ(text(-INFINITY), "\"-Infinity\"");
}

Value random_value(Random& random, int depth) {
  switch (random.below(depth == 0 ? 5 : 7)) {
    case 0: return Value();
    case 1: return random.below(2) == 0;
    case 2: return static_cast<int64_t>(random.u64());
    case 3: {
      auto number = std::bit_cast<double>(random.u64());
      return std::isfinite(number) ? Value(number) : Value(1.5);
    }
    case 4: {
      std::string text;
      for (uint64_t i = random.below(20); i > 0; --i) {
        codec::append_utf8(text, static_cast<uint32_t>(random.below(2) ? random.below(0x80) : random.below(0xd800)));
      }
      return text;
    }
    case 5: {
      Value::Array items;
      for (uint64_t i = random.below(5); i > 0; --i) items.push_back(random_value(random, depth - 1));
      return items;
    }
    default: {
      Value::Object members;
      for (uint64_t i = random.below(5); i > 0; --i) {
        members.push_back({random.hex(3), random_value(random, depth - 1)});
      }
      return members;
    }
  }
}

TEST(JsonProperty, WhatIsWrittenReadsBackTheSame) {
  SeededRandom random(11);
  for (int round = 0; round < 500; ++round) {
    Value value = random_value(random, 5);
    auto read = parse(write(value));
    ASSERT_TRUE(read) << write(value) << read.error().message();
    EXPECT_EQ(*read, value);
  }
}

TEST(JsonProperty, DoublesReadBackBitForBit) {
  SeededRandom random(12);
  for (int round = 0; round < 2000; ++round) {
    auto number = std::bit_cast<double>(random.u64());
    if (!std::isfinite(number)) continue;
    std::string out;
    Writer(out).float64(number);
    EXPECT_EQ(std::bit_cast<uint64_t>(Reader(out).float64().value()), std::bit_cast<uint64_t>(number)) << out;
  }
}

}  // namespace
}  // namespace boreal::json
