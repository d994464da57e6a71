// What refers to a key and counts at every use of it: its aliases, its grants. Read once, and kept up to date from then
// on.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "kms/service.h"
#include "store/walk.h"

namespace boreal::kms {

namespace {

constexpr size_t max_known_keys = 256;
constexpr size_t max_known_grants = 50'000;  // of all keys, before another's are read; one key has no more
constexpr size_t aliases_at_once = 4096;     // in one batch of the index

}  // namespace

const std::string& grantee_name(const Grant& grant) {
  return grant.grantee_id.empty() ? grant.grantee : grant.grantee_id;
}

Task<Result<std::shared_ptr<const Service::Attached>>> Service::attached_to(Key key) {
  const std::string arn = key.arn();
  const auto known = [&]() -> std::shared_ptr<const Attached> {
    const auto found = attached_.find(arn);
    return found != attached_.end() && found->second->is_whole ? found->second : nullptr;
  };
  if (auto found = known()) co_return found;
  const auto reading = co_await reading_.lock();  // many may ask at once; one reads for them all
  if (auto found = known()) co_return found;
  size_t grants = 0;
  for (const auto& [other, attached] : attached_) grants += attached->grants.size();
  if (attached_.size() >= max_known_keys || grants >= max_known_grants) attached_.clear();
  // It stands there while it is read: what is committed meanwhile takes it away, and nobody keeps it then.
  const auto made = std::make_shared<Attached>();
  attached_.insert_or_assign(arn, made);
  auto read = co_await read_attached(std::move(key), *made);
  const auto now = attached_.find(arn);
  const bool stands = now != attached_.end() && now->second == made;
  if (!read) {
    if (stands) attached_.erase(now);
    co_return std::unexpected(std::move(read.error()));
  }
  if (stands) made->is_whole = true;
  co_return made;
}

Task<Result<void>> Service::read_attached(Key key, Attached& into) const {
  const std::string partition = partition_of(key.account, key.region);
  const std::string names = aliases_path(key.id);
  CO_TRY(const auto aliases, context_.catalog.scan(partition, names));
  for (const auto& [path, nothing] : aliases) into.aliases.push_back("alias/" + path.substr(names.size()));
  store::Walk walk(context_.catalog, partition, grants_path(key.id));
  while (true) {
    CO_TRY(const bool there, co_await walk.next());
    if (!there) break;
    auto grant = store::decode<Grant>(walk.value());
    if (grant) {
      std::string name = grantee_name(*grant);
      into.grants.emplace(std::move(name), std::move(*grant));
    } else {
      // It gives nothing then, and takes nothing from what the others give.
      log::error("kms", "a grant is passed over", {{"grant", walk.key()}, {"error", grant.error().message()}});
    }
  }
  co_return Result<void>();
}

void Service::add_attached(const std::string& key_arn, const Attached& seen, const Grant& grant) {
  const auto known = attached_.find(key_arn);
  if (known == attached_.end()) return;
  // What was read since may have it: twice it would outlive its revocation.
  if (known->second.get() == &seen && seen.is_whole) {
    known->second->grants.emplace(grantee_name(grant), grant);
  } else {
    attached_.erase(known);
  }
}

void Service::remove_attached(const std::string& key_arn, const Grant& grant) {
  const auto known = attached_.find(key_arn);
  if (known == attached_.end()) return;
  if (known->second->is_whole) {
    auto& grants = known->second->grants;
    const auto [begin, end] = grants.equal_range(grantee_name(grant));
    const auto at = std::find_if(begin, end, [&](const auto& entry) { return entry.second.id == grant.id; });
    if (at != end) grants.erase(at);
  } else {
    attached_.erase(known);
  }
}

Task<Result<void>> Service::index_aliases() {
  CO_TRY(const auto partitions, context_.catalog.store().partitions());
  for (const auto& partition : partitions) {
    if (!partition.starts_with("kms/")) continue;
    CO_TRY(const auto done, context_.catalog.get(partition, aliases_indexed));
    if (!done) CO_CHECK(co_await index_aliases(partition));
  }
  co_return Result<void>();
}

Task<Result<void>> Service::index_aliases(std::string partition) {
  store::Walk walk(context_.catalog, partition, std::string(alias_prefix));
  bool there = true;
  while (there) {
    auto tx = co_await context_.catalog.begin(partition);
    for (size_t i = 0; i < aliases_at_once; ++i) {
      CO_TRY(there, co_await walk.next());
      if (!there) break;
      const auto alias = store::decode<Alias>(walk.value());
      if (alias) {
        tx.put(alias_of_path(alias->key_id, alias->name), "");
      } else {
        log::error("kms", "an alias is passed over", {{"alias", walk.key()}, {"error", alias.error().message()}});
      }
    }
    if (!there) tx.put(aliases_indexed, "");
    CO_CHECK(co_await tx.commit());
  }
  co_return Result<void>();
}

}  // namespace boreal::kms
