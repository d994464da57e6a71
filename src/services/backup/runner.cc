// How a backup job goes, from CREATED to its end, also across a crash.
//
// A job's bytes go to an object named by its recovery point, in the object engine. The object's put and the transaction
// that makes job and point COMPLETED are two steps; whatever lies between them is taken back when the job begins again.
#include <fmt/format.h>

#include "backup/convert.h"
#include "backup/keys.h"
#include "backup/permissions.h"
#include "backup/service.h"
#include "backup/walk.h"
#include "base/log.h"
#include "codec/hex.h"

namespace boreal::backup {

namespace {

constexpr std::string_view too_late = "The job could not start within its start window.";

Time just_after(Time when) { return when + Duration(1); }

// Whether the vault's lock lets a point of this lifecycle in. Empty: it does.
std::string lock_fault(const VaultRecord& vault, const std::optional<api::Lifecycle>& lifecycle) {
  if (!vault.locked) return {};
  const std::optional<int64_t> kept = lifecycle ? lifecycle->delete_after_days : std::nullopt;  // nullopt: for ever
  if (kept && *kept < vault.min_retention_days.value_or(0)) {
    return fmt::format("The vault's lock wants recovery points to be kept {} days or more; the job says {}.",
                       *vault.min_retention_days, *kept);
  }
  if (vault.max_retention_days && (!kept || *kept > *vault.max_retention_days)) {
    return fmt::format("The vault's lock wants recovery points to be kept {} days or less; the job says {}.",
                       *vault.max_retention_days, kept ? fmt::to_string(*kept) : "for ever");
  }
  return {};
}

}  // namespace

void Service::begin_job(Place place, std::string id) {
  const auto [entry, is_new] = progress_.try_emplace(id, std::make_shared<Progress>());
  if (!is_new) return;
  entry->second->place = place;
  tasks_.spawn(run_job(std::move(place), std::move(id)));
}

Task<void> Service::run_job(Place place, std::string id) {
  const auto done = co_await take_job_to_its_end(place, id, progress_.at(id));
  progress_.erase(id);
  if (!done) try_again_later("a job's state could not be written", id, done.error());
}

// A server that stops leaves the job as it is: the next one begins it again.
Task<Result<void>> Service::take_job_to_its_end(Place place, std::string id, std::shared_ptr<Progress> progress) {
  CO_TRY(const auto before, load<JobRecord>(View(context_.catalog, place), job_key(id)));
  const bool has_begun = before && before->state == job_state::running;  // within its window, as the last server saw
  // It stays RUNNING while it waits for a turn again, so that the server after the next one knows it too.
  if (!has_begun) CO_CHECK(co_await move_job(place, id, job_state::pending));
  if (before && !has_begun) {
    progress->start_by = before->start_by;
    timekeeper_.note(just_after(before->start_by));
  }
  const auto turn = co_await turns_.acquire();
  if (stopping_) co_return Result<void>();
  progress->has_turn = true;
  if (progress->is_late) co_return co_await fail_job(place, id, job_state::expired, std::string(too_late));
  CO_TRY(const auto job, co_await move_job(place, id, job_state::running));
  if (!job) co_return co_await fail_job(place, id, job_state::aborted, "The job was stopped.");
  if (!has_begun && context_.clock.now() > job->start_by) {
    co_return co_await fail_job(place, id, job_state::expired, std::string(too_late));
  }
  progress->complete_by = job->complete_by;
  auto made = co_await make_point(place, *job, progress);
  if (made || stopping_) co_return Result<void>();
  const bool ended = progress->stop || context_.clock.now() > progress->complete_by;
  co_return co_await fail_job(place, id, ended ? job_state::aborted : job_state::failed, made.error().message);
}

// Of a job that has no turn yet.
Task<void> Service::abort_job(Place place, std::string id) {
  return end_waiting_job(std::move(place), std::move(id), job_state::aborted, "The job was stopped.");
}

Task<void> Service::end_waiting_job(Place place, std::string id, std::string_view state, std::string message) {
  const auto done = co_await fail_job(place, id, state, std::move(message));
  if (!done) try_again_later("a job's state could not be written", id, done.error());
}

// Turns may be long: what waits for one hears at the end of its start window that it has none.
Time Service::expire_waiting_jobs() {
  Time next = aws::Timekeeper::never;
  for (const auto& [id, progress] : progress_) {
    if (progress->has_turn || progress->is_late || progress->start_by == aws::Timekeeper::never) continue;
    if (context_.clock.now() <= progress->start_by) {
      next = std::min(next, just_after(progress->start_by));
      continue;
    }
    progress->is_late = true;
    tasks_.spawn(end_waiting_job(progress->place, id, job_state::expired, std::string(too_late)));
  }
  return next;
}

void Service::try_again_later(std::string_view what, const std::string& id, const Error& why) {
  log::error("backup", what, {{"id", id}, {"error", why.message()}});
  something_is_left_ = true;
  timekeeper_.note(context_.clock.now() + pause_after_failure);
}

// nullopt: the job is over, or was stopped, and must not go on.
Task<Result<std::optional<JobRecord>>> Service::move_job(Place place, std::string id, std::string_view state) {
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto job, load<JobRecord>(tx, job_key(id)));
  if (!job || job->is_over() || job->state == job_state::aborting) co_return std::nullopt;
  job->state = state;
  tx.put(job_key(id), store::encode(*job));
  CO_CHECK(co_await tx.commit());
  co_return job;
}

Task<aws::Outcome<void>> Service::make_point(Place place, JobRecord job, std::shared_ptr<Progress> progress) {
  const View view(context_.catalog, place);
  CO_TRY(const auto vault, need_vault(view, job.vault));
  if (const std::string fault = lock_fault(vault, job.lifecycle); !fault.empty()) {
    co_return aws::refuse(api::errors::invalid_parameter_value_exception(fault));
  }
  aws::Recoverable* engine = engine_for(job.resource_type);
  if (engine == nullptr) {
    co_return aws::refuse(
        api::errors::invalid_request_exception(fmt::format("Nothing here backs up a {}.", job.resource_type)));
  }
  CO_TRY(const auto caller, co_await assume(place, job.role_arn, "AWSBackup-" + job.id, job.vault));
  CO_TRY(const auto resource, co_await engine->find(place.account, place.region, job.resource_arn));
  for (aws::Access& access : backup_accesses(place, job, resource ? resource->tags : Tags()))
    CO_CHECK(co_await gate_.authorize(caller, std::move(access)));

  CO_CHECK(co_await drop_bytes(place, job.point_id));  // of an earlier try, which a crash has cut
  if (!resource) {
    co_return aws::refuse(
        api::errors::resource_not_found_exception(fmt::format("{} does not exist any more.", job.resource_arn)));
  }
  CO_TRY(auto backup, co_await engine->back_up(asker_of(caller, *engine), place.account, place.region, *resource));
  if (auto bucket = co_await objects_.create_bucket(place.bucket()); !bucket && bucket.error().code() != Errc::exists) {
    co_return std::unexpected(aws::ApiError(bucket.error()));
  }
  CO_TRY(const auto point, load<PointRecord>(view, point_key(job.point_id)));
  if (!point) co_return aws::refuse(Error(Errc::corrupt, "the job has no recovery point"));
  objects::PutRequest put;
  put.bucket = place.bucket();
  put.key = job.point_id;
  CO_TRY(put.data_key, co_await new_data_key(keys_, place, vault.key_arn, point->arn));
  put.checksums = {objects::Algorithm::sha256};
  CountedSource counted(std::move(backup.data), progress, context_.clock);
  auto stored = co_await objects_.put(std::move(put), counted);
  if (!stored) {
    log::warn("backup", "a job's bytes could not be stored", {{"job", job.id}, {"error", stored.error().message()}});
    co_return aws::refuse(aws::ApiError("InternalFailure", 500,
                                        fmt::format("The backup was not completed: {}", stored.error().message())));
  }

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto now_job, load<JobRecord>(tx, job_key(job.id)));
  CO_TRY(auto now_point, load<PointRecord>(tx, point_key(job.point_id)));
  if (!now_job || !now_point) co_return aws::refuse(Error(Errc::corrupt, "the job or its recovery point is gone"));
  if (now_job->state != job_state::running) co_return aws::refuse(Error(Errc::cancelled, "the job was stopped"));
  now_point->status = point_status::completed;
  now_point->completed = context_.clock.now();
  now_point->size = static_cast<int64_t>(stored->size);
  now_point->sha256 = codec::hex_encode(stored->checksums.at(0).value);
  now_point->restore_metadata = std::move(backup.restore_metadata);
  now_job->state = job_state::completed;
  now_job->completed = now_point->completed;
  now_job->bytes = now_point->size;
  if (backup.left_out && !backup.left_out->empty()) {
    if (!now_job->message.empty()) now_job->message += ' ';
    now_job->message += *backup.left_out;
    log::warn("backup", "a backup has not all that its resource has", {{"job", job.id}, {"why", *backup.left_out}});
  }
  tx.put(point_key(now_point->id), store::encode(*now_point));
  tx.put(job_key(now_job->id), store::encode(*now_job));
  CO_CHECK(co_await tx.commit());
  if (const auto when = delete_at(*now_point)) timekeeper_.note(*when);
  co_return aws::Outcome<void>();
}

// Ends the job without a recovery point; what it wrote goes first, so that no bytes stay that nothing names.
Task<Result<void>> Service::fail_job(Place place, std::string id, std::string_view state, std::string message) {
  CO_TRY(const auto known, load<JobRecord>(View(context_.catalog, place), job_key(id)));
  if (!known || known->is_over()) co_return Result<void>();
  CO_CHECK(co_await drop_bytes(place, known->point_id));
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto job, load<JobRecord>(tx, job_key(id)));
  if (!job || job->is_over()) co_return Result<void>();
  log::warn("backup", "a backup job ended without a recovery point",
            {{"job", id}, {"resource", job->resource_arn}, {"state", state}, {"why", message}});
  job->state = state;
  job->message = std::move(message);
  job->completed = context_.clock.now();
  tx.put(job_key(id), store::encode(*job));
  tx.remove(point_key(job->point_id));
  co_return co_await tx.commit();
}

Task<Result<void>> Service::drop_bytes(Place place, std::string point_id) {
  objects::RemoveRequest request;
  request.bucket = place.bucket();
  request.key = std::move(point_id);
  auto removed = co_await objects_.remove(std::move(request));
  if (!removed && removed.error().code() != Errc::not_found) co_return std::unexpected(removed.error());
  co_return Result<void>();
}

Task<Result<void>> Service::take_up_jobs(Place place) {
  std::vector<std::string> open;
  CO_CHECK(co_await walk<JobRecord>(context_, place, job_key(""), [&](const JobRecord& job) {
    if (!job.is_over()) open.push_back(job.id);
  }));
  for (const std::string& id : open) begin_job(place, id);
  co_return Result<void>();
}

}  // namespace boreal::backup
