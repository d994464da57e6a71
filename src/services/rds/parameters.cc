// The parameters in a group: shown, changed, reset. What there is, and what is allowed, the engine says.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "rds/service.h"
#include "rds/settings.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t changes_at_once = 20;

std::string key_of(const std::string& name, bool of_cluster) {
  return of_cluster ? cluster_group_key(name) : instance_group_key(name);
}

std::string_view data_type(const postgres::Setting& setting) {
  switch (setting.type) {
    case postgres::SettingType::boolean: return "boolean";
    case postgres::SettingType::integer: return "integer";
    case postgres::SettingType::real: return "float";
    case postgres::SettingType::text:
    case postgres::SettingType::choice: return "string";
  }
  return "string";
}

std::string allowed_values(const postgres::Setting& setting) {
  if (setting.type == postgres::SettingType::boolean) return "0,1";
  if (!setting.choices.empty()) return join(setting.choices, ",");
  if (setting.min && setting.max) return fmt::format("{}-{}", *setting.min, *setting.max);
  return "";
}

bool modifiable(const postgres::Setting& setting) { return setting.changeable() && !is_decided_here(setting.name); }

api::Parameter to_api(const postgres::Setting& setting, const ParameterGroupRecord::Change* change) {
  api::Parameter out;
  out.parameter_name = setting.name;
  if (change) {
    out.parameter_value = change->value;
  } else if (!setting.initial.empty()) {
    out.parameter_value = setting.initial;
  }
  out.description = setting.description;
  out.source = change ? "user" : "engine-default";
  out.apply_type = setting.needs_restart() ? "static" : "dynamic";
  out.data_type = std::string(data_type(setting));
  if (const auto values = allowed_values(setting); !values.empty()) out.allowed_values = values;
  out.is_modifiable = modifiable(setting);
  out.apply_method = change ? change->method : "pending-reboot";
  out.supported_engine_modes = {"provisioned"};
  return out;
}

Outcome<void> check_change(const api::Parameter& parameter, const postgres::Setting* setting) {
  const std::string name = parameter.parameter_name.value_or("");
  if (!setting)
    return refuse(errors::invalid_parameter_value(fmt::format("Could not find parameter with name: {}", name)));
  if (!modifiable(*setting)) {
    return refuse(errors::invalid_parameter_value(fmt::format("The parameter {} cannot be modified.", name)));
  }
  const std::string method = parameter.apply_method.value_or("");
  if (method != "immediate" && method != "pending-reboot") {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid ApplyMethod '{}' of the parameter {}: immediate or pending-reboot.", method, name)));
  }
  if (method == "immediate" && setting->needs_restart()) {
    return refuse(errors::invalid_parameter_combination("cannot use immediate apply method for static parameter"));
  }
  const std::string value = parameter.parameter_value.value_or("");
  if (value.find('{') != std::string::npos) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("The value '{}' of {} is a formula; boreal takes plain values.", value, name)));
  }
  if (find_own_parameter(name) && value != "0" && value != "1") {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid parameter value: {} for: {} allowed values are: 0,1", value, name)));
  }
  return {};
}

Outcome<void> check_not_default(const ParameterGroupRecord& group) {
  if (!group.name.starts_with("default.")) return {};
  return refuse(errors::invalid_db_parameter_group_state_fault(
      fmt::format("The parameter group {} is a default one and cannot be modified.", group.name)));
}

using Filters = std::optional<std::vector<api::Filter>>;

Outcome<void> apply_filters(std::vector<api::Parameter>& parameters, const Filters& filters) {
  for (const auto& filter : filters.value_or(std::vector<api::Filter>())) {
    if (filter.name != "parameter-name") {
      return refuse(unknown_filter(filter.name));
    }
    std::erase_if(parameters, [&](const api::Parameter& parameter) {
      return std::ranges::find(filter.values, *parameter.parameter_name) == filter.values.end();
    });
  }
  return {};
}

}  // namespace

Task<Outcome<std::vector<api::Parameter>>> Service::parameters_of(ParameterGroupRecord group,
                                                                  std::optional<std::string> source) {
  CO_TRY(const int major, co_await major_of_family(group.family));
  std::vector<api::Parameter> parameters;
  if (source && *source != "user" && *source != "system" && *source != "engine-default") {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid parameter source: {}; user, system or engine-default.", *source)));
  }
  if (source == "system") co_return parameters;  // nothing is set by the service for all groups
  if (source == "user" && group.changes.empty()) co_return parameters;
  CO_TRY(const auto* catalog, co_await engines_.settings(major));
  const auto add = [&](const postgres::Setting& setting) {
    const auto change = group.changes.find(setting.name);
    const bool changed = change != group.changes.end();
    if ((source == "user" && !changed) || (source == "engine-default" && changed)) return;
    parameters.push_back(to_api(setting, changed ? &change->second : nullptr));
  };
  for (const auto& setting : catalog->all()) add(setting);
  for (const auto& [name, setting] : own_parameters()) add(setting);
  std::ranges::sort(parameters, {}, [](const api::Parameter& p) { return *p.parameter_name; });
  co_return parameters;
}

Task<Outcome<void>> Service::change_parameters(const aws::Call& call, std::string name,
                                               std::vector<api::Parameter> parameters, bool of_cluster) {
  if (parameters.empty() || parameters.size() > changes_at_once) {
    co_return refuse(errors::invalid_parameter_value("Between 1 and 20 parameters can be changed in one call."));
  }
  CO_TRY(const auto before, co_await parameter_group(call, name, of_cluster));
  CO_CHECK(check_not_default(before));
  CO_TRY(const int major, co_await major_of_family(before.family));
  CO_TRY(const auto* catalog, co_await engines_.settings(major));
  std::map<std::string, std::string> for_engine;
  for (const auto& parameter : parameters) {
    const std::string key = parameter.parameter_name.value_or("");
    const auto* own = find_own_parameter(key);
    CO_CHECK(check_change(parameter, own ? own : catalog->find(key)));
    if (!own) for_engine[key] = parameter.parameter_value.value_or("");
  }
  if (auto good = co_await catalog->check(for_engine); !good) {
    if (good.error().code() != Errc::invalid) co_return refuse(good.error());
    co_return refuse(errors::invalid_parameter_value("Invalid parameter value: " + good.error().message()));
  }
  {
    CO_TRY(auto tx, co_await begin(call));
    CO_TRY(auto group, load<ParameterGroupRecord>(tx, key_of(before.name, of_cluster)));
    if (!group)
      co_return refuse(errors::db_parameter_group_not_found_fault("DBParameterGroup not found: " + before.name));
    for (const auto& parameter : parameters) {
      group->changes[*parameter.parameter_name] = {parameter.parameter_value.value_or(""), *parameter.apply_method};
    }
    tx.put(key_of(before.name, of_cluster), store::encode(*group));
    CO_CHECK(co_await tx.commit());
  }
  wake_all(place_of(call));
  co_return Outcome<void>();
}

Task<Outcome<void>> Service::reset_parameters(const aws::Call& call, std::string name, bool all,
                                              std::vector<api::Parameter> parameters, bool of_cluster) {
  if (all == !parameters.empty()) {
    co_return refuse(errors::invalid_parameter_combination(
        "Either ResetAllParameters or a list of Parameters must be given, and not both."));
  }
  CO_TRY(const auto before, co_await parameter_group(call, name, of_cluster));
  CO_CHECK(check_not_default(before));
  CO_TRY(const int major, co_await major_of_family(before.family));
  CO_TRY(const auto* catalog, co_await engines_.settings(major));
  for (const auto& parameter : parameters) {
    const std::string key = parameter.parameter_name.value_or("");
    if (find_own_parameter(key) || catalog->find(key)) continue;
    co_return refuse(errors::invalid_parameter_value(fmt::format("Could not find parameter with name: {}", key)));
  }
  {
    CO_TRY(auto tx, co_await begin(call));
    const std::string key = key_of(name_of(name), of_cluster);
    CO_TRY(auto group, load<ParameterGroupRecord>(tx, key));
    if (!group) co_return refuse(errors::db_parameter_group_not_found_fault("DBParameterGroup not found: " + name));
    if (all) group->changes.clear();
    for (const auto& parameter : parameters) group->changes.erase(parameter.parameter_name.value_or(""));
    tx.put(key, store::encode(*group));
    CO_CHECK(co_await tx.commit());
  }
  wake_all(place_of(call));
  co_return Outcome<void>();
}

Task<Outcome<api::DBClusterParameterGroupDetails>> Service::describe_db_cluster_parameters(
    aws::Call& call, api::DescribeDBClusterParametersMessage input) {
  CO_TRY(auto group, co_await parameter_group(call, input.db_cluster_parameter_group_name, true));
  CO_TRY(auto all, co_await parameters_of(std::move(group), input.source));
  CO_CHECK(apply_filters(all, input.filters));
  api::DBClusterParameterGroupDetails output;
  CO_TRY(output.parameters, page(std::move(all), input.marker, input.max_records, output.marker,
                                 [](const api::Parameter& p) { return *p.parameter_name; }));
  co_return output;
}

Task<Outcome<api::DBParameterGroupDetails>> Service::describe_db_parameters(aws::Call& call,
                                                                            api::DescribeDBParametersMessage input) {
  CO_TRY(auto group, co_await parameter_group(call, input.db_parameter_group_name, false));
  CO_TRY(auto all, co_await parameters_of(std::move(group), input.source));
  CO_CHECK(apply_filters(all, input.filters));
  api::DBParameterGroupDetails output;
  CO_TRY(output.parameters, page(std::move(all), input.marker, input.max_records, output.marker,
                                 [](const api::Parameter& p) { return *p.parameter_name; }));
  co_return output;
}

Task<Outcome<api::DescribeEngineDefaultClusterParametersResult>> Service::describe_engine_default_cluster_parameters(
    aws::Call&, api::DescribeEngineDefaultClusterParametersMessage input) {
  CO_TRY(auto all, co_await parameters_of({.family = input.db_parameter_group_family}, std::nullopt));
  api::EngineDefaults defaults{.db_parameter_group_family = input.db_parameter_group_family};
  CO_TRY(defaults.parameters, page(std::move(all), input.marker, input.max_records, defaults.marker,
                                   [](const api::Parameter& p) { return *p.parameter_name; }));
  co_return api::DescribeEngineDefaultClusterParametersResult{std::move(defaults)};
}

Task<Outcome<api::DescribeEngineDefaultParametersResult>> Service::describe_engine_default_parameters(
    aws::Call&, api::DescribeEngineDefaultParametersMessage input) {
  CO_TRY(auto all, co_await parameters_of({.family = input.db_parameter_group_family}, std::nullopt));
  CO_CHECK(apply_filters(all, input.filters));
  api::EngineDefaults defaults{.db_parameter_group_family = input.db_parameter_group_family};
  CO_TRY(defaults.parameters, page(std::move(all), input.marker, input.max_records, defaults.marker,
                                   [](const api::Parameter& p) { return *p.parameter_name; }));
  co_return api::DescribeEngineDefaultParametersResult{std::move(defaults)};
}

Task<Outcome<api::DBClusterParameterGroupNameMessage>> Service::modify_db_cluster_parameter_group(
    aws::Call& call, api::ModifyDBClusterParameterGroupMessage input) {
  CO_CHECK(co_await change_parameters(call, input.db_cluster_parameter_group_name, input.parameters, true));
  co_return api::DBClusterParameterGroupNameMessage{input.db_cluster_parameter_group_name};
}

Task<Outcome<api::DBParameterGroupNameMessage>> Service::modify_db_parameter_group(
    aws::Call& call, api::ModifyDBParameterGroupMessage input) {
  CO_CHECK(co_await change_parameters(call, input.db_parameter_group_name, input.parameters, false));
  co_return api::DBParameterGroupNameMessage{input.db_parameter_group_name};
}

Task<Outcome<api::DBClusterParameterGroupNameMessage>> Service::reset_db_cluster_parameter_group(
    aws::Call& call, api::ResetDBClusterParameterGroupMessage input) {
  CO_CHECK(co_await reset_parameters(call, input.db_cluster_parameter_group_name,
                                     input.reset_all_parameters.value_or(false),
                                     input.parameters.value_or(std::vector<api::Parameter>()), true));
  co_return api::DBClusterParameterGroupNameMessage{input.db_cluster_parameter_group_name};
}

Task<Outcome<api::DBParameterGroupNameMessage>> Service::reset_db_parameter_group(
    aws::Call& call, api::ResetDBParameterGroupMessage input) {
  CO_CHECK(co_await reset_parameters(call, input.db_parameter_group_name, input.reset_all_parameters.value_or(false),
                                     input.parameters.value_or(std::vector<api::Parameter>()), false));
  co_return api::DBParameterGroupNameMessage{input.db_parameter_group_name};
}

}  // namespace boreal::rds
