// Time zones from the machine's database (TZif files, RFC 9636), for schedules that follow the clock on a wall.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace boreal::schedule {

// Seconds since 1970-01-01 00:00 as the wall clock shows them.
using LocalSeconds = int64_t;

// The day and hour when summer time begins or ends, each year.
struct YearlyChange {
  enum class Kind { month_week_day, day_without_leap, day_of_year };
  Kind kind = Kind::month_week_day;
  int month = 0;       // 1-12
  int week = 0;        // 1-5, 5 is the last
  int day = 0;         // 0-6 from Sunday; or 1-365, where February 29 has no number; or 0-365
  int seconds = 7200;  // on the wall clock before the change; may be negative or more than a day
};

// The rule for the years after the file's last entry: "EST5EDT,M3.2.0,M11.1.0" (POSIX TZ, with RFC 9636's extension
// of hours beyond a day).
struct YearlyRule {
  struct Summer {
    YearlyChange begin;
    YearlyChange end;
  };
  int standard_offset_seconds = 0;  // east of Greenwich
  int summer_offset_seconds = 0;
  std::optional<Summer> summer;

  static Result<YearlyRule> parse(std::string_view text);
  int offset_at(int64_t utc_seconds) const;
};

class Zone {
 public:
  static Zone utc() { return Zone(); }
  // By its IANA name ("Europe/Berlin"). Errc::invalid: not a name, or a zone that the machine does not know.
  // Reads a file: blocks.
  static Result<Zone> load(std::string_view name, const std::string& database = "/usr/share/zoneinfo");
  // The content of a TZif file; Errc::corrupt.
  static Result<Zone> parse(std::string name, std::string_view content);

  const std::string& name() const { return name_; }
  int offset_seconds_at(Time when) const;
  LocalSeconds to_local(Time when) const;
  // When the wall clock shows this: nullopt for a time that is skipped in spring, the first of the two in autumn.
  std::optional<Time> from_local(LocalSeconds local) const;

 private:
  Zone() = default;
  int offset_at(int64_t utc_seconds) const;

  std::string name_ = "UTC";
  int first_offset_seconds_ = 0;      // before the first transition
  std::vector<int64_t> transitions_;  // UTC seconds, ascending
  std::vector<int> offsets_;          // in force from transitions_[i]
  std::optional<YearlyRule> rule_;    // after the last transition
};

}  // namespace boreal::schedule
