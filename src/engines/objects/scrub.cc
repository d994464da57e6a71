#include "objects/scrub.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

constexpr size_t versions_a_page = 100;
constexpr uint64_t bytes_between_saves = 256 << 20;
constexpr Duration longest_sleep{100};  // so that stop() does not wait longer

// The frames that lie in these bytes, each of its length.
Result<void> check_frames(Bytes stored, const std::vector<size_t>& lengths, uint64_t first) {
  for (const size_t length : lengths) {
    if (!is_intact(stored.first(length))) return fail(Errc::corrupt, fmt::format("frame {} is damaged", first));
    stored = stored.subspan(length);
    ++first;
  }
  return {};
}

Result<std::vector<uint64_t>> read_table(BlobReader& blob, const Segment& segment) {
  const uint64_t frames = frames_of(segment.plain_size);
  const uint64_t begin = table_offset(segment.stored_size, frames);
  std::vector<std::byte> table(segment.stored_size - begin);
  CHECK(blob.read_at(begin, table));
  TRY(auto ends, decode_table(table));
  uint64_t before = blob_header_bytes;
  for (const uint64_t end : ends) {
    if (end <= before || end - before > 2 * frame_bytes) return fail(Errc::corrupt, "a frame table makes no sense");
    before = end;
  }
  if (before != begin) return fail(Errc::corrupt, "a frame table does not end where the frames do");
  return ends;
}

void add(const Version& version, BucketCount& count) {
  if (version.is_delete_marker) {
    ++count.delete_markers;
    return;
  }
  ++(version.is_latest ? count.objects : count.noncurrent);
  (version.is_latest ? count.bytes : count.noncurrent_bytes) += version.size;
}

}  // namespace

Task<Result<void>> check_blob(BlobReader& blob, Segment segment, io::Pool& pool, const ScrubStep& step) {
  CO_TRY(const uint64_t size, co_await pool.run([&] { return blob.size(); }));
  if (size != segment.stored_size) {
    co_return fail(Errc::corrupt, fmt::format("a blob of {} bytes has {}", segment.stored_size, size));
  }
  std::vector<std::byte> buffer(blob_header_bytes);
  CO_CHECK(co_await pool.run([&] { return blob.read_at(0, buffer); }));
  CO_CHECK(check_blob_header(buffer, segment.compressed));
  std::vector<uint64_t> ends;
  if (segment.compressed) {
    CO_TRY(ends, co_await pool.run([&] { return read_table(blob, segment); }));
  }
  const uint64_t frames = frames_of(segment.plain_size);
  uint64_t at = blob_header_bytes;
  for (uint64_t first = 0; first < frames; first += chunk_frames) {
    std::vector<size_t> lengths;
    uint64_t end = at;
    for (uint64_t frame = first; frame < std::min<uint64_t>(frames, first + chunk_frames); ++frame) {
      const uint64_t plain = std::min<uint64_t>(frame_bytes, segment.plain_size - frame * frame_bytes);
      lengths.push_back(segment.compressed ? ends[frame] - end : plain + frame_overhead);
      end += lengths.back();
    }
    buffer.resize(end - at);
    CO_CHECK(co_await pool.run([&]() -> Result<void> {
      CHECK(blob.read_at(at, buffer));
      return check_frames(buffer, lengths, first);
    }));
    at = end;
    CO_CHECK(co_await step(buffer.size()));
  }
  co_return Result<void>();
}

Scrubber::Scrubber(Objects& objects, Sleep sleep, ScrubOptions options)
    : objects_(objects), engine_(*objects.impl_), sleep_(std::move(sleep)), options_(options) {}

void Scrubber::start() { running_.spawn(work()); }

Task<void> Scrubber::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Scrubber::work() {
  while (!stopping_) {
    {
      const auto turn = co_await one_round_.lock();
      paced_ = true;
      auto from = saved();
      auto done = from ? co_await round(std::move(*from)) : Result<void>(std::unexpected(std::move(from).error()));
      if (!done) log::warn("objects", "the scrubber could not go on", {{"why", done.error().message()}});
    }
    co_await sleep(options_.pause_between_rounds);
  }
}

Task<Result<ScrubReport>> Scrubber::run_once() {
  const auto turn = co_await one_round_.lock();
  paced_ = false;
  CO_CHECK(co_await round({}));
  co_return report_;
}

Task<Result<void>> Scrubber::round(Place from) {
  const auto index = co_await engine_.store.check([this](uint64_t bytes) { return step_of_check(bytes); });
  if (!index) record("", "", {}, index.error());
  for (const auto& bucket : objects_.buckets()) {
    if (bucket < from.bucket) continue;
    // What cannot be listed is damage too; the other buckets are read all the same.
    const auto done = co_await scrub_bucket(bucket == from.bucket ? from : Place{.bucket = bucket});
    if (!done && done.error().code() != Errc::not_found) record(bucket, "", {}, done.error());
    if (stopping_) co_return Result<void>();
  }
  std::erase_if(counts_, [this](const auto& one) { return !engine_.buckets.contains(one.first); });
  ++report_.rounds;
  co_await save({});
  co_return Result<void>();
}

Task<Result<void>> Scrubber::scrub_bucket(Place from) {
  BucketCount count;
  CO_CHECK(co_await scrub_versions(from, count));
  if (!stopping_) CO_CHECK(co_await scrub_uploads(from.bucket, count));
  if (stopping_ || !from.after.empty()) co_return Result<void>();  // a part of it is no count
  count.at = engine_.clock.unmoved();
  counts_[from.bucket] = count;
  co_return Result<void>();
}

Task<Result<void>> Scrubber::scrub_versions(Place from, BucketCount& count) {
  const std::string bucket = from.bucket;
  ListVersionsQuery query;
  query.bucket = bucket;
  query.after = from.after;
  if (from.version != VersionId{}) query.after_version = Select::exact(from.version);
  query.max = versions_a_page;
  query.full = true;
  for (;;) {
    CO_TRY(auto page, co_await objects_.list_versions(query));
    for (auto& version : page.objects) {
      ++report_.versions;
      add(version, count);
      const VersionId id = version.id;
      const std::string key = version.key;
      uint64_t segments = id == from.within ? from.segments : 0;
      std::optional<Error> damage;
      auto done = co_await scrub_version(bucket, std::move(version), segments, damage);
      const bool is_stopped = !done && done.error().code() == Errc::cancelled;
      // Versions that went meanwhile are no damage.
      if (!done && !is_stopped && done.error().code() != Errc::not_found) damage = std::move(done).error();
      if (damage) record(bucket, key, id, *damage);
      // A large one may take hours: the next start goes on within it.
      if (is_stopped) {
        co_await save({bucket, from.after, from.version, id, segments});
        co_return Result<void>();
      }
      from = {bucket, key, id};
      if (stopping_) {
        co_await save(from);
        co_return Result<void>();
      }
    }
    if (!page.truncated) co_return Result<void>();
    query.after = page.next;
    query.after_version = Select::exact(*page.next_version);
    if (bytes_since_save_ >= bytes_between_saves) co_await save(from);
  }
}

Task<Result<void>> Scrubber::scrub_version(std::string bucket, Version version, uint64_t& segments,
                                           std::optional<Error>& damage) {
  if (version.is_delete_marker) co_return Result<void>();
  CO_TRY(const auto found, co_await objects_.find(bucket, version.key, Select::exact(version.id), true));
  if (!found.version->segment || !found.version->segment->is_inline()) {
    // Of thousands of parts there are a hundred records.
    CO_TRY(auto all, co_await engine_.pool.run([&] { return engine_.segments_in(bucket, *found.version, {}); }));
    co_return co_await scrub_segments(std::move(all), segments, damage);
  }
  if (found.inline_data.size() != found.version->segment->stored_size || !is_intact(as_bytes(found.inline_data))) {
    co_return fail(Errc::corrupt, "the bytes in the index are damaged");
  }
  co_await step(found.inline_data.size());
  co_return Result<void>();
}

Task<Result<void>> Scrubber::scrub_uploads(std::string bucket, BucketCount& count) {
  ListUploadsQuery query;
  query.bucket = bucket;
  for (;;) {
    CO_TRY(const auto uploads, co_await objects_.list_uploads(query));
    for (const auto& upload : uploads.uploads) {
      for (uint32_t after = 0;;) {
        auto parts = co_await objects_.list_parts(bucket, upload.key, upload.id, after, versions_a_page);
        if (!parts) {
          const bool is_over = parts.error().code() == Errc::not_found;  // completed or aborted meanwhile
          if (!is_over) record(bucket, upload.key, upload.id, parts.error());
          break;
        }
        for (auto& part : parts->parts) {
          ++report_.parts;
          ++count.parts;
          count.part_bytes += part.size;
          after = part.number;
          uint64_t segments = 0;
          std::optional<Error> damage;
          const auto done = co_await scrub_segments(part.segments, segments, damage);
          if (damage && co_await is_there_still(bucket, upload, part)) {
            record(bucket, upload.key, upload.id, *damage);
          }
          if (!done || stopping_) co_return Result<void>();
        }
        if (!parts->truncated) break;
      }
    }
    if (!uploads.truncated) co_return Result<void>();
    query.after = uploads.next;
    query.after_upload = uploads.next_upload;
  }
}

// A part that went, or was uploaded again, while it was read is no damage.
Task<bool> Scrubber::is_there_still(std::string bucket, const Upload& upload, const Part& part) {
  const auto now = co_await objects_.list_parts(std::move(bucket), upload.key, upload.id, part.number - 1, 1);
  if (!now || now->parts.empty()) co_return false;
  const Part& there = now->parts.front();
  const bool is_same = std::ranges::equal(there.segments, part.segments, {}, &Segment::blob, &Segment::blob);
  co_return is_same&& there.number == part.number;
}

// An error only where it was stopped: what is damaged does not keep the rest from being read.
Task<Result<void>> Scrubber::scrub_segments(std::vector<Segment> segments, uint64_t& done,
                                            std::optional<Error>& damage) {
  for (; done < segments.size(); ++done) {
    auto read = co_await scrub_segment(segments[done]);
    if (!read && read.error().code() == Errc::cancelled) co_return read;
    if (!read && !damage) damage = std::move(read).error();
  }
  co_return Result<void>();
}

Task<Result<void>> Scrubber::scrub_segment(const Segment& segment) {
  CO_TRY(const auto blob, co_await engine_.blobs.open(segment.blob, segment.tier));
  co_return co_await check_blob(*blob, segment, engine_.pool, [this](uint64_t bytes) { return step_of_blob(bytes); });
}

// Sleeps as long as these bytes should have taken; reading itself is counted as nothing, so this errs to the slow side.
Task<void> Scrubber::step(uint64_t bytes) {
  report_.bytes += bytes;
  bytes_since_save_ += bytes;
  if (!paced_) co_return;
  bytes_since_pause_ += bytes;
  const Duration due{
      static_cast<int64_t>(bytes_since_pause_ * 1000 / std::max<uint64_t>(1, options_.bytes_per_second))};
  if (due < longest_sleep) co_return;
  bytes_since_pause_ = 0;
  co_await sleep(due);
}

Task<bool> Scrubber::step_of_check(uint64_t bytes) {
  co_await step(bytes);
  co_return !stopping_;
}

// A blob may have gigabytes, which a stop does not wait for.
Task<Result<void>> Scrubber::step_of_blob(uint64_t bytes) {
  co_await step(bytes);
  if (stopping_) co_return fail(Errc::cancelled, "the scrubber stops");
  co_return Result<void>();
}

Task<void> Scrubber::sleep(Duration time) {
  while (time > Duration(0) && !stopping_) {
    const Duration slice = std::min(time, longest_sleep);
    co_await sleep_(slice);
    time -= slice;
  }
}

// Where it cannot be saved, as on a full disk, that is no damage, and the rest is read all the same: the next start
// goes on from an earlier place.
Task<void> Scrubber::save(Place place) {
  bytes_since_save_ = 0;
  store::Batch batch{std::string(index::engine_partition)};
  batch.put(std::string(index::scrub_cursor), place.bucket + '\0' + place.after);
  std::string inside = place.version.bytes() + place.within.bytes();
  put_be64(inside, place.segments);
  batch.put(std::string(index::scrub_cursor_inside), std::move(inside));
  const auto saved = co_await engine_.store.commit(std::move(batch));
  if (!saved && is_saved_) {
    log::warn("objects", "cannot note how far the scrubber has come", {{"why", saved.error().message()}});
  }
  is_saved_ = saved.has_value();
}

Result<Scrubber::Place> Scrubber::saved() const {
  TRY(const auto value, engine_.store.get(index::engine_partition, index::scrub_cursor));
  if (!value) return Place{};
  const size_t end = std::min(value->find('\0'), value->size());  // a bucket's id holds no NUL
  Place place{.bucket = value->substr(0, end), .after = end < value->size() ? value->substr(end + 1) : ""};
  TRY(const auto inside, engine_.store.get(index::engine_partition, index::scrub_cursor_inside));
  if (!inside || inside->size() != 40) return place;  // written before there was one
  const std::string_view text = *inside;
  place.version = Id::from_bytes(text.substr(0, 16));
  place.within = Id::from_bytes(text.substr(16, 16));
  place.segments = get_be64(text.substr(32));
  return place;
}

void Scrubber::record(std::string bucket, std::string key, VersionId version, const Error& error) {
  log::error("objects", "stored data is damaged",
             {{"bucket", bucket}, {"key", key}, {"version", version.text()}, {"what", error.message()}});
  ++report_.damaged;
  if (report_.damages.size() == damages_kept) report_.damages.erase(report_.damages.begin());
  report_.damages.push_back({std::move(bucket), std::move(key), version, error.message()});
}

}  // namespace boreal::objects
