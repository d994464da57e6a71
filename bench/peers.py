"""Servers that run beside boreal in the same run, on loopback and below the bench's own folder."""
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tier import free_port


class Peer:
    """One that is up when it is made, and of which nothing runs after stop(). Those that speak S3 take boreal's key, test with the secret test."""

    title = ""      # as the table names it
    programs = ()   # without these it is skipped
    install = ""    # how a machine gets them
    policy = ""     # what stands behind an answered write
    listed = 0      # how many objects are put into it for its listings: 0 if it does not speak S3

    def __init__(self, base):
        self.base = Path(base)
        self.base.mkdir()
        self.port = free_port()
        self.processes = []
        self.log = self.base / "log"
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def spawn(self, *command):
        with open(self.log, "ab") as log:
            self.processes.append(subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def wait_for(self, path, seconds=30):
        """Waits until the server that was spawned last answers, whatever it says."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5).close()
            except urllib.error.HTTPError:
                return None
            except OSError as error:
                if self.processes[-1].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"it is not up: {error}: {self.log.read_text(errors='replace')[-2000:]}") from error
                time.sleep(0.05)

    def stop(self):
        """Ends what was started, the last first: each may need the one before it to end in peace."""
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Nginx(Peer):
    """One worker that serves a folder's files."""

    title = "nginx"
    programs = ("nginx",)
    install = "apt-get install --no-install-recommends nginx-light"

    def start(self):
        self.base.chmod(0o755)  # its worker is another user
        self.files = self.base / "files"
        self.files.mkdir()
        conf = self.base / "conf"
        conf.write_text(f"worker_processes 1; daemon off; pid {self.base}/pid; error_log {self.base}/error.log; events {{}}\n"
                        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100; "
                        f"server {{ listen 127.0.0.1:{self.port}; root {self.files}; }} }}\n")
        self.spawn("nginx", "-c", conf)
        self.wait_for("/")

    def head(self, name):
        return f"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"


class Moto(Peer):
    title = "moto_server"
    programs = ("moto_server",)
    install = "pip install 'moto[server]'"
    policy = "in memory, nothing is synced"
    listed = 5_000

    def start(self):
        self.spawn("moto_server", "-p", self.port)
        self.wait_for("/moto-api/")
