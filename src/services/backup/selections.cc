// Selections: what a plan backs up, and under which role.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "backup/convert.h"
#include "backup/pages.h"
#include "backup/service.h"
#include "base/log.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

constexpr size_t max_selections = 100;  // of a plan; AWS Backup Developer Guide, "AWS Backup quotas"
constexpr size_t max_name = 50;
constexpr size_t max_resources = 500;
constexpr size_t max_wildcards = 30;  // of those; API reference, BackupSelection
constexpr size_t max_tag_conditions = 30;

aws::ApiError no_selection(const std::string& id) {
  return errors::resource_not_found_exception(fmt::format("Cannot find Backup selection with ID {}", id));
}

size_t count(const auto& list) { return list ? list->size() : 0; }

size_t wildcards(const std::optional<std::vector<std::string>>& names) {
  if (!names) return 0;
  return static_cast<size_t>(std::ranges::count_if(*names, [](const std::string& name) { return name.contains('*'); }));
}

aws::Outcome<void> check_form(const api::BackupSelection& selection) {
  const auto refuse = [](std::string text) {
    return aws::refuse(errors::invalid_parameter_value_exception(std::move(text)));
  };
  if (!is_name(selection.selection_name, 1, max_name, "-_.")) {
    return refuse(fmt::format("Invalid selection name '{}'. Must contain 1 to {} alphanumeric or '-_.' characters.",
                              selection.selection_name, max_name));
  }
  if (count(selection.resources) == 0 && count(selection.list_of_tags) == 0) {
    return refuse("Either ListOfTags or Resources section must be included");
  }
  if (count(selection.resources) > max_resources || count(selection.not_resources) > max_resources) {
    return refuse(fmt::format("A selection may name at most {} resources.", max_resources));
  }
  if (wildcards(selection.resources) > max_wildcards || wildcards(selection.not_resources) > max_wildcards) {
    return refuse(fmt::format("A selection may name at most {} resources with wildcards.", max_wildcards));
  }
  if (count(selection.list_of_tags) > max_tag_conditions) {
    return refuse(fmt::format("A selection may have at most {} entries in ListOfTags.", max_tag_conditions));
  }
  for (const api::Condition& condition : selection.list_of_tags.value_or(std::vector<api::Condition>())) {
    if (condition.condition_type != "STRINGEQUALS") {
      return refuse(
          fmt::format("ConditionType is '{}'; in ListOfTags it must be STRINGEQUALS.", condition.condition_type));
    }
  }
  return {};
}

bool is_arn_pattern(const std::string& text) { return text == "*" || text.starts_with("arn:"); }

}  // namespace

Task<aws::Outcome<api::CreateBackupSelectionOutput>> Service::create_backup_selection(
    aws::Call& call, api::CreateBackupSelectionInput input) {
  const Place place = place_of(call);
  const api::BackupSelection& selection = input.backup_selection;
  CO_CHECK(check_form(selection));
  CO_TRY(const auto known, need_plan(View(context_.catalog, place), input.backup_plan_id));
  for (const auto* list : {&selection.resources, &selection.not_resources}) {
    for (const std::string& name : list->value_or(std::vector<std::string>())) {
      if (is_arn_pattern(name)) continue;
      std::optional<Found> found;
      if (!options_.strict) {
        CO_TRY(found, co_await find_resource(place, name));
      }
      if (!found) {
        co_return aws::refuse(errors::invalid_parameter_value_exception(
            fmt::format("Invalid ARN: {}. Resources are selected by ARN, or with '*'.", name)));
      }
      log::warn(
          "backup", "a selection names a resource by its identifier; AWS wants the ARN",
          {{"plan", known.id}, {"selection", selection.selection_name}, {"name", name}, {"arn", found->resource.arn}});
    }
  }
  CO_TRY(const auto version, load<VersionRecord>(View(context_.catalog, place), version_key(known.id, known.version)));
  if (!version) co_return aws::refuse(Error(Errc::corrupt, "a plan has no current version"));
  for (const api::BackupRule& rule : version->plan.rules)
    CO_CHECK(co_await check_role(call, selection.iam_role_arn, rule.target_backup_vault_name));

  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto plan, need_plan(tx, input.backup_plan_id));
  const std::string request_id = input.creator_request_id.value_or("");
  CO_TRY(const auto others, load_all<SelectionRecord>(tx, selection_prefix(plan.id)));
  SelectionRecord record;
  for (const SelectionRecord& other : others) {
    if (!request_id.empty() && other.creator_request_id == request_id) {
      record = other;
    } else if (other.selection.selection_name == selection.selection_name) {
      co_return aws::refuse(errors::already_exists_exception(
          fmt::format("Backup selection {} already exists in plan {}.", selection.selection_name, plan.id)));
    }
  }
  if (record.id.empty()) {
    if (others.size() >= max_selections) {
      co_return aws::refuse(errors::limit_exceeded_exception(fmt::format(
          "Backup plan {} has {} selections, which is the most that a plan may have.", plan.id, others.size())));
    }
    record.id = context_.random.uuid();
    record.plan_id = plan.id;
    record.creator_request_id = request_id;
    record.created = call.now;
    record.selection = selection;
    tx.put(selection_key(plan.id, record.id), store::encode(record));
    CO_CHECK(co_await tx.commit());
  }
  api::CreateBackupSelectionOutput out;
  out.selection_id = record.id;
  out.backup_plan_id = plan.id;
  out.creation_date = record.created;
  co_return out;
}

Task<aws::Outcome<api::GetBackupSelectionOutput>> Service::get_backup_selection(aws::Call& call,
                                                                                api::GetBackupSelectionInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto plan, need_plan(view, input.backup_plan_id));
  CO_TRY(auto record, load<SelectionRecord>(view, selection_key(plan.id, input.selection_id)));
  if (!record) co_return aws::refuse(no_selection(input.selection_id));
  api::GetBackupSelectionOutput out;
  out.backup_selection = std::move(record->selection);
  out.selection_id = record->id;
  out.backup_plan_id = plan.id;
  out.creation_date = record->created;
  if (!record->creator_request_id.empty()) out.creator_request_id = record->creator_request_id;
  co_return out;
}

Task<aws::Outcome<api::DeleteBackupSelectionOutput>> Service::delete_backup_selection(
    aws::Call& call, api::DeleteBackupSelectionInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(const auto plan, need_plan(tx, input.backup_plan_id));
  const std::string key = selection_key(plan.id, input.selection_id);
  CO_TRY(const auto record, tx.get(key));
  if (!record) co_return aws::refuse(no_selection(input.selection_id));
  tx.remove(key);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteBackupSelectionOutput();
}

Task<aws::Outcome<api::ListBackupSelectionsOutput>> Service::list_backup_selections(
    aws::Call& call, api::ListBackupSelectionsInput input) {
  const View view(context_.catalog, place_of(call));
  CO_TRY(const auto plan, need_plan(view, input.backup_plan_id));
  CO_TRY(auto records, load_all<SelectionRecord>(view, selection_prefix(plan.id)));
  api::ListBackupSelectionsOutput out;
  CO_TRY(out.next_token,
         cut_page(records, input.next_token, input.max_results, [](const SelectionRecord& r) { return r.id; }));
  out.backup_selections_list.emplace();
  for (const SelectionRecord& record : records) {
    api::BackupSelectionsListMember member;
    member.selection_id = record.id;
    member.selection_name = record.selection.selection_name;
    member.backup_plan_id = plan.id;
    member.creation_date = record.created;
    if (!record.creator_request_id.empty()) member.creator_request_id = record.creator_request_id;
    member.iam_role_arn = record.selection.iam_role_arn;
    out.backup_selections_list->push_back(std::move(member));
  }
  co_return out;
}

}  // namespace boreal::backup
