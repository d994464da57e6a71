// What comes between while lifecycle rules are carried out: other changes, damage, a full disk, a clock that is moved.
#include "s3/lifecycle_testing.h"
#include "store/testing.h"

namespace boreal::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A part of the disk cannot be read: that in which one bucket's index lies.
class UnreadableStore final : public store::FillingStore {
 public:
  using FillingStore::FillingStore;
  std::unique_ptr<store::Cursor> scan(std::string_view partition, std::string_view prefix,
                                      const store::Snapshot* at) const override {
    if (partition == unreadable && prefix.starts_with(range))
      return store::invalid_cursor(Error(Errc::io, "read 000012.sst: Input/output error"));
    return FillingStore::scan(partition, prefix, at);
  }
  std::string unreadable;
  std::string range;  // of that partition; empty: all of it
};

TEST_F(LifecycleTest, ABucketThatCannotBeReadDoesNotHoldUpTheOthers) {
  ASSERT_EQ(make_bucket("aaa"), "");  // before the other in the round's order
  configure({expire(1)});
  api::PutBucketLifecycleConfigurationRequest input{.bucket = "aaa"};
  input.lifecycle_configuration.emplace().rules = {expire(1)};
  ASSERT_TRUE(call<api::PutBucketLifecycleConfigurationOutput>("PutBucketLifecycleConfiguration", std::move(input)));
  ASSERT_TRUE(put("aaa", "k", "x"));
  ASSERT_TRUE(put("shop", "k", "x"));
  UnreadableStore disk(fixture.store());
  move_objects(disk);
  disk.unreadable = "bucket." + s3->directory().find("aaa")->id;
  testing::internal::CaptureStderr();
  pass(2 * one_day);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("bucket=aaa"));
  EXPECT_THAT(keys(), IsEmpty());

  // A full disk ends the round, which goes on at the same place.
  ASSERT_TRUE(put("shop", "k2", "x"));
  disk.unreadable.clear();
  disk.is_full = true;
  fixture.clock.advance(2 * one_day);
  EXPECT_EQ(fixture.run(s3->lifecycle().run_round()).error().code(), Errc::no_space);
  disk.is_full = false;
  pass(Duration(0));
  EXPECT_THAT(keys_of(*list({.bucket = "aaa"})), IsEmpty());
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

// Else there would never be a round again.
TEST_F(LifecycleTest, WhereItStandsMayBeDamaged) {
  configure({expire(1)});
  ASSERT_TRUE(put("shop", "k", "x"));
  ASSERT_TRUE(fixture.run([](store::Catalog& catalog) -> Task<Result<void>> {
    auto transaction = co_await catalog.begin("s3/lifecycle");
    transaction.put("cursor", "no record");
    co_return co_await transaction.commit();
  }(fixture.catalog())));
  testing::internal::CaptureStderr();
  pass(2 * one_day);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("begins anew"));
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(LifecycleTest, UploadsThatCannotBeReadDoNotKeepWhatExpires) {
  configure({expire(1)});
  ASSERT_TRUE(put("shop", "k", "x"));
  UnreadableStore disk(fixture.store());
  move_objects(disk);
  disk.unreadable = "bucket." + s3->directory().find("shop")->id;
  disk.range = "u";
  testing::internal::CaptureStderr();
  pass(2 * one_day);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("bucket=shop"));
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

// Some records cannot be read, but as a listing passes over them.
class DamagedStore final : public store::FillingStore {
 public:
  using FillingStore::FillingStore;
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const store::Snapshot* at) const override {
    if (key.starts_with("kb") || key.starts_with("ub")) return fail(Errc::corrupt, "block checksum mismatch");
    return FillingStore::get(partition, key, at);
  }
};

TEST_F(LifecycleTest, WhatCannotBeRemovedDoesNotHoldUpTheRest) {
  for (const char* key : {"a", "b", "c"}) {
    ASSERT_TRUE(put("shop", key, "x"));
    ASSERT_TRUE(call<api::CreateMultipartUploadOutput>(
        "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = key}));
  }
  auto both = expire(1);
  both.abort_incomplete_multipart_upload = api::AbortIncompleteMultipartUpload{.days_after_initiation = 1};
  configure({both});
  DamagedStore disk(fixture.store());
  move_objects(disk);
  testing::internal::CaptureStderr();
  pass(2 * one_day);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("bucket=shop count=2 first=b "));
  EXPECT_THAT(keys(), ElementsAre("b"));
  const auto uploads =
      call<api::ListMultipartUploadsOutput>("ListMultipartUploads", api::ListMultipartUploadsRequest{.bucket = "shop"});
  ASSERT_EQ(uploads->uploads->size(), 1u);
  EXPECT_EQ(uploads->uploads->front().key, "b");
  move_objects(fixture.store());
}

Task<void> remove_newest(objects::Objects& objects, std::string bucket, std::string key) {
  const auto found = co_await objects.find(bucket, key, objects::Select::latest(), false);
  EXPECT_TRUE(found);
  objects::RemoveRequest request{bucket, key, objects::Versioning::on, objects::Select::exact(found->version->id), {}};
  EXPECT_TRUE(co_await objects.remove(std::move(request)));
}

Task<void> take_off_tags(objects::Objects& objects, std::string bucket, std::string key) {
  EXPECT_TRUE(co_await objects.update(bucket, key, objects::Select::latest(), [](objects::Version& version) {
    version.meta.tags.clear();
    return Result<void>();
  }));
}

// Both are first at their keys, before the walk gets there.
Task<void> change_two(objects::Objects& objects, std::string bucket) {
  TaskGroup group;
  group.spawn(take_off_tags(objects, bucket, "b"));
  group.spawn(remove_newest(objects, bucket, "k"));
  co_await group.wait();
}

// Between the listing of a page and the end of it large objects may be moved, for hours.
TEST_F(LifecycleTest, WhatIsNotDueAnyMoreWhenItsTurnComesStays) {
  set_versioning("shop", "Enabled");
  for (const char* key : {"a", "k", "k"}) ASSERT_TRUE(put("shop", key, "x"));
  for (const char* key : {"a", "b", "c"}) put_tagged(key, "temporary", "yes");
  auto tagged = expire(1);
  tagged.filter->tag = api::Tag{.key = "temporary", .value = "yes"};
  configure({expire_noncurrent(1), tagged});
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  const std::string bucket = s3->directory().find("shop")->id;
  disk.meddle = [&] { return change_two(*objects, bucket); };
  pass(2 * one_day);
  EXPECT_THAT(keys(), ElementsAre("b", "k"));

  // Nor is it moved: from an archive it could not be read.
  for (const char* key : {"a", "a", "k", "k"}) ASSERT_TRUE(put("shop", key, std::string(large, 'x')));
  auto archived = rule();
  archived.noncurrent_version_transitions = {
      api::NoncurrentVersionTransition{.noncurrent_days = 1, .storage_class = "GLACIER"}};
  configure({archived});
  disk.meddle = [&] { return remove_newest(*objects, bucket, "k"); };
  pass(2 * one_day);
  EXPECT_EQ(class_of("k"), "STANDARD");

  // Nor where its turn has come: its bytes are to be copied, for which an id is put on record first.
  ASSERT_TRUE(put("shop", "a", std::string(large, 'x')));
  move_objects(disk);  // which has no ids left
  fixture.run(objects->reclaim_now());
  disk.meddle = [&] { return remove_newest(*objects, bucket, "a"); };
  pass(2 * one_day);
  EXPECT_EQ(class_of("a"), "STANDARD");
  move_objects(fixture.store());
}

// Who takes rules away would see objects go by them for as long as a page of large ones takes.
TEST_F(LifecycleTest, RulesThatAreTakenAwayWhileAPageIsWorkedOffDoNoMore) {
  for (const char* key : {"a", "b", "d"}) ASSERT_TRUE(put("shop", key, std::string(large, 'x')));
  ASSERT_TRUE(put("shop", "c", "x"));
  auto expired = expire(1);
  expired.filter->prefix = "c";
  configure({expired, transition(1, "GLACIER")});
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());
  const auto change = [&](std::vector<api::LifecycleRule> rules) -> Task<void> {
    const auto done = co_await fixture.with_call(*s3, "PutBucketLifecycleConfiguration", [&](Call& made) {
      api::PutBucketLifecycleConfigurationRequest input{.bucket = "shop"};
      input.lifecycle_configuration.emplace().rules = rules;
      return s3->put_bucket_lifecycle_configuration(made, std::move(input));
    });
    EXPECT_TRUE(done);
  };
  disk.meddle = [&] { return change({transition(100, "GLACIER")}); };
  pass(2 * one_day);
  EXPECT_EQ(class_of("a"), "GLACIER") << "which was under way";
  for (const char* key : {"b", "c", "d"}) EXPECT_EQ(class_of(key), "STANDARD") << key;

  // What others say is done with what is left.
  configure({transition(1, "GLACIER")});
  fixture.run(objects->reclaim_now());
  disk.meddle = [&] {
    auto of_d = expire(1);
    of_d.filter->prefix = "d";
    return change({of_d});
  };
  pass(one_day);
  EXPECT_THAT(keys(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(class_of("b"), "GLACIER") << "which was under way";
  move_objects(fixture.store());
}

Task<void> put_behind(objects::Objects& objects, std::string bucket, std::string key) {
  objects::PutRequest request;
  request.bucket = std::move(bucket);
  request.key = std::move(key);
  request.data_key = objects::test_data_key();
  request.origin = objects::Origin{objects::Id{uint64_t{1000} << 20, 7}, Time{1000}, ""};
  objects::TextSource body("x");
  EXPECT_TRUE(co_await objects.put(std::move(request), body));
}

// As replication brings it, which has no order among the versions of a key. It would be seen, though it was deleted.
TEST_F(LifecycleTest, AMarkerStaysBehindWhichAnOlderVersionComesMeanwhile) {
  set_versioning("shop", "Enabled");
  for (const char* key : {"a", "k"})
    ASSERT_TRUE(call<api::DeleteObjectOutput>("DeleteObject", api::DeleteObjectRequest{.bucket = "shop", .key = key}));
  auto markers = rule();
  markers.expiration = api::LifecycleExpiration{.expired_object_delete_marker = true};
  configure({markers});
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());
  const std::string bucket = s3->directory().find("shop")->id;
  disk.meddle = [&] { return put_behind(*objects, bucket, "k"); };
  pass(Duration(0));
  EXPECT_THAT(versions(), ElementsAre("k marker", "k old"));
  move_objects(fixture.store());
}

// What is listed next is the latest by then, and not what the one before it, which has gone, had replaced.
TEST_F(LifecycleTest, WhatBecomesTheLatestBetweenTwoPagesStays) {
  constexpr int page = 200;
  set_versioning("shop", "Enabled");
  for (const char* key : {"a", "a", "k", "k"}) ASSERT_TRUE(put("shop", key, "x"));
  // The page ends between the two of k.
  for (int i = 0; i < page - 3; ++i) ASSERT_TRUE(put("shop", "b" + std::to_string(i), "x"));
  configure({expire_noncurrent(1)});
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());
  const std::string bucket = s3->directory().find("shop")->id;
  disk.meddle = [&] { return remove_newest(*objects, bucket, "k"); };
  pass(2 * one_day);
  const auto left = versions();
  EXPECT_THAT(left, testing::Not(testing::Contains("a old"))) << "which the change came in the middle of";
  EXPECT_THAT(left, testing::Contains("k"));
  move_objects(fixture.store());
}

// Counts who waits for the disk.
class CrowdedStore final : public store::FillingStore {
 public:
  CrowdedStore(Store& inner, io::Pool& pool) : FillingStore(inner), pool_(pool) {}
  Task<Result<void>> commit(store::Batch batch) override {
    most = std::max(most, ++waiting_);
    co_await pool_.run([] {});
    --waiting_;
    co_return co_await FillingStore::commit(std::move(batch));
  }
  int most = 0;

 private:
  io::Pool& pool_;
  int waiting_ = 0;
};

// One sync of the log for each would be less than a few clients put.
TEST_F(LifecycleTest, WhatExpiresGoesSideBySide) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(put("shop", "k" + std::to_string(i), "x"));
  configure({expire(1)});
  CrowdedStore disk(fixture.store(), fixture.context().pool);
  move_objects(disk);
  pass(2 * one_day);
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_GT(disk.most, 8);
  EXPECT_LT(disk.most, 32);

  // What fails ends the round, which does it again.
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(put("shop", "k" + std::to_string(i), "x"));
  disk.is_full = true;
  fixture.clock.advance(2 * one_day);
  EXPECT_EQ(fixture.run(s3->lifecycle().run_round()).error().code(), Errc::no_space);
  disk.is_full = false;
  pass(Duration(0));
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

// Moves the clock in the middle of the first change.
class HurriedStore final : public store::FillingStore {
 public:
  HurriedStore(Store& inner, ManualClock& clock, Duration by) : FillingStore(inner), clock_(clock), by_(by) {}
  Task<Result<void>> commit(store::Batch batch) override {
    if (moved_ns == 0) {
      clock_.advance(by_);
      moved_ns = monotonic_ns();
    }
    return FillingStore::commit(std::move(batch));
  }
  int64_t moved_ns = 0;

 private:
  ManualClock& clock_;
  Duration by_;
};

TEST_F(LifecycleTest, WhatWasJudgedBeforeTheClockWasMovedIsJudgedAgain) {
  ASSERT_TRUE(put("shop", "a", "x"));
  ASSERT_TRUE(put("shop", "z", "x"));
  auto early = expire(1);
  early.filter->prefix = "z";
  configure({early, expire(10)});
  HurriedStore store(fixture.store(), fixture.clock, 20 * one_day);
  move_objects(store);
  fixture.clock.advance(2 * one_day);
  work_until_round(store.moved_ns, Duration(5));
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

// Is full after so many changes.
class TiringStore final : public store::FillingStore {
 public:
  TiringStore(Store& inner, int takes) : FillingStore(inner), left_(takes) {}
  Task<Result<void>> commit(store::Batch batch) override {
    if (left_-- == 0) is_full = true;
    return FillingStore::commit(std::move(batch));
  }

 private:
  int left_;
};

TEST_F(LifecycleTest, ARoundThatGoesOnByAnEarlierClockCountsFromThen) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(put("shop", "k" + std::to_string(i), "x"));
  configure({expire(1)});
  TiringStore disk(fixture.store(), 280);
  move_objects(disk);
  fixture.clock.advance(2 * one_day);
  EXPECT_EQ(fixture.run(s3->lifecycle().run_round()).error().code(), Errc::no_space);
  EXPECT_LT(keys().size(), 100u) << "it was on its second page";
  disk.is_full = false;
  pass(-2 * one_day);  // as a restart puts it back
  EXPECT_FALSE(keys().empty());
  fixture.clock.advance(2 * one_day);
  work_until_round(monotonic_ns());
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

TEST_F(LifecycleTest, WhatARoundHadJudgedBeforeItBrokeOffIsJudgedAgain) {
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(put("shop", "k" + std::to_string(i), "x"));
  ASSERT_TRUE(put("shop", "z", "x"));
  auto early = expire(1);
  early.filter->prefix = "z";
  configure({early, expire(10)});
  store::FillingStore disk(fixture.store());
  move_objects(disk);
  disk.is_full = true;
  fixture.clock.advance(2 * one_day);
  EXPECT_EQ(fixture.run(s3->lifecycle().run_round()).error().code(), Errc::no_space);
  disk.is_full = false;
  fixture.clock.advance(20 * one_day);
  work_until_round(monotonic_ns());
  EXPECT_THAT(keys(), IsEmpty());
  move_objects(fixture.store());
}

}  // namespace
}  // namespace boreal::s3
