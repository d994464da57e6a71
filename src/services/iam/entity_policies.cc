// What users, groups and roles have alike: inline policies, attached ones, boundaries.
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

namespace {

aws::ApiError no_such_inline(Kind kind, std::string_view name) {
  return errors::no_such_entity_exception(fmt::format("The {} policy with name {} cannot be found.", word(kind), name));
}

// A page of the names of inline policies.
template <class Out, class In>
Outcome<Out> inline_page(const EntityRecord& entity, const In& input) {
  std::vector<std::string> names;
  for (const auto& [name, document] : entity.inline_policies) names.push_back(name);
  TRY(auto next, cut_page(names, input.marker, input.max_items, [](const auto& name) { return name; }));
  Out out;
  out.policy_names = std::move(names);
  set_page(out, std::move(next));
  return out;
}

// A page of attached policies. Two may have one name: an own one and one of AWS's.
template <class Out, class In>
Outcome<Out> attached_page(const EntityRecord& entity, const In& input) {
  std::vector<AttachedPolicy> attached = to_attached(entity);
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(attached, [&](const auto& policy) {
    const auto name = parse_resource(*policy.policy_arn);
    return !name || !name->path.starts_with(prefix);
  });
  const auto key_of = [](const AttachedPolicy& policy) {
    return *policy.policy_name + (policy.policy_arn->starts_with("arn:aws:iam::aws:") ? "/aws" : "/own");
  };
  std::ranges::sort(attached, {}, key_of);
  TRY(auto next, cut_page(attached, input.marker, input.max_items, key_of));
  Out out;
  out.attached_policies = std::move(attached);
  set_page(out, std::move(next));
  return out;
}

}  // namespace

Task<Outcome<void>> Service::put_inline(Call& call, Kind kind, std::string entity, std::string name,
                                        std::string document) {
  CO_CHECK(check_name("policyName", name, 128));
  CO_CHECK(check_document(document, aws::PolicyKind::identity));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, kind, entity));
  CO_CHECK(check_ordinary(record));
  record.inline_policies[name] = std::move(document);
  size_t size = 0;
  for (const auto& [other, text] : record.inline_policies) size += counted_size(text);
  if (size > max_inline(kind)) {
    co_return aws::refuse(errors::limit_exceeded_exception(
        fmt::format("Maximum policy size of {} bytes exceeded for {} {}", max_inline(kind), word(kind), record.name)));
  }
  put(tx, kind, record);
  co_return co_await commit(tx, call.account);
}

Outcome<std::string> Service::get_inline(const Call& call, Kind kind, const std::string& entity,
                                         const std::string& name) const {
  TRY(const auto record, need_entity(account(call), kind, entity));
  const auto found = record.inline_policies.find(name);
  if (found == record.inline_policies.end()) return aws::refuse(no_such_inline(kind, name));
  return to_wire(found->second);
}

Task<Outcome<void>> Service::delete_inline(Call& call, Kind kind, std::string entity, std::string name) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, kind, entity));
  CO_CHECK(check_ordinary(record));
  if (record.inline_policies.erase(name) == 0) co_return aws::refuse(no_such_inline(kind, name));
  put(tx, kind, record);
  co_return co_await commit(tx, call.account);
}

Task<Outcome<void>> Service::attach(Call& call, Kind kind, std::string entity, std::string policy_arn) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, kind, entity));
  CO_CHECK(check_ordinary(record));
  CO_CHECK(check_attachable(call.account, policy_arn));
  if (std::ranges::find(record.attached, policy_arn) != record.attached.end()) co_return Outcome<void>();
  if (record.attached.size() >= max_attached) {
    constexpr std::string_view quotas[] = {"PoliciesPerUser", "PoliciesPerGroup", "PoliciesPerRole"};
    co_return aws::refuse(quota_exceeded(quotas[static_cast<size_t>(kind)], max_attached));
  }
  record.attached.push_back(std::move(policy_arn));
  put(tx, kind, record);
  co_return co_await commit(tx, call.account);
}

Task<Outcome<void>> Service::detach(Call& call, Kind kind, std::string entity, std::string policy_arn) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, kind, entity));
  CO_CHECK(check_ordinary(record));
  if (std::erase(record.attached, policy_arn) == 0) co_return aws::refuse(no_such_policy(policy_arn));
  put(tx, kind, record);
  co_return co_await commit(tx, call.account);
}

Task<Outcome<void>> Service::set_boundary(Call& call, Kind kind, std::string entity, std::string policy_arn) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, kind, entity));
  CO_CHECK(check_ordinary(record));
  if (policy_arn.empty() && record.boundary.empty()) {
    co_return aws::refuse(errors::no_such_entity_exception(
        fmt::format("The {} {} has no permissions boundary.", word(kind), record.name)));
  }
  if (!policy_arn.empty()) CO_CHECK(check_attachable(call.account, policy_arn));
  record.boundary = std::move(policy_arn);
  put(tx, kind, record);
  co_return co_await commit(tx, call.account);
}

// --- Users ---

Task<Outcome<PutUserPolicyOutput>> Service::put_user_policy(Call& call, PutUserPolicyRequest input) {
  CO_CHECK(co_await put_inline(call, Kind::user, input.user_name, input.policy_name, input.policy_document));
  co_return PutUserPolicyOutput{};
}
Task<Outcome<GetUserPolicyResponse>> Service::get_user_policy(Call& call, GetUserPolicyRequest input) {
  CO_TRY(auto document, get_inline(call, Kind::user, input.user_name, input.policy_name));
  co_return GetUserPolicyResponse{
      .user_name = input.user_name, .policy_name = input.policy_name, .policy_document = std::move(document)};
}
Task<Outcome<DeleteUserPolicyOutput>> Service::delete_user_policy(Call& call, DeleteUserPolicyRequest input) {
  CO_CHECK(co_await delete_inline(call, Kind::user, input.user_name, input.policy_name));
  co_return DeleteUserPolicyOutput{};
}
Task<Outcome<ListUserPoliciesResponse>> Service::list_user_policies(Call& call, ListUserPoliciesRequest input) {
  CO_TRY(const auto user, need_entity(account(call), Kind::user, input.user_name));
  co_return inline_page<ListUserPoliciesResponse>(user, input);
}
Task<Outcome<AttachUserPolicyOutput>> Service::attach_user_policy(Call& call, AttachUserPolicyRequest input) {
  CO_CHECK(co_await attach(call, Kind::user, input.user_name, input.policy_arn));
  co_return AttachUserPolicyOutput{};
}
Task<Outcome<DetachUserPolicyOutput>> Service::detach_user_policy(Call& call, DetachUserPolicyRequest input) {
  CO_CHECK(co_await detach(call, Kind::user, input.user_name, input.policy_arn));
  co_return DetachUserPolicyOutput{};
}
Task<Outcome<ListAttachedUserPoliciesResponse>> Service::list_attached_user_policies(
    Call& call, ListAttachedUserPoliciesRequest input) {
  CO_TRY(const auto user, need_entity(account(call), Kind::user, input.user_name));
  co_return attached_page<ListAttachedUserPoliciesResponse>(user, input);
}
Task<Outcome<PutUserPermissionsBoundaryOutput>> Service::put_user_permissions_boundary(
    Call& call, PutUserPermissionsBoundaryRequest input) {
  CO_CHECK(co_await set_boundary(call, Kind::user, input.user_name, input.permissions_boundary));
  co_return PutUserPermissionsBoundaryOutput{};
}
Task<Outcome<DeleteUserPermissionsBoundaryOutput>> Service::delete_user_permissions_boundary(
    Call& call, DeleteUserPermissionsBoundaryRequest input) {
  CO_CHECK(co_await set_boundary(call, Kind::user, input.user_name, ""));
  co_return DeleteUserPermissionsBoundaryOutput{};
}

// --- Groups ---

Task<Outcome<PutGroupPolicyOutput>> Service::put_group_policy(Call& call, PutGroupPolicyRequest input) {
  CO_CHECK(co_await put_inline(call, Kind::group, input.group_name, input.policy_name, input.policy_document));
  co_return PutGroupPolicyOutput{};
}
Task<Outcome<GetGroupPolicyResponse>> Service::get_group_policy(Call& call, GetGroupPolicyRequest input) {
  CO_TRY(auto document, get_inline(call, Kind::group, input.group_name, input.policy_name));
  co_return GetGroupPolicyResponse{
      .group_name = input.group_name, .policy_name = input.policy_name, .policy_document = std::move(document)};
}
Task<Outcome<DeleteGroupPolicyOutput>> Service::delete_group_policy(Call& call, DeleteGroupPolicyRequest input) {
  CO_CHECK(co_await delete_inline(call, Kind::group, input.group_name, input.policy_name));
  co_return DeleteGroupPolicyOutput{};
}
Task<Outcome<ListGroupPoliciesResponse>> Service::list_group_policies(Call& call, ListGroupPoliciesRequest input) {
  CO_TRY(const auto group, need_entity(account(call), Kind::group, input.group_name));
  co_return inline_page<ListGroupPoliciesResponse>(group, input);
}
Task<Outcome<AttachGroupPolicyOutput>> Service::attach_group_policy(Call& call, AttachGroupPolicyRequest input) {
  CO_CHECK(co_await attach(call, Kind::group, input.group_name, input.policy_arn));
  co_return AttachGroupPolicyOutput{};
}
Task<Outcome<DetachGroupPolicyOutput>> Service::detach_group_policy(Call& call, DetachGroupPolicyRequest input) {
  CO_CHECK(co_await detach(call, Kind::group, input.group_name, input.policy_arn));
  co_return DetachGroupPolicyOutput{};
}
Task<Outcome<ListAttachedGroupPoliciesResponse>> Service::list_attached_group_policies(
    Call& call, ListAttachedGroupPoliciesRequest input) {
  CO_TRY(const auto group, need_entity(account(call), Kind::group, input.group_name));
  co_return attached_page<ListAttachedGroupPoliciesResponse>(group, input);
}

// --- Roles ---

Task<Outcome<PutRolePolicyOutput>> Service::put_role_policy(Call& call, PutRolePolicyRequest input) {
  CO_CHECK(co_await put_inline(call, Kind::role, input.role_name, input.policy_name, input.policy_document));
  co_return PutRolePolicyOutput{};
}
Task<Outcome<GetRolePolicyResponse>> Service::get_role_policy(Call& call, GetRolePolicyRequest input) {
  CO_TRY(auto document, get_inline(call, Kind::role, input.role_name, input.policy_name));
  co_return GetRolePolicyResponse{
      .role_name = input.role_name, .policy_name = input.policy_name, .policy_document = std::move(document)};
}
Task<Outcome<DeleteRolePolicyOutput>> Service::delete_role_policy(Call& call, DeleteRolePolicyRequest input) {
  CO_CHECK(co_await delete_inline(call, Kind::role, input.role_name, input.policy_name));
  co_return DeleteRolePolicyOutput{};
}
Task<Outcome<ListRolePoliciesResponse>> Service::list_role_policies(Call& call, ListRolePoliciesRequest input) {
  CO_TRY(const auto role, need_entity(account(call), Kind::role, input.role_name));
  co_return inline_page<ListRolePoliciesResponse>(role, input);
}
Task<Outcome<AttachRolePolicyOutput>> Service::attach_role_policy(Call& call, AttachRolePolicyRequest input) {
  CO_CHECK(co_await attach(call, Kind::role, input.role_name, input.policy_arn));
  co_return AttachRolePolicyOutput{};
}
Task<Outcome<DetachRolePolicyOutput>> Service::detach_role_policy(Call& call, DetachRolePolicyRequest input) {
  CO_CHECK(co_await detach(call, Kind::role, input.role_name, input.policy_arn));
  co_return DetachRolePolicyOutput{};
}
Task<Outcome<ListAttachedRolePoliciesResponse>> Service::list_attached_role_policies(
    Call& call, ListAttachedRolePoliciesRequest input) {
  CO_TRY(const auto role, need_entity(account(call), Kind::role, input.role_name));
  co_return attached_page<ListAttachedRolePoliciesResponse>(role, input);
}
Task<Outcome<PutRolePermissionsBoundaryOutput>> Service::put_role_permissions_boundary(
    Call& call, PutRolePermissionsBoundaryRequest input) {
  CO_CHECK(co_await set_boundary(call, Kind::role, input.role_name, input.permissions_boundary));
  co_return PutRolePermissionsBoundaryOutput{};
}
Task<Outcome<DeleteRolePermissionsBoundaryOutput>> Service::delete_role_permissions_boundary(
    Call& call, DeleteRolePermissionsBoundaryRequest input) {
  CO_CHECK(co_await set_boundary(call, Kind::role, input.role_name, ""));
  co_return DeleteRolePermissionsBoundaryOutput{};
}

}  // namespace boreal::iam
