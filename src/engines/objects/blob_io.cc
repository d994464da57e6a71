#include "objects/blob_io.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace boreal::objects {

Task<Result<size_t>> read_full(Source& source, MutableBytes buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    CO_TRY(const size_t count, co_await source.read(buffer.subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  co_return filled;
}

// ---- writing

Task<Result<BlobPipeline::Sizes>> BlobPipeline::run(std::string head, Source& rest) {
  const std::string header = blob_header(compress_);
  CO_CHECK(co_await writer_.append(as_bytes(header)));
  sizes_.stored = header.size();

  plain_[0].resize(chunk_bytes);
  std::memcpy(plain_[0].data(), head.data(), head.size());
  CO_TRY(size_t filled, co_await fill(0, head.size(), rest));
  for (size_t current = 0; filled > 0; current = 1 - current) {
    const Bytes plain = Bytes(plain_[current]).first(filled);
    TaskGroup working;
    if (digester_ != nullptr) working.spawn(hash(plain));
    working.spawn(store(plain));
    // A chunk that is not full was the last: the source has said so.
    auto more = filled == chunk_bytes ? co_await fill(1 - current, 0, rest) : Result<size_t>(0);
    co_await working.wait();
    if (!more) co_return std::unexpected(std::move(more).error());
    if (!stored_) co_return std::unexpected(std::move(stored_).error());
    sizes_.plain += filled;
    filled = *more;
  }
  if (compress_) {
    const std::string table = encode_table(ends_);
    CO_CHECK(co_await writer_.append(as_bytes(table)));
    sizes_.stored += table.size();
  }
  CO_CHECK(co_await writer_.finish());
  co_return sizes_;
}

Task<Result<size_t>> BlobPipeline::fill(size_t buffer, size_t used, Source& source) {
  plain_[buffer].resize(chunk_bytes);
  CO_TRY(const size_t count, co_await read_full(source, MutableBytes(plain_[buffer]).subspan(used)));
  co_return used + count;
}

Task<void> BlobPipeline::hash(Bytes plain) {
  co_await pool_.run([this, plain] { digester_->update(plain); });
}

Task<void> BlobPipeline::store(Bytes plain) {
  stored_ = co_await pool_.run([this, plain] { return seal(plain); });
  if (stored_) stored_ = co_await writer_.append(sealed_);
}

// Fills sealed_ with the frames of these bytes.
Result<void> BlobPipeline::seal(Bytes plain) {
  sealed_.clear();
  for (size_t at = 0; at < plain.size(); at += frame_bytes) {
    const Bytes frame = plain.subspan(at, std::min(frame_bytes, plain.size() - at));
    std::string packed;
    if (compress_) {
      TRY(packed, compress_frame(frame));
    }
    const Bytes content = compress_ ? as_bytes(packed) : frame;
    const size_t begin = sealed_.size();
    sealed_.resize(begin + content.size() + frame_overhead);
    CHECK(cipher_.seal(next_frame_++, content, MutableBytes(sealed_).subspan(begin)));
    if (compress_) ends_.push_back(sizes_.stored + sealed_.size());
  }
  sizes_.stored += sealed_.size();
  return {};
}

Task<Result<void>> copy_blob(BlobReader& from, uint64_t stored_size, BlobWriter& to) {
  std::vector<std::byte> buffer(chunk_bytes);
  for (uint64_t at = 0; at < stored_size; at += chunk_bytes) {
    const MutableBytes piece = MutableBytes(buffer).first(std::min<uint64_t>(chunk_bytes, stored_size - at));
    CO_CHECK(co_await from.read_at(at, piece));
    CO_CHECK(co_await to.append(piece));
  }
  co_return co_await to.finish();
}

// ---- reading

size_t SegmentReader::plain_bytes_of(uint64_t frame) const {
  return std::min<uint64_t>(frame_bytes, segment_.plain_size - frame * frame_bytes);
}

Task<Result<void>> SegmentReader::next(Chunk& chunk) {
  const uint64_t first = position_ / frame_bytes;
  const uint64_t count = std::min<uint64_t>(chunk_frames, (end_ - 1) / frame_bytes - first + 1);
  CO_TRY(const Frames frames, co_await locate(first, count));
  const uint64_t stored_begin = frames.ends.front();
  sealed_.resize(frames.ends.back() - stored_begin);
  CO_CHECK(co_await blob_->read_at(stored_begin, sealed_));

  size_t plain_bytes = 0;
  for (uint64_t i = 0; i < count; ++i) plain_bytes += plain_bytes_of(first + i);
  chunk.buffer.resize(plain_bytes);
  CO_CHECK(co_await pool_.run([&] { return open_frames(frames, chunk.buffer); }));

  chunk.offset = position_ - first * frame_bytes;
  chunk.length = std::min<uint64_t>(plain_bytes - chunk.offset, end_ - position_);
  position_ += chunk.length;
  co_return Result<void>();
}

// Where these frames lie: known by rule, or (compressed) from the table behind them. What the table says is not
// trusted beyond its bounds; a wrong place does not verify.
Task<Result<SegmentReader::Frames>> SegmentReader::locate(uint64_t first, uint64_t count) {
  Frames frames{first, count, {}};
  if (!segment_.compressed) {
    for (uint64_t i = first; i < first + count; ++i) frames.ends.push_back(frame_offset(i));
    frames.ends.push_back(frames.ends.back() + plain_bytes_of(first + count - 1) + frame_overhead);
    co_return frames;
  }
  const uint64_t table = table_offset(segment_.stored_size, frames_of(segment_.plain_size));
  const uint64_t skip = first == 0 ? 0 : first - 1;
  std::vector<std::byte> entries((first + count - skip) * table_entry_bytes);
  CO_CHECK(co_await blob_->read_at(table + skip * table_entry_bytes, entries));
  if (first == 0) frames.ends.push_back(blob_header_bytes);
  for (size_t at = 0; at < entries.size(); at += table_entry_bytes) {
    frames.ends.push_back(get_be64(as_text(Bytes(entries).subspan(at, table_entry_bytes))));
  }
  for (size_t i = 1; i < frames.ends.size(); ++i) {
    const uint64_t begin = frames.ends[i - 1];
    const uint64_t end = frames.ends[i];
    if (end <= begin + frame_overhead || end > table || end - begin > 2 * frame_bytes) {
      co_return fail(Errc::corrupt, fmt::format("the frame table of blob {} is damaged", segment_.blob.text()));
    }
  }
  co_return frames;
}

Result<void> SegmentReader::open_frames(const Frames& frames, MutableBytes plain) {
  std::vector<std::byte> packed;
  size_t done = 0;
  for (uint64_t i = 0; i < frames.count; ++i) {
    const Bytes stored =
        Bytes(sealed_).subspan(frames.ends[i] - frames.ends.front(), frames.ends[i + 1] - frames.ends[i]);
    const MutableBytes out = plain.subspan(done, plain_bytes_of(frames.first + i));
    done += out.size();
    Result<void> opened;
    if (segment_.compressed) {
      packed.resize(stored.size() - frame_overhead);
      opened = cipher_.open(frames.first + i, stored, packed);
      if (opened) opened = decompress_frame(packed, out);
    } else {
      opened = cipher_.open(frames.first + i, stored, out);
    }
    if (!opened) {
      return std::unexpected(
          std::move(opened).error().within(fmt::format("frame {} of blob {}", frames.first + i, segment_.blob.text())));
    }
  }
  return {};
}

Task<Result<size_t>> SegmentSource::read(MutableBytes buffer) {
  if (given_ == chunk_.length) {
    if (reader_->at_end()) co_return size_t{0};
    CO_CHECK(co_await reader_->next(chunk_));
    given_ = 0;
  }
  const Bytes rest = chunk_.rest().subspan(given_);
  const size_t count = std::min(buffer.size(), rest.size());
  std::memcpy(buffer.data(), rest.data(), count);
  given_ += count;
  co_return count;
}

}  // namespace boreal::objects
