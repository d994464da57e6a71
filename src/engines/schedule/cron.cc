#include "schedule/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace boreal::schedule {

namespace {

using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year;

constexpr int first_year = 1970;
constexpr int last_year = 2199;
constexpr int64_t day_seconds = 86400;
// Whatever the zone, no named minute lies outside of these; they keep the arithmetic of extreme times sane.
constexpr Time before_all{-2 * day_seconds * 1000};
constexpr Time after_all{(int64_t{last_year} + 2 - first_year) * 366 * day_seconds * 1000};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

bool is_workday(sys_days day) {
  const unsigned number = weekday(day).c_encoding();
  return number != 0 && number != 6;
}

// The day from Monday to Friday nearest to `day` without leaving its month.
sys_days nearest_workday(sys_days day, sys_days first, sys_days last) {
  if (is_workday(day)) return day;
  const bool saturday = weekday(day) == std::chrono::Saturday;
  if (saturday) return day > first ? day - days(1) : day + days(2);
  return day < last ? day + days(1) : day - days(2);
}

}  // namespace

// Which days of the month the day fields name; bit 1 is the first.
std::bitset<32> Cron::days_of(int year_number, unsigned month_number) const {
  const auto this_month = year(year_number) / month(month_number);
  const sys_days first(this_month / 1);
  const sys_days last(this_month / std::chrono::last);
  const auto bit_of = [&](sys_days day) {
    return std::bitset<32>().set(static_cast<size_t>((day - first).count()) + 1);
  };
  const auto length = static_cast<size_t>((last - first).count()) + 1;
  const auto each = [&](auto&& wanted) {
    std::bitset<32> result;
    for (sys_days day = first; day <= last; day += days(1)) {
      if (wanted(day)) result |= bit_of(day);
    }
    return result;
  };
  return std::visit(
      Overloaded{
          [&](const DaysOfMonth& rule) {
            auto result = rule.days;
            for (size_t day = length + 1; day < 32; ++day) result.reset(day);
            return result;
          },
          [&](const DaysOfWeek& rule) {
            return each([&](sys_days day) { return rule.weekdays[weekday(day).c_encoding()]; });
          },
          [&](Last) { return bit_of(last); },
          [&](LastWorkday) { return bit_of(nearest_workday(last, first, last)); },
          [&](NearestWorkday rule) {
            if (rule.day > length) return std::bitset<32>();
            return bit_of(nearest_workday(first + days(rule.day - 1), first, last));
          },
          [&](LastWeekday rule) { return bit_of(sys_days(this_month / weekday(rule.weekday)[std::chrono::last])); },
          [&](NthWeekday rule) {
            const auto day = this_month / weekday(rule.weekday)[rule.nth];
            return day.ok() ? bit_of(sys_days(day)) : std::bitset<32>();
          },
      },
      days_);
}

// The first named time of one local day (counted from 1970) that comes after `after`.
std::optional<Time> Cron::next_in_day(int64_t day, Time after, const Zone& zone) const {
  // Local times only go on, so what the wall clock shows at `after` bounds the search from below.
  const int64_t from_minute = std::max<int64_t>(0, (zone.to_local(after) - day * day_seconds) / 60);
  for (int64_t minute = from_minute; minute < 24 * 60; ++minute) {
    if (!hours_[static_cast<size_t>(minute / 60)]) {
      minute = minute / 60 * 60 + 59;
      continue;
    }
    if (!minutes_[static_cast<size_t>(minute % 60)]) continue;
    const auto when = zone.from_local(day * day_seconds + minute * 60);
    if (when && *when > after) return when;
  }
  return std::nullopt;
}

std::optional<Time> Cron::next(Time after, const Zone& zone) const {
  after = std::max(after, before_all);
  if (after >= after_all) return std::nullopt;
  const int64_t local = zone.to_local(after);
  const sys_days from = std::chrono::floor<days>(std::chrono::sys_seconds(std::chrono::seconds(local)));
  const std::chrono::year_month_day start(from);
  for (int y = std::max(first_year, int(start.year())); y <= last_year; ++y) {
    if (!years_[static_cast<size_t>(y - first_year)]) continue;
    for (unsigned m = 1; m <= 12; ++m) {
      const auto this_month = year(y) / month(m);
      if (!months_[m] || this_month < start.year() / start.month()) continue;
      const auto named = days_of(y, m);
      for (unsigned d = 1; d <= 31; ++d) {
        if (!named[d]) continue;
        const sys_days day(this_month / std::chrono::day(d));
        if (day < from) continue;
        if (const auto when = next_in_day(day.time_since_epoch().count(), after, zone)) return when;
      }
    }
  }
  return std::nullopt;
}

bool Cron::matches(Time when, const Zone& zone) const {
  if (when < before_all || when >= after_all) return false;
  const int64_t local = zone.to_local(when);
  if (zone.from_local(local) != when) return false;  // not a whole second, or the second of two such times
  const auto day = std::chrono::floor<days>(std::chrono::sys_seconds(std::chrono::seconds(local)));
  const std::chrono::year_month_day date(day);
  const int y = int(date.year());
  const int64_t second = local - int64_t{day.time_since_epoch().count()} * day_seconds;
  return second % 60 == 0 && y >= first_year && y <= last_year && years_[static_cast<size_t>(y - first_year)] &&
         months_[unsigned(date.month())] && hours_[static_cast<size_t>(second / 3600)] &&
         minutes_[static_cast<size_t>(second / 60 % 60)] && days_of(y, unsigned(date.month()))[unsigned(date.day())];
}

Result<Rate> Rate::parse(std::string_view text) {
  const auto words = split_words(text);
  if (words.size() != 2) {
    return fail(Errc::invalid,
                fmt::format("the rate '{}' is not a number and a unit, such as '12 hours'", text.substr(0, 80)));
  }
  const auto count = parse_int(words[0], 1, 1'000'000);
  if (!count) return fail(Errc::invalid, "the number of a rate: " + count.error().message());
  struct Unit {
    std::string_view name;
    Duration length;
  };
  static constexpr Unit units[] = {
      {"minute", std::chrono::minutes(1)}, {"hour", std::chrono::hours(1)}, {"day", std::chrono::hours(24)}};
  for (const auto& unit : units) {
    const std::string expected = std::string(unit.name) + (*count == 1 ? "" : "s");
    if (words[1] == expected) return Rate{unit.length * *count};
  }
  return fail(Errc::invalid, fmt::format("the unit of the rate is '{}': {} is expected", words[1].substr(0, 40),
                                         *count == 1 ? "minute, hour or day" : "minutes, hours or days"));
}

std::optional<Time> Rate::next(Time after, Time anchor) const {
  if (after < anchor) return anchor + every;
  return anchor + every * ((after - anchor) / every + 1);
}

Result<Expression> Expression::parse(std::string_view text) {
  constexpr size_t max_bytes = 256;
  const auto inside = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!text.starts_with(name) || text.size() <= name.size() + 1) return std::nullopt;
    if (text[name.size()] != '(' || text.back() != ')') return std::nullopt;
    return text.substr(name.size() + 1, text.size() - name.size() - 2);
  };
  if (text.size() > max_bytes) {
    return fail(Errc::invalid, fmt::format("the schedule has {} characters, {} are allowed", text.size(), max_bytes));
  }
  if (const auto fields = inside("cron")) {
    TRY(auto cron, Cron::parse(*fields));
    return Expression(std::move(cron));
  }
  if (const auto rate_text = inside("rate")) {
    TRY(auto rate, Rate::parse(*rate_text));
    return Expression(rate);
  }
  return fail(Errc::invalid, fmt::format("the schedule '{}' is neither cron(...) nor rate(...)", text));
}

std::optional<Time> Expression::next(Time after, const Zone& zone, Time anchor) const {
  if (const auto* by_calendar = cron()) return by_calendar->next(after, zone);
  return rate()->next(after, anchor);
}

}  // namespace boreal::schedule
