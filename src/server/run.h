// The life of a server process: starts, prints its banner, serves until SIGINT or SIGTERM, ends in order.
#pragma once

#include "server/config.h"
#include "store/record.h"

namespace boreal::server {

// Returns the exit code: 0 ended by a signal, 1 could not start (stderr says why).
int run(const Config& config);

// By which host clients on this machine reach who listens at this one: one that listens everywhere is reached at the
// loopback, and its certificate has that name. As a URL has it, in brackets where it must.
std::string host_for_url(const std::string& listen_host);

// What run.json in the data folder says of the process that serves it.
struct RunInfo {
  std::string id;  // at random
  int64_t pid = 0;
  int port = 0;
  std::string url;
  std::string region;
  std::string version;
  std::string data_folder;
  bool dev = false;
  int64_t started_ms = 0;
  BOREAL_RECORD(RunInfo, id, pid, port, url, region, version, data_folder, dev, started_ms)
};
Result<RunInfo> read_run_info(const std::string& data_folder);

// Who goes by a run.json sends its id in this field. One that was killed leaves the file behind, and who took its port
// since must not be taken for it: a reset would delete another's data.
inline constexpr std::string_view process_field = "x-boreal-process";

// run.key beside it, for its owner alone: made at each start of `boreal serve`. Who sends it in this field is told the
// names of what runs, where others are told how much.
inline constexpr std::string_view operator_field = "x-boreal-operator";
Result<std::string> read_operator_key(const std::string& data_folder);

}  // namespace boreal::server
