// The house: one data folder opened, with every engine and service over it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "aws/pipeline.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "io/file.h"
#include "io/pool.h"
#include "net/loop.h"
#include "server/config.h"
#include "server/tls.h"

namespace boreal::server {

class Metrics;

// Thread rule: the loop.
class House {
 public:
  // Makes the data folder if there is none, and opens `tls` once the folder is ours. Then `listen` is called: where it
  // fails, nothing else is opened. What runs in the background starts with the house.
  static Task<Result<std::unique_ptr<House>>> open(const Config& config, net::Loop& loop, io::Pool& pool,
                                                   SystemClock& clock, Random& random, ServerTls& tls,
                                                   std::function<Result<void>()> listen = nullptr);
  ~House();

  aws::Pipeline& pipeline();
  // Serve: the root's access key and secret if this start made them; they cannot be read back later.
  std::optional<std::pair<std::string, std::string>> take_new_root_key();
  // For /_boreal/health/ready and `boreal status`: JSON, one member a service. `in_full`: with names that its users
  // gave, with how much it is used and with why a service is degraded, which are not for everybody.
  std::string describe(bool in_full) const;
  // False when nothing, or nothing large in some storage class, can be written any more until the next start.
  bool is_ready() const;
  // For /_boreal/metrics. Must not be stopped meanwhile.
  Task<void> measure(Metrics& metrics) const;
  // See aws::Service; of all of them.
  bool has_been_round(int64_t since_ns) const;
  // Ends all background work and the databases' processes; the data stays.
  Task<void> stop();
  // Dev only: stops, then deletes what the folder holds. Nothing but destruction may follow.
  Task<Result<void>> stop_and_erase();

 private:
  struct Rooms;
  explicit House(std::unique_ptr<Rooms> rooms);
  std::unique_ptr<Rooms> rooms_;
};

}  // namespace boreal::server
