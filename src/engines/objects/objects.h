// The object engine: buckets of keys with versions, stored durably, encrypted, listed in byte order.
// An ordered index in a Store (one partition a bucket) and blobs by id beneath; README.md tells the design.
//
// It knows nothing of who is asking. Whatever must be decided together with a write (is the key free, is the
// version held?) the caller says in a callback, which runs under the key's lock on the state that the write
// will replace. Callbacks must not call the engine; an error that one returns is returned as it is.
//
// An answer to a write means that it is on the disk. A write that ended with an error may still be found
// after a restart if the disk failed at the last step; it is never found half.
//
// Thread rule: everything belongs to one executor, also letting go of a Found or a Source. References and pointers in a
// request must outlive the call.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <stop_token>

#include "base/random.h"
#include "base/stream.h"
#include "io/pool.h"
#include "objects/blobs.h"
#include "objects/types.h"
#include "store/store.h"

namespace boreal::objects {

// Runs under the key's lock before anything changes. `latest` may be a delete marker; nullptr: the key was
// never there, or nothing is left of it. Where one version is named it sees that one.
using Precondition = std::function<Result<void>(const Version* latest)>;

// A version that was made elsewhere keeps what it is known by, and takes the place among its key's versions that its id
// gives it: it is the latest only if none there is newer. It has that id however the bucket is versioned, so it is no
// null version. Errc::exists when it is there already, Errc::conflict when another key's version has that id.
struct Origin {
  VersionId id;
  Time modified;
  std::string etag;  // empty: that of the bytes that came
};

// Left by a commit, in the same batch, for the caller to find: something is to be done about that version.
struct Note {
  Id id;
  std::string key;
  VersionId version;
};

struct PutRequest {
  std::string bucket;
  std::string key;
  VersioningThen versioning = Versioning::off;
  Meta meta;
  DataKey data_key;
  std::vector<Algorithm> checksums;  // to compute and keep
  // Sees what came, before anything is committed: the place to compare with what the client promised.
  std::function<Result<void>(const Digests&)> accept;
  Precondition precondition;
  bool note = false;  // leave a Note
  std::optional<Origin> origin;
};

// A version that was found, and stays readable while this (or a Source made from it) lives.
struct Found {
  std::string bucket;
  std::shared_ptr<const Version> version;  // never null
  std::string inline_data;                 // engine's business
  std::shared_ptr<const void> pin;         // shared by the Sources made from it; holds back the freeing of its blobs
};

struct RemoveRequest {
  std::string bucket;
  std::string key;
  VersioningThen versioning = Versioning::off;
  // Latest: what a plain delete does (with versioning, leaves a delete marker). Otherwise this version, for good.
  Select which;
  // Sees the version that would go (nullptr: there is none), or for a plain delete the latest.
  Precondition precondition;
  bool only_if_alone = false;    // Errc::conflict where the key has other versions
  bool note = false;             // leave a Note of the marker that is made
  std::optional<Origin> origin;  // of that marker
  std::optional<Time> modified;  // of that marker, where no origin tells it; none: now
};
struct Removed {
  bool found = false;              // a version went, or a marker was made
  bool marker_made = false;        // `id` is a new delete marker's
  bool was_delete_marker = false;  // the version that went was one
  bool is_null = false;            // of the version named by `id`
  VersionId id;                    // of the version that went or was made
};

struct CopyRequest {
  Found source;
  std::string bucket;  // where to
  std::string key;
  VersioningThen versioning = Versioning::off;
  Meta meta;
  // None: the bytes and their data keys are shared with the source. Given: they are read and written anew.
  std::optional<DataKey> new_key;
  std::vector<Algorithm> checksums;  // to keep; those that the source lacks are computed (the bytes are read)
  Keys* keys = nullptr;              // for the source; wanted when bytes must be read
  Precondition precondition;
  bool note = false;  // leave a Note
  std::optional<Origin> origin;
  std::stop_token stop;  // ends it with Errc::cancelled while bytes are read or moved
};

struct UploadRequest {
  std::string bucket;
  std::string key;
  Meta meta;                // of the object to be
  std::string wrapped_key;  // of the data key that all its parts use
};
struct PartRequest {
  std::string bucket;
  std::string key;
  UploadId upload;
  uint32_t number = 0;  // 1 … max_parts
  std::vector<Algorithm> checksums;
  std::function<Result<void>(const Digests&)> accept;
  Keys* keys = nullptr;  // unwraps the upload's key
};
struct PartCopyRequest {
  Found source;
  Range range;
  std::string bucket;
  std::string key;
  UploadId upload;
  uint32_t number = 0;
  std::vector<Algorithm> checksums;
  bool share = false;           // may the part keep the source's data key (and so its bytes)?
  Keys* source_keys = nullptr;  // for the source
  Keys* keys = nullptr;         // for the upload
};
struct CompleteRequest {
  std::string bucket;
  std::string key;
  UploadId upload;
  std::vector<uint32_t> numbers;  // ascending
  VersioningThen versioning = Versioning::off;
  // The object's own checksum: composite of the parts', or (CRCs only) of the whole, combined from the parts'.
  std::optional<Algorithm> checksum;
  bool composite = false;
  // Sees the chosen parts as they are, in the order of `numbers`, and may change the object's metadata.
  std::function<Result<void>(std::span<const Part> parts, Meta& meta)> accept;
  // Sees the object as it would be (etag, size, checksums), before it is committed.
  std::function<Result<void>(const Version& result)> verify;
  Precondition precondition;
  bool note = false;  // leave a Note
  std::optional<Origin> origin;
};

struct ListQuery {
  std::string bucket;
  std::string prefix;
  std::string delimiter;  // empty: no groups
  // Exclusive. If it is a group (prefix … delimiter) or a key of one, the whole group is passed over.
  std::string after;
  size_t max = 1000;  // keys and groups together
  bool full = false;  // with headers, tags and attributes (lifecycle and backup want them; listings do not)
};
struct ListPage {
  std::vector<Version> objects;
  std::vector<std::string> groups;  // common prefixes
  bool truncated = false;
  std::string next;  // the last key or group given: `after` of the next page
};
// Versions of a key come newest first, delete markers among them.
struct ListVersionsQuery : ListQuery {
  std::optional<Select> after_version;  // goes on within the key `after`; none: behind all of its versions
};
struct ListVersionsPage : ListPage {
  std::optional<VersionId> next_version;  // none when `next` is a group
  bool next_is_null = false;
};
struct ListUploadsQuery : ListQuery {
  std::optional<UploadId> after_upload;
};
struct ListUploadsPage {
  std::vector<Upload> uploads;
  std::vector<std::string> groups;
  bool truncated = false;
  std::string next;
  std::optional<UploadId> next_upload;
};
struct PartsPage {
  std::vector<Part> parts;
  bool truncated = false;
};

// Where bytes lie. The first tier is the default.
struct Tier {
  std::string name;
  bool compress = false;  // zstd, for bytes that move_to_tier brings
};

struct Options {
  std::vector<Tier> tiers = {{"standard", false}};
  size_t inline_bytes_max = 32 << 10;  // objects up to this size live in the index; at most one frame
  // Asked before anything is added; Errc::no_space if not. None: always. What is removed is never asked for.
  std::function<bool()> has_room = nullptr;
};

class Objects {
 public:
  // `store` holds nothing else in the partitions "objects" and "bucket.<id>".
  Objects(store::Store& store, Blobs& blobs, io::Pool& pool, const Clock& clock, Random& random, Options options = {});
  ~Objects();

  // Reads the buckets; then sweeps in the background what the last run left half done.
  Task<Result<void>> start();
  // Waits for the background work. No other call may be under way.
  Task<void> stop();

  // Bucket ids are the caller's, never used twice: at most 64 bytes of letters, digits, '-' and '.'.
  Task<Result<void>> create_bucket(std::string bucket);  // Errc::exists
  // Errc::conflict when there are versions or delete markers in it. Uploads under way go with it.
  Task<Result<void>> drop_bucket(std::string bucket);
  std::vector<std::string> buckets() const;

  // All calls below answer Errc::not_found when there is no such bucket, version or upload.
  Task<Result<Version>> put(PutRequest request, Source& body);
  // A delete marker is found too. `with_data`: read() will follow.
  Task<Result<Found>> find(std::string bucket, std::string key, Select which, bool with_data);
  // The bytes, decrypted; damaged frames end it with Errc::corrupt before any byte of them is given.
  // `keys` outlives the Source.
  Task<Result<std::unique_ptr<Source>>> read(Found found, Range range, Keys& keys);
  Task<Result<Removed>> remove(RemoveRequest request);
  // Changes what `change` changes in version.meta (but the tier), and nothing else. `note`: leave a Note.
  Task<Result<Version>> update(std::string bucket, std::string key, Select which,
                               std::function<Result<void>(Version&)> change, bool note = false);
  // The wrapped data keys that the version's bytes are under, each once.
  Task<Result<std::vector<std::string>>> data_keys(Found found);
  // Wraps those keys otherwise, and changes what `change` changes as update() does; the bytes stay as they are, where
  // they are. `wrapped`: the new form of each. Errc::conflict: the bytes are under others by now.
  Task<Result<Version>> rewrap(std::string bucket, std::string key, VersionId id,
                               std::map<std::string, std::string> wrapped,
                               std::function<Result<void>(Version&)> change);
  Task<Result<Version>> copy(CopyRequest request);
  // Moves the bytes; the version's tier is then `tier`. With `keys` they may be compressed, if the tier wants that.
  // `stop` ends it with Errc::cancelled, and nothing has changed, unless all bytes are there already. `precondition`
  // sees the version as it is when they are.
  Task<Result<Version>> move_to_tier(std::string bucket, std::string key, Select which, std::string tier, Keys* keys,
                                     std::stop_token stop = {}, Precondition precondition = {});

  // The parts of a finished multipart object, from behind part number `after`.
  Task<Result<PartsPage>> parts_of(Found found, uint32_t after, size_t max);
  // The one of them whose bytes are just these.
  Task<Result<std::optional<Part>>> part_at(Found found, Range range);

  Task<Result<Upload>> create_upload(UploadRequest request);
  Task<Result<Upload>> find_upload(std::string bucket, std::string key, UploadId id);
  Task<Result<Part>> put_part(PartRequest request, Source& body);
  Task<Result<Part>> copy_part(PartCopyRequest request);
  Task<Result<PartsPage>> list_parts(std::string bucket, std::string key, UploadId id, uint32_t after, size_t max);
  Task<Result<Version>> complete_upload(CompleteRequest request);
  Task<Result<void>> abort_upload(std::string bucket, std::string key, UploadId id);

  // Each page is of one moment.
  Task<Result<ListPage>> list(ListQuery query);
  Task<Result<ListVersionsPage>> list_versions(ListVersionsQuery query);
  Task<Result<ListUploadsPage>> list_uploads(ListUploadsQuery query);

  // The notes in the bucket, oldest first, from behind `after`, at most `max`. Each stays until it is taken off.
  Result<std::vector<Note>> notes(const std::string& bucket, Id after, size_t max) const;
  Task<Result<void>> take_off_notes(std::string bucket, std::vector<Id> ids);

  // Returns when nothing that was unused before the call lies about any more (what readers hold excepted).
  Task<void> reclaim_now();

  struct Impl;

 private:
  friend class Scrubber;
  std::unique_ptr<Impl> impl_;
};

}  // namespace boreal::objects
