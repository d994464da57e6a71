#include <fmt/format.h>

#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr size_t default_page = 50;
constexpr int32_t max_page = 100;
constexpr size_t max_aliases = 50;  // of one key: each use of it tells policies all

// The name without "alias/".
aws::Outcome<std::string> check_name(const std::string& name) {
  if (!name.starts_with(alias_prefix) || name.size() == alias_prefix.size()) {
    return aws::refuse(errors::validation_exception(
        fmt::format("Invalid identifier: AliasName '{}' must begin with alias/ and go on with a name.", name)));
  }
  std::string bare = name.substr(alias_prefix.size());
  if (bare.contains(':')) {
    return aws::refuse(
        errors::invalid_alias_name_exception(fmt::format("{} contains invalid characters for an alias", name)));
  }
  return bare;
}

aws::Outcome<std::string> check_own_name(const std::string& name) {
  TRY(auto bare, check_name(name));
  if (!managed_alias_service(bare).empty() || bare == "aws/") {
    return aws::refuse(errors::invalid_alias_name_exception(
        fmt::format("{}: aliases that begin with alias/aws/ are reserved for AWS services", name)));
  }
  return bare;
}

aws::Outcome<void> check_count(const std::string& key_arn, size_t aliases) {
  if (aliases < max_aliases) return {};
  return aws::refuse(
      errors::limit_exceeded_exception(fmt::format("{} has {} aliases, which is the most.", key_arn, max_aliases)));
}

}  // namespace

Task<aws::Outcome<CreateAliasOutput>> Service::create_alias(aws::Call& call, CreateAliasRequest input) {
  CO_TRY(const auto name, check_own_name(input.alias_name));
  CO_TRY(auto change, co_await begin_change(call, input.target_key_id));
  CO_CHECK(check_not_pending(change.key));
  CO_TRY(const auto there, change.tx.get(alias_path(name)));
  if (there) {
    co_return aws::refuse(errors::already_exists_exception(
        fmt::format("An alias with the name {} already exists", call.arn("kms", input.alias_name))));
  }
  CO_TRY(const auto attached, attached_to(change.key));
  CO_CHECK(check_count(change.key.arn(), attached->aliases.size()));
  change.tx.put(alias_path(name),
                store::encode(Alias{.name = name, .key_id = change.key.id, .created = call.now, .updated = call.now}));
  CO_CHECK(co_await commit(std::move(change)));
  co_return CreateAliasOutput{};
}

Task<aws::Outcome<UpdateAliasOutput>> Service::update_alias(aws::Call& call, UpdateAliasRequest input) {
  CO_TRY(const auto name, check_own_name(input.alias_name));
  CO_TRY(auto change, co_await begin_change(call, input.target_key_id));
  CO_CHECK(check_not_pending(change.key));
  CO_TRY(const auto text, change.tx.get(alias_path(name)));
  if (!text) {
    co_return aws::refuse(
        errors::not_found_exception(fmt::format("Alias {} is not found.", call.arn("kms", input.alias_name))));
  }
  CO_TRY(auto alias, store::decode<Alias>(*text));
  if (alias.key_id != change.key.id) {
    CO_TRY(const auto attached, attached_to(change.key));
    CO_CHECK(check_count(change.key.arn(), attached->aliases.size()));
  }
  alias.key_id = change.key.id;
  alias.updated = call.now;
  change.tx.put(alias_path(name), store::encode(alias));
  CO_CHECK(co_await commit(std::move(change)));
  co_return UpdateAliasOutput{};
}

Task<aws::Outcome<DeleteAliasOutput>> Service::delete_alias(aws::Call& call, DeleteAliasRequest input) {
  CO_TRY(const auto name, check_own_name(input.alias_name));
  auto tx = co_await context_.catalog.begin(partition_of(call.account, call.region));
  CO_TRY(const auto there, tx.get(alias_path(name)));
  if (!there) {
    co_return aws::refuse(
        errors::not_found_exception(fmt::format("Alias {} is not found.", call.arn("kms", input.alias_name))));
  }
  tx.remove(alias_path(name));
  CO_CHECK(co_await commit(tx));
  co_return DeleteAliasOutput{};
}

Task<aws::Outcome<ListAliasesResponse>> Service::list_aliases(aws::Call& call, ListAliasesRequest input) {
  if (input.limit && *input.limit > max_page) {
    co_return aws::refuse(
        errors::validation_exception(fmt::format("Limit is {}; it must be between 1 and {}.", *input.limit, max_page)));
  }
  const auto limit = static_cast<size_t>(input.limit.value_or(default_page));
  std::string key_id;
  if (input.key_id) {
    CO_TRY(const auto key, find(call, *input.key_id));
    key_id = key.id;
  }
  ListAliasesResponse out;
  out.aliases.emplace();
  const std::string partition = partition_of(call.account, call.region);
  // Of one key: pages are filled with what fits, so that an empty page means the end.
  std::optional<std::string> marker = input.marker;
  do {
    CO_TRY(const auto page,
           list_page(context_.catalog, partition, std::string(alias_prefix), limit - out.aliases->size(), marker));
    for (const auto& [path, text] : page.items) {
      CO_TRY(const auto alias, store::decode<Alias>(text));
      if (!key_id.empty() && alias.key_id != key_id) continue;
      out.aliases->push_back({.alias_name = "alias/" + alias.name,
                              .alias_arn = call.arn("kms", "alias/" + alias.name),
                              .target_key_id = alias.key_id,
                              .creation_date = alias.created,
                              .last_updated_date = alias.updated});
    }
    marker = page.next_marker;
  } while (marker && out.aliases->size() < limit);
  out.truncated = marker.has_value();
  out.next_marker = std::move(marker);
  co_return out;
}

}  // namespace boreal::kms
