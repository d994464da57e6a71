#include "server/metrics.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace boreal::server
