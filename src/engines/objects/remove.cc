// Removing versions and changing their metadata.
#include <fmt/format.h>

#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {

Task<Result<Removed>> Objects::remove(RemoveRequest request) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  const auto hold = co_await impl_->lock_key(request.bucket, request.key);
  CO_TRY(const auto use, co_await impl_->buckets.use(request.bucket));
  CO_TRY(auto change, KeyChange::begin(impl_->store, impl_->ids, request.bucket, request.key));

  const bool plain_delete = request.which.kind == Select::Kind::latest;
  const Versioning versioning = request.origin ? Versioning::on : request.versioning();
  const bool makes_marker = plain_delete && versioning != Versioning::off;
  std::optional<Version> target;
  if (plain_delete) {
    if (change.latest() != nullptr) target = *change.latest();
  } else {
    CO_TRY(target, read_version(impl_->store, request.bucket, request.key, request.which));
  }
  if (request.precondition) CO_CHECK(request.precondition(target ? &*target : nullptr));
  if (request.only_if_alone && target) {
    CO_TRY(const bool is_alone, change.is_alone(*target));
    if (!is_alone) co_return fail(Errc::conflict, fmt::format("'{}' has other versions", request.key));
  }

  Removed removed;
  if (makes_marker) {
    Version marker;
    marker.key = request.key;
    marker.is_delete_marker = true;
    marker.is_null = versioning == Versioning::suspended;
    marker.modified = request.origin ? request.origin->modified : request.modified.value_or(impl_->clock.now());
    if (target) marker.meta.owner = target->meta.owner;
    CO_CHECK(change.put(marker, {}, request.origin ? std::optional(request.origin->id) : std::nullopt));
    if (request.note) impl_->add_note(change.batch(), marker);
    removed = {.found = true, .marker_made = true, .is_null = marker.is_null, .id = marker.id};
  } else if (target) {
    CO_CHECK(change.remove(*target));
    removed = {
        .found = true, .was_delete_marker = target->is_delete_marker, .is_null = target->is_null, .id = target->id};
  }
  if (!change.batch().empty()) {
    CO_CHECK(co_await impl_->commit(request.bucket, std::move(change.batch()), change.leaves_garbage()));
  }
  co_return removed;
}

Task<Result<Version>> Objects::update(std::string bucket, std::string key, Select which,
                                      std::function<Result<void>(Version&)> edit, bool note) {
  CO_CHECK(impl_->check_target(bucket, key));
  const auto hold = co_await impl_->lock_key(bucket, key);
  CO_TRY(const auto use, co_await impl_->buckets.use(bucket));
  CO_TRY(auto change, KeyChange::begin(impl_->store, impl_->ids, bucket, key));
  CO_TRY(const auto before, read_version(impl_->store, bucket, key, which));
  if (!before) co_return fail(Errc::not_found, fmt::format("bucket '{}' has no such version of '{}'", bucket, key));
  Version edited = *before;
  CO_CHECK(edit(edited));
  Version after = *before;
  after.meta = std::move(edited.meta);
  after.meta.tier = before->meta.tier;
  change.replace(*before, after, false);
  if (note) impl_->add_note(change.batch(), after);
  CO_CHECK(co_await impl_->commit(bucket, std::move(change.batch()), false));
  co_return after;
}

}  // namespace boreal::objects
