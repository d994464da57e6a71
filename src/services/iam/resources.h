// What the catalog keeps of an account's IAM, in the partition iam/ACCOUNT. Names are unique without regard to case, so
// keys hold them in lower case; scans give them in that order.
//
//   user/NAME group/NAME role/NAME   Entity            policy/NAME    ManagedPolicy
//   root                             Entity            profile/NAME   InstanceProfile
//   key/ACCESS KEY ID                KeyOwner          id/UNIQUE ID   EntityName, of users
//   used/ID                          LastUse, of access keys and roles
//   deletion/ID                      Deletion, of service-linked roles
//
// Account aliases are unique among all accounts and live in a partition of their own: alias/NAME and account/ID.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/context.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/record.h"

namespace boreal::iam {

enum class Kind { user, group, role };

struct AccessKey {
  std::string id;
  store::Blob sealed_secret;
  bool active = true;
  Time created;
  BOREAL_RECORD(AccessKey, id, sealed_secret, active, created)
};

// A user, a group or a role: all of them have policies. The account's root is kept as one for its keys.
struct Entity {
  std::string name;
  std::string path = "/";
  std::string id;
  Time created;
  std::map<std::string, std::string> tags;
  std::map<std::string, std::string> inline_policies;  // documents by name
  std::vector<std::string> attached;                   // ARNs of managed policies, in the order they came
  std::string boundary;                                // ARN of a managed policy; empty: none
  // Users.
  std::vector<AccessKey> keys;
  std::vector<std::string> groups;  // names
  // Roles.
  std::string trust_policy;
  std::map<std::string, std::string> trust_principals;  // ARN, when it was put, of each of the ids in it
  std::string description;
  int64_t max_session_s = 3600;
  std::string linked_service;  // "rds.amazonaws.com" of a service-linked role; empty: an ordinary one
  BOREAL_RECORD(Entity, name, path, id, created, tags, inline_policies, attached, boundary, keys, groups, trust_policy,
                trust_principals, description, max_session_s, linked_service)
};

struct PolicyVersion {
  std::string id;  // "v1"
  std::string document;
  Time created;
  BOREAL_RECORD(PolicyVersion, id, document, created)
};

struct ManagedPolicy {
  std::string name;
  std::string path = "/";
  std::string id;
  std::string description;
  Time created;
  Time updated;
  std::map<std::string, std::string> tags;
  std::vector<PolicyVersion> versions;
  std::string default_version;
  int64_t next_version = 1;  // numbers are never used again
  BOREAL_RECORD(ManagedPolicy, name, path, id, description, created, updated, tags, versions, default_version,
                next_version)
};

struct InstanceProfile {
  std::string name;
  std::string path = "/";
  std::string id;
  Time created;
  std::map<std::string, std::string> tags;
  std::string role;  // name; empty: none
  BOREAL_RECORD(InstanceProfile, name, path, id, created, tags, role)
};

struct KeyOwner {
  std::string user_id;  // empty: the root
  BOREAL_RECORD(KeyOwner, user_id)
};

struct EntityName {
  std::string name;
  BOREAL_RECORD(EntityName, name)
};

struct LastUse {
  Time time;
  std::string service;
  std::string region;
  BOREAL_RECORD(LastUse, time, service, region)
};

struct Deletion {
  std::string role;
  BOREAL_RECORD(Deletion, role)
};

inline constexpr std::string_view root_key = "root";
inline constexpr std::string_view policy_prefix = "policy/";
inline constexpr std::string_view profile_prefix = "profile/";

inline std::string partition(std::string_view account) { return aws::partition("iam", account); }
inline std::string_view word(Kind kind) { return kind == Kind::user ? "user" : kind == Kind::group ? "group" : "role"; }
inline std::string entity_prefix(Kind kind) { return std::string(word(kind)) + "/"; }
inline std::string entity_key(Kind kind, std::string_view name) { return entity_prefix(kind) + to_lower(name); }
inline std::string policy_key(std::string_view name) { return std::string(policy_prefix) + to_lower(name); }
inline std::string profile_key(std::string_view name) { return std::string(profile_prefix) + to_lower(name); }
inline std::string access_key_key(std::string_view id) { return "key/" + std::string(id); }
inline std::string id_key(std::string_view id) { return "id/" + std::string(id); }
inline std::string used_key(std::string_view id) { return "used/" + std::string(id); }

}  // namespace boreal::iam
