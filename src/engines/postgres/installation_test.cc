#include "postgres/installation.h"

#include <gtest/gtest.h>

#include "io/testing.h"

namespace boreal::postgres {
namespace {

// All ways to name where the programs are lead there.
TEST(Installations, AreFoundByTheirOwnFolderAndByThoseAbove) {
  const io::TempFolder folder;
  const io::Path bin = folder / "versions/16/bin";
  ASSERT_TRUE(io::make_folders(bin));
  ASSERT_TRUE(io::write_file_atomically(bin + "/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 16.3'\n", 0755));
  for (const char* named : {"versions", "versions/16", "versions/16/bin", "versions/16/bin/"}) {
    const auto found = Installations::discover({folder / named});
    ASSERT_TRUE(found) << named;
    ASSERT_EQ(found->all().size(), 1u) << named;
    EXPECT_EQ(found->all().front().bin, bin);
    EXPECT_EQ(found->all().front().version, "16.3");
  }
  const auto none = Installations::discover({folder / "absent", folder.path()});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->all().empty());
}

}  // namespace
}  // namespace boreal::postgres
