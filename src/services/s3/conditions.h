// Conditional requests. Source: RFC 9110, 13; S3 User Guide, "Conditional requests".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/error.h"
#include "objects/objects.h"

namespace boreal::s3 {

struct ReadConditions {
  std::optional<std::string> match, none_match;
  std::optional<Time> modified_since, unmodified_since;
};
// 412 PreconditionFailed, or 304 NotModified (`copying`: 412 too).
aws::Outcome<void> check_read(const ReadConditions& conditions, const objects::Version& version, Time now,
                              bool copying);

// Whether the range that comes with this If-Range is of what the client has the rest of; else all is sent.
bool range_is_wanted(std::string_view if_range, const objects::Version& version);

// Whether If-Match compares a tag, which only they may who may read the object; "*" asks just whether there is one.
// Source: S3 User Guide, "How to prevent object overwrites with conditional writes", "How to perform conditional
// deletes".
inline bool compares_tag(const std::optional<std::string>& match) { return match && *match != "*"; }

// What must be true of the latest version for a write to go on: PreconditionFailed, or NoSuchKey for If-Match
// where there is nothing. Whether the headers are well-formed: InvalidArgument, NotImplemented.
aws::Outcome<void> check_write_headers(const std::optional<std::string>& match,
                                       const std::optional<std::string>& none_match);
aws::Outcome<void> check_write(const std::optional<std::string>& match, const std::optional<std::string>& none_match,
                               const std::string& key, const objects::Version* latest);
// What must be true of the latest version for it to be deleted: PreconditionFailed, or NoSuchKey for If-Match where
// there is nothing; for the others it is deleted already.
struct DeleteConditions {
  std::optional<std::string> match;
  std::optional<Time> modified;
  std::optional<int64_t> size;
};
aws::Outcome<void> check_delete(const DeleteConditions& conditions, const std::string& key,
                                const objects::Version* latest);
// Whether an upload that is to be given up is the one that began then.
aws::Outcome<void> check_abort(const std::optional<Time>& initiated, Time begun);
// The same as check_write() for an upload in parts: what was written since it began is a conflict with it, and so is a
// delete. `overwrites`: an object was there when it began. One that came and went since then is seen only where a
// delete marker tells of it.
aws::Outcome<void> check_complete(const std::optional<std::string>& match, const std::optional<std::string>& none_match,
                                  const std::string& key, const objects::Version* latest,
                                  const objects::UploadId& upload, bool overwrites);

// Whether the list of entity tags (or *) names this one.
bool etag_matches(const std::string& header, const std::string& etag);

}  // namespace boreal::s3
