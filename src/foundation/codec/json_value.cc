#include "codec/json_value.h"

#include <fmt/format.h>

#include <stdexcept>
#include <unordered_set>

namespace boreal::json {
namespace {

Result<Value> read(Reader& in, Duplicates duplicates);

Result<Value> read_array(Reader& in, Duplicates duplicates) {
  CHECK(in.begin_array());
  Value::Array items;
  while (true) {
    TRY(bool more, in.next_element());
    if (!more) return Value(std::move(items));
    TRY(Value item, read(in, duplicates));
    items.push_back(std::move(item));
  }
}

Result<Value> read_object(Reader& in, Duplicates duplicates) {
  CHECK(in.begin_object());
  Value::Object members;
  std::unordered_set<std::string> seen;
  while (true) {
    TRY(auto name, in.next_member());
    if (!name) return Value(std::move(members));
    std::string kept(*name);
    if (duplicates == Duplicates::refuse && !seen.insert(kept).second) {
      return in.error(fmt::format("the member \"{}\" occurs twice", kept.substr(0, 100)));
    }
    TRY(Value value, read(in, duplicates));
    members.push_back({std::move(kept), std::move(value)});
  }
}

// Recursion is bounded by the reader's depth.
Result<Value> read(Reader& in, Duplicates duplicates) {
  TRY(Kind kind, in.peek());
  switch (kind) {
    case Kind::object: return read_object(in, duplicates);
    case Kind::array: return read_array(in, duplicates);
    case Kind::string: {
      TRY(std::string_view text, in.string());
      return Value(text);
    }
    case Kind::number: {
      TRY(std::string_view text, in.number());
      return Value::number(std::string(text));
    }
    case Kind::boolean: {
      TRY(bool value, in.boolean());
      return Value(value);
    }
    case Kind::null: break;
  }
  CHECK(in.null());
  return Value();
}

}  // namespace

Value::Value(std::string value) : data_(std::move(value)) {}
Value::Value(std::string_view value) : data_(std::string(value)) {}
Value::Value(const char* value) : data_(std::string(value)) {}
Value::Value(Array value) : data_(std::move(value)) {}
Value::Value(Object value) : data_(std::move(value)) {}

Value Value::number(std::string text) {
  Value value;
  value.data_ = Number{std::move(text)};
  return value;
}

Value::Value(double value) {
  std::string text;
  Writer(text).float64(value);
  if (text.starts_with('"')) {
    data_ = text.substr(1, text.size() - 2);
  } else {
    data_ = Number{std::move(text)};
  }
}

const std::string* Value::number_text() const {
  auto* number = std::get_if<Number>(&data_);
  return number ? &number->text : nullptr;
}

std::optional<int64_t> Value::integer() const {
  auto* text = number_text();
  if (!text) return std::nullopt;
  auto value = Reader(*text).integer();
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Value::float64() const {
  auto* text = number_text();
  if (!text) return std::nullopt;
  auto value = Reader(*text).float64();
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<bool> Value::boolean() const {
  auto* value = std::get_if<bool>(&data_);
  return value ? std::optional(*value) : std::nullopt;
}

const Value* Value::find(std::string_view name) const {
  const Value* found = nullptr;
  if (auto* members = object()) {
    for (const Member& member : *members) {
      if (member.name == name) found = &member.value;
    }
  }
  return found;
}

void Value::set(std::string_view name, Value value) {
  Object* members = object();
  if (!members) throw std::logic_error("json::Value::set on a value that is no object");
  for (Member& member : *members) {
    if (member.name == name) {
      member.value = std::move(value);
      return;
    }
  }
  members->push_back({std::string(name), std::move(value)});
}

bool Value::operator==(const Value&) const = default;

Result<Value> parse(std::string_view text, Duplicates duplicates, size_t max_depth) {
  Reader in(text, max_depth);
  TRY(Value value, read(in, duplicates));
  CHECK(in.finish());
  return value;
}

void write(const Value& value, Writer& out) {
  if (auto* members = value.object()) {
    out.begin_object();
    for (const Member& member : *members) {
      out.name(member.name);
      write(member.value, out);
    }
    out.end_object();
  } else if (auto* items = value.array()) {
    out.begin_array();
    for (const Value& item : *items) write(item, out);
    out.end_array();
  } else if (auto* text = value.string()) {
    out.string(*text);
  } else if (auto* number = value.number_text()) {
    out.raw(*number);
  } else if (auto boolean = value.boolean()) {
    out.boolean(*boolean);
  } else {
    out.null();
  }
}

std::string write(const Value& value) {
  std::string text;
  Writer out(text);
  write(value, out);
  return text;
}

}  // namespace boreal::json
