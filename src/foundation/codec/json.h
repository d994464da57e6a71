// JSON (RFC 8259): a pull reader and an appending writer for the wire, and a small tree for free-form
// documents (json_value.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace boreal::json {

enum class Kind { null, boolean, number, string, array, object };

// Reads a text from front to back, each value asked for by its kind:
//
//   json::Reader in(text);
//   CHECK(in.begin_object());
//   while (true) {
//     TRY(auto name, in.next_member());
//     if (!name) break;
//     if (*name == "Count") { TRY(count, in.integer()); } else { CHECK(in.skip()); }
//   }
//   CHECK(in.finish());
//
// Strict: one value, only RFC 8259's grammar, valid UTF-8, no lone surrogates, at most `max_depth`
// arrays and objects inside each other. Errors are Errc::invalid and name the offset; after one, the
// reader is of no further use. Names that occur twice are not noticed here (json::parse can refuse them).
// The text must outlive the reader.
class Reader {
 public:
  static constexpr size_t default_max_depth = 64;

  explicit Reader(std::string_view text, size_t max_depth = default_max_depth) : text_(text), max_depth_(max_depth) {}

  // The kind of the value that comes next; consumes nothing.
  Result<Kind> peek();

  Result<void> begin_object();
  // The name of the next member, its value must be read or skipped; nullopt when the object has ended.
  // The view is good until the next call of next_member() or string().
  Result<std::optional<std::string_view>> next_member();

  Result<void> begin_array();
  // True when an element comes, which must be read or skipped; false when the array has ended.
  Result<bool> next_element();

  // The view is good until the next call of next_member() or string().
  Result<std::string_view> string();
  // The digits as they stand.
  Result<std::string_view> number();
  // Refuses fractions, exponents, and what does not fit.
  Result<int64_t> integer();
  Result<uint64_t> unsigned_integer();
  // Refuses what a double cannot hold (1e999).
  Result<double> float64();
  Result<bool> boolean();
  Result<void> null();
  // Consumes a null if one comes next.
  Result<bool> null_if_next();

  // Checks and passes over the next value, whatever it is.
  Result<void> skip();
  // The same, and returns its text.
  Result<std::string_view> raw();

  // Nothing but white space may be left.
  Result<void> finish();

  size_t offset() const { return at_; }
  // An error at the current place, for a caller that dislikes a value.
  std::unexpected<Error> error(std::string_view what) const;

 private:
  void skip_white_space();
  Result<void> begin(char bracket, std::string_view wanted);
  Result<bool> next(char closing);
  Result<void> word(std::string_view word);
  Result<std::string_view> quoted();
  Result<void> escape();
  Result<uint32_t> four_digits();
  bool digits();

  std::string_view text_;
  size_t max_depth_;
  size_t at_ = 0;
  size_t depth_ = 0;
  bool fresh_ = false;   // just after '{' or '[': no comma is due
  std::string scratch_;  // the last string that had escapes
};

// Appends JSON to a string that the caller owns. Commas and colons come by themselves; the caller opens
// and closes in pairs. Bytes that are not UTF-8 are written as U+FFFD, so the output is always JSON.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  // Before each value inside an object.
  void name(std::string_view name);

  void string(std::string_view value);
  void integer(int64_t value);
  void unsigned_integer(uint64_t value);
  // The shortest digits that read back as the same double. JSON has no NaN or infinity: they become the
  // strings "NaN", "Infinity", "-Infinity".
  void float64(double value);
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  // `json` is one whole value.
  void raw(std::string_view json);

 private:
  void separate();
  void open(char bracket);
  void close(char bracket);

  std::string& out_;
  bool comma_due_ = false;
};

// Appends `text` with quotes and escapes.
void append_quoted(std::string& out, std::string_view text);

}  // namespace boreal::json
