#include "codec/hex.h"

#include <fmt/format.h>

namespace boreal::codec {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string hex_encode(Bytes bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  char* at = out.data();
  for (std::byte byte : bytes) {
    *at++ = digits[std::to_integer<unsigned>(byte) >> 4];
    *at++ = digits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

Result<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return fail(Errc::invalid, fmt::format("hexadecimal text has {} digits; it needs an even count", text.size()));
  }
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = hex_digit(text[i]);
    int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) {
      return fail(Errc::invalid, fmt::format("offset {}: not a hexadecimal digit (0-9, a-f)", high < 0 ? i : i + 1));
    }
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

}  // namespace boreal::codec
