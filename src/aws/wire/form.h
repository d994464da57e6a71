// The query protocols' requests: a form whose names are paths, "Tags.member.1.Key".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/service.h"
#include "base/result.h"
#include "codec/percent.h"
#include "http/message.h"

namespace boreal::aws::wire {

// The pairs of the URL's query string and of the body.
Result<std::vector<codec::NamedValue>> read_form(const http::Request& request, std::string_view body);
// The first value of that name in them, without reading the rest: who asks may not be known yet.
Result<std::optional<std::string>> find_in_form(const http::Request& request, std::string_view body,
                                                std::string_view name);

// EC2 alone refuses what it does not know, at any depth: the first such name, as "Colour" of "Filter.1.Colour".
std::optional<std::string> unknown_parameter(const codec::Shape& shape, const std::vector<codec::NamedValue>& pairs);

// Fills a structure of `shape`. `protocol` is query or ec2: they name members and lists in different ways.
// Bounded by the count of pairs: nothing is made that no pair asks for.
Result<void> read_form_shape(Protocol protocol, const codec::Shape& shape, void* value,
                             std::vector<codec::NamedValue> pairs, std::vector<std::string>* missing);

}  // namespace boreal::aws::wire
