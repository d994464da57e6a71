// What the other services ask of the network.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/cidr.h"
#include "ec2/service.h"
#include "ec2/subnets.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Network;
using aws::Outcome;
using aws::refuse;

namespace {

Network::Subnet to_peer(const SubnetRecord& subnet) {
  return {.id = subnet.id, .vpc_id = subnet.vpc_id, .availability_zone = subnet.zone, .cidr = subnet.cidr};
}

Network::IngressRule to_peer(const RuleRecord& rule) {
  Network::IngressRule out{.protocol = rule.protocol, .source_group_id = rule.group_id};
  out.cidr = rule.cidr_ipv4.empty() ? rule.cidr_ipv6 : rule.cidr_ipv4;
  const bool has_ports = rule.protocol == "tcp" || rule.protocol == "udp";
  if (has_ports && rule.from) out.from_port = *rule.from;
  if (has_ports && rule.to) out.to_port = *rule.to;
  return out;
}

Outcome<std::optional<GroupRecord>> find_default_group(const View& view, const std::string& vpc_id) {
  TRY(auto groups, view.of_vpc<GroupRecord>(vpc_id));
  const auto found = std::ranges::find(groups, "default", &GroupRecord::name);
  return found == groups.end() ? std::optional<GroupRecord>() : std::move(*found);
}

// The groups that an interface in the VPC has: those named, or the VPC's default one.
Outcome<std::vector<std::string>> groups_of(const View& view, const std::string& vpc_id,
                                            const std::vector<std::string>& named) {
  for (const std::string& id : named) {
    TRY(const auto group, view.need<GroupRecord>(id));
    if (group.vpc_id != vpc_id) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("Security group {} is of {}, and the subnet of {}", id, group.vpc_id, vpc_id)));
    }
  }
  if (!named.empty()) return named;
  TRY(const auto group, find_default_group(view, vpc_id));
  std::vector<std::string> ids;
  if (group) ids.push_back(group->id);
  return ids;
}

}  // namespace

Outcome<Network::Subnet> Service::subnet(const std::string& account, const std::string& region, const std::string& id) {
  TRY(const auto subnet, View(context_.catalog, {account, region}).need<SubnetRecord>(id));
  return to_peer(subnet);
}

Outcome<std::vector<Network::Subnet>> Service::default_subnets(const std::string& account, const std::string& region) {
  TRY(const auto subnets, View(context_.catalog, {account, region}).all<SubnetRecord>());
  std::vector<Subnet> out;
  for (const SubnetRecord& subnet : subnets) {
    if (subnet.is_default) out.push_back(to_peer(subnet));
  }
  std::ranges::sort(out, {}, &Subnet::availability_zone);
  return out;
}

Outcome<std::string> Service::group_vpc(const std::string& account, const std::string& region,
                                        const std::string& group_id) {
  TRY(auto group, View(context_.catalog, {account, region}).need<GroupRecord>(group_id));
  return std::move(group.vpc_id);
}

Outcome<std::string> Service::default_group(const std::string& account, const std::string& region,
                                            const std::string& vpc_id) {
  TRY(auto group, find_default_group(View(context_.catalog, {account, region}), vpc_id));
  if (!group) return refuse(VpcRecord::absent(vpc_id));
  return std::move(group->id);
}

Outcome<std::vector<Network::IngressRule>> Service::ingress(const std::string& account, const std::string& region,
                                                            const std::string& group_id) {
  TRY(const auto group, View(context_.catalog, {account, region}).need<GroupRecord>(group_id));
  std::vector<IngressRule> rules;
  for (const RuleRecord& rule : group.rules) {
    if (!rule.egress) rules.push_back(to_peer(rule));
  }
  return rules;
}

std::vector<std::string> Service::availability_zones(const std::string& region) {
  std::vector<std::string> names;
  for (Zone& zone : zones(region)) names.push_back(std::move(zone.name));
  return names;
}

Task<Outcome<void>> Service::attach_interface(std::string account, std::string region, Interface interface) {
  const Place place{account, region};
  CO_TRY(auto tx, co_await begin(place));
  const View view(tx, place);
  CO_TRY(const auto subnet, view.need<SubnetRecord>(interface.subnet_id));
  CO_TRY(auto groups, groups_of(view, subnet.vpc_id, interface.group_ids));
  CO_TRY(const auto all, view.all<InterfaceRecord>());
  const auto known = std::ranges::find(all, interface.owner, &InterfaceRecord::owner);
  InterfaceRecord record;
  if (known != all.end()) {
    record = *known;
  } else {
    record = {.id = make_id("eni-"),
              .owner = interface.owner,
              .attachment_id = make_id("eni-attach-"),
              .created = context_.clock.now()};
    const std::string digits = context_.random.hex(10);
    record.mac = "02";  // locally administered
    for (size_t i = 0; i < digits.size(); i += 2) record.mac += ":" + digits.substr(i, 2);
  }
  if (!interface.private_ip.empty()) {
    record.private_ip = interface.private_ip;
  } else if (record.private_ip.empty() || record.subnet_id != subnet.id) {
    CO_TRY(record.private_ip, free_address(subnet, all));
  }
  record.subnet_id = subnet.id;
  record.vpc_id = subnet.vpc_id;
  record.zone = subnet.zone;
  record.group_ids = std::move(groups);
  record.description = interface.description;
  save(tx, record);
  CO_CHECK(co_await tx.commit());
  co_return Outcome<void>();
}

Task<Outcome<void>> Service::detach_interface(std::string account, std::string region, std::string owner) {
  const Place place{account, region};
  CO_TRY(auto tx, co_await begin(place));
  CO_TRY(const auto all, View(tx, place).all<InterfaceRecord>());
  const auto known = std::ranges::find(all, owner, &InterfaceRecord::owner);
  if (known == all.end()) co_return Outcome<void>();
  erase(tx, *known);
  CO_CHECK(co_await tx.commit());
  co_return Outcome<void>();
}

void Service::on_group_change(
    std::function<void(const std::string&, const std::string&, const std::string&)> callback) {
  group_callbacks_.push_back(std::move(callback));
}

}  // namespace boreal::ec2
