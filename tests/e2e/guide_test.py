"""The deployment guide's own Terraform tree, unchanged: it applies, its second plan is empty, it goes away whole."""
import os
import subprocess
import time
import unittest
from pathlib import Path

from e2e.helpers import eventually, has_replayed
from harness import Boreal, Case
from terraform import GUIDE, PASSWORDS, Tree, needs_terraform

GUIDE_ARGS = ("--allow-unencrypted-storage",)
FIRST = ("-target=module.vpc",)  # as the guide's parts do


def postgres_processes(data):
    """Pids of processes whose working folder lies in the data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd").startswith(str(data)):
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def psql(host, sql, password, database="ecommerce", user="postgres", check=True):
    done = subprocess.run(["psql", "-h", host, "-U", user, "-d", database, "-XAtc", sql, "-v", "VERBOSITY=verbose"],
                          env={**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "60"}, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip() if check else done


@unittest.skipUnless(GUIDE.is_dir(), "the guide's tree is not here (BOREAL_GUIDE)")
@needs_terraform
class Guide(Case):
    mostly_waits = 6
    args = GUIDE_ARGS

    def test_apply_plan_use_destroy(self):
        tree = Tree(GUIDE, "environments/prod", self.boreal, endpoint=self.boreal.url, **PASSWORDS)
        self.addCleanup(tree.clean)
        tree.apply(*FIRST)
        started = time.monotonic()
        tree.apply()
        took_s = time.monotonic() - started
        print(f"       terraform apply took {took_s:.1f} s (the provider's own waits: about 80 s)")
        tree.assert_plan_is_empty()

        outputs = tree.outputs()
        password = PASSWORDS["db_password"]
        psql(outputs["db_endpoint"], "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 1000)", password)
        position = psql(outputs["db_endpoint"], "SELECT pg_current_wal_lsn()", password)
        self.assertEqual(psql(outputs["db_reader_endpoint"], has_replayed(position), password), "t", "the reader is more than a second behind the write")
        self.assertEqual(psql(outputs["db_reader_endpoint"], "SELECT count(*) FROM t", password), "1000")
        refused = psql(outputs["db_reader_endpoint"], "INSERT INTO t VALUES (1)", password, check=False)
        self.assertIn("25006", refused.stderr)
        self.assertEqual(psql(outputs["db_endpoint"], "SHOW log_statement", password), "all")
        self.assertEqual(psql(outputs["db_endpoint"], "SHOW log_min_duration_statement", password), "1s")

        protected = tree.run("destroy", "-no-color", "-auto-approve", "-target=module.aurora.aws_rds_cluster.aurora", check=False)
        self.assertNotEqual(protected.returncode, 0)
        self.assertIn("Cannot delete protected Cluster", protected.stderr)

        self.boreal.aws("rds", "modify-db-cluster", "--db-cluster-identifier", "prod-aurora-cluster", "--no-deletion-protection")
        tree.destroy("-refresh=true")
        self.assertEqual(self.boreal.client("rds").describe_db_clusters()["DBClusters"], [])
        self.assertEqual(self.boreal.client("s3").list_buckets()["Buckets"], [])
        self.assertEqual(self.boreal.client("backup").list_backup_plans()["BackupPlansList"], [])
        self.assertEqual(self.boreal.client("dms").describe_replication_tasks()["ReplicationTasks"], [])
        self.assertEqual(postgres_processes(self.boreal.data / "postgres" / "instances"), [])


@unittest.skipUnless(GUIDE.is_dir(), "the guide's tree is not here (BOREAL_GUIDE)")
@needs_terraform
class GuideUnderKill(unittest.TestCase):
    """kill -9 while the apply runs; start and apply again: it converges, nothing acknowledged is lost."""

    mostly_waits = 3

    def test_apply_survives_kills(self):
        with Boreal(args=GUIDE_ARGS) as boreal:
            tree = Tree(GUIDE, "environments/prod", boreal, endpoint=boreal.url, **PASSWORDS)
            self.addCleanup(tree.clean)
            tree.apply(*FIRST)
            applying = tree.start("apply", "-no-color", "-auto-approve")
            time.sleep(6)  # well inside the apply, whose waits alone take a minute
            boreal.kill()
            boreal.start()
            time.sleep(20)
            boreal.kill()
            boreal.start()
            applying.communicate(timeout=1800)
            tree.apply()
            tree.assert_plan_is_empty()
            password = PASSWORDS["db_password"]
            self.assertEqual(psql(tree.outputs()["db_endpoint"], "SELECT 1", password), "1")

            pids = set(postgres_processes(boreal.data / "postgres" / "instances"))
            boreal.kill()
            boreal.start()
            endpoint = tree.outputs()["db_endpoint"]
            eventually(lambda: psql(endpoint, "SELECT 1", password))
            still = pids & set(postgres_processes(boreal.data / "postgres" / "instances"))
            self.assertGreaterEqual(len(still), 2, "PostgreSQL was restarted instead of adopted")
