// The store on disk: RocksDB 7.8, of which only puts, deletes, batches, iterators and snapshots are used.
// What lies where, and when it is synced: docs/on-disk.md.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <set>

#include "base/log.h"
#include "crypto/crc.h"
#include "store/committer.h"
#include "store/file_system.h"
#include "store/keys.h"
#include "store/log_check.h"
#include "store/status.h"
#include "store/store.h"
#include "store/table_check.h"

namespace boreal::store {

namespace {

constexpr std::string_view format_text = "boreal store 2\n";
constexpr size_t drop_page_keys = 1000;

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
};

rocksdb::ReadOptions read_options(const Snapshot* at) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  if (at) options.snapshot = static_cast<const RocksSnapshot*>(at)->get();
  return options;
}

class RocksCursor final : public Cursor {
 public:
  RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view partition, std::string_view prefix,
              const Snapshot* at)
      : partition_(partition), begin_(join_key(partition, prefix)), end_(end_of_prefix(begin_)) {
    begin_slice_ = begin_;
    end_slice_ = end_;
    auto options = read_options(at);
    options.iterate_lower_bound = &begin_slice_;
    options.iterate_upper_bound = &end_slice_;
    iterator_.reset(db.NewIterator(options, family));
    iterator_->SeekToFirst();
  }

  void seek(std::string_view key) override {
    auto joined = join_key(partition_, key);
    iterator_->Seek(std::max(joined, begin_));  // at or behind the end it becomes invalid by itself
  }
  void seek_before(std::string_view key) override {
    auto joined = join_key(partition_, key);
    if (joined >= end_) return iterator_->SeekToLast();
    iterator_->SeekForPrev(joined);
    if (iterator_->Valid() && iterator_->key() == rocksdb::Slice(joined)) iterator_->Prev();
  }
  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return iterator_->key().ToStringView().substr(partition_.size() + 1); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  void next() override {
    if (iterator_->Valid()) iterator_->Next();
  }
  void previous() override {
    if (iterator_->Valid()) iterator_->Prev();
  }
  Result<void> status() const override {
    if (auto status = iterator_->status(); !status.ok()) {
      return std::unexpected(to_error(status).within("scan partition " + partition_));
    }
    return {};
  }

 private:
  std::string partition_;
  std::string begin_, end_;
  rocksdb::Slice begin_slice_, end_slice_;  // RocksDB keeps pointers to these
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// Tells the log what goes wrong behind the scenes, and leaves the way out of errors that stop writes to the
// committer, so that it alone decides which of them may be left at all.
class ErrorListener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    log::error("store", "background work failed", {{"status", status->ToString()}});
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status status, bool* automatic) override {
    if (status.severity() >= rocksdb::Status::Severity::kHardError) *automatic = false;
  }
};

// RocksDB's own log file would be one more that grows, and its writer aborts the process when a full disk fails it
// twice.
class Messages final : public rocksdb::Logger {
 public:
  Messages() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 2048> text;
    if (std::vsnprintf(text.data(), text.size(), format, arguments) > 0) {
      log::warn("store", "the database says", {{"text", text.data()}});
    }
  }
};

rocksdb::Options rocksdb_options(const Options& options, rocksdb::Env* env, std::shared_ptr<TableWatch> watch) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes, /*num_shard_bits=*/2, /*strict_capacity_limit=*/false,
                                           /*high_pri_pool_ratio=*/0.5);  // for indexes and filters
  table.cache_index_and_filter_blocks = true;  // else they grow with the data, outside of every limit
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;

  rocksdb::Options rocks;
  rocks.env = env;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocks.compression = rocksdb::kLZ4Compression;
  rocks.level_compaction_dynamic_level_bytes = true;
  // Files full of tombstones slow scans down until they are compacted: do that soon.
  rocks.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512));
  rocks.write_buffer_size = options.write_buffer_bytes;
  rocks.db_write_buffer_size = 2 * options.write_buffer_bytes;
  rocks.memtable_prefix_bloom_size_ratio = 0.02;  // most keys that are asked for before a write are not there
  rocks.memtable_whole_key_filtering = true;
  rocks.max_background_jobs = 2;
  rocks.max_open_files = 256;
  rocks.max_file_opening_threads = 2;
  rocks.bytes_per_sync = 1 << 20;
  rocks.max_total_wal_size = 32 << 20;
  rocks.max_manifest_file_size = 4 << 20;
  rocks.info_log = std::make_shared<Messages>();
  rocks.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();  // for check_tables()
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.skip_stats_update_on_db_open = true;
  rocks.paranoid_checks = true;
  // check_logs() has cut off what a crash left; nothing else may be wrong.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  rocks.max_bgerror_resume_count = 0;
  rocks.avoid_flush_during_shutdown = true;  // the log has it all
  rocks.listeners = {std::make_shared<ErrorListener>(), std::move(watch)};
  return rocks;
}

// Bulk is encrypted or packed already, and is asked for by whole keys. As keys grow from commit to commit, tables do
// not overlap and go down the levels without being written again.
rocksdb::ColumnFamilyOptions bulk_options(const rocksdb::Options& ordered) {
  rocksdb::ColumnFamilyOptions bulk(ordered);
  bulk.compression = rocksdb::kNoCompression;
  // Nobody walks here: tables are compacted for their tombstones to give room back only, when they hold little else.
  bulk.table_properties_collector_factories = {rocksdb::NewCompactOnDeletionCollectorFactory(8192, 6144)};
  return bulk;
}

// Ordered keys are the default column family, bulk is one of its own. Handles go before the database does.
struct Database {
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<rocksdb::ColumnFamilyHandle> ordered, bulk;
};

class RocksStore final : public Store {
 public:
  RocksStore(io::FolderLock lock, std::unique_ptr<rocksdb::Env> env, Database database,
             std::shared_ptr<TableWatch> watch, io::Pool& pool, Duration rest)
      : lock_(std::move(lock)),
        env_(std::move(env)),
        database_(std::move(database)),
        db_(*database_.db),
        watch_(std::move(watch)),
        pool_(pool),
        committer_(db_, *database_.bulk, rest) {
    committer_.start();
  }
  ~RocksStore() override {
    committer_.stop();
    database_.ordered.reset();
    database_.bulk.reset();
    if (auto status = db_.Close(); !status.ok()) {
      log::error("store", "closing failed; the log holds all that was committed", {{"status", status.ToString()}});
    }
  }

  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const Snapshot* at) const override {
    return get_from(database_.ordered.get(), partition, key, at);
  }
  Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                              const Snapshot* at) const override {
    return get_from(database_.bulk.get(), partition, key, at);
  }

  std::unique_ptr<Cursor> scan(std::string_view partition, std::string_view prefix, const Snapshot* at) const override {
    if (auto good = check_partition(partition); !good) return invalid_cursor(std::move(good).error());
    return std::make_unique<RocksCursor>(db_, database_.ordered.get(), partition, prefix, at);
  }

  std::unique_ptr<Snapshot> snapshot() const override { return std::make_unique<RocksSnapshot>(db_); }

  Task<Result<void>> commit(Batch batch) override {
    CO_CHECK(check_batch(batch));
    if (batch.empty()) co_return {};
    co_return co_await committer_.commit(batch, batch_bytes(batch));
  }

  Writes writes() const override { return committer_.writes(); }

  Result<std::vector<std::string>> partitions() const override {
    std::set<std::string> names;
    CHECK(add_partitions(database_.ordered.get(), names));
    CHECK(add_partitions(database_.bulk.get(), names));
    return std::vector(names.begin(), names.end());
  }

  Task<Result<void>> drop_partition(std::string_view partition) override { return drop(std::string(partition)); }
  Task<Result<void>> check(CheckStep step) const override { return check_tables(db_, pool_, *watch_, std::move(step)); }

 private:
  // Page by page, each durable: after a crash the rest is found and dropped by the next call.
  Task<Result<void>> drop(std::string partition) {
    CO_CHECK(check_partition(partition));
    for (const bool is_bulk : {true, false}) {
      std::string from;
      while (true) {
        CO_TRY(auto keys, co_await pool_.run([&] { return keys_from(partition, from, is_bulk); }));
        if (keys.empty()) break;
        from = keys.back();  // walks on from here, not again over all that was deleted
        Batch batch(partition);
        for (auto& key : keys) is_bulk ? batch.remove_bulk(std::move(key)) : batch.remove(std::move(key));
        CO_CHECK(co_await commit(std::move(batch)));
      }
    }
    co_return {};
  }

  Result<std::vector<std::string>> keys_from(const std::string& partition, const std::string& from,
                                             bool is_bulk) const {
    std::vector<std::string> keys;
    RocksCursor cursor(db_, (is_bulk ? database_.bulk : database_.ordered).get(), partition, "", nullptr);
    for (cursor.seek(from); cursor.valid() && keys.size() < drop_page_keys; cursor.next())
      keys.emplace_back(cursor.key());
    CHECK(cursor.status());
    return keys;
  }

  // With one seek for each.
  Result<void> add_partitions(rocksdb::ColumnFamilyHandle* family, std::set<std::string>& names) const {
    const std::unique_ptr<rocksdb::Iterator> iterator(db_.NewIterator(read_options(nullptr), family));
    for (iterator->SeekToFirst(); iterator->Valid();) {
      const auto key = iterator->key().ToStringView();
      const auto end = key.find('\0');
      if (end == key.npos)
        return fail(Errc::corrupt, fmt::format("a stored key of {} bytes has no partition", key.size()));
      std::string name(key.substr(0, end));
      iterator->Seek(name + '\x01');
      names.insert(std::move(name));
    }
    if (auto status = iterator->status(); !status.ok()) {
      return std::unexpected(to_error(status).within("list partitions"));
    }
    return {};
  }

  Result<std::optional<std::string>> get_from(rocksdb::ColumnFamilyHandle* family, std::string_view partition,
                                              std::string_view key, const Snapshot* at) const {
    CHECK(check_partition(partition));
    std::string value;
    auto status = db_.Get(read_options(at), family, join_key(partition, key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(to_error(status).within(fmt::format("read from partition {}", partition)));
    return value;
  }

  io::FolderLock lock_;
  std::unique_ptr<rocksdb::Env> env_;  // outlives the database
  Database database_;
  rocksdb::DB& db_;
  std::shared_ptr<TableWatch> watch_;
  io::Pool& pool_;
  Committer committer_;
};

// Whether the folder is one of ours and how far it is: true when it was used before.
Result<bool> check_format(const io::Path& file) {
  TRY(bool there, io::exists(file));
  if (!there) return false;
  TRY(auto text, io::read_file(file, 4096));
  if (text != format_text) {
    return fail(Errc::unsupported, fmt::format("{} says \"{}\"; this program reads \"{}\"", file, text.substr(0, 64),
                                               format_text.substr(0, format_text.size() - 1)));
  }
  return true;
}

// RocksDB writes CURRENT and OPTIONS under names of their own first, and never removes an OPTIONS that a crash left so.
Result<void> remove_unfinished(const io::Path& folder) {
  TRY(const auto names, io::list_folder(folder));
  for (const auto& name : names) {
    if (name.ends_with(".dbtmp")) CHECK(io::remove_file(folder + "/" + name));
  }
  return {};
}

Result<Database> open_rocksdb(const rocksdb::Options& options, const io::Path& folder) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, options},
                                                                 {"bulk", bulk_options(options)}};
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  auto status = rocksdb::DB::Open(options, folder, families, &handles, &db);
  if (!status.ok()) return std::unexpected(to_error(status));
  Database database;
  database.db.reset(db);
  database.ordered.reset(handles[0]);
  database.bulk.reset(handles[1]);
  return database;
}

// Without FORMAT nobody can tell how what is there was written; a first start that was cut short has left nothing.
Result<void> check_unused(const Database& database, const io::Path& format_file) {
  for (auto* family : {database.ordered.get(), database.bulk.get()}) {
    const std::unique_ptr<rocksdb::Iterator> iterator(database.db->NewIterator(read_options(nullptr), family));
    iterator->SeekToFirst();
    if (iterator->Valid()) {
      return fail(Errc::unsupported, fmt::format("{} is missing, but the database beside it holds data: put it back "
                                                 "from the copy that this folder was made of",
                                                 format_file));
    }
    if (auto status = iterator->status(); !status.ok()) return std::unexpected(to_error(status));
  }
  return {};
}

Result<std::unique_ptr<Store>> open_in(const Options& options, io::Pool& pool) {
  auto database = options.folder + "/rocksdb";
  auto format_file = options.folder + "/FORMAT";
  CHECK(io::make_folders(database));
  TRY(auto lock, io::FolderLock::take(options.folder));
  TRY(bool used, check_format(format_file));
  auto env = make_env();
  const auto watch = std::make_shared<TableWatch>();
  auto rocks = rocksdb_options(options, env.get(), watch);
  // A used folder whose database is gone must not come up empty.
  rocks.create_if_missing = rocks.create_missing_column_families = !used;
  CHECK(check_logs(database));
  CHECK(remove_unfinished(database));
  TRY(auto opened, open_rocksdb(rocks, database));
  if (!used) {
    CHECK(check_unused(opened, format_file));
    CHECK(io::write_file_atomically(format_file, format_text));
  }
  return std::make_unique<RocksStore>(std::move(lock), std::move(env), std::move(opened), watch, pool,
                                      options.rest_before_tidying);
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Options& options, io::Pool& pool) {
  auto store = open_in(options, pool);
  if (!store && store.error().code() == Errc::no_space) {
    return std::unexpected(std::move(store).error().within(
        "the disk is full, and a start has to write what the log holds: make some room, then start again: open store " +
        options.folder));
  }
  if (!store) return std::unexpected(std::move(store).error().within("open store " + options.folder));
  return store;
}

}  // namespace boreal::store

// Debian builds RocksDB for the oldest of 64-bit processors, so that it computes the CRC of each record, block and file
// without the instruction for it: at 4 KiB a record that was a tenth of all work of a put. The dynamic linker takes the
// program's function of a name for the library's, so the library's calls come here (store_test sees that they do).
namespace rocksdb::crc32c {
uint32_t Extend(uint32_t before, const char* data, size_t size);
[[gnu::visibility("default")]] uint32_t Extend(uint32_t before, const char* data, size_t size) {
  return boreal::crypto::crc32c(boreal::as_bytes(std::string_view(data, size)), before);
}
}  // namespace rocksdb::crc32c

#if __has_feature(thread_sanitizer)
// RocksDB and what it calls are not built with the sanitizer: it sees the memory they copy, but not the atomics that
// order the copies, and would take every block of the cache for a race.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:librocksdb.so\ncalled_from_lib:liblz4.so\ncalled_from_lib:libstdc++.so\nrace:rocksdb::\n";
}
#endif
