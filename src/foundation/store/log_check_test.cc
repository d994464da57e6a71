#include "store/log_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "store/testing.h"

namespace boreal::store {

namespace {

using Kind = LogEnd::Kind;

// A log as RocksDB really writes it, and where its records begin (the last entry is its end).
struct Log {
  std::string text;
  std::vector<uint64_t> boundaries;
};

Log write_log(std::initializer_list<size_t> value_sizes) {
  StoreFolder store(16 << 20);  // nothing is flushed, so the log stays
  Log log;
  EXPECT_TRUE(store.open());
  auto path = newest_file(store.database(), ".log");
  for (size_t size : value_sizes) {
    log.boundaries.push_back(io::read_file(path).value().size());
    EXPECT_TRUE(store.put("partition", "key", std::string(size, 'v')));
  }
  store.close();
  log.text = io::read_file(path).value();
  log.boundaries.push_back(log.text.size());
  return log;
}

TEST(LogCheck, AWholeLogIsWhole) {
  auto log = write_log({10, 0, 1000, 40'000, 20, 100'000, 5});
  auto end = examine_log(log.text);
  EXPECT_EQ(end.kind, Kind::whole);
  EXPECT_EQ(end.at, log.text.size());
  EXPECT_EQ(examine_log("").kind, Kind::whole);
}

TEST(LogCheck, ALogCutAnywhereEndsAtTheLastWholeRecord) {
  auto log = write_log({10, 100, 40'000, 30});
  for (size_t size = 0; size < log.text.size(); size += size < 300 || size > 40'000 ? 1 : 97) {
    auto end = examine_log(log.text.substr(0, size));
    auto boundary = *std::prev(std::ranges::upper_bound(log.boundaries, size));
    ASSERT_EQ(end.kind, size == boundary ? Kind::whole : Kind::torn) << "cut at " << size;
    ASSERT_EQ(end.at, boundary) << "cut at " << size;
  }
}

TEST(LogCheck, EveryFlippedBitIsFound) {
  auto log = write_log({10, 100, 30, 20}).text;
  for (size_t bit = 0; bit < 8 * log.size(); ++bit) {
    auto flipped = log;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    ASSERT_EQ(examine_log(flipped).kind, Kind::damaged) << "bit " << bit;
  }
}

TEST(LogCheck, FlippedBitsInRecordsOverSeveralBlocksAreFound) {
  auto log = write_log({70'000, 10, 50'000}).text;
  for (size_t bit = 0; bit < 8 * log.size(); bit += 1009) {
    auto flipped = log;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    ASSERT_EQ(examine_log(flipped).kind, Kind::damaged) << "bit " << bit;
  }
}

TEST(LogCheck, PagesOfTheLastRecordThatWereNeverWrittenAreATornEnd) {
  auto log = write_log({100, 50'000});
  for (uint64_t page = 0; page < log.text.size(); page += 4096) {
    auto torn = log.text;
    auto from = std::max(page, log.boundaries[1]);
    for (auto at = from; at < std::min<uint64_t>(page + 4096, torn.size()); ++at) torn[at] = '\0';
    auto end = examine_log(torn);
    ASSERT_EQ(end.kind, Kind::torn) << "page at " << page;
    ASSERT_EQ(end.at, log.boundaries[1]);
  }
}

TEST(LogCheck, AnUnwrittenPageBeforeTheLastRecordIsDamage) {
  auto log = write_log({50'000, 10});
  auto holed = log.text;
  std::fill_n(holed.begin() + 8192, 4096, '\0');
  EXPECT_EQ(examine_log(holed).kind, Kind::damaged);
}

TEST(LogCheck, ZerosBehindTheLastRecordAreATornEnd) {
  auto log = write_log({10, 20});
  auto end = examine_log(log.text + std::string(100'000, '\0'));
  EXPECT_EQ(end.kind, Kind::torn);
  EXPECT_EQ(end.at, log.text.size());
}

TEST(LogCheck, ManifestsHaveTheSameForm) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.put("p", "k", "v"));
  store.close();
  auto current = io::read_file(store.database() + "/CURRENT").value();
  auto manifest = io::read_file(store.database() + "/" + current.substr(0, current.size() - 1)).value();
  EXPECT_EQ(examine_log(manifest).kind, Kind::whole);
  manifest[6] = static_cast<char>(manifest[6] ^ 4);
  EXPECT_EQ(examine_log(manifest).kind, Kind::damaged);
}

}  // namespace

}  // namespace boreal::store
