#include "codec/cbor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "codec/hex.h"

namespace boreal::cbor {
namespace {

// Data in hexadecimal, kept as long as its reader.
struct Data {
  explicit Data(std::string_view hex) : bytes(codec::hex_decode(hex).value()) {}
  Reader reader() const { return Reader(as_bytes(bytes)); }
  std::string bytes;
};

double number(std::string_view hex) { return Data(hex).reader().float64().value(); }
int64_t integer(std::string_view hex) { return Data(hex).reader().integer().value(); }

// RFC 8949, appendix A.
TEST(CborReader, KnownAnswers) {
  EXPECT_EQ(integer("00"), 0);
  EXPECT_EQ(integer("1818"), 24);
  EXPECT_EQ(integer("1903e8"), 1000);
  EXPECT_EQ(integer("1b000000e8d4a51000"), 1'000'000'000'000);
  EXPECT_EQ(integer("3903e7"), -1000);
  EXPECT_EQ(integer("3b7fffffffffffffff"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(number("f93e00"), 1.5);
  EXPECT_EQ(number("f90001"), 5.960464477539063e-8);
  EXPECT_EQ(number("f9c400"), -4.0);
  EXPECT_EQ(number("fa47c35000"), 100000.0);
  EXPECT_EQ(number("fbc010666666666666"), -4.1);
  EXPECT_EQ(number("f97c00"), INFINITY);
  EXPECT_TRUE(std::isnan(number("f97e00")));
  EXPECT_EQ(number("1864"), 100.0);
  EXPECT_EQ(Data("62c3bc").reader().text().value(), "ü");
  EXPECT_EQ(Data("5f42010243030405ff").reader().bytes().value(), "\x01\x02\x03\x04\x05");
  EXPECT_EQ(Data("7f657374726561646d696e67ff").reader().text().value(), "streaming");
  EXPECT_EQ(Data("c11a514b67b0").reader().timestamp()->ms, 1'363'896'240'000);
  EXPECT_EQ(Data("c1fb41d452d9ec200000").reader().timestamp()->ms, 1'363'896'240'500);
}

TEST(CborReader, WalksMapsOfBothKinds) {
  for (const char* hex : {"a26161016162820203", "bf61610161629f0203ffff"}) {
    Data data(hex);
    Reader in = data.reader();
    ASSERT_TRUE(in.begin_map());
    EXPECT_EQ(in.next_key().value(), "a");
    EXPECT_EQ(in.integer().value(), 1);
    EXPECT_EQ(in.next_key().value(), "b");
    ASSERT_TRUE(in.begin_array());
    EXPECT_TRUE(in.next_element().value());
    EXPECT_EQ(in.integer().value(), 2);
    EXPECT_TRUE(in.next_element().value());
    EXPECT_EQ(in.integer().value(), 3);
    EXPECT_FALSE(in.next_element().value());
    EXPECT_EQ(in.next_key().value(), std::nullopt);
    EXPECT_TRUE(in.finish());
    Reader again = data.reader();
    EXPECT_TRUE(again.skip());
    EXPECT_TRUE(again.finish());
  }
}

TEST(CborReader, RefusesWhatIsBroken) {
  for (const char* hex : {"",     "18",       "19ff",   "1c",       "1f",           "3f",
                          "df",   "ff",       "62c3",   "62c328",   "9a7fffffff",   "bb7fffffffffffffff",
                          "9f01", "bf6161ff", "a10101", "5f6161ff", "5f5f4101ffff", "7f6161",
                          "f8ff", "e0",       "fc",     "c1",       "8201",         "a16161",
                          "0001"}) {
    Data data(hex);
    Reader in = data.reader();
    EXPECT_FALSE(in.skip() && in.finish()) << hex;
  }
  EXPECT_FALSE(Data("1bffffffffffffffff").reader().integer());
  EXPECT_FALSE(Data("c21a514b67b0").reader().timestamp());
  EXPECT_FALSE(Data("c1f97c00").reader().timestamp());
}

TEST(CborReader, DepthIsBounded) {
  auto nested = [](size_t depth) { return std::string(depth, '\x81') + '\x01'; };
  std::string deep = nested(64);
  EXPECT_TRUE(Reader(as_bytes(deep)).skip());
  deep = nested(65);
  EXPECT_FALSE(Reader(as_bytes(deep)).skip());
  deep = std::string(100'000, '\x9f');
  EXPECT_FALSE(Reader(as_bytes(deep)).skip());
  deep = std::string(100'000, '\xc1') + '\x01';
  EXPECT_TRUE(Reader(as_bytes(deep)).skip()) << "tags do not nest the reader";
}

TEST(CborWriter, ShortestForms) {
  std::string out;
  Writer writer(out);
  writer.map(1);
  writer.text("a");
  writer.begin_array();
  for (int64_t value : {int64_t{23}, int64_t{24}, int64_t{256}, int64_t{-1}, int64_t{-257}, int64_t{1} << 32}) {
    writer.integer(value);
  }
  writer.float64(1.5);
  writer.float64(0.1);
  writer.boolean(true);
  writer.null();
  writer.bytes("\x01");
  writer.timestamp({2000});
  writer.timestamp({1500});
  writer.end();
  EXPECT_EQ(codec::hex_encode(out),
            "a161619f171818190100203901001b0000000100000000fa3fc00000fb3fb999999999999af5f64101c102c1fa3fc00000ff");
}

TEST(CborProperty, NumbersComeBack) {
  SeededRandom random(16);
  for (int round = 0; round < 2000; ++round) {
    auto whole = static_cast<int64_t>(random.u64()) >> random.below(64);
    auto real = std::bit_cast<double>(random.u64());
    Time time{static_cast<int64_t>(random.below(4'000'000'000'000))};
    std::string out;
    Writer writer(out);
    writer.integer(whole);
    writer.float64(real);
    writer.timestamp(time);
    Reader in(as_bytes(out));
    EXPECT_EQ(in.integer().value(), whole);
    double read = in.float64().value();
    EXPECT_TRUE(read == real || (std::isnan(read) && std::isnan(real)));
    EXPECT_EQ(in.timestamp().value(), time);
    EXPECT_TRUE(in.finish());
  }
}

}  // namespace
}  // namespace boreal::cbor
