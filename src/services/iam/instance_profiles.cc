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

Outcome<api::iam::InstanceProfile> Service::show_profile(const Call& call, const ProfileRecord& profile,
                                                         Detail detail) const {
  if (profile.role.empty()) return to_profile(call.account, profile, nullptr, detail);
  TRY(auto role, need_entity(account(call), Kind::role, profile.role));
  CHECK(show_trust_policy(context_.catalog, role));
  return to_profile(call.account, profile, &role, detail);
}

Task<Outcome<CreateInstanceProfileResponse>> Service::create_instance_profile(Call& call,
                                                                              CreateInstanceProfileRequest input) {
  ProfileRecord profile{.name = input.instance_profile_name, .path = input.path.value_or("/")};
  CO_CHECK(check_name("instanceProfileName", profile.name, 128));
  CO_CHECK(check_path(profile.path));
  if (input.tags) CO_CHECK(add_tags(profile.tags, *input.tags, KeyCase::counts));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto rows, tx.scan(profile_prefix));
  for (const auto& [key, text] : rows) {
    if (key != profile_key(profile.name)) continue;
    co_return aws::refuse(
        errors::entity_already_exists_exception(fmt::format("Instance Profile {} already exists.", profile.name)));
  }
  if (rows.size() >= max_profiles) co_return aws::refuse(quota_exceeded("InstanceProfilesPerAccount", max_profiles));
  profile.id = make_unique_id("AIPA", context_.random);
  profile.created = call.now;
  tx.put(profile_key(profile.name), store::encode(profile));
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreateInstanceProfileResponse{.instance_profile = to_profile(call.account, profile, nullptr, Detail::full)};
}

Task<Outcome<GetInstanceProfileResponse>> Service::get_instance_profile(Call& call, GetInstanceProfileRequest input) {
  CO_TRY(const auto profile, need_profile(account(call), input.instance_profile_name));
  CO_TRY(auto shown, show_profile(call, profile, Detail::full));
  co_return GetInstanceProfileResponse{.instance_profile = std::move(shown)};
}

Task<Outcome<ListInstanceProfilesResponse>> Service::list_instance_profiles(Call& call,
                                                                            ListInstanceProfilesRequest input) {
  CO_TRY(auto profiles, all<ProfileRecord>(account(call), profile_prefix));
  const std::string prefix = input.path_prefix.value_or("/");
  std::erase_if(profiles, [&](const auto& profile) { return !profile.path.starts_with(prefix); });
  CO_TRY(auto next,
         cut_page(profiles, input.marker, input.max_items, [](const auto& profile) { return to_lower(profile.name); }));
  ListInstanceProfilesResponse out;
  for (const auto& profile : profiles) {
    CO_TRY(auto shown, show_profile(call, profile, Detail::list));
    out.instance_profiles.push_back(std::move(shown));
  }
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<ListInstanceProfilesForRoleResponse>> Service::list_instance_profiles_for_role(
    Call& call, ListInstanceProfilesForRoleRequest input) {
  CO_TRY(auto role, need_entity(account(call), Kind::role, input.role_name));
  CO_CHECK(show_trust_policy(context_.catalog, role));
  CO_TRY(auto profiles, all<ProfileRecord>(account(call), profile_prefix));
  std::erase_if(profiles, [&](const auto& profile) { return !equal_ignoring_case(profile.role, role.name); });
  CO_TRY(auto next,
         cut_page(profiles, input.marker, input.max_items, [](const auto& profile) { return to_lower(profile.name); }));
  ListInstanceProfilesForRoleResponse out;
  for (const auto& profile : profiles) {
    out.instance_profiles.push_back(to_profile(call.account, profile, &role, Detail::list));
  }
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<AddRoleToInstanceProfileOutput>> Service::add_role_to_instance_profile(
    Call& call, AddRoleToInstanceProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto profile, need_profile(tx, input.instance_profile_name));
  CO_TRY(const auto role, need_entity(tx, Kind::role, input.role_name));
  CO_CHECK(check_ordinary(role));
  std::multimap<std::string, std::string> context{{"iam:PassedToService", "ec2.amazonaws.com"}};
  add_tags_of_principal(role.tags, context);
  CO_CHECK(co_await call.authorize(
      {.action = "iam:PassRole", .resource = arn_of(call.account, Kind::role, role), .context = std::move(context)}));
  if (!profile.role.empty()) {
    co_return aws::refuse(quota_exceeded("InstanceSessionsPerInstanceProfile", 1));
  }
  profile.role = role.name;
  tx.put(profile_key(profile.name), store::encode(profile));
  CO_CHECK(co_await commit(tx, call.account));
  co_return AddRoleToInstanceProfileOutput{};
}

Task<Outcome<RemoveRoleFromInstanceProfileOutput>> Service::remove_role_from_instance_profile(
    Call& call, RemoveRoleFromInstanceProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto profile, need_profile(tx, input.instance_profile_name));
  if (!equal_ignoring_case(profile.role, input.role_name)) {
    co_return aws::refuse(errors::no_such_entity_exception(
        fmt::format("The role {} is not in the instance profile {}.", input.role_name, profile.name)));
  }
  profile.role.clear();
  tx.put(profile_key(profile.name), store::encode(profile));
  CO_CHECK(co_await commit(tx, call.account));
  co_return RemoveRoleFromInstanceProfileOutput{};
}

Task<Outcome<DeleteInstanceProfileOutput>> Service::delete_instance_profile(Call& call,
                                                                            DeleteInstanceProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto profile, need_profile(tx, input.instance_profile_name));
  if (!profile.role.empty()) {
    co_return aws::refuse(
        errors::delete_conflict_exception("Cannot delete entity, must remove roles from instance profile first."));
  }
  tx.remove(profile_key(profile.name));
  CO_CHECK(co_await commit(tx, call.account));
  co_return DeleteInstanceProfileOutput{};
}

}  // namespace boreal::iam
