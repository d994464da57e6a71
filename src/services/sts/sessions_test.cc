#include <gmock/gmock.h>

#include "iam/testing.h"
#include "sts/service.h"

namespace boreal::sts {
namespace {

using namespace api::sts;
using testing::HasSubstr;

constexpr std::string_view role_arn = "arn:aws:iam::000000000000:role/shop";

// STS over a real IAM, in which bob may assume any role and "shop" lets whom its trust policy names.
class SessionsTest : public iam::IamTest {
 protected:
  SessionsTest() {
    make_user("bob");
    allow("bob", "sts:*", "*");
  }

  void make_role(const std::string& trust_document, int32_t max_session_s = 3600) {
    become_root();
    must<api::iam::CreateRoleResponse>(
        "CreateRole",
        api::iam::CreateRoleRequest{
            .role_name = "shop", .assume_role_policy_document = trust_document, .max_session_duration = max_session_s});
    must<api::iam::PutRolePolicyOutput>(
        "PutRolePolicy",
        api::iam::PutRolePolicyRequest{
            .role_name = "shop", .policy_name = "all", .policy_document = document("Allow", "*", "*")});
  }
  static AssumeRoleRequest request() { return {.role_arn = std::string(role_arn), .role_session_name = "session"}; }
  aws::Outcome<AssumeRoleResponse> assume(AssumeRoleRequest input) {
    return fixture.call<AssumeRoleResponse>(sts, "AssumeRole", std::move(input));
  }
  std::string assume_code(AssumeRoleRequest input) {
    const auto out = assume(std::move(input));
    return out ? "" : out.error().code;
  }
  // The session calls from here on.
  void enter(const Credentials& credentials) {
    const auto found = credential(credentials.access_key_id, credentials.session_token);
    ASSERT_TRUE(found);
    fixture.principal = *found->principal;
  }

  Service sts{fixture.context(), service};
};

TEST_F(SessionsTest, ATrustedUserBecomesTheRole) {
  make_role(trust("AWS", "arn:aws:iam::000000000000:user/bob"));
  become("bob");
  const auto out = assume(request());
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->assumed_role_user->arn, "arn:aws:sts::000000000000:assumed-role/shop/session");
  EXPECT_THAT(out->assumed_role_user->assumed_role_id, testing::MatchesRegex("AROA[A-Z2-7]{17}:session"));
  EXPECT_EQ(out->credentials->expiration, fixture.clock.now() + std::chrono::hours(1));
  enter(*out->credentials);
  EXPECT_EQ(fixture.principal.arn, out->assumed_role_user->arn);
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
}

TEST_F(SessionsTest, WhoIsNotTrustedOrNotAllowedIsDenied) {
  make_role(trust("AWS", "arn:aws:iam::000000000000:user/bob"));
  make_user("eve");
  allow("eve", "sts:*", "*");
  become("eve");
  EXPECT_EQ(assume_code(request()), "AccessDenied");
  become_root();
  must<api::iam::UpdateAssumeRolePolicyOutput>(
      "UpdateAssumeRolePolicy",
      api::iam::UpdateAssumeRolePolicyRequest{.role_name = "shop", .policy_document = trust("AWS", "000000000000")});
  become("eve");
  EXPECT_EQ(assume_code(request()), "");
  become_root();
  make_user("poor");
  become("poor");
  EXPECT_EQ(assume_code(request()), "AccessDenied") << "the account is trusted, but nothing lets this user";
  auto missing = request();
  missing.role_arn = "arn:aws:iam::000000000000:role/nothing";
  EXPECT_EQ(assume_code(missing), "AccessDenied");
  become_root();
  EXPECT_EQ(assume_code(request()), "AccessDenied") << "roots assume no roles";
}

TEST_F(SessionsTest, TheExternalIdMustBeRight) {
  make_role(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},
    "Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"secret"}}}]})");
  become("bob");
  EXPECT_EQ(assume_code(request()), "AccessDenied");
  auto with_id = request();
  with_id.external_id = "wrong";
  EXPECT_EQ(assume_code(with_id), "AccessDenied");
  with_id.external_id = "secret";
  EXPECT_EQ(assume_code(with_id), "");
}

TEST_F(SessionsTest, NamesAndDurationsHaveLimits) {
  make_role(trust("AWS", "000000000000"), 7200);
  become("bob");
  auto wanted = request();
  wanted.duration_seconds = 7201;
  EXPECT_EQ(assume_code(wanted), "ValidationError");
  wanted.duration_seconds = 7200;
  const auto out = assume(wanted);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->credentials->expiration, fixture.clock.now() + std::chrono::hours(2));
  wanted = request();
  wanted.role_session_name = "a/b";
  EXPECT_EQ(assume_code(wanted), "ValidationError");
  enter(*out->credentials);
  wanted = request();
  wanted.duration_seconds = 3601;
  EXPECT_EQ(assume_code(wanted), "ValidationError") << "a chain of roles has one hour";
  EXPECT_EQ(assume_code(request()), "");
}

TEST_F(SessionsTest, SessionPoliciesHoldTheRoleBack) {
  make_role(trust("AWS", "000000000000"));
  become("bob");
  const auto bob = fixture.principal;
  auto wanted = request();
  wanted.policy = document("Allow", "s3:GetObject", "*");
  wanted.policy_arns = std::vector<PolicyDescriptorType>{{.arn = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"}};
  const auto out = assume(wanted);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_GT(out->packed_policy_size.value_or(0), 0);
  enter(*out->credentials);
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  EXPECT_EQ(refusal("rds:DescribeDBClusters", "*"), "");
  EXPECT_THAT(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), HasSubstr("session policy"));

  fixture.principal = bob;
  wanted.policy = "{";
  EXPECT_EQ(assume_code(wanted), "MalformedPolicyDocument");
  wanted.policy = document("Allow", "s3:GetObject", "arn:aws:s3:::" + std::string(2048, 'x'));
  EXPECT_EQ(assume_code(wanted), "PackedPolicyTooLarge");
  wanted.policy.reset();
  wanted.policy_arns->at(0).arn = "arn:aws:iam::000000000000:policy/nothing";
  EXPECT_EQ(assume_code(wanted), "ValidationError");
}

TEST_F(SessionsTest, TagsNeedTagSessionAndGoOnWhenTransitive) {
  make_role(trust("AWS", "000000000000"));
  become("bob");
  const auto bob = fixture.principal;
  auto wanted = request();
  wanted.tags = std::vector<Tag>{{.key = "team", .value = "shop"}, {.key = "mood", .value = "good"}};
  wanted.transitive_tag_keys = std::vector<std::string>{"team"};
  EXPECT_EQ(assume_code(wanted), "AccessDenied") << "the trust policy says nothing of sts:TagSession";
  become_root();
  must<api::iam::UpdateAssumeRolePolicyOutput>(
      "UpdateAssumeRolePolicy",
      api::iam::UpdateAssumeRolePolicyRequest{
          .role_name = "shop",
          .policy_document =
              R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},
              "Action":["sts:AssumeRole","sts:TagSession"]}]})"});
  fixture.principal = bob;
  const auto first = assume(wanted);
  ASSERT_TRUE(first) << first.error().message;
  enter(*first->credentials);
  EXPECT_EQ(fixture.principal.tags.at("mood"), "good");
  const auto second = assume(request());
  ASSERT_TRUE(second) << second.error().message;
  enter(*second->credentials);
  EXPECT_EQ(fixture.principal.tags.at("team"), "shop");
  EXPECT_FALSE(fixture.principal.tags.contains("mood"));
  wanted.tags->at(0).key = "Team";
  wanted.transitive_tag_keys.reset();
  EXPECT_EQ(assume_code(wanted), "InvalidParameterValue") << "a tag that goes on cannot be set anew";
  wanted.tags = std::vector<Tag>{{.key = "mood", .value = "good"}};
  wanted.transitive_tag_keys = std::vector<std::string>{"other"};
  EXPECT_EQ(assume_code(wanted), "InvalidParameterValue") << "there is no such tag to go on";
  wanted.transitive_tag_keys.reset();
  wanted.tags->push_back({.key = "MOOD", .value = "bad"});
  EXPECT_EQ(assume_code(wanted), "InvalidParameterValue") << "of one tag there is one value";
}

TEST_F(SessionsTest, ASourceIdentityGoesOnAndIsToldToTheNextRole) {
  const auto trusting = [](const std::string& condition) {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},)"
           R"("Action":["sts:AssumeRole","sts:SetSourceIdentity"])" +
           condition + "}]}";
  };
  make_role(trusting(""));
  become("bob");
  auto wanted = request();
  wanted.source_identity = "alice/*";
  EXPECT_EQ(assume_code(wanted), "ValidationError");
  wanted.source_identity = "alice";
  const auto first = assume(wanted);
  ASSERT_TRUE(first) << first.error().message;
  const auto next = [&](const std::string& condition) {
    become_root();
    must<api::iam::UpdateAssumeRolePolicyOutput>(
        "UpdateAssumeRolePolicy",
        api::iam::UpdateAssumeRolePolicyRequest{.role_name = "shop", .policy_document = trusting(condition)});
    enter(*first->credentials);
    return assume_code(request());
  };
  EXPECT_EQ(next(R"(,"Condition":{"StringEquals":{"sts:SourceIdentity":"alice"}})"), "");
  EXPECT_EQ(next(R"(,"Condition":{"StringNotEquals":{"sts:SourceIdentity":"alice"}})"), "AccessDenied");
}

TEST_F(SessionsTest, ASessionsTagTakesThePlaceOfItsRolesWhateverTheCase) {
  make_role(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},
            "Action":["sts:AssumeRole","sts:TagSession"]}]})");
  must<api::iam::TagRoleOutput>("TagRole", api::iam::TagRoleRequest{.role_name = "shop",
                                                                    .tags = {{.key = "Team", .value = "admin"},
                                                                             {.key = "place", .value = "here"}}});
  become("bob");
  auto wanted = request();
  wanted.tags = std::vector<Tag>{{.key = "team", .value = "shop"}};
  const auto assumed = assume(wanted);
  ASSERT_TRUE(assumed) << assumed.error().message;
  enter(*assumed->credentials);
  EXPECT_EQ(fixture.principal.tags, (std::map<std::string, std::string>{{"place", "here"}, {"team", "shop"}}));
}

TEST_F(SessionsTest, ASessionEndsWithItsRole) {
  make_role(trust("AWS", "000000000000"));
  become("bob");
  const auto out = assume(request());
  ASSERT_TRUE(out);
  become_root();
  must<api::iam::DeleteRolePolicyOutput>("DeleteRolePolicy",
                                         api::iam::DeleteRolePolicyRequest{.role_name = "shop", .policy_name = "all"});
  must<api::iam::DeleteRoleOutput>("DeleteRole", api::iam::DeleteRoleRequest{.role_name = "shop"});
  EXPECT_FALSE(credential(out->credentials->access_key_id, out->credentials->session_token));
  make_role(trust("AWS", "000000000000"));
  EXPECT_FALSE(credential(out->credentials->access_key_id, out->credentials->session_token)) << "another role";
}

TEST_F(SessionsTest, ASessionOfOnesOwnMayNotMakeAnother) {
  become("bob");
  const auto out = fixture.call<GetSessionTokenResponse>(sts, "GetSessionToken", GetSessionTokenRequest{});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->credentials->expiration, fixture.clock.now() + std::chrono::hours(12));
  enter(*out->credentials);
  EXPECT_EQ(fixture.principal.arn, "arn:aws:iam::000000000000:user/bob");
  const auto again = fixture.call<GetSessionTokenResponse>(sts, "GetSessionToken", GetSessionTokenRequest{});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "AccessDenied");
  EXPECT_EQ(code<api::iam::GetUserResponse>("GetUser", api::iam::GetUserRequest{}), "InvalidClientTokenId");
}

TEST_F(SessionsTest, ASessionIsOfWhoItsUserIsNow) {
  become("bob");
  const auto out = fixture.call<GetSessionTokenResponse>(sts, "GetSessionToken", GetSessionTokenRequest{});
  ASSERT_TRUE(out) << out.error().message;
  become_root();
  must<api::iam::UpdateUserOutput>(
      "UpdateUser", api::iam::UpdateUserRequest{.user_name = "bob", .new_path = "/left/", .new_user_name = "Bob"});
  enter(*out->credentials);
  EXPECT_EQ(fixture.principal.arn, "arn:aws:iam::000000000000:user/left/Bob");
  EXPECT_EQ(fixture.principal.name, "Bob");
}

TEST_F(SessionsTest, AKeyTellsItsAccount) {
  const auto key = make_key("bob");
  const auto out = fixture.call<GetAccessKeyInfoResponse>(sts, "GetAccessKeyInfo",
                                                          GetAccessKeyInfoRequest{.access_key_id = key.access_key_id});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->account, "000000000000");
}

}  // namespace
}  // namespace boreal::sts
