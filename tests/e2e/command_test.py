"""The command line, and what it and a monitoring system are told by a running boreal."""
import datetime
import errno
import http.client
import http.server
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from e2e.helpers import clock, eventually
from e2e.s3_disk_test import COMPILER, Faults
from harness import BINARY, Boreal, Case, error_code
from raw_s3 import StoreServer


def boreal(*args):
    return subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


class WrongUse(unittest.TestCase):
    def test_is_told_and_ends_with_2(self):
        for args in ((), ("nothing",), ("dev", "--prot", "1"), ("serve",), ("clock",), ("clock", "advance", "-5d"), ("clock", "advance", "3w")):
            done = boreal(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertNotEqual(done.stderr, "", args)
        self.assertIn("Start here:  boreal dev", boreal().stderr)
        self.assertIn("'-5d' is not a span of time", boreal("clock", "advance", "-5d").stderr)

    def test_what_was_probably_meant_is_named(self):
        for args, told in (
            (("stats",), "boreal has no subcommand 'stats'; did you mean status?\nSee: boreal --help\n"),
            (("frobnicate",), "boreal has no subcommand 'frobnicate'\nSee: boreal --help\n"),
            (("--verson",), "boreal has no --verson; did you mean --version?\nSee: boreal --help\n"),
            (("dev", "--prot", "1"), "boreal dev has no --prot; did you mean --port?\nSee: boreal dev --help\n"),
            (("status", "--oputput=json"), "boreal status has no --oputput; did you mean --output?\nSee: boreal status --help\n"),
            (("help", "status"), "boreal status has no use for 'help'\nSee: boreal status --help\n"),
            (("reset", "all", "of", "it"), "boreal reset has no use for 'all of it'\nSee: boreal reset --help\n"),
            (("clock",), "boreal clock what? One of: show, advance, reset\nSee: boreal clock --help\n"),
            (("clock", "advence", "1d"), "boreal clock has no subcommand 'advence'; did you mean advance?\nSee: boreal clock --help\n"),
            (("serve",), "boreal serve: --config is required\nSee: boreal serve --help\n"),
            (("reset", "--url", ""), "boreal reset: --url: it is empty\nSee: boreal reset --help\n"),
            (("status", "--data", ""), "boreal status: --data: it is empty\nSee: boreal status --help\n"),
            (("dev", "--port", "99999"), "boreal dev: --port: Value 99999 not in range 0 to 65535\nSee: boreal dev --help\n"),
        ):
            self.assertEqual(boreal(*args).stderr, told)

    def test_bash_completes_what_comes_next(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "completion")
            script.write_text(boreal("completion", "bash").stdout)
            for words, offered in (
                (("st",), "status"),
                (("clock", "ad"), "advance"),
                (("clock", "advance", "--d"), "--data"),
                (("tier", "up", "--pass"), "--password"),
                (("status", "--url", "u", "-o", ""), "text json env"),
                (("env", "--output", ""), "shell dotenv"),
                (("dev", "--log-level", "w"), "warn"),
                (("completion", "f"), "fish"),
                (("status", "--data", "./x"), ""),  # the shell completes files
                (("nothing", ""), ""),
            ):
                with self.subTest(words):
                    done = subprocess.run(["bash", "-c", f'source {script}; COMP_WORDS=(boreal "$@"); COMP_CWORD=$#; _boreal; echo "${{COMPREPLY[*]}}"', "bash", *words],
                                          capture_output=True, text=True, timeout=60)
                    self.assertEqual((done.stdout, done.stderr), (offered + "\n", ""))

    def test_version(self):
        self.assertEqual(boreal("--version").stdout, boreal("version").stdout)
        self.assertRegex(boreal("--version").stdout, r"^boreal \d+\.\d+")


class Commands(Case):
    def test_a_url_is_enough(self):
        """No data folder is looked into: the server may be somebody else's."""
        for url in (self.boreal.url, self.boreal.url + "/", f"127.0.0.1:{self.boreal.port}"):
            self.assertIn(f"export AWS_ENDPOINT_URL={self.boreal.url}\nexport AWS_DEFAULT_REGION=us-east-1\n", boreal("env", "--url", url).stdout)
            told = boreal("status", "--url", url)
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertRegex(told.stdout, r"^boreal [\d.]+  ready\n")
            self.assertNotIn("process", told.stdout)
        self.assertEqual(boreal("healthcheck", "--url", f"http://localhost:{self.boreal.port}").returncode, 0)
        refused = boreal("healthcheck", "--url", f"https://127.0.0.1:{self.boreal.port}")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("write http://", refused.stderr)

    def test_a_service_that_cannot_do_its_work_says_so_and_why(self):
        with Boreal() as server:
            server.stop()
            postgres = server.data / "postgres"
            shutil.rmtree(postgres)
            postgres.write_text("where the servers' folder should be")
            server.start()

            def state():
                return json.loads(boreal("status", "-o", "json", "--data", str(server.data)).stdout)

            eventually(lambda: self.assertEqual(state()["services"]["rds"]["status"], "degraded"))  # it looks behind the start
            told = state()
            self.assertIn(f"{postgres}: there is something else of that name", told["services"]["rds"]["trouble"])
            self.assertEqual([name for name, service in told["services"].items() if service["status"] != "running"], ["rds"])
            self.assertEqual(told["databases"], dict.fromkeys(("clusters", "clusters_available", "instances", "instances_available"), 0))
            done = boreal("status", "--data", str(server.data))
            self.assertEqual((done.returncode, told["ready"]), (0, True))  # all else is served
            self.assertRegex(done.stdout, r"(?m)^  databases none$")
            self.assertRegex(done.stdout, r"(?m)^  rds {13}degraded +\d+$")
            self.assertRegex(done.stdout, r"(?m)^  kms {13}running +\d+$")
            self.assertRegex(done.stdout, r"(?m)^  rds: no databases can be served: .* there is something else of that name$")

    def test_databases_are_told_as_far_as_they_are_available(self):
        with Boreal() as server:
            def told():
                return re.search(r"(?m)^  databases (.*)$", boreal("status", "--data", str(server.data)).stdout).group(1)

            self.assertEqual(told(), "none")
            rds = server.client("rds")
            rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="postgres", MasterUserPassword="Correct-Horse-42")
            self.assertRegex(told(), r"^[01] of 1 clusters, 0 of 0 instances available$")
            rds.create_db_instance(DBInstanceIdentifier="w", DBClusterIdentifier="c", Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")
            eventually(lambda: self.assertEqual(told(), "1 of 1 clusters, 1 of 1 instances available"))

    def test_a_command_goes_to_the_server_that_is_meant(self):
        """One that was killed leaves its run.json behind, and its port to others: a reset would delete their data."""
        with Boreal() as killed, Boreal() as other:
            killed.kill()
            other.stop()
            other.port = killed.port
            other.start()
            other.client("s3").create_bucket(Bucket="kept")
            for command in (("reset",), ("status",), ("healthcheck",), ("env",), ("clock", "reset"), ("tier", "up", "--password", "Correct-Horse-42")):
                done = boreal(*command, "--data", str(killed.data))
                self.assertEqual((done.returncode, done.stdout), (1, ""), command)
                self.assertIn(f"the boreal of {killed.data} has ended, and another answers", done.stderr)
            self.assertEqual([one["Name"] for one in other.client("s3").list_buckets()["Buckets"]], ["kept"])
            self.assertEqual(boreal("reset", "--data", str(other.data)).returncode, 0)
            self.assertEqual(other.client("s3").list_buckets()["Buckets"], [])
            self.assertEqual(boreal("status", "--data", str(other.data)).returncode, 0)

    def test_a_terminal_that_is_closed_ends_it_in_order(self):
        """Its databases are in sessions of their own, and would go on alone. Nor can it write to that terminal any more."""
        with tempfile.TemporaryDirectory() as folder:
            for ignored in (False, True):
                data = Path(folder, f"data-{ignored}")
                seen, terminal = os.pipe()
                process = subprocess.Popen([str(BINARY), "dev", "--data", str(data), "--port", "0"], stdout=terminal, stderr=terminal, stdin=subprocess.DEVNULL,
                                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL))
                self.addCleanup(process.kill)
                os.close(terminal)
                eventually(lambda: self.assertTrue((data / "run.json").exists()))
                os.read(seen, 1)
                os.close(seen)
                process.send_signal(signal.SIGHUP)
                if ignored:  # by nohup
                    time.sleep(0.3)
                    self.assertEqual(boreal("healthcheck", "--data", str(data)).returncode, 0)
                    process.terminate()
                self.assertEqual(process.wait(60), 0)
                self.assertFalse((data / "run.json").exists())

    def test_a_flag_goes_before_the_environment(self):
        """A reset of the server that the flag does not name would delete another's data."""
        env = {**os.environ, "BOREAL_DATA": "/nowhere"}
        for command in (("status",), ("healthcheck",), ("env",), ("clock", "show"), ("reset",)):
            with self.subTest(command):
                done = subprocess.run([str(BINARY), *command, "--data", str(self.boreal.data)], env=env, capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        env["BOREAL_DATA"] = str(self.boreal.data)
        subprocess.run([str(BINARY), "healthcheck"], env=env, check=True, timeout=60)

    def test_colours_are_for_terminals_that_want_them(self):
        for variables, coloured in (({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            ours, terminal = pty.openpty()
            env = {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, "TERM": "xterm", **variables}
            done = subprocess.run([str(BINARY), "status", "--url", self.boreal.url], stdout=terminal, timeout=60, check=True, env=env)
            os.close(terminal)
            told = os.read(ours, 1 << 16).decode()
            os.close(ours)
            self.assertIn("ready", told, done)
            self.assertEqual("\x1b[" in told, coloured, variables)

    def test_a_script_waits_until_it_is_ready(self):
        with tempfile.TemporaryDirectory() as folder:
            never = boreal("healthcheck", "--wait", "1s", "--data", folder)
            self.assertEqual((never.returncode, never.stdout), (1, ""))
            self.assertIn("no boreal runs over", never.stderr)
            self.assertIn("--data DIR", never.stderr)
            self.assertEqual(boreal("healthcheck", "--wait", "soon", "--data", folder).returncode, 2)
            data = Path(folder, "data")
            waiting = subprocess.Popen([str(BINARY), "healthcheck", "--wait", "5m", "--data", str(data)], stderr=subprocess.PIPE)
            self.addCleanup(waiting.kill)
            self.assertIsNone(waiting.poll())
            with Boreal(data):
                self.assertEqual(waiting.wait(60), 0, waiting.communicate()[1])

    def test_what_cannot_be_written_was_not_told(self):
        with open("/dev/full", "w") as full:
            for command in (("version",), ("completion", "bash"), ("status", "--url", self.boreal.url), ("env", "--url", self.boreal.url)):
                self.assertEqual(subprocess.run([str(BINARY), *command], stdout=full, stderr=subprocess.DEVNULL, timeout=60).returncode, 1, command)

    def test_what_another_server_says_is_no_command(self):
        """`boreal env` is for eval, and a terminal does what escape sequences say."""
        said = {"ready": True, "version": "1", "mode": "serve", "region": "x; touch y", "services": {"\x1b]0;title\x07": {"status": "\x1b[2J"}}}

        class Sly(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sly) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            self.assertIn("export AWS_DEFAULT_REGION='x; touch y'\n", boreal("env", "--url", url).stdout)
            said["region"] = "x\nLD_PRELOAD=y"
            self.assertIn("AWS_DEFAULT_REGION=x?LD_PRELOAD=y\n", boreal("env", "-o", "dotenv", "--url", url).stdout)
            status = boreal("status", "--url", url)
            self.assertEqual(status.returncode, 0, status.stderr)
            self.assertIn("?]0;title?", status.stdout)
            self.assertNotIn("\x1b", status.stdout)
            refused = boreal("tier", "up", "--url", url, "--password", "Correct-Horse-42")
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"{url} is no boreal dev", refused.stderr)
            server.shutdown()

    def figures(self, boreal=None):
        with urllib.request.urlopen((boreal or self.boreal).url + "/_boreal/metrics", timeout=60) as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            lines = answer.read().decode().splitlines()
        told = [line.split(" ")[2] for line in lines if line.startswith("# TYPE ")]
        self.assertEqual(len(told), len(set(told)))
        family = None
        for line in lines:
            self.assertRegex(line, r'^(# (HELP|TYPE) (boreal|process)_\w+ .+|(boreal|process)_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)$')
            if line.startswith("#"):
                family = line.split(" ")[2]
            else:  # samples stand behind their family's lines
                self.assertRegex(line, rf"^{family}(_bucket|_sum|_count)?[ {{]")
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def test_figures_for_monitoring(self):
        self.boreal.client("sts").get_caller_identity()
        self.assertEqual(error_code(self.boreal.client("s3").get_object, Bucket="not-there", Key="k"), "NoSuchBucket")
        figures = self.figures()
        self.assertGreaterEqual(figures['boreal_requests_total{service="sts",operation="GetCallerIdentity"}'], 1)
        self.assertGreaterEqual(figures['boreal_request_errors_total{service="s3",operation="GetObject",fault="client"}'], 1)
        self.assertEqual(figures['boreal_request_errors_total{service="s3",operation="GetObject",fault="server"}'], 0)
        took = 'boreal_request_duration_seconds_{}{{service="sts",operation="GetCallerIdentity"{}}}'
        self.assertEqual(figures[took.format("bucket", ',le="+Inf"')], figures[took.format("count", "")])
        self.assertLessEqual(figures[took.format("bucket", ',le="0.0001"')], figures[took.format("bucket", ',le="10"')])
        self.assertGreater(figures[took.format("sum", "")], 0)
        self.assertGreaterEqual(figures['boreal_http_responses_total{class="2xx"}'], 1)
        self.assertGreaterEqual(figures['boreal_http_responses_total{class="4xx"}'], 1)
        self.assertGreaterEqual(figures["boreal_http_requests_in_flight"], 1)
        self.assertGreaterEqual(figures["boreal_http_connections"], 1)
        folder = shutil.disk_usage(self.boreal.data)
        for name in ("data", "keys", "store", "objects/STANDARD", "objects/DEEP_ARCHIVE"):
            self.assertEqual(figures[f'boreal_disk_size_bytes{{folder="{name}"}}'], folder.total)
            self.assertLessEqual(figures[f'boreal_disk_available_bytes{{folder="{name}"}}'], folder.total)
        now = datetime.datetime.now().timestamp()
        self.assertTrue(now - 600 < figures["process_start_time_seconds"] <= now)
        self.assertGreater(figures["process_resident_memory_bytes"], 10e6)
        self.assertTrue(10 < figures["process_open_fds"] < figures["process_max_fds"])
        self.assertGreater(figures["process_cpu_seconds_total"], 0)

    def test_bytes_are_counted_as_they_come_and_go(self):
        s3 = self.boreal.client("s3")
        s3.create_bucket(Bucket="counted")
        before = self.figures()
        s3.put_object(Bucket="counted", Key="k", Body=b"x" * 1_000_000)
        s3.get_object(Bucket="counted", Key="k")["Body"].read()
        after = self.figures()
        for name in ("boreal_http_received_bytes_total", "boreal_http_sent_bytes_total"):
            self.assertTrue(1_000_000 < after[name] - before[name] < 1_500_000, (name, before[name], after[name]))

    def test_what_buckets_hold_is_told_as_the_scrubber_found_it(self):
        with Boreal() as boreal:
            s3 = boreal.client("s3")
            s3.create_bucket(Bucket="held")
            s3.put_object(Bucket="held", Key="k", Body=b"four")
            s3.put_object(Bucket="held", Key="l", Body=b"x" * 100_000)
            boreal.stop()
            boreal.start()  # and the scrubber begins anew, with what is there now
            eventually(lambda: self.assertIn('boreal_bucket_counted_timestamp_seconds{bucket="held"}', self.figures(boreal)))
            figures = self.figures(boreal)
            self.assertEqual(figures["boreal_buckets"], 1)
            self.assertEqual(figures['boreal_bucket_objects{bucket="held",kind="current"}'], 2)
            self.assertEqual(figures['boreal_bucket_objects{bucket="held",kind="noncurrent"}'], 0)
            self.assertEqual(figures['boreal_bucket_bytes{bucket="held",kind="current"}'], 100_004)
            self.assertEqual(figures["boreal_scrub_damages_total"], 0)

    def test_there_is_no_other_page(self):
        with self.assertRaises(urllib.error.HTTPError) as none:
            urllib.request.urlopen(self.boreal.url + "/_boreal/nothing", timeout=60)
        self.assertIn("health/ready", none.exception.read().decode())

    def test_pages_are_let_in_to_s3_only(self):
        """Every page in the developer's browser knows the key; an image's address would be enough to make users."""
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        def call(user, **headers):
            request = AWSRequest("GET", self.boreal.url + "/", params={"Action": "CreateUser", "UserName": user, "Version": "2010-05-08"})
            SigV4QueryAuth(Credentials("test", "test"), "iam", "us-east-1", expires=60).add_auth(request)
            return self.status(request.prepare().url, headers)

        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            self.assertEqual(call("evil", **headers), 403, headers)
        self.assertEqual(error_code(self.boreal.client("iam").get_user, UserName="evil"), "NoSuchEntity")
        self.assertEqual((call("by-hand", **{"Sec-Fetch-Site": "none"}), call("by-tool")), (200, 200))
        s3 = self.boreal.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="for-pages")
        s3.put_object(Bucket="for-pages", Key="k", Body=b"")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "for-pages", "Key": "k"})
        self.assertEqual(self.status(url, {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}), 200)

    def test_names_that_strangers_could_have_are_not_answered_to(self):
        """A page of theirs could make its name lead here, and read what it asks for: it would be of the same origin."""
        def told(path, host, method="GET", port=self.boreal.port):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            self.addCleanup(connection.close)
            connection.request(method, path, headers={"Host": host})
            return connection.getresponse().read().decode()

        for path in ("/", "/bucket/key", "/?Action=ListUsers&Version=2010-05-08"):
            self.assertIn("tls_names", told(path, "evil.example"))
            self.assertIn("tls_names", told(path, "localhost.evil.example:4566"))
        for path, method in (("/_boreal/reset", "POST"), ("/_boreal/clock?reset", "POST"), ("/_boreal/health/ready", "GET")):
            self.assertIn("tls_names", told(path, "evil.example", method))
        for host in ("localhost", f"[::1]:{self.boreal.port}", "host.docker.internal:4566", "boreal:4566", "iam.amazonaws.com"):
            self.assertNotIn("tls_names", told("/", host), host)
        named = Boreal()
        self.addCleanup(named.clean)
        file = named.base / "named.toml"
        file.write_text('tls_names = ["boreal.example.com"]\n')
        named.args = ["--config", str(file)]
        named.start()
        self.addCleanup(named.stop)
        self.assertNotIn("tls_names", told("/", "boreal.example.com:4566", port=named.port))
        self.assertIn("tls_names", told("/", "example.com", port=named.port))

    def test_urls_of_the_older_signature_are_refused_with_what_to_do(self):
        """boto3 and the AWS CLI make them unless they are told otherwise."""
        url = self.boreal.client("s3").generate_presigned_url("get_object", Params={"Bucket": "any", "Key": "k"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=60)
        told = refused.exception.read().decode()
        self.assertEqual(refused.exception.code, 400)
        for word in ("<Code>InvalidRequest</Code>", "Please use AWS4-HMAC-SHA256.", "aws configure set default.s3.signature_version s3v4"):
            self.assertIn(word, told)

    def status(self, url, headers):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    def test_clients_go_on_by_their_own_time_when_the_clock_is_moved(self):
        s3 = self.boreal.client("s3", signature_version="s3v4")
        bucket = "clock-is-moved"
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        kept = s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
        end = s3.head_object(Bucket=bucket, Key="k")["LastModified"] + datetime.timedelta(days=365)
        s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": end})
        version = {"Bucket": bucket, "Key": "k", "VersionId": kept["VersionId"]}

        def url():
            return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=3600)

        def read(url):
            try:
                return urllib.request.urlopen(url, timeout=60).read()
            except urllib.error.HTTPError as error:
                return re.search(r"<Message>(.*)</Message>", error.read().decode()).group(1)

        old = url()
        self.assertEqual(read(old), b"kept")
        self.assertEqual(error_code(s3.delete_object, **version), "AccessDenied")
        self.addCleanup(clock, self, "reset")
        clock(self, "advance", "400d")
        self.assertEqual(read(old), "Request has expired")
        self.assertEqual(read(url()), b"kept")
        self.assertEqual(self.boreal.client("sts").get_caller_identity()["Account"], "000000000000")
        s3.delete_object(**version)
        clock(self, "reset")
        self.assertEqual(error_code(s3.get_object, Bucket=bucket, Key="k"), "NoSuchKey")


@unittest.skipUnless(COMPILER, "neither clang-19 nor cc is installed: one makes the library that lets the disk fail")
class BrokenDisk(unittest.TestCase):
    def test_who_can_write_nothing_any_more_says_so(self):
        folder = tempfile.mkdtemp(prefix="boreal-faults-")
        self.addCleanup(shutil.rmtree, folder)
        faults = Faults(folder)
        server = StoreServer(environment={"LD_PRELOAD": str(faults.library), "DISK_FAULTS": str(faults.control)})
        self.addCleanup(server.clean)
        server.start()
        self.addCleanup(server.stop)
        self.addCleanup(faults.disarm)
        faults.arm(Faults.WRITES, errno.EIO, "/rocksdb/")
        self.assertEqual(server.raw().request("PUT", "/bucket").status, 500)
        faults.disarm()
        done = boreal("status", "--data", str(server.data))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"^boreal [\d.]+  not ready\n")
        self.assertRegex(done.stdout, r"(?m)^  sts {13}running ")  # it keeps nothing
        for name in ("iam", "kms", "s3"):
            self.assertRegex(done.stdout, rf"(?m)^  {name:<16}degraded ")
        self.assertRegex(done.stdout, r"(?m)^  iam, kms, .*: nothing is written any more, as a write of the store has failed: mend the disk, start again$")


class RequestLog(Case):
    args = ("--log-requests", "--log-json")

    def lines(self):
        told = [json.loads(line) for line in self.boreal.log().splitlines() if line.startswith("{")]
        return [line for line in told if line["message"] == "request"]

    def test_a_line_for_each_request(self):
        s3 = self.boreal.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="logged")
        s3.put_object(Bucket="logged", Key="ein schl\u00fcssel", Body=b"x" * 300_000)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "logged", "Key": "ein schl\u00fcssel"}, ExpiresIn=60)
        self.assertEqual(len(urllib.request.urlopen(url, timeout=60).read()), 300_000)
        s3.head_object(Bucket="logged", Key="ein schl\u00fcssel")
        wrong = self.boreal.client("s3", access_key="test", secret_key="Guess-This-1")
        self.assertEqual(error_code(wrong.get_object, Bucket="logged", Key="k"), "SignatureDoesNotMatch")
        self.boreal.client("kms").list_keys()
        root, key = "arn:aws:iam::000000000000:root", "arn:aws:s3:::logged/ein%20schl%C3%BCssel"
        wanted = [("s3:CreateBucket", root, "arn:aws:s3:::logged", "200", "-"),
                  ("s3:PutObject", root, key, "200", "-"), ("s3:GetObject", root, key, "200", "-"), ("s3:HeadObject", root, key, "200", "-"),
                  ("GET", "-", "arn:aws:s3:::logged/k", "403", "SignatureDoesNotMatch"), ("kms:ListKeys", root, "*", "200", "-")]
        names = ("operation", "caller", "resource", "status", "code")
        eventually(lambda: self.assertCountEqual([tuple(line[name] for name in names) for line in self.lines()], wanted))
        lines = {line["operation"]: line for line in self.lines()}
        self.assertTrue(300_000 <= int(lines["s3:PutObject"]["bytes_in"]) < 301_000, lines)
        self.assertEqual([lines[f"s3:{name}Object"]["bytes_out"] for name in ("Put", "Get", "Head")], ["0", "300000", "0"])
        for line in lines.values():
            self.assertRegex(line["from"], r"^127\.0\.0\.1:\d+$")
            self.assertRegex(line["request"], r"^[0-9a-f-]{36}$")
            self.assertGreater(int(line["duration_us"]), 0)
        for secret in ("X-Amz", "Signature=", "Guess-This-1", url.split("X-Amz-Signature=")[1][:64]):
            self.assertNotIn(secret, self.boreal.log())


class Talkative(Case):
    args = ("--log-level", "debug")

    def test_a_client_that_hangs_up_is_no_error_of_ours(self):
        """An operator would look for a broken disk."""
        s3 = self.boreal.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="hangs-up")
        url = s3.generate_presigned_url("put_object", Params={"Bucket": "hangs-up", "Key": "k"}, ExpiresIn=60)
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
        connection.putrequest("PUT", url.split(str(self.boreal.port), 1)[1])
        connection.putheader("Content-Length", "500000")
        connection.endheaders(b"x" * 1000)
        connection.close()
        eventually(lambda: self.assertIn("IncompleteBody", self.boreal.log()))
        self.assertEqual(error_code(s3.get_object, Bucket="hangs-up", Key="k"), "NoSuchKey")
        self.assertNotIn("Z error ", self.boreal.log())
