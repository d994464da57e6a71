// Finding versions, and reading their bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

// Bytes that are in memory already.
class MemorySource final : public Source {
 public:
  explicit MemorySource(std::vector<std::byte> data, size_t begin, size_t size)
      : data_(std::move(data)), rest_(Bytes(data_).subspan(begin, size)), size_(size) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min(buffer.size(), rest_.size());
    if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
    co_return count;
  }
  std::optional<uint64_t> size() const override { return size_; }

 private:
  const std::vector<std::byte> data_;
  Bytes rest_;
  const size_t size_;
};

// Bytes of blobs, segment after segment.
class BlobSource final : public Source {
 public:
  BlobSource(Objects::Impl& engine, Found found, Range range, Keys* keys)
      : engine_(engine), found_(std::move(found)), rest_(range), size_(range.length), keys_(keys) {}

  Task<Result<size_t>> read(MutableBytes buffer) override {
    for (;;) {
      if (segment_ == nullptr) {
        CO_TRY(const bool more, co_await next_segment());
        if (!more) co_return size_t{0};
      }
      CO_TRY(const size_t count, co_await segment_->read(buffer));
      if (count > 0 || buffer.empty()) co_return count;
      segment_.reset();
    }
  }
  std::optional<uint64_t> size() const override { return size_; }
  bool detaches() const override { return true; }
  Task<Result<std::unique_ptr<Source>>> detach() override {
    if (segment_ == nullptr) CO_CHECK(co_await next_segment());
    co_return std::move(segment_);
  }

 private:
  // Opens the next segment; false at the end.
  Task<Result<bool>> next_segment() {
    if (segments_.empty() && rest_.length > 0) CO_CHECK(load_segments());
    if (segments_.empty()) co_return false;
    const Segment segment = std::move(segments_.front());
    segments_.erase(segments_.begin());
    const std::string& wrapped = segment.wrapped_key.empty() ? found_.version->wrapped_key : segment.wrapped_key;
    if (key_.empty() || wrapped != key_wrapped_) {
      CO_TRY(key_, co_await keys_->unwrap(wrapped));
      key_wrapped_ = wrapped;
    }
    CO_TRY(auto cipher, FrameCipher::make(key_.bytes(), segment.salt));
    CO_TRY(auto blob, co_await engine_.blobs.open(segment.blob, segment.tier));
    segment_ =
        std::make_unique<SegmentSource>(engine_.pool, SegmentReader(std::move(blob), std::move(cipher), segment));
    co_return true;
  }

  // The segments of what remains, up to the end of one manifest record.
  Result<void> load_segments() {
    const auto& starts = found_.version->chunk_starts;
    Range piece = rest_;
    const auto next_start = std::ranges::upper_bound(starts, rest_.offset);
    if (next_start != starts.end()) piece.length = std::min(piece.length, *next_start - piece.offset);
    TRY(segments_, engine_.segments_in(found_.bucket, *found_.version, piece));
    rest_.offset += piece.length;
    rest_.length -= piece.length;
    return {};
  }

  Objects::Impl& engine_;
  const Found found_;
  Range rest_;  // not yet in segments_
  const uint64_t size_;
  Keys* keys_;
  std::string key_wrapped_;
  crypto::SecretBytes key_;
  std::vector<Segment> segments_;
  std::unique_ptr<Source> segment_;  // the one at hand
};

Error no_such_version(std::string_view bucket, std::string_view key) {
  return Error(Errc::not_found, fmt::format("bucket '{}' has no such version of '{}'", bucket, key));
}

}  // namespace

// All reads are of one moment, and nothing is awaited between them and the pin: whatever frees the blobs either
// finds the pin or has made the version unfindable before.
Task<Result<Found>> Objects::find(std::string bucket, std::string key, Select which, bool with_data) {
  CO_CHECK(impl_->check_target(bucket, key));
  const auto moment = impl_->store.snapshot();
  CO_TRY(auto version, read_version(impl_->store, bucket, key, which, moment.get()));
  if (!version) co_return std::unexpected(no_such_version(bucket, key));
  Found found;
  if (with_data && version->segment && version->segment->is_inline()) {
    CO_TRY(auto data,
           impl_->store.get_bulk(index::partition_of(bucket), index::inline_data(version->id), moment.get()));
    if (!data) co_return fail(Errc::corrupt, fmt::format("the bytes of '{}' are missing from the index", key));
    found.inline_data = std::move(*data);
  }
  found.pin = impl_->pins->pin(version->id);
  found.bucket = std::move(bucket);
  found.version = std::make_shared<const Version>(std::move(*version));
  co_return found;
}

Task<Result<std::unique_ptr<Source>>> Objects::read(Found found, Range range, Keys& keys) {
  return impl_->open_source(std::move(found), range, &keys);
}

Task<Result<std::unique_ptr<Source>>> Objects::Impl::open_source(Found found, Range range, Keys* keys) {
  const Version& version = *found.version;
  if (range.offset > version.size) {
    co_return fail(Errc::invalid, fmt::format("byte {} of an object of {} bytes", range.offset, version.size));
  }
  range.length = std::min(range.length, version.size - range.offset);
  if (range.length == 0) co_return std::make_unique<MemorySource>(std::vector<std::byte>(), 0, 0);
  if (!version.segment || !version.segment->is_inline()) {
    co_return std::make_unique<BlobSource>(*this, std::move(found), range, keys);
  }
  if (found.inline_data.size() != version.size + frame_overhead) {
    co_return fail(Errc::corrupt,
                   fmt::format("the bytes of '{}' in the index are not as many as they were", version.key));
  }
  CO_TRY(const auto key, co_await keys->unwrap(version.wrapped_key));
  CO_TRY(auto cipher, FrameCipher::make(key.bytes(), version.segment->salt));
  std::vector<std::byte> plain(version.size);
  CO_CHECK(cipher.open(0, as_bytes(found.inline_data), plain));
  co_return std::make_unique<MemorySource>(std::move(plain), range.offset, range.length);
}

// ---- manifests

void add_manifest(store::Batch& batch, Version& version, Id manifest, std::vector<Part> parts) {
  version.manifest = manifest;
  version.chunk_starts.clear();
  for (size_t at = 0; at < parts.size(); at += parts_a_manifest_record) {
    const auto begin = parts.begin() + static_cast<ptrdiff_t>(at);
    const auto end = parts.begin() + static_cast<ptrdiff_t>(std::min(parts.size(), at + parts_a_manifest_record));
    const auto chunk = static_cast<uint32_t>(version.chunk_starts.size());
    version.chunk_starts.push_back(begin->offset);
    batch.put(index::manifest(manifest, chunk), encode(std::vector<Part>(begin, end)));
  }
}

Result<std::vector<Part>> Objects::Impl::manifest_parts(const std::string& bucket, const Version& version,
                                                        uint32_t chunk) const {
  TRY(const auto record, store.get(index::partition_of(bucket), index::manifest(version.manifest, chunk)));
  if (!record) return fail(Errc::corrupt, fmt::format("a list of parts of '{}' is missing", version.key));
  return decode_parts(*record);
}

Task<Result<std::vector<Part>>> Objects::Impl::all_parts(const std::string& bucket, const Version& version) {
  std::vector<Part> all;
  for (uint32_t chunk = 0; chunk < version.chunk_starts.size(); ++chunk) {
    auto parts = co_await pool.run([&] { return manifest_parts(bucket, version, chunk); });
    if (!parts) co_return std::unexpected(std::move(parts).error());
    std::ranges::move(*parts, std::back_inserter(all));
  }
  co_return all;
}

namespace {
// What of the segment, whose first byte is byte `start` of the object, lies in the range.
std::optional<Segment> cut(const Segment& segment, uint64_t start, Range range) {
  const uint64_t begin = std::max(start, range.offset);
  const uint64_t end = std::min(start + segment.length, range.offset + range.length);
  if (begin >= end) return std::nullopt;
  Segment piece = segment;
  piece.offset += begin - start;
  piece.length = end - begin;
  return piece;
}
}  // namespace

Result<std::vector<Segment>> Objects::Impl::segments_in(const std::string& bucket, const Version& version,
                                                        Range range) const {
  std::vector<Segment> segments;
  if (version.segment) {
    if (auto piece = cut(*version.segment, 0, range)) segments.push_back(std::move(*piece));
    return segments;
  }
  const auto& starts = version.chunk_starts;
  auto chunk = std::ranges::upper_bound(starts, range.offset);
  if (chunk != starts.begin()) --chunk;
  for (; chunk != starts.end() && *chunk < range.offset + range.length; ++chunk) {
    TRY(const auto parts, manifest_parts(bucket, version, static_cast<uint32_t>(chunk - starts.begin())));
    for (const Part& part : parts) {
      uint64_t start = part.offset;
      for (const Segment& segment : part.segments) {
        if (auto piece = cut(segment, start, range)) segments.push_back(std::move(*piece));
        start += segment.length;
      }
    }
  }
  return segments;
}

Result<uint32_t> Objects::Impl::manifest_behind(const Found& found, uint32_t after) const {
  if (found.version->chunk_starts.empty()) return 0;
  // Numbers ascend, with or without gaps: each is at least its place.
  uint32_t first = 0;
  uint32_t last =
      static_cast<uint32_t>(std::min<size_t>(after / parts_a_manifest_record, found.version->chunk_starts.size() - 1));
  for (uint32_t probe = last; first < last; probe = first + (last - first + 1) / 2) {
    TRY(const auto parts, manifest_parts(found.bucket, *found.version, probe));
    if (parts.empty() || parts.front().number > after + 1) {
      last = probe - 1;
    } else {
      first = probe;
    }
  }
  return first;
}

Task<Result<PartsPage>> Objects::parts_of(Found found, uint32_t after, size_t max) {
  PartsPage page;
  CO_TRY(const uint32_t first, impl_->manifest_behind(found, after));
  for (uint32_t chunk = first; chunk < found.version->chunk_starts.size(); ++chunk) {
    CO_TRY(auto parts, impl_->manifest_parts(found.bucket, *found.version, chunk));
    for (Part& part : parts) {
      if (part.number <= after) continue;
      if (page.parts.size() == max) {
        page.truncated = true;
        co_return page;
      }
      page.parts.push_back(std::move(part));
    }
  }
  co_return page;
}

Task<Result<std::optional<Part>>> Objects::part_at(Found found, Range range) {
  const auto& starts = found.version->chunk_starts;
  const auto behind = std::ranges::upper_bound(starts, range.offset);
  if (behind == starts.begin()) co_return std::nullopt;
  const auto chunk = static_cast<uint32_t>(behind - starts.begin() - 1);
  CO_TRY(auto parts, impl_->manifest_parts(found.bucket, *found.version, chunk));
  for (Part& part : parts) {
    if (part.offset == range.offset && part.size == range.length) co_return std::move(part);
  }
  co_return std::nullopt;
}

}  // namespace boreal::objects
