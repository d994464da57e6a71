// Addresses in subnets.
#pragma once

#include <string>
#include <vector>

#include "ec2/resources.h"

namespace boreal::ec2 {

// The first four addresses of a subnet and its last are AWS's own.
// Source: VPC User Guide, "Subnet CIDR blocks".
inline constexpr int64_t reserved_at_start = 4;
inline constexpr int64_t reserved_addresses = 5;

// An address that no interface has.
aws::Outcome<std::string> free_address(const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces);

int32_t free_address_count(const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces);

}  // namespace boreal::ec2
