#include "objects/key_change.h"

#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

Result<std::optional<Version>> read_record(const store::Store& store, const std::string& partition,
                                           const std::string& index_key, std::string_view key,
                                           const store::Snapshot* at) {
  TRY(const auto record, store.get(partition, index_key, at));
  if (!record) return std::nullopt;
  TRY(auto version, decode_version(*record, true));
  version.key = key;
  return version;
}

// The newest of the versions in `v`; `skip`: as if that one were gone.
Result<std::optional<Version>> first_behind(const store::Store& store, const std::string& partition,
                                            std::string_view key, const Version* skip, const store::Snapshot* at) {
  const auto cursor = store.scan(partition, index::versions(key), at);
  if (cursor->valid() && skip != nullptr && cursor->key() == index::version(key, skip->id)) cursor->next();
  CHECK(cursor->status());
  if (!cursor->valid()) return std::nullopt;
  TRY(auto version, decode_version(cursor->value(), true));
  version.key = key;
  return version;
}

}  // namespace

Result<std::optional<Version>> read_version(const store::Store& store, std::string_view bucket, std::string_view key,
                                            const Select& which, const store::Snapshot* at) {
  const std::string partition = index::partition_of(bucket);
  TRY(auto current, read_record(store, partition, index::current(key), key, at));
  if (current) current->is_latest = true;
  switch (which.kind) {
    case Select::Kind::latest:
      if (!current) {
        TRY(current, first_behind(store, partition, key, nullptr, at));
        if (current) current->is_latest = true;
      }
      return current;
    case Select::Kind::null_version: {
      if (current && current->is_null) return current;
      TRY(const auto pointer, store.get(partition, index::null_version(key), at));
      if (!pointer) return std::nullopt;
      return read_version(store, bucket, key, Select::exact(Id::from_bytes(*pointer)), at);
    }
    case Select::Kind::exact: break;
  }
  if (current && current->id == which.id) return current;
  TRY(auto version, read_record(store, partition, index::version(key, which.id), key, at));
  if (version && !current) {
    TRY(const auto first, first_behind(store, partition, key, nullptr, at));
    version->is_latest = first && first->id == version->id;
  }
  return version;
}

KeyChange::KeyChange(const store::Store& store, IdSource& ids, std::string bucket, std::string key)
    : store_(store),
      ids_(ids),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      batch_(index::partition_of(bucket_)) {}

Result<KeyChange> KeyChange::begin(const store::Store& store, IdSource& ids, std::string bucket, std::string key,
                                   bool versioned) {
  KeyChange change(store, ids, std::move(bucket), std::move(key));
  change.versioned_ = versioned;
  if (versioned) {
    TRY(change.latest_, read_version(store, change.bucket_, change.key_, Select::latest()));
  } else {
    TRY(change.latest_,
        read_record(store, change.batch_.partition(), index::current(change.key_), change.key_, nullptr));
    if (change.latest_) change.latest_->is_latest = true;
  }
  change.is_current_ = change.latest_ && !change.latest_->is_delete_marker;
  return change;
}

Result<bool> KeyChange::is_alone(const Version& version) const {
  if (!latest_ || latest_->id != version.id) return false;
  TRY(const auto behind, first_behind(store_, batch_.partition(), key_, &version, nullptr));
  return !behind;
}

Result<void> KeyChange::put(Version& version, std::string inline_data, std::optional<VersionId> id) {
  version.key = key_;
  if (id) {
    version.id = *id;
    if (latest_ && *id <= latest_->id) return put_behind(version, std::move(inline_data));
    CHECK(check_place_of_bytes(version));
  } else {
    version.id = latest_ ? ids_.version_after(latest_->id) : ids_.next();
  }
  version.is_latest = true;

  const bool replaces_current = is_current_ && version.is_null && latest_->is_null;
  if (replaces_current) {
    free_bytes(*latest_);
  } else {
    if (version.is_null && versioned_) CHECK(remove_null_behind());
    if (is_current_) keep_behind(*latest_);
  }

  if (version.is_delete_marker) {
    if (is_current_) batch_.remove(index::current(key_));
    keep_behind(version);
  } else {
    batch_.put(index::current(key_), encode(version));
  }
  keep_bytes(version, std::move(inline_data));
  return {};
}

Result<void> KeyChange::put_behind(Version& version, std::string inline_data) {
  TRY(const auto there, store_.get(batch_.partition(), index::version(key_, version.id)));
  if (there || version.id == latest_->id) return fail(Errc::exists, "the version is there: " + version.id.text());
  CHECK(check_place_of_bytes(version));
  version.is_latest = false;
  keep_behind(version);
  keep_bytes(version, std::move(inline_data));
  return {};
}

// Bytes in the index lie under the id of their version alone: with the id of another key's they would take the place of
// that one's.
Result<void> KeyChange::check_place_of_bytes(const Version& version) const {
  if (!version.segment || !version.segment->is_inline()) return {};
  TRY(const auto there, store_.get_bulk(batch_.partition(), index::inline_data(version.id)));
  if (there) return fail(Errc::conflict, "another key has a version of that id: " + version.id.text());
  return {};
}

// The null version in `v`, if there is one, goes: a newer null version takes its place.
Result<void> KeyChange::remove_null_behind() {
  TRY(const auto pointer, store_.get(batch_.partition(), index::null_version(key_)));
  if (!pointer) return {};
  const Id id = Id::from_bytes(*pointer);
  TRY(const auto old, read_record(store_, batch_.partition(), index::version(key_, id), key_, nullptr));
  if (!old) return fail(Errc::corrupt, "the index points to a null version that is not there: " + id.text());
  take_from_behind(*old);
  free_bytes(*old);
  return {};
}

Result<void> KeyChange::remove(const Version& version) {
  free_bytes(version);
  const bool in_current = is_current_ && latest_->id == version.id;
  if (in_current) {
    batch_.remove(index::current(key_));
  } else {
    take_from_behind(version);
  }
  const bool was_latest = latest_ && latest_->id == version.id;
  return was_latest ? promote(version) : Result<void>();
}

// The latest goes: if the next one is an object, it is the current one now. A delete marker stays where it is.
Result<void> KeyChange::promote(const Version& except) {
  TRY(const auto next, first_behind(store_, batch_.partition(), key_, &except, nullptr));
  if (!next || next->is_delete_marker) return {};
  take_from_behind(*next);
  batch_.put(index::current(key_), encode(*next));
  return {};
}

void KeyChange::replace(const Version& version, const Version& changed, bool free_old_bytes) {
  if (free_old_bytes) free_bytes(version);
  const bool in_current = is_current_ && latest_->id == version.id;
  batch_.put(in_current ? index::current(key_) : index::version(key_, version.id), encode(changed));
}

void KeyChange::keep_bytes(const Version& version, std::string inline_data) {
  if (!version.segment || !version.segment->is_inline()) return;
  batch_.put_bulk(index::inline_data(version.id), std::move(inline_data));
}

void KeyChange::keep_behind(const Version& version) {
  batch_.put(index::version(key_, version.id), encode(version));
  if (version.is_null) batch_.put(index::null_version(key_), version.id.bytes());
}

void KeyChange::take_from_behind(const Version& version) {
  batch_.remove(index::version(key_, version.id));
  if (version.is_null) batch_.remove(index::null_version(key_));
}

// Bytes in the index go with the batch; blobs wait until nobody reads them.
void KeyChange::free_bytes(const Version& version) {
  if (version.segment && version.segment->is_inline()) {
    batch_.remove_bulk(index::inline_data(version.id));
    return;
  }
  if (!version.segment && version.chunk_starts.empty()) return;
  Garbage garbage;
  garbage.owner = version.id;
  if (version.segment) garbage.segments.push_back(*version.segment);
  garbage.manifest = version.manifest;
  garbage.chunks = static_cast<uint32_t>(version.chunk_starts.size());
  batch_.put(index::garbage(ids_.next()), encode(garbage));
  leaves_garbage_ = true;
}

}  // namespace boreal::objects
