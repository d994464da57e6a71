#include "http/chunked.h"

#include <algorithm>

#include "base/result.h"

namespace boreal::http {

namespace {

constexpr size_t max_size_digits = 15;  // 2^60: a sum of such never overflows in practice
constexpr size_t max_extension_bytes = 16 << 10;
constexpr size_t max_trailer_bytes = 8 << 10;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void ChunkedDecoder::took(uint64_t bytes) {
  left_ -= bytes;
  if (left_ == 0) state_ = State::data_cr;
}

std::expected<void, Refusal> ChunkedDecoder::take(char c) {
  switch (state_) {
    case State::size_first:
    case State::size: {
      const int digit = hex_digit(c);
      if (digit >= 0) {
        if (++size_digits_ > max_size_digits) return refuse(413, "A chunk is too large.");
        left_ = left_ * 16 + static_cast<uint64_t>(digit);
        state_ = State::size;
        return {};
      }
      if (state_ == State::size_first || (c != ';' && c != '\r'))
        return refuse(400, "The size of a chunk is not a number.");
      state_ = c == ';' ? State::extension : State::size_lf;
      return {};
    }
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return {};
      }
      if (!is_field_value({&c, 1})) return refuse(400, "A chunk extension has a control character.");
      if (++extension_bytes_ > max_extension_bytes) return refuse(400, "The chunk extensions are too large.");
      return {};
    case State::size_lf:
      if (c != '\n') return refuse(400, "The size of a chunk does not end in CR LF.");
      state_ = left_ == 0 ? State::trailer : State::data;
      size_digits_ = 0;
      return {};
    case State::data_cr:
    case State::data_lf:
      if (c != (state_ == State::data_cr ? '\r' : '\n')) return refuse(400, "A chunk does not end in CR LF.");
      state_ = state_ == State::data_cr ? State::data_lf : State::size_first;
      return {};
    case State::trailer:
      if (++trailer_bytes_ > max_trailer_bytes) return refuse(431, "The trailer fields are too large.");
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else if (c == '\n') {
        return refuse(400, "A line does not end in CR LF.");
      } else {
        trailer_line_ += c;
      }
      return {};
    case State::trailer_lf:
      if (c != '\n') return refuse(400, "A line does not end in CR LF.");
      return take_trailer_line();
    case State::data:
    case State::done: break;
  }
  return {};
}

std::expected<void, Refusal> ChunkedDecoder::take_trailer_line() {
  if (trailer_line_.empty()) {
    state_ = State::done;
    return {};
  }
  CHECK(parse_field_line(trailer_line_));
  trailer_line_.clear();
  state_ = State::trailer;
  return {};
}

std::expected<ChunkedDecoder::Step, Refusal> ChunkedDecoder::next(std::string_view input, size_t max_data) {
  Step step;
  while (step.consumed < input.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto size = static_cast<size_t>(std::min<uint64_t>({left_, max_data, input.size() - step.consumed}));
      step.data = input.substr(step.consumed, size);
      step.consumed += size;
      took(size);
      return step;
    }
    CHECK(take(input[step.consumed]));
    ++step.consumed;
  }
  return step;
}

}  // namespace boreal::http
