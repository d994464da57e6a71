#include "objects/objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

std::vector<std::string> names_of(const std::vector<Tier>& tiers) {
  std::vector<std::string> names;
  for (const auto& tier : tiers) names.push_back(tier.name);
  return names;
}

}  // namespace

Objects::Impl::Impl(store::Store& store_, Blobs& blobs_, io::Pool& pool_, const Clock& clock_, Random& random,
                    Options options_)
    : store(store_),
      blobs(blobs_),
      pool(pool_),
      clock(clock_),
      options(std::move(options_)),
      ids(clock_, random),
      pins(std::make_shared<Pins>()),
      buckets(store_, ids),
      reclaimer(store_, blobs_, pins, clock_, names_of(options.tiers)) {}

Objects::Objects(store::Store& store, Blobs& blobs, io::Pool& pool, const Clock& clock, Random& random, Options options)
    : impl_(std::make_unique<Impl>(store, blobs, pool, clock, random, std::move(options))) {}

Objects::~Objects() = default;

Task<Result<void>> Objects::start() {
  CO_CHECK(co_await impl_->buckets.load());
  impl_->find_last_note();
  for (const auto& bucket : impl_->buckets.names()) impl_->reclaimer.sweep(bucket, impl_->buckets.run());
  CO_TRY(const auto partitions, impl_->store.partitions());
  const std::string prefix = index::partition_of("");
  for (const auto& partition : partitions) {
    if (!partition.starts_with(prefix)) continue;
    const std::string bucket = partition.substr(prefix.size());
    if (!impl_->buckets.contains(bucket)) impl_->reclaimer.bucket_dropped(bucket);
  }
  impl_->reclaimer.start();
  co_return Result<void>();
}

Task<void> Objects::stop() { co_await impl_->reclaimer.stop(); }

Task<Result<void>> Objects::create_bucket(std::string bucket) {
  co_return co_await impl_->buckets.create(std::move(bucket));
}

Task<Result<void>> Objects::drop_bucket(std::string bucket) {
  CO_CHECK(co_await impl_->buckets.drop(bucket));
  impl_->reclaimer.bucket_dropped(bucket);
  co_return Result<void>();
}

std::vector<std::string> Objects::buckets() const { return impl_->buckets.names(); }

Task<void> Objects::reclaim_now() { co_await impl_->reclaimer.idle(); }

Result<void> Objects::Impl::check_target(std::string_view bucket, std::string_view key) const {
  CHECK(buckets.check(bucket));
  if (key.empty()) return fail(Errc::invalid, "an object's key is empty");
  if (key.size() > max_key_bytes) {
    return fail(Errc::too_large, fmt::format("a key of {} bytes; at most {} are taken", key.size(), max_key_bytes));
  }
  return {};
}

Result<void> Objects::Impl::check_room() const {
  if (!options.has_room || options.has_room()) return {};
  return fail(Errc::no_space, "hardly any room is left for objects");
}

Result<std::string> Objects::Impl::tier_named(const std::string& name) const {
  if (name.empty()) return options.tiers.front().name;
  if (std::ranges::find(options.tiers, name, &Tier::name) != options.tiers.end()) return name;
  return fail(Errc::invalid, fmt::format("there is no tier '{}'", name));
}

Task<KeyLocks::Hold> Objects::Impl::lock_key(const std::string& bucket, const std::string& key) {
  return locks.lock(bucket + '/' + key);
}

Task<KeyLocks::Hold> Objects::Impl::lock_upload(const std::string& bucket, UploadId upload) {
  return locks.lock(bucket + '\0' + upload.text());  // no bucket id holds a NUL, so no key's lock is meant
}

Task<KeyLocks::Hold> Objects::Impl::lock_version(const std::string& bucket, VersionId version) {
  return locks.lock(bucket + '\0' + 'v' + version.text());
}

Task<Result<void>> Objects::Impl::commit(std::string bucket, store::Batch batch, bool leaves_garbage) {
  auto done = co_await store.commit(std::move(batch));
  if (done && leaves_garbage) reclaimer.notice(bucket);
  co_return done;
}

}  // namespace boreal::objects
