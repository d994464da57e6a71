"""Signatures of version 2, which boto3 and `aws s3 presign` still put into URLs unless they are told otherwise."""
import base64
import hashlib
import hmac
import json
import unittest
import urllib.parse
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from e2e.helpers import allow, policy, user
from e2e.s3_cases import OTHER, S3Case, send, status_of


class Case(S3Case):
    def url(self, operation="get_object", client=None, expires=60, **params):
        """What follows the host in a URL that boto3 makes by itself."""
        params = {"Bucket": self.bucket, **({} if operation.startswith("list") else {"Key": "k"}), **params}
        made = (client or self.s3).generate_presigned_url(operation, Params=params, ExpiresIn=expires)
        self.assertIn("AWSAccessKeyId=", made)
        return made[len(self.boreal.url):]

    def outcome(self, answer):
        return answer.status, answer.code

    def signed(self, method, target, headers=(), body=b"", secret="test", after=(), date=None, resource=None):
        """By the rule of the user guide; `after`: headers that come on top, unsigned."""
        headers = {"Date": format_datetime(date or datetime.now(timezone.utc), usegmt=True), **dict(headers)}
        lower = {name.lower(): value for name, value in headers.items()}
        amazon = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower) if name.startswith("x-amz-"))
        day = "" if "x-amz-date" in lower else lower["date"]
        text = "\n".join((method, lower.get("content-md5", ""), lower.get("content-type", ""), day, amazon)) + (resource or (target + "/" if target == f"/{self.bucket}" else target))
        value = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
        if body or method == "PUT":
            headers["Content-Length"] = str(len(body))
        return send(self, method, target, {"Authorization": f"AWS test:{value}", **headers, **dict(after)}, body)


class Urls(Case):
    def test_objects(self):
        self.assertEqual(send(self, "PUT", self.url("put_object"), {"Content-Length": "2"}, b"hi").status, 200)
        self.assertEqual(send(self, "GET", self.url()).body, b"hi")
        self.assertEqual(send(self, "GET", self.url(), {"Range": "bytes=1-"}).body, b"i")  # it covers no Range
        self.assertEqual(send(self, "HEAD", self.url("head_object")).status, 200)
        self.assertEqual(self.outcome(send(self, "GET", self.url(Key="none"))), (404, "NoSuchKey"))
        self.assertEqual(send(self, "GET", self.url(ResponseContentType="text/x")).headers["Content-Type"], "text/x")
        self.put("ä b+c/d")
        self.assertEqual(send(self, "GET", self.url(Key="ä b+c/d")).body, b"body")
        self.assertEqual(send(self, "DELETE", self.url("delete_object")).status, 204)
        self.assertEqual(self.keys(), ["ä b+c/d"])

    def test_sub_resources(self):
        self.versioned()
        old = self.put("k", b"old")["VersionId"]
        self.put("k", b"new")
        self.assertEqual(send(self, "GET", self.url(VersionId=old)).body, b"old")
        self.assertEqual(send(self, "GET", self.url("get_object_acl")).status, 200)
        listed = send(self, "GET", self.url("list_objects_v2", Prefix="k"))
        self.assertIn("<Key>k</Key>", listed.text)

    def test_headers_in_the_query(self):
        url = self.url("put_object", ContentType="text/x", Metadata={"colour": "red"}, StorageClass="STANDARD_IA")
        headers = {"Content-Length": "2", "Content-Type": "text/x"}
        self.assertEqual(send(self, "PUT", url, headers, b"hi").status, 200)
        head = self.head("k")
        self.assertEqual((head["ContentType"], head["Metadata"], head["StorageClass"]), ("text/x", {"colour": "red"}, "STANDARD_IA"))
        self.assertEqual(self.outcome(send(self, "PUT", url, {**headers, "Content-Type": "text/y"}, b"hi")), (403, "SignatureDoesNotMatch"))
        self.assertEqual(self.outcome(send(self, "PUT", url, {**headers, "x-amz-acl": "public-read"}, b"hi")), (403, "SignatureDoesNotMatch"))

    def test_virtual_host(self):
        self.put("k")
        host = f"{self.bucket}.s3.localhost:{self.boreal.port}"
        self.assertEqual(send(self, "GET", self.url().replace(f"/{self.bucket}/", "/", 1), {"Host": host}).body, b"body")

    def test_wrong(self):
        self.put("k")
        good = self.url()
        for wrong in (good.replace("/k?", "/j?"), self.url(client=self.boreal.client("s3", secret_key="wrong")), good + "&acl", good + "&%61cl", good + "&versionId=null"):
            self.assertEqual(self.outcome(send(self, "GET", wrong)), (403, "SignatureDoesNotMatch"), wrong)
        self.assertEqual(self.outcome(send(self, "DELETE", good)), (403, "SignatureDoesNotMatch"))
        self.assertEqual(self.outcome(send(self, "GET", good.replace("AWSAccessKeyId=test", "AWSAccessKeyId=nobody"))), (403, "InvalidAccessKeyId"))
        self.assertEqual(self.outcome(send(self, "GET", self.url(client=self.other))), (403, "AccessDenied"))
        self.assertEqual(self.outcome(send(self, "GET", good, {"Authorization": "AWS test:x"})), (400, "InvalidArgument"))
        self.assertEqual(self.outcome(send(self, "GET", good + "&X-Amz-Signature=0")), (400, "InvalidArgument"))
        for part in ("AWSAccessKeyId", "Signature", "Expires"):
            cut = "&".join(pair for pair in good.replace("?", "?&").split("&") if not pair.startswith(part))
            self.assertEqual(send(self, "GET", cut).status, 403, part)
        past = send(self, "GET", self.url(expires=-10))
        self.assertEqual((past.status, past.code), (403, "AccessDenied"))
        for part in ("<Message>Request has expired</Message>", "<Expires>", "<ServerTime>"):
            self.assertIn(part, past.text)
        expires = urllib.parse.parse_qs(urllib.parse.urlparse(good).query)["Expires"][0]
        self.assertEqual(self.outcome(send(self, "GET", good.replace(expires, str(int(expires) + 1)))), (403, "SignatureDoesNotMatch"))
        self.assertEqual(self.outcome(send(self, "GET", good.replace(expires, "soon"))), (403, "AccessDenied"))
        self.assertEqual(send(self, "GET", self.url(expires=10**9)).body, b"body")  # nothing bounds it

    def test_sessions(self):
        self.put("k")
        iam = self.boreal.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=f"r-{self.bucket}", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=f"r-{self.bucket}", PolicyName="p", PolicyDocument=policy(allow("s3:GetObject")))
        given = user(self, f"u-{self.bucket}", allow("sts:AssumeRole"))("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        session = self.boreal.client("s3", given["AccessKeyId"], given["SecretAccessKey"], token=given["SessionToken"])
        url = self.url(client=session)
        self.assertEqual(send(self, "GET", url).body, b"body")
        without = "&".join(pair for pair in url.split("&") if not pair.startswith("x-amz-security-token"))
        self.assertEqual(send(self, "GET", without).status, 403)

    def test_policies_may_refuse_them(self):
        self.put("k")
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{self.bucket}/*", "Condition": {"StringEquals": {"s3:signatureversion": "AWS"}}}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
        self.assertEqual(self.outcome(send(self, "GET", self.url())), (403, "AccessDenied"))
        self.assertEqual(self.get("k"), b"body")

    def test_younger_regions_do_not_take_them(self):
        for region, wanted in (("eu-west-1", (200, None)), ("eu-central-1", (400, "InvalidRequest"))):
            name = f"{self.bucket}-{region}"
            there = self.boreal.client("s3", region=region)
            there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
            there.put_object(Bucket=name, Key="k", Body=b"x")
            self.assertEqual(self.outcome(send(self, "GET", self.url(Bucket=name))), wanted)


class Headers(Case):
    def test_client(self):
        client = self.boreal.client("s3", signature_version="s3")
        client.put_object(Bucket=self.bucket, Key="a b", Body=b"x" * 100_000, Metadata={"m": "1"}, ContentType="text/x")
        self.assertEqual(client.get_object(Bucket=self.bucket, Key="a b")["Metadata"], {"m": "1"})
        self.assertEqual([row["Key"] for row in client.list_objects_v2(Bucket=self.bucket, Prefix="a")["Contents"]], ["a b"])
        upload = {"Bucket": self.bucket, "Key": "m", "UploadId": client.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]}
        etag = client.upload_part(PartNumber=1, Body=b"part", **upload)["ETag"]
        client.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload)
        self.assertEqual(self.get("m"), b"part")
        client.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "a b"}, {"Key": "m"}]})
        self.assertEqual(self.keys(), [])
        self.assertIn(self.bucket, [row["Name"] for row in client.list_buckets()["Buckets"]])
        client.create_bucket(Bucket=f"{self.bucket}-2")
        wrong = self.boreal.client("s3", secret_key="wrong", signature_version="s3")
        self.refused_with("SignatureDoesNotMatch", 403, wrong.list_objects_v2, Bucket=self.bucket)
        self.assertEqual(status_of(self.boreal.client("s3", access_key=OTHER, signature_version="s3").list_objects_v2, Bucket=self.bucket)[1], 403)

    def test_by_the_rule(self):
        put = lambda **more: self.outcome(self.signed("PUT", f"/{self.bucket}/k", body=b"hi", **more))
        self.assertEqual(put(), (200, None))
        self.assertEqual(put(headers={"x-amz-meta-b": "2", "X-Amz-Meta-A": "1", "Content-Type": "text/x"}), (200, None))
        self.assertEqual(put(headers={"x-amz-date": format_datetime(datetime.now(timezone.utc), usegmt=True)}), (200, None))
        self.assertEqual(put(headers={"Content-MD5": base64.b64encode(hashlib.md5(b"hi").digest()).decode()}), (200, None))
        self.assertEqual(put(headers={"Content-MD5": base64.b64encode(hashlib.md5(b"ho").digest()).decode()}), (400, "BadDigest"))
        self.assertEqual(put(after={"x-amz-meta-c": "3"}), (403, "SignatureDoesNotMatch"))
        self.assertEqual(put(after={"x-boreal-replica": "0"}), (403, "AccessDenied"))
        self.assertEqual(put(secret="wrong"), (403, "SignatureDoesNotMatch"))
        host = {"Host": f"{self.bucket}.s3.localhost:{self.boreal.port}"}
        self.assertEqual(self.signed("GET", "/k", headers=host, resource=f"/{self.bucket}/k").body, b"hi")
        self.assertEqual(self.signed("GET", "/?location", headers=host, resource=f"/{self.bucket}/?location").status, 200)

    def test_times(self):
        now = datetime.now(timezone.utc)
        for delta, wanted in ((-14, 200), (14, 200), (-16, 403), (16, 403)):
            answer = self.signed("GET", f"/{self.bucket}", date=now + timedelta(minutes=delta))
            self.assertEqual(self.outcome(answer), (wanted, None if wanted == 200 else "RequestTimeTooSkewed"))
        for name, value in (("Date", "Bad Date"), ("Date", ""), ("x-amz-date", "Bad Date"), ("x-amz-date", "")):
            self.assertEqual(self.outcome(self.signed("GET", f"/{self.bucket}", headers={name: value})), (403, "AccessDenied"), (name, value))
        self.assertEqual(self.outcome(send(self, "GET", f"/{self.bucket}", {"Authorization": "AWS test:x"})), (403, "AccessDenied"))
        self.assertEqual(self.outcome(self.signed("GET", f"/{self.bucket}", headers={"x-amz-date": "Tue, 07 Jul 2010 21:53:04 GMT"})), (403, "RequestTimeTooSkewed"))

    def test_malformed(self):
        for text in ("AWS HAHAHA", "AWS ", "AWS :x"):
            self.assertEqual(self.outcome(send(self, "GET", f"/{self.bucket}", {"Authorization": text})), (400, "InvalidArgument"), text)
        answer = self.signed("GET", f"/{self.bucket}", secret="wrong")
        for part in ("<AWSAccessKeyId>test</AWSAccessKeyId>", "<StringToSign>GET", "<SignatureProvided>"):
            self.assertIn(part, answer.text)


if __name__ == "__main__":
    unittest.main()
