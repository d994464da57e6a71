// Secrets that other services keep for their users.
#include <fmt/format.h>

#include "crypto/hash.h"
#include "secretsmanager/labels.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;

namespace {
constexpr std::string_view suffix_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr size_t suffix_characters = 6;
}  // namespace

aws::Outcome<void> check_not_managed(const Secret& secret) {
  if (secret.owner.empty()) return {};
  return aws::refuse(errors::invalid_request_exception(fmt::format(
      "You can't perform this operation on the secret {}: it is managed by {}.", secret.name, secret.owner)));
}

// The six characters follow from the name, which is never used twice.
std::string Service::managed_arn(const std::string& account, const std::string& region, const std::string& name) const {
  crypto::Sha256 hash;
  hash.update(as_bytes(name));
  const auto digest = hash.finish();
  Secret secret{.account = account, .region = region, .name = name};
  for (size_t i = 0; i < suffix_characters; ++i) {
    secret.suffix += suffix_alphabet[static_cast<unsigned char>(digest[i]) % suffix_alphabet.size()];
  }
  return secret.arn();
}

Task<aws::Outcome<void>> Service::put_managed(std::string account, std::string region, aws::ManagedSecret wanted,
                                              std::string value) {
  const Time now = context_.clock.now();
  const std::string arn = managed_arn(account, region, wanted.name);
  Change change{.tx = co_await context_.catalog.begin(partition_of(account, region)),
                .secret = {.id = context_.random.hex(32),
                           .account = account,
                           .region = region,
                           .name = wanted.name,
                           .suffix = arn.substr(arn.size() - suffix_characters),
                           .description = wanted.description,
                           .kms_key_id = wanted.kms_key_id,
                           .tags = wanted.tags,
                           .created = now,
                           .owner = wanted.owner}};
  CO_TRY(const auto there, change.tx.get(secret_path(wanted.name)));
  if (there) {
    CO_TRY(change.secret, store::decode<Secret>(*there));
    if (change.secret.owner != wanted.owner) {
      co_return aws::refuse(errors::resource_exists_exception(
          fmt::format("The operation failed because the secret {} already exists.", wanted.name)));
    }
  }
  const std::string version_id = context_.random.uuid();
  CO_TRY(const auto version,
         co_await encrypt(nullptr, change.secret, version_id, {.bytes = std::move(value), .is_binary = false}));
  CO_CHECK(label_new_version(change.secret, version_id, {std::string(current_label)}));
  change.tx.put(version_path(change.secret.id, version_id), store::encode(version));
  CO_CHECK(make_room(change.tx, change.secret));
  change.secret.changed = now;
  co_return co_await commit(std::move(change));
}

// First its copies: they are marked, as by who takes regions out of a replication, so that the worker makes none anew.
Task<aws::Outcome<void>> Service::remove_managed(std::string account, std::string region, std::string owner,
                                                 std::string name) {
  const std::string partition = partition_of(account, region);
  const auto theirs = [&](const store::Transaction& tx) -> Result<std::optional<Secret>> {
    TRY(const auto text, tx.get(secret_path(name)));
    if (!text) return std::nullopt;
    TRY(auto secret, store::decode<Secret>(*text));
    return secret.owner == owner ? std::optional(std::move(secret)) : std::nullopt;
  };
  auto tx = co_await context_.catalog.begin(partition);
  CO_TRY(auto secret, theirs(tx));
  while (secret && !secret->replicas.empty()) {
    for (Replica& replica : secret->replicas) replica.removing = true;
    tx.put(secret_path(name), store::encode(*secret));
    CO_CHECK(co_await tx.commit());
    for (const Replica& replica : secret->replicas) {
      CO_CHECK(co_await drop_copy(*secret, replica.region));
      CO_CHECK(co_await report(*secret, replica.region, "InSync", ""));
    }
    tx = co_await context_.catalog.begin(partition);
    CO_TRY(secret, theirs(tx));
  }
  if (!secret) co_return aws::Outcome<void>();
  CO_CHECK(remove_secret(tx, *secret));
  CO_CHECK(co_await tx.commit());
  co_return aws::Outcome<void>();
}

}  // namespace boreal::secretsmanager
