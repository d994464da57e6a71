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
      *credential(*must<ListAccessKeysResponse>("ListAccessKeys", ListAccessKeysRequest{.user_name = "bob"})
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

TEST_F(PermissionsTest, ANewNameOrPathMustBeAllowedToo) {
  make_user("bob");
  must<CreateUserResponse>("CreateUser", CreateUserRequest{.path = "/dev/", .user_name = "eve"});
  must<CreateGroupResponse>("CreateGroup", CreateGroupRequest{.path = "/dev/", .group_name = "all"});
  allow("bob", "iam:*", "arn:aws:iam::000000000000:*/dev/*");
  become("bob");
  const auto user = [&](std::optional<std::string> path, std::optional<std::string> name) {
    return code<UpdateUserOutput>(
        "UpdateUser", UpdateUserRequest{.user_name = "eve", .new_path = path, .new_user_name = std::move(name)});
  };
  EXPECT_EQ(user("/admin/", {}), "AccessDenied");
  EXPECT_EQ(user("/admin/", "eva"), "AccessDenied");
  EXPECT_EQ(user({}, "eva"), "");
  EXPECT_EQ(code<UpdateGroupOutput>("UpdateGroup", UpdateGroupRequest{.group_name = "all", .new_path = "/admin/"}),
            "AccessDenied");
  become_root();
  must<UpdateUserOutput>("UpdateUser", UpdateUserRequest{.user_name = "eva", .new_user_name = "eve"});
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{.user_name = "bob",
                           .policy_name = "allowed",
                           .policy_document = document("Allow", "iam:*", "arn:aws:iam::000000000000:user/dev/eve")});
  become("bob");
  EXPECT_EQ(user({}, "adam"), "AccessDenied");
  EXPECT_EQ(user({}, "eve"), "");
}

TEST_F(PermissionsTest, TagsOfWhatIsNewWantTheirOwnPermission) {
  make_user("bob");
  allow("bob", "iam:Create*", "*");
  become("bob");
  const std::vector<Tag> tags{{.key = "team", .value = "admin"}};
  const auto user = [&](const char* name, std::optional<std::vector<Tag>> given) {
    return code<CreateUserResponse>("CreateUser", CreateUserRequest{.user_name = name, .tags = std::move(given)});
  };
  EXPECT_EQ(user("eve", {}), "");
  EXPECT_EQ(user("adam", tags), "AccessDenied");
  EXPECT_EQ(code<CreateRoleResponse>(
                "CreateRole",
                CreateRoleRequest{
                    .role_name = "new", .assume_role_policy_document = trust("AWS", "000000000000"), .tags = tags}),
            "AccessDenied");
  EXPECT_EQ(
      code<CreatePolicyResponse>(
          "CreatePolicy",
          CreatePolicyRequest{.policy_name = "new", .policy_document = std::string(anyone_document), .tags = tags}),
      "AccessDenied");
  EXPECT_EQ(code<CreateInstanceProfileResponse>(
                "CreateInstanceProfile", CreateInstanceProfileRequest{.instance_profile_name = "new", .tags = tags}),
            "AccessDenied");
  become_root();
  allow("bob", "iam:TagUser", "arn:aws:iam::000000000000:user/a*", "tags");
  fixture.principal = *credential(make_key("bob").access_key_id)->principal;
  EXPECT_EQ(user("adam", tags), "");
  EXPECT_EQ(user("eva", tags), "AccessDenied");
}

TEST_F(PermissionsTest, PoliciesAreToldWhoseAResourceIs) {
  make_user("bob");
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{
          .user_name = "bob",
          .policy_name = "own",
          .policy_document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
                                "Condition":{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}}]})"});
  become("bob");
  EXPECT_EQ(refusal("kms:ListKeys", "*"), "");
  const auto caller = fixture.run(fixture.gate_caller());
  EXPECT_FALSE(fixture.run(
      fixture.gate().authorize(*caller, {.action = "kms:Decrypt",
                                         .resource = "arn:aws:kms:us-east-1:111111111111:key/x",
                                         .resource_account = "111111111111",
                                         .resource_policy = R"({"Statement":[{"Effect":"Allow","Principal":"*",
                                                               "Action":"*","Resource":"*"}]})"})));
}

TEST_F(PermissionsTest, AVersionIsMadeOfWhatIsThere) {
  const auto made = must<CreatePolicyResponse>(
      "CreatePolicy", CreatePolicyRequest{.policy_name = "edge",
                                          .policy_document = std::string(anyone_document),
                                          .tags = std::vector<Tag>{{.key = "kept", .value = "true"}}});
  make_user("bob");
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{
          .user_name = "bob",
          .policy_name = "p",
          .policy_document =
              R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},)"
              R"({"Effect":"Deny","Action":"iam:*","Resource":"*",)"
              R"("Condition":{"StringEquals":{"aws:ResourceTag/kept":"true"}}}]})"});
  become("bob");
  EXPECT_EQ(code<CreatePolicyVersionResponse>(
                "CreatePolicyVersion", CreatePolicyVersionRequest{.policy_arn = *made.policy->arn,
                                                                  .policy_document = std::string(anyone_document),
                                                                  .set_as_default = true}),
            "AccessDenied");
}

TEST_F(PermissionsTest, WhatWasMadeAnewMeanwhileIsNotWhatWasAskedFor) {
  const std::string arn = "arn:aws:iam::000000000000:policy/edge";
  const auto make = [&] {
    must<CreatePolicyResponse>(
        "CreatePolicy", CreatePolicyRequest{.policy_name = "edge", .policy_document = std::string(anyone_document)});
    must<CreateInstanceProfileResponse>("CreateInstanceProfile",
                                        CreateInstanceProfileRequest{.instance_profile_name = "host"});
  };
  make();
  // In another's call; these ask nothing, as access() is not called.
  const auto make_anew = [&]() -> Task<void> {
    const auto does = [&](std::string_view operation, aws::Value input) {
      return fixture.with_call(service, operation,
                               [this, input = std::make_shared<aws::Value>(std::move(input))](
                                   aws::Call& call) -> Task<aws::Outcome<aws::Value>> {
                                 co_return co_await call.operation.invoke(service, call, std::move(*input));
                               });
    };
    EXPECT_TRUE(co_await does("DeletePolicy", aws::Value::of(DeletePolicyRequest{.policy_arn = arn})));
    EXPECT_TRUE(co_await does(
        "CreatePolicy",
        aws::Value::of(CreatePolicyRequest{.policy_name = "edge", .policy_document = std::string(anyone_document)})));
    EXPECT_TRUE(co_await does("DeleteInstanceProfile",
                              aws::Value::of(DeleteInstanceProfileRequest{.instance_profile_name = "host"})));
    EXPECT_TRUE(co_await does("CreateInstanceProfile",
                              aws::Value::of(CreateInstanceProfileRequest{.instance_profile_name = "host"})));
  };
  const auto change = [&](std::string_view operation, aws::Value input) {
    const auto outcome =
        fixture.run(fixture.with_call(service, operation, [&](aws::Call& call) -> Task<aws::Outcome<aws::Value>> {
          CO_CHECK(co_await service.access(call, call.operation, input));
          co_await make_anew();
          co_return co_await call.operation.invoke(service, call, std::move(input));
        }));
    return outcome ? "" : outcome.error().code;
  };
  const std::vector<Tag> tags{{.key = "a", .value = "b"}};
  EXPECT_EQ(change("TagPolicy", aws::Value::of(TagPolicyRequest{.policy_arn = arn, .tags = tags})), "NoSuchEntity");
  EXPECT_EQ(change("TagInstanceProfile",
                   aws::Value::of(TagInstanceProfileRequest{.instance_profile_name = "host", .tags = tags})),
            "NoSuchEntity");
}

TEST_F(PermissionsTest, IamIsInOneRegion) {
  const auto users = [&](const std::string& region) {
    become_root();
    const std::string name = "in-" + region;
    make_user(name);
    must<PutUserPolicyOutput>(
        "PutUserPolicy",
        PutUserPolicyRequest{
            .user_name = name,
            .policy_name = "p",
            .policy_document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",)"
                               R"("Condition":{"StringEquals":{"aws:RequestedRegion":")" +
                               region + R"("}}}]})"});
    become(name);
    return code<ListUsersResponse>("ListUsers", ListUsersRequest{});
  };
  fixture.region = "eu-west-1";
  EXPECT_EQ(users("eu-west-1"), "AccessDenied") << "who is let in to that region alone makes no users";
  EXPECT_EQ(users("us-east-1"), "");
}

TEST_F(PermissionsTest, WhoIsGoneMayNothingThatIsUnderWay) {
  make_user("bob");
  become("bob");
  const auto caller = fixture.run(fixture.gate_caller());
  const auto reads = [&] {
    return fixture
        .run(fixture.gate().authorize(*caller, {.action = "s3:GetObject",
                                                .resource = "arn:aws:s3:::shop/a",
                                                .resource_policy = R"({"Statement":[{"Effect":"Allow",
                                                    "Principal":"*","Action":"s3:GetObject","Resource":"*"}]})"}))
        .has_value();
  };
  EXPECT_TRUE(reads());
  become_root();
  for (const auto& key :
       must<ListAccessKeysResponse>("ListAccessKeys", ListAccessKeysRequest{.user_name = "bob"}).access_key_metadata) {
    must<DeleteAccessKeyOutput>("DeleteAccessKey",
                                DeleteAccessKeyRequest{.user_name = "bob", .access_key_id = *key.access_key_id});
  }
  must<DeleteUserOutput>("DeleteUser", DeleteUserRequest{.user_name = "bob"});
  EXPECT_FALSE(reads());
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

TEST_F(PermissionsTest, WhoIsTrustedIsSaidByPrincipalAlone) {
  EXPECT_EQ(code<CreateRoleResponse>(
                "CreateRole",
                CreateRoleRequest{
                    .role_name = "r",
                    .assume_role_policy_document =
                        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},)"
                        R"("Action":"sts:AssumeRole"},{"Effect":"Deny","NotPrincipal":{"AWS":"000000000000"},)"
                        R"("Action":"sts:AssumeRole"}]})"}),
            "MalformedPolicyDocument");
}

TEST_F(PermissionsTest, HowARolesDeletionGoesIsAskedOfThatRole) {
  make_user("bob");
  allow("bob", "iam:*", "arn:aws:iam::000000000000:role/aws-service-role/rds.amazonaws.com/*");
  const auto deletion = [&](const std::string& of) {
    const auto made = must<CreateServiceLinkedRoleResponse>("CreateServiceLinkedRole",
                                                            CreateServiceLinkedRoleRequest{.aws_service_name = of});
    return must<DeleteServiceLinkedRoleResponse>("DeleteServiceLinkedRole",
                                                 DeleteServiceLinkedRoleRequest{.role_name = made.role->role_name})
        .deletion_task_id;
  };
  const std::string his = deletion("rds.amazonaws.com");
  const std::string other = deletion("backup.amazonaws.com");
  become("bob");
  const auto ask = [&](const std::string& task) {
    return code<GetServiceLinkedRoleDeletionStatusResponse>(
        "GetServiceLinkedRoleDeletionStatus", GetServiceLinkedRoleDeletionStatusRequest{.deletion_task_id = task});
  };
  EXPECT_EQ(ask(his), "");
  EXPECT_EQ(ask(other), "AccessDenied");
  EXPECT_EQ(ask("task/"), "AccessDenied");
}

TEST_F(PermissionsTest, ARoleIsPassedWhenItIsThereTrustedAndAllowed) {
  must<CreateRoleResponse>("CreateRole",
                           CreateRoleRequest{.role_name = "backup",
                                             .assume_role_policy_document = trust("Service", "backup.amazonaws.com")});
  const std::string arn = "arn:aws:iam::000000000000:role/backup";
  const auto pass = [&](const std::string& role, const std::string& to, const std::string& source = "") {
    return fixture.run(fixture.with_call(service, "GetUser",
                                         [&](aws::Call& call) { return service.check_pass(call, role, to, source); }));
  };
  EXPECT_TRUE(pass(arn, "backup.amazonaws.com"));
  EXPECT_EQ(pass(arn, "rds.amazonaws.com").error().code, "InvalidParameterValue");
  EXPECT_EQ(pass(arn + "s", "backup.amazonaws.com").error().code, "NoSuchEntity");
  must<CreateRoleResponse>(
      "CreateRole",
      CreateRoleRequest{
          .role_name = "one-bucket",
          .assume_role_policy_document =
              R"({"Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sts:AssumeRole",
                  "Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::shop"}}}]})"});
  const std::string of_one = "arn:aws:iam::000000000000:role/one-bucket";
  EXPECT_TRUE(pass(of_one, "s3.amazonaws.com", "arn:aws:s3:::shop"));
  EXPECT_EQ(pass(of_one, "s3.amazonaws.com", "arn:aws:s3:::other").error().code, "InvalidParameterValue");
  EXPECT_EQ(pass(of_one, "s3.amazonaws.com").error().code, "InvalidParameterValue");
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
  const auto bob = fixture.principal;
  EXPECT_TRUE(pass(arn, "backup.amazonaws.com"));
  EXPECT_EQ(pass(arn, "rds.amazonaws.com").error().code, "AccessDenied");
  become_root();
  must<TagRoleOutput>("TagRole", TagRoleRequest{.role_name = "backup", .tags = {{.key = "kept", .value = "true"}}});
  must<PutUserPolicyOutput>(
      "PutUserPolicy",
      PutUserPolicyRequest{
          .user_name = "bob",
          .policy_name = "kept",
          .policy_document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:PassRole",
      "Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/kept":"true"}}}]})"});
  fixture.principal = bob;
  EXPECT_EQ(pass(arn, "backup.amazonaws.com").error().code, "AccessDenied");
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

TEST_F(PermissionsTest, TheSimulatorAnswersInPages) {
  SimulateCustomPolicyRequest wanted{.policy_input_list = {document("Allow", "s3:GetObject", "*")},
                                     .action_names = {"s3:GetObject", "s3:PutObject"},
                                     .resource_arns = std::vector<std::string>{"arn:aws:s3:::a/k", "arn:aws:s3:::b/k"},
                                     .max_items = 3};
  const auto first = must<SimulatePolicyResponse>("SimulateCustomPolicy", wanted);
  ASSERT_EQ(first.evaluation_results->size(), 3u);
  EXPECT_EQ(first.evaluation_results->at(1).eval_resource_name, "arn:aws:s3:::b/k");
  EXPECT_EQ(first.evaluation_results->at(2).eval_action_name, "s3:PutObject");
  EXPECT_EQ(first.is_truncated, true);
  wanted.marker = first.marker;
  const auto second = must<SimulatePolicyResponse>("SimulateCustomPolicy", wanted);
  ASSERT_EQ(second.evaluation_results->size(), 1u);
  EXPECT_EQ(second.evaluation_results->at(0).eval_resource_name, "arn:aws:s3:::b/k");
  EXPECT_EQ(second.is_truncated, false);
  wanted.marker = "b3RoZXI";
  EXPECT_EQ(code<SimulatePolicyResponse>("SimulateCustomPolicy", wanted), "InvalidInput");

  // Many policies make short pages, many questions no more work than their page.
  wanted.marker.reset();
  wanted.max_items = 1000;
  wanted.policy_input_list.assign(1000, document("Allow", "s3:GetObject", "*"));
  wanted.action_names.assign(20'000, "s3:GetObject");
  wanted.resource_arns->assign(20'000, "arn:aws:s3:::a/k");
  const auto large = must<SimulatePolicyResponse>("SimulateCustomPolicy", wanted);
  EXPECT_LT(large.evaluation_results->size(), 100u);
  EXPECT_EQ(large.is_truncated, true);
}

TEST_F(PermissionsTest, TheKeysOfAPolicyAreThoseThatItsEvaluationAsksFor) {
  const auto keys = must<GetContextKeysForPolicyResponse>(
      "GetContextKeysForCustomPolicy",
      GetContextKeysForCustomPolicyRequest{
          .policy_input_list = {
              document("Allow", "s3:GetObject", "arn:aws:s3:::${aws:username}/${a:b${c:d}/${e:f, 'x'}/${*}")}});
  EXPECT_EQ(*keys.context_key_names, (std::vector<std::string>{"a:b${c:d", "aws:username", "e:f"}));
}

}  // namespace
}  // namespace boreal::iam
