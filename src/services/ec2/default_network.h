// What every account has in every region before it has made anything, and what every new VPC comes with.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "ec2/resources.h"

namespace boreal::ec2 {

// The parts that a VPC never is without.
struct VpcParts {
  VpcRecord vpc;
  GroupRecord group;
  RouteTableRecord table;
  AclRecord acl;
};

// Gives out ids: "vpc-" -> "vpc-0123456789abcdef0".
using MakeId = std::function<std::string(std::string_view prefix)>;

VpcParts make_vpc(const std::string& cidr, const std::string& options_id, const MakeId& make_id);

// A VPC as CreateDefaultVpc makes it: 172.31.0.0/16, a subnet in each zone, a way to the internet.
struct DefaultVpc {
  VpcParts parts;
  GatewayRecord gateway;
  std::vector<SubnetRecord> subnets;
};
DefaultVpc make_default_vpc(const Place& place, const std::string& options_id, const MakeId& make_id);

// "172.31.16.0/20" for the second zone.
std::string default_subnet_cidr(size_t zone_index);

// The whole default network as rows of the catalog. Ids follow from the place: it is the same at every look.
std::map<std::string, std::string> default_network(const Place& place);

}  // namespace boreal::ec2
