"""Buckets and what is set on them: names, regions, lifecycle, tags, logging, payer."""
import base64
import hashlib
import json
import unittest
from datetime import datetime, timezone

from botocore.exceptions import ClientError

from e2e.helpers import advance, reset_clock
from e2e.s3_cases import OTHER, S3Case, md5_of, owner_id, refusal, send, signed, status_of
from harness import error_code


class Buckets(S3Case):
    def test_names(self):
        create = lambda name: signed(self, "PUT", f"/{name}")
        for good in ("abc", "a1b", "with-dash", "with.dot", "a" * 63, "1234567", "foo.bar-1"):
            self.assertEqual(create(good).status, 200, good)
        for bad in ("ab", "a" * 64, "Upper", "under_score", "-front", "back-", "dot.", ".dot", "two..dots", "dash-.dot", "dot.-dash", "192.168.5.123", "xn--a", "a-s3alias", "space%20d", "bang%21"):
            self.assertEqual((create(bad).status, create(bad).code), (400, "InvalidBucketName"), bad)

    def test_names_that_none_can_have(self):
        """Names that were allowed once are looked for, others are refused."""
        for name, outcome in (("Capitals_x", (404, "NoSuchBucket")), ("x" * 255, (404, "NoSuchBucket")), ("ab", (400, "InvalidBucketName")),
                              ("x" * 256, (400, "InvalidBucketName")), ("a%20blank", (400, "InvalidBucketName"))):
            for method, target in (("GET", ""), ("DELETE", ""), ("GET", "/key"), ("GET", "?versioning")):
                answer = signed(self, method, f"/{name}{target}")
                self.assertEqual((answer.status, answer.code), outcome, (name, target))

    def test_namespace_of_the_account(self):
        """Its names tell whose they are, and end as no others do."""
        make = lambda name, client=self.s3, **more: status_of(client.create_bucket, Bucket=name, **more)
        own = {"BucketNamespace": "account-regional"}
        name = f"{self.bucket}-000000000000-us-east-1-an"
        for code, bad, more in (("MissingNamespaceHeader", name, {}), ("InvalidNamespaceHeader", name, {"BucketNamespace": "global"}),
                                ("InvalidNamespaceHeader", self.bucket + "-x", own), ("InvalidBucketName", self.bucket + "-an", {}),
                                ("InvalidBucketNamespace", f"{self.bucket}-{OTHER}-us-east-1-an", own),
                                ("InvalidBucketNamespace", f"{self.bucket}-000000000000-eu-west-1-an", own), ("InvalidBucketName", "-000000000000-us-east-1-an", own)):
            self.assertEqual(make(bad, **more), (code, 400), (bad, more))
        self.assertEqual(make(name, self.other, **own), ("InvalidBucketNamespace", 400))
        self.assertEqual(make(name, **own)[1], 200)
        self.assertEqual(make(name, **own), ("BucketAlreadyOwnedByYou", 409))  # in us-east-1 too
        self.assertEqual(make(self.bucket + "-global", BucketNamespace="global")[1], 200)
        self.assertEqual(make(self.bucket + "-nowhere", BucketNamespace="nowhere"), ("InvalidArgument", 400))

    def test_made_twice(self):
        again = self.s3.create_bucket(Bucket=self.bucket)  # us-east-1 lets it pass
        self.assertEqual((again["Location"], again["BucketArn"]), (f"/{self.bucket}", f"arn:aws:s3:::{self.bucket}"))
        shared = self.open_bucket(ACL="public-read")
        self.s3.create_bucket(Bucket=shared)  # … and resets the access list, nothing else
        self.assertEqual([g["Permission"] for g in self.s3.get_bucket_acl(Bucket=shared)["Grants"]], ["FULL_CONTROL"])
        self.assertEqual(self.s3.get_bucket_ownership_controls(Bucket=shared)["OwnershipControls"]["Rules"], [{"ObjectOwnership": "ObjectWriter"}])
        self.refused_with("BucketAlreadyExists", 409, self.other.create_bucket, Bucket=self.bucket)
        elsewhere = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
        answer = signed(self, "PUT", f"/{self.bucket}", body=elsewhere)  # it is not in the region that is asked for
        self.assertEqual((answer.status, answer.code), (409, "BucketAlreadyOwnedByYou"))

    def test_regions(self):
        far = self.boreal.client("s3", region="eu-west-1")
        name = self.bucket + "-far"
        made = dict(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertEqual(far.create_bucket(**made)["Location"], f"{self.boreal.url}/{name}/")
        self.assertEqual(far.get_bucket_location(Bucket=name)["LocationConstraint"], "eu-west-1")
        self.assertIsNone(self.s3.get_bucket_location(Bucket=self.bucket)["LocationConstraint"])
        self.refused_with("BucketAlreadyOwnedByYou", 409, far.create_bucket, **made)
        place = lambda text, region="us-east-1": signed(self, "PUT", f"/{name}-2", region=region, body=(
            f"<CreateBucketConfiguration><LocationConstraint>{text}</LocationConstraint></CreateBucketConfiguration>").encode()).code
        self.assertEqual({place("nowhere"), place("mars-1"), place("us-east-99"), place("")}, {"InvalidLocationConstraint"})
        for other in ("eu-central-1", "us-east-1", "mars-1"):  # elsewhere nobody asks whether there is such a region
            wrong = refusal(far.create_bucket, Bucket=f"{name}-2", CreateBucketConfiguration={"LocationConstraint": other})
            self.assertEqual((wrong["Code"], wrong["Message"]), ("IllegalLocationConstraintException",
                f"The {other} location constraint is incompatible for the region specific endpoint this request was sent to."))
        self.assertEqual(refusal(far.create_bucket, Bucket=f"{name}-2")["Message"],
                         "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
        self.assertIn("The EU location constraint is incompatible", refusal(self.boreal.client("s3", region="us-west-2").create_bucket, Bucket=f"{name}-2",
                                                                            CreateBucketConfiguration={"LocationConstraint": "EU"})["Message"])
        self.assertIsNone(place("eu-central-1"))  # us-east-1 makes them everywhere
        self.assertEqual(self.s3.get_bucket_location(Bucket=f"{name}-2")["LocationConstraint"], "eu-central-1")
        head = far.head_bucket(Bucket=name)
        self.assertEqual(head["BucketRegion"], "eu-west-1")

    def test_the_name_that_is_no_region(self):
        """SDKs have it for S3's oldest address; they sign for us-east-1 then."""
        for method, path in (("PUT", f"/{self.bucket}-3"), ("GET", "/"), ("GET", f"/{self.bucket}")):
            answer = signed(self, method, path, region="aws-global")
            self.assertEqual((answer.status, answer.code), (400, "AuthorizationHeaderMalformed"), path)
            self.assertIn("<Message>The authorization header is malformed; the region 'aws-global' is wrong; expecting 'us-east-1'</Message>", answer.text)
            self.assertIn("<Region>us-east-1</Region>", answer.text)
        self.assertNotIn(f"{self.bucket}-3", [b["Name"] for b in self.s3.list_buckets()["Buckets"]])

    def test_the_old_name_of_a_region(self):
        """From when there was one region in Europe: its buckets tell it, but are in eu-west-1 like the others."""
        far = self.boreal.client("s3", region="eu-west-1")
        for client, name in ((far, self.bucket + "-eu"), (self.s3, self.bucket + "-eu-2")):
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "EU"})
            self.assertEqual(far.get_bucket_location(Bucket=name)["LocationConstraint"], "EU")
            self.assertEqual(far.head_bucket(Bucket=name)["BucketRegion"], "eu-west-1")
            self.assertEqual([b["BucketRegion"] for b in far.list_buckets(Prefix=name, MaxBuckets=1)["Buckets"]], ["eu-west-1"])
            far.put_object(Bucket=name, Key="k", Body=b"")

    def test_there_and_not(self):
        there = signed(self, "HEAD", f"/{self.bucket}")
        self.assertEqual((there.status, there.headers["Content-Type"], there.body), (200, "application/xml", b""))
        self.assertEqual(signed(self, "HEAD", "/no-such-bucket-here").status, 404)
        self.refused_with("NoSuchBucket", 404, self.s3.delete_bucket, Bucket="no-such-bucket-here")
        self.refused_with("403", 403, self.other.head_bucket, Bucket=self.bucket)
        for method in ("HEAD", "GET"):  # of nobody in particular
            answer = send(self, method, f"/{self.bucket}")
            self.assertEqual((answer.status, answer.headers["x-amz-bucket-region"]), (403, "us-east-1"), method)
        self.refused_with("AccessDenied", 403, self.other.delete_bucket, Bucket=self.bucket)
        self.assertEqual(status_of(self.s3.delete_bucket, Bucket=self.bucket)[1], 204)
        self.refused_with("NoSuchBucket", 404, self.s3.delete_bucket, Bucket=self.bucket)
        for call, more in ((self.s3.put_object, {"Key": "a", "Body": b""}), (self.s3.get_object, {"Key": "a"}), (self.s3.delete_object, {"Key": "a"}),
                           (self.s3.get_bucket_versioning, {}), (self.s3.get_bucket_acl, {}), (self.s3.get_bucket_tagging, {})):
            self.refused_with("NoSuchBucket", 404, call, Bucket=self.bucket, **more)

    def test_list(self):
        self.assertIn(self.bucket, [b["Name"] for b in self.s3.list_buckets()["Buckets"]])
        answer = self.s3.list_buckets()
        self.assertEqual(set(answer["Owner"]) & {"ID"}, {"ID"})
        self.assertEqual([b["Name"] for b in answer["Buckets"]], sorted(b["Name"] for b in answer["Buckets"]))
        third = self.boreal.client("s3", access_key="777788889999")
        for i in range(5):
            third.create_bucket(Bucket=f"{self.bucket}-page-{i}")
        names, token = [], {}
        while True:
            page = third.list_buckets(MaxBuckets=2, **token)
            self.assertLessEqual(len(page["Buckets"]), 2)
            names += [b["Name"] for b in page["Buckets"]]
            self.assertEqual({b["BucketRegion"] for b in page["Buckets"]}, {"us-east-1"})
            self.assertEqual([b["BucketArn"] for b in page["Buckets"]], ["arn:aws:s3:::" + b["Name"] for b in page["Buckets"]])
            if "ContinuationToken" not in page:
                break
            token = {"ContinuationToken": page["ContinuationToken"]}
        self.assertEqual(names, [f"{self.bucket}-page-{i}" for i in range(5)])
        self.assertEqual(third.list_buckets(Prefix=f"{self.bucket}-page-3")["Prefix"], f"{self.bucket}-page-3")
        self.assertEqual(len(third.list_buckets(BucketRegion="US-East-1")["Buckets"]), 5)
        self.assertEqual([(b["BucketArn"], "BucketRegion" in b) for b in third.list_buckets()["Buckets"]], [(f"arn:aws:s3:::{name}", False) for name in names])
        refused = refusal(third.list_buckets, BucketRegion="eu-west-1")  # which is asked there
        self.assertEqual((refused["Code"], refused["ArgumentName"]), ("InvalidArgument", "bucket-region"))
        far = self.boreal.client("s3", access_key="777788889999", region="eu-west-1")
        self.assertEqual(far.list_buckets(BucketRegion="eu-west-1")["Buckets"], [])
        self.refused("InvalidArgument", third.list_buckets, BucketRegion="nowhere")
        for number, message in (("0", "Argument max-buckets must be an integer between 1 and 10000"), ("10001", "Argument max-buckets must be an integer between 1 and 10000"),
                                ("ten", "Provided max-buckets not an integer or within integer range")):
            answer = signed(self, "GET", f"/?max-buckets={number}")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
            self.assertIn(f"<Message>{message}</Message>", answer.text)
        for made_up in ("?", base64.urlsafe_b64encode(b"name").decode()):
            self.refused("InvalidArgument", third.list_buckets, MaxBuckets=2, ContinuationToken=made_up)

    def test_nobody_makes_buckets(self):
        answer = send(self, "PUT", f"/{self.bucket}-anonymous", {"Content-Length": "0"})
        self.assertEqual((answer.status, answer.code), (403, "AccessDenied"))
        self.assertIn("Anonymous users cannot invoke this API. Please authenticate.", answer.text)

    def test_dates_are_told_whole(self):
        created = [b for b in self.s3.list_buckets()["Buckets"] if b["Name"] == self.bucket][0]["CreationDate"]
        self.assertLess(abs((datetime.now(timezone.utc) - created).total_seconds()), 60)

    def test_acceleration(self):
        told = lambda: self.s3.get_bucket_accelerate_configuration(Bucket=self.bucket).get("Status")
        put = lambda **status: status_of(self.s3.put_bucket_accelerate_configuration, Bucket=self.bucket, AccelerateConfiguration=status)
        self.assertIsNone(told())
        for status in ("Suspended", "Enabled", "Suspended"):
            self.assertEqual(put(Status=status)[1], 200)
            self.assertEqual(told(), status)
        self.assertEqual(put(), ("IllegalAccelerateConfigurationException", 400))
        self.assertEqual(put(Status="enabled"), ("MalformedXML", 400))
        self.assertEqual(told(), "Suspended")

    def test_payer(self):
        self.assertEqual(self.s3.get_bucket_request_payment(Bucket=self.bucket)["Payer"], "BucketOwner")
        self.s3.put_bucket_request_payment(Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "Requester"})
        self.assertEqual(self.s3.get_bucket_request_payment(Bucket=self.bucket)["Payer"], "Requester")
        self.refused("MalformedXML", self.s3.put_bucket_request_payment, Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "Nobody"})
        self.put("x")
        self.s3.delete_public_access_block(Bucket=self.bucket)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}))
        self.refused("AccessDenied", self.other.get_object, Bucket=self.bucket, Key="x")
        self.assertEqual(self.other.get_object(Bucket=self.bucket, Key="x", RequestPayer="requester")["RequestCharged"], "requester")
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]}]}))
        for client, charged in ((self.other, "requester"), (self.s3, None)):
            for call, more in ((client.put_object, {"Key": "y", "Body": b""}), (client.list_objects_v2, {}), (client.copy_object, {"Key": "z", "CopySource": f"{self.bucket}/x"}),
                               (client.delete_object, {"Key": "y"}), (client.create_multipart_upload, {"Key": "m"})):
                self.assertEqual(call(Bucket=self.bucket, RequestPayer="requester", **more).get("RequestCharged"), charged, call)
        self.assertEqual(send(self, "GET", f"/{self.bucket}/x").status, 403)
        # It is said also by operations whose output has no such field.
        pays = lambda payer, target: signed(self, "GET", f"/{self.bucket}{target}", headers={"x-amz-request-payer": payer}, access_key=OTHER)
        for target in ("?requestPayment", "?location", "?acl", "?versioning", "/x"):
            answer = pays("requester", target)
            self.assertEqual((answer.status, answer.headers["x-amz-request-charged"]), (200, "requester"), target)
        for payer in ("Requester", "invalid"):
            self.assertEqual((pays(payer, "/x").status, pays(payer, "/x").code), (403, "AccessDenied"), payer)

    def test_payer_of_what_is_copied(self):
        """The source's bucket asks for it as the target's does."""
        self.put("x")
        self.s3.put_bucket_request_payment(Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "Requester"})
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}))
        theirs = f"{self.bucket}-copies"
        self.other.create_bucket(Bucket=theirs)
        upload = self.other.create_multipart_upload(Bucket=theirs, Key="m")["UploadId"]
        for copy, more in ((self.other.copy_object, {"Key": "y"}), (self.other.upload_part_copy, {"Key": "m", "UploadId": upload, "PartNumber": 1})):
            more.update(Bucket=theirs, CopySource=f"{self.bucket}/x")
            self.refused("AccessDenied", copy, **more)
            self.assertEqual(copy(RequestPayer="requester", **more)["RequestCharged"], "requester")

    def test_expected_owner(self):
        self.s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner="000000000000")
        self.refused_with("403", 403, self.s3.head_bucket, Bucket=self.bucket, ExpectedBucketOwner=OTHER)
        self.assertEqual(refusal(self.s3.list_objects_v2, Bucket=self.bucket, ExpectedBucketOwner="nobody"), {
            "Code": "InvalidBucketOwnerAWSAccountID", "Message": "The value of the expected bucket owner parameter must be an AWS Account ID... [nobody]"})

    def test_what_keeps_a_bucket(self):
        """Versions are spoken of where there have been any."""
        self.put("k")
        kept = "The bucket you tried to delete is not empty"
        self.assertEqual(refusal(self.s3.delete_bucket, Bucket=self.bucket), {"Code": "BucketNotEmpty", "Message": kept, "BucketName": self.bucket})
        self.versioned()
        self.assertEqual(refusal(self.s3.delete_bucket, Bucket=self.bucket)["Message"], kept + ". You must delete all versions in the bucket.")

    def test_broken_xml(self):
        for sub in ("versioning", "tagging", "lifecycle", "cors", "acl", "website", "encryption", "logging", "publicAccessBlock", "ownershipControls"):
            self.assertEqual((signed(self, "PUT", f"/{self.bucket}?{sub}", body=b"<x><y></x>").status), 400, sub)

    def test_words_that_nobody_knows(self):
        """A rule without the half of it that was not understood would do more than was meant; so would the last of two."""
        rule = "<Rule><ID>a</ID><Filter><Prefix>a</Prefix>{}</Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
        put = lambda more: signed(self, "PUT", f"/{self.bucket}?lifecycle", headers={"Content-MD5": md5_of(document(more))}, body=document(more))
        document = lambda more: f"<LifecycleConfiguration>{rule.format(more)}</LifecycleConfiguration>".encode()
        self.assertEqual(put("").status, 200)
        for more in ("<ObjectSizeOver>1</ObjectSizeOver>", "<Prefix>b</Prefix>"):
            answer = put(more)
            self.assertEqual((answer.status, answer.code), (400, "MalformedXML"), more)

    def test_many_settings_that_are_not_there(self):
        for call, code in (("get_bucket_tagging", "NoSuchTagSet"), ("get_bucket_website", "NoSuchWebsiteConfiguration"),
                           ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"), ("get_bucket_replication", "ReplicationConfigurationNotFoundError")):
            self.refused_with(code, 404, getattr(self.s3, call), Bucket=self.bucket)


class Tags(S3Case):
    def set(self, *tags, key="k", **more):
        return status_of(self.s3.put_object_tagging, Bucket=self.bucket, Key=key, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags]}, **more)

    def of(self, key="k", **more):
        return sorted((t["Key"], t["Value"]) for t in self.s3.get_object_tagging(Bucket=self.bucket, Key=key, **more)["TagSet"])

    def test_bucket(self):
        tags = [{"Key": "Hello", "Value": "World"}, {"Key": "a b", "Value": ""}]
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], tags)
        self.assertEqual(status_of(self.s3.delete_bucket_tagging, Bucket=self.bucket)[1], 204)
        self.refused_with("NoSuchTagSet", 404, self.s3.get_bucket_tagging, Bucket=self.bucket)
        many = [{"Key": f"k{i}", "Value": "v"} for i in range(51)]
        self.assertEqual(status_of(self.s3.put_bucket_tagging, Bucket=self.bucket, Tagging={"TagSet": many})[1], 400)
        self.refused("InvalidTag", self.s3.put_bucket_tagging, Bucket=self.bucket, Tagging={"TagSet": [tags[0], tags[0]]})

    def test_a_document_without_a_set(self):
        """Says that there are no tags."""
        self.put("k", Tagging="a=1")
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
        body = b"<Tagging/>"
        digest = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
        for target in ("/k?tagging", "?tagging"):
            self.assertIn(signed(self, "PUT", f"/{self.bucket}{target}", body=body, headers=digest).status, (200, 204), target)
        self.assertEqual(self.of(), [])
        self.refused("NoSuchTagSet", self.s3.get_bucket_tagging, Bucket=self.bucket)

    def test_object(self):
        self.put("k")
        self.assertEqual(self.of(), [])
        tags = [(f"k{i}", f"v{i}") for i in range(10)]
        self.assertEqual(self.set(*tags)[1], 200)
        self.assertEqual(self.of(), tags)
        self.assertEqual(self.head("k")["TagCount"] if "TagCount" in self.head("k") else self.s3.get_object(Bucket=self.bucket, Key="k")["TagCount"], 10)
        self.assertEqual(self.set(*tags, ("k10", "v"))[1], 400)
        self.assertEqual(self.set(*tags, ("k10", "v"))[0], "BadRequest")
        self.assertEqual(self.of(), tags)
        self.assertEqual(status_of(self.s3.delete_object_tagging, Bucket=self.bucket, Key="k")[1], 204)
        self.assertEqual(self.of(), [])
        self.assertEqual(self.set(("a", "1"), key="none"), ("NoSuchKey", 404))
        for method, key in (("GET", f"{self.bucket}/none"), ("DELETE", "none")):
            answer = signed(self, method, f"/{self.bucket}/none?tagging")
            self.assertEqual((answer.status, answer.code), (404, "NoSuchKey"))
            self.assertIn(f"<Key>{key}</Key>", answer.text)
        answer = signed(self, "GET", f"/{self.bucket}/none?tagging&versionId=null")
        self.assertEqual((answer.status, answer.code), (404, "NoSuchVersion"))
        self.assertIn(f"<Key>{self.bucket}/none</Key>", answer.text)

    def test_lengths(self):
        self.put("k")
        self.assertEqual(self.set(("k" * 128, "v" * 256))[1], 200)
        self.assertEqual(self.set(("k" * 129, "v")), ("InvalidTag", 400))
        self.assertEqual(self.set(("k", "v" * 257)), ("InvalidTag", 400))
        wide = "\U00020000"  # two units of UTF-16
        self.assertEqual(self.set((wide * 64, wide * 128))[1], 200)
        self.assertEqual(self.set((wide * 65, "v")), ("InvalidTag", 400))
        self.assertEqual(self.set(("k", wide * 129)), ("InvalidTag", 400))
        empty = b"<Tagging><TagSet><Tag><Key></Key><Value>v</Value></Tag></TagSet></Tagging>"
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/k?tagging", body=empty).code, "InvalidTag")
        digest = {"Content-MD5": base64.b64encode(hashlib.md5(empty).digest()).decode()}
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}?tagging", body=empty, headers=digest).code, "InvalidTag")
        self.assertEqual(self.set(("aws:k", "v")), ("InvalidTag", 400))
        self.assertEqual(self.set(("k", "1"), ("k", "2")), ("InvalidTag", 400))
        self.assertEqual(self.set(("a +-=._:/@9", " +-=._:/@9"))[1], 200)
        for odd in "!#$%&'()*,;<>?[]^`{|}~\"\\\t":
            self.assertEqual(self.set(("k", odd)), ("InvalidTag", 400), odd)
            self.assertEqual(self.set((odd, "v")), ("InvalidTag", 400), odd)
        self.assertEqual(self.set(("ключ", "värde 值"))[1], 200)
        self.assertEqual(self.of(), [("ключ", "värde 值")])

    def test_by_header(self):
        self.put("k", Tagging="foo=bar&bar&empty=&sp=a+b%20c")
        self.assertEqual(self.of(), [("bar", ""), ("empty", ""), ("foo", "bar"), ("sp", "a b c")])
        got = self.s3.get_object(Bucket=self.bucket, Key="k")
        self.assertEqual(got["TagCount"], 4)
        self.refused("InvalidTag", self.put, "k", Tagging="k=" + "v" * 257)
        self.refused("BadRequest", self.put, "k", Tagging="&".join(f"k{i}=v" for i in range(11)))
        for text in ("&", "&&", ""):
            self.put("k", Tagging=text)
            self.assertEqual(self.of(), [], text)
        for text in ("a=1&a=2", "a=%zz", "=", "=b", "key%", "a=1,b=2", "a=1=2"):
            self.refused_with("InvalidArgument", 400, self.put, "k", Tagging=text)
        self.put("k", Tagging="a=1%3D2")
        self.assertEqual(self.of(), [("a", "1=2")])
        for text in ("a=1,b", "a=1%262", "a=1%2C2", "a(=1", "a=!", "a=%FF", "%FF=a"):  # well written, but of characters that tags do not have
            self.refused_with("InvalidTag", 400, self.put, "k", Tagging=text)
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", Tagging="a=1")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.of("m"), [("a", "1")])

    def test_changing_tags_changes_nothing_else(self):
        before = self.put("k", b"body", Metadata={"a": "1"})["ETag"]
        modified = self.head("k")["LastModified"]
        self.set(("a", "1"))
        head = self.head("k")
        self.assertEqual((head["ETag"], head["LastModified"], head["Metadata"]), (before, modified, {"a": "1"}))


class Logging(S3Case):
    def put_logging(self, client=None, bucket=None, **enabled):
        status = {"LoggingEnabled": enabled} if enabled else {}
        return status_of((client or self.s3).put_bucket_logging, Bucket=bucket or self.bucket, BucketLoggingStatus=status)

    def test_read_back(self):
        self.assertNotIn("LoggingEnabled", self.s3.get_bucket_logging(Bucket=self.bucket))
        target = self.make_bucket()
        for more in ({}, {"TargetObjectKeyFormat": {"SimplePrefix": {}}}, {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}):
            self.assertEqual(self.put_logging(TargetBucket=target, TargetPrefix="log/", **more)[1], 200)
            self.assertEqual(self.s3.get_bucket_logging(Bucket=self.bucket)["LoggingEnabled"], {"TargetBucket": target, "TargetPrefix": "log/", **more})
        grants = [{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}, "Permission": p} for p in ("WRITE", "READ_ACP", "WRITE_ACP")]
        self.s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
        self.assertEqual(self.put_logging(TargetBucket=target, TargetPrefix="log/", TargetGrants=grants)[1], 200)
        self.assertEqual(self.s3.get_bucket_logging(Bucket=self.bucket)["LoggingEnabled"]["TargetGrants"], grants)
        self.assertEqual(self.put_logging()[1], 200)
        self.assertNotIn("LoggingEnabled", self.s3.get_bucket_logging(Bucket=self.bucket))

    def test_refused(self):
        target = self.make_bucket()
        put = lambda target, source=self.bucket: refusal(self.s3.put_bucket_logging, Bucket=source, BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": target, "TargetPrefix": ""}})
        self.assertEqual(put("no-such-bucket-here"), {"Code": "InvalidTargetBucketForLogging", "TargetBucket": "no-such-bucket-here",
                                                      "Message": "The target bucket for logging does not exist"})
        self.assertEqual(self.put_logging(bucket="no-such-bucket-here", TargetBucket=target, TargetPrefix=""), ("NoSuchBucket", 404))
        self.assertEqual(self.put_logging(client=self.other, TargetBucket=target, TargetPrefix=""), ("AccessDenied", 403))
        theirs = f"theirs-{self.bucket}"
        self.other.create_bucket(Bucket=theirs)
        self.assertEqual(self.put_logging(TargetBucket=theirs, TargetPrefix=""), ("InvalidTargetBucketForLogging", 400))
        for region in ("eu-west-1", "us-west-2"):
            self.s3.create_bucket(Bucket=f"{self.bucket}-{region}", CreateBucketConfiguration={"LocationConstraint": region})
        across = {"Code": "CrossLocationLoggingProhibitted", "Message": "Cross S3 location logging not allowed. "}  # spelt as AWS has it
        self.assertEqual(put(f"{self.bucket}-eu-west-1"), across | {"TargetBucketLocation": "eu-west-1"})
        far = self.boreal.client("s3", region="us-west-2").put_bucket_logging
        self.assertEqual(refusal(far, Bucket=f"{self.bucket}-us-west-2", BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": f"{self.bucket}-eu-west-1", "TargetPrefix": ""}}),
            across | {"SourceBucketLocation": "us-west-2", "TargetBucketLocation": "eu-west-1"})


class LifecycleRules(S3Case):
    def set(self, *rules):
        return status_of(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": list(rules)})

    def told(self):
        return self.s3.get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"]

    def rule(self, **more):
        return {"ID": "rule", "Filter": {"Prefix": "p/"}, "Status": "Enabled", "Expiration": {"Days": 1}, **more}

    def test_read_back(self):
        rules = [self.rule(ID="rule1", Filter={"Prefix": "test1/"}), self.rule(ID="rule2", Filter={"Prefix": "test2/"}, Status="Disabled", Expiration={"Days": 31})]
        self.assertEqual(self.set(*rules)[1], 200)
        self.assertEqual(self.told(), rules)
        old = [{"ID": "rule1", "Expiration": {"Days": 1}, "Prefix": "test1/", "Status": "Enabled"}]
        self.assertEqual(self.set(*old)[1], 200)
        self.assertEqual(self.told(), old)
        self.assertEqual(status_of(self.s3.delete_bucket_lifecycle, Bucket=self.bucket)[1], 204)
        self.refused("NoSuchLifecycleConfiguration", self.s3.get_bucket_lifecycle_configuration, Bucket=self.bucket)

    def test_all_kinds(self):
        for more in ({"Expiration": {"Date": datetime(2030, 9, 27, tzinfo=timezone.utc)}}, {"Expiration": {"ExpiredObjectDeleteMarker": True}},
                     {"NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 3}}, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}},
                     {"NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "NewerNoncurrentVersions": 101, "StorageClass": "GLACIER"}]},
                     {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}, {"Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}], "Expiration": {"Days": 60}},
                     {"Transitions": [{"Date": datetime(2030, 9, 27, tzinfo=timezone.utc), "StorageClass": "GLACIER"}], "Expiration": {"Date": datetime(2031, 9, 27, tzinfo=timezone.utc)}},
                     {"NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}]},
                     {"NoncurrentVersionTransitions": [{"NoncurrentDays": n, "StorageClass": to} for n, to in ((1, "STANDARD_IA"), (31, "GLACIER"))]},
                     {"Transitions": [{"Days": 0, "StorageClass": "GLACIER_IR"}, {"Days": 90, "StorageClass": "DEEP_ARCHIVE"}], "Expiration": {"Days": 100}},
                     {"Filter": {"ObjectSizeGreaterThan": 500}}, {"Filter": {"ObjectSizeLessThan": 500}}, {"Filter": {"Tag": {"Key": "a", "Value": "b"}}},
                     {"Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}], "ObjectSizeLessThan": 500}}},
                     {"Filter": {"And": {"Prefix": "", "Tags": [{"Key": "k" * 128, "Value": "v" * 256}]}}}, {"Filter": {"Prefix": ""}}):
            rule = self.rule(**more)
            self.assertEqual(self.set(rule)[1], 200, more)
            self.assertEqual(self.told(), [rule])

    def test_ids(self):
        rule = self.rule()
        del rule["ID"]
        self.assertEqual(self.set(rule, self.rule(ID="b", Filter={"Prefix": "q/"}))[1], 200)
        self.assertTrue(all(r["ID"] for r in self.told()))
        self.assertEqual(self.set(self.rule(ID="a" * 256)), ("InvalidArgument", 400))
        self.assertEqual(self.set(self.rule(), self.rule(Filter={"Prefix": "q/"})), ("InvalidArgument", 400))

    def test_refused(self):
        for code, more in (("MalformedXML", {"Status": "enabled"}), ("MalformedXML", {"Status": "disabled"}), ("MalformedXML", {"Status": "invalid"}),
                           ("InvalidArgument", {"Expiration": {"Days": 0}}), ("InvalidArgument", {"Expiration": {"Days": -1}}),
                           ("InvalidArgument", {"Expiration": {"Date": datetime(2030, 9, 27, 5, tzinfo=timezone.utc)}}),
                           ("MalformedXML", {"Expiration": {"Days": 1, "Date": datetime(2030, 9, 27, tzinfo=timezone.utc)}}),
                           ("MalformedXML", {"Expiration": {}}), ("MalformedXML", {"Prefix": "p"}),
                           ("InvalidArgument", {"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}], "Expiration": {"Days": 60}}),
                           ("InvalidArgument", {"Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 59, "StorageClass": "GLACIER"}]}),
                           ("MalformedXML", {"Transitions": [{"Days": 1, "StorageClass": "COLD"}]}), ("MalformedXML", {"Transitions": [{"Days": 0, "StorageClass": "EXPRESS_ONEZONE"}]}),
                           ("InvalidArgument", {"Transitions": [{"Days": 0, "StorageClass": "REDUCED_REDUNDANCY"}]}),
                           ("InvalidRequest", {"Filter": {"ObjectSizeGreaterThan": 0}, "Expiration": {"ExpiredObjectDeleteMarker": True}}),
                           ("InvalidArgument", {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}),
                           ("InvalidRequest", {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}),
                           ("InvalidRequest", {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"ExpiredObjectDeleteMarker": True}}),
                           ("MalformedXML", {"Filter": {"Prefix": "a", "Tag": {"Key": "a", "Value": "b"}}}),
                           ("InvalidRequest", {"Filter": {"And": {"ObjectSizeGreaterThan": 200, "ObjectSizeLessThan": 100}}}),
                           ("MalformedXML", {"Filter": {"And": {}}}), ("MalformedXML", {"Filter": {"And": {"Prefix": "p"}}}), ("MalformedXML", {"Filter": {"And": {"ObjectSizeGreaterThan": 1}}}),
                           ("MalformedXML", {"Filter": {"And": {"Tags": [{"Key": "a", "Value": "b"}]}}}),
                           ("InvalidRequest", {"Filter": {"Tag": {"Key": "k" * 129, "Value": "b"}}}), ("InvalidRequest", {"Filter": {"Tag": {"Key": "a", "Value": "v" * 257}}}),
                           ("InvalidRequest", {"Filter": {"And": {"Prefix": "", "Tags": [{"Key": "k" * 129, "Value": "b"}]}}}),
                           ("InvalidArgument", {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 0}}),
                           ("MalformedXML", {"AbortIncompleteMultipartUpload": {}}),
                           ("InvalidRequest", {"Filter": {"Prefix": "p" * 1025}}),
                           ("InvalidArgument", {"NoncurrentVersionTransitions": [{"NoncurrentDays": -1, "StorageClass": "GLACIER"}]}),
                           ("InvalidArgument", {"NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "NewerNoncurrentVersions": 0, "StorageClass": "GLACIER"}]}),
                           ("InvalidRequest", {"NoncurrentVersionTransitions": [{"NoncurrentDays": n, "StorageClass": "GLACIER"} for n in (1, 2)]}),
                           ("InvalidRequest", {"Expiration": {"Date": datetime(2030, 9, 27, tzinfo=timezone.utc)}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}),
                           ("InvalidRequest", {"Expiration": {"Days": 60}, "Transitions": [{"Days": n, "StorageClass": "GLACIER"} for n in (1, 2)]}),
                           ("InvalidArgument", {"NoncurrentVersionTransitions": [{"NoncurrentDays": n, "StorageClass": to} for n, to in ((1, "STANDARD_IA"), (30, "GLACIER"))]}),
                           ("InvalidArgument", {"Transitions": [{"Days": 0, "StorageClass": "GLACIER_IR"}, {"Days": 89, "StorageClass": "DEEP_ARCHIVE"}], "Expiration": {"Days": 100}}),
                           ("InvalidArgument", {"NoncurrentVersionExpiration": {"NoncurrentDays": 9}, "NoncurrentVersionTransitions": [{"NoncurrentDays": 9, "StorageClass": "GLACIER"}]})):
            self.assertEqual(self.set(self.rule(**more)), (code, 400), more)
        nothing = self.rule()
        del nothing["Expiration"]
        self.assertEqual(self.set(nothing)[0] in ("InvalidRequest", "MalformedXML"), True)
        body = b"""<LifecycleConfiguration><Rule><ID>r</ID><Filter><Tag><Key/><Value>v</Value></Tag></Filter><Status>Enabled</Status><Expiration><Days>1</Days>
            </Expiration></Rule></LifecycleConfiguration>"""
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}?lifecycle", body=body, headers={"Content-MD5": digest}).code, "InvalidRequest")
        no_filter = self.rule()
        del no_filter["Filter"]
        self.assertEqual(self.set(no_filter)[1], 400)
        body = b"<LifecycleConfiguration><Rule><ID>r</ID><Prefix>p</Prefix><Status>Enabled</Status><Expiration><Date>20200101</Date></Expiration></Rule></LifecycleConfiguration>"
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}?lifecycle", body=body, headers={"Content-MD5": digest}).code, "MalformedXML")

    def test_what_filters_cannot_do(self):
        abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}
        sizes = {"ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 10}
        for why, more in (("AbortIncompleteMultipartUpload cannot be specified with Object Size.", {"Filter": {"ObjectSizeGreaterThan": 10}, **abort}),
                          ("AbortIncompleteMultipartUpload cannot be specified with Object Size.", {"Filter": {"And": {"Prefix": "p", "ObjectSizeLessThan": 10}}, **abort}),
                          ("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.", {"Filter": {"And": sizes}}),
                          ("'ObjectSizeLessThan' should be between 1 and 1099511627776000.", {"Filter": {"ObjectSizeLessThan": 0}}),
                          ("'ObjectSizeLessThan' should be between 1 and 1099511627776000.", {"Filter": {"ObjectSizeLessThan": 1099511627776001}}),
                          ("'ObjectSizeGreaterThan' should be between 0 and 1099511627776000.", {"Filter": {"And": {"Prefix": "p", "ObjectSizeGreaterThan": -1}}}),
                          ("The maximum size of a prefix is 1024", {"Filter": {"Prefix": "p" * 1025}})):
            rules = {"Rules": [self.rule(**more)]}
            said = refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration=rules)
            self.assertEqual((said["Code"], said["Message"]), ("InvalidRequest", why))

    def test_refusals_name_what_the_rule_takes(self):
        twice = [{"Days": n, "StorageClass": "GLACIER"} for n in (1, 2)]
        mixed = [{"Days": 1, "StorageClass": "GLACIER"}, {"Date": datetime(2030, 9, 27, tzinfo=timezone.utc), "StorageClass": "DEEP_ARCHIVE"}]
        new, old = self.rule(Transitions=twice, Expiration={"Days": 60}), {"Prefix": "p/", "Status": "Enabled"}
        size = {"And": {"Prefix": "p/", "ObjectSizeLessThan": 9}}
        for rule, message in ((new, "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=p/)'"),
                              ({**new, "Filter": size}, "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=p/ and objectsizelessthan=9)'"),
                              ({**old, "Transitions": twice}, "'StorageClass' must be different for 'Transition' actions in same 'Rule' with prefix 'p/'"),
                              ({**old, "Transitions": mixed}, "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for prefix 'p/'"),
                              ({**old, "Transitions": mixed[1:], "Expiration": {"Days": 1}}, "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for prefix 'p/'"),
                              (self.rule(Transitions=twice[1:]), "'Days' in the Expiration action for filter '(prefix=p/)' must be greater than 'Days' in the Transition action")):
            self.assertEqual(refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": [rule]})["Message"], message)

    def test_days_that_are_none(self):
        for action, element, more in (("Expiration", "Days", {"Expiration": {"Days": 0}}), ("AbortIncompleteMultipartUpload", "DaysAfterInitiation", {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}),
                                      ("NoncurrentVersionExpiration", "NoncurrentDays", {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}),
                                      ("NoncurrentVersionExpiration", "NewerNoncurrentVersions", {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 0}})):
            said = refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": [self.rule(**more)]})
            self.assertEqual(said, {"Code": "InvalidArgument", "Message": f"'{element}' for {action} action must be a positive integer", "ArgumentName": element, "ArgumentValue": "0"})

    def test_what_comes_later_is_later(self):
        day = lambda n: datetime(2030, 9, n, tzinfo=timezone.utc)
        both = lambda unit, *times: [{unit: when, "StorageClass": name} for name, when in zip(("DEEP_ARCHIVE", "GLACIER"), times)]
        old = {"Prefix": "p/", "Status": "Enabled"}
        order = "'{0}' in the {1} action for StorageClass 'DEEP_ARCHIVE' for prefix 'p/' must be greater than '{0}' in the {1} action for StorageClass 'GLACIER' for prefix 'p/'"
        for more, message in (({"Transitions": both("Days", 9, 9)}, order.format("Days", "Transition")), ({"Transitions": both("Date", day(8), day(9))}, order.format("Date", "Transition")),
                              ({"NoncurrentVersionTransitions": both("NoncurrentDays", 1, 9)}, order.format("NoncurrentDays", "NoncurrentVersionTransition")),
                              ({"Transitions": both("Date", day(9))[:1], "Expiration": {"Date": day(9)}},
                               "'Date' in the Expiration action for prefix 'p/' must be later than 'Date' in the Transition action")):
            said = refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": [{**old, **more}]})
            self.assertEqual((said["Code"], said["Message"]), ("InvalidArgument", message))
        stay = "'{0}' in the 'Transition' action for StorageClass 'DEEP_ARCHIVE' must be 90 days more than '{0}' in the 'Transition' action for StorageClass 'GLACIER'"
        warmer = "'Days' in the Transition action for StorageClass 'GLACIER' for prefix 'p/' must be greater than 'Days' in the Transition action for StorageClass 'STANDARD_IA' for prefix 'p/'"
        with_infrequent = lambda archive, infrequent: [{"Days": archive, "StorageClass": "GLACIER"}, {"Days": infrequent, "StorageClass": "STANDARD_IA"}]
        for transitions, message in ((both("Days", 89, 0), stay.format("Days")), (both("Date", day(9), day(8)), stay.format("Date")),
                                     (with_infrequent(30, 30), warmer), (with_infrequent(0, 100), warmer)):
            said = refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": [{**old, "Transitions": transitions}]})
            self.assertEqual((said["Code"], said["Message"]), ("InvalidArgument", message))
        december = datetime(2030, 12, 9, tzinfo=timezone.utc)
        for more in ({"Transitions": both("Days", 90, 0)}, {"Transitions": both("Date", december, day(9)), "Expiration": {"Date": datetime(2030, 12, 10, tzinfo=timezone.utc)}},
                     {"Transitions": with_infrequent(60, 30)},
                     {"NoncurrentVersionTransitions": both("NoncurrentDays", 1, 0)}):
            self.assertEqual(self.set({**old, **more})[1], 200, more)

    def test_first_and_second_version_do_not_mix(self):
        old, new = {"ID": "old", "Prefix": "p/", "Status": "Enabled", "Expiration": {"Days": 1}}, self.rule(ID="new")
        for rules, message in (((old, new), "Filter element can only be used in Lifecycle V2."),
                               ((new, old), "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.")):
            with self.assertRaises(ClientError) as caught:
                self.s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": list(rules)})
            self.assertEqual((caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]), ("InvalidRequest", message))
        kept = {"ID": "old", "Prefix": "p/", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}}
        self.assertEqual(self.set(kept), ("InvalidRequest", 400))

    def test_rules_of_the_first_version_do_not_overlap(self):
        rule = lambda prefix, **action: {"Prefix": prefix, "Status": "Enabled", **(action or {"Expiration": {"Days": 1}})}
        abort, move = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}, {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
        put = lambda *rules: refusal(self.s3.put_bucket_lifecycle_configuration, Bucket=self.bucket, LifecycleConfiguration={"Rules": list(rules)})
        for rules, message in (((rule("a"), rule("b"), rule("a/b")), "Found overlapping prefixes 'a' and 'a/b' for same action type 'Expiration'"),
                               ((rule("dir/", **abort), rule("di", **abort)), "Found overlapping prefixes 'dir/' and 'di' for same action type 'AbortIncompleteMultipartUpload'"),
                               ((rule("", **move), rule("a", **abort, **move)), "Found overlapping prefixes '' and 'a' for same action type 'Transition'"),
                               ((rule("a"), rule("a", **abort)), "Found two rules with same prefix 'a'")):
            said = put(*rules)
            self.assertEqual((said["Code"], said["Message"]), ("InvalidRequest", message))
        self.assertEqual(self.set(rule("a"), rule("a/b", **abort), rule("b"))[1], 200)
        self.assertEqual(self.set(self.rule(ID="1"), self.rule(ID="2"), self.rule(ID="3", Filter={"Prefix": "p/q"}))[1], 200)  # filters may

    def test_header(self):
        self.set(self.rule(ID="rule1", Filter={"Prefix": "days1/"}, Expiration={"Days": 1}))
        put = self.put("days1/foo")
        self.assertRegex(put["Expiration"], r'expiry-date=".* GMT", rule-id="rule1"')
        head = self.head("days1/foo")
        self.assertEqual(head["Expiration"], put["Expiration"])
        self.assertNotIn("Expiration", self.head("days1/foo", VersionId="null"))  # it is told of the key, not of a version
        expires = datetime.strptime(head["Expiration"].split('"')[1], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
        self.assertTrue(1 <= (expires - head["LastModified"]).total_seconds() / 86400 <= 2)
        self.assertNotIn("Expiration", self.put("other"))
        self.set(self.rule(ID='a b"&,/%\u00e9', Filter={"Prefix": "odd/"}))
        self.assertTrue(self.put("odd/foo")["Expiration"].endswith('rule-id="a b%22&,/%25%c3%a9"'))
        self.set(*[self.rule(ID=f"abort{n}", Filter={"Prefix": "up/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": n}) for n in (5, 3)])
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key="up/1")
        self.assertEqual(begun["AbortRuleId"], "abort3")
        self.assertTrue(3 <= (begun["AbortDate"] - datetime.now(timezone.utc)).total_seconds() / 86400 + 0.01 <= 4.02)
        self.assertEqual(self.s3.list_parts(Bucket=self.bucket, Key="up/1", UploadId=begun["UploadId"])["AbortDate"], begun["AbortDate"])
        self.assertNotIn("AbortDate", self.s3.create_multipart_upload(Bucket=self.bucket, Key="other"))
        self.set(self.rule(ID="tagged", Filter={"And": {"Prefix": "t", "Tags": [{"Key": "a", "Value": "1"}]}}))
        self.assertIn("Expiration", self.put("t1", Tagging="a=1"))
        self.assertNotIn("Expiration", self.put("t2", Tagging="a=2"))


class LifecycleRuns(S3Case):
    """Rules act when the development clock passes their time."""

    shared = False

    def later(self, check, days):
        """Holds after so many days. Clients sign with the real time, so that they look after it is reset."""
        advance(self, f"{days}d")
        reset_clock(self)
        check()

    def names(self, bucket=None):
        page = self.s3.list_object_versions(Bucket=bucket or self.bucket)
        return sorted(v["Key"] for v in page.get("Versions", [])), sorted(m["Key"] for m in page.get("DeleteMarkers", []))

    def rules(self, *rules, bucket=None):
        for i, rule in enumerate(rules):
            rule.update(ID=f"r{i}", Status="Enabled")
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket or self.bucket, LifecycleConfiguration={"Rules": list(rules)})

    def test_everything_at_once(self):
        """One advance for several buckets: each is a case of its own."""
        plain, versions, sizes, uploads, locked = self.bucket, self.make_bucket(), self.make_bucket(), self.make_bucket(), self.make_bucket(ObjectLockEnabledForBucket=True)
        for key in ("expire1/foo", "expire1/bar", "keep2/foo", "expire3/foo"):
            self.put(key)
        self.put("tagged", Tagging="a=1&b=2")
        self.put("half-tagged", Tagging="a=1")
        self.rules({"Filter": {"Prefix": "expire1/"}, "Expiration": {"Days": 1}}, {"Filter": {"Prefix": "expire3/"}, "Expiration": {"Days": 5}},
                   {"Filter": {"And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}, "Expiration": {"Days": 1}})
        self.versioned(versions)
        for _ in range(4):
            self.put("v", Bucket=versions)
        self.put("current", Bucket=versions)
        self.s3.delete_object(Bucket=versions, Key="gone")  # a marker with nothing behind it
        self.rules({"Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}},
                   {"Filter": {"Prefix": "gone"}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, {"Filter": {"Prefix": "current"}, "Expiration": {"Days": 2}}, bucket=versions)
        self.put("small", b"x", Bucket=sizes)
        self.put("big", b"x" * 1000, Bucket=sizes)
        self.rules({"Filter": {"ObjectSizeLessThan": 500}, "Expiration": {"Days": 1}}, bucket=sizes)
        self.s3.create_multipart_upload(Bucket=uploads, Key="test1/a")
        kept = self.s3.create_multipart_upload(Bucket=uploads, Key="test2/b")["UploadId"]
        self.rules({"Filter": {"Prefix": "test1/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}, bucket=uploads)
        self.put("l", Bucket=locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=datetime(2040, 1, 1, tzinfo=timezone.utc))
        self.rules({"Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}, bucket=locked)

        def check():
            self.assertEqual(self.keys(), ["expire3/foo", "half-tagged", "keep2/foo"])
            self.assertEqual(self.names(versions), (["current", "v", "v"], ["current"]))
            self.assertEqual(self.keys(Bucket=sizes), ["big"])
            self.assertEqual([u["UploadId"] for u in self.s3.list_multipart_uploads(Bucket=uploads)["Uploads"]], [kept])
            self.assertEqual(self.names(locked), (["l"], ["l"]))

        self.later(check, 4)


if __name__ == "__main__":
    unittest.main()
