#include "iam/convert.h"

#include "codec/percent.h"
#include "iam/names.h"

namespace boreal::iam {

namespace {

// When AWS first made its policies does not matter to anyone, but there must be a date: 2015-02-06.
constexpr Time aws_policy_time{1'423'180'800'000};

std::string_view last_part(std::string_view arn) { return arn.substr(arn.rfind('/') + 1); }

}  // namespace

std::string to_wire(std::string_view document) { return codec::percent_encode(document); }

std::optional<std::vector<api::iam::Tag>> to_tags(const std::map<std::string, std::string>& tags) {
  if (tags.empty()) return std::nullopt;
  std::vector<api::iam::Tag> out;
  for (const auto& [key, value] : tags) out.push_back({.key = key, .value = value});
  return out;
}

std::optional<api::iam::AttachedPermissionsBoundary> to_boundary(const Entity& entity) {
  if (entity.boundary.empty()) return std::nullopt;
  return api::iam::AttachedPermissionsBoundary{.permissions_boundary_type = "Policy",
                                               .permissions_boundary_arn = entity.boundary};
}

std::vector<api::iam::AttachedPolicy> to_attached(const Entity& entity) {
  std::vector<api::iam::AttachedPolicy> out;
  for (const auto& arn : entity.attached) {
    out.push_back({.policy_name = std::string(last_part(arn)), .policy_arn = arn});
  }
  return out;
}

api::iam::User to_user(std::string_view account, const Entity& user, Detail detail) {
  api::iam::User out{.path = user.path,
                     .user_name = user.name,
                     .user_id = user.id,
                     .arn = arn_of(account, Kind::user, user),
                     .create_date = user.created};
  if (detail == Detail::full) {
    out.permissions_boundary = to_boundary(user);
    out.tags = to_tags(user.tags);
  }
  return out;
}

api::iam::Group to_group(std::string_view account, const Entity& group) {
  return {.path = group.path,
          .group_name = group.name,
          .group_id = group.id,
          .arn = arn_of(account, Kind::group, group),
          .create_date = group.created};
}

api::iam::Role to_role(std::string_view account, const Entity& role, Detail detail, const std::optional<LastUse>& use) {
  api::iam::Role out{.path = role.path,
                     .role_name = role.name,
                     .role_id = role.id,
                     .arn = arn_of(account, Kind::role, role),
                     .create_date = role.created,
                     .assume_role_policy_document = to_wire(role.trust_policy),
                     .max_session_duration = static_cast<int32_t>(role.max_session_s)};
  if (!role.description.empty()) out.description = role.description;
  if (detail == Detail::full) {
    out.permissions_boundary = to_boundary(role);
    out.tags = to_tags(role.tags);
    out.role_last_used.emplace();
    if (use) {
      out.role_last_used->last_used_date = use->time;
      out.role_last_used->region = use->region;
    }
  }
  return out;
}

api::iam::InstanceProfile to_profile(std::string_view account, const InstanceProfile& profile, const Entity* role,
                                     Detail detail) {
  api::iam::InstanceProfile out{.path = profile.path,
                                .instance_profile_name = profile.name,
                                .instance_profile_id = profile.id,
                                .arn = arn_of(account, profile),
                                .create_date = profile.created};
  if (role != nullptr) out.roles.push_back(to_role(account, *role, Detail::list));
  if (detail == Detail::full) out.tags = to_tags(profile.tags);
  return out;
}

api::iam::PolicyVersion to_version(const PolicyVersion& version, bool is_default, Detail detail) {
  api::iam::PolicyVersion out{
      .version_id = version.id, .is_default_version = is_default, .create_date = version.created};
  if (detail == Detail::full) out.document = to_wire(version.document);
  return out;
}

api::iam::Policy to_policy(std::string_view account, const ManagedPolicy& policy, PolicyUse use, Detail detail) {
  api::iam::Policy out{.policy_name = policy.name,
                       .policy_id = policy.id,
                       .arn = arn_of(account, policy),
                       .path = policy.path,
                       .default_version_id = policy.default_version,
                       .attachment_count = use.attachments,
                       .permissions_boundary_usage_count = use.boundaries,
                       .is_attachable = true,
                       .create_date = policy.created,
                       .update_date = policy.updated};
  if (detail == Detail::full) {
    if (!policy.description.empty()) out.description = policy.description;
    out.tags = to_tags(policy.tags);
  }
  return out;
}

api::iam::Policy to_policy(const AwsPolicy& policy, PolicyUse use, Detail detail) {
  api::iam::Policy out{.policy_name = std::string(policy.name),
                       .policy_id = id_of(policy),
                       .arn = arn_of(policy),
                       .path = std::string(policy.path),
                       .default_version_id = "v1",
                       .attachment_count = use.attachments,
                       .permissions_boundary_usage_count = use.boundaries,
                       .is_attachable = true,
                       .create_date = aws_policy_time,
                       .update_date = aws_policy_time};
  if (detail == Detail::full) out.description = policy.description;
  return out;
}

PolicyVersion version_of(const AwsPolicy& policy) {
  return {.id = "v1", .document = std::string(policy.document), .created = aws_policy_time};
}

}  // namespace boreal::iam
