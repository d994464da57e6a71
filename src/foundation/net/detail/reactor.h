// What a Loop is made of: epoll(7), edge-triggered, timers, and the queue of work to run.
//
// A turn of the loop first collects (descriptor events, due timers; no coroutine runs) and then resumes. So nothing
// that a coroutine destroys can still be named by an event of the same turn.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "net/detail/timer.h"
#include "net/detail/wait.h"

namespace boreal::net::detail {

enum class Direction : uint8_t { in = 0, out = 1 };

class Reactor;

// A descriptor that the loop watches. Edge-triggered: the owner uses the descriptor until it would block, says so
// with exhausted(), and then waits.
class Watch {
 public:
  explicit Watch(Reactor& reactor) : reactor_(reactor) {}
  Watch(const Watch&) = delete;
  ~Watch() { close(); }

  // Begins to watch. The descriptor stays the caller's, who calls close() before he closes it.
  Result<void> open(int fd);
  void close();  // ends all waits with Outcome::cancelled

  bool ready(Direction d) const { return ready_[static_cast<size_t>(d)]; }
  // A try is worth its system call, even if no event said so yet.
  void assume_ready(Direction d) { ready_[static_cast<size_t>(d)] = true; }
  void exhausted(Direction d);
  // True once the peer has ended its side (or the connection broke): what is left to read comes without further events.
  bool input_ended() const { return input_ended_; }
  // Asks for a fresh event about what is ready, for descriptors that others use in between.
  Result<void> ask_again();

  // Waits for the next event in that direction, or until end_waits() or close().
  auto wait(Direction d) { return Awaiter{*this, d, {}}; }
  void end_waits(Outcome outcome);
  void end_waits(Direction d, Outcome outcome);
  Reactor& reactor() { return reactor_; }

 private:
  friend class Reactor;
  struct Awaiter {
    Watch& watch;
    Direction direction;
    Wait wait;
    bool await_ready() const { return watch.fd_ < 0 || watch.ready(direction); }
    void await_suspend(std::coroutine_handle<> handle) {
      wait.handle = handle;
      watch.waits_[static_cast<size_t>(direction)].push(wait);
    }
    Outcome await_resume() const { return wait.handle || watch.fd_ >= 0 ? wait.outcome : Outcome::cancelled; }
  };
  void on_events(uint32_t events);

  Reactor& reactor_;
  int fd_ = -1;
  bool input_ended_ = false;
  bool failed_ = false;
  std::array<bool, 2> ready_{};
  std::array<WaitList, 2> waits_;
};

class Reactor {
 public:
  explicit Reactor(Executor& self);
  ~Reactor();
  Reactor(const Reactor&) = delete;

  void run();
  void stop();                                      // any thread
  void post(std::move_only_function<void()> work);  // any thread

  void arm(Timer& timer, int64_t at_ns) { timers_.arm(timer, at_ns); }
  // Resumes the waiting coroutine in the resume phase of this turn (or the next).
  void wake(Wait& wait, Outcome outcome) {
    wait.outcome = outcome;
    ready_.push(wait);
  }
  // Lets the others go first.
  auto yield() {
    struct Awaiter {
      Reactor& reactor;
      Wait wait;
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        wait.handle = handle;
        reactor.wake(wait, Outcome::ready);
      }
      void await_resume() {}
    };
    return Awaiter{*this, {}};
  }
  Task<void> sleep(Duration time);
  Task<Result<void>> wait_for(int fd, Direction direction, Duration timeout);

 private:
  friend class Watch;
  // A descriptor that is not a Stream of ours, while somebody waits for it.
  struct Foreign {
    explicit Foreign(Reactor& reactor) : watch(reactor) {}
    Watch watch;
    size_t waiting = 0;
  };

  void collect(bool may_block);
  void resume_ready();
  void run_posted();
  int timeout_ms(bool may_block) const;
  void cancel_foreign_waits();

  Executor& self_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  TimerHeap timers_;
  WaitList ready_;
  std::map<int, Foreign> foreign_;
  std::vector<std::move_only_function<void()>> local_;  // posted on the loop's own thread
  std::atomic<bool> stopping_ = false;
  bool stopped_ = false;

  std::mutex mutex_;  // guards what follows
  std::vector<std::move_only_function<void()>> remote_;
  bool woken_ = false;
};

}  // namespace boreal::net::detail
