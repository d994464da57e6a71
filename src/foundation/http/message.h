// HTTP/1.1 messages as the server sees them (RFC 9110, 9112).
#pragma once

#include <cstddef>
#include <cstdint>
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
// All text lies in one buffer, so that the head of a request costs two allocations, however many fields it has.
// A view of a name or value (from get() or iteration) is good until the next add(), set() or clear().
class Headers {
 public:
  using Field = std::pair<std::string_view, std::string_view>;
  class Iterator;

  void add(std::string_view name, std::string_view value);  // they may be views of these headers
  // Puts the value in the place of the first field of that name, drops further ones; adds it when there is none.
  void set(std::string_view name, std::string_view value);
  std::optional<std::string_view> get(std::string_view name) const;  // the first
  size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  Iterator begin() const;
  Iterator end() const;
  size_t size() const { return spans_.size(); }
  Field operator[](size_t index) const;
  void clear();
  void reserve(size_t fields, size_t bytes);

 private:
  struct Span {
    uint32_t name_at;
    uint32_t name_size;
    uint32_t value_at;
    uint32_t value_size;
  };
  Span append(std::string_view name, std::string_view value);
  void push(Span span);
  std::string text_;
  std::vector<Span> spans_;
};

class Headers::Iterator {
 public:
  using value_type = Field;
  using difference_type = std::ptrdiff_t;
  Iterator() = default;
  Iterator(const Headers& headers, size_t index) : headers_(&headers), index_(index) {}
  Field operator*() const { return (*headers_)[index_]; }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    const Iterator before = *this;
    ++index_;
    return before;
  }
  bool operator==(const Iterator&) const = default;

 private:
  const Headers* headers_ = nullptr;
  size_t index_ = 0;
};

inline Headers::Iterator Headers::begin() const { return {*this, 0}; }
inline Headers::Iterator Headers::end() const { return {*this, size()}; }

bool equals_ignore_case(std::string_view a, std::string_view b);

struct Request {
  std::string method;
  std::string target;  // as sent: what signatures are computed over
  std::string path;    // the target before '?', still percent-encoded
  std::string query;   // after '?', still percent-encoded; empty when there is none
  Headers headers;
  std::string host;  // lower case, from Host (or the target, when that names one); may carry a port
  net::Address peer;
  std::optional<net::TlsSession> tls;      // none: it came in plain text
  std::optional<uint64_t> content_length;  // none: chunked, or no body
  // The body as it comes, dechunked; never null. `Expect: 100-continue` is answered at the first read.
  // Belongs to the connection: to be read before the handler's answer is ready, not later.
  std::unique_ptr<Source> body;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date, Connection and Transfer-Encoding are the server's to set
  std::string body;
  // Instead of body. Its size(), when known, becomes Content-Length, else the answer is chunked. An error of its
  // read(), or an exception, cuts the connection, so that the client does not take a part for the whole.
  std::unique_ptr<Source> stream;
  std::optional<uint64_t> head_length;  // the Content-Length told for a HEAD answer, when it is not the body's
};

}  // namespace boreal::http
