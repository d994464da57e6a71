// Files. The only module that opens, writes, syncs, renames or removes them, so that every write and
// every fsync can be made to fail in a test (fault.h). All calls block: run them on a Pool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace boreal::io {

using Path = std::string;

// An open file; closes itself. Movable. One thread at a time, but pread from several is fine.
class File {
 public:
  enum class Mode { read, write_new, read_write };  // write_new fails if it exists; read_write makes it

  static Result<File> open(const Path& path, Mode mode, unsigned permissions = 0600);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  Result<size_t> read_at(uint64_t offset, MutableBytes out) const;  // 0 at the end
  Result<void> read_exactly_at(uint64_t offset, MutableBytes out) const;  // Errc::corrupt when short
  Result<void> write_at(uint64_t offset, Bytes data);
  Result<void> append(Bytes data);
  // fdatasync. After a failure the file's state is unknown: never retry it as success (docs/on-disk.md).
  Result<void> sync();
  Result<uint64_t> size() const;
  Result<void> truncate(uint64_t size);
  int fd() const { return fd_; }

 private:
  explicit File(int fd, Path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  Path path_;
};

Result<std::string> read_file(const Path& path, uint64_t max_bytes = 64 << 20);
// Written beside, synced, renamed over, folder synced: after a crash the file is the old or the new one, whole.
Result<void> write_file_atomically(const Path& path, std::string_view content, unsigned permissions = 0600);
Result<void> make_folders(const Path& path, unsigned permissions = 0700);  // like mkdir -p
Result<void> sync_folder(const Path& path);
Result<void> remove_file(const Path& path);                    // Errc::not_found if it is not there
Result<void> remove_tree(const Path& path);                    // does not follow links; fine if it is not there
Result<void> rename(const Path& from, const Path& to);         // both folders synced
Result<bool> exists(const Path& path);
Result<std::vector<std::string>> list_folder(const Path& path);  // names, sorted, without . and ..
// Copies a folder with owners, modes and times (reflink where the file system can); synced when asked.
Result<void> copy_tree(const Path& from, const Path& to, bool durable);
Result<uint64_t> free_bytes(const Path& path);

// Held while the process lives; Errc::conflict names the pid of the holder.
class FolderLock {
 public:
  static Result<FolderLock> take(const Path& folder);
  FolderLock(FolderLock&&) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace boreal::io
