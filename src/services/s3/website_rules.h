// A bucket as a website: which host names mean one, routing rules, error pages.
// Source: S3 User Guide, "Website endpoints", "Configuring webpage redirects".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/s3/types.h"
#include "aws/error.h"
#include "http/message.h"
#include "s3/resources.h"

namespace boreal::s3 {

struct Site {
  std::string bucket;
  std::string region;  // empty: the host does not say
};
// BUCKET.s3-website-REGION.amazonaws.com, BUCKET.s3-website.REGION.amazonaws.com, the same with localhost in the place
// of amazonaws.com, and BUCKET.s3-website.localhost; a port may follow. nullopt: no website.
std::optional<Site> site_of(std::string_view host);

// InvalidRequest, InvalidArgument.
aws::Outcome<void> check_website(const api::WebsiteConfiguration& website);

// The first rule for the key; `error`: the status that the key was answered with, none: it was not looked at yet.
const api::RoutingRule* routing_rule_for(const api::WebsiteConfiguration& website, std::string_view key,
                                         std::optional<int> error);

// The answer that sends the client where the rule says: with its query, unless the rule says the whole key.
http::Response redirect_by_rule(const api::RoutingRule& rule, std::string_view key, std::string_view query,
                                const http::Request& request);
// … and where a bucket sends everything; `path_and_query` as the client sent them.
http::Response redirect_all(const api::RedirectAllRequestsTo& to, std::string_view path_and_query, bool secure);
http::Response redirect(int status, std::string location);

// The page that tells of an error, and of the error that kept the site's own error page from being shown.
std::string error_page(const aws::ApiError& error, const aws::ApiError* inner, std::string_view request_id,
                       std::string_view host_id);

}  // namespace boreal::s3
