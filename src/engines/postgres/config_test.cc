#include "postgres/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "postgres/cluster.h"

namespace boreal::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServerConfiguration sample() {
  return {.layout = {"/srv/c/servers/w"},
          .options = {.listen = {"127.17.0.10", 5432}, .settings = {{"work_mem", "8MB"}}},
          .admin = "overseer",
          .peers = {"root", "postgres"}};
}

TEST(ServerConf, ManagedLinesComeLast) {
  const auto text = server_conf(sample());
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("listen_addresses = '127.17.0.10'\n"));
  EXPECT_THAT(*text, HasSubstr("work_mem = '8MB'\n"));
  EXPECT_LT(text->find("work_mem"), text->find("listen_addresses"));
  EXPECT_THAT(*text, HasSubstr("synchronous_standby_names = ''\n"));
}

TEST(ServerConf, ValuesCannotBreakOut) {
  auto configuration = sample();
  configuration.options.settings = {{"search_path", R"(it's a \ trap)"}};
  const auto text = server_conf(configuration);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(R"(search_path = 'it''s a \\ trap')"));
  configuration.options.settings = {{"search_path", "x'\nfsync = off"}};
  EXPECT_EQ(server_conf(configuration).error().code(), Errc::invalid);
  configuration.options.settings = {{"work_mem = 1\nfsync", "off"}};
  EXPECT_EQ(server_conf(configuration).error().code(), Errc::invalid);
}

TEST(ServerConf, ManagedSettingsAreRefused) {
  for (const auto* name : {"port", "fsync", "primary_conninfo", "include"}) {
    auto configuration = sample();
    configuration.options.settings = {{name, "1"}};
    EXPECT_EQ(server_conf(configuration).error().code(), Errc::invalid) << name;
  }
}

TEST(ServerConf, StandbysFindTheirPrimaryByARelativeWay) {
  auto configuration = sample();
  configuration.role.upstream = Upstream{"/srv/c/servers/other/run", 5433, "w"};
  const auto text = server_conf(configuration);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("host=''/proc/self/cwd/../../other/run'' port=5433"));
  EXPECT_THAT(*text, HasSubstr("application_name=''w''"));
}

TEST(ServerConf, AllStandbysAreWaitedFor) {
  auto configuration = sample();
  configuration.role.synchronous = {"a", "b-1"};
  EXPECT_THAT(*server_conf(configuration), HasSubstr(R"(synchronous_standby_names = 'FIRST 2 ("a", "b-1")')"));
}

TEST(HbaConf, RejectsAllButTheNetworks) {
  auto configuration = sample();
  configuration.options.access = {.networks = {"10.0.0.0/8", "::1/128"}, .require_tls = true};
  const auto text = hba_conf(configuration);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("hostssl all all 10.0.0.0/8 scram-sha-256\n"));
  EXPECT_THAT(*text, HasSubstr("hostssl all all ::1/128 scram-sha-256\n"));
  EXPECT_TRUE(text->ends_with("host all all all reject\n"));
  EXPECT_LT(text->find("host all \"overseer\" all reject"), text->find("10.0.0.0/8"));
}

TEST(HbaConf, RefusesWhatIsNoNetwork) {
  const std::string with_zero("10.0.0.0\0\nhost/8", 16);
  for (const std::string& network :
       {std::string("10.0.0.0"), std::string("10.0.0.0/33"), std::string("all"), std::string("10.0.0.0/8 trust\nhost"),
        std::string("::1/129"), std::string("1.2.3/8"), std::string("/8"), with_zero}) {
    auto configuration = sample();
    configuration.options.access.networks = {network};
    EXPECT_EQ(hba_conf(configuration).error().code(), Errc::invalid) << network;
  }
}

TEST(ClusterState, SurvivesBeingWritten) {
  const ClusterState state{.primary = "a", .safe = {"b", "c"}, .diverged = {"d"}};
  const auto read = ClusterState::parse(state.to_text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->primary, "a");
  EXPECT_EQ(read->safe, state.safe);
  EXPECT_EQ(read->diverged, state.diverged);
  EXPECT_EQ(ClusterState::parse(ClusterState().to_text())->primary, "");
}

TEST(ClusterState, HalvesAreRefused) {
  for (const auto* text : {"primary a", "nonsense\n", "king a\n"}) {
    EXPECT_EQ(ClusterState::parse(text).error().code(), Errc::corrupt) << text;
  }
}

TEST(Quoting, KeepsTextInside) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\'b"), "E'a\\\\''b'");
}

}  // namespace
}  // namespace boreal::postgres
