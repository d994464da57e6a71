#include "kms/testing.h"

namespace boreal::kms {
namespace {

TEST_F(KmsTest, AGrantLetsItsGranteeDoItsOperations) {
  const auto key = make_key();
  const CreateGrantRequest wanted{
      .key_id = key,
      .grantee_principal = "arn:aws:iam::000000000000:user/bob",
      .operations = {"Encrypt", "Decrypt"},
      .constraints = GrantConstraints{.encryption_context_subset = EncryptionContext{{"app", "shop"}}},
      .name = "bobs"};
  const auto grant = good<CreateGrantResponse>("CreateGrant", wanted);
  EXPECT_EQ(good<CreateGrantResponse>("CreateGrant", wanted).grant_id, grant.grant_id) << "named, so the same";
  be("bob");
  const auto sealed = encrypt(key, "x", {{"app", "shop"}, {"more", "1"}});
  EXPECT_EQ(decrypt(sealed, {{"app", "shop"}, {"more", "1"}}), "x");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x")), "AccessDeniedException");
  EXPECT_EQ(
      code<GenerateDataKeyResponse>("GenerateDataKey", GenerateDataKeyRequest{.key_id = key, .key_spec = "AES_256"}),
      "AccessDeniedException");
  be("eve");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x", {{"app", "shop"}})), "AccessDeniedException");
  be_root();
  const auto listed = *good<ListGrantsResponse>("ListGrants", ListGrantsRequest{.key_id = key}).grants;
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].name, "bobs");
  good<RevokeGrantOutput>("RevokeGrant", RevokeGrantRequest{.key_id = key, .grant_id = *grant.grant_id});
  EXPECT_EQ(code<RevokeGrantOutput>("RevokeGrant", RevokeGrantRequest{.key_id = key, .grant_id = *grant.grant_id}),
            "NotFoundException");
  be("bob");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x", {{"app", "shop"}})), "AccessDeniedException");
}

TEST_F(KmsTest, AGrantIsBoundByOneConstraint) {
  const auto key = make_key();
  using Context = std::optional<EncryptionContext>;
  const EncryptionContext shop{{"app", "shop"}};
  const EncryptionContext shop_and_more{{"app", "shop"}, {"more", "1"}};
  const auto grant = [&](const std::string& to, Context equals, Context subset) {
    be_root();
    const std::string made = code<CreateGrantResponse>(
        "CreateGrant",
        CreateGrantRequest{.key_id = key,
                           .grantee_principal = "arn:aws:iam::000000000000:user/" + to,
                           .operations = {"Encrypt"},
                           .constraints = GrantConstraints{.encryption_context_subset = std::move(subset),
                                                           .encryption_context_equals = std::move(equals)}});
    be(to);
    return made;
  };
  EXPECT_EQ(grant("bob", shop, shop_and_more), "ValidationException");
  EXPECT_EQ(grant("bob", EncryptionContext{}, shop), "") << "the other one of nothing, as Terraform sends it";
  encrypt(key, "x", shop_and_more);
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x")), "AccessDeniedException");
  EXPECT_EQ(grant("carol", shop, EncryptionContext{}), "");
  encrypt(key, "x", shop);
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x", shop_and_more)), "AccessDeniedException");
}

TEST_F(KmsTest, AnExplicitDenyIsStrongerThanAGrant) {
  const auto key = make_key();
  good<CreateGrantResponse>("CreateGrant", CreateGrantRequest{.key_id = key,
                                                              .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                                                              .operations = {"Encrypt"}});
  be("bob", R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}]})");
  EXPECT_EQ(code<EncryptResponse>("Encrypt", encrypt_request(key, "x")), "AccessDeniedException");
}

TEST_F(KmsTest, GrantsAreRetiredByWhomTheyName) {
  const auto key = make_key();
  const std::string carol = "arn:aws:iam::000000000000:user/carol";
  const auto grant = good<CreateGrantResponse>(
      "CreateGrant", CreateGrantRequest{.key_id = key,
                                        .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                                        .retiring_principal = carol,
                                        .operations = {"Encrypt"}});
  EXPECT_EQ(good<ListGrantsResponse>("ListRetirableGrants", ListRetirableGrantsRequest{.retiring_principal = carol})
                .grants->size(),
            1U);
  be("bob");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = grant.grant_token}),
            "AccessDeniedException");
  be("carol");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = grant.grant_token}), "");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = grant.grant_token}),
            "NotFoundException");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = "nonsense"}),
            "InvalidGrantTokenException");
}

TEST_F(KmsTest, PoliciesMayDenyRetiringAndAccountsMayAllowIt) {
  const auto key = make_key();
  const auto grant_for = [&](const std::string& retiring) {
    be_root();
    return *good<CreateGrantResponse>(
                "CreateGrant",
                CreateGrantRequest{
                    .key_id = key,
                    .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                    .retiring_principal = retiring,
                    .operations = {"Encrypt"},
                    .constraints = GrantConstraints{.encryption_context_subset = EncryptionContext{{"app", "shop"}}}})
                .grant_token;
  };
  const auto retire = [&](const std::string& token) {
    return code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = token});
  };
  const std::string other = "111111111111";
  auto token = grant_for("arn:aws:iam::000000000000:user/carol");
  be("carol", R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*",)"
              R"("Condition":{"StringEquals":{"kms:EncryptionContext:app":"shop"}}}]})");
  EXPECT_EQ(retire(token), "AccessDeniedException");
  be("dave", allow_all_kms, other);
  EXPECT_EQ(retire(token), "AccessDeniedException") << "neither the grant nor the key's account lets him";
  // The key's policy has no say.
  be_root();
  good<PutKeyPolicyOutput>(
      "PutKeyPolicy",
      PutKeyPolicyRequest{
          .key_id = key,
          .policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["000000000000",)"
                    R"("arn:aws:iam::000000000000:user/eve"]},"Action":"kms:*","Resource":"*"},{"Effect":"Deny",)"
                    R"("Principal":{"AWS":"arn:aws:iam::000000000000:user/dave"},"Action":"kms:*","Resource":"*"}]})"});
  be("eve");
  EXPECT_EQ(retire(token), "AccessDeniedException");
  be("dave", allow_all_kms);
  EXPECT_EQ(retire(token), "") << "one of the key's account, whom that lets";
  token = grant_for("arn:aws:iam::" + other + ":user/carol");
  be("carol", nullptr, other);
  EXPECT_EQ(retire(token), "");
  token = grant_for("arn:aws:iam::" + other + ":root");
  be("carol", nullptr, other);
  EXPECT_EQ(retire(token), "AccessDeniedException");
  be("carol", allow_all_kms, other);
  EXPECT_EQ(retire(token), "");
}

TEST_F(KmsTest, WhoIsLetRetireOneGrantRetiresNoOther) {
  const auto key = make_key();
  const std::string bob = "arn:aws:iam::000000000000:user/bob";
  const auto grant = [&](std::vector<std::string> operations) {
    return good<CreateGrantResponse>(
        "CreateGrant",
        CreateGrantRequest{.key_id = key, .grantee_principal = bob, .operations = std::move(operations)});
  };
  const auto his = grant({"Encrypt", "RetireGrant"});
  const auto other = grant({"Decrypt"});
  be("bob");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = other.grant_token}),
            "AccessDeniedException");
  EXPECT_EQ(code<RetireGrantOutput>("RetireGrant", RetireGrantRequest{.grant_token = his.grant_token}), "");
}

TEST_F(KmsTest, AGrantHandsOnNoMoreThanItGives) {
  const auto key = make_key();
  using Context = std::optional<EncryptionContext>;
  const EncryptionContext shop{{"app", "shop"}};
  const EncryptionContext shop_and_more{{"app", "shop"}, {"more", "1"}};
  const auto grant = [&](std::string to, std::vector<std::string> operations, Context equals, Context subset) {
    return CreateGrantRequest{.key_id = key,
                              .grantee_principal = "arn:aws:iam::000000000000:user/" + to,
                              .operations = std::move(operations),
                              .constraints = GrantConstraints{.encryption_context_subset = std::move(subset),
                                                              .encryption_context_equals = std::move(equals)}};
  };
  const auto asked = [&](CreateGrantRequest wanted) { return code<CreateGrantResponse>("CreateGrant", wanted); };
  good<CreateGrantResponse>("CreateGrant", grant("bob", {"Encrypt", "CreateGrant"}, {}, shop));
  good<CreateGrantResponse>("CreateGrant", grant("carol", {"Encrypt", "CreateGrant"}, shop, {}));
  be("bob");
  EXPECT_EQ(asked(grant("bob", {"Decrypt"}, {}, shop)), "AccessDeniedException");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, {}, {})), "AccessDeniedException");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, {}, EncryptionContext{{"app", "x"}})), "AccessDeniedException");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, {}, shop)), "");
  EXPECT_EQ(asked(grant("eve", {"Encrypt", "CreateGrant"}, {}, shop_and_more)), "");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, shop_and_more, {})), "");
  be("carol");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, {}, shop)), "AccessDeniedException");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, shop_and_more, {})), "AccessDeniedException");
  EXPECT_EQ(asked(grant("eve", {"Encrypt"}, shop, {})), "");
  be("dave", allow_all_kms);
  EXPECT_EQ(asked(grant("eve", {"Decrypt"}, {}, {})), "") << "a policy does not bind";
}

TEST_F(KmsTest, ARolesGrantIsItsSessionsAsFarAsTheirPoliciesLetThem) {
  const auto key = make_key();
  const std::string role = "arn:aws:iam::000000000000:role/worker";
  const std::string session = "arn:aws:sts::000000000000:assumed-role/worker/one";
  const auto grant_to = [&](const std::string& grantee) {
    be_root();
    good<CreateGrantResponse>(
        "CreateGrant", CreateGrantRequest{.key_id = key, .grantee_principal = grantee, .operations = {"Encrypt"}});
  };
  const auto encrypts = [&](const char* session_policy) {
    fixture.principal = {.kind = aws::Principal::Kind::assumed_role,
                         .account = account,
                         .arn = session,
                         .user_id = "AROAWORKER:one",
                         .name = "worker",
                         .role_arn = role,
                         .has_session_policies = session_policy != nullptr};
    fixture.policies = {};
    if (session_policy != nullptr) fixture.policies.session = {aws::identity_policy(session_policy)};
    return code<EncryptResponse>("Encrypt", encrypt_request(key, "x"));
  };
  constexpr const char* reads_only =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})";
  EXPECT_EQ(encrypts(nullptr), "AccessDeniedException");
  grant_to(role);
  EXPECT_EQ(encrypts(nullptr), "");
  EXPECT_EQ(encrypts(allow_all_kms), "");
  EXPECT_EQ(encrypts(reads_only), "AccessDeniedException");
  grant_to(session);
  EXPECT_EQ(encrypts(reads_only), "") << "the second grant counts beside the first, and is that session's own";
}

TEST_F(KmsTest, AGrantOrAliasCountsFromItsCallOnAndNoLonger) {
  const auto key = make_key();
  const auto sealed = encrypt(key, "x");
  const auto bob = [&] {
    be("bob");
    auto result = code<DecryptResponse>("Decrypt", decrypt_request(sealed));
    be_root();
    return result;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(bob(), "AccessDeniedException");
    const auto grant = good<CreateGrantResponse>(
        "CreateGrant",
        CreateGrantRequest{
            .key_id = key, .grantee_principal = "arn:aws:iam::000000000000:user/bob", .operations = {"Decrypt"}});
    EXPECT_EQ(bob(), "");
    EXPECT_EQ(bob(), "");
    good<RevokeGrantOutput>("RevokeGrant", RevokeGrantRequest{.key_id = key, .grant_id = *grant.grant_id});
  }
  EXPECT_EQ(bob(), "AccessDeniedException");

  const auto carol = [&] {
    be("carol", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*",)"
                R"("Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/carols"}}}]})");
    auto result = code<DecryptResponse>("Decrypt", decrypt_request(sealed));
    be_root();
    return result;
  };
  EXPECT_EQ(carol(), "AccessDeniedException");
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/carols", .target_key_id = key});
  EXPECT_EQ(carol(), "");
  good<DeleteAliasOutput>("DeleteAlias", DeleteAliasRequest{.alias_name = "alias/carols"});
  EXPECT_EQ(carol(), "AccessDeniedException");
}

TEST_F(KmsTest, GrantsAreSmall) {
  const auto key = make_key();
  const auto asked = [&](EncryptionContext context, std::vector<std::string> operations = {"Encrypt"}) {
    return code<CreateGrantResponse>(
        "CreateGrant",
        CreateGrantRequest{.key_id = key,
                           .grantee_principal = "arn:aws:iam::000000000000:user/bob",
                           .operations = std::move(operations),
                           .constraints = GrantConstraints{.encryption_context_subset = std::move(context)}});
  };
  EncryptionContext nine;
  for (char c = 'a'; c < 'j'; ++c) nine.emplace(std::string(1, c), "1");
  EXPECT_EQ(asked(nine), "ValidationException");
  nine.erase("a");
  EXPECT_EQ(asked(nine), "");
  EXPECT_EQ(asked({{"a", std::string(4096, 'x')}}), "ValidationException");
  EXPECT_EQ(asked({}, std::vector<std::string>(1000, "Decrypt")), "");
  for (const auto& grant : *good<ListGrantsResponse>("ListGrants", ListGrantsRequest{.key_id = key}).grants) {
    EXPECT_EQ(grant.operations->size(), 1U);
  }
}

}  // namespace
}  // namespace boreal::kms
