#include "store/transaction.h"

#include <algorithm>

namespace boreal::store {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;

// Walks the stored keys and the unwritten ones side by side; an unwritten one hides the stored one.
Result<Pairs> merged_scan(const Store& store, std::string_view partition, const Writes& writes, std::string_view prefix,
                          size_t limit, std::string_view from) {
  Pairs found;
  auto stored = store.scan(partition, prefix);
  if (from > prefix) stored->seek(from);
  auto own = writes.lower_bound(std::max(prefix, from));
  auto has_own = [&] { return own != writes.end() && own->first.starts_with(prefix); };
  while (found.size() < limit && (stored->valid() || has_own())) {
    if (!has_own() || (stored->valid() && stored->key() < own->first)) {
      found.emplace_back(stored->key(), stored->value());
      stored->next();
      continue;
    }
    if (stored->valid() && stored->key() == own->first) stored->next();
    if (own->second) found.emplace_back(own->first, *own->second);
    ++own;
  }
  CHECK(stored->status());
  return found;
}

std::unexpected<Error> ended() { return fail(Errc::internal, "the transaction has been committed already"); }

constexpr size_t first_sweep_entries = 64;

}  // namespace

Transaction::Transaction(Store& store, std::string partition, Mutex::Permit permit)
    : store_(&store), partition_(std::move(partition)), permit_(std::move(permit)) {}

Result<std::optional<std::string>> Transaction::get(std::string_view key) const {
  if (!store_) return ended();
  if (auto own = writes_.find(key); own != writes_.end()) return own->second;
  return store_->get(partition_, key);
}

void Transaction::put(std::string_view key, std::string_view value) {
  writes_.insert_or_assign(std::string(key), std::string(value));
}

void Transaction::remove(std::string_view key) { writes_.insert_or_assign(std::string(key), std::nullopt); }

Result<Pairs> Transaction::scan(std::string_view prefix, size_t limit, std::string_view from) const {
  if (!store_) return ended();
  return merged_scan(*store_, partition_, writes_, prefix, limit, from);
}

Task<Result<void>> Transaction::commit() {
  if (!store_) co_return ended();
  Store& store = *std::exchange(store_, nullptr);
  auto permit = std::move(permit_);  // given back when this returns, whatever comes of it
  if (writes_.empty()) co_return {};
  Batch batch(partition_);
  for (const auto& [key, value] : writes_) {
    if (value) {
      batch.put(key, *value);
    } else {
      batch.remove(key);
    }
  }
  writes_.clear();
  co_return co_await store.commit(std::move(batch));
}

Catalog::Catalog(Store& store) : store_(store), sweep_at_(first_sweep_entries) {}

Task<Transaction> Catalog::begin(std::string partition) {
  if (mutexes_.size() >= sweep_at_) {
    std::erase_if(mutexes_, [](const auto& entry) { return entry.second->idle(1); });
    sweep_at_ = std::max(first_sweep_entries, 2 * mutexes_.size());
  }
  auto& mutex = mutexes_[partition];
  if (!mutex) mutex = std::make_unique<Mutex>();
  auto permit = co_await mutex->lock();
  co_return Transaction(store_, std::move(partition), std::move(permit));
}

Result<std::optional<std::string>> Catalog::get(std::string_view partition, std::string_view key) const {
  return store_.get(partition, key);
}

Result<Pairs> Catalog::scan(std::string_view partition, std::string_view prefix, size_t limit,
                            std::string_view from) const {
  return merged_scan(store_, partition, {}, prefix, limit, from);
}

}  // namespace boreal::store
