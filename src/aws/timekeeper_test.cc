#include "aws/timekeeper.h"

#include <gtest/gtest.h>

namespace boreal::aws {
namespace {

struct Chore {
  int done = 0;
  int failures = 0;  // still to come
  Time next = Timekeeper::never;
};

Task<Result<Time>> work(Chore& chore) {
  if (chore.failures > 0) {
    --chore.failures;
    co_return fail(Errc::io, "not now");
  }
  ++chore.done;
  co_return chore.next;
}

// Waits until the chore was done so often; the test's own time limit ends a wait in vain.
Task<void> until_done(net::Loop& loop, Chore& chore, int times) {
  while (chore.done < times) co_await loop.sleep(Duration(5));
}

Task<void> scenario(net::Loop& loop, ManualClock& clock, Chore& chore, Timekeeper& keeper) {
  chore.next = clock.now() + std::chrono::days(7);
  keeper.start();
  co_await until_done(loop, chore, 1);
  const int64_t moved_ns = monotonic_ns();
  EXPECT_FALSE(keeper.has_been_round(moved_ns));
  clock.advance(std::chrono::days(7));
  chore.next = Timekeeper::never;
  co_await until_done(loop, chore, 2);
  while (!keeper.has_been_round(moved_ns)) co_await loop.sleep(Duration(5));
  EXPECT_EQ(chore.done, 2);
  keeper.note(clock.now() + std::chrono::hours(1));
  co_await loop.sleep(Duration(250));
  EXPECT_EQ(chore.done, 2) << "not due yet";
  chore.failures = 1;
  clock.advance(std::chrono::hours(1));
  while (chore.failures > 0) co_await loop.sleep(Duration(5));
  clock.advance(std::chrono::minutes(1));
  co_await until_done(loop, chore, 3);
  co_await keeper.stop();
  keeper.start();
  co_await until_done(loop, chore, 4);
  co_await keeper.stop();
}

Task<void> put_back(net::Loop& loop, ManualClock& clock, Chore& chore, Timekeeper& keeper) {
  keeper.start();
  co_await until_done(loop, chore, 1);
  clock.advance(std::chrono::days(90));
  const int64_t moved_ns = monotonic_ns();
  while (!keeper.has_been_round(moved_ns)) co_await loop.sleep(Duration(5));
  clock.advance(-std::chrono::days(90));
  co_await until_done(loop, chore, 2);
  co_await keeper.stop();
}

// The first time the clock is moved in the middle.
Task<Result<Time>> work_while_moved(ManualClock& clock, Chore& chore) {
  if (chore.done++ == 0) clock.advance(std::chrono::days(90));
  co_return clock.now() + std::chrono::days(1);
}

Task<void> put_back_at_once(net::Loop& loop, ManualClock& clock, Chore& chore, Timekeeper& keeper) {
  keeper.start();
  co_await until_done(loop, chore, 1);
  clock.advance(-std::chrono::days(90));
  co_await until_done(loop, chore, 2);
  co_await keeper.stop();
}

TEST(Timekeeper, AsksAnewWhenTheClockWasMovedDuringTheWorkAndPutBack) {
  net::Loop loop;
  ManualClock clock;
  Chore chore;
  Timekeeper keeper("test", loop, clock, [&] { return work_while_moved(clock, chore); });
  net::run_until_done(loop, put_back_at_once(loop, clock, chore, keeper));
  EXPECT_EQ(chore.done, 2);
}

TEST(Timekeeper, AsksAnewWhenTheClockIsPutBack) {
  net::Loop loop;
  ManualClock clock;
  Chore chore;
  Timekeeper keeper("test", loop, clock, [&chore] { return work(chore); });
  net::run_until_done(loop, put_back(loop, clock, chore, keeper));
  EXPECT_EQ(chore.done, 2);
}

TEST(Timekeeper, DoesWhatIsDueWhenTheClockSaysSoAlsoAfterAFailure) {
  net::Loop loop;
  ManualClock clock;
  Chore chore;
  Timekeeper keeper("test", loop, clock, [&chore] { return work(chore); });
  net::run_until_done(loop, scenario(loop, clock, chore, keeper));
  EXPECT_EQ(chore.done, 4);
}

}  // namespace
}  // namespace boreal::aws
