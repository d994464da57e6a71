"""Flipped bits under a real server: the client gets what was stored or an error, never something else.

src/engines/objects/bitrot_test.cc does this ten thousand times, over everything that an engine keeps.
"""
import hashlib
import os
import random
import unittest

from raw_s3 import StoreServer

BUCKET = "bucket"


class BitRot(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(23)
        self.server = StoreServer()
        self.addCleanup(self.server.clean)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.s3 = self.server.raw()
        self.assertEqual(self.s3.request("PUT", f"/{BUCKET}").status, 200)
        self.digests = {}
        self.put_some("first")

    def put_some(self, name):
        for n in range(12):
            key, body = f"{name}-{n}", self.chance.randbytes(300_000 if n < 4 else 100 * n)
            self.assertEqual(self.s3.put(BUCKET, key, body).status, 200)
            self.digests[key] = hashlib.md5(body).hexdigest()

    def restart(self):
        self.server.stop()
        self.server.start()
        self.s3.close()

    def files(self, folder, ending=""):
        return [os.path.join(path, name) for path, _, names in os.walk(self.server.data / folder) for name in names
                if name.endswith(ending) and os.path.getsize(os.path.join(path, name))]

    def flip(self, path):
        """A bit of the file; how it was, to undo it."""
        with open(path, "r+b") as file:
            content = file.read()
            at = self.chance.randrange(len(content))
            file.seek(at)
            file.write(bytes([content[at] ^ 1 << self.chance.randrange(8)]))
        return content

    @staticmethod
    def undo(path, content):
        with open(path, "r+b") as file:
            file.write(content)

    def read_all(self):
        """How many objects could not be read. A connection that ends within the body is an error as well."""
        damaged = 0
        for key, digest in self.digests.items():
            try:
                answer = self.s3.get(BUCKET, key)
            except ConnectionError:
                damaged += 1
                continue
            if answer.status == 200:
                self.assertEqual(hashlib.md5(answer.body).hexdigest(), digest, key)
            else:
                self.assertEqual(answer.status, 500, answer)
                self.assertIn(b"<Code>InternalError</Code>", answer.body)
                damaged += 1
        return damaged

    def test_of_a_blob(self):
        files = self.files("objects")
        self.assertEqual(len(files), 4)
        found = 0
        for _ in range(40):
            path = self.chance.choice(files)
            content = self.flip(path)
            damaged = self.read_all()
            self.assertLessEqual(damaged, 1)
            found += damaged
            self.undo(path, content)
        self.assertGreater(found, 35)  # what is left are checksums that only the scrubber reads
        self.assertEqual(self.read_all(), 0)

    def test_of_the_log(self):
        """The next start refuses, and says which file and what to do."""
        self.server.stop()
        for path in self.files("store", ".log") + self.files("store/rocksdb", "MANIFEST-000005"):
            for _ in range(3):
                content = self.flip(path)
                with self.assertRaises(RuntimeError) as refused:
                    self.server.start()
                self.assertIn(f"{path} is damaged", str(refused.exception))
                self.server.process = None
                self.undo(path, content)
        self.server.start()
        self.s3.close()
        self.assertEqual(self.read_all(), 0)

    def test_of_a_table(self):
        self.restart()  # what was in the log lies in a table now
        self.put_some("second")
        found = 0
        for _ in range(8):
            self.server.stop()
            tables = self.files("store", ".sst")
            path = self.chance.choice(tables)
            content = self.flip(path)
            try:
                self.server.start()
                self.s3.close()
                found += self.read_all() > 0
                self.server.kill()
            except RuntimeError as refused:
                self.assertIn("orrupt", str(refused))
                self.server.process = None
                found += 1
            if os.path.exists(path):
                self.undo(path, content)
        self.assertGreater(found, 0)
        self.server.start()
        self.s3.close()
        self.assertEqual(self.read_all(), 0)
