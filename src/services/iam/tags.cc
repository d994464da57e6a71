#include "iam/convert.h"
#include "iam/documents.h"
#include "iam/service.h"

namespace boreal::iam {

using namespace api::iam;
using aws::Call;
using aws::Outcome;

namespace {

template <class Out, class In>
Outcome<Out> tag_page(const std::map<std::string, std::string>& tags, const In& input) {
  auto items = to_tags(tags).value_or(std::vector<Tag>());
  TRY(auto next, cut_page(items, input.marker, input.max_items, [](const Tag& tag) { return tag.key; }));
  Out out;
  out.tags = std::move(items);
  set_page(out, std::move(next));
  return out;
}

}  // namespace

Task<Outcome<TagUserOutput>> Service::tag_user(Call& call, TagUserRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, Kind::user, input.user_name));
  CO_CHECK(add_tags(record.tags, input.tags, KeyCase::ignored));
  put(tx, Kind::user, record);
  CO_CHECK(co_await commit(tx, call.account));
  co_return TagUserOutput{};
}
Task<Outcome<UntagUserOutput>> Service::untag_user(Call& call, UntagUserRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, Kind::user, input.user_name));
  remove_tags(record.tags, input.tag_keys, KeyCase::ignored);
  put(tx, Kind::user, record);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UntagUserOutput{};
}
Task<Outcome<ListUserTagsResponse>> Service::list_user_tags(Call& call, ListUserTagsRequest input) {
  CO_TRY(const auto record, need_entity(account(call), Kind::user, input.user_name));
  co_return tag_page<ListUserTagsResponse>(record.tags, input);
}

Task<Outcome<TagRoleOutput>> Service::tag_role(Call& call, TagRoleRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, Kind::role, input.role_name));
  CO_CHECK(add_tags(record.tags, input.tags, KeyCase::ignored));
  put(tx, Kind::role, record);
  CO_CHECK(co_await commit(tx, call.account));
  co_return TagRoleOutput{};
}
Task<Outcome<UntagRoleOutput>> Service::untag_role(Call& call, UntagRoleRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_entity(tx, Kind::role, input.role_name));
  remove_tags(record.tags, input.tag_keys, KeyCase::ignored);
  put(tx, Kind::role, record);
  CO_CHECK(co_await commit(tx, call.account));
  co_return UntagRoleOutput{};
}
Task<Outcome<ListRoleTagsResponse>> Service::list_role_tags(Call& call, ListRoleTagsRequest input) {
  CO_TRY(const auto record, need_entity(account(call), Kind::role, input.role_name));
  co_return tag_page<ListRoleTagsResponse>(record.tags, input);
}

Task<Outcome<TagPolicyOutput>> Service::tag_policy(Call& call, TagPolicyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_policy(tx, call.account, input.policy_arn));
  CO_CHECK(add_tags(record.tags, input.tags, KeyCase::counts));
  tx.put(policy_key(record.name), store::encode(record));
  CO_CHECK(co_await commit(tx, call.account));
  co_return TagPolicyOutput{};
}
Task<Outcome<UntagPolicyOutput>> Service::untag_policy(Call& call, UntagPolicyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_policy(tx, call.account, input.policy_arn));
  remove_tags(record.tags, input.tag_keys, KeyCase::counts);
  tx.put(policy_key(record.name), store::encode(record));
  CO_CHECK(co_await commit(tx, call.account));
  co_return UntagPolicyOutput{};
}
Task<Outcome<ListPolicyTagsResponse>> Service::list_policy_tags(Call& call, ListPolicyTagsRequest input) {
  CO_TRY(const auto record, need_policy(account(call), call.account, input.policy_arn));
  co_return tag_page<ListPolicyTagsResponse>(record.tags, input);
}

Task<Outcome<TagInstanceProfileOutput>> Service::tag_instance_profile(Call& call, TagInstanceProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_profile(tx, input.instance_profile_name));
  CO_CHECK(add_tags(record.tags, input.tags, KeyCase::counts));
  tx.put(profile_key(record.name), store::encode(record));
  CO_CHECK(co_await commit(tx, call.account));
  co_return TagInstanceProfileOutput{};
}
Task<Outcome<UntagInstanceProfileOutput>> Service::untag_instance_profile(Call& call,
                                                                          UntagInstanceProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto record, need_profile(tx, input.instance_profile_name));
  remove_tags(record.tags, input.tag_keys, KeyCase::counts);
  tx.put(profile_key(record.name), store::encode(record));
  CO_CHECK(co_await commit(tx, call.account));
  co_return UntagInstanceProfileOutput{};
}
Task<Outcome<ListInstanceProfileTagsResponse>> Service::list_instance_profile_tags(
    Call& call, ListInstanceProfileTagsRequest input) {
  CO_TRY(const auto record, need_profile(account(call), input.instance_profile_name));
  co_return tag_page<ListInstanceProfileTagsResponse>(record.tags, input);
}

}  // namespace boreal::iam
