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

// Services that have a role of their own in an account.
struct LinkedService {
  std::string_view service;
  std::string_view role;
  std::string_view policy;  // of the path /aws-service-role/
};
constexpr LinkedService linked_services[] = {
    {"rds.amazonaws.com", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy"},
    {"backup.amazonaws.com", "AWSServiceRoleForBackup", "AWSBackupServiceLinkedRolePolicyForBackup"},
};

Outcome<void> check_session_length(int64_t seconds) {
  if (seconds >= 3600 && seconds <= 43200) return {};
  return aws::refuse(errors::validation_error(
      fmt::format("Value '{}' at 'maxSessionDuration' failed to satisfy constraint: Member must be between 3600 and "
                  "43200",
                  seconds)));
}

}  // namespace

Task<Outcome<CreateRoleResponse>> Service::create_role(Call& call, CreateRoleRequest input) {
  EntityRecord role{.name = input.role_name,
                    .path = input.path.value_or("/"),
                    .description = input.description.value_or(""),
                    .max_session_s = input.max_session_duration.value_or(3600)};
  CO_CHECK(check_name("roleName", role.name, 64));
  CO_CHECK(check_path(role.path));
  if (role.path.starts_with("/aws-service-role/")) {
    co_return aws::refuse(errors::validation_error("The path /aws-service-role/ is for service-linked roles."));
  }
  CO_CHECK(check_session_length(role.max_session_s));
  if (input.tags) CO_CHECK(add_tags(role.tags, *input.tags, KeyCase::ignored));
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(check_new_entity(tx, Kind::role, role.name));
  CO_CHECK(set_trust_policy(context_.catalog, role, input.assume_role_policy_document));
  if (input.permissions_boundary) {
    CO_CHECK(check_attachable(call.account, *input.permissions_boundary));
    role.boundary = *input.permissions_boundary;
  }
  role.id = make_unique_id(id_prefix(Kind::role), context_.random);
  role.created = call.now;
  put(tx, Kind::role, role);
  CO_CHECK(co_await commit(tx, call.account));
  CO_CHECK(show_trust_policy(context_.catalog, role));
  co_return CreateRoleResponse{.role = to_role(call.account, role, Detail::full)};
}

Task<Outcome<GetRoleResponse>> Service::get_role(Call& call, GetRoleRequest input) {
  CO_TRY(auto role, need_entity(account(call), Kind::role, input.role_name));
  CO_CHECK(show_trust_policy(context_.catalog, role));
  co_return GetRoleResponse{.role = to_role(call.account, role, Detail::full, last_use(call.account, role.id))};
}

Task<Outcome<ListRolesResponse>> Service::list_roles(Call& call, ListRolesRequest input) {
  CO_TRY(auto roles, all<EntityRecord>(account(call), entity_prefix(Kind::role)));
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(roles, [&](const EntityRecord& role) { return !role.path.starts_with(prefix); });
  CO_TRY(auto next,
         cut_page(roles, input.marker, input.max_items, [](const auto& role) { return to_lower(role.name); }));
  ListRolesResponse out;
  for (auto& role : roles) {
    CO_CHECK(show_trust_policy(context_.catalog, role));
    out.roles.push_back(to_role(call.account, role, Detail::list));
  }
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<UpdateRoleResponse>> Service::update_role(Call& call, UpdateRoleRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto role, need_entity(tx, Kind::role, input.role_name));
  // Of a service-linked role too. Source: IAM User Guide, "Update a service-linked role".
  if (input.description) role.description = *input.description;
  if (input.max_session_duration) {
    CO_CHECK(check_ordinary(role));
    CO_CHECK(check_session_length(*input.max_session_duration));
    role.max_session_s = *input.max_session_duration;
  }
  put(tx, Kind::role, role);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UpdateRoleResponse{};
}

Task<Outcome<UpdateRoleDescriptionResponse>> Service::update_role_description(Call& call,
                                                                              UpdateRoleDescriptionRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto role, need_entity(tx, Kind::role, input.role_name));
  role.description = input.description;
  put(tx, Kind::role, role);
  CO_CHECK(co_await commit(tx, call.account));
  CO_CHECK(show_trust_policy(context_.catalog, role));
  co_return UpdateRoleDescriptionResponse{.role = to_role(call.account, role, Detail::full)};
}

Task<Outcome<UpdateAssumeRolePolicyOutput>> Service::update_assume_role_policy(Call& call,
                                                                               UpdateAssumeRolePolicyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto role, need_entity(tx, Kind::role, input.role_name));
  CO_CHECK(check_ordinary(role));
  CO_CHECK(set_trust_policy(context_.catalog, role, input.policy_document));
  put(tx, Kind::role, role);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UpdateAssumeRolePolicyOutput{};
}

Task<Outcome<DeleteRoleOutput>> Service::delete_role(Call& call, DeleteRoleRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto role, need_entity(tx, Kind::role, input.role_name));
  CO_CHECK(check_ordinary(role));
  const auto conflict = [](std::string_view what) {
    return aws::refuse(errors::delete_conflict_exception(fmt::format("Cannot delete entity, must {} first.", what)));
  };
  CO_TRY(const auto profiles, all<iam::InstanceProfile>(tx, profile_prefix));
  for (const auto& profile : profiles) {
    if (equal_ignoring_case(profile.role, role.name)) co_return conflict("remove roles from instance profile");
  }
  if (!role.attached.empty()) co_return conflict("detach all policies");
  if (!role.inline_policies.empty()) co_return conflict("delete policies");
  tx.remove(entity_key(Kind::role, role.name));
  tx.remove(used_key(role.id));
  CO_CHECK(co_await commit(tx, call.account));
  uses_.erase(role.id);
  co_return DeleteRoleOutput{};
}

Task<Outcome<CreateServiceLinkedRoleResponse>> Service::create_service_linked_role(
    Call& call, CreateServiceLinkedRoleRequest input) {
  const auto linked = std::ranges::find(linked_services, input.aws_service_name, &LinkedService::service);
  if (linked == std::end(linked_services)) {
    co_return aws::refuse(errors::invalid_input_exception(
        fmt::format("The service {} has no service-linked role here; rds.amazonaws.com and backup.amazonaws.com have.",
                    input.aws_service_name)));
  }
  if (input.custom_suffix) {
    co_return aws::refuse(
        errors::invalid_input_exception(fmt::format("Custom suffix is not allowed for {}", input.aws_service_name)));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto there, tx.get(entity_key(Kind::role, linked->role)));
  if (there) {
    co_return aws::refuse(errors::invalid_input_exception(fmt::format(
        "Service role name {} has been taken in this account, please try a different suffix.", linked->role)));
  }
  EntityRecord role{.name = std::string(linked->role),
                    .path = fmt::format("/aws-service-role/{}/", linked->service),
                    .id = make_unique_id(id_prefix(Kind::role), context_.random),
                    .created = call.now,
                    .attached = {fmt::format("arn:aws:iam::aws:policy/aws-service-role/{}", linked->policy)},
                    .trust_policy = fmt::format(
                        R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},)"
                        R"("Action":"sts:AssumeRole"}}]}})",
                        linked->service),
                    .description = input.description.value_or(""),
                    .linked_service = std::string(linked->service)};
  put(tx, Kind::role, role);
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreateServiceLinkedRoleResponse{.role = to_role(call.account, role, Detail::full)};
}

Task<Outcome<DeleteServiceLinkedRoleResponse>> Service::delete_service_linked_role(
    Call& call, DeleteServiceLinkedRoleRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto role, need_entity(tx, Kind::role, input.role_name));
  if (role.linked_service.empty()) {
    co_return aws::refuse(
        errors::invalid_input_exception(fmt::format("The role {} is not a service-linked role.", role.name)));
  }
  const std::string id = fmt::format("task{}{}/{}", role.path, role.name, context_.random.uuid());
  tx.remove(entity_key(Kind::role, role.name));
  tx.remove(used_key(role.id));
  tx.put("deletion/" + id, store::encode(Deletion{role.name}));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeleteServiceLinkedRoleResponse{.deletion_task_id = id};
}

Task<Outcome<GetServiceLinkedRoleDeletionStatusResponse>> Service::get_service_linked_role_deletion_status(
    Call& call, GetServiceLinkedRoleDeletionStatusRequest input) {
  CO_TRY(const auto deletion, find<Deletion>(account(call), "deletion/" + input.deletion_task_id));
  if (!deletion) {
    co_return aws::refuse(
        errors::no_such_entity_exception(fmt::format("The deletion task {} cannot be found.", input.deletion_task_id)));
  }
  co_return GetServiceLinkedRoleDeletionStatusResponse{.status = "SUCCEEDED"};
}

}  // namespace boreal::iam
