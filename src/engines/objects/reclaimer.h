// Frees, in the background, what the index does not refer to any more. Whatever is to be freed is on record first
// (index_keys.h: q, i, t), so a crash loses nothing of it and nobody has to look through everything.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sync.h"
#include "objects/blobs.h"
#include "objects/pins.h"
#include "objects/record.h"
#include "store/store.h"

namespace boreal::objects {

// Belongs to one executor. One job at a time: it never races with itself over a shared blob.
class Reclaimer {
 public:
  Reclaimer(store::Store& store, Blobs& blobs, std::shared_ptr<Pins> pins, const Clock& clock,
            std::vector<std::string> tiers);

  void start();
  // Ends after the blobs at hand: what is left is on record, and the next start's.
  Task<void> stop();

  // A commit has left garbage on record in the bucket.
  void notice(std::string_view bucket);
  // What runs before `run` left half done in the bucket is to be swept, and its garbage freed.
  void sweep(std::string_view bucket, uint64_t run);
  // The bucket is gone: everything in its partition is garbage.
  void bucket_dropped(std::string_view bucket);
  // Waits until there is nothing to do but what readers hold back. Tries again what failed.
  Task<void> idle();

 private:
  struct Record {
    std::string key;
    std::string value;
  };
  class Failures;
  // What was last logged of a bucket in which something cannot be freed.
  struct Trouble {
    std::string why;
    Time told_at;
  };
  Task<void> work();
  // Not at each look, or who writes much would fill the log.
  void tell(const std::string& bucket, const Result<void>& done);
  // The next records of a range of the index, from `from` on.
  Result<std::vector<Record>> next_records(const std::string& partition, std::string_view prefix, std::string_view from,
                                           size_t max) const;
  Result<void> check_running() const;  // Errc::cancelled once stop() was called
  Task<Result<void>> work_on(std::string bucket);
  Task<Result<void>> remove_reserved(std::string bucket, uint64_t before_run);
  Task<Result<void>> free_tentative(std::string bucket, uint64_t before_run);
  Task<Result<void>> free_garbage(std::string bucket);
  Task<Result<void>> free_uploads(std::string bucket);
  Task<void> free_record(const Record& record, store::Batch& batch, Failures& failures);
  Task<bool> free_together(const std::vector<Record>& records, store::Batch& batch, Failures& failures);
  // Frees one record's worth; adds the index records that go with it to the batch.
  Task<Result<void>> free(const Garbage& garbage, store::Batch& batch, Failures& failures);
  Task<Result<void>> free_chunk(std::string key, store::Batch& batch);  // of a manifest
  // The same for the parts of uploads in these records.
  Task<void> free_parts(const std::vector<Record>& records, store::Batch& batch, Failures& failures);
  Task<Result<void>> free_parts_at_once(std::span<const Record> records, store::Batch& batch);
  // Lets go of our references to blobs, in one commit, and of the blobs that nobody else refers to.
  Task<Result<void>> release(std::vector<Segment> segments);

  store::Store& store_;
  Blobs& blobs_;
  const std::shared_ptr<Pins> pins_;  // shared with the pins that readers hold
  const Clock& clock_;
  const std::vector<std::string> tiers_;
  std::set<std::string, std::less<>> pending_;
  std::set<std::string, std::less<>> failed_;  // tried again with the next notice
  std::map<std::string, Trouble, std::less<>> troubles_;
  // By partition: the record of garbage at which a look had seen too many fail. The next one goes on behind it, or what
  // lies in a tier that is not mounted would keep all that was written later from being freed.
  std::map<std::string, std::string, std::less<>> given_up_at_;
  std::map<std::string, uint64_t, std::less<>> sweeps_;
  std::set<std::string, std::less<>> dropped_;
  bool working_ = false;
  bool stopping_ = false;
  std::stop_source stop_;  // asked with stopping_
  Event wake_;
  Event quiet_;
  TaskGroup running_;
};

}  // namespace boreal::objects
