#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/sync.h"
#include "base/testing.h"

namespace boreal {
namespace {

Task<int> note_and_return(std::vector<std::string>& log, int value) {
  log.push_back("ran");
  co_return value;
}

Task<int> await_late(std::vector<std::string>& log) {
  auto task = note_and_return(log, 7);
  log.push_back("made");
  co_return co_await std::move(task);
}

TEST(Task, StartsWhenAwaited) {
  std::vector<std::string> log;
  EXPECT_EQ(run_blocking(await_late(log)), 7);
  EXPECT_EQ(log, (std::vector<std::string>{"made", "ran"}));
  {
    auto never = note_and_return(log, 1);
  }
  EXPECT_EQ(log.size(), 2U);
}

Task<int> throw_later() {
  throw std::runtime_error("inside");
  co_return 0;
}
Task<void> throw_nothing_returned() {
  throw std::runtime_error("void");
  co_return;
}
Task<std::string> caught() {
  std::string out;
  try {
    (void)co_await throw_later();
  } catch (const std::runtime_error& e) {
    out += e.what();
  }
  try {
    co_await throw_nothing_returned();
  } catch (const std::runtime_error& e) {
    out += e.what();
  }
  co_return out;
}

TEST(Task, ExceptionsReachTheAwaiter) { EXPECT_EQ(run_blocking(caught()), "insidevoid"); }

Task<int> one() { co_return 1; }
Task<int> sum_of(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await one();
  co_return sum;
}
Task<int> nested(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nested(depth - 1);
}

// Without symmetric transfer each of these would need a stack frame per step.
TEST(Task, LongChainsOfAwaitsKeepTheStackFlat) { EXPECT_EQ(run_blocking(sum_of(100'000)), 100'000); }
TEST(Task, DeepNestingKeepsTheStackFlat) { EXPECT_EQ(run_blocking(nested(100'000)), 100'000); }

struct Alive {
  explicit Alive(int& count) : count_(count) { ++count_; }
  Alive(const Alive&) = delete;
  ~Alive() { --count_; }
  int& count_;
};

Task<void> hold_until(Event& event, int& alive, std::unique_ptr<int> parameter) {
  const Alive here(alive);
  co_await event.wait();
  ++*parameter;
}

TEST(Task, FramesAreFreedAtTheEnd) {
  TestExecutor executor;
  Event event;
  int alive = 0;
  bool done = false;
  executor.post([&] { spawn(hold_until(event, alive, std::make_unique<int>(1)), [&] { done = true; }); });
  executor.run_until_idle();
  EXPECT_EQ(alive, 1);
  EXPECT_FALSE(done);
  executor.post([&] { event.set(); });
  executor.run_until_idle();
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(done);
}

TEST(Task, SpawnRunsHereAndNowUntilTheFirstWait) {
  std::vector<std::string> log;
  int result = 0;
  spawn(note_and_return(log, 3), [&](int value) { result = value; });
  EXPECT_EQ(result, 3);
}

struct Flag {
  bool* gone;
  explicit Flag(bool* flag) : gone(flag) {}
  Flag(Flag&& other) noexcept : gone(std::exchange(other.gone, nullptr)) {}
  ~Flag() {
    if (gone != nullptr) *gone = true;
  }
};
Task<void> keep(Flag) { co_return; }
Task<int> keep_and_return(Flag) { co_return 1; }

TEST(Task, ParametersAreGoneWhenDoneIsCalled) {
  bool gone = false;
  spawn(keep(Flag(&gone)), [&] { EXPECT_TRUE(gone); });
  EXPECT_TRUE(std::exchange(gone, false));
  spawn(keep_and_return(Flag(&gone)), [&](int) { EXPECT_TRUE(gone); });
  EXPECT_TRUE(gone);
}

Task<std::unique_ptr<int>> make_box() { co_return std::make_unique<int>(5); }

TEST(Task, CarriesWhatOnlyMoves) {
  EXPECT_EQ(*run_blocking(make_box()), 5);
  TestExecutor executor;
  EXPECT_EQ(*executor.run(make_box()), 5);
}

struct OtherThread {
  Executor* home;
  std::thread& thread;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    thread = std::thread([home = home, handle] { home->post([handle] { handle.resume(); }); });
  }
  void await_resume() {}
};
Task<bool> there_and_back(std::thread& thread) {
  const auto before = std::this_thread::get_id();
  co_await OtherThread{Executor::current(), thread};
  co_return before == std::this_thread::get_id();
}

TEST(Task, StaysOnItsExecutor) {
  TestExecutor executor;
  std::thread thread;
  EXPECT_TRUE(executor.run(there_and_back(thread)));
  thread.join();
  EXPECT_EQ(Executor::current(), nullptr);
}

}  // namespace
}  // namespace boreal
