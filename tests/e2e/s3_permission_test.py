"""Bucket policies: which permissions a request takes, and what an answer tells to whom."""
import socket
import unittest

from botocore.exceptions import ClientError

from e2e.helpers import allow, policy, user
from e2e.s3_cases import OTHER, THIRD, PolicyCase, later, owner_id, refusal, send, status_of


class Permissions(PolicyCase):
    def test_tag_permission_is_one_of_its_own(self):
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.put_object, Key="x", Body=b"", Tagging="a=b")
        self.can(200, self.other.put_object, Key="x", Body=b"")

    def test_multipart_from_elsewhere(self):
        """UploadPartCopy by an account that may read here and write there."""
        source = self.open_bucket("BucketOwnerEnforced")
        self.put("src", b"x" * 100, Bucket=source)
        self.set({"Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Principal": {"AWS": OTHER}})
        upload = self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        copy = dict(Key="m", UploadId=upload, PartNumber=1, CopySource={"Bucket": source, "Key": "src"})
        self.can(403, self.other.upload_part_copy, **copy)
        self.set({"Action": "s3:GetObject", "Principal": {"AWS": OTHER}}, bucket=source)
        etag = self.other.upload_part_copy(Bucket=self.open, **copy)["CopyPartResult"]["ETag"]
        self.other.complete_multipart_upload(Bucket=self.open, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.get("m", Bucket=self.open), b"x" * 100)

    def test_who_began_an_upload_may_end_it(self):
        self.set({"Action": "s3:PutObject"})
        upload = {"Bucket": self.open, "Key": "m", "UploadId": self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]}
        self.other.upload_part(PartNumber=1, Body=b"x", **upload)
        listed = self.other.list_parts(**upload)
        self.assertEqual((listed["Initiator"]["ID"], listed["Owner"]["ID"]), (owner_id(self.other), owner_id(self.s3)))
        third = self.boreal.client("s3", access_key=THIRD)
        self.refused("AccessDenied", third.list_parts, **upload)
        self.refused("AccessDenied", third.abort_multipart_upload, **upload)
        self.set({"Action": "s3:PutObject"}, {"Effect": "Deny", "Action": "s3:AbortMultipartUpload"})
        self.refused("AccessDenied", self.other.abort_multipart_upload, **upload)
        self.set({"Action": "s3:PutObject"})
        self.other.abort_multipart_upload(**upload)
        # So may the account of the user who began it, and whom that lets.
        iam = self.boreal.client("iam", access_key=OTHER)
        users = {}
        for name, action in (("beginner", "s3:PutObject"), ("ender", "s3:AbortMultipartUpload"), ("nobody", "s3:PutObject")):
            full = f"{name}-{self.bucket}"
            iam.create_user(UserName=full)
            iam.put_user_policy(UserName=full, PolicyName="p", PolicyDocument=policy(allow(action)))
            key = iam.create_access_key(UserName=full)["AccessKey"]
            users[name] = self.boreal.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
        upload["UploadId"] = users["beginner"].create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        self.assertEqual(status_of(self.other.list_parts, **upload)[1], 200)
        self.refused("AccessDenied", users["nobody"].abort_multipart_upload, **upload)
        self.refused("AccessDenied", third.abort_multipart_upload, **upload)
        users["ender"].abort_multipart_upload(**upload)
        # Nobody in particular begins none.
        self.refused("AccessDenied", self.anonymous.create_multipart_upload, Bucket=self.open, Key="m")
        self.anonymous.put_object(Bucket=self.open, Key="plain", Body=b"x")
        self.refused("AccessDenied", self.anonymous.copy_object, Bucket=self.open, Key="n", CopySource=f"{self.open}/plain")

    def test_who_may_not_send_a_long_document_is_not_asked_for_it(self):
        self.set({"Action": "s3:PutLifecycleConfiguration"})
        for method, target, told in (("PUT", f"/{self.open}?lifecycle", b"100"), ("PUT", f"/{self.open}?cors", b"403"), ("POST", f"/{self.bucket}?delete", b"403"),
                                     ("POST", f"/{self.open}/k?uploadId=x", b"403")):
            with self.subTest(target=target), socket.create_connection(("127.0.0.1", self.boreal.port), 10) as connection:
                connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n".encode())
                self.assertEqual(connection.recv(12), b"HTTP/1.1 " + told)

    def test_an_upload_is_not_that_of_the_next_user_of_the_name(self):
        iam, name = self.boreal.client("iam"), f"again-{self.bucket}-user"
        first = user(self, name, allow("s3:PutObject"))("s3")
        upload = {"Bucket": self.open, "Key": "m", "UploadId": first.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]}
        self.assertEqual(first.list_parts(**upload)["Initiator"]["DisplayName"], name)
        iam.delete_access_key(UserName=name, AccessKeyId=iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="p")
        iam.delete_user(UserName=name)
        second = user(self, name)("s3")
        self.refused("AccessDenied", second.list_parts, **upload)
        self.refused("AccessDenied", second.abort_multipart_upload, **upload)

    def test_who_compares_a_tag_must_be_let_read(self):
        etag = self.put("src", Bucket=self.open)["ETag"]
        upload = lambda: self.other.create_multipart_upload(Bucket=self.open, Key="x")["UploadId"]
        part = lambda upload: self.other.upload_part(Bucket=self.open, Key="x", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        whole = lambda upload: {"UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part(upload)}]}}
        writes = {"Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": f"arn:aws:s3:::{self.open}/*"}
        for readable, made, deleted in (("src", 403, 403), ("*", 200, 204)):
            self.set(writes, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/{readable}"})
            for status, call, more in ((made, self.other.put_object, dict), (made, self.other.copy_object, lambda: {"CopySource": f"{self.open}/src"}),
                                       (made, self.other.complete_multipart_upload, lambda: whole(upload())), (deleted, self.other.delete_object, dict)):
                self.put("x", Bucket=self.open)
                self.can(status, call, Key="x", IfMatch=etag, **more())
            self.put("x", Bucket=self.open)
            done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "x", "ETag": etag}]})
            self.assertEqual([e["Code"] for e in done.get("Errors", [])], ["AccessDenied"] if deleted == 403 else [])
        # That there is something is asked without it.
        self.set(writes)
        self.put("x", Bucket=self.open)
        self.can(412, self.other.put_object, Key="x", IfNoneMatch="*")
        self.can(204, self.other.delete_object, Key="x", IfMatch="*")

    def test_why_is_told_to_the_buckets_account_alone(self):
        self.put("x", Bucket=self.open)
        mine = user(self, f"u-{self.open}")("s3")
        why = []
        for client in (self.anonymous, self.other, mine):
            with self.assertRaises(ClientError) as raised:
                client.get_object(Bucket=self.open, Key="x")
            why.append(raised.exception.response["Error"]["Message"])
        self.assertEqual(why[:2], ["Access Denied", "Access Denied"])
        self.assertIn("is not authorized to perform: s3:GetObject", why[2])

    def test_missing_keys_are_told_only_to_those_who_list(self):
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.get_object, Key="none")
        self.set({"Action": ["s3:GetObject", "s3:ListBucket"]})
        self.can(404, self.other.get_object, Key="none")

    def test_who_may_list_all_buckets(self):
        for number, (resource, status) in enumerate((("*", 200), ("arn:aws:s3:::*", 200), (f"arn:aws:s3:::{self.bucket}", 403))):
            lister = user(self, f"lister-{number}-{self.bucket}", allow("s3:ListAllMyBuckets", resource))("s3")
            self.assertEqual(status_of(lister.list_buckets)[1], status, resource)
        self.assertIn("not authorized to perform: s3:ListAllMyBuckets because no identity-based policy", refusal(lister.list_buckets)["Message"])

    def test_how_a_bucket_is_versioned_is_nothing_for_strangers(self):
        """The field by which replication finds out what keeps its versions' ids."""
        self.versioned(self.open)
        ask = lambda: send(self, "HEAD", f"/{self.open}/k", {"x-boreal-replica": "0" * 32 + ";modified=1"})
        self.assertEqual((ask().status, ask().headers.get("x-boreal-replica")), (403, None))
        self.set({"Action": ["s3:GetObject", "s3:ListBucket"]})
        self.assertEqual((ask().status, ask().headers.get("x-boreal-replica")), (404, "kept"))

    def test_answers_leave_out_what_one_may_not_read(self):
        locked = self.make_bucket(ObjectLockEnabledForBucket=True)
        self.s3.delete_public_access_block(Bucket=locked)
        self.put("x", Bucket=locked, Tagging="a=1&b=2", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1), ObjectLockLegalHoldStatus="ON")
        told = lambda: {name for name in self.other.get_object(Bucket=locked, Key="x") if name in ("TagCount", "ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")}
        for more, wanted in (([], set()), (["s3:GetObjectTagging"], {"TagCount"}), (["s3:GetObjectLegalHold"], {"ObjectLockLegalHoldStatus"}),
                             (["s3:GetObjectRetention"], {"ObjectLockMode", "ObjectLockRetainUntilDate"})):
            self.set({"Action": ["s3:GetObject", *more]}, bucket=locked)
            self.assertEqual(told(), wanted)

    def test_versions_are_actions_of_their_own(self):
        self.versioned(self.open)
        old = self.put("x", b"1", Bucket=self.open)["VersionId"]
        self.put("x", b"2", Bucket=self.open)
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.other.get_object, Key="x", VersionId=old)
        self.set({"Action": "s3:GetObjectVersion", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:VersionId": old}}})
        self.can(200, self.other.get_object, Key="x", VersionId=old)
        self.can(403, self.other.get_object, Key="x")

    def test_bucket_configuration_by_policy(self):
        self.set({"Action": ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:PutBucketTagging"], "Principal": {"AWS": OTHER}, "Resource": f"arn:aws:s3:::{self.open}"})
        self.can(200, self.other.get_bucket_location)
        self.can(200, self.other.get_bucket_versioning)
        self.can(204, self.other.put_bucket_tagging, Tagging={"TagSet": []})
        self.can(403, self.other.put_bucket_versioning, VersioningConfiguration={"Status": "Enabled"})

    def test_deleting_many(self):
        for key in ("a", "b"):
            self.put(key, Bucket=self.open)
        self.set({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{self.open}/a"})
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
        self.assertEqual(([d["Key"] for d in done["Deleted"]], [(e["Key"], e["Code"]) for e in done["Errors"]]), (["a"], [("b", "AccessDenied")]))

    def test_new_buckets(self):
        """What else is asked of a bucket that is made takes the permission to set it afterwards."""
        maker = user(self, f"maker-{self.bucket}", allow(["s3:CreateBucket", "s3:PutBucketOwnershipControls"]))("s3")
        more = user(self, f"more-{self.bucket}", allow(["s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketAcl"]))("s3")
        for number, (wishes, needs_more) in enumerate((({"ACL": "private"}, False), ({"ObjectLockEnabledForBucket": False}, False),
                                                       ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'}, True))):
            name = f"{self.bucket}-made-{number}"
            make = lambda client: status_of(client.create_bucket, Bucket=name, ObjectOwnership="ObjectWriter", **wishes)[1]
            self.assertEqual(make(maker), 403 if needs_more else 200, wishes)
            if needs_more:
                self.assertEqual(make(more), 200, wishes)
        self.refused("AccessDenied", more.create_bucket, Bucket=f"{self.bucket}-locked", ObjectLockEnabledForBucket=True)

    def test_lists_of_buckets_that_are_made_again(self):
        """The policy of the bucket that is there has its say, and where it has no lists none is laid by."""
        maker = user(self, f"again-{self.bucket}", allow(["s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketAcl"]))("s3")
        wishes = {"ObjectOwnership": "ObjectWriter", "GrantRead": f"id={owner_id(self.other)}"}
        listed = self.open_bucket()
        self.set({"Effect": "Deny", "Action": "s3:PutBucketAcl"}, bucket=listed)
        self.refused("AccessDenied", maker.create_bucket, Bucket=listed, **wishes)
        self.assertEqual(len(self.s3.get_bucket_acl(Bucket=listed)["Grants"]), 1)
        self.can(200, maker.create_bucket, Bucket=listed)
        self.can(200, maker.create_bucket, **wishes)
        self.s3.put_bucket_ownership_controls(Bucket=self.open, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
        self.assertEqual(len(self.s3.get_bucket_acl(Bucket=self.open)["Grants"]), 1)

    def test_location_from_another_region(self):
        """It is told to the owner everywhere, to others only where the bucket is."""
        self.set({"Action": "s3:GetBucketLocation", "Principal": {"AWS": OTHER}})
        far = lambda account: self.boreal.client("s3", access_key=account, region="eu-west-1")
        self.can(200, self.other.get_bucket_location)
        self.can(403, far(OTHER).get_bucket_location)
        self.can(200, far("000000000000").get_bucket_location)


if __name__ == "__main__":
    unittest.main()
