"""S3 through boto3, the AWS CLI and plain HTTP."""
import base64
import hashlib
import http.client
import json
import os
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from botocore.exceptions import ClientError

from e2e.s3_cases import S3Case, refusal, signed
from harness import error_code


class Buckets(S3Case):
    def test_names(self):
        for name in ("ab", "Upper", "a..b", "192.168.0.1", "-a-b", "xn--abc"):
            with self.subTest(name):
                connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port)
                with self.assertRaises((ClientError, Exception)):
                    self.s3.create_bucket(Bucket=name)
                connection.close()

    def test_made_again(self):
        self.s3.create_bucket(Bucket=self.bucket)  # us-east-1 lets it pass
        other = self.boreal.client("s3", access_key="111122223333")
        self.assertEqual(error_code(other.create_bucket, Bucket=self.bucket), "BucketAlreadyExists")

    def test_region(self):
        far = self.boreal.client("s3", region="eu-west-1")
        name = self.bucket + "-far"
        far.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertEqual(far.get_bucket_location(Bucket=name)["LocationConstraint"], "eu-west-1")
        self.assertEqual(far.head_bucket(Bucket=name)["BucketRegion"], "eu-west-1")
        self.assertEqual(error_code(far.create_bucket, Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}),
                         "BucketAlreadyOwnedByYou")
        self.assertEqual(error_code(far.create_bucket, Bucket=name + "2"), "IllegalLocationConstraintException")

    def test_delete(self):
        self.put("a")
        self.assertEqual(error_code(self.s3.delete_bucket, Bucket=self.bucket), "BucketNotEmpty")
        self.s3.delete_object(Bucket=self.bucket, Key="a")
        self.s3.delete_bucket(Bucket=self.bucket)
        self.assertEqual(error_code(self.s3.head_bucket, Bucket=self.bucket), "404")
        self.assertEqual(error_code(self.s3.list_objects_v2, Bucket=self.bucket), "NoSuchBucket")

    def test_listing_pages(self):
        names = [self.make_bucket() for _ in range(3)]
        first = self.s3.list_buckets(MaxBuckets=2, Prefix="bucket-")
        self.assertEqual(len(first["Buckets"]), 2)
        rest = self.s3.list_buckets(Prefix="bucket-", ContinuationToken=first["ContinuationToken"])
        self.assertTrue({b["Name"] for b in rest["Buckets"]} >= {names[-1]})


class Configurations(S3Case):
    """What Terraform's provider reads, set and not set."""

    def test_codes_of_what_is_not_set(self):
        for call, code in (("get_bucket_tagging", "NoSuchTagSet"), ("get_bucket_policy", "NoSuchBucketPolicy"),
                           ("get_bucket_cors", "NoSuchCORSConfiguration"), ("get_bucket_website", "NoSuchWebsiteConfiguration"),
                           ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
                           ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
                           ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError")):
            with self.subTest(call):
                self.assertEqual(error_code(getattr(self.s3, call), Bucket=self.bucket), code)
        for call in ("get_bucket_acl", "get_bucket_versioning", "get_bucket_accelerate_configuration", "get_bucket_request_payment",
                     "get_bucket_logging", "get_bucket_encryption", "get_public_access_block", "get_bucket_ownership_controls",
                     "get_bucket_notification_configuration"):
            with self.subTest(call):
                getattr(self.s3, call)(Bucket=self.bucket)

    def test_lifecycle_is_read_back_as_sent(self):
        rules = [{"ID": "r1", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 90},
                  "NoncurrentVersionExpiration": {"NoncurrentDays": 30}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}]
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": rules})
        got = self.s3.get_bucket_lifecycle_configuration(Bucket=self.bucket)
        self.assertEqual(got["Rules"], rules)
        self.assertEqual(got["TransitionDefaultMinimumObjectSize"], "all_storage_classes_128K")
        error = refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": rules}, TransitionDefaultMinimumObjectSize="none")
        self.assertEqual((error["Code"], error["Message"]), ("InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize found: none"))
        self.s3.delete_bucket_lifecycle(Bucket=self.bucket)

    def test_round_trips(self):
        cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["*"], "MaxAgeSeconds": 5}]}
        self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration=cors)
        self.assertEqual(self.s3.get_bucket_cors(Bucket=self.bucket)["CORSRules"], cors["CORSRules"])
        tags = [{"Key": "Name", "Value": "b"}]
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], tags)
        site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
        self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration=site)
        self.assertEqual(self.s3.get_bucket_website(Bucket=self.bucket)["IndexDocument"], site["IndexDocument"])
        self.s3.put_bucket_metrics_configuration(Bucket=self.bucket, Id="m", MetricsConfiguration={"Id": "m", "Filter": {"Prefix": "p"}})
        self.assertEqual(self.s3.list_bucket_metrics_configurations(Bucket=self.bucket)["MetricsConfigurationList"][0]["Id"], "m")
        self.assertEqual(error_code(self.s3.get_bucket_metrics_configuration, Bucket=self.bucket, Id="x"), "NoSuchConfiguration")

    def test_notification_targets_are_refused(self):
        self.assertEqual(error_code(self.s3.put_bucket_notification_configuration, Bucket=self.bucket, NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "Events": ["s3:ObjectCreated:*"]}]}), "NotImplemented")


class Objects(S3Case):
    def test_headers_come_back(self):
        self.put("k", ContentType="text/plain", CacheControl="no-store", ContentDisposition="inline", ContentEncoding="gzip",
                 ContentLanguage="en", Metadata={"Colour": "red"}, WebsiteRedirectLocation="/other")
        head = self.s3.head_object(Bucket=self.bucket, Key="k")
        self.assertEqual((head["ContentType"], head["CacheControl"], head["ContentEncoding"], head["ContentLength"]), ("text/plain", "no-store", "gzip", 4))
        self.assertEqual(head["Metadata"], {"colour": "red"})
        self.assertEqual(head["WebsiteRedirectLocation"], "/other")
        self.assertEqual(head["ETag"], '"%s"' % hashlib.md5(b"body").hexdigest())
        self.assertEqual(head["ServerSideEncryption"], "AES256")

    def test_odd_keys(self):
        keys = ["a b", "a//b", "a/../x", "ünï", "k" * 1024, "plus+sign", "percent%41", "?q", "tab\tkey", "/lead", "trail/"]
        for key in keys:
            self.put(key, key.encode())
        for key in keys:
            self.assertEqual(self.get(key), key.encode(), key)
        self.assertEqual(sorted(self.keys(), key=lambda k: k.encode()), sorted(keys, key=lambda k: k.encode()))
        self.assertEqual(error_code(self.put, "k" * 1025), "KeyTooLongError")

    def test_a_plus_in_an_address_is_a_blank(self):
        """As in a form, in the path too: a plus is written %2B."""
        for key, body in (("a b", b"blank"), ("a+b", b"plus")):
            self.put(key, body)
        client = self.boreal.client("s3", signature_version="s3v4")

        def read(operation, written, **params):
            url = client.generate_presigned_url(operation, Params={"Bucket": self.bucket, **params})
            with urllib.request.urlopen(url.replace("a%20b", written).replace("a%2Bb", written)) as answer:
                return answer.read()

        for key, written, body in (("a b", "a+b", b"blank"), ("a b", "a%20b", b"blank"), ("a+b", "a%2Bb", b"plus")):
            self.assertEqual(read("get_object", written, Key=key), body)
            listed = read("list_objects_v2", written, Prefix=key)
            self.assertIn(f"<Prefix>{urllib.parse.quote(key)}</Prefix><KeyCount>1</KeyCount>".encode(), listed)
        answer = signed(self, "GET", f"/{self.bucket}/a+b")  # signed for a plus
        self.assertEqual((answer.status, answer.code), (403, "SignatureDoesNotMatch"))
        self.assertIn(f"<CanonicalRequest>GET\n/{self.bucket}/a%20b\n", answer.text)

    def test_ranges(self):
        self.put("r", b"0123456789")
        for header, body in (("bytes=0-3", b"0123"), ("bytes=-2", b"89"), ("bytes=5-", b"56789"), ("bytes=8-100", b"89"), ("Bytes=0-3", b"0123")):
            self.assertEqual(self.get("r", Range=header), body)
        self.assertEqual(error_code(self.get, "r", Range="bytes=10-"), "InvalidRange")
        answer = self.s3.get_object(Bucket=self.bucket, Key="r", Range="bytes=2-4")
        self.assertEqual(answer["ContentRange"], "bytes 2-4/10")
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 206)

    def test_conditions(self):
        etag = self.put("c")["ETag"]
        self.assertEqual(error_code(self.get, "c", IfMatch='"no"'), "PreconditionFailed")
        self.assertEqual(error_code(self.get, "c", IfNoneMatch=etag), "304")
        self.assertEqual(error_code(self.put, "c", IfNoneMatch="*"), "PreconditionFailed")
        self.assertEqual(error_code(self.put, "new", IfMatch=etag), "NoSuchKey")
        self.put("c", b"next", IfMatch=etag)
        self.assertEqual(error_code(self.s3.delete_object, Bucket=self.bucket, Key="c", IfMatch=etag), "PreconditionFailed")

    def test_checksums(self):
        for name, field in (("CRC32", "ChecksumCRC32"), ("SHA1", "ChecksumSHA1"), ("SHA256", "ChecksumSHA256")):
            put = self.put("sum", ChecksumAlgorithm=name)
            head = self.s3.head_object(Bucket=self.bucket, Key="sum", ChecksumMode="ENABLED")
            self.assertEqual(head[field], put[field])
            self.assertEqual(head["ChecksumType"], "FULL_OBJECT")
        self.assertEqual(error_code(self.put, "bad", ChecksumSHA256=base64.b64encode(b"0" * 32).decode()), "BadDigest")
        self.assertEqual(error_code(self.put, "bad", ContentMD5=base64.b64encode(b"0" * 16).decode()), "BadDigest")
        self.assertEqual(error_code(self.get, "bad"), "NoSuchKey")
        attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key="sum", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"])
        self.assertEqual(attributes["ObjectSize"], 4)
        self.assertIn("ChecksumSHA256", attributes["Checksum"])

    def test_copy(self):
        self.put("from", b"copied", Metadata={"a": "1"}, Tagging="t=1")
        self.s3.copy_object(Bucket=self.bucket, Key="to", CopySource={"Bucket": self.bucket, "Key": "from"})
        self.assertEqual(self.get("to"), b"copied")
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="to")["Metadata"], {"a": "1"})
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="to")["TagSet"], [{"Key": "t", "Value": "1"}])
        self.s3.copy_object(Bucket=self.bucket, Key="to", CopySource={"Bucket": self.bucket, "Key": "from"}, MetadataDirective="REPLACE", Metadata={"b": "2"})
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="to")["Metadata"], {"b": "2"})
        self.assertEqual(error_code(self.s3.copy_object, Bucket=self.bucket, Key="to", CopySource={"Bucket": self.bucket, "Key": "to"}), "InvalidRequest")
        other = self.make_bucket()
        self.s3.copy_object(Bucket=other, Key="x", CopySource={"Bucket": self.bucket, "Key": "from"}, StorageClass="STANDARD_IA")
        self.assertEqual(self.s3.head_object(Bucket=other, Key="x")["StorageClass"], "STANDARD_IA")
        self.s3.delete_object(Bucket=self.bucket, Key="from")
        self.assertEqual(self.get("x", Bucket=other), b"copied")

    def test_customer_key(self):
        key = os.urandom(32)
        sse = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
        self.put("c", b"secret", **sse)
        self.assertEqual(self.get("c", **sse), b"secret")
        self.assertEqual(error_code(self.get, "c"), "InvalidRequest")
        self.assertEqual(error_code(self.get, "c", SSECustomerAlgorithm="AES256", SSECustomerKey=os.urandom(32)), "AccessDenied")

    def test_kms(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        put = self.put("k", b"kms", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.assertEqual((put["ServerSideEncryption"], put["SSEKMSKeyId"]), ("aws:kms", key))
        self.assertEqual(self.get("k"), b"kms")
        kms.disable_key(KeyId=key)
        self.assertIn(error_code(self.get, "k"), ("KMS.DisabledException", "DisabledException"))

    def test_deleting_many(self):
        for i in range(120):
            self.put(f"d{i}", b"")
        done = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": f"d{i}"} for i in range(120)]})
        self.assertEqual(len(done["Deleted"]), 120)
        self.assertEqual(self.keys(), [])


class Listings(S3Case):
    def setUp(self):
        super().setUp()
        for key in ("a/1", "a/2", "b/1", "c", "d d", "e+f"):
            self.put(key, b"")

    def test_groups_and_pages(self):
        page = self.s3.list_objects_v2(Bucket=self.bucket, Delimiter="/", MaxKeys=2)
        self.assertEqual([p["Prefix"] for p in page["CommonPrefixes"]], ["a/", "b/"])
        self.assertTrue(page["IsTruncated"])
        rest = self.s3.list_objects_v2(Bucket=self.bucket, Delimiter="/", ContinuationToken=page["NextContinuationToken"])
        self.assertEqual([k["Key"] for k in rest["Contents"]], ["c", "d d", "e+f"])
        old = self.s3.list_objects(Bucket=self.bucket, Delimiter="/", MaxKeys=1)
        self.assertEqual(old["NextMarker"], "a/")
        self.assertNotIn("NextMarker", self.s3.list_objects(Bucket=self.bucket, MaxKeys=1))

    def test_limits(self):
        self.assertEqual(self.keys(StartAfter="b/1", Prefix=""), ["c", "d d", "e+f"])
        self.assertEqual(self.keys(MaxKeys=0), [])
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=5000)["MaxKeys"], 1000)
        self.assertEqual(self.keys(Prefix="a/"), ["a/1", "a/2"])


class Versions(S3Case):
    def setUp(self):
        super().setUp()
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def test_versions_and_markers(self):
        first = self.put("v", b"1")["VersionId"]
        second = self.put("v", b"2")["VersionId"]
        self.assertEqual(self.get("v", VersionId=first), b"1")
        gone = self.s3.delete_object(Bucket=self.bucket, Key="v")
        self.assertTrue(gone["DeleteMarker"])
        with self.assertRaises(ClientError) as refused:
            self.get("v")
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"], "true")
        self.assertEqual(error_code(self.get, "v", VersionId=gone["VersionId"]), "MethodNotAllowed")
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        self.assertEqual([v["VersionId"] for v in listed["Versions"]], [second, first])
        self.assertEqual([m["IsLatest"] for m in listed["DeleteMarkers"]], [True])
        self.s3.delete_object(Bucket=self.bucket, Key="v", VersionId=gone["VersionId"])
        self.assertEqual(self.get("v"), b"2")
        self.assertEqual(error_code(self.get, "v", VersionId="zzz"), "InvalidArgument")

    def test_suspended(self):
        kept = self.put("s", b"1")["VersionId"]
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Suspended"})
        self.assertNotIn("VersionId", self.put("s", b"2"))
        self.put("s", b"3")
        listed = self.s3.list_object_versions(Bucket=self.bucket)["Versions"]
        self.assertEqual([v["VersionId"] for v in listed], ["null", kept])
        self.assertEqual(self.get("s", VersionId="null"), b"3")


class Multipart(S3Case):
    def test_whole_way(self):
        parts = [os.urandom(5 << 20), os.urandom(5 << 20), b"tail"]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", Metadata={"a": "b"})["UploadId"]
        done = [{"PartNumber": i + 1, "ETag": self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=i + 1, Body=p)["ETag"]}
                for i, p in enumerate(parts)]
        self.assertEqual([p["PartNumber"] for p in self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload)["Parts"]], [1, 2, 3])
        self.assertEqual(self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"][0]["Key"], "m")
        whole = self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": done})
        etag = hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest() + "-3"
        self.assertEqual(whole["ETag"], f'"{etag}"')
        self.assertEqual(self.get("m"), b"".join(parts))
        self.assertEqual(self.get("m", PartNumber=3), b"tail")
        self.assertEqual(self.get("m", Range=f"bytes={5 << 20}-{(5 << 20) + 9}"), parts[1][:10])
        self.assertEqual(error_code(self.s3.list_parts, Bucket=self.bucket, Key="m", UploadId=upload), "NoSuchUpload")

    def test_refusals(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        tags = [self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
        complete = lambda parts: error_code(self.s3.complete_multipart_upload, Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
        self.assertEqual(complete([{"PartNumber": 1, "ETag": tags[0]}, {"PartNumber": 2, "ETag": tags[1]}]), "EntityTooSmall")
        self.assertEqual(complete([{"PartNumber": 2, "ETag": tags[1]}, {"PartNumber": 1, "ETag": tags[0]}]), "InvalidPartOrder")
        self.assertEqual(complete([{"PartNumber": 9, "ETag": tags[0]}]), "InvalidPart")
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload)
        self.assertEqual(error_code(self.s3.upload_part, Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b""), "NoSuchUpload")

    def test_copied_parts_and_composite_checksums(self):
        self.put("src", os.urandom(6 << 20))
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", ChecksumAlgorithm="SHA256")["UploadId"]
        part = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, CopySource={"Bucket": self.bucket, "Key": "src"},
                                        CopySourceRange="bytes=0-5242879")["CopyPartResult"]
        done = self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]})
        self.assertEqual(done["ChecksumType"], "COMPOSITE")
        self.assertTrue(done["ChecksumSHA256"].endswith("-1"))
        self.assertEqual(self.get("m"), self.get("src")[:5242880])


class Locks(S3Case):
    def test_governance_and_hold(self):
        bucket = self.make_bucket(ObjectLockEnabledForBucket=True)
        from datetime import datetime, timedelta, timezone
        until = datetime.now(timezone.utc) + timedelta(days=1)
        version = self.put("l", Bucket=bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
        delete = dict(Bucket=bucket, Key="l", VersionId=version)
        self.assertEqual(error_code(self.s3.delete_object, **delete), "AccessDenied")
        self.s3.put_object_legal_hold(Bucket=bucket, Key="l", LegalHold={"Status": "ON"})
        self.assertEqual(error_code(self.s3.delete_object, BypassGovernanceRetention=True, **delete), "AccessDenied")
        self.s3.put_object_legal_hold(Bucket=bucket, Key="l", LegalHold={"Status": "OFF"})
        self.s3.delete_object(BypassGovernanceRetention=True, **delete)
        strict = self.put("c", Bucket=bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["VersionId"]
        self.assertEqual(error_code(self.s3.delete_object, Bucket=bucket, Key="c", VersionId=strict, BypassGovernanceRetention=True), "AccessDenied")
        self.s3.delete_object(Bucket=bucket, Key="c")  # a marker harms nobody


class Access(S3Case):
    def test_anonymous(self):
        url = f"{self.boreal.url}/{self.bucket}/x"
        self.put("x")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        self.assertEqual(refused.exception.code, 403)
        bucket = self.open_bucket()
        self.put("x", b"open", Bucket=bucket, ACL="public-read")
        self.assertEqual(urllib.request.urlopen(f"{self.boreal.url}/{bucket}/x").read(), b"open")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/p*"}]}
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=bucket)["Policy"]), policy)
        self.assertTrue(self.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"])
        self.put("p", b"by policy", Bucket=bucket)
        self.assertEqual(urllib.request.urlopen(f"{self.boreal.url}/{bucket}/p").read(), b"by policy")
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.boreal.url}/{bucket}/p")

    def test_lists_are_off_by_default(self):
        self.assertEqual(error_code(self.put, "x", ACL="public-read"), "AccessControlListNotSupported")
        self.assertEqual(error_code(self.s3.put_bucket_acl, Bucket=self.bucket, ACL="public-read"), "AccessControlListNotSupported")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}
        self.assertEqual(error_code(self.s3.put_bucket_policy, Bucket=self.bucket, Policy=json.dumps(policy)), "AccessDenied")

    def test_other_account(self):
        other = self.boreal.client("s3", access_key="111122223333")
        self.put("x")
        self.assertEqual(error_code(other.get_object, Bucket=self.bucket, Key="x"), "AccessDenied")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject",
                                                            "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))
        self.assertEqual(other.get_object(Bucket=self.bucket, Key="x")["Body"].read(), b"body")
        self.assertEqual(error_code(other.get_object, Bucket=self.bucket, Key="none"), "AccessDenied")  # may not list
        self.assertEqual(error_code(other.list_objects_v2, Bucket=self.bucket), "AccessDenied")

    def test_presigned(self):
        self.put("p", b"presigned")
        signer = self.boreal.client("s3", signature_version="s3v4")  # boto3 still presigns with version 2 by itself
        url = signer.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "p", "ResponseContentType": "text/x"})
        answer = urllib.request.urlopen(url)
        self.assertEqual((answer.read(), answer.headers["Content-Type"]), (b"presigned", "text/x"))
        put = signer.generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "up"})
        urllib.request.urlopen(urllib.request.Request(put, data=b"up", method="PUT"))
        self.assertEqual(self.get("up"), b"up")


class CrossOrigin(S3Case):
    def preflight(self, origin):
        request = urllib.request.Request(f"{self.boreal.url}/{self.bucket}/k", method="OPTIONS", headers={
            "Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-one, x-two"})
        return urllib.request.urlopen(request)

    def test_preflight(self):
        self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [
            {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["x-*"], "MaxAgeSeconds": 7}]})
        answer = self.preflight("https://a.example.com")
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://a.example.com")
        self.assertEqual(answer.headers["Access-Control-Allow-Headers"], "x-one, x-two")
        self.assertEqual(answer.headers["Access-Control-Max-Age"], "7")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.preflight("https://elsewhere.org")
        self.assertEqual(refused.exception.code, 403)
        self.assertIn("<Method>GET</Method><ResourceType>OBJECT</ResourceType>", refused.exception.read().decode())
        self.put("k")
        allowed = lambda **more: signed(self, "GET", f"/{self.bucket}/k", headers={"Origin": "https://a.example.com", **more}).headers["Access-Control-Allow-Origin"]
        self.assertEqual(allowed(), "https://a.example.com")
        self.assertEqual(allowed(**{"Access-Control-Request-Headers": "x-one"}), "https://a.example.com")
        for name, value in (("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "y-one")):
            self.assertIsNone(allowed(**{name: value}), name)
        self.s3.delete_bucket_cors(Bucket=self.bucket)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.preflight("https://a.example.com")
        self.assertIn("CORS is not enabled for this bucket", refused.exception.read().decode())


class CommandLine(S3Case):
    def test_copy_and_sync(self):
        with tempfile.TemporaryDirectory() as folder:
            big = Path(folder, "big")
            big.write_bytes(os.urandom(1 << 20) * 64)
            self.boreal.aws("s3", "cp", str(big), f"s3://{self.bucket}/big", "--only-show-errors")
            back = Path(folder, "back")
            self.boreal.aws("s3", "cp", f"s3://{self.bucket}/big", str(back), "--only-show-errors")
            self.assertEqual(hashlib.sha256(back.read_bytes()).digest(), hashlib.sha256(big.read_bytes()).digest())
            tree = Path(folder, "tree")
            for name in ("a", "b/c", "b/d e"):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(name)
                # Objects tell their time in whole seconds: next to a file of the same second they look older, and go up again.
                os.utime(tree / name, (time.time() - 60,) * 2)
            self.boreal.aws("s3", "sync", str(tree), f"s3://{self.bucket}/tree")
            self.assertEqual(self.boreal.aws("s3", "sync", str(tree), f"s3://{self.bucket}/tree"), "")
            copy = Path(folder, "copy")
            self.boreal.aws("s3", "sync", f"s3://{self.bucket}/tree", str(copy))
            self.assertEqual({str(p.relative_to(copy)) for p in copy.rglob("*") if p.is_file()}, {"a", "b/c", "b/d e"})
            self.assertIn("big", self.boreal.aws("s3", "ls", f"s3://{self.bucket}/"))
            self.boreal.aws("s3", "rm", f"s3://{self.bucket}", "--recursive", "--only-show-errors")
            self.assertEqual(self.keys(), [])


if __name__ == "__main__":
    unittest.main()
