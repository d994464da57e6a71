#include "dms/probes.h"

#include <gtest/gtest.h>

#include "base/testing.h"

namespace boreal::dms {
namespace {

TEST(Probe, AnswersInWords) {
  const ProbeOrder order{.addresses = "127.0.0.1",
                         .port = 1,  // nobody listens there
                         .database = "d",
                         .user = "u",
                         .password = "p",
                         .ssl_mode = "disable"};
  const auto answer = store::decode<ProbeAnswer>(answer_probe(store::encode(order)));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_NE(answer->failure.find("Connection refused"), std::string::npos) << answer->failure;
  const auto senseless = store::decode<ProbeAnswer>(answer_probe("{"));
  ASSERT_TRUE(senseless);
  EXPECT_FALSE(senseless->failure.empty());
}

class ProbesTest : public testing::Test {
 protected:
  // Of a probe by that program.
  Result<ProbeAnswer> ask(std::string program, bool ending = false) {
    Probes probes(std::move(program));
    probes.start();
    if (ending) probes.end();
    auto answer = executor_.run(probes.ask({}));
    probes.stop();
    return answer;
  }

 private:
  TestExecutor executor_;
};

TEST_F(ProbesTest, WhatTheProcessDoesNotAnswerIsTold) {
  EXPECT_EQ(ask("/bin/false").error().code(), Errc::too_large);
  EXPECT_EQ(ask("/bin/echo").error().code(), Errc::corrupt);
  EXPECT_FALSE(ask("/there/is/no/such/program"));
  EXPECT_EQ(ask("").error().code(), Errc::unsupported);
  EXPECT_EQ(ask("/bin/echo", true).error().code(), Errc::cancelled);
}

}  // namespace
}  // namespace boreal::dms
