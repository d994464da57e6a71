// ListSecrets and BatchGetSecretValue: filters, order, pages.
// Source: Secrets Manager API Reference, data type Filter.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/base64.h"
#include "secretsmanager/labels.h"
#include "secretsmanager/service.h"
#include "store/walk.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

namespace {

constexpr size_t default_page = 100;
constexpr size_t default_batch = 20;

// Every word of the pattern begins some word of the text, whatever the case.
bool words_begin(std::string_view pattern, std::string_view text) {
  const std::string lower = to_lower(text);
  const auto words = split_words(lower);
  return std::ranges::all_of(split_words(pattern), [&](std::string_view wanted) {
    const std::string low = to_lower(wanted);
    return lower.starts_with(low) ||
           std::ranges::any_of(words, [&](std::string_view word) { return word.starts_with(low); });
  });
}

bool any_tag(const Secret& secret, const std::function<bool(const std::string& key, const std::string& value)>& fits) {
  return std::ranges::any_of(secret.tags, [&](const auto& tag) { return fits(tag.first, tag.second); });
}

bool fits_value(const Secret& secret, const std::string& key, const std::string& value) {
  if (key == "name") return secret.name.starts_with(value);
  if (key == "description") return words_begin(value, secret.description);
  if (key == "tag-key") return any_tag(secret, [&](const auto& k, const auto&) { return k.starts_with(value); });
  if (key == "tag-value") return any_tag(secret, [&](const auto&, const auto& v) { return v.starts_with(value); });
  if (key == "primary-region") return !secret.primary_region.empty() && secret.primary_region.starts_with(value);
  if (key == "owning-service") return !secret.owner.empty() && secret.owner.starts_with(value);
  return words_begin(value, secret.name) || words_begin(value, secret.description) ||
         any_tag(secret, [&](const auto& k, const auto& v) { return words_begin(value, k) || words_begin(value, v); });
}

// Any of the values; none of those with an exclamation mark.
bool fits(const Secret& secret, const Filter& filter) {
  bool wants_any = false;
  bool found = false;
  for (const auto& value : *filter.values) {
    if (value.starts_with('!')) {
      if (fits_value(secret, *filter.key, value.substr(1))) return false;
    } else {
      wants_any = true;
      found = found || fits_value(secret, *filter.key, value);
    }
  }
  return found || !wants_any;
}

aws::Outcome<void> check_filters(const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    if (!filter.key) return aws::refuse(errors::invalid_parameter_exception("Invalid filter key"));
    if (!filter.values || filter.values->empty()) {
      return aws::refuse(
          errors::invalid_parameter_exception(fmt::format("Invalid filter values for key: {}", *filter.key)));
    }
  }
  return {};
}

// Where a secret stands in a list.
using Position = std::pair<int64_t, std::string>;
Position position_of(const Secret& secret, std::string_view by) {
  if (by == "name") return {0, secret.name};
  if (by == "last-changed-date") return {secret.changed.ms, secret.name};
  if (by == "last-accessed-date") return {secret.accessed.value_or(Time{}).ms, secret.name};
  return {secret.created.ms, secret.name};
}

std::string token_of(const Position& position) {
  return codec::base64url_encode(fmt::format("{}/{}", position.first, position.second));
}

std::optional<Position> position_of_token(const std::string& token) {
  const auto text = codec::base64url_decode(token);
  const size_t slash = text ? text->find('/') : std::string::npos;
  if (slash == std::string::npos) return std::nullopt;
  const auto ms = parse_int(std::string_view(*text).substr(0, slash));
  if (!ms) return std::nullopt;
  return Position{*ms, text->substr(slash + 1)};
}

// Puts the secrets in order, cuts the page out and says where the next one begins: at a place, so that pages go on when
// the secret that stood there is gone.
aws::Outcome<std::optional<std::string>> cut_page(std::vector<Secret>& secrets, std::string_view by, bool ascending,
                                                  const std::optional<std::string>& token, size_t limit) {
  std::vector<std::pair<Position, Secret>> placed;
  placed.reserve(secrets.size());
  for (Secret& secret : secrets) placed.emplace_back(position_of(secret, by), std::move(secret));
  const auto is_before = [&](const Position& a, const Position& b) { return ascending ? a < b : b < a; };
  const auto position = &std::pair<Position, Secret>::first;
  std::ranges::sort(placed, is_before, position);
  auto first = placed.begin();
  if (token) {
    const auto from = position_of_token(*token);
    if (!from) {
      return aws::refuse(errors::invalid_next_token_exception("NextToken is not one that this operation gave."));
    }
    first = std::ranges::lower_bound(placed, *from, is_before, position);
  }
  const auto end =
      static_cast<size_t>(placed.end() - first) > limit ? first + static_cast<std::ptrdiff_t>(limit) : placed.end();
  secrets.clear();
  for (auto at = first; at != end; ++at) secrets.push_back(std::move(at->second));
  if (end == placed.end()) return std::nullopt;
  return token_of(end->first);
}

SecretListEntry entry_of(const Secret& secret) {
  SecretListEntry out;
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
  if (auto stages = stages_by_version(secret); !stages.empty()) out.secret_versions_to_stages = std::move(stages);
  out.created_date = secret.created;
  if (!secret.primary_region.empty()) out.primary_region = secret.primary_region;
  return out;
}

}  // namespace

Task<Result<std::vector<Secret>>> Service::list_matching(const aws::Call& call, std::vector<Filter> filters,
                                                         bool with_deleted) const {
  store::Walk walk(context_.catalog, partition_of(call.account, call.region), std::string(secret_prefix));
  std::vector<Secret> secrets;
  while (true) {
    CO_TRY(const bool there, co_await walk.next());
    if (!there) break;
    CO_TRY(auto secret, store::decode<Secret>(walk.value()));
    if (secret.deletion && !with_deleted) continue;
    if (std::ranges::all_of(filters, [&](const Filter& filter) { return fits(secret, filter); }))
      secrets.push_back(std::move(secret));
  }
  co_return secrets;
}

Task<aws::Outcome<ListSecretsResponse>> Service::list_secrets(aws::Call& call, ListSecretsRequest input) {
  const auto filters = input.filters.value_or(std::vector<Filter>{});
  CO_CHECK(check_filters(filters));
  CO_TRY(auto secrets, co_await list_matching(call, filters, input.include_planned_deletion.value_or(false)));
  const size_t limit = input.max_results ? static_cast<size_t>(*input.max_results) : default_page;
  ListSecretsResponse out;
  CO_TRY(out.next_token, cut_page(secrets, input.sort_by.value_or("created-date"),
                                  input.sort_order.value_or("desc") == "asc", input.next_token, limit));
  out.secret_list.emplace();
  for (const Secret& secret : secrets) out.secret_list->push_back(entry_of(secret));
  co_return out;
}

Task<aws::Outcome<SecretValueEntry>> Service::read_entry(aws::Call& call, std::string secret_id) {
  CO_TRY(auto access, guard(call, secret_id, {.action = "secretsmanager:GetSecretValue", .resource = "*"}));
  CO_CHECK(co_await call.authorize(std::move(access)));
  CO_TRY(auto secret, find(call, secret_id, Wanted::living));
  CO_TRY(auto value, co_await read_value(call, std::move(secret), {}, {}));
  SecretValueEntry out;
  out.arn = std::move(value.arn);
  out.name = std::move(value.name);
  out.version_id = std::move(value.version_id);
  out.secret_binary = std::move(value.secret_binary);
  out.secret_string = std::move(value.secret_string);
  out.version_stages = std::move(value.version_stages);
  out.created_date = value.created_date;
  co_return out;
}

Task<aws::Outcome<BatchGetSecretValueResponse>> Service::batch_get_secret_value(aws::Call& call,
                                                                                BatchGetSecretValueRequest input) {
  if (input.secret_id_list.has_value() == input.filters.has_value()) {
    co_return aws::refuse(
        errors::invalid_parameter_exception("Either 'SecretIdList' or 'Filters' must be provided, but not both."));
  }
  if (input.secret_id_list && input.max_results) {
    co_return aws::refuse(errors::invalid_parameter_exception(
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."));
  }
  BatchGetSecretValueResponse out{
      .secret_values = std::vector<SecretValueEntry>(), .next_token = {}, .errors = std::vector<APIErrorType>()};
  std::vector<std::string> ids;
  if (input.secret_id_list) {
    ids = std::move(*input.secret_id_list);
  } else {
    CO_CHECK(check_filters(*input.filters));
    CO_TRY(auto secrets, co_await list_matching(call, *input.filters, false));
    const size_t limit = input.max_results ? static_cast<size_t>(*input.max_results) : default_batch;
    CO_TRY(out.next_token, cut_page(secrets, "name", true, input.next_token, limit));
    for (const Secret& secret : secrets) ids.push_back(secret.arn());
  }
  for (auto& id : ids) {
    auto entry = co_await read_entry(call, id);
    if (entry) {
      out.secret_values->push_back(std::move(*entry));
    } else if (entry.error().status >= 500) {
      co_return aws::refuse(std::move(entry.error()));
    } else {
      out.errors->push_back(
          {.secret_id = std::move(id), .error_code = entry.error().code, .message = entry.error().message});
    }
  }
  co_return out;
}

}  // namespace boreal::secretsmanager
