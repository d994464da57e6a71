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
  size_t header_count = 100;
  Duration header_timeout{10'000};  // for the whole head, from its first byte
  Duration idle_timeout{60'000};    // between requests on a kept connection
  Duration body_timeout{30'000};    // for each read of a body and each write of an answer
};

// Called once a request, on the loop. What is left of the body when the answer is ready is read and
// dropped if it is small, else the connection is closed after the answer.
using Handler = std::function<Task<Response>(Request&)>;

// What the parser says of a head that is refused; the server answers and closes the connection.
// `refusal` makes the answer's body in the product's own form: refusal(status, "why").
struct Options {
  net::Listener::Options listen;
  Limits limits;
  std::function<Response(int status, std::string_view why)> refusal;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> open(net::Loop& loop, Options options, Handler handler);
  virtual ~Server() = default;
  virtual net::Address address() const = 0;
  virtual Task<void> stop(Duration grace) = 0;
};

}  // namespace boreal::http
