#include "ec2/cidr.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/random.h"

namespace boreal::ec2 {
namespace {

// Addresses as their bits, the slow and plain way: what the properties are held against.
std::string bits_of(const std::array<uint8_t, 16>& bytes, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += (bytes[static_cast<size_t>(i / 8)] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
  return out;
}

struct Block {
  std::string text;
  std::string prefix;  // as bits
};

Block random_block(Random& random, bool ipv6) {
  std::array<uint8_t, 16> bytes{};
  // Few distinct leading bytes, so that blocks often lie in each other.
  for (size_t i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(random.below(i < 2 ? 2 : 256));
  const auto length = static_cast<int>(random.below(ipv6 ? 129 : 33));
  std::string text;
  if (ipv6) {
    for (size_t i = 0; i < 16; i += 2) text += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] << 8 | bytes[i + 1]);
  } else {
    text = fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  return {fmt::format("{}/{}", text, length), bits_of(bytes, length)};
}

TEST(Cidr, ParsesAndClearsHostBits) {
  EXPECT_EQ(Cidr::parse("10.0.0.0/16")->to_string(), "10.0.0.0/16");
  EXPECT_EQ(Cidr::parse("10.0.1.2/16")->to_string(), "10.0.0.0/16");
  EXPECT_EQ(Cidr::parse("255.255.255.255/32")->to_string(), "255.255.255.255/32");
  EXPECT_EQ(Cidr::parse("1.2.3.4/0")->to_string(), "0.0.0.0/0");
  EXPECT_EQ(Cidr::parse("2001:DB8:0:0::1/33")->to_string(), "2001:db8::/33");
  EXPECT_EQ(Cidr::parse("::/0")->to_string(), "::/0");
}

TEST(Cidr, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/016", "10.0.0/16",
                           "10.0.0.256/16", " 10.0.0.0/16", "10.0.0.0/16 ", "10.0.0.0/1 6", "::/129", "fe80::1%eth0/64",
                           "1:2:3/64", "010.0.0.1/8", "10.0.0.0/16/16"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
  EXPECT_FALSE(Cidr::parse(std::string(100'000, '1') + "/8"));
  EXPECT_FALSE(Cidr::parse(std::string("10.0.0.0\0/16", 12)));
}

TEST(Cidr, FamiliesShareNothing) {
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*Cidr::parse("::/0")));
  EXPECT_FALSE(Cidr::parse("::/0")->overlaps(*Cidr::parse("0.0.0.0/0")));
}

TEST(Cidr, Addresses) {
  const auto cidr = *Cidr::parse("10.0.255.0/23");
  EXPECT_EQ(cidr.size(), 512);
  EXPECT_EQ(cidr.address(0), "10.0.254.0");
  EXPECT_EQ(cidr.address(511), "10.0.255.255");
  EXPECT_EQ(Cidr::parse("0.0.0.0/0")->size(), int64_t{1} << 32);
}

TEST(Cidr, PropertiesOfRandomBlocks) {
  SeededRandom random(20261122);
  for (int i = 0; i < 20'000; ++i) {
    const bool ipv6 = i % 2 == 1;
    const Block a = random_block(random, ipv6);
    const Block b = random_block(random, ipv6);
    const auto x = Cidr::parse(a.text);
    const auto y = Cidr::parse(b.text);
    ASSERT_TRUE(x && y) << a.text << ' ' << b.text;
    // A block contains another when its prefix begins the other's.
    ASSERT_EQ(x->contains(*y), b.prefix.starts_with(a.prefix)) << a.text << ' ' << b.text;
    ASSERT_EQ(x->overlaps(*y), b.prefix.starts_with(a.prefix) || a.prefix.starts_with(b.prefix));
    ASSERT_EQ(x->overlaps(*y), y->overlaps(*x));
    ASSERT_EQ(*x == *y, a.prefix == b.prefix) << a.text << ' ' << b.text;
    // The canonical text is itself a block, the same one.
    const auto again = Cidr::parse(x->to_string());
    ASSERT_TRUE(again) << x->to_string();
    ASSERT_EQ(*again, *x);
    ASSERT_EQ(again->to_string(), x->to_string());
  }
}

TEST(Cidr, RandomTextNeverParsesToAnotherBlock) {
  SeededRandom random(7);
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = random.pick("0123456789./:abf ", random.below(20));
    const auto cidr = Cidr::parse(text);
    if (cidr) EXPECT_EQ(*Cidr::parse(cidr->to_string()), *cidr) << text;
  }
}

}  // namespace
}  // namespace boreal::ec2
