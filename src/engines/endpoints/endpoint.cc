#include "endpoints/endpoint.h"

#include <algorithm>
#include <array>
#include <list>
#include <map>

#include "base/log.h"
#include "base/sync.h"
#include "endpoints/first_packet.h"

namespace boreal::endpoints {

namespace {

// Beyond those that are served, so that others hear why they are not: this many for whom there is no room, and this
// many who are not let in.
constexpr size_t spare_places = 64;

// One client, from accept to the end; lives in the handler's frame.
struct Session {
  net::Stream* client = nullptr;  // null while a handshake owns it
  net::Stream* server = nullptr;  // null until connected
  net::Address target;
  bool is_outsider = false;  // not let in when it came
};

bool contains(const std::vector<net::Address>& list, const net::Address& one) {
  return std::ranges::any_of(list, [&](const net::Address& a) { return a.host == one.host && a.port == one.port; });
}

// Reads until the first packet can be told; what was read is to be passed on.
Task<Result<std::pair<FirstPacket, std::string>>> read_first_packet(net::Stream& client, Duration timeout) {
  std::string begin;
  std::array<std::byte, 4096> buffer;
  client.expire_after(timeout);
  for (;;) {
    CO_TRY(const size_t got, co_await client.read_some(buffer));
    if (got == 0) co_return fail(Errc::cancelled, "the client hung up before it said anything");
    begin += as_text(std::span(buffer).first(got));
    if (const auto kind = classify(as_bytes(begin))) {
      client.expire_after(Duration(0));
      co_return std::pair{*kind, std::move(begin)};
    }
  }
}

class RelayEndpoint final : public Endpoint {
 public:
  RelayEndpoint(net::Loop& loop, Options options, Filter filter)
      : loop_(loop), options_(std::move(options)), filter_(std::move(filter)) {}

  Result<void> listen() {
    net::Listener::Options listen{.address = options_.listen};
    listen.max_connections = options_.max_connections + 2 * spare_places;
    TRY(listener_, net::Listener::open(loop_, std::move(listen), [this](std::unique_ptr<net::Stream> client) {
          return serve(std::move(client));
        }));
    return {};
  }

  void set_targets(Targets targets) override {
    targets_ = std::move(targets);
    close_where([this](const Session& session) {
      return session.server && !contains(targets_.preferred, session.target) &&
             !contains(targets_.fallback, session.target);
    });
  }

  void recheck_clients() override {
    close_where([this](const Session& session) { return !filter_(session.client->peer()); });
  }

  void set_tls(std::shared_ptr<net::TlsServerContext> tls) override { options_.tls = std::move(tls); }

  net::Address address() const override { return listener_->address(); }
  size_t connections() const override { return sessions_.size(); }

  Task<void> stop() override {
    stopping_ = true;
    close_where([](const Session&) { return true; });
    co_await listener_->stop(Duration(0));
  }

 private:
  template <class Predicate>
  void close_where(Predicate predicate) {
    for (Session* session : sessions_) {
      if (!session->client || !predicate(*session)) continue;
      session->client->close();
      if (session->server) session->server->close();
    }
  }

  Task<void> serve(std::unique_ptr<net::Stream> client) {
    const net::Address from = client->peer();
    Session session{.client = client.get(), .is_outsider = !filter_(from)};
    if (session.is_outsider && outsiders_ == spare_places) co_return;
    const auto place = sessions_.insert(sessions_.end(), &session);
    if (session.is_outsider) ++outsiders_;
    if (auto done = co_await serve_session(session, std::move(client)); !done) {
      log::debug("endpoints", "connection ended",
                 {{"endpoint", options_.name}, {"client", from.to_string()}, {"why", done.error().message()}});
    }
    sessions_.erase(place);
    if (session.is_outsider) --outsiders_;
  }

  Task<Result<void>> serve_session(Session& session, std::unique_ptr<net::Stream> client) {
    const bool within_limit = sessions_.size() - outsiders_ <= options_.max_connections;
    const net::Address from = client->peer();
    const Duration patience = session.is_outsider ? options_.hang_up_timeout : options_.first_packet_timeout;
    CO_TRY(auto first, co_await read_first_packet(*client, patience));
    if (first.first == FirstPacket::malformed) co_return fail(Errc::invalid, "this is not the PostgreSQL protocol");
    if (session.is_outsider || !filter_(from)) {
      co_return co_await refuse(session, std::move(client), first.first, "28000",
                                "no rule of this database's network lets in connections from " + from.host);
    }
    if (first.first == FirstPacket::cancel) co_return co_await pass_cancel(std::move(first.second));
    if (!within_limit) {
      co_return co_await refuse(session, std::move(client), first.first, "53300",
                                "sorry, " + options_.name + " has too many clients already");
    }
    auto server = co_await connect_to_any(session);
    if (!server) {
      co_return co_await refuse(session, std::move(client), first.first, "57P03", server.error().message());
    }
    const auto passed = co_await (*server)->write(as_bytes(first.second));
    if (passed) co_await net::relay(*client, **server, options_.hang_up_timeout);
    const std::string target = session.target.to_string();
    session = {};  // the streams go now
    if (--used_[target] == 0) used_.erase(target);
    co_return passed;
  }

  size_t used(const net::Address& target) const {
    const auto found = used_.find(target.to_string());
    return found == used_.end() ? 0 : found->second;
  }

  // The least used target that answers. On success session.server and session.target are set and counted.
  Task<Result<std::unique_ptr<net::Stream>>> connect_to_any(Session& session) {
    std::vector<net::Address> order = targets_.preferred;
    std::ranges::sort(order, {}, [this](const net::Address& a) { return used(a); });
    // Of equally used ones the next in turn, so that short connections are spread too.
    if (!order.empty()) {
      const auto ties = std::ranges::count_if(order, [&](const net::Address& a) { return used(a) == used(order[0]); });
      std::rotate(order.begin(), order.begin() + static_cast<ptrdiff_t>(turn_++ % static_cast<size_t>(ties)),
                  order.begin() + ties);
    }
    order.insert(order.end(), targets_.fallback.begin(), targets_.fallback.end());
    for (const net::Address& target : order) {
      auto server = co_await net::connect(loop_, target, {options_.bind_host, options_.connect_timeout});
      const bool still_meant = contains(targets_.preferred, target) || contains(targets_.fallback, target);
      if (!server || !still_meant || stopping_) continue;
      session.server = server->get();
      session.target = target;
      ++used_[target.to_string()];
      co_return std::move(*server);
    }
    co_return fail(Errc::unavailable,
                   "the database behind " + options_.name + " is not accepting connections at the moment");
  }

  // The key in it means something to one server only; the others ignore it, as PostgreSQL does with any wrong key.
  Task<Result<void>> pass_cancel(std::string packet) {
    std::vector<net::Address> all = targets_.preferred;
    all.insert(all.end(), targets_.fallback.begin(), targets_.fallback.end());
    for (const net::Address& target : all) {
      auto server = co_await net::connect(loop_, target, {options_.bind_host, options_.connect_timeout});
      if (!server) continue;
      (*server)->expire_after(options_.hang_up_timeout);
      if (!co_await (*server)->write(as_bytes(packet))) continue;  // it may be another's query
      // The server hangs up when it has signalled: the client may rely on that order.
      std::array<std::byte, 16> nothing;
      (void)co_await (*server)->read_some(nothing);
    }
    co_return Result<void>();
  }

  // A client that begins with the question for encryption shows a refusal only after that is settled.
  Task<Result<void>> refuse(Session& session, std::unique_ptr<net::Stream> client, FirstPacket begin,
                            std::string sqlstate, std::string message) {
    constexpr int max_questions = 3;
    for (int i = 0; i < max_questions && (begin == FirstPacket::tls_request || begin == FirstPacket::gss_request);
         ++i) {
      const bool tls = begin == FirstPacket::tls_request && options_.tls && !client->tls();
      client->expire_after(options_.hang_up_timeout);
      CO_CHECK(co_await client->write(as_bytes(std::string_view(tls ? "S" : "N"))));
      if (tls) {
        session.client = nullptr;
        CO_TRY(client, co_await net::accept_tls(std::move(client), options_.tls, options_.hang_up_timeout));
        session.client = client.get();
      }
      CO_TRY(const auto next, co_await read_first_packet(*client, options_.hang_up_timeout));
      begin = next.first;
    }
    const std::string packet = fatal_error(sqlstate, message);
    client->expire_after(options_.hang_up_timeout);
    CO_CHECK(co_await client->write(as_bytes(packet)));
    client->shutdown_write();
    // Closing with unread bytes would reset the connection and take the message with it.
    std::array<std::byte, 512> rest;
    for (int reads = 0; reads < 64; ++reads) {
      const auto got = co_await client->read_some(rest);
      if (!got || *got == 0) break;
    }
    co_return Result<void>();
  }

  net::Loop& loop_;
  Options options_;
  const Filter filter_;
  Targets targets_;
  std::unique_ptr<net::Listener> listener_;
  std::list<Session*> sessions_;
  size_t outsiders_ = 0;                // of the sessions
  std::map<std::string, size_t> used_;  // connections by target; no entry for none
  size_t turn_ = 0;
  bool stopping_ = false;
};

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::open(net::Loop& loop, Options options, Filter filter) {
  auto endpoint = std::make_unique<RelayEndpoint>(loop, std::move(options), std::move(filter));
  CHECK(endpoint->listen());
  return endpoint;
}

}  // namespace boreal::endpoints
