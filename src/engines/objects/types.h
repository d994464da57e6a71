// The nouns of the object engine: plain values, kept in the index and handed to callers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "crypto/secret.h"

namespace boreal::objects {

inline constexpr size_t max_key_bytes = 1024;
inline constexpr uint32_t max_parts = 10'000;
inline constexpr size_t data_key_bytes = 32;

using Properties = std::map<std::string, std::string, std::less<>>;

// Names a version, an upload or a blob: never used twice. `order` grows with time (and is unique within a key).
struct Id {
  uint64_t order = 0;
  uint64_t salt = 0;

  auto operator<=>(const Id&) const = default;
  std::string bytes() const;                     // 16 bytes, ordered as the ids are
  std::string text() const;                      // 32 hex digits: the outside form
  static Id from_bytes(std::string_view bytes);  // bytes.size() == 16
  static std::optional<Id> parse(std::string_view text);
};
using VersionId = Id;
using UploadId = Id;  // its last 16 bits tell its key: `may_be_upload_of`
using BlobId = Id;

// How a bucket keeps versions; the caller knows it. `off` means that it never kept any: a bucket that once did is `on`
// or `suspended`.
enum class Versioning { off, on, suspended };

// What it is when a change is committed, which may be minutes after it was begun: the engine asks under the key's lock,
// in one turn with the change's precondition.
class VersioningThen {
 public:
  VersioningThen(Versioning always) : ask_([always] { return always; }) {}
  explicit VersioningThen(std::function<Versioning()> ask) : ask_(std::move(ask)) {}
  Versioning operator()() const { return ask_(); }

 private:
  std::function<Versioning()> ask_;
};

// Which version of a key is meant.
struct Select {
  enum class Kind { latest, null_version, exact };
  Kind kind = Kind::latest;
  VersionId id;
  static Select latest() { return {}; }
  static Select null_version() { return {Kind::null_version, {}}; }
  static Select exact(VersionId id) { return {Kind::exact, id}; }
};

// The numbers are kept on disk.
enum class Algorithm : uint8_t {
  crc32 = 1,
  crc32c = 2,
  crc64nvme = 3,
  sha1 = 4,
  sha256 = 5,
  sha512 = 6,
  md5 = 7,
  xxhash64 = 8,
  xxhash3 = 9,
  xxhash128 = 10
};
inline constexpr Algorithm last_algorithm = Algorithm::xxhash128;
// Whether that of a whole can be made from those of its parts.
constexpr bool is_crc(Algorithm algorithm) { return algorithm <= Algorithm::crc64nvme; }

struct Checksum {
  Algorithm algorithm = Algorithm::crc32;
  bool composite = false;  // of the parts' checksums, not of the bytes
  std::string value;       // raw bytes, big-endian for the CRCs and the XXHASHes
  bool operator==(const Checksum&) const = default;
};

// What the bytes of one upload came to.
struct Digests {
  uint64_t size = 0;
  std::string md5;  // 16 raw bytes
  std::vector<Checksum> checksums;
};

// What the caller wants kept with an object. The engine stores it and gives it back; it looks only at `tier`.
struct Meta {
  std::string owner;
  std::string tier;    // empty: the first of Options::tiers
  Properties headers;  // content headers and user metadata
  Properties tags;
  Properties attributes;  // access list, retention, holds, restore state, encryption facts …
};

// A run of plain bytes in a blob (or in the index itself, when small).
struct Segment {
  BlobId blob;
  Id salt;           // the frames' key comes from the data key and this; the id of the blob they were first written to
  Id referrer;       // under which name this user of a shared blob is counted; == blob for its maker
  std::string tier;  // where the blob lies; empty: the bytes are in the index
  uint64_t offset = 0;       // of the run, in the blob's plain bytes
  uint64_t length = 0;       // of the run
  uint64_t plain_size = 0;   // of the whole blob
  uint64_t stored_size = 0;  // of the whole blob as it lies there: frames, tags and all
  bool compressed = false;
  std::string wrapped_key;  // of the blob's data key; empty: the version's (upload's) own

  bool is_inline() const { return tier.empty(); }
};

// One version of an object, or a delete marker.
struct Version {
  std::string key;
  VersionId id;
  bool is_null = false;  // made while versioning was off or suspended: the outside calls its id "null"
  bool is_delete_marker = false;
  bool is_latest = false;  // as of when it was read
  uint64_t size = 0;
  Time modified;
  std::string etag;  // hex MD5, or of a multipart object "<hex MD5 of the parts' MD5s>-<parts>"; no quotes
  std::vector<Checksum> checksums;
  uint32_t part_count = 0;  // 0: not made of parts
  Meta meta;
  std::string wrapped_key;  // as the caller gave it

  // Where the bytes are: the engine's business. One segment here, or parts in manifest records.
  std::optional<Segment> segment;
  std::vector<uint64_t> chunk_starts;  // first plain byte of each manifest record
  Id manifest;                         // names the manifest records
};

// A part of an upload under way, or of a finished object (where upload-only fields are empty).
struct Part {
  uint32_t number = 0;
  bool present = true;  // false only in CompleteRequest::accept: no such part was uploaded
  uint64_t offset = 0;  // in the finished object
  uint64_t size = 0;
  Time modified;
  std::string md5;  // 16 raw bytes; its hex is the part's ETag
  std::vector<Checksum> checksums;
  std::vector<Segment> segments;  // the engine's business
};

// Whether an upload of this key may have this id, be it there or gone; of those of other keys, one in 65,536 may too.
bool may_be_upload_of(std::string_view key, const UploadId& id);
// When it began.
Time time_of(const UploadId& id);

struct Upload {
  std::string key;
  UploadId id;
  Time initiated;
  Meta meta;
  std::string wrapped_key;
};

// A data key, made by the caller for one object: 32 bytes, and the same wrapped in whatever form the caller can unwrap.
struct DataKey {
  crypto::SecretBytes plain;
  std::string wrapped;
};

// Turns wrapped data keys back. Given with each call that reads, since a key may come with the request itself.
class Keys {
 public:
  virtual ~Keys() = default;
  virtual Task<Result<crypto::SecretBytes>> unwrap(std::string wrapped) = 0;
};

struct Range {
  uint64_t offset = 0;
  uint64_t length = UINT64_MAX;  // cut at the object's end
};

}  // namespace boreal::objects
