#include "postgres/detail/last_words.h"

#include <algorithm>

namespace boreal::postgres::detail {

namespace {

constexpr uint64_t log_tail_bytes = 64 << 10;
constexpr uint64_t output_tail_bytes = 1'500;
constexpr size_t most_bytes = 1'500;

Result<std::string> tail_of(const io::Path& path, uint64_t bytes) {
  TRY(const auto file, io::File::open(path, io::File::Mode::read));
  TRY(const uint64_t size, file.size());
  std::string tail(std::min(size, bytes), '\0');
  TRY(const size_t got, file.read_at(size - tail.size(), std::as_writable_bytes(std::span(tail))));
  tail.resize(got);
  return tail;
}

// A line begins as log_line_prefix (config.cc) has it: the time, then who is served. A process that serves nobody
// leaves that empty: "2026-01-31 12:00:00 UTC::@:[77]:FATAL:  ...". What goes on in a next line begins with a tab.
bool is_own_failure(std::string_view line) {
  constexpr size_t time_length = 19;
  constexpr std::string_view nobody = "::@:[";
  if (line.size() < time_length || line[0] < '0' || line[0] > '9') return false;
  const size_t who = line.find(':', time_length);
  if (who == std::string_view::npos || !line.substr(who).starts_with(nobody)) return false;
  const size_t end = line.find("]:", who);
  if (end == std::string_view::npos) return false;
  const std::string_view said = line.substr(end + 2);
  return said.starts_with("FATAL:") || said.starts_with("PANIC:");
}

}  // namespace

std::string own_failures(std::string_view log) {
  std::string words;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    if (is_own_failure(line)) words.append(words.empty() ? "" : "\n").append(line);
    log.remove_prefix(std::min(line.size() + 1, log.size()));
  }
  return words.substr(words.size() - std::min(words.size(), most_bytes));
}

std::string last_words(const Layout& layout) {
  const io::Path logs = layout.logs() + "/error";
  const auto names = io::list_folder(logs);
  if (names && !names->empty()) {
    const auto log = tail_of(logs + "/" + names->back(), log_tail_bytes);
    if (auto words = own_failures(log.value_or("")); !words.empty()) return words;
  }
  auto output = tail_of(layout.output(), output_tail_bytes);
  return output ? std::move(*output) : output.error().message();
}

}  // namespace boreal::postgres::detail
