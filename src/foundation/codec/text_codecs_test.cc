// Base64, hexadecimal, percent encoding, forms, UTF-8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "codec/base64.h"
#include "codec/form.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/utf8.h"

namespace boreal::codec {
namespace {

using testing::ElementsAre;

// RFC 4648, section 10.
TEST(Base64, KnownAnswers) {
  const std::pair<const char*, const char*> pairs[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (auto [plain, encoded] : pairs) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded).value(), plain);
  }
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
  EXPECT_EQ(base64url_decode("-_8").value(), "\xfb\xff");
}

TEST(Base64, IsStrict) {
  for (const char* bad :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n", " Zm9v", "Zm-v", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
  for (const char* bad : {"Zg==", "Z", "Zh", "Zm+v"}) EXPECT_FALSE(base64url_decode(bad)) << bad;
}

TEST(Base64AndHex, EverythingComesBack) {
  SeededRandom random(13);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes = random.bytes(size);
    EXPECT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)).value(), bytes);
    EXPECT_EQ(hex_decode(hex_encode(bytes)).value(), bytes);
    EXPECT_EQ(percent_decode(percent_encode(bytes)).value(), bytes);
    EXPECT_EQ(percent_decode_leniently(percent_encode(bytes, Slash::keep)), bytes);
  }
}

TEST(Hex, BothCasesAndNothingElse) {
  EXPECT_EQ(hex_encode("\x01\xab"), "01ab");
  EXPECT_EQ(hex_decode("01AB").value(), "\x01\xab");
  for (const char* bad : {"0", "0g", " 0", "0x"}) EXPECT_FALSE(hex_decode(bad)) << bad;
}

TEST(Percent, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encode("AZaz09-_.~"), "AZaz09-_.~");
  EXPECT_EQ(percent_encode("a b+c/d*é!'()"), "a%20b%2Bc%2Fd%2A%C3%A9%21%27%28%29");
  EXPECT_EQ(percent_encode("/a b/c", Slash::keep), "/a%20b/c");
}

TEST(Percent, DecodesStrictlyOrNot) {
  EXPECT_EQ(percent_decode("a%20b+%2f%2F").value(), "a b+//");
  for (const char* bad : {"%", "%2", "%zz", "a%2", "%%20"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
    EXPECT_NO_THROW(percent_decode_leniently(bad));
  }
  EXPECT_EQ(percent_decode_leniently("100%+%41%"), "100%+A%");
}

TEST(Query, KeepsOrderAndEmptyValues) {
  EXPECT_THAT(parse_query("acl&b=1=2&&a=%26+x&b=").value(),
              ElementsAre(NamedValue{"acl", ""}, NamedValue{"b", "1=2"}, NamedValue{"a", "& x"}, NamedValue{"b", ""}));
  EXPECT_THAT(parse_query("").value(), ElementsAre());
  EXPECT_FALSE(parse_query("a=%"));
}

TEST(Form, PlusIsASpaceAndPairsAreCounted) {
  EXPECT_THAT(parse_form("Action=List+All&x=%2B").value(),
              ElementsAre(NamedValue{"Action", "List All"}, NamedValue{"x", "+"}));
  EXPECT_TRUE(parse_form("a=1&b=2", 2));
  auto refused = parse_form("a=1&b=2&c=3", 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::too_large);
}

TEST(Utf8, StrictAsTheStandard) {
  for (const char* good : {"", "abc", "é", "€", "😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
                          "12345678\xc3", "1234567\xc3(", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(bad)) << hex_encode(std::string_view(bad));
  }
}

TEST(Utf8, AppendsEveryScalarValue) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(utf8_length(text, 0), text.size()) << c;
  }
}

}  // namespace
}  // namespace boreal::codec
