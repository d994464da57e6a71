// The layout of the index: what is found under which key. docs/on-disk.md has the same in a table.
//
// In a bucket's partition:
//   k KEY                          the current version of KEY, if it is not a delete marker
//   v KEY' INVERTED-VERSION        the versions behind it, newest first; a delete marker on top lies here too
//   n KEY                          which of those in v is the null version
//   m MANIFEST CHUNK               a run of the parts of a multipart object
//   u KEY' UPLOAD, p UPLOAD PART   uploads under way
//   q ID                           what is to be freed
//   i RUN BLOB                     ids handed out to blobs that may not be committed yet
//   w ID                           a note: something is to be done about a version
//   t RUN ID                       references counted for a copy that may not be committed yet
// and as bulk, by VERSION, the bytes of a small object, encrypted.
// KEY' is KEY with NUL written as NUL FF and ended by NUL NUL, so that a key's versions lie together and
// keys keep their byte order.
#pragma once

#include <string>
#include <string_view>

#include "objects/types.h"

namespace boreal::objects::index {

inline std::string partition_of(std::string_view bucket) { return "bucket." + std::string(bucket); }
inline constexpr std::string_view engine_partition = "objects";

inline std::string tagged(char tag, std::string_view rest) {
  std::string key;
  key.reserve(rest.size() + 48);
  key += tag;
  key += rest;
  return key;
}

inline void append_escaped(std::string& out, std::string_view key) {
  for (const char c : key) {
    out += c;
    if (c == '\0') out += '\xff';
  }
}

// The first place of `key` in a range of escaped keys; with `ended`, where its own records begin.
inline std::string escaped(char tag, std::string_view key, bool ended) {
  std::string out;
  out.reserve(key.size() + 48);
  out += tag;
  append_escaped(out, key);
  if (ended) out.append(2, '\0');
  return out;
}

inline std::string current(std::string_view key) { return tagged('k', key); }
inline std::string versions(std::string_view key) { return escaped('v', key, true); }
inline std::string version(std::string_view key, VersionId id) {
  std::string out = versions(key);
  put_be64(out, ~id.order);
  put_be64(out, ~id.salt);
  return out;
}
inline std::string null_version(std::string_view key) { return tagged('n', key); }
inline std::string inline_data(VersionId id) { return id.bytes(); }
inline std::string manifest(Id id, uint32_t chunk) {
  std::string out = tagged('m', id.bytes());
  put_be64(out, chunk);
  return out;
}
inline std::string upload(std::string_view key, UploadId id) { return escaped('u', key, true) + id.bytes(); }
inline std::string parts(UploadId id) { return tagged('p', id.bytes()); }
inline std::string part(UploadId id, uint32_t number) {
  std::string out = parts(id);
  put_be64(out, number);
  return out;
}
inline std::string garbage(Id id) { return tagged('q', id.bytes()); }
inline std::string note(Id id) { return tagged('w', id.bytes()); }
inline std::string of_run(char tag, uint64_t run, Id id) {
  std::string out(1, tag);
  put_be64(out, run);
  return out + id.bytes();
}
inline std::string reserved(uint64_t run, BlobId id) { return of_run('i', run, id); }
inline std::string tentative(uint64_t run, Id referrer) { return of_run('t', run, referrer); }

// In the engine's own partition: the buckets, who refers to shared blobs, and two counters.
inline std::string bucket(std::string_view id) { return tagged('b', id); }
inline std::string referrers(BlobId id) { return tagged('s', id.bytes()); }
inline std::string reference(BlobId id, Id referrer) { return referrers(id) + referrer.bytes(); }
inline constexpr std::string_view run_counter = "run";
inline constexpr std::string_view scrub_cursor = "scrub";                // bucket NUL key
inline constexpr std::string_view scrub_cursor_inside = "scrub inside";  // version of it, the next, its segments done

// The object's key in an entry of an escaped range.
inline std::string unescaped(std::string_view index_key) {
  std::string key;
  for (size_t i = 1; i + 1 < index_key.size(); ++i) {
    key += index_key[i];
    if (index_key[i] != '\0') continue;
    if (index_key[i + 1] == '\0') {
      key.pop_back();
      break;
    }
    ++i;
  }
  return key;
}
// The first key behind all keys that begin with `prefix`; empty when there is none (all FF).
inline std::string behind_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace boreal::objects::index
