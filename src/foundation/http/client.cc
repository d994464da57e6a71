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
constexpr size_t sent_piece_bytes = 256 << 10;
constexpr Duration patience{1000};  // for "100 Continue", which a server need not say

// How long the exchange may take: in all, or for each wait.
class Deadline {
 public:
  Deadline(net::Stream& stream, const ClientOptions& options) : stream_(stream), idle_(options.idle_timeout) {
    stream_.expire_after(idle_.count() > 0 ? idle_ : options.timeout);
  }
  void renew() {
    if (idle_.count() > 0) stream_.expire_after(idle_);
  }
  Duration idle() const { return idle_; }

 private:
  net::Stream& stream_;
  const Duration idle_;
};

Result<std::string> write_request_head(const ClientRequest& request, const net::Address& to) {
  if (!is_token(request.method)) return fail(Errc::invalid, fmt::format("'{}' is no HTTP method", request.method));
  if (!request.target.starts_with('/') || !is_target_text(request.target)) {
    return fail(Errc::invalid,
                fmt::format("'{}' is no request target: it begins with '/', blanks are encoded", request.target));
  }
  if (detail::has_bad_field(request.headers)) return fail(Errc::invalid, "a header field has a forbidden character");
  std::string head = fmt::format("{} {} HTTP/1.1\r\nConnection: close\r\n", request.method, request.target);
  if (!request.headers.has("host")) fmt::format_to(std::back_inserter(head), "Host: {}\r\n", to.to_string());
  const auto size = request.stream != nullptr ? request.stream->size() : request.body.size();
  if (!size) return fail(Errc::invalid, "a body of unknown size cannot be sent");
  if (*size > 0 || request.method == "PUT" || request.method == "POST") {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *size);
  }
  if (request.stream != nullptr && request.ask_first) head += "Expect: 100-continue\r\n";
  for (const auto [name, value] : request.headers) {
    if (!detail::is_framing_field(name)) fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  }
  return head + "\r\n";
}

// Reads one head; the views of `head` are good until the input is consumed. Returns its length.
Task<Result<size_t>> read_head(detail::Input& input, ResponseHead& head, Deadline& deadline) {
  HeadScanner scanner({.line_bytes = max_head_bytes, .header_bytes = max_head_bytes, .header_count = 1000});
  for (;;) {
    const auto size = scanner.scan(input.pending());
    if (!size) co_return fail(Errc::invalid, std::string(size.error().why));
    if (*size > 0) {
      const auto parsed = parse_response_head(input.pending().substr(scanner.start(), *size - scanner.start()), head);
      if (!parsed) co_return fail(Errc::invalid, std::string(parsed.error().why));
      co_return *size;
    }
    deadline.renew();
    CO_TRY(const size_t got, co_await input.fill(2 * max_head_bytes + 4));
    if (got == 0) co_return fail(Errc::io, "the server ended the connection before its answer");
  }
}

Task<Result<std::string>> read_all(Source& source, size_t max_bytes, Deadline& deadline) {
  std::string all;
  for (;;) {
    const size_t before = all.size();
    all.resize(before + std::min(piece_bytes, max_bytes + 1 - before));
    deadline.renew();
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

// Whether the answer to a request whose body was not sent yet begins to come. False: the server says nothing of it.
Task<Result<bool>> answers_early(net::Stream& stream) {
  stream.expire_after(patience);
  const auto ready = co_await stream.readable();
  if (!ready && ready.error().code() != Errc::timeout) co_return std::unexpected(ready.error());
  co_return ready.has_value();
}

// The outer error is the source's, the inner one the connection's: the server may have answered all the same.
Task<Result<Result<void>>> send_stream(net::Stream& stream, Source& source, Deadline& deadline) {
  std::string buffer(std::min<uint64_t>(sent_piece_bytes, source.size().value_or(0) + 1), '\0');
  uint64_t left = source.size().value_or(0);
  for (;;) {
    CO_TRY(const size_t got, co_await source.read(std::as_writable_bytes(std::span(buffer))));
    if (got == 0) break;
    if (got > left) co_return fail(Errc::internal, "the body to send is longer than it said");
    left -= got;
    deadline.renew();
    auto written = co_await stream.write(as_bytes(std::string_view(buffer).substr(0, got)));
    if (!written) co_return written;
  }
  if (left > 0) co_return fail(Errc::internal, fmt::format("the body to send ended {} bytes early", left));
  deadline.renew();
  co_return Result<void>();
}

Task<Result<ClientAnswer>> exchange(net::Stream& stream, ClientRequest& request, const std::string& head_text,
                                    const ClientOptions& options) {
  Deadline deadline(stream, options);
  const Bytes parts[] = {as_bytes(head_text), as_bytes(request.stream == nullptr ? request.body : std::string_view())};
  // A server may answer (and refuse) before it has taken the whole body: what it says matters more than the failed
  // write.
  auto written = co_await stream.write(parts);
  detail::Input input(stream);
  ResponseHead head;
  size_t head_size = 0;
  bool is_sent = request.stream == nullptr;
  if (written && !is_sent && request.ask_first) {
    CO_TRY(is_sent, co_await answers_early(stream));
    deadline.renew();
  }
  for (;;) {
    if (!is_sent && written) {
      is_sent = true;
      request.ask_first = false;
      CO_TRY(written, co_await send_stream(stream, *request.stream, deadline));
    }
    input.consume(head_size);
    auto size = co_await read_head(input, head, deadline);
    if (!size) co_return std::unexpected(written ? std::move(size).error() : written.error());
    head_size = *size;
    if (head.status >= 200) break;
    if (head.status == 100 && request.stream != nullptr && request.ask_first) {  // other interim answers say nothing
      is_sent = false;
    }
  }

  ClientAnswer answer{.status = head.status};
  for (const auto& [name, value] : head.fields) answer.headers.add(name, value);
  const bool bodyless = request.method == "HEAD" || head.status == 204 || head.status == 304;
  input.consume(head_size);
  if (bodyless) co_return answer;
  detail::Body body(input, deadline.idle());
  body.begin({.content_length = head.content_length, .chunked = head.chunked});
  const bool framed = head.chunked || head.content_length;
  const auto source = framed ? body.source() : std::make_unique<UntilEnd>(input);
  CO_TRY(answer.body, co_await read_all(*source, options.max_body_bytes, deadline));
  co_return answer;
}

}  // namespace

Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options) {
  CO_TRY(const auto head_text, write_request_head(request, to));
  CO_TRY(auto stream, co_await net::connect(loop, to, options.connect, options.group));
  const net::StreamGroup::Member member(options.group, *stream);  // of the socket, also when TLS is laid over it
  if (options.tls) {
    auto name = options.server_name.empty() ? to.host : options.server_name;
    CO_TRY(stream, co_await net::connect_tls(std::move(stream), options.tls, std::move(name), options.connect.timeout));
  }
  auto answer = co_await exchange(*stream, request, head_text, options);
  if (!answer) {
    co_return std::unexpected(
        std::move(answer).error().within(fmt::format("{} {} at {}", request.method, request.target, to.to_string())));
  }
  co_return answer;
}

}  // namespace boreal::http
