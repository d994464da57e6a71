"""Server access logs: records of requests arrive in the target bucket when the clock has moved on."""
import http.client
import json
import re

from e2e.helpers import clock, eventually
from harness import Case, error_code

# The fields of a record, in AWS's order.
FIELDS = ("owner bucket time ip requester request_id operation key request_line status error bytes_sent object_size total_time "
          "turn_around referrer user_agent version_id host_id signature cipher authentication host tls access_point acl").split()


def parse(line):
    values = re.findall(r'\[[^\]]*\]|"[^"]*"|\S+', line)
    assert len(values) == len(FIELDS), line
    return dict(zip(FIELDS, values))


class AccessLog(Case):
    number = 0

    def setUp(self):
        self.s3 = self.boreal.client("s3")
        AccessLog.number += 1
        self.source, self.target = f"asked-{AccessLog.number}", f"logs-{AccessLog.number}"
        for name in (self.source, self.target):
            self.s3.create_bucket(Bucket=name)
        self.addCleanup(clock, self, "reset")

    def allow(self, **condition):
        statement = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
                     "Resource": f"arn:aws:s3:::{self.target}/*", "Condition": condition}
        self.s3.put_bucket_policy(Bucket=self.target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def log_to(self, prefix="p/", **more):
        self.s3.put_bucket_logging(Bucket=self.source, BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": self.target, "TargetPrefix": prefix, **more}})

    def delivered(self, count=1):
        """Lets six minutes pass; the keys and records that are there then."""
        clock(self, "advance", "6m")

        def look():
            keys = [row["Key"] for row in self.s3.list_objects_v2(Bucket=self.target).get("Contents", [])]
            text = "".join(self.s3.get_object(Bucket=self.target, Key=key)["Body"].read().decode() for key in keys)
            records = [parse(line) for line in text.splitlines()]
            self.assertGreaterEqual(len(records), count)
            return keys, records
        return eventually(look)

    def test_records(self):
        self.allow(ArnLike={"aws:SourceArn": f"arn:aws:s3:::{self.source}"}, StringEquals={"aws:SourceAccount": "000000000000"})
        self.log_to()
        self.s3.put_object(Bucket=self.source, Key="a b", Body=b"x" * 1000)
        self.s3.get_object(Bucket=self.source, Key="a b", Range="bytes=0-99")["Body"].read()
        self.s3.get_object(Bucket=self.source, Key="a b")["Body"].read()
        self.s3.head_object(Bucket=self.source, Key="a b")
        self.s3.list_objects_v2(Bucket=self.source)
        self.assertEqual(error_code(self.s3.get_object, Bucket=self.source, Key="none"), "NoSuchKey")
        self.s3.copy_object(Bucket=self.source, Key="copy", CopySource=f"{self.source}/a b")
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port)
        connection.request("GET", f"/{self.source}/a%20b", headers={"User-Agent": 'odd "agent"', "Referer": "http://there/"})
        self.assertEqual(connection.getresponse().status, 403)
        connection.close()
        self.s3.delete_objects(Bucket=self.source, Delete={"Objects": [{"Key": "a b"}, {"Key": "copy"}]})
        keys, records = self.delivered(11)
        for key in keys:
            self.assertRegex(key, r"^p/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$")
        self.assertEqual(self.s3.head_object(Bucket=self.target, Key=keys[0])["ContentType"], "text/plain")
        by = {}
        for record in records:
            by.setdefault(record["operation"], []).append(record)
        owner = self.s3.list_buckets()["Owner"]["ID"]
        put = by["REST.PUT.OBJECT"][0]
        self.assertEqual((put["owner"], put["bucket"], put["requester"], put["key"]), (owner, self.source, owner, "a%2520b"))
        self.assertEqual((put["status"], put["error"], put["object_size"], put["ip"]), ("200", "-", "1000", "127.0.0.1"))
        self.assertEqual((put["signature"], put["authentication"]), ("SigV4", "AuthHeader"))
        self.assertRegex(put["time"], r"^\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]$")
        self.assertRegex(put["request_line"], rf'^"PUT /{self.source}/a%20b HTTP/1.1"$')
        gets = {(r["status"], r["bytes_sent"], r["object_size"], r["error"]) for r in by["REST.GET.OBJECT"]}
        self.assertLessEqual({("206", "100", "1000", "-"), ("200", "1000", "1000", "-")}, gets)
        self.assertIn(("404", "NoSuchKey"), {(r["status"], r["error"]) for r in by["REST.GET.OBJECT"]})
        anonymous = [r for r in by["REST.GET.OBJECT"] if r["status"] == "403"][0]
        self.assertEqual((anonymous["requester"], anonymous["error"], anonymous["signature"]), ("-", "AccessDenied", "-"))
        self.assertEqual((anonymous["user_agent"], anonymous["referrer"]), ('"odd %22agent%22"', '"http://there/"'))
        self.assertEqual(by["REST.HEAD.OBJECT"][0]["bytes_sent"], "-")
        self.assertEqual(by["REST.GET.BUCKET"][0]["key"], "-")
        self.assertEqual(by["REST.COPY.OBJECT"][0]["key"], "copy")
        self.assertEqual(by["REST.COPY.OBJECT_GET"][0]["key"], "a%2520b")
        self.assertEqual(by["REST.POST.MULTI_OBJECT_DELETE"][0]["status"], "200")
        self.assertEqual({(r["key"], r["status"]) for r in by["BATCH.DELETE.OBJECT"]}, {("a%20b", "204"), ("copy", "204")})

    def test_forms(self):
        """What is known of one is in its fields: the key, who signed it, and in which version, though by neither header nor query."""
        self.allow()
        self.log_to()
        made = self.boreal.client("s3", signature_version="s3v4").generate_presigned_post(self.source, "k")
        part = lambda name, value: f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for signature, status in (({}, 204), ({"x-amz-signature": "0" * 64}, 403)):
            body = "".join(part(*field) for field in {**made["fields"], **signature, "file": "body"}.items()) + "--b--\r\n"
            connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port)
            connection.request("POST", f"/{self.source}", body, {"Content-Type": "multipart/form-data; boundary=b"})
            self.assertEqual(connection.getresponse().status, status)
            connection.close()
        _, records = self.delivered(2)
        told = {tuple(r[name] for name in ("operation", "key", "status", "requester", "signature", "authentication")) for r in records if "POST" in r["operation"]}
        owner = self.s3.list_buckets()["Owner"]["ID"]
        self.assertEqual(told, {("REST.POST.BUCKET", "k", "204", owner, "SigV4", "-"), ("REST.POST.BUCKET", "-", "403", "-", "-", "-")})

    def test_preflights(self):
        self.allow()
        self.log_to()
        self.s3.put_bucket_cors(Bucket=self.source, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://there"]}]})
        for origin, status in (("http://there", 200), ("http://elsewhere", 403)):
            connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port)
            connection.request("OPTIONS", f"/{self.source}/k", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
            self.assertEqual(connection.getresponse().status, status)
            connection.close()
        _, records = self.delivered(3)
        told = {(r["requester"], r["status"], r["error"]) for r in records if r["operation"] == "REST.OPTIONS.PREFLIGHT"}
        self.assertEqual(told, {("-", "200", "-"), ("-", "403", "AccessForbidden")})

    def test_what_lifecycle_rules_do(self):
        self.allow()
        self.log_to()
        for key in ("gone/a b", "moved/k"):
            self.s3.put_object(Bucket=self.source, Key=key, Body=b"x" * 1000)
        self.s3.create_multipart_upload(Bucket=self.source, Key="upload")
        rule = lambda name, **what: {"ID": name, "Status": "Enabled", "Filter": {"Prefix": name}, **what}
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.source, TransitionDefaultMinimumObjectSize="varies_by_storage_class", LifecycleConfiguration={"Rules": [
            rule("gone", Expiration={"Days": 1}), rule("moved", Transitions=[{"Days": 1, "StorageClass": "GLACIER"}]),
            rule("upload", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})]})
        for by in ("3d", "6m"):
            clock(self, "advance", by)
        clock(self, "reset")
        _, records = self.delivered(7)
        done = {r["operation"]: r for r in records if r["requester"] == "AmazonS3"}
        self.assertEqual({operation: (r["key"], r["object_size"]) for operation, r in done.items()}, {
            "S3.EXPIRE.OBJECT": ("gone/a%20b", "1000"), "S3.TRANSITION.OBJECT": ("moved/k", "1000"), "S3.DELETE.UPLOAD": ("upload", "-")})
        for record in done.values():
            self.assertEqual({record[name] for name in ("ip", "status", "error", "bytes_sent", "total_time", "turn_around", "host_id", "signature", "host")}, {"-"})
            self.assertEqual([record[name] for name in ("request_line", "referrer", "user_agent")], ['"-"'] * 3)

    def test_targets_that_cannot_be(self):
        def refused(code, bucket, **more):
            status = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "", **more}}
            self.assertEqual(error_code(self.s3.put_bucket_logging, Bucket=self.source, BucketLoggingStatus=status), code)

        refused("InvalidTargetBucketForLogging", self.target + "-none")
        reader = {"Grantee": {"Type": "CanonicalUser", "ID": self.s3.list_buckets()["Owner"]["ID"]}, "Permission": "READ"}
        refused("AccessControlListNotSupported", self.target, TargetGrants=[reader])  # it has no access lists
        both = {"SimplePrefix": {}, "PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
        refused("MalformedXML", self.target, TargetObjectKeyFormat=both)
        locked = f"locked-{self.target}"
        self.s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
        self.s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
        refused("InvalidTargetBucketForLogging", locked)
        self.assertNotIn("LoggingEnabled", self.s3.get_bucket_logging(Bucket=self.source))

    def test_a_target_where_others_pay_is_taken_but_gets_nothing(self):
        self.s3.put_bucket_request_payment(Bucket=self.target, RequestPaymentConfiguration={"Payer": "Requester"})
        self.allow()
        self.log_to("paid/")
        self.assertEqual(self.s3.get_bucket_logging(Bucket=self.source)["LoggingEnabled"]["TargetPrefix"], "paid/")
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        self.let_another_deliver()
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=self.target))

    def test_another_account_turns_logging_on(self):
        """The target must belong to the source's owner, whoever asks."""
        number = "111122223333"
        other = self.boreal.client("s3", access_key=number)
        self.s3.put_bucket_policy(Bucket=self.source, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": number}, "Action": "s3:PutBucketLogging", "Resource": f"arn:aws:s3:::{self.source}"}]}))
        status = {"LoggingEnabled": {"TargetBucket": self.target, "TargetPrefix": "p/"}}
        other.put_bucket_logging(Bucket=self.source, BucketLoggingStatus=status)
        self.assertEqual(self.s3.get_bucket_logging(Bucket=self.source)["LoggingEnabled"], status["LoggingEnabled"])
        theirs = f"{self.target}-theirs"
        other.create_bucket(Bucket=theirs)
        status["LoggingEnabled"]["TargetBucket"] = theirs
        self.assertEqual(error_code(other.put_bucket_logging, Bucket=self.source, BucketLoggingStatus=status), "InvalidTargetBucketForLogging")

    def test_partitioned_names(self):
        self.allow()
        self.log_to("", TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        keys, _ = self.delivered()
        self.assertRegex(keys[0], rf"^000000000000/us-east-1/{self.source}/(\d{{4}})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00-[0-9A-F]{{16}}$")

    def test_the_target_must_let_it(self):
        self.log_to()
        self.s3.put_object(Bucket=self.source, Key="lost", Body=b"")
        # What is not let in is dropped; what comes later is delivered.
        other = f"{self.source}-allowed"
        self.s3.create_bucket(Bucket=other)
        self.s3.put_bucket_logging(Bucket=other, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": self.target, "TargetPrefix": ""}})
        self.allow(ArnLike={"aws:SourceArn": f"arn:aws:s3:::{other}"})
        self.s3.put_object(Bucket=other, Key="seen", Body=b"")
        _, records = self.delivered()
        self.assertEqual({record["bucket"] for record in records}, {other})

    def test_by_access_list(self):
        self.open_to_deliverers()
        self.log_to("acl/")
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        keys, _ = self.delivered()
        self.assertTrue(keys[0].startswith("acl/"))

    def open_to_deliverers(self):
        self.s3.put_bucket_ownership_controls(Bucket=self.target, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
        group = "uri=http://acs.amazonaws.com/groups/s3/LogDelivery"
        self.s3.put_bucket_acl(Bucket=self.target, GrantWrite=group, GrantReadACP=group)

    def let_another_deliver(self):
        """By then all that goes to self.target is there, or is dropped: they are delivered in the order of their names."""
        first = self.target
        self.source, self.target = f"{self.source}-z", f"{self.target}-z"
        for name in (self.source, self.target):
            self.s3.create_bucket(Bucket=name)
        self.allow()
        self.log_to()
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        self.delivered()
        self.target = first

    def test_a_policy_closes_what_a_list_opens(self):
        self.open_to_deliverers()
        self.log_to()
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.target}/*"}
        self.s3.put_bucket_policy(Bucket=self.target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        self.let_another_deliver()
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=self.target))

    def test_nobody_else_comes_by_the_name_of_a_target(self):
        self.log_to()
        self.s3.delete_bucket(Bucket=self.target)
        other = self.boreal.client("s3", access_key="111122223333")
        other.create_bucket(Bucket=self.target)
        own, self.s3 = self.s3, other
        self.allow()
        self.s3 = own
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        self.let_another_deliver()
        self.assertNotIn("Contents", other.list_objects_v2(Bucket=self.target))

    def test_public_grants_where_they_are_blocked(self):
        self.open_to_deliverers()
        self.s3.put_public_access_block(Bucket=self.target, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
        everybody = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
        deliverers = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
        self.log_to(TargetGrants=[{"Grantee": who, "Permission": "READ"} for who in (everybody, deliverers)])
        self.s3.put_object(Bucket=self.source, Key="k", Body=b"")
        keys, _ = self.delivered()
        grants = self.s3.get_object_acl(Bucket=self.target, Key=keys[0])["Grants"]
        self.assertEqual([grant["Grantee"]["URI"] for grant in grants if "URI" in grant["Grantee"]], [deliverers["URI"]])

    def test_records_survive_a_restart(self):
        self.allow()
        self.log_to()
        self.s3.put_object(Bucket=self.source, Key="before", Body=b"")
        self.boreal.stop()
        self.boreal.start()
        self.s3 = self.boreal.client("s3")
        _, records = self.delivered()
        self.assertIn("before", [record["key"] for record in records])
