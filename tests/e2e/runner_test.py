"""tests/run.py itself: what it takes, and what it does not take for a test that passed."""
import subprocess
import sys
import unittest
from pathlib import Path

from harness import PATIENCE_S

RUNNER = Path(__file__).resolve().parent.parent / "run.py"


def run(*arguments):
    done = subprocess.run([sys.executable, str(RUNNER), *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


class Runner(unittest.TestCase):
    def test_it_says_what_it_takes(self):
        code, out, _ = run("--help")
        self.assertEqual(code, 0)
        for word in ("pattern", "--long", "--list"):
            self.assertIn(word, out)

    def test_it_lists(self):
        code, out, _ = run("--list", "s3_list", "runner_test.Runner.test_it_lists")
        self.assertEqual(code, 0)
        names = out.split()
        self.assertIn("e2e.runner_test.Runner.test_it_lists", names)
        self.assertTrue(all("s3_list" in name or name.endswith("Runner.test_it_lists") for name in names))
        self.assertNotIn(".Long", run("--list")[1])
        self.assertIn(".Long", run("--list", "--long")[1])

    def test_it_refuses_what_it_does_not_know(self):
        for arguments, why in ((["--lists"], "--lists"), (["--lon"], "--lon"), (["s3_list", "no-such-test"], "no test's id contains 'no-such-test'"),
                               (["e2e.s3_kill_test.Long"], "they run with --long")):
            code, out, error = run(*arguments)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(why, error)


if __name__ == "__main__":
    unittest.main()
