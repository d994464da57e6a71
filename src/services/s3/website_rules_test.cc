#include "s3/website_rules.h"

#include <gtest/gtest.h>

namespace boreal::s3 {
namespace {

api::RoutingRule rule(std::optional<std::string> prefix, std::optional<std::string> error, std::string to) {
  api::RoutingRule made;
  if (prefix || error)
    made.condition = api::Condition{.http_error_code_returned_equals = error, .key_prefix_equals = prefix};
  made.redirect.replace_key_prefix_with = std::move(to);
  return made;
}

TEST(WebsiteRules, HostsThatMeanAWebsite) {
  struct Row {
    const char* host;
    const char* bucket;
    const char* region;
  };
  for (const Row& row : {Row{"shop.s3-website-us-east-1.amazonaws.com", "shop", "us-east-1"},
                         Row{"shop.s3-website.eu-central-1.amazonaws.com:80", "shop", "eu-central-1"},
                         Row{"www.shop.example.s3-website.eu-west-1.localhost:4566", "www.shop.example", "eu-west-1"},
                         Row{"shop.s3-website.localhost:4566", "shop", ""}}) {
    const auto site = site_of(row.host);
    ASSERT_TRUE(site) << row.host;
    EXPECT_EQ(site->bucket, row.bucket);
    EXPECT_EQ(site->region, row.region);
  }
  for (const char* host : {"shop.s3.localhost", "localhost:4566", "s3-website.us-east-1.localhost", "shop.s3-website",
                           ".s3-website.localhost", "shop.s3-website.us-east-1.example.com", "", ":",
                           "shop.s3-website..localhost", "shop.s3-websites.us-east-1.localhost"}) {
    EXPECT_FALSE(site_of(host)) << host;
  }
}

TEST(WebsiteRules, TheFirstRuleThatFitsCounts) {
  api::WebsiteConfiguration website;
  website.routing_rules = {rule("docs/", std::nullopt, "documents/"), rule("docs/", "404", "lost/"),
                           rule(std::nullopt, "404", "gone/"), rule(std::nullopt, "403", "closed/")};
  const auto chosen = [&](std::string_view key, std::optional<int> error) {
    const auto* found = routing_rule_for(website, key, error);
    return found == nullptr ? "" : *found->redirect.replace_key_prefix_with;
  };
  EXPECT_EQ(chosen("docs/a", std::nullopt), "documents/");
  EXPECT_EQ(chosen("other", std::nullopt), "");
  EXPECT_EQ(chosen("docs/a", 404), "lost/");
  EXPECT_EQ(chosen("other", 404), "gone/");
  EXPECT_EQ(chosen("other", 403), "closed/");
  EXPECT_EQ(chosen("other", 405), "");
}

TEST(WebsiteRules, WhereRedirectsLead) {
  http::Request request;
  request.host = "shop.s3-website.localhost:4566";
  const auto to = [&](const api::RoutingRule& by, std::string_view query = "") {
    const auto response = redirect_by_rule(by, "docs/a b", query, request);
    return std::to_string(response.status) + " " + std::string(response.headers.get("Location").value_or(""));
  };
  EXPECT_EQ(to(rule("docs/", {}, "new/")), "301 http://shop.s3-website.localhost:4566/new/a%20b");
  EXPECT_EQ(to(rule("docs/", {}, "new/"), "x=%2F&x=a+b"),
            "301 http://shop.s3-website.localhost:4566/new/a%20b?x=%2F&x=a+b");
  EXPECT_EQ(to({}, "x"), "301 http://shop.s3-website.localhost:4566/docs/a%20b?x");
  api::RoutingRule other = rule("docs/", {}, "");
  other.redirect.host_name = "example.org";
  other.redirect.protocol = "https";
  other.redirect.http_redirect_code = "302";
  EXPECT_EQ(to(other), "302 https://example.org/a%20b");
  other.redirect.replace_key_prefix_with.reset();
  other.redirect.replace_key_with = "error.html";
  EXPECT_EQ(to(other), "302 https://example.org/error.html");
  EXPECT_EQ(to(other, "x=1"), "302 https://example.org/error.html");
  other.redirect.replace_key_with = "error page.html?é#/";
  EXPECT_EQ(to(other), "302 https://example.org/error%20page.html?%C3%A9#/");
  EXPECT_EQ(to(rule("docs/", {}, "make?key=")), "301 http://shop.s3-website.localhost:4566/make?key=a%20b");
  const auto all = redirect_all({.host_name = "example.org", .protocol = {}}, "/a?b", true);
  EXPECT_EQ(all.headers.get("Location"), "https://example.org/a?b");
}

TEST(WebsiteRules, RefusesWhatMakesNoSense) {
  const auto code = [](api::RoutingRule bad) {
    api::WebsiteConfiguration website;
    website.index_document = api::IndexDocument{.suffix = "index.html"};
    website.routing_rules = {std::move(bad)};
    const auto checked = check_website(website);
    return checked ? "" : checked.error().code;
  };
  EXPECT_EQ(code(rule("a", "404", "b")), "");
  EXPECT_EQ(code(rule("a", "200", "b")), "InvalidRequest");
  auto bad = rule("a", {}, "b");
  bad.redirect.http_redirect_code = "200";
  EXPECT_EQ(code(bad), "InvalidRequest");
  bad = rule("a", {}, "b");
  bad.redirect.replace_key_with = "c";
  EXPECT_EQ(code(bad), "InvalidRequest");
  bad = {};
  EXPECT_EQ(code(bad), "");
  bad.redirect.host_name = "";
  EXPECT_EQ(code(bad), "InvalidRequest");
  EXPECT_FALSE(check_website({}));
}

TEST(WebsiteRules, ErrorPagesEscapeWhatTheyTell) {
  const auto error = aws::ApiError("NoSuchKey", 404, "It is not there.").with("Key", "<script>&\"");
  const std::string page = error_page(error, nullptr, "R", "H");
  EXPECT_NE(page.find("<h1>404 Not Found</h1>"), std::string::npos);
  EXPECT_NE(page.find("<li>Key: &lt;script&gt;&amp;&quot;</li>"), std::string::npos);
  EXPECT_EQ(page.find("Custom Error Document"), std::string::npos);
  EXPECT_NE(error_page(error, &error, "R", "H").find("Custom Error Document"), std::string::npos);
}

}  // namespace
}  // namespace boreal::s3
