#include "schedule/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "base/random.h"
#include "io/file.h"
#include "io/testing.h"

namespace boreal::schedule {
namespace {

using testing::HasSubstr;

// What the C library says of the same database.
int libc_offset(int64_t utc_seconds) {
  const time_t when = utc_seconds;
  tm local{};
  ::localtime_r(&when, &local);
  return static_cast<int>(local.tm_gmtoff);
}

constexpr const char* zones[] = {"Europe/Berlin",     "Europe/Dublin",     "America/New_York",    "America/Nuuk",
                                 "America/Sao_Paulo", "Africa/Casablanca", "Africa/Cairo",        "Asia/Gaza",
                                 "Asia/Kathmandu",    "Asia/Tehran",       "Australia/Lord_Howe", "Antarctica/Troll",
                                 "Pacific/Apia",      "Pacific/Chatham",   "Pacific/Easter",      "America/Caracas",
                                 "Europe/Chisinau",   "Etc/GMT+12",        "Asia/Jerusalem",      "Africa/Monrovia"};

TEST(Zone, AgreesWithTheCLibrary) {
  SeededRandom random(3);
  for (const char* name : zones) {
    const auto zone = Zone::load(name);
    ASSERT_TRUE(zone) << zone.error().message();
    ::setenv("TZ", name, 1);
    ::tzset();
    for (int i = 0; i < 2000; ++i) {
      const auto when = static_cast<int64_t>(random.below(7'258'118'400));  // to 2200
      ASSERT_EQ(zone->offset_seconds_at({when * 1000}), libc_offset(when)) << name << " at " << when;
    }
  }
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Zone, FromLocalIsTheFirstMomentThatShowsIt) {
  SeededRandom random(4);
  for (const char* name : zones) {
    const auto zone = Zone::load(name);
    ASSERT_TRUE(zone);
    for (int i = 0; i < 1000; ++i) {
      const Time when{static_cast<int64_t>(random.below(7'258'118'400)) * 1000};
      const auto first = zone->from_local(zone->to_local(when));
      ASSERT_TRUE(first) << name << " at " << when.ms;
      ASSERT_LE(*first, when) << name;
      ASSERT_EQ(zone->to_local(*first), zone->to_local(when)) << name;
    }
  }
}

TEST(Zone, NamesAreChecked) {
  const io::TempFolder folder;
  for (const char* bad : {"", "Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "Europe", "zone.tab", "tzdata.zi",
                          "Europe/Berlin ", "Europe/Berlin\n"}) {
    EXPECT_EQ(Zone::load(bad).error().code(), Errc::invalid) << bad;
  }
  EXPECT_EQ(Zone::load(std::string(5000, 'a')).error().code(), Errc::invalid);
  EXPECT_EQ(Zone::load("Europe/Berlin", folder / "none").error().code(), Errc::unavailable);
  EXPECT_EQ(Zone::load("UTC")->offset_seconds_at({0}), 0);
  EXPECT_EQ(Zone::load("Etc/UTC")->name(), "Etc/UTC");
}

// Every prefix and every flipped byte of a real file: an error or a zone, never a read outside of it.
TEST(Zone, SurvivesDamagedFiles) {
  const std::string good = io::read_file("/usr/share/zoneinfo/Africa/Cairo").value();
  ASSERT_TRUE(Zone::parse("x", good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Zone::parse("x", good.substr(0, size))) << size;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0xff);
    if (const auto zone = Zone::parse("x", bad)) (void)zone->from_local(1'700'000'000);
  }
}

TEST(YearlyRule, ReadsAllForms) {
  const auto fixed = YearlyRule::parse("<+0545>-5:45");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->offset_at(1'700'000'000), 5 * 3600 + 45 * 60);
  // Day 59 without and with counting February 29: in 2024 these are February 28 and 29.
  const auto julian = YearlyRule::parse("AAA0BBB,J59/0,J60/0");
  ASSERT_TRUE(julian);
  EXPECT_EQ(julian->offset_at(1'709'078'400), 3600);  // 2024-02-28 00:00
  EXPECT_EQ(julian->offset_at(1'709'078'399), 0);
  EXPECT_EQ(julian->offset_at(1'709'164'800), 3600);  // 2024-02-29 00:00: J60 is March 1
  EXPECT_EQ(julian->offset_at(1'709'251'200), 0);     // 2024-03-01 00:00
  const auto zero_based = YearlyRule::parse("AAA0BBB,59/0,60/0");
  ASSERT_TRUE(zero_based);
  EXPECT_EQ(zero_based->offset_at(1'709'164'799), 0);
  EXPECT_EQ(zero_based->offset_at(1'709'164'800), 3600);  // 2024-02-29 00:00
  for (const char* bad : {"", "A", "AB1", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5 ",
                          "EST5EDT,M3.2.0,M11.1.0x", "EST99", "<EST5", "EST5EDT,J0,J5", "EST5EDT,366,5"}) {
    EXPECT_EQ(YearlyRule::parse(bad).error().code(), Errc::corrupt) << bad;
  }
}

}  // namespace
}  // namespace boreal::schedule
