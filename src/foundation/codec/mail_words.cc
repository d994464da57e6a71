#include "codec/mail_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/utf8.h"

namespace boreal::codec {

namespace {

constexpr std::string_view white = " \t";

std::optional<std::string> decode_q(std::string_view digits) {
  std::string bytes;
  for (size_t at = 0; at < digits.size(); ++at) {
    const char c = digits[at];
    if (c != '=') {
      bytes += c == '_' ? ' ' : c;
      continue;
    }
    const auto byte = hex_decode(digits.substr(at + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    bytes += *byte;
    at += 2;
  }
  return bytes;
}

std::optional<std::string> in_utf8(std::string_view charset, std::string bytes) {
  if (equal_ignoring_case(charset, "iso-8859-1")) {
    std::string text;
    for (const char c : bytes) append_utf8(text, static_cast<unsigned char>(c));
    return text;
  }
  const bool is_ascii = std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (equal_ignoring_case(charset, "us-ascii") ? is_ascii : equal_ignoring_case(charset, "utf-8") && is_utf8(bytes))
    return bytes;
  return std::nullopt;
}

// =?charset?encoding?text?=, and nothing around it. RFC 2231 lets a language follow the character set.
std::optional<std::string> decode_word(std::string_view word) {
  if (word.size() < 4 || !word.starts_with("=?") || !word.ends_with("?=")) return std::nullopt;
  const auto fields = split(word.substr(2, word.size() - 4), '?');
  if (fields.size() != 3 || fields[1].size() != 1) return std::nullopt;
  std::optional<std::string> bytes;
  if (equal_ignoring_case(fields[1], "q")) {
    bytes = decode_q(fields[2]);
  } else if (equal_ignoring_case(fields[1], "b")) {
    if (auto decoded = base64_decode(fields[2])) bytes = std::move(*decoded);
  }
  return bytes ? in_utf8(fields[0].substr(0, fields[0].find('*')), std::move(*bytes)) : std::nullopt;
}

bool is_printable(char c) { return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f; }

}  // namespace

std::string mail_word(std::string_view text) {
  // Counted in UTF-16, whose units a lead byte tells: two from four bytes on.
  size_t plain = 0;
  size_t other = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_printable(c) || c == '\t' || c == '\r' || c == '\n') {
      ++plain;
    } else if (byte < 0x80 || byte >= 0xc0) {
      other += byte >= 0xf0 ? 2 : 1;
    }
  }
  if (plain <= other) return "=?UTF-8?B?" + base64_encode(text) + "?=";
  std::string word = "=?UTF-8?Q?";
  for (const char c : text) {
    if (c == ' ') {
      word += '_';
    } else if (!is_printable(c) || c == '=' || c == '?' || c == '_') {
      word += fmt::format("={:02X}", static_cast<unsigned char>(c));
    } else {
      word += c;
    }
  }
  return word + "?=";
}

bool is_mail_safe(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is_printable(c) || c == '\t'; });
}

std::string decode_mail_words(std::string_view text) {
  if (!text.contains("=?")) return std::string(text);
  std::string out;
  bool after_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = std::min(text.find_first_not_of(white, at), text.size());
    const size_t end = std::min(text.find_first_of(white, begin), text.size());
    const auto decoded = decode_word(text.substr(begin, end - begin));
    if (!decoded || !after_word) out += text.substr(at, begin - at);
    out += decoded ? *decoded : text.substr(begin, end - begin);
    after_word = decoded.has_value();
    at = end;
  }
  return out;
}

}  // namespace boreal::codec
