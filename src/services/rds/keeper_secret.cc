// The master password of a cluster whose user lets the service keep it: made here, known to the secret alone.
#include <fmt/format.h>

#include <algorithm>

#include "codec/json.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "rds/keeper.h"

namespace boreal::rds {

namespace {

// What needs no escaping in JSON, SQL or a URI's user part.
constexpr std::string_view password_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
constexpr size_t password_length = 32;
constexpr size_t salt_bytes = 16;
constexpr const char* owner = "rds";

std::string secret_text(const std::string& username, const std::string& password) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.name("username");
  writer.string(username);
  writer.name("password");
  writer.string(password);
  writer.end_object();
  return text;
}

}  // namespace

Task<Result<void>> Keeper::remove_secrets(std::vector<std::string> names) {
  for (const auto& name : names) {
    auto removed = co_await tools_.secrets.remove_managed(place_.account, place_.region, owner, name);
    if (!removed)
      co_return fail(Errc::unavailable, fmt::format("remove the secret {}: {}", name, removed.error().message));
  }
  co_return Result<void>();
}

// The secret has a password before the databases do. What a crash leaves in between is done again with another
// password.
Task<Result<void>> Keeper::keep_secret(View& view) {
  ClusterRecord& cluster = view.cluster;
  if (!cluster.old_secrets.empty()) {
    CO_CHECK(co_await remove_secrets(cluster.old_secrets));
    CO_CHECK(co_await update_cluster([&](ClusterRecord& record, store::Transaction&) {
      std::erase_if(record.old_secrets, [&](const std::string& name) {
        return std::ranges::find(cluster.old_secrets, name) != cluster.old_secrets.end();
      });
    }));
  }
  if (cluster.secret_name.empty() || cluster.secret_applied == cluster.secret_version) co_return Result<void>();
  std::string password = tools_.context.random.pick(password_alphabet, password_length);
  const std::string salt = tools_.context.random.bytes(salt_bytes);
  CO_TRY(auto verifier, crypto::scram_sha256_verifier(password, as_bytes(salt)));
  const std::string arn = place_.arn("cluster", cluster_id_);
  aws::ManagedSecret secret{.owner = owner,
                            .name = cluster.secret_name,
                            .description = "The secret associated with the primary RDS DB cluster: " + arn,
                            .kms_key_id = cluster.secret_key_arn,
                            .tags = {{"aws:rds:primaryDBClusterArn", arn}, {aws::owning_service_tag, owner}}};
  auto put = co_await tools_.secrets.put_managed(place_.account, place_.region, std::move(secret),
                                                 secret_text(cluster.master_username, password));
  crypto::wipe(std::as_writable_bytes(std::span(password)));
  if (!put) co_return fail(Errc::unavailable, "keep the master password in a secret: " + put.error().message);
  CO_CHECK(co_await update_cluster([&](ClusterRecord& record, store::Transaction&) {
    if (record.secret_name != cluster.secret_name) return;  // given up meanwhile
    record.master_verifier = verifier;
    ++record.master_version;
    record.secret_applied = cluster.secret_version;
    cluster = record;
  }));
  co_return Result<void>();
}

}  // namespace boreal::rds
