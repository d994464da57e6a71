#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

#include "net/detail/socket.h"
#include "net/stream_group.h"

namespace boreal::net {

namespace {

Result<void> bind_source(int fd, const std::string& host) {
  TRY(const auto source, detail::SocketAddress::from({.host = host}));
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
             sizeof(on));  // else one address has 28 000 connections at most
  if (::bind(fd, source.get(), source.length) != 0) {
    return std::unexpected(Error::system(errno, fmt::format("bind to {}", host)));
  }
  return {};
}

// Begins to connect; the answer comes as an event.
Result<int> start_connecting(const detail::SocketAddress& target, const std::string& bind_host,
                             const std::string& what) {
  const int fd = ::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(Error::system(errno, "make a socket"));
  auto bound = bind_host.empty() ? Result<void>{} : bind_source(fd, bind_host);
  if (bound && ::connect(fd, target.get(), target.length) != 0 && errno != EINPROGRESS) {
    bound = std::unexpected(Error::system(errno, what));
  }
  if (bound) return fd;
  ::close(fd);
  return std::unexpected(std::move(bound).error());
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, ConnectOptions options) {
  co_return co_await connect(loop, std::move(to), std::move(options), nullptr);
}

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, ConnectOptions options, StreamGroup* group) {
  const std::string what = "connect to " + to.to_string();
  CO_TRY(const auto target, detail::SocketAddress::from(to));
  CO_TRY(const int fd, start_connecting(target, options.bind_host, what));
  CO_TRY(auto stream, detail::SocketStream::make(loop.reactor(), fd));
  const StreamGroup::Member member(group, *stream);
  stream->watch().exhausted(detail::Direction::out);
  stream->expire_after(options.timeout);
  if (auto waited = co_await stream->wait(detail::Direction::out); !waited) {
    if (waited.error().code() != Errc::timeout) co_return std::unexpected(std::move(waited).error().within(what));
    co_return fail(Errc::timeout, fmt::format("{}: no answer within {} ms", what, options.timeout.count()));
  }
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) co_return std::unexpected(Error::system(error, what));
  stream->expire_after(Duration(0));
  co_return stream;
}

}  // namespace boreal::net
