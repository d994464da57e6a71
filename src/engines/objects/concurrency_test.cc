// Many clients at once on few keys; and large streams in little memory.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <random>

#include "base/sync.h"
#include "codec/hex.h"
#include "crypto/hash.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

// What one client did: between `begin` and `end` (of one logical clock) it wrote or read `value`.
struct Observed {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool is_write = false;
  uint64_t value = 0;  // 0: not there
};

// For writes of distinct values to one register, where each read names its write: every read must name a write that
// began before the read ended, and that no other write lies wholly behind and wholly before the read; and no read
// that follows another may name an older write than it.
void expect_linearizable(const std::vector<Observed>& history) {
  std::map<uint64_t, Observed> writes;
  for (const auto& event : history) {
    if (event.is_write) writes[event.value] = event;
  }
  writes[0] = {};  // before everything
  const auto comes_after = [&](uint64_t newer, uint64_t older) { return writes[newer].begin > writes[older].end; };
  for (const auto& read : history) {
    if (read.is_write) continue;
    ASSERT_TRUE(writes.contains(read.value)) << "a value that nobody wrote";
    ASSERT_LT(writes[read.value].begin, read.end) << "read before it was written";
    for (const auto& [value, write] : writes) {
      ASSERT_FALSE(write.end < read.begin && comes_after(value, read.value)) << "a stale read";
    }
    for (const auto& later : history) {
      if (later.is_write || later.begin < read.end) continue;
      ASSERT_FALSE(comes_after(read.value, later.value)) << "a read went back in time";
    }
  }
}

class ConcurrencyTest : public ::testing::Test {
 protected:
  static constexpr int clients = 12;
  static constexpr int steps = 40;
  static constexpr int key_count = 3;

  ConcurrencyTest() : engine_(folder_.path()) { TestEngine::must(engine_.run(engine_.objects().create_bucket("l"))); }

  Task<void> client(int number) {
    std::mt19937_64 chance(static_cast<uint64_t>(number));
    for (int i = 0; i < steps; ++i) {
      const auto key = static_cast<size_t>(chance() % key_count);
      Observed event;
      event.begin = ++now_;
      if (chance() % 2 == 0) {
        event.is_write = true;
        event.value = ++next_value_;
        // Small ones and large ones replace each other.
        const size_t size = chance() % 2 == 0 ? 20 : 40'000;
        std::string body = std::to_string(event.value) + " ";
        body.resize(size, '.');
        PutRequest request;
        request.bucket = "l";
        request.key = "k" + std::to_string(key);
        request.data_key = test_data_key();
        TextSource source(std::move(body));
        const auto done = co_await engine_.objects().put(std::move(request), source);
        EXPECT_TRUE(done);
      } else {
        const auto content = co_await TestEngine::read_object(engine_.objects(), engine_.keys, "l",
                                                              "k" + std::to_string(key), Select::latest(), {});
        EXPECT_TRUE(content || content.error().code() == Errc::not_found) << content.error().message();
        event.value = content ? std::stoull(*content) : 0;
      }
      event.end = ++now_;
      history_[key].push_back(event);
    }
  }
  Task<void> all_clients() {
    TaskGroup group;
    for (int i = 0; i < clients; ++i) group.spawn(client(i));
    co_await group.wait();
  }
  Task<void> create_once(int number, int& won) {
    PutRequest request;
    request.bucket = "l";
    request.key = "only one";
    request.data_key = test_data_key();
    request.precondition = [](const Version* latest) -> Result<void> {
      if (latest == nullptr) return {};
      return fail(Errc::exists, "taken");
    };
    TextSource source("by " + std::to_string(number));
    if (co_await engine_.objects().put(std::move(request), source)) ++won;
  }
  Task<int> race_to_create() {
    int won = 0;
    TaskGroup group;
    for (int i = 0; i < clients; ++i) group.spawn(create_once(i, won));
    co_await group.wait();
    co_return won;
  }

  io::TempFolder folder_;
  TestEngine engine_;
  uint64_t now_ = 0;
  uint64_t next_value_ = 0;
  std::array<std::vector<Observed>, key_count> history_;
};

TEST_F(ConcurrencyTest, EachKeyIsARegister) {
  engine_.run(all_clients());
  for (const auto& history : history_) {
    ASSERT_GT(history.size(), 50u);
    expect_linearizable(history);
  }
}

TEST_F(ConcurrencyTest, OnlyOneCreatesWhatMustNotExist) { EXPECT_EQ(engine_.run(race_to_create()), 1); }

// Hashes what it is given and forgets it.
Task<Result<std::string>> md5_of(Source& source) {
  crypto::Md5 md5;
  std::vector<std::byte> buffer(64 << 10);
  for (;;) {
    CO_TRY(const size_t count, co_await source.read(buffer));
    if (count == 0) co_return codec::hex_encode(md5.finish());
    md5.update(Bytes(buffer).first(count));
  }
}

long peak_memory_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(ConcurrencyTest, LargeStreamsNeedLittleMemory) {
  constexpr uint64_t size = 200 << 20;
  const long before = peak_memory_kb();
  PutRequest request;
  request.bucket = "l";
  request.key = "large";
  request.data_key = test_data_key();
  PatternSource source(size, 1);
  const auto version = engine_.run(engine_.objects().put(std::move(request), source));
  ASSERT_TRUE(version);
  EXPECT_EQ(version->size, size);
  auto found = TestEngine::must(engine_.run(engine_.objects().find("l", "large", Select::latest(), true)));
  auto body = TestEngine::must(engine_.run(engine_.objects().read(std::move(found), {}, engine_.keys)));
  EXPECT_EQ(engine_.run(md5_of(*body)).value(), version->etag);
  engine_.on_executor([&] { body.reset(); });
  // Sanitizers keep freed memory for a while; the object itself would not fit in this.
  EXPECT_LT(peak_memory_kb() - before, 64 << 10);
}

}  // namespace
}  // namespace boreal::objects
