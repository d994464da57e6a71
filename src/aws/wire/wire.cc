#include "aws/wire/wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/wire/answer.h"
#include "aws/wire/cbor_shape.h"
#include "aws/wire/form.h"
#include "aws/wire/input.h"
#include "aws/wire/rest.h"
#include "aws/wire/router.h"
#include "codec/json_shape.h"

namespace boreal::aws::wire {

using codec::Kind;
using codec::Shape;

namespace {

bool speaks(const ServiceModel& model, Protocol protocol) {
  return std::ranges::find(model.protocols, protocol) != model.protocols.end();
}

bool is_rest(Protocol protocol) { return protocol == Protocol::rest_json || protocol == Protocol::rest_xml; }

ApiError unknown_operation(const ServiceModel& model, std::string_view name) {
  return ApiError("UnknownOperationException", 400, fmt::format("{} has no operation '{}'.", model.signing_name, name));
}

Outcome<Route> route_by_name(const ServiceModel& model, Protocol protocol, std::string_view name) {
  const Operation* operation = model.find(name);
  if (operation == nullptr) return refuse(unknown_operation(model, name));
  return Route{.protocol = protocol, .operation = operation, .labels = {}};
}

// X-Amz-Target: TrentService.CreateKey
Outcome<Route> route_json(const ServiceModel& model, const http::Request& request) {
  const auto target = request.headers.get("x-amz-target").value_or("");
  return route_by_name(model, Protocol::json, target.substr(target.rfind('.') + 1));
}

// /service/GraniteServiceVersion20100801/operation/PutMetricData
Outcome<Route> route_cbor(const ServiceModel& model, const http::Request& request) {
  constexpr std::string_view mark = "/operation/";
  const std::string_view path = request.path;
  const size_t at = path.rfind(mark);
  if (!path.starts_with("/service/") || at == std::string_view::npos) return refuse(unknown_operation(model, path));
  return route_by_name(model, Protocol::cbor, path.substr(at + mark.size()));
}

Outcome<Route> route_form(const ServiceModel& model, Protocol protocol, const http::Request& request,
                          std::string_view body) {
  const auto action = find_in_form(request, body, "Action");
  if (!action) return refuse(malformed(protocol, action.error().message()));
  if (!*action) return refuse(ApiError("MissingAction", 400, "The request must contain the parameter Action"));
  const Operation* operation = model.find(**action);
  if (operation == nullptr) {
    return refuse(ApiError("InvalidAction", 400,
                           fmt::format("Could not find operation {} for version {}", **action, model.api_version)));
  }
  return Route{.protocol = protocol, .operation = operation, .labels = {}};
}

}  // namespace

bool Route::streams_body() const {
  if (operation == nullptr || operation->input == nullptr) return false;
  return std::ranges::any_of(operation->input->fields,
                             [](const codec::Field& field) { return field.shape->kind == Kind::stream; });
}

Wire::Wire(const ServiceModel& model) : model_(model) {
  if (std::ranges::any_of(model.protocols, is_rest)) router_ = std::make_unique<Router>(model);
}
Wire::~Wire() = default;
Wire::Wire(Wire&&) noexcept = default;

Protocol Wire::detect(const http::Request& request) const {
  if (request.headers.get("smithy-protocol") == "rpc-v2-cbor" && speaks(model_, Protocol::cbor)) return Protocol::cbor;
  if (request.headers.has("x-amz-target") && speaks(model_, Protocol::json)) return Protocol::json;
  const bool is_form =
      request.headers.get("content-type").value_or("").starts_with("application/x-www-form-urlencoded");
  if (is_form || request.query.find("Action=") != std::string::npos) {
    for (const Protocol protocol : {Protocol::query, Protocol::ec2}) {
      if (speaks(model_, protocol)) return protocol;
    }
  }
  return model_.protocols.front();
}

Outcome<Route> Wire::route(Protocol protocol, const http::Request& request, std::string_view body) const {
  switch (protocol) {
    case Protocol::query:
    case Protocol::ec2: return route_form(model_, protocol, request, body);
    case Protocol::json: return route_json(model_, request);
    case Protocol::cbor: return route_cbor(model_, request);
    default: return router_->find(protocol, request);
  }
}

Outcome<Value> Wire::parse(const Route& route, http::Request& request, std::string_view body) const {
  Value input = route.operation->make_input();
  if (route.operation->input == nullptr) return input;
  const Shape& shape = *route.operation->input;
  std::vector<std::string> missing;
  Result<void> read;
  switch (route.protocol) {
    case Protocol::query:
    case Protocol::ec2: {
      auto form = read_form(request, body);
      if (!form) return aws::refuse(malformed(route.protocol, form.error().message()));
      if (route.protocol == Protocol::ec2) {
        if (const auto unknown = unknown_parameter(shape, *form)) {
          return aws::refuse(
              ApiError("UnknownParameter", 400, fmt::format("The parameter {} is not recognized", *unknown)));
        }
      }
      read = read_form_shape(route.protocol, shape, input.data(), std::move(*form), &missing);
      break;
    }
    case Protocol::json:
      read = codec::read_json(shape, input.data(), body.empty() ? "{}" : body, codec::JsonStyle{}, &missing);
      break;
    case Protocol::cbor: read = read_cbor(shape, input.data(), body.empty() ? "\xa0" : body, &missing); break;
    default: CHECK(read_rest(route, input.data(), request, body, &missing)); break;
  }
  if (!read) return aws::refuse(malformed(route.protocol, read.error().message()));
  CHECK(validate(model_, route.protocol, shape, input.data(), missing));
  return input;
}

Outcome<Value> Wire::parse_head(const Route& route, http::Request& request) const {
  Value input = route.operation->make_input();
  if (route.operation->input == nullptr) return input;
  std::vector<std::string> missing;
  CHECK(read_rest_head(route, input.data(), request, &missing));
  if (!missing.empty()) CHECK(validate(model_, route.protocol, *route.operation->input, input.data(), missing));
  return input;
}

http::Response Wire::answer(const Route& route, const Value& output, std::string_view request_id) const {
  if (!is_rest(route.protocol)) return write_rpc(model_, route.protocol, *route.operation, output, request_id);
  http::Response response = write_rest(model_, route, output);
  add_request_id(route.protocol, request_id, response);
  return response;
}

http::Response Wire::refuse(Protocol protocol, const ApiError& error, std::string_view request_id) const {
  return write_error(&model_, protocol, error, request_id);
}

http::Response refuse(Protocol protocol, const ApiError& error, std::string_view request_id) {
  return write_error(nullptr, protocol, error, request_id);
}

}  // namespace boreal::aws::wire
