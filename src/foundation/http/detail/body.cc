#include "http/detail/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/clock.h"

namespace boreal::http::detail {

namespace {

constexpr uint64_t max_skip_bytes = 64 << 10;
constexpr size_t buffer_bytes = 16 << 10;  // for the framing of chunks

// A reader that brings a large buffer wants it full.
size_t worth_waking(MutableBytes buffer) { return buffer.size() >= buffer_bytes ? buffer.size() : 1; }

class BodySource final : public Source {
 public:
  explicit BodySource(Body& body) : body_(body) {}
  Task<Result<size_t>> read(MutableBytes buffer) override { return body_.read(buffer); }
  std::optional<uint64_t> size() const override { return body_.size(); }

 private:
  Body& body_;
};

}  // namespace

void Body::begin(const RequestHead& head) {
  chunked_ = head.chunked;
  left_ = head.content_length.value_or(0);
  size_ = chunked_ ? std::nullopt : std::optional(left_);
  decoder_ = {};
  failed_ = false;
  waited_ns_ = 0;
  received_ = 0;
  // Also when the body is empty: botocore keeps waiting for the 100 and takes the next answer on the connection for it.
  awaits_continue_ = head.expects_continue;
}

std::unique_ptr<Source> Body::source() { return std::make_unique<BodySource>(*this); }

std::unexpected<Error> Body::ended_early() {
  failed_ = true;
  return fail(Errc::io, size_ ? fmt::format("the peer ended the body {} bytes short of {}", left_, *size_)
                              : "the peer ended the body before its last chunk");
}

Duration Body::time_left() const {
  if (least_bytes_per_second_ == 0) return timeout_;
  const auto earned = Duration(static_cast<int64_t>(received_ * 1000 / least_bytes_per_second_));
  return std::clamp(timeout_ + earned - Duration(waited_ns_ / 1'000'000), Duration(1), timeout_);
}

Task<Result<size_t>> Body::read(MutableBytes buffer) {
  if (buffer.empty() || (complete() && !awaits_continue_)) co_return size_t{0};
  if (failed_) co_return fail(Errc::io, "the body has failed before");
  if (timeout_.count() > 0) input_.stream().expire_after(time_left());
  if (awaits_continue_) {
    awaits_continue_ = false;
    // A client that has begun without waiting needs no word of ours (RFC 9110 10.1.1).
    if (input_.pending().empty()) {
      auto told = co_await input_.stream().write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
      if (!told) {
        failed_ = true;
        co_return std::unexpected(std::move(told).error());
      }
    }
  }
  if (complete()) co_return size_t{0};
  const int64_t begun_ns = monotonic_ns();
  auto got = chunked_ ? co_await read_chunked(buffer) : co_await read_sized(buffer);
  waited_ns_ += monotonic_ns() - begun_ns;
  received_ += got.value_or(0);
  if (!got) failed_ = true;
  co_return got;
}

Task<Result<size_t>> Body::read_sized(MutableBytes buffer) {
  buffer = buffer.first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), left_)));
  size_t got = std::min(buffer.size(), input_.pending().size());
  if (got > 0) {
    std::memcpy(buffer.data(), input_.pending().data(), got);
    input_.consume(got);
  } else {
    CO_TRY(got, co_await input_.stream().read_some(buffer, worth_waking(buffer)));
    if (got == 0) co_return ended_early();
    input_.passed_by(got);
  }
  left_ -= got;
  co_return got;
}

Result<size_t> Body::decode_pending(MutableBytes buffer) {
  size_t filled = 0;
  while (filled < buffer.size() && !input_.pending().empty() && !decoder_.done()) {
    const auto step = decoder_.next(input_.pending(), buffer.size() - filled);
    if (!step) return fail(Errc::invalid, std::string(step.error().why));
    if (!step->data.empty()) std::memcpy(buffer.data() + filled, step->data.data(), step->data.size());
    filled += step->data.size();
    input_.consume(step->consumed);
  }
  return filled;
}

Task<Result<size_t>> Body::read_chunked(MutableBytes buffer) {
  for (;;) {
    CO_TRY(const size_t filled, decode_pending(buffer));
    if (filled > 0 || decoder_.done()) co_return filled;
    if (decoder_.data_left() > 0) {  // nothing is pending: the data goes straight to its reader
      const auto wanted = buffer.first(std::min<uint64_t>(buffer.size(), decoder_.data_left()));
      CO_TRY(const size_t got, co_await input_.stream().read_some(wanted, worth_waking(wanted)));
      if (got == 0) co_return ended_early();
      input_.passed_by(got);
      decoder_.took(got);
      co_return got;
    }
    CO_TRY(const size_t got, co_await input_.fill(buffer_bytes));
    if (got == 0) co_return ended_early();
  }
}

bool Body::may_skip() const {
  if (failed_ || awaits_continue_) return false;
  return chunked_ || left_ <= max_skip_bytes;
}

Task<bool> Body::skip() {
  uint64_t skipped = 0;
  std::array<std::byte, 4096> dropped;
  while (!complete()) {
    if (skipped > max_skip_bytes || !may_skip()) co_return false;
    const auto got = co_await read(dropped);
    if (!got) co_return false;
    skipped += *got;
  }
  co_return true;
}

}  // namespace boreal::http::detail
