// What another boreal's replication brings: versions that keep their ids, and are not replicated further.
//
// Its requests are those of S3 with one field more, "x-boreal-replica: ID;modified=MS". Servers that do not know the
// field make versions of their own. Here it counts only if the caller may replicate into the bucket; like all fields
// that decide something, signed requests must have it signed (aws/sigv4.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/call.h"
#include "aws/error.h"
#include "objects/objects.h"
#include "s3/resources.h"

namespace boreal::s3 {

inline constexpr std::string_view replica_field = "x-boreal-replica";
// How it is answered where versions keep their ids: the bucket has versioning.
inline constexpr std::string_view replica_kept = "kept";

// The version that a request brings or speaks of.
struct Replica {
  objects::VersionId id;
  Time modified;
};
std::string replica_text(const Replica& replica);
std::optional<Replica> parse_replica(std::string_view text);

// nullopt: the request has no such field. AccessDenied for anonymous callers, InvalidArgument where it is malformed or
// of a version that is ahead of its time.
aws::Outcome<std::optional<Replica>> replica_of(const aws::Call& call);

// Where versions are kept, the version's place among those of its key; else nothing.
std::optional<objects::Origin> origin_of(const Bucket& bucket, const std::optional<Replica>& replica);
// The version is a replica from now on.
void mark_replica(objects::Meta& meta);

}  // namespace boreal::s3
