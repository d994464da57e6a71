// What tests of coroutines need. Not for the program itself: there the executor is net's loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/task.h"

namespace boreal {

// An executor that runs on the thread of whoever calls run() or run_until_idle().
class TestExecutor final : public Executor {
 public:
  void post(std::move_only_function<void()> work) override {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    ready_.notify_one();
  }

  // Drives the task to its end, waiting for what other threads post, and returns its value.
  template <class T>
  T run(Task<T> task) {
    std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;
    post([&] {
      if constexpr (std::is_void_v<T>) {
        spawn(std::move(task), [&value] { value = true; });
      } else {
        spawn(std::move(task), [&value](T result) { value.emplace(std::move(result)); });
      }
    });
    while (!value) step(true);
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }

  // Runs what is queued, and what that queues, until there is nothing.
  void run_until_idle() {
    while (step(false)) {
    }
  }

 private:
  bool step(bool wait) {
    std::move_only_function<void()> work;
    {
      std::unique_lock lock(mutex_);
      if (wait) ready_.wait(lock, [this] { return !queue_.empty(); });
      if (queue_.empty()) return false;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    set_current(this);
    work();
    set_current(nullptr);
    return true;
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::move_only_function<void()>> queue_;
};

}  // namespace boreal
