// Amazon RDS: Aurora PostgreSQL clusters on real PostgreSQL. How it works: README.md.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/rds/errors.h"
#include "api/rds/service.h"
#include "aws/context.h"
#include "aws/key_watch.h"
#include "aws/peers.h"
#include "rds/engines.h"
#include "rds/keeper.h"
#include "rds/options.h"
#include "rds/resources.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace api = ::boreal::api::rds;

class Service final : public api::Api, public aws::Recoverable {
 public:
  Service(aws::ServiceContext context, Options options, aws::Keys& keys, aws::KeyWatch& key_watch,
          aws::Network& network, aws::Roles& roles, aws::ManagedSecrets& secrets);

  Task<Result<void>> start() override;
  void begin_stop() override;
  Task<void> stop() override;
  bool has_been_round(int64_t since_ns) const override { return timekeeper_.has_been_round(since_ns); }
  std::string trouble() const override { return engines_.trouble(); }
  // Of all accounts and regions. Reads their records.
  struct Databases {
    size_t clusters = 0;
    size_t clusters_available = 0;
    size_t instances = 0;
    size_t instances_available = 0;
  };
  Result<Databases> databases() const;
  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  // aws::Recoverable (recover.cc)
  std::string_view resource_type() const override { return "Aurora"; }
  std::string_view service() const override { return "rds"; }
  Task<aws::Outcome<std::optional<Resource>>> find(std::string account, std::string region,
                                                   std::string arn_or_name) override;
  Task<aws::Outcome<std::vector<Resource>>> list(std::string account, std::string region) override;
  Task<aws::Outcome<Backup>> back_up(aws::Asker asker, std::string account, std::string region,
                                     Resource resource) override;
  Task<aws::Outcome<std::string>> restore(aws::Asker asker, std::string account, std::string region,
                                          std::map<std::string, std::string> metadata,
                                          std::unique_ptr<Source> data) override;

  // Subnet groups (subnet_groups.cc)
  Task<aws::Outcome<api::CreateDBSubnetGroupResult>> create_db_subnet_group(
      aws::Call& call, api::CreateDBSubnetGroupMessage input) override;
  Task<aws::Outcome<api::ModifyDBSubnetGroupResult>> modify_db_subnet_group(
      aws::Call& call, api::ModifyDBSubnetGroupMessage input) override;
  Task<aws::Outcome<api::DeleteDBSubnetGroupOutput>> delete_db_subnet_group(
      aws::Call& call, api::DeleteDBSubnetGroupMessage input) override;
  Task<aws::Outcome<api::DBSubnetGroupMessage>> describe_db_subnet_groups(
      aws::Call& call, api::DescribeDBSubnetGroupsMessage input) override;

  // Parameter groups (parameter_groups.cc) and parameters (parameters.cc)
  Task<aws::Outcome<api::CreateDBClusterParameterGroupResult>> create_db_cluster_parameter_group(
      aws::Call& call, api::CreateDBClusterParameterGroupMessage input) override;
  Task<aws::Outcome<api::CreateDBParameterGroupResult>> create_db_parameter_group(
      aws::Call& call, api::CreateDBParameterGroupMessage input) override;
  Task<aws::Outcome<api::CopyDBClusterParameterGroupResult>> copy_db_cluster_parameter_group(
      aws::Call& call, api::CopyDBClusterParameterGroupMessage input) override;
  Task<aws::Outcome<api::CopyDBParameterGroupResult>> copy_db_parameter_group(
      aws::Call& call, api::CopyDBParameterGroupMessage input) override;
  Task<aws::Outcome<api::DeleteDBClusterParameterGroupOutput>> delete_db_cluster_parameter_group(
      aws::Call& call, api::DeleteDBClusterParameterGroupMessage input) override;
  Task<aws::Outcome<api::DeleteDBParameterGroupOutput>> delete_db_parameter_group(
      aws::Call& call, api::DeleteDBParameterGroupMessage input) override;
  Task<aws::Outcome<api::DBClusterParameterGroupsMessage>> describe_db_cluster_parameter_groups(
      aws::Call& call, api::DescribeDBClusterParameterGroupsMessage input) override;
  Task<aws::Outcome<api::DBParameterGroupsMessage>> describe_db_parameter_groups(
      aws::Call& call, api::DescribeDBParameterGroupsMessage input) override;
  Task<aws::Outcome<api::DBClusterParameterGroupDetails>> describe_db_cluster_parameters(
      aws::Call& call, api::DescribeDBClusterParametersMessage input) override;
  Task<aws::Outcome<api::DBParameterGroupDetails>> describe_db_parameters(
      aws::Call& call, api::DescribeDBParametersMessage input) override;
  Task<aws::Outcome<api::DescribeEngineDefaultClusterParametersResult>> describe_engine_default_cluster_parameters(
      aws::Call& call, api::DescribeEngineDefaultClusterParametersMessage input) override;
  Task<aws::Outcome<api::DescribeEngineDefaultParametersResult>> describe_engine_default_parameters(
      aws::Call& call, api::DescribeEngineDefaultParametersMessage input) override;
  Task<aws::Outcome<api::DBClusterParameterGroupNameMessage>> modify_db_cluster_parameter_group(
      aws::Call& call, api::ModifyDBClusterParameterGroupMessage input) override;
  Task<aws::Outcome<api::DBParameterGroupNameMessage>> modify_db_parameter_group(
      aws::Call& call, api::ModifyDBParameterGroupMessage input) override;
  Task<aws::Outcome<api::DBClusterParameterGroupNameMessage>> reset_db_cluster_parameter_group(
      aws::Call& call, api::ResetDBClusterParameterGroupMessage input) override;
  Task<aws::Outcome<api::DBParameterGroupNameMessage>> reset_db_parameter_group(
      aws::Call& call, api::ResetDBParameterGroupMessage input) override;

  // Clusters (clusters.cc, cluster_changes.cc)
  Task<aws::Outcome<api::CreateDBClusterResult>> create_db_cluster(aws::Call& call,
                                                                   api::CreateDBClusterMessage input) override;
  Task<aws::Outcome<api::DBClusterMessage>> describe_db_clusters(aws::Call& call,
                                                                 api::DescribeDBClustersMessage input) override;
  Task<aws::Outcome<api::ModifyDBClusterResult>> modify_db_cluster(aws::Call& call,
                                                                   api::ModifyDBClusterMessage input) override;
  Task<aws::Outcome<api::DeleteDBClusterResult>> delete_db_cluster(aws::Call& call,
                                                                   api::DeleteDBClusterMessage input) override;
  Task<aws::Outcome<api::StopDBClusterResult>> stop_db_cluster(aws::Call& call,
                                                               api::StopDBClusterMessage input) override;
  Task<aws::Outcome<api::StartDBClusterResult>> start_db_cluster(aws::Call& call,
                                                                 api::StartDBClusterMessage input) override;
  Task<aws::Outcome<api::FailoverDBClusterResult>> failover_db_cluster(aws::Call& call,
                                                                       api::FailoverDBClusterMessage input) override;
  Task<aws::Outcome<api::RestoreDBClusterFromSnapshotResult>> restore_db_cluster_from_snapshot(
      aws::Call& call, api::RestoreDBClusterFromSnapshotMessage input) override;

  // Instances (instances.cc)
  Task<aws::Outcome<api::CreateDBInstanceResult>> create_db_instance(aws::Call& call,
                                                                     api::CreateDBInstanceMessage input) override;
  Task<aws::Outcome<api::DBInstanceMessage>> describe_db_instances(aws::Call& call,
                                                                   api::DescribeDBInstancesMessage input) override;
  Task<aws::Outcome<api::ModifyDBInstanceResult>> modify_db_instance(aws::Call& call,
                                                                     api::ModifyDBInstanceMessage input) override;
  Task<aws::Outcome<api::DeleteDBInstanceResult>> delete_db_instance(aws::Call& call,
                                                                     api::DeleteDBInstanceMessage input) override;
  Task<aws::Outcome<api::RebootDBInstanceResult>> reboot_db_instance(aws::Call& call,
                                                                     api::RebootDBInstanceMessage input) override;

  // Snapshots (snapshots.cc)
  Task<aws::Outcome<api::CreateDBClusterSnapshotResult>> create_db_cluster_snapshot(
      aws::Call& call, api::CreateDBClusterSnapshotMessage input) override;
  Task<aws::Outcome<api::CopyDBClusterSnapshotResult>> copy_db_cluster_snapshot(
      aws::Call& call, api::CopyDBClusterSnapshotMessage input) override;
  Task<aws::Outcome<api::DeleteDBClusterSnapshotResult>> delete_db_cluster_snapshot(
      aws::Call& call, api::DeleteDBClusterSnapshotMessage input) override;
  Task<aws::Outcome<api::DBClusterSnapshotMessage>> describe_db_cluster_snapshots(
      aws::Call& call, api::DescribeDBClusterSnapshotsMessage input) override;
  Task<aws::Outcome<api::DescribeDBClusterSnapshotAttributesResult>> describe_db_cluster_snapshot_attributes(
      aws::Call& call, api::DescribeDBClusterSnapshotAttributesMessage input) override;

  // What can be had, and what happened (offers.cc, events.cc, logs.cc, tags.cc)
  Task<aws::Outcome<api::DBEngineVersionMessage>> describe_db_engine_versions(
      aws::Call& call, api::DescribeDBEngineVersionsMessage input) override;
  Task<aws::Outcome<api::OrderableDBInstanceOptionsMessage>> describe_orderable_db_instance_options(
      aws::Call& call, api::DescribeOrderableDBInstanceOptionsMessage input) override;
  Task<aws::Outcome<api::CertificateMessage>> describe_certificates(aws::Call& call,
                                                                    api::DescribeCertificatesMessage input) override;
  Task<aws::Outcome<api::GlobalClustersMessage>> describe_global_clusters(
      aws::Call& call, api::DescribeGlobalClustersMessage input) override;
  Task<aws::Outcome<api::EventsMessage>> describe_events(aws::Call& call, api::DescribeEventsMessage input) override;
  Task<aws::Outcome<api::DescribeDBLogFilesResponse>> describe_db_log_files(
      aws::Call& call, api::DescribeDBLogFilesMessage input) override;
  Task<aws::Outcome<api::DownloadDBLogFilePortionDetails>> download_db_log_file_portion(
      aws::Call& call, api::DownloadDBLogFilePortionMessage input) override;
  Task<aws::Outcome<api::AddTagsToResourceOutput>> add_tags_to_resource(aws::Call& call,
                                                                        api::AddTagsToResourceMessage input) override;
  Task<aws::Outcome<api::RemoveTagsFromResourceOutput>> remove_tags_from_resource(
      aws::Call& call, api::RemoveTagsFromResourceMessage input) override;
  Task<aws::Outcome<api::TagListMessage>> list_tags_for_resource(aws::Call& call,
                                                                 api::ListTagsForResourceMessage input) override;

 private:
  static Place place_of(const aws::Call& call) { return {call.account, call.region}; }
  // The call's turn in its place, if what it names is still what policies were asked about (access.cc).
  Task<aws::Outcome<store::Transaction>> begin(const aws::Call& call);
  aws::Outcome<void> check_asked(const aws::Call& call, const store::Transaction& tx) const;
  Task<Result<std::string>> family_used(Place place, const aws::Operation& operation, const aws::Value& input);
  Time now() const { return context_.clock.now(); }

  // Keepers (service.cc)
  Keeper& make_keeper(const Place& place, const std::string& cluster_id, const std::string& resource_id);
  Keeper* keeper(const Place& place, const std::string& cluster_id);
  Task<void> drop_keeper(std::string resource_id);
  // Finds addresses that nobody listens at, and listens there.
  aws::Outcome<void> take_addresses(Keeper& keeper, int port);
  void wake_all(const Place& place);
  void wake_all();
  Task<Result<Time>> wake_due();

  // Groups, as other resources name them.
  aws::Outcome<SubnetGroupRecord> subnet_group(const store::Transaction& tx, const Place& place, std::string name);
  Task<aws::Outcome<void>> check_parameter_group(const aws::Call& call, std::string name, std::string family,
                                                 bool of_cluster);
  Task<aws::Outcome<std::vector<SubnetGroupRecord::Member>>> resolve_subnets(const aws::Call& call,
                                                                             std::vector<std::string> ids,
                                                                             std::string& vpc_id);
  Task<aws::Outcome<int>> major_of_family(std::string family);
  Task<aws::Outcome<ParameterGroupRecord>> parameter_group(const aws::Call& call, std::string name, bool of_cluster);
  Task<aws::Outcome<ParameterGroupRecord>> create_parameter_group(const aws::Call& call, ParameterGroupRecord group,
                                                                  bool of_cluster);
  Task<aws::Outcome<ParameterGroupRecord>> copy_parameter_group(const aws::Call& call, std::string source,
                                                                ParameterGroupRecord target, bool of_cluster);
  Task<aws::Outcome<void>> delete_parameter_group(const aws::Call& call, std::string name, bool of_cluster);
  aws::Outcome<std::vector<ParameterGroupRecord>> list_parameter_groups(const aws::Call& call,
                                                                        const std::optional<std::string>& name,
                                                                        bool of_cluster);
  Task<aws::Outcome<void>> change_parameters(const aws::Call& call, std::string name,
                                             std::vector<api::Parameter> parameters, bool of_cluster);
  Task<aws::Outcome<void>> reset_parameters(const aws::Call& call, std::string name, bool all,
                                            std::vector<api::Parameter> parameters, bool of_cluster);
  Task<aws::Outcome<std::vector<api::Parameter>>> parameters_of(ParameterGroupRecord group,
                                                                std::optional<std::string> source);

  // Clusters
  Task<aws::Outcome<ClusterRecord>> cluster_from(aws::Call& call, const api::CreateDBClusterMessage& input);
  aws::Outcome<void> set_master_user(ClusterRecord& cluster, const api::CreateDBClusterMessage& input);
  Task<aws::Outcome<void>> place_cluster(aws::Call& call, ClusterRecord& cluster, std::optional<std::string> subnets,
                                         std::optional<std::vector<std::string>> groups);
  Task<aws::Outcome<void>> encrypt_cluster(aws::Asker asker, Place place, ClusterRecord& cluster,
                                           std::optional<bool> encrypted, std::optional<std::string> key_id);
  // The password is the service's to keep from now on; sets the record's part of it.
  Task<aws::Outcome<void>> manage_password(aws::Call& call, ClusterRecord& cluster, std::optional<std::string> key_id);
  // `call`: the one that asked for it; null: none of this service.
  Task<aws::Outcome<void>> begin_cluster(const aws::Call* call, Place place, ClusterRecord& cluster);
  Task<aws::Outcome<void>> add_cluster(const aws::Call* call, Place place, const ClusterRecord& cluster);
  Task<aws::Outcome<void>> wait_until_restored(Place place, std::string cluster_id, std::string resource_id);
  Task<aws::Outcome<void>> check_cluster_changes(const api::ModifyDBClusterMessage& input);
  aws::Outcome<void> check_groups(const Place& place, const std::vector<std::string>& ids, const std::string& vpc_id);

  Task<aws::Outcome<InstanceRecord>> instance_from(aws::Call& call, const api::CreateDBInstanceMessage& input);
  Task<aws::Outcome<void>> check_monitoring(aws::Call& call, std::string instances, std::optional<int32_t> interval,
                                            std::optional<std::string> role);
  Task<aws::Outcome<std::string>> insights_key(aws::Call& call, std::optional<std::string> key_id);
  // What a call says of enhanced monitoring and Performance Insights, for a cluster or for an instance.
  struct Watching {
    std::optional<int> interval_s;
    std::string role_arn;
    std::optional<bool> insights;
    std::string key_arn;
    int retention_days = 0;

    template <class Record>
    void apply(Record& record) const {
      if (interval_s) {
        record.monitoring_interval_s = *interval_s;
        record.monitoring_role_arn = *interval_s == 0 ? "" : role_arn;
      }
      if (!insights) return;
      record.insights = *insights;
      record.insights_key_arn = key_arn;
      record.insights_retention_days = retention_days;
    }
  };
  // The instance that is to be watched, or those of a cluster, as the role's trust policy may name them.
  template <class Input>
  static std::string watched(const aws::Call& call, const Input& input) {
    std::string name = "*";
    if constexpr (requires { input.db_instance_identifier; }) name = name_of(input.db_instance_identifier);
    return place_of(call).arn("db", name);
  }
  template <class Input>
  Task<aws::Outcome<Watching>> watching_of(aws::Call& call, const Input& input) {
    return checked_watching(call, watched(call, input), input.monitoring_interval, input.monitoring_role_arn,
                            input.enable_performance_insights, input.performance_insights_retention_period,
                            input.performance_insights_kms_key_id);
  }
  // Of a change: what it leaves out stays as the record has it.
  template <class Input, class Record>
  Task<aws::Outcome<Watching>> watching_of(aws::Call& call, const Input& input, const Record& before) {
    auto interval = input.monitoring_interval;
    auto role = input.monitoring_role_arn;
    if (role && !interval) interval = before.monitoring_interval_s;
    if (interval.value_or(0) != 0 && !role) role = before.monitoring_role_arn;
    auto insights = input.enable_performance_insights;
    auto days = input.performance_insights_retention_period;
    auto key_id = input.performance_insights_kms_key_id;
    if (before.insights) {
      if ((days || key_id) && !insights) insights = true;
      if (insights && !days) days = before.insights_retention_days;
      if (insights && !key_id) key_id = before.insights_key_arn;
    }
    return checked_watching(call, watched(call, input), interval, std::move(role), insights, days, std::move(key_id));
  }
  Task<aws::Outcome<Watching>> checked_watching(aws::Call& call, std::string instances, std::optional<int32_t> interval,
                                                std::optional<std::string> role, std::optional<bool> insights,
                                                std::optional<int32_t> days, std::optional<std::string> key_id);
  Task<aws::Outcome<io::Path>> log_folder(const aws::Call& call, std::string identifier);
  aws::Outcome<api::DBInstance> show(const store::Transaction& tx, const Place& place, const InstanceRecord& instance);
  Task<aws::Outcome<void>> check_snapshot_key(aws::Asker asker, Place place, SnapshotRecord snapshot);
  Task<void> copy_snapshots(Place place);
  Task<Result<void>> copy_snapshot(Place place, SnapshotRecord snapshot);
  Task<Result<void>> sweep_snapshots();

  aws::ServiceContext context_;
  const Options options_;
  aws::Keys& keys_;
  aws::KeyWatch& key_watch_;
  aws::Network& network_;
  aws::Roles& roles_;
  aws::ManagedSecrets& secrets_;
  Engines engines_;
  aws::Timekeeper timekeeper_;
  Tools tools_;
  std::map<std::string, std::unique_ptr<Keeper>> keepers_;  // by the cluster's resource id
  std::set<std::string> copying_;                           // files of snapshots
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace boreal::rds
