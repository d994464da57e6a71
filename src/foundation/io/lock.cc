#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/detail/paths.h"
#include "io/file.h"

namespace boreal::io {

namespace {

// A child that was just made, and does not run its program yet, still has what its parent had open: it keeps the lock
// of a parent that was killed for so long, more than a moment only on a very busy machine.
constexpr Duration patience = std::chrono::seconds(10);
constexpr Duration pause = std::chrono::milliseconds(5);

// A zombie has: others see it until its parent has asked how it ended.
bool has_ended(std::string_view pid) {
  const auto stat = read_file("/proc/" + std::string(pid) + "/stat", 4096);
  if (!stat) return stat.error().code() == Errc::not_found;
  const size_t name_end = stat->rfind(") ");
  return name_end != std::string::npos && stat->substr(name_end).starts_with(") Z");
}

}  // namespace

Result<FolderLock> FolderLock::take(const Path& folder) {
  const Path path = folder + "/lock";
  TRY(auto fd, detail::open_fd(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const int64_t deadline_ns = monotonic_ns() + std::chrono::nanoseconds(patience).count();
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return detail::failed(errno, "lock", path);
    auto holder = read_file(path, 64);
    const std::string pid = holder && !holder->empty() ? holder->substr(0, holder->find('\n')) : "unknown";
    if (!has_ended(pid) || monotonic_ns() > deadline_ns) {
      return fail(Errc::conflict, "the folder " + folder + " is in use by the process with pid " + pid);
    }
    block_for(pause);
  }
  // For the message above only; the lock itself is the kernel's. Written over what is there, which a full disk takes.
  const std::string own = std::to_string(::getpid()) + "\n";
  CHECK(detail::write_all(fd.get(), as_bytes(own), path));
  if (::ftruncate(fd.get(), static_cast<off_t>(own.size())) != 0) return detail::failed(errno, "truncate", path);
  return FolderLock(fd.release());
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace boreal::io
