// JSON documents as a tree, for those whose form nobody knows beforehand: policies, settings, secrets.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "codec/json.h"

namespace boreal::json {

struct Member;

// One value. Objects keep their order. Every accessor answers with null or nullopt when the value is of
// another kind.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value() = default;  // null
  Value(std::same_as<bool> auto value) : data_(value) {}
  Value(std::string value);
  Value(std::string_view value);
  Value(const char* value);
  Value(std::integral auto value)
    requires(!std::same_as<decltype(value), bool>)
      : Value(number(std::to_string(value))) {}
  Value(double value);
  Value(Array value);
  Value(Object value);
  // `text` must be a JSON number; kept digit for digit.
  static Value number(std::string text);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::null; }

  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const std::string* number_text() const;
  std::optional<int64_t> integer() const;
  std::optional<double> float64() const;
  std::optional<bool> boolean() const;
  const Array* array() const { return std::get_if<Array>(&data_); }
  Array* array() { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }
  Object* object() { return std::get_if<Object>(&data_); }

  // The member of that name (the last, if there are several), or null, also when this is no object.
  const Value* find(std::string_view name) const;
  // Sets or adds a member. The value must be an object.
  void set(std::string_view name, Value value);

  // Numbers are compared by their text, members with their order.
  bool operator==(const Value&) const;

 private:
  struct Number {
    std::string text;
    bool operator==(const Number&) const = default;
  };

  // In the order of Kind.
  std::variant<std::monostate, bool, Number, std::string, Array, Object> data_;
};

struct Member {
  std::string name;
  Value value;
  bool operator==(const Member&) const = default;
};

enum class Duplicates { allow, refuse };

// The whole text as one value. `duplicates`: whether an object may have the same name twice; a document
// that decides who may do what must not, as readers disagree on which one counts.
Result<Value> parse(std::string_view text, Duplicates duplicates = Duplicates::allow,
                    size_t max_depth = Reader::default_max_depth);

std::string write(const Value& value);
void write(const Value& value, Writer& out);

}  // namespace boreal::json
