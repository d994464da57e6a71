#include "http/detail/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

#include "base/clock.h"
#include "base/log.h"

namespace boreal::http::detail {

namespace {

constexpr size_t stream_buffer_bytes = 256 << 10;
constexpr uint64_t small_body_bytes = 16 << 10;
constexpr size_t large_head_bytes = 4 << 10;  // a larger one's memory is given back after the request
constexpr Duration linger_pause{2'000};       // who sends nothing for so long has read the answer, or never will
constexpr Duration linger_time{10'000};
constexpr size_t linger_bytes = 64 << 20;  // more than most clients' parts of an upload

HeadLimits head_limits(const Limits& limits) {
  return {.line_bytes = limits.request_line_bytes,
          .header_bytes = limits.header_bytes,
          .header_count = limits.header_count};
}

// What comes next: lent by the source, or read into the buffer. An exception is a bug, and one more way to fail.
Task<Result<Bytes>> pull(Source& source, MutableBytes buffer) {
  try {
    if (source.lends()) co_return co_await source.lend();
    CO_TRY(const size_t count, co_await source.read(buffer));
    co_return buffer.first(count);
  } catch (const std::exception& error) {
    co_return fail(Errc::internal, fmt::format("a bug: {}", error.what()));
  }
}

}  // namespace

// While it lives, a request is under way.
class Connection::UnderWay {
 public:
  explicit UnderWay(Connection& connection) : of_(connection), shared_(connection.shared_) {
    of_.is_under_way_ = true;
    shared_.counters.under_way.add(1);
    shared_.busy.splice(shared_.busy.end(), shared_.waiting, of_.place_);
  }
  UnderWay(const UnderWay&) = delete;
  ~UnderWay() {
    of_.is_under_way_ = false;
    shared_.counters.under_way.subtract(1);
    shared_.waiting.splice(shared_.waiting.end(), shared_.busy, of_.place_);
  }

 private:
  Connection& of_;
  Shared& shared_;
};

// While it lives, it is its client's turn: to take a piece of an answer, or to send a small body.
class Connection::AtClient {
 public:
  explicit AtClient(Connection& connection) : of_(connection), shared_(connection.shared_) {
    of_.at_client_since_ns_ = monotonic_ns();
    if (of_.is_under_way_) shared_.at_client.splice(shared_.at_client.end(), shared_.busy, of_.place_);
  }
  AtClient(const AtClient&) = delete;
  ~AtClient() {
    if (of_.is_under_way_) shared_.busy.splice(shared_.busy.end(), shared_.at_client, of_.place_);
  }

 private:
  Connection& of_;
  Shared& shared_;
};

// A body that comes with its head, or soon. A larger one may take its time, and is asked for by a handler that knows
// how many are under way.
class Connection::SmallBody final : public Source {
 public:
  explicit SmallBody(Connection& connection) : of_(connection) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const AtClient at_client(of_);
    co_return co_await of_.body_.read(buffer);
  }
  std::optional<uint64_t> size() const override { return of_.body_.size(); }

 private:
  Connection& of_;
};

bool Shared::make_place() {
  // Who was closed before is here until its coroutine has gone on.
  const auto longest = std::ranges::find_if(waiting, &Connection::is_open);
  if (longest != waiting.end()) {
    (*longest)->close();
    return true;
  }
  return end_stuck();
}

bool Shared::end_stuck() {
  const auto slowest = std::ranges::find_if(at_client, &Connection::is_open);
  if (slowest == at_client.end() || !(*slowest)->is_stuck()) return false;
  (*slowest)->close();
  return true;
}

bool Connection::is_stuck() const {
  const auto patience = std::chrono::nanoseconds(shared_.options.limits.crowded_timeout);
  return monotonic_ns() - at_client_since_ns_ > patience.count();
}

Connection::Connection(Shared& shared, std::unique_ptr<net::Stream> stream)
    : shared_(shared),
      stream_(std::move(stream)),
      input_(*stream_, &shared.counters.bytes_received),
      body_(input_, shared.options.limits.body_timeout, shared.options.limits.body_bytes_per_second),
      scanner_(head_limits(shared.options.limits)),
      place_(shared.waiting.insert(shared.waiting.end(), this)) {
  request_.peer = stream_->peer();
  request_.tls = stream_->tls();
}

Task<void> Connection::run() {
  while (!shared_.stopping) {
    if (!co_await serve_one()) break;
    served_any_ = true;
  }
  stream_->close();
}

void Connection::close_if_idle() {
  if (idle_) stream_->close();
}

Task<bool> Connection::serve_one() {
  const size_t head_size = co_await read_head();
  if (head_size == 0) co_return false;
  const auto bytes = input_.pending().substr(scanner_.start(), head_size - scanner_.start());
  if (const auto parsed = parse_request_head(bytes, head_); !parsed) {
    co_await refuse(parsed.error());
    co_return false;
  }
  make_request();
  input_.consume(head_size);  // from here on the views of head_ are stale
  {
    const UnderWay under_way(*this);
    Response response = co_await handle();
    request_.body.reset();
    const bool may_stay = !shared_.stopping && !shared_.wants_place();
    const bool keep_alive = head_.keep_alive && may_stay && body_.may_skip();
    if (!co_await send(std::move(response), keep_alive)) co_return false;
  }
  if (!keep_alive_) {
    if (!body_.complete()) co_await linger();
    co_return false;
  }
  if (head_size > large_head_bytes) {
    request_ = {.peer = std::move(request_.peer), .tls = request_.tls};
    input_.shrink();
  }
  if (co_await body_.skip()) co_return true;
  co_await linger();  // a chunked body was longer than it is worth to skip
  co_return false;
}

Task<size_t> Connection::read_head() {
  const Limits& limits = shared_.options.limits;
  const size_t max_bytes = limits.request_line_bytes + limits.header_bytes + 4;
  scanner_.reset();
  bool begun = !input_.pending().empty();
  bool timed = false;
  if (!begun) stream_->expire_after(served_any_ ? limits.idle_timeout : limits.header_timeout);
  for (;;) {
    if (begun) {
      const auto size = scanner_.scan(input_.pending());
      if (!size) {
        co_await refuse(size.error());
        co_return 0;
      }
      if (*size > 0) co_return *size;
      if (!std::exchange(timed, true)) stream_->expire_after(limits.header_timeout);
    }
    idle_ = !begun;
    const auto got = co_await input_.fill(max_bytes);
    idle_ = false;
    if (!got && got.error().code() == Errc::timeout && begun) {
      co_await refuse({408, "The head of the request took too long."});
      co_return 0;
    }
    if (!got || *got == 0) co_return 0;
    begun = true;
  }
}

void Connection::make_request() {
  request_.method = head_.method;
  request_.target = head_.target;
  request_.path = head_.path;
  request_.query = head_.query;
  request_.host = head_.host;
  for (char& c : request_.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  request_.headers.clear();
  for (const auto& [name, value] : head_.fields) request_.headers.add(name, value);
  request_.content_length = head_.content_length;
  body_.begin(head_);
  const bool is_small = head_.content_length.value_or(0) <= small_body_bytes && !head_.chunked;
  request_.body = is_small ? std::make_unique<SmallBody>(*this) : body_.source();
}

Response Connection::refusal_answer(int status, std::string_view why) const {
  if (shared_.options.refusal) return shared_.options.refusal(status, why);
  Response response{.status = status, .body = fmt::format("{}\n", why)};
  response.headers.add("Content-Type", "text/plain");
  return response;
}

Task<Response> Connection::handle() {
  try {
    co_return co_await shared_.handler(request_);
  } catch (const std::exception& error) {
    log::error("http", "a request failed by a bug",
               {{"method", request_.method}, {"path", request_.path}, {"error", error.what()}});
  }
  co_return refusal_answer(500, "The request failed inside the server.");
}

Task<void> Connection::refuse(Refusal refusal) {
  body_.fail_all();
  request_.method.clear();  // it is not known, or not to be trusted
  if (co_await send(refusal_answer(refusal.status, refusal.why), false)) co_await linger();
}

// Closing while the client still sends would make the system reset the connection, and the client might never see the
// answer (Go's takes the failed write for the outcome): so what comes is read and dropped first, within limits.
Task<void> Connection::linger() {
  stream_->shutdown_write();
  const int64_t end_ns = monotonic_ns() + std::chrono::nanoseconds(linger_time).count();
  std::array<std::byte, 16384> dropped;  // of each connection that lingers, and strangers can make many
  for (size_t total = 0; total < linger_bytes && monotonic_ns() < end_ns && !shared_.stopping;) {
    stream_->expire_after(linger_pause);
    const auto got = co_await stream_->read_some(dropped);
    if (!got || *got == 0) co_return;
    input_.passed_by(*got);
    total += *got;
  }
}

Task<bool> Connection::write(std::span<const Bytes> parts) {
  stream_->expire_after(shared_.options.limits.body_timeout);
  const AtClient at_client(*this);
  const auto written = co_await stream_->write(parts);
  if (!written) co_return false;
  for (const Bytes part : parts) shared_.counters.bytes_sent.add(part.size());
  co_return true;
}

Task<bool> Connection::send(Response response, bool keep_alive) {
  if (has_bad_field(response.headers)) {
    log::error("http", "an answer had a header field with a forbidden character", {{"path", request_.path}});
    response = refusal_answer(500, "The answer could not be sent.");
  }
  const auto framing = framing_of(response, request_.method, head_.is_1_0, keep_alive);
  keep_alive_ = framing.keep_alive;
  if (!framing.send_body || !response.stream) {
    write_head(response, framing);
    co_return co_await send_text(framing.send_body ? std::string_view(response.body) : "");
  }
  const auto size =
      static_cast<size_t>(std::clamp<uint64_t>(framing.content_length.value_or(UINT64_MAX), 1, stream_buffer_bytes));
  const auto memory = response.stream->lends() ? nullptr : std::make_unique_for_overwrite<std::byte[]>(size);
  const MutableBytes buffer(memory.get(), memory ? size : 0);
  // Read before the head is sent: until then a failure can still be told.
  const auto first = co_await pull(*response.stream, buffer);
  if (!first) {
    log::error("http", "the body of an answer failed", {{"path", request_.path}, {"error", first.error().message()}});
    co_return co_await send(refusal_answer(500, "The data could not be read."), false);
  }
  write_head(response, framing);
  co_return co_await send_stream(*response.stream, framing, buffer, *first);
}

void Connection::write_head(const Response& response, Framing framing) {
  detail::write_head(out_, response, framing, shared_.date.get());
  const auto digit = static_cast<size_t>(std::clamp(response.status / 100, 1, 5));
  shared_.counters.answers[digit - 1].add(1);
}

// Head and body, in pieces that each have the whole time.
Task<bool> Connection::send_text(std::string_view body) {
  std::string_view head = out_;
  do {
    const auto piece = body.substr(0, stream_buffer_bytes);
    const Bytes parts[] = {as_bytes(head), as_bytes(piece)};
    if (!co_await write(parts)) co_return false;
    head = {};
    body.remove_prefix(piece.size());
  } while (!body.empty());
  co_return true;
}

Task<bool> Connection::send_stream(Source& source, Framing framing, MutableBytes buffer, Bytes first) {
  std::string_view head = out_;
  uint64_t left = framing.content_length.value_or(UINT64_MAX);
  for (Bytes bytes = first;;) {
    const size_t got = bytes.size();
    if (got > left) {
      log::error("http", "the body of an answer is longer than was told", {{"path", request_.path}});
      co_return false;
    }
    std::array<char, 24> line;
    const auto line_end = got > 0 ? fmt::format_to(line.data(), "{:x}\r\n", got) : fmt::format_to(line.data(), "0\r\n");
    const std::string_view size_line(line.data(), framing.chunked ? static_cast<size_t>(line_end - line.data()) : 0);
    const Bytes parts[] = {as_bytes(head), as_bytes(size_line), bytes, as_bytes(framing.chunked ? "\r\n" : "")};
    if (!co_await write(parts)) co_return false;
    head = {};
    left -= got;
    if (got == 0 || left == 0) break;
    const auto more = co_await pull(source, buffer);
    if (!more) {
      log::error("http", "the body of an answer failed", {{"path", request_.path}, {"error", more.error().message()}});
      co_return false;
    }
    bytes = *more;
  }
  if (left == 0 || !framing.content_length) co_return true;
  log::error("http", "the body of an answer is shorter than was told", {{"path", request_.path}, {"missing", left}});
  co_return false;
}

}  // namespace boreal::http::detail
