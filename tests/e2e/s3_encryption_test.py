"""Encryption: by the service, by KMS, by the customer, and copies between all of them."""
import base64
import hashlib
import os
import unittest

from e2e.helpers import allow, user
from e2e.s3_cases import OTHER, S3Case, refusal, send, signed, status_of
from harness import error_code

KEY, WRONG = b"K" * 32, b"W" * 32
C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
FROM_C = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": KEY}
MIB = 1 << 20


def text(key):
    return base64.b64encode(key).decode()


def md5(key):
    return base64.b64encode(hashlib.md5(key).digest()).decode()


class Asked(S3Case):
    def test_only_where_an_object_is_made(self):
        etag = self.put("k")["ETag"]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>".encode()
        source = {"x-amz-copy-source": f"{self.bucket}/k"}
        kind = "x-amz-server-side-encryption"
        for header, value, message in ((kind, "aws:kms", f"{kind} header is not supported for this operation."),
                                       (f"{kind}-aws-kms-key-id", "alias/a", f"Server Side Encryption with AWS KMS managed key requires HTTP header {kind} : aws:kms")):
            for method, target, headers, body in (("GET", "k", {}, b""), ("GET", "k?partNumber=1", {}, b""), ("GET", "k?attributes", {"x-amz-object-attributes": "ETag"}, b""),
                                                  ("HEAD", "k", {}, b""), ("PUT", f"m?partNumber=1&uploadId={upload}", {}, b"x"),
                                                  ("PUT", f"m?partNumber=1&uploadId={upload}", source, b""), ("POST", f"m?uploadId={upload}", {}, document),
                                                  ("DELETE", "k", {}, b""), ("PUT", "/of-an-Object", {}, b"")):  # the last is a new bucket's
                answer = signed(self, method, target if target.startswith("/") else f"/{self.bucket}/{target}", headers={**headers, header: value}, body=body)
                self.assertEqual(answer.status, 400, (method, target))
                if method != "HEAD":
                    self.assertIn(f"<Code>InvalidArgument</Code><Message>{message}</Message><ArgumentName>{kind}</ArgumentName>", answer.text, (method, target))
        # What an upload is encrypted with may be said again.
        part = signed(self, "PUT", f"/{self.bucket}/m?partNumber=1&uploadId={upload}", headers={kind: "AES256"}, body=b"body")
        self.assertEqual((part.status, part.headers["ETag"]), (200, etag))
        self.assertEqual(signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={kind: "AES256"}, body=document).status, 200)
        key = self.boreal.client("kms").create_key()["KeyMetadata"]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", ServerSideEncryption="aws:kms", SSEKMSKeyId=key["KeyId"])["UploadId"]
        for named, status in ((key["Arn"], 200), (key["KeyId"], 200), ("alias/aws/s3", 400), (key["KeyId"][1:], 400)):
            headers = {kind: "aws:kms", f"{kind}-aws-kms-key-id": named}
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/m?partNumber=1&uploadId={upload}", headers=headers, body=b"body").status, status, named)


class Customer(S3Case):
    """SSE-C."""

    def raw(self, method="PUT", body=b"body", **headers):
        names = {"algorithm": "x-amz-server-side-encryption-customer-algorithm", "key": "x-amz-server-side-encryption-customer-key",
                 "md5": "x-amz-server-side-encryption-customer-key-md5"}
        answer = signed(self, method, f"/{self.bucket}/c", headers={names[n]: v for n, v in headers.items()}, body=body if method == "PUT" else b"")
        return answer.status, answer.code

    def test_sizes(self):
        for size in (0, 1, 1024, 13 * MIB):
            body = os.urandom(size)
            put = self.put("c", body, **C)
            self.assertEqual((put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]), ("AES256", md5(KEY)))
            self.assertNotIn("ServerSideEncryption", put)
            self.assertEqual(self.get("c", **C), body)
            head = self.head("c", **C)
            self.assertEqual((head["SSECustomerAlgorithm"], head["SSECustomerKeyMD5"], head["ContentLength"]), ("AES256", md5(KEY), size))
        self.assertEqual(self.get("c", Range="bytes=100-200", **C), body[100:201])

    def test_reading_wants_the_key(self):
        self.put("c", **C)
        self.assertEqual(status_of(self.get, "c")[1], 400)
        self.assertEqual(status_of(self.head, "c")[1], 400)
        self.assertEqual(status_of(self.get, "c", SSECustomerAlgorithm="AES256", SSECustomerKey=WRONG), ("AccessDenied", 403))
        self.assertEqual(status_of(self.head, "c", SSECustomerAlgorithm="AES256", SSECustomerKey=WRONG)[1], 403)
        self.put("plain")
        self.assertEqual(status_of(self.get, "plain", **C), ("InvalidRequest", 400))
        self.assertEqual(status_of(self.s3.get_object_attributes, Bucket=self.bucket, Key="c", ObjectAttributes=["ETag"])[1], 400)
        told = self.s3.get_object_attributes(Bucket=self.bucket, Key="c", ObjectAttributes=["ObjectSize"], SSECustomerAlgorithm="AES256",
                                             SSECustomerKey=text(KEY), SSECustomerKeyMD5=md5(KEY))  # botocore encodes it elsewhere only
        self.assertEqual(told["ObjectSize"], 4)
        self.s3.delete_object(Bucket=self.bucket, Key="c")  # deleting wants none

    def test_headers_that_are_wrong(self):
        good = {"algorithm": "AES256", "key": text(KEY), "md5": md5(KEY)}
        self.assertEqual(self.raw(**good), (200, None))
        self.assertEqual(self.raw(**{**good, "md5": md5(WRONG)}), (400, "InvalidArgument"))
        self.assertEqual(self.raw(**{**good, "md5": "AAAAAAAAAAAAAAAAAAAAAA=="}), (400, "InvalidArgument"))
        self.assertEqual(self.raw(**{**good, "algorithm": "AES128"})[0], 400)
        self.assertEqual(self.raw(**{**good, "key": text(b"short")}), (400, "InvalidArgument"))
        for missing in good:
            self.assertEqual(self.raw(**{k: v for k, v in good.items() if k != missing}), (400, "InvalidArgument"), missing)
            read = self.raw("GET", **{k: v for k, v in good.items() if k != missing})[0]
            self.assertEqual(read, 200 if missing == "md5" else 400, missing)  # who reads may leave out the digest
        kind = "x-amz-server-side-encryption-customer-"
        for method in ("GET", "HEAD"):
            answer = signed(self, method, f"/{self.bucket}/c", headers={kind + "algorithm": "AES256", kind + "key": text(KEY)})
            self.assertEqual((answer.status, answer.headers[kind + "key-md5"]), (200, md5(KEY)), method)
        source = {"x-amz-copy-source": f"{self.bucket}/c", "x-amz-copy-source-server-side-encryption-customer-algorithm": "AES256",
                  "x-amz-copy-source-server-side-encryption-customer-key": text(KEY)}
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/d", headers=source).status, 200)

    def test_refusals_name_the_header(self):
        good = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": text(KEY), "SSECustomerKeyMD5": md5(KEY)}
        header = "x-amz-server-side-encryption"
        told = lambda **more: {k: v for k, v in refusal(self.put, "c", **{**good, **more}).items() if k != "Message"}
        self.assertEqual(told(SSECustomerAlgorithm="AES128"), {"Code": "InvalidEncryptionAlgorithmError", "ArgumentName": header, "ArgumentValue": "AES128"})
        self.assertEqual(told(SSECustomerKeyMD5=md5(WRONG)), {"Code": "InvalidArgument", "ArgumentName": header})
        self.assertEqual(told(SSECustomerKey=text(b"short"), SSECustomerKeyMD5=md5(b"short")), {"Code": "InvalidArgument", "ArgumentName": header})

    def test_a_key_of_another_size_is_not_the_right_one(self):
        """To who reads: it is who writes that is told of sizes."""
        self.put("c", **C)
        short = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"short"}
        wrong = "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
        self.assertEqual(refusal(self.get, "c", **short), {"Code": "AccessDenied", "Message": wrong})
        self.assertEqual(status_of(self.head, "c", **short)[1], 403)
        self.refused_with("InvalidArgument", 400, self.put, "c", **short)
        self.assertEqual(status_of(self.s3.copy_object, Bucket=self.bucket, Key="d", CopySource={"Bucket": self.bucket, "Key": "c"},
                                   CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=b"short"), ("InvalidRequest", 400))

    def test_a_range_that_is_not_there_is_told_before_the_key_is_tried(self):
        """… and both before that the object is archived; but that a key is wanted comes first."""
        wrong = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": WRONG}
        beyond = ({"Range": "bytes=9999-"}, "InvalidRange"), ({"PartNumber": 2}, "InvalidPartNumber")
        for key, tier in (("c", {}), ("cold", {"StorageClass": "GLACIER"})):
            self.put(key, **C, **tier)
            for read, code in beyond:
                self.refused_with("InvalidRequest", 400, self.get, key, **read)
                for used in (wrong, C):
                    self.refused_with(code, 416, self.get, key, **used, **read)
                    self.assertEqual(status_of(self.head, key, **used, **read)[1], 416)
            self.refused_with("AccessDenied", 403, self.get, key, **wrong, Range="bytes=0-2")
        self.refused_with("InvalidObjectState", 403, self.get, "cold", **C, Range="bytes=0-2")
        for used in ({}, wrong, C):  # of the whole that is told first
            self.refused_with("InvalidObjectState", 403, self.get, "cold", **used)
        for key in ("c", "cold"):  # a condition is looked at when a key has come, whatever it is
            etag = self.head(key, **C)["ETag"]
            self.refused_with("InvalidRequest", 400, self.get, key, IfNoneMatch=etag)
            for used in (wrong, C):
                self.refused_with("304", 304, self.get, key, IfNoneMatch=etag, **used)
        self.put("plain", StorageClass="GLACIER")
        for read, code in beyond:
            self.refused_with(code, 416, self.get, "plain", **read)

    def test_a_checksum_of_parts_wants_the_key(self):
        """… of whoever lists them or completes the upload. Without one that was asked for the key need not come: then the object has none."""
        at = {"Bucket": self.bucket, "Key": "m"}
        whole = lambda key: {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": text(key), "SSECustomerKeyMD5": md5(key)}
        for more, is_wanted in (({"ChecksumAlgorithm": "SHA256"}, True), ({}, False)):
            upload = self.s3.create_multipart_upload(**at, **C, **more)["UploadId"]
            part = self.s3.upload_part(**at, **C, **more, UploadId=upload, PartNumber=1, Body=b"p")
            row = {"PartNumber": 1, "ETag": part["ETag"], **({"ChecksumSHA256": part["ChecksumSHA256"]} if is_wanted else {})}
            for call, said in ((self.s3.list_parts, {}), (self.s3.complete_multipart_upload, {"MultipartUpload": {"Parts": [row]}})):
                passes_over = not is_wanted and call == self.s3.list_parts
                self.assertEqual(status_of(call, **at, **said, UploadId=upload, **whole(WRONG)), ("", 200) if passes_over else ("InvalidRequest", 400))
                if is_wanted:
                    self.refused_with("InvalidRequest", 400, call, **at, **said, UploadId=upload)
                self.assertEqual(status_of(call, **at, **said, UploadId=upload, **(whole(KEY) if is_wanted else {}))[1], 200)
            self.assertEqual(self.head("m", **C, ChecksumMode="ENABLED").get("ChecksumType"), "COMPOSITE" if is_wanted else None)
        upload = self.s3.create_multipart_upload(**at, **C)["UploadId"]
        etag = self.s3.upload_part(**at, **C, UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
        done = self.s3.complete_multipart_upload(**at, **C, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(done["ChecksumType"], "FULL_OBJECT")

    def test_not_with_another_kind(self):
        for kind in ("AES256", "aws:kms"):
            self.refused_with("InvalidArgument", 400, self.put, "c", ServerSideEncryption=kind, **C)
        for more in ({"SSEKMSKeyId": "alias/aws/s3"}, {"SSEKMSEncryptionContext": base64.b64encode(b'{"a":"b"}').decode()}):
            self.refused_with("InvalidArgument", 400, self.put, "c", **more, **C)
            self.refused_with("InvalidArgument", 400, self.s3.create_multipart_upload, Bucket=self.bucket, Key="c", **more, **C)
        # Whatever else is wrong with them.
        self.refused_with("InvalidArgument", 400, self.put, "c", ServerSideEncryption="AES256", SSECustomerAlgorithm="AES128", SSECustomerKey=KEY)

    def test_multipart(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", Metadata={"foo": "bar"}, **C)["UploadId"]
        bodies = [os.urandom(5 * MIB), b"end"]
        part = lambda number, **more: self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=number, Body=bodies[number - 1], **more)
        self.assertIn("Subsequent part requests must include the appropriate encryption parameters", refusal(part, 1)["Message"])
        self.assertEqual(refusal(part, 1, SSECustomerAlgorithm="AES256", SSECustomerKey=WRONG), {
            "Code": "InvalidRequest", "Message": "The provided encryption parameters did not match the ones used originally."})
        tags = [part(n, **C)["ETag"] for n in (1, 2)]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]})
        self.assertEqual(self.get("m", **C), b"".join(bodies))
        self.assertEqual(self.get("m", Range=f"bytes={5 * MIB - 1}-{5 * MIB}", **C), bodies[0][-1:] + b"e")
        self.assertEqual((self.head("m", **C)["Metadata"], self.get("m", PartNumber=2, **C)), ({"foo": "bar"}, b"end"))
        self.assertEqual(status_of(self.get, "m", SSECustomerAlgorithm="AES256", SSECustomerKey=WRONG)[1], 403)

    def test_multipart_with_unfit_parts(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        error = refusal(self.s3.upload_part, Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x", **C)
        self.assertEqual(error["Code"], "InvalidRequest")
        self.assertIn("The multipart upload initiate requested encryption", error["Message"])

    def test_presigned(self):
        client = self.boreal.client("s3", signature_version="s3v4")
        url = client.generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "p", **C})
        headers = {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-server-side-encryption-customer-key": text(KEY),
                   "x-amz-server-side-encryption-customer-key-md5": md5(KEY)}
        self.assertEqual(send(self, "PUT", url[len(self.boreal.url):], {**headers, "Content-Length": "3"}, b"abc").status, 200)
        self.assertEqual(self.get("p", **C), b"abc")


class Kms(S3Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kms = cls.boreal.client("kms")
        cls.key = cls.kms.create_key()["KeyMetadata"]["Arn"]

    def test_given_and_managed(self):
        put = self.put("k", b"body", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key)
        self.assertEqual((put["ServerSideEncryption"], put["SSEKMSKeyId"]), ("aws:kms", self.key))
        head = self.head("k")
        self.assertEqual((head["ServerSideEncryption"], head["SSEKMSKeyId"]), ("aws:kms", self.key))
        self.assertEqual(self.get("k"), b"body")
        put = self.put("managed", b"body", ServerSideEncryption="aws:kms")
        self.assertIn(":key/", put["SSEKMSKeyId"])
        self.assertEqual(self.get("managed"), b"body")
        self.assertEqual(self.kms.describe_key(KeyId=put["SSEKMSKeyId"])["KeyMetadata"]["Description"],
                         "Default key that protects my S3 objects when no other key is defined")
        for size in (0, 1, 13 * MIB):
            body = os.urandom(size)
            self.put("k", body, ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key)
            self.assertEqual(self.get("k"), body)

    def test_refused(self):
        self.assertEqual(status_of(self.put, "k", ServerSideEncryption="aws:kms", SSEKMSKeyId="00000000-0000-0000-0000-000000000000"),
                         ("KMS.NotFoundException", 400))
        self.refused_with("InvalidArgument", 400, self.put, "k", SSEKMSKeyId=self.key)
        self.refused_with("InvalidArgument", 400, self.put, "k", ServerSideEncryption="AES256", SSEKMSKeyId=self.key)
        self.refused_with("InvalidArgument", 400, self.put, "k", ServerSideEncryption="aes:kms")
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/k", body=b"x", headers={"x-amz-server-side-encryption": "AES128"}).code, "InvalidArgument")
        # What tells how a stored object is encrypted has no place in a GET.
        self.put("k")
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/k", headers={"x-amz-server-side-encryption": "AES256"}).status, 400)
        self.assertEqual(signed(self, "HEAD", f"/{self.bucket}/k", headers={"x-amz-server-side-encryption": "aws:kms"}).status, 400)

    def test_with_a_key_that_fits_nothing(self):
        """A head that tells a customer's key for an object under KMS, too."""
        self.put("k", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key)
        customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
        self.refused_with("InvalidRequest", 400, self.s3.get_object, Bucket=self.bucket, Key="k", **customer)
        self.assertEqual(status_of(self.s3.head_object, Bucket=self.bucket, Key="k", **customer)[1], 400)

    def test_keys_that_cannot_be_used(self):
        key = self.kms.create_key()["KeyMetadata"]["Arn"]
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        self.put("k", **kms)
        self.kms.disable_key(KeyId=key)
        self.refused_with("KMS.DisabledException", 400, self.get, "k")
        self.refused_with("KMS.DisabledException", 400, self.put, "k", **kms)
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.refused_with("KMS.KMSInvalidStateException", 400, self.get, "k")

    def test_copied_in_place(self):
        """To the bucket's encryption, if nothing else is asked for: which is a change."""
        self.put("k", b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key)
        copy = lambda: status_of(self.s3.copy_object, Bucket=self.bucket, Key="k", CopySource={"Bucket": self.bucket, "Key": "k"})
        self.assertEqual(copy()[1], 200)
        self.assertEqual((self.head("k")["ServerSideEncryption"], self.get("k")), ("AES256", b"x"))
        self.assertEqual(copy(), ("InvalidRequest", 400))

    def test_context(self):
        context = base64.b64encode(b'{"team":"blue"}').decode()
        self.assertEqual(self.put("k", b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key, SSEKMSEncryptionContext=context)["SSEKMSEncryptionContext"], context)
        self.assertEqual(self.get("k"), b"x")
        self.refused("InvalidArgument", self.put, "k", b"x", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext="e30=x")

    def test_multipart(self):
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key, Metadata={"foo": "bar"})
        self.assertEqual((begun["ServerSideEncryption"], begun["SSEKMSKeyId"]), ("aws:kms", self.key))
        bodies = [os.urandom(5 * MIB), b"end"]
        tags = []
        for n, body in enumerate(bodies, 1):
            part = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=begun["UploadId"], PartNumber=n, Body=body)
            self.assertEqual((part["ServerSideEncryption"], part["SSEKMSKeyId"]), ("aws:kms", self.key))
            tags.append({"PartNumber": n, "ETag": part["ETag"]})
        done = self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=begun["UploadId"], MultipartUpload={"Parts": tags})
        self.assertEqual((done["ServerSideEncryption"], done["SSEKMSKeyId"]), ("aws:kms", self.key))
        self.assertEqual(self.get("m"), b"".join(bodies))

    def test_what_reads_parts_or_checksums_must_decrypt(self):
        writer = user(self, f"writer-{self.bucket}", allow("s3:*"), allow("kms:GenerateDataKey", self.key))("s3")
        at = {"Bucket": self.bucket, "Key": "m"}
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key}
        self.assertEqual(status_of(writer.put_object, **at, **kms, Body=b"body")[1], 200)
        self.assertEqual(status_of(writer.head_object, **at)[1], 200)
        self.assertEqual(status_of(writer.head_object, **at, ChecksumMode="ENABLED")[1], 403)
        self.assertIn("ChecksumCRC32", self.head("m", ChecksumMode="ENABLED"))
        for more, is_asked in (({"ChecksumAlgorithm": "SHA256"}, True), ({}, False)):
            upload = writer.create_multipart_upload(**at, **kms, **more)["UploadId"]
            self.refused_with("AccessDenied", 403, writer.upload_part, **at, **more, UploadId=upload, PartNumber=1, Body=b"p")
            part = self.s3.upload_part(**at, **more, UploadId=upload, PartNumber=1, Body=b"p")
            row = {"PartNumber": 1, "ETag": part["ETag"], **({"ChecksumSHA256": part["ChecksumSHA256"]} if is_asked else {})}
            self.refused_with("AccessDenied", 403, writer.list_parts, **at, UploadId=upload)
            self.assertEqual(len(self.s3.list_parts(**at, UploadId=upload)["Parts"]), 1)
            completed = status_of(writer.complete_multipart_upload, **at, UploadId=upload, MultipartUpload={"Parts": [row]})
            self.assertEqual(completed, ("AccessDenied", 403) if is_asked else ("", 200))
        self.assertNotIn("ChecksumType", self.head("m", ChecksumMode="ENABLED"))

    def test_two_layers_know_no_bucket_keys(self):
        two = {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": self.key}
        self.assertNotIn("BucketKeyEnabled", self.put("k", **two, BucketKeyEnabled=True))
        self.s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}, "BucketKeyEnabled": True}]})
        self.assertNotIn("BucketKeyEnabled", self.put("k", **two))
        self.assertTrue(self.put("k")["BucketKeyEnabled"])

    def test_other_account_may_not_use_the_key(self):
        bucket = self.open_bucket("BucketOwnerEnforced")
        self.put("k", b"x", Bucket=bucket, ServerSideEncryption="aws:kms", SSEKMSKeyId=self.key)
        self.s3.put_bucket_policy(Bucket=bucket, Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
                                                        f'"Resource":"arn:aws:s3:::{bucket}/*"}}]}}')
        self.refused("AccessDenied", self.other.get_object, Bucket=bucket, Key="k")

    def test_managed_key_serves_its_account(self):
        """However open the object and the bucket are; and who does not sign is nobody to KMS."""
        bucket = self.open_bucket(ACL="public-read-write")
        keyed = {"Bucket": bucket, "ServerSideEncryption": "aws:kms", "ACL": "public-read"}
        self.put("managed", b"x", **keyed)
        self.put("own", b"x", SSEKMSKeyId=self.key, **keyed)
        for key in ("managed", "own"):
            self.refused_with("AccessDenied", 403, self.other.get_object, Bucket=bucket, Key=key)
            answer = send(self, "GET", f"/{bucket}/{key}")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
            self.assertIn("require AWS Signature Version 4", answer.text)
            self.assertEqual(send(self, "HEAD", f"/{bucket}/{key}").status, 400)
            self.assertEqual(self.get(key, Bucket=bucket), b"x")
        self.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})
        # A key without an account is one of who asks: it is the other's own that is used, also where the bucket asks for it.
        self.assertIn(f":{OTHER}:key/", self.other.put_object(Bucket=bucket, Key="theirs", Body=b"x", ACL="bucket-owner-full-control")["SSEKMSKeyId"])
        self.assertEqual(self.other.get_object(Bucket=bucket, Key="theirs")["Body"].read(), b"x")
        self.refused_with("AccessDenied", 403, self.get, "theirs", Bucket=bucket)
        self.refused_with("InvalidArgument", 400, self.anonymous.put_object, Bucket=bucket, Key="k", Body=b"x")
        self.put("k", Bucket=bucket)


class Default(S3Case):
    def set(self, algorithm, key=None, **rule):
        by_default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
        return status_of(self.s3.put_bucket_encryption, Bucket=self.bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, **rule}]})

    def told(self):
        return self.s3.get_bucket_encryption(Bucket=self.bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]

    def test_configuration(self):
        self.assertEqual(self.told()["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
        self.assertEqual(self.set("aws:kms", "fancy-key")[1], 200)
        self.assertEqual(self.told()["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "fancy-key"})
        self.assertEqual(self.set("AES256")[1], 200)
        self.assertEqual(self.told()["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
        self.assertEqual(self.set("AES256", "fancy-key"), ("InvalidArgument", 400))
        wrong = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "fancy-key"}}]}
        self.assertEqual(refusal(self.s3.put_bucket_encryption, Bucket=self.bucket, ServerSideEncryptionConfiguration=wrong)["ArgumentName"],
                         "ApplyServerSideEncryptionByDefault")
        self.assertEqual(self.set("DES")[1], 400)
        self.assertEqual(self.set("aws:fsx"), ("NotImplemented", 501))  # there are no file systems
        self.assertEqual(status_of(self.s3.delete_bucket_encryption, Bucket=self.bucket)[1], 204)
        self.assertEqual(status_of(self.s3.delete_bucket_encryption, Bucket=self.bucket)[1], 204)
        self.refused("NoSuchBucket", self.s3.get_bucket_encryption, Bucket="no-such-bucket-here")

    def test_customer_keys_may_be_blocked(self):
        self.put("before", **C)
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", **C)["UploadId"]
        self.assertEqual(self.set("AES256", BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]})[1], 200)
        self.assertEqual(self.told()["BlockedEncryptionTypes"], {"EncryptionType": ["SSE-C"]})
        self.refused_with("AccessDenied", 403, self.put, "c", **C)
        self.refused_with("AccessDenied", 403, self.s3.create_multipart_upload, Bucket=self.bucket, Key="c", **C)
        self.refused_with("AccessDenied", 403, self.s3.upload_part, Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"p", **C)
        self.refused_with("AccessDenied", 403, self.s3.upload_part_copy, Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1,
                          CopySource=f"{self.bucket}/before", **C, **FROM_C)
        self.assertEqual(self.get("before", **C), b"body")
        self.set("AES256", BlockedEncryptionTypes={"EncryptionType": ["NONE"]})
        self.put("c", **C)
        for types in ([], ["NONE", "NONE"], ["NONE", "SSE-C"], ["SSE-C", "SSE-C"]):
            self.assertEqual(self.set("AES256", BlockedEncryptionTypes={"EncryptionType": types}), ("InvalidArgument", 400), types)
        self.assertEqual(self.set("AES256", BlockedEncryptionTypes={"EncryptionType": ["AES256"]}), ("MalformedXML", 400))
        self.assertEqual(self.told()["BlockedEncryptionTypes"], {"EncryptionType": ["NONE"]})
        # Said alone, it leaves the encryption as it always is.
        only = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]}
        self.s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration=only)
        self.assertEqual(self.told(), {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False, **only["Rules"][0]})
        self.refused_with("AccessDenied", 403, self.put, "c", **C)
        self.assertEqual(self.put("d")["ServerSideEncryption"], "AES256")
        self.refused_with("MalformedXML", 400, self.s3.put_bucket_encryption, Bucket=self.bucket,
                          ServerSideEncryptionConfiguration={"Rules": [{"BucketKeyEnabled": True}]})
        self.s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [{}]})
        self.assertEqual(self.told(), {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False})
        self.put("c", **C)

    def test_service(self):
        self.assertEqual(self.put("a", b"x")["ServerSideEncryption"], "AES256")
        self.set("AES256")
        source = {"Bucket": self.bucket, "Key": "a"}
        self.assertEqual(status_of(self.s3.copy_object, Bucket=self.bucket, Key="a", CopySource=source)[1], 200)  # the new default is a change
        self.assertEqual(self.put("a", b"x")["ServerSideEncryption"], "AES256")
        self.assertEqual(self.head("a")["ServerSideEncryption"], "AES256")
        got = self.s3.get_object(Bucket=self.bucket, Key="a")
        self.assertEqual((got["ServerSideEncryption"], got["Body"].read()), ("AES256", b"x"))
        self.assertEqual(self.put("b", b"x", ServerSideEncryption="AES256")["ServerSideEncryption"], "AES256")

    def test_kms(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.set("aws:kms", key, BucketKeyEnabled=True)
        put = self.put("a", b"x")
        self.assertEqual((put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]), ("aws:kms", key, True))
        self.assertEqual((self.head("a")["SSEKMSKeyId"], self.get("a")), (key, b"x"))
        self.assertEqual(self.put("b", b"x", ServerSideEncryption="AES256")["ServerSideEncryption"], "AES256")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")
        self.assertEqual((upload["ServerSideEncryption"], upload["SSEKMSKeyId"]), ("aws:kms", key))
        etag = self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload["UploadId"], PartNumber=1, Body=b"p")["ETag"]
        done = self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload["UploadId"], MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual((done["ServerSideEncryption"], self.get("m")), ("aws:kms", b"p"))
        self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "b"})
        self.assertEqual(self.head("c")["SSEKMSKeyId"], key)
        self.put("customer", b"x", **C)
        self.assertNotIn("SSEKMSKeyId", self.head("customer", **C))
        # Who asks for KMS and names no key gets the account's, not the bucket's.
        self.assertNotIn(self.put("own", b"x", ServerSideEncryption="aws:kms")["SSEKMSKeyId"], (key, None))


class CopyMatrix(S3Case):
    """Every kind of source to every kind of target, whole and as a part."""

    def test_all(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        kinds = {"plain": {}, "s3": {"ServerSideEncryption": "AES256"}, "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}, "customer": C}
        body = os.urandom(100_000)
        for source, how in kinds.items():
            self.put(source, body, **how)
        for source in kinds:
            for target, how in kinds.items():
                with self.subTest(f"{source} to {target}"):
                    more = FROM_C if source == "customer" else {}
                    from_there = {"Bucket": self.bucket, "Key": source}
                    made = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=from_there, **how, **more)
                    read = C if target == "customer" else {}
                    self.assertEqual(self.get("copy", **read), body)
                    told = {"plain": "AES256", "s3": "AES256", "kms": "aws:kms", "customer": None}[target]
                    self.assertEqual((made.get("ServerSideEncryption"), self.head("copy", **read).get("ServerSideEncryption")), (told, told))
                    upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m", **how)["UploadId"]
                    part = self.s3.upload_part_copy(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, CopySource=from_there, **read, **more)
                    self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={
                        "Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]})
                    self.assertEqual(self.get("m", **read), body)

    def test_refused(self):
        self.put("c", **C)
        copy = lambda **more: status_of(self.s3.copy_object, Bucket=self.bucket, Key="x", CopySource={"Bucket": self.bucket, "Key": "c"}, **more)
        self.assertEqual(copy()[1], 400)
        self.assertEqual(copy(CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=WRONG), ("InvalidRequest", 400))
        self.assertEqual(error_code(self.get, "x"), "NoSuchKey")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        self.refused_with("InvalidRequest", 400, self.s3.upload_part_copy, Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1,
                          CopySource=f"{self.bucket}/c", CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=WRONG)


if __name__ == "__main__":
    unittest.main()
