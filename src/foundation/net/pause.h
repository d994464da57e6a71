// The rest between two looks of a worker that stop() must not wait long for.
#pragma once

#include <algorithm>

#include "net/loop.h"

namespace boreal::net {

// Suspends for a while of real time, or until somebody sets `stopping`, which outlives the task: that is seen within 50
// ms.
inline Task<void> pause(Loop& loop, Duration time, const bool& stopping) {
  constexpr Duration step{50};
  for (Duration left = time; left > Duration(0) && !stopping; left -= step) co_await loop.sleep(std::min(left, step));
}

}  // namespace boreal::net
