#include <fmt/format.h>

#include <algorithm>
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

constexpr std::string_view id_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr size_t id_length = 26;
constexpr unsigned instances_of_a_cluster = 16;
constexpr int default_insights_days = 7;

aws::ApiError no_instance(const std::string& id) {
  return errors::db_instance_not_found_fault(fmt::format("DBInstance {} not found.", id));
}

Outcome<void> check_class(const std::string& name) {
  const auto parts = split(name, '.');
  if (parts.size() == 3 && parts[0] == "db" && !parts[1].empty() && !parts[2].empty()) return {};
  return refuse(errors::invalid_parameter_value(fmt::format("Invalid DB Instance class: {}", name)));
}

Outcome<void> check_tier(int tier) {
  if (tier >= 0 && tier <= 15) return {};
  return refuse(errors::invalid_parameter_value(fmt::format("Promotion tier must be between 0 and 15, not {}.", tier)));
}

Outcome<void> check_insights_days(int days) {
  if (days == 7 || days == 731 || (days % 31 == 0 && days >= 31 && days <= 23 * 31)) return {};
  return refuse(errors::invalid_parameter_value(
      fmt::format("Invalid Performance Insights retention period {}: 7, 731, or n * 31 with n from 1 to 23.", days)));
}

Outcome<void> check_served(const api::CreateDBInstanceMessage& in) {
  const std::pair<bool, std::string_view> unserved[] = {
      {in.domain.has_value() || in.domain_fqdn.has_value(), "Domain"},
      {in.multi_az.value_or(false), "MultiAZ of an instance in a cluster"},
      {is_other_option_group(in.option_group_name), "OptionGroupName"},
      {in.manage_master_user_password.value_or(false), "ManageMasterUserPassword"},
      {in.db_security_groups.has_value() && !in.db_security_groups->empty(), "DBSecurityGroups"},
      {in.network_type.value_or("IPV4") != "IPV4", "NetworkType other than IPV4"},
      {in.port.has_value(), "Port of an instance in a cluster (it is the cluster's)"},
      {in.master_user_authentication_type.value_or("password") != "password",
       "MasterUserAuthenticationType other than password"},
      {in.tag_specifications.has_value(), "TagSpecifications (Tags are)"},
      {in.timezone.has_value(), "Timezone (the parameter TimeZone is)"},
      {in.tde_credential_arn.has_value(), "TdeCredentialArn"},
      {in.multi_tenant.value_or(false), "MultiTenant"},
      {in.dedicated_log_volume.value_or(false), "DedicatedLogVolume"},
      {in.additional_storage_volumes.has_value(), "AdditionalStorageVolumes"},
      {in.custom_iam_instance_profile.has_value(), "CustomIamInstanceProfile"},
      {in.backup_target.value_or("region") != "region", "BackupTarget other than region"},
      {in.db_name.has_value(), "DBName of an instance in a cluster (it is the cluster's)"},
      {in.master_username.has_value(), "MasterUsername of an instance in a cluster (it is the cluster's)"},
      {in.master_user_password.has_value(), "MasterUserPassword of an instance in a cluster (it is the cluster's)"},
      {in.master_user_secret_kms_key_id.has_value(), "MasterUserSecretKmsKeyId"},
      {!in.vpc_security_group_ids.value_or(std::vector<std::string>()).empty(),
       "VpcSecurityGroupIds of an instance in a cluster (they are the cluster's)"},
      {!in.enable_cloudwatch_logs_exports.value_or(std::vector<std::string>()).empty(),
       "EnableCloudwatchLogsExports of an instance in a cluster (they are the cluster's)"},
      {in.enable_iam_database_authentication.value_or(false), "EnableIAMDatabaseAuthentication"},
      {in.deletion_protection.value_or(false), "DeletionProtection of an instance in a cluster (it is the cluster's)"},
      {in.character_set_name.value_or("UTF8") != "UTF8", "CharacterSetName other than UTF8"},
      {in.nchar_character_set_name.has_value(), "NcharCharacterSetName"},
      {in.iops.value_or(0) != 0 || in.storage_throughput.value_or(0) != 0, "Iops and StorageThroughput"},
      {in.processor_features.has_value(), "ProcessorFeatures"},
      {in.enable_customer_owned_ip.value_or(false), "EnableCustomerOwnedIp"},
      {in.db_system_id.has_value(), "DBSystemId"},
  };
  for (const auto& [asked, name] : unserved) {
    if (asked) {
      return refuse(errors::invalid_parameter_combination(
          fmt::format("{} is not served by boreal; docs/compatibility.md lists what is.", name)));
    }
  }
  return {};
}

// What the cluster has, and its instance may say again.
Outcome<void> check_of_cluster(const api::CreateDBInstanceMessage& in, const ClusterRecord& cluster) {
  const std::pair<bool, std::string_view> differing[] = {
      {name_of(in.db_subnet_group_name.value_or(cluster.subnet_group)) != cluster.subnet_group, "DBSubnetGroupName"},
      {in.storage_encrypted.value_or(cluster.storage_encrypted) != cluster.storage_encrypted, "StorageEncrypted"},
      {in.kms_key_id.value_or(cluster.key_arn) != cluster.key_arn, "KmsKeyId"},
      {in.backup_retention_period.value_or(cluster.backup_retention_days) != cluster.backup_retention_days,
       "BackupRetentionPeriod"},
      {in.preferred_backup_window.value_or(cluster.backup_window) != cluster.backup_window, "PreferredBackupWindow"},
      {in.database_insights_mode.value_or(cluster.insights_mode) != cluster.insights_mode, "DatabaseInsightsMode"},
  };
  for (const auto& [differs, name] : differing) {
    if (differs) {
      return refuse(errors::invalid_parameter_combination(
          fmt::format("The requested DB Instance will be a member of a DB Cluster. Set {} for the DB Cluster.", name)));
    }
  }
  return {};
}

// The zone with the fewest of the cluster's instances, and a subnet in it.
Outcome<void> choose_subnet(InstanceRecord& instance, const std::optional<std::string>& zone,
                            const SubnetGroupRecord& group, const std::vector<InstanceRecord>& others) {
  const SubnetGroupRecord::Member* best = nullptr;
  ptrdiff_t fewest = 0;
  for (const auto& member : group.subnets) {
    if (zone && member.zone != *zone) continue;
    const auto there = std::ranges::count(others, member.zone, &InstanceRecord::zone);
    if (!best || there < fewest) {
      best = &member;
      fewest = there;
    }
  }
  if (!best) {
    return refuse(errors::invalid_vpc_network_state_fault(fmt::format(
        "The DB subnet group {} has no subnet in the availability zone {}.", group.name, zone.value_or("?"))));
  }
  instance.zone = best->zone;
  instance.subnet_id = best->id;
  return {};
}

unsigned free_slot(const std::vector<InstanceRecord>& others) {
  std::set<unsigned> taken;
  for (const auto& other : others) taken.insert(other.slot);
  unsigned slot = 0;
  while (taken.contains(slot)) ++slot;
  return slot;
}

}  // namespace

Task<Outcome<void>> Service::check_monitoring(aws::Call& call, std::string instances, std::optional<int32_t> interval,
                                              std::optional<std::string> role) {
  constexpr int allowed[] = {0, 1, 5, 10, 15, 30, 60};
  const int seconds = interval.value_or(0);
  if (std::ranges::find(allowed, seconds) == std::end(allowed)) {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid MonitoringInterval {}: 0, 1, 5, 10, 15, 30 or 60 seconds.", seconds)));
  }
  if (seconds == 0) {
    if (!role || role->empty()) co_return Outcome<void>();
    co_return refuse(errors::invalid_parameter_combination(
        "A MonitoringInterval value other than 0 is required if you specify a MonitoringRoleArn value."));
  }
  if (!role || role->empty()) {
    co_return refuse(errors::invalid_parameter_combination(
        "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0."));
  }
  auto passed = co_await roles_.check_pass(call, *role, "monitoring.rds.amazonaws.com", std::move(instances));
  if (passed) co_return Outcome<void>();
  if (passed.error().code == "AccessDenied") co_return passed;
  co_return refuse(errors::invalid_parameter_value(fmt::format(
      "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING. {}",
      passed.error().message)));
}

Task<Outcome<std::string>> Service::insights_key(aws::Call& call, std::optional<std::string> key_id) {
  auto key = co_await keys_.generate_data_key(&call, call.account, call.region, "rds", key_id.value_or(""),
                                              {{"aws:pi:service", "rds"}});
  if (key) co_return key->key_arn;
  co_return refuse(errors::kms_key_not_accessible_fault(
      fmt::format("The key {} for Performance Insights cannot be used: {}", key_id.value_or(""), key.error().message)));
}

Task<Outcome<Service::Watching>> Service::checked_watching(aws::Call& call, std::string instances,
                                                           std::optional<int32_t> interval,
                                                           std::optional<std::string> role,
                                                           std::optional<bool> insights, std::optional<int32_t> days,
                                                           std::optional<std::string> key_id) {
  Watching watching{.interval_s = interval, .role_arn = role.value_or(""), .insights = insights};
  CO_CHECK(co_await check_monitoring(call, std::move(instances), interval, role));
  if (!insights && (days || key_id)) {
    co_return refuse(errors::invalid_parameter_combination(
        "To enable Performance Insights, EnablePerformanceInsights must be set to 'true'"));
  }
  if (insights.value_or(false)) {
    watching.retention_days = days.value_or(default_insights_days);
    CO_CHECK(check_insights_days(watching.retention_days));
    CO_TRY(watching.key_arn, co_await insights_key(call, key_id));
  }
  co_return watching;
}

Task<Outcome<InstanceRecord>> Service::instance_from(aws::Call& call, const api::CreateDBInstanceMessage& in) {
  CO_CHECK(check_served(in));
  InstanceRecord instance;
  CO_TRY(instance.id, checked_identifier(in.db_instance_identifier, "DBInstanceIdentifier"));
  if (in.engine != "aurora-postgresql" || !in.db_cluster_identifier) {
    co_return refuse(errors::invalid_parameter_combination(fmt::format(
        "boreal serves instances of aurora-postgresql in a cluster (DBClusterIdentifier), not '{}' by itself.",
        in.engine)));
  }
  instance.cluster_id = name_of(*in.db_cluster_identifier);
  CO_CHECK(check_class(in.db_instance_class));
  instance.instance_class = in.db_instance_class;
  instance.promotion_tier = in.promotion_tier.value_or(1);
  CO_CHECK(check_tier(instance.promotion_tier));
  instance.publicly_accessible = in.publicly_accessible.value_or(false);
  instance.auto_minor_version_upgrade = in.auto_minor_version_upgrade.value_or(true);
  instance.copy_tags_to_snapshot = in.copy_tags_to_snapshot.value_or(false);
  CO_TRY(const auto watching, co_await watching_of(call, in));
  watching.apply(instance);
  CO_TRY(instance.maintenance_window, checked_maintenance_window(in.preferred_maintenance_window.value_or("")));
  instance.certificate_authority = in.ca_certificate_identifier.value_or(std::string(default_authority));
  if (instance.certificate_authority != default_authority) {
    co_return refuse(errors::certificate_not_found_fault(fmt::format(
        "The certificate {} is not known; there is {}.", instance.certificate_authority, default_authority)));
  }
  CO_TRY(instance.tags, checked_tags(in.tags));
  instance.resource_id = "db-" + context_.random.pick(id_alphabet, id_length);
  instance.status = "creating";
  instance.created = now();
  co_return instance;
}

Task<Outcome<api::CreateDBInstanceResult>> Service::create_db_instance(aws::Call& call,
                                                                       api::CreateDBInstanceMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto instance, co_await instance_from(call, input));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(instance.cluster_id)));
  if (!cluster) {
    co_return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", instance.cluster_id)));
  }
  CO_TRY(const auto there, tx.get(InstanceRecord::key(instance.id)));
  if (there) {
    co_return refuse(
        errors::db_instance_already_exists_fault(fmt::format("DB instance already exists: {}", instance.id)));
  }
  if (cluster->status == "deleting" || cluster->is_closed() || cluster->stopped) {
    co_return refuse(errors::invalid_db_cluster_state_fault(
        fmt::format("Cluster {} takes no instance in status {}.", cluster->id, cluster->status)));
  }
  if (input.engine_version && *input.engine_version != cluster->engine_version &&
      !cluster->engine_version.starts_with(*input.engine_version + ".")) {
    co_return refuse(errors::invalid_parameter_combination(
        fmt::format("The engine version {} of the instance is not the cluster's, {}.", *input.engine_version,
                    cluster->engine_version)));
  }
  CO_CHECK(check_of_cluster(input, *cluster));
  CO_TRY(const auto others, instances_of(tx, cluster->id));
  if (others.size() >= instances_of_a_cluster) {
    co_return refuse(errors::instance_quota_exceeded_fault("A cluster has at most 16 instances."));
  }
  instance.slot = free_slot(others);
  CO_TRY(const auto group, subnet_group(tx, place, cluster->subnet_group));
  CO_CHECK(choose_subnet(instance, input.availability_zone, group, others));
  const std::string family = family_of(*cluster);
  instance.parameter_group = name_of(input.db_parameter_group_name.value_or(default_parameter_group(family)));
  CO_CHECK(co_await check_parameter_group(call, instance.parameter_group, family, false));
  if (instance.maintenance_window.empty()) instance.maintenance_window = cluster->maintenance_window;
  Watching inherited;
  if (!input.monitoring_interval) inherited.interval_s = cluster->monitoring_interval_s;
  inherited.role_arn = cluster->monitoring_role_arn;
  if (!input.enable_performance_insights) inherited.insights = cluster->insights;
  inherited.key_arn = cluster->insights_key_arn;
  inherited.retention_days = cluster->insights_retention_days;
  inherited.apply(instance);
  save(tx, instance);
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place, cluster->id)) found->wake();
  co_return api::CreateDBInstanceResult{to_api(instance, *cluster, group, place)};
}

Outcome<api::DBInstance> Service::show(const store::Transaction& tx, const Place& place,
                                       const InstanceRecord& instance) {
  TRY(const auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(instance.cluster_id)));
  if (!cluster) return refuse(Error(Errc::corrupt, instance.id + " is of a cluster that is not there"));
  SubnetGroupRecord group{.name = cluster->subnet_group};
  if (auto found = subnet_group(tx, place, cluster->subnet_group)) group = std::move(*found);
  return to_api(instance, *cluster, group, place);
}

namespace {

Outcome<void> apply_filters(std::vector<InstanceRecord>& instances, const std::vector<api::Filter>& filters,
                            const Place& place) {
  for (const auto& filter : filters) {
    const auto has = [&](const std::string& value) {
      return std::ranges::find(filter.values, value) != filter.values.end();
    };
    if (filter.name == "db-instance-id") {
      std::erase_if(instances, [&](const auto& i) { return !has(i.id) && !has(place.arn("db", i.id)); });
    } else if (filter.name == "db-cluster-id") {
      std::erase_if(instances,
                    [&](const auto& i) { return !has(i.cluster_id) && !has(place.arn("cluster", i.cluster_id)); });
    } else if (filter.name == "dbi-resource-id") {
      std::erase_if(instances, [&](const auto& i) { return !has(i.resource_id); });
    } else if (filter.name == "engine") {
      if (!has("aurora-postgresql")) instances.clear();
    } else if (filter.name == "domain") {
      instances.clear();
    } else {
      return refuse(unknown_filter(filter.name));
    }
  }
  return {};
}

}  // namespace

Task<Outcome<api::DBInstanceMessage>> Service::describe_db_instances(aws::Call& call,
                                                                     api::DescribeDBInstancesMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instances, load_all<InstanceRecord>(tx, "db/"));
  if (input.db_instance_identifier) {
    const std::string id = name_of(*input.db_instance_identifier);
    const bool is_name = std::ranges::find(instances, id, &InstanceRecord::id) != instances.end();
    std::erase_if(instances, [&](const InstanceRecord& i) { return (is_name ? i.id : to_lower(i.resource_id)) != id; });
    if (instances.empty()) co_return refuse(no_instance(id));
  }
  CO_CHECK(apply_filters(instances, input.filters.value_or(std::vector<api::Filter>()), place));
  api::DBInstanceMessage output;
  CO_TRY(const auto shown, page(std::move(instances), input.marker, input.max_records, output.marker,
                                [](const InstanceRecord& i) { return i.id; }));
  output.db_instances.emplace();
  for (const auto& instance : shown) {
    CO_TRY(auto one, show(tx, place, instance));
    output.db_instances->push_back(std::move(one));
  }
  co_return output;
}

Task<Outcome<api::ModifyDBInstanceResult>> Service::modify_db_instance(aws::Call& call,
                                                                       api::ModifyDBInstanceMessage in) {
  const Place place = place_of(call);
  const std::string id = name_of(in.db_instance_identifier);
  const std::pair<bool, std::string_view> unserved[] = {
      {in.new_db_instance_identifier.has_value(), "NewDBInstanceIdentifier"},
      {in.db_subnet_group_name.has_value(), "DBSubnetGroupName"},
      {in.db_port_number.has_value(), "DBPortNumber (it is the cluster's)"},
      {in.domain.has_value(), "Domain"},
      {in.master_user_password.has_value(), "MasterUserPassword of an instance in a cluster (ModifyDBCluster has it)"},
      {in.engine_version.has_value(), "EngineVersion of an instance in a cluster (it is the cluster's)"},
      {in.master_user_authentication_type.value_or("password") != "password",
       "MasterUserAuthenticationType other than password"},
      {in.tag_specifications.has_value(), "TagSpecifications"},
      {in.tde_credential_arn.has_value(), "TdeCredentialArn"},
      {in.multi_tenant.value_or(false), "MultiTenant"},
      {in.dedicated_log_volume.value_or(false), "DedicatedLogVolume"},
      {in.additional_storage_volumes.has_value(), "AdditionalStorageVolumes"},
      {in.aws_backup_recovery_point_arn.has_value(), "AwsBackupRecoveryPointArn"},
      {in.vpc_security_group_ids.has_value(),
       "VpcSecurityGroupIds of an instance in a cluster (they are the cluster's)"},
      {in.db_security_groups.has_value() && !in.db_security_groups->empty(), "DBSecurityGroups"},
      {in.backup_retention_period.has_value(),
       "BackupRetentionPeriod of an instance in a cluster (it is the cluster's)"},
      {in.preferred_backup_window.has_value(),
       "PreferredBackupWindow of an instance in a cluster (it is the cluster's)"},
      {in.multi_az.value_or(false), "MultiAZ of an instance in a cluster"},
      {is_other_option_group(in.option_group_name), "OptionGroupName"},
      {is_other_authority(in.ca_certificate_identifier), "CACertificateIdentifier"},
      {in.enable_iam_database_authentication.value_or(false), "EnableIAMDatabaseAuthentication"},
      {in.database_insights_mode.has_value(), "DatabaseInsightsMode of an instance in a cluster (it is the cluster's)"},
      {in.cloudwatch_logs_export_configuration.has_value(),
       "CloudwatchLogsExportConfiguration of an instance in a cluster (it is the cluster's)"},
      {in.deletion_protection.value_or(false), "DeletionProtection of an instance in a cluster (it is the cluster's)"},
      {in.iops.value_or(0) != 0 || in.storage_throughput.value_or(0) != 0, "Iops and StorageThroughput"},
      {in.processor_features.has_value(), "ProcessorFeatures"},
      {in.replica_mode.has_value(), "ReplicaMode"},
      {in.automation_mode.has_value(), "AutomationMode"},
      {in.enable_customer_owned_ip.value_or(false), "EnableCustomerOwnedIp"},
      {in.network_type.value_or("IPV4") != "IPV4", "NetworkType"},
      {in.manage_master_user_password.value_or(false) || in.rotate_master_user_password.value_or(false) ||
           in.master_user_secret_kms_key_id.has_value(),
       "The managed master password of an instance in a cluster (ModifyDBCluster has it)"},
      {in.engine.has_value(), "Engine"},
  };
  for (const auto& [asked, name] : unserved) {
    if (asked) co_return refuse(errors::invalid_parameter_combination(fmt::format("{} cannot be changed here.", name)));
  }
  if (in.db_instance_class) CO_CHECK(check_class(*in.db_instance_class));
  if (in.promotion_tier) CO_CHECK(check_tier(*in.promotion_tier));
  CO_TRY(const auto before, load<InstanceRecord>(context_.catalog, place, InstanceRecord::key(id)));
  CO_TRY(const auto watching, co_await watching_of(call, in, before.value_or(InstanceRecord())));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, load<InstanceRecord>(tx, InstanceRecord::key(id)));
  if (!instance) co_return refuse(no_instance(id));
  if (instance->status != "available" && instance->status != "creating" && instance->status != "stopped") {
    co_return refuse(errors::invalid_db_instance_state_fault(
        fmt::format("Database instance {} is not in available state: {}", id, instance->status)));
  }
  CO_TRY(const auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(instance->cluster_id)));
  if (!cluster) co_return refuse(Error(Errc::corrupt, id + " is of a cluster that is not there"));
  if (in.db_parameter_group_name) {
    const std::string name = name_of(*in.db_parameter_group_name);
    CO_CHECK(co_await check_parameter_group(call, name, family_of(*cluster), false));
    instance->parameter_group = name;
  }
  if (in.db_instance_class) instance->instance_class = *in.db_instance_class;
  if (in.promotion_tier) instance->promotion_tier = *in.promotion_tier;
  if (in.publicly_accessible) instance->publicly_accessible = *in.publicly_accessible;
  if (in.auto_minor_version_upgrade) instance->auto_minor_version_upgrade = *in.auto_minor_version_upgrade;
  if (in.copy_tags_to_snapshot) instance->copy_tags_to_snapshot = *in.copy_tags_to_snapshot;
  watching.apply(*instance);
  if (in.preferred_maintenance_window) {
    CO_TRY(instance->maintenance_window, checked_maintenance_window(*in.preferred_maintenance_window));
  }
  save(tx, *instance);
  CO_TRY(auto shown, show(tx, place, *instance));
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place, instance->cluster_id)) found->wake();
  co_return api::ModifyDBInstanceResult{std::move(shown)};
}

Task<Outcome<api::DeleteDBInstanceResult>> Service::delete_db_instance(aws::Call& call,
                                                                       api::DeleteDBInstanceMessage input) {
  const std::string id = name_of(input.db_instance_identifier);
  if (input.final_db_snapshot_identifier && !input.final_db_snapshot_identifier->empty()) {
    co_return refuse(errors::invalid_parameter_combination(
        "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance: the cluster's data stay, and "
        "DeleteDBCluster takes a final snapshot."));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, load<InstanceRecord>(tx, InstanceRecord::key(id)));
  if (!instance) co_return refuse(no_instance(id));
  if (instance->status == "deleting") {
    co_return refuse(errors::invalid_db_instance_state_fault(fmt::format("Instance {} is already being deleted.", id)));
  }
  instance->status = "deleting";
  save(tx, *instance);
  CO_TRY(auto shown, show(tx, place_of(call), *instance));
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place_of(call), instance->cluster_id)) found->wake();
  co_return api::DeleteDBInstanceResult{std::move(shown)};
}

Task<Outcome<api::RebootDBInstanceResult>> Service::reboot_db_instance(aws::Call& call,
                                                                       api::RebootDBInstanceMessage input) {
  const std::string id = name_of(input.db_instance_identifier);
  if (input.force_failover.value_or(false)) {
    co_return refuse(errors::invalid_parameter_combination(
        "ForceFailover is not for instances of a cluster: use FailoverDBCluster."));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto instance, load<InstanceRecord>(tx, InstanceRecord::key(id)));
  if (!instance) co_return refuse(no_instance(id));
  if (instance->status != "available") {
    co_return refuse(errors::invalid_db_instance_state_fault(
        fmt::format("Instance {} cannot be rebooted in status {}.", id, instance->status)));
  }
  instance->status = "rebooting";
  instance->reboot = true;
  save(tx, *instance);
  CO_TRY(auto shown, show(tx, place_of(call), *instance));
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place_of(call), instance->cluster_id)) found->wake();
  co_return api::RebootDBInstanceResult{std::move(shown)};
}

}  // namespace boreal::rds
