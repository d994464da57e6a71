// The room over the real object engine, called as the pipeline calls it.
#include "s3/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/testing.h"
#include "objects/testing.h"

namespace boreal::s3 {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

constexpr const char* account = "000000000000";
constexpr const char* public_listing =
    R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop"}]})";

// SSE-S3, the default, needs no KMS.
class NoKms final : public aws::Keys {
 public:
  Task<Outcome<DataKey>> generate_data_key(aws::Call*, std::string, std::string, std::string, std::string,
                                           Context) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
  Task<Outcome<std::string>> decrypt(aws::Call*, std::string, std::string, std::string, Context) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
  Task<Outcome<std::string>> describe(std::string, std::string, std::string, std::string) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
};

std::string code_of(const auto& outcome) { return outcome ? "" : outcome.error().code; }

class S3Test : public testing::Test {
 protected:
  S3Test() {
    std::map<std::string, io::Path> folders;
    for (const auto& tier : storage_tiers()) folders[tier.name] = folder / tier.name;
    blobs = std::move(*objects::FileBlobs::open(folders, fixture.context().pool));
    objects = std::make_unique<objects::Objects>(fixture.store(), *blobs, fixture.context().pool, fixture.clock,
                                                 fixture.random, objects::Options{.tiers = storage_tiers()});
    EXPECT_TRUE(fixture.run(objects->start()));
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    s3 = std::make_unique<Service>(fixture.context(), Options{.lifecycle_tick = Duration(0)}, *objects, kms,
                                   *crypto::Sealer::derive(root, "s3", fixture.random));
    EXPECT_TRUE(fixture.run(s3->start()));
  }
  ~S3Test() override {
    fixture.run(s3->stop());
    fixture.run(objects->stop());
  }

  template <class Out, class In>
  Outcome<Out> call(std::string_view operation, In input) {
    return fixture.call<Out>(*s3, operation, std::move(input));
  }
  std::string make_bucket(const std::string& name, bool lock = false) {
    return code_of(call<api::CreateBucketOutput>(
        "CreateBucket", api::CreateBucketRequest{.bucket = name, .object_lock_enabled_for_bucket = lock}));
  }
  // Straight to the handler: a body has a length, which the fixture's requests do not tell.
  Outcome<api::PutObjectOutput> put(const std::string& bucket, const std::string& key, const std::string& text,
                                    std::optional<std::string> if_match = {},
                                    std::optional<std::string> if_none_match = {}) {
    return fixture.run(fixture.with_call(*s3, "PutObject", [&](Call& call) {
      call.http.content_length = text.size();
      api::PutObjectRequest input;
      input.bucket = bucket;
      input.key = key;
      input.body = std::make_unique<objects::TextSource>(text);
      input.if_match = if_match;
      input.if_none_match = if_none_match;
      return s3->put_object(call, std::move(input));
    }));
  }
  Outcome<api::ListObjectsV2Output> list(api::ListObjectsV2Request input) {
    return call<api::ListObjectsV2Output>("ListObjectsV2", std::move(input));
  }
  std::vector<std::string> keys_of(const api::ListObjectsV2Output& page) {
    std::vector<std::string> keys;
    for (const auto& row : page.contents.value_or(std::vector<api::Object>())) keys.push_back(*row.key);
    return keys;
  }
  std::string remove(const std::string& key, std::optional<std::string> version, bool bypass = false) {
    api::DeleteObjectRequest input{.bucket = "held", .key = key, .version_id = std::move(version)};
    input.bypass_governance_retention = bypass;
    return code_of(call<api::DeleteObjectOutput>("DeleteObject", std::move(input)));
  }
  std::string retain(const std::string& key, const std::string& mode, Time until) {
    api::PutObjectRetentionRequest input{.bucket = "held", .key = key};
    input.retention = api::ObjectLockRetention{.mode = mode, .retain_until_date = until};
    return code_of(call<api::PutObjectRetentionOutput>("PutObjectRetention", std::move(input)));
  }
  std::string hold(const std::string& key, const std::string& status) {
    api::PutObjectLegalHoldRequest input{.bucket = "held", .key = key};
    input.legal_hold = api::ObjectLockLegalHold{.status = status};
    return code_of(call<api::PutObjectLegalHoldOutput>("PutObjectLegalHold", std::move(input)));
  }
  std::string block(bool policies, bool restricted) {
    api::PutPublicAccessBlockRequest input{.bucket = "shop"};
    input.public_access_block_configuration.block_public_policy = policies;
    input.public_access_block_configuration.restrict_public_buckets = restricted;
    return code_of(call<api::PutPublicAccessBlockOutput>("PutPublicAccessBlock", std::move(input)));
  }
  std::string put_policy(const std::string& policy) {
    return code_of(call<api::PutBucketPolicyOutput>("PutBucketPolicy",
                                                    api::PutBucketPolicyRequest{.bucket = "shop", .policy = policy}));
  }
  void be_stranger() {
    fixture.principal = aws::user_principal("111111111111", "eve");
    fixture.policies.identity = {
        aws::identity_policy(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})")};
  }
  void be_owner() {
    fixture.principal = aws::root_principal(account);
    fixture.policies = {};
  }

  aws::CallFixture fixture;
  io::TempFolder folder;
  NoKms kms;
  std::unique_ptr<objects::FileBlobs> blobs;
  std::unique_ptr<objects::Objects> objects;
  std::unique_ptr<Service> s3;
};

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

TEST_F(S3Test, BackupNeedsVersionsAndComesBackWhole) {
  ASSERT_EQ(make_bucket("shop"), "");
  EXPECT_EQ(code_of(fixture.run(s3->back_up(account, "us-east-1", "arn:aws:s3:::shop"))), "InvalidRequest");
  ASSERT_EQ(make_bucket("kept", true), "") << "with Object Lock come versions";
  const auto made = put("kept", "k", std::string(100'000, 'x'));
  ASSERT_TRUE(made);
  auto backup = fixture.run(s3->back_up(account, "us-east-1", "arn:aws:s3:::kept"));
  ASSERT_TRUE(backup);
  const auto arn = fixture.run(s3->restore(
      account, "us-east-1", {{"DestinationBucketName", "again"}, {"NewBucket", "true"}}, std::move(backup->data)));
  ASSERT_EQ(code_of(arn), "");
  EXPECT_EQ(*arn, "arn:aws:s3:::again");
  const auto restored = list({.bucket = "again"});
  EXPECT_THAT(keys_of(*restored), ElementsAre("k"));
  EXPECT_EQ(restored->contents->at(0).etag, made->etag);
}

}  // namespace
}  // namespace boreal::s3
