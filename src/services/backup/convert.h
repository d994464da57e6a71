// Records as the API shows them, and checks that several kinds of resources share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/backup/types.h"
#include "aws/error.h"
#include "backup/resources.h"
#include "base/clock.h"

namespace boreal::backup {

inline Duration days(int64_t count) { return std::chrono::days(count); }
inline Duration minutes(int64_t count) { return std::chrono::minutes(count); }

// Until what failed for a reason that may pass is tried again.
inline constexpr Duration pause_after_failure = std::chrono::minutes(1);

// InvalidParameterValueException for more than 50, and for keys that are empty, too long or AWS's own.
aws::Outcome<void> check_tags(const Tags& tags);
// A name that has as many letters, digits and other `signs`.
bool is_name(std::string_view name, size_t min, size_t max, std::string_view signs);
// AWS's text about a lifecycle that cannot be; empty when it can.
std::string lifecycle_fault(const api::Lifecycle& lifecycle);

std::optional<Time> delete_at(const PointRecord& point);
std::optional<api::CalculatedLifecycle> calculated(const PointRecord& point);

// DescribeBackupVaultOutput, BackupVaultListMember.
template <class Out>
Out show_vault(const VaultRecord& vault) {
  Out out;
  out.backup_vault_name = vault.name;
  out.backup_vault_arn = vault.arn;
  out.vault_type = "BACKUP_VAULT";
  out.vault_state = "AVAILABLE";
  out.encryption_key_arn = vault.key_arn;
  out.creation_date = vault.created;
  if (!vault.creator_request_id.empty()) out.creator_request_id = vault.creator_request_id;
  out.locked = vault.locked;
  out.lock_date = vault.lock_date;
  out.min_retention_days = vault.min_retention_days;
  out.max_retention_days = vault.max_retention_days;
  return out;
}

}  // namespace boreal::backup
