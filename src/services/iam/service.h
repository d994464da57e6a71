// AWS Identity and Access Management, and what the gate, STS and the services that act under roles ask of it.
// README.md tells how it hangs together.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/iam/service.h"
#include "aws/context.h"
#include "aws/gate.h"
#include "aws/peers.h"
#include "aws/record_cache.h"
#include "base/sync.h"
#include "crypto/sealer.h"
#include "iam/convert.h"
#include "iam/directory.h"
#include "iam/resources.h"

namespace boreal::iam {

struct Options {
  // Secret "test": access key "test" is the root of account 000000000000, any 12 digits that of the account they name.
  bool dev = false;
};

// An access key as it is shown once.
struct RootKey {
  std::string access_key_id;
  std::string secret_access_key;
};

class Service final : public api::iam::Api, public aws::Identities, public aws::Roles, public aws::Sessions {
 public:
  Service(aws::ServiceContext context, crypto::Sealer sealer, Options options);

  // The account's first root key, made now; nullopt when the account has had one. Not kept in clear: show it.
  // `replace`: one is made in any case, and those that there were open nothing any more.
  Task<Result<std::optional<RootKey>>> ensure_root_key(std::string account, bool replace = false);

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;
  // Writes down when keys and roles were last used.
  Task<void> stop() override;

  // aws::Identities
  Task<aws::Outcome<std::optional<Credential>>> credential(std::string access_key, std::string session_token) override;
  Task<aws::Outcome<Policies>> policies(const aws::Principal& principal) override;
  Task<aws::Outcome<std::optional<RoleSession>>> role_session(std::string role_arn, std::string session_name) override;
  Task<aws::Outcome<std::optional<std::string>>> principal_id(std::string arn) override;
  Task<aws::Outcome<std::optional<std::string>>> principal_arn(std::string id, std::string arn) override;
  void note_use(const aws::Principal& principal, std::string_view service, std::string_view region) override;

  // aws::Roles
  Task<aws::Outcome<void>> check_pass(aws::Call& call, std::string role_arn, std::string service,
                                      std::string source_arn) override;

  // aws::Sessions
  Task<aws::Outcome<Issued>> issue(aws::Principal principal, Duration duration) override;
  Task<aws::Outcome<std::optional<Role>>> role(std::string role_arn) override;
  std::optional<std::string> account_of(std::string_view access_key) const override;
  Task<aws::Outcome<bool>> has_policy(std::string account, std::string policy_arn) override;

  // users.cc
  Task<aws::Outcome<api::iam::CreateUserResponse>> create_user(aws::Call& call,
                                                               api::iam::CreateUserRequest input) override;
  Task<aws::Outcome<api::iam::GetUserResponse>> get_user(aws::Call& call, api::iam::GetUserRequest input) override;
  Task<aws::Outcome<api::iam::ListUsersResponse>> list_users(aws::Call& call,
                                                             api::iam::ListUsersRequest input) override;
  Task<aws::Outcome<api::iam::UpdateUserOutput>> update_user(aws::Call& call,
                                                             api::iam::UpdateUserRequest input) override;
  Task<aws::Outcome<api::iam::DeleteUserOutput>> delete_user(aws::Call& call,
                                                             api::iam::DeleteUserRequest input) override;

  // access_keys.cc
  Task<aws::Outcome<api::iam::CreateAccessKeyResponse>> create_access_key(
      aws::Call& call, api::iam::CreateAccessKeyRequest input) override;
  Task<aws::Outcome<api::iam::ListAccessKeysResponse>> list_access_keys(aws::Call& call,
                                                                        api::iam::ListAccessKeysRequest input) override;
  Task<aws::Outcome<api::iam::UpdateAccessKeyOutput>> update_access_key(
      aws::Call& call, api::iam::UpdateAccessKeyRequest input) override;
  Task<aws::Outcome<api::iam::DeleteAccessKeyOutput>> delete_access_key(
      aws::Call& call, api::iam::DeleteAccessKeyRequest input) override;
  Task<aws::Outcome<api::iam::GetAccessKeyLastUsedResponse>> get_access_key_last_used(
      aws::Call& call, api::iam::GetAccessKeyLastUsedRequest input) override;

  // absent.cc
  Task<aws::Outcome<api::iam::GetLoginProfileResponse>> get_login_profile(
      aws::Call& call, api::iam::GetLoginProfileRequest input) override;
  Task<aws::Outcome<api::iam::DeleteLoginProfileOutput>> delete_login_profile(
      aws::Call& call, api::iam::DeleteLoginProfileRequest input) override;
  Task<aws::Outcome<api::iam::ListMFADevicesResponse>> list_mfa_devices(aws::Call& call,
                                                                        api::iam::ListMFADevicesRequest input) override;
  Task<aws::Outcome<api::iam::ListVirtualMFADevicesResponse>> list_virtual_mfa_devices(
      aws::Call& call, api::iam::ListVirtualMFADevicesRequest input) override;
  Task<aws::Outcome<api::iam::ListSSHPublicKeysResponse>> list_ssh_public_keys(
      aws::Call& call, api::iam::ListSSHPublicKeysRequest input) override;
  Task<aws::Outcome<api::iam::ListSigningCertificatesResponse>> list_signing_certificates(
      aws::Call& call, api::iam::ListSigningCertificatesRequest input) override;
  Task<aws::Outcome<api::iam::ListServiceSpecificCredentialsResponse>> list_service_specific_credentials(
      aws::Call& call, api::iam::ListServiceSpecificCredentialsRequest input) override;

  // groups.cc
  Task<aws::Outcome<api::iam::CreateGroupResponse>> create_group(aws::Call& call,
                                                                 api::iam::CreateGroupRequest input) override;
  Task<aws::Outcome<api::iam::GetGroupResponse>> get_group(aws::Call& call, api::iam::GetGroupRequest input) override;
  Task<aws::Outcome<api::iam::ListGroupsResponse>> list_groups(aws::Call& call,
                                                               api::iam::ListGroupsRequest input) override;
  Task<aws::Outcome<api::iam::UpdateGroupOutput>> update_group(aws::Call& call,
                                                               api::iam::UpdateGroupRequest input) override;
  Task<aws::Outcome<api::iam::DeleteGroupOutput>> delete_group(aws::Call& call,
                                                               api::iam::DeleteGroupRequest input) override;
  Task<aws::Outcome<api::iam::AddUserToGroupOutput>> add_user_to_group(aws::Call& call,
                                                                       api::iam::AddUserToGroupRequest input) override;
  Task<aws::Outcome<api::iam::RemoveUserFromGroupOutput>> remove_user_from_group(
      aws::Call& call, api::iam::RemoveUserFromGroupRequest input) override;
  Task<aws::Outcome<api::iam::ListGroupsForUserResponse>> list_groups_for_user(
      aws::Call& call, api::iam::ListGroupsForUserRequest input) override;

  // roles.cc
  Task<aws::Outcome<api::iam::CreateRoleResponse>> create_role(aws::Call& call,
                                                               api::iam::CreateRoleRequest input) override;
  Task<aws::Outcome<api::iam::GetRoleResponse>> get_role(aws::Call& call, api::iam::GetRoleRequest input) override;
  Task<aws::Outcome<api::iam::ListRolesResponse>> list_roles(aws::Call& call,
                                                             api::iam::ListRolesRequest input) override;
  Task<aws::Outcome<api::iam::UpdateRoleResponse>> update_role(aws::Call& call,
                                                               api::iam::UpdateRoleRequest input) override;
  Task<aws::Outcome<api::iam::UpdateRoleDescriptionResponse>> update_role_description(
      aws::Call& call, api::iam::UpdateRoleDescriptionRequest input) override;
  Task<aws::Outcome<api::iam::UpdateAssumeRolePolicyOutput>> update_assume_role_policy(
      aws::Call& call, api::iam::UpdateAssumeRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::DeleteRoleOutput>> delete_role(aws::Call& call,
                                                             api::iam::DeleteRoleRequest input) override;
  Task<aws::Outcome<api::iam::CreateServiceLinkedRoleResponse>> create_service_linked_role(
      aws::Call& call, api::iam::CreateServiceLinkedRoleRequest input) override;
  Task<aws::Outcome<api::iam::DeleteServiceLinkedRoleResponse>> delete_service_linked_role(
      aws::Call& call, api::iam::DeleteServiceLinkedRoleRequest input) override;
  Task<aws::Outcome<api::iam::GetServiceLinkedRoleDeletionStatusResponse>> get_service_linked_role_deletion_status(
      aws::Call& call, api::iam::GetServiceLinkedRoleDeletionStatusRequest input) override;

  // entity_policies.cc: what users, groups and roles have alike
  Task<aws::Outcome<api::iam::PutUserPolicyOutput>> put_user_policy(aws::Call& call,
                                                                    api::iam::PutUserPolicyRequest input) override;
  Task<aws::Outcome<api::iam::PutGroupPolicyOutput>> put_group_policy(aws::Call& call,
                                                                      api::iam::PutGroupPolicyRequest input) override;
  Task<aws::Outcome<api::iam::PutRolePolicyOutput>> put_role_policy(aws::Call& call,
                                                                    api::iam::PutRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetUserPolicyResponse>> get_user_policy(aws::Call& call,
                                                                      api::iam::GetUserPolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetGroupPolicyResponse>> get_group_policy(aws::Call& call,
                                                                        api::iam::GetGroupPolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetRolePolicyResponse>> get_role_policy(aws::Call& call,
                                                                      api::iam::GetRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::DeleteUserPolicyOutput>> delete_user_policy(
      aws::Call& call, api::iam::DeleteUserPolicyRequest input) override;
  Task<aws::Outcome<api::iam::DeleteGroupPolicyOutput>> delete_group_policy(
      aws::Call& call, api::iam::DeleteGroupPolicyRequest input) override;
  Task<aws::Outcome<api::iam::DeleteRolePolicyOutput>> delete_role_policy(
      aws::Call& call, api::iam::DeleteRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::AttachUserPolicyOutput>> attach_user_policy(
      aws::Call& call, api::iam::AttachUserPolicyRequest input) override;
  Task<aws::Outcome<api::iam::AttachGroupPolicyOutput>> attach_group_policy(
      aws::Call& call, api::iam::AttachGroupPolicyRequest input) override;
  Task<aws::Outcome<api::iam::AttachRolePolicyOutput>> attach_role_policy(
      aws::Call& call, api::iam::AttachRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::DetachUserPolicyOutput>> detach_user_policy(
      aws::Call& call, api::iam::DetachUserPolicyRequest input) override;
  Task<aws::Outcome<api::iam::DetachGroupPolicyOutput>> detach_group_policy(
      aws::Call& call, api::iam::DetachGroupPolicyRequest input) override;
  Task<aws::Outcome<api::iam::DetachRolePolicyOutput>> detach_role_policy(
      aws::Call& call, api::iam::DetachRolePolicyRequest input) override;
  Task<aws::Outcome<api::iam::ListUserPoliciesResponse>> list_user_policies(
      aws::Call& call, api::iam::ListUserPoliciesRequest input) override;
  Task<aws::Outcome<api::iam::ListGroupPoliciesResponse>> list_group_policies(
      aws::Call& call, api::iam::ListGroupPoliciesRequest input) override;
  Task<aws::Outcome<api::iam::ListRolePoliciesResponse>> list_role_policies(
      aws::Call& call, api::iam::ListRolePoliciesRequest input) override;
  Task<aws::Outcome<api::iam::ListAttachedUserPoliciesResponse>> list_attached_user_policies(
      aws::Call& call, api::iam::ListAttachedUserPoliciesRequest input) override;
  Task<aws::Outcome<api::iam::ListAttachedGroupPoliciesResponse>> list_attached_group_policies(
      aws::Call& call, api::iam::ListAttachedGroupPoliciesRequest input) override;
  Task<aws::Outcome<api::iam::ListAttachedRolePoliciesResponse>> list_attached_role_policies(
      aws::Call& call, api::iam::ListAttachedRolePoliciesRequest input) override;
  Task<aws::Outcome<api::iam::PutUserPermissionsBoundaryOutput>> put_user_permissions_boundary(
      aws::Call& call, api::iam::PutUserPermissionsBoundaryRequest input) override;
  Task<aws::Outcome<api::iam::PutRolePermissionsBoundaryOutput>> put_role_permissions_boundary(
      aws::Call& call, api::iam::PutRolePermissionsBoundaryRequest input) override;
  Task<aws::Outcome<api::iam::DeleteUserPermissionsBoundaryOutput>> delete_user_permissions_boundary(
      aws::Call& call, api::iam::DeleteUserPermissionsBoundaryRequest input) override;
  Task<aws::Outcome<api::iam::DeleteRolePermissionsBoundaryOutput>> delete_role_permissions_boundary(
      aws::Call& call, api::iam::DeleteRolePermissionsBoundaryRequest input) override;

  // policies.cc
  Task<aws::Outcome<api::iam::CreatePolicyResponse>> create_policy(aws::Call& call,
                                                                   api::iam::CreatePolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetPolicyResponse>> get_policy(aws::Call& call,
                                                             api::iam::GetPolicyRequest input) override;
  Task<aws::Outcome<api::iam::ListPoliciesResponse>> list_policies(aws::Call& call,
                                                                   api::iam::ListPoliciesRequest input) override;
  Task<aws::Outcome<api::iam::DeletePolicyOutput>> delete_policy(aws::Call& call,
                                                                 api::iam::DeletePolicyRequest input) override;
  Task<aws::Outcome<api::iam::CreatePolicyVersionResponse>> create_policy_version(
      aws::Call& call, api::iam::CreatePolicyVersionRequest input) override;
  Task<aws::Outcome<api::iam::GetPolicyVersionResponse>> get_policy_version(
      aws::Call& call, api::iam::GetPolicyVersionRequest input) override;
  Task<aws::Outcome<api::iam::ListPolicyVersionsResponse>> list_policy_versions(
      aws::Call& call, api::iam::ListPolicyVersionsRequest input) override;
  Task<aws::Outcome<api::iam::DeletePolicyVersionOutput>> delete_policy_version(
      aws::Call& call, api::iam::DeletePolicyVersionRequest input) override;
  Task<aws::Outcome<api::iam::SetDefaultPolicyVersionOutput>> set_default_policy_version(
      aws::Call& call, api::iam::SetDefaultPolicyVersionRequest input) override;
  Task<aws::Outcome<api::iam::ListEntitiesForPolicyResponse>> list_entities_for_policy(
      aws::Call& call, api::iam::ListEntitiesForPolicyRequest input) override;

  // instance_profiles.cc
  Task<aws::Outcome<api::iam::CreateInstanceProfileResponse>> create_instance_profile(
      aws::Call& call, api::iam::CreateInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::GetInstanceProfileResponse>> get_instance_profile(
      aws::Call& call, api::iam::GetInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::ListInstanceProfilesResponse>> list_instance_profiles(
      aws::Call& call, api::iam::ListInstanceProfilesRequest input) override;
  Task<aws::Outcome<api::iam::ListInstanceProfilesForRoleResponse>> list_instance_profiles_for_role(
      aws::Call& call, api::iam::ListInstanceProfilesForRoleRequest input) override;
  Task<aws::Outcome<api::iam::AddRoleToInstanceProfileOutput>> add_role_to_instance_profile(
      aws::Call& call, api::iam::AddRoleToInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::RemoveRoleFromInstanceProfileOutput>> remove_role_from_instance_profile(
      aws::Call& call, api::iam::RemoveRoleFromInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::DeleteInstanceProfileOutput>> delete_instance_profile(
      aws::Call& call, api::iam::DeleteInstanceProfileRequest input) override;

  // tags.cc
  Task<aws::Outcome<api::iam::TagUserOutput>> tag_user(aws::Call& call, api::iam::TagUserRequest input) override;
  Task<aws::Outcome<api::iam::UntagUserOutput>> untag_user(aws::Call& call, api::iam::UntagUserRequest input) override;
  Task<aws::Outcome<api::iam::TagRoleOutput>> tag_role(aws::Call& call, api::iam::TagRoleRequest input) override;
  Task<aws::Outcome<api::iam::UntagRoleOutput>> untag_role(aws::Call& call, api::iam::UntagRoleRequest input) override;
  Task<aws::Outcome<api::iam::TagPolicyOutput>> tag_policy(aws::Call& call, api::iam::TagPolicyRequest input) override;
  Task<aws::Outcome<api::iam::UntagPolicyOutput>> untag_policy(aws::Call& call,
                                                               api::iam::UntagPolicyRequest input) override;
  Task<aws::Outcome<api::iam::TagInstanceProfileOutput>> tag_instance_profile(
      aws::Call& call, api::iam::TagInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::UntagInstanceProfileOutput>> untag_instance_profile(
      aws::Call& call, api::iam::UntagInstanceProfileRequest input) override;
  Task<aws::Outcome<api::iam::ListUserTagsResponse>> list_user_tags(aws::Call& call,
                                                                    api::iam::ListUserTagsRequest input) override;
  Task<aws::Outcome<api::iam::ListRoleTagsResponse>> list_role_tags(aws::Call& call,
                                                                    api::iam::ListRoleTagsRequest input) override;
  Task<aws::Outcome<api::iam::ListPolicyTagsResponse>> list_policy_tags(aws::Call& call,
                                                                        api::iam::ListPolicyTagsRequest input) override;
  Task<aws::Outcome<api::iam::ListInstanceProfileTagsResponse>> list_instance_profile_tags(
      aws::Call& call, api::iam::ListInstanceProfileTagsRequest input) override;

  // account.cc
  Task<aws::Outcome<api::iam::CreateAccountAliasOutput>> create_account_alias(
      aws::Call& call, api::iam::CreateAccountAliasRequest input) override;
  Task<aws::Outcome<api::iam::DeleteAccountAliasOutput>> delete_account_alias(
      aws::Call& call, api::iam::DeleteAccountAliasRequest input) override;
  Task<aws::Outcome<api::iam::ListAccountAliasesResponse>> list_account_aliases(
      aws::Call& call, api::iam::ListAccountAliasesRequest input) override;
  Task<aws::Outcome<api::iam::GetAccountSummaryResponse>> get_account_summary(
      aws::Call& call, api::iam::GetAccountSummaryInput input) override;
  Task<aws::Outcome<api::iam::GetAccountAuthorizationDetailsResponse>> get_account_authorization_details(
      aws::Call& call, api::iam::GetAccountAuthorizationDetailsRequest input) override;

  // simulate.cc
  Task<aws::Outcome<api::iam::SimulatePolicyResponse>> simulate_custom_policy(
      aws::Call& call, api::iam::SimulateCustomPolicyRequest input) override;
  Task<aws::Outcome<api::iam::SimulatePolicyResponse>> simulate_principal_policy(
      aws::Call& call, api::iam::SimulatePrincipalPolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetContextKeysForPolicyResponse>> get_context_keys_for_custom_policy(
      aws::Call& call, api::iam::GetContextKeysForCustomPolicyRequest input) override;
  Task<aws::Outcome<api::iam::GetContextKeysForPolicyResponse>> get_context_keys_for_principal_policy(
      aws::Call& call, api::iam::GetContextKeysForPrincipalPolicyRequest input) override;

 private:
  using CompiledPolicy = std::shared_ptr<const aws::Policy>;  // shared: by the caches and by evaluations under way

  // A living user or role, as requests need it.
  struct Standing {
    std::string id;
    std::string name;
    std::string arn;
    std::map<std::string, std::string> tags;
    std::vector<CompiledPolicy> identity;
    CompiledPolicy boundary;
  };
  // What was read of an account and not changed since; dropped whole by any change of it.
  struct Cache {
    std::unordered_map<std::string, Credential> credentials;                     // by access key id
    std::unordered_map<std::string, std::shared_ptr<const Standing>> standings;  // by entity key; shared: see above
    std::unordered_map<std::string, CompiledPolicy> managed;                     // by ARN
    std::shared_ptr<const PolicyUses> uses;                                      // of managed policies; null: not known
  };
  struct PendingUse {
    std::string account;
    LastUse use;
    Time written;  // what the catalog has is this old
    bool dirty = false;
  };

  Account account(std::string_view id) const { return {context_.catalog, std::string(id)}; }
  Account account(const aws::Call& call) const { return account(call.account); }
  // NoSuchEntity: what the call names is not what policies were asked about, now that the waiting for it is over.
  Task<aws::Outcome<store::Transaction>> begin(const aws::Call& call);
  // Commits, and forgets what was cached of the account.
  Task<aws::Outcome<void>> commit(store::Transaction& tx, const std::string& account);

  // Errors: EntityAlreadyExists, LimitExceeded; NoSuchEntity.
  aws::Outcome<void> check_new_entity(const store::Transaction& tx, Kind kind, std::string_view name) const;
  aws::Outcome<void> check_attachable(const std::string& account, const std::string& policy_arn);

  // access_keys.cc
  struct KeyHolder {
    Entity entity;
    std::string key;  // in the catalog
  };
  aws::Outcome<std::string> own_name(const aws::Call& call, const std::optional<std::string>& name) const;
  aws::Outcome<KeyHolder> key_holder(const store::Transaction& tx, const aws::Call& call,
                                     const std::optional<std::string>& name) const;

  // instance_profiles.cc
  aws::Outcome<api::iam::InstanceProfile> show_profile(const aws::Call& call, const InstanceProfile& profile,
                                                       Detail detail) const;

  // credentials.cc
  std::optional<Credential> dev_credential(const std::string& access_key) const;
  aws::Outcome<std::optional<Credential>> key_credential(const std::string& access_key);
  aws::Outcome<std::optional<Credential>> session_credential(const std::string& access_key, const std::string& token);
  // Puts the sealed key among the owner's and answers its secret.
  aws::Outcome<RootKey> add_key(store::Transaction& tx, const std::string& account, Entity& owner);
  Cache& cache(const std::string& account);

  // standing.cc
  CompiledPolicy compile(const std::string& document);
  aws::Outcome<CompiledPolicy> managed_policy(const std::string& account, const std::string& arn);
  aws::Outcome<std::shared_ptr<const PolicyUses>> known_uses(const std::string& account);  // shared: by the cache
  aws::Outcome<std::shared_ptr<const Standing>> standing(const std::string& account, Kind kind,
                                                         const std::string& name);
  aws::Outcome<void> add_policies(const std::string& account, const Entity& entity, Standing& standing);
  // The user or role that the principal is or is a session of; null when it is gone.
  aws::Outcome<std::shared_ptr<const Standing>> standing_of(const aws::Principal& principal);
  std::optional<LastUse> last_use(const std::string& account, const std::string& id) const;
  Task<void> write_use(std::string id);

  // entity_policies.cc
  Task<aws::Outcome<void>> put_inline(aws::Call& call, Kind kind, std::string entity, std::string name,
                                      std::string document);
  aws::Outcome<std::string> get_inline(const aws::Call& call, Kind kind, const std::string& entity,
                                       const std::string& name) const;
  Task<aws::Outcome<void>> delete_inline(aws::Call& call, Kind kind, std::string entity, std::string name);
  Task<aws::Outcome<void>> attach(aws::Call& call, Kind kind, std::string entity, std::string policy_arn);
  Task<aws::Outcome<void>> detach(aws::Call& call, Kind kind, std::string entity, std::string policy_arn);
  Task<aws::Outcome<void>> set_boundary(aws::Call& call, Kind kind, std::string entity, std::string policy_arn);

  // simulate.cc
  struct Simulation;
  struct NamedDocument {
    std::string name;
    std::string type;  // "IAM Policy" of a managed one, else "user", "group", "role"
    std::string document;
  };
  static aws::Outcome<api::iam::SimulatePolicyResponse> simulate(Simulation simulation);
  static aws::Outcome<std::vector<NamedDocument>> documents_of(const Account& from, Kind kind, const Entity& entity);
  aws::Outcome<std::pair<Kind, Entity>> need_source(const aws::Call& call, const std::string& arn) const;

  // access.cc
  aws::Outcome<void> complete(aws::Call& call, const aws::Value& input, aws::Access& access) const;

  aws::ServiceContext context_;
  crypto::Sealer sealer_;
  Options options_;
  std::unordered_map<std::string, Cache> caches_;  // by account; bounded
  aws::TextCache<aws::Policy> compiled_;
  std::unordered_map<std::string, Credential> sessions_;  // by session token, which says it all; bounded
  std::unordered_map<std::string, PendingUse> uses_;      // by access key id or role id; bounded
  TaskGroup writers_;
};

}  // namespace boreal::iam
