// Figures for a monitoring system, in the text format of Prometheus (version 0.0.4).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace boreal::server {

// Samples of one family stand together: family(), then its sample()s.
class Metrics {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // `type`: counter, gauge or histogram. `help` is one line.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value) { line("", labels, "", value); }
  // A histogram's: how many fell into each bucket, by their upper bounds; one more than bounds, as the last has none.
  void buckets(Labels labels, std::span<const double> bounds, std::span<const uint64_t> counts, double sum);
  std::string take() { return std::move(text_); }

 private:
  // `le`: a histogram's further label; empty: none.
  void line(std::string_view suffix, Labels labels, std::string_view le, double value);

  std::string text_;
  std::string name_;
};

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace boreal::server
