// Whose a file is, and who can reach it: for helpers that run as another user than we do. All calls block.
#pragma once

#include <sys/types.h>

#include <span>

#include "base/result.h"
#include "io/file.h"

namespace boreal::io {

// Gives a file or folder (a link itself, not what it names) to an owner. Only root can give to others.
Result<void> set_owner(const Path& path, uid_t uid, gid_t gid);

// Like make_folders for the last folder alone: it may exist, and has this owner and mode afterwards.
Result<void> make_owned_folder(const Path& path, uid_t uid, gid_t gid, unsigned permissions);

// Whether this user may enter every folder on the way to `path`, which is absolute; Errc::denied names the first
// that it may not. Looks at the permission bits only.
Result<void> check_reachable(const Path& path, uid_t uid, std::span<const gid_t> groups);

// A file that is a secret: Errc::denied, with what to do, if anybody but its owner may read it.
Result<std::string> read_private_file(const Path& path, uint64_t max_bytes);

}  // namespace boreal::io
