// The background worker of a service for what time brings: a deletion that falls due, a rotation.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sync.h"
#include "base/task.h"
#include "net/loop.h"

namespace boreal::aws {

// Thread rule: the loop.
class Timekeeper {
 public:
  static constexpr Time never{INT64_MAX};
  // Does what is due at the clock's time, and says when there will be something to do again (or `never`). It must be
  // safe to repeat. What fails is logged and tried again after a pause. Asked anew when the clock was put back.
  using Work = std::function<Task<Result<Time>>()>;

  Timekeeper(std::string_view name, net::Loop& loop, const Clock& clock, Work work);

  // The work runs once at the start, as soon as the loop goes on.
  void start();
  Task<void> stop();
  // There is something to do at `when`, too.
  void note(Time when) { due_ = std::min(due_, when); }
  // See Service.
  bool has_been_round(int64_t since_ns) const { return been_round_ns_ >= since_ns; }

 private:
  Task<void> run();
  Task<void> do_work();

  std::string name_;
  net::Loop& loop_;
  const Clock& clock_;
  Work work_;
  Time due_{0};
  Time seen_{0};               // the clock's latest time at the last look
  int64_t been_round_ns_ = 0;  // when the last look began after which nothing was due
  bool stopping_ = false;
  TaskGroup running_;
};

}  // namespace boreal::aws
