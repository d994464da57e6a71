"""Clusters whose data takes long to come back, or does not come back: what they say, and what can be done with them."""
import concurrent.futures
import os
import signal
import socket
from pathlib import Path

from e2e.helpers import Held
from e2e.rds_test import add_instances, children, create_cluster, delete_cluster, psql, security_group, servers, wait_until
from harness import Case, error_code, need

FAILED = "restore-error"


def recovery_held(folder):
    """The next recovery of a PostgreSQL server below the folder stands still."""
    def is_it(pid):
        title = Path("/proc", pid, "cmdline").read_bytes()
        return title.startswith(b"postgres: startup") and os.readlink(f"/proc/{pid}/cwd").startswith(str(folder))
    return Held(is_it)


@need("psql")
class Recovery(Case):
    mostly_waits = 2

    def status(self, rds, name):
        cluster = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        instances = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [name]}])["DBInstances"]
        return cluster["Status"], {i["DBInstanceStatus"] for i in instances}

    def test_a_server_that_recovers_is_told_as_starting_and_is_not_cut_off(self):
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        cluster = create_cluster(rds, "slow", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        endpoint = cluster["Endpoint"]
        psql(endpoint, "CREATE TABLE t AS SELECT generate_series(1, 300000) n")
        [server] = servers(self.boreal.data) - before
        with recovery_held(self.boreal.data) as held:
            os.kill(server, signal.SIGKILL)
            wait_until("recovery begins", lambda: held.pid)
            wait_until("told as starting", lambda: self.status(rds, "slow") == ("starting", {"starting"}))
            self.assertIn("not accepting connections", psql(endpoint, "SELECT 1", check=False).stderr)
            self.assertEqual(error_code(rds.create_db_cluster_snapshot, DBClusterIdentifier="slow",
                                        DBClusterSnapshotIdentifier="none"), "InvalidDBClusterStateFault")
            wait_until("it is waited for no more", lambda: "recovers still" in self.boreal.log())
            [recovering] = servers(self.boreal.data) - before
            held.go_on()
            wait_until("up", lambda: self.status(rds, "slow") == ("available", {"available"}))
        self.assertEqual(servers(self.boreal.data) - before, {recovering})
        self.assertEqual(psql(endpoint, "SELECT count(*) FROM t"), "300000")
        delete_cluster(rds, "slow")

    def test_a_server_of_which_a_process_crashed_is_told_as_starting(self):
        """PostgreSQL would start the others again by itself, and nobody would know."""
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        create_cluster(rds, "crashed", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        [server] = servers(self.boreal.data) - before
        [process] = [pid for pid in children(server) if b"walwriter" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        with recovery_held(self.boreal.data) as held:
            os.kill(process, signal.SIGKILL)
            wait_until("recovery begins", lambda: held.pid)
            wait_until("told as starting", lambda: self.status(rds, "crashed") == ("starting", {"starting"}))
            held.go_on()
            wait_until("up", lambda: self.status(rds, "crashed") == ("available", {"available"}))
        delete_cluster(rds, "crashed")

    def test_who_comes_while_boreal_starts_hears_that_it_does(self):
        """Not that no rule lets him in, which drivers take for final."""
        rds = self.boreal.client("rds")
        cluster = create_cluster(rds, "early", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        startup = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0"

        def answer():
            try:
                with socket.create_connection((cluster["Endpoint"], cluster["Port"]), timeout=60) as client:
                    client.sendall(startup)
                    return client.recv(1000)
            except OSError:  # it does not listen yet
                return b""

        self.boreal.kill()
        answers = []
        with concurrent.futures.ThreadPoolExecutor() as pool:
            starting = pool.submit(self.boreal.start)
            wait_until("up", lambda: answers.append(answer()) or answers[-1].startswith(b"R"))
            starting.result()
        self.assertEqual([], [a for a in answers if b"C28000" in a])
        delete_cluster(rds, "early")

    def test_an_instance_that_recovers_can_be_deleted(self):
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        cluster = create_cluster(rds, "gone", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        psql(cluster["Endpoint"], "CREATE TABLE t AS SELECT generate_series(1, 300000) n")
        [server] = servers(self.boreal.data) - before
        with recovery_held(self.boreal.data) as held:
            os.kill(server, signal.SIGKILL)
            wait_until("recovery begins", lambda: held.pid)
            delete_cluster(rds, "gone")
        self.assertEqual(servers(self.boreal.data) - before, set())

    def test_a_restore_that_cannot_succeed_says_so(self):
        rds = self.boreal.client("rds")
        create_cluster(rds, "source", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        snapshots = self.boreal.data / "postgres/snapshots"
        before = set(snapshots.glob("*")) if snapshots.exists() else set()
        rds.create_db_cluster_snapshot(DBClusterIdentifier="source", DBClusterSnapshotIdentifier="damaged")
        wait_until("snapshot", lambda: rds.describe_db_cluster_snapshots(
            DBClusterSnapshotIdentifier="damaged")["DBClusterSnapshots"][0]["Status"] == "available")
        [file] = set(snapshots.glob("*")) - before
        with open(file, "r+b") as opened:  # past its middle, so that much of it is restored before
            opened.seek(file.stat().st_size * 2 // 3)
            byte = opened.read(1)[0]
            opened.seek(-1, 1)
            opened.write(bytes([byte ^ 1]))
        rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="never", SnapshotIdentifier="damaged", Engine="aurora-postgresql")
        instance = {"DBClusterIdentifier": "never", "Engine": "aurora-postgresql", "DBInstanceClass": "db.t3.medium"}
        rds.create_db_instance(DBInstanceIdentifier="never-1", **instance)
        wait_until("failure is told", lambda: self.status(rds, "never") == (FAILED, {FAILED}))
        said = [e["Message"] for e in rds.describe_events(SourceType="db-cluster", SourceIdentifier="never")["Events"]]
        self.assertTrue(any("Restore from snapshot damaged failed" in message for message in said), said)
        self.assertEqual(error_code(rds.create_db_instance, DBInstanceIdentifier="never-2", **instance), "InvalidDBClusterStateFault")
        # It stays so, and goes when it is told to; the snapshot can go before.
        self.boreal.kill()
        self.boreal.start()
        rds = self.boreal.client("rds")
        self.assertEqual(self.status(rds, "never"), (FAILED, {FAILED}))
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="damaged")
        delete_cluster(rds, "never")
        delete_cluster(rds, "source")

    def test_a_reader_that_does_not_come_up_keeps_nothing_from_the_others(self):
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        cluster = create_cluster(rds, "lame", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        of_writer = servers(self.boreal.data)
        rds.create_db_instance(DBInstanceIdentifier="lame-2", DBClusterIdentifier="lame", Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")

        def status(n):
            return rds.describe_db_instances(DBInstanceIdentifier=f"lame-{n}")["DBInstances"][0]["DBInstanceStatus"]

        wait_until("reader", lambda: status(2) == "available")
        [control] = self.boreal.data.glob("postgres/instances/*/**/servers/lame-2/data/global/pg_control")
        control.rename(f"{control}.away")
        [reader] = servers(self.boreal.data) - of_writer
        os.kill(reader, signal.SIGKILL)
        wait_until("told as starting", lambda: status(2) == "starting")
        rds.modify_db_cluster(DBClusterIdentifier="lame", MasterUserPassword="Another-12345")
        wait_until("new password", lambda: psql(cluster["Endpoint"], "SELECT 1", "Another-12345", False).returncode == 0, 20)
        wait_until("told", lambda: rds.describe_db_clusters(DBClusterIdentifier="lame")["DBClusters"][0]["Status"] == "available")
        rds.reboot_db_instance(DBInstanceIdentifier="lame-1")
        wait_until("rebooted", lambda: status(1) == "available")
        wait_until("made anew", lambda: status(2) == "available")
        said = [e["Message"] for e in rds.describe_events(SourceType="db-instance", SourceIdentifier="lame-2")["Events"]]
        self.assertIn("DB instance did not start and is made anew", said)
        delete_cluster(rds, "lame")
        self.assertEqual(servers(self.boreal.data), before)

    def test_a_database_that_its_user_dropped_is_not_made_again(self):
        rds = self.boreal.client("rds")
        cluster = create_cluster(rds, "dropped", 1, VpcSecurityGroupIds=[security_group(self.boreal)])
        endpoint = cluster["Endpoint"]
        psql(endpoint, "CREATE DATABASE other")
        psql(endpoint, "DROP DATABASE shop", database="other")
        rds.modify_db_cluster(DBClusterIdentifier="dropped", MasterUserPassword="Another-12345")
        wait_until("new password", lambda: psql(endpoint, "SELECT 1", "Another-12345", False, "other").returncode == 0)
        self.assertEqual(psql(endpoint, "SELECT datname FROM pg_database WHERE datname IN ('shop', 'other')",
                              "Another-12345", database="other"), "other")
        delete_cluster(rds, "dropped", FinalDBSnapshotIdentifier="without")
        again = rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="restored", SnapshotIdentifier="without", Engine="aurora-postgresql",
                                                     VpcSecurityGroupIds=[security_group(self.boreal)])["DBCluster"]
        add_instances(rds, "restored", 1)
        self.assertEqual(psql(again["Endpoint"], "SELECT datname FROM pg_database WHERE datname IN ('shop', 'other')",
                              "Another-12345", database="other"), "other")
        delete_cluster(rds, "restored")
