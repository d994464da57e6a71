// How much room there is.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "io/file.h"

namespace boreal::io {

// Of the file system that holds the path.
struct Space {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // what an ordinary user may still write
};
Result<Space> space_at(const Path& path);  // blocks

}  // namespace boreal::io
