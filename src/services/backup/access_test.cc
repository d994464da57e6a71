// What a call is about while things change behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/testing.h"

namespace boreal::backup {
namespace {

// Deleted, and made anew under its name.
Task<void> make_anew(aws::CallFixture& fixture, std::string name) {
  const Place place{account, "us-east-1"};
  auto tx = co_await fixture.catalog().begin(place.partition());
  auto vault = **load<VaultRecord>(tx, vault_key(name));
  vault.id = "other";
  tx.put(vault_key(name), store::encode(vault));
  EXPECT_TRUE(co_await tx.commit());
}

TEST_F(BackupTest, ACallIsNotAboutAVaultThatWasMadeAnewSincePoliciesWereAsked) {
  const std::string arn = "arn:aws:backup:us-east-1:000000000000:backup-vault:";
  const std::string policy =
      R"({"Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]})";
  const auto behind = [&]<class Out, class In>(std::string_view operation, In input, Out) {
    make_vault(input.backup_vault_name);
    fixture.meanwhile = [this, name = input.backup_vault_name] { return make_anew(fixture, name); };
    return code_of(call<Out>(operation, std::move(input)));
  };
  const std::string gone = "ResourceNotFoundException";
  EXPECT_EQ(behind("DeleteBackupVault", api::DeleteBackupVaultInput{"v1"}, api::DeleteBackupVaultOutput{}), gone);
  EXPECT_EQ(behind("DescribeBackupVault", api::DescribeBackupVaultInput{"v2"}, api::DescribeBackupVaultOutput{}), gone);
  EXPECT_EQ(behind("PutBackupVaultAccessPolicy", api::PutBackupVaultAccessPolicyInput{"v3", policy},
                   api::PutBackupVaultAccessPolicyOutput{}),
            gone);
  EXPECT_EQ(behind("DeleteBackupVaultAccessPolicy", api::DeleteBackupVaultAccessPolicyInput{"v4"},
                   api::DeleteBackupVaultAccessPolicyOutput{}),
            gone);
  EXPECT_EQ(behind("PutBackupVaultLockConfiguration",
                   api::PutBackupVaultLockConfigurationInput{.backup_vault_name = "v5", .changeable_for_days = 3},
                   api::PutBackupVaultLockConfigurationOutput{}),
            gone);
  EXPECT_EQ(behind("StartBackupJob",
                   api::StartBackupJobInput{
                       .backup_vault_name = "v6", .resource_arn = Texts::arn("shop"), .iam_role_arn = role_arn},
                   api::StartBackupJobOutput{}),
            gone);
  make_vault("v7");
  fixture.meanwhile = [this] { return make_anew(fixture, "v7"); };
  EXPECT_EQ(code_of(call<api::TagResourceOutput>(
                "TagResource", api::TagResourceInput{.resource_arn = arn + "v7", .tags = {{"a", "b"}}})),
            gone);
  EXPECT_EQ(code_of(call<api::TagResourceOutput>(
                "TagResource", api::TagResourceInput{.resource_arn = arn + "v7", .tags = {{"a", "b"}}})),
            "");
}

TEST_F(BackupTest, ATokenOfAnotherCallBeginsAJobOfItsOwn) {
  make_vault();
  make_vault("other");
  const auto one = start("token");
  const auto two =
      call<api::StartBackupJobOutput>("StartBackupJob", api::StartBackupJobInput{.backup_vault_name = "other",
                                                                                 .resource_arn = Texts::arn("shop"),
                                                                                 .iam_role_arn = role_arn,
                                                                                 .idempotency_token = "token"});
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_NE(two->backup_job_id, one.backup_job_id);
  EXPECT_EQ(start("token").backup_job_id, one.backup_job_id);
  fixture.run(service->settle());
  const auto restore_to = [&](std::string name) {
    return *call<api::StartRestoreJobOutput>("StartRestoreJob",
                                             api::StartRestoreJobInput{.recovery_point_arn = *one.recovery_point_arn,
                                                                       .metadata = {{"DestinationBucketName", name}},
                                                                       .iam_role_arn = role_arn,
                                                                       .idempotency_token = "token"})
                ->restore_job_id;
  };
  const std::string first = restore_to("a");
  EXPECT_NE(restore_to("b"), first);
  EXPECT_EQ(restore_to("a"), first);
  fixture.run(service->settle());
}

}  // namespace
}  // namespace boreal::backup
