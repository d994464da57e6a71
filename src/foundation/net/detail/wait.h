// Suspended coroutines in lists that cost no allocation: the node lies in the waiting coroutine's frame.
#pragma once

#include <coroutine>
#include <cstdint>

namespace boreal::net::detail {

// How a wait ended.
enum class Outcome : uint8_t { ready, timeout, cancelled };

// One suspended coroutine. Leaves its list when destroyed, so a dropped coroutine is never resumed.
struct Wait {
  Wait() = default;
  Wait(const Wait&) = delete;
  ~Wait() { unlink(); }

  bool linked() const { return next != this; }
  void unlink() {
    previous->next = next;
    next->previous = previous;
    next = previous = this;
  }

  std::coroutine_handle<> handle;
  Outcome outcome = Outcome::ready;
  Wait* next = this;
  Wait* previous = this;
};

// First in, first out.
class WaitList {
 public:
  bool empty() const { return !head_.linked(); }
  void push(Wait& wait) {
    wait.unlink();
    wait.previous = head_.previous;
    wait.next = &head_;
    head_.previous->next = &wait;
    head_.previous = &wait;
  }
  Wait* pop() {
    if (empty()) return nullptr;
    Wait* first = head_.next;
    first->unlink();
    return first;
  }
  // Moves all of the other list behind ours.
  void take(WaitList& other) {
    while (Wait* wait = other.pop()) push(*wait);
  }

 private:
  Wait head_;
};

}  // namespace boreal::net::detail
