"""Databases and policies: what is not allowed is not done by another way either."""
import contextlib
import socket
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from e2e.helpers import allow, policy, user
from e2e.rds_test import PASSWORD, create_cluster, delete_cluster, encrypts, wait_until
from harness import Boreal, Case, error_code

FAMILY = "aurora-postgresql13"
MINE = [{"Key": "team", "Value": "eve"}]
OF_TEAM = {"StringEquals": {"aws:ResourceTag/team": "eve"}}


def arn(kind, name):
    return f"arn:aws:rds:us-east-1:000000000000:{kind}:{name}"


class Names(Case):
    def test_a_name_that_another_gets_gives_no_power_over_it(self):
        """Who may delete what is her team's does not delete what others make under its name while her call waits."""
        rds = self.boreal.client("rds")
        eve = user(self, "rds-eve", allow("rds:*", Condition=OF_TEAM))

        def make(client, name, **more):
            return client.create_db_cluster_parameter_group(DBClusterParameterGroupName=name, DBParameterGroupFamily=FAMILY,
                                                            Description="d", **more)

        make(rds, "busy")
        clients = [self.boreal.client("rds") for _ in range(20)]
        hers = [eve("rds") for _ in range(2)]
        for client in clients:
            client.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="busy")  # connected
        for client in hers:
            self.assertEqual(error_code(client.describe_db_cluster_parameter_groups, DBClusterParameterGroupName="busy"), "AccessDenied")

        def keep_busy(client):
            for number in range(4):
                client.add_tags_to_resource(ResourceName=arn("cluster-pg", "busy"), Tags=[{"Key": "n", "Value": str(number)}])

        with ThreadPoolExecutor(len(clients) + len(hers)) as pool:
            for number in range(4):
                name = f"one-{number}"
                make(rds, name, Tags=MINE)
                busy = [pool.submit(keep_busy, client) for client in clients]
                time.sleep(0.02)
                calls = []
                for call in (lambda: hers[0].delete_db_cluster_parameter_group(DBClusterParameterGroupName=name),
                             lambda: make(rds, name),
                             lambda: hers[1].delete_db_cluster_parameter_group(DBClusterParameterGroupName=name)):
                    calls.append(pool.submit(call))
                    time.sleep(0.01)
                for each in busy + calls:
                    each.exception()
                if not calls[0].exception() and not calls[1].exception():
                    rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)

    def test_an_arn_of_elsewhere_names_nothing_here(self):
        """Its name alone would be looked up among one's own."""
        rds = self.boreal.client("rds")
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="here", DBParameterGroupFamily=FAMILY, Description="d")
        here = arn("cluster-pg", "here")
        self.assertEqual(len(rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=here)["DBClusterParameterGroups"]), 1)
        engine = {"Engine": "aurora-postgresql"}
        for elsewhere in (here.replace("us-east-1", "eu-west-1"), here.replace("000000000000", "111111111111"), arn("pg", "here"),
                          here.replace("arn:aws:", "arn:aws-cn:")):
            for call, wants in ((rds.delete_db_cluster_parameter_group, {"DBClusterParameterGroupName": elsewhere}),
                                (rds.copy_db_cluster_parameter_group, {
                                    "SourceDBClusterParameterGroupIdentifier": elsewhere, "TargetDBClusterParameterGroupIdentifier": "copy",
                                    "TargetDBClusterParameterGroupDescription": "d"}),
                                (rds.create_db_cluster, {"DBClusterIdentifier": "one", "MasterUsername": "postgres",
                                                         "MasterUserPassword": PASSWORD, "DBClusterParameterGroupName": elsewhere, **engine})):
                self.assertEqual(error_code(call, **wants), "InvalidParameterValue", wants)
        rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="here")
        # Its own stands for its name: the group is in use.
        family = rds.describe_db_engine_versions(Engine="aurora-postgresql", DefaultOnly=True)["DBEngineVersions"][0]["DBParameterGroupFamily"]
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="used", DBParameterGroupFamily=family, Description="d")
        cluster = create_cluster(rds, "user", 0, DBClusterParameterGroupName=arn("cluster-pg", "used"))
        self.assertEqual(cluster["DBClusterParameterGroup"], "used")
        self.assertEqual(error_code(rds.delete_db_cluster_parameter_group, DBClusterParameterGroupName="used"), "InvalidDBParameterGroupState")
        delete_cluster(rds, "user")

    def test_a_resource_id_is_the_cluster_to_policies(self):
        rds = self.boreal.client("rds")
        cluster = create_cluster(rds, "hidden", 0)
        deny = {"Effect": "Deny", "Action": "rds:Describe*", "Resource": arn("cluster", "hidden")}
        ann = user(self, "rds-hidden", allow("rds:*"), deny)("rds")
        for name in ("hidden", "HIDDEN", cluster["DBClusterArn"], cluster["DbClusterResourceId"], cluster["DbClusterResourceId"].lower()):
            self.assertEqual(error_code(ann.describe_db_clusters, DBClusterIdentifier=name), "AccessDenied", name)
            self.assertEqual(rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DBClusterIdentifier"], "hidden")
        # Nor is it shown to who gives another this name.
        create_cluster(rds, cluster["DbClusterResourceId"], 0)
        shown = ann.describe_db_clusters(DBClusterIdentifier=cluster["DbClusterResourceId"])["DBClusters"]
        self.assertEqual([c["DBClusterIdentifier"] for c in shown], [cluster["DbClusterResourceId"].lower()])
        for name in ("hidden", cluster["DbClusterResourceId"]):
            delete_cluster(rds, name)

    def test_addresses_that_others_have_are_passed_over(self):
        """Of each of the first blocks somebody has the reader's address, which is asked for after the writer's."""
        port = 16543
        with contextlib.ExitStack() as held:
            for block in range(20):
                held.enter_context(socket.create_server((f"127.17.{block}.2", port)))
            rds = self.boreal.client("rds")
            cluster = create_cluster(rds, "passed", 0, Port=port)
            self.assertGreaterEqual(int(cluster["ReaderEndpoint"].split(".")[2]), 20)
            rds.describe_db_clusters(DBClusterIdentifier="passed")
            delete_cluster(rds, "passed")

    def test_a_cluster_is_found_while_others_ask_for_its_name(self):
        """Whoever asks for a cluster of a name that is taken is refused, and in nobody's way."""
        rds = self.boreal.client("rds")
        create_cluster(rds, "taken", 1)
        clients = [self.boreal.client("rds") for _ in range(16)]

        def ask(client):
            for _ in range(8):
                self.assertEqual(error_code(client.create_db_cluster, DBClusterIdentifier="taken", Engine="aurora-postgresql",
                                            MasterUsername="postgres", MasterUserPassword=PASSWORD), "DBClusterAlreadyExistsFault")

        with ThreadPoolExecutor(len(clients)) as pool:
            asking = [pool.submit(ask, client) for client in clients]
            while not all(each.done() for each in asking):
                self.assertNotEqual(rds.describe_db_log_files(DBInstanceIdentifier="taken-1")["DescribeDBLogFiles"], [])
            for each in asking:
                each.result()
        delete_cluster(rds, "taken")

    def test_policies_are_asked_about_default_groups_and_what_is_public(self):
        engine = {"Engine": "aurora-postgresql"}
        new = {"DBClusterIdentifier": "public", "MasterUsername": "postgres", "MasterUserPassword": PASSWORD, **engine}
        instance = {"DBInstanceIdentifier": "public-1", "DBClusterIdentifier": "public", "DBInstanceClass": "db.t3.medium", **engine}
        deny = {"Effect": "Deny", "Action": "rds:*", "Resource": "*"}
        groups = {**deny, "Resource": [arn("cluster-pg", "default.*"), arn("pg", "default.*")]}
        ann = user(self, "rds-own-groups", allow("rds:*"), groups)("rds")
        ben = user(self, "rds-not-public", allow("rds:*"), *({**deny, "Condition": condition} for condition in (
            {"Bool": {"rds:PubliclyAccessible": "true"}}, {"StringEquals": {"rds:req-tag/team": "eve"}})))("rds")
        rds = self.boreal.client("rds")
        self.assertEqual(error_code(ann.create_db_cluster, **new), "AccessDenied")
        self.assertEqual(error_code(ann.create_db_cluster, DBClusterParameterGroupName="none", **new), "DBParameterGroupNotFound")
        create_cluster(rds, "public", 0)
        self.assertEqual(error_code(ann.create_db_instance, **instance), "AccessDenied")
        self.assertEqual(error_code(ann.create_db_instance, DBParameterGroupName="none", **instance), "DBParameterGroupNotFound")
        self.assertEqual(error_code(ben.create_db_instance, PubliclyAccessible=True, **instance), "AccessDenied")
        copy = {"SourceDBClusterSnapshotIdentifier": "none", "TargetDBClusterSnapshotIdentifier": "copy"}
        self.assertEqual(error_code(ben.copy_db_cluster_snapshot, Tags=MINE, **copy), "AccessDenied")
        self.assertEqual(error_code(ben.copy_db_cluster_snapshot, **copy), "DBClusterSnapshotNotFoundFault")
        # Nor are a cluster's snapshots shown to who may not look at that cluster's.
        cam = user(self, "rds-no-snapshots-of", allow("rds:*"), {**deny, "Resource": arn("cluster", "public")})("rds")
        self.assertEqual(error_code(cam.describe_db_cluster_snapshots, DBClusterIdentifier="public"), "AccessDenied")
        self.assertEqual(cam.describe_db_cluster_snapshots(DBClusterIdentifier="other")["DBClusterSnapshots"], [])
        delete_cluster(rds, "public")

    def test_who_watches_a_cluster_may_modify_its_instances(self):
        rds = self.boreal.client("rds")
        create_cluster(rds, "watched", 1)
        watch = {"DBClusterIdentifier": "watched", "EnablePerformanceInsights": True}
        ann = user(self, "rds-watcher", allow("rds:ModifyDBCluster"), allow("rds:ModifyDBInstance", arn("db", "other-*")),
                   allow("kms:*"))("rds")
        ann.modify_db_cluster(DBClusterIdentifier="watched", CopyTagsToSnapshot=True)
        self.assertEqual(error_code(ann.modify_db_cluster, **watch), "AccessDenied")
        self.boreal.client("iam").put_user_policy(UserName="rds-watcher", PolicyName="more",
                                                  PolicyDocument=policy(allow("rds:ModifyDBInstance", arn("db", "watched-*"))))
        ann.modify_db_cluster(**watch)
        delete_cluster(rds, "watched")

    def test_secrets_of_passwords_are_made_and_rotated_for_those_who_may(self):
        new = {"DBClusterIdentifier": "keeps", "MasterUsername": "postgres", "Engine": "aurora-postgresql", "ManageMasterUserPassword": True}
        rds = self.boreal.client("rds")
        for action in ("CreateSecret", "TagResource", "RotateSecret"):
            deny = {"Effect": "Deny", "Action": f"secretsmanager:{action}", "Resource": "arn:aws:secretsmanager:*:*:secret:rds!*"}
            ann = user(self, f"rds-{action}", allow(["rds:*", "secretsmanager:*"]), deny)("rds")
            if action != "RotateSecret":
                self.assertEqual(error_code(ann.create_db_cluster, **new), "AccessDenied", action)
                continue
            arn_of_secret = ann.create_db_cluster(**new)["DBCluster"]["MasterUserSecret"]["SecretArn"]
            wait_until("available", lambda: rds.describe_db_clusters(DBClusterIdentifier="keeps")["DBClusters"][0]["Status"] == "available")
            self.assertEqual(error_code(ann.modify_db_cluster, DBClusterIdentifier="keeps", RotateMasterUserPassword=True), "AccessDenied")
            # Its key is what it is: another had no effect.
            for more in ({}, {"ManageMasterUserPassword": True}):
                self.assertEqual(error_code(ann.modify_db_cluster, DBClusterIdentifier="keeps", MasterUserSecretKmsKeyId="alias/other", **more),
                                 "InvalidParameterCombination")
            kept = ann.modify_db_cluster(DBClusterIdentifier="keeps", ManageMasterUserPassword=True)["DBCluster"]
            self.assertEqual(kept["MasterUserSecret"]["SecretArn"], arn_of_secret)
        delete_cluster(rds, "keeps")

    def test_a_key_that_may_not_be_used_is_not_accessible(self):
        s3 = self.boreal.client("s3")
        s3.create_bucket(Bucket="sealed")
        s3.put_object(Bucket="sealed", Key="k", ServerSideEncryption="aws:kms")  # makes alias/aws/s3
        theirs = self.boreal.client("kms", "111111111111").create_key()["KeyMetadata"]["Arn"]
        create = self.boreal.client("rds").create_db_cluster
        for key in ("alias/aws/s3", theirs):
            self.assertEqual(error_code(create, DBClusterIdentifier="no", MasterUsername="postgres", Engine="aurora-postgresql",
                                        ManageMasterUserPassword=True, MasterUserSecretKmsKeyId=key), "KMSKeyNotAccessibleFault", key)


class Keys(unittest.TestCase):
    def test_copies_and_restores_need_the_key_of_the_snapshot(self):
        """Else whoever may copy snapshots and has a key could read the data of all of them."""
        with Boreal() as self.boreal:
            possible, why = encrypts(self.boreal)
            if not possible:
                self.skipTest(f"NO ENCRYPTION IS TESTED: {why}")
            rds, kms = self.boreal.client("rds"), self.boreal.client("kms")
            offered = rds.describe_orderable_db_instance_options(Engine="aurora-postgresql")["OrderableDBInstanceOptions"]
            self.assertEqual({o["SupportsStorageEncryption"] for o in offered}, {True})
            theirs, hers = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
            eve = user(self, "rds-eve", allow("rds:*"), allow("kms:*", hers))("rds")
            create_cluster(rds, "sealed", 0, StorageEncrypted=True, KmsKeyId=theirs)
            create_cluster(rds, "plain", 0)

            def snapshot(name):
                return rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"][0]

            for name in ("sealed", "plain"):
                wait_until("available", lambda: rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"] == "available")
                rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier=name)
                wait_until("snapshot", lambda: snapshot(name)["Status"] == "available")
            copy = {"SourceDBClusterSnapshotIdentifier": "sealed", "TargetDBClusterSnapshotIdentifier": "copy"}
            new = {"DBClusterIdentifier": "new", "Engine": "aurora-postgresql"}
            for more in ({"KmsKeyId": hers}, {}):
                self.assertEqual(error_code(eve.copy_db_cluster_snapshot, **copy, **more), "KMSKeyNotAccessibleFault")
                self.assertEqual(error_code(eve.restore_db_cluster_from_snapshot, SnapshotIdentifier="sealed", **new, **more), "KMSKeyNotAccessibleFault")
            # What is not encrypted gets no key by a copy.
            self.assertEqual(error_code(eve.copy_db_cluster_snapshot, SourceDBClusterSnapshotIdentifier="plain",
                                        TargetDBClusterSnapshotIdentifier="no", KmsKeyId=hers), "InvalidParameterCombination")
            eve.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="plain", TargetDBClusterSnapshotIdentifier="plain-copy")
            # What the Aurora User Guide says that it takes, and not the use of the key itself.
            through_rds = {"StringEquals": {"kms:ViaService": "rds.us-east-1.amazonaws.com"}}
            for name, actions in (("rds-user", ["kms:GenerateDataKey", "kms:Decrypt"]), ("rds-granter", ["kms:CreateGrant", "kms:DescribeKey"])):
                ann = user(self, name, allow("rds:*"), allow(actions, theirs, Condition=through_rds))("rds")
                if name == "rds-granter":
                    ann.copy_db_cluster_snapshot(**{**copy, "TargetDBClusterSnapshotIdentifier": "granted"}, KmsKeyId=theirs)
                    ann.create_db_cluster(DBClusterIdentifier="granted", MasterUsername="postgres", MasterUserPassword=PASSWORD,
                                          Engine="aurora-postgresql", StorageEncrypted=True, KmsKeyId=theirs)
                else:
                    self.assertEqual(error_code(ann.copy_db_cluster_snapshot, **copy), "KMSKeyNotAccessibleFault")
            # A copy under another key is restored under that one, and needs that one alone.
            rds.copy_db_cluster_snapshot(**copy, KmsKeyId=hers)
            wait_until("copy", lambda: snapshot("copy")["Status"] == "available")
            self.assertEqual(snapshot("copy")["KmsKeyId"], hers)
            self.assertEqual(eve.restore_db_cluster_from_snapshot(SnapshotIdentifier="copy", **new)["DBCluster"]["KmsKeyId"], hers)
            for name in ("new", "sealed", "plain", "granted"):
                delete_cluster(rds, name)
