// Whom a client trusts that has no list of its own.
#pragma once

#include <memory>

#include "net/stream.h"

namespace boreal::net {

// The system's certificate authorities (/etc/ssl/certs). Reads files: not on a loop.
Result<std::shared_ptr<TlsClientContext>> trust_system();

}  // namespace boreal::net
