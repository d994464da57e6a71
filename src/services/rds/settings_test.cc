#include "rds/settings.h"

#include <gmock/gmock.h>

namespace boreal::rds {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// A group may hold what earlier versions let pass.
TEST(RdsSettings, WhatTheServiceDecidesIsNotTakenFromAGroup) {
  postgres::ServerOptions options;
  put_settings({{"archive_command", "touch /tmp/ours"}, {"wal_level", "minimal"}, {"work_mem", "8MB"}}, options);
  EXPECT_THAT(options.settings, ElementsAre(Pair("work_mem", "8MB")));
  put_settings({{"rds.logical_replication", "1"}, {"rds.force_ssl", "1"}}, options);
  EXPECT_EQ(options.settings["wal_level"], "logical");
  EXPECT_TRUE(options.access.require_tls);
}

}  // namespace
}  // namespace boreal::rds
