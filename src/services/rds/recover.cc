// Clusters as backups know them: a tar stream of the running database, and a new cluster made of one.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "rds/service.h"
#include "rds/snapshots.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr std::string_view id_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr size_t id_length = 26;
constexpr Duration look_again{50};

Service::Resource resource_of(const ClusterRecord& cluster, const Place& place) {
  return {place.arn("cluster", cluster.id), cluster.id, cluster.tags, cluster.resource_id};
}

std::string value(const std::map<std::string, std::string>& metadata, const std::string& key,
                  const std::string& fallback) {
  const auto found = metadata.find(key);
  return found == metadata.end() || found->second.empty() ? fallback : found->second;
}

}  // namespace

Task<Outcome<std::optional<Service::Resource>>> Service::find(std::string account, std::string region,
                                                              std::string arn_or_name) {
  const Place place{std::move(account), std::move(region)};
  if (const auto arn = aws::Arn::parse(arn_or_name)) {
    const bool ours = arn->service == "rds" && arn->resource.starts_with("cluster:") && arn->account == place.account &&
                      arn->region == place.region;
    if (!ours) co_return std::nullopt;
  }
  CO_TRY(const auto cluster, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(name_of(arn_or_name))));
  if (!cluster || cluster->status == "deleting") co_return std::nullopt;
  co_return resource_of(*cluster, place);
}

Task<Outcome<std::vector<Service::Resource>>> Service::list(std::string account, std::string region) {
  const Place place{std::move(account), std::move(region)};
  CO_TRY(const auto clusters, load_all<ClusterRecord>(context_.catalog, place, "cluster/"));
  std::vector<Resource> resources;
  for (const auto& cluster : clusters) {
    if (cluster.status != "deleting") resources.push_back(resource_of(cluster, place));
  }
  co_return resources;
}

Task<Outcome<Service::Backup>> Service::back_up(aws::Asker, std::string account, std::string region,
                                                Resource resource) {
  const Place place{std::move(account), std::move(region)};
  const std::string& id = resource.name;
  CO_TRY(const auto cluster, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(id)));
  auto* found = keeper(place, id);
  if (!cluster || cluster->resource_id != resource.id || !found)
    co_return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", id)));
  auto data = co_await found->open_backup();
  if (!data) {
    co_return refuse(errors::invalid_db_cluster_state_fault(fmt::format("Cluster {}: {}", id, data.error().message())));
  }
  Backup backup{std::move(*data), {}};
  backup.restore_metadata = {{"DBClusterIdentifier", id},
                             {"Engine", cluster->engine},
                             {"EngineVersion", cluster->engine_version},
                             {"DBSubnetGroupName", cluster->subnet_group},
                             {"DBClusterParameterGroupName", cluster->parameter_group},
                             {"Port", std::to_string(cluster->port)},
                             {"boreal:cluster", store::encode(*cluster)}};
  co_return backup;
}

// The stream becomes a snapshot first, from which the cluster is made like from any other.
Task<Outcome<std::string>> Service::restore(aws::Asker asker, std::string account, std::string region,
                                            std::map<std::string, std::string> metadata, std::unique_ptr<Source> data) {
  const Place place{std::move(account), std::move(region)};
  CO_TRY(ClusterRecord cluster, store::decode<ClusterRecord>(value(metadata, "boreal:cluster", "{}")));
  CO_TRY(cluster.id, checked_identifier(value(metadata, "DBClusterIdentifier", ""), "DBClusterIdentifier"));
  CO_TRY(const auto there, context_.catalog.get(place.partition(), ClusterRecord::key(cluster.id)));
  if (there) {
    co_return refuse(errors::db_cluster_already_exists_fault(fmt::format("DB Cluster already exists: {}", cluster.id)));
  }
  cluster.resource_id = "cluster-" + context_.random.pick(id_alphabet, id_length);
  cluster.forget_engine();
  cluster.deletion_protection = false;
  // How one is watched is no part of its backups, nor are its tags: CopySourceTagsToRestoredResource would give those.
  Watching{.interval_s = 0, .insights = false}.apply(cluster);
  cluster.tags.clear();
  const std::string key_before = cluster.key_arn;
  CO_CHECK(co_await encrypt_cluster(asker, place, cluster, cluster.storage_encrypted,
                                    cluster.storage_encrypted ? std::optional(key_before) : std::nullopt));
  SnapshotRecord snapshot{.id = "awsbackup:" + context_.random.uuid(), .type = restored_backup, .status = "creating"};
  CO_CHECK(co_await assign_snapshot_file(keys_, context_.random, nullptr, place, cluster.key_arn, snapshot));
  snapshot.cluster = cluster;
  snapshot.created = now();
  const io::Path folder = options_.folder + "/snapshots";
  CO_CHECK(co_await context_.pool.run([&] { return io::make_folders(folder); }));
  CO_TRY(auto key, co_await open_snapshot_key(keys_, place, snapshot));
  {  // Before the file, so that the sweep leaves it alone.
    auto tx = co_await context_.catalog.begin(place.partition());
    CO_TRY(const auto group, subnet_group(tx, place, value(metadata, "DBSubnetGroupName", cluster.subnet_group)));
    cluster.subnet_group = group.name;
    cluster.vpc_id = group.vpc_id;
    save(tx, snapshot);
    CO_CHECK(co_await tx.commit());
  }
  auto written =
      co_await write_snapshot_file(context_.pool, folder + "/" + snapshot.file, std::move(key), *data, stopping_);
  if (!written) {
    auto tx = co_await context_.catalog.begin(place.partition());
    tx.remove(SnapshotRecord::key(snapshot.id));
    CO_CHECK(co_await tx.commit());
    co_return refuse(written.error());
  }
  snapshot.status = "available";
  snapshot.bytes = static_cast<int64_t>(*written);
  {
    auto tx = co_await context_.catalog.begin(place.partition());
    save(tx, snapshot);
    CO_CHECK(co_await tx.commit());
  }
  cluster.restore_from = snapshot.id;
  Outcome<void> restored = co_await begin_cluster(nullptr, place, cluster);
  if (restored) restored = co_await wait_until_restored(place, cluster.id, cluster.resource_id);
  {
    auto tx = co_await context_.catalog.begin(place.partition());
    CO_TRY(auto record, load<ClusterRecord>(tx, ClusterRecord::key(cluster.id)));
    const bool ours = record && record->resource_id == cluster.resource_id;
    if (ours && record->begins_with(snapshot.id)) co_return refuse(std::move(restored).error());  // it may succeed yet
    if (ours && !record->restore_failure.empty()) {  // nobody asked for a cluster without its data
      record->status = "deleting";
      save(tx, *record);
    }
    tx.remove(SnapshotRecord::key(snapshot.id));
    CO_CHECK(co_await tx.commit());
  }
  if (auto* found = keeper(place, cluster.id)) found->wake();
  (void)co_await context_.pool.run(
      [&] { return io::remove_file(folder + "/" + snapshot.file); });  // else the sweep does
  CO_CHECK(std::move(restored));
  co_return place.arn("cluster", cluster.id);
}

Task<Outcome<void>> Service::wait_until_restored(Place place, std::string cluster_id, std::string resource_id) {
  for (;;) {
    CO_TRY(const auto cluster, load<ClusterRecord>(context_.catalog, place, ClusterRecord::key(cluster_id)));
    if (!cluster || cluster->resource_id != resource_id)
      co_return refuse(errors::db_cluster_not_found_fault(fmt::format("DBCluster {} not found.", cluster_id)));
    if (cluster->restore_from.empty()) co_return Outcome<void>();
    if (!cluster->restore_failure.empty()) {
      co_return refuse(errors::invalid_restore_fault("The data cannot be restored: " + cluster->restore_failure));
    }
    if (is_inaccessible(cluster->status)) {
      co_return refuse(errors::kms_key_not_accessible_fault(
          fmt::format("The KMS key {} of cluster {} cannot be used.", cluster->key_arn, cluster->id)));
    }
    if (stopping_) co_return refuse(Error(Errc::cancelled, "boreal is ending"));
    co_await context_.loop.sleep(look_again);
  }
}

}  // namespace boreal::rds
