// The HTTP/1.1 server: strict grammar, keep-alive, limits, time-outs, graceful stop.
#pragma once

#include <functional>
#include <memory>

#include "http/message.h"
#include "net/stream.h"

namespace boreal::http {

struct Limits {
  size_t request_line_bytes = 8 << 10;
  size_t header_bytes = 64 << 10;
  size_t header_count = 500;
  Duration header_timeout{10'000};  // for the whole head, from its first byte
  Duration idle_timeout{60'000};    // between requests on a kept connection
  Duration body_timeout{30'000};    // for each read of a body and each write of an answer
};

// Called once a request on the connection's loop, and ends there. An exception is a bug: it is logged and answered
// with 500. What is left of the body when the answer is ready is read and dropped if it is small, else the connection
// is closed after the answer.
using Handler = std::function<Task<Response>(Request&)>;

struct Options {
  net::Listener::Options listen;
  Limits limits;
  // Makes the answer to what the server itself refuses (a head that is not HTTP, a limit, a failed answer) in the
  // product's own form; the connection ends with it. None: plain text.
  std::function<Response(int status, std::string_view why)> refusal;
  const Clock* clock = nullptr;  // tells the Date field; must outlive the server. None: the system's time
};

// Must be stopped before it is destroyed.
class Server {
 public:
  static Result<std::unique_ptr<Server>> open(net::Loop& loop, Options options, Handler handler);
  virtual ~Server() = default;
  virtual net::Address address() const = 0;
  virtual size_t connections() const = 0;
  // Takes no more requests: idle connections end now, the others after their answer, or after `grace`, whatever they
  // are at. Returns when all have ended.
  virtual Task<void> stop(Duration grace) = 0;
};

}  // namespace boreal::http
