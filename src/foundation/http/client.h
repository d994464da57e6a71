// A small HTTP/1.1 client: one request, one whole answer, one connection. For commands, health checks and peers.
#pragma once

#include <memory>
#include <string>

#include "http/message.h"
#include "net/stream.h"

namespace boreal::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Content-Length and Connection are the client's to set; Host is the address when it is not given
  std::string body;
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
  size_t max_body_bytes = 16 << 20;
};

// Errc::too_large when the answer's body is larger than allowed, Errc::invalid when it is not HTTP/1.
Task<Result<ClientAnswer>> fetch(net::Loop& loop, net::Address to, ClientRequest request, ClientOptions options = {});

}  // namespace boreal::http
