// The query protocols; requests as Terraform's provider sends them.
#include "api/ec2/service.h"
#include "api/iam/service.h"
#include "api/rds/service.h"
#include "aws/wire/testing.h"

namespace boreal::aws::wire {
namespace {

const std::pair<std::string, std::string> form{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};

template <class T>
T parse_as(const ServiceModel& model, std::string_view body) {
  const Wire wire(model);
  auto in = request("POST", "/", {form});
  auto parsed = parse(wire, in, body);
  EXPECT_TRUE(parsed) << parsed.error().code << ": " << parsed.error().message;
  if (!parsed) return T{};
  return std::move(parsed->second.as<T>());
}

ApiError error_of(const ServiceModel& model, std::string_view body) {
  const Wire wire(model);
  auto in = request("POST", "/", {form});
  auto parsed = parse(wire, in, body);
  return parsed ? ApiError("(none)", 200, "") : parsed.error();
}

TEST(Query, RdsListsHaveTheirItemsNames) {
  const auto in = parse_as<api::rds::CreateDBClusterMessage>(
      api::rds::service_model,
      "Action=CreateDBCluster&AvailabilityZones.AvailabilityZone.1=us-east-1a&AvailabilityZones.AvailabilityZone.2=us-"
      "east-1b"
      "&BackupRetentionPeriod=7&CopyTagsToSnapshot=false&DBClusterIdentifier=rec-cluster&DeletionProtection=true"
      "&EnableCloudwatchLogsExports.member.1=postgresql&Engine=aurora-postgresql&PreferredBackupWindow=02:00-04:00"
      "&Tags.Tag.1.Key=Name&Tags.Tag.1.Value=a+b%2Bc&Tags.Tag.2.Key=K&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&"
      "Version=2014-10-31");
  EXPECT_EQ(in.availability_zones, (std::vector<std::string>{"us-east-1a", "us-east-1b"}));
  EXPECT_EQ(in.backup_retention_period, 7);
  EXPECT_EQ(in.copy_tags_to_snapshot, false);
  EXPECT_EQ(in.db_cluster_identifier, "rec-cluster");
  EXPECT_EQ(in.deletion_protection, true);
  EXPECT_EQ(in.enable_cloudwatch_logs_exports, std::vector<std::string>{"postgresql"});
  ASSERT_TRUE(in.tags);
  ASSERT_EQ(in.tags->size(), 2u);
  EXPECT_EQ((*in.tags)[0].value, "a b+c");
  EXPECT_EQ((*in.tags)[1].key, "K");
  EXPECT_FALSE((*in.tags)[1].value);
  EXPECT_EQ(in.vpc_security_group_ids, std::vector<std::string>{"sg-1"});
  EXPECT_FALSE(in.storage_encrypted);
}

TEST(Query, ItemsComeInTheOrderOfTheirNumbersAndGapsClose) {
  const auto in = parse_as<api::rds::DescribeDBInstancesMessage>(
      api::rds::service_model,
      "Action=DescribeDBInstances&Filters.Filter.10.Name=c&Filters.Filter.10.Values.Value.1=x&Filters.Filter.2.Name=b"
      "&Filters.Filter.2.Values.Value.1=y&Filters.member.1.Name=ignored&Filters.Filter.x.Name=ignored&Version=2014-10-"
      "31");
  ASSERT_TRUE(in.filters);
  ASSERT_EQ(in.filters->size(), 2u);
  EXPECT_EQ((*in.filters)[0].name, "b");
  EXPECT_EQ((*in.filters)[1].name, "c");
}

TEST(Query, EmptyListIsThereAndEmpty) {
  const auto in = parse_as<api::rds::ModifyDBClusterMessage>(
      api::rds::service_model, "Action=ModifyDBCluster&DBClusterIdentifier=c&VpcSecurityGroupIds=&Version=2014-10-31");
  ASSERT_TRUE(in.vpc_security_group_ids);
  EXPECT_TRUE(in.vpc_security_group_ids->empty());
}

TEST(Query, Iam) {
  const auto in = parse_as<api::iam::CreateRoleRequest>(
      api::iam::service_model,
      "Action=CreateRole&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%7D&MaxSessionDuration=3600&Path=%"
      "2F"
      "&RoleName=rec-role&Tags.member.1.Key=Name&Tags.member.1.Value=rec-role&Version=2010-05-08");
  EXPECT_EQ(in.assume_role_policy_document, R"({"Version":"2012-10-17"})");
  EXPECT_EQ(in.max_session_duration, 3600);
  ASSERT_TRUE(in.tags);
  EXPECT_EQ(in.tags->at(0).value, "rec-role");
}

TEST(Query, Ec2NamesAndLists) {
  const auto in = parse_as<api::ec2::AuthorizeSecurityGroupIngressRequest>(
      api::ec2::service_model,
      "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.FromPort=5432&IpPermissions.1.IpProtocol=tcp"
      "&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/16&IpPermissions.1.ToPort=5432"
      "&TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1."
      "Value=v&Version=2016-11-15");
  EXPECT_EQ(in.group_id, "sg-1");
  ASSERT_TRUE(in.ip_permissions);
  ASSERT_EQ(in.ip_permissions->size(), 1u);
  EXPECT_EQ(in.ip_permissions->at(0).from_port, 5432);
  EXPECT_EQ(in.ip_permissions->at(0).ip_ranges->at(0).cidr_ip, "10.0.0.0/16");
  ASSERT_TRUE(in.tag_specifications);
  EXPECT_EQ(in.tag_specifications->at(0).tags->at(0).key, "Name");
}

TEST(Query, Ec2Attributes) {
  const auto in = parse_as<api::ec2::ModifyVpcAttributeRequest>(
      api::ec2::service_model,
      "Action=ModifyVpcAttribute&EnableDnsHostnames.Value=true&Version=2016-11-15&VpcId=vpc-1");
  ASSERT_TRUE(in.enable_dns_hostnames);
  EXPECT_EQ(in.enable_dns_hostnames->value, true);
}

TEST(Query, WhatIsWrongIsSaid) {
  const auto& rds = api::rds::service_model;
  EXPECT_EQ(error_of(rds, "Version=2014-10-31").code, "MissingAction");
  EXPECT_EQ(error_of(rds, "Action=MakeCoffee").code, "InvalidAction");
  const auto missing = error_of(rds, "Action=CreateDBSubnetGroup&DBSubnetGroupName=a&DBSubnetGroupDescription=b");
  EXPECT_EQ(missing.code, "MissingParameter");
  EXPECT_EQ(missing.message, "The request must contain the parameter subnetIds");
  const auto number = error_of(rds, "Action=CreateDBCluster&DBClusterIdentifier=a&Engine=b&Port=http");
  EXPECT_EQ(number.code, "MalformedInput");
  EXPECT_EQ(number.message.substr(0, 5), "port:") << number.message;
  EXPECT_EQ(error_of(rds, "Action=CreateDBCluster&Port=1&Port=2&DBClusterIdentifier=a&Engine=b").code,
            "MalformedInput");
  const auto iam = error_of(api::iam::service_model, "Action=CreateRole&RoleName=");
  EXPECT_EQ(iam.code, "ValidationError");
  EXPECT_EQ(iam.message,
            "1 validation error detected: Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: "
            "Member must not be null");
  const auto length = error_of(api::iam::service_model, "Action=GetUser&UserName=" + std::string(200, 'a'));
  EXPECT_TRUE(length.message.ends_with(
      "at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128"))
      << length.message;
}

// Who asks is known only when the operation is: until then nobody makes 10,000 parameters be read.
TEST(Query, OfAFormTheOperationAloneIsReadBeforeTheCallerIsKnown) {
  const auto& rds = api::rds::service_model;
  EXPECT_EQ(error_of(rds, "Action=MakeCoffee&Sugar=%zz").code, "InvalidAction");
  EXPECT_EQ(error_of(rds, "Action=DescribeDBInstances&Marker=%zz").code, "MalformedInput");
  EXPECT_EQ(error_of(rds, "Action=%zz").code, "MalformedInput");
  EXPECT_EQ(error_of(rds, "&%41ct%69on=MakeCoffee&Action=DescribeDBInstances").code, "InvalidAction");
  EXPECT_EQ(error_of(rds, "Actions=DescribeDBInstances&%41%63%74%69%6f%6e%20=DescribeDBInstances").code,
            "MissingAction");
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "a&";
  EXPECT_EQ(error_of(rds, many + "Action=MakeCoffee").code, "MissingAction");
}

TEST(Query, Ec2RefusesWhatItDoesNotKnow) {
  const auto& ec2 = api::ec2::service_model;
  const auto describe = [&](std::string_view rest) {
    return error_of(ec2, "Action=DescribeSubnets&Version=2016-11-15&" + std::string(rest));
  };
  const auto misspelt = describe("Fitler.1.Name=vpc-id&Fitler.1.Value.1=vpc-1");
  EXPECT_EQ(misspelt.code, "UnknownParameter");
  EXPECT_EQ(misspelt.message, "The parameter Fitler is not recognized");
  EXPECT_EQ(describe("Filter.1.Name=vpc-id&Filter.1.Colour=red").message, "The parameter Colour is not recognized");
  EXPECT_EQ(describe("Filter.Item.1.Name=vpc-id").message, "The parameter Item is not recognized");
  EXPECT_EQ(describe("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&DryRun=false&MaxResults=5&NextToken=x"
                     "&X-Amz-Date=20261122T000000Z&Timestamp=2026-11-22T00:00:00Z")
                .code,
            "(none)");
}

TEST(Query, ValuesAreText) {
  const auto error = error_of(api::ec2::service_model,
                              "Action=CreateTags&ResourceId.1=vpc-1&Tag.1.Key=a&Tag.1.Value=%C3%28&Version=2016-11-15");
  EXPECT_EQ(error.code, "InvalidParameterValue");
  EXPECT_EQ(error.message, "the value of Tag.1.Value is not UTF-8");
}

TEST(Query, Answers) {
  const Wire wire(api::rds::service_model);
  const Operation* operation = api::rds::service_model.find("DescribeDBSubnetGroups");
  ASSERT_TRUE(operation);
  api::rds::DBSubnetGroup group{.db_subnet_group_name = "g<1>"};
  group.subnets = std::vector<api::rds::Subnet>{{.subnet_identifier = "subnet-1"}};
  api::rds::DBSubnetGroupMessage out;
  out.db_subnet_groups = std::vector{group};
  const auto response = wire.answer({Protocol::query, operation, {}}, Value::of(std::move(out)), "id-1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(header(response, "content-type"), "text/xml");
  EXPECT_EQ(header(response, "x-amzn-requestid"), "id-1");
  EXPECT_EQ(
      response.body,
      R"(<DescribeDBSubnetGroupsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBSubnetGroupsResult>)"
      "<DBSubnetGroups><DBSubnetGroup><DBSubnetGroupName>g&lt;1&gt;</DBSubnetGroupName><Subnets><Subnet>"
      "<SubnetIdentifier>subnet-1</SubnetIdentifier></Subnet></Subnets></DBSubnetGroup></DBSubnetGroups>"
      "</DescribeDBSubnetGroupsResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></"
      "DescribeDBSubnetGroupsResponse>");
}

TEST(Query, AnswersWithoutOutput) {
  const Wire iam(api::iam::service_model);
  const auto response = iam.answer({Protocol::query, api::iam::service_model.find("DeleteRole"), {}},
                                   Value::of(api::iam::DeleteRoleOutput{}), "id");
  EXPECT_EQ(
      response.body,
      R"(<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteRoleResponse>)");
  const Wire ec2(api::ec2::service_model);
  const auto other = ec2.answer({Protocol::ec2, api::ec2::service_model.find("DeleteVpc"), {}},
                                Value::of(api::ec2::DeleteVpcOutput{}), "id");
  EXPECT_NE(other.body.find("<DeleteVpcResponse "
                            "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\"><requestId>id</requestId><return>true</"
                            "return></DeleteVpcResponse>"),
            std::string::npos)
      << other.body;
}

TEST(Query, Ec2Answers) {
  const Wire wire(api::ec2::service_model);
  api::ec2::DescribeVpcsResult out;
  out.vpcs = std::vector<api::ec2::Vpc>{{.vpc_id = "vpc-1"}};
  out.vpcs->at(0).tags = std::vector<api::ec2::Tag>{{.key = "a", .value = "b"}};
  const auto response =
      wire.answer({Protocol::ec2, api::ec2::service_model.find("DescribeVpcs"), {}}, Value::of(std::move(out)), "id");
  EXPECT_NE(response.body.find("<vpcSet><item>"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("<tagSet><item><key>a</key><value>b</value></item></tagSet>"), std::string::npos)
      << response.body;
}

TEST(Query, Errors) {
  const Wire rds(api::rds::service_model);
  const auto error = api::rds::errors::db_cluster_not_found_fault("DBCluster x not found.");
  EXPECT_EQ(error.code, "DBClusterNotFoundFault");
  const auto response = rds.refuse(Protocol::query, error, "id");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(
      response.body,
      R"(<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>DBClusterNotFoundFault</Code>)"
      "<Message>DBCluster x not found.</Message></Error><RequestId>id</RequestId></ErrorResponse>");
  EXPECT_EQ(api::rds::errors::db_instance_not_found_fault("").code, "DBInstanceNotFound");
  const Wire ec2(api::ec2::service_model);
  const auto other = ec2.refuse(Protocol::ec2, api::ec2::errors::invalid_vpc_id_not_found("no"), "id");
  EXPECT_EQ(other.body,
            "<?xml version=\"1.0\" "
            "encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no</Message>"
            "</Error></Errors><RequestID>id</RequestID></Response>");
}

}  // namespace
}  // namespace boreal::aws::wire
