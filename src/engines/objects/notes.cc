// What commits left to be done.
#include <algorithm>

#include "base/log.h"
#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {

namespace {
constexpr size_t id_bytes = 16;
}

void Objects::Impl::find_last_note() {
  for (const auto& bucket : buckets.names()) {
    const auto cursor = store.scan(index::partition_of(bucket), "w");
    cursor->seek_before("x");
    if (cursor->valid()) last_note = std::max(last_note, Id::from_bytes(cursor->key().substr(1)));
    if (const auto read = cursor->status(); !read) {  // the notes themselves cannot be read either
      log::error("objects", "cannot look for notes", {{"bucket", bucket}, {"why", read.error().message()}});
    }
  }
}

// The version's id, then the key.
void Objects::Impl::add_note(store::Batch& batch, const Version& version) {
  last_note = ids.note_after(last_note);
  batch.put(index::note(last_note), version.id.bytes() + version.key);
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
