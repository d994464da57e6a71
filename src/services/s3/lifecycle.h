// Lifecycle run for real: every version of every bucket with rules is looked at once a round, page by page, and what
// is due is done. Where a round stands is kept in the catalog, so that a restart goes on there.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "aws/context.h"
#include "base/sync.h"
#include "objects/objects.h"
#include "s3/access_log.h"
#include "s3/directory.h"
#include "s3/encryption.h"

namespace boreal::s3 {

// Thread rule: the loop. Outlived by the directory, the engine, the keys and the access log.
class Lifecycle {
 public:
  Lifecycle(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys,
            AccessLog& access_log)
      : context_(context), buckets_(buckets), objects_(objects), keys_(keys), access_log_(access_log) {}

  // Looks every `tick` of real time whether a round is due: one an hour of the clock.
  void start(Duration tick);
  Task<void> stop();  // breaks off the move under way
  // See aws::Service.
  bool has_been_round(int64_t since_ns) const { return been_round_ns_ >= since_ns; }

  // Goes on with the round under way, or begins one, and finishes it.
  Task<Result<void>> run_round();

 private:
  struct Cursor;
  struct Walk;
  Task<void> work(Duration tick);
  Result<Cursor> load() const;
  Task<Result<void>> save(Cursor cursor);
  Task<Result<void>> run_bucket(BucketRef bucket, Cursor& cursor);
  Task<Result<void>> walk_versions(BucketRef& bucket, Cursor& cursor, Walk& walk);
  Task<Result<void>> abort_uploads(BucketRef bucket, Walk& walk);
  Task<Result<void>> visit(const Bucket& bucket, Walk& walk, const objects::Version& version);
  Task<Result<void>> settle_marker(const Bucket& bucket, Walk& walk);
  Task<Result<void>> treat_current(const Bucket& bucket, Walk& walk, objects::Version version);
  Task<Result<void>> treat_noncurrent(const Bucket& bucket, Walk& walk, objects::Version version);
  void find_unsent(const Bucket& bucket, Walk& walk) const;
  bool is_nobodys_own(const Error& error) const;
  Task<Result<void>> begin_removal(const Bucket& bucket, Walk& walk, objects::Version version, objects::Select which);
  Task<void> end_removal(const Bucket& bucket, Walk& walk, objects::Version version, objects::Select which,
                         Semaphore::Permit turn);
  Task<Result<void>> remove(const Bucket& bucket, objects::Version version, objects::Select which);
  Task<Result<void>> move(const Bucket& bucket, Walk& walk, objects::Version version, std::string storage_class);

  aws::ServiceContext context_;
  Directory& buckets_;
  objects::Objects& objects_;
  KeyMaker& keys_;
  AccessLog& access_log_;
  TaskGroup running_;
  bool stopping_ = false;
  std::stop_source moves_;     // asked to end with stopping_
  int64_t been_round_ns_ = 0;  // when the last look that is done began
};

}  // namespace boreal::s3
