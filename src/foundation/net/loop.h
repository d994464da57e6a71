// The event loop: one thread, one loop; nothing on it blocks.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace boreal::net {

// Thread rule: post() and stop() from any thread; all else on the loop's thread (or before run()).
class Loop final : public Executor {
 public:
  Loop();
  ~Loop() override;

  void run();   // the calling thread becomes the loop's, until stop()
  void stop();  // run() returns when the work at hand is done

  void post(std::move_only_function<void()> work) override;

  // Suspends for a while of real (monotonic) time.
  Task<void> sleep(Duration time);

  // Waits until the descriptor is readable (writable); it stays the caller's. Errc::timeout past the timeout,
  // Errc::cancelled after stop(). For libpq's sockets and pidfds.
  Task<Result<void>> readable(int fd, Duration timeout);
  Task<Result<void>> writable(int fd, Duration timeout);

  struct Impl;  // Asio's things, seen by net/*.cc only
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace boreal::net
