// What a database cluster has from its creation, besides what PostgreSQL brings: the service's roles, the master user,
// its first database.
#pragma once

#include <string>

#include "postgres/instance.h"

namespace boreal::rds {

// Nobody but the admin can give himself or others the roles that read and write the machine's files and run programs.
// Can be done again at any time.
Task<Result<void>> close_ways_out(postgres::Instance& primary);

// Can be done again at any time: it adds what is missing and sets the master user's password anew.
Task<Result<void>> prepare_database(postgres::Instance& primary, std::string master, std::string verifier,
                                    std::string database);

}  // namespace boreal::rds
