"""Versions, conditional requests and deletes."""
import http.client
import re
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from botocore.exceptions import ClientError

from e2e.s3_cases import MIB, Answer, S3Case, later, md5_of, refusal, signed, status_of
from harness import error_code


class VersionCase(S3Case):
    def setUp(self):
        super().setUp()
        self.versioned()

    def put_version(self, key="k", body=b"body", **more):
        return self.put(key, body, **more).get("VersionId")

    def listed(self, key=None, bucket=None):
        """[(version, is latest, is marker)] as listed."""
        page = self.s3.list_object_versions(Bucket=bucket or self.bucket)
        rows = [(r["VersionId"], r["IsLatest"], False, r["LastModified"]) for r in page.get("Versions", []) if key in (None, r["Key"])]
        rows += [(r["VersionId"], r["IsLatest"], True, r["LastModified"]) for r in page.get("DeleteMarkers", []) if key in (None, r["Key"])]
        return rows

    def ids(self, key=None):
        return [row[0] for row in self.listed(key)]


class State(S3Case):
    def test_states(self):
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket=self.bucket))
        for status in ("Enabled", "Suspended", "Enabled", "Enabled", "Suspended"):
            self.versioned(status=status)
            self.assertEqual(self.s3.get_bucket_versioning(Bucket=self.bucket)["Status"], status)
        self.refused("MalformedXML", self.s3.put_bucket_versioning, Bucket=self.bucket, VersioningConfiguration={"Status": "On"})
        self.refused("IllegalVersioningConfigurationException", self.s3.put_bucket_versioning, Bucket=self.bucket, VersioningConfiguration={})
        answer = signed(self, "GET", f"/{self.make_bucket()}?versioning")
        self.assertRegex(answer.text, r"<VersioningConfiguration[^>]*/>")

    def test_mfa_delete(self):
        """Only off, which is told from then on."""
        told = lambda: self.s3.get_bucket_versioning(Bucket=self.bucket).get("MFADelete")
        self.versioned()
        self.assertIsNone(told())
        put = lambda **more: status_of(self.s3.put_bucket_versioning, Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled", **more})
        self.assertEqual(put(MFADelete="Enabled"), ("NotImplemented", 501))
        self.assertIsNone(told())
        for more in ({"MFADelete": "Disabled"}, {}):
            self.assertEqual(put(**more)[1], 200)
            self.assertEqual(told(), "Disabled")
        self.assertEqual(put(MFADelete="Off"), ("MalformedXML", 400))

    def test_before_and_after(self):
        """An object from before versioning is the null version, and stays when newer ones come and go."""
        self.put("k", b"old")
        self.versioned()
        new = self.put("k", b"new")["VersionId"]
        self.assertEqual(self.get("k", VersionId="null"), b"old")
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=new)
        self.assertEqual(self.get("k"), b"old")
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId="null")
        self.refused("NoSuchKey", self.get, "k")
        self.assertNotIn("Versions", self.s3.list_object_versions(Bucket=self.bucket))

    def half_sent(self, key, bucket=None):
        """A PutObject of which half of the body is there. Its end: sends the rest, and gives (status, version id)."""
        client = self.boreal.client("s3", signature_version="s3v4")
        url = client.generate_presigned_url("put_object", Params={"Bucket": bucket or self.bucket, "Key": key})
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
        self.addCleanup(connection.close)
        connection.putrequest("PUT", url[len(self.boreal.url):])
        connection.putheader("Content-Length", str(MIB))
        connection.endheaders()
        connection.send(b"x" * (MIB // 2))
        time.sleep(0.2)  # so that its beginning has been read

        def end():
            connection.send(b"x" * (MIB // 2))
            answer = Answer(connection.getresponse())
            return answer.status, answer.headers["x-amz-version-id"]
        return end

    def test_put_while_versioning_is_enabled(self):
        """It is a version as any other: by the old state it would be a second null version."""
        self.put("k", b"old")
        end = self.half_sent("k")
        self.versioned()
        new = self.put("k", b"new")["VersionId"]
        status, last = end()
        self.assertEqual(status, 200)
        self.assertEqual([v["VersionId"] for v in self.s3.list_object_versions(Bucket=self.bucket)["Versions"]], [last, new, "null"])
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=last)
        self.assertEqual((self.get("k"), self.get("k", VersionId="null")), (b"new", b"old"))

    def test_put_while_versioning_is_suspended(self):
        """It takes the place of the null version, of which there is one at most."""
        self.put("k", b"old")
        self.versioned()
        kept = self.put("k", b"kept")["VersionId"]
        end = self.half_sent("k")
        self.versioned(status="Suspended")
        self.assertEqual(end(), (200, None))
        self.assertEqual([v["VersionId"] for v in self.s3.list_object_versions(Bucket=self.bucket)["Versions"]], ["null", kept])
        self.assertEqual(self.get("k"), b"x" * MIB)

    def test_put_while_null_version_is_locked(self):
        """It does not take the place of one that was locked meanwhile."""
        self.put("k", b"old")
        self.versioned(status="Suspended")
        end = self.half_sent("k")
        self.versioned()
        self.s3.put_object_lock_configuration(Bucket=self.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        self.s3.put_object_retention(Bucket=self.bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later(days=1)})
        status, version = end()
        self.assertEqual((status, self.get("k", VersionId=version)), (200, b"x" * MIB))
        self.assertEqual(self.get("k", VersionId="null"), b"old")

    def test_unversioned_deletes(self):
        self.put("k")
        gone = self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertEqual((gone["ResponseMetadata"]["HTTPStatusCode"], "DeleteMarker" in gone, "VersionId" in gone), (204, False, False))
        self.assertEqual(status_of(self.s3.delete_object, Bucket=self.bucket, Key="never-there")[1], 204)
        self.put("k")
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId="null")
        self.refused("NoSuchKey", self.get, "k")


class Life(VersionCase):
    def test_stack(self):
        """Removing versions from the top and from the bottom uncovers what lies below."""
        for order in (lambda n: n[::-1], lambda n: n):
            ids = [self.put_version("s", str(i).encode()) for i in range(5)]
            left = list(range(5))
            for i in order(list(range(5))):
                self.s3.delete_object(Bucket=self.bucket, Key="s", VersionId=ids[i])
                left.remove(i)
                self.assertEqual(len(self.ids("s")), len(left))
                if left:
                    self.assertEqual(self.get("s"), str(left[-1]).encode())
            self.refused("NoSuchKey", self.get, "s")

    def test_overwritten_content(self):
        ids = [self.put_version(body=str(i).encode()) for i in range(3)]
        for i, version in enumerate(ids):
            self.assertEqual(self.get("k", VersionId=version), str(i).encode())
            self.assertEqual(self.head("k", VersionId=version)["VersionId"], version)
        self.assertEqual(self.head("k")["VersionId"], ids[-1])

    def test_markers(self):
        self.put("k")
        first = self.s3.delete_object(Bucket=self.bucket, Key="k")
        second = self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertTrue(first["DeleteMarker"] and second["DeleteMarker"])
        self.assertNotEqual(first["VersionId"], second["VersionId"])
        markers = self.s3.list_object_versions(Bucket=self.bucket)["DeleteMarkers"]
        self.assertEqual([(m["VersionId"], m["IsLatest"]) for m in markers], [(second["VersionId"], True), (first["VersionId"], False)])
        with self.assertRaises(ClientError) as refused:
            self.head("k")
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"], "true")
        self.refused_with("405", 405, self.head, "k", VersionId=first["VersionId"])
        gone = self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=second["VersionId"])
        self.assertEqual((gone["DeleteMarker"], gone["VersionId"]), (True, second["VersionId"]))
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=first["VersionId"])
        self.assertEqual(self.get("k"), b"body")

    def test_versions_and_markers_are_listed_in_one_order(self):
        """boto3 tells them apart; clients that read the document itself take the order of a key's history from it."""
        for key in ("a", "b"):
            self.put(key, b"1")
            self.s3.delete_object(Bucket=self.bucket, Key=key)
            self.put(key, b"2")
        text = signed(self, "GET", f"/{self.bucket}?versions=").text
        rows = re.findall(r"<(Version|DeleteMarker)><Key>(.)</Key>", text)
        self.assertEqual(rows, [(kind, key) for key in ("a", "b") for kind in ("Version", "DeleteMarker", "Version")])
        first = signed(self, "GET", f"/{self.bucket}?max-keys=2&versions=").text
        self.assertEqual(re.findall(r"<(Version|DeleteMarker)><Key>(.)</Key>", first), rows[:2])

    def test_what_is_set_on_an_object_meets_its_marker(self):
        self.put("k")
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k")["VersionId"]
        calls = {"get_object_tagging": {}, "put_object_tagging": {"Tagging": {"TagSet": []}}, "delete_object_tagging": {}, "put_object_acl": {"ACL": "private"}}
        for name, more in calls.items():
            for which in ({}, {"VersionId": marker}):
                self.refused_with("MethodNotAllowed", 405, getattr(self.s3, name), Bucket=self.bucket, Key="k", **more, **which)
        for name, more in {"get_object": {}, "get_object_acl": {}, "get_object_attributes": {"ObjectAttributes": ["ETag"]}}.items():
            self.refused_with("NoSuchKey", 404, getattr(self.s3, name), Bucket=self.bucket, Key="k", **more)
            self.refused_with("MethodNotAllowed", 405, getattr(self.s3, name), Bucket=self.bucket, Key="k", VersionId=marker, **more)
        answer = signed(self, "GET", f"/{self.bucket}/k?versionId={marker}")
        self.assertEqual((answer.headers["Allow"], answer.headers["x-amz-delete-marker"]), ("DELETE", "true"))
        self.assertIn("GMT", answer.headers["Last-Modified"])
        answer = signed(self, "GET", f"/{self.bucket}/k?tagging&versionId={marker}")
        self.assertEqual((answer.headers["x-amz-delete-marker"], answer.headers["Last-Modified"]), ("true", None))

    def test_marker_of_what_never_was(self):
        gone = self.s3.delete_object(Bucket=self.bucket, Key="none")
        self.assertTrue(gone["DeleteMarker"])
        self.assertEqual(self.ids(), [gone["VersionId"]])
        self.assertEqual(self.keys(), [])

    def test_no_such_version(self):
        version = self.put_version()
        other = self.put_version("other")
        self.refused_with("NoSuchVersion", 404, self.get, "k", VersionId=other)
        self.refused_with("404", 404, self.head, "k", VersionId=other)
        self.refused_with("InvalidArgument", 400, self.get, "k", VersionId="nonsense")
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/k?versionId=").code, "InvalidArgument")
        self.assertEqual(status_of(self.s3.delete_object, Bucket=self.bucket, Key="k", VersionId=other)[1], 204)
        self.assertEqual(self.ids("k"), [version])

    def test_suspended(self):
        """Writes and deletes take the null version's place; others stay."""
        kept = self.put_version(body=b"kept")
        self.versioned(status="Suspended")
        for body in (b"n1", b"n2"):
            self.assertNotIn("VersionId", self.put("k", body))
        self.assertEqual(self.ids("k"), ["null", kept])
        gone = self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertEqual((gone["DeleteMarker"], gone["VersionId"]), (True, "null"))
        self.assertEqual(sorted(self.ids("k")), sorted(["null", kept]))
        self.refused("NoSuchKey", self.get, "k")
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId="null")
        self.assertEqual(self.get("k"), b"kept")
        self.versioned()
        new = self.put_version(body=b"new")
        self.assertEqual(self.ids("k"), [new, kept])

    def test_null_version_covered_by_others(self):
        self.versioned(status="Suspended")
        self.put("k", b"null")
        self.versioned()
        top = self.put_version(body=b"top")
        self.versioned(status="Suspended")
        self.put("k", b"null again")
        self.assertEqual(self.ids("k"), ["null", top])
        self.assertEqual(self.get("k"), b"null again")
        self.assertEqual(self.get("k", VersionId=top), b"top")

    def test_copies(self):
        first = self.put_version("k v+é", b"1")
        self.put_version("k v+é", b"2")
        made = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k v+é", "VersionId": first})
        self.assertEqual((made["CopySourceVersionId"], self.get("c")), (first, b"1"))
        self.assertIn("VersionId", made)
        escaped = f"{self.bucket}/k%20v%2B%C3%A9?versionId=%{ord(first[0]):02X}{first[1:]}"
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/c", headers={"x-amz-copy-source": escaped}).headers["x-amz-copy-source-version-id"], first)
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k v+é")["VersionId"]
        self.refused("NoSuchKey", self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k v+é"})
        self.refused("InvalidRequest", self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k v+é", "VersionId": marker})
        # A version copied onto its own key is the newest again.
        self.s3.copy_object(Bucket=self.bucket, Key="k v+é", CopySource={"Bucket": self.bucket, "Key": "k v+é", "VersionId": first})
        self.assertEqual(self.get("k v+é"), b"1")

    def test_multipart(self):
        for _ in range(3):
            upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
            etag = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
            done = self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
            self.assertIn("VersionId", done)
        self.assertEqual(len(self.ids("m")), 3)

    def test_metadata_is_of_its_version(self):
        old = self.put_version(Metadata={"a": "1"}, Tagging="t=1")
        self.put_version(Metadata={"a": "2"})
        self.assertEqual(self.head("k", VersionId=old)["Metadata"], {"a": "1"})
        self.s3.put_object_tagging(Bucket=self.bucket, Key="k", VersionId=old, Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="k", VersionId=old)["TagSet"], [{"Key": "x", "Value": "y"}])
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"], [])

    def test_bucket_must_be_empty_of_versions(self):
        version = self.put_version()
        self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.refused_with("BucketNotEmpty", 409, self.s3.delete_bucket, Bucket=self.bucket)
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=version)
        self.refused("BucketNotEmpty", self.s3.delete_bucket, Bucket=self.bucket)

    def test_many_at_once(self):
        """Writers and deleters together: each got a version, and all are there."""
        ids, errors = [], []

        def work(number):
            try:
                client = self.boreal.client("s3")
                for i in range(5):
                    ids.append(client.put_object(Bucket=self.bucket, Key="c", Body=f"{number} {i}".encode())["VersionId"])
            except Exception as error:  # noqa: BLE001: any failure fails the test
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(sorted(self.ids("c")), sorted(ids))
        removers = [threading.Thread(target=lambda v=v: self.s3.delete_object(Bucket=self.bucket, Key="c", VersionId=v)) for v in ids]
        for thread in removers:
            thread.start()
        for thread in removers:
            thread.join()
        self.assertEqual(self.ids("c"), [])


class DeletingMany(VersionCase):
    def delete(self, *objects, **more):
        quiet = more.pop("Quiet", False)
        return self.s3.delete_objects(Bucket=more.pop("Bucket", self.bucket), Delete={"Objects": list(objects), "Quiet": quiet}, **more)

    def test_versions_and_markers(self):
        ids = [self.put_version("a"), self.put_version("a")]
        done = self.delete(*[{"Key": "a", "VersionId": v} for v in ids])
        self.assertEqual(sorted(d["VersionId"] for d in done["Deleted"]), sorted(ids))
        self.assertNotIn("Errors", done)
        self.assertEqual(self.ids(), [])
        made = self.delete({"Key": "b"})["Deleted"][0]
        self.assertTrue(made["DeleteMarker"])
        self.assertEqual(self.ids("b"), [made["DeleteMarkerVersionId"]])
        gone = self.delete({"Key": "b", "VersionId": made["DeleteMarkerVersionId"]})["Deleted"][0]
        self.assertEqual((gone["DeleteMarker"], gone["DeleteMarkerVersionId"], gone["VersionId"]), (True, made["DeleteMarkerVersionId"], made["DeleteMarkerVersionId"]))

    def test_quiet_and_missing(self):
        self.put("a")
        done = self.delete({"Key": "a"}, {"Key": "never"}, Quiet=True)
        self.assertNotIn("Deleted", done)
        self.assertNotIn("Errors", done)
        bucket = self.make_bucket()
        self.assertEqual([d["Key"] for d in self.delete({"Key": "never"}, Bucket=bucket)["Deleted"]], ["never"])

    def test_what_is_asked_for_again_is_deleted_once(self):
        version = self.put_version("a")
        again, gone = {"Key": "a"}, {"Key": "a", "VersionId": version}
        done = self.delete(again, gone, again, {"Key": "b"}, gone, again)
        self.assertEqual([(d["Key"], d.get("VersionId")) for d in done["Deleted"]], [("a", None), ("a", version), ("b", None)])
        self.assertEqual(self.ids("a"), [done["Deleted"][0]["DeleteMarkerVersionId"]])
        self.refused_with("MalformedXML", 400, self.delete, *[again] * 1001)

    def test_limits(self):
        keys = [{"Key": f"k{i}"} for i in range(1001)]
        bucket = self.make_bucket()
        self.assertEqual(len(self.delete(*keys[:1000], Bucket=bucket)["Deleted"]), 1000)
        self.refused_with("MalformedXML", 400, self.delete, *keys, Bucket=bucket)
        self.refused_with("MalformedXML", 400, self.delete, Bucket=bucket)
        self.refused_with("NoSuchBucket", 404, self.delete, {"Key": "a"}, Bucket="no-such-bucket-here")
        self.put("a")
        body = b"<Delete><Object><Key>a</Key></Object><Object><Key/></Object></Delete>"
        answer = signed(self, "POST", f"/{self.bucket}?delete", {"Content-MD5": md5_of(body)}, body)
        self.assertEqual((answer.status, answer.code), (400, "UserKeyMustBeSpecified"))
        self.assertEqual(self.get("a"), b"body")

    def test_version_ids_that_are_none(self):
        self.put("a")
        done = self.delete({"Key": "a", "VersionId": "nonsense"}, {"Key": "b"})
        self.assertEqual([(e["Key"], e["VersionId"], e["Code"]) for e in done["Errors"]], [("a", "nonsense", "NoSuchVersion")])
        self.assertEqual([d["Key"] for d in done["Deleted"]], ["b"])
        self.refused_with("InvalidArgument", 400, self.s3.delete_object, Bucket=self.bucket, Key="a", VersionId="nonsense")

    def test_etags(self):
        etag = self.put("a")["ETag"]
        done = self.delete({"Key": "a", "ETag": '"00000000000000000000000000000000"'})
        self.assertEqual([(e["Key"], e["Code"]) for e in done["Errors"]], [("a", "PreconditionFailed")])
        self.assertEqual(len(self.delete({"Key": "a", "ETag": etag})["Deleted"]), 1)
        done = self.delete({"Key": "a", "ETag": etag})
        self.assertEqual([(e["Key"], e["Code"]) for e in done["Errors"]], [("a", "NoSuchKey")])

    def test_what_etags_cannot_do(self):
        """There they are one tag each, of the latest version."""
        put = self.put("a")
        done = self.delete({"Key": "a", "ETag": '"00", ' + put["ETag"]}, {"Key": "a", "VersionId": put["VersionId"], "ETag": put["ETag"]})
        self.assertEqual([(e["Key"], e.get("VersionId"), e["Code"]) for e in done["Errors"]],
                         [("a", None, "PreconditionFailed"), ("a", put["VersionId"], "NotImplemented")])
        self.assertEqual(len(self.delete({"Key": "a", "ETag": "*"})["Deleted"]), 1)

    def test_a_key_that_is_too_long_spoils_all(self):
        self.put("a")
        refused = refusal(self.delete, {"Key": "a"}, {"Key": "k" * 1025})
        self.assertEqual((refused["Code"], refused["Size"], refused["MaxSizeAllowed"]), ("KeyTooLongError", "1025", "1024"))
        self.assertEqual(self.get("a"), b"body")

    def test_sizes_and_times(self):
        self.put("a", b"four")
        modified = self.head("a")["LastModified"]
        for wrong in ({"Size": 5}, {"LastModifiedTime": modified - timedelta(seconds=1)}, {"Size": 4, "LastModifiedTime": modified - timedelta(days=1)}):
            done = self.delete({"Key": "a", **wrong})
            self.assertEqual([(e["Key"], e["Code"]) for e in done["Errors"]], [("a", "PreconditionFailed")], wrong)
        self.assertEqual(len(self.delete({"Key": "a", "Size": 4, "LastModifiedTime": modified})["Deleted"]), 1)
        self.assertEqual(error_code(self.get, "a"), "NoSuchKey")
        self.assertEqual(len(self.delete({"Key": "a", "Size": 4})["Deleted"]), 1)  # it is gone, as was wanted


class Reads(S3Case):
    def setUp(self):
        super().setUp()
        self.etag = self.put("k", b"bar")["ETag"]
        self.past, self.future = datetime(1994, 10, 29, tzinfo=timezone.utc), datetime(2100, 10, 29, tzinfo=timezone.utc)

    def test_get_and_head(self):
        for call, gone in ((self.s3.get_object, "PreconditionFailed"), (self.s3.head_object, "412")):
            get = lambda **more: status_of(call, Bucket=self.bucket, Key="k", **more)
            self.assertEqual(get(IfMatch=self.etag)[1], 200)
            self.assertEqual(get(IfMatch=self.etag.strip('"'))[1], 200)
            self.assertEqual(get(IfMatch="*")[1], 200)
            self.assertEqual(get(IfMatch='"ABCORZ"'), (gone, 412))
            self.assertEqual(get(IfNoneMatch=self.etag)[1], 304)
            self.assertEqual(get(IfNoneMatch='"ABCORZ"')[1], 200)
            self.assertEqual(get(IfModifiedSince=self.past)[1], 200)
            self.assertEqual(get(IfModifiedSince=self.head("k")["LastModified"])[1], 304)
            self.assertEqual(get(IfModifiedSince=self.future)[1], 200)  # RFC 9110, 13.1.3: a date to come says nothing
            self.assertEqual(get(IfUnmodifiedSince=self.past), (gone, 412))
            self.assertEqual(get(IfUnmodifiedSince=self.future)[1], 200)
            # RFC 9110, 13.2.2: the entity tags go before the dates.
            self.assertEqual(get(IfMatch=self.etag, IfUnmodifiedSince=self.past)[1], 200)
            self.assertEqual(get(IfNoneMatch=self.etag, IfModifiedSince=self.past)[1], 304)

    def test_dates_that_are_none_ask_nothing(self):
        for name in ("If-Modified-Since", "If-Unmodified-Since"):
            self.assertEqual(signed(self, "GET", f"/{self.bucket}/k", headers={name: "yesterday"}).body, b"bar")
            headers = {"x-amz-copy-source": f"{self.bucket}/k", f"x-amz-copy-source-{name}": "yesterday"}
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/c", headers=headers).status, 200)

    def test_not_modified_has_no_body(self):
        answer = signed(self, "GET", f"/{self.bucket}/k", headers={"If-None-Match": self.etag})
        self.assertEqual((answer.status, answer.body, answer.headers["ETag"]), (304, b"", self.etag))

    def test_not_modified_tells_how_long_it_holds(self):
        """RFC 9110, 15.4.5: as the whole would have."""
        self.put("k", b"bar", CacheControl="max-age=60", Expires="Tue, 01 Jan 2030 00:00:00 GMT", ContentType="text/x")
        for method in ("GET", "HEAD"):
            for query, wanted in (("", "max-age=60"), ("?response-cache-control=no-store", "no-store"), ("?response-cache-control=", "max-age=60")):
                headers = signed(self, method, f"/{self.bucket}/k{query}", headers={"If-None-Match": self.etag}).headers
                self.assertEqual((headers["Cache-Control"], headers["Expires"]), (wanted, "Tue, 01 Jan 2030 00:00:00 GMT"))
                self.assertIsNone(headers["Content-Type"])
        self.assertIsNone(signed(self, "GET", f"/{self.bucket}/k", headers={"If-Match": '"x"'}).headers["Cache-Control"])

    def test_copies(self):
        copy = lambda **more: status_of(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k"}, **more)
        self.assertEqual(copy(CopySourceIfMatch=self.etag)[1], 200)
        self.assertEqual(copy(CopySourceIfMatch='"ABCORZ"'), ("PreconditionFailed", 412))
        self.assertEqual(copy(CopySourceIfNoneMatch='"ABCORZ"')[1], 200)
        self.assertEqual(copy(CopySourceIfNoneMatch=self.etag), ("PreconditionFailed", 412))
        self.assertEqual(copy(CopySourceIfModifiedSince=self.past)[1], 200)
        self.assertEqual(copy(CopySourceIfModifiedSince=self.future)[1], 200)
        self.assertEqual(copy(CopySourceIfModifiedSince=self.head("k")["LastModified"]), ("PreconditionFailed", 412))
        self.assertEqual(copy(CopySourceIfUnmodifiedSince=self.past), ("PreconditionFailed", 412))


class Writes(S3Case):
    def test_put(self):
        put = lambda key="k", **more: status_of(self.put, key, **more)
        self.assertEqual(put(IfNoneMatch="*")[1], 200)
        self.assertEqual(put(IfNoneMatch="*"), ("PreconditionFailed", 412))
        etag = self.head("k")["ETag"]
        for form in (etag, etag.strip('"'), etag[1:], etag[:-1]):  # S3 does not insist on the quotes
            self.assertEqual(put(IfMatch=form)[1], 200, form)
        self.assertEqual(put(IfMatch=etag[2:]), ("PreconditionFailed", 412))
        self.assertEqual(put(IfMatch='"ABCORZ"'), ("PreconditionFailed", 412))
        self.assertEqual(put("none", IfMatch=etag), ("NoSuchKey", 404))
        self.assertEqual(put(IfNoneMatch=etag), ("NotImplemented", 501))
        for method in ("PUT", "DELETE"):
            answer = signed(self, method, f"/{self.bucket}/k", headers={"If-Match": ""})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), method)
            self.assertIn("<Message>The value provided for the If-Match query parameter cannot be empty for this API.</Message>"
                          "<ArgumentName>If-Match</ArgumentName>", answer.text)
        self.assertEqual(self.get("k"), b"body")
        self.assertEqual(self.keys(), ["k"])

    def test_put_after_a_marker(self):
        self.versioned()
        self.put("k")
        self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertEqual(status_of(self.put, "k", IfMatch="*")[1] in (404, 412), True)
        self.assertEqual(status_of(self.put, "k", IfNoneMatch="*")[1], 200)

    def test_complete_and_copy(self):
        self.put("k")
        etag = self.head("k")["ETag"]

        def complete(**more):
            upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
            part = self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
            return status_of(self.s3.complete_multipart_upload, Bucket=self.bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **more)

        self.assertEqual(complete(IfNoneMatch="*"), ("PreconditionFailed", 412))
        self.assertEqual(complete(IfMatch='"ABCORZ"'), ("PreconditionFailed", 412))
        self.assertEqual(complete(IfMatch=etag)[1], 200)
        # What was written since the upload began is a conflict with it, even if it is what the client knows of.
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        part = self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        time.sleep(0.01)
        later = self.put("k", b"later")["ETag"]
        self.refused_with("ConditionalRequestConflict", 409, self.s3.complete_multipart_upload, Bucket=self.bucket, Key="k", UploadId=upload,
                          MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, IfMatch=later)
        self.assertEqual(self.get("k"), b"later")
        source = {"Bucket": self.bucket, "Key": "k"}
        self.assertEqual(status_of(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource=source, IfNoneMatch="*")[1], 200)
        self.assertEqual(status_of(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource=source, IfNoneMatch="*"), ("PreconditionFailed", 412))

    def test_complete_after_a_delete(self):
        """What was deleted while the upload went on is a conflict with it, until it is begun anew."""
        def begin():
            upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
            part = self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
            return dict(UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})

        def complete(upload, **more):
            return status_of(self.s3.complete_multipart_upload, Bucket=self.bucket, Key="k", **upload, **more)

        def delete():
            time.sleep(0.01)
            self.s3.delete_object(Bucket=self.bucket, Key="k")

        for versioned in (False, True):
            with self.subTest(versioned=versioned):
                if versioned:
                    self.versioned()
                self.put("k")
                upload = begin()
                self.assertEqual(complete(upload, IfNoneMatch="*"), ("PreconditionFailed", 412))
                delete()
                self.assertEqual(complete(upload, IfNoneMatch="*"), ("ConditionalRequestConflict", 409))
                self.assertEqual(error_code(self.get, "k"), "NoSuchKey")
                again = begin()
                self.assertEqual(complete(again, IfNoneMatch="*")[1], 200)
                delete()
                self.assertEqual(complete(upload)[1], 200)  # it asked for nothing
                delete()
        # A marker tells of what came and went since.
        upload = begin()
        self.put("k")
        delete()
        self.assertEqual(complete(upload, IfNoneMatch="*"), ("ConditionalRequestConflict", 409))

    def test_delete(self):
        etag = self.put("k")["ETag"]
        for other in ('"ABCORZ"', f"W/{etag}", f'"ABCORZ", {etag}'):
            self.refused_with("PreconditionFailed", 412, self.s3.delete_object, Bucket=self.bucket, Key="k", IfMatch=other)
        self.assertEqual(status_of(self.s3.delete_object, Bucket=self.bucket, Key="k", IfMatch=etag)[1], 204)
        self.put("k")
        self.assertEqual(status_of(self.s3.delete_object, Bucket=self.bucket, Key="k", IfMatch="*")[1], 204)
        self.assertEqual(error_code(self.get, "k"), "NoSuchKey")
        self.refused_with("NoSuchKey", 404, self.s3.delete_object, Bucket=self.bucket, Key="k", IfMatch="*")
        self.put("k", b"four")
        modified = self.head("k")["LastModified"]
        delete = lambda **more: status_of(self.s3.delete_object, Bucket=self.bucket, Key="k", **more)
        self.assertEqual(delete(IfMatchSize=5), ("PreconditionFailed", 412))
        self.assertEqual(delete(IfMatchLastModifiedTime=modified - timedelta(days=1)), ("PreconditionFailed", 412))
        self.assertEqual(delete(IfMatchSize=4, IfMatchLastModifiedTime=modified)[1], 204)
        self.assertEqual(delete(IfMatchSize=4)[1], 204)

    def test_deletes_of_a_version_have_no_condition(self):
        """It is of the latest, as in DeleteObjects."""
        self.versioned()
        version = self.put("k")["VersionId"]
        for tag in (self.head("k")["ETag"], "*", '"ABCORZ"'):
            refused = refusal(self.s3.delete_object, Bucket=self.bucket, Key="k", VersionId=version, IfMatch=tag)
            self.assertEqual((refused["Code"], refused["Header"]), ("NotImplemented", "If-Match"))
        self.assertEqual(self.get("k"), b"body")

    def test_only_one_of_many_makes_it(self):
        outcomes = []

        def work(number):
            outcomes.append(status_of(self.put, "race", str(number).encode(), IfNoneMatch="*")[1])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(outcomes.count(200), 1)
        self.assertEqual(set(outcomes) <= {200, 412, 409}, True)


if __name__ == "__main__":
    unittest.main()


class Overwritten(S3Case):
    def test_tags_are_of_what_is_there_when_their_turn_comes(self):
        """Who tags waits for who writes, and finds another object then than before: there is one all the time."""
        self.s3.put_object(Bucket=self.bucket, Key="k", Body=b"first")

        def repeat(call):
            client = self.boreal.client("s3")
            for _ in range(40):
                call(client)

        tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(repeat, call) for call in (
                lambda s3: s3.put_object(Bucket=self.bucket, Key="k", Body=b"again"),
                lambda s3: s3.put_object_tagging(Bucket=self.bucket, Key="k", Tagging=tags)) for _ in range(2)]
        for one in done:
            one.result()
