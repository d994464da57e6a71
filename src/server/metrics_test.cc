#include "server/metrics.h"

#include <gtest/gtest.h>

#include <array>

namespace boreal::server {
namespace {

TEST(Metrics, FamiliesAndSamplesInPrometheusForm) {
  Metrics metrics;
  metrics.family("a_total", "counter", "How many.");
  metrics.sample({{"service", "s3"}, {"of", "a\"b\\c\nd"}}, 12'345'678'901);
  metrics.sample({{"service", "iam"}}, 0.25);
  metrics.family("b", "gauge", "How much.");
  metrics.sample({}, 0);
  EXPECT_EQ(metrics.take(),
            "# HELP a_total How many.\n# TYPE a_total counter\n"
            "a_total{service=\"s3\",of=\"a\\\"b\\\\c\\nd\"} 12345678901\n"
            "a_total{service=\"iam\"} 0.25\n"
            "# HELP b How much.\n# TYPE b gauge\nb 0\n");
}

TEST(Metrics, HistogramsCountWhatIsNotAboveEachBound) {
  Metrics metrics;
  metrics.family("t_seconds", "histogram", "How long.");
  metrics.buckets({{"of", "x"}}, std::array{0.0001, 2.5}, std::array<uint64_t, 3>{1, 0, 2}, 7.25);
  metrics.buckets({}, std::array{1.0}, std::array<uint64_t, 2>{0, 0}, 0);
  EXPECT_EQ(metrics.take(),
            "# HELP t_seconds How long.\n# TYPE t_seconds histogram\n"
            "t_seconds_bucket{of=\"x\",le=\"0.0001\"} 1\n"
            "t_seconds_bucket{of=\"x\",le=\"2.5\"} 1\n"
            "t_seconds_bucket{of=\"x\",le=\"+Inf\"} 3\n"
            "t_seconds_sum{of=\"x\"} 7.25\n"
            "t_seconds_count{of=\"x\"} 3\n"
            "t_seconds_bucket{le=\"1\"} 0\n"
            "t_seconds_bucket{le=\"+Inf\"} 0\n"
            "t_seconds_sum 0\n"
            "t_seconds_count 0\n");
}

}  // namespace
}  // namespace boreal::server
