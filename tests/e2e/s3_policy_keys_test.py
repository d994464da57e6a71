"""Bucket policies: what they are told of a request, and which permissions it takes."""
import unittest

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


if __name__ == "__main__":
    unittest.main()
