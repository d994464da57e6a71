// The body of the message at hand, taken off the connection.
#pragma once

#include <memory>

#include "base/stream.h"
#include "http/chunked.h"
#include "http/detail/input.h"
#include "http/parser.h"

namespace boreal::http::detail {

class Body {
 public:
  // `timeout` is for each read; 0 leaves the stream's deadline as it is.
  Body(Input& input, Duration timeout) : input_(input), timeout_(timeout) {}

  void begin(const RequestHead& head);
  // From now on the connection's place in the stream is unknown: it can serve no further request.
  void fail_all() { failed_ = true; }
  Task<Result<size_t>> read(MutableBytes buffer);
  bool complete() const { return !failed_ && (chunked_ ? decoder_.done() : left_ == 0); }
  // Whether it is worth to read on to the next request.
  bool may_skip() const;
  // Reads and drops the rest; false when it is too much or fails.
  Task<bool> skip();
  // What a handler reads from; refers to this.
  std::unique_ptr<Source> source();
  std::optional<uint64_t> size() const { return size_; }

 private:
  Task<Result<size_t>> read_sized(MutableBytes buffer);
  Task<Result<size_t>> read_chunked(MutableBytes buffer);
  // As much as lies in the input already.
  Result<size_t> decode_pending(MutableBytes buffer);
  std::unexpected<Error> ended_early();

  Input& input_;
  const Duration timeout_;
  std::optional<uint64_t> size_;
  uint64_t left_ = 0;
  bool chunked_ = false;
  ChunkedDecoder decoder_;
  bool awaits_continue_ = false;
  bool failed_ = false;
};

}  // namespace boreal::http::detail
