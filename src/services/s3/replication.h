// Replication: versions that rules want elsewhere are copied there, under the rules' role.
//
// What is to be done is the engine's notes, which lie in the commits that made it necessary: a crash anywhere loses
// none. A worker takes the notes of a bucket in their order, does what the version wants now, tells the outcome in the
// version's own attribute and takes the note off. Doing it twice does no harm. What must fail (no permission, no
// destination) is FAILED at once; what may pass (the disk, the store) is tried again, later and later.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "aws/context.h"
#include "aws/gate.h"
#include "aws/peers.h"
#include "base/sync.h"
#include "objects/objects.h"
#include "s3/directory.h"
#include "s3/encryption.h"

namespace boreal::s3 {

// Thread rule: the loop. Outlived by all that it is made of.
class Replication {
 public:
  Replication(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys,
              aws::Gate& gate)
      : context_(context), buckets_(buckets), objects_(objects), keys_(keys), gate_(gate) {}

  // Looks each `tick` of real time whether there is something to do; zero: only run() does.
  void start(Duration tick);
  Task<void> stop();

  // There is a note, or rules have changed.
  void wake(const std::string& bucket) { awake_.emplace(bucket, Turn{}); }

  // Does all that is to be done in the bucket now. An error: something is left, for another time.
  Task<Result<void>> run(std::string bucket);

 private:
  struct Turn {
    int failures = 0;
    int64_t not_before_ns = 0;  // monotonic
  };
  struct Page;
  struct Job;
  enum class Outcome { done, failed };

  Task<void> work(Duration tick);
  Task<void> take_turn(std::string bucket, Turn turn);
  Task<Result<void>> look_at_existing(BucketRef bucket);
  Task<void> do_some(Page& page);
  Task<Result<void>> handle(BucketRef bucket, const objects::Note& note);
  Task<Result<void>> tell(const Bucket& bucket, const objects::Version& version, Outcome outcome);
  // replication_copy.cc
  Task<Result<Outcome>> replicate(BucketRef bucket, const objects::Found& found, const api::ReplicationRule& rule);
  Task<Result<Outcome>> perform(Job& job);
  Task<bool> may(const Job& job, std::string action, bool at_destination, bool on_object);
  Task<bool> may_all(Job& job);
  Task<Result<Outcome>> put_marker(Job& job);
  Task<Result<Outcome>> put_object(Job& job);
  Task<Result<Outcome>> update_replica(Job& job);
  Task<aws::Outcome<void>> make_key(Job& job, Encryption& encryption, objects::CopyRequest& copy, RequestKeys& keys);

  aws::ServiceContext context_;
  Directory& buckets_;
  objects::Objects& objects_;
  KeyMaker& keys_;
  aws::Gate& gate_;
  std::map<std::string, Turn> awake_;  // buckets with something to do
  std::set<std::string> active_;       // … and those whose turn it is
  TaskGroup running_;
  bool stopping_ = false;
};

}  // namespace boreal::s3
