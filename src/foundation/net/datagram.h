// One message to a local socket, for those that only tell something.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace boreal::net {

// Sends `message` as one datagram to the Unix socket at the path, or of the abstract name behind an '@'. Blocks, for a
// few seconds at most, while the receiver's queue is full: for the pool. Errc::invalid: no such socket can be.
Result<void> send_datagram(const std::string& socket, std::string_view message);

}  // namespace boreal::net
