#!/usr/bin/env python3
"""The figures of the tier, as a table, with peers in the same run where this machine has them (wrk, nginx, moto_server).

    bench/tier.py            build/release must be built; needs wrk for the request rates
"""
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from harness import Boreal  # noqa: E402

SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
ROWS = []


def row(what, value, reach="", note=""):
    ROWS.append((what, value, reach, note))
    print(f"  {what:<58} {value:>16}  {reach:<18} {note}", flush=True)


def resident_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(quiet_s=2, limit_s=90, server=None):
    """Waits until the machine does little: after its first start the server prepares database folders in the background.
    Where that waits for a slow disk the machine does little meanwhile too: a `server` (its pid) that runs no databases has
    no child once it is done."""
    def has_children():
        return server is not None and any(task.read_text() for task in Path(f"/proc/{server}/task").glob("*/children"))

    def busy():
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # all but idle and waiting for disks
    end = time.monotonic() + limit_s
    before, since = busy(), time.monotonic()
    while time.monotonic() - since < quiet_s and time.monotonic() < end:
        time.sleep(0.2)
        if has_children() or (now := busy()) > before + 0.1 * (time.monotonic() - since) + 0.05:
            before, since = busy(), time.monotonic()


def wrk(url, headers=(), body=None, method="GET", connections=16):
    """Requests a second, and the share that was not answered 2xx."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'wrk.method = "{method}"\n')
        if body is not None:
            script.write(f"wrk.body = [==[{body}]==]\n")
        for name, value in headers:
            script.write(f"wrk.headers[{name!r}] = [==[{value}]==]\n")
        script.flush()
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", script.name, url], capture_output=True, text=True).stdout
    rate = next(float(line.split()[1]) for line in out.splitlines() if line.startswith("Requests/sec"))
    bad = next((int(line.split()[-1]) for line in out.splitlines() if "Non-2xx" in line), 0)
    return rate, bad


def signed_get_secret(url, secret_id, key="test", secret="test"):
    """Headers and body of one signed GetSecretValue; the signature is good for 15 minutes, however often it is sent."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    body = '{"SecretId": "%s"}' % secret_id
    request = AWSRequest("POST", url + "/", data=body, headers={"Content-Type": "application/x-amz-json-1.1",
                                                                "X-Amz-Target": "secretsmanager.GetSecretValue"})
    SigV4Auth(Credentials(key, secret), "secretsmanager", "us-east-1").add_auth(request)
    return list(request.headers.items()), body


def cold_start():
    times = []
    for _ in range(5):
        boreal = Boreal()
        began = time.monotonic()
        boreal.start()
        times.append((time.monotonic() - began) * 1000)
        boreal.stop()
        boreal.clean()
    row("cold start to ready, empty data folder (median of 5)", f"{statistics.median(times):.0f} ms", "<= 300 ms")


class Nginx:
    """One worker that serves a file of 1 KiB."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)
        Path(self.folder.name, "file").write_bytes(b"x" * 1024)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/file"
        config = Path(self.folder.name, "conf")
        config.write_text(f"worker_processes 1; daemon off; pid {self.folder.name}/pid; error_log /dev/null; events {{}}\n"
                          f"http {{ access_log off; sendfile on; keepalive_requests 100000000; "
                          f"server {{ listen 127.0.0.1:{port}; root {self.folder.name}; }} }}\n")
        self.process = subprocess.Popen(["nginx", "-c", config], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def api_rate():
    """GetSecretValue by turns with nginx and, once, moto_server: medians, as a busy machine is not the same twice."""
    if not shutil.which("wrk"):
        return row("GetSecretValue", "-", "", "wrk is not installed")
    has_nginx = bool(shutil.which("nginx"))
    ours, peers, failed = [], [], 0
    with Boreal() as boreal, Nginx() if has_nginx else contextlib.nullcontext() as nginx:
        boreal.client("secretsmanager").create_secret(Name="bench", SecretString="x" * 64)
        settle()
        headers, body = signed_get_secret(boreal.url, "bench")
        for _ in range(ROUNDS):
            rate, bad = wrk(boreal.url + "/", headers, body, "POST")
            ours.append(rate)
            failed += bad
            if has_nginx:
                peers.append(wrk(nginx.url)[0])
    rate = statistics.median(ours)
    row(f"GetSecretValue, signed, keep-alive, 16 connections ({ROUNDS} x {SECONDS} s)", f"{rate:.0f}/s", "", f"{failed} not 2xx" if failed else "")
    if has_nginx:
        row("  nginx, 1 KiB static file, by turns", f"{statistics.median(peers):.0f}/s")
        row("  ratio", f"{rate / statistics.median(peers):.2f} x nginx", ">= 0.3 x",
            "rounds: " + ", ".join(f"{mine / peer:.2f}" for mine, peer in zip(ours, peers)))
    if shutil.which("moto_server"):
        peer = moto_rate()
        row("  moto_server, the same call", f"{peer:.0f}/s")
        row("  ratio", f"{rate / peer:.1f} x moto", ">= 10 x")


def moto_rate():
    import boto3
    port = free_port()
    moto = subprocess.Popen(["moto_server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("secretsmanager", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    for _ in range(100):
        try:
            client.create_secret(Name="bench", SecretString="x" * 64)
            break
        except Exception:
            time.sleep(0.2)
    headers, body = signed_get_secret(url, "bench")
    rate, _ = wrk(url + "/", headers, body, "POST")
    moto.terminate()
    moto.wait()
    return rate


def writer_and_reader(rds, name, encrypted):
    """Seconds from CreateDBCluster until both instances are available; None where the storage was to be encrypted and is not."""
    began = time.monotonic()
    made = rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="postgres",
                                 MasterUserPassword="Correct-Horse-42", StorageEncrypted=encrypted)["DBCluster"]
    instances = [f"{name}-{role}" for role in ("w", "r")]
    for instance in instances:
        rds.create_db_instance(DBInstanceIdentifier=instance, DBClusterIdentifier=name, Engine="aurora-postgresql", DBInstanceClass="db.t3.medium")
    while any(rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"][0]["DBInstanceStatus"] != "available" for instance in instances):
        time.sleep(0.02)
    took = time.monotonic() - began
    tags = rds.list_tags_for_resource(ResourceName=made["DBClusterArn"])["TagList"]
    return None if encrypted and any(tag["Key"] == "aws:boreal:storage" for tag in tags) else took


def cluster():
    """From CreateDBCluster to both instances available, and a restart that finds the databases running."""
    for encrypted in (False, True):
        what = f"writer + reader available, {'encrypted' if encrypted else 'plain'} storage (median of 3)"
        with Boreal(args=("--allow-unencrypted-storage",)) as boreal:
            rds = boreal.client("rds")
            times = []
            for number in range(3):
                settle()
                times.append(writer_and_reader(rds, f"c{number}", encrypted))
            if None in times:
                row(what, "-", "<= 3 s", "this machine does not encrypt files below the data folder")
                continue
            row(what, f"{statistics.median(times):.2f} s", "<= 3 s", f"worst {max(times):.2f} s")
            if not encrypted:
                row("  resident memory of boreal, 3 clusters", f"{resident_mib(boreal.process.pid):.0f} MiB", "<= 64 MiB")
                boreal.kill()
                began = time.monotonic()
                boreal.start()
                row("  restart after kill -9, databases adopted, to ready", f"{(time.monotonic() - began) * 1000:.0f} ms", "<= 500 ms")


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; every answer to a write is fsynced\n")
    chosen = sys.argv[1:] or ["cold_start", "api_rate", "cluster"]
    for name in chosen:
        globals()[name]()
