#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace boreal::log {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

template <class F>
std::string written_by(F work) {
  testing::internal::CaptureStderr();
  work();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, OneLineAnEvent) {
  const std::string line = written_by([] { info("store", "opened", {{"path", "/x y"}, {"count", 3}, {"empty", ""}}); });
  EXPECT_THAT(line,
              MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9:.]+Z info  store +opened path=\"/x y\" count=3 empty=\"\"\n"));
}

TEST(Log, WhatClientsSendCannotMakeLinesOrColours) {
  const std::string line =
      written_by([] { warn("http", "bad\nrequest", {{"path", "/\n2030 info forged \x1b[31m\"\\"}}); });
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  EXPECT_THAT(line, EndsWith("bad request path=\"/\\u000a2030 info forged \\u001b[31m\\\"\\\\\"\n"));
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_THAT(written_by([] { warn("http", "m\x7f", {{"k", "a\x08"}}); }), EndsWith("m  k=\"a\\u0008\"\n"));
}

TEST(Log, LevelsAreLeftOut) {
  const Level before = level();
  set_level(Level::warn);
  EXPECT_EQ(written_by([] {
              debug("x", "1");
              info("x", "2");
            }),
            "");
  EXPECT_THAT(written_by([] { error("x", "3"); }), HasSubstr("error"));
  set_level(Level::debug);
  EXPECT_THAT(written_by([] { debug("x", "4"); }), HasSubstr("debug"));
  set_level(before);
}

TEST(Log, Json) {
  set_json(true);
  const std::string line = written_by([] { info("store", "say \"hi\"", {{"a", 1}, {"b", "x\ty\x7f"}}); });
  set_json(false);
  EXPECT_THAT(line, EndsWith("\"level\":\"info\",\"module\":\"store\",\"message\":\"say \\\"hi\\\"\",\"a\":\"1\","
                             "\"b\":\"x\\u0009y\\u007f\"}\n"));
  EXPECT_THAT(line, testing::StartsWith("{\"time\":\""));
}

}  // namespace
}  // namespace boreal::log
