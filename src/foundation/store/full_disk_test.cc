// A disk that is full when the log is synced.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "io/fault.h"
#include "store/testing.h"

namespace boreal::store {
namespace {

using io::Operation;

// A loss of power could bring it back otherwise.
TEST(RocksStore, WhatIsCutOffTheLogIsCutOffForGood) {
  for (const bool is_for_good : {true, false}) {
    StoreFolder store;
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.put("p", "k", "v"));
    const std::string log = newest_file(store.database(), ".log");
    {
      io::Faults faults;
      faults.fail(Operation::sync, 1, ENOSPC, ".log", !is_for_good);
      EXPECT_EQ(store.put("p", "k", "x").error().code(), is_for_good ? Errc::no_space : Errc::io);
      std::vector<std::string> cut;
      for (const auto& step : faults.trace()) {
        if (step.ends_with(log)) cut.push_back(step.substr(0, step.find(' ')));
      }
      EXPECT_EQ(cut, (std::vector<std::string>{"write", "sync", "truncate", "sync"}));
    }
    EXPECT_EQ(store->writes(), is_for_good ? Writes::wait_for_room : Writes::ended);
  }
}

// The first record of a log is on the disk before the folder of the log is synced.
TEST(RocksStore, AFullDiskAtTheSyncOfTheLogsFolderEndsWrites) {
  StoreFolder store;
  ASSERT_TRUE(store.open());
  {
    io::Faults faults;
    faults.fail(Operation::sync, 2, ENOSPC, "/rocksdb");
    EXPECT_EQ(store.put("p", "k", "v").error().code(), Errc::io);
    EXPECT_EQ(std::ranges::count(faults.trace(), "sync " + store.database()), 1);
  }
  EXPECT_EQ(store.put("p", "k", "v").error().code(), Errc::io);
  EXPECT_EQ(store->writes(), Writes::ended);
  store.close();
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.put("p", "k", "v"));
}

}  // namespace
}  // namespace boreal::store
