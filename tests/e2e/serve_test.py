"""boreal serve: from a configuration file, with a root key of its own that is shown once."""
import http.client
import json
import os
import re
import resource
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from e2e.helpers import eventually, files_with, reserved_port
from harness import BINARY, PATIENCE_S, ROOT, Boreal, error_code, need


def lines(manager):
    """The next message to a service manager, as a dictionary."""
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())


class Served(Boreal):
    """The same harness over `serve --config`."""

    def __init__(self, env=None, more=""):
        super().__init__()
        self.env = env
        self.more = more  # of the configuration

    def start(self, timeout_s=PATIENCE_S, more=()):
        self.config = self.base / "boreal.toml"
        self.config.write_text(f'data_folder = "{self.data}"\nport = 0\naccount = "123456789012"\n{self.more}')
        self.config.chmod(0o600)
        run_file = self.data / "run.json"
        run_file.unlink(missing_ok=True)
        self.out = self.base / "out"
        with open(self.out, "w") as out:
            self.process = subprocess.Popen([str(BINARY), "serve", "--config", str(self.config), *more], stdout=out, stderr=out, env=self.env)
        deadline = time.monotonic() + timeout_s
        while "  process " not in self.out.read_text() and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.01)
        self.port = json.loads(run_file.read_text())["port"]
        return self


class Serve(unittest.TestCase):
    def test_root_key_is_made_and_shown_once(self):
        with Served() as boreal:
            banner = boreal.out.read_text()
            key = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", banner).group(1)
            secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", banner).group(1)
            self.assertEqual(boreal.client("sts", key, secret).get_caller_identity()["Arn"], "arn:aws:iam::123456789012:root")
            self.assertEqual(error_code(boreal.client("sts", "test", "test").get_caller_identity), "InvalidClientTokenId")
            boreal.stop()
            boreal.start()
            self.assertNotIn("AWS_SECRET_ACCESS_KEY", boreal.out.read_text())
            self.assertEqual(boreal.client("sts", key, secret).get_caller_identity()["Account"], "123456789012")
            self.assertEqual(files_with(boreal.data, secret), [])

    def test_a_crash_leaves_no_core_with_keys_in_it(self):
        before = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        if before[1] == 0:
            self.skipTest("cores are not allowed here")
        with Served() as boreal:
            limits = Path(f"/proc/{boreal.process.pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_the_root_key_is_shown_by_a_start_that_fails_too(self):
        """It is made once: who is not shown it has lost it."""
        boreal = Served()
        self.addCleanup(boreal.clean)
        self.addCleanup(boreal.stop)
        config = boreal.base / "boreal.toml"
        config.write_text(f'data_folder = "{boreal.data}"\naccount = "123456789012"\n')

        def start(*more):
            return subprocess.run([str(BINARY), "serve", "--config", str(config), *more], capture_output=True, text=True, timeout=60)

        in_the_way = boreal.data / "run.json"  # the last that a start writes
        in_the_way.mkdir(parents=True)
        failed = start("--port", "0")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("run.json", failed.stderr)
        in_the_way.rmdir()
        key, secret = (re.search(rf"{name}=(\S+)", failed.stdout).group(1) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        boreal.start()
        self.assertNotIn("AWS_SECRET_ACCESS_KEY", boreal.out.read_text())
        self.assertEqual(boreal.client("sts", key, secret).get_caller_identity()["Arn"], "arn:aws:iam::123456789012:root")

    def test_a_start_that_finds_its_port_taken_opens_nothing(self):
        """Servers of its databases would start, only to end at once."""
        with Boreal() as first, Boreal() as second:
            second.stop()

            def seen():
                return sorted((str(path), path.lstat().st_mtime_ns) for part in ("store", "objects", "postgres") for path in (second.data / part).rglob("*"))

            def start(data):
                done = subprocess.run([str(BINARY), "dev", "--data", str(data), "--port", str(first.port)], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                return done.stderr

            before = seen()
            told = start(second.data)
            self.assertIn(f"cannot listen on 127.0.0.1:{first.port} ", told)
            self.assertIn("--port 0", told)
            self.assertEqual(seen(), before)
            told = start(first.data)
            self.assertIn(f"in use by the process with pid {first.process.pid}. Stop that first, or give another folder", told)  # it says more than the port
            first.client("s3").create_bucket(Bucket="undisturbed")
            second.start()

    def ready(self, port):
        """What /_boreal/health/ready answers with; None: nobody listens."""
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/_boreal/health/ready", timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            return None

    def test_who_comes_early_is_answered_once_it_serves(self):
        boreal = Boreal()
        self.addCleanup(boreal.clean)
        self.addCleanup(boreal.stop)
        boreal.port = reserved_port(self.addCleanup)
        starting = threading.Thread(target=boreal.start)
        starting.start()
        self.addCleanup(starting.join)
        client, deadline = None, time.monotonic() + PATIENCE_S
        while client is None:
            self.assertLess(time.monotonic(), deadline, boreal.log())
            try:
                client = socket.create_connection(("127.0.0.1", boreal.port), timeout=PATIENCE_S)
            except ConnectionRefusedError:
                time.sleep(0.001)
        with client, client.makefile("rb") as answer:
            client.sendall(b"GET /_boreal/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertEqual(answer.readline()[:12], b"HTTP/1.1 200")

    def test_who_comes_early_is_told_of_a_start_that_fails(self):
        folder = Path(tempfile.mkdtemp(prefix="boreal-test-"))
        self.addCleanup(shutil.rmtree, folder)
        config, authorities, out, errors = (folder / name for name in ("boreal.toml", "ca.pem", "out", "errors"))
        os.mkfifo(authorities)  # who reads it waits for who writes
        port = reserved_port(self.addCleanup)
        config.write_text(f'data_folder = "{folder}/data"\nport = {port}\n[remote_buckets.away]\nendpoint = "https://127.0.0.1:1"\n'
                          f'access_key_id = "a"\nsecret_access_key = "b"\nca_file = "{authorities}"\n')
        config.chmod(0o600)
        with open(out, "w") as stdout, open(errors, "w") as stderr:
            process = subprocess.Popen([str(BINARY), "serve", "--config", str(config)], stdout=stdout, stderr=stderr)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        eventually(lambda: self.assertEqual(self.ready(port), 503, errors.read_text()))
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self.addCleanup(client.close)
        client.request("GET", "/bucket/key")
        self.assertEqual(select.select([client.sock], [], [], 0.5)[0], [])  # it waits
        self.assertFalse((folder / "data/postgres").exists())  # the port comes first
        self.assertEqual((out.read_text(), (folder / "data/run.json").exists()), ("", False))

        def write():
            try:
                os.close(os.open(authorities, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                self.fail(f"nobody reads it yet: {error}")

        eventually(write)
        answer = client.getresponse()
        self.assertEqual(answer.status, 503)
        self.assertIn(b"boreal could not start", answer.read())
        self.assertEqual((process.wait(60), out.read_text()), (1, ""))
        self.assertIn(str(authorities), errors.read_text())

    def test_a_root_key_that_was_lost_is_replaced(self):
        with Served() as boreal:
            def key():
                return [re.search(rf"{name}=(\S+)", boreal.out.read_text()).group(1) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]

            lost = key()
            boreal.stop()
            boreal.start(more=["--new-root-key"])
            made = key()
            self.assertEqual(error_code(boreal.client("sts", *lost).get_caller_identity), "InvalidClientTokenId")
            boreal.stop()
            boreal.start()
            self.assertNotIn("AWS_SECRET_ACCESS_KEY", boreal.out.read_text())
            self.assertEqual(error_code(boreal.client("sts", *lost).get_caller_identity), "InvalidClientTokenId")
            self.assertEqual(boreal.client("sts", *made).get_caller_identity()["Arn"], "arn:aws:iam::123456789012:root")

    def test_what_cannot_be_served_is_refused_before_anything_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            for line in ('listen_host = "localhost"', 'region = "us east"'):
                config = Path(folder, "c.toml")
                config.write_text(f'data_folder = "{folder}/data"\nport = 0\n{line}\n')
                done = subprocess.run([str(BINARY), "serve", "--config", str(config)], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn(line.split()[0], done.stderr)
                self.assertFalse(Path(folder, "data").exists())

    def test_data_of_a_newer_boreal_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "FORMAT").write_text("99\n")
            done = subprocess.run([str(BINARY), "dev", "--port", "0", "--data", folder], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"FORMAT says format '99'.*A newer one made the data: start that")
            self.assertEqual(sorted(os.listdir(folder)), ["FORMAT", "lock"])
            # Whoever collects JSON is told in JSON.
            done = subprocess.run([str(BINARY), "dev", "--log-json", "--port", "0", "--data", folder], capture_output=True, text=True, timeout=60)
            self.assertEqual([json.loads(line)["message"] for line in done.stderr.splitlines()], ["boreal cannot start"])

    def test_data_without_their_store_do_not_come_up_empty(self):
        with Boreal() as boreal:
            boreal.client("s3").create_bucket(Bucket="kept")
            boreal.stop()
            store, aside = boreal.data / "store", boreal.base / "aside"
            store.rename(aside)
            for make in (lambda: None, store.mkdir):  # half a copy; where it was to be mounted
                make()
                Path(f"{boreal.data}.log").write_text("")  # the error shows all of it, also what a start before said
                with self.assertRaisesRegex(RuntimeError, "store is not there or empty, but .*objects is there"):
                    boreal.start()
            store.rmdir()
            aside.rename(store)
            boreal.start()
            self.assertEqual([one["Name"] for one in boreal.client("s3").list_buckets()["Buckets"]], ["kept"])

    def test_a_reset_may_come_as_soon_as_the_address_is_known(self):
        for _ in range(10):
            boreal = Boreal()
            run_file = boreal.data / "run.json"
            with open(str(boreal.data) + ".log", "ab") as log:
                boreal.process = subprocess.Popen([str(BINARY), "dev", "--data", str(boreal.data), "--port", "0"], stdout=log, stderr=log)
            self.addCleanup(boreal.clean)
            self.addCleanup(boreal.stop)
            while not run_file.exists():
                self.assertIsNone(boreal.process.poll(), boreal.log())
            url = json.loads(run_file.read_text())["url"]
            with urllib.request.urlopen(urllib.request.Request(f"{url}/_boreal/reset", method="POST"), timeout=60) as answer:
                self.assertEqual(answer.status, 200)
            self.assertIsNone(boreal.process.poll(), boreal.log())
            boreal.stop()

    @need("openssl")
    def test_a_certificate_of_ones_own(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "server.pem"), Path(folder, "server.key")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ours",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
            key.chmod(0o600)
            with Served(more=f'tls_certificate_file = "{certificate}"\ntls_key_file = "{key}"\n') as boreal:
                self.assertIn(f"https on the same port, with {certificate}", boreal.out.read_text())
                trust = ssl.create_default_context(cafile=str(certificate))
                with urllib.request.urlopen(f"https://127.0.0.1:{boreal.port}/_boreal/health/live", timeout=60, context=trust) as answer:
                    self.assertEqual(answer.status, 200)
            config = Path(folder, "c.toml")
            config.write_text(f'data_folder = "{folder}/data"\nport = 0\ntls_certificate_file = "{certificate}"\ntls_key_file = "{folder}/absent"\n')
            done = subprocess.run([str(BINARY), "serve", "--config", str(config)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "tls_key_file.*absent")

    def test_unknown_configuration_keys_are_refused_with_the_nearest_name(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "c.toml")
            config.write_text('datafolder = "x"\n')
            done = subprocess.run([str(BINARY), "serve", "--config", str(config)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("did you mean 'data_folder'", done.stderr)

    def test_only_an_empty_folder_is_taken_for_a_new_one(self):
        def start(data, *files):
            for name in files:
                Path(data, name).parent.mkdir(parents=True, exist_ok=True)
                Path(data, name).write_text("x")
            return subprocess.run([str(BINARY), "dev", "--port", "0", "--data", data], capture_output=True, text=True, timeout=60)

        with tempfile.TemporaryDirectory() as folder:
            refused = start(f"{folder}/home", "letters/to-my-love.txt")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("home has no FORMAT, but 'letters' lies in it: a new data folder has to be empty", refused.stderr)
            self.assertEqual(sorted(path.name for path in Path(folder, "home").iterdir()), ["letters", "lock"])
        with Boreal() as boreal:
            boreal.client("s3").create_bucket(Bucket="kept")
            boreal.stop()
            (boreal.data / "FORMAT").rename(boreal.base / "FORMAT")
            self.assertIn("copied without that file, copy it too", start(boreal.data).stderr)
            (boreal.base / "FORMAT").rename(boreal.data / "FORMAT")
            boreal.start()
            self.assertEqual([one["Name"] for one in boreal.client("s3").list_buckets()["Buckets"]], ["kept"])

    def test_another_root_key_is_refused(self):
        with Boreal() as boreal:
            keys = Path(f"{boreal.data}.keys")
            boreal.stop()
            authority = (boreal.data / "tls/ca.pem").read_text()
            keys.rename(f"{keys}.aside")
            keys.mkdir(mode=0o700)
            with open(os.open(keys / "root.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(os.urandom(32))
            with self.assertRaisesRegex(RuntimeError, "the root key is not the one that .* is sealed with"):
                boreal.start()
            self.assertEqual((boreal.data / "tls/ca.pem").read_text(), authority)
            shutil.rmtree(keys)
            Path(f"{keys}.aside").rename(keys)
            boreal.start()

    def test_a_reset_that_was_cut_short_is_finished_by_the_next_start(self):
        with Boreal() as boreal:
            boreal.client("s3").create_bucket(Bucket="gone")
            boreal.stop()  # as a reset does first
            (boreal.data / "FORMAT").rename(boreal.data / "ERASING")
            shutil.rmtree(boreal.data / "objects")
            boreal.start()
            self.assertEqual(boreal.client("s3").list_buckets()["Buckets"], [])
            self.assertFalse((boreal.data / "ERASING").exists())

    def test_a_storage_class_whose_folder_is_not_mounted_refuses_the_start(self):
        with Boreal() as boreal:
            boreal.client("s3").create_bucket(Bucket="kept")
            boreal.client("s3").put_object(Bucket="kept", Key="k", Body=b"x" * 100_000)
            boreal.stop()
            folder = boreal.data / "objects/STANDARD"
            folder.rename(boreal.data / "aside")
            with self.assertRaisesRegex(RuntimeError, "objects/STANDARD is not where the blobs of tier 'STANDARD' lie"):
                boreal.start()
            folder.rmdir()
            (boreal.data / "aside").rename(folder)
            boreal.start()
            self.assertEqual(len(boreal.client("s3").get_object(Bucket="kept", Key="k")["Body"].read()), 100_000)

    def test_a_service_manager_is_told_when_it_serves_and_when_it_ends(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in (f"{folder}/notify", f"@boreal-test-{os.getpid()}-{time.monotonic_ns()}"):
                with self.subTest(name), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                    manager.bind(name.replace("@", "\0"))
                    manager.settimeout(60)
                    with Served(env={**os.environ, "NOTIFY_SOCKET": name}) as boreal:
                        self.assertEqual(lines(manager), {"STATUS": f"Opening {boreal.data}"})
                        url = f"http://127.0.0.1:{boreal.port}"
                        self.assertEqual(lines(manager), {"READY": "1", "MAINPID": str(boreal.process.pid), "STATUS": f"Serving at {url}"})
                        with urllib.request.urlopen(f"{url}/_boreal/health/ready", timeout=60) as answer:
                            self.assertEqual(answer.status, 200)
                        boreal.process.terminate()
                        self.assertEqual(lines(manager), {"STOPPING": "1", "STATUS": "Ending PostgreSQL's servers"})
                        self.assertEqual(boreal.process.wait(60), 0)

    def test_names_are_told_to_who_may_know_them(self):
        remote = '[remote_buckets.secret-plan]\nendpoint = "http://127.0.0.1:1"\naccess_key_id = "a"\nsecret_access_key = "b"\n'
        with Served(more=remote) as boreal:
            def health(**headers):
                request = urllib.request.Request(f"http://127.0.0.1:{boreal.port}/_boreal/health/ready",
                                                 headers={name.replace("_", "-"): value for name, value in headers.items()})
                return urllib.request.urlopen(request, timeout=60).read().decode()

            def status():
                return subprocess.run([str(BINARY), "status", "--data", str(boreal.data)], capture_output=True, text=True, timeout=60, check=True).stdout

            key = boreal.data / "run.key"
            self.assertEqual(key.stat().st_mode & 0o777, 0o600)
            for headers in ({}, {"x_boreal_operator": ""}, {"x_boreal_operator": "0" * 32}):
                told = health(**headers)
                self.assertNotIn("secret-plan", told)
                self.assertNotIn("databases", told)
                self.assertEqual(json.loads(told)["replication"], {"remote_buckets": 1, "in_trouble": 0})
            figures = {"completed": 0, "failed": 0, "pending": 0, "trouble": ""}
            told = json.loads(health(x_boreal_operator=key.read_text()))
            self.assertEqual((told["remote_buckets"], told["databases"]["clusters"]), ({"secret-plan": figures}, 0))
            self.assertRegex(status(), r"secret-plan +0 +0 +0")
            key.rename(boreal.base / "aside")
            self.assertIn("1 remote bucket, 0 in trouble", status())
            self.assertNotIn("secret-plan", status())

    def test_who_uses_what_is_told_to_operators_only(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "metrics.key")
            file.write_text("Tell-Me-How-It-Goes\n")
            file.chmod(0o644)
            more = f'metrics_key_file = "{file}"\n'
            refused = Served(more=more)
            self.addCleanup(refused.clean)
            with self.assertRaises(FileNotFoundError):
                refused.start()
            self.assertIn("metrics_key_file", refused.out.read_text())
            self.assertEqual(refused.process.wait(60), 1)
            file.chmod(0o600)
            with Served(more=more) as boreal:
                def ask(what, **headers):
                    request = urllib.request.Request(f"http://127.0.0.1:{boreal.port}/_boreal/{what}",
                                                     headers={name.replace("_", "-"): value for name, value in headers.items()})
                    try:
                        return urllib.request.urlopen(request, timeout=60).read().decode()
                    except urllib.error.HTTPError as error:
                        return error.code, error.headers["WWW-Authenticate"]

                for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer Tell-Me"}, {"authorization": "Basic Tell-Me-How-It-Goes"}):
                    self.assertEqual(ask("metrics", **headers), (401, "Bearer"), headers)
                    self.assertNotIn("calls", ask("health/ready", **headers))
                self.assertIn("boreal_requests_total", ask("metrics", authorization="Bearer Tell-Me-How-It-Goes"))
                key = (boreal.data / "run.key").read_text()
                self.assertIn("boreal_requests_total", ask("metrics", x_boreal_operator=key))
                self.assertIn('"calls":0', ask("health/ready", x_boreal_operator=key))

    def test_a_service_manager_that_is_not_there_stops_nothing(self):
        with tempfile.TemporaryDirectory() as folder, Served(env={**os.environ, "NOTIFY_SOCKET": f"{folder}/absent"}) as boreal:
            self.assertIn("the service manager cannot be told", boreal.out.read_text())

    @need("systemd-analyze")
    def test_the_packaged_service(self):
        with tempfile.TemporaryDirectory() as folder:
            # Standard output is opened by root and before StateDirectory is made: not below what the user may write to.
            stated = re.search(r"^StandardOutput=append:(.*)$", (ROOT / "packaging/boreal.service").read_text(), re.M).group(1)
            self.assertEqual(Path(stated).parent, Path("/var/log"))
            unit = Path(folder, "boreal.service")
            unit.write_text((ROOT / "packaging/boreal.service").read_text().replace("/usr/local/bin/boreal", str(BINARY)))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if "boreal.service" in line]), (0, []))
            # Its configuration is one that is understood: refused is only what the flag says.
            done = subprocess.run([str(BINARY), "serve", "--config", ROOT / "packaging/boreal.toml", "--data", folder, "--keys", folder],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("the key folder must not be the data folder", done.stderr)

    def test_the_packaged_configuration_names_every_key(self):
        packaged = (ROOT / "packaging/boreal.toml").read_text()
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "boreal.toml")

            def refused():
                done = subprocess.run([str(BINARY), "serve", "--config", str(config), "--data", f"{folder}/data", "--keys", f"{folder}/keys", "--port", "0"],
                                      capture_output=True, text=True, timeout=60)
                return done.returncode, done.stderr

            config.write_text("nothing_like_this = 1\n")
            keys = re.search(r"the keys are: (.*)", refused()[1]).group(1).split(", ")
            for key in keys:
                self.assertRegex(packaged, rf"(?m)^(# )?({key} = |\[{key}\.)")
            # All of it is understood; what is missed is a file that an example names.
            config.write_text(re.sub(r"(?m)^# (\w+ = |\[)", r"\1", packaged))
            self.assertEqual(refused()[0], 1, refused())
            self.assertIn("metrics_key_file: ", refused()[1])
