#include "s3/bucket_policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/s3/service.h"
#include "s3/names.h"

namespace boreal::s3 {
namespace {

// What a policy with this statement is refused with; empty: it is taken.
std::string refusal_of(std::string_view statement) {
  const std::string text = fmt::format(R"({{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{}}}}})", statement);
  const auto document = json::parse(text);
  const auto compiled = aws::validate_resource_policy(text);
  if (!document || !compiled) return "not a policy: " + text;
  const auto checked = check_bucket_policy(*document, *compiled, "shop");
  if (checked) return "";
  EXPECT_EQ(checked.error().code, "MalformedPolicy");
  return checked.error().message;
}

std::string with(std::string_view action, std::string_view resource, std::string_view more = "") {
  return refusal_of(fmt::format(R"("Principal":"*","Action":{},"Resource":{}{})", action, resource, more));
}

constexpr std::string_view bucket = R"("arn:aws:s3:::shop")";
constexpr std::string_view objects = R"("arn:aws:s3:::shop/*")";
constexpr std::string_view both = R"(["arn:aws:s3:::shop","arn:aws:s3:::shop/*"])";

TEST(BucketPolicy, ActionsAreThoseOfS3) {
  EXPECT_EQ(with(R"("s3:*")", both), "");
  EXPECT_EQ(with(R"("*")", objects), "");
  EXPECT_EQ(with(R"("s3:getobject")", objects), "");
  EXPECT_EQ(with(R"("s3:Get*")", bucket), "");
  for (const char* action : {R"("s3:NoSuchAction")", R"("ec2:RunInstances")", R"("s3:Fetch*")",
                             R"(["s3:GetObject","s3:ListAllMyBuckets"])", R"("s3:CreateBucket")"})
    EXPECT_EQ(with(action, both), "Policy has invalid action") << action;
}

// What we serve and what may be allowed are the same actions.
TEST(BucketPolicy, KnowsTheActionOfEveryOperation) {
  const auto& model = api::service_model;
  for (const auto& operation : model.operations) {
    for (const std::string_view line : operation.access) {
      const std::string action = "\"" + std::string(line.substr(0, line.find('|'))) + "\"";
      if (action == R"("s3:ListAllMyBuckets")" || action == R"("s3:CreateBucket")") continue;
      const bool is_on_object = line.find("{Key}") != std::string_view::npos || line.ends_with("/*");
      EXPECT_EQ(with(action, is_on_object ? objects : bucket), "") << operation.name;
    }
  }
}

TEST(BucketPolicy, AnActionNeedsAResourceOfItsKind) {
  const std::string why = "Action does not apply to any resource(s) in statement";
  EXPECT_EQ(with(R"("s3:GetObject")", bucket), why);
  EXPECT_EQ(with(R"("s3:ListBucket")", objects), why);
  EXPECT_EQ(with(R"(["s3:GetObject","s3:ListBucket"])", objects), why);
  EXPECT_EQ(with(R"(["s3:GetObject","s3:ListBucket"])", both), "");
  EXPECT_EQ(with(R"(["s3:GetObject","s3:ListBucket"])", R"("arn:aws:s3:::sho*")"), "");
  EXPECT_EQ(with(R"("s3:GetObject")", R"("arn:aws:s3:::other/*")"), "Policy has invalid resource");
  EXPECT_EQ(with(R"("s3:GetObject")", R"("arn:aws:sqs:us-east-1:000000000000:shop")"), "Policy has invalid resource");
}

TEST(BucketPolicy, ConditionKeysAreKnown) {
  const auto on = [](std::string_view key, std::string_view action = R"("s3:*")") {
    return with(action, both, fmt::format(R"(,"Condition":{{"StringEquals":{{"{}":"x"}}}})", key));
  };
  for (const char* key : {"s3:ExistingObjectTag/security", "s3:RequestObjectTagKeys", "s3:x-amz-acl", "S3:Prefix",
                          "aws:PrincipalTag/team", "aws:SourceIp", "aws:ViaAWSMCPService", "aws:CalledViaAWSMCP",
                          "cognito-identity.amazonaws.com:sub"})
    EXPECT_EQ(on(key), "") << key;
  for (const char* key :
       {"s3:nosuchkey", "aws:nosuchkey", "s3:ExistingObjectTag/", "s3:ExistingObjectTag", "s3:prefix/x"})
    EXPECT_EQ(on(key), "Policy has an invalid condition key") << key;
}

TEST(BucketPolicy, ConditionKeysAreOfAllActions) {
  const auto on = [](std::string_view key, std::string_view action) {
    return with(action, both, fmt::format(R"(,"Condition":{{"StringEquals":{{"{}":"x"}}}})", key));
  };
  const std::pair<const char*, const char*> known[] = {{"s3:prefix", R"(["s3:ListBucket","s3:ListBucketVersions"])"},
                                                       {"s3:prefix", R"("s3:*")"},
                                                       {"s3:ExistingObjectTag/a", R"("s3:GetObjectAttributes")"},
                                                       {"s3:ExistingObjectTag/a", R"("s3:DeleteObjectTagging")"},
                                                       {"s3:ExistingObjectTag/a", R"("s3:Get*")"},
                                                       {"s3:RequestObjectTag/a", R"("s3:PutObject")"},
                                                       {"s3:x-amz-acl", R"(["s3:PutObject","s3:PutObjectAcl"])"},
                                                       {"s3:x-amz-storage-class", R"("s3:PutObject")"}};
  for (const auto& [key, action] : known) EXPECT_EQ(on(key, action), "") << key << " " << action;
  const std::pair<const char*, const char*> unknown[] = {
      {"s3:prefix", R"("s3:GetObject")"},
      {"s3:prefix", R"(["s3:GetObject","s3:ListBucket"])"},
      {"s3:ExistingObjectTag/a", R"("s3:PutObject")"},
      {"s3:ExistingObjectTag/a", R"(["s3:DeleteObject","s3:DeleteObjectTagging"])"},
      {"s3:existingobjecttag/a", R"("S3:getobjectretention")"},
      {"s3:RequestObjectTag/a", R"(["s3:PutObjectAcl","s3:PutObjectTagging"])"},
      {"s3:x-amz-copy-source", R"(["s3:GetObject","s3:PutObject"])"},
      {"s3:x-amz-server-side-encryption", R"(["s3:GetObjectVersion","s3:PutObject"])"}};
  for (const auto& [key, action] : unknown) {
    EXPECT_EQ(on(key, action), "Conditions do not apply to combination of actions and resources in statement")
        << key << " " << action;
  }
}

TEST(BucketPolicy, CanonicalUsersAreAccounts) {
  const auto allows = [](const std::string& id) {
    return refusal_of(
        fmt::format(R"("Principal":{{"CanonicalUser":"{}"}},"Action":"s3:GetObject","Resource":{})", id, objects));
  };
  EXPECT_EQ(allows(canonical_id("111122223333")), "");
  EXPECT_EQ(allows(std::string(64, '0')), "Invalid principal in policy");
}

TEST(CanonicalId, LeadsBackToItsAccount) {
  for (const char* account : {"000000000000", "111122223333", "999999999999"}) {
    const std::string id = canonical_id(account);
    EXPECT_EQ(id.size(), 64u);
    EXPECT_EQ(account_of_canonical_id(id), account);
    std::string other = id;
    other.back() = other.back() == '0' ? '1' : '0';
    EXPECT_EQ(account_of_canonical_id(other), std::nullopt);
  }
  for (const std::string& text : {std::string(), std::string("junk"), std::string(64, 'f'), std::string(63, '0')})
    EXPECT_EQ(account_of_canonical_id(text), std::nullopt);
}

}  // namespace
}  // namespace boreal::s3
