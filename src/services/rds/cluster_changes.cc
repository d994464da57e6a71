// Clusters: modified, stopped, started, failed over, deleted.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/kdf.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/snapshots.h"
#include "rds/tagged.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t salt_bytes = 16;

Outcome<ClusterRecord> cluster_of(const store::Transaction& tx, const std::string& identifier) {
  const std::string id = name_of(identifier);
  TRY(auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(id)));
  if (cluster) return std::move(*cluster);
  return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", id)));
}

Outcome<void> check_available(const ClusterRecord& cluster, std::string_view what) {
  if (cluster.shown_status() == "available") return {};
  return refuse(errors::invalid_db_cluster_state_fault(
      fmt::format("Cluster {} cannot be {} in status {}.", cluster.id, what, cluster.shown_status())));
}

void change_exports(std::vector<std::string>& exports, const api::CloudwatchLogsExportConfiguration& change) {
  for (const auto& name : change.disable_log_types.value_or(std::vector<std::string>())) std::erase(exports, name);
  for (const auto& name : change.enable_log_types.value_or(std::vector<std::string>())) {
    if (std::ranges::find(exports, name) == exports.end()) exports.push_back(name);
  }
}

}  // namespace

Task<Outcome<void>> Service::check_cluster_changes(const api::ModifyDBClusterMessage& in) {
  const std::pair<bool, std::string_view> unserved[] = {
      {in.new_db_cluster_identifier.has_value(), "NewDBClusterIdentifier"},
      {in.port.has_value(), "Port (it is given at creation)"},
      {in.enable_iam_database_authentication.value_or(false), "EnableIAMDatabaseAuthentication"},
      {in.serverless_v2_scaling_configuration.has_value(), "ServerlessV2ScalingConfiguration"},
      {in.scaling_configuration.has_value(), "ScalingConfiguration"},
      {in.enable_http_endpoint.value_or(false), "EnableHttpEndpoint"},
      {in.domain.has_value(), "Domain"},
      {in.db_cluster_instance_class.has_value(), "DBClusterInstanceClass"},
      {in.db_instance_parameter_group_name.has_value(), "DBInstanceParameterGroupName (ModifyDBInstance has it)"},
      {in.enable_local_write_forwarding.value_or(false), "EnableLocalWriteForwarding"},
      {in.enable_global_write_forwarding.value_or(false), "EnableGlobalWriteForwarding"},
      {in.master_user_authentication_type.value_or("password") != "password",
       "MasterUserAuthenticationType other than password"},
      {in.allow_engine_mode_change.value_or(false), "AllowEngineModeChange"},
      {in.aws_backup_recovery_point_arn.has_value(), "AwsBackupRecoveryPointArn"},
      {is_other_option_group(in.option_group_name), "OptionGroupName"},
      {is_other_authority(in.ca_certificate_identifier), "CACertificateIdentifier other than rds-ca-rsa2048-g1"},
      {in.backtrack_window.value_or(0) != 0, "BacktrackWindow (it is not there for aurora-postgresql)"},
      {in.domain_iam_role_name.has_value(), "DomainIAMRoleName"},
      {in.allocated_storage.value_or(0) != 0, "AllocatedStorage (Multi-AZ DB clusters)"},
      {in.iops.value_or(0) != 0, "Iops (Multi-AZ DB clusters)"},
      {in.network_type.value_or("IPV4") != "IPV4", "NetworkType other than IPV4"},
      {in.engine_mode.value_or("provisioned") != "provisioned", "EngineMode other than provisioned"},
      {in.enable_limitless_database.value_or(false), "EnableLimitlessDatabase"},
  };
  for (const auto& [asked, name] : unserved) {
    if (asked) {
      co_return refuse(errors::invalid_parameter_combination(
          fmt::format("{} is not served by boreal; docs/compatibility.md lists what is.", name)));
    }
  }
  CO_CHECK(check_words_of_cluster(in.storage_type, in.database_insights_mode, std::nullopt));
  if (in.master_user_password) CO_CHECK(check_password(*in.master_user_password));
  if (in.backup_retention_period) CO_CHECK(check_retention(*in.backup_retention_period));
  if (in.preferred_backup_window) CO_CHECK(check_backup_window(*in.preferred_backup_window));
  if (in.preferred_maintenance_window) CO_CHECK(checked_maintenance_window(*in.preferred_maintenance_window));
  if (in.cloudwatch_logs_export_configuration) {
    CO_CHECK(check_log_exports(
        in.cloudwatch_logs_export_configuration->enable_log_types.value_or(std::vector<std::string>())));
  }
  co_return Outcome<void>();
}

namespace {

Outcome<void> check_version_change(const ClusterRecord& cluster, const ServedVersion& version, bool major_allowed) {
  if (version.asked_major != std::atoi(cluster.engine_version.c_str()) && !major_allowed) {
    return refuse(errors::invalid_parameter_combination(
        "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."));
  }
  if (version.installation->major != cluster.served_major) {
    return refuse(
        errors::invalid_parameter_combination(fmt::format("Upgrading from PostgreSQL {} to {} is not served by boreal.",
                                                          cluster.served_major, version.installation->major)));
  }
  return {};
}

// What the call says of who keeps the master password, against how it is.
Outcome<void> change_keeping(ClusterRecord& cluster, const api::ModifyDBClusterMessage& in,
                             const ClusterRecord& managed) {
  const bool is_managed = !cluster.secret_name.empty();
  const auto refused = [](const char* why) { return refuse(errors::invalid_parameter_combination(why)); };
  if (in.master_user_secret_kms_key_id && (is_managed || !in.manage_master_user_password.value_or(false))) {
    return refused("MasterUserSecretKmsKeyId can be specified only when ManageMasterUserPassword is turned on.");
  }
  if (in.manage_master_user_password.value_or(is_managed)) {
    if (in.master_user_password) {
      return refused("You can't specify MasterUserPassword for a cluster whose password is managed in a secret.");
    }
    if (!is_managed) {
      if (managed.secret_name.empty()) return refused("The password was managed in a secret until a moment ago.");
      cluster.secret_name = managed.secret_name;
      cluster.secret_arn = managed.secret_arn;
      cluster.secret_key_arn = managed.secret_key_arn;
      cluster.secret_applied = 0;
      ++cluster.secret_version;
    } else if (in.rotate_master_user_password.value_or(false)) {
      ++cluster.secret_version;
    }
    return {};
  }
  if (in.rotate_master_user_password.value_or(false)) {
    return refused("RotateMasterUserPassword needs a password that is managed in a secret.");
  }
  if (!is_managed) return {};
  if (!in.master_user_password) {
    return refused("MasterUserPassword is needed when ManageMasterUserPassword becomes false.");
  }
  cluster.old_secrets.push_back(cluster.secret_name);
  cluster.secret_name.clear();
  cluster.secret_arn.clear();
  cluster.secret_key_arn.clear();
  return {};
}

void change_attributes(ClusterRecord& cluster, const api::ModifyDBClusterMessage& in) {
  if (in.engine_version) cluster.engine_version = *in.engine_version;
  if (in.backup_retention_period) cluster.backup_retention_days = *in.backup_retention_period;
  if (in.db_cluster_parameter_group_name) cluster.parameter_group = name_of(*in.db_cluster_parameter_group_name);
  if (in.vpc_security_group_ids) cluster.group_ids = *in.vpc_security_group_ids;
  if (in.preferred_backup_window) cluster.backup_window = *in.preferred_backup_window;
  if (in.preferred_maintenance_window) cluster.maintenance_window = to_lower(*in.preferred_maintenance_window);
  if (in.deletion_protection) cluster.deletion_protection = *in.deletion_protection;
  if (in.copy_tags_to_snapshot) cluster.copy_tags_to_snapshot = *in.copy_tags_to_snapshot;
  if (in.auto_minor_version_upgrade) cluster.auto_minor_version_upgrade = *in.auto_minor_version_upgrade;
  if (in.database_insights_mode) cluster.insights_mode = *in.database_insights_mode;
  if (in.storage_type) cluster.storage_type = *in.storage_type;
  if (in.cloudwatch_logs_export_configuration) {
    change_exports(cluster.log_exports, *in.cloudwatch_logs_export_configuration);
  }
}

}  // namespace

// Everything takes effect at once, also without ApplyImmediately: there is no maintenance window to wait for that could
// do more than is done now.
Task<Outcome<api::ModifyDBClusterResult>> Service::modify_db_cluster(aws::Call& call,
                                                                     api::ModifyDBClusterMessage input) {
  CO_CHECK(co_await check_cluster_changes(input));
  const Place place = place_of(call);
  const std::string id = name_of(input.db_cluster_identifier);
  std::string verifier;
  if (input.master_user_password) {
    const std::string salt = context_.random.bytes(salt_bytes);
    CO_TRY(verifier, crypto::scram_sha256_verifier(*input.master_user_password, as_bytes(salt)));
  }
  std::optional<ServedVersion> version;
  if (input.engine_version) {
    auto found = co_await engines_.resolve(*input.engine_version);
    if (!found) {
      co_return refuse(errors::invalid_parameter_combination(fmt::format(
          "Cannot find version {} for aurora-postgresql: {}", *input.engine_version, found.error().message())));
    }
    version = *found;
  }
  CO_TRY(const auto before, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(id)));
  CO_TRY(const auto watching, co_await watching_of(call, input, before.value_or(ClusterRecord())));
  ClusterRecord managed;
  if (input.manage_master_user_password.value_or(false) && before && before->secret_name.empty()) {
    managed.resource_id = before->resource_id;
    CO_CHECK(co_await manage_password(call, managed, input.master_user_secret_kms_key_id));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto cluster, cluster_of(tx, id));
  if (input.rotate_master_user_password.value_or(false) && !cluster.secret_name.empty())
    CO_CHECK(co_await call.authorize(secret_access("secretsmanager:RotateSecret", cluster)));
  if (cluster.status != "available" && cluster.status != "creating" && cluster.status != "stopped") {
    CO_CHECK(check_available(cluster, "modified"));
  }
  if (version) CO_CHECK(check_version_change(cluster, *version, input.allow_major_version_upgrade.value_or(false)));
  if (input.vpc_security_group_ids) CO_CHECK(check_groups(place, *input.vpc_security_group_ids, cluster.vpc_id));
  CO_CHECK(change_keeping(cluster, input, managed));
  change_attributes(cluster, input);
  if (input.db_cluster_parameter_group_name) {
    CO_CHECK(co_await check_parameter_group(call, cluster.parameter_group, family_of(cluster), true));
  }
  if (!verifier.empty()) {
    cluster.master_verifier = std::move(verifier);
    ++cluster.master_version;
    if (cluster.status == "available" && !cluster.writer.empty()) cluster.status = "resetting-master-credentials";
  }
  watching.apply(cluster);
  CO_TRY(auto instances, instances_of(tx, cluster.id));
  if (watching.interval_s || watching.insights) {
    for (auto& instance : instances) {
      watching.apply(instance);
      save(tx, instance);
    }
  }
  save(tx, cluster);
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place, cluster.id)) found->recheck_admission();
  co_return api::ModifyDBClusterResult{to_api(cluster, instances, place)};
}

Task<Outcome<api::StopDBClusterResult>> Service::stop_db_cluster(aws::Call& call, api::StopDBClusterMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto cluster, cluster_of(tx, input.db_cluster_identifier));
  CO_CHECK(check_available(cluster, "stopped"));
  CO_TRY(auto instances, instances_of(tx, cluster.id));
  cluster.status = "stopping";
  cluster.stopped = true;
  save(tx, cluster);
  for (auto& instance : instances) {
    if (instance.status == "available") instance.status = "stopping";
    save(tx, instance);
  }
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place_of(call), cluster.id)) found->wake();
  co_return api::StopDBClusterResult{to_api(cluster, instances, place_of(call))};
}

Task<Outcome<api::StartDBClusterResult>> Service::start_db_cluster(aws::Call& call, api::StartDBClusterMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto cluster, cluster_of(tx, input.db_cluster_identifier));
  if (cluster.status != "stopped" && cluster.status != status_recoverable) {
    co_return refuse(errors::invalid_db_cluster_state_fault(fmt::format(
        "DbCluster {} is in {} state but expected it to be one of stopped,inaccessible-encryption-credentials-"
        "recoverable.",
        cluster.id, cluster.status)));
  }
  if (cluster.encrypts_files()) {
    const auto key = co_await keys_.describe(call.account, call.region, "rds", cluster.key_arn);
    if (!key) {
      co_return refuse(errors::kms_key_not_accessible_fault(fmt::format(
          "The KMS key {} of cluster {} cannot be used: {}", cluster.key_arn, cluster.id, key.error().message)));
    }
  }
  CO_TRY(auto instances, instances_of(tx, cluster.id));
  cluster.status = "starting";
  cluster.stopped = false;
  cluster.inaccessible_since = {};
  save(tx, cluster);
  for (auto& instance : instances) {
    if (instance.status == "stopped" || is_inaccessible(instance.status)) instance.status = "starting";
    save(tx, instance);
  }
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place_of(call), cluster.id)) found->wake();
  co_return api::StartDBClusterResult{to_api(cluster, instances, place_of(call))};
}

Task<Outcome<api::FailoverDBClusterResult>> Service::failover_db_cluster(aws::Call& call,
                                                                         api::FailoverDBClusterMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto cluster, cluster_of(tx, input.db_cluster_identifier));
  CO_CHECK(check_available(cluster, "failed over"));
  CO_TRY(const auto instances, instances_of(tx, cluster.id));
  const auto ready = [&](const InstanceRecord& i) { return i.id != cluster.writer && i.status == "available"; };
  cluster.failover_to = "?";
  if (input.target_db_instance_identifier) {
    const std::string target = name_of(*input.target_db_instance_identifier);
    const auto found = std::ranges::find(instances, target, &InstanceRecord::id);
    if (found == instances.end()) {
      co_return refuse(errors::db_instance_not_found_fault(
          fmt::format("Cannot find target instance: {} in the cluster {}.", target, cluster.id)));
    }
    if (!ready(*found)) {
      co_return refuse(errors::invalid_db_instance_state_fault(
          fmt::format("{} is not a reader in status available: it cannot take over.", target)));
    }
    cluster.failover_to = target;
  } else if (std::ranges::none_of(instances, ready)) {
    co_return refuse(errors::invalid_db_cluster_state_fault(
        fmt::format("Cluster {} has no reader in status available that could take over.", cluster.id)));
  }
  save(tx, cluster);
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place_of(call), cluster.id)) found->wake();
  co_return api::FailoverDBClusterResult{to_api(cluster, instances, place_of(call))};
}

namespace {

Outcome<void> check_deletable(const ClusterRecord& cluster, const std::vector<InstanceRecord>& instances,
                              const api::DeleteDBClusterMessage& in) {
  if (cluster.deletion_protection) {
    return refuse(errors::invalid_parameter_combination(
        "Cannot delete protected Cluster, please disable deletion protection and try again."));
  }
  const bool skip = in.skip_final_snapshot.value_or(false);
  const bool named = in.final_db_snapshot_identifier && !in.final_db_snapshot_identifier->empty();
  if (!skip && !named) {
    return refuse(errors::invalid_parameter_combination(
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."));
  }
  if (skip && named) {
    return refuse(errors::invalid_parameter_combination(
        "FinalDBSnapshotIdentifier cannot be specified when deleting a cluster and SkipFinalSnapshot is specified."));
  }
  if (cluster.status == "deleting") {
    return refuse(
        errors::invalid_db_cluster_state_fault(fmt::format("Cluster {} is already being deleted.", cluster.id)));
  }
  if (named && cluster.is_closed()) {
    return refuse(errors::invalid_db_cluster_state_fault(
        fmt::format("Cluster {} is in status {}: no final snapshot of it can be taken.", cluster.id, cluster.status)));
  }
  if (std::ranges::any_of(instances, [](const auto& i) { return i.status != "deleting"; })) {
    return refuse(errors::invalid_db_cluster_state_fault(
        "Cluster cannot be deleted, it still contains DB instances in non-deleting state."));
  }
  return {};
}

}  // namespace

Task<Outcome<api::DeleteDBClusterResult>> Service::delete_db_cluster(aws::Call& call,
                                                                     api::DeleteDBClusterMessage input) {
  const Place place = place_of(call);
  const std::string id = name_of(input.db_cluster_identifier);
  SnapshotRecord snapshot;
  if (!input.skip_final_snapshot.value_or(false) && input.final_db_snapshot_identifier) {
    CO_TRY(snapshot.id, checked_identifier(*input.final_db_snapshot_identifier, "FinalDBSnapshotIdentifier", 255));
    CO_TRY(const auto before, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(id)));
    // Also while it is protected: it may not be any more once it is this call's turn.
    if (before)
      CO_CHECK(co_await assign_snapshot_file(keys_, context_.random, nullptr, place, before->key_arn, snapshot));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto cluster, cluster_of(tx, id));
  CO_TRY(const auto instances, instances_of(tx, id));
  CO_CHECK(check_deletable(cluster, instances, input));
  if (!snapshot.id.empty()) {
    CO_TRY(const auto there, tx.get(SnapshotRecord::key(snapshot.id)));
    if (there) {
      co_return refuse(errors::db_cluster_snapshot_already_exists_fault(fmt::format(
          "Cannot create the cluster snapshot because one with the identifier {} already exists.", snapshot.id)));
    }
    snapshot.status = "creating";
    snapshot.cluster = cluster;
    snapshot.cluster_resource_id = cluster.resource_id;
    snapshot.created = now();
    if (cluster.copy_tags_to_snapshot) snapshot.tags = cluster.tags;
    save(tx, snapshot);
    cluster.final_snapshot = snapshot.id;
  }
  cluster.status = "deleting";
  cluster.stopped = false;
  save(tx, cluster);
  CO_TRY(const auto snapshots, load_all<SnapshotRecord>(tx, "snapshot/"));
  const bool is_copied = std::ranges::any_of(snapshots, [&](const SnapshotRecord& other) {
    return other.status == "creating" && other.cluster_resource_id == cluster.resource_id;
  });
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place, id)) {
    if (!is_copied) found->abandon();
    found->wake();
  }
  co_return api::DeleteDBClusterResult{to_api(cluster, instances, place)};
}

}  // namespace boreal::rds
