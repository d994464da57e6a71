"""A reader that takes long to be made, as of a large database: everything else goes on."""
import os
import signal
from pathlib import Path

from e2e.helpers import Held
from e2e.rds_test import create_cluster, delete_cluster, psql, security_group, servers, wait_until, writer
from harness import Case, need


def copy_held(name):
    """The next copy of a PostgreSQL server into the folder of this name stands still."""
    def is_it(pid):
        program, *arguments = Path("/proc", pid, "cmdline").read_text().split("\0")
        return program.endswith("/pg_basebackup") and any(a.endswith(f"/servers/{name}/data") for a in arguments)
    return Held(is_it)


@need("psql")
class Readers(Case):
    def test_a_cluster_is_worked_on_while_a_reader_is_copied(self):
        rds = self.boreal.client("rds")
        before = servers(self.boreal.data)
        cluster = create_cluster(rds, "busy", 2, VpcSecurityGroupIds=[security_group(self.boreal)])

        def statuses():
            of_cluster = [{"Name": "db-cluster-id", "Values": ["busy"]}]
            return {i["DBInstanceIdentifier"]: i["DBInstanceStatus"] for i in rds.describe_db_instances(Filters=of_cluster)["DBInstances"]}

        def create(name):
            rds.create_db_instance(DBInstanceIdentifier=name, DBClusterIdentifier="busy", Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")

        with copy_held("busy-3") as held:
            create("busy-3")
            wait_until("the copy begins", lambda: held.pid)
            rds.modify_db_cluster(DBClusterIdentifier="busy", MasterUserPassword="Another-12345")
            wait_until("new password", lambda: psql(cluster["Endpoint"], "SELECT 1", "Another-12345", False).returncode == 0, 20)
            rds.reboot_db_instance(DBInstanceIdentifier="busy-2")
            wait_until("rebooted", lambda: statuses() == {"busy-1": "available", "busy-2": "available", "busy-3": "creating"}, 20)
            rds.delete_db_instance(DBInstanceIdentifier="busy-3")
            wait_until("it is given up", lambda: statuses() == {"busy-1": "available", "busy-2": "available"}, 20)
        with copy_held("busy-4") as held:
            create("busy-4")
            wait_until("the copy begins", lambda: held.pid)
            rds.failover_db_cluster(DBClusterIdentifier="busy")
            wait_until("failover", lambda: writer(rds, "busy") == "busy-2", 40)
        wait_until("made of the new writer", lambda: set(statuses().values()) == {"available"})
        with copy_held("busy-5") as held:
            create("busy-5")
            wait_until("the copy begins", lambda: held.pid)
            rds.stop_db_cluster(DBClusterIdentifier="busy")
            wait_until("stopped", lambda: rds.describe_db_clusters(DBClusterIdentifier="busy")["DBClusters"][0]["Status"] == "stopped")
        rds.start_db_cluster(DBClusterIdentifier="busy")
        wait_until("all of them", lambda: list(statuses().values()) == ["available"] * 4)
        delete_cluster(rds, "busy")
        self.assertEqual(servers(self.boreal.data), before)

    def test_a_reader_is_available_when_it_shows_what_its_writer_has(self):
        rds = self.boreal.client("rds")
        cluster = create_cluster(rds, "late", 2, VpcSecurityGroupIds=[security_group(self.boreal)])
        write, reader = cluster["Endpoint"], rds.describe_db_instances(DBInstanceIdentifier="late-2")["DBInstances"][0]["Endpoint"]["Address"]

        def status():
            return rds.describe_db_instances(DBInstanceIdentifier="late-2")["DBInstances"][0]["DBInstanceStatus"]

        def receives(pid):
            return Path("/proc", pid, "cmdline").read_bytes().startswith(b"postgres: walreceiver") and \
                os.readlink(f"/proc/{pid}/cwd").endswith("/servers/late-2/data")

        [server] = servers(self.boreal.data, "late-2")
        with Held(receives) as held:
            os.kill(server, signal.SIGKILL)
            wait_until("told as starting", lambda: status() == "starting")
            wait_until("it is to receive", lambda: held.pid)
            wait_until("it is up", lambda: psql(reader, "SELECT 1", check=False).returncode == 0)
            recovering = servers(self.boreal.data, "late-2")
            for password in "Another-12345", "Third-12345":  # the keeper has looked at it in between
                rds.modify_db_cluster(DBClusterIdentifier="late", MasterUserPassword=password)
                wait_until("new password", lambda: psql(write, "SELECT 1", password, False).returncode == 0, 20)
            # A machine that took ten seconds for this has the reader, which does not follow, made anew.
            self.assertTrue(status() == "starting" or servers(self.boreal.data, "late-2") != recovering)
        wait_until("caught up", lambda: status() == "available")
        self.assertEqual(psql(reader, "SELECT 1", "Third-12345"), "1")
        delete_cluster(rds, "late")

    def test_a_reader_follows_a_writer_that_was_given_more(self):
        """PostgreSQL's standbys replay nothing as long as they have less of this than their primary."""
        rds = self.boreal.client("rds")
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="more", DBParameterGroupFamily="aurora-postgresql15", Description="d")
        cluster = create_cluster(rds, "given", 2, EngineVersion="15.4", DBClusterParameterGroupName="more",
                                 VpcSecurityGroupIds=[security_group(self.boreal)])
        write, read = cluster["Endpoint"], rds.describe_db_instances(DBInstanceIdentifier="given-2")["DBInstances"][0]["Endpoint"]["Address"]
        rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="more", Parameters=[
            {"ParameterName": "max_connections", "ParameterValue": "160", "ApplyMethod": "pending-reboot"}])
        rds.reboot_db_instance(DBInstanceIdentifier="given-1")
        wait_until("in force", lambda: psql(write, "SHOW max_connections", check=False).stdout.strip() == "160")
        psql(write, "CREATE TABLE t AS SELECT 7 n")
        wait_until("the reader shows it", lambda: psql(read, "SELECT n FROM t", check=False).stdout.strip() == "7", 40)
        of_cluster = [{"Name": "db-cluster-id", "Values": ["given"]}]
        wait_until("all of it is available", lambda: {"available"} == {
            rds.describe_db_clusters(DBClusterIdentifier="given")["DBClusters"][0]["Status"],
            *(i["DBInstanceStatus"] for i in rds.describe_db_instances(Filters=of_cluster)["DBInstances"])})
        rds.failover_db_cluster(DBClusterIdentifier="given")
        wait_until("failover", lambda: writer(rds, "given") == "given-2", 40)
        delete_cluster(rds, "given")

    def test_a_copy_that_outlived_boreal_is_ended(self):
        """It would go on writing into the copy that is made in its place."""
        rds = self.boreal.client("rds")
        create_cluster(rds, "killed", 2, VpcSecurityGroupIds=[security_group(self.boreal)])
        with copy_held("killed-3") as held:
            rds.create_db_instance(DBInstanceIdentifier="killed-3", DBClusterIdentifier="killed", Engine="aurora-postgresql",
                                   DBInstanceClass="db.t3.medium")
            wait_until("the copy begins", lambda: held.pid)
            self.boreal.kill()
            self.boreal.start()
            rds = self.boreal.client("rds")
            wait_until("made anew", lambda: all(i["DBInstanceStatus"] == "available" for i in rds.describe_db_instances()["DBInstances"]))
            self.assertFalse(Path(f"/proc/{held.pid}/cwd").exists(), "it still runs")
        delete_cluster(rds, "killed")
