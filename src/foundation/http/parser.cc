#include "http/parser.h"

#include <charconv>
#include <cstring>

#include "base/result.h"
#include "http/message.h"

namespace boreal::http {

namespace {

using Check = std::expected<void, Refusal>;

// Takes one line off the front; the scanner has seen to it that each ends in CRLF.
std::string_view take_line(std::string_view& bytes) {
  const size_t end = bytes.find("\r\n");
  const auto line = bytes.substr(0, end);
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 2);
  return line;
}

Check parse_content_length(std::string_view text, std::optional<uint64_t>& length) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return refuse(413, "Content-Length is too large.");
  if (error != std::errc() || stopped != end) return refuse(400, "Content-Length is not a number.");
  if (length && *length != number) return refuse(400, "There are two Content-Length fields that differ.");
  length = number;
  return {};
}

// How the body is framed, gathered over all fields.
struct Framing {
  std::optional<uint64_t> content_length;
  bool chunked = false;

  Check take(std::string_view name, std::string_view value) {
    if (equals_ignore_case(name, "content-length")) return parse_content_length(value, content_length);
    if (!equals_ignore_case(name, "transfer-encoding")) return {};
    if (chunked) return refuse(400, "There is more than one Transfer-Encoding field.");
    if (!equals_ignore_case(value, "chunked"))
      return refuse(501, "The only Transfer-Encoding that is served is 'chunked'.");
    chunked = true;
    return {};
  }
  Check finish() const {
    if (chunked && content_length)
      return refuse(400, "A message has either Transfer-Encoding or Content-Length, not both.");
    return {};
  }
};

Check parse_version(std::string_view text, bool& is_1_0) {
  if (text == "HTTP/1.1") return {};
  is_1_0 = text == "HTTP/1.0";
  if (is_1_0) return {};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool other_version =
      text.starts_with("HTTP/") && text.size() == 8 && digit(text[5]) && text[6] == '.' && digit(text[7]);
  if (other_version) return refuse(505, "Only HTTP/1.1 and HTTP/1.0 are served.");
  return refuse(400, "The request line does not end in an HTTP version.");
}

// origin-form, absolute-form or "*" (RFC 9112 3.2).
Check parse_target(RequestHead& head) {
  if (head.method == "CONNECT") return refuse(501, "CONNECT is not served.");
  std::string_view rest = head.target;
  if (rest.empty() || !is_target_text(rest))
    return refuse(400, "The request target is empty or has a character that is not allowed.");
  if (rest == "*") {
    if (head.method != "OPTIONS") return refuse(400, "The request target '*' is for OPTIONS only.");
    head.path = rest;
    return {};
  }
  if (rest.front() != '/') {
    const size_t scheme = equals_ignore_case(rest.substr(0, 7), "http://")    ? 7
                          : equals_ignore_case(rest.substr(0, 8), "https://") ? 8
                                                                              : 0;
    if (scheme == 0) return refuse(400, "The request target does not begin with '/'.");
    rest.remove_prefix(scheme);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    head.host = rest.substr(0, end);
    if (head.host.empty() || !is_host_text(head.host))
      return refuse(400, "The host in the request target is not allowed.");
    rest.remove_prefix(end);
  }
  const size_t mark = std::min(rest.find('?'), rest.size());
  head.path = mark == 0 ? "/" : rest.substr(0, mark);
  head.query = rest.substr(std::min(mark + 1, rest.size()));
  return {};
}

Check parse_request_line(std::string_view line, RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "The request line is not 'method target version'.");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  if (!is_token(head.method)) return refuse(400, "The request method has a character that is not allowed.");
  CHECK(parse_version(line.substr(last + 1), head.is_1_0));
  return parse_target(head);
}

// The field that came last. A host in the target goes before, and what the field says is not to be looked at (RFC 9112
// 3.2.2): so it says the same from here on, else a signature over the field would stand for a request to another host.
Check take_host(RequestHead& head, bool& seen) {
  if (seen) return refuse(400, "There is more than one Host field.");
  seen = true;
  std::string_view& value = head.fields.back().second;
  if (!is_host_text(value)) return refuse(400, "The Host field has a character that is not allowed.");
  if (head.host.empty()) head.host = value;
  if (!equals_ignore_case(value, head.host)) value = head.host;
  return {};
}

// Whether it is a Connection field that ends the connection.
bool is_close(const std::pair<std::string_view, std::string_view>& field) {
  if (!equals_ignore_case(field.first, "connection")) return false;
  bool close = false;
  for_each_element(field.second,
                   [&](std::string_view option) { close = close || equals_ignore_case(option, "close"); });
  return close;
}

}  // namespace

std::expected<void, Refusal> HeadScanner::check_limits(size_t seen) const {
  if (fields_start_ == 0) {
    if (seen - start_ > limits_.line_bytes) return refuse(414, "The request line is too long.");
  } else if (seen - fields_start_ > limits_.header_bytes) {
    return refuse(431, "The header fields are too large.");
  } else if (fields_ > limits_.header_count) {
    return refuse(431, "There are too many header fields.");
  }
  return {};
}

std::expected<size_t, Refusal> HeadScanner::scan(std::string_view bytes) {
  if (bytes.size() == scanned_) return 0;
  if (scanned_ == 0 && !bytes.empty() && bytes[0] != '\r' && !is_token(bytes.substr(0, 1))) {
    return refuse(400, "This is not an HTTP request.");
  }
  while (const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_)) {
    const auto at = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    scanned_ = at + 1;
    if (at == line_start_ || bytes[at - 1] != '\r') return refuse(400, "A line does not end in CR LF.");
    const bool empty_line = at == line_start_ + 1;
    line_start_ = scanned_;
    if (fields_start_ == 0 && empty_line) {
      if (start_ != 0) return refuse(400, "The request begins with empty lines.");
      start_ = scanned_;
      continue;
    }
    if (!empty_line) fields_ += fields_start_ == 0 ? 0 : 1;
    CHECK(check_limits(at + 1));
    if (empty_line) return scanned_;
    if (fields_start_ == 0) fields_start_ = scanned_;
  }
  scanned_ = bytes.size();
  CHECK(check_limits(scanned_));
  return 0;
}

std::expected<void, Refusal> parse_request_head(std::string_view bytes, RequestHead& head) {
  auto fields = std::move(head.fields);
  fields.clear();
  head = {};
  head.fields = std::move(fields);

  CHECK(parse_request_line(take_line(bytes), head));
  Framing framing;
  bool host_seen = false;
  bool close = head.is_1_0;
  for (auto line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    TRY(const auto field, parse_field_line(line));
    const auto [name, value] = field;
    head.fields.push_back(field);
    CHECK(framing.take(name, value));
    if (equals_ignore_case(name, "host")) {
      CHECK(take_host(head, host_seen));
    } else if (is_close(field)) {
      close = true;
    } else if (equals_ignore_case(name, "expect")) {
      // Others are passed over, as RFC 9110 (10.1.1) lets a server: clients in the field send what nobody knows.
      if (equals_ignore_case(value, "100-continue")) head.expects_continue = !head.is_1_0;
    }
  }
  CHECK(framing.finish());
  if (head.is_1_0 && framing.chunked) return refuse(400, "HTTP/1.0 has no Transfer-Encoding.");
  if (!head.is_1_0 && !host_seen) return refuse(400, "The request has no Host field.");
  head.content_length = framing.content_length;
  head.chunked = framing.chunked;
  head.keep_alive = !close;
  return {};
}

std::expected<void, Refusal> parse_response_head(std::string_view bytes, ResponseHead& head) {
  head = {};
  const auto line = take_line(bytes);
  const bool is_1_0 = line.starts_with("HTTP/1.0 ");
  const bool known = line.starts_with("HTTP/1.1 ") || is_1_0;
  const auto digits = line.substr(std::min<size_t>(9, line.size()), 3);
  const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), head.status);
  const bool ended = line.size() == 12 || (line.size() > 12 && line[12] == ' ');
  if (!known || !ended || error != std::errc() || stopped != digits.data() + 3 || head.status < 100) {
    return refuse(502, "The answer does not begin with an HTTP/1 status line.");
  }
  Framing framing;
  bool close = is_1_0;
  for (auto field_line = take_line(bytes); !field_line.empty(); field_line = take_line(bytes)) {
    TRY(const auto field, parse_field_line(field_line));
    head.fields.push_back(field);
    CHECK(framing.take(field.first, field.second));
    close = close || is_close(field);
  }
  CHECK(framing.finish());
  head.content_length = framing.content_length;
  head.chunked = framing.chunked;
  head.keep_alive = !close;
  return {};
}

}  // namespace boreal::http
