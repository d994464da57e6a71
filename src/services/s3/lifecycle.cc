#include "s3/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "net/pause.h"
#include "s3/lifecycle_due.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/replication_rules.h"
#include "s3/service.h"
#include "store/record.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view lifecycle_partition = "s3/lifecycle";
constexpr std::string_view cursor_key = "cursor";
constexpr Duration between_rounds{3'600'000};
constexpr size_t page_size = 200;
constexpr size_t max_unsent = 1000;
constexpr size_t removals_at_once = 16;  // so that they share the store's fsyncs, as those who put do

// While a bucket is replicated AWS does nothing to what is not there yet, or could not be: it would be gone before.
// Delete markers have no status: see Walk::unsent.
bool waits_for_replication(const Bucket& bucket, const objects::Version& version) {
  if (!bucket.replication) return false;
  const std::string_view status = replication_status_of(version.meta);
  return status == replication_status::pending || status == replication_status::failed;
}

// What was judged as noncurrent is the object itself once what lay before it is gone; tags say which rules are meant.
bool is_as_judged(const objects::Version& judged, const objects::Version& there) {
  return there.is_latest == judged.is_latest && there.meta.tags == judged.meta.tags;
}

// When it took the place of the version before it. What is made of parts is as old as its upload, but has come to be
// when that was completed, which its id tells.
Time made_at(const objects::Version& version) {
  if (version.part_count == 0) return version.modified;
  return std::max(version.modified, objects::time_of(version.id));
}

// What was due for some versions of a bucket and could not be done. One of them must not hold up the others.
struct Undone {
  size_t count = 0;
  std::string first, why;  // of the first of them
  void add(const std::string& key, std::string reason) {
    if (count++ > 0) return;
    first = key;
    why = std::move(reason);
  }
  void tell(std::string_view what, const std::string& bucket) const {
    if (count == 0) return;
    log::warn("s3", what, {{"bucket", bucket}, {"count", count}, {"first", first}, {"why", why}});
  }
};

// How access logs call a transition.
std::string log_of_transition(std::string_view to) {
  constexpr std::pair<std::string_view, std::string_view> short_names[] = {{"STANDARD_IA", "_SIA"},
                                                                           {"ONEZONE_IA", "_ZIA"},
                                                                           {"INTELLIGENT_TIERING", "_INT"},
                                                                           {"GLACIER_IR", "_GIR"},
                                                                           {"DEEP_ARCHIVE", "_GDA"}};
  const auto* found = std::ranges::find(short_names, to, [](const auto& pair) { return pair.first; });
  return fmt::format("S3.TRANSITION{}.OBJECT", found == std::end(short_names) ? "" : found->second);
}

}  // namespace

struct Lifecycle::Cursor {
  Time began;  // the last round, or the one under way
  bool running = false;
  std::string bucket;  // the round is at this bucket …
  std::string key;     // … and has finished with this key
  BOREAL_RECORD(Cursor, began, running, bucket, key)
};

// Where the walk through one bucket's versions stands.
struct Lifecycle::Walk {
  std::optional<objects::Version> newer;   // the version before this one, of the same key
  size_t noncurrent = 0;                   // versions of that key that have been passed
  std::optional<objects::Version> marker;  // the key's latest is a marker, and nothing older has come yet
  std::set<objects::Id> unsent;            // delete markers among them: versions that are still to be replicated
  bool is_more_unsent = false;             // than can be looked at
  Undone unmoved;
  std::map<std::string, uint64_t> full;  // by class: no object of that size, or a larger one, had room there
  Undone unremoved;
  Semaphore turns{removals_at_once};
  TaskGroup removals;
  Result<void> removed;  // why the walk ends: of the first of them that failed so

  bool is_unsent(const objects::VersionId& id) const { return is_more_unsent || unsent.contains(id); }
};

void Lifecycle::start(Duration tick) { running_.spawn(work(tick)); }

Task<void> Lifecycle::stop() {
  stopping_ = true;
  moves_.request_stop();
  co_await running_.wait();
}

Task<void> Lifecycle::work(Duration tick) {
  while (!stopping_) {
    const int64_t began_ns = monotonic_ns();
    const auto cursor = load();
    const Time now = context_.clock.now();
    // Since its beginning, since what was seen first was judged by the clock of then. One that was put back must not
    // put off the next round.
    const bool goes_on = cursor && cursor->running;
    const bool is_due = !cursor || goes_on || now >= cursor->began + between_rounds || now < cursor->began;
    Result<void> done;
    if (is_due) {
      done = co_await run_round();
      if (!done && !stopping_)
        log::warn("s3", "a lifecycle round broke off and goes on later", {{"why", done.error().message()}});
    }
    if (goes_on && done) continue;  // by the clock of then a part of it was judged: another may be due
    been_round_ns_ = began_ns;
    co_await net::pause(context_.loop, tick, stopping_);
  }
}

Result<Lifecycle::Cursor> Lifecycle::load() const {
  TRY(const auto text, context_.catalog.get(lifecycle_partition, cursor_key));
  if (!text) return Cursor{};
  auto cursor = store::decode<Cursor>(*text);
  if (cursor) return cursor;
  log::warn("s3", "where lifecycle stands cannot be read: a round begins anew", {{"why", cursor.error().message()}});
  return Cursor{};
}

Task<Result<void>> Lifecycle::save(Cursor cursor) {
  auto transaction = co_await context_.catalog.begin(std::string(lifecycle_partition));
  transaction.put(cursor_key, store::encode(cursor));
  co_return co_await transaction.commit();
}

Task<Result<void>> Lifecycle::run_round() {
  CO_TRY(Cursor cursor, load());
  const Time now = context_.clock.now();
  if (!cursor.running) cursor = {.began = now, .running = true, .bucket = {}, .key = {}};
  cursor.began = std::min(cursor.began, now);  // a restart puts a clock back that was moved
  for (auto at = buckets_.all().lower_bound(cursor.bucket); at != buckets_.all().end();
       at = buckets_.all().upper_bound(cursor.bucket)) {
    const BucketRef bucket = at->second;
    if (bucket->name != cursor.bucket) cursor.key.clear();
    cursor.bucket = bucket->name;
    const auto done = bucket->lifecycle ? co_await run_bucket(bucket, cursor) : Result<void>();
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
    if (done) continue;
    // What cannot be read in one bucket must not hold up the others.
    if (is_nobodys_own(done.error())) co_return done;
    log::warn("s3", "a bucket's lifecycle rules are not all carried out",
              {{"bucket", bucket->name}, {"why", done.error().message()}});
  }
  co_return co_await save({.began = cursor.began, .running = false, .bucket = {}, .key = {}});
}

// A full disk or a store that takes nothing: the round goes on where it is when that is over.
bool Lifecycle::is_nobodys_own(const Error& error) const {
  const Errc code = error.code();
  return code == Errc::no_space || code == Errc::unavailable || code == Errc::timeout ||
         context_.catalog.store().writes() != store::Writes::go_on;
}

Task<Result<void>> Lifecycle::run_bucket(BucketRef bucket, Cursor& cursor) {
  Walk walk;
  auto done = co_await abort_uploads(bucket, walk);
  // Uploads that cannot be read do not keep what expires.
  if (done || !is_nobodys_own(done.error())) {
    auto walked = co_await walk_versions(bucket, cursor, walk);
    if (!walked) done = std::move(walked);
  }
  co_await walk.removals.wait();
  if (done) done = walk.removed;
  walk.unmoved.tell("objects could not be moved to their class", bucket->name);
  walk.unremoved.tell("what expired could not be removed", bucket->name);
  co_return done;
}

Task<Result<void>> Lifecycle::walk_versions(BucketRef& bucket, Cursor& cursor, Walk& walk) {
  objects::ListVersionsQuery query;
  query.bucket = bucket->id;
  query.after = cursor.key;
  query.max = page_size;
  query.full = true;
  for (;;) {
    auto page = co_await objects_.list_versions(query);
    if (!page) {
      // Deleted meanwhile: nothing is left to do.
      if (page.error().code() == Errc::not_found) co_return Result<void>();
      co_return std::unexpected(std::move(page).error());
    }
    // The rules may have been changed, or taken away, since the last look.
    const BucketRef now = buckets_.find(bucket->name);
    if (now == nullptr || now->id != bucket->id || !now->lifecycle) co_return Result<void>();
    bucket = now;
    find_unsent(*bucket, walk);
    bool is_whole = true;
    for (const auto& version : page->objects) {
      if (stopping_) co_return Result<void>();
      // Large objects may be moved for hours meanwhile: what is left is listed anew, and judged by what counts then.
      is_whole = buckets_.find(bucket->name) == bucket;
      if (!is_whole) break;
      if (walk.newer && walk.newer->key != version.key) cursor.key = walk.newer->key;
      CO_CHECK(co_await visit(*bucket, walk, version));
    }
    if (is_whole && !page->truncated) break;
    co_await walk.removals.wait();
    CO_CHECK(walk.removed);
    CO_CHECK(co_await save(cursor));
    query.after = walk.newer->key;  // the last that was visited
    query.after_version = objects::Select::exact(walk.newer->id);
  }
  co_return co_await settle_marker(*bucket, walk);
}

// A marker that goes before it was replicated would leave there what is deleted here.
void Lifecycle::find_unsent(const Bucket& bucket, Walk& walk) const {
  walk.unsent.clear();
  walk.is_more_unsent = false;
  if (!bucket.replication) return;
  const auto notes = objects_.notes(bucket.id, {}, max_unsent);
  walk.is_more_unsent = !notes || notes->size() == max_unsent;
  if (!notes) return;
  for (const auto& note : *notes) walk.unsent.insert(note.version);
}

Task<Result<void>> Lifecycle::visit(const Bucket& bucket, Walk& walk, const objects::Version& version) {
  const bool is_next_key = !walk.newer || walk.newer->key != version.key;
  if (is_next_key) CO_CHECK(co_await settle_marker(bucket, walk));
  // Behind the end of a page it may have become the latest of its key: what was that, there, has gone since.
  if (is_next_key || version.is_latest) {
    walk.newer.reset();
    walk.noncurrent = 0;
  }
  walk.marker.reset();  // something older lies behind it
  if (!walk.newer) {
    if (version.is_delete_marker) {
      walk.marker = version;
    } else {
      CO_CHECK(co_await treat_current(bucket, walk, version));
    }
  } else {
    CO_CHECK(co_await treat_noncurrent(bucket, walk, version));
  }
  walk.newer = version;
  co_return Result<void>();
}

// A delete marker with nothing behind it is expired.
Task<Result<void>> Lifecycle::settle_marker(const Bucket& bucket, Walk& walk) {
  if (!walk.marker) co_return Result<void>();
  const objects::Version marker = std::move(*walk.marker);
  walk.marker.reset();
  if (walk.is_unsent(marker.id) || !is_marker_due(bucket, marker, context_.clock.now())) co_return Result<void>();
  co_return co_await begin_removal(bucket, walk, marker, objects::Select::exact(marker.id));
}

Task<Result<void>> Lifecycle::treat_current(const Bucket& bucket, Walk& walk, objects::Version version) {
  if (waits_for_replication(bucket, version)) co_return Result<void>();
  const Due due = due_of_current(bucket, version, context_.clock.now());
  // AWS deletes for good rather than moves, but moves before it leaves a delete marker.
  const auto versioning = versioning_of(bucket);
  const bool goes_for_good =
      versioning == objects::Versioning::off || (versioning == objects::Versioning::suspended && version.is_null);
  if (!due.tier.empty() && !(due.expires && goes_for_good)) CO_CHECK(co_await move(bucket, walk, version, due.tier));
  if (due.expires) CO_CHECK(co_await begin_removal(bucket, walk, std::move(version), objects::Select::latest()));
  co_return Result<void>();
}

Task<Result<void>> Lifecycle::treat_noncurrent(const Bucket& bucket, Walk& walk, objects::Version version) {
  const size_t newer = walk.noncurrent++;
  const bool waits = version.is_delete_marker ? walk.is_unsent(version.id) : waits_for_replication(bucket, version);
  if (waits) co_return Result<void>();
  Due due = due_of_noncurrent(bucket, version, made_at(*walk.newer), newer, context_.clock.now());
  if (due.expires) {
    const auto which = objects::Select::exact(version.id);
    co_return co_await begin_removal(bucket, walk, std::move(version), which);
  }
  if (due.tier.empty()) co_return Result<void>();
  co_return co_await move(bucket, walk, std::move(version), std::move(due.tier));
}

// Others go on beside it, until walk.removals has been waited for; so long the bucket stays.
Task<Result<void>> Lifecycle::begin_removal(const Bucket& bucket, Walk& walk, objects::Version version,
                                            objects::Select which) {
  auto turn = co_await walk.turns.acquire();
  CO_CHECK(walk.removed);
  walk.removals.spawn(end_removal(bucket, walk, std::move(version), which, std::move(turn)));
  co_return Result<void>();
}

Task<void> Lifecycle::end_removal(const Bucket& bucket, Walk& walk, objects::Version version, objects::Select which,
                                  [[maybe_unused]] Semaphore::Permit turn) {
  const std::string key = version.key;
  auto done = co_await remove(bucket, std::move(version), which);
  if (done) co_return;
  if (!is_nobodys_own(done.error())) {
    walk.unremoved.add(key, done.error().message());
  } else if (walk.removed) {
    walk.removed = std::move(done);
  }
}

// What changed since it was listed, or is held, stays: the next round sees it anew.
Task<Result<void>> Lifecycle::remove(const Bucket& bucket, objects::Version version, objects::Select which) {
  const Time now = context_.clock.now();
  const auto versioning = buckets_.versioning_then(bucket);
  objects::RemoveRequest request{bucket.id, version.key, versioning, which, {}};
  request.precondition = [&](const objects::Version* there) -> Result<void> {
    if (there == nullptr || there->id != version.id || waits_for_replication(bucket, *there))
      return fail(Errc::conflict, "it changed meanwhile");
    if (!is_as_judged(version, *there)) return fail(Errc::conflict, "it changed meanwhile");
    const bool makes_marker = which.kind == objects::Select::Kind::latest && versioning() != objects::Versioning::off;
    if (!makes_marker && !check_removable(*there, now, false)) return fail(Errc::conflict, "it is locked");
    return {};
  };
  // A marker with nothing behind it: what another bucket's replication has brought since would be seen without it.
  request.only_if_alone = version.is_delete_marker && version.is_latest;
  // As of the day's beginning, so that a rule which counts from the marker on counts whole days.
  request.modified = std::max(midnight_before(now), version.modified);
  const auto removed = co_await objects_.remove(std::move(request));
  if (!removed) {
    if (removed.error().code() == Errc::conflict || removed.error().code() == Errc::not_found) co_return Result<void>();
    co_return std::unexpected(removed.error());
  }
  const bool names_version = bucket.is_versioned() && !removed->marker_made;
  access_log_.add_action(bucket, removed->marker_made ? "S3.CREATE.DELETEMARKER" : "S3.EXPIRE.OBJECT", version.key,
                         names_version ? version_text(version) : "",
                         version.is_delete_marker ? std::nullopt : std::optional(version.size));
  co_return Result<void>();
}

Task<Result<void>> Lifecycle::move(const Bucket& bucket, Walk& walk, objects::Version version,
                                   std::string storage_class) {
  const auto there = co_await objects_.find(bucket.id, version.key, objects::Select::exact(version.id), false);
  if (there && !is_as_judged(version, *there->version)) co_return Result<void>();
  // It would be read and written as far as there is room, and each of thousands so, for nothing.
  if (const auto full = walk.full.find(storage_class); full != walk.full.end() && version.size >= full->second) {
    walk.unmoved.add(version.key, "there is no room");
    co_return Result<void>();
  }
  // A large one is copied for long. From an archive what is current by then could not be read.
  const auto still = [&](const objects::Version* now) -> Result<void> {
    return is_as_judged(version, *now) ? Result<void>() : fail(Errc::conflict, "it changed meanwhile");
  };
  RequestKeys keys(keys_, std::nullopt);
  // Bytes under a customer's key move as they are: nobody here can read them.
  objects::Keys* readable = wrapping_of(version.wrapped_key) == Wrapping::customer ? nullptr : &keys;
  auto moved = co_await objects_.move_to_tier(bucket.id, version.key, objects::Select::exact(version.id), storage_class,
                                              readable, moves_.get_token(), still);
  if (moved) {
    access_log_.add_action(bucket, log_of_transition(storage_class), version.key,
                           bucket.is_versioned() ? version_text(version) : "", version.size);
    co_return Result<void>();
  }
  const Errc why = moved.error().code();
  if (why == Errc::conflict || why == Errc::not_found || why == Errc::cancelled) co_return Result<void>();
  // One object that cannot be moved (its KMS key is disabled, or there is no room for it) must not hold up the others:
  // what expires may be what makes room.
  walk.unmoved.add(version.key, moved.error().message());
  if (why == Errc::no_space) walk.full[storage_class] = version.size;
  co_return Result<void>();
}

Task<Result<void>> Lifecycle::abort_uploads(BucketRef bucket, Walk& walk) {
  objects::ListUploadsQuery query;
  query.bucket = bucket->id;
  query.max = page_size;
  for (;;) {
    auto page = co_await objects_.list_uploads(query);
    if (!page) {
      if (page.error().code() == Errc::not_found) co_return Result<void>();
      co_return std::unexpected(std::move(page).error());
    }
    for (const auto& upload : page->uploads) {
      if (stopping_) co_return Result<void>();
      const auto end = abort_due(*bucket, upload.key, upload.initiated);
      if (!end || end->when > context_.clock.now()) continue;
      auto done = co_await objects_.abort_upload(bucket->id, upload.key, upload.id);
      if (done) {
        access_log_.add_action(*bucket, "S3.DELETE.UPLOAD", upload.key, "", std::nullopt);
      } else if (is_nobodys_own(done.error())) {
        co_return std::unexpected(std::move(done).error());
      } else if (done.error().code() != Errc::not_found) {
        walk.unremoved.add(upload.key, done.error().message());
      }
    }
    if (!page->truncated) co_return Result<void>();
    query.after = page->next;
    query.after_upload = page->next_upload;
  }
}

}  // namespace boreal::s3
