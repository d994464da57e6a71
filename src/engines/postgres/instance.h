// One PostgreSQL server: its folder, its configuration, its process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sync.h"
#include "postgres/config.h"
#include "postgres/connection.h"
#include "postgres/context.h"
#include "postgres/installation.h"
#include "process/process.h"

namespace boreal::postgres {

enum class StopMode {
  fast,       // ends sessions, writes everything out, sends standbys the rest
  immediate,  // as a crash: recovers at the next start
};

// Thread rule: the loop's thread. One of start, stop, adopt, kill at a time; the caller sees to it.
class Instance {
 public:
  // Called when the server ended and nobody here told it to. What happens then is the caller's policy.
  using LostHandler = std::function<void(Instance&)>;

  // The folder's data directory must have been made (warm_pool.h, backup.h) before start().
  Instance(const Context& context, const Installation& installation, std::string name, io::Path folder,
           ServerOptions options, LostHandler lost = {});
  ~Instance();  // a running server runs on

  const std::string& name() const { return name_; }
  const Layout& layout() const { return layout_; }
  const ServerOptions& options() const { return options_; }
  // From the start of its process. Whether it answers queries is another matter: see is_up().
  bool is_running() const { return server_ != nullptr; }
  // It was seen to answer queries. One that runs and is not up recovers from what ended it last.
  bool is_up() const;
  // How long one that runs has not come up yet, or has been up; zero for others. As far as was seen here.
  Duration recovers_for() const;
  Duration up_for() const;
  pid_t pid() const;

  // Makes the folders around the data directory.
  Task<Result<void>> prepare_folders();

  // Starts the server with the configuration written anew, and returns when it answers queries. A server that runs
  // already is adopted instead: there is never a second one on the same data. Errc::timeout, and it runs: its recovery
  // takes longer than `patience`. It has no limit, since one that is cut off begins anew; its end from then on is a
  // loss. On any other error it does not run.
  Task<Result<void>> start(Duration patience = std::chrono::seconds(10));
  // Looks whether a server that runs has come up meanwhile.
  Task<Result<bool>> look_up();
  // Takes over a server that an earlier run of ours started; false if none runs.
  Task<Result<bool>> adopt();
  // Returns when no process is left; after the timeout they are killed. Fine if it does not run.
  Task<Result<void>> stop(StopMode mode, Duration timeout = std::chrono::minutes(1));
  // Kills every process that works in the data directory, whoever its parent is, and returns when none is left.
  // After this the server cannot acknowledge anything to anybody.
  Task<Result<void>> kill();

  // Takes effect now if the server runs, but for settings that need a restart: see pending_restart().
  Task<Result<void>> configure(ServerOptions options);
  // A running standby follows another upstream at once, a running primary waits for other standbys at once. Neither
  // becomes the other while it runs, but by promote().
  Task<Result<void>> set_role(Role role);
  const Role& role() const { return role_; }
  // What a running server could not be told when it was to be, for want of space, say. Fine if there is nothing.
  Task<Result<void>> catch_up_with_changes();
  // Makes a running standby a primary; returns when it takes writes.
  Task<Result<void>> promote(Duration timeout = std::chrono::minutes(1));

  // As the admin, through the socket file. Names without a schema are those of pg_catalog.
  Task<Result<std::unique_ptr<Connection>>> connect(std::string database = "postgres");
  // The same on a connection that is kept.
  Task<Result<Rows>> query(std::string sql, std::vector<std::optional<std::string>> values = {},
                           Duration timeout = std::chrono::seconds(30));
  // On a connection of its own, as it may take long, and queries on the kept one wait for each other.
  Task<Result<void>> checkpoint(Duration timeout);
  // Settings whose new value waits for a restart.
  Task<Result<std::vector<std::string>>> pending_restart();

 private:
  struct Server;
  Task<Result<void>> write_configuration();
  Task<Result<void>> write_role();
  Task<Result<void>> reconfigure();
  Task<Result<void>> wait_until_up(Duration patience);
  Task<Result<void>> wait_until_gone(Duration timeout);
  void watch(process::Process process);
  static Task<void> watch_exit(std::shared_ptr<Server> server, net::Loop& loop);
  void on_exit(const Server& server);

  const Context& context_;
  const Installation& installation_;
  const std::string name_;
  const Layout layout_;
  ServerOptions options_;
  const LostHandler lost_;
  Role role_;
  bool changes_untold_ = false;       // to a server that runs: the last could not be written
  std::shared_ptr<Server> server_;    // shared with the coroutine that waits for its end, which may outlive us
  std::shared_ptr<Connection> kept_;  // shared with queries under way when it is replaced
  Mutex connecting_;
  Mutex configuring_;
};

}  // namespace boreal::postgres
