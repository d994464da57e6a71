// Why a server ended, as far as it said.
#pragma once

#include <string>
#include <string_view>

#include "postgres/config.h"

namespace boreal::postgres::detail {

// Of a server's log what the server says of its own failures. Everything else may have users' statements and data in
// it, which belong neither into our log nor into events.
std::string own_failures(std::string_view log);

// From the end of its log, or what it said before that was open. Blocks.
std::string last_words(const Layout& layout);

}  // namespace boreal::postgres::detail
