#include "codec/base64.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace boreal::codec {
namespace {

constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t no_digit = 0xff;

constexpr std::array<uint8_t, 256> invert(std::string_view alphabet) {
  std::array<uint8_t, 256> values{};
  values.fill(no_digit);
  for (size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
  return values;
}

constexpr auto standard_values = invert(standard_alphabet);
constexpr auto url_values = invert(url_alphabet);

std::string encode(Bytes bytes, std::string_view alphabet, bool padded) {
  std::string out((bytes.size() + 2) / 3 * 4, '=');
  char* end = out.data();
  const auto put = [&](uint32_t group, size_t digits) {
    for (size_t d = 0; d < digits; ++d) *end++ = alphabet[group >> (18 - 6 * d) & 63];
  };
  const auto at = [&](size_t i) { return std::to_integer<uint32_t>(bytes[i]); };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) put(at(i) << 16 | at(i + 1) << 8 | at(i + 2), 4);
  const size_t left = bytes.size() - i;
  if (left == 1) put(at(i) << 16, 2);
  if (left == 2) put(at(i) << 16 | at(i + 1) << 8, 3);
  if (!padded) out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

// `text` without its padding.
Result<std::string> decode(std::string_view text, const std::array<uint8_t, 256>& values) {
  if (text.size() % 4 == 1)
    return fail(Errc::invalid, fmt::format("base64 text of {} digits is cut short", text.size()));
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t group = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t value = values[static_cast<unsigned char>(text[i])];
    if (value == no_digit) return fail(Errc::invalid, fmt::format("offset {}: not a base64 digit", i));
    group = group << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(group >> bits);
      group &= (1u << bits) - 1;
    }
  }
  if (group != 0) return fail(Errc::invalid, "the last base64 digit carries bits that belong to no byte");
  return out;
}

}  // namespace

std::string base64_encode(Bytes bytes) { return encode(bytes, standard_alphabet, true); }
std::string base64url_encode(Bytes bytes) { return encode(bytes, url_alphabet, false); }

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return fail(Errc::invalid, fmt::format("base64 text has {} characters; it needs a multiple of 4", text.size()));
  }
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, standard_values);
}

Result<std::string> base64url_decode(std::string_view text) { return decode(text, url_values); }

}  // namespace boreal::codec
