#include "objects/blob_io.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/resume_on.h"

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

Result<void> check_goes_on(const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "the server stops");
  return {};
}

Task<Result<size_t>> StoppableSource::read(MutableBytes buffer) {
  CO_CHECK(check_goes_on(stop_));
  co_return co_await inner_.read(buffer);
}

namespace {

// What one turn on the pool does while others wait for a thread (some ms).
constexpr int chunks_a_turn = 8;
bool may_go_on(const io::Pool& pool, int chunks_done) {
  return chunks_done < chunks_a_turn || !pool.is_short_of_threads();
}

constexpr size_t max_sealed_bytes = blob_header_bytes + chunk_frames * (1 + frame_bytes + frame_overhead);

}  // namespace

// ---- writing

// Held by a shared_ptr, for a turn on the pool looks once more whether there is work when it has told that it is over.
class BlobPipeline::Stages : public std::enable_shared_from_this<Stages> {
 public:
  Stages(io::Pool& pool, BlobWriter& writer, FrameCipher cipher, bool compress, Digester* digester)
      : pool_(pool),
        writer_(writer),
        cipher_(std::move(cipher)),
        compress_(compress),
        digester_(digester),
        sealed_(std::make_unique_for_overwrite<std::byte[]>(max_sealed_bytes)) {
    const std::string header = blob_header(compress_);
    std::memcpy(sealed_.get(), header.data(), header.size());
    sealed_bytes_ = header.size();
  }

  // Returns when nothing of it runs any more.
  Task<Result<Sizes>> run(std::string head, Source& source) {
    reader_ = Executor::current();
    Result<void> read;
    try {
      read = co_await read_all(std::move(head), source);
    } catch (const std::exception& error) {  // a bug, and the stages are still at work with what is the caller's
      read = fail(Errc::internal, fmt::format("a bug: {}", error.what()));
    }
    all_read_ = read.has_value();
    if (!read) failed_ = true;
    begin(storing_);
    co_await woken(Waiting::for_the_end, [this] { return settled(); });
    if (!read) co_return std::unexpected(read.error());
    if (!storing_.outcome) co_return std::unexpected(storing_.outcome.error());
    co_return sizes_;
  }

 private:
  struct Slot {
    std::unique_ptr<std::byte[]> buffer;  // of chunk_bytes; made when first used
    size_t filled = 0;
  };
  struct Stage {
    std::atomic<uint64_t> done = 0;     // chunks
    std::atomic<bool> working = false;  // a turn is under way, or on its way
    std::atomic<bool> finished = false;
    Result<void> outcome;  // the turn's, and of interest once no more is under way
  };
  enum class Waiting : uint8_t { no, for_room, for_the_end };

  Task<Result<void>> read_all(std::string head, Source& source);
  template <class Reached>
  Task<void> woken(Waiting why, Reached reached);
  void wake(Waiting why);
  uint64_t free_slots() const;
  bool has_work(const Stage& stage) const;
  bool settled() const { return settled(storing_) && settled(hashing_); }
  bool settled(const Stage& stage) const { return !stage.working && (failed_ || !has_work(stage)); }
  void begin(Stage& stage);
  void take_turn(Stage& stage);
  Result<void> process(const Stage& stage, Bytes plain);
  Result<void> store(Bytes plain);
  Result<void> seal(Bytes plain);
  Result<void> finish();
  Slot& slot(uint64_t number) { return ring_[number % ring_chunks]; }

  io::Pool& pool_;
  BlobWriter& writer_;
  FrameCipher cipher_;
  const bool compress_;
  Digester* const digester_;

  Slot ring_[ring_chunks];
  std::atomic<uint64_t> filled_ = 0;  // chunks that came
  std::atomic<bool> all_read_ = false;
  std::atomic<bool> failed_ = false;  // the source or a stage: nothing more is begun
  Stage hashing_;
  Stage storing_;

  Executor* reader_ = nullptr;  // where the source is read
  std::atomic<Waiting> waiting_ = Waiting::no;
  Event woken_;

  // The rest belongs to the stage that stores.
  std::unique_ptr<std::byte[]> sealed_;
  size_t sealed_bytes_ = 0;
  std::vector<uint64_t> ends_;  // of the frames, when compressing
  uint64_t next_frame_ = 0;
  Sizes sizes_;
};

BlobPipeline::BlobPipeline(io::Pool& pool, BlobWriter& writer, FrameCipher cipher, bool compress, Digester* digester)
    : stages_(std::make_shared<Stages>(pool, writer, std::move(cipher), compress, digester)) {}
BlobPipeline::~BlobPipeline() = default;

Task<Result<BlobPipeline::Sizes>> BlobPipeline::run(std::string head, Source& rest) {
  Executor& here = *Executor::current();
  if (Executor* const there = rest.home()) co_await resume_on(*there);
  auto sizes = co_await stages_->run(std::move(head), rest);
  co_await resume_on(here);
  co_return sizes;
}

// Ends early, without an error of its own, when a stage failed.
Task<Result<void>> BlobPipeline::Stages::read_all(std::string head, Source& source) {
  for (uint64_t number = 0;; ++number) {
    if (free_slots() == 0) {
      co_await woken(Waiting::for_room, [this] { return free_slots() >= ring_wakeup_chunks || failed_; });
    }
    if (failed_) co_return Result<void>();
    auto& [buffer, filled] = slot(number);
    if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(chunk_bytes);
    std::memcpy(buffer.get(), head.data(), head.size());
    CO_TRY(const size_t count, co_await read_full(source, {buffer.get() + head.size(), chunk_bytes - head.size()}));
    filled = head.size() + count;
    head.clear();
    if (filled == 0) co_return Result<void>();
    // A chunk that is not full was the last: the source has said so.
    const bool last = filled < chunk_bytes;
    filled_ = number + 1;
    begin(hashing_);
    begin(storing_);
    if (last) co_return Result<void>();
  }
}

uint64_t BlobPipeline::Stages::free_slots() const {
  const uint64_t stored = storing_.done;
  const uint64_t done = digester_ != nullptr ? std::min<uint64_t>(stored, hashing_.done) : stored;
  return ring_chunks - (filled_ - done);
}

// On the reader's executor, until `reached` holds.
template <class Reached>
Task<void> BlobPipeline::Stages::woken(Waiting why, Reached reached) {
  while (!reached()) {
    woken_.reset();
    waiting_ = why;
    // A stage may have ended its step before it could see that we wait.
    if (!reached()) co_await woken_.wait();
  }
}

void BlobPipeline::Stages::wake(Waiting why) {
  if (waiting_.compare_exchange_strong(why, Waiting::no)) {
    reader_->post([self = shared_from_this()] { self->woken_.set(); });
  }
}

bool BlobPipeline::Stages::has_work(const Stage& stage) const {
  if (&stage == &hashing_ && digester_ == nullptr) return false;
  return stage.done < filled_ || (&stage == &storing_ && all_read_ && !stage.finished);
}

// By the reader, and by a turn that ends.
void BlobPipeline::Stages::begin(Stage& stage) {
  if (failed_ || !has_work(stage) || stage.working.exchange(true)) return;
  pool_.submit([self = shared_from_this(), &stage] { self->take_turn(stage); });
}

// On the pool.
void BlobPipeline::Stages::take_turn(Stage& stage) {
  for (int i = 0; may_go_on(pool_, i) && !failed_ && has_work(stage); ++i) {
    if (stage.done == filled_) {
      stage.outcome = finish();
      stage.finished = true;
    } else {
      const Slot& chunk = slot(stage.done);
      stage.outcome = process(stage, Bytes(chunk.buffer.get(), chunk.filled));
      ++stage.done;
    }
    if (!stage.outcome) failed_ = true;
    if (free_slots() >= ring_wakeup_chunks || failed_) wake(Waiting::for_room);
  }
  stage.working = false;
  begin(stage);
  if (settled()) wake(Waiting::for_the_end);
}

Result<void> BlobPipeline::Stages::process(const Stage& stage, Bytes plain) {
  if (&stage == &hashing_) {
    digester_->update_md5(plain);
    return {};
  }
  if (digester_ != nullptr) digester_->update_checksums(plain);
  return store(plain);
}

Result<void> BlobPipeline::Stages::store(Bytes plain) {
  CHECK(seal(plain));
  CHECK(writer_.append({sealed_.get(), sealed_bytes_}));
  sizes_.plain += plain.size();
  sizes_.stored += sealed_bytes_;
  sealed_bytes_ = 0;
  return {};
}

// Puts the frames of these bytes behind what sealed_ holds.
Result<void> BlobPipeline::Stages::seal(Bytes plain) {
  for (size_t at = 0; at < plain.size(); at += frame_bytes) {
    const Bytes frame = plain.subspan(at, std::min(frame_bytes, plain.size() - at));
    std::string packed;
    if (compress_) {
      TRY(packed, compress_frame(frame));
    }
    const Bytes content = compress_ ? as_bytes(packed) : frame;
    const size_t stored = content.size() + frame_overhead;
    CHECK(cipher_.seal(next_frame_++, content, {sealed_.get() + sealed_bytes_, stored}));
    sealed_bytes_ += stored;
    if (compress_) ends_.push_back(sizes_.stored + sealed_bytes_);
  }
  return {};
}

// When all is stored: the MD5 may still be computed while the disk is waited for.
Result<void> BlobPipeline::Stages::finish() {
  CHECK(writer_.append({sealed_.get(), sealed_bytes_}));  // the header of a blob without bytes
  sizes_.stored += sealed_bytes_;
  if (compress_) {
    const std::string table = encode_table(ends_);
    CHECK(writer_.append(as_bytes(table)));
    sizes_.stored += table.size();
  }
  return writer_.finish();
}

Task<Result<void>> copy_blob(io::Pool& pool, BlobReader& from, uint64_t stored_size, BlobWriter& to,
                             std::stop_token stop) {
  std::vector<std::byte> buffer(chunk_bytes);
  const auto copy = [&](uint64_t at) -> Result<void> {
    const MutableBytes piece = MutableBytes(buffer).first(std::min<uint64_t>(chunk_bytes, stored_size - at));
    CHECK(from.read_at(at, piece));
    return to.append(piece);
  };
  for (uint64_t at = 0; at < stored_size; at += chunk_bytes) {
    CO_CHECK(check_goes_on(stop));
    CO_CHECK(co_await pool.run([&] { return copy(at); }));
  }
  co_return co_await pool.run([&] { return to.finish(); });
}

// ---- reading

size_t SegmentReader::plain_bytes_of(uint64_t frame) const {
  return std::min<uint64_t>(frame_bytes, segment_.plain_size - frame * frame_bytes);
}

Result<void> SegmentReader::next(Chunk& chunk, size_t max_frames) {
  CHECK(read(chunk, max_frames, true));
  return {};
}

Result<bool> SegmentReader::next_if_cached(Chunk& chunk, size_t max_frames) { return read(chunk, max_frames, false); }

Result<bool> SegmentReader::read(Chunk& chunk, size_t max_frames, bool may_wait) {
  const uint64_t first = position_ / frame_bytes;
  const uint64_t count = std::min<uint64_t>(max_frames, (end_ - 1) / frame_bytes - first + 1);
  TRY(const auto frames, locate(first, count, may_wait));
  if (!frames) return false;
  const uint64_t stored_begin = frames->ends.front();
  const MutableBytes sealed = sealed_.of_size(frames->ends.back() - stored_begin);
  TRY(const bool is_read, read_stored(stored_begin, sealed, may_wait));
  if (!is_read) return false;

  size_t plain_bytes = 0;
  for (uint64_t i = 0; i < count; ++i) plain_bytes += plain_bytes_of(first + i);
  const MutableBytes plain = chunk.buffer.of_size(plain_bytes);
  CHECK(open_frames(*frames, sealed, plain));

  const uint64_t skip = position_ - first * frame_bytes;
  chunk.bytes = plain.subspan(skip, std::min<uint64_t>(plain_bytes - skip, end_ - position_));
  position_ += chunk.bytes.size();
  return true;
}

Result<bool> SegmentReader::read_stored(uint64_t offset, MutableBytes out, bool may_wait) {
  if (!may_wait) return blob_->read_cached_at(offset, out);
  CHECK(blob_->read_at(offset, out));
  return true;
}

// Where these frames lie: known by rule, or (compressed) from the table behind them. What the table says is not
// trusted beyond its bounds; a wrong place does not verify. None: the table would have to be waited for.
Result<std::optional<SegmentReader::Frames>> SegmentReader::locate(uint64_t first, uint64_t count, bool may_wait) {
  Frames frames{first, count, {}};
  if (!segment_.compressed) {
    for (uint64_t i = first; i < first + count; ++i) frames.ends.push_back(frame_offset(i));
    frames.ends.push_back(frames.ends.back() + plain_bytes_of(first + count - 1) + frame_overhead);
    return frames;
  }
  const uint64_t table = table_offset(segment_.stored_size, frames_of(segment_.plain_size));
  const uint64_t skip = first == 0 ? 0 : first - 1;
  std::vector<std::byte> entries((first + count - skip) * table_entry_bytes);
  TRY(const bool is_read, read_stored(table + skip * table_entry_bytes, entries, may_wait));
  if (!is_read) return std::nullopt;
  if (first == 0) frames.ends.push_back(blob_header_bytes);
  for (size_t at = 0; at < entries.size(); at += table_entry_bytes) {
    frames.ends.push_back(get_be64(as_text(Bytes(entries).subspan(at, table_entry_bytes))));
  }
  for (size_t i = 1; i < frames.ends.size(); ++i) {
    const uint64_t begin = frames.ends[i - 1];
    const uint64_t end = frames.ends[i];
    if (end <= begin + frame_overhead || end > table || end - begin > 2 * frame_bytes) {
      return fail(Errc::corrupt, fmt::format("the frame table of blob {} is damaged", segment_.blob.text()));
    }
  }
  return frames;
}

Result<void> SegmentReader::open_frames(const Frames& frames, Bytes sealed, MutableBytes plain) {
  std::vector<std::byte> packed;
  size_t done = 0;
  for (uint64_t i = 0; i < frames.count; ++i) {
    const Bytes stored = sealed.subspan(frames.ends[i] - frames.ends.front(), frames.ends[i + 1] - frames.ends[i]);
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

Task<Result<Bytes>> ReadAhead::next(bool may_help) {
  if (home_ == nullptr) home_ = Executor::current();  // once, before any turn: later the pool reads it at any time
  if (std::exchange(holds_, false)) ++taken_;
  for (;;) {
    begin_work();
    const bool ended = ended_;  // looked at before read_: the last chunk is counted first
    if (read_ > taken_) {
      holds_ = true;
      co_return ring_[taken_ % ring_chunks].bytes;
    }
    if (ended) {
      if (!outcome_) co_return std::unexpected(outcome_.error());
      co_return Bytes();
    }
    if (may_help && help()) continue;
    arrived_.reset();
    waiting_ = true;
    // The work may have ended its step before it could see that we wait.
    if (read_ == taken_ && !ended_) co_await arrived_.wait();
  }
}

// By both sides: whoever takes sees that there is room, or the work sees it when it has ended its turn.
void ReadAhead::begin_work() {
  if (ended_ || stopped_ || free_slots() < ring_wakeup_chunks) return;
  Work none = Work::none;
  if (!work_.compare_exchange_strong(none, Work::wanted) || submitted_.exchange(true)) return;
  pool_.submit([self = shared_from_this()] { self->take_turn(); });
}

// On the pool.
void ReadAhead::take_turn() {
  submitted_ = false;
  if (!begin_turn(Work::wanted)) return;  // it was done without us
  for (int i = 0; may_go_on(pool_, i) && free_slots() > 0 && !stopped_ && !ended_; ++i) {
    read_one(true);
    if (waiting_.exchange(false)) home_->post([self = shared_from_this()] { self->arrived_.set(); });
  }
  work_ = Work::none;
  begin_work();
}

// By whoever has the turn, with a free slot. False: nothing was done, for the disk would have had to be waited for.
bool ReadAhead::read_one(bool may_wait) {
  SegmentReader::Chunk& chunk = ring_[read_ % ring_chunks];
  if (may_wait) {
    outcome_ = reader_.next(chunk, chunk_frames);
  } else {
    const auto is_read = reader_.next_if_cached(chunk, chunk_frames);
    if (is_read && !*is_read) return false;
    outcome_ = is_read ? Result<void>() : std::unexpected(is_read.error());
  }
  if (outcome_) ++read_;
  if (!outcome_ || reader_.left() == 0) ended_ = true;
  return true;
}

// By who takes, when nothing has been read. True: it is worth looking again.
bool ReadAhead::help() {
  if (!begin_turn(Work::wanted) && !begin_turn(Work::none)) return false;
  const bool is_there = read_ > taken_ || ended_;  // a turn of the pool has just been
  const bool is_read = is_there || read_one(false);
  work_ = Work::none;
  begin_work();
  return is_read;
}

// Until there are bytes in rest_, or the end is reached.
Task<Result<void>> SegmentSource::fill() {
  if (!rest_.empty()) co_return Result<void>();
  if (ahead_ == nullptr && !is_first_ && reader_->left() > chunk_bytes) {
    ahead_ = std::make_shared<ReadAhead>(pool_, std::move(*reader_));
    reader_.reset();
  }
  if (ahead_ != nullptr) {
    CO_TRY(rest_, co_await ahead_->next(Executor::current() != home_));
    co_return Result<void>();
  }
  if (reader_->left() == 0) co_return Result<void>();
  const size_t frames = is_first_ ? 1 : chunk_frames;
  bool is_read = false;
  if (is_first_ || Executor::current() != home_) {
    CO_TRY(is_read, reader_->next_if_cached(chunk_, frames));
  }
  if (!is_read) CO_CHECK(co_await pool_.run([&] { return reader_->next(chunk_, frames); }));
  is_first_ = false;
  rest_ = chunk_.bytes;
  co_return Result<void>();
}

Task<Result<size_t>> SegmentSource::read(MutableBytes buffer) {
  CO_CHECK(co_await fill());
  const size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  co_return count;
}

Task<Result<Bytes>> SegmentSource::lend() {
  CO_CHECK(co_await fill());
  co_return std::exchange(rest_, {});
}

}  // namespace boreal::objects
