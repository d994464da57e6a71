// Faults on demand: makes the operations of this module fail, be cut short, or stop, so that tests can walk
// through every disk error and every crash point. Not armed (always, in production) it costs one relaxed load.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace boreal::io {

// All but open and read change the disk; these are the steps that stop_after() counts. An open that may make a
// file counts as `create`.
enum class Operation { open, read, create, write, sync, truncate, rename, remove, make_folder };

std::string_view to_string(Operation operation);

// Armed while it lives; one at a time in a process (a second one aborts: a bug in the test).
// Thread rule: set it up from one thread; the operations it sees may run on any.
class Faults {
 public:
  Faults();
  ~Faults();
  Faults(const Faults&) = delete;

  // The nth operation (from 1, counted from this call) of this kind on a path that contains `path_part` fails once
  // with this errno; with `and_after`, so do all later ones.
  void fail(Operation operation, int nth, int error_number, std::string path_part = "", bool and_after = false);
  // The nth write takes only `bytes` of its data, as a full disk or a signal would have it.
  void short_write(int nth, size_t bytes, std::string path_part = "");
  // As a crash at that point leaves the disk: `steps` changes happen, then every operation fails with EIO.
  void stop_after(int steps);
  // Called before each operation, on its thread and without a lock: to kill a process, or to let another step in.
  void before_each(std::function<void(Operation, std::string_view path)> hook);

  // What was tried since arming, in order: "write /a/b", "sync /a/b", "rename /a/b". The last 100,000 at most.
  std::vector<std::string> trace() const;
  // How many changes of the disk were tried: run once to learn it, then stop_after(0..steps()).
  int steps() const;

  struct State;

 private:
  State* state_;
};

namespace detail {

struct Verdict {
  int error_number = 0;                        // not 0: fail with it, do nothing
  size_t max_bytes = static_cast<size_t>(-1);  // a write takes no more than this
};

extern std::atomic<bool> faults_armed;
Verdict ask_faults(Operation operation, std::string_view path);

// Asked by every operation before its system call.
inline Verdict check_fault(Operation operation, std::string_view path) {
  if (!faults_armed.load(std::memory_order_relaxed)) [[likely]]
    return {};
  return ask_faults(operation, path);
}

}  // namespace detail
}  // namespace boreal::io
