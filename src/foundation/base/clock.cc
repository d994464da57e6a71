#include "base/clock.h"

#include <ctime>
#include <thread>

namespace boreal {

Time SystemClock::unmoved() const {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return Time{static_cast<int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000};
}

int64_t monotonic_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

void block_for(Duration duration) { std::this_thread::sleep_for(duration); }

}  // namespace boreal
