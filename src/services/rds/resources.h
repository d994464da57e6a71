// What the catalog keeps of RDS, and under which keys. All of an account's and region's resources lie in one partition.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/context.h"
#include "store/record.h"
#include "store/transaction.h"

namespace boreal::rds {

using Tags = std::map<std::string, std::string>;

// An account in a region: a world of its own.
struct Place {
  std::string account;
  std::string region;
  auto operator<=>(const Place&) const = default;
  std::string partition() const { return aws::partition("rds", account, region); }
  // "arn:aws:rds:REGION:ACCOUNT:cluster:NAME"
  std::string arn(std::string_view kind, std::string_view name) const;
};

struct SubnetGroupRecord {
  struct Member {
    std::string id;
    std::string zone;
    BOREAL_RECORD(Member, id, zone)
  };
  std::string name;
  std::string description;
  std::string vpc_id;
  std::vector<Member> subnets;
  Tags tags;
  std::string resource_id = {};  // which one of this name it is; shown nowhere
  BOREAL_RECORD(SubnetGroupRecord, name, description, vpc_id, subnets, tags, resource_id)
  static std::string key(const std::string& name) { return "subgrp/" + name; }
};

// A cluster's or an instance's parameter group; they differ in the key alone.
struct ParameterGroupRecord {
  struct Change {
    std::string value;
    std::string method;  // "immediate" or "pending-reboot", as sent
    BOREAL_RECORD(Change, value, method)
  };
  std::string name;
  std::string family;  // "aurora-postgresql15"
  std::string description;
  std::map<std::string, Change> changes;
  Tags tags;
  std::string resource_id = {};  // which one of this name it is; shown nowhere
  BOREAL_RECORD(ParameterGroupRecord, name, family, description, changes, tags, resource_id)
};

// The KMS key of the files cannot be used: StartDBCluster brings the cluster back when it can be used again, for seven
// days; then never.
inline constexpr const char* status_recoverable = "inaccessible-encryption-credentials-recoverable";
inline constexpr const char* status_inaccessible = "inaccessible-encryption-credentials";
inline bool is_inaccessible(std::string_view status) {
  return status == status_recoverable || status == status_inaccessible;
}

// The data that it was to begin with cannot be had. It is there to be deleted.
inline constexpr const char* status_restore_failed = "restore-error";

struct ClusterRecord {
  std::string id;
  std::string resource_id;  // "cluster-ABC…"; never changes, and names the folder
  // creating, available, modifying, starting, stopping, stopped, deleting, or one of those above
  std::string status;
  std::string engine;
  std::string engine_version;  // the one that was asked for
  int served_major = 0;        // the PostgreSQL that runs
  unsigned number = 0;         // which block of addresses
  int port = 5432;
  std::string database_name;
  bool database_made = false;  // by this cluster or by the one that its data is of: the user may have dropped it since
  std::string master_username;
  std::string master_verifier;  // SCRAM; the password itself is kept nowhere
  int64_t master_version = 1;   // counts changes of the verifier
  int64_t master_applied = 0;   // the one that the databases have
  // Where the service keeps the password itself for the user; no name: it does not.
  std::string secret_name;  // "rds!cluster-<uuid>"
  std::string secret_arn;
  std::string secret_key_arn;
  int64_t secret_version = 0;            // counts passwords that are wanted
  int64_t secret_applied = 0;            // the one that the secret has
  std::vector<std::string> old_secrets;  // to be removed
  std::string parameter_group;
  std::string subnet_group;
  std::string vpc_id;
  std::vector<std::string> group_ids;
  std::vector<std::string> zones;
  int backup_retention_days = 1;
  std::string backup_window;
  std::string maintenance_window;
  bool storage_encrypted = false;  // as asked for; only with a storage_key it is
  std::string key_arn;
  store::Blob storage_key;  // of the cluster's files, as KMS gave it, sealed
  bool deletion_protection = false;
  bool copy_tags_to_snapshot = false;
  bool iam_authentication = false;
  bool auto_minor_version_upgrade = true;
  std::vector<std::string> log_exports;
  std::string insights_mode = "standard";
  // What its instances have that do not say otherwise.
  int monitoring_interval_s = 0;
  std::string monitoring_role_arn;
  bool insights = false;
  std::string insights_key_arn;
  int insights_retention_days = 0;
  std::string lifecycle_support;
  std::string storage_type;
  Tags tags;
  Time created;

  // What the keeper is to do, and what it has seen.
  std::string writer;           // the instance that takes writes; empty: none yet
  bool stopped = false;         // wanted
  std::string final_snapshot;   // while deleting: to be taken before anything goes; empty: none
  std::string restore_from;     // snapshot whose data this cluster begins with; empty once it has it
  std::string restore_failure;  // why it never will
  std::string failover_to;      // an instance, or "?" for any; empty: none asked for
  bool storage_made = false;    // the encrypted folder is there and may hold data
  Time inaccessible_since;      // while the status is status_recoverable

  std::string shown_status() const { return status == "available" && !failover_to.empty() ? "failing-over" : status; }
  // Nothing can be done with its data, for now or for good.
  bool is_closed() const { return is_inaccessible(status) || status == status_restore_failed; }
  // Empty: none. Clusters of earlier versions do not say that theirs was made.
  std::string database_to_make() const { return database_made || master_applied != 0 ? "" : database_name; }
  bool begins_with(const std::string& snapshot) const { return restore_from == snapshot && restore_failure.empty(); }
  bool encrypts_files() const { return !storage_key.bytes.empty(); }
  // For a cluster that is made of this one's data: what belongs to this one alone is as in a new one.
  void forget_engine();
  BOREAL_RECORD(ClusterRecord, id, resource_id, status, engine, engine_version, served_major, number, port,
                database_name, master_username, master_verifier, master_version, master_applied, secret_name,
                secret_arn, secret_key_arn, secret_version, secret_applied, old_secrets, parameter_group, subnet_group,
                vpc_id, group_ids, zones, backup_retention_days, backup_window, maintenance_window, storage_encrypted,
                key_arn, storage_key, deletion_protection, copy_tags_to_snapshot, iam_authentication,
                auto_minor_version_upgrade, log_exports, insights_mode, monitoring_interval_s, monitoring_role_arn,
                insights, insights_key_arn, insights_retention_days, lifecycle_support, storage_type, tags, created,
                writer, stopped, final_snapshot, restore_from, failover_to, storage_made, inaccessible_since,
                restore_failure, database_made)
  static std::string key(const std::string& id) { return "cluster/" + id; }
};

struct InstanceRecord {
  std::string id;
  std::string resource_id;  // "db-ABC…"
  std::string cluster_id;
  std::string status;  // creating, available, modifying, rebooting, starting, stopping, stopped, deleting
  std::string instance_class;
  unsigned slot = 0;  // which of the cluster's addresses for instances
  std::string zone;
  std::string subnet_id;
  std::string parameter_group;
  int promotion_tier = 1;
  bool publicly_accessible = false;
  bool auto_minor_version_upgrade = true;
  bool copy_tags_to_snapshot = false;
  int monitoring_interval_s = 0;
  std::string monitoring_role_arn;
  bool insights = false;
  std::string insights_key_arn;
  int insights_retention_days = 0;
  std::string maintenance_window;
  std::string certificate_authority;
  Tags tags;
  Time created;

  bool placed = false;  // the engine has it: its data is there
  bool reboot = false;  // asked for
  bool pending_reboot = false;
  std::map<std::string, std::string> settings;  // in force
  BOREAL_RECORD(InstanceRecord, id, resource_id, cluster_id, status, instance_class, slot, zone, subnet_id,
                parameter_group, promotion_tier, publicly_accessible, auto_minor_version_upgrade, copy_tags_to_snapshot,
                monitoring_interval_s, monitoring_role_arn, insights, insights_key_arn, insights_retention_days,
                maintenance_window, certificate_authority, tags, created, placed, reboot, pending_reboot, settings)
  static std::string key(const std::string& id) { return "db/" + id; }
};

// The type of a snapshot that is there for as long as a backup is being restored.
inline constexpr const char* restored_backup = "awsbackup";

struct SnapshotRecord {
  std::string id;
  std::string type = "manual";  // or restored_backup
  std::string status;           // creating, copying, available, failed, deleting
  std::string cluster_resource_id;
  std::string copy_of;     // a snapshot; while copying
  std::string source_arn;  // of a copy
  std::string file;        // below the snapshots' folder
  int64_t bytes = 0;       // of the copy of the data
  std::string key_arn;
  store::Blob data_key;   // as KMS gave it, sealed
  ClusterRecord cluster;  // as it was
  Tags tags;
  Time created;
  BOREAL_RECORD(SnapshotRecord, id, type, status, cluster_resource_id, copy_of, source_arn, file, bytes, key_arn,
                data_key, cluster, tags, created)
  static std::string key(const std::string& id) { return "snapshot/" + id; }
};

struct EventRecord {
  std::string source;       // the resource's identifier
  std::string source_type;  // "db-cluster", "db-instance", "db-cluster-snapshot"
  std::string source_arn;
  std::string message;
  std::vector<std::string> categories;
  Time date;
  BOREAL_RECORD(EventRecord, source, source_type, source_arn, message, categories, date)
  static constexpr std::string_view prefix = "event/";
};

// A record of type R by its key. `from` is a transaction.
template <class R>
Result<std::optional<R>> load(const store::Transaction& from, const std::string& key) {
  TRY(const auto text, from.get(key));
  if (!text) return std::optional<R>();
  TRY(auto record, store::decode<R>(*text));
  return std::optional<R>(std::move(record));
}

template <class R>
Result<std::vector<R>> decode_all(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::vector<R> records;
  for (const auto& [key, text] : rows) {
    TRY(auto record, store::decode<R>(text));
    records.push_back(std::move(record));
  }
  return records;
}

// All records of a kind, in the order of their names.
template <class R>
Result<std::vector<R>> load_all(const store::Transaction& from, std::string_view prefix) {
  TRY(const auto rows, from.scan(prefix));
  return decode_all<R>(rows);
}
template <class R>
Result<std::vector<R>> load_all(const store::Catalog& from, const Place& place, std::string_view prefix) {
  TRY(const auto rows, from.scan(place.partition(), prefix));
  return decode_all<R>(rows);
}
template <class R>
Result<std::optional<R>> load(const store::Catalog& from, const Place& place, const std::string& key) {
  TRY(const auto text, from.get(place.partition(), key));
  if (!text) return std::optional<R>();
  TRY(auto record, store::decode<R>(*text));
  return std::optional<R>(std::move(record));
}

// The instances of a cluster, in the order of their names.
Result<std::vector<InstanceRecord>> instances_of(const store::Transaction& from, const std::string& cluster_id);

template <class R>
void save(store::Transaction& to, const R& record) {
  to.put(R::key(record.id), store::encode(record));
}

// Written in the same transaction as what it tells of.
void tell(store::Transaction& to, const Place& place, Time now, std::string_view source_type, std::string_view source,
          std::string message, std::vector<std::string> categories);

inline std::string cluster_group_key(const std::string& name) { return "cluster-pg/" + name; }
inline std::string instance_group_key(const std::string& name) { return "pg/" + name; }

}  // namespace boreal::rds
