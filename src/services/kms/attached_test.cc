#include "base/sync.h"
#include "kms/testing.h"
#include "store/walk.h"

namespace boreal::kms {
namespace {

using std::chrono::days;

constexpr const char* bob = "arn:aws:iam::000000000000:user/bob";

class KmsAttachedTest : public KmsTest {
 protected:
  // Past the service, which learns nothing of it.
  void put(std::string key, std::string value, std::string of = account) {
    store::Batch batch(partition_of(of, "us-east-1"));
    batch.put(std::move(key), std::move(value));
    ASSERT_TRUE(fixture.run(fixture.store().commit(std::move(batch))));
  }
  void put_grant(const std::string& key, const std::string& id, const std::string& grantee) {
    put(grant_path(key, id),
        store::encode(Grant{.id = id, .key_id = key, .grantee = grantee, .operations = {"GenerateDataKey"}}));
  }
  CreateGrantRequest grant_to_bob(const std::string& key) {
    return {.key_id = key, .grantee_principal = bob, .operations = {"GenerateDataKey"}};
  }
  std::string bobs(const std::string& key) {
    be("bob");
    auto result =
        code<GenerateDataKeyResponse>("GenerateDataKey", GenerateDataKeyRequest{.key_id = key, .key_spec = "AES_256"});
    be_root();
    return result;
  }
  std::vector<std::string> aliases_of(const std::string& key, int32_t limit = 100) {
    std::vector<std::string> names;
    std::optional<std::string> marker;
    do {
      const auto page = good<ListAliasesResponse>(
          "ListAliases", ListAliasesRequest{.key_id = key, .limit = limit, .marker = std::move(marker)});
      for (const auto& alias : *page.aliases) names.push_back(*alias.alias_name);
      marker = page.next_marker;
    } while (marker);
    return names;
  }
  Task<void> use(std::string key) {
    used_ = co_await fixture.with_call(
        *kms, "GenerateDataKey", [&](aws::Call& call) -> Task<aws::Outcome<aws::Keys::DataKey>> {
          co_return co_await kms->generate_data_key(&call, account, "us-east-1", "s3", key, {});
        });
  }
  Task<void> revoke(std::string key, std::string grant) {
    const auto revoked =
        co_await fixture.with_call(*kms, "RevokeGrant", [&](aws::Call& call) -> Task<aws::Outcome<RevokeGrantOutput>> {
          co_return co_await kms->revoke_grant(call, RevokeGrantRequest{.key_id = key, .grant_id = grant});
        });
    EXPECT_TRUE(revoked);
  }
  Task<void> use_and_revoke(std::string key, std::string grant) {
    TaskGroup group;
    group.spawn(use(key));
    group.spawn(revoke(key, grant));
    co_await group.wait();
  }

  aws::Outcome<aws::Keys::DataKey> used_ = aws::refuse(aws::ApiError("", 0, ""));
};

TEST_F(KmsAttachedTest, WhatIsKnownOfAKeyStaysWhenOthersChange) {
  const auto key = make_key();
  EXPECT_EQ(bobs(key), "AccessDeniedException");
  put_grant(key, "1", bob);
  const auto other = make_key();
  good<CreateGrantResponse>("CreateGrant", grant_to_bob(other));
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/x", .target_key_id = other});
  EXPECT_EQ(bobs(key), "AccessDeniedException") << "it was not read again";
  reopen();
  EXPECT_EQ(bobs(key), "");
}

TEST_F(KmsAttachedTest, AGrantThatIsRevokedWhileTheOthersAreReadIsGone) {
  const auto key = make_key();
  put_grant(key, "0", bob);
  for (int i = 0; i < 300; ++i) put_grant(key, "1" + std::to_string(i), "arn:aws:iam::000000000000:user/eve");
  be("bob");
  fixture.run(use_and_revoke(key, "0"));
  EXPECT_TRUE(used_) << "asked for before";
  EXPECT_EQ(bobs(key), "AccessDeniedException");
  EXPECT_EQ(bobs(key), "AccessDeniedException");
  good<CreateGrantResponse>("CreateGrant", grant_to_bob(key));
  EXPECT_EQ(bobs(key), "");
}

TEST_F(KmsAttachedTest, WhatCannotBeReadConcernsItsKeyAlone) {
  const auto key = make_key();
  const auto bad = make_key();
  good<CreateGrantResponse>("CreateGrant", grant_to_bob(bad));
  put("alias/damaged", "{");
  put(grant_path(bad, "damaged"), "{");
  reopen();
  EXPECT_EQ(decrypt(encrypt(key, "x")), "x");
  EXPECT_EQ(decrypt(encrypt(bad, "x")), "x") << "the key's policy is whole";
  EXPECT_EQ(bobs(bad), "") << "so is his grant";
}

TEST_F(KmsAttachedTest, ADamagedKeyHoldsUpNoOther) {
  const auto key = make_key();
  const auto rotates = make_key();
  good<EnableKeyRotationOutput>("EnableKeyRotation",
                                EnableKeyRotationRequest{.key_id = rotates, .rotation_period_in_days = 90});
  good<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion", ScheduleKeyDeletionRequest{.key_id = key});
  put("key/0", "{");
  put("key/0", "{", "000000000000/and-before-it");
  pass(days(91));
  EXPECT_EQ(code<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = key}), "NotFoundException");
  EXPECT_EQ(
      good<ListKeyRotationsResponse>("ListKeyRotations", ListKeyRotationsRequest{.key_id = rotates}).rotations->size(),
      1U);
}

TEST_F(KmsAttachedTest, AliasesFollowTheirKeys) {
  const auto one = make_key();
  const auto two = make_key();
  for (const char* name : {"alias/a", "alias/b/c", "alias/d"}) {
    good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = name, .target_key_id = one});
  }
  good<UpdateAliasOutput>("UpdateAlias", UpdateAliasRequest{.alias_name = "alias/a", .target_key_id = two});
  good<UpdateAliasOutput>("UpdateAlias", UpdateAliasRequest{.alias_name = "alias/d", .target_key_id = one});
  EXPECT_EQ(aliases_of(one, 1), (std::vector<std::string>{"alias/b/c", "alias/d"}));
  EXPECT_EQ(aliases_of(two), (std::vector<std::string>{"alias/a"}));
  good<DeleteAliasOutput>("DeleteAlias", DeleteAliasRequest{.alias_name = "alias/a"});
  EXPECT_TRUE(aliases_of(two).empty());
}

TEST_F(KmsAttachedTest, AnAliasThatWasMovedMeanwhileIsLeft) {
  const auto asked = make_key(), other = make_key();
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/a", .target_key_id = asked});
  const auto move = [&](aws::Call& call) { return kms->update_alias(call, {"alias/a", other}); };
  // What is asked for is the key that the alias stands for when the request comes.
  const auto change = [&](std::string_view operation, aws::Value input) {
    return fixture.run(fixture.with_call(*kms, operation, [&](aws::Call& call) -> Task<aws::Outcome<aws::Value>> {
      CO_CHECK(co_await kms->access(call, call.operation, input));
      CO_CHECK(co_await fixture.with_call(*kms, "UpdateAlias", move));
      co_return co_await call.operation.invoke(*kms, call, std::move(input));
    }));
  };
  const auto error = [](const aws::Outcome<aws::Value>& outcome) { return outcome ? "" : outcome.error().code; };
  EXPECT_EQ(error(change("DeleteAlias", aws::Value::of(DeleteAliasRequest{.alias_name = "alias/a"}))),
            "DependencyTimeoutException");
  EXPECT_EQ(describe("alias/a").key_id, other);
  EXPECT_EQ(error(change("DeleteAlias", aws::Value::of(DeleteAliasRequest{.alias_name = "alias/a"}))), "")
      << "it was moved to where it was";
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/a", .target_key_id = asked});
  EXPECT_EQ(
      error(change("UpdateAlias", aws::Value::of(UpdateAliasRequest{.alias_name = "alias/a", .target_key_id = asked}))),
      "DependencyTimeoutException");
}

TEST_F(KmsAttachedTest, AnAliasStandsForAKeyAndForNoAlias) {
  const auto key = make_key();
  good<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/a", .target_key_id = key});
  for (const std::string target : {"alias/a", "arn:aws:kms:us-east-1:000000000000:alias/a"}) {
    EXPECT_EQ(
        code<CreateAliasOutput>("CreateAlias", CreateAliasRequest{.alias_name = "alias/b", .target_key_id = target}),
        "ValidationException");
    EXPECT_EQ(
        code<UpdateAliasOutput>("UpdateAlias", UpdateAliasRequest{.alias_name = "alias/a", .target_key_id = target}),
        "ValidationException");
  }
}

TEST_F(KmsAttachedTest, AliasesOfOldAreIndexedAtTheStart) {
  const auto key = make_key();
  put("alias/damaged", "{");
  put("alias/old", store::encode(Alias{.name = "old", .key_id = key}));
  EXPECT_TRUE(aliases_of(key).empty());
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(fixture.run(kms->index_aliases()));
    EXPECT_EQ(aliases_of(key), (std::vector<std::string>{"alias/old"}));
  }
  good<ScheduleKeyDeletionResponse>("ScheduleKeyDeletion", ScheduleKeyDeletionRequest{.key_id = key});
  pass(days(30));
  EXPECT_EQ(fixture.catalog().scan(partition_of(account, "us-east-1"), "")->size(), 2U) << "that and the damaged one";
}

TEST_F(KmsAttachedTest, PagesOfGrantsAreFilled) {
  const auto key = make_key();
  for (int i = 0; i < 600; ++i) {
    put_grant(key, std::to_string(1000 + i), i % 100 == 0 ? bob : "arn:aws:iam::000000000000:user/eve");
  }
  ListGrantsRequest request{.limit = 4, .key_id = key, .grantee_principal = bob};
  auto page = good<ListGrantsResponse>("ListGrants", request);
  ASSERT_EQ(page.grants->size(), 4U);
  EXPECT_EQ(page.grants->front().grant_id, "1000");
  EXPECT_EQ(page.truncated, true);
  request.marker = page.next_marker;
  page = good<ListGrantsResponse>("ListGrants", request);
  ASSERT_EQ(page.grants->size(), 2U);
  EXPECT_EQ(page.grants->back().grant_id, "1500");
  EXPECT_EQ(page.truncated, false);
  EXPECT_EQ(page.next_marker, std::nullopt);
  page = good<ListGrantsResponse>("ListGrants", ListGrantsRequest{.key_id = key, .grant_id = "1599"});
  EXPECT_EQ(page.grants->size(), 1U);
  EXPECT_EQ(code<ListGrantsResponse>("ListGrants", ListGrantsRequest{.key_id = key, .grant_id = "99"}),
            "InvalidGrantIdException");
}

// --- another account's keys ---

class KmsElsewhereTest : public KmsAttachedTest {
 protected:
  // What bob of another account is told when a service asks for the key in his name, and when he does.
  std::string through_service(std::string key) {
    be("bob", allow_all_kms, "111111111111");
    fixture.run(use(std::move(key)));
    be_root();
    return used_ ? "" : used_.error().code + ": " + used_.error().message;
  }
  std::string directly(const std::string& key) {
    be("bob", allow_all_kms, "111111111111");
    const auto out = fixture.call<EncryptResponse>(*kms, "Encrypt", encrypt_request(key, "x"));
    be_root();
    return out ? "" : out.error().code + ": " + out.error().message;
  }
  static std::string without(std::string text, const std::string& id) {
    const size_t at = text.find(id);
    return at == std::string::npos ? text : text.replace(at, id.size(), "ID");
  }
};

TEST_F(KmsElsewhereTest, NobodyLearnsWhatKeysAnotherAccountHas) {
  const auto id = make_key();
  const auto there = *describe(id).arn;
  const std::string no_id = "00000000-0000-4000-8000-000000000000";
  const std::string absent = "arn:aws:kms:us-east-1:000000000000:key/" + no_id;
  for (const bool is_enabled : {true, false}) {
    if (!is_enabled) good<DisableKeyOutput>("DisableKey", DisableKeyRequest{.key_id = id});
    const auto told = without(through_service(there), id);
    EXPECT_TRUE(told.starts_with("AccessDeniedException: ")) << told;
    EXPECT_EQ(without(through_service(absent), no_id), told);
    const auto told_directly = without(directly(there), id);
    EXPECT_TRUE(told_directly.starts_with("AccessDeniedException: ")) << told_directly;
    EXPECT_EQ(without(directly(absent), no_id), told_directly);
  }
  be("eve");
  fixture.run(use(id));
  EXPECT_EQ(used_.error().code, "AccessDeniedException") << "nor, without leave, what becomes of her own account's";
}

}  // namespace
}  // namespace boreal::kms
