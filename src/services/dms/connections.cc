#include <fmt/format.h>

#include "dms/convert.h"
#include "dms/service.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

struct Named {
  ConnectionRecord connection;
  std::string endpoint_name;
  std::string instance_name;
};

api::Connection to_api(const Named& named, const Place& place) {
  api::Connection out;
  out.replication_instance_arn = place.arn("rep", named.connection.instance_id);
  out.endpoint_arn = place.arn("endpoint", named.connection.endpoint_id);
  out.status = named.connection.status;
  if (!named.connection.failure.empty()) out.last_failure_message = named.connection.failure;
  out.endpoint_identifier = named.endpoint_name;
  out.replication_instance_identifier = named.instance_name;
  return out;
}

// The secret that it names was looked at outside the turn to change things.
Outcome<void> check_same(const EndpointRecord& asked, const EndpointRecord& now) {
  if (store::encode(asked) == store::encode(now)) return {};
  return refuse(errors::invalid_resource_state_fault(
      fmt::format("The endpoint '{}' is being changed by another call; try again.", now.name)));
}

Outcome<void> check_available(const InstanceRecord& instance) {
  if (instance.status == "available") return {};
  return refuse(errors::invalid_resource_state_fault(fmt::format(
      "The replication instance '{}' cannot connect anywhere: its status is {}.", instance.name, instance.status)));
}

}  // namespace

Task<Outcome<api::TestConnectionResponse>> Service::test_connection(aws::Call& call, api::TestConnectionMessage input) {
  const Place place = place_of(call);
  std::optional<EndpointRecord> endpoint;
  {
    CO_TRY(auto tx, co_await begin(call));
    CO_TRY(endpoint, need<EndpointRecord>(tx, place, input.endpoint_arn));
  }
  CO_CHECK(co_await authorize_secret(tools_, call, *endpoint));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  CO_CHECK(check_available(instance));
  CO_TRY(const auto now, need<EndpointRecord>(tx, place, input.endpoint_arn));
  CO_CHECK(check_same(*endpoint, now));
  ConnectionRecord connection{.instance_id = instance.resource_id, .endpoint_id = now.resource_id, .status = "testing"};
  CO_TRY(const auto before, load<ConnectionRecord>(tx, connection.id()));
  if (before && before->status == "testing") {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The connection of '{}' and '{}' is being tested already.", instance.name, now.name)));
  }
  connection.run = before ? before->run + 1 : call.now.ms;
  save(tx, connection);
  CO_CHECK(co_await tx.commit());
  wake(place, instance.resource_id);
  co_return api::TestConnectionResponse{to_api(Named{connection, now.name, instance.name}, place)};
}

Task<Outcome<api::DeleteConnectionResponse>> Service::delete_connection(aws::Call& call,
                                                                        api::DeleteConnectionMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  CO_TRY(const auto endpoint, need<EndpointRecord>(tx, place, input.endpoint_arn));
  CO_TRY(auto connection, load<ConnectionRecord>(tx, instance.resource_id + "/" + endpoint.resource_id));
  if (!connection) {
    co_return refuse(errors::resource_not_found_fault(
        fmt::format("There is no connection of '{}' and '{}'.", instance.name, endpoint.name)));
  }
  CO_TRY(const auto tasks, load_all<TaskRecord>(tx));
  for (const auto& task : tasks) {
    const bool uses = task.source_id == endpoint.resource_id || task.target_id == endpoint.resource_id;
    if (uses && task.instance_id == instance.resource_id) {
      co_return refuse(errors::invalid_resource_state_fault(
          fmt::format("The connection is in use by the replication task '{}'.", task.name)));
    }
  }
  erase(tx, *connection);
  CO_CHECK(co_await tx.commit());
  connection->status = "deleting";
  co_return api::DeleteConnectionResponse{to_api(Named{*connection, endpoint.name, instance.name}, place)};
}

Task<Outcome<api::DescribeConnectionsResponse>> Service::describe_connections(aws::Call& call,
                                                                              api::DescribeConnectionsMessage input) {
  const Place place = place_of(call);
  const FilterTable<ConnectionRecord> table = {
      {"endpoint-arn", [&](const ConnectionRecord& c) { return place.arn("endpoint", c.endpoint_id); }},
      {"replication-instance-arn", [&](const ConnectionRecord& c) { return place.arn("rep", c.instance_id); }}};
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto all, load_all<ConnectionRecord>(tx));
  CO_TRY(all, filtered(std::move(all), input.filters, table, "connections"));
  api::DescribeConnectionsResponse output;
  CO_TRY(const auto found, page(std::move(all), input.marker, input.max_records, output.marker,
                                [](const ConnectionRecord& c) { return c.id(); }));
  output.connections.emplace();
  for (const auto& connection : found) {
    CO_TRY(const auto endpoint, load<EndpointRecord>(tx, connection.endpoint_id));
    CO_TRY(const auto instance, load<InstanceRecord>(tx, connection.instance_id));
    const Named named{connection, endpoint ? endpoint->name : "", instance ? instance->name : ""};
    output.connections->push_back(to_api(named, place));
  }
  co_return output;
}

Task<Outcome<api::RefreshSchemasResponse>> Service::refresh_schemas(aws::Call& call, api::RefreshSchemasMessage input) {
  const Place place = place_of(call);
  std::optional<EndpointRecord> endpoint;
  {
    CO_TRY(auto tx, co_await begin(call));
    CO_TRY(endpoint, need<EndpointRecord>(tx, place, input.endpoint_arn));
  }
  CO_CHECK(co_await authorize_secret(tools_, call, *endpoint));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto instance, need<InstanceRecord>(tx, place, input.replication_instance_arn));
  CO_CHECK(check_available(instance));
  CO_TRY(const auto now, need<EndpointRecord>(tx, place, input.endpoint_arn));
  CO_CHECK(check_same(*endpoint, now));
  CO_TRY(auto schemas, load<SchemasRecord>(tx, now.resource_id));
  if (schemas && schemas->status == "refreshing") {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The schemas of the endpoint '{}' are being refreshed already.", now.name)));
  }
  if (!schemas) schemas = SchemasRecord{.endpoint_id = now.resource_id, .run = call.now.ms};
  schemas->instance_id = instance.resource_id;
  schemas->status = "refreshing";
  schemas->failure.clear();
  ++schemas->run;
  save(tx, *schemas);
  CO_CHECK(co_await tx.commit());
  wake(place, instance.resource_id);
  co_return api::RefreshSchemasResponse{dms::to_api(*schemas, place)};
}

Task<Outcome<api::DescribeRefreshSchemasStatusResponse>> Service::describe_refresh_schemas_status(
    aws::Call& call, api::DescribeRefreshSchemasStatusMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto endpoint, need<EndpointRecord>(tx, place, input.endpoint_arn));
  CO_TRY(const auto schemas, load<SchemasRecord>(tx, endpoint.resource_id));
  if (!schemas) {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The schemas of the endpoint '{}' were never refreshed; call RefreshSchemas.", endpoint.name)));
  }
  co_return api::DescribeRefreshSchemasStatusResponse{dms::to_api(*schemas, place)};
}

Task<Outcome<api::DescribeSchemasResponse>> Service::describe_schemas(aws::Call& call,
                                                                      api::DescribeSchemasMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto endpoint, need<EndpointRecord>(tx, place_of(call), input.endpoint_arn));
  CO_TRY(auto schemas, load<SchemasRecord>(tx, endpoint.resource_id));
  if (!schemas || !schemas->refreshed) {
    co_return refuse(errors::invalid_resource_state_fault(
        fmt::format("The schemas of the endpoint '{}' are not known yet; call RefreshSchemas.", endpoint.name)));
  }
  api::DescribeSchemasResponse output;
  CO_TRY(output.schemas, page(std::move(schemas->names), input.marker, input.max_records, output.marker,
                              [](const std::string& name) { return name; }));
  co_return output;
}

}  // namespace boreal::dms
