// REST-JSON and REST-XML: members in the path, the query, headers and the body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/wire/wire.h"
#include "http/message.h"

namespace boreal::aws::wire {

// Fills the route's input. Errors: the protocol's malformed input.
Outcome<void> read_rest(const Route& route, void* input, http::Request& request, std::string_view body,
                        std::vector<std::string>* missing);
// The same without its body.
Outcome<void> read_rest_head(const Route& route, void* input, http::Request& request,
                             std::vector<std::string>* missing);

// `output` may be moved from: streams go into the response.
http::Response write_rest(const ServiceModel& model, const Route& route, const Value& output);

}  // namespace boreal::aws::wire
