#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "codec/hex.h"

namespace boreal::crypto {
namespace {

std::string bytes(std::string_view hex_text) { return codec::hex_decode(hex_text).value(); }
MutableBytes room(std::string& text) { return std::as_writable_bytes(std::span(text)); }

Aes256Gcm::Nonce nonce_of(std::string_view hex_text) {
  Aes256Gcm::Nonce nonce;
  std::string content = bytes(hex_text);
  std::ranges::copy(as_bytes(content), nonce.begin());
  return nonce;
}

// D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16.
TEST(Aes256Gcm, KnownAnswer) {
  auto key =
      SecretKey::from(as_bytes(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))).value();
  auto nonce = nonce_of("cafebabefacedbaddecaf888");
  std::string associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  std::string plain = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
      "b16aedf5aa0de657ba637b39");
  std::string wanted = bytes(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
      "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  Aes256Gcm cipher(key);
  std::string sealed(plain.size() + Aes256Gcm::tag_size, '\0');
  ASSERT_TRUE(cipher.seal(nonce, as_bytes(associated), as_bytes(plain), room(sealed)));
  EXPECT_EQ(codec::hex_encode(sealed), codec::hex_encode(wanted));
  std::string opened(plain.size(), '\0');
  ASSERT_TRUE(cipher.open(nonce, as_bytes(associated), as_bytes(sealed), room(opened)));
  EXPECT_EQ(opened, plain);
}

TEST(Aes256Gcm, MessagesComeBackAndTamperedOnesDoNot) {
  SeededRandom random(6);
  Aes256Gcm cipher(SecretKey::generate(random));
  Aes256Gcm stranger(SecretKey::generate(random));
  for (size_t size : {0, 1, 15, 16, 17, 1000, 70'000}) {
    std::string plain = random.bytes(size);
    std::string message = cipher.seal_message(random, as_bytes("name"), as_bytes(plain)).value();
    EXPECT_EQ(message.size(), size + Aes256Gcm::nonce_size + Aes256Gcm::tag_size);
    EXPECT_EQ(cipher.open_message(as_bytes("name"), as_bytes(message)).value().text(), plain);
    EXPECT_FALSE(cipher.open_message(as_bytes("other"), as_bytes(message)));
    EXPECT_FALSE(stranger.open_message(as_bytes("name"), as_bytes(message)));
    std::string changed = message;
    changed[random.below(changed.size())] ^= 0x10;
    auto opened = cipher.open_message(as_bytes("name"), as_bytes(changed));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::corrupt);
    EXPECT_FALSE(cipher.open_message(as_bytes("name"), as_bytes(message).first(message.size() - 1)));
    EXPECT_TRUE(cipher.open_message(as_bytes("name"), as_bytes(message))) << "a failure leaves the cipher usable";
  }
  EXPECT_FALSE(cipher.open_message({}, as_bytes("short")));
}

TEST(Aes256Gcm, WorksInPlaceAndWipesWhatDoesNotOpen) {
  SeededRandom random(7);
  Aes256Gcm cipher(SecretKey::generate(random));
  Aes256Gcm::Nonce nonce{};
  std::string plain = random.bytes(100);
  std::string buffer = plain + std::string(Aes256Gcm::tag_size, '\0');
  ASSERT_TRUE(cipher.seal(nonce, {}, as_bytes(buffer).first(100), room(buffer)));
  std::string sealed = buffer;
  ASSERT_TRUE(cipher.open(nonce, {}, as_bytes(buffer), room(buffer).first(100)));
  EXPECT_EQ(buffer.substr(0, 100), plain);

  sealed.back() ^= 1;
  std::string out(100, 'x');
  EXPECT_FALSE(cipher.open(nonce, {}, as_bytes(sealed), room(out)));
  EXPECT_EQ(out, std::string(100, '\0'));
}

TEST(Aes256Gcm, RefusesRoomOfTheWrongSize) {
  SeededRandom random(8);
  Aes256Gcm cipher(SecretKey::generate(random));
  std::string out(10, '\0');
  EXPECT_FALSE(cipher.seal({}, {}, as_bytes("0123456789"), room(out)));
  EXPECT_FALSE(cipher.open({}, {}, as_bytes("0123456789"), room(out)));
}

TEST(Aes256Gcm, Moves) {
  SeededRandom random(9);
  Aes256Gcm first(SecretKey::generate(random));
  std::string message = first.seal_message(random, {}, as_bytes("content")).value();
  Aes256Gcm second = std::move(first);
  EXPECT_EQ(second.open_message({}, as_bytes(message)).value().text(), "content");
}

}  // namespace
}  // namespace boreal::crypto
