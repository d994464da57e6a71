#include "backup/service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/pages.h"
#include "backup/permissions.h"
#include "backup/selecting.h"
#include "backup/testing.h"

namespace boreal::backup {
namespace {

TEST_F(BackupTest, VaultsComeOnceAndGoEmpty) {
  make_vault();
  EXPECT_EQ(code_of(call<api::CreateBackupVaultOutput>("CreateBackupVault",
                                                       api::CreateBackupVaultInput{.backup_vault_name = "vault"})),
            "AlreadyExistsException");
  start();
  fixture.run(service->settle());
  EXPECT_EQ(code_of(call<api::DeleteBackupVaultOutput>("DeleteBackupVault", api::DeleteBackupVaultInput{"vault"})),
            "InvalidRequestException");
  auto vault = call<api::DescribeBackupVaultOutput>("DescribeBackupVault", api::DescribeBackupVaultInput{"vault"});
  EXPECT_EQ(vault->number_of_recovery_points, 1);
  EXPECT_EQ(vault->backup_vault_arn, "arn:aws:backup:us-east-1:000000000000:backup-vault:vault");
}

TEST_F(BackupTest, PlansAreCheckedAndVersioned) {
  EXPECT_EQ(code_of(make_plan()), "InvalidParameterValueException") << "no vault";
  make_vault();
  EXPECT_EQ(code_of(make_plan(plan_of("cron(0 5 * * * *)"))), "InvalidParameterValueException");
  auto cold = plan_of();
  cold.rules[0].lifecycle = api::Lifecycle{.move_to_cold_storage_after_days = 10, .delete_after_days = 99};
  EXPECT_EQ(code_of(make_plan(cold)), "InvalidParameterValueException");
  auto narrow = plan_of();
  narrow.rules[0].start_window_minutes = 59;
  EXPECT_EQ(code_of(make_plan(narrow)), "InvalidParameterValueException");

  auto plan = make_plan();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(code_of(make_plan()), "AlreadyExistsException");
  auto got =
      call<api::GetBackupPlanOutput>("GetBackupPlan", api::GetBackupPlanInput{.backup_plan_id = *plan->backup_plan_id});
  EXPECT_EQ(got->backup_plan->rules[0].schedule_expression_timezone, "Etc/UTC");
  auto updated = call<api::UpdateBackupPlanOutput>(
      "UpdateBackupPlan", api::UpdateBackupPlanInput{*plan->backup_plan_id, plan_of("cron(0 6 ? * * *)")});
  EXPECT_NE(updated->version_id, plan->version_id);
  auto versions = call<api::ListBackupPlanVersionsOutput>(
      "ListBackupPlanVersions", api::ListBackupPlanVersionsInput{.backup_plan_id = *plan->backup_plan_id});
  EXPECT_EQ(versions->backup_plan_versions_list->size(), 2u);

  auto selection = select(*plan->backup_plan_id, {"*"});
  ASSERT_TRUE(selection) << selection.error().message;
  const api::DeleteBackupPlanInput removal{*plan->backup_plan_id};
  auto refused = call<api::DeleteBackupPlanOutput>("DeleteBackupPlan", removal);
  EXPECT_EQ(code_of(refused), "InvalidRequestException");
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("Related backup plan selections must be deleted prior to backup"));
  ASSERT_TRUE(call<api::DeleteBackupSelectionOutput>(
      "DeleteBackupSelection", api::DeleteBackupSelectionInput{*plan->backup_plan_id, *selection->selection_id}));
  ASSERT_TRUE(call<api::DeleteBackupPlanOutput>("DeleteBackupPlan", removal));
  api::GetBackupPlanInput deleted{.backup_plan_id = *plan->backup_plan_id};
  EXPECT_EQ(code_of(call<api::GetBackupPlanOutput>("GetBackupPlan", deleted)), "ResourceNotFoundException");
  deleted.version_id = plan->version_id;
  got = call<api::GetBackupPlanOutput>("GetBackupPlan", deleted);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(got->deletion_date);
}

TEST_F(BackupTest, BareIdentifiersAreTakenUnlessStrictAndReadBackAsSent) {
  make_vault();
  const std::string plan = *make_plan()->backup_plan_id;
  EXPECT_EQ(code_of(select(plan, {"nothing"})), "InvalidParameterValueException");
  EXPECT_EQ(code_of(select(plan, {"*"}, "arn:aws:iam::000000000000:role/none")), "InvalidParameterValueException");
  auto made = select(plan, {"shop"});
  ASSERT_TRUE(made) << made.error().message;
  auto got = call<api::GetBackupSelectionOutput>("GetBackupSelection",
                                                 api::GetBackupSelectionInput{plan, *made->selection_id});
  EXPECT_THAT(*got->backup_selection->resources, testing::ElementsAre("shop"));
  service = make(true);
  EXPECT_EQ(code_of(select(plan, {"shop"})), "InvalidParameterValueException");
}

TEST_F(BackupTest, WhatIsBackedUpIsWhatIsRestored) {
  make_vault();
  const auto begun = start("token");
  EXPECT_EQ(start("token").backup_job_id, begun.backup_job_id);
  fixture.run(service->settle());
  const auto done = job(*begun.backup_job_id);
  EXPECT_EQ(done.state, "COMPLETED") << done.status_message.value_or("");
  EXPECT_EQ(done.backup_size_in_bytes, 100'000);
  EXPECT_EQ(point(*begun.recovery_point_arn)->status, "COMPLETED");
  EXPECT_EQ(code_of(start_restore(*begun.recovery_point_arn, "")), "InvalidParameterValueException");
  const auto restored = restore(*begun.recovery_point_arn, "copy");
  EXPECT_EQ(restored.status, "COMPLETED") << restored.status_message.value_or("");
  EXPECT_EQ(restored.created_resource_arn, Texts::arn("copy"));
  EXPECT_EQ(texts.texts["copy"], texts.texts["shop"]);

  ASSERT_TRUE(call<api::DeleteRecoveryPointOutput>("DeleteRecoveryPoint",
                                                   api::DeleteRecoveryPointInput{"vault", *begun.recovery_point_arn}));
  fixture.run(service->settle());
  EXPECT_EQ(code_of(point(*begun.recovery_point_arn)), "ResourceNotFoundException");
  EXPECT_EQ(stored_points(), 0u);
}

TEST_F(BackupTest, AnotherPointsBytesAreNotRestored) {
  make_vault();
  const auto one = start("one");
  fixture.run(service->settle());
  texts.texts["shop"] = std::string(100'000, 't');
  const auto two = start("two");
  fixture.run(service->settle());
  // Somebody puts the first point's object in the second one's place.
  const auto id = [](const std::string& arn) { return arn.substr(arn.rfind(':') + 1); };
  const std::string bucket = "backup.000000000000.us-east-1";
  auto found = fixture.run(objects->find(bucket, id(*one.recovery_point_arn), objects::Select::latest(), true));
  ASSERT_TRUE(found);
  objects::CopyRequest copy;
  copy.source = std::move(*found);
  copy.bucket = bucket;
  copy.key = id(*two.recovery_point_arn);
  ASSERT_TRUE(fixture.run(objects->copy(std::move(copy))));
  EXPECT_EQ(restore(*two.recovery_point_arn, "copy").status, "FAILED");
  EXPECT_FALSE(texts.texts.contains("copy"));
}

TEST_F(BackupTest, ARoleThatMayNotReadMakesNoPoint) {
  make_vault();
  fixture.trust_policy =
      R"({"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
  const auto begun = start();
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "FAILED");
  EXPECT_EQ(texts.backed_up, 0);
  EXPECT_EQ(code_of(point(*begun.recovery_point_arn)), "ResourceNotFoundException");
}

// As AWS's guides show trust policies against confused deputies.
TEST_F(BackupTest, ARoleMayBeForOneVaultOnly) {
  make_vault();
  const auto trust = [&](std::string_view vault) {
    fixture.trust_policy = fmt::format(
        R"({{"Statement":[{{"Effect":"Allow","Principal":{{"Service":"backup.amazonaws.com"}},"Action":"sts:AssumeRole",
            "Condition":{{"StringEquals":{{"aws:SourceAccount":"000000000000"}},
                         "ArnLike":{{"aws:SourceArn":"arn:aws:backup:*:000000000000:backup-vault:{}"}}}}}}]}})",
        vault);
  };
  trust("other");
  const auto refused = start();
  fixture.run(service->settle());
  EXPECT_EQ(job(*refused.backup_job_id).state, "FAILED");
  trust("vault");
  const auto begun = start();
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(restore(*begun.recovery_point_arn, "copy").status, "COMPLETED");
  trust("other");
  EXPECT_EQ(restore(*begun.recovery_point_arn, "copy").status, "FAILED");
}

TEST_F(BackupTest, AJobThatWasStoppedLeavesNothing) {
  make_vault();
  Event gate;
  texts.gate = &gate;
  const auto begun = start();
  fixture.run_until_idle();
  ASSERT_TRUE(call<api::StopBackupJobOutput>("StopBackupJob", api::StopBackupJobInput{*begun.backup_job_id}));
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "ABORTED");
  EXPECT_EQ(stored_points(), 0u);
}

TEST_F(BackupTest, AJobThatIsStoppedBeforeItsTurnIsAborted) {
  make_vault();
  Event gate;
  texts.gate = &gate;
  start("one");
  start("two");
  const auto third = start("three");
  fixture.run_until_idle();
  ASSERT_EQ(job(*third.backup_job_id).state, "PENDING");
  ASSERT_TRUE(call<api::StopBackupJobOutput>("StopBackupJob", api::StopBackupJobInput{*third.backup_job_id}));
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(job(*third.backup_job_id).state, "ABORTED");
  EXPECT_EQ(code_of(point(*third.recovery_point_arn)), "ResourceNotFoundException");
  EXPECT_EQ(texts.backed_up, 2);
}

TEST_F(BackupTest, AJobWithALongStartWindowHasTimeToComplete) {
  make_vault();
  Event gate;
  texts.gate = &gate;
  start("one");
  start("two");
  api::StartBackupJobInput input{
      .backup_vault_name = "vault", .resource_arn = Texts::arn("shop"), .iam_role_arn = role_arn};
  input.start_window_minutes = 10 * 24 * 60;
  const auto late = call<api::StartBackupJobOutput>("StartBackupJob", input);
  ASSERT_TRUE(late);
  fixture.run_until_idle();
  fixture.clock.advance(std::chrono::days(8));
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(job(*late->backup_job_id).state, "COMPLETED");
}

TEST_F(BackupTest, AJobThatACrashCutIsBegunAgain) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  // As a crash between the object and the transaction leaves it.
  rewind(*begun.backup_job_id, std::string(job_state::running));
  texts.texts["shop"] = std::string(50'000, 'n');
  service = make();
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(texts.backed_up, 2);
  EXPECT_EQ(restore(*begun.recovery_point_arn, "copy").status, "COMPLETED");
  EXPECT_EQ(texts.texts["copy"], texts.texts["shop"]);
}

TEST_F(BackupTest, AJobThatACrashCutNeedsNoStartWindowAgain) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  rewind(*begun.backup_job_id, std::string(job_state::running));
  fixture.clock.advance(std::chrono::hours(9));
  service = make();
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "COMPLETED");
}

TEST_F(BackupTest, AJobThatTwoCrashesCutNeedsNoStartWindowEither) {
  make_vault();
  const std::string cut = *start("cut").backup_job_id;
  fixture.run(service->settle());
  rewind(cut, "RUNNING");
  Event gate;
  texts.gate = &gate;
  start("one");
  start("two");
  ASSERT_TRUE(comes_true([&] { return texts.backed_up == 3; }));  // they have the turns
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run_until_idle();
  EXPECT_EQ(job(cut).state, "RUNNING") << "it waits for its turn";
  service->begin_stop();
  fixture.run(open(gate));
  fixture.run(service->settle());
  service = make();
  fixture.clock.advance(std::chrono::days(2));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(job(cut).state, "COMPLETED");
}

TEST_F(BackupTest, ARunThatIsDueIsNotLostWhenThePlanIsUpdated) {
  make_vault();
  const std::string plan = *make_plan()->backup_plan_id;
  ASSERT_TRUE(select(plan, {"*"}));
  const auto due = fixture.run(service->do_what_is_due());
  fixture.clock.set(*due);
  auto other = plan_of();
  other.rules[0].lifecycle = api::Lifecycle{.delete_after_days = 31};
  ASSERT_TRUE(call<api::UpdateBackupPlanOutput>("UpdateBackupPlan", api::UpdateBackupPlanInput{plan, other}));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 1);
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 1);
}

TEST_F(BackupTest, AJobThatWasBeingStoppedAtACrashIsAborted) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  rewind(*begun.backup_job_id, std::string(job_state::aborting));
  service = make();
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "ABORTED");
  EXPECT_EQ(stored_points(), 0u);
}

TEST_F(BackupTest, PlansRunOnceAtTheirTimeAlsoAfterARestart) {
  make_vault();
  const std::string plan = *make_plan()->backup_plan_id;
  api::BackupSelection selection{.selection_name = "s", .iam_role_arn = role_arn};
  selection.list_of_tags = {
      {{.condition_type = "STRINGEQUALS", .condition_key = "backup", .condition_value = "daily"}}};
  ASSERT_TRUE(call<api::CreateBackupSelectionOutput>(
      "CreateBackupSelection", api::CreateBackupSelectionInput{.backup_plan_id = plan, .backup_selection = selection}));
  const auto due = fixture.run(service->do_what_is_due());
  ASSERT_TRUE(due);
  EXPECT_EQ(texts.backed_up, 0);
  fixture.clock.set(*due);
  service = make();
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 1);
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  EXPECT_EQ(texts.backed_up, 1);
  auto jobs = call<api::ListBackupJobsOutput>("ListBackupJobs", api::ListBackupJobsInput());
  ASSERT_EQ(jobs->backup_jobs->size(), 1u);
  EXPECT_EQ(jobs->backup_jobs->at(0).created_by->backup_plan_id, plan);

  fixture.clock.advance(std::chrono::days(31));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  auto points = call<api::ListRecoveryPointsByBackupVaultOutput>(
      "ListRecoveryPointsByBackupVault", api::ListRecoveryPointsByBackupVaultInput{.backup_vault_name = "vault"});
  EXPECT_TRUE(points->recovery_points->empty()) << "30 days are over; the missed run was too late";
}

TEST_F(BackupTest, AClockThatIsPutBackLosesNoRunAndDoublesNone) {
  make_vault();
  ASSERT_TRUE(select(*make_plan()->backup_plan_id, {"*"}));
  const auto work = [&] {
    const auto next = fixture.run(service->do_what_is_due());
    fixture.run(service->settle());
    return next.value();
  };
  const Time began = fixture.clock.now();
  const Time due = work();
  fixture.clock.advance(std::chrono::days(90));
  work();
  EXPECT_EQ(texts.backed_up, 0) << "its start window has passed";
  fixture.clock.set(began);
  EXPECT_EQ(work(), due);
  fixture.clock.set(due);
  work();
  EXPECT_EQ(texts.backed_up, 1);
  fixture.clock.set(due - std::chrono::hours(1));
  work();
  fixture.clock.set(due);
  work();
  EXPECT_EQ(texts.backed_up, 1);
}

TEST_F(BackupTest, ALockedVaultKeepsItsPoints) {
  make_vault();
  const auto kept = start("kept");
  fixture.run(service->settle());
  api::PutBackupVaultLockConfigurationInput lock{
      .backup_vault_name = "vault", .min_retention_days = 7, .changeable_for_days = 3};
  ASSERT_TRUE(call<api::PutBackupVaultLockConfigurationOutput>("PutBackupVaultLockConfiguration", lock));
  EXPECT_EQ(code_of(call<api::DeleteRecoveryPointOutput>(
                "DeleteRecoveryPoint", api::DeleteRecoveryPointInput{"vault", *kept.recovery_point_arn})),
            "InvalidRequestException");
  const auto brief = start("short", api::Lifecycle{.delete_after_days = 6});
  fixture.run(service->settle());
  EXPECT_EQ(job(*brief.backup_job_id).state, "FAILED");
  fixture.clock.advance(std::chrono::days(3));
  const api::DeleteBackupVaultLockConfigurationInput unlock{"vault"};
  EXPECT_EQ(code_of(call<api::DeleteBackupVaultLockConfigurationOutput>("DeleteBackupVaultLockConfiguration", unlock)),
            "InvalidRequestException");
}

TEST_F(BackupTest, AVaultsPolicyIsEnforced) {
  make_vault();
  const auto kept = start();
  fixture.run(service->settle());
  ASSERT_TRUE(call<api::PutBackupVaultAccessPolicyOutput>(
      "PutBackupVaultAccessPolicy",
      api::PutBackupVaultAccessPolicyInput{
          "vault",
          R"({"Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]})"}));
  EXPECT_EQ(code_of(call<api::DeleteRecoveryPointOutput>(
                "DeleteRecoveryPoint", api::DeleteRecoveryPointInput{"vault", *kept.recovery_point_arn})),
            "AccessDeniedException");
}

TEST_F(BackupTest, PoliciesAreToldTheTagsOfPointsAndPlans) {
  make_vault();
  api::StartBackupJobInput input{
      .backup_vault_name = "vault", .resource_arn = Texts::arn("shop"), .iam_role_arn = role_arn};
  input.recovery_point_tags = Tags{{"keep", "yes"}};
  const auto kept = call<api::StartBackupJobOutput>("StartBackupJob", input);
  const auto other = start();
  fixture.run(service->settle());
  const auto plan = call<api::CreateBackupPlanOutput>(
      "CreateBackupPlan",
      api::CreateBackupPlanInput{.backup_plan = plan_of(), .backup_plan_tags = Tags{{"keep", "yes"}}});
  ASSERT_TRUE(plan);
  fixture.principal = aws::user_principal(account, "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"backup:Delete*",)"
      R"("Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/keep":"yes"}}}]})")};
  const auto delete_point = [&](const std::string& arn) {
    return code_of(
        call<api::DeleteRecoveryPointOutput>("DeleteRecoveryPoint", api::DeleteRecoveryPointInput{"vault", arn}));
  };
  EXPECT_EQ(delete_point(*kept->recovery_point_arn), "AccessDeniedException");
  EXPECT_EQ(delete_point(*other.recovery_point_arn), "");
  EXPECT_EQ(
      code_of(call<api::DeleteBackupPlanOutput>("DeleteBackupPlan", api::DeleteBackupPlanInput{*plan->backup_plan_id})),
      "AccessDeniedException");
}

TEST_F(BackupTest, APointThatIsBeingDeletedKeepsItsLifecycle) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  const Place place{account, "us-east-1"};
  auto tx = fixture.run(fixture.catalog().begin(place.partition()));
  const std::string key = point_key(begun.recovery_point_arn->substr(begun.recovery_point_arn->rfind(':') + 1));
  auto record = **load<PointRecord>(tx, key);
  record.status = point_status::deleting;
  tx.put(key, store::encode(record));
  ASSERT_TRUE(fixture.run(tx.commit()));
  EXPECT_EQ(code_of(call<api::UpdateRecoveryPointLifecycleOutput>(
                "UpdateRecoveryPointLifecycle",
                api::UpdateRecoveryPointLifecycleInput{"vault", *begun.recovery_point_arn, api::Lifecycle{}})),
            "InvalidRequestException");
}

TEST(RestoreAccesses, ABucketIsTheSameByNameAndByArn) {
  RestoreRecord restore;
  restore.resource_type = "S3";
  restore.metadata = {{"DestinationBucketName", "arn:aws:s3:::shop"}, {"NewBucket", "true"}};
  std::vector<std::string> resources;
  for (const auto& access : restore_accesses({account, "us-east-1"}, restore)) resources.push_back(access.resource);
  EXPECT_THAT(resources, testing::UnorderedElementsAre("arn:aws:s3:::shop", "arn:aws:s3:::shop/*",
                                                       "arn:aws:s3:::shop/*", "arn:aws:s3:::shop"));
}

TEST(RestoreAccesses, ARoleIsAskedAboutAllThatAClusterIsMadeOf) {
  RestoreRecord restore;
  restore.resource_type = "Aurora";
  restore.point_id = "p";
  restore.metadata = {
      {"DBClusterIdentifier", "Shop"}, {"DBSubnetGroupName", "Data"}, {"DBClusterParameterGroupName", "tuned"}};
  std::vector<std::string> resources;
  for (const auto& access : restore_accesses({account, "us-east-1"}, restore)) {
    EXPECT_EQ(access.action, "rds:RestoreDBClusterFromSnapshot");
    EXPECT_EQ(access.context.find("aws:RequestedRegion")->second, "us-east-1");
    resources.push_back(access.resource);
  }
  const std::string arn = "arn:aws:rds:us-east-1:000000000000:";
  EXPECT_THAT(resources, testing::UnorderedElementsAre(arn + "cluster:shop", arn + "cluster-snapshot:awsbackup:job-p",
                                                       arn + "subgrp:data", arn + "cluster-pg:tuned"));
}

TEST(BackupAccesses, ARoleIsToldTheTagsOfACluster) {
  JobRecord job;
  job.resource_type = "Aurora";
  job.resource_arn = "arn:aws:rds:us-east-1:000000000000:cluster:shop";
  size_t told = 0;
  for (const auto& access : backup_accesses({account, "us-east-1"}, job, {{"secret", "yes"}})) {
    const bool is_cluster = access.resource == job.resource_arn;
    EXPECT_EQ(access.context.contains("aws:ResourceTag/secret"), is_cluster) << access.resource;
    EXPECT_EQ(access.context.contains("rds:cluster-tag/secret"), is_cluster) << access.resource;
    told += is_cluster;
  }
  EXPECT_EQ(told, 2u);
}

// As AWS tells it: COMPLETED, with a message, and of another category than SUCCESS.
TEST_F(BackupTest, AJobSaysWhatItsBackupHasNot) {
  make_vault();
  const auto whole = start();
  fixture.run(service->settle());
  texts.left_out = "1 object(s) are not in the backup.";
  const auto lacking = start();
  fixture.run(service->settle());
  EXPECT_EQ(job(*lacking.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(job(*lacking.backup_job_id).status_message, texts.left_out);
  EXPECT_EQ(job(*whole.backup_job_id).message_category, "SUCCESS");
  EXPECT_FALSE(job(*whole.backup_job_id).status_message);
  const auto listed = [&](std::optional<std::string> by) {
    api::ListBackupJobsInput input{.by_state = "COMPLETED"};
    input.by_message_category = std::move(by);
    return call<api::ListBackupJobsOutput>("ListBackupJobs", input)->backup_jobs->size();
  };
  EXPECT_EQ(listed(std::nullopt), 2u);
  EXPECT_EQ(listed("AGGREGATE_ALL"), 2u);
  EXPECT_EQ(listed("SUCCESS"), 1u);
}

TEST_F(BackupTest, ListsComeInPagesNewestFirst) {
  make_vault();
  std::vector<std::string> begun;
  for (int i = 0; i < 5; ++i) {
    begun.push_back(*start().backup_job_id);
    fixture.clock.advance(std::chrono::seconds(1));
  }
  fixture.run(service->settle());
  std::vector<std::string> listed;
  api::ListBackupJobsInput input;
  input.max_results = 2;
  do {
    const auto page = call<api::ListBackupJobsOutput>("ListBackupJobs", input);
    ASSERT_TRUE(page);
    ASSERT_LE(page->backup_jobs->size(), 2u);
    for (const auto& one : *page->backup_jobs) listed.push_back(*one.backup_job_id);
    input.next_token = page->next_token;
  } while (input.next_token && listed.size() < 10);
  std::ranges::reverse(begun);
  EXPECT_EQ(listed, begun);
  input.next_token = "?";
  EXPECT_EQ(code_of(call<api::ListBackupJobsOutput>("ListBackupJobs", input)), "InvalidParameterValueException");
}

TEST(Page, KeepsTheFirstOfManyThatComeInAnyOrder) {
  constexpr int many = 10'000;
  const auto key = [](int i) { return std::to_string(100'000 + i); };
  std::optional<std::string> token;
  for (int begin = 0; begin < 30; begin += 10) {
    auto page = Page<int>::begin(token, 10);
    ASSERT_TRUE(page);
    for (int i = 0; i < many; ++i) {
      int item = (i * 7919) % many;
      page->add(key(item), std::move(item));
    }
    token.reset();
    const auto items = page->take(token);
    ASSERT_EQ(items.size(), 10u);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(items[static_cast<size_t>(i)], begin + i);
    ASSERT_TRUE(token);
  }
  auto last = Page<int>::begin(token, 10);
  EXPECT_TRUE(last->take(token).empty());
}

TEST_F(BackupTest, ATokenIsTheJobsAlsoAfterARestartAndUntilItIsForgotten) {
  make_vault();
  const auto first = start("token");
  fixture.run(service->settle());
  const auto restored = [&] {
    api::StartRestoreJobInput input{.recovery_point_arn = *first.recovery_point_arn,
                                    .metadata = {{"DestinationBucketName", "copy"}},
                                    .iam_role_arn = role_arn};
    input.idempotency_token = "token";
    return *call<api::StartRestoreJobOutput>("StartRestoreJob", input)->restore_job_id;
  };
  const std::string restore_id = restored();
  fixture.run(service->settle());
  service = make();
  EXPECT_EQ(start("token").backup_job_id, first.backup_job_id);
  EXPECT_EQ(restored(), restore_id);
  fixture.clock.advance(std::chrono::days(31));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  EXPECT_NE(start("token").backup_job_id, first.backup_job_id);
  EXPECT_NE(restored(), restore_id);
  fixture.run(service->settle());
}

TEST_F(BackupTest, PlansVersionsAndVaultsHaveAQuota) {
  make_vault();
  const std::string id = *make_plan()->backup_plan_id;
  auto tx = fixture.run(fixture.catalog().begin(Place{account, "us-east-1"}.partition()));
  auto plan = **load<PlanRecord>(tx, plan_key(id));
  const auto version = **load<VersionRecord>(tx, version_key(id, 1));
  plan.version = 2000;
  tx.put(plan_key(id), store::encode(plan));
  tx.put(version_key(id, plan.version), store::encode(version));
  for (int i = 0; i < 299; ++i) {
    VaultRecord vault;
    vault.name = "vault-" + std::to_string(i);
    tx.put(vault_key(vault.name), store::encode(vault));
    PlanRecord other = plan;
    other.id = std::to_string(i);
    tx.put(plan_key(other.id), store::encode(other));
    tx.put(version_key(other.id, other.version), store::encode(version));
  }
  ASSERT_TRUE(fixture.run(tx.commit()));
  EXPECT_EQ(code_of(call<api::UpdateBackupPlanOutput>("UpdateBackupPlan",
                                                      api::UpdateBackupPlanInput{id, plan_of("cron(0 6 ? * * *)")})),
            "LimitExceededException");
  EXPECT_EQ(code_of(make_plan(plan_of("cron(0 7 ? * * *)"))), "LimitExceededException");
  EXPECT_EQ(code_of(call<api::CreateBackupVaultOutput>("CreateBackupVault",
                                                       api::CreateBackupVaultInput{.backup_vault_name = "more"})),
            "LimitExceededException");
}

TEST_F(BackupTest, TheRoleMustBeAllowedToTagThePoint) {
  make_vault();
  fixture.principal = aws::user_principal(account, "bob");  // the role's too, in the fixture
  fixture.policies.identity = {
      aws::identity_policy(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":)"
                           R"("backup:TagResource","Resource":"arn:aws:backup:*:*:recovery-point:*"}]})")};
  const auto plain = start();
  api::StartBackupJobInput input{
      .backup_vault_name = "vault", .resource_arn = Texts::arn("shop"), .iam_role_arn = role_arn};
  input.recovery_point_tags = Tags{{"keep", "yes"}};
  const auto tagged = call<api::StartBackupJobOutput>("StartBackupJob", input);
  ASSERT_TRUE(tagged);
  fixture.run(service->settle());
  EXPECT_EQ(job(*plain.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(job(*tagged->backup_job_id).state, "FAILED");
}

TEST_F(BackupTest, PoliciesAreToldWhichTagsGo) {
  make_vault();
  const std::string arn = "arn:aws:backup:us-east-1:000000000000:backup-vault:vault";
  ASSERT_TRUE(call<api::TagResourceOutput>("TagResource", api::TagResourceInput{arn, {{"a", "1"}, {"keep", "2"}}}));
  fixture.principal = aws::user_principal(account, "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"backup:UntagResource",)"
      R"("Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["keep"]}}}]})")};
  EXPECT_EQ(code_of(call<api::UntagResourceOutput>("UntagResource", api::UntagResourceInput{arn, {"a", "keep"}})),
            "AccessDeniedException");
  EXPECT_TRUE(call<api::UntagResourceOutput>("UntagResource", api::UntagResourceInput{arn, {"a"}}));
}

TEST_F(BackupTest, AVaultOfAnotherAccountIsNotTheOneOfThatNameHere) {
  make_vault();
  api::DescribeBackupVaultInput input{"vault"};
  input.backup_vault_account_id = account;
  EXPECT_TRUE(call<api::DescribeBackupVaultOutput>("DescribeBackupVault", input));
  input.backup_vault_account_id = "111111111111";
  EXPECT_EQ(code_of(call<api::DescribeBackupVaultOutput>("DescribeBackupVault", input)), "ResourceNotFoundException");
  api::ListRecoveryPointsByBackupVaultInput list{.backup_vault_name = "vault"};
  list.backup_vault_account_id = "111111111111";
  EXPECT_EQ(code_of(call<api::ListRecoveryPointsByBackupVaultOutput>("ListRecoveryPointsByBackupVault", list)),
            "ResourceNotFoundException");
}

TEST_F(BackupTest, TagsAreByArn) {
  make_vault();
  const std::string arn = "arn:aws:backup:us-east-1:000000000000:backup-vault:vault";
  ASSERT_TRUE(call<api::TagResourceOutput>("TagResource", api::TagResourceInput{arn, {{"a", "1"}, {"b", "2"}}}));
  ASSERT_TRUE(call<api::UntagResourceOutput>("UntagResource", api::UntagResourceInput{arn, {"a"}}));
  auto tags = call<api::ListTagsOutput>("ListTags", api::ListTagsInput{.resource_arn = arn});
  EXPECT_THAT(*tags->tags, testing::ElementsAre(testing::Pair("b", "2")));
  EXPECT_EQ(code_of(call<api::ListTagsOutput>("ListTags", api::ListTagsInput{.resource_arn = arn + "x"})),
            "ResourceNotFoundException");
}

TEST(Selects, ResourcesTagsAndConditions) {
  const aws::Recoverable::Resource shop{"arn:aws:s3:::shop", "shop", {{"env", "prod"}}};
  api::BackupSelection selection;
  selection.resources = {"arn:aws:s3:::*"};
  EXPECT_TRUE(selects(selection, shop));
  selection.conditions.emplace().string_equals = {
      {{.condition_key = "aws:ResourceTag/env", .condition_value = "prod"}}};
  EXPECT_TRUE(selects(selection, shop));
  selection.conditions->string_not_like = {{{.condition_key = "aws:ResourceTag/env", .condition_value = "p*"}}};
  EXPECT_FALSE(selects(selection, shop));
  selection.conditions.reset();
  selection.not_resources = {"arn:aws:s3:::shop"};
  EXPECT_FALSE(selects(selection, shop));
}

// As AWS has it: whoever names a resource gets it backed up, whatever tags are asked for beside.
TEST(Selects, WhatIsNamedAndWhatIsTaggedEachByItself) {
  const aws::Recoverable::Resource shop{"arn:aws:s3:::shop", "shop", {{"env", "prod"}}};
  api::BackupSelection selection;
  selection.resources = {"arn:aws:s3:::shop"};
  selection.list_of_tags = {{{.condition_type = "STRINGEQUALS", .condition_key = "env", .condition_value = "test"}}};
  EXPECT_TRUE(selects(selection, shop));
  selection.resources = {"arn:aws:s3:::other"};
  EXPECT_FALSE(selects(selection, shop));
  selection.list_of_tags->push_back(
      {.condition_type = "STRINGEQUALS", .condition_key = "aws:ResourceTag/env", .condition_value = "prod"});
  EXPECT_TRUE(selects(selection, shop));
  selection.resources.reset();
  EXPECT_TRUE(selects(selection, shop));
  selection.not_resources = {"*"};
  EXPECT_FALSE(selects(selection, shop));
}

}  // namespace
}  // namespace boreal::backup
