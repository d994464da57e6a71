// Files. The only module that opens, writes, syncs, renames or removes them, so that every write and
// every fsync can be made to fail in a test (fault.h). All calls block: run them on a Pool.
// Errors name the path. Descriptors are never inherited by child processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace boreal::io {

using Path = std::string;

// An open file; closes itself. Movable. One thread at a time, but read_at from several is fine, and sync() beside
// writes: what it made durable is what was written before it began.
class File {
 public:
  // write_new fails if it exists; read_write makes it. A file just made is durable by name only after sync_folder().
  enum class Mode { read, write_new, read_write };

  static Result<File> open(const Path& path, Mode mode, unsigned permissions = 0600);
  // To read; none if finding it would wait for the disk, or if it is not known to be there. Does not block.
  static Result<std::optional<File>> open_cached(const Path& path);
  // For a log that another process writes, or many do: made if it is not there, and every write goes to its end.
  static Result<File> open_log(const Path& path, unsigned permissions = 0600);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  Result<size_t> read_at(uint64_t offset, MutableBytes out) const;        // fewer than out.size() only at the end
  Result<void> read_exactly_at(uint64_t offset, MutableBytes out) const;  // Errc::corrupt when short
  // Fills all of `out` if that does not wait for the disk; else false, and `out` holds anything. Does not block: for
  // threads that must not.
  Result<bool> read_cached_at(uint64_t offset, MutableBytes out) const;
  Result<void> write_at(uint64_t offset, Bytes data);
  Result<void> append(Bytes data);  // at the end of the file
  // fdatasync. After a failure the file's state is unknown: every later sync() of this File fails too
  // (docs/on-disk.md).
  Result<void> sync();
  // Lets the kernel begin to write this part to the disk now; a later sync() has less to wait for. Promises nothing.
  Result<void> begin_writeback(uint64_t offset, uint64_t size);
  Result<uint64_t> size() const;
  Result<void> truncate(uint64_t size);
  int fd() const { return fd_; }
  const Path& path() const { return path_; }

 private:
  explicit File(int fd, Path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  bool sync_failed_ = false;
  Path path_;
};

Result<std::string> read_file(const Path& path, uint64_t max_bytes = 64 << 20);  // Errc::too_large past max_bytes
// Written beside (as path + ".new"), synced, renamed over, folder synced: after a crash the file is the old or the new
// one, whole. Writers of one path wait for each other. After an error either may be there.
Result<void> write_file_atomically(const Path& path, std::string_view content, unsigned permissions = 0600);
Result<void> make_folders(const Path& path, unsigned permissions = 0700);  // like mkdir -p, and durable
// In one that is there; fine if it exists. Not synced.
Result<void> make_folder(const Path& path, unsigned permissions = 0700);
Result<void> sync_folder(const Path& path);
Result<void> remove_file(const Path& path);             // Errc::not_found if it is not there; not synced
Result<void> remove_tree(const Path& path);             // does not follow links; fine if it is not there; not synced
Result<void> rename(const Path& from, const Path& to);  // replaces `to`; both folders synced
Result<bool> exists(const Path& path);                  // a link counts itself, wherever it points
Result<std::vector<std::string>> list_folder(const Path& path);  // names, sorted, without . and ..
// Copies a folder with owners, modes and times (reflink where the file system can). Links are copied as links,
// sockets and pipes left out; `to` is made, or is an empty folder. Synced when asked. After an error `to` may be there
// in part: it is the caller's to remove.
Result<void> copy_tree(const Path& from, const Path& to, bool durable);
Result<void> sync_tree(const Path& path);  // every file and folder below, and the folder that holds it
// All that was written to the file system that holds `path`, by anybody: far cheaper than sync_tree for many new files.
Result<void> sync_file_system(const Path& path);

// Held while the object lives, and let go by the kernel when the process dies, however it dies.
class FolderLock {
 public:
  // Errc::conflict names the pid of the holder. The lock is the file "lock" in the folder; it stays there.
  static Result<FolderLock> take(const Path& folder);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace boreal::io
