// What goes wrong in one place holds up no other, and is made good when it may be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>

#include "backup/jobs.h"
#include "backup/testing.h"

namespace boreal::backup {
namespace {

TEST_F(BackupTest, WhatIsDamagedHoldsUpNothingElse) {
  make_vault();
  auto other = plan_of("cron(0 6 ? * * *)");
  other.backup_plan_name = "other";
  const std::string plans[] = {*make_plan()->backup_plan_id, *make_plan(other)->backup_plan_id};
  for (const auto& id : plans) ASSERT_TRUE(select(id, {"*"}));
  const auto damage = [&](const std::string& region, const std::string& key, std::optional<std::string> text) {
    auto tx = fixture.run(fixture.catalog().begin(Place{account, region}.partition()));
    text ? tx.put(key, *text) : tx.remove(key);
    ASSERT_TRUE(fixture.run(tx.commit()));
  };
  damage("eu-west-1", job_key("x"), "{");
  damage("eu-west-1", plan_key("x"), "{");
  damage("us-east-1", version_key(std::min(plans[0], plans[1]), 1), std::nullopt);
  fixture.clock.advance(std::chrono::minutes(510));  // to 06:43
  const auto next = fixture.run(service->do_what_is_due());
  ASSERT_TRUE(next);
  EXPECT_GT(*next, fixture.clock.now());
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 1);
}

TEST_F(BackupTest, ADamagedRecordCostsOnlyItself) {
  make_vault();
  const std::string plan = *make_plan()->backup_plan_id;
  ASSERT_TRUE(select(plan, {"*"}));
  const std::string cut = *start("cut", api::Lifecycle{.delete_after_days = 1}).backup_job_id;
  fixture.run(service->settle());
  rewind(cut, "RUNNING");
  auto tx = fixture.run(fixture.catalog().begin(Place{account, "us-east-1"}.partition()));
  for (const std::string& key :
       {vault_key("x"), plan_key("0"), selection_key(plan, "0"), job_key("0"), point_key("0"), restore_key("0")}) {
    tx.put(key, "{");
  }
  ASSERT_TRUE(fixture.run(tx.commit()));
  service = make();
  fixture.clock.advance(std::chrono::hours(7));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(job(cut).state, "COMPLETED");
  const auto jobs = call<api::ListBackupJobsOutput>("ListBackupJobs", api::ListBackupJobsInput{});
  ASSERT_TRUE(jobs) << jobs.error().message;
  EXPECT_EQ(jobs->backup_jobs->size(), 2u) << "the one that was cut, and the plan's";
  EXPECT_EQ(call<api::ListBackupPlansOutput>("ListBackupPlans", api::ListBackupPlansInput{})->backup_plans_list->size(),
            1u);
  fixture.clock.advance(std::chrono::days(1));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(code_of(point(*job(cut).recovery_point_arn)), "ResourceNotFoundException") << "its lifecycle has ended";
}

// Clusters that cannot be listed.
class BrokenTexts final : public aws::Recoverable {
 public:
  std::string_view resource_type() const override { return "Aurora"; }
  std::string_view service() const override { return "rds"; }
  Task<aws::Outcome<std::optional<Resource>>> find(std::string, std::string, std::string) override {
    co_return std::nullopt;
  }
  Task<aws::Outcome<std::vector<Resource>>> list(std::string, std::string) override {
    co_return aws::refuse(aws::ApiError("InternalFailure", 500, "a record cannot be decoded"));
  }
  Task<aws::Outcome<Backup>> back_up(aws::Asker, std::string, std::string, Resource) override {
    co_return aws::refuse(aws::ApiError("InternalFailure", 500, "nothing is there"));
  }
  Task<aws::Outcome<std::string>> restore(aws::Asker, std::string, std::string, std::map<std::string, std::string>,
                                          std::unique_ptr<Source>) override {
    co_return aws::refuse(aws::ApiError("InternalFailure", 500, "nothing is there"));
  }
};

TEST_F(BackupTest, AKindThatCannotBeListedHoldsUpTheOthersForAWhileOnly) {
  make_vault();
  ASSERT_TRUE(select(*make_plan()->backup_plan_id, {"*"}));
  BrokenTexts broken;
  service = std::make_unique<Service>(fixture.context(), Options(), keys, roles, fixture.gate(), *objects,
                                      std::vector<aws::Recoverable*>{&broken, &texts});
  fixture.clock.advance(std::chrono::minutes(407));  // to 05:00
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 0) << "it may pass";
  fixture.clock.advance(std::chrono::minutes(11));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 1);
  service = make();
}

TEST_F(BackupTest, SoManyRestoresMayWait) {
  make_vault();
  texts.texts["shop"] = "s";
  const std::string point_arn = *start().recovery_point_arn;
  fixture.run(service->settle());
  Event gate;
  texts.gate = &gate;
  start("one");
  start("two");
  fixture.run_until_idle();  // they have the turns
  for (size_t i = 0; i < max_jobs_under_way; ++i) ASSERT_TRUE(start_restore(point_arn, "copy"));
  EXPECT_EQ(code_of(start_restore(point_arn, "copy")), "InvalidRequestException");
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(texts.restored, static_cast<int>(max_jobs_under_way));
}

TEST_F(BackupTest, AJobExpiresAtTheEndOfItsStartWindowHoweverLongTheTurnsAre) {
  make_vault();
  Event gate;
  texts.gate = &gate;
  start("one");
  start("two");
  const std::string late = *start("three").backup_job_id;
  fixture.run_until_idle();
  const auto end = fixture.run(service->do_what_is_due());
  ASSERT_TRUE(end);
  fixture.clock.set(*end);
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  EXPECT_TRUE(comes_true([&] { return job(late).state == "EXPIRED"; })) << *job(late).state;
  EXPECT_EQ(code_of(point(*job(late).recovery_point_arn)), "ResourceNotFoundException");
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, 2);
  EXPECT_EQ(job(late).state, "EXPIRED");
}

TEST_F(BackupTest, SoManyJobsOfPlansMayWait) {
  make_vault();
  ASSERT_TRUE(select(*make_plan()->backup_plan_id, {"*"}));
  texts.texts["shop"] = "s";
  texts.texts["other"] = "o";
  Event gate;
  texts.gate = &gate;
  for (size_t i = 0; i < max_jobs_under_way - 1; ++i) start();
  fixture.clock.advance(std::chrono::hours(7));
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  api::ListBackupJobsInput failed;
  failed.by_state = "FAILED";
  const auto refused = call<api::ListBackupJobsOutput>("ListBackupJobs", failed);
  ASSERT_EQ(refused->backup_jobs->size(), 1u) << "of two resources there was room for one";
  EXPECT_FALSE(refused->backup_jobs->at(0).recovery_point_arn);
  fixture.run(open(gate));
  fixture.run(service->settle());
  EXPECT_EQ(texts.backed_up, static_cast<int>(max_jobs_under_way));
}

TEST_F(BackupTest, ManyPointsMayEndTogether) {
  make_vault();
  constexpr int many = 2500;
  auto tx = fixture.run(fixture.catalog().begin(Place{account, "us-east-1"}.partition()));
  for (int i = 0; i < many; ++i) {
    PointRecord old;
    old.id = std::to_string(i);
    old.vault = "vault";
    old.status = i < 2 ? point_status::deleting : point_status::completed;
    old.created = fixture.clock.now();
    old.lifecycle = api::Lifecycle{.delete_after_days = 1};
    tx.put(point_key(old.id), store::encode(old));
  }
  ASSERT_TRUE(fixture.run(tx.commit()));
  fixture.clock.advance(std::chrono::days(1));
  for (int left = many; left > 0; left -= 1000) {
    const auto next = fixture.run(service->do_what_is_due());
    ASSERT_TRUE(next);
    EXPECT_EQ(*next <= fixture.clock.now() + std::chrono::seconds(1), left > 1000);
    fixture.run(service->settle());
  }
  const auto vault =
      call<api::DescribeBackupVaultOutput>("DescribeBackupVault", api::DescribeBackupVaultInput{"vault"});
  EXPECT_EQ(vault->number_of_recovery_points, 0);
}

// A catalog whose disk is full after so many commits.
class FullDisk final : public store::Store {
 public:
  explicit FullDisk(store::Store& store) : store_(store) {}
  int commits_left = INT_MAX;

  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const store::Snapshot* at) const override {
    return store_.get(partition, key, at);
  }
  Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                              const store::Snapshot* at) const override {
    return store_.get_bulk(partition, key, at);
  }
  std::unique_ptr<store::Cursor> scan(std::string_view partition, std::string_view prefix,
                                      const store::Snapshot* at) const override {
    return store_.scan(partition, prefix, at);
  }
  std::unique_ptr<store::Snapshot> snapshot() const override { return store_.snapshot(); }
  Task<Result<void>> commit(store::Batch batch) override {
    if (commits_left == 0) co_return fail(Errc::no_space, "full");
    --commits_left;
    co_return co_await store_.commit(std::move(batch));
  }
  Result<std::vector<std::string>> partitions() const override { return store_.partitions(); }
  Task<Result<void>> drop_partition(std::string_view partition) override { return store_.drop_partition(partition); }
  Task<Result<void>> check(store::CheckStep step) const override { return store_.check(std::move(step)); }

 private:
  store::Store& store_;
};

class BackupOnAFullDiskTest : public BackupTest {
 protected:
  BackupOnAFullDiskTest() {
    const aws::ServiceContext other = fixture.context();
    service = std::make_unique<Service>(aws::ServiceContext{catalog, other.clock, other.random, other.loop, other.pool},
                                        Options{}, keys, roles, fixture.gate(), *objects,
                                        std::vector<aws::Recoverable*>{&texts});
    make_vault();
  }
  ~BackupOnAFullDiskTest() override {
    fixture.run(service->settle());
    service.reset();
    service = make();
  }
  // Room again: the worker does what was left.
  void make_room() {
    disk.commits_left = INT_MAX;
    ASSERT_TRUE(fixture.run(service->do_what_is_due()));
    fixture.run(service->settle());
  }

  FullDisk disk{fixture.store()};
  store::Catalog catalog{disk};
};

TEST_F(BackupOnAFullDiskTest, AJobGoesOnWhenThereIsRoom) {
  Event gate;
  texts.gate = &gate;
  const auto begun = start();
  fixture.run_until_idle();
  disk.commits_left = 0;
  fixture.run(open(gate));
  fixture.run(service->settle());
  ASSERT_EQ(job(*begun.backup_job_id).state, "RUNNING");
  make_room();
  EXPECT_EQ(job(*begun.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(restore(*begun.recovery_point_arn, "copy").status, "COMPLETED");
}

TEST_F(BackupOnAFullDiskTest, WhatARestoreMadeIsToldWhenThereIsRoom) {
  const auto begun = start();
  fixture.run(service->settle());
  texts.on_restored = [&] { disk.commits_left = 0; };
  ASSERT_EQ(restore(*begun.recovery_point_arn, "copy").status, "RUNNING");
  make_room();
  auto restores = call<api::ListRestoreJobsOutput>("ListRestoreJobs", api::ListRestoreJobsInput());
  ASSERT_EQ(restores->restore_jobs->size(), 1u);
  EXPECT_EQ(restores->restore_jobs->at(0).status, "COMPLETED");
  EXPECT_EQ(restores->restore_jobs->at(0).created_resource_arn, Texts::arn("copy"));
}

TEST_F(BackupOnAFullDiskTest, APointIsDeletedWhenThereIsRoom) {
  const auto begun = start();
  fixture.run(service->settle());
  disk.commits_left = 1;  // for DELETING
  ASSERT_TRUE(call<api::DeleteRecoveryPointOutput>("DeleteRecoveryPoint",
                                                   api::DeleteRecoveryPointInput{"vault", *begun.recovery_point_arn}));
  fixture.run(service->settle());
  ASSERT_EQ(point(*begun.recovery_point_arn)->status, "DELETING");
  make_room();
  EXPECT_EQ(code_of(point(*begun.recovery_point_arn)), "ResourceNotFoundException");
}

// The engine has all bytes of two, as many as may move bytes at a time, and does not come to an end with them.
TEST_F(BackupTest, ARestoreThatWaitsForItsResourceHoldsUpNoJob) {
  make_vault();
  const std::string point_arn = *start().recovery_point_arn;
  fixture.run(service->settle());
  Event usable;
  texts.usable = &usable;
  const auto one = start_restore(point_arn, "one");
  ASSERT_TRUE(start_restore(point_arn, "two"));
  ASSERT_TRUE(comes_true([&] { return texts.restored == 2; }));
  const std::string begun = *start().backup_job_id;
  EXPECT_TRUE(comes_true([&] { return job(begun).state == "COMPLETED"; }));
  EXPECT_EQ(restore_job(*one->restore_job_id).status, "RUNNING");
  fixture.run(open(usable));
  fixture.run(service->settle());
  EXPECT_EQ(restore_job(*one->restore_job_id).status, "COMPLETED");
}

class WaitingRestoreTest : public BackupTest {
 protected:
  // Its resource has all bytes, and is not usable before `usable`.
  std::string restore_that_waits() {
    make_vault();
    const std::string point_arn = *start().recovery_point_arn;
    fixture.run(service->settle());
    texts.usable = &usable;
    const std::string id = *start_restore(point_arn, "copy")->restore_job_id;
    EXPECT_TRUE(comes_true([&] { return texts.restored == 1; }));
    return id;
  }
  Event usable;
};

TEST_F(WaitingRestoreTest, ARestoreThatTheEndBreaksOffIsToldOfByTheNextStart) {
  const std::string id = restore_that_waits();
  service->begin_stop();
  texts.gives_up = true;
  fixture.run(open(usable));
  fixture.run(service->settle());
  EXPECT_EQ(restore_job(id).status, "RUNNING");
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  EXPECT_THAT(*restore_job(id).status_message, testing::HasSubstr("The server ended while the restore ran."));
}

TEST_F(WaitingRestoreTest, ARestoreWhoseResourceNeverComesIsFailedAfterADay) {
  const std::string id = restore_that_waits();
  fixture.clock.advance(std::chrono::hours(23));
  const auto next = fixture.run(service->do_what_is_due());
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, fixture.clock.now() + std::chrono::hours(1));
  EXPECT_EQ(restore_job(id).status, "RUNNING");
  fixture.clock.set(*next);
  ASSERT_TRUE(fixture.run(service->do_what_is_due()));
  EXPECT_TRUE(comes_true([&] { return restore_job(id).status == "FAILED"; }));
  EXPECT_THAT(*restore_job(id).status_message, testing::HasSubstr("24 hours"));
  fixture.run(open(usable));  // too late
  fixture.run(service->settle());
  EXPECT_EQ(restore_job(id).status, "FAILED");
}

TEST_F(BackupTest, ARestoreIsNotAskedForAnythingThatEnginesDoNotDo) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  const Place place{account, "us-east-1"};
  auto tx = fixture.run(fixture.catalog().begin(place.partition()));
  const std::string key = point_key(begun.recovery_point_arn->substr(begun.recovery_point_arn->rfind(':') + 1));
  auto record = **load<PointRecord>(tx, key);
  record.restore_metadata["Port"] = "5432";
  tx.put(key, store::encode(record));
  ASSERT_TRUE(fixture.run(tx.commit()));
  const auto restore_at = [&](std::string port) {
    return code_of(call<api::StartRestoreJobOutput>(
        "StartRestoreJob", api::StartRestoreJobInput{.recovery_point_arn = *begun.recovery_point_arn,
                                                     .metadata = {{"DestinationBucketName", "copy"}, {"Port", port}},
                                                     .iam_role_arn = role_arn}));
  };
  EXPECT_EQ(restore_at("5433"), "InvalidParameterValueException");
  EXPECT_EQ(restore_at("5432"), "");
  fixture.run(service->settle());
}

}  // namespace
}  // namespace boreal::backup
