"""Checksums: of objects and of parts, as they are promised, checked, kept and told."""
import base64
import hashlib
import os
import re
import unittest
import zlib

from botocore.exceptions import ClientError

from e2e.s3_cases import MIB, PartsCase, refusal, signed, status_of


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def digest(kind, body):
    return base64.b64encode(hashlib.new(kind, body).digest()).decode()


class Checksums(PartsCase):
    def test_default(self):
        """Without a word of the client an object has a CRC64NVME, as at AWS."""
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/raw", body=b"hello").status, 200)
        head = self.head("raw", ChecksumMode="ENABLED")
        self.assertEqual((head["ChecksumCRC64NVME"], head["ChecksumType"]), ("M3eFcAZSQlc=", "FULL_OBJECT"))
        self.assertNotIn("ChecksumCRC64NVME", self.head("raw"))

    def test_given(self):
        for name, value in (("CRC32", crc32(b"hello")), ("SHA1", digest("sha1", b"hello")), ("SHA256", digest("sha256", b"hello"))):
            put = self.put("k", b"hello", **{f"Checksum{name}": value})
            self.assertEqual(put[f"Checksum{name}"], value)
            self.assertEqual(self.head("k", ChecksumMode="ENABLED")[f"Checksum{name}"], value)
            got = self.s3.get_object(Bucket=self.bucket, Key="k", ChecksumMode="ENABLED")
            self.assertEqual((got[f"Checksum{name}"], got["ChecksumType"]), (value, "FULL_OBJECT"))
            attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["Checksum"])
            self.assertEqual(attributes["Checksum"], {f"Checksum{name}": value, "ChecksumType": "FULL_OBJECT"})
            row = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="k")["Contents"][0]
            self.assertEqual((row["ChecksumAlgorithm"], row["ChecksumType"]), ([name], "FULL_OBJECT"))
            wrong = {f"Checksum{name}": base64.b64encode(bytes(len(base64.b64decode(value)))).decode()}
            self.assertEqual(status_of(self.put, "k", b"hello", **wrong), ("BadDigest", 400))
        self.refused("InvalidRequest", self.put, "k", b"hello", ChecksumSHA256="nonsense")
        for headers in ({"x-amz-checksum-crc32": crc32(b"hello") + "-1"}, {"x-amz-checksum-crc32": "", "x-amz-checksum-sha1": ""},
                        {"x-amz-checksum-crc32": crc32(b"hello"), "x-amz-trailer": "x-amz-checksum-crc32"}):
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/k", headers=headers, body=b"hello").code, "InvalidRequest", headers)

    def test_composite(self):
        upload = self.begin(ChecksumAlgorithm="SHA256")
        bodies = [os.urandom(5 * MIB), b"end"]
        rows = []
        for number, body in enumerate(bodies, 1):
            answer = self.part(upload, number, body, ChecksumSHA256=digest("sha256", body))
            rows.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]})
        self.assertEqual([p["ChecksumSHA256"] for p in self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload)["Parts"]], [r["ChecksumSHA256"] for r in rows])
        wrong = [dict(row, ChecksumSHA256=digest("sha256", b"wrong")) for row in rows]
        self.refused("InvalidPart", self.finish, upload, wrong)
        done = self.finish(upload, rows)
        whole = base64.b64encode(hashlib.sha256(b"".join(hashlib.sha256(b).digest() for b in bodies)).digest()).decode() + "-2"
        self.assertEqual((done["ChecksumSHA256"], done["ChecksumType"]), (whole, "COMPOSITE"))
        head = self.head("m", ChecksumMode="ENABLED")
        self.assertEqual((head["ChecksumSHA256"], head["ChecksumType"]), (whole, "COMPOSITE"))
        part = self.head("m", ChecksumMode="ENABLED", PartNumber=2)
        self.assertEqual((part["ChecksumSHA256"], part["ChecksumType"]), (rows[1]["ChecksumSHA256"], "COMPOSITE"))
        edge = 5 * MIB
        for read in (self.head, lambda key, **how: self.s3.get_object(Bucket=self.bucket, Key=key, **how)):
            for text, told in ((f"bytes=0-{edge - 1}", rows[0]["ChecksumSHA256"]), (f"bytes={edge}-", rows[1]["ChecksumSHA256"]), ("bytes=-3", rows[1]["ChecksumSHA256"]),
                               (f"bytes=0-{edge}", None), (f"bytes=1-{edge - 1}", None), (f"bytes={edge}-{edge + 1}", None)):
                part = read("m", ChecksumMode="ENABLED", Range=text)  # one that is just a part has its checksum
                self.assertEqual((part.get("ChecksumSHA256"), part.get("ChecksumType")), (told, told and "COMPOSITE"), text)
                self.assertNotIn("PartsCount", part)
        parts = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts", "Checksum", "ETag", "ObjectSize", "StorageClass"])
        self.assertEqual((parts["ObjectParts"]["TotalPartsCount"], [p["ChecksumSHA256"] for p in parts["ObjectParts"]["Parts"]]), (2, [r["ChecksumSHA256"] for r in rows]))
        self.assertEqual((parts["ObjectSize"], parts["StorageClass"], parts["Checksum"]["ChecksumType"]), (5 * MIB + 3, "STANDARD", "COMPOSITE"))
        page = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"], MaxParts=1)["ObjectParts"]
        self.assertEqual((page["IsTruncated"], page["NextPartNumberMarker"], len(page["Parts"])), (True, 1, 1))

    def test_full_object(self):
        bodies = [os.urandom(5 * MIB), b"end"]
        for name in ("CRC32", "CRC32C", "CRC64NVME"):
            upload = self.begin(ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
            rows = [(n, self.part(upload, n, body, ChecksumAlgorithm=name)["ETag"]) for n, body in enumerate(bodies, 1)] if name == "CRC32" else [
                (n, signed(self, "PUT", f"/{self.bucket}/m?partNumber={n}&uploadId={upload}", body=body).headers["ETag"]) for n, body in enumerate(bodies, 1)]
            if name == "CRC32":
                error = refusal(self.finish, upload, rows, ChecksumCRC32=crc32(b"wrong"), ChecksumType="FULL_OBJECT")
                self.assertEqual((error["Code"], error["Message"]), ("BadDigest", "The crc32 you specified did not match the calculated checksum."))
                self.refused("BadDigest", self.finish, upload, rows, ChecksumCRC32=crc32(b"".join(bodies)))  # which without a type is a composite one
                done = self.finish(upload, rows, ChecksumCRC32=crc32(b"".join(bodies)), ChecksumType="FULL_OBJECT")
                self.assertEqual(done["ChecksumCRC32"], crc32(b"".join(bodies)))
            else:
                done = self.finish(upload, rows)
            self.assertEqual(done["ChecksumType"], "FULL_OBJECT")
            self.assertEqual(self.head("m", ChecksumMode="ENABLED")["ChecksumType"], "FULL_OBJECT")
            told = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"])
            self.assertEqual(told["ObjectParts"], {"TotalPartsCount": 2}, name)  # the checksum is not made of the parts'
            for read in (self.head, lambda key, **how: self.s3.get_object(Bucket=self.bucket, Key=key, **how)):
                part = read("m", ChecksumMode="ENABLED", PartNumber=2)
                self.assertEqual([field for field in part if field.startswith("Checksum")], [], name)

    def test_the_only_part_is_the_whole(self):
        upload = self.begin(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        self.finish(upload, [(1, self.part(upload, 1, b"x", ChecksumAlgorithm="CRC32")["ETag"])])
        part = self.head("m", ChecksumMode="ENABLED", PartNumber=1)
        self.assertEqual((part["ChecksumCRC32"], part["ChecksumType"], part["PartsCount"]), (crc32(b"x"), "FULL_OBJECT", 1))

    def test_refused(self):
        for name, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
            error = refusal(self.begin, ChecksumAlgorithm=name, ChecksumType=kind)
            self.assertEqual((error["Code"], error["Message"]), ("InvalidRequest", f"The {kind} checksum type cannot be used with the {name.lower()} checksum algorithm."))
        self.refused("InvalidRequest", self.begin, ChecksumAlgorithm="CRC31")
        self.refused("InvalidRequest", self.begin, ChecksumAlgorithm="CRC32", ChecksumType="PARTIAL")
        upload = self.begin(ChecksumAlgorithm="SHA256")
        self.refused("InvalidRequest", self.part, upload, 1, b"x", ChecksumCRC32=crc32(b"x"))
        self.refused("BadDigest", self.part, upload, 1, b"x", ChecksumSHA256=digest("sha256", b"y"))
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").code, "InvalidRequest")
        part = self.part(upload, 1, b"x", ChecksumSHA256=digest("sha256", b"x"))
        self.refused("InvalidRequest", self.finish, upload, [(1, part["ETag"])])
        row = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
        self.refused("InvalidRequest", self.finish, upload, [row], ChecksumType="FULL_OBJECT")
        self.finish(upload, [row], ChecksumType="COMPOSITE")

    def test_every_hash_is_checked_stored_and_returned(self):
        """Those of 2026 among them; no SDK's common runtime is here, so the values are others' of "abc"."""
        encoded = lambda digest: base64.b64encode(digest).decode()
        known = {"SHA512": hashlib.sha512(b"abc").digest(), "MD5": hashlib.md5(b"abc").digest(), "XXHASH64": bytes.fromhex("44bc2cf5ad770999"),
                 "XXHASH3": bytes.fromhex("78af5f94892f3950"), "XXHASH128": bytes.fromhex("06b05ab6733a618578af5f94892f3950")}
        for name, value in known.items():
            with self.subTest(name):
                field, right, wrong = f"Checksum{name}", encoded(value), encoded(bytes(len(value)))
                put = lambda **more: self.s3.put_object(Bucket=self.bucket, Key=name, Body=b"abc", **more)
                self.assertEqual(put(**{field: right})[field], right)
                self.refused("BadDigest", put, **{field: wrong})
                self.refused("InvalidRequest", put, **{field: wrong[4:]})
                told = self.s3.head_object(Bucket=self.bucket, Key=name, ChecksumMode="ENABLED")
                self.assertEqual((told[field], told["ChecksumType"]), (right, "FULL_OBJECT"))
                attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key=name, ObjectAttributes=["Checksum"])
                self.assertEqual(attributes["Checksum"][field], right)
                self.s3.put_object(Bucket=self.bucket, Key="from", Body=b"abc")
                copied = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/from", ChecksumAlgorithm=name)
                self.assertEqual(copied["CopyObjectResult"][field], right)
                self.refused("InvalidRequest", self.begin, ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
                upload = self.begin(ChecksumAlgorithm=name)
                part = self.part(upload, 1, b"abc", **{field: right})
                self.assertEqual(part[field], right)
                done = self.finish(upload, [{"PartNumber": 1, "ETag": part["ETag"], field: right}])
                self.assertEqual(done["ChecksumType"], "COMPOSITE")
                self.assertTrue(done[field].endswith("-1"), done)
                if name in ("SHA512", "MD5"):
                    self.assertEqual(done[field], encoded(hashlib.new(name.lower(), value).digest()) + "-1")
                [listed] = [row for row in self.s3.list_objects_v2(Bucket=self.bucket)["Contents"] if row["Key"] == name]
                self.assertEqual(listed["ChecksumAlgorithm"], [name])

    def test_types_in_any_case(self):
        answer = signed(self, "POST", f"/{self.bucket}/m?uploads", headers={"x-amz-checksum-algorithm": "crc32", "x-amz-checksum-type": "composite"})
        self.assertEqual((answer.status, answer.headers["x-amz-checksum-type"]), (200, "COMPOSITE"))

    def test_completions_that_do_not_fit(self):
        upload = self.begin(ChecksumAlgorithm="SHA1")
        good = digest("sha1", b"x")
        part = self.part(upload, 1, b"x", ChecksumSHA1=good)

        def finish(parts, **headers):
            body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag>{parts}</Part></CompleteMultipartUpload>"
            answer = signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={n.replace("_", "-"): v for n, v in headers.items()}, body=body.encode())
            return answer.code, answer.text

        right = f"<ChecksumSHA1>{good}</ChecksumSHA1>"
        for parts in ("<ChecksumSHA1>nonsense</ChecksumSHA1>", right + f"<ChecksumCRC32>{crc32(b'x')}</ChecksumCRC32>"):
            self.assertEqual(finish(parts)[0], "InvalidArgument", parts)
        self.assertEqual(finish(f"<ChecksumCRC32>{crc32(b'x')}</ChecksumCRC32>")[0], "BadDigest")
        self.assertEqual(finish(right, x_amz_checksum_type="PARTIAL")[0], "InvalidRequest")
        code, text = finish(right, x_amz_checksum_sha1=digest("sha1", b"wrong") + "-1")
        self.assertEqual(code, "BadDigest")
        self.assertIn("<Message>The SHA1 you specified did not match the calculated checksum.</Message>", text)
        self.assertEqual(finish(right, x_amz_checksum_sha1=good + "-one")[0], "InvalidRequest")
        self.assertEqual(finish(right, x_amz_checksum_sha1=digest("sha1", b"wrong") + "-1", x_amz_mp_object_size="9")[0], "BadDigest")
        self.assertEqual(finish(right, x_amz_mp_object_size="9")[0], "InvalidRequest")
        # Such a checksum knows no gaps.
        second = {"PartNumber": 2, "ETag": self.part(upload, 2, b"x", ChecksumSHA1=good)["ETag"], "ChecksumSHA1": good}
        self.refused_with("InvalidPartOrder", 400, self.finish, upload, [second])
        self.assertIn("<ChecksumSHA1>", finish(right)[1])

    def test_values_are_read_even_where_none_counts(self):
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part></CompleteMultipartUpload>".encode()
        answer = signed(self, "POST", f"/{self.bucket}/m?uploadId={upload}", headers={"x-amz-checksum-sha256": "nonsense"}, body=body)
        self.assertIn("<Message>Value for x-amz-checksum-sha256 header is invalid.</Message>", answer.text)
        for headers in ({"x-amz-checksum-sha256": "nonsense"}, {"x-amz-sdk-checksum-algorithm": "BOGUS"}):
            answer = signed(self, "POST", f"/{self.bucket}/m?uploads", headers=headers)
            self.assertEqual((answer.status, answer.headers.get("x-amz-checksum-algorithm")), (200, None), headers)

    def test_copies_keep_or_change_it(self):
        self.put("k", b"hello", ChecksumSHA256=digest("sha256", b"hello"))
        result = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k"})["CopyObjectResult"]
        self.assertEqual(result["ChecksumSHA256"], digest("sha256", b"hello"))
        result = self.s3.copy_object(Bucket=self.bucket, Key="c", CopySource={"Bucket": self.bucket, "Key": "k"}, ChecksumAlgorithm="SHA1")["CopyObjectResult"]
        self.assertEqual(result["ChecksumSHA1"], digest("sha1", b"hello"))
        self.assertNotIn("ChecksumSHA256", result)

    def test_an_upload_without_an_algorithm_has_no_mode(self):
        upload = self.begin()
        etag = signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").headers["ETag"]
        for kind in ("FULL_OBJECT", "COMPOSITE"):
            error = refusal(self.finish, upload, [(1, etag)], ChecksumType=kind)
            self.assertEqual((error["Code"], error["Message"]), ("InvalidRequest", "The upload was created using the null checksum mode. The complete request must use the same checksum mode."))
        for kind, size in (("SHA512", 64), ("MD5", 16), ("XXHASH64", 8), ("XXHASH3", 8), ("XXHASH128", 16)):
            value = base64.b64encode(bytes(size)).decode() + "-1"
            self.assertEqual(status_of(self.finish, upload, [(1, etag)], **{f"Checksum{kind}": value}), ("InvalidRequest", 400), kind)
        # Nor a composite checksum that one sent could be wrong about.
        self.assertEqual(self.finish(upload, [(1, etag)], ChecksumCRC32=crc32(b"wrong") + "-1")["ChecksumType"], "FULL_OBJECT")

    def test_told_to_who_asks(self):
        self.put("k", b"hello", ChecksumSHA256=digest("sha256", b"hello"))
        ask = lambda mode: signed(self, "HEAD", f"/{self.bucket}/k", headers={"x-amz-checksum-mode": mode} if mode else {})
        for mode in ("ENABLED", "enabled"):
            self.assertEqual(ask(mode).headers["x-amz-checksum-sha256"], digest("sha256", b"hello"), mode)
        self.assertIsNone(ask(None).headers.get("x-amz-checksum-sha256"))
        self.assertEqual(ask("on").status, 400)
        answer = signed(self, "GET", f"/{self.bucket}/k", headers={"x-amz-checksum-mode": "on"})
        self.assertEqual((answer.status, answer.code), (400, "InvalidRequest"))
        self.assertIn("Value for x-amz-checksum-mode header is invalid.", answer.text)

    def test_an_upload_without_an_algorithm_knows_none_of_its_parts_checksums(self):
        upload = self.begin()
        part = self.part(upload, 1, b"x", ChecksumAlgorithm="CRC32")
        signed(self, "PUT", f"/{self.bucket}/same", body=b"x")
        whole = self.head("same", ChecksumMode="ENABLED")["ChecksumCRC64NVME"]  # also of the only part, and what the object will have
        for more in ({"ChecksumCRC32": crc32(b"x")}, {"ChecksumSHA256": digest("sha256", b"x")}, {"ChecksumCRC64NVME": whole}):
            error = refusal(self.finish, upload, [{"PartNumber": 1, "ETag": part["ETag"], **more}])
            self.assertEqual((error["Code"], error["PartNumber"], error["ETag"], error["UploadId"]), ("InvalidPart", "1", part["ETag"].strip('"'), upload))
        done = self.finish(upload, [(1, part["ETag"])], ChecksumCRC32=crc32(b"wrong") + "-2")  # of the whole, it is not looked at
        self.assertEqual(([field for field in done if field.startswith("ChecksumCRC")], done["ChecksumType"]), (["ChecksumCRC64NVME"], "FULL_OBJECT"))

    def test_parts_without_a_checksum_are_only_counted(self):
        upload = re.search("<UploadId>(.*?)<", signed(self, "POST", f"/{self.bucket}/m?uploads").text).group(1)
        etag = signed(self, "PUT", f"/{self.bucket}/m?uploadId={upload}&partNumber=1", body=b"x").headers["ETag"]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        told = self.s3.get_object_attributes(Bucket=self.bucket, Key="m", ObjectAttributes=["ObjectParts"])
        self.assertEqual(told["ObjectParts"], {"TotalPartsCount": 1})

    def test_attributes(self):
        etag = self.put("k", b"hello")["ETag"]
        whole = self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize", "StorageClass", "ObjectParts"])
        self.assertEqual((whole["ETag"], whole["ObjectSize"], whole["StorageClass"], "ObjectParts" in whole), (etag.strip('"'), 5, "STANDARD", False))
        self.refused_with("NoSuchKey", 404, self.s3.get_object_attributes, Bucket=self.bucket, Key="none", ObjectAttributes=["ETag"])
        self.refused("InvalidArgument", self.s3.get_object_attributes, Bucket=self.bucket, Key="k", ObjectAttributes=["Colour"])
        self.assertEqual(signed(self, "GET", f"/{self.bucket}/k?attributes").status, 400)
        self.versioned()
        self.put("k", b"other")
        self.assertEqual(self.s3.get_object_attributes(Bucket=self.bucket, Key="k", VersionId="null", ObjectAttributes=["ObjectSize"])["ObjectSize"], 5)
        self.s3.delete_object(Bucket=self.bucket, Key="k")
        with self.assertRaises(ClientError) as refused:
            self.s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["ETag"])
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-delete-marker"), "true")


if __name__ == "__main__":
    unittest.main()
