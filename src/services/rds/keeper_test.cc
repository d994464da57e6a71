// What a keeper does when something is not as it should be.
#include "rds/keeper.h"

#include <csignal>

#include "base/text.h"
#include "rds/test_bed.h"

namespace boreal::rds {
namespace {

class KeeperTest : public ServiceTest {
 protected:
  // A cluster "prod" of a writer "one" and a reader "two".
  void make_pair() {
    must(&Service::create_db_cluster, cluster_input("prod"));
    must(&Service::create_db_instance, instance_input("one", "prod"));
    must(&Service::create_db_instance, instance_input("two", "prod"));
    ASSERT_TRUE(becomes_available("one"));
    ASSERT_TRUE(becomes_available("two"));
  }
  // Has all keepers look.
  void wake() { let_in(network_.rules); }
  Task<void> change_cluster(std::string id, std::function<void(ClusterRecord&)> change) {
    auto tx = co_await fixture_.context().catalog.begin(Place{"000000000000", "us-east-1"}.partition());
    ClusterRecord record = **load<ClusterRecord>(tx, ClusterRecord::key(id));
    change(record);
    save(tx, record);
    EXPECT_TRUE(co_await tx.commit());
  }
  std::string files_of(const std::string& cluster_id) {
    return folder_ + "/postgres/instances/" + to_lower(*cluster(cluster_id)->db_cluster_resource_id);
  }
  pid_t pid_of(const std::string& cluster_id, const std::string& instance_id) {
    return std::stoi(io::read_file(files_of(cluster_id) + "/servers/" + instance_id + "/data/postmaster.pid").value());
  }
  // The process that replays what a reader receives.
  static pid_t replaying_in(const std::string& data) {
    const auto names = io::list_folder("/proc");
    for (const auto& name : names.value()) {
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::string folder(4096, '\0');
      const ssize_t length = ::readlink(("/proc/" + name + "/cwd").c_str(), folder.data(), folder.size());
      const auto title = io::read_file("/proc/" + name + "/cmdline", 64 << 10).value_or("");
      if (length > 0 && folder.substr(0, static_cast<size_t>(length)) == data && title.starts_with("postgres: startup"))
        return std::stoi(name);
    }
    return 0;
  }
  Task<void> change_instance(std::string id, std::function<void(InstanceRecord&)> change) {
    auto tx = co_await fixture_.context().catalog.begin(Place{"000000000000", "us-east-1"}.partition());
    InstanceRecord record = **load<InstanceRecord>(tx, InstanceRecord::key(id));
    change(record);
    save(tx, record);
    EXPECT_TRUE(co_await tx.commit());
  }
  // Whether the keeper does what it is told.
  bool sets_password(const std::string& id) {
    must(&Service::modify_db_cluster,
         api::ModifyDBClusterMessage{.db_cluster_identifier = id, .master_user_password = "Another-12345"});
    const std::string endpoint = *cluster(id)->endpoint;
    return eventually([&] { return sql(endpoint, "SELECT 1", "Another-12345").has_value(); });
  }
  Task<void> begin_deletion(std::string id, std::string final_snapshot) {
    auto tx = co_await fixture_.context().catalog.begin(Place{"000000000000", "us-east-1"}.partition());
    ClusterRecord record = **load<ClusterRecord>(tx, ClusterRecord::key(id));
    save(tx,
         SnapshotRecord{
             .id = final_snapshot, .status = "creating", .cluster_resource_id = record.resource_id, .cluster = record});
    record.status = "deleting";
    record.final_snapshot = final_snapshot;
    save(tx, record);
    EXPECT_TRUE(co_await tx.commit());
  }
};

TEST_F(KeeperTest, WhoeverWakesItWhileItFailsBeginsNoRowOfTriesOfHisOwn) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  network_.full = true;
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  for (int n = 0; n < 8; ++n) {  // so that it then waits for long
    const int before = network_.refused;
    wake();
    ASSERT_TRUE(eventually([&] { return network_.refused > before; }));
  }
  pass(Duration(200));
  const int tries = network_.refused;
  pass(Duration(5'000));
  EXPECT_EQ(network_.refused, tries);
  network_.full = false;
  wake();
  EXPECT_TRUE(eventually([&] { return run(on_loop([&] { return network_.attached.contains("rds:one"); })); }));
  remove_all("prod", {"one"});
}

// As when the machine goes down while a cluster stops in which a reader is being made.
TEST_F(KeeperTest, AClusterStopsAlsoWithAReaderThatIsNotMadeYet) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  close();
  run(begin_reader("one", "two"));
  run(change_cluster("prod", [](ClusterRecord& cluster) {
    cluster.status = "stopping";
    cluster.stopped = true;
  }));
  open();
  ASSERT_TRUE(becomes("prod", "stopped"));
  must(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"});
  ASSERT_TRUE(becomes_available("two"));
  remove_all("prod", {"one", "two"});
}

TEST_F(KeeperTest, ARestoreIsNotGivenUpSinceOthersHaveItTriedAgain) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  ASSERT_TRUE(becomes("prod", "available"));
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .final_db_snapshot_identifier = "last"});
  ASSERT_TRUE(eventually([&] { return !cluster("prod"); }));
  api::RestoreDBClusterFromSnapshotMessage restore;
  restore.db_cluster_identifier = "again";
  restore.snapshot_identifier = "last";
  restore.engine = "aurora-postgresql";
  must(&Service::restore_db_cluster_from_snapshot, restore);
  disable_key(true);
  for (int n = 0; n < 20; ++n) {
    wake();
    pass(Duration(200));
  }
  EXPECT_EQ(cluster("again")->status, "creating");
  disable_key(false);
  EXPECT_TRUE(becomes("again", "available"));
}

// What was to be kept of it would be lost with it.
TEST_F(KeeperTest, AClusterWhoseFinalSnapshotNeedsALostKeyIsNotDeleted) {
  auto input = cluster_input("prod");
  input.storage_encrypted = true;
  if (const auto made = call(&Service::create_db_cluster, input); !made) {
    GTEST_SKIP() << "NO ENCRYPTION IS TESTED: " << made.error().message;
  }
  ASSERT_TRUE(becomes("prod", "available"));
  close();
  run(begin_deletion("prod", "last"));
  keys_.disabled = true;
  open();
  ASSERT_TRUE(becomes("prod", status_recoverable));
  ASSERT_TRUE(eventually([&] {
    return must(&Service::describe_db_cluster_snapshots, api::DescribeDBClusterSnapshotsMessage{})
               .db_cluster_snapshots->front()
               .status == "failed";
  }));
  disable_key(false);
  must(&Service::start_db_cluster, api::StartDBClusterMessage{"prod"});
  ASSERT_TRUE(becomes("prod", "available"));
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .skip_final_snapshot = true});
  EXPECT_TRUE(eventually([&] { return !cluster("prod"); }));
}

// It would be told as deleting for ever, and could not be deleted in another way.
TEST_F(KeeperTest, AFinalSnapshotThatNeedsALostKeyGivesTheDeletionUpAlsoOfOpenFiles) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  ASSERT_TRUE(becomes("prod", "available"));
  close();
  run(begin_deletion("prod", "last"));
  keys_.disabled = true;
  open();
  ASSERT_TRUE(becomes("prod", "available"));
  ASSERT_TRUE(eventually([&] {
    return must(&Service::describe_db_cluster_snapshots, api::DescribeDBClusterSnapshotsMessage{})
               .db_cluster_snapshots->front()
               .status == "failed";
  }));
  EXPECT_EQ(cluster("prod")->status, "available");
  disable_key(false);
  must(&Service::delete_db_cluster,
       api::DeleteDBClusterMessage{.db_cluster_identifier = "prod", .skip_final_snapshot = true});
  EXPECT_TRUE(eventually([&] { return !cluster("prod"); }));
}

// Also one that a server of the service's own once had: its cluster was told as one without a writer.
TEST_F(KeeperTest, AWriterMayHaveAnyName) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  must(&Service::create_db_instance, instance_input("volume", "prod"));
  ASSERT_TRUE(becomes_available("volume"));
  ASSERT_TRUE(becomes("prod", "available"));
  EXPECT_EQ(cluster("prod")->db_cluster_members->front().is_cluster_writer, true);
  remove_all("prod", {"volume"});
}

TEST_F(KeeperTest, ALostWriterIsReplacedByAReaderOfTheLowestTier) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  for (const auto& [id, tier] : {std::pair("a", 1), std::pair("b", 9), std::pair("c", 0)}) {
    auto input = instance_input(id, "prod");
    input.promotion_tier = tier;
    must(&Service::create_db_instance, input);
    ASSERT_TRUE(becomes_available(id));
  }
  ASSERT_TRUE(eventually([&] {
    const auto state = io::read_file(files_of("prod") + "/state").value_or("");
    return state.contains("safe b\n") && state.contains("safe c\n");
  }));
  ::kill(pid_of("prod", "a"), SIGKILL);
  std::string writer = "a";
  ASSERT_TRUE(eventually([&] {
    const auto seen = cluster("prod");
    for (const auto& member : *seen->db_cluster_members) {
      if (member.is_cluster_writer == true) writer = member.db_instance_identifier.value_or("");
    }
    return writer != "a";
  }));
  EXPECT_EQ(writer, "c");
  ASSERT_TRUE(becomes_available("a"));
  remove_all("prod", {"a", "b", "c"});
}

// It may have much to replay, and shows less than its clients have written.
TEST_F(KeeperTest, AReaderIsNoWriterBeforeItIsPromoted) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string files = files_of("prod");
  const auto state = [&] { return io::read_file(files + "/state").value_or(""); };
  ASSERT_TRUE(eventually([&] { return state().contains("safe two\n"); }));
  const std::string endpoint = *cluster("prod")->endpoint;
  const pid_t replaying = replaying_in(files + "/servers/two/data");
  ASSERT_GT(replaying, 0);
  ::kill(replaying, SIGSTOP);
  ::kill(pid_of("prod", "one"), SIGKILL);
  EXPECT_TRUE(eventually([&] { return state().contains("primary two\n"); }));
  // What the second look writes comes after all that the first one does.
  for (const std::string network : {"10.8.0.0/16", "10.9.0.0/16"}) {
    auto rules = network_.rules;
    rules.push_back({.protocol = "tcp", .from_port = 5432, .to_port = 5432, .cidr = network});
    let_in(std::move(rules));
    EXPECT_TRUE(eventually(
        [&] { return io::read_file(files + "/servers/two/conf/pg_hba.conf").value_or("").contains(network); }));
  }
  const auto answer = sql(endpoint, "SELECT pg_is_in_recovery()");
  const auto found = run(service_->find("000000000000", "us-east-1", "prod"));
  ASSERT_TRUE(found && *found);
  auto backup = run(service_->back_up(nullptr, "000000000000", "us-east-1", **found));
  ::kill(replaying, SIGCONT);
  EXPECT_FALSE(answer) << "in recovery: " << *answer;
  EXPECT_FALSE(backup) << "a copy would have less than its clients have written";
  if (backup) run(on_loop([&] { backup->data.reset(); }));
  EXPECT_TRUE(eventually([&] { return sql(endpoint, "CREATE TABLE IF NOT EXISTS t()").has_value(); }));
  remove_all("prod", {"one", "two"});
}

// As when we are killed once roles are swapped: they would be swapped back.
TEST_F(KeeperTest, AFailoverTakesPlaceOnce) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(becomes("prod", "available"));
  must(&Service::failover_db_cluster, api::FailoverDBClusterMessage{.db_cluster_identifier = "prod"});
  ASSERT_TRUE(becomes("prod", "available"));
  close();
  run(change_cluster("prod", [](ClusterRecord& record) {
    EXPECT_EQ(record.writer, "two");
    record.writer = "one";
    record.failover_to = "?";
  }));
  open();
  ASSERT_TRUE(becomes("prod", "available"));
  EXPECT_TRUE(io::read_file(files_of("prod") + "/state").value_or("").contains("primary two\n"));
  remove_all("prod", {"one", "two"});
}

// As when we are killed after the writer was lost, while a snapshot keeps us from noting that a new reader is made.
TEST_F(KeeperTest, AReaderThatTookOverBeforeItWasNotedIsTheWriter) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string files = files_of("prod");
  ASSERT_TRUE(eventually([&] { return io::read_file(files + "/state").value_or("").contains("safe two\n"); }));
  ::kill(pid_of("prod", "one"), SIGKILL);
  const std::string endpoint = *cluster("prod")->endpoint;
  ASSERT_TRUE(eventually([&] { return sql(endpoint, "CREATE TABLE t AS SELECT 7 AS n").has_value(); }));
  ASSERT_TRUE(becomes_available("one"));
  close();
  ASSERT_EQ(io::read_file(files + "/state").value_or("").substr(0, 12), "primary two\n");
  run(change_instance("two", [](InstanceRecord& record) {
    record.placed = false;
    record.status = "creating";
  }));
  open();
  EXPECT_TRUE(becomes_available("two"));
  EXPECT_TRUE(becomes_available("one"));
  EXPECT_EQ(sql(endpoint, "SELECT n FROM t").value_or("nothing"), "7");
  remove_all("prod", {"one", "two"});
}

TEST_F(KeeperTest, AReaderThatCannotBeRebootedHoldsUpNothingElse) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string control = files_of("prod") + "/servers/two/data/global/pg_control";
  close();
  ASSERT_TRUE(io::remove_file(control));
  run(change_instance("two", [](InstanceRecord& record) {
    record.reboot = true;
    record.status = "rebooting";
  }));
  open();
  const std::string endpoint = *cluster("prod")->endpoint;
  ASSERT_TRUE(eventually([&] { return sql(endpoint, "SELECT 1").has_value(); }));
  ASSERT_TRUE(becomes("prod", "available"));
  EXPECT_TRUE(sets_password("prod"));
  remove_all("prod", {"one", "two"});
}

// As on a full disk: the writer is stopped, and the new roles cannot be written down.
TEST_F(KeeperTest, AFailoverThatFailsLeavesNoClusterWithoutAWriter) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(becomes("prod", "available"));
  const std::string state = files_of("prod") + "/state";
  ASSERT_TRUE(eventually([&] { return io::read_file(state).value_or("").contains("safe two\n"); }));
  ASSERT_TRUE(io::make_folders(state + ".new"));
  must(&Service::failover_db_cluster, api::FailoverDBClusterMessage{.db_cluster_identifier = "prod"});
  ASSERT_TRUE(becomes("prod", "available"));
  ASSERT_TRUE(io::remove_tree(state + ".new"));
  const std::string endpoint = *cluster("prod")->endpoint;
  EXPECT_TRUE(eventually([&] { return sql(endpoint, "CREATE TABLE IF NOT EXISTS t()").has_value(); }));
  remove_all("prod", {"one", "two"});
}

// A backup may take hours.
TEST_F(KeeperTest, AnInstanceThatIsToGoAfterACopyHoldsUpNothingElse) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto found = run(service_->find("000000000000", "us-east-1", "prod"));
  ASSERT_TRUE(found && *found);
  auto backup = run(service_->back_up(nullptr, "000000000000", "us-east-1", **found));
  ASSERT_TRUE(backup) << backup.error().message;
  must(&Service::delete_db_instance, api::DeleteDBInstanceMessage{.db_instance_identifier = "two"});
  EXPECT_TRUE(sets_password("prod"));
  EXPECT_TRUE(instance("two"));
  run(on_loop([&] { backup->data.reset(); }));
  EXPECT_TRUE(eventually([&] { return !instance("two"); }));
  remove_all("prod", {"one"});
}

// Each has a minute to end.
TEST_F(KeeperTest, AClusterThatHangsHoldsUpNoOthersEnd) {
  std::map<std::string, pid_t> servers;  // by the order in which clusters are kept
  for (const std::string id : {"one", "two"}) {
    must(&Service::create_db_cluster, cluster_input(id));
    must(&Service::create_db_instance, instance_input(id + "-1", id));
    ASSERT_TRUE(becomes_available(id + "-1"));
    servers[*cluster(id)->db_cluster_resource_id] = pid_of(id, id + "-1");
  }
  const pid_t hangs = servers.begin()->second;
  const pid_t other = servers.rbegin()->second;
  ::kill(hangs, SIGSTOP);
  auto closed = std::async(std::launch::async, [this] { close(); });
  for (int tries = 0; tries < 3'000 && ::kill(other, 0) == 0; ++tries) ::usleep(10'000);
  EXPECT_NE(::kill(other, 0), 0) << "it waits for the one that hangs";
  ::kill(hangs, SIGCONT);
  closed.get();
  open();
  remove_all("one", {"one-1"});
  remove_all("two", {"two-1"});
}

// A second one would be forgotten with the first.
TEST_F(KeeperTest, AFailoverIsToldAsOneUntilItIsOver) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(becomes("prod", "available"));
  api::FailoverDBClusterMessage input{.db_cluster_identifier = "prod"};
  EXPECT_EQ(must(&Service::failover_db_cluster, input).db_cluster->status, "failing-over");
  EXPECT_EQ(code(&Service::failover_db_cluster, input), "InvalidDBClusterStateFault");
  std::optional<api::DBCluster> seen;
  ASSERT_TRUE(eventually([&] {
    seen = cluster("prod");
    return seen->status == "available";
  }));
  for (const auto& member : *seen->db_cluster_members) {
    EXPECT_EQ(member.is_cluster_writer, member.db_instance_identifier == "two");
  }
  remove_all("prod", {"one", "two"});
}

// Its data is good, and would be removed for a copy that has no room either.
TEST(ReaderThatDoesNotStart, LacksWhatItSaidLast) {
  const auto lacks = [](std::string said) { return lacks_of_machine(Error(Errc::unavailable, "it ended: " + said)); };
  const std::string at = "2026-01-31 12:00:00 UTC::@:[77]:";
  EXPECT_TRUE(lacks(at + "FATAL:  could not create any TCP/IP sockets"));
  EXPECT_TRUE(lacks(at + "PANIC:  could not write to file \"pg_wal/xlogtemp.77\": No space left on device"));
  EXPECT_TRUE(lacks_of_machine(Error(Errc::no_space, "write server.conf")));
  EXPECT_FALSE(lacks(at + "PANIC:  could not locate a valid checkpoint record"));
  EXPECT_FALSE(lacks(at + "FATAL:  could not create any TCP/IP sockets\n" + at +
                     "PANIC:  could not read file \"global/pg_control\": read 0 of 8192"));
}

}  // namespace
}  // namespace boreal::rds
