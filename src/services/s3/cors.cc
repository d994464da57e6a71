// Cross-origin requests: the preflight, and the headers of every answer to a browser.
// Source: Fetch Standard, "CORS protocol"; S3 User Guide, "Using cross-origin resource sharing".
#include <fmt/format.h>

#include <algorithm>

#include "aws/own_names.h"
#include "aws/wire/wire.h"
#include "base/text.h"
#include "codec/base64.h"
#include "s3/names.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

// A preflight is anybody's, and each name that it asks for is looked for in each rule: nobody has use for more.
constexpr size_t max_asked_headers = 100;

// `equal` compares two texts.
bool matches(std::string_view pattern, std::string_view text, bool (*equal)(std::string_view, std::string_view)) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern.size() == text.size() && equal(pattern, text);
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  return text.size() >= before.size() + after.size() && equal(before, text.substr(0, before.size())) &&
         equal(after, text.substr(text.size() - after.size()));
}

bool is_same(std::string_view a, std::string_view b) { return a == b; }

bool allows_origin(const api::CORSRule& rule, std::string_view origin) {
  return std::ranges::any_of(rule.allowed_origins,
                             [&](const std::string& allowed) { return matches(allowed, origin, is_same); });
}

bool allows_header(const api::CORSRule& rule, std::string_view name) {
  return rule.allowed_headers && std::ranges::any_of(*rule.allowed_headers, [&](const std::string& allowed) {
           return matches(allowed, name, equal_ignoring_case);
         });
}

const api::CORSRule* find_rule(const api::CORSConfiguration& cors, std::string_view origin, std::string_view method,
                               const std::vector<std::string_view>& headers) {
  if (headers.size() > max_asked_headers) return nullptr;
  for (const auto& rule : cors.cors_rules) {
    const bool fits = std::ranges::find(rule.allowed_methods, method) != rule.allowed_methods.end() &&
                      allows_origin(rule, origin) &&
                      std::ranges::all_of(headers, [&](std::string_view name) { return allows_header(rule, name); });
    if (fits) return &rule;
  }
  return nullptr;
}

// Access-Control-Request-Headers, one by one.
std::vector<std::string_view> asked_headers(const http::Request& request) {
  std::vector<std::string_view> headers;
  const auto asked = request.headers.get("access-control-request-headers");
  for (const std::string_view name : asked ? split(*asked, ',') : std::vector<std::string_view>()) {
    if (!trim(name).empty()) headers.push_back(trim(name));
  }
  return headers;
}

void tell(const api::CORSRule& rule, std::string_view origin, const std::vector<std::string_view>& headers,
          http::Response& response) {
  const bool is_open = std::ranges::find(rule.allowed_origins, "*") != rule.allowed_origins.end();
  response.headers.set("Access-Control-Allow-Origin", is_open ? "*" : origin);
  if (!is_open) response.headers.set("Access-Control-Allow-Credentials", "true");
  response.headers.set("Access-Control-Allow-Methods", join(rule.allowed_methods, ", "));
  if (!headers.empty()) response.headers.set("Access-Control-Allow-Headers", to_lower(join(headers, ", ")));
  if (rule.expose_headers && !rule.expose_headers->empty()) {
    response.headers.set("Access-Control-Expose-Headers", join(*rule.expose_headers, ", "));
  }
  if (rule.max_age_seconds) response.headers.set("Access-Control-Max-Age", std::to_string(*rule.max_age_seconds));
  response.headers.set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

}  // namespace

http::Response Service::answer_preflight(const http::Request& request, const std::string& request_id) const {
  const auto refused = [&](aws::ApiError error) {
    return aws::wire::refuse(aws::Protocol::rest_xml, error, request_id);
  };
  const auto origin = request.headers.get("origin");
  auto method = request.headers.get("access-control-request-method");
  if (method && method->empty()) method.reset();
  if (!origin || origin->empty())
    return refused(aws::ApiError("BadRequest", 400, "Insufficient information. Origin request header needed."));
  // It knows two methods that no rule may name.
  if (method && !is_cors_method(*method) && *method != "PATCH" && *method != "OPTIONS")
    return refused(aws::ApiError("BadRequest", 400, fmt::format("Invalid Access-Control-Request-Method: {}", *method)));
  const std::string_view asked = method ? *method : "OPTIONS";  // none was told: the request's own
  const BucketRef bucket = buckets_.find(bucket_of(request.path));
  const bool has_rules = bucket != nullptr && bucket->cors;
  const auto forbidden = [&](std::string_view why) {
    return refused(aws::ApiError("AccessForbidden", 403, fmt::format("CORSResponse: {}", why))
                       .with("Method", std::string(asked))
                       .with("ResourceType", has_rules && !is_bucket(request.path) ? "OBJECT" : "BUCKET"));
  };
  if (bucket == nullptr) return forbidden("Bucket not found");
  if (!bucket->cors) return forbidden("CORS is not enabled for this bucket.");
  const auto headers = asked_headers(request);
  if (const auto bad = std::ranges::find_if_not(headers, is_header_name); bad != headers.end()) {
    return refused(aws::ApiError(
        "BadRequest", 400, fmt::format("Access-Control-Request-Headers \"{}\" contains invalid character.", *bad)));
  }
  const api::CORSRule* rule = find_rule(*bucket->cors, *origin, asked, headers);
  if (rule == nullptr) {
    return forbidden(
        "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS "
        "spec.");
  }
  http::Response response;
  tell(*rule, *origin, headers, response);
  response.headers.set("x-amz-request-id", request_id);
  response.headers.set("x-amz-id-2", codec::base64_encode(request_id));
  return response;
}

// Of all that S3 takes, browsers send a form alone without asking first.
bool Service::takes_forms_of(const http::Request& request) const {
  const auto origin = request.headers.get("origin");
  if (!origin || aws::is_of_near_page(*origin)) return true;
  const BucketRef bucket = buckets_.find(bucket_of(request.path));
  return bucket != nullptr && bucket->cors && find_rule(*bucket->cors, *origin, "POST", {}) != nullptr;
}

void Service::add_cors(const http::Request& request, http::Response& response) const {
  const auto origin = request.headers.get("origin");
  if (!origin || request.method == "OPTIONS") return;
  const BucketRef bucket = buckets_.find(bucket_of(request.path));
  if (bucket == nullptr || !bucket->cors) return;
  // AWS asks the rules what a preflight's headers say even where they come with another request.
  const auto method = request.headers.get("access-control-request-method").value_or(request.method);
  const auto headers = asked_headers(request);
  if (const api::CORSRule* rule = find_rule(*bucket->cors, *origin, method, headers))
    tell(*rule, *origin, headers, response);
}

}  // namespace boreal::s3
