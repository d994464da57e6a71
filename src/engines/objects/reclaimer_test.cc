// Freeing what nobody refers to any more: across restarts, beneath writers, and no longer than a stop may take.
#include "objects/reclaimer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <semaphore>

#include "base/sync.h"
#include "io/fault.h"
#include "objects/index_keys.h"
#include "objects/record.h"
#include "objects/testing.h"
#include "store/testing.h"

namespace boreal::objects {
namespace {

TEST(Restart, GoesOnFreeingADroppedBucket) {
  const io::TempFolder folder;
  {
    TestEngine engine(folder.path());
    for (const char* bucket : {"gone", "kept"}) {
      TestEngine::must(engine.run(engine.objects().create_bucket(bucket)));
      const auto upload = engine.run(engine.objects().create_upload({bucket, "key", {}, test_data_key().wrapped}));
      TextSource source(std::string(100'000, 'p'));
      PartRequest part{bucket, "key", upload->id, 1, {}, {}, &engine.keys};
      ASSERT_TRUE(engine.run(engine.objects().put_part(std::move(part), source)));
    }
    // Nothing may be freed in this run: the files cannot be removed.
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, EIO, "/blobs/", true);
    ASSERT_TRUE(engine.run(engine.objects().drop_bucket("gone")));
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()).size(), 2u);
  }
  TestEngine engine(folder.path(), nullptr, 2);
  EXPECT_EQ(engine.objects().buckets(), std::vector<std::string>{"kept"});
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 1u);
  EXPECT_FALSE(engine.store().scan("bucket.gone", "")->valid());
}

Task<void> put_large(Objects& objects, std::string bucket, Result<Version>& made) {
  PutRequest request;
  request.bucket = std::move(bucket);
  request.key = "key";
  request.data_key = test_data_key();
  TextSource source(std::string(100'000, 'x'));
  made = co_await objects.put(std::move(request), source);
}

// A blob's file is about to be made when the bucket is dropped and freed, and is made only then.
struct LateFile {
  std::binary_semaphore begun{0};
  std::binary_semaphore go_on{0};
  std::atomic<bool> is_first = true;
  Result<Version> made;

  void operator()(io::Operation operation, std::string_view path) {
    if (operation != io::Operation::create || !path.contains("/blobs/") || !is_first.exchange(false)) return;
    begun.release();
    go_on.acquire();
  }
};

Task<void> drop_beneath(TestEngine& engine, std::string bucket, LateFile& file, io::Faults& faults, bool is_stuck) {
  TaskGroup group;
  group.spawn(put_large(engine.objects(), bucket, file.made));
  co_await engine.pool().run([&] { file.begun.acquire(); });
  EXPECT_TRUE(co_await engine.objects().drop_bucket(bucket));
  co_await engine.objects().reclaim_now();
  if (is_stuck) faults.fail(io::Operation::remove, 1, EIO, "/blobs/", true);
  file.go_on.release();
  co_await group.wait();
  co_await engine.objects().reclaim_now();
}

TEST(Reclaiming, FindsWhatIsBegunInADroppedBucket) {
  const io::TempFolder folder;
  for (const bool is_stuck : {false, true}) {
    const std::string bucket = is_stuck ? "stuck" : "gone";
    TestEngine engine(folder.path(), nullptr, is_stuck ? 1 : 2);
    TestEngine::must(engine.run(engine.objects().create_bucket(bucket)));
    LateFile file;
    io::Faults faults;
    faults.before_each(std::ref(file));
    engine.run(drop_beneath(engine, bucket, file, faults, is_stuck));
    EXPECT_EQ(file.made.error().code(), Errc::not_found);
    EXPECT_EQ(blob_files(folder.path()).size(), is_stuck ? 1u : 0u);
    EXPECT_EQ(engine.store().scan("bucket." + bucket, "")->valid(), is_stuck);
  }
  TestEngine engine(folder.path(), nullptr, 3);
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u) << "its id was on record";
  EXPECT_FALSE(engine.store().scan("bucket.stuck", "")->valid());
}

TEST(Reclaiming, WhatCannotBeFreedHoldsUpNothingElse) {
  const io::TempFolder folder;
  ::testing::internal::CaptureStderr();
  {
    TestEngine engine(folder.path());
    TestEngine::must(engine.run(engine.objects().create_bucket("b")));
    store::Batch batch("bucket.b");
    batch.put(index::garbage({0, 1}), "no record of garbage");
    TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
    ASSERT_TRUE(engine.put("b", "stuck", std::string(40'000, 'x')));
    const io::Path stuck = blob_files(folder.path()).front();
    for (const char* key : {"k1", "k2"}) ASSERT_TRUE(engine.put("b", key, std::string(40'000, 'x')));
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, EIO, stuck, true);
    for (const char* key : {"stuck", "k1", "k2"}) ASSERT_TRUE(engine.remove("b", key));
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()), std::vector{stuck});
  }
  {
    // The same of what a run has begun and not committed.
    TestEngine engine(folder.path(), nullptr, 2);
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()).size(), 0u);
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, EIO, "/blobs/", true);
    for (const char* key : {"k1", "k2"}) {
      PutRequest request;
      request.bucket = "b";
      request.key = key;
      request.data_key = test_data_key();
      request.accept = [](const Digests&) -> Result<void> { return fail(Errc::invalid, "not this one"); };
      TextSource source(std::string(40'000, 'x'));
      ASSERT_FALSE(engine.run(engine.objects().put(std::move(request), source)));
    }
  }
  ASSERT_EQ(blob_files(folder.path()).size(), 2u);
  io::Faults faults;
  faults.fail(io::Operation::remove, 1, EIO, blob_files(folder.path()).front(), true);
  TestEngine engine(folder.path(), nullptr, 3);
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 1u);
  ::testing::internal::GetCapturedStderr();
}

TEST(Reclaiming, PartsWhoseBlobsCannotBeRemovedStayOnRecord) {
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  const auto upload = engine.run(engine.objects().create_upload({"b", "key", {}, test_data_key().wrapped}));
  for (uint32_t number = 1; number <= 3; ++number) {
    TextSource source(std::string(40'000, 'p'));
    PartRequest part{"b", "key", upload->id, number, {}, {}, &engine.keys};
    ASSERT_TRUE(engine.run(engine.objects().put_part(std::move(part), source)));
  }
  const io::Path stuck = blob_files(folder.path()).front();
  {
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, EIO, stuck, true);
    ASSERT_TRUE(engine.run(engine.objects().abort_upload("b", "key", upload->id)));
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()), std::vector{stuck});
  }
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
  for (const char* range : {"p", "q"}) EXPECT_FALSE(engine.store().scan("bucket.b", range)->valid()) << range;
}

size_t count_of(std::string_view what, const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Reclaiming, WhatCannotBeFreedIsLoggedOnceAnHour) {
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  ASSERT_TRUE(engine.put("b", "k", std::string(40'000, 'x')));
  const auto look = [&] {
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < 3; ++i) engine.run(engine.objects().reclaim_now());
    return ::testing::internal::GetCapturedStderr();
  };
  ::testing::internal::CaptureStderr();
  for (const int why : {EIO, EACCES}) {
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, why, "/blobs/", true);
    if (why == EIO) ASSERT_TRUE(engine.remove("b", "k"));
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(count_of("cannot free unused data", ::testing::internal::GetCapturedStderr()), 1u) << why;
    EXPECT_EQ(look(), "");
    engine.clock.advance(std::chrono::hours(1));
    EXPECT_EQ(count_of("cannot free unused data", look()), 1u);
    ::testing::internal::CaptureStderr();
  }
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(count_of("is freed now", ::testing::internal::GetCapturedStderr()), 1u);
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
  EXPECT_EQ(look(), "");
}

// A page of them holds 64; `is_dropped`: all of the bucket goes, and the upload with it.
TEST(Reclaiming, PartsBehindAStuckOneAreFreed) {
  constexpr uint32_t count = 70;
  for (const bool is_dropped : {false, true}) {
    const io::TempFolder folder;
    TestEngine engine(folder.path());
    TestEngine::must(engine.run(engine.objects().create_bucket("b")));
    const auto upload = engine.run(engine.objects().create_upload({"b", "key", {}, test_data_key().wrapped}));
    io::Path stuck;
    for (uint32_t number = 1; number <= count; ++number) {
      TextSource source(std::string(100, 'p'));
      PartRequest part{"b", "key", upload->id, number, {}, {}, &engine.keys};
      ASSERT_TRUE(engine.run(engine.objects().put_part(std::move(part), source)));
      if (number == 1) stuck = blob_files(folder.path()).front();
    }
    ::testing::internal::CaptureStderr();
    {
      io::Faults faults;
      faults.fail(io::Operation::remove, 1, EIO, stuck, true);
      ASSERT_TRUE(is_dropped ? engine.run(engine.objects().drop_bucket("b"))
                             : engine.run(engine.objects().abort_upload("b", "key", upload->id)));
      engine.run(engine.objects().reclaim_now());
      EXPECT_EQ(blob_files(folder.path()), std::vector{stuck});
      size_t on_record = 0;
      for (const auto left = engine.store().scan("bucket.b", "p"); left->valid(); left->next()) ++on_record;
      EXPECT_EQ(on_record, 1u);
    }
    engine.run(engine.objects().reclaim_now());
    ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(blob_files(folder.path()).size(), 0u);
    for (const char* range : {"p", "q"}) EXPECT_FALSE(engine.store().scan("bucket.b", range)->valid()) << range;
  }
}

// Its bytes would lie about until the next start, at each try.
TEST(Reclaiming, APartWhosePredecessorCannotBeReadLeavesNothing) {
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  const auto upload = engine.run(engine.objects().create_upload({"b", "key", {}, test_data_key().wrapped}));
  store::Batch batch("bucket.b");
  batch.put(index::part(upload->id, 1), "no record of a part");
  TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
  TextSource source(std::string(40'000, 'p'));
  PartRequest part{"b", "key", upload->id, 1, {}, {}, &engine.keys};
  EXPECT_EQ(engine.run(engine.objects().put_part(std::move(part), source)).error().code(), Errc::corrupt);
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
}

// Takes a tenth of what a store does, so that a test need not make ten times as much.
class SmallStore final : public store::FillingStore {
 public:
  explicit SmallStore(std::unique_ptr<store::Store> inner) : FillingStore(*inner), inner_(std::move(inner)) {}
  Task<Result<void>> commit(store::Batch batch) override {
    size_t bytes = 0;
    for (const auto& write : batch.writes()) bytes += batch.partition().size() + write.key.size();
    if (bytes > store::max_batch_bytes / 10) co_return fail(Errc::too_large, "too much at once");
    co_return co_await FillingStore::commit(std::move(batch));
  }

 private:
  const std::unique_ptr<store::Store> inner_;
};

// Else none of them would ever be freed, nor what came behind them.
TEST(Reclaiming, UploadsOfMoreThanABatchHoldsAreFreed) {
  constexpr uint64_t uploads = 5;
  const std::string bucket(64, 'b'), partition = index::partition_of(bucket);
  const io::TempFolder folder;
  TestEngine engine(folder.path(), std::make_unique<SmallStore>(store::memory_store()));
  TestEngine::must(engine.run(engine.objects().create_bucket(bucket)));
  for (uint64_t i = 1; i <= uploads; ++i) {
    store::Batch batch(partition);
    for (uint32_t number = 1; number <= max_parts; ++number) {
      Part part;
      part.number = number;
      batch.put(index::part({i, 0}, number), encode(part));
    }
    Garbage garbage;
    garbage.upload = {i, 0};
    batch.put(index::garbage({i, 0}), encode(garbage));
    TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
  }
  // Frees all of them, as it is the first that it hears of the bucket since.
  ASSERT_TRUE(engine.put(bucket, "k", std::string(40'000, 'x')));
  ASSERT_TRUE(engine.remove(bucket, "k"));
  engine.run(engine.objects().reclaim_now());
  for (const char* range : {"p", "q"}) EXPECT_FALSE(engine.store().scan(partition, range)->valid()) << range;
}

// Else 32 clients that put objects anew would leave old ones faster than they are freed.
TEST(Reclaiming, WaitsForTheDiskOnceForMany) {
  constexpr int count = 100;
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  std::vector<Found> read;
  for (int i = 0; i < count; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(engine.put("b", key, std::string(40'000, 'x')));
    read.push_back(TestEngine::must(engine.run(engine.objects().find("b", key, Select::latest(), false))));
    ASSERT_TRUE(engine.remove("b", key));
  }
  io::Faults faults;
  engine.on_executor([&] { read.clear(); });
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
  size_t syncs = 0;
  bool is_synced = true;  // since the last removal
  for (const std::string& step : faults.trace()) {
    if (!step.contains("/blobs/")) continue;
    if (step.starts_with("remove ")) is_synced = false;
    if (!step.starts_with("sync")) continue;
    ++syncs;
    is_synced = true;
  }
  EXPECT_TRUE(is_synced);
  EXPECT_LT(syncs, count / 4);
}

// A file that is gone may come back after a crash if who removed it did not come to the sync; nothing would name it.
TEST(Reclaiming, SyncsWhatItFindsRemoved) {
  const io::TempFolder folder;
  io::Path file;
  {
    TestEngine engine(folder.path());
    TestEngine::must(engine.run(engine.objects().create_bucket("b")));
    ASSERT_TRUE(engine.put("b", "k", std::string(40'000, 'x')));
    file = blob_files(folder.path()).front();
    io::Faults faults;
    faults.fail(io::Operation::sync, 1, EIO, "/blobs/");
    ASSERT_TRUE(engine.remove("b", "k"));
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()).size(), 0u);
    EXPECT_TRUE(engine.store().scan("bucket.b", "q")->valid()) << "the next start's";
  }
  io::Faults faults;
  TestEngine engine(folder.path(), nullptr, 2);
  engine.run(engine.objects().reclaim_now());
  EXPECT_FALSE(engine.store().scan("bucket.b", "q")->valid());
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + file.substr(0, file.rfind('/'))), 1);
}

// What is not found there is not gone; nothing would name it once the tier is mounted again.
TEST(Reclaiming, WhatIsFreedWhileItsTierIsNotMountedIsTriedAgain) {
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  ASSERT_TRUE(engine.put("b", "k", std::string(40'000, 'x')));
  const io::Path tier = folder / "blobs/standard", aside = folder / "aside";
  TestEngine::must(io::rename(tier, aside));
  TestEngine::must(io::make_folders(tier));
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(engine.remove("b", "k"));
  engine.run(engine.objects().reclaim_now());
  EXPECT_TRUE(::testing::internal::GetCapturedStderr().contains("mount it again"));
  EXPECT_TRUE(engine.store().scan("bucket.b", "q")->valid());
  TestEngine::must(io::remove_tree(tier));
  TestEngine::must(io::rename(aside, tier));
  ASSERT_EQ(blob_files(folder.path()).size(), 1u);
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
  EXPECT_FALSE(engine.store().scan("bucket.b", "q")->valid());
}

// Of one bucket. Else the disk would fill up until that tier is back.
TEST(Reclaiming, MuchThatLiesInATierThatIsAwayHoldsUpNothingBehindIt) {
  constexpr uint64_t count = 600;  // more than are looked at together
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  ASSERT_TRUE(engine.put("b", "cold", std::string(40'000, 'x')));
  ASSERT_TRUE(engine.run(engine.objects().move_to_tier("b", "cold", Select::latest(), "cold", &engine.keys)));
  engine.run(engine.objects().reclaim_now());
  store::Batch batch("bucket.b");
  for (uint64_t i = 1; i <= count; ++i) {
    Segment segment;
    segment.blob = segment.salt = segment.referrer = {1, i};
    segment.tier = "cold";
    segment.length = segment.plain_size = segment.stored_size = 40'000;
    Garbage garbage;
    garbage.segments.push_back(std::move(segment));
    batch.put(index::garbage({1, i}), encode(garbage));
  }
  TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
  ASSERT_TRUE(engine.put("b", "here", std::string(40'000, 'x')));
  ::testing::internal::CaptureStderr();
  {
    io::Faults faults;
    faults.fail(io::Operation::remove, 1, EIO, "/blobs/cold/", true);
    ASSERT_TRUE(engine.remove("b", "here"));
    for (int i = 0; i < 10; ++i) engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blobs_of_tier(folder / "blobs/standard").size(), 0u);
    EXPECT_TRUE(engine.store().scan("bucket.b", "q")->valid());
  }
  // What was passed over is not forgotten.
  for (int i = 0; i < 2; ++i) engine.run(engine.objects().reclaim_now());
  ::testing::internal::GetCapturedStderr();
  EXPECT_FALSE(engine.store().scan("bucket.b", "q")->valid());
  EXPECT_EQ(blobs_of_tier(folder / "blobs/cold").size(), 1u);
}

// So many writes wait, or so little room is left, that those which would name an object or a part are refused.
class BusyStore final : public store::FillingStore {
 public:
  explicit BusyStore(std::unique_ptr<store::Store> inner) : FillingStore(*inner), inner_(std::move(inner)) {}
  Task<Result<void>> commit(store::Batch batch) override {
    const bool is_named = std::ranges::any_of(batch.writes(), [](const auto& write) {
      return write.value && (write.key.starts_with('k') || write.key.starts_with('p'));
    });
    if (is_busy && is_named) co_return fail(why, "try later");
    co_return co_await FillingStore::commit(std::move(batch));
  }
  bool is_busy = false;
  Errc why = Errc::unavailable;

 private:
  const std::unique_ptr<store::Store> inner_;
};

// Large objects would fill the disk until the next start.
class RefusedWrites : public ::testing::TestWithParam<Errc> {};
INSTANTIATE_TEST_SUITE_P(Reasons, RefusedWrites, ::testing::Values(Errc::unavailable, Errc::no_space));

TEST_P(RefusedWrites, AreNotThereSoTheirBytesGoAtOnce) {
  const io::TempFolder folder;
  auto made = std::make_unique<BusyStore>(store::memory_store());
  BusyStore& disk = *made;
  disk.why = GetParam();
  TestEngine engine(folder.path(), std::move(made));
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  ASSERT_TRUE(engine.put("b", "k", std::string(40'000, 'x')));
  const auto upload = engine.run(engine.objects().create_upload({"b", "u", {}, test_data_key().wrapped}));
  disk.is_busy = true;
  EXPECT_EQ(engine.put("b", "other", std::string(40'000, 'x')).error().code(), GetParam());
  PartRequest part{"b", "u", upload->id, 1, {}, {}, &engine.keys};
  TextSource source(std::string(40'000, 'x'));
  EXPECT_EQ(engine.run(engine.objects().put_part(std::move(part), source)).error().code(), GetParam());
  const auto moved = engine.run(engine.objects().move_to_tier("b", "k", Select::latest(), "cold", &engine.keys));
  EXPECT_EQ(moved.error().code(), GetParam());
  CopyRequest copy;
  copy.source = TestEngine::must(engine.run(engine.objects().find("b", "k", Select::latest(), true)));
  copy.bucket = "b";
  copy.key = "copy";
  EXPECT_EQ(engine.run(engine.objects().copy(std::move(copy))).error().code(), GetParam());
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 1u);
  EXPECT_EQ(engine.get("b", "k").value(), std::string(40'000, 'x'));
  for (const char* range : {"t", "q"}) EXPECT_FALSE(engine.store().scan("bucket.b", range)->valid()) << range;
  disk.is_busy = false;
  ASSERT_TRUE(engine.remove("b", "k"));
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u) << "no copy holds it";
}

// Counts the references to blobs that are looked at one after the other.
class CountingStore final : public store::FillingStore {
 public:
  explicit CountingStore(std::unique_ptr<store::Store> inner) : FillingStore(*inner), inner_(std::move(inner)) {}
  std::unique_ptr<store::Cursor> scan(std::string_view partition, std::string_view prefix,
                                      const store::Snapshot* at) const override {
    auto cursor = FillingStore::scan(partition, prefix, at);
    const bool is_counted = partition == index::engine_partition && prefix.starts_with('s');
    return is_counted ? std::make_unique<CountingCursor>(std::move(cursor), steps) : std::move(cursor);
  }
  mutable int steps = 0;

 private:
  class CountingCursor final : public store::Cursor {
   public:
    CountingCursor(std::unique_ptr<Cursor> inner, int& steps) : inner_(std::move(inner)), steps_(steps) {}
    void seek(std::string_view key) override { inner_->seek(key); }
    void seek_before(std::string_view key) override { inner_->seek_before(key); }
    bool valid() const override { return inner_->valid(); }
    std::string_view key() const override { return inner_->key(); }
    std::string_view value() const override { return inner_->value(); }
    void next() override {
      ++steps_;
      inner_->next();
    }
    void previous() override { inner_->previous(); }
    Result<void> status() const override { return inner_->status(); }

   private:
    const std::unique_ptr<Cursor> inner_;
    int& steps_;
  };
  const std::unique_ptr<store::Store> inner_;
};

// Else what takes a moment on the loop for a copy takes seconds for the hundred thousandth.
TEST(Reclaiming, ACopyOfManyIsFreedWithoutALookAtTheOthers) {
  constexpr int copies = 200;
  const io::TempFolder folder;
  auto made = std::make_unique<CountingStore>(store::memory_store());
  const CountingStore& store = *made;
  TestEngine engine(folder.path(), std::move(made));
  TestEngine::must(engine.run(engine.objects().create_bucket("b")));
  ASSERT_TRUE(engine.put("b", "k", std::string(40'000, 'x')));
  const auto name = [](int i) { return "copy" + std::to_string(i); };
  for (int i = 0; i < copies; ++i) {
    CopyRequest copy;
    copy.source = TestEngine::must(engine.run(engine.objects().find("b", "k", Select::latest(), true)));
    copy.bucket = "b";
    copy.key = name(i);
    ASSERT_TRUE(engine.run(engine.objects().copy(std::move(copy))));
  }
  for (const int i : {0, copies / 2, copies - 1}) {
    ASSERT_TRUE(engine.remove("b", name(i)));
    engine.run(engine.objects().reclaim_now());
  }
  EXPECT_LT(store.steps, copies / 4);
  EXPECT_EQ(engine.get("b", name(1)).value(), std::string(40'000, 'x'));
  for (int i = 0; i < copies; ++i) ASSERT_TRUE(engine.remove("b", name(i)));
  ASSERT_TRUE(engine.remove("b", "k"));
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u);
  EXPECT_FALSE(engine.store().scan(index::engine_partition, "s")->valid());
}

TEST(Reclaiming, BucketsTakeTurns) {
  constexpr uint64_t many = 5000;
  const io::TempFolder folder;
  const auto add_garbage = [](TestEngine& engine, const std::string& bucket, uint64_t count, uint64_t salt) {
    TestEngine::must(engine.run(engine.objects().create_bucket(bucket)));
    store::Batch batch("bucket." + bucket);
    for (uint64_t i = 1; i <= count; ++i) {
      Garbage garbage;
      Segment& segment = garbage.segments.emplace_back();
      segment.blob = segment.salt = segment.referrer = {i, salt};
      segment.tier = "standard";
      batch.put(index::garbage({i, 0}), encode(garbage));
    }
    TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
  };
  {
    TestEngine engine(folder.path());
    add_garbage(engine, "a", many, 1);
    add_garbage(engine, "b", 1, 2);
  }
  io::Faults faults;
  TestEngine engine(folder.path(), nullptr, 2);
  engine.run(engine.objects().reclaim_now());
  auto trace = faults.trace();
  std::erase_if(trace,
                [](const std::string& step) { return !step.starts_with("remove ") || !step.contains("/blobs/"); });
  ASSERT_EQ(trace.size(), many + 1);
  const auto of_b =
      std::ranges::find_if(trace, [](const std::string& step) { return step.ends_with(Id{1, 2}.text()); });
  EXPECT_LT(of_b - trace.begin(), static_cast<ptrdiff_t>(many / 2));
}

TEST(Reclaiming, AStopDoesNotWaitForAllThatIsUnused) {
  constexpr int count = 600;  // more than the reclaimer takes in one step
  io::TempFolder folder;
  {
    TestEngine engine(folder.path());
    TestEngine::must(engine.run(engine.objects().create_bucket("b")));
    std::vector<Found> read;
    for (int i = 0; i < count; ++i) {
      const std::string key = "k" + std::to_string(i);
      ASSERT_TRUE(engine.put("b", key, std::string(40'000, 'x')));
      read.push_back(TestEngine::must(engine.run(engine.objects().find("b", key, Select::latest(), false))));
      ASSERT_TRUE(engine.remove("b", key));
    }
    engine.run(engine.objects().reclaim_now());
    EXPECT_EQ(blob_files(folder.path()).size(), size_t{count}) << "they are being read";
    engine.on_executor([&] { read.clear(); });
    engine.run(engine.objects().stop());
    EXPECT_GT(blob_files(folder.path()).size(), size_t{count / 2});
  }
  TestEngine engine(folder.path(), nullptr, 2);
  engine.run(engine.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder.path()).size(), 0u) << "what was left is freed after the next start";
}

}  // namespace
}  // namespace boreal::objects
