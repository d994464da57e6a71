// The room over the real object engine, with an engine of its own making to back up: texts by name.
#include "backup/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "aws/testing.h"
#include "backup/selecting.h"
#include "io/testing.h"
#include "objects/file_blobs.h"

namespace boreal::backup {
namespace {

constexpr const char* account = "000000000000";
const std::string role_arn = "arn:aws:iam::000000000000:role/backup";

// Data keys wrapped by an XOR: enough to see that they are unwrapped, with the right context.
class FakeKeys final : public aws::Keys {
 public:
  Task<aws::Outcome<DataKey>> generate_data_key(aws::Asker, std::string, std::string, std::string, std::string key,
                                                Context context) override {
    const std::string plain(32, 'k');
    co_return DataKey{plain, flip(plain) + text(context), key};
  }
  Task<aws::Outcome<std::string>> decrypt(aws::Asker, std::string, std::string, std::string blob,
                                          Context context) override {
    if (blob.substr(32) != text(context))
      co_return aws::refuse(aws::ApiError("InvalidCiphertextException", 400, "context"));
    co_return flip(blob.substr(0, 32));
  }
  Task<aws::Outcome<std::string>> encrypt(aws::Asker, std::string, std::string, std::string, std::string,
                                          std::string plain, Context context) override {
    co_return flip(plain) + text(context);
  }
  Task<aws::Outcome<std::string>> describe(std::string, std::string, std::string, std::string) override {
    co_return "arn:aws:kms:us-east-1:000000000000:key/1";
  }

 private:
  static std::string flip(std::string bytes) {
    for (char& c : bytes) c = static_cast<char>(c ^ 0x5a);
    return bytes;
  }
  static std::string text(const Context& context) {
    std::string all;
    for (const auto& [key, value] : context) all += key + "=" + value + ";";
    return all;
  }
};

class FakeRoles final : public aws::Roles {
 public:
  Task<aws::Outcome<void>> check_pass(aws::Call&, std::string role, std::string) override {
    if (role != role_arn) co_return aws::refuse(aws::ApiError("NoSuchEntity", 404, "no such role"));
    co_return aws::Outcome<void>();
  }
};

class TextSource final : public Source {
 public:
  TextSource(std::string text, Event* gate) : text_(std::move(text)), gate_(gate) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (gate_ != nullptr && given_ > 0) co_await gate_->wait();
    const size_t count = std::min({buffer.size(), text_.size() - given_, size_t{1000}});
    std::memcpy(buffer.data(), text_.data() + given_, count);
    given_ += count;
    co_return count;
  }

 private:
  const std::string text_;
  Event* gate_;
  size_t given_ = 0;
};

class Texts final : public aws::Recoverable {
 public:
  std::string_view resource_type() const override { return "S3"; }
  static std::string arn(const std::string& name) { return "arn:aws:s3:::" + name; }
  Task<aws::Outcome<std::optional<Resource>>> find(std::string, std::string, std::string key) override {
    for (const auto& [name, text] : texts) {
      if (key == name || key == arn(name)) co_return Resource{arn(name), name, tags[name]};
    }
    co_return std::nullopt;
  }
  Task<aws::Outcome<std::vector<Resource>>> list(std::string, std::string) override {
    std::vector<Resource> all;
    for (const auto& [name, text] : texts) all.push_back({arn(name), name, tags[name]});
    co_return all;
  }
  Task<aws::Outcome<Backup>> back_up(std::string, std::string, std::string wanted) override {
    ++backed_up;
    const std::string name = wanted.substr(wanted.rfind(':') + 1);
    co_return Backup{std::make_unique<TextSource>(texts.at(name), gate), {{"BucketName", name}}};
  }
  Task<aws::Outcome<std::string>> restore(std::string, std::string, std::map<std::string, std::string> metadata,
                                          std::unique_ptr<Source> data) override {
    std::string all;
    std::string buffer(4096, '\0');
    for (;;) {
      CO_TRY(const size_t count, co_await data->read(std::as_writable_bytes(std::span(buffer))));
      if (count == 0) break;
      all.append(buffer, 0, count);
    }
    texts[metadata.at("DestinationBucketName")] = all;
    co_return arn(metadata.at("DestinationBucketName"));
  }

  std::map<std::string, std::string> texts;
  std::map<std::string, std::map<std::string, std::string>> tags;
  Event* gate = nullptr;  // holds sources back after their first bytes
  int backed_up = 0;
};

std::string code_of(const auto& outcome) { return outcome ? "" : outcome.error().code; }

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    texts.texts["shop"] = std::string(100'000, 's');
    texts.tags["shop"] = {{"backup", "daily"}};
    blobs = std::move(*objects::FileBlobs::open({{"standard", folder / "blobs"}}, fixture.context().pool));
    objects = std::make_unique<objects::Objects>(fixture.store(), *blobs, fixture.context().pool, fixture.clock,
                                                 fixture.random);
    EXPECT_TRUE(fixture.run(objects->start()));
    service = make();
  }
  ~BackupTest() override {
    fixture.run(service->settle());
    fixture.run(objects->stop());
  }

  std::unique_ptr<Service> make(bool strict = false) {
    return std::make_unique<Service>(fixture.context(), Options{.strict = strict}, keys, roles, fixture.gate(),
                                     *objects, std::vector<aws::Recoverable*>{&texts});
  }
  template <class Out, class In>
  aws::Outcome<Out> call(std::string_view operation, In input) {
    return fixture.call<Out>(*service, operation, std::move(input));
  }
  void make_vault(const std::string& name = "vault") {
    ASSERT_TRUE(call<api::CreateBackupVaultOutput>("CreateBackupVault",
                                                   api::CreateBackupVaultInput{.backup_vault_name = name}));
  }
  static api::BackupPlanInput plan_of(std::string schedule = "cron(0 5 ? * * *)") {
    api::BackupRuleInput rule;
    rule.rule_name = "daily";
    rule.target_backup_vault_name = "vault";
    rule.schedule_expression = std::move(schedule);
    rule.lifecycle = api::Lifecycle{.delete_after_days = 30};
    return {.backup_plan_name = "plan", .rules = {rule}};
  }
  aws::Outcome<api::CreateBackupPlanOutput> make_plan(api::BackupPlanInput plan = plan_of()) {
    return call<api::CreateBackupPlanOutput>("CreateBackupPlan",
                                             api::CreateBackupPlanInput{.backup_plan = std::move(plan)});
  }
  aws::Outcome<api::CreateBackupSelectionOutput> select(const std::string& plan, std::vector<std::string> resources,
                                                        std::string role = role_arn) {
    api::BackupSelection selection{
        .selection_name = "s", .iam_role_arn = std::move(role), .resources = std::move(resources)};
    return call<api::CreateBackupSelectionOutput>(
        "CreateBackupSelection",
        api::CreateBackupSelectionInput{.backup_plan_id = plan, .backup_selection = selection});
  }
  api::StartBackupJobOutput start(std::string token = "", std::optional<api::Lifecycle> lifecycle = {}) {
    api::StartBackupJobInput input{
        .backup_vault_name = "vault", .resource_arn = Texts::arn("shop"), .iam_role_arn = role_arn};
    if (!token.empty()) input.idempotency_token = token;
    input.lifecycle = lifecycle;
    auto out = call<api::StartBackupJobOutput>("StartBackupJob", input);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : api::StartBackupJobOutput();
  }
  api::DescribeBackupJobOutput job(const std::string& id) {
    auto out =
        call<api::DescribeBackupJobOutput>("DescribeBackupJob", api::DescribeBackupJobInput{.backup_job_id = id});
    EXPECT_TRUE(out);
    return out ? *out : api::DescribeBackupJobOutput();
  }
  aws::Outcome<api::DescribeRecoveryPointOutput> point(const std::string& arn) {
    return call<api::DescribeRecoveryPointOutput>(
        "DescribeRecoveryPoint",
        api::DescribeRecoveryPointInput{.backup_vault_name = "vault", .recovery_point_arn = arn});
  }
  api::DescribeRestoreJobOutput restore(const std::string& point_arn, const std::string& to) {
    auto begun = call<api::StartRestoreJobOutput>(
        "StartRestoreJob",
        api::StartRestoreJobInput{
            .recovery_point_arn = point_arn, .metadata = {{"DestinationBucketName", to}}, .iam_role_arn = role_arn});
    EXPECT_TRUE(begun) << begun.error().message;
    fixture.run(service->settle());
    auto out = call<api::DescribeRestoreJobOutput>(
        "DescribeRestoreJob", api::DescribeRestoreJobInput{.restore_job_id = *begun->restore_job_id});
    return *out;
  }
  // On the executor, which the waiters go on on.
  static Task<void> open(Event& gate) {
    gate.set();
    co_return;
  }
  // Takes a completed job back to an earlier state; its bytes stay.
  void rewind(const std::string& id, std::string state) {
    const Place place{account, "us-east-1"};
    auto tx = fixture.run(fixture.catalog().begin(place.partition()));
    auto record = **load<JobRecord>(tx, job_key(id));
    record.state = std::move(state);
    record.completed.reset();
    auto made = **load<PointRecord>(tx, point_key(record.point_id));
    made.status = point_status::creating;
    made.completed.reset();
    tx.put(job_key(id), store::encode(record));
    tx.put(point_key(made.id), store::encode(made));
    ASSERT_TRUE(fixture.run(tx.commit()));
  }
  // Everything that the object engine keeps of recovery points.
  size_t stored_points() {
    auto page = fixture.run(objects->list({.bucket = "backup.000000000000.us-east-1"}));
    return page ? page->objects.size() : 0;
  }

  aws::CallFixture fixture;
  io::TempFolder folder;
  FakeKeys keys;
  FakeRoles roles;
  Texts texts;
  std::unique_ptr<objects::FileBlobs> blobs;
  std::unique_ptr<objects::Objects> objects;
  std::unique_ptr<Service> service;
};

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
  got =
      call<api::GetBackupPlanOutput>("GetBackupPlan", api::GetBackupPlanInput{.backup_plan_id = *plan->backup_plan_id});
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

TEST_F(BackupTest, AJobThatACrashCutIsBegunAgain) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  // As a crash between the object and the transaction leaves it.
  rewind(*begun.backup_job_id, std::string(job_state::running));
  texts.texts["shop"] = std::string(50'000, 'n');
  service = make();
  ASSERT_TRUE(fixture.run(service->recover()));
  fixture.run(service->settle());
  EXPECT_EQ(job(*begun.backup_job_id).state, "COMPLETED");
  EXPECT_EQ(texts.backed_up, 2);
  EXPECT_EQ(restore(*begun.recovery_point_arn, "copy").status, "COMPLETED");
  EXPECT_EQ(texts.texts["copy"], texts.texts["shop"]);
}

TEST_F(BackupTest, AJobThatWasBeingStoppedAtACrashIsAborted) {
  make_vault();
  const auto begun = start();
  fixture.run(service->settle());
  rewind(*begun.backup_job_id, std::string(job_state::aborting));
  service = make();
  ASSERT_TRUE(fixture.run(service->recover()));
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
