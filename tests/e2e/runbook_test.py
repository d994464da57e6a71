"""The guide's runbook with a real database: dump at home, through the backup bucket, into the cluster; nothing is lost on the way.

The source is a PostgreSQL of its own here; it is filled by tests/shop (BOREAL_SHOP_CUSTOMERS sets the size), or from a dump of
yours (BOREAL_DUMP names a file that pg_restore reads).
"""
import filecmp
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
import unittest
from pathlib import Path

from e2e.helpers import has_replayed
from harness import BINARY, ROOT, Case, need

PASSWORD = "Correct-Horse-42"
CUSTOMERS = os.environ.get("BOREAL_SHOP_CUSTOMERS", "500")
BIN = Path(max(glob.glob("/usr/lib/postgresql/*/bin"), default="/nonexistent"))


class Source:
    """A PostgreSQL server on a socket in a folder of its own."""

    def __init__(self):
        self.base = Path(tempfile.mkdtemp(prefix="boreal-source-"))
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.base, "postgres")
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.run(BIN / "initdb", "-D", self.base / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.run(BIN / "pg_ctl", "-D", self.base / "data", "-w", "-l", self.base / "log", "-o",
                 f"-c listen_addresses='' -c unix_socket_directories={self.base} -c fsync=off", "start")
        self.run(BIN / "createdb", "-h", self.base, "-U", "postgres", "ecommerce")

    def run(self, *command):
        done = subprocess.run([*self.as_user, *map(str, command)], capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done.stderr}")
        return done.stdout

    def stop(self):
        self.run(BIN / "pg_ctl", "-D", self.base / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.base, ignore_errors=True)


def psql(host, *arguments):
    done = subprocess.run(["psql", "-h", str(host), "-U", "postgres", "-d", "ecommerce", "-XqAt", *map(str, arguments)],
                          env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


class Figures:
    """How long and how large it was; told where somebody has asked for another size than the usual."""

    def __init__(self):
        self.lines = []

    @contextmanager
    def time(self, what):
        start = time.monotonic()
        yield
        self.lines.append(f"{what} {time.monotonic() - start:.1f} s")

    def bytes(self, what, size):
        self.lines.append(f"{what} {int(size) / 1e6:.0f} MB")

    def show(self, digest):
        if "BOREAL_SHOP_CUSTOMERS" in os.environ or "BOREAL_DUMP" in os.environ:
            print("\n".join(["", *self.lines, digest]), file=sys.stderr)


@unittest.skipUnless(BIN.is_dir(), "no PostgreSQL is installed in /usr/lib/postgresql")
class Runbook(Case):
    args = ("--allow-unencrypted-storage",)

    @need("pg_dump")
    @need("aws")
    def test_dump_upload_download_restore_compare(self):
        up = subprocess.run([str(BINARY), "tier", "up", "--data", str(self.boreal.data), "--password", PASSWORD, "-o", "json"],
                            capture_output=True, text=True, timeout=600)
        self.assertEqual(up.returncode, 0, up.stderr)
        tier = json.loads(up.stdout)
        figures = Figures()

        source = Source()
        self.addCleanup(source.stop)
        if dump := os.environ.get("BOREAL_DUMP"):
            subprocess.run(["pg_restore", "-h", str(source.base), "-U", "postgres", "-d", "ecommerce", "--no-owner", dump], check=True)
        else:
            with figures.time("fill"):
                psql(source.base, "-v", f"customers={CUSTOMERS}", "-f", ROOT / "tests/shop/shop.sql")
        digest = ROOT / "tests/shop/digest.sql"
        wanted = psql(source.base, "-f", digest)
        figures.bytes("database", psql(source.base, "-c", "SELECT pg_database_size('ecommerce')"))

        with tempfile.TemporaryDirectory() as folder:
            dump, back = Path(folder, "ecommerce.dump"), Path(folder, "back.dump")
            with figures.time("dump"):
                subprocess.run(["pg_dump", "-h", str(source.base), "-U", "postgres", "-Fc", "-b", "-f", str(dump), "ecommerce"], check=True)
            figures.bytes("dump", dump.stat().st_size)
            url = f"s3://{tier['db_backup_bucket']}/initial-migration/ecommerce.dump"
            with figures.time("upload"):
                self.boreal.aws("s3", "cp", "--no-progress", str(dump), url, timeout_s=1800)
            with figures.time("download"):
                self.boreal.aws("s3", "cp", "--no-progress", url, str(back), timeout_s=1800)
            self.assertTrue(filecmp.cmp(dump, back, shallow=False))
            with figures.time("restore"):
                subprocess.run(["pg_restore", "-h", tier["db_endpoint"], "-U", "postgres", "-d", "ecommerce", "--no-owner", "--exit-on-error", str(back)],
                               env={**os.environ, "PGPASSWORD": PASSWORD}, check=True)

        # What the writer has committed the reader shows within a second; comparing all of it takes longer.
        position = psql(tier["db_endpoint"], "-c", "SELECT pg_current_wal_lsn()").strip()
        with figures.time("reader behind"):
            seen = psql(tier["db_reader_endpoint"], "-c", has_replayed(position)).strip()
        self.assertEqual(seen, "t", "the reader is more than a second behind the writer after the restore")
        self.assertEqual(psql(tier["db_endpoint"], "-f", digest), wanted)
        self.assertEqual(psql(tier["db_reader_endpoint"], "-f", digest), wanted)
        figures.bytes("restored", psql(tier["db_endpoint"], "-c", "SELECT pg_database_size('ecommerce')"))
        status = Path(f"/proc/{self.boreal.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        figures.bytes("boreal's peak", int(peak.split()[1]) * 1024)
        figures.show(wanted)

    def up(self, password, *options):
        return subprocess.run([str(BINARY), "tier", "up", "--data", str(self.boreal.data), "--environment", "again", "--password", password, *options],
                              capture_output=True, text=True, timeout=600)

    def test_a_tier_is_made_in_as_many_runs_as_it_takes(self):
        """Of a run that was refused the secret may be there already; what it holds must open the database all the same."""
        refused = self.up("short")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("cluster, writer and reader: InvalidParameterValue: ", refused.stderr)
        self.assertIn("run it again", refused.stderr)
        tier = self.up(PASSWORD, "-o", "json")
        self.assertEqual(tier.returncode, 0, tier.stderr)
        secret = self.boreal.client("secretsmanager").get_secret_value(SecretId=json.loads(tier.stdout)["db_credentials_arn"])
        self.assertEqual(json.loads(secret["SecretString"]), {"username": "postgres", "password": PASSWORD})
        again = self.up(PASSWORD, "-o", "json")
        self.assertEqual((again.returncode, again.stdout), (0, tier.stdout), again.stderr)
        other = self.up("Another-Horse-42")
        self.assertEqual(other.returncode, 1)
        self.assertIn("again/db-credentials holds another password", other.stderr)
        self.assertNotIn(PASSWORD, other.stderr)
