#include "backup/resources.h"

#include <fmt/format.h>

#include "api/backup/errors.h"
#include "base/log.h"
#include "codec/hex.h"
#include "crypto/hash.h"

namespace boreal::backup {

std::string vault_key(std::string_view name) { return fmt::format("vault/{}", name); }
std::string plan_key(std::string_view id) { return fmt::format("plan/{}", id); }
std::string version_prefix(std::string_view plan_id) { return fmt::format("version/{}/", plan_id); }
std::string version_key(std::string_view plan_id, uint64_t number) {
  return fmt::format("version/{}/{:012}", plan_id, number);
}
std::string selection_prefix(std::string_view plan_id) { return fmt::format("selection/{}/", plan_id); }
std::string selection_key(std::string_view plan_id, std::string_view id) {
  return fmt::format("selection/{}/{}", plan_id, id);
}
std::string job_key(std::string_view id) { return fmt::format("job/{}", id); }
std::string point_key(std::string_view id) { return fmt::format("point/{}", id); }
std::string restore_key(std::string_view id) { return fmt::format("restore/{}", id); }
std::string token_key(std::string_view kind, const std::string& token) {
  return fmt::format("token/{}/{}", kind, codec::hex_encode(crypto::Sha256::of(token)));
}

void tell_damaged(std::string_view key, const Error& why) {
  log::error("backup", "a record cannot be decoded and is passed over", {{"record", key}, {"why", why.message()}});
}

aws::ApiError no_vault(const std::string& name) {
  return api::errors::resource_not_found_exception(
      fmt::format("Backup vault {} does not exist in this account and region.", name));
}
aws::Outcome<void> check_owner(const Place& place, const std::optional<std::string>& vault_account) {
  if (!vault_account || *vault_account == place.account) return {};
  return aws::refuse(api::errors::resource_not_found_exception(
      fmt::format("No vault of account {} is shared with account {}.", *vault_account, place.account)));
}
aws::ApiError no_plan(const std::string& id) {
  return api::errors::resource_not_found_exception(fmt::format("Cannot find Backup plan with ID {}", id));
}

bool is_asked_for(const aws::Call& call, const VaultRecord& vault) {
  const auto asked = call.asked_for.find(vault_key(vault.name));
  return asked == call.asked_for.end() || asked->second == vault.identity();
}

}  // namespace boreal::backup
