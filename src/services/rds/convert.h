// Records as the API shows them.
#pragma once

#include "api/rds/types.h"
#include "rds/resources.h"

namespace boreal::rds {

namespace api = ::boreal::api::rds;

api::DBSubnetGroup to_api(const SubnetGroupRecord& group, const Place& place);
api::DBCluster to_api(const ClusterRecord& cluster, const std::vector<InstanceRecord>& instances, const Place& place);
api::DBInstance to_api(const InstanceRecord& instance, const ClusterRecord& cluster, const SubnetGroupRecord& group,
                       const Place& place);
api::DBClusterSnapshot to_api(const SnapshotRecord& snapshot, const Place& place);

// The cluster's own tags, and what is to be known of it: tags under "aws:boreal:", which clients take for the system's
// and leave alone (Terraform plans no change for them).
Tags shown_tags(const ClusterRecord& cluster);
std::string default_parameter_group(const std::string& family);
std::string family_of(const ClusterRecord& cluster);

}  // namespace boreal::rds
