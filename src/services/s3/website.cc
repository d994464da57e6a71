// Requests to a website's host: pages are read as anybody may read them, by the same way as GetObject.
// Source: S3 User Guide, "Website endpoints", "Configuring an index document", "Configuring a custom error document".
#include <fmt/format.h>

#include "aws/wire/wire.h"
#include "base/text.h"
#include "codec/percent.h"
#include "s3/service.h"
#include "s3/text_source.h"
#include "s3/website_rules.h"

namespace boreal::s3 {

namespace {

// What a browser says of itself and of what it has. A signature means nothing here: everybody is anonymous.
http::Headers anonymous_headers(const http::Headers& headers) {
  http::Headers kept;
  for (const auto& [name, value] : headers) {
    const std::string lower = to_lower(name);
    if (lower != "authorization" && !lower.starts_with("x-amz-") && lower != "content-length" &&
        lower != "transfer-encoding" && lower != "content-encoding")
      kept.add(name, value);
  }
  return kept;
}

void tell(const aws::ApiError& error, http::Headers& headers) {
  headers.set("x-amz-error-code", error.code);
  headers.set("x-amz-error-message", error.message);
  for (const auto& [name, value] : error.fields)
    headers.set("x-amz-error-detail-" + name, codec::percent_encode(value, codec::Slash::keep));
}

// An error: it cannot be known.
Task<Result<bool>> is_there(objects::Objects& objects, const Bucket& bucket, std::string key) {
  if (key.size() > objects::max_key_bytes) co_return false;
  const auto found = co_await objects.find(bucket.id, std::move(key), objects::Select::latest(), false);
  if (!found && found.error().code() != Errc::not_found) co_return std::unexpected(found.error());
  co_return found && !found->version->is_delete_marker;
}

}  // namespace

// One request on its way: its own path stays aside while pages are read.
struct Service::Visit {
  http::Request& request;
  aws::Gate& gate;
  const std::string& request_id;
  BucketRef bucket;
  std::string path;  // as it came, of the site
  std::string query;
  std::string key;
};

Task<http::Response> Service::answer_website(http::Request& request, aws::Gate& gate, const std::string& request_id,
                                             Site site) {
  Visit visit{request, gate, request_id, buckets_.find(site.bucket), request.path, request.query, {}};
  const std::string method = request.method;
  // As if it had come path-style, for all that looks at a request once it is answered.
  request.path = "/" + site.bucket + visit.path;
  const std::string full_path = request.path;
  auto answer = co_await visit_site(visit, site.region);
  request.method = method;
  request.path = full_path;
  request.query = visit.query;
  http::Response response = answer ? std::move(*answer) : refuse_visit(std::move(answer).error(), nullptr, request_id);
  if (!response.headers.has("x-amz-request-id")) response.headers.set("x-amz-request-id", request_id);
  if (method == "HEAD") {
    response.head_length = response.stream ? response.stream->size() : std::optional<uint64_t>(response.body.size());
    response.stream.reset();
  }
  co_return response;
}

http::Response Service::refuse_visit(aws::ApiError error, const aws::ApiError* inner, const std::string& request_id) {
  http::Response response = aws::wire::refuse(aws::Protocol::rest_xml, error, request_id);
  if (error.status == 304) {
    response.body.clear();
    return response;
  }
  const std::string host_id(response.headers.get("x-amz-id-2").value_or("-"));
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  tell(error, response.headers);
  response.body = error_page(error, inner, request_id, host_id);
  return response;
}

Task<Outcome<http::Response>> Service::visit_site(Visit& visit, const std::string& region) {
  if (visit.bucket == nullptr) {
    const std::string name = visit.request.path.substr(1, visit.request.path.size() - visit.path.size() - 1);
    co_return refuse(no_such_bucket(name));
  }
  const Bucket& bucket = *visit.bucket;
  if (!region.empty() && region != bucket.region) {
    co_return refuse(aws::ApiError("IncorrectEndpoint", 400,
                                   "The specified bucket exists in another region. Please direct requests to the "
                                   "specified endpoint.")
                         .with("Endpoint", fmt::format("{}.s3-website.{}.amazonaws.com", bucket.name, bucket.region)));
  }
  if (!bucket.website) {
    co_return refuse(errors::no_such_website_configuration("The specified bucket does not have a website configuration")
                         .with("BucketName", bucket.name));
  }
  if (visit.request.method != "GET" && visit.request.method != "HEAD") {
    auto error = errors::method_not_allowed("The specified method is not allowed against this resource.")
                     .with("Method", visit.request.method)
                     .with("ResourceType", "OBJECT");
    error.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
    co_return refuse(std::move(error));
  }
  if (bucket.payer == "Requester") co_return refuse(errors::access_denied("Access Denied"));  // nobody here pays
  const api::WebsiteConfiguration& website = *bucket.website;
  if (website.redirect_all_requests_to) {
    const std::string whole = visit.query.empty() ? visit.path : visit.path + "?" + visit.query;
    co_return redirect_all(*website.redirect_all_requests_to, whole, visit.request.tls.has_value());
  }
  auto key = codec::percent_decode(std::string_view(visit.path).substr(1), codec::Plus::space);
  if (!key) co_return refuse(aws::ApiError("InvalidURI", 400, key.error().message()));
  visit.key = std::move(*key);
  if (const auto* rule = routing_rule_for(website, visit.key, std::nullopt)) {
    co_return redirect_by_rule(*rule, visit.key, visit.query, visit.request);
  }
  const bool is_folder = visit.key.empty() || visit.key.ends_with('/');
  auto page = co_await read_page(visit, is_folder ? visit.key + website.index_document->suffix : visit.key);
  if (page) {
    if (const auto to = page->headers.get("x-amz-website-redirect-location")) co_return redirect(301, std::string(*to));
    co_return std::move(*page);
  }
  co_return co_await answer_missing(visit, std::move(page).error());
}

Task<Outcome<http::Response>> Service::answer_missing(Visit& visit, aws::ApiError error) {
  if (error.status < 400) co_return refuse(std::move(error));
  const api::WebsiteConfiguration& website = *visit.bucket->website;
  if (error.status < 500 && !visit.key.empty() && !visit.key.ends_with('/')) {
    CO_TRY(const bool has_page, co_await is_there(objects_, *visit.bucket, visit.key));
    const std::string index = visit.key + "/" + website.index_document->suffix;
    CO_TRY(const bool has_index, co_await is_there(objects_, *visit.bucket, index));
    // Who may read neither does not learn by it which folders there are.
    bool may_know = !has_page && has_index;
    if (may_know && error.status == 403) {
      const auto page = co_await read_page(visit, index);
      may_know = page || page.error().status < 400;
    }
    if (may_know) {
      http::Response found = refuse_visit({"Found", 302, "Resource Found"}, nullptr, visit.request_id);
      found.headers.set("Location", visit.path + "/");
      co_return found;
    }
  }
  if (const auto* rule = routing_rule_for(website, visit.key, error.status)) {
    co_return redirect_by_rule(*rule, visit.key, visit.query, visit.request);
  }
  // A site's own page is for errors of its visitors. Source: ibidem, "Configuring a custom error document".
  if (error.status >= 500 || !website.error_document) co_return refuse(std::move(error));
  auto page = co_await read_page(visit, website.error_document->key);
  if (!page) co_return refuse_visit(std::move(error), &page.error(), visit.request_id);
  page->status = error.status;
  tell(error, page->headers);
  co_return std::move(*page);
}

// GetObject in the name of nobody: authenticated, authorised and answered as any other.
Task<Outcome<http::Response>> Service::read_page(Visit& visit, std::string key) {
  http::Request& request = visit.request;
  request.method = "GET";
  request.path = fmt::format("/{}/{}", visit.bucket->name, codec::percent_encode(key, codec::Slash::keep));
  request.query.clear();
  request.headers = anonymous_headers(request.headers);
  request.content_length.reset();
  request.body = std::make_unique<TextSource>("");
  aws::CheckedBody* checked = nullptr;
  CO_TRY(const auto caller,
         co_await visit.gate.authenticate(request, model(), aws::Protocol::rest_xml, nullptr, &checked));
  CO_TRY(const auto route, wire_.route(aws::Protocol::rest_xml, request, ""));
  CO_TRY(auto input, wire_.parse(route, request, ""));
  Call call{.caller = caller,
            .operation = *route.operation,
            .region = visit.bucket->region,
            .account = visit.bucket->account,
            .request_id = visit.request_id,
            .now = context_.clock.now(),
            .http = request,
            .response_headers = {},
            .response_status = 0,
            .body = checked,
            .gate = visit.gate};
  CO_TRY(auto accesses, co_await access(call, call.operation, input));
  for (Access& one : accesses) CO_CHECK(co_await visit.gate.authorize(call, std::move(one)));
  auto output = co_await get_object(call, std::move(input.as<api::GetObjectRequest>()));
  if (!output) {
    // Who may read a page learns here that there is none, and need not be let list the bucket.
    // Source: ibidem, "Setting permissions for website access".
    if (output.error().status != 403) co_return refuse(std::move(output).error());
    CO_TRY(const bool is_there_now, co_await is_there(objects_, *visit.bucket, key));
    if (is_there_now) co_return refuse(std::move(output).error());
    co_return refuse(errors::no_such_key("The specified key does not exist.").with("Key", key));
  }
  http::Response response = wire_.answer(route, aws::Value::of(std::move(*output)), visit.request_id);
  if (call.response_status != 0) response.status = call.response_status;
  co_return response;
}

}  // namespace boreal::s3
