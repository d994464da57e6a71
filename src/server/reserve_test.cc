#include "server/reserve.h"

#include <gtest/gtest.h>

#include "io/fault.h"
#include "io/space.h"
#include "io/testing.h"

namespace boreal::server {
namespace {

// What becomes of it on a full disk, tests/e2e/s3_disk_test.py tells.
TEST(Reserve, IsMadeWholeOrNotAtAll) {
  const io::TempFolder folder;
  if (io::space_at(folder.path())->available_bytes < 8 * reserve_bytes) GTEST_SKIP() << "the disk is too full";
  net::Loop loop;
  io::Pool pool(1);
  {
    io::Faults faults;
    faults.fail(io::Operation::write, 1, ENOSPC, "/reserve");
    Reserve reserve(folder.path(), loop, pool);
    EXPECT_FALSE(*reserve.look()) << "something took the room meanwhile";
    EXPECT_FALSE(*io::exists(folder / "reserve"));
    faults.fail(io::Operation::write, 1, EOPNOTSUPP, "/reserve");
    EXPECT_TRUE(*reserve.look()) << "a file system that cannot keep room is no full one";
    EXPECT_FALSE(*io::exists(folder / "reserve"));
  }
  Reserve reserve(folder.path(), loop, pool);
  EXPECT_TRUE(*reserve.look());
  const auto file = io::File::open(folder / "reserve", io::File::Mode::read);
  EXPECT_EQ(*file->size(), reserve_bytes);
  EXPECT_TRUE(*reserve.look());
  ASSERT_TRUE(give_up_reserve_if_full(folder.path()));
  EXPECT_TRUE(*io::exists(folder / "reserve")) << "there is room";
}

}  // namespace
}  // namespace boreal::server
