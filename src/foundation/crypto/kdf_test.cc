#include "crypto/kdf.h"

#include <gtest/gtest.h>

#include <array>

#include "codec/base64.h"
#include "codec/hex.h"

namespace boreal::crypto {
namespace {

std::string bytes(std::string_view hex_text) { return codec::hex_decode(hex_text).value(); }

// RFC 7914, section 11.
TEST(Pbkdf2, KnownAnswers) {
  std::array<std::byte, 64> out;
  ASSERT_TRUE(pbkdf2_hmac_sha256("passwd", as_bytes("salt"), 1, out));
  EXPECT_EQ(codec::hex_encode(out),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Pbkdf2, RefusesNoIterations) {
  std::array<std::byte, 32> out;
  EXPECT_FALSE(pbkdf2_hmac_sha256("passwd", as_bytes("salt"), 0, out));
}

// RFC 5869, A.1 and A.3.
TEST(Hkdf, KnownAnswers) {
  std::array<std::byte, 42> out;
  std::string key(22, '\x0b');
  ASSERT_TRUE(hkdf_sha256(as_bytes(key), as_bytes(bytes("000102030405060708090a0b0c")),
                          as_bytes(bytes("f0f1f2f3f4f5f6f7f8f9")), out));
  EXPECT_EQ(codec::hex_encode(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  ASSERT_TRUE(hkdf_sha256(as_bytes(key), {}, {}, out));
  EXPECT_EQ(codec::hex_encode(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// The exchange of RFC 7677, section 3, shows salt, iterations, and proofs from which both keys follow.
TEST(Scram, KnownAnswer) {
  std::string salt = codec::base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").value();
  EXPECT_EQ(scram_sha256_verifier("pencil", as_bytes(salt), 4096).value(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(Scram, RefusesPasswordsThatWantNormalizing) {
  auto refused = scram_sha256_verifier("pässword", as_bytes("salt"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
}

}  // namespace
}  // namespace boreal::crypto
