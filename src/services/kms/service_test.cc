#include "kms/service.h"

#include <algorithm>
#include <map>

#include "kms/ciphertext.h"
#include "kms/testing.h"

namespace boreal::kms {
namespace {

using std::chrono::days;

TEST_F(KmsTest, AKeyIsDescribedAsAwsDoes) {
  const auto made = *good<CreateKeyResponse>("CreateKey", CreateKeyRequest{.description = "mine"}).key_metadata;
  const auto key = describe(made.key_id);
  EXPECT_EQ(key.arn, "arn:aws:kms:us-east-1:000000000000:key/" + made.key_id);
  EXPECT_EQ(key.aws_account_id, account);
  EXPECT_EQ(key.enabled, true);
  EXPECT_EQ(key.key_state, "Enabled");
  EXPECT_EQ(key.key_manager, "CUSTOMER");
  EXPECT_EQ(key.origin, "AWS_KMS");
  EXPECT_EQ(key.key_usage, "ENCRYPT_DECRYPT");
  EXPECT_EQ(key.customer_master_key_spec, "SYMMETRIC_DEFAULT");
  EXPECT_EQ(key.multi_region, false);
  EXPECT_EQ(key.description, "mine");
  EXPECT_EQ(key.current_key_material_id, made.current_key_material_id);
  EXPECT_EQ(describe(*key.arn).key_id, made.key_id);
}

TEST_F(KmsTest, OnlySymmetricKeysAreMade) {
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.key_spec = "RSA_2048"}),
            "UnsupportedOperationException");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.key_usage = "SIGN_VERIFY"}),
            "UnsupportedOperationException");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.origin = "EXTERNAL"}),
            "UnsupportedOperationException");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.multi_region = true}),
            "UnsupportedOperationException");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.customer_master_key_spec = "SYMMETRIC_DEFAULT",
                                                                  .key_spec = "SYMMETRIC_DEFAULT"}),
            "ValidationException");
}

TEST_F(KmsTest, WhatIsEncryptedOpensWithItsContextAndKeyOnly) {
  const auto key = make_key();
  const auto other = make_key();
  const auto sealed = encrypt(key, "the text", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(sealed.find("the text"), std::string::npos);
  EXPECT_EQ(decrypt(sealed, {{"b", "2"}, {"a", "1"}}), "the text");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed)), "InvalidCiphertextException");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed, {{"a", "1"}, {"b", "x"}})),
            "InvalidCiphertextException");
  auto wrong = decrypt_request(sealed, {{"a", "1"}, {"b", "2"}});
  wrong.key_id = other;
  EXPECT_EQ(code<DecryptResponse>("Decrypt", wrong), "IncorrectKeyException");
  wrong.key_id = key;
  EXPECT_EQ(code<DecryptResponse>("Decrypt", wrong), "");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", DecryptRequest{}), "ValidationException");
}

TEST_F(KmsTest, ContextsThatReadAlikeAreNotTheSame) {
  const auto key = make_key();
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(encrypt(key, "x", {{"ab", "c"}}), {{"a", "bc"}})),
            "InvalidCiphertextException");
}

TEST_F(KmsTest, AContextHasALimit) {
  const auto key = make_key();
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x", {{"a", std::string(8191, 'a')}})), "");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x", {{"a", std::string(8192, 'a')}})),
            "ValidationException");
  EXPECT_EQ(data_key("s3", key, {{"a", std::string(8192, 'a')}}).error().code, "ValidationException");
}

TEST_F(KmsTest, EveryDamagedByteIsFound) {
  const auto sealed = encrypt(make_key(), "secret");
  for (size_t i = 0; i < sealed.size(); ++i) {
    auto damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_NE(code<DecryptResponse>("Decrypt", decrypt_request(damaged)), "") << i;
    EXPECT_NE(code<DecryptResponse>("Decrypt", decrypt_request(sealed.substr(0, i))), "") << i;
  }
}

TEST_F(KmsTest, KeysOutliveTheService) {
  const auto key = make_key();
  const auto sealed = encrypt(key, "kept");
  const auto managed = data_key("s3", "");
  reopen();
  EXPECT_EQ(decrypt(sealed), "kept");
  EXPECT_EQ(*open_data_key(managed->ciphertext), managed->plaintext);
}

TEST_F(KmsTest, AnotherRootKeyOpensNothing) {
  const auto sealed = encrypt(make_key(), "kept");
  const auto root = *crypto::SecretKey::from(as_bytes("another root key, of 32 bytes!!!"));
  kms = std::make_unique<Service>(fixture.context(), *crypto::Sealer::derive(root, "kms", fixture.random));
  EXPECT_NE(code<DecryptResponse>("Decrypt", decrypt_request(sealed)), "");
}

TEST_F(KmsTest, ReEncryptMovesToAnotherKey) {
  const auto from = make_key();
  const auto to = make_key();
  const auto moved = good<ReEncryptResponse>(
      "ReEncrypt", ReEncryptRequest{.ciphertext_blob = codec::Blob{encrypt(from, "x", {{"a", "1"}})},
                                    .source_encryption_context = EncryptionContext{{"a", "1"}},
                                    .destination_key_id = to});
  EXPECT_EQ(moved.key_id, describe(to).arn);
  EXPECT_EQ(moved.source_key_id, describe(from).arn);
  EXPECT_EQ(decrypt(moved.ciphertext_blob->bytes), "x");
}

TEST_F(KmsTest, DataKeysHaveTheSizeAskedFor) {
  const auto key = make_key();
  const auto made =
      good<GenerateDataKeyResponse>("GenerateDataKey", GenerateDataKeyRequest{.key_id = key, .key_spec = "AES_128"});
  EXPECT_EQ(made.plaintext->bytes.size(), 16U);
  EXPECT_EQ(decrypt(made.ciphertext_blob->bytes), made.plaintext->bytes);
  const auto bare = good<GenerateDataKeyWithoutPlaintextResponse>(
      "GenerateDataKeyWithoutPlaintext", GenerateDataKeyWithoutPlaintextRequest{.key_id = key, .number_of_bytes = 64});
  EXPECT_EQ(decrypt(bare.ciphertext_blob->bytes).size(), 64U);
  EXPECT_EQ(code<GenerateDataKeyResponse>("GenerateDataKey", GenerateDataKeyRequest{.key_id = key}),
            "ValidationException");
  EXPECT_EQ(good<GenerateRandomResponse>("GenerateRandom", GenerateRandomRequest{.number_of_bytes = 9})
                .plaintext->bytes.size(),
            9U);
}

TEST_F(KmsTest, ADryRunChecksAndDoesNothing) {
  const auto key = make_key();
  auto input = encrypt_request(key, "x");
  input.dry_run = true;
  EXPECT_EQ(code<EncryptResponse>("Encrypt", input), "DryRunOperationException");
  be("bob");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", input), "AccessDeniedException");
}

TEST_F(KmsTest, ADisabledKeyDoesNothing) {
  const auto key = make_key();
  const auto sealed = encrypt(key, "x");
  good<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = key});
  EXPECT_EQ(describe(key).key_state, "Disabled");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x")), "DisabledException");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed)), "DisabledException");
  EXPECT_EQ(data_key("s3", key).error().code, "DisabledException");
  good<EnableKeyOutput>("EnableKey", EnableKeyRequest{.key_id = key});
  EXPECT_EQ(decrypt(sealed), "x");
}

TEST_F(KmsTest, DeletionWaitsItsWindowAndCanBeTakenBack) {
  const auto key = make_key();
  const auto sealed = encrypt(key, "x");
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/mine", .target_key_id = key});
  EXPECT_EQ(code<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion",
                                              ScheduleKeyDeletionRequest{.key_id = key, .pending_window_in_days = 6}),
            "ValidationException");
  const auto planned = good<ScheduleKeyDeletionResponse>(
      "ScheduleKeyDeletion", ScheduleKeyDeletionRequest{.key_id = key, .pending_window_in_days = 7});
  EXPECT_EQ(planned.key_state, "PendingDeletion");
  EXPECT_EQ(*planned.deletion_date - fixture.clock.now(), days(7));
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x")), "KMSInvalidStateException");
  EXPECT_EQ(code<EnableKeyOutput>("EnableKey", EnableKeyRequest{.key_id = key}), "KMSInvalidStateException");
  pass(days(7) - Duration(1));
  EXPECT_EQ(describe(key).key_state, "PendingDeletion");
  good<CancelKeyDeletionResponse>("CancelKeyDeletion", CancelKeyDeletionRequest{.key_id = key});
  EXPECT_EQ(describe(key).key_state, "Disabled");
  EXPECT_EQ(code<CancelKeyDeletionResponse>("CancelKeyDeletion", CancelKeyDeletionRequest{.key_id = key}),
            "KMSInvalidStateException");
  pass(days(60));
  good<EnableKeyOutput>("EnableKey", EnableKeyRequest{.key_id = key});
  EXPECT_EQ(decrypt(sealed), "x");

  good<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion", ScheduleKeyDeletionRequest{.key_id = key});
  reopen();
  pass(days(30));
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = key}), "NotFoundException");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed)), "AccessDeniedException");
  EXPECT_EQ(fixture.catalog().scan(partition_of(account, "us-east-1"), "")->size(), 0U)
      << "a deleted key leaves nothing";
}

TEST_F(KmsTest, RotationKeepsOldCiphertextsReadable) {
  const auto key = make_key();
  const auto first = encrypt(key, "first");
  good<EnableKeyRotationOutput>("EnableKeyRotation",
                                EnableKeyRotationRequest{.key_id = key, .rotation_period_in_days = 90});
  const auto status =
      good<GetKeyRotationStatusResponse>("GetKeyRotationStatus", GetKeyRotationStatusRequest{.key_id = key});
  EXPECT_EQ(status.key_rotation_enabled, true);
  EXPECT_EQ(status.rotation_period_in_days, 90);
  EXPECT_EQ(*status.next_rotation_date - fixture.clock.now(), days(90));
  const auto before = describe(key).current_key_material_id;
  pass(days(91));
  EXPECT_NE(describe(key).current_key_material_id, before);
  const auto second = encrypt(key, "second");
  good<RotateKeyOnDemandResponse>("RotateKeyOnDemand", RotateKeyOnDemandRequest{.key_id = key});
  reopen();
  EXPECT_EQ(decrypt(first), "first");
  EXPECT_EQ(decrypt(second), "second");
  const auto rotations =
      *good<ListKeyRotationsResponse>("ListKeyRotations", ListKeyRotationsRequest{.key_id = key}).rotations;
  ASSERT_EQ(rotations.size(), 2U);
  EXPECT_EQ(rotations[0].rotation_type, "AUTOMATIC");
  EXPECT_EQ(rotations[1].rotation_type, "ON_DEMAND");
  pass(days(400));
  EXPECT_EQ(
      good<ListKeyRotationsResponse>("ListKeyRotations", ListKeyRotationsRequest{.key_id = key}).rotations->size(), 3U)
      << "rotations that were missed are not made up for";
  good<DisableKeyRotationOutput>("DisableKeyRotation", DisableKeyRotationRequest{.key_id = key});
  EXPECT_EQ(good<GetKeyRotationStatusResponse>("GetKeyRotationStatus", GetKeyRotationStatusRequest{.key_id = key})
                .key_rotation_enabled,
            false);
  pass(days(400));
  EXPECT_EQ(
      good<ListKeyRotationsResponse>("ListKeyRotations", ListKeyRotationsRequest{.key_id = key}).rotations->size(), 3U);
}

TEST_F(KmsTest, AliasesNameKeys) {
  const auto one = make_key();
  const auto two = make_key();
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/app/db", .target_key_id = one});
  EXPECT_EQ(
      code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/app/db", .target_key_id = two}),
      "AlreadyExistsException");
  EXPECT_EQ(
      code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/aws/s3", .target_key_id = two}),
      "InvalidAliasNameException");
  EXPECT_EQ(code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "nothing", .target_key_id = two}),
            "ValidationException");
  EXPECT_EQ(describe("alias/app/db").key_id, one);
  EXPECT_EQ(describe("arn:aws:kms:us-east-1:000000000000:alias/app/db").key_id, one);
  good<UpdateAliasOutput>("UpdateAlias", UpdateAliasRequest{.alias_name = "alias/app/db", .target_key_id = two});
  EXPECT_EQ(describe("alias/app/db").key_id, two);
  EXPECT_EQ(decrypt(encrypt("alias/app/db", "x")), "x");
  EXPECT_EQ(code<EnableKeyOutput>("EnableKey", EnableKeyRequest{.key_id = "alias/app/db"}), "NotFoundException")
      << "wants the key itself";
  good<DeleteAliasOutput>("DeleteAlias", DeleteAliasRequest{.alias_name = "alias/app/db"});
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "alias/app/db"}),
            "NotFoundException");
  EXPECT_EQ(code<DeleteAliasOutput>("DeleteAlias", DeleteAliasRequest{.alias_name = "alias/app/db"}),
            "NotFoundException");
}

TEST_F(KmsTest, AliasesAreListedInPages) {
  const auto key = make_key();
  const auto other = make_key();
  for (int i = 0; i < 7; ++i) {
    good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/a" + std::to_string(i),
                                                              .target_key_id = i % 2 ? key : other});
  }
  for (const bool of_key : {false, true}) {
    std::vector<std::string> names;
    ListAliasesRequest input{.limit = 2};
    if (of_key) input.key_id = key;
    while (true) {
      const auto page = good<ListAliasesResponse>("ListAliases", input);
      EXPECT_LE(page.aliases->size(), 2U);
      for (const auto& alias : *page.aliases) names.push_back(*alias.alias_name);
      EXPECT_EQ(page.truncated, page.next_marker.has_value());
      if (!page.next_marker) break;
      input.marker = page.next_marker;
    }
    EXPECT_TRUE(std::ranges::is_sorted(names));
    // With those of services whose keys are not there yet.
    EXPECT_EQ(names.size(), of_key ? 3U : 7U + services_with_keys.size());
  }
  EXPECT_EQ(code<ListAliasesResponse>("ListAliases", ListAliasesRequest{.marker = "!"}), "InvalidMarkerException");
}

TEST_F(KmsTest, AKeyHasFiftyAliasesAtMost) {
  const auto key = make_key();
  const auto other = make_key();
  const auto add = [&](const std::string& name, const std::string& to) {
    return code<CreateAliasOutput>("CreateAlias",
                                   CreateAliasRequest{.alias_name = "alias/" + name, .target_key_id = to});
  };
  for (int i = 0; i < 50; ++i) ASSERT_EQ(add("a" + std::to_string(i), key), "");
  EXPECT_EQ(add("more", key), "LimitExceededException");
  EXPECT_EQ(add("others", other), "");
  const auto move = [&](const std::string& name) {
    return code<UpdateAliasOutput>("UpdateAlias",
                                   UpdateAliasRequest{.alias_name = "alias/" + name, .target_key_id = key});
  };
  EXPECT_EQ(move("others"), "LimitExceededException");
  EXPECT_EQ(move("a0"), "") << "it is there already";
}

TEST_F(KmsTest, NamesThatNameNoKeyAreRefused) {
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "nonsense"}), "NotFoundException");
  EXPECT_EQ(
      code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "11111111-2222-3333-4444-555555555555"}),
      "NotFoundException");
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey",
                                      DescribeKeyRequest{.key_id = "arn:aws:kms:eu-west-1:000000000000:alias/x"}),
            "NotFoundException");
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "arn:aws:s3:::bucket"}),
            "InvalidArnException");
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey",
                                      DescribeKeyRequest{.key_id = "arn:aws:kms:us-east-1:111111111111:alias/x"}),
            "AccessDeniedException");
}

TEST_F(KmsTest, TagsAreKept) {
  const auto key = make_key({.tags = std::vector<Tag>{{"Name", "k"}}});
  good<TagResourceOutput>("TagResource",
                          TagResourceRequest{.key_id = key, .tags = {{"env", "prod"}, {"Name", "other"}}});
  auto tags = *good<ListResourceTagsResponse>("ListResourceTags", ListResourceTagsRequest{.key_id = key}).tags;
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags[0].tag_value, "other");
  good<UntagResourceOutput>("UntagResource", UntagResourceRequest{.key_id = key, .tag_keys = {"Name"}});
  EXPECT_EQ(good<ListResourceTagsResponse>("ListResourceTags", ListResourceTagsRequest{.key_id = key}).tags->size(),
            1U);
  EXPECT_EQ(code<TagResourceOutput>("TagResource", TagResourceRequest{.key_id = key, .tags = {{"aws:x", "y"}}}),
            "TagException");
}

TEST_F(KmsTest, IdentityPoliciesCountOnlyThroughTheKeysPolicy) {
  const auto open_key = make_key();
  const std::string only_root =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*",)"
      R"("Condition":{"StringEquals":{"aws:PrincipalType":"Account"}}}]})";
  const auto closed_key = make_key({.policy = only_root});
  be("bob", allow_all_kms);
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(open_key, "x")), "");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(closed_key, "x")), "AccessDeniedException");
  be("eve");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(open_key, "x")), "AccessDeniedException");
  EXPECT_EQ(code<ListKeysResponse>("ListKeys", ListKeysRequest{}), "AccessDeniedException");
}

TEST_F(KmsTest, ANarrowIdentityPolicyIsHeldTo) {
  const auto mine = make_key();
  const auto other = make_key();
  const auto sealed = encrypt(other, "x");
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:us-east-1:000000000000:key/)" +
      mine + R"(","Condition":{"StringEquals":{"kms:EncryptionContext:app":"shop"}}}]})";
  const auto with = encrypt(mine, "x", {{"app", "shop"}});
  const auto without = encrypt(mine, "x");
  be("bob", policy.c_str());
  EXPECT_EQ(decrypt(with, {{"app", "shop"}}), "x");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(without)), "AccessDeniedException");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed, {{"app", "shop"}})), "AccessDeniedException");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(mine, "x", {{"app", "shop"}})), "AccessDeniedException");
}

TEST_F(KmsTest, AnotherAccountNeedsBothSides) {
  const std::string arn = *describe(make_key()).arn;
  be("bob", allow_all_kms, "111111111111");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(arn, "x")), "AccessDeniedException");
  be_root();
  const std::string shared =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:root",)"
      R"("arn:aws:iam::111111111111:root"]},"Action":"kms:*","Resource":"*"}]})";
  good<PutKeyPolicyOutput>("PutKeyPolicy", PutKeyPolicyRequest{.key_id = arn, .policy = shared});
  be("bob", allow_all_kms, "111111111111");
  EXPECT_EQ(decrypt(encrypt(arn, "x")), "x");
  EXPECT_EQ(code<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = arn}), "AccessDeniedException")
      << "not across accounts";
  be("eve", nullptr, "111111111111");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(arn, "x")), "AccessDeniedException");
}

TEST_F(KmsTest, APolicyThatLocksItsMakerOutIsRefused) {
  const auto key = make_key();
  const std::string bob_only =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/bob"},"Action":"kms:*","Resource":"*"}]})";
  EXPECT_EQ(code<PutKeyPolicyOutput>("PutKeyPolicy", PutKeyPolicyRequest{.key_id = key, .policy = bob_only}),
            "MalformedPolicyDocumentException");
  EXPECT_EQ(code<PutKeyPolicyOutput>("PutKeyPolicy", PutKeyPolicyRequest{.key_id = key, .policy = "{"}),
            "MalformedPolicyDocumentException");
  EXPECT_EQ(good<GetKeyPolicyResponse>("GetKeyPolicy", GetKeyPolicyRequest{.key_id = key}).policy,
            default_policy(account));
  good<PutKeyPolicyOutput>(
      "PutKeyPolicy",
      PutKeyPolicyRequest{.key_id = key, .policy = bob_only, .bypass_policy_lockout_safety_check = true});
  EXPECT_EQ(code<GetKeyPolicyResponse>("GetKeyPolicy", GetKeyPolicyRequest{.key_id = key}), "AccessDeniedException")
      << "not even root";
  be("bob");
  EXPECT_EQ(good<GetKeyPolicyResponse>("GetKeyPolicy", GetKeyPolicyRequest{.key_id = key}).policy, bob_only);
  EXPECT_EQ(code<GetKeyPolicyResponse>("GetKeyPolicy", GetKeyPolicyRequest{.key_id = key, .policy_name = "other"}),
            "NotFoundException");
}

TEST_F(KmsTest, APolicyThatLooksStricterThanItIsIsRefused) {
  const auto key = make_key();
  const auto put = [&](const std::string& condition) {
    return code<PutKeyPolicyOutput>(
        "PutKeyPolicy",
        PutKeyPolicyRequest{.key_id = key,
                            .policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
                                      R"("000000000000"},"Action":"kms:*","Resource":"*"},{"Effect":"Allow",)"
                                      R"("Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":)" +
                                      condition + "}]}"});
  };
  EXPECT_EQ(put(R"({"ForAllValues:StringEquals":{"kms:encryptionContext:app":"shop"}})"),
            "MalformedPolicyDocumentException");
  EXPECT_EQ(put(R"({"ForAllValues:StringEquals":{"aws:RequestTag/team":"a"}})"), "MalformedPolicyDocumentException");
  EXPECT_EQ(put(R"({"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":"app"}})"), "");
  EXPECT_EQ(put(R"({"StringEquals":{"kms:EncryptionContext:app":"shop"}})"), "");
}

TEST_F(KmsTest, WhatIsLeftOutIsJudgedAsItWillBe) {
  const auto key = make_key();
  const auto enable = [&](std::optional<int32_t> days) {
    return code<EnableKeyRotationOutput>("EnableKeyRotation",
                                         EnableKeyRotationRequest{.key_id = key, .rotation_period_in_days = days});
  };
  const auto schedule = [&](std::optional<int32_t> days) {
    return code<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion",
                                             ScheduleKeyDeletionRequest{.key_id = key, .pending_window_in_days = days});
  };
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},{"Effect":"Deny",)"
     R"("Action":"*","Resource":"*","Condition":{"NumericGreaterThan":{"kms:RotationPeriodInDays":"180"}}},)"
     R"({"Effect":"Deny","Action":"*","Resource":"*",)"
     R"("Condition":{"NumericGreaterThan":{"kms:ScheduleKeyDeletionPendingWindowInDays":"21"}}}]})");
  EXPECT_EQ(enable({}), "AccessDeniedException") << "365 days";
  EXPECT_EQ(enable(180), "");
  EXPECT_EQ(enable({}), "") << "those that it has";
  EXPECT_EQ(schedule({}), "AccessDeniedException") << "30 days";
  EXPECT_EQ(schedule(21), "");
}

TEST_F(KmsTest, TagsOfANewKeyWantTheirOwnPermission) {
  const CreateKeyRequest tagged{.tags = std::vector<Tag>{{.tag_key = "team", .tag_value = "a"}}};
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:CreateKey","Resource":"*"}]})");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{}), "");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", tagged), "AccessDeniedException");
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:CreateKey","Resource":"*"},)"
            R"({"Effect":"Allow","Action":"kms:TagResource","Resource":"arn:aws:kms:*:000000000000:key/*",)"
            R"("Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}}]})");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", tagged), "");
}

TEST_F(KmsTest, PoliciesAreToldWhatKeyIsToBeMade) {
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*",)"
     R"("Condition":{"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT"}}},{"Effect":"Deny","Action":"kms:CreateKey",)"
     R"("Resource":"*","Condition":{"Bool":{"kms:BypassPolicyLockoutSafetyCheck":"true"}}}]})");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{}), "");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{.bypass_policy_lockout_safety_check = true}),
            "AccessDeniedException");
  be("carol",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},{"Effect":"Deny",)"
     R"("Action":"*","Resource":"*","Condition":{"StringEquals":{"kms:CustomerMasterKeySpec":"SYMMETRIC_DEFAULT"}}}]})");
  EXPECT_EQ(code<CreateKeyResponse>("CreateKey", CreateKeyRequest{}), "AccessDeniedException");
}

TEST_F(KmsTest, AManagedKeyIsMadeOnceAndIsItsServicesOwn) {
  const auto first = data_key("s3", "", {{"aws:s3:arn", "x"}});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(data_key("s3", "alias/aws/s3")->key_arn, first->key_arn);
  EXPECT_NE(data_key("rds", "")->key_arn, first->key_arn);
  EXPECT_EQ(first->plaintext.size(), 32U);
  EXPECT_EQ(*open_data_key(first->ciphertext, {{"aws:s3:arn", "x"}}), first->plaintext);
  EXPECT_EQ(open_data_key(first->ciphertext, {{"aws:s3:arn", "y"}}).error().code, "InvalidCiphertextException");
  EXPECT_EQ(open_data_key(first->ciphertext, {{"aws:s3:arn", "x"}}, "111111111111").error().code,
            "AccessDeniedException");
  EXPECT_EQ(data_key("rds", first->key_arn).error().code, "AccessDeniedException");
  EXPECT_EQ(describe("alias/aws/s3").key_manager, "AWS");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request("alias/aws/s3", "x")), "AccessDeniedException")
      << "root goes through the service too";
  EXPECT_EQ(
      code<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion", ScheduleKeyDeletionRequest{.key_id = first->key_arn}),
      "AccessDeniedException");
}

// As Terraform's data source of an alias finds it: listed without a key, which DescribeKey then makes.
TEST_F(KmsTest, AServicesAliasIsThereBeforeItsKey) {
  const auto listed = [&] {
    std::map<std::string, std::string> keys;
    for (const auto& alias : *good<ListAliasesResponse>("ListAliases", ListAliasesRequest{}).aliases)
      keys.emplace(*alias.alias_name, alias.target_key_id.value_or(""));
    return keys;
  };
  EXPECT_EQ(listed().size(), services_with_keys.size());
  EXPECT_EQ(listed().at("alias/aws/rds"), "");
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:ListAliases","Resource":"*"}]})");
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "alias/aws/rds"}),
            "AccessDeniedException");
  EXPECT_EQ(listed().at("alias/aws/rds"), "");
  be("carol", allow_all_kms);
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request("alias/aws/rds", "x")), "NotFoundException");
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = "alias/aws/ebs"}),
            "NotFoundException");
  const auto key = describe("alias/aws/rds");
  EXPECT_EQ(key.key_manager, "AWS");
  EXPECT_EQ(listed().at("alias/aws/rds"), key.key_id);
  EXPECT_EQ(listed().size(), services_with_keys.size());
  EXPECT_EQ(data_key("rds", "")->key_arn, key.arn);
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey",
                                      DescribeKeyRequest{.key_id = "arn:aws:kms:us-east-1:111111111111:alias/aws/rds"}),
            "AccessDeniedException");
}

TEST_F(KmsTest, ADataKeyThatLiesOpenIsHeldToItsKeyAndContext) {
  const auto key = make_key();
  const auto made = data_key("s3", key, {{"a", "1"}});
  ASSERT_TRUE(made);
  const auto open = [&](aws::Keys::Context context) {
    const auto opened = open_data_key(made->ciphertext, std::move(context));
    return opened ? "" : opened.error().code;
  };
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(*open_data_key(made->ciphertext, {{"a", "1"}}), made->plaintext);
    EXPECT_EQ(open({{"a", "2"}}), "InvalidCiphertextException");
    EXPECT_EQ(open({}), "InvalidCiphertextException");
  }
  good<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = key});
  EXPECT_EQ(open({{"a", "1"}}), "DisabledException");
  good<EnableKeyOutput>("EnableKey", EnableKeyRequest{.key_id = key});
  EXPECT_EQ(open({{"a", "1"}}), "");
  pass(std::chrono::minutes(6));
  EXPECT_EQ(open({{"a", "1"}}), "");
  good<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion",
                                    ScheduleKeyDeletionRequest{.key_id = key, .pending_window_in_days = 7});
  EXPECT_EQ(open({{"a", "1"}}), "KMSInvalidStateException");
  pass(days(8));
  EXPECT_EQ(open({{"a", "1"}}), "NotFoundException");
}

TEST_F(KmsTest, AServiceAsksInItsCallersName) {
  const auto key = make_key();
  const std::string via_s3 =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:GenerateDataKey","Resource":"*",)"
      R"("Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}}]})";
  const auto ask = [&] {
    return fixture.run(
        fixture.with_call(*kms, "CreateKey", [&](aws::Call& call) -> Task<aws::Outcome<aws::Keys::DataKey>> {
          co_return co_await kms->generate_data_key(&call, account, "us-east-1", "s3", key, {});
        }));
  };
  be("eve");
  EXPECT_EQ(ask().error().code, "AccessDeniedException");
  be("bob", via_s3.c_str());
  EXPECT_TRUE(ask());
  EXPECT_EQ(
      code<GenerateDataKeyResponse>("GenerateDataKey", GenerateDataKeyRequest{.key_id = key, .key_spec = "AES_256"}),
      "AccessDeniedException")
      << "only through the service";
}

// As the Aurora User Guide shows who may have RDS use a key, and as the Key Management Service's shows its key users.
TEST_F(KmsTest, AServiceThatGoesOnWithAKeyNeedsLeaveToGrantIt) {
  const auto key = make_key();
  const std::string context = "aws:rds:dbc-id";
  const auto ask = [&](const std::string& with, auto asked) {
    return fixture.run(fixture.with_call(*kms, "CreateKey", [&](aws::Call& call) -> Task<std::string> {
      auto out = co_await asked(aws::Asker(&call).granting(), with);
      co_return out ? "" : out.error().code;
    }));
  };
  const auto make = [&](const std::string& with) {
    return ask(with, [&](aws::Asker asker, std::string id) {
      return kms->generate_data_key(asker, account, "us-east-1", "rds", id, {{context, "cluster-1"}});
    });
  };
  const auto be_let = [&](const std::string& action, const std::string& condition) {
    be("bob", (R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":)" + action +
               R"(,"Resource":"*","Condition":)" + condition + "}]}")
                  .c_str());
  };
  const std::string both = R"(["kms:CreateGrant","kms:DescribeKey"])";
  const std::string via_rds = R"({"StringEquals":{"kms:ViaService":"rds.us-east-1.amazonaws.com"}})";
  be_let(both, via_rds);
  EXPECT_EQ(make(key), "");
  EXPECT_EQ(code<CreateGrantResponse>("CreateGrant",
                                      CreateGrantRequest{.key_id = key,
                                                         .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                                                         .operations = {"Decrypt"}}),
            "AccessDeniedException")
      << "only through the service";
  be_let(R"(["kms:GenerateDataKey","kms:Decrypt","kms:DescribeKey"])", via_rds);
  EXPECT_EQ(make(key), "AccessDeniedException");
  be_let(R"("kms:CreateGrant")", via_rds);
  EXPECT_EQ(make(key), "AccessDeniedException") << "kms:DescribeKey too";
  // What is told of the grant.
  const auto grants_when = [&](const std::string& condition) {
    be("bob", (R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:DescribeKey","Resource":"*"},)"
               R"({"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":)" +
               condition + "}]}")
                  .c_str());
    return make(key).empty();
  };
  EXPECT_TRUE(grants_when(R"({"Bool":{"kms:GrantIsForAWSResource":"true"}})"));
  EXPECT_FALSE(grants_when(R"({"Bool":{"kms:GrantIsForAWSResource":"false"}})"));
  EXPECT_TRUE(grants_when(R"({"StringEquals":{"kms:EncryptionContext:aws:rds:dbc-id":"cluster-1"}})"));
  EXPECT_FALSE(grants_when(R"({"StringEquals":{"kms:EncryptionContext:aws:rds:dbc-id":"cluster-2"}})"));
  EXPECT_TRUE(grants_when(R"({"StringEquals":{"kms:GrantConstraintType":"EncryptionContextSubset"}})"));
  EXPECT_TRUE(grants_when(R"({"StringEquals":{"kms:GranteePrincipal":"rds.us-east-1.amazonaws.com"}})"));
  EXPECT_FALSE(grants_when(R"({"ForAllValues:StringEquals":{"kms:GrantOperations":["Encrypt","GenerateDataKey"]}})"));
  EXPECT_FALSE(grants_when(R"({"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}})"));
  // A service's own key asks for nothing, and lets itself be denied.
  be("bob");
  EXPECT_EQ(make(""), "");
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:CreateGrant","Resource":"*"}]})");
  EXPECT_EQ(make(""), "AccessDeniedException");
  // By a grant that lets its grantee make others, no more is handed on than it gives.
  be_root();
  const auto grant_to_bob = [&](std::vector<std::string> operations) {
    good<CreateGrantResponse>("CreateGrant",
                              CreateGrantRequest{.key_id = key,
                                                 .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                                                 .operations = std::move(operations)});
  };
  grant_to_bob({"CreateGrant", "DescribeKey", "Decrypt"});
  be("bob");
  EXPECT_EQ(make(key), "AccessDeniedException");
  be_root();
  grant_to_bob({"CreateGrant", "DescribeKey", "Decrypt", "GenerateDataKey"});
  be("bob");
  EXPECT_EQ(make(key), "");
  // What is there is opened by the same leave, and only who has it is told what becomes of the key.
  const auto made = data_key("rds", key);
  const auto open = [&] {
    return ask(made->ciphertext, [&](aws::Asker asker, std::string sealed) {
      return static_cast<aws::Keys&>(*kms).decrypt(asker, account, "us-east-1", std::move(sealed), {});
    });
  };
  EXPECT_EQ(open(), "");
  be_root();
  good<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = key});
  be("bob");
  EXPECT_EQ(make(key), "DisabledException");
  EXPECT_EQ(open(), "DisabledException");
  be("eve");
  EXPECT_EQ(make(key), "AccessDeniedException");
  EXPECT_EQ(open(), "AccessDeniedException");
}

TEST_F(KmsTest, AliasesWantBothTheAliasAndTheKey) {
  const auto key = make_key();
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:CreateAlias","Resource":"arn:aws:kms:us-east-1:000000000000:alias/b*"}]})");
  EXPECT_EQ(code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/bob", .target_key_id = key}),
            "AccessDeniedException");
  be("bob",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:CreateAlias","Resource":["arn:aws:kms:us-east-1:000000000000:alias/b*","arn:aws:kms:*:*:key/*"]}]})");
  EXPECT_EQ(code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/bob", .target_key_id = key}),
            "");
  EXPECT_EQ(code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/eve", .target_key_id = key}),
            "AccessDeniedException");
  be("carol", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*",)"
              R"("Condition":{"StringEquals":{"kms:CallerAccount":"000000000000"}}}]})");
  EXPECT_EQ(code<DeleteAliasOutput>("DeleteAlias", DeleteAliasRequest{.alias_name = "alias/bob"}), "");
}

TEST_F(KmsTest, RegionsAndAccountsAreSeparateWorlds) {
  const auto key = make_key();
  const auto sealed = encrypt(key, "x");
  fixture.region = "eu-west-1";
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = key}), "NotFoundException");
  EXPECT_EQ(code<DecryptResponse>("Decrypt", decrypt_request(sealed)), "AccessDeniedException");
  EXPECT_EQ(good<ListKeysResponse>("ListKeys", ListKeysRequest{}).keys->size(), 0U);
}

}  // namespace
}  // namespace boreal::kms
