"""The public access block of an account: S3 Control sets it, S3 holds every bucket of the account to it."""
import http.client
import json
import tempfile
import unittest
import urllib.request
from pathlib import Path

from botocore import UNSIGNED

from e2e.s3_cases import OTHER, S3Case, send, signed, status_of
from harness import Case, Boreal, need
from terraform import Tree, needs_terraform

ACCOUNT = "000000000000"
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
PATH = "/v20180820/configuration/publicAccessBlock"


def control_of(boreal, **more):
    """SDKs put the account in front of the endpoint's host, which no resolver need know: boreal is its own proxy."""
    return boreal.client("s3control", proxies={"http": boreal.url}, **more)


def settings(*on):
    return {name: name in on for name in SETTINGS}


class BlockCase(S3Case):
    shared = False  # an account has one block, for all tests of it

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.control = control_of(cls.boreal)
        cls.control_of_other = control_of(cls.boreal, access_key=OTHER)

    def setUp(self):
        self.unblock()
        self.bucket = self.open_bucket()

    def block(self, *on):
        self.control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration={name: True for name in on})

    def unblock(self):
        self.control.delete_public_access_block(AccountId=ACCOUNT)

    def blocked(self):
        return self.control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]


class Operations(BlockCase):
    def test_set_read_take_away(self):
        self.refused_with("NoSuchPublicAccessBlockConfiguration", 404, self.control.get_public_access_block, AccountId=ACCOUNT)
        self.block("BlockPublicAcls", "RestrictPublicBuckets")
        self.assertEqual(self.blocked(), settings("BlockPublicAcls", "RestrictPublicBuckets"))
        self.block("IgnorePublicAcls")
        self.assertEqual(self.blocked(), settings("IgnorePublicAcls"))
        self.refused_with("InvalidRequest", 400, self.control.put_public_access_block, AccountId=ACCOUNT, PublicAccessBlockConfiguration={})
        self.assertEqual(self.blocked(), settings("IgnorePublicAcls"))
        # Regions have it in common.
        self.assertEqual(control_of(self.boreal, region="eu-west-1").get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"],
                         settings("IgnorePublicAcls"))
        self.unblock()
        self.refused_with("NoSuchPublicAccessBlockConfiguration", 404, self.control.get_public_access_block, AccountId=ACCOUNT)
        self.unblock()

    def test_accounts_speak_for_themselves(self):
        self.block("BlockPublicAcls")
        self.refused_with("NoSuchPublicAccessBlockConfiguration", 404, self.control_of_other.get_public_access_block, AccountId=OTHER)
        for call in (self.control_of_other.get_public_access_block, self.control_of_other.delete_public_access_block):
            self.refused_with("AccessDenied", 403, call, AccountId=ACCOUNT)
        self.refused_with("AccessDenied", 403, self.control_of_other.put_public_access_block, AccountId=ACCOUNT,
                          PublicAccessBlockConfiguration={"BlockPublicAcls": False})
        self.assertEqual(self.blocked(), settings("BlockPublicAcls"))
        nobody = control_of(self.boreal, signature_version=UNSIGNED)
        self.refused_with("AccessDenied", 403, nobody.get_public_access_block, AccountId=ACCOUNT)

    def test_permissions(self):
        iam = self.boreal.client("iam")
        iam.create_user(UserName="clerk")
        key = iam.create_access_key(UserName="clerk")["AccessKey"]
        clerk = control_of(self.boreal, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])

        def may(*actions):
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            iam.put_user_policy(UserName="clerk", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

        def codes():
            return [status_of(call, AccountId=ACCOUNT, **more)[0] for call, more in (
                (clerk.put_public_access_block, {"PublicAccessBlockConfiguration": settings()}),
                (clerk.get_public_access_block, {}), (clerk.delete_public_access_block, {}))]

        may("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock")
        self.assertEqual(codes(), ["AccessDenied"] * 3)
        may("s3:GetAccountPublicAccessBlock")
        self.assertEqual(codes(), ["AccessDenied", "NoSuchPublicAccessBlockConfiguration", "AccessDenied"])
        may("s3:PutAccountPublicAccessBlock")
        self.assertEqual(codes(), ["", "AccessDenied", ""])

    def test_the_rest_is_refused_by_name(self):
        self.refused_with("NotImplemented", 501, self.control.list_jobs, AccountId=ACCOUNT)
        self.refused_with("NotImplemented", 501, self.control.get_access_point, AccountId=ACCOUNT, Name="door")
        self.refused_with("NotImplemented", 501, self.control.get_multi_region_access_point_policy, AccountId=ACCOUNT, Name="door")
        answer = signed(self, "POST", "/v20180820/jobs", {"x-amz-account-id": ACCOUNT}, b"<CreateJobRequest/>")
        self.assertEqual((answer.status, answer.code), (501, "NotImplemented"))
        self.assertIn("s3control:CreateJob", answer.text)

    def test_on_the_wire(self):
        def ask(method="GET", headers=(("x-amz-account-id", ACCOUNT),), path=PATH, **more):
            return signed(self, method, path, dict(headers), **more)

        # By any host name; errors are wrapped, as AWS has them for this API and not for S3.
        missing = ask()
        self.assertEqual((missing.status, missing.code), (404, "NoSuchPublicAccessBlockConfiguration"))
        self.assertRegex(missing.text, f"^<\\?xml .*\\?>\\s*<ErrorResponse><Error><Code>.*<AccountId>{ACCOUNT}</AccountId></Error><RequestId>")
        self.assertTrue(missing.headers["x-amz-request-id"])
        self.assertEqual(ask(headers=[("x-amz-account-id", ACCOUNT), ("Host", f"{ACCOUNT}.s3-control.us-east-1.amazonaws.com")]).code,
                         "NoSuchPublicAccessBlockConfiguration")
        nameless = ask(headers=[("Host", f"{ACCOUNT}.s3-control.us-east-1.amazonaws.com")])
        self.assertEqual((nameless.status, nameless.code), (400, "InvalidRequest"))
        self.assertIn("x-amz-account-id", nameless.text)
        self.assertEqual(ask("PUT", body=b"<PublicAccessBlockConfiguration>").code, "MalformedXML")
        self.assertEqual(ask("PUT", body=b"<Other/>").code, "MalformedXML")
        self.assertEqual(ask("PUT").code, "MissingRequestBodyError")
        wrong = ask(secret="wrong")
        self.assertEqual((wrong.status, wrong.code), (403, "SignatureDoesNotMatch"))
        self.assertIn("<ErrorResponse>", wrong.text)
        self.assertEqual(ask("POST").status, 405)
        self.assertEqual(ask("PUT", body=b"<PublicAccessBlockConfiguration><IgnorePublicAcls>TRUE</IgnorePublicAcls></PublicAccessBlockConfiguration>").status, 200)
        self.assertIn('<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">', ask().text)

    def test_a_bucket_may_be_called_like_the_path(self):
        self.assertEqual(signed(self, "GET", PATH).code, "NoSuchBucket")
        self.s3.create_bucket(Bucket="v20180820")
        self.s3.put_object(Bucket="v20180820", Key="configuration/publicAccessBlock", Body=b"an object")
        self.assertEqual(signed(self, "GET", PATH).body, b"an object")
        self.assertEqual(signed(self, "GET", PATH, {"x-amz-account-id": ACCOUNT}).code, "NoSuchPublicAccessBlockConfiguration")


class Enforcement(BlockCase):
    def read(self, key="x", bucket=None):
        """What nobody, and what another account, gets for it."""
        bucket = bucket or self.bucket
        return send(self, "GET", f"/{bucket}/{key}").status, status_of(self.other.get_object, Bucket=bucket, Key=key)[1]

    def policy(self, principal="*"):
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}))

    def test_public_lists_are_refused(self):
        self.put("x")
        self.block("BlockPublicAcls")
        for acl in ("public-read", "public-read-write", "authenticated-read"):
            self.refused_with("AccessDenied", 403, self.s3.put_bucket_acl, Bucket=self.bucket, ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.put_object, Bucket=self.bucket, Key="y", Body=b"", ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.put_object_acl, Bucket=self.bucket, Key="x", ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.copy_object, Bucket=self.bucket, Key="y", CopySource=f"{self.bucket}/x", ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.create_multipart_upload, Bucket=self.bucket, Key="y", ACL=acl)
        self.put("y", ACL="private")
        self.put("y", ACL="bucket-owner-full-control")
        self.policy()  # which is another matter
        self.unblock()
        self.put("y", ACL="public-read")

    def test_public_lists_are_ignored(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read")
        self.put("x", ACL="public-read")
        self.assertEqual(self.read(), (200, 200))
        self.block("IgnorePublicAcls")
        self.assertEqual(self.read(), (403, 403))
        self.assertEqual(send(self, "GET", f"/{self.bucket}").status, 403)
        self.assertEqual(self.get("x"), b"body")
        self.put("y", ACL="public-read")  # may be set, and does nothing
        self.assertEqual(self.read("y"), (403, 403))
        self.unblock()
        self.assertEqual(self.read("y"), (200, 200))

    def test_public_policies_are_refused(self):
        self.block("BlockPublicPolicy")
        self.refused_with("AccessDenied", 403, self.policy)
        self.policy({"AWS": OTHER})
        self.put("x")
        self.assertEqual(self.read(), (403, 200))
        self.unblock()
        self.policy()
        self.assertEqual(self.read(), (200, 200))

    def test_public_buckets_are_restricted(self):
        self.put("x")
        self.policy()
        self.assertEqual(self.read(), (200, 200))
        self.block("RestrictPublicBuckets")
        self.assertEqual(self.read(), (403, 403))
        self.assertEqual(self.get("x"), b"body")
        self.assertTrue(self.s3.get_bucket_policy_status(Bucket=self.bucket)["PolicyStatus"]["IsPublic"])
        self.policy({"AWS": OTHER})
        self.assertEqual(self.read(), (403, 200))

    def test_either_is_enough(self):
        def of_bucket(*on):
            self.s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=settings(*on))

        self.put("x")
        self.policy()
        of_bucket("IgnorePublicAcls")
        self.block("BlockPublicAcls")
        self.assertEqual(self.read(), (200, 200))
        self.refused("AccessDenied", self.put, "y", ACL="public-read")
        of_bucket("RestrictPublicBuckets")
        self.assertEqual(self.read(), (403, 403))
        self.unblock()
        self.assertEqual(self.read(), (403, 403))
        of_bucket()
        self.assertEqual(self.read(), (200, 200))
        # A bucket is told its own settings, not what its account adds.
        self.block(*SETTINGS)
        self.assertEqual(self.s3.get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"], settings())
        self.assertEqual(self.read(), (403, 403))

    def test_the_owners_account_counts(self):
        self.put("x")
        self.policy()
        self.control_of_other.put_public_access_block(AccountId=OTHER, PublicAccessBlockConfiguration=settings(*SETTINGS))
        self.addCleanup(self.control_of_other.delete_public_access_block, AccountId=OTHER)
        self.assertEqual(self.read(), (200, 200))
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read")

    def test_websites(self):
        def visit():
            connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=30)
            try:
                connection.request("GET", "/", headers={"Host": f"{self.bucket}.s3-website.us-east-1.localhost"})
                return connection.getresponse().status
            finally:
                connection.close()

        self.put("index.html")
        self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
        self.policy()
        self.assertEqual(visit(), 200)
        self.block("RestrictPublicBuckets")
        self.assertEqual(visit(), 403)
        self.unblock()
        self.assertEqual(visit(), 200)


class Lasting(unittest.TestCase):
    def test_restart_kill_reset(self):
        with Boreal() as boreal:
            def blocked():
                return control_of(boreal).get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]

            s3 = boreal.client("s3")
            s3.create_bucket(Bucket="shop")
            s3.delete_public_access_block(Bucket="shop")
            s3.put_bucket_policy(Bucket="shop", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::shop"}]}))
            anonymous = boreal.client("s3", signature_version=UNSIGNED)
            self.assertEqual(status_of(anonymous.list_objects_v2, Bucket="shop")[1], 200)
            control_of(boreal).put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=settings("RestrictPublicBuckets"))
            boreal.kill()
            boreal.start()
            self.assertEqual(blocked(), settings("RestrictPublicBuckets"))
            self.assertEqual(status_of(anonymous.list_objects_v2, Bucket="shop")[1], 403)
            control_of(boreal).delete_public_access_block(AccountId=ACCOUNT)
            boreal.stop()
            boreal.start()
            self.assertEqual(status_of(blocked)[0], "NoSuchPublicAccessBlockConfiguration")
            self.assertEqual(status_of(anonymous.list_objects_v2, Bucket="shop")[1], 200)
            control_of(boreal).put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=settings("BlockPublicPolicy"))
            with urllib.request.urlopen(urllib.request.Request(boreal.url + "/_boreal/reset", method="POST"), timeout=60) as answer:
                self.assertEqual(answer.status, 200)
            self.assertEqual(status_of(blocked)[0], "NoSuchPublicAccessBlockConfiguration")


@need("aws")
class CommandLine(Case):
    def test_set_read_take_away(self):
        def aws(*args, check=True):
            return self.boreal.aws("s3control", *args, "--account-id", ACCOUNT, check=check, HTTP_PROXY=self.boreal.url, NO_PROXY="")

        on = ",".join(f"{name}=true" for name in SETTINGS)
        aws("put-public-access-block", "--public-access-block-configuration", on)
        self.assertEqual(aws("get-public-access-block")["PublicAccessBlockConfiguration"], settings(*SETTINGS))
        aws("delete-public-access-block")
        self.assertIn("(NoSuchPublicAccessBlockConfiguration)", aws("get-public-access-block", check=False).stderr)
        self.assertIn("(NotImplemented)", aws("list-jobs", check=False).stderr)


TREE = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "endpoint" { type = string }
provider "aws" {
  region                  = "us-east-1"
  access_key              = "test"
  secret_key              = "test"
  skip_metadata_api_check = true
  http_proxy              = var.endpoint
  https_proxy             = ""
  endpoints {
    s3control = var.endpoint
    sts       = var.endpoint
    iam       = var.endpoint
  }
}
resource "aws_s3_account_public_access_block" "this" {
  block_public_acls   = true
  block_public_policy = true
}
output "id" { value = aws_s3_account_public_access_block.this.id }
"""


@needs_terraform
class ByTerraform(Case):
    mostly_waits = 1

    def test_apply_plan_destroy(self):
        with tempfile.TemporaryDirectory() as source:
            (Path(source) / "main.tf").write_text(TREE)
            tree = Tree(source, ".", self.boreal, endpoint=self.boreal.url)
        self.addCleanup(tree.clean)
        control = control_of(self.boreal)
        tree.apply()
        self.assertEqual(tree.outputs()["id"], ACCOUNT)
        self.assertEqual(control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"], settings("BlockPublicAcls", "BlockPublicPolicy"))
        tree.assert_plan_is_empty()
        tree.destroy()
        self.assertEqual(status_of(control.get_public_access_block, AccountId=ACCOUNT)[0], "NoSuchPublicAccessBlockConfiguration")


if __name__ == "__main__":
    unittest.main()
