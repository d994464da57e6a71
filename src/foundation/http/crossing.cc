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

// A Source that belongs to another executor: read there, and let go of there.
class FarSource final : public Source {
 public:
  FarSource(std::unique_ptr<Source> inner, Executor& owner)
      : inner_(std::move(inner)), owner_(owner), size_(inner_->size()), lends_(inner_->lends()) {}
  ~FarSource() override {
    if (Executor::current() != &owner_) owner_.post([inner = std::move(inner_)] {});
  }
  Task<Result<size_t>> read(MutableBytes buffer) override {
    Executor& home = *Executor::current();
    co_await resume_on(owner_);
    auto got = co_await inner_->read(buffer);
    co_await resume_on(home);
    co_return got;
  }
  std::optional<uint64_t> size() const override { return size_; }
  bool lends() const override { return lends_; }
  Task<Result<Bytes>> lend() override {
    Executor& home = *Executor::current();
    co_await resume_on(owner_);
    auto got = co_await inner_->lend();
    co_await resume_on(home);
    co_return got;
  }

 private:
  std::unique_ptr<Source> inner_;
  Executor& owner_;
  const std::optional<uint64_t> size_;
  const bool lends_;
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

Task<Response> answer(Request& request, Executor& home, const Handler& handler) {
  auto response = co_await handler(request);
  co_await carry_answer(response, home);
  co_return response;
}

}  // namespace

Task<Response> cross(Request& request, Executor& home, const Handler& handler) {
  Executor& connection = *Executor::current();
  if (&connection == &home) co_return co_await handler(request);
  co_await carry_body(request, connection);
  co_await resume_on(home);
  std::optional<Response> response;
  std::exception_ptr bug;
  try {
    response.emplace(co_await answer(request, home, handler));
  } catch (...) {
    bug = std::current_exception();
  }
  request.body.reset();
  co_await resume_on(connection);
  if (bug) std::rethrow_exception(bug);
  co_return std::move(*response);
}

}  // namespace boreal::http
