// The service's calls, from the record to the running database.
#include "rds/service.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/testing.h"
#include "rds/test_bed.h"

namespace boreal::rds {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RdsAccess : public ::testing::Test {
 protected:
  // What policies are shown of a call.
  template <class In>
  std::vector<aws::Access> shown(std::string_view operation, In input) {
    return *access(operation, std::move(input));
  }
  template <class In>
  aws::Outcome<std::vector<aws::Access>> access(std::string_view operation, In input) {
    const auto value = aws::Value::of(std::move(input));
    return fixture.run(fixture.with_call(service, operation,
                                         [&](aws::Call& call) { return service.access(call, call.operation, value); }));
  }

  aws::CallFixture fixture;
  TestKeys keys;
  TestNetwork network;
  TestRoles roles;
  TestSecrets secrets;
  Service service{fixture.context(), {}, keys, keys, network, roles, secrets};
};

// What handlers take for the same thing is the same to policies.
TEST_F(RdsAccess, ShowsPoliciesTheNameThatIsMeantHoweverItIsWritten) {
  const auto shown_first = [&](std::string_view operation, auto input) {
    return shown(operation, std::move(input)).at(0).resource;
  };
  const std::string prod = "arn:aws:rds:us-east-1:000000000000:cluster:prod";
  for (const char* name : {"prod", "PROD", prod.c_str(), "arn:aws:rds:us-east-1:000000000000:cluster:Prod"}) {
    EXPECT_EQ(shown_first("DeleteDBCluster", api::DeleteDBClusterMessage{.db_cluster_identifier = name}), prod) << name;
  }
  for (const char* elsewhere :
       {"arn:aws:rds:eu-west-1:000000000000:cluster:prod", "arn:aws:rds:us-east-1:111111111111:cluster:prod",
        "arn:aws:rds:us-east-1:000000000000:db:prod", "arn:aws:s3:::prod"}) {
    const auto refused = access("DeleteDBCluster", api::DeleteDBClusterMessage{.db_cluster_identifier = elsewhere});
    ASSERT_FALSE(refused) << elsewhere;
    EXPECT_EQ(refused.error().code, "InvalidParameterValue") << elsewhere;
  }
  EXPECT_EQ(shown_first("ListTagsForResource", api::ListTagsForResourceMessage{.resource_name = prod}), prod);
  EXPECT_EQ(
      shown_first("ListTagsForResource",
                  api::ListTagsForResourceMessage{.resource_name = "arn:aws:rds:us-east-1:000000000000:cluster:PROD"}),
      prod);
  EXPECT_EQ(shown_first("DescribeDBClusters", api::DescribeDBClustersMessage{}),
            "arn:aws:rds:us-east-1:000000000000:cluster:*");
}

TEST_F(RdsAccess, ShowsPoliciesTheTags) {
  const api::CreateDBClusterParameterGroupMessage group{.db_cluster_parameter_group_name = "tuned",
                                                        .db_parameter_group_family = "aurora-postgresql15",
                                                        .description = "d",
                                                        .tags = {{{.key = "env", .value = "prod"}}}};
  const auto before = shown("CreateDBClusterParameterGroup", group);
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[1].action, "rds:AddTagsToResource");
  EXPECT_EQ(before[1].resource, before[0].resource);
  EXPECT_FALSE(before[0].context.contains("aws:ResourceTag/env"));
  auto tx = fixture.run(fixture.context().catalog.begin(Place{"000000000000", "us-east-1"}.partition()));
  tx.put(cluster_group_key("tuned"), store::encode(ParameterGroupRecord{.name = "tuned", .tags = {{"env", "prod"}}}));
  ASSERT_TRUE(fixture.run(tx.commit()));
  const auto after = shown("DeleteDBClusterParameterGroup",
                           api::DeleteDBClusterParameterGroupMessage{.db_cluster_parameter_group_name = "Tuned"});
  ASSERT_EQ(after.size(), 1u);
  for (const char* key : {"aws:ResourceTag/env", "rds:cluster-pg-tag/env"}) {
    const auto found = after[0].context.find(key);
    ASSERT_NE(found, after[0].context.end()) << key;
    EXPECT_EQ(found->second, "prod");
  }
}

Task<std::string> trouble_found(Engines& engines) {
  engines.start();
  EXPECT_EQ(engines.trouble(), "");  // nobody has looked yet
  EXPECT_FALSE(co_await engines.context());
  std::string trouble = engines.trouble();
  co_await engines.stop();
  co_return trouble;
}

TEST(RdsEngines, SayWhyNoDatabaseCanBeServed) {
  aws::CallFixture fixture;
  const io::TempFolder folder;
  ASSERT_TRUE(io::write_file_atomically(folder / "file", "x"));
  Engines engines(fixture.context(), {.folder = folder / "file"});
  EXPECT_THAT(fixture.run(trouble_found(engines)), HasSubstr("there is something else of that name"));
}

TEST_F(ServiceTest, WriterAndReaderFromCreationToDeletion) {
  const auto made = must(&Service::create_db_cluster, cluster_input("prod"));
  EXPECT_EQ(made.db_cluster->status, "creating");
  EXPECT_EQ(made.db_cluster->engine_version, "13.7");
  must(&Service::create_db_instance, instance_input("one", "prod"));
  must(&Service::create_db_instance, instance_input("two", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  ASSERT_TRUE(becomes_available("two"));
  const auto shown = *cluster("prod");
  EXPECT_EQ(shown.status, "available");
  ASSERT_TRUE(sql(*shown.endpoint, "CREATE TABLE t AS SELECT generate_series(1, 100) n; SELECT 1"));
  EXPECT_TRUE(eventually([&] { return sql(*shown.reader_endpoint, "SELECT count(*) FROM t").value_or("") == "100"; }));
  const auto refused = sql(*shown.reader_endpoint, "INSERT INTO t VALUES (1)");
  ASSERT_FALSE(refused);
  EXPECT_EQ(postgres::sqlstate_of(refused.error()), "25006");
  EXPECT_EQ(sql(*shown.endpoint, "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'").value_or(""), "f");
  EXPECT_EQ(network_.attached.size(), 2u);
  for (const char* role : {"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "rdsadmin"}) {
    const auto granted = sql(*shown.endpoint, fmt::format("GRANT {} TO postgres", role));
    ASSERT_FALSE(granted) << role;
    EXPECT_EQ(postgres::sqlstate_of(granted.error()), "42501") << role;
  }
  EXPECT_TRUE(sql(*shown.endpoint, "GRANT pg_read_all_data TO postgres"));

  const auto counted = run(on_loop([&] { return service_->databases(); }));
  ASSERT_TRUE(counted) << counted.error().message();
  EXPECT_EQ(counted->clusters, 1u);
  EXPECT_EQ(counted->clusters_available, 1u);
  EXPECT_EQ(counted->instances, 2u);
  EXPECT_EQ(counted->instances_available, 2u);

  let_in({});
  EXPECT_FALSE(sql(*shown.endpoint, "SELECT 1"));
  let_in({{.protocol = "-1", .cidr = "0.0.0.0/0"}});
  EXPECT_TRUE(sql(*shown.endpoint, "SELECT 1"));

  EXPECT_EQ(code(&Service::delete_db_cluster,
                 api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .skip_final_snapshot = true}),
            "InvalidDBClusterStateFault");
  remove_all("prod", {"one", "two"});
  EXPECT_THAT(network_.attached, IsEmpty());
  EXPECT_THAT(*io::list_folder(folder_ + "/postgres/instances"), IsEmpty());
}

// The interface is what keeps a group from being deleted.
TEST_F(ServiceTest, AnInterfaceHasTheGroupsOfItsClusterThatAreBackAgain) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  for (const std::string group : {"sg-1", "sg-2", "sg-1"}) {
    must(&Service::modify_db_cluster,
         api::ModifyDBClusterMessage{.db_cluster_identifier = "prod", .vpc_security_group_ids = std::vector{group}});
    EXPECT_TRUE(eventually([&] { return network_.groups["rds:one"] == std::vector{group}; })) << group;
  }
  remove_all("prod", {"one"});
}

// As when the machine goes down while a reader is being made.
TEST_F(ServiceTest, AReaderThatWasBegunIsMadeOnceTheWriterRunsAgain) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  close();
  run(begin_reader("one", "two"));
  open();
  ASSERT_TRUE(becomes_available("two"));
  EXPECT_TRUE(sql(*cluster("prod")->endpoint, "SELECT 1"));
  remove_all("prod", {"one", "two"});
}

TEST_F(ServiceTest, ASnapshotHasTheRowsAndTheFinalOneIsTakenWithoutInstances) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  const std::string endpoint = *cluster("prod")->endpoint;
  ASSERT_TRUE(sql(endpoint, "CREATE TABLE t AS SELECT generate_series(1, 100) n; SELECT 1"));
  must(&Service::delete_db_instance, api::DeleteDBInstanceMessage{.db_instance_identifier = "one"});
  ASSERT_TRUE(eventually([&] { return !instance("one"); }));
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .final_db_snapshot_identifier = "last"});
  ASSERT_TRUE(eventually([&] { return !cluster("prod"); }));
  const auto listed = must(&Service::describe_db_cluster_snapshots, api::DescribeDBClusterSnapshotsMessage{});
  ASSERT_EQ(listed.db_cluster_snapshots->size(), 1u);
  EXPECT_EQ(listed.db_cluster_snapshots->front().status, "available");

  api::RestoreDBClusterFromSnapshotMessage restore;
  restore.db_cluster_identifier = "again";
  restore.snapshot_identifier = "last";
  restore.engine = "aurora-postgresql";
  must(&Service::restore_db_cluster_from_snapshot, restore);
  must(&Service::create_db_instance, instance_input("two", "again"));
  ASSERT_TRUE(becomes_available("two"));
  EXPECT_EQ(sql(*cluster("again")->endpoint, "SELECT count(*) FROM t").value_or(""), "100");
  remove_all("again", {"two"});
}

TEST_F(ServiceTest, LogsGoAfterThreeDays) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  const io::Path folder =
      folder_ + "/postgres/instances/" + to_lower(*cluster("prod")->db_cluster_resource_id) + "/servers/one/log/error/";
  const auto leave = [&](const std::string& name, int64_t hours) {
    ASSERT_TRUE(io::write_file_atomically(folder + name, "LOG: x"));
    const timespec time{(fixture_.clock.now().ms / 1000) - hours * 3600, 0};
    const std::array times = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder + name).c_str(), times.data(), 0), 0);
  };
  leave("postgresql.log.2000-01-01-01", 73);
  leave("postgresql.log.2000-01-04-01", 1);
  leave("postgresql.log.2999-01-01-01", 99);  // the newest may be the one that is written
  fixture_.clock.advance(std::chrono::hours(1));
  disable_key(false);  // the keeper looks at its cluster
  EXPECT_TRUE(eventually([&] { return !*io::exists(folder + "postgresql.log.2000-01-01-01"); }));
  EXPECT_TRUE(*io::exists(folder + "postgresql.log.2000-01-04-01"));
  EXPECT_TRUE(*io::exists(folder + "postgresql.log.2999-01-01-01"));
  remove_all("prod", {"one"});
}

TEST_F(ServiceTest, AFinalSnapshotHasThePreparedTransactions) {
  must(&Service::create_db_cluster_parameter_group,
       api::CreateDBClusterParameterGroupMessage{"xa", "aurora-postgresql13", "d"});
  api::Parameter parameter;
  parameter.parameter_name = "max_prepared_transactions";
  parameter.parameter_value = "5";
  parameter.apply_method = "pending-reboot";
  must(&Service::modify_db_cluster_parameter_group, api::ModifyDBClusterParameterGroupMessage{"xa", {parameter}});
  auto input = cluster_input("prod");
  input.db_cluster_parameter_group_name = "xa";
  must(&Service::create_db_cluster, input);
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  ASSERT_TRUE(sql(*cluster("prod")->endpoint, "BEGIN; CREATE TABLE t(n int); PREPARE TRANSACTION 'x'"));
  must(&Service::delete_db_instance, api::DeleteDBInstanceMessage{.db_instance_identifier = "one"});
  ASSERT_TRUE(eventually([&] { return !instance("one"); }));
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .final_db_snapshot_identifier = "last"});
  EXPECT_TRUE(eventually([&] { return !cluster("prod"); }));
}

TEST_F(ServiceTest, NothingIsLeftOfARestoreThatWasCutShort) {
  close();
  run(leave_backup("left"));
  ASSERT_TRUE(io::make_folders(folder_ + "/postgres/snapshots"));
  ASSERT_TRUE(io::write_file_atomically(folder_ + "/postgres/snapshots/left", "half"));
  open();
  const auto listed = must(&Service::describe_db_cluster_snapshots, api::DescribeDBClusterSnapshotsMessage{});
  EXPECT_THAT(*listed.db_cluster_snapshots, IsEmpty());
  EXPECT_THAT(*io::list_folder(folder_ + "/postgres/snapshots"), IsEmpty());
}

// Else who may not restore the backup would have its data while another does.
TEST_F(ServiceTest, WhatABackupIsRestoredFromIsForThatAlone) {
  run(leave_backup("left", "available"));
  const std::string refused = "InvalidDBClusterSnapshotStateFault";
  EXPECT_EQ(code(&Service::delete_db_cluster_snapshot, api::DeleteDBClusterSnapshotMessage{"awsbackup:1"}), refused);
  api::CopyDBClusterSnapshotMessage copy;
  copy.source_db_cluster_snapshot_identifier = "awsbackup:1";
  copy.target_db_cluster_snapshot_identifier = "copy";
  EXPECT_EQ(code(&Service::copy_db_cluster_snapshot, copy), refused);
  api::RestoreDBClusterFromSnapshotMessage restore;
  restore.db_cluster_identifier = "again";
  restore.snapshot_identifier = "awsbackup:1";
  restore.engine = "aurora-postgresql";
  EXPECT_EQ(code(&Service::restore_db_cluster_from_snapshot, restore), refused);
}

TEST_F(ServiceTest, EncryptedFilesComeAndGoWithTheirKey) {
  auto input = cluster_input("prod");
  input.storage_encrypted = true;
  const auto made = call(&Service::create_db_cluster, input);
  if (!made) {
    EXPECT_THAT(made.error().message, HasSubstr("cannot be encrypted on this machine (fscrypt: "));
    GTEST_SKIP() << "NO ENCRYPTION IS TESTED: " << made.error().message;
  }
  EXPECT_EQ(made->db_cluster->kms_key_id.value_or(""), "arn:aws:kms:us-east-1:000000000000:key/managed");
  for (const auto& tag : *made->db_cluster->tag_list) EXPECT_NE(tag.key.value_or(""), "aws:boreal:storage");
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  const std::string endpoint = *cluster("prod")->endpoint;
  ASSERT_TRUE(sql(endpoint, "CREATE TABLE t AS SELECT generate_series(1, 100) n; SELECT 1"));

  // Ended and begun again: the files were closed, and are opened with the key that the record holds.
  close();
  open();
  ASSERT_TRUE(eventually([&] { return sql(endpoint, "SELECT count(*) FROM t").value_or("") == "100"; }));

  // The key goes while the servers run: they are ended at once, and the files closed. They are not opened before
  // somebody says so, and not without the key.
  disable_key(true);
  ASSERT_TRUE(becomes("prod", status_recoverable));
  EXPECT_EQ(instance("one")->db_instance_status, status_recoverable);
  EXPECT_FALSE(sql(endpoint, "SELECT 1"));
  EXPECT_EQ(code(&Service::create_db_instance, instance_input("two", "prod")), "InvalidDBClusterStateFault");
  EXPECT_EQ(code(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"}), "KMSKeyNotAccessibleFault");
  disable_key(false);
  close();
  open();
  EXPECT_EQ(cluster("prod")->status, status_recoverable);
  must(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"});
  ASSERT_TRUE(becomes_available("one"));
  EXPECT_EQ(sql(endpoint, "SELECT count(*) FROM t").value_or(""), "100");
  ASSERT_TRUE(becomes("prod", "available"));

  // Lost while boreal did not run, and for good once seven days have passed: it can still be deleted.
  close();
  keys_.disabled = true;
  open();
  ASSERT_TRUE(becomes("prod", status_recoverable));
  fixture_.clock.advance(std::chrono::days(7) - std::chrono::minutes(1));
  disable_key(true);  // the keeper looks at its cluster
  EXPECT_EQ(code(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"}), "KMSKeyNotAccessibleFault");
  EXPECT_EQ(cluster("prod")->status, status_recoverable);
  fixture_.clock.advance(std::chrono::minutes(1));
  ASSERT_TRUE(becomes("prod", status_inaccessible));
  ASSERT_TRUE(eventually([&] { return instance("one")->db_instance_status == status_inaccessible; }));
  disable_key(false);
  EXPECT_EQ(code(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"}), "InvalidDBClusterStateFault");
  must(&Service::delete_db_instance, api::DeleteDBInstanceMessage{.db_instance_identifier = "one"});
  ASSERT_TRUE(eventually([&] { return !instance("one"); }));
  EXPECT_EQ(code(&Service::delete_db_cluster,
                 api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .final_db_snapshot_identifier = "last"}),
            "InvalidDBClusterStateFault");
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .skip_final_snapshot = true});
  ASSERT_TRUE(eventually([&] { return !cluster("prod"); }));
  EXPECT_THAT(*io::list_folder(folder_ + "/postgres/instances"), IsEmpty());
}

TEST_F(ServiceTest, AManagedPasswordIsInItsSecretAndRotates) {
  auto input = cluster_input("prod");
  input.manage_master_user_password = true;
  input.master_user_password.reset();
  const auto made = must(&Service::create_db_cluster, input);
  ASSERT_TRUE(made.db_cluster->master_user_secret);
  EXPECT_EQ(made.db_cluster->master_user_secret->secret_status.value_or(""), "creating");
  EXPECT_THAT(made.db_cluster->master_user_secret->secret_arn.value_or(""), HasSubstr(":secret:rds!cluster-"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  const auto password = [&] {
    return run(on_loop([&] {
      const std::string text = secrets_.values.empty() ? "" : secrets_.values.begin()->second;
      const size_t at = text.find("\"password\":\"");
      return at == std::string::npos ? text : text.substr(at + 12, 32);
    }));
  };
  const std::string endpoint = *cluster("prod")->endpoint;
  const std::string first = password();
  ASSERT_TRUE(sql(endpoint, "SELECT 1", first));
  EXPECT_EQ(cluster("prod")->master_user_secret->secret_status.value_or(""), "active");

  api::ModifyDBClusterMessage change{.db_cluster_identifier = "prod"};
  change.rotate_master_user_password = true;
  must(&Service::modify_db_cluster, change);
  ASSERT_TRUE(eventually([&] { return password() != first && sql(endpoint, "SELECT 1", password()).has_value(); }));
  EXPECT_FALSE(sql(endpoint, "SELECT 1", first));
  change.rotate_master_user_password.reset();
  change.master_user_password = "Another-12345";
  EXPECT_EQ(code(&Service::modify_db_cluster, change), "InvalidParameterCombination");
  change.manage_master_user_password = false;
  must(&Service::modify_db_cluster, change);
  ASSERT_TRUE(eventually([&] { return password().empty() && sql(endpoint, "SELECT 1", "Another-12345").has_value(); }));
  EXPECT_FALSE(cluster("prod")->master_user_secret);
  remove_all("prod", {"one"});
}

TEST_F(ServiceTest, RefusesWhatCannotBe) {
  auto input = cluster_input("prod");
  input.engine_version = "99.1";
  EXPECT_EQ(code(&Service::create_db_cluster, input), "InvalidParameterCombination");
  input = cluster_input("prod");
  input.master_user_password = "short";
  EXPECT_EQ(code(&Service::create_db_cluster, input), "InvalidParameterValue");
  input = cluster_input("prod");
  input.manage_master_user_password = true;  // and a password besides
  EXPECT_EQ(code(&Service::create_db_cluster, input), "InvalidParameterCombination");
  input = cluster_input("prod");
  input.enable_local_write_forwarding = true;  // readers that would take writes
  EXPECT_EQ(code(&Service::create_db_cluster, input), "InvalidParameterCombination");
  api::ModifyDBClusterMessage change{.db_cluster_identifier = "prod"};
  change.db_instance_parameter_group_name = "other";
  EXPECT_EQ(code(&Service::modify_db_cluster, change), "InvalidParameterCombination");
  must(&Service::create_db_cluster, cluster_input("prod"));
  keys_.disabled = true;
  EXPECT_EQ(code(&Service::create_db_cluster_snapshot, api::CreateDBClusterSnapshotMessage{"s", "prod"}),
            "KMSKeyNotAccessibleFault");
  keys_.disabled = false;
  EXPECT_EQ(code(&Service::list_tags_for_resource,
                 api::ListTagsForResourceMessage{.resource_name = "arn:aws:rds:us-east-1:000000000000:db:default-1"}),
            "DBInstanceNotFound");
  EXPECT_EQ(code(&Service::create_db_instance, instance_input("one", "nothing")), "DBClusterNotFoundFault");
  api::CreateDBSubnetGroupMessage group{.db_subnet_group_name = "g", .db_subnet_group_description = "d"};
  group.subnet_ids = {"subnet-a"};
  EXPECT_EQ(code(&Service::create_db_subnet_group, group), "DBSubnetGroupDoesNotCoverEnoughAZs");
  group.subnet_ids = {"subnet-a", "subnet-x"};
  EXPECT_EQ(code(&Service::create_db_subnet_group, group), "InvalidSubnet");
}

}  // namespace
}  // namespace boreal::rds
