// A replication instance: it has a place in the network, tests connections, reads schemas and keeps its tasks. What the
// API shows of it in the catalog (creating, available, testing ...) is what a supervisor has done and seen.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/sync.h"
#include "dms/credentials.h"
#include "dms/resources.h"

namespace boreal::dms {

// Thread rule: the loop.
class Supervisor {
 public:
  // `gone` is called once the instance is deleted and nothing of it is left; the owner may stop() it then.
  Supervisor(const Tools& tools, Place place, std::string instance_id, std::function<void()> gone);

  void start() { tasks_.spawn(run()); }
  // The catalog has something new for it.
  void wake() { wake_.set(); }
  // Begins nothing any more.
  void end();
  // Returns when the work under way has ended: a connection that is being opened has its seconds.
  Task<void> stop();

 private:
  Task<void> run();
  Task<void> wake_later(Duration time);
  // True when the instance is gone. Every step may be done again after a crash.
  Task<Result<bool>> reconcile();
  Task<Result<void>> attach(InstanceRecord instance);
  Task<Result<void>> settle_instance();
  Task<Result<void>> settle_tasks();
  Task<Result<void>> begin_probes();
  Task<Result<void>> remove();

  Task<void> test(ConnectionRecord connection);
  Task<void> refresh(SchemasRecord schemas);
  Task<Result<Login>> login(std::string endpoint_id);
  Task<Result<void>> write_test(ConnectionRecord connection, Result<void> outcome);
  Task<Result<void>> write_schemas(SchemasRecord schemas, Result<std::vector<std::string>> outcome);

  const Tools& tools_;
  const Place place_;
  const std::string instance_id_;
  const std::function<void()> gone_;

  std::set<std::string> under_way_;  // tests and refreshes, by key and run
  Semaphore probes_;
  std::string attached_;  // subnet and groups of the interface, as last put into the network
  bool stopping_ = false;
  unsigned failures_ = 0;
  Event wake_;
  TaskGroup tasks_;
};

}  // namespace boreal::dms
