#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "codec/hex.h"
#include "crypto/secret.h"

namespace boreal::crypto {
namespace {

template <size_t N>
std::string hex(const std::array<std::byte, N>& bytes) {
  return codec::hex_encode(bytes);
}

std::string bytes(std::string_view hex_text) { return codec::hex_decode(hex_text).value(); }

// FIPS 180-4 examples and RFC 1321, A.5.
TEST(Hash, KnownAnswers) {
  EXPECT_EQ(hex(Md5::of("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(Sha1::of("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(Sha256::of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(Sha256::of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(Sha512::of("abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Hash, PiecesGiveTheSameAsTheWhole) {
  SeededRandom random(1);
  for (int round = 0; round < 50; ++round) {
    std::string text = random.bytes(random.below(500));
    Sha256 hash;
    std::string_view rest = text;
    while (!rest.empty()) {
      size_t piece = 1 + random.below(rest.size());
      hash.update(rest.substr(0, piece));
      rest.remove_prefix(piece);
    }
    EXPECT_EQ(hash.finish(), Sha256::of(text));
    EXPECT_EQ(hash.finish(), Sha256::of("")) << "it starts anew";
  }
}

TEST(Hash, Moves) {
  Sha256 hash;
  hash.update("a");
  Sha256 other = std::move(hash);
  other.update("bc");
  hash = Sha256();
  hash = std::move(other);
  EXPECT_EQ(hash.finish(), Sha256::of("abc"));
}

// RFC 4231, cases 1, 2 and 6; RFC 2202 for SHA-1.
TEST(Hmac, KnownAnswers) {
  EXPECT_EQ(hex(HmacSha256(std::string(20, '\x0b')).of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  std::string long_key(131, '\xaa');
  EXPECT_EQ(hex(HmacSha256(long_key).of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(HmacKey<HashKind::sha512>(long_key).of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
            "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
  EXPECT_EQ(hex(HmacKey<HashKind::sha1>("Jefe").of("what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Hmac, OneKeyServesManyMessages) {
  HmacSha256 key("key");
  auto first = key.of("a");
  EXPECT_NE(first, key.of("b"));
  EXPECT_EQ(first, key.of("a"));
}

TEST(ConstantTimeEqual, ComparesLengthAndContent) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
}

TEST(Secrets, MoveLeavesNothingBehind) {
  SecretBytes secret("password");
  SecretBytes other = std::move(secret);
  EXPECT_EQ(other.text(), "password");
  EXPECT_TRUE(secret.empty());
  other = SecretBytes("x");
  EXPECT_EQ(other.copy().text(), "x");

  SeededRandom random(2);
  SecretKey key = SecretKey::generate(random);
  std::string before(as_text(key.bytes()));
  SecretKey moved = std::move(key);
  EXPECT_EQ(as_text(moved.bytes()), before);
  EXPECT_EQ(as_text(key.bytes()), std::string(32, '\0'));
}

TEST(Secrets, KeysHave32Bytes) {
  EXPECT_FALSE(SecretKey::from(as_bytes("short")));
  auto key = SecretKey::from(as_bytes(bytes(std::string(64, 'a'))));
  ASSERT_TRUE(key);
  EXPECT_EQ(codec::hex_encode(key->bytes()), std::string(64, 'a'));
}

}  // namespace
}  // namespace boreal::crypto
