#include "base/clock.h"
#include "kms/testing.h"

namespace boreal::kms {
namespace {

using std::chrono::days;

// Its commits take long.
class SlowStore final : public store::Store {
 public:
  SlowStore(store::Store& inner, net::Loop& loop) : inner_(inner), loop_(loop) {}
  Duration takes{0};
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const store::Snapshot* at) const override {
    return inner_.get(partition, key, at);
  }
  Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                              const store::Snapshot* at) const override {
    return inner_.get_bulk(partition, key, at);
  }
  std::unique_ptr<store::Cursor> scan(std::string_view partition, std::string_view prefix,
                                      const store::Snapshot* at) const override {
    return inner_.scan(partition, prefix, at);
  }
  std::unique_ptr<store::Snapshot> snapshot() const override { return inner_.snapshot(); }
  Task<Result<void>> commit(store::Batch batch) override {
    if (takes > Duration(0)) co_await loop_.sleep(takes);
    co_return co_await inner_.commit(std::move(batch));
  }
  Result<std::vector<std::string>> partitions() const override { return inner_.partitions(); }
  Task<Result<void>> drop_partition(std::string_view partition) override { return inner_.drop_partition(partition); }
  Task<Result<void>> check(store::CheckStep step) const override { return inner_.check(std::move(step)); }

 private:
  store::Store& inner_;
  net::Loop& loop_;
};

class KmsClockTest : public KmsTest {
 protected:
  net::Loop& loop() { return fixture.context().loop; }
  Task<void> round() {
    const int64_t since_ns = monotonic_ns();
    while (!kms->has_been_round(since_ns)) co_await loop().sleep(Duration(5));
  }
  Task<void> enable_slowly(std::string key) {
    EXPECT_TRUE(co_await kms->start());
    co_await round();
    store.takes = Duration(350);  // the clock is looked at meanwhile
    const auto enabled =
        co_await fixture.with_call(*kms, "EnableKey", [&](aws::Call& call) -> Task<aws::Outcome<EnableKeyOutput>> {
          co_return co_await kms->enable_key(call, EnableKeyRequest{.key_id = key});
        });
    EXPECT_TRUE(enabled);
    store.takes = Duration(0);
    co_await round();
    co_await kms->stop();
  }

  SlowStore store{fixture.store(), fixture.context().loop};
  store::Catalog catalog{store};
};

TEST_F(KmsClockTest, ARotationThatWaitedForItsKeyComesWhenThatIsEnabled) {
  const auto context = fixture.context();
  const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
  kms =
      std::make_unique<Service>(aws::ServiceContext{catalog, context.clock, context.random, context.loop, context.pool},
                                *crypto::Sealer::derive(root, "kms", fixture.random));
  const auto key = make_key();
  good<EnableKeyRotationOutput>("EnableKeyRotation",
                                EnableKeyRotationRequest{.key_id = key, .rotation_period_in_days = 90});
  good<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = key});
  fixture.clock.advance(days(91));
  net::run_until_done(loop(), enable_slowly(key));
  EXPECT_EQ(
      good<ListKeyRotationsResponse>("ListKeyRotations", ListKeyRotationsRequest{.key_id = key}).rotations->size(), 1U);
}

}  // namespace
}  // namespace boreal::kms
