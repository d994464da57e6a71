"""Access lists, who owns objects, and the public access block."""
import json
import unittest

from botocore.exceptions import ClientError

from e2e.helpers import policy, user
from e2e.s3_cases import OTHER, S3Case, THIRD, owner_id, refusal, send, signed, status_of
from harness import error_code

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"


def grants_of(acl):
    """{(who, permission)}"""
    return sorted((g["Grantee"].get("ID") or g["Grantee"].get("URI"), g["Permission"]) for g in acl["Grants"])


class AclCase(S3Case):
    def setUp(self):
        super().setUp()
        self.me = owner_id(self.s3)
        self.you = owner_id(self.other)

    def bucket_grants(self, bucket):
        return grants_of(self.s3.get_bucket_acl(Bucket=bucket))

    def own(self, permission):
        return {"Grantee": {"Type": "CanonicalUser", "ID": self.me}, "Permission": permission}

    def object_grants(self, bucket, key="foo", client=None):
        return grants_of((client or self.s3).get_object_acl(Bucket=bucket, Key=key))


class Canned(AclCase):
    def test_default(self):
        acl = self.s3.get_bucket_acl(Bucket=self.bucket)
        self.assertEqual(acl["Owner"]["ID"], self.me)
        self.assertEqual(grants_of(acl), [(self.me, "FULL_CONTROL")])
        self.assertEqual(acl["Grants"][0]["Grantee"]["Type"], "CanonicalUser")
        self.put("foo")
        acl = self.s3.get_object_acl(Bucket=self.bucket, Key="foo")
        self.assertEqual((acl["Owner"]["ID"], grants_of(acl)), (self.me, [(self.me, "FULL_CONTROL")]))
        self.refused("NoSuchKey", self.s3.get_object_acl, Bucket=self.bucket, Key="none")
        self.refused("NoSuchBucket", self.s3.get_bucket_acl, Bucket="no-such-bucket-here")

    def test_of_buckets(self):
        own = (self.me, "FULL_CONTROL")
        bucket = self.open_bucket()
        for name, more in (("public-read", [(ALL, "READ")]), ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
                           ("authenticated-read", [(AUTHENTICATED, "READ")]), ("log-delivery-write", [(LOGS, "READ_ACP"), (LOGS, "WRITE")]), ("private", [])):
            self.s3.put_bucket_acl(Bucket=bucket, ACL=name)
            self.assertEqual(self.bucket_grants(bucket), sorted([own] + more), name)
        self.refused_with("InvalidArgument", 400, self.s3.put_bucket_acl, Bucket=bucket, ACL="public-ish")

    def test_at_creation(self):
        for name, code in (("private", ""), ("public-read", "InvalidBucketAclWithObjectOwnership")):
            bucket = f"{self.bucket}-{name}"
            self.assertEqual(status_of(self.s3.create_bucket, Bucket=bucket, ACL=name)[0], code)
        for ownership, code in (("BucketOwnerEnforced", "InvalidBucketAclWithObjectOwnership"), ("ObjectWriter", "InvalidRequest")):
            self.refused_with(code, 400, self.s3.create_bucket, Bucket=f"{self.bucket}-both", ACL="private", GrantRead=f'uri="{ALL}"', ObjectOwnership=ownership)

    def test_of_objects(self):
        own = (self.me, "FULL_CONTROL")
        bucket = self.open_bucket()
        for name, more in (("public-read", [(ALL, "READ")]), ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
                           ("authenticated-read", [(AUTHENTICATED, "READ")]), ("bucket-owner-read", []), ("bucket-owner-full-control", []), ("private", [])):
            self.put("foo", Bucket=bucket, ACL=name)
            self.assertEqual(self.object_grants(bucket), sorted([own] + more), name)
            self.put("bar", Bucket=bucket)
            self.s3.put_object_acl(Bucket=bucket, Key="bar", ACL=name)
            self.assertEqual(self.object_grants(bucket, "bar"), sorted([own] + more), name)

    def test_objects_of_another_account(self):
        bucket = self.open_bucket(ACL="public-read-write")
        for name, more in (("bucket-owner-read", [(self.me, "READ")]), ("bucket-owner-full-control", [(self.me, "FULL_CONTROL")])):
            self.other.put_object(Bucket=bucket, Key="foo", Body=b"x", ACL=name)
            acl = self.other.get_object_acl(Bucket=bucket, Key="foo")
            self.assertEqual(acl["Owner"]["ID"], self.you)
            self.assertEqual(grants_of(acl), sorted([(self.you, "FULL_CONTROL")] + more))
        self.other.put_object(Bucket=bucket, Key="mine", Body=b"x")
        self.refused("AccessDenied", self.s3.get_object, Bucket=bucket, Key="mine")
        self.refused("AccessDenied", self.s3.get_object_acl, Bucket=bucket, Key="mine")
        listed = {row["Key"]: row["Owner"]["ID"] for row in self.s3.list_objects(Bucket=bucket)["Contents"]}
        self.assertEqual(listed, {"foo": self.you, "mine": self.you})
        self.s3.delete_object(Bucket=bucket, Key="mine")  # the bucket's owner may always do that

    def test_policies_close_objects_of_another_account_and_do_not_open_them(self):
        bucket = self.open_bucket(ACL="public-read-write")
        self.other.put_object(Bucket=bucket, Key="foo", Body=b"x")
        third = self.boreal.client("s3", access_key=THIRD)
        for effect, who in (("Allow", "*"), ("Deny", {"AWS": OTHER})):
            self.s3.put_bucket_policy(Bucket=bucket, Policy=policy({"Effect": effect, "Principal": who, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}))
            self.refused("AccessDenied", third.get_object, Bucket=bucket, Key="foo")
            self.assertEqual(status_of(self.other.get_object, Bucket=bucket, Key="foo")[1], 200 if effect == "Allow" else 403)
            self.assertEqual(status_of(self.other.get_object_acl, Bucket=bucket, Key="foo")[1], 200)
        self.other.put_object_acl(Bucket=bucket, Key="foo", ACL="public-read")
        self.assertEqual(status_of(third.get_object, Bucket=bucket, Key="foo")[1], 200)
        self.refused("AccessDenied", self.other.get_object, Bucket=bucket, Key="foo")

    def test_owner_stays_when_others_may_write_the_list(self):
        bucket = self.open_bucket()
        self.put("foo", Bucket=bucket)
        grants = [{"Grantee": {"Type": "CanonicalUser", "ID": self.you}, "Permission": "FULL_CONTROL"},
                  {"Grantee": {"Type": "CanonicalUser", "ID": self.me}, "Permission": "FULL_CONTROL"}]
        self.s3.put_object_acl(Bucket=bucket, Key="foo", AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": grants})
        self.other.put_object_acl(Bucket=bucket, Key="foo", AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": grants})
        self.assertEqual(self.other.get_object_acl(Bucket=bucket, Key="foo")["Owner"]["ID"], self.me)
        self.assertEqual(error_code(self.other.put_object_acl, Bucket=bucket, Key="foo", AccessControlPolicy={"Owner": {"ID": self.you}, "Grants": grants}),
                         "AccessDenied")

    def test_overwriting_forgets_the_list(self):
        bucket = self.open_bucket()
        self.put("foo", Bucket=bucket, ACL="public-read")
        self.put("foo", Bucket=bucket)
        self.assertEqual(self.object_grants(bucket), [(self.me, "FULL_CONTROL")])


class Grants(AclCase):
    def set_bucket(self, bucket, *grants):
        self.s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": list(grants)})

    def to(self, permission, **grantee):
        return {"Grantee": grantee or {"Type": "CanonicalUser", "ID": self.you}, "Permission": permission}

    def test_each_permission_of_a_bucket(self):
        for permission, may_list, may_put, may_read_acl, may_write_acl in (("READ", 1, 0, 0, 0), ("WRITE", 0, 1, 0, 0), ("READ_ACP", 0, 0, 1, 0),
                                                                            ("WRITE_ACP", 0, 0, 0, 1), ("FULL_CONTROL", 1, 1, 1, 1)):
            bucket = self.open_bucket()
            self.put("own", Bucket=bucket)
            self.set_bucket(bucket, self.to(permission))
            self.assertEqual(self.bucket_grants(bucket), [(self.you, permission)])
            with self.subTest(permission):
                self.assertEqual(status_of(self.other.list_objects_v2, Bucket=bucket)[1], 200 if may_list else 403)
                self.assertEqual(status_of(self.other.head_bucket, Bucket=bucket)[1], 200 if may_list else 403)
                self.assertEqual(status_of(self.other.put_object, Bucket=bucket, Key="new", Body=b"")[1], 200 if may_put else 403)
                self.assertEqual(status_of(self.other.get_bucket_acl, Bucket=bucket)[1], 200 if may_read_acl else 403)
                self.assertEqual(status_of(self.other.put_bucket_acl, Bucket=bucket, ACL="public-read")[1], 200 if may_write_acl else 403)
                self.refused("AccessDenied", self.other.get_object, Bucket=bucket, Key="own")
                self.refused("AccessDenied", self.other.delete_bucket, Bucket=bucket)

    def test_each_permission_of_an_object(self):
        bucket = self.open_bucket()
        for permission, may_get, may_read_acl, may_write_acl in (("READ", 1, 0, 0), ("WRITE", 0, 0, 0), ("READ_ACP", 0, 1, 0), ("WRITE_ACP", 0, 0, 1), ("FULL_CONTROL", 1, 1, 1)):
            self.put("foo", Bucket=bucket)
            self.s3.put_object_acl(Bucket=bucket, Key="foo", AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": [self.to(permission)]})
            with self.subTest(permission):
                self.assertEqual(status_of(self.other.get_object, Bucket=bucket, Key="foo")[1], 200 if may_get else 403)
                self.assertEqual(status_of(self.other.get_object_acl, Bucket=bucket, Key="foo")[1], 200 if may_read_acl else 403)
                self.assertEqual(status_of(self.other.put_object_acl, Bucket=bucket, Key="foo", ACL="private")[1], 200 if may_write_acl else 403)
                self.refused("AccessDenied", self.other.put_object, Bucket=bucket, Key="foo", Body=b"")

    def test_no_grants_at_all(self):
        """The owner may always read and write the list, and its account may do all the rest by its own policies."""
        bucket = self.open_bucket()
        self.put("foo", Bucket=bucket)
        self.set_bucket(bucket)
        self.assertEqual(self.bucket_grants(bucket), [])
        self.s3.put_bucket_acl(Bucket=bucket, ACL="private")
        self.s3.put_object_acl(Bucket=bucket, Key="foo", AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": []})
        self.assertEqual(self.object_grants(bucket), [])
        self.s3.put_object_acl(Bucket=bucket, Key="foo", ACL="private")

    def test_by_header(self):
        bucket = self.open_bucket()
        other = f'id="{self.you}"'
        wanted = sorted((self.you, p) for p in ("FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"))
        headers = {"GrantFullControl": other, "GrantRead": other, "GrantReadACP": other, "GrantWriteACP": other}
        self.s3.put_bucket_acl(Bucket=bucket, GrantWrite=other, **headers)
        self.assertEqual(self.bucket_grants(bucket), wanted)
        self.put("foo", Bucket=bucket, **headers)
        self.assertEqual(self.object_grants(bucket, client=self.other), [w for w in wanted if w[1] != "WRITE"])
        self.put("foo", Bucket=bucket, GrantRead=f'uri="{ALL}", id="{self.me}"')
        self.assertEqual(self.object_grants(bucket), [(self.me, "READ"), (ALL, "READ")])
        # As the command line's examples write it.
        self.s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"URI={LOGS}", GrantReadACP=f"ID={self.you}")
        self.assertEqual(self.bucket_grants(bucket), sorted([(LOGS, "WRITE"), (self.you, "READ_ACP")]))
        made = f"{bucket}-granted"
        self.s3.create_bucket(Bucket=made, ObjectOwnership="ObjectWriter", GrantWrite=other, **headers)
        self.assertEqual(self.bucket_grants(made), wanted)

    def test_what_is_refused(self):
        bucket = self.open_bucket()
        self.put("foo", Bucket=bucket)
        put = lambda **more: status_of(self.s3.put_bucket_acl, Bucket=bucket, **more)
        invalid = lambda place, id: {"Code": "InvalidArgument", "Message": "Invalid id", "ArgumentName": place, "ArgumentValue": id}
        self.assertEqual(refusal(self.s3.put_bucket_acl, Bucket=bucket, GrantRead='id="nonsense"'), invalid("id", "nonsense"))
        self.assertEqual(put(GrantRead='uri="http://example.com/group"'), ("InvalidArgument", 400))
        self.assertEqual(put(GrantRead='emailAddress="doesnotexist@example.com"'), ("UnresolvableGrantByEmailAddress", 400))
        self.assertEqual(put(GrantFullControl="emailaddress=user1@example.com,emailaddress=user2@example.com"), ("UnresolvableGrantByEmailAddress", 400))
        self.assertEqual(refusal(self.s3.put_bucket_acl, Bucket=bucket, GrantFullControl="nonsense"), {
            "Code": "InvalidArgument", "Message": "Argument format not recognized", "ArgumentName": "x-amz-grant-full-control", "ArgumentValue": "nonsense"})
        self.assertEqual(put(ACL="private", GrantRead=f'id="{self.you}"'), ("InvalidRequest", 400))
        bad = {"Owner": {"ID": self.me}, "Grants": [self.to("READ", Type="CanonicalUser", ID="_foo")]}
        self.assertEqual(put(AccessControlPolicy=bad), ("InvalidArgument", 400))
        bad["Grants"][0]["Grantee"] = {"Type": "AmazonCustomerByEmail", "EmailAddress": "doesnotexist@dreamhost.com.invalid"}
        self.assertEqual(put(AccessControlPolicy=bad), ("UnresolvableGrantByEmailAddress", 400))
        bad["Grants"] = [self.to("EVERYTHING")]
        self.assertEqual(put(AccessControlPolicy=bad), ("MalformedACLError", 400))
        bad["Grants"] = [self.to("READ", Type="Robot", ID=self.you)]
        self.assertEqual(refusal(self.s3.put_bucket_acl, Bucket=bucket, AccessControlPolicy=bad), {
            "Code": "MalformedACLError", "Message": "The XML you provided was not well-formed or did not validate against our published schema"})
        bad["Grants"] = [self.to("READ", Type="CanonicalUser")]
        self.assertEqual(put(AccessControlPolicy=bad), ("MalformedACLError", 400))
        # Nobody is two: such a list was taken for the owner's own where lists are off, and gave all to everybody later.
        enforced = self.make_bucket()
        for kind in ("Group", "CanonicalUser"):
            bad["Grants"] = [self.to("FULL_CONTROL", Type=kind, URI="http://acs.amazonaws.com/groups/global/AllUsers", ID=self.me)]
            self.assertEqual(put(AccessControlPolicy=bad), ("MalformedACLError", 400))
            self.refused("MalformedACLError", self.s3.put_bucket_acl, Bucket=enforced, AccessControlPolicy=bad)
        self.assertEqual(put(AccessControlPolicy={"Owner": {"ID": self.you}, "Grants": []})[0], "AccessDenied")
        self.assertEqual(refusal(self.s3.put_bucket_acl, Bucket=bucket, AccessControlPolicy={"Owner": {"ID": "nobody"}, "Grants": []}),
                         invalid("CanonicalUser/ID", "nobody"))
        many = [self.to("READ") for _ in range(101)]
        self.assertEqual(put(AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": many})[0], "MalformedACLError")
        ids = lambda count: ",".join([f"id={self.you}"] * count)  # in headers no more than in a body: what is read could not be put back
        for call, more in ((self.s3.put_bucket_acl, {}), (self.s3.put_object_acl, {"Key": "foo"}), (self.s3.put_object, {"Key": "foo"})):
            self.refused_with("MalformedACLError", 400, call, Bucket=bucket, GrantRead=ids(51), GrantReadACP=ids(50), **more)
            call(Bucket=bucket, GrantRead=ids(50), GrantFullControl=",".join([f"id={self.me}"] * 50), **more)
        both = (f"<AccessControlPolicy><Owner><ID>{self.me}</ID></Owner><AccessControlList/></AccessControlPolicy>").encode()
        for path in ("", "/foo"):
            answer = signed(self, "PUT", f"/{bucket}{path}?acl", headers={"x-amz-acl": "private"}, body=both)
            self.assertEqual((answer.status, answer.code), (400, "UnexpectedContent"))
            answer = signed(self, "PUT", f"/{bucket}{path}?acl")
            self.assertEqual((answer.status, answer.code), (400, "MissingSecurityHeader"))
        for body in (b"<hello/>", b"<AccessControlPolicy><Owner>"):
            answer = signed(self, "PUT", f"/{bucket}?acl", body=body)
            self.assertEqual((answer.status, answer.code), (400, "MalformedACLError"))

    def test_grantees_must_be_there(self):
        """An id that no account has is refused wherever grants are given."""
        bucket, nobody = self.open_bucket(), "0" * 64
        grant = self.to("READ", Type="CanonicalUser", ID=nobody)
        self.refused_with("InvalidArgument", 400, self.s3.put_bucket_acl, Bucket=bucket, AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": [grant]})
        self.refused_with("InvalidArgument", 400, self.s3.put_bucket_acl, Bucket=bucket, GrantRead=f"id={nobody}")
        self.refused_with("InvalidArgument", 400, self.put, "foo", Bucket=bucket, GrantRead=f"id={nobody}")
        logging = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "", "TargetGrants": [grant]}}
        self.refused_with("InvalidArgument", 400, self.s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=logging)

    def test_names_are_told(self):
        bucket = self.open_bucket()
        self.set_bucket(bucket, self.to("READ"))
        grantee = self.s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Grantee"]
        self.assertEqual(grantee, {**self.other.list_buckets()["Owner"], "Type": "CanonicalUser"})
        self.put("foo", Bucket=bucket, GrantRead=f"id={self.you}")
        self.assertEqual(self.s3.get_object_acl(Bucket=bucket, Key="foo")["Grants"][0]["Grantee"], grantee)


class Matrix(AclCase):
    """Bucket lists against object lists: what anybody and another account may do."""

    def test_all(self):
        for bucket_acl in ("private", "public-read", "public-read-write"):
            for object_acl in ("private", "public-read", "public-read-write"):
                bucket = self.open_bucket(ACL=bucket_acl)
                self.put("a", b"a", Bucket=bucket, ACL=object_acl)
                self.put("b", b"b", Bucket=bucket)
                lists = 200 if bucket_acl != "private" else 403
                writes = 200 if bucket_acl == "public-read-write" else 403
                reads = 200 if object_acl != "private" else 403
                for client in (self.other, self.anonymous):
                    with self.subTest(f"bucket {bucket_acl}, object {object_acl}, {'anonymous' if client is not self.other else ''}"):
                        self.assertEqual(status_of(client.get_object, Bucket=bucket, Key="a")[1], reads)
                        self.assertEqual(status_of(client.get_object, Bucket=bucket, Key="b")[1], 403)
                        self.assertEqual(status_of(client.list_objects, Bucket=bucket)[1], lists)
                        self.assertEqual(status_of(client.list_objects_v2, Bucket=bucket)[1], lists)
                        self.assertEqual(status_of(client.put_object, Bucket=bucket, Key="new", Body=b"n")[1], writes)
                # Overwriting is writing into the bucket.
                self.assertEqual(status_of(self.other.put_object, Bucket=bucket, Key="a", Body=b"over")[1], writes)

    def test_authenticated_read(self):
        bucket = self.open_bucket(ACL="authenticated-read")
        self.put("a", Bucket=bucket, ACL="authenticated-read")
        self.assertEqual(status_of(self.other.list_objects, Bucket=bucket)[1], 200)
        self.assertEqual(status_of(self.other.get_object, Bucket=bucket, Key="a")[1], 200)
        self.assertEqual(status_of(self.anonymous.list_objects, Bucket=bucket)[1], 403)
        self.assertEqual(status_of(self.anonymous.get_object, Bucket=bucket, Key="a")[1], 403)

    def test_anonymous_writes(self):
        bucket = self.open_bucket(ACL="public-read-write")
        self.anonymous.put_object(Bucket=bucket, Key="foo", Body=b"x")
        self.assertEqual(self.get("foo", Bucket=bucket), b"x")
        self.assertEqual(send(self, "GET", f"/{bucket}/none").status, 404)
        private = self.open_bucket()
        self.assertEqual(send(self, "GET", f"/{private}/none").status, 403)
        self.assertEqual(send(self, "HEAD", f"/{private}/none").status, 403)
        self.assertEqual(send(self, "GET", "/").status, 403)

    def test_whoever_writes_by_the_list_owns(self):
        """… and may share and tag what it writes; the bucket's own users need their permissions as ever."""
        bucket = self.open_bucket(ACL="public-read-write")
        self.put("x", Bucket=bucket)
        self.other.put_object(Bucket=bucket, Key="x", Body=b"theirs", ACL="public-read", Tagging="a=1")
        self.assertEqual(send(self, "GET", f"/{bucket}/x").body, b"theirs")
        source = f"{bucket}-theirs"
        self.other.create_bucket(Bucket=source)
        self.other.put_object(Bucket=source, Key="x", Body=b"", Tagging="a=1")
        for more in ({}, {"Tagging": "a=1", "TaggingDirective": "REPLACE"}):  # a copy brings its tags along
            self.other.copy_object(Bucket=bucket, Key="c", CopySource=f"{source}/x", ACL="public-read", **more)
            self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"], [{"Key": "a", "Value": "1"}])
        self.anonymous.put_object(Bucket=bucket, Key="y", Body=b"", ACL="public-read", Tagging="a=1")
        self.assertEqual(len(self.anonymous.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "x"}, {"Key": "y"}]})["Deleted"]), 2)
        writer = user(self, f"w-{bucket}", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"})("s3")
        writer.put_object(Bucket=bucket, Key="x", Body=b"")
        self.refused("AccessDenied", writer.put_object, Bucket=bucket, Key="x", Body=b"", ACL="public-read")
        self.refused("AccessDenied", writer.put_object, Bucket=bucket, Key="x", Body=b"", Tagging="a=1")

    def test_uploads_of_others(self):
        """Who may write by the list may write parts; to list them and to end the upload is for who began it, and for the bucket's owner."""
        bucket = self.open_bucket(ACL="public-read-write")
        for beginner, stranger in ((self.s3, self.other), (self.other, self.boreal.client("s3", access_key="444455556666"))):
            upload = {"Bucket": bucket, "Key": "m", "UploadId": beginner.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]}
            for client in (stranger, self.anonymous):
                self.refused("AccessDenied", client.list_parts, **upload)
                self.refused("AccessDenied", client.abort_multipart_upload, **upload)
            beginner.upload_part(PartNumber=1, Body=b"x", **upload)
            for client in (beginner, self.s3):
                self.assertEqual(len(client.list_parts(**upload)["Parts"]), 1)
            beginner.abort_multipart_upload(**upload)

    def test_versioned_lists(self):
        bucket = self.open_bucket()
        self.versioned(bucket)
        first = self.put("k", b"1", Bucket=bucket)["VersionId"]
        second = self.put("k", b"2", Bucket=bucket)["VersionId"]
        self.s3.put_object_acl(Bucket=bucket, Key="k", VersionId=first, ACL="public-read")
        self.assertEqual(status_of(self.anonymous.get_object, Bucket=bucket, Key="k", VersionId=first)[1], 200)
        self.assertEqual(status_of(self.anonymous.get_object, Bucket=bucket, Key="k")[1], 403)
        self.s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
        self.assertEqual(status_of(self.anonymous.get_object, Bucket=bucket, Key="k", VersionId=second)[1], 200)


class Ownership(AclCase):
    def test_controls(self):
        self.assertEqual(self.s3.get_bucket_ownership_controls(Bucket=self.bucket)["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerEnforced"}])
        for name in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
            self.s3.put_bucket_ownership_controls(Bucket=self.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": name}]})
            self.assertEqual(self.s3.get_bucket_ownership_controls(Bucket=self.bucket)["OwnershipControls"]["Rules"], [{"ObjectOwnership": name}])
            made = f"{self.bucket}-{name.lower()}"
            self.s3.create_bucket(Bucket=made, ObjectOwnership=name)
            self.assertEqual(self.s3.get_bucket_ownership_controls(Bucket=made)["OwnershipControls"]["Rules"], [{"ObjectOwnership": name}])
        self.s3.delete_bucket_ownership_controls(Bucket=self.bucket)
        self.refused_with("OwnershipControlsNotFoundError", 404, self.s3.get_bucket_ownership_controls, Bucket=self.bucket)
        self.s3.delete_bucket_ownership_controls(Bucket=self.bucket)
        self.assertEqual(error_code(self.s3.put_bucket_ownership_controls, Bucket=self.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "Nobody"}]}), "MalformedXML")
        self.assertEqual(refusal(self.s3.create_bucket, Bucket=self.bucket + "-x", ObjectOwnership="Nobody"), {
            "Code": "InvalidArgument", "Message": "Invalid x-amz-object-ownership header: Nobody", "ArgumentName": "x-amz-object-ownership"})

    def test_preferred(self):
        bucket = self.open_bucket("BucketOwnerPreferred", ACL="public-read-write")
        self.other.put_object(Bucket=bucket, Key="theirs", Body=b"x")
        self.other.put_object(Bucket=bucket, Key="ours", Body=b"x", ACL="bucket-owner-full-control")
        self.other.put_object(Bucket=bucket, Key="granted", Body=b"x", GrantFullControl=f'id="{self.me}"')
        owners = {row["Key"]: row["Owner"]["ID"] for row in self.s3.list_objects(Bucket=bucket)["Contents"]}
        self.assertEqual(owners, {"theirs": self.you, "ours": self.me, "granted": self.you})
        self.assertEqual(self.get("ours", Bucket=bucket), b"x")

    def test_an_empty_list_is_none(self):
        """As Go's SDK sends it of a setting that is empty."""
        self.s3.create_bucket(Bucket=self.bucket + "-empty", ACL="")
        bucket = self.open_bucket(ACL="public-read-write")
        self.put("x", Bucket=bucket, ACL="")
        self.s3.copy_object(Bucket=bucket, Key="y", CopySource=f"{bucket}/x", ACL="")
        for key in ("x", "y"):
            grants = self.s3.get_object_acl(Bucket=bucket, Key=key)["Grants"]
            self.assertEqual([(row["Grantee"]["ID"], row["Permission"]) for row in grants], [(self.me, "FULL_CONTROL")])

    def test_enforced(self):
        bucket = self.open_bucket(ACL="public-read-write")
        self.refused_with("InvalidBucketAclWithObjectOwnership", 400, self.s3.put_bucket_ownership_controls, Bucket=bucket,
                          OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        self.other.put_object(Bucket=bucket, Key="theirs", Body=b"x")
        self.refused("AccessDenied", self.s3.get_object, Bucket=bucket, Key="theirs")
        for grants in ([], [self.own("READ")]):  # nobody else's, but not the list that then holds
            self.s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": self.me}, "Grants": grants})
            self.refused_with("InvalidBucketAclWithObjectOwnership", 400, self.s3.put_bucket_ownership_controls, Bucket=bucket,
                              OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        self.s3.put_bucket_acl(Bucket=bucket, ACL="private")
        self.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        self.assertEqual(self.get("theirs", Bucket=bucket), b"x")  # lists no longer count
        self.assertEqual(self.s3.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"], self.me)
        for rows in (self.s3.list_objects(Bucket=bucket)["Contents"], self.s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"],
                     self.s3.list_object_versions(Bucket=bucket)["Versions"]):
            self.assertEqual([row["Owner"]["ID"] for row in rows], [self.me])
        for acl in ("public-read", "authenticated-read", "aws-exec-read"):
            self.refused_with("AccessControlListNotSupported", 400, self.s3.put_object, Bucket=bucket, Key="x", Body=b"", ACL=acl)
        for acl in ("private", "bucket-owner-read"):  # which say nothing there
            self.put("x", Bucket=bucket, ACL=acl)
            self.s3.copy_object(Bucket=bucket, Key="y", CopySource=f"{bucket}/x", ACL=acl)
            self.s3.create_multipart_upload(Bucket=bucket, Key="z", ACL=acl)
        self.put("x", Bucket=bucket, ACL="bucket-owner-full-control")
        self.put("x", Bucket=bucket, ACL="")
        owner = f'id="{self.me}"'
        self.put("x", Bucket=bucket, GrantFullControl=owner)
        for grants in ({"GrantFullControl": f"{owner}, {owner}"}, {"GrantFullControl": owner, "GrantRead": owner}, {"GrantRead": owner}):
            self.refused_with("AccessControlListNotSupported", 400, self.s3.put_object, Bucket=bucket, Key="x", Body=b"", **grants)
        # What an object may be put with cannot be set, as no list can.
        only_owner = {"Owner": {"ID": self.me}, "Grants": [self.own("FULL_CONTROL")]}
        for wish in ({"ACL": "public-read"}, {"ACL": "private"}, {"ACL": "authenticated-read"}, {"ACL": "bucket-owner-read"},
                     {"ACL": "bucket-owner-full-control"}, {"GrantFullControl": owner}):
            self.refused_with("AccessControlListNotSupported", 400, self.s3.put_bucket_acl, Bucket=bucket, **wish)
            self.refused_with("AccessControlListNotSupported", 400, self.s3.put_object_acl, Bucket=bucket, Key="x", **wish)
        # As a document it is taken, as the User Guide has it: s3cmd sends it behind each copy in parts.
        self.s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=only_owner)
        self.s3.put_object_acl(Bucket=bucket, Key="x", AccessControlPolicy=only_owner)
        self.refused("AccessControlListNotSupported", self.s3.create_multipart_upload, Bucket=bucket, Key="x", ACL="public-read")
        self.refused("AccessControlListNotSupported", self.s3.put_object, Bucket=bucket, Key="x", Body=b"", GrantRead=f'id="{self.you}"')


class PublicAccessBlock(AclCase):
    def block(self, bucket, **settings):
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=settings)

    def test_read_back(self):
        every = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
        self.assertEqual(self.s3.get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"], every)
        self.block(self.bucket, BlockPublicAcls=True, IgnorePublicAcls=False)
        self.assertEqual(self.s3.get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"],
                         {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False})
        self.refused_with("InvalidRequest", 400, self.block, self.bucket)
        self.s3.delete_public_access_block(Bucket=self.bucket)
        self.refused_with("NoSuchPublicAccessBlockConfiguration", 404, self.s3.get_public_access_block, Bucket=self.bucket)
        self.s3.delete_public_access_block(Bucket=self.bucket)

    def test_public_lists_are_refused(self):
        bucket = self.open_bucket()
        self.put("x", Bucket=bucket)
        self.block(bucket, BlockPublicAcls=True)
        for acl in ("public-read", "public-read-write", "authenticated-read"):
            self.refused_with("AccessDenied", 403, self.s3.put_bucket_acl, Bucket=bucket, ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.put_object, Bucket=bucket, Key="y", Body=b"", ACL=acl)
            self.refused_with("AccessDenied", 403, self.s3.put_object_acl, Bucket=bucket, Key="x", ACL=acl)
        self.refused("AccessDenied", self.s3.put_object, Bucket=bucket, Key="y", Body=b"", GrantRead=f'uri="{ALL}"')
        self.put("y", Bucket=bucket, ACL="private")

    def test_public_lists_are_ignored(self):
        bucket = self.open_bucket(ACL="public-read")
        self.put("x", Bucket=bucket, ACL="public-read")
        self.assertEqual(send(self, "GET", f"/{bucket}/x").status, 200)
        self.block(bucket, IgnorePublicAcls=True)
        self.assertEqual(send(self, "GET", f"/{bucket}/x").status, 403)
        self.assertEqual(send(self, "GET", f"/{bucket}").status, 403)
        self.refused("AccessDenied", self.other.get_object, Bucket=bucket, Key="x")
        self.assertEqual(self.get("x", Bucket=bucket), b"body")
        # The lists are told as they are in force, and kept as they are.
        own = (self.me, "FULL_CONTROL")
        self.assertEqual((self.bucket_grants(bucket), self.object_grants(bucket, "x")), ([own], [own]))
        self.block(bucket, IgnorePublicAcls=False)
        self.assertEqual((self.bucket_grants(bucket), self.object_grants(bucket, "x")), (sorted([own, (ALL, "READ")]),) * 2)

    def test_restricted_buckets_open_by_no_list(self):
        bucket = self.open_bucket(ACL="public-read")
        self.put("x", Bucket=bucket, ACL="public-read")
        get = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/other/*"}
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [get]}))
        self.block(bucket, RestrictPublicBuckets=True)
        for client in (self.anonymous, self.other):
            self.refused("AccessDenied", client.get_object, Bucket=bucket, Key="x")
            self.refused("AccessDenied", client.list_objects_v2, Bucket=bucket)
        self.assertEqual(self.get("x", Bucket=bucket), b"body")
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.assertEqual(self.get("x", Bucket=bucket), b"body")
        self.assertEqual(send(self, "GET", f"/{bucket}/x").status, 200)

    def test_others_may_not_set_it(self):
        for call in (self.other.get_public_access_block, self.other.delete_public_access_block):
            self.refused("AccessDenied", call, Bucket=self.bucket)
        with self.assertRaises(ClientError):
            self.other.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": False})


if __name__ == "__main__":
    unittest.main()
