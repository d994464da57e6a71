// Copying and moving: bytes are shared where they can be.
#include <algorithm>
#include <set>

#include "objects/impl.h"
#include "objects/index_keys.h"
#include "objects/scrub.h"

namespace boreal::objects {
namespace {

bool has_all(const std::vector<Checksum>& have, const std::vector<Algorithm>& wanted) {
  return std::ranges::all_of(wanted, [&](Algorithm algorithm) {
    return std::ranges::find(have, algorithm, &Checksum::algorithm) != have.end();
  });
}

Task<Result<void>> go_on(std::stop_token stop) { co_return check_goes_on(stop); }

}  // namespace

Task<Result<Digests>> Objects::Impl::digest(Source& source, std::vector<Algorithm> checksums, std::stop_token stop) {
  Digester digester(checksums);
  std::vector<std::byte> buffer(chunk_bytes);
  for (;;) {
    CO_CHECK(check_goes_on(stop));
    CO_TRY(const size_t filled, co_await read_full(source, buffer));
    if (filled > 0) co_await pool.run([&] { digester.update(Bytes(buffer).first(filled)); });
    if (filled < buffer.size()) co_return digester.finish();
  }
}

// On record first (so that a crash frees what was counted in vain), then counted. From then on the blobs stay.
// The source is pinned meanwhile, so its own references cannot go before ours are there.
Task<Result<std::vector<Segment>>> Objects::Impl::share(std::string bucket, std::vector<Segment> segments,
                                                        Draft& draft) {
  const Id referrer = ids.next();
  store::Batch references{std::string(index::engine_partition)};
  for (Segment& segment : segments) {
    references.put(index::reference(segment.blob, segment.referrer), "");
    references.put(index::reference(segment.blob, referrer), "");
    segment.referrer = referrer;
  }
  draft.share_garbage.segments = segments;
  CO_TRY(const auto use, co_await buckets.use(bucket));
  store::Batch record(index::partition_of(bucket));
  record.put(index::tentative(buckets.run(), referrer), encode(draft.share_garbage));
  CO_CHECK(co_await store.commit(std::move(record)));
  draft.share = referrer;
  if (auto counted = co_await store.commit(std::move(references)); !counted) {
    // It may be there after a restart, as may the record: the sweep decides.
    draft.share.reset();
    co_return std::unexpected(std::move(counted).error());
  }
  co_return segments;
}

Task<Result<Segment>> Objects::Impl::relocate(std::string bucket, Segment segment, std::string version_key,
                                              std::string tier, Keys* keys, Draft& draft, std::stop_token stop) {
  const auto wanted = std::ranges::find(options.tiers, tier, &Tier::name);
  const bool pack = wanted->compress && keys != nullptr && !segment.compressed;
  CO_TRY(auto from, co_await blobs.open(segment.blob, segment.tier));
  CO_TRY(const BlobId id, co_await reserve(bucket, tier, draft));
  CO_TRY(auto writer, co_await blobs.create(id, tier));
  Segment moved = segment;
  moved.blob = moved.referrer = id;
  moved.tier = tier;
  if (!pack) {
    CO_CHECK(co_await copy_blob(pool, *from, segment.stored_size, *writer, stop));
    // Nobody has looked at the bytes on their way, and the original may go: they must be what was sealed once.
    CO_TRY(const auto copied, co_await blobs.open(id, tier));
    CO_CHECK(co_await check_blob(*copied, moved, pool, [&](uint64_t) { return go_on(stop); }));
    co_return moved;
  }
  const std::string wrapped = segment.wrapped_key.empty() ? version_key : segment.wrapped_key;
  CO_TRY(const auto key, co_await keys->unwrap(wrapped));
  CO_TRY(auto open_cipher, FrameCipher::make(key.bytes(), segment.salt));
  CO_TRY(auto seal_cipher, FrameCipher::make(key.bytes(), id));
  Segment whole = segment;
  whole.offset = 0;
  whole.length = segment.plain_size;
  SegmentSource plain(pool, SegmentReader(std::move(from), std::move(open_cipher), std::move(whole)));
  StoppableSource stoppable(plain, std::move(stop));
  BlobPipeline pipeline(pool, *writer, std::move(seal_cipher), true, nullptr);
  CO_TRY(const auto sizes, co_await pipeline.run("", stoppable));
  moved.salt = id;
  moved.compressed = true;
  moved.stored_size = sizes.stored;
  co_return moved;
}

// A single segment counts as one nameless part, so that both kinds of objects are handled as one.
Task<Result<std::vector<Part>>> Objects::Impl::bytes_of(const Found& found) {
  if (!found.version->segment) co_return co_await all_parts(found.bucket, *found.version);
  Part whole;
  whole.size = found.version->size;
  whole.segments.push_back(*found.version->segment);
  co_return std::vector<Part>{whole};
}

namespace {
std::vector<Segment*> segments_of(std::vector<Part>& parts) {
  std::vector<Segment*> segments;
  for (Part& part : parts) {
    for (Segment& segment : part.segments) segments.push_back(&segment);
  }
  return segments;
}

// Gives a version the bytes that share_all() or relocate_all() made.
void take_bytes(Version& version, std::vector<Part> parts, Id manifest, store::Batch& batch) {
  if (version.segment) {
    version.segment = parts.front().segments.front();
  } else if (!version.chunk_starts.empty()) {
    add_manifest(batch, version, manifest, std::move(parts));
  }
}
}  // namespace

Task<Result<std::vector<Part>>> Objects::Impl::relocate_all(const Found& found, std::string bucket, std::string tier,
                                                            Keys* keys, Draft& draft, std::stop_token stop) {
  CO_TRY(auto parts, co_await bytes_of(found));
  for (Segment* segment : segments_of(parts)) {
    CO_TRY(*segment, co_await relocate(bucket, *segment, found.version->wrapped_key, tier, keys, draft, stop));
  }
  co_return parts;
}

// Shares the bytes with a new user in `bucket`.
Task<Result<std::vector<Part>>> Objects::Impl::share_all(const Found& found, std::string bucket, Draft& draft) {
  CO_TRY(auto parts, co_await bytes_of(found));
  const auto places = segments_of(parts);
  std::vector<Segment> segments;
  for (const Segment* segment : places) segments.push_back(*segment);
  CO_TRY(segments, co_await share(bucket, std::move(segments), draft));
  for (size_t i = 0; i < places.size(); ++i) *places[i] = std::move(segments[i]);
  co_return parts;
}

Task<Result<Version>> Objects::copy(CopyRequest request) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  CO_CHECK(impl_->check_room());
  CO_TRY(request.meta.tier, impl_->tier_named(request.meta.tier));
  const Version& source = *request.source.version;
  if (source.is_delete_marker) co_return fail(Errc::invalid, "a delete marker has no bytes to copy");
  if (request.new_key) co_return co_await impl_->copy_anew(*this, std::move(request));

  NewVersion made;
  made.bucket = request.bucket;
  made.version = source;
  made.version.key = request.key;
  made.version.modified = impl_->clock.now();
  made.version.meta = std::move(request.meta);
  if (!request.checksums.empty() && !has_all(source.checksums, request.checksums)) {
    CO_TRY(const auto body, co_await impl_->open_source(request.source, {}, request.keys));
    CO_TRY(const auto digests, co_await impl_->digest(*body, request.checksums, request.stop));
    made.version.checksums = digests.checksums;
  }
  if (source.segment && source.segment->is_inline()) {
    if (request.source.inline_data.empty()) co_return fail(Errc::internal, "the source was found without its data");
    made.draft.inline_data = request.source.inline_data;
  } else if (source.segment || !source.chunk_starts.empty()) {  // else it is empty
    const std::string tier = made.version.meta.tier;
    auto parts = source.meta.tier == tier ? impl_->share_all(request.source, request.bucket, made.draft)
                                          : impl_->relocate_all(request.source, request.bucket, tier, request.keys,
                                                                made.draft, request.stop);
    auto bytes = co_await std::move(parts);
    if (!bytes) {
      co_await impl_->abandon(request.bucket, std::move(made.draft));
      co_return std::unexpected(std::move(bytes).error());
    }
    take_bytes(made.version, std::move(*bytes), impl_->ids.next(), made.more);
  }
  made.versioning = std::move(request.versioning);
  made.precondition = std::move(request.precondition);
  made.note = request.note;
  made.origin = std::move(request.origin);
  co_return co_await impl_->commit_version(std::move(made));
}

// Read and written as if a client did both.
Task<Result<Version>> Objects::Impl::copy_anew(Objects& self, CopyRequest request) {
  if (request.keys == nullptr) co_return fail(Errc::internal, "copying under a new key wants the source's keys");
  CO_TRY(const auto body, co_await open_source(std::move(request.source), {}, request.keys));
  PutRequest put;
  put.bucket = std::move(request.bucket);
  put.key = std::move(request.key);
  put.versioning = std::move(request.versioning);
  put.meta = std::move(request.meta);
  put.data_key = std::move(*request.new_key);
  put.checksums = std::move(request.checksums);
  put.precondition = std::move(request.precondition);
  put.note = request.note;
  put.origin = std::move(request.origin);
  StoppableSource stoppable(*body, std::move(request.stop));
  co_return co_await self.put(std::move(put), stoppable);
}

// The bytes are copied without the key's lock, from a pinned version; the lock is for looking again and committing.
Task<Result<Version>> Objects::move_to_tier(std::string bucket, std::string key, Select which, std::string tier,
                                            Keys* keys, std::stop_token stop, Precondition precondition) {
  CO_TRY(tier, impl_->tier_named(tier));
  CO_TRY(const auto found, co_await find(bucket, key, which, false));
  const Version& before = *found.version;
  if (before.is_delete_marker) co_return fail(Errc::invalid, "a delete marker has no bytes to move");
  if (before.meta.tier == tier) co_return before;
  CO_CHECK(impl_->check_room());

  Draft draft;
  const bool has_blobs = before.size > 0 && !(before.segment && before.segment->is_inline());
  std::vector<Part> parts;
  if (has_blobs) {
    auto moved = co_await impl_->relocate_all(found, bucket, tier, keys, draft, std::move(stop));
    if (!moved) {
      co_await impl_->abandon(bucket, std::move(draft));
      co_return std::unexpected(std::move(moved).error());
    }
    parts = std::move(*moved);
  }
  co_return co_await impl_->commit_move(std::move(bucket), before, std::move(tier), std::move(parts), std::move(draft),
                                        std::move(precondition));
}

Task<Result<std::vector<std::string>>> Objects::data_keys(Found found) {
  CO_TRY(auto parts, co_await impl_->bytes_of(found));
  std::set<std::string> keys = {found.version->wrapped_key};
  for (const Segment* segment : segments_of(parts)) {
    if (!segment->wrapped_key.empty()) keys.insert(segment->wrapped_key);
  }
  co_return std::vector<std::string>(keys.begin(), keys.end());
}

Task<Result<Version>> Objects::rewrap(std::string bucket, std::string key, VersionId id,
                                      std::map<std::string, std::string> wrapped,
                                      std::function<Result<void>(Version&)> edit) {
  CO_CHECK(impl_->check_target(bucket, key));
  const auto hold = co_await impl_->lock_key(bucket, key);
  CO_TRY(const auto use, co_await impl_->buckets.use(bucket));
  CO_TRY(auto change, KeyChange::begin(impl_->store, impl_->ids, bucket, key));
  CO_TRY(const auto before, read_version(impl_->store, bucket, key, Select::exact(id)));
  if (!before) co_return fail(Errc::not_found, "the version is gone");
  CO_TRY(auto parts, co_await impl_->bytes_of({.bucket = bucket, .version = std::make_shared<const Version>(*before)}));
  Version edited = *before;
  CO_CHECK(edit(edited));
  Version after = *before;
  after.meta = std::move(edited.meta);
  after.meta.tier = before->meta.tier;
  bool rewrites_parts = false;
  const auto give = [&](std::string& old) {
    const auto found = wrapped.find(old);
    if (found == wrapped.end()) return false;
    old = found->second;
    return true;
  };
  bool are_known = give(after.wrapped_key);
  for (Segment* segment : segments_of(parts)) {
    if (segment->wrapped_key.empty()) continue;
    rewrites_parts = true;
    are_known = give(segment->wrapped_key) && are_known;
  }
  if (!are_known) co_return fail(Errc::conflict, "the version's bytes are under other keys by now");
  if (rewrites_parts) take_bytes(after, std::move(parts), before->manifest, change.batch());
  change.replace(*before, after, false);
  CO_CHECK(co_await impl_->commit(bucket, std::move(change.batch()), false));
  co_return after;
}

Task<Result<Version>> Objects::Impl::commit_move(std::string bucket, Version before, std::string tier,
                                                 std::vector<Part> parts, Draft draft, Precondition precondition) {
  const auto hold = co_await lock_key(bucket, before.key);
  auto use = co_await buckets.use(bucket);
  auto now = read_version(store, bucket, before.key, Select::exact(before.id));
  auto change = KeyChange::begin(store, ids, bucket, before.key);
  Result<void> good;
  if (!use) {
    good = std::unexpected(std::move(use).error());
  } else if (!now || !change) {
    good = std::unexpected(!now ? std::move(now).error() : std::move(change).error());
  } else if (!*now) {
    good = fail(Errc::not_found, "the version went while it was being moved");
  } else if ((*now)->meta.tier != before.meta.tier) {
    good = fail(Errc::conflict, "the version was moved by somebody else meanwhile");
  } else if ((*now)->wrapped_key != before.wrapped_key) {
    good = fail(Errc::conflict, "the version's keys were wrapped otherwise meanwhile");
  } else if (precondition) {
    good = precondition(&**now);
  }
  if (!good) {
    co_await abandon(bucket, std::move(draft));
    co_return std::unexpected(std::move(good).error());
  }
  Version after = **now;
  after.meta.tier = std::move(tier);
  if (!parts.empty()) take_bytes(after, parts, ids.next(), change->batch());
  change->replace(**now, after, !parts.empty());
  CO_CHECK(co_await commit(bucket, std::move(change->batch()), change->leaves_garbage(), std::move(draft)));
  co_return after;
}

}  // namespace boreal::objects
