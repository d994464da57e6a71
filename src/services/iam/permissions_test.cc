// What users may do: the way from stored policies to the gate's decision.
#include <gmock/gmock.h>

#include "iam/managed_policies.h"
#include "iam/testing.h"

namespace boreal::iam {
namespace {

using namespace api::iam;
using testing::HasSubstr;

using PermissionsTest = IamTest;

TEST_F(PermissionsTest, AUserMayDoWhatAPolicyAllowsAndNothingElse) {
  make_user("bob");
  become("bob");
  EXPECT_THAT(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), HasSubstr("no identity-based policy allows"));
  become_root();
  allow("bob", "s3:GetObject", "arn:aws:s3:::shop/*");
  become("bob");
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  const std::string said = refusal("s3:PutObject", "arn:aws:s3:::shop/a");
  EXPECT_THAT(said, HasSubstr("arn:aws:iam::000000000000:user/bob"));
  EXPECT_THAT(said, HasSubstr("s3:PutObject"));
  EXPECT_THAT(said, HasSubstr("arn:aws:s3:::shop/a"));
  become_root();
  must<DeleteUserPolicyOutput>("DeleteUserPolicy",
                               DeleteUserPolicyRequest{.user_name = "bob", .policy_name = "allowed"});
  fixture.principal =
      credential(*must<ListAccessKeysResponse>("ListAccessKeys", ListAccessKeysRequest{.user_name = "bob"})
                      .access_key_metadata[0]
                      .access_key_id)
          ->principal;
  EXPECT_NE(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "") << "the cache must go with the policy";
}

TEST_F(PermissionsTest, AnExplicitDenyWins) {
  make_user("bob");
  allow("bob", "s3:*", "*");
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{
          .user_name = "bob", .policy_name = "no", .policy_document = document("Deny", "s3:DeleteObject", "*")});
  become("bob");
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  EXPECT_THAT(refusal("s3:DeleteObject", "arn:aws:s3:::shop/a"), HasSubstr("explicit deny"));
}

TEST_F(PermissionsTest, GroupsAndManagedPoliciesCountAndChange) {
  make_user("bob");
  must<CreateGroupResponse>("CreateGroup", CreateGroupRequest{.group_name = "readers"});
  must<AddUserToGroupOutput>("AddUserToGroup", AddUserToGroupRequest{.group_name = "readers", .user_name = "bob"});
  const auto policy = must<CreatePolicyResponse>(
      "CreatePolicy", CreatePolicyRequest{.policy_name = "read", .policy_document = std::string(anyone_document)});
  const std::string arn = *policy.policy->arn;
  must<AttachGroupPolicyOutput>("AttachGroupPolicy",
                                AttachGroupPolicyRequest{.group_name = "Readers", .policy_arn = arn});
  become("bob");
  const auto bob = fixture.principal;
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  become_root();
  must<CreatePolicyVersionResponse>(
      "CreatePolicyVersion",
      CreatePolicyVersionRequest{
          .policy_arn = arn, .policy_document = document("Allow", "s3:PutObject", "*"), .set_as_default = true});
  fixture.principal = bob;
  EXPECT_NE(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  EXPECT_EQ(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), "");
  become_root();
  must<RemoveUserFromGroupOutput>("RemoveUserFromGroup",
                                  RemoveUserFromGroupRequest{.group_name = "readers", .user_name = "bob"});
  fixture.principal = bob;
  EXPECT_NE(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), "");
}

TEST_F(PermissionsTest, ABoundaryHoldsBackWhatPoliciesAllow) {
  const auto policy = must<CreatePolicyResponse>(
      "CreatePolicy", CreatePolicyRequest{.policy_name = "edge", .policy_document = std::string(anyone_document)});
  must<CreateUserResponse>("CreateUser",
                           CreateUserRequest{.user_name = "bob", .permissions_boundary = policy.policy->arn});
  allow("bob", "s3:*", "*");
  become("bob");
  const auto bob = fixture.principal;
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  EXPECT_THAT(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), HasSubstr("permissions boundary"));
  become_root();
  must<DeleteUserPermissionsBoundaryOutput>("DeleteUserPermissionsBoundary",
                                            DeleteUserPermissionsBoundaryRequest{.user_name = "bob"});
  fixture.principal = bob;
  EXPECT_EQ(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), "");
}

TEST_F(PermissionsTest, IamItselfIsAskedWithTheRealArn) {
  make_user("bob");
  allow("bob", "iam:*", "arn:aws:iam::000000000000:role/ops/*");
  must<CreateRoleResponse>(
      "CreateRole",
      CreateRoleRequest{
          .path = "/ops/", .role_name = "mine", .assume_role_policy_document = trust("AWS", "000000000000")});
  must<CreateRoleResponse>(
      "CreateRole",
      CreateRoleRequest{.role_name = "theirs", .assume_role_policy_document = trust("AWS", "000000000000")});
  become("bob");
  EXPECT_EQ(code<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = "mine"}), "");
  EXPECT_EQ(code<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = "theirs"}), "AccessDenied");
  EXPECT_EQ(code<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = "ops/theirs"}), "AccessDenied");
  EXPECT_EQ(code<CreateRoleResponse>(
                "CreateRole",
                CreateRoleRequest{.role_name = "new", .assume_role_policy_document = trust("AWS", "000000000000")}),
            "AccessDenied");
  EXPECT_EQ(code<CreateUserResponse>("CreateUser", CreateUserRequest{.user_name = "eve"}), "AccessDenied");
}

TEST_F(PermissionsTest, UsersMayBeLetAtTheirOwnKeysOnly) {
  make_user("bob");
  make_user("eve");
  allow("bob", "iam:*AccessKey*", "arn:aws:iam::000000000000:user/${aws:username}");
  become("bob");
  EXPECT_EQ(code<ListAccessKeysResponse>("ListAccessKeys", ListAccessKeysRequest{}), "");
  EXPECT_EQ(code<CreateAccessKeyResponse>("CreateAccessKey", CreateAccessKeyRequest{}), "");
  EXPECT_EQ(code<CreateAccessKeyResponse>("CreateAccessKey", CreateAccessKeyRequest{.user_name = "eve"}),
            "AccessDenied");
}

TEST_F(PermissionsTest, ARoleIsPassedWhenItIsThereTrustedAndAllowed) {
  must<CreateRoleResponse>("CreateRole",
                           CreateRoleRequest{.role_name = "backup",
                                             .assume_role_policy_document = trust("Service", "backup.amazonaws.com")});
  const std::string arn = "arn:aws:iam::000000000000:role/backup";
  const auto pass = [&](const std::string& role, const std::string& to) {
    return fixture.run(
        fixture.with_call(service, "GetUser", [&](aws::Call& call) { return service.check_pass(call, role, to); }));
  };
  EXPECT_TRUE(pass(arn, "backup.amazonaws.com"));
  EXPECT_EQ(pass(arn, "rds.amazonaws.com").error().code, "InvalidParameterValue");
  EXPECT_EQ(pass(arn + "s", "backup.amazonaws.com").error().code, "NoSuchEntity");
  make_user("bob");
  become("bob");
  EXPECT_EQ(pass(arn, "backup.amazonaws.com").error().code, "AccessDenied");
  become_root();
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{
          .user_name = "bob",
          .policy_name = "pass",
          .policy_document =
              R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
      "Condition":{"StringEquals":{"iam:PassedToService":"backup.amazonaws.com"}}}]})"});
  become("bob");
  EXPECT_TRUE(pass(arn, "backup.amazonaws.com"));
  EXPECT_EQ(pass(arn, "rds.amazonaws.com").error().code, "AccessDenied");
}

TEST_F(PermissionsTest, AwsPoliciesAreSoundAndFound) {
  for (const auto& policy : aws_policies()) {
    const auto parsed = aws::validate_identity_policy(policy.document);
    EXPECT_TRUE(parsed) << policy.name << ": " << (parsed ? "" : parsed.error().message());
    EXPECT_EQ(find_aws_policy(arn_of(policy)), &policy);
  }
  EXPECT_EQ(find_aws_policy("arn:aws:iam::aws:policy/AmazonRDSEnhancedMonitoringRole"), nullptr) << "it has a path";
  make_user("bob");
  must<AttachUserPolicyOutput>(
      "AttachUserPolicy",
      AttachUserPolicyRequest{.user_name = "bob", .policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"});
  become("bob");
  EXPECT_EQ(refusal("s3:GetObject", "arn:aws:s3:::shop/a"), "");
  EXPECT_NE(refusal("s3:PutObject", "arn:aws:s3:::shop/a"), "");
}

TEST_F(PermissionsTest, TheSimulatorDecidesAsTheGateDoes) {
  make_user("bob");
  allow("bob", "s3:GetObject", "arn:aws:s3:::shop/*");
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{.user_name = "bob", .policy_name = "no", .policy_document = document("Deny", "kms:*", "*")});
  const auto out = must<SimulatePolicyResponse>(
      "SimulatePrincipalPolicy",
      SimulatePrincipalPolicyRequest{.policy_source_arn = "arn:aws:iam::000000000000:user/bob",
                                     .action_names = {"s3:GetObject", "s3:PutObject", "kms:Decrypt"},
                                     .resource_arns = std::vector<std::string>{"arn:aws:s3:::shop/a"}});
  ASSERT_EQ(out.evaluation_results->size(), 3u);
  EXPECT_EQ(out.evaluation_results->at(0).eval_decision, "allowed");
  EXPECT_EQ(out.evaluation_results->at(0).matched_statements->at(0).source_policy_id, "allowed");
  EXPECT_EQ(out.evaluation_results->at(1).eval_decision, "implicitDeny");
  EXPECT_EQ(out.evaluation_results->at(2).eval_decision, "explicitDeny");
  EXPECT_EQ(out.evaluation_results->at(2).matched_statements->at(0).source_policy_id, "no");
}

}  // namespace
}  // namespace boreal::iam
