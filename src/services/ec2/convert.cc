#include "ec2/convert.h"

#include <algorithm>
#include <tuple>

#include "ec2/subnets.h"
#include "ec2/tags.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::optional<std::string>() : text;
}

void add_peer(api::IpPermission& permission, const Place& place, const RuleRecord& rule) {
  const auto description = unless_empty(rule.description);
  if (!rule.cidr_ipv4.empty()) {
    permission.ip_ranges->push_back({.description = description, .cidr_ip = rule.cidr_ipv4});
  } else if (!rule.cidr_ipv6.empty()) {
    permission.ipv6_ranges->push_back({.description = description, .cidr_ipv6 = rule.cidr_ipv6});
  } else {
    permission.user_id_group_pairs->push_back(
        {.description = description, .user_id = place.account, .group_id = rule.group_id});
  }
}

// Rules of the same protocol and ports are one permission with many peers.
std::vector<api::IpPermission> to_permissions(const Place& place, const GroupRecord& group, bool egress) {
  std::vector<api::IpPermission> permissions;
  for (const RuleRecord& rule : group.rules) {
    if (rule.egress != egress) continue;
    auto same = std::ranges::find_if(permissions, [&](const api::IpPermission& p) {
      return p.ip_protocol == rule.protocol && p.from_port == rule.from && p.to_port == rule.to;
    });
    if (same == permissions.end()) {
      api::IpPermission permission{.ip_protocol = rule.protocol, .from_port = rule.from, .to_port = rule.to};
      permission.user_id_group_pairs.emplace();
      permission.ip_ranges.emplace();
      permission.ipv6_ranges.emplace();
      permission.prefix_list_ids.emplace();
      same = permissions.insert(permissions.end(), std::move(permission));
    }
    add_peer(*same, place, rule);
  }
  return permissions;
}

api::Route to_route(const RouteRecord& route, std::string state) {
  return {.destination_cidr_block = unless_empty(route.cidr_ipv4),
          .destination_ipv6_cidr_block = unless_empty(route.cidr_ipv6),
          .gateway_id = route.gateway_id,
          .origin = route.gateway_id == "local" ? "CreateRouteTable" : "CreateRoute",
          .state = std::move(state)};
}

api::NetworkAclEntry to_entry(const AclRecord::Entry& entry) {
  api::NetworkAclEntry out{.cidr_block = unless_empty(entry.cidr_ipv4),
                           .egress = entry.egress,
                           .ipv6_cidr_block = unless_empty(entry.cidr_ipv6),
                           .protocol = entry.protocol,
                           .rule_action = entry.action,
                           .rule_number = entry.number};
  if (entry.from) out.port_range = {.from = entry.from, .to = entry.to};
  if (entry.icmp_type) out.icmp_type_code = {.code = entry.icmp_code, .type = entry.icmp_type};
  return out;
}

}  // namespace

api::Vpc to_vpc(const Place& place, const VpcRecord& vpc) {
  api::Vpc out{.owner_id = place.account, .instance_tenancy = vpc.tenancy};
  out.cidr_block_association_set.emplace();
  for (const VpcRecord::Block& block : vpc.blocks) {
    out.cidr_block_association_set->push_back({.association_id = block.id,
                                               .cidr_block = block.cidr,
                                               .cidr_block_state = api::VpcCidrBlockState{.state = "associated"}});
  }
  out.is_default = vpc.is_default;
  out.tags = to_tags(vpc.tags);
  out.vpc_id = vpc.id;
  out.state = "available";
  out.cidr_block = vpc.blocks.front().cidr;
  out.dhcp_options_id = vpc.options_id;
  return out;
}

api::Subnet to_subnet(const Place& place, const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces) {
  api::Subnet out{.map_customer_owned_ip_on_launch = false, .owner_id = place.account};
  if (const auto zone = find_zone(place.region, subnet.zone)) out.availability_zone_id = zone->id;
  out.assign_ipv6_address_on_creation = false;
  out.ipv6_cidr_block_association_set.emplace();
  out.tags = to_tags(subnet.tags);
  out.subnet_arn = place.arn(SubnetRecord::type, subnet.id);
  out.enable_dns64 = false;
  out.ipv6_native = false;
  out.private_dns_name_options_on_launch = {.hostname_type = subnet.hostname_type,
                                            .enable_resource_name_dns_a_record = subnet.dns_a_record,
                                            .enable_resource_name_dns_aaaa_record = false};
  out.subnet_id = subnet.id;
  out.state = "available";
  out.vpc_id = subnet.vpc_id;
  out.cidr_block = subnet.cidr;
  out.available_ip_address_count = free_address_count(subnet, interfaces);
  out.availability_zone = subnet.zone;
  out.default_for_az = subnet.is_default;
  out.map_public_ip_on_launch = subnet.public_ip_on_launch;
  return out;
}

api::SecurityGroup to_group(const Place& place, const GroupRecord& group) {
  return {.group_id = group.id,
          .ip_permissions_egress = to_permissions(place, group, true),
          .tags = to_tags(group.tags),
          .vpc_id = group.vpc_id,
          .security_group_arn = place.arn(GroupRecord::type, group.id),
          .owner_id = place.account,
          .group_name = group.name,
          .description = group.description,
          .ip_permissions = to_permissions(place, group, false)};
}

api::SecurityGroupRule to_rule(const Place& place, const GroupRecord& group, const RuleRecord& rule) {
  api::SecurityGroupRule out{.security_group_rule_id = rule.id,
                             .group_id = group.id,
                             .group_owner_id = place.account,
                             .is_egress = rule.egress,
                             .ip_protocol = rule.protocol,
                             .from_port = rule.from.value_or(-1),
                             .to_port = rule.to.value_or(-1),
                             .cidr_ipv4 = unless_empty(rule.cidr_ipv4),
                             .cidr_ipv6 = unless_empty(rule.cidr_ipv6),
                             .description = unless_empty(rule.description),
                             .tags = to_tags(rule.tags),
                             .security_group_rule_arn = place.arn(RuleRecord::type, rule.id)};
  if (!rule.group_id.empty()) {
    out.referenced_group_info = {.group_id = rule.group_id, .user_id = place.account, .vpc_id = group.vpc_id};
  }
  return out;
}

std::string state_of(const RouteTableRecord& table, const RouteRecord& route,
                     const std::vector<GatewayRecord>& gateways) {
  const auto leads_there = [&](const GatewayRecord& gateway) {
    return gateway.id == route.gateway_id && gateway.vpc_id == table.vpc_id;
  };
  return route.gateway_id == "local" || std::ranges::any_of(gateways, leads_there) ? "active" : "blackhole";
}

api::RouteTable to_route_table(const Place& place, const RouteTableRecord& table,
                               const std::vector<GatewayRecord>& gateways) {
  api::RouteTable out;
  out.associations.emplace();
  for (const auto& association : table.associations) {
    out.associations->push_back({.main = association.subnet_id.empty(),
                                 .route_table_association_id = association.id,
                                 .route_table_id = table.id,
                                 .subnet_id = unless_empty(association.subnet_id),
                                 .association_state = api::RouteTableAssociationState{.state = "associated"}});
  }
  out.propagating_vgws.emplace();
  out.route_table_id = table.id;
  out.routes.emplace();
  for (const RouteRecord& route : table.routes)
    out.routes->push_back(to_route(route, state_of(table, route, gateways)));
  out.tags = to_tags(table.tags);
  out.vpc_id = table.vpc_id;
  out.owner_id = place.account;
  return out;
}

api::NetworkAcl to_acl(const Place& place, const AclRecord& acl) {
  api::NetworkAcl out;
  out.associations.emplace();
  for (const auto& association : acl.associations) {
    out.associations->push_back(
        {.network_acl_association_id = association.id, .network_acl_id = acl.id, .subnet_id = association.subnet_id});
  }
  out.entries.emplace();
  for (const auto& entry : acl.entries) out.entries->push_back(to_entry(entry));
  std::ranges::sort(*out.entries, {},
                    [](const api::NetworkAclEntry& e) { return std::tuple(!*e.egress, *e.rule_number); });
  out.is_default = acl.is_default;
  out.network_acl_id = acl.id;
  out.tags = to_tags(acl.tags);
  out.vpc_id = acl.vpc_id;
  out.owner_id = place.account;
  return out;
}

api::InternetGateway to_gateway(const Place& place, const GatewayRecord& gateway) {
  api::InternetGateway out;
  out.attachments.emplace();
  if (!gateway.vpc_id.empty()) out.attachments->push_back({.state = "available", .vpc_id = gateway.vpc_id});
  out.internet_gateway_id = gateway.id;
  out.owner_id = place.account;
  out.tags = to_tags(gateway.tags);
  return out;
}

}  // namespace boreal::ec2
