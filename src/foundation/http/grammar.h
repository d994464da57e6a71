// Characters and lines of HTTP/1.1 (RFC 9110 5.5-5.6, RFC 9112), shared by the parsers of requests, answers and chunks.
#pragma once

#include <expected>
#include <string_view>
#include <utility>

namespace boreal::http {

// Why a message is not taken: the status to answer, and a text for the client. The text is a literal.
struct Refusal {
  int status;
  std::string_view why;
};

inline std::unexpected<Refusal> refuse(int status, std::string_view why) {
  return std::unexpected(Refusal{status, why});
}

bool is_token(std::string_view text);        // not empty, tchar only
bool is_field_value(std::string_view text);  // printable, blanks, and bytes from 0x80
bool is_target_text(std::string_view text);  // printable ASCII but '#'
bool is_host_text(std::string_view text);    // what a host and port may hold; may be empty
std::string_view trim_blanks(std::string_view text);

// One field line without its CRLF.
std::expected<std::pair<std::string_view, std::string_view>, Refusal> parse_field_line(std::string_view line);

// Calls `visit` with each element of a comma-separated list, trimmed; empty elements are left out.
template <class F>
void for_each_element(std::string_view list, F visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const auto element = trim_blanks(list.substr(0, comma));
    if (!element.empty()) visit(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace boreal::http
