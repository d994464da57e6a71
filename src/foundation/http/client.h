// A small HTTP/1.1 client: one request, one whole answer, one connection. For commands, health checks and peers.
// What is sent may be a stream; it is never in memory as a whole.
#pragma once

#include <memory>
#include <string>

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

struct ClientOptions {
  net::ConnectOptions connect;
  std::shared_ptr<net::TlsClientContext> tls;  // none: plain
  std::string server_name;                     // what the certificate must name; empty: the address
  Duration timeout{30'000};                    // for the whole exchange, after the connection stands
  // Not zero: instead of `timeout`, how long each wait for the server may be; as long as bytes move it may take forever.
  Duration idle_timeout{0};
  net::StreamGroup* group = nullptr;  // closing it ends the exchange with Errc::cancelled; outlives the call
  size_t max_body_bytes = 16 << 20;
};

// Errc::too_large when the answer's body is larger than allowed, Errc::invalid when it is not HTTP/1.
Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options = {});

}  // namespace boreal::http
