#include "backup/selecting.h"

#include <algorithm>

#include "aws/arn.h"

namespace boreal::backup {

namespace {

namespace api = boreal::api::backup;
using Resource = aws::Recoverable::Resource;

bool names(const std::vector<std::string>& patterns, const Resource& resource) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return pattern == resource.name || aws::arn_matches(pattern, resource.arn);
  });
}

// A condition's key is "aws:ResourceTag/Name"; ListOfTags have the tag's key alone.
const std::string* tag_value(const Resource& resource, std::string_view key) {
  constexpr std::string_view prefix = "aws:ResourceTag/";
  if (key.starts_with(prefix)) key.remove_prefix(prefix.size());
  const auto found = resource.tags.find(std::string(key));
  return found == resource.tags.end() ? nullptr : &found->second;
}

using Parameters = std::optional<std::vector<api::ConditionParameter>>;

// `fits(value, wanted)` must be `expected` for all parameters; a tag that is not there fits nothing.
bool all_fit(const Parameters& parameters, const Resource& resource, bool expected, auto fits) {
  if (!parameters) return true;
  return std::ranges::all_of(*parameters, [&](const api::ConditionParameter& parameter) {
    const std::string* value = tag_value(resource, parameter.condition_key.value_or(""));
    return (value != nullptr && fits(*value, parameter.condition_value.value_or(""))) == expected;
  });
}

bool fulfils(const api::Conditions& conditions, const Resource& resource) {
  const auto equal = [](const std::string& value, const std::string& wanted) { return value == wanted; };
  const auto like = [](const std::string& value, const std::string& wanted) {
    return aws::Glob(wanted).matches(value);
  };
  return all_fit(conditions.string_equals, resource, true, equal) &&
         all_fit(conditions.string_not_equals, resource, false, equal) &&
         all_fit(conditions.string_like, resource, true, like) &&
         all_fit(conditions.string_not_like, resource, false, like);
}

}  // namespace

bool selects(const api::BackupSelection& selection, const Resource& resource) {
  const bool is_named = selection.resources && names(*selection.resources, resource);
  const bool is_tagged =
      selection.list_of_tags && std::ranges::any_of(*selection.list_of_tags, [&](const api::Condition& condition) {
        const std::string* value = tag_value(resource, condition.condition_key);
        return value != nullptr && *value == condition.condition_value;
      });
  if (!is_named && !is_tagged) return false;
  if (selection.not_resources && names(*selection.not_resources, resource)) return false;
  return !selection.conditions || fulfils(*selection.conditions, resource);
}

}  // namespace boreal::backup
