"""EC2's network through boto3, the AWS CLI and Terraform."""
import json
import re
import unittest

from e2e.helpers import allow, policy, user
from harness import ROOT, Case, error_code, need
from terraform import GUIDE, Tree, needs_terraform


def filters(**values):
    return [{"Name": name.replace("_", "-"), "Values": [value] if isinstance(value, str) else value} for name, value in values.items()]


class Network(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = cls.boreal.client("ec2")

    def vpc(self, cidr="10.0.0.0/16"):
        vpc = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.addCleanup(self.ec2.delete_vpc, VpcId=vpc)
        return vpc

    def subnet(self, vpc, cidr):
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]
        self.addCleanup(self.ec2.delete_subnet, SubnetId=subnet["SubnetId"])
        return subnet

    def group(self, vpc, name):
        group = self.ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name)["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=group)
        return group

    def test_zones_and_regions(self):
        zones = self.ec2.describe_availability_zones(Filters=filters(state="available"))["AvailabilityZones"]
        self.assertGreaterEqual(len(zones), 3)
        self.assertEqual(("us-east-1a", "use1-az1", "available"), (zones[0]["ZoneName"], zones[0]["ZoneId"], zones[0]["State"]))
        regions = self.ec2.describe_regions(Filters=filters(region_name="eu-*"))["Regions"]
        self.assertIn("eu-central-1", [r["RegionName"] for r in regions])

    def test_default_network(self):
        vpc, = self.ec2.describe_vpcs(Filters=filters(is_default="true"))["Vpcs"]
        self.assertRegex(vpc["VpcId"], r"^vpc-[0-9a-f]{17}$")
        subnets = self.ec2.describe_subnets(Filters=filters(default_for_az="true"))["Subnets"]
        self.assertEqual({vpc["VpcId"]}, {s["VpcId"] for s in subnets})
        table, = self.ec2.describe_route_tables(Filters=[*filters(vpc_id=vpc["VpcId"]), {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
        self.assertEqual({"local"}, {r["GatewayId"] for r in table["Routes"] if r["DestinationCidrBlock"] == vpc["CidrBlock"]})
        acl, = self.ec2.describe_network_acls(Filters=filters(vpc_id=vpc["VpcId"], default="true"))["NetworkAcls"]
        self.assertEqual(len(subnets), len(acl["Associations"]))
        self.assertEqual({100, 32767}, {e["RuleNumber"] for e in acl["Entries"]})

    def test_vpc_attributes(self):
        vpc = self.vpc()
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        answer = self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        self.assertEqual({"Value": True}, answer["EnableDnsHostnames"])

    def test_subnets(self):
        vpc = self.vpc()
        subnet = self.subnet(vpc, "10.0.20.0/24")
        self.assertEqual(251, subnet["AvailableIpAddressCount"])
        self.assertEqual("InvalidSubnet.Conflict", error_code(self.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.20.0/25"))
        self.assertEqual("InvalidSubnet.Range", error_code(self.ec2.create_subnet, VpcId=vpc, CidrBlock="10.9.0.0/24"))
        self.assertEqual("InvalidParameterValue", error_code(self.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1z"))
        self.assertEqual("DependencyViolation", error_code(self.ec2.delete_vpc, VpcId=vpc))
        self.assertEqual("InvalidSubnetID.NotFound", error_code(self.ec2.delete_subnet, SubnetId="subnet-00000000000000000"))

    def test_security_group_rules(self):
        vpc = self.vpc()
        group, apps = self.group(vpc, "data"), self.group(vpc, "apps")
        permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                      "IpRanges": [{"CidrIp": "10.0.0.0/16", "Description": "applications"}], "UserIdGroupPairs": [{"GroupId": apps}]}
        rules = self.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "k", "Value": "v"}]}])["SecurityGroupRules"]
        self.assertEqual(2, len(rules))
        self.assertTrue(all(re.match(r"^sgr-[0-9a-f]{17}$", r["SecurityGroupRuleId"]) for r in rules))
        shown, = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        self.assertEqual([{"CidrIp": "10.0.0.0/16", "Description": "applications"}], shown["IpPermissions"][0]["IpRanges"])
        self.assertEqual("-1", shown["IpPermissionsEgress"][0]["IpProtocol"])
        self.assertNotIn("FromPort", shown["IpPermissionsEgress"][0])
        self.assertEqual("InvalidPermission.Duplicate", error_code(self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission]))
        tagged = self.ec2.describe_security_group_rules(Filters=[{"Name": "tag:k", "Values": ["v"]}])["SecurityGroupRules"]
        self.assertEqual({r["SecurityGroupRuleId"] for r in rules}, {r["SecurityGroupRuleId"] for r in tagged})
        self.assertEqual("DependencyViolation", error_code(self.ec2.delete_security_group, GroupId=apps))
        ids = [r["SecurityGroupRuleId"] for r in rules]
        self.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ids)
        self.assertEqual("InvalidSecurityGroupRuleId.NotFound", error_code(self.ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=ids))

    def test_gateways_and_routes(self):
        vpc = self.vpc()
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        shown, = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        self.assertEqual({"local", gateway}, {r["GatewayId"] for r in shown["Routes"]})
        self.assertEqual("DependencyViolation", error_code(self.ec2.delete_internet_gateway, InternetGatewayId=gateway))
        self.ec2.delete_route_table(RouteTableId=table)
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=gateway)

    def test_tags_and_pages(self):
        vpc = self.vpc()
        subnets = [self.subnet(vpc, f"10.0.{i}.0/24")["SubnetId"] for i in range(7)]
        self.ec2.create_tags(Resources=subnets, Tags=[{"Key": "Name", "Value": "data"}])
        pages = self.ec2.get_paginator("describe_subnets").paginate(Filters=[*filters(vpc_id=vpc), {"Name": "tag:Name", "Values": ["da?a"]}], PaginationConfig={"PageSize": 5})
        self.assertEqual(sorted(subnets), sorted(s["SubnetId"] for page in pages for s in page["Subnets"]))
        tags = self.ec2.describe_tags(Filters=filters(resource_id=subnets[0]))["Tags"]
        self.assertEqual([{"Key": "Name", "ResourceId": subnets[0], "ResourceType": "subnet", "Value": "data"}], tags)

    def test_dry_run_and_wrong_filters(self):
        self.assertEqual("DryRunOperation", error_code(self.ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True))
        self.assertEqual("InvalidParameterValue", error_code(self.ec2.describe_vpcs, Filters=filters(colour="red")))
        self.assertEqual([], self.ec2.describe_nat_gateways()["NatGateways"])

    def test_what_a_rule_or_route_cannot_mean_is_refused(self):
        """Where it was passed over, something else was opened than was asked for."""
        vpc = self.vpc()
        group, peer = self.group(vpc, "means"), self.group(vpc, "peer")
        let_in, let_out = self.ec2.authorize_security_group_ingress, self.ec2.authorize_security_group_egress
        pair = lambda **more: {"IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": peer, **more}]}]}
        classic = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}
        for call, more, code in (
                (let_in, {"SourceSecurityGroupName": "peer", "SourceSecurityGroupOwnerId": "111111111111"}, "InvalidGroup.NotFound"),
                (let_in, {"SourceSecurityGroupName": "peer", "CidrIp": "10.0.0.0/8", **classic}, "InvalidParameterCombination"),
                (let_in, {"SourceSecurityGroupOwnerId": "111111111111", "CidrIp": "10.0.0.0/8", **classic}, "MissingParameter"),
                (let_in, pair(VpcId="vpc-0123456789abcdef0"), "InvalidGroup.NotFound"),
                (let_in, pair(VpcPeeringConnectionId="pcx-0123456789abcdef0"), "InvalidVpcPeeringConnectionID.NotFound"),
                (let_out, {"SourceSecurityGroupName": "peer", "CidrIp": "10.0.0.0/8", **classic}, "InvalidParameterValue"),
                (let_in, {**pair(), "FromPort": 1, "ToPort": 1}, "InvalidParameterCombination"),
                (let_in, {**pair(), "CidrIp": "10.0.0.0/8", **classic}, "InvalidParameterCombination"),
                (self.ec2.update_security_group_rule_descriptions_ingress, {
                    **pair(), "SecurityGroupRuleDescriptions": [{"SecurityGroupRuleId": "sgr-0123456789abcdef0"}]}, "InvalidParameterCombination")):
            self.assertEqual(code, error_code(call, GroupId=group, **more), more)
        account = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["OwnerId"]
        mine = {"SourceSecurityGroupName": "peer", "SourceSecurityGroupOwnerId": account}
        let_in(GroupId=group, **mine)
        self.ec2.revoke_security_group_ingress(GroupId=group, **mine)
        let_in(GroupId=group, **pair(VpcId=vpc))
        self.ec2.revoke_security_group_ingress(GroupId=group, **pair(VpcId=vpc))
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.addCleanup(self.ec2.delete_route_table, RouteTableId=table)
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.addCleanup(self.ec2.delete_internet_gateway, InternetGatewayId=gateway)
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.addCleanup(self.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
        self.assertEqual("UnsupportedOperation", error_code(self.ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0",
                                                            GatewayId=gateway, NatGatewayId="nat-0123456789abcdef0"))
        for more, code in (({"LocalTarget": True, "GatewayId": gateway}, "InvalidParameterCombination"), ({"GatewayId": gateway}, "InvalidParameterValue")):
            self.assertEqual(code, error_code(self.ec2.replace_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", **more))
        self.ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", LocalTarget=True)
        self.assertEqual("UnsupportedOperation", error_code(self.ec2.create_vpc, CidrBlock="10.8.0.0/16", Ipv6CidrBlockNetworkBorderGroup="us-east-1"))

    def test_conditions_on_what_is_made(self):
        vpc, other = self.vpc(), self.vpc("10.1.0.0/16")
        arn = f"arn:aws:ec2:us-east-1:000000000000:vpc/{vpc}"
        tagged = [{"ResourceType": "subnet", "Tags": [{"Key": "team", "Value": "blue"}]}]
        # Tags of the request say nothing of the VPC, which gets none of them.
        blue = {"StringEquals": {"aws:RequestTag/team": "blue"}}
        ann = user(self, "ec2-blue", allow("ec2:*", Condition=blue))("ec2")
        self.assertEqual("UnauthorizedOperation", error_code(ann.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=tagged))
        self.boreal.client("iam").put_user_policy(UserName="ec2-blue", PolicyName="vpc", PolicyDocument=policy(allow("ec2:CreateSubnet", arn)))
        subnet = ann.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=tagged)["Subnet"]["SubnetId"]
        self.addCleanup(self.ec2.delete_subnet, SubnetId=subnet)
        self.assertEqual("UnauthorizedOperation", error_code(ann.create_subnet, VpcId=other, CidrBlock="10.1.0.0/24", TagSpecifications=tagged))
        self.assertEqual("UnauthorizedOperation", error_code(ann.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24"))
        # What is to be made lies in its VPC.
        bob = user(self, "ec2-outside", allow("ec2:*"), {
            "Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"ArnEquals": {"ec2:Vpc": arn}}})("ec2")
        for call, more in ((bob.create_subnet, {"CidrBlock": "10.0.2.0/24"}), (bob.create_route_table, {}), (bob.create_network_acl, {})):
            self.assertEqual("UnauthorizedOperation", error_code(call, VpcId=vpc, **more))
            self.assertEqual("DryRunOperation", error_code(call, VpcId=other, DryRun=True, **{key: "10.1.2.0/24" for key in more}))

    def test_conditions_on_tags_that_are_deleted_unnamed(self):
        vpc = self.vpc()
        self.ec2.create_tags(Resources=[vpc], Tags=[{"Key": key, "Value": "v"} for key in ("owner", "colour")])
        ann = user(self, "ec2-untag", allow("ec2:*"), {
            "Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "owner"}}})("ec2")
        self.assertEqual("UnauthorizedOperation", error_code(ann.delete_tags, Resources=[vpc]))
        ann.delete_tags(Resources=[vpc], Tags=[{"Key": "colour"}])
        self.assertEqual([{"Key": "owner", "Value": "v"}], self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"])

    def test_conditions_on_zones_and_tenancy(self):
        vpc = self.vpc()
        first, second = (self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{'ab'[i]}")["Subnet"]["SubnetId"] for i in (0, 1))
        for subnet in (first, second):
            self.addCleanup(self.ec2.delete_subnet, SubnetId=subnet)
        deny = lambda **keys: {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"StringEquals": keys}}
        ann = user(self, "ec2-zones", allow("ec2:*"), deny(**{"ec2:AvailabilityZone": "us-east-1a"}), deny(**{"ec2:Tenancy": "dedicated"}))("ec2")
        for more, code in (({}, "UnauthorizedOperation"), ({"AvailabilityZone": "us-east-1a"}, "UnauthorizedOperation"),
                           ({"AvailabilityZoneId": "use1-az1"}, "UnauthorizedOperation"), ({"AvailabilityZone": "us-east-1b"}, "DryRunOperation")):
            self.assertEqual(code, error_code(ann.create_subnet, VpcId=vpc, CidrBlock="10.0.2.0/24", DryRun=True, **more), more)
        for subnet, code in ((first, "UnauthorizedOperation"), (second, "DryRunOperation")):
            self.assertEqual(code, error_code(ann.delete_subnet, SubnetId=subnet, DryRun=True))
        for tenancy, code in (("dedicated", "UnauthorizedOperation"), ("default", "DryRunOperation")):
            self.assertEqual(code, error_code(ann.create_vpc, CidrBlock="10.0.0.0/16", InstanceTenancy=tenancy, DryRun=True))
        self.assertEqual("DryRunOperation", error_code(ann.delete_vpc, VpcId=vpc, DryRun=True))

    def test_conditions_on_rules_of_groups(self):
        vpc = self.vpc()
        made = self.ec2.create_security_group(GroupName="ruled", Description="d", VpcId=vpc)
        group = made["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=group)

        def add(client, cidr, **more):
            asked = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": cidr}]}
            return client.authorize_security_group_ingress(GroupId=group, IpPermissions=[asked], **more)["SecurityGroupRules"][0]["SecurityGroupRuleId"]

        def change(client, rule):
            client.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{
                "SecurityGroupRuleId": rule, "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 2, "ToPort": 2, "CidrIpv4": "10.9.0.0/16"}}])

        tags = lambda value: {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": [{"Key": "keep", "Value": value}]}]}
        kept, free = add(self.ec2, "10.1.0.0/16", **tags("yes")), add(self.ec2, "10.2.0.0/16")
        ann = user(self, "ec2-rules", allow("ec2:*"),
                   {"Effect": "Deny", "Action": "ec2:ModifySecurityGroupRules", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/keep": "yes"}}},
                   {"Effect": "Deny", "Action": "ec2:Authorize*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/keep": "no"}}})("ec2")
        self.assertEqual("UnauthorizedOperation", error_code(change, ann, kept))
        change(ann, free)
        self.assertEqual("UnauthorizedOperation", error_code(add, ann, "10.3.0.0/16", **tags("no")))
        # Who may change groups and no rules changes none.
        bob = user(self, "ec2-groups", allow("ec2:*", made["SecurityGroupArn"]))("ec2")
        self.assertEqual("UnauthorizedOperation", error_code(change, bob, kept))
        add(bob, "10.4.0.0/16")

    def test_conditions_on_ids_and_attributes(self):
        vpc, other = self.vpc(), self.vpc("10.1.0.0/16")
        subnet = self.subnet(vpc, "10.0.0.0/24")["SubnetId"]
        ann = user(self, "ec2-ids", allow("ec2:*", Condition={"StringEquals": {"ec2:VpcID": vpc}}),
                   allow("ec2:ModifySubnetAttribute", Condition={"StringEquals": {"ec2:SubnetID": subnet}}),
                   {"Effect": "Deny", "Action": "ec2:Modify*", "Resource": "*", "Condition": {"StringEquals": {
                       "ec2:Attribute/MapPublicIpOnLaunch": "true"}}},
                   {"Effect": "Deny", "Action": "ec2:Modify*", "Resource": "*", "Condition": {"StringEquals": {
                       "ec2:Attribute": "EnableDnsSupport"}}})("ec2")
        ann.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        for more in ({"VpcId": other, "EnableDnsHostnames": {"Value": True}}, {"VpcId": vpc, "EnableDnsSupport": {"Value": False}}):
            self.assertEqual("UnauthorizedOperation", error_code(ann.modify_vpc_attribute, **more), more)
        ann.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
        self.assertEqual("UnauthorizedOperation", error_code(ann.modify_subnet_attribute, SubnetId=subnet, MapPublicIpOnLaunch={"Value": True}))

    def test_the_default_vpc_is_asked_for_where_none_is_named(self):
        default = self.ec2.describe_vpcs(Filters=filters(is_default="true"))["Vpcs"][0]["VpcId"]
        ann = user(self, "ec2-not-default", allow("ec2:*"), {
            "Effect": "Deny", "Action": "ec2:*", "Resource": f"arn:aws:ec2:us-east-1:000000000000:vpc/{default}"})("ec2")
        group = {"GroupName": "in-default", "Description": "x"}
        self.assertEqual("UnauthorizedOperation", error_code(ann.create_security_group, VpcId=default, **group))
        self.assertEqual("UnauthorizedOperation", error_code(ann.create_security_group, **group))

    def test_regions_and_accounts_are_apart(self):
        vpc = self.vpc()
        self.assertEqual("InvalidVpcID.NotFound", error_code(self.boreal.client("ec2", region="eu-west-1").describe_vpcs, VpcIds=[vpc]))
        self.assertEqual("InvalidVpcID.NotFound", error_code(self.boreal.client("ec2", access_key="111111111111").describe_vpcs, VpcIds=[vpc]))

    def test_the_network_outlives_a_kill(self):
        vpc = self.vpc()
        self.boreal.kill()
        self.boreal.start()
        self.assertEqual(vpc, self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["VpcId"])

    @need("aws")
    def test_aws_cli(self):
        vpc = self.boreal.aws("ec2", "create-vpc", "--cidr-block", "10.7.0.0/16", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=cli}]")["Vpc"]
        self.addCleanup(self.ec2.delete_vpc, VpcId=vpc["VpcId"])
        self.assertEqual([{"Key": "Name", "Value": "cli"}], vpc["Tags"])
        group = self.boreal.aws("ec2", "create-security-group", "--group-name", "cli", "--description", "d", "--vpc-id", vpc["VpcId"])["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=group)
        self.boreal.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "5432", "--cidr", "10.0.0.0/8")
        denied = self.boreal.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "5432", "--cidr", "10.0.0.0/8", check=False)
        self.assertIn("InvalidPermission.Duplicate", denied.stderr)


@needs_terraform
class VpcModule(Case):
    """Of a whole tree only its network: applied, planned again, destroyed."""

    mostly_waits = 2

    def everything(self):
        ec2 = self.boreal.client("ec2")
        return [sorted(v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]), sorted(s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]),
                sorted(g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]),
                sorted(t["RouteTableId"] for t in ec2.describe_route_tables()["RouteTables"]),
                sorted(a["NetworkAclId"] for a in ec2.describe_network_acls()["NetworkAcls"])]

    def stand_and_fall(self, source, module, **variables):
        before = self.everything()
        tree = Tree(source, module, self.boreal)
        self.addCleanup(tree.clean)
        for name, value in variables.items():
            tree.env[f"TF_VAR_{name}"] = value if isinstance(value, str) else json.dumps(value)
        (tree.folder / "boreal_provider.tf").write_text(
            'provider "aws" {\n  region = "us-east-1"\n  access_key = "%s"\n  secret_key = "test"\n'
            '  skip_credentials_validation = true\n  skip_metadata_api_check = true\n  skip_requesting_account_id = true\n'
            '  endpoints {\n    ec2 = "%s"\n  }\n}\n' % (self.boreal.account, self.boreal.url))
        tree.apply()
        tree.assert_plan_is_empty()
        outputs = tree.outputs()
        tree.destroy()
        self.assertEqual(before, self.everything())
        return outputs

    @unittest.skipUnless(GUIDE.is_dir(), "the guide's tree is not here (BOREAL_GUIDE)")
    def test_the_guides(self):
        outputs = self.stand_and_fall(GUIDE, "modules/vpc", environment="prod")
        self.assertEqual(2, len(outputs["data_subnet_ids"]))

    def test_ours(self):
        outputs = self.stand_and_fall(ROOT / "terraform", "modules/vpc", environment="prod", database_client_cidrs=["10.0.0.0/16", "127.0.0.0/8"])
        self.assertEqual({"us-east-1a", "us-east-1b"}, set(outputs["data_subnets"]))


if __name__ == "__main__":
    unittest.main()
