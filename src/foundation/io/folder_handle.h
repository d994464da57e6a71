// A folder held open: for ioctls on it, and for a short name of what lies in it (socket addresses have 107 bytes at most).
#pragma once

#include <string>

#include "io/file.h"

namespace boreal::io {

class FolderHandle {
 public:
  // is_open() is false when it cannot be opened; errno says why.
  explicit FolderHandle(const Path& folder);
  ~FolderHandle();
  FolderHandle(const FolderHandle&) = delete;
  FolderHandle& operator=(const FolderHandle&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // "/proc/self/fd/7": good while this lives, in this process.
  std::string short_name() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace boreal::io
