// What the engine's operations share. Private to this module.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "objects/blob_io.h"
#include "objects/buckets.h"
#include "objects/key_change.h"
#include "objects/key_locks.h"
#include "objects/objects.h"
#include "objects/pins.h"
#include "objects/reclaimer.h"

namespace boreal::objects {

// Bytes that were stored and are in no index yet. Either it goes along with the commit that names them, or abandon()
// frees them.
struct Draft {
  struct Blob {
    BlobId id;
    std::string tier;
    std::shared_ptr<const void> pin;  // keeps the id on record, whatever becomes of the bucket
  };
  std::optional<Segment> segment;
  std::string inline_data;
  Digests digests;
  std::vector<Blob> blobs;  // new ones, with reserved ids
  std::optional<Id> share;  // under this name references to shared blobs are counted
  Garbage share_garbage;    // what to free if it comes to nothing
};

// Where new bytes go, and with which key.
struct Destination {
  std::string bucket;
  std::string tier;
  size_t inline_bytes_max = 0;  // up to this size they go to the index
};

// A version about to be made.
struct NewVersion {
  std::string bucket;
  Version version;
  Draft draft;
  Precondition precondition;
  VersioningThen versioning = Versioning::off;
  store::Batch more{""};      // further index records for the same commit
  bool more_garbage = false;  // … which leave garbage
  bool note = false;
  std::optional<Origin> origin;
};

struct Objects::Impl {
  Impl(store::Store& store, Blobs& blobs, io::Pool& pool, const Clock& clock, Random& random, Options options);

  Result<void> check_target(std::string_view bucket, std::string_view key) const;
  Result<void> check_room() const;
  Result<std::string> tier_named(const std::string& name) const;  // empty: the default

  // An id for a new blob of the draft's, on record as long as the draft lives and is not committed.
  Task<Result<BlobId>> reserve(std::string bucket, std::string tier, Draft& draft);
  // Stores the bytes (durably, unless they go inline), and lets `accept` see their digests.
  Task<Result<Draft>> write(Destination to, Bytes data_key, std::vector<Algorithm> checksums,
                            std::function<Result<void>(const Digests&)> accept, Source& body);
  // The same bytes in another tier: sealed as they are or, with `keys` and where the tier wants it, compressed.
  Task<Result<Segment>> relocate(std::string bucket, Segment segment, std::string version_key, std::string tier,
                                 Keys* keys, Draft& draft, std::stop_token stop);
  // Counts a reference to each, durably; returns them as their new user's.
  Task<Result<std::vector<Segment>>> share(std::string bucket, std::vector<Segment> segments, Draft& draft);
  Task<Result<std::vector<Part>>> bytes_of(const Found& found);
  Task<Result<std::vector<Part>>> share_all(const Found& found, std::string bucket, Draft& draft);
  Task<Result<std::vector<Part>>> relocate_all(const Found& found, std::string bucket, std::string tier, Keys* keys,
                                               Draft& draft, std::stop_token stop);
  Task<Result<Version>> copy_anew(Objects& self, CopyRequest request);
  Task<Result<Version>> commit_move(std::string bucket, Version before, std::string tier, std::vector<Part> parts,
                                    Draft draft, Precondition precondition);
  Task<void> abandon(std::string bucket, Draft draft);

  Task<Result<Version>> commit_version(NewVersion made);
  Task<Result<void>> commit(std::string bucket, store::Batch batch, bool leaves_garbage);
  // A batch that names the draft's bytes.
  Task<Result<void>> commit(std::string bucket, store::Batch batch, bool leaves_garbage, Draft draft);
  Task<KeyLocks::Hold> lock_key(const std::string& bucket, const std::string& key);
  Task<KeyLocks::Hold> lock_upload(const std::string& bucket, UploadId upload);
  // For an id that came from elsewhere, whatever the key. Taken last.
  Task<KeyLocks::Hold> lock_version(const std::string& bucket, VersionId version);

  // At the start: notes come behind those that wait, also where the clock was set back.
  void find_last_note();
  void add_note(store::Batch& batch, const Version& version);

  // The parts in one manifest record.
  Result<std::vector<Part>> manifest_parts(const std::string& bucket, const Version& version, uint32_t chunk) const;
  // Before which manifest record there is no part behind number `after`.
  Result<uint32_t> manifest_behind(const Found& found, uint32_t after) const;
  Task<Result<std::vector<Part>>> all_parts(const std::string& bucket, const Version& version);
  // Which segments hold these bytes.
  Result<std::vector<Segment>> segments_in(const std::string& bucket, const Version& version, Range range) const;
  Task<Result<std::unique_ptr<Source>>> open_source(Found found, Range range, Keys* keys);
  Task<Result<Digests>> digest(Source& source, std::vector<Algorithm> checksums, std::stop_token stop = {});

  store::Store& store;
  Blobs& blobs;
  io::Pool& pool;
  const Clock& clock;
  const Options options;
  IdSource ids;
  Id last_note;
  KeyLocks locks;
  std::shared_ptr<Pins> pins;  // shared with the pins that readers hold
  Buckets buckets;
  Reclaimer reclaimer;
};

// Parts as manifest records: their places in the object, and its segments.
inline constexpr size_t parts_a_manifest_record = 100;
void add_manifest(store::Batch& batch, Version& version, Id manifest, std::vector<Part> parts);

}  // namespace boreal::objects
