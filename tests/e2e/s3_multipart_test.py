"""Uploads in parts."""
import hashlib
import os
import re
import unittest
from datetime import timedelta

from botocore.exceptions import ClientError

from e2e.helpers import advance, reset_clock
from e2e.s3_cases import MIB, PartsCase, owner_id, refusal, signed, status_of


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
        self.refused_with("InvalidPartNumber", 416, self.get, "s", PartNumber=2)
        self.whole("e", b"")
        for read in (self.s3.get_object, self.s3.head_object):
            got = read(Bucket=self.bucket, Key="e", PartNumber=1)
            self.assertEqual((got["ResponseMetadata"]["HTTPStatusCode"], got["ContentLength"], got["PartsCount"]), (200, 0, 1))
            self.assertNotIn("ContentRange", got)

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

    def test_spellings_of_a_parts_tag(self):
        for spelled, wanted in (('"{}"', 200), ("{}", 200), ('W/"{}"', 200), ('"{}x"', 400), ("", 400), ("*", 400), ('"*"', 400), ('"{}", "x"', 400)):
            upload = self.begin()
            tag = self.part(upload, 1, b"small")["ETag"].strip('"')
            self.assertEqual(status_of(self.finish, upload, [(1, spelled.format(tag))])[1], wanted, spelled)

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

    def test_completing_again_what_is_not_the_newest_any_more(self):
        """As long as the version is there, it is told; where what comes next takes its place, it is gone with it."""
        upload = self.begin()
        parts = [(1, self.part(upload, 1, b"x")["ETag"])]
        self.finish(upload, parts)
        self.put("m", b"over it")
        self.refused("NoSuchUpload", self.finish, upload, parts)
        self.versioned()
        upload = self.begin()
        parts = [(1, self.part(upload, 1, b"y")["ETag"])]
        first = self.finish(upload, parts)
        self.put("m", b"above it")
        self.put("m2", b"another")
        self.assertEqual(self.finish(upload, parts)["VersionId"], first["VersionId"])
        self.s3.delete_object(Bucket=self.bucket, Key="m")
        self.assertEqual(self.finish(upload, parts)["VersionId"], first["VersionId"])
        self.refused("NoSuchKey", self.get, "m")
        self.s3.delete_object(Bucket=self.bucket, Key="m", VersionId=first["VersionId"])
        self.refused("NoSuchUpload", self.finish, upload, parts)

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
        none = self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload, MaxParts=0)
        self.assertEqual((none["MaxParts"], none["IsTruncated"], "Parts" in none), (0, False, False))
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
        self.assertIn("<Key>c%20d</Key>", signed(self, "GET", f"/{self.bucket}?uploads&encoding-type=url").text)

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
        self.finish(upload, [(1, self.copy(upload, {"Bucket": self.bucket, "Key": "src"}, CopySourceRange="bytes=0-0"))])
        self.assertEqual(self.get("m"), b"s")

    def test_improper_ranges(self):
        self.put("src", b"12345")
        upload = self.begin()
        for text in ("", "bytes=0", "bytes=0-", "bytes=hello-world", "bytes=0-bar", "hello", "bytes=-5", "0-2", "bytes=0-2,3-5", "bytes=3-1"):
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

    def test_null_versions_are_not_told_to_who_names_none(self):
        """Wherever they are by now; what is made where versioning is suspended is told."""
        self.put("src")
        source = {"Bucket": self.bucket, "Key": "src"}
        for state, made in (("Enabled", True), ("Suspended", "null")):
            self.versioned(status=state)
            part = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=self.begin(), PartNumber=1, CopySource=source)
            whole = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource=source)
            self.assertEqual([answer.get("CopySourceVersionId") for answer in (part, whole)], [None] * 2, state)
            self.assertEqual(whole["VersionId"] if state == "Suspended" else whole["VersionId"] != "null", made)


if __name__ == "__main__":
    unittest.main()
