#include "crypto/sealer.h"

#include <gtest/gtest.h>

namespace boreal::crypto {
namespace {

TEST(Sealer, OpensOnlyWhatWasSealedForThatPurposeAndContext) {
  SeededRandom random(1);
  const SecretKey root = SecretKey::generate(random);
  auto sealer = Sealer::derive(root, "access keys", random);
  auto other = Sealer::derive(root, "sessions", random);
  ASSERT_TRUE(sealer && other);
  const auto sealed = sealer->seal("wJalrXUtnFEMI", "AKIA1");
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->find("wJalr"), std::string::npos);
  EXPECT_EQ(sealer->open(*sealed, "AKIA1")->text(), "wJalrXUtnFEMI");
  EXPECT_EQ(sealer->open(*sealed, "AKIA2").error().code(), Errc::corrupt);
  EXPECT_EQ(other->open(*sealed, "AKIA1").error().code(), Errc::corrupt);
  std::string flipped = *sealed;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_EQ(sealer->open(flipped, "AKIA1").error().code(), Errc::corrupt);
}

TEST(Sealer, TheSameRootOpensAfterARestart) {
  SeededRandom random(2);
  const SecretKey root = SecretKey::generate(random);
  const auto sealed = Sealer::derive(root, "p", random)->seal("secret", "c");
  EXPECT_EQ(Sealer::derive(root, "p", random)->open(*sealed, "c")->text(), "secret");
}

}  // namespace
}  // namespace boreal::crypto
