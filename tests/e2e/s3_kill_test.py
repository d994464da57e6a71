"""kill -9 of the real server under eight writers, again and again: what was acknowledged is there and whole."""
import hashlib
import itertools
import os
import random
import re
import threading
import time
import unittest

from harness import PATIENCE_S
from raw_s3 import StoreServer

PLAIN, VERSIONED = "plain", "versioned"
WRITERS = 8
MIB = 1 << 20


def content(name, generation):
    """What a key holds at a generation: the same for whoever asks, never the same twice."""
    chance = random.Random(f"{name} {generation}")
    size = chance.choice((chance.randrange(3000), chance.randrange(3000), chance.randrange(33_000, 300_000)))
    return f"{name} {generation} ".encode() + chance.randbytes(size)


def parts_of(name, generation):
    """As two parts: AWS wants 5 MiB of all but the last."""
    head = f"{name} {generation} part 1 ".encode()
    return head + bytes(5 * MIB - len(head)), content(name, generation)


class Key:
    """What is known of a key that one writer alone changes. A state is the content's hash, or None: not there."""

    def __init__(self):
        self.acknowledged = None
        self.under_way = ()  # what it may be besides, since a request was not answered
        self.possible = set()  # both of these, as of the last kill
        self.versions = {}  # versioned bucket: id → hash, of those acknowledged
        self.markers = set()  # ids of delete markers, acknowledged
        self.leaving = set()  # ids whose removal was not answered


class Writer(threading.Thread):
    """Changes its own keys until its connection breaks."""

    def __init__(self, number, server, keys, chance, generations):
        super().__init__()
        self.s3, self.keys, self.chance, self.generations = server.raw(), keys, chance, generations
        self.number = number
        self.bucket = VERSIONED if number >= WRITERS - 2 else PLAIN
        self.acknowledged = 0
        self.error = None

    def run(self):
        try:
            while True:
                self.step()
                self.acknowledged += 1
        except OSError:
            pass  # the kill
        except Exception as error:  # told by the thread that waits for this one
            self.error = error

    def step(self):
        name = f"w{self.number}/{self.chance.randrange(5)}"
        key = self.keys.setdefault((self.bucket, name), Key())
        generation = next(self.generations)
        kind = self.chance.randrange(32)
        if kind < 6:
            self.remove(name, key)
        elif kind < 7:
            self.upload(name, key, generation)
        elif kind < 10:
            self.copy(name, key, generation)
        elif kind < 13 and key.versions:
            self.remove_version(name, key)
        else:
            body = content(name, generation)
            self.change(key, body, lambda: self.s3.put(self.bucket, name, body))

    def change(self, key, body, send):
        state = None if body is None else hashlib.sha256(body).hexdigest()
        key.under_way = (state,)
        answer = send()
        if answer.status not in (200, 204) or answer.code:
            raise AssertionError(f"answered {answer}")
        key.acknowledged, key.under_way = state, ()
        if self.bucket == VERSIONED:
            version = answer.headers["x-amz-version-id"]
            if state is None:
                key.markers.add(version)
            else:
                key.versions[version] = state

    def remove(self, name, key):
        self.change(key, None, lambda: self.s3.delete(self.bucket, name))

    def copy(self, name, key, generation):
        """Of an object of this writer's own, which is also one of its keys."""
        source = f"w{self.number}/source"
        body = content(source, generation)
        self.change(self.keys.setdefault((self.bucket, source), Key()), body, lambda: self.s3.put(self.bucket, source, body))
        self.change(key, body, lambda: self.s3.put(self.bucket, name, b"", x_amz_copy_source=f"/{self.bucket}/{source}"))

    def upload(self, name, key, generation):
        path, parts = f"/{self.bucket}/{name}", parts_of(name, generation)
        begun = self.s3.request("POST", path, "uploads=")
        upload = re.search(rb"<UploadId>([^<]*)<", begun.body).group(1).decode()
        text = ""
        for number, part in enumerate(parts, 1):
            answer = self.s3.request("PUT", path, f"partNumber={number}&uploadId={upload}", part)
            text += f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.etag}</ETag></Part>"
        text = f"<CompleteMultipartUpload>{text}</CompleteMultipartUpload>".encode()
        self.change(key, b"".join(parts), lambda: self.s3.request("POST", path, f"uploadId={upload}", text))

    def remove_version(self, name, key):
        """A version that is not the latest: what the key holds stays."""
        old = [version for version, state in key.versions.items() if state != key.acknowledged]
        if not old:
            return
        version = self.chance.choice(old)
        key.leaving.add(version)
        answer = self.s3.delete(self.bucket, name, f"versionId={version}")
        if answer.status != 204:
            raise AssertionError(f"answered {answer}")
        key.leaving.discard(version)
        del key.versions[version]


class KillTest(unittest.TestCase):
    kills = 10

    def setUp(self):
        self.server = StoreServer()
        self.addCleanup(self.server.clean)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.s3 = self.server.raw()
        for bucket in (PLAIN, VERSIONED):
            self.assertEqual(self.s3.request("PUT", f"/{bucket}").status, 200)
        text = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        self.assertEqual(self.s3.request("PUT", f"/{VERSIONED}", "versioning=", text).status, 200)
        self.keys = {}
        self.chance = random.Random(11)

    def test_kill_9_under_eight_writers(self):
        generations = itertools.count(1)
        acknowledged, slowest_start_s = 0, 0
        for round_ in range(self.kills):
            writers = [Writer(n, self.server, self.keys, random.Random(f"{round_} {n}"), generations) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(self.chance.uniform(0.02, 1.0))
            self.server.kill()
            for writer in writers:
                writer.join()
                if writer.error:
                    raise writer.error
                acknowledged += writer.acknowledged
            if self.chance.random() < 0.3:  # a start is killed as well
                self.server.launch()
                time.sleep(self.chance.uniform(0, 0.1))
                self.server.kill()
            self.server.start()
            slowest_start_s = max(slowest_start_s, self.server.started_in_s)
            self.s3.close()
            try:
                self.verify()
            except AssertionError as error:
                raise AssertionError(f"after kill {round_ + 1}") from error
        print(f"    {self.kills} kills, {acknowledged} changes acknowledged, slowest start {slowest_start_s * 1000:.0f} ms")
        self.assertGreater(acknowledged, self.kills)
        self.nothing_is_left_over()

    def verify(self):
        listed = {bucket: self.s3.list(bucket) for bucket in (PLAIN, VERSIONED)}
        for (bucket, name), key in self.keys.items():
            answer = self.s3.get(bucket, name)
            self.assertIn(answer.status, (200, 404), answer)
            state = hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else None
            key.possible = {key.acknowledged, *key.under_way}
            self.assertIn(state, key.possible, f"{bucket}/{name}")
            key.acknowledged, key.under_way = state, ()
            # What is listed is what is there.
            row = listed[bucket].pop(name, None)
            self.assertEqual(row, None if state is None else (answer.etag, len(answer.body)), f"{bucket}/{name}")
        self.assertEqual(listed, {PLAIN: {}, VERSIONED: {}})
        self.verify_versions()
        self.verify_files()

    def verify_versions(self):
        """Each version that was acknowledged is listed, and each that is listed can be read."""
        rows = self.list_versions(VERSIONED)
        for (bucket, name), key in self.keys.items():
            if bucket == VERSIONED:
                ids = {row["VersionId"] for row in rows if row["Key"] == name}
                self.assertEqual((key.versions.keys() | key.markers) - key.leaving - ids, set(), f"{name} lost versions")
                key.versions = {version: state for version, state in key.versions.items() if version in ids}
                key.leaving.clear()
        for row in rows:
            key = self.keys[VERSIONED, row["Key"]]
            answer = self.s3.get(VERSIONED, row["Key"], f"versionId={row['VersionId']}")
            if row["kind"] == "DeleteMarker":
                self.assertEqual(answer.status, 405, answer)
                key.markers.add(row["VersionId"])
                continue
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual((answer.etag, len(answer.body)), (row["ETag"], int(row["Size"])))
            state = hashlib.sha256(answer.body).hexdigest()
            if row["VersionId"] not in key.versions:
                self.assertIn(state, key.possible, f"{row['Key']} has a version that nobody wrote")
            self.assertEqual(key.versions.setdefault(row["VersionId"], state), state, row["Key"])

    def list_versions(self, bucket):
        rows, marker = [], ""
        while True:
            answer = self.s3.request("GET", f"/{bucket}", marker + "versions=")
            self.assertEqual(answer.status, 200, answer)
            text = answer.body.decode()
            for kind, entry in re.findall(r"<(Version|DeleteMarker)>(.*?)</\1>", text, re.S):
                row = dict(re.findall(r"<(Key|VersionId|ETag|Size)>([^<]*)<", entry))
                row["ETag"] = row.get("ETag", "").replace("&quot;", "").strip('"')
                rows.append({"kind": kind, **row})
            following = re.search(r"<NextKeyMarker>([^<]*)</NextKeyMarker>.*?<NextVersionIdMarker>([^<]*)<", text, re.S)
            if not following:
                return rows
            key, version = following.groups()
            marker = f"key-marker={key.replace('/', '%2F')}&version-id-marker={version}&"

    def blob_files(self):
        return self.files("objects")

    def files(self, folder):
        # os.walk passes over folders that go while it walks.
        return [name for _, _, names in os.walk(self.server.data / folder) for name in names]

    def verify_files(self):
        """Nothing half written lies about: no more files than what can be read accounts for. The engine frees in the
        background what the last run left, so this waits for it."""
        self.abort_uploads()
        rows = self.list_versions(VERSIONED) + self.list_versions(PLAIN)
        most = 0
        for row in rows:
            if row["kind"] == "Version" and int(row["Size"]) > 32 << 10:
                most += int(row["ETag"].partition("-")[2] or 1)  # a file each, or one a part
        self.wait_until(lambda: len(self.blob_files()) <= most, lambda: f"{len(self.blob_files())} files for {most} contents")
        self.wait_until(lambda: not self.half_files(), lambda: f"left lying: {self.half_files()}")  # some are being written just now

    def half_files(self):
        beside = self.files("store") + self.files("tls") + os.listdir(self.server.data)
        return [name for name in beside if name.endswith((".new", ".tmp", ".dbtmp"))]

    def abort_uploads(self):
        for bucket in (PLAIN, VERSIONED):
            answer = self.s3.request("GET", f"/{bucket}", "uploads=")
            for entry in re.findall(r"<Upload>(.*?)</Upload>", answer.body.decode(), re.S):
                key, upload = (re.search(f"<{name}>([^<]*)<", entry).group(1) for name in ("Key", "UploadId"))
                self.assertEqual(self.s3.delete(bucket, key, f"uploadId={upload}").status, 204)

    def nothing_is_left_over(self):
        """When all is removed through the API, no file is left."""
        for bucket in (PLAIN, VERSIONED):
            for row in self.list_versions(bucket):
                self.assertEqual(self.s3.delete(bucket, row["Key"], f"versionId={row['VersionId']}").status, 204)
            self.assertEqual(self.s3.request("DELETE", f"/{bucket}").status, 204)
        self.wait_until(lambda: not self.blob_files(), lambda: f"left over: {self.blob_files()}")

    def wait_until(self, good, what, timeout_s=PATIENCE_S):
        deadline = time.monotonic() + timeout_s
        while not good():
            if time.monotonic() > deadline:
                self.fail(what())
            time.sleep(0.01)


class LongKillTest(KillTest):
    kills = 200
