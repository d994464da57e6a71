#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "io/detail/paths.h"
#include "io/entry.h"
#include "io/file.h"
#include "io/space.h"

namespace boreal::io {

using detail::allowed;
using detail::failed;

namespace {

constexpr int max_depth = 512;  // each level holds a descriptor and a stack frame

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// The names in the folder; the descriptor stays the caller's.
Result<std::vector<std::string>> names_in(int folder_fd, const Path& path) {
  const int own = ::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return failed(errno, "open", path);
  const Folder folder(::fdopendir(own));
  if (!folder) {
    ::close(own);
    return failed(errno, "list", path);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed(errno, "list", path);
  std::ranges::sort(names);
  return names;
}

Result<void> remove_entry(int folder_fd, const std::string& name, const Path& path, int depth);

Result<void> remove_folder_content(int fd, const Path& path, int depth) {
  if (depth > max_depth) {
    return fail(Errc::too_large, "remove " + path + ": more than " + std::to_string(max_depth) + " folders deep");
  }
  TRY(const auto names, names_in(fd, path));
  for (const auto& name : names) CHECK(remove_entry(fd, name, path + "/" + name, depth));
  return {};
}

// Works on descriptors: a folder that someone swaps for a link on the way leads nowhere else.
Result<void> remove_entry(int folder_fd, const std::string& name, const Path& path, int depth) {
  const Fd fd(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const bool is_folder = fd.get() >= 0;
  if (!is_folder && errno == ENOENT) return {};
  if (!is_folder && errno != ENOTDIR && errno != ELOOP) return failed(errno, "open", path);
  if (is_folder) CHECK(remove_folder_content(fd.get(), path, depth + 1));
  CHECK(allowed(Operation::remove, "remove", path));
  if (::unlinkat(folder_fd, name.c_str(), is_folder ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
    return failed(errno, "remove", path);
  }
  return {};
}

}  // namespace

Result<void> make_folders(const Path& path, unsigned permissions) {
  struct stat info{};
  const Path parent = detail::parent_of(path);
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) {
      return fail(Errc::exists, "make folder " + path + ": there is something else of that name");
    }
    // An earlier call may have ended between making it and this. Not one of ours if the parent cannot be opened.
    auto synced = sync_folder(parent);
    return !synced && synced.error().code() == Errc::denied ? Result<void>() : synced;
  }
  if (errno != ENOENT) return failed(errno, "make folder", path);
  CHECK(make_folders(parent, permissions));
  CHECK(make_folder(path, permissions));
  return sync_folder(parent);
}

Result<void> make_folder(const Path& path, unsigned permissions) {
  CHECK(allowed(Operation::make_folder, "make folder", path));
  if (::mkdir(path.c_str(), permissions) == 0) {
    // As asked for, whatever the umask: others may have to pass through.
    if (::chmod(path.c_str(), permissions) != 0) return failed(errno, "set the mode of", path);
  } else if (errno != EEXIST) {
    return failed(errno, "make folder", path);
  }
  return {};
}

Result<void> sync_folder(const Path& path) {
  TRY(const auto fd, detail::open_fd(path, O_RDONLY | O_DIRECTORY));
  return detail::sync_fd(fd.get(), path, false);
}

Result<void> remove_file(const Path& path) {
  CHECK(allowed(Operation::remove, "remove", path));
  if (::unlink(path.c_str()) != 0) return failed(errno, "remove", path);
  return {};
}

Result<void> remove_tree(const Path& path) { return remove_entry(AT_FDCWD, path, path, 0); }

Result<void> rename(const Path& from, const Path& to) {
  CHECK(allowed(Operation::rename, "rename", from));
  if (std::rename(from.c_str(), to.c_str()) != 0) return failed(errno, "rename " + from + " to", to);
  const Path from_folder = detail::parent_of(from);
  const Path to_folder = detail::parent_of(to);
  CHECK(sync_folder(to_folder));
  return from_folder == to_folder ? Result<void>() : sync_folder(from_folder);
}

Result<bool> exists(const Path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return failed(errno, "stat", path);
}

Result<std::vector<std::string>> list_folder(const Path& path) {
  TRY(const auto fd, detail::open_fd(path, O_RDONLY | O_DIRECTORY));
  return names_in(fd.get(), path);
}

Result<std::optional<Entry>> entry_at(const Path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    return Entry{.size = static_cast<uint64_t>(info.st_size), .modified = Time{info.st_mtim.tv_sec * 1000}};
  }
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<Entry>();
  return failed(errno, "look at", path);
}

Result<Space> space_at(const Path& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return failed(errno, "look for free space at", path);
  return Space{.total_bytes = static_cast<uint64_t>(info.f_blocks) * info.f_frsize,
               .available_bytes = static_cast<uint64_t>(info.f_bavail) * info.f_frsize};
}

Result<void> occupy(const Path& path, uint64_t bytes) {
  TRY(const auto fd, detail::open_fd(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const auto verdict = detail::check_fault(Operation::write, path);
  int error_number = verdict.error_number;
  if (error_number == 0 && ::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)) != 0) error_number = errno;
  if (error_number == 0) return {};
  ::unlink(path.c_str());
  if (error_number == EOPNOTSUPP) {
    return fail(Errc::unsupported, "the file system of " + path + " does not give room in advance");
  }
  return failed(error_number, "occupy", path);
}

}  // namespace boreal::io
