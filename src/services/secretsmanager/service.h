// Secrets Manager. README.md says how it works.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/secretsmanager/service.h"
#include "aws/context.h"
#include "aws/managed_secrets.h"
#include "aws/peers.h"
#include "aws/record_cache.h"
#include "aws/timekeeper.h"
#include "secretsmanager/resources.h"

namespace boreal::secretsmanager {

// What a secret holds. Not logged.
struct SecretValue {
  std::string bytes;
  bool is_binary = false;
};

// Thread rule: the loop.
class Service final : public api::secretsmanager::Api, public aws::Secrets, public aws::ManagedSecrets {
 public:
  Service(aws::ServiceContext context, aws::Keys& keys);

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;
  Task<Result<void>> start() override;
  Task<void> stop() override;
  bool has_been_round(int64_t since_ns) const override { return timekeeper_.has_been_round(since_ns); }
  // Deletes what is due and brings copies in step; answers when there will be more. The worker's work.
  Task<Result<Time>> do_what_is_due();

  // aws::Secrets: the current value.
  Task<aws::Outcome<std::string>> value(aws::Asker asker, std::string account, std::string region,
                                        std::string secret_arn) override;

  // aws::ManagedSecrets (managed.cc)
  std::string managed_arn(const std::string& account, const std::string& region,
                          const std::string& name) const override;
  Task<aws::Outcome<void>> put_managed(std::string account, std::string region, aws::ManagedSecret wanted,
                                       std::string value) override;
  Task<aws::Outcome<void>> remove_managed(std::string account, std::string region, std::string owner,
                                          std::string name) override;

  // secrets.cc
  Task<aws::Outcome<api::secretsmanager::CreateSecretResponse>> create_secret(
      aws::Call& call, api::secretsmanager::CreateSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::DescribeSecretResponse>> describe_secret(
      aws::Call& call, api::secretsmanager::DescribeSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::UpdateSecretResponse>> update_secret(
      aws::Call& call, api::secretsmanager::UpdateSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::DeleteSecretResponse>> delete_secret(
      aws::Call& call, api::secretsmanager::DeleteSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::RestoreSecretResponse>> restore_secret(
      aws::Call& call, api::secretsmanager::RestoreSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::RotateSecretResponse>> rotate_secret(
      aws::Call& call, api::secretsmanager::RotateSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::CancelRotateSecretResponse>> cancel_rotate_secret(
      aws::Call& call, api::secretsmanager::CancelRotateSecretRequest input) override;
  Task<aws::Outcome<api::secretsmanager::TagResourceOutput>> tag_resource(
      aws::Call& call, api::secretsmanager::TagResourceRequest input) override;
  Task<aws::Outcome<api::secretsmanager::UntagResourceOutput>> untag_resource(
      aws::Call& call, api::secretsmanager::UntagResourceRequest input) override;

  // versions.cc
  Task<aws::Outcome<api::secretsmanager::PutSecretValueResponse>> put_secret_value(
      aws::Call& call, api::secretsmanager::PutSecretValueRequest input) override;
  Task<aws::Outcome<api::secretsmanager::GetSecretValueResponse>> get_secret_value(
      aws::Call& call, api::secretsmanager::GetSecretValueRequest input) override;
  Task<aws::Outcome<api::secretsmanager::ListSecretVersionIdsResponse>> list_secret_version_ids(
      aws::Call& call, api::secretsmanager::ListSecretVersionIdsRequest input) override;
  Task<aws::Outcome<api::secretsmanager::UpdateSecretVersionStageResponse>> update_secret_version_stage(
      aws::Call& call, api::secretsmanager::UpdateSecretVersionStageRequest input) override;

  // listing.cc
  Task<aws::Outcome<api::secretsmanager::ListSecretsResponse>> list_secrets(
      aws::Call& call, api::secretsmanager::ListSecretsRequest input) override;
  Task<aws::Outcome<api::secretsmanager::BatchGetSecretValueResponse>> batch_get_secret_value(
      aws::Call& call, api::secretsmanager::BatchGetSecretValueRequest input) override;

  // password.cc
  Task<aws::Outcome<api::secretsmanager::GetRandomPasswordResponse>> get_random_password(
      aws::Call& call, api::secretsmanager::GetRandomPasswordRequest input) override;

  // policies.cc
  Task<aws::Outcome<api::secretsmanager::PutResourcePolicyResponse>> put_resource_policy(
      aws::Call& call, api::secretsmanager::PutResourcePolicyRequest input) override;
  Task<aws::Outcome<api::secretsmanager::GetResourcePolicyResponse>> get_resource_policy(
      aws::Call& call, api::secretsmanager::GetResourcePolicyRequest input) override;
  Task<aws::Outcome<api::secretsmanager::DeleteResourcePolicyResponse>> delete_resource_policy(
      aws::Call& call, api::secretsmanager::DeleteResourcePolicyRequest input) override;
  Task<aws::Outcome<api::secretsmanager::ValidateResourcePolicyResponse>> validate_resource_policy(
      aws::Call& call, api::secretsmanager::ValidateResourcePolicyRequest input) override;

  // replication.cc
  Task<aws::Outcome<api::secretsmanager::ReplicateSecretToRegionsResponse>> replicate_secret_to_regions(
      aws::Call& call, api::secretsmanager::ReplicateSecretToRegionsRequest input) override;
  Task<aws::Outcome<api::secretsmanager::RemoveRegionsFromReplicationResponse>> remove_regions_from_replication(
      aws::Call& call, api::secretsmanager::RemoveRegionsFromReplicationRequest input) override;
  Task<aws::Outcome<api::secretsmanager::StopReplicationToReplicaResponse>> stop_replication_to_replica(
      aws::Call& call, api::secretsmanager::StopReplicationToReplicaRequest input) override;

 private:
  // A secret that is being changed: committed together with its versions, or not at all.
  struct Change {
    store::Transaction tx;
    Secret secret;
  };
  enum class Wanted { any, living, primary };  // primary: alive, and no copy of another region's

  // service.cc
  // Null: there is none. Shared: by the cache and by calls under way.
  aws::Outcome<std::shared_ptr<const Secret>> look_up(const std::string& account, const std::string& region,
                                                      const std::string& secret_id) const;
  // Not one that came to be called so after policies were asked.
  aws::Outcome<std::shared_ptr<const Secret>> find(const aws::Call& call, const std::string& secret_id,
                                                   Wanted wanted) const;
  Task<aws::Outcome<Change>> begin_change(const aws::Call& call, std::string secret_id, Wanted wanted);
  // Counts the change, so that copies follow.
  Task<aws::Outcome<void>> commit(Change change);
  aws::Outcome<Version> seal(const Secret& secret, std::string version_id, const SecretValue& value,
                             const aws::Keys::DataKey& key);
  Task<aws::Outcome<Version>> encrypt(aws::Call* call, Secret secret, std::string version_id, SecretValue value);
  // What it refers to must live until it has ended.
  Task<aws::Outcome<SecretValue>> decrypt(aws::Asker asker, const Secret& secret, const Version& version);
  Result<std::vector<Version>> versions_of(const store::Transaction& tx, const Secret& secret) const;
  Result<void> remove_secret(store::Transaction& tx, const Secret& secret) const;

  // versions.cc
  struct Added {
    std::string version_id;
    bool is_new = false;
  };
  // Adds a version, unless the token already made the same one.
  Task<aws::Outcome<Added>> add_version(aws::Call& call, Change& change, std::string token, SecretValue value,
                                        std::vector<std::string> labels);
  // Answers how many versions are left.
  Result<size_t> prune(store::Transaction& tx, const Secret& secret) const;
  // The same after a version was added. LimitExceededException: it is one too many.
  aws::Outcome<void> make_room(store::Transaction& tx, const Secret& secret) const;
  // The secret as it is when that is over.
  Task<aws::Outcome<std::shared_ptr<const Secret>>> wait_for_first_value(const aws::Call& call, std::string secret_id,
                                                                         std::shared_ptr<const Secret> secret);
  // What access() says of the request, asked once more: for who has waited.
  Task<aws::Outcome<void>> authorize_again(aws::Call& call, api::secretsmanager::GetSecretValueRequest input);
  Task<aws::Outcome<api::secretsmanager::GetSecretValueResponse>> read_value(aws::Call& call,
                                                                             std::shared_ptr<const Secret> secret,
                                                                             std::optional<std::string> version_id,
                                                                             std::optional<std::string> label);
  Task<aws::Outcome<void>> note_access(Secret secret, Version version);

  // secrets.cc
  Task<aws::Outcome<void>> change_key(aws::Call& call, Change& change, std::string kms_key_id);

  // listing.cc
  Task<Result<std::vector<Secret>>> list_matching(const aws::Call& call,
                                                  std::vector<api::secretsmanager::Filter> filters,
                                                  bool with_deleted) const;
  Task<aws::Outcome<api::secretsmanager::SecretValueEntry>> read_entry(aws::Call& call, std::string secret_id);

  // access.cc
  Task<void> add_key(const aws::Call& call, const aws::Value& input, std::string key_id, aws::Access& access);
  aws::Outcome<aws::Access> guard(aws::Call& call, const std::string& secret_id, aws::Access access) const;
  static Task<aws::Outcome<void>> authorize_reading(aws::Asker asker, std::shared_ptr<const Secret> secret,
                                                    std::string secret_arn);

  // replication.cc
  Task<Result<Time>> do_what_is_due(std::string partition);
  Task<Result<Time>> tend(std::string partition, Secret secret);
  Task<Result<Time>> delete_if_due(std::string partition, std::string name);
  Task<Result<void>> synchronise(Secret secret);
  Task<Result<void>> report(Secret secret, std::string region, std::string status, std::string message);
  Task<aws::Outcome<void>> copy(Secret secret, Replica replica);
  Task<aws::Outcome<void>> drop_copy(Secret secret, std::string region);
  // Copies are made in the service's own name. So whoever asks for them must be allowed to seal by their keys, and to
  // open by all keys that the secret's versions are sealed under.
  Task<aws::Outcome<void>> check_copies_keys(aws::Call& call, Secret secret,
                                             std::vector<api::secretsmanager::ReplicaRegionType> regions);
  Task<aws::Outcome<void>> check_readable(aws::Call& call, const Change& change);

  aws::ServiceContext context_;
  aws::Keys& keys_;
  aws::Timekeeper timekeeper_;
  mutable aws::RecordCache<Secret> secrets_;
  aws::RecordCache<Version> versions_;
  size_t waiting_for_values_ = 0;  // requests
};

// ResourceNotFoundException in AWS's words.
aws::ApiError no_such_secret();
// What another service keeps is that service's to change.
aws::Outcome<void> check_not_managed(const Secret& secret);
// Exactly one of them must be there.
aws::Outcome<std::optional<SecretValue>> value_of(std::optional<std::string> text, std::optional<codec::Blob> binary);
// Adds replica regions to a new or standing secret.
aws::Outcome<void> add_replicas(Secret& secret, const std::vector<api::secretsmanager::ReplicaRegionType>& regions,
                                bool overwrite);
std::vector<api::secretsmanager::ReplicationStatusType> replication_status(const Secret& secret);
aws::Outcome<void> add_tags(Secret& secret, const std::vector<api::secretsmanager::Tag>& tags);
std::vector<api::secretsmanager::Tag> tags_of(const Secret& secret);
std::map<std::string, std::vector<std::string>> stages_by_version(const Secret& secret);

}  // namespace boreal::secretsmanager
