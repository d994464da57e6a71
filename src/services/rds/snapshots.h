// Data keys and files of snapshots, for those that write and read them.
#pragma once

#include "aws/peers.h"
#include "crypto/secret.h"
#include "rds/resources.h"

namespace boreal::rds {

// Who restores a backup has been asked for it; nobody else may have its data by way of what it is restored from.
aws::Outcome<void> check_for_callers(const SnapshotRecord& snapshot);
// What a snapshot's data key is bound to.
aws::Keys::Context snapshot_key_context(const std::string& file);
Task<Result<crypto::SecretKey>> open_snapshot_key(aws::Keys& keys, Place place, SnapshotRecord snapshot);
// A new file name and a new data key under the KMS key `key_id` (empty: the managed one). With a call, the caller must
// be allowed to use the key.
Task<aws::Outcome<void>> assign_snapshot_file(aws::Keys& keys, Random& random, aws::Call* call, Place place,
                                              std::string key_id, SnapshotRecord& snapshot);

}  // namespace boreal::rds
