// One change of one key: reads what is there, collects what becomes of it in one batch. It keeps the rule of the
// index: `k` holds the newest version if that is an object, everything else lies in `v`, and `n` points to the
// null version when that lies in `v`.
#pragma once

#include <optional>
#include <string>

#include "objects/id_source.h"
#include "objects/record.h"
#include "objects/types.h"
#include "store/store.h"

namespace boreal::objects {

// Reads, without a lock: what is there at this moment. is_latest and key are filled in.
// nullopt: there is no such version. Latest may be a delete marker.
Result<std::optional<Version>> read_version(const store::Store& store, std::string_view bucket, std::string_view key,
                                            const Select& which, const store::Snapshot* at = nullptr);

// Made and used under the key's lock; the batch is committed by the caller before the lock goes.
class KeyChange {
 public:
  // `versioned`: false only if the bucket never had versioning: then nothing can lie behind the current version, and
  // nothing is looked for there.
  static Result<KeyChange> begin(const store::Store& store, IdSource& ids, std::string bucket, std::string key,
                                 bool versioned = true);

  // May be a delete marker; nullptr when there is nothing.
  const Version* latest() const { return latest_ ? &*latest_ : nullptr; }

  // Whether the key has no version but this one.
  Result<bool> is_alone(const Version& version) const;

  // Makes this the newest version; gives it its id. A null version takes the place of the one that is there.
  // `inline_data`: the bytes, when its segment says that they lie in the index.
  // With `id`, which is no null version's, it has that one, and the place that goes with it. Errc::exists;
  // Errc::conflict if it is the id of another key's version. Nobody else may give a version this id meanwhile.
  Result<void> put(Version& version, std::string inline_data, std::optional<VersionId> id = {});
  // Removes for good. The version is one that was read under the same lock.
  Result<void> remove(const Version& version);
  // The same version with other metadata, or with its bytes elsewhere: the old bytes are then freed.
  void replace(const Version& version, const Version& changed, bool free_old_bytes);

  store::Batch& batch() { return batch_; }
  bool leaves_garbage() const { return leaves_garbage_; }

 private:
  KeyChange(const store::Store& store, IdSource& ids, std::string bucket, std::string key);
  Result<void> put_behind(Version& version, std::string inline_data);
  Result<void> check_place_of_bytes(const Version& version) const;
  Result<void> remove_null_behind();
  Result<void> promote(const Version& except);
  void keep_bytes(const Version& version, std::string inline_data);
  void keep_behind(const Version& version);
  void take_from_behind(const Version& version);
  void free_bytes(const Version& version);

  const store::Store& store_;
  IdSource& ids_;
  std::string bucket_;
  std::string key_;
  std::optional<Version> latest_;
  bool versioned_ = true;
  bool is_current_ = false;  // latest_ lies in `k`
  store::Batch batch_;
  bool leaves_garbage_ = false;
};

}  // namespace boreal::objects
