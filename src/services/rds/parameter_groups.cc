// Cluster and instance parameter groups: they differ in their key and in the words of the API.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr std::string_view default_prefix = "default.";
constexpr std::string_view family_prefix = "aurora-postgresql";

std::string key_of(const std::string& name, bool of_cluster) {
  return of_cluster ? cluster_group_key(name) : instance_group_key(name);
}

// Both kinds are not found under the code of the plain group: so the API has it.
aws::ApiError no_group(const std::string& name, bool of_cluster) {
  return errors::db_parameter_group_not_found_fault(
      fmt::format("{} not found: {}", of_cluster ? "DBClusterParameterGroup" : "DBParameterGroup", name));
}

api::DBClusterParameterGroup to_cluster_api(const ParameterGroupRecord& group, const Place& place) {
  return {group.name, group.family, group.description, place.arn("cluster-pg", group.name)};
}
api::DBParameterGroup to_instance_api(const ParameterGroupRecord& group, const Place& place) {
  return {group.name, group.family, group.description, place.arn("pg", group.name)};
}

bool uses(const ClusterRecord& cluster, const std::string& name) { return cluster.parameter_group == name; }
bool uses(const InstanceRecord& instance, const std::string& name) { return instance.parameter_group == name; }

template <class R>
Outcome<void> check_unused(const store::Transaction& tx, std::string_view prefix, const std::string& name) {
  TRY(const auto users, load_all<R>(tx, prefix));
  for (const auto& user : users) {
    if (uses(user, name)) {
      return refuse(errors::invalid_db_parameter_group_state_fault(fmt::format(
          "One or more database instances are still members of this parameter group {}, so the group cannot "
          "be deleted: {}",
          name, user.id)));
    }
  }
  return {};
}

}  // namespace

Task<Outcome<int>> Service::major_of_family(std::string family) {
  CO_TRY(const auto served, co_await engines_.served());
  std::vector<std::string> names;
  for (const auto& [asked, installation] : served) {
    names.push_back(fmt::format("{}{}", family_prefix, asked));
    if (names.back() == family) co_return installation->major;
  }
  co_return refuse(errors::invalid_parameter_value(fmt::format(
      "ParameterGroupFamily {} is not a valid parameter group family; served are: {}", family, join(names, ", "))));
}

// A default group is there for every family that is served; nobody can change it.
Task<Outcome<ParameterGroupRecord>> Service::parameter_group(const aws::Call& call, std::string name, bool of_cluster) {
  name = name_of(name);
  CO_TRY(auto group, load<ParameterGroupRecord>(context_.catalog, place_of(call), key_of(name, of_cluster)));
  if (group) co_return std::move(*group);
  if (!name.starts_with(default_prefix)) co_return refuse(no_group(name, of_cluster));
  ParameterGroupRecord fallback{.name = name, .family = name.substr(default_prefix.size())};
  if (!co_await major_of_family(fallback.family)) co_return refuse(no_group(name, of_cluster));
  fallback.description =
      fmt::format("Default {} parameter group for {}", of_cluster ? "cluster" : "instance", fallback.family);
  co_return fallback;
}

Task<Outcome<void>> Service::check_parameter_group(const aws::Call& call, std::string name, std::string family,
                                                   bool of_cluster) {
  CO_TRY(const auto group, co_await parameter_group(call, name, of_cluster));
  if (group.family == family) co_return Outcome<void>();
  co_return refuse(errors::invalid_parameter_combination(fmt::format(
      "The Parameter Group {} with DBParameterGroupFamily {} cannot be used for this instance. Please use a "
      "Parameter Group with DBParameterGroupFamily {}",
      name, group.family, family)));
}

Task<Outcome<ParameterGroupRecord>> Service::create_parameter_group(const aws::Call& call, ParameterGroupRecord group,
                                                                    bool of_cluster) {
  if (to_lower(group.name).starts_with(default_prefix)) {
    co_return refuse(errors::invalid_parameter_value("Parameter group names cannot begin with 'default.'."));
  }
  CO_TRY(group.name, checked_identifier(group.name, "DBParameterGroupName", 255));
  CO_CHECK(co_await major_of_family(group.family));
  group.resource_id = context_.random.uuid();
  CO_TRY(auto tx, co_await begin(call));
  const std::string key = key_of(group.name, of_cluster);
  CO_TRY(const auto there, tx.get(key));
  if (there) {
    co_return refuse(
        errors::db_parameter_group_already_exists_fault(fmt::format("Parameter group {} already exists", group.name)));
  }
  tx.put(key, store::encode(group));
  CO_CHECK(co_await tx.commit());
  co_return group;
}

Task<Outcome<ParameterGroupRecord>> Service::copy_parameter_group(const aws::Call& call, std::string source,
                                                                  ParameterGroupRecord target, bool of_cluster) {
  CO_TRY(const auto from, co_await parameter_group(call, source, of_cluster));
  target.family = from.family;
  target.changes = from.changes;
  co_return co_await create_parameter_group(call, std::move(target), of_cluster);
}

Task<Outcome<void>> Service::delete_parameter_group(const aws::Call& call, std::string name, bool of_cluster) {
  name = name_of(name);
  if (name.starts_with(default_prefix)) {
    co_return refuse(errors::invalid_db_parameter_group_state_fault(
        fmt::format("Default DBParameterGroup cannot be deleted: {}", name)));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto there, tx.get(key_of(name, of_cluster)));
  if (!there) co_return refuse(no_group(name, of_cluster));
  if (of_cluster) CO_CHECK(check_unused<ClusterRecord>(tx, "cluster/", name));
  if (!of_cluster) CO_CHECK(check_unused<InstanceRecord>(tx, "db/", name));
  tx.remove(key_of(name, of_cluster));
  CO_CHECK(co_await tx.commit());
  co_return Outcome<void>();
}

Outcome<std::vector<ParameterGroupRecord>> Service::list_parameter_groups(const aws::Call& call,
                                                                          const std::optional<std::string>& name,
                                                                          bool of_cluster) {
  TRY(auto groups, load_all<ParameterGroupRecord>(context_.catalog, place_of(call), key_of("", of_cluster)));
  if (!name) return groups;
  const std::string wanted = name_of(*name);
  std::erase_if(groups, [&](const ParameterGroupRecord& group) { return group.name != wanted; });
  return groups;
}

Task<Outcome<api::CreateDBClusterParameterGroupResult>> Service::create_db_cluster_parameter_group(
    aws::Call& call, api::CreateDBClusterParameterGroupMessage input) {
  ParameterGroupRecord group{input.db_cluster_parameter_group_name, input.db_parameter_group_family, input.description};
  CO_TRY(group.tags, checked_tags(input.tags));
  CO_TRY(const auto made, co_await create_parameter_group(call, std::move(group), true));
  co_return api::CreateDBClusterParameterGroupResult{to_cluster_api(made, place_of(call))};
}

Task<Outcome<api::CreateDBParameterGroupResult>> Service::create_db_parameter_group(
    aws::Call& call, api::CreateDBParameterGroupMessage input) {
  ParameterGroupRecord group{input.db_parameter_group_name, input.db_parameter_group_family, input.description};
  CO_TRY(group.tags, checked_tags(input.tags));
  CO_TRY(const auto made, co_await create_parameter_group(call, std::move(group), false));
  co_return api::CreateDBParameterGroupResult{to_instance_api(made, place_of(call))};
}

Task<Outcome<api::CopyDBClusterParameterGroupResult>> Service::copy_db_cluster_parameter_group(
    aws::Call& call, api::CopyDBClusterParameterGroupMessage input) {
  ParameterGroupRecord target{.name = input.target_db_cluster_parameter_group_identifier,
                              .description = input.target_db_cluster_parameter_group_description};
  CO_TRY(target.tags, checked_tags(input.tags));
  CO_TRY(const auto made, co_await copy_parameter_group(call, input.source_db_cluster_parameter_group_identifier,
                                                        std::move(target), true));
  co_return api::CopyDBClusterParameterGroupResult{to_cluster_api(made, place_of(call))};
}

Task<Outcome<api::CopyDBParameterGroupResult>> Service::copy_db_parameter_group(
    aws::Call& call, api::CopyDBParameterGroupMessage input) {
  ParameterGroupRecord target{.name = input.target_db_parameter_group_identifier,
                              .description = input.target_db_parameter_group_description};
  CO_TRY(target.tags, checked_tags(input.tags));
  CO_TRY(const auto made,
         co_await copy_parameter_group(call, input.source_db_parameter_group_identifier, std::move(target), false));
  co_return api::CopyDBParameterGroupResult{to_instance_api(made, place_of(call))};
}

Task<Outcome<api::DeleteDBClusterParameterGroupOutput>> Service::delete_db_cluster_parameter_group(
    aws::Call& call, api::DeleteDBClusterParameterGroupMessage input) {
  CO_CHECK(co_await delete_parameter_group(call, input.db_cluster_parameter_group_name, true));
  co_return api::DeleteDBClusterParameterGroupOutput();
}

Task<Outcome<api::DeleteDBParameterGroupOutput>> Service::delete_db_parameter_group(
    aws::Call& call, api::DeleteDBParameterGroupMessage input) {
  CO_CHECK(co_await delete_parameter_group(call, input.db_parameter_group_name, false));
  co_return api::DeleteDBParameterGroupOutput();
}

Task<Outcome<api::DBClusterParameterGroupsMessage>> Service::describe_db_cluster_parameter_groups(
    aws::Call& call, api::DescribeDBClusterParameterGroupsMessage input) {
  CO_TRY(auto groups, list_parameter_groups(call, input.db_cluster_parameter_group_name, true));
  if (groups.empty() && input.db_cluster_parameter_group_name) {
    CO_TRY(auto one, co_await parameter_group(call, *input.db_cluster_parameter_group_name, true));
    groups.push_back(std::move(one));
  }
  api::DBClusterParameterGroupsMessage output;
  CO_TRY(const auto shown, page(std::move(groups), input.marker, input.max_records, output.marker,
                                [](const ParameterGroupRecord& g) { return g.name; }));
  output.db_cluster_parameter_groups.emplace();
  for (const auto& group : shown) output.db_cluster_parameter_groups->push_back(to_cluster_api(group, place_of(call)));
  co_return output;
}

Task<Outcome<api::DBParameterGroupsMessage>> Service::describe_db_parameter_groups(
    aws::Call& call, api::DescribeDBParameterGroupsMessage input) {
  CO_TRY(auto groups, list_parameter_groups(call, input.db_parameter_group_name, false));
  if (groups.empty() && input.db_parameter_group_name) {
    CO_TRY(auto one, co_await parameter_group(call, *input.db_parameter_group_name, false));
    groups.push_back(std::move(one));
  }
  api::DBParameterGroupsMessage output;
  CO_TRY(const auto shown, page(std::move(groups), input.marker, input.max_records, output.marker,
                                [](const ParameterGroupRecord& g) { return g.name; }));
  output.db_parameter_groups.emplace();
  for (const auto& group : shown) output.db_parameter_groups->push_back(to_instance_api(group, place_of(call)));
  co_return output;
}

}  // namespace boreal::rds
