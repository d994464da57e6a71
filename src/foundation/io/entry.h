// What a file system tells of one of its entries.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "io/file.h"

namespace boreal::io {

struct Entry {
  uint64_t size = 0;  // bytes, of a file
  Time modified;      // by the system's clock, to the second
};
// Follows links; nullopt: there is nothing. Blocks.
Result<std::optional<Entry>> entry_at(const Path& path);

}  // namespace boreal::io
