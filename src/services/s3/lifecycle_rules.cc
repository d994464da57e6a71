#include "s3/lifecycle_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/s3/errors.h"
#include "codec/percent.h"
#include "codec/time.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr size_t max_rules = 1000;
constexpr int64_t day_ms = 24 * 3600 * 1000LL;

std::unexpected<aws::ApiError> malformed() {
  return refuse(errors::malformed_xml(
      "The XML you provided was not well-formed or did not validate against our published schema"));
}

Outcome<void> check_days(const std::optional<int32_t>& days, std::string_view action) {
  if (days && *days <= 0) {
    return refuse(errors::invalid_argument(fmt::format("'Days' for {} action must be a positive integer", action)));
  }
  return {};
}

Outcome<void> check_date(const std::optional<Time>& date) {
  if (date && date->ms % day_ms != 0) return refuse(errors::invalid_argument("'Date' must be at midnight GMT"));
  return {};
}

bool is_transition_class(const std::optional<std::string>& name) {
  for (const std::string_view known :
       {"GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"}) {
    if (name == known) return true;
  }
  return false;
}

Outcome<void> check_transitions(const api::LifecycleRule& rule) {
  for (const auto& transition : rule.transitions.value_or(std::vector<api::Transition>())) {
    if (transition.days.has_value() == transition.date.has_value() || !is_transition_class(transition.storage_class))
      return malformed();
    if (transition.days && *transition.days < 0) {
      return refuse(errors::invalid_argument("'Days' in Transition action must be nonnegative"));
    }
    CHECK(check_date(transition.date));
    const bool is_infrequent = transition.storage_class == "STANDARD_IA" || transition.storage_class == "ONEZONE_IA";
    if (is_infrequent && transition.days && *transition.days < 30) {
      return refuse(errors::invalid_argument(
          fmt::format("'Days' in Transition action must be greater than or equal to 30 for storageClass '{}'",
                      *transition.storage_class)));
    }
    if (rule.expiration && rule.expiration->days && transition.days && *rule.expiration->days <= *transition.days) {
      return refuse(errors::invalid_argument(
          "'Days' in the Expiration action for filter must be greater than 'Days' in the Transition action"));
    }
  }
  for (const auto& transition :
       rule.noncurrent_version_transitions.value_or(std::vector<api::NoncurrentVersionTransition>())) {
    if (!transition.noncurrent_days || !is_transition_class(transition.storage_class)) return malformed();
  }
  return {};
}

bool names_tags(const api::LifecycleRule& rule) {
  return rule.filter && (rule.filter->tag || (rule.filter->and_ && rule.filter->and_->tags));
}

// One thing, or several within And.
Outcome<void> check_filter(const api::LifecycleRuleFilter& filter) {
  const int kinds = filter.prefix.has_value() + filter.tag.has_value() + filter.and_.has_value() +
                    filter.object_size_greater_than.has_value() + filter.object_size_less_than.has_value();
  if (kinds > 1) return malformed();
  if (!filter.and_ || !filter.and_->tags) return {};
  std::set<std::string> keys;
  for (const api::Tag& tag : *filter.and_->tags) {
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
    CHECK(check_days(expiration.days, "Expiration"));
    CHECK(check_date(expiration.date));
  }
  if (rule.noncurrent_version_expiration) {
    if (!rule.noncurrent_version_expiration->noncurrent_days) return malformed();
    CHECK(check_days(rule.noncurrent_version_expiration->noncurrent_days, "NoncurrentVersionExpiration"));
  }
  if (rule.abort_incomplete_multipart_upload) {
    if (names_tags(rule)) {
      return refuse(errors::invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
    }
    CHECK(check_days(rule.abort_incomplete_multipart_upload->days_after_initiation, "AbortIncompleteMultipartUpload"));
  }
  return check_transitions(rule);
}

bool has_tag(const objects::Version& version, const api::Tag& tag) {
  const auto found = version.meta.tags.find(tag.key);
  return found != version.meta.tags.end() && found->second == tag.value;
}

bool size_fits(const objects::Version& version, const std::optional<int64_t>& greater,
               const std::optional<int64_t>& less) {
  const auto size = static_cast<int64_t>(version.size);
  return (!greater || size > *greater) && (!less || size < *less);
}

}  // namespace

Outcome<void> check_lifecycle(const api::BucketLifecycleConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > max_rules) return malformed();
  std::set<std::string> ids;
  for (const auto& rule : configuration.rules) {
    CHECK(check_rule(rule));
    if (rule.id && !rule.id->empty() && !ids.insert(*rule.id).second) {
      return refuse(errors::invalid_argument(
          fmt::format("Rule ID must be unique. Found same ID for more than one rule: {}", *rule.id)));
    }
  }
  return {};
}

std::string rule_prefix(const api::LifecycleRule& rule) {
  if (rule.prefix) return *rule.prefix;
  if (!rule.filter) return {};
  if (rule.filter->and_) return rule.filter->and_->prefix.value_or("");
  return rule.filter->prefix.value_or("");
}

bool rule_takes(const api::LifecycleRule& rule, const objects::Version& version) {
  if (rule.status != "Enabled" || !version.key.starts_with(rule_prefix(rule))) return false;
  if (!rule.filter) return true;
  const auto& filter = *rule.filter;
  if (filter.tag && !has_tag(version, *filter.tag)) return false;
  if (!size_fits(version, filter.object_size_greater_than, filter.object_size_less_than)) return false;
  if (!filter.and_) return true;
  const auto& all = *filter.and_;
  if (all.tags && !std::ranges::all_of(*all.tags, [&](const api::Tag& tag) { return has_tag(version, tag); }))
    return false;
  return size_fits(version, all.object_size_greater_than, all.object_size_less_than);
}

Time due(Time start, int64_t days) {
  const int64_t end = start.ms + days * day_ms;
  return {(end + day_ms - 1) / day_ms * day_ms};
}

std::optional<std::string> expiration_header(const Bucket& bucket, const objects::Version& version) {
  if (!bucket.lifecycle || !version.is_latest) return std::nullopt;
  std::optional<Time> first;
  std::string id;
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule.expiration || !rule_takes(rule, version)) continue;
    std::optional<Time> when = rule.expiration->date;
    if (rule.expiration->days) when = due(version.modified, *rule.expiration->days);
    if (when && (!first || *when < *first)) {
      first = when;
      id = rule.id.value_or("");
    }
  }
  if (!first) return std::nullopt;
  return fmt::format("expiry-date=\"{}\", rule-id=\"{}\"", codec::format_http_date(*first), codec::percent_encode(id));
}

}  // namespace boreal::s3
