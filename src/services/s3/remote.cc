#include "s3/remote.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/chunk_signer.h"
#include "base/text.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/xml.h"
#include "crypto/hash.h"
#include "net/resolve.h"

namespace boreal::s3 {

namespace {

constexpr Duration connect_timeout{5'000};
constexpr Duration idle_timeout{60'000};  // a server may need long to put an object together
constexpr int64_t addresses_are_good_ns = 30'000'000'000;
constexpr size_t max_answer_bytes = 4 << 20;
constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

std::string query_text(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += codec::percent_encode(name) + "=" + codec::percent_encode(value);
  }
  return text;
}

// Tells a stream's own error from one of the connection.
class Watched final : public Source {
 public:
  explicit Watched(Source& inner) : inner_(inner) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    is_used = true;
    auto got = co_await inner_.read(buffer);
    if (!got) error = got.error();
    co_return got;
  }
  std::optional<uint64_t> size() const override { return inner_.size(); }
  std::optional<Error> error;
  bool is_used = false;

 private:
  Source& inner_;
};

void read_refusal(Remote::Answer& answer) {
  const auto document = xml::Document::parse(answer.body);
  if (!document) return;
  if (const auto code = document->root().child("Code")) answer.code = code->text();
  if (const auto message = document->root().child("Message")) answer.message = message->text();
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  const auto bad = [&](std::string_view why) {
    return fail(Errc::invalid, fmt::format("endpoint '{}' {}; write https://HOST or http://HOST:PORT", url, why));
  };
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    endpoint.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad("is neither http nor https");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos) return bad("has more than a host and a port");
  std::string text = to_lower(rest);
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string::npos ? 0 : bracket);
  endpoint.port = endpoint.tls ? 443 : 80;
  if (colon != std::string::npos) {
    const auto port = parse_int(std::string_view(text).substr(colon + 1), 1, 65535);
    if (!port) return bad("has no port between 1 and 65535");
    endpoint.port = static_cast<uint16_t>(*port);
    text.erase(colon);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (!is_host(text)) return bad("names no host");
  endpoint.host = text;
  const bool usual_port = endpoint.port == (endpoint.tls ? 443 : 80);
  const std::string written = text.find(':') == std::string::npos ? text : "[" + text + "]";
  endpoint.authority = usual_port ? written : fmt::format("{}:{}", written, endpoint.port);
  return endpoint;
}

Remote::Remote(aws::ServiceContext context, std::string name, RemoteBucket bucket)
    : context_(context), name_(std::move(name)), bucket_([&] {
        if (bucket.bucket.empty()) bucket.bucket = name_;
        return std::move(bucket);
      }()) {
  endpoint_ = parse_endpoint(bucket_.endpoint).value_or(Endpoint{});
  host_ = endpoint_.host;
  if (bucket_.addressing == "virtual") {
    host_ = bucket_.bucket + "." + host_;
    endpoint_.authority = bucket_.bucket + "." + endpoint_.authority;
  }
}

Task<Result<std::vector<net::Address>>> Remote::addresses() {
  const int64_t now = monotonic_ns();
  if (!addresses_.empty() && now - looked_up_ns_ < addresses_are_good_ns) co_return addresses_;
  names_.start();
  CO_TRY(auto found, co_await names_.run([host = host_, port = endpoint_.port] { return net::look_up(host, port); }));
  addresses_ = found;
  looked_up_ns_ = now;
  co_return found;
}

// Over TLS nobody can change the body on its way; elsewhere it is signed, chunk by chunk where it is a stream.
http::Headers Remote::sign(const Request& request, const std::string& path, const std::string& query,
                           std::unique_ptr<Source>& chunks) {
  http::Headers headers;
  headers.add("Host", endpoint_.authority);
  for (const auto& [name, value] : request.headers) headers.add(name, value);
  const uint64_t size = request.stream != nullptr ? request.stream->size().value_or(0) : 0;
  const bool by_chunks = request.stream != nullptr && !endpoint_.tls && size > 0;
  if (by_chunks) {
    const auto encoding = std::string(headers.get("content-encoding").value_or(""));
    headers.set("Content-Encoding", encoding.empty() ? "aws-chunked" : "aws-chunked," + encoding);
    headers.set("X-Amz-Decoded-Content-Length", std::to_string(size));
  }
  const aws::SigningCredentials credentials{bucket_.access_key_id, bucket_.secret_access_key, ""};
  // The real time, wherever a developer has moved ours to: it is the other's that counts.
  aws::SignOptions options{.canon = aws::Canon::s3,
                           .service = "s3",
                           .region = bucket_.region,
                           .now = SystemClock().now(),
                           .payload_hash = {}};
  if (by_chunks) {
    options.payload_hash = aws::signed_chunks_hash;
  } else if (request.stream != nullptr && size > 0) {
    options.payload_hash = unsigned_payload;
  } else {
    options.payload_hash = codec::hex_encode(crypto::Sha256::of(request.body));
  }
  const auto added = aws::sign({request.method, path, query, headers}, credentials, options);
  for (const auto& [name, value] : added) headers.set(name, value);
  if (by_chunks) {
    chunks = std::make_unique<aws::SignedChunks>(
        *request.stream, aws::chunk_seed(credentials, options, added.back().second), context_.pool);
  }
  return headers;
}

Task<Result<Remote::Answer>> Remote::send(Request request) {
  std::string path = "/";
  if (bucket_.addressing != "virtual") path += bucket_.bucket + (request.key.empty() ? "" : "/");
  path += codec::percent_encode(request.key, codec::Slash::keep);
  const std::string query = query_text(request.query);
  const auto unavailable = [&](const Error& error) {
    return fail(error.code() == Errc::cancelled ? Errc::cancelled : Errc::unavailable,
                fmt::format("remote bucket '{}': {}", name_, error.message()));
  };
  const auto turn = co_await turns_.acquire();
  if (endpoint_.tls && !bucket_.trust) co_return fail(Errc::internal, "no authorities were loaded for " + name_);
  auto all = co_await addresses();
  if (!all) co_return unavailable(all.error());
  std::optional<Watched> watched;
  if (request.stream != nullptr) request.stream = &watched.emplace(*request.stream);
  std::unique_ptr<Source> chunks;

  http::ClientOptions options;
  options.connect.timeout = connect_timeout;
  options.tls = endpoint_.tls ? bucket_.trust : nullptr;
  options.server_name = host_;
  options.idle_timeout = idle_timeout;
  options.group = &streams_;
  options.kept = &kept_;
  options.max_body_bytes = max_answer_bytes;
  Result<http::ClientAnswer> answer = fail(Errc::unavailable, "it has no address");
  for (const net::Address& to : *all) {
    http::ClientRequest sent{.method = request.method,
                             .target = query.empty() ? path : path + "?" + query,
                             .headers = sign(request, path, query, chunks),
                             .body = request.body,
                             .stream = chunks ? chunks.get() : request.stream,
                             .ask_first = true};
    answer = co_await http::fetch(context_.loop, to, std::move(sent), options);
    if (answer || (watched && watched->is_used) || streams_.is_closed()) break;
  }
  if (watched && watched->error) co_return std::unexpected(std::move(*watched->error));
  if (!answer) {
    addresses_.clear();
    co_return unavailable(answer.error());
  }
  Answer told;
  told.status = answer->status;
  told.headers = std::move(answer->headers);
  told.body = std::move(answer->body);
  if (!told.ok()) read_refusal(told);
  co_return told;
}

Result<void> check_final(const Remote::Answer& answer) {
  constexpr std::string_view passing[] = {
      "RequestTimeout", "RequestTimeTooSkewed",      "OperationAborted",          "IncompleteBody",
      "BadDigest",      "XAmzContentSHA256Mismatch", "ConditionalRequestConflict"};
  const bool is_crowded = answer.status == 503 || answer.status == 429 || answer.code == "SlowDown";
  if (is_crowded) return fail(Errc::unavailable, refusal_text(answer));
  const bool is_final = answer.status == 501 || (answer.status >= 300 && answer.status < 500);
  const bool passes = answer.status == 307 || answer.status == 408 || answer.status == 409 ||
                      std::ranges::find(passing, answer.code) != std::end(passing);
  if (is_final && !passes) return {};
  return fail(Errc::io, refusal_text(answer));
}

std::string refusal_text(const Remote::Answer& answer) {
  return fmt::format("{}{}{}{}{}", answer.status, answer.code.empty() ? "" : " ", answer.code,
                     answer.message.empty() ? "" : ": ", answer.message);
}

}  // namespace boreal::s3
