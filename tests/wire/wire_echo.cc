// Speaks the wire walkers over standard input and output, a JSON object a line, for differential.py:
//   {"do":"parse","service":S,"method":M,"target":T,"headers":[[k,v]…],"body":BASE64} -> {"operation":O,"input":{…}} or
//   {"code":C,"message":M}
//   {"do":"answer","service":S,"operation":O,"output":{…}}                            ->
//   {"status":N,"headers":[[k,v]…],"body":BASE64}
//   {"do":"refuse","service":S,"code":C,"message":M,"status":N}                        -> the same
// Members have their wire names, timestamps are seconds, blobs base64.
#include <iostream>

#include "api/backup/service.h"
#include "api/dms/service.h"
#include "api/ec2/service.h"
#include "api/iam/service.h"
#include "api/kms/service.h"
#include "api/rds/service.h"
#include "api/s3/service.h"
#include "api/s3control/service.h"
#include "api/secretsmanager/service.h"
#include "api/sts/service.h"
#include "aws/wire/wire.h"
#include "codec/base64.h"
#include "codec/json_shape.h"
#include "codec/json_value.h"

namespace {

using namespace boreal;

class Empty final : public Source {
 public:
  Task<Result<size_t>> read(MutableBytes) override { co_return size_t{0}; }
};

const std::map<std::string, const aws::ServiceModel*>& models() {
  static const std::map<std::string, const aws::ServiceModel*> all = {
      {"backup", &api::backup::service_model}, {"dms", &api::dms::service_model},
      {"ec2", &api::ec2::service_model},       {"iam", &api::iam::service_model},
      {"kms", &api::kms::service_model},       {"rds", &api::rds::service_model},
      {"s3", &api::s3::service_model},         {"s3control", &api::s3control::service_model},
      {"sts", &api::sts::service_model},       {"secretsmanager", &api::secretsmanager::service_model}};
  return all;
}

std::string text_of(const json::Value& value, std::string_view name) {
  const json::Value* found = value.find(name);
  return found && found->string() ? *found->string() : "";
}

json::Value told(const aws::ApiError& error) {
  return json::Value::Object{{"code", error.code}, {"message", error.message}};
}

json::Value told(const http::Response& response) {
  json::Value::Array headers;
  for (const auto& [name, value] : response.headers) headers.push_back(json::Value::Array{name, value});
  return json::Value::Object{
      {"status", response.status}, {"headers", headers}, {"body", codec::base64_encode(response.body)}};
}

json::Value parse(const aws::wire::Wire& wire, const json::Value& line) {
  http::Request request;
  request.method = text_of(line, "method");
  request.target = text_of(line, "target");
  const size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  request.query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
  for (const auto& pair : *line.find("headers")->array())
    request.headers.add(*(*pair.array())[0].string(), *(*pair.array())[1].string());
  request.body = std::make_unique<Empty>();
  const std::string body = codec::base64_decode(text_of(line, "body")).value();
  const auto route = wire.route(wire.detect(request), request, body);
  if (!route) return told(route.error());
  const auto input = wire.parse(*route, request, body);
  if (!input) return told(input.error());
  const std::string text = codec::write_json(input->shape(), input->data(), codec::JsonStyle{});
  return json::Value::Object{{"operation", std::string(route->operation->name)}, {"input", json::parse(text).value()}};
}

json::Value answer(const aws::wire::Wire& wire, const aws::ServiceModel& model, const json::Value& line) {
  const aws::Operation* operation = model.find(text_of(line, "operation"));
  aws::Value output = operation->make_output();
  if (operation->output) {
    const auto read =
        codec::read_json(*operation->output, output.data(), json::write(*line.find("output")), codec::JsonStyle{});
    if (!read) return json::Value::Object{{"code", "test"}, {"message", read.error().message()}};
  }
  return told(wire.answer({model.protocols.front(), operation, {}}, output, "request-1"));
}

json::Value refuse(const aws::wire::Wire& wire, const aws::ServiceModel& model, const json::Value& line) {
  const aws::ApiError error(text_of(line, "code"), static_cast<int>(*line.find("status")->integer()),
                            text_of(line, "message"));
  return told(wire.refuse(model.protocols.front(), error, "request-1"));
}

}  // namespace

int main() {
  for (std::string text; std::getline(std::cin, text);) {
    const auto line = json::parse(text);
    if (!line) {
      std::cerr << line.error().message() << '\n';
      return 1;
    }
    const aws::ServiceModel& model = *models().at(text_of(*line, "service"));
    const aws::wire::Wire wire(model);
    const std::string what = text_of(*line, "do");
    const json::Value reply = what == "parse"    ? parse(wire, *line)
                              : what == "answer" ? answer(wire, model, *line)
                                                 : refuse(wire, model, *line);
    std::cout << json::write(reply) << std::endl;
  }
}
