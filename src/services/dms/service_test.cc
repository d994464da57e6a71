#include "dms/service.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <set>

#include "aws/testing.h"

namespace boreal::dms {
namespace {

// A VPC of two subnets and one security group.
struct SmallNetwork final : aws::Network {
  std::set<std::string> interfaces;
  std::set<std::string> deleted;  // subnets
  Event* gate = nullptr;          // holds attach_interface() back
  aws::Outcome<Subnet> subnet(const std::string&, const std::string&, const std::string& id) override {
    if (deleted.contains(id)) return aws::refuse(aws::ApiError("InvalidSubnetID.NotFound", 400, id));
    if (id == "subnet-a") return Subnet{id, "vpc-1", "us-east-1a", "10.0.1.0/24"};
    if (id == "subnet-b") return Subnet{id, "vpc-1", "us-east-1b", "10.0.2.0/24"};
    return aws::refuse(aws::ApiError("InvalidSubnetID.NotFound", 400, id));
  }
  aws::Outcome<std::vector<Subnet>> default_subnets(const std::string&, const std::string&) override {
    return std::vector<Subnet>();
  }
  aws::Outcome<std::string> group_vpc(const std::string&, const std::string&, const std::string&) override {
    return "vpc-1";
  }
  aws::Outcome<std::string> default_group(const std::string&, const std::string&, const std::string&) override {
    return "sg-1";
  }
  aws::Outcome<std::vector<IngressRule>> ingress(const std::string&, const std::string&, const std::string&) override {
    return std::vector<IngressRule>();
  }
  std::vector<std::string> availability_zones(const std::string&) override { return {"us-east-1a", "us-east-1b"}; }
  Task<aws::Outcome<void>> attach_interface(std::string, std::string, Interface interface) override {
    if (gate != nullptr) co_await gate->wait();
    interfaces.insert(interface.owner);
    co_return aws::Outcome<void>();
  }
  Task<aws::Outcome<void>> detach_interface(std::string, std::string, std::string owner) override {
    interfaces.erase(owner);
    co_return aws::Outcome<void>();
  }
  void on_group_change(std::function<void(const std::string&, const std::string&, const std::string&)>) override {}
};

struct OneKey final : aws::Keys {
  const std::string key = std::string(32, 'k');
  Task<aws::Outcome<DataKey>> generate_data_key(aws::Asker, std::string, std::string, std::string, std::string,
                                                Context) override {
    co_return DataKey{key, "wrapped", "arn:aws:kms:us-east-1:000000000000:key/1"};
  }
  Task<aws::Outcome<std::string>> decrypt(aws::Asker, std::string, std::string, std::string, Context) override {
    co_return key;
  }
  Task<aws::Outcome<std::string>> encrypt(aws::Asker, std::string, std::string, std::string, std::string, std::string,
                                          Context) override {
    co_return "wrapped";
  }
  Task<aws::Outcome<std::string>> describe(std::string, std::string, std::string, std::string) override {
    co_return "arn:aws:kms:us-east-1:000000000000:key/1";
  }
};

struct AnyRole final : aws::Roles {
  Task<aws::Outcome<void>> check_pass(aws::Call&, std::string, std::string, std::string) override {
    co_return aws::Outcome<void>();
  }
};

struct NoSecrets final : aws::Secrets {
  Task<aws::Outcome<std::string>> value(aws::Asker, std::string, std::string, std::string arn) override {
    co_return aws::refuse(aws::ApiError("ResourceNotFoundException", 400, arn));
  }
};

class DmsTest : public testing::Test {
 protected:
  DmsTest() { begin(); }
  ~DmsTest() override { fixture.run(service->stop()); }

  // As after a restart when there was one before.
  void begin() {
    service = std::make_unique<Service>(fixture.context(), network, keys, roles, secrets);
    EXPECT_TRUE(fixture.run(service->start()));
  }

  std::string make_instance(std::string name = "rep-1") {
    api::CreateReplicationSubnetGroupMessage group{.replication_subnet_group_identifier = "G",
                                                   .replication_subnet_group_description = "d",
                                                   .subnet_ids = {"subnet-a", "subnet-b"}};
    (void)fixture.call<api::CreateReplicationSubnetGroupResponse>(*service, "CreateReplicationSubnetGroup", group);
    api::CreateReplicationInstanceMessage input{.replication_instance_identifier = std::move(name),
                                                .replication_instance_class = "dms.t3.medium"};
    input.replication_subnet_group_identifier = "g";
    auto made = fixture.call<api::CreateReplicationInstanceResponse>(*service, "CreateReplicationInstance", input);
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->replication_instance->replication_instance_status, "creating");
    return *made->replication_instance->replication_instance_arn;
  }

  // On the executor, which the waiters go on on.
  static Task<void> open(Event& gate) {
    gate.set();
    co_return;
  }

  aws::Outcome<std::string> status_of(const std::string& arn) {
    api::DescribeReplicationInstancesMessage input;
    input.filters = {{{.name = "replication-instance-arn", .values = {arn}}}};
    auto found =
        fixture.call<api::DescribeReplicationInstancesResponse>(*service, "DescribeReplicationInstances", input);
    if (!found) return aws::refuse(found.error());
    return *found->replication_instances->at(0).replication_instance_status;
  }

  aws::Outcome<api::CreateEndpointResponse> make_endpoint(std::string name, std::string engine = "postgres") {
    api::CreateEndpointMessage input{
        .endpoint_identifier = std::move(name), .endpoint_type = "source", .engine_name = std::move(engine)};
    input.username = "u";
    input.password = "Secret-Word";
    input.server_name = "127.0.0.1";
    input.port = 5432;
    input.database_name = "d";
    return fixture.call<api::CreateEndpointResponse>(*service, "CreateEndpoint", input);
  }

  aws::CallFixture fixture;
  SmallNetwork network;
  OneKey keys;
  AnyRole roles;
  NoSecrets secrets;
  std::unique_ptr<Service> service;
};

TEST_F(DmsTest, AnInstanceBecomesAvailableWithItsInterfaceAndGoesWithIt) {
  const std::string arn = make_instance();
  fixture.run_until_idle();
  EXPECT_EQ(status_of(arn), "available");
  EXPECT_EQ(network.interfaces.size(), 1U);
  api::DeleteReplicationInstanceMessage input{.replication_instance_arn = arn};
  const auto deleted =
      fixture.call<api::DeleteReplicationInstanceResponse>(*service, "DeleteReplicationInstance", input);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->replication_instance->replication_instance_status, "deleting");
  fixture.run_until_idle();
  EXPECT_EQ(status_of(arn).error().code, "ResourceNotFoundFault");
  EXPECT_TRUE(network.interfaces.empty());
}

TEST_F(DmsTest, EndpointsKeepPasswordsSealed) {
  const auto made = make_endpoint("e");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->endpoint->postgresql_settings->server_name, "127.0.0.1");
  EXPECT_FALSE(made->endpoint->postgresql_settings->password);
  const auto kept = fixture.catalog().scan("dms/000000000000/us-east-1", "endpoint/");
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->at(0).second.find("Secret-Word"), std::string::npos);
  auto record = store::decode<EndpointRecord>(kept->at(0).second);
  ASSERT_TRUE(record);
  Names names;
  Probes probes("");
  const Tools tools{fixture.context(), network, keys, roles, secrets, names, probes};
  const auto login = fixture.run(login_of(tools, {"000000000000", "us-east-1"}, *record));
  ASSERT_TRUE(login) << login.error().message();
  EXPECT_EQ(login->password, "Secret-Word");
}

TEST_F(DmsTest, OtherEnginesAndTakenNamesAreRefused) {
  EXPECT_EQ(make_endpoint("e", "mysql").error().code, "InvalidParameterValueException");
  EXPECT_TRUE(make_endpoint("e"));
  EXPECT_EQ(make_endpoint("E").error().code, "ResourceAlreadyExistsFault");
}

TEST_F(DmsTest, PoliciesSeeTagsAndNamesAsTheyAreKept) {
  make_instance();
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dms:*","Resource":"*"},
          {"Effect":"Deny","Action":"dms:*","Resource":"arn:aws:dms:us-east-1:000000000000:subgrp:g"}]})")};
  api::DeleteReplicationSubnetGroupMessage input{.replication_subnet_group_identifier = "G"};
  const auto denied =
      fixture.call<api::DeleteReplicationSubnetGroupResponse>(*service, "DeleteReplicationSubnetGroup", input);
  ASSERT_FALSE(denied);
  EXPECT_TRUE(denied.error().code.starts_with("AccessDenied")) << denied.error().code;
}

TEST_F(DmsTest, SchemasAreReadByAnInstanceThatTheCallerMayUse) {
  const std::string instance = make_instance();
  const auto endpoint = make_endpoint("e");
  ASSERT_TRUE(endpoint);
  fixture.run_until_idle();
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dms:*","Resource":"*"},
          {"Effect":"Deny","Action":"dms:RefreshSchemas","Resource":"arn:aws:dms:*:*:rep:*"}]})")};
  api::RefreshSchemasMessage input{.endpoint_arn = *endpoint->endpoint->endpoint_arn,
                                   .replication_instance_arn = instance};
  const auto denied = fixture.call<api::RefreshSchemasResponse>(*service, "RefreshSchemas", input);
  ASSERT_FALSE(denied);
  EXPECT_TRUE(denied.error().code.starts_with("AccessDenied")) << denied.error().code;
}

// As AWS has them beside those of all services.
TEST_F(DmsTest, PoliciesSeeTagsByDmsOwnNamesToo) {
  const auto make = [&](const char* name) {
    api::CreateEndpointMessage input{.endpoint_identifier = name, .endpoint_type = "source", .engine_name = "postgres"};
    input.username = "u";
    input.password = "p";
    input.server_name = "127.0.0.1";
    input.port = 5432;
    input.database_name = "d";
    input.tags = {{{.key = "env", .value = "prod"}}};
    return fixture.call<api::CreateEndpointResponse>(*service, "CreateEndpoint", input);
  };
  const auto made = make("e");
  ASSERT_TRUE(made);
  fixture.principal = aws::user_principal("000000000000", "bob");
  const auto forbid = [&](const std::string& key) {
    fixture.policies.identity = {aws::identity_policy(
        R"({"Statement":[{"Effect":"Allow","Action":"dms:*","Resource":"*"},{"Effect":"Deny","Action":"dms:*","Resource":)"
        R"("*","Condition":{"StringEquals":{")" +
        key + R"(/env":"prod"}}}]})")};
  };
  forbid("dms:req-tag");
  const auto refused = make("f");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().code.starts_with("AccessDenied")) << refused.error().code;
  forbid("dms:endpoint-tag");
  const auto kept = fixture.call<api::DeleteEndpointResponse>(
      *service, "DeleteEndpoint", api::DeleteEndpointMessage{.endpoint_arn = *made->endpoint->endpoint_arn});
  ASSERT_FALSE(kept);
  EXPECT_TRUE(kept.error().code.starts_with("AccessDenied")) << kept.error().code;
}

// Names that wait for the system's resolver.
class DmsNamesTest : public DmsTest {
 protected:
  DmsNamesTest() {
    fixture.run(service->stop());
    service = std::make_unique<Service>(fixture.context(), network, keys, roles, secrets,
                                        [this](const std::string& host, uint16_t) { return wait_for(host); });
    EXPECT_TRUE(fixture.run(service->start()));
  }

  Result<std::vector<net::Address>> wait_for(const std::string& host) {
    ++looked_up;
    begun.release();
    answer.wait();
    return fail(Errc::unavailable, host + ": no name server answers");
  }
  // A test of an endpoint that is at a name.
  std::string test(const std::string& instance, int number) {
    api::CreateEndpointMessage input{
        .endpoint_identifier = "e" + std::to_string(number), .endpoint_type = "source", .engine_name = "postgres"};
    input.username = "u";
    input.password = "p";
    input.server_name = "db.example";
    input.port = 5432;
    input.database_name = "d";
    const auto made = fixture.call<api::CreateEndpointResponse>(*service, "CreateEndpoint", input);
    EXPECT_TRUE(made);
    const std::string arn = *made->endpoint->endpoint_arn;
    EXPECT_TRUE(fixture.call<api::TestConnectionResponse>(
        *service, "TestConnection",
        api::TestConnectionMessage{.replication_instance_arn = instance, .endpoint_arn = arn}));
    fixture.run_until_idle();
    return arn;
  }
  std::string connection(const std::string& endpoint) {
    api::DescribeConnectionsMessage input;
    input.filters = {{{.name = "endpoint-arn", .values = {endpoint}}}};
    const auto found = fixture.call<api::DescribeConnectionsResponse>(*service, "DescribeConnections", input);
    return found ? *found->connections->at(0).status : found.error().code;
  }
  static Task<void> begin(TaskGroup& group, Task<void> task) {
    group.spawn(std::move(task));
    co_return;
  }
  Task<void> use_the_pool() {
    co_await fixture.context().pool.run([] {});
  }

  std::atomic<int> looked_up = 0;
  std::counting_semaphore<> begun{0};
  std::latch answer{1};
};

TEST_F(DmsNamesTest, OnesThatDoNotResolveHoldUpNoDiskAndAreCutAtTheEnd) {
  constexpr int at_once = 4;
  const std::string instance = make_instance();
  fixture.run_until_idle();
  std::vector<std::string> endpoints;
  for (int i = 0; i < at_once + 1; ++i) endpoints.push_back(test(instance, i));
  for (int i = 0; i < at_once; ++i) begun.acquire();
  fixture.run(use_the_pool());  // its only thread is free
  EXPECT_EQ(looked_up, at_once);
  TaskGroup stopping;
  fixture.run(begin(stopping, service->stop()));
  answer.count_down();
  fixture.run(stopping.wait());
  EXPECT_EQ(looked_up, at_once);
  EXPECT_EQ(connection(endpoints.front()), "failed");
  EXPECT_EQ(connection(endpoints.back()), "testing") << "for the next run";
}

TEST_F(DmsTest, AnEndpointMayTurnFromALoginToASecretAndBack) {
  const std::string arn = *make_endpoint("e")->endpoint->endpoint_arn;
  const auto modify = [&](api::ModifyEndpointMessage input) {
    input.endpoint_arn = arn;
    return fixture.call<api::ModifyEndpointResponse>(*service, "ModifyEndpoint", input);
  };
  api::ModifyEndpointMessage secret;
  secret.postgresql_settings.emplace();
  secret.postgresql_settings->secrets_manager_secret_id =
      "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
  secret.postgresql_settings->secrets_manager_access_role_arn = "arn:aws:iam::000000000000:role/dms";
  const auto turned = modify(secret);
  ASSERT_TRUE(turned) << turned.error().message;
  EXPECT_FALSE(turned->endpoint->username);
  EXPECT_FALSE(turned->endpoint->server_name);
  EXPECT_TRUE(turned->endpoint->postgresql_settings->secrets_manager_secret_id);

  api::ModifyEndpointMessage login;
  login.username = "u";
  EXPECT_EQ(modify(login).error().code, "InvalidParameterValueException") << "without the rest";
  login.password = "p";
  login.server_name = "127.0.0.1";
  login.port = 5432;
  const auto back = modify(login);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->endpoint->username, "u");
  EXPECT_FALSE(back->endpoint->postgresql_settings->secrets_manager_secret_id);
  login.postgresql_settings = secret.postgresql_settings;
  EXPECT_EQ(modify(login).error().code, "InvalidParameterCombinationException") << "both at once";
}

TEST_F(DmsTest, AnEndpointWithASecretHasAKeyThatIsThere) {
  api::CreateEndpointMessage input{.endpoint_identifier = "e", .endpoint_type = "source", .engine_name = "postgres"};
  input.database_name = "d";
  input.kms_key_id = "alias/mine";
  input.postgresql_settings.emplace();
  input.postgresql_settings->secrets_manager_secret_id =
      "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";
  input.postgresql_settings->secrets_manager_access_role_arn = "arn:aws:iam::000000000000:role/dms";
  const auto made = fixture.call<api::CreateEndpointResponse>(*service, "CreateEndpoint", input);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->endpoint->kms_key_id, "arn:aws:kms:us-east-1:000000000000:key/1");
}

// Bob may do all, and when policies are asked about him something comes in between.
struct Meanwhile final : aws::Identities {
  std::function<Task<void>()> act;
  Task<aws::Outcome<Policies>> policies(const aws::Principal& who) override {
    if (who.kind == aws::Principal::Kind::user) co_await act();
    co_return Policies{
        .identity = {aws::identity_policy(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})")}};
  }
  Task<aws::Outcome<std::optional<Credential>>> credential(std::string, std::string) override {
    co_return std::nullopt;
  }
  Task<aws::Outcome<std::optional<RoleSession>>> role_session(std::string, std::string) override {
    co_return std::nullopt;
  }
  Task<aws::Outcome<std::optional<std::string>>> principal_id(std::string) override { co_return std::nullopt; }
  Task<aws::Outcome<std::optional<std::string>>> principal_arn(std::string, std::string) override {
    co_return std::nullopt;
  }
};

TEST_F(DmsTest, WhatHasOtherTagsThanPoliciesWereToldIsNotTouched) {
  const std::string arn = *make_endpoint("e")->endpoint->endpoint_arn;
  const Place place{"000000000000", "us-east-1"};
  Meanwhile meanwhile;
  meanwhile.act = [&]() -> Task<void> {
    auto tx = co_await fixture.catalog().begin(place.partition());
    auto endpoint = load<EndpointRecord>(tx, *place.id_of(arn, "endpoint"));
    (*endpoint)->tags = {{"env", "prod"}};
    save(tx, **endpoint);
    EXPECT_TRUE(co_await tx.commit());
  };
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.identities = &meanwhile;
  const api::DeleteEndpointMessage input{.endpoint_arn = arn};
  const auto refused = fixture.call<api::DeleteEndpointResponse>(*service, "DeleteEndpoint", input);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "InvalidResourceStateFault");
  EXPECT_TRUE(fixture.call<api::DeleteEndpointResponse>(*service, "DeleteEndpoint", input)) << "they are as told now";
}

TEST_F(DmsTest, ADamagedRecordCostsOnlyItself) {
  const std::string arn = make_instance();
  fixture.run_until_idle();
  auto tx = fixture.run(fixture.catalog().begin(Place{"000000000000", "us-east-1"}.partition()));
  for (const char* key : {"rep/BROKEN", "endpoint/BROKEN", "task/BROKEN", "connection/A/B", "schemas/BROKEN"}) {
    tx.put(key, "{");
  }
  ASSERT_TRUE(fixture.run(tx.commit()));
  fixture.run(service->stop());
  begin();
  fixture.run_until_idle();
  EXPECT_EQ(status_of(arn), "available");
  EXPECT_TRUE(make_endpoint("e"));
  ASSERT_TRUE(fixture.call<api::DeleteReplicationInstanceResponse>(
      *service, "DeleteReplicationInstance", api::DeleteReplicationInstanceMessage{.replication_instance_arn = arn}));
  fixture.run_until_idle();
  EXPECT_EQ(status_of(arn).error().code, "ResourceNotFoundFault");
}

TEST_F(DmsTest, ATaskGoesAlsoWhereItsInstanceFindsNoPlace) {
  const std::string arn = make_instance();
  fixture.run_until_idle();
  fixture.run(service->stop());
  const Place place{"000000000000", "us-east-1"};
  auto tx = fixture.run(fixture.catalog().begin(place.partition()));
  save(tx, TaskRecord{.resource_id = "T", .name = "t", .status = "deleting", .instance_id = *place.id_of(arn, "rep")});
  ASSERT_TRUE(fixture.run(tx.commit()));
  Event gate;
  network.gate = &gate;
  begin();
  fixture.run_until_idle();
  const auto left = fixture.call<api::DescribeReplicationTasksResponse>(*service, "DescribeReplicationTasks",
                                                                        api::DescribeReplicationTasksMessage());
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_TRUE(left->replication_tasks->empty());
  network.gate = nullptr;
  fixture.run(open(gate));
  fixture.run_until_idle();
}

TEST_F(DmsTest, AnInstanceStandsInASubnetThatIsThere) {
  make_instance();
  network.deleted = {"subnet-a"};
  api::CreateReplicationInstanceMessage input{.replication_instance_identifier = "rep-2",
                                              .replication_instance_class = "dms.t3.medium"};
  input.replication_subnet_group_identifier = "g";
  const auto made = fixture.call<api::CreateReplicationInstanceResponse>(*service, "CreateReplicationInstance", input);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->replication_instance->availability_zone, "us-east-1b");
  network.deleted = {"subnet-a", "subnet-b"};
  input.replication_instance_identifier = "rep-3";
  const auto refused =
      fixture.call<api::CreateReplicationInstanceResponse>(*service, "CreateReplicationInstance", input);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "InvalidSubnet");
}

// libpq would take those of the server's own environment.
TEST_F(DmsTest, ALoginWithoutUserOrPasswordIsNone) {
  Names names;
  Probes probes("");
  const Tools tools{fixture.context(), network, keys, roles, secrets, names, probes};
  EndpointRecord endpoint{.resource_id = "E", .name = "e", .server_name = "127.0.0.1", .port = 5432, .username = "u"};
  const auto login = fixture.run(login_of(tools, {"000000000000", "us-east-1"}, endpoint));
  ASSERT_FALSE(login);
  EXPECT_EQ(login.error().code(), Errc::invalid);
}

TEST(Secret, HasTheLogin) {
  Login login;
  ASSERT_TRUE(apply_secret(R"({"username":"u","password":"p","host":"h","port":"5433"})", login));
  EXPECT_EQ(login.user + login.password + login.host, "uph");
  EXPECT_EQ(login.port, 5433);
  EXPECT_FALSE(apply_secret(R"({"username":"u"})", login));
  EXPECT_FALSE(apply_secret("plain", login));
  for (const char* port : {R"("hidden")", "1234567"}) {
    Login other;
    const auto refused = apply_secret(fmt::format(R"({{"username":"u","password":"p","port":{}}})", port), other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "the secret's port is not a number between 1 and 65535");
  }
}

}  // namespace
}  // namespace boreal::dms
