// Where blocking work goes: fsync, hashing of data, RocksDB, libpq's blocking calls. Never on the loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/task.h"

namespace boreal::io {

// A fixed number of threads over one queue.
// Thread rule: submit() and run() from any thread; start() and stop() from the owner.
class Pool {
 public:
  explicit Pool(size_t threads);
  ~Pool();  // stops
  void start();
  void stop();  // finishes what is queued, then joins

  void submit(std::move_only_function<void()> work);

  // Runs `work()` on a pool thread; the awaiting coroutine goes on on its own executor with the value.
  template <class F>
  auto run(F work) {
    using T = std::invoke_result_t<F>;
    struct Awaiter {
      Pool& pool;
      F work;
      std::optional<T> value;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        pool.submit([this, handle, home = Executor::current()] {
          value.emplace(work());
          if (home) {
            home->post([handle] { handle.resume(); });
          } else {
            handle.resume();
          }
        });
      }
      T await_resume() { return std::move(*value); }
    };
    return Awaiter{*this, std::move(work), std::nullopt};
  }

 private:
  void loop();
  const size_t thread_count_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::move_only_function<void()>> queue_;  // bounded by admission: each request has at most a few
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace boreal::io
