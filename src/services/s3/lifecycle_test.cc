// Lifecycle rules, a round at a time: nothing here waits for a worker.
#include <gmock/gmock.h>

#include "base/text.h"
#include "io/fault.h"
#include "net/loop.h"
#include "s3/lifecycle_due.h"
#include "s3/testing.h"
#include "store/testing.h"

namespace boreal::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto one_day = std::chrono::days(1);
constexpr size_t large = 128 << 10;

class LifecycleTest : public S3Test {
 protected:
  LifecycleTest() { EXPECT_EQ(make_bucket("shop"), ""); }

  // Of all objects, unless its filter says otherwise.
  static api::LifecycleRule rule() {
    api::LifecycleRule made;
    made.status = "Enabled";
    made.filter.emplace();
    return made;
  }
  static api::LifecycleRule expire(int days) {
    auto made = rule();
    made.expiration = api::LifecycleExpiration{.days = days};
    return made;
  }
  static api::LifecycleRule transition(int days, const std::string& to) {
    auto made = rule();
    made.transitions = {api::Transition{.days = days, .storage_class = to}};
    return made;
  }
  static api::LifecycleRule expire_noncurrent(int days, std::optional<int> kept = {}) {
    auto made = rule();
    made.noncurrent_version_expiration =
        api::NoncurrentVersionExpiration{.noncurrent_days = days, .newer_noncurrent_versions = kept};
    return made;
  }
  void configure(std::vector<api::LifecycleRule> rules) {
    api::PutBucketLifecycleConfigurationRequest input{.bucket = "shop"};
    input.lifecycle_configuration.emplace().rules = std::move(rules);
    ASSERT_EQ(
        code_of(call<api::PutBucketLifecycleConfigurationOutput>("PutBucketLifecycleConfiguration", std::move(input))),
        "");
  }
  void pass(Duration time) {
    fixture.clock.advance(time);
    const auto done = fixture.run(s3->lifecycle().run_round());
    EXPECT_TRUE(done) << done.error().message();
  }
  // Lets the worker work until it has been round since `since_ns` is known and past; it rests for long then.
  void work_until_round(const int64_t& since_ns, Duration tick = std::chrono::minutes(10)) {
    net::Loop& loop = fixture.context().loop;
    net::run_until_done(loop, [](Lifecycle& worker, net::Loop& l, const int64_t& since, Duration t) -> Task<void> {
      worker.start(t);
      while (since == 0 || !worker.has_been_round(since)) co_await l.sleep(Duration(5));
      co_await worker.stop();
    }(s3->lifecycle(), loop, since_ns, tick));
  }
  // Each version as "key", "key marker", the newest first.
  std::vector<std::string> versions() {
    const auto page =
        call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "shop"});
    std::vector<std::string> told;
    for (const auto& row : page->versions.value_or(std::vector<api::VersionEntry>())) {
      if (row.version) told.push_back(*row.version->key + (row.version->is_latest.value_or(false) ? "" : " old"));
      if (row.delete_marker) told.push_back(*row.delete_marker->key + " marker");
    }
    return told;
  }
  std::vector<std::string> keys() { return keys_of(*list({.bucket = "shop"})); }
  std::string class_of(const std::string& key) {
    const auto told = call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = "shop", .key = key});
    return told ? told->storage_class.value_or("STANDARD") : told.error().code;
  }
  void put_tagged(const std::string& key, const std::string& tag, const std::string& value) {
    ASSERT_TRUE(put("shop", key, "x"));
    api::PutObjectTaggingRequest input{.bucket = "shop", .key = key};
    input.tagging.tag_set = {api::Tag{.key = tag, .value = value}};
    ASSERT_TRUE(call<api::PutObjectTaggingOutput>("PutObjectTagging", std::move(input)));
  }
};

TEST_F(LifecycleTest, DaysEndAtMidnight) {
  ASSERT_TRUE(put("shop", "k", "x"));  // on 14 November at 22:13
  configure({expire(1)});
  pass(std::chrono::hours(24) + std::chrono::hours(1));
  EXPECT_THAT(keys(), ElementsAre("k"));
  pass(std::chrono::hours(1));
  EXPECT_THAT(keys(), IsEmpty());
}

// A page of large objects to be moved would keep a server from ending for long.
TEST_F(LifecycleTest, AServerThatStopsDoesNotFinishThePage) {
  for (const auto* key : {"a", "b", "c"}) ASSERT_TRUE(put("shop", key, "x"));
  auto made = call<api::CreateMultipartUploadOutput>("CreateMultipartUpload",
                                                     api::CreateMultipartUploadRequest{.bucket = "shop", .key = "u"});
  ASSERT_TRUE(made);
  auto aborting = rule();
  aborting.abort_incomplete_multipart_upload = api::AbortIncompleteMultipartUpload{.days_after_initiation = 1};
  configure({expire(1), aborting});
  fixture.clock.advance(3 * one_day);
  fixture.run(s3->stop());
  EXPECT_FALSE(fixture.run(s3->lifecycle().run_round()));
  EXPECT_THAT(keys(), ElementsAre("a", "b", "c"));
  const auto uploads =
      call<api::ListMultipartUploadsOutput>("ListMultipartUploads", api::ListMultipartUploadsRequest{.bucket = "shop"});
  EXPECT_EQ(uploads->uploads->size(), 1u);
}

TEST_F(LifecycleTest, FiltersChooseByPrefixTagsAndSize) {
  put_tagged("a/yes", "keep", "no");
  put_tagged("a/no", "keep", "yes");
  put_tagged("b/no", "keep", "no");
  ASSERT_TRUE(put("shop", "large", std::string(2000, 'x')));
  ASSERT_TRUE(put("shop", "small", "x"));
  auto both = expire(1);
  auto& all = both.filter->and_.emplace();
  all.prefix = "a/";
  all.tags = {api::Tag{.key = "keep", .value = "no"}};
  auto sized = expire(1);
  sized.filter->object_size_greater_than = 1000;
  auto off = expire(1);
  off.status = "Disabled";
  configure({both, sized, off});
  pass(2 * one_day);
  EXPECT_THAT(keys(), ElementsAre("a/no", "b/no", "small"));
}

TEST_F(LifecycleTest, NoncurrentVersionsGoByAgeAndNumber) {
  set_versioning("shop", "Enabled");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(put("shop", "k", "x"));
  configure({expire_noncurrent(1, 2)});
  pass(one_day);
  EXPECT_EQ(versions().size(), 4u);
  pass(one_day);
  EXPECT_THAT(versions(), ElementsAre("k", "k old", "k old"));
  configure({expire_noncurrent(1)});
  pass(Duration(0));
  EXPECT_THAT(versions(), ElementsAre("k"));
}

// Its LastModified is when the upload was begun, of which a version that was there until now knows nothing.
TEST_F(LifecycleTest, WhatAnUploadTakesThePlaceOfIsNoncurrentFromItsCompletionOn) {
  set_versioning("shop", "Enabled");
  const auto upload = call<api::CreateMultipartUploadOutput>(
      "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"});
  ASSERT_TRUE(upload);
  fixture.clock.advance(10 * one_day);
  ASSERT_TRUE(put("shop", "k", "x"));
  fixture.clock.advance(10 * one_day);
  const auto part = fixture.run(fixture.with_call(*s3, "UploadPart", [&](Call& made) {
    made.http.content_length = 4;
    api::UploadPartRequest input{.bucket = "shop", .key = "k", .part_number = 1, .upload_id = *upload->upload_id};
    input.body = std::make_unique<objects::TextSource>("body");
    return s3->upload_part(made, std::move(input));
  }));
  ASSERT_TRUE(part);
  api::CompleteMultipartUploadRequest input{.bucket = "shop", .key = "k", .upload_id = *upload->upload_id};
  input.multipart_upload.emplace().parts.emplace().push_back({.etag = part->etag, .part_number = 1});
  ASSERT_TRUE(call<api::CompleteMultipartUploadOutput>("CompleteMultipartUpload", std::move(input)));
  configure({expire_noncurrent(5)});
  pass(5 * one_day);
  EXPECT_THAT(versions(), ElementsAre("k", "k old"));
  pass(one_day);
  EXPECT_THAT(versions(), ElementsAre("k"));
}

TEST_F(LifecycleTest, AnObjectThatExpiresLeavesAMarkerOfMidnightAndThenNothing) {
  set_versioning("shop", "Enabled");
  ASSERT_TRUE(put("shop", "k", "x"));
  configure({expire(1), expire_noncurrent(1)});
  pass(2 * one_day);  // 16 November, 22:13
  EXPECT_THAT(versions(), ElementsAre("k marker", "k old"));
  pass(std::chrono::hours(2));  // a day after the marker's midnight
  EXPECT_THAT(versions(), ElementsAre("k marker"));
  pass(Duration(0));  // nothing is behind the marker any more, and it is a day old
  EXPECT_THAT(versions(), IsEmpty());
}

TEST_F(LifecycleTest, AMarkerIsNotOlderThanWhatItCovers) {
  set_versioning("shop", "Enabled");
  ASSERT_TRUE(put("shop", "k", "x"));
  auto by_date = rule();
  by_date.expiration = api::LifecycleExpiration{.date = midnight_before(fixture.clock.now())};
  configure({by_date});
  pass(Duration(0));
  const auto page =
      call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "shop"});
  ASSERT_EQ(page->versions->size(), 2u);
  EXPECT_EQ(page->versions->front().delete_marker->last_modified, page->versions->back().version->last_modified);
}

TEST_F(LifecycleTest, MarkersWithNothingBehindThemGoAtOnceWhereARuleSaysSo) {
  set_versioning("shop", "Enabled");
  for (const std::string key : {"bare", "covers"}) {
    const auto made = put("shop", key, "x");
    ASSERT_TRUE(made);
    ASSERT_TRUE(call<api::DeleteObjectOutput>("DeleteObject", api::DeleteObjectRequest{.bucket = "shop", .key = key}));
    if (key == "covers") continue;
    ASSERT_TRUE(call<api::DeleteObjectOutput>(
        "DeleteObject", api::DeleteObjectRequest{.bucket = "shop", .key = key, .version_id = made->version_id}));
  }
  auto markers = rule();
  markers.expiration = api::LifecycleExpiration{.expired_object_delete_marker = true};
  configure({markers});
  pass(Duration(0));
  EXPECT_THAT(versions(), ElementsAre("covers marker", "covers old"));
}

TEST_F(LifecycleTest, WhereVersioningIsSuspendedANullMarkerTakesThePlaceOfTheObject) {
  set_versioning("shop", "Enabled");
  ASSERT_TRUE(put("shop", "k", "x"));
  set_versioning("shop", "Suspended");
  ASSERT_TRUE(put("shop", "k", "x"));
  configure({expire(1)});
  pass(2 * one_day);
  EXPECT_THAT(versions(), ElementsAre("k marker", "k old"));
}

TEST_F(LifecycleTest, DeletingForGoodComesBeforeMovingAndMovingBeforeAMarker) {
  const std::string body(large, 'x');
  ASSERT_TRUE(put("shop", "k", body));
  configure({expire(1), transition(1, "GLACIER")});
  pass(2 * one_day);
  EXPECT_THAT(versions(), IsEmpty());
  set_versioning("shop", "Enabled");
  const auto made = put("shop", "k", body);
  ASSERT_TRUE(made);
  pass(2 * one_day);
  EXPECT_THAT(versions(), ElementsAre("k marker", "k old"));
  const auto told = call<api::HeadObjectOutput>(
      "HeadObject", api::HeadObjectRequest{.bucket = "shop", .key = "k", .version_id = made->version_id});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->storage_class, "GLACIER");
}

TEST_F(LifecycleTest, OfTransitionsTheCheapestButIntelligentTieringBeforeAllButArchives) {
  const auto after = [&](const std::string& from, std::vector<api::LifecycleRule> rules, int days) {
    Bucket bucket;
    bucket.lifecycle.emplace().rules = std::move(rules);
    objects::Version version;
    version.size = large;
    version.meta.tier = from;
    version.modified = midnight_before(fixture.clock.now());
    return due_of_current(bucket, version, version.modified + days * one_day).tier;
  };
  EXPECT_EQ(after("STANDARD", {transition(30, "STANDARD_IA"), transition(30, "GLACIER")}, 30), "GLACIER");
  EXPECT_EQ(after("STANDARD", {transition(30, "GLACIER"), transition(30, "DEEP_ARCHIVE")}, 30), "DEEP_ARCHIVE");
  EXPECT_EQ(after("STANDARD", {transition(30, "INTELLIGENT_TIERING"), transition(30, "GLACIER_IR")}, 30),
            "INTELLIGENT_TIERING");
  EXPECT_EQ(after("INTELLIGENT_TIERING", {transition(30, "INTELLIGENT_TIERING"), transition(30, "GLACIER_IR")}, 40),
            "");
  EXPECT_EQ(after("STANDARD", {transition(30, "INTELLIGENT_TIERING"), transition(60, "GLACIER_IR")}, 60), "GLACIER_IR");
  EXPECT_EQ(after("STANDARD", {transition(30, "GLACIER"), transition(60, "STANDARD_IA")}, 60), "GLACIER");
  EXPECT_EQ(after("ONEZONE_IA", {transition(60, "GLACIER_IR")}, 60), "");  // AWS has no way there
  EXPECT_EQ(after("ONEZONE_IA", {transition(60, "GLACIER")}, 60), "GLACIER");
  EXPECT_EQ(after("STANDARD", {transition(30, "GLACIER")}, 29), "");
}

TEST_F(LifecycleTest, SmallObjectsStayUnlessTheRuleSpeaksOfSizes) {
  ASSERT_TRUE(put("shop", "large", std::string(large, 'x')));
  ASSERT_TRUE(put("shop", "small", "x"));
  ASSERT_TRUE(put("shop", "sized", "x"));
  auto sized = transition(30, "STANDARD_IA");
  auto& all = sized.filter->and_.emplace();
  all.prefix = "sized";
  all.object_size_greater_than = 0;
  configure({transition(30, "STANDARD_IA"), sized});
  pass(31 * one_day);
  EXPECT_EQ(class_of("large"), "STANDARD_IA");
  EXPECT_EQ(class_of("small"), "STANDARD");
  EXPECT_EQ(class_of("sized"), "STANDARD_IA");
}

TEST_F(LifecycleTest, WhatIsNotReplicatedIsLeftAlone) {
  set_versioning("shop", "Enabled");
  make_versioned("there");
  ASSERT_EQ(code_of(replicate("shop", replication_to("there"))), "");
  configure({expire(1), expire_noncurrent(1), transition(0, "GLACIER")});
  const std::string body(large, 'x');
  ASSERT_TRUE(put("shop", "k", body));
  ASSERT_TRUE(put("shop", "k", body));
  pass(3 * one_day);
  EXPECT_THAT(versions(), ElementsAre("k", "k old"));
  EXPECT_EQ(class_of("k"), "STANDARD");
  ASSERT_TRUE(fixture.run(s3->replication().run("shop")));
  pass(Duration(0));
  EXPECT_THAT(versions(), ElementsAre("k marker", "k old"));  // the older one went
}

// Or what is deleted here would be there for good.
TEST_F(LifecycleTest, AMarkerStaysUntilItIsReplicated) {
  set_versioning("shop", "Enabled");
  make_versioned("there");
  ASSERT_EQ(code_of(replicate("shop", replication_to("there"))), "");
  auto markers = rule();
  markers.expiration = api::LifecycleExpiration{.expired_object_delete_marker = true};
  configure({markers, expire_noncurrent(1)});
  ASSERT_TRUE(put("shop", "k", "x"));
  ASSERT_TRUE(fixture.run(s3->replication().run("shop")));
  ASSERT_TRUE(call<api::DeleteObjectOutput>("DeleteObject", api::DeleteObjectRequest{.bucket = "shop", .key = "k"}));
  pass(3 * one_day);
  pass(one_day);
  EXPECT_THAT(versions(), ElementsAre("k marker"));
  ASSERT_TRUE(fixture.run(s3->replication().run("shop")));
  pass(Duration(0));
  EXPECT_THAT(versions(), IsEmpty());
  EXPECT_THAT(keys_of(*list({.bucket = "there"})), IsEmpty());
}

TEST_F(LifecycleTest, WhatHasNoRoomInItsClassDoesNotHoldUpWhatExpires) {
  auto gone = expire(30);
  gone.filter->prefix = "b";
  configure({transition(30, "STANDARD_IA"), gone});
  for (const char* key : {"a", "a2", "a3"}) ASSERT_TRUE(put("shop", key, std::string(large, 'x')));
  ASSERT_TRUE(put("shop", "b", "x"));
  {
    io::Faults faults;
    faults.fail(io::Operation::write, 1, ENOSPC, "STANDARD_IA", true);
    testing::internal::CaptureStderr();
    pass(31 * one_day);
    // What is no smaller than what had no room is not written there to see.
    EXPECT_EQ(std::ranges::count_if(faults.trace(),
                                    [](const std::string& step) {
                                      return step.starts_with("create ") && step.contains("/STANDARD_IA/");
                                    }),
              1);
  }
  // One line of the log tells of all.
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_THAT(log, HasSubstr("bucket=shop count=3 first=a "));
  EXPECT_THAT(keys(), ElementsAre("a", "a2", "a3"));
  EXPECT_EQ(class_of("a"), "STANDARD");
  pass(std::chrono::hours(1));
  EXPECT_EQ(class_of("a"), "STANDARD_IA");
}

TEST_F(LifecycleTest, WhatIsDamagedDoesNotHoldUpTheRest) {
  configure({transition(30, "STANDARD_IA")});
  ASSERT_TRUE(put("shop", "a", std::string(large, 'x')));
  auto blob = *io::File::open(objects::blobs_of_tier(folder / "STANDARD").front(), io::File::Mode::read_write);
  ASSERT_TRUE(blob.truncate(large / 2));
  ASSERT_TRUE(put("shop", "b", std::string(large, 'x')));
  pass(31 * one_day);
  EXPECT_EQ(class_of("a"), "STANDARD");
  EXPECT_EQ(class_of("b"), "STANDARD_IA");
}

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

TEST_F(LifecycleTest, WhatIsHeldStaysForGoodAndIsOnlyHidden) {
  ASSERT_EQ(make_bucket("held", true), "");
  ASSERT_TRUE(put("held", "k", "x"));
  ASSERT_EQ(hold("k", "ON"), "");
  api::PutBucketLifecycleConfigurationRequest input{.bucket = "held"};
  input.lifecycle_configuration.emplace().rules = {expire(1), expire_noncurrent(1)};
  ASSERT_TRUE(call<api::PutBucketLifecycleConfigurationOutput>("PutBucketLifecycleConfiguration", std::move(input)));
  pass(2 * one_day);
  pass(5 * one_day);
  const auto page =
      call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "held"});
  ASSERT_EQ(page->versions->size(), 2u);
  EXPECT_TRUE(page->versions->front().delete_marker && page->versions->back().version);
}

TEST_F(LifecycleTest, EveryPageIsWalkedAndUploadsAreGivenUp) {
  for (int i = 0; i < 450; ++i) ASSERT_TRUE(put("shop", "k" + std::to_string(i), "x"));  // more than two pages
  ASSERT_TRUE(put("shop", "new", "x"));
  ASSERT_TRUE(call<api::CreateMultipartUploadOutput>("CreateMultipartUpload",
                                                     api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"}));
  auto prefixed = expire(1);
  prefixed.filter->prefix = "k";
  prefixed.abort_incomplete_multipart_upload = api::AbortIncompleteMultipartUpload{.days_after_initiation = 1};
  configure({prefixed});
  pass(2 * one_day);
  EXPECT_THAT(keys(), ElementsAre("new"));
  const auto uploads =
      call<api::ListMultipartUploadsOutput>("ListMultipartUploads", api::ListMultipartUploadsRequest{.bucket = "shop"});
  EXPECT_TRUE(uploads && uploads->uploads.value_or(std::vector<api::MultipartUpload>()).empty());
}

TEST_F(LifecycleTest, AccessLogsTellWhatWasDone) {
  ASSERT_EQ(make_bucket("logs"), "");
  ASSERT_TRUE(call<api::PutBucketPolicyOutput>(
      "PutBucketPolicy", api::PutBucketPolicyRequest{
                             .bucket = "logs", .policy = R"({"Statement":[{"Effect":"Allow","Action":"s3:PutObject",
                                      "Principal":{"Service":"logging.s3.amazonaws.com"},
                                      "Resource":"arn:aws:s3:::logs/*"}]})"}));
  api::PutBucketLoggingRequest logging{.bucket = "shop"};
  logging.bucket_logging_status.logging_enabled.emplace().target_bucket = "logs";
  ASSERT_TRUE(call<api::PutBucketLoggingOutput>("PutBucketLogging", std::move(logging)));
  set_versioning("shop", "Enabled");
  configure({expire(30), expire_noncurrent(1), transition(10, "INTELLIGENT_TIERING")});
  ASSERT_TRUE(put("shop", "a b", std::string(large, 'x')));
  pass(11 * one_day);
  pass(20 * one_day);
  pass(2 * one_day);
  ASSERT_TRUE(fixture.run(s3->access_log().save()));
  fixture.clock.advance(std::chrono::minutes(6));
  ASSERT_TRUE(fixture.run(s3->access_log().deliver()));
  std::string text;
  for (const std::string& key : keys_of(*list({.bucket = "logs"}))) {
    auto found = call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = "logs", .key = key});
    ASSERT_TRUE(found);
    text += *fixture.run(objects::read_all(*found->body));
  }
  EXPECT_THAT(text, HasSubstr(R"( S3.TRANSITION_INT.OBJECT a%20b "-" - - - 131072 - - "-" "-" )"));
  EXPECT_THAT(text, HasSubstr(R"( S3.CREATE.DELETEMARKER a%20b "-" - - - 131072 - - "-" "-" - )"));
  EXPECT_THAT(text, HasSubstr(R"( S3.EXPIRE.OBJECT a%20b "-" )"));
  EXPECT_THAT(text, HasSubstr(" - AmazonS3 "));
}

}  // namespace
}  // namespace boreal::s3
