"""Uploads in parts, copies and checksums."""
import base64
import hashlib
import os
import re
import unittest
import zlib
from datetime import timedelta

from botocore.exceptions import ClientError

from e2e.helpers import advance, reset_clock
from e2e.s3_cases import S3Case, owner_id, refusal, signed, status_of
MIB = 1 << 20


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


class Uploads(PartsCase):
    def test_completed(self):
        bodies = [os.urandom(5 * MIB), b"end"]
        done = self.whole("m", *bodies, Metadata={"foo": "bar"}, ContentType="text/bla")
        self.assertEqual((done["Bucket"], done["Key"]), (self.bucket, "m"))
        self.assertTrue(done["Location"].endswith(f"/{self.bucket}/m"))
        self.assertTrue(self.whole("multipart/01", b"x")["Location"].endswith(f"/{self.bucket}/multipart%2F01"))
        self.assertRegex(done["ETag"], r'^"[0-9a-f]{32}-2"$')
        head = self.head("m")
        self.assertEqual((head["ContentLength"], head["ContentType"], head["Metadata"], head["ETag"]), (5 * MIB + 3, "text/bla", {"foo": "bar"}, done["ETag"]))
        self.assertEqual(self.get("m"), b"".join(bodies))
        self.assertEqual(self.get("m", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}"), bodies[0][-2:] + b"en")

    def test_parts_are_readable_one_by_one(self):
        bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
        etag = self.whole("m", *bodies)["ETag"]
        for number, body in enumerate(bodies, 1):
            got = self.s3.get_object(Bucket=self.bucket, Key="m", PartNumber=number)
            self.assertEqual((got["PartsCount"], got["ContentLength"], got["ETag"], got["ResponseMetadata"]["HTTPStatusCode"]), (3, len(body), etag, 206))
            self.assertEqual(got["Body"].read(), body)
            self.assertEqual(self.head("m", PartNumber=number)["PartsCount"], 3)
        answer = signed(self, "GET", f"/{self.bucket}/m?partNumber=5")
        self.assertEqual((answer.code, answer.status), ("InvalidPartNumber", 416))
        self.assertIn("<PartNumberRequested>5</PartNumberRequested><ActualPartCount>3</ActualPartCount>", answer.text)
        for number in (0, 10001):
            self.refused_with("InvalidArgument", 400, self.get, "m", PartNumber=number)
        self.put("s", b"body")
        self.assertEqual(self.get("s", PartNumber=1), b"body")
        self.assertEqual(status_of(self.get, "s", PartNumber=2)[1] in (400, 416), True)

    def test_sent_again_and_out_of_order(self):
        upload = self.begin()
        last = self.part(upload, 9, b"end")["ETag"]
        self.part(upload, 2, os.urandom(5 * MIB))
        body = os.urandom(5 * MIB)
        second = self.part(upload, 2, body)["ETag"]
        rows = self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload)["Parts"]
        self.assertEqual([(r["PartNumber"], r["ETag"], r["Size"]) for r in rows], [(2, second, 5 * MIB), (9, last, 3)])
        self.finish(upload, [(2, second), (9, last)])
        self.assertEqual(self.get("m"), body + b"end")

    def test_some_parts_may_stay_behind(self):
        upload = self.begin()
        tags = [self.part(upload, n, os.urandom(5 * MIB))["ETag"] for n in (1, 2, 3)]
        done = self.finish(upload, [(1, tags[0]), (3, tags[2])])
        self.assertTrue(done["ETag"].endswith('-2"'))
        self.assertEqual(self.head("m")["ContentLength"], 10 * MIB)

    def test_refused(self):
        upload = self.begin()
        tags = [self.part(upload, n, b"small")["ETag"] for n in (1, 2)]
        done = lambda *parts: status_of(self.finish, upload, parts)
        self.assertEqual(done((1, tags[0]), (2, tags[1])), ("EntityTooSmall", 400))
        self.assertEqual(done((1, tags[0]), (3, tags[1])), ("InvalidPart", 400))  # that a part is not there weighs more
        for size in ("many", "-1"):
            answer = signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={"x-amz-mp-object-size": size}, body=(
                f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tags[0]}</ETag></Part></CompleteMultipartUpload>").encode())
            self.assertEqual((answer.status, answer.code), (400, "InvalidRequest"))
            why = "is less than zero" if size == "-1" else "is invalid"
            self.assertIn(f"Value for x-amz-mp-object-size header {why}: '{size}'", answer.text.replace("&apos;", "'"))
        self.assertEqual(done((2, tags[1]), (1, tags[0])), ("InvalidPartOrder", 400))
        self.assertEqual(done((1, tags[0]), (1, tags[0])), ("InvalidPartOrder", 400))
        self.assertEqual(done((1, "ffffffffffffffffffffffffffffffff")), ("InvalidPart", 400))
        self.assertEqual(done((9999, tags[0])), ("InvalidPart", 400))
        self.assertEqual(done(), ("MalformedXML", 400))
        self.refused("InvalidArgument", self.part, upload, 10001, b"x")
        self.refused("InvalidArgument", self.part, upload, 0, b"x")
        self.assertEqual(done((1, tags[0]))[1], 200)
        self.refused_with("NoSuchUpload", 404, self.part, upload, 1, b"x")
        self.refused_with("NoSuchUpload", 404, self.part, "nonsense", 1, b"x")
        self.refused("NoSuchBucket", self.begin, Bucket="no-such-bucket-here")

    def test_refusals_name_the_part(self):
        upload = self.begin()
        tags = [self.part(upload, n, b"small")["ETag"] for n in (1, 2)]

        def fields(*parts):
            with self.assertRaises(ClientError) as refused:
                self.finish(upload, parts)
            error = refused.exception.response["Error"]
            return {name: error.get(name) for name in ("Code", "PartNumber", "ETag", "UploadId")}

        small = fields((1, tags[0]), (2, tags[1]))
        self.assertEqual((small["Code"], small["PartNumber"], small["ETag"]), ("EntityTooSmall", "1", tags[0].strip('"')))
        self.assertEqual(fields((3, tags[1])), {"Code": "InvalidPart", "PartNumber": "3", "ETag": tags[1].strip('"'), "UploadId": upload})

    def test_half_an_upload_part_makes_no_object(self):
        upload = self.begin()
        answer = signed(self, "PUT", f"/{self.bucket}/m?partNumber=1", body=b"x")
        self.assertEqual((answer.code, answer.status), ("InvalidArgument", 400))
        self.assertIn("<ArgumentName>partNumber</ArgumentName><ArgumentValue>partNumber</ArgumentValue>", answer.text)
        for headers in ({}, {"x-amz-copy-source": f"{self.bucket}/k"}):
            empty = signed(self, "PUT", f"/{self.bucket}/m?partNumber=1&uploadId=", headers=headers, body=b"")
            self.assertIn("<Message>This operation does not accept partNumber without uploadId</Message>", empty.text)
        answer = signed(self, "PUT", f"/{self.bucket}/m?partNumber=x&uploadId={upload}", body=b"x")
        self.assertIn("<Message>Part number must be an integer between 1 and 10000, inclusive</Message>", answer.text)
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}", body=b"x").code, "MethodNotAllowed")
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/m?versionId=null", body=b"x").code, "InvalidArgument")
        self.assertEqual(self.keys(), [])

    def test_empty(self):
        upload = self.begin()
        self.assertEqual(signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}").code, "InvalidRequest")
        self.assertEqual(signed(self, "POST", f"/{self.bucket}/other?uploadId={upload}").code, "NoSuchUpload")
        self.refused_with("MalformedXML", 400, self.finish, upload, [])
        for part in (b"<PartNumber>1</PartNumber>", b"<ETag>x</ETag>"):
            body = b"<CompleteMultipartUpload><Part>" + part + b"</Part></CompleteMultipartUpload>"
            self.assertEqual(signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", body=body).code, "MalformedXML")
        self.assertEqual(signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", body=b"<x>").code, "MalformedXML")
        etag = self.part(upload, 1, b"")["ETag"]
        self.finish(upload, [(1, etag)])
        self.assertEqual(self.get("m"), b"")

    def test_completing_again(self):
        upload = self.begin()
        parts = [(1, self.part(upload, 1, b"x")["ETag"])]
        first = self.finish(upload, parts)
        again = self.finish(upload, parts)
        self.assertEqual(again["ETag"], first["ETag"])
        self.assertEqual(("ChecksumCRC64NVME" in first, "ChecksumCRC64NVME" in again), (True, False))
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload)  # changes nothing

    def test_aborted(self):
        upload = self.begin()
        self.part(upload, 1, b"x")
        self.assertEqual(status_of(self.s3.abort_multipart_upload, Bucket=self.bucket, Key="m", UploadId=upload)[1], 204)
        abort = lambda key, upload: signed(self, "DELETE", f"/{self.bucket}/{key}?uploadId={upload}")
        self.assertEqual(abort("m", upload).status, 204)
        for key, other in (("n", upload), ("m", upload[:-1] + ("0" if upload[-1] != "0" else "1")), ("m", "x"), ("m", "")):
            answer = abort(key, other)
            self.assertEqual((answer.code, answer.status), ("NoSuchUpload", 404), (key, other))
        self.refused("NoSuchUpload", self.s3.list_parts, Bucket=self.bucket, Key="m", UploadId=upload)
        self.assertEqual(self.keys(), [])
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket=self.bucket))

    def test_aborted_on_condition(self):
        upload = self.begin()
        begun = self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"][0]["Initiated"]
        abort = lambda when: status_of(self.s3.abort_multipart_upload, Bucket=self.bucket, Key="m", UploadId=upload, IfMatchInitiatedTime=when)
        self.assertEqual(abort(begun - timedelta(seconds=1)), ("PreconditionFailed", 412))
        self.assertEqual(abort(begun)[1], 204)

    def test_overwrites(self):
        self.put("m", b"old", Metadata={"a": "1"})
        self.whole("m", b"new")
        self.assertEqual((self.get("m"), self.head("m")["Metadata"]), (b"new", {}))

    def test_two_for_one_key(self):
        first, second = self.begin(), self.begin()
        self.finish(second, [(1, self.part(second, 1, b"second")["ETag"])])
        self.finish(first, [(1, self.part(first, 1, b"first")["ETag"])])
        self.assertEqual(self.get("m"), b"first")


class Ages(PartsCase):
    shared = False  # its clock is moved

    def test_an_object_is_as_old_as_its_upload(self):
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        begun = self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"][0]["Initiated"]
        advance(self, "5m")
        self.finish(upload, [(1, part["ETag"])])
        self.put("later", b"x")
        reset_clock(self)
        self.assertEqual(self.head("m")["LastModified"], begun)
        self.assertGreater(self.head("later")["LastModified"], begun + timedelta(minutes=4))

    def test_what_was_completed_since_conflicts(self):
        """Though it is as old as an upload that was begun before."""
        uploads = [self.begin() for _ in range(2)]
        parts = [(1, self.part(upload, 1, b"x")["ETag"]) for upload in uploads]
        etag = self.finish(uploads[0], parts[:1])["ETag"]
        self.refused_with("ConditionalRequestConflict", 409, self.finish, uploads[1], parts[:1], IfMatch=etag)

    def test_a_clock_that_was_set_back_makes_no_conflict(self):
        advance(self, "5m")
        etag = self.put("m", b"from later")["ETag"]
        reset_clock(self)
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        self.finish(upload, [(1, part["ETag"])], IfMatch=etag)


class ListsOfUploads(PartsCase):
    def test_parts_in_pages(self):
        upload = self.begin()
        for n in range(1, 6):
            self.part(upload, n, b"x")
        page = self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload, MaxParts=2)
        self.assertEqual(([r["PartNumber"] for r in page["Parts"]], page["IsTruncated"], page["NextPartNumberMarker"], page["MaxParts"]), ([1, 2], True, 2, 2))
        page = self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload, PartNumberMarker=4)
        self.assertEqual(([r["PartNumber"] for r in page["Parts"]], page["IsTruncated"]), ([5], False))
        self.assertEqual((page["Owner"]["ID"], page["StorageClass"]), (owner_id(self.s3), "STANDARD"))
        self.assertIn("Initiator", page)
        empty = self.s3.list_parts(Bucket=self.bucket, Key="n", UploadId=self.begin("n"))
        self.assertEqual((empty["NextPartNumberMarker"], "Parts" in empty), (0, False))
        unsaid = signed(self, "GET", f"/{self.bucket}/m?uploadId={upload}&max-parts=&part-number-marker=")
        self.assertIn("<MaxParts>1000</MaxParts>", unsaid.text)
        plus = signed(self, "GET", f"/{self.bucket}/m?uploadId={upload}&max-parts=%2B2&part-number-marker=%2B1")
        self.assertEqual(re.findall("<PartNumber>(.)</PartNumber>", plus.text), ["2", "3"])

    def test_uploads(self):
        none = self.s3.list_multipart_uploads(Bucket=self.bucket)
        self.assertEqual((none["NextKeyMarker"], none["NextUploadIdMarker"], "Prefix" in none, "Uploads" in none), ("", "", False, False))
        ids = {key: self.begin(key) for key in ("a/1", "a/2", "b", "c d")}
        twice = self.begin("b")
        rows = self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"]
        self.assertEqual([(r["Key"], r["UploadId"]) for r in rows],
                         [("a/1", ids["a/1"]), ("a/2", ids["a/2"]), ("b", ids["b"]), ("b", twice), ("c d", ids["c d"])])
        grouped = self.s3.list_multipart_uploads(Bucket=self.bucket, Delimiter="/")
        self.assertEqual([p["Prefix"] for p in grouped["CommonPrefixes"]], ["a/"])
        self.assertEqual([r["Key"] for r in grouped["Uploads"]], ["b", "b", "c d"])
        self.assertEqual(len(self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix="a/")["Uploads"]), 2)
        page = self.s3.list_multipart_uploads(Bucket=self.bucket, MaxUploads=3)
        self.assertEqual((page["IsTruncated"], page["NextKeyMarker"], page["NextUploadIdMarker"]), (True, "b", ids["b"]))
        rest = self.s3.list_multipart_uploads(Bucket=self.bucket, KeyMarker="b", UploadIdMarker=ids["b"])
        self.assertEqual([r["UploadId"] for r in rest["Uploads"]], [twice, ids["c d"]])
        self.assertEqual((rest["IsTruncated"], rest["NextKeyMarker"], rest["NextUploadIdMarker"]), (False, "c d", ids["c d"]))
        for marker in ("nonsense", ids["c d"], ids["a/2"]):
            error = refusal(self.s3.list_multipart_uploads, Bucket=self.bucket, KeyMarker="b", UploadIdMarker=marker)
            self.assertEqual((error["Code"], error["Message"], error["ArgumentName"], error["ArgumentValue"]), ("InvalidArgument", "Invalid uploadId marker", "upload-id-marker", marker))
        alone = self.s3.list_multipart_uploads(Bucket=self.bucket, MaxUploads=1, UploadIdMarker=ids["b"])
        self.assertEqual((alone["Uploads"][0]["Key"], alone["UploadIdMarker"]), ("a/1", ""))
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key="b", UploadId=ids["b"])  # as those do who abort page by page
        self.assertEqual(self.s3.list_multipart_uploads(Bucket=self.bucket, KeyMarker="b", UploadIdMarker=ids["b"])["Uploads"], rest["Uploads"])
        self.assertEqual(rows[0]["Owner"]["ID"], owner_id(self.s3))
        self.assertIn("<Key>c%20d</Key>", signed(self, "GET", f"/{self.bucket}?uploads&encoding-type=url").text.replace("c+d", "c%20d"))

    def test_owners(self):
        bucket = self.open_bucket(ACL="public-read-write")
        self.other.create_multipart_upload(Bucket=bucket, Key="theirs")
        self.assertEqual(self.s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiator"]["ID"], owner_id(self.other))


class PartCopies(PartsCase):
    def copy(self, upload, source, number=1, **more):
        return self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=number, CopySource=source, **more)["CopyPartResult"]["ETag"]

    def test_ranges(self):
        body = os.urandom(10 * MIB)
        self.put("src", body)
        source = {"Bucket": self.bucket, "Key": "src"}
        upload = self.begin()
        parts = [(1, self.copy(upload, source, CopySourceRange=f"bytes=0-{5 * MIB - 1}")),
                 (2, self.copy(upload, source, 2, CopySourceRange=f"bytes={5 * MIB}-{10 * MIB - 1}"))]
        self.assertEqual(parts[0][1].strip('"'), hashlib.md5(body[:5 * MIB]).hexdigest())
        done = self.finish(upload, parts)
        self.assertEqual(done["ETag"].strip('"'), hashlib.md5(hashlib.md5(body[:5 * MIB]).digest() + hashlib.md5(body[5 * MIB:]).digest()).hexdigest() + "-2")
        self.assertEqual(self.get("m"), body)

    def test_whole_and_small(self):
        self.put("src", b"small body")
        upload = self.begin()
        self.finish(upload, [(1, self.copy(upload, {"Bucket": self.bucket, "Key": "src"}))])
        self.assertEqual(self.get("m"), b"small body")
        upload = self.begin()
        headers = {"x-amz-copy-source": f"{self.bucket}/src", "x-amz-copy-source-range": ""}  # which is as if it were not there
        answer = signed(self, "PUT", f"/{self.bucket}/m?partNumber=1&uploadId={upload}", headers=headers)
        self.assertIn(hashlib.md5(b"small body").hexdigest(), answer.text)
        self.finish(upload, [(1, self.copy(upload, {"Bucket": self.bucket, "Key": "src"}, CopySourceRange="bytes=0-0"))])
        self.assertEqual(self.get("m"), b"s")

    def test_improper_ranges(self):
        self.put("src", b"12345")
        upload = self.begin()
        for text in ("bytes=0", "bytes=0-", "bytes=hello-world", "bytes=0-bar", "hello", "bytes=-5", "0-2", "bytes=0-2,3-5", "bytes=3-1"):
            self.assertEqual(status_of(self.copy, upload, {"Bucket": self.bucket, "Key": "src"}, CopySourceRange=text), ("InvalidArgument", 400), text)
        for text, code in (("bytes=0-21", "InvalidArgument"), ("bytes=5-6", "InvalidRequest")):
            self.refused_with(code, 400, self.copy, upload, {"Bucket": self.bucket, "Key": "src"}, CopySourceRange=text)

    def test_sources(self):
        upload = self.begin()
        for key in (" ", "_", "__", "?versionId", "a+b", "é/ü"):
            self.put(key, key.encode())
            self.finish(upload, [(1, self.copy(upload, {"Bucket": self.bucket, "Key": key}))])
            self.assertEqual(self.get("m"), key.encode())
            upload = self.begin()
        self.refused_with("NoSuchKey", 404, self.copy, upload, {"Bucket": self.bucket, "Key": "none"})
        self.refused_with("NoSuchBucket", 404, self.copy, upload, {"Bucket": "no-such-bucket-here", "Key": "none"})

    def test_versions(self):
        self.versioned()
        versions = [self.put("src", str(i).encode())["VersionId"] for i in range(3)]
        for i, version in enumerate(versions):
            upload = self.begin()
            answer = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1,
                                              CopySource={"Bucket": self.bucket, "Key": "src", "VersionId": version})
            self.assertEqual(answer["CopySourceVersionId"], version)
            self.finish(upload, [(1, answer["CopyPartResult"]["ETag"])])
            self.assertEqual(self.get("m"), str(i).encode())

    def test_null_versions_are_told_when_they_are_named(self):
        self.put("src")
        for version in (None, "null"):
            source = {"Bucket": self.bucket, "Key": "src", **({"VersionId": version} if version else {})}
            part = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=self.begin(), PartNumber=1, CopySource=source)
            whole = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource=source)
            self.assertEqual([answer.get("CopySourceVersionId") for answer in (part, whole)], [version] * 2)

    def test_null_versions_are_told_where_versions_are_made(self):
        self.put("src")
        source = {"Bucket": self.bucket, "Key": "src"}
        for state, told, made in (("Enabled", "null", True), ("Suspended", None, "null")):
            self.versioned(status=state)
            part = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=self.begin(), PartNumber=1, CopySource=source)
            whole = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource=source)
            self.assertEqual([answer.get("CopySourceVersionId") for answer in (part, whole)], [told] * 2, state)
            self.assertEqual(whole["VersionId"] if state == "Suspended" else whole["VersionId"] != "null", made)


class Copies(S3Case):
    def copy(self, to="c", source="k", **more):
        source = source if isinstance(source, dict) else {"Bucket": self.bucket, "Key": source}
        return self.s3.copy_object(Bucket=more.pop("Bucket", self.bucket), Key=to, CopySource=source, **more)

    def test_sizes(self):
        for size in (0, 1, 16 * MIB):
            body = os.urandom(size)
            self.put("k", body)
            result = self.copy()["CopyObjectResult"]
            self.assertEqual((self.get("c"), result["ETag"]), (body, self.head("k")["ETag"]))
            self.assertEqual(self.head("c")["ContentLength"], size)

    def test_sources_that_are_none(self):
        for source, message in (("", "Invalid copy source bucket name"), ("/", "Invalid copy source bucket name"), ("//k", "Invalid copy source bucket name"), ("my-buc@k&()t/k", "Invalid copy source bucket name"),
                                (self.bucket, "Invalid copy source object key"), (f"/{self.bucket}/", "Invalid copy source object key"),
                                (f"{self.bucket}/%", "Invalid copy source encoding."), (f"{self.bucket}/%zz", "Invalid copy source encoding."),
                                (f"{self.bucket}/%80", "Invalid copy source encoding."), (f"{self.bucket}/k?versionId=%zz", "Invalid copy source encoding.")):
            answer = signed(self, "PUT", f"/{self.bucket}/c", headers={"x-amz-copy-source": source})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), source)
            self.assertIn(f"<Message>{message}</Message><ArgumentName>x-amz-copy-source</ArgumentName><ArgumentValue>x-amz-copy-source</ArgumentValue>", answer.text, source)

    def test_copies_are_of_no_version_themselves(self):
        self.put("k")
        for version in ("", "null"):
            answer = signed(self, "PUT", f"/{self.bucket}/c?versionId={version}", headers={"x-amz-copy-source": f"{self.bucket}/k"})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
            self.assertIn("<Message>This operation does not accept a version-id.</Message>", answer.text)
        self.assertEqual(self.keys(), ["k"])

    def test_plus_in_the_source_is_a_blank(self):
        self.put("a b", b"blank")
        self.put("a+b", b"plus")
        for written, body in (("a+b", b"blank"), ("a%20b", b"blank"), ("a%2Bb", b"plus")):
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/c", headers={"x-amz-copy-source": f"{self.bucket}/{written}"}).status, 200)
            self.assertEqual(self.get("c"), body, written)

    def test_to_itself(self):
        self.put("k", b"foo", Metadata={"a": "1"})
        self.refused_with("InvalidRequest", 400, self.copy, "k")
        self.refused_with("InvalidRequest", 400, self.copy, "k", TaggingDirective="REPLACE", Tagging="a=b")  # tags are no change
        self.refused_with("NoSuchKey", 404, self.s3.copy_object, Bucket=self.bucket, Key="none", CopySource={"Bucket": self.bucket, "Key": "none"})
        self.copy("k", MetadataDirective="REPLACE", Metadata={"foo": "bar"})
        self.assertEqual((self.head("k")["Metadata"], self.get("k")), ({"foo": "bar"}, b"foo"))
        self.copy("k", StorageClass="STANDARD_IA")
        self.assertEqual(self.head("k")["StorageClass"], "STANDARD_IA")

    def test_metadata(self):
        self.put("k", Metadata={"a": "1"}, ContentType="text/x", CacheControl="no-cache")
        self.copy()
        head = self.head("c")
        self.assertEqual((head["Metadata"], head["ContentType"], head["CacheControl"]), ({"a": "1"}, "text/x", "no-cache"))
        self.copy(Metadata={"b": "2"}, ContentType="text/y")  # without a directive they do not count
        self.assertEqual((self.head("c")["Metadata"], self.head("c")["ContentType"]), ({"a": "1"}, "text/x"))
        self.copy(MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/y")
        self.assertEqual((self.head("c")["Metadata"], self.head("c")["ContentType"]), ({"b": "2"}, "text/y"))
        self.assertNotIn("CacheControl", self.head("c"))
        self.copy(MetadataDirective="COPY", Metadata={"b": "x" * 2048})  # however much it is
        self.assertEqual(self.head("c")["Metadata"], {"a": "1"})
        self.refused("MetadataTooLarge", self.copy, MetadataDirective="REPLACE", Metadata={"b": "x" * 2048})
        self.refused("InvalidArgument", self.copy, MetadataDirective="KEEP")

    def test_tags(self):
        self.put("k", Tagging="a=1&b=2")
        tags = lambda: {t["Key"]: t["Value"] for t in self.s3.get_object_tagging(Bucket=self.bucket, Key="c")["TagSet"]}
        self.copy()
        self.assertEqual(tags(), {"a": "1", "b": "2"})
        self.copy(Tagging="c=3", TaggingDirective="REPLACE")
        self.assertEqual(tags(), {"c": "3"})
        self.copy(Tagging="c=3", TaggingDirective="COPY")
        self.assertEqual(tags(), {"a": "1", "b": "2"})
        self.copy(TaggingDirective="REPLACE")
        self.assertEqual(tags(), {})

    def test_elsewhere(self):
        self.put("k", b"foo")
        there = self.make_bucket()
        self.copy("x", Bucket=there)
        self.assertEqual(self.get("x", Bucket=there), b"foo")
        self.refused("NoSuchBucket", self.copy, "x", Bucket="no-such-bucket-here")
        self.refused("NoSuchKey", self.copy, "x", "none")
        self.refused("NoSuchBucket", self.copy, "x", {"Bucket": "no-such-bucket-here", "Key": "k"})
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/x", headers={"x-amz-copy-source": "nothing"}).code, "InvalidArgument")
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/x", headers={"x-amz-copy-source": f"/{self.bucket}/k"}).status, 200)

    def test_across_accounts(self):
        theirs = "theirs-" + self.bucket
        self.other.create_bucket(Bucket=theirs)
        self.put("k", b"foo")
        self.refused_with("AccessDenied", 403, self.other.copy_object, Bucket=theirs, Key="x", CopySource={"Bucket": self.bucket, "Key": "k"})
        bucket = self.open_bucket()
        self.put("k", b"foo", Bucket=bucket, ACL="public-read")
        self.other.copy_object(Bucket=theirs, Key="x", CopySource={"Bucket": bucket, "Key": "k"})
        self.assertEqual(self.other.get_object(Bucket=theirs, Key="x")["Body"].read(), b"foo")
        self.refused_with("AccessDenied", 403, self.s3.copy_object, Bucket=theirs, Key="y", CopySource={"Bucket": bucket, "Key": "k"})
        self.s3.copy_object(Bucket=bucket, Key="y", CopySource={"Bucket": bucket, "Key": "k"}, ACL="public-read")
        self.assertEqual(self.anonymous.get_object(Bucket=bucket, Key="y")["Body"].read(), b"foo")

    def test_multipart_source(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k", Metadata={"a": "1"})["UploadId"]
        body = os.urandom(6 * MIB)
        tags = [self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=n + 1, Body=body[n * 5 * MIB:(n + 1) * 5 * MIB])["ETag"] for n in (0, 1)]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="k", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]})
        self.copy()
        self.assertEqual((self.get("c"), self.head("c")["Metadata"]), (body, {"a": "1"}))

    def test_retained_are_copied_free(self):
        self.put("k", b"foo", ContentEncoding="gzip", Expires="Thu, 01 Dec 2033 16:00:00 GMT", WebsiteRedirectLocation="/x")
        self.copy()
        self.assertEqual(self.head("c")["ContentEncoding"], "gzip")
        self.assertNotIn("WebsiteRedirectLocation", self.head("c"))


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def digest(kind, body):
    return base64.b64encode(hashlib.new(kind, body).digest()).decode()


class Checksums(PartsCase):
    def test_default(self):
        """Without a word of the client an object has a CRC64NVME, as at AWS."""
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/raw", body=b"hello").status, 200)
        head = self.head("raw", ChecksumMode="ENABLED")
        self.assertEqual((head["ChecksumCRC64NVME"], head["ChecksumType"]), ("M3eFcAZSQlc=", "FULL_OBJECT"))
        self.assertNotIn("ChecksumCRC64NVME", self.head("raw"))

    def test_given(self):
        for name, value in (("CRC32", crc32(b"hello")), ("SHA1", digest("sha1", b"hello")), ("SHA256", digest("sha256", b"hello"))):
            put = self.put("k", b"hello", **{f"Checksum{name}": value})
            self.assertEqual(put[f"Checksum{name}"], value)
            self.assertEqual(self.head("k", ChecksumMode="ENABLED")[f"Checksum{name}"], value)
            got = self.s3.get_object(Bucket=self.bucket, Key="k", ChecksumMode="ENABLED")
            self.assertEqual((got[f"Checksum{name}"], got["ChecksumType"]), (value, "FULL_OBJECT"))
            attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["Checksum"])
            self.assertEqual(attributes["Checksum"], {f"Checksum{name}": value, "ChecksumType": "FULL_OBJECT"})
            row = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="k")["Contents"][0]
            self.assertEqual((row["ChecksumAlgorithm"], row["ChecksumType"]), ([name], "FULL_OBJECT"))
            wrong = {f"Checksum{name}": base64.b64encode(bytes(len(base64.b64decode(value)))).decode()}
            self.assertEqual(status_of(self.put, "k", b"hello", **wrong), ("BadDigest", 400))
        self.refused("InvalidRequest", self.put, "k", b"hello", ChecksumSHA256="nonsense")
        for headers in ({"x-amz-checksum-crc32": crc32(b"hello") + "-1"}, {"x-amz-checksum-crc32": "", "x-amz-checksum-sha1": ""},
                        {"x-amz-checksum-crc32": crc32(b"hello"), "x-amz-trailer": "x-amz-checksum-crc32"}):
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/k", headers=headers, body=b"hello").code, "InvalidRequest", headers)

    def test_composite(self):
        upload = self.begin(ChecksumAlgorithm="SHA256")
        bodies = [os.urandom(5 * MIB), b"end"]
        rows = []
        for number, body in enumerate(bodies, 1):
            answer = self.part(upload, number, body, ChecksumSHA256=digest("sha256", body))
            rows.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]})
        self.assertEqual([p["ChecksumSHA256"] for p in self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload)["Parts"]], [r["ChecksumSHA256"] for r in rows])
        wrong = [dict(row, ChecksumSHA256=digest("sha256", b"wrong")) for row in rows]
        self.refused("InvalidPart", self.finish, upload, wrong)
        done = self.finish(upload, rows)
        whole = base64.b64encode(hashlib.sha256(b"".join(hashlib.sha256(b).digest() for b in bodies)).digest()).decode() + "-2"
        self.assertEqual((done["ChecksumSHA256"], done["ChecksumType"]), (whole, "COMPOSITE"))
        head = self.head("m", ChecksumMode="ENABLED")
        self.assertEqual((head["ChecksumSHA256"], head["ChecksumType"]), (whole, "COMPOSITE"))
        part = self.head("m", ChecksumMode="ENABLED", PartNumber=2)
        self.assertEqual((part["ChecksumSHA256"], part["ChecksumType"]), (rows[1]["ChecksumSHA256"], "COMPOSITE"))
        edge = 5 * MIB
        for read in (self.head, lambda key, **how: self.s3.get_object(Bucket=self.bucket, Key=key, **how)):
            for text, told in ((f"bytes=0-{edge - 1}", rows[0]["ChecksumSHA256"]), (f"bytes={edge}-", rows[1]["ChecksumSHA256"]), ("bytes=-3", rows[1]["ChecksumSHA256"]),
                               (f"bytes=0-{edge}", None), (f"bytes=1-{edge - 1}", None), (f"bytes={edge}-{edge + 1}", None)):
                part = read("m", ChecksumMode="ENABLED", Range=text)  # one that is just a part has its checksum
                self.assertEqual((part.get("ChecksumSHA256"), part.get("ChecksumType")), (told, told and "COMPOSITE"), text)
                self.assertNotIn("PartsCount", part)
        parts = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts", "Checksum", "ETag", "ObjectSize", "StorageClass"])
        self.assertEqual((parts["ObjectParts"]["TotalPartsCount"], [p["ChecksumSHA256"] for p in parts["ObjectParts"]["Parts"]]), (2, [r["ChecksumSHA256"] for r in rows]))
        self.assertEqual((parts["ObjectSize"], parts["StorageClass"], parts["Checksum"]["ChecksumType"]), (5 * MIB + 3, "STANDARD", "COMPOSITE"))
        page = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"], MaxParts=1)["ObjectParts"]
        self.assertEqual((page["IsTruncated"], page["NextPartNumberMarker"], len(page["Parts"])), (True, 1, 1))

    def test_full_object(self):
        bodies = [os.urandom(5 * MIB), b"end"]
        for name in ("CRC32", "CRC32C", "CRC64NVME"):
            upload = self.begin(ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
            rows = [(n, self.part(upload, n, body, ChecksumAlgorithm=name)["ETag"]) for n, body in enumerate(bodies, 1)] if name == "CRC32" else [
                (n, signed(self, "PUT", f"/{self.bucket}/m?partNumber={n}&uploadId={upload}", body=body).headers["ETag"]) for n, body in enumerate(bodies, 1)]
            if name == "CRC32":
                error = refusal(self.finish, upload, rows, ChecksumCRC32=crc32(b"wrong"), ChecksumType="FULL_OBJECT")
                self.assertEqual((error["Code"], error["Message"]), ("BadDigest", "The crc32 you specified did not match the calculated checksum."))
                self.refused("BadDigest", self.finish, upload, rows, ChecksumCRC32=crc32(b"".join(bodies)))  # which without a type is a composite one
                done = self.finish(upload, rows, ChecksumCRC32=crc32(b"".join(bodies)), ChecksumType="FULL_OBJECT")
                self.assertEqual(done["ChecksumCRC32"], crc32(b"".join(bodies)))
            else:
                done = self.finish(upload, rows)
            self.assertEqual(done["ChecksumType"], "FULL_OBJECT")
            self.assertEqual(self.head("m", ChecksumMode="ENABLED")["ChecksumType"], "FULL_OBJECT")
            told = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"])
            self.assertEqual(told["ObjectParts"], {"TotalPartsCount": 2}, name)  # the checksum is not made of the parts'
            for read in (self.head, lambda key, **how: self.s3.get_object(Bucket=self.bucket, Key=key, **how)):
                part = read("m", ChecksumMode="ENABLED", PartNumber=2)
                self.assertEqual([field for field in part if field.startswith("Checksum")], [], name)

    def test_the_only_part_is_the_whole(self):
        upload = self.begin(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        self.finish(upload, [(1, self.part(upload, 1, b"x", ChecksumAlgorithm="CRC32")["ETag"])])
        part = self.head("m", ChecksumMode="ENABLED", PartNumber=1)
        self.assertEqual((part["ChecksumCRC32"], part["ChecksumType"], part["PartsCount"]), (crc32(b"x"), "FULL_OBJECT", 1))

    def test_refused(self):
        for name, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
            error = refusal(self.begin, ChecksumAlgorithm=name, ChecksumType=kind)
            self.assertEqual((error["Code"], error["Message"]), ("InvalidRequest", f"The {kind} checksum type cannot be used with the {name.lower()} checksum algorithm."))
        self.refused("InvalidRequest", self.begin, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")
        self.refused("InvalidRequest", self.begin, ChecksumAlgorithm="CRC31")
        self.refused("InvalidRequest", self.begin, ChecksumAlgorithm="CRC32", ChecksumType="PARTIAL")
        upload = self.begin(ChecksumAlgorithm="SHA256")
        self.refused("InvalidRequest", self.part, upload, 1, b"x", ChecksumCRC32=crc32(b"x"))
        self.refused("BadDigest", self.part, upload, 1, b"x", ChecksumSHA256=digest("sha256", b"y"))
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").code, "InvalidRequest")
        part = self.part(upload, 1, b"x", ChecksumSHA256=digest("sha256", b"x"))
        self.refused("InvalidRequest", self.finish, upload, [(1, part["ETag"])])
        row = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
        self.refused("InvalidRequest", self.finish, upload, [row], ChecksumType="FULL_OBJECT")
        self.finish(upload, [row], ChecksumType="COMPOSITE")

    def test_every_hash_is_checked_stored_and_returned(self):
        """Those of 2026 among them; no SDK's common runtime is here, so the values are others' of "abc"."""
        encoded = lambda digest: base64.b64encode(digest).decode()
        known = {"SHA512": hashlib.sha512(b"abc").digest(), "MD5": hashlib.md5(b"abc").digest(), "XXHASH64": bytes.fromhex("44bc2cf5ad770999"),
                 "XXHASH3": bytes.fromhex("78af5f94892f3950"), "XXHASH128": bytes.fromhex("06b05ab6733a618578af5f94892f3950")}
        for name, value in known.items():
            with self.subTest(name):
                field, right, wrong = f"Checksum{name}", encoded(value), encoded(bytes(len(value)))
                put = lambda **more: self.s3.put_object(Bucket=self.bucket, Key=name, Body=b"abc", **more)
                self.assertEqual(put(**{field: right})[field], right)
                self.refused("BadDigest", put, **{field: wrong})
                self.refused("InvalidRequest", put, **{field: wrong[4:]})
                told = self.s3.head_object(Bucket=self.bucket, Key=name, ChecksumMode="ENABLED")
                self.assertEqual((told[field], told["ChecksumType"]), (right, "FULL_OBJECT"))
                attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key=name, ObjectAttributes=["Checksum"])
                self.assertEqual(attributes["Checksum"][field], right)
                self.s3.put_object(Bucket=self.bucket, Key="from", Body=b"abc")
                copied = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/from", ChecksumAlgorithm=name)
                self.assertEqual(copied["CopyObjectResult"][field], right)
                self.refused("InvalidRequest", self.begin, ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
                upload = self.begin(ChecksumAlgorithm=name)
                part = self.part(upload, 1, b"abc", **{field: right})
                self.assertEqual(part[field], right)
                done = self.finish(upload, [{"PartNumber": 1, "ETag": part["ETag"], field: right}])
                self.assertEqual(done["ChecksumType"], "COMPOSITE")
                self.assertTrue(done[field].endswith("-1"), done)
                if name in ("SHA512", "MD5"):
                    self.assertEqual(done[field], encoded(hashlib.new(name.lower(), value).digest()) + "-1")
                [listed] = [row for row in self.s3.list_objects_v2(Bucket=self.bucket)["Contents"] if row["Key"] == name]
                self.assertEqual(listed["ChecksumAlgorithm"], [name])

    def test_types_in_any_case(self):
        answer = signed(self, "POST", f"/{self.bucket}/m?uploads", headers={"x-amz-checksum-algorithm": "crc32", "x-amz-checksum-type": "composite"})
        self.assertEqual((answer.status, answer.headers["x-amz-checksum-type"]), (200, "COMPOSITE"))

    def test_completions_that_do_not_fit(self):
        upload = self.begin(ChecksumAlgorithm="SHA1")
        good = digest("sha1", b"x")
        part = self.part(upload, 1, b"x", ChecksumSHA1=good)

        def finish(parts, **headers):
            body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag>{parts}</Part></CompleteMultipartUpload>"
            answer = signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={n.replace("_", "-"): v for n, v in headers.items()}, body=body.encode())
            return answer.code, answer.text

        right = f"<ChecksumSHA1>{good}</ChecksumSHA1>"
        for parts in ("<ChecksumSHA1>nonsense</ChecksumSHA1>", right + f"<ChecksumCRC32>{crc32(b'x')}</ChecksumCRC32>"):
            self.assertEqual(finish(parts)[0], "InvalidArgument", parts)
        self.assertEqual(finish(f"<ChecksumCRC32>{crc32(b'x')}</ChecksumCRC32>")[0], "BadDigest")
        self.assertEqual(finish(right, x_amz_checksum_type="PARTIAL")[0], "InvalidRequest")
        code, text = finish(right, x_amz_checksum_sha1=digest("sha1", b"wrong") + "-1")
        self.assertEqual(code, "BadDigest")
        self.assertIn("<Message>The SHA1 you specified did not match the calculated checksum.</Message>", text)
        self.assertEqual(finish(right, x_amz_checksum_sha1=good + "-one")[0], "InvalidRequest")
        self.assertEqual(finish(right, x_amz_checksum_sha1=digest("sha1", b"wrong") + "-1", x_amz_mp_object_size="9")[0], "BadDigest")
        self.assertEqual(finish(right, x_amz_mp_object_size="9")[0], "InvalidRequest")
        # Such a checksum knows no gaps.
        second = {"PartNumber": 2, "ETag": self.part(upload, 2, b"x", ChecksumSHA1=good)["ETag"], "ChecksumSHA1": good}
        self.refused_with("InvalidPartOrder", 400, self.finish, upload, [second])
        self.assertIn("<ChecksumSHA1>", finish(right)[1])

    def test_values_are_read_even_where_none_counts(self):
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part></CompleteMultipartUpload>".encode()
        answer = signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={"x-amz-checksum-sha256": "nonsense"}, body=body)
        self.assertIn("<Message>Value for x-amz-checksum-sha256 header is invalid.</Message>", answer.text)
        for headers in ({"x-amz-checksum-sha256": "nonsense"}, {"x-amz-sdk-checksum-algorithm": "BOGUS"}):
            answer = signed(self, "POST", f"/{self.bucket}/m?uploads", headers=headers)
            self.assertEqual((answer.status, answer.headers.get("x-amz-checksum-algorithm")), (200, None), headers)

    def test_copies_keep_or_change_it(self):
        self.put("k", b"hello", ChecksumSHA256=digest("sha256", b"hello"))
        result = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k"})["CopyObjectResult"]
        self.assertEqual(result["ChecksumSHA256"], digest("sha256", b"hello"))
        result = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k"}, ChecksumAlgorithm="SHA1")["CopyObjectResult"]
        self.assertEqual(result["ChecksumSHA1"], digest("sha1", b"hello"))
        self.assertNotIn("ChecksumSHA256", result)

    def test_an_upload_without_an_algorithm_has_no_mode(self):
        upload = self.begin()
        etag = signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").headers["ETag"]
        for kind in ("FULL_OBJECT", "COMPOSITE"):
            error = refusal(self.finish, upload, [(1, etag)], ChecksumType=kind)
            self.assertEqual((error["Code"], error["Message"]), ("InvalidRequest", "The upload was created using the null checksum mode. The complete request must use the same checksum mode."))
        # Nor a composite checksum that one sent could be wrong about.
        self.assertEqual(self.finish(upload, [(1, etag)], ChecksumCRC32=crc32(b"wrong") + "-1")["ChecksumType"], "FULL_OBJECT")

    def test_told_to_who_asks(self):
        self.put("k", b"hello", ChecksumSHA256=digest("sha256", b"hello"))
        ask = lambda mode: signed(self, "HEAD", f"/{self.bucket}/k", headers={"x-amz-checksum-mode": mode} if mode else {})
        for mode in ("ENABLED", "enabled"):
            self.assertEqual(ask(mode).headers["x-amz-checksum-sha256"], digest("sha256", b"hello"), mode)
        self.assertIsNone(ask(None).headers.get("x-amz-checksum-sha256"))
        self.assertEqual(ask("on").status, 400)
        answer = signed(self, "GET", f"/{self.bucket}/k", headers={"x-amz-checksum-mode": "on"})
        self.assertEqual((answer.status, answer.code), (400, "InvalidRequest"))
        self.assertIn("Value for x-amz-checksum-mode header is invalid.", answer.text)

    def test_an_upload_without_an_algorithm_knows_none_of_its_parts_checksums(self):
        upload = self.begin()
        part = self.part(upload, 1, b"x", ChecksumAlgorithm="CRC32")
        for more in ({"ChecksumCRC32": crc32(b"x")}, {"ChecksumSHA256": digest("sha256", b"x")}):
            error = refusal(self.finish, upload, [{"PartNumber": 1, "ETag": part["ETag"], **more}])
            self.assertEqual((error["Code"], error["PartNumber"], error["ETag"], error["UploadId"]), ("InvalidPart", "1", part["ETag"].strip('"'), upload))
        done = self.finish(upload, [(1, part["ETag"])], ChecksumCRC32=crc32(b"wrong") + "-2")  # of the whole, it is not looked at
        self.assertEqual(([field for field in done if field.startswith("ChecksumCRC")], done["ChecksumType"]), (["ChecksumCRC64NVME"], "FULL_OBJECT"))

    def test_parts_without_a_checksum_are_only_counted(self):
        upload = re.search("<UploadId>(.*?)<", signed(self, "POST", f"/{self.bucket}/m?uploads").text).group(1)
        etag = signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").headers["ETag"]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        told = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"])
        self.assertEqual(told["ObjectParts"], {"TotalPartsCount": 1})

    def test_attributes(self):
        etag = self.put("k", b"hello")["ETag"]
        whole = self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize", "StorageClass", "ObjectParts"])
        self.assertEqual((whole["ETag"], whole["ObjectSize"], whole["StorageClass"], "ObjectParts" in whole), (etag.strip('"'), 5, "STANDARD", False))
        self.refused_with("NoSuchKey", 404, self.s3.get_object_attributes, Bucket=self.bucket, Key="none", ObjectAttributes=["ETag"])
        self.refused("InvalidArgument", self.s3.get_object_attributes, Bucket=self.bucket, Key="k", ObjectAttributes=["Colour"])
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/k?attributes").status, 400)
        self.versioned()
        self.put("k", b"other")
        self.assertEqual(self.s3.get_object_attributes(Bucket=self.bucket, Key="k", VersionId="null", ObjectAttributes=["ObjectSize"])["ObjectSize"], 5)
        self.s3.delete_object(Bucket=self.bucket, Key="k")
        with self.assertRaises(ClientError) as refused:
            self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["ETag"])
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-delete-marker"), "true")


if __name__ == "__main__":
    unittest.main()
