// Replication: versions that rules want elsewhere are copied there, under the rules' role.
//
// What is to be done is the engine's notes, which lie in the commits that made it necessary: a crash anywhere loses
// none. A worker takes the notes of a bucket in their order, does what the version wants now, tells the outcome in the
// version's own attribute and takes the note off. Doing it twice does no harm. What must fail (no permission, no
// destination) is FAILED at once; what may pass (the disk, the store, the network) is tried again, later and later.
//
// All destinations here are one track of a bucket, each remote bucket is another: a track that fails or is slow holds
// back no other. A note goes when the last track that has to do with it is done with it. After each page of notes it is
// the turn of whoever has waited longest.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "aws/context.h"
#include "aws/gate.h"
#include "aws/peers.h"
#include "base/sync.h"
#include "objects/objects.h"
#include "s3/directory.h"
#include "s3/encryption.h"
#include "s3/remote.h"

namespace boreal::s3 {

// Thread rule: the loop. Outlived by all that it is made of.
class Replication {
 public:
  Replication(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys,
              aws::Gate& gate, const RemoteBuckets& remotes);

  // Looks each `tick` of real time whether there is something to do; zero: only run() does.
  void start(Duration tick);
  // Breaks off what is copied or sent at the moment; it goes on at the next start.
  Task<void> stop();

  // There is a note.
  void wake(const std::string& bucket);
  // The bucket's rules are others now.
  void change_rules(const std::string& bucket);

  // Does all that is to be done in the bucket now. An error: something is left, for another time.
  Task<Result<void>> run(std::string bucket);

  // Whether a bucket of that name is configured at another endpoint. What is here goes before.
  bool is_remote(const std::string& name) const { return remotes_.contains(name); }
  // Whether what this account's buckets hold may be sent to that one, which is_remote().
  bool may_send(const std::string& account, const std::string& name) const {
    return remotes_.at(name)->account() == account;
  }

  struct Figures {
    uint64_t completed = 0;  // since the start
    uint64_t failed = 0;
    uint64_t pending = 0;  // notes in the buckets whose rules name it; no more than 1,000 of each are counted
    std::string trouble;   // why the last attempt to reach it failed; empty: it did not
  };
  // Counted anew once a second at most: anybody may ask for it.
  const std::map<std::string, Figures>& figures();

 private:
  struct Track {
    std::string bucket;
    std::string remote;  // empty: the destinations here
    auto operator<=>(const Track&) const = default;
  };
  struct Turn {
    int failures = 0;
    int64_t not_before_ns = 0;  // monotonic
  };
  struct Run;
  struct Page;
  struct Job;
  struct Shipment;
  enum class Outcome { done, failed };
  // What a remote bucket has under the key: nothing newer, the version itself, something newer; or it may not be asked.
  enum class There { older, same, newer, refused };
  // Of a note, in memory only: what is forgotten is done again.
  struct Progress {
    std::set<std::string> wanted;  // tracks, by Track::remote
    std::map<std::string, Outcome> done;
    bool is_complete() const;
  };

  Task<void> work(Duration tick);
  Task<void> take_turn(Track track, Turn turn);
  bool may_begin(const Track& track, const Turn& turn) const;
  Task<Result<void>> run_track(Track track);
  // Leaves notes of some versions from before the rules. False: there are no more of them.
  Task<Result<bool>> look_at_existing(BucketRef bucket);
  Task<void> do_some(Run& run, Page& page);
  // Whether nothing is left to do for it.
  Task<Result<bool>> handle(Run& run, BucketRef bucket, const objects::Note& note);
  Task<Result<Outcome>> handle_here(BucketRef bucket, const objects::Found& found);
  // FAILED, with the reason in the log, where the version's own bytes cannot be read.
  static Result<Outcome> settle_damaged(const objects::Version& version, Result<Outcome> done);
  std::string track_of(const api::ReplicationRule& rule) const;
  bool goes_elsewhere(const Bucket& bucket) const;
  std::set<std::string> tracks_of(const Bucket& bucket, const objects::Version& version) const;
  Task<Result<void>> tell(const Bucket& bucket, const objects::Version& version, const Progress& progress);
  // What was sent to a remote bucket, for good.
  Task<Result<void>> record(const Bucket& bucket, const objects::Version& version, std::string remote,
                            std::string sent);
  // replication_copy.cc
  Task<Result<Outcome>> replicate(BucketRef bucket, const objects::Found& found, const api::ReplicationRule& rule);
  Task<Result<Outcome>> perform(Job& job);
  // An error: it cannot be known now. So with the others.
  Task<Result<bool>> may(const Job& job, std::string action, bool at_destination, bool on_object);
  Task<Result<bool>> may_all(Job& job);
  Task<Result<bool>> may_copy_tags(const Job& job);
  Task<Result<Outcome>> put_marker(Job& job);
  Task<Result<Outcome>> put_object(Job& job);
  Task<Result<Outcome>> update_replica(Job& job, const objects::Version& there);
  Task<aws::Outcome<void>> make_key(Job& job, Encryption& encryption, objects::CopyRequest& copy, RequestKeys& keys);
  // replication_remote.cc
  Task<Result<Outcome>> replicate_elsewhere(Run& run, BucketRef bucket, const objects::Found& found, bool is_new);
  Task<Result<Outcome>> deliver(Shipment& shipment, bool is_new);
  Task<Result<There>> look_there(Shipment& shipment);
  Task<Result<There>> compare(Shipment& shipment, const Remote::Answer& latest);
  Task<Result<Outcome>> update_there(Shipment& shipment, std::string version);
  Task<Result<Outcome>> update_one(Shipment& shipment, std::string what, std::string version, std::string body);
  // FAILED, with the reason in the log; an error where that may pass.
  static Result<Outcome> refused(const Shipment& shipment, const Remote::Answer& answer);
  // replication_send.cc
  Task<Result<Outcome>> send_version(Shipment& shipment);
  Task<Result<Outcome>> send_whole(Shipment& shipment);
  Task<Result<Outcome>> send_and_record(Shipment& shipment, Remote::Request request);
  Task<Result<Outcome>> send_in_parts(Shipment& shipment);
  Task<Result<std::unique_ptr<Source>>> read(Shipment& shipment, objects::Range range);
  Task<Result<void>> plan_parts(Shipment& shipment);
  Task<Result<Outcome>> begin_upload(Shipment& shipment);
  Task<Result<bool>> list_sent_parts(Shipment& shipment);
  Task<Result<void>> digest_part(Shipment& shipment, size_t index);
  Task<Result<Outcome>> send_part(Shipment& shipment, size_t index);
  Task<Result<Outcome>> send_parts(Shipment& shipment);
  Task<void> send_some_parts(Shipment& shipment, size_t& next, Result<Outcome>& outcome);
  Task<Result<Outcome>> complete_upload(Shipment& shipment);
  Task<void> give_up_upload(Shipment& shipment);

  aws::ServiceContext context_;
  Directory& buckets_;
  objects::Objects& objects_;
  KeyMaker& keys_;
  aws::Gate& gate_;
  std::map<std::string, std::unique_ptr<Remote>> remotes_;
  std::map<std::string, Figures> figures_;
  std::map<std::string, Figures> told_;  // what figures() answered last
  int64_t told_ns_ = 0;                  // monotonic
  std::map<Track, Turn> awake_;          // with something to do
  std::set<Track> active_;               // … and those that wait for a turn, or have one
  Semaphore turns_here_;
  std::map<std::string, Semaphore> turns_elsewhere_;  // by remote bucket: a slow one keeps no other waiting
  std::map<Track, int> patience_;                     // see Run; of those that had too little of it
  std::map<Track, int64_t> rests_;                    // those that have looked at many notes for nothing, until when
  std::set<Track> caught_up_;  // all that was there before the start, or before the last failure, was looked at
  std::map<objects::Id, Progress> progress_;  // by note; bounded
  TaskGroup running_;
  bool stopping_ = false;
  std::stop_source copies_;  // asked to end with stopping_
};

}  // namespace boreal::s3
