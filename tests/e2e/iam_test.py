"""IAM through boto3 and the AWS CLI: users may do what their policies say, and nothing else."""
import json
import re
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from e2e.helpers import allow, policy
from harness import Case, error_code, need


def document(effect, action, resource="*"):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})


TRUST_RDS = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "monitoring.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


class Iam(Case):
    def setUp(self):
        # An account for each test.
        Iam.number = getattr(Iam, "number", 100000000000) + 1
        self.account = str(Iam.number)
        self.iam = self.boreal.client("iam", self.account)

    def make_user(self, name, *policies):
        """Answers a function that makes clients with the user's key."""
        self.iam.create_user(UserName=name)
        for i, policy in enumerate(policies):
            self.iam.put_user_policy(UserName=name, PolicyName=f"p{i}", PolicyDocument=policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return lambda service: self.boreal.client(service, key["AccessKeyId"], key["SecretAccessKey"])

    def test_user_may_do_just_that(self):
        bob = self.make_user("bob", document("Allow", "iam:ListUsers"))
        self.assertEqual([u["UserName"] for u in bob("iam").list_users()["Users"]], ["bob"])
        with self.assertRaises(ClientError) as denied:
            bob("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST_RDS)
        error = denied.exception.response["Error"]
        self.assertEqual(error["Code"], "AccessDenied")
        self.assertIn(f"arn:aws:iam::{self.account}:user/bob", error["Message"])
        self.assertIn("iam:CreateRole", error["Message"])
        self.assertIn(f"arn:aws:iam::{self.account}:role/r", error["Message"])

    def test_explicit_deny_and_boundary(self):
        bob = self.make_user("bob", document("Allow", "iam:*"), document("Deny", "iam:DeleteUser"))
        self.assertEqual(error_code(bob("iam").delete_user, UserName="bob"), "AccessDenied")
        bob("iam").list_roles()
        boundary = self.iam.create_policy(PolicyName="edge", PolicyDocument=document("Allow", "iam:ListUsers"))
        self.iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=boundary["Policy"]["Arn"])
        bob("iam").list_users()
        with self.assertRaises(ClientError) as denied:
            bob("iam").list_roles()
        self.assertIn("permissions boundary", denied.exception.response["Error"]["Message"])

    def test_a_name_that_is_given_to_another_gives_no_power_over_them(self):
        """Who may do all with some users, and give others another name, has no keys made for the others by giving them the
        name of one of the first while that one's keys are waited for."""
        mine, theirs = (f"arn:aws:iam::{self.account}:user/{path}/*" for path in ("mine", "theirs"))
        eve = self.make_user("eve", policy(allow("iam:*", mine), allow("iam:UpdateUser", theirs)))
        for name in ("busy", *(f"one-{number}" for number in range(4))):
            eve("iam").create_user(UserName=name, Path="/mine/")
        clients = [eve("iam") for _ in range(20)]
        for client in clients:
            client.get_user(UserName="busy")  # connected

        def keep_busy(client):
            for number in range(4):
                client.tag_user(UserName="busy", Tags=[{"Key": "n", "Value": str(number)}])

        with ThreadPoolExecutor(len(clients)) as pool:
            for number in range(4):
                one, boss = f"one-{number}", f"boss-{number}"
                self.iam.create_user(UserName=boss, Path="/theirs/")
                busy = [pool.submit(keep_busy, client) for client in clients[3:]]
                time.sleep(0.02)
                calls = []
                for client, call, more in ((clients[0], "update_user", {"UserName": one, "NewUserName": f"gone-{number}"}),
                                           (clients[1], "update_user", {"UserName": boss, "NewUserName": one}),
                                           (clients[2], "create_access_key", {"UserName": one})):
                    calls.append(pool.submit(getattr(client, call), **more))
                    time.sleep(0.01)
                for each in busy + calls:
                    each.exception()
                for user in self.iam.list_users(PathPrefix="/theirs/")["Users"]:
                    self.assertEqual(self.iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"], [])

    def test_what_has_no_value_excepts_nothing(self):
        """An Allow for all but what is the caller's team's allows nothing to who has no team."""
        secrets = self.boreal.client("secretsmanager", self.account)
        secret = secrets.create_secret(Name="blue/x", SecretString="x", Tags=[{"Key": "team", "Value": "blue"}])["ARN"]
        team = "${aws:PrincipalTag/team}"
        but_team = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
                    "NotResource": f"arn:aws:secretsmanager:us-east-1:{self.account}:secret:{team}/*"}
        unlike = allow("secretsmanager:GetSecretValue", Condition={"StringNotEquals": {"aws:ResourceTag/team": team}})
        for name, statement in (("but-team", but_team), ("unlike", unlike)):
            client = self.make_user(name, policy(statement))("secretsmanager")
            self.assertEqual(error_code(client.get_secret_value, SecretId=secret), "AccessDeniedException")
            self.iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "red"}])
            self.assertEqual(client.get_secret_value(SecretId=secret)["SecretString"], "x")
            self.iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}])
            self.assertEqual(error_code(client.get_secret_value, SecretId=secret), "AccessDeniedException")

    def test_nobody_escapes_a_deny_by_writing_badly(self):
        deny = {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*",
                "Condition": {"NumericNotEquals": {"aws:RequestTag/level": "5"}}}
        bob = self.make_user("bob", policy(allow("iam:*"), deny))("iam")
        bob.create_user(UserName="five", Tags=[{"Key": "level", "Value": "5"}])
        for level in ("6", "five", ""):
            with self.subTest(level):
                self.assertEqual(error_code(bob.create_user, UserName="other", Tags=[{"Key": "level", "Value": level}]), "AccessDenied")

    def test_conditions_on_policies_and_boundaries_are_for_who_gives_permissions(self):
        narrow = self.iam.create_policy(PolicyName="narrow", PolicyDocument=document("Allow", "iam:ListUsers"))["Policy"]["Arn"]
        attacher = self.make_user("attacher", policy(allow("iam:*", Condition={"ArnEquals": {"iam:PolicyARN": narrow}})))("iam")
        attacher.attach_user_policy(UserName="attacher", PolicyArn=narrow)
        # What may be attached may not be written anew.
        self.assertEqual(error_code(attacher.create_policy_version, PolicyArn=narrow, SetAsDefault=True,
                                    PolicyDocument=document("Allow", "*")), "AccessDenied")
        self.assertEqual(error_code(attacher.get_policy, PolicyArn=narrow), "AccessDenied")
        self.iam.create_user(UserName="bounded", PermissionsBoundary=narrow)
        bounder = self.make_user("bounder", policy(allow("iam:*", Condition={"StringEquals": {"iam:PermissionsBoundary": narrow}})))("iam")
        bounder.put_user_policy(UserName="bounded", PolicyName="p", PolicyDocument=document("Allow", "iam:ListUsers"))
        self.assertEqual(error_code(bounder.create_access_key, UserName="bounded"), "AccessDenied")
        self.assertEqual(error_code(bounder.tag_user, UserName="bounded", Tags=[{"Key": "a", "Value": "b"}]), "AccessDenied")

    def test_iam_is_in_one_region(self):
        self.iam.create_user(UserName="far")
        self.iam.put_user_policy(UserName="far", PolicyName="p", PolicyDocument=policy(
            allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})))
        key = self.iam.create_access_key(UserName="far")["AccessKey"]
        far = lambda service: self.boreal.client(service, key["AccessKeyId"], key["SecretAccessKey"], region="eu-west-1")
        self.assertEqual(far("kms").list_keys()["Keys"], [])
        self.assertEqual(error_code(far("iam").create_user, UserName="more"), "AccessDenied")

    def test_what_is_there_is_known_by_its_tags_and_path(self):
        """A new version is one of a policy that is there; a service's role has its path when it is to go."""
        kept = self.iam.create_policy(PolicyName="kept", PolicyDocument=document("Allow", "iam:ListUsers"),
                                      Tags=[{"Key": "kept", "Value": "true"}])["Policy"]["Arn"]
        self.iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
        bob = self.make_user("bob", policy(
            allow("iam:*"),
            {"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/kept": "true"}}},
            {"Effect": "Deny", "Action": "iam:*", "Resource": f"arn:aws:iam::{self.account}:role/aws-service-role/*"}))("iam")
        self.assertEqual(error_code(bob.create_policy_version, PolicyArn=kept, SetAsDefault=True,
                                    PolicyDocument=document("Allow", "*")), "AccessDenied")
        self.assertEqual(error_code(bob.delete_service_linked_role, RoleName="AWSServiceRoleForRDS"), "AccessDenied")

    def test_tags_of_users_and_roles_have_a_key_of_their_own(self):
        blue = [{"Key": "team", "Value": "blue"}]
        arn = self.iam.create_policy(PolicyName="blue", PolicyDocument=document("Allow", "iam:ListUsers"), Tags=blue)["Policy"]["Arn"]
        self.iam.create_role(RoleName="blue", AssumeRolePolicyDocument=TRUST_RDS, Tags=blue)
        bob = self.make_user("bob", policy(allow("iam:*", Condition={"StringEquals": {"iam:ResourceTag/team": "blue"}})))("iam")
        bob.update_role(RoleName="blue", Description="theirs")
        self.assertEqual(error_code(bob.create_policy_version, PolicyArn=arn, PolicyDocument=document("Allow", "*"), SetAsDefault=True),
                         "AccessDenied")
        self.assertEqual(error_code(bob.get_policy, PolicyArn=arn), "AccessDenied")

    def test_whoever_passes_a_role_is_held_to_its_tags(self):
        self.iam.create_role(RoleName="admin", AssumeRolePolicyDocument=TRUST_RDS, Tags=[{"Key": "kept", "Value": "true"}])
        self.iam.create_instance_profile(InstanceProfileName="host")
        for key in ("aws", "iam"):
            with self.subTest(key):
                client = self.make_user(key, policy(allow("iam:*"), {
                    "Effect": "Deny", "Action": "iam:PassRole", "Resource": "*",
                    "Condition": {"StringEquals": {f"{key}:ResourceTag/kept": "true"}}}))("iam")
                self.assertEqual(error_code(client.add_role_to_instance_profile, InstanceProfileName="host", RoleName="admin"),
                                 "AccessDenied")

    def test_keys(self):
        bob = self.make_user("bob", document("Allow", "iam:*"))
        key = self.iam.list_access_keys(UserName="bob")["AccessKeyMetadata"][0]
        self.assertEqual(key["Status"], "Active")
        bob("iam").get_user()
        used = self.iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
        self.assertEqual(used["AccessKeyLastUsed"]["ServiceName"], "iam")
        wrong = self.boreal.client("iam", key["AccessKeyId"], "x" * 40)
        self.assertEqual(error_code(wrong.get_user), "SignatureDoesNotMatch")
        self.iam.update_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        self.assertEqual(error_code(bob("iam").get_user), "InvalidClientTokenId")
        self.assertEqual(error_code(self.iam.delete_user, UserName="bob"), "DeleteConflict")

    def test_role_as_the_provider_reads_it(self):
        self.iam.create_role(RoleName="monitoring", AssumeRolePolicyDocument=TRUST_RDS,
                             Tags=[{"Key": "team", "Value": "shop"}])
        arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
        self.iam.attach_role_policy(RoleName="monitoring", PolicyArn=arn)
        role = self.iam.get_role(RoleName="monitoring")["Role"]
        self.assertEqual(role["AssumeRolePolicyDocument"], json.loads(TRUST_RDS))
        self.assertEqual(role["Path"], "/")
        self.assertEqual(role["MaxSessionDuration"], 3600)
        self.assertEqual(role["Tags"], [{"Key": "team", "Value": "shop"}])
        self.assertRegex(role["RoleId"], r"^AROA[A-Z2-7]{17}$")
        self.assertEqual(self.iam.list_attached_role_policies(RoleName="monitoring")["AttachedPolicies"],
                         [{"PolicyName": "AmazonRDSEnhancedMonitoringRole", "PolicyArn": arn}])
        self.assertEqual(self.iam.list_role_policies(RoleName="monitoring")["PolicyNames"], [])
        self.assertEqual(self.iam.list_instance_profiles_for_role(RoleName="monitoring")["InstanceProfiles"], [])
        self.assertEqual(error_code(self.iam.delete_role, RoleName="monitoring"), "DeleteConflict")
        self.iam.detach_role_policy(RoleName="monitoring", PolicyArn=arn)
        self.iam.delete_role(RoleName="monitoring")
        self.assertEqual(error_code(self.iam.get_role, RoleName="monitoring"), "NoSuchEntity")

    def test_pages(self):
        for i in range(7):
            self.iam.create_group(GroupName=f"g{i}")
        pages = self.iam.get_paginator("list_groups").paginate(PaginationConfig={"PageSize": 3})
        self.assertEqual([g["GroupName"] for page in pages for g in page["Groups"]], [f"g{i}" for i in range(7)])

    def test_errors(self):
        self.assertEqual(error_code(self.iam.create_policy, PolicyName="p", PolicyDocument="{"),
                         "MalformedPolicyDocument")
        self.assertEqual(error_code(self.iam.create_user, UserName="a/b"), "ValidationError")
        self.iam.create_user(UserName="bob")
        self.assertEqual(error_code(self.iam.create_user, UserName="BOB"), "EntityAlreadyExists")
        self.assertEqual(error_code(self.iam.list_open_id_connect_providers), "NotImplemented")

    def test_what_users_have_none_of(self):
        """Terraform's provider looks for all of it when it takes away a user with `force_destroy`."""
        bob = self.make_user("bob", document("Allow", ["iam:ListMFADevices", "iam:GetLoginProfile"], f"arn:aws:iam::{self.account}:user/${{aws:username}}"))("iam")
        for of, lists in ((self.iam.list_mfa_devices, "MFADevices"), (self.iam.list_ssh_public_keys, "SSHPublicKeys"),
                          (self.iam.list_signing_certificates, "Certificates"),
                          (self.iam.list_service_specific_credentials, "ServiceSpecificCredentials")):
            with self.subTest(lists):
                listed = of(UserName="bob")
                self.assertEqual((listed[lists], listed["IsTruncated"]), ([], False))
                self.assertEqual(error_code(of, UserName="eve"), "NoSuchEntity")
        self.assertEqual(self.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"], [])
        self.assertEqual(self.iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"], [])
        with self.assertRaises(ClientError) as missing:
            self.iam.delete_login_profile(UserName="bob")
        self.assertEqual(missing.exception.response["Error"],
                         {"Type": "Sender", "Code": "NoSuchEntity", "Message": "Login Profile for User bob cannot be found."})
        self.assertEqual(error_code(bob.get_login_profile), "NoSuchEntity")
        self.assertEqual(bob.list_mfa_devices()["MFADevices"], [], "without a name it is about the caller")
        self.assertEqual(error_code(bob.list_ssh_public_keys), "AccessDenied")
        self.assertEqual(error_code(self.iam.create_login_profile, UserName="bob", Password="Correct-Horse-42"), "NotImplemented")

    def test_simulation(self):
        self.make_user("bob", document("Allow", "s3:GetObject", "arn:aws:s3:::shop/*"))
        results = self.iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{self.account}:user/bob", ActionNames=["s3:GetObject", "s3:PutObject"],
            ResourceArns=["arn:aws:s3:::shop/a"])["EvaluationResults"]
        self.assertEqual([r["EvalDecision"] for r in results], ["allowed", "implicitDeny"])

    @need("aws")
    def test_command_line(self):
        env = {"AWS_ACCESS_KEY_ID": self.account}
        self.boreal.aws("iam", "create-user", "--user-name", "eve", **env)
        users = self.boreal.aws("iam", "list-users", **env)["Users"]
        self.assertEqual([u["UserName"] for u in users], ["eve"])
        failed = self.boreal.aws("iam", "get-user", "--user-name", "bob", check=False, **env)
        self.assertTrue(re.search(r"\(NoSuchEntity\).*The user with name bob cannot be found", failed.stderr), failed.stderr)


if __name__ == "__main__":
    unittest.main()
