// The subcommands of `boreal`. Each returns the exit code: 0 done, 1 not done, 2 wrong use.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace boreal::cli {

// What was given on the command line; what was not keeps the configuration's default.
struct ServerFlags {
  std::optional<std::string> config_file, data_folder, key_folder, region, engine_map, log_level;
  std::optional<int> port;
  std::vector<std::string> postgres_bin;
  bool log_json = false;
  bool log_requests = false;
  bool strict = false;
  bool new_root_key = false;
  bool allow_unencrypted_storage = false;
};

// Which server a command speaks to.
struct Target {
  std::string data_folder = "./boreal-data";
  std::string url;  // empty: from the data folder's run.json
};

struct Output {
  std::string format = "text";
};

int run_dev(const ServerFlags& flags);
int run_serve(const ServerFlags& flags);
int status(const Target& target, const Output& output);
// `format`: "shell", lines of export; "dotenv", of NAME=value alone, as $GITHUB_ENV and --env-file have them.
int env(const Target& target, const std::string& format);
// `wait`: "30s", how long it is asked again where it is not ready; empty: once.
int healthcheck(const Target& target, const std::string& wait);
int clock_show(const Target& target);
int clock_advance(const Target& target, const std::string& by);
int clock_reset(const Target& target);
int reset(const Target& target);
int version(const Output& output);
std::string version_line();

}  // namespace boreal::cli
