"""What several of these tests need: users with permissions, a moved clock, waiting."""
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from harness import BINARY, PATIENCE_S


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def user(case, name, *statements):
    """A client maker for a new user with these permissions."""
    iam = case.boreal.client("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service, **more: case.boreal.client(service, key["AccessKeyId"], key["SecretAccessKey"], **more)


def clock(case, *args):
    """`boreal clock` waits for a while for what falls due; this waits on, as a busy machine may need."""
    for more in (args, *[("advance", "0s")] * 5):
        done = subprocess.run([str(BINARY), "clock", *more, "--data", str(case.boreal.data)], capture_output=True, text=True)
        case.assertEqual(done.returncode, 0, done.stderr)
        if json.loads(done.stdout)["settled"]:
            return
    raise AssertionError(f"what fell due by it is not done: {done.stdout}{done.stderr}{case.boreal.log()}")


def advance(case, by):
    """Moves the clock; background workers have done what fell due."""
    clock(case, "advance", by)


def reset_clock(case):
    """Back to the real time: clients sign with theirs."""
    clock(case, "reset")


def eventually(check, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def within(seconds, do, tries=5):
    """It takes less than that. A busy machine may keep it waiting now and then; who is late each time is slow."""
    took = []
    for _ in range(tries):
        began = time.monotonic()
        answer = do()
        took.append(time.monotonic() - began)
        if took[-1] < seconds:
            return answer
    raise AssertionError(f"it took {took} s, each time more than {seconds}")


def has_replayed(position, seconds=1):
    """What to ask a reader: whether it shows what its writer had at that position of its log, or does so soon. It counts the
    time itself, as a busy machine may take that long to start a psql."""
    there = f"pg_last_wal_replay_lsn() >= '{position}'"
    return (f"WITH RECURSIVE look AS (SELECT {there} AS there, clock_timestamp() AS began UNION ALL SELECT {there}, began FROM look"
            f" WHERE NOT there AND clock_timestamp() < began + interval '{seconds} s' AND pg_sleep(0.005) IS NOT NULL)"
            " SELECT bool_or(there) FROM look")


def reserved_port(add_cleanup):
    """A port that is given to nobody else until the cleanup; a server that is told of it can listen there, as servers set
    SO_REUSEADDR too."""
    keeper = socket.socket()
    add_cleanup(keeper.close)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    return keeper.getsockname()[1]


class Held(threading.Thread):
    """The next process of which `is_it(pid)` is true stands still as soon as it begins, at most until the end of the block."""

    def __init__(self, is_it):
        super().__init__(daemon=True)
        self.is_it, self.pid, self.over = is_it, None, False
        self.others = set(os.listdir("/proc"))  # which it is none of: it may be over before all have been looked at

    def run(self):
        while not self.over and not self.pid:
            for name in set(os.listdir("/proc")) - self.others:
                try:
                    if self.is_it(name):
                        os.kill(int(name), signal.SIGSTOP)
                        self.pid = int(name)
                        return
                except OSError:
                    pass  # it has ended

    def __enter__(self):
        self.start()
        return self

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def __exit__(self, *_):
        self.over = True
        self.join()
        if self.pid:
            try:
                self.go_on()
            except OSError:
                pass


def files_with(folder, text):
    """Files below the folder with this text in them, holes left out; mounts are not entered. Files and folders may
    come and go meanwhile, as they do while boreal runs: those that go are passed over."""
    found, device = [], os.stat(folder).st_dev
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if on_device(Path(place, name), device)]
        for path in (Path(place, name) for name in names):
            if not path.is_symlink() and path.is_file() and on_device(path, device) and has(path, text.encode()):
                found.append(path)
    return found


def on_device(path, device):
    try:
        return path.stat().st_dev == device
    except FileNotFoundError:
        return False


def has(path, text):
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return False
    with file:
        at, size = 0, os.fstat(file.fileno()).st_size
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
                end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            except OSError:  # only a hole is left
                return False
            if text in os.pread(file.fileno(), end - at, at):
                return True
            at = end
    return False
