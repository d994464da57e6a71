"""What is not a well-formed, well-signed request of something served: refused in AWS's own words, at once, in little memory."""
import contextlib
import datetime
import http.client
import json
import re
import resource
import socket
import ssl
import tempfile
import time
import unittest.mock
import urllib.request
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import harness
from e2e.helpers import eventually, within
from harness import Boreal, Case, error_code


def exchange(port, data, timeout_s=60):
    """Sends raw bytes, reads until the server closes or has answered; the answer's status and bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.sendall(data)
        connection.settimeout(timeout_s)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
                head, separator, body = answer.partition(b"\r\n\r\n")
                if separator:
                    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                    if lengths and len(body) >= int(lengths[0]):
                        break
        except (TimeoutError, ConnectionResetError):
            pass
    return (int(answer.split()[1]) if answer else None), answer


class Signed(Case):
    def signed(self, body="Action=GetCallerIdentity&Version=2011-06-15", secret="test", key="test", when=None, service="sts", headers=(),
               content_type="application/x-www-form-urlencoded; charset=utf-8"):
        request = AWSRequest("POST", self.boreal.url + "/", data=body, headers={"Content-Type": content_type, **dict(headers)})
        signer = SigV4Auth(Credentials(key, secret), service, "us-east-1")
        if when is None:
            signer.add_auth(request)
        else:
            import unittest.mock
            with unittest.mock.patch("botocore.auth.get_current_datetime", lambda *a, **k: when):
                signer.add_auth(request)
        return request

    def send(self, request, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
        connection.request("POST", "/", body=body if body is not None else request.data, headers=dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def test_right_signature_and_request_id(self):
        status, body, headers = self.send(self.signed())
        self.assertEqual(status, 200)
        self.assertIn("<Arn>arn:aws:iam::000000000000:root</Arn>", body)
        self.assertRegex(headers["x-amzn-RequestId"], r"^[0-9a-f-]{36}$")

    def test_wrong_secret(self):
        status, body, _ = self.send(self.signed(secret="tests"))
        self.assertEqual(status, 403)
        self.assertIn("<Code>SignatureDoesNotMatch</Code>", body)

    def test_changed_body(self):
        request = self.signed()
        status, body, _ = self.send(request, body=request.data.replace("2011-06-15", "2011-06-16"))
        self.assertEqual(status, 403)
        self.assertIn("SignatureDoesNotMatch", body)

    def test_unknown_key(self):
        status, body, _ = self.send(self.signed(key="AKIAIOSFODNN7EXAMPLE"))
        self.assertEqual(status, 403)
        self.assertIn("<Code>InvalidClientTokenId</Code>", body)

    def test_clock_skew_is_15_minutes(self):
        now = datetime.datetime.utcnow()
        for minutes, right in ((14, True), (16, False), (-14, True), (-16, False)):
            with self.subTest(minutes=minutes):
                request = self.signed(when=now + datetime.timedelta(minutes=minutes))
                status, body, _ = self.send(request)
                self.assertEqual(status, 200 if right else 403, body)

    def test_unknown_operation_and_unserved_operation(self):
        status, body, _ = self.send(self.signed(body="Action=MakeCoffee&Version=2011-06-15"))
        self.assertEqual(status, 400)
        self.assertIn("<Code>InvalidAction</Code>", body)
        status, body, _ = self.send(self.signed(body="Action=DecodeAuthorizationMessage&EncodedMessage=x&Version=2011-06-15"))
        self.assertEqual(status, 501)
        self.assertIn("DecodeAuthorizationMessage", body)

    def test_unserved_service_in_its_own_form(self):
        status, body, _ = self.send(self.signed(body="{}", service="dynamodb", content_type="application/x-amz-json-1.0",
                                                headers={"X-Amz-Target": "DynamoDB_20120810.ListTables"}.items()))
        self.assertEqual(status, 501)
        self.assertIn("NotImplemented", json.loads(body)["__type"])

    def test_unsigned(self):
        status, answer = exchange(self.boreal.port, b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: TrentService.ListKeys\r\nContent-Length: 2\r\n\r\n{}")
        self.assertIn(status, (400, 403, 501), answer)
        self.assertNotIn(b" 200 ", answer.split(b"\r\n")[0])

    def test_accounts_are_separate(self):
        self.assertEqual(self.boreal.client("sts", "111122223333").get_caller_identity()["Account"], "111122223333")
        self.assertEqual(error_code(self.boreal.client("sts", "111122223333", "wrong").get_caller_identity), "SignatureDoesNotMatch")

    def test_tls_on_the_same_port(self):
        context = ssl.create_default_context(cafile=str(self.boreal.data / "tls/ca.pem"))
        with urllib.request.urlopen(f"https://localhost:{self.boreal.port}/_boreal/health/ready", context=context) as answer:
            self.assertTrue(json.load(answer)["ready"])


class Hostile(Case):
    """Every one of these is answered within a second, and the server's memory does not grow with it."""

    def refused(self, data, *statuses):
        status, answer = within(1.0, lambda: exchange(self.boreal.port, data))
        self.assertIn(status, statuses, answer[:300])

    def resident_kib(self):
        for line in Path(f"/proc/{self.boreal.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def test_framing(self):
        post = b"POST / HTTP/1.1\r\nHost: x\r\n"
        self.refused(post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
        self.refused(post + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400)
        self.refused(post + b"Content-Length: -1\r\n\r\n", 400)
        self.refused(post + b"Transfer-Encoding: gzip\r\n\r\n", 400, 501)
        self.refused(b"GET / HTTP/1.1\nHost: x\n\n", 400)
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\n folded\r\n\r\n", 400)
        self.refused(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400)
        self.refused(b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, 505)
        self.refused(b"\x00\x01\x02\x03\r\n\r\n", 400)

    def test_oversized(self):
        before = self.resident_kib()
        self.refused(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414)
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70000 + b"\r\n\r\n", 431)
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: 1\r\n" * 600 + b"\r\n", 431)
        self.refused(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: TrentService.ListKeys\r\n"
                     b"Authorization: AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0\r\n"
                     b"Content-Length: 999999999\r\n\r\n", 400, 403, 413, 501)
        self.assertLess(self.resident_kib() - before, 8 * 1024)

    def test_deep_and_broken_bodies(self):
        for service, target, body in (("kms", "TrentService.ListKeys", "[" * 100000), ("kms", "TrentService.ListKeys", '{"a":' * 5000),
                                      ("kms", "TrentService.ListKeys", '{"Limit": NaN}'), ("kms", "TrentService.ListKeys", '{"Limit"')):
            request = AWSRequest("POST", self.boreal.url + "/", data=body,
                                 headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target})
            SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)

            def ask():
                connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
                self.addCleanup(connection.close)
                connection.request("POST", "/", body=body, headers=dict(request.headers))
                return connection.getresponse()
            answer = within(0.5, ask)
            self.assertEqual(answer.status, 400, answer.read())

    def test_slow_heads_do_not_disturb_others(self):
        slow, sts = [], self.boreal.client("sts")
        try:
            for _ in range(200):
                connection = socket.create_connection(("127.0.0.1", self.boreal.port), 60)
                connection.sendall(b"GET / HT")
                slow.append(connection)
            self.assertEqual(within(2, sts.get_caller_identity)["Account"], "000000000000")
        finally:
            for connection in slow:
                connection.close()

    def in_flight(self):
        with urllib.request.urlopen(self.boreal.url + "/_boreal/metrics", timeout=60) as answer:
            return int(re.search(r"^boreal_http_requests_in_flight (\d+)$", answer.read().decode(), re.M)[1])

    def test_slow_bodies_of_strangers_keep_nobody_out(self):
        """As many as there may be requests at a time: API calls and forms of browsers. Long documents of S3 are not waited for."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
        heads = (b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
                 b"POST /a-bucket HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x")
        before = self.resident_kib()
        sts = self.boreal.client("sts")
        slow = []
        try:
            for number in range(1100):
                connection = socket.create_connection(("127.0.0.1", self.boreal.port), 60)
                slow.append(connection)
                connection.sendall(heads[number % 2] + b"\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n-")
            eventually(lambda: self.assertGreaterEqual(self.in_flight(), 1024))
            self.assertEqual(sts.get_caller_identity()["Account"], "000000000000")
            self.assertLess(self.resident_kib() - before, 200 * 1024)
        finally:
            for connection in slow:
                connection.close()

    def test_connections_leave_files_to_open(self):
        """A shell gives 1,024 open files, and there may be more connections; here it is fewer."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            boreal = Boreal()
            boreal.start_or_clean()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
        with contextlib.ExitStack() as stack:
            stack.callback(boreal.clean)
            stack.callback(boreal.stop)
            s3 = boreal.client("s3")
            s3.create_bucket(Bucket="files")
            files = Path(f"/proc/{boreal.process.pid}/fd")
            before = len(list(files.iterdir()))
            for _ in range(300):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", boreal.port), 60))
                connection.sendall(b"GET / HT")
            eventually(lambda: self.assertGreaterEqual(len(list(files.iterdir())), before + 100))
            s3.put_object(Bucket="files", Key="large", Body=bytes(3 << 20))

    @staticmethod
    def with_200_places(stack):
        few_files = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "boreal"
        few_files.write_text(f'#!/bin/sh\nulimit -n 400\nexec "{harness.BINARY}" "$@"\n')
        few_files.chmod(0o755)
        with unittest.mock.patch("harness.BINARY", few_files):
            return stack.enter_context(Boreal())

    def test_small_bodies_that_do_not_come_keep_nobody_out(self):
        """Each is waited for while there is room, for 30 s."""
        with contextlib.ExitStack() as stack:
            boreal = self.with_200_places(stack)
            for _ in range(210):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", boreal.port), 20))
                connection.sendall(b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
            self.assertEqual(exchange(boreal.port, b"GET /_boreal/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 20)[0], 200)

    def test_idle_connections_keep_nobody_out(self):
        """Each has had its answer and asks for nothing more."""
        with contextlib.ExitStack() as stack:
            boreal = self.with_200_places(stack)
            for number in range(250):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", boreal.port), 20))
                connection.sendall(b"GET /_boreal/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try:
                    answer = connection.recv(1000)
                except TimeoutError:
                    answer = b""
                self.assertIn(b" 200 ", answer, f"connection {number}")


class Restart(Case):
    def test_ready_again_after_kill(self):
        with Boreal() as boreal:
            boreal.client("iam").create_user(UserName="kept")
            boreal.kill()
            boreal.start()
            self.assertEqual(boreal.client("iam").get_user(UserName="kept")["User"]["UserName"], "kept")

    def test_second_server_on_one_folder_is_refused(self):
        import subprocess
        from harness import BINARY
        done = subprocess.run([str(BINARY), "dev", "--port", "0", "--data", str(self.boreal.data)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.boreal.process.pid), done.stderr)

    def test_env_tells_how_to_reach_it(self):
        import subprocess
        from harness import BINARY
        told = subprocess.run([str(BINARY), "env", "--data", str(self.boreal.data)], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertEqual(told.splitlines(), [
            f"export AWS_ENDPOINT_URL={self.boreal.url}", "export AWS_DEFAULT_REGION=us-east-1",
            f"export AWS_ENDPOINT_URL_S3_CONTROL=http://localhost:{self.boreal.port}", "export AWS_ACCESS_KEY_ID=test", "export AWS_SECRET_ACCESS_KEY=test"])
        told = subprocess.run([str(BINARY), "env", "--output", "dotenv", "--data", str(self.boreal.data)], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertEqual(told.splitlines(), [
            f"AWS_ENDPOINT_URL={self.boreal.url}", "AWS_DEFAULT_REGION=us-east-1",
            f"AWS_ENDPOINT_URL_S3_CONTROL=http://localhost:{self.boreal.port}", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"])

    def test_reset_waits_for_nobody_who_reads_no_answer_or_sends_no_body(self):
        s3 = self.boreal.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="slow")
        s3.put_object(Bucket="slow", Key="k", Body=bytes(64 << 20))
        held = []
        for operation, head in (("get_object", "GET"), ("put_object", "PUT")):
            url = s3.generate_presigned_url(operation, Params={"Bucket": "slow", "Key": "k"})
            held.append(socket.create_connection(("127.0.0.1", self.boreal.port), 20))
            self.addCleanup(held[-1].close)
            length = "Content-Length: 1000000\r\nExpect: 100-continue\r\n" if head == "PUT" else ""
            held[-1].sendall(f"{head} {url.split(str(self.boreal.port), 1)[1]} HTTP/1.1\r\nHost: 127.0.0.1:{self.boreal.port}\r\n{length}\r\n".encode())
            self.assertTrue(held[-1].recv(1000))  # it is under way
        # Less time than either of them has for its next byte.
        with urllib.request.urlopen(urllib.request.Request(self.boreal.url + "/_boreal/reset", method="POST"), timeout=25) as answer:
            self.assertEqual(answer.status, 200)
        got = 0
        while chunk := held[0].recv(1 << 20):
            got += len(chunk)
        self.assertLess(got, 64 << 20)
        self.assertEqual(s3.list_buckets()["Buckets"], [])

    def test_reset_and_clock(self):
        iam = self.boreal.client("iam")
        iam.create_user(UserName="goes")
        urllib.request.urlopen(urllib.request.Request(self.boreal.url + "/_boreal/reset", method="POST"), timeout=60)
        self.assertEqual(iam.list_users()["Users"], [])
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(self.boreal.url + "/_boreal/reset", method="POST", headers={"Origin": "http://evil.example"}))
