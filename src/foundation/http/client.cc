#include "http/client.h"

#include <fmt/format.h>

#include <iterator>

#include "http/detail/answer.h"
#include "http/detail/body.h"
#include "http/detail/input.h"

namespace boreal::http {

namespace {

constexpr size_t max_head_bytes = 64 << 10;
constexpr size_t piece_bytes = 64 << 10;

Result<std::string> write_request_head(const ClientRequest& request, const net::Address& to) {
  if (!is_token(request.method)) return fail(Errc::invalid, fmt::format("'{}' is no HTTP method", request.method));
  if (!request.target.starts_with('/') || !is_target_text(request.target)) {
    return fail(Errc::invalid,
                fmt::format("'{}' is no request target: it begins with '/', blanks are encoded", request.target));
  }
  if (detail::has_bad_field(request.headers)) return fail(Errc::invalid, "a header field has a forbidden character");
  std::string head = fmt::format("{} {} HTTP/1.1\r\nConnection: close\r\n", request.method, request.target);
  if (!request.headers.has("host")) fmt::format_to(std::back_inserter(head), "Host: {}\r\n", to.to_string());
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", request.body.size());
  }
  for (const auto [name, value] : request.headers) {
    if (!detail::is_framing_field(name)) fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  }
  return head + "\r\n";
}

// Reads one head; the views of `head` are good until the input is consumed. Returns its length.
Task<Result<size_t>> read_head(detail::Input& input, ResponseHead& head) {
  HeadScanner scanner({.line_bytes = max_head_bytes, .header_bytes = max_head_bytes, .header_count = 1000});
  for (;;) {
    const auto size = scanner.scan(input.pending());
    if (!size) co_return fail(Errc::invalid, std::string(size.error().why));
    if (*size > 0) {
      const auto parsed = parse_response_head(input.pending().substr(scanner.start(), *size - scanner.start()), head);
      if (!parsed) co_return fail(Errc::invalid, std::string(parsed.error().why));
      co_return *size;
    }
    CO_TRY(const size_t got, co_await input.fill(2 * max_head_bytes + 4));
    if (got == 0) co_return fail(Errc::io, "the server ended the connection before its answer");
  }
}

Task<Result<std::string>> read_all(Source& source, size_t max_bytes) {
  std::string all;
  for (;;) {
    const size_t before = all.size();
    all.resize(before + std::min(piece_bytes, max_bytes + 1 - before));
    CO_TRY(const size_t got, co_await source.read(std::as_writable_bytes(std::span(all).subspan(before))));
    all.resize(before + got);
    if (got == 0) co_return all;
    if (all.size() > max_bytes)
      co_return fail(Errc::too_large, fmt::format("the answer has more than {} bytes", max_bytes));
  }
}

// A body that lasts as long as the connection (RFC 9112 6.3).
class UntilEnd final : public Source {
 public:
  explicit UntilEnd(detail::Input& input) : input_(input) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const auto pending = input_.pending().substr(0, buffer.size());
    if (pending.empty()) co_return co_await input_.stream().read_some(buffer);
    std::ranges::copy(as_bytes(pending), buffer.begin());
    const size_t got = pending.size();
    input_.consume(got);
    co_return got;
  }

 private:
  detail::Input& input_;
};

Task<Result<ClientAnswer>> exchange(net::Stream& stream, ClientRequest& request, const std::string& head_text,
                                    size_t max_body_bytes) {
  const Bytes parts[] = {as_bytes(head_text), as_bytes(request.body)};
  // A server may answer (and refuse) before it has taken the whole body: what it says matters more than the failed
  // write.
  const auto written = co_await stream.write(parts);
  detail::Input input(stream);
  ResponseHead head;
  size_t head_size = 0;
  do {
    input.consume(head_size);
    auto size = co_await read_head(input, head);
    if (!size) co_return std::unexpected(written ? std::move(size).error() : written.error());
    head_size = *size;
  } while (head.status < 200);  // interim answers, such as 100

  ClientAnswer answer{.status = head.status};
  for (const auto& [name, value] : head.fields) answer.headers.add(name, value);
  const bool bodyless = request.method == "HEAD" || head.status == 204 || head.status == 304;
  input.consume(head_size);
  if (bodyless) co_return answer;
  detail::Body body(input, Duration(0));
  body.begin({.content_length = head.content_length, .chunked = head.chunked});
  const bool framed = head.chunked || head.content_length;
  const auto source = framed ? body.source() : std::make_unique<UntilEnd>(input);
  CO_TRY(answer.body, co_await read_all(*source, max_body_bytes));
  co_return answer;
}

}  // namespace

Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options) {
  CO_TRY(const auto head_text, write_request_head(request, to));
  CO_TRY(auto stream, co_await net::connect(loop, to, options.connect));
  if (options.tls) {
    auto name = options.server_name.empty() ? to.host : options.server_name;
    CO_TRY(stream, co_await net::connect_tls(std::move(stream), options.tls, std::move(name), options.connect.timeout));
  }
  stream->expire_after(options.timeout);
  auto answer = co_await exchange(*stream, request, head_text, options.max_body_bytes);
  if (!answer) {
    co_return std::unexpected(
        std::move(answer).error().within(fmt::format("{} {} at {}", request.method, request.target, to.to_string())));
  }
  co_return answer;
}

}  // namespace boreal::http
