"""Lifecycle rules at work, where several of them, or other settings of the bucket, have a say."""
import unittest

from e2e.helpers import advance, reset_clock
from e2e.s3_cases import S3Case


class Lifecycle(S3Case):
    shared = False

    def rules(self, bucket, *rules):
        whole = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for number, rule in enumerate(rules)]
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": whole},
                                                   TransitionDefaultMinimumObjectSize="varies_by_storage_class")

    def test_which_rule_wins(self):
        """The cheaper class, but INTELLIGENT_TIERING before all that are no archives, and nothing before what goes for good."""
        move = lambda days, to: {"Transitions": [{"Days": days, "StorageClass": to}]}
        big = b"x" * (128 << 10)
        moved, chosen, barred, covered, gone = (self.make_bucket() for _ in range(5))
        for bucket in (moved, chosen, covered, gone):
            self.put("k", big, Bucket=bucket)
        self.put("k", big, Bucket=barred, StorageClass="ONEZONE_IA")
        self.rules(moved, move(30, "STANDARD_IA"), move(30, "ONEZONE_IA"))
        self.rules(chosen, move(30, "ONEZONE_IA"), move(30, "INTELLIGENT_TIERING"))
        self.rules(barred, move(1, "GLACIER_IR"))
        self.versioned(covered)
        self.put("v", big, Bucket=covered)
        self.rules(covered, move(30, "GLACIER"), {"Expiration": {"Days": 31}})
        self.rules(gone, move(30, "GLACIER"), {"Expiration": {"Days": 31}})
        advance(self, "40d")
        reset_clock(self)
        of = lambda bucket: self.s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"]
        self.assertEqual([of(bucket) for bucket in (moved, chosen, barred)], ["ONEZONE_IA", "INTELLIGENT_TIERING", "ONEZONE_IA"])
        page = self.s3.list_object_versions(Bucket=covered)
        self.assertEqual({v["Key"]: v["StorageClass"] for v in page["Versions"]}, {"k": "GLACIER", "v": "GLACIER"})
        self.assertEqual(sorted(m["Key"] for m in page["DeleteMarkers"]), ["k", "v"])
        self.assertEqual(self.keys(Bucket=gone), [])


if __name__ == "__main__":
    unittest.main()
