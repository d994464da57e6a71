#include "net/resolve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "net/detail/address.h"

namespace boreal::net {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

}  // namespace

Result<std::vector<Address>> look_up(const std::string& host, uint16_t port) {
  const Address literal{.host = host, .port = port};
  if (detail::SocketAddress::from(literal)) return std::vector{literal};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  if (status != 0) {
    const Errc code = status == EAI_NONAME ? Errc::not_found : Errc::unavailable;
    return fail(code, fmt::format("look up '{}': {}", host, gai_strerror(status)));
  }
  std::vector<Address> addresses;
  for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
    detail::SocketAddress one;
    if (at->ai_addrlen > sizeof(one.storage)) continue;
    std::copy_n(reinterpret_cast<const char*>(at->ai_addr), at->ai_addrlen, reinterpret_cast<char*>(&one.storage));
    one.length = at->ai_addrlen;
    Address address = one.to_address();
    address.port = port;
    if (!address.host.empty()) addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return fail(Errc::not_found, fmt::format("look up '{}': it has no address", host));
  return addresses;
}

}  // namespace boreal::net
