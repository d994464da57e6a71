#include "s3/lifecycle_due.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "codec/time.h"

namespace boreal::s3 {

namespace {

constexpr uint64_t small_bytes = 128 << 10;

bool has_tag(const objects::Version& version, const api::Tag& tag) {
  const auto found = version.meta.tags.find(tag.key);
  return found != version.meta.tags.end() && found->second == tag.value;
}

bool size_fits(const objects::Version& version, const std::optional<int64_t>& greater,
               const std::optional<int64_t>& less) {
  const auto size = static_cast<int64_t>(version.size);
  return (!greater || size > *greater) && (!less || size < *less);
}

// The classes from above to below: a transition only ever goes down.
constexpr std::string_view waterfall[] = {"STANDARD",   "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING",
                                          "ONEZONE_IA", "GLACIER_IR",         "GLACIER",     "DEEP_ARCHIVE"};
// Of transitions that are due at the same time the last of these counts: the cheapest, but that Intelligent-Tiering is
// preferred to all that is no archive.
constexpr std::string_view preference[] = {"STANDARD_IA",         "ONEZONE_IA", "GLACIER_IR",
                                           "INTELLIGENT_TIERING", "GLACIER",    "DEEP_ARCHIVE"};

bool may_move(std::string_view from, std::string_view to) {
  if (from == "ONEZONE_IA" && to == "GLACIER_IR") return false;
  return std::ranges::find(waterfall, from) < std::ranges::find(waterfall, to);
}

// A transition that is due.
struct Step {
  Time when;
  std::string tier;
};

// Where the steps bring what lies in `from`, one after the other; empty: it stays.
std::string last_tier(const std::string& from, std::vector<Step> steps) {
  std::ranges::sort(steps, {}, [](const Step& step) {
    return std::pair(step.when, std::ranges::find(preference, step.tier) - std::begin(preference));
  });
  std::string at = from;
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool is_outdone = i + 1 < steps.size() && steps[i + 1].when == steps[i].when;
    if (!is_outdone && may_move(at, steps[i].tier)) at = steps[i].tier;
  }
  return at == from ? std::string() : at;
}

bool names_size(const api::LifecycleRule& rule) {
  if (!rule.filter) return false;
  const auto& filter = *rule.filter;
  return filter.object_size_greater_than || filter.object_size_less_than ||
         (filter.and_ && (filter.and_->object_size_greater_than || filter.and_->object_size_less_than));
}

// Small objects cost more to move than they save: they stay, unless a rule speaks of sizes itself.
bool is_worth_moving(const Bucket& bucket, const api::LifecycleRule& rule, const objects::Version& version,
                     std::string_view to) {
  if (names_size(rule) || version.size >= small_bytes) return true;
  const bool archives_all = bucket.lifecycle_minimum_size == "varies_by_storage_class";
  return archives_all && (to == "GLACIER" || to == "DEEP_ARCHIVE");
}

// `date` or so many days from `start`; null where the action says neither.
std::optional<Time> moment_of(const std::optional<Time>& date, const std::optional<int32_t>& days, Time start) {
  return days ? std::optional(due(start, *days)) : date;
}

bool is_past(const std::optional<Time>& when, Time now) { return when && *when <= now; }

// AWS encodes no more of a rule's id than what cannot stand between quotes in a header.
std::string quotable(std::string_view id) {
  std::string text;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte >= 0x20 && byte < 0x7f && c != '"' && c != '%';
    text += is_plain ? std::string(1, c) : fmt::format("%{:02x}", byte);
  }
  return text;
}

}  // namespace

Time due(Time start, int64_t days) {
  const int64_t end = start.ms + days * day_ms;
  return {(end + day_ms - 1) / day_ms * day_ms};
}

Time midnight_before(Time time) { return {time.ms / day_ms * day_ms}; }

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

Due due_of_current(const Bucket& bucket, const objects::Version& version, Time now) {
  Due found;
  std::vector<Step> steps;
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule_takes(rule, version)) continue;
    if (rule.expiration && is_past(moment_of(rule.expiration->date, rule.expiration->days, version.modified), now))
      found.expires = true;
    if (!rule.transitions) continue;
    for (const auto& transition : *rule.transitions) {
      const auto when = moment_of(transition.date, transition.days, version.modified);
      const std::string& to = transition.storage_class.value();
      if (is_past(when, now) && is_worth_moving(bucket, rule, version, to)) steps.push_back({*when, to});
    }
  }
  found.tier = last_tier(version.meta.tier, std::move(steps));
  return found;
}

Due due_of_noncurrent(const Bucket& bucket, const objects::Version& version, Time since, size_t newer, Time now) {
  Due found;
  std::vector<Step> steps;
  const auto is_spared = [newer](const std::optional<int32_t>& kept) {
    return kept && newer < static_cast<size_t>(*kept);
  };
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule_takes(rule, version)) continue;
    if (const auto& expiration = rule.noncurrent_version_expiration) {
      const Time when = due(since, expiration->noncurrent_days.value_or(1));
      if (when <= now && !is_spared(expiration->newer_noncurrent_versions)) found.expires = true;
    }
    if (version.is_delete_marker || !rule.noncurrent_version_transitions) continue;
    for (const auto& transition : *rule.noncurrent_version_transitions) {
      const Time when = due(since, transition.noncurrent_days.value_or(0));
      const std::string& to = transition.storage_class.value();
      if (when <= now && !is_spared(transition.newer_noncurrent_versions) && is_worth_moving(bucket, rule, version, to))
        steps.push_back({when, to});
    }
  }
  found.tier = last_tier(version.meta.tier, std::move(steps));
  return found;
}

bool is_marker_due(const Bucket& bucket, const objects::Version& marker, Time now) {
  return std::ranges::any_of(bucket.lifecycle->rules, [&](const api::LifecycleRule& rule) {
    return rule.expiration && rule_takes(rule, marker) &&
           (rule.expiration->expired_object_delete_marker.value_or(false) ||
            is_past(moment_of(rule.expiration->date, rule.expiration->days, marker.modified), now));
  });
}

std::optional<std::string> expiration_header(const Bucket& bucket, const objects::Version& version) {
  if (!bucket.lifecycle || !version.is_latest) return std::nullopt;
  std::optional<Time> first;
  std::string id;
  for (const auto& rule : bucket.lifecycle->rules) {
    if (!rule.expiration || !rule_takes(rule, version)) continue;
    const auto when = moment_of(rule.expiration->date, rule.expiration->days, version.modified);
    if (when && (!first || *when < *first)) {
      first = when;
      id = rule.id.value_or("");
    }
  }
  if (!first) return std::nullopt;
  return fmt::format("expiry-date=\"{}\", rule-id=\"{}\"", codec::format_http_date(*first), quotable(id));
}

std::optional<AbortDue> abort_due(const Bucket& bucket, const std::string& key, Time initiated) {
  std::optional<AbortDue> first;
  if (!bucket.lifecycle) return first;
  for (const auto& rule : bucket.lifecycle->rules) {
    const auto& abort = rule.abort_incomplete_multipart_upload;
    if (rule.status != "Enabled" || !abort || !abort->days_after_initiation || !key.starts_with(rule_prefix(rule)))
      continue;
    const Time when = due(initiated, *abort->days_after_initiation);
    if (!first || when < first->when) first = AbortDue{when, rule.id.value_or("")};
  }
  return first;
}

}  // namespace boreal::s3
