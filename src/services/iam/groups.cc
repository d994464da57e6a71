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

auto membership(EntityRecord& user, std::string_view group) {
  return std::ranges::find_if(user.groups, [&](const auto& name) { return equal_ignoring_case(name, group); });
}

// The group's members, in the order of their names.
template <class From>
Outcome<std::vector<EntityRecord>> members(const From& from, std::string_view group) {
  TRY(auto users, all<EntityRecord>(from, entity_prefix(Kind::user)));
  std::erase_if(users, [&](auto& user) { return membership(user, group) == user.groups.end(); });
  return users;
}

}  // namespace

Task<Outcome<CreateGroupResponse>> Service::create_group(Call& call, CreateGroupRequest input) {
  EntityRecord group{.name = input.group_name, .path = input.path.value_or("/")};
  CO_CHECK(check_name("groupName", group.name, 128));
  CO_CHECK(check_path(group.path));
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(check_new_entity(tx, Kind::group, group.name));
  group.id = make_unique_id(id_prefix(Kind::group), context_.random);
  group.created = call.now;
  put(tx, Kind::group, group);
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreateGroupResponse{.group = to_group(call.account, group)};
}

Task<Outcome<GetGroupResponse>> Service::get_group(Call& call, GetGroupRequest input) {
  CO_TRY(const auto group, need_entity(account(call), Kind::group, input.group_name));
  CO_TRY(auto users, members(account(call), group.name));
  CO_TRY(auto next,
         cut_page(users, input.marker, input.max_items, [](const auto& user) { return to_lower(user.name); }));
  GetGroupResponse out{.group = to_group(call.account, group)};
  for (const auto& user : users) out.users.push_back(to_user(call.account, user, Detail::list));
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<ListGroupsResponse>> Service::list_groups(Call& call, ListGroupsRequest input) {
  CO_TRY(auto groups, all<EntityRecord>(account(call), entity_prefix(Kind::group)));
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(groups, [&](const EntityRecord& group) { return !group.path.starts_with(prefix); });
  CO_TRY(auto next,
         cut_page(groups, input.marker, input.max_items, [](const auto& group) { return to_lower(group.name); }));
  ListGroupsResponse out;
  for (const auto& group : groups) out.groups.push_back(to_group(call.account, group));
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<UpdateGroupOutput>> Service::update_group(Call& call, UpdateGroupRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto group, need_entity(tx, Kind::group, input.group_name));
  if (input.new_path) {
    CO_CHECK(check_path(*input.new_path));
    group.path = *input.new_path;
  }
  if (input.new_group_name) {
    CO_CHECK(check_name("newGroupName", *input.new_group_name, 128));
    if (!equal_ignoring_case(*input.new_group_name, group.name)) {
      CO_CHECK(check_new_entity(tx, Kind::group, *input.new_group_name));
    }
    CO_TRY(auto users, members(tx, group.name));
    for (auto& user : users) {
      *membership(user, group.name) = *input.new_group_name;
      put(tx, Kind::user, user);
    }
    tx.remove(entity_key(Kind::group, group.name));
    group.name = *input.new_group_name;
  }
  put(tx, Kind::group, group);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UpdateGroupOutput{};
}

Task<Outcome<DeleteGroupOutput>> Service::delete_group(Call& call, DeleteGroupRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto group, need_entity(tx, Kind::group, input.group_name));
  const auto conflict = [](std::string_view what) {
    return aws::refuse(errors::delete_conflict_exception(fmt::format("Cannot delete entity, must {} first.", what)));
  };
  CO_TRY(const auto users, members(tx, group.name));
  if (!users.empty()) co_return conflict("remove users from group");
  if (!group.attached.empty()) co_return conflict("detach all policies");
  if (!group.inline_policies.empty()) co_return conflict("delete policies");
  tx.remove(entity_key(Kind::group, group.name));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeleteGroupOutput{};
}

Task<Outcome<AddUserToGroupOutput>> Service::add_user_to_group(Call& call, AddUserToGroupRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto group, need_entity(tx, Kind::group, input.group_name));
  CO_TRY(auto user, need_entity(tx, Kind::user, input.user_name));
  if (membership(user, group.name) == user.groups.end()) {
    if (user.groups.size() >= max_groups_per_user) {
      co_return aws::refuse(quota_exceeded("GroupsPerUser", max_groups_per_user));
    }
    user.groups.push_back(group.name);
    put(tx, Kind::user, user);
    CO_CHECK(co_await commit(tx, call.account));
  }
  co_return AddUserToGroupOutput{};
}

Task<Outcome<RemoveUserFromGroupOutput>> Service::remove_user_from_group(Call& call, RemoveUserFromGroupRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(need_entity(tx, Kind::group, input.group_name));
  CO_TRY(auto user, need_entity(tx, Kind::user, input.user_name));
  if (const auto found = membership(user, input.group_name); found != user.groups.end()) {
    user.groups.erase(found);
    put(tx, Kind::user, user);
    CO_CHECK(co_await commit(tx, call.account));
  }
  co_return RemoveUserFromGroupOutput{};
}

Task<Outcome<ListGroupsForUserResponse>> Service::list_groups_for_user(Call& call, ListGroupsForUserRequest input) {
  CO_TRY(auto user, need_entity(account(call), Kind::user, input.user_name));
  std::ranges::sort(user.groups, {}, [](const auto& name) { return to_lower(name); });
  CO_TRY(auto next,
         cut_page(user.groups, input.marker, input.max_items, [](const auto& name) { return to_lower(name); }));
  ListGroupsForUserResponse out;
  for (const auto& name : user.groups) {
    CO_TRY(const auto group, need_entity(account(call), Kind::group, name));
    out.groups.push_back(to_group(call.account, group));
  }
  set_page(out, std::move(next));
  co_return out;
}

}  // namespace boreal::iam
