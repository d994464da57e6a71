// What only the store on disk has to stand: disks that fail, fill up and forget.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"
#include "io/fault.h"
#include "store/testing.h"

namespace boreal::store {

namespace {

using io::Operation;

std::string number(int n) { return fmt::format("{:06}", n); }

// Keys 1..count of the partition, each with itself as value, and nothing else.
void expect_numbers(Store& store, std::string_view partition, int count) {
  auto cursor = store.scan(partition, "");
  for (int i = 1; i <= count; ++i, cursor->next()) {
    ASSERT_TRUE(cursor->valid()) << i << (cursor->status() ? "" : cursor->status().error().message());
    ASSERT_EQ(cursor->key(), number(i));
    ASSERT_EQ(cursor->value(), number(i));
  }
  ASSERT_FALSE(cursor->valid());
  ASSERT_TRUE(cursor->status());
}

// Commits the same thing until it is taken. For what comes right by itself after a while.
void put_until_taken(StoreFolder& store, std::string_view key) {
  auto give_up_ns = monotonic_ns() + 60'000'000'000;
  while (!store.put("p", key, key)) {
    ASSERT_LT(monotonic_ns(), give_up_ns);
    std::this_thread::yield();
  }
}

// See the end of rocksdb_store.cc.
TEST(RocksStore, ComputesChecksInOurWay) {
  void* const chosen = dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  void* const library = dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  ASSERT_NE(library, nullptr);
  EXPECT_NE(chosen, library);
  using Extend = uint32_t (*)(uint32_t, const char*, size_t);
  const std::string text = SeededRandom(1).bytes(10'000);
  for (const size_t size : {0, 1, 7, 64, 4097, 10'000}) {
    EXPECT_EQ(reinterpret_cast<Extend>(chosen)(17, text.data(), size),
              reinterpret_cast<Extend>(library)(17, text.data(), size));
  }
}

TEST(RocksStore, OneProcessAtATime) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  auto second = open_store(store.options(), store.pool());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
}

TEST(RocksStore, RefusesAFormatOfTheFuture) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  store.close();
  overwrite(store.folder() + "/FORMAT", "boreal store 3\n");
  auto opened = store.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::unsupported);
}

TEST(RocksStore, RefusesDataWhoseFormatNobodyTells) {
  for (const bool is_bulk : {false, true}) {
    StoreFolder store;
    ASSERT_TRUE(store.open());
    Batch batch("p");
    is_bulk ? batch.put_bulk("k", "v") : batch.put("k", "v");
    ASSERT_TRUE(store.run(store->commit(std::move(batch))));
    store.close();
    ASSERT_TRUE(io::rename(store.folder() + "/FORMAT", store.folder() + "/aside"));
    auto opened = store.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::unsupported);
    EXPECT_NE(opened.error().message().find("/FORMAT is missing"), std::string::npos) << opened.error().message();
    ASSERT_TRUE(io::rename(store.folder() + "/aside", store.folder() + "/FORMAT"));
    EXPECT_TRUE(store.open());
  }
}

TEST(RocksStore, DoesNotComeUpEmptyWhenItsFilesAreGone) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.put("p", "k", "v"));
  store.close();
  ASSERT_TRUE(io::remove_tree(store.database()));
  EXPECT_FALSE(store.open());
}

// As they lie there when a start, or a change of an option, was killed.
TEST(RocksStore, RemovesFilesThatWereNotFinished) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.put("p", "k", "v"));
  store.close();
  for (const auto* name : {"OPTIONS-000300.dbtmp", "000301.dbtmp"}) {
    ASSERT_TRUE(io::write_file_atomically(store.database() + "/" + name, "half"));
  }
  ASSERT_TRUE(store.open());
  for (const auto& name : io::list_folder(store.database()).value()) EXPECT_FALSE(name.ends_with(".dbtmp")) << name;
  EXPECT_EQ(store->get("p", "k").value(), "v");
}

class BrokenDisk : public testing::TestWithParam<Operation> {};
INSTANTIATE_TEST_SUITE_P(Operations, BrokenDisk, testing::Values(Operation::write, Operation::sync),
                         [](const auto& operation) { return std::string(io::to_string(operation.param)); });

TEST_P(BrokenDisk, StopsWritesUntilTheNextStart) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.put("p", number(1), number(1)));
  {
    io::Faults faults;
    faults.fail(GetParam(), 1, EIO, ".log");
    EXPECT_EQ(store.put("p", number(2), number(2)).error().code(), Errc::io);
  }
  auto refused = store.put("p", number(2), number(2));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("mend the disk"), std::string::npos) << refused.error().message();
  expect_numbers(*store, "p", 1);

  store.close();
  auto opened = store.open();
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(store->get("p", number(1)).value(), number(1));
  ASSERT_TRUE(store.put("p", number(2), number(2)));
  expect_numbers(*store, "p", 2);
}

TEST_P(BrokenDisk, TakesWritesAgainWhenAFullOneHasRoom) {
  for (int before : {0, 1, 5}) {  // with nothing in memory, there is nothing that recovery would flush
    StoreFolder store;
    ASSERT_TRUE(store.open());
    for (int i = 1; i <= before; ++i) ASSERT_TRUE(store.put("p", number(i), number(i)));
    {
      io::Faults faults;
      // A log that cannot be synced even when it is cut back is another matter.
      faults.fail(GetParam(), 1, ENOSPC, "rocksdb/", GetParam() == Operation::write);
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(store.put("p", number(before + 1), number(before + 1)).error().code(), Errc::no_space);
      }
    }
    put_until_taken(store, number(before + 1));
    ASSERT_TRUE(store.put("p", number(before + 2), number(before + 2)));
    expect_numbers(*store, "p", before + 2);
    store.close();
    auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().message();
    expect_numbers(*store, "p", before + 2);
  }
}

class FullDisk : public testing::TestWithParam<bool> {
 public:
  // A long value, as bulk or not, with a number that tells it.
  static Result<void> put(StoreFolder& store, int n) {
    Batch batch("p");
    GetParam() ? batch.put_bulk(number(n), value(n)) : batch.put(number(n), value(n));
    return store.run(store->commit(std::move(batch)));
  }
  static std::optional<std::string> get(StoreFolder& store, int n) {
    return (GetParam() ? store->get_bulk("p", number(n)) : store->get("p", number(n))).value();
  }
  static std::string value(int n) { return number(n) + std::string(4000, 'f'); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, FullDisk, testing::Bool(),
                         [](const auto& is_bulk) { return is_bulk.param ? "bulk" : "ordered"; });

// Among these writes is the first one to a log that was just begun, since the table in memory was full.
TEST_P(FullDisk, AtAnyWriteOfTheLogIsGotOver) {
  for (int nth = 8; nth <= 26; ++nth) {
    SCOPED_TRACE(nth);
    StoreFolder store;
    ASSERT_TRUE(store.open());
    int taken = 0;
    auto put_next = [&] { return put(store, taken + 1); };
    {
      io::Faults faults;
      faults.fail(Operation::write, nth, ENOSPC, ".log", true);
      while (put_next()) ASSERT_LT(++taken, 100);
    }
    const auto give_up_ns = monotonic_ns() + 60'000'000'000;
    while (!put_next()) ASSERT_LT(monotonic_ns(), give_up_ns);
    for (++taken; taken < 40; ++taken) ASSERT_TRUE(put_next());
    store.close();
    auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().message();
    for (int i = 1; i <= taken; ++i) ASSERT_EQ(get(store, i), value(i));
  }
}

TEST(RocksStore, AWriteCutShortByAFullDiskLeavesASoundLog) {
  for (bool go_on : {false, true}) {
    StoreFolder store;
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.put("p", number(1), number(1)));
    {
      io::Faults faults;
      faults.short_write(1, 11, ".log");
      EXPECT_EQ(store.put("p", number(2), number(2)).error().code(), Errc::no_space);
    }
    if (go_on) put_until_taken(store, number(2));
    store.close();
    auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_EQ(store->get("p", number(1)).value(), number(1));
    if (go_on) expect_numbers(*store, "p", 2);
  }
}

TEST_P(FullDisk, WhileTablesAreWrittenStopsWritesOnlyMeanwhile) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  int taken = 0;
  auto put_next = [&]() -> Result<void> {
    for (int i = 1; i <= 3; ++i) CHECK(put(store, -i));
    return store.put("p", number(taken + 1), number(taken + 1));
  };
  {
    io::Faults faults;
    faults.fail(Operation::write, 1, ENOSPC, ".sst", true);
    auto done = put_next();
    for (; done && taken < 5000; done = put_next()) ++taken;
    ASSERT_FALSE(done) << "the tables were never written";
    EXPECT_EQ(done.error().code(), Errc::no_space) << done.error().message();
    EXPECT_EQ(store->get("p", number(taken)).value(), number(taken));
  }
  put_until_taken(store, number(++taken));
  const auto expect_all = [&] {
    for (int i = 1; i <= taken; ++i) ASSERT_EQ(store->get("p", number(i)).value(), number(i));
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(get(store, -i), value(-i));
  };
  expect_all();
  store.close();
  ASSERT_TRUE(store.open());
  expect_all();
}

// Commits until something fails; returns the last number that was acknowledged.
int write_until_failure(StoreFolder& store, int from, int to) {
  if (!store.open()) return from;
  int acknowledged = from;
  while (acknowledged < to && store.put("p", number(acknowledged + 1), number(acknowledged + 1))) ++acknowledged;
  store.close();
  return acknowledged;
}

TEST(RocksStore, KeepsWhatItAcknowledgedWhateverStepTheDiskDiesAt) {
  int steps = 0;
  {
    StoreFolder store;
    ASSERT_EQ(write_until_failure(store, 0, 5), 5);
    io::Faults faults;
    ASSERT_EQ(write_until_failure(store, 5, 10), 10);
    steps = faults.steps();
  }
  ASSERT_GT(steps, 20);
  for (int died_at = 0; died_at < steps; ++died_at) {
    SCOPED_TRACE(died_at);
    StoreFolder store;
    ASSERT_EQ(write_until_failure(store, 0, 5), 5);
    int acknowledged = 0;
    {
      io::Faults faults;
      faults.stop_after(died_at);
      acknowledged = write_until_failure(store, 5, 10);
    }
    auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().message();
    // The one that failed may be there; nothing after it was tried.
    bool one_more = store->get("p", number(acknowledged + 1)).value().has_value();
    expect_numbers(*store, "p", acknowledged + one_more);
  }
}

TEST(RocksStore, AFirstStartThatDiesAtAnyStepIsMadeGoodByTheNext) {
  int steps = 0;
  {
    StoreFolder store;
    io::Faults faults;
    ASSERT_EQ(write_until_failure(store, 0, 1), 1);
    steps = faults.steps();
  }
  ASSERT_GT(steps, 10);
  for (int died_at = 0; died_at < steps; ++died_at) {
    SCOPED_TRACE(died_at);
    StoreFolder store;
    {
      io::Faults faults;
      faults.stop_after(died_at);
      write_until_failure(store, 0, 1);
    }
    auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().message();
    Batch batch("p");
    batch.put("k", "v");
    batch.put_bulk("k", "bulk");
    ASSERT_TRUE(store.run(store->commit(std::move(batch))));
    EXPECT_EQ(store->get_bulk("p", "k").value(), "bulk");
  }
}

TEST(RocksStore, AnUnfinishedDropIsFinishedByTheNextOne) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  Batch batch("p");
  for (int i = 1; i <= 3500; ++i) batch.put(number(i), "v");
  for (int i = 1; i <= 1500; ++i) batch.put_bulk(number(i), "v");
  ASSERT_TRUE(store.run(store->commit(std::move(batch))));
  {
    io::Faults faults;
    faults.fail(Operation::sync, 5, EIO, ".log");
    EXPECT_FALSE(store.run(store->drop_partition("p")));
  }
  EXPECT_EQ(store->get_bulk("p", number(1500)).value(), std::nullopt);
  EXPECT_EQ(store->scan("p", "")->key(), number(2001));
  store.close();
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.run(store->drop_partition("p")));
  EXPECT_TRUE(store->partitions().value().empty());
}

// Tables, a manifest and a log with 2000 numbers in all.
void fill(StoreFolder& store) {
  for (int half = 0; half < 2; ++half) {
    ASSERT_TRUE(store.open());
    for (int i = half * 1000; i < (half + 1) * 1000; i += 100) {
      Batch batch("p");
      for (int j = i + 1; j <= i + 100; ++j) {
        batch.put(number(j), number(j));
        batch.put_bulk(number(j), number(j));
      }
      ASSERT_TRUE(store.run(store->commit(std::move(batch))));
    }
    store.close();
  }
}

Task<bool> go_on(uint64_t) { co_return true; }
Task<bool> stop_here() { co_return false; }

TEST(RocksStore, FlippedBitsNeverGiveWrongAnswers) {
  StoreFolder store;
  fill(store);
  SeededRandom random(7);
  int found = 0;
  for (std::string_view kind : {".log", ".sst", "MANIFEST"}) {
    io::Path path;
    for (int round = 0; round < 25; ++round) {
      SCOPED_TRACE(fmt::format("{} round {}", kind, round));
      io::TempFolder copy;
      ASSERT_TRUE(io::copy_tree(store.folder(), copy / "s", false));
      auto folder = copy / "s/rocksdb";
      for (const auto& name : io::list_folder(folder).value()) {
        if (name.find(kind) != std::string::npos) path = folder + "/" + name;
      }
      auto content = io::read_file(path).value();
      auto bit = random.below(8 * content.size());
      content[bit / 8] = static_cast<char>(content[bit / 8] ^ 1 << bit % 8);
      overwrite(path, content);
      auto options = store.options();
      options.folder = copy / "s";
      auto opened = open_store(options, store.pool());
      if (!opened) {
        EXPECT_EQ(opened.error().code(), Errc::corrupt) << opened.error().message();
        ++found;
        continue;
      }
      EXPECT_NE(kind, ".log");  // every bit of a log counts
      auto cursor = (*opened)->scan("p", "");
      int next = 1;
      for (; cursor->valid(); cursor->next(), ++next) ASSERT_EQ(cursor->value(), number(next));
      if (!cursor->status()) {
        EXPECT_EQ(cursor->status().error().code(), Errc::corrupt);
        ++found;
      } else {
        ASSERT_EQ(next, 2001);  // it hit something that is not needed for this, as a filter or bulk
        for (int i = 1; i <= 2000; ++i) {
          const auto bulk = (*opened)->get_bulk("p", number(i));
          if (bulk)
            ASSERT_EQ(*bulk, number(i));
          else
            EXPECT_EQ(bulk.error().code(), Errc::corrupt);
        }
        auto checked = store.run((*opened)->check(go_on));
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code(), Errc::corrupt);
        ++found;
      }
    }
  }
  EXPECT_EQ(found, 75);
}

TEST(RocksStore, ACheckReadsWholeTablesAndCanBeEnded) {
  StoreFolder store;
  fill(store);
  ASSERT_TRUE(store.open());
  uint64_t bytes = 0;
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(store.put("large", number(i), std::string(30'000, static_cast<char>(i))));
  ASSERT_TRUE(store.run(store->check([&](uint64_t count) {
    bytes += count;
    return go_on(count);
  })));
  EXPECT_GT(bytes, 0u);
  ASSERT_TRUE(store.run(store->check([](uint64_t) { return stop_here(); })));
}

auto count_tables(const StoreFolder& store) {
  const auto names = io::list_folder(store.database()).value();
  return std::ranges::count_if(names, [](const auto& name) { return name.ends_with(".sst"); });
}

// Room for the one table, none for the other, and then a new start.
TEST(RocksStore, WhatAFullDiskDidNotSyncIsNotFoundInHalf) {
  StoreFolder store(8 << 20);
  ASSERT_TRUE(store.open());
  Batch both("p");
  both.put("k", "v");
  both.put_bulk("k", "bulk");
  ASSERT_TRUE(store.run(store->commit(std::move(both))));
  {
    io::Faults faults;
    faults.fail(Operation::sync, 1, ENOSPC, ".log");
    faults.fail(Operation::create, 2, ENOSPC, ".sst", true);
    Batch gone("p");
    gone.remove("k");
    gone.remove_bulk("k");
    EXPECT_EQ(store.run(store->commit(std::move(gone))).error().code(), Errc::no_space);
    const auto give_up_ns = monotonic_ns() + 60'000'000'000;
    while (count_tables(store) == 0) {
      EXPECT_EQ(store.put("p", "other", "x").error().code(), Errc::no_space);
      ASSERT_LT(monotonic_ns(), give_up_ns);
      std::this_thread::yield();
    }
  }
  store.close();
  const auto opened = store.open();
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(store->get("p", "k").value(), "v");
  EXPECT_EQ(store->get_bulk("p", "k").value(), "bulk");
}

// Each over the same hundred keys.
void write_two_tables(StoreFolder& store) {
  ASSERT_TRUE(store.open());
  for (int i = 0; count_tables(store) < 2; ++i) {
    ASSERT_TRUE(store.put("p", number(i % 100), SeededRandom(7).bytes(500)));
  }
  store.close();
}

// Two, and one that the start makes of the log, are too few to be merged while writes go on.
TEST(RocksStore, MergesTablesWhenNothingIsCommitted) {
  StoreFolder store;
  write_two_tables(store);
  auto options = store.options();
  options.rest_before_tidying = Duration(20);
  const auto opened = open_store(options, store.pool());
  ASSERT_TRUE(opened) << opened.error().message();
  const auto give_up_ns = monotonic_ns() + 60'000'000'000;
  while (count_tables(store) > 1) ASSERT_LT(monotonic_ns(), give_up_ns);
  EXPECT_EQ((*opened)->get("p", number(7)).value(), SeededRandom(7).bytes(500));
}

// In the last bytes of a table, which merging does not read.
TEST(RocksStore, DamageIsNotForgottenWhenTablesAreMerged) {
  StoreFolder store;
  write_two_tables(store);
  const auto table = newest_file(store.database(), ".sst");
  auto content = io::read_file(table).value();
  content[content.size() - 24] = static_cast<char>(content[content.size() - 24] ^ 1);
  overwrite(table, content);
  auto options = store.options();
  options.rest_before_tidying = Duration(1);
  const auto opened = open_store(options, store.pool());
  ASSERT_TRUE(opened) << opened.error().message();
  const auto give_up_ns = monotonic_ns() + 60'000'000'000;
  while (io::exists(table).value()) ASSERT_LT(monotonic_ns(), give_up_ns);
  EXPECT_EQ((*opened)->get("p", number(7)).value(), SeededRandom(7).bytes(500));
  const auto checked = store.run((*opened)->check(go_on));
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message().find(table), std::string::npos) << checked.error().message();
}

// Many coroutines on one executor, as in the program.
Task<void> commit_numbers(Store& store, std::string partition, int count) {
  for (int i = 1; i <= count; ++i) {
    Batch batch(partition);
    batch.put(number(i), number(i));
    auto done = co_await store.commit(std::move(batch));
    EXPECT_TRUE(done) << done.error().message();
  }
}

Task<void> commit_side_by_side(Store& store, int writers, int count) {
  TaskGroup group;
  for (int i = 0; i < writers; ++i) group.spawn(commit_numbers(store, "p" + std::to_string(i), count));
  co_await group.wait();
}

TEST(RocksStore, CommitsThatWaitTogetherShareSyncs) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  constexpr int writers = 32;
  constexpr int count = 20;
  io::Faults faults;
  store.run(commit_side_by_side(*store, writers, count));
  int syncs = 0;
  for (const auto& line : faults.trace()) syncs += line.starts_with("sync") && line.ends_with(".log");
  EXPECT_GE(syncs, count);
  EXPECT_LT(syncs, writers * count / 2);
  for (int i = 0; i < writers; ++i) expect_numbers(*store, "p" + std::to_string(i), count);
}

TEST(RocksStore, RefusesRatherThanLetWritesPileUp) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  TestExecutor executor;
  io::Faults faults;
  std::mutex disk;
  disk.lock();
  faults.before_each([&](Operation operation, std::string_view path) {
    if (operation == Operation::sync && path.ends_with(".log")) std::lock_guard wait(disk);
  });
  int refused = 0;
  int taken = 0;
  std::string value(8 << 20, 'v');
  executor.post([&] {
    for (int i = 0; i < 30; ++i) {
      Batch batch("p");
      batch.put(number(i), value);
      spawn(store->commit(std::move(batch)), [&](Result<void> done) {
        if (!done) EXPECT_EQ(done.error().code(), Errc::unavailable);
        ++(done ? taken : refused);
      });
    }
  });
  executor.run_until_idle();
  EXPECT_GE(refused, 10);
  disk.unlock();
  while (refused + taken < 30) executor.run_until_idle();
  EXPECT_GE(taken, 10);
}

}  // namespace

}  // namespace boreal::store
