#include "endpoints/plan.h"

#include <gtest/gtest.h>

namespace boreal::endpoints {
namespace {

TEST(AddressPlan, EveryClusterHasItsOwn) {
  const auto first = AddressPlan::of(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->writer(), "127.17.0.1");
  EXPECT_EQ(first->reader(), "127.17.0.2");
  EXPECT_EQ(first->instance(0).value(), "127.17.0.10");
  EXPECT_EQ(first->instance(89).value(), "127.17.0.99");
  EXPECT_EQ(first->custom(0).value(), "127.17.0.100");
  EXPECT_EQ(first->proxy(53).value(), "127.17.0.253");
  EXPECT_EQ(first->network(), "127.17.0.0/24");
  EXPECT_EQ(AddressPlan::of(256)->writer(), "127.18.0.1");
  EXPECT_EQ(AddressPlan::of(AddressPlan::max_clusters - 1)->reader(), "127.31.255.2");
}

TEST(AddressPlan, HasAnEnd) {
  EXPECT_EQ(AddressPlan::of(AddressPlan::max_clusters).error().code(), Errc::invalid);
  EXPECT_EQ(AddressPlan::of(0)->instance(90).error().code(), Errc::invalid);
  EXPECT_EQ(AddressPlan::of(0)->custom(100).error().code(), Errc::invalid);
  EXPECT_EQ(AddressPlan::of(0)->proxy(54).error().code(), Errc::invalid);
}

}  // namespace
}  // namespace boreal::endpoints
