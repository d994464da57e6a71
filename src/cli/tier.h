// `boreal tier up`: the deployment guide's data tier, through the APIs, for machines without Terraform.
#pragma once

#include <string>

#include "cli/commands.h"

namespace boreal::cli {

struct TierOptions {
  std::string environment = "prod";
  std::string password;            // of the master user
  std::string database = "ecommerce";
  std::string engine_version = "15.4";
  std::string source_host = "127.0.0.1";  // the DMS source: a database of the same name, user and password there
  std::string format = "text";     // or json
};

// Makes what is missing, keeps what is there, waits until it runs, prints the outputs. 0, or 1 with the reason.
int tier_up(const Target& target, const TierOptions& options);

}  // namespace boreal::cli
