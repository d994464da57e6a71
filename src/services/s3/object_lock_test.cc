#include "s3/object_lock.h"

#include <gtest/gtest.h>

#include "codec/time.h"

namespace boreal::s3 {
namespace {

std::string default_until(const char* now, api::DefaultRetention by_default) {
  by_default.mode = "GOVERNANCE";
  Bucket bucket;
  bucket.object_lock.emplace().rule.emplace().default_retention = by_default;
  const auto retention = default_retention(bucket, codec::parse_iso8601(now).value());
  return codec::format_iso8601(retention.value().until, codec::Fraction::milliseconds);
}

TEST(ObjectLockTest, YearsAreThoseOfTheCalendar) {
  EXPECT_EQ(default_until("2026-09-21T07:12:27.923Z", {.years = 1}), "2027-09-21T07:12:27.923Z");
  EXPECT_EQ(default_until("2026-09-21T07:12:27.923Z", {.years = 2}), "2028-09-21T07:12:27.923Z");
  EXPECT_EQ(default_until("2026-09-21T07:12:27.923Z", {.years = 100}), "2126-09-21T07:12:27.923Z");
  EXPECT_EQ(default_until("2028-02-29T00:00:00.000Z", {.years = 1}), "2029-03-01T00:00:00.000Z");
  EXPECT_EQ(default_until("2026-09-21T07:12:27.923Z", {.days = 730}), "2028-09-20T07:12:27.923Z");
}

}  // namespace
}  // namespace boreal::s3
