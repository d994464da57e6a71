// Timers of the loop: a binary heap of nodes that live in their owners, so that arming allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace boreal::net::detail {

class TimerHeap;

// fire() runs on the loop, between coroutines: it may wake waits, and must not resume a coroutine itself.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  virtual ~Timer();  // disarms
  bool armed() const { return heap_ != nullptr; }
  int64_t at_ns() const { return at_ns_; }
  void disarm();

 protected:
  virtual void fire() = 0;

 private:
  friend class TimerHeap;
  TimerHeap* heap_ = nullptr;
  int64_t at_ns_ = 0;  // monotonic
  size_t index_ = 0;
};

class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  ~TimerHeap();
  // Arms the timer, or moves it when it is armed.
  void arm(Timer& timer, int64_t at_ns);
  // Takes it out; it must be armed here.
  void remove(Timer& timer);
  // Fires all that are due.
  void run(int64_t now_ns);
  bool empty() const { return heap_.empty(); }
  int64_t next_ns() const { return heap_.front()->at_ns_; }

 private:
  void place(Timer* timer, size_t index);
  void sift_up(size_t index);
  void sift_down(size_t index);
  std::vector<Timer*> heap_;
};

}  // namespace boreal::net::detail
