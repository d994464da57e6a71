#include "server/metrics.h"

#include <fmt/format.h>

#include <iterator>

namespace boreal::server {

namespace {

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text;
}

}  // namespace

void Metrics::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void Metrics::buckets(Labels labels, std::span<const double> bounds, std::span<const uint64_t> counts, double sum) {
  uint64_t so_far = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    line("_bucket", labels, i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf", static_cast<double>(so_far));
  }
  line("_sum", labels, "", sum);
  line("_count", labels, "", static_cast<double>(so_far));
}

void Metrics::line(std::string_view suffix, Labels labels, std::string_view le, double value) {
  text_.append(name_).append(suffix);
  char before = '{';
  const auto label = [&](std::string_view name, std::string_view of) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, escaped(of));
    before = ',';
  };
  for (const auto& [name, of] : labels) label(name, of);
  if (!le.empty()) label("le", le);
  fmt::format_to(std::back_inserter(text_), "{} {}\n", before == ',' ? "}" : "", value);
}

}  // namespace boreal::server
