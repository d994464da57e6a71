// Ending servers that are not asked, and giving back what they cannot.
#pragma once

#include "base/task.h"
#include "postgres/context.h"

namespace boreal::postgres::detail {

// Kills whoever works in a data directory; returns when nobody does.
Task<Result<void>> end_processes_in(const Context& context, io::Path data);

// The same for all data directories below a folder.
Task<Result<void>> end_processes_below(const Context& context, io::Path folder);

// Only what killed servers in the data directories below a folder left in the kernel. Blocks.
void release_shared_memory_below(const io::Path& folder);

}  // namespace boreal::postgres::detail
