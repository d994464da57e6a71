#!/usr/bin/env python3
"""The figures of S3, as a table of ratios, each beside its floor or its peer in the same run.

    bench/s3.py                    all rows; some minutes, most of them for the million objects
    bench/s3.py get put-small      only these: get, put-small, put-large, list
    --keys N                       how many objects are listed (a million)
    --rounds N                     rounds of each measurement, in turn with the floor that it is compared with; medians count
    --peers nginx,moto,radosgw     what is measured beside it (all three)

Wants a release build of the targets boreal, bench_load and bench_floors. Peers that this machine lacks are skipped by name,
and one that fails is told by name and fails nothing else. The table says of each what stands behind a write that it answered.
Every request is signed, and the connections are kept. The data folder lies under $TMPDIR: it must be a real disk.
"""
import argparse
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench"))
from harness import BINARY, Boreal  # noqa: E402
from peers import Moto, Nginx  # noqa: E402
from radosgw import Radosgw  # noqa: E402
from tier import resident_mib, settle  # noqa: E402

PROGRAMS = Path(os.environ.get("BENCH_PROGRAMS", ROOT / "build/release/bench"))
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SYNCED = "each answered write is fsynced (data, then index; concurrent commits share one)"
READ = "nothing is written"
MIB = 1 << 20
UNCOUNTED_ROUNDS = 2


class Signer:
    """Signature version 4 of requests in the style host:port/bucket/key, cheap enough for a hundred thousand of them."""

    def __init__(self, port, key="test", secret="test", region="us-east-1"):
        self.host = f"127.0.0.1:{port}"
        now = datetime.now(timezone.utc)
        self.time = now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
        self.key = key
        signing = b"AWS4" + secret.encode()
        for part in self.scope.split("/"):
            signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
        self.signing = signing

    def head(self, method, path, query="", length=None):
        """One request's head. With a length it carries a body that is not part of the signature."""
        content = EMPTY if length is None else "UNSIGNED-PAYLOAD"
        canonical = (f"{method}\n{urllib.parse.quote(path)}\n{query}\nhost:{self.host}\nx-amz-content-sha256:{content}\nx-amz-date:{self.time}\n\n"
                     f"host;x-amz-content-sha256;x-amz-date\n{content}")
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(self.signing, f"AWS4-HMAC-SHA256\n{self.time}\n{self.scope}\n{digest}".encode(), hashlib.sha256).hexdigest()
        target = urllib.parse.quote(path) + ("?" + query if query else "")
        size = "" if length is None else f"Content-Length: {length}\r\n"
        return (f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\nx-amz-content-sha256: {content}\r\nx-amz-date: {self.time}\r\n"
                f"Authorization: AWS4-HMAC-SHA256 Credential={self.key}/{self.scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                f"Signature={signature}\r\n{size}\r\n")


def query_of(**fields):
    return "&".join(f"{name.replace('_', '-')}={urllib.parse.quote(str(value), safe='-_.~')}" for name, value in sorted(fields.items()))


def load(port, heads, connections, seconds):
    """Lets bench_load send these requests; with 0 seconds each of them once. Fails if any is not answered 2xx."""
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write("".join(heads))
        file.flush()
        done = subprocess.run([PROGRAMS / "bench_load", str(port), str(connections), str(seconds), file.name], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(done.stderr)
    answer = json.loads(done.stdout)
    answer["rate"] = answer["answers"] / answer["seconds"]
    return answer


def floor(folder, what):
    return float(subprocess.run([PROGRAMS / "bench_floors", str(folder), what], capture_output=True, text=True, check=True).stdout)


class Table:
    def __init__(self):
        self.missed = []
        self.skipped = []

    def row(self, what, ours, beside, ratio=None, reach=None, policy=READ):
        verdict = ""
        if ratio is not None:
            verdict = f"{ratio:.2f} x, to reach {reach}: " + ("reached" if ratio >= reach else "MISSED")
            if ratio < reach:
                self.missed.append(what.strip())
        print(f"  {what:<50} {ours:>16}   {beside:<58} {verdict}   [{policy}]", flush=True)

    def bound(self, what, ours, value, bound, unit, policy=READ, least=False):
        good = value >= bound if least else value <= bound
        if not good:
            self.missed.append(what)
        print(f"  {what:<50} {ours:>16}   {'>=' if least else '<='} {bound:g} {unit}: {'reached' if good else 'MISSED'}   [{policy}]", flush=True)

    def skip(self, what, why):
        self.skipped.append(what)
        print(f"  SKIPPED: {what}: {why}", flush=True)


def make_bucket(port, name):
    load(port, [Signer(port).head("PUT", f"/{name}", length=0)], 1, 0)


def fill(port, bucket, keys, connections):
    """Makes a bucket of groups of a thousand keys, each a real object of 100 bytes."""
    make_bucket(port, bucket)
    for first in range(0, keys, 50_000):
        signer = Signer(port)
        paths = (f"/{bucket}/group-{i // 1000:04}/key-{i:08}" for i in range(first, min(keys, first + 50_000)))
        load(port, [signer.head("PUT", path, length=100) for path in paths], connections, 0)


PEERS = {"nginx": Nginx, "moto": Moto, "radosgw": Radosgw}


class Bench:
    def __init__(self, options):
        self.options = options
        self.table = Table()
        self.base = Path(tempfile.mkdtemp(prefix="boreal-bench-"))
        self.base.chmod(0o755)
        self.boreal = Boreal(data=self.base / "data")
        self.nginx = None
        self.peers = []  # those that speak S3

    def start(self):
        self.boreal.start()
        make_bucket(self.port, "bench")
        for name in self.options.peers:
            kind = PEERS[name]
            if lacking := [program for program in kind.programs if not shutil.which(program)]:
                self.table.skip(kind.title, f"{', '.join(lacking)} not installed: {kind.install}")
                continue
            self.attempt(kind.title, lambda: self.add(kind(self.base / name)))
        settle(server=self.boreal.process.pid)

    def add(self, peer):
        if isinstance(peer, Nginx):
            self.nginx = peer
        else:
            self.peers.append(peer)
            make_bucket(peer.port, "bench")

    def close(self):
        for one in (*self.peers, self.nginx, self.boreal):
            if one:
                one.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def attempt(self, what, action):
        """Whether a peer can do this. If it fails, that is told by its name, and the run goes on."""
        try:
            action()
            return True
        except Exception as error:
            self.table.skip(what, f"it failed: {' '.join(str(error).split())}")
            return False

    @property
    def port(self):
        return self.boreal.port

    def in_turn(self, *measure):
        """The median of each, over rounds in which they take turns: what disturbs one disturbs all."""
        results = [[] for _ in measure]
        for _ in range(self.options.rounds):
            for number, one in enumerate(measure):
                results[number].append(one() if one else 0)
        return [statistics.median(values) for values in results]

    def median(self, measure):
        return statistics.median(measure() for _ in range(self.options.rounds))

    def beside(self, peer, what, ours, unit, measure, smaller=False):
        """One figure of a peer beside ours, measured the same way."""
        def compare():
            theirs = self.median(lambda: measure(peer.port))
            ratio = theirs / ours if smaller else ours / theirs
            shown, beside = (f"{value:.{2 if smaller else 0}f} {unit}" for value in (ours, theirs))
            self.table.row(f"  {what}, beside {peer.title}", shown, f"{peer.title}: {beside}", ratio, 1, peer.policy)
        self.attempt(f"{what} by {peer.title}", compare)

    # ---- rows

    def get(self):
        for name, size, connections in (("1 KiB", 1 << 10, 32), ("1 MiB", MIB, 8), ("64 MiB", 64 * MIB, 2)):
            key = f"get-{size}"
            load(self.port, [Signer(self.port).head("PUT", f"/bench/{key}", length=size)], 1, 0)
            if self.nginx:
                Path(self.nginx.files, key).write_bytes(os.urandom(size))
            in_mib = size >= MIB
            unit = "MiB/s" if in_mib else "/s"
            scale = size / MIB if in_mib else 1
            seconds = self.options.seconds

            def once(port=self.port):
                return load(port, [Signer(port).head("GET", f"/bench/{key}")], connections, seconds)["rate"] * scale

            def nginx_once():
                return load(self.nginx.port, [self.nginx.head(key)], connections, seconds)["rate"] * scale

            ours, static, limit = self.in_turn(once, nginx_once if self.nginx else None, (lambda: floor(self.base, "open")) if in_mib else None)
            reach, beside = 0.5, f"nginx, static file: {static:.0f} {unit}" if static else "without nginx"
            if in_mib:
                reach = 0.7
                beside += f"; AES-GCM and a copy: {limit:.0f} {unit}"
            bound = min(filter(None, (static, limit)), default=None)
            self.table.row(f"GET {name}, signed, {connections} clients", f"{ours:.0f} {unit}", beside, bound and ours / bound, reach)
            for peer in self.peers:
                if self.attempt(f"PUT {name} by {peer.title}", lambda: load(peer.port, [Signer(peer.port).head("PUT", f"/bench/{key}", length=size)], 1, 0)):
                    self.beside(peer, f"GET {name}", ours, unit, once)

    def put_small(self):
        serial = 0

        def once(port=self.port):
            nonlocal serial
            serial += 1
            signer = Signer(port)
            heads = [signer.head("PUT", f"/bench/small-{serial}/{i:06}", length=4096) for i in range(25_000 * self.options.seconds)]
            return load(port, heads, 32, self.options.seconds)["rate"]

        ours, limit = self.in_turn(once, lambda: floor(self.base, "log"))
        self.table.row("PUT 4 KiB, 32 clients", f"{ours:.0f} /s", f"32 threads to one log, group fsync: {limit:.0f} /s", ours / limit, 0.7, SYNCED)
        for peer in self.peers:
            self.beside(peer, "PUT 4 KiB", ours, "/s", once)

    def put_large(self):
        def once(port=self.port):
            return 64 * load(port, [Signer(port).head("PUT", "/bench/large", length=64 * MIB)], 1, 0)["rate"]

        # Memory that a virtual machine has not used lately is slow at first. The limit hides that behind its MD5.
        for _ in range(UNCOUNTED_ROUNDS):
            once()
            floor(self.base, "put")
        ours, limit = self.in_turn(once, lambda: floor(self.base, "put"))
        self.table.row("PUT 64 MiB, 1 client", f"{ours:.0f} MiB/s", f"MD5 beside AES-GCM, write, one fsync: {limit:.0f} MiB/s", ours / limit, 0.8, SYNCED)
        for peer in self.peers:
            self.beside(peer, "PUT 64 MiB", ours, "MiB/s", once)

    # ---- a million objects

    def million(self):
        keys = self.options.keys
        began = time.monotonic()
        fill(self.port, "million", keys, 128)
        took = time.monotonic() - began
        self.table.row(f"PUT of {keys} objects of 100 bytes, 128 clients", f"{keys / took:.0f} /s", "", policy=SYNCED)

    def pages(self, port, bucket, prefix, delimiter, keys):
        """Each page of a thousand once, one after the other over one connection; keys a second and milliseconds a page."""
        signer = Signer(port)
        fields = {"list_type": 2, "max_keys": 1000, **({"delimiter": "/"} if delimiter else {})}
        heads = []
        for group in range(keys // 1000):
            place = {"prefix": f"group-{group:04}/"} if prefix else {"start_after": f"group-{group - 1:04}/key-{group * 1000 - 1:08}"} if group else {}
            heads.append(signer.head("GET", f"/{bucket}", query_of(**fields, **place)))
        done = load(port, heads, 1, 0)
        if done["received"] < 100 * keys:
            raise RuntimeError(f"{done['received']} bytes are not {keys} keys")
        return keys / done["seconds"], done["p50_ms"]

    def first_page(self, port, bucket, delimiter, keys):
        """Milliseconds of the first page, after some others, and how many keys or groups it tells."""
        fields = {"list_type": 2, "max_keys": 1000, **({"delimiter": "/"} if delimiter else {})}
        head = Signer(port).head("GET", f"/{bucket}", query_of(**fields))
        took = load(port, [head] * 5, 1, 0)["p50_ms"]
        page = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}?{query_of(**fields)}",
                                                             headers=dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2]))).read()
        told = len(re.findall(b"<CommonPrefixes>" if delimiter else b"<Key>", page))
        wanted = min(1000, keys // 1000) if delimiter else 1000
        if told != wanted:
            raise RuntimeError(f"a page tells {told} of {wanted}")
        return took

    def list(self):
        keys = self.options.keys
        self.million()
        for name, prefix, delimiter in (("", False, False), (", each group by prefix and delimiter", True, True)):
            rate, page_ms = map(statistics.median, zip(*(self.pages(self.port, "million", prefix, delimiter, keys) for _ in range(self.options.rounds))))
            self.table.bound(f"LIST {keys} keys, 1,000 a page{name}", f"{rate:.0f} keys/s", rate, 250_000, f"keys/s, {page_ms:.2f} ms a page", least=True)
        for name, delimiter in (("first page of 1,000", False), (f"first page of {keys // 1000} groups of 1,000", True)):
            took = self.median(lambda: self.first_page(self.port, "million", delimiter, keys))
            self.table.bound(f"LIST {name}", f"{took:.2f} ms", took, 5, "ms")
        for peer in self.peers:
            self.list_beside(peer)
        self.restart()
        self.memory()

    def list_beside(self, peer):
        """The same by boreal and a peer, of as many objects as the peer takes in reasonable time."""
        keys = min(peer.listed, self.options.keys)
        bucket = f"few-{peer.title.replace('_', '-')}"
        fill(self.port, bucket, keys, 8)
        if not self.attempt(f"PUT of {keys} objects by {peer.title}", lambda: fill(peer.port, bucket, keys, 8)):
            return
        for name, prefix, delimiter in (("", False, False), (", by prefix and delimiter", True, True)):
            def rate(port):
                return self.pages(port, bucket, prefix, delimiter, keys)[0]
            self.beside(peer, f"LIST {keys} keys{name}", self.median(lambda: rate(self.port)), "keys/s", rate)
        for name, delimiter in ((f"1,000 of {keys}", False), (f"{keys // 1000} groups of 1,000", True)):
            def first(port):
                return self.first_page(port, bucket, delimiter, keys)
            self.beside(peer, f"LIST first page, {name}", self.median(lambda: first(self.port)), "ms", first, smaller=True)

    def restart(self):
        times = []
        for _ in range(self.options.rounds):
            self.boreal.kill()
            began = time.monotonic()
            self.boreal.start()
            times.append((time.monotonic() - began) * 1000)
        took = statistics.median(times)
        self.table.bound(f"restart with {self.options.keys} objects after kill -9", f"{took:.0f} ms", took, 1000, "ms", SYNCED)

    def memory(self):
        """Resident memory after the restart and a page of each kind, and at its highest while 64 clients stream."""
        for delimiter in (False, True):
            self.first_page(self.port, "million", delimiter, self.options.keys)
        idle = resident_mib(self.boreal.process.pid)
        self.table.bound(f"memory with {self.options.keys} objects, idle", f"{idle:.0f} MiB", idle, 128, "MiB")
        load(self.port, [Signer(self.port).head("PUT", "/bench/streamed", length=64 * MIB)], 1, 0)
        for method, length in (("GET", None), ("PUT", 64 * MIB)):
            Path(f"/proc/{self.boreal.process.pid}/clear_refs").write_text("5")  # the peak begins anew
            signer = Signer(self.port)
            load(self.port, [signer.head(method, "/bench/streamed" + (f"-{i}" if length else ""), length=length) for i in range(64)], 64, 0)
            status = Path(f"/proc/{self.boreal.process.pid}/status").read_text()
            peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
            self.table.bound(f"memory, 64 clients {method} 64 MiB each, peak", f"{peak:.0f} MiB", peak, 256, "MiB", SYNCED if length else READ)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rows = {"get": Bench.get, "put-small": Bench.put_small, "put-large": Bench.put_large, "list": Bench.list}
    parser.add_argument("rows", nargs="*", metavar="row", help=", ".join(rows))
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each round")
    parser.add_argument("--peers", type=lambda names: [name for name in names.split(",") if name], default=list(PEERS), help=", ".join(PEERS))
    options = parser.parse_args()
    for what, unknown in ("row", set(options.rows) - set(rows)), ("peer", set(options.peers) - set(PEERS)):
        if unknown:
            parser.error(f"no such {what}: {', '.join(unknown)}")
    print(f"S3 of {BINARY}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {options.rounds} rounds\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no server is left behind
    bench = Bench(options)
    try:
        bench.start()
        for name in options.rows or rows:
            rows[name](bench)
    finally:
        bench.close()
    print(f"\nmissed: {', '.join(bench.table.missed) or 'none'}; skipped: {', '.join(bench.table.skipped) or 'none'}")
    return 1 if bench.table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
