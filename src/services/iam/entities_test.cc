// Users, groups, roles, policies and instance profiles as records: made, read, paged, refused, deleted.
#include <gmock/gmock.h>

#include "codec/percent.h"
#include "iam/testing.h"

namespace boreal::iam {
namespace {

using namespace api::iam;
using testing::ElementsAre;
using testing::MatchesRegex;

class EntitiesTest : public IamTest {
 protected:
  api::iam::Role make_role(const std::string& name, const std::string& service = "rds.amazonaws.com") {
    return must<CreateRoleResponse>(
               "CreateRole",
               CreateRoleRequest{.role_name = name, .assume_role_policy_document = trust("Service", service)})
        .role;
  }
  std::string make_policy(const std::string& name) {
    return *must<CreatePolicyResponse>(
                "CreatePolicy",
                CreatePolicyRequest{.policy_name = name, .policy_document = std::string(anyone_document)})
                .policy->arn;
  }
};

TEST_F(EntitiesTest, ARoleIsReadBackAsTerraformNeedsIt) {
  const std::string document = trust("Service", "monitoring.rds.amazonaws.com");
  const auto made = must<CreateRoleResponse>(
      "CreateRole", CreateRoleRequest{.path = "/team/",
                                      .role_name = "Monitoring",
                                      .assume_role_policy_document = document,
                                      .description = "for RDS",
                                      .max_session_duration = 7200,
                                      .tags = std::vector<Tag>{{.key = "team", .value = "shop"}}});
  EXPECT_THAT(made.role.role_id, MatchesRegex("AROA[A-Z2-7]{17}"));
  const auto read = must<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = "Monitoring"}).role;
  EXPECT_EQ(read.arn, "arn:aws:iam::000000000000:role/team/Monitoring");
  EXPECT_EQ(*codec::percent_decode(*read.assume_role_policy_document), document);
  EXPECT_EQ(read.assume_role_policy_document->find('{'), std::string::npos) << "documents travel encoded";
  EXPECT_EQ(read.description, "for RDS");
  EXPECT_EQ(read.max_session_duration, 7200);
  ASSERT_TRUE(read.tags);
  EXPECT_EQ(read.tags->at(0).value, "shop");
  EXPECT_FALSE(read.permissions_boundary);
}

TEST_F(EntitiesTest, NamesAreUniqueWithoutRegardToCase) {
  make_role("Shop");
  EXPECT_EQ(code<CreateRoleResponse>(
                "CreateRole", CreateRoleRequest{.role_name = "SHOP",
                                                .assume_role_policy_document = trust("Service", "rds.amazonaws.com")}),
            "EntityAlreadyExists");
  make_user("shop");
  EXPECT_EQ(code<CreateUserResponse>("CreateUser", CreateUserRequest{.user_name = "Shop"}), "EntityAlreadyExists");
  EXPECT_EQ(code<CreateUserResponse>("CreateUser", CreateUserRequest{.user_name = "a/b"}), "ValidationError");
  EXPECT_EQ(code<CreateUserResponse>("CreateUser", CreateUserRequest{.path = "x", .user_name = "b"}),
            "ValidationError");
}

TEST_F(EntitiesTest, WhatIsNotThereIsNoSuchEntity) {
  EXPECT_EQ(code<GetUserResponse>("GetUser", GetUserRequest{.user_name = "bob"}), "NoSuchEntity");
  EXPECT_EQ(code<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = "bob"}), "NoSuchEntity");
  EXPECT_EQ(
      code<GetPolicyResponse>("GetPolicy", GetPolicyRequest{.policy_arn = "arn:aws:iam::000000000000:policy/nothing"}),
      "NoSuchEntity");
  EXPECT_EQ(
      code<GetInstanceProfileResponse>("GetInstanceProfile", GetInstanceProfileRequest{.instance_profile_name = "bob"}),
      "NoSuchEntity");
  make_role("shop");
  EXPECT_EQ(code<GetRolePolicyResponse>("GetRolePolicy", GetRolePolicyRequest{.role_name = "shop", .policy_name = "x"}),
            "NoSuchEntity");
  EXPECT_EQ(code<AttachRolePolicyOutput>(
                "AttachRolePolicy",
                AttachRolePolicyRequest{.role_name = "shop", .policy_arn = "arn:aws:iam::000000000000:policy/nothing"}),
            "NoSuchEntity");
}

TEST_F(EntitiesTest, ARoleInUseIsNotDeleted) {
  make_role("shop");
  const auto remove = [&] { return code<DeleteRoleOutput>("DeleteRole", DeleteRoleRequest{.role_name = "shop"}); };
  const std::string arn = make_policy("read");
  must<AttachRolePolicyOutput>("AttachRolePolicy", AttachRolePolicyRequest{.role_name = "shop", .policy_arn = arn});
  EXPECT_EQ(remove(), "DeleteConflict");
  EXPECT_EQ(code<DeletePolicyOutput>("DeletePolicy", DeletePolicyRequest{.policy_arn = arn}), "DeleteConflict");
  must<DetachRolePolicyOutput>("DetachRolePolicy", DetachRolePolicyRequest{.role_name = "shop", .policy_arn = arn});
  must<PutRolePolicyOutput>("PutRolePolicy", PutRolePolicyRequest{.role_name = "shop",
                                                                  .policy_name = "inline",
                                                                  .policy_document = std::string(anyone_document)});
  EXPECT_EQ(remove(), "DeleteConflict");
  must<DeleteRolePolicyOutput>("DeleteRolePolicy",
                               DeleteRolePolicyRequest{.role_name = "shop", .policy_name = "inline"});
  must<CreateInstanceProfileResponse>("CreateInstanceProfile",
                                      CreateInstanceProfileRequest{.instance_profile_name = "box"});
  must<AddRoleToInstanceProfileOutput>(
      "AddRoleToInstanceProfile", AddRoleToInstanceProfileRequest{.instance_profile_name = "box", .role_name = "shop"});
  EXPECT_EQ(remove(), "DeleteConflict");
  EXPECT_EQ(
      must<GetInstanceProfileResponse>("GetInstanceProfile", GetInstanceProfileRequest{.instance_profile_name = "box"})
          .instance_profile.roles.at(0)
          .role_name,
      "shop");
  must<RemoveRoleFromInstanceProfileOutput>(
      "RemoveRoleFromInstanceProfile",
      RemoveRoleFromInstanceProfileRequest{.instance_profile_name = "box", .role_name = "shop"});
  EXPECT_EQ(remove(), "");
}

TEST_F(EntitiesTest, BadDocumentsAreMalformed) {
  make_user("bob");
  for (const char* document :
       {"{", "{}", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"x"}]})"}) {
    EXPECT_EQ(
        code<PutUserPolicyOutput>(
            "PutUserPolicy", PutUserPolicyRequest{.user_name = "bob", .policy_name = "p", .policy_document = document}),
        "MalformedPolicyDocument")
        << document;
  }
  EXPECT_EQ(
      code<CreateRoleResponse>("CreateRole", CreateRoleRequest{.role_name = "r",
                                                               .assume_role_policy_document = trust(
                                                                   "AWS", "arn:aws:iam::000000000000:user/nobody")}),
      "MalformedPolicyDocument");
}

TEST_F(EntitiesTest, PoliciesHaveAtMostFiveVersionsAndOneInForce) {
  const std::string arn = make_policy("read");
  const auto add = [&](bool as_default) {
    return CreatePolicyVersionRequest{
        .policy_arn = arn, .policy_document = std::string(anyone_document), .set_as_default = as_default};
  };
  for (int i = 2; i <= 5; ++i) must<CreatePolicyVersionResponse>("CreatePolicyVersion", add(i == 5));
  EXPECT_EQ(code<CreatePolicyVersionResponse>("CreatePolicyVersion", add(false)), "LimitExceeded");
  const auto read = must<GetPolicyResponse>("GetPolicy", GetPolicyRequest{.policy_arn = arn}).policy;
  EXPECT_EQ(read->default_version_id, "v5");
  const auto remove = [&](const std::string& version) {
    return code<DeletePolicyVersionOutput>("DeletePolicyVersion",
                                           DeletePolicyVersionRequest{.policy_arn = arn, .version_id = version});
  };
  EXPECT_EQ(remove("v5"), "DeleteConflict");
  EXPECT_EQ(remove("v9"), "NoSuchEntity");
  EXPECT_EQ(code<DeletePolicyOutput>("DeletePolicy", DeletePolicyRequest{.policy_arn = arn}), "DeleteConflict");
  for (const char* version : {"v1", "v2", "v3", "v4"}) EXPECT_EQ(remove(version), "");
  EXPECT_EQ(must<CreatePolicyVersionResponse>("CreatePolicyVersion", add(false)).policy_version->version_id, "v6");
  EXPECT_EQ(remove("v6"), "");
  EXPECT_EQ(code<DeletePolicyOutput>("DeletePolicy", DeletePolicyRequest{.policy_arn = arn}), "");
}

TEST_F(EntitiesTest, InlinePoliciesAreBounded) {
  make_user("bob");
  const std::string big = document("Allow", "s3:GetObject", "arn:aws:s3:::" + std::string(2000, 'x'));
  EXPECT_EQ(code<PutUserPolicyOutput>(
                "PutUserPolicy", PutUserPolicyRequest{.user_name = "bob", .policy_name = "p", .policy_document = big}),
            "LimitExceeded");
}

TEST_F(EntitiesTest, ListsComeInPages) {
  for (const char* name : {"a", "B", "c", "d", "e"}) make_user(name);
  std::vector<std::string> seen;
  ListUsersRequest request{.max_items = 2};
  for (int page = 0; page < 3; ++page) {
    const auto out = must<ListUsersResponse>("ListUsers", request);
    for (const auto& user : out.users) seen.push_back(user.user_name);
    EXPECT_EQ(out.is_truncated, page < 2);
    request.marker = out.marker;
  }
  EXPECT_FALSE(request.marker);
  EXPECT_THAT(seen, ElementsAre("a", "B", "c", "d", "e"));
  EXPECT_EQ(code<ListUsersResponse>("ListUsers", ListUsersRequest{.marker = "!"}), "ValidationError");
}

TEST_F(EntitiesTest, ManagedPoliciesSayTheVersionThatHasVariables) {
  const auto of_version = [](const std::string& version) {
    return "{" + version +
           R"("Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}]})";
  };
  const std::string good = of_version(R"("Version":"2012-10-17",)");
  for (const auto& bad : {of_version(""), of_version(R"("Version":"2008-10-17",)")}) {
    EXPECT_EQ(
        code<CreatePolicyResponse>("CreatePolicy", CreatePolicyRequest{.policy_name = "p", .policy_document = bad}),
        "MalformedPolicyDocument");
  }
  const auto arn =
      must<CreatePolicyResponse>("CreatePolicy", CreatePolicyRequest{.policy_name = "p", .policy_document = good})
          .policy->arn;
  EXPECT_EQ(
      code<CreatePolicyVersionResponse>(
          "CreatePolicyVersion", CreatePolicyVersionRequest{.policy_arn = *arn, .policy_document = of_version("")}),
      "MalformedPolicyDocument");
}

TEST_F(EntitiesTest, AServiceLinkedRoleIsGivenAnotherDescriptionAndNothingElse) {
  must<CreateServiceLinkedRoleResponse>("CreateServiceLinkedRole",
                                        CreateServiceLinkedRoleRequest{.aws_service_name = "rds.amazonaws.com"});
  const std::string name = "AWSServiceRoleForRDS";
  must<UpdateRoleResponse>("UpdateRole", UpdateRoleRequest{.role_name = name, .description = "ours"});
  EXPECT_EQ(
      code<UpdateRoleResponse>(
          "UpdateRole", UpdateRoleRequest{.role_name = name, .description = "theirs", .max_session_duration = 7200}),
      "UnmodifiableEntity");
  const auto role = must<GetRoleResponse>("GetRole", GetRoleRequest{.role_name = name}).role;
  EXPECT_EQ(role.description, "ours");
  EXPECT_EQ(role.max_session_duration, 3600);
}

TEST_F(EntitiesTest, TagsAreReplacedWithoutRegardToCase) {
  make_user("bob");
  const auto tag = [&](const std::string& key, const std::string& value) {
    return code<TagUserOutput>("TagUser", TagUserRequest{.user_name = "bob", .tags = {{.key = key, .value = value}}});
  };
  EXPECT_EQ(tag("Team", "a"), "");
  EXPECT_EQ(tag("team", "b"), "");
  EXPECT_EQ(tag("aws:x", "b"), "InvalidInput");
  const auto tags = must<ListUserTagsResponse>("ListUserTags", ListUserTagsRequest{.user_name = "bob"}).tags;
  ASSERT_EQ(tags.size(), 1u);
  EXPECT_EQ(tags[0].value, "b");
  must<UntagUserOutput>("UntagUser", UntagUserRequest{.user_name = "bob", .tag_keys = {"TEAM"}});
  EXPECT_TRUE(must<ListUserTagsResponse>("ListUserTags", ListUserTagsRequest{.user_name = "bob"}).tags.empty());
}

TEST_F(EntitiesTest, TagsOfPoliciesAndInstanceProfilesAreToldApartByCase) {
  const std::vector<Tag> both = {{.key = "Team", .value = "a"}, {.key = "team", .value = "b"}};
  const auto arn =
      must<CreatePolicyResponse>(
          "CreatePolicy",
          CreatePolicyRequest{.policy_name = "p", .policy_document = std::string(anyone_document), .tags = both})
          .policy->arn;
  const auto tags = [&] {
    std::map<std::string, std::string> tags;
    for (const auto& tag :
         must<ListPolicyTagsResponse>("ListPolicyTags", ListPolicyTagsRequest{.policy_arn = *arn}).tags) {
      tags.emplace(tag.key, tag.value);
    }
    return tags;
  };
  using Tags = std::map<std::string, std::string>;
  EXPECT_EQ(tags(), (Tags{{"Team", "a"}, {"team", "b"}}));
  must<TagPolicyOutput>("TagPolicy", TagPolicyRequest{.policy_arn = *arn, .tags = {{.key = "team", .value = "c"}}});
  EXPECT_EQ(tags(), (Tags{{"Team", "a"}, {"team", "c"}}));
  must<UntagPolicyOutput>("UntagPolicy", UntagPolicyRequest{.policy_arn = *arn, .tag_keys = {"Team"}});
  EXPECT_EQ(tags(), (Tags{{"team", "c"}}));
  const Tag twice{.key = "x", .value = "y"};
  EXPECT_EQ(code<TagPolicyOutput>("TagPolicy", TagPolicyRequest{.policy_arn = *arn, .tags = {twice, twice}}),
            "InvalidInput");

  const auto profile = must<CreateInstanceProfileResponse>(
      "CreateInstanceProfile", CreateInstanceProfileRequest{.instance_profile_name = "p", .tags = both});
  EXPECT_EQ(profile.instance_profile.tags->size(), 2u);
  EXPECT_EQ(code<CreateRoleResponse>(
                "CreateRole", CreateRoleRequest{.role_name = "r",
                                                .assume_role_policy_document = trust("Service", "ec2.amazonaws.com"),
                                                .tags = both}),
            "InvalidInput");
}

TEST_F(EntitiesTest, EntitiesOfAPolicyAndItsCount) {
  make_role("shop");
  make_user("bob");
  const std::string arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole";
  must<AttachRolePolicyOutput>("AttachRolePolicy", AttachRolePolicyRequest{.role_name = "shop", .policy_arn = arn});
  must<AttachUserPolicyOutput>("AttachUserPolicy", AttachUserPolicyRequest{.user_name = "bob", .policy_arn = arn});
  const auto out =
      must<ListEntitiesForPolicyResponse>("ListEntitiesForPolicy", ListEntitiesForPolicyRequest{.policy_arn = arn});
  EXPECT_EQ(out.policy_roles->at(0).role_name, "shop");
  EXPECT_EQ(out.policy_users->at(0).user_name, "bob");
  EXPECT_EQ(must<GetPolicyResponse>("GetPolicy", GetPolicyRequest{.policy_arn = arn}).policy->attachment_count, 2);
  const auto attached = must<ListAttachedRolePoliciesResponse>("ListAttachedRolePolicies",
                                                               ListAttachedRolePoliciesRequest{.role_name = "shop"});
  EXPECT_EQ(attached.attached_policies->at(0).policy_name, "AmazonRDSEnhancedMonitoringRole");
  EXPECT_EQ(code<DeletePolicyOutput>("DeletePolicy", DeletePolicyRequest{.policy_arn = arn}), "AccessDenied");
}

TEST_F(EntitiesTest, TheUsesOfPoliciesAreCountedOnceForEachChange) {
  const std::string arn = make_policy("p");
  const auto count = [&] {
    return *must<GetPolicyResponse>("GetPolicy", GetPolicyRequest{.policy_arn = arn}).policy->attachment_count;
  };
  EXPECT_EQ(count(), 0);
  // Past the service, which learns nothing of it.
  store::Batch batch(partition("000000000000"));
  batch.put(entity_key(Kind::user, "unknown"), store::encode(iam::Entity{.name = "unknown", .attached = {arn}}));
  ASSERT_TRUE(fixture.run(fixture.store().commit(std::move(batch))));
  EXPECT_EQ(count(), 0) << "nobody was looked at again";
  make_user("bob");
  EXPECT_EQ(count(), 1);
  must<AttachUserPolicyOutput>("AttachUserPolicy", AttachUserPolicyRequest{.user_name = "bob", .policy_arn = arn});
  EXPECT_EQ(count(), 2);
  must<DetachUserPolicyOutput>("DetachUserPolicy", DetachUserPolicyRequest{.user_name = "bob", .policy_arn = arn});
  EXPECT_EQ(count(), 1);
}

TEST_F(EntitiesTest, AccountsAreSeparateWorlds) {
  make_user("bob");
  fixture.principal = aws::root_principal("111111111111");
  EXPECT_EQ(code<GetUserResponse>("GetUser", GetUserRequest{.user_name = "bob"}), "NoSuchEntity");
  make_user("bob");
  must<CreateAccountAliasOutput>("CreateAccountAlias", CreateAccountAliasRequest{.account_alias = "shop"});
  become_root();
  EXPECT_EQ(code<CreateAccountAliasOutput>("CreateAccountAlias", CreateAccountAliasRequest{.account_alias = "shop"}),
            "EntityAlreadyExists");
}

TEST_F(EntitiesTest, ServiceLinkedRolesBelongToTheirService) {
  const auto made = must<CreateServiceLinkedRoleResponse>(
      "CreateServiceLinkedRole", CreateServiceLinkedRoleRequest{.aws_service_name = "rds.amazonaws.com"});
  EXPECT_EQ(made.role->arn, "arn:aws:iam::000000000000:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS");
  EXPECT_EQ(code<DeleteRoleOutput>("DeleteRole", DeleteRoleRequest{.role_name = "AWSServiceRoleForRDS"}),
            "UnmodifiableEntity");
  const auto deleted = must<DeleteServiceLinkedRoleResponse>(
      "DeleteServiceLinkedRole", DeleteServiceLinkedRoleRequest{.role_name = "AWSServiceRoleForRDS"});
  EXPECT_EQ(must<GetServiceLinkedRoleDeletionStatusResponse>(
                "GetServiceLinkedRoleDeletionStatus",
                GetServiceLinkedRoleDeletionStatusRequest{.deletion_task_id = deleted.deletion_task_id})
                .status,
            "SUCCEEDED");
}

TEST_F(EntitiesTest, AServiceLinkedRoleGoesIntoNoInstanceProfile) {
  must<CreateServiceLinkedRoleResponse>("CreateServiceLinkedRole",
                                        CreateServiceLinkedRoleRequest{.aws_service_name = "rds.amazonaws.com"});
  must<CreateInstanceProfileResponse>("CreateInstanceProfile",
                                      CreateInstanceProfileRequest{.instance_profile_name = "web"});
  EXPECT_EQ(code<AddRoleToInstanceProfileOutput>(
                "AddRoleToInstanceProfile",
                AddRoleToInstanceProfileRequest{.instance_profile_name = "web", .role_name = "AWSServiceRoleForRDS"}),
            "UnmodifiableEntity");
}

TEST_F(EntitiesTest, TheAccountInSumAndInFull) {
  make_user("bob");
  make_role("shop");
  make_policy("read");
  const auto summary = *must<GetAccountSummaryResponse>("GetAccountSummary", GetAccountSummaryInput{}).summary_map;
  EXPECT_EQ(summary.at("Users"), 1);
  EXPECT_EQ(summary.at("Roles"), 1);
  EXPECT_EQ(summary.at("Policies"), 1);
  const auto first = must<GetAccountAuthorizationDetailsResponse>(
      "GetAccountAuthorizationDetails", GetAccountAuthorizationDetailsRequest{.max_items = 2});
  EXPECT_EQ(first.user_detail_list->size() + first.role_detail_list->size(), 2u);
  const auto second = must<GetAccountAuthorizationDetailsResponse>(
      "GetAccountAuthorizationDetails", GetAccountAuthorizationDetailsRequest{.marker = first.marker});
  EXPECT_EQ(second.policies->at(0).policy_name, "read");
  EXPECT_EQ(second.is_truncated, false);
}

}  // namespace
}  // namespace boreal::iam
