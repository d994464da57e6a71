// What the catalog keeps of S3: one record a bucket, in the partition "s3/buckets" under the bucket's name, since names
// are one space for all accounts and regions; one an account that says something for all its buckets, in "s3/accounts".
// Objects are the engine's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/s3/types.h"
#include "base/clock.h"
#include "objects/types.h"
#include "store/record.h"

namespace boreal::s3 {

namespace api = boreal::api::s3;

inline constexpr std::string_view buckets_partition = "s3/buckets";
inline constexpr std::string_view accounts_partition = "s3/accounts";

using PublicAccessSetting = std::optional<bool> api::PublicAccessBlockConfiguration::*;

struct Account {
  std::optional<api::PublicAccessBlockConfiguration> public_access_block;
  BOREAL_RECORD(Account, public_access_block)
};

// How far the look for versions that were there before the replication rules has come.
struct ReplicationScan {
  std::string id;       // of this look: other rules begin another
  std::string key;      // it is behind this key …
  std::string version;  // … and the version of it with this id
  BOREAL_RECORD(ReplicationScan, id, key, version)
};

// Configurations are kept as the generated types that carried them, so that they are read back as they were sent.
struct Bucket {
  std::string name;
  std::string id;  // the engine's name of it, never used twice
  std::string account;
  std::string region;
  std::string location;  // the region by the other name that it was asked for by: "EU"; empty: by its own
  Time created;
  std::string versioning;                                // "", "Enabled", "Suspended"
  std::optional<std::string> mfa_delete;                 // "Disabled", once versioning was configured with it
  std::optional<std::string> ownership;                  // BucketOwnerEnforced …; none: the controls were deleted
  std::optional<std::string> policy;                     // JSON; users and roles are in it by their unique ids
  std::map<std::string, std::string> policy_principals;  // ARN, when the policy was put, of each of these ids
  std::optional<api::AccessControlPolicy> acl;           // none: the owner has full control, nobody else anything
  std::optional<api::PublicAccessBlockConfiguration> public_access_block;
  std::optional<api::ServerSideEncryptionConfiguration> encryption;  // none: SSE-S3
  std::optional<api::CORSConfiguration> cors;
  std::optional<api::WebsiteConfiguration> website;
  std::optional<api::LoggingEnabled> logging;
  std::optional<api::BucketLifecycleConfiguration> lifecycle;
  std::optional<std::string> lifecycle_minimum_size;  // x-amz-transition-default-minimum-object-size
  std::optional<std::string> accelerate;
  std::optional<std::string> payer;
  std::optional<std::vector<api::Tag>> tags;
  bool abac = false;                                        // the tags count in policies
  std::optional<api::ObjectLockConfiguration> object_lock;  // there: the bucket has Object Lock
  std::optional<api::ReplicationConfiguration> replication;
  std::optional<ReplicationScan> replication_scan;  // while it is under way
  std::map<std::string, api::InventoryConfiguration> inventory;
  std::map<std::string, api::MetricsConfiguration> metrics;
  std::map<std::string, api::AnalyticsConfiguration> analytics;
  std::map<std::string, api::IntelligentTieringConfiguration> tiering;
  BOREAL_RECORD(Bucket, name, id, account, region, location, created, versioning, mfa_delete, ownership, policy,
                policy_principals, acl, public_access_block, encryption, cors, website, logging, lifecycle,
                lifecycle_minimum_size, accelerate, payer, tags, abac, object_lock, replication, replication_scan,
                inventory, metrics, analytics, tiering)

  const Account* owner = nullptr;  // in memory only: the Directory's buckets have it

  // Whether the bucket or its account has the setting.
  bool blocks(PublicAccessSetting setting) const {
    const auto is_set = [&](const auto& block) { return block && ((*block).*setting).value_or(false); };
    return is_set(public_access_block) || (owner != nullptr && is_set(owner->public_access_block));
  }
  bool is_versioned() const { return !versioning.empty(); }
  bool has_acls() const { return ownership != "BucketOwnerEnforced"; }
  // Where access lists are off, all that lies in the bucket is its owner's, whoever wrote it.
  const std::string& owner_of_what(const std::string& writer) const { return has_acls() ? writer : account; }
  std::string arn() const { return "arn:aws:s3:::" + name; }
  std::string arn_of(std::string_view key) const { return arn() + "/" + std::string(key); }
};

// The names of what an object's version keeps in Meta::attributes.
namespace attribute {
inline constexpr std::string_view encryption = "encryption";        // AES256, aws:kms, aws:kms:dsse, customer
inline constexpr std::string_view kms_key = "kms-key";              // ARN
inline constexpr std::string_view kms_context = "kms-context";      // as the client sent it: base64 of JSON
inline constexpr std::string_view bucket_key = "bucket-key";        // "true"
inline constexpr std::string_view acl = "acl";                      // record of an AccessControlPolicy
inline constexpr std::string_view lock_mode = "lock-mode";          // GOVERNANCE, COMPLIANCE
inline constexpr std::string_view lock_until = "lock-until";        // ISO 8601
inline constexpr std::string_view legal_hold = "legal-hold";        // ON, OFF
inline constexpr std::string_view restored_until = "restored";      // ISO 8601
inline constexpr std::string_view checksum = "checksum";            // of an upload: CRC32 …
inline constexpr std::string_view checksum_type = "checksum-type";  // of an upload: COMPOSITE, FULL_OBJECT
inline constexpr std::string_view upload = "upload";  // of an object: the upload that it was put together from
inline constexpr std::string_view replication = "replication";  // PENDING, COMPLETED, FAILED, REPLICA
inline constexpr std::string_view replica = "replica";          // of an upload: the version that it brings (replica.h)
// With the name of a remote bucket behind it: what was sent there (replication_remote.h).
inline constexpr std::string_view sent_prefix = "sent-to/";
inline constexpr std::string_view initiator = "initiator";        // of an upload: ARN of who began it
inline constexpr std::string_view initiator_id = "initiator-id";  // … and the unique id, which nobody else ever has
inline constexpr std::string_view overwrites = "overwrites";  // of an upload: "true": an object was there as it began
}  // namespace attribute
// Empty: there is none of that name.
inline std::string attribute_of(const objects::Meta& meta, std::string_view name) {
  const auto found = meta.attributes.find(name);
  return found == meta.attributes.end() ? std::string() : found->second;
}

}  // namespace boreal::s3
