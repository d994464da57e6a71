#include "base/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace boreal {
namespace {

TEST(Nearest, CountsLettersPutInTakenOutAndChanged) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("status", "status"), 0u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3u);
}

TEST(Nearest, NamesWhatWasProbablyMeantAndNothingElse) {
  constexpr std::array<std::string_view, 4> names = {"dev", "serve", "status", "healthcheck"};
  EXPECT_EQ(nearest(names, "stats"), "status");
  EXPECT_EQ(nearest(names, "server"), "serve");
  EXPECT_EQ(nearest(names, "healthchk"), "healthcheck");
  EXPECT_EQ(nearest(names, "frobnicate"), std::nullopt);
  EXPECT_EQ(nearest(std::array<std::string_view, 0>{}, "dev"), std::nullopt);
}

}  // namespace
}  // namespace boreal
