#include "process/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

namespace boreal::process {

Result<User> find_user(const std::string& name) {
  std::string buffer(16 << 10, '\0');
  passwd entry{};
  passwd* found = nullptr;
  const int rc = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (rc != 0) return std::unexpected(Error::system(rc, "look up the user " + name));
  if (found == nullptr) return fail(Errc::not_found, "there is no user '" + name + "' on this machine");
  User user{.name = name, .uid = entry.pw_uid, .gid = entry.pw_gid, .home = entry.pw_dir};
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  if (::getgrouplist(name.c_str(), entry.pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));  // it has told how many there are
    if (::getgrouplist(name.c_str(), entry.pw_gid, user.groups.data(), &count) < 0) {
      return fail(Errc::io, "the groups of the user '" + name + "' changed while they were read");
    }
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

bool is_root() { return ::geteuid() == 0; }

}  // namespace boreal::process
