// Copies of a secret in other regions, and what time brings. A secret says which copies it wants and which of its
// changes they were last made of; the worker makes them follow, in steps that may be repeated.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aws/due.h"
#include "aws/managed_secrets.h"
#include "aws/region.h"
#include "base/log.h"
#include "secretsmanager/service.h"
#include "store/walk.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

namespace {

constexpr Duration pause_before_retry = std::chrono::minutes(1);

bool wants_work(const Secret& secret) {
  return std::ranges::any_of(secret.replicas,
                             [&](const Replica& r) { return r.removing || r.tried != secret.changes; });
}

Replica* find_replica(Secret& secret, const std::string& region) {
  const auto found = std::ranges::find(secret.replicas, region, &Replica::region);
  return found == secret.replicas.end() ? nullptr : &*found;
}

}  // namespace

aws::Outcome<void> add_replicas(Secret& secret, const std::vector<ReplicaRegionType>& regions, bool overwrite) {
  for (const auto& wanted : regions) {
    const std::string region = wanted.region.value_or("");
    if (!aws::is_region_name(region))
      return aws::refuse(errors::invalid_parameter_exception(fmt::format("Invalid replica region '{}'.", region)));
    if (region == secret.region) {
      return aws::refuse(errors::invalid_parameter_exception(
          "Invalid replica region. The replica region can't be the primary region."));
    }
    Replica replica{
        .region = region, .kms_key_id = wanted.kms_key_id.value_or(""), .overwrite = overwrite, .status = "InProgress"};
    Replica* standing = find_replica(secret, region);
    if (standing == nullptr) {
      secret.replicas.push_back(std::move(replica));
    } else if (standing->status == "Failed") {
      *standing = std::move(replica);
    } else {
      return aws::refuse(errors::invalid_parameter_exception(
          fmt::format("Secret {} is replicated to {} already.", secret.name, region)));
    }
  }
  secret.primary_region = secret.region;
  return {};
}

std::vector<ReplicationStatusType> replication_status(const Secret& secret) {
  std::vector<ReplicationStatusType> all;
  for (const Replica& replica : secret.replicas) {
    if (replica.removing) continue;
    auto& out = all.emplace_back();
    out.region = replica.region;
    out.kms_key_id = replica.kms_key_id.empty() ? "alias/aws/secretsmanager" : replica.kms_key_id;
    out.status = replica.status;
    if (!replica.message.empty()) out.status_message = replica.message;
  }
  return all;
}

Task<Result<Time>> Service::do_what_is_due() {
  Result<Time> next = aws::Timekeeper::never;
  CO_TRY(const auto partitions, context_.catalog.store().partitions());
  for (const auto& partition : partitions) {
    if (!partition.starts_with("secretsmanager/")) continue;
    aws::add_due(next, co_await do_what_is_due(partition));
  }
  co_return next;
}

Task<Result<Time>> Service::do_what_is_due(std::string partition) {
  Result<Time> next = aws::Timekeeper::never;
  store::Walk walk(context_.catalog, partition, std::string(secret_prefix));
  while (true) {
    CO_TRY(const bool there, co_await walk.next());
    if (!there) break;
    const auto secret = store::decode<Secret>(walk.value());
    if (secret) {
      aws::add_due(next, co_await tend(partition, *secret));
    } else {
      // Nobody can read it either; the others go on.
      log::error("secretsmanager", "a secret is passed over",
                 {{"secret", walk.key()}, {"error", secret.error().message()}});
    }
  }
  co_return next;
}

Task<Result<Time>> Service::tend(std::string partition, Secret secret) {
  if (wants_work(secret)) CO_CHECK(co_await synchronise(secret));
  Result<Time> next = aws::Timekeeper::never;
  const bool removing = std::ranges::any_of(secret.replicas, &Replica::removing);
  if (removing) aws::add_due(next, context_.clock.now() + pause_before_retry);
  if (secret.deletion) aws::add_due(next, co_await delete_if_due(std::move(partition), secret.name));
  co_return next;
}

// Deletes the secret when its recovery window is over.
Task<Result<Time>> Service::delete_if_due(std::string partition, std::string name) {
  auto tx = co_await context_.catalog.begin(std::move(partition));
  CO_TRY(const auto text, tx.get(secret_path(name)));
  if (!text) co_return aws::Timekeeper::never;
  CO_TRY(const auto secret, store::decode<Secret>(*text));
  if (!secret.deletion) co_return aws::Timekeeper::never;
  if (*secret.deletion > context_.clock.now()) co_return *secret.deletion;
  CO_CHECK(remove_secret(tx, secret));
  CO_CHECK(co_await tx.commit());
  co_return aws::Timekeeper::never;
}

Task<Result<void>> Service::synchronise(Secret secret) {
  for (const Replica& replica : secret.replicas) {
    if (!replica.removing && replica.tried == secret.changes) continue;
    const auto done = replica.removing ? co_await drop_copy(secret, replica.region) : co_await copy(secret, replica);
    if (!done) {
      log::warn("secretsmanager", "a secret could not be copied",
                {{"secret", secret.arn()}, {"region", replica.region}, {"error", done.error().message}});
      CO_CHECK(co_await report(secret, replica.region, "Failed", done.error().message));
    } else {
      CO_CHECK(co_await report(secret, replica.region, "InSync", ""));
    }
  }
  co_return Result<void>();
}

// Writes what became of a copy. `secret` is as it was when the copy was made; it may have changed meanwhile.
Task<Result<void>> Service::report(Secret secret, std::string region, std::string status, std::string message) {
  auto tx = co_await context_.catalog.begin(partition_of(secret.account, secret.region));
  CO_TRY(const auto text, tx.get(secret_path(secret.name)));
  if (!text) co_return Result<void>();
  CO_TRY(auto now, store::decode<Secret>(*text));
  Replica* replica = find_replica(now, region);
  if (now.id != secret.id || replica == nullptr) co_return Result<void>();
  if (replica->removing) {
    if (status == "InSync") std::erase_if(now.replicas, [&](const Replica& r) { return r.region == region; });
    if (now.replicas.empty()) now.primary_region.clear();
  } else {
    replica->status = std::move(status);
    replica->message = std::move(message);
    replica->tried = secret.changes;
    replica->overwrite = false;
  }
  tx.put(secret_path(now.name), store::encode(now));
  co_return co_await tx.commit();
}

Task<aws::Outcome<void>> Service::copy(Secret secret, Replica replica) {
  CO_TRY(const auto source_items,
         context_.catalog.scan(partition_of(secret.account, secret.region), versions_path(secret.id)));
  auto tx = co_await context_.catalog.begin(partition_of(secret.account, replica.region));
  // Taken out of the replication meanwhile? Whoever does so marks it first and then waits for this partition.
  CO_TRY(const auto wanted, look_up(secret.account, secret.region, secret.arn()));
  const auto still = [&](const Replica& r) { return r.region == replica.region && !r.removing; };
  if (!wanted || std::ranges::none_of(wanted->replicas, still)) co_return aws::Outcome<void>();
  Secret target = secret;
  target.id = context_.random.hex(32);
  CO_TRY(const auto there, tx.get(secret_path(secret.name)));
  if (there) {
    CO_TRY(const auto standing, store::decode<Secret>(*there));
    const bool ours =
        standing.is_replica && standing.primary_region == secret.region && standing.suffix == secret.suffix;
    // Another service's own is not given up, nor what others are copies of: they would be left without a primary.
    const bool is_free = standing.owner.empty() && standing.replicas.empty();
    if (ours && standing.kms_key_id == replica.kms_key_id) {
      target.id = standing.id;
      target.accessed = standing.accessed;
    } else if (ours || (replica.overwrite && is_free)) {
      CO_CHECK(remove_secret(tx, standing));
    } else {
      co_return aws::refuse(errors::resource_exists_exception(
          fmt::format("Replication failed: Secret name {} already exists in region {}.", secret.name, replica.region)));
    }
  }
  target.region = replica.region;
  target.kms_key_id = replica.kms_key_id;
  target.is_replica = true;
  target.primary_region = secret.region;
  target.replicas.clear();
  target.deletion.reset();
  CO_TRY(const auto standing_versions, versions_of(tx, target));
  for (const auto& version : standing_versions) {
    const bool kept = std::ranges::any_of(
        source_items, [&](const auto& item) { return item.first == version_path(secret.id, version.id); });
    if (!kept) tx.remove(version_path(target.id, version.id));
  }
  for (const auto& [path, text] : source_items) {
    CO_TRY(const auto version, store::decode<Version>(text));
    // A version's value never changes: what was copied once stays.
    if (std::ranges::find(standing_versions, version.id, &Version::id) != standing_versions.end()) continue;
    CO_TRY(auto value, co_await decrypt(nullptr, secret, version));
    CO_TRY(auto copied, co_await encrypt(nullptr, target, version.id, std::move(value)));
    copied.created = version.created;
    tx.put(version_path(target.id, version.id), store::encode(copied));
  }
  tx.put(secret_path(target.name), store::encode(target));
  CO_CHECK(co_await tx.commit());
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<void>> Service::drop_copy(Secret secret, std::string region) {
  auto tx = co_await context_.catalog.begin(partition_of(secret.account, region));
  CO_TRY(const auto text, tx.get(secret_path(secret.name)));
  if (!text) co_return aws::Outcome<void>();
  CO_TRY(const auto standing, store::decode<Secret>(*text));
  const bool ours = standing.is_replica && standing.primary_region == secret.region && standing.suffix == secret.suffix;
  if (!ours) co_return aws::Outcome<void>();
  CO_CHECK(remove_secret(tx, standing));
  CO_CHECK(co_await tx.commit());
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<void>> Service::check_copies_keys(aws::Call& call, Secret secret,
                                                    std::vector<ReplicaRegionType> regions) {
  const auto current = secret.labels.find(std::string(current_label));
  const std::string version_id = current == secret.labels.end() ? "" : current->second;
  for (auto& wanted : regions) {
    secret.region = wanted.region.value_or("");
    secret.kms_key_id = wanted.kms_key_id.value_or("");
    if (!secret.kms_key_id.empty()) CO_CHECK(co_await encrypt(&call, secret, version_id, {}));
  }
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<void>> Service::check_readable(aws::Call& call, const Change& change) {
  CO_TRY(const auto versions, versions_of(change.tx, change.secret));
  std::set<std::string> opened;
  for (const Version& version : versions) {
    if (opened.insert(version.key_arn).second) CO_CHECK(co_await decrypt(&call, change.secret, version));
  }
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<ReplicateSecretToRegionsResponse>> Service::replicate_secret_to_regions(
    aws::Call& call, ReplicateSecretToRegionsRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CO_CHECK(
      add_replicas(change.secret, input.add_replica_regions, input.force_overwrite_replica_secret.value_or(false)));
  CO_CHECK(co_await check_readable(call, change));
  CO_CHECK(co_await check_copies_keys(call, change.secret, std::move(input.add_replica_regions)));
  ReplicateSecretToRegionsResponse out{.arn = change.secret.arn(),
                                       .replication_status = replication_status(change.secret)};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<RemoveRegionsFromReplicationResponse>> Service::remove_regions_from_replication(
    aws::Call& call, RemoveRegionsFromReplicationRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  for (const auto& region : input.remove_replica_regions) {
    Replica* replica = find_replica(change.secret, region);
    if (replica == nullptr) {
      co_return aws::refuse(errors::invalid_parameter_exception(
          fmt::format("Secret {} has no replica in {}.", change.secret.name, region)));
    }
    replica->removing = true;
  }
  const Secret wanted = change.secret;
  RemoveRegionsFromReplicationResponse out{.arn = wanted.arn(), .replication_status = replication_status(wanted)};
  CO_CHECK(co_await commit(std::move(change)));
  for (const auto& region : input.remove_replica_regions) {
    CO_CHECK(co_await drop_copy(wanted, region));
    CO_CHECK(co_await report(wanted, region, "InSync", ""));
  }
  co_return out;
}

Task<aws::Outcome<StopReplicationToReplicaResponse>> Service::stop_replication_to_replica(
    aws::Call& call, StopReplicationToReplicaRequest input) {
  CO_TRY(const auto shared, find(call, input.secret_id, Wanted::living));
  const Secret& found = *shared;
  if (!found.is_replica) {
    co_return aws::refuse(errors::invalid_request_exception(fmt::format("Secret {} is no replica.", found.name)));
  }
  // First the copy stands alone; the primary then finds that it is none of its own, should this end in between.
  {
    CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::living));
    change.secret.is_replica = false;
    change.secret.primary_region.clear();
    // The service that keeps the primary knows nothing of this one: it is its user's.
    change.secret.owner.clear();
    change.secret.tags.erase(std::string(aws::owning_service_tag));
    CO_CHECK(co_await commit(std::move(change)));
  }
  auto tx = co_await context_.catalog.begin(partition_of(found.account, found.primary_region));
  CO_TRY(const auto text, tx.get(secret_path(found.name)));
  if (text) {
    CO_TRY(auto primary, store::decode<Secret>(*text));
    if (primary.suffix == found.suffix) {
      std::erase_if(primary.replicas, [&](const Replica& r) { return r.region == found.region; });
      if (primary.replicas.empty()) primary.primary_region.clear();
      tx.put(secret_path(primary.name), store::encode(primary));
      CO_CHECK(co_await tx.commit());
    }
  }
  co_return StopReplicationToReplicaResponse{.arn = found.arn()};
}

}  // namespace boreal::secretsmanager
