#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "base/text.h"
#include "codec/time.h"
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

using Names = std::map<std::string, std::string>;  // of groups, by id

// "rds:prod-aurora-instance-1" -> "amazon-rds", as AWS's own interfaces say who asked for them.
std::string requester(const InterfaceRecord& interface) {
  return "amazon-" + interface.owner.substr(0, interface.owner.find(':'));
}

std::vector<api::GroupIdentifier> to_groups(const InterfaceRecord& interface, const Names& names) {
  std::vector<api::GroupIdentifier> out;
  for (const std::string& id : interface.group_ids) {
    const auto name = names.find(id);
    out.push_back({.group_id = id, .group_name = name == names.end() ? "" : name->second});
  }
  return out;
}

// "ip-10-0-1-5.ec2.internal"
std::string private_dns_name(const Place& place, std::string address) {
  std::ranges::replace(address, '.', '-');
  return fmt::format("ip-{}.{}", address,
                     place.region == "us-east-1" ? "ec2.internal" : place.region + ".compute.internal");
}

api::NetworkInterfaceAttachment to_attachment(const InterfaceRecord& interface) {
  return {.attach_time = interface.created,
          .attachment_id = interface.attachment_id,
          .delete_on_termination = false,
          .device_index = 1,
          .instance_owner_id = requester(interface),
          .status = "attached"};
}

api::NetworkInterface to_interface(const Place& place, const InterfaceRecord& interface, const Names& names) {
  api::NetworkInterface out{.attachment = to_attachment(interface), .availability_zone = interface.zone};
  out.description = interface.description;
  out.groups = to_groups(interface, names);
  out.interface_type = "interface";
  out.ipv6_addresses.emplace();
  out.mac_address = interface.mac;
  out.network_interface_id = interface.id;
  out.owner_id = place.account;
  out.private_dns_name = private_dns_name(place, interface.private_ip);
  out.private_ip_address = interface.private_ip;
  out.private_ip_addresses = std::vector<api::NetworkInterfacePrivateIpAddress>{
      {.primary = true, .private_dns_name = out.private_dns_name, .private_ip_address = interface.private_ip}};
  out.requester_id = requester(interface);
  out.requester_managed = true;
  out.source_dest_check = true;
  out.status = "in-use";
  out.subnet_id = interface.subnet_id;
  out.tag_set = to_tags(interface.tags);
  out.vpc_id = interface.vpc_id;
  if (const auto zone = find_zone(place.region, interface.zone)) out.availability_zone_id = zone->id;
  return out;
}

Attributes attributes(const Place& place, const InterfaceRecord& interface, const Names& names) {
  Attributes all{{"addresses.private-ip-address", {interface.private_ip}},
                 {"addresses.primary", {"true"}},
                 {"association.allocation-id", {}},
                 {"association.association-id", {}},
                 {"association.ip-owner-id", {}},
                 {"association.public-dns-name", {}},
                 {"addresses.association.owner-id", {}},
                 {"addresses.association.public-ip", {}},
                 {"association.public-ip", {}},
                 {"attachment.attach-time", {codec::format_iso8601(interface.created, codec::Fraction::milliseconds)}},
                 {"attachment.attachment-id", {interface.attachment_id}},
                 {"attachment.delete-on-termination", {"false"}},
                 {"attachment.device-index", {"1"}},
                 {"attachment.instance-id", {}},
                 {"attachment.instance-owner-id", {requester(interface)}},
                 {"attachment.status", {"attached"}},
                 {"availability-zone", {interface.zone}},
                 {"availability-zone-id", {}},
                 {"description", {interface.description}},
                 {"group-id", interface.group_ids},
                 {"group-name", {}},
                 {"interface-type", {"interface"}},
                 {"ipv6-addresses.ipv6-address", {}},
                 {"mac-address", {interface.mac}},
                 {"network-interface-id", {interface.id}},
                 {"operator.managed", {"false"}},
                 {"operator.principal", {}},
                 {"owner-id", {place.account}},
                 {"private-dns-name", {private_dns_name(place, interface.private_ip)}},
                 {"private-ip-address", {interface.private_ip}},
                 {"requester-id", {requester(interface)}},
                 {"requester-managed", {"true"}},
                 {"source-dest-check", {"true"}},
                 {"status", {"in-use"}},
                 {"subnet-id", {interface.subnet_id}},
                 {"vpc-id", {interface.vpc_id}}};
  if (const auto zone = find_zone(place.region, interface.zone)) all["availability-zone-id"] = {zone->id};
  all["private-ip-addresses"] = all["addresses.private-ip-address"];
  for (const auto& group : to_groups(interface, names)) all["group-name"].push_back(*group.group_name);
  add_tags(all, interface.tags);
  return all;
}

Task<Outcome<Names>> group_names(const View& view) {
  CO_TRY(const auto groups, co_await find_named<GroupRecord>(view, std::nullopt));
  Names names;
  for (const GroupRecord& group : groups) names.emplace(group.id, group.name);
  co_return names;
}

}  // namespace

Task<Outcome<api::DescribeNetworkInterfacesResult>> Service::describe_network_interfaces(
    Call& call, api::DescribeNetworkInterfacesRequest input) {
  const View view = seen(call);
  CO_TRY(const auto names, co_await group_names(view));
  CO_TRY(auto interfaces, co_await select<InterfaceRecord>(
                              view, input.network_interface_ids, input.filters,
                              [&](const InterfaceRecord& i) { return attributes(view.place(), i, names); }));
  CO_TRY(auto next, cut_page(interfaces, input.max_results, input.next_token, &InterfaceRecord::id));
  api::DescribeNetworkInterfacesResult out{.next_token = std::move(next)};
  out.network_interfaces =
      show_all(interfaces, [&](const InterfaceRecord& i) { return to_interface(view.place(), i, names); });
  co_return out;
}

Task<Outcome<api::DescribeNetworkInterfaceAttributeResult>> Service::describe_network_interface_attribute(
    Call& call, api::DescribeNetworkInterfaceAttributeRequest input) {
  const View view = seen(call);
  CO_TRY(const auto interface, view.need<InterfaceRecord>(input.network_interface_id));
  CO_TRY(const auto names, co_await group_names(view));
  api::DescribeNetworkInterfaceAttributeResult out{.network_interface_id = interface.id};
  const std::string attribute = input.attribute.value_or("");
  if (attribute == "description") {
    out.description = {.value = interface.description};
  } else if (attribute == "groupSet") {
    out.groups = to_groups(interface, names);
  } else if (attribute == "sourceDestCheck") {
    out.source_dest_check = {.value = true};
  } else if (attribute == "attachment") {
    out.attachment = to_attachment(interface);
  } else if (attribute == "associatePublicIpAddress") {
    out.associate_public_ip_address = false;
  } else {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter attribute is invalid. Unknown network interface attribute.", attribute)));
  }
  co_return out;
}

}  // namespace boreal::ec2
