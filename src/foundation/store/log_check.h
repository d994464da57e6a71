// RocksDB's logs, checked by ourselves before RocksDB reads them: it takes some kinds of damage for the end of a
// log (a flipped bit in a record's length or type, for instance) and would drop all that follows in silence.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace boreal::store {

// What stands at the end of a log's text.
struct LogEnd {
  enum class Kind { whole, torn, damaged } kind;
  uint64_t at = 0;  // where the first bad record begins
};

// Each group of commits is one record and is synced before the next is written. So a crash spoils the last record
// only, and one that nobody was told is written: it is cut short, or pages of it read as zeros that never reached
// the disk. That is `torn`; anything else that is wrong is `damaged`.
LogEnd examine_log(std::string_view log);

// Examines all logs and manifests in the folder and cuts torn ends off. Errc::corrupt names the damaged file.
Result<void> check_logs(const io::Path& folder);

}  // namespace boreal::store
