// IAM's quotas, at their defaults. Source: IAM User Guide, "IAM and AWS STS quotas".
#pragma once

#include <cstddef>
#include <string_view>

#include "iam/resources.h"

namespace boreal::iam {

inline constexpr size_t max_users = 5000;
inline constexpr size_t max_groups = 300;
inline constexpr size_t max_roles = 1000;
inline constexpr size_t max_policies = 1500;
inline constexpr size_t max_profiles = 1000;
inline constexpr size_t max_groups_per_user = 10;
inline constexpr size_t max_keys_per_user = 2;
inline constexpr size_t max_attached = 10;
inline constexpr size_t max_versions = 5;
inline constexpr size_t max_tags = 50;
// Characters, white space not counted.
inline constexpr size_t max_managed_policy = 6144;
inline constexpr size_t max_trust_policy = 2048;

inline constexpr size_t max_entities(Kind kind) {
  return kind == Kind::user ? max_users : kind == Kind::group ? max_groups : max_roles;
}
// Of all inline policies of one entity together.
inline constexpr size_t max_inline(Kind kind) { return kind == Kind::user ? 2048 : kind == Kind::group ? 5120 : 10240; }

}  // namespace boreal::iam
