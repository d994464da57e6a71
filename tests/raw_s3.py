"""A small and fast S3 client, for campaigns of many thousand requests, and a server that holds nothing but a store.

boto3 spends more time on a request than the server does; this signs and sends over one kept connection and no more.
"""
import hashlib
import hmac
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse

from harness import BINARY, PATIENCE_S, Boreal


class StoreServer(Boreal):
    """`boreal serve` without PostgreSQL folders made in advance: quick to start, and its data folder stays small."""

    def __init__(self, *args, environment=None, **more):
        super().__init__(*args, **more)
        self.more_environment = environment or {}

    def launch(self):
        """Begins a start, and does not wait for it."""
        config = self.data.parent / f"{self.data.name}.toml"
        config.write_text(f'data_folder = "{self.data}"\nport = {self.port or 0}\nwarm_pool = 0\n')
        (self.data / "run.json").unlink(missing_ok=True)
        with open(str(self.data) + ".log", "ab") as log:
            self.process = subprocess.Popen([str(BINARY), "serve", "--config", str(config), *self.args],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.more_environment})

    def start(self, timeout_s=PATIENCE_S):
        run_file = self.data / "run.json"
        begin = time.monotonic()
        self.launch()
        while not run_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"boreal ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > begin + timeout_s:
                raise RuntimeError(f"boreal was not ready after {timeout_s} s:\n{self.log()}")
            time.sleep(0.002)
        self.started_in_s = time.monotonic() - begin
        self.port = json.loads(run_file.read_text())["port"]
        if not hasattr(self, "key"):  # shown at the first start only
            self.key = self.shown("AWS_ACCESS_KEY_ID"), self.shown("AWS_SECRET_ACCESS_KEY")
        return self

    def shown(self, name, timeout_s=PATIENCE_S):
        """What the banner says; it comes after run.json."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if found := re.search(rf"{name}=(\S+)\s", self.log()):
                return found.group(1)
            time.sleep(0.002)
        raise RuntimeError(f"the banner does not show {name}:\n{self.log()}")

    def raw(self, **more):
        return RawS3(self.port, *self.key, **more)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """The error's code, or "" """
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found.group(1).decode() if found else ""

    @property
    def etag(self):
        return self.headers.get("etag", "").strip('"')

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class RawS3:
    """One connection of one caller. After an error of the connection the next request makes a new one."""

    def __init__(self, port, key, secret, region="us-east-1", timeout_s=PATIENCE_S):
        self.port, self.key, self.secret, self.region, self.timeout_s = port, key, secret, region, timeout_s
        self.host = f"127.0.0.1:{port}"
        self.socket = self.file = None
        self.signing_day = self.signing_key = None

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = self.file = None

    def request(self, method, path, query="", body=b"", headers=None):
        """`path` and `query` as they go over the wire: escaped, the query's parameters sorted. Raises OSError when the
        connection breaks: then it is not known whether the request was carried out."""
        lines = self.sign(method, path, query, body, headers or {})
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.file = self.socket.makefile("rb", 64 << 10)
        try:
            self.socket.sendall(lines + body)
            return self.read_answer(method)
        except OSError:
            self.close()
            raise

    def sign(self, method, path, query, body, headers):
        """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        day = now[:8]
        if day != self.signing_day:
            key = b"AWS4" + self.secret.encode()
            for part in (day, self.region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self.signing_day, self.signing_key = day, key
        digest = hashlib.sha256(body).hexdigest()
        fields = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": now, **headers}
        names = sorted(fields)
        signed = ";".join(names)
        listed = "".join(f"{name}:{fields[name]}\n" for name in names)
        canonical = f"{method}\n{path}\n{query}\n{listed}\n{signed}\n{digest}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self.signing_key, text.encode(), "sha256").hex()
        head = "".join(f"{name}: {fields[name]}\r\n" for name in names)
        return (f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n"
                f"authorization: AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={signed}, "
                f"Signature={signature}\r\n\r\n").encode()

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection within an answer")
        return line[:-2].decode("latin-1")

    def read_answer(self, method):
        status = int(self.line().split(" ", 2)[1])
        headers = {}
        while line := self.line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.exactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def chunk(self):
        size = int(self.line().split(";")[0], 16)
        data = self.exactly(size)
        self.line()
        return data

    def exactly(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise ConnectionError("the server closed the connection within a body")
        return data

    # The shortest ways to the common operations. Keys and buckets need no escaping here.
    def put(self, bucket, key, body, **headers):
        return self.request("PUT", f"/{bucket}/{key}", body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def get(self, bucket, key, query=""):
        return self.request("GET", f"/{bucket}/{key}", query)

    def delete(self, bucket, key, query=""):
        return self.request("DELETE", f"/{bucket}/{key}", query)

    def list(self, bucket, prefix=""):
        """{key: (etag, size)} of all objects."""
        found, token = {}, None
        while True:
            parts = {"list-type": "2", "prefix": prefix}
            if token:
                parts["continuation-token"] = token
            query = "&".join(f"{k}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(parts.items()))
            answer = self.request("GET", f"/{bucket}", query)
            if answer.status != 200:
                raise AssertionError(f"listing answered {answer}")
            text = answer.body.decode()
            for entry in re.findall(r"<Contents>(.*?)</Contents>", text, re.S):
                key, etag, size = (re.search(rf"<{name}>([^<]*)<", entry).group(1) for name in ("Key", "ETag", "Size"))
                found[key] = etag.replace("&quot;", "").strip('"'), int(size)
            token = re.search(r"<NextContinuationToken>([^<]*)<", text)
            if not token:
                return found
            token = token.group(1)
