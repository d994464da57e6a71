// Where a coroutine leaves its executor's thread, for another's or for others on it, in plain sight.
#pragma once

#include <coroutine>

#include "base/sync.h"
#include "base/task.h"

namespace boreal {

// co_await resume_on(executor): what follows runs on that executor's thread, at once if this is it. Who awaits the
// task goes on there too: a task that is not to take its caller along comes back before it ends, on every way out.
inline auto resume_on(Executor& executor) {
  struct Awaiter {
    Executor& executor;
    bool await_ready() const { return Executor::current() == &executor; }
    // Nothing of the awaiter is touched once the handle is posted: the coroutine may be over by then.
    void await_suspend(std::coroutine_handle<> handle) {
      executor.post([handle] { handle.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{executor};
}

// co_await let_others_run(): goes on behind what is ready on this executor. For loops that would keep it for long.
inline auto let_others_run() {
  struct Awaiter {
    bool await_ready() const { return Executor::current() == nullptr; }
    void await_suspend(std::coroutine_handle<> handle) { detail::resume_soon(handle); }
    void await_resume() const {}
  };
  return Awaiter{};
}

}  // namespace boreal
