#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr std::string_view default_name = "default";

aws::ApiError no_group(const std::string& name) {
  return errors::db_subnet_group_not_found_fault(fmt::format("DB subnet group '{}' does not exist.", name));
}

Outcome<std::string> checked_name(std::string_view name) {
  const std::string lower = to_lower(name);
  const bool good = !lower.empty() && lower.size() <= 255 && std::ranges::all_of(lower, [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '_' || c == ' ' || c == '-';
  });
  if (good && lower != default_name) return lower;
  return refuse(errors::invalid_parameter_value(
      fmt::format("The parameter DBSubnetGroupName is not a valid identifier: '{}'. Only letters, digits, spaces, "
                  "periods, underscores and hyphens, at most 255, and not 'default'.",
                  name)));
}

}  // namespace

// The subnets must be there, in one VPC, and in two availability zones at least.
Task<Outcome<std::vector<SubnetGroupRecord::Member>>> Service::resolve_subnets(const aws::Call& call,
                                                                               std::vector<std::string> ids,
                                                                               std::string& vpc_id) {
  std::vector<SubnetGroupRecord::Member> members;
  std::set<std::string> zones;
  std::set<std::string> seen;
  for (const auto& id : ids) {
    if (!seen.insert(id).second) continue;
    auto subnet = network_.subnet(call.account, call.region, id);
    if (!subnet) {
      co_return refuse(
          errors::invalid_subnet(fmt::format("Some input subnets in :[{}] are invalid.", join(ids, ", "))));
    }
    if (!vpc_id.empty() && vpc_id != subnet->vpc_id) {
      co_return refuse(errors::invalid_subnet(
          fmt::format("The specified subnets are not all in the same VPC: {} is in {}, others in {}.", id,
                      subnet->vpc_id, vpc_id)));
    }
    vpc_id = subnet->vpc_id;
    zones.insert(subnet->availability_zone);
    members.push_back({id, subnet->availability_zone});
  }
  if (zones.size() < 2) {
    co_return refuse(errors::db_subnet_group_does_not_cover_enough_azs(fmt::format(
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. Add "
        "subnets to cover at least 2 AZs.",
        join(zones, ", "))));
  }
  co_return members;
}

// "default" is made of the default VPC's subnets.
Outcome<SubnetGroupRecord> Service::subnet_group(const store::Transaction& tx, const Place& place, std::string name) {
  name = to_lower(name);
  auto found = load<SubnetGroupRecord>(tx, SubnetGroupRecord::key(name));
  if (!found) return refuse(found.error());
  if (*found) return **found;
  if (name != default_name) return refuse(no_group(name));
  auto subnets = network_.default_subnets(place.account, place.region);
  if (!subnets || subnets->empty()) return refuse(no_group(name));
  SubnetGroupRecord group{.name = name, .description = "default", .vpc_id = subnets->front().vpc_id};
  for (const auto& subnet : *subnets) group.subnets.push_back({subnet.id, subnet.availability_zone});
  return group;
}

Task<Outcome<api::CreateDBSubnetGroupResult>> Service::create_db_subnet_group(aws::Call& call,
                                                                              api::CreateDBSubnetGroupMessage input) {
  SubnetGroupRecord group{.description = input.db_subnet_group_description, .resource_id = context_.random.uuid()};
  CO_TRY(group.name, checked_name(input.db_subnet_group_name));
  CO_TRY(group.tags, checked_tags(input.tags));
  CO_TRY(group.subnets, co_await resolve_subnets(call, input.subnet_ids, group.vpc_id));
  CO_TRY(auto tx, co_await begin(call));
  const std::string key = SubnetGroupRecord::key(group.name);
  CO_TRY(const auto there, tx.get(key));
  if (there) {
    co_return refuse(errors::db_subnet_group_already_exists_fault(
        fmt::format("The DB subnet group '{}' already exists.", group.name)));
  }
  tx.put(key, store::encode(group));
  CO_CHECK(co_await tx.commit());
  co_return api::CreateDBSubnetGroupResult{to_api(group, place_of(call))};
}

Task<Outcome<api::ModifyDBSubnetGroupResult>> Service::modify_db_subnet_group(aws::Call& call,
                                                                              api::ModifyDBSubnetGroupMessage input) {
  std::string vpc_id;
  CO_TRY(auto subnets, co_await resolve_subnets(call, input.subnet_ids, vpc_id));
  CO_TRY(auto tx, co_await begin(call));
  const std::string name = to_lower(input.db_subnet_group_name);
  CO_TRY(auto group, load<SubnetGroupRecord>(tx, SubnetGroupRecord::key(name)));
  if (!group) co_return refuse(no_group(name));
  if (vpc_id != group->vpc_id) {
    co_return refuse(errors::invalid_subnet(
        fmt::format("The new subnets are not in the same VPC as the existing subnet group ({}).", group->vpc_id)));
  }
  CO_TRY(const auto clusters, load_all<ClusterRecord>(tx, "cluster/"));
  CO_TRY(const auto instances, load_all<InstanceRecord>(tx, "db/"));
  for (const auto& cluster : clusters) {
    if (cluster.subnet_group != name) continue;
    for (const auto& instance : instances) {
      const bool kept = std::ranges::any_of(subnets, [&](const auto& s) { return s.id == instance.subnet_id; });
      if (instance.cluster_id == cluster.id && !kept) {
        co_return refuse(errors::subnet_already_in_use(
            fmt::format("The subnet {} is in use by the DB instance {}.", instance.subnet_id, instance.id)));
      }
    }
  }
  group->subnets = std::move(subnets);
  if (input.db_subnet_group_description) group->description = *input.db_subnet_group_description;
  tx.put(SubnetGroupRecord::key(name), store::encode(*group));
  CO_CHECK(co_await tx.commit());
  co_return api::ModifyDBSubnetGroupResult{to_api(*group, place_of(call))};
}

Task<Outcome<api::DeleteDBSubnetGroupOutput>> Service::delete_db_subnet_group(aws::Call& call,
                                                                              api::DeleteDBSubnetGroupMessage input) {
  const std::string name = to_lower(input.db_subnet_group_name);
  if (name == default_name) {
    co_return refuse(errors::invalid_db_subnet_group_state_fault("The default DB subnet group cannot be deleted."));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto there, tx.get(SubnetGroupRecord::key(name)));
  if (!there) co_return refuse(no_group(name));
  CO_TRY(const auto clusters, load_all<ClusterRecord>(tx, "cluster/"));
  for (const auto& cluster : clusters) {
    if (cluster.subnet_group == name) {
      co_return refuse(errors::invalid_db_subnet_group_state_fault(fmt::format(
          "Cannot delete the subnet group '{}' because at least one database cluster: {} is still using it.", name,
          cluster.id)));
    }
  }
  tx.remove(SubnetGroupRecord::key(name));
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteDBSubnetGroupOutput();
}

Task<Outcome<api::DBSubnetGroupMessage>> Service::describe_db_subnet_groups(aws::Call& call,
                                                                            api::DescribeDBSubnetGroupsMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  std::vector<SubnetGroupRecord> groups;
  if (input.db_subnet_group_name) {
    CO_TRY(auto group, subnet_group(tx, place_of(call), name_of(*input.db_subnet_group_name)));
    groups.push_back(std::move(group));
  } else {
    CO_TRY(groups, load_all<SubnetGroupRecord>(tx, "subgrp/"));
    if (auto group = subnet_group(tx, place_of(call), std::string(default_name))) groups.push_back(std::move(*group));
    std::ranges::sort(groups, {}, &SubnetGroupRecord::name);
  }
  api::DBSubnetGroupMessage output;
  CO_TRY(const auto shown, page(std::move(groups), input.marker, input.max_records, output.marker,
                                [](const SubnetGroupRecord& g) { return g.name; }));
  output.db_subnet_groups.emplace();
  for (const auto& group : shown) output.db_subnet_groups->push_back(to_api(group, place_of(call)));
  co_return output;
}

}  // namespace boreal::rds
