// A small HTTP/1.1 client: one request, one whole answer. For commands, health checks and peers.
// What is sent may be a stream; it is never in memory as a whole. Connections last for one request, unless they are
// kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/stream.h"
#include "http/message.h"
#include "net/stream.h"
#include "net/stream_group.h"

namespace boreal::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Content-Length and Connection are the client's to set; Host is the address when it is not given
  std::string body;
  // Instead of body: read while it is sent. Its size() is known; it outlives the call. Its error ends the exchange, and
  // is what fetch() answers.
  Source* stream = nullptr;
  // Of a stream: the server is asked first (100-continue), so that what it refuses is not sent.
  bool ask_first = false;
};

struct ClientAnswer {
  int status = 0;
  Headers headers;
  std::string body;
};

// Connections between requests. Those that nobody used for some seconds are closed at the next look.
// Thread rule: the loop of its streams. Outlives the calls that use it.
class KeptConnections {
 public:
  // `server`: its address and the name that its certificate was to have. Null: none is there.
  std::unique_ptr<net::Stream> take(const std::string& server);
  void keep(std::string server, std::unique_ptr<net::Stream> stream);
  void clear() { kept_.clear(); }
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    std::string server;
    std::unique_ptr<net::Stream> stream;
    int64_t since_ns;
  };
  void drop_old();
  std::vector<Kept> kept_;  // the oldest first
};

struct ClientOptions {
  net::ConnectOptions connect;
  std::shared_ptr<net::TlsClientContext> tls;  // none: plain
  std::string server_name;                     // what the certificate must name; empty: the address
  Duration timeout{30'000};                    // for the whole exchange, after the connection stands
  // Not zero: instead of `timeout`, how long each wait for the server may be; as long as bytes move it may take
  // forever.
  Duration idle_timeout{0};
  net::StreamGroup* group = nullptr;  // closing it ends the exchange with Errc::cancelled; outlives the call
  size_t max_body_bytes = 16 << 20;
  // Where connections come from and go to. On one that the server has closed meanwhile the request is sent again over a
  // new one: so requests that must not be sent twice (POST) never begin on a kept one.
  KeptConnections* kept = nullptr;
};

// Errc::too_large when the answer's body is larger than allowed, Errc::invalid when it is not HTTP/1.
Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options = {});

}  // namespace boreal::http
