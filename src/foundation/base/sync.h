// Waiting between coroutines. Every type here belongs to one executor: use it from that thread only.
// Waiters resume in the order they came.
#pragma once

#include <coroutine>
#include <deque>
#include <utility>

#include "base/task.h"

namespace boreal {

namespace detail {
// Resumes later, through the executor, so that a release never runs the next holder on its own stack.
void resume_soon(std::coroutine_handle<> handle);
}  // namespace detail

// At most `permits` holders at a time; a queue limit turns waiting into refusal at admission.
class Semaphore {
 public:
  explicit Semaphore(size_t permits) : free_(permits) {}
  Semaphore(const Semaphore&) = delete;

  class [[nodiscard]] Permit {
   public:
    Permit() = default;
    explicit Permit(Semaphore* owner) : owner_(owner) {}
    Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        release();
        owner_ = std::exchange(other.owner_, nullptr);
      }
      return *this;
    }
    ~Permit() { release(); }
    void release() {
      if (auto* owner = std::exchange(owner_, nullptr)) owner->release();
    }

   private:
    Semaphore* owner_ = nullptr;
  };

  auto acquire() {
    struct Awaiter {
      Semaphore& semaphore;
      bool await_ready() {
        if (semaphore.free_ == 0) return false;
        --semaphore.free_;
        return true;
      }
      void await_suspend(std::coroutine_handle<> handle) { semaphore.waiters_.push_back(handle); }
      Permit await_resume() { return Permit(&semaphore); }
    };
    return Awaiter{*this};
  }
  // Takes a permit if one is free now.
  bool try_acquire(Permit& permit) {
    if (free_ == 0) return false;
    --free_;
    permit = Permit(this);
    return true;
  }
  size_t waiting() const { return waiters_.size(); }
  bool idle(size_t permits) const { return free_ == permits && waiters_.empty(); }

 private:
  friend class Permit;
  void release() {
    if (waiters_.empty()) {
      ++free_;
      return;
    }
    auto next = waiters_.front();  // the permit passes straight on: no newcomer can slip in
    waiters_.pop_front();
    detail::resume_soon(next);
  }
  size_t free_;
  std::deque<std::coroutine_handle<>> waiters_;
};

class Mutex : public Semaphore {
 public:
  Mutex() : Semaphore(1) {}
  auto lock() { return acquire(); }
};

// Set once, wakes all that wait; waiting on a set event does not suspend. reset() arms it again.
class Event {
 public:
  void set() {
    is_set_ = true;
    auto waiters = std::exchange(waiters_, {});
    for (auto handle : waiters) detail::resume_soon(handle);
  }
  void reset() { is_set_ = false; }
  bool is_set() const { return is_set_; }
  auto wait() {
    struct Awaiter {
      Event& event;
      bool await_ready() { return event.is_set_; }
      void await_suspend(std::coroutine_handle<> handle) { event.waiters_.push_back(handle); }
      void await_resume() {}
    };
    return Awaiter{*this};
  }

 private:
  bool is_set_ = false;
  std::deque<std::coroutine_handle<>> waiters_;
};

// Counts work that runs on its own (spawned coroutines); stop() paths wait until all of it has ended.
class TaskGroup {
 public:
  void spawn(Task<void> task) {
    ++running_;
    boreal::spawn(std::move(task), [this] {
      if (--running_ == 0) drained_.set();
    });
  }
  size_t running() const { return running_; }
  Task<void> wait() {
    while (running_ > 0) {
      drained_.reset();
      co_await drained_.wait();
    }
  }

 private:
  size_t running_ = 0;
  Event drained_;
};

}  // namespace boreal
