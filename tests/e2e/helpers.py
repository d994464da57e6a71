"""What several of these tests need: users with permissions, a moved clock, waiting."""
import json
import os
import subprocess
import time
from pathlib import Path

from harness import BINARY


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
    subprocess.run([str(BINARY), "clock", *args, "--data", str(case.boreal.data)], check=True, capture_output=True)


def advance(case, by):
    """Moves the clock; background workers have done what fell due."""
    clock(case, "advance", by)


def reset_clock(case):
    """Back to the real time: clients sign with theirs."""
    clock(case, "reset")


def eventually(check, seconds=10):
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


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
