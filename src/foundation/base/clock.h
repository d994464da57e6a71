// Time. Nothing outside this module asks the system for it, so that days pass in milliseconds in tests.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>

namespace boreal {

using Duration = std::chrono::milliseconds;

// A point in UTC, milliseconds since 1970. What APIs call a timestamp.
struct Time {
  int64_t ms = 0;
  auto operator<=>(const Time&) const = default;
  friend Time operator+(Time t, Duration d) { return {t.ms + d.count()}; }
  friend Time operator-(Time t, Duration d) { return {t.ms - d.count()}; }
  friend Duration operator-(Time a, Time b) { return Duration(a.ms - b.ms); }
};

// Thread rule: all members of a Clock may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  // The time by the clocks of others on this machine, and since when (by theirs) this one differs from them as it does.
  virtual Time unmoved() const { return now(); }
  virtual Time moved_at() const { return {}; }
  // How much of this clock's time passes before `when`; 0 when it is past. For arming real timers.
  Duration until(Time when) const { return std::max(Duration(0), when - now()); }
};

// The system's clock plus an offset that a developer may move (`boreal clock advance 90d`).
class SystemClock : public Clock {
 public:
  Time now() const override { return unmoved() + offset(); }
  Time unmoved() const override;
  Time moved_at() const override { return {moved_at_ms_.load()}; }
  Duration offset() const { return Duration(offset_ms_.load()); }
  void set_offset(Duration offset) {
    moved_at_ms_ = unmoved().ms;
    offset_ms_ = offset.count();
  }

 private:
  std::atomic<int64_t> offset_ms_ = 0;
  std::atomic<int64_t> moved_at_ms_ = 0;
};

// Stands still until moved. For tests.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Time start = {1'700'000'000'000}) : ms_(start.ms) {}
  Time now() const override { return {ms_.load()}; }
  void advance(Duration by) { ms_ += by.count(); }
  void set(Time to) { ms_ = to.ms; }

 private:
  std::atomic<int64_t> ms_;
};

// Monotonic nanoseconds since an arbitrary start; only differences mean anything. For durations and deadlines.
int64_t monotonic_ns();

// Blocks this thread, in real time. For what already blocks and can only look again; event loops have timers.
void block_for(Duration duration);

}  // namespace boreal
