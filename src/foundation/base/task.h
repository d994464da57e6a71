// Task<T>: a lazy coroutine. It starts when awaited (or given to spawn()) and resumes its awaiter by
// symmetric transfer. A Task is awaited exactly once. Dropping one that never started is fine;
// dropping one that is suspended inside destroys its frame, so only its owner may, and only when
// nothing will resume it.
//
// Thread rule: a coroutine stays on the Executor it began on. Whatever completes on another thread
// (the blocking pool, say) posts back to the Executor that was current when it was awaited.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace boreal {

// Runs functions one after another on one thread: the event loop, in production.
class Executor {
 public:
  virtual ~Executor() = default;
  // May be called from any thread.
  virtual void post(std::move_only_function<void()> work) = 0;

  // The executor whose thread this is; nullptr on threads that are not one.
  static Executor* current();

 protected:
  // An executor's thread calls this once before it runs work, and with nullptr after.
  static void set_current(Executor* executor);
};

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> awaiter = std::noop_coroutine();
  std::suspend_always initial_suspend() noexcept { return {}; }
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      return self.promise().awaiter;
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> result;
  std::exception_ptr error;
  Task<T> get_return_object();
  void unhandled_exception() { error = std::current_exception(); }
  template <class U = T>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }
};

template <>
struct Promise<void> : PromiseBase {
  std::exception_ptr error;
  Task<void> get_return_object();
  void unhandled_exception() { error = std::current_exception(); }
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
        handle.promise().awaiter = awaiter;
        return handle;
      }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }  // a bug: detached work has nobody to tell
  };
};
}  // namespace detail

// Starts the task here and now, on this thread; `done` is called with its result when it ends. By then the task's
// frame is gone: whoever waits for `done` may destroy what its parameters refer to.
template <class T, class F>
detail::Detached spawn(Task<T> task, F done) {
  if constexpr (std::is_void_v<T>) {
    {
      auto running = std::move(task);
      co_await std::move(running);
    }
    done();
  } else {
    std::optional<T> value;
    {
      auto running = std::move(task);
      value.emplace(co_await std::move(running));
    }
    done(std::move(*value));
  }
}
inline detail::Detached spawn(Task<void> task) { co_await std::move(task); }

// Runs the task to its end and returns its value; the calling thread waits. For tests and main()
// only: never on an executor's thread.
template <class T>
T run_blocking(Task<T> task);

}  // namespace boreal

#include "base/detail/run_blocking.h"
