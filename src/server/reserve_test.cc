#include "server/reserve.h"

#include <gtest/gtest.h>

#include "io/fault.h"
#include "io/space.h"
#include "io/testing.h"

namespace boreal::server {
namespace {

// What a start on a full disk does with it, tests/e2e/s3_disk_test.py tells.
TEST(Reserve, IsMadeWholeOrNotAtAll) {
  const io::TempFolder folder;
  if (io::space_at(folder.path())->available_bytes < 8 * reserve_bytes) GTEST_SKIP() << "the disk is too full";
  {
    io::Faults faults;
    faults.fail(io::Operation::write, 1, ENOSPC, "/reserve");
    EXPECT_TRUE(make_reserve(folder.path()));
    EXPECT_FALSE(*io::exists(folder / "reserve"));
    faults.fail(io::Operation::write, 1, EOPNOTSUPP, "/reserve");
    EXPECT_EQ(make_reserve(folder.path()).error().code(), Errc::unsupported);
    EXPECT_FALSE(*io::exists(folder / "reserve"));
  }
  ASSERT_TRUE(make_reserve(folder.path()));
  const auto file = io::File::open(folder / "reserve", io::File::Mode::read);
  EXPECT_EQ(*file->size(), reserve_bytes);
  ASSERT_TRUE(make_reserve(folder.path()));
  ASSERT_TRUE(give_up_reserve_if_full(folder.path()));
  EXPECT_TRUE(*io::exists(folder / "reserve")) << "there is room";
}

}  // namespace
}  // namespace boreal::server
