#include "rds/snapshot_file.h"

#include <gtest/gtest.h>

#include "aws/testing.h"
#include "io/testing.h"

namespace boreal::rds {
namespace {

// Has no end; after a few megabytes the server is to stop.
class LongSource final : public Source {
 public:
  Task<Result<size_t>> read(MutableBytes buffer) override {
    ++reads;
    stopping = reads >= 4;
    co_return reads < 100 ? buffer.size() : 0;
  }
  int reads = 0;
  bool stopping = false;
};

TEST(SnapshotFile, IsNotWrittenToItsEndWhenTheServerEnds) {
  const io::TempFolder folder;
  aws::CallFixture fixture;
  LongSource source;
  auto key = crypto::SecretKey::from(as_bytes(std::string(32, 'k')));
  ASSERT_TRUE(key);
  const io::Path path = folder / "file";
  const auto written =
      fixture.run(write_snapshot_file(fixture.context().pool, path, std::move(*key), source, source.stopping));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::cancelled);
  EXPECT_EQ(source.reads, 4);
  EXPECT_FALSE(*io::exists(path));
}

}  // namespace
}  // namespace boreal::rds
