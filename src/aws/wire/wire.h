// AWS's protocols, each one walker over the tables of the models: requests to generated structs, structs and
// errors to answers. Sources: the Smithy specifications of awsQuery, ec2Query, awsJson1_0/1_1, restJson1, restXml and
// rpcv2Cbor (smithy.io/2.0/aws/protocols), and what botocore sends and reads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/error.h"
#include "aws/service.h"
#include "http/message.h"

namespace boreal::aws::wire {

class Router;

// What a request asks for.
struct Route {
  Protocol protocol = Protocol::query;
  const Operation* operation = nullptr;  // may be one that is not served: the caller answers 501 by name
  // Of REST: what stood in the path, decoded: {"Bucket", "b"}, {"Key", "a/b c"}. The names are the table's wire names.
  std::vector<std::pair<std::string_view, std::string>> labels;

  // The body is data for the handler (S3's PutObject, UploadPart): not to be read before.
  bool streams_body() const;
};

// Speaks all protocols of one service. Immutable; any thread.
class Wire {
 public:
  explicit Wire(const ServiceModel& model);  // the model outlives it
  ~Wire();
  Wire(Wire&&) noexcept;

  const ServiceModel& model() const { return model_; }

  // By the headers alone. A service that speaks none of what the headers say: its first protocol.
  Protocol detect(const http::Request& request) const;
  // Query and EC2 name the operation in the body; for the other protocols `body` is not looked at and may be empty.
  static bool routes_by_body(Protocol protocol) { return protocol == Protocol::query || protocol == Protocol::ec2; }
  // Errors: InvalidAction, MissingAction, UnknownOperationException, MethodNotAllowed, as the protocol has them.
  Outcome<Route> route(Protocol protocol, const http::Request& request, std::string_view body) const;

  // The operation's input, checked against the model: required members, ranges, lengths, enums. When
  // route.streams_body(), `body` is empty and the request's Source moves into the input.
  Outcome<Value> parse(const Route& route, http::Request& request, std::string_view body) const;
  // What of it stands in path, query and headers; REST only. The members of the body are as if they had not been sent.
  Outcome<Value> parse_head(const Route& route, http::Request& request) const;

  // Both carry the request id in the protocol's headers and, where it has one, in the body.
  http::Response answer(const Route& route, const Value& output, std::string_view request_id) const;
  http::Response refuse(Protocol protocol, const ApiError& error, std::string_view request_id) const;

 private:
  const ServiceModel& model_;
  std::unique_ptr<Router> router_;  // null when no protocol is REST
};

// An error before it is known which service is meant.
http::Response refuse(Protocol protocol, const ApiError& error, std::string_view request_id);

}  // namespace boreal::aws::wire
