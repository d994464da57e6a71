"""Headers as clients get them wrong, signatures, ranges, overrides: mostly by plain HTTP."""
import base64
import hashlib
import socket
import threading
import unittest
from datetime import datetime, timedelta, timezone

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from e2e.s3_cases import OTHER, S3Case, send, signed, status_of
from harness import error_code


def md5_of(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


class Case(S3Case):
    def create(self, **more):
        """A PUT of /BUCKET/foo with the headers at hand."""
        more.setdefault("body", b"bar")
        return signed(self, "PUT", f"/{self.bucket}/foo", **more)

    def outcome(self, answer):
        return answer.status, answer.code


class Digests(Case):
    def test_configurations_want_one(self):
        rules = (b"<LifecycleConfiguration><Rule><ID>r</ID><Prefix>p</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
                 b"</LifecycleConfiguration>")
        cors = b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
        tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
        for query, body in (("lifecycle", rules), ("cors", cors), ("tagging", tags)):
            self.assertEqual(self.outcome(signed(self, "PUT", f"/{self.bucket}?{query}", body=body)), (400, "InvalidRequest"), query)
            for headers in ({"Content-MD5": md5_of(body)}, {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}):
                self.assertIn(signed(self, "PUT", f"/{self.bucket}?{query}", body=body, headers=headers).status, (200, 204), query)

    def test_content_md5(self):
        for value, wanted in ((md5_of(b"bar"), (200, None)), ("", (400, "InvalidDigest")), ("YWJyYWNhZGFicmE=", (400, "InvalidDigest")),
                              ("not base64!", (400, "InvalidDigest")), ("rL0Y20xC+Fzt72VPzMSk2A==", (400, "BadDigest"))):
            with self.subTest(value):
                self.assertEqual(self.outcome(self.create(headers={"Content-MD5": value})), wanted)
        self.assertEqual(self.outcome(self.create()), (200, None))

    def test_what_a_wrong_digest_is_told(self):
        """What was expected comes in hexadecimal for an object's data, as it was sent for what is read whole."""
        other = md5_of(b"other")
        answer = self.create(headers={"Content-MD5": other})
        self.assertIn(f"<ExpectedDigest>{base64.b64decode(other).hex()}</ExpectedDigest><CalculatedDigest>{md5_of(b'bar')}</CalculatedDigest>", answer.text)
        body = b"<Delete><Object><Key>a</Key></Object></Delete>"
        answer = signed(self, "POST", f"/{self.bucket}?delete", body=body, headers={"Content-MD5": other})
        self.assertIn(f"<ExpectedDigest>{other}</ExpectedDigest>", answer.text)

    def test_reads_are_not_held_to_one(self):
        self.create()
        for method in ("GET", "HEAD"):
            for path in (f"/{self.bucket}", f"/{self.bucket}/foo"):
                self.assertEqual(signed(self, method, path, headers={"Content-MD5": md5_of(b"other")}).status, 200, (method, path))

    def test_digest_of_xml(self):
        body = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
        put = lambda **headers: self.outcome(signed(self, "PUT", f"/{self.bucket}?versioning", headers=headers, body=body))
        self.assertEqual(put(**{"Content-MD5": md5_of(b"other")}), (400, "BadDigest"))
        self.assertEqual(put(**{"Content-MD5": "x"}), (400, "InvalidDigest"))
        self.assertEqual(put(**{"x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}), (400, "BadDigest"))
        self.assertEqual(put(**{"Content-MD5": md5_of(body)}), (200, None))
        self.assertEqual(put(**{"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}), (200, None))

    def test_checksums_of_documents(self):
        """What is refused of an object's is refused of a document's."""
        body = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
        encoded = lambda digest: base64.b64encode(digest(body).digest()).decode()
        sha1, sha256 = ({f"x-amz-checksum-{digest().name}": encoded(digest)} for digest in (hashlib.sha1, hashlib.sha256))
        none = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        for headers, message in (({**sha1, **sha256}, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."),
                                 ({"x-amz-sdk-checksum-algorithm": "SHA1"}, none), ({"x-amz-sdk-checksum-algorithm": "SHA1", "Content-MD5": md5_of(body)}, none),
                                 ({"x-amz-sdk-checksum-algorithm": "SHA1", **sha256}, "Value for x-amz-sdk-checksum-algorithm header is invalid.")):
            answer = signed(self, "PUT", f"/{self.bucket}?versioning", headers=headers, body=body)
            self.assertEqual(self.outcome(answer), (400, "InvalidRequest"), headers)
            self.assertIn(f"<Message>{message}</Message>", answer.text)
        answer = signed(self, "PUT", f"/{self.bucket}?versioning", headers={"x-amz-sdk-checksum-algorithm": "SHA256", **sha256}, body=body)
        self.assertEqual(self.outcome(answer), (200, None))

    def test_delete_objects_wants_a_digest(self):
        body = b"<Delete><Object><Key>a</Key></Object></Delete>"
        self.assertEqual(self.outcome(signed(self, "POST", f"/{self.bucket}?delete", body=body)), (400, "InvalidRequest"))
        self.assertEqual(self.outcome(signed(self, "POST", f"/{self.bucket}?delete", body=body, headers={"Content-MD5": md5_of(body)})), (200, None))

    def test_documents_have_a_limit(self):
        answer = signed(self, "POST", f"/{self.bucket}?delete", body=b" " * ((4 << 20) + 1))
        self.assertEqual(self.outcome(answer), (400, "MaxMessageLengthExceeded"))
        self.assertIn("<MaxMessageLengthBytes>4194304</MaxMessageLengthBytes>", answer.text)

    def test_wrong_body(self):
        self.assertEqual(self.create(after={"x-amz-content-sha256": hashlib.sha256(b"x").hexdigest()}).code, "SignatureDoesNotMatch")


class Lengths(Case):
    def test_content_length(self):
        self.assertEqual(self.outcome(self.create(without=("content-length",), body=b"")), (411, "MissingContentLength"))
        for value in ("-1", "", "many"):
            self.assertEqual(self.outcome(self.create(after={"Content-Length": value})), (400, "BadRequest"), value)
        self.assertEqual(self.outcome(self.create(body=b"", after={"Content-Length": "0"})), (200, None))
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        part = f"/{self.bucket}/m?partNumber=1&uploadId={upload}"
        self.assertEqual(self.outcome(signed(self, "PUT", part, without=("content-length",))), (411, "MissingContentLength"))

    def test_body_that_ends_early(self):
        request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/foo", data=b"0123456789")
        request.context["payload_signing_enabled"] = True
        S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        head = [f"PUT /{self.bucket}/foo HTTP/1.1", f"Host: 127.0.0.1:{self.boreal.port}", "Content-Length: 10"]
        head += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")]
        with socket.create_connection(("127.0.0.1", self.boreal.port), timeout=30) as connection:
            connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n0123")
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"<Code>IncompleteBody</Code>", answer)
        self.assertEqual(error_code(self.get, "foo"), "NoSuchKey")

    def test_bucket_needs_none(self):
        answer = signed(self, "PUT", f"/{self.bucket}-plain", without=("content-length",))
        self.assertEqual(answer.status, 200)
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}-negative", after={"Content-Length": "-1"}).status, 400)

    def test_expect(self):
        self.assertEqual(self.create(headers={"Expect": "200"}).status, 200)
        self.assertEqual(self.create(headers={"Expect": ""}).status, 200)
        self.assertEqual(self.create(headers={"Expect": "100-continue"}).status, 200)

    def test_content_type(self):
        self.create(headers={"Content-Type": ""})
        self.assertEqual(self.head("foo")["ContentType"], "binary/octet-stream")
        self.create(headers={"Content-Type": "text/plain"})
        self.assertEqual(self.head("foo")["ContentType"], "text/plain")
        self.create()
        self.assertEqual(self.head("foo")["ContentType"], "binary/octet-stream")


class Heads(Case):
    def test_what_is_no_http_is_refused_in_xml(self):
        """By the parser, before anybody knows what was asked; clients read the code all the same."""
        self.assertEqual(self.outcome(self.create(after={"Content-MD5": "\x07"})), (400, "BadRequest"))
        self.assertEqual(self.outcome(self.create(after={"X-Amz-Meta-Big": "x" * 70000})), (431, "RequestHeaderSectionTooLarge"))
        self.assertEqual(self.outcome(self.create(after={"Transfer-Encoding": "gzip"})), (501, "NotImplemented"))


    def test_chunks_of_http_do_not_tell_the_length(self):
        """AWS takes no body of which it is not told how long it is; who streams to a presigned URL finds out here."""
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="foo")["UploadId"]
        url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "foo"})
        chunked, body = {"Transfer-Encoding": "chunked"}, b"3\r\nbar\r\n0\r\n\r\n"
        for answer in (send(self, "PUT", url[len(self.boreal.url):], chunked, body), self.create(body=body, after=chunked, without=("content-length",)),
                       signed(self, "PUT", f"/{self.bucket}/foo?partNumber=1&uploadId={upload}", body=body, after=chunked, without=("content-length",))):
            self.assertEqual(self.outcome(answer), (501, "NotImplemented"))
            self.assertIn("<Header>Transfer-Encoding</Header>", answer.text)
        self.refused("404", self.head, "foo")


class UnsignedChunks(S3SigV4Auth):
    def payload(self, request):
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


class Chunks(Case):
    def send_chunks(self, wire, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/foo", headers=headers)
        UnsignedChunks(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        return send(self, "PUT", f"/{self.bucket}/foo", {**dict(request.headers.items()), "Content-Length": str(len(wire))}, wire)

    def test_within_chunks_of_http(self):
        """As SDKs send what they stream: the length is told beside them."""
        headers = {"x-amz-decoded-content-length": "5"}
        request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/foo", headers=headers)
        UnsignedChunks(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        inner = b"5\r\nhello\r\n0\r\n\r\n"
        answer = send(self, "PUT", f"/{self.bucket}/foo", {**dict(request.headers.items()), "Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner))
        self.assertEqual(self.outcome(answer), (200, None), answer.text)
        self.assertEqual(self.get("foo"), b"hello")

    def wire(self, *sizes):
        return b"".join(b"%x\r\n%s" % (size, b"a" * size + b"\r\n" if size else b"") for size in (*sizes, 0)) + b"\r\n"

    def test_only_the_last_may_be_small(self):
        for sizes in ((100,), (8192, 100), (10000, 9500, 20)):
            answer = self.send_chunks(self.wire(*sizes), x_amz_decoded_content_length=str(sum(sizes)))
            self.assertEqual(self.outcome(answer), (200, None), answer.text)
            self.assertEqual(self.head("foo")["ContentLength"], sum(sizes))
        for sizes, chunk, size in (((100, 8192), 2, 100), ((8192, 10, 100), 3, 10), ((8191, 8192), 2, 8191)):
            answer = self.send_chunks(self.wire(*sizes), x_amz_decoded_content_length=str(sum(sizes)))
            self.assertEqual(self.outcome(answer), (403, "InvalidChunkSizeError"))
            self.assertIn(f"<Chunk>{chunk}</Chunk><BadChunkSize>{size}</BadChunkSize>", answer.text)

    def test_broken_framing(self):
        for wire in (b"A\ndummy data\r\n0\r\n\r\n", b"A\r\ndummy data0\r\n\r\n", b"B\r\ndummy data\r\n0\r\n\r\n", b"A\r\ndummy data\r\n0\r\n\r", b"A\r\n",
                     b"size\r\ndummy data\r\n0\r\n\r\n", b"A\r\ndummy data\r\nJ\r\n\r\n"):
            answer = self.send_chunks(wire, x_amz_decoded_content_length="10")
            self.assertEqual(self.outcome(answer), (400, "IncompleteBody"), wire)
            too_long = "<NumberBytesExpected>10</NumberBytesExpected><NumberBytesProvided>11</NumberBytesProvided>"
            self.assertIn(too_long if wire.startswith(b"B") else "<Message>The request body terminated unexpectedly</Message>", answer.text)
        for wire in (self.wire(10), b"A\r\ndummy data\r\n0\r\n", self.wire(10) + b"junk"):
            self.assertEqual(self.outcome(self.send_chunks(wire, x_amz_decoded_content_length="10")), (200, None), wire)
        answer = self.send_chunks(self.wire(10), x_amz_decoded_content_length="12")
        self.assertEqual(self.outcome(answer), (400, "IncompleteBody"))
        self.assertIn("<NumberBytesExpected>12</NumberBytesExpected><NumberBytesProvided>10</NumberBytesProvided>", answer.text)

    def test_trailing_checksums(self):
        name = "x-amz-checksum-crc64nvme"
        send = lambda value: self.send_chunks(b"5\r\nhello\r\n0\r\n" + f"{name}:{value}\r\n\r\n".encode(), x_amz_decoded_content_length="5", x_amz_trailer=name)
        self.assertEqual(send("M3eFcAZSQlc=").headers[name], "M3eFcAZSQlc=")
        self.assertEqual(self.outcome(send("QFRKMGE3tuw=")), (400, "BadDigest"))
        answer = send("invalid")
        self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
        self.assertIn(f"Value for {name} trailing header is invalid.", answer.text)
        several = "<Message>Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.</Message>"
        for names in (f"{name}, {name}", f"{name}, x-amz-checksum-crc32"):
            answer = self.send_chunks(self.wire(5), x_amz_decoded_content_length="5", x_amz_trailer=names)
            self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
            self.assertIn(several, answer.text)
            self.assertIn(several, self.create(headers={"x-amz-trailer": names}).text)
        answer = self.send_chunks(self.wire(5), x_amz_decoded_content_length="5", x_amz_trailer=name)
        self.assertEqual(self.outcome(answer), (400, "MalformedTrailerError"))
        self.assertIn("did not conform to our published schema.</Message>", answer.text)

    def test_checksums_that_nobody_knows(self):
        answer = self.create(headers={"x-amz-checksum-sha256a": "dummy"})
        self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
        self.assertIn("The algorithm type you specified in x-amz-checksum- header is invalid.", answer.text)
        good = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"bar").digest()).decode()}
        self.assertEqual(self.outcome(self.create(headers={**good, "x-amz-checksum-sha256a": "dummy"})), (200, None))
        self.assertEqual(self.outcome(self.create(headers={**good, "x-amz-checksum-algorithm": "SHA256"})), (200, None))


class Signatures(Case):
    def test_authorization(self):
        self.assertEqual(self.outcome(self.create(after={"Authorization": "AWS HAHAHA"})), (400, "InvalidArgument"))
        answer = self.create(after={"Authorization": "nonsense"})
        self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
        self.assertIn("one and only one", answer.text)
        self.assertIn("<ArgumentName>Authorization</ArgumentName><ArgumentValue>nonsense</ArgumentValue>", answer.text)
        scope = "Credential=test/20260101/us-east-1/s3/aws4_request"
        for parts, message in ((f"{scope}, Signature=0", "requires three components"), (f"{scope}, SignedHeaders, Signature=0", "component &quot;SignedHeaders&quot; is malformed"),
                               ("Who=test, SignedHeaders=host, Signature=0", "missing Credential."), (f"{scope}, Headers=host, Signature=0", "missing SignedHeaders."),
                               (f"{scope}, SignedHeaders=host, Sign=0", "missing Signature.")):
            answer = self.create(after={"Authorization": f"AWS4-HMAC-SHA256 {parts}"})
            self.assertEqual(self.outcome(answer), (400, "AuthorizationHeaderMalformed"), parts)
            self.assertIn(message, answer.text.replace('"', "&quot;"))
        self.assertEqual(self.outcome(self.create(without=("authorization",))), (403, "AccessDenied"))
        self.assertEqual(self.create(after={"Authorization": ""}).status, 403)
        self.assertEqual(self.create(after={"Authorization": "AWS4-HMAC-SHA256 Credential=HAHAHA"}).status in (400, 403), True)
        self.assertEqual(self.outcome(self.create(secret="wrong")), (403, "SignatureDoesNotMatch"))
        self.assertEqual(self.outcome(self.create(access_key="AKIAIOSFODNN7EXAMPLE")), (403, "InvalidAccessKeyId"))
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}-made", after={"Authorization": ""}).status, 403)

    def test_version_two_is_refused_by_name(self):
        for target, headers in ((f"/{self.bucket}", {"Authorization": "AWS test:c2lnbmF0dXJl"}), (f"/{self.bucket}/k?AWSAccessKeyId=test&Signature=x&Expires=1", {})):
            answer = send(self, "GET", target, headers)
            self.assertEqual(answer.status, 400)
            self.assertIn("AWS4-HMAC-SHA256", answer.text)

    def test_scopes(self):
        """Of another service, or of a region that the bucket is not in."""
        wrong = lambda service, path: send(self, "GET", path, self.scoped(service, path))
        for service in ("ec2", "iam", "sqs"):
            answer = wrong(service, f"/{self.bucket}/foo")
            self.assertEqual(self.outcome(answer), (400, "AuthorizationHeaderMalformed"))
            self.assertIn(f"incorrect service \"{service}\". This endpoint belongs to \"s3\".", answer.text.replace("&quot;", '"'))
        answer = signed(self, "GET", f"/{self.bucket}", region="eu-west-1")
        self.assertEqual((self.outcome(answer), answer.headers["x-amz-bucket-region"]), ((400, "AuthorizationHeaderMalformed"), "us-east-1"))
        self.assertIn("<Region>us-east-1</Region>", answer.text)

    def scoped(self, service, path):
        request = AWSRequest(method="GET", url=self.boreal.url + path)
        S3SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def test_parts_of_the_credential(self):
        day = f"{datetime.now(timezone.utc):%Y%m%d}"
        for credential, why in (("test", "expecting"), (f"test/{day}/us-east-1/s3", "expecting"), (f"test/{day}/us-east-1/s3/aws5_request", "incorrect terminal"),
                                ("test/2026/us-east-1/s3/aws4_request", "incorrect date format"), ("test/20200101/us-east-1/s3/aws4_request", "Invalid credential date")):
            answer = self.create(after={"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"})
            self.assertEqual(self.outcome(answer), (400, "AuthorizationHeaderMalformed"), credential)
            self.assertIn(why, answer.text)

    def test_digest_of_the_body_must_be_named(self):
        answer = self.create(without=("x-amz-content-sha256",))
        self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
        self.assertIn("Missing required header for this request: x-amz-content-sha256", answer.text)
        self.assertEqual(self.outcome(self.create(after={"x-amz-content-sha256": "nonsense"})), (400, "InvalidArgument"))

    def test_session_tokens(self):
        for token in ("nonsense", "A" * 300):
            self.refused_with("InvalidToken", 400, self.boreal.client("s3", token=token).list_objects_v2, Bucket=self.bucket)

    def test_dates(self):
        stamp = lambda when: when.strftime("%Y%m%dT%H%M%SZ")
        now = datetime.now(timezone.utc)
        for value in (stamp(now - timedelta(hours=1)), stamp(now + timedelta(days=2)), "19500707T215304Z", "99990707T215304Z"):
            answer = self.create(after={"X-Amz-Date": value})
            # The date of another day does not fit the credential's scope either.
            self.assertIn((answer.status, answer.code), ((403, "RequestTimeTooSkewed"), (403, "AccessDenied"), (400, "AuthorizationHeaderMalformed")), value)
        for value in ("", "Bad Date"):
            self.assertEqual(self.create(after={"X-Amz-Date": value}).status, 403, value)
        self.assertEqual(self.create(without=("x-amz-date",)).status, 403)

    def test_unsigned_extra_headers(self):
        self.assertEqual(self.create(after={"X-Harmless": "yes"}).status, 200)
        self.assertEqual(self.create(after={"x-amz-meta-added": "no"}).code, "AccessDenied")


class Presigned(Case):
    def url(self, method="GET", key="foo", expires=60, access_key="test", secret="test", query="", region="us-east-1"):
        request = AWSRequest(method=method, url=f"{self.boreal.url}/{self.bucket}/{key}{query}")
        S3SigV4QueryAuth(Credentials(access_key, secret), "s3", region, expires=expires).add_auth(request)
        return request.url[len(self.boreal.url):]

    def test_good(self):
        self.put("foo", b"bar")
        self.assertEqual(send(self, "GET", self.url()).body, b"bar")
        self.assertEqual(send(self, "HEAD", self.url("HEAD")).status, 200)
        self.assertEqual(send(self, "PUT", self.url("PUT", "up"), {"Content-Length": "2"}, b"hi").status, 200)
        self.assertEqual(self.get("up"), b"hi")
        self.assertEqual(send(self, "DELETE", self.url("DELETE", "up")).status, 204)

    def test_bad(self):
        self.put("foo", b"bar")
        self.assertEqual(self.outcome(send(self, "GET", self.url(expires=604801))), (400, "AuthorizationQueryParametersError"))
        self.assertEqual(self.outcome(send(self, "GET", self.url(expires=-7))), (400, "AuthorizationQueryParametersError"))
        self.assertEqual(send(self, "GET", self.url() + "x").status, 403)
        self.assertEqual(send(self, "GET", self.url().replace("/foo", "/fop")).code, "SignatureDoesNotMatch")
        self.assertEqual(send(self, "DELETE", self.url()).code, "SignatureDoesNotMatch")
        self.assertEqual(send(self, "GET", self.url(secret="wrong")).code, "SignatureDoesNotMatch")
        self.assertEqual(send(self, "GET", self.url(access_key="AKIAIOSFODNN7EXAMPLE")).code, "InvalidAccessKeyId")
        self.assertEqual(self.outcome(send(self, "GET", self.url(region="eu-west-1"))), (400, "AuthorizationQueryParametersError"))
        self.assertEqual(self.outcome(send(self, "GET", self.url().replace("%2Fs3%2F", "%2Fec2%2F"))), (400, "AuthorizationQueryParametersError"))
        year = f"{datetime.now(timezone.utc):%Y}"
        old = self.url().replace(f"X-Amz-Date={year}", "X-Amz-Date=2016").replace(f"%2F{year}", "%2F2016")
        self.assertEqual(self.outcome(send(self, "GET", old)), (403, "AccessDenied"))
        for part in ("X-Amz-Expires", "X-Amz-Date", "X-Amz-Signature", "X-Amz-SignedHeaders"):
            cut = "&".join(pair for pair in self.url().split("&") if not pair.startswith(part))
            self.assertEqual(send(self, "GET", cut).status in (400, 403), True, part)

    def test_headers_in_the_query(self):
        """JavaScript's SDK puts them there, and with them the checksum of a body that it does not know yet."""
        url = self.url("PUT", query="?x-amz-meta-colour=red&x-amz-meta-wide=a%E2%80%94_%C3%A9%25&x-amz-storage-class=STANDARD_IA&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32")
        self.assertEqual(send(self, "PUT", url, {"Content-Length": "2"}, b"hi").status, 200)
        head = self.head("foo")
        self.assertEqual((head["Metadata"], head["StorageClass"]), ({"colour": "red", "wide": "=?UTF-8?Q?a=E2=80=94=5F=C3=A9%?="}, "STANDARD_IA"))
        self.assertEqual(send(self, "PUT", self.url("PUT", query="?x-amz-storage-class=COLD"), {"Content-Length": "2"}, b"hi").code, "InvalidStorageClass")

    def test_not_there(self):
        self.assertEqual(send(self, "GET", self.url(key="nothing")).code, "NoSuchKey")
        self.assertEqual(send(self, "GET", self.url(key="foo", query="?versionId=bad")).code, "InvalidArgument")

    def test_another_accounts(self):
        self.put("foo", b"bar")
        self.assertEqual(send(self, "GET", self.url(access_key=OTHER)).code, "AccessDenied")


class Addresses(Case):
    def test_bucket_in_the_host(self):
        """It is told once, in the host too."""
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="a/b")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.bucket, Key="a/b", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
        body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>".encode()
        host = f"{self.bucket}.s3.localhost:{self.boreal.port}"
        target = f"/a/b?uploadId={upload}"
        request = AWSRequest(method="POST", url=f"http://{host}{target}", data=body)
        S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        answer = send(self, "POST", target, {**dict(request.headers.items()), "Host": host, "Content-Length": str(len(body))}, body)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn(f"<Location>http://{host}/a%2Fb</Location>", answer.text)


class Ranges(Case):
    def setUp(self):
        super().setUp()
        self.put("r", b"testcontent")

    def range(self, value, key="r"):
        answer = signed(self, "GET", f"/{self.bucket}/{key}", headers={"Range": value})
        return answer.status, answer.body if answer.status < 400 else answer.code, answer.headers.get("Content-Range")

    def test_ranges(self):
        self.assertEqual(self.range("bytes=4-7"), (206, b"cont", "bytes 4-7/11"))
        self.assertEqual(self.range("bytes=4-"), (206, b"content", "bytes 4-10/11"))
        self.assertEqual(self.range("bytes=-7"), (206, b"content", "bytes 4-10/11"))
        self.assertEqual(self.range("bytes=-100"), (206, b"testcontent", "bytes 0-10/11"))
        self.assertEqual(self.range("bytes=0-100"), (206, b"testcontent", "bytes 0-10/11"))
        self.assertEqual(self.range("bytes=40-50")[:2], (416, "InvalidRange"))
        self.assertEqual(self.range("bytes=-0")[:2], (416, "InvalidRange"))
        self.assertEqual(self.range("bytes=99999999999999999999999-")[:2], (416, "InvalidRange"))
        self.assertEqual(self.range("bytes=9-99999999999999999999999"), (206, b"nt", "bytes 9-10/11"))
        self.assertIsNone(self.range("bytes=40-50")[2])
        for unclear in ("bytes=0-1,4-5", "bytes=7-4", "lines=1-2", "bytes=x-y", "bytes=-"):
            self.assertEqual(self.range(unclear), (200, b"testcontent", None), unclear)

    def test_a_range_of_what_was_changed_meanwhile_is_the_whole(self):
        head = self.head("r")["ResponseMetadata"]["HTTPHeaders"]
        tag, date = head["etag"], head["last-modified"]
        for known, wanted in ((tag, 206), (date, 206), ('"other"', 200), ("W/" + tag, 200), ("Sat, 01 Jan 2000 00:00:00 GMT", 200), ("x", 200)):
            answer = signed(self, "GET", f"/{self.bucket}/r", headers={"Range": "bytes=4-7", "If-Range": known})
            self.assertEqual((answer.status, answer.body), (wanted, b"cont" if wanted == 206 else b"testcontent"), known)

    def test_checksum_comes_with_the_whole(self):
        checksum = lambda text: self.s3.get_object(Bucket=self.bucket, Key="r", Range=text, ChecksumMode="ENABLED").get("ChecksumCRC32")
        self.assertIsNotNone(checksum("bytes=0-100"))
        self.assertIsNone(checksum("bytes=0-9"))

    def test_empty_object(self):
        self.put("e", b"")
        self.assertEqual(self.range("bytes=40-50", "e")[:2], (416, "InvalidRange"))
        self.assertEqual(self.range("bytes=0-", "e")[:2], (416, "InvalidRange"))
        self.assertEqual(self.get("e"), b"")

    def test_names_are_spelled_as_aws_spells_them(self):
        """Some that read over HTTP look for Accept-Ranges letter by letter before they ask for a range."""
        for method in ("GET", "HEAD"):
            names = [name for name, _ in signed(self, method, f"/{self.bucket}/r").headers.items()]
            for name in ("Accept-Ranges", "Last-Modified", "ETag", "Content-Type", "Content-Length"):
                self.assertIn(name, names, method)

    def test_head(self):
        head = self.head("r", Range="bytes=2-3")
        self.assertEqual((head["ContentLength"], head["ContentRange"], head["AcceptRanges"]), (2, "bytes 2-3/11", "bytes"))
        self.assertEqual(head["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.assertEqual(status_of(self.head, "r", Range="bytes=99-"), ("416", 416))

    def test_big(self):
        body = bytes(range(256)) * 32768
        self.put("big", body)
        for start, end in ((3145728, 5242880), (0, 0), (8388607, 8388607), (65535, 65536)):
            self.assertEqual(self.range(f"bytes={start}-{end}", "big")[1], body[start:end + 1])


class Answers(Case):
    def test_overrides(self):
        self.put("o", b"x", ContentType="text/plain")
        wanted = {"ResponseCacheControl": "no-cache", "ResponseContentDisposition": 'attachment; filename="b"', "ResponseContentEncoding": "aaa",
                  "ResponseContentLanguage": "esperanto", "ResponseContentType": "foo/bar"}
        for call in (self.s3.get_object, self.s3.head_object):
            got = call(Bucket=self.bucket, Key="o", ResponseExpires=datetime(2030, 1, 1, tzinfo=timezone.utc), **wanted)
            for name, value in wanted.items():
                self.assertEqual(got[name[8:]], value)
            self.assertEqual(got["ResponseMetadata"]["HTTPHeaders"]["expires"], "Tue, 01 Jan 2030 00:00:00 GMT")
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/o?response-expires=soon").headers["Expires"], "soon")
        bucket = self.open_bucket()
        self.put("o", Bucket=bucket, ACL="public-read")
        self.assertEqual(self.outcome(send(self, "GET", f"/{bucket}/o?response-content-type=x")), (400, "InvalidRequest"))

    def test_overrides_that_cannot_be_headers(self):
        self.put("o", b"x")
        got = signed(self, "GET", f"/{self.bucket}/o?response-content-disposition=a%3B%20filename%3D%22b%C3%A4ck%22")
        self.assertEqual((got.status, got.headers["Content-Disposition"]), (200, 'a; filename="b\xe4ck"'))  # Latin-1, as headers are
        for value in ("%E6%97%A5", "a%0D%0AX-Other%3A%20b", "%FF", "a%00"):
            answer = signed(self, "GET", f"/{self.bucket}/o?response-content-disposition={value}")
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), value)
            self.assertIn("<ArgumentName>response-content-disposition</ArgumentName>", answer.text)
        for method in ("GET", "HEAD"):
            answer = signed(self, method, f"/{self.bucket}/o?response-server=x")
            self.assertEqual(answer.status, 400)
        self.assertIn("<ArgumentName>response-server</ArgumentName><ArgumentValue>x</ArgumentValue>", signed(self, "GET", f"/{self.bucket}/o?response-server=x").text)

    def test_attributes(self):
        self.put("o", b"x")
        for headers in ({}, {"x-amz-object-attributes": ""}):
            answer = signed(self, "GET", f"/{self.bucket}/o?attributes", headers=headers)
            self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
            self.assertIn("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty", answer.text)
        answer = signed(self, "GET", f"/{self.bucket}/o?attributes", headers={"x-amz-object-attributes": "ETag, Colour"})
        self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
        self.assertIn("<Message>Invalid attribute name specified.</Message>", answer.text)
        for maximum, wanted in (("-1", 200), ("many", 400), ("99999999999999999999", 400)):
            headers = {"x-amz-object-attributes": "ETag,ObjectParts", "x-amz-max-parts": maximum}
            self.assertEqual(signed(self, "GET", f"/{self.bucket}/o?attributes", headers=headers).status, wanted, maximum)

    def test_attributes_of_no_parts(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", ChecksumAlgorithm="CRC32")["UploadId"]
        part = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]})
        for maximum, count in ((0, 0), (5000, 1)):
            parts = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"], MaxParts=maximum)["ObjectParts"]
            self.assertEqual((parts["MaxParts"], parts["IsTruncated"], len(parts.get("Parts", []))), (maximum, False, count))

    def test_values_that_are_none(self):
        """Each in AWS's words, with the header and what was in it."""
        self.put("o", b"x")
        source = {"x-amz-copy-source": f"{self.bucket}/o"}
        for name, value, message in (("x-amz-metadata-directive", "MOVE", "Unknown metadata directive."), ("x-amz-tagging-directive", "copy", "Unknown tagging directive."),
                                     ("x-amz-object-lock-legal-hold", "on", "Legal Hold must be either of 'ON' or 'OFF'"),
                                     ("x-amz-server-side-encryption", "aes256", "The encryption method specified is not supported")):
            answer = signed(self, "PUT", f"/{self.bucket}/c", headers={**source, name: value})
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), name)
            self.assertIn(f"<Message>{message}</Message><ArgumentName>{name}</ArgumentName><ArgumentValue>{value}</ArgumentValue>", answer.text.replace("&apos;", "'"))

    def test_sdk_algorithm(self):
        checksum = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"bar").digest()).decode()}
        self.assertEqual(self.create(headers={**checksum, "x-amz-sdk-checksum-algorithm": "sha256"}).status, 200)
        for algorithm in ("CRC32", "BOGUS"):
            for headers, message in (({}, "x-amz-sdk-checksum-algorithm specified, but no corresponding"), (checksum, "Value for x-amz-sdk-checksum-algorithm header is invalid.")):
                answer = self.create(headers={**headers, "x-amz-sdk-checksum-algorithm": algorithm})
                self.assertEqual(self.outcome(answer), (400, "InvalidRequest"), algorithm)
                self.assertIn(message, answer.text)

    def test_what_directory_buckets_know(self):
        for name, value in (("x-amz-write-offset-bytes", "0"), ("x-amz-rename-source", "/other")):
            answer = self.create(headers={name: value})
            self.assertEqual(self.outcome(answer), (501, "NotImplemented"))
            self.assertIn(f"<Header>{name}</Header>", answer.text)

    def test_only_puts_copy(self):
        self.put("o", b"x")
        source = {"x-amz-copy-source": f"{self.bucket}/o"}
        for method in ("GET", "HEAD", "DELETE"):
            for path in (f"/{self.bucket}", f"/{self.bucket}/o"):
                self.assertEqual(signed(self, method, path, headers=source).status, 400, method)
        self.assertEqual(self.get("o"), b"x")
        answer = signed(self, "PUT", f"/{self.bucket}/c", headers=source, body=b"body")
        self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
        self.assertEqual(self.keys(), ["o"])

    def test_system_metadata_has_its_limit_too(self):
        """2048 bytes of names and values, of those headers that were sent."""
        put = lambda length, **more: signed(self, "PUT", f"/{self.bucket}/k", {"x-amz-website-redirect-location": "/" * length, **more}, b"x")
        most = 2048 - len("x-amz-website-redirect-location")
        self.assertEqual(put(most).status, 200)
        self.assertEqual(self.head("k")["ContentType"], "binary/octet-stream")
        for answer, size in ((put(most + 1), 2049), (put(most, **{"Cache-Control": "x"}), 2062)):
            self.assertEqual((answer.status, answer.code), (400, "MetadataTooLarge"))
            self.assertIn(f"<Size>{size}</Size><MaxSizeAllowed>2048</MaxSizeAllowed>", answer.text)

    def test_metadata(self):
        self.put("m", b"x", Metadata={"Key1": "value1", "empty": "", "dash-ed_x": " inner  blanks "}, CacheControl="max-age=1", ContentDisposition="inline",
                 ContentEncoding="gzip", ContentLanguage="de", Expires=datetime(2030, 1, 1, tzinfo=timezone.utc))
        head = self.head("m")
        self.assertEqual(head["Metadata"], {"key1": "value1", "empty": "", "dash-ed_x": "inner  blanks"})
        self.assertEqual((head["CacheControl"], head["ContentDisposition"], head["ContentEncoding"], head["ContentLanguage"]), ("max-age=1", "inline", "gzip", "de"))
        for given, kept in (("deflate, gzip", "deflate, gzip"), ("aws-chunked", None), ("aws-chunked, gzip", "gzip"), ("deflate, gzip,aws-chunked", "deflate, gzip")):
            signed(self, "PUT", f"/{self.bucket}/m", headers={"Content-Encoding": given}, body=b"x")
            self.assertEqual(self.head("m").get("ContentEncoding"), kept, given)
        self.put("m", b"x", Metadata={"other": "1"})
        self.assertEqual(self.head("m")["Metadata"], {"other": "1"})
        self.put("m", b"x")
        self.assertEqual(self.head("m")["Metadata"], {})
        self.assertEqual(error_code(self.put, "big", Metadata={"a": "x" * 2049}), "MetadataTooLarge")
        answer = self.create(headers={"Content-Disposition": "d" * 3000})
        self.assertEqual(self.outcome(answer), (400, "MetadataTooLarge"))
        self.assertIn("<Size>3019</Size><MaxSizeAllowed>2048</MaxSizeAllowed>", answer.text)
        self.assertEqual(self.create(headers={"Content-Disposition": "d" * 2000, "x-amz-meta-a": "m" * 2000}).status, 200)

    def test_hundreds_of_metadata_fields(self):
        """Python's own client reads a hundred fields at most, so the answer is counted here."""
        wanted = {f"x-amz-meta-n{i}": "v" for i in range(350)}
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/many", headers=wanted, body=b"x").status, 200)
        request = AWSRequest(method="HEAD", url=f"{self.boreal.url}/{self.bucket}/many", data=b"")
        S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        with socket.create_connection(("127.0.0.1", self.boreal.port), timeout=60) as connection:
            connection.sendall(f"HEAD /{self.bucket}/many HTTP/1.1\r\nHost: 127.0.0.1:{self.boreal.port}\r\nConnection: close\r\n{lines}\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode().lower()
        self.assertEqual({line.split(": ")[0] for line in answer.split("\r\n") if line.startswith("x-amz-meta-")}, set(wanted))

    def test_metadata_in_several_lines_is_one_list(self):
        bucket = self.open_bucket()
        self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        lines = {"x-amz-meta-a": "1", "X-Amz-Meta-A": "2", "x-amz-meta-b": "3", "Content-Length": "0"}
        self.assertEqual(send(self, "PUT", f"/{bucket}/m", lines).status, 200)
        self.assertEqual(self.head("m", Bucket=bucket)["Metadata"], {"a": "1,2", "b": "3"})

    def test_common_headers(self):
        answer = signed(self, "GET", f"/{self.bucket}?location")
        for name in ("x-amz-request-id", "x-amz-id-2", "Date"):
            self.assertIn(name, answer.headers)
        for path in ("", "/none", "?policy"):
            self.assertEqual(signed(self, "GET", f"/{self.bucket}{path}").headers["Server"], "AmazonS3")
        missing = signed(self, "GET", f"/{self.bucket}/none")
        self.assertEqual(missing.headers["Content-Type"], "application/xml")
        for part in ("<Key>none</Key>", "<RequestId>", "<HostId>", "<Message>The specified key does not exist.</Message>"):
            self.assertIn(part, missing.text)
        head = signed(self, "HEAD", f"/{self.bucket}/none")
        self.assertEqual((head.status, head.body), (404, b""))

    def test_metadata_beyond_ascii(self):
        """The example of the user guide."""
        request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/m", data=b"x", headers={"x-amz-meta-nonascii": "ÄMÄZÕÑ S3", "x-amz-meta-ascii": "AMAZONS3"})
        S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        headers = {name: value.encode() if isinstance(value, str) else value for name, value in request.headers.items()}
        self.assertEqual(send(self, "PUT", f"/{self.bucket}/m", {**headers, "Content-Length": "1"}, b"x").status, 200)
        self.assertEqual(self.head("m")["Metadata"], {"ascii": "AMAZONS3", "nonascii": "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="})
        self.s3.copy_object(Bucket=self.bucket, Key="n", CopySource=f"{self.bucket}/m")
        self.assertEqual(self.head("n")["Metadata"], self.head("m")["Metadata"])

    def test_words_in_metadata(self):
        """What they stand for is kept, and told in words again only where it must be."""
        words = {"long": "=?utf-8?B?VMOpc3Q=?=", "ascii": "=?UTF-8?Q?actually-ascii?=", "base64": "=?UTF-8?B?YWJj?=", "two": "=?UTF-8?Q?a?= =?UTF-8?Q?_b?= c",
                 "latin": "=?iso-8859-1?q?Gr=FC=DFe?=", "control": "=?UTF-8?B?AAECAw==?=", "lines": "=?UTF-8?Q?a=0D=0Ax-b:_c?=", "bad": "=?UTF-8?B?=GGG?=", "none": "=?UTF-8?Q?a b?="}
        kept = {**words, "long": "=?UTF-8?Q?T=C3=A9st?=", "ascii": "actually-ascii", "base64": "abc", "two": "a b c", "latin": "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
                "lines": "=?UTF-8?Q?a=0D=0Ax-b:_c?="}
        self.put("m", b"x", Metadata=words)
        self.assertEqual(self.head("m")["Metadata"], kept)
        self.put("m", b"x", Metadata={"a": "=?UTF-8?Q?" + "x" * 2047 + "?="})  # what is kept counts
        self.assertEqual(error_code(self.put, "m", Metadata={"a": "=?UTF-8?Q?" + "x" * 2048 + "?="}), "MetadataTooLarge")

    def test_methods_that_are_none(self):
        self.assertEqual(signed(self, "PATCH", f"/{self.bucket}/foo").status, 405)
        self.put("foo")
        for method, target in (("DELETE", "?acl"), ("DELETE", "?location"), ("PUT", "?policyStatus"), ("DELETE", "/foo?acl"), ("PUT", "/foo?torrent"), ("POST", "/foo")):
            self.assertEqual(self.outcome(signed(self, method, f"/{self.bucket}{target}")), (405, "MethodNotAllowed"), target)
        self.assertEqual(self.get("foo"), b"body")
        empty = self.make_bucket()
        for query, outcome in (("uploadId=x", (400, "InvalidRequest")), ("retention", (405, "MethodNotAllowed")), ("torrent", (405, "MethodNotAllowed"))):
            self.assertEqual(self.outcome(signed(self, "DELETE", f"/{empty}?{query}")), outcome)  # and not the bucket deleted
        self.assertEqual(signed(self, "HEAD", f"/{empty}").status, 200)
        answer = send(self, "POST", f"/{self.bucket}", {"Content-Length": "1", "Content-Type": "text/plain"}, b"x")
        self.assertEqual(self.outcome(answer), (412, "PreconditionFailed"))

    def test_heads_are_of_buckets_and_objects_only(self):
        self.put("foo")
        for target, allowed in (("?acl", "GET, PUT"), ("?policy", "DELETE, GET, PUT"), ("?location", "GET"), ("?versions", "GET"),
                                ("/foo?acl", "GET, PUT"), ("/foo?tagging", "DELETE, GET, PUT"), ("/foo?uploadId=x", "DELETE, POST, GET"),
                                ("/none?acl", "GET, PUT"), ("/foo?versioning", None)):
            answer = signed(self, "HEAD", f"/{self.bucket}{target}")
            self.assertEqual((answer.status, answer.body, answer.headers["Allow"]), (405, b"", allowed), target)
        for target in ("?list-type=2", "?prefix=acl", "/foo?versionId=null", "/foo?response-expires=x", "/foo?x-id=HeadObject", "/foo?metrics"):
            self.assertEqual(signed(self, "HEAD", f"/{self.bucket}{target}").status, 200, target)

    def test_one_sub_resource_at_a_time(self):
        self.put("foo")
        conflict = lambda words, first: (f"<Code>InvalidArgument</Code><Message>Conflicting query string parameters: {words}</Message>"
                                         f"<ArgumentName>ResourceType</ArgumentName><ArgumentValue>{first}</ArgumentValue>")
        for method, target, words in (("GET", "?acl&policy", "acl, policy"), ("GET", "?versioning&acl", "acl, versioning"), ("PUT", "?tagging&cors", "cors, tagging"),
                                      ("DELETE", "?policy&website", "policy, website"), ("GET", "/foo?tagging&acl=", "acl, tagging"),
                                      ("DELETE", "/foo?uploadId=x&tagging", "tagging, uploadId"), ("POST", "/foo?uploads&uploadId=x", "uploadId, uploads"),
                                      ("GET", "/foo?acl&cors", "acl, cors")):
            answer = signed(self, method, f"/{self.bucket}{target}")
            self.assertEqual(answer.status, 400, target)
            self.assertIn(conflict(words, words.split(",")[0]), answer.text)
        answer = signed(self, "HEAD", f"/{self.bucket}?acl&policy")
        self.assertEqual((answer.status, answer.body), (400, b""))
        self.assertEqual(self.get("foo"), b"body")
        # What goes together.
        for target, status in (("?acl&x-id=GetBucketAcl", 200), ("?acl&acl", 200), ("?versions&prefix=acl", 200), ("?list-type=2&acl", 200), ("/foo?acl&versionId=null", 200),
                               ("/foo?tagging&versionId=null", 200), ("/foo?response-content-type=acl", 200), ("?inventory&id=acl", 404)):
            self.assertEqual(signed(self, "GET", f"/{self.bucket}{target}").status, status, target)

    def test_words_that_the_method_has_no_use_for(self):
        self.put("foo")
        for method, target in (("GET", "?delete"), ("GET", "/foo?restore"), ("GET", "/foo?policy"), ("DELETE", "/foo?versioning"), ("PUT", "/foo?location"),
                               ("PUT", "/foo?uploadId=x")):
            self.assertEqual(self.outcome(signed(self, method, f"/{self.bucket}{target}")), (405, "MethodNotAllowed"), target)
        self.assertEqual(self.get("foo"), b"body")
        self.assertIn("<ResourceType>UPLOAD</ResourceType>", signed(self, "PUT", f"/{self.bucket}/foo?uploadId=x").text)

    def test_listings_of_buckets_are_not_asked_of_keys(self):
        for word in ("uploads", "versions", "versions&prefix=a"):
            self.assertEqual(self.outcome(signed(self, "GET", f"/{self.bucket}/foo?{word}")), (400, "InvalidRequest"), word)

    def test_bodies_that_are_missing(self):
        for target in ("?versioning", "?tagging", "?policy", "?website", "/foo?tagging"):
            self.assertEqual(self.outcome(signed(self, "PUT", f"/{self.bucket}{target}")), (400, "MissingRequestBodyError"), target)

    def test_torrent_is_refused(self):
        self.put("t")
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/t?torrent").status, 501)

    def test_archives_are_restored(self):
        for storage_class in ("GLACIER", "DEEP_ARCHIVE"):
            key = storage_class.lower()
            self.put(key, StorageClass=storage_class)
            restore = lambda days=1, **more: status_of(self.s3.restore_object, Bucket=self.bucket, Key=key, RestoreRequest={"Days": days, **more})
            self.assertEqual(status_of(self.get, key), ("InvalidObjectState", 403))
            self.assertEqual(status_of(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource=f"{self.bucket}/{key}"), ("InvalidObjectState", 403))
            self.assertNotIn("Restore", self.head(key))
            self.assertEqual(restore(0), ("MalformedXML", 400))
            self.assertEqual(restore(GlacierJobParameters={"Tier": "Slow"}), ("MalformedXML", 400))
            self.assertEqual(restore(OutputLocation={"S3": {"BucketName": self.bucket, "Prefix": "p"}}), ("NotImplemented", 501))
            fast = restore(GlacierJobParameters={"Tier": "Expedited"})
            self.assertEqual(fast, ("", 202) if storage_class == "GLACIER" else ("InvalidArgument", 400))
            self.assertEqual(restore(2, GlacierJobParameters={"Tier": "Bulk"}), ("", 200 if storage_class == "GLACIER" else 202))
            self.assertRegex(self.head(key)["Restore"], r'^ongoing-request="false", expiry-date=".* GMT"$')
            self.assertEqual(self.get(key), b"body")
            row = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, OptionalObjectAttributes=["RestoreStatus"])["Contents"][0]
            self.assertEqual((row["RestoreStatus"]["IsRestoreInProgress"], row["StorageClass"]), (False, storage_class))
        self.put("k")
        request = {"Bucket": self.bucket, "RestoreRequest": {"Days": 1}}
        self.refused_with("InvalidObjectState", 403, self.s3.restore_object, Key="k", **request)
        self.refused_with("NoSuchKey", 404, self.s3.restore_object, Key="none", **request)
        # Of this class it is sent without Days.
        self.put("tiered", StorageClass="INTELLIGENT_TIERING")
        self.refused_with("InvalidObjectState", 403, self.s3.restore_object, Bucket=self.bucket, Key="tiered", RestoreRequest={})
        self.refused_with("MalformedXML", 400, self.s3.restore_object, Bucket=self.bucket, Key="glacier", RestoreRequest={})

    def test_storage_classes(self):
        for name in ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"):
            self.put("s", b"x", StorageClass=name)
            self.assertEqual(self.head("s").get("StorageClass", "STANDARD"), name)
            self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["Contents"][0]["StorageClass"], name)
        self.assertEqual(error_code(self.put, "s", StorageClass="COLD"), "InvalidStorageClass")


class Whole(Case):
    """Readers see one whole object, whichever writer came last."""

    def test_reads_while_it_is_overwritten(self):
        size = 1 << 20
        self.put("w", b"A" * size)
        wrong, stop = [], threading.Event()

        def read():
            client = self.boreal.client("s3")
            while not stop.is_set():
                body = client.get_object(Bucket=self.bucket, Key="w")["Body"].read()
                if len(body) != size or body.count(body[:1]) != size:
                    wrong.append(body[:1])

        readers = [threading.Thread(target=read) for _ in range(3)]
        for thread in readers:
            thread.start()
        for i in range(12):
            self.put("w", b"AB"[i % 2:i % 2 + 1] * size)
        stop.set()
        for thread in readers:
            thread.join()
        self.assertEqual(wrong, [])

    def test_failed_write_leaves_what_was(self):
        self.put("w", b"old")
        connection_headers = {"Content-MD5": md5_of(b"else")}
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/w", headers=connection_headers, body=b"new").code, "BadDigest")
        self.assertEqual(self.get("w"), b"old")


if __name__ == "__main__":
    unittest.main()
