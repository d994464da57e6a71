#include "ec2/service.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "aws/testing.h"

namespace boreal::ec2 {
namespace {

class Ec2Test : public testing::Test {
 protected:
  aws::CallFixture fixture;
  Service ec2{fixture.context()};

  template <class Out, class In>
  Out ok(std::string_view operation, In input) {
    auto out = fixture.call<Out>(ec2, operation, std::move(input));
    if (!out) throw std::runtime_error(out.error().code + ": " + out.error().message);
    return std::move(*out);
  }
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    auto out = fixture.call<Out>(ec2, operation, std::move(input));
    return out ? "" : out.error().code;
  }

  std::string vpc(std::string cidr = "10.0.0.0/16") {
    return *ok<api::CreateVpcResult>("CreateVpc", api::CreateVpcRequest{.cidr_block = cidr}).vpc->vpc_id;
  }
  std::string subnet(const std::string& vpc_id, std::string cidr) {
    return *ok<api::CreateSubnetResult>("CreateSubnet", api::CreateSubnetRequest{.cidr_block = cidr, .vpc_id = vpc_id})
                .subnet->subnet_id;
  }
  std::string subnet_code(const std::string& vpc_id, std::string cidr) {
    return code<api::CreateSubnetResult>("CreateSubnet",
                                         api::CreateSubnetRequest{.cidr_block = cidr, .vpc_id = vpc_id});
  }
  std::string group(const std::string& vpc_id, std::string name) {
    return *ok<api::CreateSecurityGroupResult>(
                "CreateSecurityGroup",
                api::CreateSecurityGroupRequest{.description = "d", .group_name = name, .vpc_id = vpc_id})
                .group_id;
  }
  static api::IpPermission tcp(int32_t from, int32_t to, std::string cidr) {
    api::IpPermission permission{.ip_protocol = "tcp", .from_port = from, .to_port = to};
    if (cidr.starts_with("sg-")) {
      permission.user_id_group_pairs = std::vector<api::UserIdGroupPair>{{.group_id = cidr}};
    } else if (cidr.contains(':')) {
      permission.ipv6_ranges = std::vector<api::Ipv6Range>{{.cidr_ipv6 = cidr}};
    } else {
      permission.ip_ranges = std::vector<api::IpRange>{{.cidr_ip = cidr}};
    }
    return permission;
  }
  static api::AuthorizeSecurityGroupIngressRequest let_in(const std::string& id, std::vector<api::IpPermission> all) {
    return {.group_id = id, .ip_permissions = std::move(all)};
  }
  static api::RevokeSecurityGroupIngressRequest keep_out(const std::string& id, std::vector<api::IpPermission> all) {
    return {.group_id = id, .ip_permissions = std::move(all)};
  }
  std::vector<api::SecurityGroup> groups(const std::string& vpc_id) {
    const std::vector<api::Filter> filters{{.name = "vpc-id", .values = std::vector<std::string>{vpc_id}}};
    return *ok<api::DescribeSecurityGroupsResult>("DescribeSecurityGroups",
                                                  api::DescribeSecurityGroupsRequest{.filters = filters})
                .security_groups;
  }
};

using Authorized = api::AuthorizeSecurityGroupIngressResult;
using Revoked = api::RevokeSecurityGroupIngressResult;

TEST_F(Ec2Test, TheDefaultNetworkIsTheSameBeforeAndAfterItIsWritten) {
  const auto before = *ok<api::DescribeVpcsResult>("DescribeVpcs", api::DescribeVpcsRequest{}).vpcs;
  ASSERT_EQ(before.size(), 1u);
  EXPECT_TRUE(*before[0].is_default);
  const auto subnets = *ec2.default_subnets("000000000000", "us-east-1");
  ASSERT_EQ(subnets.size(), 6u);
  EXPECT_EQ(subnets[1].cidr, "172.31.16.0/20");
  vpc();
  const auto after = *ok<api::DescribeVpcsResult>("DescribeVpcs", api::DescribeVpcsRequest{}).vpcs;
  EXPECT_EQ(after.size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(after, [&](const api::Vpc& v) { return v.vpc_id == before[0].vpc_id; }));
  EXPECT_EQ(ec2.default_subnets("000000000000", "us-east-1")->front().id, subnets.front().id);
  EXPECT_EQ(ec2.default_subnets("000000000000", "eu-west-1")->size(), 3u);
  EXPECT_NE(ec2.default_subnets("000000000001", "us-east-1")->front().id, subnets.front().id);
}

TEST_F(Ec2Test, DefaultVpcCanGoAndBeMadeAnew) {
  EXPECT_EQ(code<api::CreateDefaultVpcResult>("CreateDefaultVpc", api::CreateDefaultVpcRequest{}),
            "DefaultVpcAlreadyExists");
  const auto subnets = *ec2.default_subnets("000000000000", "us-east-1");
  const std::string id = subnets.front().vpc_id;
  EXPECT_EQ(code<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = id}), "DependencyViolation");
  for (const auto& s : subnets)
    ok<api::DeleteSubnetOutput>("DeleteSubnet", api::DeleteSubnetRequest{.subnet_id = s.id});
  const auto gateways =
      *ok<api::DescribeInternetGatewaysResult>("DescribeInternetGateways", api::DescribeInternetGatewaysRequest{})
           .internet_gateways;
  ok<api::DetachInternetGatewayOutput>(
      "DetachInternetGateway",
      api::DetachInternetGatewayRequest{.internet_gateway_id = *gateways[0].internet_gateway_id, .vpc_id = id});
  ok<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = id});
  EXPECT_TRUE(ec2.default_subnets("000000000000", "us-east-1")->empty());
  ok<api::CreateDefaultVpcResult>("CreateDefaultVpc", api::CreateDefaultVpcRequest{});
  EXPECT_EQ(ec2.default_subnets("000000000000", "us-east-1")->size(), 6u);
}

TEST_F(Ec2Test, VpcRanges) {
  const auto code_of = [&](std::string cidr) {
    return code<api::CreateVpcResult>("CreateVpc", api::CreateVpcRequest{.cidr_block = cidr});
  };
  EXPECT_EQ(code_of("10.0.0.0/15"), "InvalidVpc.Range");
  EXPECT_EQ(code_of("10.0.0.0/29"), "InvalidVpc.Range");
  EXPECT_EQ(code_of("10.0.0.0"), "InvalidParameterValue");
  EXPECT_EQ(code_of("::/20"), "InvalidParameterValue");
  EXPECT_EQ(code_of("10.0.0.0/28"), "");
  EXPECT_EQ(code<api::CreateVpcResult>("CreateVpc", api::CreateVpcRequest{}), "MissingParameter");
}

TEST_F(Ec2Test, SubnetsLieInTheVpcAndApart) {
  const std::string id = vpc();
  const std::string first = subnet(id, "10.0.20.0/24");
  EXPECT_EQ(subnet_code(id, "10.0.20.128/25"), "InvalidSubnet.Conflict");
  EXPECT_EQ(subnet_code(id, "10.0.16.0/20"), "InvalidSubnet.Conflict");
  EXPECT_EQ(subnet_code(id, "10.1.0.0/24"), "InvalidSubnet.Range");
  EXPECT_EQ(subnet_code(id, "10.0.0.0/29"), "InvalidSubnet.Range");
  EXPECT_EQ(subnet_code("vpc-00000000000000000", "10.0.0.0/24"), "InvalidVpcID.NotFound");
  EXPECT_EQ(subnet_code(id, "10.0.21.0/24"), "");
  const auto shown =
      *ok<api::DescribeSubnetsResult>("DescribeSubnets", api::DescribeSubnetsRequest{.subnet_ids = std::vector{first}})
           .subnets;
  EXPECT_EQ(*shown[0].available_ip_address_count, 251);
  EXPECT_EQ(*shown[0].availability_zone, "us-east-1a");
  EXPECT_EQ(code<api::DescribeSubnetsResult>(
                "DescribeSubnets", api::DescribeSubnetsRequest{.subnet_ids = std::vector<std::string>{"subnet-0"}}),
            "InvalidSubnetID.NotFound");
}

TEST_F(Ec2Test, AVpcComesWithItsPartsAndTakesThemAlong) {
  const std::string id = vpc();
  ASSERT_EQ(groups(id).size(), 1u);
  EXPECT_EQ(*groups(id)[0].group_name, "default");
  EXPECT_EQ(groups(id)[0].ip_permissions->at(0).user_id_group_pairs->at(0).group_id, groups(id)[0].group_id);
  const std::string sub = subnet(id, "10.0.0.0/24");
  EXPECT_EQ(code<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = id}), "DependencyViolation");
  ok<api::DeleteSubnetOutput>("DeleteSubnet", api::DeleteSubnetRequest{.subnet_id = sub});
  ok<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = id});
  EXPECT_TRUE(groups(id).empty());
  EXPECT_EQ(code<api::DescribeVpcsResult>("DescribeVpcs", api::DescribeVpcsRequest{.vpc_ids = std::vector{id}}),
            "InvalidVpcID.NotFound");
}

TEST_F(Ec2Test, GroupNames) {
  const std::string id = vpc();
  const std::string made = group(id, "data");
  const auto again = [&](std::string name) {
    return code<api::CreateSecurityGroupResult>(
        "CreateSecurityGroup", api::CreateSecurityGroupRequest{.description = "d", .group_name = name, .vpc_id = id});
  };
  EXPECT_EQ(again("data"), "InvalidGroup.Duplicate");
  EXPECT_EQ(again("default"), "InvalidParameterValue");
  EXPECT_EQ(again("sg-x"), "InvalidParameterValue");
  EXPECT_EQ(again("a<b"), "InvalidParameterValue");
  EXPECT_EQ(again(std::string(256, 'a')), "InvalidParameterValue");
  EXPECT_EQ(code<api::DeleteSecurityGroupResult>(
                "DeleteSecurityGroup",
                api::DeleteSecurityGroupRequest{.group_id = *ec2.default_group("000000000000", "us-east-1", id)}),
            "CannotDelete");
  ok<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = made});
  EXPECT_EQ(
      code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = made}),
      "InvalidGroup.NotFound");
}

TEST_F(Ec2Test, RulesAreAddedOnceAndTakenAway) {
  const std::string id = group(vpc(), "data");
  std::vector<std::string> told;
  ec2.on_group_change(
      [&](const std::string&, const std::string& region, const std::string& g) { told.push_back(region + g); });
  const auto out = ok<Authorized>("AuthorizeSecurityGroupIngress",
                                  let_in(id, {tcp(5432, 5432, "10.0.1.2/16"), tcp(5432, 5432, "::/0")}));
  ASSERT_EQ(out.security_group_rules->size(), 2u);
  EXPECT_EQ(*out.security_group_rules->at(0).cidr_ipv4, "10.0.0.0/16");
  EXPECT_EQ(told, std::vector{"us-east-1" + id});
  EXPECT_EQ(code<Authorized>("AuthorizeSecurityGroupIngress", let_in(id, {tcp(5432, 5432, "10.0.0.0/16")})),
            "InvalidPermission.Duplicate");
  EXPECT_EQ(
      code<Authorized>("AuthorizeSecurityGroupIngress", let_in(id, {tcp(1, 1, "1.1.1.1/32"), tcp(1, 1, "1.1.1.1/32")})),
      "InvalidParameterValue");
  EXPECT_EQ(code<Revoked>("RevokeSecurityGroupIngress", keep_out(id, {tcp(5433, 5433, "10.0.0.0/16")})),
            "InvalidPermission.NotFound");
  ok<Revoked>("RevokeSecurityGroupIngress", keep_out(id, {tcp(5432, 5432, "10.0.0.0/16")}));
  const std::string rule = *out.security_group_rules->at(1).security_group_rule_id;
  api::RevokeSecurityGroupIngressRequest by_id{.group_id = id, .security_group_rule_ids = std::vector{rule}};
  ok<Revoked>("RevokeSecurityGroupIngress", by_id);
  EXPECT_EQ(code<Revoked>("RevokeSecurityGroupIngress", by_id), "InvalidSecurityGroupRuleId.NotFound");
  EXPECT_TRUE(ec2.ingress("000000000000", "us-east-1", id)->empty());
  EXPECT_EQ(told.size(), 3u);
}

TEST_F(Ec2Test, WrongRulesAreRefused) {
  const std::string id = group(vpc(), "data");
  const auto code_of = [&](api::IpPermission p) {
    return code<Authorized>("AuthorizeSecurityGroupIngress", let_in(id, {p}));
  };
  EXPECT_EQ(code_of(tcp(2, 1, "1.1.1.1/32")), "InvalidParameterValue");
  EXPECT_EQ(code_of(tcp(0, 65536, "1.1.1.1/32")), "InvalidParameterValue");
  EXPECT_EQ(code_of(tcp(1, 1, "1.1.1.1")), "InvalidParameterValue");
  EXPECT_EQ(code_of({.ip_protocol = "tcp", .from_port = 1, .to_port = 1}), "InvalidParameterValue");
  EXPECT_EQ(code_of(tcp(1, 1, "sg-00000000000000000")), "InvalidGroup.NotFound");
  auto unknown = tcp(1, 1, "1.1.1.1/32");
  unknown.ip_protocol = "carrier-pigeon";
  EXPECT_EQ(code_of(unknown), "InvalidParameterValue");
  unknown.ip_protocol = "256";
  EXPECT_EQ(code_of(unknown), "InvalidParameterValue");
  EXPECT_EQ(
      code<Authorized>("AuthorizeSecurityGroupIngress", api::AuthorizeSecurityGroupIngressRequest{.group_id = id}),
      "MissingParameter");
  std::vector<api::IpPermission> many;
  for (int i = 0; i <= 60; ++i) many.push_back(tcp(i, i, "1.1.1.1/32"));
  EXPECT_EQ(code<Authorized>("AuthorizeSecurityGroupIngress", let_in(id, many)), "RulesPerSecurityGroupLimitExceeded");
  EXPECT_TRUE(ec2.ingress("000000000000", "us-east-1", id)->empty());
}

TEST_F(Ec2Test, PeersAreCountedBeforeTheyAreLookedUp) {
  const std::string network = vpc();
  const std::string data = group(network, "data");
  const std::string apps = group(network, "apps");
  api::IpPermission permission{.ip_protocol = "-1"};
  permission.user_id_group_pairs = std::vector<api::UserIdGroupPair>(61, {.group_name = "none"});
  const auto authorize = [&] { return code<Authorized>("AuthorizeSecurityGroupIngress", let_in(data, {permission})); };
  EXPECT_EQ(authorize(), "RulesPerSecurityGroupLimitExceeded");
  permission.user_id_group_pairs = std::vector<api::UserIdGroupPair>{{.group_name = "apps"}, {.group_name = "none"}};
  EXPECT_EQ(authorize(), "InvalidGroup.NotFound");
  permission.user_id_group_pairs = std::vector<api::UserIdGroupPair>{{.group_name = "apps"}, {.group_name = "data"}};
  EXPECT_EQ(authorize(), "");
  const auto rules = *ec2.ingress("000000000000", "us-east-1", data);
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].source_group_id, apps);
  EXPECT_EQ(rules[1].source_group_id, data);
}

TEST_F(Ec2Test, WhatIsNamedTwiceIsShownOnce) {
  const std::string data = group("", "data");
  const std::string apps = group("", "apps");
  const auto by_id = ok<api::DescribeSecurityGroupsResult>(
      "DescribeSecurityGroups", api::DescribeSecurityGroupsRequest{.group_ids = std::vector{data, apps, data}});
  EXPECT_EQ(by_id.security_groups->size(), 2u);
  const std::vector<std::string> twice{"data", "data"}, wrong{"data", "none"};
  const auto by_name = ok<api::DescribeSecurityGroupsResult>("DescribeSecurityGroups",
                                                             api::DescribeSecurityGroupsRequest{.group_names = twice});
  ASSERT_EQ(by_name.security_groups->size(), 1u);
  EXPECT_EQ(by_name.security_groups->at(0).group_id, data);
  EXPECT_EQ(code<api::DescribeSecurityGroupsResult>("DescribeSecurityGroups",
                                                    api::DescribeSecurityGroupsRequest{.group_names = wrong}),
            "InvalidGroup.NotFound");
  const auto rules = [&](std::optional<std::vector<std::string>> ids) {
    return *ok<api::DescribeSecurityGroupRulesResult>(
                "DescribeSecurityGroupRules",
                api::DescribeSecurityGroupRulesRequest{.security_group_rule_ids = std::move(ids)})
                .security_group_rules;
  };
  const std::string one = *rules({}).at(0).security_group_rule_id;
  EXPECT_EQ(rules(std::vector{one, one}).size(), 1u);
  EXPECT_GT(rules({}).size(), 1u);
}

TEST_F(Ec2Test, GroupsReferToGroups) {
  const std::string id = vpc();
  const std::string apps = group(id, "apps");
  const std::string data = group(id, "data");
  ok<Authorized>("AuthorizeSecurityGroupIngress", let_in(data, {tcp(5432, 5432, apps)}));
  const auto rules = *ec2.ingress("000000000000", "us-east-1", data);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].source_group_id, apps);
  EXPECT_EQ(rules[0].from_port, 5432);
  EXPECT_EQ(
      code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = apps}),
      "DependencyViolation");
  ok<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = data});
  ok<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = apps});
}

TEST_F(Ec2Test, ModifiedRulesKeepTheirIds) {
  const std::string id = group(vpc(), "data");
  const auto out =
      ok<Authorized>("AuthorizeSecurityGroupIngress", let_in(id, {tcp(1, 1, "1.1.1.1/32"), tcp(2, 2, "1.1.1.1/32")}));
  const std::string rule = *out.security_group_rules->at(0).security_group_rule_id;
  const auto modify = [&](int32_t port) {
    return api::ModifySecurityGroupRulesRequest{
        .group_id = id,
        .security_group_rules = {{.security_group_rule_id = rule,
                                  .security_group_rule = api::SecurityGroupRuleRequest{.ip_protocol = "tcp",
                                                                                       .from_port = port,
                                                                                       .to_port = port,
                                                                                       .cidr_ipv4 = "1.1.1.1/32",
                                                                                       .description = "x"}}}};
  };
  EXPECT_EQ(code<api::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", modify(2)),
            "InvalidPermission.Duplicate");
  ok<api::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", modify(3));
  const auto shown = *ok<api::DescribeSecurityGroupRulesResult>(
                          "DescribeSecurityGroupRules",
                          api::DescribeSecurityGroupRulesRequest{.security_group_rule_ids = std::vector{rule}})
                          .security_group_rules;
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(*shown[0].from_port, 3);
  EXPECT_EQ(*shown[0].description, "x");
}

TEST_F(Ec2Test, InterfacesHoldTheirSubnetAndGroups) {
  const std::string id = vpc();
  const std::string sub = subnet(id, "10.0.0.0/28");
  const std::string data = group(id, "data");
  const aws::Network::Interface interface{
      .owner = "rds:one", .subnet_id = sub, .group_ids = {data}, .description = "RDSNetworkInterface"};
  for (int i = 0; i < 2; ++i) {  // asked for again: still one
    EXPECT_TRUE(fixture.run(ec2.attach_interface("000000000000", "us-east-1", interface)));
  }
  const auto shown =
      *ok<api::DescribeNetworkInterfacesResult>("DescribeNetworkInterfaces", api::DescribeNetworkInterfacesRequest{})
           .network_interfaces;
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(*shown[0].private_ip_address, "10.0.0.4");
  EXPECT_EQ(*shown[0].groups->at(0).group_name, "data");
  EXPECT_EQ(code<api::DeleteSubnetOutput>("DeleteSubnet", api::DeleteSubnetRequest{.subnet_id = sub}),
            "DependencyViolation");
  EXPECT_EQ(
      code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = data}),
      "DependencyViolation");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(fixture.run(ec2.detach_interface("000000000000", "us-east-1", "rds:one")));
  ok<api::DeleteSubnetOutput>("DeleteSubnet", api::DeleteSubnetRequest{.subnet_id = sub});
  ok<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = data});
}

TEST_F(Ec2Test, ASubnetRunsOutOfAddresses) {
  const std::string sub = subnet(vpc(), "10.0.0.0/28");
  for (int i = 0; i < 11; ++i) {
    EXPECT_TRUE(fixture.run(
        ec2.attach_interface("000000000000", "us-east-1", {.owner = "rds:" + std::to_string(i), .subnet_id = sub})));
  }
  const auto full =
      fixture.run(ec2.attach_interface("000000000000", "us-east-1", {.owner = "rds:x", .subnet_id = sub}));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, "InsufficientFreeAddressesInSubnet");
}

TEST_F(Ec2Test, TagsOfAnyResource) {
  const std::string id = vpc();
  const std::string data = group(id, "data");
  const auto rule = *ok<Authorized>("AuthorizeSecurityGroupIngress", let_in(data, {tcp(1, 1, "1.1.1.1/32")}))
                         .security_group_rules->at(0)
                         .security_group_rule_id;
  const api::CreateTagsRequest tag{.resources = {id, rule}, .tags = {{.key = "Name", .value = "x"}}};
  ok<api::CreateTagsOutput>("CreateTags", tag);
  EXPECT_EQ(ok<api::DescribeTagsResult>("DescribeTags", api::DescribeTagsRequest{}).tags->size(), 2u);
  // All or nothing.
  auto bad = tag;
  bad.resources = {data, "vpc-00000000000000000"};
  EXPECT_EQ(code<api::CreateTagsOutput>("CreateTags", bad), "InvalidVpcID.NotFound");
  bad.resources = {"thing-1"};
  EXPECT_EQ(code<api::CreateTagsOutput>("CreateTags", bad), "InvalidID");
  bad = tag;
  bad.tags = {{.key = "aws:x", .value = "x"}};
  EXPECT_EQ(code<api::CreateTagsOutput>("CreateTags", bad), "InvalidParameterValue");
  ok<api::DeleteTagsOutput>(
      "DeleteTags",
      api::DeleteTagsRequest{.resources = {id}, .tags = std::vector<api::Tag>{{.key = "Name", .value = "y"}}});
  EXPECT_EQ(ok<api::DescribeTagsResult>("DescribeTags", api::DescribeTagsRequest{}).tags->size(), 2u);
  ok<api::DeleteTagsOutput>("DeleteTags", api::DeleteTagsRequest{.resources = {id, rule}});
  EXPECT_TRUE(ok<api::DescribeTagsResult>("DescribeTags", api::DescribeTagsRequest{}).tags->empty());
}

TEST_F(Ec2Test, RoutesNeedAGatewayOfTheVpc) {
  const std::string id = vpc();
  const auto table = *ok<api::CreateRouteTableResult>("CreateRouteTable", api::CreateRouteTableRequest{.vpc_id = id})
                          .route_table->route_table_id;
  const auto gateway =
      *ok<api::CreateInternetGatewayResult>("CreateInternetGateway", api::CreateInternetGatewayRequest{})
           .internet_gateway->internet_gateway_id;
  const api::CreateRouteRequest route{
      .route_table_id = table, .destination_cidr_block = "0.0.0.0/0", .gateway_id = gateway};
  EXPECT_EQ(code<api::CreateRouteResult>("CreateRoute", route), "InvalidParameterValue");
  const api::AttachInternetGatewayRequest attach{.internet_gateway_id = gateway, .vpc_id = id};
  ok<api::AttachInternetGatewayOutput>("AttachInternetGateway", attach);
  EXPECT_EQ(code<api::AttachInternetGatewayOutput>("AttachInternetGateway", attach), "Resource.AlreadyAssociated");
  ok<api::CreateRouteResult>("CreateRoute", route);
  auto local = route;
  local.destination_cidr_block = "10.0.0.0/16";
  EXPECT_EQ(code<api::CreateRouteResult>("CreateRoute", local), "RouteAlreadyExists");
  const auto drop = [&](std::string cidr) {
    return code<api::DeleteRouteOutput>(
        "DeleteRoute", api::DeleteRouteRequest{.route_table_id = table, .destination_cidr_block = cidr});
  };
  EXPECT_EQ(drop("10.0.0.0/16"), "InvalidParameterValue");
  EXPECT_EQ(drop("0.0.0.0/0"), "");
  EXPECT_EQ(drop("0.0.0.0/0"), "InvalidRoute.NotFound");
}

TEST_F(Ec2Test, AssociationsOfRouteTables) {
  const std::string id = vpc();
  const std::string sub = subnet(id, "10.0.0.0/24");
  const auto make = [&] {
    return *ok<api::CreateRouteTableResult>("CreateRouteTable", api::CreateRouteTableRequest{.vpc_id = id})
                .route_table->route_table_id;
  };
  const std::string one = make();
  const std::string two = make();
  const auto association =
      *ok<api::AssociateRouteTableResult>("AssociateRouteTable",
                                          api::AssociateRouteTableRequest{.subnet_id = sub, .route_table_id = one})
           .association_id;
  EXPECT_EQ(code<api::AssociateRouteTableResult>(
                "AssociateRouteTable", api::AssociateRouteTableRequest{.subnet_id = sub, .route_table_id = two}),
            "Resource.AlreadyAssociated");
  EXPECT_EQ(code<api::DeleteRouteTableOutput>("DeleteRouteTable", api::DeleteRouteTableRequest{.route_table_id = one}),
            "DependencyViolation");
  const auto moved =
      *ok<api::ReplaceRouteTableAssociationResult>(
           "ReplaceRouteTableAssociation",
           api::ReplaceRouteTableAssociationRequest{.association_id = association, .route_table_id = two})
           .new_association_id;
  ok<api::DeleteRouteTableOutput>("DeleteRouteTable", api::DeleteRouteTableRequest{.route_table_id = one});
  ok<api::DisassociateRouteTableOutput>("DisassociateRouteTable",
                                        api::DisassociateRouteTableRequest{.association_id = moved});
  ok<api::DeleteRouteTableOutput>("DeleteRouteTable", api::DeleteRouteTableRequest{.route_table_id = two});
}

TEST_F(Ec2Test, DryRunSaysWhatWouldHappenAndDoesNothing) {
  const api::CreateVpcRequest dry{.cidr_block = "10.0.0.0/16", .dry_run = true};
  const auto out = fixture.call<api::CreateVpcResult>(ec2, "CreateVpc", dry);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, "DryRunOperation");
  EXPECT_EQ(out.error().status, 412);
  EXPECT_EQ(ok<api::DescribeVpcsResult>("DescribeVpcs", api::DescribeVpcsRequest{}).vpcs->size(), 1u);
  fixture.principal = aws::user_principal("000000000000", "bob");
  EXPECT_EQ(code<api::CreateVpcResult>("CreateVpc", dry), "UnauthorizedOperation");
}

TEST_F(Ec2Test, PoliciesSpeakOfTags) {
  const std::string mine = vpc();
  const std::string other = vpc("10.1.0.0/16");
  ok<api::CreateTagsOutput>("CreateTags",
                            api::CreateTagsRequest{.resources = {mine}, .tags = {{.key = "team", .value = "a"}}});
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DeleteVpc","ec2:CreateVpc"],"Resource":"*",
          "Condition":{"StringEqualsIfExists":{"aws:ResourceTag/team":"a"}}},
          {"Effect":"Deny","Action":"ec2:DeleteVpc","Resource":"*","Condition":{"Null":{"ec2:ResourceTag/team":"true"}}}]})")};
  EXPECT_EQ(code<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = other}), "UnauthorizedOperation");
  EXPECT_EQ(code<api::DeleteVpcOutput>("DeleteVpc", api::DeleteVpcRequest{.vpc_id = mine}), "");
  // Tags at creation want ec2:CreateTags too.
  EXPECT_EQ(code<api::CreateVpcResult>("CreateVpc", api::CreateVpcRequest{.cidr_block = "10.2.0.0/16"}), "");
  const std::vector<api::TagSpecification> tags{
      {.resource_type = "vpc", .tags = std::vector<api::Tag>{{.key = "a", .value = "b"}}}};
  EXPECT_EQ(code<api::CreateVpcResult>("CreateVpc",
                                       api::CreateVpcRequest{.cidr_block = "10.2.0.0/16", .tag_specifications = tags}),
            "UnauthorizedOperation");
}

TEST_F(Ec2Test, PoliciesSpeakOfRegionsAndVpcs) {
  const std::string mine = vpc();
  const std::string other = vpc("10.1.0.0/16");
  const std::string near = group(mine, "near");
  const std::string far = group(other, "far");
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"ec2:DeleteSecurityGroup","Resource":"*","Condition":{)"
      R"("ArnEquals":{"ec2:Vpc":"arn:aws:ec2:us-east-1:000000000000:vpc/)" +
      mine + R"("},"StringEquals":{"ec2:Region":"us-east-1"}}}]})")};
  const auto drop = [&](const std::string& id) {
    return code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_id = id});
  };
  EXPECT_EQ(drop(far), "UnauthorizedOperation");
  EXPECT_EQ(drop(near), "");
}

// However it is named, a policy is asked about what is meant.
TEST_F(Ec2Test, PoliciesSpeakOfWhatIsNamedOtherwise) {
  const auto vpcs = ok<api::DescribeVpcsResult>("DescribeVpcs", api::DescribeVpcsRequest{});
  const std::string default_vpc = *vpcs.vpcs->at(0).vpc_id;
  group(default_vpc, "kept");
  group(default_vpc, "free");
  const std::string network = vpc();
  const std::string net = subnet(network, "10.0.1.0/24");
  const auto table = [&] {
    return *ok<api::CreateRouteTableResult>("CreateRouteTable", api::CreateRouteTableRequest{.vpc_id = network})
                .route_table->route_table_id;
  };
  const std::string kept = table(), other = table();
  const std::string association =
      *ok<api::AssociateRouteTableResult>("AssociateRouteTable",
                                          api::AssociateRouteTableRequest{.subnet_id = net, .route_table_id = kept})
           .association_id;
  const auto block = ok<api::AssociateVpcCidrBlockResult>(
      "AssociateVpcCidrBlock", api::AssociateVpcCidrBlockRequest{.cidr_block = "10.9.0.0/16", .vpc_id = network});
  const auto acls = ok<api::DescribeNetworkAclsResult>(
      "DescribeNetworkAcls",
      api::DescribeNetworkAclsRequest{
          .filters = std::vector<api::Filter>{{.name = "vpc-id", .values = std::vector<std::string>{network}}}});
  const auto acl = ok<api::CreateNetworkAclResult>("CreateNetworkAcl", api::CreateNetworkAclRequest{.vpc_id = network});
  for (const std::string& id :
       {ok<api::DescribeSecurityGroupsResult>("DescribeSecurityGroups",
                                              api::DescribeSecurityGroupsRequest{.group_names = {{"kept"}}})
            .security_groups->at(0)
            .group_id.value(),
        kept, network, *acls.network_acls->at(0).network_acl_id}) {
    ok<api::CreateTagsOutput>("CreateTags",
                              api::CreateTagsRequest{.resources = {id}, .tags = {{.key = "keep", .value = "yes"}}});
  }
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*",)"
      R"("Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/keep":"yes"}}}]})")};
  const auto delete_group = [&](const std::string& name) {
    return code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup",
                                                api::DeleteSecurityGroupRequest{.group_name = name});
  };
  EXPECT_EQ(delete_group("kept"), "UnauthorizedOperation");
  EXPECT_EQ(delete_group("free"), "");
  EXPECT_EQ(delete_group("none"), "InvalidGroup.NotFound");
  EXPECT_EQ(code<api::DisassociateRouteTableOutput>("DisassociateRouteTable",
                                                    api::DisassociateRouteTableRequest{.association_id = association}),
            "UnauthorizedOperation");
  EXPECT_EQ(code<api::ReplaceRouteTableAssociationResult>(
                "ReplaceRouteTableAssociation",
                api::ReplaceRouteTableAssociationRequest{.association_id = association, .route_table_id = other}),
            "UnauthorizedOperation");
  EXPECT_EQ(code<api::ReplaceNetworkAclAssociationResult>(
                "ReplaceNetworkAclAssociation",
                api::ReplaceNetworkAclAssociationRequest{
                    .association_id = *acls.network_acls->at(0).associations->at(0).network_acl_association_id,
                    .network_acl_id = *acl.network_acl->network_acl_id}),
            "UnauthorizedOperation");
  EXPECT_EQ(code<api::DisassociateVpcCidrBlockResult>(
                "DisassociateVpcCidrBlock",
                api::DisassociateVpcCidrBlockRequest{.association_id = *block.cidr_block_association->association_id}),
            "UnauthorizedOperation");
}

// As SDKs send a call again whose answer did not come.
TEST_F(Ec2Test, WhatIsAskedForAgainWithItsTokenIsMadeOnce) {
  const std::string id = vpc();
  const std::string other = vpc("10.1.0.0/16");
  const auto table = [&](std::string in, std::optional<std::string> token) {
    return *ok<api::CreateRouteTableResult>("CreateRouteTable",
                                            api::CreateRouteTableRequest{.client_token = token, .vpc_id = in})
                .route_table->route_table_id;
  };
  const std::string made = table(id, "token-1");
  EXPECT_EQ(table(id, "token-1"), made);
  EXPECT_NE(table(id, "token-2"), made);
  EXPECT_NE(table(id, {}), table(id, {}));
  const auto wrong = [&](std::string in, std::string token) {
    return code<api::CreateRouteTableResult>("CreateRouteTable",
                                             api::CreateRouteTableRequest{.client_token = token, .vpc_id = in});
  };
  EXPECT_EQ(wrong(other, "token-1"), "IdempotentParameterMismatch");
  EXPECT_EQ(wrong(id, std::string(65, 'a')), "InvalidParameterValue");
  const api::CreateNetworkAclRequest acl{.client_token = "token-1", .vpc_id = id};
  const auto first = ok<api::CreateNetworkAclResult>("CreateNetworkAcl", acl);
  const auto second = ok<api::CreateNetworkAclResult>("CreateNetworkAcl", acl);
  EXPECT_EQ(*first.network_acl->network_acl_id, *second.network_acl->network_acl_id);
  ok<api::DeleteNetworkAclOutput>("DeleteNetworkAcl",
                                  api::DeleteNetworkAclRequest{.network_acl_id = *first.network_acl->network_acl_id});
}

TEST_F(Ec2Test, RoutesToAGatewayThatIsNotThereAreBlackHoles) {
  const std::string id = vpc();
  const auto table = *ok<api::CreateRouteTableResult>("CreateRouteTable", api::CreateRouteTableRequest{.vpc_id = id})
                          .route_table->route_table_id;
  const auto gateway =
      *ok<api::CreateInternetGatewayResult>("CreateInternetGateway", api::CreateInternetGatewayRequest{})
           .internet_gateway->internet_gateway_id;
  ok<api::AttachInternetGatewayOutput>("AttachInternetGateway",
                                       api::AttachInternetGatewayRequest{.internet_gateway_id = gateway, .vpc_id = id});
  ok<api::CreateRouteResult>(
      "CreateRoute",
      api::CreateRouteRequest{.route_table_id = table, .destination_cidr_block = "0.0.0.0/0", .gateway_id = gateway});
  const auto states = [&] {
    const auto shown = ok<api::DescribeRouteTablesResult>(
        "DescribeRouteTables", api::DescribeRouteTablesRequest{.route_table_ids = std::vector{table}});
    std::string all;
    for (const api::Route& route : *shown.route_tables->at(0).routes) all += *route.state + " ";
    return all;
  };
  const auto black_holes = [&] {
    const std::vector<api::Filter> filters{{.name = "route.state", .values = std::vector<std::string>{"blackhole"}}};
    return ok<api::DescribeRouteTablesResult>("DescribeRouteTables",
                                              api::DescribeRouteTablesRequest{.filters = filters})
        .route_tables->size();
  };
  EXPECT_EQ(states(), "active active ");
  EXPECT_EQ(black_holes(), 0u);
  ok<api::DetachInternetGatewayOutput>("DetachInternetGateway",
                                       api::DetachInternetGatewayRequest{.internet_gateway_id = gateway, .vpc_id = id});
  EXPECT_EQ(states(), "active blackhole ");
  ok<api::DeleteInternetGatewayOutput>("DeleteInternetGateway",
                                       api::DeleteInternetGatewayRequest{.internet_gateway_id = gateway});
  EXPECT_EQ(states(), "active blackhole ");
  EXPECT_EQ(black_holes(), 1u);
}

TEST_F(Ec2Test, GroupsAreFoundByTheNamesOfThoseTheyLetIn) {
  const std::string id = vpc();
  const std::string apps = group(id, "apps");
  const std::string data = group(id, "data");
  ok<Authorized>("AuthorizeSecurityGroupIngress", let_in(data, {tcp(5432, 5432, apps)}));
  const auto found = [&](std::string filter, std::string value) {
    std::string names;
    const std::vector<api::Filter> filters{{.name = filter, .values = std::vector{value}}};
    const auto out = ok<api::DescribeSecurityGroupsResult>("DescribeSecurityGroups",
                                                           api::DescribeSecurityGroupsRequest{.filters = filters});
    for (const api::SecurityGroup& g : *out.security_groups) names += *g.group_name + " ";
    return names;
  };
  EXPECT_EQ(found("ip-permission.group-name", "apps"), "data ");
  EXPECT_EQ(found("ip-permission.group-id", apps), "data ");
  EXPECT_EQ(found("egress.ip-permission.group-name", "apps"), "");
}

// Source: EC2 API Reference, the filters of DescribeNetworkInterfaces and DescribeSubnets.
TEST_F(Ec2Test, DocumentedFiltersAreKnown) {
  const std::string sub = subnet(vpc(), "10.0.0.0/24");
  EXPECT_TRUE(fixture.run(ec2.attach_interface("000000000000", "us-east-1", {.owner = "rds:x", .subnet_id = sub})));
  const auto one = [](std::string name, std::string value) {
    return std::vector<api::Filter>{{.name = std::move(name), .values = std::vector{std::move(value)}}};
  };
  const auto interfaces = [&](std::string name, std::string value) {
    return ok<api::DescribeNetworkInterfacesResult>(
               "DescribeNetworkInterfaces",
               api::DescribeNetworkInterfacesRequest{.filters = one(std::move(name), std::move(value))})
        .network_interfaces->size();
  };
  EXPECT_EQ(interfaces("availability-zone-id", "use1-az1"), 1u);
  EXPECT_EQ(interfaces("attachment.attach-time", "2*Z"), 1u);
  EXPECT_EQ(interfaces("association.ip-owner-id", "*"), 0u);
  EXPECT_EQ(interfaces("association.public-dns-name", "*"), 0u);
  const auto subnets = [&](std::string name, std::string value) {
    auto filters = one(std::move(name), std::move(value));
    filters.push_back({.name = "subnet-id", .values = std::vector{sub}});
    return ok<api::DescribeSubnetsResult>("DescribeSubnets", api::DescribeSubnetsRequest{.filters = filters})
        .subnets->size();
  };
  EXPECT_EQ(subnets("enable-dns64", "false"), 1u);
  EXPECT_EQ(subnets("map-customer-owned-ip-on-launch", "false"), 1u);
  EXPECT_EQ(subnets("customer-owned-ipv4-pool", "*"), 0u);
  EXPECT_EQ(subnets("enable-lni-at-device-index", "*"), 0u);
}

TEST_F(Ec2Test, UnknownFiltersAreRefusedWhereThereIsNothingToFilter) {
  const std::vector<api::Filter> filters{{.name = "colour", .values = std::vector<std::string>{"red"}}};
  EXPECT_EQ(code<api::DescribeNetworkInterfacesResult>("DescribeNetworkInterfaces",
                                                       api::DescribeNetworkInterfacesRequest{.filters = filters}),
            "InvalidParameterValue");
}

}  // namespace
}  // namespace boreal::ec2
