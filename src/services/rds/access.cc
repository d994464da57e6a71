// What policies are shown of a call: the things that it names, as handlers take them, and their tags.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "base/text.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/tagged.h"
#include "rds/validate.h"

namespace boreal::rds {

using aws::Access;
using aws::Outcome;

namespace {

// Handlers look at the name alone (name_of()), among the caller's own things, of the one kind that the operation is
// about: an ARN of elsewhere would have them do to a thing of that name here what was meant for another.
Outcome<void> check_arn(const Place& place, std::string_view kind, std::string_view member, const std::string& named) {
  if (!aws::Arn::parse(named) || named.starts_with(place.arn(kind, ""))) return {};
  return aws::refuse(api::errors::invalid_parameter_value(
      fmt::format("The parameter {} is not a valid identifier: {} is no {}.", member, named, place.arn(kind, "NAME"))));
}

// A name means the same in any case, and so does an ARN with that name. That is what policies are shown, however it was
// written: a Deny for a cluster holds for "PROD" too.
Outcome<void> show_what_is_meant(const aws::Operation& operation, const aws::Value& input, const Place& place,
                                 std::vector<Access>& all) {
  for (size_t i = 0; i < operation.access.size(); ++i) {
    // "action|arn:{partition}:rds:{region}:{account}:KIND:{Member}", or with a "{Member}" that is an ARN.
    const std::string_view line = operation.access[i];
    const size_t open = line.rfind('{');
    if (open == std::string_view::npos || !line.ends_with('}')) continue;
    const auto before = line.substr(0, open);
    const std::string& resource = all[i].resource;
    const auto member = line.substr(open + 1, line.size() - open - 2);
    const auto named = aws::string_member(input, member);
    if (!named) continue;
    const auto arn = aws::Arn::parse(resource);
    if (before.ends_with(':')) {
      const size_t begin = before.rfind(':', before.size() - 2) + 1;
      const auto kind = before.substr(begin, before.size() - 1 - begin);
      CHECK(check_arn(place, kind, member, *named));
      all[i].resource = place.arn(kind, name_of(*named));
    } else if (arn) {
      const std::string kind = arn->resource.substr(0, arn->resource.find(':'));
      all[i].resource = Place{arn->account, arn->region}.arn(kind, name_of(resource));
    }
  }
  return {};
}

// What the operations touch besides what their templates name. A cluster gets an instance only from who may add to that
// cluster, and groups are used by those who may use them: where the call names none, the default ones (`family`: of the
// parameter group). A last snapshot is made by those who may make it. Source: Service Authorization Reference, Amazon
// RDS; of default groups RDS User Guide, "Identity-based policy examples".
Outcome<void> add_what_is_used(const aws::Operation& operation, const aws::Value& input, const Place& place,
                               const std::string& family, std::vector<Access>& all) {
  const std::string group = family.empty() ? "" : default_parameter_group(family);
  const auto context = all.front().context;
  const auto add = [&](std::string_view action, std::string_view kind, const std::string& name) {
    all.push_back(
        {.action = "rds:" + std::string(action), .resource = place.arn(kind, name_of(name)), .context = context});
  };
  const auto add_named = [&](std::string_view kind, std::string_view member, const std::string& otherwise) {
    const std::string named = aws::string_member(input, member).value_or(otherwise);
    if (!named.empty()) add(operation.name, kind, named);
    return check_arn(place, kind, member, named);
  };
  const bool makes_cluster = operation.name == "CreateDBCluster" || operation.name == "RestoreDBClusterFromSnapshot";
  if (operation.name == "CreateDBInstance") CHECK(add_named("cluster", "DBClusterIdentifier", ""));
  if (operation.name == "CreateDBInstance" || operation.name == "ModifyDBInstance")
    CHECK(add_named("pg", "DBParameterGroupName", group));
  if (makes_cluster) CHECK(add_named("subgrp", "DBSubnetGroupName", "default"));
  if (makes_cluster || operation.name == "ModifyDBCluster")
    CHECK(add_named("cluster-pg", "DBClusterParameterGroupName", group));
  if (operation.name == "DescribeDBClusterSnapshots") CHECK(add_named("cluster", "DBClusterIdentifier", ""));
  if (operation.name == "FailoverDBCluster") {
    const auto target = aws::string_member(input, "TargetDBInstanceIdentifier");
    CHECK(check_arn(place, "db", "TargetDBInstanceIdentifier", target.value_or("")));
  }
  const auto last = aws::string_member(input, "FinalDBSnapshotIdentifier");
  if (operation.name == "DeleteDBCluster" && last && !last->empty()) {
    all.push_back({.action = "rds:CreateDBClusterSnapshot", .resource = all.front().resource});
    add(operation.name, "cluster-snapshot", *last);
    add("CreateDBClusterSnapshot", "cluster-snapshot", *last);
  }
  return {};
}

// What a call says of how a cluster is watched it does to all instances of it. Source: as above, dependent actions of
// ModifyDBCluster.
Result<void> add_watched_instances(const store::Catalog& catalog, const Place& place, const aws::Operation& operation,
                                   const aws::Value& input, std::vector<Access>& all) {
  if (operation.name != "ModifyDBCluster") return {};
  const auto& in = input.as<api::ModifyDBClusterMessage>();
  const bool is_about_them = in.monitoring_interval || in.monitoring_role_arn || in.enable_performance_insights ||
                             in.performance_insights_kms_key_id || in.performance_insights_retention_period;
  if (!is_about_them) return {};
  TRY(const auto instances, load_all<InstanceRecord>(catalog, place, InstanceRecord::key("")));
  const std::string id = name_of(in.db_cluster_identifier);
  const auto context = all.front().context;
  for (const InstanceRecord& instance : instances) {
    if (instance.cluster_id != id) continue;
    all.push_back({.action = "rds:ModifyDBInstance", .resource = place.arn("db", instance.id), .context = context});
  }
  return {};
}

const char* truth(bool value) { return value ? "true" : "false"; }

// What a cluster is to be, or who is to keep its password; what an instance is, or is to be, whose storage is its
// cluster's. All that a call touches is asked about with it: policies that let make instances of one engine only name
// no kinds of resources. Source: as above; RDS User Guide, "Identity-based policy examples".
Result<void> add_kind(const store::Catalog& catalog, const Place& place, const aws::Operation& operation,
                      const aws::Value& input, Access& access) {
  const auto tell = [&](const char* key, const std::string& value) {
    if (!value.empty()) access.context.emplace(key, value);
  };
  const bool itself = access.action == "rds:" + std::string(operation.name);
  if (itself && operation.name == "CreateDBCluster") {
    const auto& in = input.as<api::CreateDBClusterMessage>();
    tell("rds:DatabaseEngine", in.engine);
    tell("rds:DatabaseName", in.database_name.value_or(""));
    tell("rds:StorageEncrypted", truth(in.storage_encrypted.value_or(in.kms_key_id.has_value())));
    tell("rds:ManageMasterUserPassword", truth(in.manage_master_user_password.value_or(false)));
  }
  if (itself && operation.name == "ModifyDBCluster") {
    const auto& keeps = input.as<api::ModifyDBClusterMessage>().manage_master_user_password;
    if (keeps) tell("rds:ManageMasterUserPassword", truth(*keeps));
  }
  const auto named = aws::string_member(input, "DBInstanceIdentifier");
  if (!named && !access.resource.starts_with(place.arn("db", ""))) return {};
  InstanceRecord instance;
  if (operation.name == "CreateDBInstance") {
    const auto& in = input.as<api::CreateDBInstanceMessage>();
    instance.instance_class = in.db_instance_class;
    instance.cluster_id = name_of(in.db_cluster_identifier.value_or(""));
    tell("rds:DatabaseEngine", in.engine);
    tell("rds:PubliclyAccessible", truth(in.publicly_accessible.value_or(false)));
    tell("rds:BackupTarget", in.backup_target.value_or("region"));
    // Not of those that leave it to their cluster: AWS's guide shows how to deny those that say no.
    if (in.manage_master_user_password) tell("rds:ManageMasterUserPassword", truth(*in.manage_master_user_password));
  } else {
    TRY(auto there,
        load<InstanceRecord>(catalog, place, InstanceRecord::key(name_of(named.value_or(access.resource)))));
    if (!there) return {};
    instance = std::move(*there);
    if (operation.name == "ModifyDBInstance") {
      const auto& in = input.as<api::ModifyDBInstanceMessage>();
      instance.instance_class = in.db_instance_class.value_or(instance.instance_class);
    }
  }
  tell("rds:DatabaseClass", instance.instance_class);
  tell("rds:MultiAz", "false");
  tell("rds:Piops", "0");
  tell("rds:Vpc", "true");
  TRY(const auto cluster, load<ClusterRecord>(catalog, place, ClusterRecord::key(instance.cluster_id)));
  if (!cluster) return {};
  if (operation.name != "CreateDBInstance") tell("rds:DatabaseEngine", cluster->engine);
  tell("rds:DatabaseName", cluster->database_name);
  tell("rds:StorageEncrypted", truth(cluster->storage_encrypted));
  return {};
}

// RDS's own name for the tags that a request brings.
void add_request_tags(Access& access) {
  constexpr std::string_view common = "aws:RequestTag/";
  std::vector<std::pair<std::string, std::string>> own;
  for (const auto& [key, value] : access.context) {
    if (key.starts_with(common)) own.emplace_back("rds:req-tag/" + key.substr(common.size()), value);
  }
  for (auto& pair : own) access.context.insert(std::move(pair));
}

bool makes_something(const aws::Operation& operation) {
  return operation.name.starts_with("Create") || operation.name.starts_with("Copy") ||
         operation.name.starts_with("Restore");
}

// What the call makes, of what the templates name: that comes last, but where it is restored. Empty: nothing.
std::string made_by(const aws::Operation& operation, const aws::Value& input, const Place& place,
                    const std::vector<Access>& all) {
  if (makes_something(operation)) return (operation.name.starts_with("Restore") ? all.front() : all.back()).resource;
  const auto last = aws::string_member(input, "FinalDBSnapshotIdentifier");
  return last ? place.arn("cluster-snapshot", name_of(*last)) : "";
}

// Which one policies are asked about.
Result<void> note_identity(const store::Catalog& catalog, const Place& place, const std::string& arn, aws::Call& call) {
  const std::string key = record_key(arn, place);
  if (key.empty() || call.asked_for.contains(key)) return {};
  TRY(const auto record, catalog.get(place.partition(), key));
  std::string identity;
  if (record) {
    TRY(identity, identity_of(key, *record));
  }
  call.asked_for.emplace(key, std::move(identity));
  return {};
}

// Clusters and instances are shown by their resource ids, too, where nothing has that for its name.
template <class R>
Result<void> show_by_resource_id(const store::Catalog& catalog, const Place& place, std::string_view kind,
                                 const std::string& name, aws::Call& call, Access& access) {
  CHECK(note_identity(catalog, place, access.resource, call));
  if (!call.asked_for[R::key(name)].empty()) return {};
  TRY(const auto all, load_all<R>(catalog, place, R::key("")));
  const auto found = std::ranges::find(all, name, [](const R& one) { return to_lower(one.resource_id); });
  if (found != all.end()) access.resource = place.arn(kind, found->id);
  return {};
}

}  // namespace

Access secret_access(std::string action, const ClusterRecord& cluster) {
  return {.action = std::move(action),
          .resource = cluster.secret_arn,
          .context = {{"aws:ViaAWSService", "true"}, {"secretsmanager:Name", cluster.secret_name}}};
}

// Names mean whatever has them: what is deleted leaves its name to another, with other tags, while the call waits for
// KMS or for its turn. What was allowed for the one is not done to the other, nor with its data.
Outcome<void> Service::check_asked(const aws::Call& call, const store::Transaction& tx) const {
  for (const auto& [key, asked] : call.asked_for) {
    TRY(const auto record, tx.get(key));
    std::string identity;
    if (record) {
      TRY(identity, identity_of(key, *record));
    }
    if (identity != asked) return aws::refuse(not_there(key));
  }
  return {};
}

Task<Outcome<store::Transaction>> Service::begin(const aws::Call& call) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_CHECK(check_asked(call, tx));
  co_return tx;
}

// Empty: the call uses no parameter group by default, or it is refused.
Task<Result<std::string>> Service::family_used(Place place, const aws::Operation& operation, const aws::Value& input) {
  if (operation.name == "CreateDBInstance") {
    const auto& in = input.as<api::CreateDBInstanceMessage>();
    const std::string id = name_of(in.db_cluster_identifier.value_or(""));
    CO_TRY(const auto cluster, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(id)));
    co_return cluster ? family_of(*cluster) : std::string();
  }
  ClusterRecord cluster;
  std::optional<std::string> version;
  if (operation.name == "CreateDBCluster") {
    const auto& in = input.as<api::CreateDBClusterMessage>();
    const auto resolved = co_await engines_.resolve(in.engine_version.value_or(""));
    cluster.engine = in.engine;
    if (resolved) version = resolved->asked;
  } else if (operation.name == "RestoreDBClusterFromSnapshot") {
    const auto& in = input.as<api::RestoreDBClusterFromSnapshotMessage>();
    const std::string id = name_of(in.snapshot_identifier);
    CO_TRY(const auto snapshot, load<SnapshotRecord>(context_.catalog, place, SnapshotRecord::key(id)));
    if (snapshot) cluster = snapshot->cluster;
    if (snapshot) version = in.engine_version.value_or(cluster.engine_version);
  }
  if (!version) co_return std::string();
  cluster.engine_version = *version;
  co_return family_of(cluster);
}

Task<Outcome<std::vector<Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  CO_TRY(auto all, co_await Api::access(call, operation, input));
  const Place place = place_of(call);
  CO_CHECK(show_what_is_meant(operation, input, place, all));
  if (operation.name == "DescribeDBClusters") {
    const auto named = aws::string_member(input, "DBClusterIdentifier");
    if (named)
      CO_CHECK(show_by_resource_id<ClusterRecord>(context_.catalog, place, "cluster", name_of(*named), call, all[0]));
  }
  if (operation.name == "DescribeDBInstances") {
    const auto named = aws::string_member(input, "DBInstanceIdentifier");
    if (named)
      CO_CHECK(show_by_resource_id<InstanceRecord>(context_.catalog, place, "db", name_of(*named), call, all[0]));
  }
  const std::string made = made_by(operation, input, place, all);
  if (makes_something(operation) && all.front().context.contains("aws:TagKeys")) {
    // Who gives tags at once must be allowed to give them.
    all.push_back({.action = "rds:AddTagsToResource", .resource = made, .context = all.front().context});
  }
  CO_TRY(const auto family, co_await family_used(place, operation, input));
  CO_CHECK(add_what_is_used(operation, input, place, family, all));
  CO_CHECK(add_watched_instances(context_.catalog, place, operation, input, all));
  for (Access& access : all) {
    // That something has the name of what is to be made is for the handler to say.
    if (access.resource != made) CO_CHECK(note_identity(context_.catalog, place, access.resource, call));
    CO_CHECK(add_kind(context_.catalog, place, operation, input, access));
    add_request_tags(access);
    CO_TRY(const auto tags, tags_of(context_.catalog, place, access.resource));
    const std::string own = tag_condition_key(access.resource);
    for (const auto& [key, value] : tags) {
      access.context.emplace("aws:ResourceTag/" + key, value);
      if (!own.empty()) access.context.emplace(own + key, value);
    }
  }
  co_return all;
}

}  // namespace boreal::rds
