// One set of expectations, held against both implementations.
#include "store/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "base/testing.h"
#include "io/testing.h"
#include "store/transaction.h"

namespace boreal::store {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Keys = std::map<std::string, std::string>;
struct Content {
  Keys ordered, bulk;
};
using Model = std::map<std::string, Content>;

enum class Kind { memory, rocksdb };

// A store of either kind, and the executor that its coroutines live on.
class Fixture {
 public:
  explicit Fixture(Kind kind) : kind_(kind), pool_(2) {
    pool_.start();
    open();
  }
  ~Fixture() { store_.reset(); }

  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }
  template <class T>
  T run(Task<T> task) {
    return executor_.run(std::move(task));
  }
  void put(std::string_view partition, std::string_view key, std::string_view value) {
    Batch batch{std::string(partition)};
    batch.put(std::string(key), std::string(value));
    auto done = run(store_->commit(std::move(batch)));
    ASSERT_TRUE(done) << done.error().message();
  }
  // What a new start finds. The one in memory has nothing to find, so it stays as it is.
  void reopen() {
    if (kind_ == Kind::memory) return;
    store_.reset();
    open();
  }

 private:
  void open() {
    if (kind_ == Kind::memory) {
      store_ = memory_store();
      return;
    }
    auto opened = open_store({.folder = folder_.path(), .cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10}, pool_);
    if (!opened) throw std::runtime_error(opened.error().message());
    store_ = std::move(*opened);
  }

  Kind kind_;
  io::TempFolder folder_;
  io::Pool pool_;
  TestExecutor executor_;
  std::unique_ptr<Store> store_;
};

Pairs drain(Cursor& cursor) {
  Pairs found;
  for (; cursor.valid(); cursor.next()) found.emplace_back(cursor.key(), cursor.value());
  EXPECT_TRUE(cursor.status());
  return found;
}

class StoreTest : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, StoreTest, testing::Values(Kind::memory, Kind::rocksdb),
                         [](const auto& kind) { return kind.param == Kind::memory ? "memory" : "rocksdb"; });

TEST_P(StoreTest, KeepsWhatWasCommitted) {
  Fixture store(GetParam());
  store.put("p", "key", std::string("a\0b", 3));
  store.put("p", "", "the empty key");
  store.reopen();
  EXPECT_EQ(store->get("p", "key").value(), std::string("a\0b", 3));
  EXPECT_EQ(store->get("p", "").value(), "the empty key");
  EXPECT_EQ(store->get("p", "ke").value(), std::nullopt);
  EXPECT_EQ(store->get("q", "key").value(), std::nullopt);
}

TEST_P(StoreTest, ABatchAppliesInItsOrder) {
  Fixture store(GetParam());
  Batch batch("p");
  batch.put("a", "1");
  batch.remove("a");
  batch.remove("b");
  batch.put("b", "2");
  ASSERT_TRUE(store.run(store->commit(std::move(batch))));
  EXPECT_EQ(store->get("p", "a").value(), std::nullopt);
  EXPECT_EQ(store->get("p", "b").value(), "2");
}

TEST_P(StoreTest, ACursorStaysInItsPartitionAndPrefix) {
  Fixture store(GetParam());
  for (std::string_view partition : {"o\xff", "p", "p\x01", "q"}) {
    for (std::string_view key : {"a", "b1", "b2", "b\xff", "c"}) store.put(partition, key, partition);
  }
  auto cursor = store->scan("p", "b");
  EXPECT_EQ(drain(*cursor), (Pairs{{"b1", "p"}, {"b2", "p"}, {"b\xff", "p"}}));
  cursor->next();
  EXPECT_FALSE(cursor->valid());

  cursor->seek("a");
  EXPECT_EQ(cursor->key(), "b1");
  cursor->previous();
  EXPECT_FALSE(cursor->valid());
  cursor->seek("c");
  EXPECT_FALSE(cursor->valid());
  cursor->seek_before("c");
  EXPECT_EQ(cursor->key(), "b\xff");
  cursor->seek_before("b2");
  EXPECT_EQ(cursor->key(), "b1");
  cursor->seek_before("b1");
  EXPECT_FALSE(cursor->valid());

  EXPECT_EQ(drain(*store->scan("p", "")).size(), 5u);
  EXPECT_EQ(drain(*store->scan("p", "bb")).size(), 0u);
}

TEST_P(StoreTest, ACursorAndASnapshotDoNotSeeLaterCommits) {
  Fixture store(GetParam());
  store.put("p", "a", "old");
  auto before = store->snapshot();
  auto cursor = store->scan("p", "");
  store.put("p", "a", "new");
  store.put("p", "b", "new");
  EXPECT_EQ(drain(*cursor), (Pairs{{"a", "old"}}));
  EXPECT_EQ(store->get("p", "a", before.get()).value(), "old");
  EXPECT_EQ(store->get("p", "b", before.get()).value(), std::nullopt);
  EXPECT_EQ(drain(*store->scan("p", "", before.get())), (Pairs{{"a", "old"}}));
  EXPECT_EQ(store->get("p", "a").value(), "new");
}

TEST_P(StoreTest, ListsAndDropsPartitions) {
  Fixture store(GetParam());
  EXPECT_TRUE(store->partitions().value().empty());
  for (std::string_view partition : {"a", "a\x01", "b", "ab"}) {
    Batch batch{std::string(partition)};
    for (int i = 0; i < 2500; ++i) {
      batch.put(std::to_string(i), "v");
      batch.put_bulk(std::to_string(i), "bulk");
    }
    ASSERT_TRUE(store.run(store->commit(std::move(batch))));
  }
  Batch bulk("aa");
  bulk.put_bulk("k", "only bulk");
  ASSERT_TRUE(store.run(store->commit(std::move(bulk))));
  EXPECT_EQ(store->partitions().value(), (std::vector<std::string>{"a", "a\x01", "aa", "ab", "b"}));
  ASSERT_TRUE(store.run(store->drop_partition("aa")));
  ASSERT_TRUE(store.run(store->drop_partition("a")));
  ASSERT_TRUE(store.run(store->drop_partition("a")));
  EXPECT_EQ(store->partitions().value(), (std::vector<std::string>{"a\x01", "ab", "b"}));
  EXPECT_FALSE(store->scan("a", "")->valid());
  EXPECT_EQ(store->get_bulk("a", "7").value(), std::nullopt);
  EXPECT_EQ(store->get_bulk("ab", "7").value(), "bulk");
  EXPECT_EQ(drain(*store->scan("a\x01", "")).size(), 2500u);
}

TEST_P(StoreTest, RefusesWhatItCannotKeep) {
  Fixture store(GetParam());
  auto code = [&](Batch batch) {
    auto done = store.run(store->commit(std::move(batch)));
    return done ? Errc::internal : done.error().code();
  };
  Batch nameless("");
  nameless.put("k", "v");
  EXPECT_EQ(code(std::move(nameless)), Errc::invalid);
  Batch with_nul(std::string("a\0b", 3));
  with_nul.put("k", "v");
  EXPECT_EQ(code(std::move(with_nul)), Errc::invalid);
  Batch long_key("p");
  long_key.put(std::string(max_key_bytes + 1, 'k'), "v");
  EXPECT_EQ(code(std::move(long_key)), Errc::too_large);
  Batch big("p");
  big.put("fits", "v");
  big.put("k", std::string(max_batch_bytes, 'v'));
  EXPECT_EQ(code(std::move(big)), Errc::too_large);
  EXPECT_EQ(store->get("p", "fits").value(), std::nullopt);
  EXPECT_EQ(store->get("", "k").error().code(), Errc::invalid);
  auto cursor = store->scan("", "k");
  EXPECT_FALSE(cursor->valid());
  EXPECT_EQ(cursor->status().error().code(), Errc::invalid);
  EXPECT_EQ(store.run(store->drop_partition("")).error().code(), Errc::invalid);
}

TEST_P(StoreTest, CommitsFromManyThreadsAreWhole) {
  Fixture store(GetParam());
  constexpr int threads = 4;
  constexpr int rounds = 50;
  std::vector<std::thread> writers;
  std::atomic<bool> writing = true;
  for (int t = 0; t < threads; ++t) {
    writers.emplace_back([&store, t] {
      TestExecutor executor;
      for (int i = 1; i <= rounds; ++i) {
        Batch batch("p" + std::to_string(t));
        for (char key : {'a', 'b', 'c'}) batch.put(std::string(1, key), std::to_string(i));
        ASSERT_TRUE(executor.run(store->commit(std::move(batch))));
        ASSERT_EQ(store->get("p" + std::to_string(t), "a").value(), std::to_string(i));
      }
    });
  }
  std::thread reader([&] {
    while (writing) {
      for (const auto& partition : store->partitions().value()) {
        auto found = drain(*store->scan(partition, ""));
        ASSERT_EQ(found.size(), 3u);
        ASSERT_EQ(found[0].second, found[2].second);
      }
    }
  });
  for (auto& writer : writers) writer.join();
  writing = false;
  reader.join();
  store.reopen();
  for (int t = 0; t < (GetParam() == Kind::memory ? 0 : threads); ++t) {
    EXPECT_EQ(store->get("p" + std::to_string(t), "c").value(), std::to_string(rounds));
  }
}

// Random operations on a store and on plain maps, which must always agree.
class ModelTest {
 public:
  ModelTest(Kind kind, uint64_t seed) : store_(kind), random_(seed), catalog_(std::make_unique<Catalog>(*store_)) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      switch (random_.below(12)) {
        case 0:
        case 1:
        case 2:
        case 3: commit(); break;
        case 4: transact(); break;
        case 5: get(); break;
        case 6:
        case 7: walk(); break;
        case 8: hold_snapshot(); break;
        case 9: list_partitions(); break;
        case 10: drop(); break;
        case 11: reopen(); break;
      }
    }
  }

 private:
  // Small alphabets, so that keys and partitions meet often, at the edges of what bytes can be.
  std::string some_key() {
    static constexpr std::string_view alphabet(
        "\0\x01"
        "ab\xff",
        5);
    return random_.pick(alphabet, random_.below(5));
  }
  std::string some_partition() {
    static constexpr std::array names = {"p", "p\x01", "pp", "q", "\xff"};
    return names[random_.below(names.size())];
  }
  std::string some_value() { return random_.pick("xyz", random_.below(4) == 0 ? 3000 : random_.below(20)); }

  void commit() {
    Batch batch(some_partition());
    auto& [ordered, bulk] = model_[batch.partition()];
    for (auto left = random_.below(12); left > 0; --left) {
      const auto key = some_key();
      const bool is_bulk = random_.below(3) == 0;
      auto& keys = is_bulk ? bulk : ordered;
      if (random_.below(3) == 0) {
        is_bulk ? batch.remove_bulk(key) : batch.remove(key);
        keys.erase(key);
      } else {
        const auto value = some_value();
        is_bulk ? batch.put_bulk(key, value) : batch.put(key, value);
        keys[key] = value;
      }
    }
    ASSERT_TRUE(store_.run(store_->commit(std::move(batch))));
  }

  void transact() {
    auto partition = some_partition();
    auto keys = model_[partition].ordered;
    auto transaction = store_.run(catalog_->begin(partition));
    for (auto left = random_.below(15); left > 0; --left) {
      auto key = some_key();
      switch (random_.below(4)) {
        case 0:
          transaction.put(key, "t" + key);
          keys[key] = "t" + key;
          break;
        case 1:
          transaction.remove(key);
          keys.erase(key);
          break;
        case 2:
          ASSERT_EQ(transaction.get(key).value(), keys.contains(key) ? std::optional(keys[key]) : std::nullopt);
          break;
        case 3: {
          auto from = some_key();
          auto limit = random_.below(8);
          ASSERT_EQ(transaction.scan(key, limit, from).value(), expected_scan(keys, key, limit, from));
          break;
        }
      }
    }
    if (random_.below(3) == 0) return;  // dropped: nothing happened
    ASSERT_TRUE(store_.run(transaction.commit()));
    model_[partition].ordered = std::move(keys);
  }

  static Pairs expected_scan(const Keys& keys, const std::string& prefix, size_t limit, const std::string& from) {
    Pairs found;
    for (const auto& [key, value] : keys) {
      if (found.size() < limit && key >= from && key.starts_with(prefix)) found.emplace_back(key, value);
    }
    return found;
  }

  // The store now or at a snapshot, with the keys that must be there.
  std::pair<const Snapshot*, const Model*> some_view() {
    if (held_.empty() || random_.below(2) == 0) return {nullptr, &model_};
    auto& held = held_[random_.below(held_.size())];
    return {held.first.get(), &held.second};
  }

  void get() {
    auto [at, model] = some_view();
    auto partition = some_partition();
    auto key = some_key();
    const auto content = model->find(partition);
    const auto expected = [&](Keys Content::*keys) -> std::optional<std::string> {
      if (content == model->end() || !(content->second.*keys).contains(key)) return std::nullopt;
      return (content->second.*keys).at(key);
    };
    ASSERT_EQ(store_->get(partition, key, at).value(), expected(&Content::ordered));
    ASSERT_EQ(store_->get_bulk(partition, key, at).value(), expected(&Content::bulk));
  }

  void walk() {
    auto [at, model] = some_view();
    auto partition = some_partition();
    auto prefix = random_.below(2) == 0 ? std::string() : some_key().substr(0, 2);
    Pairs range;
    if (auto keys = model->find(partition); keys != model->end())
      range = expected_scan(keys->second.ordered, prefix, SIZE_MAX, "");
    auto cursor = store_->scan(partition, prefix, at);
    std::ptrdiff_t expected = 0;
    auto size = std::ssize(range);
    for (int step = 0; step < 30; ++step) {
      bool valid = expected >= 0 && expected < size;
      ASSERT_EQ(cursor->valid(), valid);
      ASSERT_TRUE(cursor->status());
      if (valid) {
        ASSERT_EQ(cursor->key(), range[static_cast<size_t>(expected)].first);
        ASSERT_EQ(cursor->value(), range[static_cast<size_t>(expected)].second);
      }
      auto key = prefix + some_key();
      if (random_.below(8) == 0) key = some_key();
      auto position = std::ranges::lower_bound(range, key, {}, &Pairs::value_type::first) - range.begin();
      auto action = random_.below(5);
      if (action == 0) {
        cursor->seek(key);
        expected = position;
      } else if (action == 1) {
        cursor->seek_before(key);
        expected = position - 1;
      } else if (action == 2) {
        cursor->previous();
        expected = valid ? expected - 1 : -1;
      } else {
        cursor->next();
        expected = valid ? expected + 1 : -1;
      }
    }
  }

  void hold_snapshot() {
    if (held_.size() < 3) {
      held_.emplace_back(store_->snapshot(), model_);
    } else {
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(random_.below(held_.size())));
    }
  }

  void list_partitions() {
    std::vector<std::string> expected;
    for (const auto& [name, content] : model_) {
      if (!content.ordered.empty() || !content.bulk.empty()) expected.push_back(name);
    }
    ASSERT_EQ(store_->partitions().value(), expected);
  }

  void drop() {
    if (random_.below(4) != 0) return;
    auto partition = some_partition();
    ASSERT_TRUE(store_.run(store_->drop_partition(partition)));
    model_.erase(partition);
  }

  void reopen() {
    if (random_.below(8) != 0) return;
    held_.clear();
    store_.reopen();
    catalog_ = std::make_unique<Catalog>(*store_);
  }

  Fixture store_;
  SeededRandom random_;
  std::unique_ptr<Catalog> catalog_;
  Model model_;
  std::vector<std::pair<std::unique_ptr<Snapshot>, Model>> held_;
};

TEST_P(StoreTest, AgreesWithPlainMaps) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ModelTest(GetParam(), seed).run(600);
    if (HasFatalFailure()) return;
  }
}

}  // namespace

}  // namespace boreal::store
