#include "io/detail/paths.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace boreal::io::detail {

Path parent_of(const Path& path) {
  const size_t last = path.find_last_not_of('/');
  if (last == Path::npos) return "/";
  const size_t slash = path.find_last_of('/', last);
  if (slash == Path::npos) return ".";
  const size_t end = path.find_last_not_of('/', slash);
  return end == Path::npos ? "/" : path.substr(0, end + 1);
}

std::unexpected<Error> failed(int error_number, std::string_view what, std::string_view path) {
  return std::unexpected(Error::system(error_number, std::string(what).append(" ").append(path)));
}

Result<void> allowed(Operation operation, std::string_view what, std::string_view path) {
  const auto verdict = check_fault(operation, path);
  if (verdict.error_number != 0) return failed(verdict.error_number, what, path);
  return {};
}

Result<Fd> open_fd(const Path& path, int flags, unsigned permissions) {
  const bool creates = (flags & O_CREAT) != 0;
  CHECK(allowed(creates ? Operation::create : Operation::open, "open", path));
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, permissions);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return failed(errno, creates ? "create" : "open", path);
  }
}

Result<void> write_all(int fd, Bytes data, const Path& path) {
  while (!data.empty()) {
    const auto verdict = check_fault(Operation::write, path);
    if (verdict.error_number != 0) return failed(verdict.error_number, "write", path);
    const ssize_t put = ::write(fd, data.data(), std::min(data.size(), verdict.max_bytes));
    if (put >= 0) {
      data = data.subspan(static_cast<size_t>(put));
    } else if (errno != EINTR) {
      return failed(errno, "write", path);
    }
  }
  return {};
}

Result<void> sync_fd(int fd, const Path& path, bool data_only) {
  CHECK(allowed(Operation::sync, "sync", path));
  const int rc = data_only ? ::fdatasync(fd) : ::fsync(fd);
  if (rc != 0) return failed(errno, "sync", path);  // EINTR too: what was written by then is unknown
  return {};
}

}  // namespace boreal::io::detail
