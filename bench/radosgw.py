"""Ceph's S3 gateway over a cluster of its own for one run: one monitor, one OSD, one gateway, without a manager.

Nothing of it lies or runs outside the peer's folder: no systemd, no keys, no admin sockets, no file below /etc or /var. Its settings
are Ceph's defaults but for what one node needs (a single copy, no authentication between the daemons), where the default is slow for a
reason that is not its storage (Nagle's algorithm at the gateway, a log line of each request), and for the memory that it may take.
"""
import subprocess
import uuid
from pathlib import Path

from peers import Peer
from tier import free_port

CONF = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# The gateway asks for encryption towards the monitor, which does not go together with no authentication.
ms_mon_client_mode = crc
admin_socket =
crash_dir = {base}/crash
log_file = {base}/$name.log
debug_rgw = 0/0
debug_ms = 0/0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[mon]
mon_data = {base}/mon
mon_cluster_log_to_file = false
mon_allow_pool_size_one = true
[osd]
osd_data = {base}/osd
osd_objectstore = bluestore
bluestore_block_create = true
bluestore_block_size = {block_bytes}
osd_memory_target = {memory_bytes}
[client]
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""
BLOCK_BYTES = 16 << 30  # sparse
MEMORY_BYTES = 1 << 30


class Radosgw(Peer):
    title = "radosgw"
    programs = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "monmaptool", "radosgw-admin")
    install = "apt-get install --no-install-recommends ceph-mon ceph-osd radosgw"
    policy = "synced, one copy: BlueStore on a file of the same disk, O_DIRECT and fdatasync"
    listed = 20_000

    def start(self):
        fsid, osd_id = uuid.uuid4(), uuid.uuid4()
        mon_port = free_port()
        for name in ("mon", "osd", "crash"):
            Path(self.base, name).mkdir()
        self.conf = self.base / "ceph.conf"
        self.conf.write_text(CONF.format(fsid=fsid, mon_port=mon_port, base=self.base, block_bytes=BLOCK_BYTES, memory_bytes=MEMORY_BYTES, port=self.port))
        monmap = self.base / "monmap"
        self.tool("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", monmap)
        self.tool("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
        self.spawn("ceph-mon", "-c", self.conf, "-i", "a", "-f")
        self.tool("ceph", "osd", "new", osd_id)
        self.tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self.spawn("ceph-osd", "-c", self.conf, "-i", "0", "-f")
        # Waits for the OSD, as it makes the first pools.
        self.tool("radosgw-admin", "user", "create", "--uid", "bench", "--display-name", "bench", "--access-key", "test", "--secret-key", "test")
        self.spawn("radosgw", "-c", self.conf, "-n", "client.rgw", "-f")
        self.wait_for("/", 120)

    def tool(self, program, *arguments, seconds=120):
        done = subprocess.run([program, "-c", str(self.conf), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        if done.returncode != 0:
            raise RuntimeError(f"{program} {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
