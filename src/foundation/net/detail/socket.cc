#include "net/detail/socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace boreal::net::detail {

namespace {

// A peer that is never slower than we are would keep the loop for itself: after so many uses the others go first.
constexpr int max_unbroken_uses = 32;
constexpr size_t max_parts = 16;
constexpr size_t max_low_water_bytes = 1 << 20;

std::unexpected<Error> closed() { return fail(Errc::cancelled, "the connection was closed here"); }

// Fills `out` with what of the parts lies behind the first `skip` bytes.
size_t gather(std::span<const Bytes> parts, size_t skip, std::array<iovec, max_parts>& out) {
  size_t count = 0;
  for (const Bytes part : parts) {
    if (count == out.size()) break;
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    const Bytes rest = part.subspan(skip);
    skip = 0;
    out[count++] = {.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = rest.size()};
  }
  return count;
}

}  // namespace

SocketStream::SocketStream(Reactor& reactor, int fd) : watch_(reactor), fd_(fd) { link.stream = this; }

Result<std::unique_ptr<SocketStream>> SocketStream::make(Reactor& reactor, int fd) {
  auto stream = std::make_unique<SocketStream>(reactor, fd);
  const int on = 1;
  // Answers leave at once, in whole; a peer that vanished without a word is noticed. Not every socket knows these.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  CHECK(stream->watch_.open(fd));
  stream->watch_.assume_ready(Direction::in);
  stream->watch_.assume_ready(Direction::out);
  return stream;
}

void SocketStream::Deadline::fire() {
  if (stream_.deadline_ns_ == 0) return;
  if (stream_.deadline_ns_ > at_ns()) {
    stream_.watch_.reactor().arm(*this, stream_.deadline_ns_);
  } else {
    stream_.watch_.end_waits(Outcome::timeout);
  }
}

void SocketStream::expire_after(Duration time) {
  if (time.count() <= 0) {
    deadline_ns_ = 0;
    return;
  }
  deadline_ns_ = monotonic_ns() + time.count() * 1'000'000;
  if (!timer_.armed() || timer_.at_ns() > deadline_ns_) watch_.reactor().arm(timer_, deadline_ns_);
}

Task<Result<void>> SocketStream::wait(Direction direction, size_t worth_waking) {
  if (fd_ < 0) co_return closed();
  if (direction == Direction::in && worth_waking != low_water_) {
    // Where it is not known every byte wakes. The kernel bounds it by what its buffer may hold.
    const int bytes = static_cast<int>(std::min<size_t>(worth_waking, max_low_water_bytes));
    setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
    low_water_ = worth_waking;
  }
  if (deadline_ns_ != 0 && !timer_.armed()) co_return fail(Errc::timeout, "the peer was too slow");
  unbroken_uses_ = 0;
  const Outcome outcome = co_await watch_.wait(direction);
  if (outcome == Outcome::timeout) co_return fail(Errc::timeout, "the peer was too slow");
  if (outcome == Outcome::cancelled || fd_ < 0) co_return closed();
  co_return Result<void>{};
}

bool SocketStream::should_yield() {
  if (++unbroken_uses_ <= max_unbroken_uses) return false;
  unbroken_uses_ = 0;
  return true;
}

Task<Result<size_t>> SocketStream::read_some(MutableBytes buffer, size_t worth_waking) {
  if (should_yield()) co_await watch_.reactor().yield();
  auto waited = Result<void>();
  for (;;) {
    if (!watch_.ready(Direction::in) || fd_ < 0) waited = co_await wait(Direction::in, worth_waking);
    if (!waited && (waited.error().code() != Errc::timeout || worth_waking <= 1)) {
      co_return std::unexpected(std::move(waited).error());
    }
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got >= 0) {
      // Less than asked for means that no more is there; the next look would cost a system call to learn it.
      if (static_cast<size_t>(got) < buffer.size()) watch_.exhausted(Direction::in);
      co_return static_cast<size_t>(got);
    }
    if (errno == EAGAIN) {
      if (!waited) co_return std::unexpected(std::move(waited).error());
      watch_.exhausted(Direction::in);
    } else if (errno != EINTR) {
      co_return std::unexpected(Error::system(errno, "read from the connection"));
    }
  }
}

Task<Result<std::optional<std::byte>>> SocketStream::peek() {
  std::byte first{};
  for (;;) {
    if (!watch_.ready(Direction::in) || fd_ < 0) CO_CHECK(co_await wait(Direction::in));
    const ssize_t got = recv(fd_, &first, 1, MSG_PEEK);
    if (got == 1) co_return first;
    if (got == 0) co_return std::nullopt;
    if (errno == EAGAIN) {
      watch_.exhausted(Direction::in);
      CO_CHECK(co_await wait(Direction::in));
    } else if (errno != EINTR) {
      co_return std::unexpected(Error::system(errno, "read from the connection"));
    }
  }
}

Task<Result<void>> SocketStream::readable() {
  CO_TRY([[maybe_unused]] const auto first, co_await peek());
  co_return Result<void>{};
}

Task<Result<void>> SocketStream::write(std::span<const Bytes> parts) {
  if (should_yield()) co_await watch_.reactor().yield();
  size_t written = 0;
  std::array<iovec, max_parts> chunks;
  for (;;) {
    if (fd_ < 0) co_return closed();
    const size_t count = gather(parts, written, chunks);
    if (count == 0) co_return Result<void>{};
    const msghdr message{.msg_iov = chunks.data(), .msg_iovlen = count};
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      written += static_cast<size_t>(sent);
    } else if (errno == EAGAIN) {
      watch_.exhausted(Direction::out);
      CO_CHECK(co_await wait(Direction::out));
    } else if (errno != EINTR) {
      co_return std::unexpected(Error::system(errno, "write to the connection"));
    }
  }
}

void SocketStream::shutdown_write() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_WR);
}

void SocketStream::close() {
  if (fd_ < 0) return;
  timer_.disarm();
  watch_.close();
  ::close(fd_);
  fd_ = -1;
}

Address SocketStream::peer() const {
  SocketAddress address;
  if (getpeername(fd_, address.get(), &address.length) != 0) return {};
  return address.to_address();
}

Address SocketStream::local() const {
  SocketAddress address;
  if (getsockname(fd_, address.get(), &address.length) != 0) return {};
  return address.to_address();
}

}  // namespace boreal::net::detail
