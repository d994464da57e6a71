// Backup jobs as callers see them. runner.cc runs them.
#include "backup/jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/convert.h"
#include "backup/pages.h"
#include "backup/service.h"
#include "backup/walk.h"
#include "base/log.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

constexpr int64_t default_start_minutes = 8 * 60;
constexpr int64_t default_completion_minutes = 7 * 24 * 60;
constexpr int64_t min_window_minutes = 60;
constexpr int64_t max_window_minutes = 36'500LL * 24 * 60;

aws::ApiError no_job(const std::string& id) {
  return errors::resource_not_found_exception(fmt::format("Cannot find Backup job with ID {}", id));
}

int64_t start_minutes(const api::StartBackupJobInput& input) {
  return input.start_window_minutes.value_or(default_start_minutes);
}
int64_t complete_minutes(const api::StartBackupJobInput& input) {
  return input.complete_window_minutes.value_or(std::max(default_completion_minutes, start_minutes(input)));
}

aws::Outcome<void> check_request(const api::StartBackupJobInput& input) {
  const auto refuse = [](std::string text) {
    return aws::refuse(errors::invalid_parameter_value_exception(std::move(text)));
  };
  const int64_t start = start_minutes(input);
  const int64_t complete = complete_minutes(input);
  if (start < min_window_minutes || start > max_window_minutes) {
    return refuse(fmt::format("StartWindowMinutes is {}; it must be at least {}.", start, min_window_minutes));
  }
  if (complete < start || complete > max_window_minutes) {
    return refuse(
        fmt::format("CompleteWindowMinutes is {}; it must not be less than StartWindowMinutes ({}).", complete, start));
  }
  if (input.lifecycle) {
    if (const std::string fault = lifecycle_fault(*input.lifecycle); !fault.empty()) return refuse(fault);
  }
  if (input.backup_options && !input.backup_options->empty()) return refuse("boreal does not serve BackupOptions yet.");
  if (input.logically_air_gapped_backup_vault_arn)
    return refuse("boreal does not serve logically air-gapped vaults yet.");
  if (input.index && *input.index != "DISABLED") return refuse("boreal does not serve backup indexes yet.");
  return check_tags(input.recovery_point_tags.value_or(Tags()));
}

// A token tells calls apart that are the same besides: with another vault, resource or role it is another call's.
std::string token_of(const api::StartBackupJobInput& input) {
  if (!input.idempotency_token || input.idempotency_token->empty()) return {};
  return fmt::format("{}\n{}\n{}\n{}", *input.idempotency_token, input.backup_vault_name, input.resource_arn,
                     input.iam_role_arn);
}

// AWS's consoles call a job "completed with issues" that is COMPLETED and of any other category than this: one with a
// message.
std::optional<std::string> category(const JobRecord& job) {
  if (job.state != job_state::completed || !job.message.empty()) return std::nullopt;
  return "SUCCESS";
}

// BackupJob, DescribeBackupJobOutput. `running`: how far a job under way is.
template <class Out>
Out show_job(const Place& place, const JobRecord& job, const std::shared_ptr<Progress>& running) {
  Out out;
  out.account_id = place.account;
  out.backup_job_id = job.id;
  out.backup_vault_name = job.vault;
  out.backup_vault_arn = place.vault_arn(job.vault);
  if (!job.point_id.empty()) out.recovery_point_arn = place.arn("recovery-point:" + job.point_id);
  out.recovery_point_lifecycle = job.lifecycle;
  out.is_encrypted = true;
  out.resource_arn = job.resource_arn;
  out.resource_type = job.resource_type;
  out.resource_name = job.resource_name;
  out.creation_date = job.created;
  out.initiation_date = job.created;
  out.start_by = job.start_by;
  out.completion_date = job.completed;
  out.state = job.state;
  if (!job.message.empty()) out.status_message = job.message;
  out.message_category = category(job);
  out.percent_done = job.state == job_state::completed ? "100.0" : "0.0";
  const int64_t bytes = running ? static_cast<int64_t>(running->bytes) : job.bytes;
  out.bytes_transferred = bytes;
  if (job.state == job_state::completed) out.backup_size_in_bytes = job.bytes;
  out.iam_role_arn = job.role_arn;
  out.created_by = job.creator;
  out.is_parent = false;
  return out;
}

bool wanted(const api::ListBackupJobsInput& by, const Place& place, const JobRecord& job) {
  if (by.by_account_id && *by.by_account_id != place.account && *by.by_account_id != "*") return false;
  if (by.by_resource_arn && *by.by_resource_arn != job.resource_arn) return false;
  if (by.by_state && *by.by_state != job.state) return false;
  if (by.by_backup_vault_name && *by.by_backup_vault_name != job.vault) return false;
  if (by.by_resource_type && *by.by_resource_type != job.resource_type) return false;
  if (by.by_created_before && job.created >= *by.by_created_before) return false;
  if (by.by_created_after && job.created <= *by.by_created_after) return false;
  if (by.by_complete_before && !(job.completed && *job.completed < *by.by_complete_before)) return false;
  if (by.by_complete_after && !(job.completed && *job.completed > *by.by_complete_after)) return false;
  const std::string wanted_category = by.by_message_category.value_or("AGGREGATE_ALL");
  const bool any_category = wanted_category == "AGGREGATE_ALL" || wanted_category == "ANY" || wanted_category == "*";
  return !by.by_parent_job_id && (any_category || category(job) == wanted_category);
}

}  // namespace

void add_job(store::Transaction& tx, const Place& place, const VaultRecord& vault, JobRecord& job,
             std::string point_id) {
  job.state = job_state::created;
  job.vault = vault.name;
  job.point_id = std::move(point_id);
  PointRecord point;
  point.id = job.point_id;
  point.arn = place.arn("recovery-point:" + point.id);
  point.vault = vault.name;
  point.status = point_status::creating;
  point.resource_arn = job.resource_arn;
  point.resource_type = job.resource_type;
  point.resource_name = job.resource_name;
  point.role_arn = job.role_arn;
  point.key_arn = vault.key_arn;
  point.created = job.created;
  point.lifecycle = job.lifecycle;
  point.tags = job.point_tags;
  point.creator = job.creator;
  tx.put(job_key(job.id), store::encode(job));
  tx.put(point_key(point.id), store::encode(point));
  if (!job.idempotency_token.empty()) tx.put(token_key("job", job.idempotency_token), job_key(job.id));
}

Task<aws::Outcome<api::GetSupportedResourceTypesOutput>> Service::get_supported_resource_types(
    aws::Call&, api::GetSupportedResourceTypesInput) {
  api::GetSupportedResourceTypesOutput out;
  out.resource_types.emplace();
  for (const aws::Recoverable* engine : recoverables_) out.resource_types->emplace_back(engine->resource_type());
  co_return out;
}

Task<aws::Outcome<api::StartBackupJobOutput>> Service::start_backup_job(aws::Call& call,
                                                                        api::StartBackupJobInput input) {
  const Place place = place_of(call);
  CO_CHECK(check_request(input));
  if (!input.resource_arn.starts_with("arn:") && options_.strict) {
    co_return aws::refuse(
        errors::invalid_parameter_value_exception(fmt::format("Invalid ARN: {}", input.resource_arn)));
  }
  CO_CHECK(need_vault(call, View(context_.catalog, place), input.backup_vault_name));
  CO_TRY(const auto found, co_await find_resource(place, input.resource_arn));
  if (!found) {
    co_return aws::refuse(errors::resource_not_found_exception(
        fmt::format("{} does not exist, or is of a kind that is not backed up here.", input.resource_arn)));
  }
  CO_CHECK(co_await check_role(call, input.iam_role_arn, input.backup_vault_name));

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto vault, need_vault(call, tx, input.backup_vault_name));
  JobRecord job;
  CO_TRY(auto same, load_by_token<JobRecord>(tx, "job", token_of(input)));
  if (same) {
    job = std::move(*same);
  } else {
    if (under_way(place, false) >= max_jobs_under_way) {
      co_return aws::refuse(
          errors::limit_exceeded_exception(fmt::format("{} backup jobs are under way already.", max_jobs_under_way)));
    }
    job.id = context_.random.uuid();
    job.resource_arn = found->resource.arn;
    job.resource_type = found->engine->resource_type();
    job.resource_name = found->resource.name;
    job.role_arn = input.iam_role_arn;
    job.idempotency_token = token_of(input);
    job.created = call.now;
    job.start_by = call.now + minutes(start_minutes(input));
    job.complete_by = call.now + minutes(complete_minutes(input));
    job.lifecycle = input.lifecycle;
    job.point_tags = input.recovery_point_tags.value_or(Tags());
    if (!input.resource_arn.starts_with("arn:")) {
      job.message = fmt::format("The resource was named '{}'; AWS Backup wants its ARN, {}.", input.resource_arn,
                                job.resource_arn);
      log::warn("backup", "a job names its resource by an identifier; AWS wants the ARN",
                {{"job", job.id}, {"name", input.resource_arn}, {"arn", job.resource_arn}});
    }
    add_job(tx, place, vault, job, context_.random.uuid());
    CO_CHECK(co_await tx.commit());
    begin_job(place, job.id);
  }
  api::StartBackupJobOutput out;
  out.backup_job_id = job.id;
  out.recovery_point_arn = place.arn("recovery-point:" + job.point_id);
  out.creation_date = job.created;
  out.is_parent = false;
  co_return out;
}

Task<aws::Outcome<api::StopBackupJobOutput>> Service::stop_backup_job(aws::Call& call, api::StopBackupJobInput input) {
  const Place place = place_of(call);
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto job, load<JobRecord>(tx, job_key(input.backup_job_id)));
  if (!job) co_return aws::refuse(no_job(input.backup_job_id));
  if (job->is_over()) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("Backup job {} is {}; it cannot be stopped.", job->id, job->state)));
  }
  job->state = job_state::aborting;
  tx.put(job_key(job->id), store::encode(*job));
  CO_CHECK(co_await tx.commit());
  if (const auto running = progress_.find(job->id); running != progress_.end() && running->second->has_turn) {
    running->second->stop = true;
  } else {
    tasks_.spawn(abort_job(place, job->id));
  }
  co_return api::StopBackupJobOutput();
}

Task<aws::Outcome<api::DescribeBackupJobOutput>> Service::describe_backup_job(aws::Call& call,
                                                                              api::DescribeBackupJobInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_TRY(const auto job, load<JobRecord>(view, job_key(input.backup_job_id)));
  if (!job) co_return aws::refuse(no_job(input.backup_job_id));
  const auto running = progress_.find(job->id);
  co_return show_job<api::DescribeBackupJobOutput>(place, *job, running == progress_.end() ? nullptr : running->second);
}

Task<aws::Outcome<api::ListBackupJobsOutput>> Service::list_backup_jobs(aws::Call& call,
                                                                        api::ListBackupJobsInput input) {
  const Place place = place_of(call);
  CO_TRY(auto page, Page<JobRecord>::begin(input.next_token, input.max_results));
  CO_CHECK(co_await walk<JobRecord>(context_, place, job_key(""), [&](JobRecord job) {
    if (wanted(input, place, job)) page.add(newest_first(job.created, job.id), std::move(job));
  }));
  api::ListBackupJobsOutput out;
  out.backup_jobs.emplace();
  for (const JobRecord& job : page.take(out.next_token)) {
    const auto running = progress_.find(job.id);
    out.backup_jobs->push_back(
        show_job<api::BackupJob>(place, job, running == progress_.end() ? nullptr : running->second));
  }
  co_return out;
}

}  // namespace boreal::backup
