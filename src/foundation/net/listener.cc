#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "base/resume_on.h"
#include "base/sync.h"
#include "net/detail/socket.h"

namespace boreal::net {

namespace {

using detail::Direction;

constexpr std::byte tls_handshake_record{0x16};
constexpr int backlog = 1024;
constexpr Duration pause_when_exhausted{50};
constexpr Duration handshake_timeout_in_a_crowd{3'000};

class ListenerImpl final : public Listener {
 public:
  ListenerImpl(Loop& loop, Options options, Handler handler, int fd)
      : loop_(loop), options_(std::move(options)), handler_(std::move(handler)), fd_(fd), watch_(loop.reactor()) {
    if (options_.loops.empty()) options_.loops.push_back(&loop);
    for (Loop* one : options_.loops) lanes_.push_back(std::make_unique<Lane>(*one));
  }
  ~ListenerImpl() override;

  Result<void> start();
  Address address() const override { return address_; }
  size_t connections() const override { return connections_; }
  Task<void> stop(Duration grace) override;

 private:
  // The connections of one loop; used on its thread only.
  struct Lane {
    explicit Lane(Loop& its_loop) : loop(its_loop) {}
    Loop& loop;
    detail::StreamLink open;  // head of the list of connections
    TaskGroup handlers;
  };
  class EndOfGrace final : public detail::Timer {
   public:
    explicit EndOfGrace(Lane& lane) : lane_(lane) {}

   private:
    void fire() override {
      for (auto* link = lane_.open.next; link != &lane_.open; link = link->next) link->stream->close();
    }
    Lane& lane_;
  };

  Task<void> accept_all();
  void begin(Lane& lane, int fd);
  Task<void> serve(std::unique_ptr<detail::SocketStream> socket);
  Duration handshake_timeout() const;
  Task<Result<std::unique_ptr<Stream>>> greet(std::unique_ptr<detail::SocketStream> socket);
  void end_connection();
  void stop_accepting();
  Task<void> stop_lane(Lane& lane, Duration grace);

  Loop& loop_;
  Options options_;
  const Handler handler_;
  int fd_;
  detail::Watch watch_;
  Address address_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  size_t next_lane_ = 0;
  std::atomic<size_t> connections_ = 0;
  Event slot_free_;
  TaskGroup accepting_;
  TaskGroup stopping_lanes_;
  bool stopping_ = false;
};

// What still accepts or serves would go on in memory that is somebody else's by then, so the process ends here instead,
// where it can be seen who forgot to stop.
ListenerImpl::~ListenerImpl() {
  if (accepting_.running() > 0 || connections_ > 0) {
    log::error("net", "a bug: a listener is destroyed that was not stopped", {{"address", address_.to_string()}});
    std::abort();
  }
  stop_accepting();
}

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
      ++connections_;
      Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
      if (&lane.loop == &loop_) {
        begin(lane, fd);
      } else {
        lane.loop.post([this, &lane, fd] { begin(lane, fd); });
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

void ListenerImpl::begin(Lane& lane, int fd) {
  if (auto socket = detail::SocketStream::make(lane.loop.reactor(), fd)) {
    lane.open.push((*socket)->link);
    lane.handlers.spawn(serve(std::move(*socket)));
  } else {
    log::warn("net", "a connection was dropped", {{"error", socket.error().message()}});
    end_connection();
  }
}

// Where most places are taken, who keeps silent is not waited for as long: it would keep out who does not.
Duration ListenerImpl::handshake_timeout() const {
  const bool is_crowded = connections_ >= options_.max_connections - options_.max_connections / 8;
  return is_crowded ? std::min(options_.handshake_timeout, handshake_timeout_in_a_crowd) : options_.handshake_timeout;
}

// Tells TLS from plain text by the first byte.
Task<Result<std::unique_ptr<Stream>>> ListenerImpl::greet(std::unique_ptr<detail::SocketStream> socket) {
  const Duration timeout = handshake_timeout();
  socket->expire_after(timeout);
  CO_TRY(const auto first, co_await socket->peek());
  if (first == tls_handshake_record) {
    co_return co_await accept_tls(std::move(socket), options_.tls, timeout);
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
  end_connection();
}

void ListenerImpl::end_connection() {
  if (connections_-- < options_.max_connections) return;
  if (Executor::current() == &loop_) {
    slot_free_.set();
  } else {
    loop_.post([this] { slot_free_.set(); });  // runs before stop() is back from that lane
  }
}

void ListenerImpl::stop_accepting() {
  stopping_ = true;
  slot_free_.set();
  if (fd_ < 0) return;
  watch_.close();
  ::close(fd_);
  fd_ = -1;
}

Task<void> ListenerImpl::stop_lane(Lane& lane, Duration grace) {
  co_await resume_on(lane.loop);
  EndOfGrace end_of_grace(lane);
  lane.loop.reactor().arm(end_of_grace, monotonic_ns() + grace.count() * 1'000'000);
  co_await lane.handlers.wait();
  end_of_grace.disarm();
  co_await resume_on(loop_);
}

Task<void> ListenerImpl::stop(Duration grace) {
  stop_accepting();
  co_await accepting_.wait();
  for (const auto& lane : lanes_) stopping_lanes_.spawn(stop_lane(*lane, grace));
  co_await stopping_lanes_.wait();
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
