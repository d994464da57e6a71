#include "objects/buckets.h"

#include <fmt/format.h>

#include <algorithm>

#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

// So many ids share one durable record-keeping step.
constexpr size_t ids_reserved_at_once = 32;

Result<void> check_bucket_id(std::string_view id) {
  const bool fits = !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  if (fits) return {};
  return fail(Errc::invalid, fmt::format("'{}' is no bucket id: 1 to 64 letters, digits, '-' and '.' are wanted", id));
}

}  // namespace

Task<Result<void>> Buckets::load() {
  const auto cursor = store_.scan(index::engine_partition, "b");
  for (; cursor->valid(); cursor->next()) buckets_.emplace(cursor->key().substr(1), std::make_shared<Bucket>());
  CO_CHECK(cursor->status());
  CO_TRY(const auto counter, store_.get(index::engine_partition, index::run_counter));
  run_ = (counter ? get_be64(*counter) : 0) + 1;
  std::string value;
  put_be64(value, run_);
  store::Batch batch{std::string(index::engine_partition)};
  batch.put(std::string(index::run_counter), value);
  co_return co_await store_.commit(std::move(batch));
}

Result<void> Buckets::check(std::string_view bucket) const {
  if (contains(bucket)) return {};
  return fail(Errc::not_found, fmt::format("there is no bucket '{}'", bucket));
}

std::vector<std::string> Buckets::names() const {
  std::vector<std::string> names;
  for (const auto& [name, bucket] : buckets_) names.push_back(name);
  return names;
}

Task<Result<Buckets::Use>> Buckets::use(std::string bucket) {
  for (;;) {
    const auto found = buckets_.find(bucket);
    if (found == buckets_.end()) co_return std::unexpected(check(bucket).error());
    const auto state = found->second;
    if (!state->dropping) co_return Use(state);
    co_await state->settled.wait();
  }
}

Task<Result<void>> Buckets::create(std::string bucket) {
  CO_CHECK(check_bucket_id(bucket));
  const auto [entry, fresh] = buckets_.try_emplace(bucket, std::make_shared<Bucket>());
  if (!fresh) co_return fail(Errc::exists, fmt::format("there is a bucket '{}' already", bucket));
  const auto state = entry->second;
  state->dropping = true;  // nobody uses it before it is durable
  store::Batch batch{std::string(index::engine_partition)};
  batch.put(index::bucket(bucket), "");
  auto done = co_await store_.commit(std::move(batch));
  if (!done) buckets_.erase(bucket);
  state->dropping = false;
  state->settled.set();
  co_return done;
}

Result<void> Buckets::check_empty(const std::string& bucket) const {
  for (const auto* range : {"k", "v"}) {
    const auto cursor = store_.scan(index::partition_of(bucket), range);
    CHECK(cursor->status());
    if (cursor->valid()) return fail(Errc::conflict, fmt::format("bucket '{}' is not empty", bucket));
  }
  return {};
}

Task<Result<void>> Buckets::drop(std::string bucket) {
  CO_CHECK(check(bucket));
  const auto state = buckets_.find(bucket)->second;
  if (state->dropping) co_return fail(Errc::conflict, fmt::format("bucket '{}' is being dropped", bucket));
  state->dropping = true;
  state->settled.reset();
  while (state->users > 0) {
    state->unused.reset();
    co_await state->unused.wait();
  }
  auto done = check_empty(bucket);
  if (done) {
    store::Batch batch{std::string(index::engine_partition)};
    batch.remove(index::bucket(bucket));
    done = co_await store_.commit(std::move(batch));
  }
  if (done) {
    buckets_.erase(bucket);
    state->reserved.clear();  // their records go with the bucket
  }
  state->dropping = false;
  state->settled.set();
  co_return done;
}

Task<Result<BlobId>> Buckets::reserve(std::string bucket) {
  CO_CHECK(check(bucket));
  const auto state = buckets_.find(bucket)->second;
  const auto refilling = co_await state->refill.lock();
  if (state->reserved.empty()) {
    CO_TRY(const auto in_use, co_await use(bucket));
    std::deque<BlobId> ids;
    store::Batch batch(index::partition_of(bucket));
    for (size_t i = 0; i < ids_reserved_at_once; ++i) {
      ids.push_back(ids_.next());
      batch.put(index::reserved(run_, ids.back()), "");
    }
    CO_CHECK(co_await store_.commit(std::move(batch)));
    state->reserved = std::move(ids);
  }
  const BlobId id = state->reserved.front();
  state->reserved.pop_front();
  co_return id;
}

}  // namespace boreal::objects
