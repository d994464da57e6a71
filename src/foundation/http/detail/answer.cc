#include "http/detail/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "codec/time.h"
#include "http/grammar.h"

namespace boreal::http::detail {

bool is_framing_field(std::string_view name) {
  return equals_ignore_case(name, "content-length") || equals_ignore_case(name, "date") ||
         equals_ignore_case(name, "connection") || equals_ignore_case(name, "transfer-encoding");
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "";
  }
}

Framing framing_of(const Response& response, std::string_view method, bool is_1_0, bool keep_alive) {
  Framing framing{.keep_alive = keep_alive};
  const bool is_head = method == "HEAD";
  const bool never_a_body = response.status < 200 || response.status == 204;
  framing.send_body = !is_head && !never_a_body && response.status != 304;
  if (never_a_body) return framing;
  framing.content_length = response.stream ? response.stream->size() : response.body.size();
  if (is_head && response.head_length) framing.content_length = response.head_length;
  // A 304 tells the length of what it stands for, if anything; it has none of its own.
  if (response.status == 304) framing.content_length = response.head_length;
  if (response.stream && !framing.content_length && response.status != 304) {
    framing.chunked = !is_1_0;
    framing.keep_alive = keep_alive && !is_1_0;
  }
  return framing;
}

bool has_bad_field(const Headers& headers) {
  return std::ranges::any_of(headers.begin(), headers.end(), [](const Headers::Field& field) {
    return !is_token(field.first) || !is_field_value(field.second);
  });
}

void write_head(std::string& out, const Response& response, const Framing& framing, std::string_view date) {
  out.clear();
  auto end = std::back_inserter(out);
  fmt::format_to(end, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_of(response.status), date);
  if (framing.content_length) fmt::format_to(end, "Content-Length: {}\r\n", *framing.content_length);
  if (framing.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (!framing.keep_alive) out += "Connection: close\r\n";
  for (const auto [name, value] : response.headers) {
    if (is_framing_field(name)) continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  out += "\r\n";
}

std::string_view DateText::get() {
  const Time now = clock_.now();
  const int64_t second = now.ms / 1000;
  if (second != second_) {
    text_ = codec::format_http_date(now);
    second_ = second;
  }
  return text_;
}

}  // namespace boreal::http::detail
