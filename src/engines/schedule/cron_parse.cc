#include <fmt/format.h>

#include <span>

#include "base/text.h"
#include "schedule/cron.h"

namespace boreal::schedule {

namespace {

constexpr std::string_view month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                            "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> names = {};  // of min, min + 1, ...
};

constexpr Field minute_field{"minute", 0, 59};
constexpr Field hour_field{"hour", 0, 23};
constexpr Field day_field{"day-of-month", 1, 31};
constexpr Field month_field{"month", 1, 12, month_names};
constexpr Field weekday_field{"day-of-week", 1, 7, weekday_names};
constexpr Field year_field{"year", 1970, 2199};

std::unexpected<Error> wrong(const Field& field, std::string_view item, std::string_view what) {
  return fail(Errc::invalid, fmt::format("the {} field has '{}': {}", field.name, item.substr(0, 40), what));
}

Result<int> parse_value(const Field& field, std::string_view item, std::string_view text) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (equal_ignoring_case(text, field.names[i])) return field.min + static_cast<int>(i);
  }
  const auto number = parse_int(text, field.min, field.max);
  if (number) return static_cast<int>(*number);
  std::string expected = fmt::format("{}-{}", field.min, field.max);
  if (!field.names.empty()) expected += fmt::format(" or {}-{}", field.names.front(), field.names.back());
  return wrong(field, item, "a value within " + expected + " is expected");
}

struct Range {
  int from;
  int to;
  int step;
};

// `*`, `a`, `a-b`, each with or without `/n`. `a/n` goes on to the end of the field.
Result<Range> parse_item(const Field& field, std::string_view item) {
  if (item.empty()) return wrong(field, item, "a value is missing");
  const size_t slash = item.find('/');
  const std::string_view base = item.substr(0, slash);
  Range range{field.min, field.max, 1};
  if (base != "*") {
    const size_t dash = base.find('-');
    TRY(range.from, parse_value(field, item, base.substr(0, dash)));
    if (dash != std::string_view::npos) {
      TRY(range.to, parse_value(field, item, base.substr(dash + 1)));
    } else if (slash == std::string_view::npos) {
      range.to = range.from;
    }
    if (range.to < range.from) return wrong(field, item, "the range goes backwards");
  }
  if (slash != std::string_view::npos) {
    const int steps = field.max - field.min + 1;
    const auto step = parse_int(item.substr(slash + 1), 1, steps);
    if (!step) return wrong(field, item, fmt::format("a step within 1-{} is expected after the slash", steps));
    range.step = static_cast<int>(*step);
  }
  return range;
}

// Sets the bit of each named value, counted from `zero`.
template <size_t size>
Result<std::bitset<size>> parse_set(const Field& field, std::string_view text, int zero) {
  std::bitset<size> set;
  for (const auto item : split(text, ',')) {
    TRY(const auto range, parse_item(field, item));
    for (int value = range.from; value <= range.to; value += range.step) set.set(static_cast<size_t>(value - zero));
  }
  return set;
}

bool ends_with_letter(std::string_view text, char letter) {
  return text.size() > 1 && to_lower(text.back()) == to_lower(letter);
}

}  // namespace

Result<Cron::DayRule> Cron::parse_day_of_month(std::string_view text) {
  if (equal_ignoring_case(text, "L")) return Last{};
  if (equal_ignoring_case(text, "LW")) return LastWorkday{};
  if (ends_with_letter(text, 'W')) {
    TRY(const int day, parse_value(day_field, text, text.substr(0, text.size() - 1)));
    return NearestWorkday{static_cast<unsigned>(day)};
  }
  TRY(const auto days, parse_set<32>(day_field, text, 0));
  return DaysOfMonth{days};
}

Result<Cron::DayRule> Cron::parse_day_of_week(std::string_view text) {
  if (equal_ignoring_case(text, "L")) return DaysOfWeek{std::bitset<7>().set(6)};
  if (ends_with_letter(text, 'L')) {
    TRY(const int day, parse_value(weekday_field, text, text.substr(0, text.size() - 1)));
    return LastWeekday{static_cast<unsigned>(day - 1)};
  }
  if (const size_t hash = text.find('#'); hash != std::string_view::npos) {
    TRY(const int day, parse_value(weekday_field, text, text.substr(0, hash)));
    const auto nth = parse_int(text.substr(hash + 1), 1, 5);
    if (!nth) return wrong(weekday_field, text, "one number within 1-5 is expected after #");
    return NthWeekday{static_cast<unsigned>(day - 1), static_cast<unsigned>(*nth)};
  }
  TRY(const auto weekdays, parse_set<7>(weekday_field, text, 1));
  return DaysOfWeek{weekdays};
}

Result<Cron> Cron::parse(std::string_view fields) {
  const auto words = split_words(fields);
  if (words.size() != 6) {
    return fail(Errc::invalid, fmt::format("a cron expression has six fields (minute hour day-of-month month "
                                           "day-of-week year), this one has {}",
                                           words.size()));
  }
  if ((words[2] == "?") == (words[4] == "?")) {
    return fail(Errc::invalid,
                fmt::format("exactly one of the day-of-month field ('{}') and the day-of-week field ('{}') must be ?",
                            words[2].substr(0, 40), words[4].substr(0, 40)));
  }
  Cron cron;
  TRY(cron.minutes_, parse_set<60>(minute_field, words[0], 0));
  TRY(cron.hours_, parse_set<24>(hour_field, words[1], 0));
  TRY(cron.days_, words[2] == "?" ? parse_day_of_week(words[4]) : parse_day_of_month(words[2]));
  TRY(cron.months_, parse_set<13>(month_field, words[3], 0));
  TRY(cron.years_, parse_set<230>(year_field, words[5], year_field.min));
  return cron;
}

}  // namespace boreal::schedule
