#include "aws/wire/input.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/shape_path.h"
#include "codec/utf8.h"

namespace boreal::aws::wire {

using codec::Constraints;
using codec::Field;
using codec::Kind;
using codec::Location;
using codec::Path;
using codec::Shape;

namespace {

constexpr size_t most_told = codec::most_missing;  // violations in one message
constexpr size_t longest_shown = 256;              // bytes of a value in a message
constexpr std::string_view malformed_xml =
    "The XML you provided was not well-formed or did not validate against our published schema";

class Checker {
 public:
  struct Violation {
    std::string text;
    const Field* field = nullptr;  // the member of the input that it lies in
    std::string value;
  };

  void check_structure(const Shape& shape, const void* object, const Path& path) {
    size_t there = 0;
    for (const Field& field : shape.fields) {
      const void* value = codec::member(field, object);
      if (value == nullptr) continue;
      ++there;
      if (path.parent == nullptr) top_ = &field;
      // A required member that did not come was told already; its empty value breaks nothing further.
      check(*field.shape, value, path.member(field), field.sensitive);
    }
    if (shape.kind == Kind::union_ && there != 1) add(path, "Exactly one member of the union must be set", {}, true);
  }

  std::vector<Violation> take() { return std::move(violations_); }

 private:
  void check(const Shape& shape, const void* value, const Path& path, bool sensitive) {
    if (violations_.size() >= most_told) return;
    if (shape.constraints) check_own(shape, *shape.constraints, value, path, sensitive || shape.sensitive);
    switch (shape.kind) {
      case Kind::structure:
      case Kind::union_: return check_structure(shape, value, path);
      case Kind::list:
        for (size_t i = 0; i < codec::list_size(shape, value); ++i) {
          check(*shape.element, codec::list_at(shape, value, i), path.element(i), sensitive);
        }
        return;
      case Kind::map:
        codec::each_entry(shape, value, [&](const std::string& key, const void* entry) {
          const Path at = path.entry(key);
          if (shape.key && shape.key->constraints) check_own(*shape.key, *shape.key->constraints, &key, at, sensitive);
          check(*shape.element, entry, at, sensitive);
        });
        return;
      default: return;
    }
  }

  void check_own(const Shape& shape, const Constraints& limits, const void* value, const Path& path, bool sensitive) {
    switch (shape.kind) {
      case Kind::string: {
        const auto& text = *static_cast<const std::string*>(value);
        check_size(limits, codec::utf8_characters(text), text, path, sensitive, "length");
        if (!limits.values.empty() && std::ranges::find(limits.values, text) == limits.values.end()) {
          add(path, fmt::format("Member must satisfy enum value set: [{}]", join(limits.values, ", ")), text,
              sensitive);
        }
        return;
      }
      case Kind::blob:
        return check_size(limits, static_cast<const codec::Blob*>(value)->bytes.size(), {}, path, true, "length");
      case Kind::list: return check_size(limits, codec::list_size(shape, value), {}, path, true, "length");
      case Kind::map: return check_size(limits, shape.map->size(value), {}, path, true, "length");
      case Kind::integer: {
        const int64_t number = codec::get_integer(shape, value);
        return check_range(limits, number, std::to_string(number), path, sensitive, "value");
      }
      default: return;
    }
  }

  void check_size(const Constraints& limits, size_t size, std::string_view text, const Path& path, bool sensitive,
                  std::string_view what) {
    check_range(limits, static_cast<int64_t>(size), text, path, sensitive, what);
  }

  void check_range(const Constraints& limits, int64_t number, std::string_view text, const Path& path, bool sensitive,
                   std::string_view what) {
    if (number < limits.min)
      add(path, fmt::format("Member must have {} greater than or equal to {}", what, limits.min), text, sensitive);
    if (number > limits.max)
      add(path, fmt::format("Member must have {} less than or equal to {}", what, limits.max), text, sensitive);
  }

  void add(const Path& path, std::string_view constraint, std::string_view value, bool hide_value) {
    if (violations_.size() >= most_told) return;
    const std::string shown = hide_value ? "" : fmt::format(" '{}'", value.substr(0, longest_shown));
    violations_.push_back(
        {fmt::format("Value{} at '{}' failed to satisfy constraint: {}", shown, path.text(), constraint), top_,
         std::string(hide_value ? std::string_view() : value.substr(0, longest_shown))});
  }

  std::vector<Violation> violations_;
  const Field* top_ = nullptr;
};

ApiError missing_error(const ServiceModel& model, Protocol protocol, const Shape& shape,
                       const std::vector<std::string>& missing) {
  if (protocol == Protocol::rest_xml) {
    const auto is_missing = [&](const Field& field) {
      return std::ranges::find(missing, Path().member(field).text()) != missing.end() &&
             field.location != Location::body;
    };
    const auto found = std::ranges::find_if(shape.fields, is_missing);
    if (found == shape.fields.end()) return malformed(protocol, fmt::format("{} is missing", missing.front()));
    return ApiError(std::string(model.missing_code), 400,
                    fmt::format("Missing required parameter: {}", found->wire_name));
  }
  if (model.missing_code == "MissingParameter") {
    return ApiError("MissingParameter", 400, fmt::format("The request must contain the parameter {}", missing.front()));
  }
  std::vector<std::string> parts;
  for (const auto& place : missing) {
    if (parts.size() == most_told) break;
    parts.push_back(fmt::format("Value null at '{}' failed to satisfy constraint: Member must not be null", place));
  }
  return ApiError(
      std::string(model.missing_code), 400,
      fmt::format("{} validation error{} detected: {}", parts.size(), parts.size() == 1 ? "" : "s", join(parts, "; ")));
}

}  // namespace

ApiError malformed(Protocol protocol, std::string_view why) {
  switch (protocol) {
    case Protocol::query: return ApiError("MalformedInput", 400, std::string(why));
    case Protocol::ec2: return ApiError("InvalidParameterValue", 400, std::string(why));
    case Protocol::rest_xml: return ApiError("MalformedXML", 400, fmt::format("{} ({})", malformed_xml, why));
    default: return ApiError("SerializationException", 400, std::string(why));
  }
}

Outcome<void> validate(const ServiceModel& model, Protocol protocol, const Shape& shape, const void* value,
                       const std::vector<std::string>& missing) {
  if (!missing.empty()) return refuse(missing_error(model, protocol, shape, missing));
  Checker checker;
  checker.check_structure(shape, value, Path());
  const auto violations = checker.take();
  if (violations.empty()) return {};
  const auto& first = violations.front();
  if (protocol == Protocol::rest_xml) {
    if (first.field == nullptr || first.field->location == Location::body)
      return refuse(malformed(protocol, first.text));
    return refuse(ApiError(std::string(model.invalid_code), 400, first.text)
                      .with("ArgumentName", std::string(first.field->wire_name))
                      .with("ArgumentValue", first.value));
  }
  std::vector<std::string> parts;
  for (const auto& violation : violations) parts.push_back(violation.text);
  return refuse(ApiError(std::string(model.invalid_code), 400,
                         fmt::format("{} validation error{} detected: {}", parts.size(), parts.size() == 1 ? "" : "s",
                                     join(parts, "; "))));
}

}  // namespace boreal::aws::wire
