#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "io/detail/paths.h"
#include "io/file.h"

namespace boreal::io {

using detail::allowed;
using detail::failed;

namespace {

constexpr int max_depth = 512;

Result<void> copy_by_buffer(int from, int to, const Path& from_path, const Path& to_path) {
  std::string buffer(256 << 10, '\0');
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got == 0) return {};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno, "read", from_path);
    CHECK(detail::write_all(to, as_bytes(std::string_view(buffer).substr(0, static_cast<size_t>(got))), to_path));
  }
}

// Three ways, the cheapest first: shared blocks, a copy inside the kernel, a copy through our memory.
Result<void> copy_data(int from, int to, const Path& from_path, const Path& to_path) {
  CHECK(allowed(Operation::write, "write", to_path));
  if (::ioctl(to, FICLONE, from) == 0) return {};
  constexpr size_t step_bytes = 1 << 30;
  for (bool first = true;; first = false) {
    const ssize_t moved = ::copy_file_range(from, nullptr, to, nullptr, step_bytes, 0);
    // 0 at once may be an empty file or one that the kernel cannot size (/proc): reading tells them apart.
    if (moved == 0) return first ? copy_by_buffer(from, to, from_path, to_path) : Result<void>();
    if (moved > 0 || errno == EINTR) continue;
    const bool cannot = errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
    if (first && cannot) return copy_by_buffer(from, to, from_path, to_path);
    return failed(errno, "copy " + from_path + " to", to_path);
  }
}

// Owner first: chown clears the set-id bits. Only root can give files away; for others the copy is theirs.
Result<void> copy_attributes(int to, const struct stat& info, const Path& to_path) {
  if (::fchown(to, info.st_uid, info.st_gid) != 0 && errno != EPERM) {
    return failed(errno, "set the owner of", to_path);
  }
  if (::fchmod(to, info.st_mode & 07777) != 0) return failed(errno, "set the mode of", to_path);
  const std::array times = {info.st_atim, info.st_mtim};
  if (::futimens(to, times.data()) != 0) return failed(errno, "set the times of", to_path);
  return {};
}

Result<void> copy_file(const Path& from, const Path& to) {
  TRY(const auto source, detail::open_fd(from, O_RDONLY | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return failed(errno, "stat", from);
  TRY(const auto target, detail::open_fd(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  CHECK(copy_data(source.get(), target.get(), from, to));
  return copy_attributes(target.get(), info, to);
}

Result<void> copy_link(const Path& from, const Path& to, const struct stat& info) {
  std::string target(4096, '\0');
  const ssize_t length = ::readlink(from.c_str(), target.data(), target.size());
  if (length < 0) return failed(errno, "read link", from);
  target.resize(static_cast<size_t>(length));
  CHECK(allowed(Operation::create, "create", to));
  if (::symlink(target.c_str(), to.c_str()) != 0) return failed(errno, "create link", to);
  if (::lchown(to.c_str(), info.st_uid, info.st_gid) != 0 && errno != EPERM) {
    return failed(errno, "set the owner of", to);
  }
  return {};
}

Result<void> copy_folder(const Path& from, const Path& to, int depth);

Result<void> copy_entry(const Path& from, const Path& to, int depth) {
  struct stat info{};
  if (::lstat(from.c_str(), &info) != 0) return failed(errno, "stat", from);
  if (S_ISDIR(info.st_mode)) return copy_folder(from, to, depth + 1);
  if (S_ISREG(info.st_mode)) return copy_file(from, to);
  if (S_ISLNK(info.st_mode)) return copy_link(from, to, info);
  if (S_ISSOCK(info.st_mode) || S_ISFIFO(info.st_mode)) return {};
  return fail(Errc::unsupported, "copy " + from + ": neither a file, a folder nor a link");
}

Result<void> copy_folder(const Path& from, const Path& to, int depth) {
  if (depth > max_depth) {
    return fail(Errc::too_large, "copy " + from + ": more than " + std::to_string(max_depth) + " folders deep");
  }
  CHECK(allowed(Operation::make_folder, "make folder", to));
  if (::mkdir(to.c_str(), 0700) != 0) {
    if (errno != EEXIST) return failed(errno, "make folder", to);
    TRY(const auto there, list_folder(to));
    if (!there.empty()) return fail(Errc::exists, "copy to " + to + ": the folder is there and not empty");
  }
  TRY(const auto names, list_folder(from));
  for (const auto& name : names) CHECK(copy_entry(from + "/" + name, to + "/" + name, depth));
  // Last, as each entry made in it moves its time, and its mode may forbid writing.
  TRY(const auto source, detail::open_fd(from, O_RDONLY | O_DIRECTORY));
  TRY(const auto target, detail::open_fd(to, O_RDONLY | O_DIRECTORY));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return failed(errno, "stat", from);
  return copy_attributes(target.get(), info, to);
}

Result<void> sync_below(const Path& path, int depth) {
  if (depth > max_depth) {
    return fail(Errc::too_large, "sync " + path + ": more than " + std::to_string(max_depth) + " folders deep");
  }
  TRY(const auto names, list_folder(path));
  for (const auto& name : names) {
    const Path entry = path + "/" + name;
    struct stat info{};
    if (::lstat(entry.c_str(), &info) != 0) return failed(errno, "stat", entry);
    if (S_ISDIR(info.st_mode)) CHECK(sync_below(entry, depth + 1));
    if (!S_ISREG(info.st_mode)) continue;
    TRY(const auto fd, detail::open_fd(entry, O_RDONLY | O_NOFOLLOW));
    CHECK(detail::sync_fd(fd.get(), entry, false));
  }
  return sync_folder(path);
}

}  // namespace

Result<void> copy_tree(const Path& from, const Path& to, bool durable) {
  CHECK(copy_folder(from, to, 0));
  // After the copying, not file by file: the kernel has written much of it by then.
  return durable ? sync_tree(to) : Result<void>();
}

Result<void> sync_file_system(const Path& path) {
  TRY(const auto fd, detail::open_fd(path, O_RDONLY | O_NOFOLLOW));
  CHECK(allowed(Operation::sync, "sync the file system of", path));
  if (::syncfs(fd.get()) != 0) return failed(errno, "sync the file system of", path);
  return {};
}

Result<void> sync_tree(const Path& path) {
  CHECK(sync_below(path, 0));
  return sync_folder(detail::parent_of(path));
}

}  // namespace boreal::io
