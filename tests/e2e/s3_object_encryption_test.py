"""UpdateObjectEncryption: another KMS key for what is there; the bytes stay where they are."""
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from e2e.s3_cases import OTHER, S3Case, md5_of, refusal, signed, status_of

MIB = 1 << 20


class UpdateObjectEncryption(S3Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kms = cls.boreal.client("kms")

    def setUp(self):
        super().setUp()
        self.first, self.second = (self.kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))

    def update(self, key, arn, s3=None, bucket=None, bucket_key=None, **more):
        kms = {"KMSKeyArn": arn} if bucket_key is None else {"KMSKeyArn": arn, "BucketKeyEnabled": bucket_key}
        return (s3 or self.s3).update_object_encryption(Bucket=bucket or self.bucket, Key=key, ObjectEncryption={"SSEKMS": kms}, **more)

    def only_by(self, arn, key, body, **which):
        """The object can be read, and cannot while the KMS key is disabled."""
        self.assertEqual(self.get(key, **which), body)
        self.kms.disable_key(KeyId=arn)
        self.refused_with("KMS.DisabledException", 400, self.get, key, **which)
        self.kms.enable_key(KeyId=arn)
        self.assertEqual(self.get(key, **which), body)

    def test_of_every_size(self):
        for size in (0, 1, 40_000, 3 * MIB):
            with self.subTest(size):
                body = os.urandom(size)
                self.put("k", body, Metadata={"a": "1"}, Tagging="t=1", StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA256")
                before = self.s3.head_object(Bucket=self.bucket, Key="k", ChecksumMode="ENABLED")
                self.update("k", self.first)
                after = self.s3.head_object(Bucket=self.bucket, Key="k", ChecksumMode="ENABLED")
                self.assertEqual((after["ServerSideEncryption"], after["SSEKMSKeyId"]), ("aws:kms", self.first))
                for field in ("ETag", "LastModified", "Metadata", "StorageClass", "ChecksumSHA256", "ContentLength", "TagCount"):
                    self.assertEqual(after.get(field), before.get(field), field)
                self.only_by(self.first, "k", body)
                self.update("k", self.second, bucket_key=True)
                self.assertTrue(self.s3.head_object(Bucket=self.bucket, Key="k")["BucketKeyEnabled"])
                self.kms.disable_key(KeyId=self.first)
                self.only_by(self.second, "k", body)
                self.kms.enable_key(KeyId=self.first)

    def test_policies_know_the_key(self):
        """As of a put: who may write under one key only puts no other in its place."""
        self.put("k", b"x")
        name = "s3:x-amz-server-side-encryption"
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.bucket}/*",
                     "Condition": {"StringNotEqualsIfExists": {f"{name}-aws-kms-key-id": self.first}}}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        self.refused("AccessDenied", self.update, "k", self.second)
        self.update("k", self.first)
        statement["Condition"] = {"StringNotEquals": {name: "aws:kms"}}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        self.update("k", self.second)

    def test_parts_that_share_their_bytes(self):
        """They have data keys of their own: those are wrapped anew too, and who shares the bytes is not touched."""
        source = os.urandom(11 * MIB)
        self.put("source", source)
        self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/source")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        parts = []
        for n, span in enumerate(("bytes=0-5242879", "bytes=5242880-11534335"), 1):
            copied = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=n, CopySource=f"{self.bucket}/source", CopySourceRange=span)
            parts.append({"PartNumber": n, "ETag": copied["CopyPartResult"]["ETag"]})
        end = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=3, Body=b"end")
        parts.append({"PartNumber": 3, "ETag": end["ETag"]})
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
        self.update("m", self.first)
        self.only_by(self.first, "m", source + b"end")
        self.update("m", self.second)
        self.kms.disable_key(KeyId=self.first)
        self.only_by(self.second, "m", source + b"end")
        self.assertEqual(self.s3.get_object(Bucket=self.bucket, Key="m", PartNumber=2)["Body"].read(), source[5242880:])
        self.kms.disable_key(KeyId=self.second)
        self.refused_with("KMS.DisabledException", 400, self.s3.get_object, Bucket=self.bucket, Key="m", Range="bytes=6000000-6000009")
        for key in ("source", "copy"):
            self.assertEqual(self.get(key), source)
        self.kms.enable_key(KeyId=self.second)
        self.s3.delete_object(Bucket=self.bucket, Key="source")
        self.s3.delete_object(Bucket=self.bucket, Key="copy")
        self.assertEqual(self.get("m"), source + b"end")

    def test_versions(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        old, new = (self.put("k", body)["VersionId"] for body in (b"old", b"new"))
        self.update("k", self.first, VersionId=old)
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="k")["ServerSideEncryption"], "AES256")
        self.only_by(self.first, "k", b"old", VersionId=old)
        self.assertEqual([v["VersionId"] for v in self.s3.list_object_versions(Bucket=self.bucket)["Versions"]], [new, old])
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k")["VersionId"]
        self.refused_with("MethodNotAllowed", 405, self.update, "k", self.first, VersionId=marker)
        self.refused_with("MethodNotAllowed", 405, self.update, "k", self.first)
        self.refused_with("NoSuchKey", 404, self.update, "nothing", self.first)

    def test_overwritten_meanwhile(self):
        """It finds what is there now: there is an object all the time."""
        self.put("k", b"0")

        def overwrite():
            client = self.boreal.client("s3")
            for n in range(60):
                client.put_object(Bucket=self.bucket, Key="k", Body=b"%d" % n)

        outcomes = []
        with ThreadPoolExecutor(3) as pool:
            writers = [pool.submit(overwrite) for _ in range(3)]
            while not all(writer.done() for writer in writers):
                outcomes.append(status_of(self.update, "k", self.first))
        for writer in writers:
            writer.result()
        self.assertLessEqual(set(outcomes), {("", 200), ("OperationAborted", 409)})
        self.assertIn(("", 200), outcomes)

    def test_archived(self):
        self.put("k", b"cold", StorageClass="GLACIER")
        self.update("k", self.first)
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="k")["StorageClass"], "GLACIER")
        self.refused_with("InvalidObjectState", 403, self.get, "k")

    def test_refused(self):
        self.put("k")
        for arn in ("0" * 36, "arn:aws:kms:us-east-1:000000000000:alias/aws/s3", "arn:aws:s3:us-east-1:000000000000:key/x"):
            self.refused_with("InvalidRequest", 400, self.update, "k", arn)
        for arn, why in (("nonsense-of-some-length", "Malformed ARN - doesn't start with 'arn:'"), ("arn:aws:kms:us-east-1:", "Malformed ARN - no AWS account specified"),
                         ("arn:aws:kms:us-east-1:1:key/", "resource cannot be empty"),
                         ("arn:aws:kms:us-east-1:1:alias/x", "Invalid KMS Key ARN format. You must provide the full KMS Key ARN to make an UpdateObjectEncryption request")):
            self.assertIn(why, refusal(self.update, "k", arn)["Message"])
        self.assertEqual(refusal(self.update, "nothing", "nonsense-of-some-length")["Key"], f"{self.bucket}/nothing")
        self.refused_with("AccessDenied", 403, self.update, "k", f"arn:aws:kms:us-east-1:{OTHER}:key/{'0' * 36}")
        self.refused_with("KMS.NotFoundException", 400, self.update, "k", f"arn:aws:kms:us-east-1:000000000000:key/{'0' * 36}")
        self.kms.disable_key(KeyId=self.second)
        self.refused_with("KMS.DisabledException", 400, self.update, "k", self.second)
        arn = f"<KMSKeyArn>{self.first}</KMSKeyArn>"
        for document, told in (("", "a valid new encryption type"), ("<SSE-S3/>", "a valid new encryption type"), ("<SSE-KMS/>", "require a target kms key arn"),
                               ("<SSE-KMS><KMSKeyArn>short</KMSKeyArn></SSE-KMS>", "a valid target kms key arn"),
                               (f"<SSE-KMS>{arn}<BucketKeyEnabled>yes</BucketKeyEnabled></SSE-KMS>", "The BucketKeyEnabled value isn't valid")):
            body = f"<ObjectEncryption>{document}</ObjectEncryption>".encode()
            answer = signed(self, "PUT", f"/{self.bucket}/k?encryption", body=body, headers={"Content-MD5": md5_of(body)})
            self.assertEqual((answer.status, answer.code), (400, "InvalidRequest"), document)
            self.assertIn(told, answer.text.replace("&apos;", "'"))
        answer = signed(self, "PUT", f"/{self.bucket}/k?encryption", body=b"<ObjectEncryption/>")
        self.assertIn("Content-MD5", answer.text)
        self.put("customer", SSECustomerAlgorithm="AES256", SSECustomerKey=b"K" * 32)
        self.put("dsse", ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=self.first)
        for key in ("customer", "dsse"):
            self.refused_with("InvalidRequest", 400, self.update, key, self.first)
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="k")["ServerSideEncryption"], "AES256")

    def test_not_what_is_locked(self):
        bucket = self.make_bucket(ObjectLockEnabledForBucket=True)
        self.s3.put_object(Bucket=bucket, Key="held", Body=b"x", ObjectLockLegalHoldStatus="ON")
        until = datetime.now(timezone.utc) + timedelta(days=1)
        self.s3.put_object(Bucket=bucket, Key="kept", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
        for key in ("held", "kept"):
            self.assertIn("protected by S3 Object Lock", refusal(self.update, key, self.first, bucket=bucket)["Message"])
        self.s3.put_object_legal_hold(Bucket=bucket, Key="held", LegalHold={"Status": "OFF"})
        self.update("held", self.first, bucket=bucket)

    def test_what_it_takes(self):
        """s3:UpdateObjectEncryption, s3:PutObject, and kms:Encrypt for the new key; kms:Decrypt for the old one."""
        iam, name = self.boreal.client("iam"), f"u-{self.bucket}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        s3 = self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
        wanted = ["s3:UpdateObjectEncryption", "s3:PutObject", "kms:Encrypt"]

        def allow(actions):
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))

        self.put("k", b"x")
        for missing in wanted:
            allow([action for action in wanted if action != missing])
            self.assertEqual(status_of(self.update, "k", self.first, s3)[0], "AccessDenied", missing)
        allow(wanted)
        self.update("k", self.first, s3)
        self.assertEqual(status_of(self.update, "k", self.second, s3)[0], "AccessDenied")
        allow([*wanted, "kms:Decrypt"])
        self.update("k", self.second, s3)
        self.only_by(self.second, "k", b"x")
