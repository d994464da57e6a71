// Base64 (RFC 4648), decoded strictly: no white space, exact padding, no stray bits in the last digit,
// so that every value has exactly one accepted spelling.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace boreal::codec {

// The alphabet with + and /, padded with =.
std::string base64_encode(Bytes bytes);
inline std::string base64_encode(std::string_view bytes) { return base64_encode(as_bytes(bytes)); }
Result<std::string> base64_decode(std::string_view text);

// The alphabet with - and _, without padding.
std::string base64url_encode(Bytes bytes);
inline std::string base64url_encode(std::string_view bytes) { return base64url_encode(as_bytes(bytes)); }
Result<std::string> base64url_decode(std::string_view text);

}  // namespace boreal::codec
