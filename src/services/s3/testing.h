// The room over the real object engine, called as the pipeline calls it; no worker runs by itself. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include "aws/testing.h"
#include "objects/testing.h"
#include "s3/service.h"

namespace boreal::s3 {

inline constexpr const char* account = "000000000000";
inline constexpr const char* role_arn = "arn:aws:iam::000000000000:role/replicator";
inline constexpr const char* public_listing =
    R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop"}]})";

// SSE-S3, the default, needs no KMS.
class NoKms final : public aws::Keys {
 public:
  Task<Outcome<DataKey>> generate_data_key(aws::Asker, std::string, std::string, std::string, std::string,
                                           Context) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
  Task<Outcome<std::string>> decrypt(aws::Asker, std::string, std::string, std::string, Context) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
  Task<Outcome<std::string>> encrypt(aws::Asker, std::string, std::string, std::string, std::string, std::string,
                                     Context) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
  Task<Outcome<std::string>> describe(std::string, std::string, std::string, std::string) override {
    co_return refuse(errors::invalid_request("no KMS here"));
  }
};

class TestRoles final : public aws::Roles {
 public:
  Task<Outcome<void>> check_pass(Call&, std::string, std::string, std::string) override { co_return Outcome<void>(); }
};

inline std::string code_of(const auto& outcome) { return outcome ? "" : outcome.error().code; }

class S3Test : public testing::Test {
 protected:
  S3Test() {
    std::map<std::string, io::Path> folders;
    for (const auto& tier : storage_tiers()) folders[tier.name] = folder / tier.name;
    blobs = std::move(*objects::FileBlobs::open(folders, fixture.context().pool));
    open_objects(fixture.store());
    open();
  }
  ~S3Test() override {
    fixture.run(s3->stop());
    fixture.run(objects->stop());
  }
  void open_objects(store::Store& store) {
    objects = std::make_unique<objects::Objects>(store, *blobs, fixture.context().pool, fixture.clock, fixture.random,
                                                 objects::Options{.tiers = storage_tiers()});
    EXPECT_TRUE(fixture.run(objects->start()));
  }
  // The objects' index is in this store from here on, which holds what the one before did.
  void move_objects(store::Store& store) {
    fixture.run(s3->stop());
    s3.reset();
    fixture.run(objects->stop());
    open_objects(store);
    open();
  }
  // As a start of the server does; with one before, as after a stop.
  void open() { open(fixture.context()); }
  void open(aws::ServiceContext context) {
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    const Options no_workers{Duration(0), Duration(0), Duration(0)};
    s3 = std::make_unique<Service>(context, no_workers, *objects, Peers{kms, fixture.gate(), roles},
                                   *crypto::Sealer::derive(root, "s3", fixture.random));
    EXPECT_TRUE(fixture.run(s3->start()));
  }

  template <class Out, class In>
  Outcome<Out> call(std::string_view operation, In input) {
    return fixture.call<Out>(*s3, operation, std::move(input));
  }
  std::string make_bucket(const std::string& name, bool lock = false) {
    return code_of(call<api::CreateBucketOutput>(
        "CreateBucket", api::CreateBucketRequest{.bucket = name, .object_lock_enabled_for_bucket = lock}));
  }
  void set_versioning(const std::string& bucket, const std::string& status) {
    api::PutBucketVersioningRequest input{.bucket = bucket};
    input.versioning_configuration.status = status;
    ASSERT_TRUE(call<api::PutBucketVersioningOutput>("PutBucketVersioning", std::move(input)));
  }
  void make_versioned(const std::string& bucket) {
    ASSERT_EQ(make_bucket(bucket), "");
    set_versioning(bucket, "Enabled");
  }
  // Takes all that is new there, delete markers too.
  static api::ReplicationRule replication_to(const std::string& bucket) {
    api::ReplicationRule rule;
    rule.status = "Enabled";
    rule.priority = 1;
    rule.filter.emplace();
    rule.delete_marker_replication = api::DeleteMarkerReplication{.status = "Enabled"};
    rule.destination.bucket = "arn:aws:s3:::" + bucket;
    return rule;
  }
  Outcome<api::PutBucketReplicationOutput> replicate(const std::string& bucket, api::ReplicationRule rule) {
    api::PutBucketReplicationRequest input{.bucket = bucket};
    input.replication_configuration.role = role_arn;
    input.replication_configuration.rules.push_back(std::move(rule));
    return call<api::PutBucketReplicationOutput>("PutBucketReplication", std::move(input));
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
  // Of the account, for all its buckets.
  std::string block_account(std::optional<aws::PublicAccess::Block> block) {
    return code_of(fixture.run(s3->public_access().set_block(account, block)));
  }
  std::string put_policy(const std::string& policy) {
    return code_of(call<api::PutBucketPolicyOutput>("PutBucketPolicy",
                                                    api::PutBucketPolicyRequest{.bucket = "shop", .policy = policy}));
  }
  // As AWS Backup knows the bucket.
  aws::Recoverable::Resource found(const std::string& bucket) {
    return fixture.run(s3->find(account, "us-east-1", bucket))->value();
  }
  Outcome<aws::Recoverable::Backup> back_up(aws::Recoverable::Resource resource) {
    return fixture.run(s3->back_up(nullptr, account, "us-east-1", std::move(resource)));
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
  TestRoles roles;
  std::unique_ptr<objects::FileBlobs> blobs;
  std::unique_ptr<objects::Objects> objects;
  std::unique_ptr<Service> s3;
};

}  // namespace boreal::s3
