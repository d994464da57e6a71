// Vaults: where recovery points are kept, under which key, who may reach them, and how long they must stay.
#include <fmt/format.h>

#include "aws/gate.h"
#include "aws/policy.h"
#include "backup/convert.h"
#include "backup/pages.h"
#include "backup/service.h"
#include "backup/walk.h"
#include "crypto/secret.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

constexpr size_t max_vaults = 300;  // AWS Backup Developer Guide, "AWS Backup quotas"
constexpr int64_t max_retention_days = 36'500;
constexpr int64_t min_changeable_days = 3;

bool is_immutable(const VaultRecord& vault, Time now) { return vault.lock_date && *vault.lock_date <= now; }

aws::Outcome<void> check_lock(const api::PutBackupVaultLockConfigurationInput& input) {
  const auto refuse = [](std::string text) {
    return aws::refuse(errors::invalid_parameter_value_exception(std::move(text)));
  };
  if (input.min_retention_days && (*input.min_retention_days < 1 || *input.min_retention_days > max_retention_days)) {
    return refuse(
        fmt::format("MinRetentionDays is {}; it must be from 1 to {}.", *input.min_retention_days, max_retention_days));
  }
  if (input.max_retention_days && (*input.max_retention_days < 1 || *input.max_retention_days > max_retention_days)) {
    return refuse(
        fmt::format("MaxRetentionDays is {}; it must be from 1 to {}.", *input.max_retention_days, max_retention_days));
  }
  if (input.max_retention_days && *input.max_retention_days < input.min_retention_days.value_or(0)) {
    return refuse("MaxRetentionDays must not be less than MinRetentionDays.");
  }
  if (input.changeable_for_days &&
      (*input.changeable_for_days < min_changeable_days || *input.changeable_for_days > max_retention_days)) {
    return refuse(fmt::format("ChangeableForDays is {}; it must be {} or more.", *input.changeable_for_days,
                              min_changeable_days));
  }
  return {};
}

}  // namespace

Task<Result<std::map<std::string, int64_t>>> Service::points_by_vault(Place place) {
  std::map<std::string, int64_t> counts;
  CO_CHECK(co_await walk<PointRecord>(context_, place, point_key(""),
                                      [&](const PointRecord& point) { ++counts[point.vault]; }));
  co_return counts;
}

Task<aws::Outcome<api::CreateBackupVaultOutput>> Service::create_backup_vault(aws::Call& call,
                                                                              api::CreateBackupVaultInput input) {
  const Place place = place_of(call);
  if (!is_name(input.backup_vault_name, 2, 50, "-_")) {
    co_return aws::refuse(errors::invalid_parameter_value_exception(fmt::format(
        "Invalid vault name '{}'. Must contain 2 to 50 alphanumeric or '-_' characters.", input.backup_vault_name)));
  }
  const Tags tags = input.backup_vault_tags.value_or(Tags());
  CO_CHECK(check_tags(tags));
  // Who may not use the key must not have it used by giving it to a vault, nor hear here whether it is there.
  auto probe = co_await keys_.generate_data_key(&call, call.account, call.region, "backup",
                                                input.encryption_key_arn.value_or(""), {});
  if (!probe) {
    if (probe.error().code == "AccessDeniedException") co_return aws::refuse(std::move(probe.error()));
    co_return aws::refuse(errors::invalid_parameter_value_exception(probe.error().message));
  }
  crypto::wipe(std::as_writable_bytes(std::span(probe->plaintext)));
  // Restores open by it for whoever may restore. AWS Backup Developer Guide, "Creating a backup vault".
  auto opened =
      co_await keys_.decrypt(aws::Asker(&call).granting(), call.account, call.region, std::move(probe->ciphertext), {});
  if (!opened) co_return aws::refuse(std::move(opened.error()));
  crypto::wipe(std::as_writable_bytes(std::span(*opened)));

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto there, load<VaultRecord>(tx, vault_key(input.backup_vault_name)));
  const std::string request_id = input.creator_request_id.value_or("");
  if (there && !(!request_id.empty() && there->creator_request_id == request_id)) {
    co_return aws::refuse(errors::already_exists_exception(
        fmt::format("Backup vault with the same name already exists: {}", there->arn)));
  }
  VaultRecord vault = there.value_or(VaultRecord());
  if (!there) {
    CO_TRY(const auto others, tx.scan(vault_key(""), max_vaults));
    if (others.size() >= max_vaults) {
      co_return aws::refuse(errors::limit_exceeded_exception(
          fmt::format("There are {} backup vaults already in this account and region.", others.size())));
    }
    vault.name = input.backup_vault_name;
    vault.arn = place.vault_arn(vault.name);
    vault.key_arn = probe->key_arn;
    vault.creator_request_id = request_id;
    vault.created = call.now;
    vault.tags = tags;
    vault.id = context_.random.uuid();
    tx.put(vault_key(vault.name), store::encode(vault));
    CO_CHECK(co_await tx.commit());
  }
  api::CreateBackupVaultOutput out;
  out.backup_vault_name = vault.name;
  out.backup_vault_arn = vault.arn;
  out.creation_date = vault.created;
  co_return out;
}

Task<aws::Outcome<api::DeleteBackupVaultOutput>> Service::delete_backup_vault(aws::Call& call,
                                                                              api::DeleteBackupVaultInput input) {
  const Place place = place_of(call);
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto vault, need_vault(call, tx, input.backup_vault_name));
  // A job that is not over has its point, CREATING, from the beginning.
  CO_TRY(const auto counts, co_await points_by_vault(place));
  if (counts.contains(vault.name)) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("Backup vault {} cannot be deleted because it contains {} recovery point(s).", vault.name,
                    counts.at(vault.name))));
  }
  tx.remove(vault_key(vault.name));
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteBackupVaultOutput();
}

Task<aws::Outcome<api::DescribeBackupVaultOutput>> Service::describe_backup_vault(aws::Call& call,
                                                                                  api::DescribeBackupVaultInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_CHECK(check_owner(place, input.backup_vault_account_id));
  CO_TRY(const auto vault, need_vault(call, view, input.backup_vault_name));
  CO_TRY(const auto counts, co_await points_by_vault(place));
  auto out = show_vault<api::DescribeBackupVaultOutput>(vault);
  out.number_of_recovery_points = counts.contains(vault.name) ? counts.at(vault.name) : 0;
  co_return out;
}

Task<aws::Outcome<api::ListBackupVaultsOutput>> Service::list_backup_vaults(aws::Call& call,
                                                                            api::ListBackupVaultsInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(auto vaults, load_all<VaultRecord>(view, vault_key("")));
  CO_TRY(const auto counts, co_await points_by_vault(place_of(call)));
  // There is one type of vaults here, and none is shared between accounts.
  if (input.by_vault_type.value_or("BACKUP_VAULT") != "BACKUP_VAULT" || input.by_shared.value_or(false)) vaults.clear();
  api::ListBackupVaultsOutput out;
  CO_TRY(out.next_token,
         cut_page(vaults, input.next_token, input.max_results, [](const VaultRecord& v) { return v.name; }));
  out.backup_vault_list.emplace();
  for (const VaultRecord& vault : vaults) {
    auto member = show_vault<api::BackupVaultListMember>(vault);
    member.number_of_recovery_points = counts.contains(vault.name) ? counts.at(vault.name) : 0;
    out.backup_vault_list->push_back(std::move(member));
  }
  co_return out;
}

Task<aws::Outcome<api::PutBackupVaultAccessPolicyOutput>> Service::put_backup_vault_access_policy(
    aws::Call& call, api::PutBackupVaultAccessPolicyInput input) {
  if (!input.policy || input.policy->empty()) {
    co_return aws::refuse(errors::missing_parameter_value_exception("Policy is missing."));
  }
  const auto parsed = aws::validate_resource_policy(*input.policy);
  if (!parsed) {
    co_return aws::refuse(errors::invalid_parameter_value_exception(
        fmt::format("The vault's access policy is not valid: {}", parsed.error().message())));
  }
  CO_TRY(auto kept, co_await call.gate.keep_policy(std::move(*input.policy), *parsed));
  if (kept.missing) {
    co_return aws::refuse(errors::invalid_parameter_value_exception(
        fmt::format("The vault's access policy names {}, which does not exist.", *kept.missing)));
  }
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(auto vault, need_vault(call, tx, input.backup_vault_name));
  vault.policy = std::move(kept.document);
  vault.policy_principals = std::move(kept.principals);
  tx.put(vault_key(vault.name), store::encode(vault));
  CO_CHECK(co_await tx.commit());
  co_return api::PutBackupVaultAccessPolicyOutput();
}

Task<aws::Outcome<api::GetBackupVaultAccessPolicyOutput>> Service::get_backup_vault_access_policy(
    aws::Call& call, api::GetBackupVaultAccessPolicyInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto vault, need_vault(call, view, input.backup_vault_name));
  if (vault.policy.empty()) {
    co_return aws::refuse(
        errors::resource_not_found_exception(fmt::format("Backup vault {} has no access policy.", vault.name)));
  }
  api::GetBackupVaultAccessPolicyOutput out;
  out.backup_vault_name = vault.name;
  out.backup_vault_arn = vault.arn;
  CO_TRY(out.policy, co_await call.gate.shown_policy(vault.policy, vault.policy_principals));
  co_return out;
}

Task<aws::Outcome<api::DeleteBackupVaultAccessPolicyOutput>> Service::delete_backup_vault_access_policy(
    aws::Call& call, api::DeleteBackupVaultAccessPolicyInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(auto vault, need_vault(call, tx, input.backup_vault_name));
  vault.policy.clear();
  vault.policy_principals.clear();
  tx.put(vault_key(vault.name), store::encode(vault));
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteBackupVaultAccessPolicyOutput();
}

Task<aws::Outcome<api::PutBackupVaultLockConfigurationOutput>> Service::put_backup_vault_lock_configuration(
    aws::Call& call, api::PutBackupVaultLockConfigurationInput input) {
  CO_CHECK(check_lock(input));
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(auto vault, need_vault(call, tx, input.backup_vault_name));
  if (is_immutable(vault, call.now)) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("The lock of backup vault {} cannot be changed any more.", vault.name)));
  }
  vault.locked = true;
  vault.min_retention_days = input.min_retention_days;
  vault.max_retention_days = input.max_retention_days;
  vault.lock_date.reset();
  if (input.changeable_for_days) vault.lock_date = call.now + days(*input.changeable_for_days);
  tx.put(vault_key(vault.name), store::encode(vault));
  CO_CHECK(co_await tx.commit());
  co_return api::PutBackupVaultLockConfigurationOutput();
}

Task<aws::Outcome<api::DeleteBackupVaultLockConfigurationOutput>> Service::delete_backup_vault_lock_configuration(
    aws::Call& call, api::DeleteBackupVaultLockConfigurationInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(auto vault, need_vault(call, tx, input.backup_vault_name));
  if (is_immutable(vault, call.now)) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("The lock of backup vault {} cannot be removed any more.", vault.name)));
  }
  vault.locked = false;
  vault.lock_date.reset();
  vault.min_retention_days.reset();
  vault.max_retention_days.reset();
  tx.put(vault_key(vault.name), store::encode(vault));
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteBackupVaultLockConfigurationOutput();
}

}  // namespace boreal::backup
