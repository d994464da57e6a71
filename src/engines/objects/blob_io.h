// Bytes into blobs and out of them: the pipelines between a Source and the frames of a blob.
// Memory of each is bounded by a few chunks (under 1 MiB), whatever the size of the data.
#pragma once

#include <memory>

#include "base/stream.h"
#include "base/sync.h"
#include "io/pool.h"
#include "objects/blobs.h"
#include "objects/digest.h"
#include "objects/frames.h"

namespace boreal::objects {

// Fills the buffer from the source as far as it goes.
Task<Result<size_t>> read_full(Source& source, MutableBytes buffer);

// Streams a source into a new blob: while one chunk is read, the one before it is hashed and, beside that,
// encrypted and written.
class BlobPipeline {
 public:
  struct Sizes {
    uint64_t plain = 0;
    uint64_t stored = 0;
  };
  // digester: nullptr when nobody wants to know.
  BlobPipeline(io::Pool& pool, BlobWriter& writer, FrameCipher cipher, bool compress, Digester* digester)
      : pool_(pool), writer_(writer), cipher_(std::move(cipher)), compress_(compress), digester_(digester) {}

  // Writes `head` (at most chunk_bytes) and then all of the source; durable when it returns.
  Task<Result<Sizes>> run(std::string head, Source& rest);

 private:
  Task<Result<size_t>> fill(size_t buffer, size_t used, Source& source);
  Task<void> hash(Bytes plain);
  Task<void> store(Bytes plain);
  Result<void> seal(Bytes plain);

  io::Pool& pool_;
  BlobWriter& writer_;
  FrameCipher cipher_;
  const bool compress_;
  Digester* digester_;
  std::vector<std::byte> plain_[2];
  std::vector<std::byte> sealed_;
  std::vector<uint64_t> ends_;  // of the frames, when compressing
  uint64_t next_frame_ = 0;
  Sizes sizes_;
  Result<void> stored_;  // the outcome of the last store()
};

// Copies a blob as it lies, byte by byte (frames stay sealed).
Task<Result<void>> copy_blob(BlobReader& from, uint64_t stored_size, BlobWriter& to);

// Reads a run of a blob's plain bytes, front to back.
class SegmentReader {
 public:
  SegmentReader(io::Pool& pool, std::unique_ptr<BlobReader> blob, FrameCipher cipher, Segment segment)
      : pool_(pool),
        blob_(std::move(blob)),
        cipher_(std::move(cipher)),
        segment_(std::move(segment)),
        position_(segment_.offset),
        end_(segment_.offset + segment_.length) {}

  // Plain bytes that verified; they live in `buffer`.
  struct Chunk {
    std::vector<std::byte> buffer;
    size_t offset = 0;
    size_t length = 0;
    Bytes rest() const { return Bytes(buffer).subspan(offset, length); }
  };
  bool at_end() const { return position_ >= end_; }
  // Replaces the chunk by the next one (up to chunk_bytes).
  Task<Result<void>> next(Chunk& chunk);

 private:
  struct Frames {
    uint64_t first = 0;
    uint64_t count = 0;
    std::vector<uint64_t> ends;  // in the blob; ends[0] is where the first begins
  };
  Task<Result<Frames>> locate(uint64_t first, uint64_t count);
  Result<void> open_frames(const Frames& frames, MutableBytes plain);
  size_t plain_bytes_of(uint64_t frame) const;

  io::Pool& pool_;
  std::unique_ptr<BlobReader> blob_;
  FrameCipher cipher_;
  const Segment segment_;
  uint64_t position_;  // in the blob's plain bytes
  const uint64_t end_;
  std::vector<std::byte> sealed_;
};

// A SegmentReader as a Source, without reading ahead.
class SegmentSource final : public Source {
 public:
  explicit SegmentSource(std::unique_ptr<SegmentReader> reader) : reader_(std::move(reader)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override;

 private:
  std::unique_ptr<SegmentReader> reader_;
  SegmentReader::Chunk chunk_;
  size_t given_ = 0;
};

}  // namespace boreal::objects
