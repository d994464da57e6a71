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
  // Newer than the key's latest version, which may be ahead of the clock: from before it was set back, or made
  // elsewhere. Such a key's ids go on from there, all others by the clock. An upload's comes before that of the next
  // version.
  Id upload_after(const Id& latest) { return beyond(latest, 1); }
  Id version_after(const Id& latest) { return beyond(latest, 2); }
  Id note_after(const Id& last) { return beyond(last, 1); }

 private:
  Id beyond(const Id& latest, uint64_t by) {
    Id id = next();
    id.order = std::max(id.order, latest.order + by);
    return id;
  }
  const Clock& clock_;
  Random& random_;
  uint64_t last_ = 0;
};

}  // namespace boreal::objects
