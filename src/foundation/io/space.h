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

// A file that takes up so many bytes and holds nothing: what the disk keeps for whoever removes it. Fine if it is there
// already. Errc::no_space, and no file, if there is not as much room; Errc::unsupported where the file system cannot.
Result<void> occupy(const Path& path, uint64_t bytes);  // blocks

}  // namespace boreal::io
