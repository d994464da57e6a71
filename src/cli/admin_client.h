// Asks a running server's own addresses (/_boreal/…).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/commands.h"
#include "http/client.h"
#include "server/run.h"

namespace boreal::cli {

// `path` is behind "/_boreal/". Blocks. Errc::not_found when no server runs there, Errc::conflict when another answers
// where the data folder's did.
Result<http::ClientAnswer> ask(const Target& target, const std::string& method, const std::string& path);

// Who gave this answer to "health/ready": as run.json has it or, of a server of which only the address is known, as it
// says of itself.
Result<server::RunInfo> who_gave(const Target& target, const http::ClientAnswer& answer);

Result<net::Address> address_of(std::string_view url);

}  // namespace boreal::cli
