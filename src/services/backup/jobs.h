// How jobs come into the catalog: from StartBackupJob and from plans.
#pragma once

#include <string>

#include "backup/resources.h"
#include "store/transaction.h"

namespace boreal::backup {

// Of backups, and of restores, of an account in a region: so many may wait for their turn.
inline constexpr size_t max_jobs_under_way = 1000;

// Writes the job, CREATED, and its recovery point, CREATING. What the job says of resource, role, time and lifecycle is
// filled in already.
void add_job(store::Transaction& tx, const Place& place, const VaultRecord& vault, JobRecord& job,
             std::string point_id);

}  // namespace boreal::backup
