// What commits left to be done.
#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {

namespace {
constexpr size_t id_bytes = 16;
}

// The version's id, then the key.
void add_note(store::Batch& batch, Id id, const Version& version) {
  batch.put(index::note(id), version.id.bytes() + version.key);
}

Result<std::vector<Note>> Objects::notes(const std::string& bucket, Id after, size_t max) const {
  CHECK(impl_->buckets.check(bucket));
  std::vector<Note> notes;
  const auto cursor = impl_->store.scan(index::partition_of(bucket), "w");
  for (cursor->seek(index::note(after)); cursor->valid() && notes.size() < max; cursor->next()) {
    const std::string_view value = cursor->value();
    const Id id = Id::from_bytes(cursor->key().substr(1));
    if (id == after) continue;
    if (value.size() <= id_bytes) return fail(Errc::corrupt, "a note without a key: " + id.text());
    notes.push_back({id, std::string(value.substr(id_bytes)), Id::from_bytes(value.substr(0, id_bytes))});
  }
  CHECK(cursor->status());
  return notes;
}

Task<Result<void>> Objects::take_off_notes(std::string bucket, std::vector<Id> ids) {
  if (ids.empty()) co_return Result<void>();
  CO_TRY(const auto use, co_await impl_->buckets.use(bucket));
  store::Batch batch(index::partition_of(bucket));
  for (const Id& id : ids) batch.remove(index::note(id));
  co_return co_await impl_->commit(bucket, std::move(batch), false);
}

}  // namespace boreal::objects
