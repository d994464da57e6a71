#include "server/root_key.h"

#include <gtest/gtest.h>

#include "io/testing.h"

namespace boreal::server {
namespace {

TEST(RootKey, IsMadeOnceAndKnownAgain) {
  const io::TempFolder folder;
  SeededRandom random(1);
  const auto made = load_root_key(folder / "keys", false, random);
  ASSERT_TRUE(made);
  EXPECT_TRUE(check_root_key(folder.path(), *made)) << "nothing is told yet";
  ASSERT_TRUE(note_root_key(folder.path(), *made));
  const auto again = load_root_key(folder / "keys", true, random);
  ASSERT_TRUE(again);
  EXPECT_TRUE(check_root_key(folder.path(), *again));
  EXPECT_EQ(load_root_key(folder / "elsewhere", true, random).error().code(), Errc::not_found);
  EXPECT_FALSE(io::exists(folder / "elsewhere").value());

  const auto other = load_root_key(folder / "elsewhere", false, random);
  ASSERT_TRUE(other);
  ASSERT_TRUE(note_root_key(folder.path(), *other)) << "changes nothing";
  EXPECT_EQ(check_root_key(folder.path(), *other).error().code(), Errc::conflict);
  EXPECT_TRUE(check_root_key(folder.path(), *made));
}

}  // namespace
}  // namespace boreal::server
