// What the tests of the store share.
#pragma once

#include <stdexcept>
#include <string>

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
