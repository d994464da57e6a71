#include "cli/tier.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/terminal.h"
#include "base/text.h"
#include "cli/admin_client.h"
#include "cli/api_client.h"
#include "cli/terminal.h"
#include "net/loop.h"

namespace boreal::cli {

namespace {

using json::Value;
using Object = Value::Object;

constexpr const char* ec2 = "2016-11-15";
constexpr const char* iam = "2010-05-08";
constexpr const char* rds = "2014-10-31";

Task<void> wait_and_stop(net::Loop& loop, Duration time) {
  co_await loop.sleep(time);
  loop.stop();
}

void wait_a_moment() {
  net::Loop loop;
  spawn(wait_and_stop(loop, Duration(100)));
  loop.run();
}

// Stands the tier up step by step; each step makes its resource or finds it already there.
class Tier {
 public:
  Tier(ApiClient client, TierOptions options) : api_(std::move(client)), options_(std::move(options)) {}

  Result<void> up() {
    CHECK(step("account", &Tier::find_account));
    CHECK(step("network", &Tier::make_network));
    CHECK(step("database secret", &Tier::make_secret));
    CHECK(step("parameter groups", &Tier::make_parameter_groups));
    CHECK(step("roles", &Tier::make_roles));
    CHECK(step("cluster, writer and reader", &Tier::make_cluster));
    CHECK(step("buckets", &Tier::make_buckets));
    CHECK(step("backup vault and plan", &Tier::make_backup));
    CHECK(step("database accepts connections", &Tier::wait_for_cluster));
    CHECK(step("DMS instance, endpoints and task", &Tier::make_dms));
    return {};
  }

  void print() const {
    if (options_.format == "json") {
      Object object;
      for (const auto& [name, value] : outputs_) object.push_back({name, Value(value)});
      fmt::print("{}\n", json::write(Value(std::move(object))));
      return;
    }
    fmt::print("\n");
    for (const auto& [name, value] : outputs_) fmt::print("{:<20} = \"{}\"\n", name, plain(value));
  }

 private:
  Result<void> step(std::string_view what, Result<void> (Tier::*make)()) {
    const bool quiet = options_.format == "json";
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    if (!quiet && terminal) {
      fmt::print("  … {}", what);
      std::fflush(stdout);
    }
    const int64_t began_ns = monotonic_ns();
    auto made = (this->*make)();
    if (!made) {
      if (!quiet && terminal) fmt::print("\n");
      return std::unexpected(std::move(made).error().within(what));
    }
    if (!quiet)
      fmt::print("{}  {} {:<34}{:>8}\n", terminal ? "\r" : "",
                 !terminal                     ? "ok"
                 : shows_colour(STDOUT_FILENO) ? "\x1b[32m✓\x1b[0m"
                                               : "✓",
                 what, format_duration(Duration((monotonic_ns() - began_ns) / 1'000'000)));
    return {};
  }

  // The answer; an error code in `kept` says that it was there already, which is as good.
  Result<ApiAnswer> expect(Result<ApiAnswer> answer, std::initializer_list<std::string_view> kept = {}) {
    if (!answer || answer->ok()) return answer;
    for (const auto code : kept) {
      if (answer->error_code == code) return answer;
    }
    return fail(Errc::conflict, fmt::format("{}: {} ({})", answer->error_code, answer->error_message, answer->status));
  }

  std::string name(std::string_view suffix) const { return fmt::format("{}-{}", options_.environment, suffix); }

  Result<void> find_account() {
    TRY(const auto answer, expect(api_.query("sts", "2011-06-15", "GetCallerIdentity", {})));
    account_ = answer.find("Account");
    return {};
  }

  Result<void> make_network() {
    TRY(const auto found, expect(api_.query("ec2", ec2, "DescribeVpcs",
                                            {{"Filter.1.Name", "tag:Name"}, {"Filter.1.Value.1", name("vpc")}})));
    vpc_ = found.find("vpcId");
    if (vpc_.empty()) {
      TRY(const auto made, expect(api_.query("ec2", ec2, "CreateVpc",
                                             {{"CidrBlock", "10.0.0.0/16"},
                                              {"TagSpecification.1.ResourceType", "vpc"},
                                              {"TagSpecification.1.Tag.1.Key", "Name"},
                                              {"TagSpecification.1.Tag.1.Value", name("vpc")}})));
      vpc_ = made.find("vpcId");
    }
    for (int zone = 0; zone < 2; ++zone) CHECK(make_subnet(zone));
    TRY(const auto group, expect(api_.query("ec2", ec2, "DescribeSecurityGroups",
                                            {{"Filter.1.Name", "vpc-id"},
                                             {"Filter.1.Value.1", vpc_},
                                             {"Filter.2.Name", "group-name"},
                                             {"Filter.2.Value.1", name("data")}})));
    group_ = group.find("groupId");
    if (group_.empty()) {
      TRY(const auto made, expect(api_.query("ec2", ec2, "CreateSecurityGroup",
                                             {{"GroupName", name("data")},
                                              {"GroupDescription", "PostgreSQL from the application tier"},
                                              {"VpcId", vpc_}})));
      group_ = made.find("groupId");
    }
    for (const char* cidr : {"10.0.0.0/16", "127.0.0.0/8"}) {
      CHECK(expect(api_.query("ec2", ec2, "AuthorizeSecurityGroupIngress",
                              {{"GroupId", group_},
                               {"IpPermissions.1.IpProtocol", "tcp"},
                               {"IpPermissions.1.FromPort", "5432"},
                               {"IpPermissions.1.ToPort", "5432"},
                               {"IpPermissions.1.IpRanges.1.CidrIp", cidr}}),
                   {"InvalidPermission.Duplicate"}));
    }
    ApiClient::Parameters subnets = {{"DBSubnetGroupName", name("aurora")},
                                     {"DBSubnetGroupDescription", "Data subnets"}};
    for (size_t i = 0; i < subnets_.size(); ++i)
      subnets.emplace_back(fmt::format("SubnetIds.SubnetIdentifier.{}", i + 1), subnets_[i]);
    CHECK(expect(api_.query("rds", rds, "CreateDBSubnetGroup", subnets), {"DBSubnetGroupAlreadyExists"}));
    return {};
  }

  Result<void> make_subnet(int zone) {
    const std::string cidr = fmt::format("10.0.{}.0/24", 20 + zone);
    TRY(const auto found, expect(api_.query("ec2", ec2, "DescribeSubnets",
                                            {{"Filter.1.Name", "vpc-id"},
                                             {"Filter.1.Value.1", vpc_},
                                             {"Filter.2.Name", "cidr-block"},
                                             {"Filter.2.Value.1", cidr}})));
    std::string id = found.find("subnetId");
    if (id.empty()) {
      TRY(const auto zones, expect(api_.query("ec2", ec2, "DescribeAvailabilityZones", {})));
      std::string first = zones.find("zoneName");
      if (!first.empty()) first.back() = static_cast<char>(first.back() + zone);
      TRY(const auto made, expect(api_.query("ec2", ec2, "CreateSubnet",
                                             {{"VpcId", vpc_}, {"CidrBlock", cidr}, {"AvailabilityZone", first}})));
      id = made.find("subnetId");
    }
    subnets_.push_back(id);
    return {};
  }

  Result<ApiAnswer> secrets(std::string_view action, Object body, std::initializer_list<std::string_view> kept = {}) {
    return expect(api_.json("secretsmanager", fmt::format("secretsmanager.{}", action), Value(std::move(body))), kept);
  }

  std::string secret_name() const { return options_.environment + "/db-credentials"; }

  // Before the cluster, which gets the same password.
  Result<void> make_secret() {
    const Value credentials(Object{{"username", "postgres"}, {"password", options_.password}});
    const auto text = json::write(credentials);
    TRY(const auto made,
        secrets("CreateSecret", Object{{"Name", secret_name()}, {"SecretString", text}}, {"ResourceExistsException"}));
    if (!made.ok()) CHECK(keep_secret(text));
    TRY(const auto found, secrets("DescribeSecret", Object{{"SecretId", secret_name()}}));
    outputs_.emplace_back("db_credentials_arn", found.find("ARN"));
    return {};
  }

  // One that is there may be of a run whose cluster was refused: then it is not the database's password.
  Result<void> keep_secret(const std::string& credentials) {
    TRY(const auto held, secrets("GetSecretValue", Object{{"SecretId", secret_name()}}));
    const auto value = json::parse(held.find("SecretString"));
    const Value* password = value ? value->find("password") : nullptr;
    if (password && password->string() && *password->string() == options_.password) return {};
    TRY(const auto cluster,
        expect(api_.query("rds", rds, "DescribeDBClusters", {{"DBClusterIdentifier", name("aurora")}}),
               {"DBClusterNotFoundFault"}));
    if (cluster.ok()) {
      return fail(Errc::conflict, fmt::format("{} holds another password than --password (DB_PASSWORD) tells, and the "
                                              "cluster {} is there already; give that password",
                                              secret_name(), name("aurora")));
    }
    CHECK(secrets("PutSecretValue", Object{{"SecretId", secret_name()}, {"SecretString", credentials}}));
    return {};
  }

  Result<void> make_parameter_groups() {
    const std::string family = "aurora-postgresql" + std::string(split(options_.engine_version, '.').front());
    CHECK(expect(api_.query("rds", rds, "CreateDBClusterParameterGroup",
                            {{"DBClusterParameterGroupName", name("aurora-cluster")},
                             {"DBParameterGroupFamily", family},
                             {"Description", "Cluster parameters"}}),
                 {"DBParameterGroupAlreadyExists"}));
    CHECK(expect(api_.query("rds", rds, "ModifyDBClusterParameterGroup",
                            {{"DBClusterParameterGroupName", name("aurora-cluster")},
                             {"Parameters.Parameter.1.ParameterName", "log_min_duration_statement"},
                             {"Parameters.Parameter.1.ParameterValue", "1000"},
                             {"Parameters.Parameter.1.ApplyMethod", "immediate"}})));
    CHECK(expect(api_.query("rds", rds, "CreateDBParameterGroup",
                            {{"DBParameterGroupName", name("aurora-instance")},
                             {"DBParameterGroupFamily", family},
                             {"Description", "Instance parameters"}}),
                 {"DBParameterGroupAlreadyExists"}));
    return {};
  }

  Result<void> make_role(const std::string& role, const std::string& service,
                         std::initializer_list<std::string_view> policies) {
    const Value trust(Object{{"Version", "2012-10-17"},
                             {"Statement", Value::Array{Object{{"Effect", "Allow"},
                                                               {"Action", "sts:AssumeRole"},
                                                               {"Principal", Object{{"Service", service}}}}}}});
    CHECK(expect(
        api_.query("iam", iam, "CreateRole", {{"RoleName", role}, {"AssumeRolePolicyDocument", json::write(trust)}}),
        {"EntityAlreadyExists"}));
    for (const auto policy : policies) {
      CHECK(expect(api_.query("iam", iam, "AttachRolePolicy",
                              {{"RoleName", role}, {"PolicyArn", fmt::format("arn:aws:iam::aws:policy/{}", policy)}})));
    }
    return {};
  }

  Result<void> make_roles() {
    CHECK(make_role(name("rds-monitoring"), "monitoring.rds.amazonaws.com",
                    {"service-role/AmazonRDSEnhancedMonitoringRole"}));
    return make_role(name("backup"), "backup.amazonaws.com",
                     {"service-role/AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForS3Backup"});
  }

  Result<void> make_cluster() {
    CHECK(expect(api_.query("rds", rds, "CreateDBCluster",
                            {{"DBClusterIdentifier", name("aurora")},
                             {"Engine", "aurora-postgresql"},
                             {"EngineVersion", options_.engine_version},
                             {"DatabaseName", options_.database},
                             {"MasterUsername", "postgres"},
                             {"MasterUserPassword", options_.password},
                             {"DBSubnetGroupName", name("aurora")},
                             {"VpcSecurityGroupIds.VpcSecurityGroupId.1", group_},
                             {"DBClusterParameterGroupName", name("aurora-cluster")},
                             {"BackupRetentionPeriod", "7"},
                             {"StorageEncrypted", "true"},
                             {"DeletionProtection", "true"},
                             {"EnableCloudwatchLogsExports.member.1", "postgresql"}}),
                 {"DBClusterAlreadyExistsFault"}));
    for (const char* number : {"1", "2"}) {
      CHECK(expect(
          api_.query("rds", rds, "CreateDBInstance",
                     {{"DBInstanceIdentifier", name("aurora-") + number},
                      {"DBClusterIdentifier", name("aurora")},
                      {"Engine", "aurora-postgresql"},
                      {"DBInstanceClass", "db.t3.medium"},
                      {"DBParameterGroupName", name("aurora-instance")},
                      {"MonitoringInterval", "60"},
                      {"MonitoringRoleArn", fmt::format("arn:aws:iam::{}:role/{}", account_, name("rds-monitoring"))}}),
          {"DBInstanceAlreadyExists"}));
    }
    return {};
  }

  Result<void> make_bucket(const std::string& bucket) {
    const std::string path = "/" + bucket;
    CHECK(expect(api_.rest("s3", "PUT", path, "", "", ""), {"BucketAlreadyOwnedByYou"}));
    CHECK(expect(api_.rest("s3", "PUT", path,
                           "versioning=", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
                           "application/xml")));
    CHECK(expect(api_.rest("s3", "PUT", path, "encryption=",
                           "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>"
                           "AES256</SSEAlgorithm>"
                           "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
                           "application/xml")));
    CHECK(expect(api_.rest("s3", "PUT", path, "publicAccessBlock=",
                           "<PublicAccessBlockConfiguration><BlockPublicAcls>true</"
                           "BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
                           "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</"
                           "RestrictPublicBuckets></PublicAccessBlockConfiguration>",
                           "application/xml")));
    CHECK(expect(api_.rest(
        "s3", "PUT", path, "lifecycle=",
        "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</"
        "Status><Expiration><Days>90</Days></Expiration>"
        "<NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration>"
        "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>",
        "application/xml")));
    return {};
  }

  Result<void> make_buckets() {
    for (const char* what : {"app-data", "db-backups"}) {
      const std::string bucket = fmt::format("{}-{}-{}", options_.environment, what, account_);
      CHECK(make_bucket(bucket));
      outputs_.emplace_back(what == std::string_view("app-data") ? "app_data_bucket" : "db_backup_bucket", bucket);
    }
    return {};
  }

  Result<void> make_backup() {
    CHECK(expect(api_.rest("backup", "PUT", "/backup-vaults/" + name("vault"), "", "{}", "application/json"),
                 {"AlreadyExistsException"}));
    TRY(const auto vault, expect(api_.rest("backup", "GET", "/backup-vaults/" + name("vault"), "", "", "")));
    outputs_.emplace_back("backup_vault_arn", vault.find("BackupVaultArn"));
    TRY(const auto plans, expect(api_.rest("backup", "GET", "/backup/plans/", "", "", "")));
    if (plans.body.find("\"" + name("daily") + "\"") != std::string::npos) return {};
    const Value rule(Object{{"RuleName", "daily"},
                            {"TargetBackupVaultName", name("vault")},
                            {"ScheduleExpression", "cron(0 2 ? * * *)"},
                            {"Lifecycle", Object{{"DeleteAfterDays", 30}}}});
    const Value plan(Object{{"BackupPlan", Object{{"BackupPlanName", name("daily")}, {"Rules", Value::Array{rule}}}}});
    TRY(const auto made,
        expect(api_.rest("backup", "PUT", "/backup/plans/", "", json::write(plan), "application/json")));
    const Value selection(
        Object{{"BackupSelection",
                Object{{"SelectionName", name("data-tier")},
                       {"IamRoleArn", fmt::format("arn:aws:iam::{}:role/{}", account_, name("backup"))},
                       {"Resources",
                        Value::Array{fmt::format("arn:aws:rds:*:{}:cluster:{}", account_, name("aurora")),
                                     fmt::format("arn:aws:s3:::{}-app-data-{}", options_.environment, account_)}}}}});
    CHECK(expect(api_.rest("backup", "PUT", "/backup/plans/" + made.find("BackupPlanId") + "/selections/", "",
                           json::write(selection), "application/json")));
    return {};
  }

  Result<void> wait_for_cluster() {
    CHECK(wait_until([this]() -> Result<bool> {
      int available = 0;
      for (const char* number : {"1", "2"}) {
        TRY(const auto instance, expect(api_.query("rds", rds, "DescribeDBInstances",
                                                   {{"DBInstanceIdentifier", name("aurora-") + number}})));
        available += instance.find("DBInstanceStatus") == "available";
      }
      return available == 2;
    }));
    TRY(const auto cluster,
        expect(api_.query("rds", rds, "DescribeDBClusters", {{"DBClusterIdentifier", name("aurora")}})));
    outputs_.emplace_back("db_endpoint", cluster.find("Endpoint"));
    outputs_.emplace_back("db_reader_endpoint", cluster.find("ReaderEndpoint"));
    outputs_.emplace_back("db_port", cluster.find("Port"));
    return {};
  }

  Result<ApiAnswer> dms(std::string_view action, Object body, std::initializer_list<std::string_view> kept = {}) {
    return expect(api_.json("dms", fmt::format("AmazonDMSv20160101.{}", action), Value(std::move(body))), kept);
  }

  // Of what is there already, too: the create calls answer an ARN only the first time.
  Result<std::string> dms_arn(std::string_view describe, std::string_view filter, const std::string& id,
                              std::string_view member) {
    const Value by_id(Object{{"Name", filter}, {"Values", Value::Array{id}}});
    TRY(const auto found, dms(describe, Object{{"Filters", Value::Array{by_id}}}));
    const std::string start = fmt::format("\"{}\":\"", member);
    const size_t at = found.body.find(start);
    if (at == std::string::npos) return fail(Errc::not_found, fmt::format("{} has no {}", id, member));
    const size_t from = at + start.size();
    return found.body.substr(from, found.body.find('"', from) - from);
  }

  Result<std::string> make_dms_endpoint(const char* type, const char* engine, const std::string& server) {
    const std::string id = name(type);
    CHECK(dms("CreateEndpoint",
              Object{{"EndpointIdentifier", id},
                     {"EndpointType", type},
                     {"EngineName", engine},
                     {"ServerName", server},
                     {"Port", 5432},
                     {"DatabaseName", options_.database},
                     {"Username", "postgres"},
                     {"Password", options_.password}},
              {"ResourceAlreadyExistsFault"}));
    return dms_arn("DescribeEndpoints", "endpoint-id", id, "EndpointArn");
  }

  Result<void> make_dms() {
    Value::Array subnets(subnets_.begin(), subnets_.end());
    CHECK(dms("CreateReplicationSubnetGroup",
              Object{{"ReplicationSubnetGroupIdentifier", name("dms")},
                     {"ReplicationSubnetGroupDescription", "Subnets of the replication instance"},
                     {"SubnetIds", Value(std::move(subnets))}},
              {"ResourceAlreadyExistsFault"}));
    CHECK(dms("CreateReplicationInstance",
              Object{{"ReplicationInstanceIdentifier", name("dms")},
                     {"ReplicationInstanceClass", "dms.t3.medium"},
                     {"AllocatedStorage", 50},
                     {"PubliclyAccessible", false},
                     {"ReplicationSubnetGroupIdentifier", name("dms")},
                     {"VpcSecurityGroupIds", Value::Array{group_}}},
              {"ResourceAlreadyExistsFault"}));
    TRY(const auto source, make_dms_endpoint("source", "postgres", options_.source_host));
    TRY(const auto target, make_dms_endpoint("target", "aurora-postgresql", output("db_endpoint")));
    CHECK(wait_until([this]() -> Result<bool> {
      TRY(const auto status,
          dms_arn("DescribeReplicationInstances", "replication-instance-id", name("dms"), "ReplicationInstanceStatus"));
      return status == "available";
    }));
    TRY(const auto instance,
        dms_arn("DescribeReplicationInstances", "replication-instance-id", name("dms"), "ReplicationInstanceArn"));
    const Value everything(Object{
        {"rules", Value::Array{Object{{"rule-type", "selection"},
                                      {"rule-id", "1"},
                                      {"rule-name", "all-of-public"},
                                      {"rule-action", "include"},
                                      {"object-locator", Object{{"schema-name", "public"}, {"table-name", "%"}}}}}}});
    CHECK(dms("CreateReplicationTask",
              Object{{"ReplicationTaskIdentifier", name("cdc")},
                     {"SourceEndpointArn", source},
                     {"TargetEndpointArn", target},
                     {"ReplicationInstanceArn", instance},
                     {"MigrationType", "cdc"},
                     {"TableMappings", json::write(everything)}},
              {"ResourceAlreadyExistsFault"}));
    TRY(auto task, dms_arn("DescribeReplicationTasks", "replication-task-id", name("cdc"), "ReplicationTaskArn"));
    outputs_.emplace_back("dms_task_arn", std::move(task));
    return {};
  }

  std::string output(std::string_view wanted) const {
    const auto found =
        std::ranges::find(outputs_, wanted, [](const auto& each) { return std::string_view(each.first); });
    return found == outputs_.end() ? "" : found->second;
  }

  // An error after two minutes.
  Result<void> wait_until(const std::function<Result<bool>()>& ready) {
    const int64_t until_ns = monotonic_ns() + 120'000'000'000;
    while (monotonic_ns() < until_ns) {
      TRY(const bool is_ready, ready());
      if (is_ready) return {};
      wait_a_moment();
    }
    return fail(Errc::timeout, "not available after two minutes; the server's log says what it waits for");
  }

  ApiClient api_;
  TierOptions options_;
  std::string account_, vpc_, group_;
  std::vector<std::string> subnets_;
  std::vector<std::pair<std::string, std::string>> outputs_;
};

}  // namespace

int tier_up(const Target& target, const TierOptions& options) {
  const auto failed = [](const Error& error, std::string_view more = "") {
    std::fflush(stdout);  // in a log that takes both, the steps that went well come first
    fmt::print(stderr, "boreal: {}\n{}", plain(error.message()), more);
    return 1;
  };
  const auto answer = ask(target, "GET", "health/ready");
  if (!answer) return failed(answer.error());
  const auto info = who_gave(target, *answer);
  if (!info) return failed(info.error());
  if (!info->dev) {
    return failed(
        Error(Errc::unsupported, fmt::format("{} is no boreal dev, whose key the tier is made with; a service "
                                             "has a key of its own: see terraform/",
                                             info->url)));
  }
  const auto address = address_of(info->url);
  if (!address) return failed(address.error());
  Tier tier(ApiClient(*address, info->region, {"test", "test", ""}), options);
  if (const auto made = tier.up(); !made)
    return failed(made.error(), "What was made so far is kept; run it again to go on.\n");
  tier.print();
  return 0;
}

}  // namespace boreal::cli
