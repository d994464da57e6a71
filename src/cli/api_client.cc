#include "cli/api_client.h"

#include "base/clock.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/xml.h"
#include "crypto/hash.h"
#include "http/client.h"
#include "net/loop.h"

namespace boreal::cli {

namespace {

std::optional<std::string> find_element(const xml::Element& element, std::string_view name) {
  if (element.name() == name) return element.text();
  for (auto child = element.first_child(); child; child = child->next()) {
    if (auto found = find_element(*child, name)) return found;
  }
  return std::nullopt;
}

std::string text_of(const json::Value& value) {
  if (value.string()) return *value.string();
  return value.number_text() ? *value.number_text() : std::string();
}

Task<void> fetch_and_stop(net::Loop& loop, net::Address to, http::ClientRequest request, Result<http::ClientAnswer>& answer) {
  answer = co_await http::fetch(loop, std::move(to), std::move(request));
  loop.stop();
}

// `type`: the header in which REST-JSON has the code, as the body has none there; also with ":" and a URL behind it.
void read_error(ApiAnswer& answer, std::string_view type) {
  answer.error_code = type.substr(0, type.find(':'));
  if (answer.error_code.empty()) answer.error_code = answer.find("__type");
  if (answer.error_code.empty()) answer.error_code = answer.find("Code");
  if (answer.error_code.empty()) answer.error_code = answer.find("code");
  const size_t hash = answer.error_code.rfind('#');
  if (hash != std::string::npos) answer.error_code.erase(0, hash + 1);
  answer.error_message = answer.find("message");
  if (answer.error_message.empty()) answer.error_message = answer.find("Message");
}

}  // namespace

std::string ApiAnswer::find(std::string_view name) const {
  if (body.starts_with('<')) {
    const auto document = xml::Document::parse(body);
    if (!document) return {};
    return find_element(document->root(), name).value_or("");
  }
  const auto document = json::parse(body);
  if (!document) return {};
  if (const auto* value = document->find(name)) return text_of(*value);
  if (document->object() == nullptr) return {};
  for (const auto& member : *document->object()) {
    if (const auto* value = member.value.find(name)) return text_of(*value);
  }
  return {};
}

Result<ApiAnswer> ApiClient::query(const std::string& service, const std::string& version, const std::string& action,
                                   const Parameters& parameters) {
  std::string body = "Action=" + action + "&Version=" + version;
  for (const auto& [name, value] : parameters) body += "&" + codec::percent_encode(name) + "=" + codec::percent_encode(value);
  return send({.method = "POST",
               .path = "/",
               .body = std::move(body),
               .service = service,
               .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}});
}

Result<ApiAnswer> ApiClient::json(const std::string& service, const std::string& target, const json::Value& body) {
  return send({.method = "POST",
               .path = "/",
               .body = json::write(body),
               .service = service,
               .headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", target}}});
}

Result<ApiAnswer> ApiClient::rest(const std::string& service, const std::string& method, const std::string& path,
                                  const std::string& query, const std::string& body, const std::string& content_type) {
  Exchange exchange{.method = method, .path = path, .query = query, .body = body, .service = service, .headers = {}};
  if (!content_type.empty()) exchange.headers.emplace_back("Content-Type", content_type);
  if (service == "s3" && !body.empty()) {  // which takes some configurations with a digest only
    exchange.headers.emplace_back("x-amz-checksum-sha256", codec::base64_encode(as_text(crypto::Sha256::of(body))));
  }
  return send(std::move(exchange));
}

Result<ApiAnswer> ApiClient::send(Exchange exchange) {
  http::ClientRequest request{.method = exchange.method,
                              .target = exchange.path + (exchange.query.empty() ? "" : "?" + exchange.query),
                              .headers = {},
                              .body = exchange.body};
  request.headers.add("Host", server_.to_string());
  for (const auto& [name, value] : exchange.headers) request.headers.add(name, value);
  const auto digest = crypto::Sha256::of(as_bytes(exchange.body));
  const aws::SignOptions options{.canon = exchange.service == "s3" ? aws::Canon::s3 : aws::Canon::standard,
                                 .service = exchange.service,
                                 .region = region_,
                                 .now = SystemClock().now(),
                                 .payload_hash = codec::hex_encode(digest)};
  const aws::RequestView view{exchange.method, exchange.path, exchange.query, request.headers};
  for (const auto& [name, value] : aws::sign(view, credentials_, options)) request.headers.add(name, value);

  net::Loop loop;
  Result<http::ClientAnswer> answer = fail(Errc::internal, "not sent");
  spawn(fetch_and_stop(loop, server_, std::move(request), answer));
  loop.run();
  if (!answer) return std::unexpected(std::move(answer).error().within(server_.to_string()));
  const std::string type(answer->headers.get("x-amzn-ErrorType").value_or(""));
  ApiAnswer result{.status = answer->status, .body = std::move(answer->body), .error_code = {}, .error_message = {}};
  if (!result.ok()) read_error(result, type);
  return result;
}

}  // namespace boreal::cli
