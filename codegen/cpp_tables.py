"""tables.h and tables_N.cc: the constant tables that describe the types of types.h."""

from names import pascal, quoted, snake

KINDS = {"boolean": "boolean", "integer": "integer", "long": "integer", "float": "number", "double": "number",
         "string": "string", "blob": "blob", "timestamp": "timestamp"}
BYTES = {"integer": 4, "long": 8, "float": 4, "double": 8}
FORMATS = {"iso8601": "iso8601", "unixTimestamp": "unix_seconds", "rfc822": "http_date"}
LOCATIONS = {"header": "header", "headers": "headers", "querystring": "query", "uri": "uri", "statusCode": "status_code"}
STRUCTURES_PER_FILE = 300
INT64 = (-2**63, 2**63 - 1)


def table_name(name):
    return "s_" + "".join(c if c.isalnum() else "_" for c in name)


def integral(value):
    return isinstance(value, int) and INT64[0] < value < INT64[1]


class Tables:
    def __init__(self, model):
        self.model = model
        self.ec2 = model.protocol == "ec2"

    def reference(self, name):
        return f"&{table_name(name)}"

    def constraints(self, name, shape):
        """The lines that declare what values are allowed, and the initialiser that points to them."""
        if name not in self.model.inputs:
            return [], None
        lines, parts = [], []
        if integral(shape.get("min")):
            parts.append(f".min = {shape['min']}")
        if integral(shape.get("max")):
            parts.append(f".max = {shape['max']}")
        if shape.get("enum"):
            values = ", ".join(quoted(v) for v in shape["enum"])
            lines.append(f"constexpr std::string_view v_{table_name(name)}[] = {{{values}}};")
            parts.append(f".values = v_{table_name(name)}")
        if shape.get("pattern"):
            parts.append(f".pattern = {quoted(shape['pattern'])}")
        if not parts:
            return [], None
        lines.append(f"constexpr codec::Constraints c_{table_name(name)}{{{', '.join(parts)}}};")
        return lines, f"&c_{table_name(name)}"

    def element_parts(self, shape):
        model = self.model
        if shape["type"] == "list":
            element = shape["member"]
            cpp_type = model.cpp_type(element["shape"])
            default = "member" if not self.ec2 else "item"
            return [f".element = {self.reference(element['shape'])}",
                    f".element_name = {quoted(element.get('locationName', default))}",
                    f".list = &codec::list_ops<{cpp_type}>"]
        element, key = shape["value"], shape["key"]
        return [f".element = {self.reference(element['shape'])}", f".key = {self.reference(key['shape'])}",
                f".element_name = {quoted(element.get('locationName', 'value'))}",
                f".key_name = {quoted(key.get('locationName', 'key'))}",
                f".map = &codec::map_ops<{model.cpp_type(element['shape'])}>"]

    def shape(self, name):
        """The definition of one shape's table."""
        shape = self.model.shapes[name]
        lines, limits = self.constraints(name, shape)
        parts = [f".name = {quoted(name)}"]
        kind = shape["type"]
        if shape.get("document"):
            head = "document"
        elif kind == "structure":
            head = "union_" if shape.get("union") else "structure"
        elif kind in ("list", "map"):
            head = kind
        else:
            head = "stream" if shape.get("streaming") else KINDS[kind]
        if kind in BYTES:
            parts.append(f".bytes = {BYTES[kind]}")
        for flag in ("sensitive", "flattened"):
            if shape.get(flag):
                parts.append(f".{flag} = true")
        if "timestampFormat" in shape:
            parts.append(f".timestamp_format = codec::TimestampFormat::{FORMATS[shape['timestampFormat']]}")
        if head in ("structure", "union_") and self.model.members(name):
            rows = ",\n".join(self.field(name, m) for m in self.model.members_in_order(name))
            lines.append(f"constexpr codec::Field f_{table_name(name)}[] = {{\n{rows}}};")
            parts.append(f".fields = f_{table_name(name)}")
        if head in ("list", "map"):
            parts += self.element_parts(shape)
        if shape.get("locationName"):
            parts.append(f".xml_name = {quoted(shape['locationName'])}")
        if shape.get("xmlNamespace"):
            namespace = shape["xmlNamespace"]
            parts.append(f".xml_namespace = {quoted(namespace['uri'] if isinstance(namespace, dict) else namespace)}")
        if limits:
            parts.append(f".constraints = {limits}")
        lines.append(f"constinit const codec::Shape {table_name(name)}{{.kind = codec::Kind::{head}, {', '.join(parts)}}};")
        if head in ("structure", "union_"):
            lines.append(f"const codec::Shape& {pascal(name)}::codec_shape() {{ return {table_name(name)}; }}")
        return "\n".join(lines)

    def wire_name(self, member_name, member):
        target = self.model.shapes[member["shape"]]
        flattened = target["type"] == "list" and (target.get("flattened") or member.get("flattened"))
        if self.model.protocol == "query" and flattened and "locationName" in target["member"]:
            return target["member"]["locationName"]
        return member.get("locationName", member_name)

    def query_name(self, member_name, member):
        """EC2's rule: queryName, else the wire name with a capital, else the member's name."""
        if "queryName" in member:
            return member["queryName"]
        name = member.get("locationName", member_name)
        return name[0].upper() + name[1:]

    def field(self, structure, member_name):
        model = self.model
        member = model.members(structure)[member_name]
        target = model.shapes[member["shape"]]
        cpp_type, optional = model.member_type(structure, member_name)
        wire = self.wire_name(member_name, member)
        shape = "&s_stream" if model.is_stream(member) else self.reference(member["shape"])
        owner = model.shapes[structure]
        parts = [f".name = {quoted(snake(member_name))}", f".member_name = {quoted(member_name)}",
                 f".wire_name = {quoted(wire)}", f".shape = {shape}",
                 f".offset = offsetof({pascal(structure)}, {snake(member_name)})"]
        if optional:
            parts.append(f".optional = &codec::optional_ops<{cpp_type}>")
        if member_name in owner.get("required", []):
            parts.append(".required = true")
        if member.get("location") in LOCATIONS:
            parts.append(f".location = codec::Location::{LOCATIONS[member['location']]}")
        flags = {"payload": owner.get("payload") == member_name,
                 "flattened": member.get("flattened") or target.get("flattened"),
                 "xml_attribute": member.get("xmlAttribute"), "xml_text": member.get("xmlText"),
                 "idempotency_token": member.get("idempotencyToken"), "sensitive": target.get("sensitive")}
        parts += [f".{flag} = true" for flag, is_set in flags.items() if is_set]
        if "timestampFormat" in member:
            parts.append(f".timestamp_format = codec::TimestampFormat::{FORMATS[member['timestampFormat']]}")
        if self.ec2:
            parts.append(f".query_name = {quoted(self.query_name(member_name, member))}")
        namespace = member.get("xmlNamespace") or target.get("xmlNamespace")
        if isinstance(namespace, dict):
            parts.append(f".xml_namespace = {quoted(namespace['uri'])}")
            if "prefix" in namespace:
                parts.append(f".xml_prefix = {quoted(namespace['prefix'])}")
        return "    {" + ", ".join(parts) + "}"

    def header(self):
        rows = [f"extern const codec::Shape {table_name(n)};" for n in sorted(self.model.shapes)]
        return "\n".join(["// Made by codegen/generate.py; do not edit.", "#pragma once", "", "#include <cstddef>", "",
                          f'#include "api/{self.model.service}/types.h"', "",
                          f"namespace boreal::api::{self.model.service} {{", "",
                          "inline constexpr codec::Shape s_stream{.kind = codec::Kind::stream, .name = \"stream\"};",
                          *rows, "", f"}}  // namespace boreal::api::{self.model.service}", ""])

    def source(self, names, empty):
        model = self.model
        parts = ["// Made by codegen/generate.py; do not edit.", f'#include "api/{model.service}/tables.h"', "",
                 "// offsetof of types that are not standard-layout: clang and GCC both define it.",
                 '#pragma GCC diagnostic ignored "-Winvalid-offsetof"', "",
                 f"namespace boreal::api::{model.service} {{", ""]
        parts += [self.shape(name) + "\n" for name in names]
        for name in empty:
            parts.append(f"constinit const codec::Shape e_{name}{{.kind = codec::Kind::structure, .name = {quoted(name)}}};\n"
                         f"const codec::Shape& {name}::codec_shape() {{ return e_{name}; }}\n")
        parts.append(f"}}  // namespace boreal::api::{model.service}\n")
        return "\n".join(parts)


def table_files(model):
    """File name -> text."""
    tables, names = Tables(model), sorted(model.shapes)
    files = {"tables.h": tables.header()}
    for number, start in enumerate(range(0, max(len(names), 1), STRUCTURES_PER_FILE)):
        empty = model.empty if number == 0 else []
        files[f"tables_{number}.cc"] = tables.source(names[start:start + STRUCTURES_PER_FILE], empty)
    return files
