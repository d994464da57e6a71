#include "http/detail/input.h"

#include <algorithm>
#include <cstring>

namespace boreal::http::detail {

namespace {
constexpr size_t small_bytes =
    8 << 10;  // what an idle connection holds; also a small body behind its head, read at once
}

void Input::consume(size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void Input::move_to(size_t capacity) {
  auto moved = std::make_unique_for_overwrite<char[]>(capacity);
  const auto kept = pending();
  if (!kept.empty()) std::memcpy(moved.get(), kept.data(), kept.size());
  buffer_ = std::move(moved);
  capacity_ = capacity;
  end_ = kept.size();
  begin_ = 0;
}

void Input::make_room(size_t max_bytes) {
  if (end_ < capacity_) return;
  const size_t used = end_ - begin_;
  if (used < capacity_ / 2) {
    move_to(capacity_);
  } else {
    move_to(std::clamp(2 * capacity_, small_bytes, std::max(max_bytes, small_bytes)));
  }
}

Task<Result<size_t>> Input::fill(size_t max_bytes) {
  make_room(max_bytes);
  const std::span<char> room(buffer_.get() + end_, capacity_ - end_);
  CO_TRY(const size_t got, co_await stream_.read_some(std::as_writable_bytes(room)));
  passed_by(got);
  end_ += got;
  co_return got;
}

void Input::shrink() {
  if (capacity_ > small_bytes && end_ - begin_ <= small_bytes) move_to(small_bytes);
}

}  // namespace boreal::http::detail
