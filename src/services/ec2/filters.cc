#include "ec2/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "codec/base64.h"
#include "codec/utf8.h"

namespace boreal::ec2 {

namespace errors = boreal::api::ec2::errors;

namespace {

// Of all filters of a call. One that had thousands would hold up all other calls.
constexpr size_t max_values = 200;

// A backslash takes its meaning from the character that follows; the last of a value stands for itself.
aws::Glob pattern_of(std::string_view value) {
  aws::Glob glob;
  while (true) {
    const size_t plain = std::min(value.find('\\'), value.size());
    glob.add_pattern(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.size() > 1) value.remove_prefix(1);
    if (value.empty()) return glob;
    const size_t length = std::max<size_t>(codec::utf8_length(value, 0), 1);
    glob.add_literal(value.substr(0, length));
    value.remove_prefix(length);
  }
}

}  // namespace

void add_tags(Attributes& attributes, const Tags& tags) {
  auto& keys = attributes["tag-key"];
  for (const auto& [key, value] : tags) {
    keys.push_back(key);
    attributes["tag:" + key] = {value};
  }
}

aws::Outcome<Selection> Selection::of(const Filters& filters, const Attributes& known) {
  Selection selection;
  if (!filters) return selection;
  size_t values = 0;
  for (const api::Filter& filter : *filters) {
    const std::string name = filter.name.value_or("");
    if (!known.contains(name) && !name.starts_with("tag:")) {
      return aws::refuse(errors::invalid_parameter_value(fmt::format("The filter '{}' is invalid", name)));
    }
    if (!filter.values || filter.values->empty()) {
      return aws::refuse(errors::invalid_parameter_value(fmt::format("The filter '{}' has no values", name)));
    }
    values += filter.values->size();
    if (values > max_values) {
      return aws::refuse(errors::filter_limit_exceeded(
          fmt::format("The maximum number of filter values in a single call is {}", max_values)));
    }
    Part& part = selection.parts_.emplace_back(Part{.name = name, .patterns = {}});
    for (const std::string& value : *filter.values) part.patterns.push_back(pattern_of(value));
  }
  return selection;
}

bool Selection::holds(const Attributes& attributes) const {
  return std::ranges::all_of(parts_, [&](const Part& part) {
    const auto found = attributes.find(part.name);
    return found != attributes.end() && std::ranges::any_of(found->second, [&](const std::string& text) {
             return std::ranges::any_of(part.patterns, [&](const aws::Glob& glob) { return glob.matches(text); });
           });
  });
}

aws::Outcome<bool> matches(const Filters& filters, const Attributes& attributes) {
  TRY(const Selection selection, Selection::of(filters, attributes));
  return selection.holds(attributes);
}

std::string encode_token(std::string_view last_id) { return codec::base64url_encode(last_id); }

aws::Outcome<std::string> decode_token(const std::optional<std::string>& token) {
  if (!token || token->empty()) return std::string();
  auto id = codec::base64url_decode(*token);
  if (!id || id->empty()) {
    return aws::refuse(errors::invalid_next_token(fmt::format("The token '{}' is not one that was given out", *token)));
  }
  return std::move(*id);
}

}  // namespace boreal::ec2
