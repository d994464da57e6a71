#include "io/folder_handle.h"

#include <fcntl.h>
#include <unistd.h>

namespace boreal::io {

FolderHandle::FolderHandle(const Path& folder) : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

FolderHandle::~FolderHandle() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace boreal::io
