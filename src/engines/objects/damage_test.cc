// Flipped bits, full and failing disks.
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <random>

#include "base/resume_on.h"
#include "io/fault.h"
#include "objects/index_keys.h"
#include "objects/scrub.h"
#include "objects/testing.h"
#include "store/testing.h"

namespace boreal::objects {
namespace {

Task<void> no_sleep(Duration) { co_return; }

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : engine_(folder_.path(), store::memory_store()), scrubber_(engine_.objects(), no_sleep) {
    TestEngine::must(engine_.run(engine_.objects().create_bucket("d")));
    ::testing::internal::CaptureStderr();  // each damage found is logged
  }
  ~DamageTest() override { ::testing::internal::GetCapturedStderr(); }
  uint64_t damages() {
    const uint64_t before = scrubber_.report().damaged;
    return TestEngine::must(engine_.run(scrubber_.run_once())).damaged - before;
  }
  void flip(const io::Path& path, uint64_t bit) {
    auto file = TestEngine::must(io::File::open(path, io::File::Mode::read_write));
    std::array<std::byte, 1> byte;
    TestEngine::must(file.read_exactly_at(bit / 8, byte));
    byte[0] ^= std::byte{1} << (bit % 8);
    TestEngine::must(file.write_at(bit / 8, byte));
  }

  io::TempFolder folder_;
  TestEngine engine_;
  Scrubber scrubber_;
};

TEST_F(DamageTest, EveryFlippedBitOfABlobIsFoundAndNoneServed) {
  std::string body(150'000, 'x');
  for (size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>(i * 31);
  ASSERT_TRUE(engine_.put("d", "plain", body));
  ASSERT_TRUE(engine_.put("d", "packed", body));
  ASSERT_TRUE(engine_.run(engine_.objects().move_to_tier("d", "packed", Select::latest(), "cold", &engine_.keys)));
  engine_.run(engine_.objects().reclaim_now());
  EXPECT_EQ(damages(), 0u);
  const auto files = blob_files(folder_.path());
  ASSERT_EQ(files.size(), 2u);
  std::mt19937_64 chance(3);
  for (int i = 0; i < 300; ++i) {
    const auto& path = files[chance() % 2];
    const uint64_t bytes = TestEngine::must(TestEngine::must(io::File::open(path, io::File::Mode::read)).size());
    const uint64_t bit = i < 128 ? static_cast<uint64_t>(i) : chance() % (bytes * 8);  // the header first, every bit
    flip(path, bit);
    EXPECT_EQ(damages(), 1u) << path << " bit " << bit;
    for (const char* key : {"plain", "packed"}) {
      const auto content = engine_.get("d", key);
      if (content) {
        EXPECT_EQ(*content, body) << "bit " << bit;
      } else {
        EXPECT_EQ(content.error().code(), Errc::corrupt) << content.error().message();
      }
    }
    flip(path, bit);
  }
  EXPECT_EQ(damages(), 0u);
}

// Without a key bytes go as they lie; what is damaged must not take the place of what may be read well once more.
TEST_F(DamageTest, DamagedBytesAreNotMoved) {
  const std::string body(150'000, 'x');
  for (const bool packed : {false, true}) {
    const std::string key = packed ? "packed" : "plain", from = packed ? "cold" : "standard";
    ASSERT_TRUE(engine_.put("d", key, body));
    if (packed)
      ASSERT_TRUE(engine_.run(engine_.objects().move_to_tier("d", key, Select::latest(), from, &engine_.keys)));
    engine_.run(engine_.objects().reclaim_now());
    const auto path = blob_files(folder_.path()).front();
    const auto move = [&] {
      return engine_.run(
          engine_.objects().move_to_tier("d", key, Select::latest(), packed ? "standard" : "cold", nullptr));
    };
    for (const uint64_t byte : {8, 30}) {  // of the header, of a frame
      flip(path, byte * 8);
      const auto moved = move();
      ASSERT_FALSE(moved);
      EXPECT_EQ(moved.error().code(), Errc::corrupt);
      flip(path, byte * 8);
      engine_.run(engine_.objects().reclaim_now());
      EXPECT_EQ(blob_files(folder_.path()), std::vector{path});
    }
    ASSERT_TRUE(move());
    EXPECT_EQ(engine_.get("d", key).value(), body);
    ASSERT_TRUE(engine_.remove("d", key));
    engine_.run(engine_.objects().reclaim_now());
  }
}

TEST_F(DamageTest, FlippedBitsOfSmallObjectsAreFound) {
  ASSERT_TRUE(engine_.put("d", "small", "some bytes in the index"));
  const auto found = engine_.run(engine_.objects().find("d", "small", Select::latest(), true)).value();
  const std::string key = index::inline_data(found.version->id), value = found.inline_data;
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string flipped = value;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    store::Batch batch("bucket.d");
    batch.put_bulk(key, flipped);
    ASSERT_TRUE(engine_.run(engine_.store().commit(std::move(batch))));
    EXPECT_EQ(damages(), 1u) << bit;
    const auto content = engine_.get("d", "small");
    if (content) EXPECT_EQ(*content, "some bytes in the index");  // only the scrubber's CRC was hit
  }
}

TEST_F(DamageTest, CutAndMissingBlobsAreFound) {
  ASSERT_TRUE(engine_.put("d", "cut", std::string(200'000, 'c')));
  const auto path = blob_files(folder_.path()).front();
  {
    auto file = TestEngine::must(io::File::open(path, io::File::Mode::read_write));
    ASSERT_TRUE(file.truncate(100'000));
  }
  EXPECT_EQ(damages(), 1u);
  EXPECT_EQ(engine_.get("d", "cut").error().code(), Errc::corrupt);
  ASSERT_TRUE(io::remove_file(path));
  EXPECT_EQ(damages(), 1u);
  EXPECT_EQ(scrubber_.report().damages.back().key, "cut");
  EXPECT_EQ(engine_.get("d", "cut").error().code(), Errc::corrupt);
}

TEST_F(DamageTest, APartWhoseRecordCannotBeReadIsFound) {
  const Upload upload =
      TestEngine::must(engine_.run(engine_.objects().create_upload({"d", "k", {}, test_data_key().wrapped})));
  store::Batch batch("bucket.d");
  batch.put(index::part(upload.id, 1), "no record of a part");
  TestEngine::must(engine_.run(engine_.store().commit(std::move(batch))));
  EXPECT_EQ(damages(), 1u);
  EXPECT_EQ(scrubber_.report().damages.back().key, "k");
  ASSERT_TRUE(engine_.run(engine_.objects().abort_upload("d", "k", upload.id)));
  EXPECT_EQ(damages(), 0u);
}

// A scrubber at its pace, with a sleep of the test's own.
class ScrubPace : public ::testing::Test {
 protected:
  ScrubPace() : engine_(folder_.path(), store::memory_store()) {
    TestEngine::must(engine_.run(engine_.objects().create_bucket("d")));
  }
  Result<Part> put_part(const Upload& upload, uint32_t number) {
    TextSource body(std::string(200'000, 'p'));
    return engine_.run(engine_.objects().put_part(part_request(upload, number), body));
  }
  Upload begin_upload() {
    return TestEngine::must(engine_.run(engine_.objects().create_upload({"d", "k", {}, test_data_key().wrapped})));
  }
  void complete(const Upload& upload) {
    CompleteRequest request;
    request.bucket = "d";
    request.key = upload.key;
    request.upload = upload.id;
    request.numbers = {1, 2, 3};
    ASSERT_TRUE(engine_.run(engine_.objects().complete_upload(std::move(request))));
    engine_.run(engine_.objects().reclaim_now());
  }
  PartRequest part_request(const Upload& upload, uint32_t number) {
    return {"d", upload.key, upload.id, number, {}, {}, &engine_.keys};
  }
  Task<void> replace_once(const Upload& upload, uint32_t number, bool& done) {
    if (std::exchange(done, true)) co_return;
    TextSource body(std::string(300'000, 'q'));
    EXPECT_TRUE(co_await engine_.objects().put_part(part_request(upload, number), body));
    co_await engine_.objects().reclaim_now();
  }
  static Task<void> until_a_round_is_over(const Scrubber& scrubber, uint64_t rounds) {
    while (scrubber.report().rounds < rounds) co_await let_others_run();
  }
  void run_a_round(Scrubber& scrubber, uint64_t rounds = 1) {
    engine_.on_executor([&] { scrubber.start(); });
    engine_.run(until_a_round_is_over(scrubber, rounds));
    engine_.run(scrubber.stop());
  }

  io::TempFolder folder_;
  TestEngine engine_;
};

TEST_F(ScrubPace, APartThatIsUploadedAgainMeanwhileIsNoDamage) {
  const Upload upload = begin_upload();
  for (const uint32_t number : {1, 2}) ASSERT_TRUE(put_part(upload, number));
  bool replaced = false;
  // While the first part is read.
  Scrubber scrubber(engine_.objects(), [&](Duration) { return replace_once(upload, 2, replaced); },
                    {.bytes_per_second = 1 << 20});
  run_a_round(scrubber);
  EXPECT_TRUE(replaced);
  EXPECT_GE(scrubber.report().parts, 2u);
  EXPECT_EQ(scrubber.report().damaged, 0u) << scrubber.report().damages.front().what;
}

TEST_F(ScrubPace, ARoundAtOnceIsNotSleptForAfterwards) {
  ASSERT_TRUE(engine_.put("d", "k", std::string(2'000'000, 'x')));
  int64_t slept_ms = 0;
  const auto sleep = [&](Duration time) {
    slept_ms += time.count();
    return no_sleep(time);
  };
  Scrubber scrubber(engine_.objects(), sleep, {.bytes_per_second = 1'000'000, .pause_between_rounds = Duration(0)});
  for (int i = 0; i < 10; ++i) TestEngine::must(engine_.run(scrubber.run_once()));
  EXPECT_EQ(slept_ms, 0);
  run_a_round(scrubber, 11);
  EXPECT_LT(slept_ms, 10'000) << "for 2 MB at 1 MB/s";
}

TEST_F(ScrubPace, CountsWhatIsInEachBucket) {
  TestEngine::must(engine_.run(engine_.objects().create_bucket("e")));
  ASSERT_TRUE(engine_.put("d", "a", "four", Versioning::on));
  ASSERT_TRUE(engine_.put("d", "a", std::string(100'000, 'x'), Versioning::on));
  ASSERT_TRUE(engine_.put("d", "b", "five!", Versioning::on));
  ASSERT_TRUE(engine_.remove("d", "b", Versioning::on));
  const Upload upload =
      TestEngine::must(engine_.run(engine_.objects().create_upload({"d", "k", {}, test_data_key().wrapped})));
  ASSERT_TRUE(put_part(upload, 1));
  Scrubber scrubber(engine_.objects(), no_sleep);
  TestEngine::must(engine_.run(scrubber.run_once()));
  const BucketCount& count = scrubber.counts().at("d");
  EXPECT_EQ(count.objects, 1u);
  EXPECT_EQ(count.bytes, 100'000u);
  EXPECT_EQ(count.noncurrent, 2u);
  EXPECT_EQ(count.noncurrent_bytes, 9u);
  EXPECT_EQ(count.delete_markers, 1u);
  EXPECT_EQ(count.parts, 1u);
  EXPECT_EQ(count.part_bytes, 200'000u);
  EXPECT_EQ(count.at, engine_.clock.now());
  EXPECT_EQ(scrubber.counts().at("e").objects, 0u);
  TestEngine::must(engine_.run(engine_.objects().drop_bucket("e")));
  TestEngine::must(engine_.run(scrubber.run_once()));
  EXPECT_FALSE(scrubber.counts().contains("e"));
}

// One of terabytes takes longer than many a server runs.
TEST_F(ScrubPace, GoesOnWithinAnObjectThatItWasStoppedIn) {
  ASSERT_TRUE(engine_.put("d", "a", std::string(100'000, 'x')));
  const Upload upload = begin_upload();
  for (const uint32_t number : {1, 2, 3}) ASSERT_TRUE(put_part(upload, number));
  complete(upload);

  bool is_held = true;
  const Scrubber* running = nullptr;
  const auto is_in_second_part = [&] { return running->report().bytes >= 450'000; };
  const auto sleep = [&](Duration) -> Task<void> {
    while (is_held && is_in_second_part()) co_await let_others_run();
  };
  Scrubber scrubber(engine_.objects(), sleep, {.bytes_per_second = 1'000'000});
  running = &scrubber;
  engine_.on_executor([&] { scrubber.start(); });
  const auto until_there = [&]() -> Task<void> {
    while (!is_in_second_part()) co_await let_others_run();
  };
  engine_.run(until_there());
  is_held = false;
  engine_.run(scrubber.stop());
  EXPECT_EQ(scrubber.report().damaged, 0u);

  Scrubber next(engine_.objects(), [](Duration) -> Task<void> { co_await let_others_run(); });  // no second round
  run_a_round(next);
  EXPECT_EQ(next.report().versions, 1u);
  EXPECT_GT(next.report().bytes, 350'000u) << "the second part and the third";
  EXPECT_LT(next.report().bytes, 600'000u);
  EXPECT_EQ(next.report().damaged, 0u);
}

TEST_F(ScrubPace, WhatLiesBehindADamagedPartIsReadToo) {
  const Upload upload = begin_upload();
  ASSERT_TRUE(put_part(upload, 1));
  const io::Path first = blob_files(folder_.path()).front();
  for (const uint32_t number : {2, 3}) ASSERT_TRUE(put_part(upload, number));
  complete(upload);
  ASSERT_TRUE(TestEngine::must(io::File::open(first, io::File::Mode::read_write)).truncate(1000));
  Scrubber scrubber(engine_.objects(), no_sleep);
  const ScrubReport report = TestEngine::must(engine_.run(scrubber.run_once()));
  EXPECT_GE(report.bytes, 400'000u);
  EXPECT_EQ(report.damaged, 1u);
}

TEST_F(ScrubPace, APlaceThatCannotBeSavedIsNoDamage) {
  const io::TempFolder folder;
  const auto kept = store::memory_store();
  auto made = std::make_unique<store::FillingStore>(*kept);
  store::FillingStore& disk = *made;
  TestEngine engine(folder.path(), std::move(made));
  TestEngine::must(engine.run(engine.objects().create_bucket("d")));
  ASSERT_TRUE(engine.put("d", "k", std::string(1'000'000, 'x')));
  disk.is_full = true;
  ::testing::internal::CaptureStderr();
  Scrubber at_once(engine.objects(), no_sleep);
  const auto report = engine.run(at_once.run_once());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->damaged, 0u);

  // Stopped within an object.
  bool is_held = true;
  const Scrubber* running = nullptr;
  const auto is_within = [&] { return running->report().bytes >= 500'000; };
  const auto sleep = [&](Duration) -> Task<void> {
    while (is_held && is_within()) co_await let_others_run();
  };
  Scrubber scrubber(engine.objects(), sleep, {.bytes_per_second = 1'000'000});
  running = &scrubber;
  engine.on_executor([&] { scrubber.start(); });
  const auto until_there = [&]() -> Task<void> {
    while (!is_within()) co_await let_others_run();
  };
  engine.run(until_there());
  is_held = false;
  engine.run(scrubber.stop());
  EXPECT_TRUE(::testing::internal::GetCapturedStderr().contains("cannot note how far"));
  EXPECT_EQ(scrubber.report().rounds, 0u);
  EXPECT_EQ(scrubber.report().damaged, 0u);
}

TEST_F(ScrubPace, AWalkThatBeganInTheMiddleIsNoCount) {
  for (const char* key : {"a", "b"}) ASSERT_TRUE(engine_.put("d", key, "x"));
  store::Batch batch{std::string(index::engine_partition)};
  batch.put(std::string(index::scrub_cursor), std::string("d\0a", 3));
  TestEngine::must(engine_.run(engine_.store().commit(std::move(batch))));
  std::optional<size_t> counted;  // after the first round
  const Scrubber* running = nullptr;
  const auto sleep = [&](Duration time) {
    if (!counted && running->report().rounds == 1) counted = running->counts().size();
    return no_sleep(time);
  };
  Scrubber scrubber(engine_.objects(), sleep, {.pause_between_rounds = Duration(1)});
  running = &scrubber;
  run_a_round(scrubber, 2);
  EXPECT_EQ(counted, 0u);
  EXPECT_EQ(scrubber.counts().at("d").objects, 2u);
}

// Every write of a put fails once: the put says so, the old object stays, and the next put works.
TEST_F(DamageTest, FailedWritesAreErrorsAndNothingElse) {
  const std::string old_body(50'000, 'o'), new_body(600'000, 'n');
  ASSERT_TRUE(engine_.put("d", "key", old_body));
  for (const auto operation : {io::Operation::create, io::Operation::write}) {
    for (const int number : {EIO, ENOSPC}) {
      for (int nth = 1; nth <= 4; ++nth) {
        Result<Version> done = fail(Errc::internal, "not tried");
        {
          io::Faults faults;
          faults.fail(operation, nth, number, "/blobs/");
          done = engine_.put("d", "key", new_body);
          if (done) break;  // there are not so many of these
        }
        EXPECT_EQ(done.error().code(), number == ENOSPC ? Errc::no_space : Errc::io) << done.error().message();
        EXPECT_EQ(engine_.get("d", "key").value(), old_body);
        engine_.run(engine_.objects().reclaim_now());
        EXPECT_EQ(blob_files(folder_.path()).size(), 1u);
      }
      ASSERT_TRUE(engine_.put("d", "key", new_body));
      EXPECT_EQ(engine_.get("d", "key").value(), new_body);
      ASSERT_TRUE(engine_.put("d", "key", old_body));
    }
  }
}

// Every fsync of a run's first put fails once: of the tier's folder, the blob's bytes, and the blob's folder.
TEST(Syncs, ThatFailAreErrorsAndAFoldersIsTheLastOfItsTier) {
  const std::string old_body(50'000, 'o'), new_body(600'000, 'n');
  for (int nth = 1; nth <= 3; ++nth) {
    SCOPED_TRACE(nth);
    io::TempFolder folder;
    {
      TestEngine engine(folder.path());
      ASSERT_TRUE(engine.run(engine.objects().create_bucket("d")));
      ASSERT_TRUE(engine.put("d", "key", old_body));
    }
    {
      TestEngine engine(folder.path(), nullptr, 2);
      {
        io::Faults faults;
        faults.fail(io::Operation::sync, nth, EIO, "/blobs/");
        EXPECT_EQ(engine.put("d", "key", new_body).error().code(), Errc::io);
      }
      EXPECT_EQ(engine.put("d", "other", new_body).has_value(), nth == 2);
      EXPECT_EQ(engine.get("d", "key").value(), old_body);
      engine.run(engine.objects().reclaim_now());
      EXPECT_EQ(blob_files(folder.path()).size(), nth == 2 ? 2u : 1u);
    }
    TestEngine engine(folder.path(), nullptr, 3);
    EXPECT_TRUE(engine.put("d", "key", new_body));
    EXPECT_EQ(engine.get("d", "key").value(), new_body);
  }
}

// Long blobs are synced while they are written; a failure there must not be forgotten by the end.
TEST_F(DamageTest, AFailedSyncOnTheWayFailsThePut) {
  PatternSource source(30 << 20, 1);
  PutRequest request;
  request.bucket = "d";
  request.key = "long";
  request.data_key = test_data_key();
  io::Faults faults;
  faults.fail(io::Operation::sync, 1, EIO, "/blobs/standard/");
  const auto done = engine_.run(engine_.objects().put(std::move(request), source));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::io);
  EXPECT_EQ(engine_.get("d", "long").error().code(), Errc::not_found);
  engine_.run(engine_.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder_.path()).size(), 0u);
}

// The same with the index on disk: its log fails. No answer may be a success that a restart takes back.
TEST(IndexFaults, NoSuccessIsTakenBack) {
  for (const int number : {EIO, ENOSPC}) {
    for (int nth = 1; nth <= 12; ++nth) {
      io::TempFolder folder;
      std::map<std::string, std::string> acknowledged;
      {
        TestEngine engine(folder.path());
        ASSERT_TRUE(engine.run(engine.objects().create_bucket("d")));
        ASSERT_TRUE(engine.put("d", "first", "was there"));
        io::Faults faults;
        faults.fail(nth % 2 == 0 ? io::Operation::write : io::Operation::sync, (nth + 1) / 2, number, "/index", true);
        for (int i = 0; i < 8; ++i) {
          const std::string key = "key" + std::to_string(i), body(i % 2 == 0 ? 10 : 50'000, 'b');
          if (engine.put("d", key, body)) acknowledged[key] = body;
        }
        EXPECT_LT(acknowledged.size(), 8u) << "the fault did not strike";
        const auto first = engine.get("d", "first");
        ASSERT_TRUE(first) << first.error().message();
      }
      TestEngine engine(folder.path(), nullptr, 2);  // another start has other ids
      for (const auto& [key, body] : acknowledged) {
        const auto content = engine.get("d", key);
        ASSERT_TRUE(content) << key << ": " << content.error().message();
        EXPECT_EQ(*content, body);
      }
      const auto after = engine.put("d", "after", "works again");
      ASSERT_TRUE(after) << after.error().message();
      const auto first = engine.get("d", "first");
      ASSERT_TRUE(first) << first.error().message();
      engine.run(engine.objects().reclaim_now());
      size_t large = 0;
      const auto page = engine.run(engine.objects().list({.bucket = "d"}));
      ASSERT_TRUE(page) << page.error().message();
      for (const auto& object : page->objects) large += object.size == 50'000 ? 1 : 0;
      EXPECT_EQ(blob_files(folder.path()).size(), large);
    }
  }
}

}  // namespace
}  // namespace boreal::objects
