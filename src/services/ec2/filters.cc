#include "ec2/filters.h"

#include <fmt/format.h>

#include "api/ec2/errors.h"
#include "aws/arn.h"
#include "codec/base64.h"

namespace boreal::ec2 {

namespace errors = boreal::api::ec2::errors;

void add_tags(Attributes& attributes, const Tags& tags) {
  auto& keys = attributes["tag-key"];
  for (const auto& [key, value] : tags) {
    keys.push_back(key);
    attributes["tag:" + key] = {value};
  }
}

bool fits(std::string_view pattern, std::string_view text) {
  aws::Glob glob;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      glob.add_literal(pattern.substr(++i, 1));
    } else {
      glob.add_pattern(pattern.substr(i, 1));
    }
  }
  return glob.matches(text);
}

aws::Outcome<bool> matches(const Filters& filters, const Attributes& attributes) {
  if (!filters) return true;
  bool all = true;
  for (const api::Filter& filter : *filters) {
    const std::string name = filter.name.value_or("");
    const auto found = attributes.find(name);
    if (found == attributes.end() && !name.starts_with("tag:")) {
      return aws::refuse(errors::invalid_parameter_value(fmt::format("The filter '{}' is invalid", name)));
    }
    if (!filter.values || filter.values->empty()) {
      return aws::refuse(errors::invalid_parameter_value(fmt::format("The filter '{}' has no values", name)));
    }
    const auto fit = [&](const std::string& pattern) {
      return std::ranges::any_of(found->second, [&](const std::string& text) { return fits(pattern, text); });
    };
    all = all && found != attributes.end() && std::ranges::any_of(*filter.values, fit);
  }
  return all;
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
