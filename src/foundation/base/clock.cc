#include "base/clock.h"

#include <ctime>

namespace boreal {

Time SystemClock::now() const {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return Time{static_cast<int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000} + offset();
}

int64_t monotonic_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace boreal
