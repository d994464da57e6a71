// The folder of a tier on the disk, and what is known of whether it keeps what it is told to.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "io/file.h"

namespace boreal::objects {

// Thread rule: all of it may be called from any thread, and blocks.
class TierFolder {
 public:
  TierFolder(std::string tier, io::Path path) : tier_(std::move(tier)), path_(std::move(path)) {}
  const std::string& tier() const { return tier_; }
  const io::Path& path() const { return path_; }
  // An empty folder in it that tells it from one where nothing is mounted.
  io::Path mark() const { return path_ + "/tier-" + tier_; }

  // The folder of those blobs whose salt begins with this byte.
  io::Path folder_of(uint8_t first) const;
  // Before the first blob of a run: all of these folders, and the mark, are there and stay. They are synced once in
  // each run, for who made them may have been killed before.
  Result<void> prepare();
  // Makes what was made or removed in this folder, or in all of them, durable. When one could not be synced the kernel
  // may have dropped what was to be written, and tells nobody else: from then on all of these are errors.
  Result<void> sync(const io::Path& folder) { return judge(io::sync_folder(folder)); }
  bool has_failed() const { return has_failed_; }
  Result<void> sync_all() { return judge(io::sync_file_system(path_ + "/.")); }

 private:
  Result<void> check_works() const;
  Result<void> judge(Result<void> synced);

  const std::string tier_;
  const io::Path path_;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;
  std::atomic<bool> is_prepared_ = false;
};

}  // namespace boreal::objects
