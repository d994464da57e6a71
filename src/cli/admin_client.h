// Speaks to a running server's own addresses (/_boreal/…).
#pragma once

#include <string>

#include "base/result.h"
#include "cli/commands.h"
#include "http/client.h"

namespace boreal::cli {

// One exchange; blocks. Errc::unavailable, with what to do, when no server answers there.
Result<http::ClientAnswer> ask(const Target& target, const std::string& method, const std::string& path);

}  // namespace boreal::cli
