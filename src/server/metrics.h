// Figures for a monitoring system, in the text format of Prometheus (version 0.0.4).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace boreal::server {

// Samples of one family stand together: family(), then its sample()s.
class Metrics {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // `type`: counter or gauge. `help` is one line.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace boreal::server
