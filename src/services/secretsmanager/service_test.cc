#include "secretsmanager/service.h"

#include <gtest/gtest.h>

#include <ranges>

#include "base/text.h"
#include "codec/base64.h"
#include "secretsmanager/labels.h"
#include "secretsmanager/testing.h"
#include "store/testing.h"

namespace boreal::secretsmanager {
namespace {

constexpr const char* canary = "canary-7f3a91c2-value";

TEST_F(SecretsTest, ASecretIsFoundByNameArnAndPartialArn) {
  const auto made = create("prod/db");
  const std::string prefix = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/db";
  EXPECT_TRUE(made.arn->starts_with(prefix + "-"));
  EXPECT_EQ(made.arn->size(), prefix.size() + 7);
  EXPECT_EQ(made.version_id, token(1));
  EXPECT_EQ(get("prod/db"), "v1");
  EXPECT_EQ(get(*made.arn), "v1");
  EXPECT_EQ(get(prefix), "v1");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = prefix + "-AAAAAA"}),
            "ResourceNotFoundException");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "other"}),
            "ResourceNotFoundException");
  EXPECT_EQ(code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "prod/db"}),
            "ResourceExistsException");
  EXPECT_EQ(code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "a b"}), "ValidationException");
}

TEST_F(SecretsTest, ASecretMayGetItsFirstValueLater) {
  const auto made =
      good<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "empty", .description = "later"});
  EXPECT_FALSE(made.version_id);
  EXPECT_FALSE(describe("empty").version_ids_to_stages);
  fixture.clock.advance(std::chrono::seconds(10));  // a newer one would be waited for
  EXPECT_EQ(bad<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "empty"}).message,
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT");
  EXPECT_EQ(put("empty", 1, Labels{"mine"}).version_stages, (Labels{"AWSCURRENT", "mine"}))
      << "the first version is the current one";
  EXPECT_EQ(describe("empty").description, "later");
}

TEST_F(SecretsTest, LabelsMoveWithNewVersions) {
  create("s");
  EXPECT_EQ(put("s", 2).version_stages, Labels{"AWSCURRENT"});
  EXPECT_EQ(get("s"), "v2");
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v1");
  EXPECT_EQ(put("s", 3, Labels{"AWSPENDING"}).version_stages, Labels{"AWSPENDING"});
  EXPECT_EQ(get("s"), "v2");
  EXPECT_EQ(get("s", "AWSPENDING"), "v3");
  const auto move = [&](std::optional<std::string> from, std::optional<std::string> to) {
    return code<UpdateSecretVersionStageResponse>(
        "UpdateSecretVersionStage",
        UpdateSecretVersionStageRequest{
            .secret_id = "s", .version_stage = "AWSCURRENT", .remove_from_version_id = from, .move_to_version_id = to});
  };
  EXPECT_EQ(move({}, token(3)), "InvalidParameterException") << "must say where it is";
  EXPECT_EQ(move(token(1), token(3)), "InvalidParameterException") << "it is not there";
  EXPECT_EQ(move(token(2), {}), "InvalidParameterException") << "it cannot be taken away";
  EXPECT_EQ(move(token(2), token(9)), "ResourceNotFoundException");
  EXPECT_EQ(move(token(2), token(3)), "");
  EXPECT_EQ(get("s"), "v3");
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v2");
  EXPECT_EQ(move(token(3), token(2)), "") << "and back";
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v3");
  auto versions =
      *good<ListSecretVersionIdsResponse>("ListSecretVersionIds", ListSecretVersionIdsRequest{.secret_id = "s"})
           .versions;
  EXPECT_EQ(versions.size(), 2U);
  versions = *good<ListSecretVersionIdsResponse>(
                  "ListSecretVersionIds", ListSecretVersionIdsRequest{.secret_id = "s", .include_deprecated = true})
                  .versions;
  EXPECT_EQ(versions.size(), 3U);
}

TEST_F(SecretsTest, ARotationThatIsOverIsPendingNoMore) {
  create("s");
  put("s", 2, Labels{"AWSPENDING"});
  good<UpdateSecretVersionStageResponse>("UpdateSecretVersionStage",
                                         UpdateSecretVersionStageRequest{.secret_id = "s",
                                                                         .version_stage = "AWSCURRENT",
                                                                         .remove_from_version_id = token(1),
                                                                         .move_to_version_id = token(2)});
  EXPECT_EQ(get("s", "AWSPENDING"), "v2") << "as long as it is the current one";
  put("s", 3);
  const auto stages = *describe("s").version_ids_to_stages;
  EXPECT_EQ(stages.at(token(2)), Labels{"AWSPREVIOUS"});
  EXPECT_EQ(stages.at(token(3)), Labels{"AWSCURRENT"});
  put("s", 4, Labels{"AWSPENDING"});
  put("s", 5);
  EXPECT_EQ(get("s", "AWSPENDING"), "v4") << "another rotation goes on";
}

// Against a literal model: which version each label is on.
TEST(Labels, FollowAModelThroughRandomMoves) {
  SeededRandom random(7);
  const Labels names = {"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "blue", "green"};
  for (int round = 0; round < 200; ++round) {
    Secret secret;
    std::map<std::string, std::string> model;
    for (int step = 0; step < 40; ++step) {
      const std::string label = names[random.below(names.size())];
      const std::string version = "v" + std::to_string(random.below(6));
      const std::string before = model.contains("AWSCURRENT") ? model["AWSCURRENT"] : "";
      if (random.below(2) == 0) {
        ASSERT_TRUE(label_new_version(secret, "n" + std::to_string(step), {label}));
        const std::string made = "n" + std::to_string(step);
        model[label] = made;
        if (before.empty()) {
          model["AWSCURRENT"] = made;
          if (label == "AWSPREVIOUS") model.erase(label);  // there is none before the first
        } else if (label == "AWSCURRENT") {
          model["AWSPREVIOUS"] = before;
          if (model.contains("AWSPENDING") && model["AWSPENDING"] == before) model.erase("AWSPENDING");
        }
      } else {
        const std::string from = model.contains(label) ? model[label] : "";
        const auto moved = move_label(secret, label, from.empty() ? std::nullopt : std::optional(from), version);
        ASSERT_TRUE(moved) << moved.error().message;
        if (from == version) continue;
        model[label] = version;
        if (label == "AWSCURRENT" && !from.empty()) model["AWSPREVIOUS"] = from;
        if (label == "AWSCURRENT" && model.contains("AWSPREVIOUS") && model["AWSPREVIOUS"] == version)
          model.erase("AWSPREVIOUS");
      }
      ASSERT_EQ(secret.labels, model) << "round " << round << " step " << step;
    }
  }
}

TEST(Labels, AVersionHasAtMostTwenty) {
  Secret secret;
  Labels labels = {"AWSCURRENT"};
  for (int i = 0; i < 19; ++i) labels.push_back("l" + std::to_string(i));
  EXPECT_TRUE(label_new_version(secret, "v", labels));
  EXPECT_EQ(move_label(secret, "more", {}, "v").error().code, "LimitExceededException");
}

TEST_F(SecretsTest, TokensMakeAVersionOnce) {
  create("s");
  put("s", 2);
  put("s", 3);
  EXPECT_EQ(put("s", 2).version_id, token(2)) << "the same again changes nothing";
  EXPECT_EQ(get("s"), "v3");
  EXPECT_EQ(code<PutSecretValueResponse>(
                "PutSecretValue",
                PutSecretValueRequest{.secret_id = "s", .client_request_token = token(2), .secret_string = "other"}),
            "ResourceExistsException");
  EXPECT_EQ(code<PutSecretValueResponse>("PutSecretValue", PutSecretValueRequest{.secret_id = "s"}),
            "InvalidRequestException");
  EXPECT_EQ(code<PutSecretValueResponse>(
                "PutSecretValue",
                PutSecretValueRequest{.secret_id = "s", .secret_binary = codec::Blob{"x"}, .secret_string = "x"}),
            "InvalidParameterException");
  EXPECT_EQ(code<PutSecretValueResponse>(
                "PutSecretValue", PutSecretValueRequest{.secret_id = "s", .secret_string = std::string(65'537, 'x')}),
            "InvalidParameterException");
}

TEST_F(SecretsTest, OldVersionsWithoutLabelsGo) {
  create("s");
  for (int i = 2; i <= 130; ++i) put("s", i);
  const auto count = [&] { return fixture.catalog().scan(partition_of(account, "us-east-1"), "version/")->size(); };
  EXPECT_EQ(count(), 130U) << "none is a day old";
  fixture.clock.advance(std::chrono::hours(25));
  put("s", 131);
  EXPECT_EQ(count(), 100U);
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v130");
}

TEST_F(SecretsTest, ASecretHasSoManyVersionsAndNoMore) {
  create("s");
  for (int i = 2; i <= 200; ++i) put("s", i);
  const PutSecretValueRequest one_more{.secret_id = "s", .client_request_token = token(201), .secret_string = "x"};
  EXPECT_EQ(code<PutSecretValueResponse>("PutSecretValue", one_more), "LimitExceededException");
  EXPECT_EQ(get("s"), "v200");
  fixture.clock.advance(std::chrono::hours(25));
  EXPECT_EQ(code<PutSecretValueResponse>("PutSecretValue", one_more), "");
}

TEST_F(SecretsTest, BinaryValuesComeBackAsTheyWere) {
  good<CreateSecretResponse>("CreateSecret",
                             CreateSecretRequest{.name = "b", .secret_binary = codec::Blob{std::string("\0\xff", 2)}});
  const auto out = good<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "b"});
  EXPECT_EQ(out.secret_binary->bytes, std::string("\0\xff", 2));
  EXPECT_FALSE(out.secret_string);
}

TEST_F(SecretsTest, AValueIsReadWhereNothingCanBeWritten) {
  create("s");
  store::FillingStore disk(fixture.store());
  store::Catalog catalog(disk);
  Service full({catalog, fixture.clock, fixture.random, fixture.context().loop, fixture.context().pool}, *keys);
  disk.is_full = true;
  const auto read =
      fixture.call<GetSecretValueResponse>(full, "GetSecretValue", GetSecretValueRequest{.secret_id = "s"});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->secret_string, "v1");
}

TEST_F(SecretsTest, NoValueLiesInTheStoreInClear) {
  create("s", canary);
  good<UpdateSecretResponse>("UpdateSecret",
                             UpdateSecretRequest{.secret_id = "s", .secret_string = std::string(canary) + "2"});
  const auto partitions = *fixture.store().partitions();
  ASSERT_EQ(partitions.size(), 2U);
  for (const auto& partition : partitions) {
    const auto items = *fixture.catalog().scan(partition, "");
    for (const auto& [path, value] : items) {
      EXPECT_EQ(value.find(canary), std::string::npos) << path;
      EXPECT_EQ(value.find(codec::base64_encode(std::string_view(canary)).substr(0, 20)), std::string::npos) << path;
    }
  }
}

TEST_F(SecretsTest, SecretsOutliveTheService) {
  create("s");
  put("s", 2);
  reopen();
  EXPECT_EQ(get("s"), "v2");
  EXPECT_EQ(get("s", "AWSPREVIOUS"), "v1");
}

TEST_F(SecretsTest, DeletionWaitsItsWindowAndCanBeTakenBack) {
  const auto made = create("s");
  const auto remove = [&](std::optional<int64_t> window, std::optional<bool> force = {}) {
    return DeleteSecretRequest{
        .secret_id = "s", .recovery_window_in_days = window, .force_delete_without_recovery = force};
  };
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", remove(6)), "InvalidParameterException");
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", remove(7, true)), "InvalidParameterException");
  EXPECT_EQ(*good<DeleteSecretResponse>("DeleteSecret", remove(7)).deletion_date - fixture.clock.now(), days(7));
  const auto refused = bad<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"});
  EXPECT_EQ(refused.code, "InvalidRequestException");
  EXPECT_NE(refused.message.find("because it was marked for deletion"), std::string::npos);
  EXPECT_NE(bad<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "s"})
                .message.find("already scheduled for deletion"),
            std::string::npos);
  EXPECT_TRUE(describe("s").deleted_date);
  EXPECT_EQ(good<ListSecretsResponse>("ListSecrets", ListSecretsRequest{}).secret_list->size(), 0U);
  EXPECT_EQ(good<ListSecretsResponse>("ListSecrets", ListSecretsRequest{.include_planned_deletion = true})
                .secret_list->size(),
            1U);
  good<RestoreSecretResponse>("RestoreSecret", RestoreSecretRequest{.secret_id = "s"});
  EXPECT_EQ(get("s"), "v1");
  good<DeleteSecretResponse>("DeleteSecret", remove(7));
  fixture.clock.advance(days(7) - Duration(1));
  work();
  EXPECT_TRUE(describe("s").deleted_date);
  reopen();
  fixture.clock.advance(Duration(1));
  work();
  EXPECT_EQ(code<DescribeSecretResponse>("DescribeSecret", DescribeSecretRequest{.secret_id = "s"}),
            "ResourceNotFoundException");
  EXPECT_EQ(fixture.catalog().scan(partition_of(account, "us-east-1"), "")->size(), 0U);
  EXPECT_NE(create("s").arn, made.arn);
  good<DeleteSecretResponse>("DeleteSecret", remove({}, true));
  EXPECT_EQ(code<DescribeSecretResponse>("DescribeSecret", DescribeSecretRequest{.secret_id = "s"}),
            "ResourceNotFoundException");
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", remove({}, true)), "") << "what is not there is deleted";
  EXPECT_EQ(code<DeleteSecretResponse>("DeleteSecret", remove({})), "ResourceNotFoundException");
}

TEST_F(SecretsTest, ListsAreFilteredSortedAndPaged) {
  for (int i = 0; i < 5; ++i) {
    good<CreateSecretResponse>(
        "CreateSecret", CreateSecretRequest{.name = "app/" + std::to_string(i),
                                            .description = i % 2 ? "Database login" : "api token",
                                            .tags = std::vector<Tag>{{.key = "env", .value = i < 2 ? "prod" : "dev"}}});
    fixture.clock.advance(Duration(1000));
  }
  const auto names = [&](std::vector<Filter> filters) {
    std::string all;
    for (const auto& entry :
         *good<ListSecretsResponse>(
              "ListSecrets", ListSecretsRequest{.filters = std::move(filters), .sort_order = "asc", .sort_by = "name"})
              .secret_list) {
      all += entry.name->substr(4);
    }
    return all;
  };
  EXPECT_EQ(names({}), "01234");
  EXPECT_EQ(names({{.key = "name", .values = Labels{"app/1", "app/3"}}}), "13");
  EXPECT_EQ(names({{.key = "name", .values = Labels{"App"}}}), "");
  EXPECT_EQ(names({{.key = "description", .values = Labels{"database"}}}), "13");
  EXPECT_EQ(names({{.key = "tag-value", .values = Labels{"pro"}}}), "01");
  EXPECT_EQ(names({{.key = "tag-value", .values = Labels{"!pro"}}}), "234");
  EXPECT_EQ(names({{.key = "tag-key", .values = Labels{"env"}}, {.key = "description", .values = Labels{"api"}}}),
            "024");
  EXPECT_EQ(names({{.key = "all", .values = Labels{"LOGIN"}}}), "13");
  std::string paged;
  ListSecretsRequest input{.max_results = 2};
  do {
    const auto page = good<ListSecretsResponse>("ListSecrets", input);
    EXPECT_LE(page.secret_list->size(), 2U);
    for (const auto& entry : *page.secret_list) paged += entry.name->substr(4);
    input.next_token = page.next_token;
  } while (input.next_token);
  EXPECT_EQ(paged, "43210") << "newest first";
  EXPECT_EQ(code<ListSecretsResponse>("ListSecrets", ListSecretsRequest{.next_token = "?"}),
            "InvalidNextTokenException");
}

TEST_F(SecretsTest, PagesGoOnWhereASecretWentMeanwhile) {
  for (const char* name : {"a", "b", "c", "d"}) create(name);
  const auto page = [&](std::optional<std::string> token) {
    return good<ListSecretsResponse>(
        "ListSecrets",
        ListSecretsRequest{.max_results = 2, .next_token = std::move(token), .sort_order = "asc", .sort_by = "name"});
  };
  const auto first = page({});
  good<DeleteSecretResponse>("DeleteSecret",
                             DeleteSecretRequest{.secret_id = "c", .force_delete_without_recovery = true});
  const auto second = page(first.next_token);
  ASSERT_EQ(second.secret_list->size(), 1U);
  EXPECT_EQ(second.secret_list->front().name, "d");
}

TEST_F(SecretsTest, ABatchTellsWhatItCouldNotRead) {
  create("a");
  create("b");
  const auto out = good<BatchGetSecretValueResponse>(
      "BatchGetSecretValue", BatchGetSecretValueRequest{.secret_id_list = Labels{"a", "b", "c"}});
  EXPECT_EQ(out.secret_values->size(), 2U);
  ASSERT_EQ(out.errors->size(), 1U);
  EXPECT_EQ(out.errors->front().error_code, "ResourceNotFoundException");
  EXPECT_EQ(code<BatchGetSecretValueResponse>("BatchGetSecretValue", BatchGetSecretValueRequest{}),
            "InvalidParameterException");
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:BatchGetSecretValue","Resource":"*"},)"
     R"({"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:us-east-1:000000000000:secret:a-??????"}]})");
  const auto bobs = good<BatchGetSecretValueResponse>("BatchGetSecretValue",
                                                      BatchGetSecretValueRequest{.secret_id_list = Labels{"a", "b"}});
  EXPECT_EQ(bobs.secret_values->size(), 1U);
  EXPECT_EQ(bobs.errors->at(0).error_code, "AccessDeniedException");
}

TEST_F(SecretsTest, PasswordsHoldWhatIsAsked) {
  const auto ask = [&](GetRandomPasswordRequest input) {
    return *good<GetRandomPasswordResponse>("GetRandomPassword", std::move(input)).random_password;
  };
  EXPECT_EQ(ask({}).size(), 32U);
  for (int i = 0; i < 50; ++i) {
    const auto four = ask({.password_length = 4});
    EXPECT_TRUE(std::ranges::any_of(four, is_digit)) << four;
  }
  const auto digits = ask({.password_length = 200,
                           .exclude_characters = "01",
                           .exclude_punctuation = true,
                           .exclude_uppercase = true,
                           .exclude_lowercase = true});
  EXPECT_EQ(digits.find_first_not_of("23456789"), std::string::npos);
  EXPECT_EQ(code<GetRandomPasswordResponse>("GetRandomPassword", GetRandomPasswordRequest{.password_length = 3}),
            "InvalidParameterException");
  EXPECT_EQ(code<GetRandomPasswordResponse>("GetRandomPassword", GetRandomPasswordRequest{.exclude_numbers = true,
                                                                                          .exclude_punctuation = true,
                                                                                          .exclude_uppercase = true,
                                                                                          .exclude_lowercase = true}),
            "InvalidParameterException");
}

TEST_F(SecretsTest, PoliciesDecideWhoReads) {
  const std::string arn = *create("s").arn;
  be("bob");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "AccessDeniedException");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "none"}),
            "AccessDeniedException");
  be_root();
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/bob"},)"
      R"("Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}}]})";
  good<PutResourcePolicyResponse>("PutResourcePolicy",
                                  PutResourcePolicyRequest{.secret_id = "s", .resource_policy = policy});
  EXPECT_EQ(
      good<GetResourcePolicyResponse>("GetResourcePolicy", GetResourcePolicyRequest{.secret_id = "s"}).resource_policy,
      policy);
  be("bob");
  EXPECT_EQ(get("s", "AWSCURRENT"), "v1");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "AccessDeniedException");
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]})",
     "111111111111");
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = arn}),
            "AccessDeniedException")
      << "another account";
  be_root();
  good<DeleteResourcePolicyResponse>("DeleteResourcePolicy", DeleteResourcePolicyRequest{.secret_id = "s"});
  EXPECT_FALSE(
      good<GetResourcePolicyResponse>("GetResourcePolicy", GetResourcePolicyRequest{.secret_id = "s"}).resource_policy);
  const std::string everyone =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]})";
  EXPECT_EQ(code<PutResourcePolicyResponse>(
                "PutResourcePolicy",
                PutResourcePolicyRequest{.secret_id = "s", .resource_policy = everyone, .block_public_policy = true}),
            "PublicPolicyException");
  const auto passes = [&](const std::string& condition) {
    const std::string conditional = everyone.substr(0, everyone.size() - 3) + R"(,"Condition":)" + condition + "}]}";
    return good<ValidateResourcePolicyResponse>("ValidateResourcePolicy",
                                                ValidateResourcePolicyRequest{.resource_policy = conditional})
        .policy_validation_passed;
  };
  for (const char* somebody : {R"({"StringEquals":{"aws:SourceVpce":"vpce-1"}})",
                               R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/*"}})",
                               R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"})
    EXPECT_EQ(passes(somebody), true) << somebody;
  for (const char* anybody :
       {R"({"StringLike":{"aws:PrincipalAccount":"*"}})", R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}})",
        R"({"StringEquals":{"aws:PrincipalAccount":["111111111111","${aws:PrincipalAccount}"]}})",
        R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}})", R"({"Null":{"aws:SourceVpce":"true"}})",
        R"({"StringNotEquals":{"aws:SourceVpce":"v"}})",
        R"({"ForAllValues:StringEquals":{"aws:SourceVpce":"vpce-1"}})"})
    EXPECT_EQ(passes(anybody), false) << anybody;
  EXPECT_EQ(code<PutResourcePolicyResponse>("PutResourcePolicy",
                                            PutResourcePolicyRequest{.secret_id = "s", .resource_policy = "{"}),
            "MalformedPolicyDocumentException");
  EXPECT_EQ(good<ValidateResourcePolicyResponse>("ValidateResourcePolicy",
                                                 ValidateResourcePolicyRequest{.resource_policy = everyone})
                .policy_validation_passed,
            false);
  EXPECT_EQ(good<ValidateResourcePolicyResponse>("ValidateResourcePolicy",
                                                 ValidateResourcePolicyRequest{.resource_policy = policy})
                .policy_validation_passed,
            true);
}

TEST_F(SecretsTest, ACustomersKeyMustAllowItsUse) {
  const auto key =
      *fixture.call<api::kms::CreateKeyResponse>(*keys, "CreateKey", api::kms::CreateKeyRequest{})->key_metadata;
  good<CreateSecretResponse>("CreateSecret",
                             CreateSecretRequest{.name = "s", .kms_key_id = key.key_id, .secret_string = "x"});
  EXPECT_EQ(describe("s").kms_key_id, key.key_id);
  EXPECT_EQ(get("s"), "x");
  const std::string secrets_only =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]})";
  be("bob", secrets_only);
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "AccessDeniedException")
      << "no kms:Decrypt";
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","kms:Decrypt"],"Resource":"*"}]})");
  EXPECT_EQ(get("s"), "x");
  be_root();
  ASSERT_TRUE(
      fixture.call<api::kms::DisableKeyOutput>(*keys, "DisableKey", api::kms::DisableKeyRequest{.key_id = key.key_id}));
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "DecryptionFailure");
  EXPECT_EQ(code<CreateSecretResponse>(
                "CreateSecret", CreateSecretRequest{.name = "t", .kms_key_id = "alias/none", .secret_string = "x"}),
            "EncryptionFailure");
  ASSERT_TRUE(
      fixture.call<api::kms::EnableKeyOutput>(*keys, "EnableKey", api::kms::EnableKeyRequest{.key_id = key.key_id}));
  good<UpdateSecretResponse>("UpdateSecret",
                             UpdateSecretRequest{.secret_id = "s", .kms_key_id = "alias/aws/secretsmanager"});
  ASSERT_TRUE(
      fixture.call<api::kms::DisableKeyOutput>(*keys, "DisableKey", api::kms::DisableKeyRequest{.key_id = key.key_id}));
  EXPECT_EQ(get("s"), "x") << "sealed anew under the other key";
}

TEST_F(SecretsTest, ASecretWhoseKeyIsGoneIsGivenAnother) {
  const auto make_key = [&] {
    return *fixture.call<api::kms::CreateKeyResponse>(*keys, "CreateKey", api::kms::CreateKeyRequest{})
                ->key_metadata->arn;
  };
  const auto lost = make_key();
  const auto other = make_key();
  good<CreateSecretResponse>("CreateSecret",
                             CreateSecretRequest{.name = "s", .kms_key_id = lost, .secret_string = "v1"});
  ASSERT_TRUE(fixture.call<api::kms::ScheduleKeyDeletionResponse>(
      *keys, "ScheduleKeyDeletion", api::kms::ScheduleKeyDeletionRequest{.key_id = lost, .pending_window_in_days = 7}));
  fixture.clock.advance(days(8));
  ASSERT_TRUE(fixture.run(keys->do_what_is_due()));
  EXPECT_EQ(
      code<PutSecretValueResponse>("PutSecretValue", PutSecretValueRequest{.secret_id = "s", .secret_string = "v2"}),
      "EncryptionFailure");
  EXPECT_EQ(
      code<UpdateSecretResponse>("UpdateSecret", UpdateSecretRequest{.secret_id = "s", .kms_key_id = "alias/none"}),
      "EncryptionFailure");
  EXPECT_EQ(describe("s").kms_key_id, lost);
  good<UpdateSecretResponse>("UpdateSecret", UpdateSecretRequest{.secret_id = "s", .kms_key_id = other});
  EXPECT_EQ(describe("s").kms_key_id, other);
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "DecryptionFailure");
  put("s", 2);
  EXPECT_EQ(get("s"), "v2");
}

TEST_F(SecretsTest, WhoMayNotOpenAVersionLeavesItUnderTheKeyThatItHas) {
  const auto key =
      *fixture.call<api::kms::CreateKeyResponse>(*keys, "CreateKey", api::kms::CreateKeyRequest{})->key_metadata->arn;
  good<CreateSecretResponse>("CreateSecret",
                             CreateSecretRequest{.name = "s", .kms_key_id = key, .secret_string = "v1"});
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]})");
  good<UpdateSecretResponse>("UpdateSecret", UpdateSecretRequest{.secret_id = "s", .kms_key_id = ""});
  EXPECT_EQ(code<GetSecretValueResponse>("GetSecretValue", GetSecretValueRequest{.secret_id = "s"}),
            "AccessDeniedException")
      << "it is still sealed by the key that bob may not use";
  be_root();
  EXPECT_EQ(get("s"), "v1");
}

TEST_F(SecretsTest, RotationByLambdaIsRefused) {
  create("s");
  const auto refused = bad<RotateSecretResponse>(
      "RotateSecret",
      RotateSecretRequest{.secret_id = "s", .rotation_lambda_arn = "arn:aws:lambda:us-east-1:000000000000:function:f"});
  EXPECT_EQ(refused.code, "InvalidRequestException");
  EXPECT_NE(refused.message.find("does not serve rotation by Lambda"), std::string::npos);
  EXPECT_EQ(good<CancelRotateSecretResponse>("CancelRotateSecret", CancelRotateSecretRequest{.secret_id = "s"}).name,
            "s");
}

TEST_F(SecretsTest, TagsWantTheirOwnPermission) {
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:CreateSecret","Resource":"*"}]})");
  EXPECT_EQ(code<CreateSecretResponse>("CreateSecret", CreateSecretRequest{.name = "plain"}), "");
  EXPECT_EQ(
      code<CreateSecretResponse>(
          "CreateSecret", CreateSecretRequest{.name = "tagged", .tags = std::vector<Tag>{{.key = "a", .value = "b"}}}),
      "AccessDeniedException");
  be_root();
  good<TagResourceOutput>("TagResource",
                          TagResourceRequest{.secret_id = "plain", .tags = {{.key = "a", .value = "b"}}});
  EXPECT_EQ(describe("plain").tags->size(), 1U);
  good<UntagResourceOutput>("UntagResource", UntagResourceRequest{.secret_id = "plain", .tag_keys = {"a"}});
  EXPECT_EQ(describe("plain").tags->size(), 0U);
}

TEST_F(SecretsTest, OtherServicesReadTheCurrentValue) {
  const std::string arn = *create("s").arn;
  put("s", 2);
  EXPECT_EQ(*fixture.run(service->value(nullptr, account, "us-east-1", arn)), "v2");
  EXPECT_EQ(fixture.run(service->value(nullptr, "111111111111", "us-east-1", arn)).error().code,
            "ResourceNotFoundException");
}

TEST_F(SecretsTest, ADamagedSecretHoldsUpNoOther) {
  create("kept");
  create("leaves");
  good<DeleteSecretResponse>("DeleteSecret", DeleteSecretRequest{.secret_id = "leaves", .recovery_window_in_days = 7});
  for (const char* of : {account, "000000000000/and-before-it"}) {
    store::Batch batch(partition_of(of, "us-east-1"));
    batch.put(secret_path("damaged"), "{");
    ASSERT_TRUE(fixture.run(fixture.store().commit(std::move(batch))));
  }
  fixture.clock.advance(days(7));
  work();
  EXPECT_EQ(code<DescribeSecretResponse>("DescribeSecret", DescribeSecretRequest{.secret_id = "leaves"}),
            "ResourceNotFoundException");
  EXPECT_EQ(get("kept"), "v1");
}

}  // namespace
}  // namespace boreal::secretsmanager
