"""Bucket policies: what they are told of a request, and which permissions it takes."""
import json
import ssl
import unittest
import urllib.error
import urllib.request

from e2e.helpers import allow, user
from e2e.s3_cases import OTHER, refusal, status_of
from e2e.s3_policy_test import PolicyCase


class Keys(PolicyCase):
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


class Permissions(PolicyCase):
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

    def test_location_from_another_region(self):
        """It is told to the owner everywhere, to others only where the bucket is."""
        self.set({"Action": "s3:GetBucketLocation", "Principal": {"AWS": OTHER}})
        far = lambda account: self.boreal.client("s3", access_key=account, region="eu-west-1")
        self.can(200, self.other.get_bucket_location)
        self.can(403, far(OTHER).get_bucket_location)
        self.can(200, far("000000000000").get_bucket_location)


class Size(PolicyCase):
    def test_blanks_do_not_count(self):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{self.open}/*"] * 300}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        text = json.dumps(document, indent=40)
        self.assertGreater(len(text), 20480)
        self.s3.put_bucket_policy(Bucket=self.open, Policy=text)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=self.open)["Policy"], text)
        statement["Sid"] = "x" * 20480
        self.assertEqual(refusal(self.s3.put_bucket_policy, Bucket=self.open, Policy=json.dumps(document)),
                         {"Code": "MalformedPolicy", "Message": "Normalized policy document exceeds the maximum allowed size of 20480 bytes"})


if __name__ == "__main__":
    unittest.main()
