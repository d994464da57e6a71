// From host names to addresses, for who connects to a server elsewhere.
#pragma once

#include <string>
#include <vector>

#include "net/stream.h"

namespace boreal::net {

// The addresses of a host, in the order to try them; an address literal is itself. Asks the system's resolver and so
// blocks, for seconds when a name server is silent: run it on a pool. Errc::unavailable when there is no answer now,
// Errc::not_found when there is no such host.
Result<std::vector<Address>> look_up(const std::string& host, uint16_t port);

}  // namespace boreal::net
