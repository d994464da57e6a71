// Small things done to text. ASCII only: what protocols compare without case is ASCII.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace boreal {

inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Without blanks, tabs and line ends at both ends. A view of `text`.
std::string_view trim(std::string_view text);

// "a,,b" -> "a", "", "b"; "" -> "". Views of `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
// At blanks and tabs, any number of them: no empty words.
std::vector<std::string_view> split_words(std::string_view text);

// join(parts, ", "); of anything whose elements are text.
template <class Range>
std::string join(const Range& parts, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) out += separator;
    out += part;
    first = false;
  }
  return out;
}

// The whole text as a decimal number: no blanks, no '+', no leading text, nothing after. Errc::invalid says what is
// wrong, and names the range when the number is outside of it.
Result<int64_t> parse_int(std::string_view text, int64_t min = std::numeric_limits<int64_t>::min(),
                          int64_t max = std::numeric_limits<int64_t>::max());
Result<uint64_t> parse_uint(std::string_view text, uint64_t max = std::numeric_limits<uint64_t>::max());

// For people: "250ms", "1.5s", "2m 5s", "3h", "4d 6h"; at most two units.
std::string format_duration(Duration duration);

}  // namespace boreal
