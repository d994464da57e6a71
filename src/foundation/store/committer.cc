#include "store/committer.h"

#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "store/keys.h"
#include "store/status.h"

namespace boreal::store {

namespace {

constexpr size_t max_waiting_commits = 16'384;
constexpr size_t max_waiting_bytes = 128 << 20;
constexpr size_t max_group_bytes = 4 << 20;  // a group beyond this only makes its first ones wait longer
constexpr int64_t full_disk_retry_ns = 250'000'000;
constexpr int longest_wait_for_flush_ms = 1000;
constexpr int usual_table_limit = 4;  // of level 0; RocksDB's default
constexpr const char* level_0_tables = "rocksdb.num-files-at-level0";

}  // namespace

void Committer::start() {
  stopping_ = false;
  thread_ = std::thread([this] {
    name_this_thread("committer");
    loop();
  });
}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_->notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Committer::enqueue(Commit& commit) {
  Executor* const home = commit.home_;  // the thread may end the commit as soon as it is in the queue
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      commit.result_ = fail(Errc::unavailable, "the store is being closed");
      return false;
    }
    if (queue_.size() >= max_waiting_commits || queued_bytes_ + commit.bytes_ > max_waiting_bytes) {
      commit.result_ = fail(Errc::unavailable, fmt::format("{} writes of {} bytes wait for the disk already; try later",
                                                           queue_.size(), queued_bytes_));
      return false;
    }
    queued_bytes_ += commit.bytes_;
    queue_.push_back(&commit);
    if (queue_.size() > 1) return true;  // the thread knows already
  }
  // Not before its executor has run what is ready: those that commit too in this turn go with the same fsync.
  if (home) {
    home->post([wake = wake_] { wake->notify_one(); });
  } else {
    wake_->notify_one();
  }
  return true;
}

void Committer::loop() {
  for (auto group = take_group(); !group.empty(); group = take_group()) {
    finish(group, write(group));
    has_rested_ = false;
    if (std::exchange(is_tidying_, false)) set_table_limit(usual_table_limit);
  }
}

std::vector<Committer::Commit*> Committer::take_group() {
  std::unique_lock lock(mutex_);
  const auto is_wanted = [&] { return stopping_ || !queue_.empty(); };
  if (!has_rested_ && !wake_->wait_for(lock, rest_, is_wanted)) {
    lock.unlock();
    tidy_up();
    lock.lock();
  }
  wake_->wait(lock, is_wanted);
  std::vector<Commit*> group;
  size_t bytes = 0;
  while (!queue_.empty() && (group.empty() || bytes + queue_.front()->bytes_ <= max_group_bytes)) {
    bytes += queue_.front()->bytes_;
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return group;
}

Result<void> Committer::write(const std::vector<Commit*>& group) {
  CHECK(make_ready());
  merged_.Clear();
  for (const Commit* commit : group) {
    for (const auto& write : commit->batch_.writes()) {
      if (auto added = add(commit->batch_.partition(), write); !added.ok()) {
        return std::unexpected(to_error(added).within("gather writes"));
      }
    }
  }
  if (auto status = leave_trace_in_memory(); !status.ok()) return std::unexpected(refuse(status));
  rocksdb::WriteOptions durable;
  durable.sync = true;
  auto status = db_.Write(durable, &merged_);
  if (status.ok()) return {};
  auto refused = refuse(status);
  if (disk_full_ && property(db_.DefaultColumnFamily(), rocksdb::DB::Properties::kNumEntriesActiveMemTable) == 0) {
    broken_ = Error(Errc::no_space, "the disk was full in the middle of a switch of logs: make room, then start again");
    writes_ = Writes::ended;
  }
  return std::unexpected(std::move(refused));
}

rocksdb::Status Committer::add(const std::string& partition, const Batch::Write& write) {
  auto* const family = write.is_bulk ? &bulk_ : db_.DefaultColumnFamily();
  const std::array<rocksdb::Slice, 3> key = {partition, rocksdb::Slice("\0", 1), write.key};
  const rocksdb::SliceParts joined(key.data(), key.size());
  if (!write.value) return merged_.Delete(family, joined);
  const rocksdb::Slice value = *write.value;
  return merged_.Put(family, joined, rocksdb::SliceParts(&value, 1));
}

// What Resume() of RocksDB 7.8 can recover from hangs on what it finds:
// - It begins a new log only if the table in memory that takes writes holds something. Else it goes on with the log
// that
//   failed, and the next write to that aborts the process.
// - A flush that was asked for but had not begun when writes were stopped never begins, and Resume() waits for it.
// So before each write to the log something goes into memory that is not logged: the deletion of a key that cannot
// exist. If a table is full, that of bulk included, this is what replaces it, and what waits until its flush has begun.
rocksdb::Status Committer::leave_trace_in_memory() {
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  auto status = db_.Delete(unlogged, rocksdb::Slice("\0", 1));
  if (status.ok()) wait_for_flush_to_begin();
  return status;
}

void Committer::wait_for_flush_to_begin() {
  std::unique_lock lock(mutex_);
  const auto is_pending = [&](rocksdb::ColumnFamilyHandle* family) {
    return property(family, rocksdb::DB::Properties::kMemTableFlushPending) != 0;
  };
  for (int i = 0; i < longest_wait_for_flush_ms; ++i) {
    if (!is_pending(db_.DefaultColumnFamily()) && !is_pending(&bulk_)) return;
    pause_.wait_for(lock, std::chrono::milliseconds(1));
  }
}

// A walk looks into each table of level 0, and one that skips from group to group does so at each skip. Under writes it
// is cheaper to let some gather; afterwards they go down.
void Committer::tidy_up() {
  has_rested_ = true;
  std::string tables;
  if (broken_ || disk_full_ || !db_.GetProperty(level_0_tables, &tables) || parse_uint(tables).value_or(0) < 2) return;
  is_tidying_ = true;
  set_table_limit(1);
}

void Committer::set_table_limit(int tables) {
  const auto status = db_.SetOptions({{"level0_file_num_compaction_trigger", fmt::format("{}", tables)}});
  if (!status.ok()) log::warn("store", "cannot change when tables are merged", {{"status", status.ToString()}});
}

uint64_t Committer::property(rocksdb::ColumnFamilyHandle* family, const std::string& name) {
  uint64_t value = 0;
  return db_.GetIntProperty(family, name, &value) ? value : 0;
}

// After an error RocksDB refuses writes on its own; its Resume() flushes what is in memory to tables and begins a
// new log, so nothing hangs on the log that failed. That is done for a full disk only: after a failed sync the
// kernel may have dropped pages it calls clean, and only a new start from what is on the disk is honest.
Result<void> Committer::make_ready() {
  if (broken_) return std::unexpected(*broken_);
  if (!disk_full_) return {};
  if (monotonic_ns() < retry_at_ns_)
    return fail(Errc::no_space, "the disk is full: nothing is written until it has room");
  auto status = db_.Resume();
  if (status.ok()) {
    disk_full_ = false;
    writes_ = Writes::go_on;
    log::info("store", "the disk has room again; writes go on");
    return {};
  }
  if (status.IsIOError() && !status.IsNoSpace()) return std::unexpected(refuse(status));  // room mends nothing of this
  retry_at_ns_ = monotonic_ns() + full_disk_retry_ns;
  return fail(Errc::no_space, fmt::format("the disk is full: {}", status.ToString()));
}

Error Committer::refuse(const rocksdb::Status& status) {
  if (status.IsNoSpace()) {
    disk_full_ = true;
    writes_ = Writes::wait_for_room;
    retry_at_ns_ = monotonic_ns() + full_disk_retry_ns;
    log::error("store", "the disk is full; writes are refused until it has room", {{"status", status.ToString()}});
    return Error(Errc::no_space, fmt::format("the disk is full: {}", status.ToString()));
  }
  // Errc::unavailable would say that nothing was tried.
  const Errc code = to_error(status).code() == Errc::unavailable ? Errc::io : to_error(status).code();
  broken_ = Error(code, fmt::format("the store takes no writes since one failed ({}): mend the disk, then start again",
                                    status.ToString()));
  writes_ = Writes::ended;
  log::error("store", "a write failed; all writes are refused until the next start", {{"status", status.ToString()}});
  return *broken_;
}

void Committer::finish(const std::vector<Commit*>& group, const Result<void>& result) {
  std::map<Executor*, std::vector<std::coroutine_handle<>>> homes;
  for (Commit* commit : group) {
    commit->result_ = result;
    homes[commit->home_].push_back(commit->handle_);
  }
  // One post for all that live on an executor. Those without one come last: they run right here.
  auto homeless = std::move(homes[nullptr]);
  homes.erase(nullptr);
  for (auto& [home, waiting] : homes) {
    home->post([handles = std::move(waiting)] {
      for (auto handle : handles) handle.resume();
    });
  }
  for (auto handle : homeless) handle.resume();
}

}  // namespace boreal::store
