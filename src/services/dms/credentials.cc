#include "dms/credentials.h"

#include <fmt/format.h>

#include "api/dms/errors.h"
#include "aws/gate.h"
#include "base/text.h"
#include "codec/json_value.h"
#include "crypto/aead.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

aws::Keys::Context key_context(const Place& place, const EndpointRecord& endpoint) {
  return {{"aws:dms:endpoint", place.arn("endpoint", endpoint.resource_id)}};
}

// The data key for one message, wiped after.
Result<crypto::Aes256Gcm> cipher_of(std::string& plaintext_key) {
  auto key = crypto::SecretKey::from(as_bytes(plaintext_key));
  crypto::wipe(std::as_writable_bytes(std::span(plaintext_key)));
  if (!key) return std::unexpected(std::move(key).error());
  return crypto::Aes256Gcm(*key);
}

}  // namespace

Task<Outcome<std::string>> usable_key(const Tools& tools, aws::Call& call, std::string key_id) {
  auto key =
      co_await tools.keys.generate_data_key(aws::Asker(&call).granting(), call.account, call.region, "dms", key_id, {});
  if (!key) {
    co_return refuse(errors::kms_key_not_accessible_fault(
        fmt::format("The KMS key '{}' cannot be used: {}", key_id, key.error().message)));
  }
  crypto::wipe(std::as_writable_bytes(std::span(key->plaintext)));
  co_return std::move(key->key_arn);
}

Task<Outcome<void>> seal_password(const Tools& tools, aws::Call& call, EndpointRecord& endpoint, std::string password) {
  const Place place{call.account, call.region};
  const auto context = key_context(place, endpoint);
  auto key = co_await tools.keys.generate_data_key(aws::Asker(&call).granting(), place.account, place.region, "dms",
                                                   endpoint.key_arn, context);
  if (!key) {
    co_return refuse(errors::kms_key_not_accessible_fault(
        fmt::format("The KMS key '{}' cannot be used: {}", endpoint.key_arn, key.error().message)));
  }
  CO_TRY(auto cipher, cipher_of(key->plaintext));
  const std::string bound = context.begin()->second;
  CO_TRY(auto sealed, cipher.seal_message(tools.context.random, as_bytes(bound), as_bytes(password)));
  crypto::wipe(std::as_writable_bytes(std::span(password)));
  endpoint.key_arn = key->key_arn;
  endpoint.password = SealedPassword{{std::move(key->ciphertext)}, {std::move(sealed)}};
  co_return Outcome<void>();
}

Task<Outcome<void>> authorize_secret(const Tools& tools, aws::Call& call, const EndpointRecord& endpoint) {
  if (!endpoint.uses_secret()) co_return Outcome<void>();
  const std::string role = endpoint.settings.secrets_manager_access_role_arn.value_or("");
  // Source: DMS User Guide, "Cross-service confused deputy prevention": the role of an endpoint is for the endpoint.
  const Place place{call.account, call.region};
  auto caller =
      co_await call.gate.assume(role, "dms-" + endpoint.name, fmt::format("dms.{}.amazonaws.com", call.region),
                                call.account, place.arn("endpoint", endpoint.resource_id));
  if (!caller) {
    co_return refuse(errors::access_denied_fault(
        fmt::format("The role {} of endpoint {} cannot be assumed: {}", role, endpoint.name, caller.error().message)));
  }
  // It is read for good: the secret's own policy and its key have their word. It is Secrets Manager that uses the key
  // for the role, and kms:ViaService says so.
  auto value = co_await tools.secrets.value(aws::Asker(call.gate, *caller, "secretsmanager"), call.account, call.region,
                                            *endpoint.settings.secrets_manager_secret_id);
  if (value) crypto::wipe(std::as_writable_bytes(std::span(*value)));
  // One that is not there, or without a value, is for the test to tell: an endpoint may be made before its secret.
  const bool may_follow =
      value || value.error().code == "ResourceNotFoundException" || value.error().code == "InvalidRequestException";
  if (!may_follow) co_return refuse(errors::access_denied_fault(value.error().message));
  co_return Outcome<void>();
}

Result<void> apply_secret(std::string_view value, Login& login) {
  constexpr std::string_view wanted = "the secret must be a JSON object with the members username and password";
  const auto parsed = json::parse(value);
  if (!parsed || !parsed->object()) return fail(Errc::invalid, std::string(wanted));
  const auto text = [&](std::string_view name) {
    const json::Value* member = parsed->find(name);
    return member ? member->string() : nullptr;
  };
  const std::string* user = text("username");
  const std::string* password = text("password");
  if (!user || !password) return fail(Errc::invalid, std::string(wanted));
  login.user = *user;
  login.password = *password;
  if (login.host.empty()) {
    if (const std::string* host = text("host")) login.host = *host;
  }
  if (login.port == 0) {
    const json::Value* port = parsed->find("port");
    std::optional<int64_t> number = port ? port->integer() : std::nullopt;
    if (port && port->string()) {
      const auto parsed_port = parse_int(*port->string(), 1, 65535);
      number = parsed_port ? *parsed_port : 0;
    }
    // What it says instead is the secret's: who may test an endpoint need not be allowed to read that.
    if (number && (*number < 1 || *number > 65535)) {
      return fail(Errc::invalid, "the secret's port is not a number between 1 and 65535");
    }
    login.port = static_cast<int32_t>(number.value_or(0));
  }
  return {};
}

Task<Result<Login>> login_of(const Tools& tools, Place place, EndpointRecord endpoint) {
  Login login{.host = endpoint.server_name,
              .port = endpoint.port,
              .database = endpoint.database_name,
              .user = endpoint.username,
              .password = "",
              .ssl_mode = endpoint.ssl_mode};
  if (endpoint.uses_secret()) {
    const auto value = co_await tools.secrets.value(nullptr, place.account, place.region,
                                                    *endpoint.settings.secrets_manager_secret_id);
    if (!value) {
      co_return fail(Errc::denied, fmt::format("the secret {} cannot be read: {}",
                                               *endpoint.settings.secrets_manager_secret_id, value.error().message));
    }
    CO_CHECK(apply_secret(*value, login));
  } else if (endpoint.password) {
    const auto context = key_context(place, endpoint);
    auto key = co_await tools.keys.decrypt(nullptr, place.account, place.region, endpoint.password->wrapped_key.bytes,
                                           context);
    if (!key) {
      co_return fail(Errc::denied, fmt::format("the endpoint's password cannot be decrypted with the KMS key {}: {}",
                                               endpoint.key_arn, key.error().message));
    }
    CO_TRY(auto cipher, cipher_of(*key));
    const std::string bound = context.begin()->second;
    CO_TRY(const auto opened, cipher.open_message(as_bytes(bound), as_bytes(endpoint.password->sealed.bytes)));
    login.password = opened.text();
  }
  if (login.host.empty() || login.port == 0) {
    co_return fail(Errc::invalid, "neither the endpoint nor its secret says which server and port it is at");
  }
  // Where there is none libpq takes the user that runs this server, and the password of its environment.
  if (login.user.empty() || login.password.empty()) {
    co_return fail(Errc::invalid, "neither the endpoint nor its secret has a user and a password that are not empty");
  }
  co_return login;
}

}  // namespace boreal::dms
