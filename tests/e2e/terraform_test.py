"""Our own Terraform tree: it applies, its second plan is empty, it goes away whole. (guide_test.py: the guide's.)"""
import subprocess
import time
import unittest

from e2e.guide_test import postgres_processes, psql
from harness import ROOT, Case, need
from terraform import Tree, needs_terraform

PASSWORD = "Correct-Horse-42"


@need("terraform")
class Format(unittest.TestCase):
    def test_the_tree_is_formatted(self):
        done = subprocess.run(["terraform", "fmt", "-check", "-recursive", "-diff", str(ROOT / "terraform")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@needs_terraform
class OwnTree(Case):
    mostly_waits = True
    args = ("--allow-unencrypted-storage",)

    def test_apply_plan_use_destroy(self):
        tree = Tree(ROOT / "terraform", "environments/prod", self.boreal, boreal_endpoint=self.boreal.url, db_password=PASSWORD,
                    source_database={"host": "127.0.0.1", "name": "ecommerce", "username": "postgres"}, source_password=PASSWORD)
        self.addCleanup(tree.clean)
        tree.run("validate", "-no-color")
        started = time.monotonic()
        tree.apply()
        print(f"       terraform apply took {time.monotonic() - started:.1f} s (the provider's own waits: about 80 s)")
        tree.assert_plan_is_empty()
        outputs = tree.outputs()
        self.assertEqual(psql(outputs["db_reader_endpoint"], "SELECT pg_is_in_recovery()", PASSWORD), "t")
        self.assertIn(":task:", outputs["dms_task_arn"])

        # Protected until the protection is taken off, as a change of its own.
        refused = tree.run("destroy", "-no-color", "-auto-approve", "-target=module.aurora.aws_rds_cluster.this", check=False)
        self.assertIn("Cannot delete protected Cluster", refused.stderr)
        tree.apply("-var=deletion_protection=false")
        tree.destroy("-var=deletion_protection=false")

        rds = self.boreal.client("rds")
        self.assertEqual([s["DBClusterSnapshotIdentifier"] for s in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]], ["prod-aurora-final"])
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="prod-aurora-final")
        self.assertEqual(rds.describe_db_clusters()["DBClusters"], [])
        self.assertEqual(self.boreal.client("s3").list_buckets()["Buckets"], [])
        self.assertEqual(self.boreal.client("dms").describe_endpoints()["Endpoints"], [])
        self.assertEqual(self.boreal.client("iam").list_roles()["Roles"], [])
        self.assertEqual(postgres_processes(self.boreal.data / "postgres" / "instances"), [])
