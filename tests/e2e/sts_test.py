"""STS through boto3 and the AWS CLI: who one is, and being somebody else for a while."""
import json
import unittest

from botocore import UNSIGNED
from botocore.exceptions import ClientError

from harness import Case, error_code, need


class Sts(Case):
    def setUp(self):
        Sts.number = getattr(Sts, "number", 200000000000) + 1
        self.account = str(Sts.number)
        self.iam = self.boreal.client("iam", self.account)
        self.iam.create_user(UserName="bob")
        self.iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}))
        self.iam.create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": self.account},
                                                     "Action": "sts:AssumeRole"}]}))
        self.iam.put_role_policy(RoleName="shop", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]}))
        self.role = f"arn:aws:iam::{self.account}:role/shop"
        self.key = self.iam.create_access_key(UserName="bob")["AccessKey"]
        self.sts = self.boreal.client("sts", self.key["AccessKeyId"], self.key["SecretAccessKey"])

    def session(self, service, credentials, token=None):
        return self.boreal.client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"],
                                  token=token or credentials["SessionToken"])

    def test_what_needs_no_signature(self):
        """It comes without a word of whose it is; refused it is by its own name, not by S3."""
        for call, more in (("assume_role_with_web_identity", {"WebIdentityToken": "abcd"}),
                           ("assume_role_with_saml", {"PrincipalArn": f"arn:aws:iam::{self.account}:saml-provider/p", "SAMLAssertion": "abcd"})):
            who = {} if "PrincipalArn" in more else {"RoleSessionName": "ci"}
            with self.assertRaises(ClientError) as refused:
                getattr(self.boreal.client("sts"), call)(RoleArn=self.role, **who, **more)
            told = refused.exception.response
            self.assertEqual((told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]), ("NotImplemented", 501))
            self.assertIn("sts:AssumeRoleWith", told["Error"]["Message"])
        unsigned = self.boreal.client("sts", signature_version=UNSIGNED)
        self.assertEqual(error_code(unsigned.get_caller_identity), "MissingAuthenticationToken")

    def test_identity(self):
        root = self.boreal.client("sts", self.account).get_caller_identity()
        self.assertEqual(root["Arn"], f"arn:aws:iam::{self.account}:root")
        bob = self.sts.get_caller_identity()
        self.assertEqual((bob["Account"], bob["Arn"]), (self.account, f"arn:aws:iam::{self.account}:user/bob"))
        self.assertRegex(bob["UserId"], r"^AIDA[A-Z2-7]{17}$")

    def test_assume_role(self):
        out = self.sts.assume_role(RoleArn=self.role, RoleSessionName="night")
        credentials = out["Credentials"]
        self.assertTrue(credentials["AccessKeyId"].startswith("ASIA"))
        self.assertEqual(out["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{self.account}:assumed-role/shop/night")
        self.assertEqual(self.session("sts", credentials).get_caller_identity()["Arn"], out["AssumedRoleUser"]["Arn"])
        iam = self.session("iam", credentials)
        self.assertEqual(len(iam.list_users()["Users"]), 1)
        self.assertEqual(error_code(iam.create_user, UserName="eve"), "AccessDenied")

    def test_tokens_that_are_not_right(self):
        credentials = self.sts.assume_role(RoleArn=self.role, RoleSessionName="night")["Credentials"]
        token = credentials["SessionToken"]
        middle = len(token) // 2
        tampered = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
        for wrong in (tampered, "x", token[:-8]):
            with self.subTest(wrong[:20]):
                self.assertEqual(error_code(self.session("sts", credentials, wrong).get_caller_identity),
                                 "InvalidClientTokenId")
        without = self.boreal.client("sts", credentials["AccessKeyId"], credentials["SecretAccessKey"])
        self.assertEqual(error_code(without.get_caller_identity), "InvalidClientTokenId")
        self.iam.delete_role_policy(RoleName="shop", PolicyName="p")
        self.iam.delete_role(RoleName="shop")
        self.assertEqual(error_code(self.session("sts", credentials).get_caller_identity), "InvalidClientTokenId")

    def test_limits(self):
        self.assertEqual(error_code(self.sts.assume_role, RoleArn=self.role, RoleSessionName="n/t"), "ValidationError")
        self.assertEqual(error_code(self.sts.assume_role, RoleArn=self.role, RoleSessionName="night",
                                    DurationSeconds=7200), "ValidationError")
        self.assertEqual(error_code(self.sts.assume_role, RoleArn=self.role + "s", RoleSessionName="night"),
                         "AccessDenied")
        root = self.boreal.client("sts", self.account)
        self.assertEqual(error_code(root.assume_role, RoleArn=self.role, RoleSessionName="night"), "AccessDenied")

    def test_session_policy(self):
        policy = json.dumps({"Version": "2012-10-17",
                             "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]})
        out = self.sts.assume_role(RoleArn=self.role, RoleSessionName="night", Policy=policy)
        iam = self.session("iam", out["Credentials"])
        iam.list_users()
        self.assertEqual(error_code(iam.list_roles), "AccessDenied")

    def test_a_source_identity_goes_on_and_is_told_to_the_next_role(self):
        def trust(*more):
            first = {"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
            return json.dumps({"Version": "2012-10-17", "Statement": [first, *more]})

        def deny(condition):
            return {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": condition}

        self.iam.update_assume_role_policy(RoleName="shop", PolicyDocument=trust())
        self.iam.put_role_policy(RoleName="shop", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}))
        as_shop = {"RoleArn": self.role, "RoleSessionName": "night"}
        self.assertEqual(error_code(self.sts.assume_role, **as_shop, SourceIdentity="alice/*"), "ValidationError")
        session = self.session("sts", self.sts.assume_role(**as_shop, SourceIdentity="alice")["Credentials"])
        for name, condition, refused in (("not-alice", {"StringEquals": {"sts:SourceIdentity": "alice"}}, True),
                                         ("alice", {"StringNotEquals": {"sts:SourceIdentity": "alice"}}, False)):
            with self.subTest(name):
                self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(deny(condition)))
                chained = {"RoleArn": f"arn:aws:iam::{self.account}:role/{name}", "RoleSessionName": "night"}
                if refused:
                    self.assertEqual(error_code(session.assume_role, **chained), "AccessDenied")
                else:
                    self.assertEqual(session.assume_role(**chained)["SourceIdentity"], "alice")

    def test_no_session_has_tags_of_aws(self):
        self.iam.update_assume_role_policy(RoleName="shop", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": self.account},
                                                     "Action": ["sts:AssumeRole", "sts:TagSession"]}]}))
        for key in ("aws:cloudformation:stack-name", "AWS:x"):
            self.assertEqual(error_code(self.sts.assume_role, RoleArn=self.role, RoleSessionName="night",
                                        Tags=[{"Key": key, "Value": "x"}]), "ValidationError")

    def test_a_session_policy_that_is_gone_lets_nothing_through(self):
        def document(effect, action):
            return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})
        no_roles = self.iam.create_policy(PolicyName="no-roles", PolicyDocument=document("Deny", "iam:ListRoles"))["Policy"]["Arn"]
        out = self.sts.assume_role(RoleArn=self.role, RoleSessionName="night", Policy=document("Allow", "*"), PolicyArns=[{"arn": no_roles}])
        iam = self.session("iam", out["Credentials"])
        iam.list_users()
        self.assertEqual(error_code(iam.list_roles), "AccessDenied")
        self.iam.delete_policy(PolicyArn=no_roles)
        self.assertEqual(error_code(iam.list_roles), "AccessDenied")
        self.assertEqual(error_code(iam.list_users), "AccessDenied")

    def test_session_token(self):
        credentials = self.sts.get_session_token(DurationSeconds=900)["Credentials"]
        self.assertEqual(self.session("sts", credentials).get_caller_identity()["Arn"],
                         f"arn:aws:iam::{self.account}:user/bob")
        self.assertEqual(self.sts.get_access_key_info(AccessKeyId=credentials["AccessKeyId"])["Account"], self.account)

    def test_a_session_is_of_who_its_user_is_now(self):
        credentials = self.sts.get_session_token()["Credentials"]
        session = self.session("sts", credentials)
        self.iam.update_user(UserName="bob", NewPath="/left/", NewUserName="Bob")
        self.assertEqual(session.get_caller_identity()["Arn"], f"arn:aws:iam::{self.account}:user/left/Bob")

    @need("aws")
    def test_command_line(self):
        answer = self.boreal.aws("sts", "get-caller-identity", AWS_ACCESS_KEY_ID=self.key["AccessKeyId"],
                                 AWS_SECRET_ACCESS_KEY=self.key["SecretAccessKey"])
        self.assertEqual(answer["Arn"], f"arn:aws:iam::{self.account}:user/bob")


if __name__ == "__main__":
    unittest.main()
