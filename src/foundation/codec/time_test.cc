#include "codec/time.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace boreal::codec {
namespace {

constexpr Time moment = {1'795'353'100'193};  // 2026-11-22T13:11:40.193Z

TEST(Iso8601, Formats) {
  EXPECT_EQ(format_iso8601(moment), "2026-11-22T13:11:40Z");
  EXPECT_EQ(format_iso8601(moment, Fraction::milliseconds), "2026-11-22T13:11:40.193Z");
  EXPECT_EQ(format_iso8601({0}, Fraction::milliseconds), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_iso8601({-1}, Fraction::milliseconds), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_iso8601({951'782'400'000}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_iso8601({std::numeric_limits<int64_t>::max()}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_iso8601({std::numeric_limits<int64_t>::min()}), "0001-01-01T00:00:00Z");
}

TEST(Iso8601, ReadsWhatClientsSend) {
  for (const char* same :
       {"2026-11-22T13:11:40.193Z", "2026-11-22t13:11:40.193z", "2026-11-22 13:11:40.193999Z",
        "2026-11-22T14:11:40.193+01:00", "2026-11-22T08:11:40.193-0500", "2026-11-22T13:11:40.193"}) {
    auto time = parse_iso8601(same);
    ASSERT_TRUE(time) << same;
    EXPECT_EQ(time->ms, moment.ms) << same;
  }
  EXPECT_EQ(parse_iso8601("1970-01-02")->ms, 86'400'000);
  EXPECT_EQ(parse_iso8601("1970-01-01T00:01Z")->ms, 60'000);
  EXPECT_EQ(parse_iso8601("1970-01-01T00:00:00.5Z")->ms, 500);
  EXPECT_EQ(parse_iso8601("2016-12-31T23:59:60Z").value(), parse_iso8601("2017-01-01T00:00:00Z").value());
}

TEST(Iso8601, RefusesWhatTheCalendarDoesNotHave) {
  for (const char* bad : {"",
                          "2026",
                          "2026-11",
                          "2026-13-01",
                          "2026-00-01",
                          "2026-02-29",
                          "1900-02-29",
                          "2026-04-31",
                          "2026-11-22T24:00:00Z",
                          "2026-11-22T13:60:00Z",
                          "2026-11-22T13:11:61Z",
                          "2026-11-22T",
                          "2026-11-22T13Z",
                          "2026-11-22T13:11:40.Z",
                          "2026-11-22T13:11:40ZZ",
                          "2026-11-22T13:11:40+1:00",
                          "2026-11-22T13:11:40+25:00",
                          "0000-01-01",
                          "2026-11-22Z",
                          "0001-01-01T00:00:00+01:00",
                          "9999-12-31T23:59:59-01:00",
                          "2026-1-22",
                          "+2026-11-22",
                          "26-11-22",
                          "2026/11/22"}) {
    EXPECT_FALSE(parse_iso8601(bad)) << bad;
  }
}

TEST(Basic, BothWays) {
  EXPECT_EQ(format_basic(moment), "20261122T131140Z");
  EXPECT_EQ(format_basic_date(moment), "20261122");
  EXPECT_EQ(parse_basic("20261122T131140Z")->ms, moment.ms - 193);
  for (const char* bad :
       {"", "20261122", "20261122T131140", "20261322T131140Z", "20261122T131140Z ", "2026-11-22T13:11:40Z"}) {
    EXPECT_FALSE(parse_basic(bad)) << bad;
  }
}

// The examples of RFC 9110, 5.6.7.
TEST(HttpDate, ThreeForms) {
  constexpr int64_t ms = 784'111'777'000;
  EXPECT_EQ(format_http_date({ms}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")->ms, ms);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT")->ms, ms);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994")->ms, ms);
  EXPECT_EQ(format_http_date(parse_http_date("Friday, 01-Jan-27 00:00:00 GMT").value()),
            "Fri, 01 Jan 2027 00:00:00 GMT");
  for (const char* bad :
       {"", ",", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun Nov 31 08:49:37 1994"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

TEST(EpochSeconds, BothWays) {
  EXPECT_EQ(format_epoch_seconds(moment), "1795353100.193");
  EXPECT_EQ(format_epoch_seconds({1000}), "1");
  EXPECT_EQ(format_epoch_seconds({-1500}), "-1.500");
  EXPECT_EQ(format_epoch_seconds({-1}), "-0.001");
  EXPECT_EQ(parse_epoch_seconds("1795353100.193")->ms, moment.ms);
  EXPECT_EQ(parse_epoch_seconds("1.7953531e9")->ms, 1'795'353'100'000);
  EXPECT_EQ(from_epoch_seconds(to_epoch_seconds(moment))->ms, moment.ms);
  for (const char* bad : {"", "x", "1x", "nan", "inf", "1e30", "-1e30", " 1"})
    EXPECT_FALSE(parse_epoch_seconds(bad)) << bad;
  EXPECT_FALSE(from_epoch_seconds(std::nan("")));
}

TEST(TimeProperty, EveryMillisecondComesBack) {
  SeededRandom random(14);
  int64_t first = parse_iso8601("0001-01-01").value().ms;
  uint64_t span = static_cast<uint64_t>(parse_iso8601("9999-12-31T23:59:59.999Z").value().ms - first);
  for (int round = 0; round < 5000; ++round) {
    Time time{first + static_cast<int64_t>(random.below(span + 1))};
    Time whole = {time.ms - ((time.ms % 1000) + 1000) % 1000};
    EXPECT_EQ(parse_iso8601(format_iso8601(time, Fraction::milliseconds)).value(), time);
    EXPECT_EQ(parse_http_date(format_http_date(time)).value(), whole);
    EXPECT_EQ(parse_basic(format_basic(time)).value(), whole);
    EXPECT_EQ(parse_epoch_seconds(format_epoch_seconds(time)).value(), time);
    EXPECT_EQ(from_epoch_seconds(to_epoch_seconds(time)).value(), time);
  }
}

}  // namespace
}  // namespace boreal::codec
