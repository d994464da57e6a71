// Replication and access logs, a step at a time: nothing here waits for a worker.
#include <gmock/gmock.h>

#include "net/loop.h"
#include "s3/replication_rules.h"
#include "s3/testing.h"
#include "store/testing.h"

namespace boreal::s3 {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class WorkersTest : public S3Test {
 protected:
  std::string replicate(bool existing = false) {
    auto rule = replication_to("there");
    if (existing) rule.existing_object_replication = api::ExistingObjectReplication{.status = "Enabled"};
    return code_of(S3Test::replicate("from", std::move(rule)));
  }
  void work() {
    const auto done = fixture.run(s3->replication().run("from"));
    EXPECT_TRUE(done) << done.error().message();
  }
  Outcome<api::HeadObjectOutput> head(const std::string& bucket, const std::string& key) {
    return call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = bucket, .key = key});
  }
  std::string status(const std::string& bucket, const std::string& key) {
    const auto told = head(bucket, key);
    return told ? told->replication_status.value_or("none") : told.error().code;
  }
  size_t notes() {
    for (const auto& id : objects->buckets()) {
      if (const auto found = objects->notes(id, {}, 100); found && !found->empty()) return found->size();
    }
    return 0;
  }
};

TEST_F(WorkersTest, WhatWasNotReplicatedBeforeAStopIsAfterIt) {
  make_versioned("from");
  make_versioned("there");
  ASSERT_EQ(replicate(), "");
  const auto made = put("from", "k", "body");
  ASSERT_TRUE(made);
  EXPECT_EQ(status("from", "k"), "PENDING");
  EXPECT_EQ(status("there", "k"), "NoSuchKey");
  fixture.run(s3->stop());
  open();
  EXPECT_EQ(notes(), 1u);
  work();
  EXPECT_EQ(status("from", "k"), "COMPLETED");
  EXPECT_EQ(status("there", "k"), "REPLICA");
  EXPECT_EQ(head("there", "k")->version_id, made->version_id);
  EXPECT_EQ(head("there", "k")->etag, made->etag);
  EXPECT_EQ(notes(), 0u);
  work();  // nothing is left to do
  EXPECT_EQ(status("there", "k"), "REPLICA");
}

TEST_F(WorkersTest, MarkersFollowAndAMissingDestinationFails) {
  make_versioned("from");
  make_versioned("there");
  ASSERT_EQ(replicate(), "");
  ASSERT_TRUE(put("from", "k", "body"));
  const auto removed =
      call<api::DeleteObjectOutput>("DeleteObject", api::DeleteObjectRequest{.bucket = "from", .key = "k"});
  ASSERT_TRUE(removed);
  work();
  const auto listed =
      call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "there"});
  ASSERT_TRUE(listed && listed->versions && listed->versions->size() == 2);
  ASSERT_TRUE(listed->versions->front().delete_marker && listed->versions->back().version);
  EXPECT_EQ(listed->versions->front().delete_marker->version_id, removed->version_id);

  set_versioning("there", "Suspended");
  ASSERT_TRUE(put("from", "late", "body"));
  work();
  EXPECT_EQ(status("from", "late"), "FAILED");
}

TEST_F(WorkersTest, TheRoleMustBeAllowed) {
  make_versioned("from");
  make_versioned("there");
  ASSERT_EQ(replicate(), "");
  ASSERT_TRUE(put("from", "k", "body"));
  // From here on whoever asks, the role's session too, is a user without rights.
  const auto root = fixture.principal;
  fixture.principal = aws::user_principal(account, "weak");
  work();
  fixture.principal = root;
  EXPECT_EQ(status("from", "k"), "FAILED");
  EXPECT_EQ(status("there", "k"), "NoSuchKey");
}

TEST_F(WorkersTest, ObjectsFromBeforeTheRulesWhereTheRulesWantThem) {
  make_versioned("from");
  make_versioned("there");
  for (int i = 0; i < 450; ++i) ASSERT_TRUE(put("from", "k" + std::to_string(i), "body"));  // more than two pages
  ASSERT_EQ(replicate(), "");
  work();
  EXPECT_EQ(status("there", "k0"), "NoSuchKey");
  ASSERT_EQ(replicate(true), "");
  work();
  const auto listed = list({.bucket = "there"});
  EXPECT_EQ(listed->key_count, 450);
  EXPECT_EQ(status("from", "k449"), "COMPLETED");
}

// A part of the disk cannot be read: that in which the current versions lie, for who lists them.
class UnlistedStore final : public store::FillingStore {
 public:
  using FillingStore::FillingStore;
  std::unique_ptr<store::Cursor> scan(std::string_view partition, std::string_view prefix,
                                      const store::Snapshot* at) const override {
    if (prefix.starts_with("k")) return store::invalid_cursor(Error(Errc::io, "read 000012.sst: Input/output error"));
    return FillingStore::scan(partition, prefix, at);
  }
};

TEST_F(WorkersTest, WhatIsNewDoesNotWaitForWhatWasThereBeforeTheRules) {
  make_versioned("from");
  make_versioned("there");
  ASSERT_TRUE(put("from", "old", "body"));
  ASSERT_EQ(replicate(true), "");
  ASSERT_TRUE(put("from", "new", "body"));
  UnlistedStore disk(fixture.store());
  move_objects(disk);
  EXPECT_FALSE(fixture.run(s3->replication().run("from")));
  EXPECT_EQ(status("from", "new"), "COMPLETED");
  move_objects(fixture.store());
  EXPECT_EQ(status("from", "old"), "none");
  work();
  EXPECT_EQ(status("from", "old"), "COMPLETED");
}

// Which policies there are cannot be read at the moment.
struct UnreadablePolicies final : aws::Identities {
  Task<Outcome<std::optional<Credential>>> credential(std::string, std::string) override { co_return std::nullopt; }
  Task<Outcome<Policies>> policies(const aws::Principal& who) override {
    if (of_services || who.kind != aws::Principal::Kind::service)
      co_return refuse(aws::ApiError(Error(Errc::io, "read 000012.sst: Input/output error")));
    co_return Policies{};
  }
  Task<Outcome<std::optional<RoleSession>>> role_session(std::string, std::string) override { co_return std::nullopt; }
  Task<Outcome<std::optional<std::string>>> principal_id(std::string) override { co_return std::nullopt; }
  Task<Outcome<std::optional<std::string>>> principal_arn(std::string, std::string) override { co_return std::nullopt; }
  bool of_services = false;
};

// That is no refusal, for which the version would be FAILED until somebody changes it.
TEST_F(WorkersTest, WhetherTheRoleIsAllowedIsAskedAgainWhereItCannotBeKnown) {
  make_versioned("from");
  make_versioned("there");
  ASSERT_EQ(replicate(), "");
  ASSERT_TRUE(put("from", "k", "body"));
  UnreadablePolicies unreadable;
  for (const bool of_services : {false, true}) {
    unreadable.of_services = of_services;
    fixture.identities = &unreadable;
    EXPECT_FALSE(fixture.run(s3->replication().run("from")));
    fixture.identities = nullptr;
    EXPECT_EQ(status("from", "k"), "PENDING");
  }
  work();
  EXPECT_EQ(status("from", "k"), "COMPLETED");
}

// A record cannot be read, but as a listing passes over it.
class DamagedStore final : public store::FillingStore {
 public:
  using FillingStore::FillingStore;
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const store::Snapshot* at) const override {
    if (key == "kb") return fail(Errc::corrupt, "block checksum mismatch");
    return FillingStore::get(partition, key, at);
  }
};

TEST_F(WorkersTest, WhatIsDamagedDoesNotKeepOthersFromBeforeTheRules) {
  make_versioned("from");
  make_versioned("there");
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(put("from", key, "body"));
  ASSERT_EQ(replicate(true), "");
  DamagedStore disk(fixture.store());
  move_objects(disk);
  testing::internal::CaptureStderr();
  work();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("key=b "));
  EXPECT_EQ(status("from", "a"), "COMPLETED");
  EXPECT_EQ(status("from", "c"), "COMPLETED");
  EXPECT_FALSE(s3->directory().find("from")->replication_scan) << "it is over";
  move_objects(fixture.store());
}

// Who writes faster than is replicated would keep it waiting for ever.
TEST_F(WorkersTest, WhatWasThereBeforeTheRulesHasItsTurnWhileMoreIsNew) {
  constexpr size_t much = 1280;  // twenty pages of notes
  make_versioned("from");
  make_versioned("there");
  ASSERT_TRUE(put("from", "earlier", "body"));  // a page of the look back begins with it
  ASSERT_EQ(replicate(true), "");
  for (size_t i = 0; i < much; ++i) ASSERT_TRUE(put("from", "new" + std::to_string(i), "body"));
  const std::string from = s3->directory().find("from")->id;
  size_t left = 0;
  net::Loop& loop = fixture.context().loop;
  net::run_until_done(loop,
                      [](Replication& worker, net::Loop& l, objects::Objects& engine, std::string bucket,
                         size_t& waiting) -> Task<void> {
                        worker.start(Duration(1));
                        for (;;) {
                          const auto old = co_await engine.find(bucket, "earlier", objects::Select::latest(), false);
                          if (!old || !replication_status_of(old->version->meta).empty()) break;
                          co_await l.sleep(Duration(0));
                        }
                        waiting = engine.notes(bucket, {}, much)->size();
                        co_await worker.stop();
                      }(s3->replication(), loop, *objects, from, left));
  EXPECT_GT(left, 100u);
  EXPECT_LT(left, much / 2) << "what is new goes first";
}

// As many as have turns at once have much to do when one more has a little.
TEST_F(WorkersTest, BusyBucketsDoNotKeepTheTurnsOfOthers) {
  constexpr int busy = 8;
  constexpr size_t much = 320;  // some pages of notes
  make_versioned("there");
  const auto replicated = [&](const std::string& name, size_t count) {
    make_versioned(name);
    ASSERT_EQ(code_of(S3Test::replicate(name, replication_to("there"))), "");
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(put(name, "k" + std::to_string(i), "body"));
  };
  for (int i = 0; i < busy; ++i) replicated("busy" + std::to_string(i), much);
  replicated("small", 1);
  const auto left = [&](const std::string& name) {
    return objects->notes(s3->directory().find(name)->id, {}, much)->size();
  };
  std::vector<size_t> others;
  const auto look = [&] {
    for (int i = 0; i < busy; ++i) others.push_back(left("busy" + std::to_string(i)));
  };
  net::Loop& loop = fixture.context().loop;
  net::run_until_done(loop, [](Replication& worker, net::Loop& l, auto waits, auto look_at_others) -> Task<void> {
    worker.start(Duration(1));
    while (waits("small") > 0) co_await l.sleep(Duration(0));
    look_at_others();
    co_await worker.stop();
  }(s3->replication(), loop, left, look));
  EXPECT_THAT(others, testing::Each(testing::Gt(0u)));
}

// Of another class there, so that the bytes are read.
TEST_F(WorkersTest, WhatIsDamagedFailsForGood) {
  make_versioned("from");
  make_versioned("there");
  auto rule = replication_to("there");
  rule.destination.storage_class = "STANDARD_IA";
  ASSERT_EQ(code_of(S3Test::replicate("from", std::move(rule))), "");
  ASSERT_TRUE(put("from", "damaged", std::string(128 << 10, 'x')));
  auto blob = *io::File::open(objects::blobs_of_tier(folder / "STANDARD").front(), io::File::Mode::read_write);
  ASSERT_TRUE(blob.truncate(1000));
  ASSERT_TRUE(put("from", "whole", std::string(128 << 10, 'x')));
  work();
  EXPECT_EQ(status("from", "damaged"), "FAILED");
  EXPECT_EQ(status("from", "whole"), "COMPLETED");
  EXPECT_EQ(notes(), 0u);
}

TEST_F(WorkersTest, ADefaultRetentionThatComesWhileBytesAreReadHoldsThemToo) {
  make_versioned("from");
  make_versioned("there");
  auto rule = replication_to("there");
  rule.destination.storage_class = "STANDARD_IA";
  ASSERT_EQ(code_of(S3Test::replicate("from", std::move(rule))), "");
  ASSERT_TRUE(put("from", "k", std::string(128 << 10, 'x')));
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());  // whose sweep of what the last run left would be the next change
  disk.meddle = [&]() -> Task<void> {
    const auto locked = co_await fixture.with_call(*s3, "PutObjectLockConfiguration", [&](Call& made) {
      api::PutObjectLockConfigurationRequest input{.bucket = "there"};
      auto& lock = input.object_lock_configuration.emplace();
      lock.object_lock_enabled = "Enabled";
      lock.rule.emplace().default_retention.emplace() = {.mode = "GOVERNANCE", .days = 1};
      return s3->put_object_lock_configuration(made, std::move(input));
    });
    EXPECT_TRUE(locked);
  };
  EXPECT_FALSE(fixture.run(s3->replication().run("from")));
  EXPECT_EQ(status("from", "k"), "PENDING");
  work();
  EXPECT_EQ(status("from", "k"), "COMPLETED");
  EXPECT_EQ(head("there", "k")->object_lock_mode, "GOVERNANCE");
  move_objects(fixture.store());
}

// By UpdateObjectEncryption, which leaves no note.
TEST_F(WorkersTest, WhatIsEncryptedOtherwiseMeanwhileIsCompletedAllTheSame) {
  make_versioned("from");
  make_versioned("there");
  auto rule = replication_to("there");
  rule.destination.storage_class = "STANDARD_IA";
  ASSERT_EQ(code_of(S3Test::replicate("from", std::move(rule))), "");
  ASSERT_TRUE(put("from", "k", std::string(128 << 10, 'x')));
  const std::string from = s3->directory().find("from")->id;
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());
  disk.meddle = [&]() -> Task<void> {
    const auto found = co_await objects->find(from, "k", objects::Select::latest(), false);
    const std::string key = found->version->wrapped_key;
    const auto change = [](objects::Version& version) -> Result<void> {
      version.meta.attributes.insert_or_assign(std::string(attribute::bucket_key), "true");
      return {};
    };
    EXPECT_TRUE(co_await objects->rewrap(from, "k", found->version->id, {{key, key}}, change));
  };
  work();
  EXPECT_EQ(status("from", "k"), "COMPLETED");
  move_objects(fixture.store());
}

class AccessLogTest : public S3Test {
 protected:
  AccessLogTest() {
    EXPECT_EQ(make_bucket("asked"), "");
    EXPECT_EQ(make_bucket("logs"), "");
    api::PutBucketLoggingRequest input{.bucket = "asked"};
    auto& enabled = input.bucket_logging_status.logging_enabled.emplace();
    enabled.target_bucket = "logs";
    enabled.target_prefix = "p/";
    EXPECT_TRUE(call<api::PutBucketLoggingOutput>("PutBucketLogging", std::move(input)));
  }
  void allow() {
    EXPECT_EQ(code_of(call<api::PutBucketPolicyOutput>(
                  "PutBucketPolicy",
                  api::PutBucketPolicyRequest{
                      .bucket = "logs",
                      .policy = R"({"Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},
                                    "Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/p/*","Condition":
                                    {"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::asked"}}}]})"})),
              "");
  }
  void ask(const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = path;
    http::Response response;
    response.status = 403;
    s3->finish(request, response);
  }
  std::string read_log(const std::string& key) {
    const auto got = call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = "logs", .key = key});
    return got ? fixture.run(objects::read_all(*got->body)).value_or("") : got.error().code;
  }
  std::vector<std::string> logs() { return keys_of(*list({.bucket = "logs"})); }
  void step() {
    EXPECT_TRUE(fixture.run(s3->access_log().save()));
    EXPECT_TRUE(fixture.run(s3->access_log().deliver()));
  }
};

TEST_F(AccessLogTest, RecordsAreDeliveredWhenTheyAreOldEnough) {
  allow();
  ask("/asked/a");
  ask("/asked/b");
  ask("/logs/c");  // has no logging
  step();
  EXPECT_THAT(logs(), ElementsAre());
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  ASSERT_EQ(logs().size(), 1u);
  EXPECT_THAT(logs().front(), HasSubstr("p/2023-11-14-"));
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  EXPECT_EQ(logs().size(), 1u);  // once
}

TEST_F(AccessLogTest, WhatIsSavedSurvivesAStopAndACrash) {
  allow();
  ask("/asked/a");
  EXPECT_TRUE(fixture.run(s3->access_log().save()));
  s3.reset();  // as kill -9 would: nothing is asked to end
  open();
  ask("/asked/b");
  fixture.run(s3->stop());  // this saves
  open();
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  EXPECT_EQ(logs().size(), 1u);
}

TEST_F(AccessLogTest, WhatAFullDiskDidNotTakeIsSavedLater) {
  allow();
  fixture.run(s3->stop());
  store::FillingStore disk(fixture.store());
  store::Catalog catalog(disk);
  const aws::ServiceContext context = fixture.context();
  open({catalog, context.clock, context.random, context.loop, context.pool});
  ask("/asked/first");
  disk.is_full = true;
  EXPECT_EQ(fixture.run(s3->access_log().save()).error().code(), Errc::no_space);
  ask("/asked/second");
  disk.is_full = false;
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  ASSERT_EQ(logs().size(), 1u);
  const std::string text = read_log(logs().front());
  EXPECT_THAT(text, HasSubstr("/asked/second"));
  EXPECT_LT(text.find("/asked/first"), text.find("/asked/second"));
  fixture.run(s3->stop());
  open();
}

// Else the server would not start, nor the bucket's other records ever be delivered.
TEST_F(AccessLogTest, DamagedRecordsKeepNoOthersWaiting) {
  allow();
  ask("/asked/before");
  EXPECT_TRUE(fixture.run(s3->access_log().save()));
  for (const char* row : {"asked/0000000000000000-x", "asked/ffffffffffffffff-x"}) {
    EXPECT_TRUE(fixture.run([](store::Catalog& catalog, std::string key) -> Task<Result<void>> {
      auto transaction = co_await catalog.begin("s3/access-log");
      transaction.put(key, "no record");
      co_return co_await transaction.commit();
    }(fixture.catalog(), row)));
  }
  fixture.run(s3->stop());
  open();
  ask("/asked/after");
  fixture.clock.advance(std::chrono::minutes(6));
  testing::internal::CaptureStderr();
  step();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("they are damaged"));
  ASSERT_EQ(logs().size(), 1u);
  EXPECT_THAT(read_log(logs().front()), AllOf(HasSubstr("/asked/before"), HasSubstr("/asked/after")));
  EXPECT_TRUE(fixture.catalog().scan("s3/access-log", "")->empty());
}

// Together they are more than the store takes at once, and some more than is kept in memory.
TEST_F(AccessLogTest, WhatClientsMakeLongIsSavedAllTheSame) {
  allow();
  http::Request request;
  request.method = "GET";
  request.path = request.target = "/asked/k";
  request.headers.set("User-Agent", std::string(8000, 'u'));
  constexpr size_t count = 10'000;
  const auto ask_often = [&] {
    for (size_t i = 0; i < count; ++i) {
      http::Response response;
      response.status = 403;
      s3->finish(request, response);
    }
    testing::internal::CaptureStderr();
    const auto saved = fixture.run(s3->access_log().save());
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("more requests than could be logged"));
    ASSERT_TRUE(saved) << saved.error().message();
  };
  ask_often();
  ask_often();  // there is room again
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  size_t lines = 0;
  for (const std::string& key : logs()) lines += static_cast<size_t>(std::ranges::count(read_log(key), '\n'));
  EXPECT_GT(lines, 2 * (size_t{40} << 20) / 8000);
  EXPECT_LT(lines, 2 * count);
}

TEST_F(AccessLogTest, AFormsUploadIsLogged) {
  allow();
  ASSERT_EQ(code_of(call<api::DeletePublicAccessBlockOutput>("DeletePublicAccessBlock",
                                                             api::DeletePublicAccessBlockRequest{.bucket = "asked"})),
            "");
  ASSERT_EQ(
      code_of(call<api::PutBucketPolicyOutput>(
          "PutBucketPolicy",
          api::PutBucketPolicyRequest{
              .bucket = "asked", .policy = R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:PutObject",
                                  "Resource":"arn:aws:s3:::asked/*"}]})"})),
      "");
  http::Request request;
  request.method = "POST";
  request.path = request.target = "/asked";
  request.headers.set("Content-Type", "multipart/form-data; boundary=b");
  request.body = std::make_unique<objects::TextSource>(
      "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbody\r\n--b--\r\n");
  auto response = fixture.run(s3->intercept(request, fixture.gate(), "R1"));
  ASSERT_TRUE(response);
  ASSERT_EQ(response->status, 204) << response->body;
  s3->finish(request, *response);
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  ASSERT_EQ(logs().size(), 1u);
  EXPECT_THAT(read_log(logs().front()), HasSubstr(" REST.POST.BUCKET k \"POST /asked HTTP/1.1\" 204 "));
}

TEST_F(AccessLogTest, TheyAreReplicatedAsWhatClientsPut) {
  allow();
  set_versioning("logs", "Enabled");
  make_versioned("archive");
  ASSERT_EQ(code_of(replicate("logs", replication_to("archive"))), "");
  ask("/asked/a");
  step();
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  ASSERT_EQ(logs().size(), 1u);
  EXPECT_TRUE(fixture.run(s3->replication().run("logs")));
  EXPECT_EQ(keys_of(*list({.bucket = "archive"})), logs());
}

TEST_F(AccessLogTest, WhereTheyWouldBeLockedTheyAreDropped) {
  allow();
  set_versioning("logs", "Enabled");
  api::PutObjectLockConfigurationRequest input{.bucket = "logs"};
  auto& lock = input.object_lock_configuration.emplace();
  lock.object_lock_enabled = "Enabled";
  lock.rule.emplace().default_retention.emplace() = {.mode = "GOVERNANCE", .days = 1};
  ASSERT_EQ(code_of(call<api::PutObjectLockConfigurationOutput>("PutObjectLockConfiguration", std::move(input))), "");
  ask("/asked/a");
  step();
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  EXPECT_THAT(logs(), ElementsAre());
}

TEST_F(AccessLogTest, WhereItCannotBeKnownWhetherTheyAreAllowedTheyWait) {
  allow();
  ask("/asked/a");
  EXPECT_TRUE(fixture.run(s3->access_log().save()));
  fixture.clock.advance(std::chrono::minutes(6));
  UnreadablePolicies unreadable;
  unreadable.of_services = true;
  fixture.identities = &unreadable;
  EXPECT_FALSE(fixture.run(s3->access_log().deliver()));
  fixture.identities = nullptr;
  step();
  EXPECT_EQ(logs().size(), 1u);
}

TEST_F(AccessLogTest, WithoutPermissionTheyAreDropped) {
  ask("/asked/a");
  step();
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  EXPECT_THAT(logs(), ElementsAre());
  allow();
  fixture.clock.advance(std::chrono::minutes(6));
  step();
  EXPECT_THAT(logs(), ElementsAre());
}

}  // namespace
}  // namespace boreal::s3
