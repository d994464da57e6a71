#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace boreal {

namespace {

constexpr std::string_view blanks = " \t\r\n";

template <class T>
Result<T> parse_number(std::string_view text, T min, T max) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  // What is quoted is cut: it may be anything, of any length.
  if (error == std::errc::invalid_argument || stop != end) {
    return fail(Errc::invalid, fmt::format("'{}' is not a whole number", text.substr(0, 40)));
  }
  if (error != std::errc() || value < min || value > max) {
    return fail(Errc::invalid, fmt::format("{} is not within {}-{}", text.substr(0, 40), min, max));
  }
  return value;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    const size_t end = std::min(text.find_first_of(" \t", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

Result<int64_t> parse_int(std::string_view text, int64_t min, int64_t max) {
  return parse_number<int64_t>(text, min, max);
}

Result<uint64_t> parse_uint(std::string_view text, uint64_t max) { return parse_number<uint64_t>(text, 0, max); }

std::string format_duration(Duration duration) {
  const int64_t ms = duration.count();
  if (ms < 0) return "-" + format_duration(-duration);
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{:.1f}s", ms / 100 / 10.0);
  struct Unit {
    int64_t ms;
    char name;
  };
  static constexpr std::array units = {Unit{86'400'000, 'd'}, Unit{3'600'000, 'h'}, Unit{60'000, 'm'}, Unit{1000, 's'}};
  size_t i = 0;
  while (ms < units[i].ms) ++i;
  const int64_t large = ms / units[i].ms;
  const int64_t small = ms % units[i].ms / units[i + 1].ms;
  if (small == 0) return fmt::format("{}{}", large, units[i].name);
  return fmt::format("{}{} {}{}", large, units[i].name, small, units[i + 1].name);
}

}  // namespace boreal
