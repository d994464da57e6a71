"""AWS Backup through its clients: what a plan is made of, and that what was backed up comes back."""
import json
import os
import subprocess
import time
import unittest

from e2e.helpers import allow, policy, user
from harness import PATIENCE_S, Case, error_code, need

ACCOUNT = "000000000000"
# With the conditions that AWS's guides show against confused deputies.
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole",
     "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": f"arn:aws:backup:*:{ACCOUNT}:*"}}}]})


def wait_for(look, over):
    """Asks until the answer is one of `over`."""
    deadline = time.monotonic() + PATIENCE_S
    while (state := look()) not in over:
        if time.monotonic() > deadline:
            raise AssertionError(f"still {state} after {PATIENCE_S} s")
        time.sleep(0.1)
    return state


class Backup(Case):
    def setUp(self):
        self.backup = self.boreal.client("backup")
        self.iam = self.boreal.client("iam")

    def make_role(self, name, *policies, trust=TRUST):
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for managed in policies:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{managed}")
        return arn

    def plan(self, vault, **rule):
        return {"BackupPlanName": f"{vault}-plan", "Rules": [{
            "RuleName": "daily", "TargetBackupVaultName": vault, "ScheduleExpression": "cron(0 2 ? * * *)",
            "StartWindowMinutes": 60, "CompletionWindowMinutes": 180, "Lifecycle": {"DeleteAfterDays": 30}, **rule}]}

    def test_vault_plan_selection(self):
        role = self.make_role("plan-role")
        vault = self.backup.create_backup_vault(BackupVaultName="plans", BackupVaultTags={"Name": "v"})
        self.assertEqual(self.backup.list_tags(ResourceArn=vault["BackupVaultArn"])["Tags"], {"Name": "v"})
        self.assertIn(":key/", self.backup.describe_backup_vault(BackupVaultName="plans")["EncryptionKeyArn"])
        self.assertEqual(error_code(self.backup.create_backup_vault, BackupVaultName="plans"), "AlreadyExistsException")
        longest = {"ü" * 128: "ü" * 256}  # characters, not bytes
        self.backup.tag_resource(ResourceArn=vault["BackupVaultArn"], Tags=longest)
        self.assertEqual(self.backup.list_tags(ResourceArn=vault["BackupVaultArn"])["Tags"], {"Name": "v", **longest})
        for wrong in ("v", "a b", "a.b", "a/b", "x" * 51):
            self.assertEqual(error_code(self.backup.create_backup_vault, BackupVaultName=wrong), "InvalidParameterValueException")
        for wrong in ({"RuleName": "a b"}, {"RuleName": ""}, {"ScheduleExpression": "cron(0 2 * * * *)"}, {"ScheduleExpression": "cron(* * ? * * *)"},
                      {"ScheduleExpression": "cron(0,59 2 ? * * *)"}, {"StartWindowMinutes": 59},
                      {"Lifecycle": {"MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 31}},
                      {"TargetBackupVaultName": "none"}):
            self.assertEqual(error_code(self.backup.create_backup_plan, BackupPlan=self.plan("plans", **wrong)),
                             "InvalidParameterValueException", wrong)
        made = self.backup.create_backup_plan(BackupPlan=self.plan("plans"), BackupPlanTags={"Name": "p"})
        plan = made["BackupPlanId"]
        self.assertEqual(self.backup.list_tags(ResourceArn=made["BackupPlanArn"])["Tags"], {"Name": "p"})
        preview = self.backup.get_backup_plan(BackupPlanId=plan, MaxScheduledRunsPreview=3)["ScheduledRunsPreview"]
        self.assertEqual([run["ExecutionTime"].hour for run in preview], [2, 2, 2])
        selection = {"SelectionName": "s", "IamRoleArn": role, "Resources": ["arn:aws:s3:::*"], "NotResources": [],
                     "ListOfTags": [], "Conditions": {}}
        self.assertEqual(error_code(self.backup.create_backup_selection, BackupPlanId=plan,
                                    BackupSelection={**selection, "SelectionName": "a b"}), "InvalidParameterValueException")
        many = [f"arn:aws:s3:::{i}*" for i in range(31)]
        for member in ("Resources", "NotResources"):
            self.assertEqual(error_code(self.backup.create_backup_selection, BackupPlanId=plan,
                                        BackupSelection={**selection, member: many}), "InvalidParameterValueException")
        bad_role = f"arn:aws:iam::{ACCOUNT}:role/none"
        self.assertEqual(error_code(self.backup.create_backup_selection, BackupPlanId=plan,
                                    BackupSelection={**selection, "IamRoleArn": bad_role}), "InvalidParameterValueException")
        chosen = self.backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
        self.assertEqual(self.backup.get_backup_selection(BackupPlanId=plan, SelectionId=chosen)["BackupSelection"], selection)
        self.assertEqual(error_code(self.backup.delete_backup_plan, BackupPlanId=plan), "InvalidRequestException")
        self.backup.delete_backup_selection(BackupPlanId=plan, SelectionId=chosen)
        self.backup.delete_backup_plan(BackupPlanId=plan)
        self.assertEqual(error_code(self.backup.get_backup_plan, BackupPlanId=plan), "ResourceNotFoundException")
        self.assertIn("DeletionDate", self.backup.get_backup_plan(BackupPlanId=plan, VersionId=made["VersionId"]))
        self.assertEqual(error_code(self.backup.tag_resource, ResourceArn=made["BackupPlanArn"], Tags={"a": "b"}),
                         "ResourceNotFoundException")
        self.backup.delete_backup_vault(BackupVaultName="plans")
        self.assertEqual(error_code(self.backup.describe_backup_vault, BackupVaultName="plans"), "ResourceNotFoundException")

    def test_a_vault_does_not_tell_of_another_accounts_keys(self):
        mine = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        other = self.boreal.client("backup", "111111111111")
        answers = []
        for key in (mine, mine[:-4] + ("0000" if mine[-4:] != "0000" else "1111")):
            with self.assertRaises(other.exceptions.ClientError) as refused:
                other.create_backup_vault(BackupVaultName="theirs", EncryptionKeyArn=key)
            error = refused.exception.response["Error"]
            answers.append((error["Code"], error["Message"].replace(key, "KEY")))
        self.assertEqual(answers[0], answers[1])

    def test_who_makes_a_vault_may_seal_and_open_by_its_key(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        make = user(self, "backup-sealer", allow("backup:*"), allow("kms:GenerateDataKey", key))("backup").create_backup_vault
        self.assertEqual(error_code(make, BackupVaultName="sealed", EncryptionKeyArn=key), "AccessDeniedException")
        make(BackupVaultName="by-the-services-own")
        may = lambda *actions: self.iam.put_user_policy(UserName="backup-sealer", PolicyName="open",
                                                        PolicyDocument=policy(allow(list(actions), key)))
        may("kms:Decrypt", "kms:DescribeKey")
        self.assertEqual(error_code(make, BackupVaultName="sealed", EncryptionKeyArn=key), "AccessDeniedException")
        may("kms:CreateGrant", "kms:DescribeKey")
        make(BackupVaultName="sealed", EncryptionKeyArn=key)
        # As AWS's own policy for those who administer backups lets them.
        administrator = user(self, "backup-administrator")("backup")
        self.iam.attach_user_policy(UserName="backup-administrator", PolicyArn="arn:aws:iam::aws:policy/AWSBackupFullAccess")
        administrator.create_backup_vault(BackupVaultName="administered", EncryptionKeyArn=key)

    def test_tags_of_a_recovery_point_say_nothing_of_its_vault(self):
        blue = {"StringEquals": {"aws:RequestTag/team": "blue"}}
        ann = user(self, "backup-blue", allow("backup:*", Condition=blue))("backup")
        ann.create_backup_vault(BackupVaultName="blue", BackupVaultTags={"team": "blue"})
        self.assertEqual(error_code(ann.start_backup_job, BackupVaultName="blue", ResourceArn="arn:aws:s3:::none",
                                    IamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/none", RecoveryPointTags={"team": "blue"}),
                         "AccessDeniedException")

    def test_policies_are_told_what_a_lock_is_to_be(self):
        """One that nobody can take off again is worth a Deny."""
        self.backup.create_backup_vault(BackupVaultName="locked")
        lock = "backup:PutBackupVaultLockConfiguration"
        deny = {"Effect": "Deny", "Action": lock, "Resource": "*"}
        ann = user(self, "backup-locker", allow(lock), {**deny, "Condition": {"Null": {"backup:ChangeableForDays": "false"}}},
                   {**deny, "Condition": {"NumericGreaterThan": {"backup:MaxRetentionDays": "30"}}},
                   {**deny, "Condition": {"NumericLessThan": {"backup:MinRetentionDays": "2"}}})("backup")
        for wrong in ({"ChangeableForDays": 3}, {"MaxRetentionDays": 31}, {"MinRetentionDays": 1}):
            self.assertEqual(error_code(ann.put_backup_vault_lock_configuration, BackupVaultName="locked", **wrong),
                             "AccessDeniedException", wrong)
        ann.put_backup_vault_lock_configuration(BackupVaultName="locked", MinRetentionDays=2, MaxRetentionDays=30)

    def back_up(self, resource, role):
        job = self.backup.start_backup_job(BackupVaultName="points", ResourceArn=resource, IamRoleArn=role)
        wait_for(lambda: self.backup.describe_backup_job(BackupJobId=job["BackupJobId"])["State"],
                 ("COMPLETED", "FAILED", "ABORTED", "EXPIRED"))
        return self.backup.describe_backup_job(BackupJobId=job["BackupJobId"])

    def restore(self, point, role, **changes):
        metadata = self.backup.get_recovery_point_restore_metadata(
            BackupVaultName="points", RecoveryPointArn=point)["RestoreMetadata"]
        job = self.backup.start_restore_job(RecoveryPointArn=point, IamRoleArn=role, Metadata={**metadata, **changes})
        look = lambda: self.backup.describe_restore_job(RestoreJobId=job["RestoreJobId"])
        wait_for(lambda: look()["Status"], ("COMPLETED", "FAILED", "ABORTED"))
        return look()

    def test_bucket_comes_back(self):
        if "S3" not in self.backup.get_supported_resource_types()["ResourceTypes"]:
            self.skipTest("buckets are not backed up yet")
        s3 = self.boreal.client("s3")
        s3.create_bucket(Bucket="backed-up")
        s3.put_bucket_versioning(Bucket="backed-up", VersioningConfiguration={"Status": "Enabled"})
        bodies = {f"data/{i}": bytes([i]) * (i * 50_000) for i in range(20)}
        for key, body in bodies.items():
            s3.put_object(Bucket="backed-up", Key=key, Body=body)
        s3.put_object(Bucket="backed-up", Key="own/1", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)
        self.backup.create_backup_vault(BackupVaultName="points")
        weak = self.make_role("weak", "service-role/AWSBackupServiceRolePolicyForBackup")
        self.assertEqual(self.back_up("arn:aws:s3:::backed-up", weak)["State"], "FAILED")
        role = self.make_role("buckets", "AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore")
        job = self.back_up("arn:aws:s3:::backed-up", role)
        self.assertEqual(job["State"], "COMPLETED", job.get("StatusMessage"))
        self.assertIn("1 object(s) are not in the backup", job["StatusMessage"])
        self.assertIn("own/1", job["StatusMessage"])
        point = job["RecoveryPointArn"]
        for key in bodies:
            s3.put_object(Bucket="backed-up", Key=key, Body=b"changed since")
        self.assertEqual(self.restore(point, role, NewBucket="true")["Status"], "FAILED")  # it is there
        self.assertEqual(s3.get_object(Bucket="backed-up", Key="data/1")["Body"].read(), b"changed since")
        self.assertEqual(error_code(self.restore, point, role, DestinationBucketName="restored", NewBucket="true",
                                    ItemsToRestore='["data/1"]'), "InvalidParameterValueException")
        done = self.restore(point, role, DestinationBucketName="restored", NewBucket="true", CreationToken="x")
        self.assertEqual(done["Status"], "COMPLETED", done.get("StatusMessage"))
        for key, body in bodies.items():
            self.assertEqual(s3.get_object(Bucket="restored", Key=key)["Body"].read(), body, key)
        # What is restored is put: the bucket that it goes to locks it.
        s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
        done = self.restore(point, role, DestinationBucketName="locked", CreationToken="y")
        self.assertEqual(done["Status"], "COMPLETED", done.get("StatusMessage"))
        self.assertEqual(s3.head_object(Bucket="locked", Key="data/1").get("ObjectLockMode"), "GOVERNANCE")
        self.assertEqual(error_code(self.backup.delete_backup_vault, BackupVaultName="points"), "InvalidRequestException")
        self.backup.delete_recovery_point(BackupVaultName="points", RecoveryPointArn=point)
        wait_for(lambda: len(self.backup.list_recovery_points_by_backup_vault(BackupVaultName="points")["RecoveryPoints"]), (0,))
        self.backup.delete_backup_vault(BackupVaultName="points")

    def test_kms_opens_and_seals_for_the_role_alone(self):
        """What a bucket's objects are sealed with, its backup needs; what its new objects are sealed with, a restore needs."""
        kms, s3 = self.boreal.client("kms"), self.boreal.client("s3")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        for bucket in ("kms-kept", "kms-plain", "kms-sealed"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_encryption(Bucket="kms-sealed", ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]})
        s3.put_object(Bucket="kms-kept", Key="open", Body=b"o")
        s3.put_object(Bucket="kms-kept", Key="secret", Body=b"s", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        s3.put_object(Bucket="kms-kept", Key="own", Body=b"a", ServerSideEncryption="aws:kms")
        self.backup.create_backup_vault(BackupVaultName="points")
        role = self.make_role("kms-less")
        may = lambda *more: self.iam.put_role_policy(RoleName="kms-less", PolicyName="p", PolicyDocument=policy(allow("s3:*"), *more))
        through_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
        may()
        job = self.back_up("arn:aws:s3:::kms-kept", role)
        self.assertEqual(job["State"], "COMPLETED", job.get("StatusMessage"))
        self.assertIn("1 object(s) are not in the backup", job.get("StatusMessage", ""))
        self.assertIn("'secret'", job["StatusMessage"])
        done = self.restore(job["RecoveryPointArn"], role, DestinationBucketName="kms-plain")
        self.assertEqual(done["Status"], "COMPLETED", done.get("StatusMessage"))
        self.assertEqual([o["Key"] for o in s3.list_objects_v2(Bucket="kms-plain")["Contents"]], ["open", "own"])

        may(allow("kms:Decrypt", key, Condition=through_s3))
        job = self.back_up("arn:aws:s3:::kms-kept", role)
        self.assertEqual((job["State"], job.get("StatusMessage")), ("COMPLETED", None))
        denied = self.restore(job["RecoveryPointArn"], role, DestinationBucketName="kms-sealed")
        self.assertEqual(denied["Status"], "FAILED")
        self.assertIn("kms:GenerateDataKey", denied["StatusMessage"])
        self.assertNotIn("Contents", s3.list_objects_v2(Bucket="kms-sealed"))
        may(allow("kms:GenerateDataKey", key, Condition=through_s3))
        done = self.restore(job["RecoveryPointArn"], role, DestinationBucketName="kms-sealed")
        self.assertEqual(done["Status"], "COMPLETED", done.get("StatusMessage"))
        self.assertEqual(s3.head_object(Bucket="kms-sealed", Key="secret")["SSEKMSKeyId"], key)
        for point in self.backup.list_recovery_points_by_backup_vault(BackupVaultName="points")["RecoveryPoints"]:
            self.backup.delete_recovery_point(BackupVaultName="points", RecoveryPointArn=point["RecoveryPointArn"])
        wait_for(lambda: len(self.backup.list_recovery_points_by_backup_vault(BackupVaultName="points")["RecoveryPoints"]), (0,))
        self.backup.delete_backup_vault(BackupVaultName="points")

    @need("psql")
    def test_cluster_comes_back(self):
        if "Aurora" not in self.backup.get_supported_resource_types()["ResourceTypes"]:
            self.skipTest("clusters are not backed up yet")
        rds = self.boreal.client("rds")
        status = lambda name: rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]

        def add_instance(cluster):
            rds.create_db_instance(DBInstanceIdentifier=f"{cluster}-1", DBClusterIdentifier=cluster,
                                   DBInstanceClass="db.t3.medium", Engine="aurora-postgresql")
            wait_for(lambda: rds.describe_db_instances(DBInstanceIdentifier=f"{cluster}-1")["DBInstances"][0]["DBInstanceStatus"],
                     ("available",))
            return rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["Endpoint"]

        def psql(host, sql):
            return subprocess.run(["psql", "-h", host, "-U", "postgres", "-d", "shop", "-XAtc", sql], text=True, check=True,
                                  env={**os.environ, "PGPASSWORD": "ChangeMe-12345"}, capture_output=True).stdout.strip()

        made = rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", MasterUsername="postgres",
                                     MasterUserPassword="ChangeMe-12345", DatabaseName="shop")
        wait_for(lambda: status("shop"), ("available",))
        endpoint = add_instance("shop")
        psql(endpoint, "CREATE TABLE t AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) n")
        digest = "SELECT count(*) || md5(string_agg(m, ',' ORDER BY n)) FROM t"
        before = psql(endpoint, digest)
        self.backup.create_backup_vault(BackupVaultName="points")
        role = self.make_role("clusters", "service-role/AWSBackupServiceRolePolicyForBackup",
                              "service-role/AWSBackupServiceRolePolicyForRestores")
        job = self.back_up(made["DBCluster"]["DBClusterArn"], role)
        self.assertEqual(job["State"], "COMPLETED", job.get("StatusMessage"))
        psql(endpoint, "DROP TABLE t")
        for changed in ({"Port": "5433"}, {"EngineVersion": "15.2"}, {"DBClusterParameterGroupName": "other"}):
            self.assertEqual(error_code(self.restore, job["RecoveryPointArn"], role, DBClusterIdentifier="shop-other", **changed),
                             "InvalidParameterValueException", changed)
        # Who may restore that cluster, and use no subnet group, restores none.
        narrow = self.make_role("one-cluster")
        self.iam.put_role_policy(RoleName="one-cluster", PolicyName="p", PolicyDocument=policy(allow("rds:*", [
            f"arn:aws:rds:us-east-1:{ACCOUNT}:{kind}" for kind in ("cluster:shop-other", "cluster-snapshot:awsbackup:*", "cluster-pg:*")])))
        denied = self.restore(job["RecoveryPointArn"], narrow, DBClusterIdentifier="shop-other")
        self.assertEqual(denied["Status"], "FAILED")
        self.assertIn(":subgrp:default", denied["StatusMessage"])
        done = self.restore(job["RecoveryPointArn"], role, DBClusterIdentifier="shop-copy")
        self.assertEqual(done["Status"], "COMPLETED", done.get("StatusMessage"))
        self.assertEqual(psql(add_instance("shop-copy"), digest), before)
        self.backup.delete_recovery_point(BackupVaultName="points", RecoveryPointArn=job["RecoveryPointArn"])
        wait_for(lambda: len(self.backup.list_recovery_points_by_backup_vault(BackupVaultName="points")["RecoveryPoints"]), (0,))
        self.backup.delete_backup_vault(BackupVaultName="points")


if __name__ == "__main__":
    unittest.main()
