#include "codec/cbor.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "codec/time.h"
#include "codec/utf8.h"

namespace boreal::cbor {
namespace {

// RFC 8949, section 3.1.
enum Major : uint8_t { unsigned_integer, negative_integer, byte_string, text_string, array, map, tagged, simple };

constexpr uint8_t indefinite = 31;
enum Simple : uint8_t {
  false_value = 20,
  true_value = 21,
  null_value = 22,
  undefined = 23,
  half = 25,
  single = 26,
  twice = 27
};

double from_half(uint64_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = static_cast<double>(bits & 1023);
  double magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                     : exponent != 31 ? std::ldexp(fraction + 1024, exponent - 25)
                     : fraction == 0  ? std::numeric_limits<double>::infinity()
                                      : std::numeric_limits<double>::quiet_NaN();
  return bits >> 15 & 1 ? -magnitude : magnitude;
}

}  // namespace

std::unexpected<Error> Reader::error(std::string_view what) const {
  return fail(Errc::invalid, fmt::format("CBOR, offset {}: {}", at_, what));
}

Result<Kind> Reader::peek() {
  if (at_ == data_.size()) return error("the data ends where an item should be");
  auto byte = static_cast<uint8_t>(data_[at_]);
  switch (byte >> 5) {
    case unsigned_integer:
    case negative_integer: return Kind::integer;
    case byte_string: return Kind::bytes;
    case text_string: return Kind::text;
    case array: return Kind::array;
    case map: return Kind::map;
    case tagged: return Kind::tag;
    default: break;
  }
  switch (byte & 31) {
    case false_value:
    case true_value: return Kind::boolean;
    case null_value:
    case undefined: return Kind::null;
    case half:
    case single:
    case twice: return Kind::float64;
    default: return error("a simple value that has no meaning");
  }
}

// The first byte and the number that belongs to it. Of an indefinite length the number is 0.
Result<Reader::Head> Reader::head() {
  if (at_ == data_.size()) return error("the data ends where an item should be");
  auto byte = static_cast<uint8_t>(data_[at_]);
  Head head{static_cast<uint8_t>(byte >> 5), static_cast<uint8_t>(byte & 31), 0};
  size_t length = 0;
  if (head.info < 24) {
    head.value = head.info;
  } else if (head.info < 28) {
    length = size_t{1} << (head.info - 24);
  } else if (head.info != indefinite || head.major < byte_string || head.major == tagged) {
    return error("a length that CBOR does not have");
  }
  if (data_.size() - at_ - 1 < length) return error("the data ends inside a number");
  for (size_t i = 1; i <= length; ++i) head.value = head.value << 8 | static_cast<uint8_t>(data_[at_ + i]);
  at_ += 1 + length;
  return head;
}

Result<void> Reader::begin(uint8_t major, std::string_view wanted) {
  TRY(Kind kind, peek());
  if (kind != (major == map ? Kind::map : Kind::array)) return error(wanted);
  if (depth_ == max_depth) return error(fmt::format("nested more than {} deep", max_depth));
  TRY(Head head, this->head());
  // Each item takes a byte at least, a pair two. Held against what is left, so that no count is believed.
  size_t left = data_.size() - at_;
  if (head.value > (major == map ? left / 2 : left)) return error("more items are announced than there is data");
  levels_[depth_++] = {head.value, head.info == indefinite};
  return {};
}

// Whether another item (a pair, in a map) comes at the current level, which is left if none does.
Result<bool> Reader::next() {
  if (depth_ == 0) return error("no array or map is open");
  Level& level = levels_[depth_ - 1];
  if (level.indefinite) {
    if (at_ == data_.size()) return error("the data ends inside an array or map");
    if (!at_break()) return true;
    ++at_;
  } else if (level.left > 0) {
    --level.left;
    return true;
  }
  --depth_;
  return false;
}

Result<void> Reader::begin_map() { return begin(map, "expected a map"); }
Result<void> Reader::begin_array() { return begin(array, "expected an array"); }

Result<std::optional<std::string_view>> Reader::next_key() {
  TRY(bool more, next());
  if (!more) return std::nullopt;
  return text();
}

Result<bool> Reader::next_element() { return next(); }

// The content of a definite string whose head has been read.
Result<std::string_view> Reader::chunk(const Head& head) {
  if (head.value > data_.size() - at_) return error("a string is longer than the data");
  std::string_view content = data_.substr(at_, head.value);
  at_ += content.size();
  if (head.major == text_string && !codec::is_utf8(content)) return error("text that is not UTF-8");
  return content;
}

Result<std::string_view> Reader::string(uint8_t major, std::string_view wanted) {
  TRY(Kind kind, peek());
  if (kind != (major == text_string ? Kind::text : Kind::bytes)) return error(wanted);
  TRY(Head head, this->head());
  if (head.info != indefinite) return chunk(head);
  scratch_.clear();
  while (!at_break()) {
    TRY(Head piece, this->head());
    if (piece.major != major || piece.info == indefinite) return error("a chunk of another kind inside a string");
    TRY(std::string_view content, chunk(piece));
    scratch_ += content;
  }
  ++at_;
  return scratch_;
}

Result<std::string_view> Reader::text() { return string(text_string, "expected text"); }
Result<std::string_view> Reader::bytes() { return string(byte_string, "expected bytes"); }

Result<int64_t> Reader::integer() {
  TRY(Kind kind, peek());
  if (kind != Kind::integer) return error("expected an integer");
  TRY(Head head, this->head());
  if (head.value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return error("an integer beyond 64 bits");
  auto value = static_cast<int64_t>(head.value);
  return head.major == negative_integer ? -1 - value : value;
}

Result<double> Reader::float64() {
  TRY(Kind kind, peek());
  if (kind == Kind::integer) {
    TRY(int64_t value, integer());
    return static_cast<double>(value);
  }
  if (kind != Kind::float64) return error("expected a number");
  TRY(Head head, this->head());
  if (head.info == half) return from_half(head.value);
  if (head.info == single) return std::bit_cast<float>(static_cast<uint32_t>(head.value));
  return std::bit_cast<double>(head.value);
}

Result<bool> Reader::boolean() {
  TRY(Kind kind, peek());
  if (kind != Kind::boolean) return error("expected true or false");
  return (data_[at_++] & 31) == true_value;
}

Result<bool> Reader::null_if_next() {
  TRY(Kind kind, peek());
  if (kind != Kind::null) return false;
  ++at_;
  return true;
}

Result<uint64_t> Reader::tag() {
  TRY(Kind kind, peek());
  if (kind != Kind::tag) return error("expected a tag");
  TRY(Head head, this->head());
  return head.value;
}

Result<Time> Reader::timestamp() {
  TRY(uint64_t number, tag());
  if (number != 1) return error("a time must have tag 1, seconds since 1970");
  TRY(double seconds, float64());
  auto time = codec::from_epoch_seconds(seconds);
  if (!time) return error(time.error().message());
  return time;
}

// Recursion is bounded by max_depth.
Result<void> Reader::skip() {
  TRY(Kind kind, peek());
  while (kind == Kind::tag) {
    CHECK(tag());
    TRY(kind, peek());
  }
  switch (kind) {
    case Kind::integer:
    case Kind::float64:
    case Kind::boolean:
    case Kind::null:
    case Kind::tag:  // passed above
      CHECK(head());
      return {};
    case Kind::bytes: CHECK(bytes()); return {};
    case Kind::text: CHECK(text()); return {};
    case Kind::array:
      CHECK(begin_array());
      while (true) {
        TRY(bool more, next_element());
        if (!more) return {};
        CHECK(skip());
      }
    case Kind::map:
      CHECK(begin_map());
      while (true) {
        TRY(auto key, next_key());
        if (!key) return {};
        CHECK(skip());
      }
  }
  return {};
}

Result<void> Reader::finish() {
  if (at_ != data_.size()) return error("something follows the item");
  return {};
}

void Writer::big_endian(uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out_ += static_cast<char>(value >> shift);
}

void Writer::head(uint8_t major, uint64_t value) {
  auto first = [&](uint64_t info) { out_ += static_cast<char>(major << 5 | info); };
  if (value < 24) {
    first(value);
  } else if (value <= 0xff) {
    first(24);
    big_endian(value, 1);
  } else if (value <= 0xffff) {
    first(25);
    big_endian(value, 2);
  } else if (value <= 0xffffffff) {
    first(26);
    big_endian(value, 4);
  } else {
    first(27);
    big_endian(value, 8);
  }
}

void Writer::text(std::string_view value) {
  head(text_string, value.size());
  out_ += value;
}

void Writer::bytes(std::string_view value) {
  head(byte_string, value.size());
  out_ += value;
}

void Writer::integer(int64_t value) {
  if (value >= 0) return head(unsigned_integer, static_cast<uint64_t>(value));
  head(negative_integer, ~static_cast<uint64_t>(value));
}

void Writer::float64(double value) {
  bool fits = std::isnan(value) || std::isinf(value) || std::abs(value) <= std::numeric_limits<float>::max();
  if (fits && (std::isnan(value) || static_cast<double>(static_cast<float>(value)) == value)) {
    out_ += '\xfa';
    big_endian(std::bit_cast<uint32_t>(static_cast<float>(value)), 4);
  } else {
    out_ += '\xfb';
    big_endian(std::bit_cast<uint64_t>(value), 8);
  }
}

void Writer::timestamp(Time time) {
  tag(1);
  if (time.ms % 1000 == 0) return integer(time.ms / 1000);
  float64(codec::to_epoch_seconds(time));
}

}  // namespace boreal::cbor
