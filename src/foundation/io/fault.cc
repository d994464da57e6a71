#include "io/fault.h"

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace boreal::io {

namespace {

constexpr size_t trace_limit = 100'000;

struct Rule {
  Operation operation;
  int remaining;  // fires at 1; 0 has fired
  detail::Verdict verdict;
  std::string path_part;
  bool and_after;
};

}  // namespace

struct Faults::State {
  mutable std::mutex mutex;
  std::vector<Rule> rules;
  std::optional<int> stop_after;
  int steps = 0;
  std::deque<std::string> trace;
  std::function<void(Operation, std::string_view)> hook;

  detail::Verdict decide(Operation operation, std::string_view path);
};

namespace {

// The one armed injector. Global by need: the functions of io take no context. Guarded by its mutex, and shared so
// that an operation in flight on another thread outlives disarming.
std::mutex armed_mutex;
std::shared_ptr<Faults::State> armed_state;

}  // namespace

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::open: return "open";
    case Operation::read: return "read";
    case Operation::create: return "create";
    case Operation::write: return "write";
    case Operation::sync: return "sync";
    case Operation::truncate: return "truncate";
    case Operation::rename: return "rename";
    case Operation::remove: return "remove";
    case Operation::make_folder: return "make_folder";
  }
  return "unknown";
}

detail::Verdict Faults::State::decide(Operation operation, std::string_view path) {
  const std::lock_guard lock(mutex);
  trace.push_back(std::string(to_string(operation)).append(" ").append(path));
  if (trace.size() > trace_limit) trace.pop_front();
  const bool changes = operation != Operation::open && operation != Operation::read;
  if (stop_after && steps >= *stop_after) {
    if (changes) ++steps;
    return {.error_number = EIO};
  }
  if (changes) ++steps;
  detail::Verdict verdict;
  for (auto& rule : rules) {
    const bool meant = rule.operation == operation && path.find(rule.path_part) != std::string_view::npos;
    if (!meant || rule.remaining == 0) continue;
    if (rule.remaining > 1) {
      --rule.remaining;
      continue;
    }
    verdict = rule.verdict;
    if (!rule.and_after) rule.remaining = 0;
  }
  return verdict;
}

Faults::Faults() {
  auto state = std::make_shared<State>();
  state_ = state.get();
  const std::lock_guard lock(armed_mutex);
  if (armed_state) std::abort();
  armed_state = std::move(state);
  detail::faults_armed = true;
}

Faults::~Faults() {
  const std::lock_guard lock(armed_mutex);
  detail::faults_armed = false;
  armed_state.reset();
}

void Faults::fail(Operation operation, int nth, int error_number, std::string path_part, bool and_after) {
  const std::lock_guard lock(state_->mutex);
  state_->rules.push_back({operation, nth, {.error_number = error_number}, std::move(path_part), and_after});
}

void Faults::short_write(int nth, size_t bytes, std::string path_part) {
  const std::lock_guard lock(state_->mutex);
  state_->rules.push_back({Operation::write, nth, {.max_bytes = bytes}, std::move(path_part), false});
}

void Faults::stop_after(int steps) {
  const std::lock_guard lock(state_->mutex);
  state_->stop_after = state_->steps + steps;
}

void Faults::before_each(std::function<void(Operation, std::string_view)> hook) {
  const std::lock_guard lock(state_->mutex);
  state_->hook = std::move(hook);
}

std::vector<std::string> Faults::trace() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->trace.begin(), state_->trace.end()};
}

int Faults::steps() const {
  const std::lock_guard lock(state_->mutex);
  return state_->steps;
}

namespace detail {

std::atomic<bool> faults_armed = false;

Verdict ask_faults(Operation operation, std::string_view path) {
  std::shared_ptr<Faults::State> state;
  {
    const std::lock_guard lock(armed_mutex);
    state = armed_state;
  }
  if (!state) return {};
  std::function<void(Operation, std::string_view)> hook;
  {
    const std::lock_guard lock(state->mutex);
    hook = state->hook;
  }
  if (hook) hook(operation, path);
  return state->decide(operation, path);
}

}  // namespace detail
}  // namespace boreal::io
