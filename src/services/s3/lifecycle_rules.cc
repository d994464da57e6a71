#include "s3/lifecycle_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "api/s3/errors.h"
#include "base/text.h"
#include "codec/time.h"
#include "s3/lifecycle_due.h"
#include "s3/names.h"
#include "s3/wording.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr size_t max_rules = 1000;
constexpr size_t max_prefix_bytes = 1024;
constexpr int64_t max_filter_bytes = 1'099'511'627'776'000;
constexpr size_t max_tag_key = 128;
constexpr size_t max_tag_value = 256;
constexpr int32_t minimum_stay_days = 30;
constexpr int32_t minimum_archive_days = 90;

std::unexpected<aws::ApiError> malformed() { return refuse(malformed_xml()); }

// What a refusal calls the rule by: "prefix 'a/'", or "filter '(prefix=a/ and objectsizelessthan=9)'".
std::string scope_of(const api::LifecycleRule& rule) {
  if (!rule.filter) return fmt::format("prefix '{}'", rule_prefix(rule));
  std::vector<std::string> parts;
  const auto add = [&](const auto& from, const std::vector<api::Tag>& tags) {
    if (from.prefix) parts.push_back("prefix=" + *from.prefix);
    for (const api::Tag& tag : tags) parts.push_back(fmt::format("tag={{key={}, value={}}}", tag.key, tag.value));
    if (from.object_size_greater_than)
      parts.push_back(fmt::format("objectsizegreaterthan={}", *from.object_size_greater_than));
    if (from.object_size_less_than) parts.push_back(fmt::format("objectsizelessthan={}", *from.object_size_less_than));
  };
  const auto& filter = *rule.filter;
  if (filter.and_) {
    add(*filter.and_, filter.and_->tags.value_or(std::vector<api::Tag>()));
  } else {
    add(filter, filter.tag ? std::vector{*filter.tag} : std::vector<api::Tag>());
  }
  return fmt::format("filter '({})'", join(parts, " and "));
}

Outcome<void> check_positive(const std::optional<int32_t>& number, std::string_view element, std::string_view action) {
  if (number && *number <= 0) {
    return refuse(
        errors::invalid_argument(fmt::format("'{}' for {} action must be a positive integer", element, action))
            .with("ArgumentName", std::string(element))
            .with("ArgumentValue", std::to_string(*number)));
  }
  return {};
}

Outcome<void> check_date(const std::optional<Time>& date) {
  if (date && date->ms % day_ms != 0) {
    return refuse(errors::invalid_argument("'Date' must be at midnight GMT")
                      .with("ArgumentName", "Date")
                      .with("ArgumentValue", codec::format_iso8601(*date)));
  }
  return {};
}

// The two classes that keep nothing for less than 30 days.
bool is_infrequent(const std::optional<std::string>& storage_class) {
  return storage_class == "STANDARD_IA" || storage_class == "ONEZONE_IA";
}

Outcome<void> check_infrequent(const api::Transition& transition) {
  if (!is_infrequent(transition.storage_class) || !transition.days || *transition.days >= minimum_stay_days) return {};
  return refuse(errors::invalid_argument(
      fmt::format("'Days' in Transition action must be greater than or equal to {} for storageClass '{}'",
                  minimum_stay_days, *transition.storage_class)));
}

// Either all actions on current versions count days, or all name a date.
Outcome<void> check_not_mixed(const api::LifecycleRule& rule) {
  bool by_days = false;
  bool by_date = false;
  for (const auto& transition : rule.transitions.value_or(std::vector<api::Transition>())) {
    by_days = by_days || transition.days;
    by_date = by_date || transition.date;
  }
  const auto mixed = [&](std::string_view actions) {
    return refuse(errors::invalid_request(fmt::format(
        "Found mixed 'Date' and 'Days' based {} actions in lifecycle rule for {}", actions, scope_of(rule))));
  };
  if (by_days && by_date) return mixed("Transition");
  if (rule.expiration && ((rule.expiration->days && by_date) || (rule.expiration->date && by_days)))
    return mixed("Expiration and Transition");
  return {};
}

bool is_transition_class(const std::optional<std::string>& name) {
  for (const std::string_view known :
       {"GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"}) {
    if (name == known) return true;
  }
  return false;
}

// The days that a class is paid for, before an object may go on to the next one.
int32_t stay_in(const std::optional<std::string>& storage_class) {
  if (storage_class == "GLACIER" || storage_class == "GLACIER_IR") return minimum_archive_days;
  return is_infrequent(storage_class) ? minimum_stay_days : 0;
}

bool is_archive(const std::optional<std::string>& storage_class) {
  return storage_class == "GLACIER" || storage_class == "GLACIER_IR" || storage_class == "DEEP_ARCHIVE";
}

// What has been archived does not come back to an infrequent class, and neither is left before it is paid for.
Outcome<void> check_stays(const api::LifecycleRule& rule) {
  for (const auto& from : *rule.transitions) {
    const int32_t stay = stay_in(from.storage_class);
    if (stay == 0) continue;
    for (const auto& to : *rule.transitions) {
      if (from.days.has_value() != to.days.has_value()) continue;
      const std::string_view element = from.days ? "Days" : "Date";
      const int64_t later = from.days ? int64_t{*to.days} - *from.days : (to.date->ms - from.date->ms) / day_ms;
      if (later <= 0 && is_infrequent(from.storage_class) && is_archive(to.storage_class)) {
        return refuse(errors::invalid_argument(
            fmt::format("'{0}' in the Transition action for StorageClass '{1}' for {2} must be greater than '{0}' in "
                        "the Transition action for StorageClass '{3}' for {2}",
                        element, *to.storage_class, scope_of(rule), *from.storage_class)));
      }
      if (later <= 0 || later >= stay) continue;
      return refuse(errors::invalid_argument(
          fmt::format("'{0}' in the 'Transition' action for StorageClass '{1}' must be {2} days more than '{0}' in the "
                      "'Transition' action for StorageClass '{3}'",
                      element, *to.storage_class, stay, *from.storage_class)));
    }
  }
  return {};
}

// A noncurrent version may come to an infrequent class at once, other than a current one, but does not go on before it
// is paid for.
Outcome<void> check_noncurrent_stays(const std::vector<api::NoncurrentVersionTransition>& transitions) {
  for (const auto& from : transitions) {
    if (!is_infrequent(from.storage_class)) continue;
    for (const auto& to : transitions) {
      const int64_t later = int64_t{*to.noncurrent_days} - *from.noncurrent_days;
      if (later <= 0 || later >= minimum_stay_days) continue;
      return refuse(errors::invalid_argument(
                        fmt::format("'NoncurrentDays' in the 'NoncurrentVersionTransition' action for StorageClass "
                                    "'{}' must be {} days more than 'NoncurrentDays' in the "
                                    "'NoncurrentVersionTransition' action for StorageClass '{}'",
                                    *to.storage_class, minimum_stay_days, *from.storage_class))
                        .with("ArgumentName", "NoncurrentDays")
                        .with("ArgumentValue", std::to_string(*to.noncurrent_days)));
    }
  }
  return {};
}

// GLACIER comes before DEEP_ARCHIVE. `when`: what the transitions of `action` count by, called `element`.
template <class Transition, class When>
Outcome<void> check_archives(const api::LifecycleRule& rule, const std::vector<Transition>& transitions,
                             std::string_view action, std::string_view element, When Transition::* when) {
  const auto of = [&](std::string_view storage_class) {
    const auto found =
        std::ranges::find_if(transitions, [&](const Transition& to) { return to.storage_class == storage_class; });
    return found == transitions.end() ? When() : (*found).*when;
  };
  const When glacier = of("GLACIER"), deep = of("DEEP_ARCHIVE");
  if (!glacier || !deep || *deep > *glacier) return {};
  return refuse(errors::invalid_argument(
      fmt::format("'{0}' in the {1} action for StorageClass 'DEEP_ARCHIVE' for {2} must be greater than '{0}' in the "
                  "{1} action for StorageClass 'GLACIER' for {2}",
                  element, action, scope_of(rule))));
}

// How many noncurrent versions an action passes over. `kept` null: it does not say. AWS documents 100 at most, and
// takes more.
Outcome<void> check_kept(const api::LifecycleRule& rule, const std::optional<int32_t>& kept, std::string_view action) {
  if (!kept) return {};
  if (!rule.filter)
    return refuse(errors::invalid_request("NewerNoncurrentVersions element can only be used in Lifecycle V2."));
  return check_positive(kept, "NewerNoncurrentVersions", action);
}

Outcome<void> check_noncurrent_transitions(const api::LifecycleRule& rule) {
  std::set<std::string> classes;
  for (const auto& transition :
       rule.noncurrent_version_transitions.value_or(std::vector<api::NoncurrentVersionTransition>())) {
    if (!transition.noncurrent_days || !is_transition_class(transition.storage_class)) return malformed();
    if (*transition.noncurrent_days < 0) {
      return refuse(
          errors::invalid_argument("'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative"));
    }
    CHECK(check_kept(rule, transition.newer_noncurrent_versions, "NoncurrentVersionTransition"));
    if (!classes.insert(*transition.storage_class).second) {
      return refuse(errors::invalid_request(fmt::format(
          "'StorageClass' must be different for 'NoncurrentVersionTransition' actions in same 'Rule' with {}",
          scope_of(rule))));
    }
    const auto& expiration = rule.noncurrent_version_expiration;
    if (expiration && expiration->noncurrent_days && *expiration->noncurrent_days <= *transition.noncurrent_days) {
      return refuse(errors::invalid_argument(
          fmt::format("'NoncurrentDays' in the NoncurrentVersionExpiration action for {} must be greater than "
                      "'NoncurrentDays' in the NoncurrentVersionTransition action",
                      scope_of(rule))));
    }
  }
  if (!rule.noncurrent_version_transitions) return {};
  CHECK(check_noncurrent_stays(*rule.noncurrent_version_transitions));
  return check_archives(rule, *rule.noncurrent_version_transitions, "NoncurrentVersionTransition", "NoncurrentDays",
                        &api::NoncurrentVersionTransition::noncurrent_days);
}

Outcome<void> check_transitions(const api::LifecycleRule& rule) {
  std::set<std::string> classes;
  for (const auto& transition : rule.transitions.value_or(std::vector<api::Transition>())) {
    if (transition.days.has_value() == transition.date.has_value() || !is_transition_class(transition.storage_class))
      return malformed();
    if (transition.days && *transition.days < 0) {
      return refuse(errors::invalid_argument("'Days' in Transition action must be nonnegative"));
    }
    CHECK(check_date(transition.date));
    CHECK(check_infrequent(transition));
    if (!classes.insert(*transition.storage_class).second) {
      return refuse(errors::invalid_request(fmt::format(
          "'StorageClass' must be different for 'Transition' actions in same 'Rule' with {}", scope_of(rule))));
    }
    if (rule.expiration && rule.expiration->days && transition.days && *rule.expiration->days <= *transition.days) {
      return refuse(errors::invalid_argument(
          fmt::format("'Days' in the Expiration action for {} must be greater than 'Days' in the Transition action",
                      scope_of(rule))));
    }
    if (rule.expiration && rule.expiration->date && transition.date && *rule.expiration->date <= *transition.date) {
      return refuse(errors::invalid_argument(
          fmt::format("'Date' in the Expiration action for {} must be later than 'Date' in the Transition action",
                      scope_of(rule))));
    }
  }
  CHECK(check_not_mixed(rule));
  if (rule.transitions) {
    CHECK(check_stays(rule));
    CHECK(check_archives(rule, *rule.transitions, "Transition", "Days", &api::Transition::days));
    CHECK(check_archives(rule, *rule.transitions, "Transition", "Date", &api::Transition::date));
  }
  return check_noncurrent_transitions(rule);
}

bool names_tags(const api::LifecycleRule& rule) {
  return rule.filter && (rule.filter->tag || (rule.filter->and_ && rule.filter->and_->tags));
}

bool names_sizes(const api::LifecycleRule& rule) {
  const auto has = [](const auto& from) { return from.object_size_greater_than || from.object_size_less_than; };
  return rule.filter && (has(*rule.filter) || (rule.filter->and_ && has(*rule.filter->and_)));
}

Outcome<void> check_sizes(const std::optional<int64_t>& greater, const std::optional<int64_t>& less) {
  const auto check = [](std::string_view element, std::optional<int64_t> bytes, int64_t least) -> Outcome<void> {
    if (!bytes || (*bytes >= least && *bytes <= max_filter_bytes)) return {};
    return refuse(
        errors::invalid_request(fmt::format("'{}' should be between {} and {}.", element, least, max_filter_bytes)));
  };
  CHECK(check("ObjectSizeGreaterThan", greater, 0));
  CHECK(check("ObjectSizeLessThan", less, 1));
  if (!greater || !less || *greater < *less) return {};
  return refuse(
      errors::invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."));
}

Outcome<void> check_filter_tag(const api::Tag& tag) {
  if (tag.key.empty() || characters(tag.key) > max_tag_key)
    return refuse(errors::invalid_request("A Tag's Key must be a length between 1 and 128."));
  if (characters(tag.value) > max_tag_value)
    return refuse(errors::invalid_request("A Tag's Value must be a length between 0 and 256."));
  return {};
}

// One thing, or several within And.
Outcome<void> check_filter(const api::LifecycleRuleFilter& filter) {
  const int kinds = filter.prefix.has_value() + filter.tag.has_value() + filter.and_.has_value() +
                    filter.object_size_greater_than.has_value() + filter.object_size_less_than.has_value();
  if (kinds > 1) return malformed();
  if (filter.tag) CHECK(check_filter_tag(*filter.tag));
  CHECK(check_sizes(filter.object_size_greater_than, filter.object_size_less_than));
  if (!filter.and_) return {};
  const auto& all = *filter.and_;
  const auto tags = all.tags.value_or(std::vector<api::Tag>());
  const size_t conditions = tags.size() + all.prefix.has_value() + all.object_size_greater_than.has_value() +
                            all.object_size_less_than.has_value();
  if (conditions < 2) return malformed();
  CHECK(check_sizes(all.object_size_greater_than, all.object_size_less_than));
  std::set<std::string> keys;
  for (const api::Tag& tag : tags) {
    CHECK(check_filter_tag(tag));
    if (!keys.insert(tag.key).second) return refuse(errors::invalid_request("Duplicate Tag Keys are not allowed."));
  }
  return {};
}

Outcome<void> check_rule(const api::LifecycleRule& rule) {
  if (rule.id && rule.id->size() > 255) {
    return refuse(errors::invalid_argument("ID length should not exceed allowed limit of 255"));
  }
  if (rule.status != "Enabled" && rule.status != "Disabled") return malformed();
  if (rule.prefix.has_value() == rule.filter.has_value()) return malformed();
  if (rule.filter) CHECK(check_filter(*rule.filter));
  if (rule_prefix(rule).size() > max_prefix_bytes)
    return refuse(errors::invalid_request("The maximum size of a prefix is 1024"));
  if (!rule.expiration && !rule.transitions && !rule.noncurrent_version_expiration &&
      !rule.noncurrent_version_transitions && !rule.abort_incomplete_multipart_upload) {
    return refuse(errors::invalid_request("At least one action needs to be specified in a rule"));
  }
  if (rule.expiration) {
    const auto& expiration = *rule.expiration;
    const int kinds =
        expiration.days.has_value() + expiration.date.has_value() + expiration.expired_object_delete_marker.has_value();
    if (kinds != 1) return malformed();
    if (expiration.expired_object_delete_marker && names_tags(rule)) {
      return refuse(errors::invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
    }
    if (expiration.expired_object_delete_marker && names_sizes(rule)) {
      return refuse(errors::invalid_request("ExpiredObjectDeleteMarker cannot be specified with Object Size."));
    }
    CHECK(check_positive(expiration.days, "Days", "Expiration"));
    CHECK(check_date(expiration.date));
  }
  if (rule.noncurrent_version_expiration) {
    if (!rule.noncurrent_version_expiration->noncurrent_days) return malformed();
    const auto& expiration = *rule.noncurrent_version_expiration;
    CHECK(check_positive(expiration.noncurrent_days, "NoncurrentDays", "NoncurrentVersionExpiration"));
    CHECK(check_kept(rule, expiration.newer_noncurrent_versions, "NoncurrentVersionExpiration"));
  }
  if (rule.abort_incomplete_multipart_upload) {
    if (names_tags(rule)) {
      return refuse(errors::invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
    }
    if (names_sizes(rule)) {
      return refuse(errors::invalid_request("AbortIncompleteMultipartUpload cannot be specified with Object Size."));
    }
    if (!rule.abort_incomplete_multipart_upload->days_after_initiation) return malformed();
    CHECK(check_positive(rule.abort_incomplete_multipart_upload->days_after_initiation, "DaysAfterInitiation",
                         "AbortIncompleteMultipartUpload"));
  }
  return check_transitions(rule);
}

// In the first version of the configuration no key may be under two rules that do the same.
Outcome<void> check_overlap(const std::vector<api::LifecycleRule>& rules) {
  struct Action {
    std::string_view name;
    bool (*is_in)(const api::LifecycleRule& rule);
  };
  constexpr Action actions[] = {
      {"Expiration", [](const auto& rule) { return rule.expiration.has_value(); }},
      {"Transition", [](const auto& rule) { return rule.transitions.has_value(); }},
      {"NoncurrentVersionExpiration", [](const auto& rule) { return rule.noncurrent_version_expiration.has_value(); }},
      {"NoncurrentVersionTransition", [](const auto& rule) { return rule.noncurrent_version_transitions.has_value(); }},
      {"AbortIncompleteMultipartUpload",
       [](const auto& rule) { return rule.abort_incomplete_multipart_upload.has_value(); }}};
  for (size_t i = 1; i < rules.size(); ++i) {
    const std::string& prefix = *rules[i].prefix;
    for (const auto& other : std::span(rules).first(i)) {
      if (prefix == *other.prefix)
        return refuse(errors::invalid_request(fmt::format("Found two rules with same prefix '{}'", prefix)));
      if (!prefix.starts_with(*other.prefix) && !other.prefix->starts_with(prefix)) continue;
      const auto both =
          std::ranges::find_if(actions, [&](const Action& does) { return does.is_in(rules[i]) && does.is_in(other); });
      if (both == std::end(actions)) continue;
      return refuse(errors::invalid_request(fmt::format(
          "Found overlapping prefixes '{}' and '{}' for same action type '{}'", *other.prefix, prefix, both->name)));
    }
  }
  return {};
}

}  // namespace

Outcome<void> check_lifecycle(const api::BucketLifecycleConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > max_rules) return malformed();
  const bool filters = configuration.rules.front().filter.has_value();
  std::set<std::string> ids;
  for (const auto& rule : configuration.rules) {
    CHECK(check_rule(rule));
    // The first version of the configuration has prefixes in its rules, the second has filters; not both.
    if (rule.filter.has_value() != filters) {
      return refuse(errors::invalid_request(filters ? "Base level prefix cannot be used in Lifecycle V2, prefixes are "
                                                      "only supported in the Filter."
                                                    : "Filter element can only be used in Lifecycle V2."));
    }
    if (rule.id && !rule.id->empty() && !ids.insert(*rule.id).second) {
      return refuse(errors::invalid_argument(
          fmt::format("Rule ID must be unique. Found same ID for more than one rule: {}", *rule.id)));
    }
  }
  return filters ? Outcome<void>() : check_overlap(configuration.rules);
}

}  // namespace boreal::s3
