#include "http/server.h"

#include <unordered_set>

#include "http/detail/connection.h"

namespace boreal::http {

namespace {

class ServerImpl final : public Server {
 public:
  ServerImpl(Options options, Handler handler) : shared_(std::move(options), std::move(handler)) {}

  Result<void> start(net::Loop& loop) {
    TRY(listener_, net::Listener::open(loop, shared_.options.listen, [this](std::unique_ptr<net::Stream> stream) {
          return serve(std::move(stream));
        }));
    return {};
  }
  net::Address address() const override { return listener_->address(); }
  size_t connections() const override { return listener_->connections(); }
  void set_tls(std::shared_ptr<net::TlsServerContext> tls) override { listener_->set_tls(std::move(tls)); }

  Task<void> stop(Duration grace) override {
    shared_.stopping = true;
    for (auto* connection : connections_) connection->close_if_idle();
    co_await listener_->stop(grace);
  }

 private:
  Task<void> serve(std::unique_ptr<net::Stream> stream) {
    detail::Connection connection(shared_, std::move(stream));
    connections_.insert(&connection);
    co_await connection.run();
    connections_.erase(&connection);
  }

  detail::Shared shared_;
  std::unordered_set<detail::Connection*> connections_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(net::Loop& loop, Options options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler));
  CHECK(server->start(loop));
  return server;
}

}  // namespace boreal::http
