// What AWS Backup keeps, in the catalog's partition backup/ACCOUNT/REGION:
//
//   vault/NAME          VaultRecord        job/ID       JobRecord
//   plan/ID             PlanRecord         point/ID     PointRecord
//   version/ID/NUMBER   VersionRecord      restore/ID   RestoreRecord
//   selection/PLAN/ID   SelectionRecord    token/KIND/HASH   the key of the job or restore that the token began
//
// The bytes of recovery points are objects under their id, in the object engine's bucket backup.ACCOUNT.REGION.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backup/types.h"
#include "aws/call.h"
#include "aws/error.h"
#include "base/clock.h"
#include "store/record.h"
#include "store/transaction.h"

namespace boreal::backup {

namespace api = boreal::api::backup;

using Tags = std::map<std::string, std::string>;

// An account's world in one region.
struct Place {
  std::string account, region;
  auto operator<=>(const Place&) const = default;
  std::string partition() const { return "backup/" + account + "/" + region; }
  std::string bucket() const { return "backup." + account + "." + region; }
  std::string arn(std::string_view resource) const {
    return "arn:aws:backup:" + region + ":" + account + ":" + std::string(resource);
  }
  std::string vault_arn(std::string_view name) const { return arn("backup-vault:" + std::string(name)); }
};

struct VaultRecord {
  std::string name, arn, key_arn;
  std::string creator_request_id;
  Time created;
  Tags tags;
  std::string policy;                                    // JSON; empty: none
  std::map<std::string, std::string> policy_principals;  // ARN, when the policy was put, of each of the ids in it
  bool locked = false;
  std::optional<Time> lock_date;  // of a compliance lock; from then on nobody may change it
  std::optional<int64_t> min_retention_days, max_retention_days;
  std::string id;  // of no other vault that has or had its name; empty: from before there were ids
  BOREAL_RECORD(VaultRecord, name, arn, key_arn, creator_request_id, created, tags, policy, policy_principals, locked,
                lock_date, min_retention_days, max_retention_days, id)

  std::string identity() const { return id.empty() ? std::to_string(created.ms) : id; }
};

// When a rule runs next, kept so that a restart neither loses nor doubles a run.
struct RuleRun {
  std::string rule_id;
  Time next;
  Time reckoned;  // when `next` was: a clock that is far before this was put back
  BOREAL_RECORD(RuleRun, rule_id, next, reckoned)
};

struct PlanRecord {
  std::string id, arn, name;
  std::string creator_request_id;
  Time created;
  std::optional<Time> deleted, last_execution;
  uint64_t version = 0;  // number of the current one
  Tags tags;
  std::vector<RuleRun> runs;
  BOREAL_RECORD(PlanRecord, id, arn, name, creator_request_id, created, deleted, last_execution, version, tags, runs)
};

struct VersionRecord {
  std::string id;
  Time created;
  api::BackupPlan plan;
  BOREAL_RECORD(VersionRecord, id, created, plan)
};

struct SelectionRecord {
  std::string id, plan_id;
  std::string creator_request_id;
  Time created;
  api::BackupSelection selection;  // exactly as it was sent
  BOREAL_RECORD(SelectionRecord, id, plan_id, creator_request_id, created, selection)
};

namespace job_state {
inline constexpr std::string_view created = "CREATED", pending = "PENDING", running = "RUNNING", aborting = "ABORTING",
                                  aborted = "ABORTED", completed = "COMPLETED", failed = "FAILED", expired = "EXPIRED";
}

struct JobRecord {
  std::string id, state, message;
  std::string vault, resource_arn, resource_type, resource_name, role_arn, point_id;
  std::string idempotency_token;  // of the call, with what else tells it from others
  Time created;
  Time start_by;     // not begun by then: EXPIRED
  Time complete_by;  // not ended by then: ABORTED
  std::optional<Time> completed;
  int64_t bytes = 0;
  std::optional<api::Lifecycle> lifecycle;
  Tags point_tags;
  std::optional<api::RecoveryPointCreator> creator;
  BOREAL_RECORD(JobRecord, id, state, message, vault, resource_arn, resource_type, resource_name, role_arn, point_id,
                idempotency_token, created, start_by, complete_by, completed, bytes, lifecycle, point_tags, creator)

  bool is_over() const {
    return state == job_state::aborted || state == job_state::completed || state == job_state::failed ||
           state == job_state::expired;
  }
};

namespace point_status {
inline constexpr std::string_view creating = "CREATING", completed = "COMPLETED", deleting = "DELETING";
}

struct PointRecord {
  std::string id, arn, vault, status;
  std::string resource_arn, resource_type, resource_name, role_arn, key_arn;
  Time created;
  std::optional<Time> completed, last_restore;
  int64_t size = 0;    // bytes
  std::string sha256;  // of the bytes as the engine gave them, in hex
  std::map<std::string, std::string> restore_metadata;
  std::optional<api::Lifecycle> lifecycle;
  Tags tags;
  std::optional<api::RecoveryPointCreator> creator;
  BOREAL_RECORD(PointRecord, id, arn, vault, status, resource_arn, resource_type, resource_name, role_arn, key_arn,
                created, completed, last_restore, size, sha256, restore_metadata, lifecycle, tags, creator)
};

struct RestoreRecord {
  std::string id, state, message;
  std::string point_id, role_arn, idempotency_token;
  std::string point_arn, vault, source_arn, resource_type, created_arn;
  Time created, point_created;
  std::optional<Time> completed;
  int64_t size = 0;
  std::map<std::string, std::string> metadata;
  BOREAL_RECORD(RestoreRecord, id, state, message, point_id, role_arn, idempotency_token, point_arn, vault, source_arn,
                resource_type, created_arn, created, point_created, completed, size, metadata)

  bool is_over() const { return state != job_state::pending && state != job_state::running; }
};

// Keys. A number sorts as it counts.
std::string vault_key(std::string_view name);
std::string plan_key(std::string_view id);
std::string version_prefix(std::string_view plan_id);
std::string version_key(std::string_view plan_id, uint64_t number);
std::string selection_prefix(std::string_view plan_id);
std::string selection_key(std::string_view plan_id, std::string_view id);
std::string job_key(std::string_view id);
std::string point_key(std::string_view id);
std::string restore_key(std::string_view id);
// Of an idempotency token, which may be of any length.
std::string token_key(std::string_view kind, const std::string& token);

// Reads through a Transaction, or through a Catalog bound to a partition: whatever has get(key) and scan(prefix).
class View {
 public:
  View(const store::Catalog& catalog, const Place& place) : catalog_(catalog), partition_(place.partition()) {}
  Result<std::optional<std::string>> get(std::string_view key) const { return catalog_.get(partition_, key); }
  Result<std::vector<std::pair<std::string, std::string>>> scan(std::string_view prefix) const {
    return catalog_.scan(partition_, prefix);
  }

 private:
  const store::Catalog& catalog_;
  std::string partition_;
};

template <class Record, class From>
Result<std::optional<Record>> load(const From& from, std::string_view key) {
  TRY(const auto text, from.get(key));
  if (!text) return std::nullopt;
  TRY(auto record, store::decode<Record>(*text));
  return record;
}

// To the log: the record of that key is damaged, and is passed over.
void tell_damaged(std::string_view key, const Error& why);

// One that cannot be decoded costs only itself: it is told in the log and passed over.
template <class Record, class From>
Result<std::vector<Record>> load_all(const From& from, std::string_view prefix) {
  TRY(const auto rows, from.scan(prefix));
  std::vector<Record> records;
  for (const auto& [key, text] : rows) {
    if (auto record = store::decode<Record>(text)) {
      records.push_back(std::move(*record));
    } else {
      tell_damaged(key, record.error());
    }
  }
  return records;
}

// The job or restore that the token began before.
template <class Record>
Result<std::optional<Record>> load_by_token(const store::Transaction& tx, std::string_view kind,
                                            const std::string& token) {
  if (token.empty()) return std::nullopt;
  TRY(const auto key, tx.get(token_key(kind, token)));
  if (!key) return std::nullopt;
  return load<Record>(tx, *key);
}

aws::ApiError no_vault(const std::string& name);
// A call may say whose vault it means; those of other accounts are shared with nobody here. ResourceNotFoundException.
aws::Outcome<void> check_owner(const Place& place, const std::optional<std::string>& vault_account);
aws::ApiError no_plan(const std::string& id);
// Whether the vault is the one that policies were asked about: another may have been made under its name since.
bool is_asked_for(const aws::Call& call, const VaultRecord& vault);

// The same as load(), or ResourceNotFoundException.
template <class From>
aws::Outcome<VaultRecord> need_vault(const From& from, const std::string& name) {
  TRY(auto vault, load<VaultRecord>(from, vault_key(name)));
  if (!vault) return aws::refuse(no_vault(name));
  return std::move(*vault);
}

// The same, for a call that names it.
template <class From>
aws::Outcome<VaultRecord> need_vault(const aws::Call& call, const From& from, const std::string& name) {
  TRY(auto vault, need_vault(from, name));
  if (!is_asked_for(call, vault)) return aws::refuse(no_vault(name));
  return vault;
}

template <class From>
aws::Outcome<PlanRecord> need_plan(const From& from, const std::string& id, bool deleted_too = false) {
  TRY(auto plan, load<PlanRecord>(from, plan_key(id)));
  if (!plan || (plan->deleted && !deleted_too)) return aws::refuse(no_plan(id));
  return std::move(*plan);
}

}  // namespace boreal::backup
