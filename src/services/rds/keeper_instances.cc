// The servers of a cluster: made, configured, run, promoted and removed.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "io/file.h"
#include "rds/bootstrap.h"
#include "rds/keeper.h"
#include "rds/settings.h"

namespace boreal::rds {

namespace {

constexpr Duration day = std::chrono::hours(24);
constexpr Duration catch_up_time{30'000};
constexpr Duration writer_patience{60'000};  // then a reader that has everything takes over

// Two configurations are the same when their texts are.
std::string as_text(const postgres::ServerOptions& options) {
  std::string text = options.listen.to_string() + (options.access.require_tls ? " tls" : "");
  for (const auto& network : options.access.networks) text += ' ' + network;
  for (const auto& [name, value] : options.settings) text += fmt::format("\n{}={}", name, value);
  if (options.certificate) text += options.certificate->chain_pem;
  return text;
}

}  // namespace

Result<std::vector<std::string>> Keeper::admitted(const ClusterRecord& cluster) const {
  std::vector<aws::Network::IngressRule> rules;
  for (const auto& group : cluster.group_ids) {
    auto found = tools_.network.ingress(place_.account, place_.region, group);
    if (!found) continue;  // deleted meanwhile: it lets in nobody
    rules.insert(rules.end(), found->begin(), found->end());
  }
  return admitted_networks(rules, cluster.port);
}

void Keeper::recheck_admission() {
  const auto cluster = load<ClusterRecord>(tools_.context.catalog, place_, ClusterRecord::key(cluster_id_));
  if (!cluster || !*cluster) return;
  const auto networks = admitted(**cluster);
  if (!networks) return;
  admitted_.clear();
  for (const auto& network : *networks) admitted_.push_back(*Cidr::parse(network));
  if (writer_) writer_->recheck_clients();
  if (reader_) reader_->recheck_clients();
  wake();
}

// Made anew at each start: it never runs out, and is cheap.
Task<Result<postgres::Certificate>> Keeper::certificate(std::string address) {
  if (const auto found = certificates_.find(address); found != certificates_.end()) co_return found->second;
  CO_TRY(const auto plan, endpoints::AddressPlan::of(number_));
  const Time now = tools_.context.clock.now();
  CO_TRY(auto made, co_await tools_.context.pool.run([&]() -> Result<postgres::Certificate> {
    TRY(auto authority_pem, io::read_file(tools_.options.authority_certificate));
    TRY(const auto key, io::read_file(tools_.options.authority_key));
    const crypto::CertifiedKey authority{authority_pem, crypto::SecretBytes(key)};
    TRY(const auto issued, crypto::issue_server_certificate(
                               authority, {.dns_names = {}, .ip_addresses = {address, plan.writer(), plan.reader()}},
                               {now - day, now + day * 365}, tools_.context.random));
    return postgres::Certificate{issued.certificate_pem + authority_pem, std::string(issued.private_key_pem.text())};
  }));
  certificates_[address] = made;
  if (!endpoint_tls_) {
    CO_TRY(endpoint_tls_, net::TlsServerContext::make(made.chain_pem, made.key_pem));
    if (writer_) writer_->set_tls(endpoint_tls_);
    if (reader_) reader_->set_tls(endpoint_tls_);
  }
  co_return made;
}

Task<Result<postgres::ServerOptions>> Keeper::options_of(const View& view, InstanceRecord& instance, bool restarting) {
  Changes wanted;
  const auto add = [&](const std::string& key) -> Result<void> {
    TRY(const auto group, load<ParameterGroupRecord>(tools_.context.catalog, place_, key));
    if (!group) return {};  // a default group
    for (const auto& [name, change] : group->changes) wanted.insert_or_assign(name, change);
    return {};
  };
  CO_CHECK(add(cluster_group_key(view.cluster.parameter_group)));
  CO_CHECK(add(instance_group_key(instance.parameter_group)));
  instance.pending_reboot = false;
  if (differs(instance.settings, wanted)) {
    CO_TRY(const auto* catalog, co_await tools_.engines.settings(view.cluster.served_major));
    auto effective = apply_changes(instance.settings, wanted, catalog, restarting);
    instance.settings = std::move(effective.settings);
    instance.pending_reboot = effective.waits_for_restart;
  }
  CO_TRY(const auto plan, endpoints::AddressPlan::of(number_));
  CO_TRY(const auto address, plan.instance(instance.slot));
  postgres::ServerOptions options;
  options.listen = {address, port_};
  put_settings(instance.settings, options);
  CO_TRY(options.certificate, co_await certificate(address));
  CO_TRY(options.access.networks, admitted(view.cluster));
  admitted_.clear();
  for (const auto& network : options.access.networks) admitted_.push_back(*Cidr::parse(network));
  // The endpoints, which look at their clients themselves.
  options.access.networks.push_back(plan.writer() + "/32");
  options.access.networks.push_back(plan.reader() + "/32");
  co_return options;
}

// The first; readers are made of it.
Task<Result<void>> Keeper::place_instance(const View& view, InstanceRecord& instance) {
  CO_TRY(const auto options, co_await options_of(view, instance, true));
  CO_TRY(auto* pool, co_await tools_.engines.pool(view.cluster.served_major));
  if (auto placed = co_await engine_->create(*pool, instance.id, options); !placed) {
    // The engine may know it in halves: it begins anew from what the records say.
    if (!stopping_) CO_CHECK(co_await close_engine());
    co_return placed;
  }
  configured_[instance.id] = as_text(options);
  co_return co_await keep_settings(instance);
}

Task<Result<void>> Keeper::keep_settings(const InstanceRecord& instance) {
  co_return co_await update_instance(instance.id, [&](InstanceRecord& record, store::Transaction&) {
    record.settings = instance.settings;
    record.pending_reboot = false;
  });
}

// `readers`: the first that is not made, and cannot be now.
Task<Result<void>> Keeper::place_instances(View& view, Result<void>& readers) {
  for (auto& instance : view.instances) {
    if (instance.placed || instance.status == "deleting" || stopping_) continue;
    if (engine_->names().empty()) {
      CO_CHECK(co_await place_instance(view, instance));
    } else if (making_.contains(instance.id)) {
      continue;
    } else if (!engine_->find(instance.id)) {
      auto begun = co_await begin_reader(view, instance);
      if (!begun && readers) readers = std::move(begun);
      continue;
    }
    instance.placed = true;
    CO_CHECK(co_await update_instance(instance.id,
                                      [](InstanceRecord& record, store::Transaction&) { record.placed = true; }));
    if (engine_->is_primary(instance.id)) CO_CHECK(co_await prepare_master(view));
    retarget();
    CO_CHECK(co_await settle(view));
  }
  co_return Result<void>();
}

// One at a time: each takes connections of the writer for as long as it is copied. Its end wakes us.
Task<Result<void>> Keeper::begin_reader(const View& view, InstanceRecord& instance) {
  if (!making_.empty()) co_return Result<void>();
  if (!engine_->takes_writes()) co_return fail(Errc::unavailable, "the writer is not up");
  CO_TRY(auto options, co_await options_of(view, instance, true));
  CO_CHECK(co_await keep_settings(instance));  // those that it begins with
  configured_[instance.id] = as_text(options);
  co_return begin_making(instance.id, std::move(options));
}

std::string Keeper::best_standby(const View& view, const std::string& except) const {
  const InstanceRecord* best = nullptr;
  for (const auto& instance : view.instances) {
    const auto* server = engine_->find(instance.id);
    if (instance.id == except || instance.status == "deleting" || !server || !server->is_up()) continue;
    if (engine_->is_primary(instance.id)) continue;
    if (!best || instance.promotion_tier < best->promotion_tier) best = &instance;
  }
  return best ? best->id : "";
}

Task<Result<void>> Keeper::remove_instances(View& view) {
  std::vector<InstanceRecord> leaving;
  for (const auto& instance : view.instances) {
    if (instance.status == "deleting") leaving.push_back(instance);
  }
  // Standbys first: a primary that goes last hands over to nobody.
  std::ranges::sort(leaving, {}, [&](const InstanceRecord& i) { return engine_->is_primary(i.id); });
  for (auto& instance : leaving) {
    CO_CHECK(co_await remove_instance(view, instance));
    std::erase_if(view.instances, [&](const InstanceRecord& other) { return other.id == instance.id; });
  }
  co_return Result<void>();
}

Task<Result<void>> Keeper::remove_instance(View& view, InstanceRecord instance) {
  if (pins_ > 0) co_return fail(Errc::unavailable, "a copy of the data is being made");
  co_await end_making({instance.id});
  const bool first = engine_->names().empty();
  if (!instance.placed && first) {  // it may be there in halves: made whole, it goes like any other
    View alone = view;
    alone.instances = {instance};
    alone.instances[0].status = "creating";
    Result<void> readers;
    if (auto placed = co_await place_instances(alone, readers); !placed) {
      log::warn("rds", "an instance that was never whole is forgotten",
                {{"instance", instance.id}, {"why", placed.error().message()}});
      CO_CHECK(co_await open_engine(view));
    }
  } else if (!engine_->find(instance.id)) {
    CO_CHECK(co_await engine_->remove_remains(instance.id));
  }
  if (engine_->find(instance.id)) {
    const auto next = best_standby(view, instance.id);
    if (engine_->is_primary(instance.id) && next.empty()) {
      // Those that are only begun are made of what it leaves.
      for (const auto& other : view.instances) {
        if (!other.placed) co_await end_making({other.id});
      }
    }
    if (engine_->is_primary(instance.id) && !next.empty()) {
      if (engine_->takes_writes()) {
        CO_CHECK(co_await engine_->wait_until_safe(next, catch_up_time));
        CO_CHECK(co_await engine_->switch_over(next));
      } else {
        CO_CHECK(co_await engine_->fail_over());
      }
    }
    CO_CHECK(co_await engine_->remove_server(instance.id));
  }
  configured_.erase(instance.id);
  retarget();
  co_return co_await forget_instance(instance.id);
}

// Those that have no data here, or whose data nobody can reach.
Task<Result<void>> Keeper::forget_leaving(View& view) {
  const auto leaves = [](const InstanceRecord& instance) { return instance.status == "deleting"; };
  for (const auto& instance : view.instances) {
    if (leaves(instance)) CO_CHECK(co_await forget_instance(instance.id));
  }
  std::erase_if(view.instances, leaves);
  co_return Result<void>();
}

Task<Result<void>> Keeper::forget_instance(std::string id) {
  if (auto detached = co_await tools_.network.detach_interface(place_.account, place_.region, "rds:" + id); !detached) {
    co_return fail(Errc::unavailable, "detach a network interface: " + detached.error().message);
  }
  interfaces_.erase(id);
  unmade_.erase(id);
  unstartable_.erase(id);
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  tx.remove(InstanceRecord::key(id));
  tell_instance(tx, id, "DB instance deleted", {"deletion"});
  co_return co_await tx.commit();
}

Task<Result<void>> Keeper::configure_servers(View& view) {
  for (auto& instance : view.instances) {
    auto* server = engine_->find(instance.id);
    if (!instance.placed || !server || making_.contains(instance.id)) continue;
    const auto before = instance;
    // One that does not run takes everything with its next start.
    CO_TRY(const auto options, co_await options_of(view, instance, !server->is_running()));
    const std::string text = as_text(options);
    if (configured_[instance.id] != text) {
      CO_CHECK(co_await server->configure(options));
      configured_[instance.id] = text;
    }
    if (before.settings == instance.settings && before.pending_reboot == instance.pending_reboot) continue;
    CO_CHECK(co_await update_instance(instance.id, [&](InstanceRecord& record, store::Transaction&) {
      record.settings = instance.settings;
      record.pending_reboot = instance.pending_reboot;
    }));
  }
  if (view.instances.empty()) {
    CO_TRY(const auto networks, admitted(view.cluster));
    admitted_.clear();
    for (const auto& network : networks) admitted_.push_back(*Cidr::parse(network));
  }
  co_return Result<void>();
}

// Tells of the first that does not come up again: it is tried again, and holds up none of the others.
Task<Result<void>> Keeper::reboot_servers(View& view) {
  Result<void> all;
  for (auto& instance : view.instances) {
    if (!instance.reboot || !engine_->find(instance.id) || making_.contains(instance.id)) continue;
    auto rebooted = co_await reboot_server(view, instance);
    if (!rebooted && all) all = std::move(rebooted);
  }
  co_return all;
}

Task<Result<void>> Keeper::reboot_server(const View& view, InstanceRecord& instance) {
  CO_TRY(const auto options, co_await options_of(view, instance, true));
  CO_CHECK(co_await engine_->stop(instance.id));
  CO_CHECK(co_await engine_->find(instance.id)->configure(options));
  configured_[instance.id] = as_text(options);
  CO_CHECK(co_await engine_->start(instance.id));
  instance.reboot = false;
  co_return co_await update_instance(instance.id, [&](InstanceRecord& record, store::Transaction& tx) {
    record.reboot = false;
    record.settings = instance.settings;
    record.pending_reboot = false;
    tell_instance(tx, instance.id, "DB instance restarted", {"availability"});
  });
}

// Starts what does not run, and tells of the first that does not come up. Of servers that are to go only a writer whose
// data others need runs.
Task<Result<void>> Keeper::run_servers(View& view) {
  if (failing_over_ > 0) co_return Result<void>();
  const auto stays = [](const InstanceRecord& instance) { return instance.status != "deleting"; };
  const bool somebody_stays = std::ranges::any_of(view.instances, stays);
  std::vector<std::string> names;
  for (const auto& instance : view.instances) {
    if (!engine_->find(instance.id)) continue;
    if (stays(instance) || (somebody_stays && engine_->is_primary(instance.id))) names.push_back(instance.id);
  }
  std::ranges::sort(names, {}, [&](const std::string& name) { return !engine_->is_primary(name); });
  if (std::ranges::any_of(names, [this](const std::string& name) { return !server(name); })) {
    CO_CHECK(co_await tell_what_is_down(view));
  }
  Result<void> all;
  for (const auto& name : names) {
    if (server(name)) unstartable_.erase(name);
    if (server(name) || making_.contains(name) || stopping_) continue;
    Result<void> up;
    if (engine_->state().diverged.contains(name)) {
      up = begin_making(name, std::nullopt);
    } else {
      up = co_await engine_->start(name);
      if (up && !server(name))
        up = fail(Errc::unavailable, fmt::format("the server {} recovers still", name));
      else if (!up && !stopping_)
        co_await make_anew_if_damaged(name, up.error());
    }
    if (!up && all) all = std::move(up);
  }
  // A writer that does not come up again, or not soon, is replaced like one that is lost.
  const auto* writer = engine_->primary();
  const bool lost = writer && !writer->is_up() && (!writer->is_running() || writer->recovers_for() > writer_patience);
  if (!all && names.size() > 1 && lost) {
    if (auto replaced = co_await replace_writer(view); !replaced) {
      log::warn("rds", "no reader can take over", {{"cluster", cluster_id_}, {"why", replaced.error().message()}});
    }
  }
  co_return all;
}

Task<Result<void>> Keeper::stop_servers(const View& view) {
  if (pins_ > 0) co_return fail(Errc::unavailable, "a copy of the data is being made");
  co_await end_making({making_.begin(), making_.end()});
  std::vector<std::string> names = engine_->names();
  std::ranges::sort(names, {}, [&](const std::string& name) { return engine_->is_primary(name); });
  for (const auto& name : names) {
    if (engine_->find(name)->is_running()) CO_CHECK(co_await engine_->stop(name));
  }
  for (const auto& instance : view.instances) {
    if (instance.status == "stopped") continue;
    CO_CHECK(co_await update_instance(instance.id, [&](InstanceRecord& record, store::Transaction& tx) {
      if (record.status != "deleting") record.status = "stopped";
      tell_instance(tx, instance.id, "DB instance stopped", {"notification"});
    }));
  }
  co_return Result<void>();
}

Task<Result<void>> Keeper::prepare_master(View& view) {
  if (!engine_->takes_writes()) co_return Result<void>();
  auto* primary = engine_->primary();
  if (!ways_out_closed_) CO_CHECK(co_await close_ways_out(*primary));  // in databases of earlier versions of ours too
  ways_out_closed_ = true;
  if (view.cluster.master_applied == view.cluster.master_version) co_return Result<void>();
  const auto version = view.cluster.master_version;
  CO_CHECK(co_await prepare_database(*primary, view.cluster.master_username, view.cluster.master_verifier,
                                     view.cluster.database_to_make()));
  CO_CHECK(co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    if (record.master_applied != 0) tell_cluster(tx, "Reset master credentials", {"configuration change"});
    record.master_applied = version;
    record.database_made = true;
  }));
  view.cluster.master_applied = version;
  co_return Result<void>();
}

Task<Result<void>> Keeper::fail_over_if_asked(View& view) {
  if (view.cluster.failover_to.empty()) co_return Result<void>();
  if (!engine_->takes_writes() && !view.instances.empty()) co_return Result<void>();  // when it does again
  const bool anywhere = view.cluster.failover_to == "?";
  std::string target = anywhere ? best_standby(view, "") : view.cluster.failover_to;
  // Another than the one that it was asked of: it has taken place, and only that was not written down.
  const bool happened = anywhere && !view.cluster.writer.empty() && !engine_->is_primary(view.cluster.writer);
  if (!happened && engine_->find(target) && !engine_->is_primary(target)) {
    CO_CHECK(co_await update_cluster([&](ClusterRecord&, store::Transaction& tx) {
      tell_cluster(tx, "Started cross AZ failover to DB instance: " + target, {"failover"});
    }));
    auto done = co_await engine_->wait_until_safe(target, catch_up_time);
    if (done) done = co_await engine_->switch_over(target);
    if (!done) {
      log::warn("rds", "a failover did not take place", {{"cluster", cluster_id_}, {"why", done.error().message()}});
      wake();  // the writer may have been stopped for it
      CO_CHECK(co_await update_cluster([&](ClusterRecord&, store::Transaction& tx) {
        tell_cluster(tx, fmt::format("Failover to DB instance {} failed: {}", target, done.error().message()),
                     {"failover"});
      }));
    }
  }
  view.cluster.failover_to.clear();
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    note_writer(record, tx);
    record.failover_to.clear();
  });
}

// By the reader of the lowest tier, else by the one that has most.
Task<Result<void>> Keeper::replace_writer(const View& view) {
  const std::string preferred = best_standby(view, "");
  if (!preferred.empty() && co_await engine_->fail_over(preferred)) co_return Result<void>();
  co_return co_await engine_->fail_over();
}

// The writer's process is gone: a standby that has everything takes over, else the writer is started again.
Task<void> Keeper::on_lost(std::string name, bool was_primary) {
  if (stopping_) co_return;
  if (was_primary && engine_ && engine_->names().size() > 1) {
    ++failing_over_;
    log::warn("rds", "the writer is lost", {{"cluster", cluster_id_}, {"instance", name}});
    auto view = co_await look();
    auto done = view && *view ? co_await replace_writer(**view) : co_await engine_->fail_over();
    if (!done) {
      log::warn("rds", "no reader can take over; the writer is started again",
                {{"cluster", cluster_id_}, {"why", done.error().message()}});
    }
    --failing_over_;
  }
  wake();
}

// Who takes writes now, or will.
void Keeper::note_writer(ClusterRecord& record, store::Transaction& tx) const {
  const std::string& writer = engine_->state().primary;
  if (writer.empty() || writer == volume_name || writer == record.writer) return;
  if (!record.writer.empty()) tell_cluster(tx, "Completed failover to DB instance: " + writer, {"failover"});
  record.writer = writer;
}

// What has come true is written down.
Task<Result<void>> Keeper::settle(const View& view) {
  for (const auto& instance : view.instances) {
    if (!instance.placed || view.cluster.stopped || !server(instance.id)) continue;
    if (instance.status == "deleting") continue;
    if (!serves(instance.id)) {  // what it waits for wakes us; else it is served after a while
      tasks_.spawn(try_again_later(reader_patience));
      continue;
    }
    if (instance.status == "available") continue;
    const bool behind =
        !engine_->is_primary(instance.id) && engine_->takes_writes() && !engine_->has_caught_up(instance.id);
    CO_CHECK(co_await update_instance(instance.id, [&](InstanceRecord& record, store::Transaction& tx) {
      if (record.status == "deleting" || record.reboot) return;
      if (record.status == "creating") tell_instance(tx, record.id, "DB instance created", {"creation"});
      if (record.status == "starting") tell_instance(tx, record.id, "DB instance started", {"notification"});
      if (behind) tell_instance(tx, record.id, "DB instance is behind its writer", {"notification"});
      record.status = "available";
    }));
  }
  const std::string writer = engine_->state().primary;
  const bool ready = view.cluster.stopped || view.instances.empty() || engine_->takes_writes();
  const std::string status = view.cluster.stopped ? "stopped" : "available";
  const bool moved = !writer.empty() && writer != volume_name && writer != view.cluster.writer;
  if (!ready || (view.cluster.status == status && !moved)) co_return Result<void>();
  co_return co_await update_cluster([&](ClusterRecord& record, store::Transaction& tx) {
    note_writer(record, tx);
    if (record.status == "deleting" || record.stopped != view.cluster.stopped) return;
    if (record.master_version != record.master_applied && !view.instances.empty()) return;
    if (record.status == "creating") tell_cluster(tx, "DB cluster created", {"creation"});
    record.status = status;
  });
}

}  // namespace boreal::rds
