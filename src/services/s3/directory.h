// All buckets, in memory and in the catalog. Reads cost a look-up; every change is one transaction.
// Thread rule: the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aws/context.h"
#include "aws/error.h"
#include "objects/objects.h"
#include "s3/accounts.h"
#include "s3/resources.h"

namespace boreal::s3 {

// Shared: a request goes on with the bucket that it found, whatever is changed meanwhile.
using BucketRef = std::shared_ptr<const Bucket>;

objects::Versioning versioning_of(const Bucket& bucket);

class Directory {
 public:
  Directory(aws::ServiceContext context, objects::Objects& objects, Accounts& accounts)
      : context_(context), objects_(objects), accounts_(accounts) {}

  // Loads the buckets and brings the engine's in line with them.
  Task<Result<void>> start();

  // Null: there is none.
  BucketRef find(std::string_view name) const;
  // NoSuchBucket when there is none.
  aws::Outcome<BucketRef> need(std::string_view name) const;
  const std::map<std::string, BucketRef, std::less<>>& all() const { return buckets_; }
  // How the bucket is versioned by the time that this is asked, for what is written to it or removed.
  objects::VersioningThen versioning_then(const Bucket& bucket) const;

  // `bucket` comes without an id. The bucket that has the name now; `made`: it is this one, and no other's from before.
  Task<aws::Outcome<BucketRef>> create(Bucket bucket, bool& made);
  // BucketNotEmpty when there are versions in it.
  Task<aws::Outcome<void>> remove(std::string name);
  Task<aws::Outcome<void>> change(std::string name, std::function<aws::Outcome<void>(Bucket&)> edit);

 private:
  Result<void> load();
  void show(Bucket bucket);  // from now on it is the one that is found
  Task<Result<void>> write(const Bucket& bucket, store::Transaction& transaction);

  aws::ServiceContext context_;
  objects::Objects& objects_;
  Accounts& accounts_;
  std::map<std::string, BucketRef, std::less<>> buckets_;
};

aws::ApiError no_such_bucket(std::string_view name);

}  // namespace boreal::s3
