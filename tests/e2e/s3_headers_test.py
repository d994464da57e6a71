"""Headers as clients get them wrong, and signatures: mostly by plain HTTP."""
import base64
import hashlib
import socket
import unittest
from datetime import datetime, timedelta, timezone

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from e2e.s3_cases import OTHER, HeadersCase, md5_of, send, signed
from harness import error_code


class Digests(HeadersCase):
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


class Parts(HeadersCase):
    def test_what_an_object_is_like_is_said_where_its_upload_begins(self):
        self.put("src")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="foo")["UploadId"]
        from_source = {"x-amz-copy-source": f"{self.bucket}/src"}
        words = "The specified header is not valid in this context"
        refused = ((from_source, "x-amz-metadata-directive", "REPLACE", words), (from_source, "Content-MD5", md5_of(b""), words),
                   *((source, name, value, wanted) for source in ({}, from_source)
                     for name, value, wanted in (("x-amz-acl", "private", words), ("x-amz-tagging", "a=b", words),
                                                 ("x-amz-meta-a", "b", "Metadata cannot be specified in this context."))))
        part = lambda **headers: signed(self, "PUT", f"/{self.bucket}/foo?partNumber=1&uploadId={upload}", headers=headers, body=body)
        for source, name, value, wanted in refused:
            with self.subTest(name=name, copy=bool(source)):
                body = b"" if source else b"bar"
                answer = part(**source, **{name: value})
                self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
                self.assertIn(f"<Message>{wanted}</Message><ArgumentName>{name}</ArgumentName><ArgumentValue>{value}</ArgumentValue>", answer.text)
        body = b"bar"
        sent = part(**{"Content-MD5": md5_of(body), "Content-Type": "text/plain", "x-amz-acl": ""})
        self.assertEqual(sent.status, 200)
        document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{sent.headers['ETag']}</ETag></Part></CompleteMultipartUpload>".encode()
        complete = lambda headers: signed(self, "POST", f"/{self.bucket}/foo?uploadId={upload}", headers=headers, body=document)
        for name, value in (("x-amz-acl", "private"), ("x-amz-tagging", "a=b"), ("x-amz-meta-a", "b")):
            self.assertEqual(self.outcome(complete({name: value})), (400, "InvalidArgument"), name)
        self.assertEqual(complete({"Content-MD5": md5_of(document)}).status, 200)
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="foo")["UploadId"]
        body = b""
        self.assertEqual(part(**from_source, **{"Content-Type": "text/plain"}).status, 200)
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/whole", headers={**from_source, "Content-MD5": md5_of(b"")}).status, 200)


class Lengths(HeadersCase):
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


class Heads(HeadersCase):
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


class UnsignedPayload(S3SigV4Auth):
    def payload(self, request):
        return "UNSIGNED-PAYLOAD"


class Chunks(HeadersCase):
    def send_chunks(self, wire, method="PUT", target="/foo", auth=UnsignedChunks, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method=method, url=f"{self.boreal.url}/{self.bucket}{target}", headers=headers)
        auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        return send(self, method, f"/{self.bucket}{target}", {**dict(request.headers.items()), "Content-Length": str(len(wire))}, wire)

    def test_only_data_comes_in_unsigned_chunks(self):
        for method, target, wire in (("PUT", "?tagging", self.wire(10)), ("PUT", "/foo?acl", self.wire(10)), ("POST", "/foo?uploads", self.wire()), ("GET", "", b""), ("DELETE", "/foo", b"")):
            answer = self.send_chunks(wire, method, target, x_amz_decoded_content_length="10")
            self.assertEqual(self.outcome(answer), (400, "InvalidRequest"), target)
            self.assertIn("<Message>The value of x-amz-content-sha256 header is invalid.</Message>", answer.text)

    def test_chunks_that_are_not_looked_into(self):
        """They would be stored with their frames."""
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="foo")["UploadId"]
        for target in ("/foo", f"/foo?partNumber=1&uploadId={upload}"):
            for encoding in ("aws-chunked", "gzip, AWS-Chunked"):
                answer = self.send_chunks(self.wire(10), target=target, auth=UnsignedPayload, Content_Encoding=encoding)
                self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), target)
                self.assertIn("<ArgumentName>Content-Encoding</ArgumentName>", answer.text)
            self.assertEqual(self.outcome(self.send_chunks(b"bar", target=target, auth=UnsignedPayload, Content_Encoding="gzip")), (200, None))

    def test_within_chunks_of_http(self):
        """As SDKs send what they stream: the length is told beside them."""
        headers = {"x-amz-decoded-content-length": "5"}
        request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/foo", headers=headers)
        UnsignedChunks(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
        inner = b"5\r\nhello\r\n0\r\n\r\n"
        answer = send(self, "PUT", f"/{self.bucket}/foo", {**dict(request.headers.items()), "Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner))
        self.assertEqual(self.outcome(answer), (200, None), answer.text)
        self.assertEqual(self.get("foo"), b"hello")

    def test_it_is_the_data_that_may_be_too_much(self):
        """5 GiB may be put at once; what stands around the chunks does not count, and HTTP's chunks get no more in."""
        most = 5 << 30

        def head(size, length):
            request = AWSRequest(method="PUT", url=f"{self.boreal.url}/{self.bucket}/foo", headers={"x-amz-decoded-content-length": str(size)})
            UnsignedChunks(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
            return {**dict(request.headers.items()), **length}

        lines = head(most, {"Host": f"127.0.0.1:{self.boreal.port}", "Content-Length": str(most + 100), "Expect": "100-continue"})
        with socket.create_connection(("127.0.0.1", self.boreal.port), 60) as client:
            client.sendall(b"".join(f"{line}\r\n".encode() for line in (f"PUT /{self.bucket}/foo HTTP/1.1", *map(": ".join, lines.items()), "")))
            self.assertEqual(client.makefile("rb").readline(), b"HTTP/1.1 100 Continue\r\n")
        answer = send(self, "PUT", f"/{self.bucket}/foo", head(most + 1, {"Transfer-Encoding": "chunked"}), b"5\r\n0\r\n\r\n\r\n0\r\n\r\n")
        self.assertEqual(self.outcome(answer), (400, "EntityTooLarge"))
        self.assertIn(f"<ProposedSize>{most + 1}</ProposedSize>", answer.text)

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


class Signatures(HeadersCase):
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


class Presigned(HeadersCase):
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
        url = self.url("PUT", query="?x-amz-meta-colour=red&x-amz-meta-wide=a%E2%80%94_%C3%A9%25&x-amz-meta-checksum=own&x-amz-storage-class=STANDARD_IA&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32")
        self.assertEqual(send(self, "PUT", url, {"Content-Length": "2"}, b"hi").status, 200)
        head = self.head("foo")
        self.assertEqual((head["Metadata"], head["StorageClass"]), ({"colour": "red", "wide": "=?UTF-8?Q?a=E2=80=94=5F=C3=A9%?=", "checksum": "own"}, "STANDARD_IA"))
        self.assertEqual(send(self, "PUT", self.url("PUT", query="?x-amz-storage-class=COLD"), {"Content-Length": "2"}, b"hi").code, "InvalidStorageClass")

    def test_not_there(self):
        self.assertEqual(send(self, "GET", self.url(key="nothing")).code, "NoSuchKey")
        self.assertEqual(send(self, "GET", self.url(key="foo", query="?versionId=bad")).code, "InvalidArgument")

    def test_another_accounts(self):
        self.put("foo", b"bar")
        self.assertEqual(send(self, "GET", self.url(access_key=OTHER)).code, "AccessDenied")


class Addresses(HeadersCase):
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


if __name__ == "__main__":
    unittest.main()
