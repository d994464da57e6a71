#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dms/convert.h"
#include "dms/offers.h"
#include "dms/service.h"
#include "dms/task_documents.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t longest_name = 255;

Outcome<void> check_cdc(const TaskRecord& task) {
  const bool any = task.cdc_start_time || task.cdc_start_position || task.cdc_stop_position;
  if (any && task.migration_type == "full-load") {
    return refuse(errors::invalid_parameter_combination_exception(
        "CdcStartTime, CdcStartPosition and CdcStopPosition cannot be given for the migration type full-load."));
  }
  if (task.cdc_start_time && task.cdc_start_position) {
    return refuse(
        errors::invalid_parameter_combination_exception("CdcStartTime and CdcStartPosition cannot be given together."));
  }
  if (task.cdc_start_position) CHECK(check_printable(*task.cdc_start_position, "CdcStartPosition"));
  const std::string stop = task.cdc_stop_position.value_or("server_time:");
  if (stop.starts_with("server_time:") || stop.starts_with("commit_time:")) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("Invalid CdcStopPosition '{}': it must begin with server_time: or commit_time:", stop)));
}

// A task's calls say "cdc" and so on; clients leave empty texts where they mean nothing.
void take(std::optional<std::string>& member, const std::optional<std::string>& given) {
  if (!given) return;
  member = given->empty() ? std::nullopt : given;
}

Outcome<void> check_settled(const TaskRecord& task) {
  if (task.status == "ready") return {};
  return refuse(errors::invalid_resource_state_fault(
      fmt::format("The replication task '{}' cannot be changed: its status is {}.", task.name, task.status)));
}

Outcome<InstanceRecord> available_instance(const store::Transaction& tx, const Place& place, const std::string& arn) {
  auto instance = need<InstanceRecord>(tx, place, arn);
  if (!instance || instance->status == "available") return instance;
  return refuse(errors::invalid_resource_state_fault(fmt::format(
      "The replication instance '{}' is not available: its status is {}.", instance->name, instance->status)));
}

Outcome<std::string> endpoint_id(const store::Transaction& tx, const Place& place, const std::string& arn,
                                 std::string_view type) {
  auto endpoint = need<EndpointRecord>(tx, place, arn);
  if (!endpoint) return refuse(std::move(endpoint).error());
  if (endpoint->type == type) return endpoint->resource_id;
  return refuse(errors::invalid_parameter_value_exception(fmt::format(
      "The endpoint '{}' is a {} endpoint; a {} endpoint is needed.", endpoint->name, endpoint->type, type)));
}

Outcome<void> check_name_free(const std::vector<TaskRecord>& all, const TaskRecord& task) {
  for (const auto& other : all) {
    if (other.resource_id != task.resource_id && equal_ignoring_case(other.name, task.name)) {
      return refuse(
          errors::resource_already_exists_fault(fmt::format("The replication task '{}' already exists.", task.name)));
    }
  }
  return {};
}

Outcome<TaskRecord> task_from(const api::CreateReplicationTaskMessage& input) {
  CHECK(check_identifier(input.replication_task_identifier, "ReplicationTaskIdentifier", longest_name));
  if (input.resource_identifier) CHECK(check_resource_identifier(*input.resource_identifier));
  TaskRecord task{.name = input.replication_task_identifier, .status = "creating"};
  task.migration_type = input.migration_type;
  task.table_mappings = input.table_mappings;
  CHECK(check_table_mappings(task.table_mappings));
  task.settings = input.replication_task_settings.value_or("");
  if (task.settings.empty()) task.settings = default_task_settings();
  CHECK(check_task_settings(task.settings));
  task.cdc_start_time = input.cdc_start_time;
  take(task.cdc_start_position, input.cdc_start_position);
  take(task.cdc_stop_position, input.cdc_stop_position);
  take(task.task_data, input.task_data);
  CHECK(check_cdc(task));
  TRY(task.tags, checked_tags(input.tags));
  return task;
}

}  // namespace

Task<Outcome<api::CreateReplicationTaskResponse>> Service::create_replication_task(
    aws::Call& call, api::CreateReplicationTaskMessage input) {
  CO_TRY(auto task, task_from(input));
  const Place place = place_of(call);
  task.created = call.now;
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(task.source_id, endpoint_id(tx, place, input.source_endpoint_arn, "source"));
  CO_TRY(task.target_id, endpoint_id(tx, place, input.target_endpoint_arn, "target"));
  CO_TRY(const auto instance, available_instance(tx, place, input.replication_instance_arn));
  task.instance_id = instance.resource_id;
  CO_TRY(const auto all, load_all<TaskRecord>(tx));
  CO_CHECK(check_name_free(all, task));
  CO_CHECK(check_quota(Quota::tasks, all.size()));
  CO_TRY(task.resource_id, new_id<TaskRecord>(tx, input.resource_identifier));
  save(tx, task);
  CO_CHECK(co_await tx.commit());
  wake(place, task.instance_id);
  co_return api::CreateReplicationTaskResponse{to_api(task, place)};
}

Task<Outcome<api::ModifyReplicationTaskResponse>> Service::modify_replication_task(
    aws::Call& call, api::ModifyReplicationTaskMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto task, need<TaskRecord>(tx, place, input.replication_task_arn));
  CO_CHECK(check_settled(task));
  if (input.replication_task_identifier) {
    CO_CHECK(check_identifier(*input.replication_task_identifier, "ReplicationTaskIdentifier", longest_name));
    task.name = *input.replication_task_identifier;
    CO_TRY(const auto all, load_all<TaskRecord>(tx));
    CO_CHECK(check_name_free(all, task));
  }
  if (input.migration_type) task.migration_type = *input.migration_type;
  if (input.table_mappings) {
    CO_CHECK(check_table_mappings(*input.table_mappings));
    task.table_mappings = *input.table_mappings;
  }
  if (input.replication_task_settings) {
    CO_CHECK(check_task_settings(*input.replication_task_settings));
    task.settings = *input.replication_task_settings;
  }
  if (input.cdc_start_time) {
    task.cdc_start_time = input.cdc_start_time;
    if (!input.cdc_start_position) task.cdc_start_position.reset();
  }
  if (input.cdc_start_position) {
    take(task.cdc_start_position, input.cdc_start_position);
    if (!input.cdc_start_time) task.cdc_start_time.reset();
  }
  take(task.cdc_stop_position, input.cdc_stop_position);
  take(task.task_data, input.task_data);
  CO_CHECK(check_cdc(task));
  task.status = "modifying";
  save(tx, task);
  CO_CHECK(co_await tx.commit());
  wake(place, task.instance_id);
  co_return api::ModifyReplicationTaskResponse{to_api(task, place)};
}

Task<Outcome<api::MoveReplicationTaskResponse>> Service::move_replication_task(aws::Call& call,
                                                                               api::MoveReplicationTaskMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto task, need<TaskRecord>(tx, place, input.replication_task_arn));
  CO_CHECK(check_settled(task));
  CO_TRY(const auto instance, available_instance(tx, place, input.target_replication_instance_arn));
  if (instance.resource_id == task.instance_id) {
    co_return refuse(errors::invalid_resource_state_fault(fmt::format(
        "The replication task '{}' is on the replication instance '{}' already.", task.name, instance.name)));
  }
  task.target_instance_id = instance.resource_id;
  task.status = "moving";
  save(tx, task);
  CO_CHECK(co_await tx.commit());
  wake(place, task.instance_id);
  co_return api::MoveReplicationTaskResponse{to_api(task, place)};
}

Task<Outcome<api::DeleteReplicationTaskResponse>> Service::delete_replication_task(
    aws::Call& call, api::DeleteReplicationTaskMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto task, need<TaskRecord>(tx, place, input.replication_task_arn));
  CO_CHECK(check_settled(task));
  task.status = "deleting";
  save(tx, task);
  CO_CHECK(co_await tx.commit());
  wake(place, task.instance_id);
  co_return api::DeleteReplicationTaskResponse{to_api(task, place)};
}

Task<Outcome<api::DescribeReplicationTasksResponse>> Service::describe_replication_tasks(
    aws::Call& call, api::DescribeReplicationTasksMessage input) {
  const Place place = place_of(call);
  const FilterTable<TaskRecord> table = {
      {"replication-task-arn", [&](const TaskRecord& t) { return place.arn("task", t.resource_id); }},
      {"replication-task-id", [](const TaskRecord& t) { return t.name; }},
      {"migration-type", [](const TaskRecord& t) { return t.migration_type; }},
      {"replication-instance-arn", [&](const TaskRecord& t) { return place.arn("rep", t.instance_id); }}};
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto all, load_all<TaskRecord>(tx));
  Filters filters = input.filters;
  // A task has two endpoints, so this filter has two values to be compared with.
  for (const auto& filter : filters.value_or(std::vector<api::Filter>())) {
    if (filter.name != "endpoint-arn") continue;
    const FilterValues wanted(filter);
    std::erase_if(all, [&](const TaskRecord& t) {
      return !wanted.has(place.arn("endpoint", t.source_id)) && !wanted.has(place.arn("endpoint", t.target_id));
    });
    if (all.empty()) co_return refuse(nothing_found("replication tasks", *filters));
  }
  if (filters) std::erase_if(*filters, [](const api::Filter& filter) { return filter.name == "endpoint-arn"; });
  CO_TRY(all, filtered(std::move(all), filters, table, "replication tasks"));
  api::DescribeReplicationTasksResponse output;
  CO_TRY(const auto found, page(std::move(all), input.marker, input.max_records, output.marker,
                                [](const TaskRecord& t) { return t.resource_id; }));
  output.replication_tasks.emplace();
  for (const auto& task : found) {
    auto shown = to_api(task, place);
    if (input.without_settings.value_or(false)) shown.replication_task_settings.reset();
    output.replication_tasks->push_back(std::move(shown));
  }
  co_return output;
}

}  // namespace boreal::dms
