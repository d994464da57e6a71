#include <fmt/format.h>

#include "base/text.h"
#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr int32_t default_window_days = 30;
constexpr int32_t least_window_days = 7;
constexpr size_t max_tags = 50;
constexpr size_t default_keys_page = 100;
constexpr size_t default_tags_page = 50;

KeyMetadata metadata_of(const Key& key) {
  KeyMetadata out;
  out.aws_account_id = key.account;
  out.key_id = key.id;
  out.arn = key.arn();
  out.creation_date = key.created;
  out.enabled = key.state == state_enabled;
  out.description = key.description;
  out.key_usage = "ENCRYPT_DECRYPT";
  out.key_state = key.state;
  out.deletion_date = key.deletion;
  out.origin = "AWS_KMS";
  out.key_manager = key.is_managed() ? "AWS" : "CUSTOMER";
  out.customer_master_key_spec = "SYMMETRIC_DEFAULT";
  out.key_spec = "SYMMETRIC_DEFAULT";
  out.encryption_algorithms = {"SYMMETRIC_DEFAULT"};
  out.multi_region = false;
  return out;
}

aws::Outcome<void> check_kind(const CreateKeyRequest& input) {
  const auto unsupported = [](const char* member, const std::string& value, const char* right) {
    return aws::refuse(errors::unsupported_operation_exception(
        fmt::format("{} {}: boreal makes symmetric encryption keys of its own only ({}).", member, value, right)));
  };
  if (input.key_spec && input.customer_master_key_spec) {
    return aws::refuse(
        errors::validation_exception("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
                                     "CustomerMasterKeySpec is deprecated."));
  }
  const std::string spec = input.key_spec.value_or(input.customer_master_key_spec.value_or("SYMMETRIC_DEFAULT"));
  if (spec != "SYMMETRIC_DEFAULT") return unsupported("KeySpec", spec, "KeySpec SYMMETRIC_DEFAULT");
  const std::string usage = input.key_usage.value_or("ENCRYPT_DECRYPT");
  if (usage != "ENCRYPT_DECRYPT") return unsupported("KeyUsage", usage, "KeyUsage ENCRYPT_DECRYPT");
  const std::string origin = input.origin.value_or("AWS_KMS");
  if (origin != "AWS_KMS") return unsupported("Origin", origin, "Origin AWS_KMS");
  if (input.multi_region.value_or(false)) return unsupported("MultiRegion", "true", "MultiRegion false");
  if (input.custom_key_store_id) return unsupported("CustomKeyStoreId", *input.custom_key_store_id, "no key store");
  if (input.xks_key_id) return unsupported("XksKeyId", *input.xks_key_id, "no external key");
  return {};
}

// Puts the tags on the key.
aws::Outcome<void> add_tags(Key& key, const std::vector<Tag>& tags) {
  std::map<std::string, std::string> added;
  for (const Tag& tag : tags) {
    if (to_lower(tag.tag_key).starts_with("aws:")) {
      return aws::refuse(errors::tag_exception(
          fmt::format("Tag key {}: keys that begin with aws: are not for external use", tag.tag_key)));
    }
    if (!added.emplace(tag.tag_key, tag.tag_value).second) {
      return aws::refuse(errors::tag_exception(fmt::format("Duplicate tag key {}", tag.tag_key)));
    }
  }
  for (auto& [name, value] : added) key.tags.insert_or_assign(name, value);
  if (key.tags.size() > max_tags) {
    return aws::refuse(errors::limit_exceeded_exception(
        fmt::format("Too many tags: {}; a key has at most {}", key.tags.size(), max_tags)));
  }
  return {};
}

}  // namespace

Task<aws::Outcome<CreateKeyResponse>> Service::create_key(aws::Call& call, CreateKeyRequest input) {
  CO_CHECK(check_kind(input));
  Key key{.id = context_.random.uuid(),
          .account = call.account,
          .region = call.region,
          .description = input.description.value_or(""),
          .state = std::string(state_enabled),
          .created = call.now};
  if (input.tags) CO_CHECK(add_tags(key, *input.tags));
  std::string policy = default_policy(call.account);
  if (input.policy) {
    CO_TRY(auto kept, co_await check_policy(call, key.arn(), *input.policy,
                                            input.bypass_policy_lockout_safety_check.value_or(false)));
    policy = std::move(kept.document);
    key.policy_principals = std::move(kept.principals);
  }
  auto tx = co_await context_.catalog.begin(partition_of(key.account, key.region));
  CO_CHECK(add_material(tx, key, {}));
  tx.put(policy_path(key.id), policy);
  CreateKeyResponse out{.key_metadata = metadata_of(key)};
  CO_TRY(const auto first, tx.get(material_path(key.id, key.version)));
  CO_TRY(const auto material, store::decode<Material>(*first));
  out.key_metadata->current_key_material_id = material.id;
  CO_CHECK(co_await commit({.tx = std::move(tx), .key = std::move(key)}));
  co_return out;
}

Task<aws::Outcome<DescribeKeyResponse>> Service::describe_key(aws::Call& call, DescribeKeyRequest input) {
  auto found = find(call, input.key_id);
  if (!found && found.error().code == "NotFoundException") {
    CO_TRY(const auto named, parse_reference(input.key_id, call.account, call.region));
    if (is_predefined(call, named)) {
      found = co_await managed_key(named.account, named.region, std::string(managed_alias_service(named.alias)));
    }
  }
  CO_TRY(const auto key, std::move(found));
  DescribeKeyResponse out{.key_metadata = metadata_of(key)};
  CO_TRY(out.key_metadata->current_key_material_id, material_id(key, key.version));
  co_return out;
}

Task<aws::Outcome<ListKeysResponse>> Service::list_keys(aws::Call& call, ListKeysRequest input) {
  const auto limit = static_cast<size_t>(input.limit.value_or(default_keys_page));
  CO_TRY(const auto page, list_page(context_.catalog, partition_of(call.account, call.region), std::string(key_prefix),
                                    limit, input.marker));
  ListKeysResponse out;
  out.keys.emplace();
  for (const auto& [path, text] : page.items) {
    CO_TRY(const auto key, store::decode<Key>(text));
    out.keys->push_back({.key_id = key.id, .key_arn = key.arn()});
  }
  out.truncated = page.next_marker.has_value();
  out.next_marker = page.next_marker;
  co_return out;
}

Task<aws::Outcome<EnableKeyOutput>> Service::enable_key(aws::Call& call, EnableKeyRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  change.key.state = state_enabled;
  CO_CHECK(co_await commit(std::move(change)));
  timekeeper_.note(call.now);  // a rotation may have waited for this
  co_return EnableKeyOutput{};
}

Task<aws::Outcome<DisableKeyOutput>> Service::disable_key(aws::Call& call, DisableKeyRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  change.key.state = state_disabled;
  CO_CHECK(co_await commit(std::move(change)));
  co_return DisableKeyOutput{};
}

Task<aws::Outcome<UpdateKeyDescriptionOutput>> Service::update_key_description(aws::Call& call,
                                                                               UpdateKeyDescriptionRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  change.key.description = std::move(input.description);
  CO_CHECK(co_await commit(std::move(change)));
  co_return UpdateKeyDescriptionOutput{};
}

int32_t days_of(const ScheduleKeyDeletionRequest& input) {
  return input.pending_window_in_days.value_or(default_window_days);
}

Task<aws::Outcome<ScheduleKeyDeletionResponse>> Service::schedule_key_deletion(aws::Call& call,
                                                                               ScheduleKeyDeletionRequest input) {
  const int32_t days = days_of(input);
  if (days < least_window_days || days > default_window_days) {
    co_return aws::refuse(errors::validation_exception(fmt::format(
        "PendingWindowInDays is {}; it must be between {} and {}.", days, least_window_days, default_window_days)));
  }
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  const Time when = call.now + std::chrono::days(days);
  change.key.state = state_pending_deletion;
  change.key.deletion = when;
  change.key.deletion_window_days = days;
  ScheduleKeyDeletionResponse out{
      .key_id = change.key.arn(), .deletion_date = when, .key_state = change.key.state, .pending_window_in_days = days};
  CO_CHECK(co_await commit(std::move(change)));
  timekeeper_.note(when);
  co_return out;
}

Task<aws::Outcome<CancelKeyDeletionResponse>> Service::cancel_key_deletion(aws::Call& call,
                                                                           CancelKeyDeletionRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  if (change.key.state != state_pending_deletion) {
    co_return aws::refuse(
        errors::kms_invalid_state_exception(fmt::format("{} is not pending deletion.", change.key.arn())));
  }
  change.key.state = state_disabled;
  change.key.deletion.reset();
  change.key.deletion_window_days = 0;
  CancelKeyDeletionResponse out{.key_id = change.key.arn()};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<TagResourceOutput>> Service::tag_resource(aws::Call& call, TagResourceRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  CO_CHECK(add_tags(change.key, input.tags));
  CO_CHECK(co_await commit(std::move(change)));
  co_return TagResourceOutput{};
}

Task<aws::Outcome<UntagResourceOutput>> Service::untag_resource(aws::Call& call, UntagResourceRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_not_pending(change.key));
  for (const auto& name : input.tag_keys) change.key.tags.erase(name);
  CO_CHECK(co_await commit(std::move(change)));
  co_return UntagResourceOutput{};
}

Task<aws::Outcome<ListResourceTagsResponse>> Service::list_resource_tags(aws::Call& call,
                                                                         ListResourceTagsRequest input) {
  CO_TRY(const auto key, find(call, input.key_id));
  const auto limit = static_cast<size_t>(input.limit.value_or(default_tags_page));
  ListResourceTagsResponse out;
  out.tags.emplace();
  out.truncated = false;
  for (auto at = key.tags.lower_bound(input.marker.value_or("")); at != key.tags.end(); ++at) {
    if (out.tags->size() == limit) {
      out.truncated = true;
      out.next_marker = at->first;
      break;
    }
    out.tags->push_back({.tag_key = at->first, .tag_value = at->second});
  }
  co_return out;
}

}  // namespace boreal::kms
