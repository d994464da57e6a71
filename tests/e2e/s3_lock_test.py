"""Object Lock: what may not be deleted, and what is refused."""
import hashlib
import http.client
import json
import unittest
from base64 import b64encode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from e2e.helpers import user
from e2e.s3_cases import S3Case, later, md5_of, refusal, send, signed, status_of
from harness import error_code


class LockCase(S3Case):
    def setUp(self):
        super().setUp()
        self.locked = self.make_bucket(ObjectLockEnabledForBucket=True)

    def configure(self, bucket=None, enabled="Enabled", **retention):
        configuration = {"ObjectLockEnabled": enabled}
        if retention:
            configuration["Rule"] = {"DefaultRetention": retention}
        return status_of(self.s3.put_object_lock_configuration, Bucket=bucket or self.locked, ObjectLockConfiguration=configuration)

    def retain(self, mode, until, bucket=None, key="k", **more):
        return status_of(self.s3.put_object_retention, Bucket=bucket or self.locked, Key=key, Retention={"Mode": mode, "RetainUntilDate": until}, **more)

    def hold(self, status, bucket=None, key="k"):
        return status_of(self.s3.put_object_legal_hold, Bucket=bucket or self.locked, Key=key, LegalHold={"Status": status})

    def delete(self, version, key="k", **more):
        return status_of(self.s3.delete_object, Bucket=self.locked, Key=key, VersionId=version, **more)

    def lock(self, key="k", **more):
        return self.put(key, Bucket=self.locked, **more)["VersionId"]


class Configuration(LockCase):
    def test_read_back(self):
        self.assertEqual(self.s3.get_object_lock_configuration(Bucket=self.locked)["ObjectLockConfiguration"], {"ObjectLockEnabled": "Enabled"})
        versioning = self.s3.get_bucket_versioning(Bucket=self.locked)
        self.assertEqual((versioning["Status"], versioning["MFADelete"]), ("Enabled", "Disabled"))
        for retention in ({"Mode": "GOVERNANCE", "Days": 1}, {"Mode": "COMPLIANCE", "Years": 1}):
            self.assertEqual(self.configure(**retention)[1], 200)
            self.assertEqual(self.s3.get_object_lock_configuration(Bucket=self.locked)["ObjectLockConfiguration"],
                             {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}})
        self.assertEqual(self.configure()[1], 200)

    def test_buckets_without(self):
        self.refused_with("ObjectLockConfigurationNotFoundError", 404, self.s3.get_object_lock_configuration, Bucket=self.bucket)
        self.assertEqual(self.configure(self.bucket, Mode="GOVERNANCE", Days=1), ("InvalidBucketState", 409))
        self.put("k")
        self.assertEqual(self.retain("GOVERNANCE", later(days=1), self.bucket), ("InvalidRequest", 400))
        self.assertEqual(self.hold("ON", self.bucket), ("InvalidRequest", 400))
        self.refused_with("InvalidRequest", 400, self.s3.get_object_retention, Bucket=self.bucket, Key="k")
        self.refused_with("InvalidRequest", 400, self.s3.get_object_legal_hold, Bucket=self.bucket, Key="k")
        self.refused_with("InvalidRequest", 400, self.put, "k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
        self.refused_with("InvalidRequest", 400, self.put, "k", ObjectLockLegalHoldStatus="ON")

    def test_enabled_later(self):
        self.versioned()
        self.assertEqual(self.configure(self.bucket, Mode="GOVERNANCE", Days=1)[1], 200)
        self.refused_with("InvalidBucketState", 409, self.s3.put_bucket_versioning, Bucket=self.bucket, VersioningConfiguration={"Status": "Suspended"})

    def test_versioning_stays(self):
        self.refused_with("InvalidBucketState", 409, self.s3.put_bucket_versioning, Bucket=self.locked, VersioningConfiguration={"Status": "Suspended"})
        self.s3.put_bucket_versioning(Bucket=self.locked, VersioningConfiguration={"Status": "Enabled"})

    def test_refused(self):
        self.assertEqual(self.configure(Mode="GOVERNANCE", Days=1, Years=1), ("MalformedXML", 400))
        self.assertEqual(self.configure(Mode="GOVERNANCE"), ("InvalidRequest", 400))
        self.assertEqual(self.configure(Days=1), ("MalformedXML", 400))
        self.assertEqual(self.configure(Mode="GOVERNANCE", Days=0), ("InvalidArgument", 400))
        self.assertEqual(self.configure(Mode="GOVERNANCE", Days=-1), ("InvalidArgument", 400))
        self.assertEqual(self.configure(Mode="GOVERNANCE", Years=0), ("InvalidArgument", 400))
        self.assertEqual(self.configure(Mode="GOVERNANCE", Years=-1), ("InvalidArgument", 400))
        for name, length in (("Days", 0), ("Days", 36501), ("Years", 101)):
            error = refusal(self.s3.put_object_lock_configuration, Bucket=self.locked, ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", name: length}}})
            self.assertEqual((error["Code"], error["ArgumentName"], error["ArgumentValue"]), ("InvalidArgument", name, str(length)))
        for name, length in (("Days", 36500), ("Years", 100)):
            self.assertEqual(self.configure(Mode="GOVERNANCE", **{name: length})[1], 200)
        self.assertEqual(self.configure(Mode="governance", Days=1), ("MalformedXML", 400))
        self.assertEqual(self.configure(Mode="abc", Days=1), ("MalformedXML", 400))
        self.assertEqual(self.configure(enabled="Disabled", Mode="GOVERNANCE", Days=1), ("MalformedXML", 400))
        self.assertEqual(self.configure(enabled="abc"), ("MalformedXML", 400))

    def test_digest_is_wanted(self):
        body = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
        self.assertEqual(signed(self, "PUT", f"/{self.locked}?object-lock", body=body).status, 400)
        md5 = b64encode(hashlib.md5(body).digest()).decode()
        self.assertEqual(signed(self, "PUT", f"/{self.locked}?object-lock", body=body, headers={"Content-MD5": md5}).status, 200)


    def test_event_holds_are_refused(self):
        """AWS has them since September 2026. What asks for one must not be kept without, or locked for nobody knows how long."""
        hold = "x-amz-object-lock-event-hold"
        source = {"x-amz-copy-source": f"{self.locked}/k"}
        version = self.lock()
        for method, target, headers in (("PUT", "k", {hold: "ON"}), ("PUT", "k", {f"{hold}-duration-days": "7"}), ("PUT", "c", {**source, hold: "ON"}),
                                        ("POST", "k?uploads", {f"{hold}-duration-years": "1"})):
            answer = signed(self, method, f"/{self.locked}/{target}", headers=headers)
            self.assertEqual((answer.status, answer.code), (501, "NotImplemented"), (method, target))
            self.assertIn("<Header>x-amz-object-lock-event-hold", answer.text)
        for target, body in ((f"/{self.locked}/k?retention", b"<Retention><Mode>GOVERNANCE</Mode><EventHold>ON</EventHold></Retention>"),
                             (f"/{self.locked}?object-lock", b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
                              b"<Mode>GOVERNANCE</Mode><DefaultEventHold><Days>1</Days></DefaultEventHold></DefaultRetention></Rule></ObjectLockConfiguration>")):
            self.assertEqual(signed(self, "PUT", target, body=body, headers={"Content-MD5": md5_of(body)}).status, 501, target)
        self.assertEqual(self.delete(version)[1], 204)
        for key in ("s3:object-lock-event-hold", "s3:object-lock-event-hold-duration-days"):  # policies may know of them
            self.s3.put_bucket_policy(Bucket=self.locked, Policy=json.dumps({"Statement": [{
                "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectRetention", "Resource": f"arn:aws:s3:::{self.locked}/*", "Condition": {"Null": {key: "false"}}}]}))


class RetentionOf(LockCase):
    def test_read_back(self):
        version = self.lock()
        self.refused_with("NoSuchObjectLockConfiguration", 404, self.s3.get_object_retention, Bucket=self.locked, Key="k")
        for mode, until in (("GOVERNANCE", later(days=1)), ("COMPLIANCE", later(days=2))):
            self.assertEqual(self.retain(mode, until, BypassGovernanceRetention=True)[1], 200)
            self.assertEqual(self.s3.get_object_retention(Bucket=self.locked, Key="k")["Retention"], {"Mode": mode, "RetainUntilDate": until})
            head = self.head("k", Bucket=self.locked)
            self.assertEqual((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]), (mode, until))
        self.assertEqual(self.s3.get_object_retention(Bucket=self.locked, Key="k", VersionId=version)["Retention"]["Mode"], "COMPLIANCE")

    def test_of_a_version(self):
        first, second = self.lock(), self.lock()
        self.assertEqual(self.retain("GOVERNANCE", later(days=1), VersionId=first)[1], 200)
        self.refused("NoSuchObjectLockConfiguration", self.s3.get_object_retention, Bucket=self.locked, Key="k", VersionId=second)
        self.assertEqual(self.delete(first), ("AccessDenied", 403))
        self.assertEqual(self.delete(second)[1], 204)
        self.assertEqual(self.delete(first, BypassGovernanceRetention=True)[1], 204)

    def test_refused(self):
        self.lock()
        self.assertEqual(self.retain("governance", later(days=1)), ("MalformedXML", 400))
        self.assertEqual(self.retain("abc", later(days=1)), ("MalformedXML", 400))
        yesterday = later(days=-1)
        past = refusal(self.s3.put_object_retention, Bucket=self.locked, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": yesterday})
        self.assertEqual((past["Code"], past["Message"], past["ArgumentName"]), ("InvalidArgument", "The retain until date must be in the future!", "RetainUntilDate"))
        self.assertIn(f"{yesterday:%Y-%m-%d}", past["ArgumentValue"])
        self.refused_with("NoSuchKey", 404, self.s3.put_object_retention, Bucket=self.locked, Key="none",
                          Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(days=1)})
        self.refused_with("MalformedXML", 400, self.s3.put_object_retention, Bucket=self.locked, Key="k", Retention={"Mode": "GOVERNANCE"})
        nothing = {"Content-MD5": b64encode(hashlib.md5(b"").digest()).decode()}
        self.put("k")
        for bucket in (self.locked, self.bucket):  # whether or not it has locks
            for sub in ("retention", "legal-hold"):
                self.assertEqual(signed(self, "PUT", f"/{bucket}/k?{sub}", headers=nothing).code, "MalformedXML", (bucket, sub))
        for missing, half in (("x-amz-object-lock-retain-until-date", {"ObjectLockMode": "GOVERNANCE"}), ("x-amz-object-lock-mode", {"ObjectLockRetainUntilDate": later(days=1)})):
            error = refusal(self.put, "x", Bucket=self.locked, **half)
            self.assertEqual((error["Code"], error.get("ArgumentName")), ("InvalidArgument", missing))
        self.refused("InvalidArgument", self.put, "x", Bucket=self.locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=-1))
        self.refused("InvalidArgument", self.put, "x", Bucket=self.locked, ObjectLockMode="abc", ObjectLockRetainUntilDate=later(days=1))

    def test_headers_are_read_before_the_bucket(self):
        """A value that is none is told of in a bucket without locks too, one that is good is refused for the bucket."""
        ask = lambda **more: signed(self, "PUT", f"/{self.bucket}/x", headers={f"x-amz-object-lock-{name.replace('_', '-')}": value for name, value in more.items()})
        until = later(days=1).strftime("%Y-%m-%dT%H:%M:%SZ")
        for more, code, part in ((dict(mode="GOVERNANCE"), "InvalidArgument", "<ArgumentName>x-amz-object-lock-retain-until-date</ArgumentName>"),
                                 (dict(retain_until_date=until), "InvalidArgument", "<ArgumentName>x-amz-object-lock-mode</ArgumentName>"),
                                 (dict(mode="abc"), "InvalidArgument", "must both be supplied"),  # whatever the mode
                                 (dict(mode="abc", retain_until_date=until), "InvalidArgument",
                                  "<Message>Unknown wormMode directive.</Message><ArgumentName>x-amz-object-lock-mode</ArgumentName><ArgumentValue>abc</ArgumentValue>"),
                                 (dict(mode="GOVERNANCE", retain_until_date="2025-12-25T12:00:00Z"), "InvalidArgument",
                                  "<Message>The retain until date must be in the future!</Message><ArgumentName>x-amz-object-lock-retain-until-date</ArgumentName>"
                                  "<ArgumentValue>2025-12-25T12:00:00Z</ArgumentValue>"),
                                 # Policies could not compare it.
                                 (dict(mode="GOVERNANCE", retain_until_date="Thu, 01 Jan 2032 00:00:00 GMT"), "InvalidArgument", "The retain until date must be provided in ISO 8601 format"),
                                 (dict(legal_hold="on"), "InvalidArgument", "Legal Hold must be either of"),
                                 (dict(legal_hold="ON"), "InvalidRequest", "<Message>Bucket is missing ObjectLockConfiguration</Message>"),
                                 (dict(mode="GOVERNANCE", retain_until_date=until), "InvalidRequest", "<Message>Bucket is missing ObjectLockConfiguration</Message>")):
            answer = ask(**more)
            self.assertEqual((answer.status, answer.code), (400, code), more)
            self.assertIn(part, answer.text)

    def test_longer_and_shorter(self):
        self.lock()
        self.assertEqual(self.retain("GOVERNANCE", later(days=1))[1], 200)
        self.assertEqual(self.retain("GOVERNANCE", later(days=3))[1], 200)
        self.assertEqual(self.retain("GOVERNANCE", later(days=2)), ("AccessDenied", 403))
        self.assertEqual(self.retain("GOVERNANCE", later(days=2), BypassGovernanceRetention=True)[1], 200)
        self.assertEqual(self.retain("COMPLIANCE", later(days=5)), ("AccessDenied", 403))  # the mode is a setting too
        self.assertEqual(self.retain("COMPLIANCE", later(days=5), BypassGovernanceRetention=True)[1], 200)
        for mode, days in (("COMPLIANCE", 4), ("GOVERNANCE", 6)):
            self.assertEqual(self.retain(mode, later(days=days)), ("AccessDenied", 403))
            self.assertEqual(self.retain(mode, later(days=days), BypassGovernanceRetention=True), ("AccessDenied", 403))
        self.assertEqual(self.retain("COMPLIANCE", later(days=6))[1], 200)

    def test_default(self):
        self.configure(Mode="GOVERNANCE", Days=1)
        version = self.lock()
        head = self.head("k", Bucket=self.locked)
        self.assertEqual(head["ObjectLockMode"], "GOVERNANCE")
        self.assertLess(abs(head["ObjectLockRetainUntilDate"] - later(days=1)).total_seconds(), 60)
        self.assertEqual(self.delete(version), ("AccessDenied", 403))
        own = later(days=10)
        self.lock("own", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=own)
        self.assertEqual(self.s3.get_object_retention(Bucket=self.locked, Key="own")["Retention"], {"Mode": "COMPLIANCE", "RetainUntilDate": own})
        upload = self.s3.create_multipart_upload(Bucket=self.locked, Key="m")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.locked, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        done = self.s3.complete_multipart_upload(Bucket=self.locked, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.delete(done["VersionId"], "m"), ("AccessDenied", 403))
        self.assertEqual(self.delete(done["VersionId"], "m", BypassGovernanceRetention=True)[1], 204)
        self.s3.copy_object(Bucket=self.locked, Key="c", CopySource={"Bucket": self.locked, "Key": "k"})
        self.assertEqual(self.head("c", Bucket=self.locked)["ObjectLockMode"], "GOVERNANCE")

    def test_a_word_about_a_hold_takes_the_default_s_place(self):
        """ON or OFF: who says how an object is held has said it all."""
        self.configure(Mode="GOVERNANCE", Days=1)
        for status in ("ON", "OFF"):
            said = {"ObjectLockLegalHoldStatus": status}
            self.lock("put", **said)
            self.s3.copy_object(Bucket=self.locked, Key="copied", CopySource={"Bucket": self.locked, "Key": "put"}, **said)
            upload = self.s3.create_multipart_upload(Bucket=self.locked, Key="parts", **said)["UploadId"]
            etag = self.s3.upload_part(Bucket=self.locked, Key="parts", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
            self.s3.complete_multipart_upload(Bucket=self.locked, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
            for key in ("put", "copied", "parts"):
                head = self.head(key, Bucket=self.locked)
                self.assertEqual((head.get("ObjectLockMode"), head["ObjectLockLegalHoldStatus"]), (None, status), key)
                self.refused_with("NoSuchObjectLockConfiguration", 404, self.s3.get_object_retention, Bucket=self.locked, Key=key)

    def test_default_that_came_while_something_was_under_way(self):
        upload = self.s3.create_multipart_upload(Bucket=self.locked, Key="m")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.locked, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("put_object", {"Bucket": self.locked, "Key": "slow"})
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
        self.addCleanup(connection.close)
        connection.putrequest("PUT", url[len(self.boreal.url):])
        connection.putheader("Content-Length", "2")
        connection.putheader("Expect", "100-continue")  # which is answered when the body is read: all but that is decided
        connection.endheaders()
        self.assertTrue(connection.sock.recv(100).startswith(b"HTTP/1.1 100"))
        self.configure(Mode="GOVERNANCE", Days=1)
        connection.send(b"ab")
        self.assertEqual(connection.getresponse().status, 409)
        self.assertEqual(status_of(self.s3.head_object, Bucket=self.locked, Key="slow")[1], 404)
        done = self.s3.complete_multipart_upload(Bucket=self.locked, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.head("m", Bucket=self.locked)["ObjectLockMode"], "GOVERNANCE")
        self.assertEqual(self.delete(done["VersionId"], "m"), ("AccessDenied", 403))

    def test_multipart_with_its_own(self):
        until = later(days=2)
        upload = self.s3.create_multipart_upload(Bucket=self.locked, Key="m", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until,
                                                 ObjectLockLegalHoldStatus="ON")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.locked, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        self.s3.complete_multipart_upload(Bucket=self.locked, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        head = self.head("m", Bucket=self.locked)
        self.assertEqual((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"], head["ObjectLockLegalHoldStatus"]), ("GOVERNANCE", until, "ON"))

    def test_who_may_bypass(self):
        iam_user = user(self, f"u{self.locked}", {"Effect": "Allow", "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"], "Resource": "*"})("s3", signature_version="s3v4")
        version = self.lock(ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
        one = dict(Bucket=self.locked, Key="k", VersionId=version)
        self.refused("AccessDenied", iam_user.delete_object, BypassGovernanceRetention=True, **one)
        # … however the query spells that it is a version that is to go.
        url = iam_user.generate_presigned_url("delete_object", Params={**one, "BypassGovernanceRetention": True})
        for spelt in ("versionId=", "version%49d="):
            target = url[len(self.boreal.url):].replace("versionId=", spelt)
            self.assertEqual(send(self, "DELETE", target, {"x-amz-bypass-governance-retention": "true"}).code, "AccessDenied", spelt)
        for value in ("true", " true", "TRUE%20"):  # in the query, where values are not trimmed by HTTP
            request = AWSRequest("DELETE", f"{self.boreal.url}/{self.locked}/k?versionId={version}&x-amz-bypass-governance-retention={value.replace(' ', '%20')}")
            S3SigV4QueryAuth(iam_user._request_signer._credentials, "s3", "us-east-1", expires=60).add_auth(request)
            self.assertEqual(send(self, "DELETE", request.url[len(self.boreal.url):]).code, "AccessDenied", value)
        self.assertEqual(self.s3.delete_object(BypassGovernanceRetention=True, **one)["ResponseMetadata"]["HTTPStatusCode"], 204)

    def test_many_at_once(self):
        held = self.lock("held", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
        strict = self.lock("strict", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(days=1))
        free = self.lock("free")
        objects = [{"Key": k, "VersionId": v} for k, v in (("held", held), ("strict", strict), ("free", free))]
        done = self.s3.delete_objects(Bucket=self.locked, Delete={"Objects": objects})
        self.assertEqual([d["Key"] for d in done["Deleted"]], ["free"])
        self.assertEqual(sorted((e["Key"], e["Code"]) for e in done["Errors"]), [("held", "AccessDenied"), ("strict", "AccessDenied")])
        done = self.s3.delete_objects(Bucket=self.locked, Delete={"Objects": objects[:2]}, BypassGovernanceRetention=True)
        self.assertEqual([d["Key"] for d in done["Deleted"]], ["held"])
        self.assertEqual([e["Key"] for e in done["Errors"]], ["strict"])

    def test_markers_harm_nobody(self):
        version = self.lock(ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(days=1))
        marker = self.s3.delete_object(Bucket=self.locked, Key="k")
        self.assertTrue(marker["DeleteMarker"])
        self.assertEqual(self.delete(marker["VersionId"])[1], 204)
        self.assertEqual(self.head("k", Bucket=self.locked)["VersionId"], version)
        self.lock()  # a newer version is no harm either

    def test_no_other_key_takes_its_id(self):
        """A replica keeps its version's id: one that names the id of another key's version must not touch its bytes."""
        version = self.lock("k", body=b"kept", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(days=1))
        branded = {"x-boreal-replica": f"{version};modified=1"}
        for body, answered in ((b"another", (400, "InvalidArgument")), (b"x" * 100_000, (200, None))):
            answer = signed(self, "PUT", f"/{self.locked}/other", branded, body)
            self.assertEqual(self.get("k", Bucket=self.locked, VersionId=version), b"kept")
            self.assertEqual((answer.status, answer.code), answered)
        self.assertEqual(self.delete(version, "other")[1], 204)
        self.assertEqual(self.get("k", Bucket=self.locked, VersionId=version), b"kept")

    def test_content_md5_is_wanted_with_a_lock(self):
        headers = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": later(days=1).strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.assertEqual(signed(self, "PUT", f"/{self.locked}/raw", headers=headers, body=b"x").code, "InvalidRequest")
        self.assertEqual(signed(self, "PUT", f"/{self.locked}/raw", body=b"x").status, 200)
        self.configure(Mode="GOVERNANCE", Days=1)  # a lock by default is one too
        self.assertEqual(signed(self, "PUT", f"/{self.locked}/raw", body=b"x").code, "InvalidRequest")
        md5 = {"Content-MD5": b64encode(hashlib.md5(b"x").digest()).decode()}
        self.assertEqual(signed(self, "PUT", f"/{self.locked}/raw", headers=md5, body=b"x").status, 200)
        # … and with each part of an upload that makes a locked object.
        upload = self.s3.create_multipart_upload(Bucket=self.locked, Key="m")["UploadId"]
        part = f"/{self.locked}/m?partNumber=1&uploadId={upload}"
        refused = signed(self, "PUT", part, body=b"x")
        self.assertEqual((refused.status, refused.code), (400, "InvalidRequest"))
        self.assertIn("is required for Put Part requests with Object Lock parameters", refused.text)
        self.assertEqual(signed(self, "PUT", part, headers=md5, body=b"x").status, 200)


class Holds(LockCase):
    def test_hold(self):
        version = self.lock()
        for get in (self.s3.get_object_legal_hold, self.s3.get_object_retention):
            self.assertEqual(refusal(get, Bucket=self.locked, Key="k"), {"Code": "NoSuchObjectLockConfiguration",
                                                                         "Message": "The specified object does not have a ObjectLock configuration"})
        self.assertEqual(self.hold("ON")[1], 200)
        self.assertEqual(self.s3.get_object_legal_hold(Bucket=self.locked, Key="k")["LegalHold"], {"Status": "ON"})
        self.assertEqual(self.head("k", Bucket=self.locked)["ObjectLockLegalHoldStatus"], "ON")
        self.assertEqual(self.delete(version), ("AccessDenied", 403))
        self.assertEqual(self.delete(version, BypassGovernanceRetention=True), ("AccessDenied", 403))
        self.assertEqual(self.hold("OFF")[1], 200)
        self.assertEqual(self.s3.get_object_legal_hold(Bucket=self.locked, Key="k")["LegalHold"], {"Status": "OFF"})
        self.assertEqual(self.delete(version)[1], 204)

    def test_at_upload(self):
        version = self.lock(ObjectLockLegalHoldStatus="ON", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
        self.assertEqual(self.delete(version, BypassGovernanceRetention=True), ("AccessDenied", 403))
        self.hold("OFF")
        self.assertEqual(self.delete(version, BypassGovernanceRetention=True)[1], 204)

    def test_refused(self):
        self.lock()
        self.assertEqual(self.hold("abc"), ("MalformedXML", 400))
        self.assertEqual(self.hold("ON", key="none"), ("NoSuchKey", 404))
        self.refused("MalformedXML", self.s3.put_object_legal_hold, Bucket=self.locked, Key="k", LegalHold={})
        self.assertEqual(error_code(self.put, "x", Bucket=self.locked, ObjectLockLegalHoldStatus="abc"), "InvalidArgument")

    def test_many_at_once(self):
        version = self.lock(ObjectLockLegalHoldStatus="ON")
        done = self.s3.delete_objects(Bucket=self.locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]}, BypassGovernanceRetention=True)
        self.assertEqual([e["Code"] for e in done["Errors"]], ["AccessDenied"])


if __name__ == "__main__":
    unittest.main()
