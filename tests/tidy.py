#!/usr/bin/env python3
"""The manners of the code (docs/architecture.md), as a test. Each complaint says what to do instead."""
import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 100

AWS_WORDS = re.compile(r"\b(AWS|Amazon|ARN|arn:|S3|SSE|KMS|RDS|Aurora|DMS|SigV4|IAM|STS|boto|Terraform)\b")
# What only one module may touch: pattern, the folders that may, what to do instead.
KEPT = [
    (re.compile(r"\b(system_clock::|steady_clock::|high_resolution_clock::|gettimeofday|clock_gettime|std::time\()"),
     ("foundation/base", "foundation/net"), "take a base Clock (or monotonic_ns())"),
    (re.compile(r"\b(std::random_device|rand\(\)|mt19937|getrandom|RAND_bytes)"),
     ("foundation/base",), "take a base Random"),
    (re.compile(r"(\bfopen\(|\bstd::(i|o)?fstream\b|\bstd::filesystem\b(?!::path\()|(?<!\w)::(open|rename|unlink|fsync|fdatasync)\()"),
     ("foundation/io", "foundation/store", "foundation/process"), "use io/file.h"),
    (re.compile(r"#include <sys/(epoll|socket)\.h>"), ("foundation/net",), "use net/"),
    (re.compile(r"#include <openssl/"), ("foundation/crypto", "foundation/net"), "use crypto/"),
    (re.compile(r"#include <rocksdb/"), ("foundation/store",), "use store/"),
    (re.compile(r"#include <libpq"), ("engines/postgres",), "use postgres/connection.h"),
    (re.compile(r"\bsleep_for\(|\bsleep_until\(|\busleep\("), ("foundation/base", "foundation/process"),
     "wait for an event, or co_await loop.sleep()"),
]
FUNCTION_START = re.compile(r"^[A-Za-z_].*\)[^;]*\{\s*$")


def complaints_of(path):
    relative = path.relative_to(SRC).as_posix()
    test = path.name.endswith(("_test.cc", "_fuzz.cc")) or path.name in ("testing.h", "test_bed.h")
    lines = path.read_text().splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield 1, f"{len(lines)} lines: split it, a file holds at most {MAX_FILE_LINES}"
    below = relative.startswith(("foundation/", "engines/"))
    function_at = None
    for number, line in enumerate(lines, 1):
        if below and not test and AWS_WORDS.search(line):
            yield number, f"AWS's word '{AWS_WORDS.search(line).group(0)}' below src/aws: use the field's own noun"
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) and not re.search(r"issue \d+", line):
            yield number, "a TODO without an issue: do it, or name the issue"
        if not test:
            for pattern, allowed, instead in KEPT:
                if pattern.search(line) and not relative.startswith(allowed) and not line.lstrip().startswith("//"):
                    yield number, f"'{pattern.search(line).group(0)}' is kept to {', '.join(allowed)}: {instead}"
        if FUNCTION_START.match(line) and not line.startswith(("namespace", "class", "struct", "enum", "extern")):
            function_at = number
        if line.startswith("}") and function_at:
            if number - function_at > MAX_FUNCTION_LINES:
                yield function_at, f"a function of {number - function_at} lines: at most {MAX_FUNCTION_LINES}"
            function_at = None
    if path.suffix == ".h" and not any(line.startswith("#pragma once") for line in lines):
        yield 1, "no #pragma once"


def shadowed(path):
    """Two of one name in a class or module: only the last is there, and a test that is not runs never."""
    for scope in ast.walk(ast.parse(path.read_text())):
        if not isinstance(scope, (ast.ClassDef, ast.Module)):
            continue
        seen = set()
        for part in scope.body:
            if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                if part.name in seen:
                    yield part.lineno, f"'{part.name}' takes the place of one before it: give it a name of its own"
                seen.add(part.name)


def leaks():
    """Paths of one machine, and names of tools that are not the project's."""
    found = subprocess.run(["git", "grep", "-nIE", r"(^|[^a-zA-Z])/(work|root|home/[a-z]+)/", "--", ":!tests/tidy.py"],
                           cwd=ROOT, capture_output=True, text=True).stdout
    for line in found.splitlines():
        yield f"{line[:160]}: a path of one machine"


def main():
    bad = []
    files = [p for p in sorted(SRC.rglob("*")) if p.suffix in (".h", ".cc")]
    for path in files:
        bad += [f"{path.relative_to(ROOT)}:{number}: {what}" for number, what in complaints_of(path)]
    for path in sorted(p for folder in ("bench", "codegen", "tests") for p in (ROOT / folder).rglob("*.py") if "node_modules" not in p.parts):
        bad += [f"{path.relative_to(ROOT)}:{number}: {what}" for number, what in shadowed(path)]
    bad += leaks()
    for line in bad:
        print(line)
    print(f"tidy: {len(files)} files, {len(bad)} complaints")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
