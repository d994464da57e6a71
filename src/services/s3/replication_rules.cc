#include "s3/replication_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/s3/errors.h"
#include "s3/encryption.h"
#include "s3/object_meta.h"
#include "s3/wording.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr size_t max_rules = 1000;
constexpr size_t max_id_bytes = 255;
constexpr size_t max_prefix_bytes = 1024;
constexpr std::string_view bucket_arn = "arn:aws:s3:::";

// Without a filter it is of the first version of the configuration, which has the prefix in the rule itself.
bool is_first_version(const api::ReplicationRule& rule) { return !rule.filter; }

std::string prefix_of(const api::ReplicationRule& rule) {
  if (is_first_version(rule)) return rule.prefix.value_or("");
  if (rule.filter->and_) return rule.filter->and_->prefix.value_or("");
  return rule.filter->prefix.value_or("");
}

std::vector<api::Tag> tags_of(const api::ReplicationRule& rule) {
  if (is_first_version(rule)) return {};
  if (rule.filter->and_) return rule.filter->and_->tags.value_or(std::vector<api::Tag>());
  return rule.filter->tag ? std::vector{*rule.filter->tag} : std::vector<api::Tag>();
}

bool replicates_markers(const api::ReplicationRule& rule) {
  if (is_first_version(rule)) return true;
  return rule.delete_marker_replication && rule.delete_marker_replication->status == "Enabled";
}

bool takes_kms(const api::ReplicationRule& rule) {
  const auto& criteria = rule.source_selection_criteria;
  return criteria && criteria->sse_kms_encrypted_objects && criteria->sse_kms_encrypted_objects->status == "Enabled";
}

bool takes_replica_changes(const api::ReplicationRule& rule) {
  const auto& criteria = rule.source_selection_criteria;
  return criteria && criteria->replica_modifications && criteria->replica_modifications->status == "Enabled";
}

bool takes(const api::ReplicationRule& rule, const std::string& key, const objects::Meta& meta, bool is_marker) {
  if (rule.status != "Enabled" || !key.starts_with(prefix_of(rule))) return false;
  if (is_marker) return replicates_markers(rule);
  if (encryption_of(meta).is_kms() && !takes_kms(rule)) return false;
  return std::ranges::all_of(tags_of(rule), [&](const api::Tag& tag) {
    const auto found = meta.tags.find(tag.key);
    return found != meta.tags.end() && found->second == tag.value;
  });
}

template <class Wants>
bool any_rule(const Bucket& bucket, const std::string& key, const objects::Meta& meta, bool is_marker, Wants wants) {
  if (!bucket.replication || bucket.versioning != "Enabled") return false;
  return std::ranges::any_of(bucket.replication->rules, [&](const api::ReplicationRule& rule) {
    return takes(rule, key, meta, is_marker) && wants(rule);
  });
}

Outcome<void> malformed() { return refuse(malformed_xml()); }

Outcome<void> wrong_version(std::string_view what) {
  return refuse(errors::invalid_request(
      fmt::format("{} for this version of Cross Region Replication configuration schema. Please refer to S3 Developer "
                  "Guide for more information.",
                  what)));
}

Outcome<void> check_destination(const api::ReplicationRule& rule) {
  const api::Destination& to = rule.destination;
  const std::string bucket = destination_bucket(to);
  if (bucket.empty() || bucket.contains('/')) return refuse(errors::invalid_argument("Invalid bucket ARN."));
  if (to.access_control_translation && !to.account) {
    return refuse(errors::invalid_request("Account must be specified if AccessControlTranslation is specified."));
  }
  if (to.storage_class && !check_storage_class(*to.storage_class)) return malformed();
  // Each wants the other, also where SseKmsEncryptedObjects is Disabled.
  const bool names_key = to.encryption_configuration && to.encryption_configuration->replica_kms_key_id;
  const bool tells_kms = rule.source_selection_criteria && rule.source_selection_criteria->sse_kms_encrypted_objects;
  if (names_key && !tells_kms) {
    return refuse(
        errors::invalid_request("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present."));
  }
  if (tells_kms && !names_key) {
    return refuse(
        errors::invalid_request("EncryptionConfiguration must be specified if SseKmsEncryptedObjects is present."));
  }
  if (names_key && !to.encryption_configuration->replica_kms_key_id->starts_with("arn:"))
    return refuse(errors::invalid_argument("Invalid ReplicaKmsKeyID ARN."));
  if (to.replication_time && !to.metrics)
    return refuse(errors::invalid_request("Metrics must be specified if ReplicationTime is present."));
  if (to.replication_time && to.replication_time->status == "Enabled") {
    return refuse(errors::not_implemented(
        "Replication time control (Destination.ReplicationTime) is not served: nothing here measures it."));
  }
  if (to.metrics && to.metrics->status == "Enabled") {
    return refuse(errors::not_implemented(
        "Replication metrics (Destination.Metrics) are not served: there is no CloudWatch to publish them to."));
  }
  return {};
}

Outcome<void> check_and(const api::ReplicationRuleAndOperator& all) {
  const auto tags = all.tags.value_or(std::vector<api::Tag>());
  if (all.prefix.has_value() + tags.size() < 2) return malformed();
  std::set<std::string_view> keys;
  for (const api::Tag& tag : tags) {
    if (!keys.insert(tag.key).second) return refuse(errors::invalid_request("Duplicate Tag Keys are not allowed."));
  }
  return {};
}

Outcome<void> check_rule(const api::ReplicationRule& rule, bool first_version) {
  if (rule.id && rule.id->size() > max_id_bytes)
    return refuse(errors::invalid_argument("The maximum value is 255 characters."));
  if (rule.id && !std::ranges::all_of(*rule.id, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return refuse(errors::invalid_argument("Rule ID must not contain non-ASCII characters."));
  if (prefix_of(rule).size() > max_prefix_bytes) {
    return refuse(errors::invalid_argument(
        fmt::format("Rule prefix cannot be longer than maximum allowed key length of {}", max_prefix_bytes)));
  }
  if (is_first_version(rule) != first_version) {
    return refuse(errors::invalid_request("Cannot use both configurations of the first version and of the second."));
  }
  const auto& criteria = rule.source_selection_criteria;
  if (criteria && !criteria->sse_kms_encrypted_objects && !criteria->replica_modifications)
    return refuse(errors::invalid_request("SourceSelectionCriteria cannot be empty."));
  if (first_version) {
    if (!rule.prefix || rule.existing_object_replication) return malformed();
    if (rule.priority) return wrong_version("Priority cannot be used");
    if (rule.delete_marker_replication) return wrong_version("DeleteMarkerReplication cannot be used");
    return check_destination(rule);
  }
  const auto& filter = *rule.filter;
  const int kinds = filter.prefix.has_value() + filter.tag.has_value() + filter.and_.has_value();
  if (rule.prefix || kinds > 1) return malformed();
  if (filter.and_) CHECK(check_and(*filter.and_));
  if (!rule.priority) return wrong_version("Priority must be specified");
  if (*rule.priority < 0) return refuse(errors::invalid_request("Priority must not be negative."));
  if (!rule.delete_marker_replication) return wrong_version("DeleteMarkerReplication must be specified");
  if (!rule.delete_marker_replication->status) return malformed();
  if (!tags_of(rule).empty() && replicates_markers(rule)) {
    return refuse(
        errors::invalid_request("Delete marker replication is not supported if any Tag filter is specified."));
  }
  return check_destination(rule);
}

}  // namespace

std::string_view replication_status_of(const objects::Meta& meta) {
  const auto found = meta.attributes.find(attribute::replication);
  return found == meta.attributes.end() ? std::string_view() : std::string_view(found->second);
}

std::string destination_bucket(const api::Destination& destination) {
  return destination.bucket.starts_with(bucket_arn) ? destination.bucket.substr(bucket_arn.size()) : std::string();
}

Outcome<void> check_replication(const api::ReplicationConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > max_rules) return malformed();
  const bool first_version = is_first_version(configuration.rules.front());
  std::set<std::string> ids;
  std::set<int32_t> priorities;
  for (const auto& rule : configuration.rules) {
    CHECK(check_rule(rule, first_version));
    if (rule.id && !rule.id->empty() && !ids.insert(*rule.id).second)
      return refuse(errors::invalid_argument(fmt::format("Rule Id must be unique: {}", *rule.id)));
    if (rule.priority && !priorities.insert(*rule.priority).second)
      return refuse(errors::invalid_request(fmt::format("Found duplicate priority {}", *rule.priority)));
    if (first_version &&
        destination_bucket(rule.destination) != destination_bucket(configuration.rules.front().destination))
      return refuse(errors::invalid_request("Number of distinct destination bucket ARNs cannot exceed 1"));
  }
  return {};
}

std::vector<const api::ReplicationRule*> rules_for(const Bucket& bucket, const objects::Version& version) {
  std::map<std::string, const api::ReplicationRule*> best;  // by destination
  if (!bucket.replication) return {};
  for (const auto& rule : bucket.replication->rules) {
    if (!takes(rule, version.key, version.meta, version.is_delete_marker)) continue;
    const api::ReplicationRule*& chosen = best[destination_bucket(rule.destination)];
    if (chosen == nullptr || rule.priority.value_or(0) > chosen->priority.value_or(0)) chosen = &rule;
  }
  std::vector<const api::ReplicationRule*> rules;
  for (const auto& [name, rule] : best) rules.push_back(rule);
  return rules;
}

bool replicates_object(const Bucket& bucket, const std::string& key, const objects::Meta& meta) {
  return !is_archived(meta.tier) && any_rule(bucket, key, meta, false, [](const auto&) { return true; });
}

bool mark_for_replication(const Bucket& bucket, const std::string& key, objects::Meta& meta) {
  const bool is_replicated = replicates_object(bucket, key, meta);
  if (is_replicated) mark_pending(meta);
  return is_replicated;
}

void mark_pending(objects::Meta& meta) {
  if (replication_status_of(meta) == replication_status::replica) return;
  meta.attributes.insert_or_assign(std::string(attribute::replication), std::string(replication_status::pending));
}

bool replicates_marker(const Bucket& bucket, const std::string& key) {
  return any_rule(bucket, key, {}, true, [](const auto&) { return true; });
}

bool replicates_change(const Bucket& bucket, const objects::Version& version) {
  const std::string_view status = replication_status_of(version.meta);
  if (status.empty() || !bucket.replication) return false;
  if (status != replication_status::replica) return true;
  return any_rule(bucket, version.key, version.meta, false, takes_replica_changes);
}

bool replicates_existing(const Bucket& bucket, const objects::Version& version) {
  if (version.is_delete_marker || is_archived(version.meta.tier)) return false;
  if (!replication_status_of(version.meta).empty()) return false;
  return any_rule(bucket, version.key, version.meta, false, [](const api::ReplicationRule& rule) {
    return rule.existing_object_replication && rule.existing_object_replication->status == "Enabled";
  });
}

}  // namespace boreal::s3
