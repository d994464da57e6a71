#include "aws/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/shape_path.h"

namespace boreal::aws {

namespace {

using codec::Field;
using codec::Kind;
using codec::Shape;

// No resource has more than 50 tags, which each service says in words of its own. What is far beyond costs more to put
// before the policies than whoever sends it should have.
constexpr size_t most_judged_tags = 1000;

const Field* find_member(const Shape& shape, std::string_view member_name) {
  const auto found = std::ranges::find(shape.fields, member_name, &Field::member_name);
  return found == shape.fields.end() ? nullptr : &*found;
}

// Replaces {Member} and {region} {account} {partition}. What the client did not name matches any resource only
// if the policy does: "*". A member that is an ARN already stands for the whole.
std::string fill(std::string_view resource_template, const Call& call, const Value& input) {
  std::string out;
  while (!resource_template.empty()) {
    const size_t open = resource_template.find('{');
    out += resource_template.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = resource_template.find('}', open);
    const std::string_view name = resource_template.substr(open + 1, close - open - 1);
    resource_template.remove_prefix(close + 1);
    if (name == "region") {
      out += call.region;
    } else if (name == "account") {
      out += call.account;
    } else if (name == "partition") {
      out += "aws";
    } else {
      auto value = string_member(input, name);
      if (value && value->starts_with("arn:")) return *value;
      out += value.value_or("*");
    }
  }
  return out;
}

bool carries_tags(const Field& field) {
  return field.member_name.ends_with("Tags") || field.member_name.ends_with("TagKeys");
}

// The member that carries more tags than are judged.
const Field* find_excess(const Value& input) {
  if (!input) return nullptr;
  const auto is_excess = [&](const Field& field) {
    const void* value = carries_tags(field) ? codec::member(field, input.data()) : nullptr;
    if (value == nullptr) return false;
    const Shape& shape = *field.shape;
    if (shape.kind == Kind::map) return shape.map->size(value) > most_judged_tags;
    return shape.kind == Kind::list && codec::list_size(shape, value) > most_judged_tags;
  };
  const auto found = std::ranges::find_if(input.shape().fields, is_excess);
  return found == input.shape().fields.end() ? nullptr : &*found;
}

// aws:RequestTag/KEY and aws:TagKeys, from whatever member carries tags.
void add_request_tags(const Value& input, std::multimap<std::string, std::string>& context) {
  if (!input) return;
  const auto add = [&](const std::string& key, const std::string& value) {
    context.emplace("aws:RequestTag/" + key, value);
    context.emplace("aws:TagKeys", key);
  };
  for (const Field& field : input.shape().fields) {
    if (!carries_tags(field)) continue;
    const void* value = codec::member(field, input.data());
    if (value == nullptr) continue;
    const Shape& shape = *field.shape;
    if (shape.kind == Kind::map && shape.element->kind == Kind::string) {
      codec::each_entry(shape, value,
                        [&](const std::string& key, const void* v) { add(key, *static_cast<const std::string*>(v)); });
    } else if (shape.kind == Kind::list && shape.element->kind == Kind::string) {
      for (size_t i = 0; i < codec::list_size(shape, value); ++i) {
        context.emplace("aws:TagKeys", *static_cast<const std::string*>(codec::list_at(shape, value, i)));
      }
    } else if (shape.kind == Kind::list && shape.element->kind == Kind::structure) {
      for (size_t i = 0; i < codec::list_size(shape, value); ++i) {
        std::string key;
        std::string text;
        for (const Field& part : shape.element->fields) {
          const void* at = codec::member(part, codec::list_at(shape, value, i));
          if (at == nullptr || part.shape->kind != Kind::string) continue;
          if (part.member_name.ends_with("Key")) key = *static_cast<const std::string*>(at);
          if (part.member_name.ends_with("Value")) text = *static_cast<const std::string*>(at);
        }
        if (!key.empty()) add(key, text);
      }
    }
  }
}

}  // namespace

std::optional<std::string> string_member(const Value& input, std::string_view member_name) {
  if (!input) return std::nullopt;
  const Field* field = find_member(input.shape(), member_name);
  if (field == nullptr || field->shape->kind != Kind::string) return std::nullopt;
  const void* value = codec::member(*field, input.data());
  if (value == nullptr) return std::nullopt;
  return *static_cast<const std::string*>(value);
}

const Operation* ServiceModel::find(std::string_view operation_name) const {
  const auto found = std::ranges::lower_bound(operations, operation_name, {}, &Operation::name);
  return found != operations.end() && found->name == operation_name ? &*found : nullptr;
}

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const Operation& operation, const Value& input) {
  if (const Field* field = find_excess(input)) {
    co_return refuse(ApiError(std::string(model().invalid_code), 400,
                              fmt::format("1 validation error detected: Value at '{}' failed to satisfy constraint: "
                                          "Member must have length less than or equal to {}",
                                          codec::Path().member(*field).text(), most_judged_tags)));
  }
  std::vector<Access> all;
  for (const std::string_view line : operation.access) {
    const size_t bar = line.find('|');
    Access access;
    access.action = line.substr(0, bar);
    access.resource = bar == std::string_view::npos ? "*" : fill(line.substr(bar + 1), call, input);
    all.push_back(std::move(access));
  }
  if (all.empty()) {
    all.push_back({.action = fmt::format("{}:{}", model().iam_prefix, operation.name), .resource = "*"});
  }
  for (Access& access : all) add_request_tags(input, access.context);
  co_return all;
}

bool Service::judges_by_body(const Operation&) const { return true; }

Outcome<void> Service::check_body(const Operation&, const http::Request&, std::string_view) { return {}; }

ApiError Service::unreadable(const Operation&, const http::Request&, ApiError error) const { return error; }

Task<std::optional<http::Response>> Service::intercept(http::Request&, Gate&, const std::string&) {
  co_return std::nullopt;
}
void Service::finish(const http::Request&, http::Response&) {}
Task<Result<void>> Service::start() { co_return Result<void>(); }
void Service::begin_stop() {}
Task<void> Service::stop() { co_return; }
bool Service::has_been_round(int64_t) const { return true; }
std::string Service::trouble() const { return {}; }

ApiError not_implemented(const Operation& operation) {
  return ApiError("NotImplemented", 501,
                  fmt::format("boreal does not serve {}:{} yet; docs/compatibility.md lists what it serves.",
                              operation.service, operation.name));
}
ApiError not_implemented(const Call& call) { return not_implemented(call.operation); }

std::string Call::arn(std::string_view service, std::string_view resource) const {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region, account, resource);
}

}  // namespace boreal::aws
