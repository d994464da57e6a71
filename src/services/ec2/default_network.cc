#include "ec2/default_network.h"

#include <fmt/format.h>

#include "codec/hex.h"
#include "crypto/hash.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace {

constexpr std::string_view default_vpc_cidr = "172.31.0.0/16";

AclRecord::Entry acl_entry(int32_t number, bool egress, std::string action) {
  return {.number = number, .egress = egress, .protocol = "-1", .action = std::move(action), .cidr_ipv4 = "0.0.0.0/0"};
}

template <class R>
void add(std::map<std::string, std::string>& rows, const R& record) {
  rows.emplace(key_of<R>(record.id), store::encode(record));
}

}  // namespace

VpcParts make_vpc(const std::string& cidr, const std::string& options_id, const MakeId& make_id) {
  VpcParts made;
  made.vpc.id = make_id("vpc-");
  made.vpc.blocks = {{.id = make_id("vpc-cidr-assoc-"), .cidr = cidr}};
  made.vpc.options_id = options_id;
  made.group = {
      .id = make_id("sg-"), .name = "default", .description = "default VPC security group", .vpc_id = made.vpc.id};
  made.group.rules = {{.id = make_id("sgr-"), .egress = false, .protocol = "-1", .group_id = made.group.id},
                      {.id = make_id("sgr-"), .egress = true, .protocol = "-1", .cidr_ipv4 = "0.0.0.0/0"}};
  made.table = {.id = make_id("rtb-"), .vpc_id = made.vpc.id};
  made.table.associations = {{.id = make_id("rtbassoc-")}};
  made.table.routes = {{.cidr_ipv4 = cidr, .gateway_id = "local"}};
  made.acl = {.id = make_id("acl-"), .vpc_id = made.vpc.id, .is_default = true};
  for (const bool egress : {true, false}) {
    made.acl.entries.push_back(acl_entry(100, egress, "allow"));
    made.acl.entries.push_back(acl_entry(32767, egress, "deny"));
  }
  return made;
}

std::string default_subnet_cidr(size_t zone_index) { return fmt::format("172.31.{}.0/20", zone_index * 16); }

DefaultVpc make_default_vpc(const Place& place, const std::string& options_id, const MakeId& make_id) {
  DefaultVpc made{.parts = make_vpc(std::string(default_vpc_cidr), options_id, make_id)};
  VpcRecord& vpc = made.parts.vpc;
  vpc.is_default = true;
  vpc.dns_hostnames = true;
  made.gateway = {.id = make_id("igw-"), .vpc_id = vpc.id};
  made.parts.table.routes.push_back({.cidr_ipv4 = "0.0.0.0/0", .gateway_id = made.gateway.id});
  for (const Zone& zone : zones(place.region)) {
    const size_t index = made.subnets.size();
    made.subnets.push_back({.id = make_id("subnet-"),
                            .vpc_id = vpc.id,
                            .cidr = default_subnet_cidr(index),
                            .zone = zone.name,
                            .is_default = true,
                            .public_ip_on_launch = true});
    made.parts.acl.associations.push_back({.id = make_id("aclassoc-"), .subnet_id = made.subnets.back().id});
  }
  return made;
}

std::map<std::string, std::string> default_network(const Place& place) {
  int count = 0;
  const MakeId make_id = [&](std::string_view prefix) {
    const auto digest = crypto::Sha256::of(fmt::format("{} {} {} {}", place.account, place.region, prefix, count++));
    return std::string(prefix) + codec::hex_encode(digest).substr(0, 17);
  };
  const OptionsRecord options{
      .id = make_id("dopt-"),
      .domain_name = place.region == "us-east-1" ? "ec2.internal" : place.region + ".compute.internal"};
  const DefaultVpc network = make_default_vpc(place, options.id, make_id);
  std::map<std::string, std::string> rows;
  add(rows, options);
  add(rows, network.parts.vpc);
  add(rows, network.parts.group);
  add(rows, network.parts.table);
  add(rows, network.parts.acl);
  add(rows, network.gateway);
  for (const SubnetRecord& subnet : network.subnets) add(rows, subnet);
  return rows;
}

}  // namespace boreal::ec2
