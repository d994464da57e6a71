#include "http/crossing.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/resume_on.h"

namespace boreal::http {

namespace {

// What a connection may hold for a request before anybody knows who sent it.
constexpr size_t small_body_bytes = 16 << 10;
// What an answer may bring along instead of being pulled.
constexpr size_t small_answer_bytes = 64 << 10;

// Has the task run on another executor, and comes back from there, with an exception too.
template <class T>
Task<T> run_on(Executor& there, Task<T> task) {
  Executor& here = *Executor::current();
  std::optional<T> value;
  std::exception_ptr bug;
  co_await resume_on(there);
  try {
    value.emplace(co_await std::move(task));
  } catch (...) {
    bug = std::current_exception();
  }
  co_await resume_on(here);
  if (bug) std::rethrow_exception(bug);
  co_return std::move(*value);
}

// A Source that belongs to another executor: read there, and let go of there. Each way there and back fills the whole
// buffer, or brings back a run of bytes that is then read here. Who reads it there needs no way.
class FarSource final : public Source {
 public:
  FarSource(std::unique_ptr<Source> inner, Executor& owner)
      : inner_(std::move(inner)), owner_(owner), size_(inner_->size()), detaches_(inner_->detaches()) {}
  ~FarSource() override {
    run_.reset();
    if (Executor::current() != &owner_) owner_.post([inner = std::move(inner_)] {});
  }
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (!end_) co_return std::unexpected(end_.error());
    if (ended_) co_return size_t{0};
    co_return co_await run_on(owner_, read_there(buffer));
  }
  Executor* home() const override { return &owner_; }
  std::optional<uint64_t> size() const override { return size_; }
  bool lends() const override { return detaches_; }
  Task<Result<Bytes>> lend() override {
    for (;;) {
      if (run_ == nullptr) {
        CO_TRY(run_, co_await run_on(owner_, detach_there()));
      }
      if (run_ == nullptr) co_return Bytes();
      CO_TRY(const Bytes bytes, co_await run_->lend());
      if (!bytes.empty()) co_return bytes;
      run_.reset();
    }
  }

 private:
  Task<Result<size_t>> read_there(MutableBytes buffer) {
    size_t filled = 0;
    do {
      const auto got = co_await inner_->read(buffer.subspan(filled));
      if (!got) end_ = std::unexpected(got.error());
      ended_ = !got || (*got == 0 && !buffer.empty());
      filled += got.value_or(0);
    } while (!ended_ && filled < buffer.size());
    if (filled == 0 && !end_) co_return std::unexpected(end_.error());
    co_return filled;
  }
  Task<Result<std::unique_ptr<Source>>> detach_there() { co_return co_await inner_->detach(); }

  std::unique_ptr<Source> inner_;
  Executor& owner_;
  const std::optional<uint64_t> size_;
  const bool detaches_;
  std::unique_ptr<Source> run_;  // of inner_; read here
  bool ended_ = false;
  Result<void> end_;  // the error that it ended with
};

// Bytes that came already, and the error that ended them, if one did.
class NearSource final : public Source {
 public:
  // `size`: as announced.
  NearSource(std::string data, uint64_t size, Result<void> end)
      : data_(std::move(data)), size_(size), end_(std::move(end)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min(buffer.size(), data_.size() - given_);
    if (count == 0 && !buffer.empty() && !end_) co_return std::unexpected(std::move(end_).error());
    if (count > 0) std::memcpy(buffer.data(), data_.data() + given_, count);
    given_ += count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return size_; }

 private:
  const std::string data_;
  const uint64_t size_;
  Result<void> end_;
  size_t given_ = 0;
};

// At most `size` bytes; fewer when it ends or fails before.
Task<Result<void>> read_up_to(Source& source, size_t size, std::string& data) {
  data.resize(size);
  size_t filled = 0;
  while (filled < size) {
    const auto got = co_await source.read(std::as_writable_bytes(std::span(data)).subspan(filled));
    if (!got || *got == 0) {
      data.resize(filled);
      if (!got) co_return std::unexpected(got.error());
      break;
    }
    filled += *got;
  }
  co_return Result<void>();
}

// A body whose client waits for "100 Continue" is asked for when the handler wants it, which may refuse it unread.
Task<void> carry_body(Request& request, Executor& connection) {
  const bool is_chunked = !request.content_length && request.headers.has("transfer-encoding");
  const uint64_t size = request.content_length.value_or(0);
  if (is_chunked || size > small_body_bytes || request.headers.has("expect")) {
    request.body = std::make_unique<FarSource>(std::move(request.body), connection);
    co_return;
  }
  std::string data;
  auto read = co_await read_up_to(*request.body, size, data);
  request.body = std::make_unique<NearSource>(std::move(data), size, std::move(read));
}

// On the home loop. The error of a stream is the connection's to tell.
Task<void> carry_answer(Response& response, Executor& home) {
  if (!response.stream) co_return;
  const auto size = response.stream->size();
  if (!size || *size > small_answer_bytes) {
    response.stream = std::make_unique<FarSource>(std::move(response.stream), home);
    co_return;
  }
  std::string data;
  auto read = co_await read_up_to(*response.stream, *size, data);
  response.stream = std::make_unique<NearSource>(std::move(data), *size, std::move(read));
}

// Lets go of the body where it ends, by an exception too: the handler may have put something of its own in its place.
class BodyEnds {
 public:
  explicit BodyEnds(Request& request) : request_(request) {}
  BodyEnds(const BodyEnds&) = delete;
  ~BodyEnds() { request_.body.reset(); }

 private:
  Request& request_;
};

Task<Response> answer(Request& request, Executor& home, const Handler& handler) {
  const BodyEnds body_ends(request);
  auto response = co_await handler(request);
  co_await carry_answer(response, home);
  co_return response;
}

}  // namespace

Task<Response> cross(Request& request, Executor& home, const Handler& handler) {
  Executor& connection = *Executor::current();
  if (&connection == &home) co_return co_await handler(request);
  co_await carry_body(request, connection);
  co_return co_await run_on(home, answer(request, home, handler));
}

}  // namespace boreal::http
