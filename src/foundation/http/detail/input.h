// What has come on a connection and is not used yet.
#pragma once

#include <memory>
#include <string_view>

#include "http/detail/counters.h"
#include "net/stream.h"

namespace boreal::http::detail {

class Input {
 public:
  // `received` counts what has come; null: nobody wants to know.
  explicit Input(net::Stream& stream, Counter* received = nullptr) : stream_(stream), received_(received) {}

  std::string_view pending() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(size_t bytes);
  // Reads more behind what is pending; the buffer grows up to `max_bytes`, of which less is pending now. 0: the peer
  // has ended.
  Task<Result<size_t>> fill(size_t max_bytes);
  // Gives back what a large head made the buffer grow by.
  void shrink();
  net::Stream& stream() { return stream_; }
  // So many bytes were read from the stream past this.
  void passed_by(size_t bytes) {
    if (received_ != nullptr) received_->add(bytes);
  }

 private:
  void make_room(size_t max_bytes);
  void move_to(size_t capacity);

  net::Stream& stream_;
  Counter* const received_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace boreal::http::detail
