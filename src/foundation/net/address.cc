#include "net/detail/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace boreal::net {

namespace {

Result<uint16_t> parse_port(std::string_view text, std::string_view whole) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Errc::invalid, fmt::format("'{}' has no port between 0 and 65535 after the last ':'", whole));
  }
  return port;
}

bool is_v6(std::string_view host) { return host.find(':') != std::string_view::npos; }

}  // namespace

std::string Address::to_string() const {
  return is_v6(host) ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool Address::is_loopback() const {
  auto system = detail::SocketAddress::from(*this);
  if (!system) return false;
  if (system->family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(system->storage);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(system->storage).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

Result<Address> Address::parse(std::string_view text, uint16_t default_port) {
  Address address{.host = std::string(text), .port = default_port};
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(Errc::invalid, fmt::format("'{}' lacks the closing ']'", text));
    address.host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty()) {
      if (rest[0] != ':') return fail(Errc::invalid, fmt::format("'{}' has '{}' after ']'; want ':port'", text, rest));
      TRY(address.port, parse_port(rest.substr(1), text));
    }
    if (!is_v6(address.host)) return fail(Errc::invalid, fmt::format("'{}' is no IPv6 address", address.host));
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos && text.rfind(':') == colon) {
    address.host = text.substr(0, colon);
    TRY(address.port, parse_port(text.substr(colon + 1), text));
  }
  CHECK(detail::SocketAddress::from(address));
  return address;
}

namespace detail {

Result<SocketAddress> SocketAddress::from(const Address& address) {
  SocketAddress out;
  // inet_pton() reads to the first zero byte only.
  if (address.host.contains('\0')) return fail(Errc::invalid, "an address holds a zero byte");
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    out.length = sizeof(v4);
    return out;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    out.length = sizeof(v6);
    return out;
  }
  return fail(Errc::invalid, fmt::format("'{}' is no IPv4 or IPv6 address; names are not looked up", address.host));
}

Address SocketAddress::to_address() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return {.host = text, .port = ntohs(v4.sin_port)};
  }
  if (family() == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return {.host = text, .port = ntohs(v6.sin6_port)};
  }
  return {};
}

}  // namespace detail
}  // namespace boreal::net
