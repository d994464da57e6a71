// Asking an endpoint's database, for real: a connection from this machine, through PostgreSQL's own library.
#pragma once

#include <string>
#include <vector>

#include "dms/credentials.h"

namespace boreal::dms {

// Connects, logs in and runs a query. Errors carry PostgreSQL's own words.
Task<Result<void>> probe(const Tools& tools, Login login);

// The schemas that the user sees, without the system's.
Task<Result<std::vector<std::string>>> read_schemas(const Tools& tools, Login login);

}  // namespace boreal::dms
