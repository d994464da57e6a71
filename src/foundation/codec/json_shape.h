// Any shaped value as JSON text and back: the JSON protocols, REST-JSON bodies and stored records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/shape.h"

namespace boreal::codec {

// In what the users of JSON differ.
struct JsonStyle {
  TimestampFormat timestamps = TimestampFormat::unix_seconds;  // where the shape names none
  bool timestamps_in_ms = false;                               // integers that lose nothing, whatever the shape says
  bool bodies_only = false;  // leave out members that travel elsewhere than in the body

  static JsonStyle record() { return {.timestamps_in_ms = true}; }
  static JsonStyle protocol() { return {.bodies_only = true}; }
};

// Appends the value to `out`. Streams and empty optionals are left out.
void write_json(const Shape& shape, const void* value, const JsonStyle& style, std::string& out);
std::string write_json(const Shape& shape, const void* value, const JsonStyle& style);

// Reads `text` into `value`, a default-constructed value of `shape`. Unknown members are ignored, null counts as
// absent, timestamps may be numbers or text. Errc::invalid says what is wrong and where ("tags.3.member.key: a string
// is expected at offset 17"). Places of required members that are not there are appended to `missing` when it is given
// (the first of them, shape_path.h).
Result<void> read_json(const Shape& shape, void* value, std::string_view text, const JsonStyle& style,
                       std::vector<std::string>* missing = nullptr);

}  // namespace boreal::codec
