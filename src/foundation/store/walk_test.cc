#include "store/walk.h"

#include <gtest/gtest.h>

#include "base/sync.h"
#include "base/testing.h"

namespace boreal::store {
namespace {

class WalkTest : public testing::Test {
 protected:
  void fill(size_t records) {
    Batch batch("p");
    for (size_t i = 0; i < records; ++i) batch.put("k/" + std::to_string(10'000 + i), std::to_string(i));
    batch.put("l", "another prefix");
    ASSERT_TRUE(executor_.run(store_->commit(std::move(batch))));
  }
  Task<std::vector<std::string>> all(std::string from = {}) {
    Walk walk(catalog_, "p", "k/", std::move(from));
    std::vector<std::string> values;
    while (*co_await walk.next()) {
      EXPECT_EQ(walk.key(), "k/" + std::to_string(10'000 + std::stoi(walk.value())));
      values.push_back(walk.value());
      seen_ = values.size();
    }
    co_return values;
  }
  Task<void> walk_to_the_end() { (void)co_await all(); }
  Task<void> look() {
    when_others_ran_.push_back(seen_);
    co_return;
  }
  Task<void> side_by_side() {
    TaskGroup group;
    group.spawn(walk_to_the_end());
    co_await let_others_run();
    group.spawn(look());
    co_await group.wait();
  }

  TestExecutor executor_;
  std::unique_ptr<Store> store_ = memory_store();
  Catalog catalog_{*store_};
  size_t seen_ = 0;
  std::vector<size_t> when_others_ran_;
};

TEST_F(WalkTest, ComesToAllInOrder) {
  for (const size_t records : {size_t{0}, size_t{1}, Walk::step - 1, Walk::step, Walk::step + 1, 3 * Walk::step}) {
    store_ = memory_store();
    Catalog fresh(*store_);
    fill(records);
    Walk walk(fresh, "p", "k/");
    for (size_t i = 0; i < records; ++i) {
      ASSERT_TRUE(*executor_.run(walk.next()));
      ASSERT_EQ(walk.value(), std::to_string(i));
    }
    EXPECT_FALSE(*executor_.run(walk.next())) << records;
    EXPECT_FALSE(*executor_.run(walk.next())) << records;
  }
}

TEST_F(WalkTest, BeginsWhereItIsTold) {
  fill(600);
  EXPECT_EQ(executor_.run(all("k/10590")).size(), 10U);
  EXPECT_EQ(executor_.run(all("k/2")).size(), 0U);
}

TEST_F(WalkTest, OthersRunInBetween) {
  fill(3 * Walk::step);
  executor_.run(side_by_side());
  ASSERT_EQ(when_others_ran_.size(), 1U);
  EXPECT_EQ(seen_, 3 * Walk::step);
  EXPECT_LT(when_others_ran_[0], seen_);
}

}  // namespace
}  // namespace boreal::store
