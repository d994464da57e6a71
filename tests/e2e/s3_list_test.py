"""Listings of objects, as S3's clients page through them."""
import base64
import hashlib
import re
import unittest

from e2e.s3_cases import S3Case, owner_id, send, signed
from harness import error_code

ODD = ["a b", "a+b", "a&b<c>\"'", "per%cent", "down/../up", "./here", "x//y", "/front", "end/", "q?k=v", "h#ash", "bäck/ß", "日本", "emoji😀", "~tilde", "semi;colon",
       "comma,s", "eq=", "star*", "back\\slash", "pipe|", "caret^", "tick`", "curly{}", "at@", "colon:", "dollar$"]


class Case(S3Case):
    def fill(self, *keys):
        for key in keys:
            self.put(key, b"")

    def one(self, **query):
        """(keys, common prefixes) of version 1 and of version 2, which must agree."""
        old = self.s3.list_objects(Bucket=self.bucket, **query)
        new = self.s3.list_objects_v2(Bucket=self.bucket, **query)
        both = [([row["Key"] for row in page.get("Contents", [])], [p["Prefix"] for p in page.get("CommonPrefixes", [])]) for page in (old, new)]
        self.assertEqual(both[0], both[1])
        return both[0]


class Documents(Case):
    """Clients that read a document as it comes (the AWS SDK for Java 1, jets3t) expect its elements where AWS has them."""

    def elements(self, path):
        answer = signed(self, "GET", path)
        self.assertEqual(answer.status, 200, answer.text)
        found, depth = [], 0
        for close, name, empty in re.findall(r"<(/?)([A-Za-z]+)[^<>]*?(/?)>", answer.text):
            depth -= bool(close)
            if depth == 1 and not close and name not in found:
                found.append(name)
            depth += not close and not empty
        return found

    def test_a_bucket_is_named_before_its_objects(self):
        self.fill("a", "b", "p/x", "p/y")
        query = "delimiter=%2F&encoding-type=url"
        self.assertEqual(self.elements(f"/{self.bucket}?{query}"), ["Name", "Prefix", "Marker", "MaxKeys", "Delimiter", "EncodingType", "IsTruncated", "Contents", "CommonPrefixes"])
        self.assertEqual(self.elements(f"/{self.bucket}?{query}&max-keys=1")[2:4], ["Marker", "NextMarker"])
        self.assertEqual(self.elements(f"/{self.bucket}?{query}&list-type=2&start-after=A"),
                         ["Name", "Prefix", "StartAfter", "KeyCount", "MaxKeys", "Delimiter", "EncodingType", "IsTruncated", "Contents", "CommonPrefixes"])
        self.assertEqual(self.elements(f"/{self.bucket}?{query}&list-type=2&max-keys=1")[2:4], ["NextContinuationToken", "KeyCount"])
        self.assertEqual(self.elements(f"/{self.bucket}?{query}&versions"),
                         ["Name", "Prefix", "KeyMarker", "VersionIdMarker", "MaxKeys", "Delimiter", "EncodingType", "IsTruncated", "Version", "CommonPrefixes"])

    def test_owners_come_before_what_is_theirs(self):
        self.assertEqual(self.elements("/"), ["Owner", "Buckets"])
        self.assertEqual(self.elements(f"/{self.bucket}?acl"), ["Owner", "AccessControlList"])
        text = signed(self, "GET", f"/{self.bucket}?acl").text
        self.assertEqual(re.findall("<(ID|DisplayName)>", text), ["ID", "DisplayName"] * 2)

    def test_parts_come_last(self):
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        self.s3.upload_part(Bucket=self.bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
        self.assertEqual(self.elements(f"/{self.bucket}/k?uploadId={upload}")[:11],
                         ["Bucket", "Key", "UploadId", "Initiator", "Owner", "StorageClass", "PartNumberMarker", "NextPartNumberMarker", "MaxParts", "IsTruncated", "Part"])
        self.assertEqual(self.elements(f"/{self.bucket}?uploads")[-3:], ["MaxUploads", "IsTruncated", "Upload"])


class Delimiters(Case):
    def test_groups(self):
        self.fill("foo/bar", "foo/bar/xyzzy", "quux/thud", "asdf")
        self.assertEqual(self.one(Delimiter="/"), (["asdf"], ["foo/", "quux/"]))
        self.assertEqual(self.one(Delimiter="/", Prefix="foo/"), (["foo/bar"], ["foo/bar/"]))
        self.assertEqual(self.one(Delimiter="/", Prefix="foo"), ([], ["foo/"]))
        self.assertEqual(self.one(Prefix="foo/"), (["foo/bar", "foo/bar/xyzzy"], []))
        self.assertEqual(self.one(Prefix="nothing"), ([], []))

    def test_any_text_may_delimit(self):
        self.fill("bar", "baz", "cab", "foo", "b/ar", "b%x", "b x", "b.y")
        self.assertEqual(self.one(Delimiter="a"), (["b x", "b%x", "b.y", "foo"], ["b/a", "ba", "ca"]))
        self.assertEqual(self.one(Delimiter="%")[1], ["b%"])
        self.assertEqual(self.one(Delimiter=" ")[1], ["b "])
        self.assertEqual(self.one(Delimiter=".")[1], ["b."])
        self.assertEqual(self.one(Delimiter="ar")[1], ["b/ar", "bar"])
        self.assertEqual(self.one(Delimiter="\x0a"), (["b x", "b%x", "b.y", "b/ar", "bar", "baz", "cab", "foo"], []))
        self.assertEqual(self.one(Delimiter="/", Prefix="c"), (["cab"], []))

    def test_empty_delimiter_and_prefix_are_as_if_not_sent(self):
        self.fill("a/b", "c")
        self.assertEqual(self.one(Delimiter="", Prefix=""), (["a/b", "c"], []))
        self.assertNotIn("Delimiter", self.s3.list_objects(Bucket=self.bucket, Delimiter=""))
        self.assertEqual(self.s3.list_objects(Bucket=self.bucket, Prefix="")["Prefix"], "")
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["Prefix"], "")
        self.assertNotIn("Delimiter", self.s3.list_objects_v2(Bucket=self.bucket))

    def test_prefix_may_be_anything(self):
        self.fill("b\x0aar", "foo/x", "b ar")
        self.assertEqual(self.one(Prefix="b\x0a"), (["b\x0aar"], []))
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, Prefix="b\x0a")["Prefix"], "b\x0a")
        self.assertEqual(self.s3.list_objects(Bucket=self.bucket, Prefix="b\x0a")["Prefix"], "b%0A")  # botocore leaves this one encoded
        self.assertEqual(self.one(Prefix="/"), ([], []))
        self.assertEqual(self.one(Delimiter="/", Prefix="/"), ([], []))

    def test_pages_of_groups(self):
        self.fill("asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla")

        def pages(prefix, size):
            found, marker = [], ""
            while True:
                page = self.s3.list_objects(Bucket=self.bucket, Delimiter="/", Prefix=prefix, MaxKeys=size, Marker=marker)
                found.append(([r["Key"] for r in page.get("Contents", [])], [p["Prefix"] for p in page.get("CommonPrefixes", [])], page.get("NextMarker")))
                if not page["IsTruncated"]:
                    return found
                marker = page["NextMarker"]

        def pages_v2(prefix, size):
            found, more = [], {}
            while True:
                page = self.s3.list_objects_v2(Bucket=self.bucket, Delimiter="/", Prefix=prefix, MaxKeys=size, **more)
                found.append(([r["Key"] for r in page.get("Contents", [])], [p["Prefix"] for p in page.get("CommonPrefixes", [])]))
                self.assertEqual(page["KeyCount"], len(found[-1][0]) + len(found[-1][1]))
                if not page["IsTruncated"]:
                    return found
                more = {"ContinuationToken": page["NextContinuationToken"]}

        self.assertEqual(pages("", 1), [(["asdf"], [], "asdf"), ([], ["boo/"], "boo/"), ([], ["cquux/"], None)])
        self.assertEqual(pages("", 2), [(["asdf"], ["boo/"], "boo/"), ([], ["cquux/"], None)])
        self.assertEqual(pages("boo/", 1), [(["boo/bar"], [], "boo/bar"), ([], ["boo/baz/"], None)])
        self.assertEqual(pages("boo/", 2), [(["boo/bar"], ["boo/baz/"], None)])
        self.assertEqual(pages_v2("", 1), [(["asdf"], []), ([], ["boo/"]), ([], ["cquux/"])])
        self.assertEqual(pages_v2("boo/", 1), [(["boo/bar"], []), ([], ["boo/baz/"])])

    def test_folder_that_is_a_key_too(self):
        self.fill("quux/", "quux/a", "quux")
        self.assertEqual(self.one(Delimiter="/"), (["quux"], ["quux/"]))
        self.assertEqual(self.one(Delimiter="/", Prefix="quux/"), (["quux/", "quux/a"], []))


class Markers(Case):
    def setUp(self):
        super().setUp()
        self.fill("bar", "baz", "foo", "quxx")

    def test_max_keys(self):
        page = self.s3.list_objects(Bucket=self.bucket, MaxKeys=2)
        self.assertTrue(page["IsTruncated"])
        self.assertEqual((page["MaxKeys"], page["Marker"]), (2, ""))
        self.assertEqual([r["Key"] for r in page["Contents"]], ["bar", "baz"])
        none = self.s3.list_objects(Bucket=self.bucket, MaxKeys=0)
        self.assertFalse(none["IsTruncated"])
        self.assertNotIn("Contents", none)
        none = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=0)
        self.assertEqual((none["KeyCount"], none["IsTruncated"]), (0, False))
        self.assertEqual(self.s3.list_objects(Bucket=self.bucket)["MaxKeys"], 1000)
        self.assertEqual(self.s3.list_objects(Bucket=self.bucket, MaxKeys=4)["IsTruncated"], False)
        for path in ("?max-keys=", "?list-type=2&max-keys="):  # as if it were not there
            self.assertIn("<MaxKeys>1000</MaxKeys>", signed(self, "GET", f"/{self.bucket}{path}").text)
        for path in ("?max-keys=blah", "?max-keys=-1", "?list-type=2&max-keys=blah", "?max-keys=99999999999", "?versions&max-keys=blah"):
            answer = signed(self, "GET", f"/{self.bucket}{path}")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), path)

    def test_values_that_are_none_are_refused_by_name(self):
        """A client that shows the message should show AWS's."""
        for query, name, value in (("max-keys=blah", "max-keys", "blah"), ("max-keys=99999999999", "max-keys", "99999999999"), ("list-type=2&max-keys=1.5", "max-keys", "1.5"),
                                   ("max-uploads=2157483647&uploads", "max-uploads", "2157483647")):
            answer = signed(self, "GET", f"/{self.bucket}?{query}")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), query)
            self.assertIn(f"<Message>Provided {name} not an integer or within integer range</Message><ArgumentName>{name}</ArgumentName>"
                          f"<ArgumentValue>{value}</ArgumentValue>", answer.text)
        for query in ("encoding-type=utf", "encoding-type=urls&list-type=2", "encoding-type=&versions", "encoding-type=x&uploads"):
            answer = signed(self, "GET", f"/{self.bucket}?{query}")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), query)
            self.assertIn("<Message>Invalid Encoding Method specified in Request</Message><ArgumentName>encoding-type</ArgumentName>", answer.text)

    def test_what_belongs_to_the_other_version(self):
        """A client that forgets list-type=2 goes through the first page for ever, if nobody tells it."""
        for query, name, message in (("start-after=k", "start-after", "startAfter only supported in REST.GET.BUCKET with list-type=2"),
                                     ("continuation-token=&start-after=k", "continuation-token", "continuation-token only supported in REST.GET.BUCKET with list-type=2"),
                                     ("list-type=1&start-after=", "start-after", "startAfter only supported in REST.GET.BUCKET with list-type=2"),
                                     ("list-type=2&marker=k", "marker", "Marker unsupported with REST.GET.BUCKET in list-type=2")):
            for bucket in (self.bucket, "no-such-bucket-here"):  # said before the bucket is looked for
                answer = signed(self, "GET", f"/{bucket}?{query}")
                self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), query)
                self.assertIn(f"<Message>{message}</Message><ArgumentName>{name}</ArgumentName><RequestId>", answer.text)
        self.assertIn("not an integer", signed(self, "GET", f"/{self.bucket}?start-after=k&max-keys=x").text)
        self.assertEqual(signed(self, "GET", f"/{self.bucket}?versions&marker=k&start-after=k").status, 200)

    def test_encoding_is_url_in_any_case(self):
        for query in ("encoding-type=URL", "list-type=2&encoding-type=URL", "versions&encoding-type=URL", "uploads&encoding-type=URL"):
            self.assertIn("<EncodingType>URL</EncodingType>", signed(self, "GET", f"/{self.bucket}?{query}").text)
        for query in ("encoding-type=x", "list-type=2&encoding-type=x", "versions&encoding-type=x", "uploads&encoding-type=x"):
            self.assertEqual(signed(self, "GET", f"/no-such-bucket-here?{query}").code, "NoSuchBucket")
        self.assertIn("Invalid Encoding Method", signed(self, "GET", f"/{self.bucket}?encoding-type=x&max-keys=-1").text)

    def test_uploads_tell_no_empty_words(self):
        text = signed(self, "GET", f"/{self.bucket}?delimiter=&prefix=&uploads=").text
        self.assertNotIn("<Prefix", text)
        self.assertNotIn("<Delimiter", text)

    def test_marker(self):
        for marker, rest in (("", ["bar", "baz", "foo", "quxx"]), ("blah", ["foo", "quxx"]), ("zzz", []), ("\x0a", ["bar", "baz", "foo", "quxx"]), ("foo", ["quxx"])):
            page = self.s3.list_objects(Bucket=self.bucket, Marker=marker)
            self.assertEqual([r["Key"] for r in page.get("Contents", [])], rest)
            self.assertEqual(page["Marker"], marker)
            self.assertFalse(page["IsTruncated"])
            page = self.s3.list_objects_v2(Bucket=self.bucket, StartAfter=marker)
            self.assertEqual([r["Key"] for r in page.get("Contents", [])], rest)

    def test_markers_within_a_group(self):
        """Who has come to a key of a group has passed the group, although there are more keys in it."""
        self.versioned()
        for key in ("d/a/1", "d/a/2", "d/b", "d/c/1"):
            self.put(key)
            self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)
        within, seen = {"Bucket": self.bucket, "Prefix": "d/", "Delimiter": "/"}, lambda page, rows: (
            [p["Prefix"] for p in page.get("CommonPrefixes", [])], [row["Key"] for row in page.get(rows, [])])
        for marker, groups, keys in (("d/a", ["d/a/", "d/c/"], ["d/b"]), ("d/a/", ["d/c/"], ["d/b"]), ("d/a/1", ["d/c/"], ["d/b"]),
                                     ("d/a/9", ["d/c/"], ["d/b"]), ("d/b", ["d/c/"], []), ("d/c/0", [], [])):
            with self.subTest(marker):
                self.assertEqual(seen(self.s3.list_objects(Marker=marker, **within), "Contents"), (groups, keys))
                self.assertEqual(seen(self.s3.list_objects_v2(StartAfter=marker, **within), "Contents"), (groups, keys))
                self.assertEqual(seen(self.s3.list_object_versions(KeyMarker=marker, **within), "Versions"), (groups, keys))
                self.assertEqual(seen(self.s3.list_multipart_uploads(KeyMarker=marker, **within), "Uploads"), (groups, keys))
        inner = self.s3.list_object_versions(Bucket=self.bucket, Prefix="d/a/1")["Versions"][0]["VersionId"]
        self.assertEqual(seen(self.s3.list_object_versions(KeyMarker="d/a/1", VersionIdMarker=inner, **within), "Versions"), (["d/c/"], ["d/b"]))
        self.assertEqual(self.keys(StartAfter="d/a/1", Prefix="d/"), ["d/a/2", "d/b", "d/c/1"])

    def test_start_after_and_token(self):
        page = self.s3.list_objects_v2(Bucket=self.bucket, StartAfter="bar", MaxKeys=1)
        self.assertEqual([r["Key"] for r in page["Contents"]], ["baz"])
        self.assertEqual(page["StartAfter"], "bar")
        token = page["NextContinuationToken"]
        page = self.s3.list_objects_v2(Bucket=self.bucket, StartAfter="bar", ContinuationToken=token)
        self.assertEqual([r["Key"] for r in page["Contents"]], ["foo", "quxx"])
        self.assertEqual(page["ContinuationToken"], token)
        self.assertNotIn("StartAfter", page)  # it is of the first page only
        self.assertNotIn("NextContinuationToken", page)
        for made_up in ("!", "whatever", "Ym9v"):
            self.assertEqual(error_code(self.s3.list_objects_v2, Bucket=self.bucket, ContinuationToken=made_up), "InvalidArgument")
        self.assertEqual(error_code(self.s3.list_objects_v2, Bucket=self.bucket, ContinuationToken=""), "InvalidArgument")

    def test_region_is_told(self):
        for listing in (self.s3.list_objects, self.s3.list_objects_v2):
            self.assertEqual(listing(Bucket=self.bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"], "us-east-1")

    def test_owner(self):
        me = owner_id(self.s3)
        self.assertEqual(self.s3.list_objects(Bucket=self.bucket)["Contents"][0]["Owner"]["ID"], me)
        self.assertNotIn("Owner", self.s3.list_objects_v2(Bucket=self.bucket)["Contents"][0])
        self.assertNotIn("Owner", self.s3.list_objects_v2(Bucket=self.bucket, FetchOwner=False)["Contents"][0])
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, FetchOwner=True)["Contents"][0]["Owner"]["ID"], me)

    def test_rows_say_what_head_says(self):
        self.put("bar", b"twelve bytes", StorageClass="STANDARD_IA")
        head, row = self.head("bar"), self.s3.list_objects(Bucket=self.bucket)["Contents"][0]
        self.assertEqual((row["ETag"], row["Size"], row["LastModified"], row["StorageClass"]),
                         (head["ETag"], 12, head["LastModified"], "STANDARD_IA"))

    def test_times_are_whole_seconds(self):
        copied = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/bar")["CopyObjectResult"]["LastModified"]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="m")["UploadId"]
        self.s3.upload_part(Bucket=self.bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
        times = [copied, self.s3.list_parts(Bucket=self.bucket, Key="m", UploadId=upload)["Parts"][0]["LastModified"],
                 self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"][0]["Initiated"],
                 *(b["CreationDate"] for b in self.s3.list_buckets()["Buckets"])]
        versions = self.s3.list_object_versions(Bucket=self.bucket)["Versions"]
        self.assertEqual({t.microsecond for t in times + [v["LastModified"] for v in versions]}, {0})

    def test_what_is_not_there(self):
        self.refused_with("NoSuchBucket", 404, self.s3.list_objects, Bucket="no-such-bucket-here")
        self.refused_with("NoSuchBucket", 404, self.s3.list_objects_v2, Bucket="no-such-bucket-here")
        self.refused_with("NoSuchBucket", 404, self.s3.list_object_versions, Bucket="no-such-bucket-here")
        empty = self.make_bucket()
        self.assertNotIn("Contents", self.s3.list_objects(Bucket=empty))
        self.assertEqual(self.s3.list_objects_v2(Bucket=empty)["KeyCount"], 0)

    def test_unsupported(self):
        self.assertEqual(signed(self, "GET", f"/{self.bucket}?encoding-type=base64").code, "InvalidArgument")

    def test_numbers(self):
        for value, told in (("05", "5"), ("-0", "0"), ("", "1000"), ("0" * 30 + "5", "5")):
            self.assertIn(f"<MaxKeys>{told}</MaxKeys>", signed(self, "GET", f"/{self.bucket}?max-keys={value}").text)
        for value in ("%205", "5%20", "2147483648", "-2147483649", "five"):
            self.assertIn("Provided max-keys not an integer or within integer range", signed(self, "GET", f"/{self.bucket}?max-keys={value}").text, value)

        both = signed(self, "GET", f"/{self.bucket}?list-type=2&continuation-token=x&max-keys=-1")  # the token is looked at first
        self.assertIn("The continuation token provided is incorrect", both.text)

    def test_owners_are_told_to_who_asks(self):
        self.put("a")
        for value, told in (("true", True), ("TRUE", True), ("false", False), ("maybe", False), ("1", False), ("", False)):
            answer = signed(self, "GET", f"/{self.bucket}?list-type=2&fetch-owner={value}")
            self.assertEqual((answer.status, "<Owner>" in answer.text), (200, told), value)


class OddKeys(Case):
    def test_round_trips(self):
        for key in ODD + ["k" * 1024, "ß" * 512, "tab\there", "line\nfeed", "bell\x07", "del\x7f", "cr\rlf"]:
            with self.subTest(key[:20]):
                self.put(key, key.encode())
                self.assertEqual(self.get(key), key.encode())
                self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)["Contents"][0]["Key"], key)
                self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource={"Bucket": self.bucket, "Key": key})
                self.s3.delete_object(Bucket=self.bucket, Key=key)
                self.assertEqual(error_code(self.get, key), "NoSuchKey")
        self.assertEqual(error_code(self.put, "k" * 1025), "KeyTooLongError")
        self.assertEqual(error_code(self.put, "ß" * 513), "KeyTooLongError")

    def test_many_deleted_at_once(self):
        for key in ODD:
            self.put(key, b"")
        done = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in ODD]})
        self.assertEqual(sorted(d["Key"] for d in done["Deleted"]), sorted(ODD))
        self.assertEqual(self.keys(), [])

    def test_order_is_of_bytes(self):
        for key in ODD:
            self.put(key, b"")
        self.assertEqual(self.keys(), sorted(ODD, key=lambda k: k.encode()))

    def test_encoding_url(self):
        self.fill("foo+1/bar", "foo/bar/xyzzy", "quux ab/thud", "asdf+b", "a\x01b")
        text = signed(self, "GET", f"/{self.bucket}?delimiter=%2F&encoding-type=url").text
        for part in ("<Key>asdf%2Bb</Key>", "<Key>a%01b</Key>", "<Prefix>foo%2B1/</Prefix>", "<Prefix>foo/</Prefix>", "<EncodingType>url</EncodingType>",
                     "<Delimiter>/</Delimiter>"):
            self.assertIn(part, text)
        self.assertRegex(text, r"<Prefix>quux(\+|%20)ab/</Prefix>")
        self.put("z~*!'()", b"")
        for query in ("prefix=z", "prefix=z&list-type=2", "prefix=z&versions"):
            self.assertIn("<Key>z%7E*%21%27%28%29</Key>", signed(self, "GET", f"/{self.bucket}?encoding-type=url&{query}").text)

    def test_control_characters_are_told_by_number(self):
        """A strict reader of XML refuses them, which is why there is encoding-type; a lenient one has the very key."""
        self.fill("a\x01b")
        self.assertIn("<Key>a&#x1;b</Key>", signed(self, "GET", f"/{self.bucket}?list-type=2").text)
        body = b"<Delete><Object><Key>a&#x1;b</Key></Object></Delete>"
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.assertEqual(signed(self, "POST", f"/{self.bucket}?delete", headers={"Content-MD5": digest}, body=body).status, 200)
        self.assertEqual(self.keys(), [])

    def test_paths_are_not_tidied(self):
        for key in ("a//b", "a/../b", "./c", "//d"):
            body = key.encode()
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/{key}", body=body).status, 200)
            self.assertEqual(signed(self, "GET", f"/{self.bucket}/{key}").body, body)
        self.assertEqual(self.keys(), ["./c", "//d", "a/../b", "a//b"])

    def test_paths_that_lead_out(self):
        """More `..` than segments before them: a bare 400, as long as it is somebody who asks."""
        for key in ("..", "../x", "a/../../x", "a/b/../../../etc/passwd", "a/./../../x"):
            for method in ("PUT", "GET", "DELETE"):
                answer = signed(self, method, f"/{self.bucket}/{key}")
                self.assertEqual((answer.status, answer.body), (400, b""), (method, key))
        for key in ("../x", "a/../../x"):
            self.refused_with("400", 400, self.put, key)
            answer = signed(self, "PUT", f"/{self.bucket}/copy", headers={"x-amz-copy-source": f"{self.bucket}/{key}"})
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
        for key in ("...", "..a", "a/../b", "a/b/../../c", "%252e%252e/x"):
            self.assertEqual(signed(self, "PUT", f"/{self.bucket}/{key}").status, 200, key)
        self.assertEqual(len(self.keys()), 5)

    def test_escapes_in_paths(self):
        self.assertEqual(signed(self, "PUT", f"/{self.bucket}/%E4%BD%A0/A%20x").status, 200)
        self.assertEqual(self.keys(), ["你/A x"])
        for key in ("%zz", "a%", "a%2/b"):
            for method in ("GET", "PUT", "DELETE"):
                answer = signed(self, method, f"/{self.bucket}/{key}")
                self.assertEqual((answer.status, answer.body), (400, b""), (method, key))
        for method in ("GET", "PUT"):
            answer = signed(self, method, f"/{self.bucket}/%FF%FE")
            self.assertEqual(answer.code, "InvalidURI")
            self.assertIn("<Message>Couldn't parse the specified URI.</Message>", answer.text.replace("&apos;", "'"))


class Versions(Case):
    def test_groups_and_markers(self):
        self.versioned()
        for key in ("a/1", "a/2", "b", "b", "c"):
            self.put(key, b"")
        page = self.s3.list_object_versions(Bucket=self.bucket, Delimiter="/", MaxKeys=2)
        self.assertEqual([p["Prefix"] for p in page["CommonPrefixes"]], ["a/"])
        self.assertEqual([v["Key"] for v in page["Versions"]], ["b"])
        self.assertEqual(page["NextKeyMarker"], "b")
        rest = self.s3.list_object_versions(Bucket=self.bucket, Delimiter="/", KeyMarker="b", VersionIdMarker=page["NextVersionIdMarker"])
        self.assertEqual([v["Key"] for v in rest["Versions"]], ["b", "c"])
        self.assertEqual([v["IsLatest"] for v in rest["Versions"]], [False, True])
        after = self.s3.list_object_versions(Bucket=self.bucket, KeyMarker="b")
        self.assertEqual([v["Key"] for v in after["Versions"]], ["c"])
        self.assertEqual(error_code(self.s3.list_object_versions, Bucket=self.bucket, VersionIdMarker=page["NextVersionIdMarker"]), "InvalidArgument")
        self.assertEqual(error_code(self.s3.list_object_versions, Bucket=self.bucket, KeyMarker="b", VersionIdMarker="nonsense"), "InvalidArgument")
        for query, value in (("version-id-marker=null", "null"), ("key-marker=b&version-id-marker=nonsense", "nonsense")):
            answer = signed(self, "GET", f"/{self.bucket}?{query}&versions")
            self.assertIn(f"<ArgumentName>version-id-marker</ArgumentName><ArgumentValue>{value}</ArgumentValue>", answer.text)
        for query, message in (("key-marker=b&version-id-marker=", "A version-id marker cannot be empty."), ("max-keys=-1", "max-keys cannot be negative"),
                               ("key-marker=b&version-id-marker=NULL&encoding-type=x", "Invalid version id specified")):
            answer = signed(self, "GET", f"/{self.bucket}?{query}&versions")
            self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"), query)
            self.assertIn(f"<Message>{message}</Message>", answer.text)
        self.assertIn("<Delimiter/>", signed(self, "GET", f"/{self.bucket}?delimiter=&versions").text)
        nothing = signed(self, "GET", f"/{self.bucket}?key-marker=&version-id-marker=null&versions")
        self.assertEqual((nothing.status, "<Version>" in nothing.text), (200, False))
        self.assertEqual(signed(self, "GET", f"/{self.bucket}?key-marker=b&upload-id-marker=&uploads").status, 200)  # after a page that ended in a group

    def test_one_page_holds_everything_in_order(self):
        self.versioned()
        ids = [self.put("k", str(i).encode())["VersionId"] for i in range(5)]
        self.s3.delete_object(Bucket=self.bucket, Key="k")
        found, marker = [], {}
        while True:
            page = self.s3.list_object_versions(Bucket=self.bucket, MaxKeys=2, **marker)
            found += [v["VersionId"] for v in page.get("Versions", [])]
            if not page["IsTruncated"]:
                break
            marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        self.assertEqual(found, ids[::-1])

    def test_a_null_version_that_is_gone_hides_nothing_behind_it(self):
        """Whoever empties a bucket page by page goes on behind what he has just deleted."""
        self.versioned()
        old = self.put("k")["VersionId"]
        self.versioned(status="Suspended")
        for key in ("k", "l"):
            self.put(key)
        page = self.s3.list_object_versions(Bucket=self.bucket, MaxKeys=1)
        self.assertEqual((page["Versions"][0]["VersionId"], page["NextVersionIdMarker"]), ("null", "null"))
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId="null")
        rest = self.s3.list_object_versions(Bucket=self.bucket, KeyMarker="k", VersionIdMarker="null")
        self.assertEqual([(v["Key"], v["VersionId"], v["IsLatest"]) for v in rest["Versions"]], [("k", old, True), ("l", "null", True)])

    def test_unversioned_is_null(self):
        self.put("a")
        row = self.s3.list_object_versions(Bucket=self.bucket)["Versions"][0]
        self.assertEqual((row["VersionId"], row["IsLatest"], row["Size"], row["Owner"]["ID"]), ("null", True, 4, owner_id(self.s3)))

    def test_encoding(self):
        self.put("a b+c", b"")
        self.assertIn("<Key>a%20b%2Bc</Key>", signed(self, "GET", f"/{self.bucket}?versions&encoding-type=url").text.replace("a+b", "a%20b"))


class Strangers(Case):
    def test_anonymous(self):
        self.assertEqual(send(self, "GET", f"/{self.bucket}").code, "AccessDenied")
        bucket = self.open_bucket(ACL="public-read")
        self.put("x", Bucket=bucket)
        for target in (f"/{bucket}", f"/{bucket}?list-type=2", f"/{bucket}?versions"):
            answer = send(self, "GET", target)
            self.assertEqual(answer.status, 200, target)
            self.assertIn("<Key>x</Key>", answer.text)
            if "versions" not in target:
                self.assertNotIn("<Owner>", answer.text)
        self.assertEqual(send(self, "GET", "/").status, 403)
        self.assertEqual(send(self, "GET", "/no-such-bucket-here").code, "NoSuchBucket")

    def test_other_account(self):
        self.assertEqual(error_code(self.other.list_objects_v2, Bucket=self.bucket), "AccessDenied")
        self.assertEqual(error_code(self.other.list_object_versions, Bucket=self.bucket), "AccessDenied")
        self.assertNotIn(self.bucket, [b["Name"] for b in self.other.list_buckets()["Buckets"]])

    def test_bad_credentials(self):
        self.assertEqual(signed(self, "GET", "/", access_key="AKIANOBODYATALL00000").code, "InvalidAccessKeyId")
        self.assertEqual(signed(self, "GET", "/", secret="wrong").code, "SignatureDoesNotMatch")


if __name__ == "__main__":
    unittest.main()
