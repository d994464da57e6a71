#include "rds/snapshots.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "io/file.h"
#include "rds/convert.h"
#include "rds/service.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t id_max = 255;

aws::ApiError no_snapshot(const std::string& id) {
  return errors::db_cluster_snapshot_not_found_fault(fmt::format("DBClusterSnapshot {} not found.", id));
}

Outcome<SnapshotRecord> snapshot_of(const store::Transaction& tx, const std::string& identifier) {
  const std::string id = name_of(identifier);
  TRY(auto snapshot, load<SnapshotRecord>(tx, SnapshotRecord::key(id)));
  if (!snapshot) return refuse(no_snapshot(id));
  return std::move(*snapshot);
}

}  // namespace

Outcome<void> check_for_callers(const SnapshotRecord& snapshot) {
  if (snapshot.type != restored_backup) return {};
  return refuse(errors::invalid_db_cluster_snapshot_state_fault(
      fmt::format("The snapshot {} is there for a restore of AWS Backup alone.", snapshot.id)));
}

aws::Keys::Context snapshot_key_context(const std::string& file) { return {{"aws:rds:snapshot", file}}; }

Task<Result<crypto::SecretKey>> open_snapshot_key(aws::Keys& keys, Place place, SnapshotRecord snapshot) {
  auto plain = co_await keys.decrypt(nullptr, place.account, place.region, snapshot.data_key.bytes,
                                     snapshot_key_context(snapshot.file));
  if (!plain) {
    co_return fail(Errc::denied, fmt::format("the key of the snapshot {} cannot be had: {}: {}", snapshot.id,
                                             plain.error().code, plain.error().message));
  }
  auto key = crypto::SecretKey::from(as_bytes(*plain));
  crypto::wipe(std::as_writable_bytes(std::span(plain->data(), plain->size())));
  co_return key;
}

Task<Outcome<void>> assign_snapshot_file(aws::Keys& keys, Random& random, aws::Call* call, Place place,
                                         std::string key_id, SnapshotRecord& snapshot) {
  snapshot.file = random.uuid();
  auto key = co_await keys.generate_data_key(aws::Asker(call).granting(), place.account, place.region, "rds", key_id,
                                             snapshot_key_context(snapshot.file));
  if (!key) {
    co_return refuse(errors::kms_key_not_accessible_fault(
        fmt::format("The KMS key {} of the snapshot cannot be used: {}", key_id, key.error().message)));
  }
  crypto::wipe(std::as_writable_bytes(std::span(key->plaintext.data(), key->plaintext.size())));
  snapshot.data_key.bytes = std::move(key->ciphertext);
  snapshot.key_arn = std::move(key->key_arn);
  co_return Outcome<void>();
}

// What is made of a snapshot is read with its key: who has it made must be allowed that, whatever key the new one gets.
Task<Outcome<void>> Service::check_snapshot_key(aws::Asker asker, Place place, SnapshotRecord snapshot) {
  auto plain = co_await keys_.decrypt(asker.granting(), place.account, place.region, snapshot.data_key.bytes,
                                      snapshot_key_context(snapshot.file));
  if (!plain) {
    co_return refuse(errors::kms_key_not_accessible_fault(fmt::format(
        "The KMS key {} of the snapshot {} cannot be used: {}", snapshot.key_arn, snapshot.id, plain.error().message)));
  }
  crypto::wipe(std::as_writable_bytes(std::span(plain->data(), plain->size())));
  co_return Outcome<void>();
}

Task<Outcome<api::CreateDBClusterSnapshotResult>> Service::create_db_cluster_snapshot(
    aws::Call& call, api::CreateDBClusterSnapshotMessage input) {
  const Place place = place_of(call);
  SnapshotRecord snapshot;
  CO_TRY(snapshot.id, checked_identifier(input.db_cluster_snapshot_identifier, "DBClusterSnapshotIdentifier", id_max));
  CO_TRY(snapshot.tags, checked_tags(input.tags));
  const std::string id = name_of(input.db_cluster_identifier);
  CO_TRY(const auto before, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(id)));
  if (!before) co_return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", id)));
  CO_CHECK(co_await assign_snapshot_file(keys_, context_.random, nullptr, place, before->key_arn, snapshot));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(id)));
  if (!cluster || cluster->status != "available") {
    co_return refuse(errors::invalid_db_cluster_state_fault(
        fmt::format("Cluster {} is not in available state: {}", id, cluster ? cluster->status : "gone")));
  }
  CO_TRY(const auto there, tx.get(SnapshotRecord::key(snapshot.id)));
  if (there) {
    co_return refuse(errors::db_cluster_snapshot_already_exists_fault(fmt::format(
        "Cannot create the cluster snapshot because one with the identifier {} already exists.", snapshot.id)));
  }
  snapshot.status = "creating";
  snapshot.cluster = *cluster;
  snapshot.cluster_resource_id = cluster->resource_id;
  snapshot.created = now();
  if (cluster->copy_tags_to_snapshot) snapshot.tags.insert(cluster->tags.begin(), cluster->tags.end());
  save(tx, snapshot);
  CO_CHECK(co_await tx.commit());
  if (auto* found = keeper(place, id)) found->wake();
  co_return api::CreateDBClusterSnapshotResult{to_api(snapshot, place)};
}

Task<Outcome<api::CopyDBClusterSnapshotResult>> Service::copy_db_cluster_snapshot(
    aws::Call& call, api::CopyDBClusterSnapshotMessage input) {
  const Place place = place_of(call);
  const std::string source_id = name_of(input.source_db_cluster_snapshot_identifier);
  CO_TRY(const auto source, load<SnapshotRecord>(context_.catalog, place, SnapshotRecord::key(source_id)));
  if (!source) co_return refuse(no_snapshot(source_id));
  CO_CHECK(check_for_callers(*source));
  SnapshotRecord copy = *source;
  CO_TRY(copy.id,
         checked_identifier(input.target_db_cluster_snapshot_identifier, "TargetDBClusterSnapshotIdentifier", id_max));
  CO_TRY(auto tags, checked_tags(input.tags));
  if (!input.copy_tags.value_or(false)) copy.tags.clear();
  copy.tags.insert(tags.begin(), tags.end());
  if (source->status != "available") {
    co_return refuse(errors::invalid_db_cluster_snapshot_state_fault(
        fmt::format("The snapshot {} is not available: {}", source_id, source->status)));
  }
  if (input.kms_key_id && !source->cluster.storage_encrypted) {
    co_return refuse(errors::invalid_parameter_combination(
        fmt::format("KmsKeyId cannot be specified for a copy of {}, which is not encrypted.", source_id)));
  }
  CO_CHECK(co_await check_snapshot_key(&call, place, *source));
  const std::string key_id = input.kms_key_id.value_or(source->key_arn);
  CO_CHECK(
      co_await assign_snapshot_file(keys_, context_.random, input.kms_key_id ? &call : nullptr, place, key_id, copy));
  copy.type = "manual";
  copy.status = "copying";
  copy.copy_of = source_id;
  copy.source_arn = place.arn("cluster-snapshot", source_id);
  copy.created = now();
  {
    CO_TRY(auto tx, co_await begin(call));
    CO_TRY(const auto there, tx.get(SnapshotRecord::key(copy.id)));
    if (there) {
      co_return refuse(errors::db_cluster_snapshot_already_exists_fault(
          fmt::format("A cluster snapshot with the identifier {} already exists.", copy.id)));
    }
    save(tx, copy);
    CO_CHECK(co_await tx.commit());
  }
  tasks_.spawn(copy_snapshots(place));
  co_return api::CopyDBClusterSnapshotResult{to_api(copy, place)};
}

// All copies that are wanted and not there yet; also after a restart.
Task<void> Service::copy_snapshots(Place place) {
  const auto all = load_all<SnapshotRecord>(context_.catalog, place, "snapshot/");
  if (!all) co_return;
  for (const auto& snapshot : *all) {
    if (snapshot.status != "copying" || stopping_ || !copying_.insert(snapshot.file).second) continue;
    auto copied = co_await copy_snapshot(place, snapshot);
    copying_.erase(snapshot.file);
    if (copied) continue;
    if (stopping_) co_return;  // it is copied when we are back
    log::error("rds", "a snapshot was not copied", {{"snapshot", snapshot.id}, {"why", copied.error().message()}});
    auto tx = co_await context_.catalog.begin(place.partition());
    auto record = load<SnapshotRecord>(tx, SnapshotRecord::key(snapshot.id));
    if (!record || !*record) continue;
    (*record)->status = "failed";
    save(tx, **record);
    (void)co_await tx.commit();
  }
}

Task<Result<void>> Service::copy_snapshot(Place place, SnapshotRecord snapshot) {
  const io::Path folder = options_.folder + "/snapshots/";
  CO_TRY(const auto source, load<SnapshotRecord>(context_.catalog, place, SnapshotRecord::key(snapshot.copy_of)));
  if (!source) co_return fail(Errc::not_found, "its source is gone");
  CO_TRY(auto from_key, co_await open_snapshot_key(keys_, place, *source));
  CO_TRY(auto to_key, co_await open_snapshot_key(keys_, place, snapshot));
  CO_TRY(auto from, open_snapshot_file(context_.pool, folder + source->file, std::move(from_key)));
  CO_TRY(const uint64_t bytes,
         co_await write_snapshot_file(context_.pool, folder + snapshot.file, std::move(to_key), *from, stopping_));
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto record, load<SnapshotRecord>(tx, SnapshotRecord::key(snapshot.id)));
  if (!record) co_return Result<void>();
  record->status = "available";
  record->bytes = static_cast<int64_t>(bytes);
  record->copy_of.clear();
  save(tx, *record);
  co_return co_await tx.commit();
}

Task<Outcome<api::DeleteDBClusterSnapshotResult>> Service::delete_db_cluster_snapshot(
    aws::Call& call, api::DeleteDBClusterSnapshotMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto snapshot, snapshot_of(tx, input.db_cluster_snapshot_identifier));
  CO_CHECK(check_for_callers(snapshot));
  CO_TRY(const auto clusters, load_all<ClusterRecord>(tx, "cluster/"));
  CO_TRY(const auto others, load_all<SnapshotRecord>(tx, "snapshot/"));
  const bool restoring = std::ranges::any_of(clusters, [&](const auto& c) { return c.begins_with(snapshot.id); });
  const bool copied =
      std::ranges::any_of(others, [&](const auto& s) { return s.status == "copying" && s.copy_of == snapshot.id; });
  if (restoring || copied || (snapshot.status != "available" && snapshot.status != "failed")) {
    co_return refuse(errors::invalid_db_cluster_snapshot_state_fault(
        fmt::format("The snapshot {} cannot be deleted now: it is {}.", snapshot.id,
                    restoring ? "being restored"
                    : copied  ? "being copied"
                              : snapshot.status)));
  }
  tx.remove(SnapshotRecord::key(snapshot.id));
  tell(tx, place_of(call), now(), "db-cluster-snapshot", snapshot.id, "Deleted manual snapshot", {"backup"});
  CO_CHECK(co_await tx.commit());
  const io::Path file = options_.folder + "/snapshots/" + snapshot.file;
  const auto removed = co_await context_.pool.run([&] { return io::remove_file(file); });
  if (!removed && removed.error().code() != Errc::not_found) {
    log::warn("rds", "the file of a deleted snapshot stays until the next start", {{"why", removed.error().message()}});
  }
  snapshot.status = "deleted";
  co_return api::DeleteDBClusterSnapshotResult{to_api(snapshot, place_of(call))};
}

// Files that no record names: of deleted snapshots, and of copies of the data that a crash cut short. Before, records
// that a crash left of backups that were being restored, when no cluster begins with them any more.
Task<Result<void>> Service::sweep_snapshots() {
  const io::Path folder = options_.folder + "/snapshots";
  std::set<std::string> named;
  CO_TRY(const auto partitions, context_.catalog.store().partitions());
  for (const auto& name : partitions) {
    const auto parts = split(name, '/');
    if (parts.size() != 3 || parts[0] != "rds") continue;
    const Place place{std::string(parts[1]), std::string(parts[2])};
    auto tx = co_await context_.catalog.begin(place.partition());
    CO_TRY(const auto snapshots, load_all<SnapshotRecord>(tx, "snapshot/"));
    CO_TRY(const auto clusters, load_all<ClusterRecord>(tx, "cluster/"));
    for (const auto& snapshot : snapshots) {
      const auto begins = [&](const ClusterRecord& cluster) { return cluster.begins_with(snapshot.id); };
      if (snapshot.type == restored_backup && std::ranges::none_of(clusters, begins)) {
        tx.remove(SnapshotRecord::key(snapshot.id));
      } else {
        named.insert(snapshot.file);
      }
    }
    CO_CHECK(co_await tx.commit());
  }
  co_return co_await context_.pool.run([&]() -> Result<void> {
    TRY(const bool there, io::exists(folder));
    if (!there) return {};
    TRY(const auto files, io::list_folder(folder));
    for (const auto& file : files) {
      if (!named.contains(file)) CHECK(io::remove_file(folder + "/" + file));
    }
    return {};
  });
}

Task<Outcome<api::DBClusterSnapshotMessage>> Service::describe_db_cluster_snapshots(
    aws::Call& call, api::DescribeDBClusterSnapshotsMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto snapshots, load_all<SnapshotRecord>(context_.catalog, place, "snapshot/"));
  if (input.db_cluster_snapshot_identifier) {
    const std::string id = name_of(*input.db_cluster_snapshot_identifier);
    std::erase_if(snapshots, [&](const SnapshotRecord& s) { return s.id != id; });
    if (snapshots.empty()) co_return refuse(no_snapshot(id));
  }
  if (input.db_cluster_identifier) {
    const std::string id = name_of(*input.db_cluster_identifier);
    std::erase_if(snapshots, [&](const SnapshotRecord& s) { return s.cluster.id != id; });
  }
  if (input.db_cluster_resource_id) {
    std::erase_if(snapshots,
                  [&](const SnapshotRecord& s) { return s.cluster_resource_id != *input.db_cluster_resource_id; });
  }
  if (input.snapshot_type)
    std::erase_if(snapshots, [&](const SnapshotRecord& s) { return s.type != *input.snapshot_type; });
  for (const auto& filter : input.filters.value_or(std::vector<api::Filter>())) {
    constexpr std::string_view known[] = {"db-cluster-id", "db-cluster-snapshot-id", "snapshot-type", "engine"};
    if (std::ranges::find(known, filter.name) == std::end(known)) {
      co_return refuse(unknown_filter(filter.name));
    }
    const auto has = [&](const std::string& value) {
      return std::ranges::find(filter.values, value) != filter.values.end();
    };
    std::erase_if(snapshots, [&](const SnapshotRecord& s) {
      if (filter.name == "db-cluster-id") return !has(s.cluster.id) && !has(place.arn("cluster", s.cluster.id));
      if (filter.name == "db-cluster-snapshot-id") return !has(s.id);
      if (filter.name == "snapshot-type") return !has(s.type);
      return filter.name == "engine" && !has(s.cluster.engine);
    });
  }
  api::DBClusterSnapshotMessage output;
  CO_TRY(const auto shown, page(std::move(snapshots), input.marker, input.max_records, output.marker,
                                [](const SnapshotRecord& s) { return s.id; }));
  output.db_cluster_snapshots.emplace();
  for (const auto& snapshot : shown) output.db_cluster_snapshots->push_back(to_api(snapshot, place));
  co_return output;
}

// Snapshots are shared with nobody here.
Task<Outcome<api::DescribeDBClusterSnapshotAttributesResult>> Service::describe_db_cluster_snapshot_attributes(
    aws::Call& call, api::DescribeDBClusterSnapshotAttributesMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto snapshot, snapshot_of(tx, input.db_cluster_snapshot_identifier));
  api::DBClusterSnapshotAttributesResult result;
  result.db_cluster_snapshot_identifier = snapshot.id;
  api::DBClusterSnapshotAttribute attribute;
  attribute.attribute_name = "restore";
  attribute.attribute_values.emplace();
  result.db_cluster_snapshot_attributes = {attribute};
  co_return api::DescribeDBClusterSnapshotAttributesResult{std::move(result)};
}

}  // namespace boreal::rds
