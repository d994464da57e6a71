#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "dms/convert.h"
#include "dms/offers.h"
#include "dms/service.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr std::string_view default_name = "default";

Outcome<std::string> checked_name(std::string_view name) {
  const std::string lower = to_lower(name);
  const bool good = !lower.empty() && lower.size() <= 255 && std::ranges::all_of(lower, [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '_' || c == ' ' || c == '-';
  });
  if (good && lower != default_name) return lower;
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("The parameter ReplicationSubnetGroupIdentifier '{}' is not valid: only letters, digits, spaces, "
                  "periods, underscores and hyphens, at most 255, and not 'default'.",
                  name)));
}

aws::ApiError no_group(const std::string& name) {
  return errors::resource_not_found_fault(fmt::format("Replication subnet group '{}' not found.", name));
}

}  // namespace

// The subnets must be there, in one VPC, and in two availability zones at least.
Outcome<std::vector<SubnetGroupRecord::Member>> Service::resolve_subnets(const Place& place,
                                                                         const std::vector<std::string>& ids,
                                                                         std::string& vpc_id) {
  std::vector<SubnetGroupRecord::Member> members;
  std::set<std::string> zones;
  std::set<std::string> seen;
  for (const auto& id : ids) {
    if (!seen.insert(id).second) continue;
    const auto subnet = tools_.network.subnet(place.account, place.region, id);
    if (!subnet) return refuse(errors::invalid_subnet(fmt::format("The subnet '{}' does not exist.", id)));
    if (!vpc_id.empty() && vpc_id != subnet->vpc_id) {
      return refuse(errors::invalid_subnet(
          fmt::format("The subnets are not all in the same VPC: {} is in {}, not in {}.", id, subnet->vpc_id, vpc_id)));
    }
    vpc_id = subnet->vpc_id;
    zones.insert(subnet->availability_zone);
    members.push_back({id, subnet->availability_zone});
  }
  if (zones.size() < 2) {
    return refuse(errors::replication_subnet_group_does_not_cover_enough_azs(
        fmt::format("The replication subnet group must have subnets in at least two Availability Zones; these are in "
                    "[{}].",
                    join(zones, ", "))));
  }
  return members;
}

// "default" is made of the default VPC's subnets.
Outcome<SubnetGroupRecord> Service::subnet_group(const store::Transaction& tx, const Place& place,
                                                 const std::string& name) {
  auto found = load<SubnetGroupRecord>(tx, name);
  if (!found) return refuse(found.error());
  if (*found) return std::move(**found);
  if (name != default_name) return refuse(no_group(name));
  const auto subnets = tools_.network.default_subnets(place.account, place.region);
  if (!subnets || subnets->empty()) {
    return refuse(errors::resource_not_found_fault(
        "There is no default replication subnet group, because the region has no default VPC; name one with "
        "ReplicationSubnetGroupIdentifier."));
  }
  SubnetGroupRecord group{.name = name, .description = "default", .vpc_id = subnets->front().vpc_id};
  for (const auto& subnet : *subnets) group.subnets.push_back({subnet.id, subnet.availability_zone});
  return group;
}

Task<Outcome<api::CreateReplicationSubnetGroupResponse>> Service::create_replication_subnet_group(
    aws::Call& call, api::CreateReplicationSubnetGroupMessage input) {
  SubnetGroupRecord group{.description = input.replication_subnet_group_description};
  CO_TRY(group.name, checked_name(input.replication_subnet_group_identifier));
  CO_CHECK(check_printable(group.description, "ReplicationSubnetGroupDescription"));
  CO_TRY(group.tags, checked_tags(input.tags));
  CO_TRY(group.subnets, resolve_subnets(place_of(call), input.subnet_ids, group.vpc_id));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto all, load_all<SubnetGroupRecord>(tx));
  if (std::ranges::find(all, group.name, &SubnetGroupRecord::name) != all.end()) {
    co_return refuse(errors::resource_already_exists_fault(
        fmt::format("The replication subnet group '{}' already exists.", group.name)));
  }
  CO_CHECK(check_quota(Quota::subnet_groups, all.size()));
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateReplicationSubnetGroupResponse{to_api(group)};
}

Task<Outcome<api::ModifyReplicationSubnetGroupResponse>> Service::modify_replication_subnet_group(
    aws::Call& call, api::ModifyReplicationSubnetGroupMessage input) {
  std::string vpc_id;
  CO_TRY(auto subnets, resolve_subnets(place_of(call), input.subnet_ids, vpc_id));
  if (input.replication_subnet_group_description) {
    CO_CHECK(check_printable(*input.replication_subnet_group_description, "ReplicationSubnetGroupDescription"));
  }
  const std::string name = to_lower(input.replication_subnet_group_identifier);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto group, load<SubnetGroupRecord>(tx, name));
  if (!group) co_return refuse(no_group(name));
  if (vpc_id != group->vpc_id) {
    co_return refuse(errors::invalid_subnet(
        fmt::format("The new subnets are in {}, and the group '{}' is of {}.", vpc_id, name, group->vpc_id)));
  }
  CO_TRY(const auto instances, load_all<InstanceRecord>(tx));
  for (const auto& instance : instances) {
    const bool kept = std::ranges::find(subnets, instance.subnet_id, &SubnetGroupRecord::Member::id) != subnets.end();
    if (instance.subnet_group == name && !kept) {
      co_return refuse(errors::subnet_already_in_use(
          fmt::format("The subnet {} is in use by the replication instance '{}'.", instance.subnet_id, instance.name)));
    }
  }
  group->subnets = std::move(subnets);
  if (input.replication_subnet_group_description) group->description = *input.replication_subnet_group_description;
  save(tx, *group);
  CO_CHECK(co_await tx.commit());
  co_return api::ModifyReplicationSubnetGroupResponse{to_api(*group)};
}

Task<Outcome<api::DeleteReplicationSubnetGroupResponse>> Service::delete_replication_subnet_group(
    aws::Call& call, api::DeleteReplicationSubnetGroupMessage input) {
  const std::string name = to_lower(input.replication_subnet_group_identifier);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto group, load<SubnetGroupRecord>(tx, name));
  if (!group) co_return refuse(no_group(name));
  CO_TRY(const auto instances, load_all<InstanceRecord>(tx));
  for (const auto& instance : instances) {
    if (instance.subnet_group == name) {
      co_return refuse(errors::invalid_resource_state_fault(
          fmt::format("Cannot delete the replication subnet group '{}' because the replication instance '{}' is still "
                      "using it.",
                      name, instance.name)));
    }
  }
  erase(tx, *group);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteReplicationSubnetGroupResponse();
}

Task<Outcome<api::DescribeReplicationSubnetGroupsResponse>> Service::describe_replication_subnet_groups(
    aws::Call& call, api::DescribeReplicationSubnetGroupsMessage input) {
  static const FilterTable<SubnetGroupRecord> table = {
      {"replication-subnet-group-id", [](const SubnetGroupRecord& g) { return g.name; }}};
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto all, load_all<SubnetGroupRecord>(tx));
  CO_TRY(all, filtered(std::move(all), input.filters, table, "replication subnet groups"));
  api::DescribeReplicationSubnetGroupsResponse output;
  CO_TRY(const auto shown, page(std::move(all), input.marker, input.max_records, output.marker,
                                [](const SubnetGroupRecord& g) { return g.name; }));
  output.replication_subnet_groups.emplace();
  for (const auto& group : shown) output.replication_subnet_groups->push_back(to_api(group));
  co_return output;
}

}  // namespace boreal::dms
