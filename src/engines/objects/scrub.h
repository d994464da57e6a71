// Reads everything at a set pace and finds what is damaged before somebody needs it. It needs no keys: every frame
// carries a CRC of its sealed bytes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sync.h"
#include "io/pool.h"
#include "objects/blobs.h"
#include "objects/objects.h"
#include "store/store.h"

namespace boreal::objects {

struct Damage {
  std::string bucket;  // empty: the index itself
  std::string key;
  VersionId version;  // of an upload's part: the upload
  std::string what;
};

struct ScrubReport {
  uint64_t rounds = 0;  // times everything was read
  uint64_t versions = 0;
  uint64_t parts = 0;  // of uploads under way
  uint64_t bytes = 0;
  uint64_t damaged = 0;
  std::vector<Damage> damages;  // the newest of them, damages_kept at most
};
inline constexpr size_t damages_kept = 1000;

// What a bucket held as the scrubber walked through it, all of it in one run of the engine. Plain bytes: what is stored
// of them may be shared, or compressed.
struct BucketCount {
  uint64_t objects = 0;  // keys whose latest version is one
  uint64_t bytes = 0;    // of those
  uint64_t noncurrent = 0;
  uint64_t noncurrent_bytes = 0;
  uint64_t delete_markers = 0;
  uint64_t parts = 0;  // of uploads under way
  uint64_t part_bytes = 0;
  Time at;  // when the walk was through, by the clocks of others
};

struct ScrubOptions {
  uint64_t bytes_per_second = 20 << 20;
  Duration pause_between_rounds{3'600'000};
};

// Called with each number of bytes read; may wait. An error of it ends the check.
using ScrubStep = std::function<Task<Result<void>>(uint64_t bytes)>;

// Checks that the blob is as it was written. Errc::corrupt if not.
Task<Result<void>> check_blob(BlobReader& blob, Segment segment, io::Pool& pool, const ScrubStep& step);

// Belongs to one executor. Stopped before the engine is.
class Scrubber {
 public:
  // Sleeps for real time; the loop's.
  using Sleep = std::function<Task<void>(Duration)>;
  Scrubber(Objects& objects, Sleep sleep, ScrubOptions options = {});

  void start();
  Task<void> stop();

  // Reads everything once, now, from the beginning and as fast as it goes.
  Task<Result<ScrubReport>> run_once();
  const ScrubReport& report() const { return report_; }
  // By bucket, as far as walks have come to their ends.
  const std::map<std::string, BucketCount>& counts() const { return counts_; }

 private:
  // Where the walk stands: behind this version of this key of this bucket. Saved now and then.
  struct Place {
    std::string bucket{};
    std::string after{};
    VersionId version{};    // none: behind all that the key has
    VersionId within{};     // the one that follows, if some of it was read
    uint64_t segments = 0;  // of that one
  };
  Task<void> work();
  Task<Result<void>> round(Place from);
  Task<Result<void>> scrub_bucket(Place from);
  Task<Result<void>> scrub_versions(Place from, BucketCount& count);
  Task<Result<void>> scrub_uploads(std::string bucket, BucketCount& count);
  // `segments`: how many of them are read already, and then how many are. `damage`: the first that was found.
  Task<Result<void>> scrub_version(std::string bucket, Version version, uint64_t& segments,
                                   std::optional<Error>& damage);
  Task<bool> is_there_still(std::string bucket, const Upload& upload, const Part& part);
  Task<Result<void>> scrub_segments(std::vector<Segment> segments, uint64_t& done, std::optional<Error>& damage);
  Task<Result<void>> scrub_segment(const Segment& segment);
  Task<void> step(uint64_t bytes);
  Task<bool> step_of_check(uint64_t bytes);
  Task<Result<void>> step_of_blob(uint64_t bytes);
  Task<void> sleep(Duration time);
  Task<void> save(Place place);
  Result<Place> saved() const;
  void record(std::string bucket, std::string key, VersionId version, const Error& error);

  Objects& objects_;
  Objects::Impl& engine_;
  const Sleep sleep_;
  const ScrubOptions options_;
  ScrubReport report_;
  std::map<std::string, BucketCount> counts_;
  Mutex one_round_;  // rounds do not run beside each other
  bool paced_ = true;
  uint64_t bytes_since_pause_ = 0;
  uint64_t bytes_since_save_ = 0;
  bool is_saved_ = true;
  bool stopping_ = false;
  TaskGroup running_;
};

}  // namespace boreal::objects
