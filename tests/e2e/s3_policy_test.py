"""Bucket policies: who they name, what they may say, when they are public."""
import json
import unittest

from botocore.exceptions import ClientError

from e2e.helpers import user
from e2e.s3_cases import OTHER, THIRD, PolicyCase, owner_id, refusal, status_of


class Principals(PolicyCase):
    def test_everybody(self):
        self.put("x", Bucket=self.open)
        for principal in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
            self.set({"Principal": principal, "Action": "s3:ListBucket"})
            self.can(200, self.other.list_objects)
            self.can(200, self.other.list_objects_v2)
            self.can(200, self.anonymous.list_objects_v2)
            self.can(403, self.other.get_object, Key="x")
            self.can(403, self.other.list_object_versions)

    def test_one_account(self):
        self.put("x", Bucket=self.open)
        third = self.boreal.client("s3", access_key=THIRD)
        for principal in (OTHER, f"arn:aws:iam::{OTHER}:root", [f"arn:aws:iam::{OTHER}:root"]):
            self.set({"Principal": {"AWS": principal}, "Action": "s3:*"})
            self.can(200, self.other.get_object, Key="x")
            self.can(403, third.get_object, Key="x")
            self.can(403, self.anonymous.get_object, Key="x")

    def test_canonical_user(self):
        self.put("x", Bucket=self.open)
        self.set({"Principal": {"CanonicalUser": owner_id(self.other)}, "Action": "s3:GetObject"})
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.boreal.client("s3", access_key=THIRD).get_object, Key="x")
        self.can(403, self.anonymous.get_object, Key="x")
        self.refused("MalformedPolicy", self.set, {"Principal": {"CanonicalUser": "0" * 63}, "Action": "s3:GetObject"})

    def test_users(self):
        iam = self.boreal.client("iam")
        iam.create_user(UserName=f"u-{self.bucket}")
        key = iam.create_access_key(UserName=f"u-{self.bucket}")["AccessKey"]
        user = self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
        self.put("x", Bucket=self.open)
        self.can(403, user.get_object, Key="x")
        self.set({"Principal": {"AWS": f"arn:aws:iam::000000000000:user/u-{self.bucket}"}, "Action": "s3:GetObject"})
        self.can(200, user.get_object, Key="x")
        self.can(403, user.put_object, Key="x", Body=b"")

    def test_not_principal(self):
        self.put("x", Bucket=self.open)
        everything = f"arn:aws:s3:::{self.open}/*"
        self.s3.put_bucket_policy(Bucket=self.open, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": everything},
            {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "s3:GetObject", "Resource": everything}]}))
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.boreal.client("s3", access_key=THIRD).get_object, Key="x")
        self.can(403, self.anonymous.get_object, Key="x")

    def test_deny_wins_over_everybody_but_who_mends_it(self):
        self.put("x", Bucket=self.open)
        self.set({"Effect": "Deny", "Action": "s3:*"})
        self.can(403, self.s3.get_object, Key="x")
        self.can(403, self.s3.list_objects_v2)
        self.s3.get_bucket_policy(Bucket=self.open)
        self.s3.delete_bucket_policy(Bucket=self.open)
        self.can(200, self.s3.get_object, Key="x")

    def test_policy_and_list_both(self):
        """What a list allows a policy may still deny; what a policy allows no list need allow."""
        bucket = self.open_bucket(ACL="public-read")
        self.put("x", Bucket=bucket, ACL="public-read")
        self.set({"Effect": "Deny", "Action": ["s3:ListBucket", "s3:GetObject"], "Principal": {"AWS": OTHER}}, bucket=bucket)
        self.can(403, self.other.list_objects, Bucket=bucket)
        self.can(403, self.other.get_object, Bucket=bucket, Key="x")
        self.can(200, self.anonymous.get_object, Bucket=bucket, Key="x")

    def test_whole_resource(self):
        """Another account's bucket, by a wildcard that covers it and others."""
        self.put("x", Bucket=self.open)
        self.set({"Resource": "arn:aws:s3:::*", "Action": "s3:ListBucket"})
        self.can(200, self.other.list_objects)
        self.refused("MalformedPolicy", self.set, {"Resource": "arn:aws:s3:::another-bucket/*", "Action": "s3:GetObject"})


class Gone(PolicyCase):
    """Who comes by the name of one who is gone does not come to what was given to that one."""

    def setUp(self):
        super().setUp()
        self.put("x", Bucket=self.open)
        self.iam = self.boreal.client("iam")
        self.name = f"gone-{self.bucket}"

    def principal(self):
        """As the policy is read back."""
        return json.loads(self.s3.get_bucket_policy(Bucket=self.open)["Policy"])["Statement"][0]["Principal"]["AWS"]

    def make_user(self):
        made = self.iam.create_user(UserName=self.name)["User"]
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        return made, key["AccessKeyId"], self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"])

    def test_user(self):
        made, key, client = self.make_user()
        everything = f"arn:aws:s3:::{self.open}/*"
        sent = {"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Allow", "Principal": {"AWS": [made["Arn"], OTHER]}, "Action": "s3:GetObject", "Resource": everything,
                                                        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": made["Arn"] + "-not"}}}]}
        self.s3.put_bucket_policy(Bucket=self.open, Policy=json.dumps(sent, indent=2))
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=self.open)["Policy"]), sent)
        self.can(200, client.get_object, Key="x")
        self.iam.update_user(UserName=self.name, NewUserName=self.name + "-2", NewPath="/far/")
        self.assertEqual(self.principal(), [f"arn:aws:iam::000000000000:user/far/{self.name}-2", OTHER])
        self.can(200, client.get_object, Key="x")
        self.iam.update_user(UserName=self.name + "-2", NewUserName=self.name, NewPath="/")
        self.iam.delete_access_key(UserName=self.name, AccessKeyId=key)
        self.iam.delete_user(UserName=self.name)
        self.assertEqual(self.principal(), [made["UserId"], OTHER])
        again, _, stranger = self.make_user()
        self.assertEqual(again["Arn"], made["Arn"])
        self.can(403, stranger.get_object, Key="x")
        self.assertEqual(self.principal(), [made["UserId"], OTHER])
        self.can(200, self.other.get_object, Key="x")
        self.s3.put_bucket_policy(Bucket=self.open, Policy=json.dumps(sent))
        self.can(200, stranger.get_object, Key="x")

    def test_role(self):
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}]})
        sts = user(self, f"u-{self.name}", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})("sts")

        def session(arn):
            key = sts.assume_role(RoleArn=arn, RoleSessionName="night")["Credentials"]
            return self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"], token=key["SessionToken"])

        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)["Role"]
        self.set({"Principal": {"AWS": role["Arn"]}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.assertEqual(self.principal(), role["Arn"])
        self.can(200, session(role["Arn"]).get_object, Key="x")
        self.iam.delete_role(RoleName=self.name)
        self.assertEqual(self.principal(), role["RoleId"])
        self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)
        self.can(403, session(role["Arn"]).get_object, Key="x")
        self.assertEqual(self.principal(), role["RoleId"])


class Documents(PolicyCase):
    def test_broken(self):
        put = lambda text: status_of(self.s3.put_bucket_policy, Bucket=self.open, Policy=text)
        good = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"}
        for text in ("{", "[]", "{}", json.dumps({"Statement": [{**good, "Effect": "Maybe"}]}), json.dumps({"Version": "2000-01-01", "Statement": [good]}),
                     json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in good.items() if k != "Principal"}]}),
                     json.dumps({"Version": "2012-10-17", "Statement": [{**good, "Principal": {"AWS": "arn:aws:iam::1:user/x"}}]}),
                     *(json.dumps({"Version": "2012-10-17", "Statement": [{**good, **bad}]}) for bad in (
                         {"Action": "ec2:RunInstances"}, {"Action": "s3:NoSuchAction"}, {"Action": "s3:ListBucket"}, {"Resource": f"arn:aws:s3:::{self.open}"},
                         {"Condition": {"StringEquals": {"s3:nosuchkey": "x"}}}, {"Condition": {"StringEquals": {"s3:prefix": "x"}}},
                         {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:user/nobody"}}, {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/nobody"}},
                         {"Principal": {"CanonicalUser": "0" * 64}}))):
            with self.subTest(text):
                self.assertEqual(put(text), ("MalformedPolicy", 400))

    def test_what_is_broken_is_said(self):
        good = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"}
        without = lambda name: json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in good.items() if k != name}]})
        whole = json.dumps({"Version": "2012-10-17", "Statement": [good]})
        for text, why in (*((text, "Policies must be valid JSON and the first byte must be '{'") for text in ("", "nonsense", " " + whole)),
                          (whole[:-1], "This policy contains invalid Json"), ("{}", "Missing required field Statement"),
                          ('{"Version":"2012-10-17","Statement":[]}', "Could not parse the policy: Statement is empty!"), (without("Action"), "Missing required field Action"),
                          (without("Resource"), "Missing required field Resource"), (without("Effect"), "Missing required field Effect"),
                          (without("Principal"), "Missing required field Principal")):
            with self.assertRaises(ClientError) as raised:
                self.s3.put_bucket_policy(Bucket=self.open, Policy=text)
            self.assertEqual((raised.exception.response["Error"]["Code"], raised.exception.response["Error"]["Message"]), ("MalformedPolicy", why))

    def test_actions_of_annotations(self):
        """They are not served, but a tree that is meant for AWS may speak of them."""
        for action in ("s3:GetObjectAnnotation", "s3:PutObjectAnnotation", "s3:DeleteObjectAnnotation", "s3:ListObjectAnnotations", "s3:*Annotation*"):
            text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{self.open}/*"}]})
            self.s3.put_bucket_policy(Bucket=self.open, Policy=text)
        for key in ("s3:annotation-prefix", "s3:max-annotation-results", "s3:x-amz-object-annotation-directive", "s3:x-amz-object-if-match"):
            self.set({"Effect": "Deny", "Action": "s3:PutObjectAnnotation", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringLike": {key: "x"}}})
        self.s3.delete_bucket_policy(Bucket=self.open)

    def test_read_back(self):
        self.refused_with("NoSuchBucketPolicy", 404, self.s3.get_bucket_policy, Bucket=self.open)
        text = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                                     "Resource": f"arn:aws:s3:::{self.open}/*"}]}, indent=3)
        self.assertEqual(self.s3.put_bucket_policy(Bucket=self.open, Policy=text)["ResponseMetadata"]["HTTPStatusCode"], 204)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=self.open)["Policy"], text)
        bare = {"Id": "p", "Statement": json.loads(text)["Statement"]}
        self.s3.put_bucket_policy(Bucket=self.open, Policy=json.dumps(bare, indent=3))
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=self.open)["Policy"]), {"Version": "2008-10-17", **bare})
        self.assertEqual(self.s3.delete_bucket_policy(Bucket=self.open)["ResponseMetadata"]["HTTPStatusCode"], 204)
        self.s3.delete_bucket_policy(Bucket=self.open)

    def test_others_may_not(self):
        self.set({"Action": "s3:GetObject"})
        self.refused("AccessDenied", self.other.get_bucket_policy, Bucket=self.open)
        self.refused("AccessDenied", self.other.delete_bucket_policy, Bucket=self.open)
        self.refused("AccessDenied", self.other.put_bucket_policy, Bucket=self.open, Policy="{}")
        # Not even those who were given all.
        self.set({"Action": "s3:*"})
        self.refused_with("MethodNotAllowed", 405, self.other.get_bucket_policy, Bucket=self.open)
        self.refused_with("MethodNotAllowed", 405, self.other.put_bucket_policy, Bucket=self.open, Policy="{}")
        self.refused_with("MethodNotAllowed", 405, self.other.delete_bucket_policy, Bucket=self.open)


class Size(PolicyCase):
    def test_blanks_do_not_count(self):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{self.open}/*"] * 300}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        text = json.dumps(document, indent=40)
        self.assertGreater(len(text), 20480)
        self.s3.put_bucket_policy(Bucket=self.open, Policy=text)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=self.open)["Policy"], text)
        statement["Sid"] = "x" * 20480
        self.assertEqual(refusal(self.s3.put_bucket_policy, Bucket=self.open, Policy=json.dumps(document)),
                         {"Code": "MalformedPolicy", "Message": "Normalized policy document exceeds the maximum allowed size of 20480 bytes"})


class Public(PolicyCase):
    def status(self, *statements):
        self.set(*statements)
        return self.s3.get_bucket_policy_status(Bucket=self.open)["PolicyStatus"]["IsPublic"]

    def test_status(self):
        self.refused("NoSuchBucketPolicy", self.s3.get_bucket_policy_status, Bucket=self.open)
        self.assertTrue(self.status({"Action": "s3:ListBucket"}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Principal": {"AWS": OTHER}}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}))
        self.assertTrue(self.status({"Action": "s3:ListBucket", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}))
        for address, is_public in (("::ffff:0.0.0.0/96", True), ("0:0:0:0:0:ffff:8000:0/97", True), ("::ffff:10.0.0.0/104", False), ("10.0.0.0/8", False), ("2001:db8::/32", False), ("2000::/3", True)):
            self.assertEqual(self.status({"Action": "s3:ListBucket", "Condition": {"IpAddress": {"aws:SourceIp": address}}}), is_public, address)
        self.assertTrue(self.status({"Action": "s3:ListBucket", "Condition": {"StringLike": {"aws:Referer": "http://www.example.com/*"}}}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Effect": "Deny"}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}))
        for point, is_public in ((f"arn:aws:s3:us-east-1:{OTHER}:accesspoint/*", False), ("arn:aws:s3:us-east-1:*:accesspoint/*", True), ("*", True)):
            self.assertEqual(self.status({"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:DataAccessPointArn": point}}}), is_public, point)

    def test_status_of_conditions_that_anybody_meets(self):
        for operator, value in (("Null", "true"), ("Null", "false"), ("ForAllValues:StringEquals", "vpce-1"), ("StringEqualsIfExists", "vpce-1"), ("StringNotEquals", "vpce-1")):
            self.assertTrue(self.status({"Action": "s3:GetObject", "Condition": {operator: {"aws:SourceVpce": value}}}), (operator, value))
        for operator, address in (("StringLike", "*"), ("StringLike", "1*"), ("StringEquals", "${aws:SourceIp}")):
            self.assertTrue(self.status({"Action": "s3:GetObject", "Condition": {operator: {"aws:SourceIp": address}}}), (operator, address))
        for operator, value in (("NumericGreaterThan", "1"), ("NumericLessThanEquals", "999999999999"), ("DateGreaterThan", "1")):
            self.assertTrue(self.status({"Action": "s3:GetObject", "Condition": {operator: {"aws:PrincipalAccount": value}}}), (operator, value))
        self.assertFalse(self.status({"Action": "s3:GetObject", "Condition": {"StringEquals": {"aws:PrincipalAccount": OTHER}}}))
        self.assertFalse(self.status({"Action": "s3:GetObject", "Condition": {"ForAnyValue:StringEquals": {"aws:SourceVpce": "vpce-1"}}}))
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject", "Condition": {"ForAllValues:StringEquals": {"aws:SourceVpce": "vpce-1"}}})
        self.can(200, self.anonymous.get_object, Key="x")

    def test_status_of_patterns(self):
        """What a wildcard leaves open matters, not that there is one. Each answer was recorded at AWS."""
        for operator, key, value, is_public in (
                ("ArnLike", "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER}:*", False), ("ArnLike", "aws:SourceArn", f"arn:aws:sns:*:{OTHER}:*", False),
                ("ArnLike", "aws:SourceArn", "arn:aws:sns:us-east-1:*:fixed", True), ("ArnLike", "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER}:${{aws:username}}", True),
                ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/*", False), ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/fixed", True),
                ("StringLike", "aws:userid", "AROAEXAMPLEUNIQUEID:*", False), ("StringLike", "aws:userid", "*", True),
                ("StringLike", "aws:SourceVpc", "vpc-*", True), ("StringLike", "aws:SourceVpc", "vpc-1234567?", True), ("StringLike", "aws:SourceVpc", ["vpc-1", "vpc-*"], True),
                ("StringEquals", "aws:SourceVpc", "vpc-*", False), ("StringEquals", "aws:SourceVpc", "${aws:SourceVpc}", True),
                ("StringEquals", "aws:SourceOrgID", "o-1234567890", False), ("StringEquals", "aws:SourceOwner", OTHER, True), ("StringEquals", "aws:SourceAccount", OTHER, False)):
            self.assertEqual(self.status({"Action": "s3:GetObject", "Condition": {operator: {key: value}}}), is_public, (operator, key, value))
        for operator in ("ForAllValues:StringEquals", "StringEqualsIfExists"):
            self.assertFalse(self.status({"Action": "s3:GetObject", "Condition": {operator: {"aws:SourceVpc": "vpc-1"}, "Null": {"aws:SourceVpc": "false"}}}), operator)

    def test_status_of_what_is_denied_again(self):
        allow, deny = {"Action": "s3:GetObject"}, {"Action": "s3:GetObject", "Effect": "Deny"}
        self.assertFalse(self.status(allow, deny))
        self.assertFalse(self.status(allow, {**deny, "Condition": {"StringNotEquals": {"aws:SourceAccount": OTHER}}}))
        self.assertTrue(self.status(allow, {**deny, "Condition": {"StringNotEquals": {"aws:SourceOwner": OTHER}}}))
        self.assertTrue(self.status(allow, {**deny, "Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}}))
        self.assertTrue(self.status(allow, {**deny, "Condition": {"StringNotEquals": {"aws:SourceAccount": OTHER}, "Bool": {"aws:SecureTransport": "true"}}}))
        self.assertTrue(self.status(allow, {**deny, "Principal": {"AWS": OTHER}}))
        self.assertTrue(self.status(allow, {**deny, "Action": "s3:PutObject"}))

    def test_status_of_lists(self):
        bucket = self.open_bucket(ACL="public-read")
        self.refused("NoSuchBucketPolicy", self.s3.get_bucket_policy_status, Bucket=bucket)

    def test_blocked(self):
        self.s3.put_public_access_block(Bucket=self.open, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
        self.refused_with("AccessDenied", 403, self.set, {"Action": "s3:GetObject"})
        self.set({"Action": "s3:GetObject", "Principal": {"AWS": OTHER}})
        self.set({"Action": "s3:GetObject", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}})

    def test_restricted(self):
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject"})
        self.can(200, self.anonymous.get_object, Key="x")
        self.s3.put_public_access_block(Bucket=self.open, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
        self.can(403, self.anonymous.get_object, Key="x")
        self.can(403, self.other.get_object, Key="x")
        self.can(200, self.s3.get_object, Key="x")


if __name__ == "__main__":
    unittest.main()
