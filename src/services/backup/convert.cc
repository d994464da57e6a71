#include "backup/convert.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/backup/errors.h"
#include "base/text.h"
#include "codec/utf8.h"

namespace boreal::backup {

namespace {
constexpr size_t max_tags = 50;
constexpr size_t max_tag_key = 128;
constexpr size_t max_tag_value = 256;
constexpr int64_t max_lifecycle_days = 36'500;
constexpr int64_t min_cold_days = 90;
}  // namespace

aws::Outcome<void> check_tags(const Tags& tags) {
  const auto refuse = [](std::string text) {
    return aws::refuse(api::errors::invalid_parameter_value_exception(std::move(text)));
  };
  if (tags.size() > max_tags)
    return refuse(fmt::format("{} tags are more than the {} that a resource may have.", tags.size(), max_tags));
  for (const auto& [key, value] : tags) {
    if (key.empty() || codec::utf8_characters(key) > max_tag_key) {
      return refuse(fmt::format("The tag key '{}' must have from 1 to {} characters.", key, max_tag_key));
    }
    if (codec::utf8_characters(value) > max_tag_value)
      return refuse(fmt::format("The value of tag '{}' has more than {} characters.", key, max_tag_value));
    if (key.starts_with("aws:"))
      return refuse(fmt::format("The tag key '{}' begins with aws:, which is reserved.", key));
  }
  return {};
}

bool is_name(std::string_view name, size_t min, size_t max, std::string_view signs) {
  return name.size() >= min && name.size() <= max && std::ranges::all_of(name, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || signs.contains(c);
         });
}

std::string lifecycle_fault(const api::Lifecycle& lifecycle) {
  if (lifecycle.delete_after_event) return "DeleteAfterEvent is not supported";
  const auto& cold = lifecycle.move_to_cold_storage_after_days;
  const auto& end = lifecycle.delete_after_days;
  if (end && (*end < 1 || *end > max_lifecycle_days)) {
    return fmt::format("Invalid lifecycle. DeleteAfterDays cannot be less than 1 or more than {} days",
                       max_lifecycle_days);
  }
  if (cold && (*cold < 1 || *cold > max_lifecycle_days)) {
    return fmt::format("Invalid lifecycle. MoveToColdStorageAfterDays cannot be less than 1 or more than {} days",
                       max_lifecycle_days);
  }
  if (cold && end && *end < *cold + min_cold_days) {
    return fmt::format(
        "Invalid lifecycle. DeleteAfterDays cannot be less than {} days apart from MoveToColdStorageAfterDays",
        min_cold_days);
  }
  return {};
}

std::optional<Time> delete_at(const PointRecord& point) {
  if (!point.lifecycle || !point.lifecycle->delete_after_days) return std::nullopt;
  return point.created + days(*point.lifecycle->delete_after_days);
}

std::optional<api::CalculatedLifecycle> calculated(const PointRecord& point) {
  const auto when = delete_at(point);
  if (!when) return std::nullopt;
  api::CalculatedLifecycle out;
  out.delete_at = when;
  return out;
}

}  // namespace boreal::backup
