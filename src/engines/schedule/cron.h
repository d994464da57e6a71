// Calendar expressions: when to do what is done again and again.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "schedule/zone.h"

namespace boreal::schedule {

// Six fields between blanks: minute hour day-of-month month day-of-week year, in a time zone.
//   minute 0-59 · hour 0-23 · day-of-month 1-31 · month 1-12 or JAN-DEC · day-of-week 1-7 or SUN-SAT · year 1970-2199
// Every field takes `*`, values, ranges `a-b`, steps `*/n`, `a/n`, `a-b/n`, and lists of these.
// Exactly one of the two day fields is `?`: the other one decides. The day fields take, alone:
//   day-of-month  L (the last), LW (the last from Monday to Friday), nW (the one from Monday to Friday nearest to n, in
//                 the same month; none in months without a day n)
//   day-of-week   L (Saturday), nL (the last such day of the month), n#k (the k-th such day of the month, k is 1-5)
class Cron {
 public:
  // Errc::invalid names the field, what is wrong in it and what would be right.
  static Result<Cron> parse(std::string_view fields);

  // The first minute after `after` that the fields name on the zone's wall clock; nullopt when there is none before
  // 2200. A time that the clock skips in spring is left out; one that comes twice in autumn counts once, the first.
  std::optional<Time> next(Time after, const Zone& zone) const;
  // Whether `when` is the beginning of such a minute.
  bool matches(Time when, const Zone& zone) const;

 private:
  struct Last {};         // L in day-of-month
  struct LastWorkday {};  // LW
  struct NearestWorkday {
    unsigned day;
  };
  struct LastWeekday {
    unsigned weekday;
  };  // 0 is Sunday, as in <chrono>
  struct NthWeekday {
    unsigned weekday;
    unsigned nth;
  };
  struct DaysOfMonth {
    std::bitset<32> days;
  };
  struct DaysOfWeek {
    std::bitset<7> weekdays;
  };
  using DayRule = std::variant<DaysOfMonth, DaysOfWeek, Last, LastWorkday, NearestWorkday, LastWeekday, NthWeekday>;

  static Result<DayRule> parse_day_of_month(std::string_view text);
  static Result<DayRule> parse_day_of_week(std::string_view text);
  std::bitset<32> days_of(int year, unsigned month) const;
  std::optional<Time> next_in_day(int64_t day, Time after, const Zone& zone) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<13> months_;
  std::bitset<230> years_;  // from 1970
  DayRule days_;
};

// Every so many minutes, hours (60 minutes) or days (24 hours), whatever the clock on the wall does.
struct Rate {
  Duration every{};
  // "5 minutes", "1 day": a positive number and its unit, singular for 1.
  static Result<Rate> parse(std::string_view text);
  // The first of anchor + every, anchor + 2 every, ... after `after`.
  std::optional<Time> next(Time after, Time anchor) const;
};

// "cron(0 5 ? * * *)" or "rate(12 hours)".
class Expression {
 public:
  static Result<Expression> parse(std::string_view text);
  // `anchor` is when the schedule began; rates count from it.
  std::optional<Time> next(Time after, const Zone& zone, Time anchor) const;
  const Cron* cron() const { return std::get_if<Cron>(&kind_); }
  const Rate* rate() const { return std::get_if<Rate>(&kind_); }

 private:
  explicit Expression(std::variant<Cron, Rate> kind) : kind_(std::move(kind)) {}
  std::variant<Cron, Rate> kind_;
};

}  // namespace boreal::schedule
