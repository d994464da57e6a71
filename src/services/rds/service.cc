#include "rds/service.h"

#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "base/text.h"

namespace boreal::rds {

using aws::Outcome;
using aws::refuse;

namespace {
// Other programs of this machine may have some addresses; when none can be had, it is something else.
constexpr unsigned most_failures = 64;
}  // namespace

Service::Service(aws::ServiceContext context, Options options, aws::Keys& keys, aws::KeyWatch& key_watch,
                 aws::Network& network, aws::Roles& roles, aws::ManagedSecrets& secrets)
    : context_(context),
      options_(std::move(options)),
      keys_(keys),
      key_watch_(key_watch),
      network_(network),
      roles_(roles),
      secrets_(secrets),
      engines_(context, {.folder = options_.folder,
                         .bin_folders = options_.bin_folders,
                         .engine_map = options_.engine_map,
                         .warm_pool = options_.warm_pool}),
      timekeeper_("rds", context.loop, context.clock, [this] { return wake_due(); }),
      tools_{context, keys, network, secrets, engines_, options_, timekeeper_} {}

Task<Result<void>> Service::start() {
  engines_.start();
  network_.on_group_change([this](const std::string& account, const std::string& region, const std::string&) {
    for (const auto& [id, keeper] : keepers_) {
      if (keeper->place() == Place{account, region}) keeper->recheck_admission();
    }
  });
  // Of which cluster the key is, each looks up for itself.
  key_watch_.on_key_change([this](const std::string&) { wake_all(); });
  CO_CHECK(co_await sweep_snapshots());
  CO_TRY(const auto partitions, context_.catalog.store().partitions());
  for (const auto& name : partitions) {
    const auto parts = split(name, '/');
    if (parts.size() != 3 || parts[0] != "rds") continue;
    const Place place{std::string(parts[1]), std::string(parts[2])};
    CO_TRY(const auto clusters, load_all<ClusterRecord>(context_.catalog, place, "cluster/"));
    for (const auto& cluster : clusters) {
      Keeper& keeper = make_keeper(place, cluster.id, cluster.resource_id);
      if (auto listening = keeper.listen(cluster.number, static_cast<uint16_t>(cluster.port)); !listening) {
        log::error("rds", "the endpoints of a cluster cannot be served yet",
                   {{"cluster", cluster.id}, {"why", listening.error().message()}});
      }
      keeper.start();
    }
    tasks_.spawn(copy_snapshots(place));
  }
  timekeeper_.start();
  co_return Result<void>();
}

// Backup's jobs wait for restores of ours, and Backup is stopped before.
void Service::begin_stop() { stopping_ = true; }

Task<void> Service::stop() {
  begin_stop();
  co_await timekeeper_.stop();
  co_await tasks_.wait();
  TaskGroup keepers;  // all at once: a server that hangs takes a minute to end
  for (auto& [id, keeper] : keepers_) keepers.spawn(keeper->stop(true));
  co_await keepers.wait();
  co_await engines_.stop();
  keepers_.clear();
}

Keeper& Service::make_keeper(const Place& place, const std::string& cluster_id, const std::string& resource_id) {
  auto gone = [this, resource_id] {
    if (!stopping_) tasks_.spawn(drop_keeper(resource_id));
  };
  auto keeper = std::make_unique<Keeper>(tools_, place, cluster_id, resource_id, std::move(gone));
  return *(keepers_[resource_id] = std::move(keeper));
}

Task<void> Service::drop_keeper(std::string resource_id) {
  auto found = keepers_.extract(resource_id);
  if (found) co_await found.mapped()->stop(false);
}

Keeper* Service::keeper(const Place& place, const std::string& cluster_id) {
  for (const auto& [id, keeper] : keepers_) {
    if (keeper->is_started() && keeper->place() == place && keeper->cluster_id() == cluster_id) return keeper.get();
  }
  return nullptr;
}

void Service::wake_all(const Place& place) {
  for (const auto& [id, keeper] : keepers_) {
    if (keeper->place() == place) keeper->wake();
  }
}

// Each keeper knows what it waits for, and notes anew what is not due yet.
Task<Result<Time>> Service::wake_due() {
  wake_all();
  co_return aws::Timekeeper::never;
}

void Service::wake_all() {
  for (const auto& [id, keeper] : keepers_) keeper->wake();
}

Result<Service::Databases> Service::databases() const {
  std::set<Place> places;
  for (const auto& [id, keeper] : keepers_) places.insert(keeper->place());
  Databases all;
  for (const Place& place : places) {
    TRY(const auto clusters, load_all<ClusterRecord>(context_.catalog, place, "cluster/"));
    TRY(const auto instances, load_all<InstanceRecord>(context_.catalog, place, "db/"));
    all.clusters += clusters.size();
    all.instances += instances.size();
    for (const auto& cluster : clusters) all.clusters_available += cluster.shown_status() == "available" ? 1 : 0;
    for (const auto& instance : instances) all.instances_available += instance.status == "available" ? 1 : 0;
  }
  return all;
}

Outcome<void> Service::take_addresses(Keeper& keeper, int port) {
  std::set<unsigned> taken;
  for (const auto& [id, other] : keepers_) {
    if (other.get() != &keeper) taken.insert(other->number());
  }
  std::string why = "all are in use";
  unsigned failed = 0;
  for (unsigned number = 0; number < endpoints::AddressPlan::max_clusters; ++number) {
    if (taken.contains(number)) continue;
    auto listening = keeper.listen(number, static_cast<uint16_t>(port));
    if (listening) return {};
    why = listening.error().message();
    if (++failed == most_failures) break;
  }
  return refuse(api::errors::insufficient_db_cluster_capacity_fault(
      "No addresses are left for the endpoints of a cluster: " + why));
}

}  // namespace boreal::rds
