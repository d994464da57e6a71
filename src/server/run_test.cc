#include "server/run.h"

#include <gtest/gtest.h>

namespace boreal::server {
namespace {

TEST(Run, WhoListensEverywhereIsToldByAnAddressThatCanBeAsked) {
  EXPECT_EQ(host_for_url("0.0.0.0"), "127.0.0.1");
  EXPECT_EQ(host_for_url("::"), "[::1]");
  EXPECT_EQ(host_for_url("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(host_for_url("2001:db8::1"), "[2001:db8::1]");
}

}  // namespace
}  // namespace boreal::server
