// The data of a cluster apart from its instances: snapshots, restores, the end.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "io/file.h"
#include "postgres/backup.h"
#include "rds/bootstrap.h"
#include "rds/keeper.h"
#include "rds/snapshots.h"
#include "rds/when_unused.h"

namespace boreal::rds {

namespace {
constexpr unsigned max_restore_tries = 8;
constexpr Duration restore_patience{60'000};  // tries may follow each other at once, when others wake us

// Whether a restore that failed with this would fail each time, as far as can be told.
bool is_hopeless(const Error& error, unsigned tries, Duration failing) {
  switch (error.code()) {
    case Errc::corrupt:
    case Errc::not_found:
    case Errc::invalid: return true;
    case Errc::cancelled:
    case Errc::no_space: return false;
    default: return tries >= max_restore_tries && failing >= restore_patience;
  }
}
}  // namespace

postgres::ServerOptions Keeper::volume_options() const {
  postgres::ServerOptions options;
  const auto plan = endpoints::AddressPlan::of(number_);
  options.listen = {*plan->instance(endpoints::AddressPlan::max_instances - 1), port_};
  // The data may hold transactions that were prepared, and a server with room for fewer does not start.
  options.settings["max_prepared_transactions"] = "1000";
  return options;
}

Task<Result<postgres::Instance*>> Keeper::volume_server(const View& view) {
  CO_TRY(auto* pool, co_await tools_.engines.pool(view.cluster.served_major));
  CO_CHECK(co_await engine_->create(*pool, volume_name, volume_options()));
  CO_CHECK(co_await engine_->wait_until_up(volume_name));
  CO_CHECK(co_await prepare_database(*engine_->primary(), view.cluster.master_username, view.cluster.master_verifier,
                                     view.cluster.database_to_make()));
  co_return engine_->primary();
}

Task<Result<void>> Keeper::end_volume_server() { co_return co_await engine_->remove_server(volume_name); }

Task<Result<void>> Keeper::take_snapshots(const View& view) {
  CO_TRY(const auto all, load_all<SnapshotRecord>(tools_.context.catalog, place_, "snapshot/"));
  for (const auto& snapshot : all) {
    if (snapshot.status != "creating" || snapshot.cluster_resource_id != resource_id_) continue;
    auto taken = co_await take_snapshot(view, snapshot);
    if (!taken && snapshot.id == view.cluster.final_snapshot) {  // nothing goes before it is there
      CO_CHECK(co_await give_up_final_snapshot(view, snapshot));
      co_return taken;
    }
    if (taken) continue;
    if (stopping_) co_return Result<void>();  // it is taken when we are back
    CO_CHECK(co_await fail_snapshot(snapshot.id, taken.error().message()));
  }
  co_return Result<void>();
}

// If it can never be taken. As one that is not the last, it fails at the next look. Closed files open_storage() sees
// to.
Task<Result<void>> Keeper::give_up_final_snapshot(const View& view, SnapshotRecord snapshot) {
  if (view.cluster.encrypts_files()) co_return Result<void>();
  const auto key = co_await tools_.keys.describe(place_.account, place_.region, "rds", snapshot.key_arn);
  if (!key && is_key_lost(key.error())) CO_CHECK(co_await give_up_deletion());
  co_return Result<void>();
}

Task<Result<void>> Keeper::fail_snapshots(std::string why) {
  CO_TRY(const auto all, load_all<SnapshotRecord>(tools_.context.catalog, place_, "snapshot/"));
  for (const auto& snapshot : all) {
    if (snapshot.status != "creating" || snapshot.cluster_resource_id != resource_id_) continue;
    CO_CHECK(co_await fail_snapshot(snapshot.id, why));
  }
  co_return Result<void>();
}

Task<Result<void>> Keeper::fail_snapshot(std::string id, std::string why) {
  log::error("rds", "a snapshot failed", {{"snapshot", id}, {"why", why}});
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto record, load<SnapshotRecord>(tx, SnapshotRecord::key(id)));
  if (!record) co_return Result<void>();
  record->status = "failed";
  save(tx, *record);
  tell(tx, place_, tools_.context.clock.now(), "db-cluster-snapshot", id, "Manual cluster snapshot failed: " + why,
       {"backup"});
  co_return co_await tx.commit();
}

Task<Result<void>> Keeper::take_snapshot(const View& view, SnapshotRecord snapshot) {
  CO_TRY(const auto* context, co_await tools_.engines.context());
  CO_TRY(const auto* installation, co_await tools_.engines.installation(view.cluster.served_major));
  CO_TRY(auto key, co_await open_snapshot_key(tools_.keys, place_, snapshot));
  const bool alone = engine_->names().empty();
  auto* server = engine_->primary();
  if (alone) {
    auto started = co_await volume_server(view);
    if (!started) {
      CO_CHECK(co_await reopen_engine(view));
      co_return std::unexpected(std::move(started).error());
    }
    server = *started;
  } else if (!engine_->takes_writes()) {
    co_return fail(Errc::unavailable, "the cluster's writer does not run");
  }
  CO_CHECK(co_await tools_.context.pool.run([this] { return io::make_folders(snapshots_folder()); }));
  auto source = co_await postgres::open_backup(*context, *installation, *server);
  Result<uint64_t> bytes = fail(Errc::internal, "not copied");
  if (source) {
    bytes = co_await write_snapshot_file(tools_.context.pool, snapshots_folder() + "/" + snapshot.file, std::move(key),
                                         **source, stopping_);
    source->reset();
  } else {
    bytes = std::unexpected(std::move(source).error());
  }
  if (alone) {
    if (auto ended = co_await end_volume_server(); !ended) {
      CO_CHECK(co_await reopen_engine(view));
      co_return ended;
    }
  }
  if (!bytes) co_return std::unexpected(std::move(bytes).error());
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto record, load<SnapshotRecord>(tx, SnapshotRecord::key(snapshot.id)));
  if (!record) co_return Result<void>();  // deleted meanwhile; its file goes with the sweep
  record->status = "available";
  record->bytes = static_cast<int64_t>(*bytes);
  save(tx, *record);
  tell(tx, place_, tools_.context.clock.now(), "db-cluster-snapshot", snapshot.id, "Manual cluster snapshot created",
       {"backup"});
  co_return co_await tx.commit();
}

// Begins from nothing each time it is tried: what an earlier try left may be in halves.
Task<Result<void>> Keeper::restore_data(const View& view) {
  CO_TRY(const auto snapshot,
         load<SnapshotRecord>(tools_.context.catalog, place_, SnapshotRecord::key(view.cluster.restore_from)));
  if (!snapshot) co_return fail(Errc::not_found, "the snapshot " + view.cluster.restore_from + " is gone");
  CO_CHECK(co_await engine_->destroy());
  CO_CHECK(co_await close_engine());
  CO_CHECK(co_await open_engine(view));
  CO_TRY(auto key, co_await open_snapshot_key(tools_.keys, place_, *snapshot));
  CO_TRY(auto source,
         open_snapshot_file(tools_.context.pool, snapshots_folder() + "/" + snapshot->file, std::move(key)));
  CO_CHECK(co_await engine_->create_from(*source, volume_name, volume_options()));
  CO_CHECK(co_await engine_->wait_until_up(volume_name));
  co_return co_await end_volume_server();
}

Task<Result<void>> Keeper::restore(const View& view) {
  auto restored = co_await restore_data(view);
  const Duration failing(failures_ == 0 ? 0 : (monotonic_ns() - failing_since_ns_) / 1'000'000);
  if (!restored && !stopping_ && !abandoned_ && is_hopeless(restored.error(), failures_ + 1, failing)) {
    co_return co_await fail_restore(restored.error().message());
  }
  CO_CHECK(restored);
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    tell_cluster(tx, "Restored from snapshot " + record.restore_from, {"notification"});
    record.restore_from.clear();
  });
}

Task<Result<void>> Keeper::fail_restore(std::string why) {
  log::error("rds", "a restore failed for good", {{"cluster", cluster_id_}, {"why", why}});
  CO_CHECK(co_await fail_snapshots("the data of the cluster could not be restored"));
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    if (record.status != "deleting") record.status = status_restore_failed;
    record.restore_failure = why;
    tell_cluster(tx,
                 fmt::format("Restore from snapshot {} failed: {}. Delete this cluster, and restore from another "
                             "snapshot or backup.",
                             record.restore_from, why),
                 {"failure"});
  });
}

Task<Result<void>> Keeper::fail_instances(const View& view) {
  for (const auto& instance : view.instances) {
    if (instance.status == status_restore_failed) continue;
    CO_CHECK(co_await update_instance(instance.id, [](InstanceRecord& record, store::Transaction&) {
      if (record.status != "deleting") record.status = status_restore_failed;
    }));
  }
  co_return Result<void>();
}

// Whether a copy of the data is still to be taken.
Task<Result<bool>> Keeper::waits_for_snapshots() {
  CO_TRY(const auto all, load_all<SnapshotRecord>(tools_.context.catalog, place_, "snapshot/"));
  co_return std::ranges::any_of(all, [&](const SnapshotRecord& snapshot) {
    return snapshot.status == "creating" && snapshot.cluster_resource_id == resource_id_;
  });
}

// Can be done again from any point: files that are half gone need not be opened for it.
Task<Result<void>> Keeper::destroy(const View& view) {
  if (pins_ > 0) co_return fail(Errc::unavailable, "a copy of the data is being made");
  if (engine_) CO_CHECK(co_await engine_->destroy());
  CO_CHECK(co_await close_engine());
  CO_TRY(const auto* context, co_await tools_.engines.context());
  CO_CHECK(co_await postgres::end_servers_below(*context, folder()));
  postgres::StorageEncryption* storage = nullptr;
  if (view.cluster.encrypts_files()) {
    CO_TRY(storage, co_await tools_.engines.storage());
  }
  CO_CHECK(co_await when_unused(tools_.context,
                                [&] { return storage ? storage->destroy(folder()) : io::remove_tree(folder()); }));
  storage_ = nullptr;
  auto secrets = view.cluster.old_secrets;
  if (!view.cluster.secret_name.empty()) secrets.push_back(view.cluster.secret_name);
  CO_CHECK(co_await remove_secrets(std::move(secrets)));
  if (writer_) co_await writer_->stop();
  if (reader_) co_await reader_->stop();
  writer_.reset();
  reader_.reset();
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  tx.remove(ClusterRecord::key(cluster_id_));
  tell_cluster(tx, "DB cluster deleted", {"deletion"});
  co_return co_await tx.commit();
}

}  // namespace boreal::rds
