// The buckets at other endpoints that a configuration names.
#pragma once

#include <string>

#include "base/result.h"
#include "s3/remote.h"
#include "server/config.h"

namespace boreal::server {

// Without looking at files. The error names the key of the configuration, and no secret.
Result<void> check_remote(const std::string& name, const Config::RemoteBucket& remote);

// Reads the files that they name: secrets, certificates. Blocks.
Result<s3::RemoteBuckets> load_remotes(const Config& config);

}  // namespace boreal::server
