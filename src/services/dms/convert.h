// What the catalog keeps, as the API shows it.
#pragma once

#include "api/dms/types.h"
#include "dms/resources.h"

namespace boreal::dms {

api::ReplicationSubnetGroup to_api(const SubnetGroupRecord& group);
// Without its subnet group.
api::ReplicationInstance to_api(const InstanceRecord& instance, const Place& place);
api::Endpoint to_api(const EndpointRecord& endpoint, const Place& place);
api::ReplicationTask to_api(const TaskRecord& task, const Place& place);
api::RefreshSchemasStatus to_api(const SchemasRecord& schemas, const Place& place);
std::vector<api::Tag> tag_list(const Tags& tags);

}  // namespace boreal::dms
