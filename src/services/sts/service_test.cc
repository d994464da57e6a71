#include "sts/service.h"

#include <gtest/gtest.h>

#include "aws/testing.h"

namespace boreal::sts {
namespace {

using namespace api::sts;

struct NoSessions : aws::Sessions {
  Task<aws::Outcome<Issued>> issue(aws::Principal, Duration) override { co_return Issued{}; }
  Task<aws::Outcome<std::optional<Role>>> role(std::string) override { co_return std::nullopt; }
  std::optional<std::string> account_of(std::string_view) const override { return std::nullopt; }
  Task<aws::Outcome<bool>> has_policy(std::string, std::string) override { co_return false; }
};

TEST(Sts, WhoeverCanSignMayAskWhoTheyAre) {
  aws::CallFixture fixture;
  NoSessions sessions;
  Service sts(fixture.context(), sessions);
  fixture.principal = aws::user_principal("111111111111", "bob");
  const auto answer = fixture.call<GetCallerIdentityResponse>(sts, "GetCallerIdentity", GetCallerIdentityRequest{});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->account, "111111111111");
  EXPECT_EQ(answer->arn, "arn:aws:iam::111111111111:user/bob");
  EXPECT_EQ(answer->user_id, "AIDAbob");
}

}  // namespace
}  // namespace boreal::sts
