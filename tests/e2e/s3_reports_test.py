"""Inventory, analytics, metrics and tiering of a bucket: what their configurations may say."""
import unittest
from urllib.parse import quote

from e2e.s3_cases import S3Case, refusal, signed


class Reports(S3Case):
    """Inventory, analytics, metrics and tiering: kept by their ids."""

    def put(self, kind, id, xml):
        return signed(self, "PUT", f"/{self.bucket}?id={id}&{kind}", body=xml.encode())

    def inventory(self, id, destination=None):
        to = destination or f"<Bucket>arn:aws:s3:::{self.bucket}</Bucket>"
        return f"""<InventoryConfiguration><Id>{id}</Id><IsEnabled>true</IsEnabled><Destination><S3BucketDestination>{to}<Format>CSV</Format>
            </S3BucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule><IncludedObjectVersions>All</IncludedObjectVersions></InventoryConfiguration>"""

    def test_ids(self):
        for id in ("a", "A-b.c_9", "x" * 64):
            self.assertEqual(self.put("metrics", id, f"<MetricsConfiguration><Id>{id}</Id></MetricsConfiguration>").status, 204)
        for id in ("a b", "x" * 65, "a/b", "\u00e9"):
            for kind, code, xml in (
                    ("metrics", "MalformedXML", f"<MetricsConfiguration><Id>{id}</Id></MetricsConfiguration>"),
                    ("analytics", "InvalidConfigurationId", f"<AnalyticsConfiguration><Id>{id}</Id><StorageClassAnalysis/></AnalyticsConfiguration>"),
                    ("inventory", "MalformedXML", self.inventory(id))):
                answer = self.put(kind, quote(id, safe=""), xml)
                self.assertEqual((answer.status, answer.code), (400, code), (kind, id))
        for call in (self.s3.get_bucket_metrics_configuration, self.s3.delete_bucket_metrics_configuration, self.s3.get_bucket_inventory_configuration):
            self.assertEqual(refusal(call, Bucket=self.bucket, Id="none"), {"Code": "NoSuchConfiguration", "Message": "The specified configuration does not exist."})

    def test_tokens_that_are_none(self):
        for kind in ("analytics", "intelligent-tiering", "inventory", "metrics"):
            for token in ("not%20one", "bWFkZS11cA"):  # "made-up" in base64
                answer = signed(self, "GET", f"/{self.bucket}?{kind}&continuation-token={token}")
                self.assertEqual((answer.status, answer.code), (400, "MalformedContinuationToken"), (kind, token))
                self.assertIn("<Message>The continuation-token you provided invalid.</Message>", answer.text)
            self.assertEqual(signed(self, "GET", f"/{self.bucket}?{kind}&continuation-token=").status, 200, kind)

    def test_the_id_is_said_twice(self):
        """Inventory has its own word for two ids that differ."""
        for kind, code, xml in (
                ("metrics", "MalformedXML", "<MetricsConfiguration><Id>b</Id></MetricsConfiguration>"),
                ("analytics", "MalformedXML", "<AnalyticsConfiguration><Id>b</Id><StorageClassAnalysis/></AnalyticsConfiguration>"),
                ("intelligent-tiering", "MalformedXML", """<IntelligentTieringConfiguration><Id>b</Id><Status>Enabled</Status><Tiering>
                    <Days>90</Days><AccessTier>ARCHIVE_ACCESS</AccessTier></Tiering></IntelligentTieringConfiguration>"""),
                ("inventory", "IdMismatch", f"""<InventoryConfiguration><Id>b</Id><IsEnabled>true</IsEnabled><Destination><S3BucketDestination>
                    <Bucket>arn:aws:s3:::{self.bucket}</Bucket><Format>CSV</Format></S3BucketDestination></Destination><Schedule>
                    <Frequency>Daily</Frequency></Schedule><IncludedObjectVersions>All</IncludedObjectVersions></InventoryConfiguration>""")):
            answer = self.put(kind, "a", xml)
            self.assertEqual((answer.status, answer.code), (400, code), kind)
            self.assertEqual(self.put(kind, "b", xml).status, 204, kind)

    def test_one_thing_is_filtered_by(self):
        prefix, tag = "<Prefix>a</Prefix>", "<Tag><Key>a</Key><Value>b</Value></Tag>"
        tiering = "<Status>Enabled</Status><Tiering><Days>90</Days><AccessTier>ARCHIVE_ACCESS</AccessTier></Tiering>"
        for kind, root, rest in (("metrics", "MetricsConfiguration", ""), ("analytics", "AnalyticsConfiguration", "<StorageClassAnalysis/>"),
                                 ("intelligent-tiering", "IntelligentTieringConfiguration", tiering)):
            put = lambda of: self.put(kind, "i", f"<{root}><Id>i</Id><Filter>{of}</Filter>{rest}</{root}>")
            few, empty = ("MalformedXML", "MalformedXML") if kind == "metrics" else ("InvalidAnd", "InvalidPrefix")
            for of, code in ((prefix + tag, "MalformedXML"), ("", "MalformedXML"), ("<And/>", few), (f"<And>{prefix}</And>", few), (f"<And>{tag}</And>", few),
                             ("<Prefix/>", empty), (f"<And><Prefix/>{tag}</And>", empty)):
                answer = put(of)
                self.assertEqual((answer.status, answer.code), (400, code), (kind, of))
            for of in (prefix, tag, f"<And>{prefix}{tag}</And>", f"<And>{tag}<Tag><Key>c</Key><Value>d</Value></Tag></And>"):
                self.assertEqual(put(of).status, 204, (kind, of))
            if kind != "metrics":
                twice = put(f"<And>{tag}{tag}</And>")
                self.assertEqual((twice.status, twice.code), (400, "InvalidAnd") if kind == "intelligent-tiering" else (204, None), kind)

    def test_destinations_are_arns(self):
        for bucket, why in (("arn:aws:s3:::" + self.bucket, None), (self.bucket, "Invalid bucket ARN."), ("arn:aws:s3:::", "Invalid bucket ARN."),
                            ("arn:aws:s3::000000000000:" + self.bucket, "Bucket ARN should not specify a namespace.")):
            answer = self.put("inventory", "i", f"""<InventoryConfiguration><Id>i</Id><IsEnabled>true</IsEnabled><Destination><S3BucketDestination>
                <Bucket>{bucket}</Bucket><Format>CSV</Format></S3BucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule>
                <IncludedObjectVersions>All</IncludedObjectVersions></InventoryConfiguration>""")
            self.assertEqual((answer.status, answer.code), (400, "InvalidS3DestinationBucket") if why else (204, None), bucket)
            self.assertIn(why or "", answer.text)

    def test_destinations_of_inventories(self):
        arn = f"arn:aws:s3:::{self.bucket}"
        to = f"<Bucket>{arn}</Bucket>"
        for destination, code in ((f"<Bucket>{arn}/path</Bucket>", "InvalidS3DestinationBucket"), ("<Bucket/>", "MalformedXML"), (f"{to}<AccountId/>", "MalformedXML"),
                                  (f"{to}<Encryption/>", "MalformedXML"), (f"{to}<Encryption><SSE-S3/></Encryption>", None), (f"{to}<AccountId>123</AccountId>", None)):
            answer = self.put("inventory", "i", self.inventory("i", destination))
            self.assertEqual((answer.status, answer.code), (400, code) if code else (204, None), destination)

    def test_destinations_of_analyses(self):
        for bucket, prefix, why in ((self.bucket, "", "Invalid bucket ARN."), ("arn:aws:s3::000000000000:" + self.bucket, "", "Invalid bucket ARN."),
                                    ("arn:aws:s3:::" + self.bucket, "", None), ("arn:aws:s3:::" + self.bucket, "<Prefix>a</Prefix>", None),
                                    ("arn:aws:s3:::" + self.bucket, "<Prefix/>", "S3BucketDestination Prefix should be set with a valid non-empty value")):
            answer = self.put("analytics", "i", f"""<AnalyticsConfiguration><Id>i</Id><StorageClassAnalysis><DataExport><OutputSchemaVersion>V_1</OutputSchemaVersion>
                <Destination><S3BucketDestination><Format>CSV</Format><Bucket>{bucket}</Bucket>{prefix}</S3BucketDestination></Destination></DataExport>
                </StorageClassAnalysis></AnalyticsConfiguration>""")
            self.assertEqual((answer.status, answer.code), (400, "InvalidDestination") if why else (204, None), (bucket, prefix))
            self.assertIn(why or "", answer.text)

    def test_days_of_tiers(self):
        archive, deep = "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"
        for tiers, why in (([(archive, 90)], None), ([(archive, 730)], None), ([(deep, 180)], None), ([(archive, 90), (deep, 180)], None), ([(deep, 181), (archive, 180)], None),
                           ([(archive, 89)], "Days specified in ARCHIVE_ACCESS tier should not be less than 90."),
                           ([(archive, 731)], "Days specified in ARCHIVE_ACCESS tier should not be more than 730."),
                           ([(deep, 179)], "Days specified in DEEP_ARCHIVE_ACCESS tier should not be less than 180."),
                           ([(archive, 90), (archive, 91)], "All Access Tiers in a configuration must be unique. Found duplicate entry for ARCHIVE_ACCESS."),
                           ([(archive, 180), (deep, 180)], "Days specified in DEEP_ARCHIVE_ACCESS should be greater than days specified in ARCHIVE_ACCESS")):
            rules = "".join(f"<Tiering><Days>{days}</Days><AccessTier>{tier}</AccessTier></Tiering>" for tier, days in tiers)
            answer = self.put("intelligent-tiering", "i", f"""<IntelligentTieringConfiguration><Id>i</Id><Status>Enabled</Status>{rules}</IntelligentTieringConfiguration>""")
            self.assertEqual((answer.status, answer.code), (400, "InvalidAccessTier") if why else (204, None), tiers)
            self.assertIn(why or "", answer.text)


if __name__ == "__main__":
    unittest.main()
