// Object Lock: which versions may not go. Source: S3 User Guide, "Locking objects with Object Lock".
#pragma once

#include <optional>
#include <string>

#include "api/s3/types.h"
#include "aws/error.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

struct Retention {
  std::string mode;  // GOVERNANCE, COMPLIANCE
  Time until;
};
std::optional<Retention> retention_of(const objects::Meta& meta);
void keep_retention(const std::optional<Retention>& retention, objects::Meta& meta);
bool has_legal_hold(const objects::Meta& meta);
// Whether there is a retention or a word about a legal hold, be it OFF: then the bucket's default has no say any more.
bool says_own_lock(const objects::Meta& meta);

// AccessDenied when the version is held. `bypass`: the caller may pass over governance, and asks for it.
aws::Outcome<void> check_removable(const objects::Version& version, Time now, bool bypass);
// From one retention to another: AccessDenied when that would loosen what may not be loosened.
aws::Outcome<void> check_retention_change(const std::optional<Retention>& before, const std::optional<Retention>& after,
                                          Time now, bool bypass);

// Whether the one holds as fast and as long as the other, or the other holds no more.
bool is_as_strict(const Retention& one, const std::optional<Retention>& other, Time now);

// Whether the bucket locks whatever is put into it, and how what is put now; nullopt: it does not.
bool retains_by_default(const Bucket& bucket);
std::optional<Retention> default_retention(const Bucket& bucket, Time now);

// What a request's lock headers and the bucket's default come to. InvalidRequest, InvalidArgument.
struct LockHeaders {
  std::optional<std::string> mode;
  std::optional<Time> until;
  std::optional<std::string> legal_hold;
};
template <class Input>
LockHeaders lock_headers(const Input& input) {
  return {input.object_lock_mode, input.object_lock_retain_until_date, input.object_lock_legal_hold_status};
}
aws::Outcome<void> apply_lock(const Bucket& bucket, const LockHeaders& headers, Time now, objects::Meta& meta);
aws::Outcome<void> check_lock_values(const std::optional<std::string>& mode, const std::optional<Time>& until,
                                     Time now);

}  // namespace boreal::s3
