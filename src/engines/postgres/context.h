// What all parts of this module work with; made once, outlives them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "io/pool.h"
#include "net/loop.h"
#include "process/user.h"

namespace boreal::postgres {

struct Context {
  net::Loop& loop;
  io::Pool& pool;
  std::string admin;                  // the superuser role; only reachable on this machine, through a socket file
  std::optional<process::User> user;  // whom servers run as; nullopt: as whom we run
  std::vector<std::string> peers;     // the system users that may be the admin: us, and the servers' user

  uid_t uid() const;
  gid_t gid() const;

  // PostgreSQL refuses to run as root: then its servers run as `root_substitute`. Errc::not_found if there is no such
  // user. Blocks (looks users up).
  static Result<Context> make(net::Loop& loop, io::Pool& pool, std::string admin,
                              std::string root_substitute = "postgres");
};

// Makes a folder that servers' processes own.
Result<void> make_server_folder(const Context& context, const io::Path& path);
// Writes a file that servers may read and not change (when they run as another user than we).
Result<void> write_for_server(const Context& context, const io::Path& path, std::string_view content);

// Writes a file in a data directory, which servers and their tools may change.
Result<void> write_in_data(const Context& context, const io::Path& path, std::string_view content);

}  // namespace boreal::postgres
