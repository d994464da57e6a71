// The files of an encrypted cluster: opened with a key that KMS opens, closed when nobody works in them, destroyed with
// the cluster.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "crypto/secret.h"
#include "rds/keeper.h"
#include "rds/when_unused.h"

namespace boreal::rds {

namespace {

constexpr Duration recoverable_time = std::chrono::days(7);

}  // namespace

bool is_key_lost(const aws::ApiError& error) {
  constexpr std::array lost = {"DisabledException",     "KMSInvalidStateException", "NotFoundException",
                               "AccessDeniedException", "IncorrectKeyException",    "InvalidCiphertextException"};
  return std::ranges::find(lost, error.code) != lost.end();
}

aws::Keys::Context storage_key_context(const ClusterRecord& cluster) {
  return {{"aws:rds:dbc-id", cluster.resource_id}};
}

// False: the key cannot be had, or could not and nobody has asked to start the cluster since. The files are closed.
Task<Result<bool>> Keeper::open_storage(const View& view) {
  if (!view.cluster.encrypts_files()) co_return true;
  if (is_inaccessible(view.cluster.status)) co_return false;
  if (storage_) {
    const auto key = co_await tools_.keys.describe(place_.account, place_.region, "rds", view.cluster.key_arn);
    if (key || !is_key_lost(key.error())) co_return true;
    CO_CHECK(co_await lock_storage(view, key.error().message));
    co_return false;
  }
  CO_TRY(auto* storage, co_await tools_.engines.storage());
  auto key = co_await tools_.keys.decrypt(nullptr, place_.account, place_.region, view.cluster.storage_key.bytes,
                                          storage_key_context(view.cluster));
  if (!key && is_key_lost(key.error())) {
    CO_CHECK(co_await lock_storage(view, key.error().message));
    co_return false;
  }
  if (!key) co_return fail(Errc::unavailable, "open the key of the files: " + key.error().message);
  auto path = co_await tools_.context.pool.run([&]() -> Result<io::Path> {
    CHECK(io::make_folders(tools_.options.folder + "/instances", 0711));
    return view.cluster.storage_made ? storage->open(folder(), as_bytes(*key))
                                     : storage->create(folder(), as_bytes(*key));
  });
  crypto::wipe(std::as_writable_bytes(std::span(key->data(), key->size())));
  if (!path) co_return std::unexpected(std::move(path).error().within("open the encrypted files"));
  // A folder of its own inside: the engine removes its folder, and makes it again in the same encryption.
  engine_folder_ = *path + "/cluster";
  if (!view.cluster.storage_made) {
    CO_CHECK(co_await update_cluster([](ClusterRecord& record, store::Transaction&) { record.storage_made = true; }));
  }
  storage_ = storage;
  co_return true;
}

// After the engine is closed.
Task<Result<void>> Keeper::close_storage() {
  if (!storage_) co_return Result<void>();
  CO_CHECK(co_await when_unused(tools_.context, [this] { return storage_->close(folder()); }));
  storage_ = nullptr;
  engine_folder_ = folder();
  co_return Result<void>();
}

// The key is lost: nobody may work with the files any more.
Task<Result<void>> Keeper::lock_storage(const View& view, std::string why) {
  if (pins_ > 0) co_return fail(Errc::unavailable, "a copy of the data is being made");
  if (engine_) co_await end_servers();
  CO_CHECK(co_await close_engine());
  CO_TRY(const auto* context, co_await tools_.engines.context());
  CO_CHECK(co_await postgres::end_servers_below(*context, folder()));
  if (view.cluster.storage_made) {
    CO_TRY(storage_, co_await tools_.engines.storage());
    CO_CHECK(co_await close_storage());
  }
  for (const auto& instance : view.instances) {
    if (instance.status == "deleting" || instance.status == status_recoverable) continue;
    CO_CHECK(co_await update_instance(instance.id, [](InstanceRecord& record, store::Transaction&) {
      if (record.status != "deleting") record.status = status_recoverable;
    }));
  }
  if (view.cluster.status == "deleting") co_return Result<void>();
  log::error("rds", "the KMS key of a cluster cannot be used",
             {{"cluster", cluster_id_}, {"key", view.cluster.key_arn}, {"why", why}});
  wake();  // to see to what the new status wants
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    if (record.status == "deleting") return;
    record.status = status_recoverable;
    record.inaccessible_since = tools_.context.clock.now();
    tell_cluster(
        tx,
        fmt::format("The KMS key {} of the cluster cannot be used, its files are closed: {}. Make the key usable "
                    "and start the cluster within 7 days.",
                    record.key_arn, why),
        {"failure"});
  });
}

// Nobody has started the cluster in time: it stays closed for good.
Task<Result<void>> Keeper::expire_lock(const View& view) {
  const Time last = view.cluster.inaccessible_since + recoverable_time;
  if (tools_.context.clock.now() < last) {
    tools_.timekeeper.note(last);
    co_return Result<void>();
  }
  for (const auto& instance : view.instances) {
    CO_CHECK(co_await update_instance(instance.id, [](InstanceRecord& record, store::Transaction&) {
      if (record.status == status_recoverable) record.status = status_inaccessible;
    }));
  }
  bool started = false;
  CO_CHECK(co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    started = record.status != status_recoverable;
    if (started) return;
    record.status = status_inaccessible;
    tell_cluster(tx,
                 fmt::format("The cluster was not started with its KMS key {} within 7 days and cannot be recovered: "
                             "restore it from a snapshot or a backup.",
                             record.key_arn),
                 {"failure"});
  }));
  if (started) co_return Result<void>();
  co_return co_await fail_snapshots("the KMS key of the cluster cannot be used");
}

// What is to be deleted goes also without its key. True when the cluster is gone.
Task<Result<bool>> Keeper::remove_locked(View& view) {
  CO_CHECK(co_await forget_leaving(view));
  CO_TRY(const bool waits, co_await waits_for_snapshots());
  if (view.cluster.status == "deleting" && view.instances.empty() && !waits) {
    CO_CHECK(co_await destroy(view));
    co_return true;
  }
  if (view.cluster.status == "deleting" && waits) {
    if (!view.cluster.final_snapshot.empty()) CO_CHECK(co_await give_up_deletion());
    CO_CHECK(co_await fail_snapshots("the KMS key of the cluster cannot be used"));
    wake();
  }
  if (view.cluster.status == status_recoverable) CO_CHECK(co_await expire_lock(view));
  co_return false;  // until it is started, or deleted
}

// What was to be kept of it cannot be: it is for its user to bring the key back, or to delete it without that.
Task<Result<void>> Keeper::give_up_deletion() {
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    const bool closed = record.encrypts_files();
    record.status = closed ? status_recoverable : "available";  // it has no instances
    record.final_snapshot.clear();
    if (closed) record.inaccessible_since = tools_.context.clock.now();
    tell_cluster(
        tx,
        fmt::format("The cluster is not deleted: the KMS key {} cannot be used, which its final snapshot needs. "
                    "Make the key usable{}, or delete it without a final snapshot.",
                    record.key_arn, closed ? " and start the cluster within 7 days" : ""),
        {"failure"});
  });
}

}  // namespace boreal::rds
