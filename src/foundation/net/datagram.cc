#include "net/datagram.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/fd.h"

namespace boreal::net {

namespace {

constexpr timeval longest_wait{.tv_sec = 5, .tv_usec = 0};

}  // namespace

Result<void> send_datagram(const std::string& socket, std::string_view message) {
  const bool is_abstract = socket.starts_with('@');
  sockaddr_un address{};
  // A path is ended by a zero byte, an abstract name by the address's length.
  const size_t room = is_abstract ? sizeof(address.sun_path) : sizeof(address.sun_path) - 1;
  const bool is_name = is_abstract ? socket.size() > 1 : socket.starts_with('/') && !socket.contains('\0');
  if (!is_name || socket.size() > room) {
    return fail(Errc::invalid,
                fmt::format("'{}' names no Unix socket: an absolute path or @NAME of at most {} bytes is "
                            "expected",
                            socket, room));
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (is_abstract) address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() + (is_abstract ? 0 : 1));

  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::unexpected(Error::system(errno, "make a socket"));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &longest_wait, sizeof longest_wait);
  ssize_t sent = -1;
  do {
    sent = ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                    length);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return std::unexpected(Error::system(errno, "send to " + socket));
  return {};
}

}  // namespace boreal::net
