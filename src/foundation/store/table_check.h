// Whole tables compared with their checksums. RocksDB checks each block that it reads; a damaged byte that no read has
// come to yet, or that belongs to no block, it does not see.
#pragma once

#include <rocksdb/db.h>

#include "base/result.h"
#include "base/task.h"
#include "io/pool.h"
#include "store/store.h"

namespace boreal::store {

// All tables that make up the database now. Errc::corrupt names the damaged file.
Task<Result<void>> check_tables(rocksdb::DB& db, io::Pool& pool, CheckStep step);

}  // namespace boreal::store
