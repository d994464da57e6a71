#include "s3/replication.h"

#include <algorithm>

#include "base/log.h"
#include "base/resume_on.h"
#include "net/pause.h"
#include "s3/names.h"
#include "s3/replication_job.h"
#include "s3/replication_rules.h"

namespace boreal::s3 {

namespace {

constexpr size_t tracks_at_once = 8;  // here, and of each remote bucket
constexpr size_t notes_a_page = 64;   // and a turn
constexpr size_t pages_before_existing = 16;
constexpr size_t notes_at_once = 8;  // so that they share the store's fsyncs
constexpr size_t sent_at_once = 4;
constexpr size_t versions_a_page = 200;
constexpr int64_t first_pause_ns = 1'000'000'000;
constexpr int max_doublings = 6;            // about a minute
constexpr int64_t rest_a_note_ns = 20'000;  // after a look at notes that wait for other tracks
constexpr size_t max_progress = 100'000;
constexpr int first_patience = 3;  // see Run
constexpr int max_patience = first_patience << max_doublings;
constexpr size_t max_counted_notes = 1'000;
constexpr int64_t figures_are_good_ns = 1'000'000'000;

// Without what replication itself keeps in them, and what leaves no note when it is changed: a replica is encrypted as
// its rule says.
objects::Properties others_attributes(const objects::Meta& meta) {
  objects::Properties kept = meta.attributes;
  for (const std::string_view name : {attribute::replication, attribute::encryption, attribute::kms_key,
                                      attribute::kms_context, attribute::bucket_key})
    kept.erase(std::string(name));
  std::erase_if(kept, [](const auto& one) { return one.first.starts_with(attribute::sent_prefix); });
  return kept;
}

}  // namespace

// Some notes, worked off by a few tasks. What is in one group goes in its order.
struct Replication::Page {
  BucketRef bucket;
  bool by_key = false;  // a group for each key; otherwise one for each note
  std::vector<std::vector<objects::Note>> groups;
  size_t next = 0;
  std::vector<objects::Id> done;
};

bool Replication::Progress::is_complete() const {
  return std::ranges::all_of(wanted, [&](const std::string& track) { return done.contains(track); });
}

Replication::Replication(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys,
                         aws::Gate& gate, const RemoteBuckets& remotes)
    : context_(context), buckets_(buckets), objects_(objects), keys_(keys), gate_(gate), turns_here_(tracks_at_once) {
  for (const auto& [name, remote] : remotes) {
    remotes_.emplace(name, std::make_unique<Remote>(context, name, remote));
    figures_.emplace(name, Figures{});
    turns_elsewhere_.try_emplace(name, tracks_at_once);
  }
}

void Replication::start(Duration tick) {
  for (const auto& [name, bucket] : buckets_.all()) wake(name);
  for (const auto& [name, remote] : remotes_) {
    if (buckets_.find(name) != nullptr)
      log::warn("s3", "a remote bucket is not used: a bucket of that name is here", {{"remote_bucket", name}});
  }
  if (tick > Duration(0)) running_.spawn(work(tick));
}

Task<void> Replication::stop() {
  stopping_ = true;
  copies_.request_stop();
  for (const auto& [name, remote] : remotes_) remote->stop();
  co_await running_.wait();
}

// Nothing of a bucket here: it goes there.
std::string Replication::track_of(const api::ReplicationRule& rule) const {
  std::string name = destination_bucket(rule.destination);
  if (!remotes_.contains(name) || buckets_.find(name) != nullptr) name.clear();
  return name;
}

bool Replication::goes_elsewhere(const Bucket& bucket) const {
  return bucket.replication &&
         std::ranges::any_of(bucket.replication->rules, [&](const auto& rule) { return !track_of(rule).empty(); });
}

std::set<std::string> Replication::tracks_of(const Bucket& bucket, const objects::Version& version) const {
  std::set<std::string> tracks;
  for (const api::ReplicationRule* rule : rules_for(bucket, version)) tracks.insert(track_of(*rule));
  return tracks;
}

void Replication::wake(const std::string& bucket) {
  awake_.emplace(Track{bucket, ""}, Turn{});
  if (remotes_.empty()) return;
  const BucketRef found = buckets_.find(bucket);
  if (found == nullptr || !found->replication) return;
  for (const auto& rule : found->replication->rules) awake_.emplace(Track{bucket, track_of(rule)}, Turn{});
}

void Replication::change_rules(const std::string& bucket) {
  progress_.clear();  // who is to be waited for may be another
  wake(bucket);
}

bool Replication::may_begin(const Track& track, const Turn& turn) const {
  const int64_t now = monotonic_ns();
  if (turn.not_before_ns > now || active_.contains(track)) return false;
  const auto rest = rests_.find(track);
  return rest == rests_.end() || rest->second <= now;
}

Task<void> Replication::work(Duration tick) {
  while (!stopping_) {
    for (auto at = awake_.begin(); at != awake_.end();) {
      if (!may_begin(at->first, at->second)) {
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

Task<void> Replication::take_turn(Track track, Turn turn) {
  const auto done = co_await run_track(track);
  active_.erase(track);
  if (done || stopping_) co_return;
  log::warn("s3", "replication goes on later",
            {{"bucket", track.bucket}, {"remote_bucket", track.remote}, {"why", done.error().message()}});
  const int doublings = std::min(turn.failures, max_doublings);
  awake_[track] = {turn.failures + 1, monotonic_ns() + (first_pause_ns << doublings)};
}

Task<Result<void>> Replication::run(std::string bucket) {
  auto done = co_await run_track({bucket, ""});
  for (const auto& [name, remote] : remotes_) {
    auto sent = co_await run_track({bucket, name});
    if (done && !sent) done = std::move(sent);
  }
  co_return done;
}

Task<Result<void>> Replication::run_track(Track track) {
  objects::Id after;
  size_t pages = 0;  // of notes, since what was there before the rules had its turn
  Run run{.track = track, .left = {}, .held_back = {}};
  run.patience = first_patience;
  if (const auto more = patience_.find(track); more != patience_.end()) run.patience = more->second;
  while (!stopping_ && !run.gives_up) {
    const auto turn = co_await (track.remote.empty() ? turns_here_ : turns_elsewhere_.at(track.remote)).acquire();
    co_await let_others_run();  // a page that waits for other tracks has nothing else to wait for
    if (stopping_) break;
    Page page;
    page.bucket = buckets_.find(track.bucket);
    if (page.bucket == nullptr) co_return Result<void>();
    CO_TRY(auto notes, objects_.notes(page.bucket->id, after, notes_a_page));
    // What is new goes before what was there before the rules, which has its turn now and then all the same: more that
    // is new may come for ever.
    const bool looks_back = run.looks_at_existing && (notes.empty() || pages == pages_before_existing);
    if (track.remote.empty() && looks_back) {
      pages = 0;
      auto more = co_await look_at_existing(page.bucket);
      run.looks_at_existing = more && *more;
      if (!more) run.left = std::move(more).error();
      continue;
    }
    if (notes.empty()) break;
    ++pages;
    after = notes.back().id;
    // Elsewhere the order in which versions of a key arrive is their order. So no note may stand for an earlier one.
    page.by_key = goes_elsewhere(*page.bucket);
    std::map<std::string, size_t> groups;
    for (auto& note : notes) {
      size_t group = page.groups.size();
      if (page.by_key) group = groups.emplace(note.key, group).first->second;
      if (group == page.groups.size()) page.groups.emplace_back();
      page.groups[group].push_back(std::move(note));
    }
    TaskGroup workers;
    const size_t at_once = track.remote.empty() ? notes_at_once : sent_at_once;
    for (size_t i = 0; i < std::min(at_once, page.groups.size()); ++i) workers.spawn(do_some(run, page));
    co_await workers.wait();
    for (const objects::Id& id : page.done) progress_.erase(id);
    CO_CHECK(co_await objects_.take_off_notes(page.bucket->id, std::move(page.done)));
  }
  if (run.failures_in_a_row >= run.patience) {
    patience_[track] = std::min(2 * run.patience, max_patience);
  } else if (!run.left) {
    patience_.erase(track);
  }
  if (!track.remote.empty()) {
    // What was tried and failed, or was under way when we stopped, may be there all the same.
    if (run.left || stopping_) {
      caught_up_.erase(track);
    } else {
      caught_up_.insert(track);
      figures_[track.remote].trouble.clear();
    }
  }
  if (run.left) co_return std::unexpected(std::move(*run.left));
  rests_.erase(track);
  if (run.waiting > 0) rests_[track] = monotonic_ns() + static_cast<int64_t>(run.waiting) * rest_a_note_ns;
  co_return Result<void>();
}

// They are marked as if they were put now; where this stands is in the record.
Task<Result<bool>> Replication::look_at_existing(BucketRef bucket) {
  if (!bucket->replication_scan) co_return false;
  ReplicationScan scan = *bucket->replication_scan;
  objects::ListVersionsQuery query;
  query.bucket = bucket->id;
  query.after = scan.key;
  if (!scan.version.empty()) {
    // What is no id was written by an older boreal: all of the key's versions have their turn.
    constexpr objects::Id newer_than_all{UINT64_MAX, UINT64_MAX};
    query.after_version = objects::Select::exact(objects::Id::parse(scan.version).value_or(newer_than_all));
  }
  query.max = versions_a_page;
  query.full = true;
  CO_TRY(const auto page, co_await objects_.list_versions(std::move(query)));
  // A key's versions are listed newest first; the oldest is to be sent first.
  auto versions = page.objects;
  for (auto first = versions.begin(); first != versions.end();) {
    const auto last = std::find_if(first, versions.end(), [&](const auto& other) { return other.key != first->key; });
    std::reverse(first, last);
    first = last;
  }
  for (const auto& version : versions) {
    if (!replicates_existing(*bucket, version)) continue;
    const auto mark = [](objects::Version& marked) -> Result<void> {
      mark_pending(marked.meta);
      return {};
    };
    auto marked = co_await objects_.update(bucket->id, version.key, objects::Select::exact(version.id), mark, true);
    if (marked || marked.error().code() == Errc::not_found) continue;
    // What is damaged is no more whole the next time: it must not keep what lies behind it.
    if (marked.error().code() != Errc::corrupt) co_return std::unexpected(std::move(marked).error());
    log::warn("s3", "a version from before the rules is not replicated: it is damaged",
              {{"key", version.key}, {"version", version.id.text()}, {"why", marked.error().message()}});
  }
  scan.key = page.next;
  scan.version = page.next_version ? page.next_version->text() : "";
  auto kept = co_await buckets_.change(bucket->name, [&](Bucket& changed) -> aws::Outcome<void> {
    // Other rules begin another scan.
    if (!changed.replication_scan || changed.replication_scan->id != scan.id) return {};
    changed.replication_scan = page.truncated ? std::optional(scan) : std::nullopt;
    return {};
  });
  if (!kept) co_return fail(Errc::unavailable, kept.error().message);
  co_return true;
}

Task<void> Replication::do_some(Run& run, Page& page) {
  while (page.next < page.groups.size() && !stopping_ && !run.gives_up) {
    const size_t group = page.next++;
    for (const objects::Note& note : page.groups[group]) {
      if (stopping_ || run.gives_up || run.held_back.contains(note.key)) break;
      // Later notes of the same version stand for this one too; two of them must not be at work on it at once.
      const bool comes_again =
          !page.by_key && std::any_of(page.groups.begin() + static_cast<ptrdiff_t>(page.next), page.groups.end(),
                                      [&](const auto& other) {
                                        return other.front().version == note.version && other.front().key == note.key;
                                      });
      auto handled = comes_again ? Result<bool>(true) : co_await handle(run, page.bucket, note);
      if (handled) {
        run.failures_in_a_row = 0;
        if (*handled) page.done.push_back(note.id);
        continue;
      }
      const Errc why = handled.error().code();
      const bool is_away = why == Errc::unavailable && !run.track.remote.empty();
      // What is damaged here, its record even, tells nothing of the remote bucket.
      const bool may_be_away = why != Errc::corrupt && !run.track.remote.empty();
      if (may_be_away) ++run.failures_in_a_row;
      run.gives_up |= is_away || run.failures_in_a_row >= run.patience;
      if (!run.track.remote.empty()) {
        run.held_back.insert(note.key);
        figures_[run.track.remote].trouble = handled.error().message();
      }
      run.left = std::move(handled).error();
    }
  }
}

Task<Result<bool>> Replication::handle(Run& run, BucketRef bucket, const objects::Note& note) {
  const std::string& track = run.track.remote;
  std::optional<Outcome> outcome;
  if (const auto known = progress_.find(note.id); known != progress_.end()) {
    const Progress& progress = known->second;
    if (const auto done = progress.done.find(track); done != progress.done.end()) outcome = done->second;
    if ((outcome || !progress.wanted.contains(track)) && !progress.is_complete()) {
      ++run.waiting;
      co_return false;
    }
  }
  auto found = co_await objects_.find(bucket->id, note.key, objects::Select::exact(note.version), true);
  if (!found) {
    if (found.error().code() == Errc::not_found) co_return true;  // it went: nothing is to be copied
    co_return std::unexpected(std::move(found).error());
  }
  if (progress_.size() >= max_progress) progress_.clear();
  std::set<std::string> wanted = tracks_of(*bucket, *found->version);
  // Wanted when it was noted, but no rule is left for it.
  const bool is_unwanted = wanted.empty();
  if (is_unwanted) wanted.insert("");
  if (!outcome && wanted.contains(track)) {
    if (is_unwanted) {
      outcome = Outcome::failed;
    } else if (track.empty()) {
      CO_TRY(outcome, co_await handle_here(bucket, *found));
    } else {
      // What the put of a version left, and not a change of it or the look for existing ones.
      const bool is_new = caught_up_.contains(run.track) && note.id.order == note.version.order + 1;
      CO_TRY(outcome, settle_damaged(*found->version, co_await replicate_elsewhere(run, bucket, *found, is_new)));
      auto& figures = figures_[track];
      ++(*outcome == Outcome::done ? figures.completed : figures.failed);
    }
  }
  Progress& progress = progress_[note.id];
  progress.wanted = std::move(wanted);
  if (outcome) progress.done[track] = *outcome;
  if (progress.is_complete()) {
    CO_CHECK(co_await tell(*bucket, *found->version, Progress(progress)));
    co_return true;
  }
  ++run.waiting;
  for (const std::string& other : progress.wanted) {
    if (!progress.done.contains(other) && other != track) awake_.emplace(Track{bucket->name, other}, Turn{});
  }
  co_return false;
}

// What is damaged is no more whole the next time.
Result<Replication::Outcome> Replication::settle_damaged(const objects::Version& version, Result<Outcome> done) {
  if (done || done.error().code() != Errc::corrupt) return done;
  log::warn("s3", "a version is not replicated: it is damaged",
            {{"key", version.key}, {"version", version.id.text()}, {"why", done.error().message()}});
  return Outcome::failed;
}

Task<Result<Replication::Outcome>> Replication::handle_here(BucketRef bucket, const objects::Found& found) {
  Result<Outcome> outcome = Outcome::done;  // an error before FAILED: it is to be tried again
  for (const api::ReplicationRule* rule : rules_for(*bucket, *found.version)) {
    if (!track_of(*rule).empty()) continue;
    auto one = settle_damaged(*found.version, co_await replicate(bucket, found, *rule));
    if (!one || (outcome == Outcome::done && *one == Outcome::failed)) outcome = std::move(one);
  }
  co_return outcome;
}

Task<Result<void>> Replication::tell(const Bucket& bucket, const objects::Version& version, const Progress& progress) {
  const bool is_done = std::ranges::all_of(progress.done, [](const auto& one) { return one.second == Outcome::done; });
  const std::string_view before = replication_status_of(version.meta);
  const std::string_view status = is_done ? replication_status::completed : replication_status::failed;
  if (version.is_delete_marker || before == replication_status::replica || before == status) co_return Result<void>();
  const objects::Properties attributes = others_attributes(version.meta);
  auto told = co_await objects_.update(
      bucket.id, version.key, objects::Select::exact(version.id), [&](objects::Version& now) -> Result<void> {
        // Changed meanwhile: another note speaks for that.
        if (now.meta.tags != version.meta.tags || others_attributes(now.meta) != attributes) return {};
        now.meta.attributes.insert_or_assign(std::string(attribute::replication), std::string(status));
        return {};
      });
  if (told || told.error().code() == Errc::not_found) co_return Result<void>();
  co_return std::unexpected(std::move(told).error());
}

Task<Result<void>> Replication::record(const Bucket& bucket, const objects::Version& version, std::string remote,
                                       std::string sent) {
  const std::string name = std::string(attribute::sent_prefix) + remote;
  auto kept = co_await objects_.update(bucket.id, version.key, objects::Select::exact(version.id),
                                       [&](objects::Version& now) -> Result<void> {
                                         if (sent.empty()) {
                                           now.meta.attributes.erase(name);
                                         } else {
                                           now.meta.attributes.insert_or_assign(name, sent);
                                         }
                                         return {};
                                       });
  if (kept || kept.error().code() == Errc::not_found) co_return Result<void>();
  co_return std::unexpected(std::move(kept).error());
}

const std::map<std::string, Replication::Figures>& Replication::figures() {
  const int64_t now = monotonic_ns();
  if (told_ns_ != 0 && now - told_ns_ < figures_are_good_ns) return told_;
  told_ns_ = now;
  auto& figures = told_ = figures_;
  for (const auto& [name, bucket] : buckets_.all()) {
    if (!bucket->replication || figures.empty()) continue;
    std::set<std::string> named;
    for (const auto& rule : bucket->replication->rules) named.insert(track_of(rule));
    named.erase("");
    if (named.empty()) continue;
    const auto notes = objects_.notes(bucket->id, {}, max_counted_notes);
    for (const std::string& remote : named) figures[remote].pending += notes ? notes->size() : 0;
  }
  return told_;
}

}  // namespace boreal::s3
