// The service over real PostgreSQL, with stand-ins for the other services. Only for tests.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "aws/testing.h"
#include "crypto/x509.h"
#include "postgres/connection.h"
#include "rds/service.h"
#include "rds/testing.h"

namespace boreal::rds {

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base ? base : "/tmp") + "/boreal-rds-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::chmod(folder_.c_str(), 0755);
    auto authority = crypto::make_authority("test", {Time{0}, Time{4'000'000'000'000}}, random_);
    ASSERT_TRUE(authority);
    ASSERT_TRUE(io::write_file_atomically(folder_ + "/ca.pem", authority->certificate_pem, 0644));
    ASSERT_TRUE(io::write_file_atomically(folder_ + "/ca.key", authority->private_key_pem.text()));
    thread_ = std::thread([this] { fixture_.context().loop.run(); });
    open();
  }
  void TearDown() override {
    if (service_) close();
    fixture_.context().loop.stop();
    thread_.join();
    (void)io::remove_tree(folder_);
  }

  void open(bool allow_unencrypted = false) {
    Options options;
    options.folder = folder_ + "/postgres";
    options.engine_map = {{13, 15}};
    options.allow_unencrypted_storage = allow_unencrypted;
    options.warm_pool = 1;
    options.authority_certificate = folder_ + "/ca.pem";
    options.authority_key = folder_ + "/ca.key";
    service_ = std::make_unique<Service>(fixture_.context(), options, keys_, keys_, network_, roles_, secrets_);
    const auto started = run(service_->start());
    ASSERT_TRUE(started) << started.error().message();
  }
  void close() {
    run(service_->stop());
    service_.reset();
  }

  template <class T>
  T run(Task<T> task) {
    std::promise<T> promise;
    fixture_.context().loop.post(
        [&] { spawn(std::move(task), [&](T value) { promise.set_value(std::move(value)); }); });
    return promise.get_future().get();
  }
  void run(Task<void> task) {
    std::promise<void> promise;
    fixture_.context().loop.post([&] { spawn(std::move(task), [&] { promise.set_value(); }); });
    promise.get_future().get();
  }
  void let_in(std::vector<aws::Network::IngressRule> rules) {
    std::promise<void> promise;
    fixture_.context().loop.post([&] {
      network_.rules = std::move(rules);
      network_.changed("000000000000", "us-east-1", "sg-1");
      promise.set_value();
    });
    promise.get_future().get();
  }
  // The key's state changes, and the service is told.
  void disable_key(bool disabled) {
    std::promise<void> promise;
    fixture_.context().loop.post([&] {
      keys_.disabled = disabled;
      keys_.changed("arn:aws:kms:us-east-1:000000000000:key/managed");
      promise.set_value();
    });
    promise.get_future().get();
  }
  bool becomes(const std::string& cluster_id, const std::string& status) {
    return eventually([&] { return cluster(cluster_id)->status == status; });
  }
  template <class F>
  static Task<std::invoke_result_t<F>> on_loop(F f) {
    co_return f();
  }
  void pass(Duration time) { run(fixture_.context().loop.sleep(time)); }

  template <class In, class Out>
  aws::Outcome<Out> call(Task<aws::Outcome<Out>> (Service::*method)(aws::Call&, In), In input) {
    Service* service = service_.get();
    return run(fixture_.with_call(*service_, "DescribeDBClusters",
                                  [service, method, input](aws::Call& c) { return (service->*method)(c, input); }));
  }
  template <class In, class Out>
  Out must(Task<aws::Outcome<Out>> (Service::*method)(aws::Call&, In), In input) {
    auto result = call(method, std::move(input));
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().message);
    return std::move(*result);
  }
  template <class In, class Out>
  std::string code(Task<aws::Outcome<Out>> (Service::*method)(aws::Call&, In), In input) {
    auto result = call(method, std::move(input));
    return result ? "none" : result.error().code;
  }

  api::CreateDBClusterMessage cluster_input(std::string id) const {
    api::CreateDBClusterMessage in;
    in.db_cluster_identifier = std::move(id);
    in.engine = "aurora-postgresql";
    in.engine_version = "13.7";
    in.master_username = "postgres";
    in.master_user_password = "ChangeMe-12345";
    in.database_name = "shop";
    return in;
  }
  api::CreateDBInstanceMessage instance_input(std::string id, std::string cluster) const {
    api::CreateDBInstanceMessage in;
    in.db_instance_identifier = std::move(id);
    in.db_cluster_identifier = std::move(cluster);
    in.db_instance_class = "db.t3.medium";
    in.engine = "aurora-postgresql";
    return in;
  }
  std::optional<api::DBInstance> instance(const std::string& id) {
    auto found = call(&Service::describe_db_instances, api::DescribeDBInstancesMessage{.db_instance_identifier = id});
    if (!found) return std::nullopt;
    return found->db_instances->front();
  }
  std::optional<api::DBCluster> cluster(const std::string& id) {
    auto found = call(&Service::describe_db_clusters, api::DescribeDBClustersMessage{.db_cluster_identifier = id});
    if (!found) return std::nullopt;
    return found->db_clusters->front();
  }
  template <class F>
  bool eventually(F holds, Duration time = std::chrono::minutes(3)) {
    const int64_t end_ns = monotonic_ns() + time.count() * 1'000'000;
    while (monotonic_ns() < end_ns) {
      if (holds()) return true;
      pass(Duration(50));
    }
    return false;
  }
  bool becomes_available(const std::string& id) {
    return eventually([&] {
      const auto found = instance(id);
      return found && found->db_instance_status == "available";
    });
  }
  Result<std::string> sql(const std::string& host, std::string text, std::string password = "ChangeMe-12345") {
    return run(ask(host, std::move(text), std::move(password)));
  }
  Task<Result<std::string>> ask(std::string host, std::string text, std::string password) {
    CO_TRY(auto connection, co_await postgres::Connection::open(fixture_.context().loop, {{"hostaddr", host},
                                                                                          {"port", "5432"},
                                                                                          {"user", "postgres"},
                                                                                          {"dbname", "shop"},
                                                                                          {"sslmode", "require"},
                                                                                          {"password", password}}));
    CO_TRY(const auto rows, co_await connection->query(std::move(text)));
    co_return rows.scalar();
  }
  // The record of an instance that nothing was done for yet.
  Task<void> begin_reader(std::string like, std::string id) {
    const Place place{"000000000000", "us-east-1"};
    auto tx = co_await fixture_.context().catalog.begin(place.partition());
    InstanceRecord reader = **load<InstanceRecord>(tx, InstanceRecord::key(like));
    reader.id = id;
    reader.slot = 1;
    reader.placed = false;
    reader.status = "creating";
    save(tx, reader);
    EXPECT_TRUE(co_await tx.commit());
  }
  // What a restore of a backup has written down before it wrote the file.
  Task<void> leave_backup(std::string file, std::string status = "creating") {
    const Place place{"000000000000", "us-east-1"};
    auto tx = co_await fixture_.context().catalog.begin(place.partition());
    save(tx, SnapshotRecord{.id = "awsbackup:1", .type = restored_backup, .status = status, .file = file});
    EXPECT_TRUE(co_await tx.commit());
  }
  void remove_all(const std::string& cluster_id, const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
      must(&Service::delete_db_instance, api::DeleteDBInstanceMessage{.db_instance_identifier = id});
    }
    EXPECT_TRUE(eventually([&] { return !instance(ids.front()) && !instance(ids.back()); }));
    must(&Service::delete_db_cluster,
         api::DeleteDBClusterMessage{.db_cluster_identifier = cluster_id, .skip_final_snapshot = true});
    EXPECT_TRUE(eventually([&] { return !cluster(cluster_id); }));
  }

  aws::CallFixture fixture_;
  SystemRandom random_;
  std::string folder_;
  TestKeys keys_;
  TestNetwork network_;
  TestRoles roles_;
  TestSecrets secrets_;
  std::unique_ptr<Service> service_;
  std::thread thread_;
};

}  // namespace boreal::rds
