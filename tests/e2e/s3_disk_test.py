"""Disks that are full, and disks that fail, under a real server: clear errors, no false success, reads go on."""
import errno
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from harness import PATIENCE_S
from raw_s3 import StoreServer

BUCKET = "bucket"
HERE = Path(__file__).resolve().parent.parent
MIB = 1 << 20
COMPILER = shutil.which("clang-19") or shutil.which("cc")


class DiskCase(unittest.TestCase):
    """A server with a bucket, and a record of what it acknowledged."""

    def start(self, server):
        self.server = server
        self.addCleanup(self.server.clean)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.s3 = self.server.raw()
        self.assertEqual(self.s3.request("PUT", f"/{BUCKET}").status, 200)
        self.kept = {}
        self.chance = random.Random(3)

    def put(self, key, size):
        """The answer to a put, which is noted if it was a success."""
        body = self.chance.randbytes(size)
        answer = self.s3.put(BUCKET, key, body)
        if answer.status == 200:
            self.kept[key] = hashlib.md5(body).hexdigest()
        return answer

    def verify(self, unsure=()):
        """All that was acknowledged is there and whole, and nothing else but perhaps the keys in `unsure`."""
        for key, digest in self.kept.items():
            answer = self.s3.get(BUCKET, key)
            self.assertEqual(answer.status, 200, f"{key}: {answer}")
            self.assertEqual(hashlib.md5(answer.body).hexdigest(), digest, key)
        listed = self.s3.list(BUCKET)
        self.assertEqual({key: digest for key, (digest, _) in listed.items() if key in self.kept}, self.kept)
        self.assertLessEqual(listed.keys() - self.kept.keys(), set(unsure))

    def verify_after_restart(self, unsure=()):
        self.server.stop()
        self.server.start()
        self.s3.close()
        self.verify(unsure)

    def put_until_taken(self, key, size, timeout_s=PATIENCE_S):
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.put(key, size)
            if answer.status == 200:
                return
            self.assertLess(time.monotonic(), deadline, f"it does not recover: {answer}")
            time.sleep(0.05)

    def blob_files(self):
        return [name for _, _, names in os.walk(self.server.data / "objects") for name in names]

    def wait_for_blobs(self, count, timeout_s=PATIENCE_S):
        """What failed puts left is freed in the background."""
        deadline = time.monotonic() + timeout_s
        while len(self.blob_files()) != count:
            self.assertLess(time.monotonic(), deadline, f"{len(self.blob_files())} files for {count} objects")
            time.sleep(0.01)

    def assert_full(self, answer):
        self.assertEqual((answer.status, answer.code), (503, "ServiceUnavailable"), answer)
        self.assertIn(b"disk is full", answer.body)


class FullDisk(DiskCase):
    """The data folder is a file system of its own, which is filled to the last block."""

    size_mib = 320

    def mount(self, folder):
        raise unittest.SkipTest("is mounted by the classes below")

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        server = StoreServer()
        server.data.mkdir()
        try:
            self.mount(server.data)
        except (OSError, subprocess.CalledProcessError) as error:
            server.clean()
            self.skipTest(f"this machine does not let us mount one: {error}")
        self.addCleanup(server.clean)
        self.addCleanup(subprocess.run, ["umount", server.data], check=True)
        self.start(server)
        self.wait_for_postgres()

    def wait_for_postgres(self, timeout_s=PATIENCE_S):
        """At its first start the server asks PostgreSQL for its settings, over a folder of tens of MiB that goes again."""
        if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
            return
        deadline = time.monotonic() + timeout_s
        while True:
            there = list((self.server.data / "postgres").glob("settings/*/*"))
            if there and not any(path.name == "settings-data" for path in there):
                return
            self.assertLess(time.monotonic(), deadline, f"{there}\n{self.server.log()}")
            time.sleep(0.05)

    def test_full(self):
        for n in range(8):
            self.assertEqual(self.put(f"early-{n}", 100 if n % 2 else 100_000).status, 200)
        ballast = self.server.data / "ballast"  # what somebody else has on the disk
        with open(ballast, "wb") as file:
            file.write(bytes(16 * MIB))

        # Large objects until there is hardly any room.
        answer, count = None, 0
        while (answer := self.put(f"large-{count}", 4 * MIB)).status == 200:
            count += 1
            self.assertLess(count * 4, self.size_mib, "the disk does not fill up")
        self.assert_full(answer)
        self.assertGreater(count, 10)
        refused = [f"small-{n}" for n in range(10)]
        for key in refused:
            self.assert_full(self.put(key, 4000))
        self.verify()
        # Removing makes room. How much has to go hangs on how fast the last ones came.
        self.wait_for_blobs(self.large())
        self.remove_until(64 * MIB)
        self.put_until_taken("large-again", 4 * MIB)

        # Somebody else takes the rest, to the last byte. What is kept for this is given up, and things can be deleted.
        self.assertTrue(self.has_reserve())
        self.fill(ballast)
        self.wait_until(lambda: not self.has_reserve())
        self.verify()
        self.remove("early-0")
        self.remove("early-1")
        self.assert_full(self.put("large-x", 4 * MIB))
        self.verify()

        # A start has to write: it gives up the reserve too, which is there again since there was room.
        os.truncate(ballast, 0)
        self.remove_until(128 * MIB)
        self.wait_until(self.has_reserve)
        self.put_until_taken("small-again", 4000)
        self.server.kill()
        self.fill(ballast)
        self.server.start()
        self.s3.close()
        self.assertFalse(self.has_reserve())
        self.verify()
        self.remove("early-2")
        self.remove("early-3")
        self.assert_full(self.put("large-x", 4 * MIB))
        self.verify()

        # Room again: no restart is needed.
        ballast.unlink()
        self.put_until_taken("small-again", 4000)
        self.put_until_taken("large-again", 4 * MIB)
        for n in range(50):
            self.assertEqual(self.put(f"later-{n}", 4000).status, 200)
        self.verify()
        self.verify_after_restart()
        self.wait_for_blobs(sum(1 for _, size in self.s3.list(BUCKET).values() if size > 32 << 10))

    def large(self):
        return sum(1 for key in self.kept if key.startswith("large") or key in ("early-0", "early-2", "early-4", "early-6"))

    def remove_until(self, free):
        """Large objects go until so much is free, beside the reserve if it is there."""
        for key in [key for key in self.kept if key.startswith("large")]:
            there = os.statvfs(self.server.data)
            if there.f_bavail * there.f_frsize >= free:
                return
            self.remove(key)
            self.wait_for_blobs(self.large())
        self.fail("there are not so many")

    def has_reserve(self):
        return (self.server.data / "reserve").exists()

    def fill(self, path):
        with open(path, "ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)

    def remove(self, key):
        self.wait_until(lambda: self.s3.delete(BUCKET, key).status == 204)  # refused for a moment on a full disk
        del self.kept[key]

    def wait_until(self, holds, timeout_s=PATIENCE_S):
        deadline = time.monotonic() + timeout_s
        while not holds():
            self.assertLess(time.monotonic(), deadline, self.server.log()[-2000:])
            time.sleep(0.05)


class FullTmpfs(FullDisk):
    def mount(self, folder):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size_mib}m,mode=711", "tmpfs", folder],
                       check=True, capture_output=True)


class LongFullExt4(FullDisk):
    """Where blocks are given out late: a write may succeed that an fsync finds no room for."""

    def mount(self, folder):
        image = f"{folder}.img"
        with open(image, "wb") as file:
            file.truncate(self.size_mib * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)
        (folder / "lost+found").rmdir()


class Faults:
    """Arms tests/disk_faults.c in a running server."""

    WRITES, SYNCS = 1, 2

    def __init__(self, folder):
        self.library, self.control = Path(folder, "disk_faults.so"), Path(folder, "control")
        subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", self.library, HERE / "disk_faults.c", "-ldl"], check=True)
        self.control.write_bytes(bytes(256))

    def arm(self, operations, error_number, path_part, after=0, at_most=1 << 40):
        """`after` calls go well, then `at_most` fail."""
        self.disarm()
        with open(self.control, "r+b") as file:
            file.write(struct.pack("@iiqqq216s", 0, error_number, after, 0, at_most, path_part.encode()))
            file.flush()
            file.seek(0)
            file.write(struct.pack("@i", operations))

    def disarm(self):
        with open(self.control, "r+b") as file:
            file.write(struct.pack("@i", 0))

    def failed(self):
        return struct.unpack("@iiqq", self.control.read_bytes()[:24])[3]


@unittest.skipUnless(COMPILER, "neither clang-19 nor cc is installed: one makes the library that lets the disk fail")
class FailingDisk(DiskCase):
    """A real server whose writes and syncs fail at chosen moments."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="boreal-faults-")
        self.addCleanup(shutil.rmtree, folder)
        self.faults = Faults(folder)
        server = StoreServer(environment={"LD_PRELOAD": str(self.faults.library), "DISK_FAULTS": str(self.faults.control)})
        self.start(server)
        self.addCleanup(self.faults.disarm)  # before the server stops
        for n in range(6):
            self.assertEqual(self.put(f"early-{n}", 100 if n % 2 else 100_000).status, 200)

    def test_a_write_of_a_blob(self):
        """One fails, and the request with it; what was there stays, and the next succeeds."""
        for number in (errno.EIO, errno.ENOSPC):
            for after in range(4):
                with self.subTest(error=errno.errorcode[number], after=after):
                    self.faults.arm(Faults.WRITES, number, "/objects/", after, at_most=1)
                    answer = self.put("early-0", 700_000)
                    self.faults.disarm()
                    if self.faults.failed() == 0:  # there are not so many
                        self.assertEqual(answer.status, 200, answer)
                        break
                    self.assert_failed(answer, number)
                    self.verify()
                    self.assertEqual(self.put(f"after-{number}-{after}", 50_000).status, 200)
            self.assertGreater(after, 0)
        self.verify_after_restart()
        self.wait_for_blobs(sum(1 for _, size in self.s3.list(BUCKET).values() if size > 32 << 10))

    def test_the_sync_of_a_blob(self):
        """All fail, since syncs for what is freed in the background are among them; then no object is acknowledged. Syncs of
        folders are among them too: the next start decides."""
        for number in (errno.EIO, errno.ENOSPC):
            self.faults.arm(Faults.SYNCS, number, "/objects/")
            for n in range(3):
                self.assertGreaterEqual(self.put(f"unsynced-{n}", 100_000).status, 500)
            self.assertGreaterEqual(self.faults.failed(), 1)
            self.verify()
            self.faults.disarm()
            self.assertGreaterEqual(self.put(f"refused-{number}", 50_000).status, 500)
            self.assertEqual(self.put(f"small-{number}", 100).status, 200)
            self.assertEqual(self.health(), (503, False, "failed"))
            self.verify_after_restart()
            self.assertEqual(self.health(), (200, True, "running"))
            self.assertEqual(self.put(f"after-{number}", 50_000).status, 200)
        self.wait_for_blobs(sum(1 for _, size in self.s3.list(BUCKET).values() if size > 32 << 10))

    def health(self):
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/_boreal/health/ready", timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        told = json.loads(answer.read())
        return answer.status, told["ready"], told["store"]

    def assert_failed(self, answer, number):
        if number == errno.ENOSPC:
            self.assert_full(answer)
        else:
            self.assertEqual((answer.status, answer.code), (500, "InternalError"), answer)

    def test_the_log_of_the_index(self):
        """After a failed write or sync of the log nothing is acknowledged any more until the next start; reads go on."""
        for operation in (Faults.WRITES, Faults.SYNCS):
            for after in (0, 1, 3):
                with self.subTest(operation=operation, after=after):
                    self.faults.arm(operation, errno.EIO, "/rocksdb/", after)
                    unsure = []
                    for n in range(8):
                        key = f"log-{operation}-{after}-{n}"
                        answer = self.put(key, 100 if n % 2 else 50_000)
                        if answer.status != 200:
                            self.assertEqual((answer.status, answer.code), (500, "InternalError"), answer)
                            unsure.append(key)
                    self.assertGreater(self.faults.failed(), 0)
                    self.assertGreater(len(unsure), 3)
                    self.verify(unsure)
                    self.faults.disarm()
                    self.assertEqual(self.put(f"refused-{operation}-{after}", 100).status, 500)  # the next start decides
                    self.assertEqual(self.health(), (503, False, "failed"))
                    self.server.kill()
                    self.server.start()
                    self.assertEqual(self.health(), (200, True, "running"))
                    self.s3.close()
                    self.verify(unsure)
                    for key in self.s3.list(BUCKET).keys() - self.kept.keys():
                        self.assertEqual(self.s3.delete(BUCKET, key).status, 204)
                    self.assertEqual(self.put(f"works-{operation}-{after}", 100).status, 200)

    def test_no_room_in_the_log_of_the_index(self):
        """A full disk is no broken one: writes go on when there is room."""
        self.faults.arm(Faults.WRITES, errno.ENOSPC, "/rocksdb/")
        refused = [f"full-{n}" for n in range(6)]
        for key in refused:
            self.assert_full(self.put(key, 100))
        self.verify(refused)
        self.assertEqual(self.health(), (200, True, "full"))  # what is there is read, and deleting may help
        self.faults.disarm()
        self.put_until_taken("again", 100)
        self.assertEqual(self.health(), (200, True, "running"))
        self.verify(refused)
        self.verify_after_restart(refused)


del FullDisk  # the classes above are run, not what they share
