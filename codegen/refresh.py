#!/usr/bin/env python3
"""Makes models/<service>.json from the API description that the AWS CLI installs, cut down to models/<service>.ops.

Usage: python3 codegen/refresh.py SERVICE...

Keeps facts only (names, types, limits, wire names, bindings, error codes), no documentation text. The result is
committed: a build needs neither Python packages nor the AWS CLI.
"""

import gzip
import json
import pathlib
import re
import sys

MODELS = pathlib.Path(__file__).resolve().parent.parent / "models"

SHAPE_FACTS = ("type", "required", "enum", "min", "max", "pattern", "sensitive", "flattened", "locationName",
               "xmlNamespace", "payload", "timestampFormat", "union", "document", "eventstream")
MEMBER_FACTS = ("shape", "locationName", "location", "queryName", "flattened", "xmlAttribute", "xmlNamespace",
                "timestampFormat", "idempotencyToken", "streaming", "jsonvalue")
OPERATION_LINE = re.compile(r"^(\w+)((?: +[^\s|]+\|[^\s|]+)*)$")


def description(service):
    """The newest API description of the service that botocore has."""
    import botocore
    folder = pathlib.Path(botocore.__file__).parent / "data" / service
    if not folder.is_dir():
        sys.exit(f"botocore has no service {service!r}")
    newest = max(p for p in folder.iterdir() if p.is_dir())
    path = newest / "service-2.json"
    text = path.read_bytes() if path.exists() else gzip.decompress((newest / "service-2.json.gz").read_bytes())
    return json.loads(text)


def served(service):
    """What models/<service>.ops names: operation -> its access templates."""
    result = {}
    for number, line in enumerate((MODELS / f"{service}.ops").read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = OPERATION_LINE.match(line)
        if not match:
            sys.exit(f"models/{service}.ops:{number}: want 'Operation action|resource ...', got {line!r}")
        if match[1] in result:
            sys.exit(f"models/{service}.ops:{number}: {match[1]} is there twice")
        result[match[1]] = match[2].split()
    return result


def only(facts, source):
    return {k: source[k] for k in facts if k in source and source[k] not in (None, False)}


def shape_facts(shape):
    facts = only(SHAPE_FACTS, shape)
    for part in ("member", "key", "value"):
        if part in shape:
            facts[part] = only(MEMBER_FACTS, shape[part])
    if "members" in shape:
        facts["members"] = {name: only(MEMBER_FACTS, member) for name, member in shape["members"].items()}
    return facts


def error_facts(shape):
    error = shape.get("error", {})
    fault = bool(shape.get("fault"))
    facts = {"status": error.get("httpStatusCode", 500 if fault else 400)}
    if "code" in error:
        facts["code"] = error["code"]
    if fault or error.get("senderFault") is False:
        facts["fault"] = True
    return facts


def closure(model, roots):
    """The names of all shapes that are reached from the roots."""
    found, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        shape = model["shapes"][name]
        parts = list(shape.get("members", {}).values()) + [shape[p] for p in ("member", "key", "value") if p in shape]
        todo += [part["shape"] for part in parts]
    return found


def operation_facts(operation, access):
    http = operation["http"]
    facts = {"method": http["method"], "uri": http["requestUri"]}
    if http.get("responseCode", 200) != 200:
        facts["status"] = http["responseCode"]
    if "input" in operation:
        facts["input"] = operation["input"]["shape"]
        facts |= {f"input_{k}": operation["input"][k] for k in ("locationName", "xmlNamespace") if k in operation["input"]}
    if "output" in operation:
        facts["output"] = operation["output"]["shape"]
        if "resultWrapper" in operation["output"]:
            facts["result_wrapper"] = operation["output"]["resultWrapper"]
    if operation.get("errors"):
        facts["errors"] = sorted({e["shape"] for e in operation["errors"]})
    if access:
        facts["access"] = access
    return facts


def refresh(service):
    model, wanted = description(service), served(service)
    unknown = sorted(set(wanted) - set(model["operations"]))
    if unknown:
        sys.exit(f"models/{service}.ops names operations that the API does not have: {', '.join(unknown)}")
    about = model["metadata"]
    operations = {n: operation_facts(model["operations"][n], access) for n, access in wanted.items()}
    roots = {o[k] for o in operations.values() for k in ("input", "output") if k in o}
    errors = {e for o in operations.values() for e in o.get("errors", [])}
    return {
        "service": service,
        "api_version": about["apiVersion"],
        "protocols": about.get("protocols", [about["protocol"]]),
        "signing_name": about.get("signingName", about["endpointPrefix"]),
        "endpoint_prefix": about["endpointPrefix"],
        "json_version": about.get("jsonVersion", ""),
        "target_prefix": about.get("targetPrefix", ""),
        "xml_namespace": about.get("xmlNamespace", ""),
        "query_compatible": "awsQueryCompatible" in about,
        "global": "globalEndpoint" in about and service != "s3",
        "operations": operations,
        "errors": {n: error_facts(model["shapes"][n]) for n in errors},
        "shapes": {n: shape_facts(model["shapes"][n]) for n in closure(model, roots)},
        "not_served": {n: f"{o['http']['method']} {o['http']['requestUri']}"
                       for n, o in model["operations"].items() if n not in wanted},
    }


def text(model):
    """JSON with one operation, error or shape a line, sorted, so that a refresh shows as a readable diff."""
    lines = []
    for key, value in model.items():
        if isinstance(value, dict):
            rows = [f'  {json.dumps(n)}: {json.dumps(value[n], ensure_ascii=False)}' for n in sorted(value)]
            lines.append(f' {json.dumps(key)}: {{\n' + ",\n".join(rows) + "\n }")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for service in sys.argv[1:]:
        path = MODELS / f"{service}.json"
        model = refresh(service)
        path.write_text(text(model))
        print(f"{path.name}: {len(model['operations'])} operations, {len(model['shapes'])} shapes, "
              f"{len(model['not_served'])} not served, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
