#include "codec/json_value.h"
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
using VersionRecord = iam::PolicyVersion;

namespace {

Outcome<void> check_managed(std::string_view document) {
  CHECK(check_document(document, aws::PolicyKind::identity));
  // Of 2008-10-17 ${aws:username} would be a text that no name is like: what is denied by it would be denied to nobody.
  const auto json = json::parse(document);
  const auto* version = json ? json->find("Version") : nullptr;
  if (version == nullptr || !version->string() || *version->string() != "2012-10-17") {
    return aws::refuse(
        errors::malformed_policy_document_exception("Policy document must be version 2012-10-17 or greater."));
  }
  if (counted_size(document) > max_managed_policy) return aws::refuse(quota_exceeded("PolicySize", max_managed_policy));
  return {};
}

Outcome<void> check_own(std::string_view arn) {
  if (find_aws_policy(arn) == nullptr) return {};
  return aws::refuse(aws::ApiError("AccessDenied", 403, fmt::format("Policy {} is managed by AWS.", arn)));
}

aws::ApiError no_such_version(std::string_view arn, std::string_view version) {
  return errors::no_such_entity_exception(fmt::format("Policy {} version {} does not exist.", arn, version));
}

void add_use(std::map<std::string, PolicyUse>& uses, const EntityRecord& entity) {
  for (const auto& arn : entity.attached) ++uses[arn].attachments;
  if (!entity.boundary.empty()) ++uses[entity.boundary].boundaries;
}

}  // namespace

PolicyUse use_of(const PolicyUses& uses, const std::string& arn) {
  const auto found = uses.find(arn);
  return found == uses.end() ? PolicyUse() : found->second;
}

Outcome<PolicyUses> policy_uses(const Account& account) {
  PolicyUses uses;
  for (const Kind kind : {Kind::user, Kind::group, Kind::role}) {
    TRY(const auto entities, all<EntityRecord>(account, entity_prefix(kind)));
    for (const auto& entity : entities) add_use(uses, entity);
  }
  return uses;
}

// Whoever applies a tree of policies asks for each of them, and the account is looked through once.
Outcome<std::shared_ptr<const PolicyUses>> Service::known_uses(const std::string& account_id) {
  Cache& known = cache(account_id);
  if (known.uses == nullptr) {
    TRY(auto uses, policy_uses(account(account_id)));
    known.uses = std::make_shared<const PolicyUses>(std::move(uses));
  }
  return known.uses;
}

Task<Outcome<CreatePolicyResponse>> Service::create_policy(Call& call, CreatePolicyRequest input) {
  ManagedPolicy policy{.name = input.policy_name,
                       .path = input.path.value_or("/"),
                       .description = input.description.value_or(""),
                       .created = call.now,
                       .updated = call.now};
  CO_CHECK(check_name("policyName", policy.name, 128));
  CO_CHECK(check_path(policy.path));
  CO_CHECK(check_managed(input.policy_document));
  if (input.tags) CO_CHECK(add_tags(policy.tags, *input.tags, KeyCase::counts));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto rows, tx.scan(policy_prefix));
  for (const auto& [key, text] : rows) {
    if (key != policy_key(policy.name)) continue;
    co_return aws::refuse(errors::entity_already_exists_exception(
        fmt::format("A policy called {} already exists. Duplicate names are not allowed.", policy.name)));
  }
  if (rows.size() >= max_policies) co_return aws::refuse(quota_exceeded("PoliciesPerAccount", max_policies));
  policy.id = make_unique_id("ANPA", context_.random);
  policy.versions.push_back({.id = "v1", .document = std::move(input.policy_document), .created = call.now});
  policy.default_version = "v1";
  policy.next_version = 2;
  tx.put(policy_key(policy.name), store::encode(policy));
  CO_CHECK(co_await commit(tx, call.account));
  auto shown = to_policy(call.account, policy, {}, Detail::list);
  shown.tags = to_tags(policy.tags);
  co_return CreatePolicyResponse{.policy = std::move(shown)};
}

Task<Outcome<GetPolicyResponse>> Service::get_policy(Call& call, GetPolicyRequest input) {
  CO_TRY(const auto uses, known_uses(call.account));
  const PolicyUse use = use_of(*uses, input.policy_arn);
  if (const AwsPolicy* policy = find_aws_policy(input.policy_arn)) {
    co_return GetPolicyResponse{.policy = to_policy(*policy, use, Detail::full)};
  }
  CO_TRY(const auto policy, need_policy(account(call), call.account, input.policy_arn));
  co_return GetPolicyResponse{.policy = to_policy(call.account, policy, use, Detail::full)};
}

Task<Outcome<ListPoliciesResponse>> Service::list_policies(Call& call, ListPoliciesRequest input) {
  CO_TRY(const auto uses, known_uses(call.account));
  const std::string scope = input.scope.value_or("All");
  std::vector<api::iam::Policy> policies;
  if (scope != "AWS") {
    CO_TRY(const auto own, all<ManagedPolicy>(account(call), policy_prefix));
    for (const auto& policy : own) {
      policies.push_back(to_policy(call.account, policy, use_of(*uses, arn_of(call.account, policy)), Detail::list));
    }
  }
  if (scope != "Local") {
    for (const auto& policy : aws_policies())
      policies.push_back(to_policy(policy, use_of(*uses, arn_of(policy)), Detail::list));
  }
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(policies, [&](const auto& policy) {
    const int32_t counted = input.policy_usage_filter == "PermissionsBoundary"
                                ? *policy.permissions_boundary_usage_count
                                : *policy.attachment_count;
    return !policy.path->starts_with(prefix) || (input.only_attached.value_or(false) && counted == 0);
  });
  const auto key_of = [](const api::iam::Policy& policy) {
    return to_lower(*policy.policy_name) + (policy.arn->starts_with("arn:aws:iam::aws:") ? "/aws" : "/own");
  };
  std::ranges::sort(policies, {}, key_of);
  CO_TRY(auto next, cut_page(policies, input.marker, input.max_items, key_of));
  ListPoliciesResponse out{.policies = std::move(policies)};
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<DeletePolicyOutput>> Service::delete_policy(Call& call, DeletePolicyRequest input) {
  CO_CHECK(check_own(input.policy_arn));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto policy, need_policy(tx, call.account, input.policy_arn));
  CO_TRY(const auto uses, policy_uses(account(call)));
  const PolicyUse use = use_of(uses, input.policy_arn);
  if (use.attachments + use.boundaries > 0) {
    co_return aws::refuse(errors::delete_conflict_exception("Cannot delete a policy attached to entities."));
  }
  if (policy.versions.size() > 1) {
    co_return aws::refuse(errors::delete_conflict_exception(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The "
        "default version is deleted with the policy."));
  }
  tx.remove(policy_key(policy.name));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeletePolicyOutput{};
}

Task<Outcome<CreatePolicyVersionResponse>> Service::create_policy_version(Call& call,
                                                                          CreatePolicyVersionRequest input) {
  CO_CHECK(check_own(input.policy_arn));
  CO_CHECK(check_managed(input.policy_document));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto policy, need_policy(tx, call.account, input.policy_arn));
  if (policy.versions.size() >= max_versions) {
    co_return aws::refuse(errors::limit_exceeded_exception(
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version."));
  }
  const bool is_default = input.set_as_default.value_or(false);
  const VersionRecord version{.id = fmt::format("v{}", policy.next_version++),
                              .document = std::move(input.policy_document),
                              .created = call.now};
  policy.versions.push_back(version);
  policy.updated = call.now;
  if (is_default) policy.default_version = version.id;
  tx.put(policy_key(policy.name), store::encode(policy));
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreatePolicyVersionResponse{.policy_version = to_version(version, is_default, Detail::list)};
}

Task<Outcome<GetPolicyVersionResponse>> Service::get_policy_version(Call& call, GetPolicyVersionRequest input) {
  if (const AwsPolicy* policy = find_aws_policy(input.policy_arn)) {
    if (input.version_id != "v1") co_return aws::refuse(no_such_version(input.policy_arn, input.version_id));
    co_return GetPolicyVersionResponse{.policy_version = to_version(version_of(*policy), true, Detail::full)};
  }
  CO_TRY(const auto policy, need_policy(account(call), call.account, input.policy_arn));
  const VersionRecord* version = find_version(policy, input.version_id);
  if (version == nullptr) co_return aws::refuse(no_such_version(input.policy_arn, input.version_id));
  co_return GetPolicyVersionResponse{.policy_version =
                                         to_version(*version, version->id == policy.default_version, Detail::full)};
}

Task<Outcome<ListPolicyVersionsResponse>> Service::list_policy_versions(Call& call, ListPolicyVersionsRequest input) {
  ListPolicyVersionsResponse out{.versions = std::vector<api::iam::PolicyVersion>()};
  if (const AwsPolicy* policy = find_aws_policy(input.policy_arn)) {
    out.versions->push_back(to_version(version_of(*policy), true, Detail::list));
    set_page(out, std::nullopt);
    co_return out;
  }
  CO_TRY(const auto policy, need_policy(account(call), call.account, input.policy_arn));
  // The newest first. Keys must rise: the number's distance from the next one.
  for (auto version = policy.versions.rbegin(); version != policy.versions.rend(); ++version) {
    out.versions->push_back(to_version(*version, version->id == policy.default_version, Detail::list));
  }
  const auto key_of = [&](const api::iam::PolicyVersion& version) {
    const auto number = parse_int(std::string_view(*version.version_id).substr(1));
    return fmt::format("{:012}", policy.next_version - number.value_or(0));
  };
  CO_TRY(auto next, cut_page(*out.versions, input.marker, input.max_items, key_of));
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<DeletePolicyVersionOutput>> Service::delete_policy_version(Call& call, DeletePolicyVersionRequest input) {
  CO_CHECK(check_own(input.policy_arn));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto policy, need_policy(tx, call.account, input.policy_arn));
  if (find_version(policy, input.version_id) == nullptr) {
    co_return aws::refuse(no_such_version(input.policy_arn, input.version_id));
  }
  if (input.version_id == policy.default_version) {
    co_return aws::refuse(errors::delete_conflict_exception("Cannot delete the default version of a policy."));
  }
  std::erase_if(policy.versions, [&](const auto& version) { return version.id == input.version_id; });
  policy.updated = call.now;
  tx.put(policy_key(policy.name), store::encode(policy));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeletePolicyVersionOutput{};
}

Task<Outcome<SetDefaultPolicyVersionOutput>> Service::set_default_policy_version(Call& call,
                                                                                 SetDefaultPolicyVersionRequest input) {
  CO_CHECK(check_own(input.policy_arn));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto policy, need_policy(tx, call.account, input.policy_arn));
  if (find_version(policy, input.version_id) == nullptr) {
    co_return aws::refuse(no_such_version(input.policy_arn, input.version_id));
  }
  policy.default_version = input.version_id;
  policy.updated = call.now;
  tx.put(policy_key(policy.name), store::encode(policy));
  CO_CHECK(co_await commit(tx, call.account));
  co_return SetDefaultPolicyVersionOutput{};
}

Task<Outcome<ListEntitiesForPolicyResponse>> Service::list_entities_for_policy(Call& call,
                                                                               ListEntitiesForPolicyRequest input) {
  if (find_aws_policy(input.policy_arn) == nullptr) {
    CO_CHECK(need_policy(account(call), call.account, input.policy_arn));
  }
  struct Row {
    Kind kind;
    EntityRecord entity;
  };
  std::vector<Row> rows;
  const std::string filter = input.entity_filter.value_or("");
  const std::string prefix = input.path_prefix.value_or("/");
  const std::string usage = input.policy_usage_filter.value_or("");
  for (const Kind kind : {Kind::group, Kind::role, Kind::user}) {
    const std::string_view wanted = kind == Kind::user ? "User" : kind == Kind::group ? "Group" : "Role";
    if (filter == "LocalManagedPolicy" || filter == "AWSManagedPolicy" || (!filter.empty() && filter != wanted))
      continue;
    CO_TRY(auto entities, all<EntityRecord>(account(call), entity_prefix(kind)));
    for (auto& entity : entities) {
      const bool attached = std::ranges::find(entity.attached, input.policy_arn) != entity.attached.end();
      const bool boundary = entity.boundary == input.policy_arn;
      const bool used = (attached && usage != "PermissionsBoundary") || (boundary && usage != "PermissionsPolicy");
      if (used && entity.path.starts_with(prefix)) rows.push_back({kind, std::move(entity)});
    }
  }
  CO_TRY(auto next, cut_page(rows, input.marker, input.max_items,
                             [](const Row& row) { return entity_key(row.kind, row.entity.name); }));
  ListEntitiesForPolicyResponse out;
  out.policy_groups.emplace();
  out.policy_users.emplace();
  out.policy_roles.emplace();
  for (const auto& [kind, entity] : rows) {
    if (kind == Kind::user) out.policy_users->push_back({.user_name = entity.name, .user_id = entity.id});
    if (kind == Kind::group) out.policy_groups->push_back({.group_name = entity.name, .group_id = entity.id});
    if (kind == Kind::role) out.policy_roles->push_back({.role_name = entity.name, .role_id = entity.id});
  }
  set_page(out, std::move(next));
  co_return out;
}

}  // namespace boreal::iam
