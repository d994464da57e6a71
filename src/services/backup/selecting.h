// Which resources a selection means.
#pragma once

#include "api/backup/types.h"
#include "aws/peers.h"

namespace boreal::backup {

// A selection names resources (ARNs with wildcards; none: all), of which those remain that have any of its ListOfTags
// (none: all), fulfil all of its Conditions, and are not among NotResources.
// Source: AWS Backup Developer Guide, "Assigning resources programmatically".
// Bare names stand for what `resource.name` is.
bool selects(const boreal::api::backup::BackupSelection& selection, const aws::Recoverable::Resource& resource);

}  // namespace boreal::backup
