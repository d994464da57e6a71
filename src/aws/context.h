// What every service is handed: where it keeps its resources, what time it is, where chance and threads come from.
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "io/pool.h"
#include "net/loop.h"
#include "store/transaction.h"

namespace boreal::aws {

// References live longer than any service.
struct ServiceContext {
  store::Catalog& catalog;
  const Clock& clock;
  Random& random;
  net::Loop& loop;
  io::Pool& pool;
};

// The catalog's partition of a service's resources: accounts and regions are separate worlds.
// Global services (IAM) pass an empty region.
inline std::string partition(std::string_view service, std::string_view account, std::string_view region = {}) {
  std::string name(service);
  name += '/';
  name += account;
  if (!region.empty()) {
    name += '/';
    name += region;
  }
  return name;
}

}  // namespace boreal::aws
