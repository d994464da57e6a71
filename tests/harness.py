"""Starts a boreal of its own for a test, and gives clients that speak to it.

Every server listens on loopback, on a port that the system gives out, with a data folder that is removed after.
"""
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 180  # for what takes a moment: a machine may be slow and busy with other things
BINARY = Path(os.environ.get("BOREAL_BINARY", ROOT / "build/release/src/cli/boreal"))


@functools.cache
def api_descriptions():
    """Read once for all clients: that is most of what making one costs."""
    import botocore.loaders
    return botocore.loaders.create_loader()


class Boreal:
    """One `boreal dev`. Use as a context manager, or start() and stop(). `user`: whose process it is, when we are root."""

    def __init__(self, data=None, args=(), account="test", user=None):
        self.base = Path(tempfile.mkdtemp(prefix="boreal-test-")) if data is None else None
        self.data = Path(data) if data else self.base / "data"
        if self.base:
            self.base.chmod(0o755)  # PostgreSQL runs as a user of its own and must get in
            if user:
                shutil.chown(self.base, user)
        self.user = user
        self.args = list(args)
        self.account = account
        self.process = None
        self.port = None

    def __enter__(self):
        self.start_or_clean()
        return self

    def start_or_clean(self):
        """Nothing is left of a server that does not come up: nobody will end it, as nobody has it."""
        try:
            self.start()
        except BaseException:
            if self.process:
                self.kill()
            self.clean()
            raise

    def __exit__(self, *_):
        self.stop()
        self.clean()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout_s=PATIENCE_S):
        run_file = self.data / "run.json"
        run_file.unlink(missing_ok=True)
        log = open(str(self.data) + ".log", "ab")
        self.process = subprocess.Popen(
            [str(BINARY), "dev", "--data", str(self.data), "--port", str(self.port or 0), *self.args],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=self.user, extra_groups=[] if self.user else None)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"boreal ended with {self.process.returncode}:\n{self.log()}")
            if run_file.exists():
                self.port = json.loads(run_file.read_text())["port"]
                return self
            time.sleep(0.005)
        raise RuntimeError(f"boreal was not ready after {timeout_s} s:\n{self.log()}")

    def stop(self):
        """A graceful end, as Ctrl-C makes it: PostgreSQL's processes end too."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"boreal did not end within {PATIENCE_S} s of SIGINT:\n{self.log()}")
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def clean(self):
        if self.base:
            shutil.rmtree(self.base, ignore_errors=True)

    def log(self):
        path = Path(str(self.data) + ".log")
        return path.read_text(errors="replace")[-8000:] if path.exists() else ""

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env.update(AWS_ENDPOINT_URL=self.url, AWS_ACCESS_KEY_ID=self.account, AWS_SECRET_ACCESS_KEY="test",
                   AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="", AWS_MAX_ATTEMPTS="1", AWS_EC2_METADATA_DISABLED="true")
        env.update(more)
        return env

    def client(self, service, access_key=None, secret_key="test", region="us-east-1", token=None, **config):
        import boto3
        import botocore.session
        from botocore.config import Config
        settings = {"retries": {"max_attempts": 0}, "read_timeout": PATIENCE_S, "s3": {"addressing_style": "path"}, **config}
        core = botocore.session.Session()
        core.register_component("data_loader", api_descriptions())
        session = boto3.session.Session(access_key or self.account, secret_key, token, region, botocore_session=core)
        return session.client(service, endpoint_url=self.url, config=Config(**settings))

    def aws(self, *args, check=True, timeout_s=600, **env):
        """Runs the AWS CLI; its JSON answer, or None when it printed nothing."""
        # Told on the command line: version 1 of the CLI sends rds to AWS in us-east-1 whatever AWS_ENDPOINT_URL says.
        done = subprocess.run(["aws", "--endpoint-url", self.url, *args], env=self.environment(**env), capture_output=True, text=True, timeout=timeout_s)
        if check and done.returncode != 0:
            raise AssertionError(f"aws {' '.join(args)} failed:\n{done.stderr}")
        if not check:
            return done
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout


def need(program, why=""):
    """Skips, loudly and by name, what the machine cannot run."""
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed{': ' + why if why else ''}")


def error_code(call, *args, **kwargs):
    """The error code that a boto3 call ends with; an AssertionError if it succeeds."""
    from botocore.exceptions import ClientError
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"succeeded with {answer}")


class Case(unittest.TestCase):
    """A test case with one boreal for the whole class, or for all of its file's classes that are `shared`: those leave clock
    and process alone, and look at nothing that other classes make."""

    args = ()
    shared = False
    running = {}  # the shared one, by file and arguments

    @classmethod
    def setUpClass(cls):
        place = (cls.__module__, tuple(cls.args))
        if cls.shared and place in Case.running:
            cls.boreal = Case.running[place]
            return
        cls.boreal = Boreal(args=cls.args)
        cls.boreal.start_or_clean()
        if cls.shared:
            Case.running[place] = cls.boreal
            unittest.addModuleCleanup(Case.end, Case.running.pop, place)
        else:
            cls.addClassCleanup(Case.end, lambda: cls.boreal)

    @staticmethod
    def end(which, *place):
        boreal = which(*place)
        try:
            boreal.stop()
        finally:
            boreal.clean()
