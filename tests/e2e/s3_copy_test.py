"""Copies of whole objects."""
import os
import unittest

from e2e.s3_cases import MIB, S3Case, refusal, signed


class Copies(S3Case):
    def copy(self, to="c", source="k", **more):
        source = source if isinstance(source, dict) else {"Bucket": self.bucket, "Key": source}
        return self.s3.copy_object(Bucket=more.pop("Bucket", self.bucket), Key=to, CopySource=source, **more)

    def test_sizes(self):
        for size in (0, 1, 16 * MIB):
            body = os.urandom(size)
            self.put("k", body)
            result = self.copy()["CopyObjectResult"]
            self.assertEqual((self.get("c"), result["ETag"]), (body, self.head("k")["ETag"]))
            self.assertEqual(self.head("c")["ContentLength"], size)

    def test_sources_that_are_none(self):
        for source, message in (("", "Invalid copy source bucket name"), ("/", "Invalid copy source bucket name"), ("//k", "Invalid copy source bucket name"), ("my-buc@k&()t/k", "Invalid copy source bucket name"),
                                (self.bucket, "Invalid copy source object key"), (f"/{self.bucket}/", "Invalid copy source object key"),
                                (f"{self.bucket}/%", "Invalid copy source encoding."), (f"{self.bucket}/%zz", "Invalid copy source encoding."),
                                (f"{self.bucket}/%80", "Invalid copy source encoding."), (f"{self.bucket}/k?versionId=%zz", "Invalid copy source encoding.")):
            answer = signed(self, "PUT", f"/{self.bucket}/c", headers={"x-amz-copy-source": source})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), source)
            self.assertIn(f"<Message>{message}</Message><ArgumentName>x-amz-copy-source</ArgumentName><ArgumentValue>x-amz-copy-source</ArgumentValue>", answer.text, source)

    def test_copies_are_of_no_version_themselves(self):
        self.put("k")
        for version in ("", "null"):
            answer = signed(self, "PUT", f"/{self.bucket}/c?versionId={version}", headers={"x-amz-copy-source": f"{self.bucket}/k"})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
            self.assertIn("<Message>This operation does not accept a version-id.</Message>", answer.text)
        self.assertEqual(self.keys(), ["k"])

    def test_plus_in_the_source_is_a_blank(self):
        self.put("a b", b"blank")
        self.put("a+b", b"plus")
        for written, body in (("a+b", b"blank"), ("a%20b", b"blank"), ("a%2Bb", b"plus")):
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/c", headers={"x-amz-copy-source": f"{self.bucket}/{written}"}).status, 200)
            self.assertEqual(self.get("c"), body, written)

    def test_to_itself(self):
        self.put("k", b"foo", Metadata={"a": "1"})
        self.refused_with("InvalidRequest", 400, self.copy, "k")
        self.refused_with("InvalidRequest", 400, self.copy, "k", TaggingDirective="REPLACE", Tagging="a=b")  # tags are no change
        self.refused_with("NoSuchKey", 404, self.s3.copy_object, Bucket=self.bucket, Key="none", CopySource={"Bucket": self.bucket, "Key": "none"})
        self.copy("k", MetadataDirective="REPLACE", Metadata={"foo": "bar"})
        self.assertEqual((self.head("k")["Metadata"], self.get("k")), ({"foo": "bar"}, b"foo"))
        self.copy("k", StorageClass="STANDARD_IA")
        self.assertEqual(self.head("k")["StorageClass"], "STANDARD_IA")
        self.copy("k")  # its class is what changes
        self.assertNotIn("StorageClass", self.head("k"))
        self.refused_with("InvalidRequest", 400, self.copy, "k")

    def test_the_class_is_looked_at_before_the_source(self):
        self.put("archived", StorageClass="GLACIER")
        for key in ("archived", "none"):
            error = refusal(self.s3.copy_object, Bucket=self.bucket, Key="c", CopySource=f"{self.bucket}/{key}", StorageClass="COLD")
            self.assertEqual((error["Code"], error["StorageClassRequested"]), ("InvalidStorageClass", "COLD"), key)

    def test_metadata(self):
        self.put("k", Metadata={"a": "1"}, ContentType="text/x", CacheControl="no-cache")
        self.copy()
        head = self.head("c")
        self.assertEqual((head["Metadata"], head["ContentType"], head["CacheControl"]), ({"a": "1"}, "text/x", "no-cache"))
        self.copy(Metadata={"b": "2"}, ContentType="text/y")  # without a directive they do not count
        self.assertEqual((self.head("c")["Metadata"], self.head("c")["ContentType"]), ({"a": "1"}, "text/x"))
        self.copy(MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/y")
        self.assertEqual((self.head("c")["Metadata"], self.head("c")["ContentType"]), ({"b": "2"}, "text/y"))
        self.assertNotIn("CacheControl", self.head("c"))
        self.copy(MetadataDirective="COPY", Metadata={"b": "x" * 2048})  # however much it is
        self.assertEqual(self.head("c")["Metadata"], {"a": "1"})
        self.refused("MetadataTooLarge", self.copy, MetadataDirective="REPLACE", Metadata={"b": "x" * 2048})
        self.refused("InvalidArgument", self.copy, MetadataDirective="KEEP")

    def test_tags(self):
        self.put("k", Tagging="a=1&b=2")
        tags = lambda: {t["Key"]: t["Value"] for t in self.s3.get_object_tagging(Bucket=self.bucket, Key="c")["TagSet"]}
        self.copy()
        self.assertEqual(tags(), {"a": "1", "b": "2"})
        self.copy(Tagging="c=3", TaggingDirective="REPLACE")
        self.assertEqual(tags(), {"c": "3"})
        self.copy(Tagging="c=3", TaggingDirective="COPY")
        self.assertEqual(tags(), {"a": "1", "b": "2"})
        self.copy(TaggingDirective="REPLACE")
        self.assertEqual(tags(), {})

    def test_elsewhere(self):
        self.put("k", b"foo")
        there = self.make_bucket()
        self.copy("x", Bucket=there)
        self.assertEqual(self.get("x", Bucket=there), b"foo")
        self.refused("NoSuchBucket", self.copy, "x", Bucket="no-such-bucket-here")
        self.refused("NoSuchKey", self.copy, "x", "none")
        self.refused("NoSuchBucket", self.copy, "x", {"Bucket": "no-such-bucket-here", "Key": "k"})
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/x", headers={"x-amz-copy-source": "nothing"}).code, "InvalidArgument")
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/x", headers={"x-amz-copy-source": f"/{self.bucket}/k"}).status, 200)

    def test_across_accounts(self):
        theirs = "theirs-" + self.bucket
        self.other.create_bucket(Bucket=theirs)
        self.put("k", b"foo")
        self.refused_with("AccessDenied", 403, self.other.copy_object, Bucket=theirs, Key="x", CopySource={"Bucket": self.bucket, "Key": "k"})
        bucket = self.open_bucket()
        self.put("k", b"foo", Bucket=bucket, ACL="public-read")
        self.other.copy_object(Bucket=theirs, Key="x", CopySource={"Bucket": bucket, "Key": "k"})
        self.assertEqual(self.other.get_object(Bucket=theirs, Key="x")["Body"].read(), b"foo")
        self.refused_with("AccessDenied", 403, self.s3.copy_object, Bucket=theirs, Key="y", CopySource={"Bucket": bucket, "Key": "k"})
        self.s3.copy_object(Bucket=bucket, Key="y", CopySource={"Bucket": bucket, "Key": "k"}, ACL="public-read")
        self.assertEqual(self.anonymous.get_object(Bucket=bucket, Key="y")["Body"].read(), b"foo")

    def test_multipart_source(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k", Metadata={"a": "1"})["UploadId"]
        body = os.urandom(6 * MIB)
        tags = [self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=n + 1, Body=body[n * 5 * MIB:(n + 1) * 5 * MIB])["ETag"] for n in (0, 1)]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="k", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]})
        self.copy()
        self.assertEqual((self.get("c"), self.head("c")["Metadata"]), (body, {"a": "1"}))

    def test_headers_but_a_redirect_go_along(self):
        self.put("k", b"foo", ContentEncoding="gzip", Expires="Thu, 01 Dec 2033 16:00:00 GMT", WebsiteRedirectLocation="/x")
        self.copy()
        self.assertEqual(self.head("c")["ContentEncoding"], "gzip")
        self.assertNotIn("WebsiteRedirectLocation", self.head("c"))


if __name__ == "__main__":
    unittest.main()
