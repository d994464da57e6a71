// What AWS asks of identifiers, tags, filters and pages, in AWS's words.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "api/dms/types.h"
#include "aws/error.h"
#include "dms/resources.h"

namespace boreal::dms {

// 1 to `max` letters, digits and hyphens, a letter first, no hyphen last or twice in a row; as it was given.
aws::Outcome<void> check_identifier(std::string_view name, std::string_view what, size_t max);
// The ID that a resource's ARN ends with, as the caller may choose it; 31 characters at most.
aws::Outcome<void> check_resource_identifier(std::string_view id);
// "sun:05:00-sun:05:30", at least 30 minutes and less than a day; lower case comes back.
aws::Outcome<std::string> checked_maintenance_window(std::string_view window);
aws::Outcome<void> check_printable(std::string_view text, std::string_view what);

aws::Outcome<Tags> checked_tags(const std::optional<std::vector<api::Tag>>& tags);
// Adds to `tags` what `more` holds; a resource has 50 tags at most.
aws::Outcome<void> merge_tags(Tags& tags, const Tags& more);

using Filters = std::optional<std::vector<api::Filter>>;

// The values of a resource that the filter of that name is compared with.
template <class R>
using FilterTable = std::map<std::string_view, std::function<std::string(const R&)>>;

aws::ApiError unknown_filter(std::string_view name, const std::vector<std::string_view>& known);
aws::ApiError nothing_found(std::string_view what, const std::vector<api::Filter>& filters);
aws::Outcome<size_t> page_size(std::optional<int32_t> max_records);

// Those that pass all filters; each filter lets through what has any of its values, letters compared without case.
// Filters that nothing passes are ResourceNotFoundFault.
template <class R>
aws::Outcome<std::vector<R>> filtered(std::vector<R> all, const Filters& filters, const FilterTable<R>& table,
                                      std::string_view what);

// The page that begins after `marker`; sets `next` when more follow. `all` is in the order of `name`.
template <class T, class NameOf>
aws::Outcome<std::vector<T>> page(std::vector<T> all, const std::optional<std::string>& marker,
                                  std::optional<int32_t> max_records, std::optional<std::string>& next, NameOf name) {
  auto size = page_size(max_records);
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

// The values of a filter, letters compared without case. Looked up and not gone through: a request has room for 100,000
// of them, and there may be a thousand resources.
class FilterValues {
 public:
  explicit FilterValues(const api::Filter& filter);
  bool has(std::string_view value) const;

 private:
  std::unordered_set<std::string> values_;
};

template <class R>
aws::Outcome<std::vector<R>> filtered(std::vector<R> all, const Filters& filters, const FilterTable<R>& table,
                                      std::string_view what) {
  if (!filters || filters->empty()) return all;
  for (const auto& filter : *filters) {
    const auto row = table.find(filter.name);
    if (row == table.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, value] : table) known.push_back(name);
      return aws::refuse(unknown_filter(filter.name, known));
    }
    const FilterValues wanted(filter);
    std::erase_if(all, [&](const R& resource) { return !wanted.has(row->second(resource)); });
  }
  if (all.empty()) return aws::refuse(nothing_found(what, *filters));
  return all;
}

}  // namespace boreal::dms
