#include "dms/service.h"

#include "base/text.h"

namespace boreal::dms {

Service::Service(aws::ServiceContext context, aws::Network& network, aws::Keys& keys, aws::Roles& roles,
                 aws::Secrets& secrets, Names::LookUp look_up, std::string probe_program)
    : names_(std::move(look_up)),
      probes_(std::move(probe_program)),
      tools_{context, network, keys, roles, secrets, names_, probes_} {}

Task<Result<void>> Service::start() {
  names_.start();
  probes_.start();
  CO_TRY(const auto partitions, tools_.context.catalog.store().partitions());
  for (const auto& name : partitions) {
    const auto parts = split(name, '/');
    if (parts.size() != 3 || parts[0] != "dms") continue;
    const Place place{std::string(parts[1]), std::string(parts[2])};
    auto tx = co_await tools_.context.catalog.begin(place.partition());
    CO_TRY(const auto instances, load_all<InstanceRecord>(tx));
    for (const auto& instance : instances) supervise(place, instance.resource_id);
  }
  co_return Result<void>();
}

Task<void> Service::stop() {
  stopping_ = true;
  names_.end();
  probes_.end();
  for (auto& [which, supervisor] : supervisors_) supervisor->end();  // all at once: each has its seconds
  co_await tasks_.wait();
  for (auto& [which, supervisor] : supervisors_) co_await supervisor->stop();
  supervisors_.clear();
  names_.stop();
  probes_.stop();
}

void Service::supervise(const Place& place, const std::string& instance_id) {
  const std::pair which(place, instance_id);
  auto gone = [this, which] {
    if (!stopping_) tasks_.spawn(drop(which));
  };
  auto& supervisor = supervisors_[which];
  supervisor = std::make_unique<Supervisor>(tools_, place, instance_id, std::move(gone));
  supervisor->start();
}

Task<void> Service::drop(std::pair<Place, std::string> which) {
  auto found = supervisors_.extract(which);
  if (found) co_await found.mapped()->stop();
}

void Service::wake(const Place& place, const std::string& instance_id) {
  const auto found = supervisors_.find({place, instance_id});
  if (found != supervisors_.end()) found->second->wake();
}

std::string Service::random_id() {
  constexpr size_t length = 26;
  return tools_.context.random.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length);
}

}  // namespace boreal::dms
