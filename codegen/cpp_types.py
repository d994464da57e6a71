"""types.h: a plain struct for each structure of the API."""

from names import pascal, snake


def initial(cpp_type, optional):
    plain = not optional and cpp_type in ("bool", "int32_t", "int64_t", "float", "double")
    return "{}" if plain else ""


def struct(model, name):
    lines = [f"struct {pascal(name)} {{"]
    names = {}
    for member_name in model.members(name):
        cpp_name = snake(member_name)
        if cpp_name in names:
            raise SystemExit(f"models/{model.service}.json: {name}: {member_name} and {names[cpp_name]} both become {cpp_name}")
        names[cpp_name] = member_name
        cpp_type, optional = model.member_type(name, member_name)
        wrapped = f"std::optional<{cpp_type}>" if optional else cpp_type
        lines.append(f"  {wrapped} {cpp_name}{initial(cpp_type, optional)};")
    lines += ["", "  static const ::boreal::codec::Shape& codec_shape();", "};"]
    return "\n".join(lines)


def types_h(model):
    parts = ["// Made by codegen/generate.py; do not edit.", "#pragma once", "",
             "#include <cstdint>", "#include <map>", "#include <memory>", "#include <optional>", "#include <string>",
             "#include <vector>", "", '#include "codec/shape.h"', "",
             f"namespace boreal::api::{model.service} {{", ""]
    for name in model.structures:
        parts += [struct(model, name), ""]
    for name in model.empty:
        parts += [f"struct {name} {{", "  static const ::boreal::codec::Shape& codec_shape();", "};", ""]
    parts.append(f"}}  // namespace boreal::api::{model.service}\n")
    return "\n".join(parts)
