// Hexadecimal text.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace boreal::codec {

// Lower case.
std::string hex_encode(Bytes bytes);
inline std::string hex_encode(std::string_view bytes) { return hex_encode(as_bytes(bytes)); }

// Either case; an even count of digits and nothing else.
Result<std::string> hex_decode(std::string_view text);

// The value of one digit, or -1.
int hex_digit(char c);

}  // namespace boreal::codec
