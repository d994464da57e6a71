"""Lifecycle rules act when the development clock passes their time, also across kill -9."""
import json
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from e2e.helpers import advance, reset_clock
from e2e.s3_cases import S3Case, send
from harness import BINARY, PATIENCE_S, error_code


class Clocked(S3Case):
    shared = False

    def rules(self, bucket, *rules):
        whole = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for number, rule in enumerate(rules)]
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": whole},
                                                   TransitionDefaultMinimumObjectSize="varies_by_storage_class")

    def pass_time(self, how_far):
        """Days pass for the server and the worker acts; then back, since signatures must be of the server's time."""
        advance(self, how_far)
        reset_clock(self)


class Lifecycle(Clocked):
    """Rules act when the development clock passes their time."""

    def test_days_pass(self):
        self.put("logs/old")
        self.put("logs/big", b"x" * (200 << 10))
        self.put("kept")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="logs/m")["UploadId"]
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": [
            {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 90},
             "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}], "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}]})
        self.assertIn('rule-id="r"', self.s3.head_object(Bucket=self.bucket, Key="logs/old")["Expiration"])
        self.pass_time("40d")
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="logs/big").get("StorageClass"), "GLACIER")
        self.assertEqual(error_code(self.get, "logs/big"), "InvalidObjectState")
        self.s3.restore_object(Bucket=self.bucket, Key="logs/big", RestoreRequest={"Days": 2})
        self.assertEqual(len(self.get("logs/big")), 200 << 10)
        self.assertNotIn("StorageClass", self.s3.head_object(Bucket=self.bucket, Key="logs/old"))  # too small to move
        self.assertFalse(self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads"))
        self.pass_time("100d")
        self.assertEqual(self.keys(), ["kept"])
        self.assertTrue(upload)

    def test_versions_markers_and_tags(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        for key in ("gone", "kept"):
            self.put(key)
        self.put("gone", b"again", Tagging="short=yes")
        self.put("kept", b"again", Tagging="short=no")
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": [
            {"ID": "tagged", "Status": "Enabled", "Filter": {"Tag": {"Key": "short", "Value": "yes"}}, "Expiration": {"Days": 1}},
            {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 10}},
            {"ID": "markers", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}}]})
        self.assertIn('rule-id="tagged"', self.s3.head_object(Bucket=self.bucket, Key="gone")["Expiration"])
        self.assertNotIn("Expiration", self.s3.head_object(Bucket=self.bucket, Key="kept"))
        self.pass_time("3d")
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        self.assertEqual([marker["Key"] for marker in listed["DeleteMarkers"]], ["gone"])
        made = listed["DeleteMarkers"][0]["LastModified"]
        self.assertEqual((made.hour, made.minute, made.second), (0, 0, 0))
        self.assertEqual(len(listed["Versions"]), 4)
        self.pass_time("20d")
        self.pass_time("20d")  # the marker has nothing behind it now
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        self.assertNotIn("DeleteMarkers", listed)
        self.assertEqual([(row["Key"], row["IsLatest"]) for row in listed["Versions"]], [("kept", True)])

    def test_which_rule_wins(self):
        """The cheaper class, but INTELLIGENT_TIERING before all that are no archives, and nothing before what goes for good."""
        move = lambda days, to: {"Transitions": [{"Days": days, "StorageClass": to}]}
        big = b"x" * (128 << 10)
        moved, chosen, barred, covered, gone = (self.make_bucket() for _ in range(5))
        for bucket in (moved, chosen, covered, gone):
            self.put("k", big, Bucket=bucket)
        self.put("k", big, Bucket=barred, StorageClass="ONEZONE_IA")
        self.rules(moved, move(30, "STANDARD_IA"), move(30, "ONEZONE_IA"))
        self.rules(chosen, move(30, "ONEZONE_IA"), move(30, "INTELLIGENT_TIERING"))
        self.rules(barred, move(1, "GLACIER_IR"))
        self.versioned(covered)
        self.put("v", big, Bucket=covered)
        self.rules(covered, move(30, "GLACIER"), {"Expiration": {"Days": 31}})
        self.rules(gone, move(30, "GLACIER"), {"Expiration": {"Days": 31}})
        self.pass_time("40d")
        of = lambda bucket: self.s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"]
        self.assertEqual([of(bucket) for bucket in (moved, chosen, barred)], ["ONEZONE_IA", "INTELLIGENT_TIERING", "ONEZONE_IA"])
        page = self.s3.list_object_versions(Bucket=covered)
        self.assertEqual({v["Key"]: v["StorageClass"] for v in page["Versions"]}, {"k": "GLACIER", "v": "GLACIER"})
        self.assertEqual(sorted(m["Key"] for m in page["DeleteMarkers"]), ["k", "v"])
        self.assertEqual(self.keys(Bucket=gone), [])


class LifecycleOfUploads(Clocked):
    """By themselves: ids go on from the latest time that there was, and tell when an upload was completed."""

    def test_what_an_upload_replaces_is_noncurrent_from_its_completion_on(self):
        """Not since the upload was begun, which is its object's LastModified."""
        bucket = self.open_bucket()
        self.versioned(bucket)
        # Who completes it signs nothing, since the clock is days ahead then.
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
        self.put("k", b"first", Bucket=bucket)
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        etag = self.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"second")["ETag"]
        self.rules(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 7}})
        advance(self, "10d")
        parts = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        answer = send(self, "POST", f"/{bucket}/k?uploadId={upload}", {"Content-Length": len(parts)}, parts.encode())
        self.assertEqual(answer.status, 200, answer.text)
        self.pass_time("2d")
        self.assertEqual(len(self.s3.list_object_versions(Bucket=bucket)["Versions"]), 2)
        self.pass_time("20d")
        self.assertEqual(len(self.s3.list_object_versions(Bucket=bucket)["Versions"]), 1)


class LifecycleKilled(S3Case):
    shared = False

    def test_a_killed_server_goes_on(self):
        count = 2000
        bucket = self.open_bucket()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: self.s3.put_object(Bucket=bucket, Key=f"old/{i:04}", Body=b"x"), range(count)))
        self.put("new", Bucket=bucket)
        # Who looks on signs nothing, since the clock is days ahead then.
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}]}))
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
            {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}}]})

        def has(prefix):
            url = f"{self.boreal.url}/{bucket}?list-type=2&max-keys=1&prefix={prefix}"
            return b"<Key>" in urllib.request.urlopen(url).read()

        moving = subprocess.Popen([str(BINARY), "clock", "advance", "2d", "--data", str(self.boreal.data)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        while has("old/06") and time.monotonic() < deadline:  # some pages are done, and where it stands is kept
            time.sleep(0.01)
        self.boreal.kill()
        moving.wait()
        self.boreal.start()
        advance(self, "2d")
        self.assertFalse(has("old/"))
        self.assertTrue(has("new"))
