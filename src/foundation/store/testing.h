// What the tests of the store share.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/testing.h"
#include "io/testing.h"
#include "store/store.h"

namespace boreal::store {

// A folder with a store in it that can be closed, damaged and opened again.
class StoreFolder {
 public:
  // Small buffers, so that tables and their levels come about in a test.
  explicit StoreFolder(size_t write_buffer_bytes = 64 << 10) : write_buffer_bytes_(write_buffer_bytes), pool_(2) {
    pool_.start();
  }

  Result<void> open() {
    TRY(auto store, open_store(options(), pool_));
    store_ = std::move(store);
    return {};
  }
  void close() { store_.reset(); }

  Store* operator->() { return store_.get(); }
  Store& operator*() { return *store_; }
  Options options() const {
    return {.folder = folder_.path(), .cache_bytes = 1 << 20, .write_buffer_bytes = write_buffer_bytes_};
  }
  io::Path database() const { return folder_ / "rocksdb"; }
  const io::Path& folder() const { return folder_.path(); }
  io::Pool& pool() { return pool_; }

  template <class T>
  T run(Task<T> task) {
    return executor_.run(std::move(task));
  }
  Result<void> put(std::string partition, std::string_view key, std::string_view value) {
    Batch batch(std::move(partition));
    batch.put(std::string(key), std::string(value));
    return run(store_->commit(std::move(batch)));
  }

 private:
  io::TempFolder folder_;
  size_t write_buffer_bytes_;
  io::Pool pool_;
  TestExecutor executor_;
  std::unique_ptr<Store> store_;
};

// Another store, on a disk that can be full.
class FillingStore : public Store {
 public:
  explicit FillingStore(Store& inner) : inner_(inner) {}
  bool is_full = false;
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const Snapshot* at) const override {
    return inner_.get(partition, key, at);
  }
  Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                              const Snapshot* at) const override {
    return inner_.get_bulk(partition, key, at);
  }
  std::unique_ptr<Cursor> scan(std::string_view partition, std::string_view prefix, const Snapshot* at) const override {
    return inner_.scan(partition, prefix, at);
  }
  std::unique_ptr<Snapshot> snapshot() const override { return inner_.snapshot(); }
  Task<Result<void>> commit(Batch batch) override {
    if (is_full) co_return fail(Errc::no_space, "the disk is full");
    co_return co_await inner_.commit(std::move(batch));
  }
  Result<std::vector<std::string>> partitions() const override { return inner_.partitions(); }
  Task<Result<void>> drop_partition(std::string_view partition) override { return inner_.drop_partition(partition); }
  Task<Result<void>> check(CheckStep step) const override { return inner_.check(std::move(step)); }

 private:
  Store& inner_;
};

// Lets something else happen in the middle of the next change.
class MeddlingStore final : public FillingStore {
 public:
  using FillingStore::FillingStore;
  Task<Result<void>> commit(Batch batch) override {
    if (const auto work = std::exchange(meddle, nullptr)) co_await work();
    co_return co_await FillingStore::commit(std::move(batch));
  }
  std::function<Task<void>()> meddle;
};

// The path of the newest file in the folder whose name ends so. RocksDB numbers its files in six digits.
inline io::Path newest_file(const io::Path& folder, std::string_view suffix) {
  io::Path newest;
  for (const auto& name : io::list_folder(folder).value()) {
    if (name.ends_with(suffix)) newest = folder + "/" + name;
  }
  if (newest.empty()) throw std::runtime_error("no file *" + std::string(suffix) + " in " + folder);
  return newest;
}

inline void overwrite(const io::Path& path, std::string_view content) {
  auto file = io::File::open(path, io::File::Mode::read_write).value();
  if (!file.truncate(0) || !file.append(as_bytes(content))) throw std::runtime_error("cannot overwrite " + path);
}

}  // namespace boreal::store
