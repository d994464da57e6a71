#include "net/resolve.h"

#include <gtest/gtest.h>

#include "net/trust.h"

namespace boreal::net {
namespace {

TEST(Resolve, LiteralsAreThemselvesAndNamesAreLookedUp) {
  EXPECT_EQ(look_up("127.0.0.1", 80)->front().to_string(), "127.0.0.1:80");
  EXPECT_EQ(look_up("::1", 80)->front().to_string(), "[::1]:80");
  const auto found = look_up("localhost", 4566);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_TRUE(found->front().is_loopback());
  EXPECT_EQ(found->front().port, 4566);
  EXPECT_FALSE(look_up("no host", 80));
}

TEST(Trust, TheSystemsAuthoritiesAreRead) { EXPECT_TRUE(trust_system()); }

}  // namespace
}  // namespace boreal::net
