// Rotation, and what else time brings to a key.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/due.h"
#include "base/log.h"
#include "kms/service.h"
#include "store/walk.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr int32_t default_period_days = 365;
constexpr int32_t max_rotations_on_demand = 25;
constexpr size_t default_page = 100;

Time next_rotation(const Key& key) { return key.rotation_from + std::chrono::days(key.rotation_period_days); }

// When the key wants attention; a key that is disabled or waits for deletion does not rotate.
Time due_of(const Key& key) {
  if (key.deletion) return *key.deletion;
  if (key.rotates && key.state == state_enabled) return next_rotation(key);
  return aws::Timekeeper::never;
}

}  // namespace

int32_t days_of(const EnableKeyRotationRequest& input, const Key& key) {
  const int32_t before = key.rotation_period_days;
  return input.rotation_period_in_days.value_or(before == 0 ? default_period_days : before);
}

// The key with all that belongs to it; its ciphertexts are lost.
Task<Result<void>> Service::remove_key(store::Transaction& tx, const Key& key) {
  const std::string partition = partition_of(key.account, key.region);
  const std::string names = aliases_path(key.id);
  const std::array<std::string, 3> prefixes{material_prefix(key.id), grants_path(key.id), names};
  for (const auto& prefix : prefixes) {
    store::Walk walk(context_.catalog, partition, prefix);
    while (true) {
      CO_TRY(const bool there, co_await walk.next());
      if (!there) break;
      tx.remove(walk.key());
      if (prefix == names) tx.remove(alias_path(walk.key().substr(names.size())));
    }
  }
  tx.remove(policy_path(key.id));
  tx.remove(key_path(key.id));
  co_return Result<void>();
}

Task<Result<Time>> Service::do_what_is_due() {
  Result<Time> next = aws::Timekeeper::never;
  CO_TRY(const auto partitions, context_.catalog.store().partitions());
  for (const auto& partition : partitions) {
    if (!partition.starts_with("kms/")) continue;
    aws::add_due(next, co_await do_what_is_due(partition));
  }
  co_return next;
}

Task<Result<Time>> Service::do_what_is_due(std::string partition) {
  Result<Time> next = aws::Timekeeper::never;
  store::Walk walk(context_.catalog, partition, std::string(key_prefix));
  while (true) {
    CO_TRY(const bool there, co_await walk.next());
    if (!there) break;
    const auto key = store::decode<Key>(walk.value());
    if (!key) {
      // Nobody can use it either; the others go on.
      log::error("kms", "a key is passed over", {{"key", walk.key()}, {"error", key.error().message()}});
      continue;
    }
    const Time due = due_of(*key);
    if (due > context_.clock.now()) {
      aws::add_due(next, due);
    } else {
      aws::add_due(next, co_await do_what_is_due(partition, key->id));
    }
  }
  co_return next;
}

Task<Result<Time>> Service::do_what_is_due(std::string partition, std::string key_id) {
  auto tx = co_await context_.catalog.begin(std::move(partition));
  CO_TRY(const auto text, tx.get(key_path(key_id)));
  if (!text) co_return aws::Timekeeper::never;
  CO_TRY(auto key, store::decode<Key>(*text));
  const Time now = context_.clock.now();
  if (due_of(key) > now) co_return due_of(key);
  if (key.deletion) {
    CO_CHECK(co_await remove_key(tx, key));
    CO_CHECK(co_await tx.commit());
    forget(key.id);
    forget_attached(key.arn());
    co_return aws::Timekeeper::never;
  }
  CO_CHECK(add_material(tx, key, "AUTOMATIC"));
  // Rotations that were missed are not made up for: one material more would protect nothing.
  while (next_rotation(key) <= now) key.rotation_from = next_rotation(key);
  tx.put(key_path(key.id), store::encode(key));
  CO_CHECK(co_await tx.commit());
  co_return due_of(key);
}

Task<aws::Outcome<EnableKeyRotationOutput>> Service::enable_key_rotation(aws::Call& call,
                                                                         EnableKeyRotationRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  Key& key = change.key;
  CO_CHECK(check_usable(key));
  const int32_t before = key.rotation_period_days;
  key.rotation_period_days = days_of(input, key);
  // The same again changes nothing: the next rotation stays where it is.
  if (!key.rotates || before != key.rotation_period_days) key.rotation_from = call.now;
  key.rotates = true;
  const Time next = next_rotation(key);
  CO_CHECK(co_await commit(std::move(change)));
  timekeeper_.note(next);
  co_return EnableKeyRotationOutput{};
}

Task<aws::Outcome<DisableKeyRotationOutput>> Service::disable_key_rotation(aws::Call& call,
                                                                           DisableKeyRotationRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_usable(change.key));
  change.key.rotates = false;
  CO_CHECK(co_await commit(std::move(change)));
  co_return DisableKeyRotationOutput{};
}

Task<aws::Outcome<GetKeyRotationStatusResponse>> Service::get_key_rotation_status(aws::Call& call,
                                                                                  GetKeyRotationStatusRequest input) {
  CO_TRY(const auto key, find(call, input.key_id));
  GetKeyRotationStatusResponse out;
  out.key_id = key.arn();
  out.key_rotation_enabled = key.rotates && key.state != state_pending_deletion;
  if (*out.key_rotation_enabled) {
    out.rotation_period_in_days = key.rotation_period_days;
    out.next_rotation_date = next_rotation(key);
  }
  co_return out;
}

Task<aws::Outcome<RotateKeyOnDemandResponse>> Service::rotate_key_on_demand(aws::Call& call,
                                                                            RotateKeyOnDemandRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_usable(change.key));
  if (change.key.rotations_on_demand >= max_rotations_on_demand) {
    co_return aws::refuse(errors::limit_exceeded_exception(fmt::format(
        "{} was rotated on demand {} times, which is the most.", change.key.arn(), max_rotations_on_demand)));
  }
  CO_CHECK(add_material(change.tx, change.key, "ON_DEMAND"));
  ++change.key.rotations_on_demand;
  RotateKeyOnDemandResponse out{.key_id = change.key.arn()};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<ListKeyRotationsResponse>> Service::list_key_rotations(aws::Call& call,
                                                                         ListKeyRotationsRequest input) {
  CO_TRY(const auto key, find(call, input.key_id));
  const bool all = input.include_key_material.value_or("ROTATIONS_ONLY") == "ALL_KEY_MATERIAL";
  const auto limit = static_cast<size_t>(input.limit.value_or(default_page));
  const std::string prefix = material_prefix(key.id);
  std::optional<std::string> marker = input.marker;
  ListKeyRotationsResponse out;
  out.rotations.emplace();
  do {
    CO_TRY(const auto page, list_page(context_.catalog, partition_of(key.account, key.region), prefix,
                                      limit - out.rotations->size(), marker));
    for (const auto& [path, text] : page.items) {
      CO_TRY(const auto material, store::decode<Material>(text));
      if (material.rotation.empty() && !all) continue;
      auto& entry = out.rotations->emplace_back();
      entry.key_id = key.arn();
      entry.key_material_id = material.id;
      entry.key_material_state = path == material_path(key.id, key.version) ? "CURRENT" : "NON_CURRENT";
      if (material.rotation.empty()) continue;
      entry.rotation_date = material.created;
      entry.rotation_type = material.rotation;
    }
    marker = page.next_marker;
  } while (marker && out.rotations->size() < limit);
  out.truncated = marker.has_value();
  out.next_marker = std::move(marker);
  co_return out;
}

}  // namespace boreal::kms
