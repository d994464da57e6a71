// Restore jobs: the bytes of a recovery point go back to the engine that made them, verified.
#include <fmt/format.h>

#include <algorithm>

#include "backup/jobs.h"
#include "backup/keys.h"
#include "backup/pages.h"
#include "backup/permissions.h"
#include "backup/points.h"
#include "backup/service.h"
#include "backup/walk.h"
#include "base/log.h"
#include "base/text.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

// How long a job waits for the resource once the engine has all bytes.
constexpr Duration usable_within = std::chrono::hours(24);

// DescribeRestoreJobOutput, RestoreJobsListMember.
template <class Out>
Out show_restore(const Place& place, const RestoreRecord& restore) {
  Out out;
  out.account_id = place.account;
  out.restore_job_id = restore.id;
  out.recovery_point_arn = restore.point_arn;
  out.source_resource_arn = restore.source_arn;
  out.backup_vault_arn = place.vault_arn(restore.vault);
  out.creation_date = restore.created;
  out.completion_date = restore.completed;
  out.status = restore.state;
  if (!restore.message.empty()) out.status_message = restore.message;
  out.percent_done = restore.state == job_state::completed ? "100.00%" : "0.00%";
  out.backup_size_in_bytes = restore.size;
  out.iam_role_arn = restore.role_arn;
  if (!restore.created_arn.empty()) out.created_resource_arn = restore.created_arn;
  out.resource_type = restore.resource_type;
  out.recovery_point_creation_date = restore.point_created;
  out.is_parent = false;
  return out;
}

aws::ApiError no_restore(const std::string& id) {
  return errors::resource_not_found_exception(fmt::format("Cannot find Restore job with ID {}", id));
}

// What engines take from the metadata. They restore the rest as it was: an engine's version, a port, parameters.
constexpr std::string_view changeable[] = {"DBClusterIdentifier", "DBSubnetGroupName", "DestinationBucketName",
                                           "NewBucket"};

// What no engine looks at would be passed over, and more be restored, or in another way, than was asked for
// (ItemsToRestore, another Port). A CreationToken says nothing of what is restored.
aws::Outcome<void> check_metadata(const PointRecord& point, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    if (key == "CreationToken") continue;
    if (const auto there = point.restore_metadata.find(key); there != point.restore_metadata.end()) {
      // Nothing is no name: engines would take the recovery point's, and the role be asked about none.
      const bool is_changeable = !value.empty() && std::ranges::find(changeable, key) != std::end(changeable);
      if (there->second == value || is_changeable) continue;
      return aws::refuse(errors::invalid_parameter_value_exception(fmt::format(
          "boreal does not serve restore metadata with another '{}' ({}) than the recovery point's ({}) yet.", key,
          value, there->second)));
    }
    std::vector<std::string> known;
    for (const auto& [name, text] : point.restore_metadata) {
      if (!is_internal(name)) known.push_back(name);
    }
    return aws::refuse(errors::invalid_parameter_value_exception(
        fmt::format("boreal does not serve the restore metadata '{}' for a recovery point of a {}. Served: {}.", key,
                    point.resource_type, join(known, ", "))));
  }
  return {};
}

// A token tells calls apart that are the same besides: with another point, role or metadata it is another call's.
std::string token_of(const api::StartRestoreJobInput& input) {
  if (!input.idempotency_token || input.idempotency_token->empty()) return {};
  std::string token =
      fmt::format("{}\n{}\n{}", *input.idempotency_token, input.recovery_point_arn, input.iam_role_arn.value_or(""));
  for (const auto& [key, value] : input.metadata) token += fmt::format("\n{}={}", key, value);
  return token;
}

std::string restore_order(const RestoreRecord& restore) { return newest_first(restore.created, restore.id); }

// What `wanted` is true of.
template <class Out, class In, class Wanted>
Task<aws::Outcome<Out>> list(const aws::ServiceContext& context, Place place, const In& input, Wanted wanted) {
  CO_TRY(auto page, Page<RestoreRecord>::begin(input.next_token, input.max_results));
  CO_CHECK(co_await walk<RestoreRecord>(context, place, restore_key(""), [&](RestoreRecord restore) {
    if (wanted(restore)) page.add(restore_order(restore), std::move(restore));
  }));
  Out out;
  out.restore_jobs.emplace();
  for (const RestoreRecord& restore : page.take(out.next_token)) {
    out.restore_jobs->push_back(show_restore<api::RestoreJobsListMember>(place, restore));
  }
  co_return out;
}

bool wanted(const api::ListRestoreJobsInput& by, const Place& place, const RestoreRecord& restore) {
  if (by.by_account_id && *by.by_account_id != place.account && *by.by_account_id != "*") return false;
  if (by.by_resource_type && *by.by_resource_type != restore.resource_type) return false;
  if (by.by_status && *by.by_status != restore.state) return false;
  if (by.by_created_before && restore.created >= *by.by_created_before) return false;
  if (by.by_created_after && restore.created <= *by.by_created_after) return false;
  if (by.by_complete_before && !(restore.completed && *restore.completed < *by.by_complete_before)) return false;
  if (by.by_complete_after && !(restore.completed && *restore.completed > *by.by_complete_after)) return false;
  return !by.by_parent_job_id && !by.by_restore_testing_plan_arn;
}

}  // namespace

Task<aws::Outcome<api::StartRestoreJobOutput>> Service::start_restore_job(aws::Call& call,
                                                                          api::StartRestoreJobInput input) {
  const Place place = place_of(call);
  CO_TRY(const auto known, need_point(View(context_.catalog, place), input.recovery_point_arn));
  if (input.resource_type && *input.resource_type != known.resource_type) {
    co_return aws::refuse(errors::invalid_parameter_value_exception(
        fmt::format("ResourceType is {}; the recovery point is of a {}.", *input.resource_type, known.resource_type)));
  }
  if (input.copy_source_tags_to_restored_resource.value_or(false)) {
    co_return aws::refuse(
        errors::invalid_parameter_value_exception("boreal does not serve CopySourceTagsToRestoredResource yet."));
  }
  for (const auto& [key, value] : input.metadata) {
    if (!is_internal(key)) continue;
    co_return aws::refuse(errors::invalid_parameter_value_exception(fmt::format("Metadata may not say '{}'.", key)));
  }
  const std::string role_arn = input.iam_role_arn.value_or("");
  if (role_arn.empty()) co_return aws::refuse(errors::missing_parameter_value_exception("IamRoleArn is missing."));
  CO_CHECK(co_await check_role(call, role_arn, known.vault));

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto point, need_point(tx, input.recovery_point_arn));
  RestoreRecord restore;
  CO_TRY(auto same, load_by_token<RestoreRecord>(tx, "restore", token_of(input)));
  if (same) {
    restore = std::move(*same);
  } else {
    if (point.status != point_status::completed) {
      co_return aws::refuse(errors::invalid_request_exception(
          fmt::format("Recovery point {} is {}; only a COMPLETED one can be restored.", point.arn, point.status)));
    }
    CO_CHECK(check_metadata(point, input.metadata));
    if (under_way(place, true) >= max_jobs_under_way) {
      co_return aws::refuse(
          errors::invalid_request_exception(fmt::format("{} restore jobs are under way already.", max_jobs_under_way)));
    }
    restore.id = context_.random.uuid();
    restore.state = job_state::pending;
    restore.point_id = point.id;
    restore.role_arn = role_arn;
    restore.idempotency_token = token_of(input);
    restore.point_arn = point.arn;
    restore.vault = point.vault;
    restore.source_arn = point.resource_arn;
    restore.resource_type = point.resource_type;
    restore.created = call.now;
    restore.point_created = point.created;
    restore.size = point.size;
    restore.metadata = input.metadata;
    tx.put(restore_key(restore.id), store::encode(restore));
    if (!restore.idempotency_token.empty())
      tx.put(token_key("restore", restore.idempotency_token), restore_key(restore.id));
    CO_CHECK(co_await tx.commit());
    begin_restore(place, restore.id);
  }
  api::StartRestoreJobOutput out;
  out.restore_job_id = restore.id;
  co_return out;
}

void Service::begin_restore(Place place, std::string id) {
  const auto [entry, is_new] = progress_.try_emplace(id, std::make_shared<Progress>());
  if (!is_new) return;
  entry->second->place = place;
  entry->second->is_restore = true;
  tasks_.spawn(run_restore(std::move(place), std::move(id)));
}

Task<void> Service::run_restore(Place place, std::string id) {
  const auto done = co_await take_restore_to_its_end(place, id);
  progress_.erase(id);
  if (!done) try_again_later("a restore's state could not be written", id, done.error());
}

Task<Result<void>> Service::take_restore_to_its_end(Place place, std::string id) {
  auto turn = co_await turns_.acquire();
  if (stopping_) co_return Result<void>();
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto restore, load<RestoreRecord>(tx, restore_key(id)));
  if (!restore || restore->state != job_state::pending) co_return Result<void>();
  restore->state = job_state::running;
  tx.put(restore_key(id), store::encode(*restore));
  CO_CHECK(co_await tx.commit());
  const auto created = co_await restore_point(place, *restore, turn);
  if (!created && stopping_) co_return Result<void>();  // the next start says what became of it
  auto written = co_await end_restore(place, id, created);
  if (!written) unwritten_.insert_or_assign(id, created);
  co_return written;
}

Task<aws::Outcome<std::string>> Service::restore_point(Place place, RestoreRecord restore, Semaphore::Permit& turn) {
  const std::shared_ptr<Progress> progress = progress_.at(restore.id);
  CO_TRY(const auto point, need_point(View(context_.catalog, place), restore.point_arn));
  aws::Recoverable* engine = engine_for(point.resource_type);
  if (engine == nullptr) {
    co_return aws::refuse(
        errors::invalid_request_exception(fmt::format("Nothing here restores a {}.", point.resource_type)));
  }
  // What the caller did not say is as it was when the point was made.
  restore.metadata.insert(point.restore_metadata.begin(), point.restore_metadata.end());
  CO_TRY(const auto caller, co_await assume(place, restore.role_arn, "AWSBackup-" + restore.id, point.vault));
  for (aws::Access& access : restore_accesses(place, restore))
    CO_CHECK(co_await gate_.authorize(caller, std::move(access)));
  if (const std::string name = new_bucket(restore); !name.empty()) {
    CO_TRY(const auto there, co_await engine->find(place.account, place.region, name));
    if (there) {
      co_return aws::refuse(errors::invalid_request_exception(
          fmt::format("NewBucket is true, and bucket {} exists already: nothing was restored into it.", there->name)));
    }
  }

  const auto keys = std::make_shared<PointKeys>(keys_, place, point.arn);
  const auto failed = [&](const Error& error) {
    return aws::refuse(
        aws::ApiError("InternalFailure", 500, fmt::format("The recovery point cannot be read: {}", error.message())));
  };
  auto found = co_await objects_.find(place.bucket(), point.id, objects::Select::latest(), true);
  if (!found) co_return failed(found.error());
  auto bytes = co_await objects_.read(std::move(*found), objects::Range(), *keys);
  if (!bytes) co_return failed(bytes.error());
  auto verdict = std::make_shared<Verdict>();
  auto verified = std::make_unique<VerifiedSource>(std::move(*bytes), static_cast<uint64_t>(point.size), point.sha256,
                                                   verdict, context_.pool);
  auto counted = std::make_unique<CountedSource>(std::move(verified), progress, context_.clock);
  const auto restoring = restoring_[restore.id] = std::make_shared<Restoring>();
  // From here on the engine moves no bytes of ours: others have their turn, however long the resource takes.
  progress->on_end = [this, &turn, &state = *restoring] {
    turn.release();
    state.usable_by = context_.clock.now() + usable_within;
    timekeeper_.note(*state.usable_by);
  };
  tasks_.spawn(run_engine(engine, caller, place, std::move(restore.metadata), keys, std::move(counted), restoring));
  co_await restoring->settled.wait();
  progress->on_end = nullptr;
  restoring_.erase(restore.id);
  if (!restoring->outcome) {
    co_return aws::refuse(aws::ApiError(
        "InternalFailure", 500,
        fmt::format("The resource has had all bytes of the recovery point for {} hours and is not usable yet. The job "
                    "waits no longer; its own status tells how it goes on.",
                    usable_within / std::chrono::hours(1))));
  }
  if (*restoring->outcome && !verdict->verified) {
    co_return failed(Error(Errc::corrupt, "it was not read to its end, so its bytes are not proven"));
  }
  co_return std::move(*restoring->outcome);
}

Task<void> Service::run_engine(aws::Recoverable* engine, aws::Caller role, Place place,
                               std::map<std::string, std::string> metadata, std::shared_ptr<PointKeys> /*of the data*/,
                               std::unique_ptr<Source> data, std::shared_ptr<Restoring> restoring) {
  restoring->outcome = co_await engine->restore(asker_of(role, *engine), place.account, place.region,
                                                std::move(metadata), std::move(data));
  restoring->settled.set();
}

Time Service::give_up_late_restores() {
  Time next = aws::Timekeeper::never;
  for (const auto& [id, restoring] : restoring_) {
    if (!restoring->usable_by || restoring->settled.is_set()) continue;
    if (*restoring->usable_by > context_.clock.now()) {
      next = std::min(next, *restoring->usable_by);
    } else {
      restoring->settled.set();
    }
  }
  return next;
}

Task<Result<void>> Service::end_restore(Place place, std::string id, aws::Outcome<std::string> created) {
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto restore, load<RestoreRecord>(tx, restore_key(id)));
  if (!restore || restore->is_over()) co_return Result<void>();
  restore->completed = context_.clock.now();
  if (created) {
    restore->state = job_state::completed;
    restore->created_arn = *created;
    CO_TRY(auto point, load<PointRecord>(tx, point_key(restore->point_id)));
    if (point) {
      point->last_restore = restore->completed;
      tx.put(point_key(point->id), store::encode(*point));
    }
  } else {
    restore->state = job_state::failed;
    restore->message = created.error().message;
    log::warn("backup", "a restore failed", {{"job", id}, {"point", restore->point_arn}, {"why", restore->message}});
  }
  tx.put(restore_key(id), store::encode(*restore));
  co_return co_await tx.commit();
}

// One that was running when the last server ended is not begun again: the resource may be there by half.
Task<Result<void>> Service::take_up_restores(Place place) {
  std::vector<RestoreRecord> open;
  CO_CHECK(co_await walk<RestoreRecord>(context_, place, restore_key(""), [&](RestoreRecord restore) {
    if (!restore.is_over()) open.push_back(std::move(restore));
  }));
  for (const RestoreRecord& then : open) {
    // It may have ended, or been begun, since.
    CO_TRY(const auto now, load<RestoreRecord>(View(context_.catalog, place), restore_key(then.id)));
    if (!now || now->is_over() || progress_.contains(then.id)) continue;
    const RestoreRecord& restore = *now;
    if (restore.state == job_state::pending) {
      begin_restore(place, restore.id);
      continue;
    }
    aws::Outcome<std::string> outcome = aws::refuse(
        aws::ApiError("InternalFailure", 500,
                      "The server ended while the restore ran. What it had made of the new resource, if anything, is "
                      "not complete: delete it and restore again."));
    if (const auto known = unwritten_.find(restore.id); known != unwritten_.end()) outcome = known->second;
    CO_CHECK(co_await end_restore(place, restore.id, std::move(outcome)));
    unwritten_.erase(restore.id);
  }
  co_return Result<void>();
}

Task<aws::Outcome<api::DescribeRestoreJobOutput>> Service::describe_restore_job(aws::Call& call,
                                                                                api::DescribeRestoreJobInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_TRY(const auto restore, load<RestoreRecord>(view, restore_key(input.restore_job_id)));
  if (!restore) co_return aws::refuse(no_restore(input.restore_job_id));
  co_return show_restore<api::DescribeRestoreJobOutput>(place, *restore);
}

Task<aws::Outcome<api::GetRestoreJobMetadataOutput>> Service::get_restore_job_metadata(
    aws::Call& call, api::GetRestoreJobMetadataInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto restore, load<RestoreRecord>(view, restore_key(input.restore_job_id)));
  if (!restore) co_return aws::refuse(no_restore(input.restore_job_id));
  api::GetRestoreJobMetadataOutput out;
  out.restore_job_id = restore->id;
  out.metadata = restore->metadata;
  co_return out;
}

Task<aws::Outcome<api::ListRestoreJobsOutput>> Service::list_restore_jobs(aws::Call& call,
                                                                          api::ListRestoreJobsInput input) {
  const Place place = place_of(call);
  co_return co_await list<api::ListRestoreJobsOutput>(
      context_, place, input, [&](const RestoreRecord& restore) { return wanted(input, place, restore); });
}

Task<aws::Outcome<api::ListRestoreJobsByProtectedResourceOutput>> Service::list_restore_jobs_by_protected_resource(
    aws::Call& call, api::ListRestoreJobsByProtectedResourceInput input) {
  const Place place = place_of(call);
  const auto wanted_here = [&](const RestoreRecord& restore) {
    return restore.source_arn == input.resource_arn && (!input.by_status || *input.by_status == restore.state) &&
           (!input.by_recovery_point_creation_date_after ||
            restore.point_created > *input.by_recovery_point_creation_date_after) &&
           (!input.by_recovery_point_creation_date_before ||
            restore.point_created < *input.by_recovery_point_creation_date_before);
  };
  co_return co_await list<api::ListRestoreJobsByProtectedResourceOutput>(context_, place, input, wanted_here);
}

}  // namespace boreal::backup
