#include "rds/convert.h"

#include <fmt/format.h>

#include "endpoints/plan.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace {
// What RDS answers for endpoints in us-east-1; clients make DNS aliases of it.
constexpr const char* hosted_zone = "Z2R2ITUGPM61AM";

std::vector<api::VpcSecurityGroupMembership> group_memberships(const ClusterRecord& cluster) {
  std::vector<api::VpcSecurityGroupMembership> groups;
  for (const auto& id : cluster.group_ids) groups.push_back({id, "active"});
  return groups;
}

std::string major_of(const std::string& version) { return version.substr(0, version.find('.')); }

}  // namespace

std::string default_parameter_group(const std::string& family) { return "default." + family; }
std::string family_of(const ClusterRecord& cluster) { return cluster.engine + major_of(cluster.engine_version); }

Tags shown_tags(const ClusterRecord& cluster) {
  Tags tags = cluster.tags;
  if (major_of(cluster.engine_version) != std::to_string(cluster.served_major)) {
    tags["aws:boreal:engine-map"] =
        fmt::format("{} served by PostgreSQL {}", cluster.engine_version, cluster.served_major);
  }
  if (cluster.storage_encrypted && !cluster.encrypts_files())
    tags["aws:boreal:storage"] = "not encrypted (allow-unencrypted-storage)";
  return tags;
}

api::DBSubnetGroup to_api(const SubnetGroupRecord& group, const Place& place) {
  api::DBSubnetGroup out;
  out.db_subnet_group_name = group.name;
  out.db_subnet_group_description = group.description;
  out.vpc_id = group.vpc_id;
  out.subnet_group_status = "Complete";
  out.db_subnet_group_arn = place.arn("subgrp", group.name);
  out.supported_network_types = {"IPV4"};
  out.subnets.emplace();
  for (const auto& member : group.subnets) {
    api::Subnet subnet;
    subnet.subnet_identifier = member.id;
    subnet.subnet_availability_zone = api::AvailabilityZone{member.zone};
    subnet.subnet_status = "Active";
    out.subnets->push_back(std::move(subnet));
  }
  return out;
}

api::DBCluster to_api(const ClusterRecord& cluster, const std::vector<InstanceRecord>& instances, const Place& place) {
  api::DBCluster out;
  out.allocated_storage = 1;
  out.availability_zones = cluster.zones;
  out.backup_retention_period = cluster.backup_retention_days;
  if (!cluster.database_name.empty()) out.database_name = cluster.database_name;
  out.db_cluster_identifier = cluster.id;
  out.db_cluster_parameter_group = cluster.parameter_group;
  out.db_subnet_group = cluster.subnet_group;
  out.status = cluster.shown_status();
  if (const auto plan = endpoints::AddressPlan::of(cluster.number)) {
    out.endpoint = plan->writer();
    out.reader_endpoint = plan->reader();
  }
  out.multi_az = instances.size() > 1;
  out.engine = cluster.engine;
  out.engine_version = cluster.engine_version;
  out.engine_mode = "provisioned";
  out.port = cluster.port;
  out.master_username = cluster.master_username;
  if (!cluster.secret_name.empty()) {
    // In force is what the databases have, where there are any.
    const bool in_force = instances.empty() || cluster.master_applied == cluster.master_version;
    const bool is_first = cluster.secret_applied == 0 || (!in_force && cluster.master_applied == 0);
    const bool is_active = in_force && cluster.secret_applied == cluster.secret_version;
    const char* status = is_first ? "creating" : is_active ? "active" : "rotating";
    out.master_user_secret = {cluster.secret_arn, status, cluster.secret_key_arn};
  }
  out.preferred_backup_window = cluster.backup_window;
  out.preferred_maintenance_window = cluster.maintenance_window;
  out.read_replica_identifiers.emplace();
  out.db_cluster_members.emplace();
  for (const auto& instance : instances) {
    out.db_cluster_members->push_back({instance.id, instance.id == cluster.writer,
                                       instance.pending_reboot ? "pending-reboot" : "in-sync",
                                       instance.promotion_tier});
  }
  out.vpc_security_groups = group_memberships(cluster);
  out.hosted_zone_id = hosted_zone;
  out.storage_encrypted = cluster.storage_encrypted;
  if (!cluster.key_arn.empty()) out.kms_key_id = cluster.key_arn;
  out.db_cluster_resource_id = cluster.resource_id;
  out.db_cluster_arn = place.arn("cluster", cluster.id);
  out.associated_roles.emplace();
  out.iam_database_authentication_enabled = cluster.iam_authentication;
  out.cluster_create_time = cluster.created;
  if (!cluster.log_exports.empty()) out.enabled_cloudwatch_logs_exports = cluster.log_exports;
  if (!cluster.storage_type.empty()) out.storage_type = cluster.storage_type;
  out.auto_minor_version_upgrade = cluster.auto_minor_version_upgrade;
  out.deletion_protection = cluster.deletion_protection;
  out.http_endpoint_enabled = false;
  out.activity_stream_status = "stopped";
  out.copy_tags_to_snapshot = cluster.copy_tags_to_snapshot;
  out.cross_account_clone = false;
  out.domain_memberships.emplace();
  out.tag_list = tag_list(shown_tags(cluster));
  out.network_type = "IPV4";
  out.database_insights_mode = cluster.insights_mode;
  out.monitoring_interval = cluster.monitoring_interval_s;
  if (!cluster.monitoring_role_arn.empty()) out.monitoring_role_arn = cluster.monitoring_role_arn;
  out.performance_insights_enabled = cluster.insights;
  if (cluster.insights) {
    out.performance_insights_kms_key_id = cluster.insights_key_arn;
    out.performance_insights_retention_period = cluster.insights_retention_days;
  }
  out.engine_lifecycle_support = cluster.lifecycle_support;
  return out;
}

api::DBInstance to_api(const InstanceRecord& instance, const ClusterRecord& cluster, const SubnetGroupRecord& group,
                       const Place& place) {
  api::DBInstance out;
  out.db_instance_identifier = instance.id;
  out.db_instance_class = instance.instance_class;
  out.engine = cluster.engine;
  out.engine_version = cluster.engine_version;
  out.db_instance_status = instance.status;
  out.master_username = cluster.master_username;
  if (!cluster.database_name.empty()) out.db_name = cluster.database_name;
  if (const auto plan = endpoints::AddressPlan::of(cluster.number); plan && instance.status != "creating") {
    if (auto address = plan->instance(instance.slot)) out.endpoint = {*address, cluster.port, hosted_zone};
  }
  out.allocated_storage = 1;
  out.instance_create_time = instance.created;
  out.preferred_backup_window = cluster.backup_window;
  out.backup_retention_period = cluster.backup_retention_days;
  out.db_security_groups.emplace();
  out.vpc_security_groups = group_memberships(cluster);
  out.db_parameter_groups = {{instance.parameter_group, instance.pending_reboot ? "pending-reboot" : "in-sync"}};
  out.availability_zone = instance.zone;
  out.db_subnet_group = to_api(group, place);
  out.preferred_maintenance_window = instance.maintenance_window;
  out.multi_az = false;
  out.auto_minor_version_upgrade = instance.auto_minor_version_upgrade;
  out.read_replica_db_instance_identifiers.emplace();
  out.license_model = "postgresql-license";
  out.publicly_accessible = instance.publicly_accessible;
  out.storage_type = cluster.storage_type.empty() ? "aurora" : cluster.storage_type;
  out.db_instance_port = 0;
  out.db_cluster_identifier = cluster.id;
  out.storage_encrypted = cluster.storage_encrypted;
  if (!cluster.key_arn.empty()) out.kms_key_id = cluster.key_arn;
  out.dbi_resource_id = instance.resource_id;
  out.ca_certificate_identifier = instance.certificate_authority;
  out.domain_memberships.emplace();
  out.copy_tags_to_snapshot = instance.copy_tags_to_snapshot;
  out.monitoring_interval = instance.monitoring_interval_s;
  if (!instance.monitoring_role_arn.empty()) out.monitoring_role_arn = instance.monitoring_role_arn;
  out.promotion_tier = instance.promotion_tier;
  out.db_instance_arn = place.arn("db", instance.id);
  out.iam_database_authentication_enabled = cluster.iam_authentication;
  out.database_insights_mode = cluster.insights_mode;
  out.performance_insights_enabled = instance.insights;
  if (instance.insights) {
    out.performance_insights_kms_key_id = instance.insights_key_arn;
    out.performance_insights_retention_period = instance.insights_retention_days;
  }
  if (!cluster.log_exports.empty()) out.enabled_cloudwatch_logs_exports = cluster.log_exports;
  out.deletion_protection = false;
  out.associated_roles.emplace();
  out.tag_list = tag_list(instance.tags);
  out.customer_owned_ip_enabled = false;
  out.network_type = "IPV4";
  out.backup_target = "region";
  out.engine_lifecycle_support = cluster.lifecycle_support;
  return out;
}

api::DBClusterSnapshot to_api(const SnapshotRecord& snapshot, const Place& place) {
  api::DBClusterSnapshot out;
  const auto& cluster = snapshot.cluster;
  out.availability_zones = cluster.zones;
  out.db_cluster_snapshot_identifier = snapshot.id;
  out.db_cluster_identifier = cluster.id;
  out.snapshot_create_time = snapshot.created;
  out.engine = cluster.engine;
  out.engine_mode = "provisioned";
  constexpr int64_t gib = 1 << 30;
  out.allocated_storage = static_cast<int32_t>((snapshot.bytes + gib - 1) / gib);
  out.status = snapshot.status;
  out.port = cluster.port;
  out.vpc_id = cluster.vpc_id;
  out.cluster_create_time = cluster.created;
  out.master_username = cluster.master_username;
  out.engine_version = cluster.engine_version;
  out.license_model = "postgresql-license";
  out.snapshot_type = snapshot.type;
  out.percent_progress = snapshot.status == "available" ? 100 : 0;
  out.storage_encrypted = cluster.storage_encrypted;
  if (cluster.storage_encrypted) out.kms_key_id = snapshot.key_arn;
  out.db_cluster_snapshot_arn = place.arn("cluster-snapshot", snapshot.id);
  if (!snapshot.source_arn.empty()) out.source_db_cluster_snapshot_arn = snapshot.source_arn;
  out.iam_database_authentication_enabled = cluster.iam_authentication;
  out.tag_list = tag_list(snapshot.tags);
  out.storage_type = cluster.storage_type.empty() ? "aurora" : cluster.storage_type;
  out.db_cluster_resource_id = cluster.resource_id;
  return out;
}

}  // namespace boreal::rds
