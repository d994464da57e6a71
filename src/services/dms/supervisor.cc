#include "dms/supervisor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "dms/probe.h"
#include "net/pause.h"

namespace boreal::dms {

namespace {
constexpr Duration first_retry{500};
constexpr Duration longest_retry{30'000};
constexpr size_t max_probes = 8;  // at the same time, of one instance

// By the end of the server: nothing was found out, and the next run takes it up.
bool was_cut(const auto& outcome) { return !outcome && outcome.error().code() == Errc::cancelled; }
}  // namespace

Supervisor::Supervisor(const Tools& tools, Place place, std::string instance_id, std::function<void()> gone)
    : tools_(tools),
      place_(std::move(place)),
      instance_id_(std::move(instance_id)),
      gone_(std::move(gone)),
      probes_(max_probes) {}

void Supervisor::end() {
  stopping_ = true;
  wake();
}

Task<void> Supervisor::stop() {
  end();
  co_await tasks_.wait();
}

Task<void> Supervisor::run() {
  while (!stopping_) {
    wake_.reset();
    auto done = co_await reconcile();
    if (done && *done) {
      gone_();
      co_return;
    }
    if (!done) {
      const Duration wait = std::min(longest_retry, first_retry * (1u << std::min(failures_, 6u)));
      ++failures_;
      log::warn("dms", "a replication instance is not as it should be yet",
                {{"instance", place_.arn("rep", instance_id_)},
                 {"why", done.error().message()},
                 {"again_in", format_duration(wait)}});
      tasks_.spawn(wake_later(wait));
    } else {
      failures_ = 0;
    }
    if (!stopping_) co_await wake_.wait();
  }
}

Task<void> Supervisor::wake_later(Duration time) {
  co_await net::pause(tools_.context.loop, time, stopping_);
  wake();
}

Task<Result<bool>> Supervisor::reconcile() {
  std::optional<InstanceRecord> instance;
  {
    auto tx = co_await tools_.context.catalog.begin(place_.partition());
    CO_TRY(instance, load<InstanceRecord>(tx, instance_id_));
  }
  if (!instance) co_return true;
  if (instance->status == "deleting") {
    CO_CHECK(co_await remove());
    co_return true;
  }
  // First: an instance that finds no place in the network must not keep its tasks, without which nobody can delete it.
  CO_CHECK(co_await settle_tasks());
  CO_CHECK(co_await attach(*instance));
  CO_CHECK(co_await settle_instance());
  CO_CHECK(co_await begin_probes());
  co_return false;
}

// The instance stands in a subnet: neither that nor its groups can be deleted under it.
Task<Result<void>> Supervisor::attach(InstanceRecord instance) {
  const std::string wanted = instance.subnet_id + ' ' + join(instance.group_ids, " ");
  if (wanted == attached_) co_return Result<void>();
  auto attached = co_await tools_.network.attach_interface(place_.account, place_.region,
                                                           {.owner = "dms:" + instance_id_,
                                                            .subnet_id = instance.subnet_id,
                                                            .group_ids = instance.group_ids,
                                                            .description = "DMSNetworkInterface",
                                                            .private_ip = ""});
  if (!attached) co_return fail(Errc::unavailable, "attach a network interface: " + attached.error().message);
  attached_ = wanted;
  co_return Result<void>();
}

Task<Result<void>> Supervisor::settle_instance() {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto instance, load<InstanceRecord>(tx, instance_id_));
  if (!instance || instance->status == "available" || instance->status == "deleting") co_return Result<void>();
  instance->status = "available";
  save(tx, *instance);
  co_return co_await tx.commit();
}

// Nothing runs for a task yet (starting one is refused), so its changes need no more than to be written.
Task<Result<void>> Supervisor::settle_tasks() {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto tasks, load_all<TaskRecord>(tx));
  bool changed = false;
  for (auto& task : tasks) {
    if (task.instance_id != instance_id_ || task.status == "ready") continue;
    changed = true;
    if (task.status == "deleting") {
      erase(tx, task);
      continue;
    }
    if (task.status == "moving") task.instance_id = std::exchange(task.target_instance_id, "");
    task.status = "ready";
    save(tx, task);
  }
  if (!changed) co_return Result<void>();
  co_return co_await tx.commit();
}

Task<Result<void>> Supervisor::begin_probes() {
  std::vector<ConnectionRecord> connections;
  std::vector<SchemasRecord> schemas;
  {
    auto tx = co_await tools_.context.catalog.begin(place_.partition());
    CO_TRY(connections, load_all<ConnectionRecord>(tx));
    CO_TRY(schemas, load_all<SchemasRecord>(tx));
  }
  for (auto& connection : connections) {
    if (connection.instance_id != instance_id_ || connection.status != "testing") continue;
    if (under_way_.insert(fmt::format("test {} {}", connection.endpoint_id, connection.run)).second) {
      tasks_.spawn(test(std::move(connection)));
    }
  }
  for (auto& refreshed : schemas) {
    if (refreshed.instance_id != instance_id_ || refreshed.status != "refreshing") continue;
    if (under_way_.insert(fmt::format("refresh {} {}", refreshed.endpoint_id, refreshed.run)).second) {
      tasks_.spawn(refresh(std::move(refreshed)));
    }
  }
  co_return Result<void>();
}

Task<Result<Login>> Supervisor::login(std::string endpoint_id) {
  std::optional<EndpointRecord> endpoint;
  {
    auto tx = co_await tools_.context.catalog.begin(place_.partition());
    CO_TRY(endpoint, load<EndpointRecord>(tx, endpoint_id));
  }
  if (!endpoint) co_return fail(Errc::not_found, "the endpoint is deleted");
  co_return co_await login_of(tools_, place_, std::move(*endpoint));
}

Task<void> Supervisor::test(ConnectionRecord connection) {
  Result<void> outcome;
  {
    const auto permit = co_await probes_.acquire();
    if (stopping_) co_return;  // it is still "testing": the next run takes it up
    auto login = co_await this->login(connection.endpoint_id);
    if (login) {
      outcome = co_await probe(tools_, std::move(*login));
    } else {
      outcome = std::unexpected(std::move(login).error());
    }
    if (was_cut(outcome)) co_return;
  }
  if (auto written = co_await write_test(connection, std::move(outcome)); !written) {
    log::error("dms", "the outcome of a connection test could not be written",
               {{"endpoint", connection.endpoint_id}, {"why", written.error().message()}});
    tasks_.spawn(wake_later(first_retry));
  }
  under_way_.erase(fmt::format("test {} {}", connection.endpoint_id, connection.run));
}

Task<Result<void>> Supervisor::write_test(ConnectionRecord connection, Result<void> outcome) {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto now, load<ConnectionRecord>(tx, connection.id()));
  if (!now || now->run != connection.run) co_return Result<void>();
  now->status = outcome ? "successful" : "failed";
  now->failure = outcome ? "" : "Test Endpoint failed: " + outcome.error().message();
  save(tx, *now);
  co_return co_await tx.commit();
}

Task<void> Supervisor::refresh(SchemasRecord schemas) {
  Result<std::vector<std::string>> outcome;
  {
    const auto permit = co_await probes_.acquire();
    if (stopping_) co_return;
    auto login = co_await this->login(schemas.endpoint_id);
    if (login) {
      outcome = co_await read_schemas(tools_, std::move(*login));
    } else {
      outcome = std::unexpected(std::move(login).error());
    }
    if (was_cut(outcome)) co_return;
  }
  if (auto written = co_await write_schemas(schemas, std::move(outcome)); !written) {
    log::error("dms", "the schemas of an endpoint could not be written",
               {{"endpoint", schemas.endpoint_id}, {"why", written.error().message()}});
    tasks_.spawn(wake_later(first_retry));
  }
  under_way_.erase(fmt::format("refresh {} {}", schemas.endpoint_id, schemas.run));
}

Task<Result<void>> Supervisor::write_schemas(SchemasRecord schemas, Result<std::vector<std::string>> outcome) {
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  CO_TRY(auto now, load<SchemasRecord>(tx, schemas.id()));
  if (!now || now->run != schemas.run) co_return Result<void>();
  now->status = outcome ? "successful" : "failed";
  now->failure = outcome ? "" : outcome.error().message();
  if (outcome) {
    now->names = std::move(*outcome);
    now->refreshed = tools_.context.clock.now();
  }
  save(tx, *now);
  co_return co_await tx.commit();
}

Task<Result<void>> Supervisor::remove() {
  auto detached = co_await tools_.network.detach_interface(place_.account, place_.region, "dms:" + instance_id_);
  if (!detached) co_return fail(Errc::unavailable, "detach the network interface: " + detached.error().message);
  auto tx = co_await tools_.context.catalog.begin(place_.partition());
  tx.remove(key_of<InstanceRecord>(instance_id_));
  CO_CHECK(erase_connections(tx, instance_id_, ""));
  CO_TRY(auto all, load_all<SchemasRecord>(tx));
  for (auto& schemas : all) {
    if (schemas.instance_id != instance_id_ || schemas.status != "refreshing") continue;
    schemas.status = "failed";
    schemas.failure = "the replication instance was deleted";
    save(tx, schemas);
  }
  co_return co_await tx.commit();
}

}  // namespace boreal::dms
