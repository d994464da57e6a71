#include "aws/timekeeper.h"

#include <algorithm>

#include "base/log.h"

namespace boreal::aws {

namespace {
// The clock may be moved at any time (in dev), so it is looked at often and no timer is set on it. A look is a
// comparison.
constexpr Duration between_looks{100};
constexpr Duration pause_after_failure{5000};
}  // namespace

Timekeeper::Timekeeper(std::string_view name, net::Loop& loop, const Clock& clock, Work work)
    : name_(name), loop_(loop), clock_(clock), work_(std::move(work)) {}

void Timekeeper::start() {
  stopping_ = false;
  due_ = Time{0};
  running_.spawn(run());
}

Task<void> Timekeeper::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Timekeeper::run() {
  while (!stopping_) {
    co_await loop_.sleep(between_looks);
    if (stopping_) break;
    const int64_t began_ns = monotonic_ns();
    const Time now = clock_.now();
    const bool was_put_back = now < seen_;  // what is due is due by this clock
    if (now >= due_ || was_put_back) co_await do_work();
    seen_ = std::max(now, clock_.now());  // it may have been moved meanwhile, and the work has looked at it
    if (now < due_) been_round_ns_ = began_ns;
  }
}

Task<void> Timekeeper::do_work() {
  due_ = never;  // what is noted while the work runs counts
  auto next = co_await work_();
  if (!next) log::error(name_, "what was due could not be done", {{"error", next.error().message()}});
  note(next ? *next : clock_.now() + pause_after_failure);
}

}  // namespace boreal::aws
