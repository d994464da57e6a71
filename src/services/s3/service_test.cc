// The room over the real object engine, called as the pipeline calls it.
#include <gmock/gmock.h>

#include <functional>
#include <utility>

#include "base/sync.h"
#include "s3/testing.h"
#include "s3/wording.h"
#include "store/testing.h"

namespace boreal::s3 {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

TEST_F(S3Test, BucketNamesFollowTheRules) {
  for (const char* good : {"abc", "a.b-c.9", "0123456789"}) EXPECT_EQ(make_bucket(good), "") << good;
  EXPECT_EQ(make_bucket(std::string(63, 'a')), "");
  for (const char* bad : {"ab", "Shop", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.5.4", "xn--shop", "shop-s3alias",
                          "shop--x-s3", "a/b"}) {
    EXPECT_EQ(make_bucket(bad), "InvalidBucketName") << bad;
  }
  EXPECT_EQ(make_bucket(std::string(64, 'a')), "InvalidBucketName");
}

TEST_F(S3Test, BucketNamesAreOneSpaceForAll) {
  EXPECT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(make_bucket("shop"), "") << "us-east-1 lets its owner make it again";
  be_stranger();
  EXPECT_EQ(make_bucket("shop"), "BucketAlreadyExists");
  be_owner();
  fixture.region = "eu-west-1";
  EXPECT_EQ(make_bucket("other"), "IllegalLocationConstraintException");
  const auto in_ireland = [&] {
    api::CreateBucketRequest input{.bucket = "other"};
    input.create_bucket_configuration.emplace().location_constraint = "eu-west-1";
    return code_of(call<api::CreateBucketOutput>("CreateBucket", std::move(input)));
  };
  EXPECT_EQ(in_ireland(), "");
  EXPECT_EQ(in_ireland(), "BucketAlreadyOwnedByYou");
}

// All are of one bucket of the engine: none is to be made for them.
Task<Result<void>> keep_copies(store::Catalog& catalog, Bucket bucket, size_t count) {
  auto transaction = co_await catalog.begin(std::string(buckets_partition));
  for (size_t i = 0; i < count; ++i) {
    bucket.name = "copy-" + std::to_string(i);
    transaction.put(bucket.name, store::encode(bucket));
  }
  co_return co_await transaction.commit();
}

TEST_F(S3Test, WhatIsThereIsToldBeforeThatThereAreTooMany) {
  ASSERT_EQ(make_bucket("shop"), "");
  ASSERT_TRUE(fixture.run(keep_copies(fixture.context().catalog, *s3->directory().find("shop"), 9999)));
  open();
  EXPECT_EQ(make_bucket("another"), "TooManyBuckets");
  EXPECT_EQ(make_bucket("shop"), "") << "us-east-1 lets its owner make it again";
  fixture.region = "eu-west-1";
  api::CreateBucketRequest input{.bucket = "shop"};
  input.create_bucket_configuration.emplace().location_constraint = "eu-west-1";
  EXPECT_EQ(code_of(call<api::CreateBucketOutput>("CreateBucket", std::move(input))), "BucketAlreadyOwnedByYou");
}

TEST_F(S3Test, OfTheEnginesBucketsOnlyOwnOnesThatNobodyNamesGoAtTheStart) {
  ASSERT_TRUE(fixture.run(objects->create_bucket("backup.000000000000.us-east-1")));
  ASSERT_TRUE(fixture.run(objects->create_bucket("0f1e2d3c-4b5a-4697-8877-665544332211")));
  open();
  EXPECT_THAT(objects->buckets(), ElementsAre("backup.000000000000.us-east-1"));
}

TEST_F(S3Test, TheBucketIsLookedForBeforeADocumentIsJudged) {
  http::Request request;
  request.path = "/shop";
  const auto told = [&](std::string_view operation, const aws::ApiError& error) {
    return s3->unreadable(*s3->model().find(operation), request, error).code;
  };
  for (const char* operation : {"PutBucketVersioning", "PutBucketAcl", "DeleteObjects"})
    EXPECT_EQ(told(operation, malformed_xml()), "NoSuchBucket") << operation;
  EXPECT_EQ(told("CreateBucket", malformed_xml()), "MalformedXML");
  EXPECT_EQ(told("PutBucketVersioning", errors::invalid_argument("")), "InvalidArgument");
  ASSERT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(told("PutBucketVersioning", malformed_xml()), "MalformedXML");
  EXPECT_EQ(told("PutBucketAcl", malformed_xml()), "MalformedACLError");
}

TEST_F(S3Test, ListingGoesByPagesAndGroups) {
  ASSERT_EQ(make_bucket("shop"), "");
  for (const char* key : {"a", "dir/1", "dir/2", "z", "m"}) ASSERT_EQ(code_of(put("shop", key, key)), "");
  const auto grouped = list({.bucket = "shop", .delimiter = "/"});
  ASSERT_TRUE(grouped);
  EXPECT_THAT(keys_of(*grouped), ElementsAre("a", "m", "z"));
  ASSERT_EQ(grouped->common_prefixes->size(), 1u);
  EXPECT_EQ(grouped->common_prefixes->at(0).prefix, "dir/");
  EXPECT_EQ(grouped->key_count, 4);

  auto page = list({.bucket = "shop", .max_keys = 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(keys_of(*page), ElementsAre("a", "dir/1"));
  page = list({.bucket = "shop", .max_keys = 10, .continuation_token = page->next_continuation_token});
  ASSERT_TRUE(page);
  EXPECT_THAT(keys_of(*page), ElementsAre("dir/2", "m", "z"));
  EXPECT_EQ(page->is_truncated, false);
  EXPECT_THAT(keys_of(*list({.bucket = "shop", .prefix = "dir/"})), ElementsAre("dir/1", "dir/2"));
  EXPECT_EQ(code_of(list({.bucket = "none"})), "NoSuchBucket");
}

TEST_F(S3Test, ConditionalWrites) {
  ASSERT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(code_of(put("shop", "k", "one", "\"e\"")), "NoSuchKey");
  const auto first = put("shop", "k", "one", {}, "*");
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(put("shop", "k", "two", {}, "*")), "PreconditionFailed");
  EXPECT_EQ(code_of(put("shop", "k", "two", "\"another\"")), "PreconditionFailed");
  EXPECT_EQ(list({.bucket = "shop"})->contents->at(0).etag, first->etag) << "what was refused changed nothing";
  const auto second = put("shop", "k", "two", first->etag);
  ASSERT_TRUE(second);
  EXPECT_EQ(list({.bucket = "shop"})->contents->at(0).etag, second->etag);
  EXPECT_EQ(code_of(put("shop", "k", "three", first->etag)), "PreconditionFailed");
}

// Whoever is told that there is nothing goes on as if there were: that it cannot be known is no answer of that kind.
TEST_F(S3Test, WhatCannotBeReadIsNotTakenForMissing) {
  ASSERT_EQ(make_bucket("shop"), "");
  const auto made = put("shop", "k", "one");
  ASSERT_TRUE(made);
  const auto upload = call<api::CreateMultipartUploadOutput>(
      "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"});
  ASSERT_TRUE(upload);
  ASSERT_TRUE(call<api::AbortMultipartUploadOutput>(
      "AbortMultipartUpload",
      api::AbortMultipartUploadRequest{.bucket = "shop", .key = "k", .upload_id = *upload->upload_id}));
  ASSERT_EQ(objects->buckets().size(), 1u);
  store::Batch damage("bucket." + objects->buckets().front());
  damage.put("kk", "no record of a version");
  ASSERT_TRUE(fixture.run(fixture.store().commit(std::move(damage))));
  EXPECT_EQ(code_of(put("shop", "k", "two", made->etag)), "InternalFailure");
  EXPECT_EQ(code_of(put("shop", "k", "two", {}, "*")), "InternalFailure");
  api::CompleteMultipartUploadRequest again{.bucket = "shop", .key = "k", .upload_id = *upload->upload_id};
  again.multipart_upload.emplace().parts.emplace().push_back({.etag = made->etag, .part_number = 1});
  EXPECT_EQ(code_of(call<api::CompleteMultipartUploadOutput>("CompleteMultipartUpload", std::move(again))),
            "InternalFailure");
}

template <class T>
Task<void> succeed(Task<Outcome<T>> task) {
  EXPECT_TRUE(co_await std::move(task));
}

TEST_F(S3Test, WhatIsReadIsWhatWasJudged) {
  const std::string bucket = "shop";
  const auto put_tagged = [&](std::string key, std::string body, std::string tags) {
    return fixture.with_call(*s3, "PutObject", [this, bucket, key, body, tags](Call& call) {
      call.http.content_length = body.size();
      api::PutObjectRequest input;
      input.bucket = bucket;
      input.key = key;
      input.tagging = tags;
      input.body = std::make_unique<objects::TextSource>(body);
      return s3->put_object(call, std::move(input));
    });
  };
  const auto close = [&] {
    return fixture.with_call(*s3, "PutObjectTagging", [this, bucket](Call& call) {
      api::PutObjectTaggingRequest input{.bucket = bucket, .key = "k"};
      input.tagging.tag_set.emplace().push_back({.key = "open", .value = "no"});
      return s3->put_object_tagging(call, std::move(input));
    });
  };
  const auto while_bob_is_judged = [&](std::function<Task<void>()> meanwhile) {
    fixture.principal = aws::user_principal(account, "bob");
    fixture.policies.identity = {
        aws::identity_policy(R"({"Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectTagging"],
                                 "Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/open":"yes"}}},
                                {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::shop/new",
                                 "Condition":{"Null":{"s3:ExistingObjectTag/open":"true"}}},
                                {"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]})")};
    fixture.meanwhile = std::move(meanwhile);
  };
  const auto get = [&](const std::string& key) {
    const auto got = call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = bucket, .key = key});
    be_owner();
    return got ? fixture.run(objects::read_all(*got->body)).value_or("") : got.error().code;
  };
  const auto read = [&](const std::string& key, const std::string& body, const std::string& tags) {
    while_bob_is_judged([&] { return succeed(put_tagged(key, body, tags)); });
    return get(key);
  };
  ASSERT_EQ(make_bucket(bucket), "");
  ASSERT_TRUE(fixture.run(put_tagged("k", "open", "open=yes")));
  EXPECT_EQ(read("k", "open too", "open=yes"), "open too");
  EXPECT_EQ(read("k", "secret", "open=no"), "OperationAborted") << "what was judged is there no more";
  EXPECT_EQ(read("k", "open again", "open=yes"), "AccessDenied") << "what was judged was closed";
  while_bob_is_judged([&] { return succeed(close()); });
  EXPECT_EQ(get("k"), "open again") << "those bytes were open";
  ASSERT_TRUE(fixture.run(put_tagged("k", "open again", "open=yes")));
  while_bob_is_judged([&] { return succeed(close()); });
  EXPECT_EQ(code_of(call<api::GetObjectTaggingOutput>("GetObjectTagging",
                                                      api::GetObjectTaggingRequest{.bucket = bucket, .key = "k"})),
            "OperationAborted")
      << "the new tags were not";
  be_owner();
  ASSERT_TRUE(fixture.run(put_tagged("k", "open again", "open=yes")));
  set_versioning(bucket, "Enabled");
  EXPECT_EQ(read("k", "secret", "open=no"), "open again") << "it lies behind the newer one";
  EXPECT_EQ(read("new", "secret", "open=no"), "NoSuchKey") << "there was none";
}

template <class T>
Task<void> keep(Task<T> task, std::optional<T>& to) {
  to = co_await std::move(task);
}

// The key is being written when its upload is completed, and the bucket gets a default retention before its turn comes.
TEST_F(S3Test, ADefaultRetentionThatComesWhileAnUploadWaitsIsNotPassedBy) {
  make_versioned("shop");
  store::MeddlingStore disk(fixture.store());
  move_objects(disk);
  fixture.run(objects->reclaim_now());
  const auto upload = call<api::CreateMultipartUploadOutput>(
      "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"});
  ASSERT_TRUE(upload);
  const auto part = fixture.run(fixture.with_call(*s3, "UploadPart", [&](Call& made) {
    made.http.content_length = 5;
    api::UploadPartRequest input;
    input.bucket = "shop";
    input.key = "k";
    input.upload_id = *upload->upload_id;
    input.part_number = 1;
    input.body = std::make_unique<objects::TextSource>("bytes");
    return s3->upload_part(made, std::move(input));
  }));
  ASSERT_TRUE(part);
  std::optional<Outcome<api::CompleteMultipartUploadOutput>> completed;
  TaskGroup group;
  disk.meddle = [&]() -> Task<void> {
    group.spawn(keep(fixture.with_call(*s3, "CompleteMultipartUpload",
                                       [&](Call& made) {
                                         api::CompleteMultipartUploadRequest input{
                                             .bucket = "shop", .key = "k", .upload_id = *upload->upload_id};
                                         input.multipart_upload.emplace().parts.emplace().push_back(
                                             {.etag = part->etag, .part_number = 1});
                                         return s3->complete_multipart_upload(made, std::move(input));
                                       }),
                     completed));
    for (int i = 0; i < 100; ++i) co_await fixture.context().pool.run([] {});  // so that it comes to wait for the key
    const auto locked = co_await fixture.with_call(*s3, "PutObjectLockConfiguration", [&](Call& made) {
      api::PutObjectLockConfigurationRequest input{.bucket = "shop"};
      auto& lock = input.object_lock_configuration.emplace();
      lock.object_lock_enabled = "Enabled";
      lock.rule.emplace().default_retention.emplace() = {.mode = "GOVERNANCE", .days = 1};
      return s3->put_object_lock_configuration(made, std::move(input));
    });
    EXPECT_TRUE(locked);
  };
  ASSERT_EQ(code_of(put("shop", "k", "small")), "");
  fixture.run(group.wait());
  ASSERT_TRUE(completed);
  EXPECT_EQ(code_of(*completed), "OperationAborted") << "nothing comes to lie there without a lock";
  move_objects(fixture.store());
}

Task<void> at_once(std::vector<Task<void>> tasks) {
  TaskGroup group;
  for (auto& task : tasks) group.spawn(std::move(task));
  co_await group.wait();
}

// A client that gives up waiting asks again while its first request is still under way.
TEST_F(S3Test, AnUploadThatIsCompletedTwiceAtOnceIsCompletedForBoth) {
  ASSERT_EQ(make_bucket("shop"), "");
  const auto upload = call<api::CreateMultipartUploadOutput>(
      "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"});
  ASSERT_TRUE(upload);
  const auto part = fixture.run(fixture.with_call(*s3, "UploadPart", [&](Call& call) {
    call.http.content_length = 4;
    api::UploadPartRequest input{.bucket = "shop", .key = "k", .part_number = 1, .upload_id = *upload->upload_id};
    input.body = std::make_unique<objects::TextSource>("body");
    return s3->upload_part(call, std::move(input));
  }));
  ASSERT_TRUE(part);
  std::optional<Outcome<api::CompleteMultipartUploadOutput>> told[3];
  std::vector<Task<void>> tasks;
  for (auto& to : told) {
    tasks.push_back(keep(fixture.with_call(*s3, "CompleteMultipartUpload",
                                           [&](Call& call) {
                                             api::CompleteMultipartUploadRequest input{
                                                 .bucket = "shop", .key = "k", .upload_id = *upload->upload_id};
                                             input.multipart_upload.emplace().parts.emplace().push_back(
                                                 {.etag = part->etag, .part_number = 1});
                                             return s3->complete_multipart_upload(call, std::move(input));
                                           }),
                         to));
  }
  fixture.run(at_once(std::move(tasks)));
  for (const auto& one : told) {
    ASSERT_EQ(code_of(*one), "");
    EXPECT_EQ((*one)->etag, (*told)->value().etag);
  }
}

// Deleting ends in the engine before it ends here.
TEST_F(S3Test, AnUploadBegunWhileItsBucketGoesFindsNoBucket) {
  ASSERT_EQ(make_bucket("shop"), "");
  ASSERT_TRUE(fixture.run(objects->drop_bucket(objects->buckets().front())));
  EXPECT_EQ(code_of(call<api::CreateMultipartUploadOutput>(
                "CreateMultipartUpload", api::CreateMultipartUploadRequest{.bucket = "shop", .key = "k"})),
            "NoSuchBucket");
}

TEST_F(S3Test, WhatIsRestoredForAgesIsReadable) {
  ASSERT_EQ(make_bucket("shop"), "");
  const auto made = fixture.run(fixture.with_call(*s3, "PutObject", [&](Call& call) {
    call.http.content_length = 1;
    api::PutObjectRequest input{.bucket = "shop", .key = "k"};
    input.body = std::make_unique<objects::TextSource>("x");
    input.storage_class = "GLACIER";
    return s3->put_object(call, std::move(input));
  }));
  ASSERT_EQ(code_of(made), "");
  const auto get = [&] {
    return code_of(call<api::GetObjectOutput>("GetObject", api::GetObjectRequest{.bucket = "shop", .key = "k"}));
  };
  EXPECT_EQ(get(), "InvalidObjectState");
  for (const int32_t days : {1, INT32_MAX}) {
    api::RestoreObjectRequest restore{.bucket = "shop", .key = "k"};
    restore.restore_request.emplace().days = days;
    EXPECT_EQ(code_of(call<api::RestoreObjectOutput>("RestoreObject", std::move(restore))), "");
    EXPECT_EQ(get(), "") << days;
  }
}

TEST_F(S3Test, LockedVersionsDoNotGo) {
  ASSERT_EQ(make_bucket("held", true), "");
  const auto until = fixture.clock.now() + hours(24);
  const auto soft = put("held", "soft", "text")->version_id;
  const auto hard = put("held", "hard", "text")->version_id;
  ASSERT_TRUE(soft && hard);
  EXPECT_EQ(retain("soft", "GOVERNANCE", fixture.clock.now()), "InvalidArgument");
  ASSERT_EQ(retain("soft", "GOVERNANCE", until), "");
  ASSERT_EQ(retain("hard", "COMPLIANCE", until), "");
  EXPECT_EQ(retain("hard", "COMPLIANCE", until - hours(1)), "AccessDenied") << "it may only be lengthened";

  EXPECT_EQ(remove("soft", soft), "AccessDenied");
  EXPECT_EQ(remove("soft", soft, true), "");
  EXPECT_EQ(remove("hard", hard, true), "AccessDenied") << "nobody passes over compliance";
  ASSERT_EQ(hold("hard", "ON"), "");
  fixture.clock.advance(hours(25));
  EXPECT_EQ(remove("hard", hard), "AccessDenied") << "the legal hold outlasts the retention";
  ASSERT_EQ(hold("hard", "OFF"), "");
  EXPECT_EQ(remove("hard", hard), "");
}

TEST_F(S3Test, PublicAccessBlockStandsOverPolicies) {
  ASSERT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(put_policy(public_listing), "AccessDenied") << "buckets are made with everything blocked";
  ASSERT_EQ(block(false, false), "");
  ASSERT_EQ(put_policy(public_listing), "");
  const auto status = call<api::GetBucketPolicyStatusOutput>("GetBucketPolicyStatus",
                                                             api::GetBucketPolicyStatusRequest{.bucket = "shop"});
  ASSERT_TRUE(status);
  EXPECT_EQ(status->policy_status->is_public, true);
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
  be_owner();
  ASSERT_EQ(block(true, true), "");
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "AccessDenied") << "the policy stands, but is restricted";
}

TEST_F(S3Test, TheAccountsBlockStandsOverItsBuckets) {
  ASSERT_EQ(make_bucket("shop"), "");
  ASSERT_EQ(block(false, false), "");
  ASSERT_EQ(block_account(aws::PublicAccess::Block{.block_public_policy = true}), "");
  EXPECT_EQ(put_policy(public_listing), "AccessDenied");
  ASSERT_EQ(block_account(std::nullopt), "");
  ASSERT_EQ(put_policy(public_listing), "");
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
  ASSERT_EQ(block_account(aws::PublicAccess::Block{.restrict_public_buckets = true}), "");
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "AccessDenied") << "at once, though no bucket was touched";
  be_owner();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
  ASSERT_EQ(block(true, false), "") << "a bucket that is written anew stays its account's";
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "AccessDenied");
  // It is the owner's account that counts, not the caller's.
  ASSERT_EQ(block_account(std::nullopt), "");
  const aws::PublicAccess::Block every{true, true, true, true};
  ASSERT_EQ(code_of(fixture.run(s3->public_access().set_block("111111111111", every))), "");
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
}

TEST_F(S3Test, TheAccountsBlockOutlastsARestart) {
  ASSERT_EQ(make_bucket("shop"), "");
  ASSERT_EQ(block(false, false), "");
  ASSERT_EQ(put_policy(public_listing), "");
  ASSERT_EQ(block_account(aws::PublicAccess::Block{.restrict_public_buckets = true}), "");
  const auto reopen = [&] {
    fixture.run(s3->stop());
    open();
  };
  reopen();
  const auto kept = s3->public_access().block(account);
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->restrict_public_buckets);
  EXPECT_FALSE(kept->ignore_public_acls || kept->block_public_acls || kept->block_public_policy);
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "AccessDenied");
  ASSERT_EQ(block_account(std::nullopt), "");
  reopen();
  EXPECT_FALSE(s3->public_access().block(account));
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
}

TEST_F(S3Test, TheAccountsBlockStandsOverAccessLists) {
  api::CreateBucketRequest made{.bucket = "shop"};
  made.object_ownership = "ObjectWriter";
  ASSERT_EQ(code_of(call<api::CreateBucketOutput>("CreateBucket", std::move(made))), "");
  ASSERT_EQ(block(false, false), "");
  const auto share = [&](const char* canned) {
    return code_of(
        call<api::PutBucketAclOutput>("PutBucketAcl", api::PutBucketAclRequest{.acl = canned, .bucket = "shop"}));
  };
  ASSERT_EQ(block_account(aws::PublicAccess::Block{.block_public_acls = true}), "");
  EXPECT_EQ(share("public-read"), "AccessDenied");
  EXPECT_EQ(share("private"), "");
  ASSERT_EQ(block_account(std::nullopt), "");
  ASSERT_EQ(share("public-read"), "");
  be_stranger();
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "");
  ASSERT_EQ(block_account(aws::PublicAccess::Block{.ignore_public_acls = true}), "");
  EXPECT_EQ(code_of(list({.bucket = "shop"})), "AccessDenied");
}

TEST_F(S3Test, OneMadeAnewUnderItsNameIsNotTheBucketToBackUp) {
  make_versioned("kept");
  const auto judged = found("kept");
  ASSERT_EQ(code_of(call<api::DeleteBucketOutput>("DeleteBucket", api::DeleteBucketRequest{.bucket = "kept"})), "");
  make_versioned("kept");
  EXPECT_EQ(code_of(back_up(judged)), "NoSuchBucket");
  EXPECT_EQ(code_of(back_up(found("kept"))), "");
}

TEST_F(S3Test, WhatABackupBringsBackIsLockedAndReplicatedAsItsBucketSays) {
  ASSERT_EQ(make_bucket("held", true), "");
  ASSERT_EQ(make_bucket("there", true), "");
  ASSERT_TRUE(put("held", "k", "body"));
  auto backup = back_up(found("held"));
  ASSERT_TRUE(backup);
  api::PutObjectLockConfigurationRequest input{.bucket = "held"};
  auto& lock = input.object_lock_configuration.emplace();
  lock.object_lock_enabled = "Enabled";
  lock.rule.emplace().default_retention.emplace() = {.mode = "GOVERNANCE", .days = 1};
  ASSERT_EQ(code_of(call<api::PutObjectLockConfigurationOutput>("PutObjectLockConfiguration", std::move(input))), "");
  ASSERT_EQ(code_of(replicate("held", replication_to("there"))), "");
  ASSERT_EQ(code_of(fixture.run(s3->restore(nullptr, account, "us-east-1",
                                            {{"DestinationBucketName", "held"}, {"NewBucket", "false"}},
                                            std::move(backup->data)))),
            "");
  ASSERT_TRUE(fixture.run(s3->replication().run("held")));
  for (const char* bucket : {"held", "there"}) {
    const auto told = call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = bucket, .key = "k"});
    ASSERT_EQ(code_of(told), "") << bucket;
    EXPECT_EQ(told->object_lock_mode, "GOVERNANCE") << bucket;
  }
}

TEST_F(S3Test, BackupNeedsVersionsAndComesBackWhole) {
  ASSERT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(code_of(back_up(found("shop"))), "InvalidRequest");
  ASSERT_EQ(make_bucket("kept", true), "") << "with Object Lock come versions";
  const auto made = put("kept", "k", std::string(100'000, 'x'));
  ASSERT_TRUE(made);
  auto backup = back_up(found("kept"));
  ASSERT_TRUE(backup);
  const auto arn =
      fixture.run(s3->restore(nullptr, account, "us-east-1",
                              {{"DestinationBucketName", "again"}, {"NewBucket", "true"}}, std::move(backup->data)));
  ASSERT_EQ(code_of(arn), "");
  EXPECT_EQ(*arn, "arn:aws:s3:::again");
  const auto restored = list({.bucket = "again"});
  EXPECT_THAT(keys_of(*restored), ElementsAre("k"));
  EXPECT_EQ(restored->contents->at(0).etag, made->etag);

  ASSERT_TRUE(put("kept", "new", "x"));
  backup = back_up(found("kept"));
  ASSERT_TRUE(backup);
  EXPECT_EQ(code_of(fixture.run(s3->restore(nullptr, account, "us-east-1",
                                            {{"DestinationBucketName", "again"}, {"NewBucket", "true"}},
                                            std::move(backup->data)))),
            "BucketAlreadyOwnedByYou");
  EXPECT_THAT(keys_of(*list({.bucket = "again"})), ElementsAre("k"));
}

}  // namespace
}  // namespace boreal::s3
