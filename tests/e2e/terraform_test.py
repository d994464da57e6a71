"""Our own Terraform tree: it applies, its second plan is empty, it goes away whole. (guide_test.py: the guide's.)"""
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from e2e.guide_test import postgres_processes, psql
from e2e.helpers import eventually
from harness import PATIENCE_S, ROOT, Case, need
from terraform import Tree, needs_terraform

PASSWORD = "Correct-Horse-42"


@need("terraform")
class Format(unittest.TestCase):
    def test_the_tree_is_formatted(self):
        done = subprocess.run(["terraform", "fmt", "-check", "-recursive", "-diff", str(ROOT / "terraform")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@needs_terraform
class OwnTree(Case):
    mostly_waits = 7
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


# Needs no provider: terraform_data is Terraform's own.
WITH_STATE_IN_S3 = """
terraform {
  backend "s3" {
    bucket         = "state"
    key            = "prod/the state.tfstate"
    use_lockfile   = true
    use_path_style = true
  }
}
variable "number" { default = 1 }
variable "wait_for" { default = "/" }
resource "terraform_data" "things" {
  count = var.number
  provisioner "local-exec" { command = "until [ -e '${var.wait_for}' ]; do sleep 0.1; done" }
}
"""


@need("terraform")
class StateInS3(Case):
    """Terraform's own state in a bucket, under the lock that it makes with If-None-Match."""

    def setUp(self):
        self.s3 = self.boreal.client("s3")
        self.s3.create_bucket(Bucket="state")
        self.s3.put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})
        self.folder = Path(tempfile.mkdtemp(prefix="boreal-tf-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "main.tf").write_text(WITH_STATE_IN_S3)
        self.assertEqual(self.terraform("init"), (0, ""))

    def start(self, command, *args):
        env = self.boreal.environment(TF_IN_AUTOMATION="1", TF_INPUT="0", CHECKPOINT_DISABLE="1", TF_CLI_CONFIG_FILE="/dev/null")
        return subprocess.Popen(["terraform", *command.split(), "-no-color", *args], cwd=self.folder, env=env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def terraform(self, command, *args):
        process = self.start(command, *args)
        _, errors = process.communicate(timeout=PATIENCE_S)
        return process.returncode, errors

    def keys(self):
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket="state").get("Contents", [])]

    def test_two_do_not_apply_at_once(self):
        go = self.folder / "go"
        first = self.start("apply", "-auto-approve", f"-var=wait_for={go}")
        eventually(lambda: self.assertIn("prod/the state.tfstate.tflock", self.keys()))
        code, errors = self.terraform("apply", "-auto-approve", "-var=number=2")
        self.assertEqual(code, 1)
        self.assertIn("Error acquiring the state lock", errors)
        self.assertIn("PreconditionFailed", errors)
        self.assertIn("OperationTypeApply", errors)  # who holds it, read from the lock
        go.touch()
        self.assertEqual(first.communicate(timeout=PATIENCE_S)[1], "")
        self.assertEqual(self.keys(), ["prod/the state.tfstate"])
        self.assertEqual(self.terraform("apply", "-auto-approve", "-var=number=2"), (0, ""))
        self.assertEqual(self.terraform("plan", "-detailed-exitcode", "-var=number=2"), (0, ""))

    def test_workspaces_and_a_state_from_before(self):
        self.assertEqual(self.terraform("apply", "-auto-approve"), (0, ""))
        self.assertEqual(self.terraform("workspace new", "blue"), (0, ""))
        self.assertEqual(self.terraform("apply", "-auto-approve", "-var=number=3"), (0, ""))
        self.assertEqual(self.keys(), ["env:/blue/prod/the state.tfstate", "prod/the state.tfstate"])
        self.assertEqual(self.terraform("workspace select", "default"), (0, ""))
        self.assertEqual(self.terraform("plan", "-detailed-exitcode"), (0, ""))
        # The state before the last change is put back by copying its version.
        self.assertEqual(self.terraform("apply", "-auto-approve", "-var=number=2"), (0, ""))
        versions = self.s3.list_object_versions(Bucket="state", Prefix="prod/the state.tfstate")["Versions"]
        before = [version for version in versions if version["Key"] == "prod/the state.tfstate"][1]
        self.s3.copy_object(Bucket="state", Key=before["Key"],
                            CopySource={"Bucket": "state", "Key": before["Key"], "VersionId": before["VersionId"]})
        self.assertEqual(self.terraform("plan", "-detailed-exitcode"), (0, ""))
        self.assertEqual(self.terraform("workspace delete", "-force", "blue")[0], 0)
        self.assertEqual(self.keys(), ["prod/the state.tfstate"])
