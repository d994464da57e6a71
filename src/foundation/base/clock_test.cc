#include "base/clock.h"

#include <gtest/gtest.h>

namespace boreal {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Clock, ManualStandsStillUntilMoved) {
  ManualClock clock({1000});
  EXPECT_EQ(clock.now(), Time{1000});
  clock.advance(hours(24));
  EXPECT_EQ(clock.now() - Time{1000}, hours(24));
  EXPECT_EQ(clock.until(clock.now() + milliseconds(5)), milliseconds(5));
  EXPECT_EQ(clock.until(clock.now() - milliseconds(5)), milliseconds(0));
  clock.set({7});
  EXPECT_EQ(clock.now().ms, 7);
}

TEST(Clock, SystemMovesByItsOffset) {
  SystemClock clock;
  const Time before = clock.now();
  EXPECT_GT(before, Time{1'700'000'000'000});
  clock.set_offset(hours(24 * 90));
  EXPECT_GE(clock.now() - before, hours(24 * 90));
  EXPECT_LT(clock.now() - before, hours(24 * 90 + 1));
  EXPECT_LT(clock.unmoved() - before, hours(1));
  EXPECT_GE(clock.moved_at(), before);
  EXPECT_LE(clock.moved_at(), clock.unmoved());
}

TEST(Clock, MonotonicNeverGoesBack) {
  int64_t last = monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now = monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace boreal
