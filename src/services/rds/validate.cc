#include "rds/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/rds/errors.h"
#include "aws/arn.h"
#include "base/text.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr int shortest_window_min = 30;
constexpr int minutes_a_day = 24 * 60;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<int> minutes_of(std::string_view time) {  // "05:30"
  if (time.size() != 5 || time[2] != ':') return std::nullopt;
  const auto hours = parse_uint(time.substr(0, 2), 23);
  const auto minutes = parse_uint(time.substr(3, 2), 59);
  if (!hours || !minutes) return std::nullopt;
  return static_cast<int>(*hours * 60 + *minutes);
}

std::optional<int> minutes_of_week(std::string_view moment) {  // "sun:05:30"
  constexpr std::array days = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const auto day = std::ranges::find(days, moment.substr(0, 3));
  if (day == days.end() || moment.size() != 9 || moment[3] != ':') return std::nullopt;
  const auto minutes = minutes_of(moment.substr(4));
  if (!minutes) return std::nullopt;
  return static_cast<int>(day - days.begin()) * minutes_a_day + *minutes;
}

}  // namespace

Outcome<std::string> checked_identifier(std::string_view name, std::string_view what, size_t max) {
  const bool good = !name.empty() && name.size() <= max && is_letter(name.front()) && name.back() != '-' &&
                    name.find("--") == std::string_view::npos &&
                    std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
  if (good) return to_lower(name);
  return refuse(errors::invalid_parameter_value(fmt::format(
      "The parameter {} is not a valid identifier: '{}'. Identifiers must begin with a letter; must contain only ASCII "
      "letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens; at most {} "
      "characters.",
      what, name, max)));
}

std::string name_of(std::string_view arn_or_name) {
  const auto arn = aws::Arn::parse(arn_or_name);
  if (!arn) return to_lower(arn_or_name);
  const size_t colon = arn->resource.find(':');
  return to_lower(colon == std::string::npos ? arn->resource : arn->resource.substr(colon + 1));
}

Outcome<void> check_password(std::string_view password) {
  const bool printable = std::ranges::all_of(password, [](char c) { return c > ' ' && c <= '~'; });
  if (!printable || password.find_first_of("/@\"") != std::string_view::npos) {
    return refuse(errors::invalid_parameter_value(
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', "
        "'\"', ' ' may be used."));
  }
  if (password.size() < 8 || password.size() > 128) {
    return refuse(errors::invalid_parameter_value(
        "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters or longer "
        "than 128."));
  }
  return {};
}

Outcome<void> check_master_username(std::string_view name) {
  const std::string lower = to_lower(name);
  const bool good = !name.empty() && name.size() <= 63 && is_letter(name.front()) &&
                    std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  if (!good) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("The parameter MasterUsername '{}' is not valid: 1 to 63 letters, digits and underscores, a letter "
                    "first.",
                    name)));
  }
  constexpr std::array reserved = {"rdsadmin", "admin", "public", "none"};
  if (std::ranges::find(reserved, lower) != reserved.end() || lower.starts_with("pg_") || lower.starts_with("rds_")) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("MasterUsername {} cannot be used as it is a reserved word used by the engine", name)));
  }
  return {};
}

Outcome<void> check_database_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 63 && (is_letter(name.front()) || name.front() == '_') &&
                    std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  const std::string lower = to_lower(name);
  if (good && lower != "template0" && lower != "template1" && lower != "rdsadmin") return {};
  return refuse(errors::invalid_parameter_value(
      fmt::format("DatabaseName '{}' is not valid: it must begin with a letter, hold only letters, digits and "
                  "underscores, at most 63, and be no word that the engine keeps for itself.",
                  name)));
}

Outcome<void> check_port(int port) {
  if (port >= 1150 && port <= 65535) return {};
  return refuse(
      errors::invalid_parameter_value(fmt::format("Invalid endpoint port {}. Valid port range is 1150-65535", port)));
}

Outcome<void> check_retention(int days) {
  if (days >= 1 && days <= 35) return {};
  return refuse(errors::invalid_parameter_value(
      fmt::format("Invalid backup retention period: {}. Retention period must be between 1 and 35.", days)));
}

Outcome<void> check_backup_window(std::string_view window) {
  if (window.empty()) return {};
  const size_t dash = window.find('-');
  const auto from = minutes_of(window.substr(0, dash));
  const auto to = dash == std::string_view::npos ? std::nullopt : minutes_of(window.substr(dash + 1));
  if (from && to && (*to - *from + minutes_a_day) % minutes_a_day >= shortest_window_min) return {};
  return refuse(errors::invalid_parameter_value(fmt::format(
      "Invalid backup window format: {}. Should be specified as a range hh24:mi-hh24:mi of at least 30 minutes "
      "(24H Clock UTC). Example: 05:00-09:00",
      window)));
}

Outcome<std::string> checked_maintenance_window(std::string_view window) {
  const std::string lower = to_lower(window);
  if (lower.empty()) return lower;
  const size_t dash = lower.find('-');
  const std::string_view text = lower;
  const auto from = minutes_of_week(text.substr(0, dash));
  const auto to = dash == std::string::npos ? std::nullopt : minutes_of_week(text.substr(dash + 1));
  const int length = from && to ? (*to - *from + 7 * minutes_a_day) % (7 * minutes_a_day) : 0;
  if (length >= shortest_window_min && length < minutes_a_day) return lower;
  return refuse(errors::invalid_parameter_value(
      fmt::format("Invalid maintenance window format: {}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H "
                  "Clock UTC) of "
                  "at least 30 minutes and less than 24 hours. Example: Sun:23:45-Mon:00:15",
                  window)));
}

Outcome<void> check_log_exports(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (name != "postgresql" && name != "instance" && name != "iam-db-auth-error") {
      return refuse(errors::invalid_parameter_combination(fmt::format(
          "You cannot use the log types '{}' with engine aurora-postgresql. For supported log types, see the "
          "documentation.",
          name)));
    }
  }
  return {};
}

namespace {

Outcome<void> check_word(std::string_view what, const std::optional<std::string>& word,
                         std::initializer_list<std::string_view> words) {
  if (!word || std::ranges::find(words, *word) != words.end()) return {};
  return refuse(errors::invalid_parameter_value(fmt::format("Invalid {} '{}'; for aurora-postgresql there are: {}",
                                                            what, *word, join(std::vector(words), ", "))));
}

}  // namespace

Outcome<void> check_words_of_cluster(const std::optional<std::string>& storage_type,
                                     const std::optional<std::string>& insights_mode,
                                     const std::optional<std::string>& lifecycle_support) {
  CHECK(check_word("StorageType", storage_type, {"", "aurora", "aurora-iopt1"}));
  CHECK(check_word("DatabaseInsightsMode", insights_mode, {"standard", "advanced"}));
  return check_word("EngineLifecycleSupport", lifecycle_support,
                    {"open-source-rds-extended-support", "open-source-rds-extended-support-disabled"});
}

bool is_other_authority(const std::optional<std::string>& name) { return name && *name != default_authority; }

bool is_other_option_group(const std::optional<std::string>& name) {
  return name && !name->starts_with("default:aurora-postgresql");
}

aws::ApiError unknown_filter(std::string_view name) {
  return errors::invalid_parameter_value(fmt::format("Unrecognized filter name: {}", name));
}

Outcome<Tags> checked_tags(const std::optional<std::vector<api::Tag>>& tags) {
  Tags checked;
  for (const auto& tag : tags.value_or(std::vector<api::Tag>())) {
    const std::string key = tag.key.value_or("");
    if (key.empty() || key.size() > 128 || to_lower(key).starts_with("aws:") || tag.value.value_or("").size() > 256) {
      return refuse(errors::invalid_parameter_value(fmt::format(
          "Invalid tag '{}': keys have 1 to 128 characters and do not begin with aws:, values at most 256.", key)));
    }
    checked[key] = tag.value.value_or("");
  }
  if (checked.size() > 50) return refuse(errors::invalid_parameter_value("A resource can have at most 50 tags."));
  return checked;
}

std::vector<api::Tag> tag_list(const Tags& tags) {
  std::vector<api::Tag> list;
  for (const auto& [key, value] : tags) list.push_back({key, value});
  return list;
}

Outcome<size_t> page_size(std::optional<int32_t> max_records, int32_t most) {
  const int32_t size = max_records.value_or(100);
  if (size >= 20 && size <= most) return static_cast<size_t>(size);
  return refuse(errors::invalid_parameter_value(
      fmt::format("Invalid value {} for MaxRecords. Must be between 20 and {}", size, most)));
}

}  // namespace boreal::rds
