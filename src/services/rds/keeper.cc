#include "rds/keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "io/file.h"
#include "net/pause.h"
#include "postgres/backup.h"

namespace boreal::rds {

namespace {
constexpr Duration first_retry{500};
constexpr Duration longest_retry{30'000};
constexpr size_t max_clients = 5'000;

// Stopped, and nothing is asked for.
bool is_at_rest(const ClusterRecord& cluster, const std::vector<InstanceRecord>& instances) {
  return cluster.status == "stopped" &&
         std::ranges::all_of(instances, [](const InstanceRecord& instance) { return instance.status == "stopped"; });
}
}  // namespace

// Counts as a reader of the cluster's servers while it lives.
class Keeper::PinnedSource final : public Source {
 public:
  explicit PinnedSource(Keeper& keeper) : keeper_(keeper) { ++keeper_.pins_; }
  ~PinnedSource() override {
    inner_.reset();
    --keeper_.pins_;
    keeper_.wake();
  }
  void begin(std::unique_ptr<Source> inner) { inner_ = std::move(inner); }
  Task<Result<size_t>> read(MutableBytes buffer) override { return inner_->read(buffer); }

 private:
  Keeper& keeper_;
  std::unique_ptr<Source> inner_;
};

Keeper::Keeper(const Tools& tools, Place place, std::string cluster_id, std::string resource_id,
               std::function<void()> gone)
    : tools_(tools),
      place_(std::move(place)),
      cluster_id_(std::move(cluster_id)),
      resource_id_(std::move(resource_id)),
      gone_(std::move(gone)),
      engine_folder_(folder()) {}

io::Path Keeper::folder() const { return tools_.options.folder + "/instances/" + to_lower(resource_id_); }

Result<void> Keeper::listen(unsigned number, uint16_t port) {
  number_ = number;
  port_ = port;
  TRY(const auto plan, endpoints::AddressPlan::of(number));
  const auto admit = [this](const net::Address& client) {
    return std::ranges::any_of(admitted_, [&](const Cidr& cidr) { return cidr.contains(client.host); });
  };
  const auto open = [&](std::string name, const std::string& address) {
    return endpoints::Endpoint::open(tools_.context.loop,
                                     {.name = std::move(name),
                                      .listen = {address, port},
                                      .bind_host = address,
                                      .tls = endpoint_tls_,
                                      .max_connections = max_clients},
                                     admit);
  };
  TRY(auto writer, open(cluster_id_, plan.writer()));
  auto reader = open(cluster_id_ + " (reader)", plan.reader());
  if (!reader) {
    tasks_.spawn(drop(std::move(writer)));
    return std::unexpected(std::move(reader).error());
  }
  writer_ = std::move(writer);
  reader_ = std::move(*reader);
  return {};
}

// What listens must have stopped before it goes. Its address is free at once.
Task<void> Keeper::drop(std::unique_ptr<endpoints::Endpoint> endpoint) { co_await endpoint->stop(); }

void Keeper::start() {
  started_ = true;
  recheck_admission();  // before the servers are looked at: until then nobody would be let in
  tasks_.spawn(run());
}

void Keeper::abandon() {
  abandoned_ = true;
  if (engine_) engine_->interrupt();
}

Task<void> Keeper::stop(bool stop_servers) {
  stopping_ = true;
  if (engine_) engine_->interrupt();  // a reader or a restored database is made anew after the next start
  wake();
  co_await tasks_.wait();
  while (pins_ > 0) {  // who copies looks at us once more when he is done
    wake_.reset();
    co_await wake_.wait();
  }
  if (engine_ && stop_servers) co_await end_servers();
  if (writer_) co_await writer_->stop();
  if (reader_) co_await reader_->stop();
  if (engine_) co_await engine_->close();
  engine_.reset();
  if (!stop_servers) co_return;
  // Those too that the engine did not know when something failed last.
  if (const auto context = co_await tools_.engines.context()) {
    if (auto ended = co_await postgres::end_servers_below(**context, folder()); !ended) {
      log::error("rds", "servers run on", {{"cluster", cluster_id_}, {"why", ended.error().message()}});
    }
  }
  if (auto closed = co_await close_storage(); !closed) {
    log::error("rds", "the key of a cluster's files stays in the kernel",
               {{"cluster", cluster_id_}, {"why", closed.error().message()}});
  }
}

// Standbys first: the primary sends them the rest.
Task<void> Keeper::end_servers() {
  co_await end_making({making_.begin(), making_.end()});
  std::vector<std::string> names = engine_->names();
  std::ranges::sort(names, {}, [&](const std::string& name) { return engine_->is_primary(name); });
  for (const auto& name : names) {
    if (auto stopped = co_await engine_->stop(name); !stopped) {
      log::error("rds", "a server did not stop", {{"name", name}, {"why", stopped.error().message()}});
    }
  }
}

Task<void> Keeper::run() {
  while (!stopping_) {
    wake_.reset();
    auto done = co_await reconcile();
    if (done && *done) {
      gone_();
      co_return;
    }
    if (!done) {
      co_await tell_of_failure(std::move(done).error());
    } else {
      failures_ = 0;
    }
    if (!stopping_) co_await wake_.wait();
  }
}

Task<void> Keeper::tell_of_failure(Error why) {
  const Duration wait = std::min(longest_retry, first_retry * (1u << std::min(failures_, 6u)));
  if (failures_++ == 0) failing_since_ns_ = monotonic_ns();
  log::warn("rds", "a cluster is not as it should be yet",
            {{"cluster", cluster_id_}, {"why", why.message()}, {"again_in", format_duration(wait)}});
  auto view = co_await look();
  if (view && *view) {
    if (auto told = co_await tell_what_is_down(**view); !told) {
      log::warn("rds", "the status of a cluster may not be what is",
                {{"cluster", cluster_id_}, {"why", told.error().message()}});
    }
  }
  tasks_.spawn(try_again_later(wait));
}

// What does not answer is not told as available, whatever keeps it from that.
Task<Result<void>> Keeper::tell_what_is_down(View& view) {
  for (auto& instance : view.instances) {
    if (instance.status != "available" || server(instance.id)) continue;
    instance.status = "starting";
    CO_CHECK(co_await update_instance(instance.id, [](InstanceRecord& record, store::Transaction&) {
      if (record.status == "available") record.status = "starting";
    }));
  }
  const bool serves = view.instances.empty() || (engine_ && engine_->takes_writes());
  if (serves || view.cluster.status != "available") co_return Result<void>();
  view.cluster.status = "starting";
  co_return co_await update_cluster([](ClusterRecord& record, store::Transaction&) {
    if (record.status == "available") record.status = "starting";
  });
}

// Whoever wakes the keeper meanwhile has it try at once, and puts this off: else each would begin a row of tries of its
// own.
Task<void> Keeper::try_again_later(Duration time) {
  const unsigned retry = ++retries_;
  co_await net::pause(tools_.context.loop, time, stopping_);
  if (retry == retries_) wake();
}

Task<Result<std::optional<Keeper::View>>> Keeper::look() {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(cluster_id_)));
  if (!cluster || cluster->resource_id != resource_id_) co_return std::optional<View>();
  CO_TRY(auto instances, instances_of(tx, cluster_id_));
  std::ranges::sort(instances, {}, [](const InstanceRecord& i) { return std::pair(i.created, i.id); });
  co_return View{std::move(*cluster), std::move(instances)};
}

Task<Result<bool>> Keeper::reconcile() {
  CO_TRY(auto view, co_await look());
  if (!view) co_return true;
  if (!writer_) {
    if (auto listening = listen(view->cluster.number, static_cast<uint16_t>(view->cluster.port)); !listening) {
      co_return std::unexpected(std::move(listening).error().within("listen at the cluster's endpoints"));
    }
  }
  // Told of at the end: a group that went in the wrong moment keeps nothing else from its work.
  auto attached = co_await attach_interfaces(*view);
  if (!engine_ && is_at_rest(view->cluster, view->instances)) co_return false;
  if (!view->cluster.restore_from.empty()) CO_CHECK(co_await forget_leaving(*view));  // nothing is placed yet
  if (view->cluster.status == "deleting" && view->instances.empty()) {
    CO_TRY(const bool waits, co_await waits_for_snapshots());
    if (!waits) {
      CO_CHECK(co_await destroy(*view));
      co_return true;
    }
  }
  if (!view->cluster.restore_failure.empty()) {
    CO_CHECK(co_await fail_instances(*view));
    co_return false;  // until it is deleted
  }
  CO_TRY(const bool open, co_await open_storage(*view));
  if (!open) co_return co_await remove_locked(*view);
  CO_CHECK(co_await open_engine(*view));
  if (!view->cluster.restore_from.empty()) {
    CO_CHECK(co_await restore(*view));
    wake();
    co_return false;
  }
  if (view->cluster.status != "deleting") CO_CHECK(co_await keep_secret(*view));
  // First, as what follows works with servers that run. One that does not come up is told of at the end only: it can be
  // removed, a change of its settings may help it, and the others serve.
  Result<void> ran;
  const bool hands_over = std::ranges::any_of(view->instances, [this](const InstanceRecord& instance) {
    return instance.status == "deleting" && engine_->is_primary(instance.id);
  });
  if (!view->cluster.stopped || hands_over) ran = co_await run_servers(*view);
  if (auto removed = co_await remove_instances(*view); !removed) {
    if (pins_ == 0) co_return std::unexpected(std::move(removed).error());
    if (ran) ran = std::move(removed);  // while a copy of the data is being made none goes, and all else goes on
  }
  CO_CHECK(co_await take_snapshots(*view));
  if (view->cluster.status == "deleting" && view->instances.empty()) {
    CO_CHECK(co_await destroy(*view));
    co_return true;
  }
  if (view->cluster.stopped) {  // what is not placed yet is when the cluster is started
    CO_CHECK(co_await stop_servers(*view));
  } else {
    CO_CHECK(co_await place_instances(*view, ran));
    auto rebooted = co_await reboot_servers(*view);
    if (ran) ran = std::move(rebooted);
    CO_CHECK(co_await configure_servers(*view));
    CO_CHECK(co_await prepare_master(*view));
    CO_CHECK(co_await fail_over_if_asked(*view));
  }
  retarget();
  CO_CHECK(co_await settle(*view));
  co_await remove_old_logs(*view);
  if (view->cluster.stopped) {
    CO_CHECK(co_await close_engine());
    CO_CHECK(co_await close_storage());
  }
  CO_CHECK(std::move(ran));
  CO_CHECK(std::move(attached));
  co_return false;
}

Task<Result<void>> Keeper::open_engine(const View& view) {
  if (engine_) co_return Result<void>();
  CO_TRY(const auto* context, co_await tools_.engines.context());
  CO_TRY(const auto* installation, co_await tools_.engines.installation(view.cluster.served_major));
  CO_CHECK(co_await tools_.context.pool.run(
      [this] { return io::make_folders(tools_.options.folder + "/instances", 0711); }));
  std::map<std::string, postgres::ServerOptions> members;
  std::map<std::string, postgres::ServerOptions> begun;
  for (auto instance : view.instances) {
    auto& known = instance.placed ? members : begun;
    CO_TRY(known[instance.id], co_await options_of(view, instance, false));
  }
  postgres::Cluster::Handlers handlers;
  handlers.lost = [this](const std::string& name, bool was_primary) { tasks_.spawn(on_lost(name, was_primary)); };
  handlers.changed = [this] { retarget(); };
  handlers.came_up = [this] { wake(); };
  auto engine = std::make_unique<postgres::Cluster>(*context, *installation, engine_folder_, std::move(handlers));
  auto opened = co_await engine->open(std::move(members), std::move(begun));
  if (!opened) {
    co_await engine->close();
    co_return opened;
  }
  engine_ = std::move(engine);
  if (abandoned_ || stopping_) engine_->interrupt();
  retarget();
  co_return Result<void>();
}

// What the engine knows in halves it knows anew from the records. Servers that no record names are ended when their
// place is taken.
Task<Result<void>> Keeper::reopen_engine(const View& view) {
  CO_CHECK(co_await close_engine());
  co_return co_await open_engine(view);
}

Task<Result<void>> Keeper::close_engine() {
  if (!engine_) co_return Result<void>();
  if (failing_over_ > 0) co_return fail(Errc::unavailable, "a failover is under way");
  co_await end_making({making_.begin(), making_.end()});
  co_await engine_->close();
  while (failing_over_ > 0) co_await tools_.context.loop.sleep(Duration(10));  // begun meanwhile
  engine_.reset();
  configured_.clear();
  unmade_.clear();
  co_return Result<void>();
}

// An instance stands in a subnet: neither that nor its groups can be deleted under it.
Task<Result<void>> Keeper::attach_interfaces(const View& view) {
  for (const auto& instance : view.instances) {
    if (instance.subnet_id.empty() || instance.status == "deleting") continue;
    const std::string groups = join(view.cluster.group_ids, " ");
    const auto known = interfaces_.find(instance.id);
    if (known != interfaces_.end() && known->second == groups) continue;
    auto attached = co_await tools_.network.attach_interface(place_.account, place_.region,
                                                             {.owner = "rds:" + instance.id,
                                                              .subnet_id = instance.subnet_id,
                                                              .group_ids = view.cluster.group_ids,
                                                              .description = "RDSNetworkInterface",
                                                              .private_ip = ""});
    if (!attached) co_return fail(Errc::unavailable, "attach a network interface: " + attached.error().message);
    interfaces_[instance.id] = groups;
  }
  co_return Result<void>();
}

void Keeper::retarget() {
  if (!writer_ || !engine_) return;
  const auto address = [&](const std::string& name) { return engine_->find(name)->options().listen; };
  endpoints::Targets write;
  endpoints::Targets read;
  for (const auto& name : engine_->names()) {
    if (!engine_->find(name)->is_up()) continue;
    if (engine_->is_primary(name)) {
      // One that is being promoted may have much to replay: until then it shows less than the writer before it did.
      if (engine_->takes_writes()) write.preferred.push_back(address(name));
      read.fallback.push_back(address(name));
    } else if (serves(name)) {
      read.preferred.push_back(address(name));
    }
  }
  writer_->set_targets(std::move(write));
  reader_->set_targets(std::move(read));
}

postgres::Instance* Keeper::server(const std::string& instance_id) {
  auto* server = engine_ ? engine_->find(instance_id) : nullptr;
  return server && server->is_up() ? server : nullptr;
}

Task<Result<std::unique_ptr<Source>>> Keeper::open_backup() {
  auto pinned = std::make_unique<PinnedSource>(*this);  // before the first wait, after which nothing may have gone
  CO_TRY(const auto* context, co_await tools_.engines.context());
  CO_TRY(auto view, co_await look());
  if (!view) co_return fail(Errc::not_found, fmt::format("the cluster {} is gone", cluster_id_));
  CO_TRY(const auto* installation, co_await tools_.engines.installation(view->cluster.served_major));
  auto* primary = engine_ ? engine_->primary() : nullptr;
  if (!primary || !engine_->takes_writes()) {  // one that is being promoted has not replayed all that was acknowledged
    co_return fail(Errc::unavailable, fmt::format("the cluster {} has no running instance to copy from", cluster_id_));
  }
  CO_TRY(auto source, co_await postgres::open_backup(*context, *installation, *primary));
  pinned->begin(std::move(source));
  co_return std::move(pinned);
}

Task<Result<void>> Keeper::update_cluster(std::function<void(ClusterRecord&, store::Transaction&)> change) {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto cluster, load<ClusterRecord>(tx, ClusterRecord::key(cluster_id_)));
  if (!cluster || cluster->resource_id != resource_id_) co_return fail(Errc::not_found, "the cluster is gone");
  change(*cluster, tx);
  save(tx, *cluster);
  co_return co_await tx.commit();
}

Task<Result<void>> Keeper::update_instance(std::string id,
                                           std::function<void(InstanceRecord&, store::Transaction&)> change) {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto instance, load<InstanceRecord>(tx, InstanceRecord::key(id)));
  if (!instance) co_return fail(Errc::not_found, "the instance " + id + " is gone");
  change(*instance, tx);
  save(tx, *instance);
  co_return co_await tx.commit();
}

void Keeper::tell_cluster(store::Transaction& tx, std::string message, std::vector<std::string> categories) const {
  tell(tx, place_, tools_.context.clock.now(), "db-cluster", cluster_id_, std::move(message), std::move(categories));
}

void Keeper::tell_instance(store::Transaction& tx, const std::string& id, std::string message,
                           std::vector<std::string> categories) const {
  tell(tx, place_, tools_.context.clock.now(), "db-instance", id, std::move(message), std::move(categories));
}

}  // namespace boreal::rds
