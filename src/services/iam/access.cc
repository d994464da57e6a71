// What a call to IAM touches, as policies name it: ARNs hold the path of what is there already, and conditions ask for
// tags, boundaries and attached policies.
#include <fmt/format.h>

#include <algorithm>

#include "iam/documents.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using aws::Access;
using aws::Call;
using aws::Outcome;

namespace {

constexpr std::string_view create = "Create";

// Conditions on the policy that is attached, and on the boundary of who gets permissions, are for these alone: others
// that name a policy or touch somebody with a boundary are not allowed by them. Source: Service Authorization
// Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
bool attaches(std::string_view operation) {
  return (operation.starts_with("Attach") || operation.starts_with("Detach")) && operation.ends_with("Policy");
}
bool asks_boundary(std::string_view operation) {
  constexpr std::string_view names[] = {"AttachRolePolicy",
                                        "AttachUserPolicy",
                                        "CreateRole",
                                        "CreateUser",
                                        "DeleteRole",
                                        "DeleteRolePermissionsBoundary",
                                        "DeleteRolePolicy",
                                        "DeleteUserPermissionsBoundary",
                                        "DeleteUserPolicy",
                                        "DetachRolePolicy",
                                        "DetachUserPolicy",
                                        "GetRole",
                                        "PutRolePermissionsBoundary",
                                        "PutRolePolicy",
                                        "PutUserPermissionsBoundary",
                                        "PutUserPolicy",
                                        "UpdateAssumeRolePolicy",
                                        "UpdateRole",
                                        "UpdateRoleDescription"};
  return std::ranges::find(names, operation) != std::end(names);
}

// Others add to what is there (CreateAccessKey, CreatePolicyVersion), or name it by themselves
// (CreateServiceLinkedRole).
bool makes_what_it_names(std::string_view operation) {
  constexpr std::string_view names[] = {"CreateGroup", "CreateInstanceProfile", "CreatePolicy", "CreateRole",
                                        "CreateUser"};
  return std::ranges::find(names, operation) != std::end(names);
}

std::string member(const aws::Value& input, std::string_view name) {
  return aws::string_member(input, name).value_or("");
}

// Who is given another name or path is one of others then: their caller must be allowed those too.
std::optional<Access> as_renamed(const aws::Value& input, const Access& access) {
  const auto now = parse_resource(access.resource);
  const bool is_user = now && now->type == "user";
  auto name = aws::string_member(input, is_user ? "NewUserName" : "NewGroupName");
  auto path = aws::string_member(input, "NewPath");
  if (!now || (!name && !path)) return std::nullopt;
  Access renamed = access;
  renamed.resource = fmt::format("arn:aws:iam::{}:{}{}{}", now->account, now->type, path.value_or(now->path),
                                 name.value_or(now->name));
  return renamed;
}

std::optional<Kind> kind_of(std::string_view type) {
  if (type == "user") return Kind::user;
  if (type == "group") return Kind::group;
  if (type == "role") return Kind::role;
  return std::nullopt;
}

// Who or what it is and where: another of the name is another, and so is who was moved to another path. Empty: nothing.
template <class T, class From>
Outcome<std::string> identity_of(const From& from, const std::string& key) {
  TRY(const auto record, find<T>(from, key));
  return record ? fmt::format("{} {}{}", record->id, record->path, record->name) : "";
}
template <class From>
Outcome<std::string> identity_at(const From& from, const std::string& key) {
  if (key.starts_with(policy_prefix)) return identity_of<ManagedPolicy>(from, key);
  if (key.starts_with(profile_prefix)) return identity_of<InstanceProfile>(from, key);
  return identity_of<Entity>(from, key);
}

// The key of the record that the resource's ARN leads to; empty: there are none of its kind.
std::string key_of(const ResourceName& name) {
  if (const auto kind = kind_of(name.type)) return entity_key(*kind, name.name);
  if (name.type == "instance-profile") return profile_key(name.name);
  return name.type == "policy" ? policy_key(name.name) : "";
}

}  // namespace

// Names mean whoever has them, and users and groups may be renamed: whoever may do that must not so have another do
// what was allowed for the one of that name before.
Task<Outcome<store::Transaction>> Service::begin(const Call& call) {
  auto tx = co_await context_.catalog.begin(partition(call.account));
  for (const auto& [key, identity] : call.asked_for) {
    CO_TRY(const auto now, identity_at(tx, key));
    if (now == identity) continue;
    co_return aws::refuse(api::iam::errors::no_such_entity_exception(
        "What the request names was created, renamed, moved or deleted while the request waited."));
  }
  co_return tx;
}

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  const aws::Principal& caller = call.caller.principal();
  const bool own_session = caller.kind == aws::Principal::Kind::user || caller.kind == aws::Principal::Kind::root;
  if (own_session && caller.issued != Time()) {
    // AWS: sessions of GetSessionToken may not call IAM unless they were made with a second factor, and none is kept
    // here.
    co_return aws::refuse(
        aws::ApiError("InvalidClientTokenId", 403, "The security token included in the request is invalid"));
  }
  CO_TRY(auto accesses, co_await Api::access(call, operation, input));
  for (Access& access : accesses) CO_CHECK(complete(call, input, access));
  Access& first = accesses.front();
  if (operation.name == "UpdateUser" || operation.name == "UpdateGroup") {
    if (auto renamed = as_renamed(input, first)) accesses.push_back(std::move(*renamed));
  } else if (operation.name.starts_with(create) && first.context.contains("aws:TagKeys")) {
    // Tags decide who may do what: whoever makes something gives it none that they may not give it later.
    Access tagging = first;
    tagging.action = fmt::format("iam:Tag{}", operation.name.substr(create.size()));
    tagging.context.erase("iam:PermissionsBoundary");
    accesses.push_back(std::move(tagging));
  }
  co_return accesses;
}

Outcome<void> Service::complete(Call& call, const aws::Value& input, Access& access) const {
  const std::string_view operation = call.operation.name;
  const Account from = account(call);
  const aws::Principal& caller = call.caller.principal();
  if (operation == "GetAccessKeyLastUsed") {
    TRY(const auto owner, find<KeyOwner>(from, access_key_key(member(input, "AccessKeyId"))));
    if (owner && !owner->user_id.empty()) {
      TRY(const auto name, find<EntityName>(from, id_key(owner->user_id)));
      if (name) access.resource = fmt::format("arn:aws:iam::{}:user/{}", call.account, name->name);
    }
  } else if (operation == "GetServiceLinkedRoleDeletionStatus") {
    // The role is gone, but its task is named after it: "task/PATH/NAME/UUID".
    const std::string task = member(input, "DeletionTaskId");
    if (task.starts_with("task/aws-service-role/"))
      access.resource = fmt::format("arn:aws:iam::{}:role{}", call.account, task.substr(4, task.rfind('/') - 4));
    return {};
  } else if (access.resource.ends_with(":user/*") && caller.kind == aws::Principal::Kind::user) {
    access.resource = caller.arn;  // no name: the caller's own
  }
  const auto tell = [&](std::string_view name, const char* key) {
    if (auto value = aws::string_member(input, name)) access.context.emplace(key, *value);
  };
  if (attaches(operation)) tell("PolicyArn", "iam:PolicyARN");
  if (asks_boundary(operation)) tell("PermissionsBoundary", "iam:PermissionsBoundary");
  tell("AWSServiceName", "iam:AWSServiceName");
  const auto name = parse_resource(access.resource);
  if (!name || name->account != call.account) return {};
  if (makes_what_it_names(operation)) {
    const std::string path = aws::string_member(input, "Path").value_or("/");
    access.resource = fmt::format("arn:aws:iam::{}:{}{}{}", call.account, name->type, path, name->name);
    return {};
  }
  const std::string key = key_of(*name);
  if (!key.empty()) {
    TRY(auto identity, identity_at(from, key));
    call.asked_for.emplace(key, std::move(identity));
  }
  if (const auto kind = kind_of(name->type)) {
    TRY(const auto entity, find<Entity>(from, key));
    if (!entity) return {};
    access.resource = arn_of(call.account, *kind, *entity);
    add_tags_of_principal(entity->tags, access.context);
    if (asks_boundary(operation) && !entity->boundary.empty() && !access.context.contains("iam:PermissionsBoundary")) {
      access.context.emplace("iam:PermissionsBoundary", entity->boundary);
    }
  } else if (name->type == "instance-profile") {
    TRY(const auto profile, find<InstanceProfile>(from, key));
    if (!profile) return {};
    access.resource = arn_of(call.account, *profile);
    add_tags_of_resource(profile->tags, access.context);
  } else if (name->type == "policy") {
    TRY(const auto policy, find_policy(from, call.account, access.resource));
    if (policy) add_tags_of_resource(policy->tags, access.context);
  }
  return {};
}

}  // namespace boreal::iam
