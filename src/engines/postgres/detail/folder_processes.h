// Who works in a data directory.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace boreal::postgres::detail {

// Every process whose working folder is `data`. All processes of a server change there when they begin, and each makes
// a process group of its own: neither parent nor group finds them all once the first one is dead. So does every tool
// that writes there. But not what somebody runs there in a terminal. Blocks.
Result<std::vector<pid_t>> processes_in(const io::Path& data);

// The same for all data directories below `folder`. Blocks.
Result<std::vector<pid_t>> processes_below(const io::Path& folder);

// The server's first process, as its postmaster.pid names it; nullopt when there is no such file or it is left over.
Result<std::optional<pid_t>> running_server(const io::Path& data);

// The System V segment that the server has, or was killed with, as its postmaster.pid names it; nullopt without either.
struct SharedMemory {
  key_t key;
  int id;
};
Result<std::optional<SharedMemory>> shared_memory_of(const io::Path& data);

// The name of the WAL segment that a server's recovery waits for, as the title of its process says; empty: for none.
Result<std::string> awaited_segment(const io::Path& data);

// Whether the server whose first process is `pid` has said in postmaster.pid that it takes connections.
Result<bool> says_ready(const io::Path& data, pid_t pid);

}  // namespace boreal::postgres::detail
