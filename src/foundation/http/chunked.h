// The chunked transfer coding (RFC 9112 7.1), read strictly. No I/O.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "http/grammar.h"

namespace boreal::http {

// Takes the coding off, bit by bit. Trailer fields are checked and dropped.
class ChunkedDecoder {
 public:
  struct Step {
    size_t consumed = 0;    // of the input, the data included
    std::string_view data;  // a view of the input
  };

  // Consumes up to and including the next piece of data, at most `max_data` bytes of it. With no data, either all of
  // the input was consumed or the body has ended. After a refusal it must not be used further.
  std::expected<Step, Refusal> next(std::string_view input, size_t max_data);

  // Bytes of data that come next without any framing between: who reads them elsewhere says so with took().
  uint64_t data_left() const { return state_ == State::data ? left_ : 0; }
  void took(uint64_t bytes);
  bool done() const { return state_ == State::done; }

 private:
  enum class State { size_first, size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };
  std::expected<void, Refusal> take(char c);
  std::expected<void, Refusal> take_trailer_line();

  State state_ = State::size_first;
  uint64_t left_ = 0;  // of the chunk
  size_t size_digits_ = 0;
  size_t extension_bytes_ = 0;  // over the whole body: framing must not outweigh the data without end
  size_t trailer_bytes_ = 0;
  std::string trailer_line_;
};

}  // namespace boreal::http
