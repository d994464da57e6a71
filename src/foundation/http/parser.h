// The head of a request, strictly by RFC 9112: what two readers could understand differently is refused, so that
// nothing behind a proxy can be smuggled. No I/O: it looks at the bytes that have come so far.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "http/grammar.h"

namespace boreal::http {

struct HeadLimits {
  size_t line_bytes = 8 << 10;     // request line
  size_t header_bytes = 64 << 10;  // all header fields
  size_t header_count = 500;
};

// Finds the end of a head in bytes that come bit by bit; each byte is looked at once. Refuses early what can no longer
// become a head: lines without CR, and what is larger than allowed.
class HeadScanner {
 public:
  explicit HeadScanner(HeadLimits limits) : limits_(limits) {}
  // `bytes` is all that has come since the head began. Returns the length of the head with its empty line; 0: more is
  // needed.
  std::expected<size_t, Refusal> scan(std::string_view bytes);
  void reset() { *this = HeadScanner(limits_); }
  // Where the request line begins: one empty line in front of it is forgiven (RFC 9112 2.2).
  size_t start() const { return start_; }

 private:
  std::expected<void, Refusal> check_limits(size_t seen) const;
  HeadLimits limits_;
  size_t start_ = 0;
  size_t scanned_ = 0;
  size_t line_start_ = 0;
  size_t fields_start_ = 0;  // 0: the first line has not ended yet
  size_t fields_ = 0;
};

// What a head says; all views are into the bytes that were parsed.
struct RequestHead {
  std::string_view method;
  std::string_view target;  // as sent
  std::string_view path;    // begins with '/', or is "*"
  std::string_view query;
  std::string_view host;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::optional<uint64_t> content_length;  // none: no such field
  bool chunked = false;
  bool is_1_0 = false;  // HTTP/1.0: one request a connection, no chunks
  bool keep_alive = true;
  bool expects_continue = false;
};

// Parses a whole head, as found by HeadScanner (from start() to its end). `head` is overwritten; its vector is reused.
std::expected<void, Refusal> parse_request_head(std::string_view bytes, RequestHead& head);

// The head of an answer, for the client: the same rules for its lines.
struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;  // as far as the head tells; a body that has no length ends with the connection
};
std::expected<void, Refusal> parse_response_head(std::string_view bytes, ResponseHead& head);

}  // namespace boreal::http
