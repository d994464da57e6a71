// An address that clients connect to, in front of whichever server is meant at the moment.
//
// A connection is let in by the caller's filter, then its bytes are passed on as they are: TLS, passwords
// and everything after them are between the client and the server. Only the first packet is looked at, for
// two things: a refusal can be said in the server's own protocol, and a cancel request (which comes on a
// connection of its own, without saying whose query it means) goes to all servers that it may concern.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/stream.h"

namespace boreal::endpoints {

// Where connections go: to the least used of `preferred`; if there is none, or none answers, to `fallback`.
// A writer's endpoint prefers the primary and has no fallback; a reader's prefers the standbys and falls
// back to the primary.
struct Targets {
  std::vector<net::Address> preferred;
  std::vector<net::Address> fallback;
};

// Thread rule: the loop's thread only.
class Endpoint {
 public:
  struct Options {
    std::string name;     // for messages to clients and the log
    net::Address listen;  // port 0: the system gives one
    // The source address towards servers, which their access rules must let in; empty: the system's choice.
    std::string bind_host;
    // For refusals only, so that clients who insist on TLS hear them; none: they hear that there is no TLS.
    std::shared_ptr<net::TlsServerContext> tls;  // shared: see net/stream.h
    size_t max_connections = 1000;
    Duration first_packet_timeout{10'000};
    Duration connect_timeout{5'000};
    // For clients that are refused, or whose server has hung up.
    Duration hang_up_timeout{2'000};
  };
  // Whether a client at this address may come in. Called for every connection as it comes, so that a change of rules
  // counts from the next one on.
  using Filter = std::function<bool(const net::Address& client)>;

  // Listens from now on; refuses everyone (57P03) until targets are set. The filter lives as long as the endpoint.
  static Result<std::unique_ptr<Endpoint>> open(net::Loop& loop, Options options, Filter filter);
  virtual ~Endpoint() = default;

  // New connections go to these from now on. Connections to servers that are no longer among them are closed.
  virtual void set_targets(Targets targets) = 0;
  // Closes the connections of clients that the filter, asked again, does not let in.
  virtual void recheck_clients() = 0;
  // In place of Options::tls from now on.
  virtual void set_tls(std::shared_ptr<net::TlsServerContext> tls) = 0;

  virtual net::Address address() const = 0;
  virtual size_t connections() const = 0;
  // Closes the listener and every connection; returns when all have ended.
  virtual Task<void> stop() = 0;
};

}  // namespace boreal::endpoints
