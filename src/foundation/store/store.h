// Ordered keys with atomic, durable batches: the catalog and the object index live here.
// Embedded it is RocksDB (open_store) with an in-memory twin for tests (memory_store); a distributed
// store may stand under it later, so: no batch across partitions, no local path in a value.
//
// A partition is the unit of atomicity; its name is the first part of every key and holds no NUL.
// Keys order by bytes. Beside its ordered keys a partition has bulk: values that are long, written once and read whole,
// found by their exact key only. It is kept apart, so that walks do not pass over it.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "io/file.h"
#include "io/pool.h"

namespace boreal::store {

// What is refused with Errc::too_large.
inline constexpr size_t max_key_bytes = 16 << 10;
inline constexpr size_t max_batch_bytes = 32 << 20;  // keys and values of one batch

// What is written together or not at all, in one partition.
class Batch {
 public:
  struct Write {
    std::string key;
    std::optional<std::string> value;  // none: the key goes
    bool is_bulk = false;
  };

  explicit Batch(std::string partition) : partition_(std::move(partition)) {}
  void put(std::string key, std::string value) { writes_.emplace_back(std::move(key), std::move(value)); }
  void remove(std::string key) { writes_.emplace_back(std::move(key), std::nullopt); }
  // Keys that grow from one commit to the next cost least.
  void put_bulk(std::string key, std::string value) { writes_.emplace_back(std::move(key), std::move(value), true); }
  void remove_bulk(std::string key) { writes_.emplace_back(std::move(key), std::nullopt, true); }
  void append(Batch other) { std::ranges::move(other.writes_, std::back_inserter(writes_)); }  // of the same partition
  bool empty() const { return writes_.empty(); }
  const std::string& partition() const { return partition_; }
  const std::vector<Write>& writes() const { return writes_; }

 private:
  std::string partition_;
  std::vector<Write> writes_;
};

// A view of the store that does not change. Cheap; do not keep for hours (it pins old data). Gone before its
// store goes.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

// Walks keys in order, as they were when the cursor was made. Reads may touch the disk: long walks belong on
// the pool. A step beyond either end makes it invalid; only seek() and seek_before() make it valid again.
// One thread at a time; gone before its store goes.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void seek(std::string_view key) = 0;         // to the first key >= key within the range
  virtual void seek_before(std::string_view key) = 0;  // to the last key < key within the range
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;  // without the partition; good until the cursor moves
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
  virtual void previous() = 0;
  virtual Result<void> status() const = 0;  // why valid() is false, if it is not the end
};

// Called after so many bytes were read; may wait. False: stop here.
using CheckStep = std::function<Task<bool>(uint64_t bytes)>;

// Whether commits are taken, as the last one that was tried has shown.
enum class Writes { go_on, wait_for_room, ended };

// Thread rule: all members may be called from any thread.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                                 const Snapshot* at = nullptr) const = 0;
  virtual Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                                      const Snapshot* at = nullptr) const = 0;
  // Ordered keys of the partition that begin with `prefix`, standing at the first.
  virtual std::unique_ptr<Cursor> scan(std::string_view partition, std::string_view prefix,
                                       const Snapshot* at = nullptr) const = 0;
  virtual std::unique_ptr<Snapshot> snapshot() const = 0;
  // Returns when the batch is on the disk (fsynced); concurrent commits share fsyncs. After an error the
  // batch may or may not be there after a restart. If the log could not be written or synced, the store refuses
  // further writes until it is opened anew; a full disk (Errc::no_space) is the exception: it tries again when
  // there is room. Errc::unavailable when too many writes wait. Reads go on in any case.
  virtual Task<Result<void>> commit(Batch batch) = 0;
  // Those that hold anything, in order.
  virtual Result<std::vector<std::string>> partitions() const = 0;
  // Drops a whole partition, bulk first. Not atomic with anything; finishes after a crash when called again.
  virtual Task<Result<void>> drop_partition(std::string_view partition) = 0;
  // Reads what lies on the disk and compares it with the checksums that were taken when it was written: all but the log
  // and the manifest, which are checked at each start. Errc::corrupt names what is damaged.
  virtual Task<Result<void>> check(CheckStep step) const = 0;
  virtual Writes writes() const { return Writes::go_on; }
};

struct Options {
  io::Path folder;
  size_t cache_bytes = 32 << 20;
  size_t write_buffer_bytes = 8 << 20;  // two of these at most
  Duration rest_before_tidying = std::chrono::seconds(2);  // without a commit; then walks are made cheap again
};
// Blocks (recovery reads the log): at start-up, or on the pool. Errc::corrupt when the log or the tables are not
// what was written, Errc::conflict when another process has the folder open. The pool outlives the store, and so
// do the executors that await its commits. A coroutine without an executor goes on on the store's own thread.
Result<std::unique_ptr<Store>> open_store(const Options& options, io::Pool& pool);
std::unique_ptr<Store> memory_store();

// Stands nowhere; status() is the error. What scan() answers when it cannot begin.
std::unique_ptr<Cursor> invalid_cursor(Error error);

}  // namespace boreal::store
