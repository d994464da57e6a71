#include "base/text.h"
#include "secretsmanager/testing.h"

namespace boreal::secretsmanager {
namespace {

TEST_F(SecretsTest, CopiesFollowTheirSecret) {
  good<CreateSecretResponse>(
      "CreateSecret",
      CreateSecretRequest{.name = "s",
                          .client_request_token = token(1),
                          .secret_string = "v1",
                          .add_replica_regions = std::vector<ReplicaRegionType>{{.region = "eu-west-1"}}});
  EXPECT_EQ(describe("s").replication_status->at(0).status, "InProgress");
  work();
  EXPECT_EQ(describe("s").replication_status->at(0).status, "InSync");
  put("s", 2);
  reopen();
  work();
  fixture.region = "eu-west-1";
  EXPECT_EQ(get("s"), "v2");
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v1");
  EXPECT_EQ(describe("s").primary_region, "us-east-1");
  EXPECT_EQ(
      code<PutSecretValueResponse>("PutSecretValue", PutSecretValueRequest{.secret_id = "s", .secret_string = "x"}),
      "InvalidRequestException");
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", DeleteSecretRequest{.secret_id = "s"}),
            "InvalidRequestException");
  fixture.region = "us-east-1";
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", DeleteSecretRequest{.secret_id = "s"}),
            "InvalidRequestException")
      << "it has copies";
  good<RemoveRegionsFromReplicationResponse>(
      "RemoveRegionsFromReplication",
      RemoveRegionsFromReplicationRequest{.secret_id = "s", .remove_replica_regions = {"eu-west-1"}});
  EXPECT_FALSE(describe("s").replication_status);
  EXPECT_EQ(fixture.catalog().scan(partition_of(account, "eu-west-1"), "")->size(), 0U);
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", DeleteSecretRequest{.secret_id = "s"}), "");
}

TEST_F(SecretsTest, ACopyDoesNotOverwriteUnlessAskedTo) {
  fixture.region = "eu-west-1";
  create("s", "theirs");
  fixture.region = "us-east-1";
  create("s", "ours");
  const auto replicate = [&](bool force) {
    return ReplicateSecretToRegionsRequest{
        .secret_id = "s", .add_replica_regions = {{.region = "eu-west-1"}}, .force_overwrite_replica_secret = force};
  };
  good<ReplicateSecretToRegionsResponse>("ReplicateSecretToRegions", replicate(false));
  work();
  EXPECT_EQ(describe("s").replication_status->at(0).status, "Failed");
  good<ReplicateSecretToRegionsResponse>("ReplicateSecretToRegions", replicate(true));
  work();
  EXPECT_EQ(describe("s").replication_status->at(0).status, "InSync");
  fixture.region = "eu-west-1";
  EXPECT_EQ(get("s"), "ours");
  good<StopReplicationToReplicaResponse>("StopReplicationToReplica", StopReplicationToReplicaRequest{.secret_id = "s"});
  put("s", 2);
  EXPECT_EQ(get("s"), "v2") << "it stands alone";
  fixture.region = "us-east-1";
  EXPECT_FALSE(describe("s").replication_status);
  EXPECT_EQ(get("s"), "ours");
}

TEST_F(SecretsTest, WhoWantsCopiesMustBeAllowedTheirKeysAndTheSecrets) {
  const auto make_key = [&] {
    return *fixture.call<api::kms::CreateKeyResponse>(*keys, "CreateKey", api::kms::CreateKeyRequest{})
                ->key_metadata->arn;
  };
  const auto key = make_key();
  fixture.region = "eu-west-1";
  const auto key_there = make_key();
  fixture.principal = aws::root_principal("111111111111");
  const auto key_of_others = make_key();
  be_root();
  fixture.region = "us-east-1";
  good<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "s", .kms_key_id = key, .secret_string = "x"});
  create("plain");
  const auto replicate = [&](const std::string& id, std::optional<std::string> kms_key_id) {
    return code<ReplicateSecretToRegionsResponse>(
        "ReplicateSecretToRegions",
        ReplicateSecretToRegionsRequest{.secret_id = id,
                                        .add_replica_regions = {{.region = "eu-west-1", .kms_key_id = kms_key_id}}});
  };
  const auto allow = [&](const std::string& more) {
    be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*")" + more +
                  R"(],"Resource":"*"}]})");
  };
  allow("");
  EXPECT_EQ(replicate("s", {}), "AccessDeniedException") << "no kms:Decrypt for the secret's key";
  EXPECT_EQ(replicate("plain", key_there), "AccessDeniedException") << "no kms:GenerateDataKey for the copy's";
  EXPECT_EQ(code<CreateSecretResponse>(
                "CreateSecret",
                CreateSecretRequest{.name = "t",
                                    .secret_string = "x",
                                    .add_replica_regions = std::vector<ReplicaRegionType>{{.region = "eu-west-1",
                                                                                           .kms_key_id = key_there}}}),
            "AccessDeniedException");
  allow(R"(,"kms:Decrypt","kms:GenerateDataKey")");
  EXPECT_EQ(replicate("plain", key_of_others), "AccessDeniedException");
  EXPECT_EQ(replicate("s", key_there), "");
  EXPECT_EQ(replicate("plain", {}), "");
  work();
  EXPECT_EQ(describe("s").replication_status->at(0).status, "InSync");
}

TEST_F(SecretsTest, PoliciesAreToldWhereCopiesAreWanted) {
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*",)"
            R"("Condition":{"ForAllValues:StringLike":{"secretsmanager:AddReplicaRegions":"eu-*"}}}]})");
  const auto create_in = [&](const char* name, const char* region) {
    return code<CreateSecretResponse>(
        "CreateSecret",
        CreateSecretRequest{.name = name, .add_replica_regions = std::vector<ReplicaRegionType>{{.region = region}}});
  };
  EXPECT_EQ(code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "s"}), "");
  EXPECT_EQ(create_in("a", "ap-south-1"), "AccessDeniedException");
  EXPECT_EQ(create_in("a", "eu-west-1"), "");
  const auto replicate = [&](const char* region) {
    return code<ReplicateSecretToRegionsResponse>(
        "ReplicateSecretToRegions",
        ReplicateSecretToRegionsRequest{.secret_id = "s", .add_replica_regions = {{.region = region}}});
  };
  EXPECT_EQ(replicate("ap-south-1"), "AccessDeniedException");
  EXPECT_EQ(replicate("eu-west-1"), "");
}

}  // namespace
}  // namespace boreal::secretsmanager
