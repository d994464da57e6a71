// Where blocking work goes: fsync, hashing of data, RocksDB, libpq's blocking calls. Never on the loop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
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
  Pool(const Pool&) = delete;
  void start();
  void stop();  // finishes what is queued, then joins

  // Before start() the work waits in the queue; after stop() it runs here and now, on the calling thread, so that
  // nobody who awaits it hangs. `work` must not throw (run() carries exceptions to the awaiter).
  void submit(std::move_only_function<void()> work);

  // Whether more work waits than threads are idle. For long work, which then ends its turn and submits the rest of
  // itself. Any thread.
  bool is_short_of_threads() const { return is_short_.load(std::memory_order_relaxed); }

  // Runs `work()` on a pool thread; the awaiting coroutine goes on on its own executor with the value
  // (or the exception). What `work` refers to must live until then.
  template <class F>
  auto run(F work) {
    return RunAwaiter<F>{*this, std::move(work)};
  }

 private:
  template <class F>
  struct RunAwaiter;

  void loop();
  void look_at_queue() { is_short_ = queue_.size() > idle_; }  // under the mutex, after each change
  const size_t thread_count_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::move_only_function<void()>> queue_;  // bounded by admission: each request has at most a few
  size_t idle_ = 0;  // threads that wait, or have been woken and are on their way
  std::atomic<bool> is_short_ = false;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

template <class F>
struct Pool::RunAwaiter {
  using T = std::invoke_result_t<F&>;
  using Value = std::conditional_t<std::is_void_v<T>, bool, T>;

  Pool& pool;
  F work;
  std::optional<Value> value = std::nullopt;
  std::exception_ptr error = nullptr;

  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    pool.submit([this, handle, home = Executor::current()] {
      do_work();
      // Whoever resumes may destroy this awaiter at once: nothing of it is touched from here on.
      if (home) {
        home->post([handle] { handle.resume(); });
      } else {
        handle.resume();
      }
    });
  }
  T await_resume() {
    if (error) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }

 private:
  friend class Pool;
  void do_work() {
    try {
      if constexpr (std::is_void_v<T>) {
        work();
      } else {
        value.emplace(work());
      }
    } catch (...) {
      error = std::current_exception();
    }
  }
};

}  // namespace boreal::io
