"""A database cluster through boto3, the CLI and psql: its whole life on real PostgreSQL."""
import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from e2e.helpers import allow, files_with, has_replayed, user
from harness import PATIENCE_S, Boreal, Case, error_code, need

PASSWORD = "ChangeMe-12345"
INACCESSIBLE = "inaccessible-encryption-credentials-recoverable"


def psql(host, sql, password=PASSWORD, check=True, database="shop"):
    done = subprocess.run(["psql", "-h", host, "-U", "postgres", "-d", database, "-XAtc", sql, "-v", "VERBOSITY=verbose"],
                          env={**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "60"}, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip() if check else done


def wait_until(what, holds, timeout_s=PATIENCE_S):
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(0.1)


def servers(data, instance="*"):
    """Pids of the PostgreSQL servers below the data folder, of all or of one instance: of each, the first process."""
    # Not "**": files within the servers' data come and go while it looks.
    return {int(p.read_text().splitlines()[0]) for where in ("*", "*/cluster", "*/content/cluster")
            for p in Path(data).glob(f"postgres/instances/{where}/servers/{instance}/data/postmaster.pid")}


def children(pid):
    """Pids of the processes that a process has started."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(child) for child in task.read_text().split()}
        except OSError:
            pass  # the thread has ended
    return found


def security_group(boreal, cidr="127.0.0.0/8"):
    ec2 = boreal.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName=f"db-{time.monotonic_ns()}", Description="databases", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission(cidr)])
    return group


def permission(cidr):
    return {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": cidr}]}


def create_cluster(rds, name, instances=2, **more):
    cluster = rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="postgres",
                                    MasterUserPassword=PASSWORD, DatabaseName="shop", **more)["DBCluster"]
    add_instances(rds, name, instances)
    return cluster


def add_instances(rds, name, count):
    for n in range(count):
        rds.create_db_instance(DBInstanceIdentifier=f"{name}-{n + 1}", DBClusterIdentifier=name, Engine="aurora-postgresql",
                               DBInstanceClass="db.t3.medium")
    of_cluster = [{"Name": "db-cluster-id", "Values": [name]}]
    wait_until("instances available", lambda: all(
        i["DBInstanceStatus"] == "available" for i in rds.describe_db_instances(Filters=of_cluster)["DBInstances"]))


def writer(rds, name):
    members = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DBClusterMembers"]
    return next((m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]), None)


def delete_cluster(rds, name, **how):
    for member in rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DBClusterMembers"]:
        deleted = rds.delete_db_instance(DBInstanceIdentifier=member["DBInstanceIdentifier"])["DBInstance"]
        assert deleted["DBInstanceStatus"] == "deleting", deleted
    of_cluster = [{"Name": "db-cluster-id", "Values": [name]}]
    wait_until("instances gone", lambda: not rds.describe_db_instances(Filters=of_cluster)["DBInstances"])
    rds.delete_db_cluster(DBClusterIdentifier=name, **(how or {"SkipFinalSnapshot": True}))
    wait_until("cluster gone", lambda: not rds.describe_db_clusters(
        Filters=[{"Name": "db-cluster-id", "Values": [name]}])["DBClusters"])


@need("psql")
class Life(Case):
    def test_life_of_a_cluster(self):
        rds = self.boreal.client("rds")
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="cpg", DBParameterGroupFamily="aurora-postgresql13",
                                              Description="d")
        cluster = create_cluster(rds, "life", EngineVersion="13.7", DeletionProtection=True,
                                 DBClusterParameterGroupName="cpg", VpcSecurityGroupIds=[security_group(self.boreal)])
        write, read = cluster["Endpoint"], cluster["ReaderEndpoint"]
        self.assertEqual(cluster["EngineVersion"], "13.7")
        psql(write, "CREATE TABLE t AS SELECT generate_series(1, 1000) n")
        self.assertEqual(psql(read, has_replayed(psql(write, "SELECT pg_current_wal_lsn()"))), "t")
        self.assertEqual(psql(read, "SELECT count(*) FROM t"), "1000")
        self.assertIn("25006", psql(read, "INSERT INTO t VALUES (1)", check=False).stderr)
        self.assertEqual(psql(write, "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'"), "f")

        rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="cpg", Parameters=[
            {"ParameterName": "log_statement", "ParameterValue": "all", "ApplyMethod": "immediate"},
            {"ParameterName": "max_connections", "ParameterValue": "60", "ApplyMethod": "pending-reboot"}])
        wait_until("parameter in force", lambda: psql(write, "SHOW log_statement") == "all")
        self.assertEqual(psql(write, "SHOW max_connections"), "100")
        user = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="cpg", Source="user")["Parameters"]
        self.assertEqual([(p["ParameterName"], p["ParameterValue"], p["ApplyMethod"]) for p in user],
                         [("log_statement", "all", "immediate"), ("max_connections", "60", "pending-reboot")])
        # The last two would run a program on this machine, and leave readers and snapshots without what they need.
        for name, value in ("log_statement", "some"), ("archive_command", "touch /tmp/ours"), ("wal_level", "minimal"):
            bad = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}]
            self.assertEqual(error_code(rds.modify_db_cluster_parameter_group, DBClusterParameterGroupName="cpg", Parameters=bad),
                             "InvalidParameterValue", name)

        self.assertEqual(error_code(rds.delete_db_cluster, DBClusterIdentifier="life", SkipFinalSnapshot=True),
                         "InvalidParameterCombination")
        rds.failover_db_cluster(DBClusterIdentifier="life", TargetDBInstanceIdentifier="life-2")
        wait_until("failover", lambda: writer(rds, "life") == "life-2")
        psql(write, "INSERT INTO t VALUES (1001)")

        rds.modify_db_cluster(DBClusterIdentifier="life", MasterUserPassword="Another-12345", DeletionProtection=False)
        wait_until("new password", lambda: psql(write, "SELECT 1", "Another-12345", check=False).returncode == 0)
        self.assertNotEqual(psql(write, "SELECT 1", check=False).returncode, 0)

        said = [e["Message"] for e in rds.describe_events(SourceType="db-cluster", SourceIdentifier="life")["Events"]]
        self.assertIn("Engine version 13.7 served by PostgreSQL 15", said)
        self.assertIn("Completed failover to DB instance: life-2", said)
        files = rds.describe_db_log_files(DBInstanceIdentifier="life-1")["DescribeDBLogFiles"]
        text = rds.download_db_log_file_portion(DBInstanceIdentifier="life-1", LogFileName=files[0]["LogFileName"], Marker="0")
        self.assertIn("database system is ready", text["LogFileData"])
        self.assertNotIn("SCRAM-SHA-256$", text["LogFileData"])

        delete_cluster(rds, "life", FinalDBSnapshotIdentifier="life-final")
        self.assertEqual(servers(self.boreal.data), set())
        again = rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="again", SnapshotIdentifier="life-final",
                                                     Engine="aurora-postgresql",
                                                     VpcSecurityGroupIds=[security_group(self.boreal)])["DBCluster"]
        add_instances(rds, "again", 1)
        self.assertEqual(psql(again["Endpoint"], "SELECT count(*) FROM t", "Another-12345"), "1001")
        delete_cluster(rds, "again")

    def test_security_groups_let_in_and_lock_out(self):
        rds, ec2 = self.boreal.client("rds"), self.boreal.client("ec2")
        group = security_group(self.boreal)
        cluster = create_cluster(rds, "doors", 1, VpcSecurityGroupIds=[group])
        self.assertEqual(psql(cluster["Endpoint"], "SELECT 1"), "1")
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission("127.0.0.0/8")])
        address = rds.describe_db_instances(DBInstanceIdentifier="doors-1")["DBInstances"][0]["Endpoint"]["Address"]
        for host in (cluster["Endpoint"], address):
            wait_until("locked out", lambda: psql(host, "SELECT 1", check=False).returncode != 0)
        insistent = psql(cluster["Endpoint"], "SELECT 1", check=False, database="dbname=shop sslmode=require")
        self.assertIn("no rule of this database's network lets in", insistent.stderr)
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission("127.0.0.0/8")])
        wait_until("let in", lambda: psql(cluster["Endpoint"], "SELECT 1", check=False).returncode == 0)
        self.assertEqual(error_code(ec2.delete_security_group, GroupId=group), "DependencyViolation")
        delete_cluster(rds, "doors")
        ec2.delete_security_group(GroupId=group)

    def test_refusals(self):
        rds = self.boreal.client("rds")
        def refused(**more):
            return error_code(rds.create_db_cluster, DBClusterIdentifier="no", Engine="aurora-postgresql",
                              MasterUsername="postgres", MasterUserPassword=PASSWORD, **more)
        self.assertEqual(refused(EngineVersion="99.1"), "InvalidParameterCombination")
        self.assertEqual(refused(ManageMasterUserPassword=True), "InvalidParameterCombination")  # with a password besides
        self.assertEqual(error_code(rds.describe_db_clusters, DBClusterIdentifier="no"), "DBClusterNotFoundFault")
        self.assertEqual(rds.describe_global_clusters()["GlobalClusters"], [])
        # Of an instance, what is its cluster's.
        instance = {"DBInstanceIdentifier": "no-1", "DBClusterIdentifier": "no", "DBInstanceClass": "db.t3.medium", "Engine": "aurora-postgresql"}
        for more in ({"MasterUserPassword": PASSWORD}, {"VpcSecurityGroupIds": ["sg-1"]}, {"DeletionProtection": True}):
            self.assertEqual(error_code(rds.create_db_instance, **instance, **more), "InvalidParameterCombination", more)
            self.assertEqual(error_code(rds.modify_db_instance, DBInstanceIdentifier="no-1", **more), "InvalidParameterCombination", more)
        self.assertEqual(error_code(rds.modify_db_instance, DBInstanceIdentifier="no-1", CACertificateIdentifier="rds-ca-ecc384-g1"),
                         "InvalidParameterCombination")
        self.assertEqual(error_code(rds.delete_db_instance, DBInstanceIdentifier="no-1", FinalDBSnapshotIdentifier="last"), "InvalidParameterCombination")
        create_cluster(rds, "said", 0)
        instance["DBClusterIdentifier"] = "said"
        for more in ({"DBSubnetGroupName": "other"}, {"StorageEncrypted": True}, {"PreferredBackupWindow": "01:00-02:00"}):
            self.assertEqual(error_code(rds.create_db_instance, **instance, **more), "InvalidParameterCombination", more)
        delete_cluster(rds, "said")
        # What would have no effect, and words that mean nothing.
        for more in ({"AllocatedStorage": 100}, {"Iops": 1000}, {"OptionGroupName": "own"}, {"CACertificateIdentifier": "rds-ca-ecc384-g1"}):
            self.assertEqual(refused(DBSubnetGroupName="none", **more), "InvalidParameterCombination", more)
            self.assertEqual(error_code(rds.modify_db_cluster, DBClusterIdentifier="no", **more), "InvalidParameterCombination", more)
        nothing = {"AllocatedStorage": 0, "Iops": 0}  # Terraform's provider sends zeros that its configuration has
        self.assertEqual(refused(DBSubnetGroupName="none", **nothing), "DBSubnetGroupNotFoundFault")
        self.assertEqual(error_code(rds.modify_db_cluster, DBClusterIdentifier="no", **nothing), "DBClusterNotFoundFault")
        self.assertEqual(refused(DBSubnetGroupName="none", PubliclyAccessible=True), "InvalidParameterCombination")
        for more in ({"NetworkType": "DUAL"}, {"BacktrackWindow": 60}, {"EnableLimitlessDatabase": True}):
            self.assertEqual(error_code(rds.modify_db_cluster, DBClusterIdentifier="no", **more), "InvalidParameterCombination", more)
        for more in ({"StorageType": "io1"}, {"DatabaseInsightsMode": "deep"}):
            self.assertEqual(refused(DBSubnetGroupName="none", **more), "InvalidParameterValue", more)
            self.assertEqual(error_code(rds.modify_db_cluster, DBClusterIdentifier="no", **more), "InvalidParameterValue", more)

    def test_policies_are_asked_about_all_that_a_call_uses(self):
        self.boreal.client("rds").create_db_cluster(DBClusterIdentifier="kept", Engine="aurora-postgresql", MasterUsername="postgres",
                                                    MasterUserPassword=PASSWORD)
        names = [f"arn:aws:rds:us-east-1:000000000000:{kind}:kept" for kind in ("cluster", "cluster-pg", "pg", "subgrp", "cluster-snapshot")]
        ann = user(self, "rds-not-kept", allow("rds:*"), {"Effect": "Deny", "Action": "rds:*", "Resource": names})("rds")
        engine = {"Engine": "aurora-postgresql"}
        instance = {"DBInstanceIdentifier": "anns", "DBInstanceClass": "db.t3.medium", **engine}
        new = {"DBClusterIdentifier": "anns", "MasterUsername": "postgres", "MasterUserPassword": PASSWORD, **engine}
        restored = {"DBClusterIdentifier": "anns", "SnapshotIdentifier": "none", **engine}
        for call, wants in ((ann.create_db_instance, {"DBClusterIdentifier": "Kept", **instance}),
                            (ann.create_db_instance, {"DBClusterIdentifier": "none", "DBParameterGroupName": "Kept", **instance}),
                            (ann.modify_db_instance, {"DBInstanceIdentifier": "none", "DBParameterGroupName": "Kept"}),
                            (ann.create_db_cluster, {"DBClusterParameterGroupName": "Kept", **new}),
                            (ann.create_db_cluster, {"DBSubnetGroupName": "Kept", **new}),
                            (ann.modify_db_cluster, {"DBClusterIdentifier": "none", "DBClusterParameterGroupName": "Kept"}),
                            (ann.restore_db_cluster_from_snapshot, {"DBClusterParameterGroupName": "Kept", **restored}),
                            (ann.restore_db_cluster_from_snapshot, {"DBSubnetGroupName": "Kept", **restored}),
                            (ann.delete_db_cluster, {"DBClusterIdentifier": "none", "FinalDBSnapshotIdentifier": "Kept"})):
            self.assertEqual(error_code(call, **wants), "AccessDenied", wants)
        self.assertEqual(error_code(ann.create_db_instance, DBClusterIdentifier="none", **instance), "DBClusterNotFoundFault")
        ben = user(self, "rds-no-snapshots", allow("rds:*"), {"Effect": "Deny", "Action": "rds:CreateDBClusterSnapshot", "Resource": "*"})("rds")
        self.assertEqual(error_code(ben.delete_db_cluster, DBClusterIdentifier="none", FinalDBSnapshotIdentifier="last"), "AccessDenied")
        self.assertEqual(error_code(ben.delete_db_cluster, DBClusterIdentifier="none", SkipFinalSnapshot=True), "DBClusterNotFoundFault")
        delete_cluster(self.boreal.client("rds"), "kept")

    def test_policies_are_told_what_is_made_and_its_tags(self):
        engine = {"Engine": "aurora-postgresql"}
        deny = {"Effect": "Deny", "Action": ["rds:Create*", "rds:AddTagsToResource"], "Resource": "*"}
        ann = user(self, "rds-by-kind", allow("rds:*"), *({**deny, "Condition": condition} for condition in (
            {"Bool": {"rds:StorageEncrypted": "false"}}, {"StringLike": {"rds:DatabaseClass": "db.r*"}},
            {"StringEquals": {"rds:req-tag/stage": "prod"}})))("rds")
        new = {"DBClusterIdentifier": "anns", "MasterUsername": "postgres", "MasterUserPassword": PASSWORD, "EngineVersion": "99.1", **engine}
        self.assertEqual(error_code(ann.create_db_cluster, **new), "AccessDenied")
        self.assertEqual(error_code(ann.create_db_cluster, StorageEncrypted=True, **new), "InvalidParameterCombination")
        prod = [{"Key": "stage", "Value": "prod"}]
        self.assertEqual(error_code(ann.create_db_cluster, StorageEncrypted=True, Tags=prod, **new), "AccessDenied")
        self.assertEqual(error_code(ann.add_tags_to_resource, ResourceName="arn:aws:rds:us-east-1:000000000000:cluster:none", Tags=prod),
                         "AccessDenied")
        # As AWS's guide has it: instances of one engine, and no Multi-AZ.
        ben = user(self, "rds-one-engine", allow("rds:CreateDBInstance", Condition={
            "StringEquals": {"rds:DatabaseEngine": engine["Engine"]}, "Bool": {"rds:MultiAz": "false"}}))("rds")
        instance = {"DBInstanceIdentifier": "anns", "DBClusterIdentifier": "none", **engine}
        self.assertEqual(error_code(ann.create_db_instance, DBInstanceClass="db.r6g.large", **instance), "AccessDenied")
        for who in (ann, ben):
            self.assertEqual(error_code(who.create_db_instance, DBInstanceClass="db.t3.medium", **instance), "DBClusterNotFoundFault")

    def test_how_a_cluster_is_watched_is_kept_and_its_instances_follow(self):
        """Terraform sets Performance Insights at the cluster (database_insights_mode = "advanced" asks for them), and reads them back."""
        rds = self.boreal.client("rds")

        def seen(kind, answer):
            return answer["PerformanceInsightsEnabled"], answer.get("PerformanceInsightsRetentionPeriod"), answer["MonitoringInterval"], kind

        def both():
            return (seen("cluster", rds.describe_db_clusters(DBClusterIdentifier="watched")["DBClusters"][0]),
                    *(seen(i["DBInstanceIdentifier"], i) for i in rds.describe_db_instances(
                        Filters=[{"Name": "db-cluster-id", "Values": ["watched"]}])["DBInstances"]))

        rds.create_db_cluster(DBClusterIdentifier="watched", Engine="aurora-postgresql", MasterUsername="postgres", MasterUserPassword=PASSWORD,
                              EnablePerformanceInsights=True, PerformanceInsightsRetentionPeriod=31)
        instance = dict(DBClusterIdentifier="watched", Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")
        rds.create_db_instance(DBInstanceIdentifier="watched-1", **instance)
        rds.create_db_instance(DBInstanceIdentifier="watched-2", EnablePerformanceInsights=False, **instance)
        self.assertEqual(both(), ((True, 31, 0, "cluster"), (True, 31, 0, "watched-1"), (False, None, 0, "watched-2")))
        wait_until("instances available", lambda: all(
            rds.describe_db_instances(DBInstanceIdentifier=f"watched-{n}")["DBInstances"][0]["DBInstanceStatus"] == "available" for n in (1, 2)))
        rds.modify_db_cluster(DBClusterIdentifier="watched", DatabaseInsightsMode="advanced", EnablePerformanceInsights=True,
                              PerformanceInsightsRetentionPeriod=465)
        self.assertEqual(both(), ((True, 465, 0, "cluster"), (True, 465, 0, "watched-1"), (True, 465, 0, "watched-2")))
        rds.modify_db_cluster(DBClusterIdentifier="watched", BackupRetentionPeriod=2)
        self.assertEqual(both()[0], (True, 465, 0, "cluster"), "what is not spoken of stays")
        rds.modify_db_cluster(DBClusterIdentifier="watched", PerformanceInsightsRetentionPeriod=31)
        rds.modify_db_instance(DBInstanceIdentifier="watched-1", PerformanceInsightsRetentionPeriod=62)
        self.assertEqual(both(), ((True, 31, 0, "cluster"), (True, 62, 0, "watched-1"), (True, 31, 0, "watched-2")), "Terraform sends what changed alone")
        for bad, code in ({"EnablePerformanceInsights": True, "PerformanceInsightsRetentionPeriod": 8}, "InvalidParameterValue"), \
                ({"MonitoringInterval": 60}, "InvalidParameterCombination"), \
                ({"MonitoringRoleArn": "arn:aws:iam::000000000000:role/watcher"}, "InvalidParameterCombination"):
            self.assertEqual(error_code(rds.modify_db_cluster, DBClusterIdentifier="watched", **bad), code)
        iam = self.boreal.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "monitoring.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
        of = lambda name: {"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:rds:*:000000000000:db:{name}"}}}
        roles = [iam.create_role(RoleName=f"watcher-{n}", AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**trust, **more}]}))["Role"]["Arn"]
                 for n, more in enumerate(({}, of("watched-*"), of("other-*")))]
        self.assertEqual(error_code(rds.modify_db_instance, DBInstanceIdentifier="watched-1", MonitoringInterval=60, MonitoringRoleArn=roles[2]),
                         "InvalidParameterValue")
        rds.modify_db_instance(DBInstanceIdentifier="watched-1", MonitoringInterval=60, MonitoringRoleArn=roles[0])
        rds.modify_db_instance(DBInstanceIdentifier="watched-1", MonitoringInterval=30)
        rds.modify_db_instance(DBInstanceIdentifier="watched-1", MonitoringRoleArn=roles[1])
        shown = rds.describe_db_instances(DBInstanceIdentifier="watched-1")["DBInstances"][0]
        self.assertEqual((shown["MonitoringInterval"], shown["MonitoringRoleArn"]), (30, roles[1]))
        rds.modify_db_instance(DBInstanceIdentifier="watched-1", MonitoringInterval=0)
        shown = rds.describe_db_instances(DBInstanceIdentifier="watched-1")["DBInstances"][0]
        self.assertEqual((shown["MonitoringInterval"], shown.get("MonitoringRoleArn")), (0, None))
        rds.modify_db_cluster(DBClusterIdentifier="watched", EnablePerformanceInsights=False)
        rds.modify_db_instance(DBInstanceIdentifier="watched-2", EnablePerformanceInsights=True)
        off = dict(PerformanceInsightsRetentionPeriod=31)  # of what is off: it would be forgotten
        for call, place in ((rds.modify_db_cluster, {"DBClusterIdentifier": "watched"}), (rds.modify_db_instance, {"DBInstanceIdentifier": "watched-1"}),
                            (rds.create_db_instance, {"DBInstanceIdentifier": "watched-3", **instance})):
            self.assertEqual(error_code(call, **place, **off), "InvalidParameterCombination")
        self.assertEqual(both(), ((False, None, 0, "cluster"), (False, None, 0, "watched-1"), (True, 7, 0, "watched-2")))
        delete_cluster(rds, "watched")

    def test_filters_are_applied_or_refused(self):
        rds = self.boreal.client("rds")
        family = {"DBParameterGroupFamily": "aurora-postgresql15"}
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="filtered", Description="d", **family)
        rds.create_db_parameter_group(DBParameterGroupName="filtered", Description="d", **family)
        named = [{"Name": "parameter-name", "Values": ["work_mem", "none"]}]
        other = [{"Name": "name", "Values": ["x"]}]
        for call, wants in ((rds.describe_db_cluster_parameters, {"DBClusterParameterGroupName": "filtered"}),
                            (rds.describe_db_parameters, {"DBParameterGroupName": "filtered"})):
            self.assertEqual([p["ParameterName"] for p in call(Filters=named, **wants)["Parameters"]], ["work_mem"])
            self.assertEqual(error_code(call, Filters=other, **wants), "InvalidParameterValue")
        # Nor is a name taken that is none.
        for call, wants in ((rds.reset_db_cluster_parameter_group, {"DBClusterParameterGroupName": "filtered"}),
                            (rds.reset_db_parameter_group, {"DBParameterGroupName": "filtered"})):
            self.assertEqual(error_code(call, Parameters=[{"ParameterName": "work_men", "ApplyMethod": "immediate"}], **wants), "InvalidParameterValue")
        defaults = rds.describe_engine_default_parameters(Filters=named, **family)["EngineDefaults"]["Parameters"]
        self.assertEqual([p["ParameterName"] for p in defaults], ["work_mem"])
        for call in rds.describe_db_cluster_snapshots, rds.describe_db_engine_versions:
            self.assertEqual(error_code(call, Filters=other), "InvalidParameterValue")
        for name, value, found in (("db-parameter-group-family", "aurora-postgresql15", 1), ("engine", "aurora-mysql", 0),
                                   ("engine-mode", "serverless", 0), ("status", "deprecated", 0), ("engine-version", "1.0", 0)):
            self.assertEqual(len(rds.describe_db_engine_versions(Filters=[{"Name": name, "Values": [value]}])["DBEngineVersions"]), found, name)

    def test_offers_come_in_long_pages(self):
        """Terraform's provider asks for a thousand at once: this list may, others end at a hundred."""
        offered = self.boreal.client("rds").describe_orderable_db_instance_options
        whole = offered(Engine="aurora-postgresql", MaxRecords=1000)
        self.assertNotIn("Marker", whole)
        self.assertIn("db.t3.medium", [o["DBInstanceClass"] for o in whole["OrderableDBInstanceOptions"]])
        for other in ({"Vpc": False}, {"LicenseModel": "bring-your-own-license"}):
            self.assertEqual(offered(Engine="aurora-postgresql", **other)["OrderableDBInstanceOptions"], [], other)
        self.assertEqual(error_code(offered, Engine="aurora-postgresql", MaxRecords=1001), "InvalidParameterValue")
        self.assertEqual(error_code(self.boreal.client("rds").describe_db_clusters, MaxRecords=101), "InvalidParameterValue")


@need("psql")
class ManagedPassword(Case):
    """ManageMasterUserPassword: the password is in a secret that RDS keeps, and nobody else changes."""

    def test_password_is_in_its_secret(self):
        rds, secrets = self.boreal.client("rds"), self.boreal.client("secretsmanager")
        cluster = rds.create_db_cluster(DBClusterIdentifier="managed", Engine="aurora-postgresql", MasterUsername="postgres",
                                        ManageMasterUserPassword=True, DatabaseName="shop",
                                        VpcSecurityGroupIds=[security_group(self.boreal)])["DBCluster"]
        arn = cluster["MasterUserSecret"]["SecretArn"]
        self.assertRegex(arn, r"^arn:aws:secretsmanager:us-east-1:\d{12}:secret:rds!cluster-[0-9a-f-]{36}-\w{6}$")
        add_instances(rds, "managed", 1)

        def shown():
            return rds.describe_db_clusters(DBClusterIdentifier="managed")["DBClusters"][0]["MasterUserSecret"]

        def password():
            value = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
            self.assertEqual(value["username"], "postgres")
            return value["password"]

        first = password()
        self.assertEqual(psql(cluster["Endpoint"], "SELECT 1", first), "1")
        self.assertEqual((shown()["SecretArn"], shown()["SecretStatus"]), (arn, "active"))
        secret = secrets.describe_secret(SecretId=arn)
        self.assertEqual(secret["OwningService"], "rds")
        listed = secrets.list_secrets(Filters=[{"Key": "owning-service", "Values": ["rds"]}])["SecretList"]
        self.assertEqual([s["ARN"] for s in listed], [arn])
        for change in (lambda: secrets.delete_secret(SecretId=arn), lambda: secrets.put_secret_value(SecretId=arn, SecretString="x"),
                       lambda: secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)):
            self.assertEqual(error_code(change), "InvalidRequestException")

        rds.modify_db_cluster(DBClusterIdentifier="managed", RotateMasterUserPassword=True, ApplyImmediately=True)
        wait_until("rotated", lambda: shown()["SecretStatus"] == "active" and password() != first)
        self.assertEqual(psql(cluster["Endpoint"], "SELECT 1", password()), "1")
        self.assertNotEqual(psql(cluster["Endpoint"], "SELECT 1", first, check=False).returncode, 0)
        delete_cluster(rds, "managed")
        self.assertEqual(error_code(secrets.describe_secret, SecretId=arn), "ResourceNotFoundException")


def mounts(folder):
    """What is mounted below a folder, and the loop devices on files below it."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1].startswith(f"{folder}/")]
    backing = []
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            backing.append(file.read_text())
        except OSError:  # set free meanwhile
            pass
    return mounted + [f for f in backing if f.startswith(f"{folder}/")]


def assert_closed(boreal):
    """The kernel sets a loop device free a moment after the end of its mount; later if somebody looks at it."""
    wait_until("nothing is mounted", lambda: not mounts(boreal.base))


def encrypts(boreal):
    """Whether this machine can encrypt databases; why not, if it cannot."""
    rds = boreal.client("rds")
    try:
        rds.create_db_cluster(DBClusterIdentifier="probe", Engine="aurora-postgresql", MasterUsername="postgres",
                              MasterUserPassword=PASSWORD, StorageEncrypted=True)
    except rds.exceptions.ClientError as refused:
        return False, str(refused)
    delete_cluster(rds, "probe")
    return True, ""


@need("psql")
class Encrypted(unittest.TestCase):
    """StorageEncrypted=true: what lies on the disk says nothing without the KMS key."""

    def test_files_are_encrypted_by_the_kms_key(self):
        with Boreal() as boreal:
            possible, why = encrypts(boreal)
            if not possible:
                self.skipTest(f"NO ENCRYPTION IS TESTED: {why}")
            rds, kms = boreal.client("rds"), boreal.client("kms")
            groups = [security_group(boreal)]
            key = kms.create_key()["KeyMetadata"]
            marker = f"marker-of-{time.monotonic_ns()}"
            rows = f"CREATE TABLE t AS SELECT '{marker}' AS what FROM generate_series(1, 1000)"
            plain = create_cluster(rds, "plain", 1, VpcSecurityGroupIds=groups)
            psql(plain["Endpoint"], rows)
            cluster = create_cluster(rds, "secret", StorageEncrypted=True, KmsKeyId=key["KeyId"], VpcSecurityGroupIds=groups)
            self.assertEqual((cluster["StorageEncrypted"], cluster["KmsKeyId"], cluster["TagList"]), (True, key["Arn"], []))
            write = cluster["Endpoint"]
            psql(write, rows)
            os.sync()
            # The plain cluster shows that the search would find it.
            of_plain = boreal.data / "postgres/instances" / plain["DbClusterResourceId"].lower()
            self.assertEqual({f.is_relative_to(of_plain) for f in files_with(boreal.data, marker)}, {True})
            delete_cluster(rds, "plain")

            # Killed: the servers run on and are adopted. Ended: the files are closed, and opened at the next start.
            before = servers(boreal.data)
            self.assertEqual(len(before), 2)
            boreal.kill()
            boreal.start()
            wait_until("served again", lambda: psql(write, "SELECT count(*) FROM t", check=False).stdout.strip() == "1000")
            self.assertEqual(servers(boreal.data), before)
            boreal.stop()
            assert_closed(boreal)
            self.assertEqual(files_with(boreal.data, marker), [])
            boreal.start()
            rds, kms = boreal.client("rds"), boreal.client("kms")
            wait_until("served again", lambda: psql(write, "SELECT count(*) FROM t", check=False).stdout.strip() == "1000")
            wait_until("available", lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"] == "available")

            rds.create_db_cluster_snapshot(DBClusterIdentifier="secret", DBClusterSnapshotIdentifier="snap")
            rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="snap", WaiterConfig={"Delay": 1, "MaxAttempts": 180})
            snapshot = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]
            self.assertEqual((snapshot["StorageEncrypted"], snapshot["KmsKeyId"]), (True, key["Arn"]))

            # Stopped: nothing is open. Without the key: it does not come back, and says so.
            rds.stop_db_cluster(DBClusterIdentifier="secret")
            wait_until("stopped", lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"] == "stopped")
            wait_until("closed", lambda: not mounts(boreal.base))
            kms.disable_key(KeyId=key["KeyId"])
            self.assertEqual(error_code(rds.start_db_cluster, DBClusterIdentifier="secret"), "KMSKeyNotAccessibleFault")
            kms.enable_key(KeyId=key["KeyId"])
            rds.start_db_cluster(DBClusterIdentifier="secret")
            wait_until("back", lambda: psql(write, "SELECT count(*) FROM t", check=False).stdout.strip() == "1000")

            # A key that goes while its cluster runs: its servers end at once.
            kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
            wait_until("inaccessible", lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"] == INACCESSIBLE)
            self.assertEqual({i["DBInstanceStatus"] for i in rds.describe_db_instances()["DBInstances"]}, {INACCESSIBLE})
            self.assertEqual(servers(boreal.data), set())
            assert_closed(boreal)
            said = [e["Message"] for e in rds.describe_events(SourceType="db-cluster", SourceIdentifier="secret")["Events"]]
            self.assertTrue(any("cannot be used" in message for message in said), said)
            self.assertNotEqual(psql(write, "SELECT 1", check=False).returncode, 0)
            kms.cancel_key_deletion(KeyId=key["KeyId"])
            kms.enable_key(KeyId=key["KeyId"])
            rds.start_db_cluster(DBClusterIdentifier="secret")
            wait_until("back with its key", lambda: psql(write, "SELECT count(*) FROM t", check=False).stdout.strip() == "1000")

            wait_until("available", lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"] == "available")
            delete_cluster(rds, "secret")
            self.assertEqual(list((boreal.data / "postgres/instances").iterdir()), [])
            assert_closed(boreal)
            restored = rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="restored", SnapshotIdentifier="snap",
                                                            Engine="aurora-postgresql", VpcSecurityGroupIds=groups)["DBCluster"]
            self.assertEqual((restored["StorageEncrypted"], restored["KmsKeyId"]), (True, key["Arn"]))
            add_instances(rds, "restored", 1)
            self.assertEqual(psql(restored["Endpoint"], "SELECT count(*) FROM t"), "1000")
            os.sync()
            self.assertEqual(files_with(boreal.data, marker), [])
            delete_cluster(rds, "restored")
            assert_closed(boreal)

    def test_where_nothing_can_encrypt_it_is_refused_or_said_loudly(self):
        if os.getuid() != 0:
            self.skipTest("only root can start a boreal that may not mount")
        for args in ((), ("--allow-unencrypted-storage",)):
            with Boreal(user="nobody", args=args) as boreal:
                possible, why = encrypts(boreal)
                if not args:
                    if possible:
                        self.skipTest("the file system of the temporary folder encrypts for everybody")
                    self.assertIn("only root may mount", why)
                    self.assertIn("--allow-unencrypted-storage", why)
                    continue
                rds = boreal.client("rds")
                cluster = rds.create_db_cluster(DBClusterIdentifier="open", Engine="aurora-postgresql", MasterUsername="postgres",
                                                MasterUserPassword=PASSWORD, StorageEncrypted=True)["DBCluster"]
                self.assertEqual([t["Key"] for t in cluster["TagList"]], ["aws:boreal:storage"])
                said = [e["Message"] for e in rds.describe_events(SourceType="db-cluster", SourceIdentifier="open")["Events"]]
                self.assertTrue(any("WITHOUT encryption" in message for message in said), said)
                delete_cluster(rds, "open")


@need("psql")
class UnderKill(unittest.TestCase):
    def test_servers_are_adopted(self):
        with Boreal() as boreal:
            rds = boreal.client("rds")
            cluster = create_cluster(rds, "kept", VpcSecurityGroupIds=[security_group(boreal)])
            psql(cluster["Endpoint"], "CREATE TABLE t AS SELECT generate_series(1, 10) n")
            before = servers(boreal.data)
            self.assertEqual(len(before), 2)
            boreal.kill()
            boreal.start()
            wait_until("served again", lambda: psql(cluster["Endpoint"], "SELECT count(*) FROM t", check=False).stdout.strip() == "10")
            wait_until("reader served again", lambda: psql(cluster["ReaderEndpoint"], "SELECT 1", check=False).returncode == 0)
            self.assertEqual(servers(boreal.data), before)
            delete_cluster(boreal.client("rds"), "kept")

    def test_a_cluster_in_the_making_is_finished(self):
        self.finish_in_the_making((0.3, 0.7, 1.5))

    def test_an_encrypted_cluster_in_the_making_is_finished(self):
        self.finish_in_the_making((0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6), StorageEncrypted=True)

    def test_an_encrypted_cluster_is_not_built_upon_half_an_image(self):
        """Killed when each step of making the files is seen; a mkfs that outlives boreal goes on when the next has made its own."""
        with Boreal() as boreal:
            possible, why = encrypts(boreal)
            if not possible:
                self.skipTest(f"NO ENCRYPTION IS TESTED: {why}")
            instances, group = boreal.data / "postgres/instances", security_group(boreal)

            def mkfs():
                """The mkfs that boreal runs for a cluster; it stands still from now on."""
                for pid in children(boreal.process.pid):
                    try:
                        program, *_, image = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1] or [""]
                        if program.endswith("/mkfs.ext4") and "/cluster-" in os.readlink(image):
                            os.kill(pid, signal.SIGSTOP)
                            return pid
                    except (OSError, ValueError):
                        pass  # it has ended, or is about to begin
                return None

            steps = {"file": lambda: any(instances.glob("cluster-*.image")), "mkfs": mkfs,
                     "mount": lambda: any("/cluster-" in m for m in mounts(boreal.base) if not m.endswith(".image\n")),
                     "content": lambda: any(instances.glob("cluster-*/content"))}
            for step, reached in steps.items():
                with self.subTest(step):
                    for attempt in range(10):
                        rds, name = boreal.client("rds"), f"{step}-{attempt}"
                        cluster = rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="postgres",
                                                        MasterUserPassword=PASSWORD, DatabaseName="shop", StorageEncrypted=True,
                                                        VpcSecurityGroupIds=[group])["DBCluster"]
                        while not (seen := reached()) and not any(instances.glob("cluster-*/content/cluster")):
                            pass
                        if seen:
                            break
                        delete_cluster(rds, name)
                    self.assertTrue(seen, "it was never seen at this step")
                    boreal.kill()
                    boreal.start()
                    rds = boreal.client("rds")
                    add_instances(rds, name, 1)
                    if not any(instances.glob("*.image")):
                        self.skipTest("no images are mounted on this machine")
                    psql(cluster["Endpoint"], "CREATE TABLE t AS SELECT generate_series(1, 1000) n")
                    if step == "mkfs":
                        os.kill(seen, signal.SIGCONT)
                        wait_until("mkfs ended", lambda: not Path(f"/proc/{seen}").exists())
                    # What lay in a file that was removed meanwhile is gone once it is closed.
                    self.assertEqual([m for m in mounts(boreal.base) if "(deleted)" in m], [])
                    boreal.stop()
                    assert_closed(boreal)
                    boreal.start()
                    wait_until("served again", lambda: psql(cluster["Endpoint"], "SELECT count(*) FROM t", check=False).stdout.strip() == "1000")
                    delete_cluster(boreal.client("rds"), name)
                    self.assertEqual(list(instances.iterdir()), [])
                    assert_closed(boreal)

    def finish_in_the_making(self, pauses_s, **more):
        with Boreal(args=("--allow-unencrypted-storage",)) as boreal:
            rds = boreal.client("rds")
            group = security_group(boreal)
            cluster = rds.create_db_cluster(DBClusterIdentifier="half", Engine="aurora-postgresql", MasterUsername="postgres",
                                            MasterUserPassword=PASSWORD, DatabaseName="shop", VpcSecurityGroupIds=[group], **more)
            for n in (1, 2):
                rds.create_db_instance(DBInstanceIdentifier=f"half-{n}", DBClusterIdentifier="half",
                                       Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")
            for pause_s in pauses_s:
                time.sleep(pause_s)
                boreal.kill()
                boreal.start()
            rds = boreal.client("rds")
            wait_until("instances available", lambda: all(
                i["DBInstanceStatus"] == "available" for i in rds.describe_db_instances()["DBInstances"]))
            self.assertEqual(psql(cluster["DBCluster"]["Endpoint"], "SELECT 1"), "1")
            self.assertEqual(len(servers(boreal.data)), 2)
            delete_cluster(rds, "half")
            self.assertEqual(list((boreal.data / "postgres/instances").iterdir()), [])
            assert_closed(boreal)
