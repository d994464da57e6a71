#!/usr/bin/env python3
"""Runs the end-to-end tests in tests/e2e and prints one closing line: N passed, N failed, N skipped.

    tests/run.py [pattern …]      only the test ids that contain one of the patterns
    tests/run.py --long           with the long campaigns (classes named Long…)
"""
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
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


def main():
    arguments = sys.argv[1:]
    with_long = "--long" in arguments
    patterns = [a for a in arguments if not a.startswith("--")]
    loader = unittest.TestLoader()
    found = flatten(loader.discover(str(HERE / "e2e"), pattern="*_test.py", top_level_dir=str(HERE)))
    chosen = [t for t in found
              if (with_long or not type(t).__name__.startswith("Long")) and (not patterns or any(p in t.id() for p in patterns))]
    suite = unittest.TestSuite()
    by_class = {}
    for test in chosen:
        by_class.setdefault(type(test), []).append(test)
    for tests in by_class.values():
        suite.addTest(loader.suiteClass(tests))
    result = unittest.TextTestRunner(resultclass=Report, verbosity=0, stream=sys.stderr).run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    print(f"\n{max(passed, 0)} passed, {failed} failed, {len(result.skipped)} skipped")
    sys.exit(1 if failed or result.testsRun == 0 else 0)


if __name__ == "__main__":
    main()
