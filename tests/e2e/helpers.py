"""What several of these tests need: users with permissions, a moved clock, waiting."""
import json
import subprocess
import time

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
    """Moves the clock, and gives the background workers, which look at it ten times a second, time to act on it."""
    clock(case, "advance", by)
    time.sleep(2)


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
