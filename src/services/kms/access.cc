// What a call touches. A key's policy is the root of all authority over it: identity policies count only as far as it
// lets the account decide. Grants count as statements of that policy that name the caller.
// Source: KMS Developer Guide, "Key policies", "Grants", "Condition keys"; Service Authorization Reference, KMS.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

template <class T>
const T* member(const aws::Value& input, std::string_view name, codec::Kind kind) {
  if (!input) return nullptr;
  for (const codec::Field& field : input.shape().fields) {
    if (field.member_name == name && field.shape->kind == kind)
      return static_cast<const T*>(codec::member(field, input.data()));
  }
  return nullptr;
}

const std::string* text_member(const aws::Value& input, std::string_view name) {
  return member<std::string>(input, name, codec::Kind::string);
}

// Those that take aliases besides ids; all others want the key itself.
bool takes_alias(std::string_view operation) {
  return operation == "DescribeKey" || operation == "Encrypt" || operation == "Decrypt" || operation == "ReEncrypt" ||
         operation.starts_with("GenerateDataKey");
}

// Those that work on another account's keys, when both sides allow it.
bool crosses_accounts(std::string_view operation) {
  return takes_alias(operation) || operation == "CreateGrant" || operation == "GetKeyRotationStatus" ||
         operation == "ListGrants" || operation == "RetireGrant" || operation == "RevokeGrant";
}

aws::ApiError no_such_key_elsewhere(const aws::Call& call, std::string_view action) {
  return errors::access_denied_exception(
      fmt::format("User: {} is not authorized to perform: {} on this resource because the resource does not exist in "
                  "this Region, no "
                  "resource-based policies allow access, or a resource-based policy explicitly denies access",
                  call.caller.arn(), action));
}

void add_context_keys(const EncryptionContext& encryption_context, std::multimap<std::string, std::string>& context) {
  for (const auto& [name, value] : encryption_context) {
    context.emplace("kms:EncryptionContext:" + name, value);
    context.emplace("kms:EncryptionContextKeys", name);
  }
}

// To what a grant is bound. Every context holds a subset of nothing: that binds to none.
void add_constraint_keys(const std::optional<EncryptionContext>& equals, const std::optional<EncryptionContext>& subset,
                         std::multimap<std::string, std::string>& context) {
  if (equals) {
    context.emplace("kms:GrantConstraintType", "EncryptionContextEquals");
    add_context_keys(*equals, context);
  }
  if (subset && !subset->empty()) {
    context.emplace("kms:GrantConstraintType", "EncryptionContextSubset");
    add_context_keys(*subset, context);
  }
}

// What CreateGrant says of the grant. Others have members of these names, which filter what they list: policies that
// limit to whom grants are made know nothing of them.
void add_grant_keys(const CreateGrantRequest& input, std::multimap<std::string, std::string>& context) {
  context.emplace("kms:GranteePrincipal", input.grantee_principal);
  if (input.retiring_principal) context.emplace("kms:RetiringPrincipal", *input.retiring_principal);
  for (const auto& operation : input.operations) context.emplace("kms:GrantOperations", operation);
  const GrantConstraints constraints = constraints_of(input);
  add_constraint_keys(constraints.encryption_context_equals, constraints.encryption_context_subset, context);
}

void add_request_keys(std::string_view operation, const aws::Value& input, std::string_view key_member,
                      std::multimap<std::string, std::string>& context) {
  if (const auto* name = text_member(input, key_member); name != nullptr) {
    const size_t at = name->starts_with("alias/") ? 0 : name->find(":alias/");
    if (at != std::string::npos) context.emplace("kms:RequestAlias", name->substr(at == 0 ? 0 : at + 1));
  }
  // That services make grants is said where they do (peer.cc); none looks after those of others here.
  if (operation == "CreateGrant" || operation == "ListGrants" || operation == "RevokeGrant")
    context.emplace("kms:GrantIsForAWSResource", "false");
  if (const auto* bypass = member<bool>(input, "BypassPolicyLockoutSafetyCheck", codec::Kind::boolean)) {
    context.emplace("kms:BypassPolicyLockoutSafetyCheck", *bypass ? "true" : "false");
  }
}

// What is left out is told as it will be taken. Source: KMS Developer Guide, "AWS KMS condition keys".
void add_days(std::string_view operation, const aws::Value& input, const Key& key,
              std::multimap<std::string, std::string>& context) {
  if (operation == "ScheduleKeyDeletion") {
    context.emplace("kms:ScheduleKeyDeletionPendingWindowInDays",
                    std::to_string(days_of(input.as<ScheduleKeyDeletionRequest>())));
  } else if (operation == "EnableKeyRotation") {
    context.emplace("kms:RotationPeriodInDays", std::to_string(days_of(input.as<EnableKeyRotationRequest>(), key)));
  }
}

// Of keys of the one kind that is made; of two words for one thing, AWS still knows the older.
void add_kind_keys(const aws::Caller& caller, std::multimap<std::string, std::string>& context) {
  context.emplace("kms:CallerAccount", caller.account());
  for (const char* name : {"kms:KeySpec", "kms:CustomerMasterKeySpec"}) context.emplace(name, "SYMMETRIC_DEFAULT");
  for (const char* name : {"kms:KeyUsage", "kms:CustomerMasterKeyUsage"}) context.emplace(name, "ENCRYPT_DECRYPT");
  context.emplace("kms:KeyOrigin", "AWS_KMS");
  context.emplace("kms:MultiRegion", "false");
}

// A key that is not there yet has neither policy nor ARN; its tags are a matter of their own.
std::vector<aws::Access> create_access(const aws::Call& call, const aws::Value& input,
                                       std::vector<aws::Access> accesses) {
  add_request_keys(call.operation.name, input, "", accesses.front().context);
  add_kind_keys(call.caller, accesses.front().context);
  const auto& tags = input.as<CreateKeyRequest>().tags;
  if (!tags || tags->empty()) return accesses;
  aws::Access tagging = accesses.front();
  tagging.action = "kms:TagResource";
  tagging.resource = call.arn("kms", "key/*");
  accesses.push_back(std::move(tagging));
  return accesses;
}

// Which member names the key that an action works on, and its encryption context.
struct Members {
  std::string_view key = "KeyId";
  std::string_view context = "EncryptionContext";
};
Members members_of(std::string_view action) {
  if (action == "kms:ReEncryptFrom") return {"SourceKeyId", "SourceEncryptionContext"};
  if (action == "kms:ReEncryptTo") return {"DestinationKeyId", "DestinationEncryptionContext"};
  return {};
}

bool decrypts(std::string_view action) { return action == "kms:Decrypt" || action == "kms:ReEncryptFrom"; }

}  // namespace

bool is_predefined(const aws::Call& call, const Reference& reference) {
  return reference.account == call.account &&
         std::ranges::find(services_with_keys, managed_alias_service(reference.alias)) != services_with_keys.end();
}

aws::Access absent_key(const Reference& reference, std::string action) {
  return {.action = std::move(action),
          .resource = reference.arn(),
          .resource_account = reference.account,
          .resource_policy_rules = true};
}

Task<aws::Outcome<aws::Access>> Service::guard(const aws::Caller& caller, Key key, std::string action,
                                               const EncryptionContext* encryption_context,
                                               std::multimap<std::string, std::string> context, Covers covers) {
  CO_TRY(const auto attached, co_await attached_to(key));
  CO_TRY(auto policy, policy_of(key));
  CO_TRY(policy, with_grants(std::move(policy), *attached, caller.principal(), action, encryption_context, covers));
  add_kind_keys(caller, context);
  if (encryption_context != nullptr) {
    context.emplace("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
    add_context_keys(*encryption_context, context);
  }
  for (const auto& [name, value] : key.tags) context.emplace("aws:ResourceTag/" + name, value);
  for (const auto& alias : attached->aliases) context.emplace("kms:ResourceAliases", alias);
  co_return aws::Access{.action = std::move(action),
                        .resource = key.arn(),
                        .resource_account = key.account,
                        .resource_policy = std::move(policy),
                        .resource_policy_rules = true,
                        .context = std::move(context)};
}

Task<aws::Outcome<aws::Access>> Service::guard_grant(const aws::Caller& caller, Key key,
                                                     const CreateGrantRequest& wanted,
                                                     std::multimap<std::string, std::string> context) {
  add_grant_keys(wanted, context);
  co_return co_await guard(caller, std::move(key), "kms:CreateGrant", nullptr, std::move(context),
                           [&](const Grant& grant) { return may_hand_on(grant, wanted); });
}

Task<aws::Outcome<void>> Service::complete(aws::Call& call, const aws::Value& input, aws::Access& access) {
  const Members names = members_of(access.action);
  const std::string* named = text_member(input, names.key);
  Key key;
  if (named == nullptr && decrypts(access.action)) {
    const auto* ciphertext = member<codec::Blob>(input, "CiphertextBlob", codec::Kind::blob);
    CO_TRY(key, key_of_ciphertext(call, ciphertext->bytes));
  } else {
    CO_TRY(const auto reference, parse_reference(named == nullptr ? "" : *named, call.account, call.region));
    if (!reference.alias.empty() && !takes_alias(call.operation.name)) {
      co_return aws::refuse(errors::not_found_exception(
          fmt::format("Invalid keyId {}: {} takes key ids and key ARNs", *named, call.operation.name)));
    }
    const bool foreign = reference.account != call.caller.account();
    if (foreign && !crosses_accounts(call.operation.name))
      co_return aws::refuse(no_such_key_elsewhere(call, access.action));
    auto found = named == nullptr ? find(reference) : find(call, *named);
    if (!found && found.error().code == "NotFoundException") {
      if (foreign) {
        access = absent_key(reference, access.action);
        co_return aws::Outcome<void>();
      }
      if (call.operation.name == "DescribeKey" && is_predefined(call, reference)) {
        // The handler makes it. Its policy will leave this to the account, and no other can name it yet.
        access = {.action = access.action, .resource = call.arn("kms", "key/*"), .context = std::move(access.context)};
        add_request_keys(call.operation.name, input, names.key, access.context);
        add_kind_keys(call.caller, access.context);
        co_return aws::Outcome<void>();
      }
    }
    CO_TRY(key, std::move(found));
    // An alias may come to stand for another key before the handler's turn: this one is asked for, and so it is used.
    if (named != nullptr) call.asked_for.emplace(*named, key.arn());
  }
  const bool cryptographic = takes_alias(call.operation.name) && call.operation.name != "DescribeKey";
  static const EncryptionContext none;
  const auto* encryption_context = member<EncryptionContext>(input, names.context, codec::Kind::map);
  if (encryption_context == nullptr && cryptographic) encryption_context = &none;
  if (encryption_context != nullptr) CO_CHECK(check_context(*encryption_context));
  add_request_keys(call.operation.name, input, names.key, access.context);
  add_days(call.operation.name, input, key, access.context);
  if (call.operation.name == "CreateGrant") {
    CO_TRY(access, co_await guard_grant(call.caller, std::move(key), input.as<CreateGrantRequest>(),
                                        std::move(access.context)));
  } else {
    CO_TRY(access, co_await guard(call.caller, std::move(key), std::move(access.action), encryption_context,
                                  std::move(access.context)));
  }
  co_return aws::Outcome<void>();
}

// Aliases have no policy of their own: the identity must be allowed the alias, and the key must allow it too.
Task<aws::Outcome<std::vector<aws::Access>>> Service::alias_access(aws::Call& call, std::vector<aws::Access> accesses) {
  aws::Access& on_alias = accesses.front();
  const std::string action = on_alias.action;
  on_alias.context.emplace("kms:CallerAccount", call.caller.account());
  const size_t at = on_alias.resource.find("alias/");
  // A name that is no alias's: the handler says what is wrong with it.
  if (at == std::string::npos) co_return accesses;
  std::vector<Key> keys;
  const Reference alias{
      .account = call.account, .region = call.region, .key_id = {}, .alias = on_alias.resource.substr(at + 6)};
  if (action != "kms:CreateAlias") {
    CO_TRY(auto key, find(alias));
    call.asked_for.emplace("alias/" + alias.alias, key.arn());
    keys.push_back(std::move(key));
  }
  if (accesses.size() > 1) {
    CO_TRY(const auto reference, parse_reference(accesses.back().resource, call.account, call.region));
    // It might stand for another key when the handler looks.
    if (!reference.alias.empty())
      co_return aws::refuse(errors::validation_exception("Aliases must refer to keys. Not aliases."));
    if (reference.account != call.account) co_return aws::refuse(no_such_key_elsewhere(call, action));
    CO_TRY(auto key, find(reference));
    keys.push_back(std::move(key));
  }
  accesses.resize(1);
  for (const Key& key : keys) {
    CO_TRY(auto access, co_await guard(call.caller, key, action, nullptr, {}));
    accesses.push_back(std::move(access));
  }
  co_return accesses;
}

// Who may retire a grant is said by the grant: the retiring principal, its grantee with RetireGrant; besides, the key's
// account may, and may let its users. The key's policy has no say, but those of the caller may deny it.
// Source: KMS Developer Guide, "Retiring and revoking grants".
Task<aws::Outcome<std::vector<aws::Access>>> Service::retire_access(const aws::Call& call,
                                                                    const RetireGrantRequest& input) {
  CO_TRY(const auto at, find_grant(call, input));
  const Grant& grant = at.grant;
  CO_TRY(
      const auto key,
      find(Reference{.account = account_of(at.partition), .region = call.region, .key_id = grant.key_id, .alias = {}}));
  // Whom it names needs no leave of an account, whosever the key is.
  std::multimap<std::string, std::string> context{{"aws:ResourceAccount", key.account}};
  add_constraint_keys(grant.context_equals, grant.context_subset, context);
  CO_TRY(auto access, co_await guard(call.caller, key, "kms:RetireGrant", nullptr, std::move(context)));
  access.resource_account = {};
  access.resource_policy = retiring_policy(grant, key.account, call.caller.principal());
  co_return std::vector<aws::Access>{std::move(access)};
}

Task<aws::Outcome<std::vector<aws::Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                             const aws::Value& input) {
  CO_TRY(auto accesses, co_await Api::access(call, operation, input));
  if (operation.name.ends_with("Alias")) co_return co_await alias_access(call, std::move(accesses));
  if (operation.name == "CreateKey") co_return create_access(call, input, std::move(accesses));
  if (operation.name == "RetireGrant") co_return co_await retire_access(call, input.as<RetireGrantRequest>());
  if (operation.name == "Decrypt" || operation.name == "ReEncrypt") {
    if (member<codec::Blob>(input, "CiphertextBlob", codec::Kind::blob) == nullptr) {
      co_return aws::refuse(errors::validation_exception("CiphertextBlob is required."));
    }
  }
  CO_CHECK(check_grant_tokens(call, input));
  for (aws::Access& access : accesses) {
    if (access.resource == "*" && !decrypts(access.action)) continue;
    CO_CHECK(co_await complete(call, input, access));
  }
  if (operation.name == "ReEncrypt") {
    const bool is_same = accesses.front().resource == accesses.back().resource;
    for (aws::Access& access : accesses) access.context.emplace("kms:ReEncryptOnSameKey", is_same ? "true" : "false");
  }
  co_return accesses;
}

}  // namespace boreal::kms
