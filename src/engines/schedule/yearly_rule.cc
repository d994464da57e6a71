#include <fmt/format.h>

#include <chrono>

#include "base/text.h"
#include "schedule/zone.h"

namespace boreal::schedule {

namespace {

using std::chrono::sys_days;

// Reads a POSIX TZ text from the front. Each take_ answers false when the text is not as it must be there.
struct Reader {
  std::string_view rest;

  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }

  bool take_name() {
    if (take('<')) {
      const size_t end = rest.find('>');
      if (end == std::string_view::npos) return false;
      rest.remove_prefix(end + 1);
      return true;
    }
    size_t length = 0;
    while (length < rest.size() && to_lower(rest[length]) >= 'a' && to_lower(rest[length]) <= 'z') ++length;
    rest.remove_prefix(length);
    return length >= 3;
  }

  bool take_number(int& value, int min, int max) {
    size_t length = 0;
    while (length < rest.size() && is_digit(rest[length])) ++length;
    const auto parsed = parse_int(rest.substr(0, length), min, max);
    if (!parsed) return false;
    value = static_cast<int>(*parsed);
    rest.remove_prefix(length);
    return true;
  }

  // [+-]hh[:mm[:ss]]
  bool take_time(int& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0;
    int minutes = 0;
    int rest_seconds = 0;
    if (!take_number(hours, 0, 167)) return false;
    if (take(':') && !take_number(minutes, 0, 59)) return false;
    if (take(':') && !take_number(rest_seconds, 0, 59)) return false;
    seconds = (hours * 3600 + minutes * 60 + rest_seconds) * (negative ? -1 : 1);
    return true;
  }

  bool take_change(YearlyChange& change) {
    using Kind = YearlyChange::Kind;
    bool good = take(',');
    if (take('M')) {
      change.kind = Kind::month_week_day;
      good = good && take_number(change.month, 1, 12) && take('.') && take_number(change.week, 1, 5) && take('.') &&
             take_number(change.day, 0, 6);
    } else if (take('J')) {
      change.kind = Kind::day_without_leap;
      good = good && take_number(change.day, 1, 365);
    } else {
      change.kind = Kind::day_of_year;
      good = good && take_number(change.day, 0, 365);
    }
    return good && (!take('/') || take_time(change.seconds));
  }
};

sys_days day_of(const YearlyChange& change, std::chrono::year year) {
  using namespace std::chrono;
  using Kind = YearlyChange::Kind;
  if (change.kind == Kind::month_week_day) {
    const month_weekday_last last{month(static_cast<unsigned>(change.month)),
                                  weekday_last(weekday(static_cast<unsigned>(change.day)))};
    if (change.week == 5) return sys_days(year / last);
    return sys_days(year / last.month() / last.weekday_last().weekday()[static_cast<unsigned>(change.week)]);
  }
  const sys_days new_year(year / January / 1);
  if (change.kind == Kind::day_of_year) return new_year + days(change.day);
  const bool past_leap_day = year.is_leap() && change.day >= 60;
  return new_year + days(change.day - 1 + (past_leap_day ? 1 : 0));
}

int64_t seconds_of(sys_days day) { return int64_t{day.time_since_epoch().count()} * 86400; }

}  // namespace

Result<YearlyRule> YearlyRule::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::corrupt, fmt::format("'{}' is not a POSIX time zone", text.substr(0, 80)));
  };
  Reader reader{text};
  YearlyRule rule;
  int west = 0;  // POSIX counts offsets to the west
  if (!reader.take_name() || !reader.take_time(west) || std::abs(west) > 25 * 3600) return bad();
  rule.standard_offset_seconds = -west;
  rule.summer_offset_seconds = rule.standard_offset_seconds + 3600;
  if (reader.rest.empty()) return rule;
  if (!reader.take_name()) return bad();
  if (!reader.rest.starts_with(',')) {
    if (!reader.take_time(west) || std::abs(west) > 25 * 3600) return bad();
    rule.summer_offset_seconds = -west;
  }
  rule.summer.emplace();
  if (!reader.take_change(rule.summer->begin) || !reader.take_change(rule.summer->end)) return bad();
  if (!reader.rest.empty()) return bad();
  return rule;
}

int YearlyRule::offset_at(int64_t utc_seconds) const {
  if (!summer) return standard_offset_seconds;
  using namespace std::chrono;
  const auto local_day = floor<days>(sys_seconds(seconds(utc_seconds + standard_offset_seconds)));
  const year this_year = year_month_day(local_day).year();
  // The last change before this moment decides. It is of this year, of the one before, or (with hours beyond a day)
  // of the next.
  int64_t last_change = INT64_MIN;
  int offset = standard_offset_seconds;
  for (const year y : {this_year - years(1), this_year, this_year + years(1)}) {
    const int64_t begin = seconds_of(day_of(summer->begin, y)) + summer->begin.seconds - standard_offset_seconds;
    const int64_t end = seconds_of(day_of(summer->end, y)) + summer->end.seconds - summer_offset_seconds;
    if (begin <= utc_seconds && begin >= last_change) {
      last_change = begin;
      offset = summer_offset_seconds;
    }
    if (end <= utc_seconds && end > last_change) {
      last_change = end;
      offset = standard_offset_seconds;
    }
  }
  return offset;
}

}  // namespace boreal::schedule
