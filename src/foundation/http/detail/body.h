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
  // `timeout` is for each read; 0 leaves the stream's deadline as it is. Beyond that time in all, the body has as long
  // as what has come of it takes at the least rate; 0: there is none.
  Body(Input& input, Duration timeout, uint64_t least_bytes_per_second = 0)
      : input_(input), timeout_(timeout), least_bytes_per_second_(least_bytes_per_second) {}

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
  // Of the next read.
  Duration time_left() const;

  Input& input_;
  const Duration timeout_;
  const uint64_t least_bytes_per_second_;
  int64_t waited_ns_ = 0;  // in reads: what its reader takes between them is not its client's doing
  uint64_t received_ = 0;
  std::optional<uint64_t> size_;
  uint64_t left_ = 0;
  bool chunked_ = false;
  ChunkedDecoder decoder_;
  bool awaits_continue_ = false;
  bool failed_ = false;
};

}  // namespace boreal::http::detail
