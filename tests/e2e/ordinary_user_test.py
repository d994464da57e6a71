"""Everything works for a user without rights: no root, no account, no file outside the data folder."""
import os
import pwd
import shutil
import tempfile
import unittest
from pathlib import Path

import harness
from e2e.guide_test import postgres_processes, psql
from harness import Boreal, error_code

USER = "nobody"
PASSWORD = "Correct-Horse-42"


@unittest.skipIf(os.geteuid() != 0, "the tests run as an ordinary user anyway")
class OrdinaryUser(unittest.TestCase):
    def test_database_and_bucket(self):
        boreal = Boreal(args=["--allow-unencrypted-storage"], user=USER)
        # The checkout may lie where only root gets in.
        binary = boreal.base / "boreal"
        shutil.copy(harness.BINARY, binary)
        self.addCleanup(setattr, harness, "BINARY", harness.BINARY)
        harness.BINARY = binary
        with boreal:
            rds = boreal.client("rds")
            rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="postgres", MasterUserPassword=PASSWORD,
                                  DatabaseName="shop")
            rds.create_db_instance(DBInstanceIdentifier="w", DBClusterIdentifier="c", Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")
            rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="w", WaiterConfig={"Delay": 1, "MaxAttempts": 180})
            endpoint = rds.describe_db_clusters()["DBClusters"][0]["Endpoint"]
            self.assertEqual(psql(endpoint, "SELECT 6 * 7", PASSWORD, database="shop"), "42")

            s3 = boreal.client("s3")
            s3.create_bucket(Bucket="mine")
            s3.put_object(Bucket="mine", Key="k", Body=b"v" * 100_000)
            self.assertEqual(s3.get_object(Bucket="mine", Key="k")["Body"].read(), b"v" * 100_000)

            servers = postgres_processes(boreal.data)
            self.assertTrue(servers)
            self.assertEqual({Path(f"/proc/{pid}").stat().st_uid for pid in servers}, {pwd.getpwnam(USER).pw_uid})


@unittest.skipIf(os.geteuid() != 0, "only root runs PostgreSQL as another user")
class ClosedFolder(unittest.TestCase):
    def test_what_to_do_is_said(self):
        """Root's home is closed to PostgreSQL's user: all else works there, and the log says how to have databases."""
        base = Path(tempfile.mkdtemp(prefix="boreal-test-"))  # which lets nobody else in
        self.addCleanup(shutil.rmtree, base)
        with Boreal(data=base / "data") as boreal:
            boreal.client("s3").create_bucket(Bucket="mine")
            self.assertEqual(error_code(boreal.client("rds").describe_db_engine_versions), "InternalFailure")
            self.assertIn("choose a data folder that this user can reach", boreal.log())
