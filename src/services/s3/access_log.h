// Server access logs: a record for each request to a bucket that has logging, delivered to the target bucket in
// batches. On the way a record is in memory until the next tick (a second), then in the catalog until it is delivered.
// kill -9 loses what came since the last tick; one between writing a log object and taking its records out of the
// catalog delivers them twice. AWS promises no more: "best effort".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "aws/call.h"
#include "aws/context.h"
#include "aws/gate.h"
#include "base/sync.h"
#include "objects/objects.h"
#include "s3/access_log_line.h"
#include "s3/directory.h"
#include "s3/encryption.h"
#include "s3/replication.h"

namespace boreal::s3 {

// Thread rule: the loop. Outlived by the directory, the engine, the keys, the gate and the replication.
class AccessLog {
 public:
  AccessLog(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys, aws::Gate& gate,
            Replication& replication);
  ~AccessLog();

  // Finds out what the last run left; then each `tick` of real time save() and deliver(), unless `tick` is zero.
  Result<void> start(Duration tick);
  // Saves what is in memory.
  Task<void> stop();
  // See aws::Service.
  bool has_been_round(int64_t since_ns) const { return been_round_ns_ >= since_ns; }

  // Who asks for what is known from here on; a request that comes no further is logged as an anonymous one.
  void begin(const aws::Call& call, const Bucket& bucket);
  // What was begun for a request that stands for another (the put that a form spells) is the other's to finish.
  void pass_on(const http::Request& from, const http::Request& to);
  // One of the keys of a DeleteObjects; `code` empty: it went.
  void add_deleted(const aws::Call& call, const std::string& key, const std::string& version_id,
                   const std::string& code);
  // Something that S3 did of itself, as a lifecycle rule asks: S3.EXPIRE.OBJECT.
  void add_action(const Bucket& bucket, std::string operation, const std::string& key, std::string version_id,
                  std::optional<uint64_t> size);
  // The answer is ready. Its stream is replaced by one that counts what is sent.
  void finish(const http::Request& request, http::Response& response);

  // What is in memory goes to the catalog. An error: it is in memory still, and may be in the catalog too.
  Task<Result<void>> save();
  // What is due (five minutes old by the clock, or four MiB) goes to its target bucket.
  Task<Result<void>> deliver();

  // Implementation.
  void add(LogRecord record);

 private:
  struct Request;
  struct Lines;
  struct Waiting;
  struct Batch;
  Task<void> work(Duration tick);
  void add_copy_source(const http::Request& request, LogRecord record);
  using Records = std::map<std::string, std::vector<LogRecord>>;  // by bucket
  Task<Result<void>> save_some(Records& fresh);
  void take_back(Records records);
  Task<Result<void>> deliver_of(std::string bucket);
  Task<Result<bool>> deliver_batch(std::string bucket);
  Result<Batch> next_batch(const std::string& bucket) const;
  // False: it must not or cannot be there, and never will.
  Task<Result<bool>> write(Batch& batch);
  // An error: it cannot be known now.
  Task<Result<bool>> may_write(const Batch& batch, BucketRef target, std::string key);

  aws::ServiceContext context_;
  Directory& buckets_;
  objects::Objects& objects_;
  KeyMaker& keys_;
  aws::Gate& gate_;
  Replication& replication_;
  std::unordered_map<const http::Request*, Request> requests_;  // that are under way, to buckets with logging
  Records fresh_;
  size_t fresh_count_ = 0;                  // with those that are being saved
  size_t fresh_bytes_ = 0;                  // so too
  size_t lost_ = 0;                         // since the last save: there were too many
  std::map<std::string, Waiting> waiting_;  // by bucket: what the catalog holds
  // Shared with the streams of answers, which may outlive it; null once it has ended.
  std::shared_ptr<AccessLog*> self_;
  TaskGroup running_;
  bool stopping_ = false;
  int64_t been_round_ns_ = 0;  // when the last look that is done began
};

}  // namespace boreal::s3
