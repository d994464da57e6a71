#include "http/client.h"

#include <fmt/format.h>

#include <algorithm>
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
constexpr size_t max_kept = 8;
constexpr int64_t kept_for_ns = 4'000'000'000;  // servers close what idles, many after 5 seconds

// How long the exchange may take: in all, or for each wait.
class Deadline {
 public:
  Deadline(net::Stream& stream, const ClientOptions& options)
      : stream_(stream), idle_(options.idle_timeout), all_(options.timeout) {
    restore();
  }
  void renew() {
    if (idle_.count() > 0) stream_.expire_after(idle_);
  }
  // For a wait that has a time of its own.
  void shorten_to(Duration time) {
    const Duration left = time_left();
    stream_.expire_after(left.count() > 0 ? std::min(left, time) : time);
  }
  void restore() { stream_.expire_after(time_left()); }
  Duration idle() const { return idle_; }

 private:
  // 0: for ever.
  Duration time_left() const {
    if (idle_.count() > 0 || all_.count() <= 0) return idle_;
    const Duration passed((monotonic_ns() - began_ns_) / 1'000'000);
    return std::max(all_ - passed, Duration(1));
  }

  net::Stream& stream_;
  const Duration idle_;
  const Duration all_;
  const int64_t began_ns_ = monotonic_ns();
};

Result<std::string> write_request_head(const ClientRequest& request, const net::Address& to, bool keep_alive) {
  if (!is_token(request.method)) return fail(Errc::invalid, fmt::format("'{}' is no HTTP method", request.method));
  if (!request.target.starts_with('/') || !is_target_text(request.target)) {
    return fail(Errc::invalid,
                fmt::format("'{}' is no request target: it begins with '/', blanks are encoded", request.target));
  }
  if (detail::has_bad_field(request.headers)) return fail(Errc::invalid, "a header field has a forbidden character");
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  if (!keep_alive) head += "Connection: close\r\n";
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
Task<Result<bool>> answers_early(net::Stream& stream, Deadline& deadline) {
  deadline.shorten_to(patience);
  const auto ready = co_await stream.readable();
  deadline.restore();
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

// How far an exchange came.
struct Progress {
  bool is_stream_begun = false;
  bool is_answer_begun = false;
  bool may_go_on = false;  // the connection serves another request
};

Task<Result<ClientAnswer>> exchange(net::Stream& stream, ClientRequest& request, const std::string& head_text,
                                    const ClientOptions& options, Progress& progress) {
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
    CO_TRY(is_sent, co_await answers_early(stream, deadline));
  }
  for (;;) {
    if (!is_sent && written) {
      is_sent = progress.is_stream_begun = true;
      request.ask_first = false;
      CO_TRY(written, co_await send_stream(stream, *request.stream, deadline));
    }
    input.consume(head_size);
    auto size = co_await read_head(input, head, deadline);
    progress.is_answer_begun = progress.is_answer_begun || size || !input.pending().empty();
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
  const bool framed = bodyless || head.chunked || head.content_length;
  const bool keep_alive = head.keep_alive && framed && is_sent && written;
  input.consume(head_size);
  if (!bodyless) {
    detail::Body body(input, deadline.idle());
    body.begin({.content_length = head.content_length, .chunked = head.chunked});
    const auto source = framed ? body.source() : std::make_unique<UntilEnd>(input);
    CO_TRY(answer.body, co_await read_all(*source, options.max_body_bytes, deadline));
  }
  progress.may_go_on = keep_alive && input.pending().empty();
  co_return answer;
}

// Over this connection, which is kept afterwards if it may be.
Task<Result<ClientAnswer>> exchange_over(std::unique_ptr<net::Stream> stream, ClientRequest& request,
                                         const std::string& head_text, const ClientOptions& options,
                                         const std::string& server, Progress& progress) {
  const net::StreamGroup::Member member(options.group, *stream);
  auto answer = co_await exchange(*stream, request, head_text, options, progress);
  const bool may_be_kept = options.kept != nullptr && (options.group == nullptr || !options.group->is_closed());
  if (answer && progress.may_go_on && may_be_kept) {
    stream->expire_after(Duration(0));
    options.kept->keep(server, std::move(stream));
  }
  co_return answer;
}

Task<Result<std::unique_ptr<net::Stream>>> open_connection(net::Loop& loop, const net::Address& to,
                                                           const ClientOptions& options, std::string name) {
  CO_TRY(auto stream, co_await net::connect(loop, to, options.connect, options.group));
  if (!options.tls) co_return stream;
  const net::StreamGroup::Member member(options.group, *stream);  // of the socket, while TLS is laid over it
  co_return co_await net::connect_tls(std::move(stream), options.tls, std::move(name), options.connect.timeout);
}

bool may_be_sent_again(const ClientRequest& request) { return request.method != "POST" && request.method != "PATCH"; }

Task<Result<ClientAnswer>> fetch_from(net::Loop& loop, const net::Address& to, ClientRequest& request,
                                      const ClientOptions& options) {
  CO_TRY(const auto head_text, write_request_head(request, to, options.kept != nullptr));
  const std::string name = options.server_name.empty() ? to.host : options.server_name;
  const std::string server = to.to_string() + (options.tls ? " " + name : "");
  if (options.kept != nullptr && may_be_sent_again(request)) {
    if (auto stream = options.kept->take(server)) {
      Progress progress;
      const bool asks_first = request.ask_first;
      auto answer = co_await exchange_over(std::move(stream), request, head_text, options, server, progress);
      const bool was_closed = !answer && answer.error().code() == Errc::io && !progress.is_answer_begun;
      if (!was_closed || progress.is_stream_begun) co_return answer;
      request.ask_first = asks_first;
    }
  }
  CO_TRY(auto stream, co_await open_connection(loop, to, options, name));
  Progress progress;
  co_return co_await exchange_over(std::move(stream), request, head_text, options, server, progress);
}

}  // namespace

void KeptConnections::drop_old() {
  const int64_t oldest_ns = monotonic_ns() - kept_for_ns;
  std::erase_if(kept_, [&](const Kept& one) { return one.since_ns < oldest_ns; });
}

std::unique_ptr<net::Stream> KeptConnections::take(const std::string& server) {
  drop_old();
  const auto found = std::ranges::find(kept_.rbegin(), kept_.rend(), server, &Kept::server);  // the least idle one
  if (found == kept_.rend()) return nullptr;
  auto stream = std::move(found->stream);
  kept_.erase(std::next(found).base());
  return stream;
}

void KeptConnections::keep(std::string server, std::unique_ptr<net::Stream> stream) {
  drop_old();
  if (kept_.size() >= max_kept) kept_.erase(kept_.begin());
  kept_.push_back({std::move(server), std::move(stream), monotonic_ns()});
}

Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options) {
  auto answer = co_await fetch_from(loop, to, request, options);
  if (!answer) {
    co_return std::unexpected(
        std::move(answer).error().within(fmt::format("{} {} at {}", request.method, request.target, to.to_string())));
  }
  co_return answer;
}

}  // namespace boreal::http
