// boreal: the command. Each subcommand is a function of its own in cli/.
#ifdef BOREAL_MIMALLOC
#include <mimalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/tier.h"
#include "cli/wrong_use.h"
#include "dms/probes.h"

namespace {

using boreal::cli::Output;
using boreal::cli::Target;

constexpr int wrong_use = 2;

// Flags that both `dev` and `serve` take.
void add_server_flags(CLI::App& command, boreal::cli::ServerFlags& flags) {
  command.add_option("--data", flags.data_folder, "Folder of all data")->type_name("DIR")->envname("BOREAL_DATA");
  command.add_option("--keys", flags.key_folder, "Folder of the root key (default: DATA.keys, never inside DATA)")->type_name("DIR");
  command.add_option("--port", flags.port, "Port of every API; 0 lets the system choose")->envname("BOREAL_PORT")->check(CLI::Range(0, 65535));
  command.add_option("--region", flags.region, "Region of callers that name none");
  command.add_option("--engine-map", flags.engine_map, "Serve a PostgreSQL major that is not installed by another: 13=15,14=15")->type_name("A=B,…");
  command.add_option("--postgres-bin", flags.postgres_bin, "Further folders with PostgreSQL's programs")->type_name("DIR");
  command.add_option("--log-level", flags.log_level, "debug, info, warn or error")->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  command.add_flag("--log-json", flags.log_json, "One JSON object a log line");
  command.add_flag("--log-requests", flags.log_requests, "A log line for each request: who asked for what, from where, and how it went");
  command.add_flag("--strict", flags.strict, "Refuse also what boreal tolerates for the guide's sake (docs/compatibility.md)");
}

// An empty --url of a script whose variable is not set would mean the server of ./boreal-data, and a reset delete its data.
void add_target_flags(CLI::App& command, Target& target) {
  const CLI::Validator given([](const std::string& text) { return std::string(text.empty() ? "it is empty" : ""); }, "");
  command.add_option("--data", target.data_folder, "Data folder of the server that is meant (Env:BOREAL_DATA)")->type_name("DIR")->check(given);
  command.add_option("--url", target.url, "Where it listens, instead of looking into its data folder")->type_name("URL")->check(given);
}

void add_output_flag(CLI::App& command, Output& output) {
  command.add_option("-o,--output", output.format, "text, json or env")->check(CLI::IsMember({"text", "json", "env"}));
}

// `exit_code` is what the subcommand's callback has set by then.
int run(CLI::App& app, int argc, char** argv, int& exit_code) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : wrong_use;
  } catch (const std::exception& error) {  // of what is printed, or a bug
    std::cerr << "boreal: " << error.what() << '\n';
    return 1;
  }
  // What nobody could read was not told.
  const bool is_written = std::cout.flush() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return is_written ? exit_code : std::max(exit_code, 1);
}

}  // namespace

int main(int argc, char** argv) {
  // Not for people: a running server starts itself so.
  if (argc == 2 && argv[1] == boreal::dms::probe_word) return boreal::dms::be_probe();
#ifdef BOREAL_MIMALLOC
  // Freed memory goes back to the system after half a second instead of 25 ms: buffers of streams are wanted again at
  // once, and each page that must be made anew costs microseconds.
  mi_option_set(mi_option_decommit_delay, 500);
#endif
  CLI::App app{"boreal: the data tier of an AWS architecture on your own machine.\n"
               "Real PostgreSQL, a durable encrypted object store and their keys, secrets and backups, behind AWS's own APIs.\n\n"
               "Start here:  boreal dev\n"};
  app.name("boreal");
  app.require_subcommand(1);
  app.failure_message(boreal::cli::wrong_use);
  app.set_version_flag("--version", boreal::cli::version_line());
  app.get_formatter()->column_width(34);
  int exit_code = 0;

  boreal::cli::ServerFlags dev_flags;
  auto* dev = app.add_subcommand("dev", "Start for development: no file, no account, durable in ./boreal-data, loopback only");
  dev->add_option("--config", dev_flags.config_file, "TOML file, as serve has it; flags win over it")->type_name("FILE")->check(CLI::ExistingFile);
  add_server_flags(*dev, dev_flags);
  dev->add_flag("--allow-unencrypted-storage", dev_flags.allow_unencrypted_storage,
                "Serve storage_encrypted=true without encryption where this machine has none, with an event and a tag that say so");
  dev->footer("Key test/test is the root of account 000000000000; any 12-digit access key with secret test is the root of that account.");
  dev->callback([&] { exit_code = boreal::cli::run_dev(dev_flags); });

  boreal::cli::ServerFlags serve_flags;
  auto* serve = app.add_subcommand("serve", "Start as a service, from a configuration file");
  serve->add_option("--config", serve_flags.config_file, "TOML file; flags win over it")->type_name("FILE")->required()->check(CLI::ExistingFile);
  add_server_flags(*serve, serve_flags);
  serve->add_flag("--new-root-key", serve_flags.new_root_key,
                  "Make the root of the account another access key, shown once, in place of those it has: when these are lost");
  serve->callback([&] { exit_code = boreal::cli::run_serve(serve_flags); });

  // Not by envname(): what a variable says is read for the commands that were not given, too, and would go before the
  // flag of the one that was, as all write here.
  Target target;
  if (const char* folder = std::getenv("BOREAL_DATA"); folder != nullptr && *folder != '\0') target.data_folder = folder;
  Output output;
  auto* status = app.add_subcommand("status", "What runs: address, data folder, databases, services, replication elsewhere");
  add_target_flags(*status, target);
  add_output_flag(*status, output);
  status->callback([&] { exit_code = boreal::cli::status(target, output); });

  auto* env = app.add_subcommand("env", "The export lines that point AWS tools here:  eval \"$(boreal env)\"");
  add_target_flags(*env, target);
  std::string env_format = "shell";
  env->add_option("-o,--output", env_format, "shell, or dotenv: NAME=value, for $GITHUB_ENV and --env-file")
      ->check(CLI::IsMember({"shell", "dotenv"}));
  env->callback([&] { exit_code = boreal::cli::env(target, env_format); });

  auto* health = app.add_subcommand("healthcheck", "Exit 0 when the server is ready, 1 when it is not (for containers and scripts)");
  add_target_flags(*health, target);
  std::string wait;
  health->add_option("--wait", wait, "Ask again where it is not ready, so long: 30s, 2m")->type_name("SPAN");
  health->callback([&] { exit_code = boreal::cli::healthcheck(target, wait); });

  auto* clock = app.add_subcommand("clock", "Dev only: show or move the server's clock, so that lifecycles and schedules can be seen to run");
  clock->require_subcommand(1);
  std::string by;
  auto* show = clock->add_subcommand("show", "What time it is there");
  auto* advance = clock->add_subcommand("advance", "Move it forward: 90d, 12h, 30m, 10s");
  advance->add_option("by", by, "How far")->required();
  auto* back = clock->add_subcommand("reset", "Back to the system's time");
  for (auto* command : {show, advance, back}) add_target_flags(*command, target);
  show->callback([&] { exit_code = boreal::cli::clock_show(target); });
  advance->callback([&] { exit_code = boreal::cli::clock_advance(target, by); });
  back->callback([&] { exit_code = boreal::cli::clock_reset(target); });

  auto* reset = app.add_subcommand("reset", "Dev only: delete all state of a running server, databases and objects too");
  add_target_flags(*reset, target);
  reset->callback([&] { exit_code = boreal::cli::reset(target); });

  auto* tier = app.add_subcommand("tier", "A whole data tier at once: network, Aurora cluster, buckets, secret, backup plan, DMS task");
  tier->require_subcommand(1);
  boreal::cli::TierOptions tier_options;
  auto* up = tier->add_subcommand("up", "Make what is missing of it in a running boreal dev, and print endpoints, names and ARNs");
  add_target_flags(*up, target);
  up->add_option("--password", tier_options.password, "Password of the database's master user")->required()->envname("DB_PASSWORD");
  up->add_option("--environment", tier_options.environment, "Prefix of every name");
  up->add_option("--engine-version", tier_options.engine_version, "Aurora PostgreSQL version");
  up->add_option("--source-host", tier_options.source_host, "PostgreSQL that the DMS task is to migrate from");
  up->add_option("-o,--output", tier_options.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  up->callback([&] { exit_code = boreal::cli::tier_up(target, tier_options); });

  std::string shell;
  auto* completion = app.add_subcommand("completion", "Shell completion:  source <(boreal completion bash)");
  completion->add_option("shell", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&] { exit_code = boreal::cli::print_completion(app, shell); });

  auto* version = app.add_subcommand("version", "Version and compiler");
  version->add_option("-o,--output", output.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  version->callback([&] { exit_code = boreal::cli::version(output); });

  if (argc == 1) {
    std::cerr << app.help();
    return wrong_use;
  }
  return run(app, argc, argv, exit_code);
}
