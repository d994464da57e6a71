#!/usr/bin/env python3
"""Seeded random inputs and outputs of every served operation: botocore writes requests that wire must read, and reads
answers that wire has written; both must mean the same. Usage: differential.py PATH_OF_wire_echo [ROUNDS]. Exit code 77: no botocore."""

import base64
import datetime
import itertools
import json
import random
import subprocess
import sys
import urllib.parse

try:
    import botocore.awsrequest
    import botocore.parsers
    import botocore.serialize
    import botocore.session
except ImportError:
    print("skipped: botocore is not installed")
    sys.exit(77)

SERVICES = "backup dms ec2 iam kms rds s3 s3control secretsmanager sts".split()
TEXT = "abcXYZ019 .:/+=@%&<>\"'\\-_é漢\u00a0~*"
# What botocore itself treats apart from its model, in handlers that are not part of the serializer and parser.
NOT_COMPARED = {("s3", "GetBucketLocation")}
LEFT_OUT = {
    ("s3", "Expires"),         # patched: any text is taken, botocore wants a date
    ("rds", "SourceRegion"),   # the SDKs' own, never sent
}


class Maker:
    """Random values of botocore shapes, in the forms that the API's users give them."""

    def __init__(self, rng, service):
        self.rng, self.service = rng, service

    def text(self, shape, plain):
        if getattr(shape, "enum", None):
            return self.rng.choice(shape.enum)
        low = max(shape.metadata.get("min", 1), 1)
        high = min(shape.metadata.get("max", low + 12), low + 12)
        letters = "abcXYZ019-" if plain else TEXT
        text = "".join(self.rng.choice(letters) for _ in range(self.rng.randint(low, max(low, high))))
        return text if plain else "a" + text[1:-1] + "z" if len(text) > 1 else "a"

    def number(self, shape):
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 2**31 - 1)
        return self.rng.randint(int(low), int(min(high, 2**31 - 1)))

    def value(self, shape, plain=False):
        kind = shape.type_name
        if kind == "string":
            return self.text(shape, plain)
        if kind in ("integer", "long"):
            return self.number(shape)
        if kind in ("float", "double"):
            return self.rng.randint(0, 4000) / 8
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "timestamp":
            return datetime.datetime.fromtimestamp(self.rng.randint(0, 2**31), datetime.timezone.utc)
        if kind == "blob":
            low = shape.metadata.get("min", 1)
            return self.rng.randbytes(self.rng.randint(low, low + 9))
        if kind == "list":
            low = max(shape.metadata.get("min", 1), 1)
            return [self.value(shape.member, plain) for _ in range(self.rng.randint(low, low + 2))]
        if kind == "map":
            return {self.text(shape.key, True): self.value(shape.value, plain) for _ in range(self.rng.randint(1, 3))}
        return self.structure(shape)

    def structure(self, shape):
        names = list(shape.members)
        if shape.metadata.get("union"):
            chosen = {self.rng.choice(names)}
        else:
            chosen = {n for n in names if n in shape.required_members or self.rng.random() < 0.4}
            chosen = chosen or set(self.rng.sample(names, min(1, len(names))))
        result = {}
        for name in names:
            member = shape.members[name]
            if name in chosen and not self.is_stream(shape, name) and (self.service, name) not in LEFT_OUT:
                plain = member.serialization.get("location") in ("header", "headers") or member.type_name == "map"
                result[name] = self.value(member, plain)
                if member.serialization.get("location") == "headers":  # names of headers know no case
                    result[name] = {k.lower(): v for k, v in result[name].items()}
        return result

    @staticmethod
    def is_stream(shape, name):
        return shape.members[name].serialization.get("streaming")


# Headers that our models (models/patches) spell as AWS sends them, and its descriptions otherwise.
SPELLED_ANEW = {"accept-ranges": "Accept-Ranges"}


def on_wire(shape, value):
    """The value as wire_echo tells it: wire names, seconds, base64."""
    kind = shape.type_name
    if kind == "structure":
        return {shape.members[n].serialization.get("name", n): on_wire(shape.members[n], v) for n, v in value.items()}
    if kind == "list":
        return [on_wire(shape.member, v) for v in value]
    if kind == "map":
        return {k: on_wire(shape.value, v) for k, v in value.items()}
    if kind == "timestamp":
        return int(value.timestamp())
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value


def in_one_list(told):
    """Versions and delete markers, as wire has them: in one order."""
    kinds = ("DeleteMarker", "Version")
    pairs = itertools.zip_longest(*([{kind: row} for row in told.get(kind, [])] for kind in kinds))
    rest = {name: value for name, value in told.items() if name not in kinds}
    both = [row for pair in pairs for row in pair if row]
    return {**rest, "": both} if both else rest


def same(a, b):
    """Equal, where a number may also stand as a timestamp's text, and a boolean as its own: a service may judge it itself."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bool) and isinstance(b, str):
        return b == str(a).lower()
    if isinstance(a, int) and isinstance(b, str):
        for form in ("%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"):
            try:
                return a == int(datetime.datetime.strptime(b, form).replace(tzinfo=datetime.timezone.utc).timestamp())
            except ValueError:
                continue
    return a == b


class Differential:
    def __init__(self, program, rounds):
        self.echo = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds, self.compared, self.failures = rounds, 0, []

    def ask(self, **line):
        self.echo.stdin.write(json.dumps(line) + "\n")
        self.echo.stdin.flush()
        return json.loads(self.echo.stdout.readline())

    def fail(self, what, expected, got):
        self.failures.append(f"{what}\n    expected {str(expected)[:1500]}\n    got      {str(got)[:1500]}")

    def request(self, service, model, operation, maker):
        shape = operation.input_shape
        params = maker.structure(shape) if shape else {}
        protocol = model.metadata["protocol"]
        written = botocore.serialize.create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
        target = written["url_path"]
        if written["query_string"]:
            pairs = written["query_string"].items() if isinstance(written["query_string"], dict) else written["query_string"]
            target += ("&" if "?" in target else "?") + urllib.parse.urlencode(list(pairs), doseq=True, quote_via=urllib.parse.quote)
        body = written["body"]
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        body = body.encode() if isinstance(body, str) else bytes(body)
        headers = [[k, str(v)] for k, v in written["headers"].items()]
        got = self.ask(do="parse", service=service, method=written["method"], target=target, headers=headers,
                       body=base64.b64encode(body).decode())
        expected = {"operation": operation.name, "input": on_wire(shape, params) if shape else {}}
        self.compared += 1
        if not same(expected, got):
            self.fail(f"request of {service} {operation.name}: {target} {headers} {body[:600]!r}", expected, got)

    def answer(self, service, model, operation, maker):
        shape = operation.output_shape
        if shape is None or (service, operation.name) in NOT_COMPARED:
            return
        params = {n: v for n, v in maker.structure(shape).items() if shape.members[n].serialization.get("location") != "statusCode"}
        told = {SPELLED_ANEW.get(name, name): value for name, value in on_wire(shape, params).items()}
        reply = self.ask(do="answer", service=service, operation=operation.name,
                         output=in_one_list(told) if operation.name == "ListObjectVersions" else told)
        if "status" not in reply:
            return self.fail(f"answer of {service} {operation.name}", params, reply)
        parser = botocore.parsers.create_parser(model.metadata["protocol"])
        headers = botocore.awsrequest.HeadersDict({k: v for k, v in reply["headers"]})
        body = base64.b64decode(reply["body"])
        got = parser.parse({"status_code": reply["status"], "headers": headers, "body": body}, shape)
        got.pop("ResponseMetadata")
        streams = [n for n in shape.members if maker.is_stream(shape, n)]
        statuses = [n for n in shape.members if shape.members[n].serialization.get("location") == "statusCode"]
        for name in streams + statuses:
            got.pop(name, None)
        self.compared += 1
        expected, read = on_wire(shape, params), on_wire(shape, got)
        # botocore shows an absent flattened or wrapped list of REST-XML as absent, an absent map as empty.
        read = {k: v for k, v in read.items() if v not in ({}, []) or k in expected}
        if not same(expected, read):
            self.fail(f"answer of {service} {operation.name}: {headers} {body[:600]!r}", expected, read)

    def refusal(self, service, model):
        reply = self.ask(do="refuse", service=service, code="Some.Code", message="a <b> & \"c\"", status=409)
        parser = botocore.parsers.create_parser(model.metadata["protocol"])
        headers = botocore.awsrequest.HeadersDict({k: v for k, v in reply["headers"]})
        got = parser.parse({"status_code": 409, "headers": headers, "body": base64.b64decode(reply["body"])}, None)
        self.compared += 1
        if (got["Error"]["Code"], got["Error"]["Message"]) != ("Some.Code", "a <b> & \"c\""):
            self.fail(f"refusal of {service}", "Some.Code", got)

    def run(self, models):
        session = botocore.session.Session()
        for service in SERVICES:
            model = session.get_service_model(service)
            self.refusal(service, model)
            for name in json.loads((models / f"{service}.json").read_text())["operations"]:
                operation = model.operation_model(name)
                for number in range(self.rounds):
                    maker = Maker(random.Random(f"{service} {name} {number}"), service)
                    self.request(service, model, operation, maker)
                    self.answer(service, model, operation, maker)
        self.echo.stdin.close()
        return self.echo.wait()


def main():
    import pathlib
    test = Differential(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4)
    code = test.run(pathlib.Path(__file__).resolve().parents[2] / "models")
    for failure in test.failures[:40]:
        print(failure)
    print(f"{test.compared} compared, {len(test.failures)} differ")
    sys.exit(1 if test.failures or code else 0)


if __name__ == "__main__":
    main()
