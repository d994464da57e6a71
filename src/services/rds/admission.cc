#include "rds/admission.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace boreal::rds {

namespace {

bool read_address(std::string_view text, std::array<unsigned char, 16>& bytes, bool& v6) {
  const std::string address(text);
  v6 = address.find(':') != std::string::npos;
  if (address.contains('\0')) return false;  // inet_pton() would read to it only
  return ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) == 1;
}

}  // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) {
  Cidr cidr;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || !read_address(text.substr(0, slash), cidr.bytes_, cidr.v6_)) {
    return std::nullopt;
  }
  const auto bits = parse_uint(text.substr(slash + 1), cidr.v6_ ? 128 : 32);
  if (!bits) return std::nullopt;
  cidr.bits_ = static_cast<unsigned>(*bits);
  return cidr;
}

bool Cidr::contains(std::string_view address) const {
  std::array<unsigned char, 16> other{};
  bool v6 = false;
  if (!read_address(address, other, v6) || v6 != v6_) return false;
  const size_t whole = bits_ / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(whole), other.begin())) return false;
  const unsigned rest = bits_ % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest) & 0xffu;
  return (bytes_[whole] & mask) == (other[whole] & mask);
}

std::vector<std::string> admitted_networks(const std::vector<aws::Network::IngressRule>& rules, int port) {
  std::set<std::string> networks;
  for (const auto& rule : rules) {
    const bool any = rule.protocol == "-1";
    const bool tcp = rule.protocol == "tcp" || rule.protocol == "6";
    if (!any && !(tcp && rule.from_port <= port && port <= rule.to_port)) continue;
    networks.insert(rule.source_group_id.empty() ? rule.cidr : "127.0.0.0/8");
  }
  std::erase_if(networks, [](const std::string& network) { return !Cidr::parse(network); });
  return {networks.begin(), networks.end()};
}

}  // namespace boreal::rds
