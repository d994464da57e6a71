#include "dms/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/dms/errors.h"
#include "base/text.h"
#include "codec/utf8.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_tags = 50;
constexpr int minutes_a_day = 24 * 60;

// AWS's own tags, and DMS's.
bool is_reserved(std::string_view text) {
  const std::string lower = to_lower(text);
  return lower.starts_with("aws:") || lower.starts_with("dms:");
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_identifier(std::string_view name, size_t max) {
  return !name.empty() && name.size() <= max && is_letter(name.front()) && name.back() != '-' &&
         name.find("--") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

std::optional<int> minutes_of_week(std::string_view moment) {  // "sun:05:30"
  constexpr std::array days = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  if (moment.size() != 9 || moment[3] != ':' || moment[6] != ':') return std::nullopt;
  const auto day = std::ranges::find(days, moment.substr(0, 3));
  const auto hours = parse_uint(moment.substr(4, 2), 23);
  const auto minutes = parse_uint(moment.substr(7, 2), 59);
  if (day == days.end() || !hours || !minutes) return std::nullopt;
  return static_cast<int>(day - days.begin()) * minutes_a_day + static_cast<int>(*hours * 60 + *minutes);
}

}  // namespace

Outcome<void> check_identifier(std::string_view name, std::string_view what, size_t max) {
  if (is_identifier(name, max)) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("The parameter {} '{}' is not a valid identifier. Identifiers must begin with a letter; must contain "
                  "only ASCII letters, digits, and hyphens; must not end with a hyphen or contain two consecutive "
                  "hyphens; and have at most {} characters.",
                  what, name, max)));
}

Outcome<void> check_resource_identifier(std::string_view id) {
  constexpr size_t longest = 31;
  return check_identifier(id, "ResourceIdentifier", longest);
}

Outcome<std::string> checked_maintenance_window(std::string_view window) {
  const std::string lower = to_lower(window);
  const std::string_view text = lower;
  const size_t dash = text.find('-');
  const auto from = minutes_of_week(text.substr(0, dash));
  const auto to = dash == std::string_view::npos ? std::nullopt : minutes_of_week(text.substr(dash + 1));
  const int length = from && to ? (*to - *from + 7 * minutes_a_day) % (7 * minutes_a_day) : 0;
  if (length >= 30 && length < minutes_a_day) return lower;
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("Invalid maintenance window '{}'. It must be given as ddd:hh24:mi-ddd:hh24:mi in UTC, at least 30 "
                  "minutes and less than 24 hours long. Example: sun:23:45-mon:00:15",
                  window)));
}

Outcome<void> check_printable(std::string_view text, std::string_view what) {
  const bool good = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (good && !text.empty() && text.size() <= 255) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("The parameter {} must have 1 to 255 characters and no control characters.", what)));
}

Outcome<Tags> checked_tags(const std::optional<std::vector<api::Tag>>& tags) {
  Tags checked;
  if (!tags) return checked;
  for (const auto& tag : *tags) {
    const std::string key = tag.key.value_or("");
    const std::string value = tag.value.value_or("");
    if (key.empty() || codec::utf8_characters(key) > 128 || codec::utf8_characters(value) > 256 || is_reserved(key) ||
        is_reserved(value)) {
      return refuse(errors::invalid_parameter_value_exception(fmt::format(
          "Invalid tag '{}': keys have 1 to 128 characters, values at most 256, and neither begins with aws: "
          "or dms:.",
          key)));
    }
    if (!checked.emplace(key, value).second) {
      return refuse(errors::invalid_parameter_value_exception(fmt::format("The tag '{}' is given twice.", key)));
    }
  }
  Tags none;
  if (auto fits = merge_tags(none, checked); !fits) return refuse(std::move(fits).error());
  return checked;
}

Outcome<void> merge_tags(Tags& tags, const Tags& more) {
  for (const auto& [key, value] : more) tags[key] = value;
  if (tags.size() <= max_tags) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("A resource can have at most {} tags; this one would have {}.", max_tags, tags.size())));
}

FilterValues::FilterValues(const api::Filter& filter) {
  for (const std::string& value : filter.values) values_.insert(to_lower(value));
}

bool FilterValues::has(std::string_view value) const { return values_.contains(to_lower(value)); }

aws::ApiError unknown_filter(std::string_view name, const std::vector<std::string_view>& known) {
  return errors::invalid_parameter_value_exception(
      fmt::format("The filter '{}' is not known here. Valid filter names: {}", name, join(known, " | ")));
}

aws::ApiError nothing_found(std::string_view what, const std::vector<api::Filter>& filters) {
  std::vector<std::string> texts;
  for (const auto& filter : filters) texts.push_back(fmt::format("{} = {}", filter.name, join(filter.values, ", ")));
  return errors::resource_not_found_fault(fmt::format("No {} found matching the filters: {}", what, join(texts, "; ")));
}

Outcome<size_t> page_size(std::optional<int32_t> max_records) {
  const int32_t size = max_records.value_or(100);
  if (size >= 20 && size <= 100) return static_cast<size_t>(size);
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("Invalid value {} for MaxRecords: it must be between 20 and 100", size)));
}

}  // namespace boreal::dms
