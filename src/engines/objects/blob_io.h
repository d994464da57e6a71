// Bytes into blobs and out of them: the pipelines between a Source and the frames of a blob.
// Memory of each is bounded by a few chunks (under 1 MiB), whatever the size of the data.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/stream.h"
#include "base/sync.h"
#include "io/pool.h"
#include "objects/blobs.h"
#include "objects/digest.h"
#include "objects/frames.h"

namespace boreal::objects {

// How many chunks a stream keeps between those who fill them and those who use them.
inline constexpr size_t ring_chunks = 4;
// A ring that has run full is filled again when this many chunks were taken: threads wake each other less, and to wake
// one on another processor costs a tenth of the MD5 of a chunk.
inline constexpr size_t ring_wakeup_chunks = ring_chunks / 2;

// Fills the buffer from the source as far as it goes.
Task<Result<size_t>> read_full(Source& source, MutableBytes buffer);

// Another source, until somebody asks it to stop: then it ends with Errc::cancelled.
class StoppableSource final : public Source {
 public:
  StoppableSource(Source& inner, std::stop_token stop) : inner_(inner), stop_(std::move(stop)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override;
  Executor* home() const override { return inner_.home(); }
  std::optional<uint64_t> size() const override { return inner_.size(); }

 private:
  Source& inner_;
  const std::stop_token stop_;
};
Result<void> check_goes_on(const std::stop_token& stop);  // Errc::cancelled

// Streams a source into a new blob. The source is read where it is at home, into a ring of chunks; behind it two stages
// go through them, each at its own pace and both on the pool: one computes the MD5, the other the checksums that are
// wanted, and seals and writes. So the slowest of the three is never held up by another as long as the ring has room.
class BlobPipeline {
 public:
  struct Sizes {
    uint64_t plain = 0;
    uint64_t stored = 0;
  };
  // digester: nullptr when nobody wants to know.
  BlobPipeline(io::Pool& pool, BlobWriter& writer, FrameCipher cipher, bool compress, Digester* digester);
  ~BlobPipeline();

  // Writes `head` (at most chunk_bytes) and then all of the source; durable when it returns. Called once.
  Task<Result<Sizes>> run(std::string head, Source& rest);

 private:
  class Stages;
  const std::shared_ptr<Stages> stages_;
};

// Copies a blob as it lies, byte by byte (frames stay sealed).
Task<Result<void>> copy_blob(io::Pool& pool, BlobReader& from, uint64_t stored_size, BlobWriter& to,
                             std::stop_token stop = {});

// Memory that is filled before it is read: unlike a vector's, new bytes are not cleared first.
class Buffer {
 public:
  // What it held is lost when it must grow.
  MutableBytes of_size(size_t size) {
    if (size > capacity_) {
      bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
      capacity_ = size;
    }
    return {bytes_.get(), size};
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t capacity_ = 0;
};

// Reads a run of a blob's plain bytes, front to back. One call at a time, on any thread.
class SegmentReader {
 public:
  SegmentReader(std::unique_ptr<BlobReader> blob, FrameCipher cipher, Segment segment)
      : blob_(std::move(blob)),
        cipher_(std::move(cipher)),
        segment_(std::move(segment)),
        position_(segment_.offset),
        end_(segment_.offset + segment_.length) {}

  // Plain bytes that verified; they live in `buffer`.
  struct Chunk {
    Buffer buffer;
    Bytes bytes;
  };
  uint64_t left() const { return end_ - position_; }  // bytes
  // Replaces the chunk by the next one, of at most so many frames. Blocks.
  Result<void> next(Chunk& chunk, size_t max_frames);
  // The same, but without waiting for the disk: false, and nothing has changed, when it would have to.
  Result<bool> next_if_cached(Chunk& chunk, size_t max_frames);

 private:
  struct Frames {
    uint64_t first = 0;
    uint64_t count = 0;
    std::vector<uint64_t> ends;  // in the blob; ends[0] is where the first begins
  };
  Result<bool> read(Chunk& chunk, size_t max_frames, bool may_wait);
  Result<bool> read_stored(uint64_t offset, MutableBytes out, bool may_wait);
  Result<std::optional<Frames>> locate(uint64_t first, uint64_t count, bool may_wait);
  Result<void> open_frames(const Frames& frames, Bytes sealed, MutableBytes plain);
  size_t plain_bytes_of(uint64_t frame) const;

  std::unique_ptr<BlobReader> blob_;
  FrameCipher cipher_;
  Segment segment_;
  uint64_t position_;  // in the blob's plain bytes
  uint64_t end_;
  Buffer sealed_;
};

// A SegmentReader that the pool keeps some chunks ahead of who takes them. Held by a shared_ptr: the work under way may
// outlive who began it; it ends after the chunk it is at.
class ReadAhead : public std::enable_shared_from_this<ReadAhead> {
 public:
  ReadAhead(io::Pool& pool, SegmentReader reader) : pool_(pool), reader_(std::move(reader)) {}

  // The next bytes; empty at the end. Good until the next call. Always on the same executor. `may_help`: what the pool
  // has not begun when it is needed is done here, if the disk need not be waited for: a thread that must first be woken
  // on a busy machine comes later.
  Task<Result<Bytes>> next(bool may_help);
  // No more is wanted: nothing further is read.
  void stop() { stopped_ = true; }

 private:
  enum class Work { none, wanted, going_on };  // wanted: a turn is on its way to the pool

  void begin_work();
  void take_turn();
  bool begin_turn(Work from) { return work_.compare_exchange_strong(from, Work::going_on); }
  bool read_one(bool may_wait);
  bool help();
  uint64_t free_slots() const { return ring_chunks - (read_ - taken_); }

  io::Pool& pool_;
  SegmentReader reader_;  // of whose turn it is, as what follows
  SegmentReader::Chunk ring_[ring_chunks];
  std::atomic<Work> work_ = Work::none;
  std::atomic<bool> submitted_ = false;  // it lies with the pool, though perhaps nothing is left to do
  std::atomic<uint64_t> read_ = 0;       // chunks
  std::atomic<uint64_t> taken_ = 0;      // and no longer used
  std::atomic<bool> ended_ = false;      // no more chunks come: all are read, or outcome_ tells why not
  std::atomic<bool> stopped_ = false;
  Result<void> outcome_;

  std::atomic<bool> waiting_ = false;  // on home_, for a chunk
  Executor* home_ = nullptr;
  Event arrived_;
  bool holds_ = false;  // a chunk is being used
};

// A SegmentReader as a Source, which may be handed to another executor (Source::detach). Its first frame, and on
// another executor also a short rest, it decrypts where it is asked, if the disk need not be waited for: that costs
// less than waking another thread. All else the pool does ahead of it.
class SegmentSource final : public Source {
 public:
  SegmentSource(io::Pool& pool, SegmentReader reader) : pool_(pool), reader_(std::move(reader)) {}
  ~SegmentSource() override {
    if (ahead_) ahead_->stop();
  }
  Task<Result<size_t>> read(MutableBytes buffer) override;
  bool lends() const override { return true; }
  Task<Result<Bytes>> lend() override;

 private:
  Task<Result<void>> fill();

  io::Pool& pool_;
  std::optional<SegmentReader> reader_;  // until ahead_ has it
  std::shared_ptr<ReadAhead> ahead_;
  Executor* const home_ = Executor::current();
  SegmentReader::Chunk chunk_;
  bool is_first_ = true;
  Bytes rest_;  // not yet given
};

}  // namespace boreal::objects
