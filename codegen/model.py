"""A service's model as the generators want it: facts of models/<service>.json with the patches applied, and the
questions answered that more than one generator asks."""

import json
import sys

from names import pascal

SCALARS = {
    "boolean": "bool", "integer": "int32_t", "long": "int64_t", "float": "float", "double": "double",
    "string": "std::string", "blob": "::boreal::codec::Blob", "timestamp": "::boreal::Time",
}
STREAM = "std::unique_ptr<::boreal::Source>"


def merge(base, patch):
    """RFC 7386: objects are merged, null removes, everything else replaces."""
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


class Model:
    def __init__(self, folder, service):
        self.service = service
        self.facts = json.loads((folder / f"{service}.json").read_text())
        patch = folder / "patches" / f"{service}.json"
        if patch.exists():
            merge(self.facts, json.loads(patch.read_text()))
        self.shapes = self.facts["shapes"]
        self.operations = dict(sorted(self.facts["operations"].items()))
        self.errors = dict(sorted(self.facts["errors"].items()))
        self.protocol = self.facts["protocols"][0]
        self.inputs = self._closure(o["input"] for o in self.operations.values() if "input" in o)
        self.structures = self._in_order()
        self.empty = sorted(self._empty_structs())

    def _parts(self, name):
        shape = self.shapes[name]
        if shape.get("document"):
            return []
        return [m["shape"] for _, m in sorted(shape.get("members", {}).items())] + \
               [shape[p]["shape"] for p in ("member", "key", "value") if p in shape]

    def _closure(self, roots):
        found, todo = set(), list(roots)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self._parts(name)
        return found

    def _in_order(self):
        """Structures, each after those it holds. A shape that holds itself ends the run."""
        order, path, done = [], [], set()

        def visit(name):
            if name in path:
                cycle = " > ".join(path[path.index(name):] + [name])
                sys.exit(f"models/{self.service}.json: {cycle} contains itself; recursive shapes are not supported: "
                         "cut the member with a patch, or give it the type of a document")
            if name in done:
                return
            path.append(name)
            for part in self._parts(name):
                visit(part)
            path.pop()
            done.add(name)
            if self.is_structure(name):
                order.append(name)

        for name in sorted(self.shapes):
            visit(name)
        return order

    def _empty_structs(self):
        for name, operation in self.operations.items():
            for key, suffix in (("input", "Input"), ("output", "Output")):
                if key not in operation:
                    if name + suffix in self.shapes:
                        sys.exit(f"models/{self.service}.json: {name}{suffix} is a shape and the name of an empty struct")
                    yield name + suffix

    def is_structure(self, name):
        shape = self.shapes[name]
        return shape["type"] == "structure" and not shape.get("document")

    def input_type(self, operation):
        return pascal(self.operations[operation].get("input", operation + "Input"))

    def output_type(self, operation):
        return pascal(self.operations[operation].get("output", operation + "Output"))

    def cpp_type(self, name):
        shape = self.shapes[name]
        kind = shape["type"]
        if shape.get("eventstream"):
            sys.exit(f"models/{self.service}.json: {name}: event streams are not supported")
        if shape.get("document"):
            return "::boreal::codec::Document"
        if kind == "structure":
            return pascal(name)
        if kind == "list":
            return f"std::vector<{self.cpp_type(shape['member']['shape'])}>"
        if kind == "map":
            return f"std::map<std::string, {self.cpp_type(shape['value']['shape'])}>"
        return SCALARS[kind]

    def is_stream(self, member):
        return bool(member.get("streaming") or self.shapes[member["shape"]].get("streaming"))

    def member_type(self, structure, member_name):
        """The C++ type of a member and whether it is wrapped into std::optional."""
        member = self.shapes[structure]["members"][member_name]
        if self.is_stream(member):
            return STREAM, False
        return self.cpp_type(member["shape"]), member_name not in self.shapes[structure].get("required", [])

    def members(self, structure):
        return self.shapes[structure].get("members", {})

    def members_in_order(self, structure):
        """As they stand in a document: those that the shape's `order` names come first."""
        members, order = self.members(structure), self.shapes[structure].get("order", [])
        if unknown := [name for name in order if name not in members]:
            sys.exit(f"models/{self.service}.json: the order of {structure} names {', '.join(unknown)}, which it has not")
        return [*order, *(name for name in members if name not in order)]
