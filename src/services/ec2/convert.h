// Records as the API shows them.
#pragma once

#include <string>
#include <vector>

#include "api/ec2/types.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

api::Vpc to_vpc(const Place& place, const VpcRecord& vpc);
api::Subnet to_subnet(const Place& place, const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces);
api::SecurityGroup to_group(const Place& place, const GroupRecord& group);
api::SecurityGroupRule to_rule(const Place& place, const GroupRecord& group, const RuleRecord& rule);
// "active", or "blackhole" when the route's gateway is gone or attached to no VPC, or another.
std::string state_of(const RouteTableRecord& table, const RouteRecord& route,
                     const std::vector<GatewayRecord>& gateways);
api::RouteTable to_route_table(const Place& place, const RouteTableRecord& table,
                               const std::vector<GatewayRecord>& gateways);
api::NetworkAcl to_acl(const Place& place, const AclRecord& acl);
api::InternetGateway to_gateway(const Place& place, const GatewayRecord& gateway);

}  // namespace boreal::ec2
