// The room over the real object engine, with an engine of its own making to back up: texts by name. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "aws/testing.h"
#include "backup/service.h"
#include "io/testing.h"
#include "objects/file_blobs.h"

namespace boreal::backup {

inline constexpr const char* account = "000000000000";
inline const std::string role_arn = "arn:aws:iam::000000000000:role/backup";

// Data keys wrapped by an XOR: enough to see that they are unwrapped, with the right context.
class FakeKeys final : public aws::Keys {
 public:
  Task<aws::Outcome<DataKey>> generate_data_key(aws::Asker, std::string, std::string, std::string, std::string key,
                                                Context context) override {
    const std::string plain(32, 'k');
    co_return DataKey{plain, flip(plain) + text(context), key.empty() ? managed : key};
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
    co_return managed;
  }

 private:
  const std::string managed = "arn:aws:kms:us-east-1:000000000000:key/1";
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
  Task<aws::Outcome<void>> check_pass(aws::Call&, std::string role, std::string, std::string) override {
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
  std::string_view service() const override { return "s3"; }
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
  Task<aws::Outcome<Backup>> back_up(aws::Asker, std::string, std::string, Resource wanted) override {
    ++backed_up;
    const std::string& name = wanted.name;
    co_return Backup{std::make_unique<TextSource>(texts.at(name), gate),
                     {{"DestinationBucketName", name}},
                     std::make_shared<const std::string>(left_out)};
  }
  Task<aws::Outcome<std::string>> restore(aws::Asker, std::string, std::string,
                                          std::map<std::string, std::string> metadata,
                                          std::unique_ptr<Source> data) override {
    std::string all;
    std::string buffer(4096, '\0');
    for (;;) {
      CO_TRY(const size_t count, co_await data->read(std::as_writable_bytes(std::span(buffer))));
      if (count == 0) break;
      all.append(buffer, 0, count);
    }
    texts[metadata.at("DestinationBucketName")] = all;
    ++restored;
    if (usable != nullptr) co_await usable->wait();
    if (gives_up) co_return aws::refuse(Error(Errc::cancelled, "boreal is ending"));
    if (on_restored) on_restored();
    co_return arn(metadata.at("DestinationBucketName"));
  }

  std::map<std::string, std::string> texts;
  std::map<std::string, std::map<std::string, std::string>> tags;
  Event* gate = nullptr;  // holds sources back after their first bytes
  std::function<void()> on_restored;
  std::string left_out;     // of backups
  Event* usable = nullptr;  // holds restores back that have all bytes
  bool gives_up = false;    // after that
  int backed_up = 0, restored = 0;
};

inline std::string code_of(const auto& outcome) { return outcome ? "" : outcome.error().code; }

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
  aws::Outcome<api::StartRestoreJobOutput> start_restore(const std::string& point_arn, const std::string& to) {
    return call<api::StartRestoreJobOutput>(
        "StartRestoreJob",
        api::StartRestoreJobInput{
            .recovery_point_arn = point_arn, .metadata = {{"DestinationBucketName", to}}, .iam_role_arn = role_arn});
  }
  api::DescribeRestoreJobOutput restore_job(const std::string& id) {
    return *call<api::DescribeRestoreJobOutput>("DescribeRestoreJob",
                                                api::DescribeRestoreJobInput{.restore_job_id = id});
  }
  api::DescribeRestoreJobOutput restore(const std::string& point_arn, const std::string& to) {
    auto begun = start_restore(point_arn, to);
    EXPECT_TRUE(begun) << begun.error().message;
    fixture.run(service->settle());
    return restore_job(*begun->restore_job_id);
  }
  // Lets work go on, that of the pool too, until it is so; work that never ends may be under way.
  bool comes_true(const std::function<bool()>& is_so) {
    for (int i = 0; i < 10'000 && !is_so(); ++i) fixture.run(use_the_pool());
    return is_so();
  }
  Task<void> use_the_pool() {
    co_await fixture.context().pool.run([] {});
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

}  // namespace boreal::backup
