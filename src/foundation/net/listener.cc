#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/sync.h"
#include "net/detail/socket.h"

namespace boreal::net {

namespace {

using detail::Direction;

constexpr std::byte tls_handshake_record{0x16};
constexpr int backlog = 1024;
constexpr Duration pause_when_exhausted{50};

class ListenerImpl final : public Listener {
 public:
  ListenerImpl(Loop& loop, Options options, Handler handler, int fd)
      : loop_(loop), options_(std::move(options)), handler_(std::move(handler)), fd_(fd), watch_(loop.reactor()) {}
  ~ListenerImpl() override { stop_accepting(); }

  Result<void> start();
  Address address() const override { return address_; }
  size_t connections() const override { return connections_; }
  void set_tls(std::shared_ptr<TlsServerContext> tls) override { options_.tls = std::move(tls); }
  Task<void> stop(Duration grace) override;

 private:
  class EndOfGrace final : public detail::Timer {
   public:
    explicit EndOfGrace(ListenerImpl& listener) : listener_(listener) {}

   private:
    void fire() override { listener_.close_all(); }
    ListenerImpl& listener_;
  };

  Task<void> accept_all();
  Task<void> serve(std::unique_ptr<detail::SocketStream> socket);
  Task<Result<std::unique_ptr<Stream>>> greet(std::unique_ptr<detail::SocketStream> socket);
  void stop_accepting();
  void close_all();

  Loop& loop_;
  Options options_;
  Handler handler_;
  int fd_;
  detail::Watch watch_;
  Address address_;
  size_t connections_ = 0;
  Event slot_free_;
  detail::StreamLink open_;  // head of the list of connections
  TaskGroup handlers_;
  TaskGroup accepting_;
  EndOfGrace end_of_grace_{*this};
  bool stopping_ = false;
};

Result<void> ListenerImpl::start() {
  detail::SocketAddress bound;
  if (getsockname(fd_, bound.get(), &bound.length) != 0) return std::unexpected(Error::system(errno, "getsockname"));
  address_ = bound.to_address();
  CHECK(watch_.open(fd_));
  accepting_.spawn(accept_all());
  return {};
}

Task<void> ListenerImpl::accept_all() {
  while (!stopping_) {
    if (connections_ >= options_.max_connections) {
      slot_free_.reset();
      co_await slot_free_.wait();
      continue;
    }
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (auto socket = detail::SocketStream::make(loop_.reactor(), fd)) {
        ++connections_;
        open_.push((*socket)->link);
        handlers_.spawn(serve(std::move(*socket)));
      } else {
        log::warn("net", "a connection was dropped", {{"error", socket.error().message()}});
      }
    } else if (errno == EAGAIN) {
      watch_.exhausted(Direction::in);
      co_await watch_.wait(Direction::in);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log::error("net", "cannot accept", {{"error", Error::system(errno, "accept").message()}});
      co_await loop_.sleep(pause_when_exhausted);
    }
    // All else (ECONNABORTED, network errors) concerns one connection that never came to be.
  }
}

// Tells TLS from plain text by the first byte.
Task<Result<std::unique_ptr<Stream>>> ListenerImpl::greet(std::unique_ptr<detail::SocketStream> socket) {
  socket->expire_after(options_.handshake_timeout);
  CO_TRY(const auto first, co_await socket->peek());
  if (first == tls_handshake_record) {
    co_return co_await accept_tls(std::move(socket), options_.tls, options_.handshake_timeout);
  }
  socket->expire_after(Duration(0));
  co_return socket;
}

Task<void> ListenerImpl::serve(std::unique_ptr<detail::SocketStream> socket) {
  if (options_.tls) {
    auto stream = co_await greet(std::move(socket));
    if (stream) {
      co_await handler_(std::move(*stream));
    } else {
      log::debug("net", "a client did not get as far as a request", {{"error", stream.error().message()}});
    }
  } else {
    co_await handler_(std::move(socket));
  }
  --connections_;
  slot_free_.set();
}

void ListenerImpl::stop_accepting() {
  stopping_ = true;
  slot_free_.set();
  if (fd_ < 0) return;
  watch_.close();
  ::close(fd_);
  fd_ = -1;
}

void ListenerImpl::close_all() {
  for (auto* link = open_.next; link != &open_; link = link->next) link->stream->close();
}

Task<void> ListenerImpl::stop(Duration grace) {
  stop_accepting();
  co_await accepting_.wait();
  loop_.reactor().arm(end_of_grace_, monotonic_ns() + grace.count() * 1'000'000);
  co_await handlers_.wait();
  end_of_grace_.disarm();
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, Options options, Handler handler) {
  TRY(const auto address, detail::SocketAddress::from(options.address));
  const std::string what = "listen on " + options.address.to_string();
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(Error::system(errno, what));
  auto listener = std::make_unique<ListenerImpl>(loop, std::move(options), std::move(handler), fd);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd, address.get(), address.length) != 0 || ::listen(fd, backlog) != 0) {
    return std::unexpected(Error::system(errno, what));
  }
  CHECK(listener->start());
  return listener;
}

}  // namespace boreal::net
