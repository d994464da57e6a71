#include "rds/admission.h"

#include <gtest/gtest.h>

namespace boreal::rds {
namespace {

TEST(Admission, ANetworkIsAllOfItsText) {
  EXPECT_TRUE(Cidr::parse("10.0.0.0/8")->contains("10.1.2.3"));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/8")->contains("11.1.2.3"));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/8")->contains(std::string_view("10.1.2.3\0x", 10)));
  EXPECT_FALSE(Cidr::parse(std::string_view("10.0.0.0\0x/8", 12)));
  EXPECT_FALSE(Cidr::parse("10.0.0.0"));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/33"));
}

}  // namespace
}  // namespace boreal::rds
