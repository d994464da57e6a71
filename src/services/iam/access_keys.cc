#include "iam/documents.h"
#include "iam/limits.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using namespace api::iam;
using aws::Call;
using aws::Outcome;
using EntityRecord = iam::Entity;
using KeyRecord = iam::AccessKey;

namespace {

std::string_view status_of(const KeyRecord& key) { return key.active ? "Active" : "Inactive"; }

aws::ApiError no_such_key(std::string_view id) {
  return errors::no_such_entity_exception(fmt::format("The Access Key with id {} cannot be found.", id));
}

}  // namespace

Outcome<std::string> Service::own_name(const Call& call, const std::optional<std::string>& name) const {
  if (name) return *name;
  const aws::Principal& caller = call.caller.principal();
  if (caller.kind == aws::Principal::Kind::user) return caller.name;
  return aws::refuse(errors::validation_error("Must specify userName when calling with non-User credentials"));
}

// The user that is named, else the caller's own; of the root its record, made when it is first needed.
Outcome<Service::KeyHolder> Service::key_holder(const store::Transaction& tx, const Call& call,
                                                const std::optional<std::string>& name) const {
  if (!name && call.caller.principal().kind == aws::Principal::Kind::root) {
    TRY(auto root, find<EntityRecord>(tx, root_key));
    if (!root) root = EntityRecord{.name = "root", .id = call.account, .created = call.now};
    return KeyHolder{.entity = std::move(*root), .key = std::string(root_key)};
  }
  TRY(const auto own, own_name(call, name));
  TRY(auto user, need_entity(tx, Kind::user, own));
  std::string key = entity_key(Kind::user, user.name);
  return KeyHolder{.entity = std::move(user), .key = std::move(key)};
}

Task<Outcome<CreateAccessKeyResponse>> Service::create_access_key(Call& call, CreateAccessKeyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto holder, key_holder(tx, call, input.user_name));
  if (holder.entity.keys.size() >= max_keys_per_user) {
    co_return aws::refuse(quota_exceeded("AccessKeysPerUser", max_keys_per_user));
  }
  CO_TRY(auto made, add_key(tx, call.account, holder.entity));
  tx.put(holder.key, store::encode(holder.entity));
  CO_CHECK(co_await commit(tx, call.account));
  co_return CreateAccessKeyResponse{.access_key = {.user_name = holder.entity.name,
                                                   .access_key_id = std::move(made.access_key_id),
                                                   .status = "Active",
                                                   .secret_access_key = std::move(made.secret_access_key),
                                                   .create_date = call.now}};
}

Task<Outcome<ListAccessKeysResponse>> Service::list_access_keys(Call& call, ListAccessKeysRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto holder, key_holder(tx, call, input.user_name));
  auto& keys = holder.entity.keys;
  std::ranges::sort(keys, {}, &KeyRecord::id);
  CO_TRY(auto next, cut_page(keys, input.marker, input.max_items, [](const auto& key) { return key.id; }));
  ListAccessKeysResponse out;
  for (const auto& key : keys) {
    out.access_key_metadata.push_back({.user_name = holder.entity.name,
                                       .access_key_id = key.id,
                                       .status = std::string(status_of(key)),
                                       .create_date = key.created});
  }
  set_page(out, std::move(next));
  co_return out;
}

Task<Outcome<UpdateAccessKeyOutput>> Service::update_access_key(Call& call, UpdateAccessKeyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto holder, key_holder(tx, call, input.user_name));
  const auto key = std::ranges::find(holder.entity.keys, input.access_key_id, &KeyRecord::id);
  if (key == holder.entity.keys.end()) co_return aws::refuse(no_such_key(input.access_key_id));
  if (input.status != "Active" && input.status != "Inactive") {
    co_return aws::refuse(errors::validation_error(
        fmt::format("Value '{}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, "
                    "Inactive]",
                    input.status)));
  }
  key->active = input.status == "Active";
  tx.put(holder.key, store::encode(holder.entity));
  CO_CHECK(co_await commit(tx, call.account));
  co_return UpdateAccessKeyOutput{};
}

Task<Outcome<DeleteAccessKeyOutput>> Service::delete_access_key(Call& call, DeleteAccessKeyRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto holder, key_holder(tx, call, input.user_name));
  if (std::erase_if(holder.entity.keys, [&](const auto& key) { return key.id == input.access_key_id; }) == 0) {
    co_return aws::refuse(no_such_key(input.access_key_id));
  }
  tx.put(holder.key, store::encode(holder.entity));
  tx.remove(access_key_key(input.access_key_id));
  tx.remove(used_key(input.access_key_id));
  CO_CHECK(co_await commit(tx, call.account));
  uses_.erase(input.access_key_id);
  co_return DeleteAccessKeyOutput{};
}

Task<Outcome<GetAccessKeyLastUsedResponse>> Service::get_access_key_last_used(Call& call,
                                                                              GetAccessKeyLastUsedRequest input) {
  CO_TRY(const auto owner, find<KeyOwner>(account(call), access_key_key(input.access_key_id)));
  if (!owner) co_return aws::refuse(no_such_key(input.access_key_id));
  GetAccessKeyLastUsedResponse out;
  if (!owner->user_id.empty()) {
    CO_TRY(const auto name, find<EntityName>(account(call), id_key(owner->user_id)));
    if (name) out.user_name = name->name;
  }
  out.access_key_last_used = {.service_name = "N/A", .region = "N/A"};
  if (const auto use = last_use(call.account, input.access_key_id)) {
    out.access_key_last_used = {.last_used_date = use->time, .service_name = use->service, .region = use->region};
  }
  co_return out;
}

}  // namespace boreal::iam
