#include "server/house.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing.h"
#include "store/store.h"

namespace boreal::server {
namespace {

struct World {
  World() {
    config.dev = true;
    config.data_folder = folder / "data";
    config.warm_pool = 0;
    pool.start();
  }
  ~World() { pool.stop(); }

  io::TempFolder folder;
  Config config;
  net::Loop loop;
  io::Pool pool{2};
  SystemClock clock;
  SystemRandom random;
};

Task<Result<void>> open_and_stop(World& world) {
  ServerTls tls(world.config, world.loop, world.pool, world.clock, world.random);
  CO_TRY(const auto house, co_await House::open(world.config, world.loop, world.pool, world.clock, world.random, tls));
  co_await house->stop();
  co_return Result<void>();
}

Task<Result<void>> damage_one_record(World& world) {
  CO_TRY(const auto store, co_await world.pool.run([&] {
    return store::open_store({.folder = world.config.data_folder + "/store"}, world.pool);
  }));
  store::Batch batch("s3/buckets");
  batch.put("shop", "{");
  co_return co_await store->commit(std::move(batch));
}

Task<void> open_in_vain(World& world, Result<void>& first, Result<void>& damaged, Result<void>& second) {
  first = co_await open_and_stop(world);
  damaged = co_await damage_one_record(world);
  second = co_await open_and_stop(world);
  world.loop.stop();
}

// What the services before it run in the background would go on in memory that is gone; the sanitizers tell.
TEST(House, AStartThatFailsEndsWhatItBegan) {
  Result<void> first, damaged, second;
  World world;
  world.loop.post([&] { spawn(open_in_vain(world, first, damaged, second)); });
  world.loop.run();
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_TRUE(damaged) << damaged.error().message();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), testing::HasSubstr("start s3"));
}

Task<void> open_without_port(World& world, Result<void>& opened) {
  ServerTls tls(world.config, world.loop, world.pool, world.clock, world.random);
  auto house = co_await House::open(world.config, world.loop, world.pool, world.clock, world.random, tls, [&] {
    EXPECT_TRUE(tls.context());  // listening takes it
    return Result<void>(fail(Errc::unavailable, "the port is taken"));
  });
  opened = house ? Result<void>() : std::unexpected(std::move(house).error());
  world.loop.stop();
}

TEST(House, WhereItCannotListenNothingIsOpened) {
  Result<void> opened;
  World world;
  world.loop.post([&] { spawn(open_without_port(world, opened)); });
  world.loop.run();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message(), "the port is taken");
  EXPECT_TRUE(*io::exists(world.config.data_folder + "/FORMAT"));
  for (const char* later : {"/store", "/objects", "/postgres"}) {
    EXPECT_FALSE(*io::exists(world.config.data_folder + later)) << later;
  }
}

}  // namespace
}  // namespace boreal::server
