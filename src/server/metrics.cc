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

void Metrics::sample(Labels labels, double value) {
  text_ += name_;
  char before = '{';
  for (const auto& [name, of] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, escaped(of));
    before = ',';
  }
  fmt::format_to(std::back_inserter(text_), "{} {}\n", labels.size() == 0 ? "" : "}", value);
}

}  // namespace boreal::server
