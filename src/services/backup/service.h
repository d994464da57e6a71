// AWS Backup: vaults, plans and selections, and the jobs that make recovery points and restore from them.
// README.md tells how a job runs and what survives a crash.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/backup/errors.h"
#include "api/backup/service.h"
#include "aws/context.h"
#include "aws/gate.h"
#include "aws/peers.h"
#include "aws/timekeeper.h"
#include "backup/resources.h"
#include "backup/streams.h"
#include "base/sync.h"
#include "objects/objects.h"

namespace boreal::backup {

class PointKeys;

struct Options {
  bool strict = false;  // refuse what AWS refuses but some configurations do: a bare identifier where an ARN is due
};

// Thread rule: the loop.
class Service final : public api::Api {
 public:
  // All outlive this. `gate` makes the callers that jobs act as; the recovery points' bytes go to `objects`.
  Service(aws::ServiceContext context, Options options, aws::Keys& keys, aws::Roles& roles, aws::Gate& gate,
          objects::Objects& objects, std::vector<aws::Recoverable*> recoverables);

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;
  Task<Result<void>> start() override;
  void begin_stop() override;
  Task<void> stop() override;
  bool has_been_round(int64_t since_ns) const override { return timekeeper_.has_been_round(since_ns); }
  // Takes up what nobody is at work on (the last run left it, or what came of it could not be written), runs plans, and
  // deletes what has reached the end of its lifecycle; answers when there will be more. What cannot be done holds up
  // nothing else and is tried again. The worker's work.
  Task<Result<Time>> do_what_is_due();
  // Returns when no job is under way.
  Task<void> settle();

  // vaults.cc
  Task<aws::Outcome<api::CreateBackupVaultOutput>> create_backup_vault(aws::Call& call,
                                                                       api::CreateBackupVaultInput input) override;
  Task<aws::Outcome<api::DeleteBackupVaultOutput>> delete_backup_vault(aws::Call& call,
                                                                       api::DeleteBackupVaultInput input) override;
  Task<aws::Outcome<api::DescribeBackupVaultOutput>> describe_backup_vault(
      aws::Call& call, api::DescribeBackupVaultInput input) override;
  Task<aws::Outcome<api::ListBackupVaultsOutput>> list_backup_vaults(aws::Call& call,
                                                                     api::ListBackupVaultsInput input) override;
  Task<aws::Outcome<api::PutBackupVaultAccessPolicyOutput>> put_backup_vault_access_policy(
      aws::Call& call, api::PutBackupVaultAccessPolicyInput input) override;
  Task<aws::Outcome<api::GetBackupVaultAccessPolicyOutput>> get_backup_vault_access_policy(
      aws::Call& call, api::GetBackupVaultAccessPolicyInput input) override;
  Task<aws::Outcome<api::DeleteBackupVaultAccessPolicyOutput>> delete_backup_vault_access_policy(
      aws::Call& call, api::DeleteBackupVaultAccessPolicyInput input) override;
  Task<aws::Outcome<api::PutBackupVaultLockConfigurationOutput>> put_backup_vault_lock_configuration(
      aws::Call& call, api::PutBackupVaultLockConfigurationInput input) override;
  Task<aws::Outcome<api::DeleteBackupVaultLockConfigurationOutput>> delete_backup_vault_lock_configuration(
      aws::Call& call, api::DeleteBackupVaultLockConfigurationInput input) override;

  // plans.cc
  Task<aws::Outcome<api::CreateBackupPlanOutput>> create_backup_plan(aws::Call& call,
                                                                     api::CreateBackupPlanInput input) override;
  Task<aws::Outcome<api::UpdateBackupPlanOutput>> update_backup_plan(aws::Call& call,
                                                                     api::UpdateBackupPlanInput input) override;
  Task<aws::Outcome<api::DeleteBackupPlanOutput>> delete_backup_plan(aws::Call& call,
                                                                     api::DeleteBackupPlanInput input) override;
  Task<aws::Outcome<api::GetBackupPlanOutput>> get_backup_plan(aws::Call& call, api::GetBackupPlanInput input) override;
  Task<aws::Outcome<api::ListBackupPlansOutput>> list_backup_plans(aws::Call& call,
                                                                   api::ListBackupPlansInput input) override;
  Task<aws::Outcome<api::ListBackupPlanVersionsOutput>> list_backup_plan_versions(
      aws::Call& call, api::ListBackupPlanVersionsInput input) override;

  // selections.cc
  Task<aws::Outcome<api::CreateBackupSelectionOutput>> create_backup_selection(
      aws::Call& call, api::CreateBackupSelectionInput input) override;
  Task<aws::Outcome<api::GetBackupSelectionOutput>> get_backup_selection(aws::Call& call,
                                                                         api::GetBackupSelectionInput input) override;
  Task<aws::Outcome<api::DeleteBackupSelectionOutput>> delete_backup_selection(
      aws::Call& call, api::DeleteBackupSelectionInput input) override;
  Task<aws::Outcome<api::ListBackupSelectionsOutput>> list_backup_selections(
      aws::Call& call, api::ListBackupSelectionsInput input) override;

  // tags.cc
  Task<aws::Outcome<api::ListTagsOutput>> list_tags(aws::Call& call, api::ListTagsInput input) override;
  Task<aws::Outcome<api::TagResourceOutput>> tag_resource(aws::Call& call, api::TagResourceInput input) override;
  Task<aws::Outcome<api::UntagResourceOutput>> untag_resource(aws::Call& call, api::UntagResourceInput input) override;

  // jobs.cc
  Task<aws::Outcome<api::GetSupportedResourceTypesOutput>> get_supported_resource_types(
      aws::Call& call, api::GetSupportedResourceTypesInput input) override;
  Task<aws::Outcome<api::StartBackupJobOutput>> start_backup_job(aws::Call& call,
                                                                 api::StartBackupJobInput input) override;
  Task<aws::Outcome<api::StopBackupJobOutput>> stop_backup_job(aws::Call& call, api::StopBackupJobInput input) override;
  Task<aws::Outcome<api::DescribeBackupJobOutput>> describe_backup_job(aws::Call& call,
                                                                       api::DescribeBackupJobInput input) override;
  Task<aws::Outcome<api::ListBackupJobsOutput>> list_backup_jobs(aws::Call& call,
                                                                 api::ListBackupJobsInput input) override;

  // points.cc
  Task<aws::Outcome<api::DescribeRecoveryPointOutput>> describe_recovery_point(
      aws::Call& call, api::DescribeRecoveryPointInput input) override;
  Task<aws::Outcome<api::DeleteRecoveryPointOutput>> delete_recovery_point(
      aws::Call& call, api::DeleteRecoveryPointInput input) override;
  Task<aws::Outcome<api::UpdateRecoveryPointLifecycleOutput>> update_recovery_point_lifecycle(
      aws::Call& call, api::UpdateRecoveryPointLifecycleInput input) override;
  Task<aws::Outcome<api::GetRecoveryPointRestoreMetadataOutput>> get_recovery_point_restore_metadata(
      aws::Call& call, api::GetRecoveryPointRestoreMetadataInput input) override;
  Task<aws::Outcome<api::ListRecoveryPointsByBackupVaultOutput>> list_recovery_points_by_backup_vault(
      aws::Call& call, api::ListRecoveryPointsByBackupVaultInput input) override;
  Task<aws::Outcome<api::ListRecoveryPointsByResourceOutput>> list_recovery_points_by_resource(
      aws::Call& call, api::ListRecoveryPointsByResourceInput input) override;

  // protected_resources.cc
  Task<aws::Outcome<api::ListProtectedResourcesOutput>> list_protected_resources(
      aws::Call& call, api::ListProtectedResourcesInput input) override;
  Task<aws::Outcome<api::ListProtectedResourcesByBackupVaultOutput>> list_protected_resources_by_backup_vault(
      aws::Call& call, api::ListProtectedResourcesByBackupVaultInput input) override;
  Task<aws::Outcome<api::DescribeProtectedResourceOutput>> describe_protected_resource(
      aws::Call& call, api::DescribeProtectedResourceInput input) override;

  // restores.cc
  Task<aws::Outcome<api::StartRestoreJobOutput>> start_restore_job(aws::Call& call,
                                                                   api::StartRestoreJobInput input) override;
  Task<aws::Outcome<api::DescribeRestoreJobOutput>> describe_restore_job(aws::Call& call,
                                                                         api::DescribeRestoreJobInput input) override;
  Task<aws::Outcome<api::GetRestoreJobMetadataOutput>> get_restore_job_metadata(
      aws::Call& call, api::GetRestoreJobMetadataInput input) override;
  Task<aws::Outcome<api::ListRestoreJobsOutput>> list_restore_jobs(aws::Call& call,
                                                                   api::ListRestoreJobsInput input) override;
  Task<aws::Outcome<api::ListRestoreJobsByProtectedResourceOutput>> list_restore_jobs_by_protected_resource(
      aws::Call& call, api::ListRestoreJobsByProtectedResourceInput input) override;

 private:
  struct Found {
    aws::Recoverable* engine;
    aws::Recoverable::Resource resource;
  };
  // A restore that an engine is at work on.
  struct Restoring {
    std::optional<aws::Outcome<std::string>> outcome;
    std::optional<Time> usable_by;  // once the engine has all bytes: how long the job waits for the resource
    Event settled;                  // there is an outcome, or the job waits no longer
  };
  // service.cc
  // `vault`: the name of the one that the role is to work for.
  Task<aws::Outcome<void>> check_role(aws::Call& call, std::string role_arn, std::string vault);
  // By ARN or bare identifier, whoever has it; nullopt: nobody does.
  Task<aws::Outcome<std::optional<Found>>> find_resource(Place place, std::string arn_or_name);
  aws::Recoverable* engine_for(std::string_view resource_type) const;
  size_t under_way(const Place& place, bool restores) const;
  Result<std::vector<Place>> places() const;
  // Whom a job acts as, when the role still lets AWS Backup assume it.
  Task<aws::Outcome<aws::Caller>> assume(Place place, std::string role_arn, std::string session_name,
                                         std::string vault);
  // In whose name the engine asks; `role` outlives its work.
  aws::Asker asker_of(const aws::Caller& role, const aws::Recoverable& engine) const;

  // plans.cc
  Task<aws::Outcome<api::BackupPlan>> check_plan(Place place, api::BackupPlanInput input,
                                                 const api::BackupPlan* before);
  Task<Result<std::vector<RuleRun>>> first_runs(api::BackupPlan plan);
  Task<Result<std::optional<Time>>> next_run(api::BackupRule rule, Time after);
  // Whether less than an hour lies between some of its runs; `run` is the next one.
  Task<Result<bool>> runs_too_often(api::BackupRule rule, std::optional<Time> run);

  // runner.cc: how a job goes, from CREATED to its end
  // Not if it is under way.
  void begin_job(Place place, std::string id);
  Task<void> run_job(Place place, std::string id);
  Task<Result<void>> take_job_to_its_end(Place place, std::string id, std::shared_ptr<Progress> progress);
  Task<void> abort_job(Place place, std::string id);
  Task<void> end_waiting_job(Place place, std::string id, std::string_view state, std::string message);
  // Answers when there will be more to expire.
  Time expire_waiting_jobs();
  void try_again_later(std::string_view what, const std::string& id, const Error& why);
  Task<aws::Outcome<void>> make_point(Place place, JobRecord job, std::shared_ptr<Progress> progress);
  Task<Result<std::optional<JobRecord>>> move_job(Place place, std::string id, std::string_view state);
  Task<Result<void>> fail_job(Place place, std::string id, std::string_view state, std::string message);
  Task<Result<void>> drop_bytes(Place place, std::string point_id);
  Task<Result<void>> take_up_jobs(Place place);

  // restores.cc
  // Not if it is under way.
  void begin_restore(Place place, std::string id);
  Task<void> run_restore(Place place, std::string id);
  Task<Result<void>> take_restore_to_its_end(Place place, std::string id);
  // Lets the turn go when the engine has all bytes.
  Task<aws::Outcome<std::string>> restore_point(Place place, RestoreRecord restore, Semaphore::Permit& turn);
  Task<void> run_engine(aws::Recoverable* engine, aws::Caller role, Place place,
                        std::map<std::string, std::string> metadata, std::shared_ptr<PointKeys> keys,
                        std::unique_ptr<Source> data, std::shared_ptr<Restoring> restoring);
  // Answers when there will be more to give up.
  Time give_up_late_restores();
  Task<Result<void>> end_restore(Place place, std::string id, aws::Outcome<std::string> created);
  Task<Result<void>> take_up_restores(Place place);

  // vaults.cc
  Task<Result<std::map<std::string, int64_t>>> points_by_vault(Place place);

  // protected_resources.cc
  // The newest complete point of each resource, by ARN; of one vault, or with an empty name of all.
  Task<Result<std::map<std::string, PointRecord>>> newest_points(Place place, std::string vault);

  // points.cc
  void begin_deletion(Place place, std::string point_id);
  Task<void> delete_point(Place place, std::string point_id);

  // schedule.cc
  Task<Result<Time>> do_what_is_due_in(Place place);
  Task<Result<void>> take_up(Place place);
  Task<Result<Time>> run_due_plans(Place place);
  Task<Result<void>> run_plan(Place place, PlanRecord plan);
  Task<Result<void>> run_rule(Place place, PlanRecord plan, VersionRecord version, RuleRun run);
  // `all_or_none`: an engine that cannot list its resources is not passed over.
  Task<Result<std::vector<std::pair<Found, std::string>>>> selected_by(Place place, std::string plan_id,
                                                                       bool all_or_none);
  Task<Result<Time>> expire_points(Place place);
  Task<Result<void>> mark_as_deleting(Place place, std::vector<std::string> ids);
  Task<Result<void>> forget_old(Place place);

  aws::ServiceContext context_;
  const Options options_;
  aws::Keys& keys_;
  aws::Roles& roles_;
  aws::Gate& gate_;
  objects::Objects& objects_;
  const std::vector<aws::Recoverable*> recoverables_;
  Semaphore turns_{2};  // jobs and restores that move bytes at the same time
  // Of jobs under way, by id. Shared with the stream that counts, which the engine may hold for a moment longer.
  std::map<std::string, std::shared_ptr<Progress>> progress_;
  // By id. Shared with what the engine runs in, which goes on when the job no longer waits.
  std::map<std::string, std::shared_ptr<Restoring>> restoring_;
  // What came of restores, where the catalog has it not yet.
  std::map<std::string, aws::Outcome<std::string>> unwritten_;
  std::set<std::string> deleting_;  // points whose deletion is under way
  bool something_is_left_ = true;   // by the last run, or by what could not be written
  bool stopping_ = false;
  TaskGroup tasks_;
  aws::Timekeeper timekeeper_;
};

inline Place place_of(const aws::Call& call) { return {call.account, call.region}; }

}  // namespace boreal::backup
