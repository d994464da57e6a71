#include "objects/reclaimer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

constexpr size_t records_a_step = 64;
// Who writes large objects makes garbage with many hands: what waits is freed together, or it would only grow.
constexpr size_t garbage_a_step = 256;
// Of uploads with ten thousand parts each a step's records would be more than the store takes at once.
constexpr size_t writes_a_batch = 10'000;
constexpr int steps_a_turn = 4;  // of one bucket, which may get more garbage all the time; then it is another's turn
// Of one thing each; more are left for another time, since a disk that fails may fail at all of them.
constexpr size_t failures_a_job = 64;
constexpr Duration trouble_is_told_every = std::chrono::hours(1);

// What refers to a blob: which of these do, and whether anybody else does.
struct References {
  std::vector<Id> ours;
  bool has_others = false;
};

// An object that was copied often has as many as copies: not all are looked at.
Result<References> references_to(const store::Store& store, BlobId blob, const std::set<Id>& ours) {
  References found;
  const std::string prefix = index::referrers(blob);
  const auto cursor = store.scan(index::engine_partition, prefix);
  const bool was_shared = cursor->valid();
  for (; cursor->valid() && !found.has_others; cursor->next()) {
    found.has_others = !ours.contains(Id::from_bytes(cursor->key().substr(prefix.size())));
  }
  CHECK(cursor->status());
  if (!was_shared) return found;
  for (const Id& id : ours) {
    TRY(const auto record, store.get(index::engine_partition, index::reference(blob, id)));
    if (record) found.ours.push_back(id);
  }
  return found;
}

std::vector<Segment> segments_of(std::vector<Part> parts) {
  std::vector<Segment> segments;
  for (auto& part : parts) std::ranges::move(part.segments, std::back_inserter(segments));
  return segments;
}

std::string just_behind(std::string key) {
  key += '\0';
  return key;
}

}  // namespace

Reclaimer::Reclaimer(store::Store& store, Blobs& blobs, std::shared_ptr<Pins> pins, const Clock& clock,
                     std::vector<std::string> tiers)
    : store_(store), blobs_(blobs), pins_(std::move(pins)), clock_(clock), tiers_(std::move(tiers)) {}

void Reclaimer::start() {
  pins_->on_free = [this](std::string_view bucket) { notice(bucket); };
  running_.spawn(work());
}

Task<void> Reclaimer::stop() {
  stopping_ = true;
  stop_.request_stop();
  pins_->on_free = nullptr;
  wake_.set();
  co_await running_.wait();
}

void Reclaimer::notice(std::string_view bucket) {
  pending_.emplace(bucket);
  pending_.merge(failed_);
  wake_.set();
}

void Reclaimer::sweep(std::string_view bucket, uint64_t run) {
  sweeps_.emplace(bucket, run);
  notice(bucket);
}

void Reclaimer::bucket_dropped(std::string_view bucket) {
  dropped_.emplace(bucket);
  notice(bucket);
}

Task<void> Reclaimer::idle() {
  pending_.merge(failed_);
  wake_.set();
  while ((working_ || !pending_.empty()) && !stopping_) {
    quiet_.reset();
    co_await quiet_.wait();
  }
}

Task<void> Reclaimer::work() {
  std::string bucket;  // whose turn it is, or was last
  while (!stopping_) {
    if (pending_.empty()) {
      quiet_.set();
      wake_.reset();
      co_await wake_.wait();
      continue;
    }
    const auto behind = pending_.upper_bound(bucket);
    bucket = pending_.extract(behind == pending_.end() ? pending_.begin() : behind).value();
    working_ = true;
    const auto done = co_await work_on(bucket);
    working_ = false;
    if (stopping_) break;
    tell(bucket, done);
    if (!done) failed_.insert(bucket);
  }
  quiet_.set();
}

void Reclaimer::tell(const std::string& bucket, const Result<void>& done) {
  const auto known = troubles_.find(bucket);
  if (done) {
    if (known == troubles_.end() || pending_.contains(bucket)) return;  // more of it is to be looked at
    log::info("objects", "unused data that could not be freed is freed now", {{"bucket", bucket}});
    troubles_.erase(known);
    return;
  }
  const std::string& why = done.error().message();
  const Time now = clock_.unmoved();
  const bool is_told = known != troubles_.end() && known->second.why == why && now >= known->second.told_at &&
                       now - known->second.told_at < trouble_is_told_every;
  if (is_told) return;
  log::warn("objects", "cannot free unused data now; it stays on record", {{"bucket", bucket}, {"why", why}});
  troubles_.insert_or_assign(bucket, Trouble{why, now});
}

Result<std::vector<Reclaimer::Record>> Reclaimer::next_records(const std::string& partition, std::string_view prefix,
                                                               std::string_view from, size_t max) const {
  std::vector<Record> records;
  const auto cursor = store_.scan(partition, prefix);
  if (!from.empty()) cursor->seek(from);
  for (; cursor->valid() && records.size() < max; cursor->next()) {
    records.emplace_back(std::string(cursor->key()), std::string(cursor->value()));
  }
  CHECK(cursor->status());
  return records;
}

// Asked before each step of a job that may have hundreds of thousands.
Result<void> Reclaimer::check_running() const {
  if (stopping_) return fail(Errc::cancelled, "the engine stops");
  return {};
}

// What cannot be freed now, a file that cannot be removed or a record that cannot be read, holds up nothing else.
class Reclaimer::Failures {
 public:
  void add(const Result<void>& done) {
    if (!done && count_++ == 0) first_ = done;
  }
  bool go_on() const { return count_ < failures_a_job; }
  size_t count() const { return count_; }
  Result<void> first() const { return first_; }

 private:
  Result<void> first_;
  size_t count_ = 0;
};

Task<Result<void>> Reclaimer::work_on(std::string bucket) {
  const bool dropped = dropped_.contains(bucket);
  const auto swept = sweeps_.find(bucket);
  Failures failures;
  if (dropped || swept != sweeps_.end()) {
    const uint64_t before_run = dropped ? UINT64_MAX : swept->second;
    failures.add(co_await remove_reserved(bucket, before_run));
    failures.add(co_await free_tentative(bucket, before_run));
    if (failures.first()) sweeps_.erase(bucket);
  }
  if (dropped) failures.add(co_await free_uploads(bucket));
  failures.add(co_await free_garbage(bucket));
  if (!dropped || !failures.first()) co_return failures.first();

  // What is still there waits for readers and writers; the last of them brings us here again.
  for (const char* range : {"q", "i"}) {
    CO_TRY(const auto waiting, next_records(index::partition_of(bucket), range, "", 1));
    if (!waiting.empty()) co_return Result<void>();
  }
  CO_CHECK(co_await store_.drop_partition(index::partition_of(bucket)));
  dropped_.erase(bucket);
  co_return Result<void>();
}

// Blob ids that were handed out and never committed. Whether a file was begun, and where, is not known. In a dropped
// bucket somebody may still be writing: the file may be made at any moment, so its id stays on record until then.
Task<Result<void>> Reclaimer::remove_reserved(std::string bucket, uint64_t before_run) {
  const std::string partition = index::partition_of(bucket);
  std::string from;
  Failures failures;
  for (bool goes_on = true; goes_on;) {
    CO_CHECK(check_running());
    CO_TRY(auto records, next_records(partition, "i", from, records_a_step));
    std::erase_if(records,
                  [&](const Record& record) { return get_be64(std::string_view(record.key).substr(1)) >= before_run; });
    if (records.empty()) break;
    from = just_behind(records.back().key);
    store::Batch batch(partition);
    for (const auto& record : records) {
      const Id id = Id::from_bytes(std::string_view(record.key).substr(9));
      if (pins_->is_pinned(id)) {
        pins_->wait_for(id, bucket);
        continue;
      }
      Result<void> removed;
      for (const auto& tier : tiers_) {
        if (removed) removed = co_await blobs_.remove(id, tier);
      }
      if (removed) batch.remove(record.key);
      failures.add(removed);
      if (goes_on = failures.go_on(); !goes_on) break;
    }
    if (!batch.empty()) CO_CHECK(co_await store_.commit(std::move(batch)));
  }
  co_return failures.first();
}

Task<Result<void>> Reclaimer::free_tentative(std::string bucket, uint64_t before_run) {
  const std::string partition = index::partition_of(bucket);
  std::string from;
  Failures failures;
  for (bool goes_on = true; goes_on;) {
    CO_CHECK(check_running());
    CO_TRY(auto records, next_records(partition, "t", from, records_a_step));
    std::erase_if(records,
                  [&](const Record& record) { return get_be64(std::string_view(record.key).substr(1)) >= before_run; });
    if (records.empty()) break;
    from = just_behind(records.back().key);
    store::Batch batch(partition);
    for (const auto& record : records) {
      co_await free_record(record, batch, failures);
      if (goes_on = failures.go_on(); !goes_on) break;
    }
    if (!batch.empty()) CO_CHECK(co_await store_.commit(std::move(batch)));
  }
  co_return failures.first();
}

Task<Result<void>> Reclaimer::free_garbage(std::string bucket) {
  const std::string partition = index::partition_of(bucket);
  std::string from;
  if (auto given_up = given_up_at_.extract(partition)) from = just_behind(std::move(given_up.mapped()));
  const bool began_behind = !from.empty();
  Failures failures;
  int steps = 0;  // that freed something
  for (bool goes_on = true; goes_on;) {
    CO_CHECK(check_running());
    CO_TRY(auto records, next_records(partition, "q", from, garbage_a_step));
    if (records.empty()) {
      if (began_behind) pending_.insert(bucket);  // what was passed over has its turn again
      break;
    }
    from = just_behind(records.back().key);
    std::erase_if(records, [&](const Record& record) {
      const auto garbage = decode_garbage(record.value);
      if (!garbage || !pins_->is_pinned(garbage->owner)) return false;
      pins_->wait_for(garbage->owner, bucket);
      return true;
    });
    store::Batch batch(partition);
    goes_on = co_await free_together(records, batch, failures);
    if (batch.empty()) continue;  // they are being read
    CO_CHECK(co_await store_.commit(std::move(batch)));
    if (++steps == steps_a_turn && goes_on) {
      pending_.insert(bucket);
      break;
    }
  }
  co_return failures.first();
}

// Of a dropped bucket: the parts of all uploads.
Task<Result<void>> Reclaimer::free_uploads(std::string bucket) {
  const std::string partition = index::partition_of(bucket);
  std::string from;
  Failures failures;
  while (failures.go_on()) {
    CO_CHECK(check_running());
    CO_TRY(const auto records, next_records(partition, "p", from, records_a_step));
    if (records.empty()) break;
    from = just_behind(records.back().key);
    store::Batch batch(partition);
    co_await free_parts(records, batch, failures);
    if (!batch.empty()) CO_CHECK(co_await store_.commit(std::move(batch)));
  }
  co_return failures.first();
}

// These records of garbage: what is only a blob or some together, all else, and what fails so, one by one. False: too
// many have failed. What the batch cannot hold is committed on the way.
Task<bool> Reclaimer::free_together(const std::vector<Record>& records, store::Batch& batch, Failures& failures) {
  std::vector<Segment> segments;
  std::vector<const Record*> simple, others;
  for (const auto& record : records) {
    auto garbage = decode_garbage(record.value);
    const bool is_simple = garbage && garbage->chunks == 0 && garbage->upload == Id{};
    (is_simple ? simple : others).push_back(&record);
    if (is_simple) std::ranges::move(garbage->segments, std::back_inserter(segments));
  }
  if (co_await release(std::move(segments))) {
    for (const Record* record : simple) batch.remove(record->key);
  } else {
    std::ranges::move(simple, std::back_inserter(others));
    std::ranges::sort(others);  // in the order of their keys again
  }
  for (const Record* record : others) {
    if (stopping_) co_return false;
    co_await free_record(*record, batch, failures);
    if (!failures.go_on()) {
      given_up_at_[batch.partition()] = record->key;
      co_return false;
    }
    if (batch.writes().size() < writes_a_batch) continue;
    const auto done = co_await store_.commit(std::exchange(batch, store::Batch(batch.partition())));
    failures.add(done);
    if (!done) co_return false;
  }
  co_return true;
}

// One record of garbage, and the record itself when nothing of it is left. After a failure it goes on with the rest,
// and what was freed of it counts as freed.
Task<void> Reclaimer::free_record(const Record& record, store::Batch& batch, Failures& failures) {
  const size_t failures_before = failures.count();
  if (const auto garbage = decode_garbage(record.value)) {
    failures.add(co_await free(*garbage, batch, failures));
  } else {
    failures.add(std::unexpected(garbage.error()));
  }
  if (failures.count() == failures_before) batch.remove(record.key);
}

Task<Result<void>> Reclaimer::free(const Garbage& garbage, store::Batch& batch, Failures& failures) {
  failures.add(co_await release(garbage.segments));
  for (uint32_t chunk = 0; chunk < garbage.chunks && failures.go_on(); ++chunk) {
    CO_CHECK(check_running());
    failures.add(co_await free_chunk(index::manifest(garbage.manifest, chunk), batch));
  }
  if (garbage.upload == Id{}) co_return Result<void>();
  std::string from;
  while (failures.go_on()) {
    CO_CHECK(check_running());
    CO_TRY(const auto parts, next_records(batch.partition(), index::parts(garbage.upload), from, records_a_step));
    if (parts.empty()) break;
    from = just_behind(parts.back().key);
    co_await free_parts(parts, batch, failures);
  }
  co_return Result<void>();
}

Task<Result<void>> Reclaimer::free_chunk(std::string key, store::Batch& batch) {
  CO_TRY(const auto record, store_.get(batch.partition(), key));
  if (!record) co_return Result<void>();  // freed before a crash
  CO_TRY(auto parts, decode_parts(*record));
  CO_CHECK(co_await release(segments_of(std::move(parts))));
  batch.remove(std::move(key));
  co_return Result<void>();
}

// Together; if that fails, one by one.
Task<void> Reclaimer::free_parts(const std::vector<Record>& records, store::Batch& batch, Failures& failures) {
  if (co_await free_parts_at_once(records, batch)) co_return;
  for (const auto& record : records) {
    if (!failures.go_on()) co_return;
    failures.add(co_await free_parts_at_once(std::span(&record, 1), batch));
  }
}

Task<Result<void>> Reclaimer::free_parts_at_once(std::span<const Record> records, store::Batch& batch) {
  std::vector<Part> parts;
  for (const auto& record : records) {
    CO_TRY(parts.emplace_back(), decode_part(record.value));
  }
  CO_CHECK(co_await release(segments_of(std::move(parts))));
  // Not before: they alone name the blobs, and the batch is committed after a failure too.
  for (const auto& record : records) batch.remove(record.key);
  co_return Result<void>();
}

// A blob that was never shared has no references on record: its maker lets go of it, and it goes. Of a shared one
// our reference goes, and with the last one the blob, the blob first: so a reference of a copy that is not there
// means that it was never counted, or that all is done. Doing it twice does no harm.
Task<Result<void>> Reclaimer::release(std::vector<Segment> segments) {
  std::map<std::pair<BlobId, std::string>, std::set<Id>> touched;  // by whom
  for (const auto& segment : segments) {
    if (!segment.is_inline()) touched[{segment.blob, segment.tier}].insert(segment.referrer);
  }
  store::Batch references{std::string(index::engine_partition)};
  std::vector<Blobs::Place> unused;
  for (const auto& [place, referrers] : touched) {
    const auto& [blob, tier] = place;
    CO_TRY(const auto found, references_to(store_, blob, referrers));
    for (const Id& id : found.ours) references.remove(index::reference(blob, id));
    const bool was_ours = !found.ours.empty() || referrers.contains(blob);
    if (was_ours && !found.has_others) unused.push_back({blob, tier});
  }
  CO_CHECK(co_await blobs_.remove_all(std::move(unused), stop_.get_token()));
  if (references.empty()) co_return Result<void>();
  co_return co_await store_.commit(std::move(references));
}

}  // namespace boreal::objects
