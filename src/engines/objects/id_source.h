// Makes ids: ordered by time, and unlike any other's.
#pragma once

#include <algorithm>

#include "base/clock.h"
#include "base/random.h"
#include "objects/types.h"

namespace boreal::objects {

// Belongs to one executor.
class IdSource {
 public:
  IdSource(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  Id next() {
    // 2^20 ids a millisecond; the order goes on even where the clock stands still or is set back.
    last_ = std::max(last_ + 1, static_cast<uint64_t>(std::max<int64_t>(clock_.now().ms, 0)) << 20);
    return {last_, random_.u64()};
  }
  static Time time_of(const Id& id) { return {static_cast<int64_t>(id.order >> 20)}; }
  // One that is newer than `other`, which may be from before a clock was set back.
  Id next_after(const Id& other) {
    last_ = std::max(last_, other.order);
    return next();
  }

 private:
  const Clock& clock_;
  Random& random_;
  uint64_t last_ = 0;
};

}  // namespace boreal::objects
