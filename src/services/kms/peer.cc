// What other services ask: data keys, and their way back.
#include <fmt/format.h>

#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;

namespace {
constexpr size_t data_key_bytes = 32;
constexpr int32_t managed_rotation_days = 365;

// What the asker must be allowed to have the key used for `wanted`.
std::string action_of(const aws::Asker& asker, std::string_view wanted) {
  return std::string(asker.grants() ? "kms:CreateGrant" : wanted);
}

}  // namespace

Task<aws::Outcome<Key>> Service::managed_key(std::string account, std::string region, std::string service) {
  const std::string alias = "aws/" + service;
  const Reference reference{.account = account, .region = region, .key_id = {}, .alias = alias};
  if (auto found = find(reference); found || found.error().code != "NotFoundException") co_return found;

  auto tx = co_await context_.catalog.begin(partition_of(account, region));
  CO_TRY(const auto made_meanwhile, tx.get(alias_path(alias)));
  if (made_meanwhile) co_return find(reference);
  const Time now = context_.clock.now();
  Key key{.id = context_.random.uuid(),
          .account = account,
          .region = region,
          .description = fmt::format("Default key that protects my {} when no other key is defined",
                                     service == "s3" ? "S3 objects" : service + " data"),
          .state = std::string(state_enabled),
          .created = now,
          .managed_by = service,
          .rotates = true,
          .rotation_period_days = managed_rotation_days,
          .rotation_from = now};
  CO_CHECK(add_material(tx, key, {}));
  tx.put(key_path(key.id), store::encode(key));
  tx.put(policy_path(key.id), managed_key_policy(key));
  tx.put(alias_path(alias), store::encode(Alias{.name = alias, .key_id = key.id, .created = now, .updated = now}));
  tx.put(alias_of_path(key.id, alias), "");
  CO_CHECK(co_await tx.commit());
  timekeeper_.note(now + std::chrono::days(managed_rotation_days));
  co_return key;
}

Task<aws::Outcome<Key>> Service::find_for(aws::Asker asker, Reference reference, std::string action) {
  auto found = find(reference);
  const bool is_foreign = !asker.is_service_itself() && asker.caller().account() != reference.account;
  // A key of another account that is not there looks like one that nobody lets them use.
  if (!found && is_foreign && found.error().code == "NotFoundException") {
    CO_CHECK(co_await asker.authorize(absent_key(reference, std::move(action))));
  }
  co_return found;
}

Task<aws::Outcome<Key>> Service::key_for_service(aws::Asker asker, std::string account, std::string region,
                                                 std::string service, std::string key_id, std::string action) {
  if (key_id.empty()) co_return co_await managed_key(account, region, service);
  CO_TRY(const auto reference, parse_reference(key_id, account, region));
  if (reference.account == account && managed_alias_service(reference.alias) == service && !service.empty()) {
    co_return co_await managed_key(account, region, service);
  }
  CO_TRY(auto key, co_await find_for(asker, reference, std::move(action)));
  if (key.is_managed() && key.managed_by != service) {
    co_return aws::refuse(errors::access_denied_exception(
        fmt::format("{} belongs to {} and cannot be used by {}", key.arn(), key.managed_by, service)));
  }
  co_return key;
}

// `service`: that uses the key. Where RDS has Secrets Manager keep a password, it is Secrets Manager.
// What becomes of a key is for those to know who may use it: they are asked first. A service's own key lets in whom its
// account lets use the service, so that nothing but a Deny keeps those out; it serves nobody else.
Task<aws::Outcome<void>> Service::authorize_for_service(const aws::Asker& asker, const Key& key,
                                                        std::string_view service, std::string action,
                                                        const Context& context) {
  if (!asker.is_service_itself()) {
    const std::string via = fmt::format("{}.{}.amazonaws.com", service, key.region);
    std::multimap<std::string, std::string> told{{"kms:ViaService", via}};
    // Of a role of its own the service is the caller itself.
    if (!asker.is_role()) told.emplace("aws:ViaAWSService", "true");
    if (asker.grants()) {
      CO_CHECK(co_await authorize_grant(asker, key, via, context, std::move(told)));
    } else {
      CO_TRY(auto access, co_await guard(asker.caller(), key, std::move(action), &context, std::move(told)));
      CO_CHECK(co_await asker.authorize(std::move(access)));
    }
  }
  co_return check_usable(key);
}

// As if a grant were made. None is kept: the service remembers what it was let do, and the key's state ends it.
// Source: Aurora User Guide, "Authorizing use of a customer managed key"; that grants of services are bound by a subset
// of the context and name them by region: DynamoDB Developer Guide, "DynamoDB encryption at rest usage notes".
Task<aws::Outcome<void>> Service::authorize_grant(const aws::Asker& asker, const Key& key, std::string service,
                                                  const Context& context,
                                                  std::multimap<std::string, std::string> told) {
  CO_TRY(auto describing, co_await guard(asker.caller(), key, "kms:DescribeKey", nullptr, told));
  told.emplace("kms:GrantIsForAWSResource", "true");
  const api::kms::CreateGrantRequest wanted{
      .key_id = key.arn(),
      .grantee_principal = std::move(service),
      .operations = {"Decrypt", "DescribeKey", "GenerateDataKey"},
      .constraints = api::kms::GrantConstraints{.encryption_context_subset = context}};
  CO_TRY(auto granting, co_await guard_grant(asker.caller(), key, wanted, std::move(told)));
  CO_CHECK(co_await asker.authorize(std::move(granting)));
  co_return co_await asker.authorize(std::move(describing));
}

Task<aws::Outcome<aws::Keys::DataKey>> Service::generate_data_key(aws::Asker asker, std::string account,
                                                                  std::string region, std::string service,
                                                                  std::string key_id, Context context) {
  CO_CHECK(check_context(context));
  const std::string action = action_of(asker, asker.data_key_action());
  CO_TRY(const auto key, co_await key_for_service(asker, account, region, service, std::move(key_id), action));
  CO_CHECK(co_await authorize_for_service(asker, key, service, action, context));
  DataKey out{.plaintext = context_.random.bytes(data_key_bytes), .ciphertext = {}, .key_arn = key.arn()};
  CO_TRY(out.ciphertext, seal(key, context, as_bytes(out.plaintext)));
  co_return out;
}

Task<aws::Outcome<std::string>> Service::decrypt(aws::Asker asker, std::string account, std::string region,
                                                 std::string ciphertext, Context context) {
  const auto header = read_header(ciphertext);
  if (!header) co_return aws::refuse(errors::invalid_ciphertext_exception(header.error().message()));
  CO_TRY(const auto key,
         co_await find_for(asker, {.account = header->account, .region = region, .key_id = header->key_id, .alias = {}},
                           action_of(asker, "kms:Decrypt")));
  if (key.is_managed() && key.account != account) {
    co_return aws::refuse(
        errors::access_denied_exception(fmt::format("{} belongs to {} of another account", key.arn(), key.managed_by)));
  }
  const std::string_view service = key.is_managed() && !asker.is_role() ? key.managed_by : asker.service();
  CO_CHECK(co_await authorize_for_service(asker, key, service, "kms:Decrypt", context));
  co_return open_data_key(key, context, ciphertext);
}

Task<aws::Outcome<std::string>> Service::encrypt(aws::Asker asker, std::string account, std::string region,
                                                 std::string service, std::string key_arn, std::string plaintext,
                                                 Context context) {
  const crypto::SecretBytes plain(plaintext);
  crypto::wipe(std::as_writable_bytes(std::span(plaintext)));
  CO_TRY(const auto key, co_await key_for_service(asker, account, region, service, std::move(key_arn), "kms:Encrypt"));
  CO_CHECK(co_await authorize_for_service(asker, key, service, "kms:Encrypt", context));
  co_return seal(key, context, plain.bytes());
}

Task<aws::Outcome<std::string>> Service::describe(std::string account, std::string region, std::string service,
                                                  std::string key_id) {
  CO_TRY(const auto key, co_await key_for_service(nullptr, std::move(account), std::move(region), std::move(service),
                                                  std::move(key_id), "kms:DescribeKey"));
  CO_CHECK(check_usable(key));
  co_return key.arn();
}

}  // namespace boreal::kms
