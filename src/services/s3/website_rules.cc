#include "s3/website_rules.h"

#include <fmt/format.h>

#include "api/s3/errors.h"
#include "aws/region.h"
#include "base/text.h"
#include "codec/percent.h"
#include "s3/wording.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr size_t max_routing_rules = 50;
constexpr std::string_view mark = ".s3-website";

// Those that a website can end with, or answer. Source: S3 User Guide, "Configuring a webpage redirect".
bool is_error_code(int64_t code) { return (code >= 400 && code <= 417) || (code >= 500 && code <= 505); }
bool is_redirect_code(int64_t code) { return (code >= 301 && code <= 305) || code == 307 || code == 308; }

// A status in its three digits; nullopt: there is none.
Outcome<std::optional<int64_t>> number_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  if (const auto code = parse_int(*text, 0, 999)) return *code;
  return refuse(malformed_xml());
}

bool is_protocol(const std::optional<std::string>& protocol) {
  return !protocol || *protocol == "http" || *protocol == "https";
}

Outcome<void> check_rule(const api::RoutingRule& rule) {
  const api::Redirect& redirect = rule.redirect;
  if (rule.condition && !rule.condition->http_error_code_returned_equals && !rule.condition->key_prefix_equals) {
    return refuse(errors::invalid_request(
        "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be "
        "present."));
  }
  if (rule.condition) {
    TRY(const auto code, number_of(rule.condition->http_error_code_returned_equals));
    if (code && !is_error_code(*code)) {
      return refuse(errors::invalid_request(
          fmt::format("The provided HTTP error code ({}) is not valid. Valid codes are 4XX or 5XX.", *code)));
    }
  }
  TRY(const auto code, number_of(redirect.http_redirect_code));
  if (code && !is_redirect_code(*code)) {
    return refuse(errors::invalid_request(
        fmt::format("The provided HTTP redirect code ({}) is not valid. Valid codes are 3XX except 300.", *code)));
  }
  if (!is_protocol(redirect.protocol)) {
    return refuse(
        errors::invalid_request("Invalid protocol, protocol can be http or https. If not defined the protocol will be "
                                "selected automatically."));
  }
  if (redirect.replace_key_with && redirect.replace_key_prefix_with) {
    return refuse(errors::invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
  }
  if (redirect.host_name == "") {
    return refuse(errors::invalid_request(
        "The HostName cannot be blank. To redirect within the same domain, the element should not be present."));
  }
  return {};
}

std::string scheme_of(const std::optional<std::string>& protocol, bool secure) {
  return protocol.value_or(secure ? "https" : "http");
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 302: return "Found";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 412: return "Precondition Failed";
    case 416: return "Requested Range Not Satisfiable";
    case 503: return "Service Unavailable";
    default: return status >= 500 ? "Internal Server Error" : "Error";
  }
}

// What a rule puts into an address may be more than a key: "resize?key=", "#!/".
// Source: AWS Compute Blog, "Resize Images on the Fly with Amazon S3, AWS Lambda, and Amazon API Gateway".
std::string as_written(std::string_view text) {
  std::string written;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    written += byte > ' ' && byte < 0x7f ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return written;
}

}  // namespace

std::optional<Site> site_of(std::string_view host) {
  host = host.substr(0, host.rfind(':'));
  const size_t at = host.rfind(mark);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  std::string_view rest = host.substr(at + mark.size());
  Site site{.bucket = std::string(host.substr(0, at)), .region = {}};
  if (rest == ".localhost") return site;
  if (rest.empty() || (rest.front() != '.' && rest.front() != '-')) return std::nullopt;
  rest.remove_prefix(1);
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !aws::is_region_name(rest.substr(0, dot))) return std::nullopt;
  const std::string_view base = rest.substr(dot + 1);
  if (base != "amazonaws.com" && base != "localhost") return std::nullopt;
  site.region = rest.substr(0, dot);
  return site;
}

Outcome<void> check_website(const api::WebsiteConfiguration& website) {
  if (website.redirect_all_requests_to && (website.index_document || website.error_document || website.routing_rules)) {
    return refuse(
        errors::invalid_argument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
            .with("ArgumentName", "RedirectAllRequestsTo")
            .with("ArgumentValue", "not null"));
  }
  if (!website.redirect_all_requests_to && !website.index_document) {
    return refuse(
        errors::invalid_argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
            .with("ArgumentName", "IndexDocument")
            .with("ArgumentValue", "null"));
  }
  if (website.redirect_all_requests_to && website.redirect_all_requests_to->host_name.empty()) {
    return refuse(
        errors::invalid_request(R"(A host name must be provided to redirect all requests (e.g. "example.com").)"));
  }
  if (website.redirect_all_requests_to && !is_protocol(website.redirect_all_requests_to->protocol)) {
    return refuse(
        errors::invalid_request("Invalid protocol, protocol can be http or https. If not defined the protocol will be "
                                "selected automatically."));
  }
  if (website.index_document &&
      (website.index_document->suffix.empty() || website.index_document->suffix.find('/') != std::string::npos)) {
    return refuse(errors::invalid_argument("The IndexDocument Suffix is not well formed")
                      .with("ArgumentName", "IndexDocument")
                      .with("ArgumentValue", website.index_document->suffix));
  }
  if (!website.routing_rules) return {};
  if (website.routing_rules->empty()) return refuse(malformed_xml());
  if (website.routing_rules->size() > max_routing_rules) {
    return refuse(errors::invalid_request(fmt::format(
        "{} routing rules provided, the number of routing rules in a website configuration is limited to {}.",
        website.routing_rules->size(), max_routing_rules)));
  }
  for (const auto& rule : *website.routing_rules) CHECK(check_rule(rule));
  return {};
}

const api::RoutingRule* routing_rule_for(const api::WebsiteConfiguration& website, std::string_view key,
                                         std::optional<int> error) {
  if (!website.routing_rules) return nullptr;
  for (const auto& rule : *website.routing_rules) {
    const api::Condition condition = rule.condition.value_or(api::Condition{});
    if (condition.key_prefix_equals && !key.starts_with(*condition.key_prefix_equals)) continue;
    const auto& code = condition.http_error_code_returned_equals;
    // Rules about errors wait for one; the others have had their turn when there is one.
    if (code.has_value() != error.has_value()) continue;
    if (code && *code != std::to_string(*error)) continue;
    return &rule;
  }
  return nullptr;
}

http::Response redirect(int status, std::string location) {
  http::Response response;
  response.status = status;
  response.headers.set("Location", location);
  return response;
}

http::Response redirect_by_rule(const api::RoutingRule& rule, std::string_view key, std::string_view query,
                                const http::Request& request) {
  const api::Redirect& to = rule.redirect;
  std::string target = as_written(to.replace_key_with ? *to.replace_key_with : to.replace_key_prefix_with.value_or(""));
  if (!to.replace_key_with) {
    const bool loses_prefix = to.replace_key_prefix_with && rule.condition && rule.condition->key_prefix_equals;
    if (loses_prefix) key.remove_prefix(rule.condition->key_prefix_equals->size());
    target += codec::percent_encode(key, codec::Slash::keep);
    if (!query.empty()) target.append("?").append(query);
  }
  const auto code = parse_int(to.http_redirect_code.value_or("301"), 301, 399);
  return redirect(code ? static_cast<int>(*code) : 301,
                  fmt::format("{}://{}/{}", scheme_of(to.protocol, request.tls.has_value()),
                              to.host_name.value_or(request.host), target));
}

http::Response redirect_all(const api::RedirectAllRequestsTo& to, std::string_view path_and_query, bool secure) {
  return redirect(301, fmt::format("{}://{}{}", scheme_of(to.protocol, secure), to.host_name, path_and_query));
}

std::string error_page(const aws::ApiError& error, const aws::ApiError* inner, std::string_view request_id,
                       std::string_view host_id) {
  const auto list = [](const aws::ApiError& told) {
    std::string items =
        fmt::format("<li>Code: {}</li>\n<li>Message: {}</li>\n", escaped(told.code), escaped(told.message));
    for (const auto& [name, value] : told.fields)
      items += fmt::format("<li>{}: {}</li>\n", escaped(name), escaped(value));
    return items;
  };
  const std::string title = fmt::format("{} {}", error.status, reason_of(error.status));
  std::string page =
      fmt::format("<html>\n<head><title>{0}</title></head>\n<body>\n<h1>{0}</h1>\n<ul>\n{1}", title, list(error));
  page += fmt::format("<li>RequestId: {}</li>\n<li>HostId: {}</li>\n</ul>\n", escaped(request_id), escaped(host_id));
  if (inner != nullptr) {
    page += "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n" + list(*inner) +
            "</ul>\n";
  }
  return page + "<hr/>\n</body>\n</html>\n";
}

}  // namespace boreal::s3
