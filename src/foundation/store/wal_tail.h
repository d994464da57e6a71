// What a power failure does to the end of RocksDB's log, told apart from damage.
#pragma once

#include "base/result.h"
#include "io/file.h"

namespace boreal::store {

// Each group of commits is one record of the log and is synced before the next one is written. So a power failure
// can spoil the last record only, by pages that never reached the disk: they are missing (RocksDB copes) or read
// as zeros. Cuts such a record, which nobody was told is written, off the newest log in the folder and returns
// true. Returns false and touches nothing when it is anything else.
Result<bool> cut_torn_tail(const io::Path& folder);

}  // namespace boreal::store
