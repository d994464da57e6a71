// Plans: named sets of rules, each change a new version.
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

constexpr size_t max_previewed_runs = 10;
// AWS Backup Developer Guide, "AWS Backup quotas".
constexpr size_t max_plans = 300;
constexpr uint64_t max_versions = 2000;

bool same_document(const api::BackupPlan& a, api::BackupPlan b) {
  for (size_t i = 0; i < b.rules.size() && i < a.rules.size(); ++i) b.rules[i].rule_id = a.rules[i].rule_id;
  return store::encode(a) == store::encode(b);
}

template <class From>
aws::Outcome<VersionRecord> current_version(const From& from, const PlanRecord& plan) {
  TRY(auto version, load<VersionRecord>(from, version_key(plan.id, plan.version)));
  if (!version)
    return aws::refuse(Error(Errc::corrupt, fmt::format("plan {} has no version {}", plan.id, plan.version)));
  return std::move(*version);
}

api::BackupPlansListMember list_member(const PlanRecord& plan, const VersionRecord& version) {
  api::BackupPlansListMember out;
  out.backup_plan_arn = plan.arn;
  out.backup_plan_id = plan.id;
  out.creation_date = version.created;
  out.deletion_date = plan.deleted;
  out.version_id = version.id;
  out.backup_plan_name = version.plan.backup_plan_name;
  if (!plan.creator_request_id.empty()) out.creator_request_id = plan.creator_request_id;
  out.last_execution_date = plan.last_execution;
  return out;
}

api::CreateBackupPlanOutput created_output(const PlanRecord& plan, const VersionRecord& version) {
  api::CreateBackupPlanOutput out;
  out.backup_plan_id = plan.id;
  out.backup_plan_arn = plan.arn;
  out.creation_date = version.created;
  out.version_id = version.id;
  return out;
}

}  // namespace

Task<aws::Outcome<api::CreateBackupPlanOutput>> Service::create_backup_plan(aws::Call& call,
                                                                            api::CreateBackupPlanInput input) {
  const Place place = place_of(call);
  const Tags tags = input.backup_plan_tags.value_or(Tags());
  CO_CHECK(check_tags(tags));
  CO_TRY(auto document, co_await check_plan(place, std::move(input.backup_plan), nullptr));
  CO_TRY(auto runs, co_await first_runs(document));

  auto tx = co_await context_.catalog.begin(place.partition());
  const std::string request_id = input.creator_request_id.value_or("");
  CO_TRY(const auto plans, load_all<PlanRecord>(tx, plan_key("")));
  size_t there = 0;
  for (const PlanRecord& other : plans) {
    if (other.deleted) continue;
    ++there;
    const auto version = current_version(tx, other);
    if (!request_id.empty() && other.creator_request_id == request_id) {
      CO_CHECK(version);
      co_return created_output(other, *version);
    }
    if (version && same_document(version->plan, document)) {
      co_return aws::refuse(errors::already_exists_exception(
          fmt::format("Backup plan with the same plan document already exists: {}", other.arn)));
    }
  }
  if (there >= max_plans) {
    co_return aws::refuse(errors::limit_exceeded_exception(
        fmt::format("There are {} backup plans already in this account and region.", there)));
  }
  PlanRecord plan;
  plan.id = context_.random.uuid();
  plan.arn = place.arn("backup-plan:" + plan.id);
  plan.name = document.backup_plan_name;
  plan.creator_request_id = request_id;
  plan.created = call.now;
  plan.version = 1;
  plan.tags = tags;
  plan.runs = std::move(runs);
  const VersionRecord version{context_.random.uuid(), call.now, std::move(document)};
  tx.put(plan_key(plan.id), store::encode(plan));
  tx.put(version_key(plan.id, plan.version), store::encode(version));
  CO_CHECK(co_await tx.commit());
  for (const RuleRun& run : plan.runs) timekeeper_.note(run.next);
  co_return created_output(plan, version);
}

Task<aws::Outcome<api::UpdateBackupPlanOutput>> Service::update_backup_plan(aws::Call& call,
                                                                            api::UpdateBackupPlanInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_TRY(const auto before, need_plan(view, input.backup_plan_id));
  CO_TRY(const auto last, current_version(view, before));
  CO_TRY(auto document, co_await check_plan(place, std::move(input.backup_plan), &last.plan));
  CO_TRY(auto runs, co_await first_runs(document));

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(auto plan, need_plan(tx, input.backup_plan_id));
  if (plan.version >= max_versions) {
    co_return aws::refuse(errors::limit_exceeded_exception(fmt::format(
        "Backup plan {} has had {} versions, which is the most that a plan may have.", plan.id, max_versions)));
  }
  // What is due is due, whatever comes after it.
  for (RuleRun& run : runs) {
    const auto old = std::ranges::find(plan.runs, run.rule_id, &RuleRun::rule_id);
    if (old != plan.runs.end() && old->next <= call.now) run.next = old->next;
  }
  ++plan.version;
  plan.name = document.backup_plan_name;
  plan.runs = std::move(runs);
  const VersionRecord version{context_.random.uuid(), call.now, std::move(document)};
  tx.put(plan_key(plan.id), store::encode(plan));
  tx.put(version_key(plan.id, plan.version), store::encode(version));
  CO_CHECK(co_await tx.commit());
  for (const RuleRun& run : plan.runs) timekeeper_.note(run.next);
  api::UpdateBackupPlanOutput out;
  out.backup_plan_id = plan.id;
  out.backup_plan_arn = plan.arn;
  out.creation_date = version.created;
  out.version_id = version.id;
  co_return out;
}

Task<aws::Outcome<api::DeleteBackupPlanOutput>> Service::delete_backup_plan(aws::Call& call,
                                                                            api::DeleteBackupPlanInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(auto plan, need_plan(tx, input.backup_plan_id));
  CO_TRY(const auto selections, tx.scan(selection_prefix(plan.id), 1));
  if (!selections.empty()) {
    co_return aws::refuse(errors::invalid_request_exception(
        "Related backup plan selections must be deleted prior to backup plan deletion"));
  }
  CO_TRY(const auto version, current_version(tx, plan));
  plan.deleted = call.now;
  plan.runs.clear();
  tx.put(plan_key(plan.id), store::encode(plan));
  CO_CHECK(co_await tx.commit());
  api::DeleteBackupPlanOutput out;
  out.backup_plan_id = plan.id;
  out.backup_plan_arn = plan.arn;
  out.deletion_date = plan.deleted;
  out.version_id = version.id;
  co_return out;
}

Task<aws::Outcome<api::GetBackupPlanOutput>> Service::get_backup_plan(aws::Call& call, api::GetBackupPlanInput input) {
  const View view(context_.catalog, place_of(call));
  // Of a deleted plan its versions are there still, for who names one. Who names none looks whether there is the plan:
  // Terraform makes it anew then.
  CO_TRY(const auto plan, need_plan(view, input.backup_plan_id, input.version_id.has_value()));
  CO_TRY(auto version, current_version(view, plan));
  if (input.version_id && *input.version_id != version.id) {
    std::optional<VersionRecord> found;
    CO_CHECK(co_await walk<VersionRecord>(context_, place_of(call), version_prefix(plan.id), [&](VersionRecord one) {
      if (one.id == *input.version_id) found = std::move(one);
    }));
    if (!found) {
      co_return aws::refuse(errors::resource_not_found_exception(
          fmt::format("Backup plan {} has no version {}.", plan.id, *input.version_id)));
    }
    version = std::move(*found);
  }
  api::GetBackupPlanOutput out;
  out.backup_plan_id = plan.id;
  out.backup_plan_arn = plan.arn;
  out.version_id = version.id;
  if (!plan.creator_request_id.empty()) out.creator_request_id = plan.creator_request_id;
  out.creation_date = version.created;
  out.deletion_date = plan.deleted;
  out.last_execution_date = plan.last_execution;
  out.advanced_backup_settings = version.plan.advanced_backup_settings;
  if (const int32_t count = input.max_scheduled_runs_preview.value_or(0); count > 0 && !plan.deleted) {
    auto& preview = out.scheduled_runs_preview.emplace();
    for (const api::BackupRule& rule : version.plan.rules) {
      Time after = call.now;
      for (size_t i = 0; i < std::min<size_t>(static_cast<size_t>(count), max_previewed_runs); ++i) {
        CO_TRY(const auto next, co_await next_run(rule, after));
        if (!next) break;
        after = *next;
        preview.push_back({.execution_time = next, .rule_id = rule.rule_id, .rule_execution_type = "SNAPSHOTS"});
      }
    }
    std::ranges::sort(preview, {}, [](const auto& run) { return *run.execution_time; });
    if (preview.size() > static_cast<size_t>(count)) preview.resize(static_cast<size_t>(count));
  }
  out.backup_plan = std::move(version.plan);
  co_return out;
}

Task<aws::Outcome<api::ListBackupPlansOutput>> Service::list_backup_plans(aws::Call& call,
                                                                          api::ListBackupPlansInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(auto plans, load_all<PlanRecord>(view, plan_key("")));
  if (!input.include_deleted.value_or(false))
    std::erase_if(plans, [](const PlanRecord& p) { return p.deleted.has_value(); });
  api::ListBackupPlansOutput out;
  CO_TRY(out.next_token, cut_page(plans, input.next_token, input.max_results,
                                  [](const PlanRecord& p) { return newest_first(p.created, p.id); }));
  out.backup_plans_list.emplace();
  for (const PlanRecord& plan : plans) {
    if (const auto version = current_version(view, plan)) {
      out.backup_plans_list->push_back(list_member(plan, *version));
    } else {
      tell_damaged(version_key(plan.id, plan.version), Error(Errc::corrupt, "it is not there, or cannot be decoded"));
    }
  }
  co_return out;
}

Task<aws::Outcome<api::ListBackupPlanVersionsOutput>> Service::list_backup_plan_versions(
    aws::Call& call, api::ListBackupPlanVersionsInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto plan, need_plan(view, input.backup_plan_id, true));
  CO_TRY(auto page, Page<VersionRecord>::begin(input.next_token, input.max_results));
  CO_CHECK(co_await walk<VersionRecord>(context_, place_of(call), version_prefix(plan.id), [&](VersionRecord version) {
    page.add(newest_first(version.created, version.id), std::move(version));
  }));
  api::ListBackupPlanVersionsOutput out;
  out.backup_plan_versions_list.emplace();
  for (const VersionRecord& version : page.take(out.next_token))
    out.backup_plan_versions_list->push_back(list_member(plan, version));
  co_return out;
}

}  // namespace boreal::backup
