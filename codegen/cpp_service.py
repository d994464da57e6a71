"""service.h, service.cc, operations_N.cc: the abstract service and its table of operations; errors.h, errors.cc."""

from cpp_tables import table_name
from names import pascal, quoted, snake

OPERATIONS_PER_FILE = 100
PROTOCOLS = {"query": "query", "ec2": "ec2", "json": "json", "rest-json": "rest_json", "rest-xml": "rest_xml",
             "smithy-rpc-v2-cbor": "cbor"}
NOTE = "// Made by codegen/generate.py; do not edit."


def within(model, lines):
    return [f"namespace boreal::api::{model.service} {{", "", *lines, "", f"}}  // namespace boreal::api::{model.service}", ""]


def errors_h(model):
    names = [snake(pascal(name)) for name in model.errors]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f"models/{model.service}.json: two errors become {', '.join(sorted(twice))}")
    rows = [f"aws::ApiError {name}(std::string message);" for name in names]
    return "\n".join([NOTE, "#pragma once", "", "#include <string>", "", '#include "aws/error.h"', "",
                      f"namespace boreal::api::{model.service}::errors {{", "", *rows, "",
                      f"}}  // namespace boreal::api::{model.service}::errors", ""])


def errors_cc(model):
    rows = []
    for name, error in model.errors.items():
        code = quoted(error.get("code", name))
        rows.append(f"aws::ApiError {snake(pascal(name))}(std::string message) {{\n"
                    f"  return aws::ApiError({code}, {error['status']}, std::move(message));\n}}")
    return "\n".join([NOTE, f'#include "api/{model.service}/errors.h"', "",
                      f"namespace boreal::api::{model.service}::errors {{", "", *rows, "",
                      f"}}  // namespace boreal::api::{model.service}::errors", ""])


def service_h(model):
    rows = []
    for name in model.operations:
        rows.append(f"  virtual Task<aws::Outcome<{model.output_type(name)}>> {snake(name)}"
                    f"(aws::Call& call, {model.input_type(name)} input) = 0;")
    body = ["extern const aws::ServiceModel service_model;", "",
            "// The operations that are served, by models/<service>.json. All others answer 501 by name.",
            "class Api : public aws::Service {", " public:",
            "  const aws::ServiceModel& model() const override { return service_model; }", "", *rows, "};"]
    return "\n".join([NOTE, "#pragma once", "", f'#include "api/{model.service}/errors.h"',
                      f'#include "api/{model.service}/types.h"', '#include "aws/service.h"', "", *within(model, body)])


def invoker(name):
    return f"Task<aws::Outcome<aws::Value>> call_{snake(name)}(aws::Service& service, aws::Call& call, aws::Value input)"


def operations_cc(model, names):
    rows = []
    for name in names:
        rows.append(f"{invoker(name)} {{\n"
                    f"  return aws::invoke<&Api::{snake(name)}>(service, call, std::move(input));\n}}\n")
    return "\n".join([NOTE, '#include "aws/invoke.h"', f'#include "api/{model.service}/service.h"', "", *within(model, rows)])


def operation_row(model, name, operation):
    method, table = snake(name), lambda shape: f"&{table_name(shape)}"
    parts = [f".service = {quoted(model.service)}", f".name = {quoted(name)}", f".method = {quoted(operation['method'])}",
             f".uri = {quoted(operation['uri'])}", f".success_status = {operation.get('status', 200)}",
             f".input = {table(operation['input']) if 'input' in operation else 'nullptr'}",
             f".output = {table(operation['output']) if 'output' in operation else 'nullptr'}",
             f".result_wrapper = {quoted(operation.get('result_wrapper', ''))}", ".served = true"]
    if operation.get("access"):
        parts.append(f".access = access_{method}")
    parts.append(f".make_input = [] {{ return aws::Value::of({model.input_type(name)}{{}}); }}")
    parts.append(f".make_output = [] {{ return aws::Value::of({model.output_type(name)}{{}}); }}")
    parts.append(f".invoke = &call_{method}")
    return "    {" + ", ".join(parts) + "},"


def not_served_row(model, name, binding):
    method, uri = binding.split(" ", 1)
    return (f"    {{.service = {quoted(model.service)}, .name = {quoted(name)}, .method = {quoted(method)}, "
            f".uri = {quoted(uri)}, .success_status = 200, .served = false}},")


def service_cc(model):
    facts = model.facts
    lines = [invoker(name) + ";" for name in model.operations] + ["", "namespace {", ""]
    for name, operation in model.operations.items():
        if operation.get("access"):
            values = ", ".join(quoted(a) for a in operation["access"])
            lines.append(f"constexpr std::string_view access_{snake(name)}[] = {{{values}}};")
    rows = {name: operation_row(model, name, o) for name, o in model.operations.items()}
    rows |= {name: not_served_row(model, name, b) for name, b in facts["not_served"].items()}
    lines += ["", "constinit const aws::Operation operations[] = {", *(rows[n] for n in sorted(rows)), "};", ""]
    protocols = ", ".join(f"aws::Protocol::{PROTOCOLS[p]}" for p in facts["protocols"])
    lines += [f"constexpr aws::Protocol protocols[] = {{{protocols}}};", "", "}  // namespace", ""]
    texts = {"name": model.service, "signing_name": facts["signing_name"], "endpoint_prefix": facts["endpoint_prefix"],
             "iam_prefix": facts.get("iam_prefix", facts["endpoint_prefix"]), "api_version": facts["api_version"],
             "target_prefix": facts["target_prefix"], "xml_namespace": facts["xml_namespace"], "json_version": facts["json_version"]}
    lines.append("constinit const aws::ServiceModel service_model{")
    lines += [f"    .{k} = {quoted(v)}," for k, v in texts.items()]
    lines += ["    .protocols = protocols,", f"    .query_compatible = {str(facts['query_compatible']).lower()},",
              f"    .global = {str(facts['global']).lower()},", "    .operations = operations,"]
    lines += [f"    .{k} = {quoted(facts[k])}," for k in ("invalid_code", "missing_code") if k in facts]
    lines += ["    .bare_errors = true,"] if facts.get("bare_errors") else []
    lines.append("};")
    return "\n".join([NOTE, f'#include "api/{model.service}/service.h"', f'#include "api/{model.service}/tables.h"', "",
                      *within(model, lines)])


def service_files(model):
    """File name -> text."""
    files = {"errors.h": errors_h(model), "errors.cc": errors_cc(model), "service.h": service_h(model),
             "service.cc": service_cc(model)}
    names = list(model.operations)
    for number, start in enumerate(range(0, max(len(names), 1), OPERATIONS_PER_FILE)):
        files[f"operations_{number}.cc"] = operations_cc(model, names[start:start + OPERATIONS_PER_FILE])
    return files
