// Deleting: one object, or up to a thousand in one request.
#include <algorithm>
#include <set>
#include <tuple>

#include "s3/conditions.h"
#include "s3/encryption.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/refusal.h"
#include "s3/replica.h"
#include "s3/replication_rules.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t max_keys = 1000;
constexpr size_t at_a_time = 32;  // so that they share the store's fsyncs

// What is asked for again is deleted, and told, once: no second delete marker is made of it.
std::vector<api::ObjectIdentifier> once_each(const std::vector<api::ObjectIdentifier>& keys) {
  const auto all_of = [](const api::ObjectIdentifier& wanted) {
    return std::tie(wanted.key, wanted.version_id, wanted.etag, wanted.last_modified_time, wanted.size);
  };
  std::set<decltype(all_of(keys.front()))> seen;
  std::vector<api::ObjectIdentifier> kept;
  for (const auto& wanted : keys) {
    if (seen.insert(all_of(wanted)).second) kept.push_back(wanted);
  }
  return kept;
}

}  // namespace

Task<Outcome<objects::Removed>> Service::remove_object(Call& call, BucketRef bucket, std::string key,
                                                       std::optional<std::string> version_id,
                                                       DeleteConditions conditions, bool bypass) {
  CO_CHECK(check_key(key));
  CO_TRY(const auto which, parse_version(version_id));
  Refusal refusal;
  objects::RemoveRequest remove;
  remove.bucket = bucket->id;
  remove.key = key;
  const auto versioning = buckets_.versioning_then(*bucket);
  remove.versioning = versioning;
  remove.which = which;
  const bool is_plain = which.kind == objects::Select::Kind::latest;
  std::optional<Replica> replica;
  if (is_plain && bucket->is_versioned() && call.operation.name == "DeleteObject") {
    CO_TRY(replica, co_await replica_for(call, *bucket, key));
  }
  remove.note = is_plain && !replica && replicates_marker(*bucket, key);
  remove.origin = origin_of(*bucket, replica);
  const bool is_replicated = remove.note;
  remove.precondition = [&](const objects::Version* there) {
    return refusal.hold([&]() -> Outcome<void> {
      CHECK(check_delete(conditions, key, there));
      const bool makes_marker = is_plain && versioning() != objects::Versioning::off;
      if (there == nullptr || makes_marker) return {};
      return check_removable(*there, call.now, bypass);
    }());
  };
  auto removed = co_await objects_.remove(std::move(remove));
  if (!removed && replica && removed.error().code() == Errc::exists) {  // it was brought before
    co_return objects::Removed{.found = true, .marker_made = true, .id = replica->id};
  }
  if (!removed) {
    if (removed.error().code() == Errc::not_found) co_return refuse(no_such_bucket(bucket->name));
    co_return refuse(refusal.of(std::move(removed).error()));
  }
  if (is_replicated) replication_.wake(bucket->name);
  co_return std::move(*removed);
}

Task<Outcome<void>> Service::may_compare(Call& call, BucketRef bucket, std::string key) {
  Access access = access_to(call, *bucket, "s3:GetObject", &key);
  CO_CHECK(co_await ask_object(call, bucket, key, std::nullopt, access));
  co_return co_await call.authorize(std::move(access));
}

Task<Outcome<api::DeleteObjectOutput>> Service::delete_object(Call& call, api::DeleteObjectRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_no_encryption(call));
  CO_CHECK(check_write_headers(input.if_match, {}));
  if (input.if_match && input.version_id) {  // it is the latest that is compared, and this one that would go
    co_return refuse(unserved_header("If-Match"));
  }
  const DeleteConditions conditions{input.if_match, input.if_match_last_modified_time, input.if_match_size};
  CO_TRY(const auto removed, co_await remove_object(call, bucket, input.key, input.version_id, conditions,
                                                    input.bypass_governance_retention.value_or(false)));
  api::DeleteObjectOutput output;
  if (removed.marker_made || removed.was_delete_marker) output.delete_marker = true;
  if (removed.marker_made || (removed.found && input.version_id)) {
    output.version_id = removed.is_null ? "null" : removed.id.text();
  } else if (input.version_id) {
    output.version_id = input.version_id;
  }
  co_return output;
}

struct Service::DeleteBatch {
  Call& call;
  BucketRef bucket;
  const std::vector<api::ObjectIdentifier>& keys;
  bool bypass = false;
  size_t next = 0;
  std::vector<std::optional<api::DeletedObject>> deleted;
  std::vector<std::optional<api::Error>> failed;
};

Task<Outcome<objects::Removed>> Service::remove_wanted(DeleteBatch& batch, const api::ObjectIdentifier& wanted) {
  if (wanted.etag && wanted.version_id) {
    co_return refuse(errors::not_implemented("A condition on the ETag of a version is not implemented"));
  }
  const DeleteConditions conditions{wanted.etag, wanted.last_modified_time, wanted.size};
  co_return co_await remove_object(batch.call, batch.bucket, wanted.key, wanted.version_id, conditions, batch.bypass);
}

Task<void> Service::delete_one(DeleteBatch& batch, size_t index) {
  const auto& wanted = batch.keys[index];
  const std::string action = wanted.version_id ? "s3:DeleteObjectVersion" : "s3:DeleteObject";
  const auto ask = [&](std::string what) {
    Access access = access_to(batch.call, *batch.bucket, std::move(what), &wanted.key);
    if (wanted.version_id) access.context.emplace("s3:VersionId", *wanted.version_id);
    if (wanted.etag) access.context.emplace("s3:if-match", *wanted.etag);
    return batch.call.authorize(std::move(access));
  };
  auto outcome = co_await ask(action);
  if (outcome && batch.bypass && wanted.version_id) outcome = co_await ask("s3:BypassGovernanceRetention");
  if (outcome && compares_tag(wanted.etag)) outcome = co_await may_compare(batch.call, batch.bucket, wanted.key);
  Outcome<objects::Removed> removed;
  if (outcome) {
    removed = co_await remove_wanted(batch, wanted);
  } else {
    removed = refuse(std::move(outcome).error());
  }
  access_log_.add_deleted(batch.call, wanted.key, wanted.version_id.value_or(""),
                          removed ? std::string() : removed.error().code);
  if (!removed) {
    aws::ApiError error = std::move(removed).error();
    // Of several objects, a version id that cannot be read is one that is not there.
    if (!parse_version(wanted.version_id)) error = errors::no_such_version("The specified version does not exist.");
    batch.failed[index] = api::Error{.key = wanted.key,
                                     .version_id = wanted.version_id,
                                     .code = std::move(error.code),
                                     .message = std::move(error.message)};
    co_return;
  }
  api::DeletedObject told;
  told.key = wanted.key;
  told.version_id = wanted.version_id;
  if (removed->marker_made || removed->was_delete_marker) {
    told.delete_marker = true;
    told.delete_marker_version_id = removed->is_null ? "null" : removed->id.text();
  }
  batch.deleted[index] = std::move(told);
}

Task<void> Service::delete_some(DeleteBatch& batch) {
  while (batch.next < batch.keys.size()) co_await delete_one(batch, batch.next++);
}

Task<Outcome<api::DeleteObjectsOutput>> Service::delete_objects(Call& call, api::DeleteObjectsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  const auto& asked = input.delete_.objects;
  if (asked.empty() || asked.size() > max_keys) co_return refuse(malformed_xml());
  for (const auto& wanted : asked) CO_CHECK(check_key(wanted.key));  // one that is too long spoils them all
  const auto keys = once_each(asked);
  DeleteBatch batch{.call = call,
                    .bucket = bucket,
                    .keys = keys,
                    .bypass = input.bypass_governance_retention.value_or(false),
                    .deleted = {},
                    .failed = {}};
  batch.deleted.resize(keys.size());
  batch.failed.resize(keys.size());
  TaskGroup group;
  for (size_t i = 0; i < std::min(at_a_time, keys.size()); ++i) group.spawn(delete_some(batch));
  co_await group.wait();
  api::DeleteObjectsOutput output;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (batch.deleted[i] && !input.delete_.quiet.value_or(false)) {
      if (!output.deleted) output.deleted.emplace();
      output.deleted->push_back(std::move(*batch.deleted[i]));
    }
    if (batch.failed[i]) {
      if (!output.errors) output.errors.emplace();
      output.errors->push_back(std::move(*batch.failed[i]));
    }
  }
  co_return output;
}

}  // namespace boreal::s3
