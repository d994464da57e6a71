#include "ec2/subnets.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/ec2/errors.h"
#include "base/text.h"
#include "ec2/cidr.h"
#include "ec2/convert.h"
#include "ec2/default_network.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/tags.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_subnets = 200;  // of a VPC

Attributes attributes(const Place& place, const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces) {
  const auto zone = find_zone(place.region, subnet.zone);
  Attributes all{
      {"availability-zone", {subnet.zone}},
      {"availability-zone-id", {zone ? zone->id : ""}},
      {"available-ip-address-count", {}},
      {"cidr-block", {subnet.cidr}},
      {"customer-owned-ipv4-pool", {}},
      {"default-for-az", {to_text(subnet.is_default)}},
      {"enable-dns64", {"false"}},
      {"enable-lni-at-device-index", {}},
      {"ipv6-cidr-block-association.association-id", {}},
      {"ipv6-cidr-block-association.ipv6-cidr-block", {}},
      {"ipv6-cidr-block-association.state", {}},
      {"ipv6-native", {"false"}},
      {"map-customer-owned-ip-on-launch", {"false"}},
      {"map-public-ip-on-launch", {to_text(subnet.public_ip_on_launch)}},
      {"outpost-arn", {}},
      {"owner-id", {place.account}},
      {"private-dns-name-options-on-launch.hostname-type", {subnet.hostname_type}},
      {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record", {to_text(subnet.dns_a_record)}},
      {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", {"false"}},
      {"state", {"available"}},
      {"subnet-arn", {place.arn(SubnetRecord::type, subnet.id)}},
      {"subnet-id", {subnet.id}},
      {"vpc-id", {subnet.vpc_id}}};
  if (!subnet.cidr.empty()) {
    all["available-ip-address-count"] = {std::to_string(free_address_count(subnet, interfaces))};
  }
  for (const char* other : {"availabilityZone", "availabilityZoneId"}) {
    all[other] = all[other == std::string_view("availabilityZone") ? "availability-zone" : "availability-zone-id"];
  }
  all["cidr"] = all["cidrBlock"] = all["cidr-block"];
  all["defaultForAz"] = all["default-for-az"];
  add_tags(all, subnet.tags);
  return all;
}

// The zone that a subnet is to lie in: the named one, or the region's first.
Outcome<Zone> choose_zone(const std::string& region, const std::optional<std::string>& name,
                          const std::optional<std::string>& id) {
  if (name && id) {
    return refuse(
        errors::invalid_parameter_combination("Only one of availabilityZone and availabilityZoneId may be given"));
  }
  const std::vector<Zone> all = zones(region);
  if (!name && !id) return all.front();
  for (const Zone& zone : all) {
    if (name ? zone.name == *name : zone.id == *id) return zone;
  }
  std::vector<std::string> names;
  for (const Zone& zone : all) names.push_back(name ? zone.name : zone.id);
  return refuse(errors::invalid_parameter_value(
      fmt::format("Value ({}) for parameter {} is invalid. Subnets can currently only be created in the following "
                  "availability zones: {}.",
                  name ? *name : *id, name ? "availabilityZone" : "availabilityZoneId", join(names, ", "))));
}

// The block lies in the VPC and no other subnet has any of it.
Outcome<void> check_block(const View& view, const VpcRecord& vpc, const Cidr& cidr) {
  const std::string text = cidr.to_string();
  if (cidr.is_ipv6() || cidr.length() < 16 || cidr.length() > 28) {
    return refuse(
        errors::invalid_subnet_range(fmt::format("The CIDR '{}' is invalid. A subnet has between /16 and /28.", text)));
  }
  const bool inside = std::ranges::any_of(vpc.blocks, [&](const VpcRecord::Block& block) {
    const auto outer = Cidr::parse(block.cidr);
    return outer && outer->contains(cidr);
  });
  if (!inside) {
    return refuse(
        errors::invalid_subnet_range(fmt::format("The CIDR '{}' is invalid: it is not within {}.", text, vpc.id)));
  }
  TRY(const auto subnets, view.of_vpc<SubnetRecord>(vpc.id));
  for (const SubnetRecord& subnet : subnets) {
    TRY(const auto taken, Cidr::parse(subnet.cidr));
    if (taken.overlaps(cidr)) {
      return refuse(errors::invalid_subnet_conflict(
          fmt::format("The CIDR '{}' conflicts with another subnet: {} has {}", text, subnet.id, subnet.cidr)));
    }
  }
  if (subnets.size() >= max_subnets) {
    return refuse(
        errors::subnet_limit_exceeded(fmt::format("The maximum number of subnets of a VPC is {}.", max_subnets)));
  }
  return {};
}

// A new subnet comes under its VPC's default network ACL.
Outcome<void> put_under_acl(store::Transaction& tx, const View& view, const SubnetRecord& subnet, std::string id) {
  TRY(auto acls, view.of_vpc<AclRecord>(subnet.vpc_id));
  for (AclRecord& acl : acls) {
    if (!acl.is_default) continue;
    acl.associations.push_back({.id = std::move(id), .subnet_id = subnet.id});
    save(tx, acl);
    break;
  }
  return {};
}

template <class R>
Result<void> drop_associations(store::Transaction& tx, const View& view, const SubnetRecord& subnet) {
  TRY(auto records, view.of_vpc<R>(subnet.vpc_id));
  for (R& record : records) {
    if (std::erase_if(record.associations, [&](const auto& a) { return a.subnet_id == subnet.id; }) > 0)
      save(tx, record);
  }
  return {};
}

}  // namespace

int32_t free_address_count(const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces) {
  const auto cidr = Cidr::parse(subnet.cidr);
  const auto used = std::ranges::count(interfaces, subnet.id, &InterfaceRecord::subnet_id);
  return cidr ? static_cast<int32_t>(cidr->size() - reserved_addresses - used) : 0;
}

Outcome<std::string> free_address(const SubnetRecord& subnet, const std::vector<InterfaceRecord>& interfaces) {
  TRY(const auto cidr, Cidr::parse(subnet.cidr));
  std::set<std::string> taken;
  for (const InterfaceRecord& interface : interfaces) {
    if (interface.subnet_id == subnet.id) taken.insert(interface.private_ip);
  }
  for (int64_t offset = reserved_at_start; offset < cidr.size() - 1; ++offset) {
    std::string address = cidr.address(offset);
    if (!taken.contains(address)) return address;
  }
  return refuse(aws::ApiError("InsufficientFreeAddressesInSubnet", 400,
                              fmt::format("{} ({}) has no free address left", subnet.id, subnet.cidr)));
}

Task<Outcome<api::CreateSubnetResult>> Service::create_subnet(Call& call, api::CreateSubnetRequest input) {
  if (input.ipv6_cidr_block || input.ipv6_native.value_or(false) || input.ipv6_ipam_pool_id || input.outpost_arn ||
      input.ipv4_ipam_pool_id || input.ipv4_netmask_length || input.ipv6_netmask_length) {
    co_return refuse(errors::unsupported_operation("IPv6 blocks, IPAM pools and Outposts of subnets: not served here"));
  }
  if (!input.cidr_block)
    co_return refuse(errors::missing_parameter("The request must contain the parameter cidrBlock"));
  const auto cidr = Cidr::parse(*input.cidr_block);
  if (!cidr) {
    co_return refuse(errors::invalid_parameter_value(fmt::format(
        "Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *input.cidr_block)));
  }
  CO_TRY(auto tags, tags_of(input.tag_specifications, SubnetRecord::type));
  CO_TRY(const Zone zone, choose_zone(call.region, input.availability_zone, input.availability_zone_id));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  CO_CHECK(check_block(view, vpc, *cidr));
  const SubnetRecord subnet{.id = make_id("subnet-"),
                            .vpc_id = vpc.id,
                            .cidr = cidr->to_string(),
                            .zone = zone.name,
                            .tags = std::move(tags)};
  save(tx, subnet);
  CO_CHECK(put_under_acl(tx, view, subnet, make_id("aclassoc-")));
  CO_CHECK(co_await tx.commit());
  co_return api::CreateSubnetResult{.subnet = to_subnet(view.place(), subnet, {})};
}

Task<Outcome<api::CreateDefaultSubnetResult>> Service::create_default_subnet(Call& call,
                                                                             api::CreateDefaultSubnetRequest input) {
  if (input.ipv6_native.value_or(false))
    co_return refuse(errors::unsupported_operation("IPv6-only subnets: not served here"));
  CO_TRY(const Zone zone, choose_zone(call.region, input.availability_zone, input.availability_zone_id));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpcs, view.all<VpcRecord>());
  const auto vpc = std::ranges::find_if(vpcs, &VpcRecord::is_default);
  if (vpc == vpcs.end()) {
    co_return refuse(aws::ApiError("DefaultVpcDoesNotExist", 400, "There is no default VPC in this region."));
  }
  CO_TRY(const auto subnets, view.of_vpc<SubnetRecord>(vpc->id));
  for (const SubnetRecord& subnet : subnets) {
    if (!subnet.is_default || subnet.zone != zone.name) continue;
    co_return refuse(errors::default_subnet_already_exists_in_availability_zone(
        fmt::format("'{}' is already the default subnet in {}.", subnet.id, zone.name)));
  }
  const std::vector<Zone> all_zones = zones(call.region);
  const auto index = static_cast<size_t>(std::ranges::find(all_zones, zone.name, &Zone::name) - all_zones.begin());
  CO_TRY(const auto cidr, Cidr::parse(default_subnet_cidr(index)));
  CO_CHECK(check_block(view, *vpc, cidr));
  const SubnetRecord subnet{.id = make_id("subnet-"),
                            .vpc_id = vpc->id,
                            .cidr = cidr.to_string(),
                            .zone = zone.name,
                            .is_default = true,
                            .public_ip_on_launch = true};
  save(tx, subnet);
  CO_CHECK(put_under_acl(tx, view, subnet, make_id("aclassoc-")));
  CO_CHECK(co_await tx.commit());
  co_return api::CreateDefaultSubnetResult{.subnet = to_subnet(view.place(), subnet, {})};
}

Task<Outcome<api::DeleteSubnetOutput>> Service::delete_subnet(Call& call, api::DeleteSubnetRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto subnet, view.need<SubnetRecord>(input.subnet_id));
  CO_TRY(const auto interfaces, view.all<InterfaceRecord>());
  for (const InterfaceRecord& interface : interfaces) {
    if (interface.subnet_id != subnet.id) continue;
    co_return refuse(errors::dependency_violation(
        fmt::format("The subnet '{}' has dependencies and cannot be deleted: {} ({}) is in it.", subnet.id,
                    interface.id, interface.description)));
  }
  CO_CHECK(drop_associations<AclRecord>(tx, view, subnet));
  CO_CHECK(drop_associations<RouteTableRecord>(tx, view, subnet));
  erase(tx, subnet);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteSubnetOutput{};
}

Task<Outcome<api::DescribeSubnetsResult>> Service::describe_subnets(Call& call, api::DescribeSubnetsRequest input) {
  const View view = seen(call);
  CO_TRY(const auto interfaces, view.all<InterfaceRecord>());
  CO_TRY(auto subnets,
         co_await select<SubnetRecord>(view, input.subnet_ids, input.filters, [&](const SubnetRecord& subnet) {
           return attributes(view.place(), subnet, interfaces);
         }));
  CO_TRY(auto next, cut_page(subnets, input.max_results, input.next_token, &SubnetRecord::id));
  co_return api::DescribeSubnetsResult{.next_token = std::move(next),
                                       .subnets = show_all(subnets, [&](const SubnetRecord& subnet) {
                                         return to_subnet(view.place(), subnet, interfaces);
                                       })};
}

Task<Outcome<api::ModifySubnetAttributeOutput>> Service::modify_subnet_attribute(
    Call& call, api::ModifySubnetAttributeRequest input) {
  const auto wants = [](const std::optional<api::AttributeBooleanValue>& v) { return v && v->value.value_or(false); };
  if (wants(input.assign_ipv6_address_on_creation) || wants(input.map_customer_owned_ip_on_launch) ||
      input.customer_owned_ipv4_pool || wants(input.enable_dns64) || input.enable_lni_at_device_index ||
      wants(input.disable_lni_at_device_index) || wants(input.enable_resource_name_dns_aaaa_record_on_launch)) {
    co_return refuse(errors::unsupported_operation("IPv6, Outposts and DNS64 of subnets: not served here"));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto subnet, seen(call, tx).need<SubnetRecord>(input.subnet_id));
  if (input.map_public_ip_on_launch) subnet.public_ip_on_launch = wants(input.map_public_ip_on_launch);
  if (input.enable_resource_name_dns_a_record_on_launch) {
    subnet.dns_a_record = wants(input.enable_resource_name_dns_a_record_on_launch);
  }
  if (input.private_dns_hostname_type_on_launch) {
    subnet.hostname_type = *input.private_dns_hostname_type_on_launch;
    if (subnet.hostname_type != "ip-name" && subnet.hostname_type != "resource-name") {
      co_return refuse(errors::invalid_parameter_value(
          fmt::format("Value ({}) for parameter privateDnsHostnameType is invalid. Must be ip-name or resource-name.",
                      subnet.hostname_type)));
    }
  }
  save(tx, subnet);
  CO_CHECK(co_await tx.commit());
  co_return api::ModifySubnetAttributeOutput{};
}

}  // namespace boreal::ec2
