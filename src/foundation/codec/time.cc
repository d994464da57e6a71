#include "codec/time.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

namespace boreal::codec {
namespace {

namespace chrono = std::chrono;

constexpr int64_t day_ms = 86'400'000;
constexpr std::array<std::string_view, 7> weekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                      "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
};

constexpr int64_t days_since_1970(int year, int month, int day) {
  return chrono::sys_days(chrono::year(year) / month / day).time_since_epoch().count();
}

constexpr Time first_time = {days_since_1970(1, 1, 1) * day_ms};
constexpr Time last_time = {days_since_1970(9999, 12, 31) * day_ms + day_ms - 1};

struct Moment {
  Civil civil;
  unsigned weekday;  // 0 is Sunday
};

Moment split(Time time) {
  time = std::clamp(time, first_time, last_time);
  auto days = chrono::floor<chrono::days>(chrono::sys_time<Duration>(Duration(time.ms)));
  chrono::year_month_day date(days);
  int of_day = static_cast<int>(time.ms - days.time_since_epoch().count() * day_ms);
  Civil civil{int(date.year()),
              static_cast<int>(unsigned(date.month())),
              static_cast<int>(unsigned(date.day())),
              of_day / 3'600'000,
              of_day / 60'000 % 60,
              of_day / 1000 % 60,
              of_day % 1000};
  return {civil, chrono::weekday(days).c_encoding()};
}

// nullopt when the calendar or the clock has no such moment. Second 60, a leap second, is allowed.
std::optional<Time> join(const Civil& c, int offset_minutes = 0) {
  chrono::year_month_day date = chrono::year(c.year) / c.month / c.day;
  if (c.year < 1 || c.year > 9999 || !date.ok() || c.hour > 23 || c.minute > 59 || c.second > 60) return std::nullopt;
  int64_t ms = days_since_1970(c.year, c.month, c.day) * day_ms + c.hour * 3'600'000LL +
               (c.minute - offset_minutes) * 60'000LL + c.second * 1000LL + (c.second == 60 ? 0 : c.millisecond);
  Time time{ms};
  if (time < first_time || time > last_time) return std::nullopt;
  return time;
}

// Times are written in every answer: digit by digit costs a tenth of a general formatter.
void put(std::string& out, int value, int digits) {
  const size_t at = out.size();
  out.resize(at + static_cast<size_t>(digits));
  for (size_t i = out.size(); i > at; value /= 10) out[--i] = static_cast<char>('0' + value % 10);
}

// Takes pieces off the front of a text. Once something did not fit, ok() stays false.
class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  bool done() const { return ok_ && rest_.empty(); }
  bool next_is(char c) const { return rest_.starts_with(c); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view text) {
    ok_ = ok_ && rest_.starts_with(text);
    if (ok_) rest_.remove_prefix(text.size());
  }
  // Exactly `count` digits.
  int number(size_t count) {
    int value = 0;
    for (size_t i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }
  // Milliseconds from one or more digits behind the point.
  int fraction() {
    int value = digit() * 100;
    for (int scale = 10; ok_ && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; scale /= 10) {
      value += digit() * scale;
    }
    return value;
  }
  // The index of the entry of `names`, cut to `length` characters (0: whole), that comes next.
  template <size_t N>
  int name(const std::array<std::string_view, N>& names, size_t length) {
    for (size_t i = 0; i < N; ++i) {
      std::string_view wanted = length ? names[i].substr(0, length) : names[i];
      if (!rest_.starts_with(wanted)) continue;
      rest_.remove_prefix(wanted.size());
      return static_cast<int>(i);
    }
    ok_ = false;
    return 0;
  }

 private:
  int digit() {
    ok_ = ok_ && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9';
    if (!ok_) return 0;
    int value = rest_[0] - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::unexpected<Error> bad(std::string_view text, std::string_view wanted) {
  return fail(Errc::invalid, fmt::format("\"{}\" is not a time; it must be like {}", text.substr(0, 80), wanted));
}

// Z, +01:00, +0100, or nothing, in minutes east of UTC.
int zone(Scanner& in, bool& valid) {
  if (in.at_end() || in.take('Z') || in.take('z')) return 0;
  bool west = in.next_is('-');
  in.expect(west ? "-" : "+");
  int hours = in.number(2);
  in.take(':');
  int minutes = in.number(2);
  valid = hours < 24 && minutes < 60;
  return (west ? -1 : 1) * (hours * 60 + minutes);
}

void clock_time(Scanner& in, Civil& c) {
  c.hour = in.number(2);
  in.expect(":");
  c.minute = in.number(2);
  in.expect(":");
  c.second = in.number(2);
}

}  // namespace

std::string format_iso8601(Time time, Fraction fraction) {
  Civil c = split(time).civil;
  std::string out;
  out.reserve(24);
  put(out, c.year, 4);
  put(out += '-', c.month, 2);
  put(out += '-', c.day, 2);
  put(out += 'T', c.hour, 2);
  put(out += ':', c.minute, 2);
  put(out += ':', c.second, 2);
  if (fraction == Fraction::milliseconds) put(out += '.', c.millisecond, 3);
  return out += 'Z';
}

Result<Time> parse_iso8601(std::string_view text) {
  Scanner in(text);
  Civil c;
  int offset_minutes = 0;
  bool zone_valid = true;
  c.year = in.number(4);
  in.expect("-");
  c.month = in.number(2);
  in.expect("-");
  c.day = in.number(2);
  if (in.ok() && !in.at_end()) {
    if (!in.take('t') && !in.take(' ')) in.expect("T");
    c.hour = in.number(2);
    in.expect(":");
    c.minute = in.number(2);
    if (in.take(':')) {
      c.second = in.number(2);
      if (in.take('.')) c.millisecond = in.fraction();
    }
    offset_minutes = zone(in, zone_valid);
  }
  auto time = in.done() && zone_valid ? join(c, offset_minutes) : std::nullopt;
  if (!time) return bad(text, "2026-11-22T13:11:40Z");
  return *time;
}

std::string format_basic(Time time) {
  Civil c = split(time).civil;
  std::string out;
  out.reserve(16);
  put(out, c.year, 4);
  put(out, c.month, 2);
  put(out, c.day, 2);
  put(out += 'T', c.hour, 2);
  put(out, c.minute, 2);
  put(out, c.second, 2);
  return out += 'Z';
}

std::string format_basic_date(Time time) { return format_basic(time).substr(0, 8); }

Result<Time> parse_basic(std::string_view text) {
  Scanner in(text);
  Civil c;
  c.year = in.number(4);
  c.month = in.number(2);
  c.day = in.number(2);
  in.expect("T");
  c.hour = in.number(2);
  c.minute = in.number(2);
  c.second = in.number(2);
  in.expect("Z");
  auto time = in.done() ? join(c) : std::nullopt;
  if (!time) return bad(text, "20261122T131140Z");
  return *time;
}

std::string format_http_date(Time time) {
  auto [c, weekday] = split(time);
  std::string out;
  out.reserve(29);
  out.append(weekdays[weekday], 0, 3) += ", ";
  put(out, c.day, 2);
  (out += ' ').append(months[c.month - 1]) += ' ';
  put(out, c.year, 4);
  put(out += ' ', c.hour, 2);
  put(out += ':', c.minute, 2);
  put(out += ':', c.second, 2);
  return out += " GMT";
}

Result<Time> parse_http_date(std::string_view text) {
  Scanner in(text);
  Civil c;
  size_t comma = text.find(',');
  if (comma == std::string_view::npos) {  // asctime
    in.name(weekdays, 3);
    in.expect(" ");
    c.month = in.name(months, 3) + 1;
    in.expect(" ");
    c.day = in.take(' ') ? in.number(1) : in.number(2);
    in.expect(" ");
    clock_time(in, c);
    in.expect(" ");
    c.year = in.number(4);
  } else {
    bool old = comma > 3;  // RFC 850 has the weekday in full
    std::string_view separator = old ? "-" : " ";
    in.name(weekdays, old ? 0 : 3);
    in.expect(", ");
    c.day = in.number(2);
    in.expect(separator);
    c.month = in.name(months, 3) + 1;
    in.expect(separator);
    c.year = old ? in.number(2) : in.number(4);
    if (old) c.year += c.year < 70 ? 2000 : 1900;
    in.expect(" ");
    clock_time(in, c);
    in.expect(" GMT");
  }
  auto time = in.done() ? join(c) : std::nullopt;
  if (!time) return bad(text, "Sun, 22 Nov 2026 13:11:40 GMT");
  return *time;
}

std::string format_epoch_seconds(Time time) {
  uint64_t magnitude = time.ms < 0 ? -static_cast<uint64_t>(time.ms) : static_cast<uint64_t>(time.ms);
  std::string out = fmt::format("{}{}", time.ms < 0 ? "-" : "", magnitude / 1000);
  if (magnitude % 1000 != 0) fmt::format_to(std::back_inserter(out), ".{:03}", magnitude % 1000);
  return out;
}

Result<Time> parse_epoch_seconds(std::string_view text) {
  double seconds = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size()) return bad(text, "1795353100.193");
  return from_epoch_seconds(seconds);
}

double to_epoch_seconds(Time time) { return static_cast<double>(time.ms) / 1000; }

Result<Time> from_epoch_seconds(double seconds) {
  double ms = std::round(seconds * 1000);
  // Written so that NaN fails too.
  if (!(ms >= static_cast<double>(first_time.ms) && ms <= static_cast<double>(last_time.ms))) {
    return fail(Errc::invalid, fmt::format("{} seconds since 1970 is outside the years 1 to 9999", seconds));
  }
  return Time{static_cast<int64_t>(ms)};
}

}  // namespace boreal::codec
