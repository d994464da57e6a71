// Errors, and the envelopes of answers, in each protocol's form.
#pragma once

#include <string_view>

#include "aws/error.h"
#include "aws/service.h"
#include "http/message.h"

namespace boreal::aws::wire {

// `model` may be null, when it is not known which service is meant.
http::Response write_error(const ServiceModel* model, Protocol protocol, const ApiError& error,
                           std::string_view request_id);

// Query, EC2, JSON and CBOR; REST answers are write_rest's.
http::Response write_rpc(const ServiceModel& model, Protocol protocol, const Operation& operation, const Value& output,
                         std::string_view request_id);

// The headers that carry the request id.
void add_request_id(Protocol protocol, std::string_view request_id, http::Response& response);

}  // namespace boreal::aws::wire
