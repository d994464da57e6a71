// What this process takes of the machine, as the system counts it.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace boreal::process {

struct Usage {
  uint64_t resident_bytes = 0;
  double processor_seconds = 0;  // user and system, since the start
  uint64_t threads = 0;
  uint64_t open_files = 0;
  uint64_t max_open_files = 0;  // before opening fails
};

// Blocks: reads /proc.
Result<Usage> own_usage();

}  // namespace boreal::process
