// What lifecycle rules do, and when.
#include "io/fault.h"
#include "s3/lifecycle_due.h"
#include "s3/lifecycle_testing.h"

namespace boreal::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
