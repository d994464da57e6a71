// Which resources a selection means.
#pragma once

#include "api/backup/types.h"
#include "aws/peers.h"

namespace boreal::backup {

// What its Resources name (ARNs with wildcards) and what has any of its ListOfTags, of which those remain that fulfil
// all of its Conditions and are not among NotResources. Source: AWS Backup Developer Guide, "Assign resources with AWS
// CLI"; AWS re:Post, "How do I assign resources to a backup plan": Resources and ListOfTags are each asked by
// themselves. Bare names stand for what `resource.name` is.
bool selects(const boreal::api::backup::BackupSelection& selection, const aws::Recoverable::Resource& resource);

}  // namespace boreal::backup
