// Replication rules: which are taken, and which of them a version falls under.
// Source: S3 User Guide, "Replication configuration file elements", "What does Amazon S3 replicate?".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/s3/types.h"
#include "aws/error.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

// What attribute::replication says of a version.
namespace replication_status {
inline constexpr std::string_view pending = "PENDING";
inline constexpr std::string_view completed = "COMPLETED";
inline constexpr std::string_view failed = "FAILED";
inline constexpr std::string_view replica = "REPLICA";
}  // namespace replication_status
// Empty: the version has nothing to do with replication.
std::string_view replication_status_of(const objects::Meta& meta);

// InvalidRequest, InvalidArgument, MalformedXML; NotImplemented for replication time control and metrics.
aws::Outcome<void> check_replication(const api::ReplicationConfiguration& configuration);

// The bucket that a destination's ARN names; empty when it is none.
std::string destination_bucket(const api::Destination& destination);

// The rules that a version falls under: of those with the same destination, the one with the highest priority.
// Pointers into bucket.replication.
std::vector<const api::ReplicationRule*> rules_for(const Bucket& bucket, const objects::Version& version);

// Whether an object about to be written is to be replicated: then it is marked pending, and the write leaves a note.
// `meta` is complete, with the encryption.
bool replicates_object(const Bucket& bucket, const std::string& key, const objects::Meta& meta);
bool mark_for_replication(const Bucket& bucket, const std::string& key, objects::Meta& meta);
// Of a version whose metadata change: the replica is behind. A replica itself stays one.
void mark_pending(objects::Meta& meta);
// Whether the marker that a plain delete makes is to be replicated.
bool replicates_marker(const Bucket& bucket, const std::string& key);
// Whether a change of the metadata of the version is to be.
bool replicates_change(const Bucket& bucket, const objects::Version& version);
// Whether a version that was there before the rules is to be.
bool replicates_existing(const Bucket& bucket, const objects::Version& version);

}  // namespace boreal::s3
