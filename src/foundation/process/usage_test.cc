#include "process/usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>
#include <thread>
#include <vector>

namespace boreal::process {
namespace {

TEST(Usage, CountsFilesThreadsMemoryAndTime) {
  const auto before = own_usage();
  ASSERT_TRUE(before) << before.error().message();
  EXPECT_GT(before->resident_bytes, 100'000u);
  EXPECT_GE(before->threads, 1u);
  EXPECT_LT(before->open_files, before->max_open_files);

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::mutex mutex;
  std::unique_lock held(mutex);
  std::thread waiting([&] { const std::lock_guard lock(mutex); });
  std::vector<char> memory(64 << 20, 'x');
  Result<Usage> after = own_usage();
  for (int i = 0; after && after->processor_seconds <= before->processor_seconds && i < 1'000'000; ++i)
    after = own_usage();
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(after->open_files, before->open_files + 2);
  EXPECT_GT(after->threads, before->threads);  // ThreadSanitizer adds one of its own
  EXPECT_GE(after->resident_bytes, before->resident_bytes + memory.size() / 2);
  EXPECT_GT(after->processor_seconds, before->processor_seconds);
  held.unlock();
  waiting.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace boreal::process
