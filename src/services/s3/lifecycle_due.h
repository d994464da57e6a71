// What lifecycle rules mean for a version: when something is due, and what.
// Source: S3 User Guide, "Lifecycle configuration elements", "Expiring objects", "Transitioning objects using Amazon S3
// Lifecycle", "How Amazon S3 handles conflicts in lifecycle configurations".
#pragma once

#include <optional>
#include <string>

#include "api/s3/types.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

inline constexpr int64_t day_ms = 24 * 3600 * 1000LL;

// Midnight (UTC) after `days` days from `start`: when what is so many days old is due.
Time due(Time start, int64_t days);
// Midnight (UTC) at or before `time`.
Time midnight_before(Time time);

// Whether the rule is on and its filter takes the version.
bool rule_takes(const api::LifecycleRule& rule, const objects::Version& version);
std::string rule_prefix(const api::LifecycleRule& rule);

// What is due for a version by now. The bucket has rules.
struct Due {
  bool expires = false;
  std::string tier;  // the class that it is to be in; empty: it may stay where it is
};
Due due_of_current(const Bucket& bucket, const objects::Version& version, Time now);
// `since`: when it ceased to be the latest. `newer`: how many of its key's noncurrent versions are newer than it.
Due due_of_noncurrent(const Bucket& bucket, const objects::Version& version, Time since, size_t newer, Time now);
// Whether a delete marker is to go that is all there is of its key.
bool is_marker_due(const Bucket& bucket, const objects::Version& marker, Time now);

// The header x-amz-expiration: when the current version will expire, and by which rule.
std::optional<std::string> expiration_header(const Bucket& bucket, const objects::Version& version);

// When an upload of that key will be aborted that is not completed by then, and by which rule.
struct AbortDue {
  Time when;
  std::string rule_id;
};
std::optional<AbortDue> abort_due(const Bucket& bucket, const std::string& key, Time initiated);

}  // namespace boreal::s3
