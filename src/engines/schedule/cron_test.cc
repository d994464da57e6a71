#include "schedule/cron.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/random.h"

namespace boreal::schedule {
namespace {

using testing::HasSubstr;

// UTC.
Time at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  using namespace std::chrono;
  const sys_days date(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
  return {(sys_seconds(date) + hours(hour) + minutes(minute) + seconds(second)).time_since_epoch().count() * 1000};
}

std::string show(Time when) {
  using namespace std::chrono;
  const sys_seconds moment{seconds(when.ms / 1000)};
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(moment - day);
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()),
                     time.hours().count(), time.minutes().count());
}

Cron cron(std::string_view fields) {
  auto parsed = Cron::parse(fields);
  if (!parsed) throw std::runtime_error(parsed.error().message());
  return *parsed;
}

// The next `count` times as text.
std::string nexts(std::string_view fields, Time after, int count, const Zone& zone = Zone::utc()) {
  const Cron expression = cron(fields);
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto when = expression.next(after, zone);
    if (!when) return out + "never";
    out += show(*when) + (i + 1 < count ? ", " : "");
    after = *when;
  }
  return out;
}

Zone zone_of(std::string_view name) {
  auto zone = Zone::load(name);
  if (!zone) throw std::runtime_error(zone.error().message());
  return *zone;
}

TEST(Cron, DaysAndTimes) {
  const Time start = at(2024, 1, 31, 5, 0);
  EXPECT_EQ(nexts("0 5 ? * * *", start, 2), "2024-02-01 05:00, 2024-02-02 05:00");
  EXPECT_EQ(nexts("0 5 * * ? *", Time{start.ms - 1}, 1), "2024-01-31 05:00");
  EXPECT_EQ(nexts("0/15 * * * ? *", start, 4),
            "2024-01-31 05:15, 2024-01-31 05:30, 2024-01-31 05:45, 2024-01-31 06:00");
  EXPECT_EQ(nexts("0 18 ? * MON-FRI *", at(2024, 3, 1, 18), 2), "2024-03-04 18:00, 2024-03-05 18:00");
  EXPECT_EQ(nexts("5,35 14 * * ? *", start, 3), "2024-01-31 14:05, 2024-01-31 14:35, 2024-02-01 14:05");
  EXPECT_EQ(nexts("0 0 31 * ? *", start, 3), "2024-03-31 00:00, 2024-05-31 00:00, 2024-07-31 00:00");
  EXPECT_EQ(nexts("0 0 29 2 ? *", start, 3), "2024-02-29 00:00, 2028-02-29 00:00, 2032-02-29 00:00");
  EXPECT_EQ(nexts("0 0 1 jan,JUL ? 2025-2026", start, 5),
            "2025-01-01 00:00, 2025-07-01 00:00, 2026-01-01 00:00, 2026-07-01 00:00, never");
  EXPECT_EQ(nexts("10-20/5 */12 1 1/6 ? *", start, 3), "2024-07-01 00:10, 2024-07-01 00:15, 2024-07-01 00:20");
  EXPECT_EQ(nexts("0 0 ? * 1 *", start, 1), "2024-02-04 00:00");  // 1 is Sunday
  EXPECT_EQ(nexts("0 0 ? * L *", start, 1), "2024-02-03 00:00");  // Saturday
}

TEST(Cron, LastWorkdaysAndNth) {
  const Time start = at(2024, 1, 1);
  EXPECT_EQ(nexts("0 8 L * ? *", start, 3), "2024-01-31 08:00, 2024-02-29 08:00, 2024-03-31 08:00");
  EXPECT_EQ(nexts("0 8 LW * ? *", start, 4), "2024-01-31 08:00, 2024-02-29 08:00, 2024-03-29 08:00, 2024-04-30 08:00");
  // June 15 2024 is a Saturday, September 15 a Sunday.
  EXPECT_EQ(nexts("0 8 15W 6,9 ? *", start, 2), "2024-06-14 08:00, 2024-09-16 08:00");
  // June 1 2024 is a Saturday: not back into May. June 30 2024 is a Sunday: not on into July.
  EXPECT_EQ(nexts("0 8 1W 6 ? *", start, 1), "2024-06-03 08:00");
  EXPECT_EQ(nexts("0 8 30W 6 ? *", start, 1), "2024-06-28 08:00");
  EXPECT_EQ(nexts("0 8 31W 4,5 ? 2024", start, 2), "2024-05-31 08:00, never");
  EXPECT_EQ(nexts("0 8 ? * 6L *", start, 2), "2024-01-26 08:00, 2024-02-23 08:00");
  EXPECT_EQ(nexts("0 8 ? * FRIL *", start, 1), "2024-01-26 08:00");
  EXPECT_EQ(nexts("0 8 ? * 3#2 *", start, 2), "2024-01-09 08:00, 2024-02-13 08:00");
  EXPECT_EQ(nexts("0 8 ? * THU#5 *", start, 3), "2024-02-29 08:00, 2024-05-30 08:00, 2024-08-29 08:00");
}

TEST(Cron, NeverAndTheEdgesOfTime) {
  EXPECT_EQ(nexts("0 0 30 2 ? *", at(2024, 1, 1), 1), "never");
  EXPECT_EQ(nexts("0 0 1 1 ? 1970", at(2024, 1, 1), 1), "never");
  EXPECT_EQ(nexts("0 0 1 1 ? *", Time{INT64_MIN}, 1), "1970-01-01 00:00");
  EXPECT_EQ(nexts("59 23 31 12 ? *", at(2199, 1, 1), 2), "2199-12-31 23:59, never");
  EXPECT_EQ(nexts("* * * * ? *", Time{INT64_MAX}, 1), "never");
  EXPECT_FALSE(cron("* * * * ? *").matches(Time{INT64_MAX}, Zone::utc()));
  EXPECT_FALSE(cron("* * * * ? *").matches(Time{INT64_MIN}, Zone::utc()));
}

TEST(Cron, SummerTimeSkipsOnceAndRepeatsNothing) {
  const Zone berlin = zone_of("Europe/Berlin");
  // 2024-03-31: 02:00 becomes 03:00. 02:30 is not there that day.
  EXPECT_EQ(nexts("30 2 * * ? *", at(2024, 3, 29, 12), 3, berlin),
            "2024-03-30 01:30, 2024-04-01 00:30, 2024-04-02 00:30");
  EXPECT_EQ(nexts("0 * * * ? *", at(2024, 3, 31, 0), 2, berlin), "2024-03-31 01:00, 2024-03-31 02:00");
  // 2024-10-27: 03:00 becomes 02:00. 02:30 comes twice, and counts once.
  EXPECT_EQ(nexts("30 2 * * ? *", at(2024, 10, 26, 12), 2, berlin), "2024-10-27 00:30, 2024-10-28 01:30");
  EXPECT_EQ(nexts("30 2 * * ? *", at(2024, 10, 27, 1, 30), 1, berlin), "2024-10-28 01:30");
  EXPECT_EQ(nexts("0 5 ? * * *", at(2024, 7, 1), 1, berlin), "2024-07-01 03:00");
  // Far beyond the last entry of the file.
  EXPECT_EQ(nexts("0 5 1 1,7 ? 2150", at(2024, 1, 1), 2, berlin), "2150-01-01 04:00, 2150-07-01 03:00");
  // Samoa left out December 30 2011.
  EXPECT_EQ(nexts("0 12 * * ? *", at(2011, 12, 29, 12), 2, zone_of("Pacific/Apia")),
            "2011-12-29 22:00, 2011-12-30 22:00");
  // In Cairo summer begins at midnight: the day has no 00:00.
  EXPECT_EQ(nexts("0 0/2 * * ? *", at(2025, 4, 24, 20), 2, zone_of("Africa/Cairo")),
            "2025-04-24 23:00, 2025-04-25 01:00");
}

TEST(Cron, ErrorsSayWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "this one has 0"},
      {"0 5 ? * *", "this one has 5"},
      {"0 5 ? * * * *", "this one has 7"},
      {"0 5 * * * *", "exactly one"},
      {"0 5 ? * ? *", "exactly one"},
      {"60 5 ? * * *", "the minute field has '60': a value within 0-59"},
      {"? 5 ? * * *", "the minute field has '?'"},
      {"0 24 ? * * *", "the hour field has '24'"},
      {"0 5 0 * ? *", "the day-of-month field has '0': a value within 1-31"},
      {"0 5 32W * ? *", "the day-of-month field has '32W'"},
      {"0 5 W * ? *", "the day-of-month field has 'W'"},
      {"0 5 L,1 * ? *", "the day-of-month field has 'L'"},
      {"0 5 1 13 ? *", "1-12 or JAN-DEC"},
      {"0 5 ? * 0 *", "1-7 or SUN-SAT"},
      {"0 5 ? * MONDAY *", "the day-of-week field has 'MONDAY'"},
      {"0 5 ? * 3#6 *", "after #"},
      {"0 5 ? * 3#1,6#3 *", "one number"},
      {"0 5 ? * FRI-MON *", "backwards"},
      {"0 5 ? * * 1969", "1970-2199"},
      {"0 5 ? * * 2200", "the year field has '2200'"},
      {"0,,1 5 ? * * *", "missing"},
      {"0/0 5 ? * * *", "a step within 1-60"},
      {"0/ 5 ? * * *", "a step"},
      {"1-2-3 5 ? * * *", "the minute field has '1-2-3'"},
      {"-1 5 ? * * *", "the minute field has '-1'"},
      {"*5 5 ? * * *", "the minute field has '*5'"},
  };
  for (const auto& [fields, message] : cases) {
    const auto parsed = Cron::parse(fields);
    ASSERT_FALSE(parsed) << fields;
    EXPECT_EQ(parsed.error().code(), Errc::invalid) << fields;
    EXPECT_THAT(parsed.error().message(), HasSubstr(std::string(message))) << fields;
  }
}

std::string random_item(Random& random, int min, int max) {
  const auto value = [&] { return min + static_cast<int>(random.below(static_cast<uint64_t>(max - min + 1))); };
  const int a = value();
  switch (random.below(5)) {
    case 0: return "*";
    case 1: return fmt::format("{}", a);
    case 2: return fmt::format("{}-{}", a, max);
    case 3: return fmt::format("{}/{}", a, 1 + random.below(6));
    default: return fmt::format("{},{}", a, value());
  }
}

std::string random_cron(Random& random) {
  constexpr std::string_view special_days[] = {"L", "LW", "1W", "15W", "31W"};
  constexpr std::string_view special_weekdays[] = {"L", "6L", "2#1", "SUN#5", "MON-FRI"};
  std::string day = random_item(random, 1, 31);
  std::string weekday = "?";
  if (random.below(2) == 0) day = special_days[random.below(5)];
  if (random.below(2) == 0) {
    day = "?";
    weekday = random.below(2) == 0 ? random_item(random, 1, 7) : std::string(special_weekdays[random.below(5)]);
  }
  return fmt::format("{} {} {} {} {} *", random_item(random, 0, 59), random_item(random, 0, 23), day,
                     random_item(random, 1, 12), weekday);
}

// next() against walking minute by minute, over days with and without a change of the clock.
TEST(Cron, NextIsTheFirstMatchingMinute) {
  SeededRandom random(11);
  const Zone zones[] = {Zone::utc(), zone_of("America/New_York"), zone_of("Australia/Lord_Howe"),
                        zone_of("Asia/Kolkata")};
  const Time starts[] = {at(2024, 3, 9, 12), at(2024, 11, 2, 12), at(2024, 4, 6), at(2024, 10, 5), at(2023, 12, 31)};
  for (int round = 0; round < 150; ++round) {
    const std::string fields = random_cron(random);
    const Cron expression = cron(fields);
    const Zone& zone = zones[random.below(4)];
    const Time start = starts[random.below(5)];
    const auto found = expression.next(start, zone);
    if (found) {
      EXPECT_GT(*found, start) << fields;
      EXPECT_TRUE(expression.matches(*found, zone)) << fields << " at " << show(*found);
    }
    const Time end = start + std::chrono::hours(40);
    Time walk = start + std::chrono::minutes(1);
    while (walk < end && !expression.matches(walk, zone)) walk = walk + std::chrono::minutes(1);
    if (walk < end) {
      ASSERT_EQ(found ? show(*found) : "never", show(walk)) << fields << " in " << zone.name();
    } else {
      EXPECT_TRUE(!found || *found >= end) << fields << " in " << zone.name();
    }
  }
}

TEST(Cron, NextNeverGoesBack) {
  SeededRandom random(12);
  const Zone zone = zone_of("Europe/Dublin");
  for (int round = 0; round < 100; ++round) {
    const std::string fields = random_cron(random);
    const Cron expression = cron(fields);
    const Time a{static_cast<int64_t>(random.below(7'000'000'000'000))};
    const Time b = a + Duration(random.below(100'000'000));
    const auto next_a = expression.next(a, zone);
    const auto next_b = expression.next(b, zone);
    if (next_b) {
      ASSERT_TRUE(next_a) << fields;
      EXPECT_LE(*next_a, *next_b) << fields;
      if (*next_a > b) EXPECT_EQ(*next_a, *next_b) << fields;
    }
  }
}

TEST(Rate, CountsFromItsAnchor) {
  const auto rate = Rate::parse("12 hours");
  ASSERT_TRUE(rate);
  const Time anchor = at(2024, 1, 1, 7);
  EXPECT_EQ(rate->next(anchor, anchor), at(2024, 1, 1, 19));
  EXPECT_EQ(rate->next(anchor - Duration(5), anchor), at(2024, 1, 1, 19));
  EXPECT_EQ(rate->next(at(2024, 1, 1, 19), anchor), at(2024, 1, 2, 7));
  EXPECT_EQ(rate->next(Time{at(2024, 1, 1, 19).ms - 1}, anchor), at(2024, 1, 1, 19));
  EXPECT_EQ(Rate::parse("1 day")->every, std::chrono::hours(24));
  EXPECT_EQ(Rate::parse("90 minutes")->every, std::chrono::minutes(90));
  for (const char* bad : {"", "5", "0 minutes", "-1 days", "1 minutes", "2 minute", "2 weeks", "1.5 hours", "2 hours 3",
                          "9999999999999999999 days"}) {
    EXPECT_EQ(Rate::parse(bad).error().code(), Errc::invalid) << bad;
  }
}

TEST(Expression, IsCronOrRate) {
  const Time now = at(2024, 1, 1, 6);
  EXPECT_EQ(Expression::parse("cron(0 5 ? * * *)")->next(now, Zone::utc(), now), at(2024, 1, 2, 5));
  EXPECT_EQ(Expression::parse("rate(1 hour)")->next(now, Zone::utc(), now), at(2024, 1, 1, 7));
  EXPECT_NE(Expression::parse("cron(0 5 ? * * *)")->cron(), nullptr);
  EXPECT_NE(Expression::parse("rate(1 hour)")->rate(), nullptr);
  for (const char* bad : {"", "cron", "cron(", "cron()", "cron(0 5 ? * * *", "Cron(0 5 ? * * *)", " cron(0 5 ? * * *)",
                          "rate()", "0 5 ? * * *", "at(2024-01-01T00:00:00)"}) {
    EXPECT_EQ(Expression::parse(bad).error().code(), Errc::invalid) << bad;
  }
  EXPECT_FALSE(Expression::parse("cron(" + std::string(300, '0') + ")"));
}

}  // namespace
}  // namespace boreal::schedule
