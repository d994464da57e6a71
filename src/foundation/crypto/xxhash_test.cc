#include "crypto/xxhash.h"

#include <gtest/gtest.h>

#include "codec/hex.h"

namespace boreal::crypto {
namespace {

std::string hex_of(XxhashKind kind, std::string_view text) {
  Xxhash hash(kind);
  // In pieces, of which some are empty.
  hash.update(as_bytes(text.substr(0, text.size() / 3)));
  hash.update({});
  hash.update(as_bytes(text.substr(text.size() / 3)));
  return codec::hex_encode(hash.finish());
}

// As other implementations have them.
TEST(Xxhash, KnownValues) {
  EXPECT_EQ(hex_of(XxhashKind::xxh64, ""), "ef46db3751d8e999");
  EXPECT_EQ(hex_of(XxhashKind::xxh64, "abc"), "44bc2cf5ad770999");
  EXPECT_EQ(hex_of(XxhashKind::xxh3, ""), "2d06800538d394c2");
  EXPECT_EQ(hex_of(XxhashKind::xxh3, "abc"), "78af5f94892f3950");
  EXPECT_EQ(hex_of(XxhashKind::xxh128, ""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hex_of(XxhashKind::xxh128, "abc"), "06b05ab6733a618578af5f94892f3950");
}

TEST(Xxhash, ManyPiecesAreAsOne) {
  const std::string text(100'000, 'x');
  for (const auto kind : {XxhashKind::xxh64, XxhashKind::xxh3, XxhashKind::xxh128}) {
    Xxhash pieces(kind);
    Xxhash whole(kind);
    whole.update(as_bytes(text));
    for (size_t at = 0; at < text.size(); at += 777) pieces.update(as_bytes(std::string_view(text).substr(at, 777)));
    EXPECT_EQ(pieces.finish(), whole.finish());
  }
}

}  // namespace
}  // namespace boreal::crypto
