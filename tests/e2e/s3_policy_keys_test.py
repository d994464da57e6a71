"""Bucket policies: what their conditions are told of a request."""
import ssl
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import ClientError

from e2e.helpers import allow, user
from e2e.s3_cases import OTHER, PolicyCase, md5_of, owner_id, send, signed, status_of


class Keys(PolicyCase):
    def test_existing_tag(self):
        for key, tags in (("public", "security=public&foo=bar"), ("private", "security=private"), ("none", "")):
            self.put(key, Bucket=self.open, Tagging=tags)
        condition = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        self.set({"Action": ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:GetObjectAcl"], "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": condition})
        for key, status in (("public", 200), ("private", 403), ("none", 403)):
            self.can(status, self.other.get_object, Key=key)
            self.can(status, self.other.head_object, Key=key)
            self.can(status, self.other.get_object_tagging, Key=key)
            self.can(status, self.other.get_object_acl, Key=key)
        self.can(200, self.other.put_object_tagging, Key="public", Tagging={"TagSet": [{"Key": "security", "Value": "private"}]})
        self.can(403, self.other.put_object_tagging, Key="public", Tagging={"TagSet": []})
        self.can(403, self.other.get_object, Key="public")

    def test_keys_however_they_are_spelt(self):
        """For an account's root, too, who is asked about few things."""
        self.put("k", Bucket=self.open, Tagging="security=private")
        for key in ("s3:ExistingObjectTag/security", "s3:existingobjecttag/security", "S3:EXISTINGOBJECTTAG/security"):
            self.set({"Action": "s3:GetObject"}, {"Effect": "Deny", "Action": "s3:GetObject", "Condition": {"StringEquals": {key: "private"}}})
            for client in (self.s3, self.other):
                self.can(403, client.get_object, Key="k")
        for key in ("s3:x-amz-server-side-encryption", "s3:X-Amz-Server-Side-Encryption"):
            self.set({"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"StringNotEquals": {key: "AES256"}}})
            upload = self.s3.create_multipart_upload(Bucket=self.open, Key="m", ServerSideEncryption="AES256")["UploadId"]
            self.can(200, self.s3.upload_part, Key="m", UploadId=upload, PartNumber=1, Body=b"x")

    def test_existing_tag_of_what_is_copied(self):
        """It decides about reading the tags too, which come with the copy."""
        for key, tags in (("public", "security=public"), ("private", "security=private")):
            self.put(key, Bucket=self.open, Tagging=tags)
        self.set({"Action": ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]},
                 {"Action": "s3:GetObjectTagging", "Condition": {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}})
        for key, status in (("public", 200), ("private", 403)):
            self.can(status, self.other.copy_object, Key="copy", CopySource={"Bucket": self.open, "Key": key})
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.open, Key="copy")["TagSet"], [{"Key": "security", "Value": "public"}])

    def test_attributes_know_no_tags(self):
        """AWS takes such a policy, and has no tags at hand then, not even for those who may read them."""
        self.versioned(self.open)
        version = self.put("k", b"four", Bucket=self.open, Tagging="security=public")["VersionId"]
        tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"]
        self.set({"Action": actions, "Condition": tagged}, {"Action": ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]})
        for more in ({}, {"VersionId": version}):
            self.can(200, self.other.head_object, Key="k", **more)
            self.can(403, self.other.get_object_attributes, Key="k", ObjectAttributes=["ObjectSize"], **more)
        self.set({"Action": actions[:2], "Condition": tagged}, {"Action": actions[2:]})
        for more in ({}, {"VersionId": version}):
            self.can(200, self.other.get_object_attributes, Key="k", ObjectAttributes=["ObjectSize"], **more)

    def test_keys_that_an_action_does_not_know(self):
        tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        for action in ("s3:DeleteObject", "s3:PutObject", ["s3:DeleteObject", "s3:DeleteObjectTagging"]):
            with self.assertRaisesRegex(ClientError, "Conditions do not apply to combination of actions and resources in statement"):
                self.set({"Action": action, "Condition": tagged})
        self.set({"Action": "s3:DeleteObjectTagging", "Condition": tagged})

    def test_tags_say_nothing_of_what_takes_their_object_away(self):
        """One key of several to be deleted is asked for as the one of a plain delete is: nobody closes, or opens, half of the ways."""
        tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
        some = user(self, f"tagged-{self.bucket}", allow(["s3:PutObject", "s3:DeleteObject", "s3:GetObject"], Condition=tagged))("s3")
        self.put("k", Bucket=self.open, Tagging="security=public")
        self.can(200, some.get_object, Key="k")
        self.can(403, some.put_object, Key="k", Body=b"")
        self.can(403, some.delete_object, Key="k")
        self.assertEqual(some.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "k"}]})["Errors"][0]["Code"], "AccessDenied")
        self.set({"Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": tagged})
        self.can(403, self.other.get_object, Key="k")
        self.can(200, self.other.put_object, Key="k", Body=b"", Tagging="security=public")
        self.can(204, self.other.delete_object, Key="k")

    def test_what_an_operation_does_not_have_says_nothing(self):
        """Who may do everything under one prefix must not read elsewhere by writing it behind a key."""
        self.put("secret", Bucket=self.open)
        ask = lambda method, path, body=b"", **headers: signed(self, method, f"/{self.open}{path}", {n.replace("_", "-"): v for n, v in headers.items()}, body, OTHER).status
        self.set({"Action": "s3:*", "Condition": {"StringLike": {"s3:prefix": "home/*"}}})
        self.assertEqual(ask("GET", "?prefix=home%2F"), 200)
        for method, path in (("GET", "/secret"), ("GET", "/secret?prefix=home%2F"), ("HEAD", "/secret?prefix=home%2F"), ("GET", "/none?prefix=home%2F"), ("PUT", "/new?prefix=home%2F"),
                             ("DELETE", "/secret?prefix=home%2F"), ("GET", "?acl&prefix=home%2F"), ("GET", "?policy&prefix=home%2F")):
            self.assertEqual(ask(method, path), 403, (method, path))
        for header, key, value in (("If-None-Match", "if-none-match", "*"), ("x-amz-storage-class", "x-amz-storage-class", "STANDARD_IA"),
                                   ("x-amz-acl", "x-amz-acl", "bucket-owner-full-control"), ("x-amz-tagging", "RequestObjectTag/a", "b")):
            self.set({"Action": "s3:*", "Condition": {"StringEquals": {f"s3:{key}": value}}})
            sent = {header: f"a={value}" if "tagging" in header else value}
            self.assertEqual(ask("PUT", "/made", b"x", **sent), 200, header)
            for method, path in (("GET", "/secret"), ("DELETE", "/secret"), ("GET", ""), ("GET", "?policy")):
                self.assertEqual(ask(method, path, **sent), 403, (header, method, path))
        self.get("secret", Bucket=self.open)

    def test_of_a_parameter_that_comes_twice_one_counts(self):
        """The one that the request is carried out by: another beside it opens nothing, and closes nothing."""
        self.put("k", Bucket=self.open)
        ask = lambda path: signed(self, "GET", f"/{self.open}{path}", access_key=OTHER).status
        for action, operator, key, value, path, refused in (
                ("s3:ListBucket", "StringLike", "prefix", "home/*", "?prefix=home%2F&prefix=", "?prefix=&prefix=home%2F"),
                ("s3:ListBucket", "NumericLessThanEquals", "max-keys", "10", "?max-keys=&max-keys=5&max-keys=50", "?max-keys=50&max-keys=5"),
                ("s3:GetObjectVersion", "StringEquals", "VersionId", "null", "/k?versionId=null&versionId=x", "/k?versionId=x&versionId=null")):
            condition = {f"ForAnyValue:{operator}": {f"s3:{key}": value}}
            self.set({"Action": action, "Condition": condition})
            self.assertEqual((ask(path), ask(refused)), (200, 403), key)
            self.set({"Action": action}, {"Effect": "Deny", "Action": action, "Condition": condition})
            self.assertEqual(ask(path), 403, key)
        self.set({"Action": "s3:ListBucket"}, {"Effect": "Deny", "Action": "s3:ListBucket", "Condition": {"Null": {"s3:max-keys": "true"}}})
        self.assertEqual((ask("?max-keys=1"), ask("?max-keys=")), (200, 403))

    def test_what_a_read_has_without_a_key_says_nothing(self):
        own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
        self.put("sealed", Bucket=self.open, **own)
        self.set({"Action": "s3:*", "Condition": {"StringEquals": {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}}})
        self.can(200, self.other.put_object, Key="made", Body=b"", **own)
        self.can(403, self.other.get_object, Key="sealed", **own)
        self.can(403, self.other.head_object, Key="sealed", **own)
        self.set({"Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"], "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"StringLike": {"s3:prefix": "home/*"}}})
        self.can(200, self.other.list_objects_v2, Prefix="home/")
        self.can(403, self.other.list_multipart_uploads, Prefix="home/")

    def test_tags_that_a_copy_does_not_take_say_nothing(self):
        for key, tags in (("none", ""), ("private", "security=private")):
            self.put(key, Bucket=self.open, Tagging=tags)
        self.set({"Action": ["s3:GetObject", "s3:GetObjectTagging"]},
                 {"Action": ["s3:PutObject", "s3:PutObjectTagging"], "Condition": {"StringEquals": {"s3:RequestObjectTag/security": "public"}}})
        for key in ("none", "private"):
            copy = {"Key": "copy", "CopySource": f"{self.open}/{key}", "Tagging": "security=public"}
            self.can(403, self.other.copy_object, **copy)
            self.can(403, self.other.copy_object, **copy, TaggingDirective="COPY")
            self.can(200, self.other.copy_object, **copy, TaggingDirective="REPLACE")

    def test_headers_of_a_copy_say_nothing_of_its_source(self):
        self.put("secret", Bucket=self.open)
        theirs = f"theirs-{self.open}"
        self.other.create_bucket(Bucket=theirs)
        copy = {"Bucket": theirs, "Key": "copy", "CopySource": f"{self.open}/secret"}
        self.set({"Action": "s3:*", "Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}})
        self.can(403, self.other.copy_object, **copy, StorageClass="STANDARD_IA")
        self.set({"Action": "s3:GetObject", "Condition": {"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}})
        self.can(200, self.other.copy_object, **copy, StorageClass="STANDARD_IA")
        # Nor of whether it is there, which they learn who may list its bucket.
        self.set({"Action": "s3:GetObject"}, {"Action": "s3:List*", "Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}})
        self.can(403, self.other.copy_object, **{**copy, "CopySource": f"{self.open}/none"}, StorageClass="STANDARD_IA")
        self.set({"Action": ["s3:GetObject", "s3:ListBucket"]})
        self.can(404, self.other.copy_object, **{**copy, "CopySource": f"{self.open}/none"}, StorageClass="STANDARD_IA")

    def test_request_tag(self):
        self.set({"Action": ["s3:PutObject", "s3:PutObjectTagging"], "Resource": f"arn:aws:s3:::{self.open}/*",
                  "Condition": {"StringEquals": {"s3:RequestObjectTag/security": "public"}}})
        self.can(403, self.other.put_object, Key="x", Body=b"")
        self.can(200, self.other.put_object, Key="x", Body=b"", Tagging="security=public")
        self.can(403, self.other.put_object, Key="x", Body=b"", Tagging="security=private")
        self.set({"Action": "s3:PutObjectTagging", "Resource": f"arn:aws:s3:::{self.open}/*",
                  "Condition": {"ForAllValues:StringLike": {"s3:RequestObjectTagKeys": ["security", "virus"]}}})
        tag = lambda *keys: {"TagSet": [{"Key": k, "Value": "v"} for k in keys]}
        self.can(200, self.other.put_object_tagging, Key="x", Tagging=tag("security"))
        self.can(200, self.other.put_object_tagging, Key="x", Tagging=tag("security", "virus"))
        self.can(403, self.other.put_object_tagging, Key="x", Tagging=tag("security", "other"))

    def test_copy_source(self):
        source = self.open_bucket("BucketOwnerEnforced")
        for key in ("public/foo", "public/bar", "private/foo"):
            self.put(key, key.encode(), Bucket=source)
        self.set({"Action": "s3:GetObject"}, bucket=source)
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringLike": {"s3:x-amz-copy-source": f"{source}/public/*"}}})
        self.can(200, self.other.copy_object, Key="new", CopySource={"Bucket": source, "Key": "public/foo"})
        self.can(200, self.other.copy_object, Key="new2", CopySource={"Bucket": source, "Key": "public/bar"})
        self.can(200, self.other.copy_object, Key="new2", CopySource=f"/{source}/public/bar")
        self.can(403, self.other.copy_object, Key="new3", CopySource={"Bucket": source, "Key": "private/foo"})
        self.can(403, self.other.copy_object, Key="new3", CopySource=f"/{source}/private/foo")
        self.can(403, self.other.put_object, Key="new4", Body=b"")
        self.assertEqual(self.get("new", Bucket=self.open), b"public/foo")

    def test_copy_directive(self):
        source = self.open_bucket("BucketOwnerEnforced")
        self.put("public/foo", Bucket=source)
        self.set({"Action": "s3:GetObject"}, bucket=source)
        self.set({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:x-amz-metadata-directive": "COPY"}}})
        from_there = {"Bucket": source, "Key": "public/foo"}
        self.can(200, self.other.copy_object, Key="new", CopySource=from_there, MetadataDirective="COPY")
        self.can(403, self.other.copy_object, Key="new", CopySource=from_there)
        self.can(403, self.other.copy_object, Key="new", CopySource=from_there, MetadataDirective="REPLACE")

    def test_lists_in_requests(self):
        bucket = self.open_bucket()
        self.set({"Action": ["s3:PutObject", "s3:PutObjectAcl"]}, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"StringLike": {"s3:x-amz-acl": "public*"}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"")
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"", ACL="private")
        self.can(403, self.other.put_object, Bucket=bucket, Key="a", Body=b"", ACL="public-read")

    def test_grants_in_requests(self):
        bucket = self.open_bucket()
        me = f"id={owner_id(self.s3)}"
        self.set({"Action": "s3:PutObject", "Condition": {"StringEquals": {"s3:x-amz-grant-full-control": me}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="a", Body=b"mine", GrantFullControl=me)
        self.can(403, self.other.put_object, Bucket=bucket, Key="a", Body=b"")
        self.assertEqual(self.get("a", Bucket=bucket), b"mine")
        self.set({"Action": "s3:PutObject", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}, bucket=bucket)
        self.can(200, self.other.put_object, Bucket=bucket, Key="b", Body=b"mine", ACL="bucket-owner-full-control")
        self.assertEqual(self.get("b", Bucket=bucket), b"mine")
        self.can(403, self.other.put_object, Bucket=bucket, Key="b", Body=b"", ACL="public-read")

    def test_encryption(self):
        deny = lambda condition: {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": condition}
        self.set(deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}), deny({"Null": {"s3:x-amz-server-side-encryption": "true"}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"")
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms")
        self.can(200, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="AES256")
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.set(deny({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
                 deny({"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="AES256")
        self.can(403, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="other")
        self.can(200, self.s3.put_object, Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.set(deny({"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}}))
        self.can(403, self.s3.put_object, Key="x", Body=b"")
        self.can(200, self.s3.put_object, Key="x", Body=b"", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)

    def test_parts_are_encrypted_as_their_upload(self):
        """… and need not say it again; a key of the client's must be said each time, and a completion cannot."""
        self.put("src", b"x", Bucket=self.open)
        must = lambda key: self.set({"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"Null": {key: "true"}}})
        must("s3:x-amz-server-side-encryption")
        self.can(403, self.s3.create_multipart_upload, Key="m")
        upload = self.s3.create_multipart_upload(Bucket=self.open, Key="m", ServerSideEncryption="AES256")["UploadId"]
        self.can(200, self.s3.upload_part, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
        etag = self.s3.upload_part_copy(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, CopySource=f"{self.open}/src")["CopyPartResult"]["ETag"]
        self.can(200, self.s3.complete_multipart_upload, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        must("s3:x-amz-server-side-encryption-customer-algorithm")
        own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
        upload = self.s3.create_multipart_upload(Bucket=self.open, Key="m", **own)["UploadId"]
        etag = self.s3.upload_part(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, Body=b"x", **own)["ETag"]
        self.can(403, self.s3.complete_multipart_upload, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    def test_age_of_signatures(self):
        """It is told of addresses that carry theirs, which may be used later, not of headers."""
        self.put("x", Bucket=self.open)
        self.set({"Effect": "Deny", "Action": "s3:GetObject", "Condition": {"NumericGreaterThan": {"s3:signatureAge": "-1"}}})
        self.can(200, self.s3.get_object, Key="x")
        url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": self.open, "Key": "x"})
        self.assertEqual(send(self, "GET", url[len(self.boreal.url):]).status, 403)

    def test_referer(self):
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringLike": {"aws:Referer": "http://www.example.com/*"}}})
        get = lambda **headers: send(self, "GET", f"/{self.open}/x", headers).status
        self.assertEqual((get(), get(Referer="http://elsewhere.com/"), get(Referer="http://www.example.com/index.html")), (403, 403, 200))

    def test_listing(self):
        self.put("a/1", Bucket=self.open)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"StringEquals": {"s3:prefix": "a/"}}})
        self.can(200, self.other.list_objects_v2, Prefix="a/")
        self.can(403, self.other.list_objects_v2, Prefix="b/")
        self.can(403, self.other.list_objects_v2)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"NumericLessThanEquals": {"s3:max-keys": "10"}}})
        self.can(200, self.other.list_objects_v2, MaxKeys=10)
        self.can(403, self.other.list_objects_v2, MaxKeys=11)
        self.set({"Action": "s3:ListBucket"}, {"Effect": "Deny", "Action": "s3:ListBucket", "Condition": {"NumericGreaterThan": {"s3:max-keys": "10"}}})
        for spelt, status in (("10", 200), ("11", 403), ("%2B10", 200), ("%2B11", 403), ("011", 403)):
            self.assertEqual(signed(self, "GET", f"/{self.open}?max-keys={spelt}", access_key=OTHER).status, status, spelt)
        self.set({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.open}", "Condition": {"StringEquals": {"s3:delimiter": "/"}}})
        self.can(200, self.other.list_objects_v2, Delimiter="/")
        self.can(403, self.other.list_objects_v2)

    def test_where_buckets_may_be_made(self):
        allowed = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*", "Condition": {"StringEquals": {"s3:LocationConstraint": "eu-west-1"}}}
        maker = user(self, f"maker-{self.bucket}", allowed)
        make = lambda region: status_of(maker("s3", region=region).create_bucket, Bucket=f"{self.bucket}-{region}", CreateBucketConfiguration={"LocationConstraint": region})
        self.assertEqual((make("eu-west-1")[1], make("eu-west-2")[1]), (200, 403))

    def test_only_conditional_writes(self):
        """The policy of the user guide: the steps of an upload pass, what makes the object must have its condition."""
        self.set({"Action": "s3:PutObject", "Principal": {"AWS": OTHER}},
                 {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}})
        self.can(403, self.other.put_object, Key="x", Body=b"")
        self.can(200, self.other.put_object, Key="x", Body=b"", IfNoneMatch="*")
        upload = self.other.create_multipart_upload(Bucket=self.open, Key="m")["UploadId"]
        etag = self.other.upload_part(Bucket=self.open, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        whole = dict(Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.can(403, self.other.complete_multipart_upload, **whole)
        self.can(200, self.other.complete_multipart_upload, IfNoneMatch="*", **whole)

    def test_only_conditional_deletes(self):
        """The policy of the user guide. Of several objects each has a condition of its own, a header has none for them."""
        for key in ("a", "b", "c"):
            etag = self.put(key, Bucket=self.open)["ETag"]
        self.set({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"Null": {"s3:if-match": "false"}}},
                 {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.open}/*"})
        self.can(403, self.other.delete_object, Key="a")
        self.can(204, self.other.delete_object, Key="a", IfMatch=etag)
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "b", "ETag": etag}, {"Key": "c"}]})
        self.assertEqual(([d["Key"] for d in done["Deleted"]], [(e["Key"], e["Code"]) for e in done["Errors"]]), (["b"], [("c", "AccessDenied")]))
        body = b"<Delete><Object><Key>c</Key></Object></Delete>"
        answer = signed(self, "POST", f"/{self.open}?delete", headers={"If-Match": etag, "Content-MD5": md5_of(body)}, body=body, access_key=OTHER)
        self.assertIn("AccessDenied", answer.text)

    def test_who_is_nobody(self):
        self.put("x", Bucket=self.open)
        for key, value in (("aws:userid", "anonymous"), ("aws:PrincipalType", "Anonymous")):
            self.set({"Action": "s3:GetObject", "Condition": {"StringEquals": {key: value}}})
            self.can(200, self.anonymous.get_object, Key="x")
            self.can(403, self.other.get_object, Key="x")

    def test_method_and_plain_http(self):
        self.put("x", Bucket=self.open)
        self.set({"Action": "s3:GetObject"}, {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
        self.can(403, self.other.get_object, Key="x")
        self.set({"Action": "s3:GetObject", "Condition": {"StringEquals": {"s3:authType": "REST-HEADER"}}})
        self.can(200, self.other.get_object, Key="x")
        self.can(403, self.anonymous.get_object, Key="x")

    def test_signatures_in_the_query(self):
        """However it spells their names."""
        self.put("x", Bucket=self.open)
        url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": self.open, "Key": "x"})
        for way, status in (("POST", 200), ("REST-QUERY-STRING", 403)):
            self.set({"Effect": "Deny", "Action": "s3:GetObject", "Condition": {"StringEquals": {"s3:authType": way}}})
            for spelt in ("X-Amz-Signature=", "X-Amz-S%69gnature="):
                self.assertEqual(send(self, "GET", url[len(self.boreal.url):].replace("X-Amz-Signature=", spelt)).status, status, (way, spelt))

    def test_version_where_the_query_does_not_name_it(self):
        """In a copy's source, and in the list of what is to be deleted."""
        self.versioned(self.open)
        old = self.put("x", b"1", Bucket=self.open)["VersionId"]
        new = self.put("x", b"2", Bucket=self.open)["VersionId"]
        theirs = f"theirs-{self.bucket}"
        self.other.create_bucket(Bucket=theirs)
        self.set({"Action": ["s3:GetObjectVersion", "s3:DeleteObjectVersion"], "Resource": f"arn:aws:s3:::{self.open}/*", "Condition": {"StringEquals": {"s3:VersionId": old}}})
        copy = lambda version: status_of(self.other.copy_object, Bucket=theirs, Key="c", CopySource={"Bucket": self.open, "Key": "x", "VersionId": version})
        self.assertEqual((copy(old)[1], copy(new)), (200, ("AccessDenied", 403)))
        done = self.other.delete_objects(Bucket=self.open, Delete={"Objects": [{"Key": "x", "VersionId": version} for version in (old, new)]})
        self.assertEqual(([d["VersionId"] for d in done["Deleted"]], [e["VersionId"] for e in done["Errors"]]), ([old], [new]))

    def test_fields_of_inventories(self):
        field = "s3:InventoryAccessibleOptionalFields"
        self.set({"Effect": "Deny", "Action": "s3:PutInventoryConfiguration", "Resource": f"arn:aws:s3:::{self.open}",
                  "Condition": {"ForAnyValue:StringEquals": {field: ["ObjectOwner", "ObjectAccessControlList"]}}})

        def inventory(*fields):
            to = {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{self.open}", "Format": "CSV"}}
            whole = {"Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"}, "Destination": to}
            self.can(204 if "ObjectOwner" not in fields else 403, self.s3.put_bucket_inventory_configuration, Id="i",
                     InventoryConfiguration={**whole, **({"OptionalFields": list(fields)} if fields else {})})

        inventory()
        inventory("Size", "ETag")
        inventory("Size", "ObjectOwner")

    def test_version_of_tls(self):
        """As the connection has agreed on it; over plain HTTP the key is not there."""
        self.put("x", Bucket=self.open)
        below = lambda operator: {"Effect": "Deny", "Action": "s3:GetObject", "Condition": {operator: {"s3:TlsVersion": "1.3"}}}

        def get(version):
            context = ssl.create_default_context(cafile=str(self.boreal.data / "tls/ca.pem"))
            context.minimum_version = context.maximum_version = version
            url = self.boreal.client("s3", signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": self.open, "Key": "x"})
            try:
                with urllib.request.urlopen(url.replace("http://", "https://"), context=context) as answer:
                    return answer.status
            except urllib.error.HTTPError as refused:
                return refused.code

        versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        self.set(below("NumericLessThan"))
        self.assertEqual([get(version) for version in versions], [403, 200])
        self.can(200, self.s3.get_object, Key="x")
        self.set(below("NumericGreaterThanEquals"))
        self.assertEqual([get(version) for version in versions], [200, 403])


if __name__ == "__main__":
    unittest.main()
