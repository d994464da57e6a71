// CBOR (RFC 8949), as much as typed RPC needs: a pull reader and an appending writer, used as those of
// json.h are. Definite and indefinite lengths are read; map keys are text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace boreal::cbor {

enum class Kind { integer, bytes, text, array, map, tag, boolean, null, float64 };

// Bounded: at most `max_depth` arrays and maps inside each other; lengths are held against what is
// there before anything is kept. Errors are Errc::invalid and name the offset; after one, the reader is
// of no further use. The data must outlive the reader.
class Reader {
 public:
  static constexpr size_t max_depth = 64;

  explicit Reader(Bytes data) : data_(as_text(data)) {}

  // The kind of the item that comes next; consumes nothing. `undefined` counts as null.
  Result<Kind> peek();

  Result<void> begin_map();
  // The next key, its value must be read or skipped; nullopt when the map has ended. The view is good
  // until the next call of next_key(), text() or bytes().
  Result<std::optional<std::string_view>> next_key();
  Result<void> begin_array();
  Result<bool> next_element();

  Result<std::string_view> text();  // valid UTF-8
  Result<std::string_view> bytes();
  // Refuses what does not fit.
  Result<int64_t> integer();
  // Any float, or an integer.
  Result<double> float64();
  Result<bool> boolean();
  Result<bool> null_if_next();
  // The number of the tag before the next item.
  Result<uint64_t> tag();
  // Tag 1 with seconds since 1970, whole or with a fraction.
  Result<Time> timestamp();

  Result<void> skip();
  // Nothing may be left.
  Result<void> finish();

  size_t offset() const { return at_; }
  std::unexpected<Error> error(std::string_view what) const;

 private:
  struct Head {
    uint8_t major;
    uint8_t info;
    uint64_t value;
  };
  struct Level {
    uint64_t left;  // items still to come
    bool indefinite;
  };

  Result<Head> head();
  Result<std::string_view> string(uint8_t major, std::string_view wanted);
  Result<std::string_view> chunk(const Head& head);
  Result<void> begin(uint8_t major, std::string_view wanted);
  Result<bool> next();
  bool at_break() const { return at_ < data_.size() && data_[at_] == '\xff'; }

  std::string_view data_;
  size_t at_ = 0;
  std::array<Level, max_depth> levels_;
  size_t depth_ = 0;
  std::string scratch_;  // a string put together from chunks
};

// Appends CBOR to a string that the caller owns, integers and lengths in their shortest form.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  // Of a length that is not known yet; closed by end().
  void begin_map() { out_ += '\xbf'; }
  void begin_array() { out_ += '\x9f'; }
  void end() { out_ += '\xff'; }
  // Of `count` pairs or items, which follow; no end().
  void map(size_t count) { head(5, count); }
  void array(size_t count) { head(4, count); }

  void text(std::string_view value);
  void bytes(std::string_view value);
  void integer(int64_t value);
  // As 32 bits where that loses nothing.
  void float64(double value);
  void boolean(bool value) { out_ += value ? '\xf5' : '\xf4'; }
  void null() { out_ += '\xf6'; }
  void tag(uint64_t number) { head(6, number); }
  // Tag 1; an integer when there are no milliseconds, else a double.
  void timestamp(Time time);

 private:
  void head(uint8_t major, uint64_t value);
  void big_endian(uint64_t value, int bytes);

  std::string& out_;
};

}  // namespace boreal::cbor
