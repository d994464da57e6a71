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

Task<Outcome<CreateUserResponse>> Service::create_user(Call& call, CreateUserRequest input) {
  EntityRecord user{.name = input.user_name, .path = input.path.value_or("/")};
  CO_CHECK(check_name("userName", user.name, 64));
  CO_CHECK(check_path(user.path));
  if (input.tags) CO_CHECK(add_tags(user.tags, *input.tags, KeyCase::ignored));
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(check_new_entity(tx, Kind::user, user.name));
  if (input.permissions_boundary) {
    CO_CHECK(check_attachable(call.account, *input.permissions_boundary));
    user.boundary = *input.permissions_boundary;
  }
  user.id = make_unique_id(id_prefix(Kind::user), context_.random);
  user.created = call.now;
  put(tx, Kind::user, user);
  tx.put(id_key(user.id), store::encode(EntityName{user.name}));
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreateUserResponse{.user = to_user(call.account, user, Detail::full)};
}

Task<Outcome<GetUserResponse>> Service::get_user(Call& call, GetUserRequest input) {
  if (!input.user_name && call.caller.principal().kind == aws::Principal::Kind::root) {
    co_return GetUserResponse{.user = {.path = "/", .user_id = call.account, .arn = root_arn(call.account)}};
  }
  CO_TRY(const auto name, own_name(call, input.user_name));
  CO_TRY(const auto user, need_entity(account(call), Kind::user, name));
  co_return GetUserResponse{.user = to_user(call.account, user, Detail::full)};
}

Task<Outcome<ListUsersResponse>> Service::list_users(Call& call, ListUsersRequest input) {
  CO_TRY(auto users, all<EntityRecord>(account(call), entity_prefix(Kind::user)));
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(users, [&](const EntityRecord& user) { return !user.path.starts_with(prefix); });
  CO_TRY(auto next,
         cut_page(users, input.marker, input.max_items, [](const auto& user) { return to_lower(user.name); }));
  ListUsersResponse out;
  for (const auto& user : users) out.users.push_back(to_user(call.account, user, Detail::list));
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<UpdateUserOutput>> Service::update_user(Call& call, UpdateUserRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto user, need_entity(tx, Kind::user, input.user_name));
  if (input.new_path) {
    CO_CHECK(check_path(*input.new_path));
    user.path = *input.new_path;
  }
  if (input.new_user_name) {
    CO_CHECK(check_name("newUserName", *input.new_user_name, 64));
    if (!equal_ignoring_case(*input.new_user_name, user.name)) {
      CO_CHECK(check_new_entity(tx, Kind::user, *input.new_user_name));
    }
    tx.remove(entity_key(Kind::user, user.name));
    user.name = *input.new_user_name;
    tx.put(id_key(user.id), store::encode(EntityName{user.name}));
  }
  put(tx, Kind::user, user);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UpdateUserOutput{};
}

Task<Outcome<DeleteUserOutput>> Service::delete_user(Call& call, DeleteUserRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto user, need_entity(tx, Kind::user, input.user_name));
  const auto conflict = [](std::string_view what) {
    return aws::refuse(errors::delete_conflict_exception(fmt::format("Cannot delete entity, must {} first.", what)));
  };
  if (!user.attached.empty()) co_return conflict("detach all policies");
  if (!user.inline_policies.empty()) co_return conflict("delete policies");
  if (!user.keys.empty()) co_return conflict("delete access keys");
  if (!user.groups.empty()) co_return conflict("remove users from group");
  tx.remove(entity_key(Kind::user, user.name));
  tx.remove(id_key(user.id));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeleteUserOutput{};
}

}  // namespace boreal::iam
