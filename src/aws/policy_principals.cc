#include "aws/policy_principals.h"

#include "codec/json_value.h"

namespace boreal::aws {

namespace {

using Names = std::map<std::string, std::string>;

json::Value* member_of(json::Value& value, std::string_view name) {
  if (value.object() == nullptr) return nullptr;
  for (json::Member& member : *value.object()) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

bool rename(json::Value& principal, const Names& names) {
  if (json::Value::Array* list = principal.array()) {
    bool is_changed = false;
    for (json::Value& one : *list) is_changed = rename(one, names) || is_changed;
    return is_changed;
  }
  const auto found = principal.string() ? names.find(*principal.string()) : names.end();
  if (found == names.end()) return false;
  principal = json::Value(found->second);
  return true;
}

bool rename_in_statement(json::Value& statement, const Names& names) {
  bool is_changed = false;
  for (const std::string_view element : {"Principal", "NotPrincipal"}) {
    json::Value* principals = member_of(statement, element);
    json::Value* people = principals == nullptr ? nullptr : member_of(*principals, "AWS");
    if (people != nullptr) is_changed = rename(*people, names) || is_changed;
  }
  return is_changed;
}

}  // namespace

std::string with_principals(const std::string& document, const Names& names) {
  if (names.empty()) return document;
  auto parsed = json::parse(document);
  json::Value* statements = parsed ? member_of(*parsed, "Statement") : nullptr;
  if (statements == nullptr) return document;
  bool is_changed = false;
  if (json::Value::Array* list = statements->array()) {
    for (json::Value& statement : *list) is_changed = rename_in_statement(statement, names) || is_changed;
  } else {
    is_changed = rename_in_statement(*statements, names);
  }
  return is_changed ? json::write(*parsed) : document;
}

}  // namespace boreal::aws
