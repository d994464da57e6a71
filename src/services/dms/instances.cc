#include <fmt/format.h>

#include <algorithm>
#include <array>

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

constexpr size_t longest_name = 63;

Outcome<void> check_network_type(std::string_view type) {
  if (type == "IPV4") return {};
  return refuse(
      errors::invalid_parameter_value_exception(fmt::format("Invalid NetworkType '{}': only IPV4 is served.", type)));
}

Outcome<void> check_available(const InstanceRecord& instance) {
  if (instance.status == "available") return {};
  return refuse(errors::invalid_resource_state_fault(fmt::format(
      "The replication instance '{}' is not available: its status is {}.", instance.name, instance.status)));
}

// Half an hour of the night, chosen by chance as AWS does.
std::string random_window(Random& random) {
  constexpr std::array days = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const char* day = days.at(random.below(days.size()));
  const uint64_t hour = 3 + random.below(8);
  return fmt::format("{}:{:02}:00-{}:{:02}:30", day, hour, day, hour);
}

}  // namespace

Outcome<void> Service::check_groups(const Place& place, const std::vector<std::string>& ids,
                                    const std::string& vpc_id) {
  for (const auto& id : ids) {
    const auto vpc = tools_.network.group_vpc(place.account, place.region, id);
    if (!vpc) {
      return refuse(
          errors::invalid_parameter_value_exception(fmt::format("The security group '{}' does not exist.", id)));
    }
    if (*vpc != vpc_id) {
      return refuse(errors::invalid_parameter_combination_exception(
          fmt::format("The security group {} is of {}, and the replication subnet group of {}.", id, *vpc, vpc_id)));
    }
  }
  return {};
}

// The first subnet in the zone that was asked for, or the group's first; the standby goes to another zone.
Outcome<void> Service::place_instance(const Place& place, const SubnetGroupRecord& group, InstanceRecord& instance) {
  const auto in_zone = [&](const auto& subnet) { return instance.zone.empty() || subnet.zone == instance.zone; };
  if (std::ranges::none_of(group.subnets, in_zone)) {
    return refuse(errors::invalid_parameter_combination_exception(fmt::format(
        "The replication subnet group '{}' has no subnet in the Availability Zone {}.", group.name, instance.zone)));
  }
  // A subnet may be deleted while it is in a group and nothing stands in it.
  const auto at = std::ranges::find_if(group.subnets, [&](const auto& subnet) {
    return in_zone(subnet) && tools_.network.subnet(place.account, place.region, subnet.id);
  });
  if (at == group.subnets.end()) {
    return refuse(errors::invalid_subnet(fmt::format(
        "The replication subnet group '{}' has no subnet there that still exists; modify the group.", group.name)));
  }
  instance.zone = at->zone;
  instance.subnet_id = at->id;
  instance.secondary_zone.clear();
  for (const auto& subnet : group.subnets) {
    if (instance.multi_az && subnet.zone != instance.zone) instance.secondary_zone = subnet.zone;
  }
  if (instance.group_ids.empty()) {
    auto id = tools_.network.default_group(place.account, place.region, group.vpc_id);
    if (!id) return refuse(std::move(id).error());
    instance.group_ids.push_back(*id);
  }
  return check_groups(place, instance.group_ids, group.vpc_id);
}

Task<Outcome<InstanceRecord>> Service::instance_from(aws::Call& call,
                                                     const api::CreateReplicationInstanceMessage& input) {
  CO_CHECK(check_identifier(input.replication_instance_identifier, "ReplicationInstanceIdentifier", longest_name));
  if (input.resource_identifier) CO_CHECK(check_resource_identifier(*input.resource_identifier));
  InstanceRecord instance{.name = to_lower(input.replication_instance_identifier), .status = "creating"};
  instance.instance_class = input.replication_instance_class;
  CO_CHECK(check_instance_class(instance.instance_class));
  instance.storage_gib = input.allocated_storage.value_or(default_storage_gib);
  CO_CHECK(check_storage(instance.storage_gib));
  instance.engine_version = input.engine_version.value_or(std::string(engine_versions().back()));
  CO_CHECK(check_engine_version(instance.engine_version));
  instance.network_type = to_upper(input.network_type.value_or("IPV4"));
  CO_CHECK(check_network_type(instance.network_type));
  if (input.kerberos_authentication_settings) {
    co_return refuse(errors::invalid_parameter_combination_exception(
        "KerberosAuthenticationSettings cannot be used: PostgreSQL endpoints log in with passwords."));
  }
  instance.maintenance_window = random_window(tools_.context.random);
  if (input.preferred_maintenance_window) {
    CO_TRY(instance.maintenance_window, checked_maintenance_window(*input.preferred_maintenance_window));
  }
  instance.multi_az = input.multi_az.value_or(false);
  if (instance.multi_az && input.availability_zone && !input.availability_zone->empty()) {
    co_return refuse(
        errors::invalid_parameter_combination_exception("AvailabilityZone cannot be given together with MultiAZ."));
  }
  instance.zone = input.availability_zone.value_or("");
  instance.auto_minor_version_upgrade = input.auto_minor_version_upgrade.value_or(true);
  instance.publicly_accessible = input.publicly_accessible.value_or(true);
  instance.dns_name_servers = input.dns_name_servers.value_or("");
  instance.group_ids = input.vpc_security_group_ids.value_or(std::vector<std::string>());
  instance.subnet_group = to_lower(input.replication_subnet_group_identifier.value_or("default"));
  instance.created = call.now;
  CO_TRY(instance.tags, checked_tags(input.tags));
  CO_TRY(instance.key_arn, co_await usable_key(tools_, call, input.kms_key_id.value_or("")));
  co_return instance;
}

Outcome<api::ReplicationInstance> Service::show(const store::Transaction& tx, const Place& place,
                                                const InstanceRecord& instance) {
  auto shown = to_api(instance, place);
  auto group = subnet_group(tx, place, instance.subnet_group);
  // The default group goes with the default VPC; clients read the name in any case.
  shown.replication_subnet_group = to_api(group ? *group : SubnetGroupRecord{.name = instance.subnet_group});
  return shown;
}

Task<Outcome<api::CreateReplicationInstanceResponse>> Service::create_replication_instance(
    aws::Call& call, api::CreateReplicationInstanceMessage input) {
  CO_TRY(auto instance, co_await instance_from(call, input));
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto all, load_all<InstanceRecord>(tx));
  if (std::ranges::find(all, instance.name, &InstanceRecord::name) != all.end()) {
    co_return refuse(errors::resource_already_exists_fault(
        fmt::format("The replication instance '{}' already exists.", instance.name)));
  }
  CO_CHECK(check_quota(Quota::instances, all.size()));
  CO_TRY(const auto group, subnet_group(tx, place, instance.subnet_group));
  CO_CHECK(place_instance(place, group, instance));
  CO_TRY(instance.resource_id, new_id<InstanceRecord>(tx, input.resource_identifier));
  save(tx, instance);
  CO_TRY(auto shown, show(tx, place, instance));
  CO_CHECK(co_await tx.commit());
  supervise(place, instance.resource_id);
  co_return api::CreateReplicationInstanceResponse{std::move(shown)};
}

Task<Outcome<api::ModifyReplicationInstanceResponse>> Service::modify_replication_instance(
    aws::Call& call, api::ModifyReplicationInstanceMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  CO_CHECK(check_available(instance));
  if (input.replication_instance_class) {
    CO_CHECK(check_instance_class(*input.replication_instance_class));
    instance.instance_class = *input.replication_instance_class;
  }
  if (input.allocated_storage) {
    CO_CHECK(check_storage(*input.allocated_storage));
    instance.storage_gib = *input.allocated_storage;
  }
  if (input.engine_version) {
    CO_CHECK(check_engine_version(*input.engine_version));
    instance.engine_version = *input.engine_version;
  }
  if (input.preferred_maintenance_window) {
    CO_TRY(instance.maintenance_window, checked_maintenance_window(*input.preferred_maintenance_window));
  }
  if (input.network_type) CO_CHECK(check_network_type(to_upper(*input.network_type)));
  if (input.kerberos_authentication_settings) {
    co_return refuse(errors::invalid_parameter_combination_exception(
        "KerberosAuthenticationSettings cannot be used: PostgreSQL endpoints log in with passwords."));
  }
  if (input.replication_instance_identifier) {
    CO_CHECK(check_identifier(*input.replication_instance_identifier, "ReplicationInstanceIdentifier", longest_name));
    const std::string name = to_lower(*input.replication_instance_identifier);
    CO_TRY(const auto all, load_all<InstanceRecord>(tx));
    if (name != instance.name && std::ranges::find(all, name, &InstanceRecord::name) != all.end()) {
      co_return refuse(
          errors::resource_already_exists_fault(fmt::format("The replication instance '{}' already exists.", name)));
    }
    instance.name = name;
  }
  CO_TRY(const auto group, subnet_group(tx, place, instance.subnet_group));
  if (input.vpc_security_group_ids) instance.group_ids = *input.vpc_security_group_ids;
  instance.multi_az = input.multi_az.value_or(instance.multi_az);
  CO_CHECK(place_instance(place, group, instance));
  instance.auto_minor_version_upgrade = input.auto_minor_version_upgrade.value_or(instance.auto_minor_version_upgrade);
  instance.status = "modifying";
  save(tx, instance);
  CO_TRY(auto shown, show(tx, place, instance));
  CO_CHECK(co_await tx.commit());
  wake(place, instance.resource_id);
  co_return api::ModifyReplicationInstanceResponse{std::move(shown)};
}

Task<Outcome<api::RebootReplicationInstanceResponse>> Service::reboot_replication_instance(
    aws::Call& call, api::RebootReplicationInstanceMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  CO_CHECK(check_available(instance));
  if ((input.force_failover.value_or(false) || input.force_planned_failover.value_or(false)) && !instance.multi_az) {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The replication instance '{}' cannot fail over: it is not Multi-AZ.", instance.name)));
  }
  instance.status = "rebooting";
  save(tx, instance);
  CO_TRY(auto shown, show(tx, place, instance));
  CO_CHECK(co_await tx.commit());
  wake(place, instance.resource_id);
  co_return api::RebootReplicationInstanceResponse{std::move(shown)};
}

Task<Outcome<api::DeleteReplicationInstanceResponse>> Service::delete_replication_instance(
    aws::Call& call, api::DeleteReplicationInstanceMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  if (instance.status == "deleting") {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The replication instance '{}' is being deleted already.", instance.name)));
  }
  CO_TRY(const auto tasks, load_all<TaskRecord>(tx));
  for (const auto& task : tasks) {
    if (task.instance_id == instance.resource_id || task.target_instance_id == instance.resource_id) {
      co_return refuse(errors::invalid_resource_state_fault(
          fmt::format("The replication instance '{}' has the replication task '{}'; delete or move it first.",
                      instance.name, task.name)));
    }
  }
  instance.status = "deleting";
  save(tx, instance);
  CO_TRY(auto shown, show(tx, place, instance));
  CO_CHECK(co_await tx.commit());
  wake(place, instance.resource_id);
  co_return api::DeleteReplicationInstanceResponse{std::move(shown)};
}

Task<Outcome<api::DescribeReplicationInstancesResponse>> Service::describe_replication_instances(
    aws::Call& call, api::DescribeReplicationInstancesMessage input) {
  const Place place = place_of(call);
  const FilterTable<InstanceRecord> table = {
      {"replication-instance-arn", [&](const InstanceRecord& i) { return place.arn("rep", i.resource_id); }},
      {"replication-instance-id", [](const InstanceRecord& i) { return i.name; }},
      {"replication-instance-class", [](const InstanceRecord& i) { return i.instance_class; }},
      {"engine-version", [](const InstanceRecord& i) { return i.engine_version; }}};
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto all, load_all<InstanceRecord>(tx));
  CO_TRY(all, filtered(std::move(all), input.filters, table, "replication instances"));
  api::DescribeReplicationInstancesResponse output;
  CO_TRY(const auto found, page(std::move(all), input.marker, input.max_records, output.marker,
                                [](const InstanceRecord& i) { return i.resource_id; }));
  output.replication_instances.emplace();
  for (const auto& instance : found) {
    CO_TRY(auto shown, show(tx, place, instance));
    output.replication_instances->push_back(std::move(shown));
  }
  co_return output;
}

}  // namespace boreal::dms
