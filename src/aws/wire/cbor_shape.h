// Shaped values as CBOR, for rpcv2Cbor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/shape.h"

namespace boreal::aws::wire {

void write_cbor(const codec::Shape& shape, const void* value, std::string& out);
// As codec::read_json.
Result<void> read_cbor(const codec::Shape& shape, void* value, std::string_view data,
                       std::vector<std::string>* missing);

}  // namespace boreal::aws::wire
