#include "http/grammar.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace boreal::http {

namespace {

enum Class : uint8_t { token = 1, target = 2, host = 4 };

constexpr auto classes = [] {
  std::array<uint8_t, 256> table{};
  auto mark = [&](std::string_view characters, uint8_t bits) {
    for (const char c : characters) table[static_cast<unsigned char>(c)] |= bits;
  };
  for (unsigned c = 0x21; c < 0x7f; ++c) table[c] |= target;
  table['#'] &= static_cast<uint8_t>(~target);
  for (unsigned c = '0'; c <= '9'; ++c) table[c] |= token | host;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] |= token | host;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] |= token | host;
  mark("!#$%&'*+-.^_`|~", token);
  mark("-._~%!$&'()*+,;=:[]", host);
  return table;
}();

bool all_are(std::string_view text, Class wanted) {
  return std::ranges::all_of(text, [wanted](char c) { return (classes[static_cast<unsigned char>(c)] & wanted) != 0; });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && all_are(text, token); }
bool is_field_value(std::string_view text) {
  // Without a way out in the middle, so that many characters are looked at at once: values are long, and are good.
  bool is_good = true;
  for (const char c : text) is_good &= (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t';
  return is_good;
}
bool is_target_text(std::string_view text) { return all_are(text, target); }
bool is_host_text(std::string_view text) { return all_are(text, host); }

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::expected<std::pair<std::string_view, std::string_view>, Refusal> parse_field_line(std::string_view line) {
  if (line.empty() || is_blank(line.front())) return refuse(400, "A header field continues on a second line.");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "A header field has no colon.");
  const auto name = line.substr(0, colon);
  if (!is_token(name))
    return refuse(400, "The name of a header field is empty or has a character that is not allowed.");
  const auto field_value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(field_value)) return refuse(400, "The value of a header field has a control character.");
  return std::pair(name, field_value);
}

}  // namespace boreal::http
