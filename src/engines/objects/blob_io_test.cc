// The pipelines between sources and blobs, over blobs that are kept in memory and fail when told to.
#include "objects/blob_io.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "objects/testing.h"

namespace boreal::objects {
namespace {

class MemoryWriter final : public BlobWriter {
 public:
  explicit MemoryWriter(int appends_until_failure = -1) : left_(appends_until_failure) {}
  Result<void> append(Bytes data) override {
    if (left_ == 0) return fail(Errc::no_space, "full");
    --left_;
    text_ += as_text(data);
    return {};
  }
  Result<void> finish() override {
    finished_ = true;
    return {};
  }
  const std::string& text() const { return text_; }
  bool finished() const { return finished_; }

 private:
  int left_;
  std::string text_;
  bool finished_ = false;
};

class MemoryReader final : public BlobReader {
 public:
  // `cached_bytes`: so many at its beginning can be read without waiting.
  // `gate`: each read that waits passes it once.
  explicit MemoryReader(std::string text, uint64_t cached_bytes = 0, std::counting_semaphore<>* gate = nullptr)
      : text_(std::move(text)), cached_bytes_(cached_bytes), gate_(gate) {}
  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (gate_ != nullptr) gate_->acquire();
    reader_ = std::this_thread::get_id();
    ++*waiting_reads_;
    return copy(offset, out);
  }
  Result<bool> read_cached_at(uint64_t offset, MutableBytes out) override {
    if (offset + out.size() > cached_bytes_) return false;
    reader_ = std::this_thread::get_id();
    CHECK(copy(offset, out));
    return true;
  }
  Result<uint64_t> size() override { return text_.size(); }
  std::shared_ptr<const std::atomic<int>> waiting_reads() const { return waiting_reads_; }
  const std::atomic<std::thread::id>& reader() const { return reader_; }
  std::weak_ptr<const int> life() const { return life_; }

 private:
  Result<void> copy(uint64_t offset, MutableBytes out) const {
    if (offset + out.size() > text_.size()) return fail(Errc::corrupt, "the blob ends too early");
    std::memcpy(out.data(), text_.data() + offset, out.size());
    return {};
  }

  const std::string text_;
  const uint64_t cached_bytes_;
  std::counting_semaphore<>* const gate_;
  const std::shared_ptr<const int> life_ = std::make_shared<int>();
  const std::shared_ptr<std::atomic<int>> waiting_reads_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<std::thread::id> reader_;  // the thread that read last
};

// Gives pieces of all sizes, and after `fail_at` bytes an error, or the exception of a bug.
class UnevenSource final : public Source {
 public:
  UnevenSource(std::string_view text, uint64_t seed, size_t fail_at = SIZE_MAX, bool throws = false)
      : text_(text), random_(seed), fail_at_(fail_at), throws_(throws) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (given_ >= fail_at_ && throws_) throw std::runtime_error("a bug");
    if (given_ >= fail_at_) co_return fail(Errc::io, "the client went away");
    const size_t size = std::min({buffer.size(), 1 + size_t{random_.below(300'000)}, text_.size() - given_});
    std::memcpy(buffer.data(), text_.data() + given_, size);
    given_ += size;
    co_return size;
  }

 private:
  const std::string_view text_;
  SeededRandom random_;
  const size_t fail_at_;
  const bool throws_;
  size_t given_ = 0;
};

const Id salt{1, 2};
FrameCipher cipher() { return TestEngine::must(FrameCipher::make(as_bytes(std::string(data_key_bytes, 'k')), salt)); }

struct BlobIo : testing::Test {
  BlobIo() { pool.start(); }
  ~BlobIo() override { pool.stop(); }

  Task<Result<BlobPipeline::Sizes>> write(BlobWriter& writer, Source& source, bool compress, Digester* digester) {
    BlobPipeline pipeline(pool, writer, cipher(), compress, digester);
    co_return co_await pipeline.run("", source);
  }
  std::string stored(const std::string& plain, bool compress = false) {
    MemoryWriter writer;
    UnevenSource source(plain, plain.size());
    (void)TestEngine::must(executor.run(write(writer, source, compress, nullptr)));
    EXPECT_TRUE(writer.finished());
    return writer.text();
  }
  static SegmentReader reader_of(std::unique_ptr<BlobReader> blob, const std::string& plain, Range range,
                                 bool compressed, size_t stored_size) {
    Segment segment;
    segment.salt = salt;
    segment.offset = range.offset;
    segment.length = range.length;
    segment.plain_size = plain.size();
    segment.stored_size = stored_size;
    segment.compressed = compressed;
    return {std::move(blob), cipher(), segment};
  }
  // Made on the test's executor.
  Task<std::unique_ptr<Source>> make_source(SegmentReader reader) {
    co_return std::make_unique<SegmentSource>(pool, std::move(reader));
  }
  Task<Result<std::string>> read_all(SegmentReader reader) {
    const auto source = co_await make_source(std::move(reader));
    std::string text;
    for (;;) {
      CO_TRY(const Bytes bytes, co_await source->lend());
      if (bytes.empty()) co_return text;
      text += as_text(bytes);
    }
  }

  // Until each thread of the pool has ended what it was at.
  Task<void> settle() {
    std::barrier<> all(pool_threads);
    TaskGroup tasks;
    for (size_t i = 0; i < pool_threads; ++i) tasks.spawn(meet(all));
    co_await tasks.wait();
  }
  Task<void> meet(std::barrier<>& all) {
    co_await pool.run([&] { all.arrive_and_wait(); });
  }

  static constexpr size_t pool_threads = 3;
  TestExecutor executor;
  io::Pool pool{pool_threads};
};

std::string random_text(size_t size) { return SeededRandom(size).bytes(size); }

TEST_F(BlobIo, WhatGoesInComesOut) {
  for (const bool compress : {false, true}) {
    for (const size_t size : {size_t{0}, size_t{1}, frame_bytes, chunk_bytes - 1, chunk_bytes, chunk_bytes + 1,
                              ring_chunks * chunk_bytes, 20 * chunk_bytes + 12'345}) {
      const std::string plain = random_text(size);
      const std::string blob = stored(plain, compress);
      if (!compress) {
        EXPECT_EQ(blob.size(), stored_size_of(size));
      }
      if (size == 0) continue;
      for (const Range range : {Range{0, size}, Range{size / 3, size - size / 3}, Range{size - 1, 1}}) {
        for (const uint64_t cached : {uint64_t{0}, uint64_t{blob.size() / 2}, uint64_t{blob.size()}}) {
          auto reader = reader_of(std::make_unique<MemoryReader>(blob, cached), plain, range, compress, blob.size());
          const auto text = TestEngine::must(executor.run(read_all(std::move(reader))));
          EXPECT_TRUE(text == plain.substr(range.offset, range.length)) << size << " from " << range.offset;
        }
      }
    }
  }
}

TEST_F(BlobIo, HashesAllThatIsStored) {
  const std::string plain = random_text(30 * chunk_bytes + 7);
  Digester expected({Algorithm::crc32c});
  expected.update(as_bytes(plain));
  const auto wanted = expected.finish();
  Digester digester({Algorithm::crc32c});
  MemoryWriter writer;
  UnevenSource source(plain, 7);
  const auto sizes = TestEngine::must(executor.run(write(writer, source, false, &digester)));
  EXPECT_EQ(sizes.plain, plain.size());
  EXPECT_EQ(sizes.stored, writer.text().size());
  const auto digests = digester.finish();
  EXPECT_EQ(digests.md5, wanted.md5);
  EXPECT_EQ(digests.checksums, wanted.checksums);
}

// Belongs to another executor, where alone it may be read.
class FarSource final : public Source {
 public:
  FarSource(Source& inner, Executor& home) : inner_(inner), home_(home) {}
  Executor* home() const override { return &home_; }
  Task<Result<size_t>> read(MutableBytes buffer) override {
    EXPECT_EQ(Executor::current(), &home_);
    return inner_.read(buffer);
  }

 private:
  Source& inner_;
  Executor& home_;
};

// An executor with a thread of its own.
class Elsewhere {
 public:
  ~Elsewhere() {
    executor.post([this] { over_.set(); });
    thread_.join();
  }
  TestExecutor executor;

 private:
  Task<void> stay() { co_await over_.wait(); }
  Event over_;
  std::thread thread_{[this] { executor.run(stay()); }};
};

TEST_F(BlobIo, ReadsTheSourceWhereItIsAtHomeAndComesBack) {
  Elsewhere elsewhere;
  const std::string plain = random_text(30 * chunk_bytes + 7);
  for (const size_t fail_at : {SIZE_MAX, 7 * chunk_bytes}) {
    Digester digester({});
    MemoryWriter writer;
    UnevenSource near(plain, 5, fail_at);
    FarSource source(near, elsewhere.executor);
    const auto write_here = [&]() -> Task<Result<BlobPipeline::Sizes>> {
      auto sizes = co_await write(writer, source, false, &digester);
      EXPECT_EQ(Executor::current(), &executor);
      co_return sizes;
    };
    const auto sizes = executor.run(write_here());
    EXPECT_EQ(sizes.has_value(), fail_at == SIZE_MAX);
    EXPECT_EQ(writer.finished(), fail_at == SIZE_MAX);
    if (!sizes) continue;
    EXPECT_EQ(sizes->plain, plain.size());
    Digester expected({});
    expected.update(as_bytes(plain));
    EXPECT_EQ(digester.finish().md5, expected.finish().md5);
  }
}

TEST_F(BlobIo, AFailedWriteEndsIt) {
  const std::string plain = random_text(20 * chunk_bytes);
  for (const int appends : {0, 1, 5, 19}) {
    Digester digester({});
    MemoryWriter writer(appends);
    UnevenSource source(plain, 3);
    const auto sizes = executor.run(write(writer, source, false, &digester));
    ASSERT_FALSE(sizes.has_value()) << appends;
    EXPECT_EQ(sizes.error().code(), Errc::no_space);
    EXPECT_FALSE(writer.finished());
  }
}

TEST_F(BlobIo, AFailedSourceEndsIt) {
  const std::string plain = random_text(20 * chunk_bytes);
  for (const bool throws : {false, true}) {
    for (const size_t bytes : {size_t{0}, chunk_bytes / 2, 10 * chunk_bytes}) {
      Digester digester({});
      MemoryWriter writer;
      UnevenSource source(plain, 3, bytes, throws);
      const auto sizes = executor.run(write(writer, source, false, &digester));
      ASSERT_FALSE(sizes.has_value()) << bytes;
      EXPECT_EQ(sizes.error().code(), throws ? Errc::internal : Errc::io);
      EXPECT_FALSE(writer.finished());
    }
  }
}

TEST_F(BlobIo, DamageIsToldAfterTheGoodBytesBeforeIt) {
  const std::string plain = random_text(10 * chunk_bytes);
  std::string blob = stored(plain);
  const uint64_t bad_frame = 7 * chunk_frames + 1;  // the first frame comes by itself
  blob[frame_offset(bad_frame) + 100] ^= 1;
  const auto source = executor.run(
      make_source(reader_of(std::make_unique<MemoryReader>(blob), plain, {0, plain.size()}, false, blob.size())));
  std::string good;
  auto bytes = executor.run(source->lend());
  for (; bytes; bytes = executor.run(source->lend())) good += as_text(*bytes);
  EXPECT_EQ(bytes.error().code(), Errc::corrupt);
  EXPECT_TRUE(good == plain.substr(0, bad_frame * frame_bytes)) << good.size();
}

// The first frame, and away from home a short rest, come from memory without another thread.
TEST_F(BlobIo, ReadsInPlaceWhatNeedsNoWaiting) {
  const std::string plain = random_text(frame_bytes + chunk_bytes);
  const std::string blob = stored(plain);
  for (const bool is_cached : {true, false}) {
    auto memory = std::make_unique<MemoryReader>(blob, is_cached ? blob.size() : frame_offset(1));
    const MemoryReader& reader = *memory;
    const auto source =
        executor.run(make_source(reader_of(std::move(memory), plain, {0, plain.size()}, false, blob.size())));
    EXPECT_EQ(TestEngine::must(executor.run(source->lend())).size(), frame_bytes);
    EXPECT_EQ(reader.reader().load(), std::this_thread::get_id());
    TestExecutor away;
    EXPECT_EQ(TestEngine::must(away.run(source->lend())).size(), chunk_bytes);
    EXPECT_EQ(reader.reader().load() == std::this_thread::get_id(), is_cached);
    EXPECT_TRUE(TestEngine::must(away.run(source->lend())).empty());
  }
}

// What the pool does not come to, who takes does, where the disk need not be waited for.
TEST_F(BlobIo, IsReadByWhoTakesWhileThePoolIsBusy) {
  const std::string plain = random_text(frame_bytes + 9 * chunk_bytes + 5);
  const std::string blob = stored(plain);
  // Held by whoever waits at it: one of them may come to it only after all has been read by the others.
  const auto busy = std::make_shared<std::counting_semaphore<>>(0);
  for (size_t i = 0; i < pool_threads; ++i) pool.submit([busy] { busy->acquire(); });
  const uint64_t cached = frame_offset(1 + 4 * chunk_frames);
  auto memory = std::make_unique<MemoryReader>(blob, cached);
  const auto waited = memory->waiting_reads();
  const auto source =
      executor.run(make_source(reader_of(std::move(memory), plain, {0, plain.size()}, false, blob.size())));
  std::string got;
  TestExecutor away;
  const auto take = [&] {
    const Bytes bytes = TestEngine::must(away.run(source->lend()));
    got += as_text(bytes);
    return !bytes.empty();
  };
  while (got.size() < frame_bytes + 4 * chunk_bytes && take()) {
  }
  EXPECT_EQ(got.size(), frame_bytes + 4 * chunk_bytes);
  EXPECT_EQ(waited->load(), 0);
  busy->release(pool_threads);  // the rest must be waited for
  while (take()) {
  }
  EXPECT_TRUE(got == plain);
  EXPECT_GE(waited->load(), 6);
}

// The pool and who takes are after the same chunks.
TEST_F(BlobIo, IsReadByBoth) {
  const std::string plain = random_text(40 * chunk_bytes + 77);
  const std::string blob = stored(plain);
  for (int round = 0; round < 10; ++round) {
    auto memory =
        std::make_unique<MemoryReader>(blob, frame_offset(chunk_frames * static_cast<uint64_t>(50 - 5 * round)));
    const auto source =
        executor.run(make_source(reader_of(std::move(memory), plain, {0, plain.size()}, false, blob.size())));
    TestExecutor away;
    std::string got;
    for (;;) {
      const Bytes bytes = TestEngine::must(away.run(source->lend()));
      if (bytes.empty()) break;
      got += as_text(bytes);
    }
    EXPECT_TRUE(got == plain) << round;
  }
}

// It reads no more than the ring holds, and not on for one who has gone.
TEST_F(BlobIo, ReadsNoFurtherAheadThanWanted) {
  const std::string plain = random_text(30 * chunk_bytes);
  const std::string blob = stored(plain);
  std::counting_semaphore<> gate(0);
  auto memory = std::make_unique<MemoryReader>(blob, 0, &gate);
  const auto passed = memory->waiting_reads();
  const std::weak_ptr<const int> alive = memory->life();
  auto ahead =
      std::make_shared<ReadAhead>(pool, reader_of(std::move(memory), plain, {0, plain.size()}, false, blob.size()));
  gate.release(ring_chunks);
  (void)TestEngine::must(executor.run(ahead->next(false)));
  // The whole ring is read, and its turn has ended, before the pool comes to what is put behind it on each thread.
  while (*passed < static_cast<int>(ring_chunks)) std::this_thread::yield();
  gate.release(100);
  executor.run(settle());
  EXPECT_EQ(passed->load(), static_cast<int>(ring_chunks));

  // The next takes make room for more.
  for (size_t i = 0; i < ring_chunks; ++i) (void)TestEngine::must(executor.run(ahead->next(false)));
  ahead->stop();
  ahead.reset();
  while (!alive.expired()) std::this_thread::yield();
  EXPECT_LE(passed->load(), static_cast<int>(2 * ring_chunks) + 1);
}

TEST_F(BlobIo, CopiesABlobAsItLies) {
  const std::string blob = random_text(3 * chunk_bytes + 5);
  MemoryReader from(blob);
  MemoryWriter to;
  TestEngine::must(executor.run(copy_blob(pool, from, blob.size(), to)));
  EXPECT_TRUE(to.text() == blob);
  EXPECT_TRUE(to.finished());
}

}  // namespace
}  // namespace boreal::objects
