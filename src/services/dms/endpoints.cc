#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "base/text.h"
#include "codec/json_value.h"
#include "dms/convert.h"
#include "dms/offers.h"
#include "dms/service.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t longest_name = 255;

Outcome<void> check_engine(std::string_view engine) {
  if (engine == "postgres" || engine == "aurora-postgresql") return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("The engine '{}' is not served as an endpoint. Engines: postgres, aurora-postgresql", engine)));
}

Outcome<void> check_type(std::string_view type) {
  if (type == "source" || type == "target") return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("Invalid EndpointType '{}': it must be source or target", type)));
}

// Of CreateEndpoint or ModifyEndpoint: what belongs to other engines, or is not served.
template <class Message>
Outcome<void> check_nothing_foreign(const Message& input) {
  const bool foreign =
      input.dynamo_db_settings || input.s3_settings || input.dms_transfer_settings || input.mongo_db_settings ||
      input.kinesis_settings || input.kafka_settings || input.elasticsearch_settings || input.neptune_settings ||
      input.redshift_settings || input.mysql_settings || input.oracle_settings || input.sybase_settings ||
      input.microsoft_sql_server_settings || input.ibm_db2_settings || input.doc_db_settings || input.redis_settings ||
      input.gcp_mysql_settings || input.timestream_settings || input.external_table_definition;
  if (foreign) {
    return refuse(errors::invalid_parameter_combination_exception(
        "Endpoints of the engines postgres and aurora-postgresql take PostgreSQLSettings; other engines' settings "
        "cannot be given."));
  }
  const std::string mode = input.ssl_mode.value_or("none");
  if (input.certificate_arn || mode == "verify-ca" || mode == "verify-full") {
    return refuse(errors::invalid_parameter_combination_exception(
        "SSL modes that verify the server need an imported certificate, and certificates are not served. Use none or "
        "require."));
  }
  if (input.postgresql_settings &&
      input.postgresql_settings->authentication_method.value_or("password") != "password") {
    return refuse(errors::invalid_parameter_value_exception(
        fmt::format("The AuthenticationMethod '{}' is not served: use password.",
                    *input.postgresql_settings->authentication_method)));
  }
  return {};
}

// Member by member: what `changes` has replaces what was there.
Result<api::PostgreSQLSettings> merged(const api::PostgreSQLSettings& before, const api::PostgreSQLSettings& changes) {
  TRY(auto all, json::parse(store::encode(before)));
  TRY(const auto more, json::parse(store::encode(changes)));
  for (const auto& [name, value] : *more.object()) {
    if (!value.is_null()) all.set(name, value);
  }
  return store::decode<api::PostgreSQLSettings>(json::write(all));
}

Outcome<void> check_complete(const EndpointRecord& endpoint) {
  const auto need_one = [&](bool there, std::string_view what) -> Outcome<void> {
    if (there) return {};
    return refuse(errors::invalid_parameter_value_exception(
        fmt::format("The parameter {} must be provided for an endpoint of the engine {}.", what, endpoint.engine)));
  };
  CHECK(need_one(!endpoint.database_name.empty(), "DatabaseName"));
  if (endpoint.uses_secret()) {
    if (endpoint.username.empty() && endpoint.server_name.empty() && endpoint.port == 0 && !endpoint.password)
      return {};
    return refuse(errors::invalid_parameter_combination_exception(
        "Username, Password, ServerName and Port cannot be given together with SecretsManagerSecretId: the secret has "
        "them."));
  }
  CHECK(need_one(!endpoint.server_name.empty(), "ServerName"));
  CHECK(need_one(endpoint.port != 0, "Port"));
  CHECK(need_one(!endpoint.username.empty(), "Username"));
  return need_one(endpoint.password.has_value(), "Password");
}

Outcome<void> check_values(const EndpointRecord& endpoint) {
  if (endpoint.port < 0 || endpoint.port > 65535) {
    return refuse(errors::invalid_parameter_value_exception(
        fmt::format("Invalid Port {}: it must be between 1 and 65535", endpoint.port)));
  }
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"ServerName", endpoint.server_name}, {"DatabaseName", endpoint.database_name}, {"Username", endpoint.username}};
  for (const auto& [what, text] : texts) {
    if (!text.empty()) CHECK(check_printable(text, what));
  }
  return {};
}

// A whole secret ARN of this account and region; part of one would be another resource to the policies that guard it.
Outcome<void> check_secret_arn(const Place& place, const std::string& text) {
  constexpr size_t suffix = 7;  // "-AbCdEf"
  const auto arn = aws::Arn::parse(text);
  const bool good = arn && arn->service == "secretsmanager" && arn->region == place.region &&
                    arn->account == place.account && arn->resource.starts_with("secret:") &&
                    arn->resource.size() > std::string_view("secret:").size() + suffix &&
                    arn->resource[arn->resource.size() - suffix] == '-';
  if (good) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("SecretsManagerSecretId '{}' must be the full ARN of a secret of this account and region.", text)));
}

// No task has it for its source or target.
Outcome<void> check_unused(const store::Transaction& tx, const EndpointRecord& endpoint) {
  TRY(const auto tasks, load_all<TaskRecord>(tx));
  for (const auto& task : tasks) {
    if (task.source_id != endpoint.resource_id && task.target_id != endpoint.resource_id) continue;
    return refuse(errors::invalid_resource_state_fault(fmt::format(
        "The endpoint '{}' is part of the replication task '{}'; delete that first.", endpoint.name, task.name)));
  }
  return {};
}

template <class Message>
bool gives_login(const Message& input, const api::PostgreSQLSettings& settings) {
  return input.server_name || settings.server_name || input.port || settings.port || input.username ||
         settings.username || input.password || settings.password;
}

}  // namespace

Task<Outcome<void>> Service::check_secret_settings(aws::Call& call, const EndpointRecord& endpoint) {
  const auto& settings = endpoint.settings;
  if (!settings.secrets_manager_secret_id && !settings.secrets_manager_access_role_arn) co_return Outcome<void>();
  if (!settings.secrets_manager_secret_id || !settings.secrets_manager_access_role_arn) {
    co_return refuse(errors::invalid_parameter_combination_exception(
        "SecretsManagerSecretId and SecretsManagerAccessRoleArn must be given together."));
  }
  CO_CHECK(check_secret_arn(place_of(call), *settings.secrets_manager_secret_id));
  auto passed = co_await tools_.roles.check_pass(call, *settings.secrets_manager_access_role_arn,
                                                 "dms." + call.region + ".amazonaws.com",
                                                 place_of(call).arn("endpoint", endpoint.resource_id));
  if (!passed) co_return refuse(errors::access_denied_fault(passed.error().message));
  co_return co_await authorize_secret(tools_, call, endpoint);
}

// What both CreateEndpoint and ModifyEndpoint may say. Where a value stands beside PostgreSQLSettings and in them, the
// settings count.
template <class Message>
Task<Outcome<void>> Service::apply_settings(aws::Call& call, EndpointRecord& endpoint, const Message& input) {
  CO_CHECK(check_nothing_foreign(input));
  auto settings = input.postgresql_settings.value_or(api::PostgreSQLSettings());
  // Whoever names a secret lets go of the login that was given before, and the other way round.
  const bool names_secret = settings.secrets_manager_secret_id.has_value();
  if (names_secret && !gives_login(input, settings)) {
    endpoint.server_name.clear();
    endpoint.port = 0;
    endpoint.username.clear();
    endpoint.password.reset();
  } else if (!names_secret && gives_login(input, settings)) {
    endpoint.settings.secrets_manager_secret_id.reset();
    endpoint.settings.secrets_manager_access_role_arn.reset();
  }
  const auto take = [](auto& target, auto& inner, const auto& flat) {
    if (flat) target = *flat;
    if (inner) target = *inner;
    inner.reset();
  };
  take(endpoint.server_name, settings.server_name, input.server_name);
  take(endpoint.port, settings.port, input.port);
  take(endpoint.database_name, settings.database_name, input.database_name);
  take(endpoint.username, settings.username, input.username);
  std::optional<std::string> password;
  take(password, settings.password, input.password);
  bool replace = false;
  if constexpr (requires { input.exact_settings; }) replace = input.exact_settings.value_or(false);
  if (replace) endpoint.settings = {};
  CO_TRY(endpoint.settings, merged(endpoint.settings, settings));
  if (input.extra_connection_attributes) endpoint.extra_connection_attributes = *input.extra_connection_attributes;
  if (input.ssl_mode) endpoint.ssl_mode = *input.ssl_mode;
  CO_CHECK(check_values(endpoint));
  if (input.service_access_role_arn && !input.service_access_role_arn->empty()) {
    auto passed = co_await tools_.roles.check_pass(call, *input.service_access_role_arn, "dms.amazonaws.com",
                                                   place_of(call).arn("endpoint", endpoint.resource_id));
    if (!passed) co_return refuse(errors::access_denied_fault(passed.error().message));
    endpoint.service_access_role_arn = *input.service_access_role_arn;
  }
  CO_CHECK(co_await check_secret_settings(call, endpoint));
  if (password) CO_CHECK(co_await seal_password(tools_, call, endpoint, std::move(*password)));
  co_return check_complete(endpoint);
}

Task<Outcome<api::CreateEndpointResponse>> Service::create_endpoint(aws::Call& call, api::CreateEndpointMessage input) {
  CO_CHECK(check_identifier(input.endpoint_identifier, "EndpointIdentifier", longest_name));
  CO_CHECK(check_type(input.endpoint_type));
  CO_CHECK(check_engine(input.engine_name));
  if (input.resource_identifier) CO_CHECK(check_resource_identifier(*input.resource_identifier));
  EndpointRecord endpoint{.resource_id = input.resource_identifier.value_or(random_id()),
                          .name = input.endpoint_identifier,
                          .type = input.endpoint_type,
                          .engine = input.engine_name,
                          .key_arn = input.kms_key_id.value_or(""),
                          .created = call.now};
  CO_TRY(endpoint.tags, checked_tags(input.tags));
  CO_CHECK(co_await apply_settings(call, endpoint, input));
  // With a secret nothing of the endpoint is sealed; the key that is shown for it must be one all the same.
  if (!endpoint.password && !endpoint.key_arn.empty()) {
    CO_TRY(endpoint.key_arn, co_await usable_key(tools_, call, endpoint.key_arn));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto all, load_all<EndpointRecord>(tx));
  for (const auto& other : all) {
    if (equal_ignoring_case(other.name, endpoint.name)) {
      co_return refuse(
          errors::resource_already_exists_fault(fmt::format("The endpoint '{}' already exists.", endpoint.name)));
    }
  }
  CO_CHECK(check_quota(Quota::endpoints, all.size()));
  CO_CHECK(new_id<EndpointRecord>(tx, endpoint.resource_id));
  save(tx, endpoint);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateEndpointResponse{to_api(endpoint, place_of(call))};
}

Task<Outcome<api::ModifyEndpointResponse>> Service::modify_endpoint(aws::Call& call, api::ModifyEndpointMessage input) {
  std::optional<EndpointRecord> endpoint;
  {
    CO_TRY(auto tx, co_await begin(call));
    CO_TRY(endpoint, need<EndpointRecord>(tx, place_of(call), input.endpoint_arn));
  }
  const std::string before = store::encode(*endpoint);
  const std::string type_before = endpoint->type;
  if (input.endpoint_identifier) {
    CO_CHECK(check_identifier(*input.endpoint_identifier, "EndpointIdentifier", longest_name));
    endpoint->name = *input.endpoint_identifier;
  }
  if (input.endpoint_type) {
    CO_CHECK(check_type(*input.endpoint_type));
    endpoint->type = *input.endpoint_type;
  }
  if (input.engine_name) {
    CO_CHECK(check_engine(*input.engine_name));
    endpoint->engine = *input.engine_name;
  }
  CO_CHECK(co_await apply_settings(call, *endpoint, input));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto all, load_all<EndpointRecord>(tx));
  for (const auto& other : all) {
    const bool same = other.resource_id == endpoint->resource_id;
    if (same && store::encode(other) != before) {
      co_return refuse(errors::invalid_resource_state_fault(
          fmt::format("The endpoint '{}' is being changed by another call; try again.", other.name)));
    }
    if (!same && equal_ignoring_case(other.name, endpoint->name)) {
      co_return refuse(
          errors::resource_already_exists_fault(fmt::format("The endpoint '{}' already exists.", endpoint->name)));
    }
  }
  if (std::ranges::find(all, endpoint->resource_id, &EndpointRecord::resource_id) == all.end()) {
    co_return refuse(errors::resource_not_found_fault(fmt::format("The endpoint '{}' was deleted.", endpoint->name)));
  }
  if (endpoint->type != type_before) CO_CHECK(check_unused(tx, *endpoint));
  save(tx, *endpoint);
  CO_CHECK(co_await tx.commit());
  co_return api::ModifyEndpointResponse{to_api(*endpoint, place_of(call))};
}

// Nothing runs for an endpoint, so it is gone with the call; what is answered is how it went.
Task<Outcome<api::DeleteEndpointResponse>> Service::delete_endpoint(aws::Call& call, api::DeleteEndpointMessage input) {
  const Place place = place_of(call);
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto endpoint, need<EndpointRecord>(tx, place, input.endpoint_arn));
  CO_CHECK(check_unused(tx, endpoint));
  erase(tx, endpoint);
  tx.remove(key_of<SchemasRecord>(endpoint.resource_id));
  CO_CHECK(erase_connections(tx, "", endpoint.resource_id));
  CO_CHECK(co_await tx.commit());
  auto shown = to_api(endpoint, place);
  shown.status = "deleting";
  co_return api::DeleteEndpointResponse{std::move(shown)};
}

Task<Outcome<api::DescribeEndpointsResponse>> Service::describe_endpoints(aws::Call& call,
                                                                          api::DescribeEndpointsMessage input) {
  const Place place = place_of(call);
  const FilterTable<EndpointRecord> table = {
      {"endpoint-arn", [&](const EndpointRecord& e) { return place.arn("endpoint", e.resource_id); }},
      {"endpoint-id", [](const EndpointRecord& e) { return e.name; }},
      {"endpoint-type", [](const EndpointRecord& e) { return e.type; }},
      {"engine-name", [](const EndpointRecord& e) { return e.engine; }}};
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto all, load_all<EndpointRecord>(tx));
  CO_TRY(all, filtered(std::move(all), input.filters, table, "endpoints"));
  api::DescribeEndpointsResponse output;
  CO_TRY(const auto shown, page(std::move(all), input.marker, input.max_records, output.marker,
                                [](const EndpointRecord& e) { return e.resource_id; }));
  output.endpoints.emplace();
  for (const auto& endpoint : shown) output.endpoints->push_back(to_api(endpoint, place));
  co_return output;
}

}  // namespace boreal::dms
