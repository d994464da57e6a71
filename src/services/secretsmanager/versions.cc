#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/clock.h"
#include "base/counted.h"
#include "base/log.h"
#include "codec/base64.h"
#include "secretsmanager/labels.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

namespace {

constexpr size_t max_value_bytes = 65'536;
constexpr size_t kept_versions = 100;
constexpr size_t max_versions = 200;  // each change reads them all; AWS has "about 100"
constexpr Duration kept_for = std::chrono::hours(24);
constexpr size_t default_page = 100;
constexpr Duration newly_made = std::chrono::seconds(10);
constexpr int64_t longest_wait_ns = 3'000'000'000;
constexpr Duration look_again_after{10};
constexpr size_t most_waiting = 64;

Time day_of(Time now) {
  constexpr int64_t day_ms = 86'400'000;
  return {now.ms - now.ms % day_ms};
}

aws::ApiError no_such_version(const std::string& version_id) {
  return errors::resource_not_found_exception(
      fmt::format("Secrets Manager can't find the specified secret value for VersionId: {}", version_id));
}

}  // namespace

aws::Outcome<std::optional<SecretValue>> value_of(std::optional<std::string> text, std::optional<codec::Blob> binary) {
  if (text && binary) {
    return aws::refuse(errors::invalid_parameter_exception(
        "You can't specify both a binary secret value and a string secret value in the same secret."));
  }
  if (!text && !binary) return std::nullopt;
  SecretValue value{.bytes = text ? std::move(*text) : std::move(binary->bytes), .is_binary = !text.has_value()};
  if (value.bytes.size() > max_value_bytes) {
    return aws::refuse(errors::invalid_parameter_exception(
        fmt::format("The secret value has {} bytes; it can have at most {}.", value.bytes.size(), max_value_bytes)));
  }
  return value;
}

Task<aws::Outcome<Service::Added>> Service::add_version(aws::Call& call, Change& change, std::string token,
                                                        SecretValue value, std::vector<std::string> labels) {
  if (token.empty()) token = context_.random.uuid();
  const std::string path = version_path(change.secret.id, token);
  CO_TRY(const auto text, change.tx.get(path));
  if (text) {
    CO_TRY(const auto before, store::decode<Version>(*text));
    CO_TRY(const auto plain, co_await decrypt(&call, change.secret, before));
    if (plain.bytes != value.bytes || plain.is_binary != value.is_binary) {
      co_return aws::refuse(errors::resource_exists_exception(fmt::format(
          "You can't use ClientRequestToken {} because that value is already in use for a version of secret {}.", token,
          change.secret.arn())));
    }
    co_return Added{.version_id = std::move(token), .is_new = false};
  }
  CO_TRY(const auto version, co_await encrypt(&call, change.secret, token, std::move(value)));
  CO_CHECK(label_new_version(change.secret, token, labels));
  change.tx.put(path, store::encode(version));
  CO_CHECK(make_room(change.tx, change.secret));
  change.secret.changed = call.now;
  co_return Added{.version_id = std::move(token), .is_new = true};
}

// Versions that no label is on go, beyond the newest hundred and when they are older than a day.
Result<size_t> Service::prune(store::Transaction& tx, const Secret& secret) const {
  TRY(auto versions, versions_of(tx, secret));
  size_t left = versions.size();
  if (left <= kept_versions) return left;
  std::ranges::sort(versions, std::greater(), &Version::created);
  for (const Version& version : versions | std::views::drop(kept_versions)) {
    if (!labels_of(secret, version.id).empty() || context_.clock.now() - version.created < kept_for) continue;
    tx.remove(version_path(secret.id, version.id));
    --left;
  }
  return left;
}

aws::Outcome<void> Service::make_room(store::Transaction& tx, const Secret& secret) const {
  TRY(const size_t left, prune(tx, secret));
  if (left <= max_versions) return {};
  return aws::refuse(errors::limit_exceeded_exception(fmt::format(
      "Secret {} has {} versions, which is the most: those without staging labels go a day after they were made.",
      secret.name, max_versions)));
}

Task<aws::Outcome<PutSecretValueResponse>> Service::put_secret_value(aws::Call& call, PutSecretValueRequest input) {
  CO_TRY(auto value, value_of(std::move(input.secret_string), std::move(input.secret_binary)));
  if (!value)
    co_return aws::refuse(errors::invalid_request_exception("You must provide either SecretString or SecretBinary."));
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CO_CHECK(check_not_managed(change.secret));
  std::vector<std::string> labels = input.version_stages.value_or(std::vector<std::string>{std::string(current_label)});
  CO_TRY(const auto added, co_await add_version(call, change, input.client_request_token.value_or(""),
                                                std::move(*value), std::move(labels)));
  PutSecretValueResponse out{.arn = change.secret.arn(),
                             .name = change.secret.name,
                             .version_id = added.version_id,
                             .version_stages = labels_of(change.secret, added.version_id)};
  if (added.is_new) CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

// Infrastructure tools make a secret, put its value and read it with requests that do not wait for each other. So a
// reader who comes between the first two waits a little, as it would for a slower network.
Task<aws::Outcome<std::shared_ptr<const Secret>>> Service::wait_for_first_value(const aws::Call& call,
                                                                                std::string secret_id,
                                                                                std::shared_ptr<const Secret> secret) {
  const auto is_being_made = [&] { return secret->labels.empty() && call.now - secret->created < newly_made; };
  if (!is_being_made() || waiting_for_values_ >= most_waiting) co_return secret;
  const auto deadline_ns = monotonic_ns() + longest_wait_ns;
  const Counted waiting(waiting_for_values_);
  aws::Outcome<std::shared_ptr<const Secret>> now = std::move(secret);
  while (now && (*now)->labels.empty() && monotonic_ns() < deadline_ns) {
    co_await context_.loop.sleep(look_again_after);
    now = find(call, secret_id, Wanted::living);
  }
  co_return now;
}

Task<aws::Outcome<void>> Service::authorize_again(aws::Call& call, GetSecretValueRequest input) {
  const aws::Value value = aws::Value::of(std::move(input));
  CO_TRY(auto accesses, co_await access(call, call.operation, value));
  for (aws::Access& access : accesses) CO_CHECK(co_await call.authorize(std::move(access)));
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<GetSecretValueResponse>> Service::get_secret_value(aws::Call& call, GetSecretValueRequest input) {
  CO_TRY(auto secret, find(call, input.secret_id, Wanted::living));
  if (!input.version_id && input.version_stage.value_or(std::string(current_label)) == current_label) {
    const bool waits = secret->labels.empty();
    CO_TRY(secret, co_await wait_for_first_value(call, input.secret_id, std::move(secret)));
    // Its policy may have come before its value; or it is another secret by now.
    if (waits) CO_CHECK(co_await authorize_again(call, input));
  }
  co_return co_await read_value(call, std::move(secret), std::move(input.version_id), std::move(input.version_stage));
}

Task<aws::Outcome<GetSecretValueResponse>> Service::read_value(aws::Call& call, std::shared_ptr<const Secret> shared,
                                                               std::optional<std::string> version_id,
                                                               std::optional<std::string> label) {
  const Secret& secret = *shared;
  const std::string wanted_label = label.value_or(std::string(current_label));
  const auto on = secret.labels.find(wanted_label);
  if (!version_id) {
    if (on == secret.labels.end()) {
      co_return aws::refuse(errors::resource_not_found_exception(
          fmt::format("Secrets Manager can't find the specified secret value for staging label: {}", wanted_label)));
    }
    version_id = on->second;
  } else if (label && (on == secret.labels.end() || on->second != *version_id)) {
    co_return aws::refuse(errors::invalid_request_exception(
        "You provided a VersionStage that is not associated to the provided VersionId."));
  }
  CO_TRY(const auto text,
         context_.catalog.get(partition_of(secret.account, secret.region), version_path(secret.id, *version_id)));
  if (!text) co_return aws::refuse(no_such_version(*version_id));
  CO_TRY(const auto read, versions_.decode(*text));
  const Version& version = *read;
  CO_TRY(auto value, co_await decrypt(&call, secret, version));
  const Time today = day_of(context_.clock.now());
  if (secret.accessed != today || version.accessed != today) {
    // A value is read even where nothing can be written, on a full disk.
    const auto noted = co_await note_access(secret, version);
    if (!noted) {
      log::warn("secretsmanager", "the day of an access is not kept",
                {{"secret", secret.arn()}, {"error", noted.error().message}});
    }
  }
  GetSecretValueResponse out;
  out.arn = secret.arn();
  out.name = secret.name;
  out.version_id = version.id;
  if (value.is_binary) {
    out.secret_binary = {std::move(value.bytes)};
  } else {
    out.secret_string = std::move(value.bytes);
  }
  if (auto labels = labels_of(secret, version.id); !labels.empty()) out.version_stages = std::move(labels);
  out.created_date = version.created;
  co_return out;
}

// The day of the last access is kept, so it is written once a day, not at every read.
Task<aws::Outcome<void>> Service::note_access(Secret secret, Version version) {
  auto tx = co_await context_.catalog.begin(partition_of(secret.account, secret.region));
  CO_TRY(const auto secret_text, tx.get(secret_path(secret.name)));
  CO_TRY(const auto version_text, tx.get(version_path(secret.id, version.id)));
  if (!secret_text || !version_text) co_return aws::Outcome<void>();
  CO_TRY(auto now_secret, store::decode<Secret>(*secret_text));
  CO_TRY(auto now_version, store::decode<Version>(*version_text));
  if (now_secret.id != secret.id) co_return aws::Outcome<void>();
  const Time today = day_of(context_.clock.now());
  now_secret.accessed = today;
  now_version.accessed = today;
  tx.put(secret_path(secret.name), store::encode(now_secret));
  tx.put(version_path(secret.id, version.id), store::encode(now_version));
  CO_CHECK(co_await tx.commit());
  co_return aws::Outcome<void>();
}

Task<aws::Outcome<ListSecretVersionIdsResponse>> Service::list_secret_version_ids(aws::Call& call,
                                                                                  ListSecretVersionIdsRequest input) {
  CO_TRY(const auto shared, find(call, input.secret_id, Wanted::any));
  const Secret& secret = *shared;
  const size_t limit = input.max_results ? static_cast<size_t>(*input.max_results) : default_page;
  const std::string prefix = versions_path(secret.id);
  std::string from = prefix;
  if (input.next_token) {
    const auto after = codec::base64url_decode(*input.next_token);
    if (!after)
      co_return aws::refuse(errors::invalid_next_token_exception("NextToken is not one that this operation gave."));
    from += *after;
  }
  CO_TRY(const auto items, context_.catalog.scan(partition_of(secret.account, secret.region), prefix, SIZE_MAX, from));
  ListSecretVersionIdsResponse out{
      .versions = std::vector<SecretVersionsListEntry>(), .next_token = {}, .arn = secret.arn(), .name = secret.name};
  for (const auto& [path, text] : items) {
    CO_TRY(const auto version, store::decode<Version>(text));
    auto labels = labels_of(secret, version.id);
    if (labels.empty() && !input.include_deprecated.value_or(false)) continue;
    if (out.versions->size() == limit) {
      out.next_token = codec::base64url_encode(version.id);
      break;
    }
    auto& entry = out.versions->emplace_back();
    entry.version_id = version.id;
    if (!labels.empty()) entry.version_stages = std::move(labels);
    entry.created_date = version.created;
    entry.last_accessed_date = version.accessed;
    entry.kms_key_ids = {secret.kms_key_id.empty() ? "DefaultEncryptionKey" : version.key_arn};
  }
  co_return out;
}

Task<aws::Outcome<UpdateSecretVersionStageResponse>> Service::update_secret_version_stage(
    aws::Call& call, UpdateSecretVersionStageRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.secret_id, Wanted::primary));
  CO_CHECK(check_not_managed(change.secret));
  for (const auto& version_id : {input.remove_from_version_id, input.move_to_version_id}) {
    if (!version_id) continue;
    CO_TRY(const auto there, change.tx.get(version_path(change.secret.id, *version_id)));
    if (!there) co_return aws::refuse(no_such_version(*version_id));
  }
  CO_CHECK(move_label(change.secret, input.version_stage, input.remove_from_version_id, input.move_to_version_id));
  CO_CHECK(prune(change.tx, change.secret));
  change.secret.changed = call.now;
  UpdateSecretVersionStageResponse out{.arn = change.secret.arn(), .name = change.secret.name};
  CO_CHECK(co_await commit(std::move(change)));
  co_return out;
}

}  // namespace boreal::secretsmanager
