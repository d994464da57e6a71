// What AWS asks of identifiers, passwords, windows and pages, in AWS's words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rds/types.h"
#include "aws/error.h"
#include "rds/resources.h"

namespace boreal::rds {

namespace api = ::boreal::api::rds;

// Lower case; 1 to `max` letters, digits and hyphens, a letter first, no hyphen last or twice in a row.
aws::Outcome<std::string> checked_identifier(std::string_view name, std::string_view what, size_t max = 63);
// The name behind "arn:aws:rds:REGION:ACCOUNT:KIND:", or the text itself, in lower case.
std::string name_of(std::string_view arn_or_name);
aws::Outcome<void> check_password(std::string_view password);
aws::Outcome<void> check_master_username(std::string_view name);
aws::Outcome<void> check_database_name(std::string_view name);
aws::Outcome<void> check_port(int port);
aws::Outcome<void> check_retention(int days);
// "02:00-04:00", at least 30 minutes; empty is fine.
aws::Outcome<void> check_backup_window(std::string_view window);
// "sun:05:00-sun:07:00", at least 30 minutes; lower case comes back.
aws::Outcome<std::string> checked_maintenance_window(std::string_view window);
aws::Outcome<void> check_log_exports(const std::vector<std::string>& names);

// What is said of a cluster in one of a few words, kept and read back.
aws::Outcome<void> check_words_of_cluster(const std::optional<std::string>& storage_type,
                                          const std::optional<std::string>& insights_mode,
                                          const std::optional<std::string>& lifecycle_support);
inline constexpr std::string_view default_authority = "rds-ca-rsa2048-g1";
// Whether it is another than the one that all have.
bool is_other_authority(const std::optional<std::string>& name);
bool is_other_option_group(const std::optional<std::string>& name);

aws::ApiError unknown_filter(std::string_view name);

// Tags from a request; keys that begin with "aws:" are refused.
aws::Outcome<Tags> checked_tags(const std::optional<std::vector<api::Tag>>& tags);
std::vector<api::Tag> tag_list(const Tags& tags);

// The page of `all` (in the order of `name_of_item`) that begins after `marker`; sets `next` when more follow. `most`:
// what MaxRecords may be.
aws::Outcome<size_t> page_size(std::optional<int32_t> max_records, int32_t most);
template <class T, class NameOf>
aws::Outcome<std::vector<T>> page(std::vector<T> all, const std::optional<std::string>& marker,
                                  std::optional<int32_t> max_records, std::optional<std::string>& next, NameOf name,
                                  int32_t most = 100) {
  auto size = page_size(max_records, most);
  if (!size) return aws::refuse(std::move(size).error());
  std::vector<T> out;
  for (auto& item : all) {
    if (marker && std::string(name(item)) <= *marker) continue;
    if (out.size() == *size) {
      next = name(out.back());
      break;
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace boreal::rds
