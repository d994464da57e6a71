"""What the tests of S3 share: buckets of their own, and requests that no SDK would send."""
import base64
import hashlib
import http.client
import json
import re
import urllib.parse
from datetime import datetime, timedelta, timezone

from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import Case, error_code

OTHER = "111122223333"  # an account beside the one that the tests run in
THIRD = "444455556666"  # and one more
MIB = 1 << 20


def md5_of(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def code(self):
        found = re.search("<Code>(.*?)</Code>", self.text)
        return found.group(1) if found else None


def send(case, method, target, headers=(), body=b""):
    """One request, byte for byte: nothing is added but Host."""
    connection = http.client.HTTPConnection("127.0.0.1", case.boreal.port, timeout=60)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        headers = dict(headers)
        if "Host" not in headers:
            headers["Host"] = f"127.0.0.1:{case.boreal.port}"
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        if body:
            connection.send(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def signed(case, method, path, headers=(), body=b"", access_key="test", secret="test", after=(), without=(), region="us-east-1"):
    """A signed request. `path`: as it is to be sent, with its query. `after`: headers that come on top, unsigned, or in
    the place of signed ones; `without`: those that are left out."""
    request = AWSRequest(method=method, url=case.boreal.url + path, data=body, headers=dict(headers))
    request.context["payload_signing_enabled"] = True
    S3SigV4Auth(Credentials(access_key, secret), "s3", region).add_auth(request)
    final = {name: value for name, value in request.headers.items() if name.lower() not in without}
    if body and "Content-Length" not in final and "Transfer-Encoding" not in dict(after) and "content-length" not in without:
        final["Content-Length"] = str(len(body))
    elif method in ("PUT", "POST") and "content-length" not in without:
        final.setdefault("Content-Length", "0")
    for name, value in dict(after).items():
        for old in [n for n in final if n.lower() == name.lower()]:
            del final[old]
        final[name] = value
    return send(case, method, path, final, body)


def status_of(call, *args, **kwargs):
    """Code and HTTP status that a boto3 call ends with; ("", its status) when it succeeds."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "", answer["ResponseMetadata"]["HTTPStatusCode"]


def refusal(call, *args, **kwargs):
    """The fields of the error that a boto3 call ends with."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]
    raise AssertionError(f"succeeded with {answer}")


class S3Case(Case):
    """Every test gets a bucket of its own."""

    shared = True
    number = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3 = cls.boreal.client("s3")
        cls.other = cls.boreal.client("s3", access_key=OTHER)  # of another account
        cls.anonymous = cls.boreal.client("s3", signature_version=UNSIGNED)

    def setUp(self):
        self.bucket = self.make_bucket()

    def make_bucket(self, **more):
        S3Case.number += 1
        name = f"bucket-{S3Case.number:04d}"
        self.s3.create_bucket(Bucket=name, **more)
        return name

    def open_bucket(self, ownership="ObjectWriter", **more):
        """One whose owner lets access lists and public policies in."""
        name = self.make_bucket(ObjectOwnership=ownership)
        self.s3.delete_public_access_block(Bucket=name)
        if more:
            self.s3.put_bucket_acl(Bucket=name, **more)
        return name

    def put(self, key, body=b"body", **more):
        return self.s3.put_object(Bucket=more.pop("Bucket", self.bucket), Key=key, Body=body, **more)

    def get(self, key, **more):
        return self.s3.get_object(Bucket=more.pop("Bucket", self.bucket), Key=key, **more)["Body"].read()

    def head(self, key, **more):
        return self.s3.head_object(Bucket=more.pop("Bucket", self.bucket), Key=key, **more)

    def keys(self, **more):
        return [row["Key"] for row in self.s3.list_objects_v2(Bucket=more.pop("Bucket", self.bucket), **more).get("Contents", [])]

    def versioned(self, bucket=None, status="Enabled"):
        self.s3.put_bucket_versioning(Bucket=bucket or self.bucket, VersioningConfiguration={"Status": status})

    def refused(self, code, call, *args, **kwargs):
        self.assertEqual(error_code(call, *args, **kwargs), code)

    def refused_with(self, code, status, call, *args, **kwargs):
        self.assertEqual(status_of(call, *args, **kwargs), (code, status))


def owner_id(client):
    return client.list_buckets()["Owner"]["ID"]


def quote(key):
    return urllib.parse.quote(key, safe="/")


def later(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).replace(microsecond=0)


class HeadersCase(S3Case):
    def create(self, **more):
        """A PUT of /BUCKET/foo with the headers at hand."""
        more.setdefault("body", b"bar")
        return signed(self, "PUT", f"/{self.bucket}/foo", **more)

    def outcome(self, answer):
        return answer.status, answer.code


class PartsCase(S3Case):
    def begin(self, key="m", **more):
        return self.s3.create_multipart_upload(Bucket=more.pop("Bucket", self.bucket), Key=key, **more)["UploadId"]

    def part(self, upload, number, body, key="m", **more):
        return self.s3.upload_part(Bucket=more.pop("Bucket", self.bucket), Key=key, UploadId=upload, PartNumber=number, Body=body, **more)

    def finish(self, upload, parts, key="m", **more):
        """`parts`: [(number, etag)] or rows."""
        rows = [p if isinstance(p, dict) else {"PartNumber": p[0], "ETag": p[1]} for p in parts]
        return self.s3.complete_multipart_upload(Bucket=more.pop("Bucket", self.bucket), Key=key, UploadId=upload, MultipartUpload={"Parts": rows}, **more)

    def whole(self, key, *bodies, **more):
        upload = self.begin(key, **more)
        return self.finish(upload, [(i + 1, self.part(upload, i + 1, body, key)["ETag"]) for i, body in enumerate(bodies)], key)


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
