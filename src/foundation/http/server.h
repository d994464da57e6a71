// The HTTP/1.1 server: strict grammar, keep-alive, limits, time-outs, graceful stop.
#pragma once

#include <array>
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
  // For each write, and for each read of a small body, where most connections are taken and somebody wants a place.
  Duration crowded_timeout{5'000};
  // The least that a body must bring while it is waited for, its first `body_timeout` apart: else a byte now and then
  // would hold a connection for hours. Far below any line that somebody uploads by.
  uint64_t body_bytes_per_second = 1024;
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

// Since the server was opened, but for what is now.
struct Figures {
  uint64_t connections = 0;              // now
  uint64_t requests_under_way = 0;       // now: from their heads to the last byte of their answers
  std::array<uint64_t, 5> answers = {};  // 1xx to 5xx, refusals of the server's own among them
  uint64_t bytes_received = 0;           // as HTTP has them: heads and framing too, TLS not
  uint64_t bytes_sent = 0;
};

// Must be stopped before it is destroyed.
class Server {
 public:
  static Result<std::unique_ptr<Server>> open(net::Loop& loop, Options options, Handler handler);
  virtual ~Server() = default;
  virtual net::Address address() const = 0;
  virtual Figures figures() const = 0;  // from any thread
  // Closes the connections that are at a request, but for the one with this peer: who waits there for its client gets
  // an error. Returns when all are told, not when they have ended.
  virtual Task<void> cut(net::Address but) = 0;
  // Takes no more requests: idle connections end now, the others after their answer, or after `grace`, whatever they
  // are at. Returns when all have ended.
  virtual Task<void> stop(Duration grace) = 0;
};

}  // namespace boreal::http
