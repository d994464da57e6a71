// The tags of whatever resource an ARN names.
#pragma once

#include <optional>
#include <string>

#include "dms/resources.h"

namespace boreal::dms {

// nullopt: there is no such resource here.
Result<std::optional<Tags>> tags_of(const store::Transaction& tx, const Place& place, const std::string& arn);
// The resource must be there.
Result<void> set_tags(store::Transaction& tx, const Place& place, const std::string& arn, const Tags& tags);

}  // namespace boreal::dms
