// Recovery points: what completed jobs leave.
#include "backup/points.h"

#include "backup/convert.h"
#include "backup/pages.h"
#include "backup/service.h"
#include "backup/walk.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

// DescribeRecoveryPointOutput, RecoveryPointByBackupVault.
template <class Out>
Out show_point(const Place& place, const PointRecord& point) {
  Out out;
  out.recovery_point_arn = point.arn;
  out.backup_vault_name = point.vault;
  out.backup_vault_arn = place.vault_arn(point.vault);
  out.resource_arn = point.resource_arn;
  out.resource_type = point.resource_type;
  out.resource_name = point.resource_name;
  out.created_by = point.creator;
  out.iam_role_arn = point.role_arn;
  out.status = point.status;
  out.creation_date = point.created;
  out.initiation_date = point.created;
  out.completion_date = point.completed;
  if (point.completed) out.backup_size_in_bytes = point.size;
  out.calculated_lifecycle = calculated(point);
  out.lifecycle = point.lifecycle;
  out.encryption_key_arn = point.key_arn;
  out.is_encrypted = true;
  out.last_restore_time = point.last_restore;
  out.is_parent = false;
  out.vault_type = "BACKUP_VAULT";
  return out;
}

bool wanted(const api::ListRecoveryPointsByBackupVaultInput& by, const PointRecord& point) {
  if (point.vault != by.backup_vault_name) return false;
  if (by.by_resource_arn && *by.by_resource_arn != point.resource_arn) return false;
  if (by.by_resource_type && *by.by_resource_type != point.resource_type) return false;
  if (by.by_backup_plan_id && !(point.creator && point.creator->backup_plan_id == by.by_backup_plan_id)) return false;
  if (by.by_created_before && point.created >= *by.by_created_before) return false;
  if (by.by_created_after && point.created <= *by.by_created_after) return false;
  return !by.by_parent_recovery_point_arn;
}

std::string point_order(const PointRecord& point) { return newest_first(point.created, point.id); }

}  // namespace

Task<aws::Outcome<api::DescribeRecoveryPointOutput>> Service::describe_recovery_point(
    aws::Call& call, api::DescribeRecoveryPointInput input) {
  const Place place = place_of(call);
  CO_CHECK(check_owner(place, input.backup_vault_account_id));
  CO_TRY(const auto point,
         need_point(View(context_.catalog, place), input.backup_vault_name, input.recovery_point_arn));
  auto out = show_point<api::DescribeRecoveryPointOutput>(place, point);
  out.storage_class = "WARM";
  co_return out;
}

Task<aws::Outcome<api::DeleteRecoveryPointOutput>> Service::delete_recovery_point(aws::Call& call,
                                                                                  api::DeleteRecoveryPointInput input) {
  const Place place = place_of(call);
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto vault, need_vault(call, tx, input.backup_vault_name));
  CO_TRY(auto point, need_point(tx, input.backup_vault_name, input.recovery_point_arn));
  if (vault.locked) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("Backup vault {} is locked; its recovery points cannot be deleted.", vault.name)));
  }
  if (point.status == point_status::creating) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("Recovery point {} is being made; stop its backup job instead.", point.arn)));
  }
  point.status = point_status::deleting;
  tx.put(point_key(point.id), store::encode(point));
  CO_CHECK(co_await tx.commit());
  begin_deletion(place, point.id);
  co_return api::DeleteRecoveryPointOutput();
}

void Service::begin_deletion(Place place, std::string point_id) {
  if (!deleting_.insert(point_id).second) return;
  tasks_.spawn(delete_point(std::move(place), std::move(point_id)));
}

// The bytes go first: a point that is listed as DELETING is deleted again after a crash, bytes that nothing names are
// not.
Task<void> Service::delete_point(Place place, std::string point_id) {
  auto dropped = co_await drop_bytes(place, point_id);
  if (dropped) {
    auto tx = co_await context_.catalog.begin(place.partition());
    tx.remove(point_key(point_id));
    dropped = co_await tx.commit();
  }
  deleting_.erase(point_id);
  if (!dropped) try_again_later("a recovery point could not be deleted", point_id, dropped.error());
}

Task<aws::Outcome<api::UpdateRecoveryPointLifecycleOutput>> Service::update_recovery_point_lifecycle(
    aws::Call& call, api::UpdateRecoveryPointLifecycleInput input) {
  const Place place = place_of(call);
  if (input.lifecycle) {
    if (const std::string fault = lifecycle_fault(*input.lifecycle); !fault.empty()) {
      co_return aws::refuse(errors::invalid_parameter_value_exception(fault));
    }
  }
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto vault, need_vault(call, tx, input.backup_vault_name));
  CO_TRY(auto point, need_point(tx, input.backup_vault_name, input.recovery_point_arn));
  if (vault.locked) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("Backup vault {} is locked; its recovery points' lifecycle cannot be changed.", vault.name)));
  }
  if (point.status == point_status::deleting) {
    co_return aws::refuse(
        errors::invalid_request_exception(fmt::format("Recovery point {} is being deleted.", point.arn)));
  }
  point.lifecycle = input.lifecycle;
  tx.put(point_key(point.id), store::encode(point));
  CO_CHECK(co_await tx.commit());
  if (const auto when = delete_at(point)) timekeeper_.note(*when);
  api::UpdateRecoveryPointLifecycleOutput out;
  out.backup_vault_arn = vault.arn;
  out.recovery_point_arn = point.arn;
  out.lifecycle = point.lifecycle;
  out.calculated_lifecycle = calculated(point);
  co_return out;
}

Task<aws::Outcome<api::GetRecoveryPointRestoreMetadataOutput>> Service::get_recovery_point_restore_metadata(
    aws::Call& call, api::GetRecoveryPointRestoreMetadataInput input) {
  const Place place = place_of(call);
  CO_CHECK(check_owner(place, input.backup_vault_account_id));
  CO_TRY(const auto point,
         need_point(View(context_.catalog, place), input.backup_vault_name, input.recovery_point_arn));
  api::GetRecoveryPointRestoreMetadataOutput out;
  out.backup_vault_arn = place.vault_arn(point.vault);
  out.recovery_point_arn = point.arn;
  out.restore_metadata = point.restore_metadata;
  std::erase_if(*out.restore_metadata, [](const auto& entry) { return is_internal(entry.first); });
  out.resource_type = point.resource_type;
  co_return out;
}

Task<aws::Outcome<api::ListRecoveryPointsByBackupVaultOutput>> Service::list_recovery_points_by_backup_vault(
    aws::Call& call, api::ListRecoveryPointsByBackupVaultInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_CHECK(check_owner(place, input.backup_vault_account_id));
  CO_CHECK(need_vault(call, view, input.backup_vault_name));
  CO_TRY(auto page, Page<PointRecord>::begin(input.next_token, input.max_results));
  CO_CHECK(co_await walk<PointRecord>(context_, place, point_key(""), [&](PointRecord point) {
    if (wanted(input, point)) page.add(point_order(point), std::move(point));
  }));
  api::ListRecoveryPointsByBackupVaultOutput out;
  out.recovery_points.emplace();
  for (const PointRecord& point : page.take(out.next_token))
    out.recovery_points->push_back(show_point<api::RecoveryPointByBackupVault>(place, point));
  co_return out;
}

Task<aws::Outcome<api::ListRecoveryPointsByResourceOutput>> Service::list_recovery_points_by_resource(
    aws::Call& call, api::ListRecoveryPointsByResourceInput input) {
  const Place place = place_of(call);
  CO_TRY(auto page, Page<PointRecord>::begin(input.next_token, input.max_results));
  CO_CHECK(co_await walk<PointRecord>(context_, place, point_key(""), [&](PointRecord point) {
    if (point.resource_arn == input.resource_arn) page.add(point_order(point), std::move(point));
  }));
  api::ListRecoveryPointsByResourceOutput out;
  out.recovery_points.emplace();
  for (const PointRecord& point : page.take(out.next_token)) {
    api::RecoveryPointByResource member;
    member.recovery_point_arn = point.arn;
    member.creation_date = point.created;
    member.status = point.status;
    member.encryption_key_arn = point.key_arn;
    if (point.completed) member.backup_size_bytes = point.size;
    member.backup_vault_name = point.vault;
    member.is_parent = false;
    member.resource_name = point.resource_name;
    member.vault_type = "BACKUP_VAULT";
    out.recovery_points->push_back(std::move(member));
  }
  co_return out;
}

}  // namespace boreal::backup
