#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.h"
#include "server/run.h"

namespace boreal::cli {

namespace {

// Flags win over the file, the file over the defaults.
Result<server::Config> configure(const ServerFlags& flags, bool dev) {
  server::Config config;
  config.dev = dev;
  if (dev) config.engine_map = {{13, 15}};
  if (flags.config_file) CHECK(config.merge_file(*flags.config_file));
  if (flags.data_folder) config.data_folder = *flags.data_folder;
  if (flags.key_folder) config.key_folder = *flags.key_folder;
  if (flags.port) config.port = static_cast<uint16_t>(*flags.port);
  if (flags.region) config.region = *flags.region;
  if (flags.log_level) config.log_level = *flags.log_level;
  if (flags.log_json) config.log_json = true;
  if (flags.log_requests) config.log_requests = true;
  if (flags.strict) config.strict = true;
  config.new_root_key = flags.new_root_key;
  if (flags.allow_unencrypted_storage) config.allow_unencrypted_storage = true;
  if (flags.engine_map) {
    TRY(config.engine_map, server::parse_engine_map(*flags.engine_map));
  }
  if (!flags.postgres_bin.empty()) config.postgres_bin_folders = flags.postgres_bin;
  return config;
}

int run_configured(const ServerFlags& flags, bool dev) {
  const auto config = configure(flags, dev);
  if (!config) {
    fmt::print(stderr, "boreal: {}\n", config.error().message());
    return 2;
  }
  return server::run(*config);
}

}  // namespace

int run_dev(const ServerFlags& flags) { return run_configured(flags, true); }
int run_serve(const ServerFlags& flags) { return run_configured(flags, false); }

}  // namespace boreal::cli
