// Which buckets there are, who is about to write to them, and the blob ids on record for each.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sync.h"
#include "objects/id_source.h"
#include "store/store.h"

namespace boreal::objects {

// Belongs to one executor.
class Buckets {
  struct Bucket {
    size_t users = 0;
    bool dropping = false;
    Event unused;   // users is 0
    Event settled;  // dropping is over: gone, or refused
    Mutex refill;
    std::deque<BlobId> reserved;
  };

 public:
  Buckets(store::Store& store, IdSource& ids) : store_(store), ids_(ids) {}

  // Reads what is there and begins a new run.
  Task<Result<void>> load();
  // Counts the starts: what is on record for an earlier run belongs to nobody any more.
  uint64_t run() const { return run_; }

  bool contains(std::string_view bucket) const { return buckets_.contains(bucket); }
  Result<void> check(std::string_view bucket) const;  // Errc::not_found
  std::vector<std::string> names() const;

  // Held around a commit, so that the bucket is not dropped beneath it. Never long.
  class [[nodiscard]] Use {
   public:
    explicit Use(std::shared_ptr<Bucket> bucket) : bucket_(std::move(bucket)) { ++bucket_->users; }
    Use(Use&&) = default;
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (bucket_ && --bucket_->users == 0) bucket_->unused.set();
    }

   private:
    std::shared_ptr<Bucket> bucket_;  // shared with the map, which may drop it first
  };
  Task<Result<Use>> use(std::string bucket);

  Task<Result<void>> create(std::string bucket);
  Task<Result<void>> drop(std::string bucket);

  // An id for a new blob, on record in the bucket: should it never be committed, a sweep removes the blob.
  Task<Result<BlobId>> reserve(std::string bucket);

 private:
  Result<void> check_empty(const std::string& bucket) const;

  store::Store& store_;
  IdSource& ids_;
  uint64_t run_ = 0;
  std::map<std::string, std::shared_ptr<Bucket>, std::less<>> buckets_;  // shared with Use
};

}  // namespace boreal::objects
