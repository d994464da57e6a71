"""The guide's runbook with a real database: dump at home, through the backup bucket, into the cluster; nothing is lost on the way.

The source is a PostgreSQL of its own here; it is filled by tests/shop (BOREAL_SHOP_CUSTOMERS sets the size), or from a dump of
yours (BOREAL_DUMP names a file that pg_restore reads).
"""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

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


@unittest.skipUnless(BIN.is_dir(), "no PostgreSQL is installed in /usr/lib/postgresql")
class Runbook(Case):
    args = ("--allow-unencrypted-storage",)

    @need("pg_dump")
    @need("aws")
    def test_dump_upload_download_restore_compare(self):
        up = subprocess.run([str(BINARY), "tier", "up", "--data", str(self.boreal.data), "--password", PASSWORD, "-o", "json"],
                            capture_output=True, text=True, timeout=180)
        self.assertEqual(up.returncode, 0, up.stderr)
        tier = json.loads(up.stdout)

        source = Source()
        self.addCleanup(source.stop)
        if dump := os.environ.get("BOREAL_DUMP"):
            subprocess.run(["pg_restore", "-h", str(source.base), "-U", "postgres", "-d", "ecommerce", "--no-owner", dump], check=True)
        else:
            psql(source.base, "-v", f"customers={CUSTOMERS}", "-f", ROOT / "tests/shop/shop.sql")
        digest = ROOT / "tests/shop/digest.sql"
        wanted = psql(source.base, "-f", digest)

        with tempfile.TemporaryDirectory() as folder:
            dump, back = Path(folder, "ecommerce.dump"), Path(folder, "back.dump")
            subprocess.run(["pg_dump", "-h", str(source.base), "-U", "postgres", "-Fc", "-b", "-f", str(dump), "ecommerce"], check=True)
            url = f"s3://{tier['db_backup_bucket']}/initial-migration/ecommerce.dump"
            self.boreal.aws("s3", "cp", "--no-progress", str(dump), url)
            self.boreal.aws("s3", "cp", "--no-progress", url, str(back))
            self.assertEqual(dump.read_bytes(), back.read_bytes())
            subprocess.run(["pg_restore", "-h", tier["db_endpoint"], "-U", "postgres", "-d", "ecommerce", "--no-owner", "--exit-on-error", str(back)],
                           env={**os.environ, "PGPASSWORD": PASSWORD}, check=True)

        self.assertEqual(psql(tier["db_endpoint"], "-f", digest), wanted)
        deadline = time.monotonic() + 1
        while (seen := psql(tier["db_reader_endpoint"], "-f", digest)) != wanted and time.monotonic() < deadline:
            pass
        self.assertEqual(seen, wanted, "the reader differs from the source a second after the restore")
