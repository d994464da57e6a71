// One version to one destination.
// Source: S3 User Guide, "Setting up permissions for live replication", "Replicating encrypted objects",
// "Changing the replica owner".
#include <algorithm>
#include <map>
#include <string>

#include "base/log.h"
#include "s3/acl.h"
#include "s3/bucket_policy.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/public_policy.h"
#include "s3/replication_job.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view s3_service = "s3.amazonaws.com";
constexpr std::string_view session_name = "s3-replication";
constexpr std::string_view lock_attributes[] = {attribute::lock_mode, attribute::lock_until, attribute::legal_hold};

void carry(std::string_view name, const objects::Properties& from, objects::Properties& to) {
  to.erase(std::string(name));
  if (const auto found = from.find(name); found != from.end()) to.emplace(name, found->second);
}

// What holds the replica may be its own bucket's: it follows where it is held faster, and is never let go.
void carry_lock(const objects::Meta& from, Time now, objects::Meta& to) {
  const auto retention = retention_of(from);
  if (retention && is_as_strict(*retention, retention_of(to), now)) keep_retention(retention, to);
  if (from.attributes.contains(attribute::legal_hold)) carry(attribute::legal_hold, from.attributes, to.attributes);
}

// How the replica is to be encrypted, by which roles and destinations bound what is brought: that of a customer's key
// is known by its algorithm. Source: S3 User Guide, "Replicating encrypted objects".
void add_encryption(const objects::Version& version, const api::ReplicationRule& rule,
                    std::multimap<std::string, std::string>& context) {
  const std::string name = "s3:x-amz-server-side-encryption";
  const Encryption encryption = encryption_of(version.meta);
  if (encryption.algorithm == "customer") {
    context.emplace(name + "-customer-algorithm", "AES256");
    return;
  }
  context.emplace(name, encryption.algorithm);
  const auto& wanted = rule.destination.encryption_configuration;
  if (encryption.is_kms() && wanted && wanted->replica_kms_key_id)
    context.emplace(name + "-aws-kms-key-id", *wanted->replica_kms_key_id);
}

bool overrides_owner(const api::ReplicationRule& rule) {
  return rule.destination.access_control_translation &&
         rule.destination.access_control_translation->owner == "Destination";
}

}  // namespace

bool has_lock(const objects::Meta& meta) {
  return std::ranges::any_of(lock_attributes, [&](std::string_view name) { return meta.attributes.contains(name); });
}

// Of a bucket elsewhere nothing is known but its name: what the role may do there, its own policies say.
Task<Result<bool>> Replication::may(const Job& job, std::string action, bool at_destination, bool on_object) {
  Bucket elsewhere;
  elsewhere.name = destination_bucket(job.rule.destination);
  elsewhere.account = job.from->account;
  const Bucket& bucket = !at_destination ? *job.from : job.to != nullptr ? *job.to : elsewhere;
  aws::Access access =
      access_in(bucket, std::move(action), on_object ? bucket.arn_of(job.version().key) : bucket.arn());
  if (is_closed_to(job.caller, bucket)) access.resource_policy.reset();
  access.context.emplace("s3:ResourceAccount", bucket.account);
  access.context.emplace("aws:ResourceAccount", bucket.account);
  if (!at_destination || job.with_tags) {
    for (const auto& [name, value] : job.version().meta.tags)
      access.context.emplace((at_destination ? "s3:RequestObjectTag/" : "s3:ExistingObjectTag/") + name, value);
  }
  if (access.action == "s3:ReplicateObject") add_encryption(job.version(), job.rule, access.context);
  const auto allowed = co_await gate_.authorize(job.caller, access);
  if (!allowed && allowed.error().status >= 500) co_return fail(Errc::io, allowed.error().message);
  if (!allowed) log::info("s3", "replication is not allowed", {{"why", allowed.error().message}});
  co_return allowed.has_value();
}

// What AWS's documentation asks of the role, as far as this version needs it. Tags without permission stay behind; all
// else without it stays as a whole.
Task<Result<bool>> Replication::may_all(Job& job) {
  const auto at_source = [&](std::string_view action, bool on_object) {
    return may(job, std::string(action), false, on_object);
  };
  const auto at_destination = [&](std::string_view action) { return may(job, std::string(action), true, true); };
  if (auto is = co_await at_source("s3:GetReplicationConfiguration", false); !is || !*is) co_return is;
  if (auto is = co_await at_source("s3:ListBucket", false); !is || !*is) co_return is;
  if (job.version().is_delete_marker) co_return co_await at_destination("s3:ReplicateDelete");
  if (auto is = co_await at_source("s3:GetObjectVersionForReplication", true); !is || !*is) co_return is;
  if (auto is = co_await at_source("s3:GetObjectVersionAcl", true); !is || !*is) co_return is;
  // Before what is told of them: tags that stay behind let nobody in.
  if (!job.version().meta.tags.empty()) {
    CO_TRY(job.with_tags, co_await may_copy_tags(job));
  }
  if (auto is = co_await at_destination("s3:ReplicateObject"); !is || !*is) co_return is;
  if (overrides_owner(job.rule)) {
    if (auto is = co_await at_destination("s3:ObjectOwnerOverrideToBucketOwner"); !is || !*is) co_return is;
  }
  if (has_lock(job.version().meta)) {
    if (auto is = co_await at_source("s3:GetObjectRetention", true); !is || !*is) co_return is;
    if (auto is = co_await at_source("s3:GetObjectLegalHold", true); !is || !*is) co_return is;
  }
  co_return true;
}

Task<Result<bool>> Replication::may_copy_tags(const Job& job) {
  if (auto is = co_await may(job, "s3:GetObjectVersionTagging", false, true); !is || !*is) co_return is;
  co_return co_await may(job, "s3:ReplicateTags", true, true);
}

Task<Result<Replication::Outcome>> Replication::replicate(BucketRef bucket, const objects::Found& found,
                                                          const api::ReplicationRule& rule) {
  const BucketRef to = buckets_.find(destination_bucket(rule.destination));
  if (to == nullptr || to->versioning != "Enabled") co_return Outcome::failed;
  if (rule.destination.account && *rule.destination.account != to->account) co_return Outcome::failed;
  if (has_lock(found.version->meta) && !to->object_lock) co_return Outcome::failed;
  auto caller = co_await gate_.assume(bucket->replication->role, std::string(session_name), std::string(s3_service),
                                      bucket->account, bucket->arn());
  if (!caller && caller.error().status >= 500) co_return fail(Errc::io, caller.error().message);
  if (!caller) {
    log::info("s3", "replication has no role", {{"bucket", bucket->name}, {"why", caller.error().message}});
    co_return Outcome::failed;
  }
  Job job{.from = bucket, .found = found, .rule = rule, .to = to, .caller = std::move(*caller)};
  co_return co_await perform(job);
}

Task<Result<Replication::Outcome>> Replication::perform(Job& job) {
  CO_TRY(const bool is_allowed, co_await may_all(job));
  if (!is_allowed) co_return Outcome::failed;
  auto there = co_await objects_.find(job.to->id, job.version().key, objects::Select::exact(job.version().id), false);
  if (!there && there.error().code() != Errc::not_found) co_return std::unexpected(std::move(there).error());
  if (job.version().is_delete_marker) {
    if (there) co_return Outcome::done;
    co_return co_await put_marker(job);
  }
  if (there) co_return co_await update_replica(job, *there->version);
  // Replicas are not replicated further; only what is changed of them may go back.
  if (replication_status_of(job.version().meta) == replication_status::replica) co_return Outcome::done;
  co_return co_await put_object(job);
}

Task<Result<Replication::Outcome>> Replication::put_marker(Job& job) {
  objects::RemoveRequest remove;
  remove.bucket = job.to->id;
  remove.key = job.version().key;
  remove.versioning = objects::Versioning::on;
  remove.origin = objects::Origin{job.version().id, job.version().modified, ""};
  CO_CHECK(co_await objects_.remove(std::move(remove)));
  co_return Outcome::done;
}

// Owner, class, access list and status of the replica; the rest is the source's.
objects::Meta replica_meta(const Bucket& to, const api::ReplicationRule& rule, const objects::Meta& from,
                           bool with_tags) {
  objects::Meta meta = from;
  const bool changes_owner = overrides_owner(rule) || !to.has_acls();
  if (changes_owner) meta.owner = to.account;
  if (changes_owner) meta.attributes.erase(std::string(attribute::acl));
  if (to.blocks(&api::PublicAccessBlockConfiguration::block_public_acls)) drop_public_grants(meta);
  meta.tier = rule.destination.storage_class.value_or(from.tier);
  if (!with_tags) meta.tags.clear();
  meta.attributes.erase(std::string(attribute::restored_until));
  std::erase_if(meta.attributes, [](const auto& one) { return one.first.starts_with(attribute::sent_prefix); });
  meta.attributes.insert_or_assign(std::string(attribute::replication), std::string(replication_status::replica));
  return meta;
}

// KMS: opened by the role with the source's key, sealed anew under the rule's. Both keys' policies are asked.
Task<aws::Outcome<void>> Replication::make_key(Job& job, Encryption& encryption, objects::CopyRequest& copy,
                                               RequestKeys& keys) {
  const aws::Asker role(gate_, job.caller, "s3");
  CO_CHECK(co_await keys.open(role, job.version().wrapped_key));
  const auto& configured = job.rule.destination.encryption_configuration;
  encryption.kms_key = configured ? configured->replica_kms_key_id.value_or("") : "";
  encryption.kms_context.clear();
  CO_TRY(copy.new_key, co_await keys_.make(role, *job.to, job.to->arn_of(job.version().key), encryption));
  co_return aws::Outcome<void>();
}

Task<Result<Replication::Outcome>> Replication::put_object(Job& job) {
  const objects::Version& version = job.version();
  objects::CopyRequest copy;
  copy.source = job.found;
  copy.bucket = job.to->id;
  copy.key = version.key;
  copy.versioning = objects::Versioning::on;
  copy.meta = replica_meta(*job.to, job.rule, version.meta, job.with_tags);
  // A retention that goes along takes the place of the destination's default.
  // Source: S3 User Guide, "What does Amazon S3 replicate?".
  const Time now = context_.clock.now();
  const auto retention = retention_of(version.meta);
  const bool is_retained = retention && retention->until > now;
  const auto by_default = default_retention(*job.to, now);
  if (by_default && !is_retained) keep_retention(by_default, copy.meta);
  const bool is_held = is_retained || by_default;
  copy.precondition = [this, &job, is_held](const objects::Version*) -> Result<void> {
    const BucketRef then = buckets_.find(job.to->name);
    if (is_held || then == nullptr || !retains_by_default(*then)) return {};
    return fail(Errc::conflict,
                "the destination locks what comes since its bytes began to be read");  // to be done anew
  };
  copy.origin = objects::Origin{version.id, version.modified, version.etag};
  for (const auto& checksum : version.checksums) copy.checksums.push_back(checksum.algorithm);
  RequestKeys keys(keys_, std::nullopt);
  // Bytes under a customer's key go as they are, and so do those under the service's own.
  if (wrapping_of(version.wrapped_key) == Wrapping::kms) {
    Encryption encryption = encryption_of(version.meta);
    if (auto made = co_await make_key(job, encryption, copy, keys); !made) {
      log::info("s3", "replication has no key", {{"bucket", job.to->name}, {"why", made.error().message}});
      if (made.error().status >= 500) co_return fail(Errc::unavailable, made.error().message);
      co_return Outcome::failed;
    }
    keep(encryption, copy.meta.attributes);
  }
  copy.keys = &keys;
  copy.stop = copies_.get_token();
  auto made = co_await objects_.copy(std::move(copy));
  if (!made) co_return std::unexpected(std::move(made).error());
  co_return Outcome::done;
}

// `there`: the replica as it was found.
Task<Result<Replication::Outcome>> Replication::update_replica(Job& job, const objects::Version& there) {
  const objects::Version& version = job.version();
  // To take the last ones off is to change tags, too.
  if (version.meta.tags.empty() && !there.meta.tags.empty()) {
    CO_TRY(job.with_tags, co_await may_copy_tags(job));
  }
  const Time now = context_.clock.now();
  const bool blocks_public = job.to->blocks(&api::PublicAccessBlockConfiguration::block_public_acls);
  auto updated = co_await objects_.update(job.to->id, version.key, objects::Select::exact(version.id),
                                          [&](objects::Version& replica) -> Result<void> {
                                            if (job.with_tags) replica.meta.tags = version.meta.tags;
                                            carry_lock(version.meta, now, replica.meta);
                                            if (job.to->has_acls() && !overrides_owner(job.rule)) {
                                              carry(attribute::acl, version.meta.attributes, replica.meta.attributes);
                                              if (blocks_public) drop_public_grants(replica.meta);
                                            }
                                            return {};
                                          });
  if (!updated) co_return std::unexpected(std::move(updated).error());
  co_return Outcome::done;
}

}  // namespace boreal::s3
