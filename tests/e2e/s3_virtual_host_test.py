"""Buckets in the host name: AWS's endpoints, localhost, and domains of the configuration, through boto3."""
import contextlib
import socket
import unittest
import urllib.request
from unittest import mock

import boto3
from botocore.config import Config
from harness import Boreal

DOMAIN = "objects.example.com"
HOSTS = (DOMAIN, "localhost", "s3.localhost", "s3.eu-west-1.localhost", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com",
         "s3.dualstack.eu-west-1.amazonaws.com", "s3.localhost.localstack.cloud")


@contextlib.contextmanager
def every_name_is_this_machine():
    look_up = socket.getaddrinfo
    with mock.patch("socket.getaddrinfo", lambda host, *args, **more: look_up("127.0.0.1", *args, **more)):
        yield


class VirtualHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.boreal = Boreal()
        cls.addClassCleanup(cls.boreal.clean)
        cls.addClassCleanup(cls.boreal.stop)
        file = cls.boreal.base / "boreal.toml"
        file.write_text(f's3_domains = ["{DOMAIN}"]\n')
        cls.boreal.args = ["--config", str(file)]
        cls.boreal.start()

    def setUp(self):
        names = every_name_is_this_machine()
        names.__enter__()
        self.addCleanup(names.__exit__, None, None, None)

    def client(self, host, style, scheme="http"):
        trust = str(self.boreal.data / "tls/ca.pem") if scheme == "https" else None
        return boto3.client("s3", endpoint_url=f"{scheme}://{host}:{self.boreal.port}", aws_access_key_id="test", aws_secret_access_key="test",
                            region_name="us-east-1", verify=trust, config=Config(signature_version="s3v4", s3={"addressing_style": style}, proxies={}))

    def use(self, s3, bucket):
        s3.create_bucket(Bucket=bucket)
        self.addCleanup(s3.delete_bucket, Bucket=bucket)
        for key in ("a", "ä b/../c", "/x//y", "s3"):
            s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
            self.addCleanup(s3.delete_object, Bucket=bucket, Key=key)
            self.assertEqual(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key.encode())
            link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
            self.assertEqual(urllib.request.urlopen(link).read(), key.encode())
        self.assertEqual([row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]], ["/x//y", "a", "s3", "ä b/../c"])
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        self.assertIn(bucket, [row["Name"] for row in s3.list_buckets()["Buckets"]])

    def test_each_host_in_both_styles(self):
        for number, host in enumerate(HOSTS):
            for style in ("virtual", "path"):
                with self.subTest(host=host, style=style):
                    self.use(self.client(host, style), f"shop-{number}-{style}")

    def test_dots_in_a_bucket_name(self):
        s3 = self.client(DOMAIN, "virtual")
        s3.create_bucket(Bucket="www.shop.example")
        self.addCleanup(s3.delete_bucket, Bucket="www.shop.example")
        with urllib.request.urlopen(urllib.request.Request(s3.generate_presigned_url("head_bucket", {"Bucket": "www.shop.example"}), method="HEAD")) as answer:
            self.assertEqual(answer.status, 200)

    def test_the_certificate_is_good_for_buckets(self):
        for host in (DOMAIN, "s3.localhost"):
            s3 = self.client(host, "virtual", "https")
            s3.create_bucket(Bucket="secure")
            s3.put_object(Bucket="secure", Key="k", Body=b"b" * 100_000)
            self.assertEqual(s3.get_object(Bucket="secure", Key="k")["Body"].read(), b"b" * 100_000)
            s3.delete_object(Bucket="secure", Key="k")
            s3.delete_bucket(Bucket="secure")

    def test_a_domain_that_is_none_is_refused(self):
        other = Boreal()
        self.addCleanup(other.clean)
        file = other.base / "wrong.toml"
        for domain in ("", "S3.example.com", "s3.example.com:9000", ".example.com", "http://s3.example.com"):
            file.write_text(f's3_domains = ["{domain}"]\n')
            other.args = ["--config", str(file)]
            with self.assertRaisesRegex(RuntimeError, "s3_domains: "):
                other.start()
