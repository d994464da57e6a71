"""Programs that people already have, each doing its whole job against S3: back up, restore, compare."""
import glob
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from e2e.helpers import eventually
from harness import PATIENCE_S, ROOT, Case, need

POSTGRES = Path(max(glob.glob("/usr/lib/postgresql/*/bin"), default="/nonexistent"))
HAS_JS = (ROOT / "tests/js/node_modules/@aws-sdk/lib-storage").is_dir()


def make_tree(folder):
    """Files of many sizes, one of them large enough for several parts, under names that are not all plain."""
    chance = random.Random(1)
    for i, size in enumerate([0, 1, 1000, 40_000, 200_000] * 5):
        path = folder / ["", "sub", "with space & ümlaut", "deep/er"][i % 4] / f"file {i}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))
    (folder / "large.bin").write_bytes(chance.randbytes(12 << 20))


def tree_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


class Clients(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3 = cls.boreal.client("s3")

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="boreal-clients-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.source = self.folder / "source"
        make_tree(self.source)

    def run_program(self, *command, **environment):
        done = subprocess.run([str(part) for part in command], env=self.boreal.environment(**environment), cwd=self.folder,
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def assert_same_trees(self, a, b):
        one, other = tree_of(a), tree_of(b)
        self.assertEqual(sorted(one), sorted(other))
        self.assertEqual([name for name in one if one[name] != other[name]], [])

    @need("rclone")
    def test_rclone(self):
        # Debian's rclone always sends an ACL, and a bucket without ACLs takes none but this one, as AWS's do.
        remote = {"RCLONE_CONFIG_B_ACL": "bucket-owner-full-control", "RCLONE_CONFIG_B_BUCKET_ACL": "private",
                  "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "Other",
                  "RCLONE_CONFIG_B_ENDPOINT": self.boreal.url, "RCLONE_CONFIG_B_ACCESS_KEY_ID": "test",
                  "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": "test", "RCLONE_CONFIG_B_REGION": "us-east-1"}

        def rclone(*arguments):
            return self.run_program("rclone", "--retries", "1", *arguments, **remote)
        rclone("mkdir", "b:with-rclone")
        rclone("copy", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", self.source, "b:with-rclone/backup")
        rclone("check", "--download", self.source, "b:with-rclone/backup")
        (self.source / "sub" / "file 1.bin").unlink()
        (self.source / "new").write_text("new")
        rclone("sync", self.source, "b:with-rclone/backup")
        rclone("moveto", "b:with-rclone/backup/new", "b:with-rclone/backup/renamed")
        (self.source / "new").rename(self.source / "renamed")
        rclone("copy", "b:with-rclone/backup", self.folder / "restored")
        self.assert_same_trees(self.source, self.folder / "restored")
        rclone("purge", "b:with-rclone")
        self.assertNotIn("with-rclone", [b["Name"] for b in self.s3.list_buckets()["Buckets"]])

    @need("restic")
    def test_restic(self):
        repository = {"RESTIC_REPOSITORY": f"s3:{self.boreal.url}/with-restic", "RESTIC_PASSWORD": "secret",
                      "RESTIC_CACHE_DIR": str(self.folder / "cache")}

        def restic(*arguments):
            return self.run_program("restic", "--quiet", *arguments, **repository)
        restic("init")
        restic("backup", self.source)
        (self.source / "new").write_text("new")
        restic("backup", self.source)
        restic("forget", "--keep-last", "1", "--prune")
        restic("check", "--read-data")
        restic("restore", "latest", "--target", self.folder / "restored")
        self.assert_same_trees(self.source, str(self.folder / "restored") + str(self.source))

    @need("s3cmd")
    def test_s3cmd(self):
        host = f"127.0.0.1:{self.boreal.port}"

        def s3cmd(*arguments):
            return self.run_program("s3cmd", "--config=/dev/null", "--access_key=test", "--secret_key=test", f"--host={host}",
                                    f"--host-bucket={host}", "--no-ssl", "--region=us-east-1", "--no-progress",
                                    "--multipart-chunk-size-mb=5", *arguments)
        s3cmd("mb", "s3://with-s3cmd")
        s3cmd("sync", f"{self.source}/", "s3://with-s3cmd/backup/")
        self.assertIn("large.bin", s3cmd("ls", "-r", "s3://with-s3cmd"))
        self.assertIn(str(12 << 20), s3cmd("info", "s3://with-s3cmd/backup/large.bin"))
        s3cmd("cp", "s3://with-s3cmd/backup/large.bin", "s3://with-s3cmd/backup/copied.bin")
        shutil.copy(self.source / "large.bin", self.source / "copied.bin")
        (self.source / "sub" / "file 1.bin").unlink()
        s3cmd("sync", "--delete-removed", f"{self.source}/", "s3://with-s3cmd/backup/")
        (self.folder / "restored").mkdir()
        s3cmd("sync", "s3://with-s3cmd/backup/", f"{self.folder}/restored/")
        self.assert_same_trees(self.source, self.folder / "restored")
        s3cmd("del", "--recursive", "--force", "s3://with-s3cmd")
        s3cmd("rb", "s3://with-s3cmd")

    @need("s3fs")
    @unittest.skipUnless(os.path.exists("/dev/fuse"), "/dev/fuse is not there: no file system can be mounted")
    @unittest.skipUnless(os.geteuid() == 0 or shutil.which("fusermount"), "fusermount is not installed")
    def test_s3fs(self):
        self.s3.create_bucket(Bucket="with-s3fs")
        mounted = self.folder / "mounted"
        mounted.mkdir()
        keys = self.folder / "keys"
        keys.write_text("test:test\n")
        keys.chmod(0o600)

        def mount():
            return subprocess.Popen(["s3fs", "with-s3fs", mounted, "-f", "-o", f"passwd_file={keys}", "-o", f"url={self.boreal.url}",
                                     "-o", "use_path_request_style", "-o", "endpoint=us-east-1", "-o", "multipart_size=5"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.boreal.environment())

        def unmount(process):
            subprocess.run(["umount", mounted] if os.geteuid() == 0 else ["fusermount", "-u", mounted], check=True)
            process.wait(PATIENCE_S)
        process = mount()
        self.addCleanup(process.kill)
        eventually(lambda: self.assertTrue(os.path.ismount(mounted), "s3fs did not mount"))
        shutil.copytree(self.source, mounted / "backup")
        (mounted / "backup" / "sub").rename(mounted / "backup" / "renamed")
        (self.source / "sub").rename(self.source / "renamed")
        for tree in (self.source, mounted / "backup"):
            with open(tree / "large.bin", "ab") as file:
                file.write(b"appended")
            (tree / "file 0.bin").unlink()
        unmount(process)
        # A second mount has nothing in its caches.
        process = mount()
        self.addCleanup(process.kill)
        eventually(lambda: self.assertTrue(os.path.ismount(mounted), "s3fs did not mount"))
        try:
            self.assert_same_trees(self.source, mounted / "backup")
        finally:
            unmount(process)


@need("docker-registry")
class DockerRegistry(Case):
    """A registry of container images whose layers are in S3. Each request goes on with an upload in parts; where the last part is too
    small to be followed, the upload is completed, and a new one begins with its object as a copied part. Pulls are redirected to
    presigned URLs. Its client is Go's SDK, version 1."""

    def setUp(self):
        folder = Path(tempfile.mkdtemp(prefix="boreal-registry-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.boreal.client("s3").create_bucket(Bucket="with-registry")
        (folder / "config.yml").write_text(f"""
version: 0.1
storage:
  s3: {{accesskey: test, secretkey: test, region: us-east-1, regionendpoint: "{self.boreal.url}", secure: false, v4auth: true,
       bucket: with-registry, rootdirectory: /images, chunksize: 5242880}}
  delete: {{enabled: true}}
http: {{addr: "{self.url.removeprefix('http://')}"}}
""")
        environment = self.boreal.environment()
        environment.pop("AWS_CA_BUNDLE", None)  # it cannot take one
        process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, PATIENCE_S)
        self.addCleanup(process.kill)
        eventually(self.is_up)

    def is_up(self):
        try:
            self.ask("GET", "/v2/", 200)
        except OSError as error:
            raise AssertionError("docker-registry does not answer") from error

    def ask(self, method, path, status, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path), body, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            self.assertEqual(answer.status, status)
            return answer.headers.get("Location"), answer.read()

    def push(self, layer, cuts):
        where, _ = self.ask("POST", "/v2/shop/app/blobs/uploads/", 202)
        for begin, end in zip([0, *cuts], cuts):
            where, _ = self.ask("PATCH", where, 202, layer[begin:end], Content_Range=f"{begin}-{end - 1}",
                                Content_Type="application/octet-stream")
        digest = "sha256:" + hashlib.sha256(layer).hexdigest()
        self.ask("PUT", f"{where}&digest={digest}", 201, layer[cuts[-1] if cuts else 0:], Content_Type="application/octet-stream")
        return digest

    def test_push_mount_pull_delete(self):
        chance = random.Random(1)
        for cuts in ([], [1, 2, 100_000], [5 << 20, 10 << 20], [6_000_000, 6_000_001, 12_500_000]):
            layer = chance.randbytes(13 << 20)
            digest = self.push(layer, cuts)
            # A redirect leads to S3 itself.
            self.assertEqual(self.ask("GET", f"/v2/shop/app/blobs/{digest}", 200)[1], layer)
        self.ask("POST", f"/v2/shop/other/blobs/uploads/?mount={digest}&from=shop/app", 201)
        self.assertEqual(self.ask("GET", f"/v2/shop/other/blobs/{digest}", 200)[1], layer)
        config = b'{"architecture":"amd64","os":"linux"}'
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": self.push(config, [])},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": len(layer), "digest": digest}]}).encode()
        self.ask("PUT", "/v2/shop/app/manifests/one", 201, manifest, Content_Type=kind)
        self.assertEqual(json.loads(self.ask("GET", "/v2/shop/app/tags/list", 200)[1])["tags"], ["one"])
        self.assertEqual(self.ask("GET", "/v2/shop/app/manifests/one", 200, Accept=kind)[1], manifest)
        self.ask("DELETE", f"/v2/shop/app/manifests/sha256:{hashlib.sha256(manifest).hexdigest()}", 202)
        self.ask("DELETE", f"/v2/shop/app/blobs/{digest}", 202)


@unittest.skipUnless(POSTGRES.is_dir(), "no PostgreSQL is installed in /usr/lib/postgresql")
class PgBackRest(Case):
    """A PostgreSQL of its own, backed up to S3 over TLS with boreal's own authority, lost, and restored."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="boreal-pgbackrest-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["runuser", "-u", "postgres", "--"]
        shutil.copy(self.boreal.data / "tls/ca.pem", self.folder / "ca.pem")
        (self.folder / "ca.pem").chmod(0o644)
        (self.folder / "pgbackrest.conf").write_text(f"""
[global]
repo1-type=s3
repo1-s3-bucket=with-pgbackrest
repo1-s3-endpoint=localhost
repo1-s3-region=us-east-1
repo1-s3-key=test
repo1-s3-key-secret=test
repo1-s3-uri-style=path
repo1-storage-port={self.boreal.port}
repo1-storage-ca-file={self.folder}/ca.pem
repo1-path=/repo
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=secret
repo1-retention-full=2
repo1-bundle=y
start-fast=y
log-path={self.folder}
log-level-file=off
log-level-console=warn
lock-path={self.folder}
spool-path={self.folder}

[main]
pg1-path={self.folder}/data
pg1-socket-path={self.folder}
pg1-user=postgres
""")
        if self.as_user:
            shutil.chown(self.folder, "postgres")

    def run_program(self, *command):
        done = subprocess.run([*self.as_user, *map(str, command)], cwd="/", capture_output=True, text=True, timeout=600,
                              env=self.boreal.environment())
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def pgbackrest(self, *arguments):
        return self.run_program("pgbackrest", f"--config={self.folder}/pgbackrest.conf", "--stanza=main", *arguments)

    def control(self, *arguments):
        self.run_program(POSTGRES / "pg_ctl", "-D", self.folder / "data", "-w", "-t", "300", "-l", self.folder / "log", *arguments)

    def start(self):
        self.control("-o", f"-c listen_addresses='' -c unix_socket_directories={self.folder}", "start")
        self.addCleanup(self.end)

    def end(self):
        if (self.folder / "data/postmaster.pid").exists():
            self.control("-m", "immediate", "stop")

    def psql(self, command):
        return self.run_program("psql", "-h", self.folder, "-U", "postgres", "-XqAtc", command).strip()

    @need("pgbackrest")
    def test_back_up_lose_restore(self):
        self.boreal.client("s3").create_bucket(Bucket="with-pgbackrest")
        self.run_program(POSTGRES / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        with open(self.folder / "data/postgresql.conf", "a") as conf:
            conf.write("archive_mode = on\nfsync = off\n"
                       f"archive_command = 'pgbackrest --config={self.folder}/pgbackrest.conf --stanza=main archive-push %p'\n")
        self.start()
        self.pgbackrest("stanza-create")
        self.psql("CREATE TABLE t AS SELECT i, md5(i::text) AS text FROM generate_series(1, 100000) AS i")
        self.pgbackrest("--type=full", "backup")
        self.psql("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(100001, 120000) AS i")
        self.pgbackrest("--type=incr", "backup")
        # What comes after the last backup is in the archived log alone.
        self.psql("INSERT INTO t VALUES (0, 'the last')")
        self.psql("SELECT pg_switch_wal()")
        self.pgbackrest("check")
        digest = "SELECT count(*), md5(string_agg(text, ',' ORDER BY i)) FROM t"
        before = self.psql(digest)
        self.control("-m", "immediate", "stop")
        shutil.rmtree(self.folder / "data")
        self.pgbackrest("restore")
        self.start()
        eventually(lambda: self.assertEqual(self.psql("SELECT pg_is_in_recovery()"), "f"))
        self.assertEqual(self.psql(digest), before)


@unittest.skipUnless(shutil.which("node"), "node is not installed")
@unittest.skipUnless(HAS_JS, "AWS's JavaScript SDK is not installed: scripts/setup gets it with npm")
class JavaScript(Case):
    """AWS's JavaScript SDK v3; tests/js/drive.mjs has what each job does."""

    def drive(self, job):
        done = subprocess.run(["node", ROOT / "tests/js/drive.mjs", job], capture_output=True, text=True, timeout=600,
                              env=self.boreal.environment(AWS_REGION="us-east-1"))
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-5000:])

    def test_secrets(self):
        self.drive("secrets")

    def test_sts(self):
        self.drive("sts")

    def test_rds(self):
        self.drive("rds")

    def test_upload(self):
        self.drive("upload")

    def test_presigned(self):
        self.drive("presigned")

    def test_paginator(self):
        self.drive("paginator")


if __name__ == "__main__":
    unittest.main()
