// Preflights as anybody may send them, over the real engine.
#include "s3/testing.h"

namespace boreal::s3 {
namespace {

class CorsTest : public S3Test {
 protected:
  CorsTest() { EXPECT_EQ(make_bucket("shop"), ""); }

  void allow(std::vector<std::string> headers) {
    api::PutBucketCorsRequest input{.bucket = "shop"};
    api::CORSRule rule;
    rule.allowed_methods = {"GET"};
    rule.allowed_origins = {"https://*.example.com"};
    rule.allowed_headers = std::move(headers);
    input.cors_configuration.cors_rules = {std::move(rule)};
    ASSERT_EQ(code_of(call<api::PutBucketCorsOutput>("PutBucketCors", std::move(input))), "");
  }
  int preflight(const std::string& headers) {
    http::Request request;
    request.method = "OPTIONS";
    request.path = request.target = "/shop/k";
    request.headers.set("Origin", "https://a.example.com");
    request.headers.set("Access-Control-Request-Method", "GET");
    request.headers.set("Access-Control-Request-Headers", headers);
    return fixture.run(s3->intercept(request, fixture.gate(), "R1"))->status;
  }
};

TEST_F(CorsTest, NamesOfHeadersHaveNoCase) {
  allow({"X-One", "x-two-*", "*-Three"});
  EXPECT_EQ(preflight("x-one, X-TWO-b,a-three"), 200);
  EXPECT_EQ(preflight("x-one, x-two"), 403);
  EXPECT_EQ(preflight("x-onE1"), 403);
}

TEST_F(CorsTest, OnlySoManyAreLookedFor) {
  allow({"*"});
  std::string names = "x-0";
  for (int i = 1; i < 100; ++i) names += ",x-" + std::to_string(i);
  EXPECT_EQ(preflight(names), 200);
  EXPECT_EQ(preflight(names + ",x-100"), 403);
}

}  // namespace
}  // namespace boreal::s3
