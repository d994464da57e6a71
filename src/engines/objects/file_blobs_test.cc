#include "objects/file_blobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>

#include "io/fault.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

const std::string piece(4 << 20, 'p');  // so many bytes are synced while more come

class FileBlobsTest : public ::testing::Test {
 protected:
  static std::unique_ptr<FileBlobs> open(const io::Path& folder, io::Pool& pool) {
    return TestEngine::must(FileBlobs::open({{"standard", folder}}, pool));
  }
  std::unique_ptr<BlobWriter> create(FileBlobs& blobs) {
    return TestEngine::must(executor_.run(blobs.create({1, 2}, "standard")));
  }
  Result<void> on_pool(io::Pool& pool, std::move_only_function<Result<void>()> work) {
    return executor_.run(call(pool, std::move(work)));
  }

  static void tell_first_sync(io::Faults& faults, std::latch& begun) {
    faults.before_each([&begun, is_first = true](io::Operation operation, std::string_view) mutable {
      if (operation == io::Operation::sync && std::exchange(is_first, false)) begun.count_down();
    });
  }

  io::TempFolder folder_;
  TestExecutor executor_;

 private:
  static Task<Result<void>> call(io::Pool& pool, std::move_only_function<Result<void>()> work) {
    co_return co_await pool.run([&] { return work(); });
  }
};

TEST_F(FileBlobsTest, ALongBlobIsSyncedWhileMoreOfItComes) {
  io::Pool pool(2);
  pool.start();
  const auto blobs = open(folder_.path(), pool);
  const auto writer = create(*blobs);
  std::latch synced(1);
  io::Faults faults;
  tell_first_sync(faults, synced);
  ASSERT_TRUE(on_pool(pool, [&] { return writer->append(as_bytes(piece)); }));
  synced.wait();
  ASSERT_TRUE(on_pool(pool, [&]() -> Result<void> {
    CHECK(writer->append(as_bytes("end")));
    return writer->finish();
  }));
  const auto trace = faults.trace();
  const auto is = [](std::string_view what) { return [what](const auto& step) { return step.starts_with(what); }; };
  const auto last_write = std::find_if(trace.rbegin(), trace.rend(), is("write"));
  EXPECT_EQ(std::count_if(trace.rbegin(), last_write, is("sync")), 2) << "what was written last, and the folder";
}

TEST_F(FileBlobsTest, ASyncThatFailsOnTheWayFailsTheBlob) {
  io::Pool pool(2);
  pool.start();
  const auto blobs = open(folder_.path(), pool);
  const auto writer = create(*blobs);
  std::latch synced(1);
  io::Faults faults;
  faults.fail(io::Operation::sync, 1, EIO);
  tell_first_sync(faults, synced);
  ASSERT_TRUE(on_pool(pool, [&] { return writer->append(as_bytes(piece)); }));
  synced.wait();
  const auto finished = on_pool(pool, [&] { return writer->finish(); });
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), Errc::io);
}

TEST_F(FileBlobsTest, ASyncThatNoThreadIsFreeForIsNotWaitedFor) {
  io::Pool pool(1);
  pool.start();
  const auto blobs = open(folder_.path(), pool);
  const auto writer = create(*blobs);
  ASSERT_TRUE(on_pool(pool, [&]() -> Result<void> {
    CHECK(writer->append(as_bytes(piece)));
    return writer->finish();
  }));
  const auto reader = TestEngine::must(executor_.run(blobs->open({1, 2}, "standard")));
  EXPECT_EQ(reader->size(), piece.size());
}

// As where its file system is not mounted.
TEST_F(FileBlobsTest, AFolderThatIsNotTheOneThatHeldTheBlobsRefusesTheStart) {
  io::Pool pool(2);
  pool.start();
  const io::Path standard = folder_ / "standard", cold = folder_ / "cold", list = folder_ / "TIERS";
  const auto open_with = [&](const io::Path& used_list) {
    return FileBlobs::open({{"standard", standard}, {"cold", cold}}, pool, used_list);
  };
  // With `list`, and as a version without one left it.
  for (const io::Path& first_list : {list, io::Path()}) {
    (void)create(*TestEngine::must(open_with(first_list)));
    ASSERT_TRUE(open_with(list));
    ASSERT_TRUE(io::remove_tree(cold)) << "it was never used";
    ASSERT_TRUE(io::rename(standard, folder_ / "aside"));
    const auto refused = open_with(list);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().message().contains(standard + "/tier-standard")) << refused.error().message();
    ASSERT_TRUE(io::remove_tree(standard));
    ASSERT_TRUE(io::rename(folder_ / "aside", standard));
    EXPECT_TRUE(open_with(list));
    for (const io::Path& path : {standard, list}) ASSERT_TRUE(io::remove_tree(path));
  }
}

// The kernel tells one of them, and may have forgotten what was to be written.
TEST_F(FileBlobsTest, WhenAFolderCouldNotBeSyncedNothingIsAcknowledgedInItsTier) {
  io::Pool pool(2);
  pool.start();
  const io::Path other = folder_ / "other", standard = folder_ / "standard";
  const auto blobs = TestEngine::must(FileBlobs::open({{"standard", standard}, {"other", other}}, pool));
  const auto finish = [&](BlobWriter& writer) { return on_pool(pool, [&] { return writer.finish(); }); };
  const auto first = create(*blobs);
  const auto beside = TestEngine::must(executor_.run(blobs->create({3, 2}, "standard")));
  for (const auto& writer : {&first, &beside}) {  // its own bytes, which harms no other; then the folder
    io::Faults faults;
    faults.fail(io::Operation::sync, writer == &first ? 1 : 2, ENOSPC, standard + "/00");
    EXPECT_FALSE(finish(**writer));
    EXPECT_EQ(executor_.run(blobs->create({writer == &first ? 6u : 7u, 2}, "standard")).has_value(), writer == &first);
    EXPECT_EQ(blobs->has_failed(), writer != &first);
  }
  EXPECT_EQ(executor_.run(blobs->create({4, 2}, "standard")).error().code(), Errc::io);
  EXPECT_EQ(executor_.run(blobs->remove({1, 2}, "standard")).error().code(), Errc::io);
  const auto elsewhere = TestEngine::must(executor_.run(blobs->create({5, 2}, "other")));
  EXPECT_TRUE(finish(*elsewhere));
  // The next start begins from what is there.
  const auto again = TestEngine::must(FileBlobs::open({{"standard", standard}, {"other", other}}, pool));
  EXPECT_TRUE(finish(*TestEngine::must(executor_.run(again->create({4, 2}, "standard")))));
}

// Else a blob could be gone with its folder: who made that may not have come to the sync of what holds it.
TEST_F(FileBlobsTest, FoldersThatAreThereAlreadyAreMadeSureOf) {
  io::Pool pool(2);
  pool.start();
  {
    const auto blobs = open(folder_.path(), pool);
    io::Faults faults;
    faults.fail(io::Operation::sync, 1, EIO, folder_.path());
    EXPECT_EQ(executor_.run(blobs->create({1, 2}, "standard")).error().code(), Errc::io);
    EXPECT_EQ(executor_.run(blobs->create({1, 2}, "standard")).error().code(), Errc::io);
  }
  EXPECT_EQ(TestEngine::must(io::list_folder(folder_.path())).size(), 256u + 1) << "and the mark";
  const auto blobs = open(folder_.path(), pool);
  io::Faults faults;
  (void)create(*blobs);
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 1);
  (void)TestEngine::must(executor_.run(blobs->create({3, 2}, "standard")));
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 1) << "once is enough";
  // The next start knows nothing of it.
  const auto again = open(folder_.path(), pool);
  (void)TestEngine::must(executor_.run(again->create({4, 2}, "standard")));
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 2);
}

// Somebody took it away; its blobs would be gone with it once more.
TEST_F(FileBlobsTest, AFolderThatIsMadeAnewIsMadeSureOf) {
  io::Pool pool(2);
  pool.start();
  const auto blobs = open(folder_.path(), pool);
  (void)create(*blobs);
  const io::Path taken = folder_.path() + "/00";
  TestEngine::must(io::remove_tree(taken));
  {
    io::Faults faults;
    (void)TestEngine::must(executor_.run(blobs->create({3, 2}, "standard")));
    EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 1);
  }
  TestEngine::must(io::remove_tree(taken));
  io::Faults faults;
  faults.fail(io::Operation::sync, 1, EIO, folder_.path());
  EXPECT_EQ(executor_.run(blobs->create({4, 2}, "standard")).error().code(), Errc::io);
  EXPECT_EQ(executor_.run(blobs->create({5, 2}, "standard")).error().code(), Errc::io)
      << "it is there, and not for sure";
  EXPECT_TRUE(blobs->has_failed());
}

// As where its file system is not mounted any more. Callers would take "not found" for a bucket that is not there.
TEST_F(FileBlobsTest, ATierWhoseFolderIsGoneIsAFailure) {
  io::Pool pool(2);
  pool.start();
  const io::Path tier = folder_.path() + "/tier";
  for (const bool is_in_use : {false, true}) {
    const auto blobs = open(tier, pool);
    if (is_in_use) (void)create(*blobs);
    TestEngine::must(io::remove_tree(tier));
    EXPECT_EQ(executor_.run(blobs->create({2, 2}, "standard")).error().code(), Errc::io) << is_in_use;
    EXPECT_FALSE(TestEngine::must(io::exists(tier))) << "nothing is put where it does not belong";
  }
}

// Its mount point is there all the same, and takes whatever is put beneath.
TEST_F(FileBlobsTest, WhereATierIsUnmountedNothingIsWrittenNorTakenForRemoved) {
  io::Pool pool(2);
  pool.start();
  const io::Path tier = folder_ / "standard", list = folder_ / "TIERS", aside = folder_ / "aside";
  const auto open_it = [&] { return TestEngine::must(FileBlobs::open({{"standard", tier}}, pool, list)); };
  const auto unmount = [&] {
    TestEngine::must(io::rename(tier, aside));
    TestEngine::must(io::make_folders(tier));
  };
  const auto mount = [&] {
    TestEngine::must(io::remove_tree(tier));
    TestEngine::must(io::rename(aside, tier));
  };
  // In the run that wrote to it, and in one that has not yet.
  for (const bool has_written : {true, false}) {
    const auto blobs = open_it();
    if (has_written) (void)create(*blobs);
    unmount();
    EXPECT_EQ(executor_.run(blobs->remove({1, 2}, "standard")).error().code(), Errc::io);
    EXPECT_EQ(executor_.run(blobs->remove_all({{{1, 2}, "standard"}}, {})).error().code(), Errc::io);
    EXPECT_EQ(executor_.run(blobs->create({2, 2}, "standard")).error().code(), Errc::io);
    const auto reader = TestEngine::must(executor_.run(blobs->open({1, 2}, "standard")));
    EXPECT_EQ(reader->size().error().code(), Errc::io) << "it is not damaged";
    EXPECT_TRUE(TestEngine::must(io::list_folder(tier)).empty()) << "nothing is put beneath";
    mount();
    EXPECT_TRUE(reader->size());
    EXPECT_EQ(blobs_of_tier(tier).size(), 1u);
    EXPECT_TRUE(executor_.run(blobs->remove({7, 7}, "standard"))) << "it is where it would be, and is not there";
  }
  const auto blobs = open_it();
  EXPECT_TRUE(executor_.run(blobs->remove_all({{{1, 2}, "standard"}, {{7, 7}, "standard"}}, {})));
  EXPECT_EQ(blobs_of_tier(tier).size(), 0u);
}

// Ids on record are looked for in each tier.
TEST_F(FileBlobsTest, WhatIsLookedForInATierThatWasNeverUsedIsNotThere) {
  io::Pool pool(2);
  pool.start();
  const auto blobs = TestEngine::must(FileBlobs::open({{"standard", folder_ / "standard"}}, pool, folder_ / "TIERS"));
  EXPECT_TRUE(executor_.run(blobs->remove({1, 2}, "standard")));
  EXPECT_TRUE(executor_.run(blobs->remove_all({{{1, 2}, "standard"}}, {})));
}

TEST_F(FileBlobsTest, ATierWhoseFolderGoesWhileABlobIsWrittenIsAFailure) {
  io::Pool pool(2);
  pool.start();
  const io::Path tier = folder_.path() + "/tier";
  const auto blobs = open(tier, pool);
  const auto writer = create(*blobs);
  TestEngine::must(io::remove_tree(tier));
  EXPECT_EQ(on_pool(pool, [&] { return writer->finish(); }).error().code(), Errc::io);
}

TEST_F(FileBlobsTest, AFullDiskWithHalfOfTheFoldersIsTriedAgain) {
  io::Pool pool(2);
  pool.start();
  const auto blobs = open(folder_.path(), pool);
  io::Faults faults;
  faults.fail(io::Operation::make_folder, 128, ENOSPC, folder_.path());
  EXPECT_EQ(executor_.run(blobs->create({1, 2}, "standard")).error().code(), Errc::no_space);
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 0);
  (void)create(*blobs);
  EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + folder_.path()), 1);
  EXPECT_FALSE(blobs->has_failed());
}

}  // namespace
}  // namespace boreal::objects
