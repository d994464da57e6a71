"""What is answered: ranges, overrides, metadata, what a method has no use for; and what is read while it changes."""
import base64
import hashlib
import socket
import threading
import unittest
from datetime import datetime, timezone

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from e2e.s3_cases import HeadersCase, md5_of, refusal, send, signed, status_of
from harness import error_code


class Ranges(HeadersCase):
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
        self.assertEqual(self.range("bytes=-0", "e")[:2], (416, "InvalidRange"))
        self.assertEqual(self.range("bytes=-5", "e"), (200, b"", None))  # its last bytes are all of it
        self.assertEqual(status_of(self.head, "e", Range="bytes=-5"), ("", 200))
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


class Answers(HeadersCase):
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
        for method in ("GET", "HEAD"):  # one without a value is none
            self.assertEqual(signed(self, method, f"/{self.bucket}/o?response-content-type=&response-expires=").headers["Content-Type"], "text/plain", method)
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
        for headers in ({}, {"x-amz-object-attributes": ","}):
            answer = signed(self, "GET", f"/{self.bucket}/o?attributes", headers=headers)
            self.assertEqual(self.outcome(answer), (400, "InvalidRequest"))
            self.assertIn("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty", answer.text)
        for names in ("ETag, Colour", "", ",ETag", "ETag,,ObjectSize"):
            answer = signed(self, "GET", f"/{self.bucket}/o?attributes", headers={"x-amz-object-attributes": names})
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), names)
            self.assertIn("<Message>Invalid attribute name specified.</Message>", answer.text)
        for names in ("ETag,", "ETag,,", "ETag , ObjectSize"):
            self.assertEqual(signed(self, "GET", f"/{self.bucket}/o?attributes", headers={"x-amz-object-attributes": names}).status, 200, names)
        for maximum, wanted in (("-1", 200), ("many", 400), ("99999999999999999999", 400)):
            headers = {"x-amz-object-attributes": "ETag,ObjectParts", "x-amz-max-parts": maximum}
            self.assertEqual(signed(self, "GET", f"/{self.bucket}/o?attributes", headers=headers).status, wanted, maximum)

    def test_attributes_in_lists(self):
        for query in ("", "?list-type=2", "?versions"):
            self.assertEqual(signed(self, "GET", f"/{self.bucket}{query}", headers={"x-amz-optional-object-attributes": "RestoreStatus"}).status, 200)
            answer = signed(self, "GET", f"/{self.bucket}{query}", headers={"x-amz-optional-object-attributes": "Colour"})
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"))
            self.assertIn("<Message>Invalid attribute name specified.</Message><ArgumentName>x-amz-optional-object-attributes</ArgumentName>", answer.text)

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
        for name, value, message in (("x-amz-acl", "privatee", ""), ("x-amz-metadata-directive", "MOVE", "Unknown metadata directive."),
                                     ("x-amz-tagging-directive", "copy", "Unknown tagging directive."),
                                     ("x-amz-object-lock-legal-hold", "on", "Legal Hold must be either of 'ON' or 'OFF'"),
                                     ("x-amz-server-side-encryption", "aes256", "The encryption method specified is not supported")):
            answer = signed(self, "PUT", f"/{self.bucket}/c", headers={**source, name: value})
            self.assertEqual(self.outcome(answer), (400, "InvalidArgument"), name)
            told = f"<Message>{message}</Message>" if message else "<Message/>"
            self.assertIn(f"{told}<ArgumentName>{name}</ArgumentName><ArgumentValue>{value}</ArgumentValue>", answer.text.replace("&apos;", "'"))

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

    def test_what_has_no_such_method_is_told(self):
        for methods, target, kind, allowed in (("POST PUT DELETE", "/", "SERVICE", "GET"), ("PATCH", f"/{self.bucket}", "BUCKET", "HEAD, DELETE, POST, GET, PUT"),
                                               ("PATCH", f"/{self.bucket}/", "BUCKET", "HEAD, DELETE, POST, GET, PUT"),
                                               ("POST PATCH", f"/{self.bucket}/foo/", "OBJECT", "HEAD, DELETE, GET, PUT"), ("POST", f"/{self.bucket}/foo?upload", "OBJECT", "HEAD, DELETE, GET, PUT"),
                                               ("POST DELETE PATCH", f"/{self.bucket}?acl", "ACL", "GET, PUT"), ("POST PATCH", f"/{self.bucket}?policy", "BUCKETPOLICY", "DELETE, GET, PUT"),
                                               ("POST PATCH", f"/{self.bucket}?tagging", "TAGGING", "DELETE, GET, PUT"), ("POST PATCH", f"/{self.bucket}/foo?tagging", "OBJECT_TAGGING", "DELETE, GET, PUT"),
                                               ("PUT POST DELETE", f"/{self.bucket}?versions", "BUCKETVERSIONS", "GET"), ("PUT GET", f"/{self.bucket}/foo?restore", "RESTORE", "POST"),
                                               ("DELETE", f"/{self.bucket}/foo?retention", "OBJECT_LOCK_RETENTION", "GET, PUT")):
            for method in methods.split():
                answer = signed(self, method, target)
                self.assertIn(f"<Method>{method}</Method><ResourceType>{kind}</ResourceType>", answer.text, target)
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed), target)

    def test_methods_that_s3_does_not_know(self):
        for method in ("TRACE", "LINK", "PROPFIND"):
            for path in ("/", f"/{self.bucket}", f"/{self.bucket}/foo", f"/{self.bucket}?acl"):
                answer = send(self, method, path)
                self.assertEqual((self.outcome(answer), answer.headers["Allow"]), ((400, "BadRequest"), None), (method, path))
                self.assertIn("An error occurred when parsing the HTTP request.", answer.text)

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
        self.assertEqual(self.outcome(signed(self, "GET", f"/{self.bucket}/foo?logging")), (400, "NoLoggingStatusForKey"))

    def test_words_of_objects_without_their_key(self):
        empty = self.make_bucket()
        for method, query, outcome in (("GET", "uploadId=x", (400, "InvalidRequest")), ("POST", "uploadId=x", (400, "InvalidRequest")),
                                       ("POST", "restore", (400, "UserKeyMustBeSpecified")), ("GET", "restore", (405, "MethodNotAllowed")),
                                       ("DELETE", "restore", (405, "MethodNotAllowed")), ("GET", "torrent", (405, "MethodNotAllowed")), ("PUT", "torrent", (405, "MethodNotAllowed"))):
            answer = signed(self, method, f"/{empty}?{query}")
            self.assertEqual(self.outcome(answer), outcome, (method, query))
            if outcome[0] == 405:
                self.assertIn(f"<ResourceType>{query.upper()}</ResourceType>", answer.text)

    def test_parts_are_looked_at_before_the_object(self):
        for target, headers, message in (("none?partNumber=0", {}, "Part number must be an integer between 1 and 10000, inclusive"),
                                         ("none?partNumber=10001", {}, "Part number must be an integer between 1 and 10000, inclusive"),
                                         ("none?partNumber=1", {"Range": "bytes=0-1"}, "Cannot specify both Range header and partNumber query parameter"),
                                         ("none?partNumber=0", {"Range": "odd"}, "Cannot specify both Range header and partNumber query parameter"),
                                         ("none?partNumber=0&versionId=odd", {}, "Invalid version id specified")):
            answer = signed(self, "GET", f"/{self.bucket}/{target}", headers=headers)
            self.assertEqual(answer.status, 400, target)
            self.assertIn(message, answer.text)

    def test_parameters_that_are_of_objects(self):
        """Passed over, they would let a DELETE that lost its key delete the bucket."""
        self.put("foo")
        empty = self.make_bucket()
        versions, parts = "This operation does not accept a version-id.", "Object must have a valid key name."
        for method, target, message in (("GET", "?versionId=x", versions), ("GET", "?list-type=2&versionId=null", versions), ("DELETE", "?versionId=x", versions),
                                        ("DELETE", "?cors&versionId=x", versions), ("GET", "?versions&versionId=", versions), ("GET", "/foo?uploads&versionId=x", versions),
                                        ("GET", "/foo?location&versionId=x", versions), ("GET", "?acl&versionId=x", "Invalid version id specified"),
                                        ("GET", "?website=1", "The website parameter must not have a value"), ("GET", "?partNumber=1", parts),
                                        ("DELETE", "?partNumber=", parts), ("PUT", "?partNumber=1", parts), ("GET", "?acl&partNumber=1", "acl, partNumber"),
                                        ("GET", "/foo?partNumber=1&tagging", "partNumber, tagging")):
            for bucket in (empty, "no-such-bucket-here"):
                answer = signed(self, method, f"/{bucket}{target}")
                self.assertEqual(self.outcome(answer), (400, "InvalidRequest" if message == parts else "InvalidArgument"), (method, target))
                self.assertIn(message + "</Message>", answer.text)
        for method, target in (("GET", f"/{empty}?partNumber=1&uploadId=x"), ("GET", f"/{empty}/foo?partNumber=1&uploadId=x"), ("PATCH", f"/{empty}/foo?partNumber=1&uploadId=x")):
            answer = signed(self, method, target)
            self.assertEqual((self.outcome(answer), answer.headers["Allow"]), ((405, "MethodNotAllowed"), "PUT"))
            self.assertIn("<ResourceType>PART</ResourceType>", answer.text)
        self.assertEqual(signed(self, "HEAD", f"/{empty}?versionId=x").status, 400)
        self.assertEqual(signed(self, "HEAD", f"/{empty}").status, 200)
        for target in ("foo?acl&versionId=null", "foo?tagging&versionId=null", "foo?partNumber=1", "foo?versionId=null"):
            self.assertIn(signed(self, "GET", f"/{self.bucket}/{target}").status, (200, 206), target)

    def test_bodies_that_are_missing(self):
        for target in ("?versioning", "?tagging", "?website", "/foo?tagging"):
            self.assertEqual(self.outcome(signed(self, "PUT", f"/{self.bucket}{target}")), (400, "MissingRequestBodyError"), target)

    def test_the_bucket_is_looked_for_before_a_document_is_judged(self):
        for method, target in (("PUT", "?versioning"), ("PUT", "?tagging"), ("POST", "?delete"), ("PUT", "/foo?tagging")):
            for bucket, wanted in (("no-such-bucket-here", (404, "NoSuchBucket")), (self.bucket, (400, "MalformedXML"))):
                body = b"<nonsense"
                answer = signed(self, method, f"/{bucket}{target}", {"Content-MD5": md5_of(body)}, body)
                self.assertEqual(self.outcome(answer), wanted, target)

    def test_annotations_are_refused(self):
        """Objects have them at AWS since 2026: what is meant for one must not be taken for its object."""
        self.put("a", b"the object")
        for method, query, operation in (("PUT", "annotation&annotationName=n", "PutObjectAnnotation"), ("DELETE", "annotation&annotationName=n", "DeleteObjectAnnotation"),
                                         ("GET", "annotation&annotationName=n&x-id=GetObjectAnnotation", "GetObjectAnnotation"),
                                         ("GET", "annotation&max-annotation-results=5", "ListObjectAnnotations")):
            answer = signed(self, method, f"/{self.bucket}/a?{query}", body=b"{}" if method == "PUT" else b"")
            self.assertEqual((answer.status, answer.code), (501, "NotImplemented"), query)
            self.assertIn(operation, answer.text)
        self.assertEqual(self.get("a"), b"the object")
        answer = signed(self, "PUT", f"/{self.bucket}?metadataAnnotationTable", body=b"<MetadataAnnotationTable/>")
        self.assertEqual((answer.status, answer.code), (501, "NotImplemented"))
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/a?annotation&acl").code, "InvalidArgument")

    def test_torrent_is_refused(self):
        self.put("t")
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/t?torrent").status, 501)

    def test_archives_are_restored(self):
        restore_of = lambda key, days, **more: self.s3.restore_object(Bucket=self.bucket, Key=key, RestoreRequest={"Days": days, **more})
        for storage_class in ("GLACIER", "DEEP_ARCHIVE"):
            key = storage_class.lower()
            self.put(key, StorageClass=storage_class)
            restore = lambda days=1, **more: status_of(restore_of, key, days, **more)
            self.assertEqual(status_of(self.get, key), ("InvalidObjectState", 403))
            self.assertEqual(status_of(self.get, key, Range="bytes=0-1"), ("InvalidObjectState", 403))
            # Conditions and ranges are looked at before the class.
            self.assertEqual(status_of(self.get, key, Range="bytes=99-100"), ("InvalidRange", 416))
            self.assertEqual(status_of(self.get, key, IfMatch='"other"'), ("PreconditionFailed", 412))
            row = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, OptionalObjectAttributes=["RestoreStatus"])["Contents"][0]
            self.assertNotIn("RestoreStatus", row)
            error = refusal(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource=f"{self.bucket}/{key}")
            self.assertEqual((error["Code"], error["StorageClass"]), ("InvalidObjectState", storage_class))
            self.assertEqual(error["Message"], "Operation is not valid for the source object's storage class")
            self.assertNotIn("Restore", self.head(key))
            for days in (0, -1):
                error = refusal(restore_of, key, days)
                self.assertEqual((error["Code"], error["ArgumentName"], error["ArgumentValue"]), ("InvalidArgument", "Days", str(days)))
            self.assertEqual(restore(GlacierJobParameters={"Tier": "Slow"}), ("MalformedXML", 400))
            # Without Type these say nothing that a restore could take.
            for more in ({"OutputLocation": {"S3": {"BucketName": self.bucket, "Prefix": "p"}}}, {"Tier": "Bulk"}, {"Tier": "Standard", "GlacierJobParameters": {"Tier": "Bulk"}}):
                self.assertEqual(restore(**more), ("MalformedXML", 400), more)
            self.refused_with("NotImplemented", 501, self.s3.restore_object, Bucket=self.bucket, Key=key, RestoreRequest={"Type": "SELECT"})
            fast = restore(GlacierJobParameters={"Tier": "Expedited"})
            self.assertEqual(fast, ("", 202) if storage_class == "GLACIER" else ("InvalidTier", 403))
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

    def test_a_restore_tells_its_version_and_finds_none_under_a_delete_marker(self):
        self.versioned()
        version = self.put("k", StorageClass="GLACIER")["VersionId"]
        restore = lambda **more: self.s3.restore_object(Bucket=self.bucket, Key="k", RestoreRequest={"Days": 1}, **more)
        self.assertEqual(restore()["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"], version)
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k")["VersionId"]
        self.assertEqual(refusal(restore)["Code"], "NoSuchKey")
        self.refused_with("MethodNotAllowed", 405, restore, VersionId=marker)
        self.assertEqual(restore(VersionId=version)["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"], version)

    def test_storage_classes(self):
        for name in ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"):
            put = self.put("s", b"x", StorageClass=name)
            copied = self.s3.copy_object(Bucket=self.bucket, Key="t", CopySource={"Bucket": self.bucket, "Key": "s"}, StorageClass=name)
            for made in (put, copied):
                self.assertEqual(made["ResponseMetadata"]["HTTPHeaders"].get("x-amz-storage-class", "STANDARD"), name)
            self.assertEqual(self.head("s").get("StorageClass", "STANDARD"), name)
            self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["Contents"][0]["StorageClass"], name)
        self.assertEqual(error_code(self.put, "s", StorageClass="COLD"), "InvalidStorageClass")


class Whole(HeadersCase):
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
