#include "s3/replication.h"

#include <algorithm>

#include "base/log.h"
#include "net/pause.h"
#include "s3/names.h"
#include "s3/replication_rules.h"

namespace boreal::s3 {

namespace {

constexpr size_t buckets_at_once = 8;
constexpr size_t notes_a_page = 64;
constexpr size_t notes_at_once = 8;  // so that they share the store's fsyncs
constexpr size_t versions_a_page = 200;
constexpr int64_t first_pause_ns = 1'000'000'000;
constexpr int max_doublings = 6;  // about a minute

}  // namespace

// Some notes, worked off by a few tasks.
struct Replication::Page {
  BucketRef bucket;
  std::vector<objects::Note> notes;
  size_t next = 0;
  std::vector<objects::Id> done;
  std::optional<Error> left;  // why some are not
};

void Replication::start(Duration tick) {
  for (const auto& [name, bucket] : buckets_.all()) wake(name);
  if (tick > Duration(0)) running_.spawn(work(tick));
}

Task<void> Replication::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Replication::work(Duration tick) {
  while (!stopping_) {
    const int64_t now = monotonic_ns();
    for (auto at = awake_.begin(); at != awake_.end() && active_.size() < buckets_at_once;) {
      if (at->second.not_before_ns > now || active_.contains(at->first)) {
        ++at;
        continue;
      }
      auto turn = awake_.extract(at++);
      active_.insert(turn.key());
      running_.spawn(take_turn(turn.key(), turn.mapped()));
    }
    co_await net::pause(context_.loop, tick, stopping_);
  }
}

Task<void> Replication::take_turn(std::string bucket, Turn turn) {
  const auto done = co_await run(bucket);
  active_.erase(bucket);
  if (done || stopping_) co_return;
  log::warn("s3", "replication goes on later", {{"bucket", bucket}, {"why", done.error().message()}});
  const int doublings = std::min(turn.failures, max_doublings);
  awake_[bucket] = {turn.failures + 1, monotonic_ns() + (first_pause_ns << doublings)};
}

Task<Result<void>> Replication::run(std::string name) {
  const BucketRef bucket = buckets_.find(name);
  if (bucket == nullptr) co_return Result<void>();
  CO_CHECK(co_await look_at_existing(bucket));
  objects::Id after;
  std::optional<Error> left;
  while (!stopping_) {
    Page page;
    page.bucket = buckets_.find(name);
    if (page.bucket == nullptr) co_return Result<void>();
    CO_TRY(page.notes, objects_.notes(page.bucket->id, after, notes_a_page));
    if (page.notes.empty()) break;
    after = page.notes.back().id;
    TaskGroup group;
    for (size_t i = 0; i < std::min(notes_at_once, page.notes.size()); ++i) group.spawn(do_some(page));
    co_await group.wait();
    CO_CHECK(co_await objects_.take_off_notes(page.bucket->id, std::move(page.done)));
    if (page.left) left = std::move(page.left);
  }
  if (left) co_return std::unexpected(std::move(*left));
  co_return Result<void>();
}

// Versions that were there before the rules are marked as if they were put now; where this stands is in the record.
Task<Result<void>> Replication::look_at_existing(BucketRef bucket) {
  if (!bucket->replication_scan) co_return Result<void>();
  ReplicationScan scan = *bucket->replication_scan;
  for (;;) {
    objects::ListVersionsQuery query;
    query.bucket = bucket->id;
    query.after = scan.key;
    if (scan.version == "null") {
      query.after_version = objects::Select::null_version();
    } else if (!scan.version.empty()) {
      query.after_version = objects::Select::exact(objects::Id::parse(scan.version).value_or(objects::Id{}));
    }
    query.max = versions_a_page;
    query.full = true;
    CO_TRY(const auto page, co_await objects_.list_versions(std::move(query)));
    for (const auto& version : page.objects) {
      if (!replicates_existing(*bucket, version)) continue;
      const auto mark = [](objects::Version& marked) -> Result<void> {
        mark_pending(marked.meta);
        return {};
      };
      auto marked = co_await objects_.update(bucket->id, version.key, objects::Select::exact(version.id), mark, true);
      if (!marked && marked.error().code() != Errc::not_found) co_return std::unexpected(std::move(marked).error());
    }
    const bool is_over = !page.truncated;
    scan.key = page.next;
    scan.version = page.next_is_null ? "null" : page.next_version.value_or(objects::Id{}).text();
    auto kept = co_await buckets_.change(bucket->name, [&](Bucket& changed) -> aws::Outcome<void> {
      // Other rules begin another scan.
      if (!changed.replication_scan || changed.replication_scan->id != scan.id) return {};
      changed.replication_scan = is_over ? std::nullopt : std::optional(scan);
      return {};
    });
    if (!kept) co_return fail(Errc::unavailable, kept.error().message);
    if (is_over || stopping_) co_return Result<void>();
  }
}

Task<void> Replication::do_some(Page& page) {
  while (page.next < page.notes.size() && !stopping_) {
    const objects::Note& note = page.notes[page.next++];
    // Later notes of the same version stand for this one too; two of them must not be at work on it at once.
    const bool comes_again =
        std::any_of(page.notes.begin() + static_cast<ptrdiff_t>(page.next), page.notes.end(),
                    [&](const objects::Note& other) { return other.version == note.version && other.key == note.key; });
    auto handled = comes_again ? Result<void>() : co_await handle(page.bucket, note);
    if (handled) {
      page.done.push_back(note.id);
    } else {
      page.left = std::move(handled).error();
    }
  }
}

Task<Result<void>> Replication::handle(BucketRef bucket, const objects::Note& note) {
  auto found = co_await objects_.find(bucket->id, note.key, objects::Select::exact(note.version), true);
  if (!found) {
    if (found.error().code() == Errc::not_found) co_return Result<void>();  // it went: nothing is to be copied
    co_return std::unexpected(std::move(found).error());
  }
  const auto rules = rules_for(*bucket, found->version);
  // Wanted when it was noted, but no rule is left for it.
  Outcome outcome = rules.empty() ? Outcome::failed : Outcome::done;
  for (const api::ReplicationRule* rule : rules) {
    CO_TRY(const Outcome one, co_await replicate(bucket, *found, *rule));
    if (one == Outcome::failed) outcome = Outcome::failed;
  }
  co_return co_await tell(*bucket, found->version, outcome);
}

Task<Result<void>> Replication::tell(const Bucket& bucket, const objects::Version& version, Outcome outcome) {
  const std::string_view before = replication_status_of(version.meta);
  const std::string_view status = outcome == Outcome::done ? replication_status::completed : replication_status::failed;
  if (version.is_delete_marker || before == replication_status::replica || before == status) co_return Result<void>();
  auto told = co_await objects_.update(
      bucket.id, version.key, objects::Select::exact(version.id), [&](objects::Version& now) -> Result<void> {
        // Changed meanwhile: another note speaks for that.
        if (now.meta.tags != version.meta.tags || now.meta.attributes != version.meta.attributes) return {};
        now.meta.attributes.insert_or_assign(std::string(attribute::replication), std::string(status));
        return {};
      });
  if (told || told.error().code() == Errc::not_found) co_return Result<void>();
  co_return std::unexpected(std::move(told).error());
}

}  // namespace boreal::s3
