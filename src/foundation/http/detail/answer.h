// Answers as bytes.
#pragma once

#include <string>

#include "base/clock.h"
#include "http/message.h"

namespace boreal::http::detail {

// How the body of an answer is told and sent.
struct Framing {
  std::optional<uint64_t> content_length;  // none: no such field
  bool chunked = false;
  bool send_body = true;
  bool keep_alive = true;
};

// `method` is the request's; HTTP/1.0 knows no chunks, there the end of the connection ends the body.
Framing framing_of(const Response& response, std::string_view method, bool is_1_0, bool keep_alive);

// A name or value that would break out of its line; the answer must not be sent then.
bool has_bad_field(const Headers& headers);

// Whether it is told by the connection itself: Content-Length, Date, Connection, Transfer-Encoding.
bool is_framing_field(std::string_view name);

// Writes the status line and fields with the empty line over `out`. Framing fields among the headers are left out: they
// are told by `framing` and `date`.
void write_head(std::string& out, const Response& response, const Framing& framing, std::string_view date);

std::string_view reason_of(int status);

// The Date field's text, made anew once a second.
class DateText {
 public:
  explicit DateText(const Clock& clock) : clock_(clock) {}
  std::string_view get();

 private:
  const Clock& clock_;
  int64_t second_ = -1;
  std::string text_;
};

}  // namespace boreal::http::detail
