#include "dms/convert.h"

#include "base/text.h"

namespace boreal::dms {

namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

api::ReplicationSubnetGroup to_api(const SubnetGroupRecord& group) {
  api::ReplicationSubnetGroup out;
  out.replication_subnet_group_identifier = group.name;
  out.replication_subnet_group_description = group.description;
  out.vpc_id = group.vpc_id;
  out.subnet_group_status = "Complete";
  out.subnets.emplace();
  for (const auto& subnet : group.subnets) {
    out.subnets->push_back({.subnet_identifier = subnet.id,
                            .subnet_availability_zone = api::AvailabilityZone{subnet.zone},
                            .subnet_status = "Active"});
  }
  out.supported_network_types = {"IPV4"};
  return out;
}

api::ReplicationInstance to_api(const InstanceRecord& instance, const Place& place) {
  api::ReplicationInstance out;
  out.replication_instance_identifier = instance.name;
  out.replication_instance_class = instance.instance_class;
  out.replication_instance_status = instance.status;
  out.allocated_storage = instance.storage_gib;
  out.instance_create_time = instance.created;
  out.vpc_security_groups.emplace();
  for (const auto& id : instance.group_ids) {
    out.vpc_security_groups->push_back({.vpc_security_group_id = id, .status = "active"});
  }
  out.availability_zone = instance.zone;
  out.secondary_availability_zone = unless_empty(instance.secondary_zone);
  out.preferred_maintenance_window = instance.maintenance_window;
  out.pending_modified_values.emplace();
  out.multi_az = instance.multi_az;
  out.engine_version = instance.engine_version;
  out.auto_minor_version_upgrade = instance.auto_minor_version_upgrade;
  out.kms_key_id = instance.key_arn;
  out.replication_instance_arn = place.arn("rep", instance.resource_id);
  out.replication_instance_public_ip_addresses.emplace();
  out.replication_instance_private_ip_addresses.emplace();
  out.publicly_accessible = instance.publicly_accessible;
  out.dns_name_servers = unless_empty(instance.dns_name_servers);
  out.network_type = instance.network_type;
  return out;
}

api::Endpoint to_api(const EndpointRecord& endpoint, const Place& place) {
  api::Endpoint out;
  out.endpoint_identifier = endpoint.name;
  out.endpoint_type = to_upper(endpoint.type);
  out.engine_name = endpoint.engine;
  out.engine_display_name = endpoint.engine == "postgres" ? "PostgreSQL" : "Amazon Aurora PostgreSQL";
  out.username = unless_empty(endpoint.username);
  out.server_name = unless_empty(endpoint.server_name);
  if (endpoint.port != 0) out.port = endpoint.port;
  out.database_name = unless_empty(endpoint.database_name);
  out.extra_connection_attributes = unless_empty(endpoint.extra_connection_attributes);
  out.status = "active";
  out.kms_key_id = unless_empty(endpoint.key_arn);
  out.endpoint_arn = place.arn("endpoint", endpoint.resource_id);
  out.ssl_mode = endpoint.ssl_mode;
  out.service_access_role_arn = unless_empty(endpoint.service_access_role_arn);
  api::PostgreSQLSettings settings = endpoint.settings;
  settings.username = out.username;
  settings.server_name = out.server_name;
  settings.port = out.port;
  settings.database_name = out.database_name;
  out.postgresql_settings = std::move(settings);
  return out;
}

api::ReplicationTask to_api(const TaskRecord& task, const Place& place) {
  api::ReplicationTask out;
  out.replication_task_identifier = task.name;
  out.source_endpoint_arn = place.arn("endpoint", task.source_id);
  out.target_endpoint_arn = place.arn("endpoint", task.target_id);
  out.replication_instance_arn = place.arn("rep", task.instance_id);
  out.migration_type = task.migration_type;
  out.table_mappings = task.table_mappings;
  out.replication_task_settings = task.settings;
  out.status = task.status;
  out.replication_task_creation_date = task.created;
  out.cdc_start_position = task.cdc_start_position;
  out.cdc_stop_position = task.cdc_stop_position;
  out.replication_task_arn = place.arn("task", task.resource_id);
  out.replication_task_stats = api::ReplicationTaskStats{.full_load_progress_percent = 0,
                                                         .elapsed_time_millis = 0,
                                                         .tables_loaded = 0,
                                                         .tables_loading = 0,
                                                         .tables_queued = 0,
                                                         .tables_errored = 0};
  out.task_data = task.task_data;
  if (!task.target_instance_id.empty()) out.target_replication_instance_arn = place.arn("rep", task.target_instance_id);
  return out;
}

api::RefreshSchemasStatus to_api(const SchemasRecord& schemas, const Place& place) {
  api::RefreshSchemasStatus out;
  out.endpoint_arn = place.arn("endpoint", schemas.endpoint_id);
  out.replication_instance_arn = place.arn("rep", schemas.instance_id);
  out.status = schemas.status;
  out.last_refresh_date = schemas.refreshed;
  out.last_failure_message = unless_empty(schemas.failure);
  return out;
}

std::vector<api::Tag> tag_list(const Tags& tags) {
  std::vector<api::Tag> list;
  for (const auto& [key, value] : tags) list.push_back({.key = key, .value = value});
  return list;
}

}  // namespace boreal::dms
