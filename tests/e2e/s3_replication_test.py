"""Replication between buckets: what arrives, under which permissions, and that nothing is forgotten at a crash."""
import json
from datetime import timedelta

from botocore.exceptions import ClientError

from e2e.helpers import advance, allow, eventually, policy, reset_clock
from harness import Case, error_code

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
AT_SOURCE = ["s3:GetReplicationConfiguration", "s3:ListBucket", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl",
             "s3:GetObjectVersionTagging", "s3:GetObjectRetention", "s3:GetObjectLegalHold"]
AT_DESTINATION = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"]
FAR = "eu-west-1"
OTHER = "111122223333"


class Replication(Case):
    number = 0

    def setUp(self):
        self.s3 = self.boreal.client("s3")
        self.far = self.boreal.client("s3", region=FAR)
        self.iam = self.boreal.client("iam")
        Replication.number += 1
        self.source, self.copy = f"from-{Replication.number}", f"to-{Replication.number}"
        self.make(self.s3, self.source)
        self.make(self.far, self.copy, region=FAR)
        self.role = self.make_role(f"replicator-{Replication.number}", AT_SOURCE + AT_DESTINATION)

    def make(self, client, name, region=None, **more):
        if region:
            more["CreateBucketConfiguration"] = {"LocationConstraint": region}
        client.create_bucket(Bucket=name, **more)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def make_role(self, name, actions, trust=TRUST):
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allow(actions)))
        return role

    def rule(self, to=None, **more):
        destination = {"Bucket": f"arn:aws:s3:::{to or self.copy}", **more.pop("Destination", {})}
        return {"Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": destination, **more}

    def replicate(self, *rules, role=None):
        self.s3.put_bucket_replication(Bucket=self.source, ReplicationConfiguration={"Role": role or self.role, "Rules": list(rules)})

    def put(self, key, body=b"body", **more):
        return self.s3.put_object(Bucket=self.source, Key=key, Body=body, **more)["VersionId"]

    def settled(self, key, version, client=None):
        """The source's head once nothing is pending."""
        def look():
            head = (client or self.s3).head_object(Bucket=self.source, Key=key, VersionId=version)
            self.assertNotEqual(head.get("ReplicationStatus"), "PENDING")
            return head
        return eventually(look)

    def status(self, key, version):
        return self.settled(key, version).get("ReplicationStatus")

    def replica(self, key, version, client=None, bucket=None):
        return (client or self.far).get_object(Bucket=bucket or self.copy, Key=key, VersionId=version)

    def missing(self, key, version, bucket=None):
        return error_code(self.far.head_object, Bucket=bucket or self.copy, Key=key, VersionId=version) == "404"

    def test_objects_arrive_as_they_are(self):
        self.assertEqual(error_code(self.s3.get_bucket_replication, Bucket=self.source), "ReplicationConfigurationNotFoundError")
        before = self.put("before")
        self.replicate(self.rule())
        told = self.s3.get_bucket_replication(Bucket=self.source)["ReplicationConfiguration"]
        self.assertEqual((told["Role"], told["Rules"][0]["Priority"], bool(told["Rules"][0]["ID"])), (self.role, 1, True))
        for key, body in (("small", b"few"), ("large ü/x", b"x" * 300_000), ("empty", b"")):
            version = self.put(key, body, Metadata={"colour": "red"}, Tagging="a=1&b=2", ContentType="text/x-test", StorageClass="STANDARD_IA")
            head = self.settled(key, version)
            self.assertEqual(head["ReplicationStatus"], "COMPLETED")
            got = self.replica(key, version)
            self.assertEqual(got["Body"].read(), body)
            self.assertEqual((got["ReplicationStatus"], got["Metadata"], got["ContentType"], got["StorageClass"], got["ETag"], got["LastModified"]),
                             ("REPLICA", {"colour": "red"}, "text/x-test", "STANDARD_IA", head["ETag"], head["LastModified"]))
            tags = self.far.get_object_tagging(Bucket=self.copy, Key=key)["TagSet"]
            self.assertEqual({t["Key"]: t["Value"] for t in tags}, {"a": "1", "b": "2"})
        upload = self.s3.create_multipart_upload(Bucket=self.source, Key="parts")["UploadId"]
        parts = []
        for number, size in ((1, 5 << 20), (2, 100)):
            etag = self.s3.upload_part(Bucket=self.source, Key="parts", UploadId=upload, PartNumber=number, Body=b"p" * size)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
        made = self.s3.complete_multipart_upload(Bucket=self.source, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
        self.assertEqual(self.status("parts", made["VersionId"]), "COMPLETED")
        got = self.replica("parts", made["VersionId"])
        self.assertEqual((got["ETag"], got["Body"].read()), (made["ETag"], b"p" * ((5 << 20) + 100)))
        copied = self.s3.copy_object(Bucket=self.source, Key="copied", CopySource=f"{self.source}/small")["VersionId"]
        self.assertEqual(self.status("copied", copied), "COMPLETED")
        self.assertEqual(self.replica("copied", copied)["Body"].read(), b"few")
        self.assertTrue(self.missing("before", before))
        self.assertNotIn("ReplicationStatus", self.s3.head_object(Bucket=self.source, Key="before"))

    def test_filters_priorities_and_several_destinations(self):
        self.make(self.s3, f"{self.copy}-near")
        near = f"{self.copy}-near"
        tagged = {"And": {"Prefix": "t/", "Tags": [{"Key": "k", "Value": "v"}]}}
        self.replicate(self.rule(Filter={"Prefix": "p/"}, Destination={"StorageClass": "ONEZONE_IA"}),
                       self.rule(Filter={"Prefix": "p/q/"}, Priority=2, Destination={"StorageClass": "GLACIER_IR"}),
                       self.rule(Filter=tagged, Priority=3),
                       self.rule(near, Filter={"Tag": {"Key": "k", "Value": "v"}}, Priority=4),
                       self.rule(Filter={"Prefix": "off/"}, Priority=5, Status="Disabled"))
        versions = {key: self.put(key) for key in ("p/a", "p/q/a", "t/a", "off/a")}
        versions["t/b"] = self.put("t/b", Tagging="k=v")
        self.assertEqual([self.status(key, versions[key]) for key in versions], ["COMPLETED", "COMPLETED", None, None, "COMPLETED"])
        self.assertEqual(self.replica("p/a", versions["p/a"])["StorageClass"], "ONEZONE_IA")
        self.assertEqual(self.replica("p/q/a", versions["p/q/a"])["StorageClass"], "GLACIER_IR")
        self.assertEqual(self.replica("t/b", versions["t/b"])["Body"].read(), b"body")
        self.assertEqual(self.replica("t/b", versions["t/b"], self.s3, near)["Body"].read(), b"body")
        self.assertTrue(self.missing("t/a", versions["t/a"]))

    def test_markers_changes_and_versions(self):
        self.replicate(self.rule(DeleteMarkerReplication={"Status": "Enabled"}))
        first, second = self.put("k", b"1"), self.put("k", b"2")
        self.assertEqual({self.status("k", v) for v in (first, second)}, {"COMPLETED"})
        self.s3.put_object_tagging(Bucket=self.source, Key="k", VersionId=first, Tagging={"TagSet": [{"Key": "late", "Value": "1"}]})
        self.assertEqual(self.status("k", first), "COMPLETED")
        self.assertEqual(self.far.get_object_tagging(Bucket=self.copy, Key="k", VersionId=first)["TagSet"], [{"Key": "late", "Value": "1"}])
        marker = self.s3.delete_object(Bucket=self.source, Key="k")["VersionId"]

        def look():
            listed = self.far.list_object_versions(Bucket=self.copy)
            self.assertEqual([m["VersionId"] for m in listed.get("DeleteMarkers", [])], [marker])
            return listed
        listed = eventually(look)
        self.assertEqual([v["VersionId"] for v in listed["Versions"]], [second, first])
        self.assertEqual(error_code(self.far.get_object, Bucket=self.copy, Key="k"), "NoSuchKey")
        # Deleting a version for good stays here.
        self.s3.delete_object(Bucket=self.source, Key="k", VersionId=first)
        last = self.put("last")
        self.assertEqual(self.status("last", last), "COMPLETED")
        self.assertEqual(self.replica("k", first)["Body"].read(), b"1")

    def test_what_did_not_arrive_is_kept(self):
        """Lifecycle rules wait for replication, which has failed here for one object."""
        role = self.make_role("half", AT_SOURCE)
        self.iam.put_role_policy(RoleName="half", PolicyName="p", PolicyDocument=policy(
            allow(AT_SOURCE), allow(AT_DESTINATION, f"arn:aws:s3:::{self.copy}/there/*")))
        self.replicate(self.rule(), role=role)
        for key, status in (("there/k", "COMPLETED"), ("k", "FAILED")):
            self.assertEqual(self.status(key, self.put(key)), status)
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.source, LifecycleConfiguration={
            "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]})
        advance(self, "3d")
        reset_clock(self)
        self.assertEqual([row["Key"] for row in self.s3.list_objects_v2(Bucket=self.source)["Contents"]], ["k"])

    def test_a_role_may_be_for_one_bucket_only(self):
        def trust(bucket):
            return policy({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {
                "StringEquals": {"aws:SourceAccount": "000000000000"}, "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}}})
        role = self.make_role("of-one-bucket", AT_SOURCE + AT_DESTINATION, trust(self.source))
        self.replicate(self.rule(), role=role)
        self.assertEqual(self.status("k", self.put("k")), "COMPLETED")
        self.iam.update_assume_role_policy(RoleName="of-one-bucket", PolicyDocument=trust(self.copy))
        self.assertEqual(self.status("l", self.put("l")), "FAILED")

    def test_the_role_decides(self):
        role = "weak"
        self.make_role(role, AT_SOURCE)
        arn = self.iam.get_role(RoleName=role)["Role"]["Arn"]
        self.replicate(self.rule(), role=arn)
        version = self.put("k")
        self.assertEqual(self.status("k", version), "FAILED")
        self.assertTrue(self.missing("k", version))
        self.iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(
            allow(AT_SOURCE), allow(["s3:ReplicateObject"], f"arn:aws:s3:::{self.copy}/allowed/*")))
        versions = [self.put(key, Tagging="a=1") for key in ("k", "allowed/k")]
        self.assertEqual([self.status(key, v) for key, v in zip(("k", "allowed/k"), versions)], ["FAILED", "COMPLETED"])
        self.assertEqual(self.far.get_object_tagging(Bucket=self.copy, Key="allowed/k")["TagSet"], [])  # no ReplicateTags
        # A bucket policy that denies, and a destination that stops keeping versions.
        self.far.put_bucket_policy(Bucket=self.copy, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "s3:ReplicateObject", "Resource": f"arn:aws:s3:::{self.copy}/*"}]}))
        self.assertEqual(self.status("allowed/k", self.put("allowed/k")), "FAILED")
        self.far.delete_bucket_policy(Bucket=self.copy)
        self.far.put_bucket_versioning(Bucket=self.copy, VersioningConfiguration={"Status": "Suspended"})
        self.assertEqual(self.status("allowed/k", self.put("allowed/k")), "FAILED")
        # A role that S3 may no longer assume.
        self.far.put_bucket_versioning(Bucket=self.copy, VersioningConfiguration={"Status": "Enabled"})
        self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=TRUST.replace("s3.amazonaws.com", "ec2.amazonaws.com"))
        self.assertEqual(self.status("allowed/k", self.put("allowed/k")), "FAILED")

    def test_another_account_becomes_the_owner(self):
        theirs = self.boreal.client("s3", access_key=OTHER)
        bucket = f"{self.copy}-theirs"
        self.make(theirs, bucket)
        theirs.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
        self.replicate(self.rule(bucket, Destination={"Account": OTHER, "AccessControlTranslation": {"Owner": "Destination"}}))
        self.assertEqual(self.status("k", self.put("k")), "FAILED")  # their policy does not know the role
        theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": self.role}, "Action": AT_DESTINATION, "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
        version = self.put("k")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(theirs.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read(), b"body")
        owner = theirs.list_buckets()["Owner"]["ID"]
        self.assertEqual(theirs.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"], owner)

    def key_policy(self, client, key, effect=None, actions=(), account=None):
        """The account decides, and one statement about the replicating role; none without an effect."""
        statements = [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account or key.split(':')[4]}:root"}, "Action": "kms:*", "Resource": "*"}]
        if effect:
            statements.append({"Effect": effect, "Principal": {"AWS": self.role}, "Action": actions, "Resource": "*"})
        client.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def kms_rule(self, key, to=None, **destination):
        return self.rule(to, SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}},
                         Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": key}, **destination})

    def allow_keys(self, key, far_key):
        self.iam.put_role_policy(RoleName=f"replicator-{Replication.number}", PolicyName="kms", PolicyDocument=policy(
            allow("kms:Decrypt", key), allow("kms:Encrypt", far_key)))

    def test_public_lists_where_they_are_blocked(self):
        for client, bucket, block in ((self.s3, self.source, {"RestrictPublicBuckets": True}), (self.far, self.copy, {"BlockPublicAcls": True})):
            client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
            client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
        self.replicate(self.rule())
        version = self.put("k", ACL="public-read")
        grants = lambda: [grant["Grantee"].get("URI") for grant in self.far.get_object_acl(Bucket=self.copy, Key="k")["Grants"]]
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(grants(), [None])
        self.s3.put_object_acl(Bucket=self.source, Key="k", ACL="authenticated-read")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(grants(), [None])

    def test_a_restricted_bucket_of_another_account(self):
        """A policy for everybody lets no role of elsewhere in where its owner restricts such buckets."""
        theirs = self.boreal.client("s3", region=FAR, access_key=OTHER)
        bucket = f"{self.copy}-open"
        self.make(theirs, bucket, region=FAR)
        theirs.delete_public_access_block(Bucket=bucket)
        theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": AT_DESTINATION, "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
        self.replicate(self.rule(bucket))
        self.assertEqual(self.status("k", self.put("k")), "COMPLETED")
        theirs.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
        self.assertEqual(self.status("k", self.put("k")), "FAILED")

    def test_kms(self):
        kms, far_kms = self.boreal.client("kms"), self.boreal.client("kms", region=FAR)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        far_key = far_kms.create_key()["KeyMetadata"]["Arn"]
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        self.replicate(self.rule())
        self.assertIsNone(self.status("k", self.put("k", **encrypted)))  # the rule does not take them
        self.replicate(self.kms_rule(far_key))
        self.assertEqual(self.status("k", self.put("k", **encrypted)), "FAILED")  # the role may not use the keys
        self.allow_keys(key, far_key)
        version = self.put("k", b"secret" * 20_000, **encrypted)
        self.assertEqual(self.status("k", version), "COMPLETED")
        got = self.replica("k", version)
        self.assertEqual((got["SSEKMSKeyId"], got["Body"].read()), (far_key, b"secret" * 20_000))
        # A key's own policy has the last word, at either end; and what it says of reading the replica is not about writing it.
        for client, arn, action in ((kms, key, "kms:Decrypt"), (far_kms, far_key, "kms:Encrypt")):
            with self.subTest(action):
                self.key_policy(client, arn, "Deny", [action])
                version = self.put("k", **encrypted)
                self.assertEqual(self.status("k", version), "FAILED")
                self.assertTrue(self.missing("k", version))
                self.key_policy(client, arn)
                self.assertEqual(self.status("k", self.put("k", **encrypted)), "COMPLETED")
        self.key_policy(far_kms, far_key, "Deny", ["kms:Decrypt"])
        self.assertEqual(self.status("k", self.put("k", **encrypted)), "COMPLETED")

    def test_the_role_may_be_bound_to_a_key(self):
        """The policy of the user guide: which encryption, and under which key, replicas may have."""
        far_kms = self.boreal.client("kms", region=FAR)
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        good, bad = (far_kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        self.allow_keys(key, "*")
        name = "s3:x-amz-server-side-encryption"
        bound = {"StringLikeIfExists": {name: ["aws:kms", "AES256"], f"{name}-aws-kms-key-id": [good]}}
        self.iam.put_role_policy(RoleName=f"replicator-{Replication.number}", PolicyName="p", PolicyDocument=policy(
            allow(AT_SOURCE), allow(AT_DESTINATION, Condition=bound)))
        for there, status in ((good, "COMPLETED"), (bad, "FAILED")):
            self.replicate(self.kms_rule(there))
            self.assertEqual(self.status("k", self.put("k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)), status)
        self.assertEqual(self.status("k", self.put("k")), "COMPLETED")

    def test_kms_of_another_account(self):
        theirs, their_kms = (self.boreal.client(name, region=FAR, access_key=OTHER) for name in ("s3", "kms"))
        bucket = f"{self.copy}-theirs"
        self.make(theirs, bucket, region=FAR)
        theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": self.role}, "Action": AT_DESTINATION, "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        their_key = their_kms.create_key()["KeyMetadata"]["Arn"]
        self.allow_keys(key, "*")
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        self.replicate(self.kms_rule(their_key, bucket))
        self.assertEqual(self.status("k", self.put("k", **encrypted)), "FAILED")  # both sides must allow
        self.key_policy(their_kms, their_key, "Allow", ["kms:Encrypt"])
        version = self.put("k", b"ours", **encrypted)
        self.assertEqual(self.status("k", version), "COMPLETED")
        got = theirs.get_object(Bucket=bucket, Key="k", VersionId=version)
        self.assertEqual((got["SSEKMSKeyId"], got["Body"].read()), (their_key, b"ours"))
        # The key that S3 keeps for an account serves no other account's role.
        theirs.put_object(Bucket=bucket, Key="own", Body=b"", ServerSideEncryption="aws:kms")
        self.replicate(self.kms_rule(f"arn:aws:kms:{FAR}:{OTHER}:alias/aws/s3", bucket))
        self.assertEqual(self.status("k", self.put("k", **encrypted)), "FAILED")

    def test_both_ways(self):
        """Two buckets that are each other's replica: what is written at one end is at both, once."""
        changes = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}, "DeleteMarkerReplication": {"Status": "Enabled"}}
        self.replicate(self.rule(**changes))
        self.far.put_bucket_replication(Bucket=self.copy, ReplicationConfiguration={"Role": self.role, "Rules": [self.rule(self.source, **changes)]})
        near = self.put("k", b"near", Metadata={"from": "near"})
        self.assertEqual(self.status("k", near), "COMPLETED")
        far = self.far.put_object(Bucket=self.copy, Key="k", Body=b"far")["VersionId"]
        eventually(lambda: self.assertEqual(
            self.far.head_object(Bucket=self.copy, Key="k", VersionId=far)["ReplicationStatus"], "COMPLETED"))
        tag = {"Bucket": self.source, "Key": "k", "VersionId": far}
        self.s3.put_object_tagging(**tag, Tagging={"TagSet": [{"Key": "seen", "Value": "near"}]})  # of a replica: goes back
        eventually(lambda: self.assertEqual(self.far.get_object_tagging(Bucket=self.copy, Key="k", VersionId=far)["TagSet"],
                                            [{"Key": "seen", "Value": "near"}]))
        self.s3.delete_object(Bucket=self.source, Key="k")
        ends = ((self.s3, self.source), (self.far, self.copy))
        for client, bucket in ends:
            eventually(lambda: self.assertEqual(error_code(client.get_object, Bucket=bucket, Key="k"), "NoSuchKey"))
        last = self.put("last")  # done after all before it: nothing comes later
        self.assertEqual(self.status("last", last), "COMPLETED")
        listed = [client.list_object_versions(Bucket=bucket) for client, bucket in ends]
        for page in listed:
            self.assertEqual([v["VersionId"] for v in page["Versions"]], [far, near, last])
            self.assertEqual(len(page["DeleteMarkers"]), 1)
        self.assertEqual(listed[0]["DeleteMarkers"][0]["VersionId"], listed[1]["DeleteMarkers"][0]["VersionId"])
        for (client, bucket), version, body, status in ((ends[0], near, b"near", "COMPLETED"), (ends[1], near, b"near", "REPLICA"),
                                                        (ends[0], far, b"far", "REPLICA"), (ends[1], far, b"far", "COMPLETED")):
            got = client.get_object(Bucket=bucket, Key="k", VersionId=version)
            self.assertEqual((got["Body"].read(), got["ReplicationStatus"]), (body, status))

    def test_customers_keys(self):
        self.replicate(self.rule())
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        version = self.put("k", b"c" * 100_000, **key)
        eventually(lambda: self.assertEqual(
            self.s3.head_object(Bucket=self.source, Key="k", VersionId=version, **key)["ReplicationStatus"], "COMPLETED"))
        got = self.far.get_object(Bucket=self.copy, Key="k", VersionId=version, **key)
        self.assertEqual(got["Body"].read(), b"c" * 100_000)

    def test_existing_objects_and_both_ways(self):
        versions = {f"k{i:03d}": self.put(f"k{i:03d}") for i in range(3)}
        self.replicate(self.rule(ExistingObjectReplication={"Status": "Enabled"}))
        for key, version in versions.items():
            eventually(lambda: self.assertEqual(
                self.s3.head_object(Bucket=self.source, Key=key).get("ReplicationStatus"), "COMPLETED"))
            self.assertEqual(self.replica(key, version)["Body"].read(), b"body")
        # And back: changes of replicas, where the rule wants them; no object goes round in circles.
        self.far.put_bucket_replication(Bucket=self.copy, ReplicationConfiguration={"Role": self.role, "Rules": [self.rule(
            self.source, SourceSelectionCriteria={"ReplicaModifications": {"Status": "Enabled"}})]})
        self.far.put_object_tagging(Bucket=self.copy, Key="k000", Tagging={"TagSet": [{"Key": "from", "Value": "afar"}]})
        eventually(lambda: self.assertEqual(self.s3.get_object_tagging(Bucket=self.source, Key="k000")["TagSet"],
                                            [{"Key": "from", "Value": "afar"}]))
        self.assertEqual(self.far.head_object(Bucket=self.copy, Key="k000")["ReplicationStatus"], "REPLICA")
        self.assertEqual(len(self.s3.list_object_versions(Bucket=self.source)["Versions"]), 3)

    def test_object_lock_goes_along(self):
        source, copy = f"{self.source}-lock", f"{self.copy}-lock"
        self.make(self.s3, source, ObjectLockEnabledForBucket=True)
        self.source = source
        self.assertEqual(error_code(self.replicate, self.rule()), "InvalidRequest")  # the destination has no locks
        self.make(self.far, copy, region=FAR, ObjectLockEnabledForBucket=True)
        self.replicate(self.rule(copy))
        version = self.put("k", ObjectLockLegalHoldStatus="ON", ChecksumAlgorithm="CRC32")
        self.assertEqual(self.status("k", version), "COMPLETED")
        hold = {"Bucket": copy, "Key": "k", "VersionId": version}
        self.assertEqual(self.far.get_object_legal_hold(**hold)["LegalHold"]["Status"], "ON")
        self.assertEqual(error_code(self.far.delete_object, **hold), "AccessDenied")
        self.s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "OFF"})
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.far.get_object_legal_hold(**hold)["LegalHold"]["Status"], "OFF")

    def test_what_holds_the_replica_stays(self):
        """The default of the destination holds what came without a retention; changes of the source set nothing free."""
        locked = f"{self.copy}-lock"
        self.make(self.far, locked, region=FAR, ObjectLockEnabledForBucket=True)
        self.far.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
        self.replicate(self.rule(locked))
        version = self.put("k")
        self.assertEqual(self.status("k", version), "COMPLETED")
        there = {"Bucket": locked, "Key": "k", "VersionId": version}
        self.assertEqual(self.far.get_object_retention(**there)["Retention"]["Mode"], "GOVERNANCE")
        self.assertEqual(error_code(self.far.delete_object, **there), "AccessDenied")
        until = self.far.get_object_retention(**there)["Retention"]["RetainUntilDate"] + timedelta(days=1)
        self.far.put_object_retention(**there, BypassGovernanceRetention=True, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})
        self.far.put_object_legal_hold(**there, LegalHold={"Status": "ON"})
        self.s3.put_object_tagging(Bucket=self.source, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        eventually(lambda: self.assertEqual(len(self.far.get_object_tagging(**there)["TagSet"]), 1))
        self.assertEqual(self.far.get_object_retention(**there)["Retention"], {"Mode": "COMPLIANCE", "RetainUntilDate": until})
        self.assertEqual(self.far.get_object_legal_hold(**there)["LegalHold"]["Status"], "ON")

    def test_tags_are_not_taken_off_without_permission(self):
        role = self.make_role(f"tagless-{self.source}", AT_SOURCE + [action for action in AT_DESTINATION if action != "s3:ReplicateTags"])
        self.replicate(self.rule(), role=role)
        version = self.put("k", Tagging="a=b")
        self.assertEqual(self.status("k", version), "COMPLETED")
        own = [{"Key": "own", "Value": "1"}]
        self.far.put_object_tagging(Bucket=self.copy, Key="k", Tagging={"TagSet": own})
        self.s3.delete_object_tagging(Bucket=self.source, Key="k")
        self.assertEqual(self.status("k", version), "COMPLETED")
        self.assertEqual(self.far.get_object_tagging(Bucket=self.copy, Key="k")["TagSet"], own)

    def test_tags_that_stay_behind_say_nothing(self):
        tagged = {"StringEquals": {"s3:RequestObjectTag/a": "b"}}
        role = f"tagged-{self.source}"
        arn = self.make_role(role, AT_SOURCE)
        self.replicate(self.rule(), role=arn)
        for more, status in ([], "FAILED"), (["s3:ReplicateTags"], "COMPLETED"):
            self.iam.put_role_policy(RoleName=role, PolicyName="there", PolicyDocument=policy(allow(["s3:ReplicateObject", *more], Condition=tagged)))
            self.assertEqual(self.status("k", self.put("k", Tagging="a=b")), status)

    def test_what_is_refused(self):
        refused = {
            "no versions": (self.rule("none"), "InvalidRequest"),
            "itself": (self.rule(self.source), "InvalidRequest"),
            "time": (self.rule(Destination={"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
                                            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}), "NotImplemented"),
            "metrics": (self.rule(Destination={"Metrics": {"Status": "Enabled"}}), "NotImplemented"),
            "arn": (self.rule(Destination={"Bucket": "arn:aws:s3:us-east-1:1:x"}), "InvalidArgument"),
            "kms": (self.rule(SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}}), "InvalidRequest"),
            "no criteria": (self.rule(SourceSelectionCriteria={}), "InvalidRequest"),
            "tags": (self.rule(Filter={"Tag": {"Key": "a", "Value": "b"}}, DeleteMarkerReplication={"Status": "Enabled"}), "InvalidRequest"),
            "owner": (self.rule(Destination={"AccessControlTranslation": {"Owner": "Destination"}}), "InvalidRequest"),
            "account": (self.rule(Destination={"Account": OTHER}), "InvalidArgument"),
            "id": (self.rule(ID="ü"), "InvalidArgument"),
        }
        for name, (rule, code) in refused.items():
            with self.subTest(name):
                self.assertEqual(error_code(self.replicate, rule), code)
        self.assertEqual(error_code(self.replicate, self.rule(), self.rule()), "InvalidRequest")  # the same priority
        with self.assertRaises(ClientError):
            self.replicate(self.rule(), role="arn:aws:iam::000000000000:role/none")
        first_version = [{"Status": "Enabled", "Prefix": name, "Destination": {"Bucket": f"arn:aws:s3:::{name}"}} for name in (self.copy, "another")]
        with self.assertRaisesRegex(ClientError, "InvalidRequest.*Number of distinct destination bucket ARNs cannot exceed 1"):
            self.replicate(*first_version)
        for of_the_second in {"Priority": 1}, {"DeleteMarkerReplication": {"Status": "Disabled"}}:
            with self.assertRaisesRegex(ClientError, f"InvalidRequest.*{next(iter(of_the_second))} cannot be used for this version of Cross Region"):
                self.replicate(first_version[0] | of_the_second)
        self.replicate(self.rule())
        self.assertEqual(error_code(self.s3.put_bucket_versioning, Bucket=self.source, VersioningConfiguration={"Status": "Suspended"}),
                         "InvalidBucketState")
        self.s3.delete_bucket_replication(Bucket=self.source)
        self.s3.put_bucket_versioning(Bucket=self.source, VersioningConfiguration={"Status": "Suspended"})

    def test_a_killed_server_goes_on(self):
        self.replicate(self.rule())
        versions = {}
        for round_number in range(3):
            for i in range(20):
                key = f"k-{round_number}-{i}"
                versions[key] = self.put(key, key.encode() * 5000)
            self.boreal.kill()
            self.boreal.start()
            self.s3, self.far = self.boreal.client("s3"), self.boreal.client("s3", region=FAR)
        for key, version in versions.items():
            self.assertEqual(self.status(key, version), "COMPLETED")
            self.assertEqual(self.replica(key, version)["Body"].read(), key.encode() * 5000)
        self.assertEqual(len(self.far.list_object_versions(Bucket=self.copy)["Versions"]), len(versions))
