// What the catalog keeps of Secrets Manager, in partition aws::partition("secretsmanager", account, region):
//
//   secret/NAME         Secret
//   version/ID/VERSION  Version; ID is the secret's own, as names hold slashes
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/record.h"

namespace boreal::secretsmanager {

inline constexpr std::string_view current_label = "AWSCURRENT";
inline constexpr std::string_view previous_label = "AWSPREVIOUS";
inline constexpr std::string_view pending_label = "AWSPENDING";

// A region that a secret is copied to.
struct Replica {
  std::string region;
  std::string kms_key_id;  // empty: the region's alias/aws/secretsmanager
  bool overwrite = false;  // a secret of the same name that stands there
  bool removing = false;   // to be deleted there, and then here
  std::string status;      // InProgress, InSync, Failed
  std::string message;
  uint64_t tried = 0;  // the secret's `changes` that the copy was last made of
  BOREAL_RECORD(Replica, region, kms_key_id, overwrite, removing, status, message, tried)
};

struct Secret {
  std::string id;  // 32 hex digits; never shown
  std::string account;
  std::string region;
  std::string name;
  std::string suffix;  // six characters at the end of the ARN
  std::string description;
  std::string kms_key_id;  // as it was given; empty: alias/aws/secretsmanager
  std::map<std::string, std::string> tags;
  std::string policy;                                    // JSON; empty: none
  std::map<std::string, std::string> policy_principals;  // ARN, when the policy was put, of each of the ids in it
  // Which version each staging label is on: a label is never on two.
  std::map<std::string, std::string> labels;
  Time created;
  Time changed;
  std::optional<Time> accessed;  // a day
  std::optional<Time> deletion;  // when it is deleted, while that is planned
  bool rotates = false;
  std::vector<Replica> replicas;
  std::string primary_region;  // of a copy, and of a secret that has copies
  bool is_replica = false;
  uint64_t changes = 0;  // counts what copies must follow
  std::string owner;     // the service that keeps it for its user ("rds"); empty: nobody's but the user's

  std::string arn() const {
    return "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + name + "-" + suffix;
  }
  BOREAL_RECORD(Secret, id, account, region, name, suffix, description, kms_key_id, tags, policy, policy_principals,
                labels, created, changed, accessed, deletion, rotates, replicas, primary_region, is_replica, changes,
                owner)
};

// A value; it never changes, only the key that it is sealed under may.
struct Version {
  std::string id;  // the client's request token
  Time created;
  std::optional<Time> accessed;  // a day
  bool is_binary = false;
  std::string key_arn;
  store::Blob data_key;  // KMS's ciphertext
  store::Blob sealed;
  BOREAL_RECORD(Version, id, created, accessed, is_binary, key_arn, data_key, sealed)
};

inline constexpr std::string_view secret_prefix = "secret/";

std::string secret_path(std::string_view name);
std::string versions_path(std::string_view secret_id);
std::string version_path(std::string_view secret_id, std::string_view version_id);
std::string partition_of(std::string_view account, std::string_view region);

}  // namespace boreal::secretsmanager
