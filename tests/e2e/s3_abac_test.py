"""Tags of buckets by S3 Control, as Terraform sets and reads them, and tags that decide what policies allow (ABAC)."""
import json
import unittest
import urllib.parse

from e2e.s3_account_block_test import ACCOUNT, control_of
from e2e.s3_cases import OTHER, S3Case, refusal, signed, status_of

BLUE = [{"Key": "team", "Value": "blue"}]
RED = [{"Key": "team", "Value": "red"}]


def arn(bucket):
    return f"arn:aws:s3:::{bucket}"


class TagCase(S3Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.control = control_of(cls.boreal)
        cls.control_of_other = control_of(cls.boreal, access_key=OTHER)

    def tag(self, tags, bucket=None, control=None):
        (control or self.control).tag_resource(AccountId=ACCOUNT, ResourceArn=arn(bucket or self.bucket), Tags=tags)

    def untag(self, *keys):
        self.control.untag_resource(AccountId=ACCOUNT, ResourceArn=arn(self.bucket), TagKeys=list(keys))

    def listed(self, bucket=None, control=None, account=ACCOUNT):
        return (control or self.control).list_tags_for_resource(AccountId=account, ResourceArn=arn(bucket or self.bucket))["Tags"]

    def abac(self, status="Enabled", bucket=None):
        self.s3.put_bucket_abac(Bucket=bucket or self.bucket, AbacStatus={"Status": status})

    def user(self, name, *statements):
        iam = self.boreal.client("iam")
        iam.create_user(UserName=name)
        self.addCleanup(iam.delete_user, UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.addCleanup(iam.delete_access_key, UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
        self.addCleanup(iam.delete_user_policy, UserName=name, PolicyName="p")
        return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


class Control(TagCase):
    def test_set_read_take_away(self):
        self.assertEqual(self.listed(), [])
        self.tag(BLUE + [{"Key": "cost center", "Value": "ü/1"}])
        self.assertEqual(self.listed(), BLUE + [{"Key": "cost center", "Value": "ü/1"}])
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], self.listed(), "they are the bucket's")
        self.tag(RED + [{"Key": "empty", "Value": ""}])
        self.assertEqual(self.listed(), RED + [{"Key": "cost center", "Value": "ü/1"}, {"Key": "empty", "Value": ""}])
        self.untag("team", "cost center", "was never there")
        self.assertEqual(self.listed(), [{"Key": "empty", "Value": ""}])
        self.untag("empty")
        self.refused_with("NoSuchTagSet", 404, self.s3.get_bucket_tagging, Bucket=self.bucket)
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": BLUE})
        self.assertEqual(self.listed(), BLUE)

    def test_what_is_refused(self):
        self.refused_with("NoSuchResource", 404, self.listed, "no-such-bucket")
        self.refused_with("NoSuchResource", 404, self.tag, BLUE, "no-such-bucket")
        self.refused_with("NotImplemented", 501, self.control.list_tags_for_resource, AccountId=ACCOUNT,
                          ResourceArn=f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/door")
        self.refused_with("InvalidTag", 400, self.tag, [{"Key": "aws:x", "Value": ""}])
        self.refused_with("InvalidTag", 400, self.tag, [{"Key": "x" * 129, "Value": ""}])
        self.refused_with("InvalidTag", 400, self.tag, [{"Key": "x", "Value": "?"}])
        self.refused_with("InvalidTag", 400, self.tag, BLUE + RED)
        self.refused_with("InvalidTag", 400, self.tag, [])
        self.refused_with("InvalidTag", 400, self.untag, "team", "bad!")
        self.tag([{"Key": f"k{i}", "Value": ""} for i in range(50)])
        self.refused_with("BadRequest", 400, self.tag, BLUE)
        self.tag([{"Key": "k7", "Value": "again"}])
        self.assertEqual(len(self.listed()), 50)

    def test_accounts(self):
        self.refused_with("AccessDenied", 403, self.listed, control=self.control_of_other)
        self.refused_with("NoSuchResource", 404, self.listed, control=self.control_of_other, account=OTHER)
        self.s3.delete_public_access_block(Bucket=self.bucket)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:ListTagsForResource", "Resource": arn(self.bucket)}]}))
        self.assertEqual(self.listed(control=self.control_of_other), [], "the bucket's policy lets it")
        self.refused_with("AccessDenied", 403, self.tag, BLUE, control=self.control_of_other)

    def test_permissions(self):
        blue_only = {"Effect": "Allow", "Action": "s3:TagResource", "Resource": "*", "Condition": {
            "StringEquals": {"aws:RequestTag/team": "blue"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}
        clerk = control_of(self.boreal, **self.user("tag-clerk", blue_only))
        self.tag(BLUE, control=clerk)
        self.refused_with("AccessDenied", 403, self.tag, RED, control=clerk)
        self.refused_with("AccessDenied", 403, self.tag, BLUE + [{"Key": "cost", "Value": "1"}], control=clerk)
        self.refused_with("AccessDenied", 403, self.listed, control=clerk)

    def test_on_the_wire(self):
        path = "/v20180820/tags/" + urllib.parse.quote(arn(self.bucket), safe="")
        body = b'<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags><Tag><Key>team</Key><Value>blue</Value></Tag></Tags></TagResourceRequest>'
        account = {"x-amz-account-id": ACCOUNT}
        done = signed(self, "POST", path, account, body)
        self.assertEqual((done.status, done.body), (204, b""))
        listed = signed(self, "GET", path, account)
        self.assertEqual(listed.status, 200)
        self.assertIn('<ListTagsForResourceResult xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags><Tag><Key>team</Key><Value>blue</Value></Tag></Tags>',
                      listed.text)
        self.assertEqual(signed(self, "DELETE", path + "?tagKeys=team&tagKeys=x", account).status, 204)
        self.assertIn("<Tags/>", signed(self, "GET", path, account).text)
        self.assertEqual(signed(self, "POST", path, account, b"<TagResourceRequest/>").status, 400)
        missing = signed(self, "POST", path, account, body, without=("x-amz-content-sha256",))
        self.assertEqual((missing.status, missing.code), (400, "InvalidRequest"))
        self.assertIn("Missing required header for this request: x-amz-content-sha256", missing.text)


class Creation(TagCase):
    def test_tags_need_a_permission_of_their_own(self):
        create = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}
        only = self.boreal.client("s3", **self.user("maker", create))
        only.create_bucket(Bucket="made-plain")
        self.refused_with("AccessDenied", 403, only.create_bucket, Bucket="made-blue", CreateBucketConfiguration={"Tags": BLUE})
        self.refused_with("404", 404, self.s3.head_bucket, Bucket="made-blue")
        blue = {"Effect": "Allow", "Action": "s3:TagResource", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/team": "blue"}}}
        tagger = self.boreal.client("s3", **self.user("tagger", create, blue))
        self.refused_with("AccessDenied", 403, tagger.create_bucket, Bucket="made-red", CreateBucketConfiguration={"Tags": RED})
        tagger.create_bucket(Bucket="made-blue", CreateBucketConfiguration={"Tags": BLUE})
        self.assertEqual(self.listed("made-blue"), BLUE)


class Abac(TagCase):
    def test_on_and_off(self):
        def status():
            return self.s3.get_bucket_abac(Bucket=self.bucket)["AbacStatus"]

        self.assertEqual(status(), {"Status": "Disabled"})
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": BLUE})
        self.abac()
        self.assertEqual(status(), {"Status": "Enabled"})
        # Who may set tags decides what policies allow, so the old way to them is closed.
        error = refusal(self.s3.put_bucket_tagging, Bucket=self.bucket, Tagging={"TagSet": RED})
        self.assertEqual(error["Code"], "BadRequest")
        self.assertIn("(ABAC) enabled. To add tags to this bucket, initiate a TagResource request.", error["Message"])
        self.refused_with("BadRequest", 400, self.s3.delete_bucket_tagging, Bucket=self.bucket)
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], BLUE)
        self.tag(RED)
        self.abac("Disabled")
        self.s3.delete_bucket_tagging(Bucket=self.bucket)
        self.assertEqual(status(), {"Status": "Disabled"})
        self.refused_with("NoSuchBucket", 404, self.s3.get_bucket_abac, Bucket="no-such-bucket")
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}?abac", body=b"<AbacStatus/>").code, "MalformedXML")
        reader = self.boreal.client("s3", **self.user("reader", {"Effect": "Allow", "Action": "s3:GetBucketAbac", "Resource": "*"}))
        self.assertEqual(reader.get_bucket_abac(Bucket=self.bucket)["AbacStatus"], {"Status": "Disabled"})
        self.refused_with("AccessDenied", 403, reader.put_bucket_abac, Bucket=self.bucket, AbacStatus={"Status": "Enabled"})

    def test_tags_decide_while_it_is_on(self):
        red = self.make_bucket()
        for bucket, tags in ((self.bucket, BLUE), (red, RED)):
            self.tag(tags, bucket)
            self.put("plan", Bucket=bucket)
        member = self.boreal.client("s3", **self.user(
            "member", {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketTagging"], "Resource": "*",
                       "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}},
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}))

        def allowed(bucket):
            return [status_of(call)[1] == 200 for call in (
                lambda: member.get_object(Bucket=bucket, Key="plan"), lambda: member.list_objects_v2(Bucket=bucket),
                lambda: member.get_bucket_tagging(Bucket=bucket),
                lambda: member.copy_object(Bucket=red, Key="copy", CopySource=f"{bucket}/plan"))]

        self.assertEqual((allowed(self.bucket), allowed(red)), ([False] * 4, [False] * 4))
        self.abac()
        self.abac(bucket=red)
        self.assertEqual((allowed(self.bucket), allowed(red)), ([True] * 4, [False] * 4))
        self.tag(RED)
        self.assertEqual(allowed(self.bucket), [False] * 4)
        self.tag(BLUE)
        self.abac("Disabled")
        self.assertEqual(allowed(self.bucket), [False] * 4)

    def test_bucket_policies(self):
        self.put("plan")
        self.tag(BLUE)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": arn(self.bucket) + "/*"},
            {"Effect": "Deny", "Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": arn(self.bucket) + "/*",
             "Condition": {"StringEquals": {"s3:BucketTag/team": "blue"}}}]}))
        read = {"Bucket": self.bucket, "Key": "plan"}
        self.assertEqual(status_of(self.other.get_object, **read)[1], 200)
        self.abac()
        self.assertEqual(status_of(self.other.get_object, **read)[1], 403)
        self.tag(RED)
        self.assertEqual(status_of(self.other.get_object, **read)[1], 200)


if __name__ == "__main__":
    unittest.main()
