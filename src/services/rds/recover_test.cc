// Clusters as AWS Backup knows them.
#include <atomic>

#include "aws/wire/testing.h"
#include "rds/test_bed.h"

namespace boreal::rds {
namespace {

using ::testing::IsEmpty;

// Ends once it is let go.
class HeldSource final : public Source {
 public:
  HeldSource(net::Loop& loop, std::atomic<bool>& reached, const std::atomic<bool>& let_go)
      : loop_(loop), reached_(reached), let_go_(let_go) {}
  Task<Result<size_t>> read(MutableBytes) override {
    reached_ = true;
    while (!let_go_) co_await loop_.sleep(Duration(1));
    co_return size_t{0};
  }

 private:
  net::Loop& loop_;
  std::atomic<bool>& reached_;
  const std::atomic<bool>& let_go_;
};

TEST_F(ServiceTest, NothingIsLeftOfARestoreWhoseNameIsTakenMeanwhile) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  const auto before = run(on_loop([&] {
    return load<ClusterRecord>(fixture_.catalog(), Place{"000000000000", "us-east-1"}, ClusterRecord::key("prod"));
  }));
  ASSERT_TRUE(before && *before);
  std::atomic<bool> reached = false;
  std::atomic<bool> let_go = false;
  std::promise<aws::Outcome<std::string>> restored;
  fixture_.context().loop.post([&] {
    auto data = std::make_unique<HeldSource>(fixture_.context().loop, reached, let_go);
    auto task = service_->restore(nullptr, "000000000000", "us-east-1",
                                  {{"DBClusterIdentifier", "taken"}, {"boreal:cluster", store::encode(**before)}},
                                  std::move(data));
    spawn(std::move(task), [&](aws::Outcome<std::string> outcome) { restored.set_value(std::move(outcome)); });
  });
  ASSERT_TRUE(eventually([&] { return reached.load(); }));
  must(&Service::create_db_cluster, cluster_input("taken"));
  let_go = true;
  const auto outcome = restored.get_future().get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "DBClusterAlreadyExistsFault");
  const auto listed = must(&Service::describe_db_cluster_snapshots, api::DescribeDBClusterSnapshotsMessage{});
  EXPECT_THAT(*listed.db_cluster_snapshots, IsEmpty());
  EXPECT_THAT(*io::list_folder(folder_ + "/postgres/snapshots"), IsEmpty());
  EXPECT_TRUE(becomes("taken", "available"));
}

TEST_F(ServiceTest, ARestoreIsEncryptedInTheNameOfItsRole) {
  close();
  open(true);
  must(&Service::create_db_cluster, cluster_input("prod"));
  auto record = run(on_loop([&] {
    return load<ClusterRecord>(fixture_.catalog(), Place{"000000000000", "us-east-1"}, ClusterRecord::key("prod"));
  }));
  ASSERT_TRUE(record && *record);
  (*record)->storage_encrypted = true;
  (*record)->key_arn = "arn:aws:kms:us-east-1:000000000000:key/1";
  keys_.closed_to_roles = true;
  const aws::Caller role = fixture_.gate().service("backup");
  const auto outcome =
      run(service_->restore(aws::Asker(fixture_.gate(), role, "rds"), "000000000000", "us-east-1",
                            {{"DBClusterIdentifier", "copy"}, {"boreal:cluster", store::encode(**record)}},
                            std::make_unique<aws::wire::TextSource>("data")));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "KMSKeyNotAccessibleFault");
  EXPECT_FALSE(cluster("copy"));
}

TEST_F(ServiceTest, OneMadeAnewUnderItsNameIsNotTheClusterToBackUp) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  ASSERT_TRUE(becomes("prod", "available"));
  auto judged = run(service_->find("000000000000", "us-east-1", "prod"));
  ASSERT_TRUE(judged && *judged);
  EXPECT_EQ((*judged)->id, cluster("prod")->db_cluster_resource_id);
  (*judged)->id = "cluster-before";
  const auto outcome = run(service_->back_up(nullptr, "000000000000", "us-east-1", **judged));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "DBClusterNotFoundFault");
}

TEST_F(ServiceTest, ARestoredClusterHasNeitherTheTagsNorTheMonitoringOfItsSource) {
  auto input = cluster_input("prod");
  input.tags = std::vector<api::Tag>{{.key = "team", .value = "eve"}};
  must(&Service::create_db_cluster, input);
  auto record = run(on_loop([&] {
    return load<ClusterRecord>(fixture_.catalog(), Place{"000000000000", "us-east-1"}, ClusterRecord::key("prod"));
  }));
  ASSERT_TRUE(record && *record);
  (*record)->served_major = 99;  // not here, so it waits
  (*record)->monitoring_interval_s = 60;
  (*record)->monitoring_role_arn = "arn:aws:iam::000000000000:role/monitor";
  const std::map<std::string, std::string> metadata = {{"DBClusterIdentifier", "copy"},
                                                       {"boreal:cluster", store::encode(**record)}};
  std::promise<void> ended;
  fixture_.context().loop.post([&] {
    spawn(service_->restore(nullptr, "000000000000", "us-east-1", metadata,
                            std::make_unique<aws::wire::TextSource>("data")),
          [&](aws::Outcome<std::string>) { ended.set_value(); });
  });
  ASSERT_TRUE(eventually([&] { return cluster("copy").has_value(); }));
  const auto copy = *cluster("copy");
  fixture_.context().loop.post([&] { service_->begin_stop(); });
  ended.get_future().get();
  for (const auto& tag : copy.tag_list.value_or(std::vector<api::Tag>())) EXPECT_NE(tag.key, "team");
  EXPECT_EQ(copy.monitoring_interval.value_or(0), 0);
  EXPECT_FALSE(copy.monitoring_role_arn);
}

// Who waits for a restore is stopped before us.
TEST_F(ServiceTest, ARestoreIsWaitedForUntilTheServerEnds) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  auto record = run(on_loop([&] {
    return load<ClusterRecord>(fixture_.catalog(), Place{"000000000000", "us-east-1"}, ClusterRecord::key("prod"));
  }));
  ASSERT_TRUE(record && *record);
  (*record)->served_major = 99;  // not here, so it waits
  const std::map<std::string, std::string> metadata = {{"DBClusterIdentifier", "copy"},
                                                       {"boreal:cluster", store::encode(**record)}};
  std::promise<aws::Outcome<std::string>> restored;
  fixture_.context().loop.post([&] {
    spawn(service_->restore(nullptr, "000000000000", "us-east-1", metadata,
                            std::make_unique<aws::wire::TextSource>("data")),
          [&](aws::Outcome<std::string> outcome) { restored.set_value(std::move(outcome)); });
  });
  ASSERT_TRUE(eventually([&] { return cluster("copy").has_value(); }));
  auto outcome = restored.get_future();
  EXPECT_EQ(outcome.wait_for(Duration(100)), std::future_status::timeout);
  fixture_.context().loop.post([&] { service_->begin_stop(); });
  ASSERT_EQ(outcome.wait_for(Duration(30'000)), std::future_status::ready);
  EXPECT_FALSE(outcome.get());
}

}  // namespace
}  // namespace boreal::rds
