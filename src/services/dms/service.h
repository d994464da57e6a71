// AWS Database Migration Service: replication instances, endpoints with real connection tests, tasks that are kept and
// checked. Starting a task is not served. How it works: README.md.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/dms/errors.h"
#include "api/dms/service.h"
#include "dms/credentials.h"
#include "dms/resources.h"
#include "dms/supervisor.h"

namespace boreal::dms {

class Service final : public api::Api {
 public:
  // All outlive this. `probe_program`: of Probes.
  Service(aws::ServiceContext context, aws::Network& network, aws::Keys& keys, aws::Roles& roles, aws::Secrets& secrets,
          Names::LookUp look_up = net::look_up, std::string probe_program = {});

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;
  Task<Result<void>> start() override;
  Task<void> stop() override;

  // Subnet groups (subnet_groups.cc)
  Task<aws::Outcome<api::CreateReplicationSubnetGroupResponse>> create_replication_subnet_group(
      aws::Call& call, api::CreateReplicationSubnetGroupMessage input) override;
  Task<aws::Outcome<api::ModifyReplicationSubnetGroupResponse>> modify_replication_subnet_group(
      aws::Call& call, api::ModifyReplicationSubnetGroupMessage input) override;
  Task<aws::Outcome<api::DeleteReplicationSubnetGroupResponse>> delete_replication_subnet_group(
      aws::Call& call, api::DeleteReplicationSubnetGroupMessage input) override;
  Task<aws::Outcome<api::DescribeReplicationSubnetGroupsResponse>> describe_replication_subnet_groups(
      aws::Call& call, api::DescribeReplicationSubnetGroupsMessage input) override;

  // Replication instances (instances.cc)
  Task<aws::Outcome<api::CreateReplicationInstanceResponse>> create_replication_instance(
      aws::Call& call, api::CreateReplicationInstanceMessage input) override;
  Task<aws::Outcome<api::ModifyReplicationInstanceResponse>> modify_replication_instance(
      aws::Call& call, api::ModifyReplicationInstanceMessage input) override;
  Task<aws::Outcome<api::RebootReplicationInstanceResponse>> reboot_replication_instance(
      aws::Call& call, api::RebootReplicationInstanceMessage input) override;
  Task<aws::Outcome<api::DeleteReplicationInstanceResponse>> delete_replication_instance(
      aws::Call& call, api::DeleteReplicationInstanceMessage input) override;
  Task<aws::Outcome<api::DescribeReplicationInstancesResponse>> describe_replication_instances(
      aws::Call& call, api::DescribeReplicationInstancesMessage input) override;

  // Endpoints (endpoints.cc)
  Task<aws::Outcome<api::CreateEndpointResponse>> create_endpoint(aws::Call& call,
                                                                  api::CreateEndpointMessage input) override;
  Task<aws::Outcome<api::ModifyEndpointResponse>> modify_endpoint(aws::Call& call,
                                                                  api::ModifyEndpointMessage input) override;
  Task<aws::Outcome<api::DeleteEndpointResponse>> delete_endpoint(aws::Call& call,
                                                                  api::DeleteEndpointMessage input) override;
  Task<aws::Outcome<api::DescribeEndpointsResponse>> describe_endpoints(aws::Call& call,
                                                                        api::DescribeEndpointsMessage input) override;

  // Connections and schemas (connections.cc)
  Task<aws::Outcome<api::TestConnectionResponse>> test_connection(aws::Call& call,
                                                                  api::TestConnectionMessage input) override;
  Task<aws::Outcome<api::DeleteConnectionResponse>> delete_connection(aws::Call& call,
                                                                      api::DeleteConnectionMessage input) override;
  Task<aws::Outcome<api::DescribeConnectionsResponse>> describe_connections(
      aws::Call& call, api::DescribeConnectionsMessage input) override;
  Task<aws::Outcome<api::RefreshSchemasResponse>> refresh_schemas(aws::Call& call,
                                                                  api::RefreshSchemasMessage input) override;
  Task<aws::Outcome<api::DescribeRefreshSchemasStatusResponse>> describe_refresh_schemas_status(
      aws::Call& call, api::DescribeRefreshSchemasStatusMessage input) override;
  Task<aws::Outcome<api::DescribeSchemasResponse>> describe_schemas(aws::Call& call,
                                                                    api::DescribeSchemasMessage input) override;

  // Tasks (tasks.cc)
  Task<aws::Outcome<api::CreateReplicationTaskResponse>> create_replication_task(
      aws::Call& call, api::CreateReplicationTaskMessage input) override;
  Task<aws::Outcome<api::ModifyReplicationTaskResponse>> modify_replication_task(
      aws::Call& call, api::ModifyReplicationTaskMessage input) override;
  Task<aws::Outcome<api::MoveReplicationTaskResponse>> move_replication_task(
      aws::Call& call, api::MoveReplicationTaskMessage input) override;
  Task<aws::Outcome<api::DeleteReplicationTaskResponse>> delete_replication_task(
      aws::Call& call, api::DeleteReplicationTaskMessage input) override;
  Task<aws::Outcome<api::DescribeReplicationTasksResponse>> describe_replication_tasks(
      aws::Call& call, api::DescribeReplicationTasksMessage input) override;

  // What can be had (offers.cc)
  Task<aws::Outcome<api::DescribeAccountAttributesResponse>> describe_account_attributes(
      aws::Call& call, api::DescribeAccountAttributesMessage input) override;
  Task<aws::Outcome<api::DescribeEndpointTypesResponse>> describe_endpoint_types(
      aws::Call& call, api::DescribeEndpointTypesMessage input) override;
  Task<aws::Outcome<api::DescribeEngineVersionsResponse>> describe_engine_versions(
      aws::Call& call, api::DescribeEngineVersionsMessage input) override;
  Task<aws::Outcome<api::DescribeOrderableReplicationInstancesResponse>> describe_orderable_replication_instances(
      aws::Call& call, api::DescribeOrderableReplicationInstancesMessage input) override;

  // Tags (tags.cc)
  Task<aws::Outcome<api::AddTagsToResourceResponse>> add_tags_to_resource(aws::Call& call,
                                                                          api::AddTagsToResourceMessage input) override;
  Task<aws::Outcome<api::RemoveTagsFromResourceResponse>> remove_tags_from_resource(
      aws::Call& call, api::RemoveTagsFromResourceMessage input) override;
  Task<aws::Outcome<api::ListTagsForResourceResponse>> list_tags_for_resource(
      aws::Call& call, api::ListTagsForResourceMessage input) override;

 private:
  static Place place_of(const aws::Call& call) { return {call.account, call.region}; }
  // A look at what there is, and the turn to change it (access.cc). InvalidResourceStateFault: what the call names is
  // no longer what policies were asked about.
  Task<aws::Outcome<store::Transaction>> begin(const aws::Call& call);

  // Supervisors (service.cc)
  void supervise(const Place& place, const std::string& instance_id);
  Task<void> drop(std::pair<Place, std::string> which);
  void wake(const Place& place, const std::string& instance_id);

  // A new ID for an ARN: the one that was asked for, or a random one.
  template <class R>
  aws::Outcome<std::string> new_id(const store::Transaction& tx, const std::optional<std::string>& wanted);
  std::string random_id();

  aws::Outcome<SubnetGroupRecord> subnet_group(const store::Transaction& tx, const Place& place,
                                               const std::string& name);
  aws::Outcome<std::vector<SubnetGroupRecord::Member>> resolve_subnets(const Place& place,
                                                                       const std::vector<std::string>& ids,
                                                                       std::string& vpc_id);
  Task<aws::Outcome<InstanceRecord>> instance_from(aws::Call& call, const api::CreateReplicationInstanceMessage& input);
  aws::Outcome<void> place_instance(const Place& place, const SubnetGroupRecord& group, InstanceRecord& instance);
  aws::Outcome<void> check_groups(const Place& place, const std::vector<std::string>& ids, const std::string& vpc_id);
  aws::Outcome<api::ReplicationInstance> show(const store::Transaction& tx, const Place& place,
                                              const InstanceRecord& instance);
  Task<aws::Outcome<void>> check_secret_settings(aws::Call& call, const EndpointRecord& endpoint);
  template <class Message>
  Task<aws::Outcome<void>> apply_settings(aws::Call& call, EndpointRecord& endpoint, const Message& input);

  Names names_;
  Probes probes_;
  Tools tools_;
  std::map<std::pair<Place, std::string>, std::unique_ptr<Supervisor>> supervisors_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

template <class R>
aws::Outcome<std::string> Service::new_id(const store::Transaction& tx, const std::optional<std::string>& wanted) {
  if (!wanted) return random_id();
  const auto there = tx.get(key_of<R>(*wanted));
  if (!there) return aws::refuse(there.error());
  if (!*there) return *wanted;
  return aws::refuse(
      api::errors::resource_already_exists_fault("The resource identifier '" + *wanted + "' is taken already."));
}

// The resource of that ARN; ResourceNotFoundFault when there is none.
template <class R>
aws::Outcome<R> need(const store::Transaction& tx, const Place& place, const std::string& arn) {
  if (const auto id = place.id_of(arn, R::kind)) {
    auto found = load<R>(tx, *id);
    if (!found) return aws::refuse(found.error());
    if (*found) return std::move(**found);
  }
  return aws::refuse(api::errors::resource_not_found_fault("There is no resource with the ARN '" + arn + "'."));
}

}  // namespace boreal::dms
