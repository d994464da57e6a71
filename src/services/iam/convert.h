// Records as the API shows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/iam/types.h"
#include "iam/managed_policies.h"
#include "iam/resources.h"

namespace boreal::iam {

// Lists leave out tags and boundaries, as AWS's do.
enum class Detail { list, full };

api::iam::User to_user(std::string_view account, const Entity& user, Detail detail);
api::iam::Group to_group(std::string_view account, const Entity& group);
api::iam::Role to_role(std::string_view account, const Entity& role, Detail detail,
                       const std::optional<LastUse>& use = std::nullopt);
// `role`: null when it has none.
api::iam::InstanceProfile to_profile(std::string_view account, const InstanceProfile& profile, const Entity* role,
                                     Detail detail);
api::iam::PolicyVersion to_version(const PolicyVersion& version, bool is_default, Detail detail);

// How often a policy is attached, and how often it is a boundary.
struct PolicyUse {
  int32_t attachments = 0;
  int32_t boundaries = 0;
};
// By ARN; what is not there is used nowhere.
using PolicyUses = std::map<std::string, PolicyUse>;
PolicyUse use_of(const PolicyUses& uses, const std::string& arn);
// Looks at every user, group and role.
aws::Outcome<PolicyUses> policy_uses(const Account& account);
api::iam::Policy to_policy(std::string_view account, const ManagedPolicy& policy, PolicyUse use, Detail detail);
api::iam::Policy to_policy(const AwsPolicy& policy, PolicyUse use, Detail detail);
// What AWS's policies look like as the account's own do: one version.
PolicyVersion version_of(const AwsPolicy& policy);

// nullopt when there are none: AWS leaves the element out then.
std::optional<std::vector<api::iam::Tag>> to_tags(const std::map<std::string, std::string>& tags);
std::optional<api::iam::AttachedPermissionsBoundary> to_boundary(const Entity& entity);
std::vector<api::iam::AttachedPolicy> to_attached(const Entity& entity);

// Documents travel percent-encoded in answers.
std::string to_wire(std::string_view document);

}  // namespace boreal::iam
