#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>

#include "base/clock.h"
#include "base/terminal.h"

namespace boreal::log {

namespace {

std::atomic<Level> threshold = Level::info;
std::atomic<bool> as_json = false;

constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
constexpr std::string_view colours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// One event is one line, whatever a client put into a value.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_value(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::ranges::none_of(text, [](char c) {
    return is_control(c) || c == ' ' || c == '=' || c == '"' || c == '\\';
  });
  if (plain) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

std::string timestamp() {
  const Time now = SystemClock().now();
  const time_t seconds = now.ms / 1000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, now.ms % 1000);
}

}  // namespace

void set_level(Level level) { threshold = level; }
Level level() { return threshold; }
void set_json(bool json) { as_json = json; }

void write(Level level, std::string_view module, std::string_view message, std::initializer_list<Field> fields) {
  if (level < threshold) return;
  static const bool terminal = shows_colour(STDERR_FILENO);
  const auto index = static_cast<size_t>(level);
  std::string line;
  if (as_json) {
    line = fmt::format(R"({{"time":"{}","level":"{}","module":"{}","message":)", timestamp(), names[index], module);
    append_quoted(line, message);
    for (const auto& field : fields) {
      line += ",";
      append_quoted(line, field.key);
      line += ":";
      append_quoted(line, field.value);
    }
    line += "}\n";
  } else {
    const std::string_view on = terminal ? colours[index] : "";
    const std::string_view off = terminal ? "\x1b[0m" : "";
    line = fmt::format("{} {}{:5}{} {:<10} ", timestamp(), on, names[index], off, module);
    for (const char c : message) line += is_control(c) ? ' ' : c;
    for (const auto& field : fields) {
      line += fmt::format(" {}=", field.key);
      append_value(line, field.value);
    }
    line += '\n';
  }
  // One write(2) a line: lines of several threads do not mix. A log that cannot be written is no reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace boreal::log
