#include "aws/virtual_host.h"

#include <gtest/gtest.h>

#include <vector>

namespace boreal::aws {
namespace {

std::string bucket(std::string_view host, const std::vector<std::string>& domains = {}) {
  return std::string(bucket_of_host(host, domains).value_or("none"));
}

TEST(VirtualHost, KnowsAwssEndpointsUnderEachRoot) {
  for (const std::string root : {"amazonaws.com", "localhost", "localhost:4566", "localhost.localstack.cloud:4566"}) {
    for (const std::string endpoint :
         {"s3", "s3.eu-west-1", "s3-eu-west-1", "s3.dualstack.eu-west-1", "s3-fips.us-gov-west-1",
          "s3-fips.dualstack.us-east-1", "s3-accelerate", "s3-accelerate.dualstack"}) {
      EXPECT_EQ(bucket(endpoint + "." + root), "none");
      EXPECT_EQ(bucket("shop." + endpoint + "." + root), "shop");
      EXPECT_EQ(bucket("www.shop.example." + endpoint + "." + root), "www.shop.example");
      EXPECT_EQ(bucket("s3." + endpoint + "." + root), "s3");
    }
  }
}

TEST(VirtualHost, ABucketMayStandBeforeLocalhost) {
  EXPECT_EQ(bucket("shop.localhost:4566"), "shop");
  EXPECT_EQ(bucket("www.shop.example.localhost"), "www.shop.example");
  EXPECT_EQ(bucket("localhost:4566"), "none");
  EXPECT_EQ(bucket("localhost"), "none");
  EXPECT_EQ(bucket("shop.s3-website.localhost:4566"), "none");
  EXPECT_EQ(bucket("shop.s3-website-eu-west-1.localhost"), "none");
  EXPECT_EQ(bucket("shop.s3-website.eu-west-1.localhost"), "none");
  EXPECT_EQ(bucket("shop.s3-website-eu-west-1.amazonaws.com"), "none");
  EXPECT_EQ(bucket("s3-website-like.s3.localhost"), "s3-website-like");
  EXPECT_EQ(bucket("000000000000.s3-control.us-east-1.localhost"), "none");
}

TEST(VirtualHost, DomainsOfTheConfiguration) {
  const std::vector<std::string> domains = {"s3.example.com", "objects.internal"};
  EXPECT_EQ(bucket("shop.s3.example.com:9000", domains), "shop");
  EXPECT_EQ(bucket("www.shop.objects.internal", domains), "www.shop");
  EXPECT_EQ(bucket("s3.example.com:9000", domains), "none");
  EXPECT_EQ(bucket("shops3.example.com", domains), "none");
  EXPECT_EQ(bucket(".s3.example.com", domains), "none");
  EXPECT_EQ(bucket("shop.s3.example.com"), "none");
}

TEST(VirtualHost, ElsewhereThePathNamesTheBucket) {
  for (const char* host : {"", ":", "127.0.0.1:4566", "shop.127.0.0.1", "[::1]:4566", "[::1]", "example.com", "s3",
                           "shop.kms.us-east-1.amazonaws.com", "amazonaws.com", "shop.amazonaws.com", ".localhost",
                           "shop.s3.us-east-1.amazonaws.com.example", "dualstack.amazonaws.com"}) {
    EXPECT_EQ(bucket(host), "none") << host;
  }
}

}  // namespace
}  // namespace boreal::aws
