#include "io/owner.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/detail/paths.h"

namespace boreal::io {

using detail::failed;

Result<void> set_owner(const Path& path, uid_t uid, gid_t gid) {
  if (::lchown(path.c_str(), uid, gid) != 0) return failed(errno, "set the owner of", path);
  return {};
}

Result<void> make_owned_folder(const Path& path, uid_t uid, gid_t gid, unsigned permissions) {
  CHECK(make_folders(path, permissions));
  CHECK(set_owner(path, uid, gid));
  if (::chmod(path.c_str(), permissions) != 0) return failed(errno, "set the mode of", path);
  return {};
}

Result<void> check_reachable(const Path& path, uid_t uid, std::span<const gid_t> groups) {
  for (size_t slash = 0; slash != Path::npos; slash = path.find('/', slash + 1)) {
    const Path folder = slash == 0 ? "/" : path.substr(0, slash);
    struct stat info{};
    if (::stat(folder.c_str(), &info) != 0) return failed(errno, "look at", folder);
    const bool in_group = std::ranges::find(groups, info.st_gid) != groups.end();
    const mode_t bit = info.st_uid == uid ? S_IXUSR : in_group ? S_IXGRP : S_IXOTH;
    if (uid != 0 && (info.st_mode & bit) == 0) {
      return fail(Errc::denied, "the user with id " + std::to_string(uid) + " may not enter " + folder +
                                    ", which is on the way to " + path);
    }
  }
  return {};
}

Result<std::string> read_private_file(const Path& path, uint64_t max_bytes) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return failed(errno, "look at", path);
  if ((info.st_mode & 077) != 0) {
    return fail(Errc::denied, fmt::format("{} may be read by others (mode {:o}); run: chmod 600 {}", path,
                                          info.st_mode & 0777, path));
  }
  return read_file(path, max_bytes);
}

}  // namespace boreal::io
