#include "rds/bootstrap.h"

#include <gtest/gtest.h>

#include "postgres/test_bed.h"

namespace boreal::rds {
namespace {

TEST(Bootstrap, WhoHasAWayOutOfTheDatabaseLosesIt) {
  postgres::TestBed bed;
  if (!bed.missing().empty()) GTEST_SKIP() << bed.missing();
  postgres::WarmPool pool(bed.context(), bed.installation(), {.folder = bed.path("pool"), .size = 0});
  ASSERT_TRUE(bed.run(pool.start()));
  {
    postgres::ScopedCluster cluster(bed, bed.path("cluster"));
    const auto made = bed.run(cluster->create(pool, "w", {.listen = {postgres::TestBed::address(10), 5432}}));
    ASSERT_TRUE(made) << made.error().message();
    auto& server = *cluster->primary();
    ASSERT_TRUE(bed.run(server.query("create role \"Jane Doe\"; grant pg_execute_server_program to \"Jane Doe\"")));
    for (int times = 0; times < 2; ++times) {
      const auto closed = bed.run(close_ways_out(server));
      ASSERT_TRUE(closed) << closed.error().message();
      EXPECT_EQ(
          bed.run(server.query("select pg_has_role('Jane Doe', 'pg_execute_server_program', 'member')"))->scalar(),
          "f");
    }
    EXPECT_EQ(
        bed.run(server.query("select rolsuper from pg_roles where rolname = 'pg_execute_server_program'"))->scalar(),
        "t");
  }
  bed.run(pool.stop());
}

}  // namespace
}  // namespace boreal::rds
