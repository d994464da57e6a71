#include <gmock/gmock.h>

#include "codec/base64.h"
#include "iam/names.h"
#include "iam/testing.h"

namespace boreal::iam {
namespace {

using namespace api::iam;

using CredentialsTest = IamTest;

TEST_F(CredentialsTest, DevelopmentKeysAreRootsOfTheAccountsTheyName) {
  const auto first = credential("test");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->principal->arn, "arn:aws:iam::000000000000:root");
  EXPECT_EQ(first->secret_key, "test");
  const auto other = credential("123456789012");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->principal->account, "123456789012");
  EXPECT_EQ(other->principal->kind, aws::Principal::Kind::root);
  EXPECT_FALSE(credential("12345678901"));
  EXPECT_FALSE(credential("root"));
  EXPECT_FALSE(credential("test", "token"));
}

TEST_F(CredentialsTest, OutsideDevelopmentOnlyTheShownRootKeyOpens) {
  Service served(fixture.context(), make_sealer(fixture.random), {.dev = false});
  EXPECT_FALSE(*fixture.run(served.credential("test", "")));
  const auto made = fixture.run(served.ensure_root_key("123456789012"));
  ASSERT_TRUE(made && *made);
  EXPECT_EQ((*made)->secret_access_key.size(), 40);
  const auto again = fixture.run(served.ensure_root_key("123456789012"));
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again) << "shown twice";

  Service restarted(fixture.context(), make_sealer(fixture.random), {.dev = false});
  const auto found = fixture.run(restarted.credential((*made)->access_key_id, ""));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->secret_key, (*made)->secret_access_key);
  EXPECT_EQ((*found)->principal->arn, "arn:aws:iam::123456789012:root");
}

TEST_F(CredentialsTest, ARootKeyThatWasLostIsReplaced) {
  Service served(fixture.context(), make_sealer(fixture.random), {.dev = false});
  const auto lost = fixture.run(served.ensure_root_key("123456789012", true));
  ASSERT_TRUE(lost && *lost);
  ASSERT_TRUE(*fixture.run(served.credential((*lost)->access_key_id, "")));
  const auto made = fixture.run(served.ensure_root_key("123456789012", true));
  ASSERT_TRUE(made && *made);
  EXPECT_FALSE(*fixture.run(served.credential((*lost)->access_key_id, "")));
  const auto found = fixture.run(served.credential((*made)->access_key_id, ""));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->secret_key, (*made)->secret_access_key);
  EXPECT_EQ((*found)->principal->arn, "arn:aws:iam::123456789012:root");
}

TEST_F(CredentialsTest, KeysOfUsersWorkUntilTheyAreInactiveOrGone) {
  make_user("bob");
  const auto key = make_key("bob");
  EXPECT_THAT(key.access_key_id, testing::MatchesRegex("AKIA[A-Z2-7]{16}"));
  EXPECT_EQ(key.secret_access_key.size(), 40);
  const auto found = credential(key.access_key_id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->secret_key, key.secret_access_key);
  EXPECT_EQ(found->principal->arn, "arn:aws:iam::000000000000:user/bob");
  EXPECT_EQ(found->principal->kind, aws::Principal::Kind::user);

  const auto set_status = [&](const std::string& status) {
    must<UpdateAccessKeyOutput>(
        "UpdateAccessKey",
        UpdateAccessKeyRequest{.user_name = "bob", .access_key_id = key.access_key_id, .status = status});
  };
  set_status("Inactive");
  EXPECT_FALSE(credential(key.access_key_id));
  set_status("Active");
  EXPECT_TRUE(credential(key.access_key_id));
  must<DeleteAccessKeyOutput>("DeleteAccessKey",
                              DeleteAccessKeyRequest{.user_name = "bob", .access_key_id = key.access_key_id});
  EXPECT_FALSE(credential(key.access_key_id));
}

TEST_F(CredentialsTest, AUserHasAtMostTwoKeysAndIsNotDeletedWithThem) {
  make_user("bob");
  make_key("bob");
  make_key("bob");
  EXPECT_EQ(code<CreateAccessKeyResponse>("CreateAccessKey", CreateAccessKeyRequest{.user_name = "bob"}),
            "LimitExceeded");
  EXPECT_EQ(code<DeleteUserOutput>("DeleteUser", DeleteUserRequest{.user_name = "bob"}), "DeleteConflict");
}

TEST_F(CredentialsTest, KeysFollowARenamedUser) {
  make_user("bob");
  const auto key = make_key("bob");
  must<UpdateUserOutput>("UpdateUser",
                         UpdateUserRequest{.user_name = "bob", .new_path = "/ops/", .new_user_name = "eve"});
  const auto found = credential(key.access_key_id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->principal->arn, "arn:aws:iam::000000000000:user/ops/eve");
}

TEST_F(CredentialsTest, SecretsAreNotInTheStoreInClear) {
  make_user("bob");
  const auto key = make_key("bob");
  const auto rows = fixture.catalog().scan(partition("000000000000"), "");
  ASSERT_TRUE(rows);
  bool seen = false;
  for (const auto& [name, value] : *rows) {
    seen |= value.find(key.access_key_id) != std::string::npos;
    EXPECT_EQ(value.find(key.secret_access_key), std::string::npos) << name;
    EXPECT_EQ(value.find(codec::base64_encode(key.secret_access_key)), std::string::npos) << name;
  }
  EXPECT_TRUE(seen) << "the key's id must be somewhere, else this test looks at nothing";
}

TEST_F(CredentialsTest, KeysAndUsersOutliveTheProcess) {
  make_user("bob");
  const auto key = make_key("bob");
  Service restarted(fixture.context(), make_sealer(fixture.random), {.dev = true});
  const auto found = fixture.run(restarted.credential(key.access_key_id, ""));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->secret_key, key.secret_access_key);
}

TEST_F(CredentialsTest, AKeyTellsItsAccount) {
  for (const std::string account : {"000000000000", "123456789012", "999999999999"}) {
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(account_of_access_key(make_access_key_id("AKIA", account, fixture.random)), account);
    }
  }
  EXPECT_FALSE(account_of_access_key("AKIAAAAAAAAAAAAAAAAA"));
  EXPECT_FALSE(account_of_access_key("AKIA"));
  EXPECT_FALSE(account_of_access_key("AKIA0189018901890189"));
}

TEST_F(CredentialsTest, ASessionSaysWhoItIsUntilItsUserIsGone) {
  make_user("bob");
  const auto user = credential(make_key("bob").access_key_id);
  ASSERT_TRUE(user);
  const auto issued = fixture.run(service.issue(*user->principal, std::chrono::hours(1)));
  ASSERT_TRUE(issued);
  const auto found = credential(issued->access_key, issued->session_token);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->principal->arn, user->principal->arn);
  EXPECT_EQ(found->secret_key, issued->secret_key);
  EXPECT_EQ(found->expires, fixture.clock.now() + std::chrono::hours(1));

  EXPECT_FALSE(credential(issued->access_key)) << "without its token";
  std::string tampered = issued->session_token;
  tampered[tampered.size() / 2] = tampered[tampered.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(credential(issued->access_key, tampered));
  const auto other = fixture.run(service.issue(*user->principal, std::chrono::hours(1)));
  EXPECT_FALSE(credential(other->access_key, issued->session_token)) << "another session's token, seen before";
  EXPECT_FALSE(credential(make_access_key_id("ASIA", "000000000000", fixture.random), other->session_token));

  for (const auto& key :
       must<ListAccessKeysResponse>("ListAccessKeys", ListAccessKeysRequest{.user_name = "bob"}).access_key_metadata) {
    must<DeleteAccessKeyOutput>("DeleteAccessKey",
                                DeleteAccessKeyRequest{.user_name = "bob", .access_key_id = *key.access_key_id});
  }
  must<DeleteUserOutput>("DeleteUser", DeleteUserRequest{.user_name = "bob"});
  EXPECT_FALSE(credential(issued->access_key, issued->session_token));
  make_user("bob");
  EXPECT_FALSE(credential(issued->access_key, issued->session_token)) << "another bob";
}

TEST_F(CredentialsTest, LastUseIsKeptOverARestart) {
  make_user("bob");
  const auto key = make_key("bob");
  const auto user = credential(key.access_key_id);
  const auto used = [&] {
    return must<GetAccessKeyLastUsedResponse>("GetAccessKeyLastUsed",
                                              GetAccessKeyLastUsedRequest{.access_key_id = key.access_key_id})
        .access_key_last_used;
  };
  EXPECT_EQ(used()->service_name, "N/A");
  service.note_use(*user->principal, "s3", "eu-west-1");
  fixture.clock.advance(std::chrono::minutes(1));
  service.note_use(*user->principal, "rds", "eu-west-1");
  EXPECT_EQ(used()->service_name, "rds");
  fixture.run(service.stop());
  Service restarted(fixture.context(), make_sealer(fixture.random), {.dev = true});
  const auto after = fixture.call<GetAccessKeyLastUsedResponse>(
      restarted, "GetAccessKeyLastUsed", GetAccessKeyLastUsedRequest{.access_key_id = key.access_key_id});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->access_key_last_used->service_name, "rds");
  EXPECT_EQ(after->access_key_last_used->last_used_date, fixture.clock.now());
  EXPECT_EQ(after->user_name, "bob");
}

}  // namespace
}  // namespace boreal::iam
