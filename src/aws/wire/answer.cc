#include "aws/wire/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/wire/cbor_shape.h"
#include "aws/wire/xml.h"
#include "codec/base64.h"
#include "codec/cbor.h"
#include "codec/json.h"
#include "codec/json_shape.h"
#include "codec/xml.h"

namespace boreal::aws::wire {

namespace {

std::string_view fault(const ApiError& error) { return error.status >= 500 ? "Receiver" : "Sender"; }

void write_query_error(const ServiceModel* model, const ApiError& error, std::string_view request_id,
                       std::string& out) {
  xml::Writer xml(out);
  xml.begin("ErrorResponse");
  if (model && !model->xml_namespace.empty()) xml.attribute("xmlns", model->xml_namespace);
  xml.begin("Error");
  xml.element("Type", fault(error));
  xml.element("Code", error.code);
  xml.element("Message", error.message);
  for (const auto& [name, value] : error.fields) xml.element(name, value);
  xml.end();
  xml.element("RequestId", request_id);
  xml.end();
}

void write_ec2_error(const ApiError& error, std::string_view request_id, std::string& out) {
  xml::Writer xml(out);
  xml.declaration();
  xml.begin("Response");
  xml.begin("Errors");
  xml.begin("Error");
  xml.element("Code", error.code);
  xml.element("Message", error.message);
  xml.end();
  xml.end();
  xml.element("RequestID", request_id);
  xml.end();
}

// Without a model it is S3's form, as that of whoever comes with nothing that tells the service.
void write_rest_xml_error(const ServiceModel* model, const ApiError& error, std::string_view request_id,
                          std::string& out) {
  const bool is_bare = model == nullptr || model->bare_errors;
  xml::Writer xml(out);
  xml.declaration();
  if (!is_bare) xml.begin("ErrorResponse");
  xml.begin("Error");
  // What every other API calls InternalFailure.
  xml.element("Code", error.code == "InternalFailure" ? "InternalError" : error.code);
  xml.element("Message", error.message);
  for (const auto& [name, value] : error.fields) xml.element(name, value);
  if (!is_bare) xml.end();
  xml.element("RequestId", request_id);
  xml.element("HostId", codec::base64_encode(request_id));
  xml.end();
}

// Services differ in whether the message is "message" or "Message", and so do the SDKs that read it: both are there.
void write_json_error(const ApiError& error, bool with_type, std::string& out) {
  json::Writer json(out);
  json.begin_object();
  const auto add = [&](std::string_view name, std::string_view value) {
    json.name(name);
    json.string(value);
  };
  if (with_type) add("__type", error.code);
  add("message", error.message);
  add("Message", error.message);
  for (const auto& [name, value] : error.fields) add(name, value);
  json.end_object();
}

void write_cbor_error(const ApiError& error, std::string& out) {
  cbor::Writer cbor(out);
  cbor.map(2 + error.fields.size());
  const auto add = [&](std::string_view name, std::string_view value) {
    cbor.text(name);
    cbor.text(value);
  };
  add("__type", error.code);
  add("message", error.message);
  for (const auto& [name, value] : error.fields) add(name, value);
}

std::string json_type(const ServiceModel* model) {
  const bool is_1_0 = model && model->json_version == "1.0";
  return is_1_0 ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
}

void write_query_answer(const ServiceModel& model, const Operation& operation, const Value& output,
                        std::string_view request_id, std::string& out) {
  const std::string root = std::string(operation.name) + "Response";
  xml::Writer xml(out);
  xml.begin(root);
  if (!model.xml_namespace.empty()) xml.attribute("xmlns", model.xml_namespace);
  if (operation.output) {
    if (!operation.result_wrapper.empty()) xml.begin(operation.result_wrapper);
    write_xml_members(xml, *operation.output, output.data());
    if (!operation.result_wrapper.empty()) xml.end();
  }
  xml.begin("ResponseMetadata");
  xml.element("RequestId", request_id);
  xml.end();
  xml.end();
}

void write_ec2_answer(const ServiceModel& model, const Operation& operation, const Value& output,
                      std::string_view request_id, std::string& out) {
  const std::string root = std::string(operation.name) + "Response";
  xml::Writer xml(out);
  xml.declaration();
  xml.begin(root);
  xml.attribute("xmlns", model.xml_namespace);
  xml.element("requestId", request_id);
  if (operation.output) {
    write_xml_members(xml, *operation.output, output.data());
  } else {
    xml.element("return", "true");
  }
  xml.end();
}

}  // namespace

void add_request_id(Protocol protocol, std::string_view request_id, http::Response& response) {
  if (protocol == Protocol::rest_xml) {
    response.headers.set("x-amz-request-id", request_id);
    response.headers.set("x-amz-id-2", codec::base64_encode(request_id));
  } else {
    response.headers.set("x-amzn-RequestId", request_id);
  }
}

http::Response write_error(const ServiceModel* model, Protocol protocol, const ApiError& error,
                           std::string_view request_id) {
  http::Response response;
  response.status = error.status;
  switch (protocol) {
    case Protocol::query:
      write_query_error(model, error, request_id, response.body);
      response.headers.set("Content-Type", "text/xml");
      break;
    case Protocol::ec2:
      write_ec2_error(error, request_id, response.body);
      response.headers.set("Content-Type", "text/xml;charset=UTF-8");
      break;
    case Protocol::json:
      write_json_error(error, true, response.body);
      response.headers.set("Content-Type", json_type(model));
      break;
    case Protocol::rest_json:
      write_json_error(error, false, response.body);
      response.headers.set("Content-Type", "application/json");
      response.headers.set("x-amzn-ErrorType", error.code);
      break;
    case Protocol::rest_xml:
      if (error.status != 304) {  // which has no body
        write_rest_xml_error(model, error, request_id, response.body);
        response.headers.set("Content-Type", "application/xml");
      }
      break;
    case Protocol::cbor:
      write_cbor_error(error, response.body);
      response.headers.set("Content-Type", "application/cbor");
      response.headers.set("smithy-protocol", "rpc-v2-cbor");
      break;
  }
  if (model && model->query_compatible && (protocol == Protocol::json || protocol == Protocol::cbor)) {
    response.headers.set("x-amzn-query-error", fmt::format("{};{}", error.code, fault(error)));
  }
  for (const auto& [name, value] : error.headers) response.headers.set(name, value);
  add_request_id(protocol, request_id, response);
  return response;
}

http::Response write_rpc(const ServiceModel& model, Protocol protocol, const Operation& operation, const Value& output,
                         std::string_view request_id) {
  http::Response response;
  response.status = operation.success_status;
  switch (protocol) {
    case Protocol::query:
      write_query_answer(model, operation, output, request_id, response.body);
      response.headers.set("Content-Type", "text/xml");
      break;
    case Protocol::ec2:
      write_ec2_answer(model, operation, output, request_id, response.body);
      response.headers.set("Content-Type", "text/xml;charset=UTF-8");
      break;
    case Protocol::cbor:
      if (operation.output) {
        write_cbor(*operation.output, output.data(), response.body);
        response.headers.set("Content-Type", "application/cbor");
      }
      response.headers.set("smithy-protocol", "rpc-v2-cbor");
      break;
    default:
      if (operation.output) codec::write_json(*operation.output, output.data(), codec::JsonStyle{}, response.body);
      response.headers.set("Content-Type", json_type(&model));
      break;
  }
  add_request_id(protocol, request_id, response);
  return response;
}

}  // namespace boreal::aws::wire
