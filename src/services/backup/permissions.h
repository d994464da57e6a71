// What a job's role must be allowed: the least that AWS's own policies for backup roles grant for the work.
#pragma once

#include <vector>

#include "aws/call.h"
#include "backup/resources.h"

namespace boreal::backup {

// `tags`: of the resource.
std::vector<aws::Access> backup_accesses(const Place& place, const JobRecord& job, const Tags& tags);
// The restore's metadata are complete: what the caller said, and for the rest what the recovery point says.
std::vector<aws::Access> restore_accesses(const Place& place, const RestoreRecord& restore);
// The bucket, by name or ARN, that the restore is to make; empty: none.
std::string new_bucket(const RestoreRecord& restore);

}  // namespace boreal::backup
