#!/usr/bin/env python3
"""Runs the end-to-end tests in tests/e2e and prints one closing line: N passed, N failed, N skipped.

    tests/run.py [pattern …]      only the test ids that contain one of the patterns
    tests/run.py --long           with the long campaigns (classes named Long…)
    tests/run.py --list           says which tests these are, and runs none

Classes that say `mostly_waits` (on Terraform's provider, or on servers that recover; for how many minutes) run beside all others, each in a process of
its own, two at a time, the longest first; what they print comes in one piece each at the end. Each has a network of its own, so that
no server of one process can take an address that a killed server of another is about to take again. Where only root may have
that, all run in turn.
"""
import argparse
import contextlib
import ctypes
import fcntl
import io
import multiprocessing
import os
import socket
import struct
import sys
import time
import unittest
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
WAITING_AT_ONCE = 2
sys.path.insert(0, str(HERE))


class Report(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def line(self, mark, test, note=""):
        took = time.monotonic() - getattr(self, "started", time.monotonic())
        name = ".".join(test.id().split(".")[-3:])
        self.stream.writeln(f"  {mark} {name:<76} {took:6.1f} s {note}")
        self.stream.flush()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.line("ok  ", test)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self.line("FAIL", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        self.line("FAIL", test)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        self.line("skip", test, reason)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def found():
    return flatten(unittest.TestLoader().discover(str(HERE / "e2e"), pattern="*_test.py", top_level_dir=str(HERE)))


def full_name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def chosen(patterns, with_long):
    """The suites of the classes, in the order of files."""
    by_class = {}
    for test in found():
        kind = type(test)
        if (not with_long and kind.__name__.startswith("Long")) or (patterns and not any(p in test.id() for p in patterns)):
            continue
        by_class.setdefault(kind, []).append(test)
    return {kind: unittest.TestSuite(tests) for kind, tests in by_class.items()}


def run(suites, stream):
    """How many passed, failed, were skipped."""
    result = unittest.TextTestRunner(resultclass=Report, verbosity=0, stream=stream).run(unittest.TestSuite(suites))
    failed = len(result.failures) + len(result.errors)
    return max(result.testsRun - failed - len(result.skipped), 0), failed, len(result.skipped)


def enter_own_network():
    """This process's and its children's: nothing but a loopback."""
    clone_newnet, siocsifflags, iff_up = 0x40000000, 0x8914, 1
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newnet) != 0:
        raise PermissionError("no network of its own: " + os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh22x", b"lo", iff_up))


def run_waiting(patterns, with_long, name):
    """One class, in a process of its own: the counts, and what was printed."""
    enter_own_network()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        suites = [suite for kind, suite in chosen(patterns, with_long).items() if full_name(kind) == name]
        return run(suites, printed), printed.getvalue()


def run_beside(waiting, others, patterns, with_long):
    """The counts of all. What went wrong in another process is raised here."""
    counts = []
    with ProcessPoolExecutor(WAITING_AT_ONCE, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        beside = {kind: processes.submit(run_waiting, patterns, with_long, full_name(kind)) for kind in waiting}
        counts.append(run(others, sys.stderr))
        for kind, outcome in beside.items():
            try:
                more, printed = outcome.result()
                print(f"\nBeside them ran, waiting most of the time:\n{printed}", file=sys.stderr, flush=True)
            except PermissionError as error:
                print(f"\nAnd in turn, as this process gets {error}:", file=sys.stderr, flush=True)
                more = run([waiting[kind]], sys.stderr)
            counts.append(more)
    return [sum(column) for column in zip(*counts)]


def asked():
    """What the command line says. A word that no test has is a slip, which must not pass for a test that passed."""
    usage = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    usage.add_argument("patterns", nargs="*", metavar="pattern", help="run only the tests whose ids contain one of these")
    usage.add_argument("--long", action="store_true", help="with the long campaigns (classes named Long…)")
    usage.add_argument("--list", action="store_true", help="say which tests these are, and run none")
    arguments = usage.parse_args()
    ids = {test.id(): type(test).__name__.startswith("Long") for test in found()}
    for pattern in arguments.patterns:
        long_ones = [is_long for test, is_long in ids.items() if pattern in test]
        if not long_ones:
            usage.error(f"no test's id contains '{pattern}'; --list says which there are")
        if all(long_ones) and not arguments.long:
            usage.error(f"only long campaigns have '{pattern}' in their ids: they run with --long")
    return arguments


def main():
    arguments = asked()
    patterns, with_long = arguments.patterns, arguments.long
    classes = chosen(patterns, with_long)
    if arguments.list:
        print(*(test.id() for suite in classes.values() for test in suite), sep="\n")
        return
    minutes = {kind: getattr(kind, "mostly_waits", 0) for kind in classes}
    waiting = {kind: classes[kind] for kind in sorted(classes, key=minutes.get, reverse=True) if minutes[kind]}
    others = [suite for kind, suite in classes.items() if not minutes[kind]]
    if len(classes) > 1 and waiting:
        counts = run_beside(waiting, others, patterns, with_long)
    else:
        counts = run(classes.values(), sys.stderr)
    passed, failed, skipped = counts
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed + skipped else 0)


if __name__ == "__main__":
    main()
