// Views of bytes. Owned bytes are std::string, as the protocols are text; spans are for what is data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace boreal {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Big-endian numbers, so that encoded keys sort as their values do.
inline void put_be64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}
inline uint64_t get_be64(std::string_view in) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8 && i < in.size(); ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

}  // namespace boreal
