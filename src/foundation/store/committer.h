// Group commit: one thread takes all batches that wait, writes them as one RocksDB batch with one fsync, and
// sends their coroutines home. While a group is on its way to the disk the next one gathers.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "store/store.h"

namespace boreal::store {

class Committer {
 public:
  // `bulk` is the column family of bulk; `rest` as Options::rest_before_tidying.
  Committer(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& bulk, Duration rest) : db_(db), bulk_(bulk), rest_(rest) {}
  ~Committer() { stop(); }
  void start();
  void stop();  // writes what waits, then joins; later commits are refused

  // One commit that waits. Lives in the frame of the coroutine that awaits it.
  class Commit {
   public:
    Commit(Committer& committer, const Batch& batch, size_t bytes)
        : committer_(committer), batch_(batch), bytes_(bytes) {}
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      home_ = Executor::current();
      return committer_.enqueue(*this);
    }
    Result<void> await_resume() { return std::move(result_); }

   private:
    friend class Committer;
    Committer& committer_;
    const Batch& batch_;
    size_t bytes_;
    std::coroutine_handle<> handle_;
    Executor* home_ = nullptr;
    Result<void> result_;
  };

  // co_await it. The batch (of batch_bytes() == bytes) must live until then. From any thread.
  Commit commit(const Batch& batch, size_t bytes) { return Commit(*this, batch, bytes); }

  // From any thread.
  Writes writes() const { return writes_; }

 private:
  bool enqueue(Commit& commit);  // false: refused, with the reason in its result
  void loop();
  std::vector<Commit*> take_group();  // empty: stop
  Result<void> write(const std::vector<Commit*>& group);
  rocksdb::Status add(const std::string& partition, const Batch::Write& write);
  rocksdb::Status leave_trace_in_memory();
  void wait_for_flush_to_begin();
  void tidy_up();
  void set_table_limit(int tables);
  uint64_t property(rocksdb::ColumnFamilyHandle* family, const std::string& name);
  Result<void> make_ready();
  Error refuse(const rocksdb::Status& status);
  static void finish(const std::vector<Commit*>& group, const Result<void>& result);

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle& bulk_;
  const Duration rest_;
  std::mutex mutex_;
  // Shared with who is still to notify it.
  const std::shared_ptr<std::condition_variable> wake_ = std::make_shared<std::condition_variable>();
  std::deque<Commit*> queue_;
  size_t queued_bytes_ = 0;
  bool stopping_ = true;
  std::thread thread_;
  std::atomic<Writes> writes_ = Writes::go_on;

  // The rest belongs to the thread.
  std::condition_variable pause_;  // nobody notifies it
  rocksdb::WriteBatch merged_;
  bool has_rested_ = false;  // since the last group
  bool is_tidying_ = false;
  std::optional<Error> broken_;  // why nothing is written any more
  bool disk_full_ = false;
  int64_t retry_at_ns_ = 0;  // when a full disk is tried again
};

}  // namespace boreal::store
