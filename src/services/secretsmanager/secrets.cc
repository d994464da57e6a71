#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/text.h"
#include "secretsmanager/labels.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

namespace {

constexpr size_t suffix_characters = 6;
constexpr std::string_view suffix_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr size_t max_tags = 50;
constexpr int64_t least_window_days = 7;
constexpr int64_t longest_window_days = 30;

aws::Outcome<void> check_name(const std::string& name) {
  const auto valid = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("/_+=.@-!").contains(c);
  };
  if (!name.empty() && std::ranges::all_of(name, valid)) return {};
  return aws::refuse(errors::validation_exception(fmt::format(
      "Invalid name '{}'. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
      name)));
}

aws::Outcome<void> check_type(const std::optional<std::string>& type) {
  if (!type) return {};
  return aws::refuse(errors::invalid_parameter_exception(
      fmt::format("Type {}: boreal does not serve secrets that partners manage; leave Type out.", *type)));
}

}  // namespace

aws::Outcome<void> add_tags(Secret& secret, const std::vector<Tag>& tags) {
  std::map<std::string, std::string> added;
  for (const Tag& tag : tags) {
    if (!tag.key) return aws::refuse(errors::invalid_parameter_exception("A tag has no Key."));
    if (tag.key->starts_with("aws:")) {
      return aws::refuse(errors::invalid_parameter_exception(
          fmt::format("Tag key {}: keys that begin with aws: are reserved for AWS.", *tag.key)));
    }
    if (!added.emplace(*tag.key, tag.value.value_or("")).second) {
      return aws::refuse(errors::invalid_parameter_exception(fmt::format("Tag key {} is given twice.", *tag.key)));
    }
  }
  for (auto& [key, value] : added) secret.tags.insert_or_assign(key, value);
  if (secret.tags.size() > max_tags) {
    return aws::refuse(errors::invalid_parameter_exception(
        fmt::format("{} tags; a secret has at most {}.", secret.tags.size(), max_tags)));
  }
  return {};
}

std::vector<Tag> tags_of(const Secret& secret) {
  std::vector<Tag> tags;
  for (const auto& [key, value] : secret.tags) tags.push_back({.key = key, .value = value});
  return tags;
}

std::map<std::string, std::vector<std::string>> stages_by_version(const Secret& secret) {
  std::map<std::string, std::vector<std::string>> stages;
  for (const auto& [label, version_id] : secret.labels) stages[version_id].push_back(label);
  return stages;
}

Task<aws::Outcome<CreateSecretResponse>> Service::create_secret(aws::Call& call, CreateSecretRequest input) {
  CO_CHECK(check_name(input.name));
  CO_CHECK(check_type(input.type));
  CO_TRY(auto value, value_of(std::move(input.secret_string), std::move(input.secret_binary)));
  Change change{.tx = co_await context_.catalog.begin(partition_of(call.account, call.region)),
                .secret = {.id = context_.random.hex(32),
                           .account = call.account,
                           .region = call.region,
                           .name = input.name,
                           .suffix = context_.random.pick(suffix_alphabet, suffix_characters),
                           .description = input.description.value_or(""),
                           .kms_key_id = input.kms_key_id.value_or(""),
                           .created = call.now,
                           .changed = call.now}};
  CO_TRY(const auto there, change.tx.get(secret_path(input.name)));
  if (there) {
    CO_TRY(change.secret, store::decode<Secret>(*there));
    if (change.secret.deletion) {
      co_return aws::refuse(errors::invalid_request_exception(
          "You can't create this secret because a secret with this name is already scheduled for deletion."));
    }
    // The same request again is the same secret.
    const auto token = input.client_request_token.value_or("");
    const bool again = value && !token.empty() &&
                       std::ranges::any_of(change.secret.labels, [&](const auto& l) { return l.second == token; });
    if (!again) {
      co_return aws::refuse(errors::resource_exists_exception(
          fmt::format("The operation failed because the secret {} already exists.", input.name)));
    }
  } else {
    if (input.tags) CO_CHECK(add_tags(change.secret, *input.tags));
    if (input.add_replica_regions) {
      CO_CHECK(add_replicas(change.secret, *input.add_replica_regions,
                            input.force_overwrite_replica_secret.value_or(false)));
      CO_CHECK(co_await check_copies_keys(call, change.secret, std::move(*input.add_replica_regions)));
    }
  }
  CreateSecretResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  if (value) {
    CO_TRY(const auto added,
           co_await add_version(call, change, input.client_request_token.value_or(""), std::move(*value), {}));
    out.version_id = added.version_id;
  }
  if (!change.secret.replicas.empty()) out.replication_status = replication_status(change.secret);
  if (!there) CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<DescribeSecretResponse>> Service::describe_secret(aws::Call& call, DescribeSecretRequest input) {
  CO_TRY(const auto shared, find(call, input.secret_id, Wanted::any));
  const Secret& secret = *shared;
  DescribeSecretResponse out;
  out.arn = secret.arn();
  out.name = secret.name;
  if (!secret.description.empty()) out.description = secret.description;
  if (!secret.kms_key_id.empty()) out.kms_key_id = secret.kms_key_id;
  if (secret.rotates) out.rotation_enabled = true;
  if (!secret.owner.empty()) out.owning_service = secret.owner;
  out.last_changed_date = secret.changed;
  out.last_accessed_date = secret.accessed;
  out.deleted_date = secret.deletion;
  out.tags = tags_of(secret);
  if (auto stages = stages_by_version(secret); !stages.empty()) out.version_ids_to_stages = std::move(stages);
  out.created_date = secret.created;
  if (!secret.primary_region.empty()) out.primary_region = secret.primary_region;
  if (!secret.replicas.empty()) out.replication_status = replication_status(secret);
  co_return out;
}

// The versions in use are sealed anew under the other key, where the caller can open them. Others stay under the one
// before: a secret whose key is gone would else be kept by it for good. Source: Secrets Manager User Guide, "Change the
// encryption key".
Task<aws::Outcome<void>> Service::change_key(aws::Call& call, Change& change, std::string kms_key_id) {
  if (kms_key_id == change.secret.kms_key_id) co_return aws::Outcome<void>();
  CO_TRY(auto versions, versions_of(change.tx, change.secret));
  change.secret.kms_key_id = std::move(kms_key_id);
  for (Version& version : versions) {
    if (labels_of(change.secret, version.id).empty()) continue;
    auto value = co_await decrypt(&call, change.secret, version);
    const bool is_open = value.has_value();
    if (!is_open && value.error().status >= 500) co_return aws::refuse(std::move(value.error()));
    // Sealing nothing, too, asks whether the other key may be used.
    CO_TRY(auto anew, co_await encrypt(&call, change.secret, version.id, is_open ? std::move(*value) : SecretValue{}));
    if (!is_open) continue;
    anew.created = version.created;
    anew.accessed = version.accessed;
    change.tx.put(version_path(change.secret.id, version.id), store::encode(anew));
  }
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<UpdateSecretResponse>> Service::update_secret(aws::Call& call, UpdateSecretRequest input) {
  CO_CHECK(check_type(input.type));
  CO_TRY(auto value, value_of(std::move(input.secret_string), std::move(input.secret_binary)));
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CO_CHECK(check_not_managed(change.secret));
  if (input.description) change.secret.description = std::move(*input.description);
  if (input.kms_key_id) CO_CHECK(co_await change_key(call, change, std::move(*input.kms_key_id)));
  UpdateSecretResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  if (value) {
    CO_TRY(const auto added, co_await add_version(call, change, input.client_request_token.value_or(""),
                                                  std::move(*value), {std::string(current_label)}));
    out.version_id = added.version_id;
  }
  change.secret.changed = call.now;
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<DeleteSecretResponse>> Service::delete_secret(aws::Call& call, DeleteSecretRequest input) {
  const bool force = input.force_delete_without_recovery.value_or(false);
  if (force && input.recovery_window_in_days) {
    co_return aws::refuse(errors::invalid_parameter_exception(
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."));
  }
  const int64_t days = input.recovery_window_in_days.value_or(longest_window_days);
  if (days < least_window_days || days > longest_window_days) {
    co_return aws::refuse(errors::invalid_parameter_exception(
        fmt::format("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive); it is {}.", days)));
  }
  auto begun = co_await begin_change(call, input.secret_id, force ? Wanted::any : Wanted::primary);
  if (!begun) {
    // Deleting by force what is not there is as good as done.
    if (!force || begun.error().code != "ResourceNotFoundException") co_return aws::refuse(std::move(begun.error()));
    co_return DeleteSecretResponse{.arn = input.secret_id, .name = input.secret_id, .deletion_date = call.now};
  }
  Change change = std::move(*begun);
  CO_CHECK(check_not_managed(change.secret));
  if (change.secret.is_replica) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("You can't delete a replica secret: remove region {} from the replication of {} in {}.",
                    change.secret.region, change.secret.name, change.secret.primary_region)));
  }
  if (!change.secret.replicas.empty()) {
    const auto regions = change.secret.replicas | std::views::transform(&Replica::region);
    co_return aws::refuse(errors::invalid_request_exception(fmt::format(
        "You can't delete secret {} that still has replica regions {}.", change.secret.name, join(regions, ", "))));
  }
  const Time when = force ? call.now : call.now + std::chrono::days(days);
  DeleteSecretResponse out{.arn = change.secret.arn(), .name = change.secret.name, .deletion_date = when};
  if (force) {
    CO_CHECK(remove_secret(change.tx, change.secret));
    CO_CHECK(co_await change.tx.commit());
    co_return out;
  }
  change.secret.deletion = when;
  CO_CHECK(co_await commit(std::move(change)));
  timekeeper_.note(when);
  co_return out;
}

Task<aws::Outcome<RestoreSecretResponse>> Service::restore_secret(aws::Call& call, RestoreSecretRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::any));
  RestoreSecretResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  if (!change.secret.deletion) co_return out;
  change.secret.deletion.reset();
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<RotateSecretResponse>> Service::rotate_secret(aws::Call& call, RotateSecretRequest input) {
  CO_TRY(const auto secret, find(call, input.secret_id, Wanted::primary));
  if (input.rotation_lambda_arn && !input.rotation_lambda_arn->empty()) {
    co_return aws::refuse(errors::invalid_request_exception(
        fmt::format("boreal does not serve rotation by Lambda ({}): rotate {} by PutSecretValue.",
                    *input.rotation_lambda_arn, secret->name)));
  }
  co_return aws::refuse(
      errors::invalid_request_exception("No Lambda rotation function ARN is associated with this secret."));
}

Task<aws::Outcome<CancelRotateSecretResponse>> Service::cancel_rotate_secret(aws::Call& call,
                                                                             CancelRotateSecretRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CancelRotateSecretResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  if (const auto pending = change.secret.labels.find(std::string(pending_label));
      pending != change.secret.labels.end()) {
    out.version_id = pending->second;
  }
  if (!change.secret.rotates) co_return out;
  change.secret.rotates = false;
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

Task<aws::Outcome<TagResourceOutput>> Service::tag_resource(aws::Call& call, TagResourceRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CO_CHECK(add_tags(change.secret, input.tags));
  CO_CHECK(co_await commit(std::move(change)));
  co_return TagResourceOutput{};
}

Task<aws::Outcome<UntagResourceOutput>> Service::untag_resource(aws::Call& call, UntagResourceRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  for (const auto& key : input.tag_keys) change.secret.tags.erase(key);
  CO_CHECK(co_await commit(std::move(change)));
  co_return UntagResourceOutput{};
}

}  // namespace boreal::secretsmanager
