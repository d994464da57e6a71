#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "base/resume_on.h"
#include "base/sync.h"
#include "net/detail/timer.h"

namespace boreal::net {
namespace {

TEST(Loop, RunsPostedWorkInOrderOnItsThread) {
  Loop loop;
  std::vector<int> seen;
  loop.post([&] { seen.push_back(1); });
  std::thread other([&] {
    loop.post([&] { seen.push_back(2); });
    loop.post([&] {
      EXPECT_EQ(Executor::current(), &loop);
      seen.push_back(3);
      loop.stop();
    });
  });
  loop.run();
  other.join();
  EXPECT_EQ(seen, (std::vector{1, 2, 3}));
  EXPECT_EQ(Executor::current(), nullptr);
}

Task<void> count_to(int end, int& reached) {
  for (; reached < end; ++reached) co_await let_others_run();
}

TEST(Loop, WhoLetsOthersRunGoesOnBehindThem) {
  Loop loop;
  int reached = 0;
  std::vector<int> seen;
  loop.post([&] { spawn(count_to(3, reached), [&] { loop.stop(); }); });
  std::function<void()> look = [&] {
    seen.push_back(reached);
    if (reached < 3) loop.post(look);
  };
  loop.post([&] { look(); });
  loop.run();
  EXPECT_EQ(reached, 3);
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3}));
}

TEST(Loop, ManyThreadsPostAndNothingIsLost) {
  Loop loop;
  constexpr int each = 10'000;
  int done = 0;
  auto poster = [&] {
    for (int i = 0; i < each; ++i) {
      loop.post([&] {
        if (++done == 3 * each) loop.stop();
      });
    }
  };
  std::thread a(poster), b(poster), c(poster);
  loop.run();
  a.join(), b.join(), c.join();
  EXPECT_EQ(done, 3 * each);
}

TEST(Loop, StopBeforeRunIsNotForgotten) {
  Loop loop;
  loop.stop();
  loop.run();
}

Task<void> sleep_and_note(Loop& loop, Duration time, int name, std::vector<int>& order) {
  co_await loop.sleep(time);
  order.push_back(name);
}

Task<void> three_sleepers(Loop& loop, std::vector<int>& order) {
  TaskGroup group;
  // Armed in this order, so that a pause of the machine in between cannot turn them around.
  group.spawn(sleep_and_note(loop, Duration(10), 1, order));
  group.spawn(sleep_and_note(loop, Duration(20), 2, order));
  group.spawn(sleep_and_note(loop, Duration(30), 3, order));
  co_await group.wait();
}

TEST(Loop, SleepersWakeInOrderOfTheirTime) {
  Loop loop;
  std::vector<int> order;
  const int64_t start = monotonic_ns();
  run_until_done(loop, three_sleepers(loop, order));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_GE(monotonic_ns() - start, 30'000'000);
}

struct SocketPair {
  SocketPair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0); }
  ~SocketPair() {
    close(fds[0]);
    close(fds[1]);
  }
  int fds[2];
};

Task<Result<void>> write_later(Loop& loop, int fd) {
  co_await loop.sleep(Duration(5));
  if (write(fd, "x", 1) != 1) co_return fail(Errc::io, "write");
  co_return Result<void>{};
}

Task<void> both_ways(Loop& loop, SocketPair& pair) {
  EXPECT_TRUE((co_await loop.writable(pair.fds[0], Duration(60'000))).has_value());
  auto nothing = co_await loop.readable(pair.fds[0], Duration(5));
  EXPECT_EQ(nothing.error().code(), Errc::timeout);
  spawn(write_later(loop, pair.fds[1]), [](Result<void> written) { EXPECT_TRUE(written.has_value()); });
  EXPECT_TRUE((co_await loop.readable(pair.fds[0], Duration(60'000))).has_value());
  // Not yet read, so it is readable still: the wait looks at what is, not at what has changed.
  EXPECT_TRUE((co_await loop.readable(pair.fds[0], Duration(60'000))).has_value());
}

TEST(Loop, WaitsForDescriptors) {
  Loop loop;
  SocketPair pair;
  run_until_done(loop, both_ways(loop, pair));
}

Task<void> expect_cancelled(Loop& loop, int fd, bool& ended) {
  auto waited = co_await loop.readable(fd, Duration(60'000));
  EXPECT_EQ(waited.error().code(), Errc::cancelled);
  ended = true;
}

TEST(Loop, StopCancelsWaits) {
  Loop loop;
  SocketPair pair;
  bool ended = false;
  loop.post([&] { spawn(expect_cancelled(loop, pair.fds[0], ended)); });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_TRUE(ended);
}

// One reader and one writer wait for the same descriptor at once, as libpq's flush does.
Task<void> read_and_write_at_once(Loop& loop, SocketPair& pair) {
  std::string fill(1 << 20, 'x');
  while (write(pair.fds[0], fill.data(), fill.size()) > 0) {
  }
  TaskGroup group;
  int ended = 0;
  auto wait = [](Loop& l, int fd, bool in, int& count) -> Task<void> {
    auto waited = in ? co_await l.readable(fd, Duration(60'000)) : co_await l.writable(fd, Duration(60'000));
    EXPECT_TRUE(waited.has_value());
    ++count;
  };
  group.spawn(wait(loop, pair.fds[0], true, ended));
  group.spawn(wait(loop, pair.fds[0], false, ended));
  co_await loop.sleep(Duration(1));
  EXPECT_EQ(ended, 0);
  EXPECT_EQ(write(pair.fds[1], "y", 1), 1);
  while (ended < 1) co_await loop.sleep(Duration(1));
  while (read(pair.fds[1], fill.data(), fill.size()) > 0) {
  }
  co_await group.wait();
  EXPECT_EQ(ended, 2);
}

TEST(Loop, OneReaderAndOneWriterShareADescriptor) {
  Loop loop;
  SocketPair pair;
  run_until_done(loop, read_and_write_at_once(loop, pair));
}

class NotingTimer : public detail::Timer {
 public:
  explicit NotingTimer(std::vector<int64_t>& fired) : fired_(fired) {}

 private:
  void fire() override { fired_.push_back(at_ns()); }
  std::vector<int64_t>& fired_;
};

TEST(TimerHeap, FiresInOrderAndForgetsWhatWasDisarmed) {
  detail::TimerHeap heap;
  std::vector<int64_t> fired;
  std::vector<std::unique_ptr<NotingTimer>> timers;
  uint32_t chance = 1;
  for (int i = 0; i < 200; ++i) {
    chance = chance * 1664525 + 1013904223;
    timers.push_back(std::make_unique<NotingTimer>(fired));
    heap.arm(*timers.back(), 1 + chance % 1000);
  }
  for (size_t i = 0; i < 200; i += 2) heap.arm(*timers[i], 2001 - timers[i]->at_ns());  // moved
  for (size_t i = 0; i < 200; i += 3) timers[i]->disarm();
  heap.run(3000);
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(fired.size(), 200u - 67);
  EXPECT_TRUE(std::ranges::is_sorted(fired));
}

}  // namespace
}  // namespace boreal::net
