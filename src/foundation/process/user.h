// The machine's users, for running helpers with fewer rights than ours.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace boreal::process {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // all of them, gid included
  std::string home;
};

// Errc::not_found when the machine has no such user. Blocks: it may ask the network (NSS).
Result<User> find_user(const std::string& name);
bool is_root();

}  // namespace boreal::process
