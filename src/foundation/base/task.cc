#include "base/task.h"

#include "base/sync.h"

namespace boreal {

namespace {
thread_local Executor* current_executor = nullptr;
}

Executor* Executor::current() { return current_executor; }
void Executor::set_current(Executor* executor) { current_executor = executor; }

namespace detail {
void resume_soon(std::coroutine_handle<> handle) {
  if (auto* executor = Executor::current()) {
    executor->post([handle] { handle.resume(); });
  } else {
    handle.resume();
  }
}
}  // namespace detail

}  // namespace boreal
