#include "dms/task_documents.h"

#include <gtest/gtest.h>

namespace boreal::dms {
namespace {

std::string settings_error(std::string_view text) {
  const auto checked = check_task_settings(text);
  return checked ? "" : checked.error().message;
}

std::string mappings_error(std::string_view text) {
  const auto checked = check_table_mappings(text);
  return checked ? "" : checked.error().message;
}

TEST(TaskSettings, TheDefaultsAreValidAndPartsOfThemToo) {
  EXPECT_EQ(settings_error(default_task_settings()), "");
  EXPECT_EQ(default_task_settings().find("historyTimeslotInMinutes"), std::string_view::npos);
  EXPECT_EQ(settings_error("{}"), "");
  EXPECT_EQ(settings_error(R"({"TargetMetadata":{"LobMaxSize":32},"Logging":{"EnableLogging":true}})"), "");
}

TEST(TaskSettings, WhatIsWrongIsNamed) {
  EXPECT_NE(settings_error("[]").find("must be an object"), std::string::npos);
  EXPECT_NE(settings_error("{").find("Invalid task settings JSON"), std::string::npos);
  EXPECT_NE(settings_error(R"({"Nothing":1})").find("Nothing is not a task setting"), std::string::npos);
  EXPECT_NE(settings_error(R"({"Logging":{"EnableLogging":"yes"}})").find("Logging.EnableLogging is a string"),
            std::string::npos);
  EXPECT_NE(settings_error(R"({"FullLoadSettings":{"MaxFullLoadSubTasks":50}})").find("from 1 to 49"),
            std::string::npos);
  EXPECT_NE(settings_error(R"({"FullLoadSettings":{"CommitRate":1.5}})").find("whole number"), std::string::npos);
  EXPECT_NE(settings_error(R"({"FullLoadSettings":{"TargetTablePrepMode":"KEEP"}})").find("DO_NOTHING"),
            std::string::npos);
  EXPECT_NE(settings_error(R"({"Logging":{},"Logging":{}})"), "");
}

TEST(TableMappings, RulesMustBeWholeAndSelectSomething) {
  const std::string include = R"({"rule-type":"selection","rule-id":"1","rule-name":"a","rule-action":"include",
      "object-locator":{"schema-name":"public","table-name":"%"}})";
  EXPECT_EQ(mappings_error("{\"rules\":[" + include + "]}"), "");
  EXPECT_NE(mappings_error("{\"rules\":[" + include + "," + include + "]}").find("already"), std::string::npos);
  EXPECT_NE(mappings_error("{\"rules\":[]}").find("non-empty"), std::string::npos);
  EXPECT_NE(mappings_error("7").find("non-empty"), std::string::npos);
  EXPECT_NE(mappings_error(R"({"rules":[{"rule-type":"selection","rule-id":1,"rule-name":"a","rule-action":"exclude",
      "object-locator":{"schema-name":"public","table-name":"%"}}]})")
                .find("no selection rule"),
            std::string::npos);
  EXPECT_NE(mappings_error(R"({"rules":[{"rule-type":"selection","rule-id":1,"rule-name":"a","rule-action":"include",
      "object-locator":{"schema-name":"public"}}]})")
                .find("table-name"),
            std::string::npos);
  EXPECT_NE(mappings_error(R"({"rules":[{"rule-type":"wish","rule-id":1,"rule-name":"a"}]})").find("rule-type"),
            std::string::npos);
}

}  // namespace
}  // namespace boreal::dms
