// Addresses in the system's form.
#pragma once

#include <sys/socket.h>

#include "base/result.h"
#include "net/stream.h"

namespace boreal::net::detail {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  Address to_address() const;
  static Result<SocketAddress> from(const Address& address);
};

}  // namespace boreal::net::detail
