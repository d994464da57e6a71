// What time brings: plans run, lifecycles end, old jobs are forgotten.
#include <fmt/format.h>

#include <algorithm>

#include "backup/convert.h"
#include "backup/jobs.h"
#include "backup/selecting.h"
#include "backup/service.h"
#include "backup/walk.h"
#include "base/log.h"

namespace boreal::backup {

namespace {

// How long finished jobs and deleted plans are shown.
constexpr int64_t remembered_days = 30;
constexpr Duration between_sweeps = std::chrono::hours(24);
// So many recovery points are deleted at a time, and so many records forgotten in one look.
constexpr size_t max_deletions = 1000;
constexpr Duration between_deletions = std::chrono::seconds(1);
constexpr size_t max_forgotten = 20'000;
// A run waits so long for a kind of resources that cannot be listed; then it goes without them.
constexpr Duration patience = std::chrono::minutes(10);
// By a clock that was put back by more, plans run at its times from then on. By less: what has run does not run again.
constexpr Duration small_setback = std::chrono::hours(24);

JobRecord scheduled_job(const aws::Recoverable::Resource& resource, std::string_view type, const std::string& role_arn,
                        const PlanRecord& plan, const VersionRecord& version, const api::BackupRule& rule, Time due) {
  JobRecord job;
  job.resource_arn = resource.arn;
  job.resource_type = type;
  job.resource_name = resource.name;
  job.role_arn = role_arn;
  job.created = due;
  job.start_by = due + minutes(*rule.start_window_minutes);
  job.complete_by = due + minutes(*rule.completion_window_minutes);
  job.lifecycle = rule.lifecycle;
  job.point_tags = rule.recovery_point_tags.value_or(Tags());
  job.creator = api::RecoveryPointCreator{.backup_plan_id = plan.id,
                                          .backup_plan_arn = plan.arn,
                                          .backup_plan_name = plan.name,
                                          .backup_plan_version = version.id,
                                          .backup_rule_id = rule.rule_id,
                                          .backup_rule_name = rule.rule_name,
                                          .backup_rule_cron = rule.schedule_expression,
                                          .backup_rule_timezone = rule.schedule_expression_timezone};
  return job;
}

}  // namespace

Task<Result<Time>> Service::do_what_is_due() {
  Time next = std::min({context_.clock.now() + between_sweeps, give_up_late_restores(), expire_waiting_jobs()});
  CO_TRY(const auto all, co_await context_.pool.run([this] { return places(); }));
  const bool takes_up = std::exchange(something_is_left_, false);
  for (const Place& place : all) {
    const auto taken = takes_up ? co_await take_up(place) : Result<void>();
    if (!taken) try_again_later("what was left could not all be taken up", place.partition(), taken.error());
    const auto due = co_await do_what_is_due_in(place);
    if (!due) {
      log::error("backup", "what is due could not all be done",
                 {{"account", place.account}, {"region", place.region}, {"error", due.error().message()}});
    }
    next = std::min(next, due ? *due : context_.clock.now() + pause_after_failure);
  }
  co_return next;
}

// Each by itself: what one cannot do, the others are not to wait for.
Task<Result<Time>> Service::do_what_is_due_in(Place place) {
  const auto run = co_await run_due_plans(place);
  const auto expiry = co_await expire_points(place);
  const auto forgotten = co_await forget_old(place);
  CO_CHECK(forgotten);
  if (!run) co_return run;
  if (!expiry) co_return expiry;
  co_return std::min(*run, *expiry);
}

Task<Result<void>> Service::take_up(Place place) {
  const auto jobs = co_await take_up_jobs(place);
  CO_CHECK(co_await take_up_restores(place));
  co_return jobs;
}

Task<Result<Time>> Service::run_due_plans(Place place) {
  Time next = aws::Timekeeper::never;
  const View view(context_.catalog, place);
  CO_TRY(const auto plans, load_all<PlanRecord>(view, plan_key("")));
  for (const PlanRecord& plan : plans) {
    if (const auto done = co_await run_plan(place, plan); !done) {
      log::error("backup", "a plan could not be run", {{"plan", plan.id}, {"error", done.error().message()}});
      next = std::min(next, context_.clock.now() + pause_after_failure);
      continue;
    }
    const auto after = load<PlanRecord>(view, plan_key(plan.id));
    if (!after || !*after) continue;
    for (const RuleRun& run : (*after)->runs) next = std::min(next, run.next);
  }
  co_return next;
}

Task<Result<void>> Service::run_plan(Place place, PlanRecord plan) {
  for (const RuleRun& run : plan.runs) {
    const Time now = context_.clock.now();
    if (run.next > now && run.reckoned <= now + small_setback) continue;
    CO_TRY(const auto version, load<VersionRecord>(View(context_.catalog, place), version_key(plan.id, plan.version)));
    if (!version) co_return fail(Errc::corrupt, fmt::format("it has no version {}", plan.version));
    CO_CHECK(co_await run_rule(place, plan, *version, run));
  }
  co_return Result<void>();
}

// Jobs and the next run's time are written in one transaction: a crash neither loses the run nor doubles it.
Task<Result<void>> Service::run_rule(Place place, PlanRecord plan, VersionRecord version, RuleRun run) {
  const Time now = context_.clock.now();
  const auto rule = std::ranges::find(version.plan.rules, std::optional(run.rule_id), &api::BackupRule::rule_id);
  if (rule == version.plan.rules.end()) co_return fail(Errc::corrupt, "it has no rule " + run.rule_id);
  CO_TRY(const auto next, co_await next_run(*rule, now));
  const bool is_due = run.next <= now;
  std::vector<std::pair<Found, std::string>> selected;
  if (is_due) {
    CO_TRY(selected, co_await selected_by(place, plan.id, now < run.next + patience));
  }
  // While the server was down, or the clock was moved, runs may have passed: only one that still may start does.
  const bool too_late = now > run.next + minutes(*rule->start_window_minutes);
  if (too_late) {
    log::warn("backup", "a plan's run was missed: its start window has passed",
              {{"plan", plan.id}, {"rule", rule->rule_name}});
  }

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto current, load<PlanRecord>(tx, plan_key(plan.id)));
  if (!current || current->deleted || current->version != plan.version) co_return Result<void>();
  const auto slot = std::ranges::find(current->runs, run.rule_id, &RuleRun::rule_id);
  if (slot == current->runs.end() || slot->next != run.next) co_return Result<void>();
  CO_TRY(const auto vault, load<VaultRecord>(tx, vault_key(rule->target_backup_vault_name)));
  std::vector<std::string> begun;
  size_t refused = 0;
  if (is_due && !vault) {
    log::error("backup", "a plan's vault is gone; nothing was backed up",
               {{"plan", plan.id}, {"vault", rule->target_backup_vault_name}});
  } else if (is_due && !too_late) {
    current->last_execution = now;
    for (const auto& [found, role_arn] : selected) {
      JobRecord job =
          scheduled_job(found.resource, found.engine->resource_type(), role_arn, plan, version, *rule, run.next);
      job.id = context_.random.uuid();
      if (under_way(place, false) + begun.size() < max_jobs_under_way) {
        begun.push_back(job.id);
        add_job(tx, place, *vault, job, context_.random.uuid());
        continue;
      }
      // Told where whoever misses the backup looks for it.
      ++refused;
      job.vault = vault->name;
      job.state = job_state::failed;
      job.message = fmt::format("{} backup jobs were under way already.", max_jobs_under_way);
      job.completed = now;
      tx.put(job_key(job.id), store::encode(job));
    }
  }
  if (next) {
    *slot = {run.rule_id, *next, now};
  } else {
    current->runs.erase(slot);
  }
  tx.put(plan_key(plan.id), store::encode(*current));
  CO_CHECK(co_await tx.commit());
  if (!is_due) {
    log::warn("backup", "the clock was put back: a plan's next run is by it",
              {{"plan", plan.id}, {"rule", rule->rule_name}});
    co_return Result<void>();
  }
  if (refused > 0) {
    log::error("backup", "so many jobs were under way that a plan's run could not back up all",
               {{"plan", plan.id}, {"rule", rule->rule_name}, {"left_out", refused}});
  }
  log::info("backup", "a plan ran", {{"plan", plan.id}, {"rule", rule->rule_name}, {"jobs", begun.size()}});
  for (const std::string& id : begun) begin_job(place, id);
  co_return Result<void>();
}

// Each resource once, with the role of the first selection that means it.
Task<Result<std::vector<std::pair<Service::Found, std::string>>>> Service::selected_by(Place place, std::string plan_id,
                                                                                       bool all_or_none) {
  std::vector<std::pair<Found, std::string>> chosen;
  const View view(context_.catalog, place);
  CO_TRY(const auto selections, load_all<SelectionRecord>(view, selection_prefix(plan_id)));
  for (aws::Recoverable* engine : recoverables_) {
    auto resources = co_await engine->list(place.account, place.region);
    if (!resources) {
      if (all_or_none) {
        co_return fail(Errc::unavailable,
                       fmt::format("list of {}: {}", engine->resource_type(), resources.error().message));
      }
      log::error("backup", "a plan runs without the resources of a kind that cannot be listed",
                 {{"plan", plan_id}, {"kind", engine->resource_type()}, {"why", resources.error().message}});
      continue;
    }
    for (const aws::Recoverable::Resource& resource : *resources) {
      const auto by =
          std::ranges::find_if(selections, [&](const SelectionRecord& s) { return selects(s.selection, resource); });
      if (by != selections.end()) chosen.emplace_back(Found{engine, resource}, by->selection.iam_role_arn);
    }
  }
  co_return chosen;
}

Task<Result<Time>> Service::expire_points(Place place) {
  Time next = aws::Timekeeper::never;
  const Time now = context_.clock.now();
  std::vector<std::string> over;
  std::vector<std::string> half_deleted;
  const std::set<std::string> under_way = deleting_;
  const auto take = [&](std::vector<std::string>& list, const std::string& id) {
    if (under_way.size() + over.size() + half_deleted.size() < max_deletions) {
      list.push_back(id);
    } else {
      next = std::min(next, now + between_deletions);
    }
  };
  CO_CHECK(co_await walk<PointRecord>(context_, place, point_key(""), [&](const PointRecord& point) {
    if (point.status == point_status::deleting && !under_way.contains(point.id)) take(half_deleted, point.id);
    const auto end = delete_at(point);
    if (!end || point.status != point_status::completed) return;
    if (*end > now) {
      next = std::min(next, *end);
    } else {
      take(over, point.id);
    }
  }));
  for (const std::string& id : half_deleted) begin_deletion(place, id);
  CO_CHECK(co_await mark_as_deleting(place, std::move(over)));
  co_return next;
}

Task<Result<void>> Service::mark_as_deleting(Place place, std::vector<std::string> ids) {
  if (ids.empty()) co_return Result<void>();
  std::vector<std::string> marked;
  auto tx = co_await context_.catalog.begin(place.partition());
  for (const std::string& id : ids) {
    CO_TRY(auto point, load<PointRecord>(tx, point_key(id)));
    // Its lifecycle may have been changed since it was looked at.
    const auto end = point ? delete_at(*point) : std::nullopt;
    if (!end || point->status != point_status::completed) continue;
    if (*end > context_.clock.now()) {
      timekeeper_.note(*end);
      continue;
    }
    point->status = point_status::deleting;
    tx.put(point_key(id), store::encode(*point));
    marked.push_back(id);
  }
  CO_CHECK(co_await tx.commit());
  for (const std::string& id : marked) begin_deletion(place, id);
  co_return Result<void>();
}

Task<Result<void>> Service::forget_old(Place place) {
  const Time before = context_.clock.now() - days(remembered_days);
  std::vector<std::string> keys;
  const auto forget = [&](const auto& record, std::string key, std::string_view kind) {
    if (!record.is_over() || !record.completed || *record.completed >= before || keys.size() >= max_forgotten) return;
    keys.push_back(std::move(key));
    if (!record.idempotency_token.empty()) keys.push_back(token_key(kind, record.idempotency_token));
  };
  CO_CHECK(co_await walk<JobRecord>(context_, place, job_key(""),
                                    [&](const JobRecord& job) { forget(job, job_key(job.id), "job"); }));
  CO_CHECK(co_await walk<RestoreRecord>(context_, place, restore_key(""), [&](const RestoreRecord& restore) {
    forget(restore, restore_key(restore.id), "restore");
  }));
  auto tx = co_await context_.catalog.begin(place.partition());
  for (const std::string& key : keys) tx.remove(key);
  CO_TRY(const auto plans, load_all<PlanRecord>(tx, plan_key("")));
  for (const PlanRecord& plan : plans) {
    if (!plan.deleted || *plan.deleted >= before) continue;
    CO_TRY(const auto versions, tx.scan(version_prefix(plan.id)));
    for (const auto& [key, value] : versions) tx.remove(key);
    tx.remove(plan_key(plan.id));
  }
  co_return co_await tx.commit();
}

}  // namespace boreal::backup
