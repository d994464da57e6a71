#include "iam/convert.h"
#include "iam/documents.h"
#include "iam/limits.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using namespace api::iam;
using aws::Call;
using aws::Outcome;
using EntityRecord = iam::Entity;
using ProfileRecord = iam::InstanceProfile;

namespace {

// Aliases are unique among all accounts, and so stand in a partition of their own.
struct Alias {
  std::string account;
  std::string name;
  BOREAL_RECORD(Alias, account, name)
};
std::string alias_partition() { return aws::partition("iam-aliases", "all"); }
std::string alias_key(std::string_view name) { return "alias/" + std::string(name); }
std::string account_key(std::string_view account) { return "account/" + std::string(account); }

bool is_alias(std::string_view text) {
  const auto allowed = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
  return text.size() >= 3 && text.size() <= 63 && std::ranges::all_of(text, allowed) && text.front() != '-' &&
         text.back() != '-' && text.find("--") == std::string_view::npos;
}

std::vector<PolicyDetail> inline_details(const EntityRecord& entity) {
  std::vector<PolicyDetail> out;
  for (const auto& [name, document] : entity.inline_policies) {
    out.push_back({.policy_name = name, .policy_document = to_wire(document)});
  }
  return out;
}

UserDetail user_detail(std::string_view account, const EntityRecord& user) {
  return {.path = user.path,
          .user_name = user.name,
          .user_id = user.id,
          .arn = arn_of(account, Kind::user, user),
          .create_date = user.created,
          .user_policy_list = inline_details(user),
          .group_list = user.groups,
          .attached_managed_policies = to_attached(user),
          .permissions_boundary = to_boundary(user),
          .tags = to_tags(user.tags)};
}

GroupDetail group_detail(std::string_view account, const EntityRecord& group) {
  return {.path = group.path,
          .group_name = group.name,
          .group_id = group.id,
          .arn = arn_of(account, Kind::group, group),
          .create_date = group.created,
          .group_policy_list = inline_details(group),
          .attached_managed_policies = to_attached(group)};
}

RoleDetail role_detail(std::string_view account, const EntityRecord& role, const std::vector<ProfileRecord>& profiles) {
  RoleDetail out{.path = role.path,
                 .role_name = role.name,
                 .role_id = role.id,
                 .arn = arn_of(account, Kind::role, role),
                 .create_date = role.created,
                 .assume_role_policy_document = to_wire(role.trust_policy),
                 .instance_profile_list = std::vector<api::iam::InstanceProfile>(),
                 .role_policy_list = inline_details(role),
                 .attached_managed_policies = to_attached(role),
                 .permissions_boundary = to_boundary(role),
                 .tags = to_tags(role.tags),
                 .role_last_used = RoleLastUsed{}};
  for (const auto& profile : profiles) {
    if (!equal_ignoring_case(profile.role, role.name)) continue;
    out.instance_profile_list->push_back(to_profile(account, profile, &role, Detail::list));
  }
  return out;
}

ManagedPolicyDetail policy_detail(const api::iam::Policy& policy, const std::vector<iam::PolicyVersion>& versions) {
  ManagedPolicyDetail out{.policy_name = policy.policy_name,
                          .policy_id = policy.policy_id,
                          .arn = policy.arn,
                          .path = policy.path,
                          .default_version_id = policy.default_version_id,
                          .attachment_count = policy.attachment_count,
                          .permissions_boundary_usage_count = policy.permissions_boundary_usage_count,
                          .is_attachable = true,
                          .create_date = policy.create_date,
                          .update_date = policy.update_date,
                          .policy_version_list = std::vector<api::iam::PolicyVersion>()};
  for (const auto& version : versions) {
    out.policy_version_list->push_back(to_version(version, version.id == policy.default_version_id, Detail::full));
  }
  return out;
}

// One row of GetAccountAuthorizationDetails before its page is cut.
struct DetailRow {
  std::string key;
  std::function<void(GetAccountAuthorizationDetailsResponse&)> show;
};

}  // namespace

Task<Outcome<CreateAccountAliasOutput>> Service::create_account_alias(Call& call, CreateAccountAliasRequest input) {
  if (!is_alias(input.account_alias)) {
    co_return aws::refuse(errors::validation_error(fmt::format(
        "Value '{}' at 'accountAlias' must have 3 to 63 lower case letters, digits and single hyphens between them.",
        input.account_alias)));
  }
  auto tx = co_await context_.catalog.begin(alias_partition());
  CO_TRY(const auto taken, find<Alias>(tx, alias_key(input.account_alias)));
  if (taken) {
    co_return aws::refuse(errors::entity_already_exists_exception(
        fmt::format("The account alias {} already exists.", input.account_alias)));
  }
  CO_TRY(const auto old, find<Alias>(tx, account_key(call.account)));
  if (old) tx.remove(alias_key(old->name));
  const std::string record = store::encode(Alias{.account = call.account, .name = input.account_alias});
  tx.put(alias_key(input.account_alias), record);
  tx.put(account_key(call.account), record);
  CO_CHECK(co_await tx.commit());
  co_return CreateAccountAliasOutput{};
}

Task<Outcome<DeleteAccountAliasOutput>> Service::delete_account_alias(Call& call, DeleteAccountAliasRequest input) {
  auto tx = co_await context_.catalog.begin(alias_partition());
  CO_TRY(const auto own, find<Alias>(tx, account_key(call.account)));
  if (!own || own->name != input.account_alias) {
    co_return aws::refuse(
        errors::no_such_entity_exception(fmt::format("The account alias {} does not exist.", input.account_alias)));
  }
  tx.remove(alias_key(own->name));
  tx.remove(account_key(call.account));
  CO_CHECK(co_await tx.commit());
  co_return DeleteAccountAliasOutput{};
}

Task<Outcome<ListAccountAliasesResponse>> Service::list_account_aliases(Call& call, ListAccountAliasesRequest) {
  auto tx = co_await context_.catalog.begin(alias_partition());
  CO_TRY(const auto own, find<Alias>(tx, account_key(call.account)));
  ListAccountAliasesResponse out{.is_truncated = false};
  if (own) out.account_aliases.push_back(own->name);
  co_return out;
}

Task<Outcome<GetAccountSummaryResponse>> Service::get_account_summary(Call& call, GetAccountSummaryInput) {
  const Account from = account(call);
  std::map<std::string, int32_t> summary;
  const auto set = [&](const std::string& name, size_t value) { summary[name] = static_cast<int32_t>(value); };
  const auto count = [&](std::string_view prefix) -> Outcome<size_t> {
    TRY(const auto rows, from.scan(prefix));
    return rows.size();
  };
  CO_TRY(const size_t users, count(entity_prefix(Kind::user)));
  CO_TRY(const size_t groups, count(entity_prefix(Kind::group)));
  CO_TRY(const size_t roles, count(entity_prefix(Kind::role)));
  CO_TRY(const size_t profiles, count(profile_prefix));
  CO_TRY(const auto policies, all<ManagedPolicy>(from, policy_prefix));
  CO_TRY(const auto root, find<EntityRecord>(from, root_key));
  size_t versions = 0;
  for (const auto& policy : policies) versions += policy.versions.size();
  set("Users", users);
  set("UsersQuota", max_users);
  set("Groups", groups);
  set("GroupsQuota", max_groups);
  set("Roles", roles);
  set("RolesQuota", max_roles);
  set("InstanceProfiles", profiles);
  set("InstanceProfilesQuota", max_profiles);
  set("Policies", policies.size());
  set("PoliciesQuota", max_policies);
  set("PolicyVersionsInUse", versions);
  set("PolicySizeQuota", max_managed_policy);
  set("VersionsPerPolicyQuota", max_versions);
  set("AttachedPoliciesPerUserQuota", max_attached);
  set("AttachedPoliciesPerGroupQuota", max_attached);
  set("AttachedPoliciesPerRoleQuota", max_attached);
  set("AccessKeysPerUserQuota", max_keys_per_user);
  set("GroupsPerUserQuota", max_groups_per_user);
  set("UserPolicySizeQuota", max_inline(Kind::user));
  set("GroupPolicySizeQuota", max_inline(Kind::group));
  set("RolePolicySizeQuota", max_inline(Kind::role));
  set("AssumeRolePolicySizeQuota", max_trust_policy);
  set("AccountAccessKeysPresent", root && !root->keys.empty() ? 1 : 0);
  set("AccountMFAEnabled", 0);
  set("MFADevices", 0);
  set("MFADevicesInUse", 0);
  set("ServerCertificates", 0);
  set("Providers", 0);
  co_return GetAccountSummaryResponse{.summary_map = std::move(summary)};
}

Task<Outcome<GetAccountAuthorizationDetailsResponse>> Service::get_account_authorization_details(
    Call& call, GetAccountAuthorizationDetailsRequest input) {
  const Account from = account(call);
  const auto wanted = [&](const std::string& filter) {
    return !input.filter || input.filter->empty() || std::ranges::find(*input.filter, filter) != input.filter->end();
  };
  const std::string& id = call.account;
  CO_TRY(const auto users, all<EntityRecord>(from, entity_prefix(Kind::user)));
  CO_TRY(const auto groups, all<EntityRecord>(from, entity_prefix(Kind::group)));
  CO_TRY(auto roles, all<EntityRecord>(from, entity_prefix(Kind::role)));
  for (auto& role : roles) CO_CHECK(show_trust_policy(context_.catalog, role));
  CO_TRY(const auto profiles, all<ProfileRecord>(from, profile_prefix));
  CO_TRY(const auto policies, all<ManagedPolicy>(from, policy_prefix));
  CO_TRY(auto uses, policy_uses(from));
  std::vector<DetailRow> rows;  // what they show is alive until the page has been made
  if (wanted("User")) {
    for (const auto& user : users) {
      rows.push_back({"1/" + user.id, [&](auto& out) { out.user_detail_list->push_back(user_detail(id, user)); }});
    }
  }
  if (wanted("Group")) {
    for (const auto& group : groups) {
      rows.push_back({"2/" + group.id, [&](auto& out) { out.group_detail_list->push_back(group_detail(id, group)); }});
    }
  }
  if (wanted("Role")) {
    for (const auto& role : roles) {
      rows.push_back(
          {"3/" + role.id, [&](auto& out) { out.role_detail_list->push_back(role_detail(id, role, profiles)); }});
    }
  }
  if (wanted("LocalManagedPolicy")) {
    for (const auto& policy : policies) {
      rows.push_back({"4/" + policy.id, [&](auto& out) {
                        const auto shown = to_policy(id, policy, uses[arn_of(id, policy)], Detail::list);
                        out.policies->push_back(policy_detail(shown, policy.versions));
                      }});
    }
  }
  if (wanted("AWSManagedPolicy")) {
    for (const auto& policy : aws_policies()) {
      if (!uses.contains(arn_of(policy))) continue;  // AWS shows those in use
      rows.push_back({"5/" + id_of(policy), [&](auto& out) {
                        const auto shown = to_policy(policy, uses[arn_of(policy)], Detail::list);
                        out.policies->push_back(policy_detail(shown, {version_of(policy)}));
                      }});
    }
  }
  std::ranges::sort(rows, {}, &DetailRow::key);
  CO_TRY(auto next, cut_page(rows, input.marker, input.max_items, [](const DetailRow& row) { return row.key; }));
  GetAccountAuthorizationDetailsResponse out;
  out.user_detail_list.emplace();
  out.group_detail_list.emplace();
  out.role_detail_list.emplace();
  out.policies.emplace();
  for (const auto& row : rows) row.show(out);
  set_page(out, std::move(next));
  co_return out;
}

}  // namespace boreal::iam
