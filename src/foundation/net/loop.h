// The event loop: one thread, one loop; nothing on it blocks.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace boreal::net {

namespace detail {
class Reactor;
}

// Thread rule: post() and stop() from any thread; all else on the loop's thread (or before run()).
// Who waits on a loop must be stopped before the loop is destroyed: a coroutine that still waits then never goes on.
class Loop final : public Executor {
 public:
  // Also makes the process ignore SIGPIPE: a peer that has gone is an error value, not a signal.
  Loop();
  ~Loop() override;

  void run();   // the calling thread becomes the loop's, until stop()
  void stop();  // run() returns when the work at hand is done

  void post(std::move_only_function<void()> work) override;

  // Suspends for a while of real (monotonic) time.
  Task<void> sleep(Duration time);

  // Waits until the descriptor is readable (writable); it stays the caller's, who does not close it meanwhile.
  // Errc::timeout past the timeout, Errc::cancelled after stop(). For libpq's sockets and pidfds.
  Task<Result<void>> readable(int fd, Duration timeout);
  Task<Result<void>> writable(int fd, Duration timeout);

  detail::Reactor& reactor() { return *reactor_; }  // for net/*.cc

 private:
  std::unique_ptr<detail::Reactor> reactor_;
};

// Runs the loop on this thread until the task has ended. For tests and command-line programs.
template <class T>
T run_until_done(Loop& loop, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    loop.post([&] { spawn(std::move(task), [&loop] { loop.stop(); }); });
    loop.run();
  } else {
    std::optional<T> value;
    loop.post([&] {
      spawn(std::move(task), [&](T result) {
        value.emplace(std::move(result));
        loop.stop();
      });
    });
    loop.run();
    return std::move(*value);
  }
}

}  // namespace boreal::net
