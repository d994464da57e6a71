// Clusters: created and shown.
#include <fmt/format.h>

#include <algorithm>
#include <set>

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

constexpr std::string_view id_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr size_t id_length = 26;
constexpr const char* default_backup_window = "03:00-04:00";
constexpr const char* default_maintenance_window = "sun:05:00-sun:06:00";
constexpr size_t zones_of_a_cluster = 3;
constexpr size_t salt_bytes = 16;

// What an input asks for and is not built; served half it would look as if it were.
struct Unserved {
  bool asked;
  std::string_view name;
};
Outcome<void> check_served(std::initializer_list<Unserved> all) {
  for (const auto& [asked, name] : all) {
    if (asked) {
      return refuse(errors::invalid_parameter_combination(
          fmt::format("{} is not served by boreal; docs/compatibility.md lists what is.", name)));
    }
  }
  return {};
}

Outcome<void> check_served(const api::CreateDBClusterMessage& in) {
  return check_served({
      {in.replication_source_identifier.has_value(), "ReplicationSourceIdentifier"},
      {in.scaling_configuration.has_value(), "ScalingConfiguration"},
      {in.serverless_v2_scaling_configuration.has_value(), "ServerlessV2ScalingConfiguration"},
      {in.enable_http_endpoint.value_or(false), "EnableHttpEndpoint"},
      {in.global_cluster_identifier.has_value(), "GlobalClusterIdentifier"},
      {in.enable_iam_database_authentication.value_or(false), "EnableIAMDatabaseAuthentication"},
      {in.backtrack_window.value_or(0) != 0, "BacktrackWindow (it is not there for aurora-postgresql)"},
      {in.domain.has_value(), "Domain"},
      {in.db_cluster_instance_class.has_value(), "DBClusterInstanceClass (Multi-AZ DB clusters)"},
      {in.engine_mode.value_or("provisioned") != "provisioned", "EngineMode other than provisioned"},
      {in.enable_limitless_database.value_or(false), "EnableLimitlessDatabase"},
      {in.cluster_scalability_type.value_or("standard") != "standard", "ClusterScalabilityType other than standard"},
      {in.network_type.value_or("IPV4") != "IPV4", "NetworkType other than IPV4"},
      {in.enable_local_write_forwarding.value_or(false), "EnableLocalWriteForwarding"},
      {in.enable_global_write_forwarding.value_or(false), "EnableGlobalWriteForwarding"},
      {in.master_user_authentication_type.value_or("password") != "password",
       "MasterUserAuthenticationType other than password"},
      {in.with_express_configuration.value_or(false), "WithExpressConfiguration"},
      {in.character_set_name.value_or("UTF8") != "UTF8", "CharacterSetName other than UTF8"},
      {in.tag_specifications.has_value(), "TagSpecifications (Tags are)"},
      {in.rds_custom_cluster_configuration.has_value(), "RdsCustomClusterConfiguration"},
      {is_other_option_group(in.option_group_name), "OptionGroupName"},
      {is_other_authority(in.ca_certificate_identifier), "CACertificateIdentifier other than rds-ca-rsa2048-g1"},
      {in.allocated_storage.value_or(0) != 0, "AllocatedStorage (Multi-AZ DB clusters)"},
      {in.iops.value_or(0) != 0, "Iops (Multi-AZ DB clusters)"},
      {in.publicly_accessible.value_or(false), "PubliclyAccessible of a cluster (it is its instances')"},
      {in.domain_iam_role_name.has_value(), "DomainIAMRoleName"},
      {in.db_system_id.has_value(), "DBSystemId"},
  });
}

// `name`: of the database in the snapshot.
Outcome<void> check_served(const api::RestoreDBClusterFromSnapshotMessage& in, const std::string& name) {
  return check_served({
      {in.scaling_configuration.has_value(), "ScalingConfiguration"},
      {in.serverless_v2_scaling_configuration.has_value(), "ServerlessV2ScalingConfiguration"},
      {in.enable_iam_database_authentication.value_or(false), "EnableIAMDatabaseAuthentication"},
      {in.db_cluster_instance_class.has_value(), "DBClusterInstanceClass"},
      {in.engine_mode.value_or("provisioned") != "provisioned", "EngineMode other than provisioned"},
      {in.domain.has_value(), "Domain"},
      {in.domain_iam_role_name.has_value(), "DomainIAMRoleName"},
      {in.tag_specifications.has_value(), "TagSpecifications (Tags are)"},
      {in.rds_custom_cluster_configuration.has_value(), "RdsCustomClusterConfiguration"},
      {in.database_name.value_or(name) != name, "DatabaseName other than the snapshot's"},
      {is_other_option_group(in.option_group_name), "OptionGroupName"},
      {in.backtrack_window.value_or(0) != 0, "BacktrackWindow (it is not there for aurora-postgresql)"},
      {in.iops.value_or(0) != 0, "Iops (Multi-AZ DB clusters)"},
      {in.publicly_accessible.value_or(false), "PubliclyAccessible of a cluster (it is its instances')"},
      {in.network_type.value_or("IPV4") != "IPV4", "NetworkType other than IPV4"},
      {!in.enable_vpc_networking.value_or(true), "EnableVPCNetworking=false"},
      {in.enable_internet_access_gateway.value_or(false), "EnableInternetAccessGateway"},
  });
}

}  // namespace

Outcome<void> Service::check_groups(const Place& place, const std::vector<std::string>& ids,
                                    const std::string& vpc_id) {
  for (const auto& id : ids) {
    const auto vpc = network_.group_vpc(place.account, place.region, id);
    if (!vpc) {
      return refuse(
          errors::invalid_parameter_value(fmt::format("Invalid security group , groupId= {}, groupName=.", id)));
    }
    if (*vpc != vpc_id) {
      return refuse(errors::invalid_parameter_combination(fmt::format(
          "The DB instance and EC2 security group are in different VPCs. The DB instance is in {} and the EC2 security "
          "group {} is in {}",
          vpc_id, id, *vpc)));
    }
  }
  return {};
}

Task<Outcome<void>> Service::place_cluster(aws::Call& call, ClusterRecord& cluster, std::optional<std::string> subnets,
                                           std::optional<std::vector<std::string>> groups) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto group, subnet_group(tx, place, name_of(subnets.value_or("default"))));
  cluster.subnet_group = group.name;
  cluster.vpc_id = group.vpc_id;
  if (groups && !groups->empty()) {
    cluster.group_ids = *groups;
    CO_CHECK(check_groups(place, cluster.group_ids, cluster.vpc_id));
  } else {
    CO_TRY(auto default_group, network_.default_group(call.account, call.region, cluster.vpc_id));
    cluster.group_ids = {std::move(default_group)};
  }
  const auto known = network_.availability_zones(call.region);
  for (const auto& zone : cluster.zones) {
    if (std::ranges::find(known, zone) == known.end()) {
      co_return refuse(errors::invalid_parameter_value(
          fmt::format("Invalid availability zone {}; {} has {}.", zone, call.region, join(known, ", "))));
    }
  }
  if (cluster.zones.empty())
    cluster.zones.assign(known.begin(), known.begin() + std::min(known.size(), zones_of_a_cluster));
  co_return Outcome<void>();
}

Task<Outcome<void>> Service::encrypt_cluster(aws::Asker asker, Place place, ClusterRecord& cluster,
                                             std::optional<bool> encrypted, std::optional<std::string> key_id) {
  if (key_id && !encrypted.value_or(true)) {
    co_return refuse(errors::invalid_parameter_combination("KmsKeyId cannot be set when StorageEncrypted is false."));
  }
  cluster.storage_encrypted = encrypted.value_or(key_id.has_value());
  cluster.key_arn.clear();
  if (!cluster.storage_encrypted) co_return Outcome<void>();
  const auto storage = co_await engines_.storage();
  // Allowed where it cannot be, not where it only failed.
  if (!storage && !(options_.allow_unencrypted_storage && storage.error().code() == Errc::unsupported)) {
    co_return refuse(errors::invalid_parameter_combination(fmt::format(
        "StorageEncrypted=true cannot be served: PostgreSQL's files cannot be encrypted on this machine ({}). Run "
        "boreal where one of these works, or set StorageEncrypted=false, or keep the data on an encrypted disk and "
        "start boreal with --allow-unencrypted-storage.",
        storage.error().message())));
  }
  auto key = co_await keys_.generate_data_key(asker.granting(), place.account, place.region, "rds", key_id.value_or(""),
                                              storage_key_context(cluster));
  if (!key) {
    co_return refuse(errors::kms_key_not_accessible_fault(
        fmt::format("The specified KMS key {} cannot be used: {}", key_id.value_or(""), key.error().message)));
  }
  crypto::wipe(std::as_writable_bytes(std::span(key->plaintext.data(), key->plaintext.size())));
  cluster.key_arn = std::move(key->key_arn);
  // Without a way to encrypt the key serves for snapshots, which are encrypted in any case.
  if (storage) cluster.storage_key.bytes = std::move(key->ciphertext);
  co_return Outcome<void>();
}

Outcome<void> Service::set_master_user(ClusterRecord& cluster, const api::CreateDBClusterMessage& in) {
  const bool managed = in.manage_master_user_password.value_or(false);
  if (!in.master_username || (!in.master_user_password && !managed)) {
    return refuse(
        errors::invalid_parameter_value("The parameters MasterUsername and MasterUserPassword must be provided."));
  }
  if (managed && in.master_user_password) {
    return refuse(errors::invalid_parameter_combination(
        "You can't specify MasterUserPassword when ManageMasterUserPassword is true."));
  }
  if (!managed && in.master_user_secret_kms_key_id) {
    return refuse(errors::invalid_parameter_combination(
        "MasterUserSecretKmsKeyId can be specified only when ManageMasterUserPassword is true."));
  }
  CHECK(check_master_username(*in.master_username));
  cluster.master_username = *in.master_username;
  if (managed) return {};
  CHECK(check_password(*in.master_user_password));
  const std::string salt = context_.random.bytes(salt_bytes);
  TRY(cluster.master_verifier, crypto::scram_sha256_verifier(*in.master_user_password, as_bytes(salt)));
  return {};
}

// The keeper makes the password. Source of what the caller must be allowed: Service Authorization Reference, Amazon
// RDS, dependent actions of CreateDBCluster and ModifyDBCluster.
Task<Outcome<void>> Service::manage_password(aws::Call& call, ClusterRecord& cluster,
                                             std::optional<std::string> key_id) {
  cluster.secret_name = "rds!cluster-" + context_.random.uuid();
  cluster.secret_arn = secrets_.managed_arn(call.account, call.region, cluster.secret_name);
  for (const char* action : {"secretsmanager:CreateSecret", "secretsmanager:TagResource"})
    CO_CHECK(co_await call.authorize(secret_access(action, cluster)));
  auto key = co_await keys_.generate_data_key(&call, call.account, call.region, "secretsmanager", key_id.value_or(""),
                                              storage_key_context(cluster));
  if (!key) {
    co_return refuse(errors::kms_key_not_accessible_fault(
        fmt::format("The KMS key {} of the secret cannot be used: {}", key_id.value_or(""), key.error().message)));
  }
  crypto::wipe(std::as_writable_bytes(std::span(key->plaintext)));
  cluster.secret_key_arn = key->key_arn;
  cluster.secret_applied = 0;
  ++cluster.secret_version;
  co_return Outcome<void>();
}

Task<Outcome<ClusterRecord>> Service::cluster_from(aws::Call& call, const api::CreateDBClusterMessage& in) {
  CO_CHECK(check_served(in));
  CO_CHECK(check_words_of_cluster(in.storage_type, in.database_insights_mode, in.engine_lifecycle_support));
  ClusterRecord cluster;
  CO_TRY(cluster.id, checked_identifier(in.db_cluster_identifier, "DBClusterIdentifier"));
  if (in.engine != "aurora-postgresql") {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid DB engine: {}. boreal serves aurora-postgresql.", in.engine)));
  }
  cluster.engine = in.engine;
  auto version = co_await engines_.resolve(in.engine_version.value_or(""));
  if (!version) {
    co_return refuse(
        errors::invalid_parameter_combination(fmt::format("Cannot find version {} for aurora-postgresql: {}",
                                                          in.engine_version.value_or(""), version.error().message())));
  }
  cluster.engine_version = version->asked;
  cluster.served_major = version->installation->major;
  cluster.port = in.port.value_or(5432);
  CO_CHECK(check_port(cluster.port));
  if (in.database_name) CO_CHECK(check_database_name(*in.database_name));
  cluster.database_name = in.database_name.value_or("");
  CO_CHECK(set_master_user(cluster, in));
  cluster.backup_retention_days = in.backup_retention_period.value_or(1);
  CO_CHECK(check_retention(cluster.backup_retention_days));
  cluster.backup_window = in.preferred_backup_window.value_or(default_backup_window);
  CO_CHECK(check_backup_window(cluster.backup_window));
  CO_TRY(cluster.maintenance_window,
         checked_maintenance_window(in.preferred_maintenance_window.value_or(default_maintenance_window)));
  cluster.log_exports = in.enable_cloudwatch_logs_exports.value_or(std::vector<std::string>());
  CO_CHECK(check_log_exports(cluster.log_exports));
  CO_TRY(cluster.tags, checked_tags(in.tags));
  cluster.zones = in.availability_zones.value_or(std::vector<std::string>());
  const std::string family = family_of(cluster);
  cluster.parameter_group = name_of(in.db_cluster_parameter_group_name.value_or(default_parameter_group(family)));
  CO_CHECK(co_await check_parameter_group(call, cluster.parameter_group, family, true));
  CO_CHECK(co_await place_cluster(call, cluster, in.db_subnet_group_name, in.vpc_security_group_ids));
  cluster.deletion_protection = in.deletion_protection.value_or(false);
  cluster.copy_tags_to_snapshot = in.copy_tags_to_snapshot.value_or(false);
  cluster.auto_minor_version_upgrade = in.auto_minor_version_upgrade.value_or(true);
  cluster.insights_mode = in.database_insights_mode.value_or("standard");
  CO_TRY(const auto watching, co_await watching_of(call, in));
  watching.apply(cluster);
  cluster.lifecycle_support = in.engine_lifecycle_support.value_or("open-source-rds-extended-support");
  cluster.storage_type = in.storage_type.value_or("");
  cluster.resource_id = "cluster-" + context_.random.pick(id_alphabet, id_length);
  CO_CHECK(co_await encrypt_cluster(&call, place_of(call), cluster, in.storage_encrypted, in.kms_key_id));
  if (in.manage_master_user_password.value_or(false)) {
    CO_CHECK(co_await manage_password(call, cluster, in.master_user_secret_kms_key_id));
  }
  co_return cluster;
}

// From a whole record to a cluster that is being made: its addresses, its row, its keeper.
Task<Outcome<void>> Service::begin_cluster(const aws::Call* call, Place place, ClusterRecord& cluster) {
  cluster.status = "creating";
  cluster.created = now();
  Keeper& keeper = make_keeper(place, cluster.id, cluster.resource_id);
  Outcome<void> done = take_addresses(keeper, cluster.port);
  if (done) {
    cluster.number = keeper.number();
    done = co_await add_cluster(call, place, cluster);
  }
  if (done) {
    keeper.start();
  } else {
    co_await drop_keeper(cluster.resource_id);
  }
  co_return done;
}

Task<Outcome<void>> Service::add_cluster(const aws::Call* call, Place place, const ClusterRecord& cluster) {
  auto tx = co_await context_.catalog.begin(place.partition());
  if (call) CO_CHECK(check_asked(*call, tx));
  CO_TRY(const auto there, tx.get(ClusterRecord::key(cluster.id)));
  if (there) {
    co_return refuse(errors::db_cluster_already_exists_fault(fmt::format("DB Cluster already exists: {}", cluster.id)));
  }
  save(tx, cluster);
  const auto note = [&](std::string message) {
    tell(tx, place, now(), "db-cluster", cluster.id, std::move(message), {"notification"});
  };
  for (const auto& [key, value] : shown_tags(cluster)) {
    if (key == "aws:boreal:engine-map") note("Engine version " + value);
    if (key == "aws:boreal:storage") {
      note(
          "StorageEncrypted=true is served WITHOUT encryption: this machine has no way to encrypt, and boreal was "
          "started with --allow-unencrypted-storage");
    }
  }
  CO_CHECK(co_await tx.commit());
  co_return Outcome<void>();
}

Task<Outcome<api::CreateDBClusterResult>> Service::create_db_cluster(aws::Call& call,
                                                                     api::CreateDBClusterMessage input) {
  CO_TRY(auto cluster, co_await cluster_from(call, input));
  CO_CHECK(co_await begin_cluster(&call, place_of(call), cluster));
  co_return api::CreateDBClusterResult{to_api(cluster, {}, place_of(call))};
}

namespace {

Outcome<void> apply_filters(std::vector<ClusterRecord>& clusters, const std::vector<api::Filter>& filters,
                            const Place& place) {
  for (const auto& filter : filters) {
    const auto has = [&](const std::string& value) {
      return std::ranges::find(filter.values, value) != filter.values.end();
    };
    if (filter.name == "db-cluster-id") {
      std::erase_if(clusters, [&](const auto& c) { return !has(c.id) && !has(place.arn("cluster", c.id)); });
    } else if (filter.name == "db-cluster-resource-id") {
      std::erase_if(clusters, [&](const auto& c) { return !has(c.resource_id); });
    } else if (filter.name == "engine") {
      std::erase_if(clusters, [&](const auto& c) { return !has(c.engine); });
    } else if (filter.name == "clone-group-id" || filter.name == "domain") {
      clusters.clear();
    } else {
      return refuse(unknown_filter(filter.name));
    }
  }
  return {};
}

}  // namespace

Task<Outcome<api::DBClusterMessage>> Service::describe_db_clusters(aws::Call& call,
                                                                   api::DescribeDBClustersMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto clusters, load_all<ClusterRecord>(tx, "cluster/"));
  if (input.db_cluster_identifier) {
    const std::string id = name_of(*input.db_cluster_identifier);
    const bool is_name = std::ranges::find(clusters, id, &ClusterRecord::id) != clusters.end();
    std::erase_if(clusters, [&](const ClusterRecord& c) { return (is_name ? c.id : to_lower(c.resource_id)) != id; });
    if (clusters.empty()) {
      co_return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", id)));
    }
  }
  CO_CHECK(apply_filters(clusters, input.filters.value_or(std::vector<api::Filter>()), place));
  api::DBClusterMessage output;
  CO_TRY(const auto shown, page(std::move(clusters), input.marker, input.max_records, output.marker,
                                [](const ClusterRecord& c) { return c.id; }));
  output.db_clusters.emplace();
  for (const auto& cluster : shown) {
    CO_TRY(const auto instances, instances_of(tx, cluster.id));
    output.db_clusters->push_back(to_api(cluster, instances, place));
  }
  co_return output;
}

Task<Outcome<api::RestoreDBClusterFromSnapshotResult>> Service::restore_db_cluster_from_snapshot(
    aws::Call& call, api::RestoreDBClusterFromSnapshotMessage in) {
  const std::string snapshot_id = name_of(in.snapshot_identifier);
  CO_TRY(const auto snapshot, load<SnapshotRecord>(context_.catalog, place_of(call), SnapshotRecord::key(snapshot_id)));
  if (!snapshot) {
    co_return refuse(
        errors::db_cluster_snapshot_not_found_fault(fmt::format("DBClusterSnapshot not found: {}", snapshot_id)));
  }
  CO_CHECK(check_for_callers(*snapshot));
  if (snapshot->status != "available") {
    co_return refuse(errors::invalid_db_cluster_snapshot_state_fault(
        fmt::format("The snapshot {} is not available: {}", snapshot_id, snapshot->status)));
  }
  CO_CHECK(check_served(in, snapshot->cluster.database_name));
  ClusterRecord cluster = snapshot->cluster;  // what the input does not say is as it was
  CO_TRY(cluster.id, checked_identifier(in.db_cluster_identifier, "DBClusterIdentifier"));
  if (in.engine != cluster.engine) {
    co_return refuse(errors::invalid_parameter_combination(
        fmt::format("The snapshot {} is of the engine {}, not {}.", snapshot_id, cluster.engine, in.engine)));
  }
  if (in.engine_version && *in.engine_version != cluster.engine_version) {
    CO_TRY(const auto version, co_await engines_.resolve(*in.engine_version));
    if (version.installation->major != cluster.served_major) {
      co_return refuse(
          errors::invalid_parameter_combination(fmt::format("Cannot restore {} as {}: its data is of PostgreSQL {}.",
                                                            snapshot_id, *in.engine_version, cluster.served_major)));
    }
    cluster.engine_version = *in.engine_version;
  }
  cluster.port = in.port.value_or(cluster.port);
  CO_CHECK(check_port(cluster.port));
  if (in.availability_zones) cluster.zones = *in.availability_zones;
  cluster.backup_retention_days = in.backup_retention_period.value_or(cluster.backup_retention_days);
  CO_CHECK(check_retention(cluster.backup_retention_days));
  cluster.backup_window = in.preferred_backup_window.value_or(cluster.backup_window);
  CO_CHECK(check_backup_window(cluster.backup_window));
  CO_CHECK(check_words_of_cluster(in.storage_type, std::nullopt, in.engine_lifecycle_support));
  cluster.storage_type = in.storage_type.value_or("");
  cluster.lifecycle_support = in.engine_lifecycle_support.value_or(cluster.lifecycle_support);
  if (in.enable_cloudwatch_logs_exports) cluster.log_exports = *in.enable_cloudwatch_logs_exports;
  CO_CHECK(check_log_exports(cluster.log_exports));
  cluster.deletion_protection = in.deletion_protection.value_or(false);
  cluster.copy_tags_to_snapshot = in.copy_tags_to_snapshot.value_or(cluster.copy_tags_to_snapshot);
  Watching{.interval_s = 0, .insights = false}.apply(cluster);  // how one is watched is no part of its snapshots
  CO_TRY(const auto watching, co_await watching_of(call, in));
  watching.apply(cluster);
  CO_TRY(cluster.tags, checked_tags(in.tags));
  const std::string family = family_of(cluster);
  cluster.parameter_group = name_of(in.db_cluster_parameter_group_name.value_or(default_parameter_group(family)));
  CO_CHECK(co_await check_parameter_group(call, cluster.parameter_group, family, true));
  CO_CHECK(co_await place_cluster(call, cluster, in.db_subnet_group_name, in.vpc_security_group_ids));
  cluster.resource_id = "cluster-" + context_.random.pick(id_alphabet, id_length);
  cluster.forget_engine();
  const bool encrypted = cluster.storage_encrypted || in.kms_key_id.has_value();
  CO_CHECK(co_await check_snapshot_key(&call, place_of(call), *snapshot));
  CO_CHECK(co_await encrypt_cluster(&call, place_of(call), cluster, encrypted,
                                    in.kms_key_id || !encrypted ? in.kms_key_id : std::optional(snapshot->key_arn)));
  cluster.restore_from = snapshot_id;
  CO_CHECK(co_await begin_cluster(&call, place_of(call), cluster));
  co_return api::RestoreDBClusterFromSnapshotResult{to_api(cluster, {}, place_of(call))};
}

}  // namespace boreal::rds
