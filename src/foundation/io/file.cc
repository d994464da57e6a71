#include "io/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "io/detail/paths.h"

namespace boreal::io {

using detail::allowed;
using detail::failed;

namespace {

int flags_of(File::Mode mode) {
  switch (mode) {
    case File::Mode::read: return O_RDONLY;
    case File::Mode::write_new: return O_RDWR | O_CREAT | O_EXCL;
    case File::Mode::read_write: return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

}  // namespace

Result<File> File::open(const Path& path, Mode mode, unsigned permissions) {
  TRY(auto fd, detail::open_fd(path, flags_of(mode), permissions));
  return File(fd.release(), path);
}

Result<std::optional<File>> File::open_cached(const Path& path) {
  CHECK(allowed(Operation::open, "open", path));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;  // since Linux 5.12; C libraries have no function for it
  const auto fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how));
  if (fd < 0) return std::nullopt;
  return File(static_cast<int>(fd), path);
}

Result<File> File::open_log(const Path& path, unsigned permissions) {
  TRY(auto fd, detail::open_fd(path, O_WRONLY | O_CREAT | O_APPEND, permissions));
  return File(fd.release(), path);
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), sync_failed_(other.sync_failed_), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    sync_failed_ = other.sync_failed_;
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<size_t> File::read_at(uint64_t offset, MutableBytes out) const {
  CHECK(allowed(Operation::read, "read", path_));
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      return failed(errno, "read", path_);
    }
  }
  return done;
}

Result<void> File::read_exactly_at(uint64_t offset, MutableBytes out) const {
  TRY(const size_t got, read_at(offset, out));
  if (got < out.size()) {
    return fail(Errc::corrupt, "read " + path_ + ": " + std::to_string(out.size()) + " bytes expected at offset " +
                                   std::to_string(offset) + ", the file ends after " + std::to_string(got));
  }
  return {};
}

Result<bool> File::read_cached_at(uint64_t offset, MutableBytes out) const {
  CHECK(allowed(Operation::read, "read", path_));
  const iovec part{.iov_base = out.data(), .iov_len = out.size()};
  const ssize_t got = ::preadv2(fd_, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  // Whatever else it may be, a read that waits will tell.
  return got >= 0 && static_cast<size_t>(got) == out.size();
}

Result<void> File::write_at(uint64_t offset, Bytes data) {
  while (!data.empty()) {
    const auto verdict = detail::check_fault(Operation::write, path_);
    if (verdict.error_number != 0) return failed(verdict.error_number, "write", path_);
    const ssize_t put =
        ::pwrite(fd_, data.data(), std::min(data.size(), verdict.max_bytes), static_cast<off_t>(offset));
    if (put >= 0) {
      offset += static_cast<uint64_t>(put);
      data = data.subspan(static_cast<size_t>(put));
    } else if (errno != EINTR) {
      return failed(errno, "write", path_);
    }
  }
  return {};
}

Result<void> File::append(Bytes data) {
  if (::lseek(fd_, 0, SEEK_END) < 0) return failed(errno, "seek to the end of", path_);
  return detail::write_all(fd_, data, path_);
}

Result<void> File::sync() {
  // The kernel reports a lost write once and then forgets it: a second fdatasync would say that all is well.
  if (sync_failed_) return fail(Errc::io, "sync " + path_ + ": an earlier sync failed, what is on disk is unknown");
  auto result = detail::sync_fd(fd_, path_, true);
  sync_failed_ = !result;
  return result;
}

Result<void> File::begin_writeback(uint64_t offset, uint64_t size) {
  const int flags = SYNC_FILE_RANGE_WRITE;
  if (::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), flags) == 0) return {};
  return failed(errno, "begin to write back", path_);
}

Result<uint64_t> File::size() const {
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return failed(errno, "stat", path_);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> File::truncate(uint64_t size) {
  CHECK(allowed(Operation::truncate, "truncate", path_));
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return failed(errno, "truncate", path_);
  return {};
}

Result<std::string> read_file(const Path& path, uint64_t max_bytes) {
  TRY(const auto file, File::open(path, File::Mode::read));
  std::string content;
  // Not by size(): files under /proc say 0.
  for (;;) {
    const size_t old_size = content.size();
    TRY(const uint64_t expected, file.size());
    const uint64_t room = expected > old_size ? expected - old_size + 1 : 4096;
    content.resize(std::min(old_size + room, max_bytes + 1));
    TRY(const size_t got, file.read_at(old_size, std::as_writable_bytes(std::span(content)).subspan(old_size)));
    const bool at_end = got < content.size() - old_size;
    content.resize(old_size + got);
    if (content.size() > max_bytes) {
      return fail(Errc::too_large, "read " + path + ": larger than " + std::to_string(max_bytes) + " bytes");
    }
    if (at_end) return content;
  }
}

namespace {

// Opens path + ".new" for us alone. Another writer may rename the file away between our open and our lock: then what
// we hold is already the published file, and we begin again.
Result<Fd> open_beside(const Path& beside, unsigned permissions) {
  for (;;) {
    TRY(auto fd, detail::open_fd(beside, O_RDWR | O_CREAT | O_NOFOLLOW, permissions));
    while (::flock(fd.get(), LOCK_EX) != 0) {
      if (errno != EINTR) return failed(errno, "lock", beside);
    }
    struct stat held{};
    struct stat named{};
    if (::fstat(fd.get(), &held) != 0) return failed(errno, "stat", beside);
    const bool there = ::lstat(beside.c_str(), &named) == 0;
    if (there && held.st_ino == named.st_ino && held.st_dev == named.st_dev) return fd;
  }
}

Result<void> fill_beside(int fd, const Path& beside, std::string_view content, unsigned permissions) {
  CHECK(allowed(Operation::truncate, "truncate", beside));
  if (::ftruncate(fd, 0) != 0) return failed(errno, "truncate", beside);  // what a crashed writer left
  if (::fchmod(fd, permissions) != 0) return failed(errno, "set the mode of", beside);
  CHECK(detail::write_all(fd, as_bytes(content), beside));
  return detail::sync_fd(fd, beside, false);
}

}  // namespace

Result<void> write_file_atomically(const Path& path, std::string_view content, unsigned permissions) {
  const Path beside = path + ".new";
  TRY(const auto fd, open_beside(beside, permissions));
  auto filled = fill_beside(fd.get(), beside, content, permissions);
  if (!filled) {
    ::unlink(beside.c_str());  // to give back the space on a full disk; if it stays, the next writer takes it
    return filled;
  }
  return rename(beside, path);
}

}  // namespace boreal::io
