// Whether a plan can be, and when its rules run.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "backup/convert.h"
#include "backup/service.h"
#include "schedule/cron.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

// What AWS takes when a rule does not say.
constexpr std::string_view default_schedule = "cron(0 5 ? * * *)";
constexpr std::string_view default_zone = "Etc/UTC";
constexpr int64_t default_start_minutes = 8 * 60;
constexpr int64_t default_completion_minutes = 7 * 24 * 60;
constexpr int64_t min_window_minutes = 60;
constexpr Duration min_interval = std::chrono::hours(1);
constexpr size_t max_rules = 10;
constexpr size_t max_name = 50;  // of a plan, of a rule

aws::Outcome<void> bad_rule(const std::string& rule, std::string_view what) {
  return aws::refuse(errors::invalid_parameter_value_exception(fmt::format("Error in rule {} : {}", rule, what)));
}

// What a rule may ask on AWS and boreal does not do: said, not swallowed.
aws::Outcome<void> check_served(const api::BackupRuleInput& rule) {
  const char* missing = nullptr;
  if (rule.copy_actions && !rule.copy_actions->empty()) missing = "CopyActions";
  if (rule.enable_continuous_backup.value_or(false)) missing = "EnableContinuousBackup";
  if (rule.index_actions && !rule.index_actions->empty()) missing = "IndexActions";
  if (rule.scan_actions && !rule.scan_actions->empty()) missing = "ScanActions";
  if (rule.target_logically_air_gapped_backup_vault_arn) missing = "TargetLogicallyAirGappedBackupVaultArn";
  if (missing == nullptr) return {};
  return bad_rule(rule.rule_name, fmt::format("boreal does not serve {} yet", missing));
}

aws::Outcome<void> check_windows(const api::BackupRule& rule) {
  if (*rule.start_window_minutes < min_window_minutes) {
    return bad_rule(rule.rule_name, fmt::format("StartWindowMinutes is {}; it must be at least {}",
                                                *rule.start_window_minutes, min_window_minutes));
  }
  // The API's longest retention bounds the windows too, so that no sum of times overflows.
  constexpr int64_t most = 36'500LL * 24 * 60;
  if (*rule.start_window_minutes > most || *rule.completion_window_minutes > most) {
    return bad_rule(rule.rule_name, fmt::format("a window of more than {} minutes", most));
  }
  if (*rule.completion_window_minutes < *rule.start_window_minutes + min_window_minutes) {
    return bad_rule(rule.rule_name,
                    fmt::format("CompletionWindowMinutes must be at least {} minutes greater than StartWindowMinutes",
                                min_window_minutes));
  }
  return {};
}

api::BackupRule completed(const api::BackupRuleInput& input) {
  api::BackupRule rule;
  rule.rule_name = input.rule_name;
  rule.target_backup_vault_name = input.target_backup_vault_name;
  rule.schedule_expression = input.schedule_expression.value_or(std::string(default_schedule));
  rule.schedule_expression_timezone = input.schedule_expression_timezone.value_or(std::string(default_zone));
  rule.start_window_minutes = input.start_window_minutes.value_or(default_start_minutes);
  rule.completion_window_minutes = input.completion_window_minutes.value_or(default_completion_minutes);
  rule.lifecycle = input.lifecycle;
  rule.recovery_point_tags = input.recovery_point_tags;
  rule.enable_continuous_backup = false;
  return rule;
}

}  // namespace

Task<aws::Outcome<api::BackupPlan>> Service::check_plan(Place place, api::BackupPlanInput input,
                                                        const api::BackupPlan* before) {
  const auto wrong = [](std::string text) {
    return aws::refuse(errors::invalid_parameter_value_exception(std::move(text)));
  };
  if (!is_name(input.backup_plan_name, 1, max_name, "-_.")) {
    co_return wrong(fmt::format("Invalid plan name '{}'. Must contain 1 to {} alphanumeric or '-_.' characters.",
                                input.backup_plan_name, max_name));
  }
  if (input.rules.empty() || input.rules.size() > max_rules) {
    co_return wrong(
        fmt::format("A backup plan must have from 1 to {} rules; this one has {}.", max_rules, input.rules.size()));
  }
  if ((input.advanced_backup_settings && !input.advanced_backup_settings->empty()) ||
      (input.scan_settings && !input.scan_settings->empty())) {
    co_return wrong("boreal does not serve AdvancedBackupSettings and ScanSettings yet.");
  }
  const View view(context_.catalog, place);
  api::BackupPlan plan;
  plan.backup_plan_name = input.backup_plan_name;
  std::set<std::string> names;
  for (const api::BackupRuleInput& asked : input.rules) {
    if (!is_name(asked.rule_name, 1, max_name, "-_.")) {
      co_return wrong(fmt::format("Invalid rule name '{}'. Must contain 1 to {} alphanumeric or '-_.' characters.",
                                  asked.rule_name, max_name));
    }
    CO_CHECK(check_served(asked));
    api::BackupRule rule = completed(asked);
    if (!names.insert(rule.rule_name).second) CO_CHECK(bad_rule(rule.rule_name, "Rule names must be unique"));
    CO_CHECK(check_windows(rule));
    if (rule.lifecycle) {
      if (const std::string fault = lifecycle_fault(*rule.lifecycle); !fault.empty())
        CO_CHECK(bad_rule(rule.rule_name, fault));
    }
    if (rule.recovery_point_tags) CO_CHECK(check_tags(*rule.recovery_point_tags));
    auto next = co_await next_run(rule, context_.clock.now());
    if (!next) CO_CHECK(bad_rule(rule.rule_name, next.error().message()));
    CO_TRY(const bool too_often, co_await runs_too_often(rule, *next));
    // AWS's text. Also: AWS Backup Developer Guide, "Backup plan options and configuration": "as frequently as hourly".
    if (too_often) {
      CO_CHECK(bad_rule(rule.rule_name, "The interval between backup jobs shouldn't be less than 60 minutes."));
    }
    CO_TRY(const auto vault, load<VaultRecord>(view, vault_key(rule.target_backup_vault_name)));
    if (!vault)
      co_return wrong(fmt::format("Error in rule {} : Backup vault {} does not exist", rule.rule_name,
                                  rule.target_backup_vault_name));
    // A rule keeps its id as long as it keeps its name.
    const api::BackupRule* old = nullptr;
    if (before != nullptr) {
      const auto found = std::ranges::find(before->rules, rule.rule_name, &api::BackupRule::rule_name);
      if (found != before->rules.end()) old = &*found;
    }
    rule.rule_id = old != nullptr ? *old->rule_id : context_.random.uuid();
    plan.rules.push_back(std::move(rule));
  }
  co_return plan;
}

Task<Result<std::optional<Time>>> Service::next_run(api::BackupRule rule, Time after) {
  CO_TRY(const auto expression, schedule::Expression::parse(*rule.schedule_expression));
  if (expression.cron() == nullptr) {
    co_return fail(Errc::invalid,
                   fmt::format("ScheduleExpression '{}' must be a cron expression", *rule.schedule_expression));
  }
  const std::string name = *rule.schedule_expression_timezone;
  CO_TRY(const auto zone, co_await context_.pool.run([name] { return schedule::Zone::load(name); }));
  co_return expression.next(after, zone, after);
}

// Of any three runs of a rule that names several minutes of an hour, two are in the same hour.
Task<Result<bool>> Service::runs_too_often(api::BackupRule rule, std::optional<Time> run) {
  for (int i = 0; i < 2 && run; ++i) {
    CO_TRY(const auto next, co_await next_run(rule, *run));
    if (next && *next - *run < min_interval) co_return true;
    run = next;
  }
  co_return false;
}

Task<Result<std::vector<RuleRun>>> Service::first_runs(api::BackupPlan plan) {
  std::vector<RuleRun> runs;
  const Time now = context_.clock.now();
  for (const api::BackupRule& rule : plan.rules) {
    CO_TRY(const auto next, co_await next_run(rule, now));
    if (next) runs.push_back({*rule.rule_id, *next, now});
  }
  co_return runs;
}

}  // namespace boreal::backup
