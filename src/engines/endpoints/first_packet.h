// The first packet of a PostgreSQL connection, and the refusal that may answer it
// (PostgreSQL documentation, "Frontend/Backend Protocol": message formats StartupMessage, SSLRequest,
// GSSENCRequest, CancelRequest, ErrorResponse).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace boreal::endpoints {

constexpr size_t first_packet_max_bytes = 10'000;  // the server's own limit (MAX_STARTUP_PACKET_LENGTH)

enum class FirstPacket {
  startup,  // a start-up message; perhaps not all of it yet
  tls_request,
  gss_request,
  cancel,      // a whole cancel request
  direct_tls,  // a TLS handshake without an SSLRequest before it (PostgreSQL 17 clients may)
  malformed,   // not this protocol
};

// Says what the bytes begin with; nullopt when more are needed to tell.
std::optional<FirstPacket> classify(Bytes begin);

// An ErrorResponse of severity FATAL. `sqlstate` has five characters.
std::string fatal_error(std::string_view sqlstate, std::string_view message);

}  // namespace boreal::endpoints
