// Who may say what of which account. What S3 makes of it is tested there, and through real clients.
#include "s3control/service.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "aws/testing.h"

namespace boreal::s3control {
namespace {

namespace api = boreal::api::s3control;

constexpr const char* account = "000000000000";

class Kept final : public aws::PublicAccess {
 public:
  std::optional<Block> block(const std::string& id) override {
    const auto found = blocks.find(id);
    return found == blocks.end() ? std::nullopt : std::optional(found->second);
  }
  Task<aws::Outcome<void>> set_block(std::string id, std::optional<Block> block) override {
    blocks.erase(id);
    if (block) blocks.emplace(id, *block);
    co_return aws::Outcome<void>();
  }
  std::map<std::string, Block> blocks;
};

class Tags final : public aws::BucketTags {
 public:
  std::optional<std::string> owner(std::string_view bucket) const override {
    return bucket == "shop" ? std::optional(std::string(account)) : std::nullopt;
  }
  aws::Outcome<aws::Access> access_to_bucket(const aws::Call&, std::string_view bucket,
                                             std::string action) const override {
    return aws::Access{.action = std::move(action),
                       .resource = "arn:aws:s3:::" + std::string(bucket),
                       .resource_account = account,
                       .resource_policy = policy};
  }
  aws::Outcome<aws::BucketTags::Tags> tags(std::string_view) const override { return kept; }
  Task<aws::Outcome<void>> change_tags(std::string, aws::BucketTags::Tags set,
                                       std::vector<std::string> taken) override {
    std::erase_if(kept, [&](const auto& tag) { return std::ranges::find(taken, tag.first) != taken.end(); });
    kept.insert(kept.end(), set.begin(), set.end());
    co_return aws::Outcome<void>();
  }
  aws::BucketTags::Tags kept;
  std::optional<std::string> policy;
};

std::string code_of(const auto& outcome) { return outcome ? "" : outcome.error().code; }

class S3ControlTest : public testing::Test {
 protected:
  std::string put(api::PublicAccessBlockConfiguration block, std::string id = account) {
    return code_of(fixture.call<api::PutPublicAccessBlockOutput>(
        service, "PutPublicAccessBlock",
        api::PutPublicAccessBlockRequest{.public_access_block_configuration = std::move(block),
                                         .account_id = std::move(id)}));
  }
  aws::Outcome<api::GetPublicAccessBlockOutput> get(std::string id = account) {
    return fixture.call<api::GetPublicAccessBlockOutput>(service, "GetPublicAccessBlock",
                                                         api::GetPublicAccessBlockRequest{.account_id = std::move(id)});
  }
  std::string remove(std::string id = account) {
    return code_of(fixture.call<api::DeletePublicAccessBlockOutput>(
        service, "DeletePublicAccessBlock", api::DeletePublicAccessBlockRequest{.account_id = std::move(id)}));
  }
  void be_user(std::string_view policy) {
    fixture.principal = aws::user_principal(account, "bob");
    fixture.policies.identity = {aws::identity_policy(policy)};
  }

  aws::CallFixture fixture;
  Kept kept;
  Tags tags;
  Service service{kept, tags};
};

TEST_F(S3ControlTest, ABlockIsSetReadAndTakenAway) {
  EXPECT_EQ(code_of(get()), "NoSuchPublicAccessBlockConfiguration");
  EXPECT_EQ(get().error().status, 404);
  EXPECT_EQ(put({.block_public_acls = true, .restrict_public_buckets = false}), "");
  EXPECT_EQ(put({.ignore_public_acls = true, .block_public_policy = true}), "") << "it takes the place of the first";
  const auto block = get();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->public_access_block_configuration->block_public_acls, false);
  EXPECT_EQ(block->public_access_block_configuration->ignore_public_acls, true);
  EXPECT_EQ(block->public_access_block_configuration->block_public_policy, true);
  EXPECT_EQ(block->public_access_block_configuration->restrict_public_buckets, false);
  EXPECT_EQ(put({}), "InvalidRequest");
  EXPECT_EQ(kept.blocks.size(), 1u) << "what was refused changed nothing";
  EXPECT_EQ(remove(), "");
  EXPECT_EQ(code_of(get()), "NoSuchPublicAccessBlockConfiguration");
  EXPECT_EQ(remove(), "");
}

TEST_F(S3ControlTest, AnAccountSpeaksForItselfOnly) {
  EXPECT_EQ(put({.block_public_acls = true}, "111111111111"), "AccessDenied");
  EXPECT_EQ(code_of(get("111111111111")), "AccessDenied");
  EXPECT_EQ(remove("not an account"), "AccessDenied");
  EXPECT_TRUE(kept.blocks.empty());
  fixture.principal = {};
  EXPECT_EQ(put({.block_public_acls = true}), "AccessDenied") << "nobody";
  EXPECT_EQ(put({.block_public_acls = true}, ""), "AccessDenied") << "nobody's account";
}

TEST_F(S3ControlTest, PermissionsAreTheAccounts) {
  be_user(R"({"Statement":{"Effect":"Allow","Action":"s3:*PublicAccessBlock","Resource":"arn:aws:s3:::*"}})");
  EXPECT_EQ(put({.block_public_acls = true}), "AccessDenied") << "what may be done with buckets";
  be_user(R"({"Statement":{"Effect":"Allow","Action":"s3:PutAccountPublicAccessBlock","Resource":"*"}})");
  EXPECT_EQ(put({.block_public_acls = true}), "");
  EXPECT_EQ(code_of(get()), "AccessDenied");
  EXPECT_EQ(remove(), "");
  be_user(R"({"Statement":{"Effect":"Allow","Action":"s3:GetAccountPublicAccessBlock","Resource":"*"}})");
  EXPECT_EQ(code_of(get()), "NoSuchPublicAccessBlockConfiguration");
  EXPECT_EQ(put({.block_public_acls = true}), "AccessDenied");
  EXPECT_EQ(remove(), "AccessDenied");
}

TEST_F(S3ControlTest, TagsAreOfBucketsOfTheAccount) {
  const auto list = [&](std::string arn, std::string id = account) {
    return fixture.call<api::ListTagsForResourceResult>(
        service, "ListTagsForResource", api::ListTagsForResourceRequest{.account_id = id, .resource_arn = arn});
  };
  const std::string shop = "arn:aws:s3:::shop";
  EXPECT_EQ(
      code_of(fixture.call<api::TagResourceResult>(
          service, "TagResource",
          api::TagResourceRequest{.account_id = account, .resource_arn = shop, .tags = {{.key = "a", .value = "1"}}})),
      "");
  const auto listed = list(shop);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->tags->size(), 1u);
  EXPECT_EQ(listed->tags->front().key, "a");
  EXPECT_EQ(code_of(fixture.call<api::UntagResourceResult>(
                service, "UntagResource",
                api::UntagResourceRequest{.account_id = account, .resource_arn = shop, .tag_keys = {"a"}})),
            "");
  EXPECT_TRUE(list(shop)->tags->empty());
  EXPECT_EQ(code_of(list("arn:aws:s3:::missing")), "NoSuchResource");
  EXPECT_EQ(code_of(list("arn:aws:s3:us-east-1:000000000000:accesspoint/x")), "NotImplemented");
  EXPECT_EQ(code_of(list(shop, "111111111111")), "AccessDenied") << "neither the caller's account nor the bucket's";
}

TEST_F(S3ControlTest, TheBucketsPolicyCounts) {
  const auto list = [&] {
    return code_of(fixture.call<api::ListTagsForResourceResult>(
        service, "ListTagsForResource",
        api::ListTagsForResourceRequest{.account_id = account, .resource_arn = "arn:aws:s3:::shop"}));
  };
  const std::string policy = R"({"Statement":{"Effect":"%","Principal":"*","Action":"s3:*","Resource":"*"}})";
  tags.policy = std::string(policy).replace(policy.find('%'), 1, "Deny");
  EXPECT_EQ(list(), "AccessDenied");
  be_user(R"({"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}})");
  EXPECT_EQ(list(), "AccessDenied");
  tags.policy = std::string(policy).replace(policy.find('%'), 1, "Allow");
  EXPECT_EQ(list(), "");
  fixture.principal = aws::user_principal("111111111111", "eve");
  EXPECT_EQ(list(), "AccessDenied") << "another account's user needs that account's word too";
  be_user(R"({"Statement":{"Effect":"Allow","Action":"s3:ListTagsForResource","Resource":"*"}})");
  tags.policy.reset();
  EXPECT_EQ(list(), "");
}

}  // namespace
}  // namespace boreal::s3control
