#include "aws/own_names.h"

#include <gtest/gtest.h>

#include <vector>

namespace boreal::aws {
namespace {

TEST(OwnNames, NoStrangerHasThese) {
  for (const char* host : {"",
                           "localhost",
                           "localhost:4566",
                           "localhost.:4566",
                           "shop.localhost:4566",
                           "shop.s3.localhost",
                           "127.0.0.1",
                           "127.0.0.1:4566",
                           "[::1]:4566",
                           "[::1]",
                           "192.168.1.7:4566",
                           "boreal",
                           "boreal:4566",
                           "host.docker.internal:4566",
                           "host.containers.internal",
                           "boreal.default.svc.cluster.local:4566",
                           "laptop.local",
                           "s3.test",
                           "nas.home.arpa",
                           "s3.amazonaws.com",
                           "shop.s3.eu-west-1.amazonaws.com",
                           "rds.cn-north-1.amazonaws.com.cn",
                           "s3.dualstack.eu-west-1.api.aws",
                           "shop.s3.localhost.localstack.cloud:4566"}) {
    EXPECT_TRUE(is_no_strangers(host, {})) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example", "evil-amazonaws.com",
        "notlocalhost.com", "a.contest", "::1.evil.example", "data.example.com"}) {
    EXPECT_FALSE(is_no_strangers(host, {})) << host;
  }
}

TEST(OwnNames, NorThoseThatTheConfigurationHas) {
  const std::vector<std::string> own = {"s3.example.com", "*.Data.example.org"};
  for (const char* host : {"s3.example.com", "s3.example.com:4566", "www.shop.s3.example.com", "a.data.example.org"}) {
    EXPECT_TRUE(is_no_strangers(host, own)) << host;
  }
  for (const char* host : {"example.com", "es3.example.com", "s3.example.com.evil.example"}) {
    EXPECT_FALSE(is_no_strangers(host, own)) << host;
  }
}

TEST(OwnNames, PagesThatAreNear) {
  for (const char* origin :
       {"http://localhost:3000", "https://LOCALHOST", "http://app.localhost", "http://127.0.0.1:8080",
        "http://[::1]:3000", "http://frontend:3000", "https://app.test"}) {
    EXPECT_TRUE(is_of_near_page(origin)) << origin;
  }
  for (const char* origin : {"null", "", "https://evil.example", "http://203.0.113.9", "https://shop.s3.amazonaws.com",
                             "http://localhost.evil.example", "localhost"}) {
    EXPECT_FALSE(is_of_near_page(origin)) << origin;
  }
}

}  // namespace
}  // namespace boreal::aws
