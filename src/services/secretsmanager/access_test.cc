// Who gets at which secret while things change behind a call.
#include <gtest/gtest.h>

#include "aws/testing.h"
#include "crypto/sealer.h"
#include "kms/service.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {
namespace {

using namespace api::secretsmanager;

constexpr const char* account = "000000000000";
constexpr const char* here = "us-east-1";

class SecretAccessTest : public testing::Test {
 protected:
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    const auto out = fixture.call<Out>(service, operation, std::move(input));
    return out ? "" : out.error().code;
  }
  void create(const std::string& name) {
    ASSERT_EQ(code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = name, .secret_string = "v"}), "");
  }
  // Deleted, and made anew under its name.
  Task<void> make_anew(std::string name) {
    auto tx = co_await fixture.catalog().begin(partition_of(account, here));
    auto secret = *store::decode<Secret>(**tx.get(secret_path(name)));
    const auto versions = *tx.scan(versions_path(secret.id));
    for (const auto& [path, text] : versions) {
      tx.remove(path);
      const auto version = *store::decode<Version>(text);
      tx.put(version_path("other", version.id), text);
    }
    secret.id = "other";
    tx.put(secret_path(name), store::encode(secret));
    EXPECT_TRUE(co_await tx.commit());
  }

  aws::CallFixture fixture;
  kms::Service keys{fixture.context(),
                    *crypto::Sealer::derive(*crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef")),
                                            "kms", fixture.random)};
  Service service{fixture.context(), keys};
};

TEST_F(SecretAccessTest, ACallIsNotAboutASecretThatWasMadeAnewSincePoliciesWereAsked) {
  const auto behind = [&]<class Out, class In>(std::string_view operation, In input, Out) {
    create("s" + std::string(operation));
    input.secret_id = "s" + std::string(operation);
    fixture.meanwhile = [this, name = input.secret_id] { return make_anew(name); };
    return code<Out>(operation, std::move(input));
  };
  const std::string gone = "ResourceNotFoundException";
  EXPECT_EQ(behind("GetSecretValue", GetSecretValueRequest{}, GetSecretValueResponse{}), gone);
  EXPECT_EQ(behind("DescribeSecret", DescribeSecretRequest{}, DescribeSecretResponse{}), gone);
  EXPECT_EQ(behind("GetResourcePolicy", GetResourcePolicyRequest{}, GetResourcePolicyResponse{}), gone);
  EXPECT_EQ(behind("DeleteSecret", DeleteSecretRequest{}, DeleteSecretResponse{}), gone);
  EXPECT_EQ(behind("UpdateSecret", UpdateSecretRequest{.description = "x"}, UpdateSecretResponse{}), gone);
  EXPECT_EQ(behind("PutSecretValue", PutSecretValueRequest{.secret_string = "x"}, PutSecretValueResponse{}), gone);
}

TEST_F(SecretAccessTest, ABatchReadsNoSecretThatWasMadeAnewSincePoliciesWereAsked) {
  create("s");
  // Of the batch itself policies are asked first.
  fixture.meanwhile = [&]() -> Task<void> {
    fixture.meanwhile = [&] { return make_anew("s"); };
    co_return;
  };
  const auto out = fixture.call<BatchGetSecretValueResponse>(
      service, "BatchGetSecretValue", BatchGetSecretValueRequest{.secret_id_list = std::vector<std::string>{"s"}});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(out->secret_values->empty());
  ASSERT_EQ(out->errors->size(), 1U);
  EXPECT_EQ(out->errors->front().error_code, "ResourceNotFoundException");
}

TEST_F(SecretAccessTest, ACopyDoesNotOverwriteWhatAnotherServiceKeeps) {
  const std::string name = "rds!cluster-1";
  const aws::ManagedSecret managed{.owner = "rds", .name = name, .description = "", .kms_key_id = "", .tags = {}};
  ASSERT_TRUE(fixture.run(service.put_managed(account, "eu-west-1", managed, "kept")));
  ASSERT_EQ(
      code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = name,
                                                                     .secret_string = "v",
                                                                     .add_replica_regions = {{{.region = "eu-west-1"}}},
                                                                     .force_overwrite_replica_secret = true}),
      "");
  ASSERT_TRUE(fixture.run(service.do_what_is_due()));
  const auto shown =
      fixture.call<DescribeSecretResponse>(service, "DescribeSecret", DescribeSecretRequest{.secret_id = name});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->replication_status->front().status, "Failed");
  const std::string arn = service.managed_arn(account, "eu-west-1", name);
  EXPECT_EQ(*fixture.run(service.value(nullptr, account, "eu-west-1", arn)), "kept");
}

TEST_F(SecretAccessTest, ACopyDoesNotOverwriteWhatHasCopiesItself) {
  const auto replicate = [&](const std::string& region) {
    return code<ReplicateSecretToRegionsResponse>(
        "ReplicateSecretToRegions",
        ReplicateSecretToRegionsRequest{
            .secret_id = "s", .add_replica_regions = {{.region = region}}, .force_overwrite_replica_secret = true});
  };
  const auto status = [&] {
    const auto shown =
        fixture.call<DescribeSecretResponse>(service, "DescribeSecret", DescribeSecretRequest{.secret_id = "s"});
    return shown && shown->replication_status ? shown->replication_status->front().status.value_or("") : "";
  };
  fixture.region = "eu-west-1";
  create("s");
  ASSERT_EQ(replicate("us-west-2"), "");
  fixture.region = here;
  create("s");
  ASSERT_EQ(replicate("eu-west-1"), "");
  ASSERT_TRUE(fixture.run(service.do_what_is_due()));
  EXPECT_EQ(status(), "Failed");
  fixture.region = "eu-west-1";
  EXPECT_EQ(status(), "InSync");
}

TEST_F(SecretAccessTest, WhatAServiceKeepsGoesWithItsCopiesAndNobodyElsesSecret) {
  const aws::ManagedSecret managed{
      .owner = "rds", .name = "rds!cluster-1", .description = "", .kms_key_id = "", .tags = {}};
  ASSERT_TRUE(fixture.run(service.put_managed(account, here, managed, "kept")));
  const ReplicateSecretToRegionsRequest replicate{.secret_id = managed.name,
                                                  .add_replica_regions = {{.region = "eu-west-1"}}};
  ASSERT_EQ(code<ReplicateSecretToRegionsResponse>("ReplicateSecretToRegions", replicate), "");
  ASSERT_TRUE(fixture.run(service.do_what_is_due()));
  create("rds!cluster-2");
  for (const char* name : {"rds!cluster-1", "rds!cluster-2"})
    EXPECT_TRUE(fixture.run(service.remove_managed(account, here, "rds", name)));
  const auto describe = [&](const std::string& name) {
    return code<DescribeSecretResponse>("DescribeSecret", DescribeSecretRequest{.secret_id = name});
  };
  EXPECT_EQ(describe("rds!cluster-1"), "ResourceNotFoundException");
  EXPECT_EQ(describe("rds!cluster-2"), "");
  fixture.region = "eu-west-1";
  EXPECT_EQ(describe("rds!cluster-1"), "ResourceNotFoundException");
}

TEST_F(SecretAccessTest, ACopyThatIsSetFreeIsItsUsers) {
  const std::string name = "rds!cluster-1";
  const aws::ManagedSecret managed{.owner = "rds",
                                   .name = name,
                                   .description = "",
                                   .kms_key_id = "",
                                   .tags = {{aws::owning_service_tag, "rds"}, {"team", "a"}}};
  ASSERT_TRUE(fixture.run(service.put_managed(account, "us-east-1", managed, "kept")));
  const ReplicateSecretToRegionsRequest replicate{.secret_id = name, .add_replica_regions = {{.region = "eu-west-1"}}};
  ASSERT_EQ(code<ReplicateSecretToRegionsResponse>("ReplicateSecretToRegions", replicate), "");
  ASSERT_TRUE(fixture.run(service.do_what_is_due()));
  fixture.region = "eu-west-1";
  const PutSecretValueRequest put{.secret_id = name, .secret_string = "x"};
  EXPECT_EQ(code<PutSecretValueResponse>("PutSecretValue", put), "InvalidRequestException");
  ASSERT_EQ(code<StopReplicationToReplicaResponse>("StopReplicationToReplica",
                                                   StopReplicationToReplicaRequest{.secret_id = name}),
            "");
  EXPECT_EQ(code<PutSecretValueResponse>("PutSecretValue", put), "");
  const auto shown =
      fixture.call<DescribeSecretResponse>(service, "DescribeSecret", DescribeSecretRequest{.secret_id = name});
  ASSERT_TRUE(shown);
  EXPECT_FALSE(shown->owning_service);
  EXPECT_EQ(shown->tags->size(), 1U);
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", DeleteSecretRequest{.secret_id = name}), "");
}

}  // namespace
}  // namespace boreal::secretsmanager
