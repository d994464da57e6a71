// HTTP/1.1 messages as the server sees them (RFC 9110, 9112).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"
#include "net/stream.h"

namespace boreal::http {

// Header fields in the order they came. Names compare without case; values are trimmed of outer blanks.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);
  std::optional<std::string_view> get(std::string_view name) const;  // the first
  size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

bool equals_ignore_case(std::string_view a, std::string_view b);

struct Request {
  std::string method;
  std::string target;  // as sent: what signatures are computed over
  std::string path;    // the target before '?', still percent-encoded
  std::string query;   // after '?', still percent-encoded; empty when there is none
  Headers headers;
  std::string host;    // Host header, lower case
  net::Address peer;
  bool secure = false;
  std::optional<uint64_t> content_length;  // none: chunked, or no body
  // The body as it comes, dechunked; never null. `Expect: 100-continue` is answered at the first read.
  std::unique_ptr<Source> body;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date, Connection and Transfer-Encoding are the server's to set
  std::string body;
  std::unique_ptr<Source> stream;  // instead of body; its size(), when known, becomes Content-Length, else chunked
  std::optional<uint64_t> head_length;  // the Content-Length told for a HEAD answer, when it is not the body's
};

}  // namespace boreal::http
