#include "secretsmanager/service.h"

#include <fmt/format.h>

#include "aws/arn.h"
#include "crypto/aead.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;

namespace {

constexpr size_t suffix_length = 7;  // "-" and six characters

// What KMS binds a version's data key to, and the data key its value.
aws::Keys::Context context_of(const Secret& secret, const std::string& version_id) {
  return {{"SecretARN", secret.arn()}, {"SecretVersionId", version_id}};
}

// What KMS refused, in Secrets Manager's words. A denial stays one; clients act on the code.
aws::ApiError failure(aws::ApiError error, bool encrypting) {
  if (error.status >= 500) return error;
  if (error.code == "AccessDeniedException") {
    return errors::access_denied_exception("Access to KMS is not allowed: " + error.message);
  }
  const std::string reason = fmt::format("{}: {}", error.code, error.message);
  return encrypting
             ? errors::encryption_failure(
                   "Secrets Manager can't encrypt the protected secret text using the provided KMS key: " + reason)
             : errors::decryption_failure(
                   "Secrets Manager can't decrypt the protected secret text using the provided KMS key: " + reason);
}

aws::Outcome<void> check(const Secret& secret, bool living, bool primary) {
  if (living && secret.deletion) {
    return aws::refuse(errors::invalid_request_exception(
        "You can't perform this operation on the secret because it was marked for deletion."));
  }
  if (primary && secret.is_replica) {
    return aws::refuse(errors::invalid_request_exception(
        fmt::format("You can't perform this operation on a replica secret: {} is replicated from {}; call it there.",
                    secret.name, secret.primary_region)));
  }
  return {};
}

}  // namespace

Service::Service(aws::ServiceContext context, aws::Keys& keys)
    : context_(context),
      keys_(keys),
      timekeeper_("secretsmanager", context.loop, context.clock, [this] { return do_what_is_due(); }) {}

Task<Result<void>> Service::start() {
  timekeeper_.start();
  co_return Result<void>();
}

Task<void> Service::stop() { co_await timekeeper_.stop(); }

aws::ApiError no_such_secret() {
  return errors::resource_not_found_exception("Secrets Manager can't find the specified secret.");
}

// A name, a whole ARN, or an ARN without the six characters.
aws::Outcome<std::shared_ptr<const Secret>> Service::look_up(const std::string& account, const std::string& region,
                                                             const std::string& secret_id) const {
  const auto get = [&](const std::string& owner,
                       const std::string& name) -> aws::Outcome<std::shared_ptr<const Secret>> {
    TRY(const auto text, context_.catalog.get(partition_of(owner, region), secret_path(name)));
    if (!text) return nullptr;
    TRY(auto secret, secrets_.decode(*text));
    return secret;
  };
  if (!secret_id.starts_with("arn:")) return get(account, secret_id);
  const auto arn = aws::Arn::parse(secret_id);
  constexpr std::string_view kind = "secret:";
  if (!arn || arn->service != "secretsmanager" || arn->region != region || !arn->resource.starts_with(kind))
    return nullptr;
  const std::string name = arn->resource.substr(kind.size());
  if (name.size() > suffix_length) {
    TRY(auto whole, get(arn->account, name.substr(0, name.size() - suffix_length)));
    if (whole && whole->arn() == secret_id) return whole;
  }
  return get(arn->account, name);
}

aws::Outcome<std::shared_ptr<const Secret>> Service::find(const aws::Call& call, const std::string& secret_id,
                                                          Wanted wanted) const {
  TRY(auto secret, look_up(call.account, call.region, secret_id));
  const auto asked = call.asked_for.find(secret_id);
  if (!secret || (asked != call.asked_for.end() && asked->second != secret->id)) return aws::refuse(no_such_secret());
  CHECK(check(*secret, wanted != Wanted::any, wanted == Wanted::primary));
  return secret;
}

Task<aws::Outcome<Service::Change>> Service::begin_change(const aws::Call& call, std::string secret_id, Wanted wanted) {
  CO_TRY(const auto found, find(call, secret_id, Wanted::any));
  auto tx = co_await context_.catalog.begin(partition_of(found->account, found->region));
  CO_TRY(const auto text, tx.get(secret_path(found->name)));
  if (!text) co_return aws::refuse(no_such_secret());
  CO_TRY(auto secret, store::decode<Secret>(*text));
  // Deleted and made anew while this waited: another secret.
  if (secret.id != found->id) co_return aws::refuse(no_such_secret());
  CO_CHECK(check(secret, wanted != Wanted::any, wanted == Wanted::primary));
  co_return Change{.tx = std::move(tx), .secret = std::move(secret)};
}

Task<aws::Outcome<void>> Service::commit(Change change) {
  ++change.secret.changes;
  const bool has_copies = !change.secret.replicas.empty();
  change.tx.put(secret_path(change.secret.name), store::encode(change.secret));
  CO_CHECK(co_await change.tx.commit());
  if (has_copies) timekeeper_.note(context_.clock.now());
  co_return aws::Outcome<void>();
}

aws::Outcome<Version> Service::seal(const Secret& secret, std::string version_id, const SecretValue& value,
                                    const aws::Keys::DataKey& key) {
  TRY(const auto secret_key, crypto::SecretKey::from(as_bytes(key.plaintext)));
  crypto::Aes256Gcm cipher(secret_key);
  const std::string bound = secret.arn() + "/" + version_id;
  TRY(auto sealed, cipher.seal_message(context_.random, as_bytes(bound), as_bytes(value.bytes)));
  return Version{.id = std::move(version_id),
                 .created = context_.clock.now(),
                 .accessed = {},
                 .is_binary = value.is_binary,
                 .key_arn = key.key_arn,
                 .data_key = {key.ciphertext},
                 .sealed = {std::move(sealed)}};
}

Task<aws::Outcome<Version>> Service::encrypt(aws::Call* call, Secret secret, std::string version_id,
                                             SecretValue value) {
  auto key = co_await keys_.generate_data_key(call, secret.account, secret.region, "secretsmanager", secret.kms_key_id,
                                              context_of(secret, version_id));
  if (!key) co_return aws::refuse(failure(std::move(key.error()), true));
  auto version = seal(secret, std::move(version_id), value, *key);
  crypto::wipe(std::as_writable_bytes(std::span(key->plaintext)));
  crypto::wipe(std::as_writable_bytes(std::span(value.bytes)));
  co_return version;
}

Task<aws::Outcome<SecretValue>> Service::decrypt(aws::Asker asker, const Secret& secret, const Version& version) {
  auto key = co_await keys_.decrypt(asker, secret.account, secret.region, version.data_key.bytes,
                                    context_of(secret, version.id));
  if (!key) co_return aws::refuse(failure(std::move(key.error()), false));
  CO_TRY(const auto secret_key, crypto::SecretKey::from(as_bytes(*key)));
  crypto::wipe(std::as_writable_bytes(std::span(*key)));
  crypto::Aes256Gcm cipher(secret_key);
  const std::string bound = secret.arn() + "/" + version.id;
  CO_TRY(const auto plain, cipher.open_message(as_bytes(bound), as_bytes(version.sealed.bytes)));
  co_return SecretValue{.bytes = std::string(plain.text()), .is_binary = version.is_binary};
}

Result<std::vector<Version>> Service::versions_of(const store::Transaction& tx, const Secret& secret) const {
  TRY(const auto items, tx.scan(versions_path(secret.id)));
  std::vector<Version> versions;
  for (const auto& [path, text] : items) {
    TRY(auto version, store::decode<Version>(text));
    versions.push_back(std::move(version));
  }
  return versions;
}

Result<void> Service::remove_secret(store::Transaction& tx, const Secret& secret) const {
  TRY(const auto items, tx.scan(versions_path(secret.id)));
  for (const auto& [path, text] : items) tx.remove(path);
  tx.remove(secret_path(secret.name));
  return {};
}

Task<aws::Outcome<std::string>> Service::value(aws::Asker asker, std::string account, std::string region,
                                               std::string secret_arn) {
  CO_TRY(const auto secret, look_up(account, region, secret_arn));
  if (!asker.is_service_itself()) CO_CHECK(co_await authorize_reading(asker, secret, secret_arn));
  if (!secret || secret->account != account) co_return aws::refuse(no_such_secret());
  CO_CHECK(check(*secret, true, false));
  const auto current = secret->labels.find(std::string(current_label));
  if (current == secret->labels.end()) co_return aws::refuse(no_such_secret());
  CO_TRY(const auto text,
         context_.catalog.get(partition_of(account, region), version_path(secret->id, current->second)));
  if (!text) co_return aws::refuse(no_such_secret());
  CO_TRY(const auto version, versions_.decode(*text));
  CO_TRY(auto plain, co_await decrypt(asker, *secret, *version));
  co_return std::move(plain.bytes);
}

}  // namespace boreal::secretsmanager
