#include "s3/directory.h"

#include <set>

#include "api/s3/errors.h"
#include "base/log.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {
// Our buckets have UUIDs for ids; those of other services (the vaults of AWS Backup) have dots in theirs.
bool is_of_another_service(const std::string& id) { return id.contains('.'); }
}  // namespace

aws::ApiError no_such_bucket(std::string_view name) {
  return errors::no_such_bucket("The specified bucket does not exist").with("BucketName", std::string(name));
}

Result<void> Directory::load() {
  TRY(const auto rows, context_.catalog.scan(buckets_partition, ""));
  for (const auto& [name, text] : rows) {
    TRY(auto bucket, store::decode<Bucket>(text));
    show(std::move(bucket));
  }
  return {};
}

void Directory::show(Bucket bucket) {
  bucket.owner = &accounts_.of(bucket.account);
  const std::string name = bucket.name;
  buckets_[name] = std::make_shared<const Bucket>(std::move(bucket));
}

// A bucket of the engine that no record names was being made (or was removed) when the last run ended. A record
// without a bucket in the engine was being deleted, which nobody was told: it is an empty bucket again.
Task<Result<void>> Directory::start() {
  CO_CHECK(load());
  std::set<std::string> known;
  for (const auto& [name, bucket] : buckets_) known.insert(bucket->id);
  std::set<std::string> there;
  for (const std::string& id : objects_.buckets()) {
    if (is_of_another_service(id)) continue;
    if (known.contains(id)) {
      there.insert(id);
      continue;
    }
    if (auto dropped = co_await objects_.drop_bucket(id); !dropped) {
      log::warn("s3", "a nameless bucket stays", {{"id", id}, {"why", dropped.error().message()}});
    }
  }
  for (const auto& [name, bucket] : std::map(buckets_)) {
    if (there.contains(bucket->id)) continue;
    Bucket anew = *bucket;
    anew.id = context_.random.uuid();
    CO_CHECK(co_await objects_.create_bucket(anew.id));
    auto transaction = co_await context_.catalog.begin(std::string(buckets_partition));
    CO_CHECK(co_await write(anew, transaction));
  }
  co_return Result<void>();
}

BucketRef Directory::find(std::string_view name) const {
  const auto found = buckets_.find(name);
  return found == buckets_.end() ? nullptr : found->second;
}

Outcome<BucketRef> Directory::need(std::string_view name) const {
  BucketRef bucket = find(name);
  if (bucket == nullptr) return refuse(no_such_bucket(name));
  return bucket;
}

objects::Versioning versioning_of(const Bucket& bucket) {
  if (bucket.versioning == "Enabled") return objects::Versioning::on;
  return bucket.versioning == "Suspended" ? objects::Versioning::suspended : objects::Versioning::off;
}

objects::VersioningThen Directory::versioning_then(const Bucket& bucket) const {
  return objects::VersioningThen([this, name = bucket.name, id = bucket.id, was = versioning_of(bucket)] {
    const BucketRef now = find(name);
    return now != nullptr && now->id == id ? versioning_of(*now) : was;  // else the engine finds that it is gone
  });
}

Task<Result<void>> Directory::write(const Bucket& bucket, store::Transaction& transaction) {
  transaction.put(bucket.name, store::encode(bucket));
  CO_CHECK(co_await transaction.commit());
  show(bucket);
  co_return Result<void>();
}

Task<Outcome<BucketRef>> Directory::create(Bucket bucket, bool& made) {
  auto transaction = co_await context_.catalog.begin(std::string(buckets_partition));
  made = false;
  if (BucketRef there = find(bucket.name)) co_return there;
  bucket.id = context_.random.uuid();
  CO_CHECK(co_await objects_.create_bucket(bucket.id));
  if (auto written = co_await write(bucket, transaction); !written) {
    co_return refuse(aws::ApiError(std::move(written).error()));
  }
  made = true;
  co_return find(bucket.name);
}

Task<Outcome<void>> Directory::remove(std::string name) {
  auto transaction = co_await context_.catalog.begin(std::string(buckets_partition));
  CO_TRY(const BucketRef bucket, need(name));
  if (auto dropped = co_await objects_.drop_bucket(bucket->id); !dropped) {
    if (dropped.error().code() != Errc::conflict) co_return refuse(aws::ApiError(std::move(dropped).error()));
    co_return refuse(errors::bucket_not_empty(bucket->is_versioned()
                                                  ? "The bucket you tried to delete is not empty. You must "
                                                    "delete all versions in the bucket."
                                                  : "The bucket you tried to delete is not empty")
                         .with("BucketName", name));
  }
  buckets_.erase(name);
  transaction.remove(name);
  CO_CHECK(co_await transaction.commit());
  co_return Outcome<void>();
}

Task<Outcome<void>> Directory::change(std::string name, std::function<Outcome<void>(Bucket&)> edit) {
  auto transaction = co_await context_.catalog.begin(std::string(buckets_partition));
  CO_TRY(const BucketRef bucket, need(name));
  Bucket changed = *bucket;
  CO_CHECK(edit(changed));
  if (auto written = co_await write(changed, transaction); !written) {
    co_return refuse(aws::ApiError(std::move(written).error()));
  }
  co_return Outcome<void>();
}

}  // namespace boreal::s3
