// What the catalog keeps of DMS, and under which keys. All of an account's and region's resources lie in one partition.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/dms/types.h"
#include "aws/context.h"
#include "store/record.h"
#include "store/transaction.h"

namespace boreal::dms {

namespace api = ::boreal::api::dms;

using Tags = std::map<std::string, std::string>;

// An account in a region: a world of its own.
struct Place {
  std::string account;
  std::string region;
  auto operator<=>(const Place&) const = default;
  std::string partition() const { return aws::partition("dms", account, region); }
  // "arn:aws:dms:REGION:ACCOUNT:KIND:ID"; kinds are rep, endpoint, task and subgrp.
  std::string arn(std::string_view kind, std::string_view id) const;
  // The ID of such an ARN of this place; nullopt for any other text.
  std::optional<std::string> id_of(std::string_view arn, std::string_view kind) const;
};

struct SubnetGroupRecord {
  struct Member {
    std::string id;
    std::string zone;
    BOREAL_RECORD(Member, id, zone)
  };
  std::string name;  // lower case; also the ID of the ARN
  std::string description;
  std::string vpc_id;
  std::vector<Member> subnets;
  Tags tags;
  BOREAL_RECORD(SubnetGroupRecord, name, description, vpc_id, subnets, tags)
  static constexpr std::string_view kind = "subgrp";
  const std::string& id() const { return name; }
};

struct InstanceRecord {
  std::string resource_id;  // the ID of the ARN
  std::string name;
  std::string status;  // creating, available, modifying, rebooting, deleting
  std::string instance_class;
  int32_t storage_gib = 50;
  std::string zone;
  std::string secondary_zone;  // with multi_az
  std::string subnet_group;
  std::string subnet_id;
  std::vector<std::string> group_ids;
  std::string engine_version;
  std::string maintenance_window;
  bool multi_az = false;
  bool auto_minor_version_upgrade = true;
  bool publicly_accessible = true;
  std::string key_arn;
  std::string network_type;
  std::string dns_name_servers;
  Time created;
  Tags tags;
  BOREAL_RECORD(InstanceRecord, resource_id, name, status, instance_class, storage_gib, zone, secondary_zone,
                subnet_group, subnet_id, group_ids, engine_version, maintenance_window, multi_az,
                auto_minor_version_upgrade, publicly_accessible, key_arn, network_type, dns_name_servers, created, tags)
  static constexpr std::string_view kind = "rep";
  const std::string& id() const { return resource_id; }
};

// A password as it is kept: under a data key that KMS has wrapped.
struct SealedPassword {
  store::Blob wrapped_key;
  store::Blob sealed;
  BOREAL_RECORD(SealedPassword, wrapped_key, sealed)
};

struct EndpointRecord {
  std::string resource_id;
  std::string name;
  std::string type;    // source, target
  std::string engine;  // postgres, aurora-postgresql
  std::string server_name;
  int32_t port = 0;
  std::string database_name;
  std::string username;
  std::optional<SealedPassword> password;
  std::string key_arn;
  std::string extra_connection_attributes;
  std::string ssl_mode = "none";
  std::string service_access_role_arn;
  api::PostgreSQLSettings settings;  // without password, and without what the members above hold
  Time created;
  Tags tags;
  BOREAL_RECORD(EndpointRecord, resource_id, name, type, engine, server_name, port, database_name, username, password,
                key_arn, extra_connection_attributes, ssl_mode, service_access_role_arn, settings, created, tags)
  static constexpr std::string_view kind = "endpoint";
  const std::string& id() const { return resource_id; }
  bool uses_secret() const { return settings.secrets_manager_secret_id.has_value(); }
};

// What the last test of an endpoint from an instance found.
struct ConnectionRecord {
  std::string instance_id;
  std::string endpoint_id;
  std::string status;  // testing, successful, failed
  std::string failure;
  int64_t run = 0;  // counts tests: a test that was overtaken writes nothing
  BOREAL_RECORD(ConnectionRecord, instance_id, endpoint_id, status, failure, run)
  static constexpr std::string_view kind = "connection";
  std::string id() const { return instance_id + "/" + endpoint_id; }
};

// The schemas of an endpoint's database, as last read.
struct SchemasRecord {
  std::string endpoint_id;
  std::string instance_id;
  std::string status;  // refreshing, successful, failed
  std::string failure;
  std::optional<Time> refreshed;
  std::vector<std::string> names;
  int64_t run = 0;
  BOREAL_RECORD(SchemasRecord, endpoint_id, instance_id, status, failure, refreshed, names, run)
  static constexpr std::string_view kind = "schemas";
  const std::string& id() const { return endpoint_id; }
};

struct TaskRecord {
  std::string resource_id;
  std::string name;
  std::string status;  // creating, ready, modifying, moving, deleting
  std::string source_id;
  std::string target_id;
  std::string instance_id;
  std::string target_instance_id;  // while it moves
  std::string migration_type;
  std::string table_mappings;  // as sent
  std::string settings;        // as sent
  std::optional<Time> cdc_start_time;
  std::optional<std::string> cdc_start_position;
  std::optional<std::string> cdc_stop_position;
  std::optional<std::string> task_data;
  Time created;
  Tags tags;
  BOREAL_RECORD(TaskRecord, resource_id, name, status, source_id, target_id, instance_id, target_instance_id,
                migration_type, table_mappings, settings, cdc_start_time, cdc_start_position, cdc_stop_position,
                task_data, created, tags)
  static constexpr std::string_view kind = "task";
  const std::string& id() const { return resource_id; }
};

// Keys are "KIND/ID".
template <class R>
std::string key_of(std::string_view id) {
  return std::string(R::kind) + "/" + std::string(id);
}

// nullopt: there is none.
template <class R>
Result<std::optional<R>> load(const store::Transaction& from, std::string_view id) {
  TRY(const auto text, from.get(key_of<R>(id)));
  if (!text) return std::optional<R>();
  TRY(auto record, store::decode<R>(*text));
  return std::optional<R>(std::move(record));
}

// To the log: the record of that key is damaged, and is passed over.
void tell_damaged(std::string_view key, const Error& why);

// All of a kind, by ID. One that cannot be decoded costs only itself: it is told in the log and passed over.
template <class R>
Result<std::vector<R>> load_all(const store::Transaction& from) {
  TRY(const auto pairs, from.scan(key_of<R>("")));
  std::vector<R> all;
  all.reserve(pairs.size());
  for (const auto& [key, text] : pairs) {
    if (auto record = store::decode<R>(text)) {
      all.push_back(std::move(*record));
    } else {
      tell_damaged(key, record.error());
    }
  }
  return all;
}

template <class R>
void save(store::Transaction& to, const R& record) {
  to.put(key_of<R>(record.id()), store::encode(record));
}

template <class R>
void erase(store::Transaction& from, const R& record) {
  from.remove(key_of<R>(record.id()));
}

// The connections that an instance or endpoint takes along when it goes.
Result<void> erase_connections(store::Transaction& tx, std::string_view instance_id, std::string_view endpoint_id);

}  // namespace boreal::dms
