// The tags of whatever resource an ARN names.
#pragma once

#include <string>

#include "rds/resources.h"
#include "store/transaction.h"

namespace boreal::rds {

// None where there is nothing of that name among the caller's.
Result<Tags> tags_of(const store::Catalog& catalog, const Place& place, const std::string& arn);

// RDS's own condition key for tags of what the ARN names, without the tag's name: "rds:cluster-tag/".
// Empty: it has none.
std::string tag_condition_key(const std::string& arn);

}  // namespace boreal::rds
