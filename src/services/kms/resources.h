// What the catalog keeps of KMS, in partition aws::partition("kms", account, region):
//
//   key/ID               Key
//   policy/ID            the key's policy, JSON as it was given
//   material/ID/VERSION  Material; VERSION is eight hex digits, so that they sort
//   alias/NAME           Alias; NAME without "alias/"
//   alias-of/ID/NAME     empty: the key has that alias
//   aliases-indexed      empty: all aliases have their alias-of/…
//   grant/ID/GRANT       Grant
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/record.h"

namespace boreal::kms {

inline constexpr std::string_view state_enabled = "Enabled";
inline constexpr std::string_view state_disabled = "Disabled";
inline constexpr std::string_view state_pending_deletion = "PendingDeletion";

struct Key {
  std::string id;       // a UUID
  std::string account;  // whose it is
  std::string region;
  std::string description;
  std::string state;
  Time created;
  std::string managed_by;  // the service whose key it is ("s3"); empty: the customer's
  std::map<std::string, std::string> tags;
  uint32_t version = 0;  // the material that encrypts; older ones still decrypt
  bool rotates = false;
  int32_t rotation_period_days = 0;  // 0: was never set
  Time rotation_from;                // the period counts from here
  int32_t rotations_on_demand = 0;
  std::optional<Time> deletion;  // when it is deleted, while that is pending
  int32_t deletion_window_days = 0;
  std::map<std::string, std::string> policy_principals;  // ARN, when the policy was put, of each of the ids in it

  std::string arn() const { return "arn:aws:kms:" + region + ":" + account + ":key/" + id; }
  bool is_managed() const { return !managed_by.empty(); }
  BOREAL_RECORD(Key, id, account, region, description, state, created, managed_by, tags, version, rotates,
                rotation_period_days, rotation_from, rotations_on_demand, deletion, deletion_window_days,
                policy_principals)
};

// One version of a key's backing key.
struct Material {
  std::string id;      // 64 hex digits
  store::Blob sealed;  // 32 bytes, sealed for this key and version
  Time created;
  std::string rotation;  // AUTOMATIC or ON_DEMAND; empty: it came with the key
  BOREAL_RECORD(Material, id, sealed, created, rotation)
};

struct Alias {
  std::string name;  // without "alias/"
  std::string key_id;
  Time created;
  Time updated;
  BOREAL_RECORD(Alias, name, key_id, created, updated)
};

struct Grant {
  std::string id;
  std::string key_id;
  std::string token;
  std::string name;
  std::string grantee;   // a principal's ARN
  std::string retiring;  // empty: nobody
  // Of users and roles, since others may be given their names later; empty for accounts, sessions, and grants of old.
  std::string grantee_id;
  std::string retiring_id;
  std::string issuing_account;
  std::vector<std::string> operations;  // "Decrypt"
  std::optional<std::map<std::string, std::string>> context_equals;
  std::optional<std::map<std::string, std::string>> context_subset;
  Time created;
  BOREAL_RECORD(Grant, id, key_id, token, name, grantee, retiring, grantee_id, retiring_id, issuing_account, operations,
                context_equals, context_subset, created)
};

inline constexpr std::string_view key_prefix = "key/";
inline constexpr std::string_view alias_prefix = "alias/";
inline constexpr std::string_view grant_prefix = "grant/";
inline constexpr std::string_view aliases_indexed = "aliases-indexed";

std::string key_path(std::string_view id);
std::string policy_path(std::string_view id);
std::string material_prefix(std::string_view id);
std::string material_path(std::string_view id, uint32_t version);
std::string alias_path(std::string_view name);
std::string aliases_path(std::string_view key_id);
std::string alias_of_path(std::string_view key_id, std::string_view name);
std::string grants_path(std::string_view key_id);
std::string grant_path(std::string_view key_id, std::string_view grant_id);

}  // namespace boreal::kms
