// What the operations touch. Vaults have policies of their own; they count for the recovery points in the vault too.
#include "backup/service.h"
#include "base/text.h"

namespace boreal::backup {

namespace {

// The vault that the operation is about: named, or the one that keeps the recovery point.
Result<std::optional<VaultRecord>> vault_of(const View& view, const aws::Value& input) {
  if (const auto name = aws::string_member(input, "BackupVaultName")) return load<VaultRecord>(view, vault_key(*name));
  std::optional<std::string> arn = aws::string_member(input, "RecoveryPointArn");
  if (!arn) arn = aws::string_member(input, "ResourceArn");
  if (!arn) return std::nullopt;
  const auto parts = split(*arn, ':');
  if (parts.size() == 7 && parts[5] == "backup-vault") return load<VaultRecord>(view, vault_key(parts[6]));
  if (parts.size() != 7 || parts[5] != "recovery-point") return std::nullopt;
  TRY(const auto point, load<PointRecord>(view, point_key(parts[6])));
  if (!point) return std::nullopt;
  return load<VaultRecord>(view, vault_key(point->vault));
}

}  // namespace

Task<aws::Outcome<std::vector<aws::Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                             const aws::Value& input) {
  CO_TRY(auto all, co_await Api::access(call, operation, input));
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto vault, vault_of(view, input));
  if (!vault) co_return all;
  for (aws::Access& access : all) {
    if (!vault->policy.empty()) access.resource_policy = vault->policy;
    if (access.resource != vault->arn) continue;
    for (const auto& [key, value] : vault->tags) access.context.emplace("aws:ResourceTag/" + key, value);
  }
  co_return all;
}

}  // namespace boreal::backup
