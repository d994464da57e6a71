// Lifecycle rules: which are taken, and what they mean for a version.
// Source: S3 User Guide, "Managing the lifecycle of objects", "Lifecycle configuration elements".
#pragma once

#include <optional>
#include <string>

#include "api/s3/types.h"
#include "aws/error.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

// InvalidArgument, InvalidRequest, MalformedXML.
aws::Outcome<void> check_lifecycle(const api::BucketLifecycleConfiguration& configuration);

// Whether the rule is on and its filter takes the object. `uploads`: only the prefix counts.
bool rule_takes(const api::LifecycleRule& rule, const objects::Version& version);
std::string rule_prefix(const api::LifecycleRule& rule);

// Midnight (UTC) after `days` days from `start`: when what is so many days old is due.
Time due(Time start, int64_t days);

// The header x-amz-expiration: when the current version will expire, and by which rule.
std::optional<std::string> expiration_header(const Bucket& bucket, const objects::Version& version);

// When an upload of that key will be aborted that is not completed by then, and by which rule.
struct AbortDue {
  Time when;
  std::string rule_id;
};
std::optional<AbortDue> abort_due(const Bucket& bucket, const std::string& key, Time initiated);

}  // namespace boreal::s3
