#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/detail/paths.h"
#include "io/file.h"

namespace boreal::io {

Result<FolderLock> FolderLock::take(const Path& folder) {
  const Path path = folder + "/lock";
  TRY(auto fd, detail::open_fd(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return detail::failed(errno, "lock", path);
    auto holder = read_file(path, 64);
    const std::string pid = holder && !holder->empty() ? holder->substr(0, holder->find('\n')) : "unknown";
    return fail(Errc::conflict, "the folder " + folder + " is in use by the process with pid " + pid);
  }
  // For the message above only; the lock itself is the kernel's.
  if (::ftruncate(fd.get(), 0) != 0) return detail::failed(errno, "truncate", path);
  CHECK(detail::write_all(fd.get(), as_bytes(std::to_string(::getpid()) + "\n"), path));
  return FolderLock(fd.release());
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace boreal::io
