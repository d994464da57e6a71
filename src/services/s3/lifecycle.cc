#include "s3/lifecycle.h"

#include <algorithm>

#include "base/log.h"
#include "net/pause.h"
#include "s3/lifecycle_rules.h"
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
constexpr uint64_t small_bytes = 128 << 10;

// Whether one may become the other: only downwards, and ONEZONE_IA not GLACIER_IR.
// Source: S3 User Guide, "Transitioning objects using Amazon S3 Lifecycle", "Supported transitions".
bool may_become(std::string_view from, std::string_view to) {
  constexpr std::string_view order[] = {"STANDARD",   "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING",
                                        "ONEZONE_IA", "GLACIER_IR",         "GLACIER",     "DEEP_ARCHIVE"};
  const bool is_barred = from == "ONEZONE_IA" && to == "GLACIER_IR";
  return !is_barred && std::ranges::find(order, from) < std::ranges::find(order, to);
}

// Which class is preferred to which: the cheaper one, but INTELLIGENT_TIERING to all that are no archives.
// Source: S3 User Guide, "How Amazon S3 handles conflicts in lifecycle configurations".
auto preference(std::string_view storage_class) {
  constexpr std::string_view order[] = {"STANDARD_IA",         "ONEZONE_IA", "GLACIER_IR",
                                        "INTELLIGENT_TIERING", "GLACIER",    "DEEP_ARCHIVE"};
  return std::ranges::find(order, storage_class) - std::begin(order);
}

struct DueTransition {
  std::string to;
  Time when;
};

// What an object of class `from` becomes; empty: it stays.
std::string chosen(const std::vector<DueTransition>& due, std::string_view from) {
  std::string to;
  for (const auto& one : due) {
    const bool gives_way = std::ranges::any_of(
        due, [&](const auto& other) { return other.when >= one.when && preference(other.to) > preference(one.to); });
    if (gives_way || !may_become(from, one.to)) continue;
    if (to.empty() || preference(one.to) > preference(to)) to = one.to;
  }
  return to;
}

// Objects that have not got to where they are replicated to stay as they are.
// Source: S3 User Guide, "How S3 Lifecycle interacts with other bucket configurations".
bool waits_for_replication(const Bucket& bucket, const objects::Version& version) {
  if (!bucket.replication || version.is_delete_marker) return false;
  const std::string_view status = replication_status_of(version.meta);
  return status == replication_status::pending || status == replication_status::failed;
}

// What access logs call it. Source: ibidem, "S3 Lifecycle and logging".
std::string_view log_operation_of(std::string_view storage_class) {
  if (storage_class == "STANDARD_IA") return "S3.TRANSITION_SIA.OBJECT";
  if (storage_class == "ONEZONE_IA") return "S3.TRANSITION_ZIA.OBJECT";
  if (storage_class == "INTELLIGENT_TIERING") return "S3.TRANSITION_INT.OBJECT";
  if (storage_class == "GLACIER_IR") return "S3.TRANSITION_GIR.OBJECT";
  if (storage_class == "DEEP_ARCHIVE") return "S3.TRANSITION_GDA.OBJECT";
  return "S3.TRANSITION.OBJECT";
}

bool names_size(const api::LifecycleRule& rule) {
  if (!rule.filter) return false;
  const auto& filter = *rule.filter;
  return filter.object_size_greater_than || filter.object_size_less_than ||
         (filter.and_ && (filter.and_->object_size_greater_than || filter.and_->object_size_less_than));
}

// Small objects cost more to move than they save: they stay, unless a rule speaks of sizes itself.
bool is_worth_moving(const Bucket& bucket, const api::LifecycleRule& rule, const objects::Version& version,
                     std::string_view to) {
  if (names_size(rule) || version.size >= small_bytes) return true;
  const bool archives_all = bucket.lifecycle_minimum_size == "varies_by_storage_class";
  return archives_all && (to == "GLACIER" || to == "DEEP_ARCHIVE");
}

}  // namespace

struct Lifecycle::Cursor {
  Time finished;  // when the last round ended
  bool running = false;
  std::string bucket;  // the round is at this bucket …
  std::string key;     // … and has finished with this key
  BOREAL_RECORD(Cursor, finished, running, bucket, key)
};

// Where the walk through one bucket's versions stands.
struct Lifecycle::Walk {
  std::optional<objects::Version> newer;   // the version before this one, of the same key
  size_t rank = 0;                         // of noncurrent versions of the key, the newest is 1
  std::optional<objects::Version> marker;  // the key's latest is a marker, and nothing older has come yet
};

void Lifecycle::start(Duration tick) { running_.spawn(work(tick)); }

Task<void> Lifecycle::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Lifecycle::work(Duration tick) {
  while (!stopping_) {
    const int64_t began_ns = monotonic_ns();
    const auto cursor = load();
    const Time now = context_.clock.now();
    // A clock that was put back must not put off the next round.
    const bool is_due =
        !cursor || cursor->running || now >= cursor->finished + between_rounds || now < cursor->finished;
    if (is_due) {
      const auto done = co_await run_round();
      if (!done && !stopping_)
        log::warn("s3", "a lifecycle round broke off and goes on later", {{"why", done.error().message()}});
    }
    been_round_ns_ = began_ns;
    co_await net::pause(context_.loop, tick, stopping_);
  }
}

Result<Lifecycle::Cursor> Lifecycle::load() const {
  TRY(const auto text, context_.catalog.get(lifecycle_partition, cursor_key));
  if (!text) return Cursor{};
  return store::decode<Cursor>(*text);
}

Task<Result<void>> Lifecycle::save(Cursor cursor) {
  auto transaction = co_await context_.catalog.begin(std::string(lifecycle_partition));
  transaction.put(cursor_key, store::encode(cursor));
  co_return co_await transaction.commit();
}

Task<Result<void>> Lifecycle::run_round() {
  CO_TRY(Cursor cursor, load());
  if (!cursor.running) cursor = {.finished = cursor.finished, .running = true, .bucket = {}, .key = {}};
  for (auto at = buckets_.all().lower_bound(cursor.bucket); at != buckets_.all().end();
       at = buckets_.all().upper_bound(cursor.bucket)) {
    const BucketRef bucket = at->second;
    if (bucket->name != cursor.bucket) cursor.key.clear();
    cursor.bucket = bucket->name;
    if (bucket->lifecycle) CO_CHECK(co_await run_bucket(bucket, cursor));
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
  }
  co_return co_await save({.finished = context_.clock.now(), .running = false, .bucket = {}, .key = {}});
}

Task<Result<void>> Lifecycle::run_bucket(BucketRef bucket, Cursor& cursor) {
  CO_CHECK(co_await abort_uploads(bucket));
  Walk walk;
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
    for (const auto& version : page->objects) {
      if (walk.newer && walk.newer->key != version.key) cursor.key = walk.newer->key;
      CO_CHECK(co_await visit(*bucket, walk, version));
    }
    if (!page->truncated || stopping_) break;
    CO_CHECK(co_await save(cursor));
    query.after = page->next;
    query.after_version =
        page->next_is_null ? objects::Select::null_version() : objects::Select::exact(*page->next_version);
  }
  if (stopping_) co_return Result<void>();
  co_return co_await settle_marker(*bucket, walk);
}

Task<Result<void>> Lifecycle::visit(const Bucket& bucket, Walk& walk, const objects::Version& version) {
  if (!walk.newer || walk.newer->key != version.key) {
    CO_CHECK(co_await settle_marker(bucket, walk));
    walk.newer.reset();
    walk.rank = 0;
  }
  walk.marker.reset();  // something older lies behind it
  if (!walk.newer) {
    if (version.is_delete_marker) {
      walk.marker = version;
    } else {
      CO_CHECK(co_await treat_current(bucket, version));
    }
  } else {
    CO_CHECK(co_await treat_noncurrent(bucket, version, walk.newer->modified, ++walk.rank));
  }
  walk.newer = version;
  co_return Result<void>();
}

// A delete marker with nothing behind it is expired.
Task<Result<void>> Lifecycle::settle_marker(const Bucket& bucket, Walk& walk) {
  if (!walk.marker) co_return Result<void>();
  const objects::Version marker = std::move(*walk.marker);
  walk.marker.reset();
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule.expiration || !rule_takes(rule, marker)) continue;
    const auto& expiration = *rule.expiration;
    const Time now = context_.clock.now();
    const bool is_due = expiration.expired_object_delete_marker.value_or(false) ||
                        (expiration.days && due(marker.modified, *expiration.days) <= now) ||
                        (expiration.date && *expiration.date <= now);
    if (is_due) co_return co_await remove(bucket, marker, objects::Select::exact(marker.id));
  }
  co_return Result<void>();
}

Task<Result<void>> Lifecycle::treat_current(const Bucket& bucket, objects::Version version) {
  if (waits_for_replication(bucket, version)) co_return Result<void>();
  const Time now = context_.clock.now();
  bool expires = false;
  std::vector<DueTransition> transitions;
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule_takes(rule, version)) continue;
    if (const auto& expiration = rule.expiration) {
      expires = expires || (expiration->days && due(version.modified, *expiration->days) <= now) ||
                (expiration->date && *expiration->date <= now);
    }
    for (const auto& transition : rule.transitions.value_or(std::vector<api::Transition>())) {
      const Time when = transition.days ? due(version.modified, *transition.days) : transition.date.value_or(now);
      const std::string& to = transition.storage_class.value();
      if (when <= now && is_worth_moving(bucket, rule, version, to)) transitions.push_back({to, when});
    }
  }
  // What is deleted for good is not moved before; what a marker covers is.
  const bool goes_for_good = bucket.versioning != "Enabled" && (bucket.versioning.empty() || version.is_null);
  const std::string to = chosen(transitions, version.meta.tier);
  if (!to.empty() && !(expires && goes_for_good)) CO_CHECK(co_await move(bucket, version, to));
  if (!expires) co_return Result<void>();
  co_return co_await remove(bucket, std::move(version), objects::Select::latest());
}

Task<Result<void>> Lifecycle::treat_noncurrent(const Bucket& bucket, objects::Version version, Time since,
                                               size_t rank) {
  if (waits_for_replication(bucket, version)) co_return Result<void>();
  const Time now = context_.clock.now();
  std::vector<DueTransition> transitions;
  const auto is_spared = [rank](const std::optional<int32_t>& kept) {
    return kept && rank <= static_cast<size_t>(*kept);
  };
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule_takes(rule, version)) continue;
    if (const auto& expiration = rule.noncurrent_version_expiration) {
      const bool is_due = due(since, expiration->noncurrent_days.value_or(1)) <= now &&
                          !is_spared(expiration->newer_noncurrent_versions);
      if (is_due) co_return co_await remove(bucket, version, objects::Select::exact(version.id));
    }
    if (version.is_delete_marker) continue;
    for (const auto& transition :
         rule.noncurrent_version_transitions.value_or(std::vector<api::NoncurrentVersionTransition>())) {
      const Time when = due(since, transition.noncurrent_days.value_or(0));
      const std::string& to = transition.storage_class.value();
      const bool is_due = when <= now && !is_spared(transition.newer_noncurrent_versions);
      if (is_due && is_worth_moving(bucket, rule, version, to)) transitions.push_back({to, when});
    }
  }
  std::string to = chosen(transitions, version.meta.tier);
  if (to.empty()) co_return Result<void>();
  co_return co_await move(bucket, std::move(version), std::move(to));
}

// What changed since it was listed, or is held, stays: the next round sees it anew.
Task<Result<void>> Lifecycle::remove(const Bucket& bucket, objects::Version version, objects::Select which) {
  const Time now = context_.clock.now();
  objects::RemoveRequest request{bucket.id, version.key, versioning_of(bucket), which, {}};
  const bool makes_marker = which.kind == objects::Select::Kind::latest && bucket.is_versioned();
  request.precondition = [&](const objects::Version* there) -> Result<void> {
    if (there == nullptr || there->id != version.id) return fail(Errc::conflict, "it changed meanwhile");
    if (!makes_marker && !check_removable(*there, now, false)) return fail(Errc::conflict, "it is locked");
    return {};
  };
  auto removed = co_await objects_.remove(std::move(request));
  if (removed)
    access_log_.add_lifecycle(bucket, makes_marker ? "S3.CREATE.DELETEMARKER" : "S3.EXPIRE.OBJECT", version.key,
                              &version);
  if (removed || removed.error().code() == Errc::conflict || removed.error().code() == Errc::not_found)
    co_return Result<void>();
  co_return std::unexpected(std::move(removed).error());
}

Task<Result<void>> Lifecycle::move(const Bucket& bucket, objects::Version version, std::string storage_class) {
  RequestKeys keys(keys_, std::nullopt);
  // Bytes under a customer's key move as they are: nobody here can read them.
  objects::Keys* readable = wrapping_of(version.wrapped_key) == Wrapping::customer ? nullptr : &keys;
  auto moved = co_await objects_.move_to_tier(bucket.id, version.key, objects::Select::exact(version.id), storage_class,
                                              readable);
  if (moved) access_log_.add_lifecycle(bucket, log_operation_of(storage_class), version.key, &version);
  if (moved || moved.error().code() == Errc::conflict || moved.error().code() == Errc::not_found)
    co_return Result<void>();
  // One object that cannot be moved (its KMS key is disabled, say) must not hold up the others.
  log::warn("s3", "an object could not be moved to its class",
            {{"bucket", bucket.name}, {"key", version.key}, {"why", moved.error().message()}});
  co_return Result<void>();
}

Task<Result<void>> Lifecycle::abort_uploads(BucketRef bucket) {
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
      const auto end = abort_due(*bucket, upload.key, upload.initiated);
      if (!end || end->when > context_.clock.now()) continue;
      auto done = co_await objects_.abort_upload(bucket->id, upload.key, upload.id);
      if (done) access_log_.add_lifecycle(*bucket, "S3.DELETE.UPLOAD", upload.key, nullptr);
      if (!done && done.error().code() != Errc::not_found) co_return std::unexpected(std::move(done).error());
    }
    if (!page->truncated) co_return Result<void>();
    query.after = page->next;
    query.after_upload = page->next_upload;
  }
}

}  // namespace boreal::s3
