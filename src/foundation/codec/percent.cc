#include "codec/percent.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/hex.h"

namespace boreal::codec {
namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

// The byte that the escape at `at` stands for, or -1.
int escaped_byte(std::string_view text, size_t at) {
  if (at + 2 >= text.size()) return -1;
  int high = hex_digit(text[at + 1]);
  int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

Result<std::string> decode(std::string_view text, Plus plus, bool strict) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::space) c = ' ';
    if (c == '%') {
      int byte = escaped_byte(text, i);
      if (byte < 0 && strict) {
        return fail(Errc::invalid, fmt::format("offset {}: % must be followed by two hexadecimal digits", i));
      }
      if (byte >= 0) {
        c = static_cast<char>(byte);
        i += 2;
      }
    }
    out += c;
  }
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text, Slash slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (char c : text) {
    if (is_unreserved(c) || (c == '/' && slash == Slash::keep)) {
      out += c;
    } else {
      out += '%';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text, Plus plus) { return decode(text, plus, true); }

std::string percent_decode_leniently(std::string_view text, Plus plus) { return *decode(text, plus, false); }

Result<std::vector<NamedValue>> parse_query(std::string_view text, size_t max_pairs) {
  std::vector<NamedValue> pairs;
  while (!text.empty()) {
    std::string_view piece = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (piece.empty()) continue;
    if (pairs.size() == max_pairs) {
      return fail(Errc::too_large, fmt::format("more than {} parameters; that many are accepted", max_pairs));
    }
    size_t equals = std::min(piece.find('='), piece.size());
    TRY(std::string name, decode(piece.substr(0, equals), Plus::space, true));
    TRY(std::string value, decode(piece.substr(std::min(equals + 1, piece.size())), Plus::space, true));
    pairs.push_back({std::move(name), std::move(value)});
  }
  return pairs;
}

}  // namespace boreal::codec
