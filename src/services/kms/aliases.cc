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

void put_alias(store::Transaction& tx, const Alias& alias) {
  tx.put(alias_path(alias.name), store::encode(alias));
  tx.put(alias_of_path(alias.key_id, alias.name), "");
}

// An alias may have come to stand for another key while the request waited for its turn: that one was not asked for.
aws::Outcome<void> check_asked(const aws::Call& call, const Alias& alias) {
  const auto asked = call.asked_for.find("alias/" + alias.name);
  if (asked == call.asked_for.end() || asked->second.ends_with("key/" + alias.key_id)) return {};
  return aws::refuse(errors::dependency_timeout_exception(fmt::format(
      "Alias {} came to stand for another key while the request waited.", call.arn("kms", "alias/" + alias.name))));
}

}  // namespace

// Of the key that is changed: it may have one more.
aws::Outcome<void> Service::check_count(const Change& change) {
  TRY(const auto aliases, change.tx.scan(aliases_path(change.key.id)));
  if (aliases.size() < max_aliases) return {};
  return aws::refuse(errors::limit_exceeded_exception(
      fmt::format("{} has {} aliases, which is the most.", change.key.arn(), max_aliases)));
}

Task<aws::Outcome<CreateAliasOutput>> Service::create_alias(aws::Call& call, CreateAliasRequest input) {
  CO_TRY(const auto name, check_own_name(input.alias_name));
  CO_TRY(auto change, co_await begin_change(call, input.target_key_id));
  CO_CHECK(check_not_pending(change.key));
  CO_TRY(const auto there, change.tx.get(alias_path(name)));
  if (there) {
    co_return aws::refuse(errors::already_exists_exception(
        fmt::format("An alias with the name {} already exists", call.arn("kms", input.alias_name))));
  }
  CO_CHECK(check_count(change));
  const std::string arn = change.key.arn();
  put_alias(change.tx, {.name = name, .key_id = change.key.id, .created = call.now, .updated = call.now});
  auto committed = co_await commit(std::move(change));
  forget_attached(arn);  // also when it failed: nobody knows then what is on the disk
  CO_CHECK(std::move(committed));
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
  CO_CHECK(check_asked(call, alias));
  if (alias.key_id != change.key.id) CO_CHECK(check_count(change));
  const Reference before{.account = call.account, .region = call.region, .key_id = alias.key_id, .alias = {}};
  const std::string arn = change.key.arn();
  change.tx.remove(alias_of_path(alias.key_id, name));
  alias.key_id = change.key.id;
  alias.updated = call.now;
  put_alias(change.tx, alias);
  auto committed = co_await commit(std::move(change));
  forget_attached(arn);
  forget_attached(before.arn());
  CO_CHECK(std::move(committed));
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
  const auto alias = store::decode<Alias>(*there);  // one that cannot be read goes too
  if (alias) CO_CHECK(check_asked(call, *alias));
  tx.remove(alias_path(name));
  const std::string key_id = alias ? alias->key_id : "";
  tx.remove(alias_of_path(key_id, name));
  auto committed = co_await tx.commit();
  forget_attached(Reference{.account = call.account, .region = call.region, .key_id = key_id, .alias = {}}.arn());
  CO_CHECK(std::move(committed));
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
  const std::string prefix = key_id.empty() ? std::string(alias_prefix) : aliases_path(key_id);
  std::vector<std::string> predefined;
  if (key_id.empty()) {
    for (const auto service : services_with_keys) predefined.push_back(alias_path(fmt::format("aws/{}", service)));
  }
  CO_TRY(auto page, list_page(context_.catalog, partition, prefix, limit, input.marker, predefined));
  for (auto& [path, text] : page.items) {
    if (!key_id.empty()) {
      CO_TRY(auto named, context_.catalog.get(partition, alias_path(path.substr(prefix.size()))));
      if (!named) continue;
      text = std::move(*named);
    }
    if (text.empty()) {
      out.aliases->push_back({.alias_name = path, .alias_arn = call.arn("kms", path)});
      continue;
    }
    CO_TRY(const auto alias, store::decode<Alias>(text));
    if (!key_id.empty() && alias.key_id != key_id) continue;
    out.aliases->push_back({.alias_name = "alias/" + alias.name,
                            .alias_arn = call.arn("kms", "alias/" + alias.name),
                            .target_key_id = alias.key_id,
                            .creation_date = alias.created,
                            .last_updated_date = alias.updated});
  }
  out.truncated = page.next_marker.has_value();
  out.next_marker = std::move(page.next_marker);
  co_return out;
}

}  // namespace boreal::kms
