#include "io/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/testing.h"

namespace boreal::io {
namespace {

struct Where {
  std::thread::id work;
  std::thread::id after;
  Executor* executor = nullptr;
  std::string value;
};

Task<Where> compute(Pool& pool) {
  Where where;
  where.value = co_await pool.run([&where] {
    where.work = std::this_thread::get_id();
    return std::string("done");
  });
  where.after = std::this_thread::get_id();
  where.executor = Executor::current();
  co_return where;
}

TEST(Pool, TheAwaiterGoesOnOnItsOwnExecutor) {
  Pool pool(2);
  pool.start();
  TestExecutor executor;
  const Where where = executor.run(compute(pool));
  EXPECT_EQ(where.value, "done");
  EXPECT_NE(where.work, std::this_thread::get_id());
  EXPECT_EQ(where.after, std::this_thread::get_id());
  EXPECT_EQ(where.executor, &executor);
}

TEST(Pool, WithoutAnExecutorThePoolThreadGoesOn) {
  Pool pool(1);
  pool.start();
  const Where where = run_blocking(compute(pool));
  EXPECT_EQ(where.work, where.after);
}

Task<std::string> catch_from(Pool& pool) {
  try {
    co_await pool.run([] { throw std::runtime_error("from the pool"); });
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing thrown";
}

TEST(Pool, ExceptionsReachTheAwaiter) {
  Pool pool(1);
  pool.start();
  EXPECT_EQ(run_blocking(catch_from(pool)), "from the pool");
}

Task<std::unique_ptr<int>> move_only(Pool& pool) {
  co_return co_await pool.run([held = std::make_unique<int>(4)]() mutable { return std::move(held); });
}

TEST(Pool, CarriesWhatOnlyMoves) {
  Pool pool(1);
  pool.start();
  EXPECT_EQ(*run_blocking(move_only(pool)), 4);
}

TEST(Pool, TellsWhenMoreWaitsThanThreadsAreIdle) {
  Pool pool(1);
  pool.start();
  std::latch begun(1), looked(1);
  bool alone = true, with_others = false;
  pool.submit([&] {
    alone = pool.is_short_of_threads();
    begun.count_down();
    looked.wait();
    with_others = pool.is_short_of_threads();
  });
  begun.wait();
  pool.submit([] {});
  looked.count_down();
  pool.stop();
  EXPECT_FALSE(alone);
  EXPECT_TRUE(with_others);
  EXPECT_FALSE(pool.is_short_of_threads());
}

TEST(Pool, ThreadsWorkAtTheSameTime) {
  Pool pool(3);
  pool.start();
  std::latch together(3);  // passes only when three are in it at once
  for (int i = 0; i < 3; ++i) pool.submit([&] { together.arrive_and_wait(); });
  pool.stop();
}

TEST(Pool, StopFinishesWhatIsQueued) {
  std::atomic<int> done = 0;
  Pool pool(2);
  for (int i = 0; i < 100; ++i) pool.submit([&] { ++done; });
  EXPECT_EQ(done, 0);
  pool.start();
  for (int i = 0; i < 100; ++i) pool.submit([&] { ++done; });
  pool.stop();
  EXPECT_EQ(done, 200);
  pool.submit([&] { ++done; });
  EXPECT_EQ(done, 201);
  pool.stop();
}

TEST(Pool, StopWithoutStartStillDoesTheWork) {
  std::atomic<int> done = 0;
  {
    Pool pool(1);
    pool.submit([&] { ++done; });
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace boreal::io
