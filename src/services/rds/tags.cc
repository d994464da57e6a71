#include <fmt/format.h>

#include "aws/arn.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/tagged.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

// What an ARN of this service names.
struct Target {
  std::string kind;  // "cluster", "db", "cluster-snapshot", "subgrp", "cluster-pg", "pg"
  std::string name;
  std::string key;
};

Outcome<Target> target_of(const std::string& text, const Place& place) {
  const auto arn = aws::Arn::parse(text);
  const size_t colon = arn ? arn->resource.find(':') : std::string::npos;
  if (colon == std::string::npos || arn->service != "rds" || arn->region != place.region ||
      arn->account != place.account) {
    return refuse(errors::invalid_parameter_value(fmt::format("Invalid resource name: {}", text)));
  }
  Target target{arn->resource.substr(0, colon), name_of(text), ""};
  if (target.kind == "cluster") target.key = ClusterRecord::key(target.name);
  if (target.kind == "db") target.key = InstanceRecord::key(target.name);
  if (target.kind == "cluster-snapshot") target.key = SnapshotRecord::key(target.name);
  if (target.kind == "subgrp") target.key = SubnetGroupRecord::key(target.name);
  if (target.kind == "cluster-pg") target.key = cluster_group_key(target.name);
  if (target.kind == "pg") target.key = instance_group_key(target.name);
  if (target.key.empty()) {
    return refuse(errors::invalid_parameter_value(fmt::format("Tags of {} are not kept: {}", target.kind, text)));
  }
  return target;
}

aws::ApiError not_found(const Target& target) {
  const std::string message = fmt::format("{} {} not found.", target.kind, target.name);
  if (target.kind == "cluster") return errors::db_cluster_not_found_fault(message);
  if (target.kind == "db") return errors::db_instance_not_found_fault(message);
  if (target.kind == "cluster-snapshot") return errors::db_cluster_snapshot_not_found_fault(message);
  if (target.kind == "subgrp") return errors::db_subnet_group_not_found_fault(message);
  return errors::db_parameter_group_not_found_fault(message);
}

template <class R, class Change>
Outcome<void> change_record(store::Transaction& tx, const Target& target, Change change) {
  TRY(auto record, load<R>(tx, target.key));
  if (!record) return refuse(not_found(target));
  change(record->tags);
  tx.put(target.key, store::encode(*record));
  return {};
}

template <class Change>
Outcome<void> change_tags(store::Transaction& tx, const Target& target, Change change) {
  if (target.kind == "cluster") return change_record<ClusterRecord>(tx, target, change);
  if (target.kind == "db") return change_record<InstanceRecord>(tx, target, change);
  if (target.kind == "cluster-snapshot") return change_record<SnapshotRecord>(tx, target, change);
  if (target.kind == "subgrp") return change_record<SubnetGroupRecord>(tx, target, change);
  return change_record<ParameterGroupRecord>(tx, target, change);
}

template <class R>
Result<Tags> tags_in(const store::Catalog& catalog, const Place& place, const std::string& key) {
  TRY(auto record, load<R>(catalog, place, key));
  if (!record) return Tags();
  if constexpr (std::is_same_v<R, ClusterRecord>) return shown_tags(*record);
  return std::move(record->tags);
}

}  // namespace

Result<Tags> tags_of(const store::Catalog& catalog, const Place& place, const std::string& arn) {
  const auto target = target_of(arn, place);
  if (!target) return Tags();
  if (target->kind == "cluster") return tags_in<ClusterRecord>(catalog, place, target->key);
  if (target->kind == "db") return tags_in<InstanceRecord>(catalog, place, target->key);
  if (target->kind == "cluster-snapshot") return tags_in<SnapshotRecord>(catalog, place, target->key);
  if (target->kind == "subgrp") return tags_in<SubnetGroupRecord>(catalog, place, target->key);
  return tags_in<ParameterGroupRecord>(catalog, place, target->key);
}

std::string record_key(const std::string& arn, const Place& place) {
  const auto target = target_of(arn, place);
  return target ? target->key : "";
}

Result<std::string> identity_of(const std::string& key, const std::string& record) {
  std::string id;
  if (key.starts_with(ClusterRecord::key(""))) {
    TRY(const auto cluster, store::decode<ClusterRecord>(record));
    id = cluster.resource_id;
  } else if (key.starts_with(InstanceRecord::key(""))) {
    TRY(const auto instance, store::decode<InstanceRecord>(record));
    id = instance.resource_id;
  } else if (key.starts_with(SnapshotRecord::key(""))) {
    TRY(const auto snapshot, store::decode<SnapshotRecord>(record));
    id = snapshot.file;
  } else if (key.starts_with(SubnetGroupRecord::key(""))) {
    TRY(const auto group, store::decode<SubnetGroupRecord>(record));
    id = group.resource_id;
  } else {
    TRY(const auto group, store::decode<ParameterGroupRecord>(record));
    id = group.resource_id;
  }
  return fmt::format("{} {}", key, id);
}

aws::ApiError not_there(const std::string& key) {
  Target target{key.substr(0, key.find('/')), key.substr(key.find('/') + 1), key};
  if (target.kind == "snapshot") target.kind = "cluster-snapshot";
  return not_found(target);
}

std::string tag_condition_key(const std::string& arn) {
  const auto parsed = aws::Arn::parse(arn);
  if (!parsed || !parsed->resource.contains(':')) return "";
  return fmt::format("rds:{}-tag/", parsed->resource.substr(0, parsed->resource.find(':')));
}

Task<Outcome<api::AddTagsToResourceOutput>> Service::add_tags_to_resource(aws::Call& call,
                                                                          api::AddTagsToResourceMessage input) {
  CO_TRY(const auto target, target_of(input.resource_name, place_of(call)));
  CO_TRY(const auto added, checked_tags(input.tags));
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(change_tags(tx, target, [&](Tags& tags) {
    for (const auto& [key, value] : added) tags[key] = value;
  }));
  CO_CHECK(co_await tx.commit());
  co_return api::AddTagsToResourceOutput();
}

Task<Outcome<api::RemoveTagsFromResourceOutput>> Service::remove_tags_from_resource(
    aws::Call& call, api::RemoveTagsFromResourceMessage input) {
  CO_TRY(const auto target, target_of(input.resource_name, place_of(call)));
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(change_tags(tx, target, [&](Tags& tags) {
    for (const auto& key : input.tag_keys) tags.erase(key);
  }));
  CO_CHECK(co_await tx.commit());
  co_return api::RemoveTagsFromResourceOutput();
}

Task<Outcome<api::TagListMessage>> Service::list_tags_for_resource(aws::Call& call,
                                                                   api::ListTagsForResourceMessage input) {
  CO_TRY(const auto target, target_of(input.resource_name, place_of(call)));
  CO_TRY(auto tx, co_await begin(call));
  Tags found;
  if (target.kind == "cluster") {
    CO_TRY(const auto cluster, load<ClusterRecord>(tx, target.key));
    if (!cluster) co_return refuse(not_found(target));
    found = shown_tags(*cluster);
  } else if ((target.kind == "subgrp" && target.name == "default") ||
             (target.kind.ends_with("pg") && target.name.starts_with("default."))) {
    // Default groups are there without a record, and have no tags.
  } else {
    CO_CHECK(change_tags(tx, target, [&](Tags& tags) { found = tags; }));
  }
  co_return api::TagListMessage{tag_list(found)};
}

}  // namespace boreal::rds
