// Timestamps as text: ISO 8601 / RFC 3339, HTTP dates, seconds since 1970. All in UTC, none looks at a
// locale or a time zone database. Years 1 to 9999; parsers refuse what lies outside, formatters take the
// nearest point inside.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace boreal::codec {

enum class Fraction { none, milliseconds };

// 2026-11-22T13:11:40Z or 2026-11-22T13:11:40.193Z. Drops what is finer, never rounds up.
std::string format_iso8601(Time time, Fraction fraction = Fraction::none);

// The forms of RFC 3339 (2026-11-22T13:11:40.193Z, ...+01:00) and, as clients send them too: no fraction,
// no seconds, zone as +0100, no zone (UTC), the date alone (midnight). Digits beyond milliseconds are
// dropped. A leap second counts as the first of the next minute.
Result<Time> parse_iso8601(std::string_view text);

// The basic form without separators: 20261122T131140Z, and its date 20261122.
std::string format_basic(Time time);
std::string format_basic_date(Time time);
Result<Time> parse_basic(std::string_view text);

// RFC 9110 5.6.7: writes "Sun, 22 Nov 2026 13:11:40 GMT"; reads this and the two older forms
// "Sunday, 22-Nov-26 13:11:40 GMT" (70 to 99 are 19xx, 00 to 69 are 20xx) and "Sun Nov 22 13:11:40 2026".
std::string format_http_date(Time time);
Result<Time> parse_http_date(std::string_view text);

// Seconds since 1970 with milliseconds as a fraction: 1795353100.193, or 1795353100 when there is none.
std::string format_epoch_seconds(Time time);
Result<Time> parse_epoch_seconds(std::string_view text);
double to_epoch_seconds(Time time);
// Rounds to the millisecond. Refuses what is no number or outside the years 1 to 9999.
Result<Time> from_epoch_seconds(double seconds);

}  // namespace boreal::codec
