// A Stream over a TCP socket, and what TLS over it needs.
#pragma once

#include "net/detail/address.h"
#include "net/detail/reactor.h"
#include "net/stream.h"

namespace boreal::net::detail {

class SocketStream;

// The streams a listener must be able to close. Intrusive: a stream leaves when it is destroyed.
struct StreamLink {
  StreamLink() = default;
  StreamLink(const StreamLink&) = delete;
  ~StreamLink() { unlink(); }
  void unlink() {
    previous->next = next;
    next->previous = previous;
    next = previous = this;
  }
  void push(StreamLink& link) {
    link.next = this;
    link.previous = previous;
    previous->next = &link;
    previous = &link;
  }
  SocketStream* stream = nullptr;
  StreamLink* next = this;
  StreamLink* previous = this;
};

class SocketStream final : public Stream {
 public:
  // Takes the descriptor, which is non-blocking and connected.
  static Result<std::unique_ptr<SocketStream>> make(Reactor& reactor, int fd);
  SocketStream(Reactor& reactor, int fd);
  ~SocketStream() override { close(); }

  using Stream::read_some;
  Task<Result<size_t>> read_some(MutableBytes buffer, size_t worth_waking) override;
  Task<Result<void>> readable() override;
  Task<Result<void>> write(std::span<const Bytes> parts) override;
  void expire_after(Duration time) override;
  void shutdown_write() override;
  void close() override;
  std::optional<TlsSession> tls() const override { return std::nullopt; }
  Address peer() const override;
  Address local() const override;
  int fd() const override { return fd_; }

  // Waits until the socket may be ready in that direction; fails past the deadline and once closed. Inwards: ready
  // with so many bytes.
  Task<Result<void>> wait(Direction direction, size_t worth_waking = 1);
  // The next byte, left in place; none at the peer's end.
  Task<Result<std::optional<std::byte>>> peek();
  Watch& watch() { return watch_; }
  // Whether it is the others' turn; who hears so awaits the reactor's yield().
  bool should_yield();
  StreamLink link;

 private:
  // One deadline for all that waits. It lies in the loop's heap and moves there only when it is set to an earlier
  // time: what is set for each read of a busy connection costs a store and a comparison.
  class Deadline final : public Timer {
   public:
    explicit Deadline(SocketStream& stream) : stream_(stream) {}

   private:
    void fire() override;
    SocketStream& stream_;
  };

  Watch watch_;
  Deadline timer_{*this};
  int64_t deadline_ns_ = 0;  // 0: none
  int fd_;
  int unbroken_uses_ = 0;  // reads and writes since the last wait
  size_t low_water_ = 1;   // bytes; what the socket was told is worth waking
};

}  // namespace boreal::net::detail
