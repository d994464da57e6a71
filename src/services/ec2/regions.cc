#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

bool names(const Ids& ids, const std::string& id) {
  return !ids || ids->empty() || std::ranges::find(*ids, id) != ids->end();
}

api::AvailabilityZone to_zone(const std::string& region, const Zone& zone) {
  api::AvailabilityZone out{.opt_in_status = "opt-in-not-required", .region_name = region, .zone_name = zone.name};
  out.messages.emplace();
  out.zone_id = zone.id;
  out.group_name = region + "-zg-1";
  out.network_border_group = region;
  out.zone_type = "availability-zone";
  out.state = "available";
  return out;
}

Attributes attributes(const std::string& region, const Zone& zone) {
  return {{"group-name", {region + "-zg-1"}},
          {"group-long-name", {}},
          {"message", {}},
          {"network-border-group", {region}},
          {"opt-in-status", {"opt-in-not-required"}},
          {"parent-zone-id", {}},
          {"parent-zone-name", {}},
          {"region-name", {region}},
          {"state", {"available"}},
          {"zone-id", {zone.id}},
          {"zone-name", {zone.name}},
          {"zone-type", {"availability-zone"}}};
}

// Here every region is served, so those that an account would have to ask for have been.
std::string opt_in_status(const RegionInfo& region) { return region.opt_in ? "opted-in" : "opt-in-not-required"; }
std::string endpoint(const RegionInfo& region) { return fmt::format("ec2.{}.amazonaws.com", region.name); }

Attributes attributes(const RegionInfo& region) {
  return {{"endpoint", {endpoint(region)}},
          {"opt-in-status", {opt_in_status(region)}},
          {"region-name", {std::string(region.name)}}};
}

api::AccountAttribute attribute(std::string name, std::string value) {
  return {.attribute_name = std::move(name),
          .attribute_values = std::vector<api::AccountAttributeValue>{{.attribute_value = std::move(value)}}};
}

}  // namespace

Task<Outcome<api::DescribeAvailabilityZonesResult>> Service::describe_availability_zones(
    Call& call, api::DescribeAvailabilityZonesRequest input) {
  for (const Ids& ids : {input.zone_names, input.zone_ids}) {
    for (const std::string& id : ids.value_or(std::vector<std::string>())) {
      if (find_zone(call.region, id)) continue;
      co_return refuse(errors::invalid_parameter_value(fmt::format("Invalid availability zone: [{}]", id)));
    }
  }
  api::DescribeAvailabilityZonesResult out;
  out.availability_zones.emplace();
  for (const Zone& zone : zones(call.region)) {
    CO_TRY(const bool fit, matches(input.filters, attributes(call.region, zone)));
    if (!fit || !names(input.zone_names, zone.name) || !names(input.zone_ids, zone.id)) continue;
    out.availability_zones->push_back(to_zone(call.region, zone));
  }
  co_return out;
}

Task<Outcome<api::DescribeRegionsResult>> Service::describe_regions(Call&, api::DescribeRegionsRequest input) {
  for (const std::string& name : input.region_names.value_or(std::vector<std::string>())) {
    if (std::ranges::find(regions(), name, &RegionInfo::name) != regions().end()) continue;
    co_return refuse(errors::invalid_parameter_value(fmt::format("Invalid region(s): [{}]", name)));
  }
  api::DescribeRegionsResult out;
  out.regions.emplace();
  for (const RegionInfo& region : regions()) {
    CO_TRY(const bool fit, matches(input.filters, attributes(region)));
    const std::string name(region.name);
    if (!fit || !names(input.region_names, name)) continue;
    out.regions->push_back({.opt_in_status = opt_in_status(region), .region_name = name, .endpoint = endpoint(region)});
  }
  co_return out;
}

Task<Outcome<api::DescribeAccountAttributesResult>> Service::describe_account_attributes(
    Call& call, api::DescribeAccountAttributesRequest input) {
  CO_TRY(const auto vpcs, seen(call).all<VpcRecord>());
  const auto vpc = std::ranges::find_if(vpcs, &VpcRecord::is_default);
  const std::vector<api::AccountAttribute> all{
      attribute("supported-platforms", "VPC"),
      attribute("default-vpc", vpc == vpcs.end() ? "none" : vpc->id),
      attribute("vpc-max-security-groups-per-interface", "5"),
      // There are no instances and no elastic addresses here.
      attribute("max-instances", "0"),
      attribute("max-elastic-ips", "0"),
      attribute("vpc-max-elastic-ips", "0"),
  };
  for (const std::string& name : input.attribute_names.value_or(std::vector<std::string>())) {
    const auto same = [&](const api::AccountAttribute& a) { return a.attribute_name == name; };
    if (std::ranges::any_of(all, same)) continue;
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter attributeName is invalid. Unknown account attribute.", name)));
  }
  api::DescribeAccountAttributesResult out;
  out.account_attributes.emplace();
  for (const api::AccountAttribute& a : all) {
    if (names(input.attribute_names, *a.attribute_name)) out.account_attributes->push_back(a);
  }
  co_return out;
}

}  // namespace boreal::ec2
