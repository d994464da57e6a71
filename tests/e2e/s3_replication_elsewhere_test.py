"""Replication to buckets at other endpoints: between two boreals, and to a server that is none."""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from e2e.helpers import allow, eventually, policy, reserved_port
from harness import BINARY, PATIENCE_S, Boreal, error_code, need

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
MARKERS = {"DeleteMarkerReplication": {"Status": "Enabled"}}
KEY = {"access_key_id": "test", "secret_access_key": "test"}
PART = 5 << 20


def rule(bucket, priority=1, **more):
    destination = {"Bucket": f"arn:aws:s3:::{bucket}", **more.pop("Destination", {})}
    return {"Status": "Enabled", "Priority": priority, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": destination, **more}


def configured(boreal, **remotes):
    """(Re)starts it with these remote buckets."""
    boreal.stop()
    file = boreal.base / "boreal.toml"
    lines = []
    for name, keys in remotes.items():
        lines.append(f"[remote_buckets.{name.replace('_', '-')}]")
        lines += [f'{key} = "{value}"' for key, value in {**KEY, **keys}.items() if value]
    file.write_text("\n".join(lines) + "\n")
    boreal.args = ["--config", str(file)]
    boreal.start()


def reset(boreal):
    try:
        urllib.request.urlopen(urllib.request.Request(f"{boreal.url}/_boreal/reset", method="POST"), timeout=PATIENCE_S).read()
    except OSError as error:
        raise AssertionError(f"no reset: {error}; ended with {boreal.process.poll()}:\n{boreal.log()}") from error


def make_bucket(boreal, name, **more):
    s3 = boreal.client("s3")
    s3.create_bucket(Bucket=name, **more)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return s3


def make_role(boreal, name="replicator"):
    iam = boreal.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allow(["s3:*", "kms:*"])))
    return arn


def upload(s3, bucket, key, sizes, **more):
    begun = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        algorithm = {k: v for k, v in more.items() if k == "ChecksumAlgorithm"}
        part = s3.upload_part(Bucket=bucket, Key=key, UploadId=begun, PartNumber=number, Body=bytes([64 + number]) * size, **algorithm)
        checksums = {k: v for k, v in part.items() if k.startswith("Checksum") and k != "ChecksumType"}
        parts.append({"PartNumber": number, "ETag": part["ETag"], **(checksums if algorithm else {})})
    return s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=begun, MultipartUpload={"Parts": parts})


class Gate:
    """A relay in front of a server that notes each request, and holds back those that `holds` says.

    It sees the first request of a connection, and so asks the server to serve no other on it.
    """

    def __init__(self, port):
        self.target = port
        self.requests = []
        self.holds = lambda line: False
        self.held = threading.Event()
        self.opened = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return client.close()
            head += more
        first, rest = head.split(b"\r\n", 1)
        head = first + b"\r\nConnection: close\r\n" + rest
        line = first.decode()
        self.requests.append(line)
        if self.holds(line):
            self.held.set()
            self.opened.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return client.close()
        server.sendall(head)
        back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
        back.start()
        self.pump(client, server)
        back.join()
        client.close()
        server.close()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.opened.set()
        self.listener.close()


class Two(unittest.TestCase):
    """Two boreals, `here` and `there`; here's remote bucket "away" is there's bucket "copy"."""

    @classmethod
    def setUpClass(cls):
        cls.there = Boreal()
        cls.addClassCleanup(cls.there.clean)
        cls.there.start()
        cls.addClassCleanup(cls.there.stop)
        cls.here = Boreal()
        cls.addClassCleanup(cls.here.clean)
        cls.here.start()
        cls.addClassCleanup(cls.here.stop)

    def setUp(self):
        for boreal in (self.here, self.there):
            if boreal.process is None:
                boreal.start()
            reset(boreal)
        self.configure()
        self.role = make_role(self.here)
        self.s3 = make_bucket(self.here, "from")
        self.far = make_bucket(self.there, "copy")

    def configure(self, **remotes):
        configured(self.here, **(remotes or {"away": {"endpoint": self.there.url, "bucket": "copy"}}))
        self.s3 = self.here.client("s3")

    def replicate(self, *rules):
        self.s3.put_bucket_replication(Bucket="from", ReplicationConfiguration={"Role": self.role, "Rules": list(rules or [rule("away")])})

    def put(self, key, body=b"body", **more):
        return self.s3.put_object(Bucket="from", Key=key, Body=body, **more)["VersionId"]

    def status(self, key, version):
        def look():
            status = self.s3.head_object(Bucket="from", Key=key, VersionId=version).get("ReplicationStatus")
            self.assertNotEqual(status, "PENDING")
            return status
        return eventually(look)

    def versions(self, boreal, bucket, key):
        page = boreal.client("s3").list_object_versions(Bucket=bucket, Prefix=key)
        rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
        return [row["VersionId"] for row in sorted(rows, key=lambda row: row["VersionId"])]


class Objects(Two):
    def test_objects_arrive_as_they_are(self):
        self.replicate()
        for key, body in (("small", b"few"), ("large ü/x+y?", b"x" * 3_000_000), ("empty", b"")):
            version = self.put(key, body, Metadata={"colour": "red"}, Tagging="a=1&b=%C3%BC", ContentType="text/x-test", CacheControl="no-cache",
                               ContentEncoding="gzip", StorageClass="STANDARD_IA", WebsiteRedirectLocation="/elsewhere")
            self.assertEqual(self.status(key, version), "COMPLETED")
            ours = self.s3.get_object(Bucket="from", Key=key, ChecksumMode="ENABLED")
            got = self.far.get_object(Bucket="copy", Key=key, VersionId=version, ChecksumMode="ENABLED")
            self.assertEqual(got["Body"].read(), body)
            self.assertEqual(got["ReplicationStatus"], "REPLICA")
            for field in ("Metadata", "ContentType", "CacheControl", "ContentEncoding", "StorageClass", "WebsiteRedirectLocation", "ETag", "LastModified",
                          "ChecksumCRC64NVME", "VersionId"):
                self.assertEqual(got.get(field), ours.get(field), field)
            tags = self.far.get_object_tagging(Bucket="copy", Key=key)["TagSet"]
            self.assertEqual({t["Key"]: t["Value"] for t in tags}, {"a": "1", "b": "ü"})

    def test_parts_stay_parts(self):
        self.replicate()
        for key, more in (("parts", {}), ("sha", {"ChecksumAlgorithm": "SHA256"}), ("crc", {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"})):
            made = upload(self.s3, "from", key, (PART, PART + 1, 100), Metadata={"m": "1"}, **more)
            self.assertEqual(self.status(key, made["VersionId"]), "COMPLETED")
            ours = self.s3.head_object(Bucket="from", Key=key, ChecksumMode="ENABLED")
            got = self.far.get_object(Bucket="copy", Key=key, VersionId=made["VersionId"], ChecksumMode="ENABLED")
            self.assertEqual(got["Body"].read(), b"A" * PART + b"B" * (PART + 1) + b"C" * 100)
            for field in ("ETag", "ChecksumSHA256", "ChecksumCRC32", "ChecksumType", "Metadata", "LastModified"):
                self.assertEqual(got.get(field), ours.get(field), field)
            self.assertEqual(got["ReplicationStatus"], "REPLICA")
        self.assertEqual(self.far.list_multipart_uploads(Bucket="copy").get("Uploads", []), [])

    def test_large_objects_in_one_piece_go_in_parts(self):
        self.replicate()
        body = bytes(range(256)) * (70 << 12)
        version = self.put("large", body)
        self.assertEqual(self.status("large", version), "COMPLETED")
        self.assertEqual(self.far.get_object(Bucket="copy", Key="large", VersionId=version)["Body"].read(), body)

    def test_markers_changes_and_order(self):
        self.replicate(rule("away", **MARKERS))
        made = [self.put("k", str(i).encode()) for i in range(20)]
        marker = self.s3.delete_object(Bucket="from", Key="k")["VersionId"]
        last = self.put("k", b"last")
        self.assertEqual(self.status("k", last), "COMPLETED")
        self.assertEqual({self.status("k", version) for version in made}, {"COMPLETED"})
        self.assertEqual(self.versions(self.there, "copy", "k"), sorted(made + [marker, last]))
        self.assertEqual(self.far.get_object(Bucket="copy", Key="k")["Body"].read(), b"last")
        # What is set on a version later follows it.
        self.s3.put_object_tagging(Bucket="from", Key="k", VersionId=made[3], Tagging={"TagSet": [{"Key": "late", "Value": "1 + 1"}]})
        self.assertEqual(self.status("k", made[3]), "COMPLETED")
        self.assertEqual(self.far.get_object_tagging(Bucket="copy", Key="k", VersionId=made[3])["TagSet"], [{"Key": "late", "Value": "1 + 1"}])
        self.s3.delete_object_tagging(Bucket="from", Key="k", VersionId=made[3])
        self.assertEqual(self.status("k", made[3]), "COMPLETED")
        self.assertEqual(self.far.get_object_tagging(Bucket="copy", Key="k", VersionId=made[3])["TagSet"], [])
        self.assertEqual(len(self.versions(self.there, "copy", "k")), 22)

    def test_tags_are_not_taken_off_without_permission(self):
        self.here.client("iam").put_role_policy(RoleName="replicator", PolicyName="p", PolicyDocument=policy(
            allow(["s3:*"]), {"Effect": "Deny", "Action": "s3:ReplicateTags", "Resource": "*"}))
        self.replicate()
        version = self.put("k", Tagging="a=b")
        self.assertEqual(self.status("k", version), "COMPLETED")
        own = [{"Key": "own", "Value": "1"}]
        self.far.put_object_tagging(Bucket="copy", Key="k", Tagging={"TagSet": own})
        self.s3.delete_object_tagging(Bucket="from", Key="k")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.far.get_object_tagging(Bucket="copy", Key="k")["TagSet"], own)

    def test_existing_objects(self):
        before = [self.put("k", str(i).encode()) for i in range(3)]
        self.replicate(rule("away", ExistingObjectReplication={"Status": "Enabled"}))
        eventually(lambda: self.assertEqual(self.versions(self.there, "copy", "k"), before))
        self.assertEqual({self.status("k", version) for version in before}, {"COMPLETED"})
        self.assertEqual(self.far.get_object(Bucket="copy", Key="k")["Body"].read(), b"2")

    def test_keys_of_kms(self):
        key = self.here.client("kms").create_key()["KeyMetadata"]["Arn"]
        far_key = self.there.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.replicate(rule("away", SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}},
                            Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": far_key}}))
        version = self.put("k", b"secret" * 20_000, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.assertEqual(self.status("k", version), "COMPLETED")
        got = self.far.get_object(Bucket="copy", Key="k", VersionId=version)
        self.assertEqual((got["SSEKMSKeyId"], got["Body"].read()), (far_key, b"secret" * 20_000))
        self.here.client("iam").put_role_policy(RoleName="replicator", PolicyName="p", PolicyDocument=policy(allow(["s3:*"])))
        self.assertEqual(self.status("k", self.put("k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)), "FAILED")
        customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        version = self.put("c", **customer)
        eventually(lambda: self.assertEqual(self.s3.head_object(Bucket="from", Key="c", **customer)["ReplicationStatus"], "FAILED"))

    def test_locks(self):
        self.s3 = make_bucket(self.here, "held", ObjectLockEnabledForBucket=True)
        make_bucket(self.there, "held", ObjectLockEnabledForBucket=True)
        self.configure(away={"endpoint": self.there.url, "bucket": "held"})
        self.s3.put_bucket_replication(Bucket="held", ReplicationConfiguration={"Role": self.role, "Rules": [rule("away")]})
        until = time.gmtime(time.time() + 86_400)
        version = self.s3.put_object(Bucket="held", Key="k", Body=b"b", ObjectLockLegalHoldStatus="ON", ObjectLockMode="GOVERNANCE",
                                     ObjectLockRetainUntilDate=time.strftime("%Y-%m-%dT%H:%M:%SZ", until), ChecksumAlgorithm="CRC32")["VersionId"]
        place = {"Bucket": "held", "Key": "k", "VersionId": version}
        settled = lambda: self.assertEqual(self.s3.head_object(**place)["ReplicationStatus"], "COMPLETED")
        eventually(settled)
        self.assertEqual(self.far.get_object_legal_hold(**place)["LegalHold"]["Status"], "ON")
        self.assertEqual(self.far.get_object_retention(**place)["Retention"], self.s3.get_object_retention(**place)["Retention"])
        self.s3.put_object_legal_hold(**place, LegalHold={"Status": "OFF"})
        eventually(settled)
        self.assertEqual(self.far.get_object_legal_hold(**place)["LegalHold"]["Status"], "OFF")
        # What is one piece here goes in parts, and those of a locked object want digests.
        held = {"Bucket": "held", "Key": "large"}
        place = {**held, "VersionId": self.s3.put_object(**held, Body=bytes(65 << 20), ObjectLockLegalHoldStatus="ON")["VersionId"]}
        eventually(settled)
        self.assertEqual(self.far.get_object_legal_hold(**place)["LegalHold"]["Status"], "ON")


class Trouble(Two):
    def test_a_remote_that_is_away_holds_back_nothing_here(self):
        make_bucket(self.here, "near")
        self.replicate(rule("away"), rule("near", 2))
        self.there.stop()
        versions = {f"k{i}": self.put(f"k{i}", str(i).encode()) for i in range(70)}  # more than a page of notes
        for key, version in versions.items():
            eventually(lambda: self.assertIn(version, self.versions(self.here, "near", key)))
        self.assertEqual(self.s3.head_object(Bucket="from", Key="k0")["ReplicationStatus"], "PENDING")
        late = self.put("late")  # while the remote's track waits for its next turn
        eventually(lambda: self.assertEqual(self.versions(self.here, "near", "late"), [late]), seconds=20)
        self.there.start()
        for key, version in {**versions, "late": late}.items():
            self.assertEqual(self.status(key, version), "COMPLETED")
            self.assertIn(version, self.versions(self.there, "copy", key))

    def test_what_is_damaged_here_holds_back_nothing_else(self):
        self.replicate()
        self.there.stop()
        damaged = {f"d{i}": self.put(f"d{i}", b"x" * (64 << 10)) for i in range(8)}
        for blob in (self.here.data / "objects" / "STANDARD").glob("*/*"):
            os.truncate(blob, 1000)
        whole = self.put("whole")
        self.there.start()
        self.assertEqual(self.status("whole", whole), "COMPLETED")
        self.assertEqual({self.status(key, version) for key, version in damaged.items()}, {"FAILED"})

    def test_what_is_refused_there_is_failed(self):
        self.configure(away={"endpoint": self.there.url, "bucket": "copy"}, none={"endpoint": self.there.url, "bucket": "no-such-bucket"},
                       denied={"endpoint": self.there.url, "bucket": "copy", "secret_access_key": "Wrong-Secret-4711"})
        for name in ("none", "denied"):
            with self.subTest(name):
                self.replicate(rule(name))
                self.assertEqual(self.status("k", self.put("k")), "FAILED")
                made = upload(self.s3, "from", "parts", (PART, 1))
                self.assertEqual(self.status("parts", made["VersionId"]), "FAILED")
        # One destination that fails does not keep the other from having it.
        self.replicate(rule("denied"), rule("away", 2))
        version = self.put("both")
        self.assertEqual(self.status("both", version), "FAILED")
        eventually(lambda: self.assertEqual(self.versions(self.there, "copy", "both"), [version]))
        self.assertNotIn("Wrong-Secret-4711", self.here.log())
        # What was wrong is mended; a change of the version tries again.
        self.replicate(rule("none"))
        version = self.put("again")
        self.assertEqual(self.status("again", version), "FAILED")
        make_bucket(self.there, "no-such-bucket")
        self.s3.put_object_tagging(Bucket="from", Key="again", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        self.assertEqual(self.status("again", version), "COMPLETED")
        self.assertEqual(self.versions(self.there, "no-such-bucket", "again"), [version])

    def test_an_older_version_comes_later_and_stays_the_older(self):
        self.far.delete_bucket(Bucket="copy")
        self.replicate()
        old = self.put("k", b"old")
        self.assertEqual(self.status("k", old), "FAILED")
        make_bucket(self.there, "copy")
        new = self.put("k", b"new")
        self.assertEqual(self.status("k", new), "COMPLETED")
        self.s3.delete_object(Bucket="from", Key="k", VersionId=new)  # for good: stays here
        self.s3.put_object_tagging(Bucket="from", Key="k", VersionId=old, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        self.assertEqual(self.status("k", old), "COMPLETED")
        self.assertEqual(self.far.get_object(Bucket="copy", Key="k")["Body"].read(), b"new")
        self.assertEqual(self.versions(self.there, "copy", "k"), [old, new])

    def test_a_killed_server_goes_on_where_it_was(self):
        gate = Gate(self.there.port)
        self.addCleanup(gate.close)
        gate.holds = lambda line: "partNumber=3" in line
        self.configure(away={"endpoint": f"http://127.0.0.1:{gate.port}", "bucket": "copy"})
        self.replicate()
        made = upload(self.s3, "from", "parts", (PART, PART, PART, 7))
        small = [self.put(f"small{i}") for i in range(5)]
        self.assertTrue(gate.held.wait(PATIENCE_S))
        [upload_there] = self.far.list_multipart_uploads(Bucket="copy")["Uploads"]
        parts = lambda: [part["PartNumber"] for part in self.far.list_parts(Bucket="copy", Key="parts", UploadId=upload_there["UploadId"]).get("Parts", [])]
        eventually(lambda: self.assertEqual(parts(), [1, 2, 4]))  # others do not wait for the one that is held
        self.here.kill()
        gate.holds = lambda line: False
        gate.opened.set()
        del gate.requests[:]
        self.here.start()
        self.s3 = self.here.client("s3")
        self.assertEqual(self.status("parts", made["VersionId"]), "COMPLETED")
        for i, version in enumerate(small):
            self.assertEqual(self.status(f"small{i}", version), "COMPLETED")
            self.assertEqual(self.versions(self.there, "copy", f"small{i}"), [version])
        got = self.far.get_object(Bucket="copy", Key="parts", VersionId=made["VersionId"])
        self.assertEqual(got["Body"].read(), b"A" * PART + b"B" * PART + b"C" * PART + b"D" * 7)
        self.assertEqual(self.far.list_multipart_uploads(Bucket="copy").get("Uploads", []), [])
        sent = [line for line in gate.requests if line.startswith("PUT") and "partNumber=" in line]
        self.assertFalse([line for line in sent if "partNumber=3&" not in line], sent)

    def test_a_stop_does_not_wait_for_a_server_that_says_nothing(self):
        gate = Gate(self.there.port)
        self.addCleanup(gate.close)
        gate.holds = lambda line: line.startswith("PUT")
        self.configure(away={"endpoint": f"http://127.0.0.1:{gate.port}", "bucket": "copy"})
        self.replicate()
        version = self.put("k", b"x" * 1_000_000)
        self.assertTrue(gate.held.wait(PATIENCE_S))
        began = time.monotonic()
        self.here.stop()
        self.assertLess(time.monotonic() - began, 20)
        gate.holds = lambda line: False
        gate.opened.set()
        self.here.start()
        self.s3 = self.here.client("s3")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.versions(self.there, "copy", "k"), [version])

    def test_tls(self):
        secure = self.there.url.replace("http:", "https:")
        own = self.there.data / "tls/ca.pem"
        self.configure(away={"endpoint": secure, "bucket": "copy", "ca_file": own}, strangers={"endpoint": secure, "bucket": "copy"},
                       others={"endpoint": secure, "bucket": "copy", "ca_file": self.here.data / "tls/ca.pem"})
        self.replicate()
        version = self.put("k", b"x" * 1_000_000)
        self.assertEqual(self.status("k", version), "COMPLETED")
        made = upload(self.s3, "from", "parts", (PART, 1))
        self.assertEqual(self.status("parts", made["VersionId"]), "COMPLETED")
        self.assertEqual(self.far.get_object(Bucket="copy", Key="k")["Body"].read(), b"x" * 1_000_000)
        for name in ("strangers", "others"):  # nobody vouches for the server: nothing is sent
            self.replicate(rule(name))
            version = self.put(name)
            trouble = lambda: self.assertIn("certificate", self.state()[name]["trouble"])
            eventually(trouble)
            self.assertEqual(self.s3.head_object(Bucket="from", Key=name)["ReplicationStatus"], "PENDING")
            self.assertEqual(self.versions(self.there, "copy", name), [])
            eventually(lambda: self.assertEqual(self.state()[name]["pending"], 1))
            self.s3.delete_object(Bucket="from", Key=name, VersionId=version)

    def state(self):
        return json.loads(urllib.request.urlopen(f"{self.here.url}/_boreal/health/ready").read())["remote_buckets"]

    def test_status_tells_of_remote_buckets(self):
        self.replicate()
        self.assertEqual(self.status("k", self.put("k")), "COMPLETED")
        eventually(lambda: self.assertEqual(self.state(), {"away": {"completed": 1, "failed": 0, "pending": 0, "trouble": ""}}))
        told = subprocess.run([str(BINARY), "status", "--data", str(self.here.data)], check=True, capture_output=True, text=True).stdout
        self.assertRegex(told, r"away +1 +0 +0")

    def test_what_is_not_configured_is_refused(self):
        with self.assertRaisesRegex(self.s3.exceptions.ClientError, r"InvalidRequest.*\[remote_buckets.nowhere\]"):
            self.replicate(rule("nowhere"))
        self.assertEqual(error_code(self.s3.create_bucket, Bucket="away"), "BucketAlreadyExists")
        make_bucket(self.here, "near")
        self.configure(near={"endpoint": self.there.url})
        with self.assertRaisesRegex(self.s3.exceptions.ClientError, "InvalidRequest.*ambiguous"):
            self.replicate(rule("near"))
        file = self.here.base / "wrong.toml"
        secret = self.here.base / "secret"
        secret.write_text("test\n")
        secret.chmod(0o644)
        good = 'endpoint = "http://127.0.0.1:1"\naccess_key_id = "a"\n'
        for text, why in ((good + 'secret_acess_key = "Hidden-Words"', "did you mean 'secret_access_key'"), (good, "one of 'secret_access_key'"),
                          ('endpoint = "ftp://x"\naccess_key_id = "a"\nsecret_access_key = "Hidden-Words"', "neither http nor https"),
                          (good + 'secret_access_key = "Hidden-Words"\naddressing = "both"', "none of path, virtual"),
                          (good + 'secret_access_key = "Hidden-Words"\naccount = "12"', "no number of 12 digits"),
                          (good + f'secret_access_key_file = "{secret}"', "chmod 600")):
            file.write_text("[remote_buckets.away]\n" + text + "\n")
            data = str(self.here.base / "other")
            done = subprocess.run([str(BINARY), "dev", "--data", data, "--port", "0", "--config", str(file)], capture_output=True, text=True, timeout=PATIENCE_S)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)
            self.assertNotIn("Hidden-Words", done.stdout + done.stderr)
        secret.chmod(0o600)
        self.configure(away={"endpoint": self.there.url, "bucket": "copy", "secret_access_key": "", "secret_access_key_file": secret})
        self.replicate()
        self.assertEqual(self.status("k", self.put("k")), "COMPLETED")

    def test_rules_of_other_accounts_send_nothing_under_the_configured_key(self):
        account = "111122223333"
        theirs = self.here.client("s3", account)
        theirs.create_bucket(Bucket="theirs")
        theirs.put_bucket_versioning(Bucket="theirs", VersioningConfiguration={"Status": "Enabled"})
        iam = self.here.client("iam", account)
        role = iam.create_role(RoleName="replicator", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="replicator", PolicyName="p", PolicyDocument=policy(allow("s3:*")))

        def replicate(*rules):
            self.here.client("s3", account).put_bucket_replication(Bucket="theirs", ReplicationConfiguration={"Role": role, "Rules": list(rules)})

        def outcome(key):
            s3 = self.here.client("s3", account)
            s3.put_object(Bucket="theirs", Key=key, Body=b"body")
            told = lambda: s3.head_object(Bucket="theirs", Key=key)["ReplicationStatus"]
            eventually(lambda: self.assertNotEqual(told(), "PENDING"))
            return told()

        with self.assertRaisesRegex(theirs.exceptions.ClientError, rf"InvalidRequest.*account {account}.*\[remote_buckets.away\]"):
            replicate(rule("away"))
        away = {"endpoint": self.there.url, "bucket": "copy"}
        self.configure(away={**away, "account": account})
        with self.assertRaisesRegex(self.s3.exceptions.ClientError, "InvalidRequest.*account 000000000000"):
            self.replicate()
        replicate(rule("away"))
        self.assertEqual(outcome("given"), "COMPLETED")
        self.configure(away=away)  # the rule is there, the leave is not
        self.assertEqual(outcome("taken"), "FAILED")
        self.assertIn(f"does not give it to account {account}", self.here.log())
        self.assertEqual(self.versions(self.there, "copy", "taken"), [])


class BothWays(Two):
    def test_two_that_replicate_to_each_other(self):
        """What is written at one end is at both, once."""
        self.configure(there={"endpoint": self.there.url, "bucket": "copy"})
        configured(self.there, here={"endpoint": self.here.url, "bucket": "from"})
        self.far = self.there.client("s3")
        changes = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}, **MARKERS}
        self.replicate(rule("there", **changes))
        self.far.put_bucket_replication(Bucket="copy", ReplicationConfiguration={"Role": make_role(self.there), "Rules": [rule("here", **changes)]})
        near = self.put("k", b"near")
        self.assertEqual(self.status("k", near), "COMPLETED")
        far = self.far.put_object(Bucket="copy", Key="k", Body=b"far")["VersionId"]
        ends = ((self.s3, "from"), (self.far, "copy"))

        def settled(key, version):
            for client, bucket in ends:
                head = client.head_object(Bucket=bucket, Key=key, VersionId=version)
                self.assertIn(head["ReplicationStatus"], ("COMPLETED", "REPLICA"))
        eventually(lambda: self.assertEqual(self.versions(self.here, "from", "k"), [near, far]))
        parts = upload(self.far, "copy", "parts", (PART, 1))["VersionId"]
        eventually(lambda: self.assertEqual(self.versions(self.here, "from", "parts"), [parts]))
        # A change of a replica goes back, and no further.
        self.s3.put_object_tagging(Bucket="from", Key="k", VersionId=far, Tagging={"TagSet": [{"Key": "seen", "Value": "near"}]})
        eventually(lambda: self.assertEqual(self.far.get_object_tagging(Bucket="copy", Key="k", VersionId=far)["TagSet"],
                                            [{"Key": "seen", "Value": "near"}]))
        marker = self.s3.delete_object(Bucket="from", Key="k")["VersionId"]
        for boreal, bucket in ((self.here, "from"), (self.there, "copy")):
            eventually(lambda: self.assertEqual(self.versions(boreal, bucket, "k"), [near, far, marker]))
        # Each end has nothing left to do, and did what it did once.
        for boreal, name, done in ((self.here, "there", 3), (self.there, "here", 2)):
            state = lambda: json.loads(urllib.request.urlopen(f"{boreal.url}/_boreal/health/ready").read())["remote_buckets"][name]
            eventually(lambda: self.assertEqual((state()["completed"], state()["pending"]), (done, 0)))
        for key, version in (("k", near), ("k", far), ("parts", parts)):
            eventually(lambda: settled(key, version))

    def test_the_field_counts_for_who_may_replicate_only(self):
        from e2e.helpers import user
        self.boreal = self.here
        client = user(self, "writer", allow(["s3:PutObject", "s3:GetObject"]))("s3")
        def brand(params, **_):
            params["headers"]["x-boreal-replica"] = "0" * 32 + ";modified=1"
        client.meta.events.register("before-call.s3.PutObject", brand)
        self.assertEqual(error_code(client.put_object, Bucket="from", Key="k", Body=b""), "AccessDenied")
        self.assertEqual(self.versions(self.here, "from", "k"), [])


@need("moto_server", "a server of S3 that is no boreal")
class Foreign(Two):
    """A server that gives versions ids of its own."""

    def setUp(self):
        super().setUp()
        self.port = reserved_port(self.addCleanup)
        process = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        eventually(self.answers)
        self.moto = Boreal.client(type("At", (), {"url": f"http://127.0.0.1:{self.port}", "account": "test"}), "s3")
        self.gate = Gate(self.port)
        self.addCleanup(self.gate.close)
        self.configure(away={"endpoint": f"http://127.0.0.1:{self.gate.port}", "bucket": "copy"})

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError as error:
            raise AssertionError(error)

    def make_there(self):
        self.moto.create_bucket(Bucket="copy")
        self.moto.put_bucket_versioning(Bucket="copy", VersioningConfiguration={"Status": "Enabled"})

    def bodies(self, key):
        """Of the versions there, oldest first: they are listed newest first."""
        page = self.moto.list_object_versions(Bucket="copy", Prefix=key)
        ids = [row["VersionId"] for row in reversed(page.get("Versions", []))]
        return [self.moto.get_object(Bucket="copy", Key=key, VersionId=version)["Body"].read() for version in ids]

    def test_objects_parts_tags_and_markers(self):
        self.make_there()
        self.replicate(rule("away", **MARKERS))
        version = self.put("k", b"body", Metadata={"colour": "red"}, Tagging="a=1", ContentType="text/x-test")
        self.assertEqual(self.status("k", version), "COMPLETED")
        got = self.moto.get_object(Bucket="copy", Key="k")
        self.assertEqual((got["Body"].read(), got["Metadata"], got["ContentType"]), (b"body", {"colour": "red"}, "text/x-test"))
        self.assertEqual(self.moto.get_object_tagging(Bucket="copy", Key="k")["TagSet"], [{"Key": "a", "Value": "1"}])
        self.s3.put_object_tagging(Bucket="from", Key="k", Tagging={"TagSet": [{"Key": "late", "Value": "2"}]})
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.moto.get_object_tagging(Bucket="copy", Key="k")["TagSet"], [{"Key": "late", "Value": "2"}])
        made = upload(self.s3, "from", "parts", (PART, 100))
        self.assertEqual(self.status("parts", made["VersionId"]), "COMPLETED")
        got = self.moto.get_object(Bucket="copy", Key="parts")
        self.assertEqual((got["ETag"], got["Body"].read()), (made["ETag"], b"A" * PART + b"B" * 100))
        self.s3.delete_object(Bucket="from", Key="k")
        eventually(lambda: self.assertEqual(error_code(self.moto.get_object, Bucket="copy", Key="k"), "NoSuchKey"))
        self.assertEqual(self.bodies("k"), [b"body"])

    def test_versions_of_a_key_arrive_in_their_order(self):
        self.make_there()
        self.replicate()
        versions = [self.put("k", str(i).encode()) for i in range(20)]
        self.assertEqual({self.status("k", version) for version in versions}, {"COMPLETED"})
        self.assertEqual(self.bodies("k"), [str(i).encode() for i in range(20)])
        self.assertEqual(self.moto.get_object(Bucket="copy", Key="k")["Body"].read(), b"19")

    def test_nothing_old_comes_to_lie_above_what_is_newer(self):
        self.replicate()
        old = self.put("k", b"old")
        self.assertEqual(self.status("k", old), "FAILED")
        self.make_there()
        new = self.put("k", b"new")
        self.assertEqual(self.status("k", new), "COMPLETED")
        for step in ("while the newer one is here", "and after it was deleted for good"):
            with self.subTest(step):
                self.s3.put_object_tagging(Bucket="from", Key="k", VersionId=old, Tagging={"TagSet": [{"Key": "a", "Value": step}]})
                self.assertEqual(self.status("k", old), "FAILED")
                self.assertEqual(self.moto.get_object(Bucket="copy", Key="k")["Body"].read(), b"new")
            self.s3.delete_object(Bucket="from", Key="k", VersionId=new)

    def test_what_was_sent_before_a_crash_is_not_sent_again(self):
        self.make_there()
        self.replicate()
        self.assertEqual(self.status("first", self.put("first")), "COMPLETED")
        # The server has it, and we are killed before we hear so.
        arrived = threading.Event()
        forward = Gate.pump

        def swallow(source, sink):
            if source.getpeername()[1] == self.port:
                source.recv(65536)
                arrived.set()
                return
            forward(source, sink)
        self.gate.pump = swallow
        version = self.put("k", b"once", Metadata={"m": "1"})
        self.assertTrue(arrived.wait(PATIENCE_S))
        self.here.kill()
        del self.gate.pump
        self.here.start()
        self.s3 = self.here.client("s3")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.bodies("k"), [b"once"])


if __name__ == "__main__":
    sys.exit("run by tests/run.py")
