// What the parsers of all protocols share: how broken input is answered, and the checks against the model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/service.h"
#include "base/result.h"

namespace boreal::aws::wire {

// Input that cannot be read at all, in the protocol's own words: SerializationException, MalformedInput, MalformedXML.
ApiError malformed(Protocol protocol, std::string_view why);

// What a parsed input breaks: `missing` are the places of required members that did not come, found while reading;
// lengths, ranges and enums are looked at here. Patterns are not (services check their names themselves).
Outcome<void> validate(const ServiceModel& model, Protocol protocol, const codec::Shape& shape, const void* value,
                       const std::vector<std::string>& missing);

}  // namespace boreal::aws::wire
