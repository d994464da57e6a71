#include "store/transaction.h"

#include <gtest/gtest.h>

#include "base/testing.h"

namespace boreal::store {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class TransactionTest : public testing::Test {
 protected:
  TestExecutor executor_;
  std::unique_ptr<Store> store_ = memory_store();
  Catalog catalog_{*store_};

  void put(std::string_view key, std::string_view value) {
    Batch batch("p");
    batch.put(std::string(key), std::string(value));
    ASSERT_TRUE(executor_.run(store_->commit(std::move(batch))));
  }
};

TEST_F(TransactionTest, ReadsItsOwnWrites) {
  for (std::string_view key : {"a", "c", "e"}) put(key, "stored");
  auto transaction = executor_.run(catalog_.begin("p"));
  transaction.put("b", "own");
  transaction.put("c", "own");
  transaction.remove("e");
  transaction.remove("x");
  EXPECT_EQ(transaction.get("c").value(), "own");
  EXPECT_EQ(transaction.get("e").value(), std::nullopt);
  EXPECT_EQ(transaction.scan("").value(), (Pairs{{"a", "stored"}, {"b", "own"}, {"c", "own"}}));
  EXPECT_EQ(transaction.scan("", 2).value(), (Pairs{{"a", "stored"}, {"b", "own"}}));
  EXPECT_EQ(transaction.scan("", 9, "b").value(), (Pairs{{"b", "own"}, {"c", "own"}}));
  EXPECT_EQ(catalog_.scan("p", "").value(), (Pairs{{"a", "stored"}, {"c", "stored"}, {"e", "stored"}}));
  ASSERT_TRUE(executor_.run(transaction.commit()));
  EXPECT_EQ(catalog_.scan("p", "").value(), (Pairs{{"a", "stored"}, {"b", "own"}, {"c", "own"}}));
}

TEST_F(TransactionTest, DoesNothingWhenDropped) {
  {
    auto transaction = executor_.run(catalog_.begin("p"));
    transaction.put("a", "1");
  }
  EXPECT_EQ(catalog_.get("p", "a").value(), std::nullopt);
}

TEST_F(TransactionTest, EndsWithItsCommit) {
  auto transaction = executor_.run(catalog_.begin("p"));
  transaction.put("a", "1");
  ASSERT_TRUE(executor_.run(transaction.commit()));
  auto next = executor_.run(catalog_.begin("p"));  // the first one is alive still, but holds nothing
  EXPECT_EQ(executor_.run(transaction.commit()).error().code(), Errc::internal);
  EXPECT_EQ(transaction.get("a").error().code(), Errc::internal);
}

// Reads a counter, lets others run, writes one more.
Task<void> increment(Catalog& catalog, std::string partition, Event& go, int& inside) {
  auto transaction = co_await catalog.begin(std::move(partition));
  ++inside;
  auto value = transaction.get("n").value().value_or("0");
  co_await go.wait();
  transaction.put("n", std::to_string(std::stoi(value) + 1));
  --inside;
  EXPECT_TRUE(co_await transaction.commit());
}

TEST_F(TransactionTest, OnOnePartitionRunsAloneAndInTurn) {
  Event go;
  int inside = 0;
  for (int i = 0; i < 5; ++i) {
    executor_.post([&] { spawn(increment(catalog_, "p", go, inside)); });
  }
  executor_.run_until_idle();
  EXPECT_EQ(inside, 1);
  executor_.post([&] { go.set(); });
  executor_.run_until_idle();
  EXPECT_EQ(catalog_.get("p", "n").value(), "5");
}

TEST_F(TransactionTest, OnDifferentPartitionsRunSideBySide) {
  Event go;
  int inside = 0;
  for (std::string partition : {"p", "q", "r"}) {
    executor_.post([&, partition] { spawn(increment(catalog_, partition, go, inside)); });
  }
  executor_.run_until_idle();
  EXPECT_EQ(inside, 3);
  executor_.post([&] { go.set(); });
  executor_.run_until_idle();
  EXPECT_EQ(catalog_.get("r", "n").value(), "1");
}

TEST_F(TransactionTest, ManyPartitionsLeaveNoTraceAndHeldOnesStayHeld) {
  auto held = executor_.run(catalog_.begin("held"));
  for (int i = 0; i < 1000; ++i) {
    auto transaction = executor_.run(catalog_.begin("p" + std::to_string(i)));
    transaction.put("k", "v");
    ASSERT_TRUE(executor_.run(transaction.commit()));
    ASSERT_LE(catalog_.known_partitions(), 64u);
  }
  Event go;
  go.set();
  int inside = 0;
  executor_.post([&] { spawn(increment(catalog_, "held", go, inside)); });
  executor_.run_until_idle();
  EXPECT_EQ(catalog_.get("held", "n").value(), std::nullopt);
  ASSERT_TRUE(executor_.run(held.commit()));
  executor_.run_until_idle();
  EXPECT_EQ(catalog_.get("held", "n").value(), "1");
}

}  // namespace

}  // namespace boreal::store
