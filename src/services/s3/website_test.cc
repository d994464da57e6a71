// Websites over the real engine, where what they are asked for cannot be read.
#include <gmock/gmock.h>

#include "s3/testing.h"

namespace boreal::s3 {
namespace {

using testing::HasSubstr;

class WebsiteTest : public S3Test {
 protected:
  WebsiteTest() {
    EXPECT_EQ(make_bucket("shop"), "");
    EXPECT_EQ(code_of(call<api::DeletePublicAccessBlockOutput>("DeletePublicAccessBlock",
                                                               api::DeletePublicAccessBlockRequest{.bucket = "shop"})),
              "");
    EXPECT_EQ(put_policy(R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
                           "Resource":"arn:aws:s3:::shop/open/*"}]})"),
              "");
    EXPECT_EQ(code_of(put("shop", "oops.html", "our own page")), "");
  }

  void set_site(std::vector<api::RoutingRule> rules = {}) {
    api::PutBucketWebsiteRequest input{.bucket = "shop"};
    input.website_configuration.index_document = api::IndexDocument{.suffix = "index.html"};
    input.website_configuration.error_document = api::ErrorDocument{.key = "oops.html"};
    if (!rules.empty()) input.website_configuration.routing_rules = std::move(rules);
    ASSERT_EQ(code_of(call<api::PutBucketWebsiteOutput>("PutBucketWebsite", std::move(input))), "");
  }

  // What the index has of the key is no record any more.
  void damage(const std::string& key) {
    ASSERT_EQ(objects->buckets().size(), 1u);
    store::Batch damage("bucket." + objects->buckets().front());
    damage.put("k" + key, "no record of a version");
    ASSERT_TRUE(fixture.run(fixture.store().commit(std::move(damage))));
  }

  http::Response visit(const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = path;
    request.host = "shop.s3-website.localhost";
    request.body = std::make_unique<objects::TextSource>("");
    auto response = fixture.run(s3->intercept(request, fixture.gate(), "R1"));
    EXPECT_TRUE(response);
    return std::move(*response);
  }
};

TEST_F(WebsiteTest, WhatCannotBeReadIsNotTakenForMissing) {
  set_site();
  EXPECT_EQ(visit("/open/docs").status, 404);
  damage("open/page");
  damage("open/docs/index.html");
  damage("hidden");
  // The page itself; whether there is a folder of its name; whether there is a page where the folder has an index.
  for (const char* path : {"/open/page", "/open/docs", "/hidden"}) {
    const auto answer = visit(path);
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_THAT(answer.body, HasSubstr("<li>Code: Internal")) << path;
    EXPECT_EQ(answer.body.find("our own page"), std::string::npos) << path;
  }
}

TEST_F(WebsiteTest, ARuleMaySendThemElsewhere) {
  api::RoutingRule rule;
  rule.condition.emplace().http_error_code_returned_equals = "500";
  rule.redirect.host_name = "status.example.com";
  set_site({rule});
  damage("open/page");
  const auto answer = visit("/open/page");
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(answer.headers.get("Location"), "http://status.example.com/open/page");
}

// Where the tags of an object cannot be read, a policy that denies by them must not let it through.
TEST_F(WebsiteTest, PoliciesAreNotAskedWithoutWhatTheyAskFor) {
  ASSERT_EQ(code_of(put("shop", "hidden", "x")), "");
  be_stranger();
  EXPECT_EQ(code_of(call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = "shop", .key = "hidden"})),
            "AccessDenied");
  damage("hidden");
  EXPECT_EQ(code_of(call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = "shop", .key = "hidden"})),
            "InternalFailure");
}

}  // namespace
}  // namespace boreal::s3
