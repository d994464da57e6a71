"""Bucket policies: who they name, what conditions they know, when they are public."""
import json
import unittest

from botocore.exceptions import ClientError

from e2e.helpers import allow, policy, user
from e2e.s3_cases import OTHER, S3Case, later, md5_of, owner_id, send, signed, status_of

THIRD = "444455556666"


class PolicyCase(S3Case):
    def setUp(self):
        super().setUp()
        self.open = self.open_bucket("BucketOwnerEnforced")

    def set(self, *statements, bucket=None):
        """Statements allow everybody on the whole bucket unless they say otherwise."""
        bucket = bucket or self.open
        whole = [{"Effect": "Allow", "Principal": "*", "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], **s} for s in statements]
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": whole}))

    def can(self, status, call, **more):
        self.assertEqual(status_of(call, Bucket=more.pop("Bucket", self.open), **more)[1], status)


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
        for principal in (OTHER, f"arn:aws:iam::{OTHER}:root", [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{THIRD}:user/nobody"][:1]):
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
        self.assertTrue(self.status({"Action": "s3:ListBucket", "Condition": {"StringLike": {"aws:Referer": "http://www.example.com/*"}}}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Effect": "Deny"}))
        self.assertFalse(self.status({"Action": "s3:ListBucket", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}))
        for point, is_public in ((f"arn:aws:s3:us-east-1:{OTHER}:accesspoint/*", False), ("arn:aws:s3:us-east-1:*:accesspoint/*", True), ("*", True)):
            self.assertEqual(self.status({"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:DataAccessPointArn": point}}}), is_public, point)

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


class Conditions(PolicyCase):
    def test_existing_tag(self):
        for key, tags in (("public", "security=public&foo=bar"), ("private", "security=private"), ("none", "")):
            self.put(key, Bucket=self.open, Tagging=tags)
        condition = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        self.set({"Action": ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:GetObjectAcl"], "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": condition})
        for key, status in (("public", 200), ("private", 403), ("none", 403)):
            self.can(status, self.other.get_object, Key=key)
            self.can(status, self.other.head_object, Key=key)
            self.can(status, self.other.get_object_tagging, Key=key)
            self.can(status, self.other.get_object_acl, Key=key)
        self.can(200, self.other.put_object_tagging, Key="public", Tagging={"TagSet": [{"Key": "security", "Value": "private"}]})
        self.can(403, self.other.put_object_tagging, Key="public", Tagging={"TagSet": []})
        self.can(403, self.other.get_object, Key="public")

    def test_attributes_know_no_tags(self):
        """AWS takes such a policy, and has no tags at hand then, not even for those who may read them."""
        self.versioned(self.open)
        version = self.put("k", b"four", Bucket=self.open, Tagging="security=public")["VersionId"]
        tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"]
        self.set({"Action": actions, "Condition": tagged}, {"Action": ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]})
        for more in ({}, {"VersionId": version}):
            self.can(200, self.other.head_object, Key="k", **more)
            self.can(403, self.other.get_object_attributes, Key="k", ObjectAttributes=["ObjectSize"], **more)
        self.set({"Action": actions[:2], "Condition": tagged}, {"Action": actions[2:]})
        for more in ({}, {"VersionId": version}):
            self.can(200, self.other.get_object_attributes, Key="k", ObjectAttributes=["ObjectSize"], **more)

    def test_keys_that_an_action_does_not_know(self):
        tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        for action in ("s3:DeleteObject", "s3:PutObject", ["s3:DeleteObject", "s3:DeleteObjectTagging"]):
            with self.assertRaisesRegex(ClientError, "Conditions do not apply to combination of actions and resources in statement"):
                self.set({"Action": action, "Condition": tagged})
        self.set({"Action": "s3:DeleteObjectTagging", "Condition": tagged})

    def test_request_tag(self):
        self.set({"Action": ["s3:PutObject", "s3:PutObjectTagging"], "Resource": f"arn:aws:s3:::{self.open}/*",
                  "Condition": {"StringEquals": {"s3:RequestObjectTag/security": "public"}}})
        self.can(403, self.other.put_object, Key="x", Body=b"")
        self.can(200, self.other.put_object, Key="x", Body=b"", Tagging="security=public")
        self.can(403, self.other.put_object, Key="x", Body=b"", Tagging="security=private")
        self.set({"Action": "s3:PutObjectTagging", "Resource": f"arn:aws:s3:::{self.open}/*",
                  "Condition": {"ForAllValues:StringLike": {"s3:RequestObjectTagKeys": ["security", "virus"]}}})
        tag = lambda *keys: {"TagSet": [{"Key": k, "Value": "v"} for k in keys]}
        self.can(200, self.other.put_object_tagging, Key="x", Tagging=tag("security"))
        self.can(200, self.other.put_object_tagging, Key="x", Tagging=tag("security", "virus"))
        self.can(403, self.other.put_object_tagging, Key="x", Tagging=tag("security", "other"))

    def test_tag_permission_is_one_of_its_own(self):
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.put_object, Key="x", Body=b"", Tagging="a=b")
        self.can(200, self.other.put_object, Key="x", Body=b"")

    def test_copy_source(self):
        source = self.open_bucket("BucketOwnerEnforced")
        for key in ("public/foo", "public/bar", "private/foo"):
            self.put(key, key.encode(), Bucket=source)
        self.set({"Action": "s3:GetObject"}, bucket=source)
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringLike": {"s3:x-amz-copy-source": f"{source}/public/*"}}})
        self.can(200, self.other.copy_object, Key="new", CopySource={"Bucket": source, "Key": "public/foo"})
        self.can(200, self.other.copy_object, Key="new2", CopySource={"Bucket": source, "Key": "public/bar"})
        self.can(200, self.other.copy_object, Key="new2", CopySource=f"/{source}/public/bar")
        self.can(403, self.other.copy_object, Key="new3", CopySource={"Bucket": source, "Key": "private/foo"})
        self.can(403, self.other.copy_object, Key="new3", CopySource=f"/{source}/private/foo")
        self.can(403, self.other.put_object, Key="new4", Body=b"")
        self.assertEqual(self.get("new", Bucket=self.open), b"public/foo")

    def test_copy_directive(self):
        source = self.open_bucket("BucketOwnerEnforced")
        self.put("public/foo", Bucket=source)
        self.set({"Action": "s3:GetObject"}, bucket=source)
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:x-amz-metadata-directive": "COPY"}}})
        from_there = {"Bucket": source, "Key": "public/foo"}
        self.can(200, self.other.copy_object, Key="new", CopySource=from_there, MetadataDirective="COPY")
        self.can(403, self.other.copy_object, Key="new", CopySource=from_there)
        self.can(403, self.other.copy_object, Key="new", CopySource=from_there, MetadataDirective="REPLACE")

    def test_multipart_from_elsewhere(self):
        """UploadPartCopy by an account that may read here and write there."""
        source = self.open_bucket("BucketOwnerEnforced")
        self.put("src", b"x" * 100, Bucket=source)
        self.set({"Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Principal": {"AWS": OTHER}})
        upload = self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        copy = dict(Key="m", UploadId=upload, PartNumber=1, CopySource={"Bucket": source, "Key": "src"})
        self.can(403, self.other.upload_part_copy, **copy)
        self.set({"Action": "s3:GetObject", "Principal": {"AWS": OTHER}}, bucket=source)
        etag = self.other.upload_part_copy(Bucket=self.open, **copy)["CopyPartResult"]["ETag"]
        self.other.complete_multipart_upload(Bucket=self.open, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.get("m", Bucket=self.open), b"x" * 100)

    def test_who_began_an_upload_may_end_it(self):
        self.set({"Action": "s3:PutObject"})
        upload = {"Bucket": self.open, "Key": "m", "UploadId": self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]}
        self.other.upload_part(PartNumber=1, Body=b"x", **upload)
        listed = self.other.list_parts(**upload)
        self.assertEqual((listed["Initiator"]["ID"], listed["Owner"]["ID"]), (owner_id(self.other), owner_id(self.s3)))
        third = self.boreal.client("s3", access_key=THIRD)
        self.refused("AccessDenied", third.list_parts, **upload)
        self.refused("AccessDenied", third.abort_multipart_upload, **upload)
        self.set({"Action": "s3:PutObject"}, {"Effect": "Deny", "Action": "s3:AbortMultipartUpload"})
        self.refused("AccessDenied", self.other.abort_multipart_upload, **upload)
        self.set({"Action": "s3:PutObject"})
        self.other.abort_multipart_upload(**upload)
        # So may the account of the user who began it, and whom that lets.
        iam = self.boreal.client("iam", access_key=OTHER)
        users = {}
        for name, action in (("beginner", "s3:PutObject"), ("ender", "s3:AbortMultipartUpload"), ("nobody", "s3:PutObject")):
            full = f"{name}-{self.bucket}"
            iam.create_user(UserName=full)
            iam.put_user_policy(UserName=full, PolicyName="p", PolicyDocument=policy(allow(action)))
            key = iam.create_access_key(UserName=full)["AccessKey"]
            users[name] = self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
        upload["UploadId"] = users["beginner"].create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        self.assertEqual(status_of(self.other.list_parts, **upload)[1], 200)
        self.refused("AccessDenied", users["nobody"].abort_multipart_upload, **upload)
        self.refused("AccessDenied", third.abort_multipart_upload, **upload)
        users["ender"].abort_multipart_upload(**upload)
        # Nobody in particular begins none.
        self.refused("AccessDenied", self.anonymous.create_multipart_upload, Bucket=self.open, Key="m")
        self.anonymous.put_object(Bucket=self.open, Key="plain", Body=b"x")
        self.refused("AccessDenied", self.anonymous.copy_object, Bucket=self.open, Key="n", CopySource=f"{self.open}/plain")

    def test_lists_in_requests(self):
        bucket = self.open_bucket()
        self.set({"Action": ["s3:PutObject", "s3:PutObjectAcl"]}, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"StringLike": {"s3:x-amz-acl": "public*"}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"")
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"", ACL="private")
        self.can(403, self.other.put_object, Bucket=bucket, Key="a", Body=b"", ACL="public-read")

    def test_grants_in_requests(self):
        bucket = self.open_bucket()
        me = f"id={owner_id(self.s3)}"
        self.set({"Action": "s3:PutObject", "Condition": {"StringEquals": {"s3:x-amz-grant-full-control": me}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"mine", GrantFullControl=me)
        self.can(403, self.other.put_object, Bucket=bucket, Key="a", Body=b"")
        self.assertEqual(self.get("a", Bucket=bucket), b"mine")
        self.set({"Action": "s3:PutObject", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="b", Body=b"mine", ACL="bucket-owner-full-control")
        self.assertEqual(self.get("b", Bucket=bucket), b"mine")
        self.can(403, self.other.put_object, Bucket=bucket, Key="b", Body=b"", ACL="public-read")

    def test_encryption(self):
        deny = lambda condition: {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": condition}
        self.set(deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}), deny({"Null": {"s3:x-amz-server-side-encryption": "true"}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"")
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms")
        self.can(200, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="AES256")
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.set(deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
                 deny({"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="AES256")
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="other")
        self.can(200, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.set(deny({"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"")
        self.can(200, self.s3.put_object, Key="x", Body=b"", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)

    def test_parts_are_encrypted_as_their_upload(self):
        """… and need not say it again; a key of the client's must be said each time, and a completion cannot."""
        self.put("src", b"x", Bucket=self.open)
        must = lambda key: self.set({"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"Null": {key: "true"}}})
        must("s3:x-amz-server-side-encryption")
        self.can(403, self.s3.create_multipart_upload, Key="m")
        upload = self.s3.create_multipart_upload(Bucket=self.open, Key="m", ServerSideEncryption="AES256")["UploadId"]
        self.can(200, self.s3.upload_part, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
        etag = self.s3.upload_part_copy(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, CopySource=f"{self.open}/src")["CopyPartResult"]["ETag"]
        self.can(200, self.s3.complete_multipart_upload, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        must("s3:x-amz-server-side-encryption-customer-algorithm")
        own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
        upload = self.s3.create_multipart_upload(Bucket=self.open, Key="m", **own)["UploadId"]
        etag = self.s3.upload_part(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, Body=b"x", **own)["ETag"]
        self.can(403, self.s3.complete_multipart_upload, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    def test_age_of_signatures(self):
        """It is told of addresses that carry theirs, which may be used later, not of headers."""
        self.put("x", Bucket=self.open)
        self.set({"Effect": "Deny", "Action": "s3:GetObject", "Condition": {"NumericGreaterThan": {"s3:signatureAge": "-1"}}})
        self.can(200, self.s3.get_object, Key="x")
        url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": self.open, "Key": "x"})
        self.assertEqual(send(self, "GET", url[len(self.boreal.url):]).status, 403)

    def test_referer(self):
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringLike": {"aws:Referer": "http://www.example.com/*"}}})
        get = lambda **headers: send(self, "GET", f"/{self.open}/x", headers).status
        self.assertEqual((get(), get(Referer="http://elsewhere.com/"), get(Referer="http://www.example.com/index.html")), (403, 403, 200))

    def test_listing(self):
        self.put("a/1", Bucket=self.open)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"StringEquals": {"s3:prefix": "a/"}}})
        self.can(200, self.other.list_objects_v2, Prefix="a/")
        self.can(403, self.other.list_objects_v2, Prefix="b/")
        self.can(403, self.other.list_objects_v2)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"NumericLessThanEquals": {"s3:max-keys": "10"}}})
        self.can(200, self.other.list_objects_v2, MaxKeys=10)
        self.can(403, self.other.list_objects_v2, MaxKeys=11)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"StringEquals": {"s3:delimiter": "/"}}})
        self.can(200, self.other.list_objects_v2, Delimiter="/")
        self.can(403, self.other.list_objects_v2)

    def test_where_buckets_may_be_made(self):
        allowed = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*", "Condition": {"StringEquals": {"s3:LocationConstraint": "eu-west-1"}}}
        maker = user(self, f"maker-{self.bucket}", allowed)
        make = lambda region: status_of(maker("s3", region=region).create_bucket, Bucket=f"{self.bucket}-{region}", CreateBucketConfiguration={"LocationConstraint": region})
        self.assertEqual((make("eu-west-1")[1], make("eu-west-2")[1]), (200, 403))

    def test_only_conditional_writes(self):
        """The policy of the user guide: the steps of an upload pass, what makes the object must have its condition."""
        self.set({"Action": "s3:PutObject", "Principal": {"AWS": OTHER}},
                 {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}})
        self.can(403, self.other.put_object, Key="x", Body=b"")
        self.can(200, self.other.put_object, Key="x", Body=b"", IfNoneMatch="*")
        upload = self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        etag = self.other.upload_part(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        whole = dict(Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.can(403, self.other.complete_multipart_upload, **whole)
        self.can(200, self.other.complete_multipart_upload, IfNoneMatch="*", **whole)

    def test_only_conditional_deletes(self):
        """The policy of the user guide. Of several objects each has a condition of its own, a header has none for them."""
        for key in ("a", "b", "c"):
            etag = self.put(key, Bucket=self.open)["ETag"]
        self.set({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"Null": {"s3:if-match": "false"}}},
                 {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.delete_object, Key="a")
        self.can(204, self.other.delete_object, Key="a", IfMatch=etag)
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "b", "ETag": etag}, {"Key": "c"}]})
        self.assertEqual(([d["Key"] for d in done["Deleted"]], [(e["Key"], e["Code"]) for e in done["Errors"]]), (["b"], [("c", "AccessDenied")]))
        body = b"<Delete><Object><Key>c</Key></Object></Delete>"
        answer = signed(self, "POST", f"/{self.open}?delete", headers={"If-Match": etag, "Content-MD5": md5_of(body)}, body=body, access_key=OTHER)
        self.assertIn("AccessDenied", answer.text)

    def test_who_compares_a_tag_must_be_let_read(self):
        etag = self.put("src", Bucket=self.open)["ETag"]
        upload = lambda: self.other.create_multipart_upload(Bucket=self.open, Key="x")["UploadId"]
        part = lambda upload: self.other.upload_part(Bucket=self.open, Key="x", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        whole = lambda upload: {"UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part(upload)}]}}
        writes = {"Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": f"arn:aws:s3:::{self.open}/*"}
        for readable, made, deleted in (("src", 403, 403), ("*", 200, 204)):
            self.set(writes, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/{readable}"})
            for status, call, more in ((made, self.other.put_object, dict), (made, self.other.copy_object, lambda: {"CopySource": f"{self.open}/src"}),
                                       (made, self.other.complete_multipart_upload, lambda: whole(upload())), (deleted, self.other.delete_object, dict)):
                self.put("x", Bucket=self.open)
                self.can(status, call, Key="x", IfMatch=etag, **more())
            self.put("x", Bucket=self.open)
            done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "x", "ETag": etag}]})
            self.assertEqual([e["Code"] for e in done.get("Errors", [])], ["AccessDenied"] if deleted == 403 else [])
        # That there is something is asked without it.
        self.set(writes)
        self.put("x", Bucket=self.open)
        self.can(412, self.other.put_object, Key="x", IfNoneMatch="*")
        self.can(204, self.other.delete_object, Key="x", IfMatch="*")

    def test_who_is_nobody(self):
        self.put("x", Bucket=self.open)
        for key, value in (("aws:userid", "anonymous"), ("aws:PrincipalType", "Anonymous")):
            self.set({"Action": "s3:GetObject", "Condition": {"StringEquals": {key: value}}})
            self.can(200, self.anonymous.get_object, Key="x")
            self.can(403, self.other.get_object, Key="x")

    def test_why_is_told_to_the_buckets_account_alone(self):
        self.put("x", Bucket=self.open)
        mine = user(self, f"u-{self.open}")("s3")
        why = []
        for client in (self.anonymous, self.other, mine):
            with self.assertRaises(ClientError) as raised:
                client.get_object(Bucket=self.open, Key="x")
            why.append(raised.exception.response["Error"]["Message"])
        self.assertEqual(why[:2], ["Access Denied", "Access Denied"])
        self.assertIn("is not authorized to perform: s3:GetObject", why[2])

    def test_method_and_plain_http(self):
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject"}, {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
        self.can(403, self.other.get_object, Key="x")
        self.set({"Action": "s3:GetObject", "Condition": {"StringEquals": {"s3:authType": "REST-HEADER"}}})
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.anonymous.get_object, Key="x")

    def test_missing_keys_are_told_only_to_those_who_list(self):
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.get_object, Key="none")
        self.set({"Action": ["s3:GetObject", "s3:ListBucket"]})
        self.can(404, self.other.get_object, Key="none")

    def test_answers_leave_out_what_one_may_not_read(self):
        locked = self.make_bucket(ObjectLockEnabledForBucket=True)
        self.s3.delete_public_access_block(Bucket=locked)
        self.put("x", Bucket=locked, Tagging="a=1&b=2", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1), ObjectLockLegalHoldStatus="ON")
        told = lambda: {name for name in self.other.get_object(Bucket=locked, Key="x") if name in ("TagCount", "ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")}
        for more, wanted in (([], set()), (["s3:GetObjectTagging"], {"TagCount"}), (["s3:GetObjectLegalHold"], {"ObjectLockLegalHoldStatus"}),
                             (["s3:GetObjectRetention"], {"ObjectLockMode", "ObjectLockRetainUntilDate"})):
            self.set({"Action": ["s3:GetObject", *more]}, bucket=locked)
            self.assertEqual(told(), wanted)

    def test_versions_are_actions_of_their_own(self):
        self.versioned(self.open)
        old = self.put("x", b"1", Bucket=self.open)["VersionId"]
        self.put("x", b"2", Bucket=self.open)
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.other.get_object, Key="x", VersionId=old)
        self.set({"Action": "s3:GetObjectVersion", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:VersionId": old}}})
        self.can(200, self.other.get_object, Key="x", VersionId=old)
        self.can(403, self.other.get_object, Key="x")

    def test_version_where_the_query_does_not_name_it(self):
        """In a copy's source, and in the list of what is to be deleted."""
        self.versioned(self.open)
        old = self.put("x", b"1", Bucket=self.open)["VersionId"]
        new = self.put("x", b"2", Bucket=self.open)["VersionId"]
        theirs = f"theirs-{self.bucket}"
        self.other.create_bucket(Bucket=theirs)
        self.set({"Action": ["s3:GetObjectVersion", "s3:DeleteObjectVersion"], "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:VersionId": old}}})
        copy = lambda version: status_of(self.other.copy_object, Bucket=theirs, Key="c", CopySource={"Bucket": self.open, "Key": "x", "VersionId": version})
        self.assertEqual((copy(old)[1], copy(new)), (200, ("AccessDenied", 403)))
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "x", "VersionId": version} for version in (old, new)]})
        self.assertEqual(([d["VersionId"] for d in done["Deleted"]], [e["VersionId"] for e in done["Errors"]]), ([old], [new]))

    def test_bucket_configuration_by_policy(self):
        self.set({"Action": ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:PutBucketTagging"], "Principal": {"AWS": OTHER}, "Resource": f"arn:aws:s3:::{self.open}"})
        self.can(200, self.other.get_bucket_location)
        self.can(200, self.other.get_bucket_versioning)
        self.can(204, self.other.put_bucket_tagging, Tagging={"TagSet": []})
        self.can(403, self.other.put_bucket_versioning, VersioningConfiguration={"Status": "Enabled"})

    def test_deleting_many(self):
        for key in ("a", "b"):
            self.put(key, Bucket=self.open)
        self.set({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{self.open}/a"})
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
        self.assertEqual(([d["Key"] for d in done["Deleted"]], [(e["Key"], e["Code"]) for e in done["Errors"]]), (["a"], [("b", "AccessDenied")]))


if __name__ == "__main__":
    unittest.main()
