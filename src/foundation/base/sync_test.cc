#include "base/sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing.h"

namespace boreal {
namespace {

using testing::ElementsAre;

Task<void> work(Semaphore& semaphore, Event& go_on, std::vector<std::string>& log, std::string name) {
  const auto permit = co_await semaphore.acquire();
  log.push_back(name + " in");
  co_await go_on.wait();
  log.push_back(name + " out");
}

TEST(Semaphore, AdmitsItsNumberInTheOrderTheyCame) {
  TestExecutor executor;
  Semaphore semaphore(2);
  Event events[4];
  std::vector<std::string> log;
  executor.post([&] {
    const char* names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; ++i) spawn(work(semaphore, events[i], log, names[i]));
  });
  executor.run_until_idle();
  EXPECT_THAT(log, ElementsAre("a in", "b in"));
  EXPECT_EQ(semaphore.waiting(), 2U);
  executor.post([&] { events[1].set(); });
  executor.run_until_idle();
  EXPECT_THAT(log, ElementsAre("a in", "b in", "b out", "c in"));
  executor.post([&] {
    for (auto& event : events) event.set();
  });
  executor.run_until_idle();
  EXPECT_EQ(log.back(), "d out");
  EXPECT_TRUE(semaphore.idle(2));
}

TEST(Semaphore, APermitIsHandedOnPastNewcomers) {
  TestExecutor executor;
  Semaphore semaphore(1);
  Event never_needed;
  never_needed.set();
  std::vector<std::string> log;
  Semaphore::Permit held;
  ASSERT_TRUE(semaphore.try_acquire(held));
  executor.post([&] {
    spawn(work(semaphore, never_needed, log, "waiter"));
    held.release();
    Semaphore::Permit newcomer;
    EXPECT_FALSE(semaphore.try_acquire(newcomer));  // it is the waiter's already
    EXPECT_THAT(log, testing::IsEmpty());           // who does not run on our stack
  });
  executor.run_until_idle();
  EXPECT_THAT(log, ElementsAre("waiter in", "waiter out"));
  EXPECT_TRUE(semaphore.idle(1));
}

TEST(Semaphore, PermitsMoveAndReleaseOnce) {
  Semaphore semaphore(2);
  Semaphore::Permit a;
  Semaphore::Permit b;
  ASSERT_TRUE(semaphore.try_acquire(a));
  ASSERT_TRUE(semaphore.try_acquire(b));
  a = std::move(b);
  EXPECT_FALSE(semaphore.idle(2));
  Semaphore::Permit c;
  EXPECT_TRUE(semaphore.try_acquire(c));  // what `a` held came free
  Semaphore::Permit d;
  EXPECT_FALSE(semaphore.try_acquire(d));
  a.release();
  a.release();
  c.release();
  EXPECT_TRUE(semaphore.idle(2));
}

Task<void> count_up(Mutex& mutex, Event& tick, int& shared) {
  const auto lock = co_await mutex.lock();
  const int seen = shared;
  co_await tick.wait();
  shared = seen + 1;
}

TEST(Mutex, KeepsOthersOutAcrossAwaits) {
  TestExecutor executor;
  Mutex mutex;
  Event tick;
  int shared = 0;
  executor.post([&] {
    for (int i = 0; i < 50; ++i) spawn(count_up(mutex, tick, shared));
    tick.set();
  });
  executor.run_until_idle();
  EXPECT_EQ(shared, 50);
}

Task<void> await_event(Event& event, int& woken) {
  co_await event.wait();
  ++woken;
}

TEST(Event, WakesAllAndStaysSetUntilReset) {
  TestExecutor executor;
  Event event;
  int woken = 0;
  executor.post([&] {
    spawn(await_event(event, woken));
    spawn(await_event(event, woken));
  });
  executor.run_until_idle();
  EXPECT_EQ(woken, 0);
  executor.post([&] {
    event.set();
    EXPECT_EQ(woken, 0);  // not on the setter's stack
  });
  executor.run_until_idle();
  EXPECT_EQ(woken, 2);
  executor.post([&] {
    spawn(await_event(event, woken));
    EXPECT_EQ(woken, 3);
    event.reset();
    spawn(await_event(event, woken));
  });
  executor.run_until_idle();
  EXPECT_EQ(woken, 3);
  executor.post([&] { event.set(); });
  executor.run_until_idle();
  EXPECT_EQ(woken, 4);
}

Task<void> drained(TaskGroup& group, std::vector<std::string>& log) {
  co_await group.wait();
  log.push_back("drained");
}

TEST(TaskGroup, WaitsForAllAndCanBeUsedAgain) {
  TestExecutor executor;
  TaskGroup group;
  Event first;
  Event second;
  int woken = 0;
  std::vector<std::string> log;
  executor.post([&] {
    group.spawn(await_event(first, woken));
    group.spawn(await_event(second, woken));
    spawn(drained(group, log));
  });
  executor.run_until_idle();
  EXPECT_EQ(group.running(), 2U);
  executor.post([&] { first.set(); });
  executor.run_until_idle();
  EXPECT_THAT(log, testing::IsEmpty());
  executor.post([&] { second.set(); });
  executor.run_until_idle();
  EXPECT_THAT(log, ElementsAre("drained"));
  executor.post([&] {
    group.spawn(await_event(first, woken));  // set: ends at once
    spawn(drained(group, log));
  });
  executor.run_until_idle();
  EXPECT_THAT(log, ElementsAre("drained", "drained"));
  EXPECT_EQ(woken, 3);
}

}  // namespace
}  // namespace boreal
