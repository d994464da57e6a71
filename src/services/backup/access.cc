// What the operations touch, and the tags of it. Vaults have policies of their own; they count for the recovery points
// in the vault too.
#include "backup/service.h"
#include "base/text.h"

namespace boreal::backup {

namespace {

// The name of the vault that the operation is about: given, or of the one that keeps the recovery point.
Result<std::optional<std::string>> vault_name(const View& view, const aws::Value& input) {
  if (auto name = aws::string_member(input, "BackupVaultName")) return name;
  std::optional<std::string> arn = aws::string_member(input, "RecoveryPointArn");
  if (!arn) arn = aws::string_member(input, "ResourceArn");
  if (!arn) return std::nullopt;
  const auto parts = split(*arn, ':');
  if (parts.size() == 7 && parts[5] == "backup-vault") return std::string(parts[6]);
  if (parts.size() != 7 || parts[5] != "recovery-point") return std::nullopt;
  TRY(const auto point, load<PointRecord>(view, point_key(parts[6])));
  if (!point) return std::nullopt;
  return point->vault;
}

template <class Record>
Result<Tags> tags_in(const View& view, const std::string& key, const std::string& arn) {
  TRY(auto record, load<Record>(view, key));
  return record && record->arn == arn ? std::move(record->tags) : Tags();
}

// Of what the ARN names; none where there is nothing of that name.
Result<Tags> tags_of(const View& view, const std::string& arn) {
  const auto parts = split(arn, ':');
  if (parts.size() != 7) return Tags();
  if (parts[5] == "backup-vault") return tags_in<VaultRecord>(view, vault_key(parts[6]), arn);
  if (parts[5] == "backup-plan") return tags_in<PlanRecord>(view, plan_key(parts[6]), arn);
  if (parts[5] == "recovery-point") return tags_in<PointRecord>(view, point_key(parts[6]), arn);
  return Tags();
}

bool is_request_tag(const std::pair<const std::string, std::string>& key) {
  return key.first == "aws:TagKeys" || key.first.starts_with("aws:RequestTag/");
}

// What a lock is to be, by which policies keep a vault from one that nobody can take off again. Source: Service
// Authorization Reference, AWS Backup.
void add_lock_keys(const api::PutBackupVaultLockConfigurationInput& input, aws::Access& access) {
  const auto add = [&](const char* key, const std::optional<int64_t>& days) {
    if (days) access.context.emplace(key, std::to_string(*days));
  };
  add("backup:ChangeableForDays", input.changeable_for_days);
  add("backup:MinRetentionDays", input.min_retention_days);
  add("backup:MaxRetentionDays", input.max_retention_days);
}

}  // namespace

Task<aws::Outcome<std::vector<aws::Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                             const aws::Value& input) {
  CO_TRY(auto all, co_await Api::access(call, operation, input));
  const View view(context_.catalog, place_of(call));
  std::optional<VaultRecord> vault;
  CO_TRY(const auto name, vault_name(view, input));
  if (name) {
    CO_TRY(vault, load<VaultRecord>(view, vault_key(*name)));
    // Another may have the name by the handler's turn: this one is asked for, and so no other is used.
    call.asked_for.emplace(vault_key(*name), vault ? vault->identity() : "");
  }
  const bool untags = operation.name == "UntagResource";  // its keys lie in a member of another name than elsewhere
  for (aws::Access& access : all) {
    // Those of a recovery point, which its role gives it, say nothing of the vault.
    if (operation.name == "StartBackupJob") std::erase_if(access.context, is_request_tag);
    if (operation.name == "PutBackupVaultLockConfiguration")
      add_lock_keys(input.as<api::PutBackupVaultLockConfigurationInput>(), access);
    if (untags) {
      for (const auto& key : input.as<api::UntagResourceInput>().tag_key_list)
        access.context.emplace("aws:TagKeys", key);
    }
    if (vault && !vault->policy.empty()) access.resource_policy = vault->policy;
    CO_TRY(const auto tags, tags_of(view, access.resource));
    for (const auto& [key, value] : tags) access.context.emplace("aws:ResourceTag/" + key, value);
  }
  co_return all;
}

}  // namespace boreal::backup
