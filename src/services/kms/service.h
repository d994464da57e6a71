// KMS: symmetric keys and what may be done with them. README.md says how it works.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/kms/service.h"
#include "aws/context.h"
#include "aws/key_watch.h"
#include "aws/peers.h"
#include "aws/policy_principals.h"
#include "aws/record_cache.h"
#include "aws/timekeeper.h"
#include "base/sync.h"
#include "crypto/sealer.h"
#include "kms/ciphertext.h"
#include "kms/references.h"
#include "kms/resources.h"

namespace boreal::kms {

// Thread rule: the loop.
class Service final : public api::kms::Api, public aws::Keys, public aws::KeyWatch {
 public:
  // `sealer` keeps the backing keys.
  Service(aws::ServiceContext context, crypto::Sealer sealer);

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;
  Task<Result<void>> start() override;
  Task<void> stop() override;
  bool has_been_round(int64_t since_ns) const override { return timekeeper_.has_been_round(since_ns); }
  // Makes the index of aliases by key where it is not. What start() does first.
  Task<Result<void>> index_aliases();
  // Deletes and rotates what is due now; answers when there will be more. The worker's work.
  Task<Result<Time>> do_what_is_due();

  // aws::Keys (peer.cc)
  Task<aws::Outcome<DataKey>> generate_data_key(aws::Asker asker, std::string account, std::string region,
                                                std::string service, std::string key_id, Context context) override;
  Task<aws::Outcome<std::string>> decrypt(aws::Asker asker, std::string account, std::string region,
                                          std::string ciphertext, Context context) override;
  Task<aws::Outcome<std::string>> encrypt(aws::Asker asker, std::string account, std::string region,
                                          std::string service, std::string key_arn, std::string plaintext,
                                          Context context) override;
  Task<aws::Outcome<std::string>> describe(std::string account, std::string region, std::string service,
                                           std::string key_id) override;

  // aws::KeyWatch
  void on_key_change(std::function<void(const std::string& key_arn)> callback) override {
    key_changed_ = std::move(callback);
  }

  // keys.cc
  Task<aws::Outcome<api::kms::CreateKeyResponse>> create_key(aws::Call& call,
                                                             api::kms::CreateKeyRequest input) override;
  Task<aws::Outcome<api::kms::DescribeKeyResponse>> describe_key(aws::Call& call,
                                                                 api::kms::DescribeKeyRequest input) override;
  Task<aws::Outcome<api::kms::ListKeysResponse>> list_keys(aws::Call& call, api::kms::ListKeysRequest input) override;
  Task<aws::Outcome<api::kms::EnableKeyOutput>> enable_key(aws::Call& call, api::kms::EnableKeyRequest input) override;
  Task<aws::Outcome<api::kms::DisableKeyOutput>> disable_key(aws::Call& call,
                                                             api::kms::DisableKeyRequest input) override;
  Task<aws::Outcome<api::kms::UpdateKeyDescriptionOutput>> update_key_description(
      aws::Call& call, api::kms::UpdateKeyDescriptionRequest input) override;
  Task<aws::Outcome<api::kms::ScheduleKeyDeletionResponse>> schedule_key_deletion(
      aws::Call& call, api::kms::ScheduleKeyDeletionRequest input) override;
  Task<aws::Outcome<api::kms::CancelKeyDeletionResponse>> cancel_key_deletion(
      aws::Call& call, api::kms::CancelKeyDeletionRequest input) override;
  Task<aws::Outcome<api::kms::TagResourceOutput>> tag_resource(aws::Call& call,
                                                               api::kms::TagResourceRequest input) override;
  Task<aws::Outcome<api::kms::UntagResourceOutput>> untag_resource(aws::Call& call,
                                                                   api::kms::UntagResourceRequest input) override;
  Task<aws::Outcome<api::kms::ListResourceTagsResponse>> list_resource_tags(
      aws::Call& call, api::kms::ListResourceTagsRequest input) override;

  // rotation.cc
  Task<aws::Outcome<api::kms::EnableKeyRotationOutput>> enable_key_rotation(
      aws::Call& call, api::kms::EnableKeyRotationRequest input) override;
  Task<aws::Outcome<api::kms::DisableKeyRotationOutput>> disable_key_rotation(
      aws::Call& call, api::kms::DisableKeyRotationRequest input) override;
  Task<aws::Outcome<api::kms::GetKeyRotationStatusResponse>> get_key_rotation_status(
      aws::Call& call, api::kms::GetKeyRotationStatusRequest input) override;
  Task<aws::Outcome<api::kms::RotateKeyOnDemandResponse>> rotate_key_on_demand(
      aws::Call& call, api::kms::RotateKeyOnDemandRequest input) override;
  Task<aws::Outcome<api::kms::ListKeyRotationsResponse>> list_key_rotations(
      aws::Call& call, api::kms::ListKeyRotationsRequest input) override;

  // cryptography.cc
  Task<aws::Outcome<api::kms::EncryptResponse>> encrypt(aws::Call& call, api::kms::EncryptRequest input) override;
  Task<aws::Outcome<api::kms::DecryptResponse>> decrypt(aws::Call& call, api::kms::DecryptRequest input) override;
  Task<aws::Outcome<api::kms::ReEncryptResponse>> re_encrypt(aws::Call& call,
                                                             api::kms::ReEncryptRequest input) override;
  Task<aws::Outcome<api::kms::GenerateDataKeyResponse>> generate_data_key(
      aws::Call& call, api::kms::GenerateDataKeyRequest input) override;
  Task<aws::Outcome<api::kms::GenerateDataKeyWithoutPlaintextResponse>> generate_data_key_without_plaintext(
      aws::Call& call, api::kms::GenerateDataKeyWithoutPlaintextRequest input) override;
  Task<aws::Outcome<api::kms::GenerateRandomResponse>> generate_random(aws::Call& call,
                                                                       api::kms::GenerateRandomRequest input) override;

  // policies.cc
  Task<aws::Outcome<api::kms::GetKeyPolicyResponse>> get_key_policy(aws::Call& call,
                                                                    api::kms::GetKeyPolicyRequest input) override;
  Task<aws::Outcome<api::kms::PutKeyPolicyOutput>> put_key_policy(aws::Call& call,
                                                                  api::kms::PutKeyPolicyRequest input) override;
  Task<aws::Outcome<api::kms::ListKeyPoliciesResponse>> list_key_policies(
      aws::Call& call, api::kms::ListKeyPoliciesRequest input) override;

  // aliases.cc
  Task<aws::Outcome<api::kms::CreateAliasOutput>> create_alias(aws::Call& call,
                                                               api::kms::CreateAliasRequest input) override;
  Task<aws::Outcome<api::kms::UpdateAliasOutput>> update_alias(aws::Call& call,
                                                               api::kms::UpdateAliasRequest input) override;
  Task<aws::Outcome<api::kms::DeleteAliasOutput>> delete_alias(aws::Call& call,
                                                               api::kms::DeleteAliasRequest input) override;
  Task<aws::Outcome<api::kms::ListAliasesResponse>> list_aliases(aws::Call& call,
                                                                 api::kms::ListAliasesRequest input) override;

  // grants.cc
  Task<aws::Outcome<api::kms::CreateGrantResponse>> create_grant(aws::Call& call,
                                                                 api::kms::CreateGrantRequest input) override;
  Task<aws::Outcome<api::kms::ListGrantsResponse>> list_grants(aws::Call& call,
                                                               api::kms::ListGrantsRequest input) override;
  Task<aws::Outcome<api::kms::ListGrantsResponse>> list_retirable_grants(
      aws::Call& call, api::kms::ListRetirableGrantsRequest input) override;
  Task<aws::Outcome<api::kms::RetireGrantOutput>> retire_grant(aws::Call& call,
                                                               api::kms::RetireGrantRequest input) override;
  Task<aws::Outcome<api::kms::RevokeGrantOutput>> revoke_grant(aws::Call& call,
                                                               api::kms::RevokeGrantRequest input) override;

 private:
  // A key that is being changed: committed together with it, or not at all.
  struct Change {
    store::Transaction tx;
    Key key;
    std::string state_before = {};
  };
  struct GrantAt {
    std::string partition;
    Grant grant;
  };
  struct Attached;

  // service.cc
  aws::Outcome<Key> find(const Reference& reference) const;
  aws::Outcome<Key> find(const aws::Call& call, const std::string& key_id) const;
  Task<aws::Outcome<Change>> begin_change(const aws::Call& call, std::string key_id);
  Task<aws::Outcome<void>> commit(Change change);
  // Adds material of the next version to the key, which the caller then stores.
  Result<void> add_material(store::Transaction& tx, Key& key, std::string rotation);
  // Good until the next call.
  Result<const crypto::SecretKey*> material(const Key& key, uint32_t version);

  // cryptography.cc
  aws::Outcome<std::string> seal(const Key& key, const EncryptionContext& context, Bytes plain);
  aws::Outcome<crypto::SecretBytes> open(const Key& key, const EncryptionContext& context, std::string_view ciphertext);
  // The same, remembered for a while: for data keys, which are opened again at each read of what they protect. Whether
  // the key may be used, and by whom, is the caller's to check each time.
  aws::Outcome<std::string> open_data_key(const Key& key, const EncryptionContext& context,
                                          const std::string& ciphertext);
  // Wipes what lies open of a key that was deleted.
  void forget(const std::string& key_id);
  Result<std::string> material_id(const Key& key, uint32_t version) const;
  aws::Outcome<Key> key_of_ciphertext(const aws::Call& call, std::string_view ciphertext) const;
  aws::Outcome<Key> decrypting_key(const aws::Call& call, std::string_view ciphertext,
                                   const std::optional<std::string>& key_id) const;

  // peer.cc
  // `action`: what the key is wanted for.
  Task<aws::Outcome<Key>> find_for(aws::Asker asker, Reference reference, std::string action);
  Task<aws::Outcome<Key>> key_for_service(aws::Asker asker, std::string account, std::string region,
                                          std::string service, std::string key_id, std::string action);
  Task<aws::Outcome<Key>> managed_key(std::string account, std::string region, std::string service);
  Task<aws::Outcome<void>> authorize_for_service(const aws::Asker& asker, const Key& key, std::string_view service,
                                                 std::string action, const Context& context);
  Task<aws::Outcome<void>> authorize_grant(const aws::Asker& asker, const Key& key, std::string service,
                                           const Context& context, std::multimap<std::string, std::string> told);

  // aliases.cc
  static aws::Outcome<void> check_count(const Change& change);

  // access.cc
  // Whether a grant of the action lets the caller do what the call wants; empty: it does.
  using Covers = std::function<bool(const Grant&)>;
  // What these refer to lives until they have ended.
  Task<aws::Outcome<aws::Access>> guard(const aws::Caller& caller, Key key, std::string action,
                                        const EncryptionContext* encryption_context,
                                        std::multimap<std::string, std::string> context, Covers covers = {});
  // To make such a grant.
  Task<aws::Outcome<aws::Access>> guard_grant(const aws::Caller& caller, Key key,
                                              const api::kms::CreateGrantRequest& wanted,
                                              std::multimap<std::string, std::string> context);
  Task<aws::Outcome<void>> complete(aws::Call& call, const aws::Value& input, aws::Access& access);
  Task<aws::Outcome<std::vector<aws::Access>>> alias_access(aws::Call& call, std::vector<aws::Access> accesses);
  Task<aws::Outcome<std::vector<aws::Access>>> retire_access(const aws::Call& call,
                                                             const api::kms::RetireGrantRequest& input);

  // policies.cc
  aws::Outcome<std::string> policy_of(const Key& key) const;
  Task<aws::Outcome<aws::KeptPolicy>> check_policy(aws::Call& call, std::string arn, std::string policy,
                                                   bool bypass_lockout);

  // grants.cc
  Task<aws::Outcome<api::kms::ListGrantsResponse>> list_grants(
      aws::Call& call, std::string partition, std::string prefix, std::optional<std::string> marker, size_t limit,
      std::function<bool(const api::kms::GrantListEntry&)> take);
  // Who may create grants by a grant gives no more than that grant gives: some of its operations, bound as strictly.
  static bool may_hand_on(const Grant& parent, const api::kms::CreateGrantRequest& wanted);
  // Whether it is the caller, or the caller's account. `id`: of the user or role that had the ARN; empty: the ARN alone
  // says who it is.
  static bool is_principal(const std::string& arn, const std::string& id, const aws::Principal& caller);
  // Who may retire the grant, as a policy that takes the place of the key's.
  static std::string retiring_policy(const Grant& grant, const std::string& key_account, const aws::Principal& caller);
  // The policy with a statement for every grant that lets the caller do this.
  static Result<std::string> with_grants(std::string policy, const Attached& attached, const aws::Principal& principal,
                                         std::string_view action, const EncryptionContext* encryption_context,
                                         const Covers& covers);
  aws::Outcome<GrantAt> find_grant(const aws::Call& call, const api::kms::RetireGrantRequest& input) const;
  aws::Outcome<void> check_grant_tokens(const aws::Call& call, const aws::Value& input) const;

  // attached.cc
  // What refers to a key and counts at every use of it.
  struct Attached {
    std::vector<std::string> aliases;                    // "alias/NAME"
    std::unordered_multimap<std::string, Grant> grants;  // by whom they are for: unique id, or ARN
    bool is_whole = false;                               // not while it is still being read
  };
  // Kept up to date with what is committed, so good until the next suspension.
  Task<Result<std::shared_ptr<const Attached>>> attached_to(Key key);
  Task<Result<void>> read_attached(Key key, Attached& into) const;
  // Where the key's is known it follows what was committed; where it is being read it is read again by the next.
  // `seen`: what was known before the commit.
  void add_attached(const std::string& key_arn, const Attached& seen, const Grant& grant);
  void remove_attached(const std::string& key_arn, const Grant& grant);
  void forget_attached(const std::string& key_arn) { attached_.erase(key_arn); }
  Task<Result<void>> index_aliases(std::string partition);

  // rotation.cc
  Task<Result<Time>> do_what_is_due(std::string partition);
  Task<Result<Time>> do_what_is_due(std::string partition, std::string key_id);
  Task<Result<void>> remove_key(store::Transaction& tx, const Key& key);

  aws::ServiceContext context_;
  crypto::Sealer sealer_;
  struct OpenedKey {
    std::string key_id;
    EncryptionContext context;
    crypto::SecretBytes plain;
    Time until;
  };

  std::map<std::pair<std::string, uint32_t>, crypto::SecretKey> materials_;  // opened, by key id and version; bounded
  std::unordered_map<std::string, OpenedKey> data_keys_;                     // opened, by ciphertext; bounded
  Mutex reading_;                                                            // of what is attached to keys
  std::unordered_map<std::string, std::shared_ptr<Attached>> attached_;      // by key ARN; bounded
  mutable aws::RecordCache<Key> keys_;
  aws::Timekeeper timekeeper_;
  std::function<void(const std::string& key_arn)> key_changed_;
};

// DisabledException or KMSInvalidStateException, unless the key may be used.
aws::Outcome<void> check_usable(const Key& key);
// KMSInvalidStateException while the key waits for its deletion.
aws::Outcome<void> check_not_pending(const Key& key);

// Until it is deleted, and between rotations: as the request says, or as they are else.
int32_t days_of(const api::kms::ScheduleKeyDeletionRequest& input);
int32_t days_of(const api::kms::EnableKeyRotationRequest& input, const Key& key);

// ValidationException when it is too large: policies and grants are compared with all of it.
aws::Outcome<void> check_context(const EncryptionContext& context);

std::string partition_of(std::string_view account, std::string_view region);
// "kms/ACCOUNT/REGION" -> "ACCOUNT"; empty when it is not written so.
std::string account_of(std::string_view partition);
// By whom a grant is found: the unique id of its grantee, or the ARN of one that has none.
const std::string& grantee_name(const Grant& grant);
// {"Version": …}: the account's identity policies decide.
std::string default_policy(std::string_view account);
// Whoever the account lets use the service may use the service's key through it.
std::string managed_key_policy(const Key& key);

// To what the grant is to be bound. Terraform's provider sends the other constraint, too, as one of nothing.
api::kms::GrantConstraints constraints_of(const api::kms::CreateGrantRequest& input);

// Whether it is an alias that AWS has for one of its services in the account: DescribeKey makes the key.
// Source: KMS API Reference, DescribeKey, parameter KeyId.
bool is_predefined(const aws::Call& call, const Reference& reference);

// What nobody is allowed: of another account's key that is not there no more is told than of one that is.
aws::Access absent_key(const Reference& reference, std::string action);
// The error of a DryRun that would have gone well.
aws::ApiError dry_run_succeeded();

// Where a page begins: at the path that its marker tells. InvalidMarkerException.
aws::Outcome<std::string> page_start(const std::string& prefix, const std::optional<std::string>& marker);
std::string marker_of(const std::string& prefix, std::string_view path);
// One page of a listing in the order of keys. `unwritten`: of things that are listed though no record tells of them.
struct Page {
  std::vector<std::pair<std::string, std::string>> items;
  std::optional<std::string> next_marker;
};
aws::Outcome<Page> list_page(const store::Catalog& catalog, const std::string& partition, const std::string& prefix,
                             size_t limit, const std::optional<std::string>& marker,
                             const std::vector<std::string>& unwritten = {});

}  // namespace boreal::kms
