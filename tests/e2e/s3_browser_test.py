"""What browsers do: uploads by forms with a policy, and requests across origins."""
import base64
import email.header
import hashlib
import hmac
import html
import json
import re
import unittest
from datetime import datetime, timedelta, timezone

from e2e.helpers import advance, policy, reset_clock
from e2e.s3_cases import OTHER, S3Case, later, send, signed

BOUNDARY = "----a-boundary"


def multipart(fields, file=b"bar", file_name="foo.txt"):
    """The body of a form: fields in their order, then the file (None: there is none)."""
    body = b""
    for name, value in fields:
        value = value.encode() if isinstance(value, str) else value
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
    if file is not None:
        body += (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
                 f"Content-Type: text/plain\r\n\r\n").encode() + file + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


class FormCase(S3Case):
    def post(self, fields, file=b"bar", bucket=None, headers=(), body=None, host=None, **more):
        body = multipart(fields, file, **more) if body is None else body
        sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(len(body)), **dict(headers)}
        if host:
            sent["Host"] = host
        return send(self, "POST", "/" if host else f"/{bucket or self.bucket}", sent, body)

    def conditions(self, *more):
        return [{"bucket": self.bucket}, ["starts-with", "$key", "foo"], {"acl": "private"}, ["starts-with", "$Content-Type", "text/plain"],
                ["content-length-range", 0, 1024], *more]

    def policy(self, conditions=None, expires=None, **more):
        expires = expires or later(seconds=6000).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"expiration": expires, "conditions": self.conditions() if conditions is None else conditions, **more}

    def fields(self, document=None, key="foo.txt", secret="test", access_key="test", extra=(), version=4, age_s=0, **changed):
        """A signed form. `document`: the policy, or text that stands in its place. `age_s`: how long ago it was signed."""
        now = datetime.now(timezone.utc) - timedelta(seconds=age_s)
        scope = f"{access_key}/{now:%Y%m%d}/us-east-1/s3/aws4_request"
        date = f"{now:%Y%m%dT%H%M%SZ}"
        document = self.policy() if document is None else document
        if isinstance(document, dict) and version == 4 and isinstance(document.get("conditions"), list):
            document = {**document, "conditions": document["conditions"] + [
                {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, {"x-amz-credential": scope}, {"x-amz-date": date}]}
        text = base64.b64encode((document if isinstance(document, str) else json.dumps(document)).encode()).decode()
        digest = lambda k, t: hmac.new(k, t.encode(), hashlib.sha256).digest()
        form = {"key": key}
        if version == 4:
            signing = digest(digest(digest(digest(f"AWS4{secret}".encode(), f"{now:%Y%m%d}"), "us-east-1"), "s3"), "aws4_request")
            form.update({"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": scope, "x-amz-date": date, "x-amz-signature": digest(signing, text).hex()})
        else:
            form.update(AWSAccessKeyId=access_key, signature=base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode())
        form.update({"acl": "private", "policy": text, "Content-Type": "text/plain"})
        form.update(changed)
        return [(name, value) for name, value in form.items() if value is not None] + list(extra)

    def outcome(self, answer):
        return answer.status, answer.code


class Forms(FormCase):
    def setUp(self):
        super().setUp()
        self.bucket = self.open_bucket()

    def test_signed(self):
        for version in (4, 2):
            answer = self.post(self.fields(version=version), file=version.to_bytes(1, "big") * 1000)
            self.assertEqual(self.outcome(answer), (204, None), answer.text)
            self.assertEqual(self.get("foo.txt", Bucket=self.bucket), version.to_bytes(1, "big") * 1000)
            self.assertEqual(answer.headers["ETag"], self.head("foo.txt", Bucket=self.bucket)["ETag"])
            self.assertEqual(answer.headers["Location"], f"{self.boreal.url}/{self.bucket}/foo.txt")
            for name in ("x-amz-request-id", "x-amz-id-2", "x-amz-server-side-encryption", "x-amz-checksum-crc64nvme"):
                self.assertIn(name, answer.headers)
        self.assertEqual(self.head("foo.txt", Bucket=self.bucket)["ContentType"], "text/plain")

    def test_age_of_signatures(self):
        """It is told to the bucket's policy; of version 2 it is 0."""
        for operator, ms, refused in (("NumericGreaterThan", "60000", [(100, 4)]), ("NumericEquals", "0", [(0, 2), (100, 2)])):
            self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy(
                {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.bucket}/*", "Condition": {operator: {"s3:signatureAge": ms}}}))
            for age_s, version in ((100, 4), (0, 2), (100, 2)):
                outcome = (403, "AccessDenied") if (age_s, version) in refused else (204, None)
                self.assertEqual(self.outcome(self.post(self.fields(age_s=age_s, version=version))), outcome, (operator, age_s, version))

    def test_their_address_has_no_query(self):
        body = multipart(self.fields(), b"bar")
        sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(len(body))}
        answer = send(self, "POST", f"/{self.bucket}?a=b&c", sent, body)
        self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
        self.assertIn("<Message>Query String Parameters not allowed on POST requests.</Message><ArgumentName>a</ArgumentName><ArgumentValue>null</ArgumentValue>", answer.text)
        self.assertEqual(self.keys(), [])

    def test_boto(self):
        conditions = [{"acl": "private"}, ["content-length-range", 0, 100]]
        made = self.s3.generate_presigned_post(self.bucket, "k", Fields={"acl": "private"}, Conditions=conditions)
        self.assertEqual(self.post(list(made["fields"].items()), file=b"").status, 204)
        self.assertEqual(self.get("k", Bucket=self.bucket), b"")
        answer = self.post(list(made["fields"].items()), file=b"x" * 101)
        self.assertEqual(self.outcome(answer), (400, "EntityTooLarge"))
        self.assertIn("<ProposedSize>101</ProposedSize><MaxSizeAllowed>100</MaxSizeAllowed>", answer.text)

    def test_big(self):
        body = bytes(range(256)) * (12 << 10)
        policy = self.policy(self.conditions()[:-1])
        self.assertEqual(self.post(self.fields(policy), file=body).status, 204)
        self.assertEqual(self.get("foo.txt", Bucket=self.bucket), body)

    def test_anonymous(self):
        fields = [("key", "foo.txt"), ("acl", "public-read"), ("Content-Type", "text/plain")]
        self.assertEqual(self.outcome(self.post(fields)), (403, "AccessDenied"))
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        self.assertEqual(self.outcome(self.post(fields)), (204, None))
        self.assertEqual(send(self, "GET", f"/{self.bucket}/foo.txt").body, b"bar")
        self.assertEqual(self.post([("key", "foo.txt")], file=b"again").status, 204)
        self.assertEqual(self.post([("key", "no-type")]).status, 204)

    def test_answers(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        post = lambda **more: self.post([("key", "foo.txt"), *more.items()])
        self.assertEqual(post(success_action_status="200").status, 200)
        self.assertEqual(post(success_action_status="204").status, 204)
        self.assertEqual(post(success_action_status="404").status, 204)
        made = post(success_action_status="201")
        self.assertEqual(made.status, 201)
        for part in (f"<Bucket>{self.bucket}</Bucket>", "<Key>foo.txt</Key>", "<ETag>", "<PostResponse>"):
            self.assertIn(part, made.text)
        self.assertTrue(re.search("<Location>(.*)</Location>", made.text).group(1).endswith(f"/{self.bucket}/foo.txt"))
        sent = post(success_action_redirect="http://example.com/next")
        for no_url in ("example.com", "http://example.com/\1"):
            self.assertEqual(post(success_action_redirect=no_url).status, 204, no_url)
        etag = self.head("foo.txt", Bucket=self.bucket)["ETag"].strip('"')
        self.assertEqual((sent.status, sent.headers["Location"]), (303, f"http://example.com/next?bucket={self.bucket}&key=foo.txt&etag=%22{etag}%22"))

    def test_keys(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        self.assertEqual(self.post([("key", "up/${filename}")], file_name="a b.txt").status, 204)
        answer = self.post([("key", "k"), ("x-amz-meta-a", "${filename}" * 900)], file_name="f" * 9000)
        self.assertIn("<Code>MaxPostPreDataLengthExceededError</Code>", answer.text)
        self.assertTrue(self.post([("key", "up/${filename}")], file_name="C:\\dir\\c.txt").headers["Location"].endswith(f"/{self.bucket}/up%2Fc.txt"))
        self.assertEqual(self.post([("key", "\\$foo.txt é")]).status, 204)
        self.assertEqual(self.keys(Bucket=self.bucket), ["\\$foo.txt é", "up/a b.txt", "up/c.txt"])
        self.assertEqual(self.outcome(self.post([("acl", "private")])), (400, "InvalidArgument"))
        self.assertEqual(self.outcome(self.post([("key", "")])), (400, "InvalidArgument"))
        self.assertEqual(self.outcome(self.post([("key", "k" * 1025)])), (400, "KeyTooLongError"))

    def test_name_of_the_file(self):
        """It stands in every field, and the policy's conditions are on what that makes of it."""
        policy = self.policy(self.conditions(["starts-with", "$x-amz-meta-name", "a foo"]))
        for key, name, wanted in (("${filename}", "foo.txt", 204), ("${filename}", "bar.txt", 403), ("foo/${filename}/${filename}", "dir\\foo.txt", 204)):
            answer = self.post(self.fields(policy, key=key, extra=[("x-amz-meta-name", "a ${filename}")]), file_name=name)
            self.assertEqual(answer.status, wanted, answer.text)
        self.assertEqual(self.keys(Bucket=self.bucket), ["foo.txt", "foo/foo.txt/foo.txt"])
        self.assertEqual(self.head("foo.txt", Bucket=self.bucket)["Metadata"], {"name": "a foo.txt"})

    def test_metadata_is_utf8(self):
        """As forms are; a header's bytes would each be a character."""
        policy = self.policy(self.conditions(["starts-with", "$x-amz-meta-foo", ""]))
        self.assertEqual(self.post(self.fields(policy, extra=[("x-amz-meta-foo", "Größe 語")])).status, 204)
        told = self.head("foo.txt")["Metadata"]["foo"]
        self.assertEqual(str(email.header.make_header(email.header.decode_header(told))), "Größe 語")
        # Mostly ASCII is told as such, the rest in base64: a character beyond the first plane counts twice.
        for text, word in (("Größe_ 語?=", "Q?Gr=C3=B6=C3=9Fe=5F_=E8=AA=9E=3F=3D"), ("ab👑", "B?" + base64.b64encode("ab👑".encode()).decode())):
            self.assertEqual(self.post(self.fields(policy, extra=[("x-amz-meta-foo", text)])).status, 204)
            self.assertEqual(self.head("foo.txt")["Metadata"]["foo"], f"=?UTF-8?{word}?=")

    def test_metadata_holds_no_words(self):
        """What looks like one is told as it came; what no header can hold is told in one."""
        wanted = {"q": ("=?UTF-8?Q?actually-ascii?=",) * 2, "b": ("=?UTF-8?B?YWJj?=",) * 2, "control": ("\0\1\2\3\4", "=?UTF-8?B?AAECAwQ=?="),
                  "safe": ("! \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ x",) * 2}
        policy = self.policy(self.conditions(*({f"x-amz-meta-{name}": sent} for name, (sent, told) in wanted.items())))
        answer = self.post(self.fields(policy, extra=[(f"x-amz-meta-{name}", sent) for name, (sent, told) in wanted.items()]))
        self.assertEqual(answer.status, 204, answer.text)
        self.assertEqual(self.head("foo.txt")["Metadata"], {name: told for name, (sent, told) in wanted.items()})

    def test_names_of_metadata_that_no_header_has(self):
        """They are told as missing; the object can be read."""
        policy = self.policy(self.conditions(*({f"x-amz-meta-{name}": "1"} for name in ("a b", "a:b", "ü", "good"))))
        extra = [(f"x-amz-meta-{name}", "1") for name in ("a b", "a:b", "ü", "good")]
        self.assertEqual(self.post(self.fields(policy, extra=extra)).status, 204)
        head = self.head("foo.txt")
        self.assertEqual((head["Metadata"], head["MissingMeta"]), ({"good": "1"}, 3))
        self.assertEqual(self.get("foo.txt"), b"bar")

    def test_system_headers_have_no_control_characters(self):
        policy = self.policy(self.conditions(["starts-with", "$Cache-Control", ""]))
        for value, outcome in (("a\1b", (400, "InvalidArgument")), ("a\x7fb", (400, "InvalidArgument")), ("a\tb", (204, None))):
            self.assertEqual(self.outcome(self.post(self.fields(policy, extra=[("Cache-Control", value)]))), outcome, value)
        self.assertEqual(self.head("foo.txt")["CacheControl"], "a\tb")

    def test_system_headers_are_latin_1(self):
        """botocore reads them as that."""
        policy = self.policy(self.conditions(["starts-with", "$Cache-Control", ""], ["starts-with", "$Content-Disposition", ""]))
        extra = [("Cache-Control", "non-ascii-%E2%80%94_—_é_"), ("Content-Disposition", 'filename="ÿ—語.pdf"')]
        self.assertEqual(self.post(self.fields(policy, extra=extra)).status, 204)
        head = self.head("foo.txt")
        self.assertEqual((head["CacheControl"], head["ContentDisposition"]), ("non-ascii-%E2%80%94_ _é_", 'filename="ÿ  .pdf"'))

    def test_metadata_and_tags(self):
        tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1 &#43; 2</Value></Tag></TagSet></Tagging>"
        policy = self.policy(self.conditions(["starts-with", "$x-amz-meta-foo", "bar"], ["eq", "$tagging", tags], {"x-amz-storage-class": "STANDARD_IA"},
                                             {"cache-control": "no-cache"}))
        extra = [("x-amz-meta-foo", "barclamp"), ("tagging", tags), ("x-amz-storage-class", "STANDARD_IA"), ("Cache-Control", "no-cache")]
        answer = self.post(self.fields(policy, extra=extra))
        self.assertEqual(answer.status, 204, answer.text)
        head = self.head("foo.txt", Bucket=self.bucket)
        self.assertEqual((head["Metadata"], head["StorageClass"], head["CacheControl"]), ({"foo": "barclamp"}, "STANDARD_IA", "no-cache"))
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="foo.txt")["TagSet"], [{"Key": "a", "Value": "1 + 2"}])
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        self.assertEqual(self.outcome(self.post([("key", "x"), ("tagging", "<nonsense")])), (400, "MalformedXML"))
        self.assertEqual(self.post([("key", "x"), ("tagging", "<InvalidXmlTagging/>")]).status, 204)  # of another kind: no tags
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="x")["TagSet"], [])

    def test_checksums(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        good = base64.b64encode(hashlib.sha256(b"bar").digest()).decode()
        self.assertEqual(self.post([("key", "foo"), ("x-amz-checksum-sha256", good)]).status, 204)
        self.assertEqual(self.head("foo", Bucket=self.bucket, ChecksumMode="ENABLED")["ChecksumSHA256"], good)
        bad = base64.b64encode(hashlib.sha256(b"else").digest()).decode()
        self.assertEqual(self.outcome(self.post([("key", "foo"), ("x-amz-checksum-sha256", bad)])), (400, "BadDigest"))

    def test_fields_that_look_like_files(self):
        """Some clients give every part a file name; and after the redirect the browser asks for the bucket."""
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        fields = [("key", "foo.txt"), ("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"),
                  ("success_action_redirect", f"{self.boreal.url}/{self.bucket}")]
        body = multipart(fields).replace(b'name="key"', b'name="key"; filename="key"').replace(b'name="tagging"', b'name="tagging"; filename="tagging"')
        answer = self.post([], body=body)
        self.assertEqual(answer.status, 303, answer.text)
        self.assertEqual(send(self, "GET", answer.headers["Location"][len(self.boreal.url):]).status, 200)
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="foo.txt")["TagSet"], [{"Key": "a", "Value": "1"}])

    def test_case_does_not_matter(self):
        conditions = [{"bUcKeT": self.bucket}, ["StArTs-WiTh", "$KeY", "foo"], {"AcL": "private"}, ["StArTs-WiTh", "$CoNtEnT-TyPe", "text/plain"]]
        for version in (4, 2):
            fields = [(name.swapcase() if name in ("key", "acl", "policy", "Content-Type", "x-amz-date") else name, value)
                      for name, value in self.fields(self.policy(conditions), version=version)]
            answer = self.post(fields)
            self.assertEqual(answer.status, 204, answer.text)

    def test_ignored_fields(self):
        self.assertEqual(self.post(self.fields(extra=[("x-ignore-foo", "bar")])).status, 204)

    def test_forms_of_pages_elsewhere_need_a_rule(self):
        """Every page knows the keys of boreal dev, and a browser asks nobody before it sends a form."""
        post = lambda origin: self.outcome(self.post(self.fields(), headers=[("Origin", origin)]))
        for origin in ("https://app.example", "null"):
            self.assertEqual(post(origin), (403, "AccessDenied"), origin)
        self.assertIn("CORS rules", self.post(self.fields(), headers=[("Origin", "null")]).text)
        for origin in ("http://localhost:3000", "https://app.test"):
            self.assertEqual(post(origin)[0], 204, origin)
        for method, status in (("GET", 403), ("POST", 204)):
            self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [{"AllowedMethods": [method], "AllowedOrigins": ["https://app.example"]}]})
            self.assertEqual(post("https://app.example")[0], status, method)

    def test_virtual_host(self):
        answer = self.post(self.fields(), host=f"{self.bucket}.s3.localhost:{self.boreal.port}")
        self.assertEqual(answer.status, 204, answer.text)
        self.assertEqual(answer.headers["Location"], f"http://{self.bucket}.s3.localhost:{self.boreal.port}/foo.txt")
        self.assertEqual(self.get("foo.txt", Bucket=self.bucket), b"bar")

    def test_signatures_that_are_wrong(self):
        for version in (4, 2):
            name = "x-amz-signature" if version == 4 else "signature"
            who = "x-amz-credential" if version == 4 else "AWSAccessKeyId"
            self.assertEqual(self.outcome(self.post(self.fields(secret="wrong", version=version))), (403, "SignatureDoesNotMatch"))
            self.assertEqual(self.outcome(self.post(self.fields(access_key="AKIANOBODYATALL00000", version=version))), (403, "InvalidAccessKeyId"))
            unsigned = self.post(self.fields(version=version, **{name: None}))
            self.assertEqual(self.outcome(unsigned), (400, "InvalidArgument"))
            self.assertIn(f"<ArgumentName>{'X-Amz-Signature' if version == 4 else 'Signature'}</ArgumentName>", unsigned.text)
            self.assertEqual(self.outcome(self.post(self.fields(version=version, **{who: None}))), (400, "InvalidArgument"))
            self.assertEqual(self.outcome(self.post(self.fields(version=version, policy=None))), (400, "InvalidArgument"))
            self.assertEqual(self.post(self.fields(version=version, **{name: "x" + "0" * 63})).status, 403)
        self.assertEqual(self.outcome(self.post(self.fields(access_key=OTHER))), (403, "AccessDenied"))
        policy = self.policy(self.conditions({"x-amz-security-token": "token"}))
        for secret, refusal in (("wrong", (403, "SignatureDoesNotMatch")), ("test", (400, "InvalidToken"))):
            self.assertEqual(self.outcome(self.post(self.fields(policy, secret=secret, **{"x-amz-security-token": "token"}))), refusal)

    def test_scopes_that_are_wrong(self):
        day = f"{datetime.now(timezone.utc):%Y%m%d}"
        for scope in (f"test/{day}/us-east-1/s3", f"test/{day}/us-west-2/s3/aws4_request", f"test/{day}/us-east-1/ec2/aws4_request", "test/20200101/us-east-1/s3/aws4_request", "x"):
            self.assertEqual(self.outcome(self.post(self.fields(**{"x-amz-credential": scope}))), (400, "InvalidArgument"), scope)
        for name, argument in (("x-amz-algorithm", "X-Amz-Algorithm"), ("x-amz-date", "X-Amz-Date"), ("x-amz-credential", "X-Amz-Credential")):
            answer = self.post(self.fields(**{name: "x"}))
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), name)
            self.assertIn(f"<ArgumentName>{argument}</ArgumentName><ArgumentValue>x</ArgumentValue>", answer.text)

    def test_policies_that_do_not_hold(self):
        post = lambda *args, **more: self.outcome(self.post(self.fields(*args, **more)))
        past = later(seconds=-6000).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.assertEqual(post(self.policy(expires=past)), (403, "AccessDenied"))
        self.assertEqual(post(self.policy(self.conditions(["eq", "$x-amz-meta-foo", ""]))), (403, "AccessDenied"))  # the field is missing
        self.assertEqual(post(extra=[("x-amz-meta-foo", "bar")]), (403, "AccessDenied"))  # the condition is missing
        self.assertEqual(post(key="bar"), (403, "AccessDenied"))
        self.assertEqual(post(self.policy(self.conditions()[1:] + [{"bucket": "another"}])), (403, "AccessDenied"))
        self.assertEqual(post(self.policy(self.conditions()[1:])), (403, "AccessDenied"))  # nothing is said of the bucket
        self.assertEqual(post(self.policy([])), (403, "AccessDenied"))
        self.assertEqual(self.outcome(self.post(self.fields(), file=b"x" * 1025)), (400, "EntityTooLarge"))
        for wrong in (["eq", "acl", "private"], ["content-length-range", "few", "10"]):  # names no field, no size
            never = self.post(self.fields(self.policy(self.conditions()[:-1] + [wrong])))
            self.assertEqual(self.outcome(never), (403, "AccessDenied"))
            self.assertIn("Policy Condition failed: " + json.dumps(wrong), html.unescape(never.text))
        small = self.policy(self.conditions()[:-1] + [["content-length-range", 100, 1024]])
        self.assertEqual(post(small), (400, "EntityTooSmall"))
        twice = self.policy(self.conditions()[:-1] + [["content-length-range", 0, 2], ["content-length-range", 0, 1024]])
        self.assertEqual(post(twice), (400, "EntityTooLarge"))
        self.assertEqual(self.keys(Bucket=self.bucket), [])

    def test_escapes_of_policies(self):
        """A dollar sign and a vertical tab are escaped as AWS documents it, though JSON knows no such escapes."""
        document = json.dumps({"expiration": self.policy()["expiration"], "conditions": [{"bucket": self.bucket}, {"acl": "private"}, ["eq", "$key", "foo$$.txt"],
                               ["starts-with", "$Content-Type", ""], ["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""],
                               ["starts-with", "$x-amz-date", ""], ["eq", "$x-ignore-tab", "a\vb"]]})
        document = document.replace("foo$$", "foo\\$\\$").replace("\\u000b", "\\v")
        answer = self.post(self.fields(document, key="foo$$.txt", **{"x-ignore-tab": "a\vb"}))
        self.assertEqual(answer.status, 204, answer.text)
        self.assertEqual(self.get("foo$$.txt"), b"bar")

    def test_policies_that_are_none(self):
        def post(document):
            return self.outcome(self.post(self.fields(document)))

        good = self.policy()
        self.assertEqual(post("{nonsense"), (400, "InvalidPolicyDocument"))
        self.assertEqual(post({"conditions": good["conditions"]}), (400, "InvalidPolicyDocument"))
        self.assertEqual(post({"expiration": good["expiration"]}), (400, "InvalidPolicyDocument"))
        self.assertEqual(post({"EXPIRATION": good["expiration"], "conditions": good["conditions"]}), (400, "InvalidPolicyDocument"))
        self.assertEqual(post({"expiration": good["expiration"], "CONDITIONS": good["conditions"]}), (400, "InvalidPolicyDocument"))
        self.assertEqual(post(self.policy(expires=later(seconds=60).strftime("%Y/%m/%d"))), (400, "InvalidPolicyDocument"))
        self.assertEqual(post(self.policy(expires=str(later(seconds=60)))), (400, "InvalidPolicyDocument"))
        for wrong in (["content-length-range", 0], ["content-length-range", -1, 0], ["like", "$key", "foo"], {}, ["starts-with", "key", "foo"],
                      {"acl": "private", "key": "foo.txt"}, [], 5):
            self.assertEqual(post(self.policy(self.conditions()[:-1] + [wrong])), (400, "InvalidPolicyDocument"), wrong)
        self.assertEqual(post(self.policy(more=1)), (400, "InvalidPolicyDocument"))
        for operation, told in (("eq", "Eq"), ("starts-with", "starts-with"), ("content-length-range", "content-length-range")):
            answer = self.post(self.fields(self.policy(self.conditions([operation, "$key"]))))
            self.assertIn(f"<Message>Invalid Policy: Invalid {told}: wrong number of arguments.</Message>", answer.text)

    def deny(self, conditions):
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.bucket}/*", "Condition": conditions}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def test_policies_know_the_way_of_signing(self):
        self.deny({"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}})
        self.assertEqual([self.post(self.fields(version=version)).status for version in (4, 2)], [204, 403])
        self.deny({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}})
        self.assertEqual([self.post(self.fields(version=version)).status for version in (4, 2)], [403, 204])

    def test_blanks_hide_nothing_from_policies(self):
        self.bucket = self.make_bucket(ObjectLockEnabledForBucket=True)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.bucket}/*",
                                                                     "Condition": {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}}))
        digest = base64.b64encode(hashlib.md5(b"bar").digest()).decode()
        for days, status in ((5, 204), (20, 403)):
            for blank in ("", " "):
                extra = [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", blank + later(days=days).strftime("%Y-%m-%dT%H:%M:%SZ")), ("Content-MD5", digest)]
                document = self.policy(self.conditions(*(["starts-with", f"${name}", ""] for name, value in extra)))
                self.assertEqual(self.post(self.fields(document, extra=extra)).status, status, (days, blank))

    def test_fields_that_come_twice(self):
        """The first is what the policy looks at, so it is what counts."""
        document = self.policy(self.conditions({"x-amz-meta-a": "1"}))
        for again in ([("acl", "public-read")], [("ACL", "public-read")], [("Content-Type", "text/html")], [("x-amz-meta-a", "2"), ("X-Amz-Meta-A", "3")], [("key", "bar")]):
            self.assertEqual(self.post(self.fields(document, extra=[("x-amz-meta-a", "1"), *again])).status, 204, again)
            head = self.head("foo.txt", Bucket=self.bucket)
            self.assertEqual((head["ContentType"], head["Metadata"]), ("text/plain", {"a": "1"}), again)
            grants = self.s3.get_object_acl(Bucket=self.bucket, Key="foo.txt")["Grants"]
            self.assertEqual([grant["Grantee"]["Type"] for grant in grants], ["CanonicalUser"], again)
        self.assertEqual(self.keys(Bucket=self.bucket), ["foo.txt"])

    def test_bad_values_are_told_as_of_puts(self):
        for field, name, value in (("acl", "x-amz-acl", "bad"), *((name, name, "bad") for name in ("x-amz-acl", "x-amz-server-side-encryption", "x-amz-object-lock-legal-hold"))):
            put = signed(self, "PUT", f"/{self.bucket}/foo.txt", {name: value}, b"bar")
            conditions = [c for c in self.conditions(["starts-with", f"${field}", ""]) if c != {"acl": "private"}]
            answer = self.post(self.fields(self.policy(conditions), **{"acl": None, field: value}))
            told = lambda a: (a.status, re.search("<Code>.*</ArgumentValue>", a.text).group(0))
            self.assertEqual(told(answer), told(put), field)

    def test_forms_are_no_copies(self):
        self.put("secret", Bucket=self.bucket)
        copy = [("x-amz-copy-source", f"{self.bucket}/secret")]
        document = self.policy(self.conditions(["starts-with", "$x-amz-copy-source", ""]))
        self.assertEqual(self.outcome(self.post(self.fields(document, extra=copy))), (501, "NotImplemented"))
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        self.assertEqual(self.outcome(self.post([("key", "foo.txt"), *copy])), (501, "NotImplemented"))
        self.assertEqual(self.keys(Bucket=self.bucket), ["secret"])

    def test_digests_are_of_signatures_that_forms_have_not(self):
        """Nothing of the file would be held against it."""
        extra = [("x-amz-content-sha256", hashlib.sha256(b"other").hexdigest())]
        document = self.policy(self.conditions(["starts-with", "$x-amz-content-sha256", ""]))
        self.assertEqual(self.post(self.fields(document, extra=extra)).status, 204)
        self.deny({"Null": {"s3:x-amz-content-sha256": "true"}})
        self.assertEqual(self.post(self.fields(document, extra=extra)).status, 403)

    def test_conditions_of_the_request_are_for_policies_alone(self):
        headers = {"If-None-Match": "*", "If-Match": '"other"'}
        for _ in range(2):
            self.assertEqual(self.post(self.fields(), headers=headers).status, 204)

        def post_under(conditions, **more):
            self.deny(conditions)
            return self.post(self.fields(), **more).status

        for conditions in ({"Null": {"s3:if-none-match": "true"}}, {"StringNotEquals": {"s3:if-none-match": "*"}}, {"StringNotEquals": {"s3:if-match": '"other"'}}):
            self.assertEqual([post_under(conditions), post_under(conditions, headers=headers)], [403, 204], conditions)
        self.assertEqual(post_under({"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}), 204)

    def test_bodies_that_are_no_forms(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read-write")
        answer = self.post([("key", "foo")], file=None)
        self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
        self.assertIn("<ArgumentName>file</ArgumentName><ArgumentValue>0</ArgumentValue>", answer.text)
        self.assertEqual(self.post([], body=b"nonsense").code, "MalformedPOSTRequest")
        self.assertEqual(self.outcome(self.post([("key", "foo")], headers={"Content-Type": "multipart/form-data"})), (400, "MalformedPOSTRequest"))
        self.assertEqual(self.outcome(self.post([("key", "a/../../foo")])), (400, "InvalidArgument"))
        self.assertEqual(self.outcome(self.post([("key", "foo"), ("x-amz-checksum-crc16", "AAA=")])), (400, "InvalidRequest"))
        cut = multipart([("key", "foo")], b"x" * 5000)
        self.assertEqual(self.post([], body=cut[:-20]).code, "MalformedPOSTRequest")
        answer = self.post([("key", "foo"), ("x-ignore-long", "x" * 30000)])
        self.assertEqual(answer.code, "MaxPostPreDataLengthExceededError")
        self.assertIn("<MaxPostPreDataLengthBytes>20480</MaxPostPreDataLengthBytes>", answer.text)
        self.assertEqual(self.keys(Bucket=self.bucket), [])
        self.assertEqual(self.outcome(self.post([("key", "foo")], bucket="no-such-bucket-here")), (404, "NoSuchBucket"))

    def test_redirect_needs_a_condition_too(self):
        self.assertEqual(self.post(self.fields(extra=[("success_action_redirect", "http://example.com/")])).status, 403)
        policy = self.policy(self.conditions(["eq", "$success_action_redirect", "http://example.com/"]))
        self.assertEqual(self.post(self.fields(policy, extra=[("success_action_redirect", "http://example.com/")])).status, 303)


class MovedClock(FormCase):
    shared = False

    def setUp(self):
        super().setUp()
        self.bucket = self.open_bucket()

    def test_what_is_signed_since_is_of_now(self):
        """By the clients' own clock, which nobody has moved; what was signed before is as old as the move says."""
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy(
            {"Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"arn:aws:s3:::{self.bucket}/*",
             "Condition": {"NumericGreaterThan": {"s3:signatureAge": "600000"}}}))
        client = self.boreal.client("s3", signature_version="s3v4")
        url = lambda: client.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "foo.txt"}, ExpiresIn=36000)[len(self.boreal.url):]
        far = later(hours=9).strftime("%Y-%m-%dT%H:%M:%SZ")
        early, early_far, early_url = self.fields(), self.fields(self.policy(expires=far)), url()
        self.assertEqual(self.post(self.fields()).status, 204)
        advance(self, "3h")
        self.addCleanup(reset_clock, self)
        self.assertEqual(self.post(self.fields()).status, 204)
        self.assertEqual(send(self, "GET", url()).status, 200)
        expired = self.post(early)
        self.assertEqual(expired.status, 403)
        self.assertIn("Policy expired", expired.text)
        self.assertEqual(self.outcome(self.post(early_far)), (403, "AccessDenied"))
        self.assertEqual(send(self, "GET", early_url).status, 403)


class CrossOrigin(S3Case):
    def rules(self, *rules, bucket=None):
        self.s3.put_bucket_cors(Bucket=bucket or self.bucket, CORSConfiguration={"CORSRules": list(rules)})

    def ask(self, method="GET", origin=None, bucket=None, host=None, key="bar", **headers):
        """(status, allowed origin, allowed methods)"""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if origin:
            sent["Origin"] = origin
        if host:
            sent["Host"] = host
        answer = send(self, method, f"/{key}" if host else f"/{bucket or self.bucket}/{key}", sent)
        return answer.status, answer.headers.get("Access-Control-Allow-Origin"), answer.headers.get("Access-Control-Allow-Methods")

    def preflight(self, origin, method, **more):
        return self.ask("OPTIONS", origin, Access_Control_Request_Method=method, **more)

    def test_configuration(self):
        self.refused_with("NoSuchCORSConfiguration", 404, self.s3.get_bucket_cors, Bucket=self.bucket)
        rules = [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*.get", "*.put"]}]
        self.rules(*rules)
        self.assertEqual(self.s3.get_bucket_cors(Bucket=self.bucket)["CORSRules"], rules)
        self.assertEqual(self.s3.delete_bucket_cors(Bucket=self.bucket)["ResponseMetadata"]["HTTPStatusCode"], 204)
        self.refused("NoSuchCORSConfiguration", self.s3.get_bucket_cors, Bucket=self.bucket)
        self.refused("InvalidRequest", self.rules, {"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]})
        self.rules(*rules * 100)
        self.refused("InvalidRequest", self.rules, *rules * 101)
        self.refused("MalformedXML", self.rules)
        self.rules({"ID": "x" * 1025, "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]})  # the documented 255 are no limit
        self.refused("InvalidRequest", self.rules, {"AllowedMethods": ["GET"], "AllowedOrigins": ["a*b*c"]})
        self.refused("InvalidRequest", self.rules, {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["x-amz-*"]})
        # A document of 64 KiB is taken, no longer one.
        rule = "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
        for more, code in ((0, None), (1, "MaxMessageLengthExceeded")):
            body = f"<CORSConfiguration>{rule}{' ' * ((64 << 10) + more - len(rule) - 39)}</CORSConfiguration>".encode()
            digest = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}?cors", digest, body).code, code)
        for kind in ("AllowedHeaders", "ExposeHeaders"):
            for name in ("x one", "x:one", "x/one", "ü"):
                self.refused("InvalidRequest", self.rules, {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], kind: [name]})

    def test_origins(self):
        bucket = self.open_bucket()
        self.put("bar", Bucket=bucket, ACL="public-read")
        self.rules({"AllowedMethods": ["GET"], "AllowedOrigins": ["*suffix"]}, {"AllowedMethods": ["GET"], "AllowedOrigins": ["start*end"]},
                   {"AllowedMethods": ["GET"], "AllowedOrigins": ["prefix*"]}, {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*.put"]}, bucket=bucket)
        self.assertEqual(self.ask(bucket=bucket), (200, None, None))
        for origin in ("foo.suffix", "startend", "start1end", "prefix", "prefix.suffix"):
            self.assertEqual(self.ask(origin=origin, bucket=bucket), (200, origin, "GET"))
            self.assertEqual(self.preflight(origin, "GET", bucket=bucket), (200, origin, "GET"))
        for origin in ("foo.bar", "foo.suffix.get", "start1end2", "0start12end"):
            self.assertEqual(self.ask(origin=origin, bucket=bucket), (200, None, None))
            self.assertEqual(self.preflight(origin, "GET", bucket=bucket), (403, None, None))
        self.assertEqual(self.preflight("foo.put", "PUT", bucket=bucket), (200, "foo.put", "PUT"))
        self.assertEqual(self.preflight("foo.put", "GET", bucket=bucket), (403, None, None))
        # A refused request tells its page too.
        self.assertEqual(self.ask("PUT", origin="foo.put", bucket=bucket, Content_Length="0"), (403, "foo.put", "PUT"))

    def test_everybody(self):
        bucket = self.open_bucket()
        self.put("bar", Bucket=bucket, ACL="public-read")
        self.rules({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}, bucket=bucket)
        self.assertEqual(self.ask(origin="example.origin", bucket=bucket), (200, "*", "GET"))
        self.assertEqual(self.ask(bucket=bucket), (200, None, None))

    def test_headers(self):
        self.rules({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["x-amz-meta-header1", "ETag"], "AllowedHeaders": ["x-one", "X-Two*"], "MaxAgeSeconds": 9})
        ask = lambda *names: send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": "example.origin", "Access-Control-Request-Method": "GET",
                                                                          "Access-Control-Request-Headers": ", ".join(names)})
        self.assertEqual(ask("x-amz-meta-other").status, 403)
        good = ask("X-One", "x-two-three")
        self.assertEqual((good.status, good.headers["Access-Control-Allow-Headers"], good.headers["Access-Control-Expose-Headers"], good.headers["Access-Control-Max-Age"]),
                         (200, "x-one, x-two-three", "x-amz-meta-header1, ETag", "9"))

    def test_preflights_that_are_none(self):
        self.assertEqual(send(self, "OPTIONS", f"/{self.bucket}/bar").status, 400)
        # Without a configuration it does not matter what is asked.
        self.assertEqual(send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": "a"}).status, 403)
        self.assertEqual(self.preflight("a", "GET"), (403, None, None))
        self.assertEqual(self.preflight("a", "GET", bucket="no-such-bucket-here"), (403, None, None))
        for method in ("get", "FOO", "TRACE"):
            answer = send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": "a", "Access-Control-Request-Method": method})
            self.assertEqual((answer.status, answer.code), (400, "BadRequest"), method)
            self.assertIn(f"Invalid Access-Control-Request-Method: {method}<", answer.text)
        for method in ("PATCH", "OPTIONS", ""):
            answer = send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": "a", "Access-Control-Request-Method": method})
            self.assertEqual((answer.status, answer.code), (403, "AccessForbidden"), method)
            self.assertIn(f"<Method>{method or 'OPTIONS'}</Method>", answer.text)
        self.assertEqual(send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": ""}).code, "BadRequest")
        told = lambda key: send(self, "OPTIONS", f"/{self.bucket}{key}", {"Origin": "b", "Access-Control-Request-Method": "GET"}).text
        self.assertIn("<ResourceType>BUCKET</ResourceType>", told("/bar"))  # it is the bucket that has no rules
        self.rules({"AllowedMethods": ["GET"], "AllowedOrigins": ["a"]})
        self.assertIn("<ResourceType>OBJECT</ResourceType>", told("/bar"))
        self.assertIn("<ResourceType>BUCKET</ResourceType>", told(""))
        self.assertEqual(send(self, "OPTIONS", f"/{self.bucket}/bar").status, 400)
        for method, headers in (("OPTIONS", {}), ("OPTIONS", {"Access-Control-Request-Method": ""}), ("PATCH", {"Access-Control-Request-Method": "PATCH"})):
            answer = send(self, "OPTIONS", f"/{self.bucket}/bar", {"Origin": "a", **headers})
            self.assertEqual((answer.status, answer.code), (403, "AccessForbidden"), headers)  # no rule can allow it
            self.assertIn(f"<Method>{method}</Method>", answer.text)
        self.assertEqual(self.preflight("a", "get"), (400, None, None))
        self.rules({"AllowedMethods": ["GET"], "AllowedOrigins": ["a"], "AllowedHeaders": ["*"]})
        self.assertEqual(self.preflight("a", "GET", Access_Control_Request_Headers="x-one, x-two")[0], 200)
        self.assertEqual(self.preflight("a", "GET", Access_Control_Request_Headers="x-one, x two")[0], 400)

    def test_presigned_and_virtual_host(self):
        self.rules({"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["example.org"], "AllowedHeaders": ["*"]})
        self.put("bar")
        client = self.boreal.client("s3", signature_version="s3v4")
        for operation, method in (("get_object", "GET"), ("put_object", "PUT")):
            target = client.generate_presigned_url(operation, Params={"Bucket": self.bucket, "Key": "bar"})[len(self.boreal.url):]
            answer = send(self, "OPTIONS", target, {"Origin": "example.org", "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x-amz-acl"})
            self.assertEqual((answer.status, answer.headers.get("Access-Control-Allow-Origin")), (200, "example.org"))
            answer = send(self, method, target, {"Origin": "example.org", "Content-Length": "0"} if method == "PUT" else {"Origin": "example.org"})
            self.assertEqual((answer.status, answer.headers.get("Access-Control-Allow-Origin")), (200, "example.org"))
        host = f"{self.bucket}.s3.localhost:{self.boreal.port}"
        self.assertEqual(self.preflight("example.org", "GET", host=host), (200, "example.org", "GET, PUT"))


if __name__ == "__main__":
    unittest.main()
