// Whole tables compared with their checksums. RocksDB checks each block that it reads; a damaged byte that no read has
// come to yet, or that belongs to no block, it does not see.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <mutex>
#include <optional>

#include "base/result.h"
#include "base/task.h"
#include "io/pool.h"
#include "store/store.h"

namespace boreal::store {

// Looks at tables before they are merged: what was wrong with one would be gone with it, and nobody would learn that the
// disk is not to be trusted. Merging itself finds only what it reads.
// Thread rule: any thread.
class TableWatch final : public rocksdb::EventListener {
 public:
  void OnCompactionBegin(rocksdb::DB* db, const rocksdb::CompactionJobInfo& job) override;
  // The first that was damaged since the store was opened, if one was.
  std::optional<Error> damage() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> damage_;
};

// What `watch` has seen, and all tables that make up the database now. Errc::corrupt names the damaged file.
Task<Result<void>> check_tables(rocksdb::DB& db, io::Pool& pool, const TableWatch& watch, CheckStep step);

}  // namespace boreal::store
