#include "postgres/settings.h"

#include <gmock/gmock.h>

#include "postgres/test_bed.h"

namespace boreal::postgres {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(SettingsCatalog, KnowsAndChecksWhatTheServerDoes) {
  TestBed bed;
  if (!bed.missing().empty()) GTEST_SKIP() << bed.missing();
  auto catalog = bed.run(SettingsCatalog::load(bed.context(), bed.installation(), bed.path("settings")));
  ASSERT_TRUE(catalog) << catalog.error().message();
  EXPECT_GT(catalog->all().size(), 300u);

  const Setting* statement = catalog->find("log_statement");
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->type, SettingType::choice);
  EXPECT_THAT(statement->choices, Contains("ddl"));
  EXPECT_FALSE(statement->needs_restart());
  const Setting* connections = catalog->find("max_connections");
  ASSERT_TRUE(connections);
  EXPECT_EQ(connections->type, SettingType::integer);
  EXPECT_EQ(connections->min, "1");
  EXPECT_TRUE(connections->needs_restart());
  EXPECT_EQ(catalog->find("work_mem")->unit, "kB");
  EXPECT_FALSE(catalog->find("server_version")->changeable());
  EXPECT_EQ(catalog->find("no_such_setting"), nullptr);

  const auto check = [&](const char* name, const char* value) {
    const auto checked = bed.run(catalog->check({{"log_statement", "ddl"}, {name, value}}));
    return checked ? std::string("good") : checked.error().message();
  };
  EXPECT_EQ(check("work_mem", "8MB"), "good");
  EXPECT_EQ(check("log_min_duration_statement", "1000"), "good");
  EXPECT_THAT(check("log_min_messages", "loud"), HasSubstr("Available values"));
  EXPECT_THAT(check("work_mem", "1"), HasSubstr("outside the valid range"));
  EXPECT_THAT(check("work_mem", "many"), HasSubstr("work_mem"));
  EXPECT_THAT(check("no_such_setting", "1"), HasSubstr("no setting 'no_such_setting'"));
  EXPECT_THAT(check("server_version", "99"), HasSubstr("cannot be changed"));
  EXPECT_THAT(check("fsync", "off"), HasSubstr("decided by the service"));
  EXPECT_THAT(check("archive_command", "touch /tmp/ours"), HasSubstr("decided by the service"));
  EXPECT_THAT(check("timezone", "Mars/Olympus"), HasSubstr("no setting 'timezone'"));
  EXPECT_THAT(check("TimeZone", "Mars/Olympus"), HasSubstr("TimeZone"));
  EXPECT_THAT(check("shared_preload_libraries", "nothing_like_it"), HasSubstr("not installed"));
  EXPECT_THAT(check("shared_preload_libraries", "../../x"), HasSubstr("not installed"));
  EXPECT_THAT(check("session_preload_libraries", "/tmp/x"), HasSubstr("session_preload_libraries: '/tmp/x' is not"));

  // The second time it is read from the folder, and no program is asked.
  auto installation = bed.installation();
  installation.bin = bed.path("nothing");
  auto again = bed.run(SettingsCatalog::load(bed.context(), installation, bed.path("settings")));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->all().size(), catalog->all().size());
}

TEST(WarmPool, RemovesHalvesAndKeepsWholes) {
  TestBed bed;
  if (!bed.missing().empty()) GTEST_SKIP() << bed.missing();
  ASSERT_TRUE(io::make_folders(bed.path("pool/making-3/data")));
  ASSERT_TRUE(io::make_folders(bed.path("pool/ready-4/twin")));
  ASSERT_TRUE(io::make_folders(bed.path("pool/ready-5/twin")));
  ASSERT_TRUE(io::make_folders(bed.path("pool/ready-5/data")));
  WarmPool pool(bed.context(), bed.installation(), {.folder = bed.path("pool"), .size = 0});
  ASSERT_TRUE(bed.run(pool.start()));
  EXPECT_EQ(pool.ready(), 1u);
  EXPECT_EQ(io::list_folder(bed.path("pool")).value(), std::vector<std::string>{"ready-5"});
  ASSERT_TRUE(bed.run(pool.take(bed.path("data"), bed.path("twin"))));
  EXPECT_EQ(pool.ready(), 0u);
  EXPECT_TRUE(*io::exists(bed.path("data")));
  bed.run(pool.stop());
}

}  // namespace
}  // namespace boreal::postgres
