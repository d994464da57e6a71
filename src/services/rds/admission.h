// Who may reach a cluster's endpoints: what its security groups let in.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/peers.h"

namespace boreal::rds {

// A range of IPv4 or IPv6 addresses.
class Cidr {
 public:
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(std::string_view address) const;

 private:
  std::array<unsigned char, 16> bytes_{};
  bool v6_ = false;
  unsigned bits_ = 0;
};

// The networks that the rules let in at this TCP port, as CIDR texts without doubles. A rule that names a source group
// lets in this machine (127.0.0.0/8): whatever runs here counts as a member of every group.
std::vector<std::string> admitted_networks(const std::vector<aws::Network::IngressRule>& rules, int port);

}  // namespace boreal::rds
