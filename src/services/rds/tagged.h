// Whatever resource an ARN names, as policies see it: its tags, and which it is.
#pragma once

#include <string>

#include "aws/call.h"
#include "aws/error.h"
#include "rds/resources.h"
#include "store/transaction.h"

namespace boreal::rds {

// None where there is nothing of that name among the caller's.
Result<Tags> tags_of(const store::Catalog& catalog, const Place& place, const std::string& arn);

// The key of the record of what the ARN names, whether it is there or not. Empty: it names nothing of the place.
std::string record_key(const std::string& arn, const Place& place);

// Which one it is of all that had this key, one after the other. Never empty.
Result<std::string> identity_of(const std::string& key, const std::string& record);

// What is answered when there is none.
aws::ApiError not_there(const std::string& key);

// RDS's own condition key for tags of what the ARN names, without the tag's name: "rds:cluster-tag/".
// Empty: it has none.
std::string tag_condition_key(const std::string& arn);

// What RDS does for its caller with the secret of a cluster's password.
aws::Access secret_access(std::string action, const ClusterRecord& cluster);

}  // namespace boreal::rds
